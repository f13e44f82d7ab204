//! The smart agent: a machine without clock, socket or file that registers, reports counts, renews and gives up.
//!
//! [`SmartAgent::handle`] takes inputs, [`SmartAgent::poll_output`] gives what is to be done, and
//! [`SmartAgent::next_deadline`] says when [`Input::Tick`] is due. At most one exchange is in flight. A record to
//! persist always comes before the request that it announces and before the answer to a command.
//!
//! [`crate::licensing::diagram`] draws how a registration moves.
//!
//! While registered, all entitlements together stand like this:
//!
//! ```text
//!  Waiting --first answer--> Idle | Authorized | OutOfCompliance   (each answer chooses anew)
//!     '------------------------+------- 90 days without success ----> Expired --answer--> …
//! ```

use std::collections::VecDeque;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use crate::licensing::agent_settings::AgentSettings;
use crate::licensing::configuration::{Configuration, Destination};
use crate::licensing::consumption::{Consumption, Counts};
use crate::licensing::diagram::Transition;
use crate::licensing::evaluation::EvaluationChange;
use crate::licensing::event::Event;
use crate::licensing::exchange::{ExchangeFailure, Grant, Speaker};
use crate::licensing::fault::{DeliveryFailure, Fault};
use crate::licensing::message::Expected;
use crate::licensing::return_code::ReturnCode;
use crate::licensing::secret::Secret;
use crate::licensing::state::{Coverage, ExchangeKind, LicenceStatus, Rounds};
use crate::licensing::trust::{Registration, Standing, TrustRecord};

/// What can happen to the agent.
#[derive(Clone, Debug)]
pub enum Input {
    /// Something about licensing was configured.
    Configured(Configuration),
    /// Licences in use were counted.
    Counted {
        /// The whole of them.
        consumption: Arc<Consumption>,
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
    server_unreachable: bool,
    notes: Vec<Output>,
    answered: Option<ReturnCode>,
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
    pub fn start(
        speaker: Speaker,
        settings: AgentSettings,
        mut record: TrustRecord,
        configuration: Configuration,
        consumption: Arc<Consumption>,
        now: Timestamp,
    ) -> SmartAgent {
        record.evaluation = record.evaluation.after_start(now);
        let mut agent = SmartAgent {
            collection: Rounds::starting(now, settings.collection),
            reporting: Rounds::starting(now, settings.reporting),
            settings,
            speaker,
            configuration,
            record,
            persisted: None,
            counts: consumption.counts(),
            consumption,
            in_flight: None,
            wanted: Wanted::default(),
            last_error: None,
            last_fault: None,
            server_unreachable: false,
            notes: Vec::new(),
            answered: None,
            request: None,
            outputs: VecDeque::new(),
        };
        agent.note(Event::AgentReady);
        agent.note(match agent.configuration.enabled {
            true => Event::AgentEnabled,
            false => Event::AgentDisabled,
        });
        agent.note_first_use();
        agent.schedule_report(now);
        agent.settle(now);
        agent
    }

    /// Takes one input; `now` is wall time.
    pub fn handle(&mut self, input: Input, now: Timestamp) {
        match input {
            Input::Configured(configuration) => self.configured(configuration, now),
            Input::Counted {
                consumption,
                occasion,
            } => self.counted(consumption, occasion, now),
            Input::Command(command) => {
                let code = self.command(command, now);
                self.answered = Some(code);
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

    /// When [`Input::Tick`] is due; later than the `now` of the last input.
    pub fn next_deadline(&self) -> Option<Timestamp> {
        let rounds = [Some(self.collection.next), Some(self.reporting.next)];
        let evaluation = [self.record.evaluation.expires_at()];
        let waiting = [self.in_flight.as_ref().map(|flight| flight.gives_up_at)];
        let registered = self.record.registration.current();
        let ends = [
            registered.map(|registered| registered.expires_at),
            registered.and_then(|registered| match registered.authorization.standing {
                Standing::Expired { .. } => None,
                Standing::Waiting
                | Standing::Idle
                | Standing::Authorized
                | Standing::OutOfCompliance { .. } => Some(registered.authorization.deadline),
            }),
        ];
        let begins = [self.next_attempt()];
        let all = rounds
            .into_iter()
            .chain(evaluation)
            .chain(waiting)
            .chain(ends)
            .chain(begins);
        all.flatten().min()
    }

    /// When the server is contacted next without a command; `None` while an exchange is in flight.
    pub(super) fn next_attempt(&self) -> Option<Timestamp> {
        if self.in_flight.is_some() || !self.configuration.enabled {
            return None;
        }
        match &self.record.registration {
            Registration::Retry { retry_at, .. } => Some(*retry_at),
            Registration::Complete(registered) => {
                let scheduled = registered.renew_at.min(registered.authorization.next_exchange);
                Some(
                    self.wanted
                        .report_at
                        .map_or(scheduled, |report_at| report_at.min(scheduled)),
                )
            }
            Registration::NotRegistered
            | Registration::InProgress { .. }
            | Registration::Failed { .. }
            | Registration::Deregistering(_) => None,
        }
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
        if another_way && self.last_exchange_failed() {
            self.wanted.report_at = Some(later(now, self.settings.hold_down));
        }
    }

    fn counted(&mut self, consumption: Arc<Consumption>, occasion: Occasion, now: Timestamp) {
        let counts = consumption.counts();
        if occasion == Occasion::Collection && counts != self.counts {
            let difference = difference(&self.counts, &counts);
            self.note(Event::CountsCorrected { difference });
        }
        self.counts = counts;
        self.consumption = consumption;
        self.note_first_use();
        self.schedule_report(now);
    }

    fn note_first_use(&mut self) {
        for entitlement in self.counts.keys() {
            if !self.record.first_used.contains(entitlement) {
                self.record.first_used.push(*entitlement);
            }
        }
    }

    fn command(&mut self, command: Command, now: Timestamp) -> ReturnCode {
        if !self.configuration.enabled {
            return ReturnCode::NotEnabled;
        }
        match command {
            Command::Register { token, force } => self.register(token, force, now),
            Command::RenewAuthorization => self.renew_authorization(),
            Command::RenewIdentity => self.renew_identity(),
            Command::Deregister => self.deregister(now),
            Command::Reservation(_) => ReturnCode::NotSupported,
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
        self.expire_identity(now);
        self.expire_authorization(now);
        self.run_rounds(now);
        while self.in_flight.is_none()
            && let Some(kind) = self.due_exchange(now)
        {
            self.begin(kind, now);
        }
        self.run_evaluation(now);
        self.update_status(now);
        self.flush();
    }

    fn run_rounds(&mut self, now: Timestamp) {
        if self.collection.next <= now {
            self.collection = Rounds::starting(now, self.settings.collection);
            self.record.evaluation = self.record.evaluation.noted(now);
            self.notes.push(Output::Collect);
        }
        if self.reporting.next <= now {
            self.reporting = Rounds::starting(now, self.settings.reporting);
            if self.unreported_change() {
                self.wanted.report_at = Some(now);
            }
        }
    }

    fn due_exchange(&mut self, now: Timestamp) -> Option<ExchangeKind> {
        if !self.configuration.enabled {
            return None;
        }
        match &self.record.registration {
            Registration::Deregistering(_) => Some(ExchangeKind::Deregistration),
            Registration::InProgress { .. } => Some(ExchangeKind::Registration),
            Registration::Retry {
                retry_at, attempt, ..
            } if *retry_at <= now => {
                let attempt = attempt.clone();
                self.go(Registration::InProgress {
                    attempt,
                    previous: None,
                });
                Some(ExchangeKind::Registration)
            }
            Registration::Complete(registered) => {
                let report_due = self.wanted.report_at.is_some_and(|report_at| report_at <= now);
                if self.wanted.identity_renewal || registered.renew_at <= now {
                    Some(ExchangeKind::IdentityRenewal)
                } else if self.wanted.authorization
                    || report_due
                    || registered.authorization.next_exchange <= now
                {
                    Some(ExchangeKind::Authorization)
                } else {
                    None
                }
            }
            Registration::NotRegistered | Registration::Retry { .. } | Registration::Failed { .. } => None,
        }
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
            Ok(_) | Err(ExchangeFailure::TryAgain(_) | ExchangeFailure::Refused(_)) => {
                if self.server_unreachable {
                    self.note(Event::CommunicationRestored);
                }
                self.server_unreachable = false;
            }
        }
        self.last_error = outcome.as_ref().err().map(ToString::to_string);
        self.last_fault = outcome.as_ref().err().map(ExchangeFailure::fault);
        match flight.kind {
            ExchangeKind::Registration => self.registration_concluded(flight, outcome, now),
            ExchangeKind::IdentityRenewal => self.identity_renewal_concluded(flight, outcome, now),
            ExchangeKind::Authorization => self.authorization_concluded(flight, outcome, now),
            ExchangeKind::Deregistration => self.deregistration_concluded(outcome),
        }
    }

    fn run_evaluation(&mut self, now: Timestamp) {
        let needed = self.configuration.enabled
            && !self.counts.is_empty()
            && self.record.registration.registered().is_none();
        match self.record.evaluation.advance(needed, now) {
            Some(EvaluationChange::Started) => self.note(Event::EvaluationStarted),
            Some(EvaluationChange::Expired) => self.note(Event::EvaluationExpired),
            Some(EvaluationChange::Stopped) | None => {}
        }
    }

    fn update_status(&mut self, now: Timestamp) {
        let status = self.current_status();
        if status != self.record.status || self.record.status_since.is_none() {
            self.record.status = status;
            self.record.status_since = Some(now);
        }
    }

    fn current_status(&self) -> LicenceStatus {
        let unconfigured = self
            .configuration
            .destination
            .as_ref()
            .is_err_and(|problem| problem.is_unconfigured());
        if !self.configuration.enabled || unconfigured {
            return LicenceStatus::Unconfigured;
        }
        let Some(registered) = self.record.registration.registered() else {
            return LicenceStatus::Unidentified;
        };
        match registered.authorization.standing {
            Standing::Waiting | Standing::Idle => LicenceStatus::Registered,
            Standing::Authorized => LicenceStatus::Authorized,
            Standing::OutOfCompliance { .. } => LicenceStatus::OutOfCompliance,
            Standing::Expired { .. } => LicenceStatus::AuthorizationExpired,
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
        self.notes.push(Output::Log(event));
    }

    /// Puts what came together in the order that [`Output`] promises.
    fn flush(&mut self) {
        if self.persisted.as_ref() != Some(&self.record) {
            self.persisted = Some(self.record.clone());
            self.outputs
                .push_back(Output::Persist(Box::new(self.record.clone())));
        }
        self.outputs.extend(self.notes.drain(..));
        self.outputs.extend(self.answered.take().map(Output::Answered));
        self.outputs.extend(self.request.take().map(Output::Send));
    }
}

/// The one place where a period of the agent becomes a moment; never runs off the end of time.
pub(super) fn later(now: Timestamp, period: SignedDuration) -> Timestamp {
    now.saturating_add(period).unwrap_or(Timestamp::MAX)
}

fn difference(before: &Counts, after: &Counts) -> String {
    let mut parts = Vec::new();
    let all: std::collections::BTreeSet<_> = before.keys().chain(after.keys()).collect();
    for entitlement in all {
        let count = |counts: &Counts| counts.get(entitlement).copied().unwrap_or(0);
        if count(before) != count(after) {
            let tag = entitlement.short_tag();
            parts.push(format!("{tag} from {} to {}", count(before), count(after)));
        }
    }
    parts.join(", ")
}
