//! Port map of the 1.2T card: trunks 0 and 1, QSFP28 clients 2 to 13, in slice mode or as a whole-card muxponder (A13).

use std::collections::BTreeMap;
use std::ops::Range;

use super::{SlicePorts, no_clients, number_odu4, port_text, unsupported};
use crate::device::desired_state::{ClientPort, MuxponderDesired, SliceDesired};
use crate::device::hardware::ClientSnapshot;
use crate::device::inventory::{ClientType, LineCardModel, TrunkRate};

/// Trunk ports.
pub const TRUNKS: Range<u32> = 0..2;
/// Client ports.
pub const CLIENTS: Range<u32> = 2..14;
/// Client ports of a slice.
const CLIENTS_A_SLICE: u32 = 6;
/// The shared client and the first client of trunk 1 with `split-client-port-map`.
const SPLIT_SHARED: u32 = 7;
const SPLIT_SECOND: u32 = 8;

/// A client port of the map with its share of each trunk.
type MapEntry = (u32, Vec<(u32, u32)>);

/// Slice n works on trunk n; at N x 100G it has N clients, from port 2 (slice 0) or 8 (slice 1) up.
pub fn slice(
    model: LineCardModel,
    slice_id: u32,
    rate: TrunkRate,
    slice: &SliceDesired,
) -> Result<SlicePorts, String> {
    if !TRUNKS.contains(&slice_id) {
        return Err(format!(
            "slice {slice_id} does not exist on card {}: its slices are 0 and 1",
            model.pid()
        ));
    }
    let first = CLIENTS.start + slice_id * CLIENTS_A_SLICE;
    let map: Vec<MapEntry> = (first..first + rate.gbps() / 100)
        .map(|port| (port, vec![(slice_id, 100)]))
        .collect();
    let what = format!("slice {slice_id}");
    for port in slice.clients.keys() {
        let of_slice = first..first + CLIENTS_A_SLICE;
        if !of_slice.contains(&port.port) {
            return Err(format!(
                "client port {} is not in the map of {what}: its client ports are {first} to {}",
                port.port,
                of_slice.end - 1
            ));
        }
    }
    fill(model, &what, rate, map, slice.client_rate, &slice.clients)
}

/// Both trunks at the rate, clients in sequence; a half of 100G is a client shared by both trunks.
pub fn muxponder(
    model: LineCardModel,
    rate: TrunkRate,
    wish: &MuxponderDesired,
) -> Result<SlicePorts, String> {
    let map = muxponder_map(rate, wish.split_client_port_map);
    fill(model, "mxponder", rate, map, wish.client_rate, &wish.clients)
}

fn muxponder_map(rate: TrunkRate, split: bool) -> Vec<MapEntry> {
    if rate.gbps() == 100 {
        return vec![(CLIENTS.start, vec![(0, 100)])];
    }
    let each = rate.gbps() / 100;
    let halved = !rate.gbps().is_multiple_of(100);
    let after_first = CLIENTS.start + each;
    let (shared, second) = match split {
        true => (SPLIT_SHARED, SPLIT_SECOND),
        false => (after_first, after_first + u32::from(halved)),
    };
    let mut map: Vec<MapEntry> = (CLIENTS.start..after_first)
        .map(|port| (port, vec![(0, 100)]))
        .collect();
    if halved {
        map.push((shared, vec![(0, 50), (1, 50)]));
    }
    map.extend((second..second + each).map(|port| (port, vec![(1, 100)])));
    map
}

/// Puts clients on the ports of a map: the ones with a type of their own, or else `client-rates` on every port.
fn fill(
    model: LineCardModel,
    what: &str,
    rate: TrunkRate,
    map: Vec<MapEntry>,
    client_rate: Option<ClientType>,
    own: &BTreeMap<ClientPort, ClientType>,
) -> Result<SlicePorts, String> {
    let ports: Vec<u32> = map.iter().map(|(port, _)| *port).collect();
    for (&port, &client) in own {
        if port.lane.is_some() {
            return Err(format!(
                "{} on card {}: its client ports have no lanes",
                port_text(port),
                model.pid()
            ));
        }
        if !CLIENTS.contains(&port.port) {
            return Err(format!(
                "client port {} is not in the map of card {}: its client ports are 2 to 13",
                port.port,
                model.pid()
            ));
        }
        if !ports.contains(&port.port) {
            return Err(format!(
                "client port {} does not fit: at {} Gbit/s a trunk of {what} carries client ports {ports:?}",
                port.port,
                rate.gbps()
            ));
        }
        supported(model, port, client)?;
    }
    let mut clients = Vec::new();
    for (port, trunk_split) in map {
        let port = ClientPort { port, lane: None };
        let Some(client_type) = own.get(&port).copied().or(client_rate) else {
            continue;
        };
        supported(model, port, client_type)?;
        clients.push(ClientSnapshot {
            port,
            client_type,
            trunk_split,
            odu4_index: None,
        });
    }
    if clients.is_empty() {
        return Err(no_clients(what));
    }
    number_odu4(&mut clients);
    let mut trunks: Vec<u32> = clients
        .iter()
        .flat_map(|client| client.trunk_split.iter().map(|(trunk, _)| *trunk))
        .collect();
    trunks.sort_unstable();
    trunks.dedup();
    Ok(SlicePorts { clients, trunks })
}

fn supported(model: LineCardModel, port: ClientPort, client: ClientType) -> Result<(), String> {
    match client {
        ClientType::HundredGigE | ClientType::Otu4 => Ok(()),
        _ => Err(unsupported(model, port, client, "hundred-gig-e and otu4 are")),
    }
}
