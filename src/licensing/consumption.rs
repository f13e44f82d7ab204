//! What the fitted cards consume: a pure function from facts to licences, with the reason for each.

use std::collections::BTreeMap;

use crate::device::inventory::{ClientType, LineCardModel, SlotLocation, TrunkRate};
use crate::device::optics::{BitsPerSymbol, DEFAULT_CD_MAX_PS_NM, DEFAULT_CD_MIN_PS_NM};
use crate::licensing::catalogue::Entitlement;
use crate::licensing::contribution::{Contribution, FREE_CLIENTS, Item, Rule};
use crate::licensing::facts::{ClientFacts, Facts, LineCardFacts, SliceFacts, TrunkFacts};
use crate::licensing::policy::{
    BandwidthScope, ClientPortTypes, FourBits, FreeClientsFirst, FreeClientsRule, FreeClientsScope,
    OfDownCard, Policy, QxpCharge, ShutDownSubsea, StatedDefaults, TrunkOverlap, UnruledClientTypes,
};

/// Licences in use, and why.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Consumption {
    /// What is in use; an entitlement that nothing uses has no entry.
    pub entitlements: BTreeMap<Entitlement, Use>,
    /// Cards whose product identifier has no counting rule: they count nothing, and an operator should know.
    pub unknown_cards: Vec<UnknownCard>,
}

impl Consumption {
    /// Licences of one entitlement in use.
    pub fn count(&self, entitlement: Entitlement) -> u32 {
        self.entitlements.get(&entitlement).map_or(0, |entry| entry.count)
    }

    /// The counts alone, without entitlements that nothing uses: what is reported to a licence server.
    pub fn counts(&self) -> Counts {
        self.entitlements
            .iter()
            .map(|(entitlement, entry)| (*entitlement, entry.count))
            .collect()
    }
}

/// Licences by entitlement; zero has no entry.
pub type Counts = BTreeMap<Entitlement, u32>;

/// How much of one entitlement is in use.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Use {
    /// The sum of the contributions' amounts.
    pub count: u32,
    /// What was looked at, in the order of location, slice and port.
    pub contributions: Vec<Contribution>,
}

/// A card without a counting rule.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct UnknownCard {
    /// Where it is.
    pub location: SlotLocation,
    /// What it says it is.
    pub pid: String,
}

/// Computes what the cards consume. Never fails and never refuses: what cannot be counted counts nothing.
pub fn consumption(facts: &Facts, policy: &Policy) -> Consumption {
    tally(facts, policy).finish()
}

/// Everything that was looked at, for entitlements too that nothing uses in the end.
pub(in crate::licensing) fn looked_at(facts: &Facts, policy: &Policy) -> BTreeMap<Entitlement, Use> {
    tally(facts, policy).uses
}

fn tally(facts: &Facts, policy: &Policy) -> Tally {
    let mut cards: Vec<&LineCardFacts> = facts.line_cards.iter().collect();
    cards.sort_by_key(|card| card.location);

    let mut tally = Tally::default();
    let mut muxponders = Vec::new();
    let mut otn = Vec::new();
    for card in cards {
        let slices_count = card.up || policy.slices_of_down_card == OfDownCard::Counted;
        match LineCardModel::from_pid(&card.pid) {
            Some(LineCardModel::Muxponder12TLicensed) => muxponders.push(card),
            Some(LineCardModel::OtnXpLicensed) if slices_count => otn.push(card),
            Some(LineCardModel::QxpLicensed) if slices_count => trunk_slices(card, policy, &mut tally),
            Some(_) => {}
            None => tally.unknown_cards.push(UnknownCard {
                location: card.location,
                pid: card.pid.clone(),
            }),
        }
    }
    client_ports(&muxponders, policy, &mut tally);
    for card in &muxponders {
        let mut trunks: Vec<&TrunkFacts> = card.trunks.iter().collect();
        trunks.sort_by_key(|trunk| trunk.port);
        for trunk in trunks {
            trunk_port(card, trunk, policy, &mut tally);
        }
    }
    client_bandwidth(&otn, policy, &mut tally);
    tally
}

/// Consumption while it is being counted: entries may still be zero.
#[derive(Default)]
struct Tally {
    uses: BTreeMap<Entitlement, Use>,
    unknown_cards: Vec<UnknownCard>,
}

impl Tally {
    fn add(&mut self, entitlement: Entitlement, item: Item, amount: u32, rule: Rule) {
        let entry = self.uses.entry(entitlement).or_default();
        entry.count = entry.count.saturating_add(amount);
        entry.contributions.push(Contribution { item, amount, rule });
    }

    fn finish(mut self) -> Consumption {
        self.uses.retain(|_, entry| entry.count > 0);
        Consumption {
            entitlements: self.uses,
            unknown_cards: self.unknown_cards,
        }
    }
}

/// A client port of a 1.2T card within its scope of free ports.
type PlacedClient<'a> = (SlotLocation, &'a ClientFacts);

/// 1.2T: every client port beyond the free ones, whatever its type (reading Q22), with or without encryption.
fn client_ports(cards: &[&LineCardFacts], policy: &Policy, tally: &mut Tally) {
    let mut scope: Vec<PlacedClient<'_>> = Vec::new();
    let counted = |card: &LineCardFacts| card.up || policy.slices_of_down_card == OfDownCard::Counted;
    for card in cards.iter().filter(|card| counted(card)) {
        for slice in in_order(card) {
            scope.extend(clients_in_order(slice).map(|client| (card.location, client)));
            if policy.free_clients_scope == FreeClientsScope::Slice {
                scope_of_clients(&mut scope, policy, tally);
            }
        }
        if policy.free_clients_scope == FreeClientsScope::LineCard {
            scope_of_clients(&mut scope, policy, tally);
        }
    }
    scope_of_clients(&mut scope, policy, tally);
}

/// Counts one scope and leaves it empty for the next.
fn scope_of_clients(scope: &mut Vec<PlacedClient<'_>>, policy: &Policy, tally: &mut Tally) {
    if policy.free_clients_first == FreeClientsFirst::Plain {
        scope.sort_by_key(|(_, client)| client.encrypted);
    }
    let ruled = |client: &ClientFacts| match policy.client_port_types {
        ClientPortTypes::Every => true,
        ClientPortTypes::HundredGigE => client.client_type == ClientType::HundredGigE,
    };
    let clients = scope.iter().filter(|(_, client)| ruled(client)).count();
    let none_free = policy.free_clients_rule == FreeClientsRule::AllOnceMore && clients > FREE_CLIENTS;
    let mut position = 0;
    for (location, client) in scope.drain(..) {
        let entitlement = match client.encrypted {
            true => Entitlement::Client100GEncrypted,
            false => Entitlement::Client100G,
        };
        let item = Item::Client(location, client.client_type, client.port, client.lane);
        let (amount, rule) = match position {
            _ if !ruled(client) => (0, Rule::OtherClientType),
            _ if none_free => (1, Rule::EveryClientPort),
            0..FREE_CLIENTS => (0, Rule::FreeClientPort(policy.free_clients_scope)),
            _ => (1, Rule::ClientPort),
        };
        position += usize::from(ruled(client));
        tally.add(entitlement, item, amount, rule);
    }
}

/// 1.2T: long haul and subsea, whatever the line rate and whether or not the port is shut down (L-122, L-123).
fn trunk_port(card: &LineCardFacts, trunk: &TrunkFacts, policy: &Policy, tally: &mut Tally) {
    let (location, port) = (card.location, trunk.port);
    let free = trunk.shut_down && policy.shut_down_subsea == ShutDownSubsea::Free;
    let mut subsea = false;
    let mut count_subsea = |tally: &mut Tally, item: Item, rule: Rule| {
        let (amount, rule) = match rule {
            Rule::StatedDefault => (0, rule),
            _ if free => (0, Rule::ShutDown),
            _ if subsea => (0, Rule::AlreadyCounted),
            _ => (1, rule),
        };
        subsea |= amount > 0;
        tally.add(Entitlement::Subsea, item, amount, rule);
    };
    if card.up || policy.subsea_settings_of_down_card == OfDownCard::Counted {
        for setting in &trunk.subsea_settings {
            let default = trunk.stated_defaults.contains(setting);
            let rule = match default && policy.stated_defaults == StatedDefaults::Free {
                true => Rule::StatedDefault,
                false => Rule::SubseaSetting,
            };
            count_subsea(tally, Item::Setting(location, port, *setting), rule);
        }
    }
    if !card.up {
        return;
    }
    let reported = |figure| Item::Reported(location, port, figure);
    if let Some(bits) = trunk.bits_per_symbol
        && (BitsPerSymbol::whole(1)..BitsPerSymbol::whole(2)).contains(&bits)
    {
        count_subsea(tally, reported("bits per symbol"), Rule::SubseaRange(bits));
    }
    if trunk.cd_min_ps_nm < DEFAULT_CD_MIN_PS_NM {
        count_subsea(tally, reported("cd-min"), Rule::CdMin(trunk.cd_min_ps_nm));
    }
    if trunk.cd_max_ps_nm > DEFAULT_CD_MAX_PS_NM {
        count_subsea(tally, reported("cd-max"), Rule::CdMax(trunk.cd_max_ps_nm));
    }

    if let Some(bits) = trunk.bits_per_symbol
        && (BitsPerSymbol::whole(2)..=BitsPerSymbol::whole(4)).contains(&bits)
    {
        let four_free = bits == BitsPerSymbol::whole(4) && policy.four_bits_per_symbol == FourBits::Free;
        let (amount, rule) = match subsea && policy.trunk_overlap == TrunkOverlap::SubseaAlone {
            _ if four_free => (0, Rule::FourBitsFree),
            true => (0, Rule::CoveredBySubsea),
            false => (1, Rule::LongHaulRange(bits)),
        };
        tally.add(Entitlement::LongHaul, Item::Trunk(location, port), amount, rule);
    }
}

/// OTN-XPL: started 100G of client bandwidth, summed over the scope in units of 10G.
fn client_bandwidth(cards: &[&LineCardFacts], policy: &Policy, tally: &mut Tally) {
    let mut chassis_tens = 0;
    for card in cards {
        let mut card_tens = 0;
        for slice in in_order(card) {
            let tens: u32 = slice
                .clients
                .iter()
                .map(|client| tens_of_gbps(client.client_type, policy))
                .sum();
            match policy.bandwidth_scope {
                BandwidthScope::Slice => {
                    count_bandwidth(tally, Item::Slice(card.location, slice.slice_id), tens)
                }
                BandwidthScope::LineCard => card_tens += tens,
                BandwidthScope::Chassis => chassis_tens += tens,
            }
        }
        count_bandwidth(tally, Item::LineCard(card.location), card_tens);
    }
    count_bandwidth(tally, Item::Chassis, chassis_tens);
}

fn count_bandwidth(tally: &mut Tally, item: Item, tens: u32) {
    if tens > 0 {
        let amount = tens.div_ceil(10);
        tally.add(
            Entitlement::ClientBandwidth100G,
            item,
            amount,
            Rule::Bandwidth(tens),
        );
    }
}

/// QXP-L: each provisioned trunk slice.
fn trunk_slices(card: &LineCardFacts, policy: &Policy, tally: &mut Tally) {
    for slice in in_order(card) {
        let (amount, rule) = match &policy.qxp {
            QxpCharge::OnePerSlice => (1, Rule::OneTrunkSlice),
            QxpCharge::ByTrunkRate(table) => {
                let started_200g = |rate: TrunkRate| rate.gbps().div_ceil(200);
                let amount = slice.trunk_rate.map_or(1, |rate| {
                    table.get(&rate).copied().unwrap_or_else(|| started_200g(rate))
                });
                (amount, Rule::TrunkSlice(slice.trunk_rate))
            }
        };
        tally.add(
            Entitlement::QxpTrunk,
            Item::Slice(card.location, slice.slice_id),
            amount,
            rule,
        );
    }
}

/// The slices that the hardware carries (readings Q6 and Q25), by slice number.
fn in_order(card: &LineCardFacts) -> Vec<&SliceFacts> {
    let mut slices: Vec<&SliceFacts> = card.slices.iter().filter(|slice| slice.provisioned).collect();
    slices.sort_by_key(|slice| slice.slice_id);
    slices
}

fn clients_in_order(slice: &SliceFacts) -> impl Iterator<Item = &ClientFacts> {
    let mut clients: Vec<&ClientFacts> = slice.clients.iter().collect();
    clients.sort_by_key(|client| (client.port, client.lane));
    clients.into_iter()
}

/// Client bandwidth in units of 10G, as the chapter's ten ports of mixed OTU2, OTU2E and 10GE make one 100G
/// (readings Q9 and Q24).
pub(in crate::licensing) fn tens_of_gbps(client_type: ClientType, policy: &Policy) -> u32 {
    let unruled = matches!(
        client_type,
        ClientType::Fc16 | ClientType::Fc32 | ClientType::FortyGigE | ClientType::Otu3
    );
    match client_type {
        _ if unruled && policy.unruled_client_types == UnruledClientTypes::Free => 0,
        ClientType::TenGigE | ClientType::Otu2 | ClientType::Otu2e => 1,
        ClientType::Fc16 => 2,
        ClientType::Fc32 => 3,
        ClientType::FortyGigE | ClientType::Otu3 => 4,
        ClientType::HundredGigE | ClientType::Otu4 => 10,
        ClientType::FourHundredGigE => 40,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;
    use crate::device::optics::SubseaSetting;
    use crate::licensing::sample::{
        Chassis, K9, L12T, QXP, QXPL, XPL, any_client, any_facts, any_policy, chassis,
    };

    /// The six counts in the order of the catalogue: 100G, 100X, client bandwidth, long haul, subsea, QXP trunk.
    type Expected = [u32; 6];
    const NONE: Expected = [0; 6];

    fn clients(plain: u32, encrypted: u32) -> Expected {
        [plain, encrypted, 0, 0, 0, 0]
    }

    fn bandwidth(count: u32) -> Expected {
        [0, 0, count, 0, 0, 0]
    }

    fn trunks(long_haul: u32, subsea: u32) -> Expected {
        [0, 0, 0, long_haul, subsea, 0]
    }

    fn qxp(count: u32) -> Expected {
        [0, 0, 0, 0, 0, count]
    }

    fn counted(chassis: &Chassis, policy: &Policy) -> Expected {
        let consumption = consumption(&chassis.0, policy);
        for entry in consumption.entitlements.values() {
            let sum: u32 = entry
                .contributions
                .iter()
                .map(|contribution| contribution.amount)
                .sum();
            assert_eq!(entry.count, sum, "{entry:?}");
        }
        Entitlement::ALL.map(|entitlement| consumption.count(entitlement))
    }

    fn check(vectors: Vec<(&str, Chassis, Expected)>) {
        for (name, chassis, expected) in vectors {
            assert_eq!(counted(&chassis, &Policy::default()), expected, "{name}");
        }
    }

    fn check_reading(policy: Policy, vectors: Vec<(&str, Chassis, Expected)>) {
        for (name, chassis, expected) in vectors {
            assert_eq!(counted(&chassis, &policy), expected, "{name} with {policy:?}");
        }
    }

    fn l12t() -> Chassis {
        chassis().card(L12T)
    }

    /// Vector V08: cards of 12, 12 and 6 plain and one of 6 encrypted clients.
    fn example_1_by_whole_cards() -> Chassis {
        let full = l12t().plain(0, 6).plain(1, 6).card(L12T).plain(0, 6).plain(1, 6);
        full.card(L12T).plain(0, 6).card(L12T).secret(0, 6)
    }

    /// Vector V08c: the same counts on three cards, two of the third one's clients encrypted.
    fn example_1_on_three_cards() -> Chassis {
        let full = l12t().plain(0, 6).plain(1, 6).card(L12T).plain(0, 6).plain(1, 6);
        full.card(L12T).plain(0, 4).encrypt(2).plain(1, 4)
    }

    #[test]
    fn client_ports_of_licensed_12t_cards_count_beyond_four_a_card() {
        check(vec![
            ("V01 none", l12t().plain(0, 0), NONE),
            ("V01 one", l12t().plain(0, 1), NONE),
            ("V01 three", l12t().plain(0, 3), NONE),
            ("V01 four", l12t().plain(0, 4), NONE),
            ("V02", l12t().plain(0, 5), clients(1, 0)),
            ("V03", l12t().plain(0, 6), clients(2, 0)),
            ("V04", l12t().plain(0, 6).plain(1, 6), clients(8, 0)),
            ("V05", l12t().plain(0, 4).plain(1, 4), clients(4, 0)),
            ("V06 two and two", l12t().plain(0, 2).plain(1, 2), NONE),
            ("V06 three and two", l12t().plain(0, 3).plain(1, 2), clients(1, 0)),
            (
                "V07",
                l12t()
                    .plain(0, 6)
                    .plain(1, 6)
                    .card(L12T)
                    .secret(0, 6)
                    .secret(1, 6),
                clients(8, 8),
            ),
            ("V08", example_1_by_whole_cards(), clients(18, 2)),
            ("V08c", example_1_on_three_cards(), clients(18, 2)),
            ("V08b", l12t().secret(0, 2).plain(1, 6), clients(2, 2)),
            ("V09 encrypted", l12t().secret(0, 6), clients(0, 2)),
            ("V09 encryption removed", l12t().plain(0, 6), clients(2, 0)),
            ("V10", chassis().card(K9).plain(0, 6).plain(1, 6), NONE),
            (
                "V11",
                chassis().card(K9).plain(0, 6).plain(1, 6).card(L12T).plain(0, 6),
                clients(2, 0),
            ),
            ("V12", l12t().plain(0, 6).plain(1, 6).down(), NONE),
            ("V13", l12t().plain(0, 4).card(L12T).plain(0, 4), NONE),
            ("V14", l12t().plain(0, 5).card(L12T).plain(0, 5), clients(2, 0)),
            ("V15 200G", l12t().muxponder(200, 4), NONE),
            ("V15 250G", l12t().muxponder(250, 5), clients(1, 0)),
            ("V15 550G", l12t().muxponder(550, 11), clients(7, 0)),
            ("V15 600G", l12t().muxponder(600, 12), clients(8, 0)),
        ]);
    }

    #[test]
    fn other_readings_of_the_free_ports_are_a_switch_away() {
        let by_slice = Policy {
            free_clients_scope: FreeClientsScope::Slice,
            ..Policy::default()
        };
        check_reading(
            by_slice,
            vec![
                ("V04", l12t().plain(0, 6).plain(1, 6), clients(4, 0)),
                ("V05", l12t().plain(0, 4).plain(1, 4), NONE),
            ],
        );
        let by_chassis = Policy {
            free_clients_scope: FreeClientsScope::Chassis,
            ..Policy::default()
        };
        check_reading(
            by_chassis,
            vec![
                ("V13", l12t().plain(0, 4).card(L12T).plain(0, 4), clients(4, 0)),
                ("V14", l12t().plain(0, 5).card(L12T).plain(0, 5), clients(6, 0)),
            ],
        );
        let in_slice_order = Policy {
            free_clients_first: FreeClientsFirst::SliceOrder,
            ..Policy::default()
        };
        check_reading(
            in_slice_order,
            vec![("V08b", l12t().secret(0, 2).plain(1, 6), clients(4, 0))],
        );
    }

    #[test]
    fn trunks_count_as_long_haul_from_two_to_four_and_as_subsea_below_two() {
        let bits = |bits| l12t().trunk(Some(bits));
        check(vec![
            ("V20", bits("0.9999999999"), NONE),
            ("V21", bits("1.0000000000"), trunks(0, 1)),
            ("V22", bits("1.5"), trunks(0, 1)),
            ("V23", bits("1.9999999999"), trunks(0, 1)),
            ("V24", bits("2.0000000000"), trunks(1, 0)),
            ("V25", bits("3.0000000000"), trunks(1, 0)),
            ("V26", bits("4.0000000000"), trunks(1, 0)),
            ("V27 just above", bits("4.0000000001"), NONE),
            ("V27 4.3125", bits("4.3125"), NONE),
            ("V27 6", bits("6"), NONE),
            ("V28", l12t().trunk(None), NONE),
            ("V37", bits("3.0000000000").shut_down(), trunks(1, 0)),
            ("V38", bits("3").down(), NONE),
            ("V39", chassis().card(K9).trunk(Some("3")), NONE),
            ("V40", bits("3").trunk(Some("3")), trunks(2, 0)),
        ]);
    }

    #[test]
    fn trunks_count_as_subsea_by_setting_or_dispersion_limit_once_a_port() {
        let five = || l12t().trunk(Some("5"));
        let mut vectors = vec![
            ("V29", five().cd_min(-10_000), NONE),
            ("V30", five().cd_min(-10_001), trunks(0, 1)),
            ("V31", five().cd_max(100_000), NONE),
            ("V32", five().cd_max(100_001), trunks(0, 1)),
            ("V34", five().settings(&SubseaSetting::ALL), trunks(0, 1)),
            (
                "V35",
                l12t().trunk(Some("3")).settings(&[SubseaSetting::NleqCompMode]),
                trunks(1, 1),
            ),
            (
                "V36",
                l12t()
                    .trunk(Some("1.5"))
                    .cd_min(-20_000)
                    .settings(&SubseaSetting::ALL[..2]),
                trunks(0, 1),
            ),
            (
                "V42 line present",
                five().settings(&[SubseaSetting::CprWinMode]),
                trunks(0, 1),
            ),
            ("V42 line removed", five(), NONE),
            ("V75", five().settings(&[SubseaSetting::CprWinMode]).down(), NONE),
        ];
        for setting in SubseaSetting::ALL {
            vectors.push(("V33", five().settings(&[setting]), trunks(0, 1)));
        }
        check(vectors);
        let subsea_alone = Policy {
            trunk_overlap: TrunkOverlap::SubseaAlone,
            ..Policy::default()
        };
        let both = l12t().trunk(Some("3")).settings(&[SubseaSetting::NleqCompMode]);
        check_reading(subsea_alone, vec![("V35", both, trunks(0, 1))]);
    }

    #[test]
    fn example_1_of_the_chapter_gives_its_four_entitlements_at_once() {
        // V41: three subsea and two long haul trunks, the rest at 5 bits, on the cards of V08c.
        let chassis = l12t().plain(0, 6).plain(1, 6);
        let chassis = chassis
            .trunk(Some("5"))
            .settings(&[SubseaSetting::RxVoaTargetPower]);
        let chassis = chassis.trunk(Some("5")).cd_min(-20_000);
        let chassis = chassis.card(L12T).plain(0, 6).plain(1, 6);
        let chassis = chassis.trunk(Some("5")).cd_max(200_000).trunk(Some("5"));
        let chassis = chassis.card(L12T).plain(0, 4).encrypt(2).plain(1, 4);
        let chassis = chassis.trunk(Some("4")).trunk(Some("3"));
        check(vec![("V41", chassis, [18, 2, 0, 2, 3, 0])]);
    }

    #[test]
    fn otn_xp_cards_count_started_100g_of_client_bandwidth() {
        let tens = |n| chassis().card(XPL).slice(0, 400, &[(ClientType::TenGigE, n)]);
        let mixed = [
            (ClientType::Otu2, 3),
            (ClientType::Otu2e, 4),
            (ClientType::TenGigE, 3),
        ];
        let mut vectors = vec![
            ("V50", chassis().card(XPL).slice(0, 100, &[]), NONE),
            ("V55", chassis().card(XPL).slice(0, 100, &mixed), bandwidth(1)),
            (
                "V56",
                tens(5).slice(1, 100, &[(ClientType::TenGigE, 5)]),
                bandwidth(1),
            ),
            (
                "V57",
                tens(5).card(XPL).slice(0, 100, &[(ClientType::TenGigE, 5)]),
                bandwidth(2),
            ),
            (
                "V58",
                chassis()
                    .card(XPL)
                    .slice(0, 200, &[(ClientType::HundredGigE, 1), (ClientType::TenGigE, 3)]),
                bandwidth(2),
            ),
            (
                "V59",
                chassis()
                    .card(XPL)
                    .slice(0, 400, &[(ClientType::FourHundredGigE, 1)]),
                bandwidth(4),
            ),
            (
                "V60",
                chassis()
                    .card("NCS1K4-OTN-XP")
                    .slice(0, 100, &[(ClientType::TenGigE, 10)]),
                NONE,
            ),
            ("V74 down", tens(10).down(), NONE),
            ("V74 absent", chassis(), NONE),
            (
                "V77 long haul",
                chassis().card(XPL).trunk(Some("3")).settings(&SubseaSetting::ALL),
                NONE,
            ),
            (
                "V78 Fibre Channel",
                chassis()
                    .card(XPL)
                    .slice(0, 100, &[(ClientType::Fc16, 4), (ClientType::TenGigE, 2)]),
                bandwidth(1),
            ),
            (
                "V78 40GE",
                chassis().card(XPL).slice(0, 200, &[(ClientType::FortyGigE, 3)]),
                bandwidth(2),
            ),
        ];
        for (name, ports, count) in [
            ("V51", [1, 9, 10], 1),
            ("V52", [11, 19, 20], 2),
            ("V53", [21, 29, 30], 3),
            ("V54", [31, 39, 40], 4),
        ] {
            vectors.extend(ports.map(|n| (name, tens(n), bandwidth(count))));
        }
        check(vectors);
    }

    #[test]
    fn other_readings_of_the_bandwidth_scope_are_a_switch_away() {
        let five = || chassis().card(XPL).slice(0, 100, &[(ClientType::TenGigE, 5)]);
        let two_slices = five().slice(1, 100, &[(ClientType::TenGigE, 5)]);
        let two_cards = five().card(XPL).slice(0, 100, &[(ClientType::TenGigE, 5)]);
        let scope = |bandwidth_scope| Policy {
            bandwidth_scope,
            ..Policy::default()
        };
        check_reading(
            scope(BandwidthScope::Slice),
            vec![("V56", two_slices, bandwidth(2))],
        );
        check_reading(
            scope(BandwidthScope::Chassis),
            vec![("V57", two_cards, bandwidth(1))],
        );
    }

    #[test]
    fn qxp_cards_count_provisioned_trunk_slices() {
        let slice = [(ClientType::FourHundredGigE, 1)];
        let one = || chassis().card(QXPL).slice(0, 400, &slice);
        check(vec![
            ("V70", one(), qxp(2)),
            ("V71", one().slice(1, 400, &slice), qxp(4)),
            ("V72", chassis().card(QXP).slice(0, 400, &slice), NONE),
            ("V73", one().not_provisioned(), NONE),
            ("V74 down", one().down(), NONE),
            ("V74 absent", chassis(), NONE),
            ("V76 absent", chassis(), NONE),
            ("V76 inserted", one(), qxp(2)),
            (
                "V77",
                chassis()
                    .card(QXPL)
                    .trunk(Some("1.5"))
                    .settings(&SubseaSetting::ALL),
                NONE,
            ),
        ]);
        let one_a_slice = Policy {
            qxp: QxpCharge::OnePerSlice,
            ..Policy::default()
        };
        check_reading(one_a_slice, vec![("V71", one().slice(1, 400, &slice), qxp(2))]);
        let rate = TrunkRate::from_gbps(400).unwrap();
        let by_table = Policy {
            qxp: QxpCharge::ByTrunkRate(BTreeMap::from([(rate, 5)])),
            ..Policy::default()
        };
        check_reading(by_table, vec![("V70", one(), qxp(5))]);
    }

    #[test]
    fn other_readings_of_clients_are_a_switch_away() {
        let all_once_more = |free_clients_scope| Policy {
            free_clients_rule: FreeClientsRule::AllOnceMore,
            free_clients_scope,
            ..Policy::default()
        };
        check_reading(
            all_once_more(FreeClientsScope::LineCard),
            vec![
                ("V01 four", l12t().plain(0, 4), NONE),
                ("V02", l12t().plain(0, 5), clients(5, 0)),
                ("V05", l12t().plain(0, 4).plain(1, 4), clients(8, 0)),
                ("V08b", l12t().secret(0, 2).plain(1, 6), clients(6, 2)),
            ],
        );
        check_reading(
            all_once_more(FreeClientsScope::Slice),
            vec![
                ("V05", l12t().plain(0, 4).plain(1, 4), NONE),
                ("V06", l12t().plain(0, 5).plain(1, 2), clients(5, 0)),
            ],
        );
        let mixed = || l12t().slice(0, 600, &[(ClientType::Otu4, 4), (ClientType::HundredGigE, 2)]);
        check(vec![("Q22", mixed(), clients(2, 0))]);
        let hundred_gig_e = Policy {
            client_port_types: ClientPortTypes::HundredGigE,
            ..Policy::default()
        };
        let plain = l12t().plain(0, 6).plain(1, 6);
        check_reading(
            hundred_gig_e,
            vec![("Q22", mixed(), NONE), ("V04", plain, clients(8, 0))],
        );
    }

    #[test]
    fn other_readings_of_trunks_are_a_switch_away() {
        let bits = |bits| l12t().trunk(Some(bits));
        let four_free = Policy {
            four_bits_per_symbol: FourBits::Free,
            ..Policy::default()
        };
        check_reading(
            four_free,
            vec![
                ("V26", bits("4"), NONE),
                ("V25", bits("3.9999999999"), trunks(1, 0)),
            ],
        );
        let knob = [SubseaSetting::FilterRollOffFactor];
        let stated = || bits("5").stated_defaults(&knob);
        check(vec![("Q21", stated(), trunks(0, 1))]);
        let defaults_free = Policy {
            stated_defaults: StatedDefaults::Free,
            ..Policy::default()
        };
        let two = stated().settings(&[SubseaSetting::NleqCompMode]);
        check_reading(
            defaults_free,
            vec![
                ("Q21", stated(), NONE),
                ("Q21 and another", two, trunks(0, 1)),
                ("V33", bits("5").settings(&knob), trunks(0, 1)),
            ],
        );
        let shut_down = || bits("1.5").settings(&knob).cd_min(-20_000).shut_down();
        check(vec![("Q7", shut_down(), trunks(0, 1))]);
        let shut_down_free = Policy {
            shut_down_subsea: ShutDownSubsea::Free,
            ..Policy::default()
        };
        check_reading(
            shut_down_free,
            vec![
                ("Q7", shut_down(), NONE),
                ("V37", bits("3").settings(&knob).shut_down(), trunks(1, 0)),
                ("V22", bits("1.5"), trunks(0, 1)),
            ],
        );
    }

    #[test]
    fn other_readings_of_a_card_that_is_down_are_a_switch_away() {
        let slices = Policy {
            slices_of_down_card: OfDownCard::Counted,
            ..Policy::default()
        };
        let qxp_slice = [(ClientType::FourHundredGigE, 1)];
        let knob = [SubseaSetting::CprWinMode];
        check_reading(
            slices,
            vec![
                ("V12", l12t().plain(0, 6).plain(1, 6).down(), clients(8, 0)),
                (
                    "V74",
                    chassis().card(QXPL).slice(0, 400, &qxp_slice).down(),
                    qxp(2),
                ),
                (
                    "V74 OTN",
                    chassis()
                        .card(XPL)
                        .slice(0, 100, &[(ClientType::TenGigE, 3)])
                        .down(),
                    bandwidth(1),
                ),
                ("V38", l12t().trunk(Some("3")).down(), NONE),
                ("V75", l12t().trunk(Some("5")).settings(&knob).down(), NONE),
            ],
        );
        let settings = Policy {
            subsea_settings_of_down_card: OfDownCard::Counted,
            ..Policy::default()
        };
        check_reading(
            settings,
            vec![
                (
                    "V75",
                    l12t().trunk(Some("5")).settings(&knob).down(),
                    trunks(0, 1),
                ),
                ("V38", l12t().trunk(Some("1.5")).cd_min(-20_000).down(), NONE),
                ("V12", l12t().plain(0, 6).plain(1, 6).down(), NONE),
            ],
        );
    }

    #[test]
    fn other_readings_of_client_types_without_a_rule_are_a_switch_away() {
        let free = Policy {
            unruled_client_types: UnruledClientTypes::Free,
            ..Policy::default()
        };
        let slice = |clients: &[(ClientType, usize)]| chassis().card(XPL).slice(0, 200, clients);
        check_reading(
            free,
            vec![
                (
                    "V78",
                    slice(&[(ClientType::Fc16, 4), (ClientType::TenGigE, 2)]),
                    bandwidth(1),
                ),
                ("V78 40GE", slice(&[(ClientType::FortyGigE, 3)]), NONE),
                (
                    "V58",
                    slice(&[(ClientType::HundredGigE, 1), (ClientType::TenGigE, 3)]),
                    bandwidth(2),
                ),
            ],
        );
    }

    #[test]
    fn a_slice_that_the_hardware_does_not_carry_counts_nothing() {
        check(vec![
            ("1.2T", l12t().plain(0, 6).not_provisioned(), NONE),
            (
                "OTN-XP",
                chassis()
                    .card(XPL)
                    .slice(0, 100, &[(ClientType::TenGigE, 9)])
                    .not_provisioned(),
                NONE,
            ),
        ]);
    }

    #[test]
    fn an_unknown_card_counts_nothing_and_is_named() {
        let consumption = consumption(&chassis().card("NCS1K4-2-QDD-C-K9").0, &Policy::default());
        assert!(consumption.entitlements.is_empty());
        assert_eq!(consumption.unknown_cards[0].pid, "NCS1K4-2-QDD-C-K9");
    }

    #[test]
    fn contributions_say_what_was_counted_and_why() {
        let chassis = l12t()
            .plain(0, 5)
            .trunk(Some("3"))
            .settings(&[SubseaSetting::RxVoaTargetPower]);
        let consumption = consumption(&chassis.0, &Policy::default());
        let mut lines = Vec::new();
        for (entitlement, entry) in &consumption.entitlements {
            for line in &entry.contributions {
                let tag = entitlement.short_tag();
                lines.push(format!("{tag} {} {}: {}", line.amount, line.item, line.rule));
            }
        }
        expect_test::expect![[r#"
            S-NCS1K4-LIC-100G= 0 HundredGigECtrlr0/0/0/2: the first 4 client ports of a line card are free of charge
            S-NCS1K4-LIC-100G= 0 HundredGigECtrlr0/0/0/3: the first 4 client ports of a line card are free of charge
            S-NCS1K4-LIC-100G= 0 HundredGigECtrlr0/0/0/4: the first 4 client ports of a line card are free of charge
            S-NCS1K4-LIC-100G= 0 HundredGigECtrlr0/0/0/5: the first 4 client ports of a line card are free of charge
            S-NCS1K4-LIC-100G= 1 HundredGigECtrlr0/0/0/6: one for each client port beyond the first 4
            S_NCS1K4_LONGHAUL 1 Optics0/0/0/0: 3.0000000000 bits per symbol is within 2 to 4
            S_NCS1K4_SUBSEA 1 Optics0/0/0/0 rx-voa target-power: a subsea setting stands in the running configuration"#]]
        .assert_eq(&lines.join("\n"));
    }

    fn all_counts(facts: &Facts, policy: &Policy) -> [u32; 6] {
        let consumption = consumption(facts, policy);
        Entitlement::ALL.map(|entitlement| consumption.count(entitlement))
    }

    proptest! {
        #[test]
        fn one_more_client_never_lowers_a_count(
            facts in any_facts(),
            policy in any_policy(),
            (card, slice, client) in (0..4_usize, 0..2_usize, any_client(8)),
        ) {
            let before = all_counts(&facts, &policy);
            let mut more = facts;
            let slice = &mut more.line_cards[card].slices[slice];
            let port = 100 + slice.clients.len() as u32;
            slice.clients.push(ClientFacts { port, ..client });
            let after = all_counts(&more, &policy);
            prop_assert!(before.iter().zip(&after).all(|(before, after)| before <= after), "{before:?} {after:?}");
        }

        #[test]
        fn encryption_moves_a_licence_and_makes_none(facts in any_facts(), card in 0..4_usize, slice in 0..2_usize) {
            let total = |facts: &Facts| -> u32 {
                let counts = all_counts(facts, &Policy::default());
                counts[0] + counts[1]
            };
            let before = total(&facts);
            let mut encrypted = facts;
            for client in &mut encrypted.line_cards[card].slices[slice].clients {
                client.encrypted = true;
            }
            prop_assert_eq!(before, total(&encrypted));
        }

        #[test]
        fn cards_without_licences_count_nothing(facts in any_facts(), policy in any_policy()) {
            let mut facts = facts;
            for (position, card) in facts.line_cards.iter_mut().enumerate() {
                card.pid = [K9, QXP][position % 2].to_owned();
            }
            prop_assert_eq!(all_counts(&facts, &policy), NONE);
        }

        #[test]
        fn the_order_of_cards_does_not_matter(facts in any_facts(), policy in any_policy(), turn in 0..4_usize) {
            let mut turned = facts.clone();
            turned.line_cards.rotate_left(turn);
            prop_assert_eq!(consumption(&facts, &policy), consumption(&turned, &policy));
        }

        #[test]
        fn no_two_items_of_an_entitlement_print_alike(facts in any_facts(), policy in any_policy()) {
            for entry in consumption(&facts, &policy).entitlements.values() {
                let items: BTreeSet<String> = entry.contributions.iter().map(|line| line.item.to_string()).collect();
                prop_assert_eq!(items.len(), entry.contributions.len());
            }
        }
    }
}
