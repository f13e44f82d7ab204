//! RFC 8641 section 4.4 and RFC 8640 section 7: the operations on subscriptions to datastores, and their refusals.

use expect_test::expect;
use ponder::management::subscription::agreements::Limits;

use crate::office::{COMMIT, edit, host_name};
use crate::rfc5277_section_2::{change, names};
use crate::rfc8639_section_2::{SN, establish, follow, office, office_with, operation};
use crate::rfc8641_section_3::{YP, hears, host_names, inside, of, on_change, periodic, subtree, xpath};

const SHELLUTIL: &str = "http://cisco.com/ns/yang/Cisco-IOS-XR-shellutil-cfg";

fn resync(id: u32) -> String {
    format!("<resync-subscription {YP}><id>{id}</id></resync-subscription>")
}

#[test]
fn rfc8641_4_4_1_a_period_that_is_too_short_is_refused_with_one_that_would_do() {
    let (mut office, follower, _) = office();
    office.check(
        follower,
        &establish(&of("running", &periodic(99))),
        expect![[r#"
            <rpc-error>
            <error-type>application</error-type>
            <error-tag>invalid-value</error-tag>
            <error-severity>error</error-severity>
            <error-app-tag>ietf-yang-push:period-unsupported</error-app-tag>
            <error-message xml:lang="en">period 99: the shortest is 100 hundredths of a second, shortest-period-centiseconds of [notifications]</error-message>
            <error-info>
            <establish-subscription-datastore-error-info xmlns="urn:ietf:params:xml:ns:yang:ietf-yang-push">
            <period-hint>100</period-hint>
            </establish-subscription-datastore-error-info>
            </error-info>
            </rpc-error>"#]],
    );
}

#[test]
fn rfc8641_4_4_1_what_cannot_be_pushed_is_refused_by_its_identity() {
    let (mut office, follower, _) = office();
    let nobody = subtree("<nobody xmlns=\"urn:nobody\"/>");
    let state = subtree("<netconf-state xmlns=\"urn:ietf:params:xml:ns:yang:ietf-netconf-monitoring\"/>");
    for (parameters, tag, identity, hint) in [
        (
            of("intended", &periodic(100)),
            "invalid-value",
            "datastore-not-subscribable",
            "",
        ),
        (
            of("startup", &periodic(100)),
            "invalid-value",
            "datastore-not-subscribable",
            "",
        ),
        (
            of("candidate", &on_change("")),
            "operation-not-supported",
            "on-change-unsupported",
            "candidate tells no changes",
        ),
        (
            of("running", &(nobody.clone() + &periodic(100))),
            "operation-failed",
            "unchanging-selection",
            "the filter selects no node",
        ),
        (
            of("running", &(state.clone() + &on_change(""))),
            "operation-failed",
            "unchanging-selection",
            "the filter selects no node",
        ),
    ] {
        let reply = office.ask(follower, &establish(&parameters));
        for part in [
            format!("<error-tag>{tag}<"),
            format!("<error-app-tag>ietf-yang-push:{identity}<"),
            hint.to_owned(),
        ] {
            assert!(reply.contains(&part), "{part}: {reply}");
        }
        assert_eq!(
            reply.contains("<filter-failure-hint>"),
            !hint.is_empty(),
            "{reply}"
        );
    }
    let reply = office.ask(
        follower,
        &establish(&of("running", &(xpath("/if:x[") + &periodic(100)))),
    );
    assert!(
        reply.contains("ietf-subscribed-notifications:filter-unsupported"),
        "{reply}"
    );
    assert!(
        reply.contains("<establish-subscription-datastore-error-info"),
        "{reply}"
    );
}

#[test]
fn rfc8641_4_4_1_parameters_that_do_not_belong_together_are_refused_by_name() {
    let (mut office, follower, _) = office();
    for (parameters, part) in [
        (of("running", ""), "<bad-element>periodic<"),
        (
            of("running", &(periodic(100) + &on_change(""))),
            "<bad-element>on-change<",
        ),
        (
            of("running", &periodic(100)) + "<stream>NETCONF</stream>",
            "not both",
        ),
        (
            of("running", &periodic(100)) + "<replay-start-time>1970-01-01T00:00:00Z</replay-start-time>",
            "it takes one of them",
        ),
        (periodic(100), "<bad-element>datastore<"),
        (
            of("running", &format!("<periodic {YP}/>")),
            "<bad-element>period<",
        ),
        (
            of("running", &on_change("<excluded-change>merge</excluded-change>")),
            "<bad-element>excluded-change<",
        ),
        (
            of("running", &on_change("<sync-on-start>maybe</sync-on-start>")),
            "<bad-element>sync-on-start<",
        ),
    ] {
        let reply = office.ask(follower, &establish(&parameters));
        assert!(reply.contains(part), "{parameters}: {reply}");
    }
}

#[test]
fn rfc8641_4_4_1_an_update_that_is_too_big_is_refused_with_its_size_and_later_suspends() {
    let limits = Limits {
        update_kilobytes: 1,
        ..Limits::default()
    };
    let mut office = office_with(100, limits);
    let (follower, actor) = (office.enter("follower"), office.enter("actor"));
    follow(&mut office, follower, &of("running", &periodic(100)));
    let described = |length: usize| {
        format!(
            "<interface-configurations xmlns=\"http://cisco.com/ns/yang/Cisco-IOS-XR-ifmgr-cfg\"><interface-configuration>\
             <active>act</active><interface-name>Optics0/0/0/0</interface-name><description>{}</description>\
             </interface-configuration></interface-configurations>",
            "x".repeat(length)
        )
    };
    office.hear(follower);
    office.accept(actor, &edit("", &described(1500)));
    office.accept(actor, COMMIT);
    office.pass(1);
    let told = office.hear(follower).unwrap();
    assert_eq!(names(&told), ["subscription-suspended"]);
    assert!(told[0].contains("yp:update-too-big<"), "{}", told[0]);
    office.pass(1);
    assert_eq!(office.hear(follower).unwrap(), Vec::<String>::new());
    for (trigger, identity) in [(periodic(100), "update-too-big"), (on_change(""), "sync-too-big")] {
        let reply = office.ask(follower, &establish(&of("running", &trigger)));
        for part in [
            "<error-tag>too-big<",
            &format!("<error-app-tag>ietf-yang-push:{identity}<"),
            "<kilobytes-estimate>2</kilobytes-estimate>\n<kilobytes-limit>1</kilobytes-limit>",
        ] {
            assert!(reply.contains(part), "{reply}");
        }
    }
    office.accept(actor, &edit("", &described(10)));
    office.accept(actor, COMMIT);
    office.pass(1);
    assert_eq!(
        names(&office.hear(follower).unwrap()),
        ["subscription-resumed", "push-update"]
    );
}

#[test]
fn rfc8641_4_4_2_a_modification_changes_period_and_filter() {
    let (mut office, follower, actor) = office();
    change(&mut office, actor, "node-1");
    let id = follow(&mut office, follower, &of("running", &periodic(1000)));
    office.hear(follower);
    office.accept(
        follower,
        &operation("modify-subscription", id, &of("running", &periodic(200))),
    );
    assert_eq!(names(&office.hear(follower).unwrap()), ["push-update"]);
    office.pass(2);
    assert!(inside(&office.hear(follower).unwrap()).contains("node-1"));
    let filter = subtree("<nacm xmlns=\"urn:ietf:params:xml:ns:yang:ietf-netconf-acm\"/>");
    office.accept(
        follower,
        &operation("modify-subscription", id, &of("running", &filter)),
    );
    assert!(inside(&office.hear(follower).unwrap()).contains("<datastore-contents/>"));
    for (parameters, part) in [
        (
            of("running", &periodic(1)),
            "<modify-subscription-datastore-error-info",
        ),
        (
            of("operational", &periodic(200)),
            "it cannot be made to follow operational",
        ),
        (
            "<stream-xpath-filter>true()</stream-xpath-filter>".to_owned(),
            "cannot be made to follow a stream",
        ),
    ] {
        let reply = office.ask(follower, &operation("modify-subscription", id, &parameters));
        assert!(reply.contains(part), "{parameters}: {reply}");
    }
    office.pass(2);
    assert_eq!(
        names(&office.hear(follower).unwrap()),
        ["push-update"],
        "as it was agreed before the refusals"
    );
}

#[test]
fn rfc8641_4_4_3_a_resync_sends_everything_and_counts_patches_anew() {
    let (mut office, follower, actor) = office();
    let id = follow(&mut office, follower, &of("running", &on_change("")));
    change(&mut office, actor, "node-1");
    assert_eq!(
        names(&office.hear(follower).unwrap()),
        ["push-update", "push-change-update"]
    );
    office.accept(follower, &resync(id));
    let told = office.hear(follower).unwrap();
    assert_eq!(names(&told), ["push-update"]);
    assert!(told[0].contains("node-1"), "{}", told[0]);
    change(&mut office, actor, "node-2");
    assert!(inside(&office.hear(follower).unwrap()).contains("<patch-id>0<"));
}

#[test]
fn rfc8641_4_4_3_a_resync_that_cannot_be_is_refused_by_its_identity() {
    let (mut office, follower, actor) = office();
    let streams = follow(&mut office, follower, "<stream>NETCONF</stream>");
    let periodic = follow(&mut office, follower, &of("running", &periodic(100)));
    let unsynchronised = follow(
        &mut office,
        follower,
        &of("running", &on_change("<sync-on-start>false</sync-on-start>")),
    );
    for (who, id, identity) in [
        (follower, 7, "no-such-subscription-resync"),
        (follower, streams, "no-such-subscription-resync"),
        (actor, unsynchronised, "no-such-subscription-resync"),
        (follower, periodic, "on-change-sync-unsupported"),
        (follower, unsynchronised, "on-change-sync-unsupported"),
    ] {
        let reply = office.ask(who, &resync(id));
        assert!(reply.contains(&format!("ietf-yang-push:{identity}<")), "{reply}");
    }
}

#[test]
fn rfc8641_4_1_a_configured_selection_filter_is_used_followed_and_missed() {
    let (mut office, follower, actor) = office();
    let configured = |expression: &str| {
        format!(
            "<filters {SN}><selection-filter {YP}><filter-id>hosts</filter-id><datastore-xpath-filter \
             xmlns:sh=\"{SHELLUTIL}\">{expression}</datastore-xpath-filter></selection-filter></filters>"
        )
    };
    let reference = format!("<selection-filter-ref {YP}>hosts</selection-filter-ref>");
    let wanted = of("running", &(reference + &on_change("")));
    let reply = office.ask(follower, &establish(&wanted));
    assert!(reply.contains("instance-required"), "{reply}");
    office.accept(actor, &edit("", &configured("/sh:host-names")));
    office.accept(actor, COMMIT);
    follow(&mut office, follower, &wanted);
    change(&mut office, actor, "node-1");
    assert_eq!(
        names(&office.hear(follower).unwrap()),
        ["push-update", "push-change-update"]
    );
    office.accept(actor, &edit("", &configured("/sh:nobody")));
    office.accept(actor, COMMIT);
    let told = office.hear(follower).unwrap();
    assert_eq!(names(&told), ["subscription-terminated"]);
    assert!(told[0].contains("filter-unavailable"), "{}", told[0]);
}

#[test]
fn rfc8641_4_2_subscriptions_are_shown_with_their_terms() {
    let (mut office, follower, _) = office();
    let filter = xpath("/sh:host-names");
    follow(&mut office, follower, &of("running", &(filter + &periodic(500))));
    let trigger = on_change("<dampening-period>10</dampening-period><excluded-change>move</excluded-change>");
    follow(
        &mut office,
        follower,
        &(of("operational", &(host_names() + &trigger)) + "<stop-time>1970-01-01T01:00:00Z</stop-time>"),
    );
    office.check(
        follower,
        &format!("<get><filter><subscriptions {SN}/></filter></get>"),
        expect![[r#"
            <data>
            <subscriptions xmlns="urn:ietf:params:xml:ns:yang:ietf-subscribed-notifications">
            <subscription>
            <id>2147483648</id>
            <datastore xmlns="urn:ietf:params:xml:ns:yang:ietf-yang-push" xmlns:ds="urn:ietf:params:xml:ns:yang:ietf-datastores">ds:running</datastore>
            <datastore-xpath-filter xmlns="urn:ietf:params:xml:ns:yang:ietf-yang-push" xmlns:shellutil-cfg="http://cisco.com/ns/yang/Cisco-IOS-XR-shellutil-cfg">/shellutil-cfg:host-names</datastore-xpath-filter>
            <encoding xmlns:sn="urn:ietf:params:xml:ns:yang:ietf-subscribed-notifications">sn:encode-xml</encoding>
            <receivers>
            <receiver>
            <name>follower, session 1</name>
            <sent-event-records>0</sent-event-records>
            <excluded-event-records>0</excluded-event-records>
            <state>active</state>
            </receiver>
            </receivers>
            <periodic xmlns="urn:ietf:params:xml:ns:yang:ietf-yang-push">
            <period>500</period>
            </periodic>
            </subscription>
            <subscription>
            <id>2147483649</id>
            <datastore xmlns="urn:ietf:params:xml:ns:yang:ietf-yang-push" xmlns:ds="urn:ietf:params:xml:ns:yang:ietf-datastores">ds:operational</datastore>
            <stop-time>1970-01-01T01:00:00Z</stop-time>
            <encoding xmlns:sn="urn:ietf:params:xml:ns:yang:ietf-subscribed-notifications">sn:encode-xml</encoding>
            <receivers>
            <receiver>
            <name>follower, session 1</name>
            <sent-event-records>0</sent-event-records>
            <excluded-event-records>0</excluded-event-records>
            <state>active</state>
            </receiver>
            </receivers>
            <on-change xmlns="urn:ietf:params:xml:ns:yang:ietf-yang-push">
            <dampening-period>10</dampening-period>
            <sync-on-start>true</sync-on-start>
            <excluded-change>move</excluded-change>
            </on-change>
            </subscription>
            </subscriptions>
            </data>"#]],
    );
}

#[test]
fn updates_that_wait_for_slow_sessions_are_bounded_together() {
    let limits = Limits {
        waiting_kilobytes: 1,
        ..Limits::default()
    };
    let mut office = office_with(100, limits);
    let (slow, quick) = (office.enter("slow"), office.enter("quick"));
    let described = format!(
        "<interface-configurations xmlns=\"http://cisco.com/ns/yang/Cisco-IOS-XR-ifmgr-cfg\"><interface-configuration>\
         <active>act</active><interface-name>Optics0/0/0/0</interface-name><description>{}</description>\
         </interface-configuration></interface-configurations>",
        "x".repeat(900)
    );
    office.accept(quick, &edit("", &described));
    office.accept(quick, COMMIT);
    follow(&mut office, quick, &of("running", &periodic(100)));
    office.hear(quick);
    follow(&mut office, slow, &of("running", &periodic(100)));
    office.pass(1);
    let told = office.hear(quick).unwrap();
    assert_eq!(names(&told), ["subscription-suspended"]);
    assert!(told[0].contains("sn:insufficient-resources<"), "{}", told[0]);
    let reply = office.ask(quick, &establish(&of("running", &periodic(100))));
    assert!(reply.contains("waiting-kilobytes of [notifications]"), "{reply}");
    office.hear(slow);
    office.pass(1);
    assert_eq!(
        names(&office.hear(quick).unwrap()),
        ["subscription-resumed", "push-update"]
    );
}

#[test]
fn a_commit_that_changes_nothing_tells_nothing() {
    let (mut office, follower, actor) = office();
    follow(&mut office, follower, &of("running", &on_change("")));
    change(&mut office, actor, "node-1");
    office.hear(follower);
    office.accept(actor, &edit("", &host_name("node-1")));
    office.accept(actor, COMMIT);
    hears(&mut office, follower, expect![[""]]);
}
