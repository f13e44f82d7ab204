//! A simulated NCS 1004: cards that come and go, slices that take their time, optics with seeded figures.
//!
//! It is a machine without a clock. A wish is compared with what runs, item by item (a slice, a port); what changed is
//! due after the response delay, what did not change is left alone. [`Hardware::poll`] carries out what is due.
//!
//! ```text
//! slice:  (absent) --apply--> InProgress --due--> Provisioned | Failed(reason)
//!         any --apply with another wish--> InProgress          any --apply without it--> (absent)
//! card:   (empty) --insert--> up <--line-card-up/-down--> down          up | down --pull--> (empty)
//! ```

mod card;
mod commands;
mod figures;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::device::chassis::{ChassisDescription, SLOTS};
use crate::device::desired_state::{DesiredState, PortName};
use crate::device::hardware::{CardState, Hardware, Simulation, SimulationSnapshot, SlotSnapshot, Snapshot};
use crate::device::inventory::SlotLocation;
use crate::device::optics::BitsPerSymbol;
use crate::device::serial_number::{SerialFor, serial_number};
use crate::device::simulator::card::Card;

/// The simulated chassis.
pub struct Simulator {
    description: ChassisDescription,
    response_delay_ms: u32,
    slots: BTreeMap<SlotLocation, Slot>,
    desired: Arc<DesiredState>,
    overrides: BTreeMap<PortName, BitsPerSymbol>,
    snapshot: Arc<Snapshot>,
}

/// A slot and the cards it has seen, which number the serial numbers that the seed gives.
#[derive(Default)]
struct Slot {
    seen: u32,
    card: Option<Card>,
}

impl Simulator {
    /// The chassis as described, with its cards fitted and nothing asked of them.
    pub fn new(description: ChassisDescription) -> Simulator {
        let slots = SLOTS.map(|slot| (SlotLocation { rack: 0, slot }, Slot::default()));
        let mut simulator = Simulator {
            response_delay_ms: description.response_delay_ms,
            slots: slots.collect(),
            desired: Arc::default(),
            overrides: BTreeMap::new(),
            snapshot: Arc::default(),
            description,
        };
        for (location, card) in simulator.description.cards.clone() {
            simulator.fit(location, &card.pid, card.serial_number.as_deref(), card.state);
        }
        simulator.publish();
        simulator
    }

    /// Puts a card into a slot.
    fn fit(&mut self, location: SlotLocation, pid: &str, given: Option<&str>, state: CardState) {
        let seed = self.description.seed;
        let slot = self.slots.entry(location).or_default();
        let serial_number = match given {
            Some(given) => given.to_owned(),
            None => serial_number(seed, SerialFor::Card(location, slot.seen)),
        };
        slot.seen += 1;
        slot.card = Some(Card::new(seed, location, pid, serial_number, state));
    }

    /// Tells a card what the running wish means for it.
    fn aim(&mut self, location: SlotLocation, now: Instant) {
        let due = (self.response_delay_ms > 0)
            .then(|| now.checked_add(Duration::from_millis(self.response_delay_ms.into())))
            .flatten();
        if let Some(card) = self.slots.get_mut(&location).and_then(|slot| slot.card.as_mut()) {
            card.aim(location, &self.desired, due);
        }
    }

    /// Makes a new snapshot if anything is different; true when it was.
    fn publish(&mut self) -> bool {
        let mut next = Snapshot {
            generation: self.snapshot.generation,
            chassis: self.description.identity.clone(),
            simulation: Some(SimulationSnapshot {
                seed: self.description.seed,
                response_delay_ms: self.response_delay_ms,
            }),
            ..Snapshot::default()
        };
        for (&location, slot) in &self.slots {
            let card = slot.card.as_ref().map(Card::snapshot);
            next.slots.insert(location, SlotSnapshot { card });
            if let Some(card) = &slot.card {
                let optics = card.optics(location, &self.description, &self.overrides);
                next.optics.extend(optics);
            }
        }
        if next == *self.snapshot {
            return false;
        }
        next.generation += 1;
        self.snapshot = Arc::new(next);
        true
    }
}

impl Hardware for Simulator {
    fn apply(&mut self, desired: Arc<DesiredState>, now: Instant) {
        self.desired = desired;
        let locations: Vec<SlotLocation> = self.slots.keys().copied().collect();
        for location in locations {
            self.aim(location, now);
        }
        self.publish();
    }

    fn poll(&mut self, now: Instant) -> bool {
        let mut settled = false;
        for slot in self.slots.values_mut() {
            if let Some(card) = &mut slot.card {
                settled |= card.settle(now);
            }
        }
        settled && self.publish()
    }

    fn next_deadline(&self) -> Option<Instant> {
        let cards = self.slots.values().filter_map(|slot| slot.card.as_ref());
        cards.filter_map(Card::next_deadline).min()
    }

    fn snapshot(&self) -> Arc<Snapshot> {
        Arc::clone(&self.snapshot)
    }

    fn simulation(&mut self) -> Option<&mut dyn Simulation> {
        Some(self)
    }
}

#[cfg(test)]
mod tests;
