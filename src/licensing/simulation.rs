//! The agent against a licence server in memory, over days and years of simulated time.

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Arc;
    use std::time::Duration;

    use jiff::{SignedDuration, Timestamp};
    use proptest::prelude::*;

    use crate::licensing::agent::{
        Beginning, Command, Counted, Input, Occasion, Output, Request, SmartAgent,
    };
    use crate::licensing::agent_settings::{
        AgentSettings, AuthorizationExpiry, ChangedCounts, FailedRenewal,
    };
    use crate::licensing::catalogue::Entitlement;
    use crate::licensing::configuration::{Configuration, Destination, Transport, TransportProblem};
    use crate::licensing::consumption::{Consumption, Counts, Use};
    use crate::licensing::diagram::{Stage, TRANSITIONS};
    use crate::licensing::evaluation::Evaluation;
    use crate::licensing::event::Event;
    use crate::licensing::exchange::Speaker;
    use crate::licensing::fault::{DeliveryFailure, Fault};
    use crate::licensing::message::envelope::Envelope;
    use crate::licensing::message::{
        Answer, AnswerBody, AuthorizationGrant, EntitlementAuthorization, EntitlementStatus, IdentityGrant,
        Outcome, Refusal, RefusalCode, RefusalStatus, Request as Message, RequestBody, Udi,
    };
    use crate::licensing::now::Now;
    use crate::licensing::return_code::ReturnCode;
    use crate::licensing::secret::Secret;
    use crate::licensing::signature::chain::{DOCUMENT_SIGNING, TrustRoot};
    use crate::licensing::signature::{SigningKey, read_certificate_request};
    use crate::licensing::state::{
        AuthorizationState, Enforcement, ExchangeKind, LicenceStatus, RegistrationState,
    };
    use crate::licensing::trust::{Registration, Standing, TrustRecord};

    const TOKEN: &str = "the-one-token";

    /// A licence server that fits into a test, and can misbehave.
    struct Server {
        root: String,
        root_key: SigningKey,
        answering_key: SigningKey,
        answering_chain: Vec<String>,
        instances: BTreeMap<String, Vec<u8>>,
        pool: Counts,
        mood: Mood,
        heard: Vec<ExchangeKind>,
    }

    #[derive(Clone, Copy, PartialEq, Debug)]
    enum Mood {
        Helpful,
        Unreachable,
        Busy,
        /// Signs with a key that the root never saw.
        Forging,
        /// Answers with the nonce of something else.
        Replaying,
    }

    fn when(moment: Timestamp) -> impl Fn() -> Duration {
        move || Duration::from_secs(moment.as_second().unsigned_abs())
    }

    fn certificate(
        common_name: &str,
        serial_number: &str,
        purpose: rcgen::ExtendedKeyUsagePurpose,
        validity: (Timestamp, Timestamp),
    ) -> rcgen::CertificateParams {
        let mut params = rcgen::CertificateParams::default();
        params.distinguished_name = rcgen::DistinguishedName::new();
        params
            .distinguished_name
            .push(rcgen::DnType::CommonName, common_name);
        if !serial_number.is_empty() {
            let serial = rcgen::DnType::CustomDnType(vec![2, 5, 4, 5]);
            params.distinguished_name.push(serial, serial_number);
        }
        params.key_usages = vec![rcgen::KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![purpose];
        let epoch = rcgen::date_time_ymd(1970, 1, 1);
        params.not_before = epoch + when(validity.0)();
        params.not_after = epoch + when(validity.1)();
        params
    }

    fn authority(validity: (Timestamp, Timestamp)) -> rcgen::CertificateParams {
        let purpose = rcgen::ExtendedKeyUsagePurpose::Any;
        let mut params = certificate("test root", "", purpose, validity);
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        params.key_usages = vec![rcgen::KeyUsagePurpose::KeyCertSign];
        params.extended_key_usages = Vec::new();
        params
    }

    impl Server {
        fn new() -> Server {
            let validity = (start() - days(1000), start() + days(10_000));
            let root_key = SigningKey::generate().unwrap();
            let answering_key = SigningKey::generate().unwrap();
            let root = authority(validity).self_signed(&root_key).unwrap().pem();
            let purpose = rcgen::ExtendedKeyUsagePurpose::Other(DOCUMENT_SIGNING.to_vec());
            let authority = authority(validity);
            let issuer = rcgen::Issuer::from_params(&authority, &root_key);
            let answering = certificate("test server", "", purpose, validity);
            let answering_chain = vec![answering.signed_by(&answering_key, &issuer).unwrap().pem()];
            Server {
                root,
                answering_key,
                answering_chain,
                instances: BTreeMap::new(),
                pool: Entitlement::ALL.map(|entitlement| (entitlement, 10)).into(),
                mood: Mood::Helpful,
                heard: Vec::new(),
                root_key,
            }
        }

        fn answer(&mut self, request: &Request, now: Timestamp) -> Result<Vec<u8>, DeliveryFailure> {
            self.heard.push(request.kind);
            if self.mood == Mood::Unreachable {
                let (fault, reason) = (Fault::NoConnection, "connection refused".to_owned());
                return Err(DeliveryFailure { fault, reason });
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
                Mood::Helpful | Mood::Unreachable | Mood::Forging | Mood::Replaying => {
                    self.outcome(&message, now)
                }
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
            let foreign = SigningKey::generate().unwrap();
            let key = match self.mood {
                Mood::Forging => &foreign,
                _ => &self.answering_key,
            };
            Ok(answer.sign(key, &self.answering_chain).unwrap())
        }

        fn outcome(&mut self, message: &Message, now: Timestamp) -> Outcome {
            match &message.body {
                RequestBody::Register(register) => {
                    if register.id_token.reveal() != TOKEN {
                        return refusal(
                            RefusalStatus::Failed,
                            RefusalCode::TokenUnknown,
                            "The token is not valid",
                        );
                    }
                    let id = format!("instance-{}", message.udi.serial_number);
                    self.grant(id, message, &register.certificate_request, now, true)
                }
                _ if !self.known(message) => refusal(
                    RefusalStatus::Failed,
                    RefusalCode::SignatureMismatch,
                    "Data and signature do not match",
                ),
                RequestBody::RenewId(renewal) => {
                    let id = message.product_instance_id.clone().unwrap();
                    self.grant(id, message, &renewal.certificate_request, now, false)
                }
                RequestBody::Authorize(authorize) => {
                    let entitlements: Vec<_> = authorize
                        .entitlements
                        .iter()
                        .map(|asked| {
                            let held = self.pool.iter().find(|(entry, _)| entry.entry().tag == asked.tag);
                            let status = match held {
                                None => EntitlementStatus::InvalidTag,
                                Some((_, held)) if *held < asked.count => EntitlementStatus::OutOfCompliance,
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
                        next_contact_interval: days(30),
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
            let requested = match &message.body {
                RequestBody::Register(register) => Some(
                    read_certificate_request(&register.certificate_request)
                        .unwrap()
                        .public_key,
                ),
                _ => message
                    .product_instance_id
                    .as_ref()
                    .and_then(|id| self.instances.get(id).cloned()),
            };
            if let Some(key) = requested {
                envelope.verify_request_with_key(&key).unwrap();
            }
        }

        fn known(&self, message: &Message) -> bool {
            let id = message.product_instance_id.as_ref();
            id.is_some_and(|id| self.instances.contains_key(id))
        }

        fn grant(
            &mut self,
            id: String,
            message: &Message,
            request: &str,
            now: Timestamp,
            new: bool,
        ) -> Outcome {
            let key = read_certificate_request(request).unwrap();
            let validity = (now - days(1), now + days(365));
            let issuing = authority((start() - days(1000), start() + days(10_000)));
            let issuer = rcgen::Issuer::from_params(&issuing, &self.root_key);
            let purpose = rcgen::ExtendedKeyUsagePurpose::ClientAuth;
            let params = certificate(&id, &message.udi.certificate_name(), purpose, validity);
            let public = rcgen::SubjectPublicKeyInfo::from_der(&key.public_key_info).unwrap();
            let identity_certificate = params.signed_by(&public, &issuer).unwrap().pem();
            self.instances.insert(id.clone(), key.public_key);
            let grant = IdentityGrant {
                product_instance_id: id,
                udi: message.udi.clone(),
                identity_certificate,
                chain: Vec::new(),
                smart_account: "BU Production Test".to_owned(),
                virtual_account: "NCS1000".to_owned(),
                export_control_allowed: true,
                renew_interval: days(180),
                expires: validity.1,
            };
            Outcome::Done(match new {
                true => AnswerBody::Register(Box::new(grant)),
                false => AnswerBody::RenewId(Box::new(grant)),
            })
        }
    }

    fn refusal(status: RefusalStatus, code: RefusalCode, message: &str) -> Outcome {
        Outcome::Refused(Refusal {
            status,
            code,
            message: message.to_owned(),
        })
    }

    /// Agent, server, disk and time together; holds the agent to its promises at every step.
    struct Lab {
        agent: SmartAgent,
        server: Server,
        settings: AgentSettings,
        configuration: Configuration,
        consumption: Arc<Consumption>,
        now: Timestamp,
        disk: Option<TrustRecord>,
        /// The request on its way, when its answer arrives, and the answer.
        on_the_way: Option<(Request, Timestamp, Result<Vec<u8>, DeliveryFailure>)>,
        log: Vec<(Timestamp, Event)>,
        stages: Vec<Stage>,
        code: Option<ReturnCode>,
        /// The counts that a collection finds, when they are others than those told of.
        collected: Option<Arc<Consumption>>,
    }

    const DELAY: SignedDuration = SignedDuration::from_secs(1);

    fn start() -> Timestamp {
        "2021-06-21T12:00:00Z".parse().unwrap()
    }

    fn days(days: i64) -> SignedDuration {
        SignedDuration::from_hours(24 * days)
    }

    fn hours(hours: i64) -> SignedDuration {
        SignedDuration::from_hours(hours)
    }

    fn seconds(seconds: i64) -> SignedDuration {
        SignedDuration::from_secs(seconds)
    }

    fn udi() -> Udi {
        Udi {
            pid: "NCS1004".to_owned(),
            serial_number: "CAT2249B009".to_owned(),
            uuid: "default-sdr".to_owned(),
        }
    }

    fn using(counts: &[(Entitlement, u32)]) -> Arc<Consumption> {
        let entitlements = counts
            .iter()
            .filter(|(_, count)| *count > 0)
            .map(|(entitlement, count)| {
                let entry = Use {
                    count: *count,
                    contributions: Vec::new(),
                };
                (*entitlement, entry)
            });
        Arc::new(Consumption {
            entitlements: entitlements.collect(),
            unknown_cards: Vec::new(),
        })
    }

    fn agent(
        root: &str,
        settings: &AgentSettings,
        record: TrustRecord,
        configuration: &Configuration,
        consumption: &Arc<Consumption>,
        now: Timestamp,
    ) -> SmartAgent {
        let speaker = Speaker {
            udi: udi(),
            vid: "V01".to_owned(),
            software_tag: "regid.2018-05.com.cisco.NCS1004,1.0_0".to_owned(),
            agent_version: "4.13.32_rel/85".to_owned(),
            root: Some(TrustRoot::from_pem(root).unwrap()),
        };
        let beginning = Beginning {
            speaker,
            settings: settings.clone(),
            record,
            configuration: configuration.clone(),
            counted: Counted {
                consumption: Arc::clone(consumption),
                settled: true,
            },
            found: Vec::new(),
        };
        SmartAgent::start(beginning, at(now))
    }

    fn at(wall: Timestamp) -> Now {
        Now {
            wall,
            steady: wall.duration_since(start()).unsigned_abs(),
        }
    }

    impl Lab {
        fn new() -> Lab {
            Lab::with(AgentSettings {
                spread: SignedDuration::ZERO,
                ..AgentSettings::default()
            })
        }

        /// One that does not ask every hour, for years in which that is not the point.
        fn unhurried() -> Lab {
            Lab::with(AgentSettings {
                spread: SignedDuration::ZERO,
                urgent_retry: days(1),
                ..AgentSettings::default()
            })
        }

        fn with(settings: AgentSettings) -> Lab {
            let server = Server::new();
            let configuration = Configuration {
                destination: Ok(Destination::of(
                    "http://127.0.0.1:1/its/service/oddce/services/DDCEService",
                )),
                ..Configuration::default()
            };
            let consumption = using(&[]);
            let record = TrustRecord::new(udi());
            let agent = agent(
                &server.root,
                &settings,
                record,
                &configuration,
                &consumption,
                start(),
            );
            let mut lab = Lab {
                agent,
                server,
                settings,
                configuration,
                consumption,
                now: start(),
                disk: None,
                on_the_way: None,
                log: Vec::new(),
                stages: Vec::new(),
                code: None,
                collected: None,
            };
            lab.carry_out();
            lab
        }

        fn handle(&mut self, input: Input) {
            self.agent.handle(input, at(self.now));
            self.carry_out();
        }

        fn carry_out(&mut self) {
            let mut collect = false;
            while let Some(output) = self.agent.poll_output() {
                match output {
                    Output::Persist(record) => {
                        let same = self.disk.as_ref().is_some_and(|disk| {
                            disk.registration == record.registration && disk.reservation == record.reservation
                        });
                        self.disk = Some(if same { *record } else { through_json(&record) });
                    }
                    Output::Moved(transition) => {
                        let arrow = (transition.from, transition.to);
                        assert!(TRANSITIONS.contains(&arrow), "{arrow:?} is not drawn");
                        self.stages.push(transition.to);
                    }
                    Output::Log(event) => self.log.push((self.now, event)),
                    Output::Collect => collect = true,
                    Output::Answered(code) => {
                        assert_eq!(self.code.replace(code), None, "a command is answered once");
                    }
                    Output::ReservationAnswered(_) => {}
                    Output::Send(request) => {
                        let written = self.disk.as_ref().map(|record| record.sequence);
                        assert_eq!(written, Some(request.id), "persist comes before send");
                        assert!(self.on_the_way.is_none(), "one exchange in flight");
                        let answer = self.server.answer(&request, self.now);
                        self.on_the_way = Some((request, self.now + DELAY, answer));
                    }
                }
            }
            let deadline = self.agent.next_deadline().unwrap();
            assert!(deadline > self.now, "a deadline of {deadline} at {}", self.now);
            if collect {
                self.consumption = self
                    .collected
                    .clone()
                    .unwrap_or_else(|| Arc::clone(&self.consumption));
                let counted = Counted {
                    consumption: Arc::clone(&self.consumption),
                    settled: true,
                };
                let occasion = Occasion::Collection;
                self.handle(Input::Counted { counted, occasion });
            }
        }

        fn run(&mut self, period: SignedDuration) {
            let until = self.now + period;
            loop {
                let deadline = self.agent.next_deadline().unwrap();
                let arrival = self.on_the_way.as_ref().map(|(_, arrival, _)| *arrival);
                match arrival {
                    Some(arrival) if arrival <= deadline.min(until) => {
                        let (request, _, answer) = self.on_the_way.take().unwrap();
                        self.now = arrival;
                        self.handle(Input::Answer {
                            id: request.id,
                            answer,
                        });
                    }
                    _ if deadline <= until => {
                        self.now = deadline;
                        self.handle(Input::Tick);
                    }
                    _ => break,
                }
            }
            self.now = until;
        }

        fn command(&mut self, command: Command) -> ReturnCode {
            self.handle(Input::Command(command));
            self.code.take().unwrap()
        }

        fn register(&mut self) -> ReturnCode {
            self.command(registration(TOKEN, false))
        }

        /// Registered and authorized, ten seconds after the start.
        fn registered(counts: &[(Entitlement, u32)]) -> Lab {
            let mut lab = Lab::new();
            lab.use_licences(counts);
            assert_eq!(lab.register(), ReturnCode::Success);
            lab.run(seconds(10));
            assert_eq!(lab.stage(), Stage::Complete);
            lab
        }

        fn use_licences(&mut self, counts: &[(Entitlement, u32)]) {
            self.consumption = using(counts);
            let counted = Counted {
                consumption: Arc::clone(&self.consumption),
                settled: true,
            };
            let occasion = Occasion::Change;
            self.handle(Input::Counted { counted, occasion });
        }

        fn configure(&mut self, configuration: Configuration) {
            self.configuration = configuration.clone();
            self.handle(Input::Configured(configuration));
        }

        /// Kills the agent and starts it from what is on the disk.
        fn restart(&mut self) {
            self.on_the_way = None;
            let record = self.disk.clone().unwrap();
            self.agent = agent(
                &self.server.root,
                &self.settings,
                record,
                &self.configuration,
                &self.consumption,
                self.now,
            );
            self.carry_out();
        }

        fn stage(&self) -> Stage {
            self.disk.as_ref().unwrap().registration.stage()
        }

        fn status(&self) -> LicenceStatus {
            self.agent.state().status
        }

        fn standing(&self) -> Standing {
            match self.agent.state().authorization {
                AuthorizationState::Registered { standing, .. } => standing,
                other => panic!("not registered: {other:?}"),
            }
        }

        fn logged(&self, mnemonic: &str) -> Vec<Timestamp> {
            let of = self.log.iter().filter(|(_, event)| event.mnemonic() == mnemonic);
            of.map(|(at, _)| *at).collect()
        }

        fn last_text(&self, mnemonic: &str) -> String {
            let mut of = self
                .log
                .iter()
                .rev()
                .filter(|(_, event)| event.mnemonic() == mnemonic);
            of.next().unwrap().1.to_string()
        }

        fn heard(&self, kind: ExchangeKind) -> usize {
            self.server.heard.iter().filter(|heard| **heard == kind).count()
        }
    }

    fn through_json(record: &TrustRecord) -> TrustRecord {
        let text = serde_json::to_string(record).unwrap();
        let read = serde_json::from_str(&text).unwrap();
        assert_eq!(*record, read);
        read
    }

    fn registration(token: &str, force: bool) -> Command {
        Command::Register {
            token: Secret::new(token.to_owned()),
            force,
        }
    }

    fn vendor() -> Configuration {
        Configuration {
            destination: Err(TransportProblem::NeverContacted {
                url: "https://tools.cisco.com/its/service/oddce/services/DDCEService".to_owned(),
                domain: "cisco.com".to_owned(),
            }),
            ..Configuration::default()
        }
    }

    #[test]
    fn it_registers_and_authorizes_with_the_periods_of_the_chapter() {
        let mut lab = Lab::new();
        assert_eq!(lab.status(), LicenceStatus::Unidentified);
        lab.use_licences(&[(Entitlement::Client100G, 8)]);
        lab.now += seconds(10);
        assert_eq!(lab.register(), ReturnCode::Success);
        let registered_at = lab.now + DELAY;
        lab.run(seconds(1));
        assert_eq!(lab.status(), LicenceStatus::Registered);
        assert_eq!(lab.agent.state().usage[0].enforcement, Enforcement::Waiting);
        lab.run(seconds(1));
        assert_eq!(lab.status(), LicenceStatus::Authorized);

        let state = lab.agent.state();
        let RegistrationState::Complete {
            completed_at,
            renew_at,
            expires_at,
            smart_account,
            ..
        } = state.registration
        else {
            panic!("{:?}", state.registration);
        };
        assert_eq!(completed_at, registered_at);
        assert_eq!(
            renew_at,
            registered_at + days(180) - seconds(1),
            "counted from the request"
        );
        assert_eq!(
            expires_at,
            registered_at - DELAY + days(365),
            "counted by the server"
        );
        assert_eq!(smart_account, "BU Production Test");
        let AuthorizationState::Registered {
            next_exchange,
            deadline,
            ..
        } = state.authorization
        else {
            panic!("{:?}", state.authorization);
        };
        assert_eq!(next_exchange, lab.now + days(30) - seconds(1));
        assert_eq!(deadline, lab.now - DELAY + days(90));
        assert_eq!(state.usage[0].enforcement, Enforcement::InCompliance);
        assert_eq!((state.reports[0].last, state.reports[0].next), (8, 8));
        assert!(state.export_control_allowed);
    }

    #[test]
    fn a_quiet_year_takes_an_authorization_every_month_and_two_renewals() {
        let mut lab = Lab::registered(&[(Entitlement::LongHaul, 2)]);
        lab.run(days(400));
        assert_eq!(lab.heard(ExchangeKind::Registration), 1);
        assert_eq!(lab.heard(ExchangeKind::IdentityRenewal), 2);
        assert_eq!(lab.heard(ExchangeKind::Authorization), 14);
        assert_eq!(lab.status(), LicenceStatus::Authorized);
        assert_eq!(lab.logged("ID_CERT_RENEW_SUCCESS").len(), 2);
    }

    #[test]
    fn a_device_that_uses_nothing_is_registered_and_reports_all_the_same() {
        let mut lab = Lab::registered(&[]);
        assert_eq!(lab.status(), LicenceStatus::Registered);
        assert_eq!(lab.standing(), Standing::Idle);
        lab.run(days(31));
        assert_eq!(lab.heard(ExchangeKind::Authorization), 2);
    }

    #[test]
    fn a_changed_count_is_reported_once_after_its_hold_down() {
        let mut lab = Lab::registered(&[(Entitlement::Client100G, 1)]);
        let before = lab.heard(ExchangeKind::Authorization);
        for count in 2..=4 {
            lab.use_licences(&[(Entitlement::Client100G, count)]);
            lab.run(seconds(1));
        }
        assert_eq!(lab.heard(ExchangeKind::Authorization), before);
        lab.run(seconds(5));
        assert_eq!(lab.heard(ExchangeKind::Authorization), before + 1);
        assert_eq!(lab.agent.state().reports[0].last, 4);
        lab.use_licences(&[(Entitlement::Client100G, 9)]);
        lab.run(seconds(2));
        lab.use_licences(&[(Entitlement::Client100G, 4)]);
        lab.run(hours(30));
        assert_eq!(
            lab.heard(ExchangeKind::Authorization),
            before + 1,
            "a change taken back is not told"
        );
    }

    #[test]
    fn over_consumption_shows_and_goes_when_licences_are_added() {
        let mut lab = Lab::registered(&[(Entitlement::Client100G, 18), (Entitlement::LongHaul, 2)]);
        assert_eq!(lab.status(), LicenceStatus::OutOfCompliance);
        let usage = lab.agent.state().usage;
        assert_eq!(usage[0].enforcement, Enforcement::OutOfCompliance);
        assert_eq!(usage[1].enforcement, Enforcement::InCompliance);
        let Standing::OutOfCompliance { since } = lab.standing() else {
            panic!("{:?}", lab.standing());
        };
        lab.run(days(31));
        assert_eq!(
            lab.standing(),
            Standing::OutOfCompliance { since },
            "its beginning stays"
        );
        assert_eq!(lab.logged("OUT_OF_COMPLIANCE").len(), 1);
        lab.server.pool.insert(Entitlement::Client100G, 18);
        assert_eq!(lab.command(Command::RenewAuthorization), ReturnCode::Success);
        assert_eq!(
            lab.command(Command::RenewAuthorization),
            ReturnCode::AuthRenewInProgress
        );
        lab.run(seconds(2));
        assert_eq!(lab.status(), LicenceStatus::Authorized);
        assert_eq!(lab.logged("IN_COMPLIANCE").len(), 1);
    }

    #[test]
    fn after_ninety_silent_days_the_authorization_expires_and_is_tried_every_hour() {
        let mut lab = Lab::registered(&[(Entitlement::Client100G, 1)]);
        let AuthorizationState::Registered { deadline, .. } = lab.agent.state().authorization else {
            panic!()
        };
        lab.server.mood = Mood::Unreachable;
        lab.run(deadline.duration_since(lab.now) - seconds(1));
        assert_eq!(lab.status(), LicenceStatus::Authorized);
        lab.run(seconds(1));
        assert_eq!(lab.status(), LicenceStatus::AuthorizationExpired);
        assert_eq!(
            lab.agent.state().usage[0].enforcement,
            Enforcement::AuthorizationExpired
        );
        let before = lab.heard(ExchangeKind::Authorization);
        // The first attempt came with the expiry; each takes its second.
        lab.run(hours(10));
        assert_eq!(lab.heard(ExchangeKind::Authorization), before + 9);
        lab.server.mood = Mood::Helpful;
        lab.command(Command::RenewAuthorization);
        lab.run(seconds(2));
        assert_eq!(
            lab.status(),
            LicenceStatus::Authorized,
            "a success begins a new period"
        );
        assert_eq!(lab.logged("COMM_FAILED").len(), 1);
        assert_eq!(lab.logged("COMM_RESTORED").len(), 1);
    }

    #[test]
    fn a_registration_that_waits_for_its_retry_is_tried_at_once_when_the_destination_changes() {
        let mut lab = Lab::new();
        lab.server.mood = Mood::Unreachable;
        lab.register();
        lab.run(seconds(1));
        lab.server.mood = Mood::Helpful;
        let same = lab.configuration.clone();
        lab.configure(same);
        lab.run(seconds(20));
        assert_eq!(
            lab.heard(ExchangeKind::Registration),
            1,
            "the same again changes nothing"
        );
        lab.configure(Configuration {
            destination: Ok(Destination::of(
                "http://127.0.0.1:2/its/service/oddce/services/DDCEService",
            )),
            ..Configuration::default()
        });
        lab.run(seconds(20));
        assert_eq!(lab.stage(), Stage::Complete);
    }

    #[test]
    fn a_registration_that_cannot_reach_the_server_is_tried_after_a_day_or_by_force() {
        let mut lab = Lab::new();
        lab.server.mood = Mood::Unreachable;
        lab.register();
        lab.run(seconds(1));
        let RegistrationState::Retry { retry_at, reason, .. } = lab.agent.state().registration else {
            panic!()
        };
        assert_eq!(retry_at, lab.now + seconds(86_400));
        assert_eq!(reason, "connection refused");
        assert_eq!(lab.register(), ReturnCode::RegistrationInProgress);
        assert_eq!(lab.command(Command::Deregister), ReturnCode::NotRegistered);
        lab.run(hours(23));
        lab.restart();
        assert_eq!(lab.heard(ExchangeKind::Registration), 1);
        lab.run(hours(1));
        assert_eq!(
            lab.heard(ExchangeKind::Registration),
            2,
            "a restart forgets no retry"
        );
        assert_eq!(lab.stage(), Stage::InProgress);
        lab.run(seconds(1));
        lab.server.mood = Mood::Helpful;
        assert_eq!(lab.command(registration(TOKEN, true)), ReturnCode::Success);
        lab.run(seconds(5));
        assert_eq!(lab.stage(), Stage::Complete);
    }

    #[test]
    fn a_refused_registration_fails_with_the_servers_words_and_is_not_tried_again() {
        let mut lab = Lab::new();
        assert_eq!(lab.command(registration("another", false)), ReturnCode::Success);
        lab.run(days(3));
        let RegistrationState::Failed { reason, .. } = lab.agent.state().registration else {
            panic!()
        };
        assert_eq!(reason, "The token is not valid");
        assert_eq!(lab.heard(ExchangeKind::Registration), 1);
        assert_eq!(
            lab.last_text("AGENT_REG_FAILED"),
            "Smart Agent for Licensing Registration with the Cisco Smart Software Manager (CSSM) failed: The token is \
             not valid"
        );
        assert_eq!(lab.register(), ReturnCode::Success);
        lab.run(seconds(5));
        assert_eq!(lab.stage(), Stage::Complete);
    }

    #[test]
    fn a_server_that_is_busy_is_asked_again() {
        let mut lab = Lab::new();
        lab.server.mood = Mood::Busy;
        lab.register();
        lab.run(seconds(2));
        assert_eq!(lab.stage(), Stage::Retry);
    }

    #[test]
    fn answers_that_fail_a_check_change_nothing_and_say_which_check() {
        for (mood, words) in [
            (Mood::Forging, "data and signature do not match"),
            (Mood::Replaying, "the answer's nonce is not that of the request"),
        ] {
            let mut lab = Lab::registered(&[(Entitlement::Client100G, 18)]);
            lab.server.pool.insert(Entitlement::Client100G, 100);
            lab.server.mood = mood;
            lab.command(Command::RenewAuthorization);
            lab.run(seconds(2));
            assert_eq!(lab.status(), LicenceStatus::OutOfCompliance, "{mood:?}");
            let reason = lab.last_text("CERTIFICATE_VALIDATION");
            assert!(reason.ends_with(words), "{reason}");

            let mut lab = Lab::new();
            lab.server.mood = mood;
            lab.register();
            lab.run(seconds(2));
            assert_eq!(lab.stage(), Stage::Failed);
            let error = lab.agent.state().exchange.last_error.unwrap();
            assert!(error.ends_with(words), "{error}");
        }
    }

    #[test]
    fn deregistration_erases_everything_whatever_the_server_does() {
        for (mood, removed, event) in [
            (Mood::Helpful, false, "AGENT_DEREG_SUCCESS"),
            (Mood::Helpful, true, "AGENT_DEREG_FAILED"),
            (Mood::Unreachable, false, "AGENT_DEREG_FAILED"),
            (Mood::Forging, false, "AGENT_DEREG_FAILED"),
        ] {
            let mut lab = Lab::registered(&[(Entitlement::Client100G, 1)]);
            lab.server.mood = mood;
            if removed {
                lab.server.instances.clear();
            }
            assert_eq!(lab.command(Command::Deregister), ReturnCode::Success);
            assert_eq!(lab.register(), ReturnCode::MessageInProgress);
            lab.run(seconds(2));
            assert_eq!(
                lab.disk.as_ref().unwrap().registration,
                Registration::NotRegistered
            );
            assert_eq!(lab.logged(event).len(), 1, "{mood:?} {removed}");
            assert_eq!(lab.status(), LicenceStatus::Unidentified);
            assert_eq!(lab.command(Command::Deregister), ReturnCode::NotRegistered);
            lab.server.mood = Mood::Helpful;
            assert_eq!(lab.register(), ReturnCode::Success);
            lab.run(seconds(5));
            assert_eq!(lab.status(), LicenceStatus::Authorized);
        }
    }

    #[test]
    fn without_a_way_to_the_server_deregistration_still_erases() {
        let mut lab = Lab::registered(&[]);
        lab.configure(Configuration::default());
        assert_eq!(lab.command(Command::Deregister), ReturnCode::Success);
        assert_eq!(lab.stage(), Stage::NotRegistered);
        assert!(
            lab.last_text("AGENT_DEREG_FAILED")
                .ends_with("has no http destination address")
        );
    }

    #[test]
    fn an_instance_removed_at_the_server_is_told_as_the_chapter_shows() {
        let mut lab = Lab::registered(&[(Entitlement::Client100G, 1)]);
        lab.server.instances.clear();
        lab.command(Command::RenewAuthorization);
        lab.run(seconds(2));
        assert_eq!(
            lab.last_text("AUTH_RENEW_FAILED"),
            "Authorization renewal with the Cisco Smart Software Manager (CSSM) : Error received from Smart Software \
             Manager: Data and signature do not match for udi PID:NCS1004,SN:CAT2249B009"
        );
        assert_eq!(lab.stage(), Stage::Complete);
        lab.command(Command::Deregister);
        lab.run(seconds(2));
        assert!(
            lab.last_text("AGENT_DEREG_FAILED")
                .contains("Agent received a failure status in a response message.")
        );
    }

    #[test]
    fn an_identity_that_cannot_be_renewed_ends_after_a_year() {
        let mut lab = Lab::unhurried();
        lab.use_licences(&[(Entitlement::Client100G, 1)]);
        lab.register();
        lab.run(seconds(10));
        lab.server.instances.clear();
        lab.run(days(181));
        assert!(!lab.logged("ID_CERT_RENEW_FAILED").is_empty());
        assert_eq!(lab.stage(), Stage::Complete);
        let daily = lab.logged("ID_CERT_RENEW_FAILED").len();
        lab.run(days(183) - hours(1));
        let RegistrationState::Complete { expires_at, .. } = lab.agent.state().registration else {
            panic!()
        };
        lab.run(expires_at.duration_since(lab.now) - seconds(1));
        assert_eq!(lab.stage(), Stage::Complete);
        assert!(
            lab.logged("ID_CERT_RENEW_FAILED").len() > daily + 170 + 150,
            "hourly in the last week"
        );
        lab.run(seconds(1));
        assert_eq!(lab.stage(), Stage::NotRegistered);
        assert_eq!(lab.logged("ID_CERT_EXPIRED").len(), 1);
        assert_eq!(lab.agent.state().usage[0].enforcement, Enforcement::Evaluation);
    }

    #[test]
    fn read_strictly_a_failed_renewal_makes_the_device_unidentified_at_once() {
        let mut lab = Lab::with(AgentSettings {
            failed_renewal: FailedRenewal::Unidentified,
            urgent_retry: days(1),
            ..AgentSettings::default()
        });
        lab.register();
        lab.run(seconds(5));
        lab.server.instances.clear();
        lab.run(days(181));
        assert_eq!(lab.status(), LicenceStatus::Unidentified);
    }

    #[test]
    fn read_otherwise_a_changed_count_waits_for_its_collection_or_its_report() {
        for (changed_counts, wait) in [
            (ChangedCounts::AtCollection, hours(1)),
            (ChangedCounts::AtReporting, hours(24)),
        ] {
            let mut lab = Lab::with(AgentSettings {
                changed_counts,
                spread: SignedDuration::ZERO,
                ..AgentSettings::default()
            });
            lab.register();
            lab.run(seconds(10));
            lab.use_licences(&[(Entitlement::Client100G, 1)]);
            let before = lab.heard(ExchangeKind::Authorization);
            lab.run(wait - seconds(11));
            assert_eq!(
                lab.heard(ExchangeKind::Authorization),
                before,
                "{changed_counts:?}"
            );
            lab.run(seconds(5));
            assert_eq!(lab.heard(ExchangeKind::Authorization), before + 1);
            assert_eq!(lab.agent.state().reports[0].last, 1);
        }
    }

    #[test]
    fn read_by_table_2_an_authorization_expires_ninety_days_after_the_missed_renewal() {
        let mut lab = Lab::with(AgentSettings {
            authorization_expiry: AuthorizationExpiry::AfterMissedRenewal,
            ..AgentSettings::default()
        });
        lab.use_licences(&[(Entitlement::Client100G, 1)]);
        lab.register();
        lab.run(seconds(10));
        lab.server.mood = Mood::Unreachable;
        lab.run(days(120) - seconds(60));
        assert_eq!(lab.status(), LicenceStatus::Authorized);
        lab.run(seconds(60));
        assert_eq!(lab.status(), LicenceStatus::AuthorizationExpired);
    }

    #[test]
    fn renew_id_renews_at_once() {
        let mut lab = Lab::registered(&[]);
        lab.run(days(10));
        assert_eq!(lab.command(Command::RenewIdentity), ReturnCode::Success);
        assert_eq!(
            lab.command(Command::RenewIdentity),
            ReturnCode::IdCertRenewInProgress
        );
        lab.run(seconds(1));
        let RegistrationState::Complete {
            last_renewal,
            renew_at,
            ..
        } = lab.agent.state().registration
        else {
            panic!()
        };
        assert_eq!(last_renewal.unwrap().failure, None);
        assert_eq!(renew_at, lab.now - DELAY + days(180));
    }

    #[test]
    fn commands_are_answered_with_the_codes_of_the_model() {
        let mut lab = Lab::new();
        assert_eq!(
            lab.command(Command::RenewAuthorization),
            ReturnCode::NotRegistered
        );
        assert_eq!(lab.command(Command::RenewIdentity), ReturnCode::NotRegistered);
        assert_eq!(lab.command(Command::Deregister), ReturnCode::NotRegistered);
        lab.configure(Configuration::default());
        assert_eq!(lab.register(), ReturnCode::NoUrl);
        lab.configure(Configuration {
            destination: Err(TransportProblem::NoActiveProfile {
                reason: "call-home profile CiscoTAC-1 is not active".to_owned(),
            }),
            ..Configuration::default()
        });
        assert_eq!(lab.register(), ReturnCode::CommDisabled);
        lab.configure(Configuration {
            enabled: false,
            ..Configuration::default()
        });
        assert_eq!(lab.register(), ReturnCode::NotEnabled);
        assert_eq!(lab.stage(), Stage::NotRegistered);
        assert!(lab.server.heard.is_empty());

        let mut lab = Lab::registered(&[]);
        assert_eq!(lab.register(), ReturnCode::AlreadyRegistered);
        assert_eq!(lab.command(registration(TOKEN, true)), ReturnCode::Success);
        assert_eq!(lab.register(), ReturnCode::RegistrationInProgress);
        assert_eq!(
            lab.command(Command::RenewAuthorization),
            ReturnCode::RegistrationInProgress
        );
    }

    #[test]
    fn a_vendors_server_is_never_contacted_and_the_operator_reads_why() {
        let mut lab = Lab::new();
        lab.configure(vendor());
        assert_eq!(lab.status(), LicenceStatus::Unidentified);
        assert_eq!(lab.register(), ReturnCode::TransportConfig);
        let RegistrationState::Failed { reason, .. } = lab.agent.state().registration else {
            panic!()
        };
        assert!(
            reason.contains("tools.cisco.com") && reason.contains("Ponder's own licensing protocol"),
            "{reason}"
        );
        lab.run(days(3));
        assert!(lab.server.heard.is_empty());
    }

    #[test]
    fn a_forced_registration_that_fails_keeps_the_one_before() {
        let mut lab = Lab::registered(&[(Entitlement::Client100G, 1)]);
        assert_eq!(lab.command(registration("another", true)), ReturnCode::Success);
        assert_eq!(lab.status(), LicenceStatus::Authorized);
        lab.run(seconds(2));
        assert_eq!(lab.stage(), Stage::Complete);
        assert_eq!(
            lab.agent.state().exchange.last_error.as_deref(),
            Some("The token is not valid")
        );
        lab.use_licences(&[(Entitlement::Client100G, 2)]);
        lab.run(seconds(10));
        assert_eq!(lab.agent.state().reports[0].last, 2);
    }

    #[test]
    fn evaluation_runs_only_while_licences_are_in_use_without_registration() {
        let mut lab = Lab::new();
        lab.run(days(20));
        assert_eq!(lab.agent.state().evaluation.left(lab.now), days(90));
        lab.use_licences(&[(Entitlement::Subsea, 1)]);
        assert_eq!(lab.agent.state().authorization, AuthorizationState::Evaluation);
        lab.run(days(30));
        lab.restart();
        assert_eq!(lab.agent.state().evaluation.left(lab.now), days(60));
        lab.register();
        lab.run(days(100));
        let left = lab.agent.state().evaluation.left(lab.now);
        assert_eq!(
            left,
            days(60) - seconds(1),
            "the second of the registration counts"
        );
        lab.command(Command::Deregister);
        lab.run(days(61));
        assert!(matches!(lab.agent.state().evaluation, Evaluation::Expired { .. }));
        assert_eq!(
            lab.agent.state().usage[0].enforcement,
            Enforcement::EvaluationExpired
        );
        lab.use_licences(&[]);
        assert_eq!(lab.agent.state().authorization, AuthorizationState::None);
        assert_eq!(lab.logged("EVAL_EXPIRED").len(), 1);
    }

    #[test]
    fn a_restart_in_the_middle_of_a_registration_goes_on_with_it() {
        let mut lab = Lab::new();
        lab.register();
        lab.restart();
        lab.run(seconds(5));
        assert_eq!(lab.stage(), Stage::Complete);
        let since = lab.agent.state().status_since;
        lab.run(days(2));
        lab.restart();
        assert_eq!(
            lab.agent.state().status_since,
            since,
            "a restart does not change it"
        );
        lab.run(days(1));
        assert_eq!(lab.heard(ExchangeKind::Registration), 2);
        assert_eq!(
            lab.heard(ExchangeKind::Authorization),
            1,
            "nothing changed, nothing is told"
        );
    }

    #[test]
    fn a_restart_in_the_middle_of_a_deregistration_ends_it() {
        let mut lab = Lab::registered(&[]);
        lab.command(Command::Deregister);
        lab.restart();
        lab.run(seconds(5));
        assert_eq!(lab.stage(), Stage::NotRegistered);
    }

    #[test]
    fn an_answer_that_never_comes_is_given_up() {
        let mut lab = Lab::new();
        lab.register();
        lab.on_the_way = None;
        lab.run(seconds(61));
        let RegistrationState::Retry { reason, .. } = lab.agent.state().registration else {
            panic!()
        };
        assert_eq!(reason, "no answer within 60 seconds");
    }

    #[test]
    fn a_count_that_failed_to_be_told_is_told_within_the_hour_or_when_the_way_is_mended() {
        let mut lab = Lab::registered(&[(Entitlement::Client100G, 1)]);
        lab.server.mood = Mood::Unreachable;
        lab.use_licences(&[(Entitlement::Client100G, 2)]);
        lab.run(hours(1));
        lab.server.mood = Mood::Helpful;
        lab.run(seconds(10));
        assert_eq!(lab.agent.state().reports[0].last, 2);

        lab.configure(vendor());
        lab.use_licences(&[(Entitlement::Client100G, 3)]);
        lab.run(seconds(10));
        let mended = Lab::new().configuration;
        lab.configure(mended);
        lab.run(seconds(10));
        assert_eq!(lab.agent.state().reports[0].last, 3);
    }

    #[test]
    fn a_collection_finds_what_nobody_told_and_reports_it() {
        let mut lab = Lab::registered(&[(Entitlement::Client100G, 1)]);
        lab.collected = Some(using(&[(Entitlement::Client100G, 3)]));
        lab.run(hours(1) + seconds(10));
        assert!(
            lab.last_text("COUNTS_CORRECTED")
                .ends_with("S-NCS1K4-LIC-100G= from 1 to 3")
        );
        assert_eq!(lab.agent.state().reports[0].last, 3);
        let state = lab.agent.state();
        assert_eq!(
            state.collection.next.duration_since(state.collection.last),
            hours(1)
        );
        assert_eq!(
            state.reporting.next.duration_since(state.reporting.last),
            hours(24)
        );
    }

    #[test]
    fn without_an_active_profile_licensing_is_unconfigured_and_without_a_destination_unidentified() {
        let mut lab = Lab::new();
        let through = |problem| Configuration {
            destination: Err(problem),
            ..Configuration::default()
        };
        lab.configure(through(TransportProblem::NoActiveProfile {
            reason: "no call-home profile is active".to_owned(),
        }));
        assert_eq!(lab.status(), LicenceStatus::Unconfigured);
        lab.configure(through(TransportProblem::NoDestination {
            transport: Transport::CallHome,
        }));
        assert_eq!(lab.status(), LicenceStatus::Unidentified);
    }

    #[test]
    fn the_token_is_in_the_record_alone() {
        let mut lab = Lab::new();
        lab.server.mood = Mood::Unreachable;
        lab.register();
        lab.run(seconds(2));
        assert!(!format!("{:?}", lab.agent).contains(TOKEN));
        assert!(!format!("{:?}", lab.agent.state()).contains(TOKEN));
        assert!(!format!("{:?}", lab.log).contains(TOKEN));
        assert!(serde_json::to_string(&lab.disk).unwrap().contains(TOKEN));
    }

    #[derive(Clone, Debug)]
    enum Step {
        Register(bool, bool),
        RenewAuthorization,
        RenewIdentity,
        Deregister,
        Use(usize, u32),
        Mood(usize),
        Configure(usize),
        RemoveInstance,
        Restart,
        Wait(i64),
    }

    fn any_step() -> impl Strategy<Value = Step> {
        prop_oneof![
            (any::<bool>(), any::<bool>()).prop_map(|(good, force)| Step::Register(good, force)),
            Just(Step::RenewAuthorization),
            Just(Step::RenewIdentity),
            Just(Step::Deregister),
            (0..6_usize, 0..20_u32).prop_map(|(entitlement, count)| Step::Use(entitlement, count)),
            (0..5_usize).prop_map(Step::Mood),
            (0..4_usize).prop_map(Step::Configure),
            Just(Step::RemoveInstance),
            Just(Step::Restart),
            prop_oneof![0..20_i64, 3_000..100_000_i64, 2_000_000..20_000_000_i64].prop_map(Step::Wait),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]
        #[test]
        fn whatever_happens_the_agent_keeps_its_promises(steps in proptest::collection::vec(any_step(), 1..25)) {
            let mut lab = Lab::new();
            let good = lab.configuration.clone();
            for step in steps {
                match step {
                    Step::Register(good, force) => {
                        let token = if good { TOKEN } else { "another" };
                        lab.command(registration(token, force));
                    }
                    Step::RenewAuthorization => { lab.command(Command::RenewAuthorization); }
                    Step::RenewIdentity => { lab.command(Command::RenewIdentity); }
                    Step::Deregister => { lab.command(Command::Deregister); }
                    Step::Use(entitlement, count) => lab.use_licences(&[(Entitlement::ALL[entitlement], count)]),
                    Step::Mood(mood) => {
                        let moods = [Mood::Helpful, Mood::Unreachable, Mood::Busy, Mood::Forging, Mood::Replaying];
                        lab.server.mood = moods[mood];
                    }
                    Step::Configure(0) => lab.configure(Configuration::default()),
                    Step::Configure(1) => lab.configure(vendor()),
                    Step::Configure(2) => lab.configure(Configuration { enabled: false, ..good.clone() }),
                    Step::Configure(_) => lab.configure(good.clone()),
                    Step::RemoveInstance => lab.server.instances.clear(),
                    Step::Restart => lab.restart(),
                    Step::Wait(period) => lab.run(seconds(period)),
                }
                // What is shown and what is on disk agree, and the agent after a crash would show the same stage.
                let state = lab.agent.state();
                let disk = lab.disk.as_ref().unwrap();
                prop_assert_eq!(state.status, disk.status);
                prop_assert_eq!(state.exchange.sequence, disk.sequence);
                if disk.registration.registered().is_some() {
                    let runs = matches!(disk.evaluation, Evaluation::Running { .. });
                    prop_assert!(!runs);
                }
            }
        }
    }
}
