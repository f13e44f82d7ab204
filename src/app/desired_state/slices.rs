//! `mxponder-slices` and `mxponder` of a card.

use std::collections::BTreeMap;

use super::{has_content, written};
use crate::device::desired_state::{ClientPort, LineCardDesired, MuxponderDesired, SliceDesired};
use crate::device::inventory::{ClientType, SlotLocation, TrunkRate};
use crate::yang::tree::NodeRef;

/// Reads an `active-node`.
pub fn read_node(node: NodeRef<'_>, line_cards: &mut BTreeMap<SlotLocation, LineCardDesired>) {
    let Some(location) = node.leaf("node-name").and_then(|name| name.parse().ok()) else {
        return;
    };
    if has_content(node) {
        line_cards.insert(location, line_card(node));
    }
}

/// Reads a `preconfigured-node` for a slot of which the active nodes say nothing.
pub fn read_preconfigured_node(node: NodeRef<'_>, line_cards: &mut BTreeMap<SlotLocation, LineCardDesired>) {
    let mut own = BTreeMap::new();
    read_node(node, &mut own);
    for (location, card) in own {
        line_cards.entry(location).or_insert(card);
    }
}

fn line_card(node: NodeRef<'_>) -> LineCardDesired {
    let mut desired = LineCardDesired::default();
    for child in node.children().filter(NodeRef::is_explicit) {
        match child.name() {
            "mxponder-slices" => {
                for entry in child.children_named("mxponder-slice") {
                    if let Some(slice_id) = number(entry.leaf("slice-id")) {
                        desired.slices.insert(slice_id, slice(entry));
                    }
                }
            }
            "mxponder" => desired.muxponder = Some(muxponder(child)),
            _ => {}
        }
    }
    desired
}

fn slice(entry: NodeRef<'_>) -> SliceDesired {
    let mut desired = SliceDesired::default();
    for child in written(entry) {
        match child.name() {
            "trunk-rates" => desired.trunk_rate = child.value().and_then(TrunkRate::from_yang_name),
            "client-rates" => desired.client_rate = child.value().and_then(ClientType::from_yang_name),
            "lldp" => desired.lldp_drop = boolean(child),
            "arp-snoop" => desired.arp_snoop = boolean(child),
            "trunk-mode" => desired.trunk_mode = child.value().map(str::to_owned),
            "client-ains" => desired.ains_soak_minutes = soak_minutes(child),
            "mxp-slice-client-ports" => desired.clients = clients(child, &SLICE_CLIENTS),
            _ => {}
        }
    }
    desired
}

fn muxponder(node: NodeRef<'_>) -> MuxponderDesired {
    let mut desired = MuxponderDesired::default();
    for child in written(node) {
        match child.name() {
            "trunk-rates" => desired.trunk_rate = child.value().and_then(TrunkRate::from_yang_name),
            "client-rates" => desired.client_rate = child.value().and_then(ClientType::from_yang_name),
            "lldp" => desired.lldp_drop = boolean(child),
            "arp-snoop" => desired.arp_snoop = boolean(child),
            "split-client-port-map" => desired.split_client_port_map = boolean(child) == Some(true),
            "client-ains" => desired.ains_soak_minutes = soak_minutes(child),
            "client-ports" => desired.clients = clients(child, &MUXPONDER_CLIENTS),
            _ => {}
        }
    }
    desired
}

/// Names of one and the same tree below a slice and below the muxponder.
struct ClientNames {
    port: &'static str,
    port_id: &'static str,
    port_mode: &'static str,
    lanes: &'static str,
    lane: &'static str,
    lane_id: &'static str,
}

const SLICE_CLIENTS: ClientNames = ClientNames {
    port: "mxp-slice-client-port",
    port_id: "mxp-slice-port-id",
    port_mode: "mxp-slice-client-port-mode",
    lanes: "mxp-slice-client-optics-lanes",
    lane: "mxp-slice-client-optics-lane",
    lane_id: "optics-lane-id",
};

const MUXPONDER_CLIENTS: ClientNames = ClientNames {
    port: "client-port",
    port_id: "port-id",
    port_mode: "client-port-mode",
    lanes: "client-optics-lanes",
    lane: "client-optics-lane",
    lane_id: "lane-id",
};

fn clients(ports: NodeRef<'_>, names: &ClientNames) -> BTreeMap<ClientPort, ClientType> {
    let mut clients = BTreeMap::new();
    for entry in ports.children_named(names.port) {
        let Some(port) = number(entry.leaf(names.port_id)) else {
            continue;
        };
        if let Some(client) = entry.child(names.port_mode).and_then(client_type) {
            clients.insert(ClientPort { port, lane: None }, client);
        }
        let lanes = entry.child(names.lanes);
        for lane in lanes.iter().flat_map(|lanes| lanes.children_named(names.lane)) {
            if let (Some(id), Some(client)) = (number(lane.leaf(names.lane_id)), client_type(lane)) {
                clients.insert(ClientPort { port, lane: Some(id) }, client);
            }
        }
    }
    clients
}

fn client_type(node: NodeRef<'_>) -> Option<ClientType> {
    ClientType::from_yang_name(node.leaf("client-type")?)
}

fn soak_minutes(ains: NodeRef<'_>) -> Option<u32> {
    let part = |name| number(ains.leaf(name));
    match (part("hours"), part("minutes")) {
        (None, None) => None,
        (hours, minutes) => Some(60 * hours.unwrap_or(0) + minutes.unwrap_or(0)),
    }
}

fn number(text: Option<&str>) -> Option<u32> {
    text?.parse().ok()
}

fn boolean(leaf: NodeRef<'_>) -> Option<bool> {
    leaf.value().map(|value| value == "true")
}
