//! A real front desk in memory with any number of sessions: XML in, XML out, no sockets, time that stands still.

#![allow(dead_code)] // each test program uses its own part of it

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock, Mutex};
use std::time::{Duration, Instant};

use expect_test::Expect;
use jiff::Timestamp;
use ponder::datastore::datastores::Datastores;
use ponder::datastore::memory_storage::MemoryStorage;
use ponder::management::desk::{Ending, FrontDesk, Visitor};
use ponder::management::event_stream::Delivery;
use ponder::management::front_desk::{Desk, DeskParts};
use ponder::netconf::bounds::Bounds;
use ponder::netconf::framing::{self, Decoder, Framing, Incoming};
use ponder::netconf::session::{Birth, Input, Output, Session};
use ponder::yang::modules::ModuleSet;
use ponder::yang::schema::Schema;

pub static SCHEMA: LazyLock<Arc<Schema>> = LazyLock::new(|| Schema::load(ModuleSet::embedded()).unwrap());

const HELLO: &str = r#"<hello xmlns="urn:ietf:params:xml:ns:netconf:base:1.0"><capabilities><capability>urn:ietf:params:netconf:base:1.1</capability></capabilities></hello>"#;

/// A desk with any number of sessions.
pub struct Office {
    /// The desk itself.
    pub desk: Arc<Desk>,
    storage: MemoryStorage,
    sessions: BTreeMap<u32, Client>,
    /// Sessions whose kill switch was used.
    pub killed: Arc<Mutex<Vec<u32>>>,
    /// Generations that the commit listener heard of.
    pub committed: Arc<Mutex<Vec<u64>>>,
    locks: Arc<Mutex<ponder::datastore::lock::LockTable>>,
    began: Instant,
    passed: Arc<Mutex<Duration>>,
    deadline: Arc<Mutex<Option<Instant>>>,
}

struct Client {
    session: Session,
    decoder: Decoder,
    messages: u32,
}

impl Office {
    pub fn opened() -> Office {
        Office::with(MemoryStorage::new(), |_| {})
    }

    /// A desk over what a storage keeps, made otherwise than usual.
    pub fn with(storage: MemoryStorage, change: impl FnOnce(&mut DeskParts)) -> Office {
        Office::of(Arc::clone(&SCHEMA), storage, change)
    }

    /// The same, with other modules.
    pub fn of(schema: Arc<Schema>, storage: MemoryStorage, change: impl FnOnce(&mut DeskParts)) -> Office {
        let committed = Arc::new(Mutex::new(Vec::new()));
        let heard = Arc::clone(&committed);
        let passed = Arc::new(Mutex::new(Duration::ZERO));
        let (began, since) = (beginning(), Arc::clone(&passed));
        let passed_by = Arc::clone(&passed);
        let deadline = Arc::new(Mutex::new(None));
        let told = Arc::clone(&deadline);
        let datastores = Datastores::open(schema, Box::new(storage.clone())).unwrap();
        // As the agent does before it serves anybody.
        datastores.roll_back_unconfirmed(Timestamp::UNIX_EPOCH).unwrap();
        let mut parts = DeskParts {
            committed: Box::new(move |commit| heard.lock().unwrap().push(commit.generation)),
            deadline: Box::new(move |moment| *told.lock().unwrap() = moment),
            capabilities: vec!["urn:ietf:params:netconf:capability:candidate:1.0".to_owned()],
            ..DeskParts::plain(
                Arc::new(datastores),
                Box::new(move || Timestamp::UNIX_EPOCH + *passed_by.lock().unwrap()),
                Box::new(move || began + *since.lock().unwrap()),
            )
        };
        change(&mut parts);
        let locks = Arc::clone(&parts.locks);
        Office {
            desk: Arc::new(Desk::new(parts)),
            storage,
            sessions: BTreeMap::new(),
            killed: Arc::default(),
            committed,
            locks,
            began,
            passed,
            deadline,
        }
    }

    /// The desk itself.
    pub fn desk(&self) -> &Desk {
        &self.desk
    }

    /// Who holds what.
    pub fn locks(&self) -> &Mutex<ponder::datastore::lock::LockTable> {
        &self.locks
    }

    /// Lets time pass, and the desk do what is due meanwhile.
    pub fn pass(&mut self, seconds: u64) {
        self.pass_for(Duration::from_secs(seconds));
    }

    /// The same, in parts of a second.
    pub fn pass_for(&mut self, time: Duration) {
        let until = *self.passed.lock().unwrap() + time;
        let mut attend = self.desk.attend();
        loop {
            let confirm = *self.deadline.lock().unwrap();
            let due = [confirm, attend]
                .into_iter()
                .flatten()
                .map(|moment: Instant| moment.saturating_duration_since(self.began))
                .min();
            match due.filter(|due| *due <= until) {
                Some(due) => {
                    let mut passed = self.passed.lock().unwrap();
                    *passed = due.max(*passed);
                }
                None => break,
            }
            self.desk.expire();
            attend = self.desk.attend();
        }
        *self.passed.lock().unwrap() = until;
        self.desk.end_overdue();
    }

    /// The agent is started anew over what was kept.
    pub fn restart(self) -> Office {
        Office::with(self.storage, |_| {})
    }

    /// The same desk's storage, to make it fail.
    pub fn storage(&self) -> &MemoryStorage {
        &self.storage
    }

    /// A session after both hellos.
    pub fn enter(&mut self, user: &str) -> u32 {
        let visitor = Visitor {
            user: user.to_owned(),
            from: "127.0.0.1:4711".to_owned(),
            transport: "netconf-ssh",
        };
        let killed = Arc::clone(&self.killed);
        let number = Arc::new(Mutex::new(0));
        let mine = Arc::clone(&number);
        let kill = Box::new(move || killed.lock().unwrap().push(*mine.lock().unwrap()));
        let id = self.desk.open(visitor, kill);
        *number.lock().unwrap() = id;
        let birth = Birth {
            session_id: id,
            capabilities: self.desk.capabilities(),
            bounds: Bounds {
                max_message_bytes: 1_000_000,
                ..Bounds::default()
            },
        };
        let session = Session::new(&birth, self.began);
        self.sessions.insert(
            id,
            Client {
                session,
                decoder: Decoder::new(10_000_000),
                messages: 0,
            },
        );
        assert!(
            self.exchange(id, framing::encode(Framing::EndOfMessage, vec![HELLO.to_owned()]))[0]
                .contains("<hello")
        );
        self.sessions
            .get_mut(&id)
            .unwrap()
            .decoder
            .switch_to(Framing::Chunked);
        id
    }

    /// The connection of a session is gone.
    pub fn drop_connection(&mut self, id: u32) {
        self.sessions.remove(&id);
        self.desk.close(id, Ending::Dropped);
    }

    /// Sends one operation and gives the children of `<rpc-reply>`, one element a line.
    pub fn ask(&mut self, id: u32, operation: &str) -> String {
        let client = self.sessions.get_mut(&id).unwrap();
        client.messages += 1;
        let rpc = format!(
            r#"<rpc xmlns="urn:ietf:params:xml:ns:netconf:base:1.0" message-id="{}">{operation}</rpc>"#,
            client.messages
        );
        let replies = self.exchange(id, framing::encode(Framing::Chunked, vec![rpc]));
        let reply = replies
            .into_iter()
            .next()
            .unwrap_or_else(|| panic!("no reply to {operation}"));
        let (_, inside) = reply.split_once("<rpc-reply").unwrap();
        let (_, inside) = inside.split_once('>').unwrap();
        let (inside, _) = inside.rsplit_once("</rpc-reply>").unwrap();
        inside.replace("><", ">\n<")
    }

    /// Sends one operation and compares its reply.
    pub fn check(&mut self, id: u32, operation: &str, expected: Expect) {
        expected.assert_eq(&self.ask(id, operation));
    }

    /// Sends one operation that must be answered with `<ok/>`.
    pub fn accept(&mut self, id: u32, operation: &str) {
        assert_eq!(self.ask(id, operation), "<ok/>", "{operation}");
    }

    /// Sends a message as it stands and gives what is answered.
    pub fn say(&mut self, id: u32, message: &str) -> Vec<String> {
        self.exchange(id, framing::encode(Framing::Chunked, vec![message.to_owned()]))
    }

    /// edit-config on the candidate.
    pub fn edit(&mut self, id: u32, parameters: &str, config: &str) -> String {
        self.ask(id, &edit(parameters, config))
    }

    /// Takes the notifications that wait for a session and gives each message; none when its subscription fell behind.
    pub fn hear(&mut self, id: u32) -> Option<Vec<String>> {
        self.desk.attend();
        let mut messages = Vec::new();
        loop {
            let (ready, more) = match self.desk.notifications(id, 10_000) {
                Delivery::Notifications { ready, more, .. } => (ready, more),
                Delivery::FellBehind { .. } => {
                    self.sessions.remove(&id);
                    self.desk.close(id, Ending::FellBehind);
                    return None;
                }
            };
            let client = self.sessions.get_mut(&id).unwrap();
            client.session.handle(Input::Notify(&ready), self.began);
            let mut sent = Vec::new();
            while let Some(output) = client.session.poll_output() {
                let Output::Send(pieces) = output else {
                    panic!("{output:?}")
                };
                sent.extend(pieces.iter().flat_map(|piece| piece.to_bytes().unwrap()));
            }
            let mut input = sent.as_slice();
            while let Some(Incoming::Message(message)) = client.decoder.decode(&mut input).unwrap() {
                messages.push(String::from_utf8(message).unwrap());
            }
            if !more {
                return Some(messages);
            }
        }
    }

    fn exchange(&mut self, id: u32, framed: Vec<Vec<u8>>) -> Vec<String> {
        let client = self.sessions.get_mut(&id).unwrap();
        client
            .session
            .handle(Input::Received(&framed.concat()), self.began);
        let mut sent = Vec::new();
        let mut closed = None;
        while let Some(output) = client.session.poll_output() {
            match output {
                Output::Send(pieces) => {
                    sent.extend(pieces.iter().flat_map(|piece| piece.to_bytes().unwrap()));
                }
                Output::Ask(ticket, request) => {
                    let answer = self.desk.answer(id, request);
                    client.session.handle(Input::Answered(ticket, answer), self.began);
                }
                Output::Refused(what, _) => self.desk.refused(id, what),
                Output::Close(ending, _) => closed = Some(ending),
            }
        }
        let mut messages = Vec::new();
        let mut input = sent.as_slice();
        while let Some(Incoming::Message(message)) = client.decoder.decode(&mut input).unwrap() {
            messages.push(String::from_utf8(message).unwrap());
        }
        if let Some(ending) = closed {
            self.sessions.remove(&id);
            self.desk.close(id, ending);
        }
        // As the agent's timer does when it is told to look.
        self.desk.attend();
        messages
    }
}

#[allow(clippy::disallowed_methods)] // an Instant can only be had from the machine; it never advances here
fn beginning() -> Instant {
    Instant::now()
}

/// An edit-config of the candidate.
pub fn edit(parameters: &str, config: &str) -> String {
    format!("<edit-config><target><candidate/></target>{parameters}<config>{config}</config></edit-config>")
}

pub const COMMIT: &str = "<commit/>";

/// A host name, the smallest configuration there is.
pub fn host_name(name: &str) -> String {
    format!(
        r#"<host-names xmlns="http://cisco.com/ns/yang/Cisco-IOS-XR-shellutil-cfg"><host-name>{name}</host-name></host-names>"#
    )
}

/// An optics port with settings inside.
pub fn optics(port: &str, settings: &str) -> String {
    format!(
        r#"<interface-configurations xmlns="http://cisco.com/ns/yang/Cisco-IOS-XR-ifmgr-cfg"><interface-configuration><active>act</active><interface-name>{port}</interface-name><optics xmlns="http://cisco.com/ns/yang/Cisco-IOS-XR-controller-optics-cfg">{settings}</optics></interface-configuration></interface-configurations>"#
    )
}

pub const GET_RUNNING: &str = "<get-config><source><running/></source></get-config>";
pub const GET_CANDIDATE: &str = "<get-config><source><candidate/></source></get-config>";
