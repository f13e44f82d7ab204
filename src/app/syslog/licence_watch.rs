//! What licensing does becomes messages of the log and events of the traces.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::app::licence_driver::Shown;
use crate::app::licence_witness::LicenceWitness;
use crate::app::syslog::licence_messages;
use crate::app::syslog::logbook::Logbook;
use crate::app::trace_ring::Trace;
use crate::licensing::agent::{Command, Input, Occasion, Output, ReservationCommand};
use crate::licensing::event::Event;
use crate::licensing::state::{AgentState, Rounds};

/// Writes down what licensing does, in order.
pub struct LicenceWatch {
    logbook: Logbook,
    seen: Mutex<Seen>,
}

/// What was seen so far, to tell what is new.
#[derive(Default)]
struct Seen {
    cause: String,
    /// The command that waits for its answer.
    command: Option<String>,
    counts: BTreeMap<&'static str, u32>,
    collection: Option<Rounds>,
}

impl LicenceWatch {
    /// Writes into this logbook.
    pub fn new(logbook: Logbook) -> LicenceWatch {
        let seen = Seen {
            cause: "start".to_owned(),
            ..Seen::default()
        };
        LicenceWatch {
            logbook,
            seen: Mutex::new(seen),
        }
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl LicenceWitness for LicenceWatch {
    fn given(&self, input: &Input) {
        let mut seen = self.seen();
        seen.cause = match input {
            Input::Configured(_) => "configuration".to_owned(),
            Input::WayChanged => "configuration of names or certificates".to_owned(),
            Input::Counted {
                occasion: Occasion::Change,
                ..
            } => "commit or hardware change".to_owned(),
            Input::Counted {
                occasion: Occasion::Collection,
                ..
            } => "collection".to_owned(),
            Input::Command(command) => {
                let name = command_name(command);
                seen.command = Some(name.to_owned());
                format!("operator's {name}")
            }
            Input::Answer { id, answer } => {
                let (event, cause) = (format!("request {id}"), "licence server");
                let outcome = match answer {
                    Ok(body) => format!("answered with {} bytes", body.len()),
                    Err(reason) => format!("failed: {reason}"),
                };
                self.logbook.trace(Trace::CallHome, &event, cause, &outcome);
                format!("answer to request {id}")
            }
            Input::Tick => "deadline".to_owned(),
        };
    }

    fn wanted(&self, output: &Output) {
        let mut seen = self.seen();
        match output {
            Output::Persist(_) => {}
            Output::Moved(transition) => {
                let outcome = format!("{:?} to {:?}", transition.from, transition.to);
                self.logbook
                    .trace(Trace::Licence, "registration", &seen.cause, &outcome);
            }
            Output::Log(event) => {
                self.logbook.log(licence_messages::of_event(event));
                let trace = match event {
                    Event::PlatformStateChanged { .. } | Event::CountsCorrected { .. } => Trace::Platform,
                    _ => Trace::Licence,
                };
                self.logbook
                    .trace(trace, event.mnemonic(), &seen.cause, &event.to_string());
            }
            Output::Collect => {
                self.logbook.trace(
                    Trace::Platform,
                    "collection",
                    &seen.cause,
                    "counting from scratch",
                );
            }
            Output::Answered(code) => {
                let command = seen.command.take().unwrap_or_default();
                let outcome = code.yang_name();
                self.logbook.trace(Trace::Licence, &command, "operator", outcome);
            }
            Output::ReservationAnswered(answer) => {
                let command = seen.command.take().unwrap_or_default();
                let outcome = answer.code.yang_name();
                self.logbook.trace(Trace::Licence, &command, "operator", outcome);
            }
            Output::Send(request) => {
                let event = format!("request {} ({})", request.id, request.kind.yang_name());
                let outcome = format!(
                    "{} bytes to {}",
                    request.body.len(),
                    Shown(&request.destination.url)
                );
                self.logbook.trace(Trace::CallHome, &event, &seen.cause, &outcome);
            }
        }
    }

    fn stands(&self, state: &AgentState) {
        let mut seen = self.seen();
        let counts: BTreeMap<&'static str, u32> = state
            .usage
            .iter()
            .map(|usage| (usage.entitlement.short_tag(), usage.count))
            .collect();
        if counts != seen.counts {
            let all = counts
                .keys()
                .chain(seen.counts.keys().filter(|tag| !counts.contains_key(*tag)));
            for tag in all {
                let (before, after) = (count(&seen.counts, tag), count(&counts, tag));
                if before != after {
                    let outcome = format!("count from {before} to {after}");
                    self.logbook.trace(Trace::Platform, tag, &seen.cause, &outcome);
                }
            }
            seen.counts = counts;
        }
        if seen.collection != Some(state.collection) {
            if seen.collection.is_some() {
                let outcome = format!("next at {}", state.collection.next);
                self.logbook
                    .trace(Trace::Platform, "collection", &seen.cause, &outcome);
            }
            seen.collection = Some(state.collection);
        }
    }
}

fn count(counts: &BTreeMap<&'static str, u32>, tag: &str) -> u32 {
    counts.get(tag).copied().unwrap_or(0)
}

/// The RPC of `Cisco-IOS-XR-smart-license-act` that orders it.
fn command_name(command: &Command) -> &'static str {
    match command {
        Command::Register { force: false, .. } => "register-id-token",
        Command::Register { force: true, .. } => "register-id-token force",
        Command::RenewAuthorization => "renew-auth",
        Command::RenewIdentity => "renew-id",
        Command::Deregister => "de-register",
        Command::Reservation(ReservationCommand::Request(_)) => "reservation-request",
        Command::Reservation(ReservationCommand::Install { .. }) => "reservation-install",
        Command::Reservation(ReservationCommand::Return) => "reservation-return",
        Command::Reservation(ReservationCommand::Cancel) => "reservation-cancel",
        Command::Reservation(ReservationCommand::ReturnAuthorization { .. }) => {
            "reservation-return-authorization"
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::app::clock::ManualClock;
    use crate::app::settings::SyslogSettings;
    use crate::app::state::licence::example;
    use crate::licensing::agent::Counted;
    use crate::licensing::diagram::{Stage, Transition};
    use crate::licensing::return_code::ReturnCode;
    use crate::licensing::secret::Secret;

    fn lab() -> (LicenceWatch, Logbook) {
        let clock = ManualClock::starting_at("2021-05-27T09:54:57.783Z".parse().unwrap());
        let logbook = Logbook::in_memory(Arc::new(clock), &SyslogSettings::default()).unwrap();
        (LicenceWatch::new(logbook.clone()), logbook)
    }

    fn lines(logbook: &Logbook, trace: Trace) -> Vec<String> {
        let entries = logbook.traces().entries(trace);
        entries
            .iter()
            .map(|entry| format!("{}: {} -> {}", entry.event, entry.cause, entry.outcome))
            .collect()
    }

    #[test]
    fn a_command_is_traced_with_what_it_led_to_and_without_its_token() {
        let (watch, logbook) = lab();
        watch.given(&Input::Command(Command::Register {
            token: Secret::new("hunter2".to_owned()),
            force: true,
        }));
        watch.wanted(&Output::Moved(Transition {
            from: Stage::NotRegistered,
            to: Stage::InProgress,
        }));
        watch.wanted(&Output::Answered(ReturnCode::Success));
        watch.wanted(&Output::Log(Event::CommunicationRestored));
        assert_eq!(
            lines(&logbook, Trace::Licence),
            [
                "registration: operator's register-id-token force -> NotRegistered to InProgress",
                "register-id-token force: operator -> success",
                "COMM_RESTORED: operator's register-id-token force -> Communications with Cisco licensing cloud \
                 restored",
            ]
        );
        let messages = logbook.messages().entries();
        assert_eq!(messages.len(), 1);
        assert_eq!(messages[0].code(), "LICENSE-SMART_LIC-5-COMM_RESTORED");
    }

    #[test]
    fn counts_that_change_are_traced_with_their_cause() {
        let (watch, logbook) = lab();
        let state = example::state();
        watch.stands(&state);
        watch.given(&Input::Counted {
            counted: Counted {
                consumption: Arc::clone(&state.consumption),
                settled: true,
            },
            occasion: Occasion::Change,
        });
        let mut fewer = state.clone();
        fewer.usage.truncate(1);
        watch.stands(&fewer);
        watch.stands(&fewer);
        let lines = lines(&logbook, Trace::Platform);
        assert!(lines.contains(&"S-NCS1K4-LIC-100G=: start -> count from 0 to 18".to_owned()));
        assert_eq!(
            lines.last().map(String::as_str),
            Some("S_NCS1K4_LONGHAUL: commit or hardware change -> count from 2 to 0")
        );
        assert_eq!(lines.len(), 7);
    }
}
