//! What can be wrong with an exchange: each fault with its name, whether waiting helps, and the product's code for it.

use std::fmt;

use crate::licensing::configuration::TransportProblem;

/// Why the last exchange failed, one word for each thing that an operator mends in a different way.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Fault {
    /// Call home is switched off as a whole.
    ServiceOff,
    /// No profile of call home is active.
    NoActiveProfile,
    /// The active profile does not report licensing data.
    ReportingOff,
    /// The active profile has no transport method http.
    NoTransportMethod,
    /// The way has no destination.
    NoDestination,
    /// The destination is no http or https URL that may be used.
    BadDestination,
    /// The destination belongs to a vendor whose service speaks another protocol.
    NeverContacted,
    /// No licensing root is set, so no answer could be believed.
    NoLicensingRoot,
    /// Nobody who was asked knows the server's name.
    NameNotResolved,
    /// The server, or the proxy, takes no connection.
    NoConnection,
    /// It took the request and did not answer in time.
    NoAnswer,
    /// It answered something that is no licensing message.
    BadAnswer,
    /// Its TLS certificate is not from the CA file, not for this name or not valid now.
    CertificateRefused,
    /// Its TLS certificate was revoked.
    CertificateRevoked,
    /// Its TLS certificate names no CRL distribution point, and `crl optional` is not set.
    CrlMissing,
    /// The CRL cannot be fetched or is not good, and `crl optional` is not set.
    CrlUnavailable,
    /// The trust record could not be written, so nothing was sent.
    NotWritten,
    /// The request could not be made.
    Unspeakable,
    /// The answer did not pass a check.
    AnswerUntrusted,
    /// The server has heard later requests of this device than the trust record remembers.
    RecordOlder,
    /// The server asks to be asked again.
    TryAgain,
    /// The server said no.
    Refused,
}

impl Fault {
    /// Every fault.
    pub const ALL: [Fault; 22] = [
        Fault::ServiceOff,
        Fault::NoActiveProfile,
        Fault::ReportingOff,
        Fault::NoTransportMethod,
        Fault::NoDestination,
        Fault::BadDestination,
        Fault::NeverContacted,
        Fault::NoLicensingRoot,
        Fault::NameNotResolved,
        Fault::NoConnection,
        Fault::NoAnswer,
        Fault::BadAnswer,
        Fault::CertificateRefused,
        Fault::CertificateRevoked,
        Fault::CrlMissing,
        Fault::CrlUnavailable,
        Fault::NotWritten,
        Fault::Unspeakable,
        Fault::AnswerUntrusted,
        Fault::RecordOlder,
        Fault::TryAgain,
        Fault::Refused,
    ];

    /// The name in `ponder-licence-state`.
    pub fn yang_name(self) -> &'static str {
        match self {
            Fault::ServiceOff => "service-off",
            Fault::NoActiveProfile => "no-active-profile",
            Fault::ReportingOff => "reporting-off",
            Fault::NoTransportMethod => "no-transport-method",
            Fault::NoDestination => "no-destination",
            Fault::BadDestination => "bad-destination",
            Fault::NeverContacted => "never-contacted",
            Fault::NoLicensingRoot => "no-licensing-root",
            Fault::NameNotResolved => "name-not-resolved",
            Fault::NoConnection => "no-connection",
            Fault::NoAnswer => "no-answer",
            Fault::BadAnswer => "bad-answer",
            Fault::CertificateRefused => "certificate-refused",
            Fault::CertificateRevoked => "certificate-revoked",
            Fault::CrlMissing => "crl-missing",
            Fault::CrlUnavailable => "crl-unavailable",
            Fault::NotWritten => "not-written",
            Fault::Unspeakable => "unspeakable",
            Fault::AnswerUntrusted => "answer-untrusted",
            Fault::RecordOlder => "record-older",
            Fault::TryAgain => "try-again",
            Fault::Refused => "refused",
        }
    }

    /// The name in `error-enum` of `Cisco-IOS-XR-smart-license-act` that comes nearest.
    pub fn error_name(self) -> &'static str {
        match self {
            Fault::ServiceOff => "callhomeserviceoff",
            Fault::NoActiveProfile => "commdisabled",
            Fault::ReportingOff => "transportnotavailable",
            Fault::NoTransportMethod => "transporttype",
            Fault::NoDestination => "NoURL",
            Fault::BadDestination | Fault::NeverContacted => "transportconfig",
            Fault::NoLicensingRoot => "cryptorootcaimportfailed",
            Fault::NameNotResolved => "fqdn",
            Fault::NoConnection => "commsend",
            Fault::NoAnswer => "commresponse",
            Fault::BadAnswer => "invalidresponse",
            Fault::CertificateRefused => "certificatemismatch",
            Fault::CertificateRevoked => "certinvalid",
            Fault::CrlMissing | Fault::CrlUnavailable => "couldnotvalidatetrustchain",
            Fault::NotWritten => "storagefailtostore",
            Fault::Unspeakable => "msgbuild",
            Fault::AnswerUntrusted => "verifysignaturefailed",
            Fault::RecordOlder => "matchnonce",
            Fault::TryAgain => "ErrorOkTryAgain",
            Fault::Refused => "responsefailed",
        }
    }

    /// Asking again later, with nothing mended on this device, may help. A registration then waits for its retry
    /// instead of failing.
    pub fn may_pass(self) -> bool {
        match self {
            Fault::ServiceOff
            | Fault::NoActiveProfile
            | Fault::ReportingOff
            | Fault::NoTransportMethod
            | Fault::NoDestination
            | Fault::NameNotResolved
            | Fault::NoConnection
            | Fault::NoAnswer
            | Fault::BadAnswer
            | Fault::CrlUnavailable
            | Fault::NotWritten
            | Fault::TryAgain => true,
            Fault::BadDestination
            | Fault::NeverContacted
            | Fault::NoLicensingRoot
            | Fault::CertificateRefused
            | Fault::CertificateRevoked
            | Fault::CrlMissing
            | Fault::Unspeakable
            | Fault::AnswerUntrusted
            | Fault::RecordOlder
            | Fault::Refused => false,
        }
    }
}

impl From<&TransportProblem> for Fault {
    fn from(problem: &TransportProblem) -> Fault {
        match problem {
            TransportProblem::ServiceOff => Fault::ServiceOff,
            TransportProblem::NoActiveProfile { .. } => Fault::NoActiveProfile,
            TransportProblem::ReportingOff { .. } => Fault::ReportingOff,
            TransportProblem::NoTransportMethod { .. } => Fault::NoTransportMethod,
            TransportProblem::NoDestination { .. } => Fault::NoDestination,
            TransportProblem::BadUrl { .. } => Fault::BadDestination,
            TransportProblem::NeverContacted { .. } => Fault::NeverContacted,
        }
    }
}

/// A request that could not be brought to a server, or its answer back.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DeliveryFailure {
    /// What went wrong.
    pub fault: Fault,
    /// The same in words, one line, without secrets.
    pub reason: String,
}

impl fmt::Display for DeliveryFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)
    }
}

impl std::error::Error for DeliveryFailure {}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_fault_has_a_name_of_its_own() {
        let names: BTreeSet<&str> = Fault::ALL.map(Fault::yang_name).into();
        assert_eq!(names.len(), Fault::ALL.len());
    }
}
