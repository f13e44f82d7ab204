//! The rollbacks of IOS XR over the history of commits, as napalm asks for them.

use expect_test::expect;

use crate::{COMMIT, GET_RUNNING, Office, edit, host_name, optics};

const ACT: &str = "http://cisco.com/ns/yang/Cisco-IOS-XR-cfgmgr-rollback-act";

fn call(name: &str, inside: &str) -> String {
    format!("<{name} xmlns=\"{ACT}\">{inside}</{name}>")
}

/// Three commits: a host name, a description beside it, another host name.
fn office() -> (Office, u32) {
    let mut office = Office::opened();
    let session = office.enter("anna");
    let described = "<interface-configurations xmlns=\"http://cisco.com/ns/yang/Cisco-IOS-XR-ifmgr-cfg\"><interface-configuration>\
        <active>act</active><interface-name>Optics0/1/0/0</interface-name><description>two</description>\
        </interface-configuration></interface-configurations>";
    for config in [host_name("one"), described.to_owned(), host_name("three")] {
        office.accept(session, &edit("", &config));
        office.accept(session, COMMIT);
    }
    (office, session)
}

/// Whether the parts of the three commits are in running.
fn running(office: &mut Office, session: u32) -> (bool, bool, bool) {
    let running = office.ask(session, GET_RUNNING);
    let has = |text: &str| running.contains(text);
    (has(">one<"), has(">two<"), has(">three<"))
}

#[test]
fn the_latest_commits_are_undone_by_one_more() {
    let (mut office, session) = office();
    office.accept(session, &call("roll-back-configuration-last", "<count>1</count>"));
    assert_eq!(running(&mut office, session), (true, true, false));
    assert_eq!(*office.committed.lock().unwrap(), [1, 2, 3, 4]);
    office.accept(
        session,
        &call(
            "roll-back-configuration-last",
            "<count>4</count><label>clean</label><comment>all of it</comment>",
        ),
    );
    assert_eq!(running(&mut office, session), (false, false, false));
    let kept = office.storage().kept();
    let author = &kept.after.last().unwrap().author;
    assert_eq!(author.user, "anna");
    assert_eq!(
        (author.label.as_deref(), author.comment.as_deref()),
        (Some("clean"), Some("all of it"))
    );
}

#[test]
fn a_commit_is_named_by_its_id() {
    for (name, id, expected) in [
        (
            "roll-back-configuration-to",
            1_000_000_002_u64,
            (true, false, false),
        ),
        (
            "roll-back-configuration-to-exclude",
            1_000_000_002,
            (true, true, false),
        ),
        ("roll-back-configuration", 1_000_000_002, (false, false, true)),
        ("roll-back-configuration", 1_000_000_003, (true, true, false)),
        (
            "roll-back-configuration-to-exclude",
            1_000_000_003,
            (false, true, true),
        ),
    ] {
        let (mut office, session) = office();
        office.accept(session, &call(name, &format!("<commit-id>{id}</commit-id>")));
        assert_eq!(running(&mut office, session), expected, "{name} {id}");
    }
}

#[test]
fn what_cannot_be_rolled_back_is_refused_and_changes_nothing() {
    let (mut office, session) = office();
    for (operation, words) in [
        (
            call("roll-back-configuration-last", "<count>4</count>"),
            "the history has 3 commits",
        ),
        (
            call("roll-back-configuration-last", "<count>0</count>"),
            "outside 1..100",
        ),
        (call("roll-back-configuration-last", ""), "missing-element"),
        (
            call("roll-back-configuration-to", "<commit-id>7</commit-id>"),
            "no such commit",
        ),
        (
            call("roll-back-configuration", "<commit-id>1000000009</commit-id>"),
            "no such commit",
        ),
        (
            call(
                "roll-back-configuration-last",
                "<count>1</count><force>true</force><best-effort>true</best-effort>",
            ),
            "operation-failed",
        ),
    ] {
        let reply = office.ask(session, &operation);
        assert!(
            reply.contains("<rpc-error>") && reply.contains(words),
            "{operation}: {reply}"
        );
        assert_eq!(running(&mut office, session), (false, true, true));
    }
}

#[test]
fn locks_and_confirmed_commits_of_others_stand_in_the_way() {
    let (mut office, session) = office();
    let other = office.enter("bert");
    office.accept(other, "<lock><target><running/></target></lock>");
    let last = call("roll-back-configuration-last", "<count>1</count>");
    assert!(office.ask(session, &last).contains("in-use"));
    office.accept(other, "<unlock><target><running/></target></unlock>");
    office.accept(session, &edit("", &host_name("new")));
    office.accept(session, "<commit><confirmed/></commit>");
    assert!(office.ask(session, &last).contains("in-use"));
}

#[test]
fn a_refused_parameter_is_named_without_the_word_input() {
    let (mut office, session) = office();
    office.check(
        session,
        &call("roll-back-configuration-last", "<count>x</count>"),
        expect![[r#"
            <rpc-error>
            <error-type>application</error-type>
            <error-tag>invalid-value</error-tag>
            <error-severity>error</error-severity>
            <error-path xmlns:rollback-act="http://cisco.com/ns/yang/Cisco-IOS-XR-cfgmgr-rollback-act">/rollback-act:roll-back-configuration-last/rollback-act:count</error-path>
            <error-message xml:lang="en">count: "x" is not a whole number in 1..100</error-message>
            <error-info>
            <bad-element>count</bad-element>
            </error-info>
            </rpc-error>"#]],
    );
    office.check(
        session,
        &call(
            "roll-back-configuration-last",
            "<count>1</count><force> true </force>",
        ),
        expect![[r#"
            <rpc-error>
            <error-type>application</error-type>
            <error-tag>invalid-value</error-tag>
            <error-severity>error</error-severity>
            <error-path xmlns:rollback-act="http://cisco.com/ns/yang/Cisco-IOS-XR-cfgmgr-rollback-act">/rollback-act:roll-back-configuration-last/rollback-act:force</error-path>
            <error-message xml:lang="en">force: " true " is neither true nor false</error-message>
            <error-info>
            <bad-element>force</bad-element>
            </error-info>
            </rpc-error>"#]],
    );
    office.check(
        session,
        &call("roll-back-configuration-last", ""),
        expect![[r#"
            <rpc-error>
            <error-type>application</error-type>
            <error-tag>missing-element</error-tag>
            <error-severity>error</error-severity>
            <error-path xmlns:rollback-act="http://cisco.com/ns/yang/Cisco-IOS-XR-cfgmgr-rollback-act">/rollback-act:roll-back-configuration-last/rollback-act:count</error-path>
            <error-message xml:lang="en">roll-back-configuration-last: count is mandatory and missing</error-message>
            <error-info>
            <bad-element>count</bad-element>
            </error-info>
            </rpc-error>"#]],
    );
}

/// The first commit makes a host name and two ports, the second takes one of them away again.
#[test]
fn with_best_effort_what_others_have_built_upon_stays() {
    let mut office = Office::opened();
    let session = office.enter("anna");
    let port = |number: u32| {
        optics(
            &format!("Optics0/1/0/{number}"),
            "<optics-fec>fec-sd27</optics-fec>",
        )
    };
    let both = port(0).replace("</interface-configurations>", "")
        + port(1)
            .split_once("<interface-configuration>")
            .map(|(_, rest)| rest)
            .map(|rest| format!("<interface-configuration>{rest}"))
            .unwrap()
            .as_str();
    office.accept(session, &edit("", &format!("{}{both}", host_name("one"))));
    office.accept(session, COMMIT);
    let away = port(0).replace(
        "<interface-configuration>",
        "<interface-configuration xmlns:nc=\"urn:ietf:params:xml:ns:netconf:base:1.0\" nc:operation=\"delete\">",
    );
    office.accept(session, &edit("", &away));
    office.accept(session, COMMIT);
    let first = "<commit-id>1000000001</commit-id>";
    let refused = office.ask(
        session,
        &call("roll-back-configuration", &format!("{first}<force>true</force>")),
    );
    assert!(refused.contains("is not there"), "{refused}");
    assert!(office.ask(session, GET_RUNNING).contains(">one<"));
    office.accept(
        session,
        &call(
            "roll-back-configuration",
            &format!("{first}<best-effort>true</best-effort>"),
        ),
    );
    office.check(session, GET_RUNNING, expect!["<data>\n</data>"]);
    assert_eq!(*office.committed.lock().unwrap(), [1, 2, 3]);
}

#[test]
fn force_changes_nothing_for_a_rollback_that_is_possible() {
    let (mut office, session) = office();
    office.accept(
        session,
        &call(
            "roll-back-configuration-last",
            "<count>1</count><force>true</force>",
        ),
    );
    assert_eq!(running(&mut office, session), (true, true, false));
}
