//! Drives the hardware from a thread of its own, so that nothing it does can hold up a session.

use std::fmt;
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use tokio::runtime;
use tokio::sync::{mpsc, watch};

use crate::app::clock::Clock;
use crate::device::desired_state::{DesiredState, PortName};
use crate::device::hardware::{Hardware, SimulationError, Snapshot};
use crate::device::inventory::SlotLocation;
use crate::device::optics::BitsPerSymbol;

/// The device as everybody else sees it: wishes go in, snapshots come out; neither waits for the hardware.
#[derive(Clone, Debug)]
pub struct Device {
    wishes: watch::Sender<Arc<DesiredState>>,
    commands: mpsc::UnboundedSender<Order>,
    snapshots: watch::Receiver<Arc<Snapshot>>,
}

/// A command to the simulated chassis: an RPC of `ponder-simulator`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum SimulatorCommand {
    /// `line-card-down`
    LineCardDown(SlotLocation),
    /// `line-card-up`
    LineCardUp(SlotLocation),
    /// `pull-line-card`
    PullLineCard(SlotLocation),
    /// `insert-line-card`
    InsertLineCard {
        /// Which slot.
        location: SlotLocation,
        /// What kind of card.
        pid: String,
        /// Its serial number; made from the seed when absent.
        serial_number: Option<String>,
    },
    /// `set-trunk-bits-per-symbol`
    SetTrunkBitsPerSymbol {
        /// Which trunk.
        port: PortName,
        /// What it reports; `None` goes back to what is configured.
        bits_per_symbol: Option<BitsPerSymbol>,
    },
    /// `set-response-delay`, milliseconds.
    SetResponseDelay(u32),
}

/// A command and the way back for its answer.
struct Order {
    command: SimulatorCommand,
    answer: SyncSender<Result<(), SimulationError>>,
}

impl fmt::Display for SimulatorCommand {
    /// The RPC with its input, as the log tells it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SimulatorCommand::LineCardDown(location) => write!(f, "line-card-down {location}"),
            SimulatorCommand::LineCardUp(location) => write!(f, "line-card-up {location}"),
            SimulatorCommand::PullLineCard(location) => write!(f, "pull-line-card {location}"),
            SimulatorCommand::InsertLineCard { location, pid, .. } => {
                write!(f, "insert-line-card {location} {pid}")
            }
            SimulatorCommand::SetTrunkBitsPerSymbol {
                port,
                bits_per_symbol: Some(bits),
            } => write!(f, "set-trunk-bits-per-symbol {port} {bits}"),
            SimulatorCommand::SetTrunkBitsPerSymbol {
                port,
                bits_per_symbol: None,
            } => write!(f, "set-trunk-bits-per-symbol {port} as configured"),
            SimulatorCommand::SetResponseDelay(milliseconds) => {
                write!(f, "set-response-delay {milliseconds} ms")
            }
        }
    }
}

impl fmt::Debug for Order {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.command.fmt(f)
    }
}

impl Device {
    /// Starts the thread that owns the hardware. It ends when the last [`Device`] is dropped.
    ///
    /// # Errors
    /// When the system gives no thread or no timer.
    pub fn start(hardware: Box<dyn Hardware>, clock: Arc<dyn Clock>) -> std::io::Result<Device> {
        // A runtime of its own: the thread may outlive the one that serves sessions.
        let runtime = runtime::Builder::new_current_thread().enable_time().build()?;
        let (wishes, new_wishes) = watch::channel(Arc::default());
        let (commands, orders) = mpsc::unbounded_channel();
        let (publish, snapshots) = watch::channel(hardware.snapshot());
        let driver = Driver {
            hardware,
            clock,
            new_wishes,
            orders,
            publish,
        };
        std::thread::Builder::new()
            .name("hardware".to_owned())
            .spawn(move || runtime.block_on(driver.run()))?;
        Ok(Device {
            wishes,
            commands,
            snapshots,
        })
    }

    /// Hands over a wish; it replaces one that the hardware has not taken up yet.
    pub fn apply(&self, desired: Arc<DesiredState>) {
        self.wishes.send_replace(desired);
    }

    /// The latest wish, whether or not the hardware has taken it up.
    pub fn desired(&self) -> Arc<DesiredState> {
        Arc::clone(&self.wishes.borrow())
    }

    /// The device as it was last seen.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        Arc::clone(&self.snapshots.borrow())
    }

    /// Follows the snapshots.
    pub fn subscribe(&self) -> watch::Receiver<Arc<Snapshot>> {
        self.snapshots.clone()
    }

    /// Carries out a simulator command and waits for the answer; for places that may block.
    ///
    /// # Errors
    /// In words: the command makes no sense, the hardware is not simulated, or it did not answer in time.
    pub fn simulate(&self, command: SimulatorCommand) -> Result<(), SimulationError> {
        let gone = || SimulationError("the hardware has stopped".to_owned());
        let (answer, answered) = sync_channel(1);
        self.commands
            .send(Order { command, answer })
            .map_err(|_| gone())?;
        answered.recv_timeout(PATIENCE).map_err(|error| match error {
            RecvTimeoutError::Disconnected => gone(),
            RecvTimeoutError::Timeout => SimulationError(format!(
                "the hardware did not answer within {} seconds",
                PATIENCE.as_secs()
            )),
        })?
    }
}

/// How long a simulator command may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// The thread's side.
struct Driver {
    hardware: Box<dyn Hardware>,
    clock: Arc<dyn Clock>,
    new_wishes: watch::Receiver<Arc<DesiredState>>,
    orders: mpsc::UnboundedReceiver<Order>,
    publish: watch::Sender<Arc<Snapshot>>,
}

impl Driver {
    async fn run(mut self) {
        loop {
            let deadline = self.hardware.next_deadline();
            tokio::select! {
                // Wishes before commands: a command sent after a commit finds the commit's wish in place.
                biased;
                changed = self.new_wishes.changed() => {
                    if changed.is_err() {
                        return;
                    }
                    let desired = Arc::clone(&self.new_wishes.borrow_and_update());
                    self.hardware.apply(desired, self.clock.instant());
                }
                order = self.orders.recv() => {
                    let Some(Order { command, answer }) = order else { return };
                    let told = command.to_string();
                    let done = command.carry_out(self.hardware.as_mut(), self.clock.instant());
                    match &done {
                        Ok(()) => tracing::info!("simulator: {told}"),
                        Err(reason) => tracing::warn!("simulator: {told}: refused: {reason}"),
                    }
                    self.show();
                    // Whoever asked may have lost patience.
                    answer.send(done).ok();
                }
                () = until(self.clock.as_ref(), deadline) => {
                    self.hardware.poll(self.clock.instant());
                }
            }
            self.show();
        }
    }

    fn show(&self) {
        let latest = self.hardware.snapshot();
        self.publish.send_if_modified(|shown| {
            let differs = !Arc::ptr_eq(shown, &latest);
            *shown = latest;
            differs
        });
    }
}

async fn until(clock: &dyn Clock, deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => clock.wait_until(deadline).await,
        None => std::future::pending().await,
    }
}

impl SimulatorCommand {
    fn carry_out(self, hardware: &mut dyn Hardware, now: Instant) -> Result<(), SimulationError> {
        let Some(simulation) = hardware.simulation() else {
            return Err(SimulationError(
                "the hardware of this device is not simulated".to_owned(),
            ));
        };
        match self {
            SimulatorCommand::LineCardDown(location) => simulation.line_card_down(location, now),
            SimulatorCommand::LineCardUp(location) => simulation.line_card_up(location, now),
            SimulatorCommand::PullLineCard(location) => simulation.pull_line_card(location, now),
            SimulatorCommand::InsertLineCard {
                location,
                pid,
                serial_number,
            } => simulation.insert_line_card(location, &pid, serial_number.as_deref(), now),
            SimulatorCommand::SetTrunkBitsPerSymbol {
                port,
                bits_per_symbol,
            } => simulation.set_trunk_bits_per_symbol(port, bits_per_symbol, now),
            SimulatorCommand::SetResponseDelay(milliseconds) => {
                simulation.set_response_delay(milliseconds, now);
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::clock::ManualClock;
    use crate::device::chassis::ChassisDescription;
    use crate::device::desired_state::{LineCardDesired, SliceDesired};
    use crate::device::faulty::{Fault, FaultyHardware, Gate};
    use crate::device::hardware::SliceStatus;
    use crate::device::inventory::{ClientType, TrunkRate};
    use crate::device::simulator::Simulator;

    const SLOT: SlotLocation = SlotLocation { rack: 0, slot: 0 };

    fn slice(gbps: u32) -> Arc<DesiredState> {
        let slice = SliceDesired {
            trunk_rate: TrunkRate::from_gbps(gbps),
            client_rate: Some(ClientType::HundredGigE),
            ..SliceDesired::default()
        };
        let card = LineCardDesired {
            slices: [(0, slice)].into(),
            muxponder: None,
        };
        Arc::new(DesiredState {
            line_cards: [(SLOT, card)].into(),
            ..DesiredState::default()
        })
    }

    fn status(snapshot: &Snapshot) -> Option<SliceStatus> {
        let card = snapshot.slots[&SLOT].card.as_ref()?;
        Some(card.slices.first()?.status.clone())
    }

    fn rate(snapshot: &Snapshot) -> Option<u32> {
        let card = snapshot.slots[&SLOT].card.as_ref()?;
        Some(card.slices.first()?.trunk_rate?.gbps())
    }

    fn still_clock() -> ManualClock {
        ManualClock::starting_at("2021-06-21T12:40:52Z".parse().unwrap())
    }

    fn start(hardware: impl Hardware + 'static, clock: &ManualClock) -> Device {
        Device::start(Box::new(hardware), Arc::new(clock.clone())).unwrap()
    }

    #[tokio::test]
    async fn a_slice_is_provisioned_when_the_clock_reaches_its_delay() {
        let clock = still_clock();
        let chassis = ChassisDescription {
            response_delay_ms: 5_000,
            ..ChassisDescription::default()
        };
        let device = start(Simulator::new(chassis), &clock);
        let mut seen = device.subscribe();
        device.apply(slice(600));
        let reached =
            |wanted: SliceStatus| move |shown: &Arc<Snapshot>| status(shown) == Some(wanted.clone());
        seen.wait_for(reached(SliceStatus::InProgress)).await.unwrap();
        clock.advance(Duration::from_secs(5));
        seen.wait_for(reached(SliceStatus::Provisioned)).await.unwrap();
    }

    #[tokio::test]
    async fn hardware_that_blocks_delays_no_snapshot_and_takes_only_the_latest_wish() {
        let clock = still_clock();
        let gate = Gate::default();
        gate.shut();
        let hardware = FaultyHardware::new(ChassisDescription::default(), Fault::Blocks(gate.clone()));
        let device = start(hardware, &clock);
        for gbps in [100, 200, 300, 400] {
            device.apply(slice(gbps));
            assert_eq!(status(&device.snapshot()), None);
        }
        gate.open();
        let mut seen = device.subscribe();
        seen.wait_for(|shown| rate(shown) == Some(400)).await.unwrap();
        assert!(seen.borrow().generation <= 3);
    }

    #[tokio::test]
    async fn hardware_that_never_finishes_leaves_slices_in_progress() {
        let clock = still_clock();
        let device = start(
            FaultyHardware::new(ChassisDescription::default(), Fault::NeverFinishes),
            &clock,
        );
        let mut seen = device.subscribe();
        device.apply(slice(600));
        clock.advance(Duration::from_secs(3_600));
        seen.wait_for(|shown| rate(shown) == Some(600)).await.unwrap();
        assert_eq!(status(&device.snapshot()), Some(SliceStatus::InProgress));
    }

    #[tokio::test]
    async fn a_command_is_answered_once_the_snapshot_shows_it() {
        let clock = still_clock();
        let device = start(Simulator::new(ChassisDescription::default()), &clock);
        device.simulate(SimulatorCommand::PullLineCard(SLOT)).unwrap();
        assert_eq!(device.snapshot().slots[&SLOT].card, None);
        let again = device.simulate(SimulatorCommand::PullLineCard(SLOT)).unwrap_err();
        assert_eq!(again.to_string(), "slot 0/0 is empty; insert a line card first");
    }
}
