//! Why YANG data was refused: tag, app-tag, place and a message that names thing, value and rule.

use std::fmt;

use crate::yang::path::InstancePath;
use crate::yang::schema::Schema;

/// Which rule was broken; the tags of RFC 6241 appendix A that data can earn.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum DataErrorTag {
    /// Somebody else has taken it for themselves.
    InUse,
    /// A value outside its type, or a node that may not be configured.
    InvalidValue,
    /// An attribute is missing (`key` or `value` beside `insert`).
    MissingAttribute,
    /// An attribute has a wrong value.
    BadAttribute,
    /// An attribute that nobody knows here.
    UnknownAttribute,
    /// A key or other required element is missing from the request.
    MissingElement,
    /// An element is not allowed in this way, such as twice.
    BadElement,
    /// No such node in the schema.
    UnknownElement,
    /// No module has this namespace.
    UnknownNamespace,
    /// `create` met data that is there already.
    DataExists,
    /// `delete` met nothing, or a mandatory node or reference target is missing.
    DataMissing,
    /// The data breaks a rule of the model: must, unique, min- or max-elements.
    OperationFailed,
    /// Something that this server does not do.
    OperationNotSupported,
    /// Not well-formed XML.
    MalformedMessage,
    /// No room to keep it.
    ResourceDenied,
    /// Access control forbids it.
    AccessDenied,
}

impl DataErrorTag {
    /// The text on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            DataErrorTag::InUse => "in-use",
            DataErrorTag::InvalidValue => "invalid-value",
            DataErrorTag::MissingAttribute => "missing-attribute",
            DataErrorTag::BadAttribute => "bad-attribute",
            DataErrorTag::UnknownAttribute => "unknown-attribute",
            DataErrorTag::MissingElement => "missing-element",
            DataErrorTag::BadElement => "bad-element",
            DataErrorTag::UnknownElement => "unknown-element",
            DataErrorTag::UnknownNamespace => "unknown-namespace",
            DataErrorTag::DataExists => "data-exists",
            DataErrorTag::DataMissing => "data-missing",
            DataErrorTag::OperationFailed => "operation-failed",
            DataErrorTag::OperationNotSupported => "operation-not-supported",
            DataErrorTag::MalformedMessage => "malformed-message",
            DataErrorTag::ResourceDenied => "resource-denied",
            DataErrorTag::AccessDenied => "access-denied",
        }
    }
}

/// One fault in YANG data.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DataError {
    /// The tag.
    pub tag: DataErrorTag,
    /// RFC 7950 section 15, or the one that a must statement names.
    pub app_tag: Option<Box<str>>,
    /// Instance identifier of the node at fault, with the prefixes of [`DataError::namespaces`].
    pub path: Option<Box<str>>,
    /// Prefix and namespace of each prefix in `path`.
    pub namespaces: Box<[(String, String)]>,
    /// Names the thing, the value and the rule.
    pub message: Box<str>,
    /// Name of the element at fault, where RFC 6241 appendix A asks for it.
    pub bad_element: Option<Box<str>>,
    /// Name of the attribute at fault.
    pub bad_attribute: Option<Box<str>>,
    /// The namespace nobody knows.
    pub bad_namespace: Option<Box<str>>,
}

impl DataError {
    /// An error with a message and nothing else.
    pub fn new(tag: DataErrorTag, message: impl Into<Box<str>>) -> DataError {
        DataError {
            tag,
            app_tag: None,
            path: None,
            namespaces: Box::default(),
            message: message.into(),
            bad_element: None,
            bad_attribute: None,
            bad_namespace: None,
        }
    }

    /// The same error at a place.
    pub fn at(mut self, schema: &Schema, path: &InstancePath) -> DataError {
        if !path.is_root() {
            let (text, namespaces) = path.to_identifier(schema);
            self.path = Some(text.into());
            self.namespaces = namespaces.into();
        }
        self
    }

    /// The same error with an `error-app-tag`.
    pub fn with_app_tag(mut self, app_tag: impl Into<Box<str>>) -> DataError {
        self.app_tag = Some(app_tag.into());
        self
    }

    /// The same error with the element's name.
    pub fn with_element(mut self, name: impl Into<Box<str>>) -> DataError {
        self.bad_element = Some(name.into());
        self
    }

    /// The same error with the attribute's name.
    pub fn with_attribute(mut self, name: impl Into<Box<str>>) -> DataError {
        self.bad_attribute = Some(name.into());
        self
    }

    /// The same error with the namespace.
    pub fn with_namespace(mut self, namespace: impl Into<Box<str>>) -> DataError {
        self.bad_namespace = Some(namespace.into());
        self
    }
}

impl fmt::Display for DataError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.tag.as_str(), self.message)?;
        match &self.path {
            Some(path) => write!(f, " (at {path})"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for DataError {}

/// The modules could not be loaded; the fault of whoever chose them.
#[derive(thiserror::Error, Debug)]
pub enum SchemaError {
    /// libyang could not be started.
    #[error("the YANG library cannot be started: {0}")]
    Library(String),
    /// A module that should be implemented is not among the texts.
    #[error("no text of YANG module {0}")]
    NoSuchModule(String),
    /// A module does not load.
    #[error("YANG module {module} does not load: {reason}")]
    Module {
        /// Its name, or that of a submodule.
        module: String,
        /// The line of its text, where the fault is in the text.
        line: Option<u64>,
        /// The schema node at fault, `/module:container/leaf`, where the fault is in what the text means.
        schema_path: Option<String>,
        /// What libyang said.
        reason: String,
    },
}
