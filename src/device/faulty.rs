//! Hardware that misbehaves on demand, to show that the rest of Ponder does not suffer from it.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Instant;

use crate::device::chassis::ChassisDescription;
use crate::device::desired_state::DesiredState;
use crate::device::hardware::{Hardware, Simulation, SliceStatus, Snapshot};
use crate::device::simulator::Simulator;

/// What is wrong with the hardware.
#[derive(Clone, Debug)]
pub enum Fault {
    /// It accepts every wish and never carries one out: slices stay in progress.
    NeverFinishes,
    /// It carries nothing: every slice fails with this reason.
    FailsSlices(String),
    /// Every call blocks its caller for as long as the gate is shut.
    Blocks(Gate),
}

/// A gate that holds up whoever passes while it is shut.
#[derive(Clone, Debug, Default)]
pub struct Gate(Arc<(Mutex<bool>, Condvar)>);

impl Gate {
    /// Shuts the gate.
    pub fn shut(&self) {
        *self.0.0.lock().unwrap_or_else(PoisonError::into_inner) = true;
    }

    /// Opens it and lets everyone pass who waits.
    pub fn open(&self) {
        *self.0.0.lock().unwrap_or_else(PoisonError::into_inner) = false;
        self.0.1.notify_all();
    }

    /// Returns once the gate is open.
    fn pass(&self) {
        let (shut, opened) = &*self.0;
        let mut shut = shut.lock().unwrap_or_else(PoisonError::into_inner);
        while *shut {
            shut = opened.wait(shut).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// A simulated chassis with a fault.
pub struct FaultyHardware {
    inner: Simulator,
    fault: Fault,
}

impl FaultyHardware {
    /// The chassis as described, with that fault.
    pub fn new(mut description: ChassisDescription, fault: Fault) -> FaultyHardware {
        if matches!(fault, Fault::NeverFinishes) {
            description.response_delay_ms = u32::MAX;
        }
        FaultyHardware {
            inner: Simulator::new(description),
            fault,
        }
    }

    fn hold_up(&self) {
        if let Fault::Blocks(gate) = &self.fault {
            gate.pass();
        }
    }
}

impl Hardware for FaultyHardware {
    fn apply(&mut self, desired: Arc<DesiredState>, now: Instant) {
        self.hold_up();
        self.inner.apply(desired, now);
    }

    fn poll(&mut self, now: Instant) -> bool {
        self.hold_up();
        match self.fault {
            Fault::NeverFinishes => false,
            Fault::FailsSlices(_) | Fault::Blocks(_) => self.inner.poll(now),
        }
    }

    fn next_deadline(&self) -> Option<Instant> {
        match self.fault {
            Fault::NeverFinishes => None,
            Fault::FailsSlices(_) | Fault::Blocks(_) => self.inner.next_deadline(),
        }
    }

    fn snapshot(&self) -> Arc<Snapshot> {
        let snapshot = self.inner.snapshot();
        let Fault::FailsSlices(reason) = &self.fault else {
            return snapshot;
        };
        let mut failed = Snapshot::clone(&snapshot);
        let cards = failed.slots.values_mut().filter_map(|slot| slot.card.as_mut());
        for slice in cards.flat_map(|card| &mut card.slices) {
            slice.status = SliceStatus::Failed(reason.clone());
        }
        Arc::new(failed)
    }

    fn simulation(&mut self) -> Option<&mut dyn Simulation> {
        self.hold_up();
        self.inner.simulation()
    }
}
