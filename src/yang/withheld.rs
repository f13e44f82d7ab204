//! What is kept from libyang because its validation of it reads freed or foreign memory, so that we do it ourselves.
//!
//! Two things (libyang 5.4.9): a unique statement, where a leaf that has a default is missing (`lyd_val_uniq_list_equal`
//! and `lyd_validate_unique` take the list for the leaf); and a default under a `when`, which validation puts there
//! first and takes away again while whens inside it still wait in its queue (`lyd_validate_unres_when`). The uniques
//! are judged in this file, the defaults put there by [`crate::yang::whens`].

use std::collections::{HashMap, HashSet};
use std::ptr;

use libyang5_sys as ffi;

use crate::yang::rules::{self, has_when, is_put_there};
use crate::yang::schema::{LibraryError, Schema};
use crate::yang::schema_node::{NodeKind, SchemaId, SchemaNode, array};
use crate::yang::tree::{self, NodeRef};

/// libyang writes the leaves of a unique statement into a buffer of 1024 bytes without looking at its end.
const ROOM_FOR_NAMES: usize = 900;

type Uniques = *mut *mut *mut ffi::lysc_node_leaf;

/// What libyang does not see of a schema.
#[derive(Default)]
pub(in crate::yang) struct Withheld {
    uniques: HashMap<SchemaId, Uniques>,
    lists: Vec<WithheldList>,
    defaults: HashSet<SchemaId>,
}

/// A list whose unique statements we judge.
struct WithheldList {
    /// Data nodes from the top to the list.
    way: Vec<SchemaId>,
    /// Each a set of leaves, as ways from the entry.
    uniques: Vec<Vec<Vec<SchemaId>>>,
}

impl Withheld {
    /// Takes away from a compiled schema what libyang must not see.
    pub(in crate::yang) fn from(schema: &Schema, ids: impl Iterator<Item = SchemaId>) -> Withheld {
        let mut withheld = Withheld::default();
        for node in ids.filter_map(|id| schema.node(id)) {
            if node.kind() == NodeKind::List && is_unsafe_unique(node) {
                withheld.lists.push(WithheldList {
                    way: rules::way_from_top(node),
                    uniques: rules::uniques(node),
                });
                // SAFETY: a list node is in full a `lysc_node_list`; nobody else knows the schema yet.
                unsafe {
                    let list = node.raw().cast_mut().cast::<ffi::lysc_node_list>();
                    withheld.uniques.insert(node.id(), (*list).uniques);
                    (*list).uniques = ptr::null_mut();
                }
            }
        }
        for top in schema.top_nodes() {
            withheld.take_defaults(top);
        }
        withheld
    }

    fn take_defaults(&mut self, node: SchemaNode<'_>) {
        if !rules::is_configured(&node) {
            return;
        }
        let raw = node.raw().cast_mut();
        // SAFETY: a node of the schema, which nobody else knows yet.
        unsafe {
            let is_obsolete = u32::from((*raw).flags) & ffi::LYS_STATUS_OBSLT != 0;
            if !is_obsolete && has_when(node) && is_put_there(node) {
                // Obsolete nodes are the ones that libyang never makes by itself; nothing else asks for the status.
                (*raw).flags |= u16::try_from(ffi::LYS_STATUS_OBSLT).unwrap_or(0);
                self.defaults.insert(node.id());
            }
        }
        if !node.is_term() {
            for child in node.children() {
                self.take_defaults(child);
            }
        }
    }

    /// Gives the unique statements back, so that the context frees them.
    pub(in crate::yang) fn give_back(&mut self) {
        for (list, uniques) in self.uniques.drain() {
            // SAFETY: the schema is about to go, nobody reads it any more; the list is one of its own.
            unsafe { (*list.address().cast_mut().cast::<ffi::lysc_node_list>()).uniques = uniques };
        }
    }

    /// The unique statements of a list that were taken away.
    pub(in crate::yang) fn uniques_of(&self, list: SchemaId) -> Option<Uniques> {
        self.uniques.get(&list).copied()
    }

    /// Whether a node that stands by default under a when is put there by us.
    pub(in crate::yang) fn is_put_there_by_us(&self, node: SchemaId) -> bool {
        self.defaults.contains(&node)
    }

    /// Judges the unique statements that libyang does not see.
    ///
    /// # Safety
    /// `root` is null or the first top-level node of a tree of `schema`, which nothing changes meanwhile.
    pub(in crate::yang) unsafe fn broken_uniques(
        &self,
        schema: &Schema,
        root: *mut ffi::lyd_node,
    ) -> Vec<LibraryError> {
        let mut found = Vec::new();
        for list in &self.lists {
            let Some((last, above)) = list.way.split_last() else {
                continue;
            };
            let Some(node) = schema.node(*last) else { continue };
            // SAFETY: the caller's promise.
            unsafe {
                each_parent(schema, root, above, &mut |siblings| {
                    let first = tree::find_single(schema, siblings, node);
                    for leaves in &list.uniques {
                        if let Some((one, other)) = equal_entries(schema, first, leaves) {
                            found.push(not_unique(one, other, leaves));
                        }
                    }
                });
            }
        }
        found
    }
}

/// Calls with the first child of each instance at the end of a way; with the first of all when the way is empty.
///
/// # Safety
/// As for [`Withheld::broken_uniques`].
pub(in crate::yang) unsafe fn each_parent(
    schema: &Schema,
    siblings: *mut ffi::lyd_node,
    way: &[SchemaId],
    then: &mut dyn FnMut(*mut ffi::lyd_node),
) {
    let Some((next, rest)) = way.split_first() else {
        return then(siblings);
    };
    let Some(next) = schema.node(*next) else { return };
    // SAFETY: the caller's promise.
    let mut here = unsafe { tree::find_single(schema, siblings, next) };
    while let Some(node) = here {
        // SAFETY: children live as long as their parent.
        unsafe { each_parent(schema, node.first_child(), rest, then) };
        here = node.next_sibling().filter(|sibling| sibling.schema() == next);
    }
}

/// Two entries, from one on, that have the same values in all leaves of a unique statement. An entry in which one of
/// them is missing, and its default not in use, equals none (RFC 7950 section 7.8.3).
pub(in crate::yang) fn equal_entries<'t>(
    schema: &Schema,
    first: Option<NodeRef<'t>>,
    leaves: &[Vec<SchemaId>],
) -> Option<(NodeRef<'t>, NodeRef<'t>)> {
    let kind = first?.schema_id();
    let mut seen: HashMap<Vec<&str>, NodeRef<'t>> = HashMap::new();
    let mut here = first;
    while let Some(entry) = here {
        let values: Option<Vec<&str>> = leaves.iter().map(|way| leaf_value(schema, entry, way)).collect();
        if let Some(values) = values
            && let Some(one) = seen.insert(values, entry)
        {
            return Some((one, entry));
        }
        here = entry.next_sibling().filter(|next| next.schema_id() == kind);
    }
    None
}

fn leaf_value<'t>(schema: &Schema, entry: NodeRef<'t>, way: &[SchemaId]) -> Option<&'t str> {
    let mut here = entry;
    for step in way {
        here = here.instance_of(schema.node(*step)?)?;
    }
    here.value()
}

fn not_unique(one: NodeRef<'_>, other: NodeRef<'_>, leaves: &[Vec<SchemaId>]) -> LibraryError {
    let schema = other.schema().schema();
    let names: Vec<String> = leaves
        .iter()
        .map(|way| {
            let names: Vec<&str> = way
                .iter()
                .filter_map(|id| schema.node(*id))
                .map(|node| node.name())
                .collect();
            names.join("/")
        })
        .collect();
    let (first, second) = (one.path(), other.path());
    let message = format!(
        "Unique data leaf(s) \"{}\" not satisfied in \"{first}\" and \"{second}\".",
        names.join(" ")
    );
    LibraryError {
        data_path: Some(second),
        app_tag: Some("data-not-unique".to_owned()),
        ..LibraryError::new(message)
    }
}

fn is_unsafe_unique(list: SchemaNode<'_>) -> bool {
    // SAFETY: a list node is in full a `lysc_node_list`; its unique statements are arrays of its leaves.
    let sets = unsafe { array((*list.raw().cast::<ffi::lysc_node_list>()).uniques) };
    sets.iter().any(|leaves| {
        // SAFETY: as above.
        let leaves = unsafe { array(*leaves) };
        let nodes = leaves.iter().filter_map(|leaf| {
            // SAFETY: a leaf of the list.
            unsafe { SchemaNode::from_raw(list.schema(), leaf.cast_const().cast()) }
        });
        let mut length = 0;
        for leaf in nodes {
            if leaf.default_value().is_some() {
                return true;
            }
            length += rules::upwards(leaf)
                .into_iter()
                .take_while(|above| *above != list)
                .map(|node| node.name().len() + node.module().len() + 2)
                .sum::<usize>();
        }
        length > ROOM_FOR_NAMES
    })
}
