//! One counting of the licences in use: what was looked at, by which readings, and what came out.

use std::fmt::Write as _;
use std::sync::Arc;

use crate::app::device_driver::Device;
use crate::app::licence_facts::licence_facts;
use crate::licensing::consumption::{Consumption, consumption};
use crate::licensing::count_change::{CountChange, count_changes};
use crate::licensing::explanation::{Explanation, explanation};
use crate::licensing::facts::Facts;
use crate::licensing::policy::Policy;

/// A counting, kept so that it can be explained as it was.
#[derive(Clone, Debug, Default)]
pub struct Counting {
    /// What was looked at.
    pub facts: Facts,
    /// By which readings.
    pub policy: Arc<Policy>,
    /// What came out.
    pub consumption: Arc<Consumption>,
}

impl Counting {
    /// Counts what the device has now.
    pub fn of(device: &Device, policy: &Arc<Policy>) -> Counting {
        let facts = licence_facts(&device.desired(), &device.snapshot());
        let consumption = Arc::new(consumption(&facts, policy));
        Counting {
            facts,
            policy: Arc::clone(policy),
            consumption,
        }
    }

    /// Why each licence is counted. Its sums are the counts.
    pub fn explanation(&self) -> Explanation {
        explanation(&self.facts, &self.policy)
    }

    /// Tells the process log of every count that differs from the counting before, with the reasons.
    pub fn tell_changes(&self, before: &Counting) {
        for change in count_changes(&before.consumption, &self.consumption) {
            let CountChange {
                entitlement,
                from,
                to,
                ..
            } = change;
            tracing::info!(
                entitlement = entitlement.short_tag(),
                from,
                to,
                because = reasons(&change),
                "licence count changed"
            );
        }
    }
}

/// The reasons in one line; a card that comes or goes changes dozens of ports at once.
fn reasons(change: &CountChange) -> String {
    const NAMED: usize = 12;
    let mut text = String::new();
    for (position, reason) in change.reasons.iter().take(NAMED).enumerate() {
        let separator = if position == 0 { "" } else { "; " };
        // Writing to a string cannot fail.
        let _ = write!(text, "{separator}{reason}");
    }
    if let Some(more) = change.reasons.len().checked_sub(NAMED).filter(|more| *more > 0) {
        let _ = write!(text, "; and {more} more");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::licensing::sample::{Chassis, L12T, chassis};

    fn counting(chassis: Chassis) -> Counting {
        Counting {
            consumption: Arc::new(consumption(&chassis.0, &Policy::default())),
            facts: chassis.0,
            ..Counting::default()
        }
    }

    #[test]
    fn the_reasons_of_a_change_fit_in_one_line() {
        let full = || chassis().card(L12T).plain(0, 6).plain(1, 6);
        let (one, three) = (
            counting(full()),
            counting(full().card(L12T).plain(0, 6).plain(1, 6)),
        );
        let changes = count_changes(&Counting::default().consumption, &one.consumption);
        let line = reasons(&changes[0]);
        assert!(
            line.starts_with("+1 HundredGigECtrlr0/0/0/6: one for each client port beyond the first 4; +1 ")
        );
        assert_eq!(line.matches("; ").count(), 7);
        let all = count_changes(&Counting::default().consumption, &three.consumption);
        assert!(reasons(&all[0]).ends_with("; and 4 more"), "{}", reasons(&all[0]));
    }
}
