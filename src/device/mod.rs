//! The device below the configuration: inventory, optics, the hardware trait and its simulator.

pub mod desired_state;
pub mod hardware;
pub mod inventory;
pub mod optics;
