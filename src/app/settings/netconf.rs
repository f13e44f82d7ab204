//! `[netconf]` of the settings file: the NETCONF server, its options and bounds.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;

use crate::app::settings::AT_LEAST_ONE;
use crate::app::settings::tls::TlsSettings;
use crate::netconf::bounds::Bounds;
use crate::netconf::framing::MAX_MESSAGE_BYTES;
use crate::transport::call_home::CallHomeClient;
use crate::transport::server::{Limits, Security};

/// `[netconf]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct NetconfSettings {
    /// Address and port of NETCONF over SSH; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Sessions at a time.
    pub max_sessions: usize,
    /// Seconds from the connection to the end of the login.
    pub login_grace_seconds: u32,
    /// Seconds from the start of the subsystem to the client's hello.
    pub hello_timeout_seconds: u32,
    /// Seconds from the first byte of a message to its last.
    pub message_timeout_seconds: u32,
    /// Seconds that a session may ask nothing; 0 for any time.
    pub idle_timeout_seconds: u32,
    /// Connections at a time that have not logged in yet.
    pub max_unauthenticated: usize,
    /// Attempts to log in on one SSH connection, keys included.
    pub max_login_attempts: usize,
    /// Channels of one SSH connection.
    pub max_channels: usize,
    /// Seconds of silence after which a connection is asked for a sign of life.
    pub keepalive_seconds: u32,
    /// After so many in vain it is given up.
    pub keepalive_count: u32,
    /// The longest message.
    pub max_message_bytes: usize,
    /// What requests of all sessions may take until they are answered.
    pub max_input_bytes: usize,
    /// Elements inside each other in a message.
    pub max_depth: usize,
    /// Attributes of one element in a message.
    pub max_attributes: usize,
    /// How many bytes of a reply stay in memory until the client has taken them; a longer one waits in a file.
    pub reply_memory_bytes: usize,
    /// Folder for replies that wait in files, which have no names; the state folder without it.
    pub reply_dir: Option<PathBuf>,
    /// Whether running can be edited without a candidate (`:writable-running`).
    pub writable_running: bool,
    /// Whether there is a startup configuration of its own (`:startup`), which a start loads in the place of running.
    pub startup: bool,
    /// Folder below which the files of `file:` URLs lie (`:url`).
    pub url_root: Option<PathBuf>,
    /// CA certificates of https servers that hold configurations (`:url`).
    pub url_ca_file: Option<PathBuf>,
    /// Clients that wait for calls (RFC 8071): hosts or addresses, with a port after a colon.
    pub call_home: Vec<String>,
    /// The longest wait between two calls of a client that cannot be reached.
    pub call_home_longest_wait_seconds: u32,
    /// The second transport.
    pub tls: TlsSettings,
}

impl Default for NetconfSettings {
    fn default() -> NetconfSettings {
        let limits = Limits::default();
        NetconfSettings {
            listen: SocketAddr::from(([0, 0, 0, 0], 830)),
            max_sessions: limits.max_sessions,
            login_grace_seconds: 60,
            hello_timeout_seconds: 60,
            message_timeout_seconds: 600,
            idle_timeout_seconds: 0,
            max_unauthenticated: limits.max_unauthenticated,
            max_login_attempts: limits.max_login_attempts,
            max_channels: limits.max_channels,
            keepalive_seconds: 30,
            keepalive_count: limits.keepalive_count,
            max_message_bytes: limits.session.max_message_bytes,
            max_input_bytes: limits.max_input_bytes,
            max_depth: limits.session.max_depth,
            max_attributes: limits.session.max_attributes,
            reply_memory_bytes: 1 << 20,
            reply_dir: None,
            writable_running: false,
            startup: false,
            url_root: None,
            url_ca_file: None,
            call_home: Vec::new(),
            call_home_longest_wait_seconds: 60,
            tls: TlsSettings::default(),
        }
    }
}

impl NetconfSettings {
    /// The clients to call, over SSH first. The error is the key and what is wrong with its value.
    pub fn clients_to_call(&self) -> Result<Vec<CallHomeClient>, String> {
        let over_ssh = self
            .call_home
            .iter()
            .map(|text| CallHomeClient::parse(Security::Ssh, text));
        over_ssh.chain(self.tls.clients_to_call()).collect()
    }

    /// The bounds of the server.
    pub fn limits(&self) -> Limits {
        let seconds = |seconds: u32| Duration::from_secs(seconds.into());
        Limits {
            max_sessions: self.max_sessions,
            max_unauthenticated: self.max_unauthenticated,
            login_grace: seconds(self.login_grace_seconds),
            max_login_attempts: self.max_login_attempts,
            max_channels: self.max_channels,
            keepalive: seconds(self.keepalive_seconds),
            keepalive_count: self.keepalive_count,
            max_input_bytes: self.max_input_bytes,
            session: Bounds {
                hello_timeout: seconds(self.hello_timeout_seconds),
                message_timeout: seconds(self.message_timeout_seconds),
                idle_timeout: (self.idle_timeout_seconds > 0).then(|| seconds(self.idle_timeout_seconds)),
                max_message_bytes: self.max_message_bytes,
                max_depth: self.max_depth,
                max_attributes: self.max_attributes,
            },
        }
    }

    /// What would keep everybody out: the key, and what is wrong with its value.
    pub(super) fn check(&self) -> Result<(), (&'static str, String)> {
        let at_least_one = [
            ("max-sessions", self.max_sessions as u64),
            ("login-grace-seconds", self.login_grace_seconds.into()),
            ("hello-timeout-seconds", self.hello_timeout_seconds.into()),
            ("message-timeout-seconds", self.message_timeout_seconds.into()),
            ("max-unauthenticated", self.max_unauthenticated as u64),
            ("max-login-attempts", self.max_login_attempts as u64),
            ("max-channels", self.max_channels as u64),
            ("keepalive-seconds", self.keepalive_seconds.into()),
            ("keepalive-count", self.keepalive_count.into()),
            (
                "call-home-longest-wait-seconds",
                self.call_home_longest_wait_seconds.into(),
            ),
        ];
        if let Some((key, _)) = at_least_one.into_iter().find(|(_, value)| *value == 0) {
            return Err((key, AT_LEAST_ONE.to_owned()));
        }
        // What a get of one leaf takes must fit; and what fits must be read without filling memory or the stack.
        let within = [
            (
                "max-message-bytes",
                self.max_message_bytes,
                4096,
                MAX_MESSAGE_BYTES,
            ),
            ("max-input-bytes", self.max_input_bytes, 4096, usize::MAX),
            ("max-depth", self.max_depth, 16, 1000),
            ("max-attributes", self.max_attributes, 16, 10_000),
        ];
        for (key, value, least, most) in within {
            if !(least..=most).contains(&value) {
                let rule = match most {
                    usize::MAX => format!("{least} or more"),
                    _ => format!("from {least} to {most}"),
                };
                return Err((key, format!("is {value}: it must be {rule}")));
            }
        }
        for client in &self.call_home {
            CallHomeClient::parse(Security::Ssh, client)
                .map_err(|problem| ("call-home", format!("cannot be used: {problem}")))?;
        }
        Ok(())
    }
}

/// How it stands in the file that `ponder settings` prints.
pub(super) const DEFAULT_SECTION: &str = r#"[netconf]
# NETCONF over SSH. Port 0 takes a free port, which the ready line tells.
listen = "0.0.0.0:830"
# Bounds; whoever meets one is told which, where the protocol has words for it, and the log always is (docs/transports.md).
# Sessions at a time; connections that have not logged in yet; attempts to log in on one SSH connection, keys included; channels
# (sessions) of one SSH connection.
max-sessions = 256
max-unauthenticated = 64
max-login-attempts = 20
max-channels = 64
# Seconds from the connection to the end of the login, from the session's start to the client's hello, from the first byte of a
# message to its last, and for how long a session may ask nothing: 0 is for ever, and one that follows notifications always may.
login-grace-seconds = 60
hello-timeout-seconds = 60
message-timeout-seconds = 600
idle-timeout-seconds = 0
# After so many seconds of silence a connection is asked for a sign of life, and given up after so many in vain.
keepalive-seconds = 30
keepalive-count = 3
# The longest message, and what the requests of all sessions may take together until they are answered: beyond it those over
# 1 MiB are refused. Elements inside each other, and attributes of one element.
max-message-bytes = 67108864
max-input-bytes = 268435456
max-depth = 256
max-attributes = 1000
# A longer reply waits for its client in a file without a name, in this folder: the state folder unless it is set.
reply-memory-bytes = 1048576
# reply-dir = "/var/tmp"
# Whether running can be edited without a candidate; IOS XR has it off.
writable-running = false
# Whether there is a startup configuration of its own: a start makes running what was last copied to startup. Without it
# running itself outlives a restart.
startup = false
# Configurations behind URLs: a folder for file: URLs, and the CA certificates of https servers. Without both there is no :url.
# url-root = "configurations"
# url-ca-file = "url-ca.pem"
# NETCONF clients that the agent calls (RFC 8071), port 4334 unless one is given, and again whenever a connection ends; the
# waits between calls in vain grow up to the longest.
# call-home = ["orchestrator.example", "192.0.2.10:4334"]
call-home-longest-wait-seconds = 60
"#;
