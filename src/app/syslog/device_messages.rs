//! Messages of the hardware: what two snapshots, one after the other, say about cards, optics and slices.

use std::collections::BTreeSet;

use crate::app::alarms::slice_name;
use crate::app::syslog::message::{Draft, Process, Severity};
use crate::device::desired_state::PortName;
use crate::device::hardware::{CardSnapshot, CardState, SliceStatus, Snapshot};
use crate::device::inventory::SlotLocation;

/// The inventory's process.
const INVENTORY: Process = Process {
    name: "invmgr",
    id: 252,
};

/// The interfaces' process.
const INTERFACES: Process = Process {
    name: "ifmgr",
    id: 218,
};

/// The slices' process.
const SLICES: Process = Process {
    name: "osa_driver",
    id: 272,
};

/// Everything that changed, slot by slot and then port by port.
pub fn of_change(before: &Snapshot, after: &Snapshot) -> Vec<Draft> {
    let mut messages = Vec::new();
    for (location, slot) in &after.slots {
        let was = before.slots.get(location).and_then(|slot| slot.card.as_ref());
        of_card(*location, was, slot.card.as_ref(), &mut messages);
    }
    let ports: BTreeSet<&PortName> = before.optics.keys().chain(after.optics.keys()).collect();
    for port in ports {
        // A port of a card that is down or away is down.
        let is_up = |snapshot: &Snapshot| snapshot.optics.get(port).is_some_and(|port| port.oper_up);
        let word = match (is_up(before), is_up(after)) {
            (false, true) => "Up",
            (true, false) => "Down",
            (true, true) | (false, false) => continue,
        };
        messages.push(Draft {
            process: INTERFACES,
            category: "PKT_INFRA",
            group: "LINK",
            severity: Severity::Error,
            name: "UPDOWN",
            text: format!("Interface {port}, changed state to {word}"),
        });
    }
    messages
}

fn of_card(
    location: SlotLocation,
    before: Option<&CardSnapshot>,
    after: Option<&CardSnapshot>,
    messages: &mut Vec<Draft>,
) {
    let same = match (before, after) {
        (Some(before), Some(after)) => before.serial_number == after.serial_number && before.pid == after.pid,
        (None, None) => return,
        (Some(_), None) | (None, Some(_)) => false,
    };
    if !same && let Some(before) = before {
        let text = format!(
            "OIR: Node {location} removed, {}, serial number {}",
            before.pid, before.serial_number
        );
        messages.push(inventory(Severity::Informational, "OIROUT", text));
    }
    let Some(after) = after else { return };
    if !same {
        let text = format!(
            "OIR: Node {location} inserted, {}, serial number {}",
            after.pid, after.serial_number
        );
        messages.push(inventory(Severity::Informational, "OIRIN", text));
    }
    let before = before.filter(|_| same);
    if before.map(|before| before.state) != Some(after.state) {
        let (severity, word) = match after.state {
            CardState::Up => (Severity::Informational, "OPERATIONAL"),
            CardState::Down => (Severity::Error, "DOWN"),
        };
        let text = format!("Node: {location}, state: {word}");
        messages.push(inventory(severity, "NODE_STATE_CHANGE", text));
    }
    for slice in &after.slices {
        let was = before.and_then(|before| {
            let mut slices = before.slices.iter();
            slices.find(|was| was.slice_id == slice.slice_id)
        });
        if was.is_some_and(|was| was.status == slice.status) {
            continue;
        }
        let name = slice_name(slice.slice_id);
        let (severity, code, text) = match &slice.status {
            SliceStatus::InProgress => continue,
            SliceStatus::Provisioned => (
                Severity::Informational,
                "SLICE_PROVISIONED",
                format!("{name} of {location} is provisioned"),
            ),
            SliceStatus::Failed(reason) => (
                Severity::Error,
                "SLICE_CONFIG_FAILURE",
                format!("{name} of {location} cannot be provisioned: {reason}"),
            ),
        };
        messages.push(Draft {
            process: SLICES,
            category: "L1",
            group: "OSA",
            severity,
            name: code,
            text,
        });
    }
}

fn inventory(severity: Severity, name: &'static str, text: String) -> Draft {
    Draft {
        process: INVENTORY,
        category: "PLATFORM",
        group: "INV",
        severity,
        name,
        text,
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use jiff::Timestamp;

    use super::*;
    use crate::app::clock::{Clock, ManualClock};
    use crate::app::state::shown::running;
    use crate::device::hardware::Hardware;

    const SLICE: &str = include_str!("../../../tests/data/payloads/valid/v02-qxp-400ge-txp.xml");
    const CHASSIS: &str = include_str!("../../../tests/data/chassis/qxp-in-1.toml");
    const SLOT: SlotLocation = SlotLocation { rack: 0, slot: 1 };

    fn now() -> Instant {
        ManualClock::starting_at(Timestamp::UNIX_EPOCH).instant()
    }

    fn told(before: &Snapshot, after: &Snapshot) -> Vec<String> {
        let at = Timestamp::UNIX_EPOCH;
        of_change(before, after)
            .into_iter()
            .map(|draft| {
                let message = draft.logged(1, at);
                format!("%{} : {}", message.code(), message.text)
            })
            .collect()
    }

    #[test]
    fn nothing_is_told_of_what_stays() {
        let simulator = running(CHASSIS, SLICE);
        assert_eq!(told(&simulator.snapshot(), &simulator.snapshot()), [""; 0]);
    }

    #[test]
    fn a_card_that_goes_down_takes_its_ports_along_and_brings_them_back() {
        let mut simulator = running(CHASSIS, SLICE);
        let up = simulator.snapshot();
        let simulation = simulator.simulation().unwrap();
        simulation.line_card_down(SLOT, now()).unwrap();
        let down = simulator.snapshot();
        let lines = told(&up, &down);
        assert_eq!(
            lines[0],
            "%PLATFORM-INV-3-NODE_STATE_CHANGE : Node: 0/1, state: DOWN"
        );
        assert!(lines[1..].iter().all(|line| {
            line.starts_with("%PKT_INFRA-LINK-3-UPDOWN : Interface Optics0/1/0/")
                && line.ends_with(", changed state to Down")
        }));
        let simulation = simulator.simulation().unwrap();
        simulation.line_card_up(SLOT, now()).unwrap();
        simulator.poll(now() + Duration::from_secs(3_600));
        let lines = told(&down, &simulator.snapshot());
        assert_eq!(
            lines[..2],
            [
                "%PLATFORM-INV-6-NODE_STATE_CHANGE : Node: 0/1, state: OPERATIONAL",
                "%L1-OSA-6-SLICE_PROVISIONED : mxponder-slice 0 of 0/1 is provisioned",
            ]
        );
    }

    #[test]
    fn a_card_that_is_exchanged_is_removed_and_inserted() {
        let mut simulator = running(CHASSIS, SLICE);
        let before = simulator.snapshot();
        let simulation = simulator.simulation().unwrap();
        simulation.pull_line_card(SLOT, now()).unwrap();
        let empty = simulator.snapshot();
        let removed = told(&before, &empty);
        assert!(
            removed[0].starts_with("%PLATFORM-INV-6-OIROUT : OIR: Node 0/1 removed, NCS1K4-QXP-L-K9,"),
            "{removed:?}"
        );
        let simulation = simulator.simulation().unwrap();
        let serial = Some("CAT0000X001");
        simulation
            .insert_line_card(SLOT, "NCS1K4-1.2T-K9", serial, now())
            .unwrap();
        let inserted = told(&empty, &simulator.snapshot());
        assert_eq!(
            inserted[0],
            "%PLATFORM-INV-6-OIRIN : OIR: Node 0/1 inserted, NCS1K4-1.2T-K9, serial number CAT0000X001"
        );
        let exchanged = told(&before, &simulator.snapshot());
        assert!(
            exchanged[0].contains("OIROUT") && exchanged[1].contains("OIRIN"),
            "{exchanged:?}"
        );
        assert!(
            exchanged
                .iter()
                .any(|line| line
                    .starts_with("%L1-OSA-3-SLICE_CONFIG_FAILURE : mxponder-slice 0 of 0/1 cannot be")),
            "{exchanged:?}"
        );
    }
}
