//! Whatever is edited in whatever order: changes replay, reverse, survive as records, and commits survive restarts.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)] // a test may stop at what it did not expect

use std::fmt::Write as _;
use std::sync::{Arc, LazyLock};

use ponder::datastore::apply::apply;
use ponder::datastore::change_set::{Change, ChangeSet};
use ponder::datastore::datastores::Datastores;
use ponder::datastore::difference::difference;
use ponder::datastore::edit::{OnError, edit, parse_config};
use ponder::datastore::edit_attributes::EditOperation;
use ponder::datastore::history::Author;
use ponder::datastore::memory_storage::MemoryStorage;
use ponder::yang::modules::ModuleSet;
use ponder::yang::operation::Operation;
use ponder::yang::path::InstancePath;
use ponder::yang::place::canonical_value;
use ponder::yang::print::{WithDefaults, escape_text, print};
use ponder::yang::schema::Schema;
use ponder::yang::schema_node::{NodeKind, SchemaNode};
use ponder::yang::select::Selection;
use ponder::yang::tree::Tree;
use ponder::yang::value_rule::ValueRule;
use proptest::prelude::*;

static SCHEMA: LazyLock<Arc<Schema>> = LazyLock::new(|| {
    let cases = include_str!("data/yang/edit-cases.yang");
    Schema::load(ModuleSet::embedded().with_module("edit-cases", cases)).unwrap()
});

/// Texts of which some fit any leaf of the models.
const POOL: &[&str] = &[
    "a",
    "b",
    "act",
    "pre",
    "0/1",
    "0/2",
    "Optics0/1/0/0",
    "Optics0/1/0/1",
    "0.045",
    "1.5",
    "192.0.2.1",
    "true",
    "false",
    "http://x.example/y",
    "0/RP0/CPU0",
    "default",
    "",
    "2026-01-01T00:00:00Z",
    "p:red",
    "p:green",
];

/// Decisions, read off a list of random bytes.
struct Dice<'d> {
    bytes: std::slice::Iter<'d, u8>,
}

impl Dice<'_> {
    fn below(&mut self, limit: usize) -> usize {
        usize::from(self.bytes.next().copied().unwrap_or(0)) % limit.max(1)
    }

    fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }
}

fn value(node: SchemaNode<'_>, dice: &mut Dice<'_>) -> Option<String> {
    let mut fitting: Vec<String> = match node.value_rule()? {
        ValueRule::Integer(ranges) => ranges
            .iter()
            .flat_map(|(least, most)| [*least, (*least + 1).min(*most), *most])
            .map(|number| number.to_string())
            .collect(),
        ValueRule::Enumeration(names) => names.into_iter().take(4).collect(),
        ValueRule::Empty => vec![String::new()],
        _ => POOL.iter().map(|text| (*text).to_owned()).collect(),
    };
    fitting.retain(|text| canonical_value(node, &text.replace("p:", "edit-cases:")).is_ok());
    // A wrong one from time to time.
    if dice.chance(3) {
        return Some("no such value".to_owned());
    }
    if fitting.is_empty() {
        return None;
    }
    let index = dice.below(fitting.len());
    Some(fitting.swap_remove(index))
}

fn operation(dice: &mut Dice<'_>) -> &'static str {
    match dice.below(12) {
        0 => " nc:operation=\"replace\"",
        1 => " nc:operation=\"create\"",
        2 => " nc:operation=\"delete\"",
        3 => " nc:operation=\"remove\"",
        4 => " nc:operation=\"merge\"",
        _ => "",
    }
}

fn element(out: &mut String, node: SchemaNode<'_>, module: &str, dice: &mut Dice<'_>, depth: usize) {
    let mut attributes = String::new();
    if node.module() != module {
        write!(attributes, " xmlns=\"{}\"", node.namespace()).unwrap();
    }
    attributes.push_str(operation(dice));
    if node.is_user_ordered() {
        attributes.push_str(match dice.below(5) {
            0 => " y:insert=\"first\"",
            1 => " y:insert=\"last\"",
            _ => "",
        });
    }
    if node.is_term() {
        let Some(value) = value(node, dice) else { return };
        write!(
            out,
            "<{0}{attributes}>{1}</{0}>",
            node.name(),
            escape_text(&value)
        )
        .unwrap();
        return;
    }
    write!(out, "<{}{attributes}>", node.name()).unwrap();
    for key in node.keys() {
        let value = value(key, dice).unwrap_or_default();
        write!(out, "<{0}>{1}</{0}>", key.name(), escape_text(&value)).unwrap();
    }
    let children: Vec<SchemaNode<'_>> = node
        .children()
        .filter(|child| child.is_config() && !child.is_key() && child.kind() != NodeKind::AnyData)
        .collect();
    if depth > 0 && !children.is_empty() {
        for _ in 0..1 + dice.below(6) {
            element(
                out,
                children[dice.below(children.len())],
                node.module(),
                dice,
                depth - 1,
            );
        }
    }
    write!(out, "</{}>", node.name()).unwrap();
}

/// An edit: the content of `<config>`, its default operation and its error option.
fn random_edit(bytes: &[u8], only: &str) -> (String, EditOperation, OnError) {
    let mut dice = Dice { bytes: bytes.iter() };
    let tops: Vec<SchemaNode<'_>> = SCHEMA
        .top_nodes()
        .filter(|node| node.is_config() && node.module().starts_with(only))
        .filter(|node| {
            !matches!(
                node.kind(),
                NodeKind::Operation | NodeKind::Notification | NodeKind::AnyData
            )
        })
        .collect();
    let mut text = String::new();
    for _ in 0..1 + dice.below(3) {
        // Containers hold the more interesting nodes.
        let top = tops[dice.below(tops.len())];
        let top = if top.is_term() {
            tops[dice.below(tops.len())]
        } else {
            top
        };
        element(&mut text, top, "", &mut dice, 6);
    }
    let scope = " xmlns:nc=\"urn:ietf:params:xml:ns:netconf:base:1.0\" xmlns:y=\"urn:ietf:params:xml:ns:yang:1\" \
                 xmlns:p=\"urn:ponder:test:edit-cases\" xmlns=\"";
    let text = declare(&text, scope);
    let default = match dice.below(6) {
        0 => EditOperation::None,
        1 => EditOperation::Replace,
        _ => EditOperation::Merge,
    };
    let on_error = [OnError::Stop, OnError::Continue, OnError::Rollback][dice.below(3)];
    (text, default, on_error)
}

/// Declares prefixes on every element that declares a namespace; harmless where it is done twice.
fn declare(text: &str, scope: &str) -> String {
    text.replace(" xmlns=\"", scope)
}

fn shown(tree: &Tree) -> String {
    print(tree, &Selection::everything(&SCHEMA), WithDefaults::Explicit)
}

fn author() -> Author {
    Author {
        user: "anna".to_owned(),
        session_id: 1,
        timestamp: jiff::Timestamp::UNIX_EPOCH,
        label: None,
        comment: None,
    }
}

fn check_sequence(edits: &[Vec<u8>], only: &str) -> Result<(), TestCaseError> {
    let mut tree = Tree::empty(&SCHEMA);
    let mut all: Vec<Change> = Vec::new();
    for bytes in edits {
        let (text, default, on_error) = random_edit(bytes, only);
        let before = tree.duplicate();
        let edited = edit(&mut tree, &text, default, on_error);
        let after = shown(&tree);
        if on_error == OnError::Rollback && !edited.errors.is_empty() {
            prop_assert_eq!(&after, &shown(&before), "not rolled back: {}", &text);
            prop_assert!(edited.changes.is_empty());
        }
        for error in &edited.errors {
            prop_assert!(!error.message.is_empty());
        }

        let set = ChangeSet {
            changes: edited.changes,
            ..ChangeSet::since(0)
        };
        let record = ChangeSet::from_record(&set.to_record().unwrap()).unwrap();
        prop_assert_eq!(&record, &set);
        let mut replayed = before.duplicate();
        apply(&mut replayed, &record.changes)
            .map_err(|e| TestCaseError::fail(format!("replay: {e}: {text}")))?;
        prop_assert_eq!(shown(&replayed), after.clone(), "replayed: {}", &text);
        apply(&mut replayed, &record.reverse().changes)
            .map_err(|e| TestCaseError::fail(format!("undo: {e}: {text}: {record:?}")))?;
        prop_assert_eq!(shown(&replayed), shown(&before), "undone: {}", &text);

        // The net difference leads the same way and back, looking everywhere or only where something changed.
        let touched: Vec<InstancePath> = set.changes.iter().map(|change| change.path().clone()).collect();
        let net = difference(&before, &tree, &touched);
        prop_assert_eq!(net.is_empty(), after == shown(&before), "{:?}", &net);
        for changes in [net, difference(&before, &tree, &[InstancePath::root()])] {
            let mut other = before.duplicate();
            apply(&mut other, &changes)
                .map_err(|e| TestCaseError::fail(format!("net: {e}: {text}: {changes:?}")))?;
            prop_assert_eq!(shown(&other), after.clone(), "net: {}: {:?}", &text, &changes);
            let back: Vec<Change> = changes.iter().rev().cloned().map(Change::reverse).collect();
            apply(&mut other, &back)
                .map_err(|e| TestCaseError::fail(format!("net back: {e}: {changes:?}")))?;
            prop_assert_eq!(shown(&other), shown(&before), "net back: {:?}", &changes);
        }

        let read =
            parse_config(&SCHEMA, &after).map_err(|e| TestCaseError::fail(format!("{e:?}: {after}")))?;
        prop_assert_eq!(shown(&read), after);
        all.extend(set.changes);
    }
    let mut replayed = Tree::empty(&SCHEMA);
    apply(&mut replayed, &all).map_err(|e| TestCaseError::fail(format!("all: {e}")))?;
    prop_assert_eq!(shown(&replayed), shown(&tree));
    Ok(())
}

fn check_commits(edits: &[Vec<u8>], only: &str) -> Result<(), TestCaseError> {
    let storage = MemoryStorage::new();
    let datastores = Datastores::open(Arc::clone(&SCHEMA), Box::new(storage.clone())).unwrap();
    let mut history = Tree::empty(&SCHEMA);
    for bytes in edits {
        let (text, default, _) = random_edit(bytes, only);
        datastores.edit_candidate(&text, default, OnError::Continue);
        let candidate = shown(&datastores.candidate());
        match datastores.commit(author(), &[]) {
            Ok(committed) => {
                apply(&mut history, &committed.change_set.changes)
                    .map_err(|e| TestCaseError::fail(format!("{e}: {text}: {:?}", committed.change_set)))?;
                prop_assert_eq!(
                    shown(&history),
                    shown(&datastores.running().tree),
                    "history rebuilds running"
                );
                prop_assert!(!datastores.candidate_is_modified());
                prop_assert_eq!(datastores.running().generation, committed.generation);
            }
            Err(_) => {
                prop_assert_eq!(shown(&datastores.candidate()), candidate);
                datastores.discard();
            }
        }
        prop_assert_eq!(shown(&datastores.candidate()), shown(&datastores.running().tree));
        let mut valid = datastores.running().tree.duplicate();
        prop_assert!(valid.validate().is_ok(), "running is always valid");
    }
    let again = Datastores::open(Arc::clone(&SCHEMA), Box::new(storage)).unwrap();
    prop_assert_eq!(shown(&again.running().tree), shown(&datastores.running().tree));
    Ok(())
}

fn edits(most: usize) -> impl Strategy<Value = Vec<Vec<u8>>> {
    prop::collection::vec(prop::collection::vec(any::<u8>(), 4..200), 1..most)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn edits_of_every_node_kind_replay_and_reverse(edits in edits(8)) {
        check_sequence(&edits, "edit-cases")?;
    }

    #[test]
    fn edits_of_the_product_models_replay_and_reverse(edits in edits(8)) {
        check_sequence(&edits, "Cisco-IOS-XR")?;
    }

    #[test]
    fn commits_keep_running_valid_and_history_rebuilds_it(edits in edits(8)) {
        check_commits(&edits, "edit-cases")?;
    }

    #[test]
    fn commits_on_the_product_models_survive_restarts(edits in edits(8)) {
        check_commits(&edits, "Cisco-IOS-XR")?;
    }

    #[test]
    fn broken_text_is_refused_without_harm(edit_bytes in prop::collection::vec(any::<u8>(), 4..120),
                                           cut in any::<prop::sample::Index>(),
                                           stray in "[<>&;'\"/a-z:=\\[\\] ]{0,6}") {
        let (text, default, _) = random_edit(&edit_bytes, "");
        let at = (0..=text.len()).rev().find(|at| *at <= cut.index(text.len() + 1) && text.is_char_boundary(*at));
        let (head, tail) = text.split_at(at.unwrap_or(0));
        for broken in [format!("{head}{stray}{tail}"), format!("{head}{stray}"), stray.clone()] {
            let mut tree = Tree::empty(&SCHEMA);
            edit(&mut tree, &broken, default, OnError::Rollback);
            let _ = Selection::subtree(&SCHEMA, &broken);
            let _ = Operation::parse(&SCHEMA, &broken);
            let _ = InstancePath::parse(&broken);
        }
    }
}
