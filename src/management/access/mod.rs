//! Access control (RFC 8341): who may run which operation, and read or write which node.
//!
//! [`policy`] is what running says, [`permit`] what follows for one user, [`judge`] the answer for one node during one
//! request, [`control`] the whole as the front desk uses it.

pub mod control;
pub mod index;
pub mod judge;
pub mod permit;
pub mod policy;
pub mod protection;
pub mod writes;
