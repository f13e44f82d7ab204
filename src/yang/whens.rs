//! Resolves the whens of a whole tree, each after those that it reads, before libyang looks at the tree.
//!
//! libyang resolves them itself, but from the end of the tree to its start, against nodes that may go afterwards, and
//! with its queue pointing into what it takes away. So everything is done here first: missing defaults are put there,
//! nodes whose `when` no longer holds go, defaults under a `when` come (see [`crate::yang::withheld`]), and every node
//! left is marked as allowed. libyang then finds nothing to resolve.

use std::ptr;
use std::sync::Arc;

use libyang5_sys as ffi;

use crate::yang::localised::mark_default;
use crate::yang::path::InstancePath;
use crate::yang::place::{attach_top, detach, new_inner, new_term};
use crate::yang::rules::{Demands, Rules, Test, has_when};
use crate::yang::schema::{LibraryError, Schema};
use crate::yang::schema_node::{NodeKind, SchemaId, SchemaNode, array, borrowed};
use crate::yang::tree::{self, NodeRef, Siblings, Tree};
use crate::yang::when_order::WhenNode;
use crate::yang::withheld::each_parent;

/// What resolving came to.
#[derive(Default)]
pub(in crate::yang) struct Resolved {
    /// Configured nodes that went.
    pub(in crate::yang) removed: Vec<InstancePath>,
    /// New nodes that are not allowed, and whens that cannot be evaluated.
    pub(in crate::yang) errors: Vec<LibraryError>,
    /// Whether anything came or went.
    pub(in crate::yang) is_changed: bool,
    /// Whether a node that hangs on a when stands inside another.
    pub(in crate::yang) is_nested: bool,
}

impl Tree {
    /// Whether a node that stands by default under a when is missing below a node.
    ///
    /// # Safety
    /// `parent` is a node of this tree.
    pub(in crate::yang) unsafe fn lacks(&mut self, when: &WhenNode, parent: *mut ffi::lyd_node) -> bool {
        let schema = Arc::clone(self.schema());
        let made = self.pass(&schema, |pass| {
            // SAFETY: the caller's promise.
            unsafe { pass.put(when, parent) }
        });
        let is_missing = !made.is_empty();
        for node in made {
            // SAFETY: it was made just now, and nobody else knows it.
            unsafe { detach(self, node) };
        }
        is_missing
    }

    /// Puts a node that stands by default under a when below a node, where it is missing.
    ///
    /// # Safety
    /// `parent` is a node of this tree.
    pub(in crate::yang) unsafe fn put_missing(
        &mut self,
        when: &WhenNode,
        parent: *mut ffi::lyd_node,
    ) -> Vec<*mut ffi::lyd_node> {
        let schema = Arc::clone(self.schema());
        self.pass(&schema, |pass| {
            // SAFETY: the caller's promise.
            unsafe { pass.put(when, parent) }
        })
    }

    fn pass<T>(&mut self, schema: &Schema, then: impl FnOnce(&mut Pass<'_>) -> T) -> T {
        let mut pass = Pass {
            schema,
            rules: schema.rules(),
            tree: self,
            found: Resolved::default(),
        };
        let result = then(&mut pass);
        schema.take_errors();
        result
    }

    /// Puts defaults where they belong and resolves the whens, once over.
    pub(in crate::yang) fn resolve_whens(&mut self) -> Resolved {
        let schema = Arc::clone(self.schema());
        let mut pass = Pass {
            schema: &schema,
            rules: schema.rules(),
            tree: self,
            found: Resolved::default(),
        };
        // SAFETY: the tree is ours alone; all nodes belong to it.
        unsafe {
            pass.clear_leftovers(ptr::null_mut());
            pass.put_tops();
            for when in &pass.rules.whens {
                pass.each(when);
            }
        }
        let found = pass.found;
        schema.take_errors();
        found
    }
}

struct Pass<'a> {
    schema: &'a Schema,
    rules: &'a Rules,
    tree: &'a mut Tree,
    found: Resolved,
}

impl Pass<'_> {
    fn children(&self, parent: *mut ffi::lyd_node) -> Vec<*mut ffi::lyd_node> {
        // SAFETY: null or a live node of the tree.
        unsafe {
            let first = self.first(parent);
            Siblings::new(self.schema, first).map(|node| node.raw()).collect()
        }
    }

    /// # Safety
    /// `parent` is null or a live node of the tree.
    unsafe fn first(&self, parent: *mut ffi::lyd_node) -> *mut ffi::lyd_node {
        if parent.is_null() {
            self.tree.root
        } else {
            // SAFETY: the caller's promise.
            unsafe { tree::first_child(parent) }
        }
    }

    /// Takes away the defaults of cases that are not there, from the bottom up.
    ///
    /// # Safety
    /// `parent` is null or a node of the tree, which is ours alone.
    unsafe fn clear_leftovers(&mut self, parent: *mut ffi::lyd_node) {
        for child in self.children(parent) {
            // SAFETY: the child lives: only nodes below it have gone so far.
            unsafe {
                if !tree::first_child(child).is_null() {
                    self.clear_leftovers(child);
                    mark_default(self.schema, child);
                }
            }
        }
        // SAFETY: null or a live node.
        let kind = unsafe { NodeRef::from_raw(self.schema, parent) }.map(|node| node.schema_id());
        let rules = self.rules;
        if let Some(demands) = rules.below.get(&kind) {
            // SAFETY: the caller's promise.
            unsafe { self.clear_choices(parent, demands) };
        }
    }

    /// # Safety
    /// As for [`Pass::clear_leftovers`].
    unsafe fn clear_choices(&mut self, parent: *mut ffi::lyd_node, demands: &Demands) {
        for choice in &demands.choices {
            let is_configured = |pass: &Self, data: &[SchemaId]| {
                // SAFETY: live nodes.
                unsafe { Siblings::new(pass.schema, pass.first(parent)) }
                    .any(|node| !node.is_default() && data.contains(&node.schema_id()))
            };
            let configured: Vec<bool> = choice
                .cases
                .iter()
                .map(|(data, _)| is_configured(self, data))
                .collect();
            let is_any = configured.contains(&true);
            for ((data, inner), is_configured) in choice.cases.iter().zip(configured) {
                let mut gone: Vec<*mut ffi::lyd_node> = Vec::new();
                for child in self.children(parent) {
                    // SAFETY: a live node of the tree.
                    let Some(node) = (unsafe { NodeRef::from_raw(self.schema, child) }) else {
                        continue;
                    };
                    let id = node.schema_id();
                    let is_leftover = is_any || self.rules.cased.contains_key(&id);
                    if !is_configured && is_leftover && node.is_default() && data.contains(&id) {
                        gone.push(child);
                    }
                }
                for node in gone {
                    self.found.is_changed = true;
                    // SAFETY: a node of the tree that nobody points to.
                    unsafe { detach(self.tree, node) };
                }
                // SAFETY: the caller's promise.
                unsafe { self.clear_choices(parent, inner) };
            }
        }
    }

    /// Puts defaults and structure there, below each top-level node and, where they are missing, at the top.
    ///
    /// # Safety
    /// The tree is ours alone.
    unsafe fn put_tops(&mut self) {
        // SAFETY: the caller's promise.
        unsafe {
            if let Some(demands) = self.rules.below.get(&None) {
                if demands.has_choice_defaults() {
                    const NO_STATE: u32 = ffi::LYD_IMPLICIT_NO_STATE;
                    ffi::lyd_new_implicit_all(
                        &mut self.tree.root,
                        self.schema.raw(),
                        NO_STATE,
                        ptr::null_mut(),
                    );
                }
                for id in &demands.defaults {
                    let Some(node) = self.schema.node(*id).filter(|node| !has_when(*node)) else {
                        continue;
                    };
                    if tree::find_single(self.schema, self.tree.root, node).is_none() {
                        self.make(ptr::null_mut(), node);
                    }
                }
            }
            for top in self.children(ptr::null_mut()) {
                self.put_below(top);
            }
        }
    }

    /// # Safety
    /// `node` belongs to the tree, which is ours alone.
    unsafe fn put_below(&mut self, node: *mut ffi::lyd_node) {
        // SAFETY: the caller's promise; the difference is ours.
        unsafe {
            if u32::from((*(*node).schema).nodetype) & (ffi::LYS_CONTAINER | ffi::LYS_LIST) == 0 {
                return;
            }
            let mut difference = ptr::null_mut();
            ffi::lyd_new_implicit_tree(node, ffi::LYD_IMPLICIT_NO_STATE, &mut difference);
            self.found.is_changed |= !difference.is_null();
            ffi::lyd_free_all(difference);
        }
    }

    /// # Safety
    /// The tree is ours alone.
    unsafe fn each(&mut self, when: &WhenNode) {
        let mut parents = Vec::new();
        if when.above.is_empty() {
            parents.push(ptr::null_mut());
        } else if let Some((last, above)) = when.above.split_last()
            && let Some(last) = self.schema.node(*last)
        {
            // SAFETY: the caller's promise; nothing changes while the parents are looked for.
            unsafe {
                each_parent(self.schema, self.tree.root, above, &mut |siblings| {
                    let mut here = tree::find_single(self.schema, siblings, last);
                    while let Some(node) = here {
                        parents.push(node.raw());
                        here = node.next_sibling().filter(|next| next.schema() == last);
                    }
                });
            }
        }
        for parent in parents {
            // SAFETY: a parent lives: only nodes below parents of this kind go.
            unsafe { self.at(when, parent) };
        }
    }

    /// Looks at the instances below one parent.
    ///
    /// # Safety
    /// `parent` is null or a node of the tree, which is ours alone.
    unsafe fn at(&mut self, when: &WhenNode, parent: *mut ffi::lyd_node) {
        let Some(schema) = self.schema.node(when.node) else {
            return;
        };
        // SAFETY: the caller's promise.
        unsafe {
            let first = tree::find_single(self.schema, self.first(parent), schema);
            let there: Vec<*mut ffi::lyd_node> = std::iter::successors(first, |node| {
                node.next_sibling().filter(|next| next.schema() == schema)
            })
            .map(|node| node.raw())
            .collect();
            self.found.is_nested |= when.is_nested && !there.is_empty();
            let mut is_gone = false;
            for node in &there {
                is_gone |= self.judge(*node);
            }
            if is_gone {
                // Another case may stand by default now.
                if parent.is_null() {
                    self.put_tops();
                } else {
                    self.put_below(parent);
                }
            }
            if there.is_empty() && when.is_put_there {
                let made = self.put(when, parent);
                self.found.is_changed |= !made.is_empty();
                self.found.is_nested |= !made.is_empty() && when.is_nested;
                for node in made {
                    self.put_below(node);
                }
            }
        }
    }

    /// Puts a node that stands by default there, where it is missing and its whens and cases let it. A when that
    /// cannot be evaluated is noted.
    ///
    /// # Safety
    /// As for [`Pass::at`].
    unsafe fn put(&mut self, when: &WhenNode, parent: *mut ffi::lyd_node) -> Vec<*mut ffi::lyd_node> {
        let Some(schema) = self.schema.node(when.node) else {
            return Vec::new();
        };
        // SAFETY: the caller's promise; what is not allowed goes again.
        unsafe {
            let is_there = tree::find_single(self.schema, self.first(parent), schema).is_some();
            if is_there || !self.is_open(when, parent) {
                return Vec::new();
            }
            let mut kept = Vec::new();
            for node in self.make(parent, schema) {
                match self.broken_when(node) {
                    Ok(None) => {
                        (*node).flags |= ffi::LYD_WHEN_TRUE;
                        kept.push(node);
                    }
                    Ok(Some(_)) => detach(self.tree, node),
                    Err(error) => {
                        detach(self.tree, node);
                        self.found.errors.push(error);
                    }
                }
            }
            kept
        }
    }

    /// Whether the cases around a node let it stand.
    ///
    /// # Safety
    /// As for [`Pass::at`].
    unsafe fn is_open(&self, when: &WhenNode, parent: *mut ffi::lyd_node) -> bool {
        let is_there = |id: &SchemaId| {
            // SAFETY: the caller's promise.
            self.schema.node(*id).is_some_and(|node| unsafe {
                tree::find_single(self.schema, self.first(parent), node).is_some()
            })
        };
        when.cases.iter().all(|case| {
            case.same.iter().any(is_there) || (case.is_default && !case.other.iter().any(is_there))
        })
    }

    /// Whether an instance went because its whens do not hold; a new one is not allowed then.
    ///
    /// # Safety
    /// `node` belongs to the tree, which is ours alone.
    unsafe fn judge(&mut self, node: *mut ffi::lyd_node) -> bool {
        // SAFETY: the caller's promise.
        unsafe {
            let condition = match self.broken_when(node) {
                Ok(None) => {
                    (*node).flags |= ffi::LYD_WHEN_TRUE;
                    return false;
                }
                Ok(Some(condition)) => condition,
                Err(error) => {
                    self.found.errors.push(error);
                    return false;
                }
            };
            let Some(here) = NodeRef::from_raw(self.schema, node) else {
                return false;
            };
            if (*node).flags & (ffi::LYD_WHEN_TRUE | ffi::LYD_DEFAULT) == 0 {
                self.found.errors.push(LibraryError {
                    data_path: Some(here.path()),
                    ..LibraryError::new(format!("When condition \"{condition}\" not satisfied."))
                });
                return false;
            }
            if here.is_explicit() {
                self.found.removed.push(here.instance_path());
            }
            self.found.is_changed = true;
            detach(self.tree, node);
            true
        }
    }

    /// The first when of a node that does not hold.
    ///
    /// # Safety
    /// `node` belongs to the tree.
    unsafe fn broken_when(&self, node: *mut ffi::lyd_node) -> Result<Option<String>, LibraryError> {
        // SAFETY: the caller's promise.
        let Some(here) = (unsafe { NodeRef::from_raw(self.schema, node) }) else {
            return Ok(None);
        };
        for id in self.rules.own.get(&here.schema_id()).into_iter().flatten() {
            let Some(Test::When {
                expression,
                at_parent,
            }) = self.rules.all.get(*id).map(|rule| &rule.test)
            else {
                continue;
            };
            let at = match (at_parent, here.parent()) {
                (false, _) => node,
                (true, Some(parent)) => parent.raw(),
                (true, None) => ptr::null_mut(),
            };
            let text = expression.text.to_string_lossy().into_owned();
            // SAFETY: the caller's promise.
            match unsafe { expression.holds(self.tree.root, at) } {
                Some(true) => {}
                Some(false) => return Ok(Some(text)),
                None => {
                    let reasons = self.schema.take_errors();
                    let reason = reasons.first().map(|error| error.message.as_str());
                    let reason = reason.unwrap_or("libyang does not say why");
                    return Err(LibraryError {
                        data_path: Some(here.path()),
                        ..LibraryError::new(format!(
                            "The condition \"{text}\" of a when cannot be evaluated: {reason}"
                        ))
                    });
                }
            }
        }
        Ok(None)
    }

    /// Makes a node that stands by default, without what stands in it.
    ///
    /// # Safety
    /// `parent` is null or a node of the tree, which is ours alone.
    unsafe fn make(&mut self, parent: *mut ffi::lyd_node, node: SchemaNode<'_>) -> Vec<*mut ffi::lyd_node> {
        // SAFETY: the caller's promise; leaf and leaf-list nodes are in full what they are cast to.
        unsafe {
            // Inserting takes the mark from structure above, which is no more configured than before.
            let mut marked = Vec::new();
            let mut above = parent;
            while !above.is_null() && (*above).flags & ffi::LYD_DEFAULT != 0 {
                marked.push(above);
                above = (*above).parent;
            }
            let mut made = Vec::new();
            match node.kind() {
                NodeKind::Container { .. } => made.extend(new_inner(self.tree, parent, node).ok()),
                NodeKind::Leaf => {
                    let leaf = &*node.raw().cast::<ffi::lysc_node_leaf>();
                    made.extend(self.default_term(parent, node, &leaf.dflt));
                }
                NodeKind::LeafList => {
                    let list = &*node.raw().cast::<ffi::lysc_node_leaflist>();
                    for default in array(list.dflts) {
                        made.extend(self.default_term(parent, node, default));
                    }
                }
                _ => {}
            }
            for node in &made {
                (**node).flags = ffi::LYD_DEFAULT;
            }
            for node in marked {
                (*node).flags |= ffi::LYD_DEFAULT;
            }
            made
        }
    }

    /// # Safety
    /// As for [`Pass::make`].
    unsafe fn default_term(
        &mut self,
        parent: *mut ffi::lyd_node,
        node: SchemaNode<'_>,
        default: &ffi::lysc_value,
    ) -> Option<*mut ffi::lyd_node> {
        let mut canonical = ptr::null();
        // SAFETY: value and prefixes are the node's own; a text that comes back holds one reference, given up here.
        unsafe {
            ffi::lyd_value_validate_dflt(
                node.raw(),
                default.str_,
                default.prefixes,
                ptr::null(),
                ptr::null_mut(),
                &mut canonical,
            );
            let value = borrowed(canonical).map(str::to_owned);
            if !canonical.is_null() {
                ffi::lydict_remove(self.schema.raw(), canonical);
            }
            let made = new_term(self.schema, parent, node, &value?).ok()?;
            attach_top(self.tree, parent, made);
            Some(made)
        }
    }
}
