//! The smart agent: a machine without clock, socket or file that registers, reports counts, renews and gives up.
//!
//! [`SmartAgent::handle`] takes inputs, [`SmartAgent::poll_output`] gives what is to be done, and
//! [`SmartAgent::next_deadline`] says when [`Input::Tick`] is due. At most one exchange is in flight. A record to
//! persist always comes before the request that it announces and before the answer to a command.
//!
//! [`crate::licensing::diagram`] draws how registration, authorization, evaluation and reservation move.
//!
//! Periods run by steady time: when somebody sets the wall clock, every moment that is planned moves with it, so that
//! as much remains as before ([`crate::licensing::validity`]). Only a certificate keeps its dates.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use crate::licensing::agent_settings::AgentSettings;
use crate::licensing::catalogue::Entitlement;
use crate::licensing::configuration::{Configuration, Destination};
use crate::licensing::consumption::{Consumption, Counts};
use crate::licensing::diagram::Transition;
use crate::licensing::event::Event;
use crate::licensing::exchange::{ExchangeFailure, Grant, Speaker};
use crate::licensing::fault::{DeliveryFailure, Fault};
use crate::licensing::message::Expected;
use crate::licensing::message::reservation::Coverage;
use crate::licensing::now::Now;
use crate::licensing::return_code::ReturnCode;
use crate::licensing::secret::Secret;
use crate::licensing::state::{ExchangeKind, Rounds};
use crate::licensing::trust::{Doubt, Outcome, Planned, Registration, TrustRecord};
use crate::licensing::warnings::Warnings;

/// What can happen to the agent.
#[derive(Clone, Debug)]
pub enum Input {
    /// Something about licensing was configured.
    Configured(Configuration),
    /// The way to the server was configured anew below its destination: names, revocation lists, proxies.
    WayChanged,
    /// Licences in use were counted.
    Counted {
        /// What was counted.
        counted: Counted,
        /// Who asked for it.
        occasion: Occasion,
    },
    /// An operator's command; answered by [`Output::Answered`].
    Command(Command),
    /// A request was answered, or could not be delivered.
    Answer {
        /// The request's [`Request::id`].
        id: u64,
        /// The body of the answer, or why there is none.
        answer: Result<Vec<u8>, DeliveryFailure>,
    },
    /// A deadline has come.
    Tick,
}

/// Licences in use, as they were counted.
#[derive(Clone, Debug)]
pub struct Counted {
    /// The whole of them.
    pub consumption: Arc<Consumption>,
    /// The hardware has taken up what is configured, or said that it cannot; until it has, a start does not report.
    pub settled: bool,
}

/// What an agent begins with.
#[derive(Debug)]
pub struct Beginning {
    /// Who speaks, and whom it believes.
    pub speaker: Speaker,
    /// Periods and readings.
    pub settings: AgentSettings,
    /// What was remembered.
    pub record: TrustRecord,
    /// What is configured.
    pub configuration: Configuration,
    /// What is in use.
    pub counted: Counted,
    /// What was seen about the record, to be told the log.
    pub found: Vec<Event>,
}

/// Why licences were counted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Occasion {
    /// A commit, or a change of the hardware.
    Change,
    /// [`Output::Collect`].
    Collection,
}

/// What an operator can order.
#[derive(Clone, Debug)]
pub enum Command {
    /// Register this device.
    Register {
        /// The registration token.
        token: Secret<String>,
        /// Do it although it is registered or waits for a retry.
        force: bool,
    },
    /// Report and authorize now.
    RenewAuthorization,
    /// Renew the identity certificate now.
    RenewIdentity,
    /// Give the registration up.
    Deregister,
    /// Something about a reservation; answered by [`Output::ReservationAnswered`].
    Reservation(ReservationCommand),
}

/// What an operator can order about a reservation.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ReservationCommand {
    /// Make a request code.
    Request(Coverage),
    /// Install an authorization code.
    Install {
        /// As the server gave it; white space means nothing.
        code: String,
    },
    /// Give an installed reservation back.
    Return,
    /// Give up a request for which no code was installed.
    Cancel,
    /// Give back an authorization code that was never installed.
    ReturnAuthorization {
        /// As the server gave it; white space means nothing.
        code: String,
    },
}

/// What a command about a reservation is answered.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ReservationAnswer {
    /// Accepted, or why not.
    pub code: ReturnCode,
    /// The same in words, as the command line shows it.
    pub display: String,
    /// What to enter at the licence server to ask for an authorization code.
    pub request_code: Option<String>,
    /// What to enter there after a code was installed.
    pub confirmation_code: Option<String>,
    /// What to enter there to give the reservation back.
    pub return_code: Option<String>,
}

impl ReservationAnswer {
    /// A refusal, in words.
    pub fn refused(code: ReturnCode, reason: &str) -> ReservationAnswer {
        ReservationAnswer {
            code,
            display: reason.to_owned(),
            request_code: None,
            confirmation_code: None,
            return_code: None,
        }
    }
}

/// What the agent wants done, in this order.
#[derive(Clone, Debug)]
pub enum Output {
    /// Write the record down, on disk before anything else is done.
    Persist(Box<TrustRecord>),
    /// The registration moved.
    Moved(Transition),
    /// Tell the log.
    Log(Event),
    /// Count the licences in use from scratch and come back with [`Occasion::Collection`].
    Collect,
    /// Answer the command.
    Answered(ReturnCode),
    /// Answer the command about a reservation.
    ReservationAnswered(Box<ReservationAnswer>),
    /// Deliver a request and come back with [`Input::Answer`].
    Send(Request),
}

/// A request to a licence server.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Request {
    /// Its number, to be given back with the answer.
    pub id: u64,
    /// What it is about, for the log.
    pub kind: ExchangeKind,
    /// Where to.
    pub destination: Destination,
    /// The body.
    pub body: Vec<u8>,
}

/// The machine.
#[derive(Debug)]
pub struct SmartAgent {
    pub(super) settings: AgentSettings,
    pub(super) speaker: Speaker,
    pub(super) configuration: Configuration,
    pub(super) record: TrustRecord,
    persisted: Option<TrustRecord>,
    pub(super) consumption: Arc<Consumption>,
    pub(super) counts: Counts,
    pub(super) in_flight: Option<InFlight>,
    pub(super) wanted: Wanted,
    pub(super) collection: Rounds,
    pub(super) reporting: Rounds,
    pub(super) last_error: Option<String>,
    pub(super) last_fault: Option<Fault>,
    /// Until when reports wait for the hardware after the start.
    pub(super) settling_until: Option<Timestamp>,
    pub(super) warnings: Warnings,
    /// Entitlements of which more is in use than was reserved.
    pub(super) not_reserved: BTreeSet<Entitlement>,
    /// When terms of reserved licences were last looked at.
    pub(super) terms_seen_at: Timestamp,
    pub(super) platform: &'static str,
    last_seen: Now,
    server_unreachable: bool,
    notes: Vec<Output>,
    answered: Option<Output>,
    request: Option<Request>,
    outputs: VecDeque<Output>,
}

/// The request that waits for its answer.
#[derive(Debug)]
pub(super) struct InFlight {
    pub id: u64,
    pub kind: ExchangeKind,
    pub started_at: Timestamp,
    pub gives_up_at: Timestamp,
    pub expected: Option<Expected>,
    pub reported: Counts,
}

/// What was ordered and not yet begun.
#[derive(Debug, Default)]
pub(super) struct Wanted {
    pub authorization: bool,
    pub identity_renewal: bool,
    /// When a changed count is to be reported.
    pub report_at: Option<Timestamp>,
}

impl SmartAgent {
    /// An agent that begins where its record says.
    pub fn start(beginning: Beginning, now: Now) -> SmartAgent {
        let Beginning {
            speaker,
            settings,
            record,
            configuration,
            counted,
            found,
        } = beginning;
        let wall = now.wall;
        let mut agent = SmartAgent {
            collection: Rounds::starting(wall, settings.collection),
            reporting: Rounds::starting(wall, settings.reporting),
            settling_until: (!counted.settled).then(|| later(wall, settings.settling)),
            settings,
            speaker,
            configuration,
            record,
            persisted: None,
            counts: counted.consumption.counts(),
            consumption: counted.consumption,
            in_flight: None,
            wanted: Wanted::default(),
            last_error: None,
            last_fault: None,
            warnings: Warnings::default(),
            not_reserved: BTreeSet::new(),
            terms_seen_at: wall,
            platform: "UNKNOWN",
            last_seen: now,
            server_unreachable: false,
            notes: Vec::new(),
            answered: None,
            request: None,
            outputs: VecDeque::new(),
        };
        agent.note(Event::ExportControlled { allowed: false });
        agent.note(Event::AgentReady);
        agent.note(match agent.configuration.enabled {
            true => Event::AgentEnabled,
            false => Event::AgentDisabled,
        });
        // Said again once the record is there, as the product does.
        let allowed = agent.export_control_allowed();
        agent.note(Event::ExportControlled { allowed });
        found.into_iter().for_each(|event| agent.note(event));
        agent.resume(wall);
        agent.note_first_use();
        agent.schedule_report(wall);
        agent.settle(wall);
        agent
    }

    /// Takes one input.
    pub fn handle(&mut self, input: Input, now: Now) {
        let step = now.step_since(&self.last_seen);
        self.last_seen = now;
        let now = now.wall;
        if let Some(step) = step {
            self.clock_set(step, now);
        }
        match input {
            Input::Configured(configuration) => self.configured(configuration, now),
            Input::WayChanged => self.way_changed(now),
            Input::Counted { counted, occasion } => self.counted(counted, occasion, now),
            Input::Command(Command::Reservation(command)) => {
                let answer = self.reservation_command(command, now);
                self.answered = Some(Output::ReservationAnswered(Box::new(answer)));
            }
            Input::Command(command) => {
                let code = self.command(command, now);
                self.answered = Some(Output::Answered(code));
            }
            Input::Answer { id, answer } => self.answer(id, answer, now),
            Input::Tick => {}
        }
        self.settle(now);
    }

    /// The next thing to do; `None` until there is another input.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    fn configured(&mut self, configuration: Configuration, now: Timestamp) {
        if configuration.enabled != self.configuration.enabled {
            self.note(match configuration.enabled {
                true => Event::AgentEnabled,
                false => Event::AgentDisabled,
            });
        }
        let another_way =
            configuration.destination.is_ok() && configuration.destination != self.configuration.destination;
        self.configuration = configuration;
        if another_way {
            self.way_changed(now);
        }
    }

    /// Whoever mends the way need not wait for the day to end, nor know of force.
    fn way_changed(&mut self, now: Timestamp) {
        if self.last_exchange_failed() {
            self.wanted.report_at = Some(later(now, self.settings.hold_down));
        }
        let soon = Planned::at_once(later(now, self.settings.hold_down));
        let sooner = |planned: Planned| std::cmp::min_by_key(soon, planned, Planned::due);
        match &mut self.record.registration {
            Registration::Retry { retry_at, .. } => *retry_at = sooner(*retry_at),
            Registration::Complete(registered) => {
                let failed = |renewal: &Outcome| renewal.failure.is_some();
                if registered.last_renewal.as_ref().is_some_and(failed) {
                    registered.renew_at = sooner(registered.renew_at);
                }
            }
            Registration::NotRegistered
            | Registration::InProgress { .. }
            | Registration::Failed { .. }
            | Registration::Deregistering(_) => {}
        }
    }

    fn command(&mut self, command: Command, now: Timestamp) -> ReturnCode {
        if !self.configuration.enabled {
            return ReturnCode::NotEnabled;
        }
        if self.is_reserved() {
            return ReturnCode::Reserved;
        }
        match command {
            Command::Register { token, force } => self.register(token, force, now),
            Command::RenewAuthorization => self.renew_authorization(),
            Command::RenewIdentity => self.renew_identity(),
            Command::Deregister => self.deregister(now),
            Command::Reservation(command) => self.reservation_command(command, now).code,
        }
    }

    /// Does everything that is due, and leaves only deadlines that lie ahead.
    fn settle(&mut self, now: Timestamp) {
        if let Some(flight) = self.in_flight.take_if(|flight| flight.gives_up_at <= now) {
            let reason = format!(
                "no answer within {} seconds",
                self.settings.exchange_timeout.as_secs()
            );
            let fault = Fault::NoAnswer;
            let failure = ExchangeFailure::Unreachable(DeliveryFailure { fault, reason });
            self.conclude(flight, Err(failure), now);
        }
        self.look_at_validity(now);
        self.expire_authorization(now);
        self.run_rounds(now);
        self.look_at_reservation(now);
        while self.in_flight.is_none()
            && let Some(kind) = self.due_exchange(now)
        {
            self.begin(kind, now);
        }
        self.run_evaluation(now);
        self.warn(now);
        self.update_status(now);
        self.flush(now);
    }

    /// Begins an exchange, or ends it at once where there is no way to a server.
    fn begin(&mut self, kind: ExchangeKind, now: Timestamp) {
        match kind {
            ExchangeKind::IdentityRenewal => self.wanted.identity_renewal = false,
            ExchangeKind::Authorization => {
                self.wanted.authorization = false;
                self.wanted.report_at = None;
            }
            ExchangeKind::Registration | ExchangeKind::Deregistration => {}
        }
        let flight = InFlight {
            id: self.record.sequence.saturating_add(1),
            kind,
            started_at: now,
            gives_up_at: later(now, self.settings.exchange_timeout),
            expected: None,
            reported: self.counts.clone(),
        };
        match self.prepare(&flight, now) {
            Ok((request, expected)) => {
                self.record.sequence = flight.id;
                self.request = Some(request);
                self.in_flight = Some(InFlight {
                    expected: Some(expected),
                    ..flight
                });
            }
            Err(failure) => self.conclude(flight, Err(failure), now),
        }
    }

    fn answer(&mut self, id: u64, answer: Result<Vec<u8>, DeliveryFailure>, now: Timestamp) {
        // The answer to a request that was given up comes too late to count.
        let Some(flight) = self.in_flight.take_if(|flight| flight.id == id) else {
            return;
        };
        let outcome = answer
            .map_err(ExchangeFailure::Unreachable)
            .and_then(|body| self.read_answer(&body, &flight, now));
        self.conclude(flight, outcome, now);
    }

    /// The end of every exchange.
    fn conclude(&mut self, flight: InFlight, outcome: Result<Grant, ExchangeFailure>, now: Timestamp) {
        match &outcome {
            Err(failure @ (ExchangeFailure::Unreachable(_) | ExchangeFailure::NoWay { .. })) => {
                if !self.server_unreachable {
                    self.note(Event::CommunicationFailed {
                        reason: failure.to_string(),
                    });
                }
                self.server_unreachable = true;
            }
            Err(ExchangeFailure::Untrusted(reason)) => self.note(Event::CertificateValidation {
                reason: reason.clone(),
            }),
            Err(ExchangeFailure::Unspeakable(_)) => {}
            Ok(_)
            | Err(
                ExchangeFailure::TryAgain(_) | ExchangeFailure::Refused(_) | ExchangeFailure::RecordOlder(_),
            ) => {
                if self.server_unreachable {
                    self.note(Event::CommunicationRestored);
                }
                self.server_unreachable = false;
            }
        }
        self.look_for_older_record(&outcome, now);
        self.last_error = outcome.as_ref().err().map(ToString::to_string);
        self.last_fault = outcome.as_ref().err().map(ExchangeFailure::fault);
        match flight.kind {
            ExchangeKind::Registration => self.registration_concluded(flight, outcome, now),
            ExchangeKind::IdentityRenewal => self.identity_renewal_concluded(flight, outcome, now),
            ExchangeKind::Authorization => self.authorization_concluded(flight, outcome, now),
            ExchangeKind::Deregistration => self.deregistration_concluded(outcome),
        }
    }

    /// A restored backup remembers fewer requests than the server has heard; the server takes none until there are more.
    fn look_for_older_record(&mut self, outcome: &Result<Grant, ExchangeFailure>, now: Timestamp) {
        match (outcome, &self.record.doubt) {
            (Err(ExchangeFailure::RecordOlder(_)), Some(Doubt::Older { .. })) => {}
            (Err(ExchangeFailure::RecordOlder(detail)), _) => {
                self.record.doubt = Some(Doubt::Older {
                    detail: detail.clone(),
                    since: now,
                });
                let detail = detail.clone();
                self.note(Event::TrustRecordOlder { detail });
            }
            (Ok(_), Some(Doubt::Older { .. })) => self.record.doubt = None,
            (Ok(_) | Err(_), _) => {}
        }
    }

    /// The one place where the registration moves.
    pub(super) fn go(&mut self, to: Registration) {
        let transition = Transition {
            from: self.record.registration.stage(),
            to: to.stage(),
        };
        self.record.registration = to;
        self.notes.push(Output::Moved(transition));
    }

    pub(super) fn note(&mut self, event: Event) {
        self.ask(Output::Log(event));
    }

    pub(super) fn ask(&mut self, output: Output) {
        self.notes.push(output);
    }

    /// Wall time of the last input.
    pub(super) fn last_seen(&self) -> Timestamp {
        self.last_seen.wall
    }

    /// Puts what came together in the order that [`Output`] promises.
    fn flush(&mut self, now: Timestamp) {
        if self.persisted.as_ref() != Some(&self.record) {
            self.record.noted_at = Some(now);
            self.persisted = Some(self.record.clone());
            self.outputs
                .push_back(Output::Persist(Box::new(self.record.clone())));
        }
        self.outputs.extend(self.notes.drain(..));
        self.outputs.extend(self.answered.take());
        self.outputs.extend(self.request.take().map(Output::Send));
    }
}

/// The one place where a period of the agent becomes a moment; never runs off the end of time.
pub(super) fn later(now: Timestamp, period: SignedDuration) -> Timestamp {
    now.saturating_add(period).unwrap_or(Timestamp::MAX)
}
