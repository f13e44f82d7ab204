//! The composition root: settings, clock, sockets, drivers; the only room that knows everybody.

pub mod clock;
pub mod command_line;
pub mod demo;
pub mod desired_state;
pub mod device_driver;
pub mod host_keys;
pub mod licence_configuration;
pub mod licence_courier;
pub mod licence_driver;
pub mod licence_facts;
pub mod licence_rpcs;
pub mod log;
pub mod settings;
pub mod start_error;
pub mod state;
pub mod state_dir;
pub mod trust_record;
pub mod users;
