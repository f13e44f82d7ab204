//! The datastores of one agent: running for everybody to read, the candidate to edit, commits from one to the other.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Condvar, Mutex};

use crate::datastore::apply::apply;
use crate::datastore::candidate::Candidate;
use crate::datastore::change_set::{Change, ChangeSet, taking_back};
use crate::datastore::commit::{Checked, CommitError, Committed, Made, Validation, ValidationWay, check};
use crate::datastore::commit_line::{Line, Quiet};
use crate::datastore::copies::Copies;
use crate::datastore::edit::{self, Edited, OnError, parse_config};
use crate::datastore::edit_attributes::EditOperation;
use crate::datastore::held::held;
use crate::datastore::history::{Author, Entry, History};
use crate::datastore::journal_record::{Awaiting, Record};
use crate::datastore::journal_replay::replay;
use crate::datastore::participant::{Participant, WriteGate, open_gate};
use crate::datastore::recorder::{KeptCounts, Recorder};
use crate::datastore::running::Running;
use crate::datastore::snapshots::SnapshotBell;
use crate::datastore::storage::{Storage, StorageError};
use crate::yang::error::DataError;
use crate::yang::schema::Schema;
use crate::yang::tree::Tree;

/// Running, candidate and what is needed to go from one to the other. All calls are safe from any thread; only
/// [`Datastores::commit`] waits for the disk, and nobody but another commit waits for it.
pub struct Datastores {
    schema: Arc<Schema>,
    /// Held for as long as it takes to copy or swap an `Arc`.
    pub(super) running: Mutex<Arc<Running>>,
    /// What the next commit stands on: running, or what is on the way to disk. Held as shortly.
    pub(super) accepted: Mutex<Arc<Running>>,
    /// Taken before `copies`, and both before `running` and `accepted`.
    pub(super) candidate: Mutex<Candidate>,
    pub(super) copies: Mutex<Copies>,
    pub(super) validation: Validation,
    /// Commits that wait for the disk. Held while one is checked and accepted.
    pub(super) line: Mutex<Line>,
    /// Whether somebody brings commits to disk, and a bell for when that is over.
    pub(super) leading: Mutex<bool>,
    pub(super) turned: Condvar,
    /// Of whoever leads; taken before `line`.
    pub(super) recorder: Mutex<Recorder>,
    kept: Arc<KeptCounts>,
    pub(super) history: Mutex<History>,
    /// Told of every commit, in order.
    pub(super) listener: Mutex<CommitListener>,
    /// Told when running should be written whole.
    pub(super) snapshot_bell: Mutex<Option<SnapshotBell>>,
}

/// Told of every commit that changes something, in order, before it is answered. Must not block, nor commit.
pub type CommitListener = Box<dyn Fn(&Committed) + Send + Sync>;

/// How commits and edits were done since the start, and what is kept of them, for metrics.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Counts {
    /// How configurations are validated.
    pub way: ValidationWay,
    /// Validations of what a change can break that were enough.
    pub validated_around_changes: u64,
    /// Validations of everything.
    pub validated_whole: u64,
    /// Configurations that were refused.
    pub refused: u64,
    /// Why everything was validated, and how often.
    pub reasons: Vec<(&'static str, u64)>,
    /// Trees that were duplicated because no copy of running was free.
    pub duplicated: u64,
    /// The generation of running: commits since the first start.
    pub generation: u64,
    /// Commits that rollback can reach.
    pub history: usize,
    /// Generation that was last written whole.
    pub snapshot: u64,
    /// Commits recorded since then.
    pub records: u64,
    /// Commits and snapshots that could not be written.
    pub write_failures: u64,
}

/// Why the datastores could not be opened.
#[derive(thiserror::Error, Debug)]
pub enum OpenError {
    /// What was kept cannot be read.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// An unconfirmed commit could not be rolled back.
    #[error(
        "the unconfirmed commit of generation {generation} could not be rolled back to {rollback_to}: {cause}"
    )]
    Rollback {
        /// Running.
        generation: u64,
        /// Where it should go back to.
        rollback_to: u64,
        /// Why not.
        cause: Box<CommitError>,
    },
    /// What was kept does not fit the modules of this version.
    #[error("the stored configuration of generation {generation} does not fit the YANG modules: {reason}")]
    Content {
        /// Its generation.
        generation: u64,
        /// What is wrong, first fault first.
        reason: String,
    },
}

impl Datastores {
    /// Loads running and its history; an empty one when nothing was ever kept.
    pub fn open(schema: Arc<Schema>, mut storage: Box<dyn Storage>) -> Result<Datastores, OpenError> {
        let kept = storage.load()?;
        let tree = replay(&schema, &kept.snapshot, &kept.after)?;
        let last = kept.after.last();
        let generation = last.map_or(kept.snapshot.generation, Record::generation);
        let running = Arc::new(Running {
            generation,
            tree: Arc::new(tree),
        });
        let mut history = History::default();
        let recorder = Recorder::new(storage, &kept);
        for record in kept.before.into_iter().chain(kept.after) {
            let rollback_to = record.awaiting.map(|awaiting| awaiting.rollback_to);
            history.remember(record.author, record.change_set, rollback_to);
        }
        Ok(Datastores {
            schema,
            candidate: Mutex::new(Candidate::new(Arc::clone(&running))),
            copies: Mutex::default(),
            validation: Validation::default(),
            accepted: Mutex::new(Arc::clone(&running)),
            running: Mutex::new(running),
            kept: recorder.counts(),
            line: Mutex::new(Line::after(recorder.awaiting())),
            leading: Mutex::new(false),
            turned: Condvar::new(),
            recorder: Mutex::new(recorder),
            history: Mutex::new(history),
            listener: Mutex::new(Box::new(|_| {})),
            snapshot_bell: Mutex::new(None),
        })
    }

    /// The schema.
    pub fn schema(&self) -> &Arc<Schema> {
        &self.schema
    }

    /// Running as it is now.
    pub fn running(&self) -> Arc<Running> {
        Arc::clone(&held(&self.running))
    }

    /// The candidate's configuration as it is now.
    pub fn candidate(&self) -> Arc<Tree> {
        let mut candidate = held(&self.candidate);
        candidate.tree(&mut held(&self.copies))
    }

    /// Whether the candidate has changes that are neither committed nor discarded.
    pub fn candidate_is_modified(&self) -> bool {
        held(&self.candidate).is_modified()
    }

    /// What was changed in the candidate since running.
    pub fn candidate_changes(&self) -> ChangeSet {
        held(&self.candidate).change_set()
    }

    /// Edits the candidate. What comes back has the errors; the changes stay with the candidate.
    pub fn edit_candidate(
        &self,
        config: &str,
        default_operation: EditOperation,
        on_error: OnError,
    ) -> Edited {
        self.edit_candidate_through(config, default_operation, on_error, &open_gate)
    }

    /// The same, as far as a gate lets it.
    pub fn edit_candidate_through(
        &self,
        config: &str,
        default_operation: EditOperation,
        on_error: OnError,
        gate: WriteGate<'_>,
    ) -> Edited {
        let mut candidate = held(&self.candidate);
        candidate.edit(config, default_operation, on_error, gate, &mut held(&self.copies))
    }

    /// Makes the candidate a copy of running again.
    pub fn discard(&self) {
        // The candidate first: a commit takes the two in this order too.
        let mut candidate = held(&self.candidate);
        candidate.set_back(self.accepted(), &mut held(&self.copies));
    }

    /// Checks the candidate as a commit would.
    pub fn validate_candidate(&self, participants: &[Box<dyn Participant>]) -> Result<(), Vec<DataError>> {
        self.try_out(participants, |_| Ok(Vec::new()))
    }

    /// Makes the candidate's configuration once more, changes it and checks it as a commit would.
    fn try_out(
        &self,
        participants: &[Box<dyn Participant>],
        change: impl FnOnce(&mut Tree) -> Result<Vec<Change>, Vec<DataError>>,
    ) -> Result<(), Vec<DataError>> {
        let (mut tree, base, mut changes) = {
            let candidate = held(&self.candidate);
            candidate.copy(&mut held(&self.copies))
        };
        changes.extend(change(&mut tree)?);
        let checked = check(
            &base,
            &mut tree,
            Made::By(&changes),
            participants,
            &self.validation,
        )
        .map_err(CommitError::into_errors)?;
        self.give_back(tree, &checked);
        Ok(())
    }

    /// Keeps a checked tree that will not be published.
    fn give_back(&self, tree: Tree, checked: &Checked) {
        if checked.is_local {
            let changes = &checked.change_set.changes;
            held(&self.copies).give_back(tree, checked.change_set.base, changes.iter());
        }
    }

    /// Checks what an edit would make of the candidate, without doing it (test-option test-only).
    pub fn test_edit(
        &self,
        config: &str,
        default_operation: EditOperation,
        on_error: OnError,
        participants: &[Box<dyn Participant>],
        gate: WriteGate<'_>,
    ) -> Result<(), Vec<DataError>> {
        self.try_out(participants, |tree| {
            let edited = edit::edit(tree, config, default_operation, on_error);
            if !edited.errors.is_empty() {
                return Err(edited.errors);
            }
            gate(&edited.changes)?;
            Ok(edited.changes)
        })
    }

    /// Checks a whole configuration given as the content of `<config>`.
    pub fn validate_config(
        &self,
        config: &str,
        participants: &[Box<dyn Participant>],
    ) -> Result<(), Vec<DataError>> {
        let mut tree = parse_config(&self.schema, config)?;
        check(
            &self.running(),
            &mut tree,
            Made::Anyhow,
            participants,
            &self.validation,
        )
        .map(|_| ())
        .map_err(CommitError::into_errors)
    }

    /// From now on this is told of every commit.
    pub fn listen(&self, listener: CommitListener) {
        *held(&self.listener) = listener;
    }

    /// Chooses how configurations are validated; the first choice stays.
    pub fn validate_by(&self, way: ValidationWay) {
        self.validation.way.get_or_init(|| way);
    }

    pub(in crate::datastore) fn validation(&self) -> &Validation {
        &self.validation
    }

    /// How commits and edits were done since the start.
    pub fn counts(&self) -> Counts {
        let validation = &self.validation;
        let kept = &self.kept;
        Counts {
            way: validation.way.get().copied().unwrap_or_default(),
            validated_around_changes: validation.local.load(Ordering::Relaxed),
            validated_whole: validation.whole.load(Ordering::Relaxed),
            refused: validation.refused.load(Ordering::Relaxed),
            reasons: held(&validation.reasons)
                .iter()
                .map(|(why, count)| (*why, *count))
                .collect(),
            duplicated: held(&self.copies).duplicated,
            generation: self.running().generation,
            history: held(&self.history).entries().count(),
            snapshot: kept.snapshot.load(Ordering::Relaxed),
            records: kept.records.load(Ordering::Relaxed),
            write_failures: kept.failures.load(Ordering::Relaxed),
        }
    }

    /// Makes the candidate running: check, record, publish. Waits for the disk. Confirms what awaits its confirmation.
    pub fn commit(
        &self,
        author: Author,
        participants: &[Box<dyn Participant>],
    ) -> Result<Arc<Committed>, CommitError> {
        self.commit_awaiting(author, participants, &open_gate, None)
    }

    /// The same, as far as a gate lets the net difference through; running then awaits its confirmation, or no longer
    /// does. A start rolls back what still awaits it.
    pub fn commit_awaiting(
        &self,
        author: Author,
        participants: &[Box<dyn Participant>],
        gate: WriteGate<'_>,
        awaiting: Option<Awaiting>,
    ) -> Result<Arc<Committed>, CommitError> {
        let submitted = self.submit(author, participants, gate, awaiting)?;
        self.settle(submitted)
    }

    /// Edits running itself, past the candidate, which keeps its content (`:writable-running`). Tells what was wrong, and
    /// what was made of the rest; whatever the edit leaves must be valid, else nothing is done.
    pub fn edit_running(
        &self,
        config: &str,
        default_operation: EditOperation,
        on_error: OnError,
        author: Author,
        participants: &[Box<dyn Participant>],
        gate: WriteGate<'_>,
    ) -> Result<(Option<Arc<Committed>>, Vec<DataError>), CommitError> {
        let mut quiet = self.quiet();
        let before = self.running();
        let mut tree = held(&self.copies).take(&before);
        let edited = edit::edit(&mut tree, config, default_operation, on_error);
        if edited.changes.is_empty() {
            let back = taking_back(&edited.undone);
            let done = edited.undone.iter().chain(&back);
            held(&self.copies).give_back(tree, before.generation, done);
            return Ok((None, edited.errors));
        }
        let made = Made::By(&edited.changes);
        let checked = check(&before, &mut tree, made, participants, &self.validation)?;
        gate(&checked.change_set.changes).map_err(CommitError::Denied)?;
        // A confirmed commit goes on waiting for its confirmation, and takes this edit back with it.
        let awaiting = quiet.recorder.awaiting().cloned();
        let made = self.carry_out(&mut quiet, before, (tree, checked), author, awaiting)?;
        Ok((Some(made), edited.errors))
    }

    /// Checks what an edit would make of running, without doing it.
    pub fn test_running_edit(
        &self,
        config: &str,
        default_operation: EditOperation,
        on_error: OnError,
        participants: &[Box<dyn Participant>],
        gate: WriteGate<'_>,
    ) -> Result<(), Vec<DataError>> {
        let before = self.running();
        let mut tree = held(&self.copies).take(&before);
        let edited = edit::edit(&mut tree, config, default_operation, on_error);
        if !edited.errors.is_empty() {
            return Err(edited.errors);
        }
        let made = Made::By(&edited.changes);
        let checked = check(&before, &mut tree, made, participants, &self.validation)
            .map_err(CommitError::into_errors)?;
        gate(&checked.change_set.changes)?;
        self.give_back(tree, &checked);
        Ok(())
    }

    /// Carries changes out on running itself, past the candidate, which keeps its content.
    pub fn commit_changes(
        &self,
        changes: &[Change],
        author: Author,
        participants: &[Box<dyn Participant>],
    ) -> Result<Arc<Committed>, CommitError> {
        self.commit_changes_quietly(&mut self.quiet(), changes, author, participants)
    }

    /// The same, where nobody else commits meanwhile.
    pub(super) fn commit_changes_quietly(
        &self,
        quiet: &mut Quiet<'_>,
        changes: &[Change],
        author: Author,
        participants: &[Box<dyn Participant>],
    ) -> Result<Arc<Committed>, CommitError> {
        let before = self.running();
        let mut tree = held(&self.copies).take(&before);
        apply(&mut tree, changes)?;
        let made = Made::By(changes);
        let checked = check(&before, &mut tree, made, participants, &self.validation)?;
        self.carry_out(quiet, before, (tree, checked), author, None)
    }

    /// The confirmed commit that running still waits to see confirmed, as it is recorded.
    pub fn awaiting(&self) -> Option<Awaiting> {
        held(&self.recorder).awaiting().cloned()
    }

    /// What was done since a generation, undone, latest first; `None` when that is no longer remembered.
    pub fn changes_back_to(&self, generation: u64) -> Option<Vec<Change>> {
        if self.running().generation == generation {
            return Some(Vec::new());
        }
        held(&self.history).back_to(generation)
    }

    /// The latest commits, oldest first.
    pub fn history(&self) -> Vec<Entry> {
        held(&self.history).entries().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::datastore::journal_record::Snapshot;
    use crate::datastore::memory_storage::{Failure, MemoryStorage};
    use crate::datastore::storage::{Kept, SnapshotNeed};
    use crate::yang::error::DataErrorTag;
    use crate::yang::modules::ModuleSet;

    const NS: &str = "urn:ponder:test:edit-cases";

    fn open(storage: &MemoryStorage) -> Datastores {
        let text = include_str!("../../tests/data/yang/edit-cases.yang");
        let schema = Schema::load(ModuleSet::new().with_module("edit-cases", text)).unwrap();
        Datastores::open(schema, Box::new(storage.clone())).unwrap()
    }

    fn edit(datastores: &Datastores, inside: &str) {
        let config =
            format!("<c xmlns=\"{NS}\" xmlns:nc=\"urn:ietf:params:xml:ns:netconf:base:1.0\">{inside}</c>");
        let edited = datastores.edit_candidate(&config, EditOperation::Merge, OnError::Rollback);
        assert_eq!(edited.errors, []);
    }

    fn author() -> Author {
        Author {
            user: "anna".to_owned(),
            session_id: 7,
            timestamp: jiff::Timestamp::UNIX_EPOCH,
            label: None,
            comment: None,
        }
    }

    fn plain(tree: &Tree) -> Option<String> {
        tree.find("/edit-cases:c/plain")
            .and_then(|leaf| leaf.value())
            .map(str::to_owned)
    }

    #[test]
    fn a_commit_moves_the_candidate_to_running_and_survives_a_restart() {
        let storage = MemoryStorage::new();
        let datastores = open(&storage);
        let reader = datastores.running();
        edit(&datastores, "<plain>a</plain>");
        assert!(datastores.candidate_is_modified());
        assert_eq!(plain(&datastores.running().tree), None);
        let committed = datastores.commit(author(), &[]).unwrap();
        assert_eq!(committed.generation, 1);
        assert_eq!(
            (committed.change_set.base, committed.change_set.result),
            (0, Some(1))
        );
        assert_eq!(committed.change_set.changes.len(), 1);
        assert!(!datastores.candidate_is_modified());
        assert_eq!(plain(&datastores.running().tree).as_deref(), Some("a"));
        assert_eq!(plain(&reader.tree), None, "a reader keeps the generation it took");
        assert_eq!(
            datastores
                .running()
                .tree
                .find("/edit-cases:c/with-default")
                .unwrap()
                .value(),
            Some("7")
        );
        assert_eq!(
            datastores
                .history()
                .first()
                .map(|entry| entry.author.user.clone())
                .as_deref(),
            Some("anna")
        );

        let again = open(&storage);
        assert_eq!(again.running().generation, 1);
        assert_eq!(plain(&again.running().tree).as_deref(), Some("a"));
    }

    #[test]
    fn a_commit_that_cannot_be_recorded_changes_nothing() {
        let storage = MemoryStorage::new();
        let datastores = open(&storage);
        edit(&datastores, "<plain>a</plain>");
        for (failure, tag) in [
            (Failure::NoRoom, DataErrorTag::ResourceDenied),
            (Failure::Broken, DataErrorTag::OperationFailed),
        ] {
            storage.fail(Some(failure));
            let errors = datastores.commit(author(), &[]).unwrap_err().into_errors();
            assert_eq!(errors.first().map(|error| error.tag), Some(tag));
            assert_eq!(plain(&datastores.running().tree), None);
            assert!(datastores.candidate_is_modified());
            assert_eq!(storage.kept(), Kept::default());
        }
        storage.fail(None);
        assert_eq!(datastores.commit(author(), &[]).unwrap().generation, 1);
    }

    #[test]
    fn a_commit_of_something_invalid_changes_nothing_and_tells_all_faults() {
        let datastores = open(&MemoryStorage::new());
        edit(&datastores, "<even>3</even><small>30</small>");
        assert_eq!(datastores.validate_candidate(&[]).unwrap_err().len(), 2);
        assert!(
            matches!(datastores.commit(author(), &[]), Err(CommitError::Invalid(errors)) if errors.len() == 2)
        );
        assert_eq!(datastores.running().generation, 0);
        datastores.discard();
        assert!(!datastores.candidate_is_modified());
        assert_eq!(datastores.validate_candidate(&[]), Ok(()));
    }

    #[test]
    fn what_was_done_and_undone_in_the_candidate_is_no_change() {
        let datastores = open(&MemoryStorage::new());
        edit(&datastores, "<plain>a</plain>");
        edit(&datastores, "<plain nc:operation=\"delete\"/>");
        let committed = datastores.commit(author(), &[]).unwrap();
        assert!(committed.change_set.is_empty());
        assert_eq!(committed.generation, 0);
        assert_eq!(datastores.history().len(), 0);
        assert!(!datastores.candidate_is_modified());
    }

    #[test]
    fn what_when_takes_away_is_part_of_the_change_set() {
        let datastores = open(&MemoryStorage::new());
        edit(&datastores, "<plain>on</plain><gated>x</gated>");
        datastores.commit(author(), &[]).unwrap();
        edit(&datastores, "<plain>off</plain>");
        let committed = datastores.commit(author(), &[]).unwrap();
        let paths: Vec<String> = committed
            .change_set
            .changes
            .iter()
            .map(|change| change.path().to_string())
            .collect();
        assert_eq!(paths, ["/edit-cases:c/gated", "/edit-cases:c/plain"]);
    }

    struct Picky;

    impl Participant for Picky {
        fn name(&self) -> &'static str {
            "picky"
        }

        fn claims(&self) -> &[&'static str] {
            &["/edit-cases:c/plain"]
        }

        fn check(&self, change_set: &ChangeSet, _candidate: &Tree) -> Result<(), Vec<DataError>> {
            match change_set.changes.first() {
                Some(Change::Insert { .. }) => {
                    Err(vec![DataError::new(DataErrorTag::OperationFailed, "not today")])
                }
                _ => Ok(()),
            }
        }
    }

    #[test]
    fn a_participant_may_refuse_what_touches_its_part() {
        let datastores = open(&MemoryStorage::new());
        let participants: Vec<Box<dyn Participant>> = vec![Box::new(Picky)];
        edit(&datastores, "<number>1</number>");
        datastores.commit(author(), &participants).unwrap();
        edit(&datastores, "<plain>a</plain>");
        let error = datastores.commit(author(), &participants).unwrap_err();
        assert_eq!(
            error.to_string(),
            "picky refuses the configuration: operation-failed: not today"
        );
        assert_eq!(datastores.running().generation, 1);
    }

    #[test]
    fn an_edit_during_a_commit_stays_in_the_candidate() {
        /// Edits the candidate while the commit is being recorded.
        struct Meddling(Arc<Mutex<Option<Arc<Datastores>>>>);

        impl Storage for Meddling {
            fn load(&mut self) -> Result<Kept, StorageError> {
                Ok(Kept::default())
            }

            fn snapshot_need(&self) -> SnapshotNeed {
                SnapshotNeed::None
            }

            fn snapshot(&mut self, _snapshot: &Snapshot) -> Result<(), StorageError> {
                Ok(())
            }

            fn record(&mut self, _records: &[&Record]) -> Result<(), StorageError> {
                if let Some(datastores) = held(&self.0).take() {
                    edit(&datastores, "<number>5</number>");
                    assert_eq!(
                        datastores.running().generation,
                        0,
                        "running can be read meanwhile"
                    );
                }
                Ok(())
            }
        }

        let schema = open(&MemoryStorage::new()).schema().clone();
        let slot = Arc::new(Mutex::new(None));
        let datastores = Arc::new(Datastores::open(schema, Box::new(Meddling(Arc::clone(&slot)))).unwrap());
        *held(&slot) = Some(Arc::clone(&datastores));
        edit(&datastores, "<plain>a</plain>");
        datastores.commit(author(), &[]).unwrap();
        assert_eq!(plain(&datastores.running().tree).as_deref(), Some("a"));
        let changes = datastores.candidate_changes();
        assert_eq!((changes.base, changes.changes.len()), (1, 1));
        datastores.commit(author(), &[]).unwrap();
        assert!(datastores.running().tree.find("/edit-cases:c/number").is_some());
    }

    #[test]
    fn a_stored_configuration_that_no_longer_fits_is_refused_with_its_fault() {
        let mut storage = MemoryStorage::new();
        storage
            .snapshot(&Snapshot {
                generation: 4,
                configuration: format!("<c xmlns=\"{NS}\"><gone/></c>"),
                ..Snapshot::default()
            })
            .unwrap();
        let schema = open(&MemoryStorage::new()).schema().clone();
        let Err(error) = Datastores::open(schema, Box::new(storage)) else {
            panic!("it was opened");
        };
        let text = error.to_string();
        assert!(text.contains("generation 4") && text.contains("gone"), "{text}");
    }

    #[test]
    fn a_test_only_edit_leaves_the_candidate_alone() {
        let datastores = open(&MemoryStorage::new());
        let config = format!("<c xmlns=\"{NS}\"><even>3</even></c>");
        let errors = datastores
            .test_edit(&config, EditOperation::Merge, OnError::Stop, &[], &open_gate)
            .unwrap_err();
        assert_eq!(
            errors.first().and_then(|error| error.app_tag.as_deref()),
            Some("odd-number")
        );
        assert!(!datastores.candidate_is_modified());
        assert!(datastores.validate_config(&config, &[]).is_err());
    }
}
