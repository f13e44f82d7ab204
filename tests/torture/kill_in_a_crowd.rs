//! A real agent is killed while several sessions commit at once, confirmed commits among them: each acknowledged commit is
//! there when it is back, and each other one is there whole or not at all.
//!
//! All edit one candidate, so that a session's edit may be brought to disk by the commit of another, and commits that meet
//! share one sync. Each session has an area of its own in the configuration, with a mark that counts its edits; it has one
//! edit on the way at a time.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use ponder::datastore::change_set::Change;
use ponder::datastore::journal_inspection::{Inspection, inspect};
use ponder::datastore::journal_record::Record;
use ponder::datastore::storage::FolderFiles;
use ponder::transport::netconf_client::NetconfClient;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::sync::Notify;
use tokio::task::JoinSet;

use crate::kill::{Lab, check_chain, kills, seed};

const WRITERS: usize = 6;

/// The hosts of one writer, its mark among them.
type Area = BTreeSet<String>;

/// Whose host this is; the one that makes the list is nobody's.
fn writer_of(host: &str) -> Option<usize> {
    host.strip_prefix('w')?.split('-').next()?.parse().ok()
}

/// What all writers know together.
#[derive(Default)]
struct Model {
    /// The area after each edit that was sent.
    areas: [BTreeMap<u64, Area>; WRITERS],
    /// The last edit that was acknowledged with a commit for good, with one that awaits its confirmation, and that a
    /// commit was sent for.
    for_good: [u64; WRITERS],
    for_now: [u64; WRITERS],
    committing: [bool; WRITERS],
    /// Commits that were sent and can confirm another, and those of them that were answered.
    confirming: u64,
    confirming_answered: u64,
    /// A confirmed commit was acknowledged; so many of those had been answered when it was sent.
    awaits_since: Option<u64>,
    commits_sent: u64,
    acknowledged: u64,
    is_killed: bool,
}

impl Model {
    /// Each writer where it is now; nothing awaits its confirmation.
    fn at(edits: [u64; WRITERS], areas: [BTreeMap<u64, Area>; WRITERS]) -> Model {
        Model {
            areas,
            for_good: edits,
            for_now: edits,
            ..Model::default()
        }
    }
}

#[derive(Clone, Copy, PartialEq, Debug)]
enum Kind {
    Plain,
    Confirms,
    Awaits,
    Follows,
}

impl Kind {
    fn element(self) -> &'static str {
        match self {
            Kind::Plain => "<commit/>",
            Kind::Confirms => "<commit><persist-id>t</persist-id></commit>",
            Kind::Awaits => {
                "<commit><confirmed/><confirm-timeout>3600</confirm-timeout><persist>t</persist></commit>"
            }
            Kind::Follows => {
                "<commit><confirmed/><confirm-timeout>3600</confirm-timeout>\
                 <persist>t</persist><persist-id>t</persist-id></commit>"
            }
        }
    }

    fn is_for_good(self) -> bool {
        matches!(self, Kind::Plain | Kind::Confirms)
    }
}

/// One session that edits its area and commits, over and over, until the agent is killed.
struct Writer {
    me: usize,
    client: NetconfClient,
    model: Arc<Mutex<Model>>,
    /// Rings at each commit that is sent.
    bell: Arc<Notify>,
    random: StdRng,
}

impl Writer {
    fn model(&self) -> MutexGuard<'_, Model> {
        self.model.lock().unwrap()
    }

    /// `None` once the agent is killed.
    async fn call(&mut self, request: &str) -> Option<String> {
        match self.client.call(request).await {
            Ok(reply) => Some(reply),
            Err(error) => {
                assert!(self.model().is_killed, "writer {}: {error}", self.me);
                None
            }
        }
    }

    async fn work(mut self, mut edits: u64) -> Option<()> {
        loop {
            edits += 1;
            let edit = self.next_edit(edits);
            let reply = self.call(&edit).await?;
            assert!(reply.contains("<ok"), "{edit}: {reply}");
            self.commit(edits).await?;
        }
    }

    /// Its next edit: the mark counts on, and some hosts come and go.
    fn next_edit(&mut self, number: u64) -> String {
        let me = self.me;
        let before = self.model().areas[me][&(number - 1)].clone();
        let mut gone = vec![format!("w{me}-mark-{}", number - 1)];
        gone.retain(|mark| before.contains(mark));
        if before.len() > 300 || self.random.random_bool(0.3) {
            let size = self.random.random_range(0..200);
            gone.extend(
                before
                    .iter()
                    .filter(|host| !host.contains("mark"))
                    .take(size)
                    .cloned(),
            );
        }
        let most = [0, 0, 1, 10, 100][self.random.random_range(0..5)];
        let mut new = vec![format!("w{me}-mark-{number}")];
        new.extend((0..self.random.random_range(0..most + 1)).map(|count| format!("w{me}-{number}-{count}")));
        let mut hosts = String::new();
        for host in &gone {
            write!(
                hosts,
                "<ipv4-host nc:operation=\"delete\"><host-name>{host}</host-name></ipv4-host>"
            )
            .unwrap();
        }
        for host in &new {
            write!(
                hosts,
                "<ipv4-host nc:operation=\"create\"><host-name>{host}</host-name>\
                 <address>192.0.2.{me}</address></ipv4-host>"
            )
            .unwrap();
        }
        let mut after: Area = before;
        after.retain(|host| !gone.contains(host));
        after.extend(new);
        self.model().areas[me].insert(number, after);
        edit_config(&hosts)
    }

    /// Commits until that is acknowledged: another's confirmed commit may be in the way, or gone when it was expected.
    async fn commit(&mut self, edits: u64) -> Option<()> {
        let is_for_now = self.random.random_bool(0.2);
        let mut kind = match (is_for_now, self.model().awaits_since.is_some()) {
            (false, false) => Kind::Plain,
            (false, true) => Kind::Confirms,
            (true, false) => Kind::Awaits,
            (true, true) => Kind::Follows,
        };
        loop {
            let answered_before = {
                let mut model = self.model();
                model.commits_sent += 1;
                model.committing[self.me] = true;
                model.confirming += u64::from(kind == Kind::Confirms);
                model.confirming_answered
            };
            self.bell.notify_one();
            let reply = self.call(kind.element()).await?;
            let mut model = self.model.lock().unwrap();
            model.committing[self.me] = false;
            model.confirming_answered += u64::from(kind == Kind::Confirms);
            if reply.contains("<ok") {
                model.acknowledged += 1;
                if kind.is_for_good() {
                    model.for_good[self.me] = edits;
                    model.for_now[self.me] = edits;
                    if kind == Kind::Confirms {
                        model.awaits_since = None;
                    }
                } else {
                    model.for_now[self.me] = edits;
                    model.awaits_since = Some(answered_before);
                }
                return Some(());
            }
            kind = match kind {
                Kind::Confirms | Kind::Follows if reply.contains("no confirmed commit awaits") => {
                    model.awaits_since = None;
                    if kind == Kind::Confirms {
                        Kind::Plain
                    } else {
                        Kind::Awaits
                    }
                }
                Kind::Plain if reply.contains("its token is needed") => Kind::Confirms,
                Kind::Awaits if reply.contains("its token is needed") => Kind::Follows,
                _ => panic!("writer {}: {kind:?}: {reply}", self.me),
            };
        }
    }
}

fn edit_config(hosts: &str) -> String {
    format!(
        "<edit-config><target><candidate/></target>\
         <config xmlns:nc=\"urn:ietf:params:xml:ns:netconf:base:1.0\">\
         <ip-domain xmlns=\"http://cisco.com/ns/yang/Cisco-IOS-XR-ip-domain-cfg\"><vrfs><vrf>\
         <vrf-name>default</vrf-name><ipv4-hosts>{hosts}</ipv4-hosts></vrf></vrfs></ip-domain></config></edit-config>"
    )
}

/// What the commits on disk make of each area, checked against what was sent.
struct Walk<'m> {
    model: &'m Model,
    edits: [u64; WRITERS],
    /// Edits of each writer after each generation.
    after: BTreeMap<u64, [u64; WRITERS]>,
    /// Commits that brought the edits of several writers.
    mixed: u64,
}

impl<'m> Walk<'m> {
    fn from(model: &'m Model, edits: [u64; WRITERS], generation: u64) -> Walk<'m> {
        Walk {
            model,
            edits,
            after: BTreeMap::from([(generation, edits)]),
            mixed: 0,
        }
    }

    /// One commit: whoever is touched by it moves on by exactly one edit, the whole of it.
    fn step(&mut self, record: &Record, what: &str) {
        let mut came: [Area; WRITERS] = Default::default();
        let mut went: [Area; WRITERS] = Default::default();
        for change in &record.change_set.changes {
            let path = change.path().to_string();
            let host = path.split("host-name='").nth(1).expect(&path);
            let host = host.split('\'').next().unwrap();
            let writer = writer_of(host).expect(host);
            match change {
                Change::Insert { .. } => came[writer].insert(host.to_owned()),
                Change::Remove { .. } => went[writer].insert(host.to_owned()),
                other => panic!("{what}: {other:?}"),
            };
        }
        let mut touched = 0;
        for writer in 0..WRITERS {
            if came[writer].is_empty() && went[writer].is_empty() {
                continue;
            }
            touched += 1;
            let areas = &self.model.areas[writer];
            let (from, to) = (self.edits[writer], self.edits[writer] + 1);
            let (before, after) = (&areas[&from], areas.get(&to));
            let after = after.unwrap_or_else(|| panic!("{what}: writer {writer} never sent edit {to}"));
            let inserted: Area = after.difference(before).cloned().collect();
            let removed: Area = before.difference(after).cloned().collect();
            assert_eq!(
                (&came[writer], &went[writer]),
                (&inserted, &removed),
                "{what}: edit {to} of writer {writer} is not whole"
            );
            self.edits[writer] = to;
        }
        self.mixed += u64::from(touched > 1);
        self.after.insert(record.generation(), self.edits);
    }
}

/// What the torture counts.
#[derive(Default, Debug)]
struct Counts {
    acknowledged: u64,
    commits_on_disk: u64,
    /// Among them those that brought the edits of several sessions.
    mixed: u64,
    /// Commits that were in flight at a kill, and those of them that are there.
    in_flight: u64,
    in_flight_made: u64,
    /// Kills at which a commit was on disk that awaited its confirmation.
    unconfirmed: u64,
    /// Kills of an agent that was starting.
    while_starting: u64,
}

fn inspected(lab: &Lab, what: &str) -> Inspection {
    inspect(&mut FolderFiles::new(lab.state())).unwrap_or_else(|error| panic!("{what}: {error}"))
}

fn hosts(reply: &str) -> BTreeSet<String> {
    let names = reply.split("<host-name>").skip(1);
    names
        .map(|piece| piece.split('<').next().unwrap().to_owned())
        .collect()
}

/// Lets so much time pass.
async fn pass(time: Duration) {
    let _ = tokio::time::timeout(time, std::future::pending::<()>()).await;
}

/// Kills it so many times.
async fn torture(kills: u64, seed: u64) -> Counts {
    let folder = tempfile::tempdir().unwrap();
    let mut lab = Lab::new(folder.path());
    if seed.is_multiple_of(2) {
        lab.write_whole_often();
    }
    let mut random = StdRng::seed_from_u64(seed);
    let mut counts = Counts::default();
    let mut edits = [0; WRITERS];
    let mut areas: [BTreeMap<u64, Area>; WRITERS] =
        std::array::from_fn(|_| BTreeMap::from([(0, Area::new())]));
    let mut generation = 1;
    let mut address = lab.start_process().await;
    // The list is there from the beginning on, so that every change is one of an entry.
    let mut client = lab.connect(address).await;
    let list =
        edit_config("<ipv4-host><host-name>list</host-name><address>192.0.2.250</address></ipv4-host>");
    for request in [list.as_str(), "<commit/>"] {
        assert!(client.call(request).await.unwrap().contains("<ok"));
    }
    for round in 0..kills {
        let model = Arc::new(Mutex::new(Model::at(edits, areas.clone())));
        let bell = Arc::new(Notify::new());
        let mut writers = JoinSet::new();
        for (me, edits) in edits.iter().enumerate() {
            let writer = Writer {
                me,
                client: lab.connect(address).await,
                model: Arc::clone(&model),
                bell: Arc::clone(&bell),
                random: StdRng::seed_from_u64(random.random()),
            };
            writers.spawn(writer.work(*edits));
        }
        // Half of the kills come at any time, half in the middle of a commit.
        if random.random_bool(0.5) {
            let undisturbed = random.random_range(0..40);
            while model.lock().unwrap().commits_sent <= undisturbed {
                bell.notified().await;
            }
            pass(Duration::from_micros(random.random_range(0..8_000))).await;
        } else {
            pass(Duration::from_micros(random.random_range(0..150_000))).await;
        }
        model.lock().unwrap().is_killed = true;
        lab.kill().await;
        // Each takes what it was still told before it notices.
        for ended in writers.join_all().await {
            assert_eq!(ended, None);
        }
        let model = Arc::into_inner(model).unwrap().into_inner().unwrap();

        let what = format!("seed {seed}, kill {round}");
        let found = inspected(&lab, &what);
        let mut walk = Walk::from(&model, edits, generation);
        let since = |record: &&Record| record.change_set.base >= generation;
        for record in found.records.iter().filter(since) {
            counts.commits_on_disk += 1;
            walk.step(record, &what);
        }
        let last = found.records.last().expect("the list is there");
        check_chain(&found, last.generation(), &what);
        let on_disk = walk.edits;
        let expected = match &last.awaiting {
            Some(awaiting) => awaiting.rollback_to,
            None => last.generation(),
        };
        let survives = walk.after[&expected];
        for writer in 0..WRITERS {
            let (for_good, for_now) = (model.for_good[writer], model.for_now[writer]);
            assert!(
                for_good <= survives[writer] && for_now <= on_disk[writer],
                "{what}: writer {writer} was told that edit {for_good} is committed, and {for_now} for now; \
                 {} survives, {} is on disk",
                survives[writer],
                on_disk[writer]
            );
            if model.committing[writer] {
                counts.in_flight += 1;
                counts.in_flight_made += u64::from(on_disk[writer] > for_now);
            }
        }
        if model.awaits_since == Some(model.confirming) {
            assert_ne!(last.awaiting, None, "{what}: nobody confirmed it");
        }
        counts.acknowledged += model.acknowledged;
        counts.mixed += walk.mixed;
        counts.unconfirmed += u64::from(last.awaiting.is_some());

        // What a start does may be interrupted too.
        if random.random_bool(0.2) {
            lab.start_and_kill(Duration::from_micros(random.random_range(0..60_000)))
                .await;
            counts.while_starting += 1;
        }
        let is_undone = expected != last.generation();
        generation = last.generation() + u64::from(is_undone);
        address = lab.start_process().await;
        let mut client = lab.connect(address).await;
        let reply = client
            .call("<get-config><source><running/></source></get-config>")
            .await
            .unwrap();
        let mut wanted = Area::from(["list".to_owned()]);
        for (writer, edits) in survives.iter().enumerate() {
            wanted.extend(model.areas[writer][edits].iter().cloned());
        }
        assert_eq!(hosts(&reply), wanted, "{what}\n{}", lab.log());
        let after = inspected(&lab, &what);
        check_chain(&after, generation, &what);
        let awaits = after.records.last().and_then(|record| record.awaiting.clone());
        assert_eq!(awaits, None, "{what}");

        edits = survives;
        areas = std::array::from_fn(|writer| {
            BTreeMap::from([(edits[writer], model.areas[writer][&edits[writer]].clone())])
        });
    }
    lab.kill().await;
    counts
}

fn run(which: u64) {
    let (kills, seed) = (kills(), seed(which));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let counts = runtime.block_on(torture(kills, seed));
    println!("{kills} kills among {WRITERS} writers with seed {seed}: {counts:?}");
}

#[test]
fn an_agent_killed_among_writers_has_every_acknowledged_commit_and_none_by_half_1() {
    run(5);
}

#[test]
fn an_agent_killed_among_writers_has_every_acknowledged_commit_and_none_by_half_2() {
    run(6);
}
