//! Drives the smart agent: counts on every change, keeps its deadlines, writes its record, carries its requests, tells the log.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::time::{Duration, Instant};

use jiff::SignedDuration;
use tokio::sync::{mpsc, watch};
use tokio::task::{AbortHandle, spawn_blocking};

use crate::app::clock::Clock;
use crate::app::device_driver::Device;
use crate::app::licence_counting::Counting;
use crate::app::licence_courier::Courier;
use crate::app::licence_settling::settled;
use crate::app::licence_witness::LicenceWitness;
use crate::app::seal::{KEY_FILE, SealKey};
use crate::app::settings::{LicensingSettings, policy};
use crate::app::trust_record::{self, TrustRecordError};
use crate::device::hardware::ChassisSnapshot;
use crate::licensing::agent::{
    Beginning, Command, Counted, Input, Occasion, Output, Request, ReservationAnswer, ReservationCommand,
    SmartAgent,
};
use crate::licensing::agent_settings::AgentSettings;
use crate::licensing::configuration::Configuration;
use crate::licensing::consumption::UnknownCard;
use crate::licensing::exchange::Speaker;
use crate::licensing::fault::{DeliveryFailure, Fault};
use crate::licensing::message::Udi;
use crate::licensing::now::Now;
use crate::licensing::policy::Policy;
use crate::licensing::return_code::ReturnCode;
use crate::licensing::signature::chain::TrustRoot;
use crate::licensing::state::AgentState;
use crate::licensing::trust::TrustRecord;
use crate::state_dir::StateDir;

/// Licensing as everybody else sees it: news go in, states come out; nobody waits for a server or a disk, except
/// whoever orders something.
#[derive(Clone)]
pub struct Licensing {
    inbox: mpsc::UnboundedSender<News>,
    state: watch::Receiver<Arc<AgentState>>,
    counting: watch::Receiver<Arc<Counting>>,
}

/// What licensing runs on.
pub struct LicensingParts {
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Where the trust record lives.
    pub state_dir: Arc<StateDir>,
    /// The file of the key that seals it; without one it lies beside the record.
    pub seal_key_file: Option<PathBuf>,
    /// What is counted.
    pub device: Device,
    /// How it is counted.
    pub policy: Policy,
    /// What running says about licensing now.
    pub configuration: Configuration,
    /// Periods of the agent; [`agent_settings`] makes them.
    pub settings: AgentSettings,
    /// The licensing root; [`licensing_root`] reads it. Without it no server is believed.
    pub root: Option<TrustRoot>,
    /// Who carries requests.
    pub courier: Arc<dyn Courier>,
    /// Who sees what happens.
    pub witness: Arc<dyn LicenceWitness>,
}

enum News {
    Configured(Configuration),
    WayChanged,
    Recount,
    Ordered(Command, SyncSender<Answer>),
    Answered(u64, Result<Vec<u8>, DeliveryFailure>),
}

/// What a command is answered.
enum Answer {
    Plain(ReturnCode),
    Reservation(Box<ReservationAnswer>),
}

/// Why the licensing root cannot be used, in one line.
#[derive(Debug, thiserror::Error)]
#[error("licensing root {path}: {reason}")]
pub struct LicensingRootError {
    /// The file.
    pub path: PathBuf,
    /// What is wrong with it.
    pub reason: String,
}

/// Reads the certificate of the licensing root.
pub fn licensing_root(path: &Path) -> Result<TrustRoot, LicensingRootError> {
    let wrong = |reason: String| LicensingRootError {
        path: path.to_owned(),
        reason,
    };
    let pem = fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?;
    let root = TrustRoot::from_pem(&pem).map_err(|error| wrong(error.to_string()))?;
    match root.common_name() {
        // `ponder ssm` names it so; whoever mixed up its two files would register and not believe the answer.
        name if name.ends_with("TLS root") => Err(wrong(format!(
            "{name:?} is the CA of the server's HTTPS, not its licensing root: give licensing-root.pem, which lies beside it"
        ))),
        _ => Ok(root),
    }
}

/// The agent's periods with what the settings file says about them.
pub fn agent_settings(settings: &LicensingSettings) -> AgentSettings {
    AgentSettings {
        hold_down: SignedDuration::from_secs(settings.hold_down_seconds.into()),
        // The courier gives up first and says more about it.
        exchange_timeout: SignedDuration::from_secs(i64::from(settings.exchange_timeout_seconds) + 10),
        ..policy::agent_settings(&settings.policy, &settings.periods)
    }
}

impl Licensing {
    /// Reads the trust record and starts the agent on the present runtime. It ends when the last [`Licensing`] is
    /// dropped.
    pub fn start(parts: LicensingParts) -> Result<Licensing, TrustRecordError> {
        let snapshot = parts.device.snapshot();
        let speaker = speaker(&snapshot.chassis, parts.root);
        let seal_key_file = parts
            .seal_key_file
            .unwrap_or_else(|| parts.state_dir.file(KEY_FILE));
        let seal: Arc<dyn SealKey> = Arc::new(trust_record::seal_key(&parts.state_dir, &seal_key_file)?);
        let now = moment(parts.clock.as_ref());
        let loaded = trust_record::load(&parts.state_dir, seal.as_ref(), &speaker.udi, now.wall)?;
        let policy = Arc::new(parts.policy);
        let counting = Arc::new(Counting::of(&parts.device, &policy));
        counting.tell_changes(&Counting::default());
        let beginning = Beginning {
            speaker,
            settings: parts.settings,
            record: loaded.record,
            configuration: parts.configuration,
            counted: Counted {
                consumption: Arc::clone(&counting.consumption),
                settled: settled(&parts.device.desired(), &snapshot),
            },
            found: loaded.found,
        };
        let agent = SmartAgent::start(beginning, now);
        let (inbox, news) = mpsc::unbounded_channel();
        let (publish, state) = watch::channel(Arc::new(agent.state()));
        let (publish_counting, counting) = watch::channel(counting);
        let driver = Driver {
            agent,
            clock: parts.clock,
            state_dir: parts.state_dir,
            seal,
            device: parts.device,
            policy,
            courier: parts.courier,
            witness: parts.witness,
            answers: inbox.downgrade(),
            publish,
            publish_counting,
            unwritten: None,
            ordered: None,
            delivery: None,
            unknown_cards: Vec::new(),
        };
        tokio::spawn(driver.run(news));
        Ok(Licensing {
            inbox,
            state,
            counting,
        })
    }

    /// Something about licensing was configured.
    pub fn configured(&self, configuration: Configuration) {
        self.inbox.send(News::Configured(configuration)).ok();
    }

    /// Names, revocation or proxies on the way to the server were configured anew.
    pub fn way_changed(&self) {
        self.inbox.send(News::WayChanged).ok();
    }

    /// The desired state changed; what the hardware does about it is seen without being told.
    pub fn recount(&self) {
        self.inbox.send(News::Recount).ok();
    }

    /// Orders something and waits for the answer, which comes as soon as the order is on disk; for places that may
    /// block. The work itself goes on in the background.
    pub fn order(&self, command: Command) -> ReturnCode {
        match self.ordered(command) {
            Some(Answer::Plain(code)) => code,
            Some(Answer::Reservation(answer)) => answer.code,
            None => ReturnCode::NotEnabled,
        }
    }

    /// Orders something about a reservation and waits for the answer, as [`Licensing::order`] does.
    pub fn order_reservation(&self, command: ReservationCommand) -> ReservationAnswer {
        match self.ordered(Command::Reservation(command)) {
            Some(Answer::Reservation(answer)) => *answer,
            Some(Answer::Plain(code)) => ReservationAnswer::refused(code, "the command was not carried out"),
            None => ReservationAnswer::refused(ReturnCode::NotEnabled, "licensing has ended"),
        }
    }

    fn ordered(&self, command: Command) -> Option<Answer> {
        let (answer, answered) = sync_channel(1);
        self.inbox.send(News::Ordered(command, answer)).ok()?;
        answered.recv().ok()
    }

    /// How everything stands.
    pub fn state(&self) -> Arc<AgentState> {
        Arc::clone(&self.state.borrow())
    }

    /// The counting that the state rests on, or one that it is about to.
    pub fn counting(&self) -> Arc<Counting> {
        Arc::clone(&self.counting.borrow())
    }

    /// Follows how everything stands.
    pub fn subscribe(&self) -> watch::Receiver<Arc<AgentState>> {
        self.state.clone()
    }
}

/// Release and build that the licence commands of this platform show.
const AGENT_VERSION: &str = "4.13.32_rel/85";

fn speaker(chassis: &ChassisSnapshot, root: Option<TrustRoot>) -> Speaker {
    Speaker {
        udi: Udi {
            pid: chassis.pid.clone(),
            serial_number: chassis.serial_number.clone(),
            uuid: chassis.uuid.clone(),
        },
        vid: chassis.vid.clone(),
        software_tag: format!(
            "regid.2018-05.com.cisco.{},{}_0a3c9e57-7d0a-4d3b-8d57-6c1f25b7e0d4",
            chassis.pid, chassis.software_version
        ),
        agent_version: AGENT_VERSION.to_owned(),
        root,
    }
}

fn moment(clock: &dyn Clock) -> Now {
    Now {
        wall: clock.now(),
        steady: clock.uptime(),
    }
}

/// The task.
struct Driver {
    agent: SmartAgent,
    clock: Arc<dyn Clock>,
    state_dir: Arc<StateDir>,
    seal: Arc<dyn SealKey>,
    device: Device,
    policy: Arc<Policy>,
    courier: Arc<dyn Courier>,
    witness: Arc<dyn LicenceWitness>,
    answers: mpsc::WeakUnboundedSender<News>,
    publish: watch::Sender<Arc<AgentState>>,
    publish_counting: watch::Sender<Arc<Counting>>,
    /// A record that could not be written, and why; written again with the next step.
    unwritten: Option<(Box<TrustRecord>, String)>,
    ordered: Option<SyncSender<Answer>>,
    delivery: Option<AbortHandle>,
    /// Cards that the log was told of.
    unknown_cards: Vec<UnknownCard>,
}

impl Driver {
    async fn run(mut self, mut news: mpsc::UnboundedReceiver<News>) {
        let mut snapshots = self.device.subscribe();
        loop {
            self.carry_out().await;
            let state = Arc::new(self.agent.state());
            self.witness.stands(&state);
            self.publish.send_replace(state);
            let clock = Arc::clone(&self.clock);
            let deadline = self.deadline();
            let input = tokio::select! {
                received = news.recv() => match received {
                    Some(received) => self.input(received),
                    None => return,
                },
                changed = snapshots.changed() => {
                    if changed.is_err() {
                        return;
                    }
                    snapshots.borrow_and_update();
                    self.counted(Occasion::Change)
                }
                () = clock.wait_until(deadline) => Input::Tick,
            };
            self.witness.given(&input);
            self.agent.handle(input, self.now());
        }
    }

    fn input(&mut self, news: News) -> Input {
        match news {
            News::Configured(configuration) => Input::Configured(configuration),
            News::WayChanged => Input::WayChanged,
            News::Recount => self.counted(Occasion::Change),
            News::Ordered(command, answer) => {
                self.ordered = Some(answer);
                Input::Command(command)
            }
            News::Answered(id, answer) => Input::Answer { id, answer },
        }
    }

    fn counted(&mut self, occasion: Occasion) -> Input {
        let counting = Arc::new(Counting::of(&self.device, &self.policy));
        let consumption = Arc::clone(&counting.consumption);
        counting.tell_changes(&self.publish_counting.send_replace(Arc::clone(&counting)));
        if consumption.unknown_cards != self.unknown_cards {
            for card in &consumption.unknown_cards {
                let UnknownCard { location, pid } = card;
                tracing::warn!(%location, pid, "no counting rule for this card: it counts no licences");
            }
            self.unknown_cards.clone_from(&consumption.unknown_cards);
        }
        Input::Counted {
            counted: Counted {
                consumption,
                settled: settled(&self.device.desired(), &self.device.snapshot()),
            },
            occasion,
        }
    }

    fn now(&self) -> Now {
        moment(self.clock.as_ref())
    }

    /// The agent's deadline in steady time; never further away than a minute, so that a stepped wall clock is noticed.
    fn deadline(&self) -> Instant {
        // Steady time first: whatever passes between the two readings makes the wait end early, never late.
        let steady = self.clock.instant();
        let now = self.clock.now();
        let wait = self.agent.next_deadline().map_or(NOTICE, |deadline| {
            deadline.duration_since(now).try_into().unwrap_or(Duration::ZERO)
        });
        steady + wait.min(NOTICE)
    }

    async fn carry_out(&mut self) {
        if let Some((record, _)) = self.unwritten.take() {
            self.persist(record).await;
        }
        while let Some(output) = self.agent.poll_output() {
            self.witness.wanted(&output);
            match output {
                Output::Persist(record) => self.persist(record).await,
                Output::Moved(transition) => {
                    tracing::info!(from = ?transition.from, to = ?transition.to, "registration moves");
                }
                // The witness logs.
                Output::Log(_) => {}
                Output::Collect => {
                    let counted = self.counted(Occasion::Collection);
                    self.witness.given(&counted);
                    self.agent.handle(counted, self.now());
                }
                Output::Answered(code) => {
                    let code = match &self.unwritten {
                        Some(_) if code == ReturnCode::Success => ReturnCode::StorageFailed,
                        _ => code,
                    };
                    self.answer(Answer::Plain(code));
                }
                Output::ReservationAnswered(answer) => {
                    // A code that the disk does not know of would be void after a restart.
                    let answer = match &self.unwritten {
                        Some((_, reason)) if answer.code == ReturnCode::Success => {
                            Box::new(ReservationAnswer::refused(ReturnCode::StorageFailed, reason))
                        }
                        _ => answer,
                    };
                    self.answer(Answer::Reservation(answer));
                }
                Output::Send(request) => self.send(request),
            }
        }
    }

    fn answer(&mut self, answer: Answer) {
        if let Some(waiting) = self.ordered.take() {
            // Shown first: whoever was answered may look at once.
            self.publish.send_replace(Arc::new(self.agent.state()));
            // Whoever asked may be gone.
            waiting.send(answer).ok();
        }
    }

    /// Writes on a thread that may block; what follows waits for it.
    async fn persist(&mut self, record: Box<TrustRecord>) {
        let (state_dir, seal) = (Arc::clone(&self.state_dir), Arc::clone(&self.seal));
        let writing = spawn_blocking(move || {
            let written = trust_record::store(&state_dir, seal.as_ref(), &record);
            let written = written.map_err(|error| error.to_string());
            written.map_err(|reason| (record, reason))
        });
        match writing.await {
            Ok(Ok(())) => self.unwritten = None,
            Ok(Err((record, reason))) => {
                tracing::error!(
                    reason,
                    "the trust record cannot be written; nothing is sent until it can"
                );
                self.unwritten = Some((record, reason));
            }
            // Only at shutdown, when the runtime takes no more work.
            Err(_) => {}
        }
    }

    fn send(&mut self, request: Request) {
        let id = request.id;
        // A delivery alone does not keep the agent alive.
        let answers = self.answers.clone();
        let bring_back = move |answer| {
            if let Some(inbox) = answers.upgrade() {
                inbox.send(News::Answered(id, answer)).ok();
            }
        };
        if let Some((_, reason)) = &self.unwritten {
            let reason = format!("not sent, because the trust record cannot be written: {reason}");
            let fault = Fault::NotWritten;
            return bring_back(Err(DeliveryFailure { fault, reason }));
        }
        tracing::info!(id, kind = request.kind.yang_name(), url = %Shown(&request.destination.url), "licence request");
        // What was given up by the agent is not waited for any more.
        if let Some(given_up) = self.delivery.take() {
            given_up.abort();
        }
        let courier = Arc::clone(&self.courier);
        let delivery = tokio::spawn(async move { bring_back(courier.deliver(request).await) });
        self.delivery = Some(delivery.abort_handle());
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        if let Some(delivery) = self.delivery.take() {
            delivery.abort();
        }
    }
}

/// How long a stepped wall clock may go unnoticed.
const NOTICE: Duration = Duration::from_secs(60);

/// A URL without user information.
pub(in crate::app) struct Shown<'u>(pub(in crate::app) &'u str);

impl std::fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0.split_once("://") {
            Some((scheme, rest)) => {
                let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
                let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
                write!(f, "{scheme}://{host}{path}")
            }
            None => f.write_str(self.0),
        }
    }
}

#[cfg(test)]
pub mod still {
    //! Licensing that stands still, for tests of what is shown.

    use super::*;

    /// Licensing in this state; it answers nothing and has counted nothing.
    pub fn licensing(state: AgentState) -> Licensing {
        counted(state, Counting::default())
    }

    /// Licensing in this state after this counting; it answers nothing.
    pub fn counted(state: AgentState, counting: Counting) -> Licensing {
        Licensing {
            inbox: mpsc::unbounded_channel().0,
            state: watch::channel(Arc::new(state)).1,
            counting: watch::channel(Arc::new(counting)).1,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::app::clock::ManualClock;
    use crate::app::device_driver::SimulatorCommand;
    use crate::app::licence_courier::Delivery;
    use crate::app::seal::{FileSealKey, Sealed};
    use crate::device::chassis::ChassisDescription;
    use crate::device::desired_state::{DesiredState, LineCardDesired, SliceDesired};
    use crate::device::inventory::{ClientType, TrunkRate};
    use crate::device::simulator::Simulator;
    use crate::licensing::catalogue::Entitlement;
    use crate::licensing::configuration::Destination;
    use crate::licensing::secret::Secret;
    use crate::licensing::state::{AuthorizationState, RegistrationState};
    use crate::licensing::trust::Registration;

    /// Reaches nobody, and notes what the disk held when it was sent.
    struct Unreachable {
        state_dir: Arc<StateDir>,
        noted: Mutex<Vec<(u64, String)>>,
    }

    impl Courier for Unreachable {
        fn deliver(&self, request: Request) -> Delivery {
            let record = self
                .state_dir
                .read("trust-record.json")
                .unwrap()
                .unwrap_or_default();
            self.noted.lock().unwrap().push((request.id, record));
            let (fault, reason) = (Fault::NoConnection, "connection refused".to_owned());
            Box::pin(async move { Err(DeliveryFailure { fault, reason }) })
        }
    }

    struct Lab {
        folder: tempfile::TempDir,
        clock: ManualClock,
        device: Device,
        state_dir: Arc<StateDir>,
        courier: Arc<Unreachable>,
        licensing: Licensing,
    }

    fn root() -> TrustRoot {
        let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap();
        let mut params = rcgen::CertificateParams::default();
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        params.key_usages = vec![rcgen::KeyUsagePurpose::KeyCertSign];
        TrustRoot::from_pem(&params.self_signed(&key).unwrap().pem()).unwrap()
    }

    fn start(
        lab_clock: &ManualClock,
        device: &Device,
        state_dir: &Arc<StateDir>,
        courier: &Arc<Unreachable>,
    ) -> Licensing {
        Licensing::start(LicensingParts {
            clock: Arc::new(lab_clock.clone()),
            state_dir: Arc::clone(state_dir),
            seal_key_file: None,
            device: device.clone(),
            policy: Policy::default(),
            configuration: Configuration {
                destination: Ok(Destination::of("http://user:hidden@127.0.0.1:1/")),
                ..Configuration::default()
            },
            settings: agent_settings(&LicensingSettings::default()),
            root: Some(root()),
            courier: Arc::clone(courier) as Arc<dyn Courier>,
            witness: Arc::new(()),
        })
        .unwrap()
    }

    impl Lab {
        fn new() -> Lab {
            let folder = tempfile::tempdir().unwrap();
            let clock = ManualClock::starting_at("2021-06-21T12:40:52Z".parse().unwrap());
            let simulator = Simulator::new(ChassisDescription::default());
            let device = Device::start(Box::new(simulator), Arc::new(clock.clone())).unwrap();
            let state_dir = Arc::new(StateDir::open(folder.path()).unwrap());
            let courier = Arc::new(Unreachable {
                state_dir: Arc::clone(&state_dir),
                noted: Mutex::default(),
            });
            let licensing = start(&clock, &device, &state_dir, &courier);
            Lab {
                folder,
                clock,
                device,
                state_dir,
                courier,
                licensing,
            }
        }

        async fn order(&self, command: Command) -> ReturnCode {
            let licensing = self.licensing.clone();
            spawn_blocking(move || licensing.order(command)).await.unwrap()
        }

        async fn register(&self) -> ReturnCode {
            let token = Secret::new("a-token".to_owned());
            self.order(Command::Register { token, force: false }).await
        }

        async fn wait_for(&self, wanted: impl Fn(&AgentState) -> bool) -> Arc<AgentState> {
            let mut states = self.licensing.subscribe();
            let state = states.wait_for(|state| wanted(state)).await.unwrap();
            Arc::clone(&state)
        }
    }

    /// A 600G slice of 100GE clients in 0/0, which has a licensed 1.2T card.
    fn six_clients() -> Arc<DesiredState> {
        let slice = SliceDesired {
            trunk_rate: TrunkRate::from_gbps(600),
            client_rate: Some(ClientType::HundredGigE),
            ..SliceDesired::default()
        };
        let card = LineCardDesired {
            slices: [(0, slice)].into(),
            muxponder: None,
        };
        Arc::new(DesiredState {
            line_cards: [("0/0".parse().unwrap(), card)].into(),
            ..DesiredState::default()
        })
    }

    #[tokio::test]
    async fn counts_follow_the_configuration_and_the_hardware() {
        let lab = Lab::new();
        assert_eq!(lab.licensing.state().authorization, AuthorizationState::None);
        lab.device.apply(six_clients());
        lab.licensing.recount();
        let counts =
            |count| move |state: &AgentState| state.consumption.count(Entitlement::Client100G) == count;
        let state = lab.wait_for(counts(2)).await;
        assert_eq!(state.authorization, AuthorizationState::Evaluation);
        let device = lab.device.clone();
        let down = SimulatorCommand::LineCardDown("0/0".parse().unwrap());
        spawn_blocking(move || device.simulate(down))
            .await
            .unwrap()
            .unwrap();
        lab.wait_for(counts(0)).await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_command_that_was_answered_shows_at_once() {
        for _ in 0..20 {
            let lab = Lab::new();
            assert_eq!(lab.register().await, ReturnCode::Success);
            let state = lab.licensing.state();
            assert_ne!(state.registration, RegistrationState::NotRegistered);
        }
    }

    #[tokio::test]
    async fn what_the_hardware_does_while_the_agent_starts_is_counted() {
        let lab = Lab::new();
        let mut snapshots = lab.device.subscribe();
        // As after a restart: the wish is handed over, and nobody tells licensing about it.
        lab.device.apply(six_clients());
        // No await before the hardware is done: the agent's task has had no turn yet.
        while !snapshots.has_changed().unwrap() {
            std::thread::yield_now();
        }
        snapshots.borrow_and_update();
        let counted = lab.wait_for(|state| state.consumption.count(Entitlement::Client100G) == 2);
        tokio::time::timeout(Duration::from_secs(20), counted)
            .await
            .unwrap();
    }

    #[tokio::test]
    async fn a_registration_is_on_disk_before_it_is_answered_or_sent_and_survives_a_restart() {
        let lab = Lab::new();
        assert_eq!(lab.register().await, ReturnCode::Success);
        let seal = FileSealKey::read(&lab.state_dir.file(KEY_FILE)).unwrap().unwrap();
        let udi = lab.licensing.state().udi.clone();
        let record = trust_record::load(&lab.state_dir, &seal, &udi, lab.clock.now())
            .unwrap()
            .record;
        assert!(!matches!(record.registration, Registration::NotRegistered));
        let waits = |state: &AgentState| matches!(state.registration, RegistrationState::Retry { .. });
        let state = lab.wait_for(waits).await;
        assert_eq!(state.exchange.last_error.as_deref(), Some("connection refused"));
        {
            let noted = lab.courier.noted.lock().unwrap();
            let (id, record) = &noted[0];
            let record: Sealed = serde_json::from_str(record).unwrap();
            let record = record.open("trust-record.json", &seal).unwrap();
            let record: TrustRecord = serde_json::from_slice(&record).unwrap();
            assert_eq!(record.sequence, *id);
            assert!(matches!(record.registration, Registration::InProgress { .. }));
        }
        let Lab {
            folder: _folder,
            clock,
            device,
            state_dir,
            courier,
            licensing,
        } = lab;
        drop(licensing);
        let licensing = start(&clock, &device, &state_dir, &courier);
        assert!(waits(&licensing.state()));
        let mut states = licensing.subscribe();
        // A day, and as late as a device of a fleet may be.
        clock.advance(Duration::from_secs(86_400 + 300));
        states
            .wait_for(|state| state.exchange.sequence == 2)
            .await
            .unwrap();
    }

    #[tokio::test]
    async fn nothing_is_sent_while_the_trust_record_cannot_be_written() {
        let lab = Lab::new();
        std::fs::remove_dir_all(lab.folder.path()).unwrap();
        assert_eq!(lab.register().await, ReturnCode::StorageFailed);
        let state = lab
            .wait_for(|state| matches!(state.registration, RegistrationState::Retry { .. }))
            .await;
        let error = state.exchange.last_error.clone().unwrap();
        assert!(
            error.starts_with("not sent, because the trust record cannot be written"),
            "{error}"
        );
        assert!(lab.courier.noted.lock().unwrap().is_empty());
    }

    #[tokio::test]
    async fn every_hour_is_counted_from_scratch() {
        let lab = Lab::new();
        let first = lab.licensing.state().collection;
        // A wish that nobody told of.
        lab.device.apply(six_clients());
        for _ in 0..60 {
            lab.clock.advance(Duration::from_secs(60));
            tokio::task::yield_now().await;
        }
        let state = lab.wait_for(|state| state.collection.last >= first.next).await;
        assert_eq!(
            state.collection.next.duration_since(state.collection.last),
            SignedDuration::from_mins(60)
        );
    }

    #[test]
    fn urls_are_logged_without_user_information() {
        assert_eq!(
            Shown("http://user:hidden@127.0.0.1:1/a@b").to_string(),
            "http://127.0.0.1:1/a@b"
        );
        assert_eq!(Shown("https://example.net").to_string(), "https://example.net");
    }

    #[test]
    fn a_licensing_root_that_is_none_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("root.pem");
        let refused = licensing_root(&path).unwrap_err().to_string();
        assert!(refused.contains("root.pem: No such file"), "{refused}");
        fs::write(&path, "nonsense").unwrap();
        let refused = licensing_root(&path).unwrap_err().to_string();
        assert!(refused.contains("it is not PEM"), "{refused}");
        let now = "2021-06-21T12:40:52Z".parse().unwrap();
        let stored = crate::ssm::ca::Authority::found("Lab", now).unwrap();
        let authority = crate::ssm::ca::Authority::open("Lab", &stored, now).unwrap();
        fs::write(&path, authority.licensing_root()).unwrap();
        licensing_root(&path).unwrap();
        fs::write(&path, authority.tls_root()).unwrap();
        let refused = licensing_root(&path).unwrap_err().to_string();
        assert!(
            refused.contains("\"Lab TLS root\" is the CA of the server's HTTPS, not its licensing root"),
            "{refused}"
        );
    }
}
