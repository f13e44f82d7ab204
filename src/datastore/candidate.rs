//! The candidate: a generation of running and what was changed since, shared by all sessions (RFC 6241 section 8.3).

use std::sync::Arc;

use crate::datastore::change_set::{Change, ChangeSet};
use crate::datastore::difference::difference;
use crate::datastore::edit::{Edited, OnError, edit};
use crate::datastore::edit_attributes::EditOperation;
use crate::datastore::running::Running;
use crate::yang::path::InstancePath;
use crate::yang::tree::Tree;

/// The candidate. While nothing is changed it is running's own tree; the first edit copies it.
#[derive(Debug)]
pub struct Candidate {
    base: Arc<Running>,
    changes: Vec<Change>,
    tree: Arc<Tree>,
    /// Counts edits, so that a commit can tell whether the candidate moved under it.
    edits: u64,
}

/// What a commit takes of the candidate.
#[derive(Clone, Debug)]
pub struct Taken {
    /// Running that it started from.
    pub base: Arc<Running>,
    /// The configuration.
    pub tree: Arc<Tree>,
    /// Where something changed.
    pub touched: Vec<InstancePath>,
    edits: u64,
}

impl Candidate {
    /// A copy of running.
    pub fn new(base: Arc<Running>) -> Candidate {
        Candidate {
            tree: Arc::clone(&base.tree),
            base,
            changes: Vec::new(),
            edits: 0,
        }
    }

    /// Whether it differs from running, by what was done to it.
    pub fn is_modified(&self) -> bool {
        !self.changes.is_empty()
    }

    /// Its configuration. Defaults of what was edited are filled in by validation only.
    pub fn tree(&self) -> Arc<Tree> {
        Arc::clone(&self.tree)
    }

    /// What was changed since running, edit by edit.
    pub fn change_set(&self) -> ChangeSet {
        ChangeSet {
            changes: self.changes.clone(),
            ..ChangeSet::since(self.base.generation)
        }
    }

    /// Edits it.
    pub fn edit(&mut self, config: &str, default_operation: EditOperation, on_error: OnError) -> Edited {
        // Readers may still hold the tree; it is never changed under them.
        if Arc::get_mut(&mut self.tree).is_none() {
            self.tree = Arc::new(self.tree.duplicate());
        }
        let Some(tree) = Arc::get_mut(&mut self.tree) else {
            unreachable!("a fresh copy has no other holder");
        };
        let edited = edit(tree, config, default_operation, on_error);
        if !edited.changes.is_empty() {
            self.edits += 1;
            self.changes.extend(edited.changes.iter().cloned());
        }
        edited
    }

    /// Becomes running's copy again.
    pub fn discard(&mut self, running: Arc<Running>) {
        let edits = self.edits + 1;
        *self = Candidate::new(running);
        self.edits = edits;
    }

    /// What a commit needs.
    pub fn take(&self) -> Taken {
        Taken {
            base: Arc::clone(&self.base),
            tree: Arc::clone(&self.tree),
            touched: self.changes.iter().map(|change| change.path().clone()).collect(),
            edits: self.edits,
        }
    }

    /// Running moved on to `running`, by a commit of what was taken. Edits made meanwhile stay: the candidate keeps
    /// the content that its editor last saw, and its changes are counted anew from the new running.
    pub fn follow(&mut self, taken: &Taken, running: Arc<Running>) {
        if self.edits == taken.edits {
            return self.discard(running);
        }
        self.rebase(running);
    }

    /// Running moved on to `running` by something else: what is not edited follows it, what is keeps its content.
    pub fn moved(&mut self, running: Arc<Running>) {
        if self.is_modified() {
            self.rebase(running);
        } else {
            self.discard(running);
        }
    }

    fn rebase(&mut self, running: Arc<Running>) {
        self.changes = difference(&running.tree, &self.tree, &[InstancePath::root()]);
        self.base = running;
    }
}
