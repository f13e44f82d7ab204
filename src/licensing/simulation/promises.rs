//! Whatever happens, in whatever order: the agent keeps its promises, and every arrow that is drawn can be walked.

use proptest::prelude::*;

use crate::licensing::agent::{Command, Occasion, ReservationCommand};
use crate::licensing::agent_settings::AgentSettings;
use crate::licensing::catalogue::Entitlement;
use crate::licensing::configuration::Configuration;
use crate::licensing::diagram::{AUTHORIZATION, EVALUATION, RESERVATION, TRANSITIONS};
use crate::licensing::evaluation::Evaluation;
use crate::licensing::message::reservation::{Coverage, ReservedLicence};
use crate::licensing::simulation::lab::{Lab, days, hours, punctual, registration, seconds, using, vendor};
use crate::licensing::simulation::server::{Mood, TOKEN};
use crate::licensing::state::ReservationStanding;

#[derive(Clone, Debug)]
enum Step {
    Register(bool, bool),
    RenewAuthorization,
    RenewIdentity,
    Deregister,
    Reserve(bool),
    Install(u32, u32),
    ReturnReservation,
    CancelReservation,
    ReturnAuthorization,
    Use(usize, u32),
    Collected(usize, u32),
    Mood(usize),
    ServerIsSlow(i64),
    NextContact(i64),
    Configure(usize),
    RemoveInstance,
    Restart(bool, i64),
    Settled(bool),
    SetClock(i64),
    Sleep(i64),
    Wait(i64),
}

/// Seconds, minutes to a day, and months.
fn any_period() -> impl Strategy<Value = i64> {
    prop_oneof![0..20_i64, 3_000..100_000_i64, 2_000_000..20_000_000_i64]
}

fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (any::<bool>(), any::<bool>()).prop_map(|(good, force)| Step::Register(good, force)),
        1 => Just(Step::RenewAuthorization),
        1 => Just(Step::RenewIdentity),
        1 => Just(Step::Deregister),
        2 => any::<bool>().prop_map(Step::Reserve),
        2 => (1..4_u32, 1..9_u32).prop_map(|(revision, count)| Step::Install(revision, count)),
        1 => Just(Step::ReturnReservation),
        1 => Just(Step::CancelReservation),
        1 => Just(Step::ReturnAuthorization),
        2 => (0..6_usize, 0..20_u32).prop_map(|(entitlement, count)| Step::Use(entitlement, count)),
        1 => (0..6_usize, 0..20_u32).prop_map(|(entitlement, count)| Step::Collected(entitlement, count)),
        2 => (0..Mood::ALL.len()).prop_map(Step::Mood),
        1 => (0..90_i64).prop_map(Step::ServerIsSlow),
        1 => any_period().prop_map(Step::NextContact),
        2 => (0..7_usize).prop_map(Step::Configure),
        1 => Just(Step::RemoveInstance),
        1 => (any::<bool>(), any_period()).prop_map(|(settled, off)| Step::Restart(settled, off)),
        1 => any::<bool>().prop_map(Step::Settled),
        2 => (any::<bool>(), any_period()).prop_map(|(back, by)| Step::SetClock(if back { -by } else { by })),
        1 => any_period().prop_map(Step::Sleep),
        4 => any_period().prop_map(Step::Wait),
    ]
}

/// Takes a step; the Lab itself sees to it that no arrow is walked that is not drawn, that the record is on disk before
/// a request is sent, that no two exchanges are in flight, and that no deadline lies in the past.
fn take(lab: &mut Lab, step: Step, good: &Configuration) {
    match step {
        Step::Register(good, force) => {
            lab.command(registration(if good { TOKEN } else { "another" }, force));
        }
        Step::RenewAuthorization => {
            lab.command(Command::RenewAuthorization);
        }
        Step::RenewIdentity => {
            lab.command(Command::RenewIdentity);
        }
        Step::Deregister => {
            lab.command(Command::Deregister);
        }
        Step::Reserve(universal) => {
            let coverage = if universal {
                Coverage::Universal
            } else {
                Coverage::Specific
            };
            lab.reservation(ReservationCommand::Request(coverage));
        }
        Step::Install(revision, count) => {
            let code = authorization_code(lab, revision, count);
            lab.reservation(ReservationCommand::Install { code });
        }
        Step::ReturnReservation => {
            lab.reservation(ReservationCommand::Return);
        }
        Step::CancelReservation => {
            lab.reservation(ReservationCommand::Cancel);
        }
        Step::ReturnAuthorization => {
            let code = authorization_code(lab, 1, 1);
            lab.reservation(ReservationCommand::ReturnAuthorization { code });
        }
        Step::Use(entitlement, count) => lab.use_licences(&[(Entitlement::ALL[entitlement], count)]),
        Step::Collected(entitlement, count) => {
            lab.collected = Some(using(&[(Entitlement::ALL[entitlement], count)]));
        }
        Step::Mood(mood) => lab.server.mood = Mood::ALL[mood],
        Step::ServerIsSlow(delay) => lab.server.delay = seconds(delay),
        // Sooner would only make the run longer: an exchange takes its time to sign.
        Step::NextContact(interval) => lab.server.next_contact = seconds(interval.max(20_000)),
        Step::Configure(0) => lab.configure(Configuration::default()),
        Step::Configure(1) => lab.configure(vendor()),
        Step::Configure(2) => lab.configure(Configuration {
            enabled: false,
            ..good.clone()
        }),
        Step::Configure(3) => lab.configure(Configuration {
            reservation: true,
            ..good.clone()
        }),
        Step::Configure(4) => lab.way_changed(),
        Step::Configure(_) => lab.configure(good.clone()),
        Step::RemoveInstance => lab.server.instances.clear(),
        Step::Restart(settled, off) => {
            lab.settled = settled;
            lab.now += seconds(off);
            lab.restart();
        }
        Step::Settled(settled) => {
            lab.settled = settled;
            lab.count(Occasion::Change);
        }
        Step::SetClock(by) => lab.set_clock(seconds(by)),
        Step::Sleep(period) => lab.sleep(seconds(period)),
        Step::Wait(period) => lab.run(seconds(period)),
    }
}

/// A code for the request that is open, or nonsense.
fn authorization_code(lab: &Lab, revision: u32, count: u32) -> String {
    let request_code = match &lab.agent.state().reservation.standing {
        ReservationStanding::InProgress { request_code, .. } => request_code.clone(),
        ReservationStanding::NotInstalled | ReservationStanding::Installed { .. } => {
            return "nonsense".to_owned();
        }
    };
    let licences = vec![ReservedLicence {
        entitlement: Entitlement::LongHaul,
        count,
        start: None,
        end: Some(lab.now + days(40)),
    }];
    let mut authorization = lab.server.authorization(&request_code, licences);
    authorization.revision = revision;
    lab.server.sign(&authorization)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn whatever_happens_the_agent_keeps_its_promises(steps in proptest::collection::vec(any_step(), 1..25)) {
        let mut lab = Lab::with(AgentSettings {
            collection: days(1),
            urgent_retry: hours(20),
            ..AgentSettings::default()
        });
        let good = lab.configuration.clone();
        for step in steps {
            take(&mut lab, step, &good);
            // What is shown and what is on disk agree, and the agent after a crash would show the same stage.
            let state = lab.agent.state();
            let disk = lab.disk.as_ref().unwrap();
            prop_assert_eq!(state.status, disk.status);
            prop_assert_eq!(state.exchange.sequence, disk.sequence);
            let known = disk.registration.registered().is_some()
                || matches!(state.reservation.standing, ReservationStanding::Installed { .. });
            let runs = matches!(disk.evaluation, Evaluation::Running { .. });
            prop_assert!(!(known && runs), "evaluation runs beside {:?}", state.registration);
            // The counts are those of the consumption, whatever it was counted for.
            let shown: Vec<_> = state.usage.iter().map(|usage| (usage.entitlement, usage.count)).collect();
            let mut counted: Vec<_> = lab.consumption.counts().into_iter().collect();
            counted.sort_by_key(|(entitlement, _)| shown.iter().position(|(one, _)| one == entitlement));
            prop_assert_eq!(shown, counted);
        }
    }
}

#[test]
fn every_arrow_that_is_drawn_can_be_walked() {
    use Entitlement::{LongHaul, Subsea};
    let mut lab = Lab::with(AgentSettings {
        collection: days(1),
        urgent_retry: days(1),
        ..punctual()
    });
    let nothing: &[(Entitlement, u32)] = &[];
    let (some, many): (&[_], &[_]) = (&[(LongHaul, 1)], &[(LongHaul, 99)]);
    let good = lab.configuration.clone();

    // Registration, and all its ways to fail.
    lab.use_licences(some);
    lab.command(registration("another", false));
    lab.run(seconds(2));
    lab.server.mood = Mood::Unreachable;
    lab.register();
    lab.run(seconds(2));
    lab.run(hours(25));
    lab.server.mood = Mood::Helpful;
    lab.run(days(1));
    lab.command(registration("another", true));
    lab.run(seconds(2));
    lab.command(Command::Deregister);
    lab.run(seconds(2));

    // Authorization: from each state into each other.
    let expire = |lab: &mut Lab| {
        lab.server.mood = Mood::Unreachable;
        lab.run(days(91));
        lab.server.mood = Mood::Helpful;
    };
    for first in [nothing, some, many] {
        for second in [nothing, some, many] {
            for expires in [false, true] {
                lab.use_licences(first);
                lab.command(registration(TOKEN, true));
                lab.run(seconds(10));
                if expires {
                    expire(&mut lab);
                }
                lab.use_licences(second);
                lab.command(Command::RenewAuthorization);
                lab.run(seconds(10));
            }
        }
    }
    lab.command(registration(TOKEN, true));
    lab.run(seconds(1));
    lab.on_the_way = None;
    expire(&mut lab);

    // The identity ends, and the evaluation period with it.
    lab.server.instances.clear();
    lab.use_licences(&[(Subsea, 1)]);
    lab.run(days(366));
    lab.run(days(91));

    // Reservation.
    lab.configure(Configuration {
        reservation: true,
        ..good
    });
    lab.reservation(ReservationCommand::Request(Coverage::Specific));
    lab.reservation(ReservationCommand::Cancel);
    lab.reservation(ReservationCommand::Request(Coverage::Universal));
    let code = authorization_code(&lab, 1, 1);
    lab.reservation(ReservationCommand::Install { code });
    lab.reservation(ReservationCommand::Return);

    let missing: Vec<_> = TRANSITIONS
        .iter()
        .filter(|arrow| !lab.stages.contains(*arrow))
        .collect();
    assert!(missing.is_empty(), "registration: {missing:?}");
    let others = AUTHORIZATION.iter().chain(&EVALUATION).chain(&RESERVATION);
    let missing: Vec<_> = others.filter(|arrow| !lab.arrows.contains(*arrow)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}
