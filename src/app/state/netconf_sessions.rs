//! `Cisco-IOS-XR-man-netconf-oper`: the sessions, what they last asked for, and how long answers took.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::app::clock::Clock;
use crate::datastore::lock::LockTable;
use crate::management::front_desk::shown_locks;
use crate::management::operational::StateProvider;
use crate::management::session_pulse::{SessionPulses, Timings};
use crate::yang::schema::{Conformance, Schema};
use crate::yang::state::StateBuilder;

/// The sessions of the front desk.
pub struct NetconfSessionsState {
    /// What is served.
    pub schema: Arc<Schema>,
    /// When they came and what they asked for.
    pub pulses: Arc<SessionPulses>,
    /// Who holds what.
    pub locks: Arc<Mutex<LockTable>>,
    /// The time.
    pub clock: Arc<dyn Clock>,
}

/// The model takes no more entries.
const MAX_ENTRIES: usize = 20;

impl StateProvider for NetconfSessionsState {
    fn roots(&self) -> Vec<&'static str> {
        vec!["Cisco-IOS-XR-man-netconf-oper:netconf-yang"]
    }

    fn fill(&self, out: &mut StateBuilder<'_>) {
        let open = self.pulses.open();
        let holders: Vec<u32> = shown_locks(&self.locks)
            .iter()
            .map(|lock| lock.session_id)
            .collect();
        let (now, wall) = (self.clock.instant(), self.clock.now());
        out.container("Cisco-IOS-XR-man-netconf-oper:netconf-yang", |out| {
            out.container("clients", |out| {
                for (session_id, pulse) in &open {
                    out.list("client", &[("session-id", session_id)], |out| {
                        let connected = now.saturating_duration_since(pulse.opened);
                        out.leaf("connect-time", connected.as_millis());
                        let last = wall - now.saturating_duration_since(pulse.last);
                        out.leaf("last-op-time", last.as_second().max(0));
                        out.leaf_option("last-op-type", pulse.last_operation.as_deref());
                        out.leaf("locked", if holders.contains(session_id) { "Yes" } else { "No" });
                    });
                }
            });
            out.container("capabilities", |out| {
                let modules = self.schema.modules().iter();
                for module in modules.filter(|module| module.conformance == Conformance::Implement) {
                    out.list("capability", &[], |out| {
                        out.leaf("namespace", &module.namespace);
                        out.leaf("module", &module.name);
                        out.leaf_option("revision", module.revision.as_deref());
                    });
                }
            });
            out.container("statistics", |out| {
                out.container("summary", |out| fill_timings(&self.pulses.timings(), out));
                out.container("sessions", |out| {
                    for (session_id, pulse) in &open {
                        out.list("session", &[("session-id", session_id)], |out| {
                            fill_timings(&pulse.timings, out);
                        });
                    }
                });
            });
        });
    }

    fn provided(&self) -> &'static [&'static str] {
        &[
            "/Cisco-IOS-XR-man-netconf-oper:netconf-yang/clients/client/connect-time",
            "/Cisco-IOS-XR-man-netconf-oper:netconf-yang/clients/client/last-op-time",
            "/Cisco-IOS-XR-man-netconf-oper:netconf-yang/clients/client/last-op-type",
            "/Cisco-IOS-XR-man-netconf-oper:netconf-yang/clients/client/locked",
            "/Cisco-IOS-XR-man-netconf-oper:netconf-yang/capabilities/capability/namespace",
            "/Cisco-IOS-XR-man-netconf-oper:netconf-yang/capabilities/capability/module",
            "/Cisco-IOS-XR-man-netconf-oper:netconf-yang/capabilities/capability/revision",
            "/Cisco-IOS-XR-man-netconf-oper:netconf-yang/statistics/summary/entry",
            "/Cisco-IOS-XR-man-netconf-oper:netconf-yang/statistics/sessions/session/entry",
        ]
    }
}

fn fill_timings(timings: &Timings, out: &mut StateBuilder<'_>) {
    let in_model = |time: Duration| u32::try_from(time.as_millis()).unwrap_or(u32::MAX);
    for (operation, timing) in timings.iter().take(MAX_ENTRIES) {
        out.list("entry", &[], |out| {
            out.leaf("type", operation);
            out.leaf("request", timing.requests);
            out.leaf("total-time", timing.total.as_millis());
            out.leaf("min-time-per-request", in_model(timing.shortest));
            out.leaf("max-time-per-request", in_model(timing.longest));
            out.leaf(
                "avg-time-per-request",
                in_model(timing.total / timing.requests.max(1)),
            );
        });
    }
}
