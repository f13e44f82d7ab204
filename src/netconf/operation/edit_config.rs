//! `<edit-config>`: a change to a datastore (RFC 6241 sections 7.2 and 8.6.4.1).

use crate::management::error::{ErrorTag, ManagementError};
use crate::management::request::{ConfigSource, DefaultOperation, ErrorOption, Request, TestOption};
use crate::netconf::document::Element;
use crate::netconf::operation::parameters::{self, Parameters};

/// Names of default operations.
pub const DEFAULT_OPERATIONS: &[(&str, DefaultOperation)] = &[
    ("merge", DefaultOperation::Merge),
    ("replace", DefaultOperation::Replace),
    ("none", DefaultOperation::None),
];

const TEST_OPTIONS: &[(&str, TestOption)] = &[
    ("test-then-set", TestOption::TestThenSet),
    ("set", TestOption::Set),
    ("test-only", TestOption::TestOnly),
];

const ERROR_OPTIONS: &[(&str, ErrorOption)] = &[
    ("stop-on-error", ErrorOption::StopOnError),
    ("continue-on-error", ErrorOption::ContinueOnError),
    ("rollback-on-error", ErrorOption::RollbackOnError),
];

/// Reads the element.
pub fn read(operation: Element<'_>) -> Result<Request, ManagementError> {
    let allowed = [
        "target",
        "default-operation",
        "test-option",
        "error-option",
        "config",
        "url",
    ];
    let parameters = Parameters::of(operation, &allowed)?;
    let target = parameters.datastore("target")?;
    let config = match (parameters.optional("config"), parameters.optional("url")) {
        (Some(_), Some(_)) => {
            let message = "edit-config takes <config> or <url>, not both";
            return Err(
                ManagementError::protocol(ErrorTag::BadElement, message).with_info("bad-element", "url")
            );
        }
        (None, Some(url)) => ConfigSource::Url(parameters::url("edit-config", url)?),
        (_, None) => ConfigSource::Inline(parameters::config("edit-config", parameters.required("config")?)?),
    };
    Ok(Request::EditConfig {
        target,
        default_operation: parameters.word("default-operation", DEFAULT_OPERATIONS)?,
        test_option: parameters.word("test-option", TEST_OPTIONS)?,
        error_option: parameters.word("error-option", ERROR_OPTIONS)?,
        config,
    })
}
