//! `<get>`: configuration and state (RFC 6241 section 7.7).

use crate::management::error::ManagementError;
use crate::management::request::Request;
use crate::netconf::document::Element;
use crate::netconf::operation::parameters::Parameters;

/// Reads the element.
pub fn read(operation: Element<'_>) -> Result<Request, ManagementError> {
    let parameters = Parameters::of(operation, &["filter", "with-defaults"])?;
    Ok(Request::Get {
        filter: parameters.filter()?,
        with_defaults: parameters.with_defaults()?,
    })
}
