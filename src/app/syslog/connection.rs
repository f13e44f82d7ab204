//! One way to one remote host: UDP (RFC 5426), TCP (RFC 6587) or TLS (RFC 5425).

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use futures::FutureExt;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use serde::Deserialize;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadHalf, WriteHalf, split};
use tokio::net::{TcpStream, UdpSocket};
use tokio_rustls::TlsConnector;

use crate::app::name_resolution::Names;
use crate::app::syslog::rfc5424::framed;

/// How messages are carried.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Transport {
    /// A datagram a message; nobody knows what arrives.
    Udp,
    /// A stream.
    Tcp,
    /// A stream inside TLS.
    Tls,
}

impl Transport {
    /// Its name in the settings.
    pub fn name(self) -> &'static str {
        match self {
            Transport::Udp => "udp",
            Transport::Tcp => "tcp",
            Transport::Tls => "tls",
        }
    }

    /// The port where the configuration is silent: that of the model, or that of RFC 5425 section 4.1.
    pub fn default_port(self) -> u16 {
        match self {
            Transport::Udp | Transport::Tcp => 514,
            Transport::Tls => 6_514,
        }
    }
}

/// A remote host as it is reached.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Destination {
    /// Its address or name.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How.
    pub transport: Transport,
}

/// An open way.
pub enum Connection {
    /// UDP.
    Datagrams(UdpSocket),
    /// TCP, with or without TLS.
    Stream {
        /// What the host says; it has nothing to say, but its going shows here.
        incoming: ReadHalf<Box<dyn Stream>>,
        /// What it is told.
        outgoing: WriteHalf<Box<dyn Stream>>,
    },
}

/// Something to read from and to write to.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

impl Connection {
    /// Opens a way to the first address of the host that takes it; `tls` is needed for TLS alone.
    ///
    /// # Errors
    /// What the system, the name server or the TLS library says.
    pub async fn open(
        destination: &Destination,
        names: &Names,
        tls: Option<&Arc<ClientConfig>>,
    ) -> io::Result<Connection> {
        let Destination {
            host,
            port,
            transport,
        } = destination;
        let addresses = match host.parse::<IpAddr>() {
            Ok(address) => vec![address],
            Err(_) => names.addresses(host).await.map_err(io::Error::other)?,
        };
        let addresses: Vec<SocketAddr> = addresses
            .into_iter()
            .map(|address| SocketAddr::new(address, *port))
            .collect();
        if *transport == Transport::Udp {
            let any: IpAddr = match addresses.first() {
                Some(SocketAddr::V6(_)) => Ipv6Addr::UNSPECIFIED.into(),
                Some(SocketAddr::V4(_)) | None => Ipv4Addr::UNSPECIFIED.into(),
            };
            let socket = UdpSocket::bind((any, 0)).await?;
            socket.connect(addresses.as_slice()).await?;
            return Ok(Connection::Datagrams(socket));
        }
        let stream = TcpStream::connect(addresses.as_slice()).await?;
        stream.set_nodelay(true)?;
        let stream: Box<dyn Stream> = match (transport, tls) {
            (Transport::Tls, Some(tls)) => {
                let name = ServerName::try_from(host.clone()).map_err(io::Error::other)?;
                Box::new(TlsConnector::from(Arc::clone(tls)).connect(name, stream).await?)
            }
            (Transport::Tls, None) => {
                return Err(io::Error::other(
                    "TLS needs the CA file of remote hosts (ca-file of [syslog] in the settings)",
                ));
            }
            (Transport::Udp | Transport::Tcp, _) => Box::new(stream),
        };
        let (incoming, outgoing) = split(stream);
        Ok(Connection::Stream { incoming, outgoing })
    }

    /// Sends one message. Gives how many earlier ones turned out to have reached nobody.
    ///
    /// # Errors
    /// The way is not usable any more; the message may or may not have arrived.
    pub async fn send(&mut self, datagram: &[u8]) -> io::Result<u64> {
        match self {
            Connection::Datagrams(socket) => match socket.send(datagram).await {
                // That is about an earlier datagram; this one was not sent yet.
                Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
                    socket.send(datagram).await.map(|_| 1)
                }
                sent => sent.map(|_| 0),
            },
            Connection::Stream { incoming, outgoing } => {
                // Bytes written to a host that has gone would vanish without an error.
                if let Some(gone) = gone(incoming).now_or_never() {
                    return Err(gone);
                }
                outgoing.write_all(&framed(datagram)).await?;
                outgoing.flush().await?;
                Ok(0)
            }
        }
    }

    /// Waits until the host goes away; for ever over UDP, where nobody can tell.
    pub async fn ended(&mut self) -> io::Error {
        match self {
            Connection::Datagrams(_) => std::future::pending().await,
            Connection::Stream { incoming, .. } => gone(incoming).await,
        }
    }
}

/// Reads away whatever comes until nothing can come any more.
async fn gone(incoming: &mut ReadHalf<Box<dyn Stream>>) -> io::Error {
    let mut chatter = [0; 512];
    loop {
        match incoming.read(&mut chatter).await {
            Ok(0) => return io::Error::new(io::ErrorKind::UnexpectedEof, "the host closed the connection"),
            Ok(_) => {}
            Err(error) => return error,
        }
    }
}
