//! Commits, confirmed ones among them: who may make them, what follows them, and when they are taken back.

use std::sync::{Arc, MutexGuard, PoisonError};

use tracing::{debug, error, info, info_span, warn};

use crate::datastore::change_set::Change;
use crate::datastore::commit::{CommitError, Committed};
use crate::datastore::commit_line::Submitted;
use crate::datastore::confirmed_commit::{Cause, ConfirmedCommit, ConfirmedRequest, Refusal, Rollback};
use crate::datastore::history::Author;
use crate::datastore::lock::Lockable;
use crate::management::base_events::{ConfirmEvent, Party};
use crate::management::error::{ErrorTag, ManagementError};
use crate::management::front_desk::{Answer, Desk, all, held, one};
use crate::management::request::{Confirmed, Reply};

impl Desk {
    /// `<commit>` (RFC 6241 sections 8.3.4.1 and 8.4.5.1).
    pub(in crate::management) fn commit(
        &self,
        session_id: u32,
        confirmed: Option<Confirmed>,
        persist_id: Option<String>,
    ) -> Answer {
        let author = self.author(session_id);
        let span = info_span!("commit", user = author.user);
        let _entered = span.enter();
        // Nobody gets a lock while a commit is on the way to disk.
        let _in_flight = self.in_flight.read().unwrap_or_else(PoisonError::into_inner);
        let mut committing = held(&self.committing);
        self.may_change(session_id, Lockable::Running)?;
        self.may_change(session_id, Lockable::Candidate)?;
        let refused = |refusal| one(refused("commit", refusal, true));
        let gate = |changes: &[Change]| {
            self.may_write(session_id, changes)?;
            self.not_partially_locked(session_id, changes)
        };
        let participants = &self.parts.participants;
        let Some(confirmed) = confirmed else {
            let confirms = committing
                .confirm(session_id, persist_id.as_deref())
                .map_err(refused)?;
            let submitted = self.parts.datastores.submit(author, participants, &gate, None);
            if !confirms {
                // Others may be accepted on top of it, and share its way to disk.
                drop(committing);
                return self.settle(submitted).map(|()| Reply::Ok);
            }
            self.settle(submitted)?;
            info!("the confirmed commit is confirmed");
            committing.confirmed();
            self.confirm_event(&self.party(session_id), ConfirmEvent::Complete);
            self.deadline_moved(&committing);
            return Ok(Reply::Ok);
        };
        let request = ConfirmedRequest {
            session_id,
            persist: confirmed.persist,
            persist_id,
        };
        let running = self.parts.datastores.accepted_generation();
        let awaiting = committing.prepare(&request, running).map_err(refused)?;
        let made = self
            .parts
            .datastores
            .commit_awaiting(author, participants, &gate, Some(awaiting.clone()));
        // What failed arms nothing, and leaves what was armed before as it was.
        self.tell(made)?;
        info!(
            back_to = awaiting.rollback_to,
            seconds = confirmed.timeout.as_secs(),
            persistent = awaiting.persist.is_some(),
            "the commit awaits its confirmation"
        );
        let event = match committing.next_deadline() {
            None => ConfirmEvent::Start(confirmed.timeout),
            Some(_) => ConfirmEvent::Extend(confirmed.timeout),
        };
        committing.arm(awaiting, confirmed.timeout, (self.parts.steady)());
        self.confirm_event(&self.party(session_id), event);
        self.deadline_moved(&committing);
        Ok(Reply::Ok)
    }

    /// `<cancel-commit>` (RFC 6241 section 8.4.4.1).
    pub(in crate::management) fn cancel_commit(&self, session_id: u32, persist_id: Option<&str>) -> Answer {
        let mut committing = held(&self.committing);
        self.may_change(session_id, Lockable::Running)?;
        let rollback = committing
            .cancel(session_id, persist_id)
            .map_err(|refusal| one(refused("cancel-commit", refusal, persist_id.is_some())))?;
        self.roll_back(&mut committing, rollback, &self.party(session_id))
            .map_err(|error| {
                let message = format!("cancel-commit: running is not yet back, it is tried again: {error}");
                one(ManagementError::application(ErrorTag::OperationFailed, message))
            })?;
        Ok(Reply::Ok)
    }

    /// A session is gone, and with it the right to confirm what it committed without a token.
    pub(in crate::management) fn undo_commit_of_lost(&self, session_id: u32, lost: &Party) {
        let mut committing = held(&self.committing);
        if let Some(rollback) = committing.session_lost(session_id) {
            // It is logged, and tried again.
            let _ = self.roll_back(&mut committing, rollback, lost);
        }
    }

    /// Undoes what nobody confirmed in time. To be called at the moments that the deadline listener hears of. Waits for
    /// the disk.
    pub fn expire(&self) {
        let mut committing = held(&self.committing);
        if let Some(rollback) = committing.expire((self.parts.steady)()) {
            // It is logged, and tried again.
            let _ = self.roll_back(&mut committing, rollback, &Party::Server);
        }
    }

    /// Makes running what it was before the first of the confirmed commits, whoever holds locks (RFC 6241 section 8.4.1).
    fn roll_back(
        &self,
        committing: &mut MutexGuard<'_, ConfirmedCommit>,
        rollback: Rollback,
        by: &Party,
    ) -> Result<(), CommitError> {
        let why = why(rollback.cause);
        let event = match rollback.cause {
            Cause::Cancelled | Cause::SessionLost => ConfirmEvent::Cancel,
            Cause::TimedOut | Cause::Restarted => ConfirmEvent::Timeout,
        };
        let author = Author {
            comment: Some(format!("rolled back: {why}")),
            ..self.author(0)
        };
        // Participants are not asked: they agreed to that configuration when it was made.
        let undone = self.parts.datastores.rollback_to(rollback.to, author, &[]);
        let result = match undone {
            Ok(undone) => {
                warn!(
                    generation = undone.generation,
                    changes = undone.change_set.changes.len(),
                    why,
                    "the confirmed commit is rolled back"
                );
                self.record_rollback(by, why, Some(&undone.change_set.changes));
                committing.rolled_back();
                self.confirm_event(by, event);
                Ok(())
            }
            Err(error) => {
                error!(%error, why, "the confirmed commit cannot be rolled back yet");
                self.record_rollback(by, why, None);
                committing.not_rolled_back((self.parts.steady)());
                Err(error)
            }
        };
        self.deadline_moved(committing);
        result
    }

    /// Waits for the disk.
    fn settle(&self, submitted: Result<Submitted, CommitError>) -> Result<(), Vec<ManagementError>> {
        self.tell(submitted.and_then(|submitted| self.parts.datastores.settle(submitted)))
    }

    /// Tells the log of a commit; the listener has heard of it.
    pub(in crate::management) fn tell(
        &self,
        made: Result<Arc<Committed>, CommitError>,
    ) -> Result<(), Vec<ManagementError>> {
        match made {
            Ok(committed) if committed.change_set.is_empty() => {
                info!(generation = committed.generation, "nothing to commit");
                Ok(())
            }
            Ok(committed) => {
                // The listener's message tells it to everybody, with user and number.
                debug!(
                    generation = committed.generation,
                    changes = committed.change_set.changes.len(),
                    "committed"
                );
                Ok(())
            }
            Err(refused) => {
                warn!(%refused, "not committed");
                Err(all(refused.into_errors()))
            }
        }
    }

    fn confirm_event(&self, by: &Party, event: ConfirmEvent) {
        self.parts.events.confirmed_commit((self.parts.now)(), by, event);
    }

    fn deadline_moved(&self, committing: &ConfirmedCommit) {
        (self.parts.deadline)(committing.next_deadline());
    }

    /// Who commits now, without label and comment.
    pub(in crate::management) fn author(&self, session_id: u32) -> Author {
        Author {
            user: self.caller(session_id).user,
            session_id,
            timestamp: (self.parts.now)(),
            label: None,
            comment: None,
        }
    }
}

fn why(cause: Cause) -> &'static str {
    match cause {
        Cause::Cancelled => "it was cancelled",
        Cause::SessionLost => "the session that had to confirm it is gone",
        Cause::TimedOut => "nobody confirmed it in time",
        Cause::Restarted => "the agent was started anew",
    }
}

/// RFC 6241 wants `invalid-value` for a wrong token (ietf-netconf, persist-id); a commit that stands in the way is
/// `in-use`, and nothing to cancel is a failed operation.
fn refused(operation: &str, refusal: Refusal, with_token: bool) -> ManagementError {
    let message = format!("{operation}: {refusal}");
    match refusal {
        Refusal::NothingAwaits if !with_token => {
            ManagementError::protocol(ErrorTag::OperationFailed, message)
        }
        Refusal::NothingAwaits | Refusal::WrongToken { .. } => {
            ManagementError::protocol(ErrorTag::InvalidValue, message).with_info("bad-element", "persist-id")
        }
        Refusal::NoToken { .. } | Refusal::OtherSession { .. } | Refusal::BeingUndone { .. } => {
            ManagementError::protocol(ErrorTag::InUse, message)
        }
    }
}
