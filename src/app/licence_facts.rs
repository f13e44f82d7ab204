//! From what is configured and what the hardware shows to the facts that licences are counted on.

use std::collections::BTreeSet;

use crate::device::desired_state::{DesiredState, OduName, OpticsDesired, PortName};
use crate::device::hardware::{CardState, ClientSnapshot, SliceSnapshot, SliceStatus, Snapshot};
use crate::device::inventory::SlotLocation;
use crate::device::optics::{DEFAULT_CD_MAX_PS_NM, DEFAULT_CD_MIN_PS_NM, SubseaSetting};
use crate::device::port_map::plan_card;
use crate::licensing::facts::{ClientFacts, Facts, LineCardFacts, SliceFacts, TrunkFacts};

/// The facts of every fitted card: slices, rates and figures as the hardware has them, encryption and subsea
/// settings as running has them (chapter: "appear in the running configuration").
pub fn licence_facts(desired: &DesiredState, snapshot: &Snapshot) -> Facts {
    let mut facts = Facts::default();
    for (location, slot) in &snapshot.slots {
        let Some(card) = &slot.card else { continue };
        facts.line_cards.push(LineCardFacts {
            location: *location,
            pid: card.pid.clone(),
            up: card.state == CardState::Up,
            slices: match card.state {
                CardState::Up => {
                    let slices = card.slices.iter();
                    slices
                        .map(|slice| slice_facts(desired, *location, slice))
                        .collect()
                }
                CardState::Down => planned_slices(desired, *location, &card.pid),
            },
            trunks: card
                .trunk_ports
                .iter()
                .map(|port| trunk_facts(desired, snapshot, *location, *port))
                .collect(),
        });
    }
    facts
}

fn slice_facts(desired: &DesiredState, location: SlotLocation, slice: &SliceSnapshot) -> SliceFacts {
    SliceFacts {
        slice_id: slice.slice_id,
        trunk_rate: slice.trunk_rate,
        provisioned: slice.status == SliceStatus::Provisioned,
        clients: client_facts(desired, location, &slice.clients),
    }
}

/// A card that is down runs no slices; these are those that it would carry.
fn planned_slices(desired: &DesiredState, location: SlotLocation, pid: &str) -> Vec<SliceFacts> {
    let Some(card) = desired.line_cards.get(&location) else {
        return Vec::new();
    };
    let optics = |port| {
        let instance = 0;
        desired.optics.get(&PortName {
            location,
            instance,
            port,
        })
    };
    let plans = plan_card(pid, card, optics).into_iter();
    let planned = plans.map(|(slice_id, plan)| SliceFacts {
        slice_id,
        trunk_rate: plan.trunk_rate,
        provisioned: plan.ports.is_ok(),
        clients: match &plan.ports {
            Ok(ports) => client_facts(desired, location, &ports.clients),
            Err(_) => Vec::new(),
        },
    });
    planned.collect()
}

fn client_facts(
    desired: &DesiredState,
    location: SlotLocation,
    clients: &[ClientSnapshot],
) -> Vec<ClientFacts> {
    let facts = clients.iter().map(|client| ClientFacts {
        port: client.port.port,
        lane: client.port.lane,
        client_type: client.client_type,
        encrypted: odu4(location, client).is_some_and(|odu4| desired.encrypted_clients.contains(&odu4)),
    });
    facts.collect()
}

/// The ODU4 controller of a 100G client: the n-th of its first trunk (quirk 9 of the model map).
fn odu4(location: SlotLocation, client: &ClientSnapshot) -> Option<OduName> {
    Some(OduName {
        location,
        instance: 0,
        trunk: client.trunk_split.first()?.0,
        client: client.odu4_index?,
    })
}

fn trunk_facts(desired: &DesiredState, snapshot: &Snapshot, location: SlotLocation, port: u32) -> TrunkFacts {
    let name = PortName {
        location,
        instance: 0,
        port,
    };
    let reported = snapshot.optics.get(&name);
    let configured = desired.optics.get(&name);
    TrunkFacts {
        port,
        bits_per_symbol: reported.and_then(|optics| optics.bits_per_symbol),
        cd_min_ps_nm: reported.map_or(DEFAULT_CD_MIN_PS_NM, |optics| optics.cd_min_ps_nm),
        cd_max_ps_nm: reported.map_or(DEFAULT_CD_MAX_PS_NM, |optics| optics.cd_max_ps_nm),
        subsea_settings: configured
            .map(|optics| optics.subsea_settings.keys().copied().collect())
            .unwrap_or_default(),
        stated_defaults: configured.map(stated_defaults).unwrap_or_default(),
        shut_down: configured.is_some_and(|optics| optics.shutdown),
    }
}

fn stated_defaults(configured: &OpticsDesired) -> BTreeSet<SubseaSetting> {
    let settings = configured.subsea_settings.iter();
    settings
        .filter(|(setting, value)| setting.default_value() == Some(value.as_str()))
        .map(|(setting, _)| *setting)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::desired_state::{ClientPort, LineCardDesired, SliceDesired};
    use crate::device::hardware::{CardSnapshot, OpticsSnapshot, SlotSnapshot};
    use crate::device::inventory::{ClientType, TrunkRate};
    use crate::device::optics::BitsPerSymbol;
    use crate::licensing::catalogue::Entitlement;
    use crate::licensing::consumption::{Counts, consumption};
    use crate::licensing::policy::{OfDownCard, Policy, ShutDownSubsea, StatedDefaults};

    const SLOT: SlotLocation = SlotLocation { rack: 0, slot: 1 };

    fn optics(bits: u32) -> OpticsSnapshot {
        OpticsSnapshot {
            is_trunk: true,
            admin_up: true,
            oper_up: true,
            bits_per_symbol: Some(BitsPerSymbol::whole(bits)),
            cd_min_ps_nm: -10_000,
            cd_max_ps_nm: 100_000,
            ..OpticsSnapshot::default()
        }
    }

    /// A 1.2T-L card in 0/1 with a provisioned slice of six 100GE clients on trunk 0, which runs at 3 bits.
    fn snapshot() -> Snapshot {
        let clients = (0..6_u32)
            .map(|nth| ClientSnapshot {
                port: ClientPort {
                    port: 2 + nth,
                    lane: None,
                },
                client_type: ClientType::HundredGigE,
                trunk_split: vec![(0, 100)],
                odu4_index: Some(nth + 1),
            })
            .collect();
        let slice = SliceSnapshot {
            slice_id: Some(0),
            trunk_rate: TrunkRate::from_gbps(600),
            client_rate: Some(ClientType::HundredGigE),
            status: SliceStatus::Provisioned,
            lldp_drop: false,
            arp_snoop: false,
            clients,
            trunk_ports: vec![0],
        };
        let card = CardSnapshot {
            pid: "NCS1K4-1.2T-L-K9".to_owned(),
            vid: "V01".to_owned(),
            serial_number: "CAT0000".to_owned(),
            description: String::new(),
            state: CardState::Up,
            slices: vec![slice],
            trunk_ports: vec![0, 1],
        };
        let mut snapshot = Snapshot::default();
        snapshot.slots.insert(SLOT, SlotSnapshot { card: Some(card) });
        snapshot
            .slots
            .insert(SlotLocation { rack: 0, slot: 0 }, SlotSnapshot::default());
        snapshot.optics.insert("Optics0/1/0/0".parse_port(), optics(3));
        snapshot
    }

    trait ParsePort {
        fn parse_port(&self) -> PortName;
    }

    impl ParsePort for str {
        fn parse_port(&self) -> PortName {
            PortName::from_interface_name(self).unwrap()
        }
    }

    fn counts(desired: &DesiredState, snapshot: &Snapshot) -> Counts {
        consumption(&licence_facts(desired, snapshot), &Policy::default()).counts()
    }

    #[test]
    fn a_policy_on_an_odu4_makes_its_client_an_encrypted_one() {
        let mut desired = DesiredState::default();
        let plain = counts(&desired, &snapshot());
        assert_eq!(plain[&Entitlement::Client100G], 2);
        for odu in ["ODU40/1/0/0/1", "ODU40/1/0/0/2", "ODU40/1/0/1/3", "ODU40/2/0/0/4"] {
            desired
                .encrypted_clients
                .insert(OduName::from_interface_name(odu).unwrap());
        }
        let mixed = counts(&desired, &snapshot());
        assert_eq!(
            mixed.get(&Entitlement::Client100G),
            None,
            "the four plain clients are free"
        );
        assert_eq!(mixed[&Entitlement::Client100GEncrypted], 2);
    }

    #[test]
    fn subsea_settings_come_from_running_and_figures_from_the_optics() {
        let mut desired = DesiredState::default();
        let mut configured = OpticsDesired::default();
        configured
            .subsea_settings
            .insert(SubseaSetting::NleqCompMode, "1".to_owned());
        desired.optics.insert("Optics0/1/0/1".parse_port(), configured);
        let counts = counts(&desired, &snapshot());
        assert_eq!(counts[&Entitlement::LongHaul], 1, "trunk 0 reports 3 bits");
        assert_eq!(counts[&Entitlement::Subsea], 1, "trunk 1 has a setting");
    }

    #[test]
    fn a_card_that_is_down_or_pulled_counts_nothing_and_comes_back() {
        let desired = DesiredState::default();
        let up = snapshot();
        let mut down = up.clone();
        down.slots.get_mut(&SLOT).unwrap().card.as_mut().unwrap().state = CardState::Down;
        let mut pulled = up.clone();
        pulled.slots.get_mut(&SLOT).unwrap().card = None;
        assert!(!counts(&desired, &up).is_empty());
        assert!(counts(&desired, &down).is_empty());
        assert!(counts(&desired, &pulled).is_empty());
    }

    #[test]
    fn a_slice_that_is_not_provisioned_counts_nothing() {
        let mut failing = snapshot();
        let card = failing.slots.get_mut(&SLOT).unwrap().card.as_mut().unwrap();
        card.slices[0].status = SliceStatus::Failed("a 1.2T card has trunks 0 and 1".to_owned());
        let counts = counts(&DesiredState::default(), &failing);
        assert_eq!(counts.get(&Entitlement::Client100G), None);
    }

    #[test]
    fn a_card_that_is_down_counts_what_it_would_carry_when_the_readings_say_so() {
        let slice = SliceDesired {
            trunk_rate: TrunkRate::from_gbps(600),
            client_rate: Some(ClientType::HundredGigE),
            ..SliceDesired::default()
        };
        let card = LineCardDesired {
            slices: [(0, slice)].into(),
            muxponder: None,
        };
        let mut desired = DesiredState::default();
        desired.line_cards.insert(SLOT, card);
        let mut configured = OpticsDesired::default();
        let setting = (SubseaSetting::NleqCompMode, "1".to_owned());
        configured.subsea_settings.extend([setting]);
        desired.optics.insert("Optics0/1/0/1".parse_port(), configured);
        let mut down = snapshot();
        let card = down.slots.get_mut(&SLOT).unwrap().card.as_mut().unwrap();
        (card.state, card.slices) = (CardState::Down, Vec::new());
        down.optics.clear();
        let facts = licence_facts(&desired, &down);
        assert!(consumption(&facts, &Policy::default()).counts().is_empty());
        let policy = Policy {
            slices_of_down_card: OfDownCard::Counted,
            subsea_settings_of_down_card: OfDownCard::Counted,
            ..Policy::default()
        };
        let counts = consumption(&facts, &policy).counts();
        assert_eq!(
            counts,
            [(Entitlement::Client100G, 2), (Entitlement::Subsea, 1)].into()
        );
    }

    #[test]
    fn a_stated_default_and_a_shutdown_are_told_apart() {
        let mut desired = DesiredState::default();
        let mut configured = OpticsDesired {
            shutdown: true,
            ..OpticsDesired::default()
        };
        let setting = (SubseaSetting::FilterRollOffFactor, "0.100".to_owned());
        configured.subsea_settings.extend([setting]);
        desired.optics.insert("Optics0/1/0/1".parse_port(), configured);
        let subsea = |policy: &Policy| {
            consumption(&licence_facts(&desired, &snapshot()), policy).count(Entitlement::Subsea)
        };
        assert_eq!(subsea(&Policy::default()), 1);
        let free_defaults = Policy {
            stated_defaults: StatedDefaults::Free,
            ..Policy::default()
        };
        assert_eq!(subsea(&free_defaults), 0);
        let free_when_shut_down = Policy {
            shut_down_subsea: ShutDownSubsea::Free,
            ..Policy::default()
        };
        assert_eq!(subsea(&free_when_shut_down), 0);
    }
}
