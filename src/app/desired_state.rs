//! From the running configuration (native XR model) to what is asked of the hardware.
//!
//! Configuration may stand in two places: `active-nodes` or `preconfigured-nodes`, and an interface as `act` or `pre`.
//! Wherever it was written it takes effect once the card is there; where both places speak of one node or interface,
//! the active one wins (Q27).

mod optics;
pub mod participant;
mod slices;

use crate::device::desired_state::DesiredState;
use crate::yang::tree::{NodeRef, Tree};

/// The top-level nodes that the wish is made from; a commit that touches none of them leaves it as it was.
pub const ROOTS: [&str; 4] = [
    "Cisco-IOS-XR-config-mda-cfg:active-nodes",
    "Cisco-IOS-XR-config-mda-cfg:preconfigured-nodes",
    "Cisco-IOS-XR-ifmgr-cfg:interface-configurations",
    "Cisco-IOS-XR-shellutil-cfg:host-names",
];

/// Translates a whole configuration.
pub fn desired_state(running: &Tree) -> DesiredState {
    let mut desired = DesiredState::default();
    for root in running.roots() {
        match (root.module(), root.name()) {
            ("Cisco-IOS-XR-config-mda-cfg", "active-nodes") => {
                for node in root.children_named("active-node") {
                    slices::read_node(node, &mut desired.line_cards);
                }
            }
            ("Cisco-IOS-XR-ifmgr-cfg", "interface-configurations") => {
                optics::read_interfaces(root, &mut desired);
            }
            ("Cisco-IOS-XR-shellutil-cfg", "host-names") => {
                desired.host_name = root.leaf("host-name").map(str::to_owned);
            }
            _ => {}
        }
    }
    let preconfigured = running.root("Cisco-IOS-XR-config-mda-cfg:preconfigured-nodes");
    for node in preconfigured
        .iter()
        .flat_map(|root| root.children_named("preconfigured-node"))
    {
        slices::read_preconfigured_node(node, &mut desired.line_cards);
    }
    desired
}

/// Whether an entry holds anything that was configured beside its keys.
fn has_content(entry: NodeRef<'_>) -> bool {
    entry
        .children()
        .any(|child| !child.schema().is_key() && child.is_explicit())
}

/// What a client wrote below a node: defaults that the schema adds are left out.
fn written<'t>(node: NodeRef<'t>) -> impl Iterator<Item = NodeRef<'t>> {
    node.children().filter(|child| !child.is_default())
}

#[cfg(test)]
pub mod payload {
    //! Configurations for tests: the content of `<config>` in our payload files.

    use std::sync::{Arc, LazyLock};

    use crate::yang::document::Element;
    use crate::yang::modules::ModuleSet;
    use crate::yang::schema::Schema;
    use crate::yang::schema_node::{NodeKind, SchemaNode};
    use crate::yang::tree::Tree;
    use crate::yang::writer::TreeWriter;

    /// The schema of all modules, loaded once.
    pub static SCHEMA: LazyLock<Arc<Schema>> = LazyLock::new(|| Schema::load(ModuleSet::embedded()).unwrap());

    /// The configuration of an edit-config document, or of top-level elements alone.
    pub fn tree(xml: &str) -> Tree {
        let xml = xml.split_once("?>").map_or(xml, |(_, rest)| rest);
        let mut elements = Element::parse_content(xml).unwrap();
        while let [envelope] = elements.as_slice()
            && ["rpc", "edit-config", "config"].contains(&envelope.name.as_str())
        {
            let inside = envelope.children.iter();
            elements = inside.filter(|child| child.name != "target").cloned().collect();
        }
        let mut writer = TreeWriter::new(&SCHEMA);
        for element in &elements {
            write(&mut writer, None, element);
        }
        writer.finish()
    }

    fn write(writer: &mut TreeWriter, parent: Option<SchemaNode<'_>>, element: &Element) {
        let namespace = element.namespace.as_deref().unwrap();
        let module = &SCHEMA.module_of_namespace(namespace).unwrap().name;
        let node = match parent {
            None => SCHEMA.top(module, &element.name).unwrap(),
            Some(parent) => parent.child(module, &element.name).unwrap(),
        };
        if node.is_term() {
            if !node.is_key() {
                writer.term(node, element.trimmed()).unwrap();
            }
            return;
        }
        if node.kind() == NodeKind::List {
            let key = |name: &str| element.children.iter().find(|child| child.name == name).unwrap();
            let keys: Vec<&str> = node.keys().map(|leaf| key(leaf.name()).trimmed()).collect();
            writer.open_entry(node, &keys).unwrap();
        } else {
            writer.open_container(node).unwrap();
        }
        for child in &element.children {
            write(writer, Some(node), child);
        }
        writer.close();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::desired_state::{ClientPort, OduName, OpticsDesired, PortName};
    use crate::device::inventory::{ClientType, SlotLocation, TrunkRate};
    use crate::device::optics::SubseaSetting;

    macro_rules! desired {
        ($file:literal) => {
            desired_state(&payload::tree(include_str!(concat!(
                "../../tests/data/payloads/valid/",
                $file
            ))))
        };
    }

    fn slot(slot: u8) -> SlotLocation {
        SlotLocation { rack: 0, slot }
    }

    fn optics<'d>(desired: &'d DesiredState, name: &str) -> &'d OpticsDesired {
        &desired.optics[&PortName::from_interface_name(name).unwrap()]
    }

    #[test]
    fn the_otn_xp_sample_asks_for_ten_clients_in_lanes() {
        let desired = desired!("v01-otnxp-mixed-slice.xml");
        let slice = &desired.line_cards[&slot(1)].slices[&0];
        assert_eq!(slice.trunk_rate, TrunkRate::from_gbps(100));
        assert_eq!(slice.clients.len(), 10);
        let lane = ClientPort {
            port: 4,
            lane: Some(3),
        };
        assert_eq!(slice.clients[&lane], ClientType::Otu2e);
    }

    #[test]
    fn the_qxp_sample_asks_for_a_whole_port() {
        let desired = desired!("v02-qxp-400ge-txp.xml");
        let slice = &desired.line_cards[&slot(1)].slices[&0];
        let port = ClientPort { port: 1, lane: None };
        assert_eq!(slice.clients, [(port, ClientType::FourHundredGigE)].into());
    }

    #[test]
    fn slices_say_what_they_drop_and_snoop_only_when_told() {
        let desired = desired!("v03-1.2t-two-slices-100ge.xml");
        let slices = &desired.line_cards[&slot(0)].slices;
        assert_eq!((slices[&0].lldp_drop, slices[&0].arp_snoop), (None, None));
        assert_eq!(
            (slices[&1].lldp_drop, slices[&1].arp_snoop),
            (Some(true), Some(true))
        );
        assert_eq!(slices[&1].client_rate, Some(ClientType::HundredGigE));
    }

    #[test]
    fn an_odu4_controller_with_a_policy_is_an_encrypted_client() {
        let desired = desired!("v04-1.2t-100ge-encrypted.xml");
        let names: Vec<OduName> = ["ODU40/0/0/0/1", "ODU40/0/0/0/2"]
            .iter()
            .filter_map(|name| OduName::from_interface_name(name))
            .collect();
        assert_eq!(desired.encrypted_clients, names.into_iter().collect());
        assert!(desired.optics.is_empty());
    }

    #[test]
    fn a_whole_card_muxponder_is_no_slice() {
        let desired = desired!("v05-mxponder-whole-module.xml");
        let card = &desired.line_cards[&slot(3)];
        let muxponder = card.muxponder.as_ref().unwrap();
        assert!(card.slices.is_empty());
        assert_eq!(muxponder.trunk_rate, TrunkRate::from_gbps(450));
        assert_eq!(
            (muxponder.ains_soak_minutes, muxponder.lldp_drop),
            (Some(150), Some(true))
        );
    }

    #[test]
    fn all_ten_subsea_settings_arrive_with_their_values() {
        let desired = desired!("v06-subsea-all-knobs.xml");
        let settings = &optics(&desired, "Optics0/1/0/0").subsea_settings;
        assert_eq!(settings.len(), SubseaSetting::ALL.len());
        assert_eq!(settings[&SubseaSetting::RxVoaTargetPower], "-120");
        assert_eq!(settings[&SubseaSetting::FilterRollOffFactor], "0.045");
        assert_eq!(settings[&SubseaSetting::CprExtWinMode], "9");
    }

    #[test]
    fn a_trunk_arrives_with_carrier_power_and_bits_per_symbol() {
        let desired = desired!("v07-longhaul-trunk.xml");
        let trunk = optics(&desired, "Optics0/1/0/1");
        assert_eq!(trunk.bits_per_symbol.unwrap().to_string(), "3.0000000000");
        assert_eq!(trunk.carrier_frequency_100mhz, Some(1_931_000));
        assert_eq!(trunk.transmit_power_tenth_dbm, Some(-15));
        assert_eq!(trunk.fec.as_deref(), Some("fec-sd27"));
    }

    #[test]
    fn dispersion_limits_and_admin_states_arrive() {
        let window = desired!("v08-cd-window-subsea.xml");
        let first = optics(&window, "Optics0/1/0/0");
        assert_eq!(
            (first.cd_min_ps_nm, first.cd_max_ps_nm),
            (Some(-10_001), Some(100_001))
        );
        let admin = desired!("v13-controller-admin.xml");
        let ports: Vec<&OpticsDesired> = admin.optics.values().collect();
        assert!(ports.iter().any(|port| port.shutdown));
        assert!(ports.iter().any(|port| port.description.is_some()));
    }

    #[test]
    fn preconfiguration_is_wished_for_just_as_well() {
        let desired = desired!("v15-preconfigured-node.xml");
        assert!(desired.line_cards[&slot(2)].slices.contains_key(&1));
        let bits = optics(&desired, "Optics0/2/0/1").bits_per_symbol.unwrap();
        assert_eq!(bits.to_string(), "2.5000000000");
    }

    #[test]
    fn where_both_places_speak_of_a_node_or_port_the_active_one_wins() {
        let desired = desired_state(&payload::tree(
            r#"<preconfigured-nodes xmlns="http://cisco.com/ns/yang/Cisco-IOS-XR-config-mda-cfg">
                 <preconfigured-node><node-name>0/0</node-name>
                   <mxponder-slices xmlns="http://cisco.com/ns/yang/Cisco-IOS-XR-osa-cfg">
                     <mxponder-slice><slice-id>1</slice-id></mxponder-slice></mxponder-slices></preconfigured-node>
                 <preconfigured-node><node-name>0/1</node-name>
                   <mxponder-slices xmlns="http://cisco.com/ns/yang/Cisco-IOS-XR-osa-cfg">
                     <mxponder-slice><slice-id>1</slice-id></mxponder-slice></mxponder-slices></preconfigured-node>
               </preconfigured-nodes>
               <active-nodes xmlns="http://cisco.com/ns/yang/Cisco-IOS-XR-config-mda-cfg">
                 <active-node><node-name>0/0</node-name>
                   <mxponder-slices xmlns="http://cisco.com/ns/yang/Cisco-IOS-XR-osa-cfg">
                     <mxponder-slice><slice-id>0</slice-id></mxponder-slice></mxponder-slices></active-node>
                 <active-node><node-name>0/1</node-name></active-node>
               </active-nodes>
               <interface-configurations xmlns="http://cisco.com/ns/yang/Cisco-IOS-XR-ifmgr-cfg">
                 <interface-configuration><active>pre</active><interface-name>Optics0/0/0/0</interface-name>
                   <description>pre</description></interface-configuration>
                 <interface-configuration><active>act</active><interface-name>Optics0/0/0/0</interface-name>
                   <description>act</description></interface-configuration>
                 <interface-configuration><active>pre</active><interface-name>Optics0/0/0/1</interface-name>
                   <description>pre</description></interface-configuration>
                 <interface-configuration><active>act</active><interface-name>Optics0/0/0/1</interface-name>
                 </interface-configuration>
               </interface-configurations>"#,
        ));
        let of = |number| {
            desired.line_cards[&slot(number)]
                .slices
                .keys()
                .copied()
                .collect::<Vec<u32>>()
        };
        assert_eq!((of(0), of(1)), (vec![0], vec![1]));
        let described = |name| optics(&desired, name).description.as_deref();
        assert_eq!(
            (described("Optics0/0/0/0"), described("Optics0/0/0/1")),
            (Some("act"), Some("pre"))
        );
    }

    #[test]
    fn the_host_name_arrives() {
        let desired = desired_state(&payload::tree(
            r#"<host-names xmlns="http://cisco.com/ns/yang/Cisco-IOS-XR-shellutil-cfg"><host-name>ncs1</host-name></host-names>"#,
        ));
        assert_eq!(desired.host_name.as_deref(), Some("ncs1"));
    }
}
