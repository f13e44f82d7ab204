//! The candidate: a generation of running and what was changed since, shared by all sessions (RFC 6241 section 8.3).

use std::mem;
use std::sync::Arc;

use tracing::error;

use crate::datastore::apply::apply;
use crate::datastore::change_set::{Change, ChangeSet, taking_back};
use crate::datastore::copies::Copies;
use crate::datastore::difference::difference;
use crate::datastore::edit::{Edited, OnError, edit};
use crate::datastore::edit_attributes::EditOperation;
use crate::datastore::participant::WriteGate;
use crate::datastore::running::Running;
use crate::yang::path::InstancePath;
use crate::yang::tree::Tree;

/// The candidate: a generation of running and the changes since. Its tree is made when somebody asks for it, and edited
/// in place.
#[derive(Debug)]
pub struct Candidate {
    base: Arc<Running>,
    /// Shared with a commit under way.
    changes: Arc<Vec<Change>>,
    /// None while it would be running's own, or while a commit has it.
    tree: Option<Arc<Tree>>,
    /// Whether it is a copy of running because somebody discarded what was in it.
    is_set_back: bool,
    /// Counts edits, so that a commit can tell whether the candidate moved under it.
    edits: u64,
}

/// What a commit takes of the candidate.
#[derive(Debug)]
pub(crate) struct Taken {
    /// The configuration, not validated.
    pub(crate) tree: Tree,
    /// What was changed since running.
    pub(crate) changes: Arc<Vec<Change>>,
    /// Counts edits.
    pub(crate) edits: u64,
}

impl Candidate {
    /// A copy of running.
    pub fn new(base: Arc<Running>) -> Candidate {
        Candidate {
            base,
            changes: Arc::default(),
            tree: None,
            is_set_back: false,
            edits: 0,
        }
    }

    /// Whether it differs from running, by what was done to it.
    pub fn is_modified(&self) -> bool {
        !self.changes.is_empty()
    }

    /// What was changed since running, edit by edit.
    pub fn change_set(&self) -> ChangeSet {
        ChangeSet {
            changes: self.changes.to_vec(),
            ..ChangeSet::since(self.base.generation)
        }
    }

    /// Its configuration. Defaults of what was edited are filled in by validation only.
    pub(crate) fn tree(&mut self, copies: &mut Copies) -> Arc<Tree> {
        if self.changes.is_empty() {
            return Arc::clone(&self.base.tree);
        }
        let tree = match self.tree.take() {
            Some(tree) => tree,
            None => Arc::new(self.made_again(copies)),
        };
        Arc::clone(self.tree.insert(tree))
    }

    /// Its tree for changing. Readers may still hold it; it is never changed under them.
    fn own_tree(&mut self, copies: &mut Copies) -> Tree {
        match self.tree.take().map(Arc::try_unwrap) {
            Some(Ok(tree)) => tree,
            Some(Err(_)) | None => self.made_again(copies),
        }
    }

    fn made_again(&self, copies: &mut Copies) -> Tree {
        let mut tree = copies.take(&self.base);
        if let Err(error) = apply(&mut tree, self.changes.iter()) {
            // The changes were made on this very configuration.
            error!(%error, "the candidate cannot be made from running and its changes");
        }
        tree
    }

    /// Edits it, as far as the gate lets it: an edit with one change that is refused changes nothing. What comes back has
    /// the errors; the changes stay here.
    pub(crate) fn edit(
        &mut self,
        config: &str,
        default_operation: EditOperation,
        on_error: OnError,
        gate: WriteGate<'_>,
        copies: &mut Copies,
    ) -> Edited {
        let mut tree = self.own_tree(copies);
        let mut edited = edit(&mut tree, config, default_operation, on_error);
        if let Err(errors) = gate(&edited.changes) {
            let done = self.changes.iter().chain(&edited.changes);
            copies.give_back(tree, self.base.generation, done);
            return Edited {
                errors,
                ..Edited::default()
            };
        }
        if !edited.undone.is_empty() {
            // Defaults that went with what was taken back are missing: the tree is made again when it is wanted.
            let back = taking_back(&edited.undone);
            let done = self.changes.iter().chain(&edited.undone).chain(&back);
            copies.give_back(tree, self.base.generation, done);
            return edited;
        }
        self.tree = Some(Arc::new(tree));
        if !edited.changes.is_empty() {
            self.edits += 1;
            if self.changes.is_empty() {
                self.changes = Arc::new(mem::take(&mut edited.changes));
            } else {
                Arc::make_mut(&mut self.changes).append(&mut edited.changes);
            }
        }
        edited
    }

    /// Becomes running's copy again because somebody wants it so.
    pub(crate) fn set_back(&mut self, running: Arc<Running>, copies: &mut Copies) {
        self.discard(running, copies);
        self.is_set_back = true;
    }

    /// What was committed from it is refused after all, and running is the one before: the candidate has these changes
    /// again, unless somebody did away with them.
    pub(crate) fn fall_back(&mut self, running: Arc<Running>, refused: Vec<Change>) {
        self.edits += 1;
        self.base = running;
        if self.is_set_back && self.changes.is_empty() {
            self.tree = None;
            return;
        }
        let mut changes = refused;
        changes.extend(self.changes.iter().cloned());
        self.changes = Arc::new(changes);
    }

    /// Becomes running's copy again. What was changed is taken back, and the tree kept for the next edit.
    pub(crate) fn discard(&mut self, running: Arc<Running>, copies: &mut Copies) {
        if let Some(tree) = self.tree.take().and_then(Arc::into_inner) {
            copies.give_back(tree, self.base.generation, self.changes.iter());
        }
        self.changes = Arc::default();
        self.base = running;
        self.edits += 1;
    }

    /// What a commit needs. Until [`Candidate::follow`] the candidate is its changes; its tree is made again if
    /// somebody asks meanwhile.
    pub(crate) fn take(&mut self, copies: &mut Copies) -> Taken {
        let tree = self.own_tree(copies);
        Taken {
            tree,
            changes: Arc::clone(&self.changes),
            edits: self.edits,
        }
    }

    /// Another tree of the same content, what it started from, and what was changed since.
    pub(crate) fn copy(&self, copies: &mut Copies) -> (Tree, Arc<Running>, Vec<Change>) {
        (
            self.made_again(copies),
            Arc::clone(&self.base),
            self.changes.to_vec(),
        )
    }

    /// Running moved on to `running`, by a commit of what was taken. Edits made meanwhile stay: the candidate keeps
    /// the content that its editor last saw, and its changes are counted anew from the new running.
    pub(crate) fn follow(&mut self, edits: u64, running: Arc<Running>, copies: &mut Copies) {
        self.is_set_back = false;
        if self.edits == edits {
            return self.discard(running, copies);
        }
        self.rebase(running, copies);
    }

    /// Running moved on to `running` by something else: what is not edited follows it, what is keeps its content.
    pub(crate) fn moved(&mut self, running: Arc<Running>, copies: &mut Copies) {
        if self.is_modified() {
            self.rebase(running, copies);
        } else {
            self.discard(running, copies);
        }
    }

    fn rebase(&mut self, running: Arc<Running>, copies: &mut Copies) {
        let tree = self.tree(copies);
        self.changes = Arc::new(difference(&running.tree, &tree, &[InstancePath::root()]));
        self.base = running;
    }
}
