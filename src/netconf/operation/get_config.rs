//! `<get-config>`: configuration alone (RFC 6241 section 7.1).

use crate::management::error::ManagementError;
use crate::management::request::Request;
use crate::netconf::document::Element;
use crate::netconf::operation::parameters::Parameters;

/// Reads the element.
pub fn read(operation: Element<'_>) -> Result<Request, ManagementError> {
    let parameters = Parameters::of(operation, &["source", "filter", "with-defaults"])?;
    Ok(Request::GetConfig {
        source: parameters.datastore("source")?,
        filter: parameters.filter()?,
        with_defaults: parameters.with_defaults()?,
    })
}
