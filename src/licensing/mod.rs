//! Smart Licensing without input or output: what is consumed, and the agent's life with its licence server.

pub mod catalogue;
pub mod consumption;
pub mod facts;
pub mod message;
pub mod policy;
pub mod secret;
pub mod signature;
