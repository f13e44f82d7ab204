//! The schema nodes that hang on whens, in the order in which their whens can be resolved.

use std::collections::{HashMap, HashSet};
use std::ptr;

use libyang5_sys as ffi;

use crate::yang::rules::{self, has_when};
use crate::yang::schema::Schema;
use crate::yang::schema_node::{SchemaId, SchemaNode};

/// A schema node whose existence hangs on whens.
pub(in crate::yang) struct WhenNode {
    pub(in crate::yang) node: SchemaId,
    /// Data nodes above it, from the top.
    pub(in crate::yang) above: Vec<SchemaId>,
    /// Whether a node above it hangs on whens too.
    pub(in crate::yang) is_nested: bool,
    /// Whether it stands by default, and we put it there.
    pub(in crate::yang) is_put_there: bool,
    /// The cases that it stands in.
    pub(in crate::yang) cases: Vec<Case>,
}

/// A case that a node stands in.
pub(in crate::yang) struct Case {
    pub(in crate::yang) is_default: bool,
    /// Other data nodes of the case.
    pub(in crate::yang) same: Vec<SchemaId>,
    /// Data nodes of the other cases.
    pub(in crate::yang) other: Vec<SchemaId>,
}

/// The nodes that hang on whens, each behind those that its whens read. Where they go round in a circle, any order.
pub(in crate::yang) fn in_order(
    schema: &Schema,
    reads: &HashMap<SchemaId, Option<Vec<SchemaId>>>,
) -> Vec<WhenNode> {
    let mut order = Order {
        schema,
        reads,
        seen: HashSet::new(),
        done: Vec::new(),
    };
    let mut all: Vec<SchemaId> = reads.keys().copied().collect();
    // What may read anything comes last.
    all.sort_by_key(|id| (reads.get(id).is_some_and(Option::is_none), *id));
    for id in all {
        order.visit(id);
    }
    order
        .done
        .into_iter()
        .filter_map(|id| when_node(schema, id))
        .collect()
}

struct Order<'s> {
    schema: &'s Schema,
    reads: &'s HashMap<SchemaId, Option<Vec<SchemaId>>>,
    seen: HashSet<SchemaId>,
    done: Vec<SchemaId>,
}

impl Order<'_> {
    fn visit(&mut self, id: SchemaId) {
        if !self.seen.insert(id) {
            return;
        }
        let Some(node) = self.schema.node(id) else { return };
        let mut first: Vec<SchemaId> = rules::upwards(node).iter().skip(1).map(SchemaNode::id).collect();
        for atom in self.reads.get(&id).into_iter().flatten().flatten() {
            if let Some(atom) = self.schema.node(*atom) {
                first.extend(rules::upwards(atom).iter().map(SchemaNode::id));
            }
        }
        if is_put_there(node) {
            // It stands by default where no other case does.
            let others = cases(node).into_iter().flat_map(|case| case.other);
            first.extend(others.filter(|id| !self.schema.withheld().is_put_there_by_us(*id)));
        }
        for before in first {
            if before != id && self.reads.contains_key(&before) {
                self.visit(before);
            }
        }
        self.done.push(id);
    }
}

fn is_put_there(node: SchemaNode<'_>) -> bool {
    node.schema().withheld().is_put_there_by_us(node.id())
}

fn when_node(schema: &Schema, id: SchemaId) -> Option<WhenNode> {
    let node = schema.node(id)?;
    let mut above: Vec<SchemaId> = rules::way_from_top(node);
    above.pop();
    Some(WhenNode {
        node: id,
        is_nested: rules::upwards(node).into_iter().skip(1).any(has_when),
        above,
        is_put_there: is_put_there(node),
        cases: cases(node),
    })
}

fn cases(node: SchemaNode<'_>) -> Vec<Case> {
    let siblings: Vec<SchemaNode<'_>> = match node.parent() {
        Some(parent) => parent.children().collect(),
        None => node.schema().top_nodes().collect(),
    };
    let levels = node.cases();
    let case_of = |mate: &SchemaNode<'_>, wanted: SchemaId| {
        let found = mate.cases().into_iter().find(|(choice, _)| *choice == wanted);
        found.map(|(_, case)| case)
    };
    levels
        .into_iter()
        .map(|(choice, case)| {
            let mates = siblings.iter().filter(|mate| **mate != node);
            let (same, other): (Vec<_>, Vec<_>) = mates
                .filter_map(|mate| Some((mate.id(), case_of(mate, choice)?)))
                .partition(|(_, of)| *of == case);
            // SAFETY: a choice around a node is in full a `lysc_node_choice` of its schema.
            let default = unsafe { (*choice.address().cast::<ffi::lysc_node_choice>()).dflt };
            Case {
                is_default: ptr::eq(default.cast_const().cast(), case.address()),
                same: same.into_iter().map(|(id, _)| id).collect(),
                other: other.into_iter().map(|(id, _)| id).collect(),
            }
        })
        .collect()
}

impl WhenNode {
    /// The schema node around it, when it stands by default.
    pub(in crate::yang) fn stands_by_default_below(&self) -> Option<SchemaId> {
        self.above.last().copied().filter(|_| self.is_put_there)
    }
}
