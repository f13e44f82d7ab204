//! RPCs that YANG modules define: handed on whole.

use crate::management::request::Request;
use crate::netconf::document::Element;

/// Reads the element; whether there is such an RPC is not known here.
pub fn read(operation: Element<'_>) -> Request {
    Request::Rpc {
        name: operation.name().to_owned(),
        namespace: operation.namespace().to_owned(),
        document: operation.to_document(),
    }
}
