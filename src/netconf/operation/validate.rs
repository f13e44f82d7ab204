//! `<validate>`: a check without a change (RFC 6241 section 8.6.4.1).

use crate::management::error::ManagementError;
use crate::management::request::{Request, ValidateSource};
use crate::netconf::document::Element;
use crate::netconf::namespace;
use crate::netconf::operation::parameters::{self, Parameters};

/// Reads the element.
pub fn read(operation: Element<'_>) -> Result<Request, ManagementError> {
    let parameters = Parameters::of(operation, &["source"])?;
    let holder = parameters.required("source")?;
    let choice = parameters::only_child("validate", holder)?;
    let in_protocol = [namespace::BASE, namespace::BASE_OF_NAPALM, ""].contains(&choice.namespace());
    let source = if choice.name() == "config" && in_protocol {
        ValidateSource::Inline(parameters::config("validate", choice)?)
    } else {
        ValidateSource::Datastore(parameters::datastore("validate", holder, choice)?)
    };
    Ok(Request::Validate { source })
}
