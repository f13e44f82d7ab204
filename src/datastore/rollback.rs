//! Going back: to a generation, by a number of commits, from a confirmed commit that a restart interrupted.

use std::sync::Arc;

use jiff::Timestamp;

use crate::datastore::apply::apply;
use crate::datastore::change_set::ChangeSet;
use crate::datastore::commit::{CommitError, Committed};
use crate::datastore::datastores::{Datastores, OpenError};
use crate::datastore::difference::difference;
use crate::datastore::history::Author;
use crate::datastore::participant::Participant;
use crate::yang::path::InstancePath;

impl Datastores {
    /// The net change that would lead from running back to a generation; without a result, as nothing is done.
    pub fn difference_to_generation(&self, generation: u64) -> Result<ChangeSet, CommitError> {
        let running = self.running();
        let changes = self
            .changes_back_to(generation)
            .ok_or_else(|| self.forgotten(generation))?;
        let mut tree = running.tree.duplicate();
        apply(&mut tree, &changes)?;
        let touched: Vec<InstancePath> = changes.iter().map(|change| change.path().clone()).collect();
        Ok(ChangeSet {
            changes: difference(&running.tree, &tree, &touched),
            ..ChangeSet::since(running.generation)
        })
    }

    /// Makes running what it was so many commits ago, by one more commit, which participants may refuse. The candidate
    /// keeps its content.
    pub fn rollback_changes(
        &self,
        commits: usize,
        author: Author,
        participants: &[Box<dyn Participant>],
    ) -> Result<Arc<Committed>, CommitError> {
        let bases: Vec<u64> = self
            .history()
            .iter()
            .rev()
            .map(|entry| entry.change_set.base)
            .collect();
        let generation = match commits.checked_sub(1) {
            None => self.running().generation,
            Some(index) => bases.get(index).copied().ok_or_else(|| {
                let wanted = self.running().generation.saturating_sub(commits as u64);
                self.forgotten(wanted)
            })?,
        };
        self.rollback_to(generation, author, participants)
    }

    /// Makes running what it was at a generation, by one more commit. A confirmed commit is rolled back without asking
    /// participants: they agreed to that configuration when it was made.
    pub fn rollback_to(
        &self,
        generation: u64,
        author: Author,
        participants: &[Box<dyn Participant>],
    ) -> Result<Arc<Committed>, CommitError> {
        let mut quiet = self.quiet();
        let changes = self
            .changes_back_to(generation)
            .ok_or_else(|| self.forgotten(generation))?;
        self.commit_changes_quietly(&mut quiet, &changes, author, participants)
    }

    /// Ends a confirmed commit that a restart interrupted (RFC 6241 section 8.4.1): running is again what it was before
    /// the first of them. To be called before the first session is served.
    pub fn roll_back_unconfirmed(&self, now: Timestamp) -> Result<Option<Arc<Committed>>, OpenError> {
        let Some(awaiting) = self.awaiting() else {
            return Ok(None);
        };
        let author = Author {
            user: String::new(),
            session_id: 0,
            timestamp: now,
            label: None,
            comment: Some("rolled back at the start: nobody had confirmed it".to_owned()),
        };
        let undone = self.rollback_to(awaiting.rollback_to, author, &[]);
        undone.map(Some).map_err(|cause| OpenError::Rollback {
            generation: self.running().generation,
            rollback_to: awaiting.rollback_to,
            cause: Box::new(cause),
        })
    }

    fn forgotten(&self, wanted: u64) -> CommitError {
        let latest = self.running().generation;
        let oldest = self.history().first().map(|entry| entry.change_set.base);
        CommitError::Forgotten {
            wanted,
            oldest: oldest.unwrap_or(latest),
            latest,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::datastore::edit::OnError;
    use crate::datastore::edit_attributes::EditOperation;
    use crate::datastore::journal_record::Awaiting;
    use crate::datastore::memory_storage::{Failure, MemoryStorage};
    use crate::datastore::participant::open_gate;
    use crate::yang::modules::ModuleSet;
    use crate::yang::print::{WithDefaults, print};
    use crate::yang::schema::Schema;
    use crate::yang::select::Selection;
    use crate::yang::tree::Tree;

    fn open(storage: &MemoryStorage) -> Datastores {
        let text = include_str!("../../tests/data/yang/edit-cases.yang");
        let schema = Schema::load(ModuleSet::new().with_module("edit-cases", text)).unwrap();
        Datastores::open(schema, Box::new(storage.clone())).unwrap()
    }

    fn shown(tree: &Tree) -> String {
        print(
            tree,
            &Selection::everything(tree.schema()),
            WithDefaults::Explicit,
        )
    }

    fn author() -> Author {
        Author {
            user: "anna".to_owned(),
            session_id: 7,
            timestamp: Timestamp::UNIX_EPOCH,
            label: None,
            comment: None,
        }
    }

    fn edit(datastores: &Datastores, inside: &str) {
        let config = format!(
            "<c xmlns=\"urn:ponder:test:edit-cases\" xmlns:nc=\"urn:ietf:params:xml:ns:netconf:base:1.0\">\
             {inside}</c>"
        );
        let edited = datastores.edit_candidate(&config, EditOperation::Merge, OnError::Rollback);
        assert_eq!(edited.errors, []);
    }

    /// Commits each, and tells running before the first and after each.
    fn commit_all(datastores: &Datastores) -> Vec<String> {
        let mut states = vec![shown(&datastores.running().tree)];
        for inside in [
            "<plain>on</plain><gated>x</gated><ranked><name>a</name></ranked><ranked><name>b</name></ranked>",
            "<plain>off</plain><entry><k>1</k><sub><a>1</a><b>b</b></sub></entry><a1>1</a1>",
            "<e>case</e><ranked nc:operation=\"delete\"><name>a</name></ranked>",
            "<entry nc:operation=\"delete\"><k>1</k></entry><tag>t</tag>",
        ] {
            edit(datastores, inside);
            datastores.commit(author(), &[]).unwrap();
            states.push(shown(&datastores.running().tree));
        }
        states
    }

    #[test]
    fn running_goes_back_by_any_number_of_commits_also_after_a_restart() {
        for restarted in [false, true] {
            for back in 0..=4 {
                let storage = MemoryStorage::new();
                let mut datastores = open(&storage);
                let states = commit_all(&datastores);
                if restarted {
                    datastores = open(&storage);
                }
                let difference = datastores.difference_to_generation(4 - back as u64).unwrap();
                let mut tree = datastores.running().tree.duplicate();
                apply(&mut tree, &difference.changes).unwrap();
                assert_eq!(shown(&tree), states[4 - back]);
                let made = datastores.rollback_changes(back, author(), &[]).unwrap();
                assert_eq!(made.generation, if back == 0 { 4 } else { 5 });
                assert_eq!(shown(&datastores.running().tree), states[4 - back]);
                assert_eq!(made.change_set.changes, difference.changes);
                if back > 0 {
                    datastores.rollback_changes(1, author(), &[]).unwrap();
                    assert_eq!(shown(&datastores.running().tree), states[4]);
                }
            }
        }
    }

    #[test]
    fn going_back_further_than_history_reaches_is_refused_with_what_there_is() {
        let datastores = open(&MemoryStorage::new());
        commit_all(&datastores);
        let refused = datastores.rollback_changes(5, author(), &[]).unwrap_err();
        assert_eq!(
            refused.to_string(),
            "generation 0 is not remembered: the history has 0 to 4"
        );
        assert!(datastores.difference_to_generation(9).is_err());
    }

    #[test]
    fn a_rollback_leaves_what_is_being_edited_as_its_editor_sees_it() {
        let datastores = open(&MemoryStorage::new());
        commit_all(&datastores);
        edit(&datastores, "<number>5</number>");
        let candidate = shown(&datastores.candidate());
        datastores.rollback_changes(2, author(), &[]).unwrap();
        assert_eq!(shown(&datastores.candidate()), candidate);
        datastores.discard();
        assert_eq!(shown(&datastores.candidate()), shown(&datastores.running().tree));
        datastores.rollback_changes(1, author(), &[]).unwrap();
        assert_eq!(shown(&datastores.candidate()), shown(&datastores.running().tree));
    }

    #[test]
    fn a_start_rolls_an_unconfirmed_commit_and_its_follow_ups_back_to_the_first_of_them() {
        let storage = MemoryStorage::new();
        let datastores = open(&storage);
        let states = commit_all(&datastores);
        let awaiting = Awaiting {
            rollback_to: 4,
            session_id: 7,
            persist: None,
        };
        for inside in ["<number>5</number>", "<number>6</number><plain>z</plain>", ""] {
            edit(&datastores, inside);
            datastores
                .commit_awaiting(author(), &[], &open_gate, Some(awaiting.clone()))
                .unwrap();
        }
        assert_eq!(datastores.awaiting(), Some(awaiting.clone()));

        let again = open(&storage);
        assert_eq!(again.awaiting(), Some(awaiting));
        storage.fail(Some(Failure::NoRoom));
        let refused = again.roll_back_unconfirmed(Timestamp::UNIX_EPOCH).err().unwrap();
        assert!(
            refused.to_string().contains("could not be rolled back to 4"),
            "{refused}"
        );
        storage.fail(None);
        let undone = again
            .roll_back_unconfirmed(Timestamp::UNIX_EPOCH)
            .unwrap()
            .unwrap();
        assert_eq!(
            (undone.generation, shown(&undone.running.tree)),
            (7, states[4].clone())
        );
        assert!(
            again
                .roll_back_unconfirmed(Timestamp::UNIX_EPOCH)
                .unwrap()
                .is_none()
        );
        assert!(open(&storage).awaiting().is_none());
    }

    #[test]
    fn a_confirmation_without_changes_is_recorded_too() {
        let storage = MemoryStorage::new();
        let datastores = open(&storage);
        edit(&datastores, "<number>5</number>");
        let awaiting = Awaiting {
            rollback_to: 0,
            session_id: 7,
            persist: Some("token".to_owned()),
        };
        datastores
            .commit_awaiting(author(), &[], &open_gate, Some(awaiting))
            .unwrap();
        assert_eq!(datastores.commit(author(), &[]).unwrap().generation, 1);
        let again = open(&storage);
        assert!(
            again
                .roll_back_unconfirmed(Timestamp::UNIX_EPOCH)
                .unwrap()
                .is_none()
        );
        assert_eq!(again.running().generation, 1);
    }
}
