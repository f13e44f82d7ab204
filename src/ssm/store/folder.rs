//! The state folder of a licence server: private, held by one process, with the files that people take from it.

use std::fs;
use std::path::{Path, PathBuf};

use crate::ssm::store::StoreError;
use crate::state_dir::StateDir;

/// The folder, held by this process until the value is dropped or the process ends.
#[derive(Debug)]
pub struct Folder(StateDir);

impl Folder {
    /// Makes the folder when it is missing (0700) and takes its lock.
    pub fn hold(path: &Path) -> Result<Folder, StoreError> {
        Ok(Folder(StateDir::open(path)?))
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// The database file, made private (0600) before anything is written to it.
    pub fn database(&self) -> Result<PathBuf, StoreError> {
        Ok(self.0.prepare(DATABASE)?)
    }

    /// Writes a certificate that anybody may read; old or new after a crash, never torn.
    pub fn publish(&self, name: &str, content: &str) -> Result<(), StoreError> {
        if fs::read_to_string(self.0.file(name)).is_ok_and(|present| present == content) {
            return Ok(());
        }
        Ok(self.0.publish(name, content.as_bytes())?)
    }
}

/// A server was started in this folder before, though it may not have got far.
pub fn has_database(path: &Path) -> bool {
    path.join(DATABASE).exists()
}

const DATABASE: &str = "ssm.sqlite";

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

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
