//! `<kill-session>`: the end of somebody else's session (RFC 6241 section 7.9).

use crate::management::error::{ErrorTag, ManagementError};
use crate::management::request::Request;
use crate::netconf::document::Element;
use crate::netconf::operation::parameters::{self, Parameters};

/// Reads the element.
pub fn read(operation: Element<'_>) -> Result<Request, ManagementError> {
    let parameters = Parameters::of(operation, &["session-id"])?;
    let given = parameters::leaf(parameters.required("session-id")?)?;
    match given.parse() {
        Ok(session_id) if session_id > 0 => Ok(Request::KillSession { session_id }),
        _ => {
            let message = format!(
                "session-id of kill-session: `{given}` is not a number from 1 to {}",
                u32::MAX
            );
            Err(ManagementError::protocol(ErrorTag::InvalidValue, message)
                .with_info("bad-element", "session-id"))
        }
    }
}
