//! Owned data trees and the handle that reads them.

use std::ffi::CString;
use std::fmt;
use std::marker::PhantomData;
use std::ptr::{self, NonNull};
use std::sync::Arc;

use libyang5_sys as ffi;

use crate::yang::path::{Instance, InstancePath, Step};
use crate::yang::schema::Schema;
use crate::yang::schema_node::{NodeKind, SchemaId, SchemaNode, borrowed};

/// A configuration or a state: the top-level nodes with all below them.
///
/// Invariant: every leaf and leaf-list node carries its canonical text (libyang fills some of them on first read),
/// so reading through `&Tree` never writes and a tree can be shared between threads.
pub struct Tree {
    schema: Arc<Schema>,
    /// The first top-level node, or null.
    pub(in crate::yang) root: *mut ffi::lyd_node,
}

// SAFETY: a tree owns its nodes alone; libyang has no thread-bound state in them.
unsafe impl Send for Tree {}
// SAFETY: `&Tree` only reads, thanks to the invariant above; everything that writes takes `&mut Tree`.
unsafe impl Sync for Tree {}

impl Tree {
    /// A tree without nodes.
    pub fn empty(schema: &Arc<Schema>) -> Tree {
        Tree {
            schema: Arc::clone(schema),
            root: ptr::null_mut(),
        }
    }

    /// The schema it was made with.
    pub fn schema(&self) -> &Arc<Schema> {
        &self.schema
    }

    /// Whether it has no nodes at all.
    pub fn is_empty(&self) -> bool {
        self.root.is_null()
    }

    /// The top-level nodes.
    pub fn roots(&self) -> Siblings<'_> {
        // SAFETY: the root is null or a node of this tree.
        unsafe { Siblings::new(&self.schema, self.root) }
    }

    /// A top-level node, `module:name`.
    pub fn root(&self, name: &str) -> Option<NodeRef<'_>> {
        self.roots().find(|node| node.is_named(name))
    }

    /// The node at a path such as `/m:list[key='value']/leaf`; `None` when the path is wrong or leads nowhere.
    pub fn find(&self, path: &str) -> Option<NodeRef<'_>> {
        self.locate(&InstancePath::parse(path).ok()?)
    }

    /// The node at a path.
    pub fn locate(&self, path: &InstancePath) -> Option<NodeRef<'_>> {
        let mut here: Option<NodeRef<'_>> = None;
        for step in path.steps() {
            let (node, siblings) = match here {
                None => (self.schema.top(&step.module, &step.name)?, self.root),
                Some(parent) => (
                    parent.schema().child(&step.module, &step.name)?,
                    parent.first_child(),
                ),
            };
            // SAFETY: `siblings` is null or the first node among siblings of this tree.
            here = Some(unsafe { find_instance(&self.schema, siblings, node, &step.instance)? });
        }
        here
    }

    /// A copy that shares nothing.
    pub fn duplicate(&self) -> Tree {
        let mut copy = ptr::null_mut();
        if !self.root.is_null() {
            // SAFETY: the root is the first of its siblings. Canonical texts come along, so the invariant holds.
            let result = unsafe {
                ffi::lyd_dup_siblings(
                    self.root,
                    ptr::null_mut(),
                    ffi::LYD_DUP_RECURSIVE | ffi::LYD_DUP_WITH_FLAGS | ffi::LYD_DUP_NO_META,
                    &mut copy,
                )
            };
            // Duplicating well-formed nodes fails for want of memory only.
            assert_eq!(result, ffi::LY_ERR::LY_SUCCESS, "no memory to copy a data tree");
            // SAFETY: the copy is a list of siblings that nobody else knows.
            unsafe { fill_canonical_texts(copy) };
        }
        Tree {
            schema: Arc::clone(&self.schema),
            root: copy,
        }
    }
}

impl Drop for Tree {
    fn drop(&mut self) {
        // SAFETY: the tree owns its nodes; null is allowed.
        unsafe { ffi::lyd_free_all(self.root) };
    }
}

impl fmt::Debug for Tree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.roots()).finish()
    }
}

/// A node of a tree, for reading.
#[derive(Clone, Copy)]
pub struct NodeRef<'t> {
    schema: SchemaNode<'t>,
    raw: NonNull<ffi::lyd_node>,
    tree: PhantomData<&'t Tree>,
}

// SAFETY: reads a tree that is borrowed for as long, and trees may be read by any thread.
unsafe impl Send for NodeRef<'_> {}
// SAFETY: as above.
unsafe impl Sync for NodeRef<'_> {}

impl<'t> NodeRef<'t> {
    /// # Safety
    /// `raw` is null or a typed node of a tree of `schema` that is not written to during `'t`.
    pub(in crate::yang) unsafe fn from_raw(
        schema: &'t Schema,
        raw: *mut ffi::lyd_node,
    ) -> Option<NodeRef<'t>> {
        let raw = NonNull::new(raw)?;
        // SAFETY: the caller's promise.
        unsafe {
            let kind = SchemaNode::from_raw(schema, raw.as_ref().schema)?;
            Some(NodeRef::of(kind, raw))
        }
    }

    /// # Safety
    /// `raw` is an instance of `schema` in a tree that is not written to during `'t`.
    pub(in crate::yang) unsafe fn of(schema: SchemaNode<'t>, raw: NonNull<ffi::lyd_node>) -> NodeRef<'t> {
        NodeRef {
            schema,
            raw,
            tree: PhantomData,
        }
    }

    pub(in crate::yang) fn raw(&self) -> *mut ffi::lyd_node {
        self.raw.as_ptr()
    }

    /// Tells nodes of one tree apart.
    pub(in crate::yang) fn address(&self) -> *const () {
        self.raw.as_ptr().cast_const().cast()
    }

    fn node(&self) -> &'t ffi::lyd_node {
        // SAFETY: the node lives and stays unchanged during `'t`.
        unsafe { self.raw.as_ref() }
    }

    /// What it is an instance of.
    pub fn schema(&self) -> SchemaNode<'t> {
        self.schema
    }

    /// Identity of its schema node.
    pub fn schema_id(&self) -> SchemaId {
        self.schema().id()
    }

    /// Its name.
    pub fn name(&self) -> &'t str {
        self.schema().name()
    }

    /// Name of its module.
    pub fn module(&self) -> &'t str {
        self.schema().module()
    }

    /// Its XML namespace.
    pub fn namespace(&self) -> &'t str {
        self.schema().namespace()
    }

    /// Whether it has this name, `name` or `module:name`.
    pub fn is_named(&self, name: &str) -> bool {
        match name.split_once(':') {
            Some((module, name)) => self.name() == name && self.module() == module,
            None => self.name() == name,
        }
    }

    /// Whether it is a list entry.
    pub fn is_list(&self) -> bool {
        self.schema().kind() == NodeKind::List
    }

    /// Whether the schema, not a client, put it there: a default, or a container that holds nothing else.
    pub fn is_default(&self) -> bool {
        self.node().flags & ffi::LYD_DEFAULT != 0
    }

    /// Whether a leaf or leaf-list entry has a value that it would have without anybody setting it. Keys have no default.
    pub fn has_default_value(&self) -> bool {
        if !self.schema().is_term() || self.schema().is_key() {
            return false;
        }
        // SAFETY: a live typed node, which is only read.
        unsafe { ffi::lyd_is_default(self.raw()) != 0 }
    }

    /// Whether somebody configured it or something below it. Keys and presence count, empty structure does not.
    pub fn is_explicit(&self) -> bool {
        if self.is_default() {
            return false;
        }
        !self.schema().is_structure_only() || self.children().any(|child| child.is_explicit())
    }

    /// The canonical value of a leaf or leaf-list entry; identities carry their module's name.
    pub fn value(&self) -> Option<&'t str> {
        if !self.schema().is_term() {
            return None;
        }
        // SAFETY: a leaf or leaf-list node is in full a `lyd_node_term`, and its canonical text is filled (see `Tree`).
        unsafe { borrowed((*self.raw().cast::<ffi::lyd_node_term>()).value._canonical) }
    }

    /// Whether its value is an identity, a path or an expression, so that it mentions modules by name.
    pub(in crate::yang) fn value_names_modules(&self) -> bool {
        if !self.schema().is_term() {
            return false;
        }
        // SAFETY: a leaf or leaf-list node is in full a `lyd_node_term` with a type; a union value has a member's.
        unsafe {
            let value = &(*self.raw().cast::<ffi::lyd_node_term>()).value;
            let mut kind = value.realtype;
            if (*kind).basetype == ffi::LY_DATA_TYPE::LY_TYPE_UNION {
                let member = value.__bindgen_anon_1.subvalue;
                kind = (*member).value.realtype;
            }
            match (*kind).basetype {
                ffi::LY_DATA_TYPE::LY_TYPE_IDENT | ffi::LY_DATA_TYPE::LY_TYPE_INST => true,
                ffi::LY_DATA_TYPE::LY_TYPE_STRING => {
                    self.schema.schema().is_expression_type((*kind).plugin_ref)
                }
                _ => false,
            }
        }
    }

    pub(in crate::yang) fn first_child(&self) -> *mut ffi::lyd_node {
        // SAFETY: the node lives during `'t`.
        unsafe { first_child(self.raw()) }
    }

    /// Its children.
    pub fn children(&self) -> Siblings<'t> {
        // SAFETY: children live as long as their parent.
        unsafe { Siblings::new(self.schema.schema(), self.first_child()) }
    }

    /// The first child with this name, `name` or `module:name`.
    pub fn child(&self, name: &str) -> Option<NodeRef<'t>> {
        self.children().find(|child| child.is_named(name))
    }

    /// All children with this name: the entries of a list or leaf-list.
    pub fn children_named<'n>(&self, name: &'n str) -> impl Iterator<Item = NodeRef<'t>> + use<'t, 'n> {
        self.children().filter(move |child| child.is_named(name))
    }

    /// The value of the child leaf with this name.
    pub fn leaf(&self, name: &str) -> Option<&'t str> {
        self.child(name)?.value()
    }

    /// A node further down, names separated by slashes: `optics/rx-voa/target-power`.
    pub fn descendant(&self, path: &str) -> Option<NodeRef<'t>> {
        path.split('/').try_fold(*self, |node, name| node.child(name))
    }

    /// Names and values of a list entry's keys.
    pub fn keys(&self) -> impl Iterator<Item = (&'t str, &'t str)> + use<'t> {
        self.children()
            .take_while(|child| child.schema().is_key())
            .filter_map(|key| Some((key.name(), key.value()?)))
    }

    /// Its parent.
    pub fn parent(&self) -> Option<NodeRef<'t>> {
        // SAFETY: a parent lives as long as its children.
        unsafe { NodeRef::from_raw(self.schema.schema(), self.node().parent) }
    }

    /// Which instance of its schema node it is.
    pub fn instance(&self) -> Instance {
        match self.schema().kind() {
            NodeKind::List if self.schema().is_keyless() => Instance::Position(self.position()),
            NodeKind::List => Instance::Keys(
                self.keys()
                    .map(|(name, value)| (name.to_owned(), value.to_owned()))
                    .collect(),
            ),
            NodeKind::LeafList => Instance::Value(self.value().unwrap_or_default().to_owned()),
            _ => Instance::Single,
        }
    }

    /// Its place among the instances of its schema node, from 1.
    fn position(&self) -> usize {
        let siblings = match self.parent() {
            Some(parent) => parent.children(),
            // SAFETY: going to the first sibling of a live node; `prev` of the first is the last.
            None => unsafe {
                let mut first = self.raw();
                while !(*(*first).prev).next.is_null() {
                    first = (*first).prev;
                }
                Siblings::new(self.schema.schema(), first)
            },
        };
        1 + siblings
            .filter(|sibling| sibling.schema_id() == self.schema_id())
            .take_while(|sibling| sibling != self)
            .count()
    }

    /// Its path.
    pub fn instance_path(&self) -> InstancePath {
        let mut upwards = vec![*self];
        while let Some(parent) = upwards.last().and_then(NodeRef::parent) {
            upwards.push(parent);
        }
        let mut path = InstancePath::root();
        for node in upwards.iter().rev() {
            path.push(Step {
                module: node.module().to_owned(),
                name: node.name().to_owned(),
                instance: node.instance(),
            });
        }
        path
    }

    /// Its path as text, a module name where the module changes.
    pub fn path(&self) -> String {
        self.instance_path().to_string()
    }

    /// The first child that is an instance of a schema node; hashed, whatever the number of siblings.
    pub fn instance_of(&self, node: SchemaNode<'_>) -> Option<NodeRef<'t>> {
        // SAFETY: the children live during `'t`.
        unsafe { find_single(self.schema.schema(), self.first_child(), node) }
    }

    /// The list entry among the children with these key values; hashed.
    pub fn entry(&self, list: SchemaNode<'_>, keys: &[&str]) -> Option<NodeRef<'t>> {
        // SAFETY: the children live during `'t`.
        unsafe { find_entry(self.schema.schema(), self.first_child(), list, keys) }
    }

    /// The sibling before it, when that is an instance of the same schema node.
    pub fn previous_of_kind(&self) -> Option<NodeRef<'t>> {
        // SAFETY: siblings live as long as the tree; `prev` of the first sibling leads round to the last.
        let previous = unsafe {
            let previous = self.node().prev;
            if (*previous).next.is_null() {
                None
            } else {
                NodeRef::from_raw(self.schema.schema(), previous)
            }
        };
        previous.filter(|previous| previous.schema_id() == self.schema_id())
    }

    /// The next sibling.
    pub fn next_sibling(&self) -> Option<NodeRef<'t>> {
        // SAFETY: siblings live as long as the tree.
        unsafe { NodeRef::from_raw(self.schema.schema(), self.node().next) }
    }
}

impl PartialEq for NodeRef<'_> {
    fn eq(&self, other: &NodeRef<'_>) -> bool {
        self.raw == other.raw
    }
}

impl Eq for NodeRef<'_> {}

impl fmt::Debug for NodeRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.path())?;
        match self.value() {
            Some(value) => write!(f, " = {value:?}"),
            None => Ok(()),
        }
    }
}

/// Siblings from one node on.
pub struct Siblings<'t> {
    schema: &'t Schema,
    next: *mut ffi::lyd_node,
    tree: PhantomData<&'t Tree>,
}

impl<'t> Siblings<'t> {
    /// # Safety
    /// `first` is null or a typed node that lives, unchanged, during `'t`.
    pub(in crate::yang) unsafe fn new(schema: &'t Schema, first: *mut ffi::lyd_node) -> Siblings<'t> {
        Siblings {
            schema,
            next: first,
            tree: PhantomData,
        }
    }
}

impl<'t> Iterator for Siblings<'t> {
    type Item = NodeRef<'t>;

    fn next(&mut self) -> Option<NodeRef<'t>> {
        // SAFETY: `next` is null or a live sibling.
        unsafe {
            let found = NodeRef::from_raw(self.schema, self.next)?;
            self.next = (*self.next).next;
            Some(found)
        }
    }
}

/// # Safety
/// `node` is a live typed node.
pub(in crate::yang) unsafe fn first_child(node: *mut ffi::lyd_node) -> *mut ffi::lyd_node {
    const WITH_CHILDREN: u32 =
        ffi::LYS_CONTAINER | ffi::LYS_LIST | ffi::LYS_RPC | ffi::LYS_ACTION | ffi::LYS_NOTIF;
    // SAFETY: the caller's promise; such nodes are in full a `lyd_node_inner`.
    unsafe {
        if u32::from((*(*node).schema).nodetype) & WITH_CHILDREN != 0 {
            (*node.cast::<ffi::lyd_node_inner>()).child
        } else {
            ptr::null_mut()
        }
    }
}

/// Fills the canonical texts of all leaves from a node on, siblings and descendants.
///
/// # Safety
/// `first` is null or a node that nobody else reads or writes meanwhile.
pub(in crate::yang) unsafe fn fill_canonical_texts(first: *mut ffi::lyd_node) {
    let mut node = first;
    // SAFETY: the caller's promise.
    unsafe {
        while !node.is_null() {
            fill_canonical_text(node);
            fill_canonical_texts(first_child(node));
            node = (*node).next;
        }
    }
}

/// Fills the canonical text of one leaf.
///
/// # Safety
/// `node` is a typed node that nobody else reads or writes meanwhile.
pub(in crate::yang) unsafe fn fill_canonical_text(node: *mut ffi::lyd_node) {
    // SAFETY: the caller's promise; leaf and leaf-list nodes are in full a `lyd_node_term`.
    unsafe {
        let schema = (*node).schema;
        if u32::from((*schema).nodetype) & (ffi::LYS_LEAF | ffi::LYS_LEAFLIST) == 0 {
            return;
        }
        let value = &mut (*node.cast::<ffi::lyd_node_term>()).value;
        if value._canonical.is_null() {
            // Every type that works its text out late remembers it in `_canonical`.
            ffi::lyd_value_get_canonical((*(*schema).module).ctx, value);
        }
    }
}

/// # Safety
/// `siblings` is null or a live node among siblings.
pub(in crate::yang) unsafe fn find_single<'t>(
    schema: &'t Schema,
    siblings: *mut ffi::lyd_node,
    node: SchemaNode<'_>,
) -> Option<NodeRef<'t>> {
    if siblings.is_null() {
        return None;
    }
    let mut found = ptr::null_mut();
    // SAFETY: the caller's promise; a null value asks for the first instance.
    unsafe {
        ffi::lyd_find_sibling_val(siblings, node.raw(), ptr::null(), 0, &mut found);
        NodeRef::from_raw(schema, found)
    }
}

/// # Safety
/// `siblings` is null or a live node among siblings.
unsafe fn find_value<'t>(
    schema: &'t Schema,
    siblings: *mut ffi::lyd_node,
    node: SchemaNode<'_>,
    value: &str,
) -> Option<NodeRef<'t>> {
    let (value, length) = (CString::new(value).ok()?, u32::try_from(value.len()).ok()?);
    if siblings.is_null() {
        return None;
    }
    let mut found = ptr::null_mut();
    // SAFETY: the caller's promise; the value has the length given.
    let result =
        unsafe { ffi::lyd_find_sibling_val(siblings, node.raw(), value.as_ptr(), length, &mut found) };
    if result != ffi::LY_ERR::LY_SUCCESS {
        schema.take_errors();
        return None;
    }
    // SAFETY: what was found is one of the siblings.
    unsafe { NodeRef::from_raw(schema, found) }
}

/// # Safety
/// `siblings` is null or a live node among siblings.
pub(in crate::yang) unsafe fn find_entry<'t>(
    schema: &'t Schema,
    siblings: *mut ffi::lyd_node,
    list: SchemaNode<'_>,
    keys: &[&str],
) -> Option<NodeRef<'t>> {
    if siblings.is_null() || list.is_keyless() || list.keys().count() != keys.len() {
        return None;
    }
    // SAFETY: libyang compares with an entry that stands below a parent of the same kind, so a shallow copy of the
    // parent is made for it; both are freed at once. The siblings themselves are only read.
    unsafe {
        let mut parent = ptr::null_mut();
        if !(*siblings).parent.is_null() {
            let options = ffi::LYD_DUP_NO_META;
            ffi::lyd_dup_single((*siblings).parent, ptr::null_mut(), options, &mut parent);
        }
        let mut found = ptr::null_mut();
        let like = crate::yang::place::new_list_entry(schema, parent, list, keys);
        if let Ok(like) = like {
            ffi::lyd_find_sibling_first(siblings, like, &mut found);
            ffi::lyd_free_tree(like);
        }
        ffi::lyd_free_tree(parent);
        NodeRef::from_raw(schema, found)
    }
}

/// # Safety
/// `siblings` is null or the first node among live siblings.
pub(in crate::yang) unsafe fn find_instance<'t>(
    schema: &'t Schema,
    siblings: *mut ffi::lyd_node,
    node: SchemaNode<'_>,
    instance: &Instance,
) -> Option<NodeRef<'t>> {
    // SAFETY: the caller's promise.
    unsafe {
        match instance {
            Instance::Single if matches!(node.kind(), NodeKind::List | NodeKind::LeafList) => None,
            Instance::Single => find_single(schema, siblings, node),
            Instance::Value(value) => find_value(schema, siblings, node, value),
            Instance::Keys(keys) => {
                let mut values = Vec::with_capacity(keys.len());
                for key in node.keys() {
                    values.push(keys.iter().find(|(name, _)| name == key.name())?.1.as_str());
                }
                find_entry(schema, siblings, node, &values)
            }
            Instance::Position(position) => Siblings::new(schema, siblings)
                .filter(|sibling| sibling.schema() == node)
                .nth(position.checked_sub(1)?),
        }
    }
}
