//! What the counting rules look at: the fitted cards with their slices, clients and trunks, as plain data.

use std::collections::BTreeSet;

use crate::device::inventory::{ClientType, SlotLocation, TrunkRate};
use crate::device::optics::{BitsPerSymbol, SubseaSetting};

/// Everything that consumption depends on; made from the desired state and the hardware's snapshot.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Facts {
    /// The cards that are fitted, by location; an absent card has no entry.
    pub line_cards: Vec<LineCardFacts>,
}

/// One fitted card.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LineCardFacts {
    /// Where it is.
    pub location: SlotLocation,
    /// Its product identifier, known to Ponder or not.
    pub pid: String,
    /// Up and running; a card that is not counts nothing (L-123), unless readings Q5 and Q6 are turned.
    pub up: bool,
    /// Slices (or the whole-card muxponder) that are configured; of a card that is down, as it would carry them.
    pub slices: Vec<SliceFacts>,
    /// Trunk ports that have optics.
    pub trunks: Vec<TrunkFacts>,
}

/// One mxponder slice, or the whole-card muxponder.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SliceFacts {
    /// Slice number; `None` for the whole-card muxponder.
    pub slice_id: Option<u32>,
    /// Trunk rate, when it is known.
    pub trunk_rate: Option<TrunkRate>,
    /// The hardware carries it; a slice in provisioning or failed counts nothing (Q6, Q25).
    pub provisioned: bool,
    /// Its client ports (a 10G-class lane is a client of its own).
    pub clients: Vec<ClientFacts>,
}

/// One client port or lane.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ClientFacts {
    /// Port number on the card.
    pub port: u32,
    /// Lane for 10G-class clients.
    pub lane: Option<u32>,
    /// What it carries.
    pub client_type: ClientType,
    /// Its ODU4 controller has an OTNsec policy (L-121).
    pub encrypted: bool,
}

/// One trunk port.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TrunkFacts {
    /// Port number on the card.
    pub port: u32,
    /// As the optics report it; `None` when they report none.
    pub bits_per_symbol: Option<BitsPerSymbol>,
    /// Lower limit of the dispersion search, ps/nm, as the optics report it.
    pub cd_min_ps_nm: i32,
    /// Upper limit of the dispersion search, ps/nm, as the optics report it.
    pub cd_max_ps_nm: i32,
    /// Which of the ten subsea settings stand in the running configuration.
    pub subsea_settings: BTreeSet<SubseaSetting>,
    /// Those of them that state the value that holds without them (Q21).
    pub stated_defaults: BTreeSet<SubseaSetting>,
    /// The controller is shut down (L-123, Q7).
    pub shut_down: bool,
}
