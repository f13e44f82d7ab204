//! The boxes and arrows of a registration's life; what is not drawn does not happen.
//!
//! ```text
//!  NotRegistered --register-----------------------------> InProgress
//!  Failed        --register-----------------------------> InProgress
//!  Retry         --24 hours, or register forced---------> InProgress
//!  Complete      --register forced----------------------> InProgress
//!
//!  InProgress    --the server agrees--------------------> Complete
//!  InProgress    --fails, an older registration holds---> Complete
//!  InProgress    --the server cannot be reached, is busy> Retry
//!  InProgress    --refused, or the answer fails a check-> Failed
//!
//!  Complete      --deregister---------------------------> Deregistering
//!  Complete      --the identity ends (365 days)---------> NotRegistered
//!  Deregistering --told, refused or unreachable---------> NotRegistered
//! ```

use crate::licensing::trust::{Registered, Registration};

/// One step of the registration through the diagram.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Transition {
    /// From.
    pub from: Stage,
    /// To.
    pub to: Stage,
}

/// The boxes of the diagram.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[allow(missing_docs)] // see `trust::Registration`
pub enum Stage {
    NotRegistered,
    InProgress,
    Retry,
    Failed,
    Complete,
    Deregistering,
}

/// The arrows of the diagram.
pub const TRANSITIONS: [(Stage, Stage); 10] = [
    (Stage::NotRegistered, Stage::InProgress),
    (Stage::Failed, Stage::InProgress),
    (Stage::Retry, Stage::InProgress),
    (Stage::Complete, Stage::InProgress),
    (Stage::InProgress, Stage::Complete),
    (Stage::InProgress, Stage::Retry),
    (Stage::InProgress, Stage::Failed),
    (Stage::Complete, Stage::Deregistering),
    (Stage::Complete, Stage::NotRegistered),
    (Stage::Deregistering, Stage::NotRegistered),
];

impl Registration {
    /// The box it is in.
    pub fn stage(&self) -> Stage {
        match self {
            Registration::NotRegistered => Stage::NotRegistered,
            Registration::InProgress { .. } => Stage::InProgress,
            Registration::Retry { .. } => Stage::Retry,
            Registration::Failed { .. } => Stage::Failed,
            Registration::Complete(_) => Stage::Complete,
            Registration::Deregistering(_) => Stage::Deregistering,
        }
    }

    /// The registration that holds and goes on, if one does: not one that is being given up.
    pub fn current(&self) -> Option<&Registered> {
        match self {
            Registration::Deregistering(_) => None,
            other => other.registered(),
        }
    }

    /// See [`Registration::current`].
    pub(super) fn current_mut(&mut self) -> Option<&mut Registered> {
        match self {
            Registration::Complete(registered) => Some(registered),
            Registration::InProgress { previous, .. } => previous.as_deref_mut(),
            Registration::NotRegistered
            | Registration::Retry { .. }
            | Registration::Failed { .. }
            | Registration::Deregistering(_) => None,
        }
    }

    /// The registration that holds, if one does.
    pub fn registered(&self) -> Option<&Registered> {
        match self {
            Registration::Complete(registered) | Registration::Deregistering(registered) => Some(registered),
            Registration::InProgress { previous, .. } => previous.as_deref(),
            Registration::NotRegistered | Registration::Retry { .. } | Registration::Failed { .. } => None,
        }
    }
}
