//! A small NETCONF client over SSH: the demo's orchestrator, and the load that the benchmarks apply.

use std::net::SocketAddr;
use std::sync::Arc;

use russh::client::{self, AuthResult, Handle};
use russh::keys::{PrivateKey, PrivateKeyWithHashAlg, PublicKeyOrCertificate};
use russh::{Channel, ChannelMsg};

use crate::netconf::framing::{self, Decoder, Framing, Incoming, MAX_MESSAGE_BYTES};

/// One session with base 1.1.
pub struct NetconfClient {
    _connection: Handle<TrustingClient>,
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
    /// The user or the key was refused.
    #[error("ssh: user {0:?} was refused")]
    Refused(String),
    /// The other end closed or said something that is not NETCONF.
    #[error("netconf: {0}")]
    Protocol(String),
}

/// Accepts any host key: it is for loopback, where the agent was started a moment ago by the same program.
struct TrustingClient;

impl client::Handler for TrustingClient {
    type Error = russh::Error;

    async fn check_server_key(&mut self, _key: &PublicKeyOrCertificate) -> Result<bool, russh::Error> {
        Ok(true)
    }
}

const HELLO: &str = concat!(
    r#"<?xml version="1.0" encoding="UTF-8"?><hello xmlns="urn:ietf:params:xml:ns:netconf:base:1.0"><capabilities>"#,
    "<capability>urn:ietf:params:netconf:base:1.0</capability>",
    "<capability>urn:ietf:params:netconf:base:1.1</capability></capabilities></hello>"
);

impl NetconfClient {
    /// Connects, logs in with a private key (OpenSSH text) and exchanges hellos.
    pub async fn connect(
        address: SocketAddr,
        user: &str,
        private_key: &str,
    ) -> Result<NetconfClient, ClientError> {
        let key = PrivateKey::from_openssh(private_key)
            .map_err(|error| ClientError::Protocol(format!("the private key: {error}")))?;
        // Without it, each short packet of the login waits for the server's delayed acknowledgement.
        let config = client::Config {
            nodelay: true,
            ..client::Config::default()
        };
        let mut connection = client::connect(Arc::new(config), address, TrustingClient).await?;
        let key = PrivateKeyWithHashAlg::new(Arc::new(key), None);
        if !matches!(
            connection.authenticate_publickey(user, key).await?,
            AuthResult::Success
        ) {
            return Err(ClientError::Refused(user.to_owned()));
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
                Some(Incoming::TooBig) => {
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
