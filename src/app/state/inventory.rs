//! `Cisco-IOS-XR-invmgr-oper`: the chassis, its route processor and the fitted line cards.

use std::sync::Arc;

use tokio::sync::watch;

use crate::device::hardware::{CardSnapshot, Snapshot};
use crate::device::inventory::LineCardModel;
use crate::management::operational::StateProvider;
use crate::yang::state::StateBuilder;

/// The inventory as the hardware shows it.
pub struct InventoryState {
    /// Where snapshots come from.
    pub snapshots: watch::Receiver<Arc<Snapshot>>,
}

/// One part of the chassis.
struct Entity<'s> {
    name: &'s str,
    parent: Option<&'s str>,
    description: &'s str,
    model_name: &'s str,
    hardware_revision: &'s str,
    serial_number: &'s str,
    software_revision: &'s str,
    known: bool,
}

impl StateProvider for InventoryState {
    fn roots(&self) -> Vec<&'static str> {
        vec!["Cisco-IOS-XR-invmgr-oper:inventory"]
    }

    fn fill(&self, out: &mut StateBuilder<'_>) {
        let snapshot = Arc::clone(&self.snapshots.borrow());
        out.container("Cisco-IOS-XR-invmgr-oper:inventory", |out| {
            out.container("entities", |out| fill_entities(&snapshot, out));
        });
    }

    fn tells_changes(&self) -> bool {
        true
    }

    fn provided(&self) -> &'static [&'static str] {
        &[
            "/Cisco-IOS-XR-invmgr-oper:inventory/entities/entity/name",
            "/Cisco-IOS-XR-invmgr-oper:inventory/entities/entity/parent-info/name",
            "/Cisco-IOS-XR-invmgr-oper:inventory/entities/entity/subentities/subentity/name",
            "/Cisco-IOS-XR-invmgr-oper:inventory/entities/entity/subentities/subentity/subentity-name",
            "/Cisco-IOS-XR-invmgr-oper:inventory/entities/entity/attributes/inv-basic-bag/description",
            "/Cisco-IOS-XR-invmgr-oper:inventory/entities/entity/attributes/inv-basic-bag/name",
            "/Cisco-IOS-XR-invmgr-oper:inventory/entities/entity/attributes/inv-basic-bag/hardware-revision",
            "/Cisco-IOS-XR-invmgr-oper:inventory/entities/entity/attributes/inv-basic-bag/software-revision",
            "/Cisco-IOS-XR-invmgr-oper:inventory/entities/entity/attributes/inv-basic-bag/serial-number",
            "/Cisco-IOS-XR-invmgr-oper:inventory/entities/entity/attributes/inv-basic-bag/model-name",
            "/Cisco-IOS-XR-invmgr-oper:inventory/entities/entity/attributes/inv-basic-bag/is-field-replaceable-unit",
            "/Cisco-IOS-XR-invmgr-oper:inventory/entities/entity/attributes/inv-basic-bag/unrecognized-fru",
        ]
    }
}

fn fill_entities(snapshot: &Snapshot, out: &mut StateBuilder<'_>) {
    let chassis = &snapshot.chassis;
    let cards: Vec<(String, &CardSnapshot)> = snapshot
        .slots
        .iter()
        .filter_map(|(location, slot)| Some((location.to_string(), slot.card.as_ref()?)))
        .collect();
    let whole = Entity {
        name: RACK,
        parent: None,
        description: &chassis.description,
        model_name: &chassis.pid,
        hardware_revision: &chassis.vid,
        serial_number: &chassis.serial_number,
        software_revision: &chassis.software_version,
        known: true,
    };
    out.list("entity", &[("name", &RACK)], |out| {
        fill_entity(&whole, out);
        out.container("subentities", |out| {
            let parts = cards.iter().map(|(name, _)| name.as_str());
            for part in parts.chain([ROUTE_PROCESSOR]) {
                out.list("subentity", &[("name", &part)], |out| {
                    out.leaf("subentity-name", part);
                });
            }
        });
    });
    let processor = Entity {
        name: ROUTE_PROCESSOR,
        parent: Some(RACK),
        description: "route processor",
        model_name: &chassis.route_processor_pid,
        serial_number: &chassis.route_processor_serial_number,
        ..whole
    };
    out.list("entity", &[("name", &ROUTE_PROCESSOR)], |out| {
        fill_entity(&processor, out)
    });
    for (name, card) in &cards {
        let entity = Entity {
            name,
            parent: Some(RACK),
            description: &card.description,
            model_name: &card.pid,
            hardware_revision: &card.vid,
            serial_number: &card.serial_number,
            software_revision: &chassis.software_version,
            known: LineCardModel::from_pid(&card.pid).is_some(),
        };
        out.list("entity", &[("name", name)], |out| fill_entity(&entity, out));
    }
}

fn fill_entity(entity: &Entity<'_>, out: &mut StateBuilder<'_>) {
    if let Some(parent) = entity.parent {
        out.container("parent-info", |out| out.leaf("name", parent));
    }
    out.container("attributes", |out| {
        out.container("inv-basic-bag", |out| {
            out.leaf("description", entity.description);
            out.leaf("name", entity.name);
            out.leaf("hardware-revision", entity.hardware_revision);
            out.leaf("software-revision", entity.software_revision);
            out.leaf("serial-number", entity.serial_number);
            out.leaf("model-name", entity.model_name);
            out.leaf("is-field-replaceable-unit", entity.parent.is_some());
            out.leaf("unrecognized-fru", !entity.known);
        });
    });
}

/// The chassis, as clients look it up.
const RACK: &str = "Rack 0";
/// The route processor.
const ROUTE_PROCESSOR: &str = "0/RP0";

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;
    use crate::app::state::platform::PlatformState;
    use crate::app::state::shown::{answer, running, still, unannounced};

    #[test]
    fn the_chassis_is_found_as_rack_0_with_release_pid_and_serial_number() {
        let snapshots = still(&running("", ""));
        let filter = r#"<inventory xmlns="http://cisco.com/ns/yang/Cisco-IOS-XR-invmgr-oper"><entities><entity>
            <name>Rack 0</name><attributes><inv-basic-bag><software-revision/><model-name/><serial-number/>
            </inv-basic-bag></attributes></entity></entities></inventory>"#;
        expect![[r#"
            <inventory xmlns="http://cisco.com/ns/yang/Cisco-IOS-XR-invmgr-oper">
            <entities>
            <entity>
            <name>Rack 0</name>
            <attributes>
            <inv-basic-bag>
            <software-revision>7.9.1</software-revision>
            <serial-number>PND2323CE66</serial-number>
            <model-name>NCS1004</model-name>
            </inv-basic-bag>
            </attributes>
            </entity>
            </entities>
            </inventory>"#]]
        .assert_eq(&answer(InventoryState { snapshots }, filter));
    }

    #[test]
    fn fitted_cards_are_listed_with_pid_and_serial_number_and_empty_slots_are_not() {
        let chassis = "[slots.\"0/2\"]\npid = \"NCS1K4-2-QDD-C-K9\"\nserial-number = \"ABC1\"\n";
        let snapshots = still(&running(chassis, ""));
        let filter = r#"<inventory xmlns="http://cisco.com/ns/yang/Cisco-IOS-XR-invmgr-oper"><entities><entity>
            <name/><attributes><inv-basic-bag><model-name/><serial-number/><unrecognized-fru/></inv-basic-bag>
            </attributes></entity></entities></inventory>"#;
        expect![[r#"
            <inventory xmlns="http://cisco.com/ns/yang/Cisco-IOS-XR-invmgr-oper">
            <entities>
            <entity>
            <name>Rack 0</name>
            <attributes>
            <inv-basic-bag>
            <serial-number>PND2323CE66</serial-number>
            <model-name>NCS1004</model-name>
            <unrecognized-fru>false</unrecognized-fru>
            </inv-basic-bag>
            </attributes>
            </entity>
            <entity>
            <name>0/RP0</name>
            <attributes>
            <inv-basic-bag>
            <serial-number>PND2347PPGL</serial-number>
            <model-name>NCS1K4-CNTLR-K9</model-name>
            <unrecognized-fru>false</unrecognized-fru>
            </inv-basic-bag>
            </attributes>
            </entity>
            <entity>
            <name>0/2</name>
            <attributes>
            <inv-basic-bag>
            <serial-number>ABC1</serial-number>
            <model-name>NCS1K4-2-QDD-C-K9</model-name>
            <unrecognized-fru>true</unrecognized-fru>
            </inv-basic-bag>
            </attributes>
            </entity>
            </entities>
            </inventory>"#]]
        .assert_eq(&answer(InventoryState { snapshots }, filter));
    }

    #[test]
    fn a_card_that_is_down_shows_so_in_the_platform() {
        let chassis = "[slots.\"0/2\"]\npid = \"NCS1K4-QXP-L-K9\"\nstate = \"down\"\n";
        let snapshots = still(&running(chassis, ""));
        let filter = r#"<platform xmlns="http://cisco.com/ns/yang/Cisco-IOS-XR-platform-oper"/>"#;
        expect![[r#"
            <platform xmlns="http://cisco.com/ns/yang/Cisco-IOS-XR-platform-oper">
            <racks>
            <rack>
            <rack-name>0</rack-name>
            <slots>
            <slot>
            <slot-name>2</slot-name>
            <state>
            <card-type>NCS1K4-QXP-L-K9</card-type>
            <card-redundancy-state>red-state-none</card-redundancy-state>
            <state>down</state>
            <is-monitored>true</is-monitored>
            <is-powered>true</is-powered>
            <is-shutdown>false</is-shutdown>
            <admin-state>NSHUT</admin-state>
            <node-name>0/2</node-name>
            <oper-state>DOWN</oper-state>
            </state>
            </slot>
            <slot>
            <slot-name>RP0</slot-name>
            <instances>
            <instance>
            <instance-name>CPU0</instance-name>
            <state>
            <card-type>NCS1K4-CNTLR-K9</card-type>
            <card-redundancy-state>active</card-redundancy-state>
            <state>xr-run</state>
            <is-monitored>true</is-monitored>
            <is-powered>true</is-powered>
            <is-shutdown>false</is-shutdown>
            <admin-state>NSHUT</admin-state>
            <node-name>0/RP0/CPU0</node-name>
            <oper-state>IOS XR RUN</oper-state>
            </state>
            </instance>
            </instances>
            <state>
            <card-type>NCS1K4-CNTLR-K9</card-type>
            <card-redundancy-state>active</card-redundancy-state>
            <state>xr-run</state>
            <is-monitored>true</is-monitored>
            <is-powered>true</is-powered>
            <is-shutdown>false</is-shutdown>
            <admin-state>NSHUT</admin-state>
            <node-name>0/RP0</node-name>
            <oper-state>IOS XR RUN</oper-state>
            </state>
            </slot>
            </slots>
            </rack>
            </racks>
            </platform>"#]]
        .assert_eq(&answer(PlatformState { snapshots }, filter));
    }

    #[test]
    fn every_leaf_that_is_filled_is_announced() {
        let snapshots = still(&running("", ""));
        let inventory = InventoryState {
            snapshots: snapshots.clone(),
        };
        assert_eq!(unannounced(inventory), Vec::<String>::new());
        assert_eq!(unannounced(PlatformState { snapshots }), Vec::<String>::new());
    }
}
