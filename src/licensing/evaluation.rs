//! The evaluation period: 90 days, once in a device's life, that run only while licences are in use without registration.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// How long a device may try features before it registers.
pub const EVALUATION_PERIOD: SignedDuration = SignedDuration::from_hours(90 * 24);

/// What is left of the evaluation period, and whether it runs.
///
/// ```text
///  Stopped --licences in use, not registered--> Running --time used up--> Expired
///     ^------registered, or nothing in use---------'
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "state")]
pub enum Evaluation {
    /// Not needed now.
    Stopped {
        /// What is left of it.
        left: SignedDuration,
    },
    /// Licences are in use and nobody has authorized them.
    Running {
        /// What was left at `since`.
        left: SignedDuration,
        /// When it started to run, or when its remainder was last written down.
        since: Timestamp,
    },
    /// Used up; it does not come back.
    Expired {
        /// When.
        at: Timestamp,
    },
}

impl Default for Evaluation {
    fn default() -> Evaluation {
        Evaluation::Stopped {
            left: EVALUATION_PERIOD,
        }
    }
}

/// What [`Evaluation::advance`] changed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum EvaluationChange {
    /// It began to run.
    Started,
    /// It stopped and keeps its remainder.
    Stopped,
    /// It is used up.
    Expired,
}

impl Evaluation {
    /// What is left at `now`; zero when it is used up.
    pub fn left(&self, now: Timestamp) -> SignedDuration {
        match *self {
            Evaluation::Stopped { left } => left,
            // A clock that was set back gives no time as a present.
            Evaluation::Running { left, since } => {
                let used = now.duration_since(since).max(SignedDuration::ZERO);
                (left - used).max(SignedDuration::ZERO)
            }
            Evaluation::Expired { .. } => SignedDuration::ZERO,
        }
    }

    /// When it will be used up if it goes on running.
    pub fn expires_at(&self) -> Option<Timestamp> {
        match *self {
            Evaluation::Running { left, since } => since.checked_add(left).ok(),
            Evaluation::Stopped { .. } | Evaluation::Expired { .. } => None,
        }
    }

    /// Starts, stops or ends it.
    pub fn advance(&mut self, needed: bool, now: Timestamp) -> Option<EvaluationChange> {
        let left = self.left(now);
        match (*self, needed) {
            (Evaluation::Running { .. } | Evaluation::Stopped { .. }, true) if left.is_zero() => {
                let at = self.expires_at().unwrap_or(now).min(now);
                *self = Evaluation::Expired { at };
                Some(EvaluationChange::Expired)
            }
            (Evaluation::Stopped { .. }, true) => {
                *self = Evaluation::Running { left, since: now };
                Some(EvaluationChange::Started)
            }
            (Evaluation::Running { .. }, false) => {
                *self = Evaluation::Stopped { left };
                Some(EvaluationChange::Stopped)
            }
            (Evaluation::Running { .. }, true)
            | (Evaluation::Stopped { .. }, false)
            | (Evaluation::Expired { .. }, _) => None,
        }
    }

    /// The same period with its remainder as of `now`, to be written down: time without power is not used.
    pub fn noted(self, now: Timestamp) -> Evaluation {
        match self {
            // What is used up keeps its beginning, so that its end is known however late somebody looks.
            Evaluation::Running { .. } if !self.left(now).is_zero() => Evaluation::Running {
                left: self.left(now),
                since: now,
            },
            Evaluation::Running { .. } | Evaluation::Stopped { .. } | Evaluation::Expired { .. } => self,
        }
    }

    /// The same period when the wall clock has been set by this much: as much is left as before.
    pub fn shifted(self, step: SignedDuration) -> Evaluation {
        match self {
            Evaluation::Running { left, since } => Evaluation::Running {
                left,
                since: since.saturating_add(step).unwrap_or(since),
            },
            Evaluation::Stopped { .. } | Evaluation::Expired { .. } => self,
        }
    }

    /// The period as it is after a start, when it was last noted before the power went.
    pub fn after_start(self, now: Timestamp) -> Evaluation {
        match self {
            Evaluation::Running { left, .. } => Evaluation::Running { left, since: now },
            Evaluation::Stopped { .. } | Evaluation::Expired { .. } => self,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(n: i64) -> Timestamp {
        "2021-06-21T12:00:00Z".parse::<Timestamp>().unwrap() + SignedDuration::from_hours(24 * n)
    }

    fn days(n: i64) -> SignedDuration {
        SignedDuration::from_hours(24 * n)
    }

    #[test]
    fn it_runs_only_while_it_is_needed_and_keeps_its_remainder() {
        let mut evaluation = Evaluation::default();
        assert_eq!(evaluation.advance(true, day(0)), Some(EvaluationChange::Started));
        assert_eq!(evaluation.advance(true, day(10)), None);
        assert_eq!(
            evaluation.advance(false, day(30)),
            Some(EvaluationChange::Stopped)
        );
        assert_eq!(evaluation.left(day(300)), days(60));
        assert_eq!(
            evaluation.advance(true, day(300)),
            Some(EvaluationChange::Started)
        );
        assert_eq!(evaluation.expires_at(), Some(day(360)));
    }

    #[test]
    fn it_expires_at_its_end_however_late_somebody_looks_and_never_comes_back() {
        let mut evaluation = Evaluation::default();
        evaluation.advance(true, day(0));
        assert_eq!(evaluation.advance(true, day(95)), Some(EvaluationChange::Expired));
        assert_eq!(evaluation, Evaluation::Expired { at: day(90) });
        assert_eq!(evaluation.advance(false, day(96)), None);
        assert_eq!(evaluation.advance(true, day(97)), None);
        assert_eq!(evaluation.left(day(97)), SignedDuration::ZERO);
    }

    #[test]
    fn time_without_power_is_not_used_and_a_clock_set_back_gives_none() {
        let mut evaluation = Evaluation::default();
        evaluation.advance(true, day(0));
        let late = evaluation.noted(day(95));
        assert_eq!(late.expires_at(), Some(day(90)));
        let noted = evaluation.noted(day(1));
        assert_eq!(noted.after_start(day(50)).left(day(50)), days(89));
        assert_eq!(noted.left(day(0)), days(89));
    }
}
