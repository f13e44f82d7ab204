//! RFC 8641 section 3.7: whoever carries out the patches of an on-change subscription has what the datastore has.

use std::fmt::Write;
use std::sync::{Arc, LazyLock};

use ponder::datastore::memory_storage::MemoryStorage;
use ponder::yang::modules::ModuleSet;
use ponder::yang::schema::Schema;
use ponder::yang::schema_node::{NodeKind, SchemaNode};

use crate::office::{COMMIT, GET_RUNNING, Office, edit};
use crate::rfc8639_section_2::follow;
use crate::rfc8641_section_3::{of, on_change, xpath};

static CASES: LazyLock<Arc<Schema>> = LazyLock::new(|| {
    let cases = include_str!("../data/yang/edit-cases.yang");
    Schema::load(ModuleSet::embedded().with_module("edit-cases", cases)).unwrap()
});

const NAMESPACES: &str = r#"xmlns="urn:ponder:test:edit-cases" xmlns:ec="urn:ponder:test:edit-cases" xmlns:nc="urn:ietf:params:xml:ns:netconf:base:1.0" xmlns:y="urn:ietf:params:xml:ns:yang:1""#;

/// Edits of `c`, in which `N` is a small number and `M` another one.
const EDITS: &[&str] = &[
    "<plain>N</plain>",
    "<plain>on</plain><gated>N</gated>",
    r#"<plain nc:operation="remove"/>"#,
    "<with-default>N</with-default>",
    r#"<with-default nc:operation="remove"/>"#,
    "<mark/>",
    r#"<mark nc:operation="remove"/>"#,
    "<colour>ec:red</colour>",
    "<colour>ec:green</colour>",
    "<tag>N</tag><tag>M</tag>",
    r#"<tag nc:operation="remove">N</tag>"#,
    "<default-tag>N</default-tag>",
    "<ranked-tag>N</ranked-tag>",
    r#"<ranked-tag y:insert="first">N</ranked-tag>"#,
    r#"<ranked-tag nc:operation="remove">N</ranked-tag>"#,
    "<np><x>N</x><deep><y>M</y></deep></np>",
    r#"<np nc:operation="remove"/>"#,
    r#"<np nc:operation="replace"><deep><y>N</y></deep></np>"#,
    "<pres/>",
    "<pres><p>N</p></pres>",
    r#"<pres nc:operation="remove"/>"#,
    "<entry><k>N</k><v>M</v></entry>",
    "<entry><k>N</k><sub><a>M</a><b>/=,N</b><w>M</w></sub></entry>",
    r#"<entry nc:operation="replace"><k>N</k><sub><a>M</a><b>it's</b></sub></entry>"#,
    r#"<entry nc:operation="remove"><k>N</k></entry>"#,
    r#"<entry><k>N</k><sub nc:operation="remove"><a>M</a><b>/=,N</b></sub></entry>"#,
    "<ranked><name>N</name><v>M</v></ranked>",
    r#"<ranked y:insert="first"><name>N</name></ranked>"#,
    r#"<ranked y:insert="last"><name>N</name><v>M</v></ranked>"#,
    r#"<ranked nc:operation="remove"><name>N</name></ranked>"#,
    "<a1>N</a1>",
    "<b><b1>N</b1></b>",
    "<d><k>N</k></d><d><k>M</k></d>",
    "<e>N</e>",
];

/// A row of numbers that looks like chance and is the same each time.
struct Chance(u64);

impl Chance {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }

    fn edit(&mut self) -> String {
        let mut inside = String::new();
        for _ in 0..=self.below(3) {
            let which = usize::try_from(self.below(EDITS.len() as u64)).unwrap();
            let (n, m) = (self.below(4).to_string(), self.below(4).to_string());
            // Only stand-ins are capital N and M.
            inside.push_str(&EDITS[which].replace('N', &n).replace('M', &m));
        }
        if self.below(25) == 0 {
            return format!(r#"<c {NAMESPACES} nc:operation="remove"/>"#);
        }
        format!("<c {NAMESPACES}>{inside}</c>")
    }
}

/// An element of a text that repeats, from its inside.
fn all_inside<'t>(text: &'t str, name: &str) -> Vec<&'t str> {
    let (open, close) = (format!("<{name}>"), format!("</{name}>"));
    let parts = text.split(open.as_str()).skip(1);
    parts
        .map(|part| part.split(close.as_str()).next().unwrap())
        .collect()
}

fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        rest = after;
        if *first == b'%' {
            bytes.push(u8::from_str_radix(std::str::from_utf8(&after[..2]).unwrap(), 16).unwrap());
            rest = &after[2..];
        } else {
            bytes.push(*first);
        }
    }
    String::from_utf8(bytes).unwrap()
}

/// The schema nodes of a target with the values behind each.
fn steps(target: &str) -> Vec<(SchemaNode<'static>, Vec<String>)> {
    let schema: &'static Schema = &CASES;
    let mut found: Vec<(SchemaNode<'static>, Vec<String>)> = Vec::new();
    for step in target.trim_start_matches('/').split('/') {
        let (name, values) = step
            .split_once('=')
            .map_or((step, None), |(name, values)| (name, Some(values)));
        let node = match (found.last(), name.split_once(':')) {
            (None, Some((module, name))) => schema.top(module, name),
            (Some((parent, _)), Some((module, name))) => parent.child(module, name),
            (Some((parent, _)), None) => parent.child(parent.module(), name),
            (None, None) => None,
        };
        let values = values
            .map(|values| values.split(',').map(decoded).collect())
            .unwrap_or_default();
        found.push((node.unwrap_or_else(|| panic!("{target}")), values));
    }
    found
}

fn keys_of(node: SchemaNode<'_>, values: &[String]) -> String {
    let keys = node.keys().zip(values);
    keys.map(|(key, value)| format!("<{0}>{value}</{0}>", key.name()))
        .collect()
}

/// The edit-config that does what one edit of a patch says.
fn carried_out(patch_edit: &str) -> String {
    let one = |name: &str| {
        all_inside(patch_edit, name)
            .first()
            .map(|text| (*text).to_owned())
    };
    let (operation, target) = (one("operation").unwrap(), one("target").unwrap());
    let steps = steps(&target);
    let (last, above) = steps.split_last().unwrap();
    let (node, values) = last;
    let mut attributes = format!(" {NAMESPACES}");
    if let Some(place) = one("where") {
        write!(attributes, " y:insert=\"{place}\"").unwrap();
        if let Some(point) = one("point") {
            let anchor = self::steps(&point).pop().unwrap().1;
            match node.kind() {
                NodeKind::LeafList => write!(attributes, " y:value=\"{}\"", anchor[0]).unwrap(),
                _ => write!(attributes, " y:key=\"[ec:name='{}']\"", anchor[0]).unwrap(),
            }
        }
    }
    let element = match operation.as_str() {
        "delete" | "move" => {
            // Creating what excludes it may have taken it away before.
            let operation = if operation == "delete" { "remove" } else { "merge" };
            write!(attributes, " nc:operation=\"{operation}\"").unwrap();
            let inside = match node.kind() {
                NodeKind::LeafList => values[0].clone(),
                _ => keys_of(*node, values),
            };
            format!("<{0}{attributes}>{inside}</{0}>", node.name())
        }
        _ => {
            let operation = if operation == "replace" {
                "replace"
            } else {
                "create"
            };
            write!(attributes, " nc:operation=\"{operation}\"").unwrap();
            let (_, value) = patch_edit.split_once("<value>").unwrap();
            let (value, _) = value.rsplit_once("</value>").unwrap();
            // The first tag, which is an empty one or not, declares its namespace itself.
            let value = value
                .replacen(r#" xmlns="urn:ponder:test:edit-cases""#, "", 1)
                .replace(r#" xmlns:ec="urn:ponder:test:edit-cases""#, "");
            value.replacen(node.name(), &format!("{}{attributes}", node.name()), 1)
        }
    };
    above.iter().rev().fold(element, |inside, (node, values)| {
        format!(
            "<{0} xmlns=\"{1}\">{2}{inside}</{0}>",
            node.name(),
            node.namespace(),
            keys_of(*node, values)
        )
    })
}

/// Edits at random, patches carried out on another datastore, and both compared; so many commits a patch.
fn mirror(filter: &str, trigger: &str, seconds: u64, seed: u64) -> usize {
    let mut office = Office::of(Arc::clone(&CASES), MemoryStorage::new(), |_| {});
    let mut mirror = Office::of(Arc::clone(&CASES), MemoryStorage::new(), |_| {});
    let (follower, actor, copyist) = (
        office.enter("follower"),
        office.enter("actor"),
        mirror.enter("copyist"),
    );
    follow(
        &mut office,
        follower,
        &of("running", &(filter.to_owned() + &on_change(trigger))),
    );
    office.hear(follower);
    let mut chance = Chance(seed);
    let mut carried = 0;
    for round in 0..120 {
        let changed = chance.edit();
        if office.edit(actor, "", &changed) != "<ok/>" || office.ask(actor, COMMIT) != "<ok/>" {
            office.accept(actor, "<discard-changes/>");
        }
        office.pass(seconds);
        let told = office.hear(follower).unwrap().concat();
        if told.is_empty() {
            continue;
        }
        let none = "<default-operation>none</default-operation>";
        for patch_edit in all_inside(&told, "edit") {
            let edit_config = carried_out(patch_edit);
            let reply = mirror.ask(copyist, &edit(none, &edit_config));
            assert_eq!(
                reply, "<ok/>",
                "seed {seed}, round {round}: {changed}\n{patch_edit}\n{edit_config}"
            );
            carried += 1;
        }
        let reply = mirror.ask(copyist, COMMIT);
        assert_eq!(reply, "<ok/>", "seed {seed}, round {round}: {changed}\n{told}");
        if seconds > 1 || trigger.is_empty() {
            let (theirs, ours) = (office.ask(actor, GET_RUNNING), mirror.ask(copyist, GET_RUNNING));
            assert_eq!(ours, theirs, "seed {seed}, round {round}: {changed}\n{told}");
        }
    }
    office.pass(60);
    carried
}

#[test]
fn rfc8641_3_7_patches_that_are_carried_out_give_what_is_there() {
    for seed in 1..=4 {
        let carried = mirror("", "", 1, seed);
        assert!(carried > 60, "{carried}");
    }
}

#[test]
fn rfc8641_3_7_patches_found_by_comparing_give_what_is_there_too() {
    for seed in 5..=8 {
        // Not by names and keys alone.
        let carried = mirror(&xpath("/*[true()]"), "", 2, seed);
        assert!(carried > 60, "{carried}");
    }
}

#[test]
fn rfc6241_7_2_a_leaf_whose_value_is_an_identity_is_deleted_without_its_value() {
    let mut office = Office::of(Arc::clone(&CASES), MemoryStorage::new(), |_| {});
    let anna = office.enter("anna");
    for inside in ["<colour>ec:red</colour>", "<colour nc:operation=\"delete\"/>"] {
        office.accept(anna, &edit("", &format!("<c {NAMESPACES}>{inside}</c>")));
        office.accept(anna, COMMIT);
    }
    assert_eq!(office.ask(anna, GET_RUNNING), "<data>\n</data>");
}
