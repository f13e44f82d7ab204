//! `<discard-changes>`: the candidate becomes a copy of running (RFC 6241 section 8.3.4.2).

use crate::management::error::ManagementError;
use crate::management::request::Request;
use crate::netconf::document::Element;
use crate::netconf::operation::parameters::Parameters;

/// Reads the element.
pub fn read(operation: Element<'_>) -> Result<Request, ManagementError> {
    Parameters::of(operation, &[])?;
    Ok(Request::DiscardChanges)
}
