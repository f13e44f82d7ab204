//! For tests alone: a device that speaks the licensing protocol, and a server without I/O to speak it with.

use jiff::{SignedDuration, Timestamp};

use crate::licensing::catalogue::Entitlement;
use crate::licensing::message::{
    Answer, AnswerBody, AuthorizationGrant, AuthorizeRequest, EntitlementStatus, Expected, IdentityGrant,
    Outcome, Refusal, RefusalCode, RegisterRequest, Request, RequestBody, RequestedEntitlement, Udi,
};
use crate::licensing::secret::Secret;
use crate::licensing::signature::chain::TrustRoot;
use crate::licensing::signature::{self, SigningKey};
use crate::ssm::account::{Account, Change, VirtualAccount, VirtualAccountId};
use crate::ssm::admin::listing::Output;
use crate::ssm::admin::{self, Command};
use crate::ssm::ca::Authority;
use crate::ssm::policy::Policy;
use crate::ssm::server::Server;

pub const DAY: SignedDuration = SignedDuration::from_hours(24);

pub fn now() -> Timestamp {
    "2021-06-21T12:40:52Z".parse().unwrap()
}

pub fn server() -> Server {
    let stored = Authority::found("Lab", now()).unwrap();
    let mut account = Account::named("Lab");
    account.apply(Change::VirtualAccount(VirtualAccount {
        id: VirtualAccountId(1),
        name: "Default".to_owned(),
        is_default: true,
    }));
    Server {
        authority: Authority::open("Lab", &stored, now()).unwrap(),
        account,
        policy: Policy::default(),
    }
}

/// Decides, applies and signs, as the service does with a store in between.
pub fn exchange(server: &mut Server, bytes: &[u8], now: Timestamp) -> Vec<u8> {
    let elapsed = server.elapsed(now);
    server.apply(elapsed);
    let decision = server.decide(bytes, now).unwrap();
    server.apply(decision.changes);
    server.authority.sign(&decision.answer).unwrap()
}

pub fn command(server: &mut Server, command: &Command, now: Timestamp) -> Output {
    let (changes, output) = admin::decide(server, command, now).unwrap();
    server.apply(changes);
    output
}

pub fn create_token(days: u32) -> Command {
    Command::TokenCreate {
        virtual_account: None,
        description: "lab".to_owned(),
        days,
        export_control_allowed: true,
    }
}

pub fn token(server: &mut Server, now: Timestamp) -> String {
    match command(server, &create_token(30), now) {
        Output::Token(row) => row.token,
        other => panic!("{other:?}"),
    }
}

pub fn add(entitlement: Entitlement, quantity: i64) -> Command {
    Command::LicenceAdd {
        virtual_account: None,
        entitlement: entitlement.short_tag().to_owned(),
        quantity,
    }
}

pub struct Device {
    pub udi: Udi,
    pub key: SigningKey,
    pub grant: Option<IdentityGrant>,
    pub sequence: u64,
    pub root: TrustRoot,
}

impl Device {
    pub fn new(serial_number: &str, licensing_root: &str) -> Device {
        Device {
            udi: Udi {
                pid: "NCS1004".to_owned(),
                serial_number: serial_number.to_owned(),
                uuid: "default-sdr".to_owned(),
            },
            key: SigningKey::generate().unwrap(),
            grant: None,
            sequence: 0,
            root: TrustRoot::from_pem(licensing_root).unwrap(),
        }
    }

    /// The same device from a copy of its storage.
    pub fn cloned(&self) -> Device {
        Device {
            udi: self.udi.clone(),
            key: SigningKey::from_pem(&self.key.to_pem()).unwrap(),
            grant: self.grant.clone(),
            sequence: self.sequence,
            root: self.root.clone(),
        }
    }

    pub fn request(&mut self, body: RequestBody, now: Timestamp) -> Request {
        self.sequence += 1;
        let registers = matches!(body, RequestBody::Register(_));
        let grant = self.grant.as_ref();
        let id = grant.map_or("never-registered", |grant| &grant.product_instance_id);
        Request {
            request_id: format!("{}-{}", self.udi.serial_number, self.sequence),
            nonce: signature::random_text().unwrap(),
            timestamp: now,
            sequence: self.sequence,
            product_instance_id: (!registers).then(|| id.to_owned()),
            udi: self.udi.clone(),
            software_tag: "regid.2017-01.org.ponder.agent,1.0_test".to_owned(),
            hostname: Some("ncs1".to_owned()),
            agent_version: Some("4.13.32_rel/85".to_owned()),
            body,
        }
    }

    pub fn sign(&self, request: &Request) -> Vec<u8> {
        let certificates = match (&request.body, &self.grant) {
            (RequestBody::Register(_), _) | (_, None) => Vec::new(),
            (_, Some(grant)) => grant.certificates(),
        };
        request.sign(&self.key, &certificates).unwrap()
    }

    pub fn registration(&self, token: &str, force: bool) -> RequestBody {
        RequestBody::Register(RegisterRequest {
            id_token: Secret::new(token.to_owned()),
            certificate_request: self.key.certificate_request(&self.udi.to_string()).unwrap(),
            force,
            licensing_root: Some(self.root.fingerprint()),
        })
    }

    pub fn usage(entitlements: &[(Entitlement, u32)]) -> RequestBody {
        let entitlements = entitlements
            .iter()
            .map(|(entitlement, count)| RequestedEntitlement {
                tag: entitlement.entry().tag.to_owned(),
                count: *count,
            });
        RequestBody::Authorize(AuthorizeRequest {
            entitlements: entitlements.collect(),
        })
    }

    pub fn open(&self, answer: &[u8], expected: &Expected, now: Timestamp) -> Result<AnswerBody, Refusal> {
        let answer = Answer::open(answer, expected, &self.root, now).unwrap();
        assert_eq!(answer.server_time, now);
        match answer.outcome {
            Outcome::Done(body) => Ok(body),
            Outcome::Refused(refusal) => Err(refusal),
        }
    }

    /// Asks the server, verifies the answer and keeps what a device keeps.
    pub fn ask(
        &mut self,
        server: &mut Server,
        body: RequestBody,
        now: Timestamp,
    ) -> Result<AnswerBody, Refusal> {
        let request = self.request(body, now);
        let answer = exchange(server, &self.sign(&request), now);
        let body = self.open(&answer, &request.expected(), now)?;
        self.keep(&body, now);
        Ok(body)
    }

    pub fn keep(&mut self, body: &AnswerBody, now: Timestamp) {
        match body {
            AnswerBody::Register(grant) | AnswerBody::RenewId(grant) => {
                grant.verify(&self.key, &self.udi, &self.root, now).unwrap();
                self.grant = Some((**grant).clone());
            }
            AnswerBody::Deregister => self.grant = None,
            AnswerBody::Authorize(_) => {}
        }
    }

    pub fn register(
        &mut self,
        server: &mut Server,
        token: &str,
        now: Timestamp,
    ) -> Result<AnswerBody, RefusalCode> {
        let body = self.registration(token, false);
        self.ask(server, body, now).map_err(|refusal| refusal.code)
    }

    pub fn authorize(
        &mut self,
        server: &mut Server,
        used: &[(Entitlement, u32)],
        now: Timestamp,
    ) -> Result<AuthorizationGrant, Refusal> {
        match self.ask(server, Device::usage(used), now)? {
            AnswerBody::Authorize(grant) => Ok(grant),
            other => panic!("{other:?}"),
        }
    }

    /// Asks, and only tells the overall status.
    pub fn status(
        &mut self,
        server: &mut Server,
        used: &[(Entitlement, u32)],
        now: Timestamp,
    ) -> Result<EntitlementStatus, RefusalCode> {
        let answer = self.authorize(server, used, now);
        answer.map(|grant| grant.overall).map_err(|refusal| refusal.code)
    }
}
