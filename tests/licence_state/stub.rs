//! A licence server that answers what a test wants, signed as it should be.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use jiff::SignedDuration;
use ponder::app::clock::{Clock, ManualClock};
use ponder::licensing::message::envelope::Envelope;
use ponder::licensing::message::{
    Answer, AnswerBody, AuthorizationGrant, EntitlementAuthorization, EntitlementStatus, IdentityGrant,
    Outcome, Refusal, RefusalCode, RefusalStatus, Request, RequestBody,
};
use ponder::licensing::signature::read_certificate_request;
use ponder::ssm::ca::Authority;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// What the stub does with a request.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Mood {
    /// Grants everything; entitlements stand so.
    Grants(EntitlementStatus),
    /// Grants an identity and is silent about everything else.
    SilentAfterwards,
    /// Takes requests and never answers.
    Silent,
    /// Refuses every registration.
    Refuses,
    /// Asks to be asked again.
    Busy,
    /// Answers something that is no message.
    Babbles,
    /// Answers with HTTP status 502.
    Breaks,
    /// Answers nothing.
    Empty,
    /// Repeats an answer to another request.
    Replays,
}

pub struct Stub {
    pub address: SocketAddr,
    pub root: PathBuf,
    mood: Arc<Mutex<Mood>>,
    heard: Arc<Mutex<Vec<String>>>,
    task: tokio::task::JoinHandle<()>,
    _folder: tempfile::TempDir,
}

impl Stub {
    pub async fn start(clock: &ManualClock, mood: Mood) -> Stub {
        let folder = tempfile::tempdir().unwrap();
        let now = clock.now();
        let stored = Authority::found("Stub", now).unwrap();
        let authority = Arc::new(Authority::open("Stub", &stored, now).unwrap());
        let root = folder.path().join("stub-root.pem");
        std::fs::write(&root, authority.licensing_root()).unwrap();
        let listener = TcpListener::bind(super::lab::loopback()).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (mood, heard) = (Arc::new(Mutex::new(mood)), Arc::new(Mutex::new(Vec::new())));
        let task = tokio::spawn({
            let (mood, heard, clock) = (Arc::clone(&mood), Arc::clone(&heard), clock.clone());
            async move {
                while let Ok((stream, _)) = listener.accept().await {
                    let authority = Arc::clone(&authority);
                    let (mood, heard, clock) = (Arc::clone(&mood), Arc::clone(&heard), clock.clone());
                    tokio::spawn(async move { serve(stream, &authority, &mood, &heard, &clock).await });
                }
            }
        });
        Stub {
            address,
            root,
            mood,
            heard,
            task,
            _folder: folder,
        }
    }

    pub fn be(&self, mood: Mood) {
        *self.mood.lock().unwrap() = mood;
    }

    /// Everything that arrived, head and body.
    pub fn heard(&self) -> Vec<String> {
        self.heard.lock().unwrap().clone()
    }

    pub fn url(&self) -> String {
        format!("http://{}/its/service/oddce/services/DDCEService", self.address)
    }
}

impl Drop for Stub {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(
    mut stream: TcpStream,
    authority: &Authority,
    mood: &Mutex<Mood>,
    heard: &Mutex<Vec<String>>,
    clock: &ManualClock,
) {
    let Some((head, body)) = read(&mut stream).await else {
        return;
    };
    heard
        .lock()
        .unwrap()
        .push(format!("{head}{}", String::from_utf8_lossy(&body)));
    let mood = *mood.lock().unwrap();
    let (status, answer) = match mood {
        Mood::Silent => return std::future::pending().await,
        Mood::Breaks => ("502 Bad Gateway", b"oops".to_vec()),
        Mood::Babbles => ("200 OK", b"<html/>".to_vec()),
        Mood::Empty => ("200 OK", Vec::new()),
        _ => {
            let request = Envelope::parse(&body).unwrap().unverified_request().unwrap();
            let registers = matches!(request.body, RequestBody::Register(_));
            if mood == Mood::SilentAfterwards && !registers {
                return std::future::pending().await;
            }
            let outcome = outcome(&request, authority, mood, clock);
            let nonce = match mood {
                Mood::Replays => "0123456789abcdef".to_owned(),
                _ => request.nonce.clone(),
            };
            let answer = Answer {
                request_id: request.request_id.clone(),
                nonce,
                server_time: clock.now(),
                outcome,
            };
            ("200 OK", authority.sign(&answer).unwrap())
        }
    };
    let head = format!(
        "HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        answer.len()
    );
    stream.write_all(head.as_bytes()).await.ok();
    stream.write_all(&answer).await.ok();
}

async fn read(stream: &mut TcpStream) -> Option<(String, Vec<u8>)> {
    let mut received = Vec::new();
    let mut buffer = [0; 65_536];
    loop {
        let end = received.windows(4).position(|window| window == b"\r\n\r\n");
        if let Some(end) = end {
            let head = String::from_utf8_lossy(&received[..end + 4]).into_owned();
            let length = head
                .lines()
                .find_map(|line| {
                    line.to_lowercase()
                        .strip_prefix("content-length:")?
                        .trim()
                        .parse()
                        .ok()
                })
                .unwrap_or(0);
            if received.len() >= end + 4 + length {
                return Some((head, received[end + 4..].to_vec()));
            }
        }
        match stream.read(&mut buffer).await {
            Ok(0) | Err(_) => return None,
            Ok(read) => received.extend_from_slice(&buffer[..read]),
        }
    }
}

fn outcome(request: &Request, authority: &Authority, mood: Mood, clock: &ManualClock) -> Outcome {
    let now = clock.now();
    let grant = |certificate_request: &str| {
        let key = read_certificate_request(certificate_request).unwrap();
        let issued = authority
            .issue_identity(&key, "stub-instance", &request.udi, now)
            .unwrap();
        Box::new(IdentityGrant {
            product_instance_id: "stub-instance".to_owned(),
            udi: request.udi.clone(),
            identity_certificate: issued.certificate,
            chain: authority.identity_chain(),
            smart_account: "BU Production Test".to_owned(),
            virtual_account: "NCS1000".to_owned(),
            export_control_allowed: true,
            renew_interval: SignedDuration::from_hours(180 * 24),
            expires: issued.expires,
        })
    };
    match (&request.body, mood) {
        (_, Mood::Busy) => refusal(
            RefusalStatus::TryAgain,
            RefusalCode::Unavailable,
            "come back later",
        ),
        (RequestBody::Register(_), Mood::Refuses) => refusal(
            RefusalStatus::Failed,
            RefusalCode::TokenUnknown,
            "The token is not valid",
        ),
        (RequestBody::Register(body), _) => {
            Outcome::Done(AnswerBody::Register(grant(&body.certificate_request)))
        }
        (RequestBody::RenewId(body), _) => {
            Outcome::Done(AnswerBody::RenewId(grant(&body.certificate_request)))
        }
        (RequestBody::Deregister, _) => Outcome::Done(AnswerBody::Deregister),
        (RequestBody::Authorize(body), _) => {
            let status = match mood {
                Mood::Grants(status) => status,
                _ => EntitlementStatus::InCompliance,
            };
            let entitlements: Vec<EntitlementAuthorization> = body
                .entitlements
                .iter()
                .map(|asked| EntitlementAuthorization {
                    tag: asked.tag.clone(),
                    status,
                })
                .collect();
            let overall = match entitlements.is_empty() {
                true => EntitlementStatus::InCompliance,
                false => status,
            };
            Outcome::Done(AnswerBody::Authorize(AuthorizationGrant {
                entitlements,
                overall,
                next_contact_interval: SignedDuration::from_hours(30 * 24),
                deadline: now + SignedDuration::from_hours(90 * 24),
            }))
        }
    }
}

fn refusal(status: RefusalStatus, code: RefusalCode, message: &str) -> Outcome {
    Outcome::Refused(Refusal {
        status,
        code,
        message: message.to_owned(),
    })
}

/// What a request tells of the device: host name and version.
pub fn said(heard: &str) -> String {
    let (_, body) = heard.split_once("\r\n\r\n").unwrap();
    let request = Envelope::parse(body.as_bytes())
        .unwrap()
        .unverified_request()
        .unwrap();
    format!("{:?} {:?}", request.hostname, request.agent_version)
}
