//! When devices that were configured together contact their server: not all in the same second.
//!
//! The moment that is shown stays the product's (180 days, 30 days, a day, an hour after the exchange before it). What the
//! agent does of its own accord begins up to [`AgentSettings::spread`] later, and never later than a tenth of the
//! interval. How much later follows from the device's identifier and the moment alone: it is the same after a restart,
//! and different from device to device and from time to time. What an operator orders, what follows a commit and what
//! happens for the first time is never delayed.
//!
//! [`AgentSettings::spread`]: crate::licensing::agent_settings::AgentSettings::spread

use jiff::{SignedDuration, Timestamp};

use crate::licensing::message::Udi;
use crate::licensing::signature::digest;
use crate::licensing::trust::Planned;

/// Plans something for `at`, which comes round every `interval`; `most` is the longest delay.
pub(super) fn planned(
    at: Timestamp,
    interval: SignedDuration,
    most: SignedDuration,
    device: &Udi,
) -> Planned {
    let bound = most.min(interval / 10).max(SignedDuration::ZERO);
    let choices = u64::try_from(bound.as_secs()).unwrap_or(0) + 1;
    let sum = digest(&[
        b"ponder spread",
        device.certificate_name().as_bytes(),
        &at.as_second().to_be_bytes(),
    ]);
    let (number, _) = sum.as_slice().split_first_chunk::<8>().unwrap_or((&[0; 8], &[]));
    let late = u64::from_be_bytes(*number) % choices;
    Planned {
        at,
        late: SignedDuration::from_secs(i64::try_from(late).unwrap_or(0)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: SignedDuration = SignedDuration::from_hours(1);
    const MOST: SignedDuration = SignedDuration::from_mins(5);

    fn device(serial_number: u32) -> Udi {
        Udi {
            pid: "NCS1004".to_owned(),
            serial_number: format!("CAT{serial_number}"),
            uuid: "default-sdr".to_owned(),
        }
    }

    fn late(device: &Udi, interval: SignedDuration) -> i64 {
        let at = "2021-06-21T12:40:52Z".parse().unwrap();
        let planned = planned(at, interval, MOST, device);
        assert_eq!(planned.due().duration_since(at), planned.late);
        planned.late.as_secs()
    }

    #[test]
    fn a_fleet_comes_spread_over_the_whole_of_five_minutes() {
        let mut minutes = [0; 5];
        for number in 0..1_000 {
            let late = late(&device(number), 24 * HOUR);
            assert!((0..=300).contains(&late), "{late}");
            minutes[usize::try_from(late / 60).unwrap().min(4)] += 1;
        }
        assert!(
            minutes.iter().all(|devices| (150..250).contains(devices)),
            "{minutes:?}"
        );
    }

    #[test]
    fn a_device_is_late_by_the_same_each_time_it_is_asked_and_by_no_more_than_a_tenth() {
        for number in 0..100 {
            assert_eq!(late(&device(number), HOUR), late(&device(number), HOUR));
            assert!(late(&device(number), SignedDuration::from_mins(10)) <= 60);
            assert_eq!(late(&device(number), SignedDuration::from_secs(5)), 0);
        }
    }
}
