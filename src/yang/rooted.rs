//! A tree that is known to have a node, such as the input of an operation.

use std::fmt;
use std::ptr::NonNull;

use libyang5_sys as ffi;

use crate::yang::schema_node::SchemaNode;
use crate::yang::tree::{NodeRef, Tree};

/// A tree with its first node.
pub(in crate::yang) struct Rooted {
    tree: Tree,
    root: NonNull<ffi::lyd_node>,
    kind: NonNull<ffi::lysc_node>,
}

// SAFETY: the root is a node of the tree, which goes along.
unsafe impl Send for Rooted {}
// SAFETY: as for a tree.
unsafe impl Sync for Rooted {}

impl Rooted {
    /// The tree, when it has a node.
    pub(in crate::yang) fn new(tree: Tree) -> Option<Rooted> {
        let root = NonNull::new(tree.root)?;
        // SAFETY: a tree's root is a live node.
        let kind = NonNull::new(unsafe { root.as_ref() }.schema.cast_mut())?;
        Some(Rooted { tree, root, kind })
    }

    /// The tree.
    pub(in crate::yang) fn tree(&self) -> &Tree {
        &self.tree
    }

    /// Its first node.
    pub(in crate::yang) fn root(&self) -> NodeRef<'_> {
        // SAFETY: the schema node is that of a node of the tree, and the tree, which stays as it is, keeps the schema.
        unsafe {
            let kind = SchemaNode::new(self.tree.schema(), self.kind);
            NodeRef::of(kind, self.root)
        }
    }
}

impl fmt::Debug for Rooted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.tree.fmt(f)
    }
}
