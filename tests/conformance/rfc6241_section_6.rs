//! Subtree filters on the configuration (RFC 6241 section 6).

use expect_test::expect;

use crate::office::{COMMIT, Office, edit, host_name, optics};

fn office_with_two_ports() -> (Office, u32) {
    let mut office = Office::opened();
    let admin = office.enter("admin");
    let config = host_name("lab")
        + &optics("Optics0/0/0/0", "<nleq-comp-mode>1</nleq-comp-mode>")
        + &optics(
            "Optics0/0/0/1",
            "<nleq-comp-mode>2</nleq-comp-mode><optics-cd-min>-20000</optics-cd-min>",
        );
    office.accept(admin, &edit("", &config));
    office.accept(admin, COMMIT);
    (office, admin)
}

fn get_config(filter: &str) -> String {
    format!("<get-config><source><running/></source><filter type=\"subtree\">{filter}</filter></get-config>")
}

#[test]
fn one_key_of_two_is_enough_to_select_an_entry_and_one_leaf_of_it() {
    let (mut office, admin) = office_with_two_ports();
    let filter = optics("Optics0/0/0/1", "<optics-cd-min/>").replace("<active>act</active>", "");
    office.check(
        admin,
        &get_config(&filter),
        expect![[r#"
        <data>
        <interface-configurations xmlns="http://cisco.com/ns/yang/Cisco-IOS-XR-ifmgr-cfg">
        <interface-configuration>
        <active>act</active>
        <interface-name>Optics0/0/0/1</interface-name>
        <optics xmlns="http://cisco.com/ns/yang/Cisco-IOS-XR-controller-optics-cfg">
        <optics-cd-min>-20000</optics-cd-min>
        </optics>
        </interface-configuration>
        </interface-configurations>
        </data>"#]],
    );
}

#[test]
fn an_empty_filter_and_an_unknown_node_select_nothing() {
    let (mut office, admin) = office_with_two_ports();
    for filter in [
        "",
        "<nothing xmlns=\"urn:example:nothing\"/>",
        "<host-names xmlns=\"urn:example:other\"/>",
    ] {
        office.check(
            admin,
            &get_config(filter),
            expect![[r#"
            <data>
            </data>"#]],
        );
    }
}
