//! `<get-data>`: data of any datastore (RFC 8526 section 3.1.1).

use crate::management::error::ManagementError;
use crate::management::request::{DataQuery, NmdaDatastore, Request};
use crate::netconf::document::Element;
use crate::netconf::namespace;
use crate::netconf::operation::parameters::{self, Parameters, invalid_value};
use crate::yang::print::Origin;

/// Reads the element.
pub fn read(operation: Element<'_>) -> Result<Request, ManagementError> {
    let allowed = [
        "datastore",
        "subtree-filter",
        "xpath-filter",
        "config-filter",
        "origin-filter",
        "negated-origin-filter",
        "max-depth",
        "with-origin",
        "with-defaults",
    ];
    let parameters = Parameters::of(operation, &allowed)?;
    let datastore = parameters.nmda_datastore("datastore")?;
    let with_origin = parameters.flag("with-origin")?;
    let origins = origins(&parameters)?;
    for (name, given) in [("with-origin", with_origin), ("origin-filter", origins.is_some())] {
        if given && datastore != NmdaDatastore::Operational {
            let message = format!("{name} of get-data is for operational, {datastore} has no origins");
            return Err(invalid_value(name, message));
        }
    }
    let with_defaults = match parameters.optional("with-defaults") {
        Some(_) => Some(parameters.with_defaults()?),
        None => None,
    };
    Ok(Request::GetData(DataQuery {
        datastore,
        filter: parameters.filter_spec()?,
        config: match parameters.text("config-filter")? {
            None => None,
            Some("true") => Some(true),
            Some("false") => Some(false),
            Some(other) => {
                let message = format!("config-filter of get-data: `{other}` is not true or false");
                return Err(invalid_value("config-filter", message));
            }
        },
        origins,
        max_depth: match parameters.text("max-depth")? {
            None | Some("unbounded") => None,
            Some(given) => match given.parse() {
                Ok(depth) if depth > 0 => Some(depth),
                _ => {
                    let message = format!(
                        "max-depth of get-data: `{given}` is not a number from 1 to 65535 or unbounded"
                    );
                    return Err(invalid_value("max-depth", message));
                }
            },
        },
        with_origin,
        with_defaults,
    }))
}

/// The origins that are wanted; a negated filter wants the others.
fn origins(parameters: &Parameters<'_>) -> Result<Option<Vec<Origin>>, ManagementError> {
    let wanted = names(parameters, "origin-filter")?;
    let unwanted = names(parameters, "negated-origin-filter")?;
    match (wanted.is_empty(), unwanted.is_empty()) {
        (true, true) => Ok(None),
        (false, false) => {
            let message = "get-data takes origin-filter or negated-origin-filter, not both".to_owned();
            Err(invalid_value("negated-origin-filter", message))
        }
        (is_negated, _) => {
            let listed = if is_negated { &unwanted } else { &wanted };
            let all = [Origin::Intended, Origin::Default];
            let is_listed = |origin: &Origin| listed.iter().any(|name| *name == origin.name());
            Ok(Some(
                all.into_iter()
                    .filter(|origin| is_listed(origin) != is_negated)
                    .collect(),
            ))
        }
    }
}

/// Names of identities of ietf-origin (RFC 8342 section 5.3.4).
const ORIGINS: [&str; 6] = ["intended", "dynamic", "system", "learned", "default", "unknown"];

fn names<'d>(parameters: &Parameters<'d>, name: &str) -> Result<Vec<&'d str>, ManagementError> {
    parameters
        .all(name)
        .map(|element| {
            let given = parameters::leaf(element)?;
            let (prefix, origin) = given.split_once(':').unwrap_or(("", given));
            let is_ours = prefix.is_empty()
                || element
                    .scope()
                    .iter()
                    .any(|(bound, namespace)| bound == prefix && namespace == namespace::ORIGIN);
            if is_ours && ORIGINS.contains(&origin) {
                Ok(origin)
            } else {
                let message = format!(
                    "{name} of get-data: `{given}` is not one of {}",
                    ORIGINS.join(", ")
                );
                Err(invalid_value(name, message))
            }
        })
        .collect()
}
