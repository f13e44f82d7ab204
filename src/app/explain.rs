//! `ponder explain`: asks a running agent over NETCONF why it counts the licences that it counts, and prints a table.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use zeroize::Zeroizing;

use crate::app::clock::Clock;
use crate::app::command_line::ExplainArguments;
use crate::app::output::say;
use crate::transport::netconf_client::{ClientError, Credential, HostKeyRule, NetconfClient, Server};
use crate::yang::document::{Element, NETCONF_BASE};

mod password;
mod table;

/// Where the password may stand for scripts.
const PASSWORD_VARIABLE: &str = "PONDER_PASSWORD";
/// How long the agent may take for everything.
const PATIENCE: Duration = Duration::from_secs(30);
/// The port of NETCONF over SSH (RFC 6242 section 3).
const NETCONF_PORT: u16 = 830;

/// Asks and prints. An error says what would help.
pub async fn run(arguments: ExplainArguments, clock: Arc<dyn Clock>) -> anyhow::Result<()> {
    let server = server(&arguments.agent)?;
    let credential = credential(&arguments, &server)?;
    let rule = host_key_rule(&arguments)?;
    let until = clock.instant() + PATIENCE;
    let asked = ask(&server, rule, &arguments, &credential);
    let reply = tokio::select! {
        reply = asked => reply?,
        () = clock.wait_until(until) => bail!("agent {server}: no answer within {} s", PATIENCE.as_secs()),
    };
    let explanation = table::Explanation::read(&reply)?;
    match arguments.json {
        true => say(serde_json::to_string_pretty(&explanation)?)?,
        false => say(explanation.table().trim_end())?,
    }
    Ok(())
}

async fn ask(
    server: &Server,
    rule: HostKeyRule,
    arguments: &ExplainArguments,
    credential: &Credential,
) -> anyhow::Result<Element> {
    let connected = NetconfClient::log_in(server.clone(), rule, &arguments.user, credential).await;
    let mut client = connected.map_err(|error| unreachable_agent(server, error))?;
    let selected = [
        ("entitlement", &arguments.entitlement),
        ("location", &arguments.location),
    ];
    let input: String = selected
        .into_iter()
        .filter_map(|(name, value)| Some((name, value.as_ref()?)))
        .map(|(name, value)| format!("<{name}>{}</{name}>", escaped(value)))
        .collect();
    let operation = format!(
        "<explain-licences xmlns=\"urn:ponder:yang:ponder-licence-state\">{input}</explain-licences>"
    );
    let reply = client
        .call(&operation)
        .await
        .with_context(|| format!("agent {server}"))?;
    let reply = Element::parse_document(&reply).with_context(|| format!("agent {server}: its reply"))?;
    match refusal(&reply) {
        Some(message) => bail!("agent {server} refuses: {message}"),
        None => Ok(reply),
    }
}

/// What the agent said against it.
fn refusal(reply: &Element) -> Option<String> {
    let of_base = |element: &&Element| element.namespace.as_deref() == Some(NETCONF_BASE);
    let error = reply
        .children
        .iter()
        .filter(of_base)
        .find(|child| child.name == "rpc-error")?;
    let text = |name: &str| {
        error
            .children
            .iter()
            .find(|child| child.name == name)
            .map(|child| child.text.trim())
    };
    let said = text("error-message").or_else(|| text("error-tag"));
    Some(said.unwrap_or("without a reason").to_owned())
}

/// The error with what would help against it.
fn unreachable_agent(server: &Server, error: ClientError) -> anyhow::Error {
    let advice = match &error {
        ClientError::HostKey(_) => {
            "; compare it with the agent's, then give it with --host-key, or name a --known-hosts file"
        }
        ClientError::Ssh(_)
        | ClientError::PrivateKey(_)
        | ClientError::Refused { .. }
        | ClientError::Protocol(_) => "",
    };
    anyhow::anyhow!("agent {server}: {error}{advice}")
}

/// `HOST`, `HOST:PORT`, `ADDRESS` or `[ADDRESS]:PORT`.
fn server(text: &str) -> anyhow::Result<Server> {
    let wrong = || format!("--agent {text:?}: HOST, HOST:PORT or [ADDRESS]:PORT is expected");
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (host, rest) = rest.split_once(']').with_context(wrong)?;
            (host, rest.strip_prefix(':'))
        }
        None if text.matches(':').count() == 1 => {
            let (host, port) = text.split_once(':').with_context(wrong)?;
            (host, Some(port))
        }
        None => (text, None),
    };
    let port = match port {
        Some(port) => port.parse().ok().filter(|port| *port > 0).with_context(wrong)?,
        None => NETCONF_PORT,
    };
    anyhow::ensure!(!host.is_empty(), wrong());
    Ok(Server {
        host: host.to_owned(),
        port,
    })
}

fn host_key_rule(arguments: &ExplainArguments) -> anyhow::Result<HostKeyRule> {
    if arguments.any_host_key {
        return Ok(HostKeyRule::Any);
    }
    if let Some(fingerprint) = &arguments.host_key {
        return Ok(HostKeyRule::Fingerprint(fingerprint.clone()));
    }
    let file = match &arguments.known_hosts {
        Some(file) => {
            anyhow::ensure!(file.is_file(), "known hosts file {} is not there", file.display());
            file.clone()
        }
        None => {
            let home = env::var_os("HOME")
                .context("no HOME, so no known_hosts file: give --host-key or --known-hosts")?;
            PathBuf::from(home).join(".ssh/known_hosts")
        }
    };
    Ok(HostKeyRule::KnownHosts(file))
}

/// A key file, else a password: of a file, of the environment, or typed.
fn credential(arguments: &ExplainArguments, server: &Server) -> anyhow::Result<Credential> {
    if let Some(file) = &arguments.key {
        return Ok(Credential::Key(text_of(file, "key file")?));
    }
    if let Some(file) = &arguments.password_file {
        return password_of(
            text_of(file, "password file")?,
            &format!("password file {}", file.display()),
        );
    }
    if let Ok(password) = env::var(PASSWORD_VARIABLE) {
        return password_of(Zeroizing::new(password), PASSWORD_VARIABLE);
    }
    let prompt = format!("Password of {} at {server}: ", arguments.user);
    let typed = password::typed(&prompt).with_context(|| {
        format!("no password: give --key, --password-file or {PASSWORD_VARIABLE}, or type it at a terminal")
    })?;
    password_of(typed, "the terminal")
}

/// The first line; the file of an editor ends with an end of line.
fn password_of(text: Zeroizing<String>, of: &str) -> anyhow::Result<Credential> {
    let line = text.lines().next().unwrap_or_default();
    anyhow::ensure!(!line.is_empty(), "no password: {of} is empty");
    Ok(Credential::Password(Zeroizing::new(line.to_owned())))
}

fn text_of(file: &Path, what: &str) -> anyhow::Result<Zeroizing<String>> {
    let text = fs::read_to_string(file).with_context(|| format!("{what} {}", file.display()))?;
    Ok(Zeroizing::new(text))
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_port_of_an_agent_is_830_unless_it_is_given() {
        for (text, host, port) in [
            ("node-1", "node-1", 830),
            ("node-1:8830", "node-1", 8830),
            ("192.0.2.1", "192.0.2.1", 830),
            ("[2001:db8::1]:8830", "2001:db8::1", 8830),
            ("[2001:db8::1]", "2001:db8::1", 830),
            ("2001:db8::1", "2001:db8::1", 830),
        ] {
            let server = server(text).unwrap();
            assert_eq!((server.host.as_str(), server.port), (host, port), "{text}");
        }
        for text in [
            "",
            ":830",
            "node:",
            "node:0",
            "node:99999",
            "[2001:db8::1",
            "[::1]:x",
        ] {
            let error = server(text).unwrap_err().to_string();
            assert!(error.contains("HOST:PORT"), "{text}: {error}");
        }
    }

    #[test]
    fn the_password_is_the_first_line_of_its_file() {
        let line = |text: &str| password_of(Zeroizing::new(text.to_owned()), "the file");
        let Ok(Credential::Password(password)) = line("open sesame\n") else {
            panic!()
        };
        assert_eq!(password.as_str(), "open sesame");
        assert!(
            line("\n")
                .err()
                .unwrap()
                .to_string()
                .contains("the file is empty")
        );
    }
}
