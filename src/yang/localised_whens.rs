//! Defaults under whens around a change: putting them into what is new, noticing where they came or went elsewhere.

use std::collections::{BTreeMap, BTreeSet};

use libyang5_sys as ffi;

use crate::yang::localised::{Check, Filled, Localised, Step, Touch};
use crate::yang::rules::Test;
use crate::yang::schema_node::SchemaNode;
use crate::yang::tree::{self, NodeRef, Tree};
use crate::yang::withheld::each_parent;

impl<'s> Check<'s> {
    /// Puts the defaults under whens there that are missing in what is new, each after those that its whens read.
    /// Elsewhere their readers would have to be looked at too.
    pub(super) fn put_under_whens(&self, tree: &mut Tree, filled: &mut Filled) -> Step {
        let mut ahead: BTreeMap<usize, BTreeMap<*mut ffi::lyd_node, bool>> = BTreeMap::new();
        loop {
            for (node, is_new) in filled.visited.drain(..) {
                // SAFETY: nodes that went were taken out of the list; the tree is ours alone.
                let Some(here) = (unsafe { NodeRef::from_raw(self.schema, node) }) else {
                    continue;
                };
                for when in self
                    .rules
                    .whens_below
                    .get(&here.schema_id())
                    .into_iter()
                    .flatten()
                {
                    *ahead.entry(*when).or_default().entry(node).or_default() |= is_new;
                }
            }
            let Some((when, parents)) = ahead.pop_first() else {
                return Ok(());
            };
            let Some(when) = self.rules.whens.get(when) else {
                continue;
            };
            for (parent, is_new) in parents {
                // SAFETY: a parent lives: nothing is taken away any more but what was made for a look.
                unsafe {
                    for node in tree.put_missing(when, parent) {
                        if !is_new {
                            return Err(Localised::Whole("a default under a when came"));
                        }
                        if self.rules.nested.contains(&when.node) {
                            return Err(Localised::Whole("a choice inside a choice"));
                        }
                        filled.made.push(node);
                        self.fill_all(node, filled)?;
                    }
                }
            }
        }
    }

    /// Whether no default under a when went with structure around it that was taken away and is there again.
    pub(super) fn nothing_lost(&self, before: &Tree, tree: &Tree, touch: &Touch<'s>) -> Step {
        let holds = |node: &SchemaNode<'_>| self.rules.holds_when.contains(&node.id());
        if !touch.chain.iter().any(holds) {
            return Ok(());
        }
        self.along(before, touch)
            .zip(self.along(tree, touch))
            .try_for_each(|(old, new)| self.nothing_lost_below(old, new))
    }

    fn nothing_lost_below(&self, old: NodeRef<'_>, new: NodeRef<'_>) -> Step {
        const LOST: Localised = Localised::Whole("a default under a when went");
        let whens = self.rules.whens_below.get(&old.schema_id()).into_iter().flatten();
        for when in whens.filter_map(|when| self.rules.whens.get(*when)) {
            let Some(schema) = self.schema.node(when.node) else {
                continue;
            };
            if old.instance_of(schema).is_some() && new.instance_of(schema).is_none() {
                return Err(LOST);
            }
        }
        for old in old.children().filter(|child| child.schema().is_structure_only()) {
            match new.instance_of(old.schema()) {
                Some(new) => self.nothing_lost_below(old, new)?,
                None if self.holds_default_under_when(old) => return Err(LOST),
                None => {}
            }
        }
        Ok(())
    }

    fn holds_default_under_when(&self, node: NodeRef<'_>) -> bool {
        self.rules.whens_below.contains_key(&node.schema_id())
            || node.children().any(|child| self.holds_default_under_when(child))
    }

    /// Whether no default came under a when that reads what changed.
    pub(super) fn nothing_missing(&self, tree: &mut Tree, touch: &Touch<'s>) -> Step {
        let read = touch
            .before
            .iter()
            .flat_map(|(node, _)| self.rules.read_by.get(node).into_iter().flatten());
        let rules: BTreeSet<usize> = read.chain(&self.rules.anywhere).copied().collect();
        for rule in rules.iter().filter_map(|rule| self.rules.all.get(*rule)) {
            let (Test::When { .. }, Some(when)) =
                (&rule.test, self.rules.defaults_under_whens.get(&rule.owner))
            else {
                continue;
            };
            let (Some(when), Some((_, above))) = (self.rules.whens.get(*when), rule.way.split_last()) else {
                continue;
            };
            let mut parents = Vec::new();
            // SAFETY: the tree is ours alone; nothing changes while the parents are looked for.
            unsafe {
                let scope = match rule.scope {
                    None => None,
                    Some(list) => match self.along(tree, touch).find(|node| node.schema_id() == list) {
                        Some(scope) => Some(scope.raw()),
                        // The scope went away, or came as a whole and was filled.
                        None => continue,
                    },
                };
                match (scope, above.split_last()) {
                    (Some(scope), None) => parents.push(scope),
                    (None, None) => {}
                    (scope, Some((last, above))) => {
                        let first = scope.map_or(tree.root, |scope| tree::first_child(scope));
                        let Some(last) = self.schema.node(*last) else {
                            continue;
                        };
                        each_parent(self.schema, first, above, &mut |siblings| {
                            let mut here = tree::find_single(self.schema, siblings, last);
                            while let Some(node) = here {
                                parents.push(node.raw());
                                here = node.next_sibling().filter(|next| next.schema() == last);
                            }
                        });
                    }
                }
                for parent in parents {
                    if tree.lacks(when, parent) {
                        return Err(Localised::Whole("a default under a when came"));
                    }
                }
            }
        }
        Ok(())
    }

    /// The nodes of a touched path that are there, from the top.
    fn along<'t>(&self, tree: &'t Tree, touch: &Touch<'s>) -> impl Iterator<Item = NodeRef<'t>> {
        let mut siblings = tree.root;
        let steps = touch.path.steps().iter().zip(&touch.chain);
        let nodes: Vec<NodeRef<'t>> = steps
            .map_while(|(step, node)| {
                // SAFETY: the siblings are those of the tree, which lives and stays as it is meanwhile.
                let found = unsafe { tree::find_instance(tree.schema(), siblings, *node, &step.instance)? };
                siblings = found.first_child();
                Some(found)
            })
            .collect();
        nodes.into_iter()
    }
}
