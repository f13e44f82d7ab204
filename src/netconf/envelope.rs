//! `<rpc>` taken apart: what its reply must repeat, and the request inside it (RFC 6241 section 4.1).

use crate::management::error::{ErrorTag, ErrorType, ManagementError};
use crate::management::request::Request;
use crate::netconf::bounds::Bounds;
use crate::netconf::document::{Document, Element, NotWellFormed};
use crate::netconf::namespace;
use crate::netconf::operation;

/// What `<rpc-reply>` takes over from `<rpc>`: every attribute, namespace declarations included.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Returned {
    /// Name as written and value.
    pub attributes: Vec<(String, String)>,
    /// Prefix for the elements of the reply. Empty, with the base namespace as the default one, unless the request
    /// bound the default namespace to something else.
    pub prefix: String,
}

/// A message that is well-formed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Envelope {
    /// For the reply.
    pub returned: Returned,
    /// Whether it is a correct `<rpc>` with one operation in it, whatever that is.
    pub is_rpc: bool,
    /// What is asked, or why it cannot be.
    pub request: Result<Request, ManagementError>,
}

/// Reads a message that came after the hellos.
pub fn read(message: &[u8], bounds: &Bounds) -> Result<Envelope, NotWellFormed> {
    let document = Document::read_within(message, bounds)?;
    let Some(root) = document.root() else {
        return Ok(Envelope {
            returned: Returned::default(),
            is_rpc: false,
            request: Err(ManagementError::protocol(ErrorTag::MissingElement, "no <rpc>")
                .with_info("bad-element", "rpc")),
        });
    };
    let returned = returned(root);
    let operation = operation(root);
    Ok(Envelope {
        returned,
        is_rpc: operation.is_ok(),
        request: operation.and_then(operation::read),
    })
}

fn returned(rpc: Element<'_>) -> Returned {
    if rpc.name() != "rpc" {
        return Returned::default();
    }
    let attributes: Vec<(String, String)> = rpc
        .attributes()
        .iter()
        .filter(|attribute| attribute.name != "xmlns" || attribute.value != namespace::BASE)
        .map(|attribute| (attribute.name.to_owned(), attribute.value.clone()))
        .collect();
    let default_is_taken = attributes.iter().any(|(name, _)| name == "xmlns");
    let prefix = match rpc.namespace() {
        namespace::BASE if default_is_taken => rpc.prefix().to_owned(),
        _ => String::new(),
    };
    // Without a prefix to fall back on, a default namespace of the request cannot be repeated.
    let attributes = match prefix.is_empty() {
        true => attributes
            .into_iter()
            .filter(|(name, _)| name != "xmlns")
            .collect(),
        false => attributes,
    };
    Returned { attributes, prefix }
}

/// The one operation in it.
fn operation(root: Element<'_>) -> Result<Element<'_>, ManagementError> {
    let (name, found) = (root.name(), root.namespace());
    if name == "hello" && found == namespace::BASE {
        let message = "<hello> was exchanged already: after it only <rpc> is expected";
        return Err(
            ManagementError::protocol(ErrorTag::UnknownElement, message).with_info("bad-element", "hello")
        );
    }
    if name != "rpc" {
        let message = format!(
            "<{name}> in `{found}` is not a request: expected <rpc> in {}",
            namespace::BASE
        );
        return Err(
            ManagementError::protocol(ErrorTag::UnknownElement, message).with_info("bad-element", name)
        );
    }
    if found != namespace::BASE {
        let message = format!("<rpc> is in `{found}`: expected {}", namespace::BASE);
        return Err(ManagementError::protocol(ErrorTag::UnknownNamespace, message)
            .with_info("bad-element", "rpc")
            .with_info("bad-namespace", found));
    }
    if root.attribute("message-id").is_none() {
        let message = "<rpc> has no message-id attribute (RFC 6241 section 4.1)";
        let refusal = ManagementError {
            error_type: ErrorType::Rpc,
            ..ManagementError::protocol(ErrorTag::MissingAttribute, message)
        };
        return Err(refusal
            .with_info("bad-attribute", "message-id")
            .with_info("bad-element", "rpc"));
    }
    let mut operations = root.children();
    let Some(operation) = operations.next() else {
        let message = "<rpc> is empty: it holds one operation";
        return Err(
            ManagementError::protocol(ErrorTag::MissingElement, message).with_info("bad-element", "rpc")
        );
    };
    if let Some(second) = operations.next() {
        let message = format!("<rpc> holds one operation: <{}> is a second one", second.name());
        return Err(ManagementError::protocol(ErrorTag::UnknownElement, message)
            .with_info("bad-element", second.name()));
    }
    if !root.text().is_empty() {
        let message = "<rpc> holds text beside its operation";
        return Err(ManagementError::protocol(ErrorTag::BadElement, message).with_info("bad-element", "rpc"));
    }
    Ok(operation)
}
