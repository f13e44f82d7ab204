//! Dynamic subscriptions (RFC 8639) to event streams and datastores (RFC 8641): agreed by RPC, gone with their session.

pub mod agreements;
pub mod datastore;
pub mod filters;
pub mod operations;
pub mod participant;
pub mod pending;
pub mod push;
pub mod refusal;
pub mod state;
pub mod terms;
pub mod updates;
