//! The front desk's audit: what it notes of a request while it answers, and what it records when it has.

use std::collections::{BTreeSet, HashMap};
use std::sync::Mutex;

use crate::datastore::change_set::Change;
use crate::management::access::judge::Judge;
use crate::management::audit::{
    AuditEvent, AuditRecord, AuditResult, AuditTrail, LoginAttempt, ending, only_reads, path_without_values,
    shortened, source_and_target,
};
use crate::management::base_events::Party;
use crate::management::desk::{Ending, Visitor};
use crate::management::error::{ErrorTag, ManagementError};
use crate::management::front_desk::{Desk, held};
use crate::management::request::{OperationHome, Request};
use crate::management::session_list::Session;

/// What was noted of each session.
#[derive(Default)]
pub(in crate::management) struct Notebook {
    sessions: Mutex<HashMap<u32, Notes>>,
}

#[derive(Default)]
struct Notes {
    /// The record of the request that is answered now, as far as it is known.
    record: Option<AuditRecord>,
    /// Notifications that were held back.
    held_back: BTreeSet<(String, String)>,
}

/// A request whose record is to be made.
pub(in crate::management) struct Audited {
    session_id: u32,
    visitor: Visitor,
    module: Option<String>,
    operation: String,
    source: Option<String>,
    target: Option<String>,
    only_reads: bool,
}

impl Desk {
    fn trail(&self) -> Option<&dyn AuditTrail> {
        self.parts.audit.as_deref()
    }

    /// A request begins; `None` when nobody wants its record.
    pub(in crate::management) fn audited(&self, session_id: u32, request: &Request) -> Option<Audited> {
        self.trail()?;
        // Its session's end is recorded.
        if *request == Request::CloseSession {
            return None;
        }
        let visitor = held(&self.parts.sessions).session(session_id)?.visitor.clone();
        let (home, operation) = request.operation();
        let module = match home {
            OperationHome::Module(module) => Some(module.to_owned()),
            OperationHome::Namespace(namespace) => {
                let module = self.schema().module_of_namespace(namespace);
                module.map(|module| module.name.clone())
            }
        };
        let (source, target) = source_and_target(request);
        let mut sessions = held(&self.notebook.sessions);
        let notes = sessions.entry(session_id).or_default();
        notes.record = Some(AuditRecord::of(AuditEvent::Operation, (self.parts.now)()));
        Some(Audited {
            session_id,
            visitor,
            module,
            operation: shortened(operation),
            source,
            target,
            only_reads: only_reads(request),
        })
    }

    /// A request was answered.
    pub(in crate::management) fn record(&self, audited: Audited, refused: Option<&[ManagementError]>) {
        let Some(trail) = self.trail() else { return };
        let noted = held(&self.notebook.sessions)
            .get_mut(&audited.session_id)
            .and_then(|notes| notes.record.take());
        let noted = noted.unwrap_or_else(|| AuditRecord::of(AuditEvent::Operation, (self.parts.now)()));
        let error = refused.and_then(|errors| errors.first());
        let result = match error {
            None => AuditResult::Ok,
            Some(error) if error.tag == ErrorTag::AccessDenied => AuditResult::Denied,
            Some(_) => AuditResult::Refused,
        };
        let is_quiet = result != AuditResult::Denied && noted.hidden.is_none();
        if audited.only_reads && is_quiet && !trail.keeps_reads() {
            return;
        }
        let record = AuditRecord {
            module: audited.module,
            operation: Some(audited.operation),
            source: audited.source,
            target: audited.target,
            result,
            error: error.map(|error| error.tag.as_str()),
            error_path: error
                .and_then(|error| error.path.as_deref())
                .map(path_without_values),
            ..noted
        };
        trail.record(record.by(audited.session_id, &audited.visitor));
    }

    fn note(&self, session_id: u32, note: impl FnOnce(&mut AuditRecord)) {
        let mut sessions = held(&self.notebook.sessions);
        if let Some(record) = sessions
            .get_mut(&session_id)
            .and_then(|notes| notes.record.as_mut())
        {
            note(record);
        }
    }

    /// What the request of a session changes, or is to change. An edit that is tested first is noted once.
    pub(in crate::management) fn note_changes(&self, session_id: u32, changes: &[Change]) {
        if self.trail().is_some() {
            self.note(session_id, |record| {
                *record = record.clone().changing(changes);
            });
        }
    }

    /// Which rule denied the request of a session.
    pub(in crate::management) fn note_denied(&self, session_id: u32, by: String) {
        if self.trail().is_some() {
            self.note(session_id, |record| record.denied_by = Some(by));
        }
    }

    /// What a reply left out.
    pub(in crate::management) fn note_hidden(&self, session_id: u32, judge: Option<&Judge<'_>>) {
        let Some(judge) = judge.filter(|_| self.trail().is_some()) else {
            return;
        };
        if let Some((hidden, by)) = judge.hidden() {
            self.note(session_id, |record| {
                record.hidden = Some(hidden);
                record.denied_by = Some(by);
            });
        }
    }

    /// A notification is held back from a session.
    pub(in crate::management) fn record_held_back(
        &self,
        session_id: u32,
        module: &str,
        name: &str,
        by: String,
    ) {
        let Some(trail) = self.trail() else { return };
        let Some(visitor) = held(&self.parts.sessions)
            .session(session_id)
            .map(|session| session.visitor.clone())
        else {
            return;
        };
        let is_new = held(&self.notebook.sessions)
            .entry(session_id)
            .or_default()
            .held_back
            .insert((module.to_owned(), name.to_owned()));
        if is_new {
            let record = AuditRecord {
                module: Some(module.to_owned()),
                operation: Some(name.to_owned()),
                result: AuditResult::Denied,
                denied_by: Some(by),
                ..AuditRecord::of(AuditEvent::Notification, (self.parts.now)())
            };
            trail.record(record.by(session_id, &visitor));
        }
    }

    /// A login, or an attempt at one.
    pub(in crate::management) fn record_login(&self, attempt: LoginAttempt) {
        if let Some(trail) = self.trail() {
            trail.record(attempt.record((self.parts.now)()));
        }
    }

    /// A session began.
    pub(in crate::management) fn record_start(&self, session_id: u32) {
        let Some(trail) = self.trail() else { return };
        let record = AuditRecord::of(AuditEvent::SessionStart, (self.parts.now)());
        let record = held(&self.parts.sessions)
            .session(session_id)
            .map(|session| record.by(session_id, &session.visitor));
        if let Some(record) = record {
            trail.record(record);
        }
    }

    /// A session ended.
    pub(in crate::management) fn record_end(
        &self,
        session_id: u32,
        session: &Session,
        how: Ending,
        killer: Option<u32>,
    ) {
        let Some(trail) = self.trail() else { return };
        held(&self.notebook.sessions).remove(&session_id);
        let why = match killer {
            None => ending(how).to_owned(),
            Some(killer) => format!("{} by session {killer}", ending(how)),
        };
        let record = AuditRecord {
            why: Some(why),
            ..AuditRecord::of(AuditEvent::SessionEnd, (self.parts.now)())
        };
        trail.record(record.by(session_id, &session.visitor));
    }

    /// The agent takes back a commit, or cannot yet.
    pub(in crate::management) fn record_rollback(&self, by: &Party, why: &str, changes: Option<&[Change]>) {
        let Some(trail) = self.trail() else { return };
        let record = AuditRecord {
            target: Some("running".to_owned()),
            why: Some(why.to_owned()),
            ..AuditRecord::of(AuditEvent::Rollback, (self.parts.now)())
        };
        let record = match changes {
            Some(changes) => record.changing(changes),
            None => AuditRecord {
                result: AuditResult::Refused,
                ..record
            },
        };
        trail.record(match by {
            Party::Server => record,
            Party::Session {
                session_id,
                user,
                from,
            } => AuditRecord {
                session_id: Some(*session_id),
                user: Some(shortened(user)),
                from: Some(from.clone()),
                ..record
            },
        });
    }
}
