//! `<delete-config>`: a configuration that is not in use goes away (RFC 6241 section 7.4).

use crate::management::error::ManagementError;
use crate::management::request::Request;
use crate::netconf::document::Element;
use crate::netconf::operation::parameters::Parameters;

/// Reads the element.
pub fn read(operation: Element<'_>) -> Result<Request, ManagementError> {
    let target = Parameters::of(operation, &["target"])?.target()?;
    Ok(Request::DeleteConfig { target })
}
