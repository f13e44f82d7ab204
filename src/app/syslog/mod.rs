//! The log: messages as XR words them, kept over a restart, served, and forwarded to remote hosts.

pub mod commit_messages;
pub mod configuration;
pub mod connection;
pub mod device_messages;
pub mod durable_ring;
pub mod forwarding;
pub mod get_syslog;
pub mod licence_messages;
pub mod licence_watch;
pub mod logbook;
pub mod message;
pub mod rfc5424;
pub mod ring;
pub mod ring_file;
pub mod sender;
