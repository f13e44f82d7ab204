//! RFC 6242 section 4: framing of a live session.

use ponder::management::desk::Ending;
use ponder::management::request::Reply;
use ponder::netconf::framing::{Framing, encode};

use crate::{HELLO_1_0, Peer, rpc};

#[test]
fn a_broken_chunk_ends_the_session_with_its_reason() {
    let mut peer = Peer::open();
    peer.send_bytes(b"\n#04\n<rpc");
    let (ending, reason) = peer.closed.unwrap();
    assert_eq!(ending, Ending::BadMessage);
    assert_eq!(
        reason.unwrap(),
        "chunked framing: expected a chunk size without leading zero, got `0` (RFC 6242 section 4.2)"
    );
}

#[test]
fn end_of_message_framing_after_a_hello_with_base_1_1_is_broken_chunking() {
    let mut peer = Peer::open();
    peer.send_bytes(format!("{}]]>]]>", rpc("<get/>")).as_bytes());
    assert_eq!(peer.closed.unwrap().0, Ending::BadMessage);
    assert!(peer.questions.is_empty());
}

#[test]
fn a_request_that_comes_byte_by_byte_is_one_request() {
    for framing in [Framing::Chunked, Framing::EndOfMessage] {
        let mut peer = match framing {
            Framing::Chunked => Peer::open(),
            Framing::EndOfMessage => {
                let mut peer = Peer::greeted();
                peer.messages.clear();
                peer.send(HELLO_1_0);
                peer
            }
        };
        for byte in encode(framing, vec![rpc("<get/>")]).concat() {
            peer.send_bytes(&[byte]);
        }
        peer.answer(Ok(Reply::Ok));
        assert_eq!(peer.messages.len(), 1);
    }
}
