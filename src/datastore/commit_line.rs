//! Commits that wait for the disk together, are brought there by one sync and published in their order.
//!
//! ```text
//!  submit: check on top of the latest accepted ─▶ the line ─┐
//!  submit: …                                   ─▶ the line ─┤  settle: whoever comes first leads: one append and one sync
//!  submit: …                                   ─▶ the line ─┘  for all that wait, running becomes the last of them
//! ```
//!
//! While one leads, others are accepted behind it and form the next group. When the sync fails, all that wait are
//! refused, those accepted meanwhile too, for they stand on what is not there; running is what it was, and the candidate
//! has all their changes again.

use std::mem;
use std::sync::{Arc, MutexGuard, OnceLock, PoisonError};

use crate::datastore::candidate::Candidate;
use crate::datastore::change_set::Change;
use crate::datastore::commit::{Checked, CommitError, Committed, Made, check};
use crate::datastore::copies::Copies;
use crate::datastore::datastores::Datastores;
use crate::datastore::held::held;
use crate::datastore::history::Author;
use crate::datastore::journal_record::{Awaiting, Record};
use crate::datastore::participant::{Participant, WriteGate};
use crate::datastore::recorder::Recorder;
use crate::datastore::running::Running;
use crate::datastore::storage::StorageError;
use crate::yang::tree::Tree;

/// Commits that are accepted and not on disk yet.
#[derive(Debug, Default)]
pub(super) struct Line {
    waiting: Vec<Waiting>,
    /// What running will say of its confirmation once all that waits is on disk.
    awaiting: Option<Awaiting>,
}

impl Line {
    /// Empty, after what was recorded last.
    pub(super) fn after(awaiting: Option<&Awaiting>) -> Line {
        Line {
            waiting: Vec::new(),
            awaiting: awaiting.cloned(),
        }
    }
}

#[derive(Debug)]
struct Waiting {
    record: Record,
    /// False for a commit that changed nothing, which only waits for those before it.
    is_recorded: bool,
    generation: u64,
    outcome: Arc<OnceLock<Outcome>>,
}

type Outcome = Result<Arc<Committed>, Arc<StorageError>>;

/// A commit that was checked and accepted. It is nothing yet: [`Datastores::settle`] brings it to disk.
#[derive(Debug)]
#[must_use = "an accepted commit is not on disk before it is settled"]
pub struct Submitted(Arc<OnceLock<Outcome>>);

/// The right to bring commits to disk; one has it at a time.
struct Lead<'d>(&'d Datastores);

impl Drop for Lead<'_> {
    fn drop(&mut self) {
        *held(&self.0.leading) = false;
        self.0.turned.notify_all();
    }
}

/// Nobody else commits and nothing waits, as long as this is held.
pub(super) struct Quiet<'d> {
    line: MutexGuard<'d, Line>,
    pub(super) recorder: MutexGuard<'d, Recorder>,
    _lead: Lead<'d>,
}

impl Datastores {
    /// Checks the candidate and accepts it as the next running, on top of those that were accepted before. Does not wait
    /// for the disk. From here on the candidate is a copy of what was accepted.
    pub fn submit(
        &self,
        author: Author,
        participants: &[Box<dyn Participant>],
        gate: WriteGate<'_>,
        awaiting: Option<Awaiting>,
    ) -> Result<Submitted, CommitError> {
        let mut line = held(&self.line);
        let taken = {
            let mut candidate = held(&self.candidate);
            candidate.take(&mut held(&self.copies))
        };
        let before = self.accepted();
        let (mut tree, changes, edits) = (taken.tree, taken.changes, taken.edits);
        let made = Made::By(&changes);
        // Where this fails the candidate is made again from running and its changes.
        let checked = check(&before, &mut tree, made, participants, &self.validation)?;
        gate(&checked.change_set.changes).map_err(CommitError::Denied)?;
        drop(changes);
        Ok(self.accept(&mut line, before, (tree, checked), edits, author, awaiting))
    }

    fn accept(
        &self,
        line: &mut Line,
        before: Arc<Running>,
        (tree, checked): (Tree, Checked),
        edits: u64,
        author: Author,
        awaiting: Option<Awaiting>,
    ) -> Submitted {
        let is_local = checked.is_local;
        let record = numbered(&before, checked, author, awaiting);
        let is_recorded = !record.change_set.is_empty() || record.awaiting != line.awaiting;
        let running = self.move_on(&before, tree, &record, is_local, |candidate, running, copies| {
            candidate.follow(edits, running, copies);
        });
        line.awaiting.clone_from(&record.awaiting);
        let outcome = Arc::default();
        line.waiting.push(Waiting {
            record,
            is_recorded,
            generation: running.generation,
            outcome: Arc::clone(&outcome),
        });
        Submitted(outcome)
    }

    /// What was accepted becomes what the candidate and the next commit stand on.
    fn move_on(
        &self,
        before: &Arc<Running>,
        tree: Tree,
        record: &Record,
        is_local: bool,
        follow: impl FnOnce(&mut Candidate, Arc<Running>, &mut Copies),
    ) -> Arc<Running> {
        let generation = record.generation();
        // The candidate first, as in `discard`.
        let mut candidate = held(&self.candidate);
        let mut copies = held(&self.copies);
        if record.change_set.is_empty() {
            if is_local {
                copies.give_back(tree, generation, [].iter());
            }
            follow(&mut candidate, Arc::clone(before), &mut copies);
            return Arc::clone(before);
        }
        let running = Arc::new(Running {
            generation,
            tree: Arc::new(tree),
        });
        *held(&self.accepted) = Arc::clone(&running);
        follow(&mut candidate, Arc::clone(&running), &mut copies);
        let change_set = is_local.then(|| Arc::clone(&record.change_set));
        copies.moved(before, generation, change_set);
        running
    }

    /// Waits until an accepted commit is on disk and published, or refused because the disk refused it.
    pub fn settle(&self, submitted: Submitted) -> Result<Arc<Committed>, CommitError> {
        if let Some(lead) = self.lead_unless(|| submitted.0.get().is_some()) {
            self.bring_to_disk(&mut held(&self.recorder));
            drop(lead);
        }
        match submitted.0.get() {
            Some(Ok(committed)) => Ok(Arc::clone(committed)),
            Some(Err(error)) => Err(CommitError::NotRecorded(Arc::clone(error))),
            None => unreachable!("all that waited was settled"),
        }
    }

    /// Waits for the lead, unless there is nothing left to do with it.
    fn lead_unless(&self, done: impl Fn() -> bool) -> Option<Lead<'_>> {
        let mut leading = held(&self.leading);
        loop {
            if done() {
                return None;
            }
            if !*leading {
                *leading = true;
                return Some(Lead(self));
            }
            leading = self.turned.wait(leading).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Brings all that waits to disk and publishes it, or refuses all of it.
    fn bring_to_disk(&self, recorder: &mut Recorder) {
        let (group, last) = {
            let mut line = held(&self.line);
            (mem::take(&mut line.waiting), self.accepted())
        };
        let records: Vec<&Record> = group
            .iter()
            .filter(|waiting| waiting.is_recorded)
            .map(|waiting| &waiting.record)
            .collect();
        if let Err(error) = recorder.record(&records, &self.running()) {
            return self.refuse(group, &Arc::new(error), recorder);
        }
        *held(&self.running) = Arc::clone(&last);
        for waiting in group {
            let committed = self.publish(waiting.record, waiting.generation, &last);
            // Set once, here or in `refuse`.
            let _ = waiting.outcome.set(Ok(committed));
        }
        // Those that waited need not wait for a snapshot.
        drop(held(&self.leading));
        self.turned.notify_all();
        self.tidy(recorder, &last);
    }

    /// Remembers a commit that is on disk, and tells of it.
    pub(super) fn publish(&self, record: Record, generation: u64, running: &Arc<Running>) -> Arc<Committed> {
        let rollback_to = record.awaiting.map(|awaiting| awaiting.rollback_to);
        let committed = Arc::new(Committed {
            generation,
            change_set: Arc::clone(&record.change_set),
            running: Arc::clone(running),
            author: record.author.clone(),
        });
        held(&self.history).remember(record.author, record.change_set, rollback_to);
        if !committed.change_set.is_empty() {
            held(&self.listener)(&committed);
        }
        committed
    }

    /// Running stays as it was, for these and for all that was accepted on top of them.
    fn refuse(&self, group: Vec<Waiting>, error: &Arc<StorageError>, recorder: &Recorder) {
        let mut line = held(&self.line);
        let refused: Vec<Waiting> = group.into_iter().chain(mem::take(&mut line.waiting)).collect();
        line.awaiting = recorder.awaiting().cloned();
        let running = self.running();
        let changes: Vec<Change> = refused
            .iter()
            .flat_map(|waiting| waiting.record.change_set.changes.iter().cloned())
            .collect();
        let mut candidate = held(&self.candidate);
        let mut copies = held(&self.copies);
        *held(&self.accepted) = Arc::clone(&running);
        copies.forget_after(running.generation);
        candidate.fall_back(running, changes);
        drop(copies);
        drop(candidate);
        for waiting in refused {
            // Set once, here or where it is published.
            let _ = waiting.outcome.set(Err(Arc::clone(error)));
        }
    }

    /// Waits until nothing waits for the disk, and lets nobody commit until it is dropped.
    pub(super) fn quiet(&self) -> Quiet<'_> {
        loop {
            if let Some(lead) = self.lead_unless(|| false) {
                let mut recorder = held(&self.recorder);
                loop {
                    let line = held(&self.line);
                    if line.waiting.is_empty() {
                        return Quiet {
                            line,
                            recorder,
                            _lead: lead,
                        };
                    }
                    drop(line);
                    self.bring_to_disk(&mut recorder);
                }
            }
        }
    }

    /// Records and publishes on its own what was checked on top of running, past the candidate.
    pub(super) fn carry_out(
        &self,
        quiet: &mut Quiet<'_>,
        before: Arc<Running>,
        (tree, checked): (Tree, Checked),
        author: Author,
        awaiting: Option<Awaiting>,
    ) -> Result<Arc<Committed>, CommitError> {
        let is_local = checked.is_local;
        let record = numbered(&before, checked, author, awaiting);
        if !record.change_set.is_empty() || record.awaiting.as_ref() != quiet.recorder.awaiting() {
            quiet.recorder.record(&[&record], &before).map_err(Arc::new)?;
        }
        quiet.line.awaiting.clone_from(&record.awaiting);
        let running = self.move_on(&before, tree, &record, is_local, Candidate::moved);
        *held(&self.running) = Arc::clone(&running);
        let committed = self.publish(record, running.generation, &running);
        self.tidy(&mut quiet.recorder, &running);
        Ok(committed)
    }

    /// The latest running that was accepted; published or on the way to disk.
    pub(super) fn accepted(&self) -> Arc<Running> {
        Arc::clone(&held(&self.accepted))
    }

    /// Generation of the latest running that was accepted. A confirmed commit goes back to it.
    pub fn accepted_generation(&self) -> u64 {
        self.accepted().generation
    }
}

/// The record of what was checked on top of `before`.
fn numbered(before: &Running, mut checked: Checked, author: Author, awaiting: Option<Awaiting>) -> Record {
    let changed = !checked.change_set.is_empty();
    checked.change_set.result = Some(before.generation + u64::from(changed));
    Record {
        author,
        change_set: Arc::new(checked.change_set),
        awaiting,
    }
}
