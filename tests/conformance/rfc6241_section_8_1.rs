//! RFC 6241 section 8.1: the exchange of capabilities.

use std::time::Duration;

use expect_test::expect;
use ponder::management::desk::Ending;
use ponder::management::request::Reply;
use ponder::netconf::framing::Framing;
use ponder::netconf::session::Input;

use crate::{HELLO_1_0, HELLO_1_1, Peer, rpc};

fn end_of(peer: Peer) -> String {
    let (ending, reason) = peer.closed.expect("the session is over");
    format!("{ending:?}: {}", reason.unwrap_or_default())
}

#[test]
fn the_server_says_hello_first_with_both_bases_and_a_session_id() {
    let mut peer = Peer::greeted();
    let hello = peer.message();
    assert!(hello.contains("<capability>urn:ietf:params:netconf:base:1.0</capability>"));
    assert!(hello.contains("<capability>urn:ietf:params:netconf:base:1.1</capability>"));
    assert!(hello.contains("<capability>urn:example:a?module=a&amp;revision=2024-01-01</capability>"));
    assert!(hello.contains("<session-id>4</session-id>"));
}

#[test]
fn a_hello_and_requests_in_one_packet_are_understood() {
    for (hello, framing) in [(HELLO_1_0, Framing::EndOfMessage), (HELLO_1_1, Framing::Chunked)] {
        let mut peer = Peer::greeted();
        peer.messages.clear();
        let mut bytes = format!("{hello}]]>]]>").into_bytes();
        for _ in 0..2 {
            bytes.extend(ponder::netconf::framing::encode(framing, vec![rpc("<get/>")]).concat());
        }
        peer.switch_to(framing);
        peer.send_bytes(&bytes);
        peer.answer(Ok(Reply::Ok));
        peer.answer(Ok(Reply::Ok));
        assert_eq!(peer.messages.len(), 2);
    }
}

#[test]
fn a_client_without_a_common_base_is_sent_away() {
    let mut peer = Peer::greeted();
    peer.send(&HELLO_1_1.replace("base:1.1", "base:1.3"));
    expect![
        "BadHello: hello with neither urn:ietf:params:netconf:base:1.1 nor urn:ietf:params:netconf:base:1.0"
    ]
    .assert_eq(&end_of(peer));
}

#[test]
fn a_client_with_a_session_id_is_sent_away() {
    let mut peer = Peer::greeted();
    peer.send(&HELLO_1_1.replace("</hello>", "<session-id>4</session-id></hello>"));
    expect!["BadHello: hello of a client with <session-id> (RFC 6241 section 8.1)"].assert_eq(&end_of(peer));
}

#[test]
fn a_request_before_the_hello_ends_the_session() {
    let mut peer = Peer::greeted();
    peer.send(&rpc("<get/>"));
    expect!["BadHello: expected <hello> in urn:ietf:params:xml:ns:netconf:base:1.0, got <rpc> in `urn:ietf:params:xml:ns:netconf:base:1.0`"].assert_eq(&end_of(peer));
    assert!(Peer::greeted().questions.is_empty());
}

#[test]
fn silence_ends_the_session_at_its_deadline_and_not_before() {
    let mut peer = Peer::greeted();
    let deadline = peer.session.next_deadline().unwrap();
    assert_eq!(deadline - peer.began, Duration::from_secs(60));
    peer.handle(Input::DeadlineReached);
    assert_eq!(peer.closed, None);
    peer.session.handle(Input::DeadlineReached, deadline);
    peer.poll();
    expect!["TimedOut: no hello within 60 seconds (hello-timeout-seconds)"].assert_eq(&end_of(peer));
    assert_eq!(Peer::open().session.next_deadline(), None);
}

#[test]
fn a_client_that_leaves_before_its_hello_leaves_nothing() {
    let mut peer = Peer::greeted();
    peer.handle(Input::EndOfInput);
    assert_eq!(peer.closed.unwrap().0, Ending::Dropped);
}
