//! Locks and the end of sessions (RFC 6241 sections 7.5, 7.6, 7.8, 7.9).

use expect_test::expect;

use crate::office::{COMMIT, GET_CANDIDATE, Office, edit, host_name};

const LOCK: &str = "<lock><target><candidate/></target></lock>";
const UNLOCK: &str = "<unlock><target><candidate/></target></unlock>";

#[test]
fn a_lock_keeps_others_from_editing_and_names_its_holder() {
    let mut office = Office::opened();
    let (first, second) = (office.enter("first"), office.enter("second"));
    office.accept(first, LOCK);
    office.check(
        second,
        LOCK,
        expect![[r#"
        <rpc-error>
        <error-type>protocol</error-type>
        <error-tag>lock-denied</error-tag>
        <error-severity>error</error-severity>
        <error-message xml:lang="en">lock candidate: session 1 holds the lock</error-message>
        <error-info>
        <session-id>1</session-id>
        </error-info>
        </rpc-error>"#]],
    );
    office.check(
        second,
        &edit("", &host_name("lab")),
        expect![[r#"
        <rpc-error>
        <error-type>protocol</error-type>
        <error-tag>in-use</error-tag>
        <error-severity>error</error-severity>
        <error-message xml:lang="en">candidate is locked: session 1 holds the lock</error-message>
        </rpc-error>"#]],
    );
    assert!(
        office
            .ask(second, UNLOCK)
            .contains("<error-tag>operation-failed</error-tag>")
    );
    office.accept(first, UNLOCK);
    office.accept(second, &edit("", &host_name("lab")));
}

#[test]
fn running_locked_by_another_is_not_committed_to() {
    let mut office = Office::opened();
    let (first, second) = (office.enter("first"), office.enter("second"));
    office.accept(first, "<lock><target><running/></target></lock>");
    office.accept(second, &edit("", &host_name("lab")));
    assert!(
        office
            .ask(second, COMMIT)
            .contains("running is locked: session 1 holds the lock")
    );
    office.accept(first, COMMIT);
}

#[test]
fn a_modified_candidate_cannot_be_locked() {
    let mut office = Office::opened();
    let admin = office.enter("admin");
    office.accept(admin, &edit("", &host_name("lab")));
    office.check(admin, LOCK, expect![[r#"
        <rpc-error>
        <error-type>protocol</error-type>
        <error-tag>lock-denied</error-tag>
        <error-severity>error</error-severity>
        <error-message xml:lang="en">lock candidate: the candidate has changes that are neither committed nor discarded</error-message>
        <error-info>
        <session-id>0</session-id>
        </error-info>
        </rpc-error>"#]]);
}

#[test]
fn a_vanished_session_leaves_no_lock_and_no_half_done_candidate() {
    let mut office = Office::opened();
    let (first, second) = (office.enter("first"), office.enter("second"));
    office.accept(first, LOCK);
    office.accept(first, &edit("", &host_name("lab")));
    office.drop_connection(first);
    office.check(
        second,
        GET_CANDIDATE,
        expect![[r#"
        <data>
        </data>"#]],
    );
    office.accept(second, LOCK);
}

#[test]
fn a_killed_session_is_ended_and_its_locks_are_free() {
    let mut office = Office::opened();
    let (first, second) = (office.enter("first"), office.enter("second"));
    office.accept(first, LOCK);
    office.accept(second, "<kill-session><session-id>1</session-id></kill-session>");
    assert_eq!(*office.killed.lock().unwrap(), [first]);
    office.accept(second, LOCK);
    for wrong in ["1", "2", "99"] {
        let refused = office.ask(
            second,
            &format!("<kill-session><session-id>{wrong}</session-id></kill-session>"),
        );
        assert!(
            refused.contains("<error-tag>invalid-value</error-tag>"),
            "{refused}"
        );
        assert!(refused.contains(&format!("kill-session {wrong}:")), "{refused}");
    }
}

#[test]
fn close_session_is_answered_and_gives_up_locks() {
    let mut office = Office::opened();
    let (first, second) = (office.enter("first"), office.enter("second"));
    office.accept(first, LOCK);
    office.accept(first, "<close-session/>");
    office.accept(second, LOCK);
}
