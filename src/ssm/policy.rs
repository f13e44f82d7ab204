//! The times that the licence server decides on: when devices come back, and how long what they were given holds.

use jiff::SignedDuration;

use crate::ssm::SsmError;
use crate::ssm::ca::IDENTITY_LIFE;

/// Times that the server decides on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Policy {
    /// How far a device's clock may be from the server's; nonces are remembered twice that long.
    pub clock_window: SignedDuration,
    /// When a device renews its identity certificate (L-071).
    pub renew_interval: SignedDuration,
    /// When a device asks for authorization again (L-073).
    pub next_contact: SignedDuration,
    /// The same while it is out of compliance (L-073 again; B3: a server may shorten it).
    pub next_contact_out_of_compliance: SignedDuration,
    /// How long an authorization holds (L-074).
    pub authorization_life: SignedDuration,
}

const DAY: SignedDuration = SignedDuration::from_hours(24);

/// The shortest interval that a device keeps.
const SHORTEST_INTERVAL: SignedDuration = SignedDuration::from_mins(1);

impl Default for Policy {
    fn default() -> Policy {
        Policy {
            clock_window: SignedDuration::from_hours(1),
            renew_interval: DAY * 180,
            next_contact: DAY * 30,
            next_contact_out_of_compliance: DAY * 30,
            authorization_life: DAY * 90,
        }
    }
}

impl Policy {
    /// Refuses what no device could keep: to come back after its authorization has run out, or to renew a certificate
    /// that is over.
    pub fn check(&self) -> Result<(), SsmError> {
        let (life, year) = (self.authorization_life, IDENTITY_LIFE);
        for (what, value, end, of) in [
            (
                "--renewal-interval",
                self.renew_interval,
                year,
                "the identity certificate",
            ),
            (
                "--authorization-interval",
                self.next_contact,
                life,
                "--authorization-life",
            ),
            (
                "--out-of-compliance-interval",
                self.next_contact_out_of_compliance,
                life,
                "--authorization-life",
            ),
        ] {
            if value >= end {
                let rule = format!("must be shorter than {end:#} of {of}");
                return Err(SsmError::Interval { what, value, rule });
            }
            if value < SHORTEST_INTERVAL {
                let rule = format!("must be {SHORTEST_INTERVAL:#} or more: no device comes back sooner");
                return Err(SsmError::Interval { what, value, rule });
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_that_no_device_could_keep_are_refused() {
        let told = |policy: Policy| policy.check().map_err(|error| error.to_string());
        assert_eq!(told(Policy::default()), Ok(()));
        let hour = SignedDuration::from_hours(1);
        let late = Policy {
            next_contact: hour * 2,
            authorization_life: hour * 2,
            next_contact_out_of_compliance: hour,
            ..Policy::default()
        };
        assert_eq!(
            told(late),
            Err("--authorization-interval 2h: must be shorter than 2h of --authorization-life".to_owned())
        );
        let year = Policy {
            renew_interval: DAY * 365,
            ..Policy::default()
        };
        assert_eq!(
            told(year),
            Err(
                "--renewal-interval 8760h: must be shorter than 8760h of the identity certificate".to_owned()
            )
        );
        let hasty = Policy {
            next_contact_out_of_compliance: SignedDuration::from_secs(59),
            ..Policy::default()
        };
        assert_eq!(
            told(hasty),
            Err(
                "--out-of-compliance-interval 59s: must be 1m or more: no device comes back sooner"
                    .to_owned()
            )
        );
    }
}
