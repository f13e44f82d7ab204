//! `<commit>`: the candidate becomes running (RFC 6241 section 8.3.4.1).

use crate::management::error::{ErrorTag, ManagementError};
use crate::management::request::Request;
use crate::netconf::document::Element;
use crate::netconf::operation::parameters::Parameters;

/// Parameters of a confirmed commit (section 8.4).
const CONFIRMED: [&str; 4] = ["confirmed", "confirm-timeout", "persist", "persist-id"];

/// Reads the element.
pub fn read(operation: Element<'_>) -> Result<Request, ManagementError> {
    let parameters = Parameters::of(operation, &CONFIRMED)?;
    match CONFIRMED
        .into_iter()
        .find(|name| parameters.optional(name).is_some())
    {
        None => Ok(Request::Commit),
        Some(name) => {
            let message = format!("{name} of commit is not supported, :confirmed-commit is not advertised");
            Err(ManagementError::protocol(
                ErrorTag::OperationNotSupported,
                message,
            ))
        }
    }
}
