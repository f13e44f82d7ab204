//! Where running is kept: one file, written whole and atomically, checked when it is read.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use aws_lc_rs::digest::{SHA256, digest};
use serde::{Deserialize, Serialize};

use crate::datastore::history::Author;

/// First word of the file, and its version.
const MAGIC: &str = "ponder-running";
const VERSION: u32 = 1;

/// What is kept of a commit.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Stored {
    /// Generation of running.
    pub generation: u64,
    /// Who made it; nobody for the first.
    pub author: Option<Author>,
    /// The configuration: XML elements side by side.
    pub configuration: String,
}

/// Keeps running over restarts.
pub trait Storage: Send + Sync {
    /// What was saved last; `None` when nothing ever was.
    fn load(&self) -> Result<Option<Stored>, StorageError>;

    /// Saves. When it returns, a crash at any time finds either this or what was there before; after an error,
    /// what was there before.
    fn save(&self, stored: &Stored) -> Result<(), StorageError>;
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
    #[error("the configuration file {path} cannot be {what}: {cause}")]
    System {
        /// The file.
        path: String,
        /// `read` or `written`.
        what: &'static str,
        /// What the system said.
        cause: io::Error,
    },
    /// The file is not what was written.
    #[error(
        "the configuration file {path} is damaged: {reason}; move it away to start with an empty configuration"
    )]
    Damaged {
        /// The file.
        path: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The file was written by another version.
    #[error("the configuration file {path} has format {found}, this version reads {VERSION}")]
    Version {
        /// The file.
        path: String,
        /// The format that it names.
        found: String,
    },
}

/// The file `running.ponder` in a folder.
///
/// Line 1 is the word, format version, length and SHA-256 of all that follows; line 2 is generation and author as JSON;
/// then comes the configuration.
#[derive(Debug)]
pub struct FileStorage {
    path: PathBuf,
}

/// Line 2 of the file.
#[derive(Serialize, Deserialize)]
struct Header {
    generation: u64,
    author: Option<Author>,
}

impl FileStorage {
    /// In this folder, which must exist. Nobody else may write there meanwhile.
    pub fn new(folder: &Path) -> FileStorage {
        FileStorage {
            path: folder.join("running.ponder"),
        }
    }

    fn shown(&self) -> String {
        self.path.display().to_string()
    }

    fn damaged(&self, reason: impl Into<String>) -> StorageError {
        StorageError::Damaged {
            path: self.shown(),
            reason: reason.into(),
        }
    }

    fn failed(&self, what: &'static str, cause: io::Error) -> StorageError {
        let path = self.shown();
        match cause.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => StorageError::NoRoom { path, cause },
            _ => StorageError::System { path, what, cause },
        }
    }

    fn decode(&self, bytes: Vec<u8>) -> Result<Stored, StorageError> {
        let text = String::from_utf8(bytes).map_err(|_| self.damaged("it is not UTF-8"))?;
        let (first, body) = text
            .split_once('\n')
            .ok_or_else(|| self.damaged("it has no first line"))?;
        let words: Vec<&str> = first.split(' ').collect();
        let [MAGIC, version, length, checksum] = words.as_slice() else {
            return Err(self.damaged(format!("its first line is not that of a {MAGIC} file")));
        };
        if version.parse() != Ok(VERSION) {
            return Err(StorageError::Version {
                path: self.shown(),
                found: (*version).to_owned(),
            });
        }
        if length.parse() != Ok(body.len()) {
            return Err(self.damaged(format!("it holds {} bytes instead of {length}", body.len())));
        }
        if *checksum != hex(body) {
            return Err(self.damaged("its checksum does not match"));
        }
        let (header, configuration) = body
            .split_once('\n')
            .ok_or_else(|| self.damaged("it has no second line"))?;
        let header: Header = serde_json::from_str(header)
            .map_err(|e| self.damaged(format!("its second line is broken: {e}")))?;
        Ok(Stored {
            generation: header.generation,
            author: header.author,
            configuration: configuration.to_owned(),
        })
    }

    fn write(&self, content: &str) -> io::Result<()> {
        let fresh = self.path.with_extension("fresh");
        // A leftover of a crash may have other rights.
        match fs::remove_file(&fresh) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&fresh)?;
        let written = file.write_all(content.as_bytes()).and_then(|()| file.sync_all());
        drop(file);
        let replaced = written.and_then(|()| self.replace(&fresh));
        if replaced.is_err() {
            // Best effort: the next save removes it too, and the error to tell is the first one.
            let _ = fs::remove_file(&fresh);
        }
        replaced
    }

    /// Puts the fresh file in the place of the old one, which comes back if the folder cannot be brought to disk.
    fn replace(&self, fresh: &Path) -> io::Result<()> {
        let previous = self.path.with_extension("previous");
        for prepared in [fs::remove_file(&previous), fs::hard_link(&self.path, &previous)] {
            match prepared {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        fs::rename(fresh, &self.path)?;
        let synced = match self.path.parent() {
            Some(folder) => File::open(folder).and_then(|folder| folder.sync_all()),
            None => Ok(()),
        };
        // Best effort both: the next save removes what is left, and the error to tell is that of the folder.
        let _ = match synced {
            Ok(()) => fs::remove_file(&previous),
            Err(_) => fs::rename(&previous, &self.path).or_else(|_| fs::remove_file(&self.path)),
        };
        synced
    }
}

impl Storage for FileStorage {
    fn load(&self) -> Result<Option<Stored>, StorageError> {
        match fs::read(&self.path) {
            Ok(bytes) => self.decode(bytes).map(Some),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(self.failed("read", error)),
        }
    }

    fn save(&self, stored: &Stored) -> Result<(), StorageError> {
        let header = Header {
            generation: stored.generation,
            author: stored.author.clone(),
        };
        let header = serde_json::to_string(&header)
            .map_err(|error| self.failed("written", io::Error::other(error)))?;
        let body = format!("{header}\n{}", stored.configuration);
        let content = format!("{MAGIC} {VERSION} {} {}\n{body}", body.len(), hex(&body));
        self.write(&content)
            .map_err(|error| self.failed("written", error))
    }
}

/// SHA-256 as text.
fn hex(text: &str) -> String {
    digest(&SHA256, text.as_bytes())
        .as_ref()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn stored(generation: u64) -> Stored {
        Stored {
            generation,
            author: Some(Author {
                user: "anna".to_owned(),
                session_id: 4,
                timestamp: "2026-11-24T10:00:00Z".parse().unwrap(),
                label: None,
                comment: Some("two\nlines".to_owned()),
            }),
            configuration: "<a xmlns=\"urn:a\">é</a>\n<b/>".to_owned(),
        }
    }

    #[test]
    fn what_was_saved_is_read_back() {
        let folder = tempfile::tempdir().unwrap();
        let storage = FileStorage::new(folder.path());
        assert_eq!(storage.load().unwrap(), None);
        storage.save(&stored(1)).unwrap();
        storage.save(&stored(2)).unwrap();
        assert_eq!(storage.load().unwrap(), Some(stored(2)));
        let rights = fs::metadata(folder.path().join("running.ponder"))
            .unwrap()
            .permissions();
        assert_eq!(rights.mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_leftover_of_a_crash_is_no_obstacle() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("running.fresh"), "half").unwrap();
        let storage = FileStorage::new(folder.path());
        storage.save(&stored(1)).unwrap();
        assert_eq!(storage.load().unwrap(), Some(stored(1)));
    }

    #[test]
    fn a_damaged_file_is_named_and_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("running.ponder");
        let storage = FileStorage::new(folder.path());
        storage.save(&stored(1)).unwrap();
        let whole = fs::read(&path).unwrap();
        for cut in 0..whole.len() {
            fs::write(&path, &whole[..cut]).unwrap();
            let error = storage.load().unwrap_err().to_string();
            assert!(error.contains("running.ponder"), "{error}");
        }
        let mut flipped = whole.clone();
        *flipped.last_mut().unwrap() ^= 1;
        fs::write(&path, &flipped).unwrap();
        assert!(storage.load().unwrap_err().to_string().contains("checksum"));
        assert_eq!(fs::read(&path).unwrap(), flipped);

        let newer = String::from_utf8(whole).unwrap().replacen(" 1 ", " 2 ", 1);
        fs::write(&path, newer).unwrap();
        assert!(matches!(
            storage.load().unwrap_err(),
            StorageError::Version { .. }
        ));
    }

    #[test]
    fn a_folder_that_is_not_there_is_an_error_with_its_cause() {
        let folder = tempfile::tempdir().unwrap();
        let storage = FileStorage::new(&folder.path().join("nowhere"));
        let error = storage.save(&stored(1)).unwrap_err().to_string();
        assert!(
            error.contains("cannot be written") && error.contains("nowhere"),
            "{error}"
        );
    }
}
