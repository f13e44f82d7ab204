//! Writing running whole beside the commits: the file appears under its name once all of it is on disk.

use std::io;

use crate::datastore::journal_format::encode_snapshot;
use crate::datastore::journal_load::{SNAPSHOT, file_name};
use crate::datastore::journal_record::Snapshot;
use crate::datastore::storage::{Files, StorageError};

/// Writes one snapshot. Whatever becomes of it, what is kept without it stays whole.
pub struct SnapshotWriter {
    files: Box<dyn Files>,
    number: u64,
}

/// A snapshot that is being written.
const BESIDE: &str = "snapshot.beside";

/// Brought to disk at a time: the record of a commit that comes meanwhile waits for no more than that.
const PIECE: usize = 1 << 20;

impl SnapshotWriter {
    pub(crate) fn new(files: Box<dyn Files>, number: u64) -> SnapshotWriter {
        SnapshotWriter { files, number }
    }

    /// Writes it, brings it to disk and gives it its name. How many bytes it has.
    pub fn write(mut self, snapshot: &Snapshot) -> Result<usize, StorageError> {
        let name = file_name(SNAPSHOT, self.number);
        let content = encode_snapshot(snapshot)
            .map_err(|error| self.failed(&name, "written", io::Error::other(error)))?;
        let written = self.write_all(&content).and_then(|()| {
            let renamed = self.files.rename(BESIDE, &name);
            renamed.map_err(|cause| self.failed(&name, "written", cause))
        });
        if let Err(error) = written {
            // Best effort: what stays is no harm.
            let _ = self.files.remove(BESIDE);
            return Err(error);
        }
        self.files
            .sync_folder()
            .map_err(|cause| self.failed("", "brought to disk", cause))?;
        Ok(content.len())
    }

    fn write_all(&mut self, content: &[u8]) -> Result<(), StorageError> {
        let created = self.files.create(BESIDE);
        created.map_err(|cause| self.failed(BESIDE, "written", cause))?;
        for piece in content.chunks(PIECE) {
            let added = self.files.append(BESIDE, piece);
            added.map_err(|cause| self.failed(BESIDE, "written", cause))?;
            let synced = self.files.sync(BESIDE);
            synced.map_err(|cause| self.failed(BESIDE, "brought to disk", cause))?;
        }
        Ok(())
    }

    fn failed(&self, name: &str, what: &'static str, cause: io::Error) -> StorageError {
        StorageError::of(self.files.as_ref(), name, what, cause)
    }
}
