//! How licensing stands, as plain data for whoever shows it.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::licensing::agent::SmartAgent;
use crate::licensing::catalogue::Entitlement;
use crate::licensing::configuration::Configuration;
use crate::licensing::consumption::Consumption;
use crate::licensing::evaluation::Evaluation;
use crate::licensing::fault::Fault;
use crate::licensing::message::Udi;
use crate::licensing::message::reservation::{Coverage, ReservedLicence};
use crate::licensing::trust::{Compliance, Doubt, Outcome, Registration, Standing};

/// The six words of the chapter's Table 2.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LicenceStatus {
    /// The agent is off, or nothing that is configured leads to a licence server.
    Unconfigured,
    /// On, not registered.
    Unidentified,
    /// Registered; nothing authorized yet.
    Registered,
    /// Registered, and the account holds what it uses.
    Authorized,
    /// The account uses more than it holds.
    OutOfCompliance,
    /// The server has been silent for 90 days.
    AuthorizationExpired,
}

impl LicenceStatus {
    /// The name in `ponder-licence-state`.
    pub fn yang_name(self) -> &'static str {
        match self {
            LicenceStatus::Unconfigured => "unconfigured",
            LicenceStatus::Unidentified => "unidentified",
            LicenceStatus::Registered => "registered",
            LicenceStatus::Authorized => "authorized",
            LicenceStatus::OutOfCompliance => "out-of-compliance",
            LicenceStatus::AuthorizationExpired => "authorization-expired",
        }
    }
}

/// Everything that can be shown of licensing at one moment.
#[derive(Clone, PartialEq, Debug)]
pub struct AgentState {
    /// The chassis.
    pub udi: Udi,
    /// Its version identifier.
    pub vid: String,
    /// Version of the agent, as licence commands show it.
    pub agent_version: String,
    /// What is configured.
    pub configuration: Configuration,
    /// The chapter's word.
    pub status: LicenceStatus,
    /// Since when.
    pub status_since: Timestamp,
    /// How the registration stands.
    pub registration: RegistrationState,
    /// Export-controlled features are allowed.
    pub export_control_allowed: bool,
    /// How the counts stand.
    pub authorization: AuthorizationState,
    /// How a reservation stands.
    pub reservation: ReservationState,
    /// The evaluation period.
    pub evaluation: Evaluation,
    /// Licences in use, in the order of their first use.
    pub usage: Vec<Usage>,
    /// Every entitlement reported or in use: what was acknowledged last, and what is reported next.
    pub reports: Vec<Report>,
    /// What the counts were counted for.
    pub consumption: Arc<Consumption>,
    /// What is doubtful about the trust record.
    pub doubt: Option<Doubt>,
    /// The conversation with the server.
    pub exchange: ExchangeState,
    /// When counts are computed from scratch.
    pub collection: Rounds,
    /// When they are compared with what the server acknowledged.
    pub reporting: Rounds,
}

/// How the registration stands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum RegistrationState {
    /// Not registered.
    NotRegistered,
    /// Being registered.
    InProgress {
        /// Since when.
        started_at: Timestamp,
    },
    /// The server could not be reached.
    Retry {
        /// When.
        failed_at: Timestamp,
        /// Why.
        reason: String,
        /// When it is tried again.
        retry_at: Timestamp,
    },
    /// Refused.
    Failed {
        /// When.
        failed_at: Timestamp,
        /// Why.
        reason: String,
    },
    /// Registered.
    Complete {
        /// When.
        completed_at: Timestamp,
        /// The last renewal of the identity certificate.
        last_renewal: Option<Outcome>,
        /// The next one.
        renew_at: Timestamp,
        /// When the registration ends.
        expires_at: Timestamp,
        /// Smart account.
        smart_account: String,
        /// Virtual account.
        virtual_account: String,
    },
    /// Known to the server by a reservation, and to nobody by exchanges.
    Reserved {
        /// When the authorization code was installed.
        installed_at: Timestamp,
        /// What it covers.
        coverage: Coverage,
        /// Smart account.
        smart_account: String,
        /// Virtual account.
        virtual_account: String,
    },
}

/// How the counts stand, registered or not.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum AuthorizationState {
    /// Not registered and nothing in use.
    None,
    /// Not registered, licences in use, evaluation time left.
    Evaluation,
    /// Not registered, licences in use, no evaluation time left.
    EvaluationExpired {
        /// When it ended.
        at: Timestamp,
    },
    /// Registered.
    Registered {
        /// What the server said.
        standing: Standing,
        /// The last exchange.
        last_exchange: Option<Outcome>,
        /// The next one.
        next_exchange: Timestamp,
        /// Until when a success is needed.
        deadline: Timestamp,
    },
    /// Licences are reserved.
    Reserved {
        /// When the authorization code was installed.
        installed_at: Timestamp,
        /// Everything in use is covered.
        covered: bool,
    },
}

/// How a reservation stands.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ReservationState {
    /// Reservation is configured.
    pub enabled: bool,
    /// What there is.
    pub standing: ReservationStanding,
    /// The return code of the reservation that was given back last.
    pub return_code: Option<String>,
    /// Why the last reservation command was refused, in words; `None` when it was not.
    pub last_error: Option<String>,
}

/// What there is of a reservation.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum ReservationStanding {
    /// Nothing.
    #[default]
    NotInstalled,
    /// Requested, and no authorization code installed yet.
    InProgress {
        /// Since when.
        since: Timestamp,
        /// What to enter at the licence server.
        request_code: String,
    },
    /// An authorization code is installed.
    Installed {
        /// Since when.
        since: Timestamp,
        /// What it covers.
        coverage: Coverage,
        /// What to enter at the licence server as proof.
        confirmation_code: String,
        /// The code itself.
        authorization_code: String,
        /// The reserved licences, all terms, in the order of the code; empty when everything is covered.
        licences: Vec<ReservedLicence>,
    },
}

/// One entitlement in use.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Usage {
    /// Which.
    pub entitlement: Entitlement,
    /// Licences in use.
    pub count: u32,
    /// How its use is looked at.
    pub enforcement: Enforcement,
}

/// How the use of an entitlement is looked at.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Enforcement {
    /// Not answered yet.
    Waiting,
    /// The account holds enough.
    InCompliance,
    /// It does not.
    OutOfCompliance,
    /// More than bought, within the contract.
    Overage,
    /// Evaluation time is left.
    Evaluation,
    /// None is left.
    EvaluationExpired,
    /// The server has been silent for 90 days.
    AuthorizationExpired,
    /// The server does not know the tag.
    InvalidTag,
    /// The reservation covers it.
    ReservationInCompliance,
    /// The reservation does not cover it.
    NotAuthorized,
}

impl Enforcement {
    /// The name in `enforce-mode`.
    pub fn yang_name(self) -> &'static str {
        match self {
            Enforcement::Waiting => "waiting",
            Enforcement::InCompliance => "in-compliance",
            Enforcement::OutOfCompliance => "out-of-compliance",
            Enforcement::Overage => "overage",
            Enforcement::Evaluation => "evaluation",
            Enforcement::EvaluationExpired => "evaluation-expired",
            Enforcement::AuthorizationExpired => "authorization-expired",
            Enforcement::InvalidTag => "invalid-tag",
            Enforcement::ReservationInCompliance => "reservation-in-compliance",
            Enforcement::NotAuthorized => "not-authorized",
        }
    }
}

/// One entitlement as it was and will be reported.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Report {
    /// Which.
    pub entitlement: Entitlement,
    /// The count that the server acknowledged last.
    pub last: u32,
    /// The count as it is now.
    pub next: u32,
}

/// The conversation with the server.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ExchangeState {
    /// The request that waits for its answer.
    pub in_flight: Option<ExchangeKind>,
    /// Why the last exchange failed; `None` when it succeeded or there was none.
    pub last_error: Option<String>,
    /// The same in one word.
    pub last_fault: Option<Fault>,
    /// When the server is contacted next without a command.
    pub next_attempt: Option<Timestamp>,
    /// Sequence number of the last request.
    pub sequence: u64,
}

/// What is asked of the server.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ExchangeKind {
    /// To be registered.
    Registration,
    /// A new identity certificate.
    IdentityRenewal,
    /// Counts reported and authorized.
    Authorization,
    /// To be forgotten.
    Deregistration,
}

impl ExchangeKind {
    /// The name in `ponder-licence-state`.
    pub fn yang_name(self) -> &'static str {
        match self {
            ExchangeKind::Registration => "registration",
            ExchangeKind::IdentityRenewal => "identity-renewal",
            ExchangeKind::Authorization => "authorization",
            ExchangeKind::Deregistration => "deregistration",
        }
    }
}

/// A round that comes again and again.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rounds {
    /// The last one.
    pub last: Timestamp,
    /// The next one.
    pub next: Timestamp,
}

impl Rounds {
    /// The rounds that begin with one at `now`.
    pub fn starting(now: Timestamp, interval: SignedDuration) -> Rounds {
        Rounds {
            last: now,
            next: now.saturating_add(interval).unwrap_or(Timestamp::MAX),
        }
    }
}

impl SmartAgent {
    /// How everything stands after the last input.
    pub fn state(&self) -> AgentState {
        let record = &self.record;
        AgentState {
            udi: self.speaker.udi.clone(),
            vid: self.speaker.vid.clone(),
            agent_version: self.speaker.agent_version.clone(),
            configuration: self.configuration.clone(),
            status: record.status,
            status_since: record.status_since.unwrap_or(self.collection.last),
            registration: match self.installed_reservation() {
                Some(installed) => RegistrationState::Reserved {
                    installed_at: installed.since,
                    coverage: installed.request.coverage,
                    smart_account: installed.smart_account.clone(),
                    virtual_account: installed.virtual_account.clone(),
                },
                None => registration_state(&record.registration),
            },
            export_control_allowed: self.export_control_allowed(),
            authorization: self.authorization_state(),
            reservation: self.reservation_state(),
            evaluation: record.evaluation,
            usage: self.in_order_of_first_use(|entitlement, _, count| {
                (count > 0).then(|| Usage {
                    entitlement,
                    count,
                    enforcement: self.enforcement(entitlement),
                })
            }),
            reports: self.in_order_of_first_use(|entitlement, last, next| {
                Some(Report {
                    entitlement,
                    last,
                    next,
                })
            }),
            consumption: Arc::clone(&self.consumption),
            doubt: record.doubt.clone(),
            exchange: ExchangeState {
                in_flight: self.in_flight.as_ref().map(|flight| flight.kind),
                last_error: self.last_error.clone(),
                last_fault: self.last_fault,
                next_attempt: self.next_attempt(),
                sequence: record.sequence,
            },
            collection: self.collection,
            reporting: self.reporting,
        }
    }

    /// Maps every entitlement that was ever used, its acknowledged and its present count.
    fn in_order_of_first_use<T>(&self, show: impl Fn(Entitlement, u32, u32) -> Option<T>) -> Vec<T> {
        let acknowledged = |entitlement| {
            let registered = self.record.registration.registered()?;
            Some(registered.authorization.acknowledged.get(entitlement)?.count)
        };
        let present = |entitlement| self.counts.get(entitlement).copied().unwrap_or(0);
        self.record
            .first_used
            .iter()
            .filter_map(|entitlement| {
                show(
                    *entitlement,
                    acknowledged(entitlement).unwrap_or(0),
                    present(entitlement),
                )
            })
            .collect()
    }

    fn authorization_state(&self) -> AuthorizationState {
        if let Some(installed) = self.installed_reservation() {
            return AuthorizationState::Reserved {
                installed_at: installed.since,
                covered: self.not_reserved.is_empty(),
            };
        }
        if let Some(registered) = self.record.registration.registered() {
            let authorization = &registered.authorization;
            return AuthorizationState::Registered {
                standing: authorization.standing,
                last_exchange: authorization.last_exchange.clone(),
                next_exchange: authorization.next_exchange.at,
                deadline: authorization.deadline,
            };
        }
        match self.record.evaluation {
            _ if self.counts.is_empty() => AuthorizationState::None,
            Evaluation::Expired { at } => AuthorizationState::EvaluationExpired { at },
            Evaluation::Stopped { .. } | Evaluation::Running { .. } => AuthorizationState::Evaluation,
        }
    }

    fn enforcement(&self, entitlement: Entitlement) -> Enforcement {
        if self.installed_reservation().is_some() {
            return match self.not_reserved.contains(&entitlement) {
                true => Enforcement::NotAuthorized,
                false => Enforcement::ReservationInCompliance,
            };
        }
        let Some(registered) = self.record.registration.registered() else {
            return match self.record.evaluation {
                Evaluation::Expired { .. } => Enforcement::EvaluationExpired,
                Evaluation::Stopped { .. } | Evaluation::Running { .. } => Enforcement::Evaluation,
            };
        };
        if let Standing::Expired { .. } = registered.authorization.standing {
            return Enforcement::AuthorizationExpired;
        }
        match registered
            .authorization
            .acknowledged
            .get(&entitlement)
            .map(|one| one.compliance)
        {
            None => Enforcement::Waiting,
            Some(Compliance::InCompliance) => Enforcement::InCompliance,
            Some(Compliance::Overage) => Enforcement::Overage,
            Some(Compliance::OutOfCompliance) => Enforcement::OutOfCompliance,
            Some(Compliance::InvalidTag) => Enforcement::InvalidTag,
        }
    }
}

fn registration_state(registration: &Registration) -> RegistrationState {
    match registration {
        Registration::NotRegistered => RegistrationState::NotRegistered,
        Registration::InProgress { attempt, .. } => RegistrationState::InProgress {
            started_at: attempt.started_at,
        },
        Registration::Retry {
            failed_at,
            reason,
            retry_at,
            ..
        } => RegistrationState::Retry {
            failed_at: *failed_at,
            reason: reason.clone(),
            retry_at: retry_at.at,
        },
        Registration::Failed { failed_at, reason } => RegistrationState::Failed {
            failed_at: *failed_at,
            reason: reason.clone(),
        },
        // Until the server has answered, what is being given up still shows.
        Registration::Complete(registered) | Registration::Deregistering(registered) => {
            RegistrationState::Complete {
                completed_at: registered.completed_at,
                last_renewal: registered.last_renewal.clone(),
                renew_at: registered.renew_at.at,
                expires_at: registered.expires_at,
                smart_account: registered.smart_account.clone(),
                virtual_account: registered.virtual_account.clone(),
            }
        }
    }
}
