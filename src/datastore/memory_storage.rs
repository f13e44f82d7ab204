//! Storage that forgets when the program ends, and fails when it is told to: for tests and trials.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::datastore::storage::{Storage, StorageError, Stored};

/// How the next save fails.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Failure {
    /// The disk is full.
    NoRoom,
    /// The disk is broken.
    Broken,
}

/// Keeps what was saved in memory. Clones share it, so a test can hold on to one.
#[derive(Clone, Debug, Default)]
pub struct MemoryStorage {
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    stored: Option<Stored>,
    failure: Option<Failure>,
}

impl MemoryStorage {
    /// Nothing kept yet.
    pub fn new() -> MemoryStorage {
        MemoryStorage::default()
    }

    /// The next saves fail, until told otherwise.
    pub fn fail(&self, failure: Option<Failure>) {
        self.state().failure = failure;
    }

    /// What is kept.
    pub fn stored(&self) -> Option<Stored> {
        self.state().stored.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Storage for MemoryStorage {
    fn load(&self) -> Result<Option<Stored>, StorageError> {
        Ok(self.stored())
    }

    fn save(&self, stored: &Stored) -> Result<(), StorageError> {
        let mut state = self.state();
        let path = "memory".to_owned();
        match state.failure {
            None => {
                state.stored = Some(stored.clone());
                Ok(())
            }
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
