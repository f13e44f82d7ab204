//! Writing commits down: a record each, and running whole when the storage wants it.

use std::sync::Arc;

use tracing::warn;

use crate::datastore::history::Author;
use crate::datastore::journal_record::{Awaiting, Record, Snapshot};
use crate::datastore::running::{Running, kept_form};
use crate::datastore::storage::{Kept, SnapshotNeed, Storage, StorageError};

/// What was recorded last, and where.
pub(crate) struct Recorder {
    storage: Box<dyn Storage>,
    author: Option<Author>,
    awaiting: Option<Awaiting>,
}

impl Recorder {
    /// Goes on after what was kept.
    pub(crate) fn new(storage: Box<dyn Storage>, kept: &Kept) -> Recorder {
        let last = kept.after.last();
        Recorder {
            storage,
            author: last.map_or_else(
                || kept.snapshot.author.clone(),
                |record| Some(record.author.clone()),
            ),
            awaiting: last.map_or_else(
                || kept.snapshot.awaiting.clone(),
                |record| record.awaiting.clone(),
            ),
        }
    }

    /// What the last commit says of its confirmation.
    pub(crate) fn awaiting(&self) -> Option<&Awaiting> {
        self.awaiting.as_ref()
    }

    /// Records a commit that is made on top of `before`.
    pub(crate) fn record(&mut self, record: &Record, before: &Arc<Running>) -> Result<(), StorageError> {
        if self.storage.snapshot_need() == SnapshotNeed::First {
            self.snapshot(before)?;
        }
        self.storage.record(record)?;
        self.author = Some(record.author.clone());
        self.awaiting = record.awaiting.clone();
        Ok(())
    }

    /// Writes running whole when that is due. Failing is no harm: the records are there.
    pub(crate) fn tidy(&mut self, running: &Arc<Running>) {
        if self.storage.snapshot_need() != SnapshotNeed::Due {
            return;
        }
        if let Err(error) = self.snapshot(running) {
            warn!(%error, "running could not be written whole; its commits are kept one by one");
        }
    }

    fn snapshot(&mut self, running: &Running) -> Result<(), StorageError> {
        self.storage.snapshot(&Snapshot {
            generation: running.generation,
            author: self.author.clone(),
            awaiting: self.awaiting.clone(),
            configuration: kept_form(&running.tree),
        })
    }
}
