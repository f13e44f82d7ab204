//! The net difference of two trees, as changes.

use std::collections::{HashMap, HashSet};

use crate::datastore::apply::node_of;
use crate::datastore::change_set::Change;
use crate::datastore::content::{Content, step_of};
use crate::yang::path::{Instance, InstancePath, Step};
use crate::yang::place::Placement;
use crate::yang::schema::Schema;
use crate::yang::schema_node::{SchemaId, SchemaNode};
use crate::yang::tree::{NodeRef, Tree};

/// What leads from one tree to the other, looking only at and below some paths; the root for all. Removals come
/// before insertions among the children of one node, so that a record can be carried out and undone in order.
pub fn difference(before: &Tree, after: &Tree, within: &[InstancePath]) -> Vec<Change> {
    let mut changes = Vec::new();
    for path in outermost(after, within) {
        if path.is_root() {
            siblings(
                &before.roots().collect::<Vec<_>>(),
                &after.roots().collect::<Vec<_>>(),
                &mut changes,
            );
        } else {
            let explicit = |node: &NodeRef<'_>| node.is_explicit();
            let (old, new) = (before.locate(&path), after.locate(&path));
            pair(old.filter(explicit), new.filter(explicit), &mut changes);
        }
    }
    changes
}

/// Whether changes, carried out one after the other, are the net difference already: each is about a place of its own,
/// and validation can only fill in defaults around them. It may say no where they are.
pub fn is_net(schema: &Schema, changes: &[Change]) -> bool {
    let mut places: HashSet<&[Step]> = HashSet::with_capacity(changes.len());
    let mut plain: HashMap<SchemaId, bool> = HashMap::new();
    for change in changes {
        let steps = change.path().steps();
        let mut node = None;
        for step in steps {
            node = node_of(schema, node, step);
        }
        let is_plain = node.is_some_and(|node| {
            *plain
                .entry(node.id())
                .or_insert_with(|| !node.is_user_ordered() && keeps_its_values(node))
        });
        if !is_plain || !places.insert(steps) {
            return false;
        }
    }
    let is_inside = |steps: &[Step]| {
        (1..steps.len()).any(|depth| steps.get(..depth).is_some_and(|above| places.contains(above)))
    };
    !changes.iter().any(|change| is_inside(change.path().steps()))
}

/// Whether values at and below a node are what they were when they were set, whatever else is in the tree. A union
/// with references in it takes the member that fits once all is there.
fn keeps_its_values(node: SchemaNode<'_>) -> bool {
    match node.value_traits() {
        Some(traits) => !traits.is_union,
        None => node.children().all(keeps_its_values),
    }
}

/// Paths of which none lies within another, in order. An entry that clients order stands for its whole list.
fn outermost(tree: &Tree, paths: &[InstancePath]) -> Vec<InstancePath> {
    let is_ordered = |path: &InstancePath| {
        let mut node = None;
        for step in path.steps() {
            node = node_of(tree.schema(), node, step);
        }
        node.is_some_and(|node| node.is_user_ordered())
    };
    let mut sorted: Vec<InstancePath> = paths
        .iter()
        .map(|path| {
            if is_ordered(path) {
                path.parent()
            } else {
                path.clone()
            }
        })
        .collect();
    // What lies within a path comes right after it.
    sorted.sort();
    sorted.dedup_by(|inner, outer| inner.is_within(outer));
    sorted
}

fn pair(old: Option<NodeRef<'_>>, new: Option<NodeRef<'_>>, changes: &mut Vec<Change>) {
    match (old, new) {
        (None, None) => {}
        (Some(old), None) => remove(old, changes),
        (None, Some(new)) => insert(new, changes),
        (Some(old), Some(new)) => match (old.value(), new.value()) {
            (Some(a), Some(b)) if a != b => changes.push(Change::Set {
                path: new.instance_path(),
                old: a.to_owned(),
                new: b.to_owned(),
            }),
            (Some(_), _) => {}
            _ => siblings(&children(old), &children(new), changes),
        },
    }
}

/// Explicit children that are no keys.
fn children(node: NodeRef<'_>) -> Vec<NodeRef<'_>> {
    node.children().filter(|child| !child.schema().is_key()).collect()
}

/// What tells siblings apart.
type Identity = (SchemaId, Instance);

/// Those that a client configured.
fn explicit<'t>(nodes: &[NodeRef<'t>]) -> Vec<(Identity, NodeRef<'t>)> {
    nodes
        .iter()
        .filter(|node| node.is_explicit())
        .map(|node| ((node.schema_id(), node.instance()), *node))
        .collect()
}

fn siblings(old: &[NodeRef<'_>], new: &[NodeRef<'_>], changes: &mut Vec<Change>) {
    let (old, new) = (explicit(old), explicit(new));
    let before: HashMap<&Identity, NodeRef<'_>> =
        old.iter().map(|(identity, node)| (identity, *node)).collect();
    let kept: HashSet<&Identity> = new.iter().map(|(identity, _)| identity).collect();
    // Last ones first: undoing puts each behind one that is there again.
    for (_, node) in old.iter().rev().filter(|(identity, _)| !kept.contains(identity)) {
        remove(*node, changes);
    }
    for (identity, node) in &new {
        pair(before.get(identity).copied(), Some(*node), changes);
    }
    reorder(&old, &new, &kept, changes);
}

/// Moves of user-ordered entries that are on both sides, after insertions have been made where they belong.
fn reorder(
    old: &[(Identity, NodeRef<'_>)],
    new: &[(Identity, NodeRef<'_>)],
    kept: &HashSet<&Identity>,
    changes: &mut Vec<Change>,
) {
    let mut lists: Vec<SchemaId> = new
        .iter()
        .filter(|(_, node)| node.schema().is_user_ordered())
        .map(|((id, _), _)| *id)
        .collect();
    lists.dedup();
    for list in lists {
        let wanted: Vec<&(Identity, NodeRef<'_>)> = new.iter().filter(|((id, _), _)| *id == list).collect();
        // The order after the removals and insertions that are already written down.
        let mut now: Vec<&Identity> = old
            .iter()
            .map(|(identity, _)| identity)
            .filter(|identity| identity.0 == list && kept.contains(identity))
            .collect();
        let there: HashSet<&Identity> = now.iter().copied().collect();
        let mut previous: Option<&Identity> = None;
        for (identity, _) in &wanted {
            if !there.contains(identity) {
                let at = previous.and_then(|previous| now.iter().position(|i| *i == previous));
                now.insert(at.map_or(0, |at| at + 1), identity);
            }
            previous = Some(identity);
        }
        for (index, (identity, node)) in wanted.iter().enumerate() {
            let Some(at) = now.iter().position(|i| *i == identity) else {
                continue;
            };
            if at != index {
                let from = behind(&now, at);
                let moved = now.remove(at);
                now.insert(index, moved);
                changes.push(Change::Move {
                    path: node.instance_path(),
                    from,
                    to: behind(&now, index),
                });
            }
        }
    }
}

/// The placement of the n-th.
fn behind(order: &[&Identity], index: usize) -> Placement {
    match index.checked_sub(1).and_then(|previous| order.get(previous)) {
        Some((_, previous)) => Placement::After(previous.clone()),
        None => Placement::First,
    }
}

/// Structure has no changes of its own: what is inside comes and goes.
fn insert(node: NodeRef<'_>, changes: &mut Vec<Change>) {
    if node.schema().is_structure_only() {
        for child in node.children().filter(|child| child.is_explicit()) {
            insert(child, changes);
        }
        return;
    }
    changes.push(Change::Insert {
        path: node.instance_path(),
        content: Content::of(node),
        order: order_of(node),
    });
}

fn remove(node: NodeRef<'_>, changes: &mut Vec<Change>) {
    if node.schema().is_structure_only() {
        // Last ones first, as among any siblings.
        let inside: Vec<NodeRef<'_>> = node.children().filter(NodeRef::is_explicit).collect();
        for child in inside.into_iter().rev() {
            remove(child, changes);
        }
        return;
    }
    changes.push(Change::Remove {
        path: node.instance_path(),
        content: Content::of(node),
        order: order_of(node),
    });
}

/// Where a user-ordered entry stands: first, or after the one before it.
pub fn order_of(node: NodeRef<'_>) -> Option<Placement> {
    if !node.schema().is_user_ordered() {
        return None;
    }
    Some(match node.previous_of_kind() {
        Some(previous) => Placement::After(step_of(previous).instance),
        None => Placement::First,
    })
}
