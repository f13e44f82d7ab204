//! RFC 6241 section 3: XML, its encoding, its namespace; document types and malformed messages.

use expect_test::expect;
use ponder::management::desk::Ending;
use ponder::management::request::Reply;
use ponder::netconf::framing::Framing;

use crate::{HELLO_1_0, Peer, outcome, rpc};

#[test]
fn a_malformed_message_is_answered_and_the_session_goes_on() {
    let mut peer = Peer::open();
    peer.send("<rpc xmlns=\"urn:ietf:params:xml:ns:netconf:base:1.0\" message-id=\"1\"><get></rpc>");
    expect![[r#"
        <rpc-reply xmlns="urn:ietf:params:xml:ns:netconf:base:1.0">
        <rpc-error>
        <error-type>rpc</error-type>
        <error-tag>malformed-message</error-tag>
        <error-severity>error</error-severity>
        <error-message xml:lang="en">line 1, column 74: ill-formed document: expected `&lt;/get&gt;`, but `&lt;/rpc&gt;` was found</error-message>
        </rpc-error>
        </rpc-reply>"#]].assert_eq(&crate::split_tags(&peer.message()));
    peer.send(&rpc("<get/>"));
    peer.answer(Ok(Reply::Ok));
    assert!(peer.message().contains("<ok/>"));
}

#[test]
fn an_old_client_knows_no_malformed_message_so_its_session_ends() {
    let mut peer = Peer::greeted();
    peer.messages.clear();
    peer.send(HELLO_1_0);
    peer.switch_to(Framing::EndOfMessage);
    peer.send("<rpc");
    let (ending, reason) = peer.closed.unwrap();
    assert_eq!(ending, Ending::BadMessage);
    assert!(reason.unwrap().starts_with("malformed message: line 1"));
    assert!(peer.messages.is_empty());
}

#[test]
fn a_document_type_is_a_malformed_message() {
    expect![[r#"
        <rpc-reply xmlns="urn:ietf:params:xml:ns:netconf:base:1.0">
        <rpc-error>
        <error-type>rpc</error-type>
        <error-tag>malformed-message</error-tag>
        <error-severity>error</error-severity>
        <error-message xml:lang="en">line 1, column 1: a document type is not allowed (RFC 6241 section 3)</error-message>
        </rpc-error>
        </rpc-reply>"#]].assert_eq(&outcome(
        "<!DOCTYPE rpc [<!ENTITY lol \"lol\">]><rpc xmlns=\"urn:ietf:params:xml:ns:netconf:base:1.0\" message-id=\"1\">&lol;</rpc>",
    ));
}

#[test]
fn bytes_that_are_not_utf_8_are_a_malformed_message() {
    let mut peer = Peer::open();
    peer.send_bytes(b"\n#5\n<a>\xe9<\n##\n");
    assert!(
        peer.message()
            .contains("<error-message xml:lang=\"en\">line 1, column 4: not UTF-8<")
    );
}

#[test]
fn an_xml_declaration_and_a_byte_order_mark_are_welcome() {
    let message = format!(
        "\u{feff}<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{}",
        rpc("<commit/>")
    );
    expect![[r#"
        Commit {
            confirmed: None,
            persist_id: None,
        }"#]]
    .assert_eq(&outcome(&message));
}
