//! What a session may ask of the front desk, and what it answers, free of XML envelopes and typed lines.

use std::fmt;
use std::time::Duration;

use crate::management::body::Body;
use crate::management::subscription::terms::SubscriptionOperation;
use crate::yang::print::{Origin, WithDefaults};

/// A configuration datastore that a request names (RFC 6241 section 5.1).
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum DatastoreName {
    /// What the device runs.
    Running,
    /// The shared candidate (RFC 6241 section 8.3).
    Candidate,
    /// What the device runs after its next start (RFC 6241 section 8.7).
    Startup,
}

impl fmt::Display for DatastoreName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            DatastoreName::Running => "running",
            DatastoreName::Candidate => "candidate",
            DatastoreName::Startup => "startup",
        })
    }
}

/// `default-operation` of edit-config (RFC 6241 section 7.2).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum DefaultOperation {
    /// Merge with what is there.
    #[default]
    Merge,
    /// Replace what is there.
    Replace,
    /// Only what carries an operation of its own.
    None,
}

/// `test-option` of edit-config (RFC 6241 section 8.6.4.1).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum TestOption {
    /// Nothing was said: what is wrong in itself is refused, and what a commit would refuse is refused by the commit, for a
    /// candidate may be incomplete until then (section 8.3.1).
    #[default]
    Unstated,
    /// Validate, then set.
    TestThenSet,
    /// Set without a validation of the whole first.
    Set,
    /// Validate only; the datastore stays as it was.
    TestOnly,
}

/// `error-option` of edit-config (RFC 6241 section 7.2).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum ErrorOption {
    /// Stop at the first error; what was done before it stays.
    #[default]
    StopOnError,
    /// Go on after an error and report every one.
    ContinueOnError,
    /// After an error the datastore is as before.
    RollbackOnError,
}

/// A filter as it arrived.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum Filter {
    /// No `<filter>` element: everything.
    #[default]
    Everything,
    /// The content of a subtree filter, XML with every namespace in scope declared on its top elements.
    /// Empty content selects nothing (RFC 6241 section 6.4.2).
    Subtree(String),
    /// An XPath filter (section 8.9).
    XPath {
        /// The expression.
        select: String,
        /// Prefixes and namespaces in scope where it stands.
        namespaces: Vec<(String, String)>,
    },
}

/// An XPath expression with what its prefixes mean.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Select {
    /// The expression.
    pub expression: String,
    /// Prefixes and namespaces in scope where it stands.
    pub namespaces: Vec<(String, String)>,
}

/// A datastore of the NMDA that a request names (RFC 8342).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NmdaDatastore {
    /// One that is configured.
    Conventional(DatastoreName),
    /// What is in use: configuration with its defaults, and state.
    Operational,
}

impl fmt::Display for NmdaDatastore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NmdaDatastore::Conventional(name) => name.fmt(f),
            NmdaDatastore::Operational => f.write_str("operational"),
        }
    }
}

/// What get-data is to give (RFC 8526 section 3.1.1).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DataQuery {
    /// From where.
    pub datastore: NmdaDatastore,
    /// Which part.
    pub filter: Filter,
    /// Only configuration, or only state.
    pub config: Option<bool>,
    /// Only configuration of these origins.
    pub origins: Option<Vec<Origin>>,
    /// How many levels from each selected node on.
    pub max_depth: Option<u16>,
    /// Whether configuration tells its origin.
    pub with_origin: bool,
    /// What becomes of default values.
    pub with_defaults: Option<WithDefaults>,
}

/// What compare is to compare (RFC 9144 section 4).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Comparison {
    /// From this one.
    pub source: NmdaDatastore,
    /// To that one.
    pub target: NmdaDatastore,
    /// Also what only one of them can hold.
    pub all: bool,
    /// Whether the source's values tell their origin.
    pub report_origin: bool,
    /// Which part.
    pub filter: Filter,
}

/// A configuration given with a request: XML of the children of `<config>`, namespaces in scope declared on them.
pub type ConfigText = String;

/// A whole configuration, or an edit, and where it stands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ConfigSource {
    /// A datastore.
    Datastore(DatastoreName),
    /// Inside the request.
    Inline(ConfigText),
    /// Behind a URL (section 8.8).
    Url(String),
}

/// Where a whole configuration goes, or goes from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ConfigTarget {
    /// A datastore.
    Datastore(DatastoreName),
    /// Behind a URL (section 8.8).
    Url(String),
}

/// `<confirmed/>` and what goes with it (RFC 6241 section 8.4.5.1).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Confirmed {
    /// How long the confirmation may take.
    pub timeout: Duration,
    /// The token with which any session may confirm; without one only the same session may.
    pub persist: Option<String>,
}

impl Request {
    /// The plain commit.
    pub const COMMIT: Request = Request::Commit {
        confirmed: None,
        persist_id: None,
    };
}

/// `create-subscription` as it arrived (RFC 5277 section 2.1.1).
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct SubscriptionRequest {
    /// Name of the stream; NETCONF without.
    pub stream: Option<String>,
    /// Which events.
    pub filter: Filter,
    /// Begins a replay, a date and time as text.
    pub start_time: Option<String>,
    /// Ends the subscription, a date and time as text.
    pub stop_time: Option<String>,
}

/// One request, whichever door it came in by.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Request {
    /// Configuration and state (RFC 6241 section 7.7).
    Get {
        /// Which part.
        filter: Filter,
        /// What becomes of default values.
        with_defaults: WithDefaults,
    },
    /// Configuration (section 7.1).
    GetConfig {
        /// From where.
        source: DatastoreName,
        /// Which part.
        filter: Filter,
        /// What becomes of default values.
        with_defaults: WithDefaults,
    },
    /// Change a datastore (section 7.2).
    EditConfig {
        /// Which datastore.
        target: DatastoreName,
        /// For elements without an operation.
        default_operation: DefaultOperation,
        /// Validate first or only.
        test_option: TestOption,
        /// What to do at an error.
        error_option: ErrorOption,
        /// The edit; never a datastore.
        config: ConfigSource,
    },
    /// Make a whole configuration the content of another place (section 7.3).
    CopyConfig {
        /// From where.
        source: ConfigSource,
        /// To where.
        target: ConfigTarget,
        /// What becomes of default values on the way out to a URL.
        with_defaults: WithDefaults,
    },
    /// Empty a place that holds a configuration (section 7.4).
    DeleteConfig {
        /// Which place.
        target: ConfigTarget,
    },
    /// Take a datastore for this session alone (section 7.5).
    Lock {
        /// Which datastore.
        target: DatastoreName,
    },
    /// Give it back (section 7.6).
    Unlock {
        /// Which datastore.
        target: DatastoreName,
    },
    /// Check a configuration (section 8.6).
    Validate {
        /// Which one.
        source: ConfigSource,
    },
    /// Make the candidate running (sections 8.3.4.1 and 8.4.5.1).
    Commit {
        /// Running goes back unless somebody confirms.
        confirmed: Option<Confirmed>,
        /// The token of the confirmed commit that this one follows up or confirms.
        persist_id: Option<String>,
    },
    /// Undo a confirmed commit (section 8.4.4.1).
    CancelCommit {
        /// Its token.
        persist_id: Option<String>,
    },
    /// Make the candidate running's copy again (section 8.3.4.2).
    DiscardChanges,
    /// End this session (section 7.8). The session machine closes after the answer.
    CloseSession,
    /// End another session (section 7.9).
    KillSession {
        /// Whose number.
        session_id: u32,
    },
    /// A module's text (RFC 6022 section 3.1).
    GetSchema {
        /// Module or submodule.
        identifier: String,
        /// Revision; `None` for the only one.
        version: Option<String>,
        /// `yang` by default; as written in the request, prefix removed.
        format: Option<String>,
    },
    /// Data of any datastore (RFC 8526 section 3.1.1).
    GetData(DataQuery),
    /// Change a datastore, all or nothing (RFC 8526 section 3.1.2).
    EditData {
        /// Which datastore.
        datastore: NmdaDatastore,
        /// For elements without an operation.
        default_operation: DefaultOperation,
        /// The edit; never a datastore.
        config: ConfigSource,
    },
    /// What differs between two datastores (RFC 9144).
    Compare(Comparison),
    /// Parts of running for this session alone (RFC 5717 section 2.4.1).
    PartialLock {
        /// Which parts.
        select: Vec<Select>,
    },
    /// Give them back (RFC 5717 section 2.4.2).
    PartialUnlock {
        /// The number of the lock.
        lock_id: u32,
    },
    /// Follow an event stream (RFC 5277 section 2.1.1).
    CreateSubscription(SubscriptionRequest),
    /// Begin, change or end a dynamic subscription (RFC 8639 section 2.4).
    Subscription(SubscriptionOperation),
    /// An RPC that a YANG module defines: the whole element, namespaces in scope declared on it.
    Rpc {
        /// Local name, for logs and statistics.
        name: String,
        /// Its namespace.
        namespace: String,
        /// The element.
        document: String,
    },
}

impl Request {
    /// The operation's module and name, as access rules and logs name it; of an RPC, its namespace and name.
    pub fn operation(&self) -> (OperationHome<'_>, &str) {
        const BASE: OperationHome<'_> = OperationHome::Module("ietf-netconf");
        match self {
            Request::Get { .. } => (BASE, "get"),
            Request::GetConfig { .. } => (BASE, "get-config"),
            Request::EditConfig { .. } => (BASE, "edit-config"),
            Request::CopyConfig { .. } => (BASE, "copy-config"),
            Request::DeleteConfig { .. } => (BASE, "delete-config"),
            Request::Lock { .. } => (BASE, "lock"),
            Request::Unlock { .. } => (BASE, "unlock"),
            Request::Validate { .. } => (BASE, "validate"),
            Request::Commit { .. } => (BASE, "commit"),
            Request::CancelCommit { .. } => (BASE, "cancel-commit"),
            Request::DiscardChanges => (BASE, "discard-changes"),
            Request::CloseSession => (BASE, "close-session"),
            Request::KillSession { .. } => (BASE, "kill-session"),
            Request::GetSchema { .. } => (OperationHome::Module("ietf-netconf-monitoring"), "get-schema"),
            Request::GetData(_) => (OperationHome::Module("ietf-netconf-nmda"), "get-data"),
            Request::EditData { .. } => (OperationHome::Module("ietf-netconf-nmda"), "edit-data"),
            Request::Compare(_) => (OperationHome::Module("ietf-nmda-compare"), "compare"),
            Request::PartialLock { .. } => {
                (OperationHome::Module("ietf-netconf-partial-lock"), "partial-lock")
            }
            Request::PartialUnlock { .. } => (
                OperationHome::Module("ietf-netconf-partial-lock"),
                "partial-unlock",
            ),
            Request::CreateSubscription(_) => (OperationHome::Module("notifications"), "create-subscription"),
            Request::Subscription(operation) => {
                let (module, name) = operation.rpc();
                (OperationHome::Module(module), name)
            }
            Request::Rpc { name, namespace, .. } => (OperationHome::Namespace(namespace), name),
        }
    }
}

/// Where an operation is defined.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum OperationHome<'r> {
    /// In this module.
    Module(&'r str),
    /// In the module of this namespace, if there is one.
    Namespace(&'r str),
}

/// What the front desk answers when it does not refuse.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Reply {
    /// `<ok/>`
    Ok,
    /// `<data>`: the rendered XML of its children.
    Data(Body),
    /// The same of get-data, in its own namespace.
    NmdaData(Body),
    /// The children of `<rpc-reply>` for an RPC with output: rendered XML with namespaces declared.
    Output(String),
    /// The text of a module, to be escaped into `<data>` of get-schema.
    SchemaText(String),
}
