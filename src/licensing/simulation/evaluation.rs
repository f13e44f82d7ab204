//! The evaluation period and its warnings.

use crate::licensing::agent::Command;
use crate::licensing::catalogue::Entitlement;
use crate::licensing::evaluation::Evaluation;
use crate::licensing::simulation::lab::{Lab, days, hours, seconds};
use crate::licensing::state::{AuthorizationState, Enforcement};

#[test]
fn evaluation_runs_only_while_licences_are_in_use_without_registration() {
    let mut lab = Lab::new();
    lab.run(days(20));
    assert_eq!(lab.agent.state().evaluation.left(lab.now), days(90));
    lab.use_licences(&[(Entitlement::Subsea, 1)]);
    assert_eq!(lab.agent.state().authorization, AuthorizationState::Evaluation);
    lab.run(days(30));
    lab.restart();
    assert_eq!(lab.agent.state().evaluation.left(lab.now), days(60));
    lab.register();
    lab.run(days(100));
    let left = lab.agent.state().evaluation.left(lab.now);
    assert_eq!(
        left,
        days(60) - seconds(1),
        "the second of the registration counts"
    );
    lab.command(Command::Deregister);
    lab.run(days(61));
    assert!(matches!(lab.agent.state().evaluation, Evaluation::Expired { .. }));
    assert_eq!(
        lab.agent.state().usage[0].enforcement,
        Enforcement::EvaluationExpired
    );
    lab.use_licences(&[]);
    assert_eq!(lab.agent.state().authorization, AuthorizationState::None);
    assert_eq!(lab.logged("EVAL_EXPIRED").len(), 1);
}

#[test]
fn its_end_is_warned_of_ever_more_often_and_afterwards_every_hour() {
    let mut lab = Lab::new();
    lab.use_licences(&[(Entitlement::Subsea, 1)]);
    let begin = lab.now;
    lab.run(days(92));
    let warned: Vec<i64> = lab
        .logged("EVAL_WILL_EXPIRE_WARNING")
        .into_iter()
        .map(|at| (begin + days(90)).duration_since(at).as_hours())
        .collect();
    let days_before = [60, 30, 21, 14, 7, 6, 5, 4, 3, 2, 1].map(|day| day * 24);
    let hours_before = (1..24).rev();
    assert_eq!(
        warned,
        days_before.into_iter().chain(hours_before).collect::<Vec<_>>()
    );
    assert_eq!(lab.logged("EVAL_EXPIRED"), [begin + days(90)]);
    let afterwards: Vec<_> = (1..=48).map(|hour| begin + days(90) + hours(hour)).collect();
    assert_eq!(lab.logged("EVAL_EXPIRED_WARNING"), afterwards);
    assert_eq!(
        lab.last_text("EVAL_EXPIRED_WARNING"),
        "Evaluation period expired on Sep 19 2021 12:00:00 UTC"
    );
    lab.use_licences(&[]);
    lab.run(hours(5));
    assert_eq!(
        lab.logged("EVAL_EXPIRED_WARNING").len(),
        48,
        "nothing is in use any more"
    );
}

#[test]
fn a_restart_repeats_no_warning_and_forgets_none() {
    let mut lab = Lab::new();
    lab.use_licences(&[(Entitlement::Subsea, 1)]);
    for _ in 0..35 {
        lab.run(days(1));
        lab.restart();
    }
    assert_eq!(lab.logged("EVAL_WILL_EXPIRE_WARNING").len(), 1);
    lab.sleep(days(40));
    assert_eq!(
        lab.logged("EVAL_WILL_EXPIRE_WARNING").len(),
        2,
        "three thresholds, one warning"
    );
    lab.register();
    lab.run(seconds(5));
    lab.run(days(60));
    assert_eq!(lab.logged("EVAL_WILL_EXPIRE_WARNING").len(), 2);
}
