//! Sockets and SSH: connections come in, log in, and become NETCONF sessions; russh lives here only.

pub mod call_home;
pub mod clock;
mod connection;
pub mod error;
mod flow;
pub mod host_key;
pub mod login;
mod netconf_channel;
pub mod netconf_client;
mod socket;
pub mod ssh_server;
