//! The protocol by clause, in memory: a session without sockets, a desk that only writes down what it is asked.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod hostile_input;
#[path = "../support/office.rs"]
mod office;
mod rfc5277_section_2;
mod rfc5277_section_3;
mod rfc5717_section_2;
mod rfc6022_section_2_1_5;
mod rfc6022_section_3_1;
mod rfc6241_section_3;
mod rfc6241_section_4;
mod rfc6241_section_6;
mod rfc6241_section_7;
mod rfc6241_section_7_2;
mod rfc6241_section_7_3;
mod rfc6241_section_7_5;
mod rfc6241_section_8_1;
mod rfc6241_section_8_3;
mod rfc6241_section_8_4;
mod rfc6241_section_8_9;
mod rfc6242_section_4;
mod rfc6243_section_4;
mod rfc6470_section_2;
mod rfc8341_section_3;
mod rfc8526_section_3;
mod rfc8639_section_2;
mod rfc8640_section_5;
mod rfc8641_section_3;
mod rfc8641_section_3_10;
mod rfc8641_section_3_7;
mod rfc8641_section_4;
mod rfc9144_section_4;

use std::time::Instant;

use ponder::management::desk::Ending;
use ponder::management::error::ManagementError;
use ponder::management::request::{Reply, Request};
use ponder::netconf::bounds::Bounds;
use ponder::netconf::framing::{self, Decoder, Framing, Incoming};
use ponder::netconf::session::{Birth, Input, Output, Session, Ticket};

pub const HELLO_1_1: &str = r#"<hello xmlns="urn:ietf:params:xml:ns:netconf:base:1.0"><capabilities><capability>urn:ietf:params:netconf:base:1.1</capability></capabilities></hello>"#;
pub const HELLO_1_0: &str = r#"<hello xmlns="urn:ietf:params:xml:ns:netconf:base:1.0"><capabilities><capability>urn:ietf:params:netconf:base:1.0</capability></capabilities></hello>"#;

/// A session and the client's side of its stream.
pub struct Peer {
    pub session: Session,
    pub began: Instant,
    decoder: Decoder,
    framing: Framing,
    /// Messages of the server that were not looked at yet.
    pub messages: Vec<String>,
    /// Questions without answer.
    pub questions: Vec<(Ticket, Request)>,
    pub closed: Option<(Ending, Option<String>)>,
}

impl Peer {
    /// A session whose server has said hello.
    pub fn greeted() -> Peer {
        Peer::greeted_within(Bounds {
            max_message_bytes: 10_000,
            ..Bounds::default()
        })
    }

    /// The same with bounds of its own.
    pub fn greeted_within(bounds: Bounds) -> Peer {
        let began = birth_moment();
        let birth = Birth {
            session_id: 4,
            capabilities: vec!["urn:example:a?module=a&revision=2024-01-01".to_owned()],
            bounds,
        };
        let mut peer = Peer {
            session: Session::new(&birth, began),
            began,
            decoder: Decoder::new(1_000_000),
            framing: Framing::EndOfMessage,
            messages: Vec::new(),
            questions: Vec::new(),
            closed: None,
        };
        peer.poll();
        peer
    }

    /// A session after both hellos, with chunks.
    pub fn open() -> Peer {
        let mut peer = Peer::greeted();
        peer.messages.clear();
        peer.send(HELLO_1_1);
        peer.switch_to(Framing::Chunked);
        peer
    }

    pub fn switch_to(&mut self, framing: Framing) {
        self.framing = framing;
        self.decoder.switch_to(framing);
    }

    pub fn send(&mut self, message: &str) {
        let framed = framing::encode(self.framing, vec![message.to_owned()]).concat();
        self.send_bytes(&framed);
    }

    pub fn send_bytes(&mut self, bytes: &[u8]) {
        self.handle(Input::Received(bytes));
    }

    pub fn handle(&mut self, input: Input<'_>) {
        self.session.handle(input, self.began);
        self.poll();
    }

    /// Answers the oldest question.
    pub fn answer(&mut self, answer: Result<Reply, Vec<ManagementError>>) {
        let (ticket, _) = self.questions.remove(0);
        self.handle(Input::Answered(ticket, answer));
    }

    pub fn message(&mut self) -> String {
        self.messages.remove(0)
    }

    pub fn poll(&mut self) {
        while let Some(output) = self.session.poll_output() {
            assert!(self.closed.is_none(), "{output:?} after the end");
            match output {
                Output::Send(pieces) => {
                    let bytes: Vec<u8> = pieces
                        .iter()
                        .flat_map(|piece| piece.to_bytes().unwrap())
                        .collect();
                    let mut rest = bytes.as_slice();
                    while let Some(incoming) = self.decoder.decode(&mut rest).unwrap() {
                        let Incoming::Message(message) = incoming else {
                            panic!("{incoming:?}");
                        };
                        self.messages.push(String::from_utf8(message).unwrap());
                    }
                }
                Output::Ask(ticket, request) => self.questions.push((ticket, request)),
                Output::Refused(..) => {}
                Output::Close(ending, reason) => self.closed = Some((ending, reason)),
            }
        }
    }
}

#[allow(clippy::disallowed_methods)] // an Instant cannot be had otherwise; nothing here waits for it
fn birth_moment() -> Instant {
    Instant::now()
}

pub fn rpc(operation: &str) -> String {
    format!("<rpc xmlns=\"urn:ietf:params:xml:ns:netconf:base:1.0\" message-id=\"1\">{operation}</rpc>")
}

/// What becomes of one message: the question at the desk, or the reply without asking.
pub fn outcome(message: &str) -> String {
    let mut peer = Peer::open();
    peer.send(message);
    assert_eq!(peer.closed, None);
    match peer.questions.pop() {
        Some((_, request)) => format!("{request:#?}"),
        None => split_tags(&peer.message()),
    }
}

/// A line an element, so that a reply can be read and compared.
pub fn split_tags(xml: &str) -> String {
    xml.replace("><", ">\n<")
}
