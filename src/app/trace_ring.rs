//! The trace rings beside the log: licence, platform and call home, each event with its time, cause and outcome.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::app::syslog::durable_ring::{DurableRing, Rings};
use crate::app::syslog::message::{one_line, time_of_day};

/// Which trace.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Trace {
    /// What the smart agent was given and did: `show license trace all`.
    Licence,
    /// Counting and reporting by the platform: `show license platform trace`.
    Platform,
    /// Messages to the licence server and back: `show call-home trace all`.
    CallHome,
}

impl Trace {
    /// Every trace.
    pub const ALL: [Trace; 3] = [Trace::Licence, Trace::Platform, Trace::CallHome];

    /// Its name in a line of the trace.
    pub fn name(self) -> &'static str {
        match self {
            Trace::Licence => "smartlic",
            Trace::Platform => "platform",
            Trace::CallHome => "call-home",
        }
    }
}

/// One event.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct TraceEntry {
    /// When.
    pub at: Timestamp,
    /// What happened.
    pub event: String,
    /// Why it happened.
    pub cause: String,
    /// What came of it.
    pub outcome: String,
}

impl fmt::Display for TraceEntry {
    /// `May 27 09:54:57.783 renew-auth: operator's command -> success`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let TraceEntry {
            at,
            event,
            cause,
            outcome,
        } = self;
        write!(f, "{} {event}: {cause} -> {outcome}", time_of_day(*at))
    }
}

/// The rings; clones share them.
#[derive(Clone, Debug)]
pub struct Traces {
    licence: DurableRing<TraceEntry>,
    platform: DurableRing<TraceEntry>,
    call_home: DurableRing<TraceEntry>,
}

impl Traces {
    /// Opens all three.
    pub fn open(rings: &mut Rings, capacity: usize) -> Traces {
        Traces {
            licence: rings.open("licence-trace.ring", capacity),
            platform: rings.open("platform-trace.ring", capacity),
            call_home: rings.open("call-home-trace.ring", capacity),
        }
    }

    /// Notes an event. Each text stays one line of bounded length.
    pub fn note(&self, trace: Trace, at: Timestamp, event: &str, cause: &str, outcome: &str) {
        let entry = TraceEntry {
            at,
            event: one_line(event),
            cause: one_line(cause),
            outcome: one_line(outcome),
        };
        self.ring(trace).push(|_| entry);
    }

    /// The events of one trace, oldest first.
    pub fn entries(&self, trace: Trace) -> Vec<TraceEntry> {
        let entries = self.ring(trace).entries();
        entries.iter().map(|entry| entry.as_ref().clone()).collect()
    }

    fn ring(&self, trace: Trace) -> &DurableRing<TraceEntry> {
        match trace {
            Trace::Licence => &self.licence,
            Trace::Platform => &self.platform,
            Trace::CallHome => &self.call_home,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::state_dir::StateDir;

    #[test]
    fn each_trace_keeps_its_events_over_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let state_dir = Arc::new(StateDir::open(folder.path()).unwrap());
        let mut rings = Rings::in_folder(&state_dir);
        let traces = Traces::open(&mut rings, 2);
        let (writer, _) = rings.start().unwrap();
        let at = "2021-05-27T09:54:57.783Z".parse().unwrap();
        for (trace, event) in [
            (Trace::Licence, "renew-auth"),
            (Trace::Platform, "collection"),
            (Trace::CallHome, "request 1"),
            (Trace::CallHome, "request 2"),
            (Trace::CallHome, "request 3"),
        ] {
            traces.note(trace, at, event, "operator's\ncommand", "success");
        }
        drop(writer);
        let traces = Traces::open(&mut Rings::in_folder(&state_dir), 2);
        let shown: Vec<String> = Trace::ALL
            .into_iter()
            .flat_map(|trace| traces.entries(trace))
            .map(|entry| entry.to_string())
            .collect();
        assert_eq!(
            shown,
            [
                "May 27 09:54:57.783 renew-auth: operator's command -> success",
                "May 27 09:54:57.783 collection: operator's command -> success",
                "May 27 09:54:57.783 request 2: operator's command -> success",
                "May 27 09:54:57.783 request 3: operator's command -> success",
            ]
        );
    }
}
