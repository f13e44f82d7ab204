//! The settings file of the agent: what it holds, its defaults, and clear words about what is wrong in it.

pub mod netconf;
pub mod policy;
pub mod tls;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::app::name_resolution::DNS_PORT;
use crate::app::settings::netconf::NetconfSettings;
use crate::app::settings::policy::{PeriodSettings, PolicySettings, default_sections};
use crate::app::syslog::connection::Transport;
use crate::app::yang_dir::Features;
use crate::datastore::commit::ValidationWay;
use crate::device::plain_words::plain_words;
use crate::management::event_stream::QUEUE_EVENTS;
use crate::transport::error::TransportError;
use crate::transport::login::{Users, parse_authorized_keys};

/// Everything that can be set in the file; flags of `ponder agent` override it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Settings {
    /// Where running, host key and trust record live.
    pub state_dir: Option<PathBuf>,
    /// Description of the simulated chassis.
    pub chassis: Option<PathBuf>,
    /// Folder of further YANG modules, stored only.
    pub yang_dir: Option<PathBuf>,
    /// Which features of its modules are on; all of a module that is not named.
    pub yang_features: Features,
    /// How configurations are validated.
    pub validation: ValidationSetting,
    /// Running is written whole when the records of commits take more bytes than this, and more than it took the last
    /// time; 1 MiB without it.
    pub snapshot_bytes: Option<u64>,
    /// The NETCONF server.
    pub netconf: NetconfSettings,
    /// Who may log in.
    pub users: Vec<UserSettings>,
    /// When the access rules of the configuration hold.
    pub access_control: AccessControlSettings,
    /// How the agent reaches and trusts its licence server.
    pub licensing: LicensingSettings,
    /// The log and the traces.
    pub syslog: SyslogSettings,
    /// Event notifications.
    pub notifications: NotificationSettings,
    /// The audit log.
    pub audit: AuditSettings,
}

/// How configurations are validated.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ValidationSetting {
    /// What a change can break, and everything where that cannot be told.
    #[default]
    Changes,
    /// Everything, at each commit.
    Whole,
    /// Both; what they do not agree on is refused.
    Both,
}

impl From<ValidationSetting> for ValidationWay {
    fn from(setting: ValidationSetting) -> ValidationWay {
        match setting {
            ValidationSetting::Changes => ValidationWay::Changes,
            ValidationSetting::Whole => ValidationWay::Whole,
            ValidationSetting::Both => ValidationWay::Both,
        }
    }
}

/// One entry of `[[users]]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct UserSettings {
    /// Login name.
    pub name: String,
    /// Argon2 hash as `ponder hash-password` prints it.
    #[serde(default)]
    pub password_hash: Option<String>,
    /// A file of public keys as OpenSSH's `authorized_keys`.
    #[serde(default)]
    pub authorized_keys_file: Option<PathBuf>,
    /// Public keys, one line each.
    #[serde(default)]
    pub authorized_keys: Vec<String>,
    /// The groups of access control that the login brings.
    #[serde(default)]
    pub groups: Vec<String>,
    /// Whether no access rule holds for the user.
    #[serde(default)]
    pub recovery: bool,
}

/// `[access-control]`
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct AccessControlSettings {
    /// The rules of ietf-netconf-acm hold although none is configured.
    pub from_the_start: bool,
}

/// `[licensing]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct LicensingSettings {
    /// The licensing root that signs what a licence server says; `ponder ssm` writes it to its state folder.
    pub root: Option<PathBuf>,
    /// CA certificates for HTTPS to the licence server.
    pub ca_file: Option<PathBuf>,
    /// The key that seals the trust record; without it `seal.key` in the state folder.
    pub seal_key_file: Option<PathBuf>,
    /// Seconds from a changed count to its report.
    pub hold_down_seconds: u32,
    /// Seconds that one exchange with the server may take.
    pub exchange_timeout_seconds: u32,
    /// Domains that are never contacted: this agent speaks its own licensing protocol.
    pub never_contact: Vec<String>,
    /// Port of the configured name servers.
    pub name_server_port: u16,
    /// What is withheld from the licence server.
    pub privacy: Privacy,
    /// Where the documents can be read in more than one way.
    pub policy: PolicySettings,
    /// How long things take.
    pub periods: PeriodSettings,
}

impl Default for LicensingSettings {
    fn default() -> LicensingSettings {
        LicensingSettings {
            root: None,
            ca_file: None,
            seal_key_file: None,
            hold_down_seconds: 5,
            exchange_timeout_seconds: 30,
            never_contact: vec!["cisco.com".to_owned()],
            name_server_port: DNS_PORT,
            privacy: Privacy::None,
            policy: PolicySettings::default(),
            periods: PeriodSettings::default(),
        }
    }
}

/// What is withheld from the licence server, beside what data privacy of call home withholds.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Privacy {
    /// Nothing.
    #[default]
    None,
    /// The host name.
    HostName,
    /// The version of the agent.
    Version,
    /// Both.
    All,
}

impl Privacy {
    /// The host name is withheld.
    pub fn host_name(self) -> bool {
        matches!(self, Privacy::HostName | Privacy::All)
    }

    /// The version is withheld.
    pub fn version(self) -> bool {
        matches!(self, Privacy::Version | Privacy::All)
    }
}

/// `[syslog]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct SyslogSettings {
    /// Messages that are kept.
    pub messages: usize,
    /// Events that each trace keeps.
    pub trace_entries: usize,
    /// How configured remote hosts are reached: the model has no word for it.
    pub transport: Transport,
    /// How some of them are reached instead, by address or name as configured.
    pub transports: BTreeMap<String, Transport>,
    /// CA certificates for TLS to remote hosts.
    pub ca_file: Option<PathBuf>,
}

impl Default for SyslogSettings {
    fn default() -> SyslogSettings {
        SyslogSettings {
            messages: 2_000,
            trace_entries: 1_000,
            transport: Transport::Udp,
            transports: BTreeMap::new(),
            ca_file: None,
        }
    }
}

/// `[notifications]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct NotificationSettings {
    /// Events that are kept for a replay.
    pub replay_events: usize,
    /// Events that may wait for one subscription; one that takes them more slowly is ended, or suspended.
    pub waiting_events: usize,
    /// Subscriptions of establish-subscription that one session may have.
    pub subscriptions_per_session: usize,
    /// Subscriptions of establish-subscription that all sessions may have.
    pub subscriptions: usize,
    /// How long a subscription may be suspended before it is ended.
    pub suspension_seconds: u32,
    /// The shortest period between two updates of a datastore, in hundredths of a second.
    pub shortest_period_centiseconds: u32,
    /// How big an update of a datastore may be.
    pub update_kilobytes: u32,
    /// How big all updates may be that wait for all sessions.
    pub waiting_kilobytes: u32,
}

impl Default for NotificationSettings {
    fn default() -> NotificationSettings {
        NotificationSettings {
            replay_events: 2_000,
            waiting_events: QUEUE_EVENTS,
            subscriptions_per_session: 16,
            subscriptions: 256,
            suspension_seconds: 600,
            shortest_period_centiseconds: 100,
            update_kilobytes: 16 * 1024,
            waiting_kilobytes: 64 * 1024,
        }
    }
}

/// `[audit]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct AuditSettings {
    /// Where who did what is recorded.
    pub file: Option<PathBuf>,
    /// A file that would grow beyond this is set aside as `FILE.1`.
    pub max_bytes: u64,
    /// So many files are kept beside the one that is written.
    pub old_files: u32,
    /// Whether the events go to the log, too, and with it to remote hosts.
    pub syslog: bool,
    /// Whether reading is recorded where nothing was denied.
    pub reads: bool,
}

impl Default for AuditSettings {
    fn default() -> AuditSettings {
        AuditSettings {
            file: None,
            max_bytes: 10 * 1024 * 1024,
            old_files: 5,
            syslog: false,
            reads: false,
        }
    }
}

/// What is wrong with a settings file, in one line.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// It cannot be read.
    #[error("settings file {path}: {cause}")]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// What the system says.
        cause: std::io::Error,
    },
    /// It is not what it should be.
    #[error("settings file {path}, line {line}: {problem}")]
    Wrong {
        /// Which file.
        path: PathBuf,
        /// Where in it, counted from 1.
        line: usize,
        /// The thing, the value and the rule.
        problem: String,
    },
}

impl Settings {
    /// Reads a settings file; relative paths in it are taken from the file's own folder.
    pub fn read(path: &Path) -> Result<Settings, SettingsError> {
        let text = fs::read_to_string(path).map_err(|cause| SettingsError::Unreadable {
            path: path.to_owned(),
            cause,
        })?;
        let mut settings = Settings::parse(&text).map_err(|(line, problem)| SettingsError::Wrong {
            path: path.to_owned(),
            line,
            problem,
        })?;
        let folder = path.parent().unwrap_or(Path::new("."));
        let relative = [
            &mut settings.state_dir,
            &mut settings.chassis,
            &mut settings.yang_dir,
            &mut settings.netconf.reply_dir,
            &mut settings.netconf.url_root,
            &mut settings.netconf.url_ca_file,
            &mut settings.netconf.tls.certificate_file,
            &mut settings.netconf.tls.key_file,
            &mut settings.netconf.tls.client_ca_file,
            &mut settings.netconf.tls.crl_file,
            &mut settings.licensing.root,
            &mut settings.licensing.ca_file,
            &mut settings.licensing.seal_key_file,
            &mut settings.syslog.ca_file,
            &mut settings.audit.file,
        ];
        let keys = settings
            .users
            .iter_mut()
            .map(|user| &mut user.authorized_keys_file);
        for file in relative.into_iter().chain(keys).flatten() {
            *file = folder.join(&*file);
        }
        Ok(settings)
    }

    /// What would keep everybody out or let nothing be kept: the key, and what is wrong with its value.
    fn check_numbers(&self) -> Result<(), (&'static str, String)> {
        self.netconf.check()?;
        let at_least_one = [
            ("max-bytes", self.audit.max_bytes),
            (
                "exchange-timeout-seconds",
                self.licensing.exchange_timeout_seconds.into(),
            ),
        ];
        if let Some((key, _)) = at_least_one.into_iter().find(|(_, value)| *value == 0) {
            return Err((key, AT_LEAST_ONE.to_owned()));
        }
        if self
            .licensing
            .never_contact
            .iter()
            .any(|domain| domain.trim_matches(['.', ' ']).is_empty())
        {
            return Err((
                "never-contact",
                "holds an empty domain, which would match everything".to_owned(),
            ));
        }
        Ok(())
    }

    /// Parses the text of a settings file; the error is a line number and what is wrong there.
    pub fn parse(text: &str) -> Result<Settings, (usize, String)> {
        let settings: Settings = toml::from_str(text).map_err(|error| {
            let offset = error.span().map_or(0, |span| span.start);
            let problem = plain_words(&error.message().replace('\n', " "));
            let line = line_of(text, offset);
            match key_at(text, offset).filter(|key| !problem.contains(*key)) {
                Some(key) => (line, format!("{key}: {problem}")),
                None => (line, problem),
            }
        })?;
        settings.check_numbers().map_err(|(key, problem)| {
            let line = text.lines().position(|line| line.trim_start().starts_with(key));
            (line.map_or(1, |at| at + 1), format!("{key} {problem}"))
        })?;
        settings
            .netconf
            .tls
            .check()
            .map_err(|wrong| (wrong.line_in(text), wrong.problem))?;
        let mut seen = std::collections::BTreeSet::new();
        for user in &settings.users {
            let line = text
                .lines()
                .position(|line| line.contains("name") && line.contains(&user.name))
                .map_or(1, |at| at + 1);
            if user.name.is_empty()
                || user
                    .name
                    .chars()
                    .any(|letter| letter.is_control() || letter == ' ')
            {
                return Err((
                    line,
                    format!("user name {:?} is empty or holds a blank", user.name),
                ));
            }
            if !seen.insert(user.name.clone()) {
                return Err((line, format!("user {:?} is there twice", user.name)));
            }
            if user.password_hash.is_none()
                && user.authorized_keys_file.is_none()
                && user.authorized_keys.is_empty()
            {
                return Err((
                    line,
                    format!(
                        "user {:?} has neither password-hash nor authorized-keys nor authorized-keys-file",
                        user.name
                    ),
                ));
            }
            check_logins(user).map_err(|cause| (line, format!("user {:?}: {cause}", user.name)))?;
        }
        Ok(settings)
    }
}

/// The keys and the hash in the file itself can be read; key files are read at the start.
fn check_logins(user: &UserSettings) -> Result<(), TransportError> {
    parse_authorized_keys(&user.authorized_keys.join("\n"))?;
    match &user.password_hash {
        Some(hash) => Users::new().set_password_hash(&user.name, hash),
        None => Ok(()),
    }
}

/// The key whose value stands there.
fn key_at(text: &str, offset: usize) -> Option<&str> {
    let before = text.get(..offset)?;
    let line = before.rsplit('\n').next()?;
    Some(line.split_once('=')?.0.trim())
}

fn line_of(text: &str, offset: usize) -> usize {
    text.bytes().take(offset).filter(|byte| *byte == b'\n').count() + 1
}

/// The commented default file that `ponder settings` prints.
pub fn default_file() -> String {
    DEFAULT_FILE
        .replace(
            "\n# Who may log in",
            &format!(
                "\n{}\n{}\n# Who may log in",
                netconf::DEFAULT_SECTION,
                tls::DEFAULT_SECTION
            ),
        )
        .replace(
            "\n[notifications]",
            &format!("{}\n[notifications]", default_sections()),
        )
}

/// What is wrong with a number that is 0.
const AT_LEAST_ONE: &str = "is 0: it must be 1 or more";

const DEFAULT_FILE: &str = r##"# Settings of `ponder agent`. Every line here is the default, or an example behind a comment sign.
# Relative paths are taken from this file's folder. Flags on the command line win.

# Where the running configuration, the host key and the licensing trust record live.
# state-dir = "/var/lib/ponder"

# A description of the simulated chassis; without it: 1.2T-L in 0/0, OTN-XPL in 0/1, QXP-L in 0/2, 1.2T-L in 0/3.
# chassis = "chassis.toml"

# A folder of further YANG modules (*.yang): served and stored, without effect on the device.
# yang-dir = "yang"

# How configurations are validated: "changes" looks at what a change can break, and at everything where that cannot be
# told; "whole" looks at everything at each commit, which takes the longer the more is stored; "both" does both and refuses
# what they do not agree on (the flag --paranoid). `ponder-datastore-state` counts them.
validation = "changes"

# Running is written whole, beside the commits, when their records take more bytes than this, and more than it took the last
# time. A start reads what was written whole and the records since.
# snapshot-bytes = 1048576

# Who may log in; any number of these. A user has keys, a password or both.
# [[users]]
# name = "admin"
# authorized-keys-file = "admin.keys"
# authorized-keys = ["ssh-ed25519 AAAA... admin@desk"]
# password-hash = "$argon2id$..."        # printed by: ponder hash-password
# groups = ["operators"]                 # beside those that ietf-netconf-acm configures
# recovery = true                        # no access rule holds for this user; the user of --user is one, too

# Which features of a module in yang-dir are on; a module without a line has all of them.
# [yang-features]
# ietf-interfaces = ["if-mib"]

[access-control]
# The rules of ietf-netconf-acm (RFC 8341) hold from the first thing that is configured below /nacm. true: always, so
# that at first nobody but a recovery user can write.
from-the-start = false

[licensing]
# The licensing root that signs what the licence server says; `ponder ssm` writes it to its state folder.
# root = "licensing-root.pem"
# CA certificates for an https destination.
# ca-file = "tls-ca.pem"
# The key that seals the trust record, made at the first start; without this it lies beside the record. Elsewhere it stays
# out of backups of the state folder.
# seal-key-file = "/etc/ponder/seal.key"
# Seconds from a changed count to its report, and for one exchange.
hold-down-seconds = 5
exchange-timeout-seconds = 30
# Domains that are stored as a destination but never contacted: this agent speaks its own licensing protocol.
never-contact = ["cisco.com"]
# Port of the configured name servers (ip-domain); another one is for laboratories.
name-server-port = 53
# What is withheld from the licence server, beside the data privacy of call home: none, host-name, version or all.
privacy = "none"

[notifications]
# Events that are kept for a replay, also over a restart.
replay-events = 2000
# Events that may wait for one subscription. One of create-subscription that takes them more slowly is ended with its
# session; one of establish-subscription is suspended until it has taken them, and ended after so many seconds.
waiting-events = 1000
suspension-seconds = 600
# Subscriptions of establish-subscription that one session, and all of them, may have.
subscriptions-per-session = 16
subscriptions = 256
# Subscriptions to datastores: the shortest period, how big one update may be, and all that wait for slow sessions.
shortest-period-centiseconds = 100
update-kilobytes = 16384
waiting-kilobytes = 65536

[audit]
# Who did what: one line of JSON an event, in a file that only its owner reads. It is set aside as FILE.1 and so on when it
# would grow beyond max-bytes; old-files of them are kept.
# file = "audit.log"
max-bytes = 10485760
old-files = 5
# The same events in the log, for its remote hosts with facility 13 (log audit).
syslog = false
# Whether reading is recorded where nothing was denied.
reads = false

[syslog]
# Messages of the log, and events of each trace, that are kept over a restart; the oldest go.
messages = 2000
trace-entries = 1000
# How remote hosts of Cisco-IOS-XR-infra-syslog-cfg are reached: udp, tcp or tls; and how some are instead, by address
# or name. TLS takes port 6514 unless the configuration has a port, and trusts the CA certificates of the file.
transport = "udp"
# transports = { "192.0.2.10" = "tls" }
# ca-file = "syslog-ca.pem"
"##;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_printed_default_file_is_the_default() {
        let parsed = Settings::parse(&default_file()).unwrap();
        assert!(default_file().contains("[licensing.policy]"));
        assert_eq!(format!("{parsed:?}"), format!("{:?}", Settings::default()));
    }

    #[test]
    fn an_unknown_key_is_named_with_its_line_and_what_would_be_right() {
        let (line, problem) =
            Settings::parse("[netconf]\nlisten = \"0.0.0.0:830\"\nlissten = 1\n").unwrap_err();
        assert_eq!(line, 3);
        assert!(
            problem.contains("lissten") && problem.contains("max-sessions"),
            "{problem}"
        );
    }

    #[test]
    fn a_number_that_would_keep_everybody_out_is_refused_with_its_line() {
        let refused = Settings::parse("[netconf]\nmax-sessions = 0\n").unwrap_err();
        assert_eq!(refused, (2, "max-sessions is 0: it must be 1 or more".to_owned()));
        let (line, problem) = Settings::parse("[licensing]\nnever-contact = [\"\"]\n").unwrap_err();
        assert_eq!(line, 2);
        assert!(problem.contains("empty domain"), "{problem}");
    }

    #[test]
    fn a_user_without_key_and_password_is_refused() {
        let (line, problem) = Settings::parse("\n[[users]]\nname = \"admin\"\n").unwrap_err();
        assert_eq!(line, 3);
        assert!(
            problem.contains("\"admin\" has neither password-hash"),
            "{problem}"
        );
    }

    #[test]
    fn a_key_or_hash_that_cannot_be_read_is_named_and_not_shown() {
        for (text, told) in [
            (
                "password-hash = \"hunter2\"",
                "user \"admin\": password-hash: not a hash",
            ),
            (
                "authorized-keys = [\"ssh-ed25519 hunter2\"]",
                "user \"admin\": authorized keys, line 1: not a public key",
            ),
        ] {
            let file = format!("[[users]]\nname = \"admin\"\n{text}\n");
            let (line, problem) = Settings::parse(&file).unwrap_err();
            assert_eq!(line, 2);
            assert!(
                problem.starts_with(told) && !problem.contains("hunter2"),
                "{problem}"
            );
        }
    }

    #[test]
    fn a_wrong_address_is_named() {
        let (line, problem) = Settings::parse("[netconf]\nlisten = \"here\"\n").unwrap_err();
        assert_eq!(line, 2);
        assert!(problem.contains("socket address"), "{problem}");
    }
}
