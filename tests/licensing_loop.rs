//! Device and licence server over loopback: a slice is configured, counted, reported, and answered by the server's pool.

#![allow(missing_docs, clippy::unwrap_used, clippy::panic)]

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use ponder::app::clock::{Clock, ManualClock};
use ponder::app::device_driver::Device;
use ponder::app::licence_courier::{Courier, HttpCourier};
use ponder::app::licence_driver::{Licensing, LicensingParts, agent_settings, licensing_root};
use ponder::app::settings::LicensingSettings;
use ponder::device::chassis::ChassisDescription;
use ponder::device::desired_state::{DesiredState, LineCardDesired, SliceDesired};
use ponder::device::inventory::{ClientType, TrunkRate};
use ponder::device::simulator::Simulator;
use ponder::licensing::agent::{Command, Request};
use ponder::licensing::agent_settings::AgentSettings;
use ponder::licensing::catalogue::Entitlement;
use ponder::licensing::configuration::{Configuration, Destination};
use ponder::licensing::fault::Fault;
use ponder::licensing::policy::Policy;
use ponder::licensing::return_code::ReturnCode;
use ponder::licensing::secret::Secret;
use ponder::licensing::state::{AgentState, ExchangeKind, LicenceStatus, RegistrationState};
use ponder::ssm::admin::Command as ServerCommand;
use ponder::ssm::admin::listing::Output;
use ponder::ssm::control::execute;
use ponder::ssm::crl::DistributionPoint;
use ponder::ssm::policy::Policy as ServerPolicy;
use ponder::ssm::run::{Running, SsmOptions, run};
use ponder::ssm::service::{Clock as ServerClock, Names};
use ponder::state_dir::StateDir;
use tokio::sync::oneshot;
use tokio::task::spawn_blocking;

struct Lab {
    folder: tempfile::TempDir,
    clock: ManualClock,
    device: Device,
    licensing: Licensing,
    server: Running,
    _stop: oneshot::Sender<()>,
}

fn server_clock(clock: &ManualClock) -> ServerClock {
    let clock = clock.clone();
    Arc::new(move || clock.now())
}

async fn server(folder: &Path, clock: &ManualClock) -> (Running, oneshot::Sender<()>) {
    let loopback = SocketAddr::from(([127, 0, 0, 1], 0));
    let (stop, stopped) = oneshot::channel::<()>();
    let options = SsmOptions {
        state_dir: folder.to_owned(),
        listen: loopback,
        https_listen: Some(loopback),
        names: Names::default(),
        host_names: Vec::new(),
        policy: ServerPolicy::default(),
        distribution_point: DistributionPoint::default(),
    };
    let running = run(options, server_clock(clock), async move { drop(stopped.await) }).await;
    (running.unwrap(), stop)
}

/// A device whose trust record lives in this folder.
fn licensing(
    folder: &Path,
    clock: &ManualClock,
    device: &Device,
    server: &Running,
    url: String,
) -> Licensing {
    let clock_of_courier = Arc::new(clock.clone());
    let courier =
        HttpCourier::new(Some(&server.tls_root), Duration::from_secs(10), clock_of_courier).unwrap();
    Licensing::start(LicensingParts {
        clock: Arc::new(clock.clone()),
        state_dir: Arc::new(StateDir::open(folder).unwrap()),
        seal_key_file: None,
        device: device.clone(),
        policy: Policy::default(),
        configuration: Configuration {
            destination: Ok(Destination::of(url)),
            host_name: Some("SIT-5".to_owned()),
            ..Configuration::default()
        },
        settings: AgentSettings {
            // Jumps of ten days are to find what is due.
            spread: SignedDuration::ZERO,
            ..agent_settings(&LicensingSettings::default())
        },
        root: Some(licensing_root(&server.licensing_root).unwrap()),
        courier: Arc::new(courier),
        witness: Arc::new(()),
    })
    .unwrap()
}

fn http(server: &Running) -> String {
    format!("http://{}/its/service/oddce/services/DDCEService", server.http)
}

impl Lab {
    async fn new() -> Lab {
        Lab::over(http).await
    }

    async fn over(url: impl Fn(&Running) -> String) -> Lab {
        let folder = tempfile::tempdir().unwrap();
        let clock = ManualClock::starting_at("2021-06-21T12:40:52Z".parse().unwrap());
        let simulator = Simulator::new(ChassisDescription::default());
        let device = Device::start(Box::new(simulator), Arc::new(clock.clone())).unwrap();
        let (server, stop) = server(&folder.path().join("ssm"), &clock).await;
        let licensing = licensing(
            &folder.path().join("agent"),
            &clock,
            &device,
            &server,
            url(&server),
        );
        Lab {
            folder,
            clock,
            device,
            licensing,
            server,
            _stop: stop,
        }
    }

    async fn at_the_server(&self, command: ServerCommand) -> Output {
        let folder = self.folder.path().join("ssm");
        execute(&folder, &command, server_clock(&self.clock))
            .await
            .unwrap()
    }

    async fn token(&self) -> Secret<String> {
        let create = ServerCommand::TokenCreate {
            virtual_account: None,
            description: "lab".to_owned(),
            days: 30,
            export_control_allowed: true,
        };
        match self.at_the_server(create).await {
            Output::Token(row) => Secret::new(row.token),
            _ => panic!("no token"),
        }
    }

    async fn add_licences(&self, entitlement: Entitlement, quantity: i64) {
        self.at_the_server(ServerCommand::LicenceAdd {
            virtual_account: None,
            entitlement: entitlement.short_tag().to_owned(),
            quantity,
        })
        .await;
    }

    async fn instances(&self) -> usize {
        match self.at_the_server(ServerCommand::InstanceList).await {
            Output::Instances(rows) => rows.len(),
            _ => panic!("no list"),
        }
    }

    async fn order(&self, command: Command) -> ReturnCode {
        let licensing = self.licensing.clone();
        spawn_blocking(move || licensing.order(command)).await.unwrap()
    }

    async fn register(&self) {
        let token = self.token().await;
        let command = Command::Register { token, force: false };
        assert_eq!(self.order(command).await, ReturnCode::Success);
    }

    /// A 600G slice of 100GE clients in 0/0: six clients, two of them beyond the free four.
    async fn configure_six_clients(&self) {
        let slice = SliceDesired {
            trunk_rate: TrunkRate::from_gbps(600),
            client_rate: Some(ClientType::HundredGigE),
            ..SliceDesired::default()
        };
        let card = LineCardDesired {
            slices: [(0, slice)].into(),
            muxponder: None,
        };
        self.device.apply(Arc::new(DesiredState {
            line_cards: [("0/0".parse().unwrap(), card)].into(),
            ..DesiredState::default()
        }));
        self.licensing.recount();
        self.wait_for(|state| state.consumption.count(Entitlement::Client100G) == 2)
            .await;
    }

    async fn wait_for(&self, wanted: impl Fn(&AgentState) -> bool) -> Arc<AgentState> {
        let mut states = self.licensing.subscribe();
        let waited =
            tokio::time::timeout(Duration::from_secs(20), states.wait_for(|state| wanted(state))).await;
        match waited {
            Ok(state) => Arc::clone(&state.unwrap()),
            Err(_) => panic!("in vain; the last state was {:#?}", self.licensing.state()),
        }
    }

    async fn wait_for_status(&self, status: LicenceStatus) -> Arc<AgentState> {
        self.wait_for(|state| state.status == status && state.exchange.in_flight.is_none())
            .await
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn register_out_of_compliance_licences_added_authorized_deregister() {
    let lab = Lab::new().await;
    lab.configure_six_clients().await;
    lab.register().await;
    let state = lab.wait_for_status(LicenceStatus::OutOfCompliance).await;
    let RegistrationState::Complete { smart_account, .. } = &state.registration else {
        panic!("{:?}", state.registration);
    };
    assert_eq!(smart_account, "Ponder Lab");
    assert!(state.export_control_allowed);
    assert_eq!(lab.instances().await, 1);

    lab.add_licences(Entitlement::Client100G, 2).await;
    assert_eq!(lab.order(Command::RenewAuthorization).await, ReturnCode::Success);
    lab.wait_for_status(LicenceStatus::Authorized).await;

    assert_eq!(lab.order(Command::RenewIdentity).await, ReturnCode::Success);
    let renewed = |state: &AgentState| match &state.registration {
        RegistrationState::Complete { last_renewal, .. } => last_renewal.is_some(),
        _ => false,
    };
    lab.wait_for(renewed).await;

    assert_eq!(lab.order(Command::Deregister).await, ReturnCode::Success);
    lab.wait_for_status(LicenceStatus::Unidentified).await;
    assert_eq!(lab.instances().await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_changed_count_reaches_the_server_after_its_hold_down() {
    let lab = Lab::new().await;
    lab.add_licences(Entitlement::Client100G, 2).await;
    lab.register().await;
    lab.wait_for_status(LicenceStatus::Registered).await;
    lab.configure_six_clients().await;
    assert!(
        lab.licensing
            .state()
            .reports
            .iter()
            .all(|report| report.last == 0)
    );
    lab.clock.advance(Duration::from_secs(5));
    lab.wait_for_status(LicenceStatus::Authorized).await;
    let Output::Pools(pools) = lab.at_the_server(ServerCommand::LicenceList).await else {
        panic!();
    };
    assert!(
        pools.iter().any(|pool| pool.in_use == 2),
        "the server knows of two"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn https_is_trusted_by_the_ca_file_alone() {
    let lab = Lab::over(|server| {
        format!(
            "https://localhost:{}/SmartTransport",
            server.https.unwrap().port()
        )
    })
    .await;
    lab.register().await;
    lab.wait_for_status(LicenceStatus::Registered).await;

    let url = format!(
        "https://localhost:{}/SmartTransport",
        lab.server.https.unwrap().port()
    );
    let stranger = tempfile::tempdir().unwrap();
    let ca = stranger.path().join("ca.pem");
    let other = server(&stranger.path().join("ssm"), &lab.clock).await.0;
    std::fs::copy(&other.tls_root, &ca).unwrap();
    let courier = HttpCourier::new(Some(&ca), Duration::from_secs(5), Arc::new(lab.clock.clone())).unwrap();
    let request = Request {
        id: 1,
        kind: ExchangeKind::Authorization,
        destination: Destination::of(url),
        body: b"{}".to_vec(),
    };
    let failure = courier.deliver(request).await.unwrap_err();
    assert_eq!(failure.fault, Fault::CertificateRefused, "{failure}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_with_another_root_is_not_believed() {
    let lab = Lab::new().await;
    let other = tempfile::tempdir().unwrap();
    let (stranger, _stop) = server(other.path(), &lab.clock).await;
    lab.licensing.configured(Configuration {
        destination: Ok(Destination::of(http(&stranger))),
        ..Configuration::default()
    });
    lab.register().await;
    let failed = |state: &AgentState| matches!(state.registration, RegistrationState::Failed { .. });
    let state = lab.wait_for(failed).await;
    let error = state.exchange.last_error.clone().unwrap();
    assert!(error.starts_with("the answer was not accepted: "), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_keeps_the_registration_and_a_removed_device_learns_of_it() {
    let mut lab = Lab::new().await;
    lab.add_licences(Entitlement::Client100G, 5).await;
    lab.configure_six_clients().await;
    lab.register().await;
    lab.wait_for_status(LicenceStatus::Authorized).await;

    let agent = lab.folder.path().join("agent");
    let kept = ["trust-record.json", "seal.key"].map(|name| (name, std::fs::read(agent.join(name)).unwrap()));
    let keep_in = |folder: &Path| {
        std::fs::create_dir(folder).unwrap();
        for (name, content) in &kept {
            std::fs::write(folder.join(name), content).unwrap();
        }
    };
    // Nothing of the first life is left but its folder's content, as after a kill.
    let second = lab.folder.path().join("second-life");
    keep_in(&second);
    lab.licensing = licensing(&second, &lab.clock, &lab.device, &lab.server, http(&lab.server));
    assert_eq!(lab.licensing.state().status, LicenceStatus::Authorized);
    lab.order(Command::RenewAuthorization).await;
    lab.wait_for(|state| state.exchange.sequence > 2 && state.exchange.in_flight.is_none())
        .await;
    assert_eq!(lab.licensing.state().status, LicenceStatus::Authorized);

    // A third device with the record as it was before the last exchange is a clone, and the server sees it.
    let third = lab.folder.path().join("clone");
    keep_in(&third);
    let genuine = std::mem::replace(
        &mut lab.licensing,
        licensing(&third, &lab.clock, &lab.device, &lab.server, http(&lab.server)),
    );
    lab.order(Command::RenewAuthorization).await;
    let state = lab.wait_for(|state| state.exchange.last_error.is_some()).await;
    assert!(
        state.exchange.last_error.as_ref().unwrap().contains("sequence"),
        "{:?}",
        state.exchange
    );

    lab.licensing = genuine;
    let serial = lab.licensing.state().udi.serial_number.clone();
    lab.at_the_server(ServerCommand::InstanceRemove { name: serial })
        .await;
    lab.order(Command::RenewAuthorization).await;
    let state = lab.wait_for(|state| state.exchange.last_error.is_some()).await;
    assert_eq!(
        state.exchange.last_error.as_deref(),
        Some("Data and signature do not match")
    );
    lab.order(Command::Deregister).await;
    lab.wait_for_status(LicenceStatus::Unidentified).await;
    lab.register().await;
    lab.wait_for_status(LicenceStatus::Authorized).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn thirteen_months_pass_and_the_device_stays_authorized() {
    let lab = Lab::new().await;
    lab.add_licences(Entitlement::Client100G, 2).await;
    lab.configure_six_clients().await;
    lab.register().await;
    lab.wait_for_status(LicenceStatus::Authorized).await;
    for _ in 0..40 {
        let before = lab.licensing.state();
        lab.clock.advance(Duration::from_secs(10 * 24 * 3600));
        lab.wait_for(|state| {
            state.collection.last > before.collection.last && state.exchange.in_flight.is_none()
        })
        .await;
    }
    let state = lab.wait_for_status(LicenceStatus::Authorized).await;
    assert_eq!(state.exchange.last_error, None);
    assert!(state.exchange.sequence > 14, "{}", state.exchange.sequence);
}
