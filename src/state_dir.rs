//! The state folder: made private, held by one process at a time, written to without ever tearing a file.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};

/// A state folder held by this process.
#[derive(Debug)]
pub struct StateDir {
    path: PathBuf,
    _lock: File,
}

/// Why a state folder cannot be used, in one line.
#[derive(Debug, thiserror::Error)]
pub enum StateDirError {
    /// It cannot be made, opened or written.
    #[error("state folder {path}: {cause}")]
    Unusable {
        /// The folder or the file in it.
        path: PathBuf,
        /// What the system says.
        cause: io::Error,
    },
    /// Something in it would be waited at instead of read.
    #[error("{path} is {what}, where the state folder has regular files and folders alone: remove it")]
    NoRegularFile {
        /// What lies there.
        path: PathBuf,
        /// What it is.
        what: &'static str,
    },
    /// Another process has it.
    #[error("state folder {path} is in use by another ponder process")]
    InUse {
        /// The folder.
        path: PathBuf,
    },
}

impl StateDir {
    /// Makes the folder when it is missing (0700) and takes its lock, which ends with this value or the process.
    pub fn open(path: &Path) -> Result<StateDir, StateDirError> {
        let unusable = |path: &Path, cause| StateDirError::Unusable {
            path: path.to_owned(),
            cause,
        };
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(path)
            .map_err(|cause| unusable(path, cause))?;
        look_through(path)?;
        warn_if_open(path);
        let lock_path = path.join("lock");
        let lock = private_file(&lock_path).map_err(|cause| unusable(&lock_path, cause))?;
        match flock(&lock, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(StateDir {
                path: path.to_owned(),
                _lock: lock,
            }),
            Err(rustix::io::Errno::WOULDBLOCK) => Err(StateDirError::InUse {
                path: path.to_owned(),
            }),
            Err(cause) => Err(unusable(&lock_path, cause.into())),
        }
    }

    /// Makes a folder in it, private as it is.
    pub fn folder(&self, name: &str) -> Result<PathBuf, StateDirError> {
        let path = self.file(name);
        let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(&path);
        match made {
            Ok(()) => Ok(path),
            Err(cause) => Err(StateDirError::Unusable { path, cause }),
        }
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A file in it.
    pub fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Reads a text file of the folder; `None` when there is none.
    pub fn read(&self, name: &str) -> Result<Option<String>, StateDirError> {
        let path = self.file(name);
        warn_if_open(&path);
        match fs::read_to_string(&path) {
            Ok(text) => Ok(Some(text)),
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(cause) => Err(StateDirError::Unusable { path, cause }),
        }
    }

    /// Replaces a file whole: private (0600), on disk before this returns, old or new after a crash and never torn.
    pub fn write(&self, name: &str, content: &[u8]) -> Result<(), StateDirError> {
        let path = self.file(name);
        replace(&path, content).map_err(|cause| StateDirError::Unusable { path, cause })
    }

    /// Replaces a file as [`StateDir::write`] does, for everybody to read (0644).
    pub fn publish(&self, name: &str, content: &[u8]) -> Result<(), StateDirError> {
        let path = self.file(name);
        replace_with(&path, content, 0o644).map_err(|cause| StateDirError::Unusable { path, cause })
    }

    /// Makes a file private (0600) before anything is written to it; one that is there stays as it is.
    pub fn prepare(&self, name: &str) -> Result<PathBuf, StateDirError> {
        let path = self.file(name);
        match private_file(&path) {
            Ok(_) => Ok(path),
            Err(cause) => Err(StateDirError::Unusable { path, cause }),
        }
    }
}

fn private_file(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .mode(0o600)
        .open(path)
}

/// Refuses by name what would hold the start up for ever: a pipe that nobody writes, a device.
fn look_through(folder: &Path) -> Result<(), StateDirError> {
    let unusable = |cause| StateDirError::Unusable {
        path: folder.to_owned(),
        cause,
    };
    for entry in fs::read_dir(folder).map_err(unusable)? {
        let path = entry.map_err(unusable)?.path();
        // A link counts as what it leads to; one that leads nowhere is no file that is there.
        let Ok(metadata) = fs::metadata(&path) else {
            continue;
        };
        let kind = metadata.file_type();
        let what = match () {
            // Opening a socket fails at once.
            () if kind.is_file() || kind.is_dir() || kind.is_socket() => continue,
            () if kind.is_fifo() => "a named pipe",
            () => "a device",
        };
        return Err(StateDirError::NoRegularFile { path, what });
    }
    Ok(())
}

/// Warns of a file or folder with secrets that others than its owner may use.
pub(crate) fn warn_if_open(path: &Path) {
    let Ok(metadata) = fs::metadata(path) else { return };
    if let Some(mode) = open_mode(&metadata) {
        let private = if metadata.is_dir() { "0700" } else { "0600" };
        tracing::warn!(
            "{} has mode {mode:04o}, so others than its owner may use it: chmod {private} it",
            path.display()
        );
    }
}

/// The mode, where it lets anybody but the owner in.
fn open_mode(metadata: &fs::Metadata) -> Option<u32> {
    let mode = metadata.permissions().mode() & 0o7777;
    (mode & 0o077 != 0).then_some(mode)
}

/// Writes a file whole, with the promises of [`StateDir::write`].
pub(crate) fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    replace_with(path, content, 0o600)
}

fn replace_with(path: &Path, content: &[u8], mode: u32) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut temporary = tempfile::NamedTempFile::new_in(folder)?;
    temporary.write_all(content)?;
    temporary
        .as_file()
        .set_permissions(fs::Permissions::from_mode(mode))?;
    temporary.as_file().sync_all()?;
    temporary.persist(path)?;
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_process_is_told_that_the_folder_is_in_use() {
        let folder = tempfile::tempdir().unwrap();
        let held = StateDir::open(&folder.path().join("state")).unwrap();
        let refused = StateDir::open(held.path()).unwrap_err().to_string();
        assert!(
            refused.ends_with("is in use by another ponder process"),
            "{refused}"
        );
        let path = held.path().to_owned();
        drop(held);
        StateDir::open(&path).unwrap();
    }

    #[test]
    fn what_is_written_is_private_and_read_back() {
        let folder = tempfile::tempdir().unwrap();
        let state = StateDir::open(folder.path()).unwrap();
        assert_eq!(state.read("key").unwrap(), None);
        state.write("key", b"one").unwrap();
        state.write("key", b"two").unwrap();
        assert_eq!(state.read("key").unwrap().as_deref(), Some("two"));
        assert_eq!(
            fs::metadata(state.file("key")).unwrap().permissions().mode() & 0o777,
            0o600
        );
    }

    #[test]
    fn what_is_no_file_is_refused_by_name_instead_of_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("syslog.ring");
        rustix::fs::mknodat(
            rustix::fs::CWD,
            &pipe,
            rustix::fs::FileType::Fifo,
            rustix::fs::Mode::RUSR,
            0,
        )
        .unwrap();
        let refused = StateDir::open(folder.path()).unwrap_err().to_string();
        assert_eq!(
            refused,
            format!(
                "{} is a named pipe, where the state folder has regular files and folders alone: remove it",
                pipe.display()
            )
        );
    }

    #[test]
    fn a_mode_that_lets_others_in_is_seen() {
        let folder = tempfile::tempdir().unwrap();
        let state = StateDir::open(folder.path()).unwrap();
        state.write("key", b"one").unwrap();
        let mode = |mode: u32| {
            fs::set_permissions(state.file("key"), fs::Permissions::from_mode(mode)).unwrap();
            open_mode(&fs::metadata(state.file("key")).unwrap())
        };
        assert_eq!(mode(0o600), None);
        assert_eq!(mode(0o640), Some(0o640));
        assert_eq!(mode(0o604), Some(0o604));
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_named_with_the_cause() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("file"), "").unwrap();
        let refused = StateDir::open(&folder.path().join("file/state"))
            .unwrap_err()
            .to_string();
        assert!(refused.contains("file/state: Not a directory"), "{refused}");
    }
}
