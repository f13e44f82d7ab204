//! The other positions of the agent's readings; the adopted ones are everywhere else.

use crate::licensing::agent_settings::{
    AgentSettings, AuthorizationExpiry, ChangedCounts, FailedRenewal, RegisterAnswer,
};
use crate::licensing::catalogue::Entitlement;
use crate::licensing::return_code::ReturnCode;
use crate::licensing::simulation::lab::{Lab, days, hours, punctual, seconds};
use crate::licensing::simulation::server::Mood;
use crate::licensing::state::{ExchangeKind, LicenceStatus, RegistrationState};

#[test]
fn read_strictly_a_failed_renewal_makes_the_device_unidentified_at_once() {
    let mut lab = Lab::with(AgentSettings {
        failed_renewal: FailedRenewal::Unidentified,
        urgent_retry: days(1),
        ..punctual()
    });
    lab.register();
    lab.run(seconds(5));
    lab.server.instances.clear();
    lab.run(days(181));
    assert_eq!(lab.status(), LicenceStatus::Unidentified);
}

#[test]
fn read_otherwise_a_changed_count_waits_for_its_collection_or_its_report() {
    for (changed_counts, wait) in [
        (ChangedCounts::AtCollection, hours(1)),
        (ChangedCounts::AtReporting, hours(24)),
    ] {
        let mut lab = Lab::with(AgentSettings {
            changed_counts,
            ..punctual()
        });
        lab.register();
        lab.run(seconds(10));
        lab.use_licences(&[(Entitlement::Client100G, 1)]);
        let before = lab.heard(ExchangeKind::Authorization);
        lab.run(wait - seconds(11));
        assert_eq!(
            lab.heard(ExchangeKind::Authorization),
            before,
            "{changed_counts:?}"
        );
        lab.run(seconds(5));
        assert_eq!(lab.heard(ExchangeKind::Authorization), before + 1);
        assert_eq!(lab.agent.state().reports[0].last, 1);
    }
}

#[test]
fn read_by_table_2_an_authorization_expires_ninety_days_after_the_missed_renewal() {
    let mut lab = Lab::with(AgentSettings {
        authorization_expiry: AuthorizationExpiry::AfterMissedRenewal,
        ..punctual()
    });
    lab.use_licences(&[(Entitlement::Client100G, 1)]);
    lab.register();
    lab.run(seconds(10));
    lab.server.mood = Mood::Unreachable;
    lab.run(days(120) - seconds(60));
    assert_eq!(lab.status(), LicenceStatus::Authorized);
    lab.run(seconds(60));
    assert_eq!(lab.status(), LicenceStatus::AuthorizationExpired);
}

#[test]
fn read_quickly_a_registration_that_could_not_reach_the_server_is_tried_after_a_quarter_of_an_hour() {
    let mut lab = Lab::with(AgentSettings {
        registration_retry: seconds(900),
        ..punctual()
    });
    lab.server.mood = Mood::Unreachable;
    lab.register();
    lab.run(seconds(1));
    let RegistrationState::Retry { retry_at, .. } = lab.agent.state().registration else {
        panic!()
    };
    assert_eq!(retry_at, lab.now + seconds(900));
    lab.run(seconds(900));
    assert_eq!(lab.heard(ExchangeKind::Registration), 2);
}

#[test]
fn an_accepted_registration_can_be_answered_as_the_other_model_has_it() {
    let mut lab = Lab::with(AgentSettings {
        register_answer: RegisterAnswer::InProgress,
        ..punctual()
    });
    let code = lab.register();
    assert_eq!(code, ReturnCode::RegistrationBegun);
    assert_eq!(
        (code.operation_status(), code.yang_name()),
        ("success", "registrationinprogress")
    );
    let refused = lab.register();
    assert_eq!(
        (refused.operation_status(), refused.yang_name()),
        ("failed", "registrationinprogress")
    );
}
