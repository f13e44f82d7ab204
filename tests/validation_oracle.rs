//! Validating what a change can break and validating everything agree, over random models and random edits.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)] // a test may stop at what it did not expect

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use ponder::datastore::apply::apply;
use ponder::datastore::change_set::Change;
use ponder::datastore::datastores::Datastores;
use ponder::datastore::difference::difference;
use ponder::datastore::edit::{OnError, edit};
use ponder::datastore::edit_attributes::EditOperation;
use ponder::datastore::history::Author;
use ponder::datastore::memory_storage::MemoryStorage;
use ponder::datastore::participant::open_gate;
use ponder::yang::error::{DataError, DataErrorTag};
use ponder::yang::localised::Localised;
use ponder::yang::modules::ModuleSet;
use ponder::yang::path::InstancePath;
use ponder::yang::print::{WithDefaults, print};
use ponder::yang::schema::Schema;
use ponder::yang::schema_node::{NodeKind, SchemaNode};
use ponder::yang::select::Selection;
use ponder::yang::tree::{NodeRef, Tree};
use ponder::yang::value_rule::ValueRule;
use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Cases in an ordinary test run; `make oracle` asks for more by the variable.
const CASES: usize = 4_000;
/// Edits tried on one model; loading a model is what costs.
const EDITS: usize = 60;

struct Model {
    nodes: Vec<Node>,
}

struct Node {
    name: String,
    kind: Kind,
    parent: Option<usize>,
    children: Vec<usize>,
    statements: String,
    /// It has a when.
    gated: bool,
}

#[derive(Clone, Copy, PartialEq, Debug)]
enum Kind {
    Container { presence: bool },
    List,
    Key,
    Leaf(Type),
    LeafList(Type),
    Choice,
    Case,
}

#[derive(Clone, Copy, PartialEq, Debug)]
enum Type {
    Number,
    Letter,
    Flag,
    Identity,
    Reference,
    Either,
    Instance,
}

fn chance(random: &mut impl Rng, percent: u32) -> bool {
    random.random_ratio(percent, 100)
}

fn pick<T: Copy>(random: &mut impl Rng, from: &[T]) -> T {
    from[random.random_range(0..from.len())]
}

impl Model {
    fn random(random: &mut impl Rng) -> Model {
        let mut model = Model { nodes: Vec::new() };
        let top = model.add("top", Kind::Container { presence: false }, None);
        model.grow(top, 3, random);
        for index in 1..model.nodes.len() {
            model.nodes[index].gated = match model.nodes[index].kind {
                Kind::Key => false,
                Kind::Case => chance(random, 5),
                _ => chance(random, 8),
            };
        }
        for index in 0..model.nodes.len() {
            model.constrain(index, random);
        }
        model
    }

    fn add(&mut self, name: &str, kind: Kind, parent: Option<usize>) -> usize {
        let index = self.nodes.len();
        let name = if name.is_empty() {
            format!("n{index}")
        } else {
            name.to_owned()
        };
        self.nodes.push(Node {
            name,
            kind,
            parent,
            children: Vec::new(),
            statements: String::new(),
            gated: false,
        });
        if let Some(parent) = parent {
            self.nodes[parent].children.push(index);
        }
        index
    }

    fn grow(&mut self, parent: usize, depth: usize, random: &mut impl Rng) {
        let count = if depth == 3 {
            random.random_range(3..7)
        } else {
            random.random_range(1..5)
        };
        for _ in 0..count {
            let kind = match random.random_range(0..20) {
                0..=8 => Kind::Leaf(random_type(random)),
                9..=10 => Kind::LeafList(random_type(random)),
                11..=13 if depth > 0 => Kind::List,
                14..=16 if depth > 0 => Kind::Container {
                    presence: chance(random, 40),
                },
                17..=19 if depth > 0 => Kind::Choice,
                _ => Kind::Leaf(Type::Number),
            };
            let node = self.add("", kind, Some(parent));
            match kind {
                Kind::List => {
                    self.add("", Kind::Key, Some(node));
                    self.grow(node, depth - 1, random);
                }
                Kind::Container { .. } => self.grow(node, depth - 1, random),
                Kind::Choice => {
                    for _ in 0..random.random_range(2..4) {
                        let case = self.add("", Kind::Case, Some(node));
                        self.grow(case, depth - 1, random);
                    }
                }
                _ => {}
            }
        }
    }

    fn is_data(&self, node: usize) -> bool {
        !matches!(self.nodes[node].kind, Kind::Choice | Kind::Case)
    }

    /// Data nodes from the top down to a node.
    fn chain(&self, node: usize) -> Vec<usize> {
        let mut chain: Vec<usize> = std::iter::successors(Some(node), |at| self.nodes[*at].parent)
            .filter(|at| self.is_data(*at))
            .collect();
        chain.reverse();
        chain
    }

    fn names(&self, chain: &[usize]) -> String {
        let names: Vec<String> = chain
            .iter()
            .map(|at| format!("o:{}", self.nodes[*at].name))
            .collect();
        names.join("/")
    }

    /// A way from one data node to another.
    fn way(&self, from: usize, to: usize, random: &mut impl Rng) -> String {
        let (from, to) = (self.chain(from), self.chain(to));
        if chance(random, 20) {
            return format!("/{}", self.names(&to));
        }
        let common = from.iter().zip(&to).take_while(|(a, b)| a == b).count();
        let mut way = "../".repeat(from.len() - common);
        way.push_str(&self.names(&to[common..]));
        match way.trim_end_matches('/') {
            "" => ".".to_owned(),
            way => way.to_owned(),
        }
    }

    fn some_node(&self, random: &mut impl Rng, wanted: impl Fn(Kind) -> bool) -> Option<usize> {
        let fitting: Vec<usize> = (0..self.nodes.len())
            .filter(|node| self.is_data(*node) && wanted(self.nodes[*node].kind))
            .collect();
        (!fitting.is_empty()).then(|| pick(random, &fitting))
    }

    fn is_gated(&self, node: usize) -> bool {
        std::iter::successors(Some(node), |at| self.nodes[*at].parent).any(|at| self.nodes[at].gated)
    }

    /// A condition as seen from a data node; for a when it reads what is free of whens, and what stands further up in
    /// the model: whens that decide on each other in a circle, some of which libyang overlooks, decide nothing.
    fn condition(&self, from: usize, for_when: bool, random: &mut impl Rng) -> String {
        let is_out_of_reach = |node: usize| for_when && node >= from && self.is_gated(node);
        // Near nodes make conditions that matter.
        let near: Vec<usize> = (0..self.nodes.len())
            .filter(|node| self.is_data(*node) && !is_out_of_reach(*node))
            .filter(|node| {
                let (a, b) = (self.chain(from), self.chain(*node));
                a.iter().zip(&b).take_while(|(a, b)| a == b).count() + 2 >= a.len()
            })
            .collect();
        let to = if chance(random, 70) && !near.is_empty() {
            pick(random, &near)
        } else {
            random.random_range(0..self.nodes.len())
        };
        let to = if self.is_data(to) { to } else { from };
        let to = if is_out_of_reach(to) { 0 } else { to };
        let way = self.way(from, to, random);
        let simple = match self.nodes[to].kind {
            Kind::Leaf(Type::Letter) | Kind::LeafList(Type::Letter) => {
                format!(
                    "{way} {} '{}'",
                    pick(random, &["=", "!="]),
                    pick(random, &["a", "b"])
                )
            }
            Kind::Leaf(Type::Identity) => format!("derived-from-or-self({way}, 'o:red')"),
            Kind::Leaf(Type::Reference) if !for_when && chance(random, 50) => format!("deref({way}) != '1'"),
            Kind::List => match random.random_range(0..3) {
                0 => format!("count({way}) < {}", random.random_range(1..4)),
                1 => {
                    let key = self.nodes[self.nodes[to].children[0]].name.clone();
                    format!("{way}[o:{key} = '{}']", random.random_range(0..3))
                }
                _ => format!("not({way})"),
            },
            Kind::LeafList(_) => format!("count({way}) < {}", random.random_range(1..4)),
            Kind::Container { .. } => way,
            _ => match random.random_range(0..4) {
                0 => format!("{way} = {}", random.random_range(0..4)),
                1 => format!("sum({way}) < {}", random.random_range(2..6)),
                2 => format!("not({way})"),
                _ => format!("{way} < {}", random.random_range(1..4)),
            },
        };
        match random.random_range(0..4) {
            0 => format!("not({simple})"),
            1 => format!("{simple} or {}", self.condition(from, for_when, random)),
            _ => simple,
        }
    }

    fn constrain(&mut self, node: usize, random: &mut impl Rng) {
        let mut out = String::new();
        let kind = self.nodes[node].kind;
        let is_data = self.is_data(node) && node != 0;
        if is_data && kind != Kind::Key && chance(random, 12) {
            writeln!(out, "must \"{}\";", self.condition(node, false, random)).unwrap();
        }
        if self.nodes[node].gated {
            let from = if is_data { node } else { self.around(node) };
            writeln!(out, "when \"{}\";", self.condition(from, true, random)).unwrap();
        }
        match kind {
            Kind::Key => writeln!(out, "type int8 {{ range 0..3; }}").unwrap(),
            Kind::Leaf(kind) => {
                let default = self.type_of(&mut out, node, kind, random);
                if chance(random, 30) && !default.is_empty() {
                    writeln!(out, "default {default};").unwrap();
                } else if chance(random, 15) {
                    writeln!(out, "mandatory true;").unwrap();
                }
            }
            Kind::LeafList(kind) => {
                let default = self.type_of(&mut out, node, kind, random);
                if chance(random, 25) && !default.is_empty() {
                    writeln!(out, "default {default};").unwrap();
                } else {
                    limits(&mut out, random);
                }
                if chance(random, 30) {
                    writeln!(out, "ordered-by user;").unwrap();
                }
            }
            Kind::List => {
                let children = self.nodes[node].children.clone();
                writeln!(out, "key {};", self.nodes[children[0]].name).unwrap();
                limits(&mut out, random);
                if chance(random, 30) {
                    writeln!(out, "ordered-by user;").unwrap();
                }
                let leaves: Vec<usize> = (0..self.nodes.len())
                    .filter(|leaf| matches!(self.nodes[*leaf].kind, Kind::Leaf(_)))
                    .filter(|leaf| {
                        let chain = self.chain(*leaf);
                        chain.iter().position(|at| *at == node).is_some_and(|at| {
                            chain[at + 1..chain.len() - 1]
                                .iter()
                                .all(|between| self.nodes[*between].kind != Kind::List)
                        })
                    })
                    .collect();
                if chance(random, 35) && !leaves.is_empty() {
                    let mut unique: Vec<String> = Vec::new();
                    for _ in 0..random.random_range(1..3) {
                        let leaf = pick(random, &leaves);
                        let way: Vec<String> = std::iter::successors(Some(leaf), |at| self.nodes[*at].parent)
                            .take_while(|at| *at != node)
                            .map(|at| format!("o:{}", self.nodes[at].name))
                            .collect();
                        let way = way.into_iter().rev().collect::<Vec<_>>().join("/");
                        if !unique.contains(&way) {
                            unique.push(way);
                        }
                    }
                    writeln!(out, "unique \"{}\";", unique.join(" ")).unwrap();
                }
            }
            Kind::Container { presence: true } => writeln!(out, "presence p;").unwrap(),
            Kind::Choice => {
                if chance(random, 20) {
                    writeln!(out, "mandatory true;").unwrap();
                } else if chance(random, 50) {
                    let case = pick(random, &self.nodes[node].children);
                    writeln!(out, "default {};", self.nodes[case].name).unwrap();
                }
            }
            Kind::Case | Kind::Container { .. } => {}
        }
        self.nodes[node].statements = out;
    }

    /// The data node around a choice or case.
    fn around(&self, node: usize) -> usize {
        self.chain(node).last().copied().unwrap_or(0)
    }

    /// Writes a type; gives a default that fits.
    fn type_of(&self, out: &mut String, node: usize, kind: Type, random: &mut impl Rng) -> &'static str {
        let is_number = |kind| matches!(kind, Kind::Key | Kind::Leaf(Type::Number));
        match kind {
            Type::Number => out.push_str("type int8 { range 0..3; }\n"),
            Type::Letter => out.push_str("type enumeration { enum a; enum b; enum c; }\n"),
            Type::Flag => out.push_str("type boolean;\n"),
            Type::Identity => out.push_str("type identityref { base o:colour; }\n"),
            Type::Instance => out.push_str("type instance-identifier;\n"),
            Type::Reference | Type::Either => {
                let target = self.some_node(random, is_number).filter(|target| *target != node);
                let Some(target) = target else {
                    out.push_str("type int8 { range 0..3; }\n");
                    return "1";
                };
                let way = self.way(node, target, random);
                if kind == Type::Reference {
                    writeln!(out, "type leafref {{ path \"{way}\"; }}").unwrap();
                } else {
                    writeln!(
                        out,
                        "type union {{ type leafref {{ path \"{way}\"; }} type enumeration {{ enum a; }} }}"
                    )
                    .unwrap();
                }
            }
        }
        match kind {
            Type::Number | Type::Reference => pick(random, &["0", "1", "2"]),
            Type::Letter => pick(random, &["a", "b"]),
            Type::Flag => "true",
            Type::Identity => "o:red",
            Type::Either => "a",
            Type::Instance => "",
        }
    }

    fn text(&self) -> String {
        let mut out = "module o { yang-version 1.1; namespace \"urn:o\"; prefix o;\n\
                       identity colour; identity red { base colour; } identity dark-red { base red; } \
                       identity blue { base colour; }\n"
            .to_owned();
        self.write(&mut out, 0);
        out.push_str("}\n");
        out
    }

    fn write(&self, out: &mut String, node: usize) {
        let node = &self.nodes[node];
        let word = match node.kind {
            Kind::Container { .. } => "container",
            Kind::List => "list",
            Kind::Key | Kind::Leaf(_) => "leaf",
            Kind::LeafList(_) => "leaf-list",
            Kind::Choice => "choice",
            Kind::Case => "case",
        };
        writeln!(out, "{word} {} {{\n{}", node.name, node.statements).unwrap();
        for child in &node.children {
            self.write(out, *child);
        }
        out.push_str("}\n");
    }
}

fn random_type(random: &mut impl Rng) -> Type {
    match random.random_range(0..28) {
        0..=10 => Type::Number,
        11..=15 => Type::Letter,
        16..=17 => Type::Flag,
        18..=19 => Type::Identity,
        20..=25 => Type::Reference,
        26 => Type::Either,
        _ => Type::Instance,
    }
}

fn limits(out: &mut String, random: &mut impl Rng) {
    if chance(random, 12) {
        writeln!(out, "min-elements 1;").unwrap();
    }
    if chance(random, 25) {
        writeln!(out, "max-elements {};", random.random_range(2..4)).unwrap();
    }
}

fn value(schema: &Schema, rule: &ValueRule, random: &mut impl Rng) -> String {
    match rule {
        ValueRule::Integer(_) => random.random_range(0..4).to_string(),
        ValueRule::Enumeration(names) => names[random.random_range(0..names.len())].clone(),
        ValueRule::Boolean => pick(random, &["true", "false"]).to_owned(),
        ValueRule::Identity(_) => pick(random, &["o:red", "o:dark-red", "o:blue"]).to_owned(),
        ValueRule::Reference(target) => value(schema, target, random),
        ValueRule::Union(members) => {
            let member = &members[random.random_range(0..members.len())];
            value(schema, member, random)
        }
        _ => {
            let mut path = "/o:top".to_owned();
            let mut node = schema.top("o", "top").unwrap();
            for _ in 0..random.random_range(1..3) {
                let inside: Vec<SchemaNode<'_>> = node.children().collect();
                if inside.is_empty() || !matches!(node.kind(), NodeKind::Container { .. }) {
                    break;
                }
                node = inside[random.random_range(0..inside.len())];
                write!(path, "/o:{}", node.name()).unwrap();
                if node.kind() == NodeKind::List {
                    let key = node.keys().next().unwrap();
                    write!(path, "[o:{}='{}']", key.name(), random.random_range(0..3)).unwrap();
                } else if node.kind() == NodeKind::LeafList {
                    write!(path, "[.='{}']", random.random_range(0..3)).unwrap();
                }
            }
            path
        }
    }
}

fn element(out: &mut String, node: SchemaNode<'_>, depth: usize, random: &mut impl Rng) {
    let operation = match random.random_range(0..16) {
        0 => " nc:operation=\"replace\"",
        1 | 2 => " nc:operation=\"remove\"",
        3 => " nc:operation=\"merge\"",
        _ => "",
    };
    let operation = if depth == 0 { "" } else { operation };
    let insert = match random.random_range(0..4) {
        0 if node.is_user_ordered() => " y:insert=\"first\"",
        _ => "",
    };
    write!(out, "<{}{operation}{insert}", node.name()).unwrap();
    if let Some(rule) = node.value_rule() {
        write!(out, ">{}</{}>", value(node.schema(), &rule, random), node.name()).unwrap();
        return;
    }
    out.push('>');
    for key in node.keys() {
        write!(out, "<{0}>{1}</{0}>", key.name(), random.random_range(0..4)).unwrap();
    }
    let children: Vec<SchemaNode<'_>> = node.children().filter(|child| !child.is_key()).collect();
    if !children.is_empty() {
        for _ in 0..random.random_range(0..4) + usize::from(depth == 0) {
            element(
                out,
                children[random.random_range(0..children.len())],
                depth + 1,
                random,
            );
        }
    }
    write!(out, "</{}>", node.name()).unwrap();
}

fn random_edit(schema: &Schema, random: &mut impl Rng) -> String {
    let mut out = String::new();
    element(&mut out, schema.top("o", "top").unwrap(), 0, random);
    out.replacen(
        "<top",
        "<top xmlns=\"urn:o\" xmlns:o=\"urn:o\" xmlns:nc=\"urn:ietf:params:xml:ns:netconf:base:1.0\" \
         xmlns:y=\"urn:ietf:params:xml:ns:yang:1\"",
        1,
    )
}

/// Everything about a tree that anybody can see, defaults marked.
fn shown(tree: &Tree) -> String {
    fn node(out: &mut String, at: NodeRef<'_>, depth: usize) {
        writeln!(
            out,
            "{}{}{} {}",
            " ".repeat(depth),
            at.name(),
            if at.is_default() { " (default)" } else { "" },
            at.value().unwrap_or_default()
        )
        .unwrap();
        for child in at.children() {
            node(out, child, depth + 1);
        }
    }
    let mut out = String::new();
    for root in tree.roots().filter(|root| root.module() == "o") {
        node(&mut out, root, 0);
    }
    out
}

#[derive(Default, Debug)]
struct Counts {
    models: usize,
    refused_models: usize,
    valid: usize,
    invalid: usize,
    whole: usize,
    replayed: usize,
    /// Changes that were taken back.
    undone: usize,
    /// Why everything was validated.
    reasons: BTreeMap<&'static str, usize>,
}

impl Counts {
    fn cases(&self) -> usize {
        self.valid + self.invalid + self.whole
    }
}

fn try_model(seed: u64, counts: &mut Counts) {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let text = Model::random(&mut random).text();
    let set = ModuleSet::new().with_module("o", &text);
    let Ok(schema) = Schema::load(set) else {
        counts.refused_models += 1;
        return;
    };
    counts.models += 1;
    let mut running = Tree::empty(&schema);
    let mut is_valid = running.validate().is_ok();
    let mut spare = running.duplicate();
    for _ in 0..EDITS {
        let config = random_edit(&schema, &mut random);
        let mut whole = running.duplicate();
        let edited = edit(&mut whole, &config, EditOperation::Merge, OnError::Continue);
        if !is_valid {
            // What nobody could commit is no start: look for one that is valid.
            if whole.validate().is_ok() {
                is_valid = true;
                running = whole;
                spare = running.duplicate();
            } else if chance(&mut random, 30) {
                running = Tree::empty(&schema);
            } else {
                running = whole;
            }
            continue;
        }
        if edited.changes.is_empty() {
            continue;
        }
        let touched: Vec<InstancePath> = edited
            .changes
            .iter()
            .map(|change| change.path().clone())
            .collect();
        let mut part = running.duplicate();
        edit(&mut part, &config, EditOperation::Merge, OnError::Continue);
        let verdict = whole.validate();
        let found = part.validate_changes(&running, &touched);
        let story = || {
            format!(
                "seed {seed}\n{text}\nrunning:\n{}\nedit: {config}\nwhole: {verdict:?}\n{}\npart: {found:?}\n{}",
                shown(&running),
                shown(&whole),
                shown(&part)
            )
        };
        match found {
            Localised::Valid => {
                counts.valid += 1;
                assert_eq!(verdict, Ok(Vec::new()), "{}", story());
                assert_eq!(shown(&part), shown(&whole), "{}", story());
                let mut again = part.duplicate();
                assert_eq!(again.validate(), Ok(Vec::new()), "{}", story());
                assert_eq!(shown(&again), shown(&whole), "{}", story());
            }
            Localised::Invalid => {
                counts.invalid += 1;
                // What a when takes away may have broken a rule before it went.
                assert_ne!(verdict, Ok(Vec::new()), "{}", story());
            }
            Localised::Whole(why) => {
                counts.whole += 1;
                *counts.reasons.entry(why).or_default() += 1;
            }
        }
        if let Ok(removed) = &verdict {
            let mut again = whole.duplicate();
            // What validating everything leaves is at rest: validating it again changes and refuses nothing.
            assert_eq!(again.validate(), Ok(Vec::new()), "{}", story());
            assert_eq!(shown(&again), shown(&whole), "{}", story());
            let within: Vec<InstancePath> = touched.iter().chain(removed).cloned().collect();
            let net = difference(&running, &whole, &within);
            let paths: Vec<InstancePath> = net.iter().map(|change| change.path().clone()).collect();
            let story = story();
            let next = if found == Localised::Valid { part } else { whole };
            if found == Localised::Valid {
                // What was only tried is taken back, and the tree kept.
                let mut undone = next.duplicate();
                let undo: Vec<Change> = net.iter().rev().cloned().map(Change::reverse).collect();
                apply(&mut undone, &undo).unwrap();
                if undone.settle_undone(&paths) {
                    counts.undone += 1;
                    assert_eq!(shown(&undone), shown(&running), "taken back: {story}");
                }
            }
            apply(&mut spare, &net).unwrap();
            if spare.settle_changes(&paths) && found == Localised::Valid {
                counts.replayed += 1;
                assert_eq!(shown(&spare), shown(&next), "kept in step: {story}");
            } else {
                spare = next.duplicate();
            }
            // A copy kept in step must do as well as the tree itself, marks that nobody sees included.
            running = if chance(&mut random, 50) {
                spare.duplicate()
            } else {
                next
            };
        }
    }
}

#[test]
fn both_ways_of_validating_agree() {
    let variable = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let wanted = variable("PONDER_ORACLE_CASES").map_or(CASES, |cases| usize::try_from(cases).unwrap());
    let first = variable("PONDER_ORACLE_SEED").unwrap_or(0);
    let mut counts = Counts::default();
    for seed in first.. {
        try_model(seed, &mut counts);
        if counts.cases() >= wanted {
            break;
        }
    }
    println!("{} cases agreed: {counts:?}", counts.cases());
}

/// Rows in the order of their users, with a default that stands while there are fewer than two others.
const FEW_OTHERS: &str = "module o { yang-version 1.1; namespace \"urn:o\"; prefix o; container top { \
    list other { key k; leaf k { type int8; } } \
    list row { key k; ordered-by user; leaf k { type int8; } \
    leaf few { when \"count(/o:top/o:other) < 2\"; type int8; default 0; } } } }";

fn top(inside: &str) -> String {
    format!(
        "<top xmlns=\"urn:o\" xmlns:nc=\"urn:ietf:params:xml:ns:netconf:base:1.0\" \
         xmlns:y=\"urn:ietf:params:xml:ns:yang:1\">{inside}</top>"
    )
}

/// Two rows and two others, and an edit that takes one of the others away and moves the rows there and back.
fn two_rows() -> (Datastores, String) {
    let schema = Schema::load(ModuleSet::new().with_module("o", FEW_OTHERS)).unwrap();
    let datastores = Datastores::open(schema, Box::new(MemoryStorage::new())).unwrap();
    commit(
        &datastores,
        &top("<other><k>1</k></other><other><k>2</k></other><row><k>1</k></row><row><k>2</k></row>"),
    );
    let edit = "<other nc:operation=\"delete\"><k>2</k></other>\
                <row y:insert=\"first\"><k>2</k></row><row y:insert=\"first\"><k>1</k></row>";
    (datastores, top(edit))
}

fn commit(datastores: &Datastores, config: &str) {
    let edited = datastores.edit_candidate(config, EditOperation::Merge, OnError::Stop);
    assert_eq!(edited.errors, []);
    datastores.commit(anna(), &[]).unwrap();
}

fn anna() -> Author {
    Author {
        user: "anna".to_owned(),
        session_id: 7,
        timestamp: jiff::Timestamp::UNIX_EPOCH,
        label: None,
        comment: None,
    }
}

/// Running has the defaults that validating it whole would give it.
fn assert_has_its_defaults(datastores: &Datastores) {
    let running = datastores.running();
    let mut whole = running.tree.duplicate();
    assert_eq!(whole.validate(), Ok(Vec::new()));
    assert_eq!(shown(&running.tree), shown(&whole));
}

#[test]
fn a_default_that_came_far_from_the_net_change_is_there_after_the_next_commits_too() {
    let (datastores, edit) = two_rows();
    commit(&datastores, &edit);
    assert_has_its_defaults(&datastores);
    for inside in [
        "<row><k>3</k></row>",
        "<row><k>4</k></row>",
        "<row><k>5</k></row>",
    ] {
        commit(&datastores, &top(inside));
        assert_has_its_defaults(&datastores);
    }
}

#[test]
fn a_default_that_came_with_an_edit_that_was_only_tried_is_gone_with_it() {
    let (datastores, edit) = two_rows();
    datastores
        .test_edit(&edit, EditOperation::Merge, OnError::Stop, &[], &open_gate)
        .unwrap();
    for inside in ["<row><k>3</k></row>", "<row><k>4</k></row>"] {
        commit(&datastores, &top(inside));
        assert_has_its_defaults(&datastores);
    }
}

/// Takes a row away, and then something that is wrong.
const WRONG_IN_THE_END: &str =
    "<row nc:operation=\"delete\"><k>1</k></row><other nc:operation=\"delete\"><k>9</k></other>";

#[test]
fn an_edit_that_is_taken_back_or_refused_takes_no_default_with_it() {
    let others = ["", "<row><k>2</k></row>"];
    for (before, is_refused) in others.iter().flat_map(|before| [(before, false), (before, true)]) {
        let schema = Schema::load(ModuleSet::new().with_module("o", FEW_OTHERS)).unwrap();
        let datastores = Datastores::open(schema, Box::new(MemoryStorage::new())).unwrap();
        commit(&datastores, &top("<other><k>1</k></other><row><k>1</k></row>"));
        if !before.is_empty() {
            let edited = datastores.edit_candidate(&top(before), EditOperation::Merge, OnError::Stop);
            assert_eq!(edited.errors, []);
        }
        let refused = if is_refused {
            let closed = |changes: &[Change]| {
                assert!(!changes.is_empty());
                Err(vec![DataError::new(DataErrorTag::AccessDenied, "not you")])
            };
            let nothing = top("");
            datastores.edit_candidate_through(&nothing, EditOperation::Replace, OnError::Stop, &closed)
        } else {
            datastores.edit_candidate(&top(WRONG_IN_THE_END), EditOperation::Merge, OnError::Rollback)
        };
        assert_eq!(refused.errors.len(), 1);
        commit(&datastores, &top("<row><k>3</k></row>"));
        assert_has_its_defaults(&datastores);
        let rows = 2 + before.matches("<row>").count();
        assert_eq!(
            shown(&datastores.running().tree).matches("few (default)").count(),
            rows
        );
    }
}

#[test]
fn an_edit_of_running_itself_that_is_taken_back_takes_no_default_with_it() {
    let schema = Schema::load(ModuleSet::new().with_module("o", FEW_OTHERS)).unwrap();
    let datastores = Datastores::open(schema, Box::new(MemoryStorage::new())).unwrap();
    commit(&datastores, &top("<other><k>1</k></other><row><k>1</k></row>"));
    for key in 3..9 {
        let config = top(WRONG_IN_THE_END);
        let made = datastores
            .edit_running(
                &config,
                EditOperation::Merge,
                OnError::Rollback,
                anna(),
                &[],
                &open_gate,
            )
            .unwrap();
        assert!(made.0.is_none() && made.1.len() == 1);
        commit(&datastores, &top(&format!("<row><k>{key}</k></row>")));
        assert_has_its_defaults(&datastores);
    }
}

#[test]
fn the_explicit_form_is_the_same_too() {
    let schema = Schema::load(ModuleSet::new().with_module(
        "o",
        "module o { yang-version 1.1; namespace \"urn:o\"; prefix o; container top { leaf a { type int8; default 1; } \
         container in { leaf b { type int8; must \". < 5\"; } } } }",
    ))
    .unwrap();
    let mut running = Tree::empty(&schema);
    running.validate().unwrap();
    let mut next = running.duplicate();
    let config = "<top xmlns=\"urn:o\"><in><b>3</b></in></top>";
    let edited = edit(&mut next, config, EditOperation::Merge, OnError::Stop);
    let touched: Vec<InstancePath> = edited
        .changes
        .iter()
        .map(|change| change.path().clone())
        .collect();
    assert_eq!(next.validate_changes(&running, &touched), Localised::Valid);
    let print_as = |mode| print(&next, &Selection::everything(&Arc::clone(&schema)), mode);
    assert_eq!(
        print_as(WithDefaults::Explicit),
        "<top xmlns=\"urn:o\"><in><b>3</b></in></top>"
    );
    assert_eq!(
        print_as(WithDefaults::ReportAll),
        "<top xmlns=\"urn:o\"><a>1</a><in><b>3</b></in></top>"
    );
}
