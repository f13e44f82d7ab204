//! `<copy-config>`: one whole configuration takes the place of another (RFC 6241 section 7.3).

use crate::management::error::ManagementError;
use crate::management::request::Request;
use crate::netconf::document::Element;
use crate::netconf::operation::parameters::Parameters;

/// Reads the element.
pub fn read(operation: Element<'_>) -> Result<Request, ManagementError> {
    let parameters = Parameters::of(operation, &["target", "source", "with-defaults"])?;
    Ok(Request::CopyConfig {
        target: parameters.target()?,
        source: parameters.source()?,
        with_defaults: parameters.with_defaults()?,
    })
}
