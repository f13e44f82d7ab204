//! Between the agent and the licensing protocol: requests are made and signed here, answers checked and translated.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use crate::licensing::agent::{InFlight, Request, SmartAgent, later};
use crate::licensing::catalogue::Entitlement;
use crate::licensing::configuration::TransportProblem;
use crate::licensing::consumption::Counts;
use crate::licensing::fault::{DeliveryFailure, Fault};
use crate::licensing::message::{
    Answer, AnswerBody, AuthorizationGrant, AuthorizeRequest, EntitlementStatus, Expected, IdentityGrant,
    MessageError, Outcome, Refusal, RefusalCode, RefusalStatus, RegisterRequest, RenewIdRequest,
    Request as Message, RequestBody, RequestedEntitlement, Udi,
};
use crate::licensing::secret::Secret;
use crate::licensing::signature::chain::TrustRoot;
use crate::licensing::signature::{SignatureError, SigningKey, random_text};
use crate::licensing::state::ExchangeKind;
use crate::licensing::trust::{Compliance, Registered, Registration};

/// No server may make the agent come back sooner than this.
pub(super) const SHORTEST_INTERVAL: SignedDuration = SignedDuration::from_mins(1);

/// When to do what the server asks for at `asked` and what must be done before `end`: where the two contradict, after
/// half of the time, as the server's interval cannot be kept.
pub(super) fn in_time(end: Timestamp, asked: Timestamp, now: Timestamp) -> Timestamp {
    if asked < end {
        return asked;
    }
    let half = end.duration_since(now) / 2;
    later(now, half.max(SHORTEST_INTERVAL))
}

/// Who speaks, and whom it believes.
#[derive(Debug)]
pub struct Speaker {
    /// The chassis.
    pub udi: Udi,
    /// Version identifier of the chassis.
    pub vid: String,
    /// The software, as an entitlement tag of its own.
    pub software_tag: String,
    /// Version of the agent, as licence commands show it: `4.13.32_rel/85`.
    pub agent_version: String,
    /// The licensing root; without it no server is believed.
    pub root: Option<TrustRoot>,
}

/// What a server granted, after every check.
#[derive(Debug)]
pub(super) enum Grant {
    /// With the begin of the certificate's validity.
    Identity(Box<IdentityGrant>, Timestamp),
    Authorization(AuthorizationAnswer),
    Deregistered,
}

/// How the reported counts stand.
#[derive(Debug)]
pub(super) struct AuthorizationAnswer {
    pub compliance: BTreeMap<Entitlement, Compliance>,
    pub next_contact: SignedDuration,
    pub deadline: Timestamp,
}

/// Why an exchange came to nothing.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub(super) enum ExchangeFailure {
    /// No answer arrived.
    #[error("{0}")]
    Unreachable(DeliveryFailure),
    /// Nothing that is configured leads to a server.
    #[error("{reason}")]
    NoWay { fault: Fault, reason: String },
    /// The server asks to be asked again.
    #[error("the server asks to try again later: {0}")]
    TryAgain(String),
    /// The server said no.
    #[error("{0}")]
    Refused(String),
    /// The server has heard later requests of this device than this one.
    #[error("{0}")]
    RecordOlder(String),
    /// The answer did not pass a check.
    #[error("the answer was not accepted: {0}")]
    Untrusted(String),
    /// The request could not be made.
    #[error("the request could not be made: {0}")]
    Unspeakable(String),
}

impl ExchangeFailure {
    /// Asking again later may help.
    pub(super) fn may_pass(&self) -> bool {
        self.fault().may_pass()
    }

    /// In one word.
    pub(super) fn fault(&self) -> Fault {
        match self {
            ExchangeFailure::Unreachable(failure) => failure.fault,
            ExchangeFailure::NoWay { fault, .. } => *fault,
            ExchangeFailure::TryAgain(_) => Fault::TryAgain,
            ExchangeFailure::Refused(_) => Fault::Refused,
            ExchangeFailure::RecordOlder(_) => Fault::RecordOlder,
            ExchangeFailure::Untrusted(_) => Fault::AnswerUntrusted,
            ExchangeFailure::Unspeakable(_) => Fault::Unspeakable,
        }
    }

    /// As `AUTH_RENEW_FAILED` words it (chapter, "Register a smart license").
    pub(super) fn in_renewal_message(&self) -> String {
        match self {
            ExchangeFailure::Refused(reason) | ExchangeFailure::RecordOlder(reason) => {
                format!("Error received from Smart Software Manager: {reason}")
            }
            other => other.to_string(),
        }
    }
}

impl From<&TransportProblem> for ExchangeFailure {
    fn from(problem: &TransportProblem) -> ExchangeFailure {
        ExchangeFailure::NoWay {
            fault: problem.into(),
            reason: problem.to_string(),
        }
    }
}

impl Speaker {
    /// A new private key, PKCS #8 in PEM.
    pub(super) fn new_key(&self) -> Result<Secret<String>, SignatureError> {
        Ok(SigningKey::generate()?.to_pem())
    }

    fn certificate_request(&self, key: &SigningKey) -> Result<String, SignatureError> {
        key.certificate_request(&self.udi.to_string())
    }
}

impl SmartAgent {
    /// Makes and signs the request of an exchange.
    pub(super) fn prepare(
        &self,
        flight: &InFlight,
        now: Timestamp,
    ) -> Result<(Request, Expected), ExchangeFailure> {
        let destination = self.configuration.destination.as_ref()?.clone();
        if self.speaker.root.is_none() {
            return Err(ExchangeFailure::NoWay {
                fault: Fault::NoLicensingRoot,
                reason: "no licensing root is set, so nothing that a licence server says can be verified"
                    .to_owned(),
            });
        }
        let (key, certificates, registered, body) = self.words(flight)?;
        let configuration = &self.configuration;
        let message = Message {
            request_id: flight.id.to_string(),
            nonce: random_text()?,
            timestamp: now,
            sequence: flight.id,
            product_instance_id: registered.map(|registered| registered.product_instance_id.clone()),
            udi: self.speaker.udi.clone(),
            software_tag: self.speaker.software_tag.clone(),
            hostname: configuration
                .host_name
                .clone()
                .filter(|_| !configuration.host_name_withheld),
            agent_version: (!configuration.version_withheld).then(|| self.speaker.agent_version.clone()),
            body,
        };
        let request = Request {
            id: flight.id,
            kind: flight.kind,
            destination,
            body: message.sign(&key, certificates)?,
        };
        Ok((request, message.expected()))
    }

    /// With which key and certificates, as whom, and what.
    #[allow(clippy::type_complexity)] // one use, four words of one sentence
    fn words(
        &self,
        flight: &InFlight,
    ) -> Result<(SigningKey, &[String], Option<&Registered>, RequestBody), ExchangeFailure> {
        if let Registration::InProgress { attempt, .. } = &self.record.registration {
            let key = SigningKey::from_pem(&attempt.key)?;
            let body = RequestBody::Register(RegisterRequest {
                id_token: attempt.token.clone(),
                certificate_request: self.speaker.certificate_request(&key)?,
                force: attempt.force,
                licensing_root: self.speaker.root.as_ref().map(TrustRoot::fingerprint),
            });
            return Ok((key, &[], None, body));
        }
        let Some(registered) = self.record.registration.registered() else {
            return Err(ExchangeFailure::Unspeakable(
                "there is no registration".to_owned(),
            ));
        };
        let key = SigningKey::from_pem(&registered.key)?;
        let body = match flight.kind {
            ExchangeKind::Deregistration => RequestBody::Deregister,
            ExchangeKind::Authorization => RequestBody::Authorize(AuthorizeRequest {
                entitlements: requested(&flight.reported),
            }),
            ExchangeKind::IdentityRenewal | ExchangeKind::Registration => {
                RequestBody::RenewId(RenewIdRequest {
                    certificate_request: self.speaker.certificate_request(&key)?,
                })
            }
        };
        Ok((key, &registered.certificates, Some(registered), body))
    }

    /// Checks an answer: form, chain to the licensing root, signature, that it answers the request, and for an identity
    /// its chain, validity, device and key. Nothing of the agent changes before all of it holds (reading Q34).
    pub(super) fn read_answer(
        &self,
        body: &[u8],
        flight: &InFlight,
        now: Timestamp,
    ) -> Result<Grant, ExchangeFailure> {
        let (Some(root), Some(expected)) = (&self.speaker.root, &flight.expected) else {
            return Err(ExchangeFailure::Untrusted("no licensing root is set".to_owned()));
        };
        let untrusted = |error: MessageError| ExchangeFailure::Untrusted(error.to_string());
        let answer = Answer::open(body, expected, root, now).map_err(untrusted)?;
        let body = match answer.outcome {
            Outcome::Done(body) => body,
            Outcome::Refused(refusal) => return Err(refusal.into()),
        };
        match body {
            AnswerBody::Register(mut grant) | AnswerBody::RenewId(mut grant) => {
                let key = SigningKey::from_pem(self.asking_key().ok_or_else(no_registration)?)?;
                let verified = grant
                    .verify(&key, &self.speaker.udi, root, now)
                    .map_err(untrusted)?;
                grant.expires = grant.expires.min(verified.not_after);
                Ok(Grant::Identity(grant, verified.not_before))
            }
            AnswerBody::Authorize(grant) => {
                authorization_answer(&flight.reported, grant).map(Grant::Authorization)
            }
            AnswerBody::Deregister => Ok(Grant::Deregistered),
        }
    }

    /// The private key for which an identity was asked.
    fn asking_key(&self) -> Option<&Secret<String>> {
        match &self.record.registration {
            Registration::InProgress { attempt, .. } => Some(&attempt.key),
            other => Some(&other.registered()?.key),
        }
    }
}

fn requested(counts: &Counts) -> Vec<RequestedEntitlement> {
    counts
        .iter()
        .map(|(entitlement, count)| RequestedEntitlement {
            tag: entitlement.entry().tag.to_owned(),
            count: *count,
        })
        .collect()
}

fn authorization_answer(
    reported: &Counts,
    grant: AuthorizationGrant,
) -> Result<AuthorizationAnswer, ExchangeFailure> {
    let mut compliance = BTreeMap::new();
    for entitlement in reported.keys() {
        let tag = entitlement.entry().tag;
        let Some(entry) = grant.entitlements.iter().find(|entry| entry.tag == tag) else {
            return Err(ExchangeFailure::Untrusted(format!("it says nothing about {tag}")));
        };
        compliance.insert(
            *entitlement,
            match entry.status {
                EntitlementStatus::InCompliance => Compliance::InCompliance,
                EntitlementStatus::Overage => Compliance::Overage,
                EntitlementStatus::OutOfCompliance => Compliance::OutOfCompliance,
                EntitlementStatus::InvalidTag => Compliance::InvalidTag,
            },
        );
    }
    Ok(AuthorizationAnswer {
        compliance,
        next_contact: grant.next_contact_interval,
        deadline: grant.deadline,
    })
}

fn no_registration() -> ExchangeFailure {
    ExchangeFailure::Untrusted("nothing was asked that it could answer".to_owned())
}

impl From<Refusal> for ExchangeFailure {
    fn from(refusal: Refusal) -> ExchangeFailure {
        match refusal.status {
            RefusalStatus::TryAgain => ExchangeFailure::TryAgain(refusal.message),
            RefusalStatus::Failed if refusal.code == RefusalCode::SequenceReplayed => {
                ExchangeFailure::RecordOlder(refusal.message)
            }
            RefusalStatus::Failed | RefusalStatus::VersionTooHigh => {
                ExchangeFailure::Refused(refusal.message)
            }
        }
    }
}

impl From<SignatureError> for ExchangeFailure {
    fn from(error: SignatureError) -> ExchangeFailure {
        ExchangeFailure::Unspeakable(error.to_string())
    }
}

impl From<MessageError> for ExchangeFailure {
    fn from(error: MessageError) -> ExchangeFailure {
        ExchangeFailure::Unspeakable(error.to_string())
    }
}
