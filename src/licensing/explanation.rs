//! Why each licence is counted, and why what could count does not: one line for everything that was looked at.

use std::collections::BTreeMap;

use crate::device::inventory::{LineCardModel, SlotLocation};
use crate::device::optics::{DEFAULT_CD_MAX_PS_NM, DEFAULT_CD_MIN_PS_NM};
use crate::licensing::catalogue::Entitlement;
use crate::licensing::consumption::{Use, looked_at, tens_of_gbps};
use crate::licensing::contribution::{Contribution, Item, Rule, Section, Source, client_type_name};
use crate::licensing::facts::{Facts, LineCardFacts, SliceFacts, TrunkFacts};
use crate::licensing::policy::{OfDownCard, Policy};

/// Everything that was looked at, in the order of the catalogue and of the slots.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Explanation {
    /// The entitlements for which something was looked at.
    pub entitlements: Vec<Explained>,
    /// Cards that take no licence as a whole.
    pub unlicensed_cards: Vec<UnlicensedCard>,
}

/// One entitlement.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Explained {
    /// Which one.
    pub entitlement: Entitlement,
    /// By location, slice and port; what takes licences or would have, then what is free of charge.
    pub lines: Vec<Line>,
}

impl Explained {
    /// Licences in use by these lines.
    pub fn count(&self) -> u32 {
        self.lines.iter().map(|line| line.amount).sum()
    }
}

/// One thing that was looked at.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Line {
    /// On which card; none for the chassis.
    pub location: Option<SlotLocation>,
    /// What was looked at, as an operator names it; no two lines of an entitlement have the same.
    pub item: String,
    /// The port, slice or card alone.
    pub subject: String,
    /// What is set or reported there and decides; none where its being there decides.
    pub setting: Option<String>,
    /// Licences that it takes.
    pub amount: u32,
    /// Why that many, in one sentence.
    pub rule: String,
    /// Where that rule stands.
    pub source: Source,
}

/// A card without licences.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct UnlicensedCard {
    /// Where it is.
    pub location: SlotLocation,
    /// What it says it is; none in an empty slot.
    pub pid: Option<String>,
    /// Why it takes no licence, in one sentence.
    pub rule: String,
    /// Where that rule stands.
    pub source: Source,
}

impl Explanation {
    /// Licences of one entitlement in use.
    pub fn count(&self, entitlement: Entitlement) -> u32 {
        let found = self
            .entitlements
            .iter()
            .find(|one| one.entitlement == entitlement);
        found.map_or(0, Explained::count)
    }

    /// The same for one entitlement alone. Cards without licences have none to be named for.
    pub fn of_entitlement(mut self, entitlement: Entitlement) -> Explanation {
        self.entitlements.retain(|one| one.entitlement == entitlement);
        self.unlicensed_cards.clear();
        self
    }

    /// The same for one location alone: what it takes. The chassis as a whole is at no location.
    pub fn at(mut self, location: SlotLocation) -> Explanation {
        for one in &mut self.entitlements {
            one.lines.retain(|line| line.location == Some(location));
        }
        self.entitlements.retain(|one| !one.lines.is_empty());
        self.unlicensed_cards.retain(|card| card.location == location);
        self
    }
}

/// An empty slot: what is configured for it is kept and counts nothing (reading Q27).
pub fn empty_slot(location: SlotLocation) -> UnlicensedCard {
    UnlicensedCard {
        location,
        pid: None,
        rule: "no card is fitted; what is configured for one is kept and takes no licence".to_owned(),
        source: Source {
            section: Section::Cards,
            readings: &["Q27"],
        },
    }
}

/// Explains the consumption of these facts: the amounts of an entitlement add up to its count.
pub fn explanation(facts: &Facts, policy: &Policy) -> Explanation {
    let mut cards: Vec<&LineCardFacts> = facts.line_cards.iter().collect();
    cards.sort_by_key(|card| card.location);
    let counted = looked_at(facts, policy);
    let mut unlicensed_cards = Vec::new();
    let mut entitlements: Vec<Explained> = Entitlement::ALL
        .into_iter()
        .map(|entitlement| {
            let contributions = counted.get(&entitlement).map(|entry| &entry.contributions);
            let lines = contributions
                .into_iter()
                .flatten()
                .map(|one| line(entitlement, one))
                .collect();
            Explained { entitlement, lines }
        })
        .collect();
    for card in cards {
        let taken = entitlements
            .iter()
            .flat_map(|one| &one.lines)
            .any(|line| line.location == Some(card.location));
        match refusal_of_whole(card, taken) {
            Some(unlicensed) => unlicensed_cards.push(unlicensed),
            None => uncounted(card, policy, &counted, &mut entitlements),
        }
    }
    entitlements.retain(|one| !one.lines.is_empty());
    Explanation {
        entitlements,
        unlicensed_cards,
    }
}

fn line(entitlement: Entitlement, contribution: &Contribution) -> Line {
    let Contribution { item, amount, rule } = contribution;
    let setting = match (item, rule) {
        (Item::Client(_, client_type, ..), _) => {
            let name = client_type_name(*client_type);
            Some(match entitlement {
                Entitlement::Client100GEncrypted => format!("{name}, OTNsec policy"),
                _ => name.to_owned(),
            })
        }
        (Item::Setting(_, _, setting), _) => Some(setting.yang_path().replace('/', " ")),
        (Item::Reported(_, _, figure), _) => Some((*figure).to_owned()),
        (Item::Trunk(..), _) => Some("bits per symbol".to_owned()),
        (_, Rule::TrunkSlice(Some(rate))) => Some(format!("trunk rate {}G", rate.gbps())),
        (_, Rule::Bandwidth(tens)) => Some(format!("client bandwidth {}G", tens * 10)),
        _ => None,
    };
    Line {
        location: item.location(),
        item: item.to_string(),
        subject: item.subject().to_string(),
        setting,
        amount: *amount,
        rule: rule.to_string(),
        source: rule.source(),
    }
}

/// A line that takes nothing.
fn free(
    item: Item,
    setting: Option<&str>,
    rule: String,
    section: Section,
    readings: &'static [&'static str],
) -> Line {
    Line {
        location: item.location(),
        item: item.to_string(),
        subject: item.subject().to_string(),
        setting: setting.map(str::to_owned),
        amount: 0,
        rule,
        source: Source { section, readings },
    }
}

/// Why a card takes no licence whatever is on it; `taken` says that something on it was looked at for one.
fn refusal_of_whole(card: &LineCardFacts, taken: bool) -> Option<UnlicensedCard> {
    let pid = &card.pid;
    let (rule, section, readings): (String, Section, &'static [&'static str]) =
        match LineCardModel::from_pid(pid) {
            None => (
                format!("there is no counting rule for {pid}"),
                Section::Cards,
                &[],
            ),
            Some(LineCardModel::Muxponder12T | LineCardModel::Qxp) => {
                let rule = format!("{pid} is sold with its features and takes no licence");
                (rule, Section::Cards, &[])
            }
            Some(_) if card.up || taken => return None,
            Some(_) => {
                let rule = "the card is down, and what is down takes no licence".to_owned();
                (rule, Section::LongHaul, &["Q5", "Q6"])
            }
        };
    Some(UnlicensedCard {
        location: card.location,
        pid: Some(pid.clone()),
        rule,
        source: Source { section, readings },
    })
}

/// Adds what a licensed card has that is not among the contributions, and why.
fn uncounted(
    card: &LineCardFacts,
    policy: &Policy,
    counted: &BTreeMap<Entitlement, Use>,
    entitlements: &mut [Explained],
) {
    let model = LineCardModel::from_pid(&card.pid);
    let (of_slices, section) = match model {
        Some(LineCardModel::Muxponder12TLicensed) => (Entitlement::Client100G, Section::Entitlements),
        Some(LineCardModel::OtnXpLicensed) => (Entitlement::ClientBandwidth100G, Section::OtnXp),
        Some(LineCardModel::QxpLicensed) => (Entitlement::QxpTrunk, Section::Qxp),
        Some(LineCardModel::Muxponder12T | LineCardModel::Qxp) | None => return,
    };
    let mut add = |entitlement: Entitlement, lines: Vec<Line>| {
        let of_it = entitlements.iter_mut().find(|one| one.entitlement == entitlement);
        if let Some(one) = of_it {
            one.lines.extend(lines);
        }
    };
    let slices_count = card.up || policy.slices_of_down_card == OfDownCard::Counted;
    for slice in card.slices.iter().filter(|_| slices_count) {
        if !slice.provisioned {
            let item = Item::Slice(card.location, slice.slice_id);
            let rule = "the card does not carry this slice, or not yet".to_owned();
            add(of_slices, vec![free(item, None, rule, section, &["Q6", "Q25"])]);
        } else if slice.clients.is_empty() && model != Some(LineCardModel::QxpLicensed) {
            let item = Item::Slice(card.location, slice.slice_id);
            let rule = "no client is configured on this slice".to_owned();
            add(of_slices, vec![free(item, None, rule, section, &[])]);
        } else if model == Some(LineCardModel::OtnXpLicensed) {
            add(of_slices, bandwidth(card, slice, policy));
        }
    }
    for trunk in card.trunks.iter().filter(|_| card.up) {
        let port = Item::Trunk(card.location, trunk.port);
        let looked_at = |entitlement| {
            let entry: Option<&Use> = counted.get(&entitlement);
            let mut items = entry.iter().flat_map(|entry| &entry.contributions);
            items.any(|one| one.item.trunk_port() == Some((card.location, trunk.port)))
        };
        if model == Some(LineCardModel::Muxponder12TLicensed) {
            if !looked_at(Entitlement::LongHaul) {
                add(Entitlement::LongHaul, vec![no_long_haul(port, trunk)]);
            }
            if !looked_at(Entitlement::Subsea) {
                add(Entitlement::Subsea, vec![no_subsea(port)]);
            }
        } else if !trunk.subsea_settings.is_empty() {
            let licensed = LineCardModel::Muxponder12TLicensed.pid();
            let rule = format!("subsea settings count on {licensed} alone");
            let settings = Some("subsea settings");
            add(
                Entitlement::Subsea,
                vec![free(port, settings, rule, Section::Subsea, &["Q26"])],
            );
        }
    }
}

/// The clients whose bandwidth is in a sum that is counted as a whole.
fn bandwidth(card: &LineCardFacts, slice: &SliceFacts, policy: &Policy) -> Vec<Line> {
    let mut clients: Vec<_> = slice.clients.iter().collect();
    clients.sort_by_key(|client| (client.port, client.lane));
    let clients = clients.into_iter().map(|client| {
        let item = Item::Client(card.location, client.client_type, client.port, client.lane);
        let rule = match tens_of_gbps(client.client_type, policy) {
            0 => "this client type has no rule and is free of charge".to_owned(),
            tens => format!(
                "adds {}G to the client bandwidth that is counted as a whole",
                tens * 10
            ),
        };
        let setting = Some(client_type_name(client.client_type));
        free(item, setting, rule, Section::OtnXp, &["Q9", "Q24"])
    });
    clients.collect()
}

fn no_long_haul(port: Item, trunk: &TrunkFacts) -> Line {
    let rule = match trunk.bits_per_symbol {
        Some(bits) => format!("{bits} bits per symbol is outside 2 to 4"),
        None => "the optics report no bits per symbol".to_owned(),
    };
    free(port, Some("bits per symbol"), rule, Section::LongHaul, &["Q23"])
}

fn no_subsea(port: Item) -> Line {
    let rule = format!(
        "no subsea setting in running, not from 1 to below 2 bits per symbol, dispersion search within \
         {DEFAULT_CD_MIN_PS_NM} to {DEFAULT_CD_MAX_PS_NM} ps/nm"
    );
    free(port, None, rule, Section::Subsea, &["Q4", "Q20"])
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;
    use crate::device::inventory::ClientType;
    use crate::device::optics::SubseaSetting;
    use crate::licensing::consumption::consumption;
    use crate::licensing::policy::{
        BandwidthScope, ClientPortTypes, FourBits, FreeClientsRule, QxpCharge, ShutDownSubsea,
        StatedDefaults, TrunkOverlap,
    };
    use crate::licensing::sample::{Chassis, K9, L12T, QXPL, XPL, any_facts, any_policy, chassis};

    /// Lines as `entitlement amount item | setting | rule | section readings`.
    fn told(chassis: Chassis, policy: &Policy) -> Vec<String> {
        let explanation = explanation(&chassis.0, policy);
        let mut told = Vec::new();
        for one in &explanation.entitlements {
            for line in &one.lines {
                told.push(format!(
                    "{} {} {} | {} | {} | {:?} {}",
                    one.entitlement.short_tag(),
                    line.amount,
                    line.subject,
                    line.setting.as_deref().unwrap_or("-"),
                    line.rule,
                    line.source.section,
                    line.source.readings.join(",")
                ));
            }
        }
        for card in &explanation.unlicensed_cards {
            told.push(format!(
                "{} {} | {:?}",
                card.location, card.rule, card.source.section
            ));
        }
        told
    }

    /// The one line that holds these words.
    fn line_of(chassis: Chassis, policy: &Policy, words: &str) -> String {
        let told = told(chassis, policy);
        let found: Vec<&String> = told.iter().filter(|line| line.contains(words)).collect();
        assert_eq!(found.len(), 1, "{words}: {told:#?}");
        found[0].clone()
    }

    #[test]
    fn clients_of_a_12t_card_are_told_apart_into_free_counted_and_encrypted_ones() {
        let told = told(chassis().card(L12T).plain(0, 6).encrypt(1), &Policy::default());
        assert_eq!(told.len(), 6);
        assert_eq!(
            told[0],
            "S-NCS1K4-LIC-100G= 0 HundredGigECtrlr0/0/0/3 | 100GE | the first 4 client ports of a line card are free \
             of charge | Entitlements Q1,Q1b,Q22"
        );
        assert_eq!(
            told[5],
            "S-NCS1K4-LIC-100X= 1 HundredGigECtrlr0/0/0/2 | 100GE, OTNsec policy | one for each client port beyond \
             the first 4 | Entitlements Q1,Q1b,Q22"
        );
        let all = Policy {
            free_clients_rule: FreeClientsRule::AllOnceMore,
            ..Policy::default()
        };
        let line = line_of(chassis().card(L12T).plain(0, 5), &all, "0/0/0/2 ");
        assert!(
            line.contains("1 HundredGig") && line.contains("one for each of more than 4"),
            "{line}"
        );
        let hundred = Policy {
            client_port_types: ClientPortTypes::HundredGigE,
            ..Policy::default()
        };
        let otu4 = chassis().card(L12T).slice(0, 100, &[(ClientType::Otu4, 1)]);
        let line = line_of(otu4, &hundred, "OTU4");
        assert!(
            line.contains(" 0 OTU40/0/0/2 | OTU4 | 100GE client ports alone are counted"),
            "{line}"
        );
    }

    #[test]
    fn trunks_say_why_they_are_long_haul_or_not() {
        let trunk = |bits| chassis().card(L12T).trunk(bits);
        let line = |bits| line_of(trunk(bits), &Policy::default(), "LONGHAUL");
        assert_eq!(
            line(Some("3")),
            "S_NCS1K4_LONGHAUL 1 Optics0/0/0/0 | bits per symbol | 3.0000000000 bits per symbol is within 2 to 4 | \
             LongHaul Q23"
        );
        assert!(line(Some("5")).contains(" 0 ") && line(Some("5")).contains("outside 2 to 4"));
        assert!(line(None).contains("the optics report no bits per symbol"));
        let four = Policy {
            four_bits_per_symbol: FourBits::Free,
            ..Policy::default()
        };
        assert!(line_of(trunk(Some("4")), &four, "LONGHAUL").ends_with("LongHaul Q3"));
        let alone = Policy {
            trunk_overlap: TrunkOverlap::SubseaAlone,
            ..Policy::default()
        };
        let both = trunk(Some("3")).settings(&[SubseaSetting::NleqCompMode]);
        assert!(line_of(both, &alone, "LONGHAUL").ends_with("LongHaul Q2"));
    }

    #[test]
    fn trunks_say_why_they_are_subsea_or_not() {
        let trunk = |bits| chassis().card(L12T).trunk(Some(bits));
        let subsea = |chassis: Chassis, policy: &Policy| -> Vec<String> {
            let told = told(chassis, policy).into_iter();
            told.filter(|line| line.contains("SUBSEA")).collect()
        };
        let default = Policy::default();
        let two = trunk("1.5")
            .settings(&[SubseaSetting::NleqCompMode])
            .cd_min(-10_001)
            .cd_max(100_001);
        assert_eq!(
            subsea(two, &default),
            [
                "S_NCS1K4_SUBSEA 1 Optics0/0/0/0 | nleq-comp-mode | a subsea setting stands in the running \
                 configuration | Subsea ",
                "S_NCS1K4_SUBSEA 0 Optics0/0/0/0 | bits per symbol | the trunk port is counted once, whatever it has \
                 more | Subsea ",
                "S_NCS1K4_SUBSEA 0 Optics0/0/0/0 | cd-min | the trunk port is counted once, whatever it has more | \
                 Subsea ",
                "S_NCS1K4_SUBSEA 0 Optics0/0/0/0 | cd-max | the trunk port is counted once, whatever it has more | \
                 Subsea ",
            ]
        );
        let only = |chassis, policy: &Policy| subsea(chassis, policy).remove(0);
        assert!(only(trunk("1"), &default).contains("1 Optics0/0/0/0 | bits per symbol | 1.0000000000"));
        assert!(only(trunk("5").cd_min(-10_001), &default).contains("-10001 ps/nm is below -10000"));
        assert!(only(trunk("5").cd_max(100_001), &default).contains("100001 ps/nm is above 100000"));
        assert!(only(trunk("5"), &default).contains("0 Optics0/0/0/0 | - | no subsea setting in running"));
        let free_defaults = Policy {
            stated_defaults: StatedDefaults::Free,
            ..Policy::default()
        };
        let stated = trunk("5").stated_defaults(&[SubseaSetting::FilterRollOffFactor]);
        assert!(only(stated, &free_defaults).ends_with("free of charge | Subsea Q21"));
        let shut = Policy {
            shut_down_subsea: ShutDownSubsea::Free,
            ..Policy::default()
        };
        assert!(only(trunk("1").shut_down(), &shut).ends_with("the trunk port is shut down | Subsea Q7"));
        let elsewhere = chassis()
            .card(XPL)
            .trunk(Some("3"))
            .settings(&[SubseaSetting::NleqCompMode]);
        assert!(
            only(elsewhere, &default)
                .contains("subsea settings count on NCS1K4-1.2T-L-K9 alone | Subsea Q26")
        );
    }

    #[test]
    fn client_bandwidth_shows_the_sum_and_what_each_client_adds() {
        let mixed = || {
            chassis()
                .card(XPL)
                .slice(0, 100, &[(ClientType::Otu2, 2), (ClientType::Fc16, 1)])
        };
        assert_eq!(
            told(mixed(), &Policy::default()),
            [
                "S-NCS1K4-100G-CL= 1 0/0 | client bandwidth 40G | one for every started 100G of 40G client bandwidth | \
                 OtnXp Q8,Q9",
                "S-NCS1K4-100G-CL= 0 OTU20/0/0/2 | OTU2 | adds 10G to the client bandwidth that is counted as a whole \
                 | OtnXp Q9,Q24",
                "S-NCS1K4-100G-CL= 0 OTU20/0/0/3 | OTU2 | adds 10G to the client bandwidth that is counted as a whole \
                 | OtnXp Q9,Q24",
                "S-NCS1K4-100G-CL= 0 SixteenGigFibreChanCtrlr0/0/0/4 | FC16 | adds 20G to the client bandwidth that is \
                 counted as a whole | OtnXp Q9,Q24",
            ]
        );
        let whole = Policy {
            bandwidth_scope: BandwidthScope::Chassis,
            ..Policy::default()
        };
        assert!(told(mixed(), &whole)[0].starts_with("S-NCS1K4-100G-CL= 1 chassis | client bandwidth 40G"));
    }

    #[test]
    fn trunk_slices_and_slices_that_are_not_carried_are_told() {
        let slice = || {
            chassis()
                .card(QXPL)
                .slice(0, 400, &[(ClientType::FourHundredGigE, 1)])
        };
        assert_eq!(
            told(slice(), &Policy::default()),
            [
                "S_N1K4_LIC_TRK 2 0/0 mxponder-slice 0 | trunk rate 400G | a provisioned 400G trunk slice | Qxp Q10"
            ]
        );
        let each = Policy {
            qxp: QxpCharge::OnePerSlice,
            ..Policy::default()
        };
        assert!(told(slice(), &each)[0].contains("one for each provisioned trunk slice"));
        assert_eq!(
            told(slice().not_provisioned(), &Policy::default()),
            [
                "S_N1K4_LIC_TRK 0 0/0 mxponder-slice 0 | - | the card does not carry this slice, or not yet | Qxp Q6,Q25"
            ]
        );
    }

    #[test]
    fn cards_without_licences_say_why() {
        let cards = chassis()
            .card(K9)
            .plain(0, 6)
            .card("NCS1K4-2-QDD-C-K9")
            .card(L12T)
            .plain(0, 6)
            .down();
        assert_eq!(
            told(cards, &Policy::default()),
            [
                "0/0 NCS1K4-1.2T-K9 is sold with its features and takes no licence | Cards",
                "0/1 there is no counting rule for NCS1K4-2-QDD-C-K9 | Cards",
                "0/2 the card is down, and what is down takes no licence | LongHaul",
            ]
        );
    }

    #[test]
    fn an_explanation_can_be_narrowed_to_an_entitlement_or_a_location() {
        let two = chassis()
            .card(L12T)
            .plain(0, 6)
            .trunk(Some("3"))
            .card(L12T)
            .trunk(Some("3"))
            .card(K9);
        let whole = explanation(&two.0, &Policy::default());
        let long_haul = whole.clone().of_entitlement(Entitlement::LongHaul);
        assert_eq!(long_haul.count(Entitlement::LongHaul), 2);
        assert_eq!(long_haul.entitlements.len(), 1);
        let second = whole.clone().at("0/1".parse().unwrap());
        assert_eq!(second.count(Entitlement::LongHaul), 1);
        assert_eq!(second.count(Entitlement::Client100G), 0);
        assert_eq!(second.unlicensed_cards, []);
        assert_eq!(whole.at("0/2".parse().unwrap()).unlicensed_cards.len(), 1);
    }

    proptest! {
        #[test]
        fn the_explanation_adds_up_to_the_counts(facts in any_facts(), policy in any_policy()) {
            let counted = consumption(&facts, &policy);
            let explained = explanation(&facts, &policy);
            for entitlement in Entitlement::ALL {
                prop_assert_eq!(explained.count(entitlement), counted.count(entitlement));
            }
        }

        #[test]
        fn every_card_is_explained_and_no_item_twice(facts in any_facts(), policy in any_policy()) {
            let explained = explanation(&facts, &policy);
            for one in &explained.entitlements {
                let items: BTreeSet<&String> = one.lines.iter().map(|line| &line.item).collect();
                prop_assert_eq!(items.len(), one.lines.len(), "{:?}", one);
            }
            let lines = explained.entitlements.iter().flat_map(|one| &one.lines);
            let mut told: BTreeSet<SlotLocation> = lines.filter_map(|line| line.location).collect();
            let unlicensed = explained.unlicensed_cards.iter().map(|card| card.location);
            prop_assert!(unlicensed.clone().all(|location| !told.contains(&location)));
            told.extend(unlicensed);
            for card in &facts.line_cards {
                // Trunks take licences on one model alone.
                let has_something = !card.slices.is_empty() || (card.pid == L12T && !card.trunks.is_empty());
                prop_assert!(told.contains(&card.location) || !has_something || !card.up, "{:?}", card);
            }
        }
    }
}
