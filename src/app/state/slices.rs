//! `Cisco-IOS-XR-osa-oper`: slices and muxponders with their clients, as `show hw-module location L mxponder` shows them.

use std::sync::Arc;

use tokio::sync::watch;

use crate::device::desired_state::ClientPort;
use crate::device::hardware::{
    CardSnapshot, CardState, ClientSnapshot, SliceSnapshot, SliceStatus, Snapshot,
};
use crate::device::inventory::{ClientType, LineCardModel, SlotLocation, TrunkRate};
use crate::management::operational::StateProvider;
use crate::yang::state::StateBuilder;

/// Slices of every card that is there.
pub struct SlicesState {
    /// Where snapshots come from.
    pub snapshots: watch::Receiver<Arc<Snapshot>>,
}

impl StateProvider for SlicesState {
    fn roots(&self) -> Vec<&'static str> {
        vec!["Cisco-IOS-XR-osa-oper:osa"]
    }

    fn fill(&self, out: &mut StateBuilder<'_>) {
        let snapshot = Arc::clone(&self.snapshots.borrow());
        out.container("Cisco-IOS-XR-osa-oper:osa", |out| {
            out.container("node-ids", |out| {
                for (location, slot) in &snapshot.slots {
                    if let Some(card) = &slot.card {
                        out.list("node-id", &[("node-name", location)], |out| {
                            fill_card(*location, card, out);
                        });
                    }
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

fn fill_card(location: SlotLocation, card: &CardSnapshot, out: &mut StateBuilder<'_>) {
    out.container("startup-config-complete", |out| {
        out.leaf("lc-startup-complete", card.state == CardState::Up);
    });
    let view = CardView {
        location,
        model: LineCardModel::from_pid(&card.pid),
    };
    let numbered = || {
        card.slices
            .iter()
            .filter_map(|slice| Some((slice.slice_id?, slice)))
    };
    out.container("mxponder-slices", |out| {
        for (slice_id, slice) in numbered() {
            out.list("mxponder-slice", &[("slice-id", &slice_id)], |out| {
                view.fill_slice(slice, out);
            });
        }
    });
    out.container("mxponder", |out| {
        for (_, slice) in numbered() {
            out.list("slice-info", &[], |out| view.fill_slice(slice, out));
        }
        for muxponder in card.slices.iter().filter(|slice| slice.slice_id.is_none()) {
            out.list("module-info", &[], |out| view.fill_slice(muxponder, out));
        }
    });
}

/// What names depend on beside the slice itself.
#[derive(Clone, Copy)]
struct CardView {
    location: SlotLocation,
    model: Option<LineCardModel>,
}

impl CardView {
    fn fill_slice(self, slice: &SliceSnapshot, out: &mut StateBuilder<'_>) {
        out.leaf("client-rate", client_rate(slice));
        out.leaf("trunk-rate", slice.trunk_rate.map_or("none", trunk_rate));
        out.leaf(
            "status",
            match slice.status {
                SliceStatus::InProgress => "slice-config-in-progress",
                SliceStatus::Provisioned => "slice-config-complete",
                SliceStatus::Failed(_) => "slice-config-failure",
            },
        );
        out.leaf_option("slice-id-xr", slice.slice_id);
        out.leaf("lldp-drop-status", slice.lldp_drop);
        out.leaf("mac-snoop-status", slice.arp_snoop);
        if out.wants("client-port") {
            for client in in_rows(&slice.clients) {
                out.list("client-port", &[], |out| self.fill_client(slice, client, out));
            }
        }
    }

    fn fill_client(self, slice: &SliceSnapshot, client: &ClientSnapshot, out: &mut StateBuilder<'_>) {
        let (mapper, peer) = self.mapper_and_peer(client);
        out.leaf(
            "client-name",
            self.port_name(client.client_type.controller(), client.port),
        );
        out.leaf("mapper-name", mapper);
        out.leaf_option("peer-name", peer);
        for (trunk, percentage) in &client.trunk_split {
            out.list("trunk-port", &[], |out| {
                out.leaf("trunk-name", self.trunk_name(slice.trunk_rate, *trunk));
                out.leaf("percentage", percentage);
            });
        }
    }

    /// `OTU20/1/0/2/3`: kind, rack, slot, instance, port, and lane if it has one.
    fn port_name(self, kind: &str, port: ClientPort) -> String {
        let name = format!("{kind}{}/0/{}", self.location, port.port);
        match port.lane {
            None => name,
            Some(lane) => format!("{name}/{lane}"),
        }
    }

    /// OTN-XP trunks are OTU controllers, those of the other cards are coherent DSPs.
    fn trunk_name(self, rate: Option<TrunkRate>, trunk: u32) -> String {
        let kind = match (self.model, rate.map(TrunkRate::gbps)) {
            (Some(LineCardModel::OtnXpLicensed), None | Some(100)) => "OTU4".to_owned(),
            (Some(LineCardModel::OtnXpLicensed), Some(gbps)) => format!("OTUC{}", gbps / 100),
            _ => "CoherentDSP".to_owned(),
        };
        format!("{kind}{}/0/{trunk}", self.location)
    }

    /// An Ethernet client is mapped into an ODU; an OTN client has the ODU on its trunk as its peer.
    fn mapper_and_peer(self, client: &ClientSnapshot) -> (String, Option<String>) {
        match self.model {
            Some(LineCardModel::OtnXpLicensed) => {
                let odu = self.odu_name(client);
                if is_otn(client.client_type) {
                    ("NONE".to_owned(), Some(odu))
                } else {
                    (odu, Some("NONE".to_owned()))
                }
            }
            Some(LineCardModel::Muxponder12T | LineCardModel::Muxponder12TLicensed) => {
                (self.odu_name(client), None)
            }
            Some(LineCardModel::QxpLicensed | LineCardModel::Qxp) | None => ("-".to_owned(), None),
        }
    }

    /// The ODU that a client becomes on its trunk: `ODU40/0/0/0/1`, the first 100G client of trunk 0, or
    /// `ODU2E0/1/0/0/2/4`, which is lane 4 of port 2 on trunk 0.
    fn odu_name(self, client: &ClientSnapshot) -> String {
        let trunk = client.trunk_split.first().map_or(0, |(trunk, _)| *trunk);
        let kind = odu(client.client_type);
        let start = format!("{kind}{}/0/{trunk}", self.location);
        match (client.odu4_index, client.port.lane) {
            (Some(index), _) => format!("{start}/{index}"),
            (None, None) => format!("{start}/{}", client.port.port),
            (None, Some(lane)) => format!("{start}/{}/{lane}", client.port.port),
        }
    }
}

/// Clients as the show command lists them: by kind of controller, then by port and lane.
fn in_rows(clients: &[ClientSnapshot]) -> Vec<&ClientSnapshot> {
    let mut rows: Vec<&ClientSnapshot> = clients.iter().collect();
    rows.sort_by_key(|client| (client.client_type.controller(), client.port));
    rows
}

fn client_rate(slice: &SliceSnapshot) -> &'static str {
    match slice.client_rate {
        Some(ClientType::Fc16) => "fibre-channel16g",
        Some(ClientType::Fc32) => "fibre-channel32g",
        Some(client) => client.yang_name(),
        None if slice.clients.is_empty() => "none",
        None => "mixed",
    }
}

/// The state model spells three of the rates differently from the configuration model.
fn trunk_rate(rate: TrunkRate) -> &'static str {
    match rate.gbps() {
        150 => "one-fifty-gig",
        250 => "two-fifty-gig",
        350 => "three-fifty-gig",
        450 => "four-fifty-gig",
        550 => "five-fifty-gig",
        _ => rate.yang_name(),
    }
}

fn is_otn(client: ClientType) -> bool {
    match client {
        ClientType::Otu2 | ClientType::Otu2e | ClientType::Otu3 | ClientType::Otu4 => true,
        ClientType::TenGigE
        | ClientType::HundredGigE
        | ClientType::FortyGigE
        | ClientType::FourHundredGigE
        | ClientType::Fc16
        | ClientType::Fc32 => false,
    }
}

/// The ODU that carries a client.
fn odu(client: ClientType) -> &'static str {
    match client {
        ClientType::TenGigE | ClientType::Otu2e => "ODU2E",
        ClientType::Otu2 => "ODU2",
        ClientType::Otu3 | ClientType::FortyGigE => "ODU3",
        ClientType::HundredGigE | ClientType::Otu4 => "ODU4",
        ClientType::FourHundredGigE | ClientType::Fc16 | ClientType::Fc32 => "ODUFLEX",
    }
}

/// The leaves of one slice, below each of the three places that show slices.
macro_rules! slice_leaves {
    ($($place:literal),+) => {
        [
            "/Cisco-IOS-XR-osa-oper:osa/node-ids/node-id/node-name",
            "/Cisco-IOS-XR-osa-oper:osa/node-ids/node-id/startup-config-complete/lc-startup-complete",
            "/Cisco-IOS-XR-osa-oper:osa/node-ids/node-id/mxponder-slices/mxponder-slice/slice-id",
            $(
                concat!("/Cisco-IOS-XR-osa-oper:osa/node-ids/node-id/", $place, "/client-rate"),
                concat!("/Cisco-IOS-XR-osa-oper:osa/node-ids/node-id/", $place, "/trunk-rate"),
                concat!("/Cisco-IOS-XR-osa-oper:osa/node-ids/node-id/", $place, "/status"),
                concat!("/Cisco-IOS-XR-osa-oper:osa/node-ids/node-id/", $place, "/slice-id-xr"),
                concat!("/Cisco-IOS-XR-osa-oper:osa/node-ids/node-id/", $place, "/lldp-drop-status"),
                concat!("/Cisco-IOS-XR-osa-oper:osa/node-ids/node-id/", $place, "/mac-snoop-status"),
                concat!("/Cisco-IOS-XR-osa-oper:osa/node-ids/node-id/", $place, "/client-port/client-name"),
                concat!("/Cisco-IOS-XR-osa-oper:osa/node-ids/node-id/", $place, "/client-port/mapper-name"),
                concat!("/Cisco-IOS-XR-osa-oper:osa/node-ids/node-id/", $place, "/client-port/peer-name"),
                concat!("/Cisco-IOS-XR-osa-oper:osa/node-ids/node-id/", $place, "/client-port/trunk-port/trunk-name"),
                concat!("/Cisco-IOS-XR-osa-oper:osa/node-ids/node-id/", $place, "/client-port/trunk-port/percentage"),
            )+
        ]
    };
}

static PROVIDED: [&str; 36] = slice_leaves!(
    "mxponder-slices/mxponder-slice",
    "mxponder/slice-info",
    "mxponder/module-info"
);

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;
    use crate::app::state::shown::{answer, running, still, unannounced};

    const SLICE_0: &str = r#"<osa xmlns="http://cisco.com/ns/yang/Cisco-IOS-XR-osa-oper"><node-ids><node-id>
        <node-name>0/1</node-name><mxponder-slices><mxponder-slice><slice-id>0</slice-id></mxponder-slice>
        </mxponder-slices></node-id></node-ids></osa>"#;

    fn shown(chassis: &str, configuration: &str) -> String {
        let snapshots = still(&running(chassis, configuration));
        answer(SlicesState { snapshots }, SLICE_0)
    }

    /// `client mapper peer trunk percentage` of each row.
    fn rows(shown: &str) -> String {
        let texts = |name: &str| -> Vec<String> {
            let start = format!("<{name}>");
            shown
                .lines()
                .filter_map(|line| Some(line.trim().strip_prefix(&start)?.split('<').next()?.to_owned()))
                .collect()
        };
        let (clients, mappers, peers) = (texts("client-name"), texts("mapper-name"), texts("peer-name"));
        let (trunks, shares) = (texts("trunk-name"), texts("percentage"));
        (0..clients.len())
            .map(|row| {
                let peer = peers.get(row).map_or("", String::as_str);
                format!(
                    "{} {} {peer} {} {}\n",
                    clients[row], mappers[row], trunks[row], shares[row]
                )
            })
            .collect()
    }

    #[test]
    fn the_otn_xp_sample_shows_the_rows_of_the_chapter() {
        let shown = shown(
            "",
            include_str!("../../../tests/data/payloads/valid/v01-otnxp-mixed-slice.xml"),
        );
        for leaf in [
            "<client-rate>mixed</client-rate>",
            "<trunk-rate>hundred-gig</trunk-rate>",
            "<status>slice-config-complete</status>",
            "<lldp-drop-status>false</lldp-drop-status>",
        ] {
            assert!(shown.contains(leaf), "{leaf} is missing: {shown}");
        }
        expect![[r#"
            OTU20/1/0/2/3 NONE ODU20/1/0/0/2/3 OTU40/1/0/0 100
            OTU20/1/0/4/2 NONE ODU20/1/0/0/4/2 OTU40/1/0/0 100
            OTU20/1/0/5/3 NONE ODU20/1/0/0/5/3 OTU40/1/0/0 100
            OTU2E0/1/0/2/4 NONE ODU2E0/1/0/0/2/4 OTU40/1/0/0 100
            OTU2E0/1/0/4/3 NONE ODU2E0/1/0/0/4/3 OTU40/1/0/0 100
            OTU2E0/1/0/5/1 NONE ODU2E0/1/0/0/5/1 OTU40/1/0/0 100
            OTU2E0/1/0/5/4 NONE ODU2E0/1/0/0/5/4 OTU40/1/0/0 100
            TenGigEctrlr0/1/0/4/1 ODU2E0/1/0/0/4/1 NONE OTU40/1/0/0 100
            TenGigEctrlr0/1/0/4/4 ODU2E0/1/0/0/4/4 NONE OTU40/1/0/0 100
            TenGigEctrlr0/1/0/5/2 ODU2E0/1/0/0/5/2 NONE OTU40/1/0/0 100
        "#]]
        .assert_eq(&rows(&shown));
    }

    #[test]
    fn the_qxp_sample_shows_one_row_on_its_coherent_dsp() {
        let chassis = "[slots.\"0/1\"]\npid = \"NCS1K4-QXP-L-K9\"\n";
        let shown = shown(
            chassis,
            include_str!("../../../tests/data/payloads/valid/v02-qxp-400ge-txp.xml"),
        );
        expect![[r#"
            <osa xmlns="http://cisco.com/ns/yang/Cisco-IOS-XR-osa-oper">
            <node-ids>
            <node-id>
            <node-name>0/1</node-name>
            <mxponder-slices>
            <mxponder-slice>
            <slice-id>0</slice-id>
            <client-rate>four-hundred-gig-e</client-rate>
            <trunk-rate>four-hundred-gig</trunk-rate>
            <status>slice-config-complete</status>
            <slice-id-xr>0</slice-id-xr>
            <lldp-drop-status>false</lldp-drop-status>
            <mac-snoop-status>false</mac-snoop-status>
            <client-port>
            <client-name>FourHundredGigECtrlr0/1/0/1</client-name>
            <mapper-name>-</mapper-name>
            <trunk-port>
            <trunk-name>CoherentDSP0/1/0/0</trunk-name>
            <percentage>100</percentage>
            </trunk-port>
            </client-port>
            </mxponder-slice>
            </mxponder-slices>
            </node-id>
            </node-ids>
            </osa>"#]]
        .assert_eq(&shown);
    }

    #[test]
    fn a_12t_client_is_mapped_into_the_odu4_that_encryption_is_configured_on() {
        let chassis = "[slots.\"0/1\"]\npid = \"NCS1K4-1.2T-L-K9\"\n";
        let configuration = include_str!("../../../tests/data/payloads/valid/v03-1.2t-two-slices-100ge.xml")
            .replace("<node-name>0/0<", "<node-name>0/1<");
        expect![[r#"
            HundredGigECtrlr0/1/0/2 ODU40/1/0/0/1  CoherentDSP0/1/0/0 100
            HundredGigECtrlr0/1/0/3 ODU40/1/0/0/2  CoherentDSP0/1/0/0 100
            HundredGigECtrlr0/1/0/4 ODU40/1/0/0/3  CoherentDSP0/1/0/0 100
            HundredGigECtrlr0/1/0/5 ODU40/1/0/0/4  CoherentDSP0/1/0/0 100
            HundredGigECtrlr0/1/0/6 ODU40/1/0/0/5  CoherentDSP0/1/0/0 100
            HundredGigECtrlr0/1/0/7 ODU40/1/0/0/6  CoherentDSP0/1/0/0 100
        "#]]
        .assert_eq(&rows(&shown(chassis, &configuration)));
    }

    #[test]
    fn a_whole_card_muxponder_shows_its_shared_client_on_both_trunks() {
        let configuration = include_str!("../../../tests/data/payloads/valid/v05-mxponder-whole-module.xml");
        let filter = r#"<osa xmlns="http://cisco.com/ns/yang/Cisco-IOS-XR-osa-oper"><node-ids><node-id>
            <node-name>0/3</node-name><mxponder><module-info><status/><trunk-rate/><client-port>
            <client-name>HundredGigECtrlr0/3/0/6</client-name></client-port></module-info></mxponder>
            </node-id></node-ids></osa>"#;
        let snapshots = still(&running("", configuration));
        expect![[r#"
            <osa xmlns="http://cisco.com/ns/yang/Cisco-IOS-XR-osa-oper">
            <node-ids>
            <node-id>
            <node-name>0/3</node-name>
            <mxponder>
            <module-info>
            <trunk-rate>four-fifty-gig</trunk-rate>
            <status>slice-config-complete</status>
            <client-port>
            <client-name>HundredGigECtrlr0/3/0/6</client-name>
            <mapper-name>ODU40/3/0/0/5</mapper-name>
            <trunk-port>
            <trunk-name>CoherentDSP0/3/0/0</trunk-name>
            <percentage>50</percentage>
            </trunk-port>
            <trunk-port>
            <trunk-name>CoherentDSP0/3/0/1</trunk-name>
            <percentage>50</percentage>
            </trunk-port>
            </client-port>
            </module-info>
            </mxponder>
            </node-id>
            </node-ids>
            </osa>"#]]
        .assert_eq(&answer(SlicesState { snapshots }, filter));
    }

    #[test]
    fn every_leaf_that_is_filled_is_announced() {
        let configuration = include_str!("../../../tests/data/payloads/valid/v05-mxponder-whole-module.xml");
        let snapshots = still(&running("", configuration));
        assert_eq!(unannounced(SlicesState { snapshots }), Vec::<String>::new());
    }
}
