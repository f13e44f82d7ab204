//! One message of the log, and the line in which XR shows it.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// How grave a message is, as in RFC 5424 table 2.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs)] // the words of the RFC
pub enum Severity {
    Emergency,
    Alert,
    Critical,
    Error,
    Warning,
    Notice,
    Informational,
    Debug,
}

impl Severity {
    /// Every severity, the gravest first.
    pub const ALL: [Severity; 8] = [
        Severity::Emergency,
        Severity::Alert,
        Severity::Critical,
        Severity::Error,
        Severity::Warning,
        Severity::Notice,
        Severity::Informational,
        Severity::Debug,
    ];

    /// From its number; anything above 7 is for debugging.
    pub fn from_number(number: u8) -> Severity {
        Severity::ALL
            .get(usize::from(number))
            .copied()
            .unwrap_or(Severity::Debug)
    }

    /// 0 for an emergency to 7 for debugging.
    pub fn number(self) -> u8 {
        self as u8
    }

    /// The name in `System-message-severity` of `Cisco-IOS-XR-infra-syslog-oper`.
    pub fn yang_name(self) -> &'static str {
        match self {
            Severity::Emergency => "message-severity-emergency",
            Severity::Alert => "message-severity-alert",
            Severity::Critical => "message-severity-critical",
            Severity::Error => "message-severity-error",
            Severity::Warning => "message-severity-warning",
            Severity::Notice => "message-severity-notice",
            Severity::Informational => "message-severity-informational",
            Severity::Debug => "message-severity-debug",
        }
    }
}

/// A process of an XR router, in whose name messages are logged.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Process {
    /// Its name.
    pub name: &'static str,
    /// Its number as a real router showed it, or one of that size.
    pub id: u32,
}

/// Category and group of the audit log.
pub const AUDIT: (&str, &str) = ("SECURITY", "AUDIT");

/// A message that has no number and no time yet.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Draft {
    /// Who says it.
    pub process: Process,
    /// First part of the code, `LICENSE`.
    pub category: &'static str,
    /// Second part, `SMART_LIC`.
    pub group: &'static str,
    /// How grave it is.
    pub severity: Severity,
    /// Last part, `AUTH_RENEW_FAILED`.
    pub name: &'static str,
    /// The words.
    pub text: String,
}

impl Draft {
    /// The message, with a number and a time. Whoever wrote the words, they stay one line of bounded length.
    pub fn logged(self, id: u32, at: Timestamp) -> Message {
        Message {
            id,
            at,
            process: self.process.name.to_owned(),
            process_id: self.process.id,
            category: self.category.to_owned(),
            group: self.group.to_owned(),
            severity: self.severity,
            name: self.name.to_owned(),
            text: one_line(&self.text),
        }
    }
}

/// A message of the log.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Message {
    /// Its number; numbers grow and are not used again.
    pub id: u32,
    /// When.
    pub at: Timestamp,
    /// Process that said it.
    pub process: String,
    /// Its number.
    pub process_id: u32,
    /// First part of the code.
    pub category: String,
    /// Second part.
    pub group: String,
    /// How grave it is.
    pub severity: Severity,
    /// Last part of the code.
    pub name: String,
    /// The words, on one line.
    pub text: String,
}

impl Message {
    /// Kind of card on which messages arise.
    pub const CARD_TYPE: &'static str = "RP";
    /// Location of that card.
    pub const NODE: &'static str = "0/RP0/CPU0";
    /// Name of the time zone that times are shown in.
    pub const TIME_ZONE: &'static str = "UTC";

    /// Whether it is an event of the audit log.
    pub fn is_audit(&self) -> bool {
        (self.category.as_str(), self.group.as_str()) == AUDIT
    }

    /// `LICENSE-SMART_LIC-3-AUTH_RENEW_FAILED`
    pub fn code(&self) -> String {
        format!(
            "{}-{}-{}-{}",
            self.category,
            self.group,
            self.severity.number(),
            self.name
        )
    }

    /// `May 27 09:54:57.783`, the day padded with a blank.
    pub fn time_of_day(&self) -> String {
        time_of_day(self.at)
    }
}

impl fmt::Display for Message {
    /// `RP/0/RP0/CPU0:May 27 09:54:57.783 UTC: smartlicserver[311]: %LICENSE-SMART_LIC-3-AUTH_RENEW_FAILED : …`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}/{}:{} {}: {}[{}]: %{} : {}",
            Message::CARD_TYPE,
            Message::NODE,
            self.time_of_day(),
            Message::TIME_ZONE,
            self.process,
            self.process_id,
            self.code(),
            self.text
        )
    }
}

/// A moment as log and traces show it: `May 27 09:54:57.783`.
pub fn time_of_day(at: Timestamp) -> String {
    at.strftime("%b %e %H:%M:%S.%3f").to_string()
}

/// Words of others, such as a server's reason, may hold line ends and be of any length: neither gets further than here.
pub fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len().min(LONGEST));
    for letter in text.trim().chars() {
        if line.len() + letter.len_utf8() > LONGEST {
            line.push('…');
            break;
        }
        line.push(if letter.is_control() { ' ' } else { letter });
    }
    line
}

/// Bytes of a text that are kept; with its header a message still fits into what every receiver takes (RFC 5424 section
/// 6.1: 2048).
pub const LONGEST: usize = 1_024;

#[cfg(test)]
pub mod example {
    //! Messages for tests.

    use super::*;

    /// The chapter's message, with this number.
    pub fn message(id: u32) -> Message {
        draft().logged(id, "2021-05-27T09:54:57.783Z".parse().unwrap())
    }

    /// The same before it was logged.
    pub fn draft() -> Draft {
        Draft {
            process: Process {
                name: "smartlicserver",
                id: 311,
            },
            category: "LICENSE",
            group: "SMART_LIC",
            severity: Severity::Error,
            name: "AUTH_RENEW_FAILED",
            text: "Authorization renewal with the Cisco Smart Software Manager (CSSM) : Error received from Smart Software \
                   Manager: Data and signature do not match for udi PID:8812,SN:FOX2202WIVM"
                .to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_reads_as_the_chapter_prints_it() {
        assert_eq!(
            example::message(41).to_string(),
            "RP/0/RP0/CPU0:May 27 09:54:57.783 UTC: smartlicserver[311]: %LICENSE-SMART_LIC-3-AUTH_RENEW_FAILED : \
             Authorization renewal with the Cisco Smart Software Manager (CSSM) : Error received from Smart Software \
             Manager: Data and signature do not match for udi PID:8812,SN:FOX2202WIVM"
        );
        let early = Message {
            at: "2021-06-03T00:00:07Z".parse().unwrap(),
            ..example::message(1)
        };
        assert_eq!(early.time_of_day(), "Jun  3 00:00:07.000");
    }

    #[test]
    fn words_of_a_server_stay_one_line_of_bounded_length() {
        let text = format!(
            "no\r\n%LICENSE-SMART_LIC-6-AGENT_REG_SUCCESS : {}",
            "é".repeat(2_000)
        );
        let message = Draft {
            text,
            ..example::draft()
        }
        .logged(1, Timestamp::UNIX_EPOCH);
        assert!(!message.text.contains(['\r', '\n']));
        assert!(message.text.len() <= LONGEST + '…'.len_utf8());
        assert!(message.text.ends_with("é…"));
    }

    #[test]
    fn severities_count_as_syslog_does() {
        for (number, severity) in Severity::ALL.into_iter().enumerate() {
            assert_eq!(usize::from(severity.number()), number);
            assert_eq!(Severity::from_number(severity.number()), severity);
        }
        assert_eq!(Severity::from_number(9), Severity::Debug);
        assert!(Severity::Error < Severity::Informational);
    }
}
