//! The licensing protocol, version 1: what a product instance and its licence server say to each other.
//!
//! Cisco's own exchange is not public, so this is a protocol of Ponder's own; it makes no claim of wire compatibility.
//! A message is one JSON object in the body of an HTTP POST:
//!
//! ```json
//! {"version": 1,
//!  "payload": "{\"version\":1,\"kind\":\"authorize\", ...}",
//!  "signature": {"algorithm": "ecdsa-p256-sha256", "value": "BASE64", "certificates": ["PEM", "PEM"]}}
//! ```
//!
//! The payload is JSON *as text*: what is signed is exactly the UTF-8 text of that string, after a label that tells
//! requests from answers ([`envelope::Direction::label`]). So nothing depends on how JSON is spelled, and a request can never be
//! passed off as an answer. `certificates` is the signer's chain, its own first, without the root; a `register` request
//! has none, as its key is the one in its certificate request.
//!
//! The payload of a request is a [`Request`], that of an answer an [`Answer`]. Every answer is signed, a refusal too,
//! and repeats the request's identifier and nonce.

mod base58;
pub mod envelope;
mod payload;
pub mod reservation;

use std::fmt;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::licensing::message::envelope::{Direction, Envelope};
use crate::licensing::secret::Secret;
use crate::licensing::signature::chain::{self, Purpose, TrustRoot, Verified};
use crate::licensing::signature::{SignatureError, SigningKey};

/// The protocol version of this file.
pub const VERSION: u32 = 1;

/// Longest message in bytes: the default message size of Call Home (`licensing.md` C).
pub const MAX_MESSAGE_BYTES: usize = 3_145_728;

/// Longest registration token: the `id-token` of the register RPC has 1 to 255 characters.
pub const MAX_TOKEN_CHARACTERS: usize = 255;

/// A message that cannot be taken; says which check failed.
#[derive(Debug, thiserror::Error)]
pub enum MessageError {
    /// Longer than [`MAX_MESSAGE_BYTES`].
    #[error("the message has {size} bytes; at most {MAX_MESSAGE_BYTES} are allowed")]
    TooLarge {
        /// Its length.
        size: usize,
    },
    /// Not the JSON object that it should be.
    #[error("the {part} is malformed: {reason}")]
    Malformed {
        /// `message` or `payload`.
        part: &'static str,
        /// Where and what; never a value of a secret field.
        reason: String,
    },
    /// A version that is not spoken here.
    #[error("protocol version {found} is not spoken here; version {VERSION} is")]
    Version {
        /// What the message says.
        found: u64,
    },
    /// A field outside its limits.
    #[error("{field} {rule}")]
    Field {
        /// Its name in the message.
        field: &'static str,
        /// What would have been right.
        rule: &'static str,
    },
    /// Signature, certificate chain, validity or purpose.
    #[error(transparent)]
    Signature(#[from] SignatureError),
    /// The identity is not for this device.
    #[error("the identity certificate's {field} is {found:?}, not {expected:?}")]
    Identity {
        /// `product instance`, `UDI` or `public key`.
        field: &'static str,
        /// What it says; left empty for a key.
        found: String,
        /// What it should say; left empty for a key.
        expected: String,
    },
    /// An answer to something else.
    #[error("the answer's {field} is not that of the request")]
    NotOurs {
        /// `request_id`, `nonce` or `kind`.
        field: &'static str,
    },
}

/// What a product instance asks, with who it is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Request {
    /// Chosen by the asker; the answer repeats it.
    pub request_id: String,
    /// 16 to 64 characters that nobody could foresee, fresh for every request, also for a repeated one.
    pub nonce: String,
    /// The asker's clock.
    pub timestamp: Timestamp,
    /// Larger than that of any request that the product instance sent before; persisted before it is sent. Two devices
    /// with one identity show by a number that comes twice.
    pub sequence: u64,
    /// As given at registration; absent in `register` alone.
    pub product_instance_id: Option<String>,
    /// Which device asks.
    pub udi: Udi,
    /// Which software asks, as an entitlement tag of its own.
    pub software_tag: String,
    /// Left out where the device keeps it private.
    pub hostname: Option<String>,
    /// Left out where the device keeps it private.
    pub agent_version: Option<String>,
    /// What it asks.
    pub body: RequestBody,
}

/// A device's unique identifier.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Udi {
    /// Product identifier of the chassis.
    pub pid: String,
    /// Serial number of the chassis.
    #[serde(rename = "sn")]
    pub serial_number: String,
    /// `default-sdr` on a router without further logical routers.
    pub uuid: String,
}

impl Udi {
    /// How an identity certificate names the device, in the serial-number attribute of its subject.
    pub fn certificate_name(&self) -> String {
        format!("PID:{},SN:{},UUID:{}", self.pid, self.serial_number, self.uuid)
    }
}

/// As log messages show it: `PID:NCS1004,SN:CAT2231B000`.
impl fmt::Display for Udi {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PID:{},SN:{}", self.pid, self.serial_number)
    }
}

/// The kinds of request.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Become a product instance.
    Register,
    /// Renew the identity certificate.
    RenewId,
    /// State what is used and learn whether it is covered.
    Authorize,
    /// Stop being a product instance.
    Deregister,
}

impl Kind {
    /// As in the message.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Register => "register",
            Kind::RenewId => "renew_id",
            Kind::Authorize => "authorize",
            Kind::Deregister => "deregister",
        }
    }
}

/// What is asked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum RequestBody {
    /// See [`Kind::Register`].
    Register(RegisterRequest),
    /// See [`Kind::RenewId`].
    RenewId(RenewIdRequest),
    /// See [`Kind::Authorize`].
    Authorize(AuthorizeRequest),
    /// See [`Kind::Deregister`].
    Deregister,
}

impl RequestBody {
    /// Its kind.
    pub fn kind(&self) -> Kind {
        match self {
            RequestBody::Register(_) => Kind::Register,
            RequestBody::RenewId(_) => Kind::RenewId,
            RequestBody::Authorize(_) => Kind::Authorize,
            RequestBody::Deregister => Kind::Deregister,
        }
    }
}

/// Asks to become a product instance. Signed with the key of the certificate request.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RegisterRequest {
    /// The registration token, 1 to 255 characters.
    #[serde(serialize_with = "token_to_wire", deserialize_with = "token_from_wire")]
    pub id_token: Secret<String>,
    /// PKCS #10 request in PEM. A repeated attempt with the same key is taken as the same registration.
    pub certificate_request: String,
    /// Take the place of a product instance that is registered with the same UDI and another key.
    pub force: bool,
    /// [`TrustRoot::fingerprint`] of the licensing root by which the answer will be judged, so that a server does not
    /// register a device that cannot believe it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub licensing_root: Option<String>,
}

/// Asks for a new identity certificate. Signed with the key of the present one.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RenewIdRequest {
    /// PKCS #10 request in PEM, with the present key or a new one.
    pub certificate_request: String,
}

/// States everything that is used; what is not named is not used any more.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuthorizeRequest {
    /// One entry for each entitlement in use; may be empty.
    pub entitlements: Vec<RequestedEntitlement>,
}

/// One entitlement and how many of it are used.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RequestedEntitlement {
    /// Full entitlement tag, `regid.YYYY-MM.com.cisco.SHORT,VERSION_UUID`.
    pub tag: String,
    /// How many.
    pub count: u32,
}

/// What the server says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Answer {
    /// That of the request; empty if the request could not be read that far.
    pub request_id: String,
    /// That of the request; empty if the request could not be read that far.
    pub nonce: String,
    /// The server's clock.
    pub server_time: Timestamp,
    /// The outcome.
    pub outcome: Outcome,
}

/// How it went.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// Status `OK`.
    Done(AnswerBody),
    /// Any other status.
    Refused(Refusal),
}

/// Why it was not done.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Refusal {
    /// What to do about it.
    pub status: RefusalStatus,
    /// For programs.
    pub code: RefusalCode,
    /// For people, and for the device's log.
    pub message: String,
}

/// Whether asking again makes sense.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RefusalStatus {
    /// The same request would be refused again.
    Failed,
    /// The server could not do it now; ask again.
    TryAgain,
    /// The server speaks an older protocol.
    VersionTooHigh,
}

/// Why a request was refused.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RefusalCode {
    /// The message does not follow the protocol.
    Malformed,
    /// The server speaks an older protocol.
    VersionTooHigh,
    /// No such registration token, or it was revoked.
    TokenUnknown,
    /// The registration token is past its validity.
    TokenExpired,
    /// The certificate request is malformed or its signature is wrong.
    CertificateRequestInvalid,
    /// The UDI is registered with another key, and `force` was not set.
    AlreadyRegistered,
    /// "Data and signature do not match": unknown or removed product instance, foreign or superseded certificate, wrong
    /// signature, or another UDI than the certificate's.
    SignatureMismatch,
    /// The identity certificate is not valid at the server's time.
    CertificateExpired,
    /// The clocks of both sides are too far apart.
    ClockOutOfRange,
    /// The nonce was seen before.
    NonceReplayed,
    /// The sequence number is not larger than the last one: a repeated message, or two devices with one identity.
    SequenceReplayed,
    /// Licences are reserved for the device, so it needs no registration.
    Reserved,
    /// The device trusts another licensing root, so it would not believe the answer.
    RootUnknown,
    /// The server could not record the change.
    Unavailable,
}

/// What an `OK` answer carries.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum AnswerBody {
    /// Answer to [`Kind::Register`].
    Register(Box<IdentityGrant>),
    /// Answer to [`Kind::RenewId`].
    RenewId(Box<IdentityGrant>),
    /// Answer to [`Kind::Authorize`].
    Authorize(AuthorizationGrant),
    /// Answer to [`Kind::Deregister`].
    Deregister,
}

impl AnswerBody {
    /// The kind of request that it answers.
    pub fn kind(&self) -> Kind {
        match self {
            AnswerBody::Register(_) => Kind::Register,
            AnswerBody::RenewId(_) => Kind::RenewId,
            AnswerBody::Authorize(_) => Kind::Authorize,
            AnswerBody::Deregister => Kind::Deregister,
        }
    }
}

/// An identity: what a product instance keeps and signs with from now on. To be checked with
/// [`IdentityGrant::verify`] before it is kept.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IdentityGrant {
    /// The name of the product instance at the server.
    pub product_instance_id: String,
    /// Whom it was issued to.
    pub udi: Udi,
    /// X.509 in PEM, for the key of the certificate request.
    pub identity_certificate: String,
    /// The certificates between it and the licensing root, in PEM, the issuer first, without the root.
    pub chain: Vec<String>,
    /// Name of the smart account.
    pub smart_account: String,
    /// Name of the virtual account.
    pub virtual_account: String,
    /// The token allowed export-controlled functionality.
    pub export_control_allowed: bool,
    /// When to renew, counted from the device's own clock; 180 days unless the server wants otherwise.
    pub renew_interval: SignedDuration,
    /// End of the registration: the server's time of issue and 365 days.
    pub expires: Timestamp,
}

impl IdentityGrant {
    /// Checks everything before the grant is kept: chain to `root`, purpose, validity at `now`, that the certificate is
    /// for this product instance, this device and this key.
    pub fn verify(
        &self,
        key: &SigningKey,
        udi: &Udi,
        root: &TrustRoot,
        now: Timestamp,
    ) -> Result<Verified, MessageError> {
        let verified = chain::verify_chain(&self.certificates(), root, Purpose::Identity, now)?;
        let mismatch = |field, found: &str, expected: &str| MessageError::Identity {
            field,
            found: found.to_owned(),
            expected: expected.to_owned(),
        };
        if verified.common_name != self.product_instance_id {
            let (found, expected) = (&verified.common_name, &self.product_instance_id);
            return Err(mismatch("product instance", found, expected));
        }
        let (found, expected) = (&verified.subject_serial_number, udi.certificate_name());
        if self.udi != *udi || *found != expected {
            return Err(mismatch("UDI", found, &expected));
        }
        if verified.public_key != key.public_key() {
            return Err(mismatch("public key", "", ""));
        }
        Ok(verified)
    }

    /// The identity certificate and its chain, as [`Request::sign`] wants them.
    pub fn certificates(&self) -> Vec<String> {
        let mut certificates = vec![self.identity_certificate.clone()];
        certificates.extend(self.chain.iter().cloned());
        certificates
    }
}

/// How the usage stands, for the whole virtual account.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuthorizationGrant {
    /// One entry for each entry of the request, in its order.
    pub entitlements: Vec<EntitlementAuthorization>,
    /// The worst of them; `in-compliance` for an empty list.
    pub overall: EntitlementStatus,
    /// When to ask again, counted from the device's own clock; 30 days unless the server wants otherwise.
    pub next_contact_interval: SignedDuration,
    /// Until when the authorization holds without a further exchange: the server's time and 90 days.
    pub deadline: Timestamp,
}

/// How one entitlement stands.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EntitlementAuthorization {
    /// As in the request.
    pub tag: String,
    /// How it stands.
    pub status: EntitlementStatus,
}

/// The server's verdict on an entitlement, from good to bad.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EntitlementStatus {
    /// The pool covers it.
    InCompliance,
    /// More in use than purchased, within the terms of the contract.
    Overage,
    /// More in use than purchased.
    OutOfCompliance,
    /// No such entitlement.
    InvalidTag,
}

/// What an answer must repeat.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Expected {
    /// Identifier of the request.
    pub request_id: String,
    /// Nonce of the request.
    pub nonce: String,
    /// Kind of the request.
    pub kind: Kind,
}

impl Request {
    /// What its answer must repeat.
    pub fn expected(&self) -> Expected {
        Expected {
            request_id: self.request_id.clone(),
            nonce: self.nonce.clone(),
            kind: self.body.kind(),
        }
    }

    /// The message to send. `certificates` is the identity certificate and its chain; empty for `register`.
    pub fn sign(&self, key: &SigningKey, certificates: &[String]) -> Result<Vec<u8>, MessageError> {
        Envelope::seal(Direction::Request, self.to_payload()?, key, certificates)?.to_bytes()
    }
}

impl Answer {
    /// The message to send, signed by the server; `certificates` is its signing certificate and chain.
    pub fn sign(&self, key: &SigningKey, certificates: &[String]) -> Result<Vec<u8>, MessageError> {
        Envelope::seal(Direction::Answer, self.to_payload()?, key, certificates)?.to_bytes()
    }

    /// Reads and verifies an answer: size, form, chain to `root`, purpose, validity at `now`, signature, and that it
    /// answers `expected`. An [`IdentityGrant`] inside still has to be checked with [`IdentityGrant::verify`].
    pub fn open(
        bytes: &[u8],
        expected: &Expected,
        root: &TrustRoot,
        now: Timestamp,
    ) -> Result<Answer, MessageError> {
        let answer = Answer::from_payload(Envelope::parse(bytes)?.verified(Direction::Answer, root, now)?)?;
        if answer.request_id != expected.request_id {
            return Err(MessageError::NotOurs { field: "request_id" });
        }
        if answer.nonce != expected.nonce {
            return Err(MessageError::NotOurs { field: "nonce" });
        }
        if let Outcome::Done(body) = &answer.outcome
            && body.kind() != expected.kind
        {
            return Err(MessageError::NotOurs { field: "kind" });
        }
        Ok(answer)
    }
}

fn token_to_wire<S: Serializer>(token: &Secret<String>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(token.reveal())
}

fn token_from_wire<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Secret<String>, D::Error> {
    // serde's own error would print the value.
    let token = String::deserialize(deserializer);
    token
        .map(Secret::new)
        .map_err(|_| serde::de::Error::custom("id_token must be a string"))
}
