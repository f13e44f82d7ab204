//! A commit: check, record, publish.
//!
//! Invariant: what was recorded is published and what was not recorded is not; a commit that fails has changed nothing.

use std::sync::Arc;

use crate::datastore::apply::ApplyError;
use crate::datastore::change_set::ChangeSet;
use crate::datastore::difference::difference;
use crate::datastore::history::Author;
use crate::datastore::participant::Participant;
use crate::datastore::running::Running;
use crate::datastore::storage::StorageError;
use crate::yang::error::{DataError, DataErrorTag};
use crate::yang::path::InstancePath;
use crate::yang::tree::Tree;

/// A commit that was made.
#[derive(Debug)]
pub struct Committed {
    /// Generation of running that it made; the old one when there was nothing to change.
    pub generation: u64,
    /// The net change.
    pub change_set: Arc<ChangeSet>,
    /// Running after it.
    pub running: Arc<Running>,
    /// Who made it.
    pub author: Author,
}

/// Why a commit was not made.
#[derive(thiserror::Error, Debug)]
pub enum CommitError {
    /// The configuration breaks the model's rules.
    #[error("the configuration is not valid: {}", join(.0))]
    Invalid(Vec<DataError>),
    /// A part of the house refuses it.
    #[error("{by} refuses the configuration: {}", join(.errors))]
    Refused {
        /// Who.
        by: &'static str,
        /// Why.
        errors: Vec<DataError>,
    },
    /// The generation to go back to is no longer remembered.
    #[error("generation {wanted} is not remembered: the history has {oldest} to {latest}")]
    Forgotten {
        /// The generation.
        wanted: u64,
        /// The oldest one to which running can go back.
        oldest: u64,
        /// Running.
        latest: u64,
    },
    /// What is remembered does not fit running.
    #[error("the history does not fit running: {0}")]
    Misfit(#[from] ApplyError),
    /// It could not be recorded.
    #[error(transparent)]
    NotRecorded(#[from] StorageError),
}

fn join(errors: &[DataError]) -> String {
    errors
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join("; ")
}

impl CommitError {
    /// What to tell a client.
    pub fn into_errors(self) -> Vec<DataError> {
        match self {
            CommitError::Invalid(errors) | CommitError::Refused { errors, .. } => errors,
            CommitError::Forgotten { .. } => {
                vec![DataError::new(DataErrorTag::InvalidValue, self.to_string())]
            }
            CommitError::Misfit(_) => {
                vec![DataError::new(DataErrorTag::OperationFailed, self.to_string())]
            }
            CommitError::NotRecorded(error) => {
                let tag = match error {
                    StorageError::NoRoom { .. } => DataErrorTag::ResourceDenied,
                    _ => DataErrorTag::OperationFailed,
                };
                vec![DataError::new(tag, format!("nothing was committed: {error}"))]
            }
        }
    }
}

/// A configuration that may be committed.
#[derive(Debug)]
pub(crate) struct Checked {
    pub(crate) tree: Tree,
    pub(crate) change_set: ChangeSet,
}

/// Checks a configuration made from `base` by changes at `touched`: the model's rules, then every participant whose
/// part is touched.
pub(crate) fn check(
    base: &Running,
    candidate: &Tree,
    touched: &[InstancePath],
    participants: &[Box<dyn Participant>],
) -> Result<Checked, CommitError> {
    let mut tree = candidate.duplicate();
    let removed = tree.validate().map_err(CommitError::Invalid)?;
    let within: Vec<InstancePath> = touched.iter().cloned().chain(removed).collect();
    let change_set = ChangeSet {
        changes: difference(&base.tree, &tree, &within),
        ..ChangeSet::since(base.generation)
    };
    for participant in participants {
        if participant.claims().iter().any(|claim| change_set.touches(claim)) {
            participant
                .check(&change_set, &tree)
                .map_err(|errors| CommitError::Refused {
                    by: participant.name(),
                    errors,
                })?;
        }
    }
    Ok(Checked { tree, change_set })
}
