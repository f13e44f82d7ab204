//! What the fitted cards consume: a pure function from facts to licences, with the reason for each.

use std::collections::BTreeMap;
use std::fmt;

use crate::device::inventory::{ClientType, LineCardModel, SlotLocation, TrunkRate};
use crate::device::optics::{BitsPerSymbol, DEFAULT_CD_MAX_PS_NM, DEFAULT_CD_MIN_PS_NM, SubseaSetting};
use crate::licensing::catalogue::Entitlement;
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

/// A card without a counting rule.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct UnknownCard {
    /// Where it is.
    pub location: SlotLocation,
    /// What it says it is.
    pub pid: String,
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

impl fmt::Display for Item {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Item::Client(location, client_type, port, lane) => {
                write!(f, "{}{location}/0/{port}", controller_type(*client_type))?;
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
const FREE_CLIENTS: usize = 4;

/// Computes what the cards consume. Never fails and never refuses: what cannot be counted counts nothing.
pub fn consumption(facts: &Facts, policy: &Policy) -> Consumption {
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
    tally.finish()
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
fn tens_of_gbps(client_type: ClientType, policy: &Policy) -> u32 {
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

/// The start of a client controller's name on XR, as slice commands print it.
fn controller_type(client_type: ClientType) -> &'static str {
    match client_type {
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    const L12T: &str = "NCS1K4-1.2T-L-K9";
    const K9: &str = "NCS1K4-1.2T-K9";
    const XPL: &str = "NCS1K4-OTN-XPL";
    const QXPL: &str = "NCS1K4-QXP-L-K9";
    const QXP: &str = "NCS1K4-QXP-K9";

    /// Builds facts a card at a time; every card is up unless it is said to be down.
    #[derive(Clone)]
    struct Chassis(Facts);

    fn chassis() -> Chassis {
        Chassis(Facts::default())
    }

    impl Chassis {
        fn card(mut self, pid: &str) -> Chassis {
            let slot = self.0.line_cards.len() as u8;
            self.0.line_cards.push(LineCardFacts {
                location: SlotLocation { rack: 0, slot },
                pid: pid.to_owned(),
                up: true,
                slices: Vec::new(),
                trunks: Vec::new(),
            });
            self
        }

        fn last(&mut self) -> &mut LineCardFacts {
            self.0.line_cards.last_mut().unwrap()
        }

        fn down(mut self) -> Chassis {
            self.last().up = false;
            self
        }

        fn slice(mut self, id: u32, rate_gbps: u32, clients: &[(ClientType, usize)]) -> Chassis {
            let types = clients
                .iter()
                .flat_map(|(kind, n)| std::iter::repeat_n(*kind, *n));
            let clients = types
                .enumerate()
                .map(|(nth, client_type)| ClientFacts {
                    port: 2 + 6 * id + nth as u32,
                    lane: None,
                    client_type,
                    encrypted: false,
                })
                .collect();
            self.last().slices.push(SliceFacts {
                slice_id: Some(id),
                trunk_rate: TrunkRate::from_gbps(rate_gbps),
                provisioned: true,
                clients,
            });
            self
        }

        /// A slice of a 1.2T card with that many 100GE clients.
        fn plain(self, id: u32, clients: usize) -> Chassis {
            self.slice(
                id,
                100 * clients.max(1) as u32,
                &[(ClientType::HundredGigE, clients)],
            )
        }

        /// The same, all encrypted.
        fn secret(self, id: u32, clients: usize) -> Chassis {
            self.plain(id, clients).encrypt(clients)
        }

        /// Encrypts the first clients of the last slice.
        fn encrypt(mut self, clients: usize) -> Chassis {
            let slice = self.last().slices.last_mut().unwrap();
            slice
                .clients
                .iter_mut()
                .take(clients)
                .for_each(|client| client.encrypted = true);
            self
        }

        fn muxponder(mut self, rate_gbps: u32, clients: usize) -> Chassis {
            self = self.slice(0, rate_gbps, &[(ClientType::HundredGigE, clients)]);
            self.last().slices.last_mut().unwrap().slice_id = None;
            self
        }

        fn not_provisioned(mut self) -> Chassis {
            self.last().slices.last_mut().unwrap().provisioned = false;
            self
        }

        fn trunk(mut self, bits: Option<&str>) -> Chassis {
            let port = self.last().trunks.len() as u32;
            self.last().trunks.push(TrunkFacts {
                port,
                bits_per_symbol: bits.map(|bits| bits.parse().unwrap()),
                cd_min_ps_nm: DEFAULT_CD_MIN_PS_NM,
                cd_max_ps_nm: DEFAULT_CD_MAX_PS_NM,
                subsea_settings: BTreeSet::new(),
                stated_defaults: BTreeSet::new(),
                shut_down: false,
            });
            self
        }

        fn cd_min(mut self, limit: i32) -> Chassis {
            self.last().trunks.last_mut().unwrap().cd_min_ps_nm = limit;
            self
        }

        fn cd_max(mut self, limit: i32) -> Chassis {
            self.last().trunks.last_mut().unwrap().cd_max_ps_nm = limit;
            self
        }

        fn settings(mut self, settings: &[SubseaSetting]) -> Chassis {
            let trunk = self.last().trunks.last_mut().unwrap();
            trunk.subsea_settings.extend(settings);
            self
        }

        /// The same with the values that hold without them.
        fn stated_defaults(self, settings: &[SubseaSetting]) -> Chassis {
            let mut chassis = self.settings(settings);
            chassis
                .last()
                .trunks
                .last_mut()
                .unwrap()
                .stated_defaults
                .extend(settings);
            chassis
        }

        fn shut_down(mut self) -> Chassis {
            self.last().trunks.last_mut().unwrap().shut_down = true;
            self
        }
    }

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

    fn any_client(port: u32) -> impl Strategy<Value = ClientFacts> {
        (proptest::sample::select(&ClientType::ALL[..]), any::<bool>()).prop_map(
            move |(client_type, encrypted)| ClientFacts {
                port,
                lane: None,
                client_type,
                encrypted,
            },
        )
    }

    fn any_slice(slice_id: u32) -> impl Strategy<Value = SliceFacts> {
        let clients = (0..6_u32)
            .map(|n| any_client(2 + 6 * slice_id + n))
            .collect::<Vec<_>>();
        (1..=12_u32, any::<bool>(), clients, 0..=6_usize).prop_map(
            move |(rate, provisioned, mut clients, n)| {
                clients.truncate(n);
                SliceFacts {
                    slice_id: Some(slice_id),
                    trunk_rate: TrunkRate::from_gbps(50 * rate),
                    provisioned,
                    clients,
                }
            },
        )
    }

    fn any_trunk(port: u32) -> impl Strategy<Value = TrunkFacts> {
        let bits = proptest::option::of((0..7_u32, 0..10_000_000_000_u64));
        let settings = proptest::sample::subsequence(&SubseaSetting::ALL[..], 0..=3);
        let figures = (bits, -20_000..0, 0..200_000, settings, any::<bool>());
        figures.prop_map(move |(bits, cd_min, cd_max, settings, shut_down)| TrunkFacts {
            port,
            bits_per_symbol: bits.map(|(whole, rest)| BitsPerSymbol::from_parts(whole, rest)),
            cd_min_ps_nm: cd_min,
            cd_max_ps_nm: cd_max,
            subsea_settings: settings.into_iter().collect(),
            stated_defaults: BTreeSet::new(),
            shut_down,
        })
    }

    fn any_card(slot: u8) -> impl Strategy<Value = LineCardFacts> {
        let pids = vec![L12T, K9, XPL, QXPL, QXP, "NCS1K4-2-QDD-C-K9"];
        let slices = (any_slice(0), any_slice(1));
        let trunks = (any_trunk(0), any_trunk(1));
        (proptest::sample::select(pids), any::<bool>(), slices, trunks).prop_map(
            move |(pid, up, slices, trunks)| LineCardFacts {
                location: SlotLocation { rack: 0, slot },
                pid: pid.to_owned(),
                up,
                slices: vec![slices.0, slices.1],
                trunks: vec![trunks.0, trunks.1],
            },
        )
    }

    fn any_facts() -> impl Strategy<Value = Facts> {
        (any_card(0), any_card(1), any_card(2), any_card(3)).prop_map(|cards| Facts {
            line_cards: vec![cards.0, cards.1, cards.2, cards.3],
        })
    }

    fn any_policy() -> impl Strategy<Value = Policy> {
        use proptest::sample::select;
        let rules = select(vec![FreeClientsRule::BeyondFour, FreeClientsRule::AllOnceMore]);
        let types = select(vec![ClientPortTypes::Every, ClientPortTypes::HundredGigE]);
        let down = || select(vec![OfDownCard::Free, OfDownCard::Counted]);
        let four = select(vec![FourBits::LongHaul, FourBits::Free]);
        let shut_down = select(vec![ShutDownSubsea::Counted, ShutDownSubsea::Free]);
        let defaults = select(vec![StatedDefaults::Counted, StatedDefaults::Free]);
        let unruled = select(vec![UnruledClientTypes::ByBandwidth, UnruledClientTypes::Free]);
        let further = (rules, types, down(), down(), four, shut_down, defaults, unruled);
        let scopes = select(vec![
            FreeClientsScope::LineCard,
            FreeClientsScope::Slice,
            FreeClientsScope::Chassis,
        ]);
        let first = select(vec![FreeClientsFirst::Plain, FreeClientsFirst::SliceOrder]);
        let overlap = select(vec![TrunkOverlap::Both, TrunkOverlap::SubseaAlone]);
        let bandwidth = select(vec![
            BandwidthScope::LineCard,
            BandwidthScope::Slice,
            BandwidthScope::Chassis,
        ]);
        let qxp = select(vec![
            QxpCharge::ByTrunkRate(BTreeMap::new()),
            QxpCharge::OnePerSlice,
        ]);
        let all = (scopes, first, overlap, bandwidth, qxp, further);
        all.prop_map(|(scope, first, overlap, bandwidth, qxp, further)| Policy {
            free_clients_scope: scope,
            free_clients_rule: further.0,
            free_clients_first: first,
            client_port_types: further.1,
            trunk_overlap: overlap,
            four_bits_per_symbol: further.4,
            subsea_settings_of_down_card: further.2,
            slices_of_down_card: further.3,
            shut_down_subsea: further.5,
            stated_defaults: further.6,
            bandwidth_scope: bandwidth,
            unruled_client_types: further.7,
            qxp,
        })
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
