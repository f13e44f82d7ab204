//! `[netconf]` of the settings file: the NETCONF server, its options and bounds.

use std::net::SocketAddr;
use std::path::PathBuf;

use serde::Deserialize;

use crate::app::settings::AT_LEAST_ONE;
use crate::app::settings::tls::TlsSettings;
use crate::transport::call_home::CallHomeClient;
use crate::transport::server::Security;

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
        NetconfSettings {
            listen: SocketAddr::from(([0, 0, 0, 0], 830)),
            max_sessions: 256,
            login_grace_seconds: 60,
            hello_timeout_seconds: 60,
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

    /// What would keep everybody out: the key, and what is wrong with its value.
    pub(super) fn check(&self) -> Result<(), (&'static str, String)> {
        let at_least_one = [
            ("max-sessions", self.max_sessions as u64),
            ("login-grace-seconds", self.login_grace_seconds.into()),
            ("hello-timeout-seconds", self.hello_timeout_seconds.into()),
            (
                "call-home-longest-wait-seconds",
                self.call_home_longest_wait_seconds.into(),
            ),
        ];
        if let Some((key, _)) = at_least_one.into_iter().find(|(_, value)| *value == 0) {
            return Err((key, AT_LEAST_ONE.to_owned()));
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
max-sessions = 256
# Seconds from the connection to the end of the login, and from the subsystem's start to the client's hello.
login-grace-seconds = 60
hello-timeout-seconds = 60
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
