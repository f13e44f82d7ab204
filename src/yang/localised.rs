//! Validation of what a change can break, and of nothing else.
//!
//! Defaults and empty structure come and go around the change first, so that the tree is what validating all of it
//! would have made; then the rules that the change can break are evaluated with libyang's own expressions. A broken rule
//! is not told in detail here: whoever asks validates everything then, and the words are the same either way.

use std::cell::RefCell;
use std::collections::{BTreeSet, HashSet};
use std::ptr;
use std::sync::Arc;

use libyang5_sys as ffi;

use crate::yang::path::InstancePath;
use crate::yang::place::canonical_value;
use crate::yang::rules::{Demands, Expression, Limited, Rule, Rules, Test};
use crate::yang::schema::Schema;
use crate::yang::schema_node::{NodeKind, SchemaId, SchemaNode};
use crate::yang::tree::{self, NodeRef, Siblings, Tree};

/// Above this many places, validating everything is no slower.
const PLACES: usize = 512;

/// What validation around a change found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Localised {
    /// The tree is valid and has its defaults.
    Valid,
    /// A rule is broken as things stand; validating everything tells which, or takes away what a when no longer allows.
    Invalid,
    /// Only validating everything can tell, and why.
    Whole(&'static str),
}

/// What a change came to: the verdict so far is valid.
type Step<T = ()> = Result<T, Localised>;

/// A place that changed.
struct Touch<'s> {
    path: InstancePath,
    /// Schema nodes of the steps.
    chain: Vec<SchemaNode<'s>>,
    /// The nodes that were there before: at the path, and in other cases beside it.
    before: Vec<(SchemaId, Vec<*mut ffi::lyd_node>)>,
}

impl Tree {
    /// Validates a tree that was made from the valid `before` by changes at `touched`, and fills its defaults in there.
    /// Whatever the answer, [`Tree::validate`] may follow.
    pub fn validate_changes(&mut self, before: &Tree, touched: &[InstancePath]) -> Localised {
        let schema = Arc::clone(self.schema());
        let mut check = Check {
            schema: &schema,
            rules: schema.rules(),
            done: HashSet::new(),
            counted: RefCell::default(),
        };
        match check.run(self, Some(before), touched) {
            Ok(()) => Localised::Valid,
            Err(verdict) => {
                schema.take_errors();
                verdict
            }
        }
    }

    /// Fills in the defaults around changes of a tree that is known to be valid with them; `false` when only
    /// validating everything could.
    pub fn settle_changes(&mut self, touched: &[InstancePath]) -> bool {
        let schema = Arc::clone(self.schema());
        let mut check = Check {
            schema: &schema,
            rules: schema.rules(),
            done: HashSet::new(),
            counted: RefCell::default(),
        };
        let settled = check.run(self, None, touched).is_ok();
        schema.take_errors();
        settled
    }
}

struct Check<'s> {
    schema: &'s Schema,
    rules: &'s Rules,
    /// Rules looked at and the scope instance they were looked at in.
    done: HashSet<(usize, *mut ffi::lyd_node)>,
    /// Lists whose limits were looked at, by their first entry.
    counted: RefCell<HashSet<(*mut ffi::lyd_node, bool)>>,
}

impl<'s> Check<'s> {
    /// Without `before` defaults are filled in and nothing is judged.
    fn run(&mut self, tree: &mut Tree, before: Option<&Tree>, touched: &[InstancePath]) -> Step {
        let mut touches = Vec::new();
        for path in outermost(touched)? {
            touches.push(self.touch(before, path)?);
        }
        let mut made = Vec::new();
        for touch in &touches {
            self.settle(tree, touch, &mut made)?;
        }
        if before.is_none() {
            return Ok(());
        }
        for node in made {
            // SAFETY: what was made stands in the tree, which nothing changes any more.
            if let Some(node) = unsafe { NodeRef::from_raw(self.schema, node) } {
                self.subtree(tree, node)?;
            }
        }
        for touch in &touches {
            self.around(tree, touch)?;
        }
        for rule in &self.rules.anywhere {
            self.everywhere(tree, *rule, None)?;
        }
        Ok(())
    }

    fn touch(&self, before: Option<&Tree>, path: InstancePath) -> Step<Touch<'s>> {
        let mut chain: Vec<SchemaNode<'s>> = Vec::new();
        for step in path.steps() {
            let node = match chain.last() {
                None => self.schema.top(&step.module, &step.name),
                Some(parent) => parent.child(&step.module, &step.name),
            };
            chain.push(node.ok_or(Localised::Whole("a path is not in the schema"))?);
        }
        let mut path = path;
        if let Some(before) = before {
            // Structure that was not there came as a whole.
            let mut above = InstancePath::root();
            for (depth, (step, node)) in path.steps().iter().zip(&chain).enumerate() {
                above.push(step.clone());
                if node.is_structure_only() && before.locate(&above).is_none() {
                    chain.truncate(depth + 1);
                    path = above;
                    break;
                }
            }
        }
        let Some(last) = chain.last() else {
            return Err(Localised::Whole("anything may have changed"));
        };
        if let Some(why) = self.rules.whole.get(&last.id()) {
            return Err(Localised::Whole(why));
        }
        let mut gone = Vec::new();
        if let Some(before) = before {
            let node: Vec<_> = before.locate(&path).iter().map(NodeRef::raw).collect();
            gone.push((last.id(), node));
        }
        let mut parent = InstancePath::root();
        for (step, node) in path.steps().iter().zip(&chain) {
            // What stands in other cases, defaults too, may come or go with it.
            for mate in self.rules.mates.get(&node.id()).into_iter().flatten() {
                if let Some(why) = self.rules.whole.get(mate) {
                    return Err(Localised::Whole(why));
                }
                let Some(before) = before else { continue };
                let siblings = match before.locate(&parent) {
                    Some(parent) => parent.children(),
                    None if parent.is_root() => before.roots(),
                    None => continue,
                };
                let there = siblings.filter(|sibling| sibling.schema_id() == *mate);
                gone.push((*mate, there.map(|node| node.raw()).collect()));
            }
            parent.push(step.clone());
            // Structure in a case may go with what was in it.
            if let Some(before) = before
                && node.is_structure_only()
                && !node.cases().is_empty()
            {
                gone.push((
                    node.id(),
                    before.locate(&parent).iter().map(NodeRef::raw).collect(),
                ));
            }
        }
        Ok(Touch {
            path,
            chain,
            before: gone,
        })
    }

    /// Puts defaults and structure where they belong around a place, from the top down.
    fn settle(&self, tree: &mut Tree, touch: &Touch<'s>, made: &mut Vec<*mut ffi::lyd_node>) -> Step {
        let Some(first) = touch.chain.first() else {
            return Ok(());
        };
        if !matches!(first.kind(), NodeKind::Container { .. } | NodeKind::List) || !first.cases().is_empty() {
            return Err(Localised::Whole("a top-level leaf or choice changed"));
        }
        // SAFETY: the tree is ours alone; all nodes belong to it.
        unsafe {
            if tree::find_single(self.schema, tree.root, *first).is_none() && first.is_structure_only() {
                let mut top = ptr::null_mut();
                let raw = first.raw();
                ffi::lyd_new_inner(ptr::null_mut(), (*raw).module, (*raw).name, 0, &mut top);
                if top.is_null() {
                    return Err(Localised::Whole("structure could not be made"));
                }
                (*top).flags = ffi::LYD_DEFAULT;
                ffi::lyd_insert_sibling(tree.root, top, &mut tree.root);
            }
            let mut siblings = tree.root;
            let mut parents: Vec<*mut ffi::lyd_node> = Vec::new();
            // Whether structure counts as configured decides which case is there.
            let mut down = tree.root;
            for (step, node) in touch.path.steps().iter().zip(&touch.chain) {
                let Some(here) = tree::find_instance(self.schema, down, *node, &step.instance) else {
                    break;
                };
                parents.push(here.raw());
                down = tree::first_child(here.raw());
            }
            while let Some(parent) = parents.pop() {
                mark_default(self.schema, parent);
            }
            for (step, node) in touch.path.steps().iter().zip(&touch.chain) {
                let Some(here) = tree::find_instance(self.schema, siblings, *node, &step.instance) else {
                    if node.is_structure_only() && self.has_when(node.id()) {
                        return Err(Localised::Whole("structure with a when went"));
                    }
                    break;
                };
                if parents.len() + 1 == touch.chain.len() {
                    self.fill_all(here.raw(), made)?;
                } else {
                    self.fill(here.raw(), made)?;
                }
                parents.push(here.raw());
                siblings = tree::first_child(here.raw());
            }
            for parent in parents.into_iter().rev() {
                mark_default(self.schema, parent);
            }
        }
        Ok(())
    }

    /// # Safety
    /// `node` belongs to a tree that is ours alone.
    unsafe fn fill_all(&self, node: *mut ffi::lyd_node, made: &mut Vec<*mut ffi::lyd_node>) -> Step {
        // SAFETY: the caller's promise.
        unsafe {
            self.fill(node, made)?;
            let mut child = tree::first_child(node);
            while !child.is_null() {
                self.fill_all(child, made)?;
                child = (*child).next;
            }
            mark_default(self.schema, node);
        }
        Ok(())
    }

    /// Puts the defaults below one node that are missing. libyang decides which, on a small copy of the node.
    ///
    /// # Safety
    /// As for [`Check::fill_all`].
    unsafe fn fill(&self, node: *mut ffi::lyd_node, made: &mut Vec<*mut ffi::lyd_node>) -> Step {
        // SAFETY: the caller's promise; the small copy is freed here but for what moves into the tree.
        unsafe {
            (*node).flags &= !ffi::LYD_NEW;
            let Some(here) = NodeRef::from_raw(self.schema, node) else {
                return Ok(());
            };
            let Some(demands) = self.rules.below.get(&Some(here.schema_id())) else {
                return Ok(());
            };
            if !demands.choices.is_empty() {
                self.clear_leftovers(node);
            }
            let lacks = |id: &SchemaId| {
                self.schema
                    .node(*id)
                    .is_some_and(|child| here.instance_of(child).is_none())
            };
            if !demands.has_choice_defaults() && !demands.defaults.iter().any(lacks) {
                return Ok(());
            }
            const FLAGS: u32 = ffi::LYD_DUP_WITH_FLAGS | ffi::LYD_DUP_NO_META;
            let mut small = ptr::null_mut();
            if ffi::lyd_dup_single(node, ptr::null_mut(), FLAGS, &mut small) != ffi::LY_ERR::LY_SUCCESS {
                return Err(Localised::Whole("a node could not be copied"));
            }
            let mut last = None;
            for child in here.children().filter(|child| !child.schema().is_key()) {
                if last != Some(child.schema_id()) {
                    ffi::lyd_dup_single(child.raw(), small.cast(), FLAGS, ptr::null_mut());
                }
                last = Some(child.schema_id());
            }
            let filled = ffi::lyd_new_implicit_tree(small, ffi::LYD_IMPLICIT_NO_STATE, ptr::null_mut());
            let result = if filled == ffi::LY_ERR::LY_SUCCESS {
                self.take_over(here, small, made)
            } else {
                Err(Localised::Whole("defaults could not be made on their own"))
            };
            ffi::lyd_free_tree(small);
            result
        }
    }

    /// Takes away the defaults of cases in which nothing is configured any more.
    ///
    /// # Safety
    /// As for [`Check::fill_all`].
    unsafe fn clear_leftovers(&self, node: *mut ffi::lyd_node) {
        // SAFETY: the caller's promise.
        unsafe {
            let Some(here) = NodeRef::from_raw(self.schema, node) else {
                return;
            };
            let is_configured = |id: &SchemaId| {
                here.children()
                    .any(|child| child.schema_id() == *id && !child.is_default())
            };
            let leftovers: Vec<*mut ffi::lyd_node> = here
                .children()
                .filter(|child| child.is_default())
                .filter(|child| {
                    let case = self.rules.cased.get(&child.schema_id());
                    case.is_some_and(|case| !case.iter().any(is_configured))
                })
                .map(|child| child.raw())
                .collect();
            for leftover in leftovers {
                ffi::lyd_free_tree(leftover);
            }
        }
    }

    /// Moves what a small copy has and the node has not.
    ///
    /// # Safety
    /// As for [`Check::fill_all`]; `small` is a copy of `here`.
    unsafe fn take_over(
        &self,
        here: NodeRef<'_>,
        small: *mut ffi::lyd_node,
        made: &mut Vec<*mut ffi::lyd_node>,
    ) -> Step {
        // SAFETY: the caller's promise.
        unsafe {
            let missing: Vec<*mut ffi::lyd_node> = Siblings::new(self.schema, tree::first_child(small))
                .filter(|child| child.is_default() && here.instance_of(child.schema()).is_none())
                .map(|child| child.raw())
                .collect();
            for child in missing {
                let Some(found) = NodeRef::from_raw(self.schema, child) else {
                    continue;
                };
                let id = found.schema_id();
                if self.rules.whole.contains_key(&id) {
                    if self.has_when(id) {
                        // It is absent because its when is false; nothing that the when reads has changed.
                        continue;
                    }
                    return Err(Localised::Whole("structure with a when inside came back"));
                }
                ffi::lyd_unlink_tree(child);
                tree::fill_canonical_text(child);
                tree::fill_canonical_texts(tree::first_child(child));
                ffi::lyd_insert_child(here.raw(), child);
                made.push(child);
            }
        }
        Ok(())
    }

    fn has_when(&self, node: SchemaId) -> bool {
        let own = self.rules.own.get(&node).into_iter().flatten();
        own.filter_map(|rule| self.rules.all.get(*rule))
            .any(|rule| matches!(rule.test, Test::When { .. }))
    }

    /// Judges a place that changed: what stands there now, what its parents demand, and who reads it.
    fn around(&mut self, tree: &Tree, touch: &Touch<'s>) -> Step {
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
    fn everywhere(&mut self, tree: &Tree, id: usize, scope: Option<NodeRef<'_>>) -> Step {
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
    fn subtree(&mut self, tree: &Tree, node: NodeRef<'_>) -> Step {
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
        let Some(schema) = self.schema.node(limited.node) else {
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
        for leaves in &limited.uniques {
            let mut seen: HashSet<Vec<String>> = HashSet::new();
            for entry in entries() {
                let values: Option<Vec<String>> =
                    leaves.iter().map(|way| self.unique_value(entry, way)).collect();
                if let Some(values) = values
                    && !seen.insert(values)
                {
                    return Err(Localised::Invalid);
                }
            }
        }
        Ok(())
    }

    /// The value of a leaf of a unique statement, its default where it is missing.
    fn unique_value(&self, entry: NodeRef<'_>, way: &[SchemaId]) -> Option<String> {
        let mut here = Some(entry);
        for step in way {
            let schema = self.schema.node(*step)?;
            here = here.and_then(|node| node.instance_of(schema));
        }
        match here {
            Some(leaf) => leaf.value().map(str::to_owned),
            None => {
                let leaf = self.schema.node(*way.last()?)?;
                canonical_value(leaf, leaf.default_value()?).ok()
            }
        }
    }

    /// One rule at one node.
    fn rule(&self, tree: &Tree, id: usize, node: NodeRef<'_>) -> Step {
        let Some(rule) = self.rules.all.get(id) else {
            return Ok(());
        };
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
}

fn holds(tree: &Tree, expression: &Expression, at: *mut ffi::lyd_node) -> Step<bool> {
    let mut truth = 0;
    // SAFETY: the node belongs to the tree; expression and prefixes belong to its schema.
    let result = unsafe {
        ffi::lyd_eval_xpath4(
            at,
            tree.root,
            expression.module,
            expression.text.as_ptr(),
            ffi::LY_VALUE_FORMAT::LY_VALUE_SCHEMA_RESOLVED,
            expression.prefixes.cast(),
            ptr::null(),
            ptr::null_mut(),
            ptr::null_mut(),
            ptr::null_mut(),
            ptr::null_mut(),
            &mut truth,
        )
    };
    if result == ffi::LY_ERR::LY_SUCCESS {
        Ok(truth != 0)
    } else {
        Err(Localised::Whole(
            "an expression could not be evaluated on its own",
        ))
    }
}

/// Marks a container without meaning of its own as a default when nothing in it was configured.
///
/// # Safety
/// `node` belongs to a tree that is ours alone.
unsafe fn mark_default(schema: &Schema, node: *mut ffi::lyd_node) {
    // SAFETY: the caller's promise.
    unsafe {
        let Some(here) = NodeRef::from_raw(schema, node) else {
            return;
        };
        if here.schema().is_structure_only() && here.children().all(|child| child.is_default()) {
            (*node).flags |= ffi::LYD_DEFAULT;
        }
    }
}

/// Paths of which none lies within another.
fn outermost(paths: &[InstancePath]) -> Step<Vec<InstancePath>> {
    let mut sorted: Vec<&InstancePath> = paths.iter().collect::<BTreeSet<_>>().into_iter().collect();
    sorted.dedup_by(|inner, outer| inner.is_within(outer));
    if sorted.len() > PLACES {
        return Err(Localised::Whole("many places changed"));
    }
    Ok(sorted.into_iter().cloned().collect())
}
