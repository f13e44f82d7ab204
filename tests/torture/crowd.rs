//! Eight writers and eight readers at one agent: no torn read, no lost update, no deadlock, and nothing to warn of.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use ponder::transport::netconf_client::NetconfClient;
use tokio::task::JoinSet;

use crate::kill::Lab;

const WRITERS: usize = 8;
const READERS: usize = 8;

/// What stands in running: how many commits were made, and how many of them by each writer.
#[derive(Default, Debug)]
struct Seen {
    total: u64,
    by_writer: BTreeMap<String, u64>,
}

impl Seen {
    fn read(reply: &str) -> Seen {
        let mut seen = Seen::default();
        for piece in reply.split("<host-name>").skip(1) {
            let name = piece.split('<').next().unwrap();
            let (who, count) = name.rsplit_once('-').unwrap();
            let count: u64 = count.parse().unwrap();
            if who == "total" {
                seen.total = count;
            } else {
                let before = seen.by_writer.insert(who.to_owned(), count);
                assert_eq!(before, None, "{who} twice in {reply}");
            }
        }
        seen
    }

    /// Every commit counts itself in both places: a configuration that is torn does not add up.
    fn check(&self, what: &str) {
        let sum: u64 = self.by_writer.values().sum();
        assert_eq!(self.total, sum, "{what}: {self:?}");
    }
}

async fn read(client: &mut NetconfClient, datastore: &str) -> Seen {
    let request = format!("<get-config><source><{datastore}/></source></get-config>");
    let reply = client.call(&request).await.unwrap();
    assert!(reply.contains("<data"), "{reply}");
    Seen::read(&reply)
}

/// When to stop: after so many commits each, or at a time.
#[derive(Clone, Copy)]
enum Until {
    Commits(u64),
    Time(Instant),
}

impl Until {
    fn goes_on(self, made: u64) -> bool {
        match self {
            Until::Commits(commits) => made < commits,
            Until::Time(end) => now() < end,
        }
    }
}

/// Adds one to its own count and to the total, over and over, each time on top of what it reads.
async fn write(mut client: NetconfClient, writer: usize, until: Until) -> u64 {
    const LOCK: &str = "<lock><target><candidate/></target></lock>";
    const UNLOCK: &str = "<unlock><target><candidate/></target></unlock>";
    let me = format!("writer{writer}");
    let mut made = 0;
    while until.goes_on(made) {
        let reply = client.call(LOCK).await.unwrap();
        if !reply.contains("<ok") {
            assert!(reply.contains("lock-denied"), "{reply}");
            tokio::task::yield_now().await;
            continue;
        }
        let seen = read(&mut client, if made % 2 == 0 { "candidate" } else { "running" }).await;
        seen.check(&me);
        let mine = seen.by_writer.get(&me).copied().unwrap_or(0);
        assert_eq!(mine, made, "{me} lost an update");
        let old = if mine > 0 {
            format!("<ipv4-host nc:operation=\"delete\"><host-name>{me}-{mine}</host-name></ipv4-host>")
        } else {
            String::new()
        };
        let edit = format!(
            "<edit-config><target><candidate/></target>\
             <config xmlns:nc=\"urn:ietf:params:xml:ns:netconf:base:1.0\">\
             <host-names xmlns=\"http://cisco.com/ns/yang/Cisco-IOS-XR-shellutil-cfg\">\
             <host-name>total-{}</host-name></host-names>\
             <ip-domain xmlns=\"http://cisco.com/ns/yang/Cisco-IOS-XR-ip-domain-cfg\"><vrfs><vrf>\
             <vrf-name>default</vrf-name><ipv4-hosts>{old}<ipv4-host><host-name>{me}-{}</host-name>\
             <address>192.0.2.1</address></ipv4-host></ipv4-hosts></vrf></vrfs></ip-domain></config></edit-config>",
            seen.total + 1,
            mine + 1
        );
        for request in [edit.as_str(), "<commit/>", UNLOCK] {
            let reply = client.call(request).await.unwrap();
            assert!(reply.contains("<ok"), "{me}: {request}: {reply}");
        }
        made += 1;
    }
    made
}

/// Reads running until the writers are done: whole, and never older than before.
async fn watch(mut client: NetconfClient, is_over: Arc<AtomicBool>, newest: Arc<AtomicU64>) -> u64 {
    let mut reads = 0;
    while !is_over.load(Ordering::Relaxed) {
        let acknowledged = newest.load(Ordering::SeqCst);
        let seen = read(&mut client, "running").await;
        seen.check("a reader");
        assert!(seen.total >= acknowledged, "{seen:?} after {acknowledged}");
        newest.fetch_max(seen.total, Ordering::SeqCst);
        reads += 1;
    }
    reads
}

async fn crowd(until: Until) {
    let folder = tempfile::tempdir().unwrap();
    let mut lab = Lab::new(folder.path());
    let address = lab.start_process().await;
    let is_over = Arc::new(AtomicBool::new(false));
    let newest = Arc::new(AtomicU64::new(0));
    let mut readers = JoinSet::new();
    for _ in 0..READERS {
        let client = lab.connect(address).await;
        readers.spawn(watch(client, Arc::clone(&is_over), Arc::clone(&newest)));
    }
    let mut writers = JoinSet::new();
    for writer in 0..WRITERS {
        writers.spawn(write(lab.connect(address).await, writer, until));
    }
    // Far longer than it takes: a deadlock ends here and is named.
    let patience = Duration::from_secs(180);
    let made = tokio::time::timeout(patience, writers.join_all())
        .await
        .expect("a writer hangs");
    is_over.store(true, Ordering::Relaxed);
    let reads = tokio::time::timeout(patience, readers.join_all())
        .await
        .expect("a reader hangs");

    let mut client = lab.connect(address).await;
    let seen = read(&mut client, "running").await;
    seen.check("at the end");
    assert_eq!(seen.total, made.iter().sum::<u64>(), "{made:?}");
    assert!(
        made.iter().all(|made| *made > 0),
        "a writer never had its turn: {made:?}"
    );
    assert_eq!(lab.log(), "", "the log has something at warn");
    lab.kill().await;
    println!(
        "{WRITERS} writers made {} commits ({made:?}) while {READERS} readers read {} times",
        seen.total,
        reads.iter().sum::<u64>()
    );
}

#[allow(clippy::disallowed_methods)] // how long the crowd is there
fn now() -> Instant {
    Instant::now()
}

fn run(until: Until) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(crowd(until));
}

#[test]
fn writers_and_readers_in_a_crowd_lose_and_tear_nothing() {
    run(Until::Commits(5));
}

#[test]
#[ignore = "takes a minute: make torture"]
fn a_crowd_for_a_minute_loses_and_tears_nothing() {
    run(Until::Time(now() + Duration::from_secs(60)));
}
