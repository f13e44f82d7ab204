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
use crate::yang::rules::{Rules, Test};
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
pub(super) type Step<T = ()> = Result<T, Localised>;

/// A place that changed.
pub(super) struct Touch<'s> {
    pub(super) path: InstancePath,
    /// Schema nodes of the steps.
    pub(super) chain: Vec<SchemaNode<'s>>,
    /// The nodes that were there before: at the path, and in other cases beside it.
    pub(super) before: Vec<(SchemaId, Vec<*mut ffi::lyd_node>)>,
}

impl Tree {
    /// Validates a tree that was made from the valid `before` by changes at `touched`, and fills its defaults in there.
    /// Whatever the answer, [`Tree::validate`] may follow.
    pub fn validate_changes(&mut self, before: &Tree, touched: &[InstancePath]) -> Localised {
        let schema = Arc::clone(self.schema());
        let mut check = Check::of(&schema);
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
        self.settle_around(touched, false)
    }

    /// The same where changes were taken back: the tree shall be what it was before them.
    pub fn settle_undone(&mut self, touched: &[InstancePath]) -> bool {
        self.settle_around(touched, true)
    }

    fn settle_around(&mut self, touched: &[InstancePath], is_undone: bool) -> bool {
        let schema = Arc::clone(self.schema());
        let mut check = Check {
            is_undone,
            ..Check::of(&schema)
        };
        let settled = check.run(self, None, touched).is_ok();
        schema.take_errors();
        settled
    }
}

/// What filling in defaults did.
#[derive(Default)]
pub(super) struct Filled {
    pub(super) made: Vec<*mut ffi::lyd_node>,
    /// Nodes below which defaults under whens may stand, and whether they are new themselves.
    pub(super) visited: Vec<(*mut ffi::lyd_node, bool)>,
}

pub(super) struct Check<'s> {
    pub(super) schema: &'s Schema,
    pub(super) rules: &'s Rules,
    /// Rules looked at and the scope instance they were looked at in.
    pub(super) done: HashSet<(usize, *mut ffi::lyd_node)>,
    /// Whether nothing but whens is looked at.
    pub(super) are_whens_only: bool,
    /// Whether the changes are those of a tree that becomes what it was.
    is_undone: bool,
    /// Lists whose limits were looked at, by their first entry.
    pub(super) counted: RefCell<HashSet<(*mut ffi::lyd_node, bool)>>,
}

impl<'s> Check<'s> {
    fn of(schema: &'s Schema) -> Check<'s> {
        Check {
            schema,
            rules: schema.rules(),
            done: HashSet::new(),
            are_whens_only: false,
            is_undone: false,
            counted: RefCell::default(),
        }
    }

    /// Without `before` defaults are filled in, and nothing is judged but whens.
    fn run(&mut self, tree: &mut Tree, before: Option<&Tree>, touched: &[InstancePath]) -> Step {
        if let Some(why) = self.rules.hopeless {
            return Err(Localised::Whole(why));
        }
        let mut touches = Vec::new();
        for path in outermost(touched)? {
            touches.push(self.touch(before, path)?);
        }
        let mut filled = Filled::default();
        for touch in &touches {
            self.settle(tree, touch, &mut filled)?;
        }
        self.put_under_whens(tree, &mut filled)?;
        for touch in &touches {
            self.nothing_missing(tree, touch)?;
            if let Some(before) = before {
                self.nothing_lost(before, tree, touch)?;
            }
        }
        if self.concerns_whens(&touches, &filled.made) {
            // What a when takes away breaks no rule; and where a change is taken back, a default may have to go with it.
            self.are_whens_only = true;
            self.judge(tree, &touches, &filled.made)?;
            self.done.clear();
            self.are_whens_only = false;
        }
        if before.is_some() {
            return self.judge(tree, &touches, &filled.made);
        }
        for touch in &touches {
            if let Some(node) = tree.locate(&touch.path) {
                self.mark_allowed(node);
            }
        }
        Ok(())
    }

    /// Whether a when stands in what changed or was made, or reads what changed.
    fn concerns_whens(&self, touches: &[Touch<'s>], made: &[*mut ffi::lyd_node]) -> bool {
        let is_when = |rule: &usize| {
            let rule = self.rules.all.get(*rule);
            rule.is_some_and(|rule| matches!(rule.test, Test::When { .. }))
        };
        let holds = |id: SchemaId| self.rules.holds_when.contains(&id);
        let is_changed = touches.iter().any(|touch| {
            let mut read = touch
                .before
                .iter()
                .flat_map(|(node, _)| self.rules.read_by.get(node).into_iter().flatten());
            touch.chain.last().is_some_and(|last| holds(last.id())) || read.any(is_when)
        });
        let is_made = || {
            // SAFETY: what was made stands in the tree, which nothing changes any more.
            let mut made = made
                .iter()
                .filter_map(|node| unsafe { NodeRef::from_raw(self.schema, *node) });
            made.any(|node| holds(node.schema_id()))
        };
        is_changed || is_made() || self.rules.anywhere.iter().any(is_when)
    }

    fn judge(&mut self, tree: &Tree, touches: &[Touch<'s>], made: &[*mut ffi::lyd_node]) -> Step {
        for node in made {
            // SAFETY: what was made stands in the tree, which nothing changes any more.
            if let Some(node) = unsafe { NodeRef::from_raw(self.schema, *node) } {
                self.subtree(tree, node)?;
            }
        }
        for touch in touches {
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
        if self.is_undone && self.rules.holds_nested.contains(&last.id()) {
            // Which defaults were there depends on what had been there before.
            return Err(Localised::Whole("a choice inside a choice"));
        }
        // Without a tree from before, who reads the place is asked all the same.
        let there = |path: &InstancePath| {
            let node = before.and_then(|before| before.locate(path));
            node.iter().map(NodeRef::raw).collect::<Vec<_>>()
        };
        let mut gone = vec![(last.id(), there(&path))];
        let mut parent = InstancePath::root();
        for (step, node) in path.steps().iter().zip(&chain) {
            if self.rules.nested.contains(&node.id()) {
                return Err(Localised::Whole("a choice inside a choice"));
            }
            // What stands in other cases, defaults too, may come or go with it.
            for mate in self.rules.mates.get(&node.id()).into_iter().flatten() {
                if let Some(why) = self.rules.whole.get(mate) {
                    return Err(Localised::Whole(why));
                }
                let siblings = match before.map(|before| (before, before.locate(&parent))) {
                    Some((_, Some(parent))) => Some(parent.children()),
                    Some((before, None)) if parent.is_root() => Some(before.roots()),
                    Some(_) => continue,
                    None => None,
                };
                let there = siblings.into_iter().flatten();
                let there = there.filter(|sibling| sibling.schema_id() == *mate);
                gone.push((*mate, there.map(|node| node.raw()).collect()));
            }
            parent.push(step.clone());
            // Structure in a case may go with what was in it.
            if node.is_structure_only() && !node.cases().is_empty() {
                gone.push((node.id(), there(&parent)));
            }
        }
        Ok(Touch {
            path,
            chain,
            before: gone,
        })
    }

    /// Puts defaults and structure where they belong around a place, from the top down.
    fn settle(&self, tree: &mut Tree, touch: &Touch<'s>, filled: &mut Filled) -> Step {
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
                    self.fill_all(here.raw(), filled)?;
                } else {
                    self.fill(here.raw(), filled, false)?;
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
    pub(super) unsafe fn fill_all(&self, node: *mut ffi::lyd_node, filled: &mut Filled) -> Step {
        // SAFETY: the caller's promise.
        unsafe {
            self.fill(node, filled, true)?;
            let mut child = tree::first_child(node);
            while !child.is_null() {
                self.fill_all(child, filled)?;
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
    unsafe fn fill(&self, node: *mut ffi::lyd_node, filled: &mut Filled, is_new: bool) -> Step {
        // SAFETY: the caller's promise; the small copy is freed here but for what moves into the tree.
        unsafe {
            (*node).flags &= !ffi::LYD_NEW;
            let Some(here) = NodeRef::from_raw(self.schema, node) else {
                return Ok(());
            };
            if self.rules.whens_below.contains_key(&here.schema_id()) {
                filled.visited.push((node, is_new));
            }
            let Some(demands) = self.rules.below.get(&Some(here.schema_id())) else {
                return Ok(());
            };
            if !demands.choices.is_empty() {
                self.clear_leftovers(node, filled);
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
            let outcome = ffi::lyd_new_implicit_tree(small, ffi::LYD_IMPLICIT_NO_STATE, ptr::null_mut());
            let result = if outcome == ffi::LY_ERR::LY_SUCCESS {
                self.take_over(here, small, filled)
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
    unsafe fn clear_leftovers(&self, node: *mut ffi::lyd_node, filled: &mut Filled) {
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
                // What was made for another change may go again.
                filled.made.retain(|node| !is_below(*node, leftover));
                filled.visited.retain(|(node, _)| !is_below(*node, leftover));
                ffi::lyd_free_tree(leftover);
            }
        }
    }

    /// Moves what a small copy has and the node has not.
    ///
    /// # Safety
    /// As for [`Check::fill_all`]; `small` is a copy of `here`.
    unsafe fn take_over(&self, here: NodeRef<'_>, small: *mut ffi::lyd_node, filled: &mut Filled) -> Step {
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
                if self.rules.whole.contains_key(&found.schema_id()) {
                    return Err(Localised::Whole("structure with a when inside came back"));
                }
                self.note_visited(found, filled);
                ffi::lyd_unlink_tree(child);
                tree::fill_canonical_text(child);
                tree::fill_canonical_texts(tree::first_child(child));
                ffi::lyd_insert_child(here.raw(), child);
                filled.made.push(child);
            }
        }
        Ok(())
    }

    /// Notes where defaults under whens may stand in what came back.
    fn note_visited(&self, node: NodeRef<'_>, filled: &mut Filled) {
        if self.rules.whens_below.contains_key(&node.schema_id()) {
            filled.visited.push((node.raw(), false));
        }
        for child in node.children() {
            self.note_visited(child, filled);
        }
    }

    /// Marks nodes with a when as seen allowed, as validation does: later it takes them away without a word.
    fn mark_allowed(&self, node: NodeRef<'_>) {
        if self.has_when(node.schema_id()) {
            // SAFETY: the tree is ours alone while it is settled; libyang keeps this mark on nodes.
            unsafe { (*node.raw()).flags |= ffi::LYD_WHEN_TRUE };
        }
        for child in node.children() {
            self.mark_allowed(child);
        }
    }

    fn has_when(&self, node: SchemaId) -> bool {
        let own = self.rules.own.get(&node).into_iter().flatten();
        own.filter_map(|rule| self.rules.all.get(*rule))
            .any(|rule| matches!(rule.test, Test::When { .. }))
    }
}

/// Whether a node is another or stands below it.
///
/// # Safety
/// Both are live nodes.
unsafe fn is_below(mut node: *mut ffi::lyd_node, above: *mut ffi::lyd_node) -> bool {
    while !node.is_null() {
        if node == above {
            return true;
        }
        // SAFETY: a live node's parent is null or live.
        node = unsafe { (*node).parent };
    }
    false
}

/// Marks a container without meaning of its own as a default when nothing in it was configured.
///
/// # Safety
/// `node` belongs to a tree that is ours alone.
pub(in crate::yang) unsafe fn mark_default(schema: &Schema, node: *mut ffi::lyd_node) {
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
