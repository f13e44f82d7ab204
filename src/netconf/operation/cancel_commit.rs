//! `<cancel-commit>`: running goes back to what it was before the confirmed commit (RFC 6241 section 8.4.4.1).

use crate::management::error::ManagementError;
use crate::management::request::Request;
use crate::netconf::document::Element;
use crate::netconf::operation::parameters::Parameters;

/// Reads the element.
pub fn read(operation: Element<'_>) -> Result<Request, ManagementError> {
    let parameters = Parameters::of(operation, &["persist-id"])?;
    Ok(Request::CancelCommit {
        persist_id: parameters.text("persist-id")?.map(str::to_owned),
    })
}
