//! Optics controllers with their settings, and ODU4 controllers with encryption, from `interface-configurations`.

use std::collections::BTreeMap;

use super::{has_content, written};
use crate::device::desired_state::{DesiredState, OduName, OpticsDesired, PortName};
use crate::device::optics::{BitsPerSymbol, SubseaSetting};
use crate::yang::error::{DataError, DataErrorTag};
use crate::yang::tree::NodeRef;

/// Reads every interface, `act` before `pre`.
pub fn read_interfaces(interfaces: NodeRef<'_>, desired: &mut DesiredState) {
    let mut chosen: BTreeMap<&str, NodeRef<'_>> = BTreeMap::new();
    for entry in interfaces.children_named("interface-configuration") {
        let (Some(active), Some(name)) = (entry.leaf("active"), entry.leaf("interface-name")) else {
            continue;
        };
        if !has_content(entry) {
            continue;
        }
        if active == "act" {
            chosen.insert(name, entry);
        } else {
            chosen.entry(name).or_insert(entry);
        }
    }
    for (name, entry) in chosen {
        if let Some(port) = PortName::from_interface_name(name) {
            desired.optics.insert(port, optics(entry));
        } else if let Some(odu) = OduName::from_interface_name(name)
            && entry.descendant("odu-otnsec/policy").is_some()
        {
            desired.encrypted_clients.insert(odu);
        }
    }
}

/// Settings that are text in the schema and a number for the device: one error for each that is none.
pub fn check_interfaces(interfaces: NodeRef<'_>) -> Vec<DataError> {
    let mut errors = Vec::new();
    for entry in interfaces.children_named("interface-configuration") {
        for leaf in entry.child("optics").iter().flat_map(|optics| written(*optics)) {
            let Some(value) = leaf.value() else { continue };
            if let Some(rule) = broken_rule(leaf.name(), value) {
                let message = format!("{} {value:?} is not {rule}", leaf.name());
                let error = DataError::new(DataErrorTag::InvalidValue, message).with_element(leaf.name());
                errors.push(error.at(leaf.schema().schema(), &leaf.instance_path()));
            }
        }
    }
    errors
}

fn broken_rule(setting: &str, value: &str) -> Option<&'static str> {
    match setting {
        "optics-bits-per-symbol" => value.parse::<BitsPerSymbol>().err().map(|error| error.rule),
        "optics-baud-rate" if !is_decimal(value) => Some("a decimal number in GBd, such as 69.4350357056"),
        "filter-roll-off-factor" if !is_roll_off(value) => {
            Some("a factor from 0.000 to 1.000 with three places")
        }
        _ => None,
    }
}

fn optics(entry: NodeRef<'_>) -> OpticsDesired {
    let mut desired = OpticsDesired::default();
    for child in written(entry) {
        match child.name() {
            "shutdown" => desired.shutdown = true,
            "description" => desired.description = child.value().map(str::to_owned),
            "secondary-admin-state" => desired.maintenance = child.value() == Some("maintenance"),
            "optics" => read_settings(child, &mut desired),
            _ => {}
        }
    }
    desired
}

fn read_settings(optics: NodeRef<'_>, desired: &mut OpticsDesired) {
    for leaf in written(optics) {
        let value = leaf.value();
        match leaf.name() {
            "optics-bits-per-symbol" => desired.bits_per_symbol = number(value),
            "optics-baud-rate" => desired.baud_rate_gbd = value.map(str::to_owned),
            "optics-cd-min" => desired.cd_min_ps_nm = number(value),
            "optics-cd-max" => desired.cd_max_ps_nm = number(value),
            "optics-transmit-power" => desired.transmit_power_tenth_dbm = number(value),
            "optics-fec" => desired.fec = value.map(str::to_owned),
            "optics-transmit-shutdown" => desired.transmit_shutdown = value == Some("true"),
            "optics-cd-low-threshold" => desired.thresholds.cd_low_ps_nm = number(value),
            "optics-cd-high-threshold" => desired.thresholds.cd_high_ps_nm = number(value),
            "optics-osnr-low-threshold" => desired.thresholds.osnr_low_hundredth_db = number(value),
            "optics-dgd-high-threshold" => desired.thresholds.dgd_high_tenth_ps = number(value),
            "optics-lbc-high-threshold" => desired.thresholds.laser_bias_high_percent = number(value),
            "rx-thresholds" => {
                for (kind, power) in power_thresholds(leaf, "rx-threshold") {
                    match kind {
                        "low" => desired.thresholds.rx_low_tenth_dbm = power,
                        _ => desired.thresholds.rx_high_tenth_dbm = power,
                    }
                }
            }
            "tx-thresholds" => {
                for (kind, power) in power_thresholds(leaf, "tx-threshold") {
                    match kind {
                        "low" => desired.thresholds.tx_low_tenth_dbm = power,
                        _ => desired.thresholds.tx_high_tenth_dbm = power,
                    }
                }
            }
            "optics-dwdm-carrier" => desired.carrier_frequency_100mhz = carrier(leaf),
            "rx-voa" => {
                for setting in [SubseaSetting::RxVoaTargetPower, SubseaSetting::RxVoaFixedRatio] {
                    let name = setting.yang_path().trim_start_matches("rx-voa/");
                    keep(desired, setting, leaf.leaf(name));
                }
            }
            name => {
                if let Some(setting) = SubseaSetting::ALL
                    .into_iter()
                    .find(|setting| setting.yang_path() == name)
                {
                    keep(desired, setting, value);
                }
            }
        }
    }
}

/// Kind (`low`, `high`) and power of each entry of `rx-thresholds` or `tx-thresholds`.
fn power_thresholds<'t>(
    list: NodeRef<'t>,
    name: &'static str,
) -> impl Iterator<Item = (&'t str, Option<i32>)> + use<'t> {
    list.children_named(name).filter_map(move |entry| {
        let (_, kind) = entry.keys().next()?;
        Some((kind, number(entry.leaf(name))))
    })
}

fn keep(desired: &mut OpticsDesired, setting: SubseaSetting, value: Option<&str>) {
    if let Some(value) = value {
        desired.subsea_settings.insert(setting, value.to_owned());
    }
}

/// The carrier in 100 MHz, whichever way it is written.
fn carrier(node: NodeRef<'_>) -> Option<u32> {
    carrier_100mhz(
        node.leaf("grid-type")?,
        node.leaf("param-type")?,
        number(node.leaf("param-value"))?,
    )
}

/// Frequencies come as 1931000 (100 MHz) or, on the 50 GHz grid, as 19310 (10 GHz); wavelengths in 0.001 nm;
/// channels count down from 196.1 THz in steps of 50 GHz.
fn carrier_100mhz(grid: &str, kind: &str, value: u32) -> Option<u32> {
    match kind {
        "frequency" if grid == "50g-hz-grid" && value < 100_000 => Some(value * 100),
        "frequency" => Some(value),
        "wavelength" => {
            let exact = LIGHT_SPEED_PM_100MHZ.checked_div(value.into())?;
            let step = if grid == "50g-hz-grid" { 500 } else { 1 };
            u32::try_from((exact + step / 2) / step * step).ok()
        }
        "itu-ch" => (1..=97)
            .contains(&value)
            .then(|| FIRST_CHANNEL_100MHZ - 500 * (value - 1)),
        _ => None,
    }
}

/// Speed of light as wavelength (0.001 nm) times frequency (100 MHz).
const LIGHT_SPEED_PM_100MHZ: u64 = 2_997_924_580_000;
/// Channel 1 of the C band.
const FIRST_CHANNEL_100MHZ: u32 = 1_961_000;

fn number<T: std::str::FromStr>(text: Option<&str>) -> Option<T> {
    text?.parse().ok()
}

fn is_decimal(text: &str) -> bool {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    digits(whole) && digits(fraction)
}

fn is_roll_off(text: &str) -> bool {
    is_decimal(text) && text.parse::<f64>().is_ok_and(|factor| factor <= 1.0)
}

#[cfg(test)]
mod tests {
    use super::carrier_100mhz;

    #[test]
    fn a_carrier_is_the_same_whichever_way_it_is_written() {
        let cases = [
            ("100mhz-grid", "frequency", 1_931_000, Some(1_931_000)),
            ("50g-hz-grid", "frequency", 19_310, Some(1_931_000)),
            ("50g-hz-grid", "frequency", 1_931_000, Some(1_931_000)),
            ("50g-hz-grid", "wavelength", 1_552_524, Some(1_931_000)),
            ("50g-hz-grid", "itu-ch", 1, Some(1_961_000)),
            ("50g-hz-grid", "itu-ch", 61, Some(1_931_000)),
            ("50g-hz-grid", "itu-ch", 98, None),
        ];
        for (grid, kind, value, expected) in cases {
            assert_eq!(
                carrier_100mhz(grid, kind, value),
                expected,
                "{grid} {kind} {value}"
            );
        }
    }
}
