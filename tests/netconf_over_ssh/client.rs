//! The other end: an SSH client that can misbehave.

use std::net::SocketAddr;
use std::sync::Arc;

use ponder::netconf::framing::{self, Decoder, Framing, Incoming};
use russh::client::{self, AuthResult, Handle};
use russh::keys::{PrivateKey, PrivateKeyWithHashAlg, PublicKeyOrCertificate};
use russh::{Channel, ChannelMsg};

pub struct AnyServer;

impl client::Handler for AnyServer {
    type Error = russh::Error;

    async fn check_server_key(&mut self, _key: &PublicKeyOrCertificate) -> Result<bool, russh::Error> {
        Ok(true)
    }
}

pub const BASE_1_0: &str = "urn:ietf:params:netconf:base:1.0";
pub const BASE_1_1: &str = "urn:ietf:params:netconf:base:1.1";

pub fn hello(base: &str) -> String {
    format!(
        "<hello xmlns=\"urn:ietf:params:xml:ns:netconf:base:1.0\"><capabilities>\
         <capability>{base}</capability></capabilities></hello>]]>]]>"
    )
}

pub fn rpc(id: u32, operation: &str) -> String {
    format!("<rpc xmlns=\"urn:ietf:params:xml:ns:netconf:base:1.0\" message-id=\"{id}\">{operation}</rpc>")
}

pub fn test_rpc(id: u32, name: &str) -> String {
    rpc(id, &format!("<{name} xmlns=\"urn:example:test\"/>"))
}

pub fn chunked(message: &str) -> Vec<u8> {
    framing::encode(Framing::Chunked, vec![message.to_owned()]).concat()
}

/// Connected, not logged in.
pub async fn connect(address: SocketAddr) -> Handle<AnyServer> {
    client::connect(Arc::new(client::Config::default()), address, AnyServer)
        .await
        .unwrap()
}

pub async fn try_key(connection: &mut Handle<AnyServer>, user: &str, key: &str) -> AuthResult {
    let key = PrivateKey::from_openssh(key).unwrap();
    connection
        .authenticate_publickey(user, PrivateKeyWithHashAlg::new(Arc::new(key), None))
        .await
        .unwrap()
}

pub async fn log_in(address: SocketAddr, user: &str, key: &str) -> Handle<AnyServer> {
    let mut connection = connect(address).await;
    let result = try_key(&mut connection, user, key).await;
    assert!(matches!(result, AuthResult::Success), "{result:?}");
    connection
}

/// A channel with the subsystem running.
pub struct Talk {
    pub channel: Channel<client::Msg>,
    decoder: Decoder,
    received: Vec<u8>,
    pub stderr: String,
    pub exit_status: Option<u32>,
    pub session_id: u32,
}

impl Talk {
    /// Opens the subsystem and exchanges hellos.
    pub async fn open(connection: &Handle<AnyServer>, base: &str) -> Talk {
        let mut talk = Talk::begin(connection).await;
        talk.send(hello(base)).await;
        if base == BASE_1_1 {
            talk.decoder.switch_to(Framing::Chunked);
        }
        talk
    }

    /// Opens the subsystem and reads the server's hello.
    pub async fn begin(connection: &Handle<AnyServer>) -> Talk {
        let channel = connection.channel_open_session().await.unwrap();
        channel.request_subsystem(true, "netconf").await.unwrap();
        let mut talk = Talk {
            channel,
            decoder: Decoder::new(framing::MAX_MESSAGE_BYTES),
            received: Vec::new(),
            stderr: String::new(),
            exit_status: None,
            session_id: 0,
        };
        let hello = talk.message().await.expect("the server says hello");
        let (_, id) = hello.split_once("<session-id>").unwrap();
        talk.session_id = id.split('<').next().unwrap().parse().unwrap();
        talk
    }

    /// Bytes that were taken off the channel already.
    pub fn give_back(&mut self, bytes: &[u8]) {
        self.received.extend_from_slice(bytes);
    }

    pub async fn send(&self, bytes: impl Into<Vec<u8>>) {
        self.channel.data_bytes(bytes.into()).await.unwrap();
    }

    /// Sends one request in chunks and gives the reply.
    pub async fn ask(&mut self, request: &str) -> String {
        self.send(chunked(request)).await;
        self.message().await.expect("a reply")
    }

    /// The next message, `None` when the channel is closed.
    pub async fn message(&mut self) -> Option<String> {
        loop {
            let mut input = self.received.as_slice();
            let found = self.decoder.decode(&mut input).unwrap();
            let used = self.received.len() - input.len();
            self.received.drain(..used);
            if let Some(Incoming::Message(message)) = found {
                return Some(String::from_utf8(message).unwrap());
            }
            match self.channel.wait().await? {
                ChannelMsg::Data { data } => self.received.extend_from_slice(&data),
                ChannelMsg::ExtendedData { data, .. } => {
                    self.stderr.push_str(&String::from_utf8_lossy(&data))
                }
                ChannelMsg::ExitStatus { exit_status } => self.exit_status = Some(exit_status),
                ChannelMsg::Close => return None,
                _ => {}
            }
        }
    }
}
