//! The lab: agent, clock, NETCONF session, and what a test asks of them.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use ponder::app::agent::Agent;
use ponder::app::clock::{Clock, ManualClock};
use ponder::app::settings::netconf::NetconfSettings;
use ponder::app::settings::{Settings, UserSettings};
use ponder::ssm::admin::Command as ServerCommand;
use ponder::ssm::admin::listing::Output;
use ponder::ssm::control::execute;
use ponder::ssm::crl::DistributionPoint;
use ponder::ssm::policy::Policy;
use ponder::ssm::run::{Running, SsmOptions, run};
use ponder::ssm::service::{Clock as ServerClock, Names};
use ponder::transport::host_key::{HostKey, HostKeyKind};
use ponder::transport::netconf_client::NetconfClient;
use ponder::yang::document::Element;
use tokio::sync::oneshot;

/// When every lab begins: the moment of the chapter's Example 1.
pub const BEGINNING: &str = "2021-06-21T12:40:52Z";

const SMART_LICENCE: &str = "http://cisco.com/ns/yang/Cisco-IOS-XR-infra-smartlicense-oper";
const ACT: &str = "http://cisco.com/ns/yang/Cisco-IOS-XR-smart-license-act";

pub struct Lab {
    pub clock: ManualClock,
    pub folder: tempfile::TempDir,
    agent: Option<Agent>,
    settings: Settings,
    key: String,
    client: NetconfClient,
}

impl Lab {
    /// An agent with the default chassis whose settings are as `adjust` leaves them.
    pub async fn start(adjust: impl FnOnce(&mut Settings)) -> Lab {
        Lab::start_with(ManualClock::starting_at(BEGINNING.parse().unwrap()), adjust).await
    }

    /// The same on a clock that somebody else has too.
    pub async fn start_with(clock: ManualClock, adjust: impl FnOnce(&mut Settings)) -> Lab {
        let folder = tempfile::tempdir().unwrap();
        let key = HostKey::generate(HostKeyKind::Ed25519).unwrap();
        let public = key.public_openssh().unwrap();
        let mut settings = Settings {
            state_dir: Some(folder.path().join("agent")),
            netconf: NetconfSettings {
                listen: loopback(),
                ..NetconfSettings::default()
            },
            users: vec![UserSettings {
                name: "admin".to_owned(),
                password_hash: None,
                authorized_keys_file: None,
                authorized_keys: vec![public],
                groups: Vec::new(),
                recovery: true,
            }],
            ..Settings::default()
        };
        // Exact seconds are looked at, so nothing is spread; a test that waits for a timeout does not wait long.
        settings.licensing.periods =
            Settings::parse("[licensing.periods]\nspread = \"0s\"\nsettling = \"0s\"\n")
                .unwrap()
                .licensing
                .periods;
        // By the machine's clock: a busy one takes its time.
        settings.licensing.exchange_timeout_seconds = 120;
        adjust(&mut settings);
        let agent = Agent::start(settings.clone(), Arc::new(clock.clone()))
            .await
            .unwrap();
        let key = key.to_openssh().unwrap().to_string();
        let client = NetconfClient::connect(agent.netconf_address(), "admin", &key)
            .await
            .unwrap();
        Lab {
            clock,
            folder,
            agent: Some(agent),
            settings,
            key,
            client,
        }
    }

    /// Starts the agent again with the roots of this server.
    pub async fn trust(&mut self, server: &Server) {
        self.settings.licensing.root = Some(server.running.licensing_root.clone());
        self.settings.licensing.ca_file = Some(server.running.tls_root.clone());
        self.restart().await;
    }

    /// Moves the state folder to a chassis with this serial number.
    pub async fn move_to_chassis(&mut self, serial_number: &str) {
        let file = self.folder.path().join("chassis.toml");
        std::fs::write(&file, format!("[chassis]\nserial-number = \"{serial_number}\"\n")).unwrap();
        self.settings.chassis = Some(file);
        self.restart().await;
    }

    /// The agent's state folder.
    pub fn state_dir(&self) -> PathBuf {
        self.folder.path().join("agent")
    }

    /// What the log says about licences, and which alarms stand, by message name and description.
    pub async fn told(&mut self) -> (Vec<String>, Vec<String>) {
        let told = self
            .get(
                "<syslog xmlns=\"http://cisco.com/ns/yang/Cisco-IOS-XR-infra-syslog-oper\"/>
                 <alarms xmlns=\"http://cisco.com/ns/yang/Cisco-IOS-XR-alarmgr-server-oper\"/>",
            )
            .await;
        (
            told.texts("syslog/messages/message/message-name"),
            told.texts("alarms/brief/brief-system/active/alarm-info/description"),
        )
    }

    /// Stops the agent and starts it again on the same folder.
    pub async fn restart(&mut self) {
        self.stop().await;
        self.start_again().await;
    }

    pub async fn stop(&mut self) {
        self.agent.take().unwrap().stop().await;
    }

    /// Why the agent does not start again.
    pub async fn start_fails(&mut self) -> String {
        let clock = Arc::new(self.clock.clone());
        match Agent::start(self.settings.clone(), clock).await {
            Ok(_) => panic!("it starts"),
            Err(error) => error.to_string(),
        }
    }

    pub async fn start_again(&mut self) {
        let clock = Arc::new(self.clock.clone());
        let agent = Agent::start(self.settings.clone(), clock).await.unwrap();
        let address = agent.netconf_address();
        self.client = NetconfClient::connect(address, "admin", &self.key).await.unwrap();
        self.agent = Some(agent);
    }

    pub async fn call(&mut self, operation: &str) -> String {
        self.client.call(operation).await.unwrap()
    }

    /// Edits the candidate and commits, both of which must succeed.
    pub async fn commit(&mut self, config: &str) {
        let edit =
            format!("<edit-config><target><candidate/></target><config>{config}</config></edit-config>");
        for operation in [edit.as_str(), "<commit/>"] {
            let reply = self.call(operation).await;
            assert!(reply.contains("<ok/>"), "{operation}: {reply}");
        }
    }

    /// A `<get>` with a subtree filter.
    pub async fn get(&mut self, filter: &str) -> Node {
        let reply = self
            .call(&format!("<get><filter type=\"subtree\">{filter}</filter></get>"))
            .await;
        Node(vec![Element::parse_document(&reply).unwrap()])
            .below("data")
            .clone()
    }

    /// Everything of the licence state below `state-info`.
    pub async fn state(&mut self) -> Node {
        let got = self
            .get(&format!("<smart-agent xmlns=\"{SMART_LICENCE}\"/>"))
            .await;
        got.below("smart-agent/licensing/state/state-info")
    }

    /// Everything of our own licence state.
    pub async fn own_state(&mut self) -> Node {
        let got = self
            .get("<licence-state xmlns=\"urn:ponder:yang:ponder-licence-state\"/>")
            .await;
        got.below("licence-state")
    }

    /// Registration state, authorization state, and the enforcement of the first entitlement in use.
    pub async fn row(&mut self) -> [String; 3] {
        let state = self.state().await;
        [
            state.text("registration/registration-state"),
            state.text("authorization/authorization-state"),
            state.text("usage/enforce-mode"),
        ]
    }

    /// An RPC of smart-license-act; gives its status and code.
    pub async fn act(&mut self, name: &str, content: &str) -> [String; 2] {
        let reply = self
            .call(&format!("<{name} xmlns=\"{ACT}\">{content}</{name}>"))
            .await;
        let reply = Node(vec![Element::parse_document(&reply).unwrap()]);
        ["response/operation-status", "response/return-code"].map(|path| reply.text(path))
    }

    /// An RPC about a reservation; gives its return code and all that it answers.
    pub async fn order(&mut self, name: &str, content: &str) -> (String, Node) {
        let reply = self
            .call(&format!("<{name} xmlns=\"{ACT}\">{content}</{name}>"))
            .await;
        let answer = Node(vec![Element::parse_document(&reply).unwrap()]).below("reservation-codes");
        (answer.text("response/return-code"), answer)
    }

    /// Installs an authorization code; gives the return code.
    pub async fn install(&mut self, code: &str) -> String {
        let content = format!("<authorization-code>{code}</authorization-code>");
        self.order("reservation-install", &content).await.0
    }

    pub async fn register(&mut self, token: &str) {
        let answer = self
            .act("register-id-token", &format!("<id-token>{token}</id-token>"))
            .await;
        assert_eq!(answer, ["success", "success"]);
    }

    /// Polls until the licence state is as wanted, and gives it.
    pub async fn wait(&mut self, wanted: impl Fn(&Node) -> bool) -> Node {
        let looking = async {
            loop {
                let state = self.state().await;
                if wanted(&state) {
                    return state;
                }
                tokio::task::yield_now().await;
            }
        };
        match tokio::time::timeout(PATIENCE, looking).await {
            Ok(state) => state,
            Err(_) => panic!("in vain; the last state was {:#?}", self.state().await),
        }
    }

    /// Polls until registration state and authorization state are these and nothing is on its way.
    pub async fn wait_for(&mut self, registration: &str, authorization: &str) -> Node {
        let looking = async {
            loop {
                let idle = !self.own_state().await.has("exchange/in-flight");
                let state = self.state().await;
                let stands = state.text("registration/registration-state") == registration
                    && state.text("authorization/authorization-state") == authorization;
                if idle && stands {
                    return state;
                }
                tokio::task::yield_now().await;
            }
        };
        match tokio::time::timeout(PATIENCE, looking).await {
            Ok(state) => state,
            Err(_) => panic!(
                "{registration} and {authorization} in vain: {:?} {:?}",
                self.row().await,
                self.own_state().await
            ),
        }
    }

    /// The last fault and its code once an exchange has failed.
    pub async fn wait_for_fault(&mut self) -> [String; 2] {
        let looking = async {
            loop {
                let own = self.own_state().await;
                if own.has("exchange/last-fault") && !own.has("exchange/in-flight") {
                    return ["exchange/last-fault", "exchange/last-code"].map(|path| own.text(path));
                }
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(PATIENCE, looking).await.expect("no fault")
    }

    /// Moves the clock on, a day at a time, and lets the agent do what is due each day.
    pub async fn pass_days(&mut self, days: u32) {
        for _ in 0..days {
            self.pass(Duration::from_secs(86_400)).await;
        }
    }

    /// What a commit sets off is done a few seconds after it, long before a retry of its own would be.
    pub async fn pass_hold_down(&mut self) {
        let hold_down = Duration::from_secs(10);
        let soon = self.clock.now() + hold_down;
        let looking = async {
            loop {
                let next = self.own_state().await.text("exchange/next-attempt");
                if next.parse::<Timestamp>().is_ok_and(|next| next <= soon) {
                    return;
                }
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(PATIENCE, looking)
            .await
            .expect("it would wait for its retry");
        self.pass(hold_down).await;
    }

    /// Moves the clock on and waits until the agent has nothing overdue and nothing on its way.
    pub async fn pass(&mut self, by: Duration) {
        self.clock.advance(by);
        let now = self.clock.now();
        let looking = async {
            loop {
                let own = self.own_state().await;
                let due = own.text("exchange/next-attempt");
                let overdue = due.parse::<Timestamp>().is_ok_and(|due| due <= now);
                if !overdue && !own.has("exchange/in-flight") {
                    return;
                }
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(PATIENCE, looking)
            .await
            .expect("still at work");
    }

    /// A commit of a 600G slice of six 100GE clients in 0/0: two licences of one entitlement.
    pub async fn use_two_licences(&mut self) {
        self.commit(SIX_CLIENTS).await;
        self.wait(|state| state.text("usage/count") == "2").await;
    }

    /// Profile `CiscoTAC-1` with this address, beside those that it has.
    pub async fn destination(&mut self, url: &str) {
        self.commit(&call_home(url)).await;
    }

    /// The same with this address alone.
    pub async fn destination_only(&mut self, url: &str) {
        self.replace_profiles(&call_home(url)).await;
    }

    /// Call home with these profiles and no others.
    pub async fn replace_profiles(&mut self, profiles: &str) {
        let replaced = profiles.replace(
            "<profiles>",
            "<profiles xmlns:nc=\"urn:ietf:params:xml:ns:netconf:base:1.0\" nc:operation=\"replace\">",
        );
        self.commit(&replaced).await;
    }
}

const PATIENCE: Duration = Duration::from_secs(120);

pub const SIX_CLIENTS: &str = r#"<active-nodes xmlns="http://cisco.com/ns/yang/Cisco-IOS-XR-config-mda-cfg">
  <active-node><node-name>0/0</node-name>
    <mxponder-slices xmlns="http://cisco.com/ns/yang/Cisco-IOS-XR-osa-cfg"><mxponder-slice><slice-id>0</slice-id>
      <trunk-rates>six-hundred-gig</trunk-rates><client-rates>hundred-gig-e</client-rates></mxponder-slice>
    </mxponder-slices></active-node></active-nodes>"#;

/// Profile `CiscoTAC-1` with one address.
pub fn call_home(url: &str) -> String {
    profile("CiscoTAC-1", &[url], "<active/>")
}

/// A profile of call home over http.
pub fn profile(name: &str, urls: &[&str], rest: &str) -> String {
    let addresses: String = urls
        .iter()
        .map(|url| {
            format!(
                "<address><method>http</method><destination-addr>{url}</destination-addr><enable>true</enable></address>"
            )
        })
        .collect();
    format!(
        "<call-home xmlns=\"http://cisco.com/ns/yang/Cisco-IOS-XR-call-home-cfg\"><profiles><profile>
           <profile-name>{name}</profile-name>{rest}
           <methods><method><method>http</method><enable>true</enable></method></methods>
           <addresses>{addresses}</addresses></profile></profiles></call-home>"
    )
}

/// A name server on loopback.
pub fn name_server() -> String {
    "<ip-domain xmlns=\"http://cisco.com/ns/yang/Cisco-IOS-XR-ip-domain-cfg\"><vrfs><vrf><vrf-name>default</vrf-name>
       <servers><server><order>0</order><server-address>127.0.0.1</server-address></server></servers></vrf></vrfs>
     </ip-domain>"
        .to_owned()
}

/// Hosts of our own, so that names lead to loopback without a name server.
pub fn hosts(names: &[&str]) -> String {
    let hosts: String = names
        .iter()
        .map(|name| {
            format!("<ipv4-host><host-name>{name}</host-name><address>127.0.0.1</address></ipv4-host>")
        })
        .collect();
    format!(
        "<ip-domain xmlns=\"http://cisco.com/ns/yang/Cisco-IOS-XR-ip-domain-cfg\"><vrfs><vrf>
           <vrf-name>default</vrf-name><ipv4-hosts>{hosts}</ipv4-hosts></vrf></vrfs></ip-domain>"
    )
}

pub fn loopback() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 0))
}

/// A port of loopback at which nobody listens.
pub fn closed_port() -> u16 {
    let listener = std::net::TcpListener::bind(loopback()).unwrap();
    listener.local_addr().unwrap().port()
}

/// A real licence server in process; it ends with this value.
pub struct Server {
    pub running: Running,
    folder: PathBuf,
    clock: ManualClock,
    _stop: oneshot::Sender<()>,
}

impl Server {
    pub async fn start(
        folder: &Path,
        clock: &ManualClock,
        host_names: &[&str],
        distribution_point: DistributionPoint,
    ) -> Server {
        let (stop, stopped) = oneshot::channel::<()>();
        let options = SsmOptions {
            state_dir: folder.to_owned(),
            listen: loopback(),
            https_listen: Some(loopback()),
            names: Names::default(),
            host_names: host_names.iter().map(|name| (*name).to_owned()).collect(),
            policy: Policy::default(),
            distribution_point,
        };
        let running = run(options, server_clock(clock), async move { drop(stopped.await) }).await;
        Server {
            running: running.unwrap(),
            folder: folder.to_owned(),
            clock: clock.clone(),
            _stop: stop,
        }
    }

    pub async fn order(&self, command: ServerCommand) -> Output {
        execute(&self.folder, &command, server_clock(&self.clock))
            .await
            .unwrap()
    }

    pub async fn token(&self) -> String {
        let create = ServerCommand::TokenCreate {
            virtual_account: None,
            description: "lab".to_owned(),
            days: 30,
            export_control_allowed: true,
        };
        match self.order(create).await {
            Output::Token(row) => row.token,
            _ => panic!("no token"),
        }
    }

    pub fn http(&self) -> String {
        format!(
            "http://{}/its/service/oddce/services/DDCEService",
            self.running.http
        )
    }

    pub fn https(&self, host: &str) -> String {
        format!(
            "https://{host}:{}/SmartTransport",
            self.running.https.unwrap().port()
        )
    }
}

fn server_clock(clock: &ManualClock) -> ServerClock {
    let clock = clock.clone();
    Arc::new(move || clock.now())
}

/// Elements at one place, by local names alone.
#[derive(Clone, Debug)]
pub struct Node(Vec<Element>);

impl Node {
    pub fn below(&self, path: &str) -> Node {
        let step = |found: Vec<Element>, name: &str| -> Vec<Element> {
            let children = found.iter().flat_map(|element| &element.children);
            children.filter(|child| child.name == name).cloned().collect()
        };
        Node(path.split('/').fold(self.0.clone(), step))
    }

    pub fn has(&self, path: &str) -> bool {
        !self.below(path).0.is_empty()
    }

    /// The text of the first element there; empty where there is none.
    pub fn text(&self, path: &str) -> String {
        self.texts(path).into_iter().next().unwrap_or_default()
    }

    pub fn texts(&self, path: &str) -> Vec<String> {
        let found = self.below(path).0;
        found.iter().map(|element| element.trimmed().to_owned()).collect()
    }

    /// Asserts leaf by leaf.
    pub fn assert(&self, expected: &[(&str, &str)]) {
        for (path, value) in expected {
            assert_eq!(self.text(path), *value, "{path} of {self:#?}");
        }
    }
}
