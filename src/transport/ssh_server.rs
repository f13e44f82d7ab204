//! One connection over SSH (RFC 6242), from the greeting to its end.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use russh::server::{self, Config, RunningSession};
use russh::{Disconnect, MethodSet, Preferred, SshId, compression, kex};
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tracing::{debug, info};

use crate::transport::connection::{self, Connection};
use crate::transport::host_key::HostKey;
use crate::transport::login::Login;
use crate::transport::server::{Limits, Served, Shared, raised};
use crate::transport::socket::{CuttableStream, Cutter};

/// Passwords that are checked at a time; each takes 19 MiB.
const PASSWORD_CHECKS: usize = 4;
/// How long a connection may take to go when the server stops.
const GOODBYE: Duration = Duration::from_secs(2);

/// What all SSH connections of a server share.
pub(crate) struct SshDoor {
    pub(crate) login: Arc<dyn Login>,
    pub(crate) password_checks: Semaphore,
    config: Arc<Config>,
}

impl SshDoor {
    pub(crate) fn new(host_keys: Vec<HostKey>, login: Arc<dyn Login>, limits: &Limits) -> SshDoor {
        SshDoor {
            config: Arc::new(ssh_config(host_keys, login.as_ref(), limits)),
            login,
            password_checks: Semaphore::new(PASSWORD_CHECKS),
        }
    }

    pub(crate) fn methods(&self) -> MethodSet {
        self.config.methods.clone()
    }
}

fn ssh_config(host_keys: Vec<HostKey>, login: &dyn Login, limits: &Limits) -> Config {
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
        methods: connection::methods(login.takes_passwords()),
        // Wrong keys cost no time, wrong passwords do: see `Connection::auth_password`.
        auth_rejection_time: Duration::ZERO,
        auth_rejection_time_initial: Some(Duration::ZERO),
        keys: host_keys.into_iter().map(HostKey::into_key).collect(),
        window_size: connection::WINDOW,
        event_buffer_size: 32,
        preferred: Preferred {
            kex: kex.into(),
            compression: (&[compression::NONE]).into(),
            ..Preferred::DEFAULT
        },
        max_auth_attempts: limits.max_login_attempts,
        // Also ends a connection whose client takes nothing any more, where no keepalive can be sent.
        inactivity_timeout: Some(limits.given_up_after()),
        keepalive_interval: Some(limits.keepalive),
        keepalive_max: limits.keepalive_count as usize,
        nodelay: true,
        ..Config::default()
    }
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
        started = server::run_stream(Arc::clone(&shared.ssh.config), stream, handler) => started,
        () = &mut grace => {
            info!(%peer, "connection closed: no SSH greeting within login-grace-seconds");
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
            let seconds = shared.limits.login_grace.as_secs();
            let words = format!("no login within {seconds} seconds (login-grace-seconds)");
            info!(%peer, "connection closed: {words}");
            let handle = running.handle();
            let told = handle.disconnect(Disconnect::ByApplication, words, "en".into());
            let until = shared.clock.instant() + GOODBYE;
            tokio::select! {
                _ = told => {}
                () = shared.clock.wait_until(until) => {}
            }
            let ended = tokio::select! {
                ended = &mut running => Some(ended),
                () = shared.clock.wait_until(until) => None,
                () = raised(&mut stop) => None,
            };
            cutter.cut();
            match ended {
                Some(ended) => Some(ended),
                None => Some((&mut running).await),
            }
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
