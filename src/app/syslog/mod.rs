//! The log: messages as XR words them, kept over a restart, served, and forwarded to remote hosts.

pub mod durable_ring;
pub mod licence_messages;
pub mod licence_watch;
pub mod logbook;
pub mod message;
pub mod ring;
pub mod ring_file;
