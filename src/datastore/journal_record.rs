//! One commit as it is recorded, and running written whole.

use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::datastore::change_set::ChangeSet;
use crate::datastore::history::Author;

/// One commit: who, when, what.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Record {
    /// Who, when, with which words.
    pub author: Author,
    /// What; its result is the generation that the commit made. Empty, with the same generation as base and result,
    /// where only a confirmation was given or put off.
    #[serde(serialize_with = "shared", deserialize_with = "unshared")]
    pub change_set: Arc<ChangeSet>,
    /// Whether running after this commit still waits for its confirmation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub awaiting: Option<Awaiting>,
}

impl Record {
    /// The generation of running after it.
    pub fn generation(&self) -> u64 {
        self.change_set.result.unwrap_or(self.change_set.base)
    }
}

/// A confirmed commit that nobody has confirmed yet (RFC 6241 section 8.4). It needs no deadline here: a restart ends it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Awaiting {
    /// Generation of running before the first of the confirmed commits, to which it goes back.
    pub rollback_to: u64,
    /// The session that may confirm, where no token was given.
    pub session_id: u32,
    /// The token with which any session may confirm. It is not written down: after a restart nobody may.
    #[serde(skip)]
    pub persist: Option<String>,
}

/// Running, whole.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Snapshot {
    /// Generation of running.
    pub generation: u64,
    /// Who made it; nobody for the first.
    pub author: Option<Author>,
    /// Whether it waits for its confirmation.
    pub awaiting: Option<Awaiting>,
    /// The configuration: XML elements side by side.
    pub configuration: String,
}

fn shared<S: Serializer>(change_set: &Arc<ChangeSet>, serializer: S) -> Result<S::Ok, S::Error> {
    change_set.as_ref().serialize(serializer)
}

fn unshared<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Arc<ChangeSet>, D::Error> {
    ChangeSet::deserialize(deserializer).map(Arc::new)
}
