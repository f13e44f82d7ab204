//! Messages of licensing: the events of the agent and of the platform with the words of the licensing chapter.

use crate::app::syslog::message::{Draft, Process, Severity};
use crate::licensing::event::Event;

/// The smart agent's process.
pub const SMART_AGENT: Process = Process {
    name: "smartlicserver",
    id: 311,
};

/// The platform's licensing process.
pub const PLATFORM_CLIENT: Process = Process {
    name: "plat_sl_client",
    id: 344,
};

/// The message for an event.
pub fn of_event(event: &Event) -> Draft {
    let (category, group) = event
        .facility()
        .split_once('-')
        .unwrap_or(("LICENSE", "SMART_LIC"));
    Draft {
        process: match group {
            "PLAT_CLIENT" => PLATFORM_CLIENT,
            _ => SMART_AGENT,
        },
        category,
        group,
        severity: Severity::from_number(event.severity()),
        name: event.mnemonic(),
        text: text(event),
    }
}

/// These say no more on a real router; why it happened is in the licence trace.
fn text(event: &Event) -> String {
    let short = match event {
        Event::AuthorizationExpired => "Entitlement authorization with Cisco licensing cloud failed",
        Event::IdentityRenewalFailed { .. } => "Identity certificate renewal failed",
        Event::CertificateValidation { .. } => "Certificate validation failed by smart agent",
        Event::InvalidTag { .. } => "The entitlement tag is invalid",
        other => return other.to_string(),
    };
    short.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(draft: Draft) -> String {
        let at = "2021-05-27T09:54:57.783Z".parse().unwrap();
        draft.logged(1, at).to_string()
    }

    #[test]
    fn the_messages_of_the_chapter_are_there_word_by_word() {
        let failed = Event::AuthorizationRenewalFailed {
            reason: "Error received from Smart Software Manager: Data and signature do not match".to_owned(),
            udi: "PID:8812,SN:FOX2202WIVM".to_owned(),
        };
        assert_eq!(
            line(of_event(&failed)),
            "RP/0/RP0/CPU0:May 27 09:54:57.783 UTC: smartlicserver[311]: %LICENSE-SMART_LIC-3-AUTH_RENEW_FAILED : \
             Authorization renewal with the Cisco Smart Software Manager (CSSM) : Error received from Smart Software \
             Manager: Data and signature do not match for udi PID:8812,SN:FOX2202WIVM"
        );
        let failed = Event::DeregistrationFailed {
            reason: "Agent received a failure status in a response message. Please check the Agent log file for the \
                     detailed message."
                .to_owned(),
        };
        assert_eq!(
            line(of_event(&failed)),
            "RP/0/RP0/CPU0:May 27 09:54:57.783 UTC: smartlicserver[311]: %LICENSE-SMART_LIC-3-AGENT_DEREG_FAILED : \
             Smart Agent for Licensing DeRegistration with Cisco Smart Software Manager (CSSM) failed: Agent received a \
             failure status in a response message. Please check the Agent log file for the detailed message."
        );
    }

    #[test]
    fn every_known_message_has_its_severity_mnemonic_and_words() {
        let (udi, reason) = ("PID:NCS1004,SN:CAT1".to_owned(), "no route".to_owned());
        let told = |event: Event| {
            let draft = of_event(&event);
            format!("{}-{} : {}", draft.severity.number(), draft.name, draft.text)
        };
        for (event, expected) in [
            (
                Event::AgentReady,
                "6-AGENT_READY : Smart Agent for Licensing is initialized",
            ),
            (
                Event::AgentEnabled,
                "6-AGENT_ENABLED : Smart Agent for Licensing is enabled",
            ),
            (
                Event::AgentDisabled,
                "6-AGENT_DISABLED : Smart Agent for Licensing is disabled",
            ),
            (
                Event::ExportControlled { allowed: false },
                "6-EXPORT_CONTROLLED : Usage of export controlled features is not allowed",
            ),
            (
                Event::ExportControlled { allowed: true },
                "6-EXPORT_CONTROLLED : Usage of export controlled features is allowed",
            ),
            (
                Event::RegistrationSucceeded { udi: udi.clone() },
                "6-AGENT_REG_SUCCESS : Smart Agent for Licensing Registration with the Cisco Smart Software Manager or \
                 satellite for udi PID:NCS1004,SN:CAT1",
            ),
            (
                Event::RegistrationFailed {
                    reason: reason.clone(),
                },
                "3-AGENT_REG_FAILED : Smart Agent for Licensing Registration with the Cisco Smart Software Manager \
                 (CSSM) failed: no route",
            ),
            (
                Event::AuthorizationRenewed {
                    state: "authorized",
                    udi,
                },
                "6-AUTH_RENEW_SUCCESS : Authorization renewal with the Cisco Smart Software Manager or satellite. \
                 State=authorized for udi PID:NCS1004,SN:CAT1",
            ),
            (
                Event::CommunicationFailed {
                    reason: reason.clone(),
                },
                "3-COMM_FAILED : Communications failure with the Cisco Smart Software Manager (CSSM) : no route",
            ),
            (
                Event::CommunicationRestored,
                "5-COMM_RESTORED : Communications with Cisco licensing cloud restored",
            ),
            (
                Event::OutOfCompliance,
                "3-OUT_OF_COMPLIANCE : One or more entitlements are out of compliance",
            ),
            (
                Event::InOverage,
                "4-IN_OVERAGE : One or more entitlements are in overage",
            ),
            (
                Event::InvalidTag {
                    short_tag: "X".to_owned(),
                },
                "3-INVALID_TAG : The entitlement tag is invalid",
            ),
            (
                Event::IdentityRenewalFailed {
                    reason: reason.clone(),
                },
                "3-ID_CERT_RENEW_FAILED : Identity certificate renewal failed",
            ),
            (
                Event::IdentityExpired,
                "3-ID_CERT_EXPIRED : Identity certificate expired. Agent will transition to the unidentified (not \
                 registered) state",
            ),
            (
                Event::CertificateValidation { reason },
                "3-CERTIFICATE_VALIDATION : Certificate validation failed by smart agent",
            ),
            (
                Event::AuthorizationExpired,
                "3-ENTITLEMENT_RENEW_FAILED : Entitlement authorization with Cisco licensing cloud failed",
            ),
            (
                Event::EvaluationExpired,
                "3-EVAL_EXPIRED : Evaluation period expired",
            ),
        ] {
            assert_eq!(told(event), expected);
        }
    }

    #[test]
    fn the_platform_speaks_for_itself() {
        let event = Event::PlatformStateChanged {
            from: "UNKNOWN",
            to: "UNREGISTERED",
        };
        assert_eq!(
            line(of_event(&event)),
            "RP/0/RP0/CPU0:May 27 09:54:57.783 UTC: plat_sl_client[344]: %LICENSE-PLAT_CLIENT-6-STATE_CHANGE : \
             Licensing platform state changing from UNKNOWN to UNREGISTERED"
        );
    }
}
