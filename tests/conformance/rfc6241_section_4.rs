//! RFC 6241 section 4: `<rpc>`, `<rpc-reply>`, `<rpc-error>`, `<ok>`, pipelining.

use expect_test::expect;
use ponder::management::body::Body;
use ponder::management::desk::Ending;
use ponder::management::error::{ErrorTag, ManagementError};
use ponder::management::request::{Filter, Reply, Request};
use ponder::netconf::session::Input;

use crate::{Peer, outcome, rpc, split_tags};

fn reply_to(message: &str, answer: Result<Reply, Vec<ManagementError>>) -> String {
    let mut peer = Peer::open();
    peer.send(message);
    peer.answer(answer);
    split_tags(&peer.message())
}

#[test]
fn attributes_of_a_request_return_unmodified_namespaces_included() {
    let message = r#"<nc:rpc xmlns:nc="urn:ietf:params:xml:ns:netconf:base:1.0" xmlns:e="urn:example:e" e:trace="a&amp;b" message-id="urn:uuid:1" colour='"red"'><nc:get/></nc:rpc>"#;
    expect![[r#"
        <rpc-reply xmlns="urn:ietf:params:xml:ns:netconf:base:1.0" xmlns:nc="urn:ietf:params:xml:ns:netconf:base:1.0" xmlns:e="urn:example:e" e:trace="a&amp;b" message-id="urn:uuid:1" colour="&quot;red&quot;">
        <data>
        </data>
        </rpc-reply>"#]].assert_eq(&reply_to(message, Ok(Reply::Data(Body::default()))));
}

#[test]
fn a_default_namespace_of_the_request_other_than_the_base_returns_too() {
    let message = r#"<nc:rpc xmlns:nc="urn:ietf:params:xml:ns:netconf:base:1.0" xmlns="urn:example:e" message-id="1"><x/></nc:rpc>"#;
    expect![[r#"
        <nc:rpc-reply xmlns:nc="urn:ietf:params:xml:ns:netconf:base:1.0" xmlns="urn:example:e" message-id="1">
        <nc:ok/>
        </nc:rpc-reply>"#]]
    .assert_eq(&reply_to(message, Ok(Reply::Ok)));
    let error = ManagementError::application(ErrorTag::OperationFailed, "no");
    expect![[r#"
        <nc:rpc-reply xmlns:nc="urn:ietf:params:xml:ns:netconf:base:1.0" xmlns="urn:example:e" message-id="1">
        <nc:rpc-error>
        <nc:error-type>application</nc:error-type>
        <nc:error-tag>operation-failed</nc:error-tag>
        <nc:error-severity>error</nc:error-severity>
        <nc:error-message xml:lang="en">no</nc:error-message>
        </nc:rpc-error>
        </nc:rpc-reply>"#]]
    .assert_eq(&reply_to(message, Err(vec![error])));
}

#[test]
fn a_request_without_message_id_is_told_so() {
    expect![[r#"
        <rpc-reply xmlns="urn:ietf:params:xml:ns:netconf:base:1.0">
        <rpc-error>
        <error-type>rpc</error-type>
        <error-tag>missing-attribute</error-tag>
        <error-severity>error</error-severity>
        <error-message xml:lang="en">&lt;rpc&gt; has no message-id attribute (RFC 6241 section 4.1)</error-message>
        <error-info>
        <bad-attribute>message-id</bad-attribute>
        <bad-element>rpc</bad-element>
        </error-info>
        </rpc-error>
        </rpc-reply>"#]].assert_eq(&outcome("<rpc xmlns=\"urn:ietf:params:xml:ns:netconf:base:1.0\"><get/></rpc>"));
}

#[test]
fn a_message_id_may_be_anything_even_empty() {
    let message = r#"<rpc xmlns="urn:ietf:params:xml:ns:netconf:base:1.0" message-id=""><get/></rpc>"#;
    assert!(reply_to(message, Ok(Reply::Ok)).contains("message-id=\"\""));
}

#[test]
fn a_request_in_a_wrong_namespace_is_told_the_right_one() {
    expect![[r#"
        <rpc-reply xmlns="urn:ietf:params:xml:ns:netconf:base:1.0" message-id="1">
        <rpc-error>
        <error-type>protocol</error-type>
        <error-tag>unknown-namespace</error-tag>
        <error-severity>error</error-severity>
        <error-message xml:lang="en">&lt;rpc&gt; is in `urn:example:e`: expected urn:ietf:params:xml:ns:netconf:base:1.0</error-message>
        <error-info>
        <bad-element>rpc</bad-element>
        <bad-namespace>urn:example:e</bad-namespace>
        </error-info>
        </rpc-error>
        </rpc-reply>"#]].assert_eq(&outcome("<rpc xmlns=\"urn:example:e\" message-id=\"1\"><get/></rpc>"));
    expect![[r#"
        <rpc-reply xmlns="urn:ietf:params:xml:ns:netconf:base:1.0" message-id="1">
        <rpc-error>
        <error-type>protocol</error-type>
        <error-tag>unknown-namespace</error-tag>
        <error-severity>error</error-severity>
        <error-message xml:lang="en">&lt;rpc&gt; is in ``: expected urn:ietf:params:xml:ns:netconf:base:1.0</error-message>
        <error-info>
        <bad-element>rpc</bad-element>
        <bad-namespace>
        </bad-namespace>
        </error-info>
        </rpc-error>
        </rpc-reply>"#]].assert_eq(&outcome("<rpc message-id=\"1\"><get/></rpc>"));
}

#[test]
fn what_is_no_request_is_told_so_and_the_session_goes_on() {
    expect![[r#"
        <rpc-reply xmlns="urn:ietf:params:xml:ns:netconf:base:1.0">
        <rpc-error>
        <error-type>protocol</error-type>
        <error-tag>unknown-element</error-tag>
        <error-severity>error</error-severity>
        <error-message xml:lang="en">&lt;hello&gt; was exchanged already: after it only &lt;rpc&gt; is expected</error-message>
        <error-info>
        <bad-element>hello</bad-element>
        </error-info>
        </rpc-error>
        </rpc-reply>"#]].assert_eq(&outcome(crate::HELLO_1_1));
    expect![[r#"
        <rpc-reply xmlns="urn:ietf:params:xml:ns:netconf:base:1.0">
        <rpc-error>
        <error-type>protocol</error-type>
        <error-tag>unknown-element</error-tag>
        <error-severity>error</error-severity>
        <error-message xml:lang="en">&lt;rpc-reply&gt; in `urn:ietf:params:xml:ns:netconf:base:1.0` is not a request: expected &lt;rpc&gt; in urn:ietf:params:xml:ns:netconf:base:1.0</error-message>
        <error-info>
        <bad-element>rpc-reply</bad-element>
        </error-info>
        </rpc-error>
        </rpc-reply>"#]].assert_eq(&outcome(
        "<rpc-reply xmlns=\"urn:ietf:params:xml:ns:netconf:base:1.0\" message-id=\"1\"/>",
    ));
}

#[test]
fn a_request_holds_exactly_one_operation() {
    expect![[r#"
        <rpc-reply xmlns="urn:ietf:params:xml:ns:netconf:base:1.0" message-id="1">
        <rpc-error>
        <error-type>protocol</error-type>
        <error-tag>missing-element</error-tag>
        <error-severity>error</error-severity>
        <error-message xml:lang="en">&lt;rpc&gt; is empty: it holds one operation</error-message>
        <error-info>
        <bad-element>rpc</bad-element>
        </error-info>
        </rpc-error>
        </rpc-reply>"#]]
    .assert_eq(&outcome(&rpc("")));
    expect![[r#"
        <rpc-reply xmlns="urn:ietf:params:xml:ns:netconf:base:1.0" message-id="1">
        <rpc-error>
        <error-type>protocol</error-type>
        <error-tag>unknown-element</error-tag>
        <error-severity>error</error-severity>
        <error-message xml:lang="en">&lt;rpc&gt; holds one operation: &lt;commit&gt; is a second one</error-message>
        <error-info>
        <bad-element>commit</bad-element>
        </error-info>
        </rpc-error>
        </rpc-reply>"#]].assert_eq(&outcome(&rpc("<get/><commit/>")));
    expect![[r#"
        <rpc-reply xmlns="urn:ietf:params:xml:ns:netconf:base:1.0" message-id="1">
        <rpc-error>
        <error-type>protocol</error-type>
        <error-tag>bad-element</error-tag>
        <error-severity>error</error-severity>
        <error-message xml:lang="en">&lt;rpc&gt; holds text beside its operation</error-message>
        <error-info>
        <bad-element>rpc</bad-element>
        </error-info>
        </rpc-error>
        </rpc-reply>"#]]
    .assert_eq(&outcome(&rpc("now <get/>")));
}

#[test]
fn pipelined_requests_are_asked_one_by_one_and_answered_in_order() {
    let mut peer = Peer::open();
    let numbered = |id: u32| rpc("<get/>").replace("\"1\"", &format!("\"{id}\""));
    for id in 1..=3 {
        peer.send(&numbered(id));
    }
    assert_eq!(peer.questions.len(), 1);
    assert!(peer.session.waiting_bytes() > 0);
    for id in 1..=3 {
        assert_eq!(peer.questions.len(), 1);
        peer.answer(Ok(Reply::Ok));
        assert!(peer.message().contains(&format!("message-id=\"{id}\"")));
    }
    assert_eq!(peer.session.waiting_bytes(), 0);
}

#[test]
fn a_refused_request_keeps_its_place_among_pipelined_ones() {
    let mut peer = Peer::open();
    peer.send(&rpc("<get/>"));
    peer.send(&rpc("<nonsense/>").replace("\"1\"", "\"2\""));
    peer.send(&rpc("<get/>").replace("\"1\"", "\"3\""));
    assert!(peer.messages.is_empty());
    peer.answer(Ok(Reply::Ok));
    assert!(peer.message().contains("message-id=\"1\""));
    assert!(peer.message().contains("message-id=\"2\""));
    assert_eq!(
        peer.questions[0].1,
        Request::Get {
            filter: Filter::Everything,
            with_defaults: ponder::yang::print::WithDefaults::Explicit,
        }
    );
}

#[test]
fn a_late_answer_after_the_end_goes_nowhere() {
    let mut peer = Peer::open();
    peer.send(&rpc("<get/>"));
    peer.handle(Input::End(Ending::Killed));
    assert_eq!(peer.closed, Some((Ending::Killed, None)));
    peer.answer(Ok(Reply::Ok));
    assert!(peer.messages.is_empty());
}

#[test]
fn the_end_of_input_waits_for_what_was_asked_before() {
    let mut peer = Peer::open();
    peer.send(&rpc("<get/>"));
    peer.send(&rpc("<get/>"));
    peer.handle(Input::EndOfInput);
    peer.answer(Ok(Reply::Ok));
    assert_eq!(peer.closed, None);
    peer.answer(Ok(Reply::Ok));
    assert_eq!(peer.messages.len(), 2);
    assert_eq!(peer.closed, Some((Ending::Dropped, None)));
}

#[test]
fn several_errors_make_several_elements() {
    let error = |message: &str| ManagementError::application(ErrorTag::InvalidValue, message);
    let reply = reply_to(&rpc("<commit/>"), Err(vec![error("one"), error("two")]));
    assert_eq!(reply.matches("<rpc-error>").count(), 2);
}

#[test]
fn a_message_over_the_limit_is_refused_and_the_session_goes_on() {
    let mut peer = Peer::open();
    peer.send(&rpc(&format!("<get>{}</get>", " ".repeat(10_000))));
    expect![[r#"
        <rpc-reply xmlns="urn:ietf:params:xml:ns:netconf:base:1.0">
        <rpc-error>
        <error-type>rpc</error-type>
        <error-tag>too-big</error-tag>
        <error-severity>error</error-severity>
        <error-message xml:lang="en">the message is longer than 10000 bytes (max-message-bytes)</error-message>
        </rpc-error>
        </rpc-reply>"#]]
    .assert_eq(&split_tags(&peer.message()));
    peer.send(&rpc("<get/>"));
    assert_eq!(peer.questions.len(), 1);
}
