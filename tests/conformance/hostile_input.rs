//! What no honest client sends: each is answered as the RFC says, or ends its session with the reason, within bounds.

use std::time::Duration;

use expect_test::expect;
use ponder::management::desk::Ending;
use ponder::management::request::Reply;
use ponder::netconf::bounds::{Bounds, MAX_HELLO_BYTES};
use ponder::netconf::framing::Framing;
use ponder::netconf::session::{Input, SHORT_MESSAGE_BYTES};

use crate::{HELLO_1_0, HELLO_1_1, Peer, rpc, split_tags};

const BASE: &str = "urn:ietf:params:xml:ns:netconf:base:1.0";

fn open_within(bounds: Bounds) -> Peer {
    let mut peer = Peer::greeted_within(bounds);
    peer.messages.clear();
    peer.send(HELLO_1_1);
    peer.switch_to(Framing::Chunked);
    peer
}

/// How the session ended.
fn end(peer: &Peer) -> (Ending, &str) {
    let (ending, reason) = peer.closed.as_ref().expect("the session ends");
    (*ending, reason.as_deref().unwrap_or_default())
}

/// The reply to a message after which the session goes on.
fn refusal(message: &str) -> String {
    let mut peer = open_within(Bounds::default());
    peer.send(message);
    assert_eq!(peer.closed, None);
    assert!(peer.questions.is_empty());
    let reply = peer.message();
    works(&mut peer);
    reply
}

/// The session answers.
fn works(peer: &mut Peer) {
    peer.send(&rpc("<get/>"));
    peer.answer(Ok(Reply::Ok));
    assert!(peer.message().contains("<ok/>"));
}

fn later(peer: &mut Peer, by: Duration) {
    let now = peer.began + by;
    peer.session.handle(Input::DeadlineReached, now);
    peer.poll();
}

#[test]
fn every_bad_chunk_ends_the_session_with_what_was_expected() {
    for (stream, told) in [
        ("\n#0\n", "expected a chunk size without leading zero, got `0`"),
        ("\n#01\nx", "expected a chunk size without leading zero, got `0`"),
        ("\n#-1\n", "expected a chunk size without leading zero, got `-`"),
        ("\n#+1\nx", "expected a chunk size without leading zero, got `+`"),
        ("\n#4294967296\n", "a chunk size over 4294967295"),
        ("\n#99999999999999999999999999", "a chunk size over 4294967295"),
        ("\n#0x10\n", "expected a chunk size without leading zero, got `0`"),
        ("\n#1 \nx", "expected a digit or a line feed, got byte 0x20"),
        ("\n#1\r\nx", "expected a digit or a line feed, got byte 0x0d"),
        ("\n##\n", "expected a chunk size without leading zero, got `#`"),
        (
            "\n#1\nx\n#\n",
            "expected a chunk size without leading zero, or `#`, got byte 0x0a",
        ),
        ("\n#1\nxy", "expected a line feed before `#`, got `y`"),
        ("\n#1\nx\n##x", "expected a line feed after `##`, got `x`"),
        ("<rpc/>", "expected a line feed before `#`, got `<`"),
        ("\0", "expected a line feed before `#`, got byte 0x00"),
    ] {
        let mut peer = Peer::open();
        peer.send_bytes(stream.as_bytes());
        let (ending, reason) = end(&peer);
        assert_eq!(ending, Ending::BadMessage, "{stream:?}");
        assert!(
            reason.contains(told) && reason.contains("RFC 6242"),
            "{stream:?}: {reason}"
        );
    }
}

#[test]
fn the_largest_chunk_size_is_taken_and_costs_nothing_before_its_bytes_come() {
    let mut peer = Peer::open();
    peer.send_bytes(b"\n#4294967295\n<rpc");
    assert_eq!(peer.closed, None);
    assert!(peer.session.held_bytes() < 1000, "{}", peer.session.held_bytes());
}

#[test]
fn a_message_without_end_waits_until_its_time_is_over() {
    let mut peer = Peer::open();
    peer.send_bytes(b"\n#10\n<rpc");
    later(&mut peer, Duration::from_secs(599));
    assert_eq!(peer.closed, None);
    later(&mut peer, Duration::from_secs(600));
    expect!["a message was not whole after 600 seconds (message-timeout-seconds)"].assert_eq(end(&peer).1);
    assert_eq!(end(&peer).0, Ending::TimedOut);
}

#[test]
fn one_byte_a_second_is_borne_as_long_as_each_message_is_in_time() {
    let mut peer = Peer::open();
    let request = ponder::netconf::framing::encode(Framing::Chunked, vec![rpc("<get/>")]).concat();
    let mut now = peer.began;
    for _ in 0..5 {
        for byte in &request {
            now += Duration::from_secs(1);
            peer.session.handle(Input::Received(&[*byte]), now);
            peer.session.handle(Input::DeadlineReached, now);
            peer.poll();
        }
        peer.answer(Ok(Reply::Ok));
    }
    assert_eq!((peer.closed.is_none(), peer.messages.len()), (true, 5));
    // A longer one is not.
    peer.session.handle(Input::Received(b"\n#4000\n"), now);
    for _ in 0..600 {
        now += Duration::from_secs(1);
        peer.session.handle(Input::Received(b" "), now);
        peer.session.handle(Input::DeadlineReached, now);
    }
    peer.poll();
    assert_eq!(end(&peer).0, Ending::TimedOut);
}

#[test]
fn white_space_between_messages_is_no_message_that_takes_too_long() {
    let mut old = Peer::greeted();
    old.send(HELLO_1_0);
    old.send_bytes(b"\n\n");
    assert_eq!(old.session.next_deadline(), None);
    let mut new = Peer::open();
    new.send_bytes(b"\n\n");
    assert_eq!(new.session.next_deadline(), None);
}

#[test]
fn a_session_that_asks_nothing_ends_by_setting_unless_it_follows_notifications() {
    let mut peer = open_within(Bounds {
        idle_timeout: Some(Duration::from_secs(300)),
        ..Bounds::default()
    });
    // While an answer is due it is not idle.
    peer.send(&rpc("<get/>"));
    later(&mut peer, Duration::from_secs(1000));
    let (ticket, _) = peer.questions.remove(0);
    let answered = peer.began + Duration::from_secs(1000);
    peer.session
        .handle(Input::Answered(ticket, Ok(Reply::Ok)), answered);
    later(&mut peer, Duration::from_secs(1299));
    peer.session
        .handle(Input::Following, peer.began + Duration::from_secs(1299));
    later(&mut peer, Duration::from_secs(1400));
    assert_eq!(peer.closed, None);
    later(&mut peer, Duration::from_secs(1599));
    expect!["nothing was asked for 300 seconds (idle-timeout-seconds)"].assert_eq(end(&peer).1);
}

#[test]
fn chunks_before_a_hello_that_has_base_1_1_are_no_hello() {
    let mut peer = Peer::greeted();
    peer.send_bytes(b"\n#4\n<rpc\n#2\n/>\n##\n]]>]]>");
    let (ending, reason) = end(&peer);
    assert_eq!(ending, Ending::BadHello);
    assert!(reason.contains("not well-formed"), "{reason}");
}

#[test]
fn chunks_in_a_session_with_base_1_0_end_it() {
    let mut peer = Peer::greeted();
    peer.send(HELLO_1_0);
    peer.send_bytes(b"\n#4\n<rpc\n#2\n/>\n##\n]]>]]>");
    assert_eq!(end(&peer).0, Ending::BadMessage);
}

#[test]
fn a_hello_that_is_none_ends_the_session_with_the_reason() {
    let hello = |inside: &str| format!("<hello xmlns=\"{BASE}\">{inside}</hello>");
    for (message, told) in [
        (hello(""), "hello without <capabilities>"),
        (hello("<capabilities/>"), "hello with neither"),
        (
            hello("<capabilities><capability>urn:example:x</capability></capabilities>"),
            "hello with neither",
        ),
        (
            HELLO_1_1.replace(BASE, "urn:example:other"),
            "expected <hello> in urn:ietf:params:xml:ns:netconf:base:1.0, got <hello> in `urn:example:other`",
        ),
        (
            HELLO_1_1.replace(&format!(" xmlns=\"{BASE}\""), ""),
            "got <hello> in ``",
        ),
        (rpc("<get/>"), "got <rpc>"),
        (format!("<!DOCTYPE hello>{HELLO_1_1}"), "document type"),
        ("".to_owned(), "not well-formed"),
        ("<hello".to_owned(), "not well-formed"),
    ] {
        let mut peer = Peer::greeted();
        peer.send(&message);
        let (ending, reason) = end(&peer);
        assert_eq!(ending, Ending::BadHello, "{message}");
        assert!(reason.contains(told), "{message}: {reason}");
    }
}

#[test]
fn a_hello_without_end_is_cut_off_at_its_limit() {
    let mut peer = Peer::greeted_within(Bounds::default());
    let block = [b'x'; 64 * 1024];
    for _ in 0..=MAX_HELLO_BYTES / block.len() {
        if peer.closed.is_none() {
            peer.send_bytes(&block);
        }
        assert!(peer.session.held_bytes() <= 2 * MAX_HELLO_BYTES);
    }
    assert_eq!(
        end(&peer),
        (Ending::BadHello, "hello is longer than 1048576 bytes")
    );
}

#[test]
fn a_second_hello_is_refused_and_the_session_goes_on() {
    let reply = refusal(HELLO_1_1);
    assert!(
        reply.contains("<error-tag>unknown-element</error-tag>"),
        "{reply}"
    );
    assert!(reply.contains("&lt;hello&gt; was exchanged already"), "{reply}");
}

#[test]
fn a_request_in_the_packet_of_the_hello_is_answered() {
    for (hello, framing) in [(HELLO_1_0, Framing::EndOfMessage), (HELLO_1_1, Framing::Chunked)] {
        let mut peer = Peer::greeted();
        peer.messages.clear();
        let mut packet = format!("{hello}]]>]]>").into_bytes();
        packet.extend(ponder::netconf::framing::encode(framing, vec![rpc("<get/>")]).concat());
        peer.switch_to(framing);
        peer.send_bytes(&packet);
        peer.answer(Ok(Reply::Ok));
        assert!(peer.message().contains("<ok/>"));
    }
}

#[test]
fn what_is_no_rpc_is_refused_by_name_and_the_session_goes_on() {
    for (message, told) in [
        (
            format!("<rpc xmlns=\"{BASE}\"><get/></rpc>"),
            "<error-tag>missing-attribute</error-tag>",
        ),
        (
            format!("<rpc xmlns=\"{BASE}\"><get/></rpc>"),
            "<bad-attribute>message-id</bad-attribute>",
        ),
        (rpc("<dance/>"), "<bad-element>dance</bad-element>"),
        (rpc(""), "<error-tag>missing-element</error-tag>"),
        (rpc("<get/><get/>"), "<error-tag>unknown-element</error-tag>"),
        (
            rpc("<get/>").replace(BASE, "urn:example:other"),
            "<error-tag>unknown-namespace</error-tag>",
        ),
        (
            format!("<rpc-reply xmlns=\"{BASE}\" message-id=\"1\"><ok/></rpc-reply>"),
            "<error-tag>unknown-element</error-tag>",
        ),
    ] {
        let mut peer = Peer::open();
        peer.send(&message);
        let reply = peer.message();
        assert!(reply.contains(told), "{message}: {}", split_tags(&reply));
        works(&mut peer);
    }
}

#[test]
fn what_is_no_xml_is_malformed_and_the_session_goes_on() {
    let whole = rpc("<get/>");
    let truncated = whole.strip_suffix("</rpc>").unwrap();
    for (message, told) in [
        (truncated.as_bytes(), "ends inside an element"),
        (b"<rpc>\xff\xfe</rpc>".as_slice(), "not UTF-8"),
        (b"\xff".as_slice(), "not UTF-8"),
        (b"<rpc>\x01</rpc>".as_slice(), "XML 1.0 does not allow"),
        (
            b"<!DOCTYPE rpc [<!ENTITY a \"b\">]><rpc>&a;</rpc>".as_slice(),
            "a document type is not allowed",
        ),
        (b"<rpc>&a;</rpc>".as_slice(), "a"),
        (b"<a/><b/>".as_slice(), "a second root element"),
        (b"x".as_slice(), "text outside the root element"),
        (
            b"<p:rpc/>".as_slice(),
            "prefix p of element p:rpc is not declared",
        ),
    ] {
        let mut peer = Peer::open();
        let mut stream = format!("\n#{}\n", message.len()).into_bytes();
        stream.extend_from_slice(message);
        stream.extend_from_slice(b"\n##\n");
        peer.send_bytes(&stream);
        assert_eq!(peer.closed, None);
        let reply = peer.message();
        assert!(
            reply.contains("<error-tag>malformed-message</error-tag>"),
            "{reply}"
        );
        assert!(reply.contains(told), "{reply}");
        works(&mut peer);
    }
}

#[test]
fn what_goes_over_a_bound_is_too_big_and_the_session_goes_on() {
    let nested = format!("{}{}", "<a>".repeat(100_000), "</a>".repeat(100_000));
    let attributes: String = (0..100_000).map(|n| format!(" a{n}='x'")).collect();
    let namespaces: String = (0..900).map(|n| format!(" xmlns:a{n}='x'")).collect();
    let elements = "<a/>".repeat(100_001);
    for (operation, told) in [
        (nested, "nested more than 256 deep (max-depth)"),
        (
            format!("<get{attributes}/>"),
            "more than 1000 attributes on one element (max-attributes)",
        ),
        (format!("<get{namespaces}/>"), "namespace declarations in scope"),
        (elements, "elements near the root"),
    ] {
        let reply = refusal(&rpc(&operation));
        assert!(
            reply.contains("<error-tag>too-big</error-tag>"),
            "{}",
            split_tags(&reply)
        );
        assert!(reply.contains(told), "{}", split_tags(&reply));
    }
}

#[test]
fn a_message_over_its_length_is_thrown_away_as_it_comes_and_refused() {
    let mut peer = open_within(Bounds::default());
    let block = [b'x'; 1024 * 1024];
    for _ in 0..65 {
        peer.send_bytes(b"\n#1048576\n");
        peer.send_bytes(&block);
    }
    assert!(peer.session.held_bytes() < 1000, "{}", peer.session.held_bytes());
    peer.send_bytes(b"\n##\n");
    let reply = peer.message();
    assert!(reply.contains("<error-tag>too-big</error-tag>"), "{reply}");
    assert!(
        reply.contains("longer than 67108864 bytes (max-message-bytes)"),
        "{reply}"
    );
    works(&mut peer);
}

#[test]
fn without_room_long_messages_are_refused_at_their_turn_and_short_ones_are_not() {
    let mut peer = open_within(Bounds::default());
    let long = rpc(&format!("<get/><!--{}-->", "x".repeat(SHORT_MESSAGE_BYTES)));
    for message in [rpc("<get/>"), long.clone(), rpc("<commit/>")] {
        peer.send(&message);
    }
    // One more has begun.
    peer.send_bytes(format!("\n#{}\n{}", long.len() + 1, &long[..2_000]).as_bytes());
    assert!(peer.session.held_bytes() > SHORT_MESSAGE_BYTES);
    peer.handle(Input::NoRoom);
    assert!(
        peer.session.held_bytes() < 10_000,
        "{}",
        peer.session.held_bytes()
    );
    peer.answer(Ok(Reply::Ok));
    peer.answer(Ok(Reply::Ok));
    assert!(peer.message().contains("<ok/>"));
    let reply = peer.message();
    assert!(reply.contains("<error-tag>too-big</error-tag>"), "{reply}");
    assert!(reply.contains("(max-input-bytes)"), "{reply}");
    assert!(peer.message().contains("<ok/>"));
    peer.send_bytes(format!("{} \n##\n", &long[2_000..]).as_bytes());
    assert!(peer.message().contains("(max-input-bytes)"));
    works(&mut peer);
}
