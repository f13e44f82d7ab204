//! RFC 6470 section 2: what is told of configuration, sessions and confirmed commits.

use crate::office::{COMMIT, Office, edit, host_name, optics};
use crate::rfc5277_section_2::{change, names, office, subscribe};

/// What a follower hears, one element a line, without times.
fn heard(office: &mut Office, follower: u32) -> String {
    let messages = office.hear(follower).unwrap();
    let contents = messages.iter().map(|message| {
        let (_, content) = message.split_once("</eventTime>").unwrap();
        content.trim_end_matches("</notification>")
    });
    contents.collect::<String>().replace("><", ">\n<")
}

/// The values of a leaf, in their order.
fn values(text: &str, leaf: &str) -> Vec<String> {
    let open = format!("<{leaf}>");
    let rests = text.split(open.as_str()).skip(1);
    rests
        .map(|rest| rest.split('<').next().unwrap().to_owned())
        .collect()
}

#[test]
fn rfc6470_2_2_a_config_change_tells_each_edit() {
    let (mut office, follower, actor) = office();
    office.accept(follower, &subscribe(""));
    change(&mut office, actor, "node-1");
    let settings = optics("Optics0/0/0/0", "<rx-voa-target-power>10</rx-voa-target-power>");
    office.ask(actor, &edit("", &settings));
    office.hear(follower);
    office.accept(actor, &edit("", &host_name("node-2")));
    office.accept(actor, COMMIT);
    let told = heard(&mut office, follower);
    assert!(
        told.contains("/shellutil-cfg:host-names/shellutil-cfg:host-name<"),
        "{told}"
    );
    assert!(
        values(&told, "operation").contains(&"replace".to_owned()),
        "{told}"
    );
    let delete = host_name("node-2").replace(
        "<host-name>node-2<",
        "<host-name xmlns:nc=\"urn:ietf:params:xml:ns:netconf:base:1.0\" nc:operation=\"delete\">node-2<",
    );
    office.accept(actor, &edit("", &delete));
    office.accept(actor, COMMIT);
    let told = heard(&mut office, follower);
    assert_eq!(values(&told, "operation"), ["delete"], "{told}");
    office.accept(actor, COMMIT);
    assert_eq!(heard(&mut office, follower), "", "nothing was changed");
}

#[test]
fn rfc6470_2_2_a_huge_change_is_told_by_the_top_nodes_that_it_is_in() {
    let (mut office, follower, actor) = office();
    office.accept(follower, &subscribe(""));
    let ports: String = (0..4).flat_map(|slot| (0..40).map(move |port| (slot, port)))
        .map(|(slot, port)| format!("<interface-configuration><active>act</active><interface-name>Optics0/{slot}/0/{port}</interface-name><description>x</description></interface-configuration>"))
        .collect();
    let config = format!(
        "<interface-configurations xmlns=\"http://cisco.com/ns/yang/Cisco-IOS-XR-ifmgr-cfg\">{ports}</interface-configurations>"
    );
    office.accept(actor, &edit("", &config));
    office.accept(actor, COMMIT);
    heard(&mut office, follower);
    office.accept(
        actor,
        &edit("", &config.replace("<description>x<", "<description>y<")),
    );
    office.accept(actor, COMMIT);
    let told = heard(&mut office, follower);
    assert_eq!(values(&told, "operation"), ["merge"], "{told}");
    assert!(told.contains("/ifmgr-cfg:interface-configurations<"), "{told}");
}

#[test]
fn rfc6470_2_2_sessions_begin_and_end_with_a_reason() {
    let (mut office, follower, actor) = office();
    office.accept(follower, &subscribe(""));
    let guest = office.enter("guest");
    let told = heard(&mut office, follower);
    assert!(told.starts_with("<netconf-session-start "), "{told}");
    assert_eq!(values(&told, "username"), ["guest"]);
    assert_eq!(values(&told, "session-id"), [guest.to_string()]);
    assert_eq!(values(&told, "source-host"), ["127.0.0.1"]);
    office.accept(guest, "<close-session/>");
    assert_eq!(
        values(&heard(&mut office, follower), "termination-reason"),
        ["closed"]
    );
    let guest = office.enter("guest");
    office.drop_connection(guest);
    let told = heard(&mut office, follower);
    assert_eq!(values(&told, "termination-reason"), ["dropped"], "{told}");
    let guest = office.enter("guest");
    office.accept(
        actor,
        &format!("<kill-session><session-id>{guest}</session-id></kill-session>"),
    );
    let told = heard(&mut office, follower);
    assert_eq!(values(&told, "termination-reason"), ["killed"], "{told}");
    assert_eq!(values(&told, "killed-by"), [actor.to_string()], "{told}");
}

#[test]
fn rfc6470_2_2_confirmed_commits_start_are_extended_completed_cancelled_and_run_out() {
    let (mut office, follower, actor) = office();
    office.accept(follower, &subscribe(""));
    let confirmed = "<commit><confirmed/><confirm-timeout>60</confirm-timeout></commit>";
    let step = |office: &mut Office, operation: &str| {
        office.accept(actor, operation);
        let told = heard(office, follower);
        (values(&told, "confirm-event"), values(&told, "timeout"), told)
    };
    office.accept(actor, &edit("", &host_name("node-1")));
    let (event, timeout, told) = step(&mut office, confirmed);
    assert_eq!(
        (event, timeout),
        (vec!["start".to_owned()], vec!["60".to_owned()]),
        "{told}"
    );
    assert!(told.contains("<netconf-config-change "), "{told}");
    let (event, _, told) = step(&mut office, &confirmed.replace("60", "90"));
    assert_eq!(event, ["extend"], "{told}");
    let (event, timeout, told) = step(&mut office, COMMIT);
    assert_eq!(
        (event, timeout),
        (vec!["complete".to_owned()], Vec::new()),
        "{told}"
    );
    office.accept(actor, &edit("", &host_name("node-2")));
    step(&mut office, confirmed);
    let (event, _, told) = step(&mut office, "<cancel-commit/>");
    assert_eq!(event, ["cancel"], "{told}");
    assert!(told.contains("<server/>"), "running went back by itself: {told}");
    office.accept(actor, &edit("", &host_name("node-3")));
    step(&mut office, confirmed);
    office.pass(61);
    let told = heard(&mut office, follower);
    assert_eq!(values(&told, "confirm-event"), ["timeout"], "{told}");
    assert_eq!(
        values(&told, "username"),
        Vec::<String>::new(),
        "nobody did it: {told}"
    );
    office.accept(actor, &edit("", &host_name("node-4")));
    step(&mut office, confirmed);
    office.drop_connection(actor);
    let messages = office.hear(follower).unwrap();
    assert_eq!(
        names(&messages),
        [
            // What running became is told as it is published, why it did so after it.
            "netconf-config-change",
            "netconf-confirmed-commit",
            "netconf-session-end"
        ]
    );
    assert!(messages[1].contains("<confirm-event>cancel<") && messages[1].contains("<username>actor<"));
}
