//! The other end: a TLS client that can misbehave.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use ponder::netconf::framing::{self, Decoder, Framing, Incoming};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, SignatureScheme, SupportedProtocolVersion};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::certificates::Pair;

pub const HELLO: &str = "<hello xmlns=\"urn:ietf:params:xml:ns:netconf:base:1.0\"><capabilities>\
     <capability>urn:ietf:params:netconf:base:1.1</capability></capabilities></hello>]]>]]>";

pub fn rpc(id: u32, operation: &str) -> String {
    format!("<rpc xmlns=\"urn:ietf:params:xml:ns:netconf:base:1.0\" message-id=\"{id}\">{operation}</rpc>")
}

pub fn chunked(message: &str) -> Vec<u8> {
    framing::encode(Framing::Chunked, vec![message.to_owned()]).concat()
}

/// Clients check their servers elsewhere; the year here is not that of the machine.
#[derive(Debug)]
struct AnyServer;

impl ServerCertVerifier for AnyServer {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        aws_lc_rs::default_provider()
            .signature_verification_algorithms
            .supported_schemes()
    }
}

/// A configuration with this certificate, or without any.
pub fn config(pair: Option<&Pair>, versions: &[&'static SupportedProtocolVersion]) -> ClientConfig {
    let builder = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_protocol_versions(versions)
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(AnyServer));
    match pair {
        None => builder.with_no_client_auth(),
        Some(pair) => {
            let certificates = CertificateDer::pem_slice_iter(pair.certificates.as_bytes())
                .map(Result::unwrap)
                .collect();
            let key = PrivateKeyDer::from_pem_slice(pair.key.as_bytes()).unwrap();
            builder.with_client_auth_cert(certificates, key).unwrap()
        }
    }
}

/// A connection.
pub struct Talk {
    pub stream: TlsStream<TcpStream>,
    decoder: Decoder,
    received: Vec<u8>,
    pub session_id: u32,
}

impl Talk {
    /// Connects and exchanges hellos.
    pub async fn open(address: SocketAddr, pair: &Pair) -> Talk {
        let tcp = TcpStream::connect(address).await.unwrap();
        Talk::over(tcp, Some(pair), rustls::ALL_VERSIONS)
            .await
            .expect("the client is let in")
    }

    /// The same over a TCP connection that is there; the error is how the server refused.
    pub async fn over(
        tcp: TcpStream,
        pair: Option<&Pair>,
        versions: &[&'static SupportedProtocolVersion],
    ) -> io::Result<Talk> {
        let connector = TlsConnector::from(Arc::new(config(pair, versions)));
        let name = ServerName::try_from("127.0.0.1").unwrap();
        let stream = connector.connect(name, tcp).await?;
        let mut talk = Talk {
            stream,
            decoder: Decoder::new(framing::MAX_MESSAGE_BYTES),
            received: Vec::new(),
            session_id: 0,
        };
        let hello = talk
            .next()
            .await?
            .ok_or_else(|| io::Error::other("closed without a word"))?;
        let (_, id) = hello.split_once("<session-id>").unwrap();
        talk.session_id = id.split('<').next().unwrap().parse().unwrap();
        talk.send(HELLO).await;
        talk.decoder.switch_to(Framing::Chunked);
        Ok(talk)
    }

    pub async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.write_all(bytes.as_ref()).await.unwrap();
        self.stream.flush().await.unwrap();
    }

    pub async fn ask(&mut self, request: &str) -> String {
        self.send(chunked(request)).await;
        self.message().await.expect("a reply")
    }

    /// The next message, `None` when the server has said that nothing follows.
    pub async fn message(&mut self) -> Option<String> {
        self.next().await.unwrap()
    }

    async fn next(&mut self) -> io::Result<Option<String>> {
        loop {
            let mut input = self.received.as_slice();
            let found = self.decoder.decode(&mut input).unwrap();
            let used = self.received.len() - input.len();
            self.received.drain(..used);
            if let Some(Incoming::Message(message)) = found {
                return Ok(Some(String::from_utf8(message).unwrap()));
            }
            let mut buffer = vec![0; 65_536];
            match self.stream.read(&mut buffer).await? {
                0 => return Ok(None),
                length => self.received.extend_from_slice(&buffer[..length]),
            }
        }
    }
}
