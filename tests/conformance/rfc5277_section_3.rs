//! RFC 5277 section 3: streams as state, replay with its two notifications, filters.

use crate::office::{Office, edit, host_name};
use crate::rfc5277_section_2::{EVENTS, change, names, office, subscribe};

#[test]
fn rfc5277_3_3_a_replay_comes_first_and_says_when_it_is_complete() {
    let (mut office, follower, actor) = office();
    change(&mut office, actor, "node-1");
    office.pass(10);
    change(&mut office, actor, "node-2");
    office.accept(
        follower,
        &subscribe("<startTime>1970-01-01T00:01:45Z</startTime>"),
    );
    change(&mut office, actor, "node-3");
    let messages = office.hear(follower).unwrap();
    assert_eq!(
        names(&messages),
        ["netconf-config-change", "replayComplete", "netconf-config-change"]
    );
    assert!(
        messages[0].contains("<eventTime>1970-01-01T00:01:50Z<"),
        "{}",
        messages[0]
    );
    assert!(
        messages[1].ends_with(
            "<replayComplete xmlns=\"urn:ietf:params:xml:ns:netmod:notification\"/></notification>"
        )
    );
    assert_eq!(office.hear(follower).unwrap(), Vec::<String>::new());
}

#[test]
fn rfc5277_3_3_an_empty_replay_is_complete_at_once() {
    let (mut office, follower, _) = office();
    office.accept(
        follower,
        &subscribe("<startTime>1970-01-01T00:01:40Z</startTime><stopTime>1970-01-01T00:02:00Z</stopTime>"),
    );
    // Both sessions began in that very second.
    assert_eq!(
        names(&office.hear(follower).unwrap()),
        ["netconf-session-start", "netconf-session-start", "replayComplete"]
    );
}

#[test]
fn rfc5277_3_3_a_stop_time_in_the_past_ends_the_subscription_after_the_replay() {
    let (mut office, follower, actor) = office();
    change(&mut office, actor, "node-1");
    office.pass(10);
    change(&mut office, actor, "node-2");
    let window = "<startTime>1970-01-01T00:00:00Z</startTime><stopTime>1970-01-01T00:01:45Z</stopTime>";
    office.accept(follower, &subscribe(window));
    change(&mut office, actor, "node-3");
    assert_eq!(
        names(&office.hear(follower).unwrap()),
        [
            "netconf-session-start",
            "netconf-session-start",
            "netconf-config-change",
            "replayComplete",
            "notificationComplete"
        ]
    );
    office.accept(follower, &subscribe(""));
    change(&mut office, actor, "node-4");
    assert_eq!(
        names(&office.hear(follower).unwrap()),
        ["netconf-config-change"],
        "it can have another one"
    );
}

#[test]
fn rfc5277_3_3_a_stop_time_in_the_future_ends_it_when_it_comes() {
    let (mut office, follower, actor) = office();
    let window = "<startTime>1970-01-01T00:01:40.5Z</startTime>";
    office.pass(1);
    office.accept(
        follower,
        &subscribe(&format!("{window}<stopTime>1970-01-01T02:02:00+02:00</stopTime>")),
    );
    change(&mut office, actor, "node-1");
    assert_eq!(
        names(&office.hear(follower).unwrap()),
        ["replayComplete", "netconf-config-change"]
    );
    office.pass(30);
    change(&mut office, actor, "node-2");
    assert_eq!(names(&office.hear(follower).unwrap()), ["notificationComplete"]);
    assert_eq!(office.hear(follower).unwrap(), Vec::<String>::new());
}

#[test]
fn rfc5277_3_2_5_1_the_streams_are_state() {
    let streams = r#"<get><filter><netconf xmlns="urn:ietf:params:xml:ns:netmod:notification"><streams/></netconf></filter></get>"#;
    let mut office = Office::with(Default::default(), |parts| {
        let provider = ponder::management::subscribing::StreamsState(parts.events.clone());
        parts.state = ponder::management::operational::OperationalState::new(vec![Box::new(provider)]);
    });
    let session = office.enter("anna");
    office.check(
        session,
        streams,
        expect_test::expect![[r#"
            <data>
            <netconf xmlns="urn:ietf:params:xml:ns:netmod:notification">
            <streams>
            <stream>
            <name>NETCONF</name>
            <description>Every event of this agent</description>
            <replaySupport>true</replaySupport>
            <replayLogCreationTime>1970-01-01T00:00:00Z</replayLogCreationTime>
            </stream>
            <stream>
            <name>licensing</name>
            <description>Licence states and counts, alarms and line cards</description>
            <replaySupport>true</replaySupport>
            <replayLogCreationTime>1970-01-01T00:00:00Z</replayLogCreationTime>
            </stream>
            </streams>
            </netconf>
            </data>"#]],
    );
}

#[test]
fn rfc5277_3_6_a_filter_lets_whole_events_through() {
    let (mut office, follower, actor) = office();
    let by_actor = format!(
        "<filter type=\"subtree\"><netconf-config-change {EVENTS}><changed-by><username>actor</username></changed-by>\
         </netconf-config-change></filter>"
    );
    office.accept(follower, &subscribe(&by_actor));
    change(&mut office, actor, "node-1");
    change(&mut office, follower, "node-2");
    let gone = office.enter("gone");
    office.drop_connection(gone);
    let messages = office.hear(follower).unwrap();
    assert_eq!(names(&messages), ["netconf-config-change"]);
    assert!(
        messages[0].contains("<operation>create</operation>"),
        "the whole event: {}",
        messages[0]
    );
}

#[test]
fn rfc5277_3_6_an_xpath_filter_lets_whole_events_through() {
    let (mut office, follower, actor) = office();
    let filter = "<filter xmlns:n=\"urn:ietf:params:xml:ns:yang:ietf-netconf-notifications\" type=\"xpath\" \
                  select=\"/n:netconf-config-change[n:changed-by/n:username='actor']\"/>";
    office.accept(follower, &subscribe(filter));
    change(&mut office, actor, "node-1");
    change(&mut office, follower, "node-2");
    let messages = office.hear(follower).unwrap();
    assert_eq!(names(&messages), ["netconf-config-change"]);
    assert!(
        messages[0].contains("<operation>create</operation>"),
        "the whole event: {}",
        messages[0]
    );
}

#[test]
fn rfc5277_3_6_a_filter_holds_for_the_replay_too_and_an_empty_one_lets_nothing_through() {
    let (mut office, follower, actor) = office();
    change(&mut office, actor, "node-1");
    let start = "<startTime>1970-01-01T00:00:00Z</startTime>";
    let sessions = format!("<filter><netconf-session-start {EVENTS}/></filter>");
    office.accept(follower, &subscribe(&format!("{start}{sessions}")));
    assert_eq!(
        names(&office.hear(follower).unwrap()),
        ["netconf-session-start", "netconf-session-start", "replayComplete"]
    );
    let deaf = office.enter("deaf");
    office.accept(deaf, &subscribe(&format!("{start}<filter/>")));
    assert_eq!(names(&office.hear(deaf).unwrap()), ["replayComplete"]);
}

#[test]
fn rfc5277_3_2_3_stream_licensing_has_none_of_the_base_events() {
    let (mut office, follower, actor) = office();
    office.accept(
        follower,
        &subscribe("<stream>licensing</stream><startTime>1970-01-01T00:00:00Z</startTime>"),
    );
    office.accept(actor, &edit("", &host_name("node-1")));
    office.accept(actor, "<commit/>");
    assert_eq!(names(&office.hear(follower).unwrap()), ["replayComplete"]);
}
