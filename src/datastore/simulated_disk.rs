//! A disk in memory that fails, loses and tears as real ones do: for tests and trials of the journal.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::datastore::storage::Files;

/// How an operation fails.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fault {
    /// The machine stops at it: nothing works until [`SimulatedDisk::restart`].
    Crash,
    /// The disk is full; half of what was to be added may be there.
    NoRoom,
    /// The disk is broken. Content that could not be brought to disk never will be, though it can still be read.
    Broken,
    /// The disk was made read-only.
    ReadOnly,
}

/// What a crash leaves of what was not brought to disk.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Left {
    /// All of it: only the program was killed.
    Everything,
    /// Nothing.
    Nothing,
    /// Names; of what was added to files the first half.
    Half,
    /// Names; files have their new length, the last half of what was added reads as zeros.
    Zeros,
    /// Files' content, but not their names.
    NoNames,
}

/// Every way in which a crash leaves things.
pub const EVERY_LEFT: [Left; 5] = [
    Left::Everything,
    Left::Nothing,
    Left::Half,
    Left::Zeros,
    Left::NoNames,
];

/// The disk. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct SimulatedDisk {
    state: Arc<Mutex<State>>,
}

#[derive(Clone, Debug, Default)]
struct State {
    files: Vec<Content>,
    names: BTreeMap<String, usize>,
    names_on_disk: BTreeMap<String, usize>,
    operations: u64,
    /// Operations at which something fails: from, until, how.
    plan: Option<(u64, u64, Fault)>,
    crashed: bool,
}

#[derive(Clone, Debug, Default)]
struct Content {
    seen: Vec<u8>,
    on_disk: Vec<u8>,
    /// What is beyond will never come to disk: doing so failed once.
    lost_from: Option<usize>,
}

impl SimulatedDisk {
    /// An empty disk without faults.
    pub fn new() -> SimulatedDisk {
        SimulatedDisk::default()
    }

    /// Operations so far.
    pub fn operations(&self) -> u64 {
        self.state().operations
    }

    /// Makes the operations from the n-th on, so many of them, fail. The first one has number 0.
    pub fn fail(&self, from: u64, how_many: u64, fault: Fault) {
        self.state().plan = Some((from, from.saturating_add(how_many), fault));
    }

    /// Nothing fails from here on.
    pub fn heal(&self) {
        self.state().plan = None;
    }

    /// Whether the machine stopped.
    pub fn is_crashed(&self) -> bool {
        self.state().crashed
    }

    /// The disk as the machine finds it after a crash at this moment. This one stays as it is.
    pub fn restart(&self, left: Left) -> SimulatedDisk {
        let mut state = self.state().clone();
        state.plan = None;
        state.crashed = false;
        if matches!(left, Left::Nothing | Left::NoNames) {
            state.names = state.names_on_disk.clone();
        }
        state.names_on_disk = state.names.clone();
        for file in &mut state.files {
            let end = file.lost_from.unwrap_or(usize::MAX);
            let common = file.on_disk.len().min(file.seen.len());
            let half = common + (file.seen.len() - common) / 2;
            match left {
                Left::Everything => {}
                Left::NoNames => file.seen.truncate(end),
                Left::Nothing => file.seen = file.on_disk.clone(),
                Left::Half => file.seen.truncate(half.min(end)),
                Left::Zeros => {
                    for byte in file.seen.iter_mut().skip(half.min(end)) {
                        *byte = 0;
                    }
                }
            }
            file.on_disk = file.seen.clone();
            file.lost_from = None;
        }
        SimulatedDisk {
            state: Arc::new(Mutex::new(state)),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Counts an operation; the fault that it meets.
    fn next(&mut self) -> Option<Fault> {
        let number = self.operations;
        self.operations += 1;
        if self.crashed {
            return Some(Fault::Crash);
        }
        let (from, until, fault) = self.plan?;
        if !(from..until).contains(&number) {
            return None;
        }
        self.crashed = fault == Fault::Crash;
        Some(fault)
    }

    fn writing(&mut self) -> io::Result<()> {
        self.next().map_or(Ok(()), |fault| Err(error(fault)))
    }

    fn reading(&mut self) -> io::Result<()> {
        match self.next() {
            Some(fault @ (Fault::Crash | Fault::Broken)) => Err(error(fault)),
            _ => Ok(()),
        }
    }

    fn file(&mut self, name: &str) -> io::Result<&mut Content> {
        let number = self.names.get(name).copied();
        number
            .and_then(|number| self.files.get_mut(number))
            .ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

fn error(fault: Fault) -> io::Error {
    match fault {
        Fault::Crash => io::Error::other("the machine is down"),
        Fault::NoRoom => io::ErrorKind::StorageFull.into(),
        Fault::Broken => io::Error::other("input/output error"),
        Fault::ReadOnly => io::ErrorKind::ReadOnlyFilesystem.into(),
    }
}

impl Files for SimulatedDisk {
    fn list(&mut self) -> io::Result<Vec<String>> {
        let mut state = self.state();
        state.reading()?;
        Ok(state.names.keys().cloned().collect())
    }

    fn read(&mut self, name: &str) -> io::Result<Vec<u8>> {
        let mut state = self.state();
        state.reading()?;
        Ok(state.file(name)?.seen.clone())
    }

    fn create(&mut self, name: &str) -> io::Result<()> {
        let mut state = self.state();
        state.writing()?;
        let number = state.files.len();
        state.files.push(Content::default());
        state.names.insert(name.to_owned(), number);
        Ok(())
    }

    fn append(&mut self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let mut state = self.state();
        let fault = state.next();
        let file = state.file(name)?;
        match fault {
            None => file.seen.extend_from_slice(bytes),
            Some(fault) => {
                if matches!(fault, Fault::NoRoom | Fault::Crash) {
                    file.seen.extend(bytes.iter().take(bytes.len() / 2));
                }
                return Err(error(fault));
            }
        }
        Ok(())
    }

    fn truncate(&mut self, name: &str, length: u64) -> io::Result<()> {
        let mut state = self.state();
        state.writing()?;
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        state.file(name)?.seen.truncate(length);
        Ok(())
    }

    fn sync(&mut self, name: &str) -> io::Result<()> {
        let mut state = self.state();
        let fault = state.next();
        let file = state.file(name)?;
        if let Some(fault) = fault {
            if fault != Fault::Crash {
                let known = file.on_disk.len().min(file.seen.len());
                file.lost_from.get_or_insert(known);
            }
            return Err(error(fault));
        }
        let end = file.lost_from.unwrap_or(usize::MAX);
        file.on_disk = file.seen.iter().take(end).copied().collect();
        Ok(())
    }

    fn rename(&mut self, from: &str, to: &str) -> io::Result<()> {
        let mut state = self.state();
        state.writing()?;
        let number = state.names.remove(from).ok_or(io::ErrorKind::NotFound)?;
        state.names.insert(to.to_owned(), number);
        Ok(())
    }

    fn remove(&mut self, name: &str) -> io::Result<()> {
        let mut state = self.state();
        state.writing()?;
        state.names.remove(name).ok_or(io::ErrorKind::NotFound)?;
        Ok(())
    }

    fn sync_folder(&mut self) -> io::Result<()> {
        let mut state = self.state();
        state.writing()?;
        state.names_on_disk = state.names.clone();
        Ok(())
    }

    fn folder(&self) -> String {
        "simulated".to_owned()
    }

    fn another(&self) -> Box<dyn Files> {
        Box::new(self.clone())
    }
}
