//! Port map of the QXP card: slice n has trunk port 2n and client port 2n+1, one 400GE or 100GE in lanes (A13b).

use std::collections::BTreeMap;
use std::ops::Range;

use super::{SlicePorts, client_gbps, no_clients, port_text, unsupported};
use crate::device::desired_state::{ClientPort, SliceDesired};
use crate::device::hardware::ClientSnapshot;
use crate::device::inventory::{ClientType, LineCardModel, TrunkRate};

/// Slice numbers.
pub const SLICES: Range<u32> = 0..8;
/// The fastest trunk of the card, Gbit/s.
const FASTEST_TRUNK_GBPS: u32 = 400;

/// Trunk port of a slice.
pub fn trunk(slice_id: u32) -> u32 {
    2 * slice_id
}

/// Client port of a slice.
pub fn client(slice_id: u32) -> u32 {
    2 * slice_id + 1
}

/// One 400GE, or as many 100GE as the trunk carries: one a lane, or a single one on the whole port.
pub fn slice(
    model: LineCardModel,
    slice_id: u32,
    rate: TrunkRate,
    slice: &SliceDesired,
) -> Result<SlicePorts, String> {
    if !SLICES.contains(&slice_id) {
        return Err(format!(
            "slice {slice_id} does not exist on card {}: its slices are 0 to 7",
            model.pid()
        ));
    }
    if rate.gbps() > FASTEST_TRUNK_GBPS {
        return Err(format!(
            "trunk-rates {} on slice {slice_id}: trunks of card {} go up to {FASTEST_TRUNK_GBPS} Gbit/s",
            rate.yang_name(),
            model.pid()
        ));
    }
    let wished = match slice.client_rate {
        Some(rate_of_all) if slice.clients.is_empty() => clients_at(model, slice_id, rate, rate_of_all)?,
        _ => slice.clients.clone(),
    };
    if wished.is_empty() {
        return Err(no_clients(&format!("slice {slice_id}")));
    }
    let mut gbps = 0;
    for (&port, &client_type) in &wished {
        check(model, slice_id, port, client_type)?;
        gbps += client_gbps(client_type);
    }
    if wished.len() > 1 && wished.keys().any(|port| port.lane.is_none()) {
        return Err(format!(
            "client port {} is a whole client and lanes at once",
            client(slice_id)
        ));
    }
    if gbps > rate.gbps() {
        return Err(format!(
            "clients of slice {slice_id} add up to {gbps} Gbit/s, above its trunk rate of {} Gbit/s",
            rate.gbps()
        ));
    }
    Ok(SlicePorts {
        clients: wished
            .into_iter()
            .map(|(port, client_type)| ClientSnapshot {
                port,
                client_type,
                trunk_split: vec![(trunk(slice_id), 100)],
                odu4_index: None,
            })
            .collect(),
        trunks: vec![trunk(slice_id)],
    })
}

/// The clients that `client-rates` alone means.
fn clients_at(
    model: LineCardModel,
    slice_id: u32,
    rate: TrunkRate,
    client_type: ClientType,
) -> Result<BTreeMap<ClientPort, ClientType>, String> {
    let port = client(slice_id);
    match client_type {
        ClientType::FourHundredGigE => Ok(BTreeMap::from([(ClientPort { port, lane: None }, client_type)])),
        ClientType::HundredGigE => Ok((1..=rate.gbps() / 100)
            .map(|lane| {
                let lane = ClientPort {
                    port,
                    lane: Some(lane),
                };
                (lane, client_type)
            })
            .collect()),
        _ => Err(unsupported(
            model,
            ClientPort { port, lane: None },
            client_type,
            SUPPORTED,
        )),
    }
}

fn check(
    model: LineCardModel,
    slice_id: u32,
    port: ClientPort,
    client_type: ClientType,
) -> Result<(), String> {
    if port.port != client(slice_id) {
        return Err(format!(
            "{} is not in the map of slice {slice_id} on card {}: its client port is {}",
            port_text(port),
            model.pid(),
            client(slice_id)
        ));
    }
    match (client_type, port.lane) {
        (ClientType::FourHundredGigE, None) | (ClientType::HundredGigE, _) => Ok(()),
        _ => Err(unsupported(model, port, client_type, SUPPORTED)),
    }
}

const SUPPORTED: &str = "four-hundred-gig-e on the port and hundred-gig-e on a lane are";
