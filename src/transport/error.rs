//! What can go wrong before the door is open.

use std::io;
use std::net::SocketAddr;

use thiserror::Error;

/// Faults of the settings or of the machine; each says what to look at.
#[derive(Debug, Error)]
pub enum TransportError {
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {cause}")]
    Listen {
        /// As asked for.
        address: SocketAddr,
        /// What the system said.
        cause: io::Error,
    },
    /// Not a private key in OpenSSH's format, or one with a passphrase.
    #[error("host key: {0}")]
    HostKey(String),
    /// A part of what TLS needs.
    #[error("{reason}")]
    Tls {
        /// Which: certificate, key, client CA or CRL.
        what: &'static str,
        /// What is wrong with it; never the key itself.
        reason: String,
    },
    /// No host key at all.
    #[error("no host key: the SSH server needs at least one")]
    NoHostKey,
    /// A line of an authorized_keys text.
    #[error("authorized keys, line {line}: {reason}")]
    AuthorizedKeys {
        /// Counted from 1.
        line: usize,
        /// What is wrong with it.
        reason: String,
    },
    /// A password hash of the settings.
    #[error("password-hash: {reason}")]
    PasswordHash {
        /// What is wrong with it; never the hash itself.
        reason: String,
    },
}
