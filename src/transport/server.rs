//! The NETCONF server: listeners for SSH and TLS, the connections that they admit, calls to clients, and the end of all.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch};
use tracing::warn;

use crate::management::desk::FrontDesk;
use crate::netconf::bounds::Bounds;
use crate::transport::call_home::{self, CallHomeClient};
use crate::transport::clock::SteadyClock;
use crate::transport::error::TransportError;
use crate::transport::flow::Gauge;
use crate::transport::host_key::HostKey;
use crate::transport::login::Login;
use crate::transport::ssh_server::{self, SshDoor};
use crate::transport::tls_identity::CurrentIdentity;
use crate::transport::tls_server;

/// After a failed accept.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// What a server needs.
pub struct Settings {
    /// Where to listen for SSH; port 0 lets the system choose.
    pub listen: SocketAddr,
    /// At least one; clients choose by kind.
    pub host_keys: Vec<HostKey>,
    /// Who may come in over SSH.
    pub login: Arc<dyn Login>,
    /// The second transport, if there is one.
    pub tls: Option<Tls>,
    /// Who answers.
    pub desk: Arc<dyn FrontDesk>,
    /// Time.
    pub clock: Arc<dyn SteadyClock>,
    /// Bounds.
    pub limits: Limits,
    /// Clients to call (RFC 8071); each is called again whenever its connection ends.
    pub call_home: CallHome,
}

/// NETCONF over TLS (RFC 7589).
pub struct Tls {
    /// Where to listen; port 0 lets the system choose. Without it clients are only called.
    pub listen: Option<SocketAddr>,
    /// Asked at each connection, so that renewed certificates need no restart.
    pub identity: CurrentIdentity,
}

/// Whom the server calls.
#[derive(Clone, Debug)]
pub struct CallHome {
    /// Who waits for calls.
    pub clients: Vec<CallHomeClient>,
    /// The longest wait between two calls.
    pub longest_wait: Duration,
}

impl Default for CallHome {
    fn default() -> CallHome {
        CallHome {
            clients: Vec::new(),
            longest_wait: Duration::from_secs(60),
        }
    }
}

/// How much a client may take.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// NETCONF sessions at a time, over all connections.
    pub max_sessions: usize,
    /// Connections at a time that have not logged in yet.
    pub max_unauthenticated: usize,
    /// A connection that has not logged in after this time is closed.
    pub login_grace: Duration,
    /// Attempts to log in on one SSH connection; keys count, and some people carry many.
    pub max_login_attempts: usize,
    /// Channels of one SSH connection at a time.
    pub max_channels: usize,
    /// After this silence a connection is asked for a sign of life.
    pub keepalive: Duration,
    /// After so many in vain it is given up.
    pub keepalive_count: u32,
    /// What requests of all sessions may take together before they are answered; beyond it those over
    /// [`crate::netconf::session::SHORT_MESSAGE_BYTES`] are refused.
    pub max_input_bytes: usize,
    /// What each session may take.
    pub session: Bounds,
}

impl Limits {
    /// How long a connection may be silent.
    pub(crate) fn given_up_after(&self) -> Duration {
        self.keepalive
            .saturating_mul(self.keepalive_count.saturating_add(1))
    }
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            max_sessions: 256,
            max_unauthenticated: 64,
            login_grace: Duration::from_secs(60),
            max_login_attempts: 20,
            max_channels: 64,
            keepalive: Duration::from_secs(30),
            keepalive_count: 3,
            max_input_bytes: 256 * 1024 * 1024,
            session: Bounds::default(),
        }
    }
}

/// What all connections of a server share.
pub(crate) struct Shared {
    pub(crate) desk: Arc<dyn FrontDesk>,
    pub(crate) clock: Arc<dyn SteadyClock>,
    pub(crate) limits: Limits,
    pub(crate) sessions: Arc<Semaphore>,
    /// Bytes of requests that wait or are not whole yet, over all sessions.
    pub(crate) input: Gauge,
    pub(crate) stop: watch::Receiver<bool>,
    pub(crate) ssh: SshDoor,
    pub(crate) tls: Option<CurrentIdentity>,
    unauthenticated: Arc<Semaphore>,
}

/// How a connection is secured.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Security {
    /// SSH (RFC 6242).
    Ssh,
    /// TLS (RFC 7589).
    Tls,
}

/// A server that listens. Dropping it stops it like [`Server::shutdown`], without waiting.
pub struct Server {
    bound: SocketAddr,
    tls_bound: Option<SocketAddr>,
    stop: watch::Sender<bool>,
    /// Ends when the last task that serves somebody is gone.
    done: mpsc::Receiver<()>,
}

impl Server {
    /// Listens and serves in the background.
    pub async fn start(settings: Settings) -> Result<Server, TransportError> {
        if settings.host_keys.is_empty() {
            return Err(TransportError::NoHostKey);
        }
        let (listener, bound) = bind(settings.listen).await?;
        let tls_listener = match settings.tls.as_ref().and_then(|tls| tls.listen) {
            Some(listen) => Some(bind(listen).await?),
            None => None,
        };
        let tls_bound = tls_listener.as_ref().map(|(_, bound)| *bound);
        let (stop, stopping) = watch::channel(false);
        let (alive, done) = mpsc::channel(1);
        let shared = Arc::new(Shared {
            ssh: SshDoor::new(settings.host_keys, settings.login, &settings.limits),
            tls: settings.tls.map(|tls| tls.identity),
            desk: settings.desk,
            clock: settings.clock,
            limits: settings.limits,
            sessions: Arc::new(Semaphore::new(settings.limits.max_sessions)),
            input: Gauge::default(),
            stop: stopping,
            unauthenticated: Arc::new(Semaphore::new(settings.limits.max_unauthenticated)),
        });
        let longest = settings.call_home.longest_wait;
        for client in settings.call_home.clients {
            let calling = call_home::call(client, longest, Arc::clone(&shared), alive.clone());
            tokio::spawn(calling);
        }
        if let Some((listener, _)) = tls_listener {
            let accepting = accept(listener, Security::Tls, Arc::clone(&shared), alive.clone());
            tokio::spawn(accepting);
        }
        tokio::spawn(accept(listener, Security::Ssh, shared, alive));
        Ok(Server {
            bound,
            tls_bound,
            stop,
            done,
        })
    }

    /// Where it listens for SSH, with the port that the system chose.
    pub fn bound(&self) -> SocketAddr {
        self.bound
    }

    /// Where it listens for TLS, if it does.
    pub fn tls_bound(&self) -> Option<SocketAddr> {
        self.tls_bound
    }

    /// Stops accepting, ends every session at the front desk, and waits until they are gone.
    pub async fn shutdown(mut self) {
        self.stop.send_replace(true);
        // Nobody sends; the channel closes with the last task.
        let _ = self.done.recv().await;
    }
}

async fn bind(address: SocketAddr) -> Result<(TcpListener, SocketAddr), TransportError> {
    let cannot_listen = |cause| TransportError::Listen { address, cause };
    let listener = TcpListener::bind(address).await.map_err(cannot_listen)?;
    let bound = listener.local_addr().map_err(cannot_listen)?;
    Ok((listener, bound))
}

/// Ends when a flag is up, or when nobody is left to raise it.
pub(crate) async fn raised(flag: &mut watch::Receiver<bool>) {
    let _ = flag.wait_for(|up| *up).await;
}

async fn accept(listener: TcpListener, security: Security, shared: Arc<Shared>, alive: mpsc::Sender<()>) {
    let mut stop = shared.stop.clone();
    loop {
        let accepted = tokio::select! {
            () = raised(&mut stop) => return,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((tcp, peer)) => match Arc::clone(&shared.unauthenticated).try_acquire_owned() {
                Ok(permit) => {
                    let alive = alive.clone();
                    let shared = Arc::clone(&shared);
                    tokio::spawn(async move {
                        serve(shared, security, tcp, peer, Some(permit)).await;
                        drop(alive);
                    });
                }
                Err(_) => {
                    let limit = shared.limits.max_unauthenticated;
                    warn!(%peer, limit, "connection refused: too many that have not logged in (max-unauthenticated)");
                    if security == Security::Ssh {
                        // RFC 4253 section 4.2 lets lines stand before the version.
                        let words = format!(
                            "too many connections: {limit} have not logged in (max-unauthenticated)\r\n"
                        );
                        let _ = tcp.try_write(words.as_bytes());
                    }
                }
            },
            Err(error) => {
                // Out of file descriptors, most likely: some will be given back.
                warn!(%error, "cannot accept a connection");
                let _ = tokio::time::timeout(ACCEPT_PAUSE, raised(&mut stop)).await;
            }
        }
    }
}

/// What became of a connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Served {
    /// Somebody logged in.
    LoggedIn,
    /// Nobody did.
    InVain,
}

/// Serves one connection until it is gone. The permit, if any, is given back at the login.
pub(crate) async fn serve(
    shared: Arc<Shared>,
    security: Security,
    tcp: TcpStream,
    peer: SocketAddr,
    permit: Option<OwnedSemaphorePermit>,
) -> Served {
    match security {
        Security::Ssh => ssh_server::serve(shared, tcp, peer, permit).await,
        Security::Tls => tls_server::serve(shared, tcp, peer, permit).await,
    }
}
