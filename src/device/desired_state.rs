//! What the configuration asks of the hardware, as plain data that tells configured from default.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::device::inventory::{ClientType, SlotLocation, TrunkRate};
use crate::device::optics::{BitsPerSymbol, SubseaSetting};

/// The whole wish; made from running by the translators of `app::desired_state`.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct DesiredState {
    /// Slices and muxponder by card; a card's entry stays while the card is absent (Q27).
    pub line_cards: BTreeMap<SlotLocation, LineCardDesired>,
    /// Optics controllers by port.
    pub optics: BTreeMap<PortName, OpticsDesired>,
    /// ODU4 controllers that have an OTNsec policy: an encrypted client each (L-121).
    pub encrypted_clients: BTreeSet<OduName>,
    /// Host name, when configured.
    pub host_name: Option<String>,
}

/// A port of an optics controller, `rack/slot/instance/port`: `Optics0/1/0/13`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct PortName {
    /// The card.
    pub location: SlotLocation,
    /// Instance; 0 on every card known.
    pub instance: u8,
    /// Port number on the card.
    pub port: u32,
}

impl PortName {
    /// Reads an interface name such as `Optics0/1/0/13`; `None` for any other interface.
    pub fn from_interface_name(name: &str) -> Option<PortName> {
        let mut numbers = name.strip_prefix("Optics")?.split('/');
        let mut next = || numbers.next()?.parse::<u32>().ok();
        let (rack, slot, instance, port) = (next()?, next()?, next()?, next()?);
        if numbers.next().is_some() {
            return None;
        }
        Some(PortName {
            location: SlotLocation {
                rack: rack.try_into().ok()?,
                slot: slot.try_into().ok()?,
            },
            instance: instance.try_into().ok()?,
            port,
        })
    }
}

impl fmt::Display for PortName {
    /// The interface name.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Optics{}/{}/{}", self.location, self.instance, self.port)
    }
}

/// An ODU4 controller, `ODU4 rack/slot/instance/trunk/client`: `ODU40/1/0/0/1` is client 1 of trunk 0 (quirk 9 of the model map).
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct OduName {
    /// The card.
    pub location: SlotLocation,
    /// Instance; 0 on every card known.
    pub instance: u8,
    /// Trunk port.
    pub trunk: u32,
    /// The n-th 100G client of that trunk, counted from 1.
    pub client: u32,
}

impl OduName {
    /// Reads an interface name such as `ODU40/1/0/0/1`; `None` for any other interface.
    pub fn from_interface_name(name: &str) -> Option<OduName> {
        let mut numbers = name.strip_prefix("ODU4")?.split('/');
        let mut next = || numbers.next()?.parse::<u32>().ok();
        let (rack, slot, instance, trunk, client) = (next()?, next()?, next()?, next()?, next()?);
        if numbers.next().is_some() {
            return None;
        }
        Some(OduName {
            location: SlotLocation {
                rack: rack.try_into().ok()?,
                slot: slot.try_into().ok()?,
            },
            instance: instance.try_into().ok()?,
            trunk,
            client,
        })
    }
}

/// What is asked of one card.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct LineCardDesired {
    /// mxponder slices by slice number.
    pub slices: BTreeMap<u32, SliceDesired>,
    /// Whole-card muxponder.
    pub muxponder: Option<MuxponderDesired>,
}

/// A client port of a slice or of the whole-card muxponder; `lane` is `None` for a whole port.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct ClientPort {
    /// Port number as configured.
    pub port: u32,
    /// Lane 1 to 4 of a 10G-class client.
    pub lane: Option<u32>,
}

/// One mxponder slice as configured.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct SliceDesired {
    /// `trunk-rates`
    pub trunk_rate: Option<TrunkRate>,
    /// `client-rates`, for all clients of the slice.
    pub client_rate: Option<ClientType>,
    /// Clients with a type of their own.
    pub clients: BTreeMap<ClientPort, ClientType>,
    /// `lldp`: drop LLDP frames.
    pub lldp_drop: Option<bool>,
    /// `arp-snoop`
    pub arp_snoop: Option<bool>,
    /// `trunk-mode`, native name.
    pub trunk_mode: Option<String>,
    /// `client-ains`, minutes of soak.
    pub ains_soak_minutes: Option<u32>,
}

/// The whole-card muxponder as configured.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct MuxponderDesired {
    /// `trunk-rates`
    pub trunk_rate: Option<TrunkRate>,
    /// `client-rates`, for all clients of the card.
    pub client_rate: Option<ClientType>,
    /// Clients with a type of their own.
    pub clients: BTreeMap<ClientPort, ClientType>,
    /// `split-client-port-map`
    pub split_client_port_map: bool,
    /// `lldp`: drop LLDP frames.
    pub lldp_drop: Option<bool>,
    /// `arp-snoop`
    pub arp_snoop: Option<bool>,
    /// `client-ains`, minutes of soak.
    pub ains_soak_minutes: Option<u32>,
}

/// One optics controller as configured; `None` where the configuration is silent.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct OpticsDesired {
    /// `optics-bits-per-symbol`
    pub bits_per_symbol: Option<BitsPerSymbol>,
    /// `optics-baud-rate`, GBd, as text of the model.
    pub baud_rate_gbd: Option<String>,
    /// `optics-cd-min`, ps/nm.
    pub cd_min_ps_nm: Option<i32>,
    /// `optics-cd-max`, ps/nm.
    pub cd_max_ps_nm: Option<i32>,
    /// `optics-transmit-power`, 0.1 dBm.
    pub transmit_power_tenth_dbm: Option<i32>,
    /// Carrier frequency from `optics-dwdm-carrier`, 100 MHz.
    pub carrier_frequency_100mhz: Option<u32>,
    /// `optics-fec`, native name; `None` where it is not configured.
    pub fec: Option<String>,
    /// `optics-transmit-shutdown`: the laser is off, the controller is not.
    pub transmit_shutdown: bool,
    /// Alarm thresholds in running.
    pub thresholds: ThresholdsDesired,
    /// The subsea settings in running with their values as text of the model.
    pub subsea_settings: BTreeMap<SubseaSetting, String>,
    /// `shutdown` on the controller.
    pub shutdown: bool,
    /// `secondary-admin-state` is maintenance.
    pub maintenance: bool,
    /// `description` on the controller.
    pub description: Option<String>,
}

/// Alarm thresholds as configured; `None` where the hardware's own hold.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct ThresholdsDesired {
    /// `rx-thresholds`, low, 0.1 dBm.
    pub rx_low_tenth_dbm: Option<i32>,
    /// `rx-thresholds`, high, 0.1 dBm.
    pub rx_high_tenth_dbm: Option<i32>,
    /// `tx-thresholds`, low, 0.1 dBm.
    pub tx_low_tenth_dbm: Option<i32>,
    /// `tx-thresholds`, high, 0.1 dBm.
    pub tx_high_tenth_dbm: Option<i32>,
    /// `optics-cd-low-threshold`, ps/nm.
    pub cd_low_ps_nm: Option<i32>,
    /// `optics-cd-high-threshold`, ps/nm.
    pub cd_high_ps_nm: Option<i32>,
    /// `optics-osnr-low-threshold`, 0.01 dB.
    pub osnr_low_hundredth_db: Option<u32>,
    /// `optics-dgd-high-threshold`, 0.1 ps.
    pub dgd_high_tenth_ps: Option<u32>,
    /// `optics-lbc-high-threshold`, percent.
    pub laser_bias_high_percent: Option<u32>,
}
