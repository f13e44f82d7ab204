//! What of the configuration drives the hardware, what is kept without effect, and what a commit may not contain.

use crate::app::desired_state::optics::check_interfaces;
use crate::datastore::change_set::ChangeSet;
use crate::datastore::participant::Participant;
use crate::yang::error::DataError;
use crate::yang::tree::Tree;

/// The hardware's part in a commit. It refuses text that should be a number; anything else that the fitted cards
/// cannot do shows in operational state (Q25).
pub struct HardwareParticipant;

impl Participant for HardwareParticipant {
    fn name(&self) -> &'static str {
        "hardware"
    }

    fn claims(&self) -> &[&'static str] {
        CLAIMS
    }

    fn check(&self, _change_set: &ChangeSet, candidate: &Tree) -> Result<(), Vec<DataError>> {
        let interfaces = candidate.root("Cisco-IOS-XR-ifmgr-cfg:interface-configurations");
        let errors = interfaces.map(check_interfaces).unwrap_or_default();
        if errors.is_empty() { Ok(()) } else { Err(errors) }
    }
}

/// Flattens leaves below prefixes to whole schema paths.
macro_rules! paths {
    ($($prefix:literal => [$($leaf:literal),+ $(,)?]),+ $(,)?) => {
        &[$($(concat!($prefix, "/", $leaf)),+),+]
    };
}

/// What becomes a wish of the hardware.
pub const CLAIMS: &[&str] = paths![
    "/Cisco-IOS-XR-config-mda-cfg:active-nodes/active-node/Cisco-IOS-XR-osa-cfg:mxponder-slices/mxponder-slice" => [
        "mxp-slice-client-ports",
        "trunk-rates",
        "client-rates",
        "lldp",
        "arp-snoop",
    ],
    "/Cisco-IOS-XR-config-mda-cfg:active-nodes/active-node/Cisco-IOS-XR-osa-cfg:mxponder" => [
        "client-ports",
        "trunk-rates",
        "client-rates",
        "lldp",
        "arp-snoop",
        "split-client-port-map",
    ],
    "/Cisco-IOS-XR-config-mda-cfg:preconfigured-nodes/preconfigured-node/Cisco-IOS-XR-osa-cfg:mxponder-slices/mxponder-slice" => [
        "mxp-slice-client-ports",
        "trunk-rates",
        "client-rates",
        "lldp",
        "arp-snoop",
    ],
    "/Cisco-IOS-XR-config-mda-cfg:preconfigured-nodes/preconfigured-node/Cisco-IOS-XR-osa-cfg:mxponder" => [
        "client-ports",
        "trunk-rates",
        "client-rates",
        "lldp",
        "arp-snoop",
        "split-client-port-map",
    ],
    "/Cisco-IOS-XR-ifmgr-cfg:interface-configurations/interface-configuration" => [
        "shutdown",
        "description",
        "secondary-admin-state",
        "Cisco-IOS-XR-otnsec-cfg:odu-otnsec/policy",
    ],
    "/Cisco-IOS-XR-ifmgr-cfg:interface-configurations/interface-configuration/Cisco-IOS-XR-controller-optics-cfg:optics" => [
        "rx-thresholds",
        "tx-thresholds",
        "rx-voa",
        "optics-dwdm-carrier",
        "optics-transmit-power",
        "optics-transmit-shutdown",
        "optics-fec",
        "optics-baud-rate",
        "optics-bits-per-symbol",
        "optics-cd-min",
        "optics-cd-max",
        "optics-cd-low-threshold",
        "optics-cd-high-threshold",
        "optics-osnr-low-threshold",
        "optics-dgd-high-threshold",
        "optics-lbc-high-threshold",
        "filter-roll-off-factor",
        "enh-colorless-mode",
        "enh-sop-tol-mode",
        "nleq-comp-mode",
        "cross-pol-gain-mode",
        "cross-pol-weight-mode",
        "cpr-win-mode",
        "cpr-ext-win-mode",
    ],
    "/Cisco-IOS-XR-shellutil-cfg:host-names" => ["host-name"],
];

/// What is kept and shown, without effect on the simulated hardware.
pub const STORED_ONLY: &[&str] = paths![
    "/Cisco-IOS-XR-config-mda-cfg:active-nodes/active-node" => [
        "Cisco-IOS-XR-osa-cfg:regen",
        "Cisco-IOS-XR-osa-cfg:attention-led",
        "Cisco-IOS-XR-osa-cfg:mxponder-slices/mxponder-slice/client-ains",
        "Cisco-IOS-XR-osa-cfg:mxponder-slices/mxponder-slice/trunk-mode",
        "Cisco-IOS-XR-osa-cfg:mxponder/client-ains",
        "Cisco-IOS-XR-osa-cfg:mxponder/protected",
    ],
    "/Cisco-IOS-XR-config-mda-cfg:preconfigured-nodes/preconfigured-node" => [
        "Cisco-IOS-XR-osa-cfg:regen",
        "Cisco-IOS-XR-osa-cfg:attention-led",
        "Cisco-IOS-XR-osa-cfg:mxponder-slices/mxponder-slice/client-ains",
        "Cisco-IOS-XR-osa-cfg:mxponder-slices/mxponder-slice/trunk-mode",
        "Cisco-IOS-XR-osa-cfg:mxponder/client-ains",
        "Cisco-IOS-XR-osa-cfg:mxponder/protected",
    ],
    "/Cisco-IOS-XR-ifmgr-cfg:interface-configurations/interface-configuration" => [
        "interface-virtual",
        "interface-mode-non-physical",
        "bandwidth",
        "link-status",
        "Cisco-IOS-XR-otnsec-cfg:odu-otnsec/ipv4",
        "Cisco-IOS-XR-otnsec-cfg:odu-otnsec/ik-ev2-profile",
    ],
    "/Cisco-IOS-XR-ifmgr-cfg:interface-configurations/interface-configuration/Cisco-IOS-XR-controller-optics-cfg:optics" => [
        "optics-network-srlgs",
        "optics-lanes",
        "transceiver",
        "submarine-params",
        "optics-loopback",
        "optics-fastpoll",
        "optics-performance-monitoring",
        "optics-modulation",
        "optics-dacrate",
    ],
    "/Cisco-IOS-XR-otnsec-cfg:otnsec-policies" => ["otnsec-policy"],
    "/Cisco-IOS-XR-ikev2-cfg:ikev2" => ["profile-names", "policy-names", "proposal-names"],
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::desired_state::payload::{SCHEMA, tree};
    use crate::datastore::participant::Coverage;

    #[test]
    fn every_node_of_the_hardware_models_is_claimed_or_stored_only() {
        for path in CLAIMS.iter().chain(STORED_ONLY) {
            assert!(SCHEMA.find(path).is_some(), "{path} is not in the schema");
        }
        let coverage = Coverage::of(&SCHEMA, &[&HardwareParticipant], STORED_ONLY);
        let ours = [
            "config-mda-cfg",
            "ifmgr-cfg",
            "osa-cfg",
            "controller-optics-cfg",
            "otnsec-cfg",
            "ikev2-cfg",
            "shellutil-cfg",
        ];
        let forgotten: Vec<&String> = coverage
            .unclaimed
            .iter()
            .filter(|path| {
                ours.iter()
                    .any(|module| path.contains(&format!("Cisco-IOS-XR-{module}:")))
            })
            .collect();
        assert_eq!(forgotten, Vec::<&String>::new());
    }

    #[test]
    fn text_that_should_be_a_number_is_refused_with_path_value_and_rule() {
        let set = |leaf: &str, value: &str| {
            let candidate = tree(&format!(
                r#"<interface-configurations xmlns="http://cisco.com/ns/yang/Cisco-IOS-XR-ifmgr-cfg">
                     <interface-configuration><active>act</active><interface-name>Optics0/1/0/1</interface-name>
                       <optics xmlns="http://cisco.com/ns/yang/Cisco-IOS-XR-controller-optics-cfg">
                         <{leaf}>{value}</{leaf}></optics></interface-configuration></interface-configurations>"#
            ));
            HardwareParticipant.check(&ChangeSet::since(0), &candidate)
        };
        let refused = set("optics-bits-per-symbol", "three").unwrap_err();
        assert_eq!(refused.len(), 1);
        assert!(
            refused[0]
                .path
                .as_deref()
                .unwrap()
                .ends_with(":optics-bits-per-symbol")
        );
        assert_eq!(
            &*refused[0].message,
            "optics-bits-per-symbol \"three\" is not a decimal number of bits per symbol below 1000 with at most ten places, such as 3.4375"
        );
        assert!(set("optics-baud-rate", "fast").is_err());
        assert!(set("filter-roll-off-factor", "1.001").is_err());
        for (leaf, value) in [
            ("optics-bits-per-symbol", "3"),
            ("optics-baud-rate", "69.4350357056"),
            ("filter-roll-off-factor", "1.000"),
        ] {
            assert_eq!(set(leaf, value), Ok(()));
        }
    }
}
