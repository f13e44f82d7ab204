//! A real agent is killed at random moments of commits of every size; what it said `<ok/>` to is there when it is back.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use ponder::datastore::journal_inspection::{Inspection, inspect};
use ponder::datastore::storage::FolderFiles;
use ponder::transport::host_key::{HostKey, HostKeyKind};
use ponder::transport::netconf_client::NetconfClient;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

/// What the agent should hold: a mark that every commit changes, and hosts.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
struct Configuration {
    mark: Option<u64>,
    hosts: BTreeSet<String>,
}

impl Configuration {
    /// Reads a reply to get-config.
    fn read(reply: &str) -> Configuration {
        let mut configuration = Configuration::default();
        for piece in reply.split("<host-name>").skip(1) {
            let name = piece.split('<').next().unwrap();
            match name.strip_prefix("commit-") {
                Some(number) => configuration.mark = Some(number.parse().unwrap()),
                None => assert!(configuration.hosts.insert(name.to_owned()), "{name} twice"),
            }
        }
        configuration
    }

    /// The next configuration, and the edit that leads to it.
    fn next(&self, number: u64, random: &mut StdRng) -> (Configuration, String) {
        let mut next = self.clone();
        next.mark = Some(number);
        let mut hosts = String::new();
        let mut operation = "merge";
        if self.hosts.len() > 1500 {
            operation = "replace";
            next.hosts.clear();
        } else if random.random_bool(0.3) {
            let size = self.hosts.len().min(random.random_range(0..100));
            for name in self.hosts.iter().take(size) {
                next.hosts.remove(name);
                write!(
                    hosts,
                    "<ipv4-host nc:operation=\"delete\"><host-name>{name}</host-name></ipv4-host>"
                )
                .unwrap();
            }
        }
        let most = [1, 1, 1, 10, 100, 400][random.random_range(0..6)];
        for count in 0..random.random_range(0..most + 1) {
            let name = format!("h{number}-{count}");
            write!(
                hosts,
                "<ipv4-host><host-name>{name}</host-name><address>192.0.2.{}</address></ipv4-host>",
                count % 250
            )
            .unwrap();
            next.hosts.insert(name);
        }
        let edit = format!(
            "<edit-config><target><candidate/></target>\
             <config xmlns:nc=\"urn:ietf:params:xml:ns:netconf:base:1.0\">\
             <host-names xmlns=\"http://cisco.com/ns/yang/Cisco-IOS-XR-shellutil-cfg\">\
             <host-name>commit-{number}</host-name></host-names>\
             <ip-domain xmlns=\"http://cisco.com/ns/yang/Cisco-IOS-XR-ip-domain-cfg\"><vrfs><vrf>\
             <vrf-name>default</vrf-name><ipv4-hosts nc:operation=\"{operation}\">{hosts}</ipv4-hosts>\
             </vrf></vrfs></ip-domain></config></edit-config>"
        );
        (next, edit)
    }
}

/// A state folder, and the agent that runs on it.
pub struct Lab {
    folder: PathBuf,
    key: String,
    agent: Option<Child>,
}

impl Lab {
    pub fn new(folder: &Path) -> Lab {
        let key = HostKey::generate(HostKeyKind::Ed25519).unwrap();
        std::fs::write(folder.join("keys"), key.public_openssh().unwrap()).unwrap();
        std::fs::write(folder.join("settings.toml"), "").unwrap();
        Lab {
            folder: folder.to_owned(),
            key: key.to_openssh().unwrap().to_string(),
            agent: None,
        }
    }

    /// Has it write running whole over and over.
    pub fn write_whole_often(&self) {
        std::fs::write(self.folder.join("settings.toml"), "snapshot-bytes = 5000\n").unwrap();
    }

    /// Where it keeps running.
    pub fn state(&self) -> PathBuf {
        self.folder.join("state")
    }

    pub async fn start(&mut self) -> NetconfClient {
        let address = self.start_process().await;
        NetconfClient::connect(address, "op", &self.key).await.unwrap()
    }

    /// Starts it and gives the address of its NETCONF server.
    pub async fn start_process(&mut self) -> SocketAddr {
        let mut agent = self.spawn();
        let output = agent.stdout.take().unwrap();
        let ready = BufReader::new(output).lines().next_line().await.unwrap();
        let Some(ready) = ready else {
            panic!("it does not start:\n{}", self.log())
        };
        self.agent = Some(agent);
        ready.split('=').nth(1).unwrap().trim().parse().unwrap()
    }

    /// One more session.
    pub async fn connect(&self, address: SocketAddr) -> NetconfClient {
        NetconfClient::connect(address, "op", &self.key).await.unwrap()
    }

    /// Starts it and kills it again so much later.
    pub async fn start_and_kill(&mut self, later: Duration) {
        let mut agent = self.spawn();
        let _ = tokio::time::timeout(later, agent.wait()).await;
        self.agent = Some(agent);
        self.kill().await;
    }

    fn spawn(&self) -> Child {
        let log = std::fs::File::options()
            .create(true)
            .append(true)
            .open(self.folder.join("log"))
            .unwrap();
        // A release build may be measured from a debug test.
        let program = std::env::var("PONDER_BIN").unwrap_or_else(|_| env!("CARGO_BIN_EXE_ponder").to_owned());
        Command::new(program)
            .args([
                "--log",
                "warn",
                "agent",
                "--listen",
                "127.0.0.1:0",
                "--user",
                "op",
            ])
            .arg("--settings")
            .arg(self.folder.join("settings.toml"))
            .arg("--authorized-keys")
            .arg(self.folder.join("keys"))
            .arg("--state-dir")
            .arg(self.state())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .kill_on_drop(true)
            .spawn()
            .unwrap()
    }

    pub async fn kill(&mut self) {
        let mut agent = self.agent.take().unwrap();
        agent.start_kill().unwrap();
        agent.wait().await.unwrap();
    }

    /// The number of the agent's process.
    pub fn process(&self) -> u32 {
        self.agent.as_ref().and_then(Child::id).expect("it runs")
    }

    /// What it logged at warn and above.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.join("log")).unwrap_or_default()
    }
}

/// What the torture counts.
#[derive(Default, Debug)]
struct Counts {
    acknowledged: u64,
    /// Kills with a commit in flight that is there, and with one that is not.
    made: u64,
    unmade: u64,
    /// Kills while a commit awaited its confirmation.
    unconfirmed: u64,
    /// Kills of an agent that was starting.
    while_starting: u64,
}

/// A commit that was sent.
struct InFlight {
    next: Configuration,
    is_confirmed: bool,
}

/// What the agent holds as far as it has said.
#[derive(Default)]
struct Known {
    configuration: Configuration,
    /// What a start goes back to while a confirmed commit awaits its confirmation.
    awaiting: Option<Configuration>,
    generation: u64,
}

impl Known {
    fn acknowledge(&mut self, sent: InFlight) {
        let before = std::mem::replace(&mut self.configuration, sent.next);
        self.generation += 1;
        if sent.is_confirmed {
            self.awaiting.get_or_insert(before);
        } else {
            self.awaiting = None;
        }
    }

    /// What may be found after a kill: the configuration, how many commits led there, and whether the one in flight
    /// is among them.
    fn outcomes(&self, in_flight: Option<&InFlight>) -> Vec<(Configuration, u64, bool)> {
        let base = self.awaiting.clone();
        let mut outcomes = vec![match &base {
            Some(base) => (base.clone(), self.generation + 1, false),
            None => (self.configuration.clone(), self.generation, false),
        }];
        match in_flight {
            Some(sent) if sent.is_confirmed => {
                let base = base.unwrap_or_else(|| self.configuration.clone());
                outcomes.push((base, self.generation + 2, true));
            }
            Some(sent) => outcomes.push((sent.next.clone(), self.generation + 1, true)),
            None => {}
        }
        outcomes
    }
}

/// How a commit is sent: one in four awaits its confirmation, half of those by a token.
fn commit_element(is_confirmed: bool, awaits_token: bool, random: &mut StdRng) -> (&'static str, bool) {
    const TIMED: &str = "<commit><confirmed/><confirm-timeout>3600</confirm-timeout></commit>";
    const WITH_TOKEN: &str =
        "<commit><confirmed/><confirm-timeout>3600</confirm-timeout><persist>t</persist></commit>";
    const FOLLOWS: &str = "<commit><confirmed/><confirm-timeout>3600</confirm-timeout>\
                           <persist>t</persist><persist-id>t</persist-id></commit>";
    match (is_confirmed, awaits_token) {
        (false, false) => ("<commit/>", false),
        (false, true) => ("<commit><persist-id>t</persist-id></commit>", false),
        (true, true) => (FOLLOWS, true),
        (true, false) if random.random_bool(0.5) => (WITH_TOKEN, true),
        (true, false) => (TIMED, false),
    }
}

/// Kills it so many times.
async fn torture(kills: u64, seed: u64) -> Counts {
    let folder = tempfile::tempdir().unwrap();
    let mut lab = Lab::new(folder.path());
    if seed.is_multiple_of(2) {
        lab.write_whole_often();
    }
    let mut random = StdRng::seed_from_u64(seed);
    let mut known = Known::default();
    let mut counts = Counts::default();
    let mut number = 0;
    let mut client = lab.start().await;
    for round in 0..kills {
        let mut in_flight: Option<InFlight> = None;
        // Half of the kills come at any time, half in the middle of a commit.
        let undisturbed = random.random_range(0..8);
        let patience = Duration::from_micros(random.random_range(0..150_000));
        let in_a_commit = random.random_bool(0.5);
        let moment = Duration::from_micros(random.random_range(0..12_000));
        let committing = async {
            let mut awaits_token = false;
            for done in 0.. {
                number += 1;
                let (next, edit) = known.configuration.next(number, &mut random);
                assert!(client.call(&edit).await?.contains("<ok"), "{edit}");
                let is_confirmed = random.random_bool(0.25);
                let (element, has_token) = commit_element(is_confirmed, awaits_token, &mut random);
                in_flight = Some(InFlight { next, is_confirmed });
                let commit = client.call(element);
                let reply = if in_a_commit && done >= undisturbed {
                    match tokio::time::timeout(moment, commit).await {
                        Ok(reply) => reply?,
                        Err(_) => return Ok(()),
                    }
                } else {
                    commit.await?
                };
                assert!(reply.contains("<ok"), "{element}: {reply}");
                awaits_token = has_token;
                counts.acknowledged += 1;
                if let Some(sent) = in_flight.take() {
                    known.acknowledge(sent);
                }
            }
            Ok(())
        };
        if in_a_commit {
            let ended: Result<(), ponder::transport::netconf_client::ClientError> = committing.await;
            ended.unwrap();
        } else if let Ok(ended) = tokio::time::timeout(patience, committing).await {
            ended.unwrap();
        }
        lab.kill().await;
        counts.unconfirmed += u64::from(known.awaiting.is_some());

        // What a start does may be interrupted too.
        if random.random_bool(0.2) {
            lab.start_and_kill(Duration::from_micros(random.random_range(0..60_000)))
                .await;
            counts.while_starting += 1;
        }
        client = lab.start().await;
        let reply = client
            .call("<get-config><source><running/></source></get-config>")
            .await
            .unwrap();
        let found = Configuration::read(&reply);
        let what = format!(
            "seed {seed}, kill {round}: {:?} acknowledged, {:?} awaiting, {:?} in flight, {:?} found",
            known.configuration.mark,
            known.awaiting.as_ref().map(|base| base.mark),
            in_flight.as_ref().map(|sent| (sent.next.mark, sent.is_confirmed)),
            found.mark
        );
        let inspection = inspect(&mut FolderFiles::new(lab.state())).unwrap();
        let outcomes = known.outcomes(in_flight.as_ref());
        let outcome = outcomes.iter().find(|(configuration, generation, _)| {
            *configuration == found && *generation == inspection.generation
        });
        let Some((_, generation, is_made)) = outcome else {
            panic!("{what}, generation {}\n{}", inspection.generation, lab.log())
        };
        counts.made += u64::from(*is_made);
        counts.unmade += u64::from(in_flight.is_some() && !is_made);
        known = Known {
            configuration: found,
            awaiting: None,
            generation: *generation,
        };
        check_history(&inspection, &known, &what);
    }
    lab.kill().await;
    counts
}

/// The last hundred commits are there, each on top of the one before it.
pub fn check_chain(inspection: &Inspection, commits: u64, what: &str) {
    let records = &inspection.records;
    assert!(
        records.len() as u64 >= commits.min(100),
        "{what}: {}",
        records.len()
    );
    // A confirmation without a change is a record too, of the same generation.
    let mut base = records.first().map_or(commits, |record| record.change_set.base);
    for record in records {
        assert_eq!(record.change_set.base, base, "{what}");
        base = record.generation();
    }
    assert_eq!(base, commits, "{what}");
}

fn check_history(inspection: &Inspection, known: &Known, what: &str) {
    check_chain(inspection, known.generation, what);
    let records = &inspection.records;
    if let (Some(last), Some(mark)) = (records.last(), known.configuration.mark) {
        let record = last.change_set.to_record().unwrap();
        assert!(record.contains(&format!("\"commit-{mark}\"")), "{what}: {record}");
    }
}

fn run(kills: u64, seed: u64) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let counts = runtime.block_on(torture(kills, seed));
    println!("{kills} kills with seed {seed}: {counts:?}");
}

/// Each test kills a sixth of them: four here, two with several writers.
pub fn kills() -> u64 {
    let kills = std::env::var("KILLS").map_or(200, |text| text.parse().expect("KILLS is a number"));
    kills / 6
}

#[test]
fn a_killed_agent_has_every_acknowledged_commit_and_none_by_half_1() {
    run(kills(), seed(1));
}

#[test]
fn a_killed_agent_has_every_acknowledged_commit_and_none_by_half_2() {
    run(kills(), seed(2));
}

#[test]
fn a_killed_agent_has_every_acknowledged_commit_and_none_by_half_3() {
    run(kills(), seed(3));
}

#[test]
fn a_killed_agent_has_every_acknowledged_commit_and_none_by_half_4() {
    run(kills(), seed(4));
}

/// The same every time, so that a failure can be looked at, unless SEED says otherwise.
pub fn seed(which: u64) -> u64 {
    which + std::env::var("SEED").map_or(0, |text| text.parse::<u64>().expect("SEED is a number") * 6)
}
