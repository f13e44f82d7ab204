//! What each rule of the schema depends on, worked out once: which rules a change can break, and where.
//!
//! libyang names the schema nodes that an expression reads (its atoms). A rule is looked at again when one of them
//! comes, goes or changes, and only below the innermost list entry that holds its owner and all its atoms: the rule's
//! scope. What cannot be narrowed down so is marked: a change there has the whole configuration validated.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::ffi::CStr;
use std::ptr;

use libyang5_sys as ffi;

use crate::yang::expression::{Expression, atoms, expression};
use crate::yang::schema::Schema;
use crate::yang::schema_node::{NodeKind, SchemaId, SchemaNode, array};
use crate::yang::when_order::{WhenNode, in_order};

/// The rules of a schema.
#[derive(Default)]
pub(in crate::yang) struct Rules {
    pub(in crate::yang) all: Vec<Rule>,
    /// Rules of the node itself.
    pub(in crate::yang) own: HashMap<SchemaId, Vec<usize>>,
    /// Rules that read the node or something below it.
    pub(in crate::yang) read_by: HashMap<SchemaId, Vec<usize>>,
    /// Nodes at which a change has everything validated, and why.
    pub(in crate::yang) whole: HashMap<SchemaId, &'static str>,
    /// Rules that may read anything: looked at in every commit, wherever their owners are.
    pub(in crate::yang) anywhere: Vec<usize>,
    /// What must stand below a node, by the node; `None` for the top.
    pub(in crate::yang) below: HashMap<Option<SchemaId>, Demands>,
    /// For a data node right inside a case: the data nodes of the case. Not for default cases.
    pub(in crate::yang) cased: HashMap<SchemaId, Vec<SchemaId>>,
    /// The other data nodes of the outermost choice that a node stands in.
    pub(in crate::yang) mates: HashMap<SchemaId, Vec<SchemaId>>,
    /// Nodes of choices with choices inside. Which defaults libyang puts there depends on what was there before.
    pub(in crate::yang) nested: HashSet<SchemaId>,
    /// Those nodes, and all nodes above them.
    pub(in crate::yang) holds_nested: HashSet<SchemaId>,
    /// The nodes that hang on whens, in the order in which whole trees resolve them.
    pub(in crate::yang) whens: Vec<WhenNode>,
    /// Those of them that stand by default below a node.
    pub(in crate::yang) whens_below: HashMap<SchemaId, Vec<usize>>,
    /// The same by themselves.
    pub(in crate::yang) defaults_under_whens: HashMap<SchemaId, usize>,
    /// Nodes that hang on whens, and all nodes above them.
    pub(in crate::yang) holds_when: HashSet<SchemaId>,
    /// Why no change can be validated on its own.
    pub(in crate::yang) hopeless: Option<&'static str>,
    /// What the whens of a node read; `None` where it may be anything.
    when_reads: HashMap<SchemaId, Option<Vec<SchemaId>>>,
}

/// One must, when or reference.
pub(in crate::yang) struct Rule {
    /// Whose rule it is.
    pub(in crate::yang) owner: SchemaId,
    pub(in crate::yang) test: Test,
    /// The list whose entry holds the owner and all that the rule reads; `None` for the whole tree.
    pub(in crate::yang) scope: Option<SchemaId>,
    /// Data nodes from below the scope to the owner.
    pub(in crate::yang) way: Vec<SchemaId>,
}

/// How a rule is looked at.
pub(in crate::yang) enum Test {
    /// A must: the expression is true at the node.
    Must(Expression),
    /// A when: the expression is true at the node, or at its parent.
    When { expression: Expression, at_parent: bool },
    /// A value that refers to something: it is there.
    Reference {
        /// The leaf that a reference without predicates leads to.
        target: Option<SchemaId>,
    },
    /// A value of a union with a member that refers to something: it is one of that member still.
    Union,
}

/// What must stand, or stands by default, below a node or in a case.
#[derive(Default)]
pub(in crate::yang) struct Demands {
    /// Nodes that must be there.
    pub(in crate::yang) mandatory: Vec<SchemaId>,
    /// Lists and leaf-lists with a limit or with values that must be unique.
    pub(in crate::yang) limited: Vec<Limited>,
    pub(in crate::yang) choices: Vec<Choice>,
    /// Nodes that are put there when they are missing.
    pub(in crate::yang) defaults: Vec<SchemaId>,
}

/// A list or leaf-list with limits.
pub(in crate::yang) struct Limited {
    pub(in crate::yang) node: SchemaId,
    pub(in crate::yang) least: u32,
    pub(in crate::yang) most: Option<u32>,
    /// Each a set of leaves, as ways from the entry.
    pub(in crate::yang) uniques: Vec<Vec<Vec<SchemaId>>>,
}

/// A choice.
pub(in crate::yang) struct Choice {
    pub(in crate::yang) is_mandatory: bool,
    /// The data nodes of each case, and what the case demands when one of them is there.
    pub(in crate::yang) cases: Vec<(Vec<SchemaId>, Demands)>,
}

impl Demands {
    /// Whether nothing is demanded.
    fn is_empty(&self) -> bool {
        self.mandatory.is_empty()
            && self.limited.is_empty()
            && self.choices.is_empty()
            && self.defaults.is_empty()
    }

    /// Whether a default may come or go with a choice.
    pub(in crate::yang) fn has_choice_defaults(&self) -> bool {
        self.choices.iter().any(|choice| {
            choice
                .cases
                .iter()
                .any(|(_, case)| !case.defaults.is_empty() || case.has_choice_defaults())
        })
    }
}

impl Rules {
    /// Works the rules of a schema out.
    pub(in crate::yang) fn of(schema: &Schema) -> Rules {
        let mut rules = Rules::default();
        let mut tops: Vec<SchemaNode<'_>> = Vec::new();
        for top in schema.top_nodes().filter(SchemaNode::is_config) {
            if !matches!(top.kind(), NodeKind::Operation | NodeKind::Notification) {
                rules.visit(top);
                tops.push(top);
            }
        }
        rules.note_mates(&tops);
        for module in schema.modules() {
            // SAFETY: the module belongs to the schema; an implemented one is compiled.
            let first = unsafe {
                let compiled = (*module.raw()).compiled;
                if compiled.is_null() {
                    ptr::null()
                } else {
                    (*compiled).data.cast_const()
                }
            };
            let demands = rules.demands(schema, first);
            let top = rules.below.entry(None).or_default();
            top.mandatory.extend(demands.mandatory);
            top.limited.extend(demands.limited);
            top.choices.extend(demands.choices);
            top.defaults.extend(demands.defaults);
        }
        rules.whens = in_order(schema, &rules.when_reads);
        for node in rules.when_reads.keys().filter_map(|id| schema.node(*id)) {
            rules.holds_when.extend(upwards(node).iter().map(SchemaNode::id));
        }
        for (index, when) in rules.whens.iter().enumerate() {
            if let Some(parent) = when.stands_by_default_below() {
                rules.whens_below.entry(parent).or_default().push(index);
                rules.defaults_under_whens.insert(when.node, index);
            }
        }
        rules
    }

    fn visit(&mut self, node: SchemaNode<'_>) {
        self.expressions(node);
        self.references(node);
        if node.is_term() {
            return;
        }
        let children: Vec<SchemaNode<'_>> = node.children().filter(is_configured).collect();
        self.note_mates(&children);
        // SAFETY: the node belongs to the schema.
        let first = unsafe { ffi::lysc_node_child(node.raw()) };
        let demands = self.demands(node.schema(), first);
        if !demands.is_empty() {
            self.below.insert(Some(node.id()), demands);
        }
        for child in children {
            self.visit(child);
        }
    }

    fn note_mates(&mut self, siblings: &[SchemaNode<'_>]) {
        let choice_of = |node: &SchemaNode<'_>| node.cases().last().map(|(choice, _)| *choice);
        for node in siblings {
            let Some(choice) = choice_of(node) else { continue };
            let all: Vec<&SchemaNode<'_>> = siblings
                .iter()
                .filter(|mate| choice_of(mate) == Some(choice))
                .collect();
            if all.iter().any(|mate| mate.cases().len() > 1) {
                self.nested.insert(node.id());
                self.holds_nested
                    .extend(upwards(*node).iter().map(SchemaNode::id));
            }
            let mates = all.into_iter().filter(|mate| *mate != node);
            self.mates.insert(node.id(), mates.map(SchemaNode::id).collect());
        }
    }

    /// Must and when statements.
    fn expressions(&mut self, node: SchemaNode<'_>) {
        let raw = node.raw();
        // SAFETY: the node and all that it points to belong to the schema.
        unsafe {
            for must in array(ffi::lysc_node_musts(raw)) {
                let expression = expression(must.cond, must.prefixes, (*raw).module);
                let atoms = atoms(node.schema(), raw, (*raw).module, must.cond, must.prefixes);
                self.add(node, Test::Must(expression), atoms);
            }
            let mut holder = raw;
            let must_be_there = node.is_mandatory() || least_of(node) > 0 || in_mandatory_choice(node);
            let stands_at_top = is_put_there(node) && node.parent().is_none();
            loop {
                for when in array(ffi::lysc_node_when(holder)) {
                    let when = &**when;
                    let expression = expression(when.cond, when.prefixes, (*holder).module);
                    let at_parent = !ptr::eq(when.context, holder);
                    let atoms = atoms(
                        node.schema(),
                        when.context,
                        (*holder).module,
                        when.cond,
                        when.prefixes,
                    );
                    let reads = self
                        .when_reads
                        .entry(node.id())
                        .or_insert_with(|| Some(Vec::new()));
                    *reads = reads.take().zip(atoms.as_ref()).map(|(mut reads, atoms)| {
                        reads.extend(atoms.iter().map(SchemaNode::id));
                        reads
                    });
                    if must_be_there || stands_at_top || (at_parent && when.context.is_null()) {
                        // Whether it is put there or must be there hangs on the expression.
                        const WHY: &str = "a when decides on what is mandatory";
                        self.mark_whole(node, WHY);
                        for atom in atoms.iter().flatten() {
                            self.mark_whole(*atom, WHY);
                        }
                        if atoms.is_none() {
                            self.hopeless = Some(WHY);
                        }
                    }
                    self.add(
                        node,
                        Test::When {
                            expression,
                            at_parent,
                        },
                        atoms,
                    );
                }
                holder = (*holder).parent;
                if holder.is_null() || u32::from((*holder).nodetype) & (ffi::LYS_CHOICE | ffi::LYS_CASE) == 0
                {
                    break;
                }
            }
        }
    }

    fn references(&mut self, node: SchemaNode<'_>) {
        if !node.is_term() {
            return;
        }
        use ffi::LY_DATA_TYPE as base;
        let raw = node.raw();
        // SAFETY: a leaf or leaf-list has its type at this place; the base type says what it is in full.
        unsafe {
            let kind = (*raw.cast::<ffi::lysc_node_leaf>()).type_.cast_const();
            match (*kind).basetype {
                base::LY_TYPE_LEAFREF => {
                    let reference = &*kind.cast::<ffi::lysc_type_leafref>();
                    if reference.require_instance == 0 {
                        return;
                    }
                    let atoms = atoms(
                        node.schema(),
                        raw,
                        (*raw).module,
                        reference.path,
                        reference.prefixes,
                    );
                    let text = CStr::from_ptr(ffi::lyxp_get_expr(reference.path)).to_bytes();
                    let is_plain = !text.contains(&b'[') && !text.contains(&b'(');
                    let target = atoms.as_ref().and_then(|atoms| {
                        let mut terms = atoms.iter().filter(|atom| atom.is_term() && **atom != node);
                        let target = terms.next()?;
                        (is_plain && terms.next().is_none()).then_some(target.id())
                    });
                    self.add(node, Test::Reference { target }, atoms);
                }
                base::LY_TYPE_INST if (*kind.cast::<ffi::lysc_type_instanceid>()).require_instance != 0 => {
                    self.add(node, Test::Reference { target: None }, None);
                }
                base::LY_TYPE_UNION => {
                    let members = array((*kind.cast::<ffi::lysc_type_union>()).types);
                    if !members.iter().any(|member| refers(*member)) {
                        return;
                    }
                    let mut read = Some(Vec::new());
                    for member in members {
                        let found = match (**member).basetype {
                            base::LY_TYPE_LEAFREF => {
                                let reference = &*member.cast::<ffi::lysc_type_leafref>();
                                let (path, prefixes) = (reference.path, reference.prefixes);
                                atoms(node.schema(), raw, (*raw).module, path, prefixes)
                            }
                            base::LY_TYPE_INST | base::LY_TYPE_UNION => None,
                            _ => Some(Vec::new()),
                        };
                        read = read.zip(found).map(|(mut read, found)| {
                            read.extend(found);
                            read
                        });
                    }
                    self.add(node, Test::Union, read);
                }
                _ => {}
            }
        }
    }

    /// Notes a rule. Without atoms it may read anything.
    fn add(&mut self, owner: SchemaNode<'_>, test: Test, atoms: Option<Vec<SchemaNode<'_>>>) {
        let id = self.all.len();
        let ancestors = upwards(owner);
        let scope = atoms.as_ref().and_then(|atoms| {
            ancestors
                .iter()
                .filter(|ancestor| ancestor.kind() == NodeKind::List)
                .find(|list| atoms.iter().all(|atom| upwards(*atom).contains(list)))
                .map(SchemaNode::id)
        });
        let mut way: Vec<SchemaId> = ancestors
            .iter()
            .map(SchemaNode::id)
            .take_while(|ancestor| Some(*ancestor) != scope)
            .collect();
        way.reverse();
        self.own.entry(owner.id()).or_default().push(id);
        match &atoms {
            None => self.anywhere.push(id),
            Some(atoms) => {
                let only = match test {
                    Test::Reference { target } => target,
                    _ => None,
                };
                let read: BTreeSet<SchemaId> = atoms
                    .iter()
                    .filter(|atom| only.is_none_or(|target| target == atom.id()))
                    .flat_map(|atom| {
                        let mut up = Vec::new();
                        for node in upwards(*atom) {
                            up.push(node.id());
                            if Some(node.id()) == scope {
                                break;
                            }
                        }
                        up
                    })
                    .collect();
                for node in read {
                    self.read_by.entry(node).or_default().push(id);
                }
            }
        }
        self.all.push(Rule {
            owner: owner.id(),
            test,
            scope,
            way,
        });
    }

    fn mark_whole(&mut self, node: SchemaNode<'_>, why: &'static str) {
        for node in upwards(node) {
            self.whole.entry(node.id()).or_insert(why);
        }
    }

    /// What the schema nodes from `first` on demand of the data below their parent.
    fn demands(&mut self, schema: &Schema, first: *const ffi::lysc_node) -> Demands {
        let mut demands = Demands::default();
        let mut raw = first;
        // SAFETY: null or schema nodes beside each other, all of this schema.
        while let Some(node) = unsafe { SchemaNode::from_raw(schema, raw) } {
            // SAFETY: as above.
            let (kind, next) = unsafe { (u32::from((*raw).nodetype), (*raw).next.cast_const()) };
            raw = next;
            if !node.is_config() {
                continue;
            }
            // With a when it is looked at only where everything is: see `mark_whole`.
            let is_free = !has_when(node);
            match kind {
                ffi::LYS_CHOICE => demands.choices.push(self.choice(node)),
                ffi::LYS_LIST | ffi::LYS_LEAFLIST => {
                    let (least, most) = node.element_limits().unwrap_or((0, None));
                    let least = if is_free { least } else { 0 };
                    let uniques = uniques(node);
                    if least > 0 || most.is_some() || !uniques.is_empty() {
                        demands.limited.push(Limited {
                            node: node.id(),
                            least,
                            most,
                            uniques,
                        });
                    }
                }
                ffi::LYS_LEAF | ffi::LYS_CONTAINER if is_free && node.is_mandatory() && !node.is_key() => {
                    demands.mandatory.push(node.id());
                }
                _ => {}
            }
            if kind != ffi::LYS_CHOICE && is_put_there(node) && !has_when(node) {
                demands.defaults.push(node.id());
            }
        }
        demands
    }

    fn choice(&mut self, choice: SchemaNode<'_>) -> Choice {
        let schema = choice.schema();
        let mut cases = Vec::new();
        // SAFETY: a choice's children are its cases, kept by the schema; a choice is in full a `lysc_node_choice`.
        unsafe {
            let default = (*choice.raw().cast::<ffi::lysc_node_choice>()).dflt;
            let mut case = ffi::lysc_node_child(choice.raw());
            while !case.is_null() {
                let mut data = Vec::new();
                let mut last = ptr::null();
                loop {
                    last = ffi::lys_getnext(last, case, ptr::null(), 0);
                    match SchemaNode::from_raw(schema, last) {
                        Some(node) => data.push(node.id()),
                        None => break,
                    }
                }
                if !ptr::eq(case, default.cast()) {
                    for node in &data {
                        if ptr::eq((*node.address()).parent, case) {
                            self.cased.insert(*node, data.clone());
                        }
                    }
                }
                cases.push((data, self.demands(schema, ffi::lysc_node_child(case))));
                case = (*case).next;
            }
        }
        Choice {
            is_mandatory: choice.is_mandatory() && !has_when(choice),
            cases,
        }
    }
}

pub(in crate::yang) fn is_configured(node: &SchemaNode<'_>) -> bool {
    node.is_config() && !matches!(node.kind(), NodeKind::Operation | NodeKind::Notification)
}

/// The node and its data parents, innermost first.
pub(in crate::yang) fn upwards(node: SchemaNode<'_>) -> Vec<SchemaNode<'_>> {
    std::iter::successors(Some(node), SchemaNode::parent).collect()
}

/// The data nodes from the top down to a node.
pub(in crate::yang) fn way_from_top(node: SchemaNode<'_>) -> Vec<SchemaId> {
    let is_data = |node: &SchemaNode<'_>| {
        // SAFETY: the node belongs to its schema.
        let kind = unsafe { u32::from((*node.raw()).nodetype) };
        kind & (ffi::LYS_INPUT | ffi::LYS_OUTPUT) == 0
    };
    let mut way: Vec<SchemaId> = upwards(node)
        .into_iter()
        .filter(is_data)
        .map(|node| node.id())
        .collect();
    way.reverse();
    way
}

/// Whether it is put there when it is missing.
pub(in crate::yang) fn is_put_there(node: SchemaNode<'_>) -> bool {
    match node.kind() {
        NodeKind::Container { presence } => !presence,
        NodeKind::Leaf => node.default_value().is_some(),
        // SAFETY: a leaf-list node is in full a `lysc_node_leaflist`.
        NodeKind::LeafList => unsafe {
            !array((*node.raw().cast::<ffi::lysc_node_leaflist>()).dflts).is_empty()
        },
        _ => false,
    }
}

/// Whether a when decides on it: its own or that of a choice or case around it.
pub(in crate::yang) fn has_when(node: SchemaNode<'_>) -> bool {
    let mut holder = node.raw();
    // SAFETY: a node's parents are null or nodes of its schema.
    unsafe {
        loop {
            if !array(ffi::lysc_node_when(holder)).is_empty() {
                return true;
            }
            holder = (*holder).parent;
            if holder.is_null() || u32::from((*holder).nodetype) & (ffi::LYS_CHOICE | ffi::LYS_CASE) == 0 {
                return false;
            }
        }
    }
}

fn in_mandatory_choice(node: SchemaNode<'_>) -> bool {
    let schema = node.schema();
    node.cases().iter().any(|(choice, _)| {
        // SAFETY: a choice around a node belongs to its schema.
        unsafe { SchemaNode::from_raw(schema, choice.address()) }.is_some_and(|choice| choice.is_mandatory())
    })
}

fn least_of(node: SchemaNode<'_>) -> u32 {
    node.element_limits().map_or(0, |(least, _)| least)
}

pub(in crate::yang) fn uniques(node: SchemaNode<'_>) -> Vec<Vec<Vec<SchemaId>>> {
    if node.kind() != NodeKind::List {
        return Vec::new();
    }
    // SAFETY: a list node is in full a `lysc_node_list`; its unique statements are arrays of its leaves.
    unsafe {
        let seen_by_libyang = (*node.raw().cast::<ffi::lysc_node_list>()).uniques;
        let uniques = node.schema().withheld().uniques_of(node.id());
        array(uniques.unwrap_or(seen_by_libyang))
            .iter()
            .map(|leaves| {
                array(*leaves)
                    .iter()
                    .filter_map(|leaf| SchemaNode::from_raw(node.schema(), leaf.cast()))
                    .map(|leaf| {
                        let mut way: Vec<SchemaId> = upwards(leaf)
                            .into_iter()
                            .take_while(|above| *above != node)
                            .map(|above| above.id())
                            .collect();
                        way.reverse();
                        way
                    })
                    .collect()
            })
            .collect()
    }
}

/// # Safety
/// `kind` is a compiled type.
unsafe fn refers(kind: *const ffi::lysc_type) -> bool {
    use ffi::LY_DATA_TYPE as base;
    // SAFETY: the caller's promise.
    let kind = unsafe { (*kind).basetype };
    matches!(
        kind,
        base::LY_TYPE_LEAFREF | base::LY_TYPE_INST | base::LY_TYPE_UNION
    )
}
