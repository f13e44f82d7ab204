//! A real agent is killed at random moments of commits of every size; what it said `<ok/>` to is there when it is back.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use ponder::datastore::journal_inspection::inspect;
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
        Lab {
            folder: folder.to_owned(),
            key: key.to_openssh().unwrap().to_string(),
            agent: None,
        }
    }

    fn state(&self) -> PathBuf {
        self.folder.join("state")
    }

    pub async fn start(&mut self) -> NetconfClient {
        let log = std::fs::File::options()
            .create(true)
            .append(true)
            .open(self.folder.join("log"))
            .unwrap();
        // A release build may be measured from a debug test.
        let program = std::env::var("PONDER_BIN").unwrap_or_else(|_| env!("CARGO_BIN_EXE_ponder").to_owned());
        let mut agent = Command::new(program)
            .args([
                "--log",
                "warn",
                "agent",
                "--listen",
                "127.0.0.1:0",
                "--user",
                "op",
            ])
            .arg("--authorized-keys")
            .arg(self.folder.join("keys"))
            .arg("--state-dir")
            .arg(self.state())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let output = agent.stdout.take().unwrap();
        let ready = BufReader::new(output).lines().next_line().await.unwrap();
        let Some(ready) = ready else {
            panic!("it does not start:\n{}", self.log())
        };
        let address: SocketAddr = ready.split('=').nth(1).unwrap().trim().parse().unwrap();
        self.agent = Some(agent);
        NetconfClient::connect(address, "op", &self.key).await.unwrap()
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

    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.join("log")).unwrap_or_default()
    }
}

/// Kills it so many times; how many commits were acknowledged, and how often one in flight was there or was not.
async fn torture(kills: u64, seed: u64) -> (u64, u64, u64) {
    let folder = tempfile::tempdir().unwrap();
    let mut lab = Lab::new(folder.path());
    let mut random = StdRng::seed_from_u64(seed);
    let mut known = Configuration::default();
    let (mut number, mut acknowledged, mut made, mut unmade) = (0, 0, 0, 0);
    let mut client = lab.start().await;
    for round in 0..kills {
        let mut in_flight: Option<Configuration> = None;
        let before = acknowledged;
        // Half of the kills come at any time, half in the middle of a commit.
        let undisturbed = random.random_range(0..8);
        let patience = Duration::from_micros(random.random_range(0..150_000));
        let in_a_commit = random.random_bool(0.5);
        let moment = Duration::from_micros(random.random_range(0..12_000));
        let committing = async {
            loop {
                number += 1;
                let (next, edit) = known.next(number, &mut random);
                assert!(client.call(&edit).await?.contains("<ok"), "{edit}");
                in_flight = Some(next.clone());
                let commit = client.call("<commit/>");
                let reply = if in_a_commit && acknowledged - before >= undisturbed {
                    match tokio::time::timeout(moment, commit).await {
                        Ok(reply) => reply?,
                        Err(_) => return Ok(()),
                    }
                } else {
                    commit.await?
                };
                assert!(reply.contains("<ok"), "{reply}");
                acknowledged += 1;
                known = next;
                in_flight = None;
            }
        };
        if in_a_commit {
            let ended: Result<(), ponder::transport::netconf_client::ClientError> = committing.await;
            ended.unwrap();
        } else if let Ok(ended) = tokio::time::timeout(patience, committing).await {
            ended.unwrap();
        }
        lab.kill().await;

        client = lab.start().await;
        let reply = client
            .call("<get-config><source><running/></source></get-config>")
            .await
            .unwrap();
        let found = Configuration::read(&reply);
        let what = format!(
            "seed {seed}, kill {round}: {:?} acknowledged, {:?} in flight, {:?} found",
            known.mark,
            in_flight.as_ref().and_then(|next| next.mark),
            found.mark
        );
        if found == known {
            unmade += u64::from(in_flight.is_some());
        } else {
            assert!(Some(&found) == in_flight.as_ref(), "{what}\n{}", lab.log());
            made += 1;
            known = found;
            number = known.mark.unwrap();
        }
        check_history(&lab.state(), acknowledged + made, &known, &what);
    }
    lab.kill().await;
    (acknowledged, made, unmade)
}

/// The last hundred commits are there, each on top of the one before it.
fn check_history(state: &Path, commits: u64, known: &Configuration, what: &str) {
    let inspection = inspect(&mut FolderFiles::new(state)).unwrap();
    assert_eq!(inspection.generation, commits, "{what}");
    let records = inspection.records;
    assert!(
        records.len() as u64 >= commits.min(100),
        "{what}: {}",
        records.len()
    );
    let mut base = commits - records.len() as u64;
    for record in &records {
        assert_eq!(record.change_set.base, base, "{what}");
        base = record.generation();
    }
    assert_eq!(base, commits, "{what}");
    if let (Some(last), Some(mark)) = (records.last(), known.mark) {
        let record = last.change_set.to_record().unwrap();
        assert!(record.contains(&format!("\"commit-{mark}\"")), "{what}: {record}");
    }
}

fn run(kills: u64, seed: u64) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let (acknowledged, made, unmade) = runtime.block_on(torture(kills, seed));
    println!(
        "{kills} kills with seed {seed}: {acknowledged} commits acknowledged; of those in flight {made} were made \
         whole and {unmade} not at all"
    );
}

/// Each test kills a quarter of them.
fn kills() -> u64 {
    let kills = std::env::var("KILLS").map_or(120, |text| text.parse().expect("KILLS is a number"));
    kills / 4
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
fn seed(which: u64) -> u64 {
    which + std::env::var("SEED").map_or(0, |text| text.parse::<u64>().expect("SEED is a number") * 4)
}
