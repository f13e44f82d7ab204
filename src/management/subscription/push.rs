//! A subscription to a datastore: what is selected, and when it is sent (RFC 8641 section 3.1).

use std::time::{Duration, Instant};

use jiff::Timestamp;

use crate::management::request::NmdaDatastore;
use crate::management::retrieval::Wanted;
use crate::management::subscription::pending::Pending;
use crate::management::subscription::terms::ChangeType;
use crate::yang::select::Selection;
use crate::yang::tree::Tree;

/// What is pushed.
pub(in crate::management) struct Push {
    pub(in crate::management) datastore: NmdaDatastore,
    pub(in crate::management) wanted: Wanted,
    pub(in crate::management) pace: Pace,
}

/// When.
pub(in crate::management) enum Pace {
    /// Again and again.
    Periodic(Periodic),
    /// When something has changed.
    OnChange(OnChange),
}

/// An update again and again.
#[derive(Debug)]
pub(in crate::management) struct Periodic {
    pub(in crate::management) period: Duration,
    /// Updates come at multiples of the period from here.
    pub(in crate::management) anchor: Option<Timestamp>,
    /// The next one.
    pub(in crate::management) due: Instant,
}

/// An update when something has changed.
pub(in crate::management) struct OnChange {
    pub(in crate::management) dampening: Duration,
    /// Whether everything may be sent.
    pub(in crate::management) sync: bool,
    pub(in crate::management) excluded: Vec<ChangeType>,
    /// No update before.
    pub(in crate::management) quiet_until: Instant,
    /// Patches since everything was sent.
    pub(in crate::management) patches: u32,
    /// Changes were lost, which is still to be said.
    pub(in crate::management) is_incomplete: bool,
    pub(in crate::management) manner: Manner,
}

/// How changes are found.
pub(in crate::management) enum Manner {
    /// In the change sets of commits, by where they are.
    Places {
        /// The generation of running that was told.
        since: u64,
        /// What has changed after it.
        pending: Pending,
    },
    /// By comparing what is selected now with what was told.
    Compared {
        /// That.
        told: Tree,
        /// Something may have changed.
        is_stale: bool,
    },
}

impl Push {
    pub(in crate::management) fn is_on_change(&self) -> bool {
        matches!(self.pace, Pace::OnChange(_))
    }

    /// Changes are told no sooner than after so long, or the dampening period; when that is.
    pub(in crate::management) fn again_after(&mut self, now: Instant, pause: Duration) -> Option<Instant> {
        let Pace::OnChange(on_change) = &mut self.pace else {
            return None;
        };
        on_change.quiet_until = now + on_change.dampening.max(pause);
        Some(on_change.quiet_until)
    }
}

impl Periodic {
    /// The moment of the next update after now: a multiple of the period from the anchor, or one period on.
    pub(in crate::management) fn next(&self, now: Timestamp, steady: Instant) -> Instant {
        let Some(anchor) = self.anchor else {
            let next = self.due + self.period;
            // Whoever comes late makes up for nothing.
            return if next > steady { next } else { steady + self.period };
        };
        let period = i64::try_from(self.period.as_millis()).unwrap_or(i64::MAX).max(1);
        let passed = now.as_millisecond() - anchor.as_millisecond();
        let left = period - passed.rem_euclid(period);
        steady + Duration::from_millis(left.unsigned_abs())
    }
}

impl Wanted {
    /// The filter as names and keys, when it consists of nothing else: whether a node is selected then follows from
    /// where it is.
    pub(in crate::management) fn places(&self) -> Option<&Selection> {
        match self {
            Wanted::Selection(selection) => Some(selection).filter(|selection| selection.is_by_place()),
            Wanted::XPath(filter) => filter.places(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[allow(clippy::disallowed_methods)] // an Instant cannot be had otherwise; nothing here waits for it
    fn updates_come_at_multiples_of_the_period_from_the_anchor_before_and_after_it() {
        let began = Instant::now();
        let periodic = |anchor: &str| Periodic {
            period: Duration::from_secs(60),
            anchor: Some(anchor.parse().unwrap()),
            due: began,
        };
        let now: Timestamp = "2026-11-24T12:00:10Z".parse().unwrap();
        for (anchor, left) in [
            ("2026-11-24T00:00:00Z", 50),
            ("2026-11-25T00:00:30Z", 20),
            ("2026-11-24T12:00:10Z", 60),
        ] {
            assert_eq!(
                periodic(anchor).next(now, began) - began,
                Duration::from_secs(left),
                "{anchor}"
            );
        }
    }
}
