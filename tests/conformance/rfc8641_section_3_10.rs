//! RFC 8641 section 3.10: which nodes are told of on change. State is, of those who tell changes, at a bounded rate.

use std::sync::{Arc, Mutex};

use expect_test::expect;
use ponder::datastore::memory_storage::MemoryStorage;
use ponder::management::operational::{OperationalState, StateProvider};
use ponder::management::subscription::agreements::Subscriptions;
use ponder::yang::state::StateBuilder;

use crate::office::Office;
use crate::rfc5277_section_2::{change, names};
use crate::rfc8639_section_2::{establish, follow};
use crate::rfc8641_section_3::{hears, inside, of, on_change, periodic, subtree};

const PLATFORM: &str = "http://cisco.com/ns/yang/Cisco-IOS-XR-platform-oper";
const SHELLUTIL: &str = "http://cisco.com/ns/yang/Cisco-IOS-XR-shellutil-oper";

/// Cards that come and go, and a leaf that moves by itself.
struct Cards(Arc<Mutex<Vec<(String, u32)>>>);

impl StateProvider for Cards {
    fn roots(&self) -> Vec<&'static str> {
        vec!["Cisco-IOS-XR-platform-oper:platform"]
    }

    fn fill(&self, out: &mut StateBuilder<'_>) {
        out.container("Cisco-IOS-XR-platform-oper:platform", |out| {
            out.container("racks", |out| {
                out.list("rack", &[("rack-name", &"0")], |out| {
                    out.container("slots", |out| {
                        for (name, state) in self.0.lock().unwrap().iter() {
                            out.list("slot", &[("slot-name", name)], |out| {
                                out.container("state", |out| {
                                    out.leaf("card-type", "NCS1K4-QXP-K9");
                                    out.leaf("node-name", format_args!("0/{state}"));
                                });
                            });
                        }
                    });
                });
            });
        });
    }

    fn tells_changes(&self) -> bool {
        true
    }

    fn moving(&self) -> &'static [&'static str] {
        &["/Cisco-IOS-XR-platform-oper:platform/racks/rack/slots/slot/state/card-type"]
    }

    fn provided(&self) -> &'static [&'static str] {
        &[]
    }
}

/// A clock, of which nobody is told.
struct Uptime;

impl StateProvider for Uptime {
    fn roots(&self) -> Vec<&'static str> {
        vec!["Cisco-IOS-XR-shellutil-oper:system-time"]
    }

    fn fill(&self, out: &mut StateBuilder<'_>) {
        out.container("Cisco-IOS-XR-shellutil-oper:system-time", |out| {
            out.container("uptime", |out| out.leaf("uptime", 1));
        });
    }

    fn provided(&self) -> &'static [&'static str] {
        &[]
    }
}

type Fitted = Arc<Mutex<Vec<(String, u32)>>>;

fn office() -> (Office, Fitted, Arc<Subscriptions>, u32) {
    let fitted: Fitted = Arc::new(Mutex::new(vec![("0".to_owned(), 1)]));
    let cards = Arc::clone(&fitted);
    let mut subscriptions = None;
    let mut office = Office::with(MemoryStorage::new(), |parts| {
        parts.state = OperationalState::new(vec![Box::new(Cards(cards)), Box::new(Uptime)]);
        subscriptions = Some(Arc::clone(&parts.subscriptions));
    });
    let follower = office.enter("follower");
    (office, fitted, subscriptions.unwrap(), follower)
}

fn platform() -> String {
    subtree(&format!("<platform xmlns=\"{PLATFORM}\"/>"))
}

#[test]
fn rfc8641_3_10_state_of_those_who_tell_changes_is_told_as_edits_without_what_moves_by_itself() {
    let (mut office, fitted, subscriptions, follower) = office();
    follow(
        &mut office,
        follower,
        &of("operational", &(platform() + &on_change(""))),
    );
    hears(
        &mut office,
        follower,
        expect![[r#"
        <push-update xmlns="urn:ietf:params:xml:ns:yang:ietf-yang-push">
        <id>2147483648</id>
        <datastore-contents>
        <platform xmlns="http://cisco.com/ns/yang/Cisco-IOS-XR-platform-oper">
        <racks>
        <rack>
        <rack-name>0</rack-name>
        <slots>
        <slot>
        <slot-name>0</slot-name>
        <state>
        <node-name>0/1</node-name>
        </state>
        </slot>
        </slots>
        </rack>
        </racks>
        </platform>
        </datastore-contents>
        </push-update>"#]],
    );
    *fitted.lock().unwrap() = vec![("0".to_owned(), 2), ("1".to_owned(), 1)];
    assert!(subscriptions.state_changed());
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
            <operation>replace</operation>
            <target>/Cisco-IOS-XR-platform-oper:platform/racks/rack=0/slots/slot=0/state/node-name</target>
            <value>
            <node-name xmlns="http://cisco.com/ns/yang/Cisco-IOS-XR-platform-oper">0/2</node-name>
            </value>
            </edit>
            <edit>
            <edit-id>2</edit-id>
            <operation>create</operation>
            <target>/Cisco-IOS-XR-platform-oper:platform/racks/rack=0/slots/slot=1</target>
            <value>
            <slot xmlns="http://cisco.com/ns/yang/Cisco-IOS-XR-platform-oper">
            <slot-name>1</slot-name>
            <state>
            <node-name>0/1</node-name>
            </state>
            </slot>
            </value>
            </edit>
            </yang-patch>
            </datastore-changes>
            </push-change-update>"#]],
    );
    fitted.lock().unwrap().remove(0);
    subscriptions.state_changed();
    assert_eq!(
        office.hear(follower).unwrap(),
        Vec::<String>::new(),
        "not more often than updates may come"
    );
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
        <operation>delete</operation>
        <target>/Cisco-IOS-XR-platform-oper:platform/racks/rack=0/slots/slot=0</target>
        </edit>
        </yang-patch>
        </datastore-changes>
        </push-change-update>"#]],
    );
    subscriptions.state_changed();
    office.pass(2);
    assert_eq!(
        office.hear(follower).unwrap(),
        Vec::<String>::new(),
        "nothing has changed"
    );
}

#[test]
fn rfc8641_3_10_state_of_which_nobody_is_told_is_refused_by_name_and_pushed_periodically() {
    let (mut office, _, subscriptions, follower) = office();
    let clock = subtree(&format!("<system-time xmlns=\"{SHELLUTIL}\"/>"));
    let reply = office.ask(
        follower,
        &establish(&of("operational", &(clock.clone() + &on_change("")))),
    );
    for part in [
        "<error-tag>operation-not-supported<",
        "<error-app-tag>ietf-yang-push:on-change-unsupported<",
        "<filter-failure-hint>changes are not told of: Cisco-IOS-XR-shellutil-oper:system-time; they are of \
         Cisco-IOS-XR-platform-oper:platform<",
    ] {
        assert!(reply.contains(part), "{reply}");
    }
    assert!(!subscriptions.state_changed(), "nobody follows");
    follow(
        &mut office,
        follower,
        &of("operational", &(clock + &periodic(100))),
    );
    assert!(inside(&office.hear(follower).unwrap()).contains("<uptime>1<"));
}

#[test]
fn rfc8641_3_10_without_a_filter_configuration_and_state_that_is_followed_are_told() {
    let (mut office, fitted, subscriptions, follower) = office();
    follow(&mut office, follower, &of("operational", &on_change("")));
    let told = inside(&office.hear(follower).unwrap());
    assert!(
        told.contains("<slot-name>0<") && !told.contains("uptime"),
        "{told}"
    );
    change(&mut office, follower, "node-1");
    let told = inside(&office.hear(follower).unwrap());
    assert!(
        told.contains("<operation>create<") && told.contains("node-1"),
        "{told}"
    );
    change(&mut office, follower, "node-2");
    fitted.lock().unwrap().clear();
    subscriptions.state_changed();
    office.pass(1);
    let told = office.hear(follower).unwrap();
    assert_eq!(names(&told), ["push-change-update"], "both in one");
    let told = inside(&told);
    assert!(
        told.contains("node-2") && told.contains("<operation>delete<"),
        "{told}"
    );
}
