//! Commands for a licence server: to the running one over its control socket, or straight to its database.
//!
//! The socket `control.sock` lies in the state folder and takes one JSON object a line, a [`Command`]; it answers with
//! one line, `{"ok": …}` with an [`Output`] or `{"error": "…"}`.

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::task::JoinSet;

use crate::ssm::SsmError;
use crate::ssm::admin::Command;
use crate::ssm::admin::listing::Output;
use crate::ssm::policy::Policy;
use crate::ssm::service::{Clock, Counter, Service};
use crate::ssm::store::folder::{Folder, has_database};
use crate::ssm::store::{Store, StoreError};
use crate::state_dir::StateDirError;

/// Carries a command out, at the running server or on the database of one that does not run.
pub async fn execute(state_dir: &Path, command: &Command, clock: Clock) -> Result<Output, SsmError> {
    let not_founded = || SsmError::NotFounded {
        path: state_dir.to_owned(),
    };
    if !has_database(state_dir) {
        return Err(not_founded());
    }
    if let Some(stream) = connect(state_dir).await? {
        return ask(state_dir, stream, command).await;
    }
    let folder = match Folder::hold(state_dir) {
        Ok(folder) => folder,
        // It is starting, most likely.
        Err(StoreError::Folder(StateDirError::InUse { .. })) => {
            let stream = connect_in_time(state_dir).await?;
            return ask(state_dir, stream, command).await;
        }
        Err(error) => return Err(error.into()),
    };
    let store = Store::open(&folder.database()?).await?;
    // A server that was killed in its first moments has left an empty database.
    let service = Service::reopen(store, Policy::default(), clock).await?;
    let mut service = service.ok_or_else(not_founded)?;
    let output = service.command(command).await;
    service.close().await?;
    output
}

/// Connects to a server that holds the folder and may not listen yet.
async fn connect_in_time(state_dir: &Path) -> Result<UnixStream, SsmError> {
    let mut pulse = tokio::time::interval(STARTING / 100);
    for _ in 0..100 {
        pulse.tick().await;
        if let Some(stream) = connect(state_dir).await? {
            return Ok(stream);
        }
    }
    let reason = "another ponder process holds the state folder and does not answer here";
    Err(failed(state_dir, reason))
}

/// The socket of a running server, listening.
pub struct Socket {
    listener: UnixListener,
    path: PathBuf,
}

impl Socket {
    /// Makes the socket in a folder that this process holds, in place of one that a killed server left behind.
    pub fn open(folder: &Folder) -> Result<Socket, SsmError> {
        let path = folder.path().join(SOCKET);
        let fail = |cause: io::Error| SsmError::Control {
            path: path.clone(),
            reason: cause.to_string(),
        };
        match std::fs::remove_file(&path) {
            Err(cause) if cause.kind() != io::ErrorKind::NotFound => return Err(fail(cause)),
            _ => {}
        }
        let listener = with_short_path(folder.path(), |path| UnixListener::bind(path)).map_err(fail)?;
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).map_err(fail)?;
        Ok(Socket { listener, path })
    }

    /// Serves commands for as long as it is polled.
    pub async fn serve(&self, counter: Counter) {
        // Conversations end with the socket; a command that was sent is carried out all the same.
        let mut conversations = JoinSet::new();
        loop {
            while conversations.try_join_next().is_some() {}
            match self.listener.accept().await {
                Ok((stream, _)) => drop(conversations.spawn(converse(stream, counter.clone()))),
                // Out of file descriptors, most likely; others give some back.
                Err(error) => {
                    tracing::warn!("control socket: {error}");
                    tokio::task::yield_now().await;
                }
            }
        }
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_file(&self.path) {
            tracing::debug!("control socket {}: {error}", self.path.display());
        }
    }
}

const SOCKET: &str = "control.sock";
const MAX_LINE_BYTES: u64 = 65_536;
const PATIENCE: Duration = Duration::from_secs(30);
/// How long a server may take from holding its folder to listening.
const STARTING: Duration = Duration::from_secs(10);

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Reply {
    Ok(Output),
    Error(String),
}

async fn converse(stream: UnixStream, counter: Counter) {
    let (reading, mut writing) = stream.into_split();
    let mut line = String::new();
    let mut limited = BufReader::new(reading.take(MAX_LINE_BYTES));
    let read = tokio::time::timeout(PATIENCE, limited.read_line(&mut line)).await;
    if !matches!(read, Ok(Ok(1..))) {
        return;
    }
    let reply = match serde_json::from_str(&line) {
        Ok(command) => match counter.command(command).await {
            Ok(output) => Reply::Ok(output),
            Err(error) => Reply::Error(error.to_string()),
        },
        Err(error) => Reply::Error(format!("the command is malformed: {error}")),
    };
    let mut text = serde_json::to_string(&reply).unwrap_or_default();
    text.push('\n');
    if let Err(error) = writing.write_all(text.as_bytes()).await {
        tracing::debug!("control socket: {error}");
    }
}

/// `None` when nobody listens.
async fn connect(state_dir: &Path) -> Result<Option<UnixStream>, SsmError> {
    let connected = with_short_path(state_dir, std::os::unix::net::UnixStream::connect).and_then(|stream| {
        stream.set_nonblocking(true)?;
        UnixStream::from_std(stream)
    });
    match connected {
        Ok(stream) => Ok(Some(stream)),
        Err(cause) => match cause.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => Ok(None),
            _ => Err(failed(state_dir, &cause.to_string())),
        },
    }
}

async fn ask(state_dir: &Path, stream: UnixStream, command: &Command) -> Result<Output, SsmError> {
    let exchange = async {
        let (reading, mut writing) = stream.into_split();
        let mut line = serde_json::to_string(command)?;
        line.push('\n');
        writing.write_all(line.as_bytes()).await?;
        let mut reply = String::new();
        BufReader::new(reading).read_line(&mut reply).await?;
        Ok::<Reply, io::Error>(serde_json::from_str(&reply)?)
    };
    match tokio::time::timeout(PATIENCE, exchange).await {
        Ok(Ok(Reply::Ok(output))) => Ok(output),
        Ok(Ok(Reply::Error(reason))) => Err(SsmError::RefusedThere(reason)),
        Ok(Err(cause)) => Err(failed(state_dir, &cause.to_string())),
        Err(_) => Err(failed(state_dir, "the licence server does not answer")),
    }
}

/// Runs something on the socket's path. The path of a Unix socket has at most 107 bytes, so the folder is named by a
/// descriptor.
fn with_short_path<T>(folder: &Path, run: impl FnOnce(PathBuf) -> io::Result<T>) -> io::Result<T> {
    let path = folder.join(SOCKET);
    if path.as_os_str().len() <= 107 {
        return run(path);
    }
    let folder = File::open(folder)?;
    run(format!("/proc/self/fd/{}/{SOCKET}", folder.as_raw_fd()).into())
}

fn failed(state_dir: &Path, reason: &str) -> SsmError {
    SsmError::Control {
        path: state_dir.join(SOCKET),
        reason: reason.to_owned(),
    }
}
