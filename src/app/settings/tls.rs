//! `[netconf.tls]` of the settings file: NETCONF over TLS and whose certificates stand for which users.

use std::net::SocketAddr;
use std::path::PathBuf;

use serde::Deserialize;

use crate::transport::call_home::CallHomeClient;
use crate::transport::cert_to_name::{CertToName, MapType};
use crate::transport::server::Security;

/// `[netconf.tls]`
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct TlsSettings {
    /// Address and port of NETCONF over TLS; port 0 takes a free one. Without it nobody can call.
    pub listen: Option<SocketAddr>,
    /// The server's certificate, and those that lead to a CA of its clients, PEM.
    pub certificate_file: Option<PathBuf>,
    /// Its private key, PEM.
    pub key_file: Option<PathBuf>,
    /// CA certificates of clients, PEM.
    pub client_ca_file: Option<PathBuf>,
    /// What those CAs have revoked, PEM.
    pub crl_file: Option<PathBuf>,
    /// Clients that wait for calls (RFC 8071): hosts or addresses, with a port after a colon.
    pub call_home: Vec<String>,
    /// Which user a client's certificate stands for (RFC 7407); the first entry that gives a name holds.
    pub cert_to_name: Vec<CertToNameSettings>,
}

/// One entry of `[[netconf.tls.cert-to-name]]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct CertToNameSettings {
    /// `04:` and the SHA-256 of the client's certificate, or of a CA's; every certificate without it.
    #[serde(default)]
    pub fingerprint: Option<String>,
    /// An identity of ietf-x509-cert-to-name.
    pub map_type: String,
    /// The user of the map type `specified`.
    #[serde(default)]
    pub name: Option<String>,
}

impl CertToNameSettings {
    fn read(&self) -> Result<CertToName, String> {
        Ok(CertToName {
            fingerprint: self.fingerprint.as_deref().map(str::parse).transpose()?,
            map_type: MapType::of(&self.map_type, self.name.as_deref())?,
        })
    }
}

/// What is wrong in the section: the heading (which one, counted from 1), the key below it, and the words.
pub(super) struct Wrong {
    pub(super) heading: &'static str,
    pub(super) which: usize,
    pub(super) key: &'static str,
    pub(super) problem: String,
}

impl Wrong {
    /// Where that is in a settings file, counted from 1: the heading itself where the key is not below it.
    pub(super) fn line_in(&self, text: &str) -> usize {
        let headings = text
            .lines()
            .enumerate()
            .filter(|(_, line)| line.trim() == self.heading);
        let Some((heading, _)) = headings.into_iter().nth(self.which.saturating_sub(1)) else {
            return 1;
        };
        let below = text.lines().enumerate().skip(heading + 1);
        let key = below
            .take_while(|(_, line)| !line.trim_start().starts_with('['))
            .find(|(_, line)| !self.key.is_empty() && line.trim_start().starts_with(self.key));
        key.map_or(heading, |(at, _)| at) + 1
    }
}

impl TlsSettings {
    /// Whether there is TLS at all.
    pub fn is_on(&self) -> bool {
        self.listen.is_some() || !self.call_home.is_empty()
    }

    /// The ordered list; the error names the entry, counted from 1.
    pub fn cert_to_name(&self) -> Result<Vec<CertToName>, (usize, String)> {
        let entries = self.cert_to_name.iter().enumerate();
        entries
            .map(|(index, entry)| entry.read().map_err(|problem| (index + 1, problem)))
            .collect()
    }

    pub(super) fn clients_to_call(&self) -> impl Iterator<Item = Result<CallHomeClient, String>> {
        self.call_home
            .iter()
            .map(|text| CallHomeClient::parse(Security::Tls, text))
    }

    pub(super) fn check(&self) -> Result<(), Wrong> {
        let wrong = |key, problem| Wrong {
            heading: "[netconf.tls]",
            which: 1,
            key,
            problem,
        };
        if let Some(problem) = self.clients_to_call().find_map(Result::err) {
            return Err(wrong("call-home", format!("call-home cannot be used: {problem}")));
        }
        self.cert_to_name().map_err(|(which, problem)| Wrong {
            heading: "[[netconf.tls.cert-to-name]]",
            which,
            key: "",
            problem: format!("cert-to-name, entry {which}: {problem}"),
        })?;
        if !self.is_on() {
            return Ok(());
        }
        let needed = [
            ("certificate-file", &self.certificate_file),
            ("key-file", &self.key_file),
            ("client-ca-file", &self.client_ca_file),
        ];
        if let Some((missing, _)) = needed.into_iter().find(|(_, file)| file.is_none()) {
            let problem =
                format!("netconf.tls has no {missing}: TLS needs certificate, key and the CA of its clients");
            return Err(wrong("", problem));
        }
        if self.cert_to_name.is_empty() {
            let problem = "netconf.tls has no cert-to-name: no certificate would stand for a user".to_owned();
            return Err(wrong("", problem));
        }
        Ok(())
    }
}

/// How it stands in the file that `ponder settings` prints.
pub(super) const DEFAULT_SECTION: &str = r#"[netconf.tls]
# NETCONF over TLS (RFC 7589) with certificates on both sides; its port is 6513, 0 takes a free one. Off unless it listens or
# calls. Certificates are PEM; files that change are read again at the next connection (docs/transports.md).
# listen = "0.0.0.0:6513"
# certificate-file = "server.pem"        # and behind it the certificates that lead to a CA of the clients
# key-file = "server.key"
# client-ca-file = "client-ca.pem"
# crl-file = "client-ca.crl"             # with it, a client without a valid entry of its issuer's list is refused
# Clients that the agent calls over TLS, port 4335 unless one is given.
# call-home = ["orchestrator.example"]
# Which user a client's certificate stands for (RFC 7407): the first entry that matches and gives a name. The fingerprint is
# 04: and the SHA-256 of the client's certificate or of a CA above it; an entry without one is for every certificate. map-type:
# specified, san-rfc822-name, san-dns-name, san-ip-address, san-any, common-name.
# [[netconf.tls.cert-to-name]]
# fingerprint = "04:BA:78:16:..."
# map-type = "specified"
# name = "admin"
"#;

#[cfg(test)]
mod tests {
    use crate::app::settings::Settings;

    fn refusal(text: &str) -> (usize, String) {
        Settings::parse(text).unwrap_err()
    }

    #[test]
    fn tls_without_what_it_needs_is_refused_with_the_line_of_its_section() {
        let (line, problem) = refusal("\n[netconf.tls]\nlisten = \"0.0.0.0:0\"\ncertificate-file = \"a\"\n");
        assert_eq!(line, 2);
        assert!(problem.contains("netconf.tls has no key-file"), "{problem}");
        let files = "certificate-file = \"a\"\nkey-file = \"a\"\nclient-ca-file = \"a\"";
        let (line, problem) = refusal(&format!("[netconf.tls]\ncall-home = [\"nms\"]\n{files}\n"));
        assert_eq!(line, 1);
        assert!(problem.contains("no cert-to-name"), "{problem}");
    }

    #[test]
    fn a_wrong_entry_is_named_by_its_number_and_line() {
        let good = "[[netconf.tls.cert-to-name]]\nmap-type = \"san-any\"\n";
        let (line, problem) = refusal(&format!(
            "{good}{good}[[netconf.tls.cert-to-name]]\nfingerprint = \"00\"\nmap-type = \"san-any\"\n"
        ));
        assert_eq!(line, 5);
        assert!(
            problem.starts_with("cert-to-name, entry 3: fingerprint \"00\" begins with no octet"),
            "{problem}"
        );
    }

    #[test]
    fn a_client_to_call_over_tls_is_found_below_its_own_heading() {
        let (line, problem) =
            refusal("[netconf]\ncall-home = [\"a\"]\n[netconf.tls]\ncall-home = [\"nms:0\"]\n");
        assert_eq!(line, 4);
        assert!(problem.contains("call-home client \"nms:0\""), "{problem}");
    }
}
