//! Why a request was refused, in the terms of RFC 6241 appendix A, free of XML.

use std::fmt;

use crate::yang::error::{DataError, DataErrorTag};

/// `error-type` (RFC 6241 section 4.3).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ErrorType {
    /// Secure transport.
    Transport,
    /// The message layer.
    Rpc,
    /// Operations.
    Protocol,
    /// Content.
    Application,
}

/// `error-tag` (RFC 6241 appendix A).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs)] // the names are the tags themselves
pub enum ErrorTag {
    InUse,
    InvalidValue,
    TooBig,
    MissingAttribute,
    BadAttribute,
    UnknownAttribute,
    MissingElement,
    BadElement,
    UnknownElement,
    UnknownNamespace,
    AccessDenied,
    LockDenied,
    ResourceDenied,
    RollbackFailed,
    DataExists,
    DataMissing,
    OperationNotSupported,
    OperationFailed,
    MalformedMessage,
}

impl ErrorTag {
    /// The text on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            ErrorTag::InUse => "in-use",
            ErrorTag::InvalidValue => "invalid-value",
            ErrorTag::TooBig => "too-big",
            ErrorTag::MissingAttribute => "missing-attribute",
            ErrorTag::BadAttribute => "bad-attribute",
            ErrorTag::UnknownAttribute => "unknown-attribute",
            ErrorTag::MissingElement => "missing-element",
            ErrorTag::BadElement => "bad-element",
            ErrorTag::UnknownElement => "unknown-element",
            ErrorTag::UnknownNamespace => "unknown-namespace",
            ErrorTag::AccessDenied => "access-denied",
            ErrorTag::LockDenied => "lock-denied",
            ErrorTag::ResourceDenied => "resource-denied",
            ErrorTag::RollbackFailed => "rollback-failed",
            ErrorTag::DataExists => "data-exists",
            ErrorTag::DataMissing => "data-missing",
            ErrorTag::OperationNotSupported => "operation-not-supported",
            ErrorTag::OperationFailed => "operation-failed",
            ErrorTag::MalformedMessage => "malformed-message",
        }
    }
}

/// One refusal. It becomes one `<rpc-error>`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ManagementError {
    /// The layer at fault.
    pub error_type: ErrorType,
    /// The tag.
    pub tag: ErrorTag,
    /// `error-app-tag`, RFC 7950 section 15 or a must's own.
    pub app_tag: Option<String>,
    /// `error-path`: an instance identifier with the prefixes of [`ManagementError::namespaces`].
    pub path: Option<String>,
    /// Prefix and namespace of each prefix in `path`.
    pub namespaces: Vec<(String, String)>,
    /// Names the thing, the value and the rule.
    pub message: String,
    /// Children of `<error-info>`: `bad-element`, `bad-attribute`, `bad-namespace`, `session-id`, `ok-element` …
    pub info: Vec<(&'static str, String)>,
}

impl ManagementError {
    /// An error of the application layer with a message and nothing else.
    pub fn application(tag: ErrorTag, message: impl Into<String>) -> ManagementError {
        ManagementError {
            error_type: ErrorType::Application,
            tag,
            app_tag: None,
            path: None,
            namespaces: Vec::new(),
            message: message.into(),
            info: Vec::new(),
        }
    }

    /// An error of the protocol layer with a message and nothing else.
    pub fn protocol(tag: ErrorTag, message: impl Into<String>) -> ManagementError {
        ManagementError {
            error_type: ErrorType::Protocol,
            ..ManagementError::application(tag, message)
        }
    }

    /// The same error with one more child of `<error-info>`.
    pub fn with_info(mut self, name: &'static str, value: impl Into<String>) -> ManagementError {
        self.info.push((name, value.into()));
        self
    }
}

impl fmt::Display for ManagementError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.tag.as_str(), self.message)?;
        match &self.path {
            Some(path) => write!(f, " (at {path})"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for ManagementError {}

impl From<DataError> for ManagementError {
    fn from(error: DataError) -> ManagementError {
        let tag = match error.tag {
            DataErrorTag::InUse => ErrorTag::InUse,
            DataErrorTag::InvalidValue => ErrorTag::InvalidValue,
            DataErrorTag::MissingAttribute => ErrorTag::MissingAttribute,
            DataErrorTag::BadAttribute => ErrorTag::BadAttribute,
            DataErrorTag::UnknownAttribute => ErrorTag::UnknownAttribute,
            DataErrorTag::MissingElement => ErrorTag::MissingElement,
            DataErrorTag::BadElement => ErrorTag::BadElement,
            DataErrorTag::UnknownElement => ErrorTag::UnknownElement,
            DataErrorTag::UnknownNamespace => ErrorTag::UnknownNamespace,
            DataErrorTag::DataExists => ErrorTag::DataExists,
            DataErrorTag::DataMissing => ErrorTag::DataMissing,
            DataErrorTag::OperationFailed => ErrorTag::OperationFailed,
            DataErrorTag::OperationNotSupported => ErrorTag::OperationNotSupported,
            DataErrorTag::MalformedMessage => ErrorTag::MalformedMessage,
            DataErrorTag::ResourceDenied => ErrorTag::ResourceDenied,
            DataErrorTag::AccessDenied => ErrorTag::AccessDenied,
        };
        let mut info = Vec::new();
        let named = [
            ("bad-attribute", error.bad_attribute),
            ("bad-element", error.bad_element),
            ("bad-namespace", error.bad_namespace),
        ];
        for (name, value) in named {
            if let Some(value) = value {
                info.push((name, value.into()));
            }
        }
        ManagementError {
            error_type: ErrorType::Application,
            tag,
            app_tag: error.app_tag.map(Into::into),
            path: error.path.map(Into::into),
            namespaces: error.namespaces.into(),
            message: error.message.into(),
            info,
        }
    }
}
