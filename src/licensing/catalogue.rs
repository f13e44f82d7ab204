//! The entitlements that an NCS 1004 can ask for, as data: tags, names and descriptions as its licence commands show them.

use serde::{Deserialize, Serialize};

/// An entitlement, in the order of the chapter's tables. Written down as its short tag.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(into = "&'static str", try_from = "String")]
pub enum Entitlement {
    /// One QSFP28 client port of a 1.2T card.
    Client100G,
    /// The same with encryption.
    Client100GEncrypted,
    /// 100 Gbit/s of client bandwidth of an OTN-XP card.
    ClientBandwidth100G,
    /// A trunk port of a 1.2T card at 2 to 4 bits per symbol.
    LongHaul,
    /// A trunk port of a 1.2T card with a subsea setting, fewer bits per symbol or a wide dispersion search.
    Subsea,
    /// Trunk capacity of a QXP card.
    QxpTrunk,
}

/// What is known about an entitlement. The product spells some of them differently from place to place, so each
/// place has a field of its own.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CatalogueEntry {
    /// Which one.
    pub entitlement: Entitlement,
    /// Short tag: `S-NCS1K4-LIC-100G=`.
    pub short_tag: &'static str,
    /// Feature text of the chapter's Table 1; the QXP trunk is absent from it.
    pub feature: Option<&'static str>,
    /// Licence name as the licence commands print it.
    pub name: &'static str,
    /// Description as the licence commands print it.
    pub description: &'static str,
    /// Full entitlement tag, `regid.YYYY-MM.com.cisco.SHORT,VERSION_UUID`. The chapter gives the first two;
    /// the UUIDs of the others are Ponder's own.
    pub tag: &'static str,
}

impl CatalogueEntry {
    /// The version inside the full tag, between the comma and the underscore: `1.0`.
    pub fn version(&self) -> &'static str {
        let after_comma = self.tag.rsplit_once(',').map_or("", |(_, rest)| rest);
        after_comma.split_once('_').map_or("", |(version, _)| version)
    }
}

/// Every entitlement, in the order of [`Entitlement::ALL`].
static CATALOGUE: [CatalogueEntry; 6] = [
    CatalogueEntry {
        entitlement: Entitlement::Client100G,
        short_tag: "S-NCS1K4-LIC-100G=",
        feature: Some("NCS1K4 Smart License-one QSFP28 client"),
        name: "NCS1K4 smart license - one QSFP28 client",
        description: "NCS1K4 smart license - one QSFP28 client",
        tag: "regid.2018-05.com.cisco.S-NCS1K4-LIC-100G=,1.0_03df009f-5ac5-48da-af50-4279ddea5e24",
    },
    CatalogueEntry {
        entitlement: Entitlement::Client100GEncrypted,
        short_tag: "S-NCS1K4-LIC-100X=",
        feature: Some("NCS1K4 Smart License - one QSFP28 client with encryption"),
        name: "NCS1K4 smart license - one QSFP28 client with encryption",
        description: "NCS1K4 smart license - one QSFP28 client with encryption",
        tag: "regid.2018-05.com.cisco.S-NCS1K4-LIC-100X=,1.0_3938b0c5-f635-4426-9f0f-936d930cea9e",
    },
    CatalogueEntry {
        entitlement: Entitlement::ClientBandwidth100G,
        short_tag: "S-NCS1K4-100G-CL=",
        feature: Some("NCS1K4 Smart License - 100Gbps of client bandwidth"),
        name: "NCS 1K4 smart License - 100Gbps of client bandwidth",
        description: "100G Client bandwidth - Smart License",
        tag: "regid.2019-06.com.cisco.S-NCS1K4-100G-CL=,1.0_4b4a5b13-b2b2-40c8-9e4f-a683d75e4d05",
    },
    CatalogueEntry {
        entitlement: Entitlement::LongHaul,
        short_tag: "S_NCS1K4_LONGHAUL",
        feature: Some("NCS1K4 Smart License - Long Haul"),
        name: "NCS1K4 - Long Haul - 1.2T Line Card",
        description: "NCS1K4 - Long Haul - 1.2T Line Card",
        tag: "regid.2020-11.com.cisco.S_NCS1K4_LONGHAUL,1.0_5355f7c3-9dcf-4980-a105-623f36bbc0a8",
    },
    CatalogueEntry {
        entitlement: Entitlement::Subsea,
        short_tag: "S_NCS1K4_SUBSEA",
        feature: Some("NCS1K4 Smart License - Subsea"),
        name: "NCS1K4 - Subsea - 1.2T Line Card",
        description: "NCS1K4 - Subsea - 1.2T Line Card",
        tag: "regid.2020-11.com.cisco.S_NCS1K4_SUBSEA,1.0_e289135b-24a6-47ed-9fe0-7a83fc476512",
    },
    CatalogueEntry {
        entitlement: Entitlement::QxpTrunk,
        short_tag: "S_N1K4_LIC_TRK",
        feature: None,
        name: "NCS1K4 - QDD TXP Trunk",
        description: "NCS1K4 - QDD TXP Trunk",
        tag: "regid.2021-07.com.cisco.S_N1K4_LIC_TRK,1.0_5b771338-bc4b-4cad-a2fc-ef40497b0bde",
    },
];

impl Entitlement {
    /// All of them, in the order of the chapter's tables.
    pub const ALL: [Entitlement; 6] = [
        Entitlement::Client100G,
        Entitlement::Client100GEncrypted,
        Entitlement::ClientBandwidth100G,
        Entitlement::LongHaul,
        Entitlement::Subsea,
        Entitlement::QxpTrunk,
    ];

    /// Tags, names and descriptions.
    pub fn entry(self) -> &'static CatalogueEntry {
        let [client, encrypted, bandwidth, long_haul, subsea, trunk] = &CATALOGUE;
        match self {
            Entitlement::Client100G => client,
            Entitlement::Client100GEncrypted => encrypted,
            Entitlement::ClientBandwidth100G => bandwidth,
            Entitlement::LongHaul => long_haul,
            Entitlement::Subsea => subsea,
            Entitlement::QxpTrunk => trunk,
        }
    }

    /// The short tag, by which configuration, messages and pools name it.
    pub fn short_tag(self) -> &'static str {
        self.entry().short_tag
    }

    /// The entitlement with this short tag; `None` for a tag that Ponder does not know.
    pub fn from_short_tag(short_tag: &str) -> Option<Entitlement> {
        Entitlement::ALL
            .into_iter()
            .find(|entitlement| entitlement.short_tag() == short_tag)
    }
}

impl From<Entitlement> for &'static str {
    fn from(entitlement: Entitlement) -> &'static str {
        entitlement.short_tag()
    }
}

impl TryFrom<String> for Entitlement {
    type Error = String;

    fn try_from(short_tag: String) -> Result<Entitlement, String> {
        Entitlement::from_short_tag(&short_tag)
            .ok_or_else(|| format!("{short_tag:?} is no known entitlement"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_entitlement_is_found_by_its_short_tag() {
        for entitlement in Entitlement::ALL {
            assert_eq!(entitlement.entry().entitlement, entitlement);
            assert_eq!(
                Entitlement::from_short_tag(entitlement.short_tag()),
                Some(entitlement)
            );
        }
        assert_eq!(Entitlement::from_short_tag("S-NCS1K4-LIC-100G"), None);
    }

    #[test]
    fn full_tags_follow_the_grammar_and_carry_a_uuid_of_their_own() {
        let mut seen = std::collections::BTreeSet::new();
        for entry in &CATALOGUE {
            let (left, uuid) = entry.tag.rsplit_once('_').unwrap();
            assert!(uuid::Uuid::parse_str(uuid).is_ok(), "{}", entry.tag);
            assert!(seen.insert(uuid), "{} is used twice", uuid);
            assert!(left.starts_with("regid.20"), "{}", entry.tag);
            assert!(
                left.ends_with(&format!(".com.cisco.{},1.0", entry.short_tag)),
                "{}",
                entry.tag
            );
            assert_eq!(entry.version(), "1.0");
        }
    }
}
