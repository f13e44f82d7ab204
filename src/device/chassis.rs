//! The description of a simulated chassis: which cards sit where, what they are called, and how their optics behave.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use serde::Deserialize;
use toml::Spanned;

use crate::device::hardware::{CardState, ChassisSnapshot};
use crate::device::inventory::{LineCardModel, SlotLocation, TrunkRate};
use crate::device::optics::{BitsPerSymbol, DEFAULT_CD_MAX_PS_NM, DEFAULT_CD_MIN_PS_NM};
use crate::device::plain_words::plain_words;
use crate::device::serial_number::{SerialFor, serial_number};

/// Everything that is fixed about a simulated chassis before its first command.
#[derive(Clone, PartialEq, Debug)]
pub struct ChassisDescription {
    /// Seed of every figure and serial number that the simulator makes up.
    pub seed: u64,
    /// How long the hardware takes to act on a wish, milliseconds.
    pub response_delay_ms: u32,
    /// Identity of chassis and route processor.
    pub identity: ChassisSnapshot,
    /// The fitted cards; a slot without an entry is empty.
    pub cards: BTreeMap<SlotLocation, CardDescription>,
    /// Lower limit of the dispersion search where none is configured, ps/nm.
    pub cd_min_ps_nm: i32,
    /// Upper limit of the dispersion search where none is configured, ps/nm.
    pub cd_max_ps_nm: i32,
    /// What a trunk without configured bits per symbol reports once it carries a slice of this rate.
    /// Empty by default: such a trunk reports none.
    pub bits_per_symbol_by_trunk_rate: BTreeMap<TrunkRate, BitsPerSymbol>,
}

/// One fitted card.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CardDescription {
    /// Product identifier; one that Ponder does not know is shown in the inventory and carries nothing.
    pub pid: String,
    /// Serial number; made from the seed when absent.
    pub serial_number: Option<String>,
    /// Up or down when the simulator starts.
    pub state: CardState,
}

/// Why a description was refused: the line, the key or value, and the rule.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("line {line}: {reason}")]
pub struct ChassisError {
    /// Line of the text, counted from 1.
    pub line: usize,
    /// What is wrong there.
    pub reason: String,
}

/// Slots of the chassis: `0/0` to `0/3`.
pub const SLOTS: RangeInclusive<u8> = 0..=3;

impl Default for ChassisDescription {
    /// The chassis without a file: 1.2T-L in 0/0 and 0/3, OTN-XPL in 0/1, QXP-L in 0/2.
    fn default() -> Self {
        let cards = [
            LineCardModel::Muxponder12TLicensed,
            LineCardModel::OtnXpLicensed,
            LineCardModel::QxpLicensed,
            LineCardModel::Muxponder12TLicensed,
        ];
        ChassisDescription {
            seed: DEFAULT_SEED,
            response_delay_ms: 0,
            identity: ChassisSnapshot {
                pid: "NCS1004".to_owned(),
                vid: "V01".to_owned(),
                serial_number: serial_number(DEFAULT_SEED, SerialFor::Chassis),
                uuid: "default-sdr".to_owned(),
                description: "NCS 1004 chassis with four line card slots (simulated)".to_owned(),
                route_processor_pid: "NCS1K4-CNTLR-K9".to_owned(),
                route_processor_serial_number: serial_number(DEFAULT_SEED, SerialFor::RouteProcessor),
                software_version: "7.9.1".to_owned(),
            },
            cards: SLOTS
                .zip(cards)
                .map(|(slot, model)| {
                    let card = CardDescription {
                        pid: model.pid().to_owned(),
                        serial_number: None,
                        state: CardState::Up,
                    };
                    (SlotLocation { rack: 0, slot }, card)
                })
                .collect(),
            cd_min_ps_nm: DEFAULT_CD_MIN_PS_NM,
            cd_max_ps_nm: DEFAULT_CD_MAX_PS_NM,
            bits_per_symbol_by_trunk_rate: BTreeMap::new(),
        }
    }
}

impl ChassisDescription {
    /// Reads a description. Keys that are left out keep the values of the default chassis; where there is a `slots`
    /// table, the slots that it does not name are empty.
    ///
    /// # Errors
    /// [`ChassisError`] for text that is not TOML, an unknown key, or a value outside its rule.
    pub fn from_toml(text: &str) -> Result<ChassisDescription, ChassisError> {
        let document: Document = toml::from_str(text).map_err(|error| ChassisError {
            line: line_at(text, error.span().map_or(0, |span| span.start)),
            reason: plain_words(&error.message().lines().collect::<Vec<_>>().join(", ")),
        })?;
        document.describe().map_err(|(at, reason)| ChassisError {
            line: line_at(text, at),
            reason,
        })
    }
}

/// Says whether a text can be a product identifier: what `line-card-pid` of `ponder-simulator` takes.
pub fn check_pid(pid: &str) -> Result<(), String> {
    let first = pid.starts_with(|first: char| first.is_ascii_alphanumeric());
    let rest = pid
        .chars()
        .all(|letter| letter.is_ascii_alphanumeric() || ".=_/+-".contains(letter));
    if first && rest && pid.len() <= 64 {
        return Ok(());
    }
    Err(format!(
        "{pid:?} is no product identifier: 1 to 64 letters, digits and . = _ / + -, such as NCS1K4-1.2T-L-K9"
    ))
}

/// Says whether a text can be a serial number: 1 to 32 visible ASCII characters.
pub fn check_serial_number(serial_number: &str) -> Result<(), String> {
    if (1..=32).contains(&serial_number.len()) && serial_number.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Ok(());
    }
    Err(format!(
        "{serial_number:?} is no serial number: 1 to 32 visible ASCII characters without blanks"
    ))
}

/// Reads a slot of this chassis.
pub fn slot_of_chassis(text: &str) -> Result<SlotLocation, String> {
    match text.parse::<SlotLocation>() {
        Ok(location) if location.rack == 0 && SLOTS.contains(&location.slot) => Ok(location),
        Ok(_) => Err(format!("{text:?} is not a slot of this chassis: 0/0 to 0/3")),
        Err(error) => Err(error.to_string()),
    }
}

/// Seed of the default chassis.
const DEFAULT_SEED: u64 = 1004;

/// The file as TOML has it.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Document {
    seed: Option<u64>,
    response_delay_ms: Option<u32>,
    chassis: Option<Identity>,
    route_processor: Option<RouteProcessor>,
    optics: Option<Optics>,
    slots: Option<BTreeMap<Spanned<String>, Card>>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Identity {
    pid: Option<Spanned<String>>,
    vid: Option<Spanned<String>>,
    serial_number: Option<Spanned<String>>,
    uuid: Option<Spanned<String>>,
    description: Option<Spanned<String>>,
    software_version: Option<Spanned<String>>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct RouteProcessor {
    pid: Option<Spanned<String>>,
    serial_number: Option<Spanned<String>>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Optics {
    cd_min_ps_nm: Option<Spanned<i32>>,
    cd_max_ps_nm: Option<Spanned<i32>>,
    bits_per_symbol_by_trunk_rate: Option<BTreeMap<Spanned<String>, Spanned<String>>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Card {
    pid: Spanned<String>,
    serial_number: Option<Spanned<String>>,
    state: Option<Spanned<String>>,
}

/// Where in the text, and what is wrong.
type Fault = (usize, String);

impl Document {
    fn describe(self) -> Result<ChassisDescription, Fault> {
        let mut described = ChassisDescription::default();
        if let Some(seed) = self.seed {
            described.seed = seed;
            described.identity.serial_number = serial_number(seed, SerialFor::Chassis);
            described.identity.route_processor_serial_number = serial_number(seed, SerialFor::RouteProcessor);
        }
        if let Some(delay) = self.response_delay_ms {
            described.response_delay_ms = delay;
        }
        let identity = &mut described.identity;
        let chassis = self.chassis.unwrap_or_default();
        take(&mut identity.pid, chassis.pid, check_pid)?;
        take(
            &mut identity.serial_number,
            chassis.serial_number,
            check_serial_number,
        )?;
        take(&mut identity.vid, chassis.vid, check_text)?;
        take(&mut identity.uuid, chassis.uuid, check_text)?;
        take(&mut identity.description, chassis.description, check_text)?;
        take(
            &mut identity.software_version,
            chassis.software_version,
            check_text,
        )?;
        let processor = self.route_processor.unwrap_or_default();
        take(&mut identity.route_processor_pid, processor.pid, check_pid)?;
        take(
            &mut identity.route_processor_serial_number,
            processor.serial_number,
            check_serial_number,
        )?;
        self.optics.unwrap_or_default().describe(&mut described)?;
        if let Some(slots) = self.slots {
            let identity = &described.identity;
            let mut taken = BTreeMap::from([
                (identity.serial_number.clone(), "the chassis".to_owned()),
                (
                    identity.route_processor_serial_number.clone(),
                    "the route processor".to_owned(),
                ),
            ]);
            described.cards = slots
                .into_iter()
                .map(|(location, card)| {
                    let slot = slot_of_chassis(location.get_ref())
                        .map_err(|reason| (location.span().start, reason))?;
                    let at = card.serial_number.as_ref().map_or(0, |given| given.span().start);
                    let card = card.describe()?;
                    let whose = format!("the card in {slot}");
                    if let Some(serial_number) = card.serial_number.clone()
                        && let Some(other) = taken.insert(serial_number.clone(), whose)
                    {
                        return Err((
                            at,
                            format!("serial-number {serial_number:?} is that of {other} already"),
                        ));
                    }
                    Ok((slot, card))
                })
                .collect::<Result<_, Fault>>()?;
        }
        Ok(described)
    }
}

impl Optics {
    fn describe(self, described: &mut ChassisDescription) -> Result<(), Fault> {
        let limits = [
            (&mut described.cd_min_ps_nm, self.cd_min_ps_nm),
            (&mut described.cd_max_ps_nm, self.cd_max_ps_nm),
        ];
        let mut at = 0;
        for (place, given) in limits {
            let Some(given) = given else { continue };
            if !(-350_000..=350_000).contains(given.get_ref()) {
                let reason = format!("{} ps/nm is outside -350000 to 350000", given.get_ref());
                return Err((given.span().start, reason));
            }
            at = given.span().start;
            *place = given.into_inner();
        }
        let (min, max) = (described.cd_min_ps_nm, described.cd_max_ps_nm);
        if min > max {
            let reason = format!("cd-min-ps-nm {min} is above cd-max-ps-nm {max}");
            return Err((at, reason));
        }
        for (rate, bits) in self.bits_per_symbol_by_trunk_rate.into_iter().flatten() {
            let gbps = rate.get_ref().parse().ok().and_then(TrunkRate::from_gbps);
            let gbps = gbps.ok_or_else(|| {
                let reason = format!(
                    "{:?} is no trunk rate: a multiple of 50 from 50 to 600 (Gbit/s)",
                    rate.get_ref()
                );
                (rate.span().start, reason)
            })?;
            let value = bits
                .get_ref()
                .parse::<BitsPerSymbol>()
                .map_err(|error| (bits.span().start, error.to_string()))?;
            described.bits_per_symbol_by_trunk_rate.insert(gbps, value);
        }
        Ok(())
    }
}

impl Card {
    fn describe(self) -> Result<CardDescription, Fault> {
        let mut described = CardDescription {
            pid: String::new(),
            serial_number: None,
            state: CardState::Up,
        };
        take(&mut described.pid, Some(self.pid), check_pid)?;
        if self.serial_number.is_some() {
            let mut given = String::new();
            take(&mut given, self.serial_number, check_serial_number)?;
            described.serial_number = Some(given);
        }
        if let Some(state) = self.state {
            described.state = match state.get_ref().as_str() {
                "up" => CardState::Up,
                "down" => CardState::Down,
                other => {
                    return Err((
                        state.span().start,
                        format!("state {other:?} is neither \"up\" nor \"down\""),
                    ));
                }
            };
        }
        Ok(described)
    }
}

/// Overwrites a value with what the file gives, once it is checked.
fn take(
    place: &mut String,
    given: Option<Spanned<String>>,
    check: fn(&str) -> Result<(), String>,
) -> Result<(), Fault> {
    if let Some(given) = given {
        check(given.get_ref()).map_err(|reason| (given.span().start, reason))?;
        *place = given.into_inner();
    }
    Ok(())
}

/// What the inventory can show: a line of up to 255 characters.
fn check_text(text: &str) -> Result<(), String> {
    if (1..=255).contains(&text.len()) && !text.chars().any(char::is_control) {
        return Ok(());
    }
    Err(format!("{text:?} is not one line of 1 to 255 bytes"))
}

/// Line of a byte of the text, counted from 1.
fn line_at(text: &str, at: usize) -> usize {
    1 + text.bytes().take(at).filter(|byte| *byte == b'\n').count()
}

#[cfg(test)]
mod tests {
    use super::ChassisDescription;
    use crate::device::hardware::CardState;
    use crate::device::inventory::{SlotLocation, TrunkRate};

    fn refusal(text: &str) -> String {
        ChassisDescription::from_toml(text).unwrap_err().to_string()
    }

    #[test]
    fn the_commented_sample_describes_the_default_chassis() {
        let sample = include_str!("../../examples/chassis.toml");
        assert_eq!(
            ChassisDescription::from_toml(sample),
            Ok(ChassisDescription::default())
        );
    }

    #[test]
    fn an_empty_file_is_the_default_chassis() {
        assert_eq!(
            ChassisDescription::from_toml(""),
            Ok(ChassisDescription::default())
        );
    }

    #[test]
    fn limits_that_cross_and_serial_numbers_that_come_twice_are_refused() {
        assert_eq!(
            refusal("[optics]\ncd-min-ps-nm = 20\ncd-max-ps-nm = 10\n"),
            "line 3: cd-min-ps-nm 20 is above cd-max-ps-nm 10"
        );
        let card = |serial: &str| format!("pid = \"NCS1K4-1.2T-L-K9\"\nserial-number = \"{serial}\"\n");
        let twice = format!("[slots.\"0/0\"]\n{0}[slots.\"0/1\"]\n{0}", card("ABC1"));
        assert_eq!(
            refusal(&twice),
            "line 6: serial-number \"ABC1\" is that of the card in 0/0 already"
        );
        let chassis = format!(
            "[chassis]\nserial-number = \"ABC1\"\n[slots.\"0/0\"]\n{}",
            card("ABC1")
        );
        assert_eq!(
            refusal(&chassis),
            "line 5: serial-number \"ABC1\" is that of the chassis already"
        );
    }

    #[test]
    fn slots_that_a_file_does_not_name_are_empty() {
        let text =
            "[slots.\"0/1\"]\npid = \"NCS1K4-1.2T-L-K9\"\nserial-number = \"ABC1\"\nstate = \"down\"\n";
        let described = ChassisDescription::from_toml(text).unwrap();
        let (location, card) = described.cards.first_key_value().unwrap();
        assert_eq!(described.cards.len(), 1);
        assert_eq!(*location, SlotLocation { rack: 0, slot: 1 });
        assert_eq!(
            (card.serial_number.as_deref(), card.state),
            (Some("ABC1"), CardState::Down)
        );
    }

    #[test]
    fn a_table_of_bits_per_symbol_is_read_as_decimals() {
        let text = "[optics.bits-per-symbol-by-trunk-rate]\n300 = \"3.0\"\n600 = \"5.1\"\n";
        let table = ChassisDescription::from_toml(text)
            .unwrap()
            .bits_per_symbol_by_trunk_rate;
        let rate = TrunkRate::from_gbps(300).unwrap();
        assert_eq!(table[&rate].to_string(), "3.0000000000");
    }

    #[test]
    fn an_unknown_key_is_named_with_its_line() {
        let refused = refusal("seed = 1\n\n[chassis]\nserail-number = \"X\"\n");
        assert!(
            refused.starts_with("line 4: unknown key `serail-number`"),
            "{refused}"
        );
    }

    #[test]
    fn a_wrong_value_is_named_with_its_line_and_rule() {
        let cases = [
            (
                "seed = \"x\"",
                "line 1: text \"x\" stands where a whole number of 0 or more is due",
            ),
            ("seed = = 3", "line 1: "),
            (
                "[slots.\"0/7\"]\npid = \"A\"",
                "line 1: \"0/7\" is not a slot of this chassis: 0/0 to 0/3",
            ),
            (
                "[slots.\"one\"]\npid = \"A\"",
                "line 1: \"one\" is not a location of the form rack/slot, such as 0/1",
            ),
            (
                "[slots.\"0/1\"]\npid = \"\"",
                "line 2: \"\" is no product identifier",
            ),
            (
                "[slots.\"0/1\"]\nserial-number = \"X\"",
                "line 1: missing key `pid`",
            ),
            (
                "[slots.\"0/1\"]\npid = \"A\"\nstate = \"off\"",
                "line 3: state \"off\" is neither \"up\" nor \"down\"",
            ),
            (
                "[optics]\ncd-min-ps-nm = -350001",
                "line 2: -350001 ps/nm is outside -350000 to 350000",
            ),
            (
                "[optics.bits-per-symbol-by-trunk-rate]\n310 = \"3\"",
                "line 2: \"310\" is no trunk rate: a multiple of 50 from 50 to 600 (Gbit/s)",
            ),
            (
                "[optics.bits-per-symbol-by-trunk-rate]\n300 = \"three\"",
                "line 2: \"three\" is not a decimal number",
            ),
            (
                "[chassis]\nserial-number = \"A B\"",
                "line 2: \"A B\" is no serial number",
            ),
        ];
        for (text, expected) in cases {
            let refused = refusal(text);
            assert!(refused.starts_with(expected), "{text:?} gave {refused:?}");
        }
    }
}
