//! `<validate>`: a check without a change (RFC 6241 section 8.6.4.1).

use crate::management::error::ManagementError;
use crate::management::request::Request;
use crate::netconf::document::Element;
use crate::netconf::operation::parameters::Parameters;

/// Reads the element.
pub fn read(operation: Element<'_>) -> Result<Request, ManagementError> {
    let source = Parameters::of(operation, &["source"])?.source()?;
    Ok(Request::Validate { source })
}
