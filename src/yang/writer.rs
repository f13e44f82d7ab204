//! A writer that only adds to a tree: operational state, the output of operations.

use std::ptr;
use std::sync::Arc;

use libyang5_sys as ffi;

use crate::yang::error::DataError;
use crate::yang::path::InstancePath;
use crate::yang::place;
use crate::yang::rejection;
use crate::yang::schema::Schema;
use crate::yang::schema_node::SchemaNode;
use crate::yang::tree::{self, NodeRef, Tree};

/// Builds a tree from the root down; nothing that stands is taken away again, but a node that stayed empty may be.
pub struct TreeWriter {
    tree: Tree,
    /// The nodes that are open, outermost first; each is the parent of the next.
    open: Vec<*mut ffi::lyd_node>,
}

// SAFETY: the pointers lead into the writer's own tree.
unsafe impl Send for TreeWriter {}

impl TreeWriter {
    /// Starts with an empty tree.
    pub fn new(schema: &Arc<Schema>) -> TreeWriter {
        TreeWriter {
            tree: Tree::empty(schema),
            open: Vec::new(),
        }
    }

    /// The schema.
    pub fn schema(&self) -> &Arc<Schema> {
        self.tree.schema()
    }

    /// The innermost open node; `None` at the root.
    pub fn here(&self) -> Option<NodeRef<'_>> {
        let last = self.open.last().copied().unwrap_or(ptr::null_mut());
        // SAFETY: open nodes belong to the writer's tree.
        unsafe { NodeRef::from_raw(self.tree.schema(), last) }
    }

    /// Its path.
    pub fn path(&self) -> InstancePath {
        self.here()
            .map_or_else(InstancePath::root, |node| node.instance_path())
    }

    /// Opens a container or operation, an existing one if there is one.
    pub fn open_container(&mut self, node: SchemaNode<'_>) -> Result<(), DataError> {
        let existing = self.existing(|schema, siblings| {
            // SAFETY: the siblings belong to the writer's tree.
            unsafe { tree::find_single(schema, siblings, node).map(|found| found.raw()) }
        });
        let raw = match existing {
            Some(raw) => raw,
            None => {
                let parent = self.parent();
                // SAFETY: the open node belongs to the writer's tree.
                unsafe { place::new_inner(&mut self.tree, parent, node)? }
            }
        };
        self.open.push(raw);
        Ok(())
    }

    /// Opens a list entry, an existing one if there is one. Keys in schema order; none for a list without keys.
    pub fn open_entry(&mut self, list: SchemaNode<'_>, keys: &[&str]) -> Result<(), DataError> {
        let existing = self.existing(|schema, siblings| {
            // SAFETY: the siblings belong to the writer's tree.
            unsafe { tree::find_entry(schema, siblings, list, keys).map(|found| found.raw()) }
        });
        let raw = match existing {
            Some(raw) => raw,
            // SAFETY: the open node belongs to the writer's tree.
            None => unsafe {
                let parent = self.parent();
                let raw = place::new_list_entry(self.tree.schema(), parent, list, keys)
                    .map_err(|error| error.below(self.tree.schema(), &self.path()))?;
                place::attach_top(&mut self.tree, parent, raw);
                raw
            },
        };
        self.open.push(raw);
        Ok(())
    }

    /// Adds a leaf or leaf-list entry. The value is in the form of RFC 7951: identities with their module's name.
    pub fn term(&mut self, node: SchemaNode<'_>, value: &str) -> Result<(), DataError> {
        // SAFETY: the open node belongs to the writer's tree.
        unsafe {
            let parent = self.parent();
            let raw = place::new_term(self.tree.schema(), parent, node, value).map_err(|rule| {
                let path = self.path();
                rejection::invalid_value(node, value, rule.as_deref(), &path)
            })?;
            place::attach_top(&mut self.tree, parent, raw);
        }
        Ok(())
    }

    /// Closes the innermost open node. Structure that stayed empty is dropped.
    pub fn close(&mut self) {
        let Some(raw) = self.open.pop() else { return };
        // SAFETY: the node belongs to the writer's tree and no open node lies below it.
        unsafe {
            let is_empty_structure = NodeRef::from_raw(self.tree.schema(), raw)
                .is_some_and(|node| node.schema().is_structure_only() && node.children().next().is_none());
            if is_empty_structure {
                place::detach(&mut self.tree, raw);
            }
        }
    }

    /// The tree, whatever is still open.
    pub fn finish(self) -> Tree {
        self.tree
    }

    fn parent(&self) -> *mut ffi::lyd_node {
        self.open.last().copied().unwrap_or(ptr::null_mut())
    }

    fn existing(
        &self,
        find: impl FnOnce(&Schema, *mut ffi::lyd_node) -> Option<*mut ffi::lyd_node>,
    ) -> Option<*mut ffi::lyd_node> {
        let siblings = self.here().map_or(self.tree.root, |node| node.first_child());
        find(self.tree.schema(), siblings)
    }
}
