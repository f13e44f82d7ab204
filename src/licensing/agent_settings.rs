//! Periods and readings of the smart agent; the defaults are the product's.

use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;

use crate::licensing::agent::later;

/// Periods and readings; the defaults are the product's.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AgentSettings {
    /// From a changed count to its report (reading Q30).
    pub hold_down: SignedDuration,
    /// From a registration that could not reach the server to the next one (L-070).
    pub registration_retry: SignedDuration,
    /// From an identity certificate to its renewal (L-071), unless the server says otherwise.
    pub identity_renewal: SignedDuration,
    /// From one authorization to the next (L-073), unless the server says otherwise.
    pub authorization_renewal: SignedDuration,
    /// From a registration to the moment its first authorization is overdue (L-074).
    pub authorization_deadline: SignedDuration,
    /// From a failed authorization to the next attempt.
    pub authorization_retry: SignedDuration,
    /// The same when the authorization has expired, or a change has not been reported (L-075).
    pub urgent_retry: SignedDuration,
    /// From one count from scratch to the next (L-077).
    pub collection: SignedDuration,
    /// From one comparison with the server's counts to the next (L-078).
    pub reporting: SignedDuration,
    /// How long an answer is waited for, at the most.
    pub exchange_timeout: SignedDuration,
    /// The longest that something scheduled is delayed, so that a fleet does not knock together; see
    /// [`crate::licensing::spread`].
    pub spread: SignedDuration,
    /// How long a registration outlives a clock that was set outside its certificate's validity.
    pub clock_grace: SignedDuration,
    /// How long reports wait, after a start, for hardware that has not taken up its configuration yet.
    pub settling: SignedDuration,
    /// What a failed renewal of the identity certificate means (reading Q12).
    pub failed_renewal: FailedRenewal,
    /// When a changed count is reported (reading Q30).
    pub changed_counts: ChangedCounts,
    /// From when on the authorization period runs out (reading Q11).
    pub authorization_expiry: AuthorizationExpiry,
    /// What an accepted registration command is answered.
    pub register_answer: RegisterAnswer,
}

impl AgentSettings {
    /// The moment at which an authorization expires when nothing is heard, by the deadline that counts from the last
    /// success.
    pub(super) fn expiry(&self, deadline: Timestamp) -> Timestamp {
        match self.authorization_expiry {
            AuthorizationExpiry::AfterLastSuccess => deadline,
            AuthorizationExpiry::AfterMissedRenewal => later(deadline, self.authorization_renewal),
        }
    }
}

/// "In case the renewal fails, the product instance goes into unidentified state": at once?
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FailedRenewal {
    /// When the certificate ends; until then it is tried again, daily and in the last week hourly.
    #[default]
    TriedAgain,
    /// At once.
    Unidentified,
}

/// A commit changes a count at once; when does the server learn of it?
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ChangedCounts {
    /// A few seconds later, so that several commits make one report.
    #[default]
    AfterHoldDown,
    /// With the next collection, at most an hour later.
    AtCollection,
    /// With the next report, at most a day later.
    AtReporting,
}

/// The model of another product line answers an accepted registration with `registrationinprogress`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RegisterAnswer {
    /// `success`.
    #[default]
    Success,
    /// `registrationinprogress`, with operation status `success`.
    InProgress,
}

/// The text says "after 90 days", Table 2 "after 90 days of expiry".
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AuthorizationExpiry {
    /// 90 days after the last success, as every sample shows.
    #[default]
    AfterLastSuccess,
    /// 90 days after the renewal that was missed, which was due after 30.
    AfterMissedRenewal,
}

impl Default for AgentSettings {
    fn default() -> AgentSettings {
        let days = |days: i64| SignedDuration::from_hours(24 * days);
        AgentSettings {
            hold_down: SignedDuration::from_secs(5),
            registration_retry: days(1),
            identity_renewal: days(180),
            authorization_renewal: days(30),
            authorization_deadline: days(90),
            authorization_retry: days(1),
            urgent_retry: SignedDuration::from_hours(1),
            collection: SignedDuration::from_mins(60),
            reporting: SignedDuration::from_mins(1440),
            exchange_timeout: SignedDuration::from_secs(60),
            spread: SignedDuration::from_mins(5),
            clock_grace: SignedDuration::from_mins(60),
            settling: SignedDuration::from_mins(5),
            authorization_expiry: AuthorizationExpiry::AfterLastSuccess,
            failed_renewal: FailedRenewal::TriedAgain,
            changed_counts: ChangedCounts::AfterHoldDown,
            register_answer: RegisterAnswer::Success,
        }
    }
}
