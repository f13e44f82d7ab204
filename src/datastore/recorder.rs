//! Writing commits down: a record each, and running whole when the storage wants it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tracing::warn;

use crate::datastore::history::Author;
use crate::datastore::journal_record::{Awaiting, Record, Snapshot};
use crate::datastore::running::{Running, kept_form};
use crate::datastore::snapshot_writer::SnapshotWriter;
use crate::datastore::storage::{Kept, SnapshotNeed, Storage, StorageError};

/// What is kept, in numbers that can be read while something is being recorded.
#[derive(Debug, Default)]
pub(crate) struct KeptCounts {
    /// Generation that was last written whole.
    pub(crate) snapshot: AtomicU64,
    /// Commits recorded since then.
    pub(crate) records: AtomicU64,
    /// Commits and snapshots that could not be written, since the start.
    pub(crate) failures: AtomicU64,
}

/// What was recorded last, and where.
pub(crate) struct Recorder {
    counts: Arc<KeptCounts>,
    storage: Box<dyn Storage>,
    author: Option<Author>,
    awaiting: Option<Awaiting>,
}

/// Running that is to be written whole beside the commits.
pub(crate) struct Begun {
    writer: SnapshotWriter,
    running: Arc<Running>,
    author: Option<Author>,
    awaiting: Option<Awaiting>,
    /// Records that led to it.
    records: u64,
}

impl Begun {
    /// Writes it, for as long as it takes. The tree is let go of before the disk is waited for.
    pub(crate) fn write(self) -> Written {
        let generation = self.running.generation;
        let configuration = kept_form(&self.running.tree);
        drop(self.running);
        Written {
            generation,
            records: self.records,
            outcome: self.writer.write(&Snapshot {
                generation,
                author: self.author,
                awaiting: self.awaiting,
                configuration,
            }),
        }
    }
}

/// Running that was written whole beside the commits, or not.
pub(crate) struct Written {
    generation: u64,
    records: u64,
    outcome: Result<usize, StorageError>,
}

impl Recorder {
    /// Goes on after what was kept.
    pub(crate) fn new(storage: Box<dyn Storage>, kept: &Kept) -> Recorder {
        let last = kept.after.last();
        let counts = KeptCounts::default();
        counts.snapshot.store(kept.snapshot.generation, Ordering::Relaxed);
        counts.records.store(kept.after.len() as u64, Ordering::Relaxed);
        Recorder {
            counts: Arc::new(counts),
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

    /// What is kept, in numbers.
    pub(crate) fn counts(&self) -> Arc<KeptCounts> {
        Arc::clone(&self.counts)
    }

    /// What the last commit says of its confirmation.
    pub(crate) fn awaiting(&self) -> Option<&Awaiting> {
        self.awaiting.as_ref()
    }

    /// Records commits that are made one after the other on top of `before`: all of them or none.
    pub(crate) fn record(&mut self, records: &[&Record], before: &Arc<Running>) -> Result<(), StorageError> {
        let Some(last) = records.last() else { return Ok(()) };
        if self.storage.snapshot_need() == SnapshotNeed::First {
            self.snapshot(before)?;
        }
        let recorded = self.storage.record(records);
        self.count_failure(&recorded);
        recorded?;
        self.counts
            .records
            .fetch_add(records.len() as u64, Ordering::Relaxed);
        self.author = Some(last.author.clone());
        self.awaiting.clone_from(&last.awaiting);
        Ok(())
    }

    /// Whether running should be written whole.
    pub(crate) fn is_snapshot_due(&self) -> bool {
        self.storage.snapshot_need() == SnapshotNeed::Due
    }

    /// Begins to write running whole when that is due; a storage that can do so only at once has done it then. Failing is
    /// no harm: the records are there.
    pub(crate) fn begin_snapshot(&mut self, running: &Arc<Running>) -> Option<Begun> {
        if !self.is_snapshot_due() {
            return None;
        }
        match self.storage.begin_snapshot(running.generation) {
            Ok(Some(writer)) => Some(Begun {
                writer,
                running: Arc::clone(running),
                author: self.author.clone(),
                awaiting: self.awaiting.clone(),
                records: self.counts.records.load(Ordering::Relaxed),
            }),
            Ok(None) => {
                if let Err(error) = self.snapshot(running) {
                    told(&error);
                }
                None
            }
            Err(error) => {
                self.counts.failures.fetch_add(1, Ordering::Relaxed);
                told(&error);
                None
            }
        }
    }

    /// Takes note of what became of it.
    pub(crate) fn end_snapshot(&mut self, written: Written) {
        self.storage.end_snapshot(written.outcome.as_ref().copied());
        match written.outcome {
            // After a failed sync a later one may have been written at once.
            Ok(_) if self.counts.snapshot.load(Ordering::Relaxed) > written.generation => {}
            Ok(_) => {
                self.counts.snapshot.store(written.generation, Ordering::Relaxed);
                self.counts.records.fetch_sub(written.records, Ordering::Relaxed);
            }
            Err(error) => {
                self.counts.failures.fetch_add(1, Ordering::Relaxed);
                told(&error);
            }
        }
    }

    fn snapshot(&mut self, running: &Running) -> Result<(), StorageError> {
        let written = self.storage.snapshot(&Snapshot {
            generation: running.generation,
            author: self.author.clone(),
            awaiting: self.awaiting.clone(),
            configuration: kept_form(&running.tree),
        });
        self.count_failure(&written);
        written?;
        self.counts.snapshot.store(running.generation, Ordering::Relaxed);
        self.counts.records.store(0, Ordering::Relaxed);
        Ok(())
    }

    fn count_failure(&self, written: &Result<(), StorageError>) {
        if written.is_err() {
            self.counts.failures.fetch_add(1, Ordering::Relaxed);
        }
    }
}

fn told(error: &StorageError) {
    warn!(%error, "running could not be written whole; its commits are kept one by one");
}
