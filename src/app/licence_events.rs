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
    out.leaf("severity", id.kind.severity().yang_name());
    out.leaf("description", description);
    out.leaf("set-time", set_at);
}
