//! RFC 6241 section 8.4: the confirmed commit, and where other servers fail at it.

use expect_test::{Expect, expect};
use ponder::datastore::memory_storage::{Failure, MemoryStorage};

use crate::office::{COMMIT, GET_RUNNING, Office, edit, host_name, optics};
use crate::{outcome, rpc};

const CANCEL: &str = "<cancel-commit/>";
const LOCK_RUNNING: &str = "<lock><target><running/></target></lock>";

fn confirmed(more: &str) -> String {
    format!("<commit><confirmed/>{more}</commit>")
}

/// A desk whose running has the host name `before`, and one session.
fn office() -> (Office, u32) {
    let mut office = Office::opened();
    let session = office.enter("anna");
    office.accept(session, &edit("", &host_name("before")));
    office.accept(session, COMMIT);
    (office, session)
}

/// Edits the host name and commits it.
fn change(office: &mut Office, session: u32, name: &str, commit: &str) {
    office.accept(session, &edit("", &host_name(name)));
    office.accept(session, commit);
}

/// The host name in running, seen by a session of its own.
fn name(office: &mut Office) -> String {
    let onlooker = office.enter("onlooker");
    let running = office.ask(onlooker, GET_RUNNING);
    office.accept(onlooker, "<close-session/>");
    match running.split_once("<host-name>") {
        Some((_, rest)) => rest.split('<').next().unwrap().to_owned(),
        None => String::new(),
    }
}

fn tag_of(reply: &str) -> &str {
    let (_, rest) = reply
        .split_once("<error-tag>")
        .unwrap_or_else(|| panic!("{reply}"));
    rest.split_once('<').unwrap().0
}

fn check(operation: &str, expected: &Expect) {
    expected.assert_eq(&outcome(&rpc(operation)));
}

#[test]
fn commit_takes_confirmed_a_time_and_two_tokens() {
    check(
        "<commit><persist-id>x</persist-id><confirmed/><persist>y</persist><confirm-timeout>30</confirm-timeout></commit>",
        &expect![[r#"
            Commit {
                confirmed: Some(
                    Confirmed {
                        timeout: 30s,
                        persist: Some(
                            "y",
                        ),
                    },
                ),
                persist_id: Some(
                    "x",
                ),
            }"#]],
    );
    check(
        "<commit><confirmed/></commit>",
        &expect![[r#"
            Commit {
                confirmed: Some(
                    Confirmed {
                        timeout: 600s,
                        persist: None,
                    },
                ),
                persist_id: None,
            }"#]],
    );
    check(
        "<cancel-commit><persist-id>x</persist-id></cancel-commit>",
        &expect![[r#"
            CancelCommit {
                persist_id: Some(
                    "x",
                ),
            }"#]],
    );
}

#[test]
fn what_is_wrong_with_the_parameters_is_said() {
    for (operation, tag, words) in [
        (
            "<commit><confirm-timeout>5</confirm-timeout></commit>",
            "missing-element",
            "goes with",
        ),
        (
            "<commit><persist>x</persist></commit>",
            "missing-element",
            "goes with",
        ),
        (
            "<commit><confirmed/><confirm-timeout>0</confirm-timeout></commit>",
            "invalid-value",
            "`0`",
        ),
        (
            "<commit><confirmed/><confirm-timeout>-1</confirm-timeout></commit>",
            "invalid-value",
            "`-1`",
        ),
        (
            "<commit><confirmed/><confirm-timeout>4294967296</confirm-timeout></commit>",
            "invalid-value",
            "to 4294967295",
        ),
        (
            "<commit><confirmed>yes</confirmed></commit>",
            "invalid-value",
            "empty",
        ),
        (
            "<cancel-commit><persist>x</persist></cancel-commit>",
            "unknown-element",
            "persist-id",
        ),
    ] {
        let reply = outcome(&rpc(operation));
        assert_eq!(tag_of(&reply), tag, "{operation}: {reply}");
        assert!(reply.contains(words), "{operation}: {reply}");
    }
}

#[test]
fn nobody_confirms_and_running_goes_back_when_time_is_up() {
    let (mut office, session) = office();
    change(
        &mut office,
        session,
        "new",
        &confirmed("<confirm-timeout>30</confirm-timeout>"),
    );
    office.pass(29);
    assert_eq!(name(&mut office), "new");
    office.pass(1);
    assert_eq!(name(&mut office), "before");
    // Whoever acts on running hears of both.
    assert_eq!(*office.committed.lock().unwrap(), [1, 2, 3]);
    // Nothing is left of it: the next commit is a plain one.
    change(&mut office, session, "later", COMMIT);
    office.pass(10_000);
    assert_eq!(name(&mut office), "later");
}

#[test]
fn ten_minutes_is_the_time_that_nobody_named() {
    let (mut office, session) = office();
    change(&mut office, session, "new", &confirmed(""));
    office.pass(599);
    assert_eq!(name(&mut office), "new");
    office.pass(1);
    assert_eq!(name(&mut office), "before");
}

#[test]
fn a_second_commit_confirms_with_or_without_changes() {
    for more in [None, Some("more")] {
        let (mut office, session) = office();
        change(&mut office, session, "new", &confirmed(""));
        match more {
            None => office.accept(session, COMMIT),
            Some(more) => change(&mut office, session, more, COMMIT),
        }
        office.pass(10_000);
        office.drop_connection(session);
        let left = more.unwrap_or("new");
        assert_eq!(name(&mut office), left);
        let mut office = office.restart();
        assert_eq!(name(&mut office), left);
    }
}

#[test]
fn it_goes_back_although_the_last_request_was_a_get() {
    // netopeer2#1371
    let (mut office, session) = office();
    change(
        &mut office,
        session,
        "new",
        &confirmed("<confirm-timeout>10</confirm-timeout>"),
    );
    office.ask(session, GET_RUNNING);
    office.ask(session, "<get/>");
    office.pass(10);
    assert_eq!(name(&mut office), "before");
}

#[test]
fn a_follow_up_keeps_the_first_rollback_point_and_begins_the_time_anew() {
    // netopeer2#1207
    let (mut office, session) = office();
    change(
        &mut office,
        session,
        "one",
        &confirmed("<confirm-timeout>60</confirm-timeout>"),
    );
    office.pass(50);
    change(
        &mut office,
        session,
        "two",
        &confirmed("<confirm-timeout>60</confirm-timeout>"),
    );
    office.pass(50);
    assert_eq!(name(&mut office), "two");
    office.pass(10);
    assert_eq!(name(&mut office), "before");
}

#[test]
fn a_follow_up_without_changes_only_begins_the_time_anew() {
    let (mut office, session) = office();
    change(
        &mut office,
        session,
        "one",
        &confirmed("<confirm-timeout>60</confirm-timeout>"),
    );
    office.pass(50);
    office.accept(session, &confirmed("<confirm-timeout>60</confirm-timeout>"));
    office.pass(59);
    assert_eq!(name(&mut office), "one");
    office.pass(1);
    assert_eq!(name(&mut office), "before");
}

#[test]
fn one_that_fails_arms_nothing() {
    // netopeer2#1826
    let (mut office, session) = office();
    office.accept(session, &edit("", &host_name("new")));
    office.storage().fail(Some(Failure::NoRoom));
    let reply = office.ask(session, &confirmed("<confirm-timeout>10</confirm-timeout>"));
    assert_eq!(tag_of(&reply), "resource-denied");
    office.storage().fail(None);
    office.accept(session, COMMIT);
    office.pass(10_000);
    assert_eq!(name(&mut office), "new");
    assert_eq!(tag_of(&office.ask(session, CANCEL)), "operation-failed");
}

#[test]
fn a_follow_up_that_fails_leaves_the_first_as_it_was() {
    let (mut office, session) = office();
    change(
        &mut office,
        session,
        "one",
        &confirmed("<confirm-timeout>60</confirm-timeout>"),
    );
    office.accept(session, &edit("", &host_name("two")));
    office.storage().fail(Some(Failure::NoRoom));
    office.pass(30);
    let reply = office.ask(session, &confirmed("<confirm-timeout>600</confirm-timeout>"));
    assert_eq!(tag_of(&reply), "resource-denied");
    office.storage().fail(None);
    office.pass(30);
    assert_eq!(name(&mut office), "before");
}

#[test]
fn a_lost_or_closed_session_takes_its_commit_back() {
    let (mut office, session) = office();
    change(&mut office, session, "new", &confirmed(""));
    office.drop_connection(session);
    assert_eq!(name(&mut office), "before");

    let other = office.enter("bert");
    change(&mut office, other, "new", &confirmed(""));
    office.accept(other, "<close-session/>");
    assert_eq!(name(&mut office), "before");

    let third = office.enter("carla");
    change(&mut office, third, "new", &confirmed(""));
    let killer = office.enter("killer");
    office.accept(
        killer,
        &format!("<kill-session><session-id>{third}</session-id></kill-session>"),
    );
    assert_eq!(name(&mut office), "before");
}

#[test]
fn with_a_token_it_outlives_its_session_and_any_session_confirms() {
    let (mut office, session) = office();
    change(&mut office, session, "new", &confirmed("<persist>t</persist>"));
    office.drop_connection(session);
    assert_eq!(name(&mut office), "new");
    let other = office.enter("bert");
    assert_eq!(tag_of(&office.ask(other, COMMIT)), "in-use");
    let wrong = office.ask(other, "<commit><persist-id>u</persist-id></commit>");
    assert_eq!(tag_of(&wrong), "invalid-value");
    assert!(!wrong.contains("<persist-id>t"), "the token is not told: {wrong}");
    office.accept(other, "<commit><persist-id>t</persist-id></commit>");
    office.pass(10_000);
    assert_eq!(name(&mut office), "new");
}

#[test]
fn with_a_token_it_still_runs_out() {
    let (mut office, session) = office();
    change(&mut office, session, "new", &confirmed("<persist>t</persist>"));
    office.drop_connection(session);
    office.pass(600);
    assert_eq!(name(&mut office), "before");
}

#[test]
fn any_session_follows_up_with_the_token_and_may_give_another() {
    let (mut office, session) = office();
    change(&mut office, session, "one", &confirmed("<persist>t</persist>"));
    let other = office.enter("bert");
    change(
        &mut office,
        other,
        "two",
        &confirmed("<persist>u</persist><persist-id>t</persist-id>"),
    );
    assert_eq!(
        tag_of(&office.ask(session, "<commit><persist-id>t</persist-id></commit>")),
        "invalid-value"
    );
    office.accept(
        session,
        "<cancel-commit><persist-id>u</persist-id></cancel-commit>",
    );
    assert_eq!(name(&mut office), "before");
}

#[test]
fn without_a_token_another_session_can_neither_confirm_nor_cancel_nor_commit() {
    let (mut office, session) = office();
    change(&mut office, session, "new", &confirmed(""));
    let other = office.enter("bert");
    office.check(
        other,
        COMMIT,
        expect![[r#"
            <rpc-error>
            <error-type>protocol</error-type>
            <error-tag>in-use</error-tag>
            <error-severity>error</error-severity>
            <error-message xml:lang="en">commit: session 1 made a confirmed commit without &lt;persist&gt;: only that session may go on with it</error-message>
            </rpc-error>"#]],
    );
    assert_eq!(tag_of(&office.ask(other, CANCEL)), "in-use");
    assert_eq!(tag_of(&office.ask(other, &confirmed(""))), "in-use");
    assert_eq!(name(&mut office), "new");
}

#[test]
fn cancel_commit_goes_back_at_once() {
    let (mut office, session) = office();
    change(&mut office, session, "one", &confirmed(""));
    change(&mut office, session, "two", &confirmed(""));
    office.accept(session, CANCEL);
    assert_eq!(name(&mut office), "before");
    office.check(
        session,
        CANCEL,
        expect![[r#"
            <rpc-error>
            <error-type>protocol</error-type>
            <error-tag>operation-failed</error-tag>
            <error-severity>error</error-severity>
            <error-message xml:lang="en">cancel-commit: no confirmed commit awaits a confirmation</error-message>
            </rpc-error>"#]],
    );
    let reply = office.ask(
        session,
        "<cancel-commit><persist-id>t</persist-id></cancel-commit>",
    );
    assert_eq!(tag_of(&reply), "invalid-value");
    assert!(reply.contains("<bad-element>persist-id</bad-element>"), "{reply}");
}

#[test]
fn a_restart_undoes_it_before_the_first_session_with_or_without_a_token() {
    // netopeer2#1345
    for more in ["", "<persist>t</persist>"] {
        let (mut office, session) = office();
        change(&mut office, session, "one", &confirmed(more));
        let token = if more.is_empty() {
            ""
        } else {
            "<persist-id>t</persist-id>"
        };
        change(&mut office, session, "two", &confirmed(token));
        let mut office = office.restart();
        assert_eq!(name(&mut office), "before");
        let session = office.enter("anna");
        change(&mut office, session, "later", COMMIT);
        let mut office = office.restart();
        assert_eq!(name(&mut office), "later");
    }
}

#[test]
fn a_rollback_that_the_disk_refuses_keeps_others_out_and_is_tried_again() {
    let (mut office, session) = office();
    change(&mut office, session, "new", &confirmed(""));
    office.storage().fail(Some(Failure::NoRoom));
    office.drop_connection(session);
    assert_eq!(name(&mut office), "new");
    let other = office.enter("bert");
    assert_eq!(tag_of(&office.ask(other, COMMIT)), "in-use");
    office.storage().fail(None);
    office.pass(1);
    assert_eq!(name(&mut office), "before");
    office.accept(other, COMMIT);
}

#[test]
fn running_is_not_locked_for_others_while_it_awaits_a_confirmation() {
    // RFC 6241 section 7.5
    let (mut office, session) = office();
    change(&mut office, session, "new", &confirmed(""));
    let other = office.enter("bert");
    office.check(
        other,
        LOCK_RUNNING,
        expect![[r#"
            <rpc-error>
            <error-type>protocol</error-type>
            <error-tag>lock-denied</error-tag>
            <error-severity>error</error-severity>
            <error-message xml:lang="en">lock running: a confirmed commit of session 1 awaits its confirmation</error-message>
            <error-info>
            <session-id>1</session-id>
            </error-info>
            </rpc-error>"#]],
    );
    office.accept(session, LOCK_RUNNING);
    // A lock does not stop the time.
    office.pass(600);
    assert_eq!(name(&mut office), "before");
    assert_eq!(tag_of(&office.ask(other, LOCK_RUNNING)), "lock-denied");
}

#[test]
fn the_lock_holder_alone_commits_and_cancels() {
    let (mut office, session) = office();
    office.accept(session, LOCK_RUNNING);
    change(&mut office, session, "new", &confirmed("<persist>t</persist>"));
    let other = office.enter("bert");
    for operation in [
        "<commit><persist-id>t</persist-id></commit>",
        "<cancel-commit><persist-id>t</persist-id></cancel-commit>",
    ] {
        assert_eq!(tag_of(&office.ask(other, operation)), "in-use");
    }
    office.accept(session, "<commit><persist-id>t</persist-id></commit>");
    assert_eq!(name(&mut office), "new");
}

#[test]
fn what_is_being_edited_stays_when_running_goes_back() {
    let (mut office, session) = office();
    change(&mut office, session, "new", &confirmed(""));
    let port = optics("Optics0/1/0/0", "<optics-description>edited</optics-description>");
    let reply = office.ask(session, &edit("", &port));
    let edited = reply == "<ok/>";
    office.pass(600);
    assert_eq!(name(&mut office), "before");
    if edited {
        assert!(
            office
                .ask(session, crate::office::GET_CANDIDATE)
                .contains("edited")
        );
    }
}

#[test]
fn the_history_says_why_running_went_back() {
    let storage = MemoryStorage::new();
    let mut office = Office::with(storage.clone(), |_| {});
    let session = office.enter("anna");
    change(&mut office, session, "new", &confirmed(""));
    office.pass(600);
    let kept = storage.kept();
    let last = kept.after.last().unwrap();
    assert_eq!(
        last.author.comment.as_deref(),
        Some("rolled back: nobody confirmed it in time")
    );
    assert_eq!(last.awaiting, None);
}
