//! What a subscriber asks for, as it arrived.

use std::fmt;

use crate::management::request::{Filter, NmdaDatastore};

/// A subscription's parameters (RFC 8639 section 2.4.2, RFC 8641 section 4.4.1).
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Terms {
    /// What is followed; a modification need not repeat the name of a stream.
    pub target: Target,
    /// Which part of it.
    pub filter: FilterChoice,
    /// When it ends, a date and time as text.
    pub stop_time: Option<String>,
    /// The name of the identity, without prefix.
    pub encoding: Option<String>,
}

/// What is followed.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum Target {
    /// Nothing was said.
    #[default]
    Unstated,
    /// An event stream.
    Stream {
        /// Its name.
        name: Option<String>,
        /// Begins a replay, a date and time as text.
        replay_start_time: Option<String>,
    },
    /// A datastore.
    Datastore {
        /// Which.
        datastore: Subscribable,
        /// When its content is sent.
        trigger: Option<Trigger>,
    },
}

/// A datastore as a subscriber names it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Subscribable {
    /// One of this server's.
    Known(NmdaDatastore),
    /// Another identity.
    Other(String),
}

impl fmt::Display for Subscribable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Subscribable::Known(datastore) => datastore.fmt(f),
            Subscribable::Other(name) => f.write_str(name),
        }
    }
}

/// Which part is followed.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum FilterChoice {
    /// Everything, or as before.
    #[default]
    Unstated,
    /// A filter of the subscription's own.
    Own(Filter),
    /// A configured one, by name.
    Named(String),
}

/// When the content of a datastore is sent.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Trigger {
    /// Again and again.
    Periodic {
        /// Between two updates, in hundredths of a second.
        period: u32,
        /// Updates come at multiples of the period from here, a date and time as text.
        anchor_time: Option<String>,
    },
    /// When it has changed.
    OnChange {
        /// At least so long between two updates, in hundredths of a second.
        dampening_period: u32,
        /// Whether everything is sent in the beginning, and may be sent again.
        sync_on_start: bool,
        /// Changes that are not told.
        excluded: Vec<ChangeType>,
    },
}

/// What happened to a node (RFC 8641, typedef change-type).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum ChangeType {
    /// It appeared.
    Create,
    /// It went away.
    Delete,
    /// It appeared among entries that clients order.
    Insert,
    /// It changed its place among them.
    Move,
    /// It has another value.
    Replace,
}

impl ChangeType {
    /// All of them with their names.
    pub const ALL: [(&'static str, ChangeType); 5] = [
        ("create", ChangeType::Create),
        ("delete", ChangeType::Delete),
        ("insert", ChangeType::Insert),
        ("move", ChangeType::Move),
        ("replace", ChangeType::Replace),
    ];

    /// Its name in YANG.
    pub fn name(self) -> &'static str {
        match self {
            ChangeType::Create => "create",
            ChangeType::Delete => "delete",
            ChangeType::Insert => "insert",
            ChangeType::Move => "move",
            ChangeType::Replace => "replace",
        }
    }
}

/// An operation on subscriptions.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum SubscriptionOperation {
    /// Begin one (RFC 8639 section 2.4.2).
    Establish(Terms),
    /// Give one other terms (section 2.4.3).
    Modify {
        /// Its number.
        id: u32,
        /// What changes.
        terms: Terms,
    },
    /// End one of this session (section 2.4.4).
    Delete {
        /// Its number.
        id: u32,
    },
    /// End anybody's (section 2.4.5).
    Kill {
        /// Its number.
        id: u32,
    },
    /// Send everything again (RFC 8641 section 4.4.3).
    Resync {
        /// Its number.
        id: u32,
    },
}

impl SubscriptionOperation {
    /// What it is about, in a word or two: a stream, a datastore, or a subscription.
    pub fn subject(&self) -> Option<String> {
        match self {
            SubscriptionOperation::Establish(terms) => match &terms.target {
                Target::Unstated => None,
                Target::Stream { name, .. } => name.clone(),
                Target::Datastore { datastore, .. } => Some(datastore.to_string()),
            },
            SubscriptionOperation::Modify { id, .. }
            | SubscriptionOperation::Delete { id }
            | SubscriptionOperation::Kill { id }
            | SubscriptionOperation::Resync { id } => Some(format!("subscription {id}")),
        }
    }

    /// Module and name of the RPC.
    pub fn rpc(&self) -> (&'static str, &'static str) {
        const SUBSCRIBED: &str = "ietf-subscribed-notifications";
        match self {
            SubscriptionOperation::Establish(_) => (SUBSCRIBED, "establish-subscription"),
            SubscriptionOperation::Modify { .. } => (SUBSCRIBED, "modify-subscription"),
            SubscriptionOperation::Delete { .. } => (SUBSCRIBED, "delete-subscription"),
            SubscriptionOperation::Kill { .. } => (SUBSCRIBED, "kill-subscription"),
            SubscriptionOperation::Resync { .. } => ("ietf-yang-push", "resync-subscription"),
        }
    }
}
