//! Every operation of the way to disk fails or is the last one: running is before or after the commit, never between.

use std::sync::{Arc, LazyLock};

use ponder::datastore::commit::CommitError;
use ponder::datastore::datastores::Datastores;
use ponder::datastore::edit::OnError;
use ponder::datastore::edit_attributes::EditOperation;
use ponder::datastore::history::Author;
use ponder::datastore::journal::Journal;
use ponder::datastore::journal_record::Awaiting;
use ponder::datastore::participant::open_gate;
use ponder::datastore::simulated_disk::{EVERY_LEFT, Fault, Left, SimulatedDisk};
use ponder::datastore::storage::StorageError;
use ponder::yang::modules::ModuleSet;
use ponder::yang::print::{WithDefaults, print};
use ponder::yang::schema::Schema;
use ponder::yang::select::Selection;
use ponder::yang::tree::Tree;

pub static SCHEMA: LazyLock<Arc<Schema>> = LazyLock::new(|| {
    let cases = include_str!("../data/yang/edit-cases.yang");
    Schema::load(ModuleSet::new().with_module("edit-cases", cases)).unwrap()
});

/// Small, so that a handful of commits goes through several snapshots.
pub const SNAPSHOT_EVERY: u64 = 1500;

/// What is committed one after the other, from one leaf to some thousand bytes.
pub fn edits() -> Vec<String> {
    let long = "x".repeat(1200);
    [
        "<plain>a</plain>".to_owned(),
        format!("<entry><k>1</k><v>{long}</v></entry>"),
        "<number>5</number><ranked><name>r1</name></ranked>".to_owned(),
        "<entry nc:operation=\"delete\"><k>1</k></entry><tag>t</tag>".to_owned(),
        format!("<entry><k>2</k><v>{long}</v><sub><a>1</a><b>b</b></sub></entry>"),
        "<plain nc:operation=\"delete\"/><number>6</number>".to_owned(),
        "<entry><k>3</k></entry>".to_owned(),
    ]
    .into_iter()
    .map(|inside| {
        format!(
            "<c xmlns=\"urn:ponder:test:edit-cases\" xmlns:nc=\"urn:ietf:params:xml:ns:netconf:base:1.0\">\
             {inside}</c>"
        )
    })
    .collect()
}

pub fn open(disk: &SimulatedDisk) -> Option<Datastores> {
    let journal = Journal::with_snapshot_every(Box::new(disk.clone()), SNAPSHOT_EVERY);
    Datastores::open(Arc::clone(&SCHEMA), Box::new(journal)).ok()
}

pub fn shown(tree: &Tree) -> String {
    print(tree, &Selection::everything(&SCHEMA), WithDefaults::Explicit)
}

pub fn edit(datastores: &Datastores, config: &str) {
    let edited = datastores.edit_candidate(config, EditOperation::Merge, OnError::Rollback);
    assert_eq!(edited.errors, []);
}

fn author(label: usize) -> Author {
    Author {
        user: "anna".to_owned(),
        session_id: 7,
        timestamp: jiff::Timestamp::UNIX_EPOCH,
        label: Some(label.to_string()),
        comment: None,
    }
}

pub fn commit(datastores: &Datastores, number: usize) -> Result<(), CommitError> {
    datastores.commit(author(number), &[]).map(|_| ())
}

/// Running after each commit, and how many operations of the disk they take.
pub fn undisturbed() -> (Vec<String>, u64) {
    let disk = SimulatedDisk::new();
    let datastores = open(&disk).unwrap();
    let mut states = vec![String::new()];
    for (number, config) in edits().iter().enumerate() {
        edit(&datastores, config);
        commit(&datastores, number).unwrap();
        states.push(shown(&datastores.running().tree));
    }
    (states, disk.operations())
}

/// After a crash at this moment: acknowledged commits are there, and at most the one in flight too.
pub fn check_crash(disk: &SimulatedDisk, states: &[String], acknowledged: usize, what: &str) -> usize {
    for left in EVERY_LEFT {
        let after = disk.restart(left);
        let datastores = open(&after).unwrap_or_else(|| panic!("{what}, {left:?}: it does not start"));
        let found = shown(&datastores.running().tree);
        let reached = states.iter().position(|state| *state == found);
        assert!(
            reached == Some(acknowledged) || reached == Some(acknowledged + 1),
            "{what}, {left:?}: {acknowledged} commits were acknowledged, running is that of {reached:?}: {found}"
        );
        let reached = reached.unwrap();
        assert_eq!(
            datastores.running().generation,
            reached as u64,
            "{what}, {left:?}"
        );
        let labels: Vec<String> = datastores
            .history()
            .iter()
            .filter_map(|entry| entry.author.label.clone())
            .collect();
        let expected: Vec<String> = (0..reached).map(|number| number.to_string()).collect();
        assert_eq!(labels, expected, "{what}, {left:?}: history");

        // It goes on from there, and a crash right after each `<ok/>` loses nothing.
        for (number, config) in edits().iter().enumerate().skip(reached) {
            edit(&datastores, config);
            commit(&datastores, number).unwrap_or_else(|error| panic!("{what}, {left:?}: {error}"));
            let again = open(&after.restart(Left::Nothing)).unwrap();
            assert_eq!(
                shown(&again.running().tree),
                states[number + 1],
                "{what}, {left:?}"
            );
            assert_eq!(again.history().len(), number + 1, "{what}, {left:?}: history");
        }
    }
    EVERY_LEFT.len()
}

#[test]
fn a_crash_at_any_operation_leaves_running_before_or_after_the_commit() {
    let (states, operations) = undisturbed();
    let mut crashes = 0;
    for at in 0..operations {
        let disk = SimulatedDisk::new();
        disk.fail(at, 1, Fault::Crash);
        let mut acknowledged = 0;
        if let Some(datastores) = open(&disk) {
            for (number, config) in edits().iter().enumerate() {
                edit(&datastores, config);
                if commit(&datastores, number).is_err() {
                    break;
                }
                acknowledged += 1;
                if disk.is_crashed() {
                    break;
                }
            }
        }
        assert!(disk.is_crashed());
        crashes += check_crash(&disk, &states, acknowledged, &format!("crash at operation {at}"));
    }
    println!("{crashes} crashes at {operations} operations");
}

#[test]
fn a_crash_during_the_start_after_a_crash_loses_nothing_either() {
    let (states, operations) = undisturbed();
    let mut crashes = 0;
    for at in (0..operations).step_by(3) {
        let disk = SimulatedDisk::new();
        disk.fail(at, 1, Fault::Crash);
        let Some(datastores) = open(&disk) else { continue };
        let mut acknowledged = 0;
        for (number, config) in edits().iter().enumerate() {
            edit(&datastores, config);
            if commit(&datastores, number).is_err() {
                break;
            }
            acknowledged += 1;
            if disk.is_crashed() {
                break;
            }
        }
        let first = disk.restart(Left::Half);
        let before = first.operations();
        open(&first.restart(Left::Everything)).unwrap();
        for start in 0..20 {
            let second = first.restart(Left::Everything);
            second.fail(before + start, 1, Fault::Crash);
            if open(&second).is_none() {
                assert!(second.is_crashed());
                let what = format!("crash at operation {at}, then {start} operations into the start");
                crashes += check_crash(&second, &states, acknowledged, &what);
            }
        }
    }
    assert!(crashes > 100);
    println!("{crashes} crashes during a start");
}

/// The first two edits plainly, the next three as a confirmed commit and its follow-ups, then the confirmation, then the
/// rest. How many steps were acknowledged: 6 is the confirmation.
fn commit_with_confirmation(datastores: &Datastores) -> usize {
    let awaiting = Awaiting {
        rollback_to: 2,
        session_id: 7,
        persist: None,
    };
    let mut steps = 0;
    for (number, config) in edits().iter().enumerate() {
        if number == 5 {
            if commit(datastores, number).is_err() {
                return steps;
            }
            steps += 1;
        }
        edit(datastores, config);
        let awaiting = (2..5).contains(&number).then(|| awaiting.clone());
        if datastores
            .commit_awaiting(author(number), &[], &open_gate, awaiting)
            .is_err()
        {
            return steps;
        }
        steps += 1;
    }
    steps
}

#[test]
fn an_unconfirmed_commit_is_rolled_back_after_a_crash_at_any_operation_and_a_confirmed_one_is_not() {
    let (states, _) = undisturbed();
    let disk = SimulatedDisk::new();
    assert_eq!(commit_with_confirmation(&open(&disk).unwrap()), 8);
    let operations = disk.operations();
    let mut crashes = 0;
    for (at, left) in (0..operations).flat_map(|at| EVERY_LEFT.map(|left| (at, left))) {
        let disk = SimulatedDisk::new();
        disk.fail(at, 1, Fault::Crash);
        let steps = open(&disk).map_or(0, |datastores| commit_with_confirmation(&datastores));
        // Running as it may be: index into the states after each commit.
        let allowed: &[usize] = match steps {
            0 => &[0, 1],
            1 => &[1, 2],
            2..=4 => &[2],
            5 => &[2, 5],
            6 => &[5, 6],
            7 => &[6, 7],
            _ => &[7],
        };
        let what = format!("crash at operation {at}, {left:?}, {steps} steps acknowledged");
        let after = disk.restart(left);
        let found = {
            let datastores = open(&after).unwrap_or_else(|| panic!("{what}: it does not start"));
            datastores
                .roll_back_unconfirmed(jiff::Timestamp::UNIX_EPOCH)
                .unwrap();
            shown(&datastores.running().tree)
        };
        assert!(
            allowed.iter().any(|state| states[*state] == found),
            "{what}: {found}"
        );
        let again = open(&after.restart(Left::Nothing)).unwrap();
        assert_eq!(shown(&again.running().tree), found, "{what}");
        assert_eq!(again.awaiting(), None, "{what}");
        crashes += 1;
    }
    println!("{crashes} crashes around a confirmed commit");
}

#[test]
fn a_disk_that_fails_at_any_operation_costs_commits_while_it_fails_and_nothing_else() {
    let (states, operations) = undisturbed();
    let (mut refused, mut crashes) = (0, 0);
    for fault in [Fault::NoRoom, Fault::Broken, Fault::ReadOnly] {
        for (at, long) in (0..operations).flat_map(|at| [1, 2, 7].map(|long| (at, long))) {
            let disk = SimulatedDisk::new();
            disk.fail(at, long, fault);
            let what = format!("{fault:?} at operations {at} to {}", at + long);
            // Reading may fail while it starts; then it does not start, and says so.
            let Some(datastores) = (0..10).find_map(|_| open(&disk)) else {
                panic!("{what}: it never starts");
            };
            for (number, config) in edits().iter().enumerate() {
                edit(&datastores, config);
                let mut tries = 0;
                while let Err(error) = commit(&datastores, number) {
                    refused += 1;
                    tries += 1;
                    assert!(tries <= 8, "{what}: {error}");
                    assert_eq!(shown(&datastores.running().tree), states[number], "{what}");
                    assert!(datastores.candidate_is_modified(), "{what}");
                    let CommitError::NotRecorded(error) = error else {
                        panic!("{what}: {error}")
                    };
                    if fault == Fault::NoRoom {
                        let no_room = matches!(*error, StorageError::NoRoom { .. });
                        assert!(no_room, "{what}: {error}");
                    }
                    crashes += check_crash(&disk, &states, number, &what);
                }
                assert_eq!(shown(&datastores.running().tree), states[number + 1], "{what}");
            }
            // Whatever was refused in between, what was acknowledged is on disk.
            let again = open(&disk.restart(Left::Nothing)).unwrap();
            assert_eq!(Some(&shown(&again.running().tree)), states.last(), "{what}");
            assert_eq!(again.history().len(), edits().len(), "{what}");
        }
    }
    assert!(refused > 100);
    println!("{refused} commits refused, {crashes} crashes after it");
}
