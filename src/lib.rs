//! Ponder: a NETCONF/YANG management agent for optical transponders with Smart Licensing.

pub mod device;
pub mod licensing;
pub mod management;
