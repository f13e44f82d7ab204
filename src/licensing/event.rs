//! What the agent tells an operator, with the severities and mnemonics of `%LICENSE-SMART_LIC`.

use std::fmt;

use jiff::{SignedDuration, Timestamp};

/// One message for the log.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Event {
    /// The agent is initialised.
    AgentReady,
    /// Smart Licensing is on.
    AgentEnabled,
    /// Smart Licensing is off.
    AgentDisabled,
    /// Whether export-controlled features may be used.
    ExportControlled {
        /// They may.
        allowed: bool,
    },
    /// Registered.
    RegistrationSucceeded {
        /// `PID:NCS1004,SN:…`
        udi: String,
    },
    /// Not registered.
    RegistrationFailed {
        /// Why, in words.
        reason: String,
    },
    /// The server was told, and the registration is gone.
    DeregistrationSucceeded,
    /// The server could not be told or did not agree; the registration is gone all the same.
    DeregistrationFailed {
        /// Why, in words.
        reason: String,
    },
    /// Counts were reported and answered.
    AuthorizationRenewed {
        /// `authorized`, `out-of-compliance`, …
        state: &'static str,
        /// Whose.
        udi: String,
    },
    /// Counts were not reported, or not answered well.
    AuthorizationRenewalFailed {
        /// Why, in words.
        reason: String,
        /// Whose.
        udi: String,
    },
    /// No authorization exchange has succeeded for 90 days.
    AuthorizationExpired,
    /// The server cannot be reached.
    CommunicationFailed {
        /// Why, in words.
        reason: String,
    },
    /// It can again.
    CommunicationRestored,
    /// The account uses more than it holds.
    OutOfCompliance,
    /// It holds enough again.
    InCompliance,
    /// More in use than bought, within the terms of the contract.
    InOverage,
    /// The server does not know a tag.
    InvalidTag {
        /// Which one.
        short_tag: String,
    },
    /// The identity certificate is new.
    IdentityRenewed,
    /// It is not.
    IdentityRenewalFailed {
        /// Why, in words.
        reason: String,
    },
    /// It ran out.
    IdentityExpired,
    /// A message of the server did not pass its checks.
    CertificateValidation {
        /// Which check, and what was found.
        reason: String,
    },
    /// The evaluation period began to run.
    EvaluationStarted,
    /// It is used up.
    EvaluationExpired,
    /// It will be, in a while; said at 60, 30, 21, 14 and 7 days, then daily, on the last day hourly.
    EvaluationWillExpire {
        /// What is left of it.
        left: SignedDuration,
    },
    /// It is used up and licences are in use; said every hour.
    EvaluationOver {
        /// Since when.
        at: Timestamp,
    },
    /// The identity certificate was not renewed and will run out, and the registration with it.
    IdentityWillExpire {
        /// When, counted from now.
        left: SignedDuration,
    },
    /// The clock shows a time before the identity certificate begins.
    IdentityNotStarted,
    /// Wall time has jumped.
    ClockChanged,
    /// Wall time has left the validity of the identity certificate by a jump; an hour later the registration ends.
    RegistrationExpiredByClock,
    /// The platform sees licensing in another state.
    PlatformStateChanged {
        /// Before: `UNREGISTERED`.
        from: &'static str,
        /// Now: `REGISTERED`.
        to: &'static str,
    },
    /// A request code was made.
    ReservationRequested {
        /// Whose.
        udi: String,
    },
    /// A requested reservation was given up before it was installed.
    ReservationCancelled {
        /// Whose.
        udi: String,
    },
    /// An authorization code was installed.
    ReservationInstalled {
        /// Whose.
        udi: String,
        /// It permits everything.
        universal: bool,
    },
    /// An authorization code was refused.
    ReservationRefused {
        /// Which check it failed.
        reason: String,
    },
    /// A reservation was given back.
    ReservationReturned {
        /// Whose.
        udi: String,
    },
    /// The term of reserved licences is over.
    ReservationTermOver {
        /// Of which.
        short_tag: String,
    },
    /// More in use than was reserved.
    NotAuthorized {
        /// Of which, as the full entitlement tag.
        tag: String,
    },
    /// The trust record is older than the one that was written last: a backup was restored, or the server has heard
    /// of later requests than this device remembers.
    TrustRecordOlder {
        /// How that was seen.
        detail: String,
    },
    /// The trust record was another chassis's.
    ChassisChanged {
        /// Whose it was.
        from: String,
        /// Who this is.
        to: String,
        /// This chassis has been here before and goes on with its own record.
        known: bool,
    },
    /// The server gave an interval that ends after what has to be renewed.
    IntervalShortened {
        /// Of which exchange.
        what: &'static str,
        /// The server's interval.
        asked: SignedDuration,
        /// What is kept instead.
        kept: SignedDuration,
    },
    /// A collection found other counts than the commits and the hardware had told of.
    CountsCorrected {
        /// Which, from what to what.
        difference: String,
    },
}

impl Event {
    /// Who says it: the smart agent, or the platform that it runs on.
    pub fn facility(&self) -> &'static str {
        match self {
            Event::PlatformStateChanged { .. } => "LICENSE-PLAT_CLIENT",
            _ => "LICENSE-SMART_LIC",
        }
    }

    /// Severity as syslog counts: 3 error, 4 warning, 5 notice, 6 informational.
    pub fn severity(&self) -> u8 {
        match self {
            Event::RegistrationFailed { .. }
            | Event::DeregistrationFailed { .. }
            | Event::AuthorizationRenewalFailed { .. }
            | Event::AuthorizationExpired
            | Event::CommunicationFailed { .. }
            | Event::OutOfCompliance
            | Event::InvalidTag { .. }
            | Event::IdentityRenewalFailed { .. }
            | Event::IdentityExpired
            | Event::CertificateValidation { .. }
            | Event::EvaluationExpired
            | Event::EvaluationWillExpire { .. }
            | Event::EvaluationOver { .. }
            | Event::IdentityWillExpire { .. }
            | Event::IdentityNotStarted
            | Event::RegistrationExpiredByClock
            | Event::ReservationRefused { .. }
            | Event::NotAuthorized { .. } => 3,
            Event::InOverage
            | Event::CountsCorrected { .. }
            | Event::IntervalShortened { .. }
            | Event::ReservationTermOver { .. }
            | Event::TrustRecordOlder { .. }
            | Event::ChassisChanged { .. } => 4,
            Event::CommunicationRestored
            | Event::InCompliance
            | Event::EvaluationStarted
            | Event::ClockChanged => 5,
            Event::AgentReady
            | Event::AgentEnabled
            | Event::AgentDisabled
            | Event::ExportControlled { .. }
            | Event::RegistrationSucceeded { .. }
            | Event::DeregistrationSucceeded
            | Event::AuthorizationRenewed { .. }
            | Event::IdentityRenewed
            | Event::PlatformStateChanged { .. }
            | Event::ReservationRequested { .. }
            | Event::ReservationCancelled { .. }
            | Event::ReservationInstalled { .. }
            | Event::ReservationReturned { .. } => 6,
        }
    }

    /// The mnemonic: `AGENT_REG_SUCCESS`.
    pub fn mnemonic(&self) -> &'static str {
        match self {
            Event::AgentReady => "AGENT_READY",
            Event::AgentEnabled => "AGENT_ENABLED",
            Event::AgentDisabled => "AGENT_DISABLED",
            Event::ExportControlled { .. } => "EXPORT_CONTROLLED",
            Event::RegistrationSucceeded { .. } => "AGENT_REG_SUCCESS",
            Event::RegistrationFailed { .. } => "AGENT_REG_FAILED",
            Event::DeregistrationSucceeded => "AGENT_DEREG_SUCCESS",
            Event::DeregistrationFailed { .. } => "AGENT_DEREG_FAILED",
            Event::AuthorizationRenewed { .. } => "AUTH_RENEW_SUCCESS",
            Event::AuthorizationRenewalFailed { .. } => "AUTH_RENEW_FAILED",
            Event::AuthorizationExpired => "ENTITLEMENT_RENEW_FAILED",
            Event::CommunicationFailed { .. } => "COMM_FAILED",
            Event::CommunicationRestored => "COMM_RESTORED",
            Event::OutOfCompliance => "OUT_OF_COMPLIANCE",
            Event::InCompliance => "IN_COMPLIANCE",
            Event::InOverage => "IN_OVERAGE",
            Event::InvalidTag { .. } => "INVALID_TAG",
            Event::IdentityRenewed => "ID_CERT_RENEW_SUCCESS",
            Event::IdentityRenewalFailed { .. } => "ID_CERT_RENEW_FAILED",
            Event::IdentityExpired => "ID_CERT_EXPIRED",
            Event::CertificateValidation { .. } => "CERTIFICATE_VALIDATION",
            Event::EvaluationStarted => "EVAL_START",
            Event::EvaluationExpired => "EVAL_EXPIRED",
            Event::EvaluationWillExpire { .. } => "EVAL_WILL_EXPIRE_WARNING",
            Event::EvaluationOver { .. } => "EVAL_EXPIRED_WARNING",
            Event::IdentityWillExpire { .. } => "ID_CERT_EXPIRED_WARNING",
            Event::IdentityNotStarted => "ID_CERT_RENEW_NOT_STARTED",
            Event::ClockChanged => "SYSTEM_CLOCK_CHANGED",
            Event::RegistrationExpiredByClock => "REG_EXPIRED_CLOCK_CHANGE",
            Event::PlatformStateChanged { .. } => "STATE_CHANGE",
            Event::ReservationRequested { .. } => "RESERVATION_REQUESTED",
            Event::ReservationCancelled { .. } => "RESERVATION_CANCELLED",
            Event::ReservationInstalled { .. } => "RESERVED_INSTALLED",
            Event::ReservationRefused { .. } => "RESERVATION_INSTALL_FAILED",
            Event::ReservationReturned { .. } => "RESERVATION_RETURNED",
            Event::ReservationTermOver { .. } => "RESERVATION_TERM_OVER",
            Event::NotAuthorized { .. } => "NOT_AUTHORIZED",
            Event::TrustRecordOlder { .. } => "TRUST_RECORD_OLDER",
            Event::ChassisChanged { .. } => "CHASSIS_CHANGED",
            Event::IntervalShortened { .. } => "INTERVAL_SHORTENED",
            Event::CountsCorrected { .. } => "COUNTS_CORRECTED",
        }
    }
}

impl fmt::Display for Event {
    /// The text behind the mnemonic.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SERVER: &str = "Cisco Smart Software Manager";
        match self {
            Event::AgentReady => f.write_str("Smart Agent for Licensing is initialized"),
            Event::AgentEnabled => f.write_str("Smart Agent for Licensing is enabled"),
            Event::AgentDisabled => f.write_str("Smart Agent for Licensing is disabled"),
            Event::ExportControlled { allowed: true } => {
                f.write_str("Usage of export controlled features is allowed")
            }
            Event::ExportControlled { allowed: false } => {
                f.write_str("Usage of export controlled features is not allowed")
            }
            Event::RegistrationSucceeded { udi } => write!(
                f,
                "Smart Agent for Licensing Registration with the {SERVER} or satellite for udi {udi}"
            ),
            Event::RegistrationFailed { reason } => write!(
                f,
                "Smart Agent for Licensing Registration with the {SERVER} (CSSM) failed: {reason}"
            ),
            Event::DeregistrationSucceeded => write!(
                f,
                "Smart Agent for Licensing De-registration with the {SERVER} or satellite was successful"
            ),
            Event::DeregistrationFailed { reason } => write!(
                f,
                "Smart Agent for Licensing DeRegistration with {SERVER} (CSSM) failed: {reason}"
            ),
            Event::AuthorizationRenewed { state, udi } => write!(
                f,
                "Authorization renewal with the {SERVER} or satellite. State={state} for udi {udi}"
            ),
            Event::AuthorizationRenewalFailed { reason, udi } => {
                write!(f, "Authorization renewal with the {SERVER} (CSSM) : {reason} for udi {udi}")
            }
            Event::AuthorizationExpired => {
                f.write_str("Entitlement authorization with Cisco licensing cloud failed: it has expired")
            }
            Event::CommunicationFailed { reason } => {
                write!(f, "Communications failure with the {SERVER} (CSSM) : {reason}")
            }
            Event::CommunicationRestored => f.write_str("Communications with Cisco licensing cloud restored"),
            Event::OutOfCompliance => f.write_str("One or more entitlements are out of compliance"),
            Event::InCompliance => f.write_str("All entitlements and licenses in use are authorized"),
            Event::InOverage => f.write_str("One or more entitlements are in overage"),
            Event::InvalidTag { short_tag } => write!(f, "The entitlement tag is invalid: {short_tag}"),
            Event::IdentityRenewed => f.write_str("Identity certificate renewal successful"),
            Event::IdentityRenewalFailed { reason } => {
                write!(f, "Identity certificate renewal failed: {reason}")
            }
            Event::IdentityExpired => f.write_str(
                "Identity certificate expired. Agent will transition to the unidentified (not registered) state",
            ),
            Event::CertificateValidation { reason } => {
                write!(f, "Certificate validation failed by smart agent: {reason}")
            }
            Event::EvaluationStarted => f.write_str("Entering evaluation period"),
            Event::EvaluationExpired => f.write_str("Evaluation period expired"),
            Event::EvaluationWillExpire { left } => {
                write!(f, "Evaluation period will expire in {}", Spelled(*left))
            }
            Event::EvaluationOver { at } => {
                write!(f, "Evaluation period expired on {}", at.strftime("%b %d %Y %H:%M:%S UTC"))
            }
            Event::IdentityWillExpire { left } => {
                write!(f, "This device's registration will expire in {}", Spelled(*left))
            }
            Event::IdentityNotStarted => f.write_str("Identity certificate start date not reached yet"),
            Event::ClockChanged => f.write_str("Smart Agent for Licensing System clock has been changed"),
            Event::RegistrationExpiredByClock => f.write_str(
                "Smart Agent for Licensing registration has expired because the system time was changed to outside the \
                 validity period of the identity certificate. The agent will transition to the un-registered state in 60 \
                 minutes",
            ),
            Event::PlatformStateChanged { from, to } => {
                write!(f, "Licensing platform state changing from {from} to {to}")
            }
            Event::ReservationRequested { udi } => {
                write!(f, "License reservation requested for udi {udi}")
            }
            Event::ReservationCancelled { udi } => {
                write!(f, "License reservation request cancelled for udi {udi}")
            }
            Event::ReservationInstalled { udi, universal } => {
                let kind = if *universal { "Universal" } else { "Specific" };
                write!(f, "{kind} License Reservation Authorization code installed for udi {udi}")
            }
            Event::ReservationRefused { reason } => {
                write!(f, "License Reservation Authorization code was not installed: {reason}")
            }
            Event::ReservationReturned { udi } => {
                write!(f, "License reservation returned for udi {udi}")
            }
            Event::ReservationTermOver { short_tag } => {
                write!(f, "The term of reserved licenses is over: {short_tag}")
            }
            Event::NotAuthorized { tag } => write!(
                f,
                "The entitlement {tag} in Not Authorized to be used. Reason: License not present in SLR auth code"
            ),
            Event::TrustRecordOlder { detail } => {
                write!(f, "The licensing trust record is an older copy: {detail}")
            }
            Event::ChassisChanged { from, to, known } => {
                let goes_on = match known {
                    true => "goes on with its own record",
                    false => "starts unregistered",
                };
                write!(
                    f,
                    "The licensing trust record belongs to the chassis {from} and this is {to}: it was put aside, and \
                     this chassis {goes_on}"
                )
            }
            Event::IntervalShortened { what, asked, kept } => write!(
                f,
                "The server's interval for {what} of {} is longer than what it renews lasts; it is done in {}",
                Spelled(*asked),
                Spelled(*kept)
            ),
            Event::CountsCorrected { difference } => {
                write!(f, "Collection found licence counts that nobody had told of: {difference}")
            }
        }
    }
}

/// A period as licence commands spell it: `46 days, 7 hours, 17 minutes, 24 seconds`.
pub struct Spelled(pub SignedDuration);

impl fmt::Display for Spelled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs().max(0);
        let (days, hours) = (seconds / 86_400, seconds / 3_600 % 24);
        let (minutes, seconds) = (seconds / 60 % 60, seconds % 60);
        write!(
            f,
            "{days} days, {hours} hours, {minutes} minutes, {seconds} seconds"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_messages_of_the_chapter_are_worded_as_there() {
        let event = Event::AuthorizationRenewalFailed {
            reason: "Error received from Smart Software Manager: Data and signature do not match".to_owned(),
            udi: "PID:NCS1004,SN:FOX2202WIVM".to_owned(),
        };
        assert_eq!((event.severity(), event.mnemonic()), (3, "AUTH_RENEW_FAILED"));
        assert_eq!(
            event.to_string(),
            "Authorization renewal with the Cisco Smart Software Manager (CSSM) : Error received from Smart Software \
             Manager: Data and signature do not match for udi PID:NCS1004,SN:FOX2202WIVM"
        );
        let event = Event::DeregistrationFailed {
            reason: "Agent received a failure status in a response message. Please check the Agent log file for the \
                     detailed message."
                .to_owned(),
        };
        assert_eq!((event.severity(), event.mnemonic()), (3, "AGENT_DEREG_FAILED"));
        assert_eq!(event.facility(), "LICENSE-SMART_LIC");
        assert!(event.to_string().starts_with(
            "Smart Agent for Licensing DeRegistration with Cisco Smart Software Manager (CSSM) failed: Agent received"
        ));
    }
    #[test]
    fn warnings_spell_what_is_left() {
        let left = SignedDuration::from_secs(46 * 86_400 + 7 * 3_600 + 17 * 60 + 24);
        let event = Event::EvaluationWillExpire { left };
        assert_eq!(
            (event.severity(), event.mnemonic()),
            (3, "EVAL_WILL_EXPIRE_WARNING")
        );
        assert_eq!(
            event.to_string(),
            "Evaluation period will expire in 46 days, 7 hours, 17 minutes, 24 seconds"
        );
    }

    #[test]
    fn a_tag_that_is_not_reserved_is_told_in_the_products_words() {
        let tag = "regid.2018-05.com.cisco.S-NCS1K4-LIC-100G=,1.0_03df009f".to_owned();
        assert_eq!(
            Event::NotAuthorized { tag }.to_string(),
            "The entitlement regid.2018-05.com.cisco.S-NCS1K4-LIC-100G=,1.0_03df009f in Not Authorized to be used. \
             Reason: License not present in SLR auth code"
        );
    }
}
