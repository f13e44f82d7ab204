//! `<compare>`: what differs between two datastores (RFC 9144).

use crate::management::error::ManagementError;
use crate::management::request::{Comparison, Request};
use crate::netconf::document::Element;
use crate::netconf::operation::parameters::Parameters;

/// Reads the element.
pub fn read(operation: Element<'_>) -> Result<Request, ManagementError> {
    let allowed = [
        "source",
        "target",
        "all",
        "report-origin",
        "subtree-filter",
        "xpath-filter",
    ];
    let parameters = Parameters::of(operation, &allowed)?;
    Ok(Request::Compare(Comparison {
        source: parameters.nmda_datastore("source")?,
        target: parameters.nmda_datastore("target")?,
        all: parameters.flag("all")?,
        report_origin: parameters.flag("report-origin")?,
        filter: parameters.filter_spec()?,
    }))
}
