//! Readers and commits beside each other: no reader sees half a commit, and none is waited for.

#![allow(clippy::unwrap_used)] // a test may stop at what it did not expect

use std::fmt::Write as _;
use std::sync::mpsc;
use std::thread;

use ponder::datastore::commit::ValidationWay;
use ponder::datastore::datastores::Datastores;
use ponder::datastore::edit::OnError;
use ponder::datastore::edit_attributes::EditOperation;
use ponder::datastore::history::Author;
use ponder::datastore::memory_storage::MemoryStorage;
use ponder::yang::modules::ModuleSet;
use ponder::yang::print::{WithDefaults, print};
use ponder::yang::schema::Schema;
use ponder::yang::select::Selection;

/// Entries stored; the release run of the benchmarks has more.
const ENTRIES: usize = 5_000;

const MODULE: &str = "module r { yang-version 1.1; namespace \"urn:r\"; prefix r; container top { \
    leaf first { type uint32; } \
    list row { key name; leaf name { type string; } leaf mtu { type uint16; must \". > 10\"; } leaf on { type boolean; default true; } \
               leaf next { type leafref { path \"../../row/name\"; } } } \
    leaf last { type uint32; must \". = ../first\"; } } }";

fn author() -> Author {
    Author {
        user: "anna".to_owned(),
        session_id: 1,
        timestamp: jiff::Timestamp::UNIX_EPOCH,
        label: None,
        comment: None,
    }
}

fn open() -> Datastores {
    let schema = Schema::load(ModuleSet::new().with_module("r", MODULE)).unwrap();
    let datastores = Datastores::open(schema, Box::new(MemoryStorage::new())).unwrap();
    let mut rows = String::new();
    for row in 0..ENTRIES {
        write!(rows, "<row><name>{row}</name><mtu>1500</mtu><next>0</next></row>").unwrap();
    }
    edit(&datastores, &rows);
    datastores.commit(author(), &[]).unwrap();
    datastores
}

fn edit(datastores: &Datastores, inside: &str) {
    let config =
        format!("<top xmlns=\"urn:r\" xmlns:nc=\"urn:ietf:params:xml:ns:netconf:base:1.0\">{inside}</top>");
    let edited = datastores.edit_candidate(&config, EditOperation::Merge, OnError::Rollback);
    assert_eq!(edited.errors, []);
}

#[test]
fn a_reader_who_stops_in_the_middle_neither_waits_nor_is_waited_for() {
    let datastores = open();
    let held = datastores.running();
    let everything = Selection::everything(datastores.schema());
    let before = print(&held.tree, &everything, WithDefaults::ReportAll);
    for round in 1..=100 {
        let row = round * 7 % ENTRIES;
        edit(
            &datastores,
            &format!(
                "<first>{round}</first><last>{round}</last><row><name>{row}</name><mtu>{}</mtu></row>",
                100 + round
            ),
        );
        datastores.commit(author(), &[]).unwrap();
    }
    assert_eq!(print(&held.tree, &everything, WithDefaults::ReportAll), before);
    assert_eq!(datastores.running().generation, 101);
    let counts = datastores.counts();
    assert_eq!(counts.validated_around_changes, 100, "{counts:?}");
    // One copy was pinned by the reader and one was made at the first edit; after that nothing is duplicated.
    assert!(counts.duplicated <= 3, "{counts:?}");
}

#[test]
fn readers_see_one_generation_whole_while_others_commit() {
    let datastores = open();
    let everything = Selection::everything(datastores.schema());
    let (done, is_done) = mpsc::channel::<()>();
    thread::scope(|scope| {
        let readers: Vec<_> = (0..3)
            .map(|_| {
                scope.spawn(|| {
                    for _ in 0..40 {
                        let running = datastores.running();
                        let shown = print(&running.tree, &everything, WithDefaults::Explicit);
                        let value = |name: &str| {
                            let rest = shown.split_once(&format!("<{name}>"))?.1;
                            rest.split_once('<').map(|(value, _)| value.to_owned())
                        };
                        assert_eq!(value("first"), value("last"));
                    }
                })
            })
            .collect();
        scope.spawn(|| {
            let is_done = is_done;
            let mut round = 0;
            while is_done.try_recv().is_err() {
                round += 1;
                edit(
                    &datastores,
                    &format!("<first>{round}</first><last>{round}</last>"),
                );
                datastores.commit(author(), &[]).unwrap();
            }
        });
        for reader in readers {
            reader.join().unwrap();
        }
        done.send(()).unwrap();
    });
    // What was kept in step is what validating everything makes of it.
    let running = datastores.running();
    let mut again = running.tree.duplicate();
    assert_eq!(again.validate(), Ok(Vec::new()));
    let shown = |tree| print(tree, &everything, WithDefaults::ReportAll);
    assert_eq!(shown(&again), shown(&running.tree));
}

#[test]
fn a_broken_rule_is_told_as_before_and_the_candidate_stays() {
    let datastores = open();
    edit(&datastores, "<row nc:operation=\"delete\"><name>0</name></row>");
    let errors = datastores.commit(author(), &[]).unwrap_err().into_errors();
    let error = errors.first().unwrap();
    assert_eq!(error.app_tag.as_deref(), Some("instance-required"));
    assert!(datastores.candidate_is_modified());
    assert_eq!(datastores.validate_candidate(&[]).unwrap_err(), errors);
    datastores.discard();
    edit(&datastores, "<row><name>1</name><mtu>5</mtu></row>");
    assert_eq!(datastores.validate_candidate(&[]).unwrap_err().len(), 1);
    datastores.discard();
    datastores.validate_by(ValidationWay::Both);
    edit(&datastores, "<row><name>1</name><mtu>50</mtu></row>");
    assert_eq!(datastores.validate_candidate(&[]), Ok(()));
    datastores.commit(author(), &[]).unwrap();
    assert_eq!(
        datastores
            .running()
            .tree
            .find("/r:top/row[name='1']/mtu")
            .unwrap()
            .value(),
        Some("50")
    );
}
