//! A licence server that fits into a test, and can misbehave.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use crate::licensing::agent::Request;
use crate::licensing::catalogue::Entitlement;
use crate::licensing::consumption::Counts;
use crate::licensing::fault::{DeliveryFailure, Fault};
use crate::licensing::message::envelope::Envelope;
use crate::licensing::message::reservation::{Authorization, Coverage, RequestCode, ReservedLicence};
use crate::licensing::message::{
    Answer, AnswerBody, AuthorizationGrant, EntitlementAuthorization, EntitlementStatus, IdentityGrant,
    Outcome, Refusal, RefusalCode, RefusalStatus, Request as Message, RequestBody,
};
use crate::licensing::signature::read_certificate_request;
use crate::licensing::signature::test_authority::TestAuthority;
use crate::licensing::simulation::lab::days;
use crate::licensing::state::ExchangeKind;

pub const TOKEN: &str = "the-one-token";

pub struct Server {
    pub authority: &'static TestAuthority,
    pub instances: BTreeMap<String, Vec<Vec<u8>>>,
    /// The last sequence number of each instance.
    pub sequences: BTreeMap<String, u64>,
    pub pool: Counts,
    /// More in use than bought is within the contract.
    pub allows_overage: bool,
    pub mood: Mood,
    /// What was asked, and when by the agent's clock.
    pub heard: Vec<(Timestamp, ExchangeKind)>,
    /// From a request to its answer.
    pub delay: SignedDuration,
    /// How far its clock is behind the agent's.
    pub behind: SignedDuration,
    pub renew_interval: SignedDuration,
    pub next_contact: SignedDuration,
}

#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Mood {
    Helpful,
    Unreachable,
    /// Asks to try again.
    Busy,
    /// Says no, properly signed.
    Refusing,
    /// Says that the agent's protocol is too new.
    Older,
    /// Signs with a key that the root never saw.
    Forging,
    /// Answers with the nonce of something else.
    Replaying,
    /// Answers in a later version of the protocol.
    Newer,
    /// Answers with something that is no message.
    Babbling,
}

impl Mood {
    pub const ALL: [Mood; 9] = [
        Mood::Helpful,
        Mood::Unreachable,
        Mood::Busy,
        Mood::Refusing,
        Mood::Older,
        Mood::Forging,
        Mood::Replaying,
        Mood::Newer,
        Mood::Babbling,
    ];
}

impl Server {
    pub fn new() -> Server {
        Server {
            authority: TestAuthority::shared(),
            instances: BTreeMap::new(),
            sequences: BTreeMap::new(),
            pool: Entitlement::ALL.map(|entitlement| (entitlement, 10)).into(),
            allows_overage: false,
            mood: Mood::Helpful,
            heard: Vec::new(),
            delay: SignedDuration::from_secs(1),
            behind: SignedDuration::ZERO,
            renew_interval: days(180),
            next_contact: days(30),
        }
    }

    pub fn answer(&mut self, request: &Request, now: Timestamp) -> Result<Vec<u8>, DeliveryFailure> {
        self.heard.push((now, request.kind));
        let now = now - self.behind;
        if self.mood == Mood::Unreachable {
            let (fault, reason) = (Fault::NoConnection, "connection refused".to_owned());
            return Err(DeliveryFailure { fault, reason });
        }
        if self.mood == Mood::Babbling {
            return Ok(b"<html>502 Bad Gateway</html>".to_vec());
        }
        let envelope = Envelope::parse(&request.body).unwrap();
        let message = envelope.unverified_request().unwrap();
        self.verify(&envelope, &message);
        let outcome = match self.mood {
            Mood::Busy => refusal(
                RefusalStatus::TryAgain,
                RefusalCode::Unavailable,
                "come back later",
            ),
            Mood::Refusing => refusal(
                RefusalStatus::Failed,
                RefusalCode::ClockOutOfRange,
                "the clocks are too far apart",
            ),
            Mood::Older => refusal(
                RefusalStatus::VersionTooHigh,
                RefusalCode::VersionTooHigh,
                "version 1 is not spoken here",
            ),
            Mood::Helpful
            | Mood::Unreachable
            | Mood::Forging
            | Mood::Replaying
            | Mood::Newer
            | Mood::Babbling => self.outcome(&message, now),
        };
        let nonce = match self.mood {
            Mood::Replaying => "0123456789abcdef".to_owned(),
            _ => message.nonce.clone(),
        };
        let answer = Answer {
            request_id: message.request_id.clone(),
            nonce,
            server_time: now,
            outcome,
        };
        let key = match self.mood {
            Mood::Forging => &self.authority.foreign_key,
            _ => &self.authority.answering_key,
        };
        let bytes = answer.sign(key, &self.authority.answering_chain).unwrap();
        if self.mood == Mood::Newer {
            let text = String::from_utf8(bytes).unwrap();
            return Ok(text.replacen("\"version\":1", "\"version\":2", 1).into_bytes());
        }
        Ok(bytes)
    }

    fn outcome(&mut self, message: &Message, now: Timestamp) -> Outcome {
        let id = &instance(message);
        let outcome = self.decide(message, id, now);
        if matches!(outcome, Outcome::Done(_)) {
            self.sequences.insert(id.clone(), message.sequence);
        }
        outcome
    }

    fn decide(&mut self, message: &Message, id: &str, now: Timestamp) -> Outcome {
        match &message.body {
            RequestBody::Register(register) => {
                if register.id_token.reveal() != TOKEN {
                    return refusal(
                        RefusalStatus::Failed,
                        RefusalCode::TokenUnknown,
                        "The token is not valid",
                    );
                }
                self.grant(id.to_owned(), message, &register.certificate_request, now, true)
            }
            _ if !self.known(message) => refusal(
                RefusalStatus::Failed,
                RefusalCode::SignatureMismatch,
                "Data and signature do not match",
            ),
            _ if self.sequences.get(id) >= Some(&message.sequence) => refusal(
                RefusalStatus::Failed,
                RefusalCode::SequenceReplayed,
                "sequence number is not above the last one",
            ),
            RequestBody::RenewId(renewal) => {
                self.grant(id.to_owned(), message, &renewal.certificate_request, now, false)
            }
            RequestBody::Authorize(authorize) => {
                let short = match self.allows_overage {
                    true => EntitlementStatus::Overage,
                    false => EntitlementStatus::OutOfCompliance,
                };
                let entitlements: Vec<_> = authorize
                    .entitlements
                    .iter()
                    .map(|asked| {
                        let held = self.pool.iter().find(|(entry, _)| entry.entry().tag == asked.tag);
                        let status = match held {
                            None => EntitlementStatus::InvalidTag,
                            Some((_, held)) if *held < asked.count => short,
                            Some(_) => EntitlementStatus::InCompliance,
                        };
                        EntitlementAuthorization {
                            tag: asked.tag.clone(),
                            status,
                        }
                    })
                    .collect();
                let worst = entitlements.iter().map(|entry| entry.status).max();
                Outcome::Done(AnswerBody::Authorize(AuthorizationGrant {
                    overall: worst.unwrap_or(EntitlementStatus::InCompliance),
                    entitlements,
                    next_contact_interval: self.next_contact,
                    deadline: now + days(90),
                }))
            }
            RequestBody::Deregister => {
                self.instances.clear();
                Outcome::Done(AnswerBody::Deregister)
            }
        }
    }

    /// Every request is signed with the key that it claims.
    fn verify(&self, envelope: &Envelope, message: &Message) {
        // A device whose answer was lost still signs with its older key.
        let keys = match &message.body {
            RequestBody::Register(register) => {
                vec![
                    read_certificate_request(&register.certificate_request)
                        .unwrap()
                        .public_key,
                ]
            }
            _ => message
                .product_instance_id
                .as_ref()
                .and_then(|id| self.instances.get(id).cloned())
                .unwrap_or_default(),
        };
        let fits = |key: &Vec<u8>| envelope.verify_request_with_key(key).is_ok();
        assert!(
            keys.is_empty() || keys.iter().any(fits),
            "signed with a key that it never had"
        );
    }

    fn known(&self, message: &Message) -> bool {
        let id = message.product_instance_id.as_ref();
        id.is_some_and(|id| self.instances.contains_key(id))
    }

    fn grant(&mut self, id: String, message: &Message, request: &str, now: Timestamp, new: bool) -> Outcome {
        let key = read_certificate_request(request).unwrap();
        let expires = now + days(365);
        let identity_certificate = self.authority.identity(&key, &id, &message.udi, (now, expires));
        self.instances.entry(id.clone()).or_default().push(key.public_key);
        let grant = IdentityGrant {
            product_instance_id: id,
            udi: message.udi.clone(),
            identity_certificate,
            chain: Vec::new(),
            smart_account: "BU Production Test".to_owned(),
            virtual_account: "NCS1000".to_owned(),
            export_control_allowed: true,
            renew_interval: self.renew_interval,
            expires,
        };
        Outcome::Done(match new {
            true => AnswerBody::Register(Box::new(grant)),
            false => AnswerBody::RenewId(Box::new(grant)),
        })
    }

    /// What an authorization code for a request would say.
    pub fn authorization(&self, request_code: &str, licences: Vec<ReservedLicence>) -> Authorization {
        let request: RequestCode = request_code.parse().unwrap();
        Authorization {
            version: 1,
            id: format!("{}-1", request.commitment.to_text()),
            revision: 1,
            request: request.commitment.to_text(),
            pid: request.pid,
            serial_number: request.serial_number,
            coverage: request.coverage,
            issued: "2021-06-21T12:00:00Z".parse().unwrap(),
            smart_account: "BU Production Test".to_owned(),
            virtual_account: "NCS1000".to_owned(),
            export_control_allowed: true,
            licences: match request.coverage {
                Coverage::Specific => licences,
                Coverage::Universal => Vec::new(),
            },
        }
    }

    pub fn sign(&self, authorization: &Authorization) -> String {
        let (key, chain) = (&self.authority.answering_key, &self.authority.answering_chain);
        authorization.sign(key, chain).unwrap()
    }
}

fn instance(message: &Message) -> String {
    format!("instance-{}", message.udi.serial_number)
}

fn refusal(status: RefusalStatus, code: RefusalCode, message: &str) -> Outcome {
    Outcome::Refused(Refusal {
        status,
        code,
        message: message.to_owned(),
    })
}
