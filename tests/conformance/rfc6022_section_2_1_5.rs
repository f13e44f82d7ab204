//! RFC 6022 section 2.1.5: what the counters of `<statistics>` and of each session count.

use std::sync::Arc;

use jiff::Timestamp;
use ponder::datastore::memory_storage::MemoryStorage;
use ponder::management::desk::{Ending, FrontDesk, Visitor};
use ponder::management::monitoring::NetconfMonitoring;
use ponder::management::operational::OperationalState;

use crate::office::{COMMIT, Office, SCHEMA, edit, host_name};
use crate::rfc5277_section_2::subscribe;

const COUNTERS: &str = r#"<get><filter><netconf-state xmlns="urn:ietf:params:xml:ns:yang:ietf-netconf-monitoring"><statistics/><sessions/></netconf-state></filter></get>"#;

fn office() -> Office {
    Office::with(MemoryStorage::new(), |parts| {
        let monitoring = NetconfMonitoring {
            schema: Arc::clone(&SCHEMA),
            capabilities: Vec::new(),
            datastores: vec!["running", "candidate"],
            sessions: Arc::clone(&parts.sessions),
            locks: Box::new(Vec::new),
            started: Timestamp::UNIX_EPOCH,
        };
        parts.state = OperationalState::new(vec![Box::new(monitoring)]);
    })
}

/// The counters of a session, or the totals.
fn counters(office: &mut Office, session: u32, of: Option<u32>) -> Vec<(String, u32)> {
    let told = office.ask(session, COUNTERS).replace('\n', "");
    let from = match of {
        Some(id) => told.find(&format!("<session-id>{id}</session-id>")).unwrap(),
        None => told.find("<statistics>").unwrap(),
    };
    let part = &told[from..];
    let until = part
        .find("</session>")
        .into_iter()
        .chain(part.find("</statistics>"))
        .min();
    part[..until.unwrap()]
        .split('<')
        .filter_map(|piece| piece.split_once('>'))
        .filter_map(|(name, value)| Some((name.to_owned(), value.parse().ok()?)))
        .filter(|(name, _)| name != "session-id")
        .collect()
}

fn listed(expected: &[(&str, u32)]) -> Vec<(String, u32)> {
    expected
        .iter()
        .map(|(name, count)| ((*name).to_owned(), *count))
        .collect()
}

#[test]
fn a_correct_rpc_counts_as_one_whatever_is_answered_and_what_is_none_counts_as_bad() {
    let mut office = office();
    let session = office.enter("anna");
    let watcher = office.enter("otto");
    office.accept(session, "<lock><target><candidate/></target></lock>");
    // Refused, but a correct rpc.
    office.ask(session, "<lock><target><candidate/></target></lock>");
    office.ask(session, "<frobnicate/>");
    // No correct rpcs: no message-id, no rpc, no XML.
    office.say(
        session,
        "<rpc xmlns=\"urn:ietf:params:xml:ns:netconf:base:1.0\"><get/></rpc>",
    );
    office.say(session, "<message/>");
    office.say(session, "<rpc");
    assert_eq!(
        counters(&mut office, watcher, Some(session)),
        listed(&[
            ("in-rpcs", 3),
            ("in-bad-rpcs", 3),
            ("out-rpc-errors", 5),
            ("out-notifications", 0)
        ])
    );
}

#[test]
fn notifications_that_were_sent_are_counted() {
    let mut office = office();
    let (follower, actor) = (office.enter("follower"), office.enter("actor"));
    office.accept(follower, &subscribe(""));
    for name in ["one", "two"] {
        office.accept(actor, &edit("", &host_name(name)));
        office.accept(actor, COMMIT);
    }
    let heard = office.hear(follower).unwrap().len();
    assert_eq!(heard, 2);
    for of in [Some(follower), None] {
        let told = counters(&mut office, actor, of);
        assert_eq!(
            told.last(),
            Some(&("out-notifications".to_owned(), 2)),
            "{told:?}"
        );
    }
}

#[test]
fn sessions_are_counted_by_how_they_began_and_ended() {
    let mut office = office();
    let (lost, watcher) = (office.enter("anna"), office.enter("otto"));
    office.drop_connection(lost);
    let visitor = Visitor {
        user: "anna".to_owned(),
        from: "127.0.0.1:4712".to_owned(),
        transport: "netconf-ssh",
    };
    let strange = office.desk.open(visitor, Box::new(|| ()));
    office.desk.close(strange, Ending::BadHello);
    assert_eq!(
        counters(&mut office, watcher, None)[..3],
        listed(&[("in-bad-hellos", 1), ("in-sessions", 3), ("dropped-sessions", 1)])
    );
}
