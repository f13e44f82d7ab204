//! The NETCONF protocol without input and output: bytes in, requests for the front desk and bytes out.

pub mod bounds;
pub mod capability;
pub mod document;
pub mod envelope;
pub mod escape;
pub mod framing;
pub mod hello;
pub mod namespace;
pub mod notification;
pub mod operation;
pub mod prefixes;
mod qualified_name;
pub mod rpc_error;
pub mod session;
