//! The disk fails or stops at any operation while running is written whole beside the commits that go on.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, Weak};

use ponder::datastore::datastores::Datastores;
use ponder::datastore::journal::Journal;
use ponder::datastore::simulated_disk::{Fault, Left, SimulatedDisk};
use ponder::datastore::storage::Files;

use crate::disk::{SCHEMA, SNAPSHOT_EVERY, check_crash, commit, edit, edits, open, shown, undisturbed};

/// Operations of a snapshot that is written beside commits, and the moment after the last.
const MOMENTS: usize = 6;

type Interruption = Arc<Mutex<Box<dyn FnMut() + Send>>>;

/// A disk on which something else happens before each operation of whoever writes beside the commits.
struct Interrupted {
    disk: SimulatedDisk,
    is_beside: bool,
    interruption: Interruption,
}

impl Interrupted {
    fn interrupt(&self) {
        if self.is_beside {
            (self.interruption.lock().unwrap())();
        }
    }
}

impl Files for Interrupted {
    fn list(&mut self) -> io::Result<Vec<String>> {
        self.disk.list()
    }

    fn read(&mut self, name: &str) -> io::Result<Vec<u8>> {
        self.disk.read(name)
    }

    fn create(&mut self, name: &str) -> io::Result<()> {
        self.interrupt();
        self.disk.create(name)
    }

    fn append(&mut self, name: &str, bytes: &[u8]) -> io::Result<()> {
        self.interrupt();
        self.disk.append(name, bytes)
    }

    fn truncate(&mut self, name: &str, length: u64) -> io::Result<()> {
        self.disk.truncate(name, length)
    }

    fn sync(&mut self, name: &str) -> io::Result<()> {
        self.interrupt();
        self.disk.sync(name)
    }

    fn rename(&mut self, from: &str, to: &str) -> io::Result<()> {
        self.interrupt();
        self.disk.rename(from, to)
    }

    fn remove(&mut self, name: &str) -> io::Result<()> {
        self.disk.remove(name)
    }

    fn sync_folder(&mut self) -> io::Result<()> {
        self.interrupt();
        self.disk.sync_folder()
    }

    fn folder(&self) -> String {
        self.disk.folder()
    }

    fn another(&self) -> Box<dyn Files> {
        Box::new(Interrupted {
            disk: self.disk.clone(),
            is_beside: true,
            interruption: Arc::clone(&self.interruption),
        })
    }
}

/// Commits the edits one after the other, two of them while a snapshot is written, from a moment of that on.
struct Office {
    disk: SimulatedDisk,
    datastores: Datastores,
    acknowledged: AtomicUsize,
    refused: AtomicUsize,
    is_due: AtomicBool,
    states: Vec<String>,
    what: String,
}

impl Office {
    /// `None` where it does not start because the machine stopped.
    fn open(disk: &SimulatedDisk, moment: usize, states: &[String], what: &str) -> Option<Arc<Office>> {
        let interruption: Interruption = Arc::new(Mutex::new(Box::new(|| {})));
        let files = Interrupted {
            disk: disk.clone(),
            is_beside: false,
            interruption: Arc::clone(&interruption),
        };
        let journal = Journal::with_snapshot_every(Box::new(files), SNAPSHOT_EVERY);
        let datastores = Datastores::open(Arc::clone(&SCHEMA), Box::new(journal)).ok()?;
        let office = Arc::new(Office {
            disk: disk.clone(),
            datastores,
            acknowledged: AtomicUsize::new(0),
            refused: AtomicUsize::new(0),
            is_due: AtomicBool::new(false),
            states: states.to_vec(),
            what: what.to_owned(),
        });
        let bell: Weak<Office> = Arc::downgrade(&office);
        office.datastores.on_snapshot_due(Box::new(move || {
            if let Some(office) = bell.upgrade() {
                office.is_due.store(true, Ordering::Relaxed);
            }
        }));
        let other: Weak<Office> = Arc::downgrade(&office);
        let mut passed = 0;
        *interruption.lock().unwrap() = Box::new(move || {
            if let Some(office) = other.upgrade()
                && (moment..moment + 2).contains(&(passed % MOMENTS))
            {
                office.commit_next();
            }
            passed += 1;
        });
        Some(office)
    }

    fn is_done(&self) -> bool {
        self.acknowledged.load(Ordering::Relaxed) == edits().len() || self.disk.is_crashed()
    }

    /// One more commit; one that is refused leaves running as it was.
    fn commit_next(&self) {
        if self.is_done() {
            return;
        }
        let number = self.acknowledged.load(Ordering::Relaxed);
        if !self.datastores.candidate_is_modified() {
            edit(&self.datastores, &edits()[number]);
        }
        let is_made = commit(&self.datastores, number).is_ok();
        if is_made {
            self.acknowledged.fetch_add(1, Ordering::Relaxed);
        } else {
            self.refused.fetch_add(1, Ordering::Relaxed);
        }
        let expected = &self.states[number + usize::from(is_made)];
        assert_eq!(&shown(&self.datastores.running().tree), expected, "{}", self.what);
    }

    fn work(&self) {
        while !self.is_done() && self.refused.load(Ordering::Relaxed) < 100 {
            self.commit_next();
            if self.is_due.swap(false, Ordering::Relaxed) {
                self.datastores.write_snapshot();
            }
        }
    }
}

/// How many snapshots the disk has, and operations were done, when nothing fails.
fn beside(moment: usize, states: &[String]) -> (usize, u64) {
    let disk = SimulatedDisk::new();
    Office::open(&disk, moment, states, "undisturbed").unwrap().work();
    let operations = disk.operations();
    let names = disk.clone().list().unwrap();
    let snapshots = names.iter().filter(|name| name.starts_with("snapshot-")).count();
    let again = open(&disk.restart(Left::Nothing)).unwrap();
    assert_eq!(Some(&shown(&again.running().tree)), states.last());
    assert_eq!(again.history().len(), edits().len());
    (snapshots, operations)
}

#[test]
fn a_crash_at_any_operation_while_running_is_written_beside_commits_loses_none_of_them() {
    let (states, _) = undisturbed();
    let mut crashes = 0;
    for moment in 0..MOMENTS {
        let (snapshots, operations) = beside(moment, &states);
        assert!(snapshots > 1, "nothing was written beside commits");
        for at in 0..operations {
            let what = format!("commits from moment {moment} of a snapshot on, crash at operation {at}");
            let disk = SimulatedDisk::new();
            disk.fail(at, 1, Fault::Crash);
            let acknowledged = Office::open(&disk, moment, &states, &what).map_or(0, |office| {
                office.work();
                office.acknowledged.load(Ordering::Relaxed)
            });
            assert!(disk.is_crashed(), "{what}");
            crashes += check_crash(&disk, &states, acknowledged, &what);
        }
    }
    println!("{crashes} crashes while running was written beside commits");
}

#[test]
fn a_disk_that_fails_while_running_is_written_beside_commits_loses_none_of_them_either() {
    let (states, _) = undisturbed();
    let (mut refused, mut failed) = (0, 0);
    for fault in [Fault::NoRoom, Fault::Broken, Fault::ReadOnly] {
        for moment in 0..MOMENTS {
            let (_, operations) = beside(moment, &states);
            for (at, long) in (8..operations).flat_map(|at| [1, 3].map(|long| (at, long))) {
                let what = format!(
                    "{fault:?} at operations {at} to {}, commits from moment {moment} on",
                    at + long
                );
                let disk = SimulatedDisk::new();
                disk.fail(at, long, fault);
                let office = Office::open(&disk, moment, &states, &what).unwrap();
                office.work();
                assert!(office.is_done(), "{what}");
                refused += office.refused.load(Ordering::Relaxed);
                failed += office.datastores.counts().write_failures;
                let again = open(&disk.restart(Left::Nothing)).unwrap_or_else(|| panic!("{what}"));
                assert_eq!(Some(&shown(&again.running().tree)), states.last(), "{what}");
                assert_eq!(again.history().len(), edits().len(), "{what}");
            }
        }
    }
    assert!(refused > 100 && failed > refused as u64, "{refused} {failed}");
    println!("{refused} commits refused, {failed} failures in all");
}
