//! Limits of sessions as Cisco-IOS-XR-man-netconf-cfg configures them: they hold from the commit on.

use crate::{COMMIT, Office, edit};
use ponder::management::desk::FrontDesk;

fn limits(inside: &str) -> String {
    edit(
        "",
        &format!(
            "<netconf-yang xmlns=\"http://cisco.com/ns/yang/Cisco-IOS-XR-man-netconf-cfg\"><agent><session>{inside}\
             </session></agent></netconf-yang>"
        ),
    )
}

fn ended(office: &Office) -> Vec<u32> {
    office.killed.lock().unwrap().clone()
}

#[test]
fn a_session_that_asks_for_nothing_is_ended_unless_it_follows_notifications() {
    let mut office = Office::opened();
    let anna = office.enter("anna");
    let follower = office.enter("bert");
    office.accept(
        follower,
        "<create-subscription xmlns=\"urn:ietf:params:xml:ns:netconf:notification:1.0\"/>",
    );
    office.accept(anna, &limits("<idle-timeout>1</idle-timeout>"));
    office.pass(300);
    assert!(ended(&office).is_empty(), "not before it is committed");
    office.accept(anna, COMMIT);
    office.accept(anna, "<lock><target><candidate/></target></lock>");
    let silent = office.enter("otto");
    office.pass(40);
    office.accept(anna, "<validate><source><running/></source></validate>");
    office.pass(19);
    assert!(ended(&office).is_empty());
    office.pass(1);
    assert_eq!(ended(&office), [silent]);
    assert!(
        office
            .locks()
            .lock()
            .unwrap()
            .holder(ponder::datastore::lock::Lockable::Candidate)
            .is_some()
    );
    office.pass(40);
    assert_eq!(ended(&office), [silent, anna]);
    assert!(
        office
            .locks()
            .lock()
            .unwrap()
            .holder(ponder::datastore::lock::Lockable::Candidate)
            .is_none()
    );
}

#[test]
fn a_session_is_ended_after_its_time_whatever_it_does() {
    let mut office = Office::opened();
    let anna = office.enter("anna");
    office.accept(anna, &limits("<absolute-timeout>2</absolute-timeout>"));
    office.accept(anna, COMMIT);
    for _ in 0..11 {
        office.pass(10);
        office.accept(anna, "<validate><source><running/></source></validate>");
    }
    assert!(ended(&office).is_empty());
    office.pass(10);
    assert_eq!(ended(&office), [anna]);
}

#[test]
fn no_more_sessions_are_admitted_than_configured() {
    let mut office = Office::opened();
    let anna = office.enter("anna");
    office.accept(anna, &limits("<limit>2</limit>"));
    office.accept(anna, COMMIT);
    assert_eq!(FrontDesk::refuses_sessions(office.desk()), None);
    office.enter("bert");
    assert_eq!(
        FrontDesk::refuses_sessions(office.desk()).as_deref(),
        Some("no session: 2 sessions are open, and netconf-yang/agent/session/limit is 2")
    );
    office.accept(anna, "<close-session/>");
    assert_eq!(FrontDesk::refuses_sessions(office.desk()), None);
}
