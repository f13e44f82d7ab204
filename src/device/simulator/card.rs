//! One fitted card of the simulator: what it was asked, what is still due, and what it shows.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use crate::device::chassis::ChassisDescription;
use crate::device::desired_state::{DesiredState, LineCardDesired, OpticsDesired, PortName};
use crate::device::hardware::{CardSnapshot, CardState, OpticsSnapshot, SliceSnapshot, SliceStatus};
use crate::device::inventory::{LineCardModel, SlotLocation, TrunkRate};
use crate::device::optics::BitsPerSymbol;
use crate::device::port_map::{CardPorts, SlicePlan, card_ports, plan_card};
use crate::device::simulator::figures::{Character, PortUse, figures};

/// A card in its slot.
pub(super) struct Card {
    pid: String,
    serial_number: String,
    state: CardState,
    ports: CardPorts,
    slices: BTreeMap<Option<u32>, SliceRun>,
    optics: BTreeMap<u32, OpticsRun>,
}

/// A slice on its way or running.
struct SliceRun {
    plan: SlicePlan,
    due: Option<Instant>,
}

/// A port with what runs on it and what is still due.
struct OpticsRun {
    character: Character,
    running: OpticsDesired,
    pending: Option<(Instant, OpticsDesired)>,
}

impl Card {
    /// A card fresh from its box.
    pub(super) fn new(
        seed: u64,
        location: SlotLocation,
        pid: &str,
        serial_number: String,
        state: CardState,
    ) -> Card {
        let ports = card_ports(LineCardModel::from_pid(pid));
        let optics = ports.trunks.iter().chain(&ports.clients).map(|&port| {
            let run = OpticsRun {
                character: Character::of_port(seed, location, port),
                running: OpticsDesired::default(),
                pending: None,
            };
            (port, run)
        });
        Card {
            pid: pid.to_owned(),
            serial_number,
            state,
            optics: optics.collect(),
            slices: BTreeMap::new(),
            ports,
        }
    }

    pub(super) fn pid(&self) -> &str {
        &self.pid
    }

    pub(super) fn is_trunk(&self, port: u32) -> bool {
        self.ports.trunks.contains(&port)
    }

    /// Goes up or down; what runs on it stops with it, and is asked of it anew by [`Card::aim`].
    pub(super) fn turn(&mut self, state: CardState) {
        self.state = state;
        if state == CardState::Down {
            self.slices.clear();
            for run in self.optics.values_mut() {
                run.running = OpticsDesired::default();
                run.pending = None;
            }
        }
    }

    /// Compares the wish with what runs; what differs is due at `due`, or at once.
    pub(super) fn aim(&mut self, location: SlotLocation, desired: &DesiredState, due: Option<Instant>) {
        if self.state == CardState::Down {
            return;
        }
        let name = |port: u32| PortName {
            location,
            instance: 0,
            port,
        };
        let nothing = LineCardDesired::default();
        let wish = desired.line_cards.get(&location).unwrap_or(&nothing);
        let mut before = std::mem::take(&mut self.slices);
        for (slice_id, plan) in plan_card(&self.pid, wish, |port| desired.optics.get(&name(port))) {
            let run = match before.remove(&slice_id) {
                Some(run) if run.plan == plan => run,
                _ => SliceRun { plan, due },
            };
            self.slices.insert(slice_id, run);
        }
        let silent = OpticsDesired::default();
        for (&port, run) in &mut self.optics {
            let wish = desired.optics.get(&name(port)).unwrap_or(&silent);
            match (&run.pending, due) {
                (Some((_, pending)), _) if pending == wish => {}
                (None, _) if run.running == *wish => {}
                (_, Some(due)) => run.pending = Some((due, wish.clone())),
                (_, None) => {
                    run.running = wish.clone();
                    run.pending = None;
                }
            }
        }
    }

    /// Carries out what is due; true when there was something.
    pub(super) fn settle(&mut self, now: Instant) -> bool {
        let mut settled = false;
        for run in self.slices.values_mut() {
            if run.due.is_some_and(|due| due <= now) {
                run.due = None;
                settled = true;
            }
        }
        for run in self.optics.values_mut() {
            if let Some((_, wish)) = run.pending.take_if(|(due, _)| *due <= now) {
                run.running = wish;
                settled = true;
            }
        }
        settled
    }

    /// Nothing that is under way is due later than this.
    pub(super) fn hurry(&mut self, latest: Instant) {
        let slices = self.slices.values_mut().filter_map(|run| run.due.as_mut());
        let optics = self.optics.values_mut().filter_map(|run| run.pending.as_mut());
        for due in slices.chain(optics.map(|(due, _)| due)) {
            *due = latest.min(*due);
        }
    }

    /// When something is due next.
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        let slices = self.slices.values().filter_map(|run| run.due);
        let optics = self.optics.values().filter_map(|run| run.pending.as_ref());
        slices.chain(optics.map(|(due, _)| *due)).min()
    }

    /// The card as the inventory and the slice views show it.
    pub(super) fn snapshot(&self) -> CardSnapshot {
        CardSnapshot {
            pid: self.pid.clone(),
            vid: "V01".to_owned(),
            serial_number: self.serial_number.clone(),
            description: describe(LineCardModel::from_pid(&self.pid)).to_owned(),
            state: self.state,
            slices: self.slices.iter().map(|(id, run)| run.snapshot(*id)).collect(),
            trunk_ports: self.ports.trunks.clone(),
        }
    }

    /// Its optics; none while it is down.
    pub(super) fn optics(
        &self,
        location: SlotLocation,
        chassis: &ChassisDescription,
        overrides: &BTreeMap<PortName, BitsPerSymbol>,
    ) -> Vec<(PortName, OpticsSnapshot)> {
        if self.state == CardState::Down {
            return Vec::new();
        }
        let (rates, clients) = self.used_ports();
        let show = |(&port, run): (&u32, &OpticsRun)| {
            let name = PortName {
                location,
                instance: 0,
                port,
            };
            let used = match self.is_trunk(port) {
                true => PortUse::Trunk {
                    rate: rates.get(&port).copied(),
                    forced_bits_per_symbol: overrides.get(&name).copied(),
                },
                false => PortUse::Client {
                    carries: clients.contains(&port),
                },
            };
            (name, figures(chassis, &run.character, &run.running, used))
        };
        self.optics.iter().map(show).collect()
    }

    /// Trunks with the rate they carry, and client ports in use.
    fn used_ports(&self) -> (BTreeMap<u32, TrunkRate>, BTreeSet<u32>) {
        let mut rates = BTreeMap::new();
        let mut clients = BTreeSet::new();
        for run in self.slices.values().filter(|run| run.due.is_none()) {
            if let (Ok(ports), Some(rate)) = (&run.plan.ports, run.plan.trunk_rate) {
                rates.extend(ports.trunks.iter().map(|trunk| (*trunk, rate)));
                clients.extend(ports.clients.iter().map(|client| client.port.port));
            }
        }
        (rates, clients)
    }
}

impl SliceRun {
    fn snapshot(&self, slice_id: Option<u32>) -> SliceSnapshot {
        let status = match (&self.due, &self.plan.ports) {
            (Some(_), _) => SliceStatus::InProgress,
            (None, Ok(_)) => SliceStatus::Provisioned,
            (None, Err(reason)) => SliceStatus::Failed(reason.clone()),
        };
        let (clients, trunk_ports) = match &self.plan.ports {
            Ok(ports) => (ports.clients.clone(), ports.trunks.clone()),
            Err(_) => (Vec::new(), Vec::new()),
        };
        SliceSnapshot {
            slice_id,
            trunk_rate: self.plan.trunk_rate,
            client_rate: self.plan.client_rate,
            status,
            lldp_drop: self.plan.lldp_drop,
            arp_snoop: self.plan.arp_snoop,
            clients,
            trunk_ports,
        }
    }
}

/// What an inventory shows for a card.
fn describe(model: Option<LineCardModel>) -> &'static str {
    match model {
        Some(LineCardModel::Muxponder12T) => "1.2T line card: 12 QSFP28 clients, 2 trunks",
        Some(LineCardModel::Muxponder12TLicensed) => "1.2T line card, licensed: 12 QSFP28 clients, 2 trunks",
        Some(LineCardModel::OtnXpLicensed) => "OTN-XP line card, licensed: 10 clients, 2 trunks",
        Some(LineCardModel::QxpLicensed) => "QXP line card, licensed: 8 QSFP-DD clients, 8 trunks",
        Some(LineCardModel::Qxp) => "QXP line card: 8 QSFP-DD clients, 8 trunks",
        None => "line card of an unknown kind",
    }
}
