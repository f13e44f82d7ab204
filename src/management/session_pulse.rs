//! When sessions came, what they last asked for, and how long answers took: for time-outs and statistics.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::management::request::Request;

/// The pulses of all open sessions.
#[derive(Debug, Default)]
pub struct SessionPulses {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    open: BTreeMap<u32, Pulse>,
    /// Of all sessions since the start.
    timings: Timings,
}

/// How long answers took, by operation.
pub type Timings = BTreeMap<String, Timing>;

/// One session's.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Pulse {
    /// When it was opened.
    pub opened: Instant,
    /// When it was last opened, asked or answered.
    pub last: Instant,
    /// Name of the operation that it last asked for.
    pub last_operation: Option<String>,
    /// Whether something is being answered.
    pub is_busy: bool,
    /// How long answers took.
    pub timings: Timings,
}

/// How long answers to one operation took.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Timing {
    /// How many there were.
    pub requests: u32,
    /// All of them together.
    pub total: Duration,
    /// The shortest.
    pub shortest: Duration,
    /// The longest.
    pub longest: Duration,
}

impl Timing {
    fn add(&mut self, took: Duration) {
        self.requests = self.requests.saturating_add(1);
        self.total += took;
        self.shortest = self.shortest.min(took);
        self.longest = self.longest.max(took);
    }
}

/// A request that is being answered.
pub struct Begun {
    operation: String,
    at: Instant,
}

impl SessionPulses {
    /// A session was opened.
    pub fn opened(&self, session_id: u32, now: Instant) {
        let pulse = Pulse {
            opened: now,
            last: now,
            last_operation: None,
            is_busy: false,
            timings: Timings::new(),
        };
        self.state().open.insert(session_id, pulse);
    }

    /// A session was closed.
    pub fn closed(&self, session_id: u32) {
        self.state().open.remove(&session_id);
    }

    /// A session asks for something.
    pub fn begin(&self, session_id: u32, request: &Request, now: Instant) -> Begun {
        let operation = match request {
            // Clients choose these names, and there is no end to them.
            Request::Rpc { .. } => "rpc",
            other => other.operation().1,
        };
        if let Some(pulse) = self.state().open.get_mut(&session_id) {
            pulse.is_busy = true;
            pulse.last = now;
            pulse.last_operation = Some(operation.to_owned());
        }
        Begun {
            operation: operation.to_owned(),
            at: now,
        }
    }

    /// It was answered.
    pub fn end(&self, session_id: u32, begun: &Begun, now: Instant) {
        let took = now.saturating_duration_since(begun.at);
        let mut state = self.state();
        add(&mut state.timings, &begun.operation, took);
        if let Some(pulse) = state.open.get_mut(&session_id) {
            pulse.is_busy = false;
            pulse.last = now;
            add(&mut pulse.timings, &begun.operation, took);
        }
    }

    /// All open sessions.
    pub fn open(&self) -> BTreeMap<u32, Pulse> {
        self.state().open.clone()
    }

    /// How long answers took since the start, over all sessions.
    pub fn timings(&self) -> Timings {
        self.state().timings.clone()
    }

    /// How many sessions are open.
    pub fn count(&self) -> usize {
        self.state().open.len()
    }

    /// The sessions whose time is up, and which time. One that follows events, or whose request is being answered, is not
    /// idle.
    pub fn overdue(
        &self,
        idle: Option<Duration>,
        absolute: Option<Duration>,
        follows: impl Fn(u32) -> bool,
        now: Instant,
    ) -> Vec<(u32, &'static str)> {
        let is_over = |since: Instant, limit: Option<Duration>| {
            limit.is_some_and(|limit| now.saturating_duration_since(since) >= limit)
        };
        let state = self.state();
        let reason = |session_id: u32, pulse: &Pulse| {
            if is_over(pulse.opened, absolute) {
                return Some("absolute-timeout");
            }
            let is_idle = !pulse.is_busy && is_over(pulse.last, idle) && !follows(session_id);
            is_idle.then_some("idle-timeout")
        };
        let all = state.open.iter();
        all.filter_map(|(session_id, pulse)| Some((*session_id, reason(*session_id, pulse)?)))
            .collect()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Each change is made whole, so a panic elsewhere leaves nothing half done in it.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn add(timings: &mut Timings, operation: &str, took: Duration) {
    match timings.get_mut(operation) {
        Some(timing) => timing.add(took),
        None => {
            let first = Timing {
                requests: 1,
                total: took,
                shortest: took,
                longest: took,
            };
            timings.insert(operation.to_owned(), first);
        }
    }
}
