//! partial-lock and partial-unlock: parts of running for one session alone (RFC 5717).

use std::fmt::Write;

use crate::datastore::change_set::Change;
use crate::datastore::lock::Lockable;
use crate::datastore::partial_lock::PartialLock;
use crate::management::access::judge::Judge;
use crate::management::error::{ErrorTag, ManagementError};
use crate::management::front_desk::{Answer, Desk, held, one};
use crate::management::request::{Reply, Select};
use crate::yang::error::{DataError, DataErrorTag};
use crate::yang::path::InstancePath;
use crate::yang::print::{Readable, escape_attribute, escape_text};
use crate::yang::xpath_filter::XPathFilter;

const NAMESPACE: &str = "urn:ietf:params:xml:ns:netconf:partial-lock:1.0";

impl Desk {
    /// `<partial-lock>` (RFC 5717 section 2.4.1).
    pub(in crate::management) fn partial_lock(&self, session_id: u32, select: Vec<Select>) -> Answer {
        // Waits until no change is under way.
        let committing = held(&self.committing);
        if let Some(owner) = committing.owner().filter(|owner| *owner != session_id) {
            let message =
                format!("partial-lock: a confirmed commit of session {owner} awaits its confirmation");
            return Err(one(denied(message, owner, Some("outstanding-confirmed-commit"))));
        }
        let nodes = self.selected_nodes(session_id, &select)?;
        let mut locks = held(&self.parts.locks);
        if let Some(global) = locks.holder(Lockable::Running) {
            let message = format!(
                "partial-lock: session {} holds the lock on running",
                global.session_id
            );
            return Err(one(denied(message, global.session_id, None)));
        }
        let lock = PartialLock {
            session_id,
            since: (self.parts.now)(),
            select: select.into_iter().map(|select| select.expression).collect(),
            nodes: nodes.clone(),
        };
        let lock_id = locks.partial.lock(lock).map_err(|holder| {
            let message = format!("partial-lock: session {holder} holds a lock on part of it");
            one(denied(message, holder, None))
        })?;
        let mut output = format!("<lock-id xmlns=\"{NAMESPACE}\">{lock_id}</lock-id>");
        for node in &nodes {
            let (identifier, namespaces) = node.to_identifier(self.schema());
            let _ = write!(output, "<locked-node xmlns=\"{NAMESPACE}\"");
            for (prefix, namespace) in namespaces {
                let _ = write!(output, " xmlns:{prefix}=\"{}\"", escape_attribute(&namespace));
            }
            let _ = write!(output, ">{}</locked-node>", escape_text(&identifier));
        }
        Ok(Reply::Output(output))
    }

    /// `<partial-unlock>` (RFC 5717 section 2.4.2).
    pub(in crate::management) fn partial_unlock(&self, session_id: u32, lock_id: u32) -> Answer {
        if held(&self.parts.locks).partial.unlock(lock_id, session_id) {
            return Ok(Reply::Ok);
        }
        let message = format!("partial-unlock: this session holds no partial lock {lock_id}");
        let error = ManagementError::protocol(ErrorTag::InvalidValue, message);
        Err(one(error.with_info("bad-element", "lock-id")))
    }

    /// Refuses changes of what another session has locked.
    pub(in crate::management) fn not_partially_locked(
        &self,
        session_id: u32,
        changes: &[Change],
    ) -> Result<(), Vec<DataError>> {
        let locks = held(&self.parts.locks);
        let locked = changes.iter().find_map(|change| {
            let holder = locks.partial.holder(change.path(), session_id)?;
            Some((change.path(), holder))
        });
        match locked {
            None => Ok(()),
            Some((path, holder)) => {
                let message = format!("session {holder} holds a partial lock on {path} or a part of it");
                Err(vec![
                    DataError::new(DataErrorTag::InUse, message).at(self.schema(), path),
                ])
            }
        }
    }

    /// What all expressions select in running, outermost nodes alone.
    fn selected_nodes(
        &self,
        session_id: u32,
        select: &[Select],
    ) -> Result<Vec<InstancePath>, Vec<ManagementError>> {
        let permit = self.permit(session_id);
        let judge = Judge::of(&permit);
        let readable = judge.as_ref().map(|judge| judge as &dyn Readable);
        let running = &self.parts.datastores.running().tree;
        let mut nodes: Vec<InstancePath> = Vec::new();
        for Select {
            expression,
            namespaces,
        } in select
        {
            let found = XPathFilter::bind(self.schema(), expression, namespaces)
                .and_then(|filter| filter.paths(running, readable))
                .map_err(|error| one(ManagementError::from(error)))?;
            nodes.extend(found);
        }
        nodes.sort();
        // What lies within a path comes right after it.
        nodes.dedup_by(|inner, outer| inner.is_within(outer));
        if nodes.is_empty() {
            let expressions: Vec<&str> = select.iter().map(|select| select.expression.as_str()).collect();
            let message = format!(
                "partial-lock: {} selects nothing in running",
                expressions.join(" | ")
            );
            return Err(one(ManagementError {
                app_tag: Some("no-matches".to_owned()),
                ..ManagementError::protocol(ErrorTag::OperationFailed, message)
            }));
        }
        Ok(nodes)
    }
}

fn denied(message: String, holder: u32, app_tag: Option<&str>) -> ManagementError {
    ManagementError {
        app_tag: app_tag.map(str::to_owned),
        ..ManagementError::protocol(ErrorTag::LockDenied, message).with_info("session-id", holder.to_string())
    }
}
