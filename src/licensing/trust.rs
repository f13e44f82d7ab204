//! The trust record: what the agent must know again after a restart, including its identity and private key.

use std::collections::BTreeMap;
use std::fmt;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::licensing::catalogue::Entitlement;
use crate::licensing::evaluation::Evaluation;
use crate::licensing::message::Udi;
use crate::licensing::message::reservation::{Coverage, LinkSecret, ReservedLicence};
use crate::licensing::secret::Secret;
use crate::licensing::state::LicenceStatus;

/// Everything that outlives the process. Holds a private key: private wherever it is written.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct TrustRecord {
    /// Version of this layout; [`TrustRecord::VERSION`].
    pub version: u32,
    /// Whose record it is; another chassis must not take it over.
    pub udi: Udi,
    /// Sequence number of the last request to a server, so that a server sees a cloned device.
    pub sequence: u64,
    /// Wall time when the record was last brought up to date: what a clock that was set back in the meantime is seen by.
    pub noted_at: Option<Timestamp>,
    /// How the registration stands.
    pub registration: Registration,
    /// Licences that are reserved instead.
    pub reservation: Reservation,
    /// What is left of the evaluation period.
    pub evaluation: Evaluation,
    /// The chapter's status, and since when.
    pub status: LicenceStatus,
    /// See above; `None` before the first start.
    pub status_since: Option<Timestamp>,
    /// Entitlements in the order in which they were first used; they are listed in that order.
    pub first_used: Vec<Entitlement>,
    /// What an operator should know about the record itself, until it is settled.
    pub doubt: Option<Doubt>,
}

/// A reason to doubt that a trust record tells how things stand.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "doubt")]
pub enum Doubt {
    /// The state folder came from another chassis, whose record was put aside; settled by a registration or a
    /// reservation of this one.
    ChassisChanged {
        /// Whose record it was.
        from: Udi,
        /// When that was seen.
        since: Timestamp,
    },
    /// The server has heard later requests of this device than the record remembers: a backup was restored, or a copy of
    /// the state folder lives elsewhere. Settled when the server takes a request again.
    Older {
        /// The server's words.
        detail: String,
        /// When that was seen first.
        since: Timestamp,
    },
}

impl Doubt {
    /// The name in `ponder-licence-state`.
    pub fn yang_name(&self) -> &'static str {
        match self {
            Doubt::ChassisChanged { .. } => "chassis-changed",
            Doubt::Older { .. } => "record-older",
        }
    }

    /// Since when it is there.
    pub fn since(&self) -> Timestamp {
        match self {
            Doubt::ChassisChanged { since, .. } | Doubt::Older { since, .. } => *since,
        }
    }
}

/// What was seen, in words.
impl fmt::Display for Doubt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Doubt::ChassisChanged { from, .. } => {
                write!(
                    f,
                    "the state folder held the trust record of the chassis {from}, which was put aside"
                )
            }
            Doubt::Older { detail, .. } => f.write_str(detail),
        }
    }
}

impl TrustRecord {
    /// Version of the layout that this program writes and reads.
    pub const VERSION: u32 = 3;

    /// The record of a chassis that has never been registered.
    pub fn new(udi: Udi) -> TrustRecord {
        TrustRecord {
            version: TrustRecord::VERSION,
            udi,
            sequence: 0,
            noted_at: None,
            registration: Registration::NotRegistered,
            reservation: Reservation::default(),
            evaluation: Evaluation::default(),
            status: LicenceStatus::Unconfigured,
            status_since: None,
            first_used: Vec::new(),
            doubt: None,
        }
    }
}

/// How the registration stands; [`crate::licensing::diagram`] draws how it moves.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "state")]
pub enum Registration {
    /// Nobody has registered it.
    NotRegistered,
    /// The server is being asked.
    InProgress {
        /// What it is asked with.
        attempt: Attempt,
        /// The registration that a forced one replaces; it holds until the new one is there.
        previous: Option<Box<Registered>>,
    },
    /// The server could not be reached; it will be asked again.
    Retry {
        /// With what.
        attempt: Attempt,
        /// When it could not be reached.
        failed_at: Timestamp,
        /// Why, in words.
        reason: String,
        /// When it is asked again.
        retry_at: Planned,
    },
    /// The server refused, or what it said did not pass the checks.
    Failed {
        /// When.
        failed_at: Timestamp,
        /// Why, in words.
        reason: String,
    },
    /// Registered.
    Complete(Box<Registered>),
    /// Being given up; what was registered goes whatever the server says.
    Deregistering(Box<Registered>),
}

/// What a registration is asked for with. Kept until it is answered, so that a restart asks with the same key.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Attempt {
    /// The registration token.
    #[serde(serialize_with = "reveal", deserialize_with = "conceal")]
    pub token: Secret<String>,
    /// Replace a registration that the server may have.
    pub force: bool,
    /// The private key whose certificate is asked for, PKCS #8 in PEM.
    #[serde(serialize_with = "reveal", deserialize_with = "conceal")]
    pub key: Secret<String>,
    /// When the operator asked.
    pub started_at: Timestamp,
}

/// When the agent will do something of its own accord.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Planned {
    /// The moment that is shown.
    pub at: Timestamp,
    /// How much later it is done, so that devices that were configured together do not knock together.
    pub late: SignedDuration,
}

impl Planned {
    /// Without delay.
    pub fn at_once(now: Timestamp) -> Planned {
        Planned {
            at: now,
            late: SignedDuration::ZERO,
        }
    }

    /// When it is done.
    pub fn due(&self) -> Timestamp {
        self.at.saturating_add(self.late).unwrap_or(Timestamp::MAX)
    }
}

/// A registration that holds.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Registered {
    /// What the server calls this device.
    pub product_instance_id: String,
    /// The identity certificate and those between it and the licensing root, PEM, its own first.
    pub certificates: Vec<String>,
    /// Its private key, PKCS #8 in PEM.
    #[serde(serialize_with = "reveal", deserialize_with = "conceal")]
    pub key: Secret<String>,
    /// Smart account at the server.
    pub smart_account: String,
    /// Virtual account at the server.
    pub virtual_account: String,
    /// Export-controlled features are allowed.
    pub export_control_allowed: bool,
    /// When the registration succeeded.
    pub completed_at: Timestamp,
    /// The last attempt to renew the identity certificate.
    pub last_renewal: Option<Outcome>,
    /// When it is renewed next.
    pub renew_at: Planned,
    /// When the certificate begins.
    pub valid_from: Timestamp,
    /// When the certificate, and the registration with it, ends.
    pub expires_at: Timestamp,
    /// The clock was set to a time outside the certificate's; unless it comes back, the registration ends then.
    pub grace_until: Option<Timestamp>,
    /// How the counts stand with the server.
    pub authorization: Authorization,
}

/// One attempt that is over.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Outcome {
    /// When it ended.
    pub at: Timestamp,
    /// Why it failed, in words; `None` when it succeeded.
    pub failure: Option<String>,
}

/// How the counts stand with the server.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Authorization {
    /// All entitlements together.
    pub standing: Standing,
    /// What the server acknowledged last, by entitlement.
    pub acknowledged: BTreeMap<Entitlement, Acknowledged>,
    /// The last exchange.
    pub last_exchange: Option<Outcome>,
    /// When the server is asked next without a reason.
    pub next_exchange: Planned,
    /// Until when a success is needed.
    pub deadline: Timestamp,
}

/// All entitlements together; the worst of them speaks.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "state")]
pub enum Standing {
    /// The first exchange is still to come.
    Waiting,
    /// Nothing is in use.
    Idle,
    /// The account holds what it uses.
    Authorized,
    /// It does not.
    OutOfCompliance {
        /// Since when.
        since: Timestamp,
    },
    /// No exchange succeeded until the deadline.
    Expired {
        /// The deadline that passed.
        since: Timestamp,
    },
}

/// One entitlement as the server acknowledged it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Acknowledged {
    /// The count that was reported.
    pub count: u32,
    /// What the server made of it.
    pub compliance: Compliance,
}

/// What the server makes of one entitlement.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Compliance {
    /// The account holds enough.
    InCompliance,
    /// More than bought, within the contract.
    Overage,
    /// More than it holds.
    OutOfCompliance,
    /// The server does not know the tag.
    InvalidTag,
}

/// A reservation: licences that the server has set aside for this device, known by codes that people carry.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Reservation {
    /// How far it is.
    pub stage: ReservationStage,
    /// Requests that were given up, the latest last: a code that was issued for one of them can still be given back.
    pub given_up: Vec<ReservationRequest>,
    /// Authorization codes, by name, that were installed or given back and will not be taken again; the latest last.
    pub spent: Vec<String>,
    /// What was given back last is given back at the server with this.
    pub return_code: Option<String>,
    /// Why the last command was refused, in words.
    pub last_error: Option<String>,
}

/// How far a reservation is; [`crate::licensing::diagram`] draws how it moves.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "stage")]
pub enum ReservationStage {
    /// There is none.
    #[default]
    Absent,
    /// The server can be asked with a request code.
    Requested {
        /// With which.
        request: ReservationRequest,
        /// Since when.
        since: Timestamp,
    },
    /// An authorization code is installed.
    Installed(Box<InstalledReservation>),
}

/// What a reservation is requested with.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct ReservationRequest {
    /// What is asked for.
    pub coverage: Coverage,
    /// What proves to the server that this device confirms and gives back.
    #[serde(serialize_with = "reveal_link", deserialize_with = "conceal_link")]
    pub secret: LinkSecret,
}

/// An authorization code that passed every check.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct InstalledReservation {
    /// The request that it answers.
    pub request: ReservationRequest,
    /// Its name.
    pub id: String,
    /// Its revision.
    pub revision: u32,
    /// When it was installed.
    pub since: Timestamp,
    /// The code itself.
    pub authorization_code: String,
    /// Smart account at the server.
    pub smart_account: String,
    /// Virtual account at the server.
    pub virtual_account: String,
    /// Export-controlled features are allowed.
    pub export_control_allowed: bool,
    /// What it covers; empty when everything is covered.
    pub licences: Vec<ReservedLicence>,
}

/// The record is the one place where these secrets are written in clear.
fn reveal<S: Serializer>(secret: &Secret<String>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(secret.reveal())
}

fn conceal<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Secret<String>, D::Error> {
    // serde's own error would print the value.
    String::deserialize(deserializer)
        .map(Secret::new)
        .map_err(|_| serde::de::Error::custom("a secret must be a string"))
}

fn reveal_link<S: Serializer>(secret: &LinkSecret, serializer: S) -> Result<S::Ok, S::Error> {
    reveal(secret.to_keep(), serializer)
}

fn conceal_link<'de, D: Deserializer<'de>>(deserializer: D) -> Result<LinkSecret, D::Error> {
    conceal(deserializer).map(LinkSecret::kept)
}
