//! Sockets, SSH and TLS: connections come in, log in, and become NETCONF sessions; russh lives here only.

pub mod call_home;
pub mod cert_to_name;
pub mod client_certificate;
pub mod clock;
mod connection;
mod conversation;
pub mod error;
mod flow;
pub mod host_key;
pub mod login;
mod netconf_channel;
pub mod netconf_client;
pub mod server;
mod socket;
mod ssh_server;
pub mod tls_identity;
mod tls_server;
