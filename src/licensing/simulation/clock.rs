//! Clocks that are set forward and back, machines that sleep and are switched off.

use jiff::SignedDuration;

use crate::licensing::catalogue::Entitlement;
use crate::licensing::diagram::Stage;
use crate::licensing::simulation::lab::{Lab, days, hours, seconds};
use crate::licensing::simulation::server::Mood;
use crate::licensing::state::{ExchangeKind, LicenceStatus, RegistrationState};

const COUNTS: [(Entitlement, u32); 1] = [(Entitlement::Client100G, 1)];

/// What remains of every period, which no clock may change.
fn remaining(lab: &Lab) -> Vec<SignedDuration> {
    let (next, deadline) = lab.authorization_times();
    let state = lab.agent.state();
    let RegistrationState::Complete { renew_at, .. } = state.registration else {
        panic!("{:?}", state.registration);
    };
    let moments = [
        next,
        deadline,
        renew_at,
        state.collection.next,
        state.reporting.next,
    ];
    moments.map(|moment| moment.duration_since(lab.now)).into()
}

#[test]
fn a_clock_that_is_set_within_the_certificate_changes_nothing_but_dates() {
    for step in [hours(1), hours(-1), hours(-20), days(100), days(150)] {
        let mut lab = Lab::registered(&COUNTS);
        lab.run(days(10));
        let (before, heard) = (remaining(&lab), lab.server.heard.len());
        lab.set_clock(step);
        assert_eq!(remaining(&lab), before, "{step}");
        assert_eq!(lab.logged("SYSTEM_CLOCK_CHANGED").len(), 1);
        assert_eq!(lab.status(), LicenceStatus::Authorized);
        lab.run(days(20) - seconds(20));
        assert_eq!(lab.server.heard.len(), heard, "{step}: nothing comes early");
        lab.run(seconds(30));
        assert_eq!(lab.server.heard.len(), heard + 1, "{step}: nor late");
        assert_eq!(lab.stage(), Stage::Complete);
        assert!(lab.logged("REG_EXPIRED_CLOCK_CHANGE").is_empty());
    }
}

#[test]
fn a_renewal_never_moves_behind_the_end_of_its_certificate() {
    let mut lab = Lab::registered(&COUNTS);
    lab.set_clock(days(300));
    let RegistrationState::Complete {
        renew_at, expires_at, ..
    } = lab.agent.state().registration
    else {
        panic!()
    };
    assert_eq!(renew_at, expires_at - days(7));
    lab.run(days(64));
    assert_eq!(lab.heard(ExchangeKind::IdentityRenewal), 1);
    assert!(lab.logged("ID_CERT_EXPIRED").is_empty());
}

#[test]
fn a_clock_outside_the_certificate_is_given_an_hour_to_come_back() {
    for (step, early) in [(days(400), false), (days(-400), true)] {
        let mut lab = Lab::registered(&COUNTS);
        let before = remaining(&lab);
        lab.set_clock(step);
        assert_eq!(lab.logged("REG_EXPIRED_CLOCK_CHANGE").len(), 1, "{step}");
        assert_eq!(
            lab.logged("ID_CERT_RENEW_NOT_STARTED").len(),
            usize::from(early),
            "{step}"
        );
        assert_eq!(lab.stage(), Stage::Complete);
        lab.run(seconds(59 * 60));
        assert_eq!(lab.stage(), Stage::Complete);
        lab.set_clock(-step);
        lab.run(seconds(1));
        let passed = seconds(59 * 60 + 1);
        let after: Vec<_> = remaining(&lab).into_iter().map(|left| left + passed).collect();
        assert_eq!(after, before, "{step}: as if nothing had been");
        lab.run(days(30));
        assert_eq!(lab.status(), LicenceStatus::Authorized);

        lab.set_clock(step);
        lab.run(seconds(3_599));
        assert_eq!(lab.stage(), Stage::Complete);
        lab.run(seconds(1));
        assert_eq!(lab.stage(), Stage::NotRegistered, "{step}: the hour is over");
        assert_eq!(lab.logged("ID_CERT_EXPIRED").len(), 1);
    }
}

#[test]
fn while_the_clock_is_outside_the_certificate_nothing_is_sent() {
    let mut lab = Lab::registered(&COUNTS);
    lab.run(days(29) + hours(23) + seconds(1800));
    let heard = lab.server.heard.len();
    lab.set_clock(days(400));
    lab.run(seconds(3_000));
    assert_eq!(
        lab.server.heard.len(),
        heard,
        "the authorization that is due waits"
    );
    lab.set_clock(days(-400));
    lab.run(seconds(2));
    assert_eq!(lab.server.heard.len(), heard + 1);
}

#[test]
fn a_retry_and_the_evaluation_period_run_by_steady_time() {
    for step in [hours(30), hours(-30), days(4_000), days(-4_000)] {
        let mut lab = Lab::new();
        lab.use_licences(&COUNTS);
        lab.server.mood = Mood::Unreachable;
        lab.register();
        lab.run(hours(10));
        let left = lab.agent.state().evaluation.left(lab.now);
        lab.set_clock(step);
        assert_eq!(lab.agent.state().evaluation.left(lab.now), left, "{step}");
        lab.run(hours(14));
        assert_eq!(lab.heard(ExchangeKind::Registration), 1, "{step}");
        lab.run(seconds(1));
        assert_eq!(lab.heard(ExchangeKind::Registration), 2, "{step}");
        assert_eq!(
            lab.agent.state().evaluation.left(lab.now),
            days(90) - days(1) - seconds(1),
            "{step}"
        );
    }
}

#[test]
fn an_answer_is_waited_for_as_long_whatever_the_clock_shows() {
    let mut lab = Lab::new();
    lab.server.delay = seconds(50);
    lab.register();
    lab.run(seconds(10));
    lab.set_clock(hours(-5));
    lab.run(seconds(39));
    assert_eq!(lab.stage(), Stage::InProgress);
    lab.run(seconds(1));
    assert_eq!(lab.stage(), Stage::Complete);
}

#[test]
fn what_came_due_while_the_machine_slept_is_done_when_it_wakes() {
    let mut lab = Lab::registered(&COUNTS);
    lab.sleep(days(40));
    assert!(
        lab.logged("SYSTEM_CLOCK_CHANGED").is_empty(),
        "time has passed, nobody set a clock"
    );
    lab.run(seconds(2));
    assert_eq!(lab.heard(ExchangeKind::Authorization), 2);
    lab.sleep(days(100));
    assert_eq!(lab.status(), LicenceStatus::AuthorizationExpired);
    lab.run(seconds(2));
    assert_eq!(lab.status(), LicenceStatus::Authorized);
    lab.sleep(days(370));
    assert_eq!(
        lab.stage(),
        Stage::NotRegistered,
        "the certificate ended in its sleep"
    );
    assert_eq!(lab.logged("ID_CERT_EXPIRED").len(), 1);
}

#[test]
fn a_clock_that_was_set_back_while_the_device_was_off_takes_nothing_and_gives_nothing() {
    let mut lab = Lab::registered(&COUNTS);
    // The record is noted with every collection: nobody knows of what comes after the last one.
    lab.run(days(10) - seconds(10));
    let before = remaining(&lab);
    // The battery of its clock is empty: it starts years ago, and a time server corrects it.
    let step = days(-3_000);
    lab.now += step;
    lab.restart();
    assert_eq!(lab.logged("SYSTEM_CLOCK_CHANGED").len(), 1);
    assert_eq!(lab.logged("REG_EXPIRED_CLOCK_CHANGE").len(), 1);
    assert_eq!(remaining(&lab)[..3], before[..3]);
    lab.run(seconds(60));
    lab.set_clock(-step);
    lab.run(seconds(1));
    assert_eq!(lab.stage(), Stage::Complete);
    assert_eq!(lab.status(), LicenceStatus::Authorized);
    let left: Vec<_> = remaining(&lab)
        .into_iter()
        .map(|left| left + seconds(61))
        .collect();
    assert_eq!(left[..3], before[..3]);
    lab.run(days(21));
    assert_eq!(lab.heard(ExchangeKind::Authorization), 2);
}

#[test]
fn after_a_start_a_certificate_that_seems_over_has_its_hour_as_the_clock_may_be_wrong() {
    let mut lab = Lab::registered(&COUNTS);
    lab.now += days(366);
    lab.restart();
    assert_eq!(lab.stage(), Stage::Complete);
    assert_eq!(lab.logged("REG_EXPIRED_CLOCK_CHANGE").len(), 1);
    lab.run(seconds(1_800));
    lab.restart();
    lab.run(seconds(1_799));
    assert_eq!(
        lab.stage(),
        Stage::Complete,
        "a restart does not begin the hour anew"
    );
    lab.run(seconds(1));
    assert_eq!(lab.stage(), Stage::NotRegistered);
}
