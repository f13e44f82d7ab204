//! Rings that survive a restart: whoever adds an entry never waits for the disk, one thread writes down what is new.

use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::watch;

use crate::app::syslog::ring::{Numbered, Ring};
use crate::app::syslog::ring_file::RingFile;
use crate::state_dir::StateDir;

/// A ring; clones share it.
#[derive(Debug)]
pub struct DurableRing<T>(Arc<Shared<T>>);

impl<T> Clone for DurableRing<T> {
    fn clone(&self) -> DurableRing<T> {
        DurableRing(Arc::clone(&self.0))
    }
}

#[derive(Debug)]
struct Shared<T> {
    ring: Mutex<Ring<T>>,
    last: watch::Sender<u64>,
    /// What has been written down; `None` for a ring in memory alone.
    disk: Option<Mutex<Disk>>,
    wake: Arc<Wake>,
}

#[derive(Debug)]
struct Disk {
    file: RingFile,
    written: u64,
    /// The last attempt failed, and that was told.
    failing: bool,
}

/// Opens rings of one state folder and starts the thread that writes them.
pub struct Rings {
    state_dir: Option<Arc<StateDir>>,
    wake: Arc<Wake>,
    unwritten: Vec<Arc<dyn Unwritten>>,
    losses: Vec<String>,
}

impl Rings {
    /// Rings in files of this folder.
    pub fn in_folder(state_dir: &Arc<StateDir>) -> Rings {
        Rings {
            state_dir: Some(Arc::clone(state_dir)),
            ..Rings::in_memory()
        }
    }

    /// Rings that are gone with the process: for reports and tests.
    pub fn in_memory() -> Rings {
        Rings {
            state_dir: None,
            wake: Arc::default(),
            unwritten: Vec::new(),
            losses: Vec::new(),
        }
    }

    /// Opens one, named as its file.
    pub fn open<T>(&mut self, name: &'static str, capacity: usize) -> DurableRing<T>
    where
        T: Serialize + DeserializeOwned + Send + Sync + 'static,
    {
        let Some(state_dir) = &self.state_dir else {
            return DurableRing(Arc::new(Shared {
                ring: Mutex::new(Ring::with(capacity, Vec::new())),
                last: watch::channel(0).0,
                disk: None,
                wake: Arc::clone(&self.wake),
            }));
        };
        let opened = RingFile::open(state_dir, name, capacity);
        self.losses.extend(opened.loss);
        let ring = Ring::with(capacity, opened.entries);
        let shared = Arc::new(Shared {
            last: watch::channel(ring.last()).0,
            disk: Some(Mutex::new(Disk {
                file: opened.file,
                written: ring.last(),
                failing: false,
            })),
            ring: Mutex::new(ring),
            wake: Arc::clone(&self.wake),
        });
        self.unwritten.push(Arc::clone(&shared) as Arc<dyn Unwritten>);
        DurableRing(shared)
    }

    /// Starts writing. What was lost of files that were opened comes out in words.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(self) -> io::Result<(RingWriter, Vec<String>)> {
        let wake = Arc::clone(&self.wake);
        let unwritten = self.unwritten;
        let thread = match unwritten.is_empty() {
            true => None,
            false => Some(
                thread::Builder::new()
                    .name("log-writer".to_owned())
                    .spawn(move || write_all(&wake, &unwritten))?,
            ),
        };
        let writer = RingWriter {
            wake: self.wake,
            thread,
        };
        Ok((writer, self.losses))
    }
}

impl<T> DurableRing<T> {
    /// Adds an entry, which may want to know its number.
    pub fn push(&self, make: impl FnOnce(u64) -> T) -> Arc<T> {
        let entry = {
            let mut ring = held(&self.0.ring);
            let (number, entry) = ring.push(make);
            // Inside the lock, so that the numbers that followers see only grow.
            self.0.last.send_replace(number);
            entry
        };
        self.0.wake.ask();
        entry
    }

    /// Everything, oldest first.
    pub fn entries(&self) -> Vec<Arc<T>> {
        let entries = held(&self.0.ring).entries();
        entries.into_iter().map(|(_, entry)| entry).collect()
    }

    /// The first entry after entry `number`, and how many before it came and went unseen.
    pub fn next_after(&self, number: u64) -> Option<(u64, Numbered<T>)> {
        held(&self.0.ring).next_after(number)
    }

    /// Number of the newest entry that there ever was.
    pub fn last(&self) -> u64 {
        held(&self.0.ring).last()
    }

    /// Follows that number.
    pub fn follow(&self) -> watch::Receiver<u64> {
        self.0.last.subscribe()
    }
}

/// The thread that writes; when this is dropped it writes what is outstanding and ends.
#[derive(Debug)]
pub struct RingWriter {
    wake: Arc<Wake>,
    thread: Option<JoinHandle<()>>,
}

impl RingWriter {
    /// Waits until everything added before is written down, or could not be; no longer than `patience`.
    pub fn flush(&self, patience: Duration) {
        if self.thread.is_some() {
            self.wake.settle(patience);
        }
    }
}

impl Drop for RingWriter {
    fn drop(&mut self) {
        self.wake.close();
        if let Some(thread) = self.thread.take() {
            // An error is a panic of that thread, which has been told.
            thread.join().ok();
        }
    }
}

/// Something to be written down.
trait Unwritten: Send + Sync {
    fn write(&self);
}

impl<T: Serialize + Send + Sync> Unwritten for Shared<T> {
    fn write(&self) {
        let Some(disk) = &self.disk else {
            return;
        };
        let mut disk = held(disk);
        let after = held(&self.ring).after(disk.written);
        let Some((newest, _)) = after.last() else {
            return;
        };
        let newest = *newest;
        let all = || held(&self.ring).entries();
        match disk.file.write(&after, all) {
            Ok(()) => {
                disk.written = newest;
                if std::mem::take(&mut disk.failing) {
                    tracing::info!("the log is written down again");
                }
            }
            Err(error) => {
                if !std::mem::replace(&mut disk.failing, true) {
                    tracing::error!(%error, "the log cannot be written down; it is kept in memory");
                }
            }
        }
    }
}

fn write_all(wake: &Wake, unwritten: &[Arc<dyn Unwritten>]) {
    while let Some(asked) = wake.next() {
        for ring in unwritten {
            ring.write();
        }
        wake.done(asked);
    }
}

/// How the writing thread is woken, and how others learn that it is through.
#[derive(Debug, Default)]
struct Wake {
    state: Mutex<WakeState>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct WakeState {
    asked: u64,
    done: u64,
    closing: bool,
}

impl Wake {
    fn ask(&self) {
        held(&self.state).asked += 1;
        self.changed.notify_all();
    }

    /// Waits until something is asked for; `None` when all is done and nobody will ask any more.
    fn next(&self) -> Option<u64> {
        let mut state = held(&self.state);
        while state.asked == state.done && !state.closing {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        (state.asked != state.done).then_some(state.asked)
    }

    fn done(&self, asked: u64) {
        held(&self.state).done = asked;
        self.changed.notify_all();
    }

    fn settle(&self, patience: Duration) {
        let state = held(&self.state);
        let asked = state.asked;
        drop(
            self.changed
                .wait_timeout_while(state, patience, |state| state.done < asked),
        );
    }

    fn close(&self) {
        held(&self.state).closing = true;
        self.changed.notify_all();
    }
}

/// A panic elsewhere does not close a ring for ever: what it guards is never left half done.
fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_secs(10);

    fn open(
        state_dir: &Arc<StateDir>,
        capacity: usize,
    ) -> (DurableRing<String>, DurableRing<u32>, RingWriter, Vec<String>) {
        let mut rings = Rings::in_folder(state_dir);
        let (words, numbers) = (
            rings.open("words.ring", capacity),
            rings.open("numbers.ring", capacity),
        );
        let (writer, losses) = rings.start().unwrap();
        (words, numbers, writer, losses)
    }

    fn texts(ring: &DurableRing<String>) -> Vec<String> {
        ring.entries().iter().map(|entry| entry.to_string()).collect()
    }

    #[test]
    fn entries_of_several_rings_survive_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let state_dir = Arc::new(StateDir::open(folder.path()).unwrap());
        let (words, numbers, writer, losses) = open(&state_dir, 3);
        assert_eq!(losses, [""; 0]);
        for number in 1..=5 {
            words.push(|own| format!("word {own}"));
            numbers.push(|_| number);
        }
        drop(writer);
        let (words, numbers, writer, losses) = open(&state_dir, 3);
        assert_eq!(losses, [""; 0]);
        assert_eq!(texts(&words), ["word 3", "word 4", "word 5"]);
        assert_eq!(numbers.entries().len(), 3);
        words.push(|own| format!("word {own}"));
        assert_eq!((words.last(), *words.follow().borrow()), (6, 6));
        drop(writer);
    }

    #[test]
    fn what_is_flushed_is_there_without_an_orderly_end() {
        let folder = tempfile::tempdir().unwrap();
        let state_dir = Arc::new(StateDir::open(folder.path()).unwrap());
        let (words, _, writer, _) = open(&state_dir, 3);
        words.push(|_| "said".to_owned());
        writer.flush(PATIENCE);
        let (again, _, _writer, _) = open(&state_dir, 3);
        assert_eq!(texts(&again), ["said"]);
    }

    #[test]
    fn a_disk_that_fails_holds_up_nobody_and_catches_up() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state");
        let state_dir = Arc::new(StateDir::open(&path).unwrap());
        let (words, _, writer, _) = open(&state_dir, 3);
        std::fs::rename(&path, folder.path().join("away")).unwrap();
        words.push(|_| "while it is away".to_owned());
        writer.flush(PATIENCE);
        assert_eq!(texts(&words), ["while it is away"]);
        std::fs::rename(folder.path().join("away"), &path).unwrap();
        words.push(|_| "when it is back".to_owned());
        writer.flush(PATIENCE);
        let (again, _, _writer, _) = open(&state_dir, 3);
        assert_eq!(texts(&again), ["while it is away", "when it is back"]);
    }

    #[test]
    fn a_loss_is_told_when_the_ring_is_opened() {
        let folder = tempfile::tempdir().unwrap();
        let state_dir = Arc::new(StateDir::open(folder.path()).unwrap());
        let (words, _, writer, _) = open(&state_dir, 3);
        words.push(|_| "first".to_owned());
        words.push(|_| "second".to_owned());
        drop(writer);
        let file = state_dir.file("words.ring");
        let content = std::fs::read(&file).unwrap();
        std::fs::write(&file, &content[..content.len() - 3]).unwrap();
        let (words, _, _writer, losses) = open(&state_dir, 3);
        assert_eq!(texts(&words), ["first"]);
        assert!(
            losses[0].ends_with("words.ring: the last record was cut off"),
            "{losses:?}"
        );
    }

    #[test]
    fn a_ring_in_memory_needs_no_thread() {
        let mut rings = Rings::in_memory();
        let ring: DurableRing<String> = rings.open("none", 2);
        let (writer, _) = rings.start().unwrap();
        ring.push(|_| "x".to_owned());
        writer.flush(PATIENCE);
        assert_eq!(texts(&ring), ["x"]);
    }
}
