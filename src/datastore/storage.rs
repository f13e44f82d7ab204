//! What keeps running over restarts, and the few file operations that it stands on.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;

use crate::datastore::journal_record::{Record, Snapshot};
use crate::datastore::snapshot_writer::SnapshotWriter;

/// Keeps running, and how it came to be, over restarts.
pub trait Storage: Send {
    /// What was kept. Called once, before anything is recorded.
    fn load(&mut self) -> Result<Kept, StorageError>;

    /// Keeps commits, at least one. When it returns, a crash at any time finds them; after an error all are refused, and
    /// running stays as it was before. A crash meanwhile may find the first of them.
    fn record(&mut self, records: &[&Record]) -> Result<(), StorageError>;

    /// Whether running should be written whole.
    fn snapshot_need(&self) -> SnapshotNeed;

    /// Writes running whole, so that a start needs no record before it.
    fn snapshot(&mut self, snapshot: &Snapshot) -> Result<(), StorageError>;

    /// Begins to write running of this generation whole, beside the commits that are recorded from now on. What comes back
    /// writes it, for as long as it takes; [`Storage::end_snapshot`] is told of the outcome. `None` where it can only be
    /// written at once.
    fn begin_snapshot(&mut self, _generation: u64) -> Result<Option<SnapshotWriter>, StorageError> {
        Ok(None)
    }

    /// What was begun is written, so many bytes of it, or not.
    fn end_snapshot(&mut self, _written: Result<usize, &StorageError>) {}
}

/// Whether running should be written whole.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SnapshotNeed {
    /// Not now.
    None,
    /// Records have piled up; after the next commit is soon enough.
    Due,
    /// Nothing can be recorded before that: there is none yet, or the disk failed and what it holds is not certain.
    First,
}

/// What was kept.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Kept {
    /// Running at some time; an empty configuration of generation 0 when nothing was ever kept.
    pub snapshot: Snapshot,
    /// Commits that led to the snapshot, oldest first, as many as are still there.
    pub before: Vec<Record>,
    /// Commits since, oldest first.
    pub after: Vec<Record>,
}

/// Why running could not be kept or read.
#[derive(thiserror::Error, Debug)]
pub enum StorageError {
    /// The disk or a quota is full.
    #[error("no room to keep the configuration in {path}: {cause}")]
    NoRoom {
        /// The file.
        path: String,
        /// What the system said.
        cause: io::Error,
    },
    /// The system refused.
    #[error("the configuration in {path} cannot be {what}: {cause}")]
    System {
        /// The file.
        path: String,
        /// `read`, `written`, `brought to disk` or `repaired`.
        what: &'static str,
        /// What the system said.
        cause: io::Error,
    },
    /// The file is not what was written.
    #[error(
        "{path} is damaged at byte {offset}: {reason}; `ponder journal repair --state-dir {folder}` keeps a copy and what can be saved"
    )]
    Damaged {
        /// The file.
        path: String,
        /// Where the damage begins.
        offset: usize,
        /// What is wrong there.
        reason: String,
        /// The folder of the file.
        folder: String,
    },
    /// The file was written by another version.
    #[error("{path} has format version {found}, this version of ponder reads {known}")]
    Version {
        /// The file.
        path: String,
        /// The version that it names.
        found: String,
        /// The one that is known here.
        known: u32,
    },
}

impl StorageError {
    /// What a file operation failed with.
    pub(crate) fn of(files: &dyn Files, name: &str, what: &'static str, cause: io::Error) -> StorageError {
        let path = format!("{}/{name}", files.folder());
        match cause.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => StorageError::NoRoom { path, cause },
            _ => StorageError::System { path, what, cause },
        }
    }
}

/// The file operations that storage stands on, all in one folder. Simulated disks implement it too.
pub trait Files: Send {
    /// Names of the files.
    fn list(&mut self) -> io::Result<Vec<String>>;
    /// The content of a file.
    fn read(&mut self, name: &str) -> io::Result<Vec<u8>>;
    /// Makes a file, private and empty, in the place of one that may be there.
    fn create(&mut self, name: &str) -> io::Result<()>;
    /// Adds to the end of a file. After an error part of it may have been added.
    fn append(&mut self, name: &str, bytes: &[u8]) -> io::Result<()>;
    /// Cuts a file.
    fn truncate(&mut self, name: &str, length: u64) -> io::Result<()>;
    /// Brings a file's content to disk.
    fn sync(&mut self, name: &str) -> io::Result<()>;
    /// Gives a file the name of another, which goes away.
    fn rename(&mut self, from: &str, to: &str) -> io::Result<()>;
    /// Removes a file.
    fn remove(&mut self, name: &str) -> io::Result<()>;
    /// Brings the names in the folder to disk.
    fn sync_folder(&mut self) -> io::Result<()>;
    /// The folder, for messages.
    fn folder(&self) -> String;
    /// The same folder once more, to work in from elsewhere on other files.
    fn another(&self) -> Box<dyn Files>;
}

/// A real folder.
#[derive(Debug)]
pub struct FolderFiles {
    folder: PathBuf,
    /// Files that are being added to.
    open: BTreeMap<String, File>,
}

impl FolderFiles {
    /// This folder, which must exist. Nobody else may write there meanwhile.
    pub fn new(folder: impl Into<PathBuf>) -> FolderFiles {
        FolderFiles {
            folder: folder.into(),
            open: BTreeMap::new(),
        }
    }

    fn opened(&mut self, name: &str) -> io::Result<&mut File> {
        if !self.open.contains_key(name) {
            let file = OpenOptions::new().append(true).open(self.folder.join(name))?;
            self.open.insert(name.to_owned(), file);
        }
        self.open
            .get_mut(name)
            .ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

impl Files for FolderFiles {
    fn list(&mut self) -> io::Result<Vec<String>> {
        fs::read_dir(&self.folder)?
            .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
            .collect()
    }

    fn read(&mut self, name: &str) -> io::Result<Vec<u8>> {
        fs::read(self.folder.join(name))
    }

    fn create(&mut self, name: &str) -> io::Result<()> {
        let path = self.folder.join(name);
        self.open.remove(name);
        // One that is there may have other rights.
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let file = OpenOptions::new()
            .append(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)?;
        self.open.insert(name.to_owned(), file);
        Ok(())
    }

    fn append(&mut self, name: &str, bytes: &[u8]) -> io::Result<()> {
        self.opened(name)?.write_all(bytes)
    }

    fn truncate(&mut self, name: &str, length: u64) -> io::Result<()> {
        self.opened(name)?.set_len(length)
    }

    fn sync(&mut self, name: &str) -> io::Result<()> {
        self.opened(name)?.sync_data()
    }

    fn rename(&mut self, from: &str, to: &str) -> io::Result<()> {
        self.open.remove(from);
        self.open.remove(to);
        fs::rename(self.folder.join(from), self.folder.join(to))
    }

    fn remove(&mut self, name: &str) -> io::Result<()> {
        self.open.remove(name);
        fs::remove_file(self.folder.join(name))
    }

    fn sync_folder(&mut self) -> io::Result<()> {
        File::open(&self.folder)?.sync_all()
    }

    fn folder(&self) -> String {
        self.folder.display().to_string()
    }

    fn another(&self) -> Box<dyn Files> {
        Box::new(FolderFiles::new(&self.folder))
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn files_are_private_and_grow_at_their_end() {
        let folder = tempfile::tempdir().unwrap();
        let mut files = FolderFiles::new(folder.path());
        fs::write(folder.path().join("a"), "of somebody else").unwrap();
        files.create("a").unwrap();
        files.append("a", b"one two").unwrap();
        files.truncate("a", 3).unwrap();
        files.append("a", b" three").unwrap();
        files.sync("a").unwrap();
        files.rename("a", "b").unwrap();
        files.append("b", b".").unwrap();
        files.sync_folder().unwrap();
        assert_eq!(files.read("b").unwrap(), b"one three.");
        assert_eq!(files.list().unwrap(), ["b"]);
        let rights = fs::metadata(folder.path().join("b")).unwrap().permissions();
        assert_eq!(rights.mode() & 0o777, 0o600);
        files.remove("b").unwrap();
        assert!(files.append("b", b"x").is_err());
    }
}
