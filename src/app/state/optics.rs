//! `Cisco-IOS-XR-controller-optics-oper`: what `show controllers optics` shows of every port.

use std::sync::Arc;

use tokio::sync::watch;

use crate::device::desired_state::PortName;
use crate::device::hardware::{OpticsSnapshot, Snapshot};
use crate::device::inventory::LineCardModel;
use crate::device::optics::SubseaSetting;
use crate::management::operational::StateProvider;
use crate::yang::state::StateBuilder;

/// Optics controllers of every card that is up.
pub struct OpticsState {
    /// Where snapshots come from.
    pub snapshots: watch::Receiver<Arc<Snapshot>>,
}

impl StateProvider for OpticsState {
    fn roots(&self) -> Vec<&'static str> {
        vec!["Cisco-IOS-XR-controller-optics-oper:optics-oper"]
    }

    fn fill(&self, out: &mut StateBuilder<'_>) {
        let snapshot = Arc::clone(&self.snapshots.borrow());
        out.container("Cisco-IOS-XR-controller-optics-oper:optics-oper", |out| {
            out.container("optics-ports", |out| {
                for (name, port) in &snapshot.optics {
                    let view = PortView {
                        port,
                        form_factor: form_factor(&snapshot, *name, port.is_trunk),
                    };
                    out.list("optics-port", &[("name", name)], |out| view.fill(out));
                }
            });
        });
    }

    fn tells_changes(&self) -> bool {
        true
    }

    fn provided(&self) -> &'static [&'static str] {
        &PROVIDED
    }
}

/// A port and what its place in the chassis says about it.
struct PortView<'s> {
    port: &'s OpticsSnapshot,
    form_factor: &'static str,
}

impl PortView<'_> {
    fn fill(&self, out: &mut StateBuilder<'_>) {
        out.container("optics-info", |out| {
            out.container("submarine-info", |out| self.fill_subsea(out));
            self.fill_states(out);
            self.fill_figures(out);
            if self.port.is_trunk {
                self.fill_trunk(out);
            }
            self.fill_thresholds(out);
            out.container("optics-alarm-info", |out| self.fill_alarms(out));
            for lane in self.lanes() {
                out.list("lane-data", &[], |out| {
                    out.leaf("lane-index", lane);
                    self.fill_lane(out);
                });
            }
        });
        out.container("optics-lanes", |out| {
            for lane in self.lanes() {
                out.list("optics-lane", &[("number", &lane)], |out| {
                    out.leaf("lane-index", lane);
                    self.fill_lane(out);
                });
            }
        });
        out.container("optics-db-info", |out| {
            out.leaf("transport-admin-state", self.transport_admin_state());
            out.leaf("controller-state", self.controller_state());
        });
    }

    /// The ten settings as they run; powers and ratios as decimals of dBm and dB.
    fn fill_subsea(&self, out: &mut StateBuilder<'_>) {
        for (setting, value) in &self.port.subsea_settings {
            match setting {
                SubseaSetting::FilterRollOffFactor => out.leaf("filter-roll-off-factor", value),
                SubseaSetting::RxVoaTargetPower => {
                    out.leaf_option(
                        "rx-voa-target-power",
                        value.parse().ok().map(|tenth| decimal(tenth, 1)),
                    );
                }
                SubseaSetting::RxVoaFixedRatio => {
                    out.leaf_option(
                        "rx-voa-fixed-ratio",
                        value.parse().ok().map(|hundredth| decimal(hundredth, 2)),
                    );
                }
                SubseaSetting::EnhColorlessMode => out.leaf("enh-colorless-mode", value),
                SubseaSetting::EnhSopTolMode => out.leaf("enhsop-tolerance-mode", value),
                SubseaSetting::NleqCompMode => out.leaf("nleq-compensation", value),
                SubseaSetting::CrossPolGainMode => out.leaf("cross-pol-gain-mode", value),
                SubseaSetting::CrossPolWeightMode => out.leaf("cross-pol-weight-mode", value),
                SubseaSetting::CprWinMode => out.leaf("cpr-win-mode", value),
                SubseaSetting::CprExtWinMode => out.leaf("cpr-ext-win-mode", value),
            }
        }
    }

    fn fill_states(&self, out: &mut StateBuilder<'_>) {
        let port = self.port;
        out.leaf("transport-admin-state", self.transport_admin_state());
        out.leaf("optics-present", true);
        out.leaf(
            "optics-type",
            if port.is_trunk {
                "optics-dwdm"
            } else {
                "optics-grey"
            },
        );
        out.leaf("derived-optics-type", if port.is_trunk { "DWDM" } else { "GREY" });
        out.leaf("form-factor", self.form_factor);
        out.leaf("laser-state", if port.laser_on { "on" } else { "off" });
        out.leaf(
            "led-state",
            match (port.admin_up, port.oper_up) {
                (false, _) => "off",
                (true, true) => "green-on",
                (true, false) => "red-on",
            },
        );
        out.leaf("controller-state", self.controller_state());
        out.leaf_option("description", port.description.as_ref());
        out.leaf(
            "alarm-detected",
            self.alarms().iter().any(|(_, detected)| *detected),
        );
    }

    fn fill_figures(&self, out: &mut StateBuilder<'_>) {
        let port = self.port;
        out.leaf("total-rx-power", port.rx_power_hundredth_dbm);
        out.leaf("total-tx-power", port.tx_power_hundredth_dbm);
        out.leaf("temperature", port.temperature_hundredth_c);
        out.leaf("voltage", port.voltage_hundredth_v);
        out.leaf("display-volt-temp", true);
        out.leaf("cfg-tx-power-configurable", port.is_trunk);
        out.leaf("cfg-tx-power-display", port.is_trunk);
        out.leaf("cd-configurable", port.is_trunk);
        out.leaf("cd-display", port.is_trunk);
        out.leaf("rx-power-th-configurable", true);
        out.leaf("tx-power-th-configurable", true);
    }

    fn fill_trunk(&self, out: &mut StateBuilder<'_>) {
        let port = self.port;
        let carrier = port.carrier_frequency_100mhz;
        out.leaf("dwdm-carrier-band", "c-band");
        out.leaf_option("dwdm-carrier-channel", channel(carrier));
        out.leaf("dwdm-carrier-frequency", terahertz(carrier));
        out.leaf_option("dwdm-carrier-wavelength", nanometres(carrier));
        out.leaf("cd", port.cd_ps_nm);
        out.leaf("cd-min", port.cd_min_ps_nm);
        out.leaf("cd-max", port.cd_max_ps_nm);
        out.leaf(
            "optical-signal-to-noise-ratio",
            decimal(port.osnr_hundredth_db.into(), 2),
        );
        out.leaf("cfg-tx-power", port.configured_tx_power_tenth_dbm);
        out.leaf_option("optics-fec", port.fec.as_deref().map(state_name_of_fec));
        out.leaf_option("baud-rate", port.baud_rate_gbd.as_ref());
        out.leaf_option("bits-per-symbol", port.bits_per_symbol);
    }

    fn fill_thresholds(&self, out: &mut StateBuilder<'_>) {
        let own = &self.port.thresholds;
        out.leaf("rx-low-threshold", own.rx_low_tenth_dbm);
        out.leaf("rx-high-threshold", own.rx_high_tenth_dbm);
        out.leaf("tx-low-threshold", own.tx_low_tenth_dbm);
        out.leaf("tx-high-threshold", own.tx_high_tenth_dbm);
        out.leaf("lbc-high-threshold", own.laser_bias_high_percent);
        if self.port.is_trunk {
            out.leaf("cd-low-threshold", own.cd_low_ps_nm);
            out.leaf("cd-high-threshold", own.cd_high_ps_nm);
            out.leaf("osnr-low-threshold", decimal(own.osnr_low_hundredth_db.into(), 2));
            out.leaf("dgd-high-threshold", decimal(own.dgd_high_tenth_ps.into(), 1));
        }
    }

    fn fill_alarms(&self, out: &mut StateBuilder<'_>) {
        for (alarm, detected) in self.alarms() {
            out.container(alarm, |out| out.leaf("is-detected", detected));
        }
    }

    /// Powers, dispersion and signal-to-noise ratio against their thresholds; a dark port raises none.
    fn alarms(&self) -> [(&'static str, bool); 6] {
        let port = self.port;
        let own = &port.thresholds;
        let lit = port.laser_on;
        let dispersed = port.is_trunk && !(own.cd_low_ps_nm..=own.cd_high_ps_nm).contains(&port.cd_ps_nm);
        [
            (
                "high-rx-power",
                lit && port.rx_power_hundredth_dbm > 10 * own.rx_high_tenth_dbm,
            ),
            (
                "low-rx-power",
                lit && port.rx_power_hundredth_dbm < 10 * own.rx_low_tenth_dbm,
            ),
            (
                "high-tx-power",
                lit && port.tx_power_hundredth_dbm > 10 * own.tx_high_tenth_dbm,
            ),
            (
                "low-tx-power",
                lit && port.tx_power_hundredth_dbm < 10 * own.tx_low_tenth_dbm,
            ),
            ("oorcd", lit && dispersed),
            ("osnr", lit && port.osnr_hundredth_db < own.osnr_low_hundredth_db),
        ]
    }

    /// A trunk has one lane, a client's pluggable four.
    fn lanes(&self) -> std::ops::RangeInclusive<u32> {
        1..=if self.port.is_trunk { 1 } else { 4 }
    }

    fn fill_lane(&self, out: &mut StateBuilder<'_>) {
        let port = self.port;
        // Four equal lanes have a quarter of the power each: 6.02 dB less.
        let share = if port.is_trunk || !port.laser_on { 0 } else { 602 };
        out.leaf(
            "laser-bias-current-percent",
            port.laser_bias_hundredth_percent / 100,
        );
        out.leaf("transmit-power", port.tx_power_hundredth_dbm - share);
        out.leaf("receive-power", port.rx_power_hundredth_dbm - share);
        if port.is_trunk {
            out.leaf("frequency100mhz", port.carrier_frequency_100mhz);
        }
    }

    fn transport_admin_state(&self) -> &'static str {
        match (self.port.admin_up, self.port.maintenance) {
            (_, true) => "tas-ui-main",
            (true, false) => "tas-ui-is",
            (false, false) => "tas-ui-oos",
        }
    }

    fn controller_state(&self) -> &'static str {
        match (self.port.admin_up, self.port.oper_up) {
            (false, _) => "optics-state-admin-down",
            (true, true) => "optics-state-up",
            (true, false) => "optics-state-down",
        }
    }
}

fn form_factor(snapshot: &Snapshot, name: PortName, is_trunk: bool) -> &'static str {
    let card = snapshot
        .slots
        .get(&name.location)
        .and_then(|slot| slot.card.as_ref());
    match (card.and_then(|card| LineCardModel::from_pid(&card.pid)), is_trunk) {
        (Some(LineCardModel::Muxponder12T | LineCardModel::Muxponder12TLicensed), true) => "non-pluggable",
        (Some(LineCardModel::Muxponder12T | LineCardModel::Muxponder12TLicensed), false) => "qsfp28",
        (Some(LineCardModel::OtnXpLicensed), true) => "cfp2-dco",
        (Some(LineCardModel::OtnXpLicensed), false) => "qsfp28",
        (Some(LineCardModel::QxpLicensed | LineCardModel::Qxp), _) => "qsfpdd",
        (None, _) => "other",
    }
}

/// A fixed-point number of so many places as text: 3310 of two places is `33.10`.
fn decimal(value: i64, places: u32) -> String {
    let unit = 10_u64.pow(places);
    let sign = if value < 0 { "-" } else { "" };
    let size = value.unsigned_abs();
    let width = usize::try_from(places).unwrap_or_default();
    format!("{sign}{}.{:0width$}", size / unit, size % unit)
}

/// THz with two places on the 50 GHz grid and four beside it: `193.10`, `193.1125`.
fn terahertz(carrier_100mhz: u32) -> String {
    match carrier_100mhz.is_multiple_of(100) {
        true => decimal((carrier_100mhz / 100).into(), 2),
        false => decimal(carrier_100mhz.into(), 4),
    }
}

/// Wavelength in nm with three places.
fn nanometres(carrier_100mhz: u32) -> Option<String> {
    let picometres = LIGHT_SPEED_PM_100MHZ.checked_div(carrier_100mhz.into())?;
    Some(decimal(picometres, 3))
}

/// Channel of the C band, counted down from 196.1 THz in steps of 50 GHz; none beside the grid.
fn channel(carrier_100mhz: u32) -> Option<u32> {
    let below = FIRST_CHANNEL_100MHZ.checked_sub(carrier_100mhz)?;
    (below.is_multiple_of(500) && below <= 96 * 500).then_some(below / 500 + 1)
}

/// The state model writes some of the configuration's words for error correction differently.
fn state_name_of_fec(configured: &str) -> &str {
    match configured {
        "fec-h15" => "fec-hg15",
        "fec-h25" => "fec-hg25",
        "fec-h15-de" => "fec-hg15-de",
        "fec-h25-de" => "fec-hg25-de",
        "fec-1i7" => "fec-1-i-7",
        "fec-1i4" => "fec-1-i-4",
        same => same,
    }
}

/// Speed of light as wavelength (0.001 nm) times frequency (100 MHz).
const LIGHT_SPEED_PM_100MHZ: i64 = 2_997_924_580_000;
/// Channel 1 of the C band.
const FIRST_CHANNEL_100MHZ: u32 = 1_961_000;

macro_rules! port_leaves {
    ($($leaf:literal),+ $(,)?) => {
        [$(concat!("/Cisco-IOS-XR-controller-optics-oper:optics-oper/optics-ports/optics-port/", $leaf)),+]
    };
}

static PROVIDED: [&str; 72] = port_leaves![
    "name",
    "optics-info/submarine-info/filter-roll-off-factor",
    "optics-info/submarine-info/rx-voa-target-power",
    "optics-info/submarine-info/rx-voa-fixed-ratio",
    "optics-info/submarine-info/enh-colorless-mode",
    "optics-info/submarine-info/enhsop-tolerance-mode",
    "optics-info/submarine-info/nleq-compensation",
    "optics-info/submarine-info/cross-pol-gain-mode",
    "optics-info/submarine-info/cross-pol-weight-mode",
    "optics-info/submarine-info/cpr-win-mode",
    "optics-info/submarine-info/cpr-ext-win-mode",
    "optics-info/transport-admin-state",
    "optics-info/optics-present",
    "optics-info/optics-type",
    "optics-info/derived-optics-type",
    "optics-info/form-factor",
    "optics-info/laser-state",
    "optics-info/led-state",
    "optics-info/controller-state",
    "optics-info/description",
    "optics-info/alarm-detected",
    "optics-info/total-rx-power",
    "optics-info/total-tx-power",
    "optics-info/temperature",
    "optics-info/voltage",
    "optics-info/display-volt-temp",
    "optics-info/cfg-tx-power-configurable",
    "optics-info/cfg-tx-power-display",
    "optics-info/cd-configurable",
    "optics-info/cd-display",
    "optics-info/rx-power-th-configurable",
    "optics-info/tx-power-th-configurable",
    "optics-info/dwdm-carrier-band",
    "optics-info/dwdm-carrier-channel",
    "optics-info/dwdm-carrier-frequency",
    "optics-info/dwdm-carrier-wavelength",
    "optics-info/cd",
    "optics-info/cd-min",
    "optics-info/cd-max",
    "optics-info/optical-signal-to-noise-ratio",
    "optics-info/cfg-tx-power",
    "optics-info/optics-fec",
    "optics-info/baud-rate",
    "optics-info/bits-per-symbol",
    "optics-info/rx-low-threshold",
    "optics-info/rx-high-threshold",
    "optics-info/tx-low-threshold",
    "optics-info/tx-high-threshold",
    "optics-info/lbc-high-threshold",
    "optics-info/cd-low-threshold",
    "optics-info/cd-high-threshold",
    "optics-info/osnr-low-threshold",
    "optics-info/dgd-high-threshold",
    "optics-info/optics-alarm-info/high-rx-power/is-detected",
    "optics-info/optics-alarm-info/low-rx-power/is-detected",
    "optics-info/optics-alarm-info/high-tx-power/is-detected",
    "optics-info/optics-alarm-info/low-tx-power/is-detected",
    "optics-info/optics-alarm-info/oorcd/is-detected",
    "optics-info/optics-alarm-info/osnr/is-detected",
    "optics-info/lane-data/lane-index",
    "optics-info/lane-data/laser-bias-current-percent",
    "optics-info/lane-data/transmit-power",
    "optics-info/lane-data/receive-power",
    "optics-info/lane-data/frequency100mhz",
    "optics-db-info/transport-admin-state",
    "optics-db-info/controller-state",
    "optics-lanes/optics-lane/number",
    "optics-lanes/optics-lane/lane-index",
    "optics-lanes/optics-lane/laser-bias-current-percent",
    "optics-lanes/optics-lane/transmit-power",
    "optics-lanes/optics-lane/receive-power",
    "optics-lanes/optics-lane/frequency100mhz",
];

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;
    use crate::app::state::shown::{answer, running, still, unannounced};

    const CHASSIS: &str = "[slots.\"0/1\"]\npid = \"NCS1K4-1.2T-L-K9\"\n";

    #[test]
    fn the_leaves_that_decide_licences_come_back_by_the_filter_of_a_client() {
        let filter = include_str!("../../../tests/data/payloads/valid/f04-get-optics-subtree.xml");
        let (_, filter) = filter.split_once("<filter type=\"subtree\">").unwrap();
        let (filter, _) = filter.split_once("</filter>").unwrap();
        let trunk = include_str!("../../../tests/data/payloads/valid/v07-longhaul-trunk.xml");
        let snapshots = still(&running(CHASSIS, trunk));
        expect![[r#"
            <optics-oper xmlns="http://cisco.com/ns/yang/Cisco-IOS-XR-controller-optics-oper">
            <optics-ports>
            <optics-port>
            <name>Optics0/1/0/1</name>
            <optics-info>
            <transport-admin-state>tas-ui-is</transport-admin-state>
            <cd-min>-10000</cd-min>
            <cd-max>100000</cd-max>
            <laser-state>on</laser-state>
            <bits-per-symbol>3.0000000000</bits-per-symbol>
            </optics-info>
            </optics-port>
            </optics-ports>
            </optics-oper>"#]]
        .assert_eq(&answer(OpticsState { snapshots }, filter));
    }

    #[test]
    fn a_trunk_with_all_settings_shows_everything_that_it_has() {
        let settings = include_str!("../../../tests/data/payloads/valid/v06-subsea-all-knobs.xml");
        let snapshots = still(&running(CHASSIS, settings));
        let filter = r#"<optics-oper xmlns="http://cisco.com/ns/yang/Cisco-IOS-XR-controller-optics-oper"><optics-ports>
            <optics-port><name>Optics0/1/0/0</name></optics-port></optics-ports></optics-oper>"#;
        expect![[r#"
            <optics-oper xmlns="http://cisco.com/ns/yang/Cisco-IOS-XR-controller-optics-oper">
            <optics-ports>
            <optics-port>
            <name>Optics0/1/0/0</name>
            <optics-info>
            <optics-alarm-info>
            <high-rx-power>
            <is-detected>false</is-detected>
            </high-rx-power>
            <low-rx-power>
            <is-detected>false</is-detected>
            </low-rx-power>
            <high-tx-power>
            <is-detected>false</is-detected>
            </high-tx-power>
            <low-tx-power>
            <is-detected>false</is-detected>
            </low-tx-power>
            <oorcd>
            <is-detected>false</is-detected>
            </oorcd>
            <osnr>
            <is-detected>false</is-detected>
            </osnr>
            </optics-alarm-info>
            <submarine-info>
            <filter-roll-off-factor>0.045</filter-roll-off-factor>
            <rx-voa-target-power>-12.0</rx-voa-target-power>
            <rx-voa-fixed-ratio>9.00</rx-voa-fixed-ratio>
            <enh-colorless-mode>3</enh-colorless-mode>
            <enhsop-tolerance-mode>3</enhsop-tolerance-mode>
            <nleq-compensation>2</nleq-compensation>
            <cross-pol-gain-mode>15</cross-pol-gain-mode>
            <cross-pol-weight-mode>7</cross-pol-weight-mode>
            <cpr-win-mode>4</cpr-win-mode>
            <cpr-ext-win-mode>9</cpr-ext-win-mode>
            </submarine-info>
            <transport-admin-state>tas-ui-is</transport-admin-state>
            <optics-present>true</optics-present>
            <optics-type>optics-dwdm</optics-type>
            <derived-optics-type>DWDM</derived-optics-type>
            <dwdm-carrier-band>c-band</dwdm-carrier-band>
            <dwdm-carrier-channel>61</dwdm-carrier-channel>
            <dwdm-carrier-frequency>193.10</dwdm-carrier-frequency>
            <dwdm-carrier-wavelength>1552.524</dwdm-carrier-wavelength>
            <rx-low-threshold>-195</rx-low-threshold>
            <rx-high-threshold>30</rx-high-threshold>
            <lbc-high-threshold>98</lbc-high-threshold>
            <tx-low-threshold>-195</tx-low-threshold>
            <tx-high-threshold>60</tx-high-threshold>
            <cd>0</cd>
            <cd-min>-10000</cd-min>
            <cd-max>100000</cd-max>
            <cd-low-threshold>-350000</cd-low-threshold>
            <cd-high-threshold>350000</cd-high-threshold>
            <osnr-low-threshold>0.00</osnr-low-threshold>
            <dgd-high-threshold>180.0</dgd-high-threshold>
            <optical-signal-to-noise-ratio>0.00</optical-signal-to-noise-ratio>
            <laser-state>off</laser-state>
            <led-state>red-on</led-state>
            <controller-state>optics-state-down</controller-state>
            <form-factor>non-pluggable</form-factor>
            <cfg-tx-power>0</cfg-tx-power>
            <cfg-tx-power-configurable>true</cfg-tx-power-configurable>
            <temperature>4207</temperature>
            <voltage>332</voltage>
            <display-volt-temp>true</display-volt-temp>
            <cd-configurable>true</cd-configurable>
            <rx-power-th-configurable>true</rx-power-th-configurable>
            <tx-power-th-configurable>true</tx-power-th-configurable>
            <total-rx-power>-4000</total-rx-power>
            <total-tx-power>-4000</total-tx-power>
            <alarm-detected>false</alarm-detected>
            <cd-display>true</cd-display>
            <cfg-tx-power-display>true</cfg-tx-power-display>
            <lane-data>
            <lane-index>1</lane-index>
            <laser-bias-current-percent>0</laser-bias-current-percent>
            <transmit-power>-4000</transmit-power>
            <receive-power>-4000</receive-power>
            <frequency100mhz>1931000</frequency100mhz>
            </lane-data>
            </optics-info>
            <optics-lanes>
            <optics-lane>
            <number>1</number>
            <lane-index>1</lane-index>
            <laser-bias-current-percent>0</laser-bias-current-percent>
            <transmit-power>-4000</transmit-power>
            <receive-power>-4000</receive-power>
            <frequency100mhz>1931000</frequency100mhz>
            </optics-lane>
            </optics-lanes>
            <optics-db-info>
            <transport-admin-state>tas-ui-is</transport-admin-state>
            <controller-state>optics-state-down</controller-state>
            </optics-db-info>
            </optics-port>
            </optics-ports>
            </optics-oper>"#]]
        .assert_eq(&answer(OpticsState { snapshots }, filter));
    }

    #[test]
    fn every_leaf_that_is_filled_is_announced() {
        let trunk = include_str!("../../../tests/data/payloads/valid/v06-subsea-all-knobs.xml");
        let snapshots = still(&running(CHASSIS, trunk));
        assert_eq!(unannounced(OpticsState { snapshots }), Vec::<String>::new());
    }

    #[test]
    fn numbers_read_as_the_show_command_prints_them() {
        assert_eq!(
            (decimal(-5, 1), decimal(3310, 2), decimal(-1234, 2)),
            ("-0.5".into(), "33.10".into(), "-12.34".into())
        );
        assert_eq!(
            (terahertz(1_931_000), terahertz(1_931_125)),
            ("193.10".into(), "193.1125".into())
        );
        assert_eq!(nanometres(1_931_000).as_deref(), Some("1552.524"));
        assert_eq!(
            (channel(1_961_000), channel(1_931_000), channel(1_931_125)),
            (Some(1), Some(61), None)
        );
    }
}
