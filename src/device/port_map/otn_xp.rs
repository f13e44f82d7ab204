//! Port map of the OTN-XP card: trunks 0 and 1 with a slice each, clients 2 to 11 with lanes for the 10G class (A13b).

use std::collections::BTreeSet;
use std::ops::Range;

use super::{SlicePorts, client_gbps, no_clients, number_odu4, port_text, unsupported};
use crate::device::desired_state::SliceDesired;
use crate::device::hardware::ClientSnapshot;
use crate::device::inventory::{ClientType, LineCardModel, TrunkRate};

/// Slice numbers, which are also the trunk ports.
pub const SLICES: Range<u32> = 0..2;
/// Client ports.
pub const CLIENTS: Range<u32> = 2..12;
/// The fastest trunk of the card, Gbit/s.
const FASTEST_TRUNK_GBPS: u32 = 400;

/// Slice n works on trunk n with the client ports it names, up to its trunk rate.
pub fn slice(
    model: LineCardModel,
    slice_id: u32,
    rate: TrunkRate,
    slice: &SliceDesired,
) -> Result<SlicePorts, String> {
    if !SLICES.contains(&slice_id) {
        return Err(format!(
            "slice {slice_id} does not exist on card {}: its slices are 0 and 1",
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
    if slice.clients.is_empty() {
        return Err(match slice.client_rate {
            None => no_clients(&format!("slice {slice_id}")),
            Some(client) => format!(
                "client-rates {} on slice {slice_id}: card {} needs its client ports named, with a client-type each",
                client.yang_name(),
                model.pid()
            ),
        });
    }
    let mut whole = BTreeSet::new();
    let mut gbps = 0;
    let mut clients = Vec::new();
    for (&port, &client_type) in &slice.clients {
        if !CLIENTS.contains(&port.port) {
            return Err(format!(
                "client port {} is not in the map of card {}: its client ports are 2 to 11",
                port.port,
                model.pid()
            ));
        }
        match (needs_lane(client_type), port.lane) {
            (true, None) => return Err(unsupported(model, port, client_type, "it needs a lane, 1 to 4")),
            (false, Some(_)) => {
                return Err(unsupported(
                    model,
                    port,
                    client_type,
                    "it takes a whole port, without a lane",
                ));
            }
            (true, Some(_)) | (false, None) => {}
        }
        // Keys are ordered with the whole port before its lanes.
        match port.lane {
            None => {
                whole.insert(port.port);
            }
            Some(_) if whole.contains(&port.port) => {
                return Err(format!(
                    "{} is part of a port that is already a whole client",
                    port_text(port)
                ));
            }
            Some(_) => {}
        }
        gbps += client_gbps(client_type);
        clients.push(ClientSnapshot {
            port,
            client_type,
            trunk_split: vec![(slice_id, 100)],
            odu4_index: None,
        });
    }
    if gbps > rate.gbps() {
        return Err(format!(
            "clients of slice {slice_id} add up to {gbps} Gbit/s, above its trunk rate of {} Gbit/s",
            rate.gbps()
        ));
    }
    number_odu4(&mut clients);
    Ok(SlicePorts {
        clients,
        trunks: vec![slice_id],
    })
}

fn needs_lane(client: ClientType) -> bool {
    match client {
        ClientType::TenGigE | ClientType::Otu2 | ClientType::Otu2e | ClientType::Fc16 | ClientType::Fc32 => {
            true
        }
        ClientType::HundredGigE
        | ClientType::Otu4
        | ClientType::Otu3
        | ClientType::FortyGigE
        | ClientType::FourHundredGigE => false,
    }
}
