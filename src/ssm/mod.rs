//! The licence server: accounts, pools, tokens and product instances, reached over HTTP by devices.

pub mod account;
pub mod admin;
pub mod ca;
pub mod control;
pub mod crl;
pub mod http;
pub mod policy;
pub mod reservation;
pub mod run;
pub mod server;
pub mod service;
pub mod store;
#[cfg(test)]
mod test_device;

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use jiff::SignedDuration;

use crate::licensing::message::MessageError;
use crate::ssm::admin::Refused;
use crate::ssm::ca::AuthorityError;
use crate::ssm::store::StoreError;

/// Why the licence server cannot do its work, in one line.
#[derive(Debug, thiserror::Error)]
pub enum SsmError {
    /// The state folder or the database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The certificate authority.
    #[error(transparent)]
    Authority(#[from] AuthorityError),
    /// A message cannot be taken or signed.
    #[error(transparent)]
    Message(#[from] MessageError),
    /// Times that no device could keep.
    #[error("{what} {value:#}: {rule}")]
    Interval {
        /// Which, by its flag.
        what: &'static str,
        /// Its value.
        value: SignedDuration,
        /// What it must be.
        rule: String,
    },
    /// A command was refused.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// A command was refused by the running server.
    #[error("{0}")]
    RefusedThere(String),
    /// An address cannot be listened at.
    #[error("listening at {address}: {cause}")]
    Listen {
        /// Which one.
        address: SocketAddr,
        /// What the system says.
        cause: io::Error,
    },
    /// The certificate for HTTPS is refused by the TLS library.
    #[error("HTTPS certificate: {0}")]
    Tls(String),
    /// The control socket does not work.
    #[error("control socket {path}: {reason}")]
    Control {
        /// The socket.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// Nobody ever started a server there.
    #[error("there is no licence server in {path}; `ponder ssm --state-dir` starts one")]
    NotFounded {
        /// The folder.
        path: PathBuf,
    },
    /// The server ends and takes nothing more.
    #[error("the licence server is shutting down")]
    ShuttingDown,
}
