//! One event, and the log that keeps events for a replay (RFC 5277).

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Something that happened, as it is told.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Event {
    /// When, to the millisecond.
    pub time: Timestamp,
    /// The module that defines the notification.
    pub module: String,
    /// The notification's name in it.
    pub name: String,
    /// The notification's element, namespaces declared on it.
    pub content: String,
}

/// Keeps the newest events, as many as there is room for. Must not block.
pub trait EventLog: Send + Sync {
    /// Adds one.
    fn append(&self, event: Event) -> Arc<Event>;

    /// All of them, oldest first.
    fn events(&self) -> Vec<Arc<Event>>;

    /// Waits until what was added before is kept for good, within reason; nothing to wait for in memory.
    fn flush(&self, patience: Duration) {
        let _ = patience;
    }

    /// When the log was begun (RFC 5277 section 3.2.5.1, `replayLogCreationTime`).
    fn began(&self) -> Timestamp;

    /// What happened before this time is kept no more (RFC 8639, `replay-log-aged-time`); none when all of it still is.
    fn aged(&self) -> Option<Timestamp>;
}

/// A log that is gone with the process: for tests.
#[derive(Debug)]
pub struct MemoryLog {
    capacity: usize,
    began: Timestamp,
    events: Mutex<VecDeque<Arc<Event>>>,
    aged: Mutex<Option<Timestamp>>,
}

impl MemoryLog {
    /// An empty one with room for so many events.
    pub fn new(capacity: usize, began: Timestamp) -> MemoryLog {
        MemoryLog {
            capacity,
            began,
            events: Mutex::default(),
            aged: Mutex::default(),
        }
    }
}

impl EventLog for MemoryLog {
    fn append(&self, event: Event) -> Arc<Event> {
        let event = Arc::new(event);
        let mut events = self.events.lock().unwrap_or_else(PoisonError::into_inner);
        events.push_back(Arc::clone(&event));
        if events.len() > self.capacity
            && let Some(oldest) = events.pop_front()
        {
            *self.aged.lock().unwrap_or_else(PoisonError::into_inner) = Some(oldest.time);
        }
        event
    }

    fn events(&self) -> Vec<Arc<Event>> {
        let events = self.events.lock().unwrap_or_else(PoisonError::into_inner);
        events.iter().cloned().collect()
    }

    fn began(&self) -> Timestamp {
        self.began
    }

    fn aged(&self) -> Option<Timestamp> {
        *self.aged.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
