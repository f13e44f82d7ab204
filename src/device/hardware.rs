//! The seam between Ponder and a device: what a vendor implements, and the snapshot that everyone else reads.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use crate::device::desired_state::{ClientPort, DesiredState, PortName};
use crate::device::inventory::{ClientType, SlotLocation, TrunkRate};
use crate::device::optics::{BitsPerSymbol, SubseaSetting};

/// A device that can be configured and looked at.
///
/// It is a machine without a clock or thread of its own: `now` is always an argument, and whoever drives it calls
/// [`Hardware::poll`] at [`Hardware::next_deadline`]. The driver runs it away from sessions, so an
/// implementation that blocks delays nobody's get.
pub trait Hardware: Send {
    /// Takes over a new wish; it replaces the one before. What cannot be done shows in the snapshot, never as a refusal.
    fn apply(&mut self, desired: Arc<DesiredState>, now: Instant);

    /// Does what is due; true when the snapshot changed.
    fn poll(&mut self, now: Instant) -> bool;

    /// When [`Hardware::poll`] has something to do next.
    fn next_deadline(&self) -> Option<Instant>;

    /// The device as it is; cheap, immutable, shared by all readers.
    fn snapshot(&self) -> Arc<Snapshot>;

    /// The controls of a simulated chassis; `None` on real hardware.
    fn simulation(&mut self) -> Option<&mut dyn Simulation> {
        None
    }
}

/// What only a simulated chassis can do: the `ponder-simulator` RPCs.
pub trait Simulation {
    /// Takes a card down where it is.
    fn line_card_down(&mut self, location: SlotLocation, now: Instant) -> Result<(), SimulationError>;
    /// Brings a card up again.
    fn line_card_up(&mut self, location: SlotLocation, now: Instant) -> Result<(), SimulationError>;
    /// Pulls a card out.
    fn pull_line_card(&mut self, location: SlotLocation, now: Instant) -> Result<(), SimulationError>;
    /// Puts a card in; a serial number is made from the seed when none is given.
    fn insert_line_card(
        &mut self,
        location: SlotLocation,
        pid: &str,
        serial_number: Option<&str>,
        now: Instant,
    ) -> Result<(), SimulationError>;
    /// Overrides what a trunk reports; `None` goes back to what is configured.
    fn set_trunk_bits_per_symbol(
        &mut self,
        port: PortName,
        bits_per_symbol: Option<BitsPerSymbol>,
        now: Instant,
    ) -> Result<(), SimulationError>;
    /// How long the hardware takes to act on a wish from now on.
    fn set_response_delay(&mut self, milliseconds: u32, now: Instant);
    /// The current delay, milliseconds.
    fn response_delay(&self) -> u32;
    /// The seed of the simulated figures.
    fn seed(&self) -> u64;
}

/// Why a simulator command was refused; names the thing, the value and the rule.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{0}")]
pub struct SimulationError(pub String);

/// The device at one moment.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Snapshot {
    /// Counts up with every change.
    pub generation: u64,
    /// The chassis.
    pub chassis: ChassisSnapshot,
    /// Every slot, fitted or not, in order.
    pub slots: BTreeMap<SlotLocation, SlotSnapshot>,
    /// Every optics controller of every fitted card that is up.
    pub optics: BTreeMap<PortName, OpticsSnapshot>,
    /// The controls of a simulated chassis as they stand; `None` on real hardware.
    pub simulation: Option<SimulationSnapshot>,
}

/// How the controls of a simulated chassis stand.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SimulationSnapshot {
    /// Seed of the simulated figures.
    pub seed: u64,
    /// How long the hardware takes to act on a wish, milliseconds.
    pub response_delay_ms: u32,
}

/// Identity of the chassis.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ChassisSnapshot {
    /// `NCS1004`
    pub pid: String,
    /// Version identifier, `V01`.
    pub vid: String,
    /// Serial number.
    pub serial_number: String,
    /// `default-sdr`
    pub uuid: String,
    /// What an inventory shows for it.
    pub description: String,
    /// Route processor: PID and serial number.
    pub route_processor_pid: String,
    /// See above.
    pub route_processor_serial_number: String,
    /// Software release that it says it runs, `7.9.1`.
    pub software_version: String,
}

/// One slot.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct SlotSnapshot {
    /// The card in it.
    pub card: Option<CardSnapshot>,
}

/// Up or down.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CardState {
    /// Up and running.
    Up,
    /// Fitted, not running.
    Down,
}

/// One fitted card.
#[derive(Clone, PartialEq, Debug)]
pub struct CardSnapshot {
    /// Product identifier.
    pub pid: String,
    /// Version identifier.
    pub vid: String,
    /// Serial number.
    pub serial_number: String,
    /// What an inventory shows for it.
    pub description: String,
    /// Up or down.
    pub state: CardState,
    /// Slices the hardware was asked to carry, by number, the whole-card muxponder first; none while the card is down.
    pub slices: Vec<SliceSnapshot>,
    /// Ports of the trunks; none on a card that Ponder does not know.
    pub trunk_ports: Vec<u32>,
}

/// How far a slice has come.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum SliceStatus {
    /// Being set up.
    InProgress,
    /// Provisioned (`slice-config-complete`).
    Provisioned,
    /// The card cannot carry it (`slice-config-failure`), and why (Q25).
    Failed(String),
}

/// One slice, or the whole-card muxponder, as the hardware has it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SliceSnapshot {
    /// Slice number; `None` for the whole-card muxponder.
    pub slice_id: Option<u32>,
    /// Trunk rate.
    pub trunk_rate: Option<TrunkRate>,
    /// One rate for all clients, or none where they are mixed or absent.
    pub client_rate: Option<ClientType>,
    /// How far it has come.
    pub status: SliceStatus,
    /// LLDP frames are dropped.
    pub lldp_drop: bool,
    /// ARP is snooped.
    pub arp_snoop: bool,
    /// Its clients by port and lane; none where the card cannot carry it.
    pub clients: Vec<ClientSnapshot>,
    /// Its trunk ports; none where the card cannot carry it.
    pub trunk_ports: Vec<u32>,
}

/// One client of a slice.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ClientSnapshot {
    /// Port number on the card, and lane.
    pub port: ClientPort,
    /// What it carries.
    pub client_type: ClientType,
    /// Share of each trunk port, percent.
    pub trunk_split: Vec<(u32, u32)>,
    /// The n-th 100G client (100GE or OTU4) of its first trunk, counted from 1; ties it to an ODU4 controller.
    /// `None` for any other client.
    pub odu4_index: Option<u32>,
}

/// One optics controller as it measures itself.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct OpticsSnapshot {
    /// A trunk, or a client's pluggable.
    pub is_trunk: bool,
    /// Administratively up.
    pub admin_up: bool,
    /// Maintenance was asked for.
    pub maintenance: bool,
    /// The laser is on: administratively up and in use.
    pub laser_on: bool,
    /// Light and lock: operationally up.
    pub oper_up: bool,
    /// Trunk: bits per symbol.
    pub bits_per_symbol: Option<BitsPerSymbol>,
    /// Trunk: symbol rate, GBd, ten places.
    pub baud_rate_gbd: Option<String>,
    /// Trunk: dispersion search limits, ps/nm.
    pub cd_min_ps_nm: i32,
    /// See above.
    pub cd_max_ps_nm: i32,
    /// Trunk: measured dispersion, ps/nm.
    pub cd_ps_nm: i32,
    /// Carrier frequency, 100 MHz.
    pub carrier_frequency_100mhz: u32,
    /// Transmit power, 0.01 dBm.
    pub tx_power_hundredth_dbm: i32,
    /// Receive power, 0.01 dBm.
    pub rx_power_hundredth_dbm: i32,
    /// Configured transmit power, 0.1 dBm.
    pub configured_tx_power_tenth_dbm: i32,
    /// Laser bias current, 0.01 %.
    pub laser_bias_hundredth_percent: u32,
    /// Temperature, 0.01 degrees C.
    pub temperature_hundredth_c: i32,
    /// Supply voltage, 0.01 V.
    pub voltage_hundredth_v: u32,
    /// Optical signal-to-noise ratio, 0.01 dB.
    pub osnr_hundredth_db: u32,
    /// Trunk: bit error ratio before correction; `None` without light.
    pub pre_fec_ber: Option<f64>,
    /// Trunk: forward error correction as configured, native name.
    pub fec: Option<String>,
    /// Alarm thresholds in force.
    pub thresholds: ThresholdsSnapshot,
    /// Subsea settings as they run.
    pub subsea_settings: BTreeMap<SubseaSetting, String>,
    /// Description of the port as configured.
    pub description: Option<String>,
}

/// Alarm thresholds of an optics controller, configured or the hardware's own.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct ThresholdsSnapshot {
    /// Receive power, low, 0.1 dBm.
    pub rx_low_tenth_dbm: i32,
    /// Receive power, high, 0.1 dBm.
    pub rx_high_tenth_dbm: i32,
    /// Transmit power, low, 0.1 dBm.
    pub tx_low_tenth_dbm: i32,
    /// Transmit power, high, 0.1 dBm.
    pub tx_high_tenth_dbm: i32,
    /// Trunk: dispersion, low, ps/nm.
    pub cd_low_ps_nm: i32,
    /// Trunk: dispersion, high, ps/nm.
    pub cd_high_ps_nm: i32,
    /// Trunk: signal-to-noise ratio, low, 0.01 dB.
    pub osnr_low_hundredth_db: u32,
    /// Trunk: differential group delay, high, 0.1 ps.
    pub dgd_high_tenth_ps: u32,
    /// Laser bias current, high, percent.
    pub laser_bias_high_percent: u32,
}
