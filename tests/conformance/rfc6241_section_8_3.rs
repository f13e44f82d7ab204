//! Candidate, commit, discard (RFC 6241 section 8.3), and what happens when the disk refuses.

use expect_test::expect;
use ponder::datastore::memory_storage::Failure;

use crate::office::{COMMIT, GET_CANDIDATE, GET_RUNNING, Office, edit, host_name};

#[test]
fn running_changes_with_the_commit_and_not_before() {
    let mut office = Office::opened();
    let admin = office.enter("admin");
    office.accept(admin, &edit("", &host_name("lab")));
    office.check(
        admin,
        GET_RUNNING,
        expect![[r#"
        <data>
        </data>"#]],
    );
    office.check(
        admin,
        GET_CANDIDATE,
        expect![[r#"
        <data>
        <host-names xmlns="http://cisco.com/ns/yang/Cisco-IOS-XR-shellutil-cfg">
        <host-name>lab</host-name>
        </host-names>
        </data>"#]],
    );
    office.accept(admin, COMMIT);
    assert!(
        office
            .ask(admin, GET_RUNNING)
            .contains("<host-name>lab</host-name>")
    );
    assert_eq!(*office.committed.lock().unwrap(), [1]);
}

#[test]
fn a_commit_without_changes_is_ok_and_makes_no_generation() {
    let mut office = Office::opened();
    let admin = office.enter("admin");
    office.accept(admin, COMMIT);
    office.accept(admin, &edit("", &host_name("lab")));
    office.accept(admin, COMMIT);
    office.accept(admin, &edit("", &host_name("lab")));
    office.accept(admin, COMMIT);
    assert_eq!(*office.committed.lock().unwrap(), [1]);
}

#[test]
fn discard_makes_the_candidate_a_copy_of_running_again() {
    let mut office = Office::opened();
    let admin = office.enter("admin");
    office.accept(admin, &edit("", &host_name("lab")));
    office.accept(admin, COMMIT);
    office.accept(admin, &edit("", &host_name("other")));
    office.accept(admin, "<discard-changes/>");
    assert_eq!(office.ask(admin, GET_CANDIDATE), office.ask(admin, GET_RUNNING));
}

#[test]
fn what_breaks_a_rule_is_accepted_in_the_candidate_and_refused_by_validate_and_commit_alike() {
    let mut office = Office::opened();
    let admin = office.enter("admin");
    let half = crate::office::optics(
        "Optics0/0/0/0",
        "<optics-dwdm-carrier><grid-type>50g-hz-grid</grid-type><param-type>frequency</param-type></optics-dwdm-carrier>",
    );
    office.accept(admin, &edit("", &half));
    let refused = office.ask(admin, "<validate><source><candidate/></source></validate>");
    assert!(
        refused.contains("<error-tag>data-missing</error-tag>"),
        "{refused}"
    );
    assert!(refused.contains("param-value"), "{refused}");
    assert_eq!(office.ask(admin, COMMIT), refused);
    office.check(
        admin,
        GET_RUNNING,
        expect![[r#"
        <data>
        </data>"#]],
    );
}

#[test]
fn a_full_disk_refuses_the_commit_by_its_name_and_leaves_running_as_it_was() {
    let mut office = Office::opened();
    let admin = office.enter("admin");
    office.accept(admin, &edit("", &host_name("lab")));
    office.storage().fail(Some(Failure::NoRoom));
    let refused = office.ask(admin, COMMIT);
    assert!(
        refused.contains("<error-tag>resource-denied</error-tag>"),
        "{refused}"
    );
    assert!(refused.contains("nothing was committed"), "{refused}");
    office.check(
        admin,
        GET_RUNNING,
        expect![[r#"
        <data>
        </data>"#]],
    );
    office.storage().fail(None);
    office.accept(admin, COMMIT);
    assert_eq!(*office.committed.lock().unwrap(), [1]);
}
