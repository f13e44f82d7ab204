//! Agent, server, disk and both clocks together; holds the agent to its promises at every step.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::licensing::agent::{
    Beginning, Command, Counted, Input, Occasion, Output, Request, ReservationAnswer, ReservationCommand,
    SmartAgent,
};
use crate::licensing::agent_settings::AgentSettings;
use crate::licensing::catalogue::Entitlement;
use crate::licensing::configuration::{Configuration, Destination, TransportProblem};
use crate::licensing::consumption::{Consumption, Use};
use crate::licensing::diagram::{AUTHORIZATION, Arrow, EVALUATION, RESERVATION, Stage, TRANSITIONS};
use crate::licensing::event::Event;
use crate::licensing::exchange::Speaker;
use crate::licensing::fault::DeliveryFailure;
use crate::licensing::message::Udi;
use crate::licensing::now::Now;
use crate::licensing::return_code::ReturnCode;
use crate::licensing::secret::Secret;
use crate::licensing::signature::chain::TrustRoot;
use crate::licensing::simulation::server::{Server, TOKEN};
use crate::licensing::state::{AuthorizationState, ExchangeKind, LicenceStatus};
use crate::licensing::trust::{Standing, TrustRecord};

pub struct Lab {
    pub agent: SmartAgent,
    pub server: Server,
    pub settings: AgentSettings,
    pub configuration: Configuration,
    pub consumption: Arc<Consumption>,
    /// Whether the hardware has taken up what is configured.
    pub settled: bool,
    /// Wall time.
    pub now: Timestamp,
    steady: Duration,
    pub disk: Option<TrustRecord>,
    /// The request on its way, how long it still takes, and its answer.
    pub on_the_way: Option<(Request, Duration, Result<Vec<u8>, DeliveryFailure>)>,
    /// When it was sent, by the steady clock.
    sent_at: Duration,
    pub log: Vec<(Timestamp, Event)>,
    /// Every arrow of a registration that was walked.
    pub stages: HashSet<(Stage, Stage)>,
    /// Every other arrow that was walked.
    pub arrows: BTreeSet<Arrow>,
    code: Option<ReturnCode>,
    reservation_answer: Option<ReservationAnswer>,
    /// The counts that a collection finds, when they are others than those told of.
    pub collected: Option<Arc<Consumption>>,
}

pub fn start() -> Timestamp {
    "2021-06-21T12:00:00Z".parse().unwrap()
}

pub fn days(days: i64) -> SignedDuration {
    SignedDuration::from_hours(24 * days)
}

pub fn hours(hours: i64) -> SignedDuration {
    SignedDuration::from_hours(hours)
}

pub fn seconds(seconds: i64) -> SignedDuration {
    SignedDuration::from_secs(seconds)
}

pub fn udi() -> Udi {
    Udi {
        pid: "NCS1004".to_owned(),
        serial_number: "CAT2249B009".to_owned(),
        uuid: "default-sdr".to_owned(),
    }
}

pub fn using(counts: &[(Entitlement, u32)]) -> Arc<Consumption> {
    let entitlements = counts
        .iter()
        .filter(|(_, count)| *count > 0)
        .map(|(entitlement, count)| {
            let entry = Use {
                count: *count,
                contributions: Vec::new(),
            };
            (*entitlement, entry)
        });
    Arc::new(Consumption {
        entitlements: entitlements.collect(),
        unknown_cards: Vec::new(),
    })
}

pub fn registration(token: &str, force: bool) -> Command {
    Command::Register {
        token: Secret::new(token.to_owned()),
        force,
    }
}

pub fn vendor() -> Configuration {
    Configuration {
        destination: Err(TransportProblem::NeverContacted {
            url: "https://tools.cisco.com/its/service/oddce/services/DDCEService".to_owned(),
            domain: "cisco.com".to_owned(),
        }),
        ..Configuration::default()
    }
}

/// Settings without the spread of a fleet, so that everything happens at its second.
pub fn punctual() -> AgentSettings {
    AgentSettings {
        spread: SignedDuration::ZERO,
        ..AgentSettings::default()
    }
}

fn through_json(record: &TrustRecord) -> TrustRecord {
    let text = serde_json::to_string(record).unwrap();
    let read = serde_json::from_str(&text).unwrap();
    assert_eq!(*record, read);
    read
}

impl Lab {
    pub fn new() -> Lab {
        Lab::with(punctual())
    }

    /// One that counts once a day and does not ask every hour, for years in which that is not the point.
    pub fn unhurried() -> Lab {
        Lab::with(AgentSettings {
            urgent_retry: days(1),
            collection: days(1),
            ..punctual()
        })
    }

    pub fn with(settings: AgentSettings) -> Lab {
        Lab::starting(settings, start())
    }

    pub fn starting(settings: AgentSettings, now: Timestamp) -> Lab {
        let configuration = Configuration {
            destination: Ok(Destination::of(
                "http://127.0.0.1:1/its/service/oddce/services/DDCEService",
            )),
            ..Configuration::default()
        };
        let moment = Now {
            wall: now,
            steady: Duration::ZERO,
        };
        let (server, consumption) = (Server::new(), using(&[]));
        let beginning = Beginning {
            speaker: speaker(&server.authority.root),
            settings: settings.clone(),
            record: TrustRecord::new(udi()),
            configuration: configuration.clone(),
            counted: Counted {
                consumption: Arc::clone(&consumption),
                settled: true,
            },
            found: Vec::new(),
        };
        let mut lab = Lab {
            agent: SmartAgent::start(beginning, moment),
            server,
            settings,
            configuration,
            consumption,
            settled: true,
            now,
            steady: Duration::ZERO,
            disk: None,
            on_the_way: None,
            sent_at: Duration::ZERO,
            log: Vec::new(),
            stages: HashSet::new(),
            arrows: BTreeSet::new(),
            code: None,
            reservation_answer: None,
            collected: None,
        };
        lab.carry_out();
        lab
    }

    pub fn handle(&mut self, input: Input) {
        let moment = Now {
            wall: self.now,
            steady: self.steady,
        };
        self.agent.handle(input, moment);
        self.carry_out();
    }

    fn carry_out(&mut self) {
        let mut collect = false;
        while let Some(output) = self.agent.poll_output() {
            match output {
                Output::Persist(record) => self.persist(*record),
                Output::Moved(transition) => {
                    let arrow = (transition.from, transition.to);
                    assert!(TRANSITIONS.contains(&arrow), "{arrow:?} is not drawn");
                    self.stages.insert(arrow);
                }
                Output::Log(event) => self.log.push((self.now, event)),
                Output::Collect => collect = true,
                Output::Answered(code) => {
                    assert_eq!(self.code.replace(code), None, "a command is answered once");
                }
                Output::ReservationAnswered(answer) => {
                    let before = self.reservation_answer.replace(*answer);
                    assert_eq!(before, None, "a command is answered once");
                }
                Output::Send(request) => {
                    let written = self.disk.as_ref().map(|record| record.sequence);
                    assert_eq!(written, Some(request.id), "persist comes before send");
                    // What was given up may still be on the way; the driver drops it with the next one.
                    let waited = SignedDuration::try_from(self.steady - self.sent_at).unwrap();
                    assert!(
                        self.on_the_way.is_none() || waited >= self.settings.exchange_timeout,
                        "one exchange in flight"
                    );
                    self.sent_at = self.steady;
                    let answer = self.server.answer(&request, self.now);
                    self.on_the_way = Some((request, self.server.delay.unsigned_abs(), answer));
                }
            }
        }
        let deadline = self.agent.next_deadline().unwrap();
        assert!(deadline > self.now, "a deadline of {deadline} at {}", self.now);
        if collect {
            self.consumption = self
                .collected
                .clone()
                .unwrap_or_else(|| Arc::clone(&self.consumption));
            self.count(Occasion::Collection);
        }
    }

    /// Writes the record down, and holds what changed in it to the diagram.
    fn persist(&mut self, record: TrustRecord) {
        let Some(before) = self.disk.take() else {
            self.disk = Some(through_json(&record));
            return;
        };
        let since = |record: &TrustRecord| {
            let registered = record.registration.registered()?;
            Some((registered.completed_at, registered.authorization.standing.name()))
        };
        if let (Some((first, from)), Some((second, to))) = (since(&before), since(&record))
            && first == second
        {
            self.walk("authorization", &AUTHORIZATION, from, to);
        }
        let (from, to) = (before.evaluation.name(), record.evaluation.name());
        self.walk("evaluation", &EVALUATION, from, to);
        let (from, to) = (before.reservation.stage.name(), record.reservation.stage.name());
        self.walk("reservation", &RESERVATION, from, to);
        // Most of the time nothing but the time of day changes.
        let same = before.registration == record.registration && before.reservation == record.reservation;
        self.disk = Some(if same { record } else { through_json(&record) });
    }

    fn walk(&mut self, what: &str, drawn: &[Arrow], from: &'static str, to: &'static str) {
        if from != to {
            assert!(drawn.contains(&(from, to)), "{what}: {from} to {to} is not drawn");
            self.arrows.insert((from, to));
        }
    }

    pub fn count(&mut self, occasion: Occasion) {
        let counted = Counted {
            consumption: Arc::clone(&self.consumption),
            settled: self.settled,
        };
        self.handle(Input::Counted { counted, occasion });
    }

    /// Lets time pass on both clocks; everything happens when it is due.
    pub fn run(&mut self, period: SignedDuration) {
        let mut left = Duration::try_from(period).unwrap();
        loop {
            let deadline = self.agent.next_deadline().unwrap();
            let to_deadline = Duration::try_from(deadline.duration_since(self.now)).unwrap();
            let arrival = self.on_the_way.as_ref().map(|(_, arrival, _)| *arrival);
            match arrival {
                Some(arrival) if arrival <= to_deadline.min(left) => {
                    left -= arrival;
                    self.pass(arrival);
                    let (request, _, answer) = self.on_the_way.take().unwrap();
                    let id = request.id;
                    self.handle(Input::Answer { id, answer });
                }
                _ if to_deadline <= left => {
                    left -= to_deadline;
                    self.pass(to_deadline);
                    self.handle(Input::Tick);
                }
                _ => break,
            }
        }
        self.pass(left);
    }

    /// Lets time pass and nobody look, as while the machine sleeps.
    pub fn sleep(&mut self, period: SignedDuration) {
        self.on_the_way = None;
        self.pass(period.unsigned_abs());
        self.handle(Input::Tick);
    }

    fn pass(&mut self, time: Duration) {
        self.now += time;
        self.steady += time;
        if let Some((_, arrival, _)) = &mut self.on_the_way {
            *arrival = arrival.saturating_sub(time);
        }
    }

    /// Sets the wall clock; the agent sees it when it looks.
    pub fn set_clock(&mut self, by: SignedDuration) {
        self.now += by;
        self.handle(Input::Tick);
    }

    pub fn command(&mut self, command: Command) -> ReturnCode {
        self.handle(Input::Command(command));
        self.code.take().unwrap()
    }

    pub fn reservation(&mut self, command: ReservationCommand) -> ReservationAnswer {
        self.handle(Input::Command(Command::Reservation(command)));
        self.reservation_answer.take().unwrap()
    }

    pub fn register(&mut self) -> ReturnCode {
        self.command(registration(TOKEN, false))
    }

    /// Registered and authorized, ten seconds after the start.
    pub fn registered(counts: &[(Entitlement, u32)]) -> Lab {
        Lab::new().after_registration(counts)
    }

    pub fn after_registration(mut self, counts: &[(Entitlement, u32)]) -> Lab {
        self.use_licences(counts);
        assert_eq!(self.register(), ReturnCode::Success);
        self.run(seconds(10));
        assert_eq!(self.stage(), Stage::Complete);
        self
    }

    pub fn use_licences(&mut self, counts: &[(Entitlement, u32)]) {
        self.consumption = using(counts);
        self.count(Occasion::Change);
    }

    pub fn configure(&mut self, configuration: Configuration) {
        self.configuration = configuration.clone();
        self.handle(Input::Configured(configuration));
    }

    pub fn way_changed(&mut self) {
        self.handle(Input::WayChanged);
    }

    /// Kills the agent and starts it from what is on the disk.
    pub fn restart(&mut self) {
        self.on_the_way = None;
        let beginning = Beginning {
            speaker: speaker(&self.server.authority.root),
            settings: self.settings.clone(),
            record: self.disk.clone().unwrap(),
            configuration: self.configuration.clone(),
            counted: Counted {
                consumption: Arc::clone(&self.consumption),
                settled: self.settled,
            },
            found: Vec::new(),
        };
        let moment = Now {
            wall: self.now,
            steady: self.steady,
        };
        self.agent = SmartAgent::start(beginning, moment);
        self.carry_out();
    }

    pub fn stage(&self) -> Stage {
        self.disk.as_ref().unwrap().registration.stage()
    }

    pub fn status(&self) -> LicenceStatus {
        self.agent.state().status
    }

    pub fn standing(&self) -> Standing {
        match self.agent.state().authorization {
            AuthorizationState::Registered { standing, .. } => standing,
            other => panic!("not registered: {other:?}"),
        }
    }

    /// When the next exchange is shown to be, and the deadline.
    pub fn authorization_times(&self) -> (Timestamp, Timestamp) {
        match self.agent.state().authorization {
            AuthorizationState::Registered {
                next_exchange,
                deadline,
                ..
            } => (next_exchange, deadline),
            other => panic!("not registered: {other:?}"),
        }
    }

    pub fn logged(&self, mnemonic: &str) -> Vec<Timestamp> {
        let of = self.log.iter().filter(|(_, event)| event.mnemonic() == mnemonic);
        of.map(|(at, _)| *at).collect()
    }

    pub fn last_text(&self, mnemonic: &str) -> String {
        let mut of = self
            .log
            .iter()
            .rev()
            .filter(|(_, event)| event.mnemonic() == mnemonic);
        of.next().unwrap().1.to_string()
    }

    pub fn heard(&self, kind: ExchangeKind) -> usize {
        self.heard_at(kind).len()
    }

    pub fn heard_at(&self, kind: ExchangeKind) -> Vec<Timestamp> {
        let heard = self.server.heard.iter().filter(|(_, heard)| *heard == kind);
        heard.map(|(at, _)| *at).collect()
    }
}

fn speaker(root: &str) -> Speaker {
    Speaker {
        udi: udi(),
        vid: "V01".to_owned(),
        software_tag: "regid.2018-05.com.cisco.NCS1004,1.0_0".to_owned(),
        agent_version: "4.13.32_rel/85".to_owned(),
        root: Some(TrustRoot::from_pem(root).unwrap()),
    }
}
