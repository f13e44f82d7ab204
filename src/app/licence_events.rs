//! What licensing, alarms and cards do becomes notifications of `ponder-licence-notifications`.

use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;

use crate::app::alarm_board::{Changes, Cleared, Raised};
use crate::app::alarms::AlarmId;
use crate::app::clock::Clock;
use crate::app::licence_witness::LicenceWitness;
use crate::device::hardware::{CardState, Snapshot};
use crate::licensing::agent::{Input, Output};
use crate::licensing::consumption::Consumption;
use crate::licensing::count_change::{CountChange, count_changes};
use crate::licensing::evaluation::Evaluation;
use crate::licensing::event::Event;
use crate::licensing::state::{AgentState, AuthorizationState, RegistrationState, ReservationStanding};
use crate::licensing::trust::Standing;
use crate::management::event_stream::EventStreams;
use crate::yang::state::StateBuilder;

/// Publishes; clones share what was seen.
#[derive(Clone)]
pub struct LicenceEvents {
    streams: Arc<EventStreams>,
    clock: Arc<dyn Clock>,
    seen: Arc<Mutex<Option<Seen>>>,
}

/// What is compared with what follows.
#[derive(Clone, PartialEq)]
struct Seen {
    status: &'static str,
    registration: &'static str,
    authorization: &'static str,
    reservation: &'static str,
    evaluation: EvaluationStage,
    consumption: Arc<Consumption>,
    fault: Option<(&'static str, Option<String>, u64)>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum EvaluationStage {
    Stopped,
    Running,
    Expired,
}

impl LicenceEvents {
    /// Publishes in these streams.
    pub fn new(streams: Arc<EventStreams>, clock: Arc<dyn Clock>) -> LicenceEvents {
        LicenceEvents {
            streams,
            clock,
            seen: Arc::default(),
        }
    }

    /// Where they are published.
    pub fn streams(&self) -> &Arc<EventStreams> {
        &self.streams
    }

    fn publish(&self, name: &str, fill: impl FnOnce(&mut StateBuilder<'_>)) {
        let name = format!("ponder-licence-notifications:{name}");
        self.streams.publish(self.clock.now(), &name, fill);
    }

    fn moved(&self, name: &str, old: &str, new: &str) {
        if old != new {
            self.publish(name, |out| {
                out.leaf("old", old);
                out.leaf("new", new);
            });
        }
    }

    /// Alarms came and went.
    pub fn alarms(&self, changes: &Changes) {
        for cleared in &changes.cleared {
            let Cleared {
                id,
                description,
                set_at,
                cleared_at,
            } = cleared;
            self.publish("alarm-cleared", |out| {
                fill_alarm(id, description, *set_at, out);
                out.leaf("clear-time", cleared_at);
            });
        }
        for raised in &changes.raised {
            let Raised {
                id,
                description,
                set_at,
            } = raised;
            self.publish("alarm-raised", |out| fill_alarm(id, description, *set_at, out));
        }
    }

    /// The hardware is in another state.
    pub fn hardware(&self, before: &Snapshot, after: &Snapshot) {
        for (location, slot) in &after.slots {
            let was = before.slots.get(location).and_then(|slot| slot.card.as_ref());
            let is = slot.card.as_ref();
            let word = |state: Option<CardState>| match state {
                None => "absent",
                Some(CardState::Down) => "down",
                Some(CardState::Up) => "up",
            };
            let (old, new) = (word(was.map(|card| card.state)), word(is.map(|card| card.state)));
            let other_card = match (was, is) {
                (Some(was), Some(is)) => was.serial_number != is.serial_number,
                _ => false,
            };
            if old != new || other_card {
                self.publish("line-card-state-change", |out| {
                    out.leaf("location", location);
                    out.leaf("old", old);
                    out.leaf("new", new);
                    out.leaf_option("pid", is.or(was).map(|card| &card.pid));
                });
            }
        }
    }

    fn registration(&self, old: &str, new: &str, state: &AgentState) {
        if old == new {
            return;
        }
        let (reason, next) = match &state.registration {
            RegistrationState::Retry { reason, retry_at, .. } => (Some(reason), Some(*retry_at)),
            RegistrationState::Failed { reason, .. } => (Some(reason), None),
            _ => (None, None),
        };
        self.publish("registration-state-change", |out| {
            out.leaf("old", old);
            out.leaf("new", new);
            out.leaf_option("reason", reason);
            out.leaf_option("next-attempt", next);
        });
    }

    fn count(&self, change: &CountChange) {
        self.publish("entitlement-count-change", |out| {
            out.leaf("entitlement", change.entitlement.short_tag());
            out.leaf("old", change.from);
            out.leaf("new", change.to);
            for reason in &change.reasons {
                out.list("reason", &[("item", &reason.item)], |out| {
                    out.leaf("step", reason.step);
                    out.leaf("rule", reason.rule);
                });
            }
        });
    }

    fn evaluation(&self, event: &str, seconds_left: Option<i64>) {
        self.publish("evaluation-change", |out| {
            out.leaf("event", event);
            out.leaf_option("seconds-left", seconds_left.map(|seconds| seconds.max(0)));
        });
    }

    fn certificate(&self, event: &str, reason: Option<&str>, seconds_left: Option<i64>) {
        self.publish("identity-certificate-change", |out| {
            out.leaf("event", event);
            out.leaf_option("reason", reason);
            out.leaf_option("seconds-left", seconds_left.map(|seconds| seconds.max(0)));
        });
    }
}

impl LicenceWitness for LicenceEvents {
    fn given(&self, _: &Input) {}

    fn wanted(&self, output: &Output) {
        // Warnings and renewals are events of their own and show in no state.
        let Output::Log(event) = output else { return };
        match event {
            Event::IdentityRenewed => self.certificate("renewed", None, None),
            Event::IdentityRenewalFailed { reason } => self.certificate("renewal-failed", Some(reason), None),
            Event::IdentityWillExpire { left } => {
                self.certificate("expires-soon", None, Some(left.as_secs()))
            }
            Event::IdentityExpired => self.certificate("expired", None, None),
            Event::EvaluationWillExpire { left } => self.evaluation("expires-soon", Some(left.as_secs())),
            _ => {}
        }
    }

    fn stands(&self, state: &AgentState) {
        let now = Seen {
            status: state.status.yang_name(),
            registration: registration_name(&state.registration),
            authorization: authorization_name(&state.authorization),
            reservation: match state.reservation.standing {
                ReservationStanding::NotInstalled => "none",
                ReservationStanding::InProgress { .. } => "requested",
                ReservationStanding::Installed { .. } => "installed",
            },
            evaluation: match state.evaluation {
                Evaluation::Stopped { .. } => EvaluationStage::Stopped,
                Evaluation::Running { .. } => EvaluationStage::Running,
                Evaluation::Expired { .. } => EvaluationStage::Expired,
            },
            consumption: Arc::clone(&state.consumption),
            fault: state.exchange.last_fault.map(|fault| {
                let exchange = &state.exchange;
                (fault.yang_name(), exchange.last_error.clone(), exchange.sequence)
            }),
        };
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        // What a start finds is no change, but for the licences that it finds in use.
        let before = seen.replace(now.clone()).unwrap_or_else(|| Seen {
            consumption: Arc::default(),
            ..now.clone()
        });
        for change in count_changes(&before.consumption, &now.consumption) {
            self.count(&change);
        }
        if let Some((fault, reason, _)) = now.fault.as_ref().filter(|_| now.fault != before.fault) {
            self.publish("exchange-failure", |out| {
                out.leaf("fault", fault);
                out.leaf_option("reason", reason.as_deref());
                out.leaf_option("next-attempt", state.exchange.next_attempt);
            });
        }
        self.registration(before.registration, now.registration, state);
        self.moved("reservation-state-change", before.reservation, now.reservation);
        if before.evaluation != now.evaluation {
            let left = state.evaluation.left(self.clock.now()).as_secs();
            match now.evaluation {
                EvaluationStage::Running => self.evaluation("started", Some(left)),
                EvaluationStage::Stopped => self.evaluation("stopped", Some(left)),
                EvaluationStage::Expired => self.evaluation("expired", Some(0)),
            }
        }
        self.moved(
            "authorization-state-change",
            before.authorization,
            now.authorization,
        );
        self.moved("licence-status-change", before.status, now.status);
    }
}

fn registration_name(state: &RegistrationState) -> &'static str {
    match state {
        RegistrationState::NotRegistered => "not-registered",
        RegistrationState::InProgress { .. } => "in-progress",
        RegistrationState::Retry { .. } => "retry",
        RegistrationState::Failed { .. } => "failed",
        RegistrationState::Complete { .. } => "complete",
        RegistrationState::Reserved { .. } => "reserved",
    }
}

fn authorization_name(state: &AuthorizationState) -> &'static str {
    match state {
        AuthorizationState::None => "none",
        AuthorizationState::Evaluation => "evaluation",
        AuthorizationState::EvaluationExpired { .. } => "evaluation-expired",
        AuthorizationState::Registered { standing, .. } => match standing {
            Standing::Waiting | Standing::Idle => "none",
            Standing::Authorized => "authorized",
            Standing::OutOfCompliance { .. } => "out-of-compliance",
            Standing::Expired { .. } => "authorization-expired",
        },
        AuthorizationState::Reserved { covered: true, .. } => "authorized-reservation",
        AuthorizationState::Reserved { covered: false, .. } => "not-authorized",
    }
}

fn fill_alarm(id: &AlarmId, description: &str, set_at: Timestamp, out: &mut StateBuilder<'_>) {
    out.leaf("name", id.kind.name());
    out.leaf("location", &id.location);
    out.leaf_option("object", Some(&id.object).filter(|object| !object.is_empty()));
    out.leaf("severity", id.kind.severity().yang_name());
    out.leaf("description", description);
    out.leaf("set-time", set_at);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::alarms::AlarmKind;
    use crate::app::clock::ManualClock;
    use crate::app::desired_state::payload::SCHEMA;
    use crate::app::state::licence::example::{at, state};
    use crate::app::state::shown::running;
    use crate::device::hardware::Hardware;
    use crate::licensing::consumption::consumption;
    use crate::licensing::evaluation::EVALUATION_PERIOD;
    use crate::licensing::fault::Fault;
    use crate::licensing::policy::Policy;
    use crate::licensing::sample::{L12T, chassis};
    use crate::licensing::state::LicenceStatus;

    fn lab() -> (LicenceEvents, Arc<EventStreams>) {
        let streams = Arc::new(EventStreams::in_memory(&SCHEMA, Timestamp::UNIX_EPOCH));
        let clock = Arc::new(ManualClock::starting_at(at("2021-06-21T12:42:00Z")));
        (LicenceEvents::new(Arc::clone(&streams), clock), streams)
    }

    /// Each event by its name and leaves, since the last call.
    fn told(streams: &EventStreams, seen: &mut usize) -> Vec<String> {
        let events = streams.logged();
        let new = events.iter().skip(*seen).map(|event| {
            let inside = event.content.split_once('>').map_or("", |(_, inside)| inside);
            let leaves = inside.replace("</", "<").replace("><", ">|<");
            let leaves: Vec<&str> = leaves
                .split('|')
                .filter(|leaf| leaf.matches('>').count() > 1)
                .collect();
            let values: Vec<String> = leaves
                .iter()
                .filter_map(|leaf| {
                    let (name, rest) = leaf.trim_start_matches('<').split_once('>')?;
                    Some(format!("{name}={}", rest.split('<').next()?))
                })
                .collect();
            format!("{}: {}", event.name, values.join(" "))
        });
        let new = new.collect();
        *seen = events.len();
        new
    }

    #[test]
    fn a_start_tells_of_no_change_and_each_change_is_told_once() {
        let (events, streams) = lab();
        let mut seen = 0;
        let first = AgentState {
            consumption: Arc::default(),
            ..state()
        };
        events.stands(&first);
        assert_eq!(told(&streams, &mut seen), Vec::<String>::new());
        let later = AgentState {
            status: LicenceStatus::Unidentified,
            registration: RegistrationState::Retry {
                failed_at: at("2021-06-21T12:42:00Z"),
                reason: "nobody there".to_owned(),
                retry_at: at("2021-06-22T12:42:00Z"),
            },
            authorization: AuthorizationState::Evaluation,
            evaluation: Evaluation::Running {
                since: at("2021-06-21T12:42:00Z"),
                left: EVALUATION_PERIOD,
            },
            consumption: Arc::new(consumption(
                &chassis().card(L12T).trunk(Some("3")).0,
                &Policy::default(),
            )),
            ..first
        };
        events.stands(&later);
        assert_eq!(
            told(&streams, &mut seen),
            [
                "entitlement-count-change: entitlement=S_NCS1K4_LONGHAUL old=0 new=1 item=Optics0/0/0/0 step=1 \
                 rule=3.0000000000 bits per symbol is within 2 to 4",
                "registration-state-change: old=complete new=retry reason=nobody there \
                 next-attempt=2021-06-22T12:42:00Z",
                "evaluation-change: event=started seconds-left=7776000",
                "authorization-state-change: old=authorized new=evaluation",
                "licence-status-change: old=authorized new=unidentified",
            ]
        );
        events.stands(&later);
        assert_eq!(told(&streams, &mut seen), Vec::<String>::new());
        let mut failed = later;
        failed.exchange.last_fault = Some(Fault::NoConnection);
        failed.exchange.last_error = Some("refused".to_owned());
        events.stands(&failed);
        let exchange = told(&streams, &mut seen);
        assert_eq!(exchange.len(), 1);
        assert!(
            exchange[0].starts_with("exchange-failure: fault=no-connection reason=refused next-attempt=")
        );
    }

    #[test]
    fn warnings_and_renewals_are_told_as_they_are_logged() {
        let (events, streams) = lab();
        for event in [
            Event::IdentityRenewed,
            Event::IdentityRenewalFailed {
                reason: "no answer".to_owned(),
            },
            Event::IdentityWillExpire {
                left: jiff::SignedDuration::from_hours(24),
            },
            Event::IdentityExpired,
            Event::EvaluationWillExpire {
                left: jiff::SignedDuration::from_hours(48),
            },
            Event::AgentReady,
        ] {
            events.wanted(&Output::Log(event));
        }
        assert_eq!(
            told(&streams, &mut 0),
            [
                "identity-certificate-change: event=renewed",
                "identity-certificate-change: event=renewal-failed reason=no answer",
                "identity-certificate-change: event=expires-soon seconds-left=86400",
                "identity-certificate-change: event=expired",
                "evaluation-change: event=expires-soon seconds-left=172800",
            ]
        );
    }

    #[test]
    fn alarms_and_cards_are_told() {
        let (events, streams) = lab();
        let mut seen = 0;
        let id = AlarmId {
            kind: AlarmKind::LineCardDown,
            location: "0/1".to_owned(),
            object: String::new(),
        };
        let raised = Raised {
            id: id.clone(),
            description: "the card is down".to_owned(),
            set_at: at("2021-06-21T12:42:00Z"),
        };
        events.alarms(&Changes {
            raised: vec![raised],
            cleared: vec![Cleared {
                id,
                description: "the card was down".to_owned(),
                set_at: at("2021-06-21T12:40:00Z"),
                cleared_at: at("2021-06-21T12:41:00Z"),
            }],
        });
        assert_eq!(
            told(&streams, &mut seen),
            [
                "alarm-cleared: name=LINE-CARD-DOWN location=0/1 severity=critical description=the card was down \
                 set-time=2021-06-21T12:40:00Z clear-time=2021-06-21T12:41:00Z",
                "alarm-raised: name=LINE-CARD-DOWN location=0/1 severity=critical description=the card is down \
                 set-time=2021-06-21T12:42:00Z",
            ]
        );
        let before = running("", "").snapshot();
        let mut after = (*before).clone();
        let slot = after.slots.get_mut(&"0/1".parse().unwrap()).unwrap();
        let card = slot.card.as_mut().unwrap();
        (card.state, card.pid) = (CardState::Down, "NCS1K4-OTN-XPL".to_owned());
        events.hardware(&before, &after);
        events.hardware(&after, &after);
        assert_eq!(
            told(&streams, &mut seen),
            ["line-card-state-change: location=0/1 old=up new=down pid=NCS1K4-OTN-XPL"]
        );
    }
}
