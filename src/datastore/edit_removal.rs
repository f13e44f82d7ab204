//! What an edit takes away: deleted nodes, other cases, what a replacement does not mention.

use std::collections::HashSet;

use crate::datastore::apply::{drop_empty_cases, make_room};
use crate::datastore::change_set::Change;
use crate::datastore::content::Content;
use crate::datastore::difference::order_of;
use crate::datastore::edit::Editor;
use crate::yang::document::Element;
use crate::yang::path::Instance;
use crate::yang::place::{Place, canonical_value};
use crate::yang::resolve;
use crate::yang::schema_node::{NodeKind, SchemaId, SchemaNode};
use crate::yang::tree::NodeRef;

impl<'s> Editor<'s> {
    /// Takes a node away. Of structure, what is inside goes piece by piece: structure has no changes of its own.
    pub(super) fn remove(&mut self, place: &mut Place<'_>, node: SchemaNode<'_>, instance: &Instance) {
        if self.building == 0
            && let Some(found) = place.find(node, instance)
        {
            removals(found, &mut self.done.changes);
        }
        place.remove(node, instance);
        drop_empty_cases(place, node);
    }

    /// RFC 7950 7.9: a node of one case takes the nodes of the others away.
    pub(super) fn clear_other_cases(&mut self, place: &mut Place<'_>, node: SchemaNode<'_>) {
        if node.cases().is_empty() {
            return;
        }
        make_room(place, node);
        for (id, instance) in pick(place.children(), |child| node.excludes(&child.schema())) {
            if let Some(other) = self.schema.node(id) {
                self.remove(place, other, &instance);
            }
        }
    }

    /// `replace`: what the edit does not mention goes.
    pub(super) fn remove_unmentioned(
        &mut self,
        place: &mut Place<'_>,
        parent: Option<SchemaNode<'s>>,
        elements: &[Element],
    ) {
        let mentioned: HashSet<(SchemaId, Instance)> = elements
            .iter()
            .filter_map(|element| {
                // What is wrong with an element is said when its turn comes.
                let node = resolve::child(self.schema, parent, element, &self.at).ok()?;
                let instance = match node.kind() {
                    NodeKind::List => {
                        resolve::named_keys(node, &resolve::keys(node, element, &self.at).ok()?)
                    }
                    NodeKind::LeafList => {
                        let value = resolve::value(node, element, &self.at).ok()?;
                        Instance::Value(canonical_value(node, &value).ok()?)
                    }
                    _ => Instance::Single,
                };
                Some((node.id(), instance))
            })
            .collect();
        let gone = pick(place.children(), |child| {
            !child.schema().is_key()
                && child.is_explicit()
                && !mentioned.contains(&(child.schema_id(), child.instance()))
        });
        // Last ones first: undoing puts each behind one that is there again.
        for (id, instance) in gone.into_iter().rev() {
            if let Some(node) = self.schema.node(id) {
                self.remove(place, node, &instance);
            }
        }
    }
}

fn pick<'t>(
    children: impl Iterator<Item = NodeRef<'t>>,
    wanted: impl Fn(NodeRef<'t>) -> bool,
) -> Vec<(SchemaId, Instance)> {
    children
        .filter(|child| wanted(*child))
        .map(|child| (child.schema_id(), child.instance()))
        .collect()
}

/// The changes that take a node away.
fn removals(node: NodeRef<'_>, changes: &mut Vec<Change>) {
    if !node.is_explicit() {
        return;
    }
    if node.schema().is_structure_only() {
        let children: Vec<NodeRef<'_>> = node.children().collect();
        for child in children.into_iter().rev() {
            removals(child, changes);
        }
        return;
    }
    changes.push(Change::Remove {
        path: node.instance_path(),
        content: Content::of(node),
        order: order_of(node),
    });
}
