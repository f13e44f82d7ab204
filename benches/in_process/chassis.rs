//! A full chassis: every slot fitted, every slice carrying clients, every trunk configured.

use std::fmt::Write;

/// The cards, as a chassis description.
pub const CHASSIS: &str = r#"
[slots."0/0"]
pid = "NCS1K4-1.2T-L-K9"
[slots."0/1"]
pid = "NCS1K4-OTN-XPL"
[slots."0/2"]
pid = "NCS1K4-QXP-L-K9"
[slots."0/3"]
pid = "NCS1K4-1.2T-L-K9"
"#;

/// A subtree filter for one slice of it.
pub const ONE_SLICE: &str = r#"<active-nodes xmlns="http://cisco.com/ns/yang/Cisco-IOS-XR-config-mda-cfg"><active-node><node-name>0/1</node-name><mxponder-slices xmlns="http://cisco.com/ns/yang/Cisco-IOS-XR-osa-cfg"><mxponder-slice><slice-id>0</slice-id></mxponder-slice></mxponder-slices></active-node></active-nodes>"#;

/// Trunk ports by slot.
const TRUNKS: [(u32, &[u32]); 4] = [
    (0, &[0, 1]),
    (1, &[0, 1]),
    (2, &[0, 2, 4, 6, 8, 10, 12, 14]),
    (3, &[0, 1]),
];

/// Its configuration, the content of `<config>`.
pub fn configuration() -> String {
    let mut nodes = String::new();
    for slot in [0, 3] {
        nodes.push_str(&node(slot, &(0..2).map(muxponder_slice).collect::<String>()));
    }
    nodes.push_str(&node(1, &otn_slices()));
    nodes.push_str(&node(2, &(0..8).map(qxp_slice).collect::<String>()));
    let interfaces: String = TRUNKS
        .iter()
        .flat_map(|(slot, ports)| ports.iter().map(|port| trunk(*slot, *port)))
        .collect();
    format!(
        "<active-nodes xmlns=\"http://cisco.com/ns/yang/Cisco-IOS-XR-config-mda-cfg\">{nodes}</active-nodes>\
         <interface-configurations xmlns=\"http://cisco.com/ns/yang/Cisco-IOS-XR-ifmgr-cfg\">{interfaces}\
         </interface-configurations>"
    )
}

fn node(slot: u32, slices: &str) -> String {
    format!(
        "<active-node><node-name>0/{slot}</node-name><mxponder-slices \
         xmlns=\"http://cisco.com/ns/yang/Cisco-IOS-XR-osa-cfg\">{slices}</mxponder-slices></active-node>"
    )
}

fn muxponder_slice(id: u32) -> String {
    format!(
        "<mxponder-slice><slice-id>{id}</slice-id><trunk-rates>six-hundred-gig</trunk-rates>\
         <client-rates>hundred-gig-e</client-rates></mxponder-slice>"
    )
}

fn otn_slices() -> String {
    let mut lanes = String::new();
    for port in [2, 4, 5] {
        let mut inside = String::new();
        for (lane, kind) in (1..=4).zip(["ten-gig-e", "otu2", "otu2e", "ten-gig-e"]) {
            if port == 2 && lane < 3 {
                continue;
            }
            let _ = write!(
                inside,
                "<mxp-slice-client-optics-lane><optics-lane-id>{lane}</optics-lane-id>\
                 <client-type>{kind}</client-type></mxp-slice-client-optics-lane>"
            );
        }
        let _ = write!(
            lanes,
            "<mxp-slice-client-port><mxp-slice-port-id>{port}</mxp-slice-port-id>\
             <mxp-slice-client-optics-lanes>{inside}</mxp-slice-client-optics-lanes></mxp-slice-client-port>"
        );
    }
    let whole: String = (6..10).map(|port| client_port(port, "hundred-gig-e")).collect();
    slice(0, "hundred-gig", &lanes) + &slice(1, "four-hundred-gig", &whole)
}

/// Client ports above 12 have no place in the model: the rate of all clients says it for every slice.
fn qxp_slice(id: u32) -> String {
    format!(
        "<mxponder-slice><slice-id>{id}</slice-id><trunk-rates>four-hundred-gig</trunk-rates>\
         <client-rates>four-hundred-gig-e</client-rates></mxponder-slice>"
    )
}

fn slice(id: u32, rate: &str, ports: &str) -> String {
    format!(
        "<mxponder-slice><slice-id>{id}</slice-id><mxp-slice-client-ports>{ports}</mxp-slice-client-ports>\
         <trunk-rates>{rate}</trunk-rates></mxponder-slice>"
    )
}

fn client_port(port: u32, kind: &str) -> String {
    format!(
        "<mxp-slice-client-port><mxp-slice-port-id>{port}</mxp-slice-port-id><mxp-slice-client-port-mode>\
         <client-type>{kind}</client-type></mxp-slice-client-port-mode></mxp-slice-client-port>"
    )
}

fn trunk(slot: u32, port: u32) -> String {
    format!(
        "<interface-configuration><active>act</active><interface-name>Optics0/{slot}/0/{port}</interface-name>\
         <optics xmlns=\"http://cisco.com/ns/yang/Cisco-IOS-XR-controller-optics-cfg\"><optics-dwdm-carrier>\
         <grid-type>100mhz-grid</grid-type><param-type>frequency</param-type><param-value>1931000</param-value>\
         </optics-dwdm-carrier><optics-transmit-power>-15</optics-transmit-power><optics-fec>fec-sd27</optics-fec>\
         <optics-bits-per-symbol>3.0000000000</optics-bits-per-symbol><optics-cd-min>-10001</optics-cd-min>\
         <optics-cd-max>100001</optics-cd-max><rx-voa><target-power>-120</target-power></rx-voa></optics>\
         </interface-configuration>"
    )
}
