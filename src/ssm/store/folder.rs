//! The state folder of a licence server: private, held by one process, with the files that people take from it.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};

use crate::ssm::store::StoreError;

/// The folder, held by this process until the value is dropped or the process ends.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    _lock: File,
}

impl Folder {
    /// Makes the folder when it is missing (0700) and takes its lock.
    pub fn hold(path: &Path) -> Result<Folder, StoreError> {
        let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(path);
        made.map_err(|cause| unusable(path, cause))?;
        let lock_path = path.join("lock");
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(&lock_path)
            .map_err(|cause| unusable(&lock_path, cause))?;
        match flock(&lock, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Folder {
                path: path.to_owned(),
                _lock: lock,
            }),
            Err(rustix::io::Errno::WOULDBLOCK) => Err(StoreError::InUse {
                path: path.to_owned(),
            }),
            Err(cause) => Err(unusable(&lock_path, cause.into())),
        }
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The database file, made private (0600) before anything is written to it.
    pub fn database(&self) -> Result<PathBuf, StoreError> {
        let path = self.path.join(DATABASE);
        let made = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(&path);
        made.map_err(|cause| unusable(&path, cause))?;
        Ok(path)
    }

    /// Writes a certificate that anybody may read; old or new after a crash, never torn.
    pub fn publish(&self, name: &str, content: &str) -> Result<(), StoreError> {
        let path = self.path.join(name);
        if fs::read_to_string(&path).is_ok_and(|present| present == content) {
            return Ok(());
        }
        let written = (|| {
            let mut temporary = tempfile::NamedTempFile::new_in(&self.path)?;
            temporary.write_all(content.as_bytes())?;
            temporary
                .as_file()
                .set_permissions(fs::Permissions::from_mode(0o644))?;
            temporary.as_file().sync_all()?;
            temporary.persist(&path)?;
            File::open(&self.path)?.sync_all()
        })();
        written.map_err(|cause: io::Error| unusable(&path, cause))
    }
}

/// A server was started in this folder before, though it may not have got far.
pub fn has_database(path: &Path) -> bool {
    path.join(DATABASE).exists()
}

const DATABASE: &str = "ssm.sqlite";

fn unusable(path: &Path, cause: io::Error) -> StoreError {
    StoreError::Folder {
        path: path.to_owned(),
        cause,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_servers_never_share_a_folder_and_what_they_keep_is_private() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("state");
        let folder = Folder::hold(&path).unwrap();
        let refused = Folder::hold(&path).unwrap_err().to_string();
        assert!(
            refused.ends_with("is in use by another ponder process"),
            "{refused}"
        );
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&path), 0o700);
        assert_eq!(mode(&folder.database().unwrap()), 0o600);
        folder.publish("root.pem", "one").unwrap();
        folder.publish("root.pem", "two").unwrap();
        assert_eq!(fs::read_to_string(path.join("root.pem")).unwrap(), "two");
        assert_eq!(mode(&path.join("root.pem")), 0o644);
        drop(folder);
        Folder::hold(&path).unwrap();
    }
}
