//! Copies of running that are kept in step by change sets, so that an edit or a commit never copies a whole tree.
//!
//! A commit publishes the tree that the candidate was edited in; the one that was running before becomes a spare as soon
//! as its last reader lets go of it, and catches up by the change sets since, when somebody needs it. When readers hold
//! them all, running is duplicated: nobody waits.

use std::collections::VecDeque;
use std::sync::Arc;

use tracing::debug;

use crate::datastore::apply::apply;
use crate::datastore::change_set::{Change, ChangeSet, taking_back};
use crate::datastore::running::Running;
use crate::yang::path::InstancePath;
use crate::yang::tree::Tree;

/// How many spares are kept; further ones are freed.
const SPARES: usize = 4;
/// How many commits a spare may lag behind. Catching up with more, or with larger ones, costs as much as duplicating.
const STEPS: usize = 64;

/// Spares and the way from their generations to the newest.
#[derive(Debug, Default)]
pub(crate) struct Copies {
    spares: Vec<Spare>,
    steps: VecDeque<Step>,
    /// How often a tree was duplicated because no spare was free or could follow.
    pub(crate) duplicated: u64,
}

#[derive(Debug)]
struct Spare {
    generation: u64,
    /// Readers may still hold it.
    tree: Arc<Tree>,
}

#[derive(Debug)]
struct Step {
    /// The generation that it leads to.
    generation: u64,
    /// `None` when only validating everything could follow it.
    changes: Option<Arc<ChangeSet>>,
}

impl Copies {
    /// A tree of its own that equals running.
    pub(crate) fn take(&mut self, running: &Running) -> Tree {
        while let Some(tree) = self.free_spare(running) {
            if let Some(tree) = self.caught_up(tree, running) {
                return tree;
            }
        }
        self.duplicated += 1;
        debug!(
            generation = running.generation,
            "no copy of running is free: one is duplicated"
        );
        running.tree.duplicate()
    }

    /// A spare that nobody holds any more; the newest, for it has the shortest way.
    fn free_spare(&mut self, running: &Running) -> Option<Spare> {
        let oldest = self
            .steps
            .front()
            .map_or(running.generation, |step| step.generation - 1);
        self.spares.retain(|spare| spare.generation >= oldest);
        let index = self
            .spares
            .iter_mut()
            .enumerate()
            .filter(|(_, spare)| spare.generation <= running.generation)
            .filter_map(|(index, spare)| Arc::get_mut(&mut spare.tree).map(|_| (spare.generation, index)))
            .max()?
            .1;
        Some(self.spares.swap_remove(index))
    }

    fn caught_up(&self, spare: Spare, running: &Running) -> Option<Tree> {
        let mut tree = Arc::into_inner(spare.tree)?;
        let mut reached = spare.generation;
        for step in self
            .steps
            .iter()
            .filter(|step| step.generation > spare.generation && step.generation <= running.generation)
        {
            let changes = &step.changes.as_ref()?.changes;
            follow(&mut tree, changes)?;
            reached = step.generation;
        }
        (reached == running.generation).then_some(tree)
    }

    /// Running moved on. What was running before may serve as a spare once its readers are done.
    pub(crate) fn moved(&mut self, before: &Running, to: u64, changes: Option<Arc<ChangeSet>>) {
        self.steps.push_back(Step {
            generation: to,
            changes,
        });
        if self.steps.len() > STEPS {
            self.steps.pop_front();
        }
        self.keep(Spare {
            generation: before.generation,
            tree: Arc::clone(&before.tree),
        });
    }

    /// What was accepted after this generation is refused: nothing leads there any more.
    pub(crate) fn forget_after(&mut self, generation: u64) {
        self.steps.retain(|step| step.generation <= generation);
        self.spares.retain(|spare| spare.generation <= generation);
    }

    /// A tree that was taken and then changed by `changes` becomes a spare again by taking them back.
    pub(crate) fn give_back<'c>(
        &mut self,
        mut tree: Tree,
        generation: u64,
        changes: impl DoubleEndedIterator<Item = &'c Change>,
    ) {
        let undo = taking_back(changes);
        let is_undone = apply(&mut tree, &undo).is_ok() && tree.settle_undone(&touched(&undo));
        if is_undone {
            self.keep(Spare {
                generation,
                tree: Arc::new(tree),
            });
        }
    }

    fn keep(&mut self, spare: Spare) {
        if self.spares.len() == SPARES
            && let Some(oldest) = self
                .spares
                .iter()
                .enumerate()
                .min_by_key(|(_, spare)| spare.generation)
                .map(|(index, _)| index)
        {
            self.spares.swap_remove(oldest);
        }
        self.spares.push(spare);
    }
}

/// Carries changes out and fills in the defaults around them.
fn follow(tree: &mut Tree, changes: &[Change]) -> Option<()> {
    apply(tree, changes).ok()?;
    tree.settle_changes(&touched(changes)).then_some(())
}

fn touched(changes: &[Change]) -> Vec<InstancePath> {
    changes.iter().map(|change| change.path().clone()).collect()
}
