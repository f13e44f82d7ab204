//! The device below the configuration: inventory, optics, the hardware trait and its simulator.

pub mod chassis;
pub mod desired_state;
pub mod faulty;
pub mod hardware;
pub mod inventory;
pub mod optics;
pub mod plain_words;
pub mod port_map;
pub mod serial_number;
pub mod simulator;
