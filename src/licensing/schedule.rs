//! What the agent does of its own accord, and when: rounds of counting and reporting, exchanges that come due.

use std::collections::BTreeSet;

use jiff::Timestamp;

use crate::licensing::agent::{Counted, Occasion, Output, SmartAgent, later};
use crate::licensing::agent_settings::ChangedCounts;
use crate::licensing::consumption::Counts;
use crate::licensing::event::Event;
use crate::licensing::state::{ExchangeKind, Rounds};
use crate::licensing::trust::{Planned, Registration, Standing};

impl SmartAgent {
    /// When [`Input::Tick`] is due; later than the `now` of the last input.
    ///
    /// [`Input::Tick`]: crate::licensing::agent::Input::Tick
    pub fn next_deadline(&self) -> Option<Timestamp> {
        let registered = self.record.registration.current();
        let expiry = registered.and_then(|registered| match registered.authorization.standing {
            Standing::Expired { .. } => None,
            Standing::Waiting | Standing::Idle | Standing::Authorized | Standing::OutOfCompliance { .. } => {
                Some(registered.authorization.deadline)
            }
        });
        let all = [
            Some(self.collection.next),
            Some(self.reporting.next),
            self.settling_until,
            self.record.evaluation.expires_at(),
            self.in_flight.as_ref().map(|flight| flight.gives_up_at),
            registered.and_then(|registered| self.validity_deadline(registered)),
            expiry,
            self.next_exchange().map(|planned| planned.due()),
            self.next_warning(),
            self.next_term(),
        ];
        all.into_iter().flatten().min()
    }

    /// When the server is contacted next without a command, as it is shown.
    pub(super) fn next_attempt(&self) -> Option<Timestamp> {
        self.next_exchange().map(|planned| planned.at)
    }

    /// The next exchange that begins without a command; `None` while one is in flight.
    fn next_exchange(&self) -> Option<Planned> {
        if self.in_flight.is_some() || !self.may_begin() {
            return None;
        }
        match &self.record.registration {
            Registration::Retry { retry_at, .. } => Some(*retry_at),
            Registration::Complete(registered) if registered.grace_until.is_none() => {
                let identity = Some(registered.renew_at);
                let (exchange, report) = match self.settling_until {
                    Some(_) => (None, None),
                    None => {
                        let report = self.wanted.report_at.map(Planned::at_once);
                        (Some(registered.authorization.next_exchange), report)
                    }
                };
                let all = [identity, exchange, report];
                all.into_iter().flatten().min_by_key(Planned::due)
            }
            Registration::NotRegistered
            | Registration::InProgress { .. }
            | Registration::Failed { .. }
            | Registration::Complete(_)
            | Registration::Deregistering(_) => None,
        }
    }

    /// The exchange that is due, if one is and nothing keeps it.
    pub(super) fn due_exchange(&mut self, now: Timestamp) -> Option<ExchangeKind> {
        if !self.may_begin() {
            return None;
        }
        match &self.record.registration {
            Registration::Deregistering(_) => Some(ExchangeKind::Deregistration),
            Registration::InProgress { .. } => Some(ExchangeKind::Registration),
            Registration::Retry {
                retry_at, attempt, ..
            } if retry_at.due() <= now => {
                let attempt = attempt.clone();
                self.go(Registration::InProgress {
                    attempt,
                    previous: None,
                });
                Some(ExchangeKind::Registration)
            }
            Registration::Complete(registered) if registered.grace_until.is_none() => {
                let report_due = self.wanted.report_at.is_some_and(|report_at| report_at <= now);
                let exchange_due = registered.authorization.next_exchange.due() <= now;
                if self.wanted.identity_renewal || registered.renew_at.due() <= now {
                    Some(ExchangeKind::IdentityRenewal)
                } else if self.settling_until.is_none()
                    && (self.wanted.authorization || report_due || exchange_due)
                {
                    Some(ExchangeKind::Authorization)
                } else {
                    None
                }
            }
            Registration::NotRegistered
            | Registration::Retry { .. }
            | Registration::Failed { .. }
            | Registration::Complete(_) => None,
        }
    }

    /// Exchanges take place at all.
    fn may_begin(&self) -> bool {
        self.configuration.enabled && self.installed_reservation().is_none()
    }

    pub(super) fn run_rounds(&mut self, now: Timestamp) {
        if self.settling_until.is_some_and(|until| until <= now) {
            self.settled(now);
        }
        if self.collection.next <= now {
            self.collection = Rounds::starting(now, self.settings.collection);
            self.record.evaluation = self.record.evaluation.noted(now);
            self.record.noted_at = Some(now);
            self.ask(Output::Collect);
        }
        if self.reporting.next <= now {
            self.reporting = Rounds::starting(now, self.settings.reporting);
            if self.unreported_change() {
                self.wanted.report_at = Some(now);
            }
        }
    }

    /// Takes over what was counted.
    pub(super) fn counted(&mut self, counted: Counted, occasion: Occasion, now: Timestamp) {
        let counts = counted.consumption.counts();
        if occasion == Occasion::Collection && counts != self.counts {
            let difference = difference(&self.counts, &counts);
            self.note(Event::CountsCorrected { difference });
        }
        self.counts = counts;
        self.consumption = counted.consumption;
        self.note_first_use();
        if counted.settled && self.settling_until.is_some() {
            self.settled(now);
        }
        self.schedule_report(now);
    }

    /// The hardware does what is configured, or has been waited for long enough: counts can be reported.
    fn settled(&mut self, now: Timestamp) {
        self.settling_until = None;
        self.wanted.report_at = None;
        self.schedule_report(now);
    }

    pub(super) fn note_first_use(&mut self) {
        for entitlement in self.counts.keys() {
            if !self.record.first_used.contains(entitlement) {
                self.record.first_used.push(*entitlement);
            }
        }
    }

    /// Plans the report of a changed count, or drops the plan when the change was taken back.
    pub(super) fn schedule_report(&mut self, now: Timestamp) {
        if !self.unreported_change() {
            self.wanted.report_at = None;
        } else if self.wanted.report_at.is_none() {
            self.wanted.report_at = match self.settings.changed_counts {
                ChangedCounts::AfterHoldDown => Some(later(now, self.settings.hold_down)),
                ChangedCounts::AtCollection => Some(self.collection.next),
                // The next comparison with the server's counts finds it.
                ChangedCounts::AtReporting => None,
            };
        }
    }
}

fn difference(before: &Counts, after: &Counts) -> String {
    let mut parts = Vec::new();
    let all: BTreeSet<_> = before.keys().chain(after.keys()).collect();
    for entitlement in all {
        let count = |counts: &Counts| counts.get(entitlement).copied().unwrap_or(0);
        if count(before) != count(after) {
            let tag = entitlement.short_tag();
            parts.push(format!("{tag} from {} to {}", count(before), count(after)));
        }
    }
    parts.join(", ")
}
