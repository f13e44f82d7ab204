//! What the agent tells an operator, with the severities and mnemonics of `%LICENSE-SMART_LIC`.

use std::fmt;

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
    /// A collection found other counts than the commits and the hardware had told of.
    CountsCorrected {
        /// Which, from what to what.
        difference: String,
    },
}

impl Event {
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
            | Event::EvaluationExpired => 3,
            Event::InOverage | Event::CountsCorrected { .. } => 4,
            Event::CommunicationRestored | Event::InCompliance | Event::EvaluationStarted => 5,
            Event::AgentReady
            | Event::AgentEnabled
            | Event::AgentDisabled
            | Event::ExportControlled { .. }
            | Event::RegistrationSucceeded { .. }
            | Event::DeregistrationSucceeded
            | Event::AuthorizationRenewed { .. }
            | Event::IdentityRenewed => 6,
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
            Event::CountsCorrected { difference } => {
                write!(f, "Collection found licence counts that nobody had told of: {difference}")
            }
        }
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
        assert!(event.to_string().starts_with(
            "Smart Agent for Licensing DeRegistration with Cisco Smart Software Manager (CSSM) failed: Agent received"
        ));
    }
}
