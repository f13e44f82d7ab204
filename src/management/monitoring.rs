//! ietf-netconf-monitoring (RFC 6022): capabilities, datastores with their locks, schemas, sessions, statistics.

use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;

use crate::management::operational::StateProvider;
use crate::management::session_list::{Messages, SessionList};
use crate::yang::schema::{Conformance, Schema};
use crate::yang::state::StateBuilder;

/// A lock as it is shown.
#[derive(Clone, Debug)]
pub struct ShownLock {
    /// Of which datastore.
    pub datastore: &'static str,
    /// The session that holds it.
    pub session_id: u32,
    /// Since when.
    pub since: Timestamp,
    /// What is locked, where that is a part only.
    pub part: Option<ShownPart>,
}

/// A lock on a part, as it is shown.
#[derive(Clone, Debug)]
pub struct ShownPart {
    /// The number of the lock.
    pub lock_id: u32,
    /// The expressions that it was asked for with.
    pub select: Vec<String>,
    /// The nodes that are locked.
    pub nodes: Vec<String>,
}

/// Fills `netconf-state`.
pub struct NetconfMonitoring {
    /// What there is to fetch with get-schema.
    pub schema: Arc<Schema>,
    /// What the hello says.
    pub capabilities: Vec<String>,
    /// The configuration datastores there are.
    pub datastores: Vec<&'static str>,
    /// Who is here.
    pub sessions: Arc<Mutex<SessionList>>,
    /// The locks at this moment.
    pub locks: Box<dyn Fn() -> Vec<ShownLock> + Send + Sync>,
    /// When the server started.
    pub started: Timestamp,
}

impl StateProvider for NetconfMonitoring {
    fn roots(&self) -> Vec<&'static str> {
        vec!["ietf-netconf-monitoring:netconf-state"]
    }

    fn fill(&self, out: &mut StateBuilder<'_>) {
        out.container("ietf-netconf-monitoring:netconf-state", |out| {
            out.container("capabilities", |out| {
                out.leaf_list("capability", &self.capabilities)
            });
            out.container("datastores", |out| {
                let locks = (self.locks)();
                for name in &self.datastores {
                    out.list("datastore", &[("name", name)], |out| {
                        let locks: Vec<&ShownLock> =
                            locks.iter().filter(|lock| lock.datastore == *name).collect();
                        if locks.is_empty() {
                            return;
                        }
                        out.container("locks", |out| {
                            for lock in locks {
                                fill_lock(lock, out);
                            }
                        });
                    });
                }
            });
            out.container("schemas", |out| self.fill_schemas(out));
            out.container("sessions", |out| self.fill_sessions(out));
            out.container("statistics", |out| {
                let totals = self
                    .sessions
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .totals();
                out.leaf("netconf-start-time", self.started);
                out.leaf("in-bad-hellos", totals.in_bad_hellos);
                out.leaf("in-sessions", totals.in_sessions);
                out.leaf("dropped-sessions", totals.dropped_sessions);
                fill_messages(&totals.messages, out);
            });
        });
    }

    fn provided(&self) -> &'static [&'static str] {
        &[
            "/ietf-netconf-monitoring:netconf-state/capabilities/capability",
            "/ietf-netconf-monitoring:netconf-state/datastores/datastore/locks/global-lock/locked-by-session",
            "/ietf-netconf-monitoring:netconf-state/datastores/datastore/locks/global-lock/locked-time",
            "/ietf-netconf-monitoring:netconf-state/datastores/datastore/locks/partial-lock/locked-by-session",
            "/ietf-netconf-monitoring:netconf-state/datastores/datastore/locks/partial-lock/locked-time",
            "/ietf-netconf-monitoring:netconf-state/datastores/datastore/locks/partial-lock/select",
            "/ietf-netconf-monitoring:netconf-state/datastores/datastore/locks/partial-lock/locked-node",
            "/ietf-netconf-monitoring:netconf-state/schemas/schema/namespace",
            "/ietf-netconf-monitoring:netconf-state/schemas/schema/location",
            "/ietf-netconf-monitoring:netconf-state/sessions/session/transport",
            "/ietf-netconf-monitoring:netconf-state/sessions/session/username",
            "/ietf-netconf-monitoring:netconf-state/sessions/session/source-host",
            "/ietf-netconf-monitoring:netconf-state/sessions/session/login-time",
            "/ietf-netconf-monitoring:netconf-state/sessions/session/in-rpcs",
            "/ietf-netconf-monitoring:netconf-state/sessions/session/in-bad-rpcs",
            "/ietf-netconf-monitoring:netconf-state/sessions/session/out-rpc-errors",
            "/ietf-netconf-monitoring:netconf-state/sessions/session/out-notifications",
            "/ietf-netconf-monitoring:netconf-state/statistics/netconf-start-time",
            "/ietf-netconf-monitoring:netconf-state/statistics/in-bad-hellos",
            "/ietf-netconf-monitoring:netconf-state/statistics/in-sessions",
            "/ietf-netconf-monitoring:netconf-state/statistics/dropped-sessions",
            "/ietf-netconf-monitoring:netconf-state/statistics/in-rpcs",
            "/ietf-netconf-monitoring:netconf-state/statistics/in-bad-rpcs",
            "/ietf-netconf-monitoring:netconf-state/statistics/out-rpc-errors",
            "/ietf-netconf-monitoring:netconf-state/statistics/out-notifications",
        ]
    }
}

/// Identities of formats.
const YANG: &str = "ietf-netconf-monitoring:yang";
const YIN: &str = "ietf-netconf-monitoring:yin";

fn fill_lock(lock: &ShownLock, out: &mut StateBuilder<'_>) {
    let Some(part) = &lock.part else {
        return out.container("global-lock", |out| {
            out.leaf("locked-by-session", lock.session_id);
            out.leaf("locked-time", lock.since);
        });
    };
    out.list("partial-lock", &[("lock-id", &part.lock_id)], |out| {
        out.leaf("locked-by-session", lock.session_id);
        out.leaf("locked-time", lock.since);
        out.leaf_list("select", &part.select);
        out.leaf_list("locked-node", &part.nodes);
    });
}

impl NetconfMonitoring {
    fn fill_schemas(&self, out: &mut StateBuilder<'_>) {
        let mut listed = |name: &str, revision: Option<&str>, namespace: &str, format: &str| {
            let keys: [(&str, &dyn std::fmt::Display); 3] = [
                ("identifier", &name),
                ("version", &revision.unwrap_or("")),
                ("format", &format),
            ];
            out.list("schema", &keys, |out| {
                out.leaf("namespace", namespace);
                out.leaf("location", "NETCONF");
            });
        };
        for module in self.schema.modules() {
            let revision = module.revision.as_deref();
            listed(&module.name, revision, &module.namespace, YANG);
            listed(&module.name, revision, &module.namespace, YIN);
            if module.conformance == Conformance::Implement {
                for (name, revision) in &module.submodules {
                    listed(name, revision.as_deref(), &module.namespace, YANG);
                }
            }
        }
    }

    fn fill_sessions(&self, out: &mut StateBuilder<'_>) {
        let sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        for (id, session) in sessions.iter() {
            out.list("session", &[("session-id", &id)], |out| {
                out.leaf(
                    "transport",
                    format_args!("ietf-netconf-monitoring:{}", session.visitor.transport),
                );
                out.leaf("username", &session.visitor.user);
                let host = session
                    .visitor
                    .from
                    .rsplit_once(':')
                    .map_or(session.visitor.from.as_str(), |(host, _)| host);
                out.leaf("source-host", host.trim_matches(['[', ']']));
                out.leaf("login-time", session.login_time);
                fill_messages(&session.messages, out);
            });
        }
    }
}

fn fill_messages(messages: &Messages, out: &mut StateBuilder<'_>) {
    out.leaf("in-rpcs", messages.in_rpcs);
    out.leaf("in-bad-rpcs", messages.in_bad_rpcs);
    out.leaf("out-rpc-errors", messages.out_rpc_errors);
    out.leaf("out-notifications", messages.out_notifications);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::management::desk::Visitor;
    use crate::management::operational::OperationalState;
    use crate::yang::modules::ModuleSet;
    use crate::yang::print::{WithDefaults, print};
    use crate::yang::select::Selection;

    #[test]
    fn sessions_locks_and_schemas_are_shown() {
        let schema = Schema::load(ModuleSet::embedded()).unwrap();
        let now: Timestamp = "2021-06-21T12:40:52Z".parse().unwrap();
        let sessions = Arc::new(Mutex::new(SessionList::default()));
        let visitor = Visitor {
            user: "admin".to_owned(),
            from: "127.0.0.1:4711".to_owned(),
            transport: "netconf-ssh",
        };
        let id = sessions.lock().unwrap().open(visitor, Box::new(|| ()), now);
        let state = OperationalState::new(vec![Box::new(NetconfMonitoring {
            schema: Arc::clone(&schema),
            capabilities: vec!["urn:ietf:params:netconf:capability:candidate:1.0".to_owned()],
            datastores: vec!["running", "candidate"],
            sessions,
            locks: Box::new(move || {
                vec![ShownLock {
                    datastore: "candidate",
                    session_id: id,
                    since: now,
                    part: None,
                }]
            }),
            started: now,
        })]);
        let selection = Selection::everything(&schema);
        let told = print(
            &state.collect(&schema, &selection).unwrap(),
            &selection,
            WithDefaults::Explicit,
        );
        for part in [
            "<capability>urn:ietf:params:netconf:capability:candidate:1.0</capability>",
            "<datastore><name>candidate</name><locks><global-lock><locked-by-session>1</locked-by-session>\
             <locked-time>2021-06-21T12:40:52",
            "<identifier>Cisco-IOS-XR-smart-license-errors</identifier><version>2020-02-03</version>",
            "<username>admin</username><source-host>127.0.0.1</source-host>",
        ] {
            assert!(told.contains(part), "{part} is not in {told}");
        }
    }
}
