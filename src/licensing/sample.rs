//! Chassis made up for the tests of counting: by hand, card by card, and by chance.

#![allow(missing_docs)] // the names say it

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use crate::device::inventory::{ClientType, SlotLocation, TrunkRate};
use crate::device::optics::{BitsPerSymbol, DEFAULT_CD_MAX_PS_NM, DEFAULT_CD_MIN_PS_NM, SubseaSetting};
use crate::licensing::facts::{ClientFacts, Facts, LineCardFacts, SliceFacts, TrunkFacts};
use crate::licensing::policy::{
    BandwidthScope, ClientPortTypes, FourBits, FreeClientsFirst, FreeClientsRule, FreeClientsScope,
    OfDownCard, Policy, QxpCharge, ShutDownSubsea, StatedDefaults, TrunkOverlap, UnruledClientTypes,
};

pub const L12T: &str = "NCS1K4-1.2T-L-K9";
pub const K9: &str = "NCS1K4-1.2T-K9";
pub const XPL: &str = "NCS1K4-OTN-XPL";
pub const QXPL: &str = "NCS1K4-QXP-L-K9";
pub const QXP: &str = "NCS1K4-QXP-K9";

/// Builds facts a card at a time; every card is up unless it is said to be down.
#[derive(Clone)]
pub struct Chassis(pub Facts);

pub fn chassis() -> Chassis {
    Chassis(Facts::default())
}

impl Chassis {
    pub fn card(mut self, pid: &str) -> Chassis {
        let slot = self.0.line_cards.len() as u8;
        self.0.line_cards.push(LineCardFacts {
            location: SlotLocation { rack: 0, slot },
            pid: pid.to_owned(),
            up: true,
            slices: Vec::new(),
            trunks: Vec::new(),
        });
        self
    }

    pub fn last(&mut self) -> &mut LineCardFacts {
        self.0.line_cards.last_mut().unwrap()
    }

    pub fn down(mut self) -> Chassis {
        self.last().up = false;
        self
    }

    pub fn slice(mut self, id: u32, rate_gbps: u32, clients: &[(ClientType, usize)]) -> Chassis {
        let types = clients
            .iter()
            .flat_map(|(kind, n)| std::iter::repeat_n(*kind, *n));
        let clients = types
            .enumerate()
            .map(|(nth, client_type)| ClientFacts {
                port: 2 + 6 * id + nth as u32,
                lane: None,
                client_type,
                encrypted: false,
            })
            .collect();
        self.last().slices.push(SliceFacts {
            slice_id: Some(id),
            trunk_rate: TrunkRate::from_gbps(rate_gbps),
            provisioned: true,
            clients,
        });
        self
    }

    /// A slice of a 1.2T card with that many 100GE clients.
    pub fn plain(self, id: u32, clients: usize) -> Chassis {
        self.slice(
            id,
            100 * clients.max(1) as u32,
            &[(ClientType::HundredGigE, clients)],
        )
    }

    /// The same, all encrypted.
    pub fn secret(self, id: u32, clients: usize) -> Chassis {
        self.plain(id, clients).encrypt(clients)
    }

    /// Encrypts the first clients of the last slice.
    pub fn encrypt(mut self, clients: usize) -> Chassis {
        let slice = self.last().slices.last_mut().unwrap();
        slice
            .clients
            .iter_mut()
            .take(clients)
            .for_each(|client| client.encrypted = true);
        self
    }

    pub fn muxponder(mut self, rate_gbps: u32, clients: usize) -> Chassis {
        self = self.slice(0, rate_gbps, &[(ClientType::HundredGigE, clients)]);
        self.last().slices.last_mut().unwrap().slice_id = None;
        self
    }

    pub fn not_provisioned(mut self) -> Chassis {
        self.last().slices.last_mut().unwrap().provisioned = false;
        self
    }

    pub fn trunk(mut self, bits: Option<&str>) -> Chassis {
        let port = self.last().trunks.len() as u32;
        self.last().trunks.push(TrunkFacts {
            port,
            bits_per_symbol: bits.map(|bits| bits.parse().unwrap()),
            cd_min_ps_nm: DEFAULT_CD_MIN_PS_NM,
            cd_max_ps_nm: DEFAULT_CD_MAX_PS_NM,
            subsea_settings: BTreeSet::new(),
            stated_defaults: BTreeSet::new(),
            shut_down: false,
        });
        self
    }

    pub fn cd_min(mut self, limit: i32) -> Chassis {
        self.last().trunks.last_mut().unwrap().cd_min_ps_nm = limit;
        self
    }

    pub fn cd_max(mut self, limit: i32) -> Chassis {
        self.last().trunks.last_mut().unwrap().cd_max_ps_nm = limit;
        self
    }

    pub fn settings(mut self, settings: &[SubseaSetting]) -> Chassis {
        let trunk = self.last().trunks.last_mut().unwrap();
        trunk.subsea_settings.extend(settings);
        self
    }

    /// The same with the values that hold without them.
    pub fn stated_defaults(self, settings: &[SubseaSetting]) -> Chassis {
        let mut chassis = self.settings(settings);
        chassis
            .last()
            .trunks
            .last_mut()
            .unwrap()
            .stated_defaults
            .extend(settings);
        chassis
    }

    pub fn shut_down(mut self) -> Chassis {
        self.last().trunks.last_mut().unwrap().shut_down = true;
        self
    }
}

pub fn any_client(port: u32) -> impl Strategy<Value = ClientFacts> {
    (proptest::sample::select(&ClientType::ALL[..]), any::<bool>()).prop_map(
        move |(client_type, encrypted)| ClientFacts {
            port,
            lane: None,
            client_type,
            encrypted,
        },
    )
}

pub fn any_slice(slice_id: u32) -> impl Strategy<Value = SliceFacts> {
    let clients = (0..6_u32)
        .map(|n| any_client(2 + 6 * slice_id + n))
        .collect::<Vec<_>>();
    (1..=12_u32, any::<bool>(), clients, 0..=6_usize).prop_map(move |(rate, provisioned, mut clients, n)| {
        clients.truncate(n);
        SliceFacts {
            slice_id: Some(slice_id),
            trunk_rate: TrunkRate::from_gbps(50 * rate),
            provisioned,
            clients,
        }
    })
}

pub fn any_trunk(port: u32) -> impl Strategy<Value = TrunkFacts> {
    let bits = proptest::option::of((0..7_u32, 0..10_000_000_000_u64));
    let settings = proptest::sample::subsequence(&SubseaSetting::ALL[..], 0..=3);
    let figures = (bits, -20_000..0, 0..200_000, settings, any::<bool>());
    figures.prop_map(move |(bits, cd_min, cd_max, settings, shut_down)| TrunkFacts {
        port,
        bits_per_symbol: bits.map(|(whole, rest)| BitsPerSymbol::from_parts(whole, rest)),
        cd_min_ps_nm: cd_min,
        cd_max_ps_nm: cd_max,
        subsea_settings: settings.into_iter().collect(),
        stated_defaults: BTreeSet::new(),
        shut_down,
    })
}

pub fn any_card(slot: u8) -> impl Strategy<Value = LineCardFacts> {
    let pids = vec![L12T, K9, XPL, QXPL, QXP, "NCS1K4-2-QDD-C-K9"];
    let slices = (any_slice(0), any_slice(1));
    let trunks = (any_trunk(0), any_trunk(1));
    (proptest::sample::select(pids), any::<bool>(), slices, trunks).prop_map(
        move |(pid, up, slices, trunks)| LineCardFacts {
            location: SlotLocation { rack: 0, slot },
            pid: pid.to_owned(),
            up,
            slices: vec![slices.0, slices.1],
            trunks: vec![trunks.0, trunks.1],
        },
    )
}

pub fn any_facts() -> impl Strategy<Value = Facts> {
    (any_card(0), any_card(1), any_card(2), any_card(3)).prop_map(|cards| Facts {
        line_cards: vec![cards.0, cards.1, cards.2, cards.3],
    })
}

pub fn any_policy() -> impl Strategy<Value = Policy> {
    use proptest::sample::select;
    let rules = select(vec![FreeClientsRule::BeyondFour, FreeClientsRule::AllOnceMore]);
    let types = select(vec![ClientPortTypes::Every, ClientPortTypes::HundredGigE]);
    let down = || select(vec![OfDownCard::Free, OfDownCard::Counted]);
    let four = select(vec![FourBits::LongHaul, FourBits::Free]);
    let shut_down = select(vec![ShutDownSubsea::Counted, ShutDownSubsea::Free]);
    let defaults = select(vec![StatedDefaults::Counted, StatedDefaults::Free]);
    let unruled = select(vec![UnruledClientTypes::ByBandwidth, UnruledClientTypes::Free]);
    let further = (rules, types, down(), down(), four, shut_down, defaults, unruled);
    let scopes = select(vec![
        FreeClientsScope::LineCard,
        FreeClientsScope::Slice,
        FreeClientsScope::Chassis,
    ]);
    let first = select(vec![FreeClientsFirst::Plain, FreeClientsFirst::SliceOrder]);
    let overlap = select(vec![TrunkOverlap::Both, TrunkOverlap::SubseaAlone]);
    let bandwidth = select(vec![
        BandwidthScope::LineCard,
        BandwidthScope::Slice,
        BandwidthScope::Chassis,
    ]);
    let qxp = select(vec![
        QxpCharge::ByTrunkRate(BTreeMap::new()),
        QxpCharge::OnePerSlice,
    ]);
    let all = (scopes, first, overlap, bandwidth, qxp, further);
    all.prop_map(|(scope, first, overlap, bandwidth, qxp, further)| Policy {
        free_clients_scope: scope,
        free_clients_rule: further.0,
        free_clients_first: first,
        client_port_types: further.1,
        trunk_overlap: overlap,
        four_bits_per_symbol: further.4,
        subsea_settings_of_down_card: further.2,
        slices_of_down_card: further.3,
        shut_down_subsea: further.5,
        stated_defaults: further.6,
        bandwidth_scope: bandwidth,
        unruled_client_types: further.7,
        qxp,
    })
}
