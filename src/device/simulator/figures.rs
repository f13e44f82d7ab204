//! What simulated optics measure: plain physics on figures that the seed gives each port once.

use rand_chacha::rand_core::Rng;

use crate::device::chassis::ChassisDescription;
use crate::device::desired_state::{OpticsDesired, ThresholdsDesired};
use crate::device::hardware::{OpticsSnapshot, ThresholdsSnapshot};
use crate::device::inventory::{SlotLocation, TrunkRate};
use crate::device::optics::{BitsPerSymbol, SubseaSetting};
use crate::device::serial_number::seeded;

/// What is peculiar to one port, for as long as the seed is the same.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Character {
    /// Loss from transmitter to receiver, 0.01 dB.
    loss_hundredth_db: i32,
    /// How far the laser is off its set power, 0.01 dB.
    power_offset_hundredth_db: i32,
    /// Temperature of the module, 0.01 degrees C.
    temperature_hundredth_c: i32,
    /// Supply voltage, 0.01 V.
    voltage_hundredth_v: u32,
    /// Laser bias current, 0.01 %.
    laser_bias_hundredth_percent: u32,
}

impl Character {
    /// Draws the figures of a port; the order of the draws is part of what a seed means.
    pub(super) fn of_port(seed: u64, location: SlotLocation, port: u32) -> Character {
        let slot = u32::from(location.rack) << 8 | u32::from(location.slot);
        let mut random = seeded(seed, [4, slot, port]);
        let mut between =
            |least: i32, most: i32| least + (random.next_u32() % (most - least + 1).unsigned_abs()) as i32;
        Character {
            loss_hundredth_db: between(400, 1_400),
            power_offset_hundredth_db: between(-6, 6),
            temperature_hundredth_c: between(3_200, 4_400),
            voltage_hundredth_v: between(327, 333).unsigned_abs(),
            laser_bias_hundredth_percent: between(5_200, 7_400).unsigned_abs(),
        }
    }
}

/// What a port is used for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum PortUse {
    /// A trunk.
    Trunk {
        /// Rate of the provisioned slice on it.
        rate: Option<TrunkRate>,
        /// What a simulator command makes it report.
        forced_bits_per_symbol: Option<BitsPerSymbol>,
    },
    /// A client's pluggable.
    Client {
        /// A provisioned slice has a client on it.
        carries: bool,
    },
}

/// What the port measures now.
pub(super) fn figures(
    chassis: &ChassisDescription,
    port: &Character,
    wish: &OpticsDesired,
    used: PortUse,
) -> OpticsSnapshot {
    match used {
        PortUse::Trunk {
            rate,
            forced_bits_per_symbol,
        } => trunk(chassis, port, wish, rate, forced_bits_per_symbol),
        PortUse::Client { carries } => client(port, wish, carries),
    }
}

fn trunk(
    chassis: &ChassisDescription,
    port: &Character,
    wish: &OpticsDesired,
    rate: Option<TrunkRate>,
    forced: Option<BitsPerSymbol>,
) -> OpticsSnapshot {
    let by_rate = || rate.and_then(|rate| chassis.bits_per_symbol_by_trunk_rate.get(&rate).copied());
    let bits_per_symbol = forced.or(wish.bits_per_symbol).or_else(by_rate);
    let in_use = rate.is_some() || bits_per_symbol.is_some();
    let laser_on = in_use && !wish.shutdown && !wish.transmit_shutdown;
    let tx = wish.transmit_power_tenth_dbm.unwrap_or(0) * 10 + port.power_offset_hundredth_db;
    let rx = through_voa(tx - port.loss_hundredth_db, wish);
    let cd_min_ps_nm = wish.cd_min_ps_nm.unwrap_or(chassis.cd_min_ps_nm);
    let cd_max_ps_nm = wish.cd_max_ps_nm.unwrap_or(chassis.cd_max_ps_nm);
    let osnr = (OSNR_WITHOUT_LOSS_HUNDREDTH_DB - port.loss_hundredth_db * 9 / 10).unsigned_abs();
    OpticsSnapshot {
        is_trunk: true,
        bits_per_symbol,
        baud_rate_gbd: wish
            .baud_rate_gbd
            .clone()
            .or_else(|| baud_rate(rate?, bits_per_symbol?, wish.fec.as_deref())),
        cd_min_ps_nm,
        cd_max_ps_nm,
        cd_ps_nm: match laser_on {
            true => dispersion_ps_nm(port).min(cd_max_ps_nm).max(cd_min_ps_nm),
            false => 0,
        },
        carrier_frequency_100mhz: wish.carrier_frequency_100mhz.unwrap_or(DEFAULT_CARRIER_100MHZ),
        tx_power_hundredth_dbm: if laser_on { tx } else { DARK_HUNDREDTH_DBM },
        rx_power_hundredth_dbm: if laser_on { rx } else { DARK_HUNDREDTH_DBM },
        configured_tx_power_tenth_dbm: wish.transmit_power_tenth_dbm.unwrap_or(0),
        osnr_hundredth_db: if laser_on { osnr } else { 0 },
        pre_fec_ber: laser_on.then(|| pre_fec_ber(osnr, bits_per_symbol)),
        fec: wish.fec.clone(),
        thresholds: thresholds(&wish.thresholds, &TRUNK_THRESHOLDS),
        subsea_settings: wish.subsea_settings.clone(),
        ..module(port, wish, laser_on)
    }
}

fn client(port: &Character, wish: &OpticsDesired, carries: bool) -> OpticsSnapshot {
    let laser_on = carries && !wish.shutdown && !wish.transmit_shutdown;
    let tx = port.power_offset_hundredth_db * 10;
    let rx = tx - port.loss_hundredth_db / 8;
    OpticsSnapshot {
        tx_power_hundredth_dbm: if laser_on { tx } else { DARK_HUNDREDTH_DBM },
        rx_power_hundredth_dbm: if laser_on { rx } else { DARK_HUNDREDTH_DBM },
        ..module(port, wish, laser_on)
    }
}

/// What every module has, and nothing that only a trunk has.
fn module(port: &Character, wish: &OpticsDesired, laser_on: bool) -> OpticsSnapshot {
    OpticsSnapshot {
        admin_up: !wish.shutdown,
        maintenance: wish.maintenance,
        laser_on,
        oper_up: laser_on,
        tx_power_hundredth_dbm: DARK_HUNDREDTH_DBM,
        rx_power_hundredth_dbm: DARK_HUNDREDTH_DBM,
        laser_bias_hundredth_percent: if laser_on {
            port.laser_bias_hundredth_percent
        } else {
            0
        },
        temperature_hundredth_c: port.temperature_hundredth_c,
        voltage_hundredth_v: port.voltage_hundredth_v,
        thresholds: thresholds(&wish.thresholds, &CLIENT_THRESHOLDS),
        description: wish.description.clone(),
        ..OpticsSnapshot::default()
    }
}

/// What is configured, or else what the module comes with.
fn thresholds(wish: &ThresholdsDesired, own: &ThresholdsSnapshot) -> ThresholdsSnapshot {
    ThresholdsSnapshot {
        rx_low_tenth_dbm: wish.rx_low_tenth_dbm.unwrap_or(own.rx_low_tenth_dbm),
        rx_high_tenth_dbm: wish.rx_high_tenth_dbm.unwrap_or(own.rx_high_tenth_dbm),
        tx_low_tenth_dbm: wish.tx_low_tenth_dbm.unwrap_or(own.tx_low_tenth_dbm),
        tx_high_tenth_dbm: wish.tx_high_tenth_dbm.unwrap_or(own.tx_high_tenth_dbm),
        cd_low_ps_nm: wish.cd_low_ps_nm.unwrap_or(own.cd_low_ps_nm),
        cd_high_ps_nm: wish.cd_high_ps_nm.unwrap_or(own.cd_high_ps_nm),
        osnr_low_hundredth_db: wish.osnr_low_hundredth_db.unwrap_or(own.osnr_low_hundredth_db),
        dgd_high_tenth_ps: wish.dgd_high_tenth_ps.unwrap_or(own.dgd_high_tenth_ps),
        laser_bias_high_percent: wish
            .laser_bias_high_percent
            .unwrap_or(own.laser_bias_high_percent),
    }
}

/// The variable attenuator before the receiver: by a ratio, or down to a target power.
fn through_voa(rx_hundredth_dbm: i32, wish: &OpticsDesired) -> i32 {
    let setting = |setting| wish.subsea_settings.get(&setting)?.parse::<i32>().ok();
    let attenuated = rx_hundredth_dbm - setting(SubseaSetting::RxVoaFixedRatio).unwrap_or(0);
    match setting(SubseaSetting::RxVoaTargetPower) {
        Some(target_tenth_dbm) => attenuated.min(target_tenth_dbm * 10),
        None => attenuated,
    }
}

/// Symbol rate of both polarisations: line rate over twice the bits per symbol, GBd with ten places.
/// 300G at 3 bits per symbol with 27 % correction is 69.4350357056, as the platform shows.
fn baud_rate(rate: TrunkRate, bits_per_symbol: BitsPerSymbol, fec: Option<&str>) -> Option<String> {
    let line_factor = match fec {
        Some("fec-sd15" | "fec-sd15-de") => LINE_FACTOR_15_PERCENT,
        Some("fec-sd7") => LINE_FACTOR_7_PERCENT,
        Some("fec-sd20") => LINE_FACTOR_20_PERCENT,
        _ => LINE_FACTOR_27_PERCENT,
    };
    let baud = line_factor * f64::from(rate.gbps()) / (2.0 * bits_per_symbol.as_f64());
    baud.is_finite().then(|| format!("{baud:.10}"))
}

/// Standard fibre of the length that the loss means: 0.2 dB and 17 ps/nm a kilometre.
fn dispersion_ps_nm(port: &Character) -> i32 {
    port.loss_hundredth_db * 17 / 20
}

/// A waterfall: the further the signal-to-noise ratio is above what the modulation needs, the fewer errors.
fn pre_fec_ber(osnr_hundredth_db: u32, bits_per_symbol: Option<BitsPerSymbol>) -> f64 {
    let bits = bits_per_symbol.map_or(3.0, BitsPerSymbol::as_f64);
    let margin_db = f64::from(osnr_hundredth_db) / 100.0 - (8.0 + 3.0 * bits);
    10f64.powf((-2.0 - margin_db * 0.25).clamp(-9.0, -1.5))
}

/// What a trunk comes with.
const TRUNK_THRESHOLDS: ThresholdsSnapshot = ThresholdsSnapshot {
    rx_low_tenth_dbm: -195,
    rx_high_tenth_dbm: 30,
    tx_low_tenth_dbm: -195,
    tx_high_tenth_dbm: 60,
    cd_low_ps_nm: -350_000,
    cd_high_ps_nm: 350_000,
    osnr_low_hundredth_db: 0,
    dgd_high_tenth_ps: 1_800,
    laser_bias_high_percent: 98,
};
/// What a client's pluggable comes with.
const CLIENT_THRESHOLDS: ThresholdsSnapshot = ThresholdsSnapshot {
    rx_low_tenth_dbm: -140,
    rx_high_tenth_dbm: 55,
    tx_low_tenth_dbm: -90,
    tx_high_tenth_dbm: 55,
    cd_low_ps_nm: 0,
    cd_high_ps_nm: 0,
    osnr_low_hundredth_db: 0,
    dgd_high_tenth_ps: 0,
    laser_bias_high_percent: 90,
};
/// What a power meter shows without light, 0.01 dBm.
const DARK_HUNDREDTH_DBM: i32 = -4_000;
/// 193.1 THz.
const DEFAULT_CARRIER_100MHZ: u32 = 1_931_000;
/// Back to back.
const OSNR_WITHOUT_LOSS_HUNDREDTH_DB: i32 = 3_800;
/// Line rate over trunk rate by the share of error correction.
const LINE_FACTOR_27_PERCENT: f64 = 1.388_700_714_112;
const LINE_FACTOR_20_PERCENT: f64 = 1.312_158;
const LINE_FACTOR_15_PERCENT: f64 = 1.257_485;
const LINE_FACTOR_7_PERCENT: f64 = 1.170_008;
