//! RFC 8641 section 3: datastores pushed periodically and on change, to what a filter selects and a user may read.

use std::sync::Arc;
use std::time::Duration;

use expect_test::{Expect, expect};
use ponder::management::access::control::{AccessControl, Privileges};
use ponder::management::subscription::agreements::Limits;

use crate::office::{COMMIT, Office, SCHEMA, edit, host_name, optics};
use crate::rfc5277_section_2::{change, names};
use crate::rfc8639_section_2::{follow, office, office_with};

pub const YP: &str = r#"xmlns="urn:ietf:params:xml:ns:yang:ietf-yang-push""#;
const IFMGR: &str = "http://cisco.com/ns/yang/Cisco-IOS-XR-ifmgr-cfg";
const OPTICS: &str = "http://cisco.com/ns/yang/Cisco-IOS-XR-controller-optics-cfg";
const SHELLUTIL: &str = "http://cisco.com/ns/yang/Cisco-IOS-XR-shellutil-cfg";

/// A datastore and what is wanted of it.
pub fn of(datastore: &str, rest: &str) -> String {
    format!(
        "<datastore {YP} xmlns:ds=\"urn:ietf:params:xml:ns:yang:ietf-datastores\">ds:{datastore}</datastore>{rest}"
    )
}

pub fn periodic(centiseconds: u32) -> String {
    format!("<periodic {YP}><period>{centiseconds}</period></periodic>")
}

pub fn on_change(inside: &str) -> String {
    format!("<on-change {YP}>{inside}</on-change>")
}

pub fn subtree(content: &str) -> String {
    format!("<datastore-subtree-filter {YP}>{content}</datastore-subtree-filter>")
}

pub fn xpath(expression: &str) -> String {
    format!(
        "<datastore-xpath-filter {YP} xmlns:sh=\"{SHELLUTIL}\" xmlns:if=\"{IFMGR}\" xmlns:op=\"{OPTICS}\">{expression}\
         </datastore-xpath-filter>"
    )
}

pub fn host_names() -> String {
    subtree(&format!("<host-names xmlns=\"{SHELLUTIL}\"/>"))
}

/// What is inside the notifications, one element a line.
pub fn inside(messages: &[String]) -> String {
    messages
        .iter()
        .map(|message| {
            let (_, rest) = message.split_once("</eventTime>").unwrap();
            rest.trim_end_matches("</notification>").replace("><", ">\n<")
        })
        .collect::<Vec<_>>()
        .join("\n")
}

pub fn hears(office: &mut Office, session: u32, expected: Expect) {
    expected.assert_eq(&inside(&office.hear(session).unwrap()));
}

#[test]
fn rfc8641_3_1_a_periodic_subscription_sends_what_is_selected_at_once_and_every_period() {
    let (mut office, follower, actor) = office();
    change(&mut office, actor, "node-1");
    follow(
        &mut office,
        follower,
        &of("running", &(host_names() + &periodic(1000))),
    );
    let update = expect![[r#"
        <push-update xmlns="urn:ietf:params:xml:ns:yang:ietf-yang-push">
        <id>2147483648</id>
        <datastore-contents>
        <host-names xmlns="http://cisco.com/ns/yang/Cisco-IOS-XR-shellutil-cfg">
        <host-name>node-1</host-name>
        </host-names>
        </datastore-contents>
        </push-update>"#]];
    hears(&mut office, follower, update);
    change(&mut office, actor, "node-2");
    office.pass(9);
    assert_eq!(office.hear(follower).unwrap(), Vec::<String>::new());
    office.pass(1);
    let told = office.hear(follower).unwrap();
    assert_eq!(names(&told), ["push-update"]);
    assert!(
        told[0].contains("<eventTime>1970-01-01T00:01:50Z<"),
        "{}",
        told[0]
    );
    assert!(told[0].contains("<host-name>node-2<"), "{}", told[0]);
    office.pass(10);
    assert_eq!(names(&office.hear(follower).unwrap()), ["push-update"]);
}

#[test]
fn rfc8641_3_1_an_anchor_time_says_when_updates_come() {
    let (mut office, follower, _) = office();
    let trigger = format!(
        "<periodic {YP}><period>6000</period><anchor-time>1970-01-01T00:00:05Z</anchor-time></periodic>"
    );
    follow(&mut office, follower, &of("running", &trigger));
    office.pass(24);
    assert_eq!(office.hear(follower).unwrap(), Vec::<String>::new());
    office.pass(1);
    let told = office.hear(follower).unwrap();
    expect![[r#"<notification xmlns="urn:ietf:params:xml:ns:netconf:notification:1.0"><eventTime>1970-01-01T00:02:05Z</eventTime><push-update xmlns="urn:ietf:params:xml:ns:yang:ietf-yang-push"><id>2147483648</id><datastore-contents/></push-update></notification>"#]]
        .assert_eq(&told.join("\n"));
    office.pass(60);
    assert_eq!(names(&office.hear(follower).unwrap()), ["push-update"]);
}

#[test]
fn rfc8641_3_1_candidate_and_operational_are_pushed_too() {
    let (mut office, follower, actor) = office();
    office.accept(actor, &edit("", &host_name("node-1")));
    follow(
        &mut office,
        follower,
        &of("candidate", &(host_names() + &periodic(100))),
    );
    follow(
        &mut office,
        follower,
        &of("operational", &(host_names() + &periodic(100))),
    );
    let told = office.hear(follower).unwrap();
    assert_eq!(names(&told), ["push-update", "push-update"]);
    assert!(told[0].contains("<host-name>node-1<"), "{}", told[0]);
    assert!(told[1].contains("<datastore-contents/>"), "{}", told[1]);
}

#[test]
fn rfc8641_3_5_whoever_has_not_taken_an_update_is_suspended_and_gets_no_second_one() {
    let (mut office, follower, actor) = office();
    follow(
        &mut office,
        follower,
        &of("running", &(host_names() + &periodic(100))),
    );
    office.pass(5);
    change(&mut office, actor, "node-1");
    let told = office.hear(follower).unwrap();
    assert_eq!(
        names(&told),
        ["push-update", "subscription-suspended", "subscription-resumed"]
    );
    office.pass(1);
    let told = office.hear(follower).unwrap();
    assert_eq!(names(&told), ["push-update"]);
    assert!(told[0].contains("node-1"), "{}", told[0]);
}

#[test]
fn rfc8641_3_7_changes_are_edits_of_a_yang_patch_behind_everything() {
    let (mut office, follower, actor) = office();
    follow(&mut office, follower, &of("running", &on_change("")));
    hears(
        &mut office,
        follower,
        expect![[r#"
            <push-update xmlns="urn:ietf:params:xml:ns:yang:ietf-yang-push">
            <id>2147483648</id>
            <datastore-contents/>
            </push-update>"#]],
    );
    change(&mut office, actor, "node-1");
    change(&mut office, actor, "node-2");
    let created = optics(
        "Optics0/0/0/0",
        "<optics-transmit-power>-15</optics-transmit-power>",
    );
    office.accept(actor, &edit("", &created));
    office.accept(actor, COMMIT);
    let deleted = format!(
        "<host-names xmlns=\"{SHELLUTIL}\" xmlns:nc=\"urn:ietf:params:xml:ns:netconf:base:1.0\" \
         nc:operation=\"delete\"/>"
    );
    office.accept(actor, &edit("", &deleted));
    office.accept(actor, COMMIT);
    hears(
        &mut office,
        follower,
        expect![[r#"
        <push-change-update xmlns="urn:ietf:params:xml:ns:yang:ietf-yang-push">
        <id>2147483648</id>
        <datastore-changes>
        <yang-patch>
        <patch-id>0</patch-id>
        <edit>
        <edit-id>1</edit-id>
        <operation>create</operation>
        <target>/Cisco-IOS-XR-shellutil-cfg:host-names/host-name</target>
        <value>
        <host-name xmlns="http://cisco.com/ns/yang/Cisco-IOS-XR-shellutil-cfg">node-1</host-name>
        </value>
        </edit>
        </yang-patch>
        </datastore-changes>
        </push-change-update>
        <push-change-update xmlns="urn:ietf:params:xml:ns:yang:ietf-yang-push">
        <id>2147483648</id>
        <datastore-changes>
        <yang-patch>
        <patch-id>1</patch-id>
        <edit>
        <edit-id>1</edit-id>
        <operation>replace</operation>
        <target>/Cisco-IOS-XR-shellutil-cfg:host-names/host-name</target>
        <value>
        <host-name xmlns="http://cisco.com/ns/yang/Cisco-IOS-XR-shellutil-cfg">node-2</host-name>
        </value>
        </edit>
        </yang-patch>
        </datastore-changes>
        </push-change-update>
        <push-change-update xmlns="urn:ietf:params:xml:ns:yang:ietf-yang-push">
        <id>2147483648</id>
        <datastore-changes>
        <yang-patch>
        <patch-id>2</patch-id>
        <edit>
        <edit-id>1</edit-id>
        <operation>create</operation>
        <target>/Cisco-IOS-XR-ifmgr-cfg:interface-configurations/interface-configuration=act,Optics0%2F0%2F0%2F0</target>
        <value>
        <interface-configuration xmlns="http://cisco.com/ns/yang/Cisco-IOS-XR-ifmgr-cfg">
        <active>act</active>
        <interface-name>Optics0/0/0/0</interface-name>
        <optics xmlns="http://cisco.com/ns/yang/Cisco-IOS-XR-controller-optics-cfg">
        <optics-transmit-power>-15</optics-transmit-power>
        </optics>
        </interface-configuration>
        </value>
        </edit>
        </yang-patch>
        </datastore-changes>
        </push-change-update>
        <push-change-update xmlns="urn:ietf:params:xml:ns:yang:ietf-yang-push">
        <id>2147483648</id>
        <datastore-changes>
        <yang-patch>
        <patch-id>3</patch-id>
        <edit>
        <edit-id>1</edit-id>
        <operation>delete</operation>
        <target>/Cisco-IOS-XR-shellutil-cfg:host-names/host-name</target>
        </edit>
        </yang-patch>
        </datastore-changes>
        </push-change-update>"#]],
    );
}

#[test]
fn rfc8641_3_6_only_what_the_filter_selects_is_told_whatever_kind_of_filter_it_is() {
    for filter in [
        subtree(&format!(
            "<interface-configurations xmlns=\"{IFMGR}\"><interface-configuration><interface-name>Optics0/0/0/1\
             </interface-name><active>act</active><optics xmlns=\"{OPTICS}\"/></interface-configuration>\
             </interface-configurations>"
        )),
        xpath(
            "/if:interface-configurations/if:interface-configuration[if:active='act'][if:interface-name='Optics0/0/0/1']\
             /op:optics",
        ),
        // Not by names and keys alone: found by comparing.
        xpath("//op:optics[../if:interface-name='Optics0/0/0/1']"),
    ] {
        let (mut office, follower, actor) = office();
        follow(
            &mut office,
            follower,
            &of("running", &(filter.clone() + &on_change(""))),
        );
        office.hear(follower);
        let power = |port: &str, power: i32| {
            let power = format!("<optics-transmit-power>{power}</optics-transmit-power>");
            edit("", &optics(port, &power))
        };
        change(&mut office, actor, "node-1");
        office.accept(actor, &power("Optics0/0/0/0", -10));
        office.accept(actor, COMMIT);
        office.pass(2);
        assert_eq!(office.hear(follower).unwrap(), Vec::<String>::new(), "{filter}");
        office.accept(actor, &power("Optics0/0/0/1", -11));
        office.accept(actor, COMMIT);
        office.pass(2);
        let told = inside(&office.hear(follower).unwrap());
        assert!(told.contains("<optics-transmit-power>-11<"), "{filter}: {told}");
        assert!(told.contains("<operation>create<"), "{filter}: {told}");
        assert!(!told.contains("-10"), "{filter}: {told}");
        office.accept(actor, &power("Optics0/0/0/1", -12));
        office.accept(actor, COMMIT);
        office.pass(2);
        let told = inside(&office.hear(follower).unwrap());
        assert!(
            told.contains(
                "<operation>replace</operation>\n<target>/Cisco-IOS-XR-ifmgr-cfg:interface-configurations/interface-configuration=act,\
                 Optics0%2F0%2F0%2F1/Cisco-IOS-XR-controller-optics-cfg:optics/optics-transmit-power</target>"
            ),
            "{filter}: {told}"
        );
        assert!(told.contains("<patch-id>1<"), "{filter}: {told}");
    }
}

#[test]
fn rfc8641_3_3_within_a_dampening_period_each_node_is_told_once_as_it_is_at_its_end() {
    let (mut office, follower, actor) = office();
    let trigger = on_change("<dampening-period>1000</dampening-period><sync-on-start>false</sync-on-start>");
    follow(&mut office, follower, &of("running", &trigger));
    change(&mut office, actor, "node-1");
    assert_eq!(
        names(&office.hear(follower).unwrap()),
        ["push-change-update"],
        "no dampening period is in effect"
    );
    for round in 2..6 {
        change(&mut office, actor, &format!("node-{round}"));
    }
    office.pass(9);
    assert_eq!(office.hear(follower).unwrap(), Vec::<String>::new());
    office.pass(1);
    hears(
        &mut office,
        follower,
        expect![[r#"
            <push-change-update xmlns="urn:ietf:params:xml:ns:yang:ietf-yang-push">
            <id>2147483648</id>
            <datastore-changes>
            <yang-patch>
            <patch-id>1</patch-id>
            <edit>
            <edit-id>1</edit-id>
            <operation>replace</operation>
            <target>/Cisco-IOS-XR-shellutil-cfg:host-names/host-name</target>
            <value>
            <host-name xmlns="http://cisco.com/ns/yang/Cisco-IOS-XR-shellutil-cfg">node-5</host-name>
            </value>
            </edit>
            </yang-patch>
            </datastore-changes>
            </push-change-update>"#]],
    );
}

#[test]
fn rfc8641_3_3_excluded_changes_are_not_told() {
    let (mut office, follower, actor) = office();
    let trigger = on_change("<sync-on-start>false</sync-on-start><excluded-change>replace</excluded-change>");
    follow(&mut office, follower, &of("running", &trigger));
    change(&mut office, actor, "node-1");
    assert_eq!(names(&office.hear(follower).unwrap()), ["push-change-update"]);
    change(&mut office, actor, "node-2");
    assert_eq!(office.hear(follower).unwrap(), Vec::<String>::new());
}

#[test]
fn rfc8641_3_9_a_user_is_told_of_what_it_may_read_and_of_nothing_else() {
    let mut office = Office::with(ponder::datastore::memory_storage::MemoryStorage::new(), |parts| {
        let privileges = Privileges {
            recovery: ["root".to_owned()].into(),
            ..Privileges::default()
        };
        let running = Arc::clone(&parts.datastores.running().tree);
        parts.access = Arc::new(AccessControl::new(&SCHEMA, privileges, &running));
    });
    let root = office.enter("root");
    let rule = format!(
        "<nacm xmlns=\"urn:ietf:params:xml:ns:yang:ietf-netconf-acm\" xmlns:sh=\"{SHELLUTIL}\"><groups><group>\
         <name>ops</name><user-name>anna</user-name></group></groups><rule-list><name>all</name><group>ops</group><rule><name>no-host-name</name><path>/sh:host-names</path>\
         <access-operations>read</access-operations><action>deny</action></rule></rule-list></nacm>"
    );
    office.accept(root, &edit("", &rule));
    office.accept(root, COMMIT);
    let anna = office.enter("anna");
    for trigger in [periodic(100), on_change("")] {
        follow(&mut office, anna, &of("running", &(host_names() + &trigger)));
    }
    let told = inside(&office.hear(anna).unwrap());
    assert_eq!(told.matches("<datastore-contents/>").count(), 2, "{told}");
    change(&mut office, root, "node-1");
    office.pass(1);
    let told = inside(&office.hear(anna).unwrap());
    assert!(
        !told.contains("node-1") && !told.contains("push-change-update"),
        "{told}"
    );
    assert_eq!(told.matches("<datastore-contents/>").count(), 1, "{told}");
    let open = "<nacm xmlns=\"urn:ietf:params:xml:ns:yang:ietf-netconf-acm\"><rule-list><name>all</name><rule>\
                <name>no-host-name</name><action>permit</action></rule></rule-list></nacm>";
    office.accept(root, &edit("", open));
    office.accept(root, COMMIT);
    change(&mut office, root, "node-2");
    office.pass(1);
    let told = inside(&office.hear(anna).unwrap());
    assert_eq!(told.matches("<host-name xmlns").count(), 1, "an edit: {told}");
    assert_eq!(
        told.matches("<host-name>node-2<").count(),
        1,
        "a periodic update: {told}"
    );
}

#[test]
fn rfc8641_3_7_a_burst_that_cannot_be_kept_is_followed_by_everything_or_marked_as_incomplete() {
    let limits = Limits {
        kept_changes: 2,
        ..Limits::default()
    };
    let mut office = office_with(100, limits);
    let (follower, actor) = (office.enter("follower"), office.enter("actor"));
    follow(&mut office, follower, &of("running", &on_change("")));
    let only_changes = on_change("<sync-on-start>false</sync-on-start>");
    follow(&mut office, follower, &of("running", &only_changes));
    office.hear(follower);
    for port in 0..3 {
        let described = optics(
            &format!("Optics0/0/0/{port}"),
            "<optics-transmit-power>-15</optics-transmit-power>",
        );
        office.accept(actor, &edit("", &described));
    }
    office.accept(actor, COMMIT);
    let told = inside(&office.hear(follower).unwrap());
    assert!(told.contains("<push-update "), "{told}");
    assert_eq!(told.matches("<interface-name>").count(), 3, "{told}");
    assert!(
        told.contains("</datastore-changes>\n<incomplete-update/>"),
        "{told}"
    );
    change(&mut office, actor, "node-1");
    let told = inside(&office.hear(follower).unwrap());
    assert_eq!(told.matches("<operation>create<").count(), 2, "{told}");
    assert!(!told.contains("incomplete"), "{told}");
}

#[test]
fn rfc8641_3_3_steps_of_a_second_are_kept() {
    let (mut office, follower, _) = office();
    follow(
        &mut office,
        follower,
        &of("running", &(host_names() + &periodic(150))),
    );
    office.hear(follower);
    for _ in 0..3 {
        office.pass_for(Duration::from_millis(1_499));
        assert_eq!(office.hear(follower).unwrap(), Vec::<String>::new());
        office.pass_for(Duration::from_millis(1));
        assert_eq!(names(&office.hear(follower).unwrap()), ["push-update"]);
    }
}
