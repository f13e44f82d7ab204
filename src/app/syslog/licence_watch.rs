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
