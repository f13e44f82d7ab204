//! Storage that forgets when the program ends, and fails when it is told to: for tests and trials.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::datastore::journal_record::{Record, Snapshot};
use crate::datastore::storage::{Kept, SnapshotNeed, Storage, StorageError};

/// How the next record fails.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Failure {
    /// The disk is full.
    NoRoom,
    /// The disk is broken.
    Broken,
}

/// Keeps what was recorded in memory. Clones share it, so a test can hold on to one.
#[derive(Clone, Debug, Default)]
pub struct MemoryStorage {
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    kept: Kept,
    failure: Option<Failure>,
}

impl MemoryStorage {
    /// Nothing kept yet.
    pub fn new() -> MemoryStorage {
        MemoryStorage::default()
    }

    /// The next records fail, until told otherwise.
    pub fn fail(&self, failure: Option<Failure>) {
        self.state().failure = failure;
    }

    /// What is kept.
    pub fn kept(&self) -> Kept {
        self.state().kept.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn check(&self) -> Result<(), StorageError> {
        let path = "memory".to_owned();
        match self.failure {
            None => Ok(()),
            Some(Failure::NoRoom) => Err(StorageError::NoRoom {
                path,
                cause: io::ErrorKind::StorageFull.into(),
            }),
            Some(Failure::Broken) => Err(StorageError::System {
                path,
                what: "written",
                cause: io::Error::other("input/output error"),
            }),
        }
    }
}

impl Storage for MemoryStorage {
    fn load(&mut self) -> Result<Kept, StorageError> {
        Ok(self.kept())
    }

    fn record(&mut self, records: &[&Record]) -> Result<(), StorageError> {
        let mut state = self.state();
        state.check()?;
        state.kept.after.extend(records.iter().copied().cloned());
        Ok(())
    }

    fn snapshot_need(&self) -> SnapshotNeed {
        SnapshotNeed::None
    }

    fn snapshot(&mut self, snapshot: &Snapshot) -> Result<(), StorageError> {
        let mut state = self.state();
        state.check()?;
        let after = std::mem::take(&mut state.kept.after);
        state.kept.before.extend(after);
        state.kept.snapshot = snapshot.clone();
        Ok(())
    }
}
