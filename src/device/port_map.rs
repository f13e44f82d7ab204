//! Which clients and trunks a card gives to a slice or muxponder, or why it cannot carry it.
//!
//! The 1.2T maps are those of the public card-mode chapters of NCS 1004 (A13); OTN-XP and QXP are our reading (A13b), which
//! the chapter's samples fit. A slice that the schema allows and the card cannot carry is no error of a commit: it
//! shows `slice-config-failure` with the reason from here and counts no licence (Q25).

mod muxponder_12t;
mod otn_xp;
mod qxp;

use std::collections::{BTreeMap, BTreeSet};

use crate::device::desired_state::{
    ClientPort, LineCardDesired, MuxponderDesired, OpticsDesired, SliceDesired,
};
use crate::device::hardware::ClientSnapshot;
use crate::device::inventory::{ClientType, LineCardModel, TrunkRate};

/// What one slice or muxponder comes to on the card it is meant for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SlicePlan {
    /// Trunk rate as configured.
    pub trunk_rate: Option<TrunkRate>,
    /// One rate for all clients, or none where they are mixed or absent.
    pub client_rate: Option<ClientType>,
    /// LLDP frames are dropped.
    pub lldp_drop: bool,
    /// ARP is snooped.
    pub arp_snoop: bool,
    /// What the card gives it, or why it gives nothing.
    pub ports: Result<SlicePorts, String>,
}

/// The ports that a slice has on its card.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct SlicePorts {
    /// Its clients by port and lane.
    pub clients: Vec<ClientSnapshot>,
    /// Its trunk ports.
    pub trunks: Vec<u32>,
}

/// The optics ports of a card.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct CardPorts {
    /// Trunk ports.
    pub trunks: Vec<u32>,
    /// Client ports.
    pub clients: Vec<u32>,
}

/// The optics ports of a card; none for one that Ponder does not know.
pub fn card_ports(model: Option<LineCardModel>) -> CardPorts {
    match model {
        None => CardPorts::default(),
        Some(LineCardModel::Muxponder12T | LineCardModel::Muxponder12TLicensed) => CardPorts {
            trunks: muxponder_12t::TRUNKS.collect(),
            clients: muxponder_12t::CLIENTS.collect(),
        },
        Some(LineCardModel::OtnXpLicensed) => CardPorts {
            trunks: otn_xp::SLICES.collect(),
            clients: otn_xp::CLIENTS.collect(),
        },
        Some(LineCardModel::QxpLicensed | LineCardModel::Qxp) => CardPorts {
            trunks: qxp::SLICES.map(qxp::trunk).collect(),
            clients: qxp::SLICES.map(qxp::client).collect(),
        },
    }
}

/// Plans everything that is asked of one card; the key `None` is the whole-card muxponder.
/// `optics` tells what is configured on a trunk port.
pub fn plan_card<'a>(
    pid: &str,
    desired: &LineCardDesired,
    optics: impl Fn(u32) -> Option<&'a OpticsDesired>,
) -> BTreeMap<Option<u32>, SlicePlan> {
    let model = LineCardModel::from_pid(pid);
    let conflict = desired.muxponder.is_some() && !desired.slices.is_empty();
    let mut plans = BTreeMap::new();
    if let Some(muxponder) = &desired.muxponder {
        let ports = first_objection(pid, model, conflict)
            .and_then(|model| plan_muxponder(model, muxponder))
            .and_then(|ports| trunks_agree(muxponder.trunk_rate, ports, optics));
        plans.insert(None, muxponder_plan(muxponder, ports));
    }
    let mut taken = BTreeMap::new();
    for (&slice_id, slice) in &desired.slices {
        let ports = first_objection(pid, model, conflict)
            .and_then(|model| plan_slice(model, slice_id, slice))
            .and_then(|ports| claim(&mut taken, slice_id, ports));
        plans.insert(Some(slice_id), slice_plan(slice, ports));
    }
    plans
}

/// What holds for every slice of the card.
fn first_objection(pid: &str, model: Option<LineCardModel>, conflict: bool) -> Result<LineCardModel, String> {
    let Some(model) = model else {
        return Err(format!("card {pid} is of an unknown kind and carries no slices"));
    };
    if conflict {
        return Err(
            "mxponder and mxponder-slice are both configured on this card; it runs one or the other"
                .to_owned(),
        );
    }
    Ok(model)
}

fn plan_slice(model: LineCardModel, slice_id: u32, slice: &SliceDesired) -> Result<SlicePorts, String> {
    let rate = slice
        .trunk_rate
        .ok_or_else(|| format!("slice {slice_id} has no trunk-rates"))?;
    if !rate.gbps().is_multiple_of(100) {
        return Err(format!(
            "trunk-rates {} on slice {slice_id}: rates with a half of 100G exist in muxponder mode of a 1.2T card only",
            rate.yang_name()
        ));
    }
    match model {
        LineCardModel::Muxponder12T | LineCardModel::Muxponder12TLicensed => {
            muxponder_12t::slice(model, slice_id, rate, slice)
        }
        LineCardModel::OtnXpLicensed => otn_xp::slice(model, slice_id, rate, slice),
        LineCardModel::QxpLicensed | LineCardModel::Qxp => qxp::slice(model, slice_id, rate, slice),
    }
}

fn plan_muxponder(model: LineCardModel, muxponder: &MuxponderDesired) -> Result<SlicePorts, String> {
    match model {
        LineCardModel::Muxponder12T | LineCardModel::Muxponder12TLicensed => {
            let rate = muxponder
                .trunk_rate
                .ok_or_else(|| "mxponder has no trunk-rates".to_owned())?;
            muxponder_12t::muxponder(model, rate, muxponder)
        }
        LineCardModel::OtnXpLicensed | LineCardModel::QxpLicensed | LineCardModel::Qxp => Err(format!(
            "card {} has no whole-card muxponder; configure mxponder-slices",
            model.pid()
        )),
    }
}

/// A rate with a half of 100G splits one client over both trunks, which must then be modulated alike (A13).
fn trunks_agree<'a>(
    rate: Option<TrunkRate>,
    ports: SlicePorts,
    optics: impl Fn(u32) -> Option<&'a OpticsDesired>,
) -> Result<SlicePorts, String> {
    let (Some(rate), [first, second]) = (rate, ports.trunks.as_slice()) else {
        return Ok(ports);
    };
    let (Some(one), Some(other)) = (optics(*first), optics(*second)) else {
        return Ok(ports);
    };
    if rate.gbps().is_multiple_of(100) {
        return Ok(ports);
    }
    let rule = "a trunk rate with a half of 100G needs both trunks alike";
    if let (Some(a), Some(b)) = (one.bits_per_symbol, other.bits_per_symbol)
        && a != b
    {
        return Err(format!(
            "optics-bits-per-symbol is {a} on trunk {first} and {b} on trunk {second}: {rule}"
        ));
    }
    if let (Some(a), Some(b)) = (&one.baud_rate_gbd, &other.baud_rate_gbd)
        && a != b
    {
        return Err(format!(
            "optics-baud-rate is {a} on trunk {first} and {b} on trunk {second}: {rule}"
        ));
    }
    Ok(ports)
}

/// A client port works for one slice at a time; the lower slice number keeps it.
fn claim(taken: &mut BTreeMap<u32, u32>, slice_id: u32, ports: SlicePorts) -> Result<SlicePorts, String> {
    let own: BTreeSet<u32> = ports.clients.iter().map(|client| client.port.port).collect();
    for port in &own {
        if let Some(owner) = taken.get(port) {
            return Err(format!(
                "client port {port} of slice {slice_id} is already used by slice {owner}"
            ));
        }
    }
    taken.extend(own.into_iter().map(|port| (port, slice_id)));
    Ok(ports)
}

fn slice_plan(slice: &SliceDesired, ports: Result<SlicePorts, String>) -> SlicePlan {
    SlicePlan {
        trunk_rate: slice.trunk_rate,
        client_rate: one_rate(slice.client_rate, &slice.clients, &ports),
        lldp_drop: slice.lldp_drop.unwrap_or(false),
        arp_snoop: slice.arp_snoop.unwrap_or(false),
        ports,
    }
}

fn muxponder_plan(muxponder: &MuxponderDesired, ports: Result<SlicePorts, String>) -> SlicePlan {
    SlicePlan {
        trunk_rate: muxponder.trunk_rate,
        client_rate: one_rate(muxponder.client_rate, &muxponder.clients, &ports),
        lldp_drop: muxponder.lldp_drop.unwrap_or(false),
        arp_snoop: muxponder.arp_snoop.unwrap_or(false),
        ports,
    }
}

/// The rate that all clients share: those that the card carries, or else those that are configured.
fn one_rate(
    client_rate: Option<ClientType>,
    clients: &BTreeMap<ClientPort, ClientType>,
    ports: &Result<SlicePorts, String>,
) -> Option<ClientType> {
    let mut kinds: BTreeSet<ClientType> = match ports {
        Ok(ports) => ports.clients.iter().map(|client| client.client_type).collect(),
        Err(_) => clients.values().copied().chain(client_rate).collect(),
    };
    let first = kinds.pop_first();
    first.filter(|_| kinds.is_empty())
}

/// Gbit/s that a client takes of its trunk; the 10G class counts as 10G, as for licences (Q9).
fn client_gbps(client: ClientType) -> u32 {
    match client {
        ClientType::TenGigE | ClientType::Otu2 | ClientType::Otu2e => 10,
        ClientType::Fc16 => 16,
        ClientType::Fc32 => 32,
        ClientType::Otu3 | ClientType::FortyGigE => 40,
        ClientType::HundredGigE | ClientType::Otu4 => 100,
        ClientType::FourHundredGigE => 400,
    }
}

fn no_clients(what: &str) -> String {
    format!("{what} has no clients: neither client-rates nor a client port with a client-type")
}

fn unsupported(model: LineCardModel, port: ClientPort, client: ClientType, instead: &str) -> String {
    format!(
        "client-type {} on {} is not supported by card {}: {instead}",
        client.yang_name(),
        port_text(port),
        model.pid()
    )
}

fn port_text(port: ClientPort) -> String {
    match port.lane {
        None => format!("client port {}", port.port),
        Some(lane) => format!("client port {} lane {lane}", port.port),
    }
}

/// Numbers the 100G clients of each trunk (quirk 9 of the model map): `ODU4 R/S/I/T/N` is the N-th of trunk T.
fn number_odu4(clients: &mut [ClientSnapshot]) {
    let mut of_trunk: BTreeMap<u32, u32> = BTreeMap::new();
    for client in clients {
        let trunk = client.trunk_split.first().map(|(trunk, _)| *trunk);
        if let (Some(trunk), ClientType::HundredGigE | ClientType::Otu4) = (trunk, client.client_type) {
            let number = of_trunk.entry(trunk).or_default();
            *number += 1;
            client.odu4_index = Some(*number);
        }
    }
}

#[cfg(test)]
mod tests;
