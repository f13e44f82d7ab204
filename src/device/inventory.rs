//! What is fitted where, as plain data: slots, line cards, their product identifiers, rates and client types.

use std::fmt;
use std::str::FromStr;

/// A slot of the chassis, written `rack/slot` (`0/1`), as IOS XR names a line card's node.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct SlotLocation {
    /// Rack number; 0 on a single chassis.
    pub rack: u8,
    /// Slot number; 0 to 3 on an NCS 1004.
    pub slot: u8,
}

/// A text that does not name what it should: carries the text and the rule.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{text:?} is not {rule}")]
pub struct NameError {
    /// What was given.
    pub text: String,
    /// What would have been right.
    pub rule: &'static str,
}

impl fmt::Display for SlotLocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.rack, self.slot)
    }
}

impl FromStr for SlotLocation {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let wrong = || NameError {
            text: text.to_owned(),
            rule: "a location of the form rack/slot, such as 0/1",
        };
        let (rack, slot) = text.split_once('/').ok_or_else(wrong)?;
        Ok(SlotLocation {
            rack: rack.parse().map_err(|_| wrong())?,
            slot: slot.parse().map_err(|_| wrong())?,
        })
    }
}

/// What a line card can do, told by its product identifier (chapter, "Smart Licensing in Cisco NCS 1004").
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum LineCardModel {
    /// 1.2T card sold with its features: `NCS1K4-1.2T-K9`, never licensed.
    Muxponder12T,
    /// 1.2T card licensed a port: `NCS1K4-1.2T-L-K9`.
    Muxponder12TLicensed,
    /// OTN-XP card licensed by client bandwidth: `NCS1K4-OTN-XPL`.
    OtnXpLicensed,
    /// QXP card licensed by trunk slice: `NCS1K4-QXP-L-K9`.
    QxpLicensed,
    /// QXP card sold with its features: `NCS1K4-QXP-K9`, never licensed.
    Qxp,
}

impl LineCardModel {
    /// Every model that Ponder knows.
    pub const ALL: [LineCardModel; 5] = [
        LineCardModel::Muxponder12T,
        LineCardModel::Muxponder12TLicensed,
        LineCardModel::OtnXpLicensed,
        LineCardModel::QxpLicensed,
        LineCardModel::Qxp,
    ];

    /// The product identifier printed on the card.
    pub fn pid(self) -> &'static str {
        match self {
            LineCardModel::Muxponder12T => "NCS1K4-1.2T-K9",
            LineCardModel::Muxponder12TLicensed => "NCS1K4-1.2T-L-K9",
            LineCardModel::OtnXpLicensed => "NCS1K4-OTN-XPL",
            LineCardModel::QxpLicensed => "NCS1K4-QXP-L-K9",
            LineCardModel::Qxp => "NCS1K4-QXP-K9",
        }
    }

    /// The model with this product identifier; `None` for a card that Ponder does not know.
    pub fn from_pid(pid: &str) -> Option<LineCardModel> {
        LineCardModel::ALL.into_iter().find(|model| model.pid() == pid)
    }
}

/// The rate of a trunk in steps of 50 Gbit/s, as `Trunk-data-rate` of `Cisco-IOS-XR-osa-cfg` counts them.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct TrunkRate(u8);

impl TrunkRate {
    /// From the rate in Gbit/s; a multiple of 50 from 50 to 600.
    pub fn from_gbps(gbps: u32) -> Option<TrunkRate> {
        (gbps.is_multiple_of(50) && (50..=600).contains(&gbps)).then_some(TrunkRate((gbps / 50) as u8))
    }

    /// The rate in Gbit/s.
    pub fn gbps(self) -> u32 {
        u32::from(self.0) * 50
    }

    /// The name in the native model, `hundred-gig`.
    pub fn yang_name(self) -> &'static str {
        match self.0 {
            1 => "fifty-gig",
            2 => "hundred-gig",
            3 => "one-hundred-fifty-gig",
            4 => "two-hundred-gig",
            5 => "two-hundred-fifty-gig",
            6 => "three-hundred-gig",
            7 => "three-hundred-fifty-gig",
            8 => "four-hundred-gig",
            9 => "four-hundred-fifty-gig",
            10 => "five-hundred-gig",
            11 => "five-hundred-fifty-gig",
            _ => "six-hundred-gig",
        }
    }

    /// The rate with this name in the native model.
    pub fn from_yang_name(name: &str) -> Option<TrunkRate> {
        (1..=12).map(TrunkRate).find(|rate| rate.yang_name() == name)
    }
}

/// What a client port carries, as `Client-data-rate` of `Cisco-IOS-XR-osa-cfg` names it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum ClientType {
    /// 10 Gigabit Ethernet.
    TenGigE,
    /// 100 Gigabit Ethernet.
    HundredGigE,
    /// OTU4, 112 Gbit/s.
    Otu4,
    /// OTU2, 10.7 Gbit/s.
    Otu2,
    /// OTU2e, 11.1 Gbit/s.
    Otu2e,
    /// OTU3, 43 Gbit/s.
    Otu3,
    /// 40 Gigabit Ethernet.
    FortyGigE,
    /// 400 Gigabit Ethernet.
    FourHundredGigE,
    /// Fibre Channel 16G.
    Fc16,
    /// Fibre Channel 32G.
    Fc32,
}

impl ClientType {
    /// Every client type.
    pub const ALL: [ClientType; 10] = [
        ClientType::TenGigE,
        ClientType::HundredGigE,
        ClientType::Otu4,
        ClientType::Otu2,
        ClientType::Otu2e,
        ClientType::Otu3,
        ClientType::FortyGigE,
        ClientType::FourHundredGigE,
        ClientType::Fc16,
        ClientType::Fc32,
    ];

    /// The start of a client controller's name: `HundredGigECtrlr` of `HundredGigECtrlr0/1/0/2`.
    pub fn controller(self) -> &'static str {
        match self {
            // Spelled as the show command of the chapter prints it.
            ClientType::TenGigE => "TenGigEctrlr",
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

    /// The name in the native model, `hundred-gig-e`.
    pub fn yang_name(self) -> &'static str {
        match self {
            ClientType::TenGigE => "ten-gig-e",
            ClientType::HundredGigE => "hundred-gig-e",
            ClientType::Otu4 => "otu4",
            ClientType::Otu2 => "otu2",
            ClientType::Otu2e => "otu2e",
            ClientType::Otu3 => "otu3",
            ClientType::FortyGigE => "forty-gig-e",
            ClientType::FourHundredGigE => "four-hundred-gig-e",
            ClientType::Fc16 => "fc16",
            ClientType::Fc32 => "fc32",
        }
    }

    /// The client type with this name in the native model.
    pub fn from_yang_name(name: &str) -> Option<ClientType> {
        ClientType::ALL
            .into_iter()
            .find(|client| client.yang_name() == name)
    }
}
