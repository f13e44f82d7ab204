//! Whole exchanges at the real front desk, in memory: XML in, XML out, several sessions, no sockets.

#![allow(missing_docs, clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod audit;
#[path = "../support/office.rs"]
mod office;
mod rollbacks;
mod schemas;
mod session_limits;

pub use office::{COMMIT, GET_CANDIDATE, GET_RUNNING, Office, SCHEMA, edit, host_name, optics};
