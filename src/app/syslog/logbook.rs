//! The logbook: everybody's way to the log, the traces and the alarms; numbers and times are given here.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use crate::app::alarm_board::{AlarmBoard, Changes};
use crate::app::alarms::Conditions;
use crate::app::clock::Clock;
use crate::app::settings::SyslogSettings;
use crate::app::syslog::durable_ring::{DurableRing, RingWriter, Rings};
use crate::app::syslog::message::{Draft, Message, Process, Severity};
use crate::app::trace_ring::{Trace, Traces};
use crate::state_dir::StateDir;

/// The log, the traces and the alarms; clones share them. Nobody who logs waits for a disk or a remote host.
#[derive(Clone)]
pub struct Logbook {
    clock: Arc<dyn Clock>,
    messages: DurableRing<Message>,
    traces: Traces,
    alarms: AlarmBoard,
    writer: Arc<RingWriter>,
}

/// The process that speaks for the log itself.
pub const SYSLOG_PROCESS: Process = Process {
    name: "syslogd",
    id: 298,
};

impl Logbook {
    /// Opens what the state folder holds. Losses are told in the log itself.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn open(
        clock: Arc<dyn Clock>,
        state_dir: &Arc<StateDir>,
        settings: &SyslogSettings,
    ) -> io::Result<Logbook> {
        Logbook::start(clock, Rings::in_folder(state_dir), settings)
    }

    /// One that is gone with the process: for reports and tests.
    ///
    /// # Errors
    /// As [`Logbook::open`].
    pub fn in_memory(clock: Arc<dyn Clock>, settings: &SyslogSettings) -> io::Result<Logbook> {
        Logbook::start(clock, Rings::in_memory(), settings)
    }

    fn start(clock: Arc<dyn Clock>, mut rings: Rings, settings: &SyslogSettings) -> io::Result<Logbook> {
        let messages = rings.open("syslog.ring", settings.messages);
        let traces = Traces::open(&mut rings, settings.trace_entries);
        let alarms = AlarmBoard::open(&mut rings);
        let (writer, losses) = rings.start()?;
        let logbook = Logbook {
            clock,
            messages,
            traces,
            alarms,
            writer: Arc::new(writer),
        };
        for loss in losses {
            logbook.log(Draft {
                process: SYSLOG_PROCESS,
                category: "OS",
                group: "SYSLOG",
                severity: Severity::Warning,
                name: "LOG_DAMAGED",
                text: loss,
            });
        }
        Ok(logbook)
    }

    /// Logs a message.
    pub fn log(&self, draft: Draft) {
        let at = self.clock.now();
        let message = self
            .messages
            .push(|number| draft.logged(u32::try_from(number).unwrap_or(u32::MAX), at));
        let Message { text, .. } = message.as_ref();
        match message.severity {
            Severity::Emergency | Severity::Alert | Severity::Critical | Severity::Error => {
                tracing::error!("%{} : {text}", message.code());
            }
            Severity::Warning => tracing::warn!("%{} : {text}", message.code()),
            Severity::Notice | Severity::Informational => tracing::info!("%{} : {text}", message.code()),
            Severity::Debug => tracing::debug!("%{} : {text}", message.code()),
        }
    }

    /// Notes an event in a trace.
    pub fn trace(&self, trace: Trace, event: &str, cause: &str, outcome: &str) {
        self.traces.note(trace, self.clock.now(), event, cause, outcome);
    }

    /// The messages.
    pub fn messages(&self) -> &DurableRing<Message> {
        &self.messages
    }

    /// The traces.
    pub fn traces(&self) -> &Traces {
        &self.traces
    }

    /// The alarms.
    pub fn alarms(&self) -> &AlarmBoard {
        &self.alarms
    }

    /// From now on these conditions stand and no others; what changes is logged.
    pub fn conditions(&self, conditions: Conditions) -> Changes {
        let changes = self.alarms.update(conditions, self.clock.now());
        for draft in changes.messages() {
            self.log(draft);
        }
        changes
    }

    /// Waits until everything logged before is written down, or could not be; no longer than `patience`.
    pub fn flush(&self, patience: Duration) {
        self.writer.flush(patience);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::clock::ManualClock;
    use crate::app::syslog::message::example;

    #[test]
    fn messages_get_number_and_time_and_survive_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let state_dir = Arc::new(StateDir::open(folder.path()).unwrap());
        let clock = ManualClock::starting_at("2021-05-27T09:54:57.783Z".parse().unwrap());
        let open = || Logbook::open(Arc::new(clock.clone()), &state_dir, &SyslogSettings::default()).unwrap();
        let logbook = open();
        logbook.log(example::draft());
        clock.advance(Duration::from_secs(1));
        logbook.log(example::draft());
        logbook.trace(Trace::Licence, "event", "cause", "outcome");
        drop(logbook);
        let logbook = open();
        let shown: Vec<(u32, String)> = logbook
            .messages()
            .entries()
            .iter()
            .map(|message| (message.id, message.time_of_day()))
            .collect();
        assert_eq!(
            shown,
            [
                (1, "May 27 09:54:57.783".to_owned()),
                (2, "May 27 09:54:58.783".to_owned())
            ]
        );
        assert_eq!(logbook.traces().entries(Trace::Licence).len(), 1);
    }

    #[test]
    fn a_torn_tail_is_told_in_the_log_itself() {
        let folder = tempfile::tempdir().unwrap();
        let state_dir = Arc::new(StateDir::open(folder.path()).unwrap());
        let clock: Arc<dyn Clock> = Arc::new(ManualClock::starting_at(jiff::Timestamp::UNIX_EPOCH));
        let open = || Logbook::open(Arc::clone(&clock), &state_dir, &SyslogSettings::default()).unwrap();
        let logbook = open();
        logbook.log(example::draft());
        logbook.log(example::draft());
        drop(logbook);
        let path = state_dir.file("syslog.ring");
        let content = std::fs::read(&path).unwrap();
        std::fs::write(&path, &content[..content.len() - 9]).unwrap();
        let messages = open().messages().entries();
        assert_eq!(messages.len(), 2);
        assert_eq!(messages[1].code(), "OS-SYSLOG-4-LOG_DAMAGED");
        assert!(messages[1].text.ends_with("the last record was cut off"));
    }
}
