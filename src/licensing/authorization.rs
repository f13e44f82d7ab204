//! How the agent reports counts and learns whether they are covered.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::licensing::agent::{InFlight, SmartAgent, later};
use crate::licensing::catalogue::Entitlement;
use crate::licensing::consumption::Counts;
use crate::licensing::event::Event;
use crate::licensing::exchange::{AuthorizationAnswer, ExchangeFailure, Grant, SHORTEST_INTERVAL, in_time};
use crate::licensing::return_code::ReturnCode;
use crate::licensing::spread::planned;
use crate::licensing::state::{ExchangeKind, Rounds};
use crate::licensing::trust::{
    Acknowledged, Authorization, Compliance, Outcome, Planned, Registration, Standing,
};

impl SmartAgent {
    /// Orders an authorization exchange, or says why not.
    pub(super) fn renew_authorization(&mut self) -> ReturnCode {
        match self.may_exchange() {
            Err(code) => code,
            Ok(()) if self.wanted.authorization || self.is_in_flight(ExchangeKind::Authorization) => {
                ReturnCode::AuthRenewInProgress
            }
            Ok(()) => {
                self.wanted.authorization = true;
                ReturnCode::Success
            }
        }
    }

    /// Whether an operator can order an exchange with the registration that holds.
    pub(super) fn may_exchange(&self) -> Result<(), ReturnCode> {
        match &self.record.registration {
            Registration::Complete(_) => match &self.configuration.destination {
                Ok(_) => Ok(()),
                Err(problem) => Err(problem.return_code()),
            },
            Registration::InProgress { .. } => Err(ReturnCode::RegistrationInProgress),
            Registration::Deregistering(_) => Err(ReturnCode::MessageInProgress),
            Registration::NotRegistered | Registration::Retry { .. } | Registration::Failed { .. } => {
                Err(ReturnCode::NotRegistered)
            }
        }
    }

    pub(super) fn is_in_flight(&self, kind: ExchangeKind) -> bool {
        self.in_flight.as_ref().is_some_and(|flight| flight.kind == kind)
    }

    /// The server has acknowledged other counts than those of now.
    pub(super) fn unreported_change(&self) -> bool {
        match &self.record.registration {
            Registration::Complete(registered) => {
                let authorization = &registered.authorization;
                authorization.standing != Standing::Waiting
                    && acknowledged_counts(authorization) != self.counts
            }
            Registration::NotRegistered
            | Registration::InProgress { .. }
            | Registration::Retry { .. }
            | Registration::Failed { .. }
            | Registration::Deregistering(_) => false,
        }
    }

    pub(super) fn last_exchange_failed(&self) -> bool {
        match &self.record.registration {
            Registration::Complete(registered) => registered
                .authorization
                .last_exchange
                .as_ref()
                .is_some_and(|outcome| outcome.failure.is_some()),
            Registration::NotRegistered
            | Registration::InProgress { .. }
            | Registration::Retry { .. }
            | Registration::Failed { .. }
            | Registration::Deregistering(_) => false,
        }
    }

    pub(super) fn authorization_concluded(
        &mut self,
        flight: InFlight,
        outcome: Result<Grant, ExchangeFailure>,
        now: Timestamp,
    ) {
        match outcome {
            Ok(Grant::Authorization(answer)) => self.authorized(flight, answer, now),
            Ok(Grant::Identity(..) | Grant::Deregistered) => {}
            Err(failure) => self.authorization_failed(&failure, now),
        }
    }

    fn authorized(&mut self, flight: InFlight, answer: AuthorizationAnswer, now: Timestamp) {
        let settings = &self.settings;
        let Registration::Complete(registered) = &mut self.record.registration else {
            return;
        };
        let authorization = &mut registered.authorization;
        let before = std::mem::replace(
            &mut authorization.acknowledged,
            acknowledge(&flight.reported, &answer),
        );
        let was_short = matches!(authorization.standing, Standing::OutOfCompliance { .. });
        authorization.standing = standing(authorization, now);
        authorization.last_exchange = Some(Outcome {
            at: now,
            failure: None,
        });
        let deadline = match answer.deadline > now {
            true => answer.deadline,
            false => later(now, settings.authorization_deadline),
        };
        authorization.deadline = settings.expiry(deadline);
        let interval = answer.next_contact.max(SHORTEST_INTERVAL);
        let asked = later(flight.started_at, interval).max(later(now, SHORTEST_INTERVAL));
        let next = in_time(deadline, asked, now);
        authorization.next_exchange = planned(next, interval, settings.spread, &self.speaker.udi);

        let shortened = (next < asked).then(|| Event::IntervalShortened {
            what: "authorization renewal",
            asked: interval,
            kept: next.duration_since(now),
        });
        let mut events: Vec<Event> = shortened.into_iter().collect();
        events.push(Event::AuthorizationRenewed {
            state: word(authorization.standing),
            udi: self.speaker.udi.to_string(),
        });
        let is_short = matches!(authorization.standing, Standing::OutOfCompliance { .. });
        match (was_short, is_short) {
            (false, true) => events.push(Event::OutOfCompliance),
            (true, false) => events.push(Event::InCompliance),
            (true, true) | (false, false) => {}
        }
        let newly = |compliance| {
            let before = &before;
            authorization
                .acknowledged
                .iter()
                .filter(move |(entitlement, now)| {
                    now.compliance == compliance
                        && before.get(entitlement).map(|then| then.compliance) != Some(compliance)
                })
        };
        if newly(Compliance::Overage).next().is_some() {
            events.push(Event::InOverage);
        }
        events.extend(
            newly(Compliance::InvalidTag).map(|(entitlement, _)| Event::InvalidTag {
                short_tag: entitlement.short_tag().to_owned(),
            }),
        );
        events.into_iter().for_each(|event| self.note(event));
        // Every answered exchange states all counts, so the next report is due a round from now.
        self.reporting = Rounds::starting(now, self.settings.reporting);
        self.schedule_report(now);
    }

    fn authorization_failed(&mut self, failure: &ExchangeFailure, now: Timestamp) {
        let unreported = self.unreported_change();
        let Registration::Complete(registered) = &mut self.record.registration else {
            return;
        };
        let authorization = &mut registered.authorization;
        let reason = failure.to_string();
        authorization.last_exchange = Some(Outcome {
            at: now,
            failure: Some(reason.clone()),
        });
        let urgent = unreported
            || matches!(
                authorization.standing,
                Standing::Expired { .. } | Standing::Waiting
            );
        let retry = match urgent {
            true => self.settings.urgent_retry,
            false => self.settings.authorization_retry,
        };
        // A failed extra exchange leaves the planned one where it is, unless trying again is due earlier.
        let scheduled = Some(authorization.next_exchange).filter(|scheduled| scheduled.at > now);
        let again = planned(later(now, retry), retry, self.settings.spread, &self.speaker.udi);
        authorization.next_exchange = match scheduled {
            Some(scheduled) if scheduled.at <= again.at => scheduled,
            Some(_) | None => again,
        };
        self.wanted.report_at = None;
        self.note(Event::AuthorizationRenewalFailed {
            reason: failure.in_renewal_message(),
            udi: self.speaker.udi.to_string(),
        });
    }

    /// Ends an authorization whose deadline has passed.
    pub(super) fn expire_authorization(&mut self, now: Timestamp) {
        let Some(registered) = self.record.registration.current_mut() else {
            return;
        };
        let authorization = &mut registered.authorization;
        let expired = matches!(authorization.standing, Standing::Expired { .. });
        if !expired && authorization.deadline <= now {
            authorization.standing = Standing::Expired {
                since: authorization.deadline,
            };
            // Table 2: from now on the server is asked every hour.
            authorization.next_exchange = Planned::at_once(now);
            self.note(Event::AuthorizationExpired);
        }
    }
}

fn acknowledge(reported: &Counts, answer: &AuthorizationAnswer) -> BTreeMap<Entitlement, Acknowledged> {
    reported
        .iter()
        .map(|(entitlement, count)| {
            let compliance = answer
                .compliance
                .get(entitlement)
                .copied()
                .unwrap_or(Compliance::InvalidTag);
            (
                *entitlement,
                Acknowledged {
                    count: *count,
                    compliance,
                },
            )
        })
        .collect()
}

fn acknowledged_counts(authorization: &Authorization) -> Counts {
    authorization
        .acknowledged
        .iter()
        .map(|(entitlement, acknowledged)| (*entitlement, acknowledged.count))
        .collect()
}

/// The worst entitlement speaks for all; a shortage keeps its beginning.
fn standing(authorization: &Authorization, now: Timestamp) -> Standing {
    match authorization
        .acknowledged
        .values()
        .map(|one| one.compliance)
        .max()
    {
        None => Standing::Idle,
        Some(Compliance::InCompliance | Compliance::Overage) => Standing::Authorized,
        Some(Compliance::OutOfCompliance | Compliance::InvalidTag) => match authorization.standing {
            Standing::OutOfCompliance { since } => Standing::OutOfCompliance { since },
            Standing::Waiting | Standing::Idle | Standing::Authorized | Standing::Expired { .. } => {
                Standing::OutOfCompliance { since: now }
            }
        },
    }
}

/// The word of `AUTH_RENEW_SUCCESS`.
fn word(standing: Standing) -> &'static str {
    match standing {
        Standing::Waiting | Standing::Idle => "no licenses in use",
        Standing::Authorized => "authorized",
        Standing::OutOfCompliance { .. } => "out of compliance",
        Standing::Expired { .. } => "authorization expired",
    }
}
