//! Changing data trees: a place in a tree, where nodes are added, set, moved and removed.

use std::ffi::{CString, c_void};
use std::ptr;
use std::sync::Arc;

use libyang5_sys as ffi;
use serde::{Deserialize, Serialize};

use crate::yang::error::{DataError, DataErrorTag};
use crate::yang::path::{Instance, InstancePath};
use crate::yang::rejection;
use crate::yang::schema::Schema;
use crate::yang::schema_node::{NodeKind, SchemaNode, borrowed};
use crate::yang::tree::{self, NodeRef, Siblings, Tree};

/// A node of a tree, or its root, whose children may be changed. The tree is borrowed for as long.
///
/// Nodes that the schema put there (defaults, empty structure) give way: adding over one replaces it.
pub struct Place<'t> {
    tree: &'t mut Tree,
    /// The node whose children are meant; null at the root.
    node: *mut ffi::lyd_node,
}

/// Where an entry of a user-ordered list or leaf-list goes.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Placement {
    /// Before all others.
    First,
    /// After all others; the only choice where the system orders.
    #[default]
    Last,
    /// Right before this one.
    Before(Instance),
    /// Right after this one.
    After(Instance),
}

/// What [`Place::set`] did.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Written {
    /// The canonical value that was there, when a client had set it.
    pub old: Option<String>,
    /// The canonical value that is there now.
    pub new: String,
}

impl Tree {
    /// The root, for changing.
    pub fn place(&mut self) -> Place<'_> {
        Place {
            tree: self,
            node: ptr::null_mut(),
        }
    }
}

impl<'t> Place<'t> {
    /// The schema.
    pub fn schema(&self) -> &Arc<Schema> {
        self.tree.schema()
    }

    /// The node whose children are meant; `None` at the root.
    pub fn here(&self) -> Option<NodeRef<'_>> {
        // SAFETY: the node belongs to the tree, which cannot change while `self` is borrowed.
        unsafe { NodeRef::from_raw(self.tree.schema(), self.node) }
    }

    /// Its path.
    pub fn path(&self) -> InstancePath {
        self.here()
            .map_or_else(InstancePath::root, |node| node.instance_path())
    }

    /// The children.
    pub fn children(&self) -> Siblings<'_> {
        // SAFETY: as for `here`.
        unsafe { Siblings::new(self.tree.schema(), self.first()) }
    }

    /// A child.
    pub fn find(&self, node: SchemaNode<'_>, instance: &Instance) -> Option<NodeRef<'_>> {
        // SAFETY: as for `here`.
        unsafe { tree::find_instance(self.tree.schema(), self.first(), node, instance) }
    }

    /// The first child of a schema node.
    pub fn first_of(&self, node: SchemaNode<'_>) -> Option<NodeRef<'_>> {
        // SAFETY: as for `here`.
        unsafe { tree::find_single(self.tree.schema(), self.first(), node) }
    }

    /// Goes to a child that has children.
    pub fn enter(&mut self, node: SchemaNode<'_>, instance: &Instance) -> Option<Place<'_>> {
        let child = self
            .find(node, instance)
            .filter(|child| !child.schema().is_term())?
            .raw();
        Some(Place {
            tree: self.tree,
            node: child,
        })
    }

    /// Goes to a container, made when it is missing.
    pub fn enter_container(&mut self, node: SchemaNode<'_>) -> Result<Place<'_>, DataError> {
        let child = match self.first_of(node) {
            Some(child) => child.raw(),
            // SAFETY: the node is null or belongs to the tree.
            None => unsafe { new_inner(self.tree, self.node, node)? },
        };
        Ok(Place {
            tree: self.tree,
            node: child,
        })
    }

    /// Adds a list entry, keys in schema order, and goes there.
    pub fn add_entry(
        &mut self,
        list: SchemaNode<'_>,
        keys: &[&str],
        placement: &Placement,
    ) -> Result<Place<'_>, DataError> {
        let schema = Arc::clone(self.schema());
        // SAFETY: the node is null or belongs to the tree.
        let child = unsafe {
            let child =
                new_list_entry(&schema, self.node, list, keys).map_err(|e| e.below(&schema, &self.path()))?;
            attach_top(self.tree, self.node, child);
            self.put(child, list, placement);
            child
        };
        Ok(Place {
            tree: self.tree,
            node: child,
        })
    }

    /// Adds a leaf-list entry; gives its canonical value.
    pub fn add_value(
        &mut self,
        leaf_list: SchemaNode<'_>,
        value: &str,
        placement: &Placement,
    ) -> Result<String, DataError> {
        // RFC 7950 7.7.2: defaults are in use only as long as there is no entry.
        let has_defaults = self.first_of(leaf_list).is_some_and(|first| first.is_default());
        let defaults: Vec<Instance> = self
            .children()
            .take_while(|_| has_defaults)
            .filter(|child| child.schema() == leaf_list && child.is_default())
            .map(|child| child.instance())
            .collect();
        for default in defaults {
            self.remove(leaf_list, &default);
        }
        // SAFETY: the node is null or belongs to the tree.
        unsafe {
            let child = self.new_child(leaf_list, value)?;
            self.put(child, leaf_list, placement);
            Ok(self.text_of(child))
        }
    }

    /// Sets a leaf, which may be missing. The value is in the form of RFC 7951.
    pub fn set(&mut self, leaf: SchemaNode<'_>, value: &str) -> Result<Written, DataError> {
        let Some(existing) = self.first_of(leaf) else {
            // SAFETY: the node is null or belongs to the tree.
            let new = unsafe {
                let child = self.new_child(leaf, value)?;
                self.text_of(child)
            };
            return Ok(Written { old: None, new });
        };
        let old = existing
            .value()
            .filter(|_| !existing.is_default())
            .map(str::to_owned);
        let raw = existing.raw();
        let text = CString::new(value).map_err(|_| self.refusal(leaf, value, None))?;
        // SAFETY: the leaf belongs to the tree, which is ours alone; the value is terminated.
        unsafe {
            let result = ffi::lyd_change_term(raw, text.as_ptr());
            let is_done = matches!(
                result,
                ffi::LY_ERR::LY_SUCCESS | ffi::LY_ERR::LY_EEXIST | ffi::LY_ERR::LY_ENOT
            );
            if !is_done {
                let reason = self.schema().take_errors().pop().map(|error| error.message);
                return Err(self.refusal(leaf, value, reason.as_deref()));
            }
            tree::fill_canonical_text(raw);
            Ok(Written {
                old,
                new: self.text_of(raw),
            })
        }
    }

    /// Removes a child with all below it; whether there was one.
    pub fn remove(&mut self, node: SchemaNode<'_>, instance: &Instance) -> bool {
        let Some(child) = self.find(node, instance).map(|child| child.raw()) else {
            return false;
        };
        // SAFETY: the child belongs to the tree, and no place or handle can point below it while `self` is borrowed.
        unsafe { detach(self.tree, child) };
        true
    }

    /// Moves a user-ordered entry; whether it and its anchor were found.
    pub fn shift(&mut self, node: SchemaNode<'_>, instance: &Instance, placement: &Placement) -> bool {
        let Some(child) = self.find(node, instance).map(|child| child.raw()) else {
            return false;
        };
        // SAFETY: the child belongs to the tree.
        unsafe { self.put(child, node, placement) }
    }

    /// Drops a child container without meaning of its own that holds nothing.
    pub fn prune(&mut self, node: SchemaNode<'_>) {
        let is_empty = self
            .first_of(node)
            .is_some_and(|child| node.is_structure_only() && child.children().next().is_none());
        if is_empty {
            self.remove(node, &Instance::Single);
        }
    }

    fn first(&self) -> *mut ffi::lyd_node {
        self.here().map_or(self.tree.root, |node| node.first_child())
    }

    fn refusal(&self, node: SchemaNode<'_>, value: &str, reason: Option<&str>) -> DataError {
        rejection::invalid_value(node, value, reason, &self.path())
    }

    /// # Safety
    /// `self.node` is null or belongs to the tree.
    unsafe fn new_child(
        &mut self,
        node: SchemaNode<'_>,
        value: &str,
    ) -> Result<*mut ffi::lyd_node, DataError> {
        // SAFETY: the caller's promise.
        unsafe {
            let child = new_term(self.tree.schema(), self.node, node, value)
                .map_err(|reason| self.refusal(node, value, reason.as_deref()))?;
            attach_top(self.tree, self.node, child);
            Ok(child)
        }
    }

    /// # Safety
    /// `node` is a leaf or leaf-list node of the tree.
    unsafe fn text_of(&self, node: *mut ffi::lyd_node) -> String {
        // SAFETY: the caller's promise.
        let node = unsafe { NodeRef::from_raw(self.tree.schema(), node) };
        node.and_then(|node| node.value()).unwrap_or_default().to_owned()
    }

    /// Puts a child where it belongs among the user-ordered entries of its kind; whether the anchor was found.
    ///
    /// # Safety
    /// `child` is a child of this place.
    unsafe fn put(&mut self, child: *mut ffi::lyd_node, node: SchemaNode<'_>, placement: &Placement) -> bool {
        if !node.is_user_ordered() {
            return true;
        }
        let (anchor, before) = match placement {
            Placement::First => (self.first_of(node), true),
            // SAFETY: the child belongs to the tree, which cannot change while `self` is borrowed.
            Placement::Last => unsafe {
                let here = NodeRef::from_raw(self.tree.schema(), child);
                let behind = std::iter::successors(here, |at| {
                    let next = at.next_sibling();
                    next.filter(|next| next.schema() == node)
                });
                (behind.last(), false)
            },
            Placement::Before(instance) => (self.find(node, instance), true),
            Placement::After(instance) => (self.find(node, instance), false),
        };
        let Some(anchor) = anchor.map(|anchor| anchor.raw()) else {
            return matches!(placement, Placement::First | Placement::Last);
        };
        if anchor == child {
            return true;
        }
        // SAFETY: anchor and child are siblings of this tree.
        unsafe {
            if before {
                ffi::lyd_insert_before(anchor, child);
            } else {
                ffi::lyd_insert_after(anchor, child);
            }
            if self.node.is_null() {
                while !(*(*self.tree.root).prev).next.is_null() {
                    self.tree.root = (*self.tree.root).prev;
                }
            }
        }
        true
    }
}

/// Frees a node with all below it.
///
/// # Safety
/// `node` belongs to `tree`, and nobody holds a pointer to it or below it.
pub(in crate::yang) unsafe fn detach(tree: &mut Tree, node: *mut ffi::lyd_node) {
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
pub(in crate::yang) unsafe fn attach_top(
    tree: &mut Tree,
    parent: *mut ffi::lyd_node,
    node: *mut ffi::lyd_node,
) {
    if parent.is_null() {
        // SAFETY: the caller's promise; the root is null or the first of the top-level nodes.
        unsafe { ffi::lyd_insert_sibling(tree.root, node, &mut tree.root) };
    }
}

/// Makes a container or operation, at the top of the tree or below `parent`.
///
/// # Safety
/// `parent` is null or a node of `tree`.
pub(in crate::yang) unsafe fn new_inner(
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
pub(in crate::yang) unsafe fn new_term(
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
        let found = borrowed(canonical).map(str::to_owned);
        if !canonical.is_null() {
            ffi::lydict_remove(schema.raw(), canonical);
        }
        Ok(found.unwrap_or_else(|| value.to_owned()))
    }
}
