//! What the licence server answers to a device: a decision from the account as it is, without any I/O.
//!
//! [`Server::decide`] reads and verifies a message and works out the answer and the [`Change`]s that it depends on. The
//! driver stores the changes, applies them, and only then signs and sends the answer; so an answer that a device has
//! seen is never lost.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::licensing::catalogue::Entitlement;
use crate::licensing::message::envelope::Envelope;
use crate::licensing::message::{
    Answer, AnswerBody, AuthorizationGrant, AuthorizeRequest, EntitlementAuthorization, EntitlementStatus,
    IdentityGrant, MessageError, Outcome, Refusal, RefusalCode, RefusalStatus, RegisterRequest,
    RenewIdRequest, Request, RequestBody, VERSION,
};
use crate::licensing::signature::{self, RequestedKey, SignatureError};
use crate::ssm::account::{Account, Change, Identity, ProductInstance, Token};
use crate::ssm::ca::Authority;
use crate::ssm::policy::Policy;

/// The server: who it is, what it knows, what it wants.
#[derive(Debug)]
pub struct Server {
    /// Its certificates and keys.
    pub authority: Authority,
    /// Its customers.
    pub account: Account,
    /// Its times.
    pub policy: Policy,
}

/// What is to be done about a message.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Decision {
    /// The answer, to be signed and sent once the changes are stored.
    pub answer: Answer,
    /// What has to be stored first; a refusal may change something too.
    pub changes: Vec<Change>,
    /// One line for the log.
    pub story: String,
}

/// Why a request is refused, and what is remembered of it.
struct Refused {
    code: RefusalCode,
    message: String,
    changes: Vec<Change>,
    /// For the log alone: which check failed.
    detail: String,
}

impl Refused {
    fn new(code: RefusalCode, message: impl Into<String>) -> Refused {
        Refused {
            code,
            message: message.into(),
            changes: Vec::new(),
            detail: String::new(),
        }
    }

    /// The product's own words for every doubt about who signed (L-100).
    fn mismatch(detail: impl Into<String>) -> Refused {
        Refused {
            detail: detail.into(),
            ..Refused::new(RefusalCode::SignatureMismatch, "Data and signature do not match")
        }
    }
}

struct Granted {
    body: AnswerBody,
    changes: Vec<Change>,
    story: String,
}

impl Server {
    /// Decides about the bytes of a message. An error is for bytes that are no message of this protocol: there is
    /// nobody to send a signed answer to.
    pub fn decide(&self, bytes: &[u8], now: Timestamp) -> Result<Decision, MessageError> {
        let envelope = match Envelope::parse(bytes) {
            Ok(envelope) => envelope,
            Err(MessageError::Version { found }) if found > u64::from(VERSION) => {
                return Ok(version_too_high(bytes, found, now));
            }
            Err(error) => return Err(error),
        };
        let request = envelope.unverified_request()?;
        let decided = match &request.body {
            RequestBody::Register(body) => self.register(&envelope, &request, body, now),
            RequestBody::RenewId(body) => self.renew_id(&envelope, &request, body, now),
            RequestBody::Authorize(body) => self.authorize(&envelope, &request, body, now),
            RequestBody::Deregister => self.deregister(&envelope, &request, now),
        };
        let (outcome, changes, story) = match decided {
            Ok(granted) => (Outcome::Done(granted.body), granted.changes, granted.story),
            Err(refused) => {
                let story = story_of_refusal(&request, &refused);
                let refusal = Refusal {
                    status: RefusalStatus::Failed,
                    code: refused.code,
                    message: refused.message,
                };
                (Outcome::Refused(refusal), refused.changes, story)
            }
        };
        Ok(Decision {
            answer: answer(&request.request_id, &request.nonce, now, outcome),
            changes,
            story,
        })
    }

    /// What time alone has changed: registrations that ended, nonces that need not be kept.
    pub fn elapsed(&self, now: Timestamp) -> Vec<Change> {
        let expired = self.account.expired(now);
        let mut changes: Vec<Change> = expired.map(|id| Change::InstanceRemoved(id.to_owned())).collect();
        let ended = self.account.reservations_ended(now);
        changes
            .extend(ended.map(|reservation| Change::Reservation(Box::new(reservation.clone().as_of(now)))));
        if self.account.has_old_nonces(now) {
            changes.push(Change::NoncesForgotten { before: now });
        }
        changes
    }

    /// Applies changes that are stored.
    pub fn apply(&mut self, changes: Vec<Change>) {
        for change in changes {
            self.account.apply(change);
        }
    }

    fn register(
        &self,
        envelope: &Envelope,
        request: &Request,
        body: &RegisterRequest,
        now: Timestamp,
    ) -> Result<Granted, Refused> {
        let key = requested_key(&body.certificate_request)?;
        envelope
            .verify_request_with_key(&key.public_key)
            .map_err(|error| Refused::mismatch(error.to_string()))?;
        self.check_clock(request, now)?;
        if self.account.nonce_seen(&request.nonce) {
            return Err(Refused::new(
                RefusalCode::NonceReplayed,
                "this registration request was received before; a repeated one needs a new nonce",
            ));
        }
        if let Some(root) = &body.licensing_root
            && !self.authority.is_licensing_root(root)
        {
            return Err(Refused {
                detail: format!(
                    "it trusts the root with SHA-256 {}",
                    root.chars().take(64).collect::<String>()
                ),
                ..Refused::new(
                    RefusalCode::RootUnknown,
                    "the device trusts another licensing root than this server's; give it licensing-root.pem of this \
                     server's state folder",
                )
            });
        }
        let token = self.check_token(body, now)?;
        let udi = &request.udi;
        if self
            .account
            .reservation_of(&udi.pid, &udi.serial_number)
            .is_some()
        {
            return Err(Refused::new(
                RefusalCode::Reserved,
                format!("licenses are reserved for {udi}; return the reservation before registering"),
            ));
        }
        let present = self.account.instance_of(&request.udi);
        let same_key = present.filter(|instance| instance.identity.public_key == key.public_key);
        if present.is_some() && same_key.is_none() && !body.force {
            return Err(Refused::new(
                RefusalCode::AlreadyRegistered,
                format!(
                    "the product instance {} is registered already; register with force to take its place, or remove it \
                     from the licence server first",
                    request.udi
                ),
            ));
        }
        let id = match same_key {
            Some(instance) => instance.id.clone(),
            None => new_instance_id(),
        };
        let mut changes = Vec::new();
        if let Some(instance) = present
            && same_key.is_none()
        {
            changes.push(Change::InstanceRemoved(instance.id.clone()));
        }
        let (grant, identity) = self.issue(request, &id, &key, token.virtual_account, now)?;
        changes.push(Change::Instance(Box::new(ProductInstance {
            id: id.clone(),
            udi: request.udi.clone(),
            virtual_account: token.virtual_account,
            hostname: request.hostname.clone(),
            software_tag: request.software_tag.clone(),
            agent_version: request.agent_version.clone(),
            registered: same_key.map_or(now, |instance| instance.registered),
            last_contact: now,
            last_sequence: request.sequence,
            export_control_allowed: token.export_control_allowed,
            identity,
            next_identity: None,
            clone_suspected: None,
            usage: same_key.map_or_else(BTreeMap::new, |instance| instance.usage.clone()),
        })));
        changes.push(Change::Token(Token {
            uses: token.uses.saturating_add(1),
            ..token.clone()
        }));
        changes.push(Change::Nonce {
            nonce: request.nonce.clone(),
            until: now
                .saturating_add(self.policy.clock_window * 2)
                .unwrap_or(Timestamp::MAX),
        });
        let story = format!(
            "registered {} as {id} in virtual account {} with token {}",
            request.udi, grant.virtual_account, token.id
        );
        let grant = IdentityGrant {
            export_control_allowed: token.export_control_allowed,
            ..grant
        };
        Ok(Granted {
            body: AnswerBody::Register(Box::new(grant)),
            changes,
            story,
        })
    }

    fn check_token(&self, body: &RegisterRequest, now: Timestamp) -> Result<&Token, Refused> {
        let token = self.account.presented_token(&body.id_token);
        let token = token.ok_or_else(|| {
            let message = "the registration token is unknown or was revoked";
            Refused::new(RefusalCode::TokenUnknown, message)
        })?;
        if now >= token.expires {
            let message = format!("the registration token expired at {}", token.expires);
            return Err(Refused::new(RefusalCode::TokenExpired, message));
        }
        Ok(token)
    }

    fn renew_id(
        &self,
        envelope: &Envelope,
        request: &Request,
        body: &RenewIdRequest,
        now: Timestamp,
    ) -> Result<Granted, Refused> {
        let mut instance = self.authenticate(envelope, request, now)?;
        let key = requested_key(&body.certificate_request)?;
        let (grant, identity) = self.issue(request, &instance.id, &key, instance.virtual_account, now)?;
        if identity.public_key == instance.identity.public_key {
            instance.identity = identity;
            instance.next_identity = None;
        } else {
            instance.next_identity = Some(identity);
        }
        let story = format!(
            "renewed the identity of {} ({}) until {}",
            instance.id, instance.udi, grant.expires
        );
        let grant = IdentityGrant {
            export_control_allowed: instance.export_control_allowed,
            ..grant
        };
        Ok(Granted {
            body: AnswerBody::RenewId(Box::new(grant)),
            changes: vec![Change::Instance(Box::new(instance))],
            story,
        })
    }

    fn authorize(
        &self,
        envelope: &Envelope,
        request: &Request,
        body: &AuthorizeRequest,
        now: Timestamp,
    ) -> Result<Granted, Refused> {
        let mut instance = self.authenticate(envelope, request, now)?;
        let used_before = std::mem::take(&mut instance.usage);
        let mut entitlements = Vec::with_capacity(body.entitlements.len());
        let mut words = Vec::with_capacity(body.entitlements.len());
        for requested in &body.entitlements {
            let entitlement = Entitlement::ALL
                .into_iter()
                .find(|entitlement| entitlement.entry().tag == requested.tag);
            let status = match entitlement {
                None => EntitlementStatus::InvalidTag,
                Some(entitlement) => {
                    if requested.count > 0 {
                        instance.usage.insert(entitlement, requested.count);
                    }
                    let mut pool = self.account.pool(instance.virtual_account, entitlement);
                    let before = used_before.get(&entitlement).copied().unwrap_or(0);
                    pool.in_use = pool.in_use.saturating_sub(before.into()) + u64::from(requested.count);
                    let short_tag = entitlement.short_tag();
                    words.push(format!("{short_tag} {}", requested.count));
                    if pool.is_short() {
                        words.push(format!("(pool: {} of {})", pool.in_use, pool.purchased));
                        EntitlementStatus::OutOfCompliance
                    } else {
                        EntitlementStatus::InCompliance
                    }
                }
            };
            entitlements.push(EntitlementAuthorization {
                tag: requested.tag.clone(),
                status,
            });
        }
        let worst = entitlements.iter().map(|entitlement| entitlement.status).max();
        let overall = worst.unwrap_or(EntitlementStatus::InCompliance);
        let in_order = overall <= EntitlementStatus::Overage;
        let what = if words.is_empty() {
            "nothing in use".to_owned()
        } else {
            words.join(" ")
        };
        let verdict = if in_order {
            "in compliance"
        } else {
            "out of compliance"
        };
        let story = format!("authorized {} ({}): {what}: {verdict}", instance.id, instance.udi);
        Ok(Granted {
            body: AnswerBody::Authorize(AuthorizationGrant {
                entitlements,
                overall,
                next_contact_interval: if in_order {
                    self.policy.next_contact
                } else {
                    self.policy.next_contact_out_of_compliance
                },
                deadline: now
                    .saturating_add(self.policy.authorization_life)
                    .unwrap_or(Timestamp::MAX),
            }),
            changes: vec![Change::Instance(Box::new(instance))],
            story,
        })
    }

    fn deregister(&self, envelope: &Envelope, request: &Request, now: Timestamp) -> Result<Granted, Refused> {
        let instance = self.authenticate(envelope, request, now)?;
        Ok(Granted {
            body: AnswerBody::Deregister,
            story: format!("deregistered {} ({})", instance.id, instance.udi),
            changes: vec![Change::InstanceRemoved(instance.id)],
        })
    }

    /// Finds the product instance that signed a request, and returns it as it is after this contact.
    fn authenticate(
        &self,
        envelope: &Envelope,
        request: &Request,
        now: Timestamp,
    ) -> Result<ProductInstance, Refused> {
        let signer = self
            .authority
            .verify_identity(envelope.certificates(), now)
            .map_err(|error| match error {
                SignatureError::Expired { .. } => Refused::new(
                    RefusalCode::CertificateExpired,
                    "the identity certificate has expired; register again",
                ),
                other => Refused::mismatch(other.to_string()),
            })?;
        let id = request.product_instance_id.as_deref().unwrap_or_default();
        let instance = self.account.instance(id);
        let instance = instance.ok_or_else(|| Refused::mismatch(format!("no product instance {id:?}")))?;
        if signer.common_name != instance.id || request.udi != instance.udi {
            return Err(Refused::mismatch(
                "the certificate is for another product instance or device",
            ));
        }
        let mut contacted = instance.clone();
        if signer.public_key != instance.identity.public_key {
            // The first use of a renewed key makes it the only one.
            match contacted.next_identity.take() {
                Some(next) if next.public_key == signer.public_key => contacted.identity = next,
                _ => return Err(Refused::mismatch("the certificate was superseded")),
            }
        }
        envelope
            .verify_request_with_key(&signer.public_key)
            .map_err(|error| Refused::mismatch(error.to_string()))?;
        self.check_clock(request, now)?;
        if request.sequence <= instance.last_sequence {
            let mut suspected = instance.clone();
            suspected.clone_suspected = Some(now);
            return Err(Refused {
                changes: vec![Change::Instance(Box::new(suspected))],
                ..Refused::new(
                    RefusalCode::SequenceReplayed,
                    format!(
                        "sequence number {} is not above {}, the last one of {}: the message was sent before, or two \
                         devices share one identity",
                        request.sequence, instance.last_sequence, instance.udi
                    ),
                )
            });
        }
        contacted.last_contact = now;
        contacted.last_sequence = request.sequence;
        contacted.hostname.clone_from(&request.hostname);
        contacted.agent_version.clone_from(&request.agent_version);
        contacted.software_tag.clone_from(&request.software_tag);
        Ok(contacted)
    }

    fn check_clock(&self, request: &Request, now: Timestamp) -> Result<(), Refused> {
        if now.duration_since(request.timestamp).abs() <= self.policy.clock_window {
            return Ok(());
        }
        Err(Refused::new(
            RefusalCode::ClockOutOfRange,
            format!(
                "the device's clock shows {}, the server's {now}; at most {} minutes may lie between them",
                request.timestamp,
                self.policy.clock_window.as_mins()
            ),
        ))
    }

    fn issue(
        &self,
        request: &Request,
        id: &str,
        key: &RequestedKey,
        virtual_account: crate::ssm::account::VirtualAccountId,
        now: Timestamp,
    ) -> Result<(IdentityGrant, Identity), Refused> {
        let issued = self.authority.issue_identity(key, id, &request.udi, now);
        let issued = issued.map_err(|error| Refused {
            detail: error.to_string(),
            ..Refused::new(
                RefusalCode::CertificateRequestInvalid,
                "no certificate can be made from the certificate request",
            )
        })?;
        let identity = Identity {
            public_key: key.public_key.clone(),
            expires: issued.expires,
        };
        let grant = IdentityGrant {
            product_instance_id: id.to_owned(),
            udi: request.udi.clone(),
            identity_certificate: issued.certificate,
            chain: self.authority.identity_chain(),
            smart_account: self.account.name().to_owned(),
            virtual_account: self.account.virtual_account_name(virtual_account).to_owned(),
            export_control_allowed: false,
            renew_interval: self.policy.renew_interval,
            expires: issued.expires,
        };
        Ok((grant, identity))
    }
}

/// The answer when the changes of a decision could not be stored: nothing was done, ask again.
pub fn unavailable(decided: &Answer) -> Answer {
    let refusal = Refusal {
        status: RefusalStatus::TryAgain,
        code: RefusalCode::Unavailable,
        message: "the licence server could not record the request; try again later".to_owned(),
    };
    Answer {
        outcome: Outcome::Refused(refusal),
        ..decided.clone()
    }
}

fn answer(request_id: &str, nonce: &str, now: Timestamp, outcome: Outcome) -> Answer {
    Answer {
        request_id: request_id.to_owned(),
        nonce: nonce.to_owned(),
        server_time: now,
        outcome,
    }
}

/// A later protocol may look different inside; identifier and nonce are repeated if they are where they are now.
fn version_too_high(bytes: &[u8], found: u64, now: Timestamp) -> Decision {
    let message: serde_json::Value = serde_json::from_slice(bytes).unwrap_or_default();
    let payload = message.get("payload").and_then(serde_json::Value::as_str);
    let payload: serde_json::Value = serde_json::from_str(payload.unwrap_or_default()).unwrap_or_default();
    let field = |name: &str| {
        let text = payload.get(name).and_then(serde_json::Value::as_str);
        text.unwrap_or_default().chars().take(64).collect::<String>()
    };
    let text = format!("protocol version {found} is not spoken here; version {VERSION} is");
    let refusal = Refusal {
        status: RefusalStatus::VersionTooHigh,
        code: RefusalCode::VersionTooHigh,
        message: text.clone(),
    };
    Decision {
        answer: answer(
            &field("request_id"),
            &field("nonce"),
            now,
            Outcome::Refused(refusal),
        ),
        changes: Vec::new(),
        story: format!("refused a message: {text}"),
    }
}

fn requested_key(certificate_request: &str) -> Result<RequestedKey, Refused> {
    signature::read_certificate_request(certificate_request)
        .map_err(|error| Refused::new(RefusalCode::CertificateRequestInvalid, error.to_string()))
}

fn new_instance_id() -> String {
    uuid::Uuid::new_v4().to_string()
}

fn story_of_refusal(request: &Request, refused: &Refused) -> String {
    let mut story = format!(
        "refused to {} {}: {}",
        request.body.kind().name(),
        request.udi,
        refused.message
    );
    if !refused.detail.is_empty() {
        story.push_str(&format!(" ({})", refused.detail));
    }
    story
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;
    use crate::licensing::message::EntitlementStatus::{InCompliance, InvalidTag, OutOfCompliance};
    use crate::licensing::message::{Expected, RequestedEntitlement};
    use crate::licensing::signature::SigningKey;
    use crate::ssm::admin::Command;
    use crate::ssm::test_device::{DAY, Device, add, command, create_token, exchange, now, server, token};

    fn device(server: &Server, serial_number: &str) -> Device {
        Device::new(serial_number, server.authority.licensing_root())
    }

    /// A server with a registered device.
    fn pair() -> (Server, Device) {
        let mut server = server();
        let token = token(&mut server, now());
        let mut device = device(&server, "CAT1");
        device.register(&mut server, &token, now()).unwrap();
        (server, device)
    }

    fn remove(server: &mut Server, name: &str) {
        let name = name.to_owned();
        command(server, &Command::InstanceRemove { name }, now());
    }

    #[test]
    fn a_device_that_would_not_believe_the_server_is_not_registered() {
        let mut server = server();
        let token = token(&mut server, now());
        let stranger = crate::ssm::test_device::server();
        let mut device = device(&stranger, "CAT1");
        // It cannot even believe the refusal, so it is read unverified.
        let request = device.request(device.registration(&token, false), now());
        let decision = server.decide(&device.sign(&request), now()).unwrap();
        let Outcome::Refused(refusal) = &decision.answer.outcome else {
            panic!("registered")
        };
        assert_eq!(refusal.code, RefusalCode::RootUnknown);
        assert_eq!(decision.changes, []);
        assert!(
            decision.story.contains("it trusts the root with SHA-256 "),
            "{}",
            decision.story
        );
    }

    #[test]
    fn a_device_registers_runs_short_is_covered_again_is_removed_and_comes_back() {
        let (mut server, mut device) = pair();
        let long_haul = [(Entitlement::LongHaul, 2)];
        let grant = device.grant.clone().unwrap();
        assert_eq!(grant.smart_account, "Lab");
        assert_eq!(grant.virtual_account, "Default");
        assert!(grant.export_control_allowed);
        assert_eq!(grant.renew_interval, DAY * 180);
        assert_eq!(grant.expires, now() + DAY * 365);

        let short = device.authorize(&mut server, &long_haul, now()).unwrap();
        assert_eq!(short.overall, OutOfCompliance);
        assert_eq!(short.deadline, now() + DAY * 90);
        assert_eq!(short.next_contact_interval, DAY * 30);

        command(&mut server, &add(Entitlement::LongHaul, 2), now());
        assert_eq!(device.status(&mut server, &long_haul, now()), Ok(InCompliance));

        remove(&mut server, "CAT1");
        assert_eq!(
            server.account.pools().map(|(.., pool)| pool.in_use).sum::<u64>(),
            0
        );
        let refusal = device.authorize(&mut server, &long_haul, now()).unwrap_err();
        assert_eq!(refusal.message, "Data and signature do not match");
        assert_eq!(refusal.code, RefusalCode::SignatureMismatch);
        let refusal = device
            .ask(&mut server, RequestBody::Deregister, now())
            .unwrap_err();
        assert_eq!(refusal.code, RefusalCode::SignatureMismatch);

        let token = token(&mut server, now());
        device.register(&mut server, &token, now()).unwrap();
        assert_eq!(device.status(&mut server, &long_haul, now()), Ok(InCompliance));
        device.ask(&mut server, RequestBody::Deregister, now()).unwrap();
        assert_eq!(server.account.instances().count(), 0);
        assert_eq!(
            server.account.pools().map(|(.., pool)| pool.in_use).sum::<u64>(),
            0
        );
    }

    #[test]
    fn a_short_pool_shows_to_every_device_of_the_virtual_account_at_its_next_exchange_and_to_no_other() {
        let (mut server, mut first) = pair();
        command(&mut server, &add(Entitlement::Subsea, 1), now());
        let token_text = token(&mut server, now());
        let mut second = device(&server, "CAT2");
        second.register(&mut server, &token_text, now()).unwrap();
        let name = "Sea".to_owned();
        command(&mut server, &Command::AccountAdd { name: name.clone() }, now());
        let Command::TokenCreate {
            description, days, ..
        } = create_token(1)
        else {
            unreachable!()
        };
        let elsewhere = Command::TokenCreate {
            virtual_account: Some("sea".to_owned()),
            description,
            days,
            export_control_allowed: false,
        };
        let crate::ssm::admin::listing::Output::Token(row) = command(&mut server, &elsewhere, now()) else {
            panic!()
        };
        let mut third = device(&server, "CAT3");
        third.register(&mut server, &row.token, now()).unwrap();
        assert_eq!(third.grant.as_ref().unwrap().virtual_account, name);
        assert!(!third.grant.as_ref().unwrap().export_control_allowed);

        let one = [(Entitlement::Subsea, 1)];
        assert_eq!(first.status(&mut server, &one, now()), Ok(InCompliance));
        assert_eq!(second.status(&mut server, &one, now()), Ok(OutOfCompliance));
        assert_eq!(first.status(&mut server, &one, now()), Ok(OutOfCompliance));
        assert_eq!(third.status(&mut server, &one, now()), Ok(OutOfCompliance));
        let both = [(Entitlement::LongHaul, 0), (Entitlement::Subsea, 0)];
        assert_eq!(second.status(&mut server, &both, now()), Ok(InCompliance));
        assert_eq!(first.status(&mut server, &one, now()), Ok(InCompliance));
    }

    #[test]
    fn an_unknown_tag_is_told_and_does_not_hide_the_others() {
        let (mut server, mut device) = pair();
        let RequestBody::Authorize(mut body) = Device::usage(&[(Entitlement::LongHaul, 1)]) else {
            panic!()
        };
        body.entitlements.push(RequestedEntitlement {
            tag: "regid.2018-05.com.cisco.NO_SUCH,1.0_x".to_owned(),
            count: 3,
        });
        let Ok(AnswerBody::Authorize(grant)) = device.ask(&mut server, RequestBody::Authorize(body), now())
        else {
            panic!()
        };
        let statuses: Vec<_> = grant.entitlements.iter().map(|entry| entry.status).collect();
        assert_eq!(statuses, [OutOfCompliance, InvalidTag]);
        assert_eq!(grant.overall, InvalidTag);
    }

    #[test]
    fn a_token_is_refused_when_it_is_unknown_revoked_or_expired() {
        let mut server = server();
        let mut device = device(&server, "CAT1");
        let good = token(&mut server, now());
        assert_eq!(
            device.register(&mut server, "wrong", now()),
            Err(RefusalCode::TokenUnknown)
        );
        let last = now() + DAY * 30 - SignedDuration::from_secs(1);
        assert_eq!(
            device.register(&mut server, &good, now() + DAY * 30),
            Err(RefusalCode::TokenExpired)
        );
        device.register(&mut server, &good, last).unwrap();
        command(&mut server, &Command::TokenRevoke { id: 1 }, now());
        let mut other = self::device(&server, "CAT2");
        assert_eq!(
            other.register(&mut server, &good, now()),
            Err(RefusalCode::TokenUnknown)
        );
        assert_eq!(device.status(&mut server, &[], last), Ok(InCompliance));
    }

    #[test]
    fn a_registration_whose_answer_was_lost_can_be_repeated_and_a_new_key_needs_force() {
        let mut server = server();
        let token = token(&mut server, now());
        let mut device = device(&server, "CAT1");
        let request = device.request(device.registration(&token, false), now());
        exchange(&mut server, &device.sign(&request), now());
        let id = server.account.instances().next().unwrap().id.clone();
        device.register(&mut server, &token, now()).unwrap();
        assert_eq!(device.grant.as_ref().unwrap().product_instance_id, id);

        let mut erased = self::device(&server, "CAT1");
        assert_eq!(
            erased.register(&mut server, &token, now()),
            Err(RefusalCode::AlreadyRegistered)
        );
        let body = erased.registration(&token, true);
        erased.ask(&mut server, body, now()).unwrap();
        assert_eq!(server.account.instances().count(), 1);
        assert_eq!(
            device.status(&mut server, &[], now()),
            Err(RefusalCode::SignatureMismatch)
        );
        assert_eq!(erased.status(&mut server, &[], now()), Ok(InCompliance));
    }

    #[test]
    fn a_repeated_message_is_refused() {
        let mut server = server();
        let token = token(&mut server, now());
        let mut device = device(&server, "CAT1");
        let registration = device.request(device.registration(&token, false), now());
        let recorded = device.sign(&registration);
        let answer = exchange(&mut server, &recorded, now());
        let body = device.open(&answer, &registration.expected(), now()).unwrap();
        device.keep(&body, now());
        let answer = exchange(&mut server, &recorded, now());
        let refusal = device.open(&answer, &registration.expected(), now()).unwrap_err();
        assert_eq!(refusal.code, RefusalCode::NonceReplayed);
        let later = now() + DAY;
        let answer = exchange(&mut server, &recorded, later);
        let refusal = device.open(&answer, &registration.expected(), later).unwrap_err();
        assert_eq!(refusal.code, RefusalCode::ClockOutOfRange);

        let request = device.request(Device::usage(&[]), later);
        let recorded = device.sign(&request);
        exchange(&mut server, &recorded, later);
        let answer = exchange(&mut server, &recorded, later);
        let refusal = device.open(&answer, &request.expected(), later).unwrap_err();
        assert_eq!(refusal.code, RefusalCode::SequenceReplayed);
    }

    #[test]
    fn a_copied_device_shows_by_a_sequence_number_that_comes_twice() {
        let (mut server, mut device) = pair();
        let mut copy = device.cloned();
        assert_eq!(device.status(&mut server, &[], now()), Ok(InCompliance));
        assert_eq!(server.account.instances().next().unwrap().clone_suspected, None);
        assert_eq!(
            copy.status(&mut server, &[], now()),
            Err(RefusalCode::SequenceReplayed)
        );
        let instance = server.account.instances().next().unwrap();
        assert_eq!(instance.clone_suspected, Some(now()));
        assert_eq!(instance.last_sequence, 2);
    }

    #[test]
    fn a_wrong_signature_another_udi_and_a_foreign_certificate_are_refused_with_the_same_words() {
        let (mut server, mut device) = pair();
        let mut refusal = |device: &Device, request: &Request, bytes: &[u8]| {
            let answer = exchange(&mut server, bytes, now());
            let refusal = device.open(&answer, &request.expected(), now()).unwrap_err();
            assert_eq!(refusal.message, "Data and signature do not match");
        };
        let request = device.request(Device::usage(&[]), now());
        let stranger = SigningKey::generate().unwrap();
        let certificates = device.grant.as_ref().unwrap().certificates();
        refusal(
            &device,
            &request,
            &request.sign(&stranger, &certificates).unwrap(),
        );
        let mut elsewhere = request.clone();
        elsewhere.udi.serial_number = "CAT9".to_owned();
        refusal(&device, &elsewhere, &device.sign(&elsewhere));
        let mut unknown = request.clone();
        unknown.product_instance_id = Some("pi".to_owned());
        refusal(&device, &unknown, &device.sign(&unknown));
        refusal(&device, &request, &request.sign(&device.key, &[]).unwrap());
        let tampered = String::from_utf8(device.sign(&request)).unwrap();
        let tampered = tampered.replace("ncs1", "ncs2");
        refusal(&device, &request, tampered.as_bytes());

        let (_, mut foreign) = pair();
        foreign.root = device.root.clone();
        let request = foreign.request(Device::usage(&[]), now());
        refusal(&foreign, &request, &foreign.sign(&request));
        assert_eq!(device.status(&mut server, &[], now()), Ok(InCompliance));
    }

    #[test]
    fn a_renewed_identity_with_a_new_key_replaces_the_old_one_at_its_first_use() {
        let (mut server, mut device) = pair();
        let later = now() + DAY * 180;
        let mut old = device.cloned();
        let new_key = SigningKey::generate().unwrap();
        let body = RequestBody::RenewId(RenewIdRequest {
            certificate_request: new_key.certificate_request("x").unwrap(),
        });
        let request = device.request(body, later);
        let answer = exchange(&mut server, &device.sign(&request), later);
        let body = device.open(&answer, &request.expected(), later).unwrap();
        device.key = new_key;
        device.keep(&body, later);
        assert_eq!(device.grant.as_ref().unwrap().expires, later + DAY * 365);

        old.sequence = device.sequence;
        assert_eq!(old.status(&mut server, &[], later), Ok(InCompliance));
        device.sequence = old.sequence;
        assert_eq!(device.status(&mut server, &[], later), Ok(InCompliance));
        old.sequence = device.sequence;
        assert_eq!(
            old.status(&mut server, &[], later),
            Err(RefusalCode::SignatureMismatch)
        );
    }

    #[test]
    fn a_registration_ends_after_365_days_and_frees_its_licences() {
        let (mut server, mut device) = pair();
        command(&mut server, &add(Entitlement::Subsea, 1), now());
        device
            .authorize(&mut server, &[(Entitlement::Subsea, 1)], now())
            .unwrap();
        let end = now() + DAY * 365;
        assert_eq!(
            device.status(&mut server, &[(Entitlement::Subsea, 1)], end),
            Ok(InCompliance)
        );
        let over = end + SignedDuration::from_secs(1);
        assert_eq!(
            device.status(&mut server, &[], over),
            Err(RefusalCode::CertificateExpired)
        );
        assert_eq!(server.account.instances().count(), 0);
        assert_eq!(
            server.account.pools().map(|(.., pool)| pool.in_use).sum::<u64>(),
            0
        );
    }

    #[test]
    fn what_is_no_message_is_an_error_and_a_later_version_is_told_so() {
        let (server, mut device) = pair();
        let request = device.request(Device::usage(&[]), now());
        let good = String::from_utf8(device.sign(&request)).unwrap();
        for bad in [
            "",
            "{}",
            "[]",
            "<soap/>",
            &good.replace("\"version\":1,\"payload\"", "\"version\":0,\"payload\""),
            &good.replace(
                "\"version\":1,\"payload\"",
                "\"more\":1,\"version\":1,\"payload\"",
            ),
            &good.replace("authorize", "report"),
            &good.replace("ecdsa-p256-sha256", "none"),
        ] {
            assert!(server.decide(bad.as_bytes(), now()).is_err(), "{bad}");
        }
        let later = good.replace("\"version\":1,\"payload\"", "\"version\":2,\"payload\"");
        let decision = server.decide(later.as_bytes(), now()).unwrap();
        assert_eq!(decision.answer.nonce, request.nonce);
        let Outcome::Refused(refusal) = decision.answer.outcome else {
            panic!()
        };
        assert_eq!(refusal.status, RefusalStatus::VersionTooHigh);
    }

    #[test]
    fn tokens_reach_no_story_and_no_debug_output() {
        let mut server = server();
        let token = token(&mut server, now());
        let mut device = device(&server, "CAT1");
        let request = device.request(device.registration(&token, false), now());
        let decision = server.decide(&device.sign(&request), now()).unwrap();
        assert_eq!(
            decision.story.split(" as ").next().unwrap(),
            "registered PID:NCS1004,SN:CAT1"
        );
        let shown = format!("{} {decision:?} {request:?} {server:?}", decision.story);
        assert!(!shown.contains(&token));
        let wrong = "hunter2-hunter2";
        let request = device.request(device.registration(wrong, false), now());
        let decision = server.decide(&device.sign(&request), now()).unwrap();
        assert!(!format!("{decision:?}").contains(wrong));
    }

    #[test]
    fn a_device_takes_no_answer_that_is_changed_foreign_early_late_or_for_another_request() {
        let (mut server, mut device) = pair();
        let request = device.request(Device::usage(&[]), now());
        let answer = exchange(&mut server, &device.sign(&request), now());
        let open = |bytes: &[u8], expected: &Expected, now| {
            let opened = Answer::open(bytes, expected, &device.root, now);
            opened.unwrap_err().to_string()
        };
        let expected = request.expected();
        let text = String::from_utf8(answer.clone()).unwrap();
        let changed = text.replace("in-compliance", "overage");
        assert_eq!(
            open(changed.as_bytes(), &expected, now()),
            "data and signature do not match"
        );
        assert_eq!(
            open(&device.sign(&request), &expected, now()),
            format!(
                "certificate \"{}\" is not meant for signing answers of a licence server",
                request.product_instance_id.as_deref().unwrap()
            )
        );
        let mut other = expected.clone();
        other.nonce = signature::random_text().unwrap();
        assert_eq!(
            open(&answer, &other, now()),
            "the answer's nonce is not that of the request"
        );
        let mut other = expected.clone();
        other.request_id = "another".to_owned();
        assert_eq!(
            open(&answer, &other, now()),
            "the answer's request_id is not that of the request"
        );
        let mut other = expected.clone();
        other.kind = crate::licensing::message::Kind::Deregister;
        assert_eq!(
            open(&answer, &other, now()),
            "the answer's kind is not that of the request"
        );
        assert!(open(&answer, &expected, now() - DAY * 2).contains("is not valid before"));
        assert!(open(&answer, &expected, now() + DAY * 4000).contains("expired at"));
        let (stranger, _) = pair();
        let decision = stranger.decide(&device.sign(&request), now()).unwrap();
        let foreign = stranger.authority.sign(&decision.answer).unwrap();
        assert!(open(&foreign, &expected, now()).contains("is not signed by the key of"));
        assert_eq!(
            open(
                &vec![b' '; crate::licensing::message::MAX_MESSAGE_BYTES + 1],
                &expected,
                now()
            ),
            "the message has 3145729 bytes; at most 3145728 are allowed"
        );
    }

    proptest::proptest! {
        #![proptest_config(proptest::prelude::ProptestConfig { cases: 64, failure_persistence: None, ..Default::default() })]

        #[test]
        fn a_damaged_message_is_never_taken(at in 0..10_000_usize, to in proptest::prelude::any::<u8>()) {
            let (server, mut device) = pair();
            let request = device.request(Device::usage(&[(Entitlement::Subsea, 1)]), now());
            let mut bytes = device.sign(&request);
            let at = at % bytes.len();
            let same = bytes[at] == to;
            bytes[at] = to;
            if let Ok(decision) = server.decide(&bytes, now())
                && let Outcome::Done(_) = decision.answer.outcome
            {
                // White space between tokens, and inside the text of a certificate, carries nothing.
                let harmless = same || to.is_ascii_whitespace();
                proptest::prop_assert!(harmless, "byte {} became {}", at, to);
            }
        }
    }
}
