//! One connection over TLS (RFC 7589), from the handshake to its end: it is one session.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rustix::net::sockopt;
use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::net::TcpStream;
use tokio::sync::OwnedSemaphorePermit;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tracing::{Instrument, debug, info, info_span, warn};

use crate::management::audit::LoginAttempt;
use crate::management::desk::Visitor;
use crate::transport::cert_to_name::Fingerprint;
use crate::transport::client_certificate::ClientCertificate;
use crate::transport::conversation::{self, Arrival, ClientGone, FromClient, Surroundings, ToClient};
use crate::transport::flow::Gauge;
use crate::transport::server::{Limits, Served, Shared, raised};
use crate::transport::tls_identity::{Recognised, TlsIdentity};

/// How much is read at a time.
const READ_BYTES: usize = 16 * 1024;
/// How much while requests pile up.
const NARROW_READ_BYTES: usize = 4096;
/// How long a client may take to hear that its session is over.
const GOODBYE: Duration = Duration::from_secs(2);
/// The name of this transport in ietf-netconf-monitoring.
const TRANSPORT: &str = "netconf-tls";
const CERTIFICATE: &str = "certificate";
const NO_USER: &str = "no entry of cert-to-name gives a user name";

/// Serves one connection until it is gone. The permit, if any, is given back once the client is known.
pub(crate) async fn serve(
    shared: Arc<Shared>,
    tcp: TcpStream,
    peer: SocketAddr,
    permit: Option<OwnedSemaphorePermit>,
) -> Served {
    let span = info_span!("tls", %peer);
    let Some(current) = shared.tls.clone() else {
        return Served::InVain;
    };
    let identity = current();
    let Some(stream) = shake_hands(&shared, &identity, tcp, peer)
        .instrument(span.clone())
        .await
    else {
        return Served::InVain;
    };
    let Some(user) = span.in_scope(|| recognise(&shared, &identity, &stream, peer)) else {
        say_goodbye(&shared, stream).await;
        return Served::InVain;
    };
    drop(permit);
    let Ok(place) = Arc::clone(&shared.sessions).try_acquire_owned() else {
        let limit = shared.limits.max_sessions;
        span.in_scope(|| warn!(user, limit, "session refused: too many sessions (max-sessions)"));
        say_goodbye(&shared, stream).await;
        return Served::InVain;
    };
    if let Some(words) = shared.desk.refuses_sessions() {
        span.in_scope(|| warn!(user, "session refused: {words}"));
        say_goodbye(&shared, stream).await;
        return Served::InVain;
    }
    let waiting = Arc::new(Gauge::default());
    let (reader, writer) = tokio::io::split(stream);
    let reader = Reader {
        half: reader,
        ended: false,
        buffer: vec![0; READ_BYTES],
        waiting: Arc::clone(&waiting),
    };
    let around = Surroundings {
        shared: Arc::clone(&shared),
        visitor: Visitor {
            user,
            from: peer.to_string(),
            transport: TRANSPORT,
        },
        waiting,
    };
    let span = info_span!("netconf", session = tracing::field::Empty);
    let parted = conversation::serve(reader, writer, around).instrument(span).await;
    // The reader is gone, so this is all there is of the stream: close_notify, then the end of TCP (RFC 7589 section 3).
    if let Some(mut writer) = parted.writer {
        within(&shared, GOODBYE, writer.shutdown()).await;
    }
    drop(place);
    Served::LoggedIn
}

async fn shake_hands(
    shared: &Shared,
    identity: &TlsIdentity,
    tcp: TcpStream,
    peer: SocketAddr,
) -> Option<TlsStream<TcpStream>> {
    if let Err(error) = keep_alive(&tcp, &shared.limits) {
        debug!(%error, "no keepalive");
    }
    let mut stop = shared.stop.clone();
    let grace = shared
        .clock
        .wait_until(shared.clock.instant() + shared.limits.login_grace);
    let accepted = tokio::select! {
        accepted = TlsAcceptor::from(identity.config()).accept(tcp) => accepted,
        () = grace => {
            let seconds = shared.limits.login_grace.as_secs();
            info!("connection closed: no TLS handshake within {seconds} seconds (login-grace-seconds)");
            return None;
        }
        () = raised(&mut stop) => return None,
    };
    match accepted {
        Ok(stream) => Some(stream),
        Err(error) => {
            info!(%error, "connection refused: the TLS handshake failed");
            let cause = error.get_ref().and_then(|cause| cause.downcast_ref());
            if let Some(rustls::Error::InvalidCertificate(_) | rustls::Error::NoCertificatesPresented) = cause
            {
                shared.desk.login(LoginAttempt {
                    user: String::new(),
                    from: peer.to_string(),
                    transport: TRANSPORT,
                    method: CERTIFICATE,
                    key: None,
                    refused: Some("no certificate that is trusted"),
                });
            }
            None
        }
    }
}

/// The user of a client that has shown its certificate; tells the log who comes in, or who does not and why.
fn recognise(
    shared: &Shared,
    identity: &TlsIdentity,
    stream: &TlsStream<TcpStream>,
    peer: SocketAddr,
) -> Option<String> {
    let chain = stream.get_ref().1.peer_certificates().unwrap_or_default();
    let own = chain.first()?;
    let fingerprint = Fingerprint::sha256(own).to_string();
    let subject = ClientCertificate::read(own)
        .map(|certificate| certificate.subject)
        .unwrap_or_default();
    let attempt = |user: &str, refused| LoginAttempt {
        user: user.to_owned(),
        from: peer.to_string(),
        transport: TRANSPORT,
        method: CERTIFICATE,
        key: Some(fingerprint.clone()),
        refused,
    };
    match identity.recognise(chain) {
        Ok(Recognised { user, entry }) => {
            info!(user, subject, fingerprint, entry, "logged in with a certificate");
            shared.desk.login(attempt(&user, None));
            Some(user)
        }
        Err(reason) => {
            info!(subject, fingerprint, reason, "connection refused: {NO_USER}");
            shared.desk.login(attempt(&subject, Some(NO_USER)));
            None
        }
    }
}

/// TLS has no sign of life of its own that clients would answer (RFC 8071 section 4.1), so TCP's is used: a client that is
/// not there any more, or takes nothing, is given up.
fn keep_alive(tcp: &TcpStream, limits: &Limits) -> std::io::Result<()> {
    tcp.set_nodelay(true)?;
    let silence = limits.keepalive.max(Duration::from_secs(1));
    sockopt::set_socket_keepalive(tcp, true)?;
    sockopt::set_tcp_keepidle(tcp, silence)?;
    sockopt::set_tcp_keepintvl(tcp, silence)?;
    sockopt::set_tcp_keepcnt(tcp, limits.keepalive_count)?;
    let given_up = u32::try_from(limits.given_up_after().as_millis());
    sockopt::set_tcp_user_timeout(tcp, given_up.unwrap_or(u32::MAX))?;
    Ok(())
}

async fn say_goodbye(shared: &Shared, mut stream: TlsStream<TcpStream>) {
    within(shared, GOODBYE, stream.shutdown()).await;
}

async fn within<T>(shared: &Shared, time: Duration, work: impl Future<Output = T>) {
    tokio::select! {
        _ = work => {}
        () = shared.clock.wait_until(shared.clock.instant() + time) => {}
    }
}

struct Reader {
    half: ReadHalf<TlsStream<TcpStream>>,
    ended: bool,
    buffer: Vec<u8>,
    waiting: Arc<Gauge>,
}

impl FromClient for Reader {
    async fn next(&mut self) -> Arrival {
        if self.ended {
            return std::future::pending().await;
        }
        let mut most = READ_BYTES;
        if self.waiting.is_piled_up() {
            self.waiting.pause().await;
            most = NARROW_READ_BYTES;
        }
        let Some(room) = self.buffer.get_mut(..most) else {
            return Arrival::Gone;
        };
        match self.half.read(room).await {
            Ok(0) => {
                self.ended = true;
                Arrival::EndOfInput
            }
            Ok(length) => Arrival::Bytes(self.buffer.get(..length).unwrap_or_default().to_vec()),
            Err(_) => {
                self.ended = true;
                Arrival::Gone
            }
        }
    }
}

impl ToClient for WriteHalf<TlsStream<TcpStream>> {
    async fn write(&mut self, bytes: Vec<u8>) -> Result<(), ClientGone> {
        let written = async {
            self.write_all(&bytes).await?;
            self.flush().await
        };
        written.await.map_err(|_| ClientGone)
    }
}
