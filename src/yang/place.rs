//! Writing to data trees: a writer that only adds.

use std::ffi::{CString, c_void};
use std::ptr;
use std::sync::Arc;

use libyang5_sys as ffi;

use crate::yang::error::{DataError, DataErrorTag};
use crate::yang::path::InstancePath;
use crate::yang::rejection;
use crate::yang::schema::Schema;
use crate::yang::schema_node::{NodeKind, SchemaNode};
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
                unsafe { new_inner(&mut self.tree, parent, node)? }
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
                let raw = new_list_entry(self.tree.schema(), parent, list, keys)
                    .map_err(|error| error.below(self.tree.schema(), &self.path()))?;
                attach_top(&mut self.tree, parent, raw);
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
            let raw = new_term(self.tree.schema(), parent, node, value).map_err(|rule| {
                let path = self.path();
                rejection::invalid_value(node, value, rule.as_deref(), &path)
            })?;
            attach_top(&mut self.tree, parent, raw);
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
                detach(&mut self.tree, raw);
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

/// Frees a node with all below it.
///
/// # Safety
/// `node` belongs to `tree`, and nobody holds a pointer to it or below it.
unsafe fn detach(tree: &mut Tree, node: *mut ffi::lyd_node) {
    // SAFETY: the caller's promise.
    unsafe {
        if tree.root == node {
            tree.root = (*node).next;
        }
        ffi::lyd_free_tree(node);
    }
}

/// Puts a fresh node without parent among the top-level nodes.
///
/// # Safety
/// `parent` is null or the node's parent; without a parent, `node` is not yet in any tree.
unsafe fn attach_top(tree: &mut Tree, parent: *mut ffi::lyd_node, node: *mut ffi::lyd_node) {
    if parent.is_null() {
        // SAFETY: the caller's promise; the root is null or the first of the top-level nodes.
        unsafe { ffi::lyd_insert_sibling(tree.root, node, &mut tree.root) };
    }
}

/// # Safety
/// `parent` is null or a node of `tree`.
unsafe fn new_inner(
    tree: &mut Tree,
    parent: *mut ffi::lyd_node,
    node: SchemaNode<'_>,
) -> Result<*mut ffi::lyd_node, DataError> {
    let mut made = ptr::null_mut();
    let output = u8::from(node.is_output());
    // SAFETY: the schema node's module and name are those of the same context as the tree.
    let result = unsafe {
        let raw = node.raw();
        ffi::lyd_new_inner(parent, (*raw).module, (*raw).name, output, &mut made)
    };
    if result != ffi::LY_ERR::LY_SUCCESS {
        return Err(unexpected(tree.schema(), node));
    }
    // SAFETY: the node was just made below `parent`.
    unsafe { attach_top(tree, parent, made) };
    Ok(made)
}

/// Makes a list entry with its keys, below `parent` or, without one, on its own.
///
/// # Safety
/// `parent` is null or a node of a tree of `schema` that nobody else reads meanwhile.
pub(in crate::yang) unsafe fn new_list_entry(
    schema: &Schema,
    parent: *mut ffi::lyd_node,
    list: SchemaNode<'_>,
    keys: &[&str],
) -> Result<*mut ffi::lyd_node, DataError> {
    let names: Vec<SchemaNode<'_>> = list.keys().collect();
    if let Some(missing) = names.get(keys.len()) {
        return Err(rejection::missing_key(list, missing.name()));
    }
    let texts: Vec<CString> = keys
        .iter()
        .zip(&names)
        .map(|(value, key)| {
            CString::new(*value)
                .map_err(|_| rejection::invalid_value(*key, value, None, &InstancePath::root()))
        })
        .collect::<Result<_, _>>()?;
    let mut pointers: Vec<*const c_void> = texts.iter().map(|text| text.as_ptr().cast()).collect();
    let mut made = ptr::null_mut();
    // SAFETY: there is a terminated text for every key of the list; module and name are the list's own.
    let result = unsafe {
        let raw = list.raw();
        let values = if pointers.is_empty() {
            ptr::null_mut()
        } else {
            pointers.as_mut_ptr()
        };
        ffi::lyd_new_list3(
            parent,
            (*raw).module,
            (*raw).name,
            values,
            ptr::null_mut(),
            options(list),
            &mut made,
        )
    };
    if result != ffi::LY_ERR::LY_SUCCESS {
        return Err(bad_key(schema, list, &names, keys));
    }
    // SAFETY: nobody else knows the node yet.
    unsafe { tree::fill_canonical_texts(tree::first_child(made)) };
    Ok(made)
}

/// Finds the key that libyang refused.
fn bad_key(schema: &Schema, list: SchemaNode<'_>, names: &[SchemaNode<'_>], keys: &[&str]) -> DataError {
    let reason = schema.take_errors().pop().map(|error| error.message);
    for (key, value) in names.iter().zip(keys) {
        if canonical_value(*key, value).is_err() {
            return rejection::invalid_value(*key, value, reason.as_deref(), &InstancePath::root());
        }
    }
    let message = format!("{} cannot be made: {}", list.name(), reason.unwrap_or_default());
    DataError::new(DataErrorTag::OperationFailed, message)
}

/// Makes a leaf or leaf-list entry below `parent` or, without one, on its own; says why not in libyang's words.
///
/// # Safety
/// As for [`new_list_entry`].
unsafe fn new_term(
    schema: &Schema,
    parent: *mut ffi::lyd_node,
    node: SchemaNode<'_>,
    value: &str,
) -> Result<*mut ffi::lyd_node, Option<String>> {
    let text = CString::new(value).map_err(|_| None)?;
    let mut made = ptr::null_mut();
    // SAFETY: module and name are the node's own, the value is terminated.
    let result = unsafe {
        let raw = node.raw();
        ffi::lyd_new_term(
            parent,
            (*raw).module,
            (*raw).name,
            text.as_ptr(),
            options(node),
            &mut made,
        )
    };
    if result != ffi::LY_ERR::LY_SUCCESS {
        return Err(schema.take_errors().pop().map(|error| error.message));
    }
    // SAFETY: nobody else knows the node yet.
    unsafe { tree::fill_canonical_text(made) };
    Ok(made)
}

fn options(node: SchemaNode<'_>) -> u32 {
    if node.is_output() {
        ffi::LYD_NEW_VAL_OUTPUT
    } else {
        0
    }
}

fn unexpected(schema: &Schema, node: SchemaNode<'_>) -> DataError {
    let reason = schema
        .take_errors()
        .pop()
        .map(|error| error.message)
        .unwrap_or_default();
    let message = match node.kind() {
        NodeKind::AnyData => format!("{}: anydata and anyxml are not supported here", node.name()),
        _ => format!("{} cannot be made: {reason}", node.name()),
    };
    DataError::new(DataErrorTag::OperationFailed, message)
}

/// The canonical form of a value (RFC 7951 form of prefixes), or why it is none, in libyang's words.
pub fn canonical_value(node: SchemaNode<'_>, value: &str) -> Result<String, Option<String>> {
    let schema = node.schema();
    let text = CString::new(value).map_err(|_| None)?;
    let length = u32::try_from(value.len()).map_err(|_| None)?;
    let mut canonical = ptr::null();
    // SAFETY: the value has the length given; without a context node nothing but the type is looked at.
    let result = unsafe {
        ffi::lyd_value_validate(
            node.raw(),
            text.as_ptr(),
            length,
            ptr::null(),
            ptr::null_mut(),
            &mut canonical,
        )
    };
    // A leafref or instance identifier whose target cannot be looked for yet is "incomplete", not wrong.
    if result != ffi::LY_ERR::LY_SUCCESS && result != ffi::LY_ERR::LY_EINCOMPLETE {
        return Err(schema.take_errors().pop().map(|error| error.message));
    }
    // SAFETY: null or a text in the context's dictionary, on which this call holds one reference.
    unsafe {
        let found = crate::yang::schema_node::borrowed(canonical).map(str::to_owned);
        if !canonical.is_null() {
            ffi::lydict_remove(schema.raw(), canonical);
        }
        Ok(found.unwrap_or_else(|| value.to_owned()))
    }
}
