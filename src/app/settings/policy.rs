//! `[licensing.policy]` and `[licensing.periods]`: where the product's documents can be read in two ways, and how long things take.

use std::collections::BTreeMap;
use std::fmt::Write;

use jiff::SignedDuration;
use serde::{Deserialize, Deserializer};

use crate::device::inventory::TrunkRate;
use crate::licensing::agent_settings::{
    AgentSettings, AuthorizationExpiry, ChangedCounts, FailedRenewal, RegisterAnswer,
};
use crate::licensing::policy::{
    BandwidthScope, ClientPortTypes, FourBits, FreeClientsFirst, FreeClientsRule, FreeClientsScope,
    OfDownCard, Policy, QxpCharge, ShutDownSubsea, StatedDefaults, TrunkOverlap, UnruledClientTypes,
};

/// `[licensing.policy]`: one switch a reading; [`READINGS`] says what each means.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
#[allow(missing_docs)] // READINGS says it once, for the file, the book and the tests
pub struct PolicySettings {
    pub free_clients_scope: FreeClientsScope,
    pub free_clients_rule: FreeClientsRule,
    pub free_clients_first: FreeClientsFirst,
    pub trunk_overlap: TrunkOverlap,
    pub four_bits_per_symbol: FourBits,
    pub subsea_settings_of_down_card: OfDownCard,
    pub slices_of_down_card: OfDownCard,
    pub shut_down_subsea: ShutDownSubsea,
    pub bandwidth_scope: BandwidthScope,
    pub qxp_charge: QxpChargeKind,
    /// Licences of a slice by its trunk rate in Gbit/s, where they are others than one for every started 200G.
    pub qxp_by_trunk_rate: QxpTable,
    pub authorization_expiry: AuthorizationExpiry,
    pub failed_renewal: FailedRenewal,
    pub smart_licensing: SmartLicensing,
    pub stated_defaults: StatedDefaults,
    pub client_port_types: ClientPortTypes,
    pub unruled_client_types: UnruledClientTypes,
    pub call_home_at_first_start: CallHomeAtFirstStart,
    pub call_home_service: CallHomeService,
    pub changed_counts: ChangedCounts,
    pub destination_host: DestinationHost,
    pub crl_optional_on: CrlOptionalOn,
    pub registration_retry: RegistrationRetry,
    pub register_answer: RegisterAnswer,
}

/// How QXP slices are charged.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum QxpChargeKind {
    /// By their trunk rate.
    #[default]
    ByTrunkRate,
    /// One each.
    OnePerSlice,
}

/// Licences by trunk rate.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct QxpTable(pub BTreeMap<TrunkRate, u32>);

impl<'de> Deserialize<'de> for QxpTable {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<QxpTable, D::Error> {
        let written = BTreeMap::<String, u32>::deserialize(deserializer)?;
        let rate = |text: &str| text.parse().ok().and_then(TrunkRate::from_gbps);
        let entries = written.into_iter().map(|(text, licences)| match rate(&text) {
            Some(rate) => Ok((rate, licences)),
            None => Err(serde::de::Error::custom(format!(
                "{text:?} is no trunk rate: a multiple of 50 from 50 to 600, in Gbit/s"
            ))),
        });
        entries.collect::<Result<_, D::Error>>().map(QxpTable)
    }
}

/// Whether Smart Licensing is on; on this platform it always is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SmartLicensing {
    /// On.
    #[default]
    On,
    /// Off: commands answer `notenabled`, nothing is sent.
    Off,
}

/// What holds while `CiscoTAC-1` is not configured.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CallHomeAtFirstStart {
    /// Its built-in values: active, over http, without a destination.
    #[default]
    BuiltIn,
    /// Nothing: no profile is active until one is configured.
    Absent,
}

/// Whether `service active` must be configured.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CallHomeService {
    /// It counts as set.
    #[default]
    BuiltIn,
    /// It must stand in running as soon as call home does.
    AsConfigured,
}

/// What a destination may name.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DestinationHost {
    /// A name or an address.
    #[default]
    Any,
    /// A fully qualified domain name alone.
    NameAlone,
}

/// Where `crl optional` has to stand.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CrlOptionalOn {
    /// On trustpoint `Trustpool` or on the trustpool.
    #[default]
    Either,
    /// On trustpoint `Trustpool`, as the chapter has it.
    Trustpoint,
    /// On the trustpool.
    Trustpool,
}

/// When a registration that could not reach the server is tried again.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RegistrationRetry {
    /// After the period `registration-retry`, 24 hours.
    #[default]
    Daily,
    /// After 15 minutes.
    Quick,
}

impl PolicySettings {
    /// The counting rules.
    pub fn counting(&self) -> Policy {
        Policy {
            free_clients_scope: self.free_clients_scope,
            free_clients_rule: self.free_clients_rule,
            free_clients_first: self.free_clients_first,
            client_port_types: self.client_port_types,
            trunk_overlap: self.trunk_overlap,
            four_bits_per_symbol: self.four_bits_per_symbol,
            subsea_settings_of_down_card: self.subsea_settings_of_down_card,
            slices_of_down_card: self.slices_of_down_card,
            shut_down_subsea: self.shut_down_subsea,
            stated_defaults: self.stated_defaults,
            bandwidth_scope: self.bandwidth_scope,
            unruled_client_types: self.unruled_client_types,
            qxp: match self.qxp_charge {
                QxpChargeKind::ByTrunkRate => QxpCharge::ByTrunkRate(self.qxp_by_trunk_rate.0.clone()),
                QxpChargeKind::OnePerSlice => QxpCharge::OnePerSlice,
            },
        }
    }
}

/// A length of time as it is written: `90s`, `15m`, `24h`, `30d`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Period(pub SignedDuration);

impl<'de> Deserialize<'de> for Period {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Period, D::Error> {
        let text = String::deserialize(deserializer)?;
        period(&text).map(Period).ok_or_else(|| {
            serde::de::Error::custom(format!(
                "{text:?} is no period: a whole number above 0 with s, m, h or d behind it, such as 90s or 30d"
            ))
        })
    }
}

/// A [`Period`] that may also be `0s`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Delay(pub SignedDuration);

impl<'de> Deserialize<'de> for Delay {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Delay, D::Error> {
        let text = String::deserialize(deserializer)?;
        let delay = match text.as_str() {
            "0s" => Some(SignedDuration::ZERO),
            other => period(other),
        };
        delay.map(Delay).ok_or_else(|| {
            serde::de::Error::custom(format!(
                "{text:?} is no delay: a whole number with s, m, h or d behind it, such as 0s or 5m"
            ))
        })
    }
}

/// Reads a period of the command line.
pub fn period_of(text: &str) -> Result<SignedDuration, String> {
    period(text).ok_or_else(|| {
        "not a period: a whole number above 0 with s, m, h or d behind it, such as 12h or 30d".to_owned()
    })
}

fn period(text: &str) -> Option<SignedDuration> {
    let number: String = text.chars().take_while(char::is_ascii_digit).collect();
    let seconds = match text.strip_prefix(&number)? {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 86_400,
        _ => return None,
    };
    let number: i64 = number.parse().ok()?;
    // A hundred years are more than any licence lasts, and far from the end of time.
    let period = number.checked_mul(seconds)?;
    (1..=100 * 366 * 86_400)
        .contains(&period)
        .then(|| SignedDuration::from_secs(period))
}

/// `[licensing.periods]`
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct PeriodSettings {
    /// L-070
    pub registration_retry: Option<Period>,
    /// From a failed authorization to the next attempt.
    pub authorization_retry: Option<Period>,
    /// L-075
    pub urgent_retry: Option<Period>,
    /// L-074
    pub authorization_deadline: Option<Period>,
    /// L-077
    pub collection: Option<Period>,
    /// L-078
    pub reporting: Option<Period>,
    /// How long a registration outlives a clock that was set outside its certificate's validity.
    pub clock_grace: Option<Period>,
    /// The longest that something scheduled is delayed, so that a fleet does not knock together.
    pub spread: Option<Delay>,
    /// How long reports wait, after a start, for hardware that has not taken up its configuration yet.
    pub settling: Option<Delay>,
}

/// The agent's settings with what both sections say.
pub fn agent_settings(policy: &PolicySettings, periods: &PeriodSettings) -> AgentSettings {
    let product = AgentSettings::default();
    let or = |period: Option<Period>, product| period.map_or(product, |period| period.0);
    AgentSettings {
        registration_retry: match policy.registration_retry {
            RegistrationRetry::Daily => or(periods.registration_retry, product.registration_retry),
            RegistrationRetry::Quick => SignedDuration::from_mins(15),
        },
        authorization_retry: or(periods.authorization_retry, product.authorization_retry),
        urgent_retry: or(periods.urgent_retry, product.urgent_retry),
        authorization_deadline: or(periods.authorization_deadline, product.authorization_deadline),
        collection: or(periods.collection, product.collection),
        reporting: or(periods.reporting, product.reporting),
        failed_renewal: policy.failed_renewal,
        changed_counts: policy.changed_counts,
        authorization_expiry: policy.authorization_expiry,
        register_answer: policy.register_answer,
        clock_grace: or(periods.clock_grace, product.clock_grace),
        spread: periods.spread.map_or(product.spread, |delay| delay.0),
        settling: periods.settling.map_or(product.settling, |delay| delay.0),
        ..product
    }
}

/// One reading as the settings file and the book tell it.
pub struct Reading {
    /// Its number in the list of readings.
    pub id: &'static str,
    /// The key in `[licensing.policy]`.
    pub key: &'static str,
    /// What the documents leave open.
    pub question: &'static str,
    /// The positions with their meanings, the default first.
    pub positions: &'static [(&'static str, &'static str)],
}

/// Every reading that has more than one position.
pub const READINGS: &[Reading] = &[
    Reading {
        id: "Q1",
        key: "free-clients-scope",
        question: "of what the first four client ports are free",
        positions: &[
            ("line-card", "of each 1.2T line card, both slices together"),
            ("slice", "of each slice"),
            ("chassis", "of the chassis"),
        ],
    },
    Reading {
        id: "Q1",
        key: "free-clients-rule",
        question: "what more than four client ports take",
        positions: &[
            ("beyond-four", "one licence for each port beyond the fourth"),
            ("all-once-more", "one licence for every port, the first four too"),
        ],
    },
    Reading {
        id: "Q1b",
        key: "free-clients-first",
        question: "which ports are the four where encrypted and plain ones mix",
        positions: &[
            ("plain", "plain ones first"),
            ("slice-order", "by location, slice and port"),
        ],
    },
    Reading {
        id: "Q2",
        key: "trunk-overlap",
        question: "a trunk that is both long haul and subsea",
        positions: &[
            ("both", "takes both licences"),
            ("subsea-alone", "takes the subsea licence alone"),
        ],
    },
    Reading {
        id: "Q3",
        key: "four-bits-per-symbol",
        question: "a trunk at exactly 4 bits per symbol (16QAM)",
        positions: &[
            ("long-haul", "is long haul, as the criterion says"),
            ("free", "is not, as the release notes say"),
        ],
    },
    Reading {
        id: "Q5",
        key: "subsea-settings-of-down-card",
        question: "subsea settings of a card that is down",
        positions: &[
            ("free", "take nothing"),
            ("counted", "take their licence while they stand in running"),
        ],
    },
    Reading {
        id: "Q6",
        key: "slices-of-down-card",
        question: "slices of a card that is down",
        positions: &[
            ("free", "take nothing"),
            ("counted", "take what they would take on a card that is up"),
        ],
    },
    Reading {
        id: "Q7",
        key: "shut-down-subsea",
        question: "subsea on a trunk port that is shut down",
        positions: &[
            ("counted", "takes its licence, as long haul does"),
            ("free", "takes nothing"),
        ],
    },
    Reading {
        id: "Q8",
        key: "bandwidth-scope",
        question: "over what the client bandwidth of OTN-XP is rounded up to 100G",
        positions: &[
            ("line-card", "over each line card"),
            ("slice", "over each slice"),
            ("chassis", "over the chassis"),
        ],
    },
    Reading {
        id: "Q10",
        key: "qxp-charge",
        question: "what a provisioned QXP slice takes",
        positions: &[
            (
                "by-trunk-rate",
                "one licence for every started 200G of its trunk, or what qxp-by-trunk-rate says",
            ),
            ("one-per-slice", "one licence"),
        ],
    },
    Reading {
        id: "Q11",
        key: "authorization-expiry",
        question: "from when on the 90 days of an authorization run",
        positions: &[
            ("after-last-success", "from the last success"),
            (
                "after-missed-renewal",
                "from the renewal that was missed, 30 days later",
            ),
        ],
    },
    Reading {
        id: "Q12",
        key: "failed-renewal",
        question: "an identity certificate that cannot be renewed",
        positions: &[
            ("tried-again", "is tried again until it expires"),
            ("unidentified", "ends the registration at once"),
        ],
    },
    Reading {
        id: "Q14",
        key: "smart-licensing",
        question: "whether Smart Licensing is on",
        positions: &[
            ("on", "as on every NCS 1004"),
            (
                "off",
                "commands answer notenabled, nothing is sent, the status is unconfigured",
            ),
        ],
    },
    Reading {
        id: "Q21",
        key: "stated-defaults",
        question: "a subsea setting in running with the value that holds without it",
        positions: &[("counted", "takes its licence"), ("free", "takes nothing")],
    },
    Reading {
        id: "Q22",
        key: "client-port-types",
        question: "which client ports of a 1.2T card count",
        positions: &[
            ("every", "every QSFP28 client, 100GE or OTU4"),
            ("hundred-gig-e", "100GE alone"),
        ],
    },
    Reading {
        id: "Q24",
        key: "unruled-client-types",
        question: "OTN-XP clients without a rule (FC16, FC32, 40GE, OTU3)",
        positions: &[
            ("by-bandwidth", "count by their bandwidth, in steps of 10G"),
            ("free", "take nothing"),
        ],
    },
    Reading {
        id: "Q29",
        key: "call-home-at-first-start",
        question: "what holds while profile CiscoTAC-1 is not configured",
        positions: &[
            ("built-in", "it is active, over http, without a destination"),
            ("absent", "there is no active profile"),
        ],
    },
    Reading {
        id: "Q29",
        key: "call-home-service",
        question: "whether 'service active' counts as set",
        positions: &[
            ("built-in", "always"),
            (
                "as-configured",
                "not where call home stands in running without it",
            ),
        ],
    },
    Reading {
        id: "Q30",
        key: "changed-counts",
        question: "when a changed count is sent",
        positions: &[
            ("after-hold-down", "after hold-down-seconds"),
            ("at-collection", "with the next hourly collection"),
            ("at-reporting", "with the next daily report"),
        ],
    },
    Reading {
        id: "Q31",
        key: "destination-host",
        question: "what a destination may name",
        positions: &[
            ("any", "a name or an address"),
            ("name-alone", "a fully qualified domain name alone"),
        ],
    },
    Reading {
        id: "Q32",
        key: "crl-optional-on",
        question: "where 'crl optional' has to stand",
        positions: &[
            ("either", "on trustpoint Trustpool or on the trustpool"),
            ("trustpoint", "on trustpoint Trustpool"),
            ("trustpool", "on the trustpool"),
        ],
    },
    Reading {
        id: "Q33",
        key: "registration-retry",
        question: "when a registration that could not reach the server is tried again",
        positions: &[("daily", "after 24 hours"), ("quick", "after 15 minutes")],
    },
    Reading {
        id: "F2",
        key: "register-answer",
        question: "the return code of an accepted registration",
        positions: &[
            ("success", "success"),
            (
                "in-progress",
                "registrationinprogress, with operation status success",
            ),
        ],
    },
];

/// Both sections as `ponder settings` prints them, every line the default.
pub fn default_sections() -> String {
    let mut text = String::from(
        "\n# Where the product's documents can be read in more than one way (docs/licensing.md says more). The default stands\n\
         # first among the positions.\n[licensing.policy]\n",
    );
    for reading in READINGS {
        let Some((default, _)) = reading.positions.first() else {
            continue;
        };
        let positions: Vec<String> = reading
            .positions
            .iter()
            .map(|(position, meaning)| format!("#   {position}: {meaning}"))
            .collect();
        // Writing into a String cannot fail.
        let _ = writeln!(
            text,
            "# {}: {}\n{}\n{} = \"{default}\"",
            reading.id,
            reading.question,
            positions.join("\n"),
            reading.key
        );
    }
    text.push_str(
        "# Q10: licences of a QXP slice by its trunk rate in Gbit/s, where they are not one for every started 200G\n\
         # qxp-by-trunk-rate = { 400 = 2 }\n\
         \n# Periods, for laboratories; a number with s, m, h or d behind it. Without them: the product's, as shown.\n\
         [licensing.periods]\n\
         # registration-retry = \"24h\"\n\
         # authorization-retry = \"24h\"\n\
         # urgent-retry = \"1h\"\n\
         # authorization-deadline = \"90d\"\n\
         # collection = \"60m\"\n\
         # reporting = \"1440m\"\n\
         # clock-grace = \"60m\"\n\
         # The longest delays of what is scheduled, so that a fleet does not knock together, and of the first report after a\n\
         # start, until the hardware has taken up its configuration; 0s for none.\n\
         # spread = \"5m\"\n\
         # settling = \"5m\"\n",
    );
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::settings::Settings;

    fn policy(lines: &str) -> Result<PolicySettings, (usize, String)> {
        Settings::parse(&format!("[licensing.policy]\n{lines}\n")).map(|settings| settings.licensing.policy)
    }

    #[test]
    fn every_position_of_every_reading_is_a_setting_and_the_first_is_the_default() {
        for reading in READINGS {
            let mut parsed: Vec<PolicySettings> = Vec::new();
            for (position, _) in reading.positions {
                let one = policy(&format!("{} = \"{position}\"", reading.key)).unwrap();
                assert!(
                    !parsed.contains(&one),
                    "{} {position} changes nothing",
                    reading.key
                );
                parsed.push(one);
            }
            assert_eq!(parsed[0], PolicySettings::default(), "{}", reading.key);
        }
        let printed = format!("{:?}", PolicySettings::default());
        let fields = printed.matches(": ").count();
        assert_eq!(
            fields,
            READINGS.len() + 1,
            "qxp-by-trunk-rate is the one that is no switch"
        );
    }

    #[test]
    fn a_wrong_position_is_refused_with_key_line_and_what_would_be_right() {
        for reading in READINGS {
            let (line, problem) = policy(&format!("\n{} = \"both-ways\"", reading.key)).unwrap_err();
            assert_eq!(line, 3, "{problem}");
            assert!(problem.starts_with(&format!("{}: ", reading.key)), "{problem}");
            for (position, _) in reading.positions {
                assert!(problem.contains(&format!("`{position}`")), "{problem}");
            }
        }
        let (line, problem) = policy("free-client-scope = \"slice\"").unwrap_err();
        assert_eq!(line, 2);
        assert!(
            problem.contains("free-client-scope") && problem.contains("free-clients-scope"),
            "{problem}"
        );
    }

    #[test]
    fn the_printed_sections_are_the_default() {
        let settings = Settings::parse(&default_sections()).unwrap();
        assert_eq!(settings.licensing.policy, PolicySettings::default());
        assert_eq!(settings.licensing.periods, PeriodSettings::default());
        let uncommented = default_sections().replace("\n# registration-retry", "\nregistration-retry");
        let keys = [
            "authorization-",
            "urgent-",
            "collection",
            "reporting",
            "qxp-by",
            "clock-",
            "spread",
            "settling",
        ];
        let uncommented = keys.iter().fold(uncommented, |text, key| {
            text.replace(&format!("\n# {key}"), &format!("\n{key}"))
        });
        let settings = Settings::parse(&uncommented).unwrap().licensing;
        assert_eq!(
            agent_settings(&settings.policy, &settings.periods),
            AgentSettings::default()
        );
        assert_eq!(settings.policy.qxp_by_trunk_rate.0.len(), 1);
    }

    #[test]
    fn the_book_has_a_row_for_every_reading_and_position() {
        let book = include_str!("../../../docs/licensing.md");
        for reading in READINGS {
            let positions: Vec<String> = reading
                .positions
                .iter()
                .map(|(position, meaning)| format!("`{position}`: {meaning}"))
                .collect();
            let row = format!(
                "| {} | `{}` | {} | {} |",
                reading.id,
                reading.key,
                reading.question,
                positions.join("<br>")
            );
            assert!(book.contains(&row), "docs/licensing.md lacks the row\n{row}");
        }
    }

    #[test]
    fn the_switches_reach_the_rules_and_the_agent() {
        let turned = policy(
            "free-clients-scope = \"slice\"\nqxp-charge = \"one-per-slice\"\nfailed-renewal = \"unidentified\"\n\
             registration-retry = \"quick\"\nchanged-counts = \"at-reporting\"",
        )
        .unwrap();
        assert_eq!(turned.counting().free_clients_scope, FreeClientsScope::Slice);
        assert_eq!(turned.counting().qxp, QxpCharge::OnePerSlice);
        let agent = agent_settings(&turned, &PeriodSettings::default());
        assert_eq!(agent.failed_renewal, FailedRenewal::Unidentified);
        assert_eq!(agent.registration_retry, SignedDuration::from_mins(15));
        assert_eq!(agent.changed_counts, ChangedCounts::AtReporting);
        assert_eq!(PolicySettings::default().counting(), Policy::default());
    }

    #[test]
    fn a_table_of_trunk_rates_is_read_and_checked() {
        let table = policy("qxp-by-trunk-rate = { 400 = 3, 200 = 1 }").unwrap();
        let rate = TrunkRate::from_gbps(400).unwrap();
        let QxpCharge::ByTrunkRate(table) = table.counting().qxp else {
            panic!()
        };
        assert_eq!(table[&rate], 3);
        let (_, problem) = policy("qxp-by-trunk-rate = { 410 = 3 }").unwrap_err();
        assert!(
            problem.contains("\"410\" is no trunk rate: a multiple of 50"),
            "{problem}"
        );
    }

    #[test]
    fn periods_are_numbers_with_a_unit() {
        for (text, seconds) in [("90s", 90), ("15m", 900), ("24h", 86_400), ("30d", 2_592_000)] {
            assert_eq!(period(text), Some(SignedDuration::from_secs(seconds)), "{text}");
        }
        for wrong in [
            "",
            "90",
            "s",
            "0s",
            "-1h",
            "1.5h",
            "1w",
            "9999999d",
            "99999999999999999999s",
            "1 h",
        ] {
            assert_eq!(period(wrong), None, "{wrong}");
        }
        let (line, problem) = Settings::parse("[licensing.periods]\nurgent-retry = \"soon\"\n").unwrap_err();
        assert_eq!(line, 2);
        assert!(
            problem.starts_with("urgent-retry: \"soon\" is no period: a whole number above 0"),
            "{problem}"
        );
    }
}
