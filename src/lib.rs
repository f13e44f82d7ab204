//! Ponder, the whole house in one crate.
//!
#![doc = include_str!("ARCHITECTURE.md")]

pub mod app;
pub mod datastore;
pub mod device;
pub mod licensing;
pub mod management;
pub mod netconf;
pub mod ssm;
pub mod state_dir;
pub mod transport;
pub mod yang;
