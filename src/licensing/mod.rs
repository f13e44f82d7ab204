//! Smart Licensing without input or output: what is consumed, and the agent's life with its licence server.

pub mod agent;
pub mod agent_settings;
pub mod authorization;
pub mod catalogue;
pub mod configuration;
pub mod consumption;
pub mod contribution;
pub mod count_change;
pub mod diagram;
pub mod evaluation;
pub mod event;
pub mod exchange;
pub mod explanation;
pub mod facts;
pub mod fault;
pub mod message;
pub mod now;
pub mod policy;
pub mod registration;
pub mod reservation;
pub mod return_code;
#[cfg(test)]
pub mod sample;
pub mod schedule;
pub mod secret;
pub mod signature;
#[cfg(test)]
mod simulation;
pub mod spread;
pub mod state;
pub mod status;
pub mod trust;
pub mod validity;
pub mod warnings;
