//! What is counted and by which rule: one thing that was looked at, what it takes, and where the rule stands.

use std::fmt;

use crate::device::inventory::{ClientType, SlotLocation, TrunkRate};
use crate::device::optics::{BitsPerSymbol, DEFAULT_CD_MAX_PS_NM, DEFAULT_CD_MIN_PS_NM, SubseaSetting};
use crate::licensing::policy::FreeClientsScope;

/// One thing that was looked at.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Contribution {
    /// What is counted.
    pub item: Item,
    /// Licences that it takes; zero shows that it was looked at and is free of charge.
    pub amount: u32,
    /// Why that many.
    pub rule: Rule,
}

/// What is counted; prints as an operator would name it, and no two items of an entitlement print alike.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Item {
    /// A client port.
    Client(SlotLocation, ClientType, u32, Option<u32>),
    /// A trunk port as a whole.
    Trunk(SlotLocation, u32),
    /// A setting of a trunk port.
    Setting(SlotLocation, u32, SubseaSetting),
    /// What the optics of a trunk port report, in the words of the optics command.
    Reported(SlotLocation, u32, &'static str),
    /// A slice; `None` is the whole-card muxponder.
    Slice(SlotLocation, Option<u32>),
    /// A line card.
    LineCard(SlotLocation),
    /// All cards of the chassis together.
    Chassis,
}

impl Item {
    /// The card that it is on; none for the chassis.
    pub fn location(&self) -> Option<SlotLocation> {
        match self {
            Item::Client(location, ..)
            | Item::Trunk(location, _)
            | Item::Setting(location, ..)
            | Item::Reported(location, ..)
            | Item::Slice(location, _)
            | Item::LineCard(location) => Some(*location),
            Item::Chassis => None,
        }
    }

    /// The trunk port that it is or belongs to.
    pub fn trunk_port(&self) -> Option<(SlotLocation, u32)> {
        match self {
            Item::Trunk(location, port)
            | Item::Setting(location, port, _)
            | Item::Reported(location, port, _) => Some((*location, *port)),
            Item::Client(..) | Item::Slice(..) | Item::LineCard(_) | Item::Chassis => None,
        }
    }

    /// The port, slice or card alone, without what is set or reported there.
    pub fn subject(&self) -> Item {
        match *self {
            Item::Setting(location, port, _) | Item::Reported(location, port, _) => {
                Item::Trunk(location, port)
            }
            other => other,
        }
    }
}

impl fmt::Display for Item {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Item::Client(location, client_type, port, lane) => {
                write!(f, "{}{location}/0/{port}", client_type.controller())?;
                lane.map_or(Ok(()), |lane| write!(f, "/{lane}"))
            }
            Item::Trunk(location, port) => write!(f, "Optics{location}/0/{port}"),
            Item::Setting(location, port, setting) => {
                write!(
                    f,
                    "Optics{location}/0/{port} {}",
                    setting.yang_path().replace('/', " ")
                )
            }
            Item::Reported(location, port, figure) => write!(f, "Optics{location}/0/{port} {figure}"),
            Item::Slice(location, Some(slice_id)) => write!(f, "{location} mxponder-slice {slice_id}"),
            Item::Slice(location, None) => write!(f, "{location} mxponder"),
            Item::LineCard(location) => write!(f, "{location}"),
            Item::Chassis => f.write_str("chassis"),
        }
    }
}

/// Why an item takes what it takes; prints as one short sentence.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Rule {
    /// A client port beyond the free ones.
    ClientPort,
    /// One of the free ones.
    FreeClientPort(FreeClientsScope),
    /// One of more than four, none of them free.
    EveryClientPort,
    /// A client that is no 100GE port, where those alone count.
    OtherClientType,
    /// Bits per symbol within the long haul range.
    LongHaulRange(BitsPerSymbol),
    /// 4 bits per symbol, where they are no long haul.
    FourBitsFree,
    /// A subsea setting in running.
    SubseaSetting,
    /// A subsea setting with its default value, where that is free of charge.
    StatedDefault,
    /// Subsea on a trunk that is shut down, where that is free of charge.
    ShutDown,
    /// Bits per symbol within the subsea range.
    SubseaRange(BitsPerSymbol),
    /// Dispersion search lower than the limit.
    CdMin(i32),
    /// Dispersion search higher than the limit.
    CdMax(i32),
    /// A further reason on a trunk port that is counted already.
    AlreadyCounted,
    /// Long haul on a trunk that takes a subsea licence.
    CoveredBySubsea,
    /// Client bandwidth, in units of 10G.
    Bandwidth(u32),
    /// A QXP slice by its trunk rate.
    TrunkSlice(Option<TrunkRate>),
    /// A QXP slice, one each.
    OneTrunkSlice,
}

impl Rule {
    /// Where it stands in the chapter, and the readings that it rests on.
    pub fn source(&self) -> Source {
        let (section, readings): (Section, &'static [&'static str]) = match self {
            Rule::ClientPort | Rule::EveryClientPort | Rule::FreeClientPort(_) => {
                (Section::Entitlements, &["Q1", "Q1b", "Q22"])
            }
            Rule::OtherClientType => (Section::Entitlements, &["Q22"]),
            Rule::LongHaulRange(_) => (Section::LongHaul, &["Q23"]),
            Rule::FourBitsFree => (Section::LongHaul, &["Q3"]),
            Rule::CoveredBySubsea => (Section::LongHaul, &["Q2"]),
            Rule::SubseaSetting | Rule::AlreadyCounted => (Section::Subsea, &[]),
            Rule::StatedDefault => (Section::Subsea, &["Q21"]),
            Rule::ShutDown => (Section::Subsea, &["Q7"]),
            Rule::SubseaRange(_) => (Section::Subsea, &["Q4", "Q23"]),
            Rule::CdMin(_) | Rule::CdMax(_) => (Section::Subsea, &["Q20"]),
            Rule::Bandwidth(_) => (Section::OtnXp, &["Q8", "Q9"]),
            Rule::TrunkSlice(_) | Rule::OneTrunkSlice => (Section::Qxp, &["Q10"]),
        };
        Source { section, readings }
    }
}

/// Where a rule stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Source {
    /// The section of the chapter.
    pub section: Section,
    /// The readings of the chapter that decide beside its words, `Q1b`, as `docs/licensing.md` lists them.
    pub readings: &'static [&'static str],
}

/// The sections of the licensing chapter with rules about counting; prints as its title.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Section {
    /// Which cards are licensed.
    Cards,
    /// The entitlements, and the rule for client ports.
    Entitlements,
    /// When a trunk is subsea.
    Subsea,
    /// When a trunk is long haul.
    LongHaul,
    /// Client bandwidth.
    OtnXp,
    /// Trunk slices.
    Qxp,
}

impl fmt::Display for Section {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Section::Cards => "Smart Licensing in Cisco NCS 1004",
            Section::Entitlements => "Software entitlements of Cisco NCS 1004",
            Section::Subsea => "Criteria for license consumption of subsea networks",
            Section::LongHaul => "Criteria for license consumption of long-haul networks",
            Section::OtnXp => "License usage count for Cisco NCS 1004 OTN-XP line card",
            Section::Qxp => "Smart license model for QXP line card",
        })
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Rule::ClientPort => write!(f, "one for each client port beyond the first {FREE_CLIENTS}"),
            Rule::FreeClientPort(scope) => {
                let scope = match scope {
                    FreeClientsScope::LineCard => "line card",
                    FreeClientsScope::Slice => "slice",
                    FreeClientsScope::Chassis => "chassis",
                };
                write!(
                    f,
                    "the first {FREE_CLIENTS} client ports of a {scope} are free of charge"
                )
            }
            Rule::EveryClientPort => write!(f, "one for each of more than {FREE_CLIENTS} client ports"),
            Rule::OtherClientType => f.write_str("100GE client ports alone are counted"),
            Rule::LongHaulRange(bits) => write!(f, "{bits} bits per symbol is within 2 to 4"),
            Rule::FourBitsFree => f.write_str("4 bits per symbol are counted as no long haul"),
            Rule::SubseaSetting => f.write_str("a subsea setting stands in the running configuration"),
            Rule::StatedDefault => f.write_str("a setting that states its default is free of charge"),
            Rule::ShutDown => f.write_str("the trunk port is shut down"),
            Rule::SubseaRange(bits) => write!(f, "{bits} bits per symbol is at least 1 and below 2"),
            Rule::CdMin(limit) => write!(f, "{limit} ps/nm is below {DEFAULT_CD_MIN_PS_NM}"),
            Rule::CdMax(limit) => write!(f, "{limit} ps/nm is above {DEFAULT_CD_MAX_PS_NM}"),
            Rule::AlreadyCounted => f.write_str("the trunk port is counted once, whatever it has more"),
            Rule::CoveredBySubsea => f.write_str("the subsea licence of the trunk port covers long haul"),
            Rule::Bandwidth(tens) => {
                write!(f, "one for every started 100G of {}G client bandwidth", tens * 10)
            }
            Rule::TrunkSlice(Some(rate)) => write!(f, "a provisioned {}G trunk slice", rate.gbps()),
            Rule::TrunkSlice(None) | Rule::OneTrunkSlice => {
                f.write_str("one for each provisioned trunk slice")
            }
        }
    }
}

/// Client ports free of charge on a 1.2T card.
pub(in crate::licensing) const FREE_CLIENTS: usize = 4;

/// A client type as the commands of the chapter spell it.
pub(in crate::licensing) fn client_type_name(client_type: ClientType) -> &'static str {
    match client_type {
        ClientType::TenGigE => "10GE",
        ClientType::HundredGigE => "100GE",
        ClientType::Otu4 => "OTU4",
        ClientType::Otu2 => "OTU2",
        ClientType::Otu2e => "OTU2E",
        ClientType::Otu3 => "OTU3",
        ClientType::FortyGigE => "40GE",
        ClientType::FourHundredGigE => "400GE",
        ClientType::Fc16 => "FC16",
        ClientType::Fc32 => "FC32",
    }
}
