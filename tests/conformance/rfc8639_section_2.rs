//! RFC 8639 section 2: dynamic subscriptions to event streams, their terms, their ends, and what they tell of themselves.

use std::sync::Arc;
use std::time::Duration;

use expect_test::expect;
use ponder::datastore::memory_storage::MemoryStorage;
use ponder::management::access::control::{AccessControl, Privileges};
use ponder::management::event::MemoryLog;
use ponder::management::event_stream::EventStreams;
use ponder::management::operational::OperationalState;
use ponder::management::subscription::agreements::{Limits, Subscriptions};
use ponder::management::subscription::participant::SubscriptionParticipant;
use ponder::management::subscription::state::SubscriptionState;

use crate::office::{Office, SCHEMA, edit};
use crate::rfc5277_section_2::{EVENTS, change, names};

pub const SN: &str = r#"xmlns="urn:ietf:params:xml:ns:yang:ietf-subscribed-notifications""#;

/// An office with the state of subscriptions, room for `waiting` events in a mailbox and in the log, and some limits.
pub fn office_with(waiting: usize, limits: Limits) -> Office {
    Office::with(MemoryStorage::new(), |parts| {
        let log = MemoryLog::new(waiting, jiff::Timestamp::UNIX_EPOCH);
        parts.events = Arc::new(EventStreams::new(&SCHEMA, Box::new(log), waiting));
        parts.subscriptions = Arc::new(Subscriptions::new(limits));
        parts.state = OperationalState::new(vec![Box::new(SubscriptionState {
            events: Arc::clone(&parts.events),
            subscriptions: Arc::clone(&parts.subscriptions),
        })]);
        parts.participants.push(Box::new(SubscriptionParticipant));
    })
}

/// Such an office after so many seconds of 1970, with a follower and somebody who makes things happen.
pub fn office() -> (Office, u32, u32) {
    let mut office = office_with(100, Limits::default());
    office.pass(100);
    let follower = office.enter("follower");
    let actor = office.enter("actor");
    (office, follower, actor)
}

pub fn establish(parameters: &str) -> String {
    format!("<establish-subscription {SN}>{parameters}</establish-subscription>")
}

pub fn operation(name: &str, id: u32, rest: &str) -> String {
    format!("<{name} {SN}><id>{id}</id>{rest}</{name}>")
}

/// Subscribes, and gives the number of the subscription.
pub fn follow(office: &mut Office, session: u32, parameters: &str) -> u32 {
    let reply = office.ask(session, &establish(parameters));
    let (_, rest) = reply
        .split_once(&format!("<id {SN}>"))
        .unwrap_or_else(|| panic!("{reply}"));
    rest.split_once('<').unwrap().0.parse().unwrap()
}

pub const NETCONF: &str = "<stream>NETCONF</stream>";

#[test]
fn rfc8639_2_4_2_a_subscription_has_a_number_and_its_events_follow() {
    let (mut office, follower, actor) = office();
    let id = follow(&mut office, follower, NETCONF);
    assert_eq!(id, 1 << 31, "dynamic ones have the upper half of the numbers");
    change(&mut office, actor, "node-1");
    assert_eq!(names(&office.hear(follower).unwrap()), ["netconf-config-change"]);
    assert_eq!(office.hear(actor).unwrap(), Vec::<String>::new());
    assert_eq!(follow(&mut office, actor, NETCONF), id + 1);
}

#[test]
fn rfc8639_2_4_2_one_session_has_several_subscriptions_with_filters_of_their_own() {
    let (mut office, follower, actor) = office();
    let starts =
        format!("{NETCONF}<stream-subtree-filter><netconf-session-start {EVENTS}/></stream-subtree-filter>");
    let annas = format!(
        "{NETCONF}<stream-xpath-filter xmlns:n=\"urn:ietf:params:xml:ns:yang:ietf-netconf-notifications\">\
         /n:netconf-session-start/n:username = 'anna'</stream-xpath-filter>"
    );
    follow(&mut office, follower, &starts);
    follow(&mut office, follower, &annas);
    change(&mut office, actor, "node-1");
    office.enter("bert");
    assert_eq!(names(&office.hear(follower).unwrap()), ["netconf-session-start"]);
    office.enter("anna");
    let told = names(&office.hear(follower).unwrap()).join(" ");
    assert_eq!(told, "netconf-session-start netconf-session-start");
}

#[test]
fn rfc8639_2_2_an_xpath_filter_is_a_truth_and_names_modules() {
    let (mut office, follower, actor) = office();
    for (expression, told) in [
        ("true()", true),
        ("1 = 2", false),
        (
            "count(/ietf-netconf-notifications:netconf-config-change/edit) > 0",
            true,
        ),
        (
            "/ietf-netconf-notifications:netconf-config-change/edit/operation = 'delete'",
            false,
        ),
    ] {
        let filter = format!(
            "{NETCONF}<stream-xpath-filter>{}</stream-xpath-filter>",
            expression.replace('>', "&gt;")
        );
        let id = follow(&mut office, follower, &filter);
        change(&mut office, actor, &format!("node-{}", expression.len()));
        assert_eq!(!office.hear(follower).unwrap().is_empty(), told, "{expression}");
        office.accept(follower, &operation("delete-subscription", id, ""));
    }
}

#[test]
fn rfc8639_2_4_2_terms_that_cannot_be_met_are_refused_by_their_identity() {
    let (mut office, follower, _) = office();
    for (parameters, tag, parts) in [
        ("", "missing-element", vec!["<bad-element>stream<"]),
        (
            "<stream>weather</stream>",
            "invalid-value",
            vec![r#"stream "weather" is none of NETCONF, licensing"#],
        ),
        (
            "<stream>NETCONF</stream><encoding>encode-json</encoding>",
            "invalid-value",
            vec!["<error-app-tag>ietf-subscribed-notifications:encoding-unsupported<"],
        ),
        (
            "<stream>NETCONF</stream><stream-xpath-filter>/n:x</stream-xpath-filter>",
            "invalid-value",
            vec![
                "<error-app-tag>ietf-subscribed-notifications:filter-unsupported<",
                "<establish-subscription-stream-error-info",
                "<filter-failure-hint>filter \"/n:x\": the prefix n is not declared<",
            ],
        ),
        (
            "<stream>NETCONF</stream><stream-filter-name>nobody</stream-filter-name>",
            "data-missing",
            vec![
                "<error-app-tag>instance-required<",
                "there is no stream-filter &quot;nobody&quot;",
            ],
        ),
        (
            "<stream>NETCONF</stream><replay-start-time>1970-01-01T00:01:40Z</replay-start-time>",
            "invalid-value",
            vec!["<bad-element>replay-start-time<"],
        ),
        (
            "<stream>NETCONF</stream><stop-time>1970-01-01T00:01:40Z</stop-time>",
            "invalid-value",
            vec!["<bad-element>stop-time<"],
        ),
        (
            "<stream>NETCONF</stream><weighting>1</weighting>",
            "unknown-element",
            vec!["weighting"],
        ),
    ] {
        let reply = office
            .ask(follower, &establish(parameters))
            .replace('"', "&quot;");
        assert!(
            reply.contains(&format!("<error-tag>{tag}<")),
            "{parameters}: {reply}"
        );
        for part in parts {
            assert!(
                reply.contains(&part.replace('"', "&quot;")),
                "{parameters}: {reply}"
            );
        }
    }
    assert_eq!(office.hear(follower).unwrap(), Vec::<String>::new());
}

#[test]
fn rfc8639_2_4_2_1_a_replay_comes_first_and_says_when_it_is_complete() {
    let mut office = office_with(2, Limits::default());
    office.pass(100);
    let (follower, actor) = (office.enter("follower"), office.enter("actor"));
    office.pass(1);
    change(&mut office, actor, "node-1");
    let reply = office.ask(
        follower,
        &establish(&format!(
            "{NETCONF}<replay-start-time>1970-01-01T00:01:41Z</replay-start-time>"
        )),
    );
    assert!(
        reply.contains("replay-start-time is not in the past") || !reply.contains("<id"),
        "{reply}"
    );
    office.pass(1);
    let reply = office.ask(
        follower,
        &establish(&format!(
            "{NETCONF}<replay-start-time>1970-01-01T00:00:00Z</replay-start-time>"
        )),
    );
    expect![[r#"
        <id xmlns="urn:ietf:params:xml:ns:yang:ietf-subscribed-notifications">2147483648</id>
        <replay-start-time-revision xmlns="urn:ietf:params:xml:ns:yang:ietf-subscribed-notifications">1970-01-01T00:01:40Z</replay-start-time-revision>"#]]
    .assert_eq(&reply);
    change(&mut office, actor, "node-2");
    let told = office.hear(follower).unwrap();
    assert_eq!(
        names(&told),
        [
            "netconf-session-start",
            "netconf-config-change",
            "replay-completed",
            "netconf-config-change"
        ]
    );
    assert!(told[2].contains("<id>2147483648</id>"), "{}", told[2]);
}

#[test]
fn rfc8639_2_4_1_a_stop_time_ends_a_subscription_and_says_so() {
    let (mut office, follower, actor) = office();
    let id = follow(
        &mut office,
        follower,
        &format!("{NETCONF}<stop-time>1970-01-01T00:02:00Z</stop-time>"),
    );
    office.pass(19);
    change(&mut office, actor, "node-1");
    office.pass(2);
    change(&mut office, actor, "node-2");
    let told = office.hear(follower).unwrap();
    assert_eq!(names(&told), ["netconf-config-change", "subscription-terminated"]);
    expect![[r#"
        <notification xmlns="urn:ietf:params:xml:ns:netconf:notification:1.0">
        <eventTime>1970-01-01T00:02:00Z</eventTime>
        <subscription-terminated xmlns="urn:ietf:params:xml:ns:yang:ietf-subscribed-notifications">
        <id>2147483648</id>
        <reason xmlns:sn="urn:ietf:params:xml:ns:yang:ietf-subscribed-notifications">sn:no-such-subscription</reason>
        </subscription-terminated>
        </notification>"#]]
    .assert_eq(&told[1].replace("><", ">\n<"));
    let reply = office.ask(follower, &operation("delete-subscription", id, ""));
    assert!(reply.contains("no-such-subscription"), "{reply}");
}

#[test]
fn rfc8639_2_4_3_a_modification_changes_filter_and_stop_time() {
    let (mut office, follower, actor) = office();
    let id = follow(&mut office, follower, NETCONF);
    change(&mut office, actor, "node-1");
    let filter = format!("<stream-subtree-filter><netconf-session-end {EVENTS}/></stream-subtree-filter>");
    office.accept(follower, &operation("modify-subscription", id, &filter));
    change(&mut office, actor, "node-2");
    assert_eq!(
        names(&office.hear(follower).unwrap()),
        ["netconf-config-change"],
        "what happened before it is told as was agreed then"
    );
    office.accept(
        follower,
        &operation(
            "modify-subscription",
            id,
            "<stop-time>1970-01-01T00:01:50Z</stop-time>",
        ),
    );
    office.pass(11);
    assert_eq!(
        names(&office.hear(follower).unwrap()),
        ["subscription-terminated"]
    );
    for (who, parameters, part) in [
        (follower, "", "no-such-subscription"),
        (actor, "", "no-such-subscription"),
        (follower, "<stream>licensing</stream>", "<bad-element>stream<"),
    ] {
        let reply = office.ask(who, &operation("modify-subscription", id, parameters));
        assert!(reply.contains(part), "{reply}");
    }
}

#[test]
fn rfc8639_2_4_4_a_deleted_subscription_is_silent_and_only_its_session_deletes_it() {
    let (mut office, follower, actor) = office();
    let id = follow(&mut office, follower, NETCONF);
    change(&mut office, actor, "node-1");
    let reply = office.ask(actor, &operation("delete-subscription", id, ""));
    expect![[r#"
        <rpc-error>
        <error-type>application</error-type>
        <error-tag>invalid-value</error-tag>
        <error-severity>error</error-severity>
        <error-app-tag>ietf-subscribed-notifications:no-such-subscription</error-app-tag>
        <error-message xml:lang="en">delete-subscription: this session has no subscription 2147483648</error-message>
        </rpc-error>"#]]
    .assert_eq(&reply);
    office.accept(follower, &operation("delete-subscription", id, ""));
    assert_eq!(office.hear(follower).unwrap(), Vec::<String>::new());
}

#[test]
fn rfc8639_2_4_5_a_killed_subscription_is_told_to_its_session() {
    let (mut office, follower, actor) = office();
    let id = follow(&mut office, follower, NETCONF);
    change(&mut office, actor, "node-1");
    office.accept(actor, &operation("kill-subscription", id, ""));
    assert_eq!(
        names(&office.hear(follower).unwrap()),
        ["subscription-terminated"]
    );
    let reply = office.ask(actor, &operation("kill-subscription", id, ""));
    assert!(reply.contains("there is no subscription 2147483648"), "{reply}");
}

#[test]
fn rfc8639_2_4_5_access_control_closes_kill_subscription_unless_a_rule_opens_it() {
    let mut office = Office::with(MemoryStorage::new(), |parts| {
        let privileges = Privileges {
            from_the_start: true,
            ..Privileges::default()
        };
        let running = Arc::clone(&parts.datastores.running().tree);
        parts.access = Arc::new(AccessControl::new(&SCHEMA, privileges, &running));
    });
    let anna = office.enter("anna");
    let id = follow(&mut office, anna, NETCONF);
    let reply = office.ask(anna, &operation("kill-subscription", id, ""));
    assert!(reply.contains("<error-tag>access-denied<"), "{reply}");
}

#[test]
fn rfc8639_2_5_a_subscription_ends_with_its_session() {
    let (mut office, follower, actor) = office();
    follow(&mut office, follower, NETCONF);
    office.drop_connection(follower);
    let state = office.ask(
        actor,
        &format!("<get><filter><subscriptions {SN}/></filter></get>"),
    );
    assert_eq!(state, "<data>\n</data>");
}

/// A filter configured for streams.
fn configured(expression: &str) -> String {
    format!(
        "<filters {SN}><stream-filter><name>mine</name><stream-xpath-filter \
         xmlns:n=\"urn:ietf:params:xml:ns:yang:ietf-netconf-notifications\">{expression}</stream-xpath-filter>\
         </stream-filter></filters>"
    )
}

#[test]
fn rfc8639_2_7_2_a_configured_filter_that_changes_is_told_and_one_that_goes_ends_the_subscription() {
    let (mut office, follower, actor) = office();
    office.accept(actor, &edit("", &configured("/n:netconf-session-start")));
    office.accept(actor, "<commit/>");
    follow(
        &mut office,
        follower,
        &format!("{NETCONF}<stream-filter-name>mine</stream-filter-name>"),
    );
    office.enter("anna");
    change(&mut office, actor, "node-1");
    assert_eq!(names(&office.hear(follower).unwrap()), ["netconf-session-start"]);
    office.accept(
        actor,
        &edit(
            "",
            &configured("/n:netconf-config-change[n:edit/n:operation = 'replace']"),
        ),
    );
    office.accept(actor, "<commit/>");
    let told = office.hear(follower).unwrap();
    assert_eq!(names(&told), ["subscription-modified"]);
    expect![[r#"
        <subscription-modified xmlns="urn:ietf:params:xml:ns:yang:ietf-subscribed-notifications">
        <id>2147483648</id>
        <stream-filter-name>mine</stream-filter-name>
        <stream>NETCONF</stream>
        <encoding xmlns:sn="urn:ietf:params:xml:ns:yang:ietf-subscribed-notifications">sn:encode-xml</encoding>
        </subscription-modified>
        </notification>"#]]
    .assert_eq(
        &told[0]
            .split_once("</eventTime>")
            .unwrap()
            .1
            .replace("><", ">\n<"),
    );
    change(&mut office, actor, "node-2");
    assert_eq!(names(&office.hear(follower).unwrap()), ["netconf-config-change"]);
    office.accept(
        actor,
        &edit(
            "",
            &format!(
                "<filters {SN} xmlns:nc=\"urn:ietf:params:xml:ns:netconf:base:1.0\" nc:operation=\"delete\"/>"
            ),
        ),
    );
    office.accept(actor, "<commit/>");
    let told = office.hear(follower).unwrap();
    assert_eq!(names(&told), ["subscription-terminated"]);
    assert!(told[0].contains("sn:filter-unavailable<"), "{}", told[0]);
}

#[test]
fn rfc8639_2_7_3_whoever_takes_nothing_is_suspended_and_resumed_once_all_is_taken() {
    let mut office = office_with(3, Limits::default());
    let (slow, quick, actor) = (office.enter("slow"), office.enter("quick"), office.enter("actor"));
    follow(&mut office, slow, NETCONF);
    follow(&mut office, quick, NETCONF);
    for round in 0..5 {
        change(&mut office, actor, &format!("node-{round}"));
        assert_eq!(names(&office.hear(quick).unwrap()), ["netconf-config-change"]);
    }
    let state = office.ask(
        quick,
        &format!("<get><filter><subscriptions {SN}/></filter></get>"),
    );
    expect![[r#"
        <data>
        <subscriptions xmlns="urn:ietf:params:xml:ns:yang:ietf-subscribed-notifications">
        <subscription>
        <id>2147483648</id>
        <stream>NETCONF</stream>
        <encoding xmlns:sn="urn:ietf:params:xml:ns:yang:ietf-subscribed-notifications">sn:encode-xml</encoding>
        <receivers>
        <receiver>
        <name>slow, session 1</name>
        <sent-event-records>0</sent-event-records>
        <excluded-event-records>2</excluded-event-records>
        <state>suspended</state>
        </receiver>
        </receivers>
        </subscription>
        <subscription>
        <id>2147483649</id>
        <stream>NETCONF</stream>
        <encoding xmlns:sn="urn:ietf:params:xml:ns:yang:ietf-subscribed-notifications">sn:encode-xml</encoding>
        <receivers>
        <receiver>
        <name>quick, session 2</name>
        <sent-event-records>5</sent-event-records>
        <excluded-event-records>0</excluded-event-records>
        <state>active</state>
        </receiver>
        </receivers>
        </subscription>
        </subscriptions>
        </data>"#]]
    .assert_eq(&state);
    let told = office.hear(slow).unwrap();
    assert_eq!(
        names(&told),
        [
            "netconf-config-change",
            "netconf-config-change",
            "netconf-config-change",
            "subscription-suspended",
            "subscription-resumed"
        ]
    );
    assert!(told[3].contains("sn:unsupportable-volume<"), "{}", told[3]);
    change(&mut office, actor, "node-5");
    assert_eq!(names(&office.hear(slow).unwrap()), ["netconf-config-change"]);
}

#[test]
fn rfc8639_2_7_4_a_suspension_that_lasts_too_long_ends_the_subscription_alone() {
    let limits = Limits {
        suspension: Duration::from_secs(30),
        ..Limits::default()
    };
    let mut office = office_with(1, limits);
    let (slow, actor) = (office.enter("slow"), office.enter("actor"));
    follow(&mut office, slow, NETCONF);
    change(&mut office, actor, "node-1");
    change(&mut office, actor, "node-2");
    office.pass(31);
    let told = office.hear(slow).unwrap();
    assert_eq!(names(&told), ["subscription-terminated"]);
    assert!(told[0].contains("sn:suspension-timeout<"), "{}", told[0]);
    follow(&mut office, slow, NETCONF);
}

#[test]
fn a_limit_on_subscriptions_says_which_it_is() {
    let limits = Limits {
        per_session: 1,
        in_all: 2,
        ..Limits::default()
    };
    let mut office = office_with(10, limits);
    let (anna, bert, carl) = (office.enter("anna"), office.enter("bert"), office.enter("carl"));
    follow(&mut office, anna, NETCONF);
    follow(&mut office, bert, NETCONF);
    for (who, part) in [
        (
            anna,
            "this session has 1 subscriptions, subscriptions-per-session of [notifications] is 1",
        ),
        (
            carl,
            "the agent has 2 subscriptions, subscriptions of [notifications] is 2",
        ),
    ] {
        let reply = office.ask(who, &establish(NETCONF));
        for part in [
            part,
            "<error-tag>resource-denied<",
            "<error-app-tag>ietf-subscribed-notifications:insufficient-resources<",
        ] {
            assert!(reply.contains(part), "{reply}");
        }
    }
    office.drop_connection(bert);
    follow(&mut office, carl, NETCONF);
}

#[test]
fn configured_subscriptions_are_refused_by_name() {
    let (mut office, _, actor) = office();
    let subscription = format!(
        "<subscriptions {SN}><subscription><id>1</id><stream>NETCONF</stream><receivers><receiver><name>x</name>\
         </receiver></receivers></subscription></subscriptions>"
    );
    office.accept(actor, &edit("", &subscription));
    let reply = office.ask(actor, "<commit/>");
    for part in [
        "<error-tag>operation-not-supported<",
        "the feature configured of ietf-subscribed-notifications is off",
    ] {
        assert!(reply.contains(part), "{reply}");
    }
}

#[test]
fn rfc8639_3_1_the_streams_are_listed_with_their_replay_log() {
    let mut office = office_with(1, Limits::default());
    office.pass(100);
    let anna = office.enter("anna");
    office.enter("bert");
    office.check(
        anna,
        &format!("<get><filter><streams {SN}/></filter></get>"),
        expect![[r#"
            <data>
            <streams xmlns="urn:ietf:params:xml:ns:yang:ietf-subscribed-notifications">
            <stream>
            <name>NETCONF</name>
            <description>Every event of this agent</description>
            <replay-support/>
            <replay-log-creation-time>1970-01-01T00:00:00Z</replay-log-creation-time>
            <replay-log-aged-time>1970-01-01T00:01:40Z</replay-log-aged-time>
            </stream>
            <stream>
            <name>licensing</name>
            <description>Licence states and counts, alarms and line cards</description>
            <replay-support/>
            <replay-log-creation-time>1970-01-01T00:00:00Z</replay-log-creation-time>
            <replay-log-aged-time>1970-01-01T00:01:40Z</replay-log-aged-time>
            </stream>
            </streams>
            </data>"#]],
    );
}
