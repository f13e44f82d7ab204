//! As much of some changes as running can take: for rollbacks whose commits others have built upon.

use crate::datastore::apply::apply;
use crate::datastore::change_set::Change;
use crate::datastore::commit::{CommitError, Made, check};
use crate::datastore::datastores::Datastores;
use crate::datastore::participant::Participant;
use crate::yang::path::InstancePath;

/// Some changes, taken apart.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Fitting {
    /// Those that can be made together, in their order.
    pub changes: Vec<Change>,
    /// The nodes of those that cannot.
    pub left: Vec<InstancePath>,
}

/// Changes that failed are tried again behind the others: what they needed may be there by then.
const ROUNDS: usize = 3;

impl Datastores {
    /// Those of some changes that running can take: they fit what is there, the result is valid, and no participant
    /// refuses it. Halves are tried in turn, so that a few that do not fit cost little.
    pub fn changes_that_fit(&self, changes: &[Change], participants: &[Box<dyn Participant>]) -> Fitting {
        let mut fitting = Fitting::default();
        let mut open: Vec<Change> = changes.to_vec();
        for _ in 0..ROUNDS {
            let mut failed = Vec::new();
            let before = fitting.changes.len();
            self.fit(&open, participants, &mut fitting.changes, &mut failed);
            open = failed;
            if open.is_empty() || fitting.changes.len() == before {
                break;
            }
        }
        fitting.left = open.iter().map(|change| change.path().clone()).collect();
        fitting
    }

    fn fit(
        &self,
        changes: &[Change],
        participants: &[Box<dyn Participant>],
        kept: &mut Vec<Change>,
        failed: &mut Vec<Change>,
    ) {
        if changes.is_empty() {
            return;
        }
        let all = [kept.as_slice(), changes].concat();
        if self.takes(&all, participants).is_ok() {
            *kept = all;
            return;
        }
        if let [only] = changes {
            failed.push(only.clone());
            return;
        }
        let (first, second) = changes.split_at(changes.len() / 2);
        self.fit(first, participants, kept, failed);
        self.fit(second, participants, kept, failed);
    }

    fn takes(&self, changes: &[Change], participants: &[Box<dyn Participant>]) -> Result<(), CommitError> {
        let running = self.running();
        let mut tree = running.tree.duplicate();
        apply(&mut tree, changes)?;
        check(
            &running,
            &mut tree,
            Made::By(changes),
            participants,
            self.validation(),
        )
        .map(|_| ())
    }
}
