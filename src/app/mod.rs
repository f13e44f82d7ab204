//! The composition root: settings, clock, sockets, drivers; the only room that knows everybody.

pub mod agent;
pub mod agent_command;
pub mod call_home;
pub mod clock;
pub mod command_line;
pub mod coverage;
pub mod demo;
pub mod desired_state;
pub mod device_driver;
pub mod host_keys;
pub mod licence_configuration;
pub mod licence_courier;
pub mod licence_driver;
pub mod licence_facts;
pub mod licence_rpcs;
pub mod licence_server;
pub mod log;
pub mod settings;
pub mod shutdown;
pub mod start_error;
pub mod state;
pub mod state_dir;
pub mod trust_record;
pub mod users;
pub mod yang_dir;
