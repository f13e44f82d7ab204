//! Warnings of what will run out: at 60, 30, 21, 14 and 7 days, daily in the last week, hourly on the last day.

use jiff::{SignedDuration, Timestamp};

use crate::licensing::agent::{SmartAgent, later};
use crate::licensing::evaluation::Evaluation;
use crate::licensing::event::Event;

/// What was left when it was last looked at; a threshold that lies between then and now is passed.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Warnings {
    evaluation_left: Option<SignedDuration>,
    registration_left: Option<SignedDuration>,
    /// When it is said next that the evaluation period is over.
    pub(super) evaluation_over_at: Option<Timestamp>,
}

impl SmartAgent {
    /// Says what has to be said now.
    pub(super) fn warn(&mut self, now: Timestamp) {
        let left = match self.record.evaluation {
            evaluation @ Evaluation::Running { .. } => Some(evaluation.left(now)),
            Evaluation::Stopped { .. } | Evaluation::Expired { .. } => None,
        };
        if let Some(left) = passed(&mut self.warnings.evaluation_left, left) {
            self.note(Event::EvaluationWillExpire { left });
        }
        let left = self.registration_left(now);
        if let Some(left) = passed(&mut self.warnings.registration_left, left) {
            self.note(Event::IdentityWillExpire { left });
        }
        self.warn_of_evaluation_over(now);
    }

    fn warn_of_evaluation_over(&mut self, now: Timestamp) {
        let Evaluation::Expired { at } = self.record.evaluation else {
            self.warnings.evaluation_over_at = None;
            return;
        };
        if !self.needs_evaluation() {
            self.warnings.evaluation_over_at = None;
            return;
        }
        match self.warnings.evaluation_over_at {
            Some(next) if now < next => return,
            Some(_) => self.note(Event::EvaluationOver { at }),
            None => {}
        }
        self.warnings.evaluation_over_at = Some(later(now, HOUR));
    }

    /// When [`SmartAgent::warn`] has something to say next.
    pub(super) fn next_warning(&self) -> Option<Timestamp> {
        let now = self.last_seen();
        let next = |left: Option<SignedDuration>| {
            let left = left?;
            Some(later(now, left - next_threshold(left)?))
        };
        let warnings = &self.warnings;
        let all = [
            next(warnings.evaluation_left),
            next(warnings.registration_left),
            warnings.evaluation_over_at,
        ];
        all.into_iter().flatten().min()
    }

    fn registration_left(&self, now: Timestamp) -> Option<SignedDuration> {
        let registered = self.record.registration.current()?;
        let left = registered.expires_at.duration_since(now);
        (registered.grace_until.is_none() && left.is_positive()).then_some(left)
    }
}

/// What is left now, if a threshold was passed since the last look.
fn passed(seen: &mut Option<SignedDuration>, left: Option<SignedDuration>) -> Option<SignedDuration> {
    let before = std::mem::replace(seen, left)?;
    let left = left?;
    next_threshold(before)
        .is_some_and(|threshold| left <= threshold)
        .then_some(left)
}

/// The next threshold when so much is left.
fn next_threshold(left: SignedDuration) -> Option<SignedDuration> {
    let days = [60, 30, 21, 14, 7, 6, 5, 4, 3, 2, 1].map(|days| days * 24);
    let hours = (1..=23).rev();
    days.into_iter()
        .chain(hours)
        .map(SignedDuration::from_hours)
        .find(|threshold| *threshold < left)
}

const HOUR: SignedDuration = SignedDuration::from_hours(1);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thresholds_come_closer_together_towards_the_end() {
        let mut left = SignedDuration::from_hours(90 * 24);
        let mut thresholds = Vec::new();
        while let Some(next) = next_threshold(left) {
            thresholds.push(next.as_hours());
            left = next;
        }
        let days: Vec<i64> = thresholds
            .iter()
            .filter(|hours| **hours >= 24)
            .map(|hours| hours / 24)
            .collect();
        assert_eq!(days, [60, 30, 21, 14, 7, 6, 5, 4, 3, 2, 1]);
        assert_eq!(thresholds.len(), days.len() + 23);
        assert_eq!(thresholds.last(), Some(&1));
    }

    #[test]
    fn a_threshold_is_told_once_and_many_at_once_are_one_warning() {
        let days = |days: i64| Some(SignedDuration::from_hours(24 * days));
        let mut seen = None;
        assert_eq!(passed(&mut seen, days(90)), None);
        assert_eq!(passed(&mut seen, days(60)), days(60));
        assert_eq!(passed(&mut seen, days(59)), None);
        assert_eq!(passed(&mut seen, days(10)), days(10));
        assert_eq!(passed(&mut seen, None), None);
        assert_eq!(
            passed(&mut seen, days(5)),
            None,
            "after a restart nothing is said twice"
        );
    }
}
