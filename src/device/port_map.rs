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
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use proptest::prelude::{Strategy, prop_assert, proptest};

    use super::{SlicePlan, card_ports, client_gbps, plan_card};
    use crate::device::desired_state::{
        ClientPort, LineCardDesired, MuxponderDesired, OpticsDesired, SliceDesired,
    };
    use crate::device::inventory::{ClientType, LineCardModel, TrunkRate};

    const LICENSED_12T: &str = "NCS1K4-1.2T-L-K9";
    const OTN_XP: &str = "NCS1K4-OTN-XPL";
    const QXP: &str = "NCS1K4-QXP-L-K9";

    fn rate(gbps: u32) -> Option<TrunkRate> {
        Some(TrunkRate::from_gbps(gbps).unwrap())
    }

    fn port(port: u32, lane: u32) -> ClientPort {
        ClientPort {
            port,
            lane: (lane > 0).then_some(lane),
        }
    }

    /// A slice with clients of their own, `(port, lane, type)` with lane 0 for a whole port.
    fn named(gbps: u32, clients: &[(u32, u32, ClientType)]) -> SliceDesired {
        SliceDesired {
            trunk_rate: rate(gbps),
            clients: clients
                .iter()
                .map(|(p, lane, kind)| (port(*p, *lane), *kind))
                .collect(),
            ..SliceDesired::default()
        }
    }

    /// A slice with `client-rates`.
    fn filled(gbps: u32, client: ClientType) -> SliceDesired {
        SliceDesired {
            trunk_rate: rate(gbps),
            client_rate: Some(client),
            ..SliceDesired::default()
        }
    }

    fn slices<const N: usize>(slices: [(u32, SliceDesired); N]) -> LineCardDesired {
        LineCardDesired {
            slices: slices.into(),
            muxponder: None,
        }
    }

    fn muxponder(gbps: u32, split: bool) -> LineCardDesired {
        LineCardDesired {
            slices: BTreeMap::new(),
            muxponder: Some(MuxponderDesired {
                trunk_rate: rate(gbps),
                client_rate: Some(ClientType::HundredGigE),
                split_client_port_map: split,
                ..MuxponderDesired::default()
            }),
        }
    }

    fn plan(pid: &str, desired: &LineCardDesired) -> BTreeMap<Option<u32>, SlicePlan> {
        plan_card(pid, desired, |_| None)
    }

    fn reason(pid: &str, slice_id: u32, desired: &LineCardDesired) -> String {
        plan(pid, desired)[&Some(slice_id)].ports.clone().unwrap_err()
    }

    /// `trunks / clients on trunk 0 / shared / clients on trunk 1` as the table of A13 prints them.
    fn row(desired: &LineCardDesired) -> String {
        let plans = plan(LICENSED_12T, desired);
        let ports = plans[&None].ports.as_ref().unwrap();
        let on = |split: &[(u32, u32)]| {
            let ports: Vec<u32> = ports
                .clients
                .iter()
                .filter(|client| client.trunk_split == split)
                .map(|client| client.port.port)
                .collect();
            format!("{ports:?}")
        };
        format!(
            "{:?} {} {} {}",
            ports.trunks,
            on(&[(0, 100)]),
            on(&[(0, 50), (1, 50)]),
            on(&[(1, 100)])
        )
    }

    #[test]
    fn the_muxponder_has_the_clients_of_the_card_mode_table() {
        let table = [
            (50, "[0, 1] [] [2] []"),
            (100, "[0] [2] [] []"),
            (150, "[0, 1] [2] [3] [4]"),
            (200, "[0, 1] [2, 3] [] [4, 5]"),
            (250, "[0, 1] [2, 3] [4] [5, 6]"),
            (300, "[0, 1] [2, 3, 4] [] [5, 6, 7]"),
            (350, "[0, 1] [2, 3, 4] [5] [6, 7, 8]"),
            (400, "[0, 1] [2, 3, 4, 5] [] [6, 7, 8, 9]"),
            (450, "[0, 1] [2, 3, 4, 5] [6] [7, 8, 9, 10]"),
            (500, "[0, 1] [2, 3, 4, 5, 6] [] [7, 8, 9, 10, 11]"),
            (550, "[0, 1] [2, 3, 4, 5, 6] [7] [8, 9, 10, 11, 12]"),
            (600, "[0, 1] [2, 3, 4, 5, 6, 7] [] [8, 9, 10, 11, 12, 13]"),
        ];
        for (gbps, expected) in table {
            assert_eq!(row(&muxponder(gbps, false)), expected, "{gbps}G");
        }
    }

    #[test]
    fn a_split_client_port_map_shares_port_7_and_starts_trunk_1_at_port_8() {
        let table = [
            (50, "[0, 1] [] [7] []"),
            (150, "[0, 1] [2] [7] [8]"),
            (400, "[0, 1] [2, 3, 4, 5] [] [8, 9, 10, 11]"),
            (450, "[0, 1] [2, 3, 4, 5] [7] [8, 9, 10, 11]"),
            (550, "[0, 1] [2, 3, 4, 5, 6] [7] [8, 9, 10, 11, 12]"),
            (600, "[0, 1] [2, 3, 4, 5, 6, 7] [] [8, 9, 10, 11, 12, 13]"),
        ];
        for (gbps, expected) in table {
            assert_eq!(row(&muxponder(gbps, true)), expected, "{gbps}G");
        }
    }

    #[test]
    fn a_slice_of_the_12t_card_has_one_client_a_100g_of_its_own_trunk() {
        for gbps in [100, 200, 300, 400, 500, 600] {
            let desired = slices([
                (0, filled(gbps, ClientType::HundredGigE)),
                (1, filled(gbps, ClientType::Otu4)),
            ]);
            let plans = plan(LICENSED_12T, &desired);
            for (slice_id, first) in [(0, 2), (1, 8)] {
                let ports = plans[&Some(slice_id)].ports.as_ref().unwrap();
                let found: Vec<_> = ports
                    .clients
                    .iter()
                    .map(|c| (c.port.port, c.odu4_index))
                    .collect();
                let expected: Vec<_> = (0..gbps / 100).map(|n| (first + n, Some(n + 1))).collect();
                assert_eq!(found, expected, "slice {slice_id} at {gbps}G");
                assert_eq!(ports.trunks, [slice_id]);
            }
        }
    }

    #[test]
    fn clients_with_a_type_of_their_own_are_exactly_those_that_the_slice_has() {
        let desired = slices([(
            1,
            named(300, &[(8, 0, ClientType::HundredGigE), (10, 0, ClientType::Otu4)]),
        )]);
        let plans = plan(LICENSED_12T, &desired);
        let plan = &plans[&Some(1)];
        let ports: Vec<u32> = plan
            .ports
            .as_ref()
            .unwrap()
            .clients
            .iter()
            .map(|c| c.port.port)
            .collect();
        assert_eq!(ports, [8, 10]);
        assert_eq!(plan.client_rate, None);
    }

    #[test]
    fn the_otn_xp_sample_of_the_chapter_is_ten_clients_on_trunk_0() {
        use ClientType::{Otu2, Otu2e, TenGigE};
        let desired = slices([(
            0,
            named(
                100,
                &[
                    (2, 3, Otu2),
                    (2, 4, Otu2e),
                    (4, 1, TenGigE),
                    (4, 2, Otu2),
                    (4, 3, Otu2e),
                    (4, 4, TenGigE),
                    (5, 1, Otu2e),
                    (5, 2, TenGigE),
                    (5, 3, Otu2),
                    (5, 4, Otu2e),
                ],
            ),
        )]);
        let plans = plan(OTN_XP, &desired);
        let ports = plans[&Some(0)].ports.as_ref().unwrap();
        assert_eq!(
            (ports.clients.len(), ports.trunks.as_slice()),
            (10, [0].as_slice())
        );
        assert!(ports.clients.iter().all(|client| client.odu4_index.is_none()));
    }

    #[test]
    fn the_qxp_sample_of_the_chapter_is_client_1_on_trunk_0() {
        let desired = slices([(0, named(400, &[(1, 0, ClientType::FourHundredGigE)]))]);
        let plans = plan(QXP, &desired);
        let plan = &plans[&Some(0)];
        let ports = plan.ports.as_ref().unwrap();
        assert_eq!(
            (ports.clients[0].port, ports.trunks.as_slice()),
            (port(1, 0), [0].as_slice())
        );
        assert_eq!(plan.client_rate, Some(ClientType::FourHundredGigE));
        let eighth = plan_card(
            QXP,
            &slices([(7, filled(400, ClientType::FourHundredGigE))]),
            |_| None,
        );
        let ports = eighth[&Some(7)].ports.as_ref().unwrap();
        assert_eq!(
            (ports.clients[0].port, ports.trunks.as_slice()),
            (port(15, 0), [14].as_slice())
        );
    }

    #[test]
    fn client_rates_of_100ge_fill_a_qxp_trunk_lane_by_lane() {
        let plans = plan(QXP, &slices([(1, filled(200, ClientType::HundredGigE))]));
        let ports = plans[&Some(1)].ports.as_ref().unwrap();
        let clients: Vec<ClientPort> = ports.clients.iter().map(|client| client.port).collect();
        assert_eq!(
            (clients, ports.trunks.as_slice()),
            (vec![port(3, 1), port(3, 2)], [2].as_slice())
        );
    }

    #[test]
    fn a_slice_that_the_card_cannot_carry_says_why() {
        use ClientType::{FortyGigE, FourHundredGigE, HundredGigE, Otu2, Otu4, TenGigE};
        let cases = [
            (
                LICENSED_12T,
                2,
                filled(200, HundredGigE),
                "slice 2 does not exist on card NCS1K4-1.2T-L-K9: its slices are 0 and 1",
            ),
            (
                LICENSED_12T,
                0,
                filled(150, HundredGigE),
                "trunk-rates one-hundred-fifty-gig on slice 0: rates with a half of 100G exist in muxponder mode of a 1.2T card only",
            ),
            (
                LICENSED_12T,
                0,
                filled(200, FortyGigE),
                "client-type forty-gig-e on client port 2 is not supported by card NCS1K4-1.2T-L-K9: hundred-gig-e and otu4 are",
            ),
            (
                LICENSED_12T,
                0,
                named(600, &[(8, 0, HundredGigE)]),
                "client port 8 is not in the map of slice 0: its client ports are 2 to 7",
            ),
            (
                LICENSED_12T,
                0,
                named(
                    200,
                    &[(2, 0, HundredGigE), (3, 0, HundredGigE), (4, 0, HundredGigE)],
                ),
                "client port 4 does not fit: at 200 Gbit/s a trunk of slice 0 carries client ports [2, 3]",
            ),
            (
                LICENSED_12T,
                0,
                named(200, &[(2, 1, HundredGigE)]),
                "client port 2 lane 1 on card NCS1K4-1.2T-L-K9: its client ports have no lanes",
            ),
            (
                LICENSED_12T,
                0,
                named(600, &[]),
                "slice 0 has no clients: neither client-rates nor a client port with a client-type",
            ),
            (
                LICENSED_12T,
                0,
                SliceDesired {
                    client_rate: Some(HundredGigE),
                    ..SliceDesired::default()
                },
                "slice 0 has no trunk-rates",
            ),
            (
                OTN_XP,
                2,
                named(100, &[(2, 1, TenGigE)]),
                "slice 2 does not exist on card NCS1K4-OTN-XPL: its slices are 0 and 1",
            ),
            (
                OTN_XP,
                0,
                named(100, &[(12, 1, TenGigE)]),
                "client port 12 is not in the map of card NCS1K4-OTN-XPL: its client ports are 2 to 11",
            ),
            (
                OTN_XP,
                0,
                named(100, &[(2, 0, HundredGigE), (3, 1, TenGigE)]),
                "clients of slice 0 add up to 110 Gbit/s, above its trunk rate of 100 Gbit/s",
            ),
            (
                OTN_XP,
                0,
                named(100, &[(2, 0, Otu2)]),
                "client-type otu2 on client port 2 is not supported by card NCS1K4-OTN-XPL: it needs a lane, 1 to 4",
            ),
            (
                OTN_XP,
                0,
                named(100, &[(2, 1, HundredGigE)]),
                "client-type hundred-gig-e on client port 2 lane 1 is not supported by card NCS1K4-OTN-XPL: it takes a whole port, without a lane",
            ),
            (
                OTN_XP,
                1,
                named(200, &[(2, 0, HundredGigE), (2, 1, TenGigE)]),
                "client port 2 lane 1 is part of a port that is already a whole client",
            ),
            (
                OTN_XP,
                0,
                named(500, &[(2, 0, HundredGigE)]),
                "trunk-rates five-hundred-gig on slice 0: trunks of card NCS1K4-OTN-XPL go up to 400 Gbit/s",
            ),
            (
                OTN_XP,
                0,
                filled(100, HundredGigE),
                "client-rates hundred-gig-e on slice 0: card NCS1K4-OTN-XPL needs its client ports named, with a client-type each",
            ),
            (
                QXP,
                8,
                named(400, &[]),
                "slice 8 does not exist on card NCS1K4-QXP-L-K9: its slices are 0 to 7",
            ),
            (
                QXP,
                1,
                named(400, &[(1, 0, FourHundredGigE)]),
                "client port 1 is not in the map of slice 1 on card NCS1K4-QXP-L-K9: its client port is 3",
            ),
            (
                QXP,
                0,
                named(200, &[(1, 0, FourHundredGigE)]),
                "clients of slice 0 add up to 400 Gbit/s, above its trunk rate of 200 Gbit/s",
            ),
            (
                QXP,
                0,
                filled(400, Otu4),
                "client-type otu4 on client port 1 is not supported by card NCS1K4-QXP-L-K9: four-hundred-gig-e on the port and hundred-gig-e on a lane are",
            ),
            (
                QXP,
                0,
                named(400, &[(1, 0, HundredGigE), (1, 2, HundredGigE)]),
                "client port 1 is a whole client and lanes at once",
            ),
            (
                "NCS1K4-2-QDD-C-K9",
                0,
                filled(400, HundredGigE),
                "card NCS1K4-2-QDD-C-K9 is of an unknown kind and carries no slices",
            ),
        ];
        for (pid, slice_id, slice, expected) in cases {
            assert_eq!(reason(pid, slice_id, &slices([(slice_id, slice)])), expected);
        }
    }

    #[test]
    fn a_client_port_of_two_slices_stays_with_the_lower_one() {
        let desired = slices([
            (0, named(100, &[(2, 1, ClientType::TenGigE)])),
            (1, named(100, &[(2, 2, ClientType::TenGigE)])),
        ]);
        assert!(plan(OTN_XP, &desired)[&Some(0)].ports.is_ok());
        assert_eq!(
            reason(OTN_XP, 1, &desired),
            "client port 2 of slice 1 is already used by slice 0"
        );
    }

    #[test]
    fn a_slice_that_fails_leaves_its_ports_to_the_other() {
        let desired = slices([
            (
                0,
                named(
                    100,
                    &[(2, 1, ClientType::TenGigE), (3, 0, ClientType::HundredGigE)],
                ),
            ),
            (1, named(100, &[(2, 2, ClientType::TenGigE)])),
        ]);
        assert!(plan(OTN_XP, &desired)[&Some(0)].ports.is_err());
        assert!(plan(OTN_XP, &desired)[&Some(1)].ports.is_ok());
    }

    #[test]
    fn muxponder_and_slices_at_once_fail_both() {
        let mut desired = muxponder(400, false);
        desired.slices.insert(0, filled(400, ClientType::HundredGigE));
        let plans = plan(LICENSED_12T, &desired);
        assert_eq!(plans.len(), 2);
        for plan in plans.values() {
            let refused = plan.ports.as_ref().unwrap_err();
            assert!(
                refused.starts_with("mxponder and mxponder-slice are both configured"),
                "{refused}"
            );
        }
    }

    #[test]
    fn only_a_12t_card_has_a_whole_card_muxponder() {
        for pid in [OTN_XP, QXP] {
            let plans = plan(pid, &muxponder(400, false));
            let refused = plans[&None].ports.as_ref().unwrap_err();
            assert_eq!(
                *refused,
                format!("card {pid} has no whole-card muxponder; configure mxponder-slices")
            );
        }
    }

    #[test]
    fn a_shared_client_needs_both_trunks_alike() {
        let optics = |bits: &str| OpticsDesired {
            bits_per_symbol: Some(bits.parse().unwrap()),
            ..OpticsDesired::default()
        };
        let (first, second) = (optics("3"), optics("4"));
        let trunks = |port: u32| if port == 0 { Some(&first) } else { Some(&second) };
        let odd = plan_card(LICENSED_12T, &muxponder(450, false), trunks);
        assert_eq!(
            odd[&None].ports.clone().unwrap_err(),
            "optics-bits-per-symbol is 3.0000000000 on trunk 0 and 4.0000000000 on trunk 1: a trunk rate with a half of 100G needs both trunks alike"
        );
        let even = plan_card(LICENSED_12T, &muxponder(400, false), trunks);
        assert!(even[&None].ports.is_ok());
    }

    fn any_client_type() -> impl Strategy<Value = ClientType> {
        (0..ClientType::ALL.len()).prop_map(|nth| ClientType::ALL[nth])
    }

    fn any_slice() -> impl Strategy<Value = SliceDesired> {
        let clients = proptest::collection::btree_map((0u32..=15, 0u32..=4), any_client_type(), 0..6);
        (1u32..=12, proptest::option::of(any_client_type()), clients).prop_map(
            |(steps, client_rate, clients)| SliceDesired {
                trunk_rate: rate(50 * steps),
                client_rate,
                clients: clients
                    .into_iter()
                    .map(|((p, lane), kind)| (port(p, lane), kind))
                    .collect(),
                ..SliceDesired::default()
            },
        )
    }

    proptest! {
        #[test]
        fn whatever_is_asked_no_trunk_is_overfilled_and_no_port_serves_two_slices(
            card in proptest::sample::select(vec![LICENSED_12T, OTN_XP, QXP]),
            slices in proptest::collection::btree_map(0u32..8, any_slice(), 1..8),
        ) {
            let ports = card_ports(LineCardModel::from_pid(card));
            let mut used = BTreeSet::new();
            let desired = LineCardDesired { slices, muxponder: None };
            for plan in plan(card, &desired).values() {
                let Ok(given) = &plan.ports else { continue };
                let gbps: u32 = given.clients.iter().map(|client| client_gbps(client.client_type)).sum();
                prop_assert!(gbps <= plan.trunk_rate.unwrap().gbps());
                prop_assert!(given.trunks.iter().all(|trunk| ports.trunks.contains(trunk)));
                for client in &given.clients {
                    prop_assert!(ports.clients.contains(&client.port.port));
                    prop_assert!(used.insert(client.port), "{:?} is used twice", client.port);
                }
            }
        }
    }
}
