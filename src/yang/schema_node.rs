//! A node of the compiled schema, as a safe handle.

use std::ffi::{CStr, c_char};
use std::fmt;
use std::ptr::{self, NonNull};

use libyang5_sys as ffi;

use crate::yang::compiled_type::{type_plugins, value_rule, value_traits};
use crate::yang::schema::{Module, Schema};
use crate::yang::value_rule::{ValueRule, ValueTraits};

/// A schema node; lives as long as the schema it came from.
#[derive(Clone, Copy)]
pub struct SchemaNode<'s> {
    schema: &'s Schema,
    raw: NonNull<ffi::lysc_node>,
}

/// Tells schema nodes of one schema apart; cheap to compare and to keep in a map.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct SchemaId(usize);

impl SchemaId {
    pub(in crate::yang) fn address(self) -> *const ffi::lysc_node {
        ptr::with_exposed_provenance(self.0)
    }
}

/// Tells modules of one schema apart, cheaper than by name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ModuleId(usize);

/// What a schema node is. Choices and cases are not data and never show.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum NodeKind {
    /// A container; without `presence` it has no meaning of its own.
    Container {
        /// Whether it means something by being there.
        presence: bool,
    },
    /// A list.
    List,
    /// A leaf.
    Leaf,
    /// A leaf-list.
    LeafList,
    /// anydata or anyxml.
    AnyData,
    /// An RPC or action.
    Operation,
    /// A notification.
    Notification,
}

/// What nobody may do with a node, and what is below it, unless an access rule permits it (RFC 8341 section 3.3).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DefaultDeny {
    /// `default-deny-write`
    Write,
    /// `default-deny-all`
    All,
}

/// A `must` of a node.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Must {
    /// The XPath expression.
    pub expression: String,
    /// Its `error-message`.
    pub message: Option<String>,
    /// Its `error-app-tag`.
    pub app_tag: Option<String>,
}

impl<'s> SchemaNode<'s> {
    /// # Safety
    /// `raw` is a node of `schema`.
    pub(in crate::yang) unsafe fn new(schema: &'s Schema, raw: NonNull<ffi::lysc_node>) -> SchemaNode<'s> {
        SchemaNode { schema, raw }
    }

    /// # Safety
    /// `raw` is null or points to a node of `schema`.
    pub(in crate::yang) unsafe fn from_raw(schema: &'s Schema, raw: *const ffi::lysc_node) -> Option<Self> {
        NonNull::new(raw.cast_mut()).map(|raw| SchemaNode { schema, raw })
    }

    pub(in crate::yang) fn raw(&self) -> *const ffi::lysc_node {
        self.raw.as_ptr()
    }

    fn node(&self) -> &'s ffi::lysc_node {
        // SAFETY: schema nodes live, unchanged, as long as their context, which `schema` keeps.
        unsafe { self.raw.as_ref() }
    }

    /// The schema it belongs to.
    pub fn schema(&self) -> &'s Schema {
        self.schema
    }

    /// Its identity.
    pub fn id(&self) -> SchemaId {
        SchemaId(self.raw.as_ptr().expose_provenance())
    }

    /// Its name.
    pub fn name(&self) -> &'s str {
        // SAFETY: every schema node has a name, kept by the context.
        unsafe { borrowed(self.node().name) }.unwrap_or("?")
    }

    fn module_pointer(&self) -> &'s ffi::lys_module {
        // SAFETY: every schema node has a module, kept by the context.
        unsafe { &*self.node().module }
    }

    /// Name of the module that defines it.
    pub fn module(&self) -> &'s str {
        // SAFETY: every module has a name, kept by the context.
        unsafe { borrowed(self.module_pointer().name) }.unwrap_or("?")
    }

    /// Identity of the module that defines it.
    pub fn module_id(&self) -> ModuleId {
        ModuleId(self.node().module.addr())
    }

    /// Its XML namespace.
    pub fn namespace(&self) -> &'s str {
        // SAFETY: every module has a namespace, kept by the context.
        unsafe { borrowed(self.module_pointer().ns) }.unwrap_or("?")
    }

    fn raw_kind(&self) -> u32 {
        u32::from(self.node().nodetype)
    }

    fn has_flag(&self, flag: u32) -> bool {
        u32::from(self.node().flags) & flag != 0
    }

    /// What it is.
    pub fn kind(&self) -> NodeKind {
        match self.raw_kind() {
            ffi::LYS_CONTAINER => NodeKind::Container {
                presence: self.has_flag(ffi::LYS_PRESENCE),
            },
            ffi::LYS_LIST => NodeKind::List,
            ffi::LYS_LEAF => NodeKind::Leaf,
            ffi::LYS_LEAFLIST => NodeKind::LeafList,
            ffi::LYS_RPC | ffi::LYS_ACTION => NodeKind::Operation,
            ffi::LYS_NOTIF => NodeKind::Notification,
            _ => NodeKind::AnyData,
        }
    }

    /// Whether it is a leaf or leaf-list.
    pub fn is_term(&self) -> bool {
        matches!(self.kind(), NodeKind::Leaf | NodeKind::LeafList)
    }

    /// Whether it is a container without meaning of its own.
    pub fn is_structure_only(&self) -> bool {
        self.kind() == NodeKind::Container { presence: false }
    }

    /// Whether it is configuration.
    pub fn is_config(&self) -> bool {
        self.has_flag(ffi::LYS_CONFIG_W)
    }

    /// Whether it is a key of its list.
    pub fn is_key(&self) -> bool {
        self.kind() == NodeKind::Leaf && self.has_flag(ffi::LYS_KEY)
    }

    /// Whether clients order its entries.
    pub fn is_user_ordered(&self) -> bool {
        matches!(self.kind(), NodeKind::List | NodeKind::LeafList) && self.has_flag(ffi::LYS_ORDBY_USER)
    }

    /// Whether it is a list without keys.
    pub fn is_keyless(&self) -> bool {
        self.kind() == NodeKind::List && self.has_flag(ffi::LYS_KEYLESS)
    }

    /// Whether it must be there.
    pub fn is_mandatory(&self) -> bool {
        self.has_flag(ffi::LYS_MAND_TRUE)
    }

    /// Whether it stands in the output of an operation.
    pub(in crate::yang) fn is_output(&self) -> bool {
        self.has_flag(ffi::LYS_IS_OUTPUT)
    }

    /// The description.
    pub fn description(&self) -> Option<&'s str> {
        // SAFETY: null or a text kept by the context.
        unsafe { borrowed(self.node().dsc) }
    }

    /// The default of a leaf, as the module writes it.
    pub fn default_value(&self) -> Option<&'s str> {
        if self.kind() != NodeKind::Leaf {
            return None;
        }
        // SAFETY: a leaf node begins with the common part and is in full a `lysc_node_leaf`.
        let leaf = unsafe { &*self.raw().cast::<ffi::lysc_node_leaf>() };
        // SAFETY: null or a text kept by the context.
        unsafe { borrowed(leaf.dflt.str_) }
    }

    /// The units of a leaf or leaf-list.
    pub fn units(&self) -> Option<&'s str> {
        let units = match self.kind() {
            // SAFETY: a leaf node is in full a `lysc_node_leaf`.
            NodeKind::Leaf => unsafe { (*self.raw().cast::<ffi::lysc_node_leaf>()).units },
            // SAFETY: a leaf-list node is in full a `lysc_node_leaflist`.
            NodeKind::LeafList => unsafe { (*self.raw().cast::<ffi::lysc_node_leaflist>()).units },
            _ => return None,
        };
        // SAFETY: null or a text kept by the context.
        unsafe { borrowed(units) }
    }

    /// `min-elements` and `max-elements` of a list or leaf-list; `None` for the most means no limit.
    pub fn element_limits(&self) -> Option<(u32, Option<u32>)> {
        let (least, most) = match self.kind() {
            // SAFETY: a list node is in full a `lysc_node_list`.
            NodeKind::List => unsafe {
                let list = &*self.raw().cast::<ffi::lysc_node_list>();
                (list.min, list.max)
            },
            // SAFETY: a leaf-list node is in full a `lysc_node_leaflist`.
            NodeKind::LeafList => unsafe {
                let list = &*self.raw().cast::<ffi::lysc_node_leaflist>();
                (list.min, list.max)
            },
            _ => return None,
        };
        // libyang has either 0 or the greatest number where the module sets no limit.
        Some((least, Some(most).filter(|most| *most != 0 && *most != u32::MAX)))
    }

    /// What values it takes; `None` for what is no leaf or leaf-list.
    pub fn value_rule(&self) -> Option<ValueRule> {
        if !self.is_term() {
            return None;
        }
        // SAFETY: leaf and leaf-list nodes have their type at the same place, and always have one.
        unsafe { Some(value_rule((*self.raw().cast::<ffi::lysc_node_leaf>()).type_)) }
    }

    /// libyang's numbers of its type, or of the members of its union.
    pub(in crate::yang) fn type_plugins(&self) -> Vec<usize> {
        if !self.is_term() {
            return Vec::new();
        }
        // SAFETY: leaf and leaf-list nodes have their type at the same place, and always have one.
        unsafe { type_plugins((*self.raw().cast::<ffi::lysc_node_leaf>()).type_) }
    }

    /// The same in short, without making anything; `None` for what is no leaf or leaf-list.
    pub fn value_traits(&self) -> Option<ValueTraits> {
        if !self.is_term() {
            return None;
        }
        // SAFETY: as for `value_rule`.
        unsafe { Some(value_traits((*self.raw().cast::<ffi::lysc_node_leaf>()).type_)) }
    }

    /// The parent data node, past choices and cases.
    pub fn parent(&self) -> Option<SchemaNode<'s>> {
        let mut parent = self.node().parent;
        // SAFETY: parents are null or schema nodes of the same context.
        unsafe {
            while !parent.is_null() && u32::from((*parent).nodetype) & (ffi::LYS_CHOICE | ffi::LYS_CASE) != 0
            {
                parent = (*parent).parent;
            }
            SchemaNode::from_raw(self.schema, parent)
        }
    }

    /// The cases that it stands in, innermost first: the choice and the case of each.
    pub fn cases(&self) -> Vec<(SchemaId, SchemaId)> {
        let mut found = Vec::new();
        let mut below = self.raw();
        let mut above = self.node().parent.cast_const();
        // SAFETY: parents are null or schema nodes of the same context.
        unsafe {
            while !above.is_null() {
                match u32::from((*above).nodetype) {
                    ffi::LYS_CHOICE => found.push((
                        SchemaId(above.expose_provenance()),
                        SchemaId(below.expose_provenance()),
                    )),
                    ffi::LYS_CASE => {}
                    _ => break,
                }
                below = above;
                above = (*above).parent;
            }
        }
        found
    }

    /// Whether it and a sibling exclude each other as different cases of one choice (RFC 7950 section 7.9).
    pub fn excludes(&self, sibling: &SchemaNode<'_>) -> bool {
        let theirs = sibling.cases();
        self.cases()
            .iter()
            .any(|(choice, case)| theirs.iter().any(|(c, other)| c == choice && other != case))
    }

    /// Child data nodes in schema order, past choices and cases; the input's for an operation.
    pub fn children(&self) -> impl Iterator<Item = SchemaNode<'s>> + use<'s> {
        Children::new(self.schema, self.raw(), ptr::null(), 0)
    }

    /// Child data nodes of an operation's output.
    pub fn output_children(&self) -> impl Iterator<Item = SchemaNode<'s>> + use<'s> {
        Children::new(self.schema, self.raw(), ptr::null(), ffi::LYS_GETNEXT_OUTPUT)
    }

    /// A child data node by module and name.
    pub fn child(&self, module: &str, name: &str) -> Option<SchemaNode<'s>> {
        self.find_child(self.schema.module(module)?, name, 0)
    }

    /// A child in an operation's output.
    pub fn output_child(&self, module: &str, name: &str) -> Option<SchemaNode<'s>> {
        self.find_child(self.schema.module(module)?, name, ffi::LYS_GETNEXT_OUTPUT)
    }

    fn find_child(&self, module: &Module, name: &str, options: u32) -> Option<SchemaNode<'s>> {
        find_child(self.schema, self.raw(), module, name, options)
    }

    /// The keys of a list in order.
    pub fn keys(&self) -> impl Iterator<Item = SchemaNode<'s>> + use<'s> {
        let is_list = self.kind() == NodeKind::List;
        self.children().take_while(move |child| is_list && child.is_key())
    }

    /// Its must statements.
    pub fn musts(&self) -> Vec<Must> {
        // SAFETY: the array and all it points to are kept by the context.
        unsafe {
            array(ffi::lysc_node_musts(self.raw()))
                .iter()
                .map(|must| Must {
                    expression: borrowed(ffi::lyxp_get_expr(must.cond))
                        .unwrap_or_default()
                        .to_owned(),
                    message: borrowed(must.emsg).map(str::to_owned),
                    app_tag: borrowed(must.eapptag).map(str::to_owned),
                })
                .collect()
        }
    }

    /// What its module closes unless an access rule opens it; what is closed above it is not looked at.
    pub fn default_deny(&self) -> Option<DefaultDeny> {
        // SAFETY: the array, the definitions and their names are kept by the context.
        let names = unsafe {
            array(self.node().exts).iter().map(|extension| {
                let definition = &*extension.def;
                let module = borrowed((*definition.module).name);
                (
                    module.unwrap_or_default(),
                    borrowed(definition.name).unwrap_or_default(),
                )
            })
        };
        names
            .filter_map(|name| match name {
                ("ietf-netconf-acm", "default-deny-write") => Some(DefaultDeny::Write),
                ("ietf-netconf-acm", "default-deny-all") => Some(DefaultDeny::All),
                _ => None,
            })
            .next()
    }

    /// The path without instances, a module name where the module changes: `/m:a/b/n:c`.
    pub fn path(&self) -> String {
        let mut steps = vec![*self];
        while let Some(parent) = steps.last().and_then(SchemaNode::parent) {
            steps.push(parent);
        }
        let mut path = String::new();
        let mut module = "";
        for step in steps.iter().rev() {
            path.push('/');
            if step.module() != module {
                module = step.module();
                path.push_str(module);
                path.push(':');
            }
            path.push_str(step.name());
        }
        path
    }

    pub(in crate::yang) fn find_top(
        schema: &'s Schema,
        module: &Module,
        name: &str,
    ) -> Option<SchemaNode<'s>> {
        find_child(schema, ptr::null(), module, name, 0).filter(|node| !node.is_added_by_the_library())
    }

    pub(in crate::yang) fn tops_of(
        schema: &'s Schema,
        module: &Module,
    ) -> impl Iterator<Item = SchemaNode<'s>> + use<'s> {
        // SAFETY: the module belongs to the schema.
        let compiled = unsafe { (*module.raw()).compiled };
        Children::new(schema, ptr::null(), compiled, 0)
            .take_while(move |_| !compiled.is_null())
            .filter(|node| !node.is_added_by_the_library())
    }

    /// libyang puts data nodes of its own into these modules, to parse replies with; no datastore may hold them.
    fn is_added_by_the_library(&self) -> bool {
        ["ietf-netconf", "yang"].contains(&self.module())
            && !matches!(self.kind(), NodeKind::Operation | NodeKind::Notification)
    }
}

impl PartialEq for SchemaNode<'_> {
    fn eq(&self, other: &SchemaNode<'_>) -> bool {
        self.raw == other.raw
    }
}

impl Eq for SchemaNode<'_> {}

impl fmt::Debug for SchemaNode<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.path())
    }
}

fn find_child<'s>(
    schema: &'s Schema,
    parent: *const ffi::lysc_node,
    module: &Module,
    name: &str,
    options: u32,
) -> Option<SchemaNode<'s>> {
    let length = u32::try_from(name.len()).ok().filter(|length| *length > 0)?;
    // SAFETY: parent (or null) and module belong to the schema, the name has the length given, and what is found
    // belongs to the schema too.
    unsafe {
        let found = ffi::lys_find_child(
            schema.raw(),
            parent,
            module.raw(),
            ptr::null(),
            0,
            name.as_ptr().cast::<c_char>(),
            length,
            options,
        );
        SchemaNode::from_raw(schema, found)
    }
}

/// Walks `lys_getnext`.
struct Children<'s> {
    schema: &'s Schema,
    parent: *const ffi::lysc_node,
    module: *const ffi::lysc_module,
    last: *const ffi::lysc_node,
    options: u32,
}

impl<'s> Children<'s> {
    fn new(
        schema: &'s Schema,
        parent: *const ffi::lysc_node,
        module: *const ffi::lysc_module,
        options: u32,
    ) -> Children<'s> {
        Children {
            schema,
            parent,
            module,
            last: ptr::null(),
            options,
        }
    }
}

impl<'s> Iterator for Children<'s> {
    type Item = SchemaNode<'s>;

    fn next(&mut self) -> Option<SchemaNode<'s>> {
        if self.parent.is_null() && self.module.is_null() {
            return None;
        }
        // SAFETY: parent, module and the last node found belong to the schema.
        unsafe {
            self.last = ffi::lys_getnext(self.last, self.parent, self.module, self.options);
            let found = SchemaNode::from_raw(self.schema, self.last);
            if found.is_none() {
                self.parent = ptr::null();
                self.module = ptr::null();
            }
            found
        }
    }
}

/// A libyang array: its length stands before its first item.
///
/// # Safety
/// `items` is null or such an array, alive for `'a`.
pub(in crate::yang) unsafe fn array<'a, T>(items: *const T) -> &'a [T] {
    if items.is_null() {
        return &[];
    }
    // SAFETY: the caller's promise; libyang keeps the count in the eight bytes before the items.
    unsafe {
        let count = items.cast::<u64>().sub(1).read_unaligned();
        std::slice::from_raw_parts(items, usize::try_from(count).unwrap_or(0))
    }
}

/// # Safety
/// `pointer` is null or a terminated string that lives for `'a`.
pub(in crate::yang) unsafe fn borrowed<'a>(pointer: *const c_char) -> Option<&'a str> {
    if pointer.is_null() {
        return None;
    }
    // SAFETY: the caller's promise.
    unsafe { CStr::from_ptr(pointer) }.to_str().ok()
}
