//! The boxes and arrows of an agent's life; what is not drawn does not happen.
//!
//! A test reads this page and compares it with the lists below, and the simulation holds every move of every run to them.
//!
//! # Registration
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
//!  Complete      --the identity ends (365 days), or the
//!                  clock stays outside it for an hour---> NotRegistered
//!  Deregistering --told, refused or unreachable---------> NotRegistered
//! ```
//!
//! # Authorization, while registered
//!
//! Each answer of the server chooses anew; 90 days without a success expire.
//!
//! ```text
//!  Waiting         --answered, nothing is in use--------> Idle
//!  Waiting         --answered, enough-------------------> Authorized
//!  Waiting         --answered, too few------------------> OutOfCompliance
//!  Waiting         --90 days----------------------------> Expired
//!  Idle            --answered, enough-------------------> Authorized
//!  Idle            --answered, too few------------------> OutOfCompliance
//!  Idle            --90 days----------------------------> Expired
//!  Authorized      --answered, nothing is in use--------> Idle
//!  Authorized      --answered, too few------------------> OutOfCompliance
//!  Authorized      --90 days----------------------------> Expired
//!  OutOfCompliance --answered, nothing is in use--------> Idle
//!  OutOfCompliance --answered, enough-------------------> Authorized
//!  OutOfCompliance --90 days----------------------------> Expired
//!  Expired         --answered, nothing is in use--------> Idle
//!  Expired         --answered, enough-------------------> Authorized
//!  Expired         --answered, too few------------------> OutOfCompliance
//! ```
//!
//! # Evaluation, while neither registered nor reserved
//!
//! ```text
//!  Stopped         --licences are in use----------------> Running
//!  Running         --registered, reserved, nothing used-> Stopped
//!  Running         --90 days of use are over------------> Expired
//! ```
//!
//! # Reservation
//!
//! ```text
//!  Absent          --reservation-request----------------> Requested
//!  Requested       --cancel, or its code is given back--> Absent
//!  Requested       --reservation-install----------------> Installed
//!  Installed       --reservation-return-----------------> Absent
//! ```

use crate::licensing::evaluation::Evaluation;
use crate::licensing::trust::{Registered, Registration, ReservationStage, Standing};

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

/// The arrows of a registration.
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

/// The boxes at the two ends of an arrow, by name.
pub type Arrow = (&'static str, &'static str);

/// The arrows of an authorization.
pub const AUTHORIZATION: [Arrow; 16] = [
    ("Waiting", "Idle"),
    ("Waiting", "Authorized"),
    ("Waiting", "OutOfCompliance"),
    ("Waiting", "Expired"),
    ("Idle", "Authorized"),
    ("Idle", "OutOfCompliance"),
    ("Idle", "Expired"),
    ("Authorized", "Idle"),
    ("Authorized", "OutOfCompliance"),
    ("Authorized", "Expired"),
    ("OutOfCompliance", "Idle"),
    ("OutOfCompliance", "Authorized"),
    ("OutOfCompliance", "Expired"),
    ("Expired", "Idle"),
    ("Expired", "Authorized"),
    ("Expired", "OutOfCompliance"),
];

/// The arrows of the evaluation period.
pub const EVALUATION: [Arrow; 3] = [
    ("Stopped", "Running"),
    ("Running", "Stopped"),
    ("Running", "Expired"),
];

/// The arrows of a reservation.
pub const RESERVATION: [Arrow; 4] = [
    ("Absent", "Requested"),
    ("Requested", "Absent"),
    ("Requested", "Installed"),
    ("Installed", "Absent"),
];

impl Standing {
    /// The box it is in.
    pub fn name(&self) -> &'static str {
        match self {
            Standing::Waiting => "Waiting",
            Standing::Idle => "Idle",
            Standing::Authorized => "Authorized",
            Standing::OutOfCompliance { .. } => "OutOfCompliance",
            Standing::Expired { .. } => "Expired",
        }
    }
}

impl Evaluation {
    /// The box it is in.
    pub fn name(&self) -> &'static str {
        match self {
            Evaluation::Stopped { .. } => "Stopped",
            Evaluation::Running { .. } => "Running",
            Evaluation::Expired { .. } => "Expired",
        }
    }
}

impl ReservationStage {
    /// The box it is in.
    pub fn name(&self) -> &'static str {
        match self {
            ReservationStage::Absent => "Absent",
            ReservationStage::Requested { .. } => "Requested",
            ReservationStage::Installed(_) => "Installed",
        }
    }
}

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

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// The arrows that a section of this page draws.
    fn drawn(section: &str) -> BTreeSet<(String, String)> {
        let page = include_str!("diagram.rs");
        let page: Vec<&str> = page.lines().map_while(|line| line.strip_prefix("//!")).collect();
        let begin = page
            .iter()
            .position(|line| line.trim().starts_with(&format!("# {section}")))
            .unwrap();
        let mut arrows = BTreeSet::new();
        let mut from = "";
        for line in page
            .iter()
            .skip(begin + 1)
            .take_while(|line| !line.trim().starts_with("# "))
        {
            if let Some((left, _)) = line.split_once(" --") {
                from = left.trim();
            }
            if let Some((_, to)) = line.split_once("> ") {
                arrows.insert((from.to_owned(), to.trim().to_owned()));
            }
        }
        arrows
    }

    fn listed<const COUNT: usize>(arrows: [Arrow; COUNT]) -> BTreeSet<(String, String)> {
        arrows.map(|(from, to)| (from.to_owned(), to.to_owned())).into()
    }

    #[test]
    fn the_drawing_and_the_lists_are_the_same() {
        let registration = TRANSITIONS.map(|(from, to)| (format!("{from:?}"), format!("{to:?}")));
        assert_eq!(drawn("Registration"), registration.into());
        assert_eq!(drawn("Authorization"), listed(AUTHORIZATION));
        assert_eq!(drawn("Evaluation"), listed(EVALUATION));
        assert_eq!(drawn("Reservation"), listed(RESERVATION));
    }
}
