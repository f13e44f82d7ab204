//! RFC 5277 section 2: create-subscription, its parameters and its refusals; the form of a notification.

use ponder::datastore::memory_storage::MemoryStorage;
use ponder::management::event::MemoryLog;
use ponder::management::event_stream::EventStreams;
use std::sync::Arc;

use crate::office::{COMMIT, Office, SCHEMA, edit, host_name};

pub const NS: &str = r#"xmlns="urn:ietf:params:xml:ns:netconf:notification:1.0""#;
pub const EVENTS: &str = r#"xmlns="urn:ietf:params:xml:ns:yang:ietf-netconf-notifications""#;

pub fn subscribe(parameters: &str) -> String {
    format!("<create-subscription {NS}>{parameters}</create-subscription>")
}

/// A desk after so many seconds of 1970, with a follower and somebody who makes things happen.
pub fn office() -> (Office, u32, u32) {
    let mut office = Office::opened();
    office.pass(100);
    let follower = office.enter("follower");
    let actor = office.enter("actor");
    (office, follower, actor)
}

/// Commits another host name.
pub fn change(office: &mut Office, actor: u32, name: &str) {
    office.accept(actor, &edit("", &host_name(name)));
    office.accept(actor, COMMIT);
}

/// The names of the notifications' elements.
pub fn names(messages: &[String]) -> Vec<&str> {
    let name = |message: &'_ str| -> usize { message.find("</eventTime><").unwrap() + "</eventTime><".len() };
    messages
        .iter()
        .map(|message| {
            let rest = &message[name(message)..];
            &rest[..rest.find([' ', '>', '/']).unwrap()]
        })
        .collect()
}

#[test]
fn rfc5277_2_2_1_a_notification_has_a_time_and_its_content() {
    let (mut office, follower, actor) = office();
    office.accept(follower, &subscribe(""));
    office.pass(1);
    change(&mut office, actor, "node-1");
    let messages = office.hear(follower).unwrap();
    expect_test::expect![[r#"
        <notification xmlns="urn:ietf:params:xml:ns:netconf:notification:1.0">
        <eventTime>1970-01-01T00:01:41Z</eventTime>
        <netconf-config-change xmlns="urn:ietf:params:xml:ns:yang:ietf-netconf-notifications">
        <changed-by>
        <username>actor</username>
        <session-id>2</session-id>
        <source-host>127.0.0.1</source-host>
        </changed-by>
        <datastore>running</datastore>
        <edit>
        <target xmlns:shellutil-cfg="http://cisco.com/ns/yang/Cisco-IOS-XR-shellutil-cfg">/shellutil-cfg:host-names/shellutil-cfg:host-name</target>
        <operation>create</operation>
        </edit>
        </netconf-config-change>
        </notification>"#]]
    .assert_eq(&messages.join("\n").replace("><", ">\n<"));
}

#[test]
fn rfc5277_2_1_1_events_before_the_subscription_are_not_sent() {
    let (mut office, follower, actor) = office();
    change(&mut office, actor, "node-1");
    office.accept(follower, &subscribe("<stream>NETCONF</stream>"));
    assert_eq!(office.hear(follower).unwrap(), Vec::<String>::new());
    assert_eq!(
        office.hear(actor).unwrap(),
        Vec::<String>::new(),
        "it has no subscription"
    );
    change(&mut office, actor, "node-2");
    assert_eq!(names(&office.hear(follower).unwrap()), ["netconf-config-change"]);
}

#[test]
fn rfc5277_2_1_1_a_stream_that_does_not_exist_is_refused_with_those_that_do() {
    let (mut office, follower, _) = office();
    let reply = office.ask(follower, &subscribe("<stream>weather</stream>"));
    assert!(reply.contains("<error-tag>invalid-value<"), "{reply}");
    assert!(
        reply.contains(r#"stream "weather" is none of NETCONF, licensing"#),
        "{reply}"
    );
    office.accept(follower, &subscribe(""));
}

#[test]
fn rfc5277_2_1_1_times_that_make_no_sense_are_refused_by_name() {
    let (mut office, follower, _) = office();
    let start = "<startTime>1970-01-01T00:00:00Z</startTime>";
    for (parameters, tag, element) in [
        (
            "<startTime>1970-01-01T00:01:41Z</startTime>",
            "bad-element",
            "startTime",
        ),
        ("<startTime>yesterday</startTime>", "bad-element", "startTime"),
        (
            "<startTime>1970-01-01T00:00:00</startTime>",
            "bad-element",
            "startTime",
        ),
        (
            "<stopTime>1970-01-02T00:00:00Z</stopTime>",
            "missing-element",
            "startTime",
        ),
        (
            &format!("{start}<stopTime>1970-01-01T00:00:00Z</stopTime>"),
            "bad-element",
            "stopTime",
        ),
        (
            &format!("{start}<stopTime>1969-12-31T23:59:59Z</stopTime>"),
            "bad-element",
            "stopTime",
        ),
        (
            &format!("{start}<stopTime>later</stopTime>"),
            "bad-element",
            "stopTime",
        ),
    ] {
        let reply = office.ask(follower, &subscribe(parameters));
        for part in [
            "<error-type>protocol<".to_owned(),
            format!("<error-tag>{tag}<"),
            format!("<bad-element>{element}<"),
        ] {
            assert!(reply.contains(&part), "{parameters}: {reply}");
        }
    }
    office.accept(follower, &subscribe(start));
}

#[test]
fn rfc5277_2_1_1_a_session_has_one_subscription() {
    let (mut office, follower, actor) = office();
    office.accept(follower, &subscribe(""));
    let reply = office.ask(follower, &subscribe(""));
    assert!(reply.contains("<error-tag>operation-failed<"), "{reply}");
    office.accept(actor, &subscribe(""));
    change(&mut office, actor, "node-1");
    for session in [follower, actor] {
        assert_eq!(names(&office.hear(session).unwrap()), ["netconf-config-change"]);
    }
}

#[test]
fn rfc5277_2_1_1_what_it_does_not_take_and_filters_that_are_none_are_refused() {
    let (mut office, follower, _) = office();
    for (parameters, part) in [
        ("<dampening>1</dampening>", "<bad-element>dampening<"),
        (
            "<stream>NETCONF</stream><stream>NETCONF</stream>",
            "<bad-element>stream<",
        ),
        (r#"<filter type="regexp"/>"#, "<bad-attribute>type<"),
        (r#"<filter type="xpath"/>"#, "<bad-attribute>select<"),
        (
            r#"<filter type="xpath" select="/n:x"/>"#,
            "the prefix n is not declared",
        ),
        (
            r#"<filter type="xpath" select="1 = 1"/>"#,
            "<error-tag>invalid-value<",
        ),
    ] {
        let reply = office.ask(follower, &subscribe(parameters));
        assert!(reply.contains(part), "{parameters}: {reply}");
    }
}

#[test]
fn rfc5277_2_3_the_subscription_ends_with_its_session() {
    let (mut office, follower, actor) = office();
    office.accept(follower, &subscribe(""));
    office.drop_connection(follower);
    let again = office.enter("follower");
    change(&mut office, actor, "node-1");
    assert_eq!(office.hear(again).unwrap(), Vec::<String>::new());
}

#[test]
fn rfc5277_6_requests_are_answered_while_a_subscription_is_active() {
    let (mut office, follower, _) = office();
    office.accept(follower, &subscribe(""));
    change(&mut office, follower, "node-1");
    assert!(
        office
            .ask(follower, "<get-config><source><running/></source></get-config>")
            .contains("node-1")
    );
    assert_eq!(names(&office.hear(follower).unwrap()), ["netconf-config-change"]);
    office.accept(follower, "<close-session/>");
}

#[test]
fn whoever_takes_nothing_loses_its_stream_and_hurts_nobody_else() {
    let mut office = Office::with(MemoryStorage::new(), |parts| {
        let log = MemoryLog::new(100, jiff::Timestamp::UNIX_EPOCH);
        parts.events = Arc::new(EventStreams::new(&SCHEMA, Box::new(log), 3));
    });
    let (slow, quick, actor) = (office.enter("slow"), office.enter("quick"), office.enter("actor"));
    office.accept(slow, &subscribe(""));
    office.accept(quick, &subscribe(""));
    for round in 0..4 {
        change(&mut office, actor, &format!("node-{round}"));
        assert_eq!(names(&office.hear(quick).unwrap()), ["netconf-config-change"]);
    }
    assert_eq!(office.hear(slow), None, "four were waiting, and three may");
    let told = office.hear(quick).unwrap();
    assert_eq!(names(&told), ["netconf-session-end"]);
    assert!(told[0].contains("<termination-reason>other<"), "{}", told[0]);
}
