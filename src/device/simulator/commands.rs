//! The commands of a simulated chassis: cards down, up, out and in, a trunk's bits per symbol, the response delay.

use std::time::{Duration, Instant};

use crate::device::chassis::{check_pid, check_serial_number};
use crate::device::desired_state::PortName;
use crate::device::hardware::{CardState, Simulation, SimulationError};
use crate::device::inventory::SlotLocation;
use crate::device::optics::BitsPerSymbol;
use crate::device::simulator::Simulator;
use crate::device::simulator::card::Card;

impl Simulation for Simulator {
    fn line_card_down(&mut self, location: SlotLocation, _now: Instant) -> Result<(), SimulationError> {
        self.fitted(location)?.turn(CardState::Down);
        self.publish();
        Ok(())
    }

    fn line_card_up(&mut self, location: SlotLocation, now: Instant) -> Result<(), SimulationError> {
        self.fitted(location)?.turn(CardState::Up);
        self.aim(location, now);
        self.publish();
        Ok(())
    }

    fn pull_line_card(&mut self, location: SlotLocation, _now: Instant) -> Result<(), SimulationError> {
        self.fitted(location)?;
        if let Some(slot) = self.slots.get_mut(&location) {
            slot.card = None;
        }
        self.overrides.retain(|port, _| port.location != location);
        self.publish();
        Ok(())
    }

    fn insert_line_card(
        &mut self,
        location: SlotLocation,
        pid: &str,
        serial_number: Option<&str>,
        now: Instant,
    ) -> Result<(), SimulationError> {
        let Some(slot) = self.slots.get(&location) else {
            return Err(no_slot(location));
        };
        if let Some(card) = &slot.card {
            return Err(SimulationError(format!(
                "slot {location} holds a card {}; pull it first",
                card.pid()
            )));
        }
        check_pid(pid).map_err(SimulationError)?;
        serial_number
            .map_or(Ok(()), check_serial_number)
            .map_err(SimulationError)?;
        self.fit(location, pid, serial_number, CardState::Up);
        self.aim(location, now);
        self.publish();
        Ok(())
    }

    fn set_trunk_bits_per_symbol(
        &mut self,
        port: PortName,
        bits_per_symbol: Option<BitsPerSymbol>,
        _now: Instant,
    ) -> Result<(), SimulationError> {
        let card = self.fitted(port.location)?;
        if port.instance != 0 || !card.is_trunk(port.port) {
            return Err(SimulationError(format!(
                "{port} is not a trunk of the card {} in slot {}",
                card.pid(),
                port.location
            )));
        }
        match bits_per_symbol {
            Some(bits_per_symbol) => self.overrides.insert(port, bits_per_symbol),
            None => self.overrides.remove(&port),
        };
        self.publish();
        Ok(())
    }

    fn set_response_delay(&mut self, milliseconds: u32, now: Instant) {
        self.response_delay_ms = milliseconds;
        // Work that is under way under a longer delay ends by the new one, never later than it would have.
        if let Some(latest) = now.checked_add(Duration::from_millis(milliseconds.into())) {
            for slot in self.slots.values_mut() {
                if let Some(card) = &mut slot.card {
                    card.hurry(latest);
                }
            }
        }
        self.publish();
    }

    fn response_delay(&self) -> u32 {
        self.response_delay_ms
    }

    fn seed(&self) -> u64 {
        self.description.seed
    }
}

impl Simulator {
    fn fitted(&mut self, location: SlotLocation) -> Result<&mut Card, SimulationError> {
        let Some(slot) = self.slots.get_mut(&location) else {
            return Err(no_slot(location));
        };
        let card = slot.card.as_mut();
        card.ok_or_else(|| SimulationError(format!("slot {location} is empty; insert a line card first")))
    }
}

fn no_slot(location: SlotLocation) -> SimulationError {
    SimulationError(format!("{location} is not a slot of this chassis: 0/0 to 0/3"))
}
