//! `<edit-data>`: a change to a datastore, all or nothing (RFC 8526 section 3.1.2).

use crate::management::error::{ErrorTag, ManagementError};
use crate::management::request::{ConfigSource, Request};
use crate::netconf::document::Element;
use crate::netconf::operation::edit_config::DEFAULT_OPERATIONS;
use crate::netconf::operation::parameters::{self, Parameters};

/// Reads the element.
pub fn read(operation: Element<'_>) -> Result<Request, ManagementError> {
    let parameters = Parameters::of(operation, &["datastore", "default-operation", "config", "url"])?;
    let config = match (parameters.optional("config"), parameters.optional("url")) {
        (Some(_), Some(_)) => {
            let message = "edit-data takes <config> or <url>, not both";
            return Err(
                ManagementError::protocol(ErrorTag::BadElement, message).with_info("bad-element", "url")
            );
        }
        (None, Some(url)) => ConfigSource::Url(parameters::url("edit-data", url)?),
        (_, None) => ConfigSource::Inline(parameters::config("edit-data", parameters.required("config")?)?),
    };
    Ok(Request::EditData {
        datastore: parameters.nmda_datastore("datastore")?,
        default_operation: parameters.word("default-operation", DEFAULT_OPERATIONS)?,
        config,
    })
}
