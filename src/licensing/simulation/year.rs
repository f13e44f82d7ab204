//! A year and more: every exchange at its second, servers that are away or misbehave, a fleet that is spread.

use std::collections::BTreeSet;

use jiff::SignedDuration;

use crate::licensing::agent_settings::AgentSettings;
use crate::licensing::catalogue::Entitlement;
use crate::licensing::return_code::ReturnCode;
use crate::licensing::simulation::lab::{Lab, days, hours, punctual, registration, seconds, using};
use crate::licensing::simulation::server::{Mood, TOKEN};
use crate::licensing::state::{Enforcement, ExchangeKind, LicenceStatus, RegistrationState};

const COUNTS: [(Entitlement, u32); 1] = [(Entitlement::LongHaul, 2)];

#[test]
fn a_quiet_year_takes_an_authorization_every_month_and_two_renewals_each_at_its_second() {
    let mut lab = Lab::unhurried().after_registration(&COUNTS);
    lab.run(days(400));
    let registered = lab.heard_at(ExchangeKind::Registration);
    assert_eq!(registered.len(), 1);
    // The registration takes a second, and the first authorization follows it.
    let first = registered[0] + seconds(1);
    let months: Vec<_> = (0..14).map(|month| first + days(30 * month)).collect();
    assert_eq!(lab.heard_at(ExchangeKind::Authorization), months);
    let renewals: Vec<_> = (1..=2).map(|half| registered[0] + days(180 * half)).collect();
    assert_eq!(lab.heard_at(ExchangeKind::IdentityRenewal), renewals);
    assert_eq!(lab.status(), LicenceStatus::Authorized);
    assert_eq!(lab.logged("ID_CERT_RENEW_SUCCESS").len(), 2);
    for silent in [
        "COMM_FAILED",
        "ID_CERT_EXPIRED_WARNING",
        "COUNTS_CORRECTED",
        "SYSTEM_CLOCK_CHANGED",
    ] {
        assert!(lab.logged(silent).is_empty(), "{silent}");
    }
}

/// A server that is away for so many days after the registration, and what comes of it.
fn away(period: SignedDuration) -> Lab {
    let mut lab = Lab::new().after_registration(&COUNTS);
    lab.server.mood = Mood::Unreachable;
    lab.run(period);
    lab
}

#[test]
fn a_server_that_is_away_for_29_days_is_not_missed() {
    let mut lab = away(days(29));
    assert_eq!(lab.heard(ExchangeKind::Authorization), 1);
    lab.server.mood = Mood::Helpful;
    lab.run(days(2));
    assert_eq!(lab.heard(ExchangeKind::Authorization), 2);
    assert!(lab.logged("COMM_FAILED").is_empty());
    assert_eq!(lab.status(), LicenceStatus::Authorized);
}

#[test]
fn a_server_that_is_away_for_31_days_is_asked_daily_and_nothing_else_changes() {
    let mut lab = away(days(31));
    assert_eq!(lab.status(), LicenceStatus::Authorized);
    assert_eq!(lab.agent.state().usage[0].enforcement, Enforcement::InCompliance);
    assert_eq!(lab.logged("COMM_FAILED").len(), 1);
    let first = lab.heard_at(ExchangeKind::Authorization)[1];
    lab.server.mood = Mood::Helpful;
    lab.run(days(1));
    let asked = &lab.heard_at(ExchangeKind::Authorization)[1..];
    let daily = [0, 1, 2].map(|day| first + (seconds(1) + days(1)) * day);
    assert_eq!(asked, daily, "a day after each failure");
    assert_eq!(lab.logged("COMM_RESTORED").len(), 1);
    lab.run(days(28));
    assert_eq!(
        lab.heard(ExchangeKind::Authorization),
        4,
        "the next period began with the success"
    );
}

#[test]
fn a_server_that_is_away_for_89_days_comes_back_in_time() {
    let mut lab = away(days(89));
    assert_eq!(lab.status(), LicenceStatus::Authorized);
    assert_eq!(
        lab.logged("AUTH_RENEW_FAILED").len(),
        59,
        "daily from the thirtieth day on"
    );
    lab.server.mood = Mood::Helpful;
    lab.run(days(2));
    assert_eq!(lab.status(), LicenceStatus::Authorized);
    assert!(lab.logged("ENTITLEMENT_RENEW_FAILED").is_empty());
}

#[test]
fn a_server_that_is_away_for_91_days_lets_the_authorization_expire_and_revives_it() {
    let mut lab = away(days(91));
    assert_eq!(lab.status(), LicenceStatus::AuthorizationExpired);
    assert_eq!(
        lab.agent.state().usage[0].enforcement,
        Enforcement::AuthorizationExpired
    );
    let expired = lab.logged("ENTITLEMENT_RENEW_FAILED");
    assert_eq!(expired.len(), 1);
    let hourly = lab.heard_at(ExchangeKind::Authorization);
    let hourly: Vec<_> = hourly.into_iter().filter(|at| *at >= expired[0]).collect();
    assert!(hourly.len() >= 23, "{}", hourly.len());
    for pair in hourly.windows(2) {
        assert_eq!(
            pair[1].duration_since(pair[0]),
            hours(1) + seconds(1),
            "an hour after each failure"
        );
    }
    lab.server.mood = Mood::Helpful;
    lab.run(hours(1) + seconds(1));
    assert_eq!(lab.status(), LicenceStatus::Authorized);
    let (next, deadline) = lab.authorization_times();
    assert!(
        next > lab.now + days(29) && deadline > lab.now + days(89),
        "a new period begins"
    );
}

#[test]
fn whatever_a_server_does_instead_of_answering_well_the_authorization_holds_and_is_tried_again() {
    for mood in Mood::ALL.into_iter().filter(|mood| *mood != Mood::Helpful) {
        let mut lab = Lab::unhurried().after_registration(&COUNTS);
        let (next, deadline) = lab.authorization_times();
        lab.server.mood = mood;
        lab.run(next.duration_since(lab.now) + seconds(2));
        assert_eq!(lab.heard(ExchangeKind::Authorization), 2, "{mood:?}");
        assert_eq!(lab.status(), LicenceStatus::Authorized, "{mood:?}");
        assert_eq!(lab.logged("AUTH_RENEW_FAILED").len(), 1, "{mood:?}");
        let (again, same) = lab.authorization_times();
        assert_eq!(
            again,
            next + seconds(1) + days(1),
            "{mood:?}: a day after the failure"
        );
        assert_eq!(same, deadline, "{mood:?}");
        lab.server.mood = Mood::Helpful;
        lab.run(days(1));
        assert_eq!(lab.heard(ExchangeKind::Authorization), 3, "{mood:?}");
        assert_eq!(lab.agent.state().exchange.last_error, None, "{mood:?}");
    }
}

#[test]
fn a_registration_is_tried_again_only_where_waiting_helps() {
    for mood in Mood::ALL {
        let mut lab = Lab::new();
        lab.server.mood = mood;
        lab.register();
        lab.run(seconds(2));
        let state = lab.agent.state().registration;
        let expected = match mood {
            Mood::Helpful => matches!(state, RegistrationState::Complete { .. }),
            Mood::Unreachable | Mood::Busy => matches!(state, RegistrationState::Retry { .. }),
            Mood::Refusing | Mood::Older | Mood::Forging | Mood::Replaying | Mood::Newer | Mood::Babbling => {
                matches!(state, RegistrationState::Failed { .. })
            }
        };
        assert!(expected, "{mood:?}: {state:?}");
        lab.server.mood = Mood::Helpful;
        let code = lab.command(registration(TOKEN, true));
        assert_eq!(
            code,
            ReturnCode::Success,
            "{mood:?}: by force it is tried at once"
        );
        lab.run(seconds(5));
        // Nothing is in use.
        assert_eq!(lab.status(), LicenceStatus::Registered, "{mood:?}");
    }
}

#[test]
fn an_answer_that_comes_after_it_was_given_up_is_not_taken() {
    let mut lab = Lab::new().after_registration(&COUNTS);
    let (next, _) = lab.authorization_times();
    lab.server.delay = seconds(90);
    lab.run(next.duration_since(lab.now) + seconds(61));
    assert_eq!(
        lab.agent.state().exchange.last_error.as_deref(),
        Some("no answer within 60 seconds")
    );
    let sequence = lab.agent.state().exchange.sequence;
    lab.run(seconds(60));
    assert_eq!(lab.agent.state().exchange.sequence, sequence);
    assert!(
        lab.agent.state().exchange.last_error.is_some(),
        "the late answer changed nothing"
    );
    lab.server.delay = seconds(59);
    lab.run(days(1) + seconds(60));
    assert_eq!(lab.agent.state().exchange.last_error, None, "slow, and in time");
}

#[test]
fn over_the_whole_year_of_a_silent_server_the_states_follow_each_other_to_the_end() {
    let mut lab = Lab::unhurried().after_registration(&COUNTS);
    lab.server.mood = Mood::Unreachable;
    let mut seen = Vec::new();
    for _ in 0..370 {
        lab.run(days(1));
        let status = lab.status();
        if seen.last() != Some(&status) {
            seen.push(status);
        }
    }
    assert_eq!(
        seen,
        [
            LicenceStatus::Authorized,
            LicenceStatus::AuthorizationExpired,
            LicenceStatus::Unidentified
        ]
    );
    let warned = lab.logged("ID_CERT_EXPIRED_WARNING").len();
    assert_eq!(warned, 11 + 23, "60, 30, 21, 14, 7 days, daily, hourly");
    assert_eq!(lab.logged("ID_CERT_EXPIRED").len(), 1);
    assert_eq!(lab.agent.state().usage[0].enforcement, Enforcement::Evaluation);
}

#[test]
fn a_fleet_is_spread_and_no_device_is_early_or_more_than_five_minutes_late() {
    let mut lab = Lab::with(AgentSettings {
        collection: days(1),
        ..AgentSettings::default()
    })
    .after_registration(&COUNTS);
    let mut late = BTreeSet::new();
    for _ in 0..24 {
        let before = lab.heard(ExchangeKind::Authorization);
        let (shown, _) = lab.authorization_times();
        lab.run(shown.duration_since(lab.now) - seconds(1));
        assert_eq!(
            lab.heard(ExchangeKind::Authorization),
            before,
            "not before the moment that is shown"
        );
        lab.run(seconds(301));
        let heard = lab.heard_at(ExchangeKind::Authorization);
        assert_eq!(heard.len(), before + 1, "at most five minutes after it");
        late.insert(heard[before].duration_since(shown).as_secs());
        let (next, _) = lab.authorization_times();
        assert_eq!(
            next,
            heard[before] + days(30),
            "counted from the begin of the exchange"
        );
    }
    assert!(late.len() > 12, "it is not always the same: {late:?}");
}

#[test]
fn a_start_waits_for_slow_hardware_before_it_reports() {
    let mut lab = Lab::registered(&[(Entitlement::Client100G, 6)]);
    let before = lab.heard(ExchangeKind::Authorization);
    // The hardware starts anew and shows nothing yet.
    lab.settled = false;
    lab.consumption = using(&[]);
    lab.restart();
    lab.run(seconds(120));
    assert_eq!(
        lab.heard(ExchangeKind::Authorization),
        before,
        "zero is not reported"
    );
    lab.settled = true;
    lab.use_licences(&[(Entitlement::Client100G, 6)]);
    lab.run(seconds(60));
    assert_eq!(
        lab.heard(ExchangeKind::Authorization),
        before,
        "and needs no correction"
    );

    lab.settled = false;
    lab.consumption = using(&[]);
    lab.restart();
    lab.settled = true;
    lab.use_licences(&[(Entitlement::Client100G, 5)]);
    lab.run(seconds(10));
    assert_eq!(
        lab.agent.state().reports[0].last,
        5,
        "what really changed is reported after the hold-down"
    );
}

#[test]
fn hardware_that_never_settles_is_waited_for_five_minutes_and_no_longer() {
    let mut lab = Lab::registered(&[(Entitlement::Client100G, 6)]);
    lab.settled = false;
    lab.consumption = using(&[]);
    lab.restart();
    lab.run(days(0) + seconds(300));
    assert_eq!(lab.agent.state().reports[0].last, 6);
    lab.run(seconds(10));
    assert_eq!(lab.agent.state().reports[0].last, 0);

    // A registration does not wait, its first report does.
    let mut lab = Lab::new();
    lab.settled = false;
    lab.restart();
    lab.register();
    lab.run(seconds(10));
    assert_eq!(lab.heard(ExchangeKind::Registration), 1);
    assert_eq!(lab.heard(ExchangeKind::Authorization), 0);
    lab.run(punctual().settling);
    assert_eq!(lab.heard(ExchangeKind::Authorization), 1);
}
