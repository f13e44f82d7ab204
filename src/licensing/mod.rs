//! Smart Licensing without input or output: what is consumed, and the agent's life with its licence server.

pub mod agent;
pub mod agent_settings;
pub mod authorization;
pub mod catalogue;
pub mod configuration;
pub mod consumption;
pub mod diagram;
pub mod evaluation;
pub mod event;
pub mod exchange;
pub mod facts;
pub mod fault;
pub mod message;
pub mod policy;
pub mod registration;
pub mod return_code;
pub mod secret;
pub mod signature;
#[cfg(test)]
mod simulation;
pub mod state;
pub mod trust;
