//! `<commit>`: the candidate becomes running, for good or until nobody confirms it (RFC 6241 sections 8.3.4.1 and 8.4.5.1).

use std::time::Duration;

use crate::management::error::{ErrorTag, ManagementError};
use crate::management::request::{Confirmed, Request};
use crate::netconf::document::Element;
use crate::netconf::operation::parameters::{self, Parameters};

/// Without `<confirm-timeout>` (RFC 6241 section 8.4.1).
const CONFIRM_TIMEOUT_SECONDS: u32 = 600;

/// Reads the element.
pub fn read(operation: Element<'_>) -> Result<Request, ManagementError> {
    let parameters = Parameters::of(
        operation,
        &["confirmed", "confirm-timeout", "persist", "persist-id"],
    )?;
    let persist_id = parameters.text("persist-id")?.map(str::to_owned);
    let persist = parameters.text("persist")?.map(str::to_owned);
    let timeout = parameters.text("confirm-timeout")?.map(seconds).transpose()?;
    let Some(confirmed) = parameters.optional("confirmed") else {
        let only_with_confirmed = [
            ("confirm-timeout", timeout.is_some()),
            ("persist", persist.is_some()),
        ];
        return match only_with_confirmed.into_iter().find(|(_, given)| *given) {
            None => Ok(Request::Commit {
                confirmed: None,
                persist_id,
            }),
            Some((name, _)) => {
                let message = format!("{name} of commit goes with <confirmed/>, which is not there");
                Err(ManagementError::protocol(ErrorTag::MissingElement, message)
                    .with_info("bad-element", "confirmed"))
            }
        };
    };
    if !parameters::leaf(confirmed)?.is_empty() {
        let message = "confirmed of commit holds text: it is empty";
        return Err(
            ManagementError::protocol(ErrorTag::InvalidValue, message).with_info("bad-element", "confirmed")
        );
    }
    Ok(Request::Commit {
        confirmed: Some(Confirmed {
            timeout: timeout.unwrap_or(Duration::from_secs(CONFIRM_TIMEOUT_SECONDS.into())),
            persist,
        }),
        persist_id,
    })
}

fn seconds(given: &str) -> Result<Duration, ManagementError> {
    match given.parse::<u32>() {
        Ok(seconds) if seconds > 0 => Ok(Duration::from_secs(seconds.into())),
        _ => {
            let message = format!(
                "confirm-timeout of commit: `{given}` is not a number of seconds from 1 to {}",
                u32::MAX
            );
            Err(ManagementError::protocol(ErrorTag::InvalidValue, message)
                .with_info("bad-element", "confirm-timeout"))
        }
    }
}
