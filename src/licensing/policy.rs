//! Where the chapter's counting rules can be read in more than one way: the readings, each a switch.

use std::collections::BTreeMap;

use crate::device::inventory::TrunkRate;

/// The adopted readings are the default; each switch names the alternatives.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Policy {
    /// Over what the four client ports free of charge are counted.
    pub free_clients_scope: FreeClientsScope,
    /// Which clients of a mixed scope are free first.
    pub free_clients_first: FreeClientsFirst,
    /// A trunk that is both long haul and subsea.
    pub trunk_overlap: TrunkOverlap,
    /// Over what client bandwidth of OTN-XP cards is rounded up.
    pub bandwidth_scope: BandwidthScope,
    /// How slices of a QXP card are charged.
    pub qxp: QxpCharge,
}

/// "For configurations greater than 4 x 100GE client ports …" – of what?
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum FreeClientsScope {
    /// Four on each line card; the only scope that gives all of the chapter's samples with cards alone.
    #[default]
    LineCard,
    /// Four on each slice.
    Slice,
    /// Four on the chassis.
    Chassis,
}

/// Who gets the free ports when a scope holds encrypted and plain clients.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum FreeClientsFirst {
    /// Plain clients before encrypted ones.
    #[default]
    Plain,
    /// By location, slice and port.
    SliceOrder,
}

/// A trunk at 3 bits per symbol with a subsea setting fulfils both trunk rules.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum TrunkOverlap {
    /// It takes both licences: the rules are written independently.
    #[default]
    Both,
    /// It takes the subsea licence alone.
    SubseaAlone,
}

/// Over what "1 to 10 client ports" runs.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum BandwidthScope {
    /// A line card: the rule speaks of 11 to 20 ports, and a 100G slice holds ten.
    #[default]
    LineCard,
    /// Each slice on its own.
    Slice,
    /// The chassis.
    Chassis,
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
