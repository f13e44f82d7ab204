//! One moment on both clocks: wall time, which people see and set, and steady time, which only passes.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

/// One moment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Now {
    /// What the clock on the wall shows.
    pub wall: Timestamp,
    /// Time since some moment in the past. It goes on while the machine sleeps, and nobody can set it.
    pub steady: Duration,
}

impl Now {
    /// By how much somebody has set the wall clock since `before`; `None` while it runs as it should.
    pub fn step_since(&self, before: &Now) -> Option<SignedDuration> {
        let passed = SignedDuration::try_from(self.steady.saturating_sub(before.steady)).ok()?;
        let step = self.wall.duration_since(before.wall) - passed;
        (step.abs() > TOLERANCE).then_some(step)
    }
}

/// A clock that is being disciplined drifts by less than this from one look to the next.
const TOLERANCE: SignedDuration = SignedDuration::from_secs(2);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_is_told_from_time_that_passes_and_from_drift() {
        let before = Now {
            wall: "2021-06-21T12:40:52Z".parse().unwrap(),
            steady: Duration::from_secs(100),
        };
        let after = |wall: i64, steady: u64| Now {
            wall: before.wall + SignedDuration::from_secs(wall),
            steady: before.steady + Duration::from_secs(steady),
        };
        assert_eq!(after(3_600, 3_600).step_since(&before), None);
        assert_eq!(after(61, 60).step_since(&before), None);
        let hour = SignedDuration::from_hours(1);
        assert_eq!(after(3_660, 60).step_since(&before), Some(hour));
        assert_eq!(after(-3_540, 60).step_since(&before), Some(-hour));
    }
}
