//! Why the agent does not start: one line each, naming the thing, the value and the rule.

use std::io;
use std::path::PathBuf;

use crate::app::ca_file::CaFileError;
use crate::app::event_log::EventLogError;
use crate::app::licence_driver::LicensingRootError;
use crate::app::reporting::ReportingError;
use crate::app::settings::SettingsError;
use crate::app::trust_record::TrustRecordError;
use crate::app::yang_dir::YangDirError;
use crate::datastore::datastores::OpenError;
use crate::device::chassis::ChassisError;
use crate::state_dir::StateDirError;
use crate::transport::error::TransportError;

/// The fault of whoever started it, or of the machine.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Neither flag nor setting says where to keep state.
    #[error("no state folder: give --state-dir DIR or state-dir in the settings file")]
    NoStateDir,
    /// Nobody could log in.
    #[error(
        "nobody could log in: give --user NAME with --authorized-keys FILE, or [[users]] or [netconf.tls] in the settings \
         file"
    )]
    NoUsers,
    /// The settings file.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The state folder.
    #[error(transparent)]
    StateDir(#[from] StateDirError),
    /// The log of notifications.
    #[error(transparent)]
    EventLog(#[from] EventLogError),
    /// The audit log.
    #[error("audit log {path}: {cause}")]
    Audit {
        /// Its file.
        path: PathBuf,
        /// What the system says.
        cause: io::Error,
    },
    /// The startup configuration.
    #[error(
        "startup configuration {path}: {reason}; mend the file, or remove it to start with running as it was"
    )]
    Startup {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A file that was named cannot be read.
    #[error("{what} {path}: {cause}")]
    Unreadable {
        /// What it was named as.
        what: &'static str,
        /// Which file.
        path: PathBuf,
        /// What the system says.
        cause: io::Error,
    },
    /// The chassis description.
    #[error("chassis file {path}: {cause}")]
    Chassis {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it, with the line.
        cause: ChassisError,
    },
    /// A host key of the state folder.
    #[error("{path}: {cause}")]
    HostKey {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        cause: TransportError,
    },
    /// A file of NETCONF over TLS.
    #[error("TLS {what} {path}: {cause}")]
    TlsFile {
        /// What it was named as.
        what: &'static str,
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        cause: TransportError,
    },
    /// A key or hash of a user of the settings.
    #[error("user {user:?}: {cause}")]
    User {
        /// Which user.
        user: String,
        /// What is wrong.
        cause: TransportError,
    },
    /// A file of public keys.
    #[error("authorized keys file {path}: {cause}")]
    AuthorizedKeysFile {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        cause: TransportError,
    },
    /// A private key where public ones belong.
    #[error(
        "authorized keys file {path} is a private key: give its public half, {path}.pub where ssh-keygen made it"
    )]
    PrivateKey {
        /// Which file.
        path: PathBuf,
    },
    /// A file of public keys without any.
    #[error("authorized keys file {path} holds no public key")]
    NoKeys {
        /// Which file.
        path: PathBuf,
    },
    /// The SSH server.
    #[error(transparent)]
    Transport(#[from] TransportError),
    /// The YANG modules.
    #[error(transparent)]
    YangDir(#[from] YangDirError),
    /// The stored configuration.
    #[error(transparent)]
    Datastores(#[from] OpenError),
    /// The licensing root.
    #[error(transparent)]
    LicensingRoot(#[from] LicensingRootError),
    /// A CA file: of the licence server, or of remote hosts of the log.
    #[error(transparent)]
    CaFile(#[from] CaFileError),
    /// The trust record.
    #[error(transparent)]
    TrustRecord(#[from] TrustRecordError),
    /// A thread could not be started.
    #[error("the hardware's thread: {0}")]
    Thread(io::Error),
    /// Another could not be started.
    #[error("the thread that writes running whole: {0}")]
    SnapshotThread(io::Error),
    /// The log.
    #[error(transparent)]
    Reporting(#[from] ReportingError),
}
