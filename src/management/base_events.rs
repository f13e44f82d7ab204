//! The events of the base protocol (RFC 6470): configuration changed, sessions began and ended, confirmed commits moved.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;

use crate::datastore::change_set::{Change, ChangeSet};
use crate::management::desk::{Ending, Visitor};
use crate::management::event_stream::EventStreams;
use crate::yang::path::InstancePath;
use crate::yang::state::StateBuilder;

/// Who did it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Party {
    /// The agent itself.
    Server,
    /// A session.
    Session {
        /// Its number.
        session_id: u32,
        /// Its user.
        user: String,
        /// Address of the other end with its port.
        from: String,
    },
}

impl Party {
    /// A session by its visitor.
    pub fn of(session_id: u32, visitor: &Visitor) -> Party {
        Party::Session {
            session_id,
            user: visitor.user.clone(),
            from: visitor.from.clone(),
        }
    }
}

/// What happened to a confirmed commit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ConfirmEvent {
    /// A commit awaits its confirmation for so long.
    Start(Duration),
    /// It awaits it for so long from now.
    Extend(Duration),
    /// It was confirmed.
    Complete,
    /// It was cancelled, or its session is gone.
    Cancel,
    /// Nobody confirmed it in time.
    Timeout,
}

/// More edits than this are told of by the top-level nodes that they are in.
const MAX_EDITS: usize = 100;

impl EventStreams {
    /// Running is another one.
    pub fn configuration_changed(&self, now: Timestamp, by: &Party, changes: &ChangeSet) {
        self.publish(now, "ietf-netconf-notifications:netconf-config-change", |out| {
            out.container("changed-by", |out| match by {
                Party::Server => out.leaf("server", ""),
                session => fill_session(session, out),
            });
            out.leaf("datastore", "running");
            for (target, operation) in edits(changes) {
                out.list("edit", &[], |out| {
                    out.leaf("target", target);
                    out.leaf("operation", operation);
                });
            }
        });
    }

    /// A session began.
    pub fn session_started(&self, now: Timestamp, session: &Party) {
        self.publish(now, "ietf-netconf-notifications:netconf-session-start", |out| {
            fill_session(session, out);
        });
    }

    /// A session ended; `killer` is the session that killed it.
    pub fn session_ended(&self, now: Timestamp, session: &Party, ending: Ending, killer: Option<u32>) {
        self.publish(now, "ietf-netconf-notifications:netconf-session-end", |out| {
            fill_session(session, out);
            out.leaf_option("killed-by", killer.filter(|_| ending == Ending::Killed));
            out.leaf(
                "termination-reason",
                match ending {
                    Ending::Closed => "closed",
                    Ending::Dropped => "dropped",
                    Ending::Killed => "killed",
                    Ending::TimedOut => "timeout",
                    Ending::BadHello => "bad-hello",
                    Ending::BadMessage | Ending::FellBehind => "other",
                },
            );
        });
    }

    /// A confirmed commit moved. `by` is told of unless it ran out by itself.
    pub fn confirmed_commit(&self, now: Timestamp, by: &Party, event: ConfirmEvent) {
        self.publish(
            now,
            "ietf-netconf-notifications:netconf-confirmed-commit",
            |out| {
                if event != ConfirmEvent::Timeout {
                    fill_session(by, out);
                }
                let (name, timeout) = match event {
                    ConfirmEvent::Start(timeout) => ("start", Some(timeout)),
                    ConfirmEvent::Extend(timeout) => ("extend", Some(timeout)),
                    ConfirmEvent::Complete => ("complete", None),
                    ConfirmEvent::Cancel => ("cancel", None),
                    ConfirmEvent::Timeout => ("timeout", None),
                };
                out.leaf("confirm-event", name);
                out.leaf_option("timeout", timeout.map(|timeout| timeout.as_secs()));
            },
        );
    }

    /// The server can do something more or less than before.
    pub fn capabilities_changed(
        &self,
        now: Timestamp,
        added: &[String],
        deleted: &[String],
        modified: &[String],
    ) {
        if added.is_empty() && deleted.is_empty() && modified.is_empty() {
            return;
        }
        self.publish(
            now,
            "ietf-netconf-notifications:netconf-capability-change",
            |out| {
                out.container("changed-by", |out| out.leaf("server", ""));
                out.leaf_list("added-capability", added);
                out.leaf_list("deleted-capability", deleted);
                out.leaf_list("modified-capability", modified);
            },
        );
    }
}

/// `common-session-parms`: number 0 stands for whoever has no session (RFC 6470 section 2.2).
fn fill_session(party: &Party, out: &mut StateBuilder<'_>) {
    match party {
        Party::Server => {
            out.leaf("username", "");
            out.leaf("session-id", 0);
        }
        Party::Session {
            session_id,
            user,
            from,
        } => {
            out.leaf("username", user);
            out.leaf("session-id", session_id);
            out.leaf_option("source-host", host(from));
        }
    }
}

/// The address alone, if it is one.
fn host(from: &str) -> Option<&str> {
    let (host, _) = from.rsplit_once(':')?;
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let is_address = host.contains(['.', ':'])
        && host
            .chars()
            .all(|sign| sign.is_ascii_hexdigit() || sign == '.' || sign == ':');
    is_address.then_some(host)
}

/// Targets and operations.
fn edits(changes: &ChangeSet) -> Vec<(String, &'static str)> {
    if changes.changes.len() <= MAX_EDITS {
        let told = |change: &Change| (change.path().to_string(), operation(change));
        return changes.changes.iter().map(told).collect();
    }
    let tops: BTreeSet<String> = changes
        .changes
        .iter()
        .map(|change| top(change.path()).to_string())
        .collect();
    tops.into_iter().map(|top| (top, "merge")).collect()
}

fn operation(change: &Change) -> &'static str {
    match change {
        Change::Insert { .. } => "create",
        Change::Remove { .. } => "delete",
        Change::Set { .. } => "replace",
        Change::Move { .. } => "merge",
    }
}

fn top(path: &InstancePath) -> InstancePath {
    let mut top = InstancePath::root();
    if let Some(first) = path.steps().first() {
        top.push(first.clone());
    }
    top
}
