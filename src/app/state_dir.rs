//! The state folder: made private, held by one process at a time, written to without ever tearing a file.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
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
        let lock_path = path.join("lock");
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(&lock_path)
            .map_err(|cause| unusable(&lock_path, cause))?;
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
}

/// Writes a file whole, with the promises of [`StateDir::write`].
pub(in crate::app) fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut temporary = tempfile::NamedTempFile::new_in(folder)?;
    temporary.write_all(content)?;
    temporary.as_file().sync_all()?;
    temporary.persist(path)?;
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

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
    fn a_folder_that_cannot_be_made_is_named_with_the_cause() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("file"), "").unwrap();
        let refused = StateDir::open(&folder.path().join("file/state"))
            .unwrap_err()
            .to_string();
        assert!(refused.contains("file/state: Not a directory"), "{refused}");
    }
}
