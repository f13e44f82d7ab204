//! How the agent registers, renews its identity and gives its registration up.

use jiff::{SignedDuration, Timestamp};

use crate::licensing::agent::{InFlight, SmartAgent, Wanted, later};
use crate::licensing::agent_settings::{FailedRenewal, RegisterAnswer};
use crate::licensing::event::Event;
use crate::licensing::exchange::{ExchangeFailure, Grant, SHORTEST_INTERVAL, in_time};
use crate::licensing::message::IdentityGrant;
use crate::licensing::return_code::ReturnCode;
use crate::licensing::secret::Secret;
use crate::licensing::spread::planned;
use crate::licensing::state::ExchangeKind;
use crate::licensing::trust::{Attempt, Authorization, Outcome, Planned, Registered, Registration, Standing};
use crate::licensing::validity::LAST_WEEK;

impl SmartAgent {
    /// Begins a registration, or says why not.
    pub(super) fn register(&mut self, token: Secret<String>, force: bool, now: Timestamp) -> ReturnCode {
        match &self.record.registration {
            Registration::Complete(_) if !force => return ReturnCode::AlreadyRegistered,
            Registration::Retry { .. } if !force => return ReturnCode::RegistrationInProgress,
            Registration::InProgress { .. } => return ReturnCode::RegistrationInProgress,
            Registration::Deregistering(_) => return ReturnCode::MessageInProgress,
            Registration::NotRegistered
            | Registration::Failed { .. }
            | Registration::Retry { .. }
            | Registration::Complete(_) => {}
        }
        let code = match &self.configuration.destination {
            Ok(_) => match self.settings.register_answer {
                RegisterAnswer::Success => ReturnCode::Success,
                RegisterAnswer::InProgress => ReturnCode::RegistrationBegun,
            },
            // Without a way there is nothing to retry; with a wrong one the operator must read why.
            Err(problem) if problem.leads_nowhere() => return problem.return_code(),
            Err(problem) => problem.return_code(),
        };
        let key = match self.speaker.new_key() {
            Ok(key) => key,
            Err(failure) => {
                self.note(Event::RegistrationFailed {
                    reason: failure.to_string(),
                });
                return ReturnCode::CsrGenerationFailed;
            }
        };
        let attempt = Attempt {
            token,
            force,
            key,
            started_at: now,
        };
        let previous = match std::mem::replace(&mut self.record.registration, Registration::NotRegistered) {
            Registration::Complete(registered) => {
                self.record.registration = Registration::Complete(registered.clone());
                Some(registered)
            }
            other => {
                self.record.registration = other;
                None
            }
        };
        self.go(Registration::InProgress { attempt, previous });
        code
    }

    pub(super) fn registration_concluded(
        &mut self,
        flight: InFlight,
        outcome: Result<Grant, ExchangeFailure>,
        now: Timestamp,
    ) {
        let Registration::InProgress { attempt, previous } = self.record.registration.clone() else {
            return;
        };
        match outcome {
            Ok(Grant::Identity(grant, valid_from)) => {
                let shortened = shortened(&grant, flight.started_at, now);
                let registered = self.registered(*grant, valid_from, attempt.key, flight.started_at, now);
                let allowed = registered.export_control_allowed;
                self.go(Registration::Complete(Box::new(registered)));
                self.record.doubt = None;
                self.wanted = Wanted::default();
                let udi = self.speaker.udi.to_string();
                self.note(Event::RegistrationSucceeded { udi });
                self.note(Event::ExportControlled { allowed });
                shortened.into_iter().for_each(|event| self.note(event));
            }
            Ok(Grant::Authorization(_) | Grant::Deregistered) => {}
            Err(failure) => {
                let reason = failure.to_string();
                self.note(Event::RegistrationFailed {
                    reason: reason.clone(),
                });
                let retry = self.settings.registration_retry;
                let retry_at = self.plan(later(now, retry), retry);
                self.go(match previous {
                    Some(previous) => Registration::Complete(previous),
                    None if failure.may_pass() => Registration::Retry {
                        attempt,
                        failed_at: now,
                        reason,
                        retry_at,
                    },
                    None => Registration::Failed {
                        failed_at: now,
                        reason,
                    },
                });
            }
        }
    }

    fn plan(&self, at: Timestamp, interval: SignedDuration) -> Planned {
        planned(at, interval, self.settings.spread, &self.speaker.udi)
    }

    fn registered(
        &self,
        grant: IdentityGrant,
        valid_from: Timestamp,
        key: Secret<String>,
        began: Timestamp,
        now: Timestamp,
    ) -> Registered {
        let renew_at = self.plan(renewal_time(&grant, began, now), grant.renew_interval);
        let certificates = grant.certificates();
        let deadline = later(now, self.settings.authorization_deadline);
        Registered {
            product_instance_id: grant.product_instance_id,
            certificates,
            key,
            smart_account: grant.smart_account,
            virtual_account: grant.virtual_account,
            export_control_allowed: grant.export_control_allowed,
            completed_at: now,
            last_renewal: None,
            renew_at,
            valid_from,
            expires_at: grant.expires,
            grace_until: None,
            authorization: Authorization {
                standing: Standing::Waiting,
                acknowledged: Default::default(),
                last_exchange: None,
                next_exchange: Planned::at_once(now),
                deadline: self.settings.expiry(deadline),
            },
        }
    }

    /// Orders a renewal of the identity certificate, or says why not.
    pub(super) fn renew_identity(&mut self) -> ReturnCode {
        match self.may_exchange() {
            Err(code) => code,
            Ok(()) if self.wanted.identity_renewal || self.is_in_flight(ExchangeKind::IdentityRenewal) => {
                ReturnCode::IdCertRenewInProgress
            }
            Ok(()) => {
                self.wanted.identity_renewal = true;
                ReturnCode::Success
            }
        }
    }

    pub(super) fn identity_renewal_concluded(
        &mut self,
        flight: InFlight,
        outcome: Result<Grant, ExchangeFailure>,
        now: Timestamp,
    ) {
        let (spread, udi) = (self.settings.spread, &self.speaker.udi);
        let Registration::Complete(registered) = &mut self.record.registration else {
            return;
        };
        match outcome {
            Ok(Grant::Identity(grant, valid_from)) => {
                let shortened = shortened(&grant, flight.started_at, now);
                let renew_at = renewal_time(&grant, flight.started_at, now);
                registered.renew_at = planned(renew_at, grant.renew_interval, spread, udi);
                registered.valid_from = valid_from;
                registered.expires_at = grant.expires;
                registered.grace_until = None;
                registered.last_renewal = Some(Outcome {
                    at: now,
                    failure: None,
                });
                registered.certificates = grant.certificates();
                registered.product_instance_id = grant.product_instance_id;
                registered.smart_account = grant.smart_account;
                registered.virtual_account = grant.virtual_account;
                registered.export_control_allowed = grant.export_control_allowed;
                self.note(Event::IdentityRenewed);
                shortened.into_iter().for_each(|event| self.note(event));
            }
            Ok(Grant::Authorization(_) | Grant::Deregistered) => {}
            Err(failure) => {
                let reason = failure.to_string();
                registered.last_renewal = Some(Outcome {
                    at: now,
                    failure: Some(reason.clone()),
                });
                if registered.renew_at.at <= now {
                    let last_week = registered.expires_at.duration_since(now) <= LAST_WEEK;
                    let retry = if last_week { HOURLY } else { DAILY };
                    registered.renew_at = planned(later(now, retry), retry, spread, udi);
                }
                self.note(Event::IdentityRenewalFailed { reason });
                if self.settings.failed_renewal == FailedRenewal::Unidentified {
                    self.forget_registration();
                }
            }
        }
    }

    /// Gives the registration up, or says why not.
    pub(super) fn deregister(&mut self, _now: Timestamp) -> ReturnCode {
        match &self.record.registration {
            Registration::Complete(registered) => {
                let registered = registered.clone();
                self.wanted = Wanted::default();
                self.go(Registration::Deregistering(registered));
                ReturnCode::Success
            }
            Registration::InProgress { .. } => ReturnCode::RegistrationInProgress,
            Registration::Deregistering(_) => ReturnCode::MessageInProgress,
            Registration::NotRegistered | Registration::Retry { .. } | Registration::Failed { .. } => {
                ReturnCode::NotRegistered
            }
        }
    }

    /// Whatever the server said, everything that was registered is erased (section B1 of the licensing facts).
    pub(super) fn deregistration_concluded(&mut self, outcome: Result<Grant, ExchangeFailure>) {
        match outcome {
            Ok(_) => self.note(Event::DeregistrationSucceeded),
            Err(ExchangeFailure::Refused(_) | ExchangeFailure::RecordOlder(_)) => {
                self.note(Event::DeregistrationFailed {
                reason: "Agent received a failure status in a response message. Please check the Agent log file for the \
                         detailed message."
                    .to_owned(),
            })},
            Err(failure) => self.note(Event::DeregistrationFailed {
                reason: failure.to_string(),
            }),
        }
        self.forget_registration();
    }

    pub(super) fn forget_registration(&mut self) {
        self.wanted = Wanted::default();
        self.go(Registration::NotRegistered);
        self.note(Event::ExportControlled { allowed: false });
    }
}

const DAILY: SignedDuration = SignedDuration::from_hours(24);
const HOURLY: SignedDuration = SignedDuration::from_hours(1);

/// The server's interval from the start of the exchange; within the life of the certificate, and never at once.
fn renewal_time(grant: &IdentityGrant, began: Timestamp, now: Timestamp) -> Timestamp {
    in_time(grant.expires, asked_renewal(grant, began, now), now)
}

fn asked_renewal(grant: &IdentityGrant, began: Timestamp, now: Timestamp) -> Timestamp {
    later(began, grant.renew_interval).max(later(now, SHORTEST_INTERVAL))
}

/// What the log should know of an interval that the certificate does not allow.
fn shortened(grant: &IdentityGrant, began: Timestamp, now: Timestamp) -> Option<Event> {
    let kept = renewal_time(grant, began, now);
    (kept < asked_renewal(grant, began, now)).then(|| Event::IntervalShortened {
        what: "identity certificate renewal",
        asked: grant.renew_interval,
        kept: kept.duration_since(now),
    })
}
