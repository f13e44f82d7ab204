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
            self.port_name(controller(client.client_type), client.port),
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
    rows.sort_by_key(|client| (controller(client.client_type), client.port));
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

/// The controller of a client port.
fn controller(client: ClientType) -> &'static str {
    match client {
        ClientType::TenGigE => "TenGigECtrlr",
        ClientType::HundredGigE => "HundredGigECtrlr",
        ClientType::Otu4 => "OTU4",
        ClientType::Otu2 => "OTU2",
        ClientType::Otu2e => "OTU2E",
        ClientType::Otu3 => "OTU3",
        ClientType::FortyGigE => "FortyGigECtrlr",
        ClientType::FourHundredGigE => "FourHundredGigECtrlr",
        ClientType::Fc16 => "SixteenGigFibreChanCtrlr",
        ClientType::Fc32 => "ThirtyTwoGigFibreChanCtrlr",
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
