//! Commits of concurrent sessions that meet share one way to disk; when it fails, all that share it are refused.

#![allow(clippy::unwrap_used)] // a test may stop at what it did not expect

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Mutex, mpsc};
use std::thread;

use ponder::datastore::commit::CommitError;
use ponder::datastore::datastores::Datastores;
use ponder::datastore::edit::OnError;
use ponder::datastore::edit_attributes::EditOperation;
use ponder::datastore::history::Author;
use ponder::datastore::journal::Journal;
use ponder::datastore::journal_record::{Record, Snapshot};
use ponder::datastore::memory_storage::{Failure, MemoryStorage};
use ponder::datastore::participant::open_gate;
use ponder::datastore::simulated_disk::{EVERY_LEFT, Fault, SimulatedDisk};
use ponder::datastore::storage::{Kept, SnapshotNeed, Storage, StorageError};
use ponder::yang::modules::ModuleSet;
use ponder::yang::print::{WithDefaults, print};
use ponder::yang::schema::Schema;
use ponder::yang::select::Selection;
use ponder::yang::tree::Tree;

const MODULE: &str = "module g { yang-version 1.1; namespace \"urn:g\"; prefix g; container top { leaf most { type uint32; default 4; } \
    list row { key name; leaf name { type uint32; must \". < 1000\"; } leaf next { type leafref { path \"../../row/name\"; } } } } }";

static SCHEMA: LazyLock<Arc<Schema>> =
    LazyLock::new(|| Schema::load(ModuleSet::new().with_module("g", MODULE)).unwrap());

/// A storage that says when it begins to record, and then waits for permission.
struct Gate<S> {
    inside: S,
    began: mpsc::Sender<usize>,
    go_on: Arc<Mutex<mpsc::Receiver<()>>>,
}

impl<S: Storage> Storage for Gate<S> {
    fn load(&mut self) -> Result<Kept, StorageError> {
        self.inside.load()
    }

    fn record(&mut self, records: &[&Record]) -> Result<(), StorageError> {
        // Nobody listens any more at the end of a test.
        let _ = self.began.send(records.len());
        let _ = self.go_on.lock().unwrap().recv();
        self.inside.record(records)
    }

    fn snapshot_need(&self) -> SnapshotNeed {
        self.inside.snapshot_need()
    }

    fn snapshot(&mut self, snapshot: &Snapshot) -> Result<(), StorageError> {
        self.inside.snapshot(snapshot)
    }
}

struct Office {
    datastores: Datastores,
    began: mpsc::Receiver<usize>,
    go_on: mpsc::Sender<()>,
    told: Arc<Mutex<Vec<u64>>>,
}

fn open(storage: impl Storage + 'static) -> Office {
    let (began, begins) = mpsc::channel();
    let (go_on, may) = mpsc::channel();
    let gate = Gate {
        inside: storage,
        began,
        go_on: Arc::new(Mutex::new(may)),
    };
    let datastores = Datastores::open(Arc::clone(&SCHEMA), Box::new(gate)).unwrap();
    let told = Arc::new(Mutex::new(Vec::new()));
    let heard = Arc::clone(&told);
    datastores.listen(Box::new(move |committed| {
        heard.lock().unwrap().push(committed.generation);
    }));
    Office {
        datastores,
        began: begins,
        go_on,
        told,
    }
}

fn author(session_id: u32) -> Author {
    Author {
        user: "anna".to_owned(),
        session_id,
        timestamp: jiff::Timestamp::UNIX_EPOCH,
        label: None,
        comment: None,
    }
}

/// Adds a row that refers to the one before it.
fn add_row(datastores: &Datastores, name: u32) {
    let next = name.saturating_sub(1).max(1);
    let config = format!("<top xmlns=\"urn:g\"><row><name>{name}</name><next>{next}</next></row></top>");
    let edited = datastores.edit_candidate(&config, EditOperation::Merge, OnError::Rollback);
    assert_eq!(edited.errors, []);
}

fn shown(tree: &Tree) -> String {
    print(tree, &Selection::everything(&SCHEMA), WithDefaults::ReportAll)
}

fn rows(datastores: &Datastores) -> usize {
    shown(&datastores.running().tree).matches("<row>").count()
}

type Answer = Result<u64, CommitError>;

/// One commit that is held up on its way to disk, and more behind it, each with a row of its own; then both groups are
/// let go. `between` is called when the second group is complete.
fn two_groups(office: &Office, more: u32, between: impl FnOnce()) -> Vec<Answer> {
    let datastores = &office.datastores;
    thread::scope(|scope| {
        let commit = |session: u32| {
            let submitted = datastores.submit(author(session), &[], &open_gate, None);
            scope.spawn(move || {
                let committed = datastores.settle(submitted?)?;
                Ok(committed.generation)
            })
        };
        let first = datastores.running().generation as u32 + 1;
        add_row(datastores, first);
        let mut threads = vec![commit(first)];
        assert_eq!(office.began.recv().unwrap(), 1);
        for name in first + 1..=first + more {
            add_row(datastores, name);
            threads.push(commit(name));
        }
        assert_eq!(datastores.accepted_generation(), u64::from(first + more));
        assert_eq!(
            datastores.running().generation,
            u64::from(first - 1),
            "nothing is published yet"
        );
        office.go_on.send(()).unwrap();
        assert_eq!(
            office.began.recv().unwrap(),
            more as usize,
            "all the others share one way to disk"
        );
        between();
        office.go_on.send(()).unwrap();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    })
}

#[test]
fn commits_that_meet_share_one_way_to_disk_and_are_published_in_their_order() {
    let storage = MemoryStorage::new();
    let office = open(storage.clone());
    let answers = two_groups(&office, 7, || {});
    let generations: Vec<u64> = answers.into_iter().map(Result::unwrap).collect();
    assert_eq!(generations, (1..=8).collect::<Vec<_>>());
    assert_eq!(*office.told.lock().unwrap(), generations);
    assert_eq!(rows(&office.datastores), 8);
    assert!(!office.datastores.candidate_is_modified());
    let bases: Vec<u64> = office
        .datastores
        .history()
        .iter()
        .map(|entry| entry.change_set.base)
        .collect();
    assert_eq!(bases, (0..8).collect::<Vec<_>>());
    let sessions: Vec<u32> = office
        .datastores
        .history()
        .iter()
        .map(|entry| entry.author.session_id)
        .collect();
    assert_eq!(sessions, (1..=8).collect::<Vec<_>>());
    let again = Datastores::open(Arc::clone(&SCHEMA), Box::new(storage)).unwrap();
    assert_eq!(
        shown(&again.running().tree),
        shown(&office.datastores.running().tree)
    );
    let mut whole = office.datastores.running().tree.duplicate();
    assert_eq!(whole.validate(), Ok(Vec::new()));
    assert_eq!(shown(&whole), shown(&again.running().tree));
}

#[test]
fn when_the_disk_refuses_a_group_all_of_it_is_refused_and_the_candidate_has_its_changes_again() {
    let storage = MemoryStorage::new();
    let office = open(storage.clone());
    let answers = two_groups(&office, 5, || storage.fail(Some(Failure::NoRoom)));
    assert!(matches!(answers[0], Ok(1)));
    for refused in &answers[1..] {
        assert!(matches!(refused, Err(CommitError::NotRecorded(_))), "{refused:?}");
    }
    let datastores = &office.datastores;
    assert_eq!((datastores.running().generation, rows(datastores)), (1, 1));
    assert_eq!(*office.told.lock().unwrap(), [1]);
    assert!(datastores.candidate_is_modified());
    assert_eq!(shown(&datastores.candidate()).matches("<row>").count(), 6);
    // The disk is well again: one more commit makes all of it.
    storage.fail(None);
    office.go_on.send(()).unwrap();
    assert_eq!(datastores.commit(author(9), &[]).unwrap().generation, 2);
    assert_eq!(rows(datastores), 6);
    let again = Datastores::open(Arc::clone(&SCHEMA), Box::new(storage)).unwrap();
    assert_eq!(shown(&again.running().tree), shown(&datastores.running().tree));
}

#[test]
fn what_was_discarded_while_a_commit_was_on_its_way_does_not_come_back_when_it_is_refused() {
    let storage = MemoryStorage::new();
    let office = open(storage.clone());
    let answers = two_groups(&office, 2, || {
        office.datastores.discard();
        storage.fail(Some(Failure::Broken));
    });
    assert_eq!(answers.iter().filter(|answer| answer.is_err()).count(), 2);
    assert!(!office.datastores.candidate_is_modified());
    assert_eq!(shown(&office.datastores.candidate()).matches("<row>").count(), 1);
}

#[test]
fn a_commit_that_breaks_a_rule_is_refused_alone() {
    let office = open(MemoryStorage::new());
    let datastores = &office.datastores;
    thread::scope(|scope| {
        add_row(datastores, 1);
        let first = datastores.submit(author(1), &[], &open_gate, None).unwrap();
        let first = scope.spawn(move || datastores.settle(first));
        office.began.recv().unwrap();
        add_row(datastores, 2000);
        assert!(matches!(
            datastores.submit(author(2), &[], &open_gate, None),
            Err(CommitError::Invalid(_))
        ));
        assert!(datastores.candidate_is_modified());
        datastores.discard();
        // Nothing is left to commit; the answer waits for the commit that it stands on.
        let nothing = datastores.submit(author(3), &[], &open_gate, None).unwrap();
        office.go_on.send(()).unwrap();
        assert_eq!(first.join().unwrap().unwrap().generation, 1);
        let nothing = datastores.settle(nothing).unwrap();
        assert!(nothing.change_set.is_empty());
        assert_eq!(nothing.generation, 1);
    });
}

#[test]
fn a_rollback_waits_for_the_commits_before_it() {
    let office = open(MemoryStorage::new());
    let datastores = &office.datastores;
    thread::scope(|scope| {
        for name in 1..=2 {
            add_row(datastores, name);
            let submitted = datastores.submit(author(name), &[], &open_gate, None).unwrap();
            scope.spawn(move || datastores.settle(submitted).unwrap());
        }
        for _ in 0..3 {
            office.go_on.send(()).unwrap();
        }
        let undone = datastores.rollback_to(0, author(9), &[]).unwrap();
        assert_eq!((undone.change_set.base, undone.generation), (2, 3));
    });
    assert_eq!(rows(datastores), 0);
    assert_eq!(*office.told.lock().unwrap(), [1, 2, 3]);
}

/// The states that running went through: after no commit, after the first, and so on.
fn states() -> Vec<String> {
    let datastores = Datastores::open(Arc::clone(&SCHEMA), Box::new(MemoryStorage::new())).unwrap();
    let mut states = vec![shown(&datastores.running().tree)];
    for name in 1..=9 {
        add_row(&datastores, name);
        datastores.commit(author(name), &[]).unwrap();
        states.push(shown(&datastores.running().tree));
    }
    states
}

#[test]
fn a_crash_at_any_operation_of_a_group_keeps_what_was_acknowledged_and_a_beginning_of_the_rest() {
    let states = states();
    let journal = |disk: &SimulatedDisk| Journal::with_snapshot_every(Box::new(disk.clone()), 900);
    let undisturbed = SimulatedDisk::new();
    two_groups(&open(journal(&undisturbed)), 8, || {});
    let mut crashes = 0;
    for at in 0..undisturbed.operations() {
        let disk = SimulatedDisk::new();
        disk.fail(at, 1, Fault::Crash);
        let gated = Gate {
            inside: journal(&disk),
            began: mpsc::channel().0,
            go_on: Arc::new(Mutex::new(mpsc::channel().1)),
        };
        let mut acknowledged = 0;
        if let Ok(datastores) = Datastores::open(Arc::clone(&SCHEMA), Box::new(gated)) {
            // One alone, then the rest in one group: nobody settles before all are accepted.
            add_row(&datastores, 1);
            if datastores.commit(author(1), &[]).is_ok() {
                acknowledged = 1;
                let group: Vec<_> = (2..=9)
                    .map(|name| {
                        add_row(&datastores, name);
                        datastores.submit(author(name), &[], &open_gate, None).unwrap()
                    })
                    .collect();
                let settled = group.into_iter().map(|submitted| datastores.settle(submitted));
                acknowledged += settled.filter(Result::is_ok).count();
            }
        }
        assert!(
            acknowledged == 0 || acknowledged == 1 || acknowledged == 9,
            "all of a group or none: {acknowledged}"
        );
        for left in EVERY_LEFT {
            let after = disk.restart(left);
            let datastores = Datastores::open(Arc::clone(&SCHEMA), Box::new(journal(&after)))
                .unwrap_or_else(|error| panic!("crash at {at}, {left:?}: {error}"));
            let found = shown(&datastores.running().tree);
            let reached = states.iter().position(|state| *state == found);
            assert!(
                reached.is_some_and(|reached| reached >= acknowledged),
                "crash at {at}, {left:?}: {found}"
            );
            assert_eq!(
                datastores.history().len(),
                reached.unwrap(),
                "crash at {at}, {left:?}"
            );
            crashes += 1;
        }
    }
    println!("{crashes} crashes around a group");
}

#[test]
fn eight_writers_lose_no_commit_and_leave_a_valid_configuration() {
    let disk = SimulatedDisk::new();
    let journal = |disk: &SimulatedDisk| Journal::new(Box::new(disk.clone()));
    let datastores = Datastores::open(Arc::clone(&SCHEMA), Box::new(journal(&disk))).unwrap();
    let changed = AtomicU64::new(0);
    thread::scope(|scope| {
        for session in 1..=8 {
            let (datastores, changed) = (&datastores, &changed);
            scope.spawn(move || {
                for round in 0..25 {
                    // A row of its own that refers to itself, whoever commits it.
                    let name = session * 100 + round;
                    let row = format!("<row><name>{name}</name><next>{name}</next></row>");
                    let config = format!("<top xmlns=\"urn:g\">{row}</top>");
                    let edited = datastores.edit_candidate(&config, EditOperation::Merge, OnError::Rollback);
                    assert_eq!(edited.errors, []);
                    let committed = datastores.commit(author(session), &[]).unwrap();
                    changed.fetch_add(u64::from(!committed.change_set.is_empty()), Ordering::SeqCst);
                }
            });
        }
    });
    let running = datastores.running();
    assert_eq!(running.generation, changed.load(Ordering::SeqCst));
    assert_eq!(rows(&datastores), 200);
    assert!(!datastores.candidate_is_modified());
    let mut whole = running.tree.duplicate();
    assert_eq!(whole.validate(), Ok(Vec::new()));
    assert_eq!(shown(&whole), shown(&running.tree));
    let again = Datastores::open(Arc::clone(&SCHEMA), Box::new(journal(&disk))).unwrap();
    assert_eq!(shown(&again.running().tree), shown(&running.tree));
}
