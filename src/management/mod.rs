//! The front desk: requests, sessions, locks, access and commits, whichever door a request came in by.

pub mod access;
pub mod audit;
pub mod auditing;
pub mod base_events;
pub mod body;
pub mod committing;
pub mod comparison;
pub mod config_stores;
pub mod configurations;
pub mod desk;
pub mod error;
pub mod event;
pub mod event_stream;
pub mod front_desk;
pub mod monitoring;
pub mod operational;
pub mod partial_locks;
pub mod request;
pub mod retrieval;
pub mod rollback;
pub mod rpc_table;
pub mod session_list;
pub mod subscribing;
pub mod yang_library;
