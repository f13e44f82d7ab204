//! Judging what a change can break: who reads it, what its parents demand, and the rules of what it brought.

use std::collections::HashSet;
use std::ptr;

use libyang5_sys as ffi;

use crate::yang::expression::Expression;
use crate::yang::localised::{Check, Localised, Step, Touch};
use crate::yang::path::InstancePath;
use crate::yang::rules::{Demands, Limited, Rule, Test};
use crate::yang::schema_node::{SchemaId, SchemaNode, borrowed};
use crate::yang::tree::{self, NodeRef, Siblings, Tree};
use crate::yang::withheld::equal_entries;

impl<'s> Check<'s> {
    /// Judges a place that changed: what stands there now, what its parents demand, and who reads it.
    pub(super) fn around(&mut self, tree: &Tree, touch: &Touch<'s>) -> Step {
        let mut siblings = tree.roots();
        let mut scopes: Vec<NodeRef<'_>> = Vec::new();
        let mut parent: Option<NodeRef<'_>> = None;
        for (depth, (step, node)) in touch.path.steps().iter().zip(&touch.chain).enumerate() {
            let is_last = depth + 1 == touch.chain.len();
            self.demanded(
                parent.map(|parent| parent.schema_id()),
                siblings,
                parent,
                (*node, is_last),
            )?;
            let found = match parent {
                None => tree.locate(&InstancePath::root().child(step.clone())),
                // SAFETY: the children live as long as the tree.
                Some(parent) => unsafe {
                    tree::find_instance(self.schema, parent.first_child(), *node, &step.instance)
                },
            };
            let Some(found) = found else { break };
            if is_last {
                self.subtree(tree, found)?;
            }
            scopes.push(found);
            parent = Some(found);
            siblings = found.children();
        }
        for (node, before) in &touch.before {
            for id in self.rules.read_by.get(node).into_iter().flatten() {
                let Some(rule) = self.rules.all.get(*id) else {
                    continue;
                };
                let scope = match rule.scope {
                    None => None,
                    Some(list) => match scopes.iter().find(|scope| scope.schema_id() == list) {
                        Some(scope) => Some(*scope),
                        // The scope went away, or came as a whole and was looked at.
                        None => continue,
                    },
                };
                if let Test::Reference { target: Some(target) } = rule.test {
                    self.referring(tree, *id, rule, scope, &self.values(before, target))?;
                } else {
                    self.everywhere(tree, *id, scope)?;
                }
            }
        }
        Ok(())
    }

    /// The values that a leaf had below nodes that were there before.
    fn values(&self, before: &[*mut ffi::lyd_node], target: SchemaId) -> HashSet<&'s str> {
        fn collect<'t>(node: NodeRef<'t>, target: SchemaId, found: &mut HashSet<&'t str>) {
            if node.schema_id() == target {
                found.extend(node.value());
            }
            for child in node.children() {
                collect(child, target, found);
            }
        }
        let mut found = HashSet::new();
        for node in before {
            // SAFETY: the tree before lives, unchanged, for as long as the check runs.
            if let Some(node) = unsafe { NodeRef::from_raw(self.schema, *node) } {
                collect(node, target, &mut found);
            }
        }
        found
    }

    /// References to values that may be gone.
    fn referring(
        &self,
        tree: &Tree,
        id: usize,
        rule: &Rule,
        scope: Option<NodeRef<'_>>,
        gone: &HashSet<&str>,
    ) -> Step {
        if gone.is_empty() {
            return Ok(());
        }
        self.owners(tree, rule, scope, &mut |owner| {
            if owner.value().is_some_and(|value| gone.contains(value)) {
                self.rule(tree, id, owner)
            } else {
                Ok(())
            }
        })
    }

    /// A rule wherever it applies in a scope, once.
    pub(super) fn everywhere(&mut self, tree: &Tree, id: usize, scope: Option<NodeRef<'_>>) -> Step {
        let at = scope.map_or(ptr::null_mut(), |scope| scope.raw());
        if !self.done.insert((id, at)) {
            return Ok(());
        }
        let Some(rule) = self.rules.all.get(id) else {
            return Ok(());
        };
        self.owners(tree, rule, scope, &mut |owner| self.rule(tree, id, owner))
    }

    fn owners(
        &self,
        tree: &Tree,
        rule: &Rule,
        scope: Option<NodeRef<'_>>,
        then: &mut dyn FnMut(NodeRef<'_>) -> Step,
    ) -> Step {
        let first = match scope {
            Some(scope) if rule.way.is_empty() => return then(scope),
            Some(scope) => scope.first_child(),
            None => tree.root,
        };
        self.descend(first, &rule.way, then)
    }

    fn descend(
        &self,
        siblings: *mut ffi::lyd_node,
        way: &[SchemaId],
        then: &mut dyn FnMut(NodeRef<'_>) -> Step,
    ) -> Step {
        let Some((next, rest)) = way.split_first() else {
            return Ok(());
        };
        let Some(schema) = self.schema.node(*next) else {
            return Ok(());
        };
        // SAFETY: the siblings belong to the tree, which nothing changes now.
        let mut here = unsafe { tree::find_single(self.schema, siblings, schema) };
        while let Some(node) = here {
            if rest.is_empty() {
                then(node)?;
            } else {
                self.descend(node.first_child(), rest, then)?;
            }
            here = node.next_sibling().filter(|next| next.schema() == schema);
        }
        Ok(())
    }

    /// All rules of a node and of what stands below it.
    pub(super) fn subtree(&mut self, tree: &Tree, node: NodeRef<'_>) -> Step {
        if self.are_whens_only && !self.rules.holds_when.contains(&node.schema_id()) {
            return Ok(());
        }
        for id in self.rules.own.get(&node.schema_id()).into_iter().flatten() {
            self.rule(tree, *id, node)?;
        }
        if node.schema().is_term() {
            return Ok(());
        }
        if let Some(demands) = self.rules.below.get(&Some(node.schema_id())) {
            self.demands(demands, node.first_child(), None)?;
        }
        for child in node.children() {
            self.subtree(tree, child)?;
        }
        Ok(())
    }

    /// What a parent demands, as far as one of its children changed.
    fn demanded(
        &self,
        parent: Option<SchemaId>,
        siblings: Siblings<'_>,
        here: Option<NodeRef<'_>>,
        changed: (SchemaNode<'_>, bool),
    ) -> Step {
        let Some(demands) = self.rules.below.get(&parent) else {
            return Ok(());
        };
        let first = match here {
            Some(here) => here.first_child(),
            None => siblings.map(|node| node.raw()).next().unwrap_or(ptr::null_mut()),
        };
        let (node, is_last) = changed;
        if here.is_none() {
            // At the top only what concerns the node: there are many modules.
            for limited in demands.limited.iter().filter(|limited| limited.node == node.id()) {
                self.limit(limited, first, is_last)?;
            }
            return Ok(());
        }
        let in_choice = !node.cases().is_empty();
        self.demands(demands, first, (!in_choice).then_some((node.id(), is_last)))
    }

    /// Mandatory nodes, limits and choices. `only` names the one child that changed and whether it came or went.
    fn demands(&self, demands: &Demands, first: *mut ffi::lyd_node, only: Option<(SchemaId, bool)>) -> Step {
        if self.are_whens_only {
            return Ok(());
        }
        let is_there = |id: &SchemaId| {
            let node = self.schema.node(*id);
            // SAFETY: the siblings belong to the tree, which nothing changes now.
            node.is_some_and(|node| unsafe { tree::find_single(self.schema, first, node).is_some() })
        };
        if !demands.mandatory.iter().all(is_there) {
            return Err(Localised::Invalid);
        }
        for limited in &demands.limited {
            match only {
                None => self.limit(limited, first, true)?,
                Some((node, is_last)) if limited.node == node => self.limit(limited, first, is_last)?,
                Some(_) => {}
            }
        }
        if only.is_some() {
            return Ok(());
        }
        for choice in &demands.choices {
            match choice.cases.iter().find(|(data, _)| data.iter().any(is_there)) {
                Some((_, case)) => self.demands(case, first, None)?,
                None if choice.is_mandatory => return Err(Localised::Invalid),
                None => {}
            }
        }
        Ok(())
    }

    fn limit(&self, limited: &Limited, first: *mut ffi::lyd_node, count_too: bool) -> Step {
        let Some(schema) = self.schema.node(limited.node).filter(|_| !self.are_whens_only) else {
            return Ok(());
        };
        // SAFETY: the siblings belong to the tree, which nothing changes now.
        let start = unsafe { tree::find_single(self.schema, first, schema) };
        if let Some(start) = start
            && !self.counted.borrow_mut().insert((start.raw(), count_too))
        {
            return Ok(());
        }
        let entries = || {
            std::iter::successors(start, |node| {
                node.next_sibling().filter(|next| next.schema() == schema)
            })
        };
        if count_too {
            let enough = limited.most.unwrap_or(limited.least) as usize + 1;
            let count = entries().take(enough).count();
            let too_many = limited.most.is_some_and(|most| count > most as usize);
            if count < limited.least as usize || too_many {
                return Err(Localised::Invalid);
            }
        }
        let is_broken = |leaves| equal_entries(self.schema, start, leaves).is_some();
        if limited.uniques.iter().any(|leaves| is_broken(leaves)) {
            return Err(Localised::Invalid);
        }
        Ok(())
    }

    /// One rule at one node.
    fn rule(&self, tree: &Tree, id: usize, node: NodeRef<'_>) -> Step {
        let Some(rule) = self.rules.all.get(id) else {
            return Ok(());
        };
        if matches!(rule.test, Test::When { .. }) != self.are_whens_only {
            return Ok(());
        }
        match &rule.test {
            Test::Must(expression) => {
                if holds(tree, expression, node.raw())? {
                    Ok(())
                } else {
                    Err(Localised::Invalid)
                }
            }
            Test::When {
                expression,
                at_parent,
            } => {
                let at = if *at_parent {
                    node.parent().map(|parent| parent.raw())
                } else {
                    Some(node.raw())
                };
                let at = at.ok_or(Localised::Whole("a when reads from the root"))?;
                if holds(tree, expression, at)? {
                    // SAFETY: the tree is ours alone while it is validated; libyang keeps this mark on nodes.
                    unsafe { (*node.raw()).flags |= ffi::LYD_WHEN_TRUE };
                    Ok(())
                } else {
                    Err(Localised::Whole("a when no longer holds"))
                }
            }
            Test::Union => self.union(node),
            Test::Reference { .. } => {
                let value = node.value().unwrap_or_default();
                let length =
                    u32::try_from(value.len()).map_err(|_| Localised::Whole("a value is too long"))?;
                // SAFETY: the value has the length given; the node belongs to the tree.
                let result = unsafe {
                    ffi::lyd_value_validate(
                        node.schema().raw(),
                        value.as_ptr().cast(),
                        length,
                        node.raw(),
                        ptr::null_mut(),
                        ptr::null_mut(),
                    )
                };
                if result == ffi::LY_ERR::LY_SUCCESS {
                    Ok(())
                } else {
                    self.schema.take_errors();
                    Err(Localised::Invalid)
                }
            }
        }
    }

    /// Validating everything tries the members of a union anew: whether that would change nothing.
    fn union(&self, node: NodeRef<'_>) -> Step {
        const CHANGED: Localised = Localised::Whole("a value may be one of another member of its union now");
        let value = node.value().unwrap_or_default();
        let length = u32::try_from(value.len()).map_err(|_| Localised::Whole("a value is too long"))?;
        let (mut kind, mut canonical) = (ptr::null(), ptr::null());
        // SAFETY: the node is a leaf or leaf-list entry of the tree, in full a `lyd_node_term`, and its value one of a
        // union; the text has the length given; a canonical text that comes back holds one reference, given up here.
        unsafe {
            let stored = &*(*node.raw().cast::<ffi::lyd_node_term>())
                .value
                .__bindgen_anon_1
                .subvalue;
            if !is_canonical(stored, value) {
                return Err(CHANGED);
            }
            let result = ffi::lyd_value_validate(
                node.schema().raw(),
                value.as_ptr().cast(),
                length,
                node.raw(),
                &mut kind,
                &mut canonical,
            );
            if result != ffi::LY_ERR::LY_SUCCESS {
                self.schema.take_errors();
                return Err(Localised::Invalid);
            }
            let is_same = borrowed(canonical) == Some(value) && ptr::eq(kind, stored.value.realtype);
            if !canonical.is_null() {
                ffi::lydict_remove(self.schema.raw(), canonical);
            }
            if is_same { Ok(()) } else { Err(CHANGED) }
        }
    }
}

/// The text that a union's value was made from, when it is the canonical one.
///
/// # Safety
/// `stored` is the value of a union.
unsafe fn is_canonical(stored: &ffi::lyd_value_union, canonical: &str) -> bool {
    let length = usize::try_from(stored.orig_size_bits / 8).unwrap_or(0);
    if stored.original.is_null() || stored.format != ffi::LY_VALUE_FORMAT::LY_VALUE_JSON {
        return false;
    }
    // SAFETY: libyang keeps the original text, which has this length.
    let original = unsafe { std::slice::from_raw_parts(stored.original.cast::<u8>().cast_const(), length) };
    original == canonical.as_bytes()
}

fn holds(tree: &Tree, expression: &Expression, at: *mut ffi::lyd_node) -> Step<bool> {
    // SAFETY: the node belongs to the tree, which nothing changes now.
    unsafe { expression.holds(tree.root, at) }.ok_or(Localised::Whole(
        "an expression could not be evaluated on its own",
    ))
}
