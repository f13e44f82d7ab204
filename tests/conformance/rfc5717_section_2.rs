//! RFC 5717: locks on parts of running.

use expect_test::expect;
use ponder::management::front_desk::shown_locks;

use crate::office::{COMMIT, Office, edit, host_name, optics};

const IF: &str = "http://cisco.com/ns/yang/Cisco-IOS-XR-ifmgr-cfg";
const PL: &str = "urn:ietf:params:xml:ns:netconf:partial-lock:1.0";

fn lock(select: &[&str]) -> String {
    let select: String = select
        .iter()
        .map(|select| format!("<select>{select}</select>"))
        .collect();
    format!("<partial-lock xmlns=\"{PL}\" xmlns:i=\"{IF}\">{select}</partial-lock>")
}

fn port(number: u8) -> String {
    format!(
        "/i:interface-configurations/i:interface-configuration[i:active='act'][i:interface-name='Optics0/1/0/{number}']"
    )
}

fn unlock(id: u32) -> String {
    format!("<partial-unlock xmlns=\"{PL}\"><lock-id>{id}</lock-id></partial-unlock>")
}

/// An office with two ports, and two sessions.
fn office() -> (Office, u32, u32) {
    let mut office = Office::opened();
    let (first, second) = (office.enter("first"), office.enter("second"));
    for number in 0..2 {
        office.accept(first, &edit("", &optics(&format!("Optics0/1/0/{number}"), "")));
    }
    office.accept(first, COMMIT);
    (office, first, second)
}

fn tag_of(reply: &str) -> &str {
    let (_, rest) = reply
        .split_once("<error-tag>")
        .unwrap_or_else(|| panic!("{reply}"));
    rest.split_once('<').unwrap().0
}

/// Edits a port and commits; the reply to the commit.
fn shut(office: &mut Office, session: u32, number: u8) -> String {
    let config = format!(
        "<interface-configurations xmlns=\"{IF}\"><interface-configuration><active>act</active>\
         <interface-name>Optics0/1/0/{number}</interface-name><description>by {session}</description>\
         </interface-configuration></interface-configurations>"
    );
    office.accept(session, &edit("", &config));
    let reply = office.ask(session, COMMIT);
    office.accept(session, "<discard-changes/>");
    reply
}

#[test]
fn the_reply_names_the_lock_and_its_nodes() {
    let (mut office, first, _) = office();
    office.check(first, &lock(&[&port(0)]), expect![[r#"
        <lock-id xmlns="urn:ietf:params:xml:ns:netconf:partial-lock:1.0">1</lock-id>
        <locked-node xmlns="urn:ietf:params:xml:ns:netconf:partial-lock:1.0" xmlns:ifmgr-cfg="http://cisco.com/ns/yang/Cisco-IOS-XR-ifmgr-cfg">/ifmgr-cfg:interface-configurations/ifmgr-cfg:interface-configuration[ifmgr-cfg:active='act'][ifmgr-cfg:interface-name='Optics0/1/0/0']</locked-node>"#]]);
}

#[test]
fn others_cannot_commit_changes_of_a_locked_part_and_can_of_the_rest() {
    let (mut office, first, second) = office();
    assert!(office.ask(first, &lock(&[&port(0)])).contains("<lock-id"));
    let refused = shut(&mut office, second, 0);
    assert_eq!(tag_of(&refused), "in-use");
    assert!(
        refused.contains("session 1 holds a partial lock") && refused.contains("<error-path"),
        "{refused}"
    );
    assert_eq!(shut(&mut office, second, 1), "<ok/>");
    assert_eq!(shut(&mut office, first, 0), "<ok/>");
    office.accept(first, &unlock(1));
    assert_eq!(shut(&mut office, second, 0), "<ok/>");
}

#[test]
fn locks_that_touch_each_other_and_the_global_lock_exclude_each_other() {
    let (mut office, first, second) = office();
    office.ask(first, &lock(&[&port(0)]));
    for select in [
        "/i:interface-configurations".to_owned(),
        format!("{}/i:interface-name", port(0)),
    ] {
        let reply = office.ask(second, &lock(&[&select]));
        assert_eq!(tag_of(&reply), "lock-denied", "{select}");
        assert!(reply.contains("<session-id>1</session-id>"), "{reply}");
    }
    assert!(office.ask(second, &lock(&[&port(1)])).contains("<lock-id"));
    let global = "<lock><target><running/></target></lock>";
    assert_eq!(tag_of(&office.ask(second, global)), "lock-denied");
    office.drop_connection(first);
    office.accept(second, &unlock(2));
    office.accept(second, global);
    let third = office.enter("third");
    assert_eq!(tag_of(&office.ask(third, &lock(&[&port(1)]))), "lock-denied");
}

#[test]
fn a_confirmed_commit_of_another_session_stands_in_the_way() {
    let (mut office, first, second) = office();
    office.accept(first, &edit("", &host_name("x")));
    office.accept(first, "<commit><confirmed/></commit>");
    let reply = office.ask(second, &lock(&[&port(0)]));
    assert_eq!(tag_of(&reply), "lock-denied");
    assert!(
        reply.contains("<error-app-tag>outstanding-confirmed-commit</error-app-tag>"),
        "{reply}"
    );
}

#[test]
fn what_selects_nothing_or_no_nodes_is_refused() {
    let (mut office, first, _) = office();
    let reply = office.ask(first, &lock(&[&port(7)]));
    assert_eq!(tag_of(&reply), "operation-failed");
    assert!(
        reply.contains("<error-app-tag>no-matches</error-app-tag>"),
        "{reply}"
    );
    assert!(
        reply.contains(&format!("{} selects nothing in running", port(7))),
        "{reply}"
    );
    let reply = office.ask(first, &lock(&["count(//*)"]));
    assert_eq!(tag_of(&reply), "invalid-value");
    assert!(
        reply.contains("<error-app-tag>not-a-node-set</error-app-tag>"),
        "{reply}"
    );
    assert_eq!(tag_of(&office.ask(first, &lock(&[]))), "missing-element");
    assert_eq!(tag_of(&office.ask(first, &unlock(9))), "invalid-value");
    assert_eq!(
        tag_of(&office.ask(first, &format!("<partial-unlock xmlns=\"{PL}\"/>"))),
        "missing-element"
    );
}

#[test]
fn several_expressions_make_one_lock_which_monitoring_shows() {
    let (mut office, first, second) = office();
    assert_eq!(
        office
            .ask(first, &lock(&[&port(0), &port(1)]))
            .matches("<locked-node")
            .count(),
        2
    );
    let shown = shown_locks(office.locks());
    let part = shown[0].part.as_ref().unwrap();
    assert_eq!(
        (
            shown[0].session_id,
            part.lock_id,
            part.nodes.len(),
            part.select.len()
        ),
        (1, 1, 2, 2)
    );
    assert_eq!(tag_of(&office.ask(second, &unlock(1))), "invalid-value");
    office.drop_connection(first);
    assert_eq!(shown_locks(office.locks()).len(), 0);
}
