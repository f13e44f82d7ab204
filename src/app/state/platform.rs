//! `Cisco-IOS-XR-platform-oper`: what `show platform` lists.

use std::sync::Arc;

use tokio::sync::watch;

use crate::device::hardware::{CardSnapshot, CardState, Snapshot};
use crate::device::inventory::SlotLocation;
use crate::management::operational::StateProvider;
use crate::yang::state::StateBuilder;

/// The fitted cards and the route processor with their states.
pub struct PlatformState {
    /// Where snapshots come from.
    pub snapshots: watch::Receiver<Arc<Snapshot>>,
}

impl StateProvider for PlatformState {
    fn roots(&self) -> Vec<&'static str> {
        vec!["Cisco-IOS-XR-platform-oper:platform"]
    }

    fn fill(&self, out: &mut StateBuilder<'_>) {
        let snapshot = Arc::clone(&self.snapshots.borrow());
        out.container("Cisco-IOS-XR-platform-oper:platform", |out| {
            out.container("racks", |out| {
                out.list("rack", &[("rack-name", &"0")], |out| {
                    out.container("slots", |out| fill_slots(&snapshot, out));
                });
            });
        });
    }

    fn tells_changes(&self) -> bool {
        true
    }

    fn provided(&self) -> &'static [&'static str] {
        &[
            "/Cisco-IOS-XR-platform-oper:platform/racks/rack/rack-name",
            "/Cisco-IOS-XR-platform-oper:platform/racks/rack/slots/slot/slot-name",
            "/Cisco-IOS-XR-platform-oper:platform/racks/rack/slots/slot/state/card-type",
            "/Cisco-IOS-XR-platform-oper:platform/racks/rack/slots/slot/state/card-redundancy-state",
            "/Cisco-IOS-XR-platform-oper:platform/racks/rack/slots/slot/state/state",
            "/Cisco-IOS-XR-platform-oper:platform/racks/rack/slots/slot/state/is-monitored",
            "/Cisco-IOS-XR-platform-oper:platform/racks/rack/slots/slot/state/is-powered",
            "/Cisco-IOS-XR-platform-oper:platform/racks/rack/slots/slot/state/is-shutdown",
            "/Cisco-IOS-XR-platform-oper:platform/racks/rack/slots/slot/state/admin-state",
            "/Cisco-IOS-XR-platform-oper:platform/racks/rack/slots/slot/state/node-name",
            "/Cisco-IOS-XR-platform-oper:platform/racks/rack/slots/slot/state/oper-state",
            "/Cisco-IOS-XR-platform-oper:platform/racks/rack/slots/slot/instances/instance/instance-name",
            "/Cisco-IOS-XR-platform-oper:platform/racks/rack/slots/slot/instances/instance/state/card-type",
            "/Cisco-IOS-XR-platform-oper:platform/racks/rack/slots/slot/instances/instance/state/card-redundancy-state",
            "/Cisco-IOS-XR-platform-oper:platform/racks/rack/slots/slot/instances/instance/state/state",
            "/Cisco-IOS-XR-platform-oper:platform/racks/rack/slots/slot/instances/instance/state/is-monitored",
            "/Cisco-IOS-XR-platform-oper:platform/racks/rack/slots/slot/instances/instance/state/is-powered",
            "/Cisco-IOS-XR-platform-oper:platform/racks/rack/slots/slot/instances/instance/state/is-shutdown",
            "/Cisco-IOS-XR-platform-oper:platform/racks/rack/slots/slot/instances/instance/state/admin-state",
            "/Cisco-IOS-XR-platform-oper:platform/racks/rack/slots/slot/instances/instance/state/node-name",
            "/Cisco-IOS-XR-platform-oper:platform/racks/rack/slots/slot/instances/instance/state/oper-state",
        ]
    }
}

fn fill_slots(snapshot: &Snapshot, out: &mut StateBuilder<'_>) {
    for (location, slot) in &snapshot.slots {
        if let Some(card) = &slot.card {
            out.list("slot", &[("slot-name", &location.slot)], |out| {
                out.container("state", |out| fill_card(*location, card, out));
            });
        }
    }
    let card_type = &snapshot.chassis.route_processor_pid;
    out.list("slot", &[("slot-name", &"RP0")], |out| {
        out.container("state", |out| fill_processor("0/RP0", card_type, out));
        out.container("instances", |out| {
            out.list("instance", &[("instance-name", &"CPU0")], |out| {
                out.container("state", |out| fill_processor("0/RP0/CPU0", card_type, out));
            });
        });
    });
}

fn fill_card(location: SlotLocation, card: &CardSnapshot, out: &mut StateBuilder<'_>) {
    let (state, oper_state) = match card.state {
        CardState::Up => ("operational", "OPERATIONAL"),
        CardState::Down => ("down", "DOWN"),
    };
    out.leaf("card-type", &card.pid);
    out.leaf("card-redundancy-state", "red-state-none");
    fill_node(&location.to_string(), state, oper_state, out);
}

/// There is one route processor, so it is the active one.
fn fill_processor(node: &str, card_type: &str, out: &mut StateBuilder<'_>) {
    out.leaf("card-type", card_type);
    out.leaf("card-redundancy-state", "active");
    fill_node(node, "xr-run", "IOS XR RUN", out);
}

fn fill_node(node: &str, state: &str, oper_state: &str, out: &mut StateBuilder<'_>) {
    out.leaf("state", state);
    out.leaf("is-monitored", true);
    out.leaf("is-powered", true);
    out.leaf("is-shutdown", false);
    out.leaf("admin-state", "NSHUT");
    out.leaf("node-name", node);
    out.leaf("oper-state", oper_state);
}
