//! `<get-schema>`: the text of a module (RFC 6022 section 3.1).

use crate::management::error::{ErrorTag, ManagementError};
use crate::management::request::Request;
use crate::netconf::document::Element;
use crate::netconf::operation::parameters::{self, Parameters};

/// Reads the element.
pub fn read(operation: Element<'_>) -> Result<Request, ManagementError> {
    let parameters = Parameters::of(operation, &["identifier", "version", "format"])?;
    let identifier = parameters::leaf(parameters.required("identifier")?)?;
    if identifier.is_empty() {
        let message = "identifier of get-schema is empty: it names a module or submodule";
        return Err(
            ManagementError::protocol(ErrorTag::InvalidValue, message).with_info("bad-element", "identifier")
        );
    }
    // Clients write an empty <version/> for "whichever you have".
    let version = parameters.text("version")?.filter(|version| !version.is_empty());
    let format = parameters
        .text("format")?
        .map(|format| format.rsplit(':').next().unwrap_or(format));
    Ok(Request::GetSchema {
        identifier: identifier.to_owned(),
        version: version.map(str::to_owned),
        format: format.map(str::to_owned),
    })
}
