//! One event of the audit log: who, from where, what, with which result; never a value that was configured.

use jiff::Timestamp;
use serde::Serialize;

use crate::datastore::change_set::Change;
use crate::management::desk::{Ending, Visitor};
use crate::management::request::{ConfigSource, ConfigTarget, NmdaDatastore, Request};
use crate::yang::path::{Instance, InstancePath};

/// Keeps the audit log. Must not block.
pub trait AuditTrail: Send + Sync {
    /// Adds one event.
    fn record(&self, record: AuditRecord);

    /// Whether reading is to be recorded although nothing was denied.
    fn keeps_reads(&self) -> bool {
        false
    }
}

/// What kind of event.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum AuditEvent {
    /// Somebody tried to log in.
    Login,
    /// A session began.
    SessionStart,
    /// A session ended.
    SessionEnd,
    /// A session asked for something.
    Operation,
    /// A notification was held back from a session; recorded once for each notification of a module.
    Notification,
    /// The agent itself changed running.
    Rollback,
}

/// How it went.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum AuditResult {
    /// It was done.
    #[default]
    Ok,
    /// It was refused or failed.
    Refused,
    /// Access control did not permit it.
    Denied,
}

/// One event: one line of the log, whose names are these in kebab-case. What does not apply is left out.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct AuditRecord {
    /// When.
    pub time: Timestamp,
    /// What kind.
    pub event: AuditEvent,
    /// The user; none for the agent itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// Address and port of the other end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// `netconf-ssh`, as ietf-netconf-monitoring names it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub transport: Option<&'static str>,
    /// Number of the session.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session_id: Option<u32>,
    /// How somebody logged in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub method: Option<&'static str>,
    /// Fingerprint of the key or the certificate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// Module of the operation or notification.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub module: Option<String>,
    /// Name of the operation or notification.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operation: Option<String>,
    /// Where the operation takes from: a datastore, a URL without what stands before its `@`, or `config`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// What the operation is about: a datastore, a URL, a session.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// How many nodes or subtrees it changes, or was to change.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub changes: Option<usize>,
    /// The first of them, each after `create`, `delete`, `set` or `move`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub paths: Vec<String>,
    /// How many nodes a reply left out because they may not be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hidden: Option<usize>,
    /// How it went.
    pub result: AuditResult,
    /// `error-tag` of the first error.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<&'static str>,
    /// `error-path` of the first error.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_path: Option<String>,
    /// The rule that denied (`rule-list/rule`), or the default (`write-default`, `default-deny-all` …).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub denied_by: Option<String>,
    /// Why a login was refused, a session ended, or the agent rolled back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// So many paths are told, the rest is counted.
const MAX_PATHS: usize = 32;
/// A name that a client chose, such as a user, is cut after so many letters.
const LONGEST_NAME: usize = 128;

impl AuditRecord {
    /// An event of the agent itself that went well.
    pub fn of(event: AuditEvent, time: Timestamp) -> AuditRecord {
        AuditRecord {
            time,
            event,
            user: None,
            from: None,
            transport: None,
            session_id: None,
            method: None,
            key: None,
            module: None,
            operation: None,
            source: None,
            target: None,
            changes: None,
            paths: Vec::new(),
            hidden: None,
            result: AuditResult::Ok,
            error: None,
            error_path: None,
            denied_by: None,
            why: None,
        }
    }

    /// The same by a session.
    pub fn by(self, session_id: u32, visitor: &Visitor) -> AuditRecord {
        AuditRecord {
            user: Some(shortened(&visitor.user)),
            from: Some(visitor.from.clone()),
            transport: Some(visitor.transport),
            session_id: Some(session_id),
            ..self
        }
    }

    /// The same, with what changes.
    pub fn changing(self, changes: &[Change]) -> AuditRecord {
        AuditRecord {
            changes: Some(changes.len()),
            paths: told(changes),
            ..self
        }
    }
}

/// A login, or an attempt at one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LoginAttempt {
    /// Who it is to be.
    pub user: String,
    /// Address of the other end.
    pub from: String,
    /// By which transport.
    pub transport: &'static str,
    /// `publickey`, `password`, `certificate`.
    pub method: &'static str,
    /// Fingerprint of the key or certificate.
    pub key: Option<String>,
    /// Why it was refused; `None` when it was not.
    pub refused: Option<&'static str>,
}

impl LoginAttempt {
    /// Its line in the log.
    pub fn record(self, now: Timestamp) -> AuditRecord {
        AuditRecord {
            user: Some(shortened(&self.user)),
            from: Some(self.from),
            transport: Some(self.transport),
            method: Some(self.method),
            key: self.key,
            result: match self.refused {
                None => AuditResult::Ok,
                Some(_) => AuditResult::Refused,
            },
            why: self.refused.map(str::to_owned),
            ..AuditRecord::of(AuditEvent::Login, now)
        }
    }
}

/// Where an operation takes from and what it is about.
pub fn source_and_target(request: &Request) -> (Option<String>, Option<String>) {
    let datastore = |name: &dyn std::fmt::Display| Some(name.to_string());
    match request {
        Request::GetConfig { source, .. } => (datastore(source), None),
        Request::GetData(query) => (datastore(&query.datastore), None),
        Request::Compare(comparison) => (datastore(&comparison.source), datastore(&comparison.target)),
        Request::EditConfig { target, config, .. } => (outside(config), datastore(target)),
        Request::EditData {
            datastore: target,
            config,
            ..
        } => (outside(config), Some(target.to_string())),
        Request::CopyConfig { source, target, .. } => (Some(of_source(source)), Some(of_target(target))),
        Request::DeleteConfig { target } => (None, Some(of_target(target))),
        Request::Lock { target } | Request::Unlock { target } => (None, datastore(target)),
        Request::Validate { source } => (Some(of_source(source)), None),
        Request::Commit { .. } => (Some("candidate".to_owned()), Some("running".to_owned())),
        Request::CancelCommit { .. } | Request::PartialLock { .. } => (None, Some("running".to_owned())),
        Request::DiscardChanges => (None, Some("candidate".to_owned())),
        Request::KillSession { session_id } => (None, Some(format!("session {session_id}"))),
        Request::GetSchema { identifier, .. } => (None, Some(shortened(identifier))),
        Request::PartialUnlock { lock_id } => (None, Some(format!("lock {lock_id}"))),
        Request::CreateSubscription(request) => (None, request.stream.as_deref().map(shortened)),
        Request::Subscription(operation) => (None, operation.subject().as_deref().map(shortened)),
        Request::Get { .. } | Request::CloseSession | Request::Rpc { .. } => (None, None),
    }
}

/// Whether an operation only looks.
pub fn only_reads(request: &Request) -> bool {
    match request {
        Request::Get { .. }
        | Request::GetConfig { .. }
        | Request::GetData(_)
        | Request::GetSchema { .. }
        | Request::Compare(_)
        | Request::Validate { .. } => true,
        Request::EditConfig { .. }
        | Request::EditData { .. }
        | Request::CopyConfig { .. }
        | Request::DeleteConfig { .. }
        | Request::Lock { .. }
        | Request::Unlock { .. }
        | Request::Commit { .. }
        | Request::CancelCommit { .. }
        | Request::DiscardChanges
        | Request::CloseSession
        | Request::KillSession { .. }
        | Request::PartialLock { .. }
        | Request::PartialUnlock { .. }
        | Request::CreateSubscription(_)
        | Request::Subscription(_)
        | Request::Rpc { .. } => false,
    }
}

/// A session's end in one word.
pub fn ending(ending: Ending) -> &'static str {
    match ending {
        Ending::Closed => "closed",
        Ending::Dropped => "dropped",
        Ending::Killed => "killed",
        Ending::BadMessage => "bad-message",
        Ending::BadHello => "bad-hello",
        Ending::TimedOut => "timeout",
        Ending::FellBehind => "fell-behind",
    }
}

/// An edit from elsewhere; one that came with the request is not worth a word.
fn outside(config: &ConfigSource) -> Option<String> {
    match config {
        ConfigSource::Inline(_) => None,
        other => Some(of_source(other)),
    }
}

fn of_source(source: &ConfigSource) -> String {
    match source {
        ConfigSource::Datastore(name) => name.to_string(),
        ConfigSource::Inline(_) => "config".to_owned(),
        ConfigSource::Url(url) => without_credentials(url),
    }
}

fn of_target(target: &ConfigTarget) -> String {
    match target {
        ConfigTarget::Datastore(name) => NmdaDatastore::Conventional(*name).to_string(),
        ConfigTarget::Url(url) => without_credentials(url),
    }
}

/// The first changes, in words without values.
fn told(changes: &[Change]) -> Vec<String> {
    changes
        .iter()
        .take(MAX_PATHS)
        .map(|change| {
            let verb = match change {
                Change::Insert { .. } => "create",
                Change::Remove { .. } => "delete",
                Change::Set { .. } => "set",
                Change::Move { .. } => "move",
            };
            format!("{verb} {}", harmless(change.path()))
        })
        .collect()
}

/// A path whose keys name entries. What a URL among them has before its `@` is no name, and neither is an entry of a leaf-list.
fn harmless(path: &InstancePath) -> InstancePath {
    let mut shown = InstancePath::root();
    for step in path.steps() {
        let mut step = step.clone();
        match &mut step.instance {
            Instance::Keys(keys) => {
                for (_, value) in keys {
                    *value = without_credentials(value);
                }
            }
            Instance::Value(_) => step.instance = Instance::Single,
            Instance::Single | Instance::Position(_) => {}
        }
        shown.push(step);
    }
    shown
}

/// An `error-path` in the same manner.
pub fn path_without_values(path: &str) -> String {
    let shown = path.split_once("[.=").map_or(path, |(before, _)| before);
    without_credentials(shown)
}

/// A URL, or a text that holds one, without user, password and what follows a `?`.
pub fn without_credentials(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("://") {
        shown.push_str(before);
        shown.push_str("://");
        let end = after
            .find(|letter: char| "/?#'\"]".contains(letter) || letter.is_whitespace())
            .unwrap_or(after.len());
        let (authority, tail) = after.split_at(end);
        shown.push_str(match authority.rsplit_once('@') {
            Some((_, host)) => host,
            None => authority,
        });
        let end = tail
            .find(|letter: char| "'\"]".contains(letter) || letter.is_whitespace())
            .unwrap_or(tail.len());
        let (place, further) = tail.split_at(end);
        shown.push_str(place.split(['?', '#']).next().unwrap_or_default());
        rest = further;
    }
    shown.push_str(rest);
    shown
}

/// What a client may choose at any length.
pub fn shortened(name: &str) -> String {
    match name.char_indices().nth(LONGEST_NAME) {
        None => name.to_owned(),
        Some((end, _)) => format!("{}…", name.get(..end).unwrap_or_default()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_one_line_with_nothing_that_does_not_apply() {
        let visitor = Visitor {
            user: "an\nna".to_owned(),
            from: "192.0.2.7:4711".to_owned(),
            transport: "netconf-ssh",
        };
        let record = AuditRecord::of(AuditEvent::SessionStart, Timestamp::UNIX_EPOCH).by(4, &visitor);
        assert_eq!(
            serde_json::to_string(&record).unwrap(),
            "{\"time\":\"1970-01-01T00:00:00Z\",\"event\":\"session-start\",\"user\":\"an\\nna\",\
             \"from\":\"192.0.2.7:4711\",\"transport\":\"netconf-ssh\",\"session-id\":4,\"result\":\"ok\"}"
        );
    }

    #[test]
    fn credentials_of_a_url_are_left_out_wherever_it_stands() {
        for (url, shown) in [
            ("https://anna:secret@host/a?token=secret", "https://host/a"),
            ("https://host:8443/a@b", "https://host:8443/a@b"),
            ("file:///backup.xml", "file:///backup.xml"),
            (
                "/x:y[if:z='ftp://u:secret@h/p?q'][k='v']",
                "/x:y[if:z='ftp://h/p'][k='v']",
            ),
            ("http://a:secret@h http://b:secret@i#secret", "http://h http://i"),
            ("Optics0/0/0/1", "Optics0/0/0/1"),
        ] {
            assert_eq!(without_credentials(url), shown);
        }
    }

    #[test]
    fn an_entry_of_a_leaf_list_is_a_value_and_not_shown() {
        let path = InstancePath::parse("/m:l[k='1']/v[.='secret']").unwrap();
        assert_eq!(harmless(&path).to_string(), "/m:l[k='1']/v");
        assert_eq!(
            path_without_values("/m:l[m:k='1']/m:v[.='sec]ret']"),
            "/m:l[m:k='1']/m:v"
        );
    }

    #[test]
    fn many_changes_are_counted_and_the_first_are_told() {
        let path = InstancePath::parse("/m:l[u='http://u:secret@h']/v").unwrap();
        let change = Change::Set {
            path,
            old: "secret".to_owned(),
            new: "secret".to_owned(),
        };
        let changes = vec![change; 100];
        let record = AuditRecord::of(AuditEvent::Operation, Timestamp::UNIX_EPOCH).changing(&changes);
        assert_eq!(record.changes, Some(100));
        assert_eq!(record.paths.len(), MAX_PATHS);
        assert_eq!(
            record.paths.first().map(String::as_str),
            Some("set /m:l[u='http://h']/v")
        );
    }

    #[test]
    fn a_name_of_any_length_is_cut() {
        assert_eq!(shortened(&"é".repeat(1_000)).chars().count(), LONGEST_NAME + 1);
        assert_eq!(shortened("anna"), "anna");
    }
}
