//! `<create-subscription>` (RFC 5277 section 2.1.1).

use crate::management::error::ManagementError;
use crate::management::request::{Request, SubscriptionRequest};
use crate::netconf::document::Element;
use crate::netconf::operation::parameters::Parameters;

/// Reads the element.
pub fn read(operation: Element<'_>) -> Result<Request, ManagementError> {
    let parameters = Parameters::of(operation, &["stream", "filter", "startTime", "stopTime"])?;
    let text = |name: &str| parameters.text(name).map(|text| text.map(str::to_owned));
    Ok(Request::CreateSubscription(SubscriptionRequest {
        stream: text("stream")?,
        filter: parameters.filter()?,
        start_time: text("startTime")?,
        stop_time: text("stopTime")?,
    }))
}
