//! What a licence command answers at once, as `error-enum` of `Cisco-IOS-XR-smart-license-act` names it.

/// The codes that this agent gives; XR knows 175.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ReturnCode {
    /// Accepted; the work goes on in the background.
    Success,
    /// The command does not exist in this mode.
    NotSupported,
    /// Smart Licensing is off.
    NotEnabled,
    /// No active profile.
    CommDisabled,
    /// Registered already, and not forced.
    AlreadyRegistered,
    /// Nothing to renew or to give up.
    NotRegistered,
    /// A registration is under way, or waits for its retry and was not forced.
    RegistrationInProgress,
    /// An authorization exchange is under way.
    AuthRenewInProgress,
    /// A renewal of the identity certificate is under way.
    IdCertRenewInProgress,
    /// The trust record cannot be written, so nothing was begun that would depend on it.
    StorageFailed,
    /// No key could be made for the certificate request.
    CsrGenerationFailed,
    /// Another command is being carried out.
    MessageInProgress,
    /// What is configured leads to no licence server that this agent talks to.
    TransportConfig,
    /// An active profile or the smart transport names no destination.
    NoUrl,
    /// Nothing was given, or the file that was named is not there.
    NullPointer,
    /// The registration was begun; as the model of another product line answers it (`AgentSettings::register_answer`).
    RegistrationBegun,
    /// Licences are reserved, so there is nothing to exchange with a server.
    Reserved,
    /// No reservation was requested.
    NoReservationInProgress,
    /// No authorization code is installed.
    NoAuthorizationInstalled,
    /// The authorization code is for another device or another request.
    ReservationMismatch,
    /// Reservation is not configured.
    NotReservationMode,
    /// An authorization code is installed, and this one does not replace it.
    ReservationAlreadyInstalled,
    /// The authorization code cannot be read, or does not pass its checks.
    ReservationInstallParseFail,
    /// The authorization code was installed or given back before.
    PreviouslyInstalled,
    /// Call home is not in service.
    CallHomeServiceOff,
    /// The active profile does not report licensing data.
    TransportNotAvailable,
    /// The active profile has no transport method that carries licensing data.
    TransportType,
}

impl ReturnCode {
    /// The name in `return-code`.
    pub fn yang_name(self) -> &'static str {
        match self {
            ReturnCode::Success => "success",
            ReturnCode::NotSupported => "notsupported",
            ReturnCode::NotEnabled => "notenabled",
            ReturnCode::CommDisabled => "commdisabled",
            ReturnCode::AlreadyRegistered => "alreadyregistered",
            ReturnCode::NotRegistered => "notregistered",
            ReturnCode::RegistrationInProgress => "registrationinprogress",
            ReturnCode::AuthRenewInProgress => "authrenewinprogress",
            ReturnCode::IdCertRenewInProgress => "idcertrenewinprogress",
            ReturnCode::StorageFailed => "storagefailtostore",
            ReturnCode::CsrGenerationFailed => "csrgenerationfailed",
            ReturnCode::MessageInProgress => "msgexecinprogress",
            ReturnCode::TransportConfig => "transportconfig",
            ReturnCode::NoUrl => "NoURL",
            ReturnCode::NullPointer => "nullpointer",
            ReturnCode::RegistrationBegun => "registrationinprogress",
            ReturnCode::Reserved => "reserved",
            ReturnCode::NoReservationInProgress => "noreservationinprogress",
            ReturnCode::NoAuthorizationInstalled => "noauthorizationinstalled",
            ReturnCode::ReservationMismatch => "reservationmismatch",
            ReturnCode::NotReservationMode => "notreservationmode",
            ReturnCode::ReservationAlreadyInstalled => "reservationalreadyinstalled",
            ReturnCode::ReservationInstallParseFail => "reservationinstallparsefail",
            ReturnCode::PreviouslyInstalled => "PreviouslyInstalled",
            ReturnCode::CallHomeServiceOff => "callhomeserviceoff",
            ReturnCode::TransportNotAvailable => "transportnotavailable",
            ReturnCode::TransportType => "transporttype",
        }
    }

    /// The name in `operation-status`.
    pub fn operation_status(self) -> &'static str {
        match self {
            ReturnCode::Success | ReturnCode::RegistrationBegun => "success",
            ReturnCode::NotSupported
            | ReturnCode::NotEnabled
            | ReturnCode::CommDisabled
            | ReturnCode::AlreadyRegistered
            | ReturnCode::NotRegistered
            | ReturnCode::RegistrationInProgress
            | ReturnCode::AuthRenewInProgress
            | ReturnCode::IdCertRenewInProgress
            | ReturnCode::StorageFailed
            | ReturnCode::CsrGenerationFailed
            | ReturnCode::MessageInProgress
            | ReturnCode::TransportConfig
            | ReturnCode::NoUrl
            | ReturnCode::NullPointer
            | ReturnCode::Reserved
            | ReturnCode::NoReservationInProgress
            | ReturnCode::NoAuthorizationInstalled
            | ReturnCode::ReservationMismatch
            | ReturnCode::NotReservationMode
            | ReturnCode::ReservationAlreadyInstalled
            | ReturnCode::ReservationInstallParseFail
            | ReturnCode::PreviouslyInstalled
            | ReturnCode::CallHomeServiceOff
            | ReturnCode::TransportNotAvailable
            | ReturnCode::TransportType => "failed",
        }
    }
}
