//! `<partial-lock>` and `<partial-unlock>`: parts of running for one session alone (RFC 5717).

use crate::management::error::{ErrorTag, ManagementError};
use crate::management::request::{Request, Select};
use crate::netconf::document::Element;
use crate::netconf::operation::parameters::{self, Parameters, invalid_value};

/// Reads `<partial-lock>`.
pub fn read(operation: Element<'_>) -> Result<Request, ManagementError> {
    let parameters = Parameters::of(operation, &["select"])?;
    let select = parameters
        .all("select")
        .map(|element| {
            Ok(Select {
                expression: parameters::leaf(element)?.to_owned(),
                namespaces: element.scope(),
            })
        })
        .collect::<Result<Vec<_>, ManagementError>>()?;
    if select.is_empty() {
        let message = "partial-lock needs <select>";
        return Err(
            ManagementError::protocol(ErrorTag::MissingElement, message).with_info("bad-element", "select")
        );
    }
    Ok(Request::PartialLock { select })
}

/// Reads `<partial-unlock>`.
pub fn read_unlock(operation: Element<'_>) -> Result<Request, ManagementError> {
    let parameters = Parameters::of(operation, &["lock-id"])?;
    let given = parameters::leaf(parameters.required("lock-id")?)?;
    match given.parse() {
        Ok(lock_id) => Ok(Request::PartialUnlock { lock_id }),
        Err(_) => {
            let message = format!(
                "lock-id of partial-unlock: `{given}` is not a number from 0 to {}",
                u32::MAX
            );
            Err(invalid_value("lock-id", message))
        }
    }
}
