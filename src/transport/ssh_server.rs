//! The SSH server: a listener, the connections that it admits, and their end.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use russh::server::{self, Config, RunningSession};
use russh::{Disconnect, MethodSet, Preferred, SshId, compression, kex};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch};
use tracing::{debug, info, warn};

use crate::management::desk::FrontDesk;
use crate::netconf::framing::MAX_MESSAGE_BYTES;
use crate::transport::call_home::{self, CallHomeClient};
use crate::transport::clock::SteadyClock;
use crate::transport::connection::{self, Connection};
use crate::transport::error::TransportError;
use crate::transport::host_key::HostKey;
use crate::transport::login::Login;
use crate::transport::socket::{CuttableStream, Cutter};

/// Keys count as attempts too, and some people carry many.
const MAX_LOGIN_ATTEMPTS: usize = 20;
/// Unanswered signs of life before a connection is given up.
const KEEPALIVES: u32 = 3;
/// Passwords that are checked at a time; each takes 19 MiB.
const PASSWORD_CHECKS: usize = 4;
/// How long a connection may take to go when the server stops.
const GOODBYE: Duration = Duration::from_secs(2);
/// After a failed accept.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// What a server needs.
pub struct Settings {
    /// Where to listen; port 0 lets the system choose.
    pub listen: SocketAddr,
    /// At least one; clients choose by kind.
    pub host_keys: Vec<HostKey>,
    /// Who may come in.
    pub login: Arc<dyn Login>,
    /// Who answers.
    pub desk: Arc<dyn FrontDesk>,
    /// Time.
    pub clock: Arc<dyn SteadyClock>,
    /// Bounds.
    pub limits: Limits,
    /// Clients to call (RFC 8071); each is called again whenever its connection ends.
    pub call_home: CallHome,
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
    /// A session without the client's hello after this time is closed.
    pub hello_timeout: Duration,
    /// Longer messages are refused.
    pub max_message_bytes: usize,
    /// After this silence a connection is asked for a sign of life; after four without one it is given up.
    pub keepalive: Duration,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            max_sessions: 256,
            max_unauthenticated: 64,
            login_grace: Duration::from_secs(60),
            hello_timeout: Duration::from_secs(60),
            max_message_bytes: MAX_MESSAGE_BYTES,
            keepalive: Duration::from_secs(30),
        }
    }
}

/// What all connections of a server share.
pub(crate) struct Shared {
    pub(crate) login: Arc<dyn Login>,
    pub(crate) desk: Arc<dyn FrontDesk>,
    pub(crate) clock: Arc<dyn SteadyClock>,
    pub(crate) limits: Limits,
    pub(crate) sessions: Arc<Semaphore>,
    pub(crate) password_checks: Semaphore,
    pub(crate) stop: watch::Receiver<bool>,
    unauthenticated: Arc<Semaphore>,
    ssh: Arc<Config>,
}

impl Shared {
    pub(crate) fn methods(&self) -> MethodSet {
        self.ssh.methods.clone()
    }
}

/// A server that listens. Dropping it stops it like [`SshServer::shutdown`], without waiting.
pub struct SshServer {
    bound: SocketAddr,
    stop: watch::Sender<bool>,
    /// Ends when the last task that serves somebody is gone.
    done: mpsc::Receiver<()>,
}

impl SshServer {
    /// Listens and serves in the background.
    pub async fn start(settings: Settings) -> Result<SshServer, TransportError> {
        if settings.host_keys.is_empty() {
            return Err(TransportError::NoHostKey);
        }
        let cannot_listen = |cause| TransportError::Listen {
            address: settings.listen,
            cause,
        };
        let listener = TcpListener::bind(settings.listen).await.map_err(cannot_listen)?;
        let bound = listener.local_addr().map_err(cannot_listen)?;
        let (stop, stopping) = watch::channel(false);
        let (alive, done) = mpsc::channel(1);
        let ssh = Arc::new(ssh_config(&settings));
        let shared = Arc::new(Shared {
            login: settings.login,
            desk: settings.desk,
            clock: settings.clock,
            limits: settings.limits,
            sessions: Arc::new(Semaphore::new(settings.limits.max_sessions)),
            password_checks: Semaphore::new(PASSWORD_CHECKS),
            stop: stopping,
            unauthenticated: Arc::new(Semaphore::new(settings.limits.max_unauthenticated)),
            ssh,
        });
        let longest = settings.call_home.longest_wait;
        for client in settings.call_home.clients {
            tokio::spawn(call_home::call(
                client,
                longest,
                Arc::clone(&shared),
                alive.clone(),
            ));
        }
        tokio::spawn(accept(listener, shared, alive));
        Ok(SshServer { bound, stop, done })
    }

    /// Where it listens, with the port that the system chose.
    pub fn bound(&self) -> SocketAddr {
        self.bound
    }

    /// Stops accepting, ends every session at the front desk, and waits until they are gone.
    pub async fn shutdown(mut self) {
        self.stop.send_replace(true);
        // Nobody sends; the channel closes with the last task.
        let _ = self.done.recv().await;
    }
}

fn ssh_config(settings: &Settings) -> Config {
    let keepalive = settings.limits.keepalive;
    let mut kex = Preferred::DEFAULT.kex.into_owned();
    // For libssh2 of old and Java clients, which know no curve25519; behind everything else.
    let classic = [
        kex::ECDH_SHA2_NISTP256,
        kex::ECDH_SHA2_NISTP384,
        kex::ECDH_SHA2_NISTP521,
    ];
    let extensions = kex
        .iter()
        .position(|name| *name == kex::EXTENSION_SUPPORT_AS_CLIENT);
    let behind = extensions.unwrap_or(kex.len());
    kex.splice(behind..behind, classic);
    Config {
        server_id: SshId::Standard(concat!("SSH-2.0-Ponder_", env!("CARGO_PKG_VERSION")).into()),
        methods: connection::methods(settings.login.takes_passwords()),
        // Wrong keys cost no time, wrong passwords do: see `Connection::auth_password`.
        auth_rejection_time: Duration::ZERO,
        auth_rejection_time_initial: Some(Duration::ZERO),
        keys: settings
            .host_keys
            .iter()
            .cloned()
            .map(HostKey::into_key)
            .collect(),
        window_size: connection::WINDOW,
        event_buffer_size: 32,
        preferred: Preferred {
            kex: kex.into(),
            compression: (&[compression::NONE]).into(),
            ..Preferred::DEFAULT
        },
        max_auth_attempts: MAX_LOGIN_ATTEMPTS,
        // Also ends a connection whose client takes nothing any more, where no keepalive can be sent.
        inactivity_timeout: Some(keepalive * (KEEPALIVES + 1)),
        keepalive_interval: Some(keepalive),
        keepalive_max: KEEPALIVES as usize,
        nodelay: true,
        ..Config::default()
    }
}

/// Ends when a flag is up, or when nobody is left to raise it.
pub(crate) async fn raised(flag: &mut watch::Receiver<bool>) {
    let _ = flag.wait_for(|up| *up).await;
}

async fn accept(listener: TcpListener, shared: Arc<Shared>, alive: mpsc::Sender<()>) {
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
                    let serving = serve(Arc::clone(&shared), tcp, peer, Some(permit));
                    tokio::spawn(async move {
                        serving.await;
                        drop(alive);
                    });
                }
                Err(_) => warn!(%peer, "connection refused: too many that have not logged in"),
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
    tcp: TcpStream,
    peer: SocketAddr,
    permit: Option<OwnedSemaphorePermit>,
) -> Served {
    let mut stop = shared.stop.clone();
    if let Err(error) = tcp.set_nodelay(true) {
        debug!(%peer, %error, "no TCP_NODELAY");
    }
    let (stream, cutter) = CuttableStream::new(tcp);
    let (logged_in, mut login) = watch::channel(false);
    let open_sessions = Arc::new(watch::channel(0).0);
    let handler = Connection::new(Arc::clone(&shared), peer, logged_in, Arc::clone(&open_sessions));
    let mut grace = shared
        .clock
        .wait_until(shared.clock.instant() + shared.limits.login_grace);
    let started = tokio::select! {
        started = server::run_stream(Arc::clone(&shared.ssh), stream, handler) => started,
        () = &mut grace => {
            debug!(%peer, "connection closed: no SSH greeting in time");
            return Served::InVain;
        }
        () = raised(&mut stop) => return Served::InVain,
    };
    let mut running = match started {
        Ok(running) => running,
        Err(error) => {
            debug!(%peer, %error, "connection ended before SSH began");
            return Served::InVain;
        }
    };
    let at_login = login.clone();
    let ended = tokio::select! {
        ended = &mut running => Some(ended),
        // Also when the connection goes away: then `running` is about to end.
        () = raised(&mut login) => None,
        () = &mut grace => {
            info!(%peer, "connection closed: no login in time");
            cutter.cut();
            Some((&mut running).await)
        }
        () = raised(&mut stop) => None,
    };
    drop(permit);
    let ended = match ended {
        Some(ended) => ended,
        None => tokio::select! {
            ended = &mut running => ended,
            () = raised(&mut stop) => {
                say_goodbye(&shared, running, &open_sessions, &cutter).await;
                Ok(())
            }
        },
    };
    if let Err(error) = ended {
        debug!(%peer, %error, "connection ended");
    }
    // The sessions have noticed that the connection is gone; their locks must be free before a shutdown is done.
    none_left(&open_sessions).await;
    if *at_login.borrow() {
        Served::LoggedIn
    } else {
        Served::InVain
    }
}

/// The server stops: sessions close their channels by themselves, then the connection goes.
async fn say_goodbye(
    shared: &Shared,
    running: RunningSession<Connection>,
    open_sessions: &watch::Sender<usize>,
    cutter: &Cutter,
) {
    let handle = running.handle();
    let goodbye = async move {
        none_left(open_sessions).await;
        let _ = handle
            .disconnect(Disconnect::ByApplication, "the server stops".into(), "en".into())
            .await;
        running.await
    };
    let until = shared.clock.instant() + GOODBYE;
    tokio::select! {
        _ = goodbye => {}
        () = shared.clock.wait_until(until) => {}
    }
    cutter.cut();
}

async fn none_left(open_sessions: &watch::Sender<usize>) {
    let _ = open_sessions.subscribe().wait_for(|open| *open == 0).await;
}
