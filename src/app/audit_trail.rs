//! The audit log: events go through a bounded queue to a thread that writes them to a file, to the log, or to both.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::thread;
use std::time::Duration;

use jiff::Timestamp;
use tokio::task::spawn_blocking;

use crate::app::audit_file::AuditFile;
use crate::app::clock::Clock;
use crate::app::reporting::Reporting;
use crate::app::settings::AuditSettings;
use crate::app::start_error::StartError;
use crate::app::syslog::logbook::Logbook;
use crate::app::syslog::message::{AUDIT, Draft, LONGEST, Process, Severity};
use crate::datastore::change_set::ChangeSet;
use crate::management::audit::{AuditEvent, AuditRecord, AuditResult, AuditTrail};

/// Events that wait to be written; more are dropped and counted, for nobody who is audited waits for a disk.
const QUEUE: usize = 8_192;
/// Events that are written at once, at most.
const TOGETHER: usize = 256;
/// How long the end of the agent waits for the disk.
const PATIENCE: Duration = Duration::from_secs(2);

/// The way into the log; clones share it.
#[derive(Clone)]
pub struct AuditLog {
    queue: SyncSender<Entry>,
    dropped: Arc<AtomicU64>,
}

enum Entry {
    Record(Box<AuditRecord>),
    /// Everything before it is to be on disk.
    Flush(SyncSender<()>),
}

impl AuditLog {
    /// Starts it, when the settings want it.
    ///
    /// # Errors
    /// When its file cannot be written, or the system gives no thread.
    pub fn start(
        settings: &AuditSettings,
        reporting: &Reporting,
        clock: &Arc<dyn Clock>,
    ) -> Result<Option<AuditLog>, StartError> {
        if settings.file.is_none() && !settings.syslog {
            return Ok(None);
        }
        let file = settings
            .file
            .as_deref()
            .map(|path| {
                AuditFile::open(path, settings.max_bytes, settings.old_files).map_err(|cause| {
                    StartError::Audit {
                        path: path.to_owned(),
                        cause,
                    }
                })
            })
            .transpose()?;
        let logbook = settings.syslog.then(|| reporting.logbook().clone());
        let log = AuditLog::writing(file, logbook, Arc::clone(clock));
        log.map(Some).map_err(StartError::Thread)
    }

    fn writing(
        file: Option<AuditFile>,
        logbook: Option<Logbook>,
        clock: Arc<dyn Clock>,
    ) -> std::io::Result<AuditLog> {
        let (queue, entries) = sync_channel(QUEUE);
        let dropped = Arc::new(AtomicU64::new(0));
        let writer = Writer {
            file,
            logbook,
            clock,
            dropped: Arc::clone(&dropped),
            is_failing: false,
        };
        thread::Builder::new()
            .name("audit".to_owned())
            .spawn(move || writer.run(&entries))?;
        Ok(AuditLog { queue, dropped })
    }

    /// Adds one event; it is dropped and counted when too many wait.
    pub fn record(&self, record: AuditRecord) {
        if let Err(TrySendError::Full(_)) = self.queue.try_send(Entry::Record(Box::new(record))) {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// A commit that nobody had confirmed was taken back before the first session.
    pub fn rolled_back_at_start(&self, undone: &ChangeSet, now: Timestamp) {
        let record = AuditRecord {
            target: Some("running".to_owned()),
            why: Some("the agent was started anew".to_owned()),
            ..AuditRecord::of(AuditEvent::Rollback, now)
        };
        self.record(record.changing(&undone.changes));
    }

    /// Waits until what was recorded is on disk, within reason.
    pub async fn finish(self) {
        // An error means that the runtime ends and takes no more work.
        spawn_blocking(move || self.flush()).await.ok();
    }

    fn flush(&self) {
        let (done, written) = sync_channel(1);
        if self.queue.try_send(Entry::Flush(done)).is_ok() {
            let _: Result<(), RecvTimeoutError> = written.recv_timeout(PATIENCE);
        }
    }
}

/// The log as the front desk writes it.
pub struct DeskAudit {
    /// Where.
    pub log: AuditLog,
    /// Whether reading is recorded where nothing was denied.
    pub reads: bool,
}

impl AuditTrail for DeskAudit {
    fn record(&self, record: AuditRecord) {
        self.log.record(record);
    }

    fn keeps_reads(&self) -> bool {
        self.reads
    }
}

struct Writer {
    file: Option<AuditFile>,
    logbook: Option<Logbook>,
    clock: Arc<dyn Clock>,
    dropped: Arc<AtomicU64>,
    is_failing: bool,
}

impl Writer {
    /// Until the last way into the log is gone.
    fn run(mut self, entries: &Receiver<Entry>) {
        while let Ok(first) = entries.recv() {
            let mut records = Vec::new();
            let mut flushes = Vec::new();
            let more = entries.try_iter().take(TOGETHER);
            for entry in std::iter::once(first).chain(more) {
                match entry {
                    Entry::Record(record) => records.push(*record),
                    Entry::Flush(done) => flushes.push(done),
                }
            }
            self.write(&records);
            if let (Some(file), false) = (&self.file, flushes.is_empty())
                && let Err(error) = file.sync()
            {
                tracing::error!(%error, "the audit log may not be on disk");
            }
            for done in flushes {
                // Whoever waited may have lost patience.
                let _ = done.send(());
            }
        }
    }

    fn write(&mut self, records: &[AuditRecord]) {
        if let Some(logbook) = &self.logbook {
            records.iter().for_each(|record| logbook.log(draft(record)));
        }
        let Some(file) = &mut self.file else { return };
        let lost = self.dropped.swap(0, Ordering::Relaxed);
        let mut lines = String::new();
        if lost > 0 {
            let now = self.clock.now();
            lines = format!("{{\"time\":\"{now}\",\"event\":\"lost\",\"events\":{lost}}}\n");
        }
        for record in records {
            lines.push_str(&line(record));
            lines.push('\n');
        }
        if lines.is_empty() {
            return;
        }
        match file.append(&lines) {
            Ok(()) if self.is_failing => {
                self.is_failing = false;
                tracing::warn!(lost, "the audit log can be written again");
            }
            Ok(()) => {}
            Err(error) => {
                self.dropped
                    .fetch_add(lost + records.len() as u64, Ordering::Relaxed);
                if !self.is_failing {
                    self.is_failing = true;
                    tracing::error!(%error, "the audit log cannot be written: its events are lost and counted");
                }
            }
        }
    }
}

/// A record holds texts and numbers alone, so it always has a line.
fn line(record: &AuditRecord) -> String {
    serde_json::to_string(record).unwrap_or_default()
}

/// An event as a message of the log, with as many of its paths as have room.
fn draft(record: &AuditRecord) -> Draft {
    let mut text = line(record);
    let mut fewer = record.clone();
    while text.len() > LONGEST && fewer.paths.pop().is_some() {
        text = line(&fewer);
    }
    let (category, group) = AUDIT;
    Draft {
        process: PROCESS,
        category,
        group,
        severity: match record.result {
            AuditResult::Ok => Severity::Informational,
            AuditResult::Refused => Severity::Notice,
            AuditResult::Denied => Severity::Warning,
        },
        name: match record.event {
            AuditEvent::Login => "LOGIN",
            AuditEvent::SessionStart => "SESSION_START",
            AuditEvent::SessionEnd => "SESSION_END",
            AuditEvent::Operation => "OPERATION",
            AuditEvent::Notification => "NOTIFICATION",
            AuditEvent::Rollback => "ROLLBACK",
        },
        text,
    }
}

/// The process that speaks for the audit log.
const PROCESS: Process = Process {
    name: "netconf",
    id: 1_152,
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::clock::ManualClock;
    use crate::app::settings::SyslogSettings;

    fn clock() -> Arc<dyn Clock> {
        Arc::new(ManualClock::starting_at(Timestamp::UNIX_EPOCH))
    }

    fn event() -> AuditRecord {
        AuditRecord::of(AuditEvent::Login, Timestamp::UNIX_EPOCH)
    }

    #[test]
    fn what_a_full_disk_cost_is_told_when_there_is_room_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("audit.log");
        std::os::unix::fs::symlink("/dev/full", &path).unwrap();
        let file = AuditFile::open(&path, 10_000, 1).unwrap();
        let log = AuditLog::writing(Some(file), None, clock()).unwrap();
        for _ in 0..3 {
            log.record(event());
            log.flush();
        }
        std::fs::remove_file(&path).unwrap();
        log.record(event());
        log.flush();
        let text = std::fs::read_to_string(&path).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(
            lines,
            [
                "{\"time\":\"1970-01-01T00:00:00Z\",\"event\":\"lost\",\"events\":3}",
                "{\"time\":\"1970-01-01T00:00:00Z\",\"event\":\"login\",\"result\":\"ok\"}"
            ]
        );
    }

    #[test]
    fn in_the_log_an_event_stays_whole_json_whatever_it_changes() {
        let logbook = Logbook::in_memory(clock(), &SyslogSettings::default()).unwrap();
        let log = AuditLog::writing(None, Some(logbook.clone()), clock()).unwrap();
        log.record(AuditRecord {
            paths: vec![format!("set /m:{}", "x".repeat(200)); 32],
            result: AuditResult::Denied,
            ..event()
        });
        log.flush();
        let messages = logbook.messages().entries();
        let message = messages.last().unwrap();
        assert_eq!(message.code(), "SECURITY-AUDIT-4-LOGIN");
        let told: serde_json::Value = serde_json::from_str(&message.text).unwrap();
        assert_eq!(told["paths"].as_array().unwrap().len(), 4);
    }
}
