//! Reporting counts, over-consumption, silence, and answers that fail a check.

use crate::licensing::agent::Command;
use crate::licensing::catalogue::Entitlement;
use crate::licensing::diagram::Stage;
use crate::licensing::return_code::ReturnCode;
use crate::licensing::simulation::lab::{Lab, days, hours, seconds, using, vendor};
use crate::licensing::simulation::server::Mood;
use crate::licensing::state::{
    AuthorizationState, Enforcement, ExchangeKind, LicenceStatus, RegistrationState,
};
use crate::licensing::trust::Standing;

#[test]
fn it_registers_and_authorizes_with_the_periods_of_the_chapter() {
    let mut lab = Lab::new();
    assert_eq!(lab.status(), LicenceStatus::Unidentified);
    lab.use_licences(&[(Entitlement::Client100G, 8)]);
    lab.run(seconds(10));
    assert_eq!(lab.register(), ReturnCode::Success);
    let registered_at = lab.now + seconds(1);
    lab.run(seconds(1));
    assert_eq!(lab.status(), LicenceStatus::Registered);
    assert_eq!(lab.agent.state().usage[0].enforcement, Enforcement::Waiting);
    lab.run(seconds(1));
    assert_eq!(lab.status(), LicenceStatus::Authorized);

    let state = lab.agent.state();
    let RegistrationState::Complete {
        completed_at,
        renew_at,
        expires_at,
        smart_account,
        ..
    } = state.registration
    else {
        panic!("{:?}", state.registration);
    };
    assert_eq!(completed_at, registered_at);
    assert_eq!(
        renew_at,
        registered_at + days(180) - seconds(1),
        "counted from the request"
    );
    assert_eq!(
        expires_at,
        registered_at - seconds(1) + days(365),
        "counted by the server"
    );
    assert_eq!(smart_account, "BU Production Test");
    let AuthorizationState::Registered {
        next_exchange,
        deadline,
        ..
    } = state.authorization
    else {
        panic!("{:?}", state.authorization);
    };
    assert_eq!(next_exchange, lab.now + days(30) - seconds(1));
    assert_eq!(deadline, lab.now - seconds(1) + days(90));
    assert_eq!(state.usage[0].enforcement, Enforcement::InCompliance);
    assert_eq!((state.reports[0].last, state.reports[0].next), (8, 8));
    assert!(state.export_control_allowed);
}

#[test]
fn a_device_that_uses_nothing_is_registered_and_reports_all_the_same() {
    let mut lab = Lab::registered(&[]);
    assert_eq!(lab.status(), LicenceStatus::Registered);
    assert_eq!(lab.standing(), Standing::Idle);
    lab.run(days(31));
    assert_eq!(lab.heard(ExchangeKind::Authorization), 2);
}

#[test]
fn a_changed_count_is_reported_once_after_its_hold_down() {
    let mut lab = Lab::registered(&[(Entitlement::Client100G, 1)]);
    let before = lab.heard(ExchangeKind::Authorization);
    for count in 2..=4 {
        lab.use_licences(&[(Entitlement::Client100G, count)]);
        lab.run(seconds(1));
    }
    assert_eq!(lab.heard(ExchangeKind::Authorization), before);
    lab.run(seconds(5));
    assert_eq!(lab.heard(ExchangeKind::Authorization), before + 1);
    assert_eq!(lab.agent.state().reports[0].last, 4);
    lab.use_licences(&[(Entitlement::Client100G, 9)]);
    lab.run(seconds(2));
    lab.use_licences(&[(Entitlement::Client100G, 4)]);
    lab.run(hours(30));
    assert_eq!(
        lab.heard(ExchangeKind::Authorization),
        before + 1,
        "a change taken back is not told"
    );
}

#[test]
fn over_consumption_shows_and_goes_when_licences_are_added() {
    let mut lab = Lab::registered(&[(Entitlement::Client100G, 18), (Entitlement::LongHaul, 2)]);
    assert_eq!(lab.status(), LicenceStatus::OutOfCompliance);
    let usage = lab.agent.state().usage;
    assert_eq!(usage[0].enforcement, Enforcement::OutOfCompliance);
    assert_eq!(usage[1].enforcement, Enforcement::InCompliance);
    let Standing::OutOfCompliance { since } = lab.standing() else {
        panic!("{:?}", lab.standing());
    };
    lab.run(days(31));
    assert_eq!(
        lab.standing(),
        Standing::OutOfCompliance { since },
        "its beginning stays"
    );
    assert_eq!(lab.logged("OUT_OF_COMPLIANCE").len(), 1);
    lab.server.pool.insert(Entitlement::Client100G, 18);
    assert_eq!(lab.command(Command::RenewAuthorization), ReturnCode::Success);
    assert_eq!(
        lab.command(Command::RenewAuthorization),
        ReturnCode::AuthRenewInProgress
    );
    lab.run(seconds(2));
    assert_eq!(lab.status(), LicenceStatus::Authorized);
    assert_eq!(lab.logged("IN_COMPLIANCE").len(), 1);
}

#[test]
fn after_ninety_silent_days_the_authorization_expires_and_is_tried_every_hour() {
    let mut lab = Lab::registered(&[(Entitlement::Client100G, 1)]);
    let AuthorizationState::Registered { deadline, .. } = lab.agent.state().authorization else {
        panic!()
    };
    lab.server.mood = Mood::Unreachable;
    lab.run(deadline.duration_since(lab.now) - seconds(1));
    assert_eq!(lab.status(), LicenceStatus::Authorized);
    lab.run(seconds(1));
    assert_eq!(lab.status(), LicenceStatus::AuthorizationExpired);
    assert_eq!(
        lab.agent.state().usage[0].enforcement,
        Enforcement::AuthorizationExpired
    );
    let before = lab.heard(ExchangeKind::Authorization);
    // The first attempt came with the expiry; each takes its second.
    lab.run(hours(10));
    assert_eq!(lab.heard(ExchangeKind::Authorization), before + 9);
    lab.server.mood = Mood::Helpful;
    lab.command(Command::RenewAuthorization);
    lab.run(seconds(2));
    assert_eq!(
        lab.status(),
        LicenceStatus::Authorized,
        "a success begins a new period"
    );
    assert_eq!(lab.logged("COMM_FAILED").len(), 1);
    assert_eq!(lab.logged("COMM_RESTORED").len(), 1);
}

#[test]
fn answers_that_fail_a_check_change_nothing_and_say_which_check() {
    for (mood, words) in [
        (Mood::Forging, "data and signature do not match"),
        (Mood::Replaying, "the answer's nonce is not that of the request"),
    ] {
        let mut lab = Lab::registered(&[(Entitlement::Client100G, 18)]);
        lab.server.pool.insert(Entitlement::Client100G, 100);
        lab.server.mood = mood;
        lab.command(Command::RenewAuthorization);
        lab.run(seconds(2));
        assert_eq!(lab.status(), LicenceStatus::OutOfCompliance, "{mood:?}");
        let reason = lab.last_text("CERTIFICATE_VALIDATION");
        assert!(reason.ends_with(words), "{reason}");

        let mut lab = Lab::new();
        lab.server.mood = mood;
        lab.register();
        lab.run(seconds(2));
        assert_eq!(lab.stage(), Stage::Failed);
        let error = lab.agent.state().exchange.last_error.unwrap();
        assert!(error.ends_with(words), "{error}");
    }
}

#[test]
fn a_count_that_failed_to_be_told_is_told_within_the_hour_or_when_the_way_is_mended() {
    let mut lab = Lab::registered(&[(Entitlement::Client100G, 1)]);
    lab.server.mood = Mood::Unreachable;
    lab.use_licences(&[(Entitlement::Client100G, 2)]);
    lab.run(hours(1));
    lab.server.mood = Mood::Helpful;
    lab.run(seconds(10));
    assert_eq!(lab.agent.state().reports[0].last, 2);

    lab.configure(vendor());
    lab.use_licences(&[(Entitlement::Client100G, 3)]);
    lab.run(seconds(10));
    let mended = Lab::new().configuration;
    lab.configure(mended);
    lab.run(seconds(10));
    assert_eq!(lab.agent.state().reports[0].last, 3);
}

#[test]
fn a_collection_finds_what_nobody_told_and_reports_it() {
    let mut lab = Lab::registered(&[(Entitlement::Client100G, 1)]);
    lab.collected = Some(using(&[(Entitlement::Client100G, 3)]));
    lab.run(hours(1) + seconds(10));
    assert!(
        lab.last_text("COUNTS_CORRECTED")
            .ends_with("S-NCS1K4-LIC-100G= from 1 to 3")
    );
    assert_eq!(lab.agent.state().reports[0].last, 3);
    let state = lab.agent.state();
    assert_eq!(
        state.collection.next.duration_since(state.collection.last),
        hours(1)
    );
    assert_eq!(
        state.reporting.next.duration_since(state.reporting.last),
        hours(24)
    );
}

#[test]
fn a_server_whose_intervals_nobody_could_keep_is_asked_in_time_and_the_log_says_so() {
    let mut lab = Lab::new();
    lab.server.next_contact = days(120);
    lab.server.renew_interval = days(400);
    let mut lab = lab.after_registration(&[(Entitlement::Client100G, 1)]);
    assert_eq!(lab.logged("INTERVAL_SHORTENED").len(), 2);
    assert_eq!(
        lab.last_text("INTERVAL_SHORTENED"),
        "The server's interval for authorization renewal of 120 days, 0 hours, 0 minutes, 0 seconds is longer than what \
         it renews lasts; it is done in 44 days, 23 hours, 59 minutes, 59 seconds"
    );
    lab.run(days(380));
    assert!(lab.logged("ENTITLEMENT_RENEW_FAILED").is_empty());
    assert!(lab.logged("ID_CERT_EXPIRED").is_empty());
    assert_eq!(lab.status(), LicenceStatus::Authorized);
    assert_eq!(lab.heard(ExchangeKind::IdentityRenewal), 2);
    assert_eq!(lab.heard(ExchangeKind::Authorization), 9);
}
