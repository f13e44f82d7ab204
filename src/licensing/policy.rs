//! Where the chapter's counting rules can be read in more than one way: the readings, each a switch.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::device::inventory::TrunkRate;

/// The adopted readings are the default; each switch names the alternatives. In settings they are written in the words
/// of their variants, `line-card`.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Policy {
    /// Over what the four client ports free of charge are counted (Q1).
    pub free_clients_scope: FreeClientsScope,
    /// What a scope with more than four clients takes (Q1).
    pub free_clients_rule: FreeClientsRule,
    /// Which clients of a mixed scope are free first (Q1b).
    pub free_clients_first: FreeClientsFirst,
    /// Which clients of a 1.2T card take a licence (Q22).
    pub client_port_types: ClientPortTypes,
    /// A trunk that is both long haul and subsea (Q2).
    pub trunk_overlap: TrunkOverlap,
    /// A trunk at exactly 4 bits per symbol (Q3).
    pub four_bits_per_symbol: FourBits,
    /// Subsea settings of a card that is down (Q5).
    pub subsea_settings_of_down_card: OfDownCard,
    /// Slices of a card that is down (Q6).
    pub slices_of_down_card: OfDownCard,
    /// Subsea on a trunk that is shut down (Q7).
    pub shut_down_subsea: ShutDownSubsea,
    /// A subsea setting that states the default (Q21).
    pub stated_defaults: StatedDefaults,
    /// Over what client bandwidth of OTN-XP cards is rounded up (Q8).
    pub bandwidth_scope: BandwidthScope,
    /// OTN-XP clients for which the chapter has no rule (Q24).
    pub unruled_client_types: UnruledClientTypes,
    /// How slices of a QXP card are charged (Q10).
    pub qxp: QxpCharge,
}

/// "For configurations greater than 4 x 100GE client ports …" – of what?
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FreeClientsScope {
    /// Four on each line card; the only scope that gives all of the chapter's samples with cards alone.
    #[default]
    LineCard,
    /// Four on each slice.
    Slice,
    /// Four on the chassis.
    Chassis,
}

/// "… the license count is incremented by one for every 100GE client port configured" – every one beyond the four, or
/// every one?
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FreeClientsRule {
    /// The first four stay free.
    #[default]
    BeyondFour,
    /// More than four take a licence each, the first four too.
    AllOnceMore,
}

/// Who gets the free ports when a scope holds encrypted and plain clients.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FreeClientsFirst {
    /// Plain clients before encrypted ones.
    #[default]
    Plain,
    /// By location, slice and port.
    SliceOrder,
}

/// The rule speaks of 100GE client ports, the licence of QSFP28 clients; a 1.2T card also carries OTU4.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ClientPortTypes {
    /// A QSFP28 client is one 100G port, whatever it carries.
    #[default]
    Every,
    /// 100GE alone.
    HundredGigE,
}

/// A trunk at 3 bits per symbol with a subsea setting fulfils both trunk rules.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TrunkOverlap {
    /// It takes both licences: the rules are written independently.
    #[default]
    Both,
    /// It takes the subsea licence alone.
    SubseaAlone,
}

/// The criterion says 2 to 4 with both ends, the release notes say QPSK and 8QAM, which end below 4.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FourBits {
    /// 4 bits per symbol are long haul.
    #[default]
    LongHaul,
    /// They are not.
    Free,
}

/// Whether a card must be up for what is configured on it to count.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OfDownCard {
    /// It must: what is down consumes nothing.
    #[default]
    Free,
    /// It need not: the configuration counts.
    Counted,
}

/// Long haul counts on a trunk that is shut down; whether subsea does is not said.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ShutDownSubsea {
    /// It does.
    #[default]
    Counted,
    /// It does not.
    Free,
}

/// "Appear in the running configuration": also with the value that holds without it?
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StatedDefaults {
    /// What stands there counts.
    #[default]
    Counted,
    /// What changes nothing does not.
    Free,
}

/// Over what "1 to 10 client ports" runs.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BandwidthScope {
    /// A line card: the rule speaks of 11 to 20 ports, and a 100G slice holds ten.
    #[default]
    LineCard,
    /// Each slice on its own.
    Slice,
    /// The chassis.
    Chassis,
}

/// The chapter names 10GE, OTU2, OTU2E and 100G classes; the card also carries FC16, FC32, 40GE and OTU3.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum UnruledClientTypes {
    /// They count by their bandwidth.
    #[default]
    ByBandwidth,
    /// They are free of charge.
    Free,
}

/// "The number of trunk slices provisioned", beside a sample that shows 2 for what looks like one 400G slice.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum QxpCharge {
    /// By the trunk rate of each slice; a rate that the table does not name takes one licence for every started 200G.
    ByTrunkRate(BTreeMap<TrunkRate, u32>),
    /// One a slice.
    OnePerSlice,
}

impl Default for QxpCharge {
    fn default() -> Self {
        QxpCharge::ByTrunkRate(BTreeMap::new())
    }
}
