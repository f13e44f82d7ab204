//! The replay log of event notifications on disk: a ring that survives a restart, written by a thread of its own.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use crate::app::syslog::durable_ring::{DurableRing, RingWriter, Rings};
use crate::management::event::{Event, EventLog};
use crate::state_dir::{StateDir, StateDirError};

/// The log. Whoever adds an event never waits for the disk.
pub struct DurableEventLog {
    events: DurableRing<Event>,
    began: Timestamp,
    /// Writes what is outstanding when it is dropped.
    writer: RingWriter,
}

/// Why it cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum EventLogError {
    /// No thread to write with.
    #[error("the notification log's thread: {0}")]
    Thread(io::Error),
    /// The file with its beginning.
    #[error(transparent)]
    StateDir(#[from] StateDirError),
}

/// The events, in the format of rings.
const EVENTS: &str = "notifications.ring";
/// When the log was begun, as text.
const BEGAN: &str = "notifications.began";

impl DurableEventLog {
    /// Opens the log of a state folder for so many events. A damaged one is set aside, told, and begun anew.
    pub fn open(
        state_dir: &Arc<StateDir>,
        capacity: usize,
        now: Timestamp,
    ) -> Result<DurableEventLog, EventLogError> {
        let mut rings = Rings::in_folder(state_dir);
        let events: DurableRing<Event> = rings.open(EVENTS, capacity);
        let (writer, losses) = rings.start().map_err(EventLogError::Thread)?;
        for loss in losses {
            tracing::warn!(loss, "the log of notifications was damaged");
        }
        let known = state_dir.read(BEGAN)?.and_then(|text| text.trim().parse().ok());
        let began = match known.filter(|_| events.last() > 0) {
            Some(began) => began,
            None => {
                state_dir.write(BEGAN, format!("{now}\n").as_bytes())?;
                now
            }
        };
        Ok(DurableEventLog {
            events,
            began,
            writer,
        })
    }
}

impl EventLog for DurableEventLog {
    fn append(&self, event: Event) -> Arc<Event> {
        self.events.push(|_| event)
    }

    fn events(&self) -> Vec<Arc<Event>> {
        self.events.entries()
    }

    fn began(&self) -> Timestamp {
        self.began
    }

    /// The time of the oldest event that is left: when the one before it happened is not kept.
    fn aged(&self) -> Option<Timestamp> {
        let (gone, (_, oldest)) = self.events.next_after(0)?;
        (gone > 0).then_some(oldest.time)
    }

    fn flush(&self, patience: Duration) {
        self.writer.flush(patience);
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn event(second: i64) -> Event {
        Event {
            time: at(second),
            module: "nc-notifications".to_owned(),
            name: "replayComplete".to_owned(),
            content: format!("<replayComplete n=\"{second}\"/>"),
        }
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    struct Folder {
        _folder: tempfile::TempDir,
        state_dir: Arc<StateDir>,
    }

    fn folder() -> Folder {
        let folder = tempfile::tempdir().unwrap();
        let state_dir = Arc::new(StateDir::open(folder.path()).unwrap());
        Folder {
            _folder: folder,
            state_dir,
        }
    }

    fn seconds(log: &DurableEventLog) -> Vec<i64> {
        log.events().iter().map(|event| event.time.as_second()).collect()
    }

    #[test]
    fn events_and_the_beginning_survive_a_restart_in_a_private_file() {
        let folder = folder();
        let log = DurableEventLog::open(&folder.state_dir, 3, at(10)).unwrap();
        (11..=15).for_each(|second| drop(log.append(event(second))));
        drop(log);
        let again = DurableEventLog::open(&folder.state_dir, 3, at(20)).unwrap();
        assert_eq!(
            seconds(&again),
            [13, 14, 15],
            "the newest, as many as there is room for"
        );
        assert_eq!(again.began(), at(10));
        let mode = std::fs::metadata(folder.state_dir.file(EVENTS))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_torn_tail_costs_its_record_alone() {
        let folder = folder();
        let log = DurableEventLog::open(&folder.state_dir, 10, at(10)).unwrap();
        (11..=13).for_each(|second| drop(log.append(event(second))));
        drop(log);
        let path = folder.state_dir.file(EVENTS);
        let content = std::fs::read(&path).unwrap();
        std::fs::write(&path, &content[..content.len() - 5]).unwrap();
        let again = DurableEventLog::open(&folder.state_dir, 10, at(20)).unwrap();
        assert_eq!(seconds(&again), [11, 12]);
        assert_eq!(again.began(), at(10));
    }

    #[test]
    fn a_log_of_another_version_is_set_aside_and_begun_anew() {
        let folder = folder();
        let log = DurableEventLog::open(&folder.state_dir, 10, at(10)).unwrap();
        drop(log.append(event(11)));
        drop(log);
        std::fs::write(folder.state_dir.file(EVENTS), "ponder-ring 99\n").unwrap();
        let again = DurableEventLog::open(&folder.state_dir, 10, at(20)).unwrap();
        assert_eq!(seconds(&again), Vec::<i64>::new());
        assert_eq!(again.began(), at(20));
        assert!(folder.state_dir.file("notifications.ring.set-aside").exists());
    }
}
