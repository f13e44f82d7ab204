//! Sockets and SSH: connections come in, log in, and become NETCONF sessions; russh lives here only.

pub mod clock;
pub mod error;
pub mod host_key;
pub mod login;
pub mod netconf_channel;
pub mod netconf_client;
pub mod ssh_server;
