//! The audit log at the front desk: which events are recorded, with what, and that no value is.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use expect_test::{Expect, expect};
use ponder::datastore::memory_storage::MemoryStorage;
use ponder::management::access::control::{AccessControl, Privileges};
use ponder::management::audit::{AuditRecord, AuditTrail};

use crate::{COMMIT, GET_RUNNING, Office, SCHEMA, edit, host_name};

#[derive(Clone, Default)]
struct Trail {
    lines: Arc<Mutex<Vec<String>>>,
    reads: bool,
}

impl AuditTrail for Trail {
    fn record(&self, record: AuditRecord) {
        let line = serde_json::to_string(&record).unwrap();
        self.lines.lock().unwrap().push(line);
    }

    fn keeps_reads(&self) -> bool {
        self.reads
    }
}

impl Trail {
    fn office(&self) -> Office {
        let trail = self.clone();
        Office::with(MemoryStorage::new(), move |parts| {
            parts.audit = Some(Box::new(trail));
            let privileges = Privileges {
                recovery: BTreeSet::from(["root".to_owned()]),
                groups: BTreeMap::from([("otto".to_owned(), vec!["guests".to_owned()])]),
                from_the_start: false,
            };
            let running = Arc::clone(&parts.datastores.running().tree);
            parts.access = Arc::new(AccessControl::new(&SCHEMA, privileges, &running));
        })
    }

    /// What was recorded since, without what is the same in every line.
    fn check(&self, expected: Expect) {
        let lines: Vec<String> = self
            .lines
            .lock()
            .unwrap()
            .drain(..)
            .map(|line| {
                line.replace("\"from\":\"127.0.0.1:4711\",\"transport\":\"netconf-ssh\",", "")
                    .replace("\"time\":\"1970-01-01T00:00:00Z\",", "")
            })
            .collect();
        expected.assert_eq(&lines.join("\n"));
    }
}

#[test]
fn whoever_comes_changes_something_and_goes_is_recorded_with_paths_and_without_values() {
    let trail = Trail::default();
    let mut office = trail.office();
    let anna = office.enter("anna");
    office.ask(anna, GET_RUNNING);
    let secret = "<crypto-ca xmlns=\"http://cisco.com/ns/yang/Cisco-IOS-XR-crypto-cepki-cfg\"><certificate-authority>\
                  <trustpoints><trustpoint><name>t</name><sftp><password>hunter2</password></sftp>\
                  </trustpoint></trustpoints></certificate-authority></crypto-ca>";
    office.ask(anna, &edit("", secret));
    office.accept(anna, &edit("", &host_name("hunter2")));
    office.accept(anna, COMMIT);
    office.accept(
        anna,
        "<commit><confirmed/><confirm-timeout>10</confirm-timeout></commit>",
    );
    office.accept(anna, &edit("", &host_name("other")));
    office.accept(
        anna,
        "<commit><confirmed/><confirm-timeout>10</confirm-timeout></commit>",
    );
    office.pass(10);
    office.ask(anna, "<close-session/>");
    assert!(
        trail
            .lines
            .lock()
            .unwrap()
            .iter()
            .all(|line| !line.contains("hunter2"))
    );
    trail.check(expect![[r#"
        {"event":"session-start","user":"anna","session-id":1,"result":"ok"}
        {"event":"operation","user":"anna","session-id":1,"module":"ietf-netconf","operation":"edit-config","target":"candidate","changes":1,"paths":["create /Cisco-IOS-XR-crypto-cepki-cfg:crypto-ca/certificate-authority/trustpoints/trustpoint[name='t']"],"result":"ok"}
        {"event":"operation","user":"anna","session-id":1,"module":"ietf-netconf","operation":"edit-config","target":"candidate","changes":1,"paths":["create /Cisco-IOS-XR-shellutil-cfg:host-names/host-name"],"result":"ok"}
        {"event":"operation","user":"anna","session-id":1,"module":"ietf-netconf","operation":"commit","source":"candidate","target":"running","changes":2,"paths":["create /Cisco-IOS-XR-crypto-cepki-cfg:crypto-ca/certificate-authority/trustpoints/trustpoint[name='t']","create /Cisco-IOS-XR-shellutil-cfg:host-names/host-name"],"result":"ok"}
        {"event":"operation","user":"anna","session-id":1,"module":"ietf-netconf","operation":"commit","source":"candidate","target":"running","changes":0,"result":"ok"}
        {"event":"operation","user":"anna","session-id":1,"module":"ietf-netconf","operation":"edit-config","target":"candidate","changes":1,"paths":["set /Cisco-IOS-XR-shellutil-cfg:host-names/host-name"],"result":"ok"}
        {"event":"operation","user":"anna","session-id":1,"module":"ietf-netconf","operation":"commit","source":"candidate","target":"running","changes":1,"paths":["set /Cisco-IOS-XR-shellutil-cfg:host-names/host-name"],"result":"ok"}
        {"time":"1970-01-01T00:00:10Z","event":"rollback","target":"running","changes":1,"paths":["set /Cisco-IOS-XR-shellutil-cfg:host-names/host-name"],"result":"ok","why":"nobody confirmed it in time"}
        {"time":"1970-01-01T00:00:10Z","event":"session-end","user":"anna","session-id":1,"result":"ok","why":"closed"}"#]]);
}

#[test]
fn what_is_denied_names_the_rule_and_what_is_refused_its_tag() {
    let trail = Trail::default();
    let mut office = trail.office();
    let root = office.enter("root");
    let rules = "<nacm xmlns=\"urn:ietf:params:xml:ns:yang:ietf-netconf-acm\"><rule-list><name>visitors</name>\
                 <group>guests</group>\
                 <rule><name>no-lock</name><rpc-name>lock</rpc-name><action>deny</action></rule>\
                 <rule><name>no-names</name><module-name>Cisco-IOS-XR-shellutil-cfg</module-name>\
                 <action>deny</action></rule></rule-list></nacm>";
    office.accept(root, &edit("", &format!("{rules}{}", host_name("x"))));
    office.accept(root, COMMIT);
    let otto = office.enter("otto");
    trail.lines.lock().unwrap().clear();
    office.ask(otto, "<lock><target><running/></target></lock>");
    office.ask(otto, &edit("", &host_name("y")));
    office.ask(otto, GET_RUNNING);
    office.ask(root, "<unlock><target><running/></target></unlock>");
    office.ask(root, "<kill-session><session-id>2</session-id></kill-session>");
    office.ask(root, "<reset xmlns=\"urn:nobody\"><token>hunter2</token></reset>");
    trail.check(expect![[r#"
        {"event":"operation","user":"otto","session-id":2,"module":"ietf-netconf","operation":"lock","target":"running","result":"denied","error":"access-denied","denied-by":"visitors/no-lock"}
        {"event":"operation","user":"otto","session-id":2,"module":"ietf-netconf","operation":"edit-config","target":"candidate","changes":1,"paths":["set /Cisco-IOS-XR-shellutil-cfg:host-names/host-name"],"result":"denied","error":"access-denied","error-path":"/shellutil-cfg:host-names/shellutil-cfg:host-name","denied-by":"visitors/no-names"}
        {"event":"operation","user":"otto","session-id":2,"module":"ietf-netconf","operation":"get-config","source":"running","hidden":2,"result":"ok","denied-by":"visitors/no-names"}
        {"event":"operation","user":"root","session-id":1,"module":"ietf-netconf","operation":"unlock","target":"running","result":"refused","error":"operation-failed"}
        {"event":"session-end","user":"otto","session-id":2,"result":"ok","why":"killed by session 1"}
        {"event":"operation","user":"root","session-id":1,"module":"ietf-netconf","operation":"kill-session","target":"session 2","result":"ok"}
        {"event":"operation","user":"root","session-id":1,"operation":"reset","result":"refused","error":"unknown-namespace"}"#]]);
}

#[test]
fn reading_is_recorded_when_that_is_wanted() {
    let trail = Trail {
        reads: true,
        ..Trail::default()
    };
    let mut office = trail.office();
    let anna = office.enter("anna");
    office.ask(anna, GET_RUNNING);
    trail.check(expect![[r#"
        {"event":"session-start","user":"anna","session-id":1,"result":"ok"}
        {"event":"operation","user":"anna","session-id":1,"module":"ietf-netconf","operation":"get-config","source":"running","result":"ok"}"#]]);
}
