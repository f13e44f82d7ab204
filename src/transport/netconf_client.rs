//! A small NETCONF client over SSH: the demo's orchestrator, `ponder explain`, and the load that the benchmarks apply.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use russh::client::{self, AuthResult, Handle};
use russh::keys::known_hosts::check_known_hosts_path;
use russh::keys::{HashAlg, PrivateKey, PrivateKeyWithHashAlg, PublicKeyOrCertificate};
use russh::{Channel, ChannelMsg};
use zeroize::Zeroizing;

use crate::netconf::framing::{self, Decoder, Framing, Incoming, MAX_MESSAGE_BYTES};

/// One session with base 1.1.
pub struct NetconfClient {
    _connection: Handle<HostKeyCheck>,
    channel: Channel<client::Msg>,
    decoder: Decoder,
    received: Vec<u8>,
    last_message_id: u64,
    hello: String,
}

/// What went wrong between client and server.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// SSH did not work.
    #[error("ssh: {0}")]
    Ssh(#[from] russh::Error),
    /// Not the server that was meant, or nobody knows.
    #[error("host key: {0}")]
    HostKey(String),
    /// The private key cannot be used.
    #[error("private key: {0}")]
    PrivateKey(String),
    /// The user, the password or the key was refused.
    #[error("ssh: user {user:?} was refused with this {with}")]
    Refused {
        /// Who.
        user: String,
        /// `password` or `key`.
        with: &'static str,
    },
    /// The other end closed or said something that is not NETCONF.
    #[error("netconf: {0}")]
    Protocol(String),
}

/// Where a server is: a name or an address, and a port.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Server {
    /// Name or address.
    pub host: String,
    /// Port.
    pub port: u16,
}

impl std::fmt::Display for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.host.contains(':') {
            true => write!(f, "[{}]:{}", self.host, self.port),
            false => write!(f, "{}:{}", self.host, self.port),
        }
    }
}

/// Which host keys are good.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum HostKeyRule {
    /// Any: for loopback, where the agent was started a moment ago by the same program.
    Any,
    /// The one with this fingerprint, `SHA256:…`.
    Fingerprint(String),
    /// The one that a known_hosts file of OpenSSH has for this server; a missing file knows nobody.
    KnownHosts(PathBuf),
}

/// What a user logs in with.
pub enum Credential {
    /// A private key, OpenSSH text without passphrase.
    Key(Zeroizing<String>),
    /// A password.
    Password(Zeroizing<String>),
}

/// A credential that was read.
enum Login<'c> {
    Key(Box<PrivateKey>),
    Password(&'c str),
}

struct HostKeyCheck {
    rule: HostKeyRule,
    server: Server,
}

impl client::Handler for HostKeyCheck {
    type Error = ClientError;

    async fn check_server_key(&mut self, key: &PublicKeyOrCertificate) -> Result<bool, ClientError> {
        if self.rule == HostKeyRule::Any {
            return Ok(true);
        }
        let PublicKeyOrCertificate::PublicKey { key, .. } = key else {
            return Err(ClientError::HostKey(format!(
                "{} shows a certificate, which is not supported",
                self.server
            )));
        };
        let shown = key.fingerprint(HashAlg::Sha256).to_string();
        match &self.rule {
            HostKeyRule::Any => Ok(true),
            HostKeyRule::Fingerprint(wanted) if *wanted == shown => Ok(true),
            HostKeyRule::Fingerprint(wanted) => Err(ClientError::HostKey(format!(
                "{} has {shown}, not {wanted}",
                self.server
            ))),
            HostKeyRule::KnownHosts(file) => {
                let Server { host, port } = &self.server;
                match check_known_hosts_path(host, *port, key, file) {
                    Ok(true) => Ok(true),
                    Ok(false) => Err(ClientError::HostKey(format!(
                        "{} has {shown}, and {} does not know it",
                        self.server,
                        file.display()
                    ))),
                    Err(russh::keys::Error::KeyChanged { line }) => Err(ClientError::HostKey(format!(
                        "{} has {shown}, and line {line} of {} has another key for it",
                        self.server,
                        file.display()
                    ))),
                    Err(cause) => Err(ClientError::HostKey(format!("{}: {cause}", file.display()))),
                }
            }
        }
    }
}

const HELLO: &str = concat!(
    r#"<?xml version="1.0" encoding="UTF-8"?><hello xmlns="urn:ietf:params:xml:ns:netconf:base:1.0"><capabilities>"#,
    "<capability>urn:ietf:params:netconf:base:1.0</capability>",
    "<capability>urn:ietf:params:netconf:base:1.1</capability></capabilities></hello>"
);

impl NetconfClient {
    /// Connects to whoever is at this address, logs in with a private key (OpenSSH text) and exchanges hellos.
    pub async fn connect(
        address: SocketAddr,
        user: &str,
        private_key: &str,
    ) -> Result<NetconfClient, ClientError> {
        let server = Server {
            host: address.ip().to_string(),
            port: address.port(),
        };
        let key = Credential::Key(Zeroizing::new(private_key.to_owned()));
        NetconfClient::log_in(server, HostKeyRule::Any, user, &key).await
    }

    /// Connects, checks the host key, logs in and exchanges hellos.
    pub async fn log_in(
        server: Server,
        rule: HostKeyRule,
        user: &str,
        credential: &Credential,
    ) -> Result<NetconfClient, ClientError> {
        // Read before anything is sent, so that a bad file costs no connection.
        let login = match credential {
            Credential::Key(text) => Login::Key(Box::new(private_key(text)?)),
            Credential::Password(password) => Login::Password(password.as_str()),
        };
        // Without it, each short packet of the login waits for the server's delayed acknowledgement.
        let config = client::Config {
            nodelay: true,
            ..client::Config::default()
        };
        let address = (server.host.clone(), server.port);
        let check = HostKeyCheck { rule, server };
        let mut connection = client::connect(Arc::new(config), address, check).await?;
        let (outcome, with) = match login {
            Login::Password(password) => (
                connection.authenticate_password(user, password).await?,
                "password",
            ),
            // The hash matters to RSA keys alone; others have their own.
            Login::Key(key) => {
                let key = PrivateKeyWithHashAlg::new(Arc::from(key), Some(HashAlg::Sha256));
                (connection.authenticate_publickey(user, key).await?, "key")
            }
        };
        if !matches!(outcome, AuthResult::Success) {
            let user = user.to_owned();
            return Err(ClientError::Refused { user, with });
        }
        let channel = connection.channel_open_session().await?;
        channel.request_subsystem(true, "netconf").await?;
        let mut client = NetconfClient {
            _connection: connection,
            channel,
            decoder: Decoder::new(MAX_MESSAGE_BYTES),
            received: Vec::new(),
            last_message_id: 0,
            hello: String::new(),
        };
        client.send(Framing::EndOfMessage, HELLO.to_owned()).await?;
        client.hello = client.receive().await?;
        client.decoder.switch_to(Framing::Chunked);
        Ok(client)
    }

    /// The server's hello.
    pub fn hello(&self) -> &str {
        &self.hello
    }

    /// Sends one operation (the child of `<rpc>`) and waits for its `<rpc-reply>`.
    pub async fn call(&mut self, operation: &str) -> Result<String, ClientError> {
        self.last_message_id += 1;
        let rpc = format!(
            r#"<rpc xmlns="urn:ietf:params:xml:ns:netconf:base:1.0" message-id="{}">{operation}</rpc>"#,
            self.last_message_id
        );
        self.send(Framing::Chunked, rpc).await?;
        self.receive().await
    }

    async fn send(&mut self, framing: Framing, message: String) -> Result<(), ClientError> {
        for piece in framing::encode(framing, vec![message]) {
            self.channel.data_bytes(piece).await?;
        }
        Ok(())
    }

    async fn receive(&mut self) -> Result<String, ClientError> {
        loop {
            let mut input = self.received.as_slice();
            let found = self
                .decoder
                .decode(&mut input)
                .map_err(|error| ClientError::Protocol(error.to_string()))?;
            let left = input.len();
            self.received.drain(..self.received.len() - left);
            match found {
                Some(Incoming::Message(message)) => {
                    return String::from_utf8(message)
                        .map_err(|_| ClientError::Protocol("a reply that is not UTF-8".to_owned()));
                }
                Some(Incoming::TooBig | Incoming::NoRoom) => {
                    return Err(ClientError::Protocol("a reply over the limit".to_owned()));
                }
                None => {}
            }
            match self.channel.wait().await {
                Some(ChannelMsg::Data { data }) => self.received.extend_from_slice(&data),
                Some(ChannelMsg::Eof | ChannelMsg::Close) | None => {
                    return Err(ClientError::Protocol("the server closed the session".to_owned()));
                }
                Some(_) => {}
            }
        }
    }
}

fn private_key(text: &str) -> Result<PrivateKey, ClientError> {
    let key = PrivateKey::from_openssh(text).map_err(|error| ClientError::PrivateKey(error.to_string()))?;
    if key.is_encrypted() {
        let reason = "it has a passphrase, for which nobody is asked";
        return Err(ClientError::PrivateKey(reason.to_owned()));
    }
    Ok(key)
}
