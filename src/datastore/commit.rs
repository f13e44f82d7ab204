//! A commit: check, record, publish.
//!
//! Invariant: what was recorded is published and what was not recorded is not; a commit that fails has changed nothing.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

use tracing::{debug, error};

use crate::datastore::apply::ApplyError;
use crate::datastore::change_set::{Change, ChangeSet};
use crate::datastore::difference::{difference, is_net};
use crate::datastore::held::held;
use crate::datastore::history::Author;
use crate::datastore::participant::Participant;
use crate::datastore::running::Running;
use crate::datastore::storage::StorageError;
use crate::yang::error::{DataError, DataErrorTag};
use crate::yang::localised::Localised;
use crate::yang::path::InstancePath;
use crate::yang::print::{WithDefaults, print};
use crate::yang::select::Selection;
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
    /// The committer may not write all of it.
    #[error("access control refuses the configuration: {}", join(.0))]
    Denied(Vec<DataError>),
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
    NotRecorded(#[from] Arc<StorageError>),
}

fn join(errors: &[DataError]) -> String {
    errors
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join("; ")
}

impl CommitError {
    /// Whether it lies in the configuration alone, so that a part of it may do.
    pub fn is_of_content(&self) -> bool {
        match self {
            CommitError::Invalid(_) | CommitError::Refused { .. } | CommitError::Misfit(_) => true,
            CommitError::Denied(_) | CommitError::Forgotten { .. } | CommitError::NotRecorded(_) => false,
        }
    }

    /// What to tell a client.
    pub fn into_errors(self) -> Vec<DataError> {
        match self {
            CommitError::Invalid(errors)
            | CommitError::Refused { errors, .. }
            | CommitError::Denied(errors) => errors,
            CommitError::Forgotten { .. } => {
                vec![DataError::new(DataErrorTag::InvalidValue, self.to_string())]
            }
            CommitError::Misfit(_) => {
                vec![DataError::new(DataErrorTag::OperationFailed, self.to_string())]
            }
            CommitError::NotRecorded(error) => {
                let tag = match *error {
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
    pub(crate) change_set: ChangeSet,
    /// Whether other copies can follow by the change set alone.
    pub(crate) is_local: bool,
}

/// How configurations are validated.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum ValidationWay {
    /// What a change can break, and everything where that cannot be told.
    #[default]
    Changes,
    /// Everything, at each commit.
    Whole,
    /// Both; what they do not agree on is refused.
    Both,
}

/// How commits are validated, and how often each way was needed.
#[derive(Debug, Default)]
pub struct Validation {
    /// Which way was chosen; until then the default.
    pub way: OnceLock<ValidationWay>,
    /// Validations of what a change can break that were enough.
    pub local: AtomicU64,
    /// Validations of everything.
    pub whole: AtomicU64,
    /// Configurations that were refused.
    pub refused: AtomicU64,
    /// Why everything was validated, and how often.
    pub reasons: Mutex<BTreeMap<&'static str, u64>>,
}

impl Validation {
    /// Makes a tree valid that was made from `base` by changes at `touched`, and tells where a `when` took something
    /// away, and whether validating around the changes was enough.
    fn run(
        &self,
        base: &Running,
        tree: &mut Tree,
        touched: &[InstancePath],
    ) -> Result<(Vec<InstancePath>, bool), CommitError> {
        let way = self.way.get().copied().unwrap_or_default();
        let mut both = (way == ValidationWay::Both).then(|| tree.duplicate());
        let found = match way {
            ValidationWay::Whole => Localised::Whole("everything is validated always"),
            ValidationWay::Changes | ValidationWay::Both => tree.validate_changes(&base.tree, touched),
        };
        if found == Localised::Valid {
            self.local.fetch_add(1, Ordering::Relaxed);
            if let Some(other) = &mut both {
                let whole = other.validate();
                agree(tree, other, &whole)?;
            }
            return Ok((Vec::new(), true));
        }
        self.whole.fetch_add(1, Ordering::Relaxed);
        let why = match found {
            Localised::Whole(why) => why,
            _ => "a rule is broken or something goes because of its when",
        };
        *held(&self.reasons).entry(why).or_default() += 1;
        debug!(why, "everything is validated");
        let whole = tree.validate();
        if found == Localised::Invalid && whole.as_ref().is_ok_and(Vec::is_empty) {
            error!("validating around the changes found a fault that validating everything did not find");
            if both.is_some() {
                return Err(disagreement("only validating around the changes finds a fault"));
            }
        }
        whole.map(|removed| (removed, false)).map_err(|errors| {
            self.refused.fetch_add(1, Ordering::Relaxed);
            CommitError::Invalid(errors)
        })
    }
}

/// Whether validating everything found nothing else than validating around the changes, which found no fault.
fn agree(
    tree: &Tree,
    other: &Tree,
    whole: &Result<Vec<InstancePath>, Vec<DataError>>,
) -> Result<(), CommitError> {
    let shown = |tree: &Tree| {
        print(
            tree,
            &Selection::everything(tree.schema()),
            WithDefaults::ReportAll,
        )
    };
    let problem = match whole {
        Err(errors) => join(errors),
        Ok(removed) if !removed.is_empty() => format!(
            "{} goes because of its when",
            removed
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
                .join(", ")
        ),
        Ok(_) if shown(tree) != shown(other) => "the defaults differ".to_owned(),
        Ok(_) => return Ok(()),
    };
    error!(problem, "the two ways of validating a commit differ");
    Err(disagreement(&problem))
}

fn disagreement(problem: &str) -> CommitError {
    let message = format!("the two ways of validating this commit differ, so it is not made: {problem}");
    CommitError::Invalid(vec![DataError::new(DataErrorTag::OperationFailed, message)])
}

/// How a configuration came about that is to be checked.
pub(crate) enum Made<'c> {
    /// By these changes of the one before.
    By(&'c [Change]),
    /// In a way that may have changed anything.
    Anyhow,
}

/// From this many changes on it pays to look whether they are the net change already.
const MANY: usize = 512;

/// Makes a configuration ready that was made from `base`: the model's rules, then every participant whose part is
/// touched.
pub(crate) fn check(
    base: &Running,
    tree: &mut Tree,
    made: Made<'_>,
    participants: &[Box<dyn Participant>],
    validation: &Validation,
) -> Result<Checked, CommitError> {
    let net = match made {
        Made::By(changes) if changes.len() > MANY && is_net(tree.schema(), changes) => Some(changes),
        _ => None,
    };
    let touched: Vec<InstancePath> = match made {
        Made::By(changes) if net.is_none() => changes.iter().map(|change| change.path().clone()).collect(),
        // So many places are validated whole, whichever they are.
        Made::By(_) | Made::Anyhow => vec![InstancePath::root()],
    };
    let (removed, is_local) = validation.run(base, tree, &touched)?;
    let changes = match net {
        Some(changes) if removed.is_empty() => changes.to_vec(),
        _ => {
            let within: Vec<InstancePath> = touched.into_iter().chain(removed).collect();
            difference(&base.tree, tree, &within)
        }
    };
    let change_set = ChangeSet {
        changes,
        ..ChangeSet::since(base.generation)
    };
    for participant in participants {
        if participant.claims().iter().any(|claim| change_set.touches(claim)) {
            participant
                .check(&change_set, tree)
                .map_err(|errors| CommitError::Refused {
                    by: participant.name(),
                    errors,
                })?;
        }
    }
    Ok(Checked { change_set, is_local })
}
