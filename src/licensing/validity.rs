//! The identity certificate's dates, and what happens when somebody sets the clock.
//!
//! Periods run by steady time. When the wall clock is set, everything that is planned moves with it, so that as much
//! remains as before: the next exchanges and retries, the authorization deadline, the evaluation period, the rounds. A
//! certificate keeps its dates; where the clock leaves them by a jump, the registration ends after a grace of an hour
//! unless the clock comes back. Where they end because time has passed, it ends at once.
//!
//! While the machine is off, wall time is all there is: a clock that shows less than when the record was last noted was
//! set back. After a start, nobody knows whether the clock or the certificate is to blame, so the grace holds as well.

use jiff::{SignedDuration, Timestamp};

use crate::licensing::agent::{SmartAgent, later};
use crate::licensing::event::Event;
use crate::licensing::trust::{Planned, Registered, Registration};

impl SmartAgent {
    /// The first look at the clock after a start.
    pub(super) fn resume(&mut self, now: Timestamp) {
        if let Some(noted_at) = self.record.noted_at
            && noted_at.duration_since(now) > SignedDuration::from_secs(2)
        {
            self.note(Event::ClockChanged);
            self.shift(now.duration_since(noted_at), now);
        }
        self.record.evaluation = self.record.evaluation.after_start(now);
        self.look_for_jump(now);
    }

    /// Somebody has set the wall clock.
    pub(super) fn clock_set(&mut self, step: SignedDuration, now: Timestamp) {
        self.note(Event::ClockChanged);
        self.shift(step, now);
        self.look_for_jump(now);
    }

    fn look_for_jump(&mut self, now: Timestamp) {
        let grace_until = later(now, self.settings.clock_grace);
        let Some(registered) = self.record.registration.current_mut() else {
            return;
        };
        if registered.is_valid_at(now) || registered.grace_until.is_some() {
            return;
        }
        registered.grace_until = Some(grace_until);
        let early = now < registered.valid_from;
        if early {
            self.note(Event::IdentityNotStarted);
        }
        self.note(Event::RegistrationExpiredByClock);
    }

    /// Ends a registration whose certificate has run out, or whose grace is over.
    pub(super) fn look_at_validity(&mut self, now: Timestamp) {
        let Some(registered) = self.record.registration.current_mut() else {
            return;
        };
        match registered.grace_until {
            _ if registered.is_valid_at(now) => registered.grace_until = None,
            Some(until) if now < until => {}
            Some(_) | None => self.expire_identity(),
        }
    }

    fn expire_identity(&mut self) {
        self.note(Event::IdentityExpired);
        match &mut self.record.registration {
            // The attempt goes on without what it was to replace.
            Registration::InProgress { previous, .. } => *previous = None,
            Registration::NotRegistered
            | Registration::Retry { .. }
            | Registration::Failed { .. }
            | Registration::Complete(_)
            | Registration::Deregistering(_) => self.forget_registration(),
        }
    }

    /// When [`SmartAgent::look_at_validity`] has something to see.
    pub(super) fn validity_deadline(&self, registered: &Registered) -> Option<Timestamp> {
        let Some(grace_until) = registered.grace_until else {
            return Some(registered.expires_at);
        };
        let begins = Some(registered.valid_from).filter(|begins| *begins > self.last_seen());
        Some(begins.map_or(grace_until, |begins| begins.min(grace_until)))
    }

    fn shift(&mut self, step: SignedDuration, now: Timestamp) {
        let moved = |at: Timestamp| at.saturating_add(step).unwrap_or(at);
        let planned = |plan: Planned| Planned {
            at: moved(plan.at),
            ..plan
        };
        if let Some(registered) = self.record.registration.current_mut() {
            let authorization = &mut registered.authorization;
            authorization.next_exchange = planned(authorization.next_exchange);
            authorization.deadline = moved(authorization.deadline);
            registered.renew_at = planned(registered.renew_at);
            // Not after the certificate's own end; a clock outside its dates may come back, and tells nothing about it.
            if registered.is_valid_at(now) {
                let latest = moved_back(registered.expires_at, LAST_WEEK);
                registered.renew_at.at = registered.renew_at.at.min(latest);
            }
            registered.grace_until = registered.grace_until.map(moved);
        }
        if let Registration::Retry { retry_at, .. } = &mut self.record.registration {
            *retry_at = planned(*retry_at);
        }
        self.record.evaluation = self.record.evaluation.shifted(step);
        for rounds in [&mut self.collection, &mut self.reporting] {
            rounds.last = moved(rounds.last);
            rounds.next = moved(rounds.next);
        }
        self.wanted.report_at = self.wanted.report_at.map(moved);
        self.settling_until = self.settling_until.map(moved);
        if let Some(flight) = &mut self.in_flight {
            flight.gives_up_at = moved(flight.gives_up_at);
        }
        self.warnings.evaluation_over_at = self.warnings.evaluation_over_at.map(moved);
    }
}

impl Registered {
    /// The clock is within the certificate's dates.
    fn is_valid_at(&self, now: Timestamp) -> bool {
        self.valid_from <= now && now < self.expires_at
    }
}

/// The last week of a certificate, in which its renewal is tried every hour.
pub(super) const LAST_WEEK: SignedDuration = SignedDuration::from_hours(7 * 24);

fn moved_back(at: Timestamp, by: SignedDuration) -> Timestamp {
    at.saturating_sub(by).unwrap_or(Timestamp::MIN)
}
