//! The rollbacks of IOS XR (Cisco-IOS-XR-cfgmgr-rollback-act) over the history of commits.
//!
//! A commit-id is 1 000 000 000 and the generation of running that the commit made, ten digits as on IOS XR.

use std::sync::PoisonError;

use tracing::warn;

use crate::datastore::change_set::Change;
use crate::datastore::commit::CommitError;
use crate::datastore::history::Author;
use crate::datastore::lock::Lockable;
use crate::management::error::{ErrorTag, ManagementError};
use crate::management::front_desk::{Answer, Desk, all, held, one};
use crate::management::request::Reply;
use crate::yang::operation::Operation;

/// The module of the operations.
pub const NAMESPACE: &str = "http://cisco.com/ns/yang/Cisco-IOS-XR-cfgmgr-rollback-act";

/// What is added to a generation.
const FIRST_COMMIT_ID: u64 = 1_000_000_000;

/// The number of the commit that made a generation.
pub fn commit_id(generation: u64) -> u64 {
    FIRST_COMMIT_ID + generation
}

impl Desk {
    /// One of the four operations; they commit at once.
    pub(in crate::management) fn roll_back_configuration(&self, session_id: u32, document: &str) -> Answer {
        let operation = Operation::parse(self.schema(), document).map_err(all)?;
        let input = operation.input();
        // What is undone is what was published: no commit may be on its way to disk.
        let _in_flight = self.in_flight.write().unwrap_or_else(PoisonError::into_inner);
        let committing = held(&self.committing);
        self.may_change(session_id, Lockable::Running)?;
        if let Some(owner) = committing.owner() {
            let message = format!("a confirmed commit of session {owner} awaits its confirmation");
            return Err(one(ManagementError::protocol(ErrorTag::InUse, message)));
        }
        let changes = self.changes_of(&operation)?;
        self.may_write(session_id, &changes)
            .and_then(|()| self.not_partially_locked(session_id, &changes))
            .map_err(all)?;
        let author = Author {
            label: input.leaf("label").map(str::to_owned),
            comment: Some(input.leaf("comment").unwrap_or(operation.name()).to_owned()),
            ..self.author(session_id)
        };
        let (datastores, participants) = (&self.parts.datastores, &self.parts.participants);
        let made = datastores.commit_changes(&changes, author.clone(), participants);
        let made = match made {
            Err(refused) if refused.is_of_content() && input.leaf("best-effort") == Some("true") => {
                let fitting = datastores.changes_that_fit(&changes, participants);
                warn!(
                    %refused,
                    undone = fitting.changes.len(),
                    left = fitting.left.len(),
                    first_left = fitting.left.first().map(ToString::to_string),
                    "not all can be rolled back"
                );
                datastores.commit_changes(&fitting.changes, author, participants)
            }
            made => made,
        };
        self.tell(made)?;
        Ok(Reply::Ok)
    }

    /// What is to be done on running.
    fn changes_of(&self, operation: &Operation) -> Result<Vec<Change>, Vec<ManagementError>> {
        let datastores = &self.parts.datastores;
        let history = datastores.history();
        let generation = match operation.name() {
            "roll-back-configuration-last" => {
                let count = operation
                    .input()
                    .leaf("count")
                    .and_then(|count| count.parse().ok());
                let count: usize = count.unwrap_or(1);
                let base = history.iter().rev().nth(count.saturating_sub(1));
                base.map(|entry| entry.change_set.base).ok_or_else(|| {
                    let message = format!("count {count}: the history has {} commits", history.len());
                    one(unknown("count", message))
                })?
            }
            name => {
                let id = operation.input().leaf("commit-id").unwrap_or_default();
                let made = id
                    .parse::<u64>()
                    .ok()
                    .and_then(|number| number.checked_sub(FIRST_COMMIT_ID));
                let entry = history
                    .iter()
                    .find(|entry| made.is_some() && entry.change_set.result == made)
                    .ok_or_else(|| {
                        let message = format!("commit-id {id:?}: the history has no such commit");
                        one(unknown("commit-id", message))
                    })?;
                match name {
                    // The commits after it, and it too.
                    "roll-back-configuration-to" => entry.change_set.base,
                    // The commits after it.
                    "roll-back-configuration-to-exclude" => made.unwrap_or_default(),
                    // It alone.
                    _ => return Ok(entry.change_set.reverse().changes),
                }
            }
        };
        datastores.changes_back_to(generation).ok_or_else(|| {
            let error = CommitError::Forgotten {
                wanted: generation,
                oldest: history.first().map_or(generation, |entry| entry.change_set.base),
                latest: datastores.running().generation,
            };
            all(error.into_errors())
        })
    }
}

fn unknown(element: &'static str, message: String) -> ManagementError {
    ManagementError::application(ErrorTag::InvalidValue, message).with_info("bad-element", element)
}
