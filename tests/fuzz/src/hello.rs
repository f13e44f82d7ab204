//! A client's hello: refused with a reason or understood, never anything else.

use ponder::netconf::bounds::Bounds;
use ponder::netconf::hello::read_client_hello;

/// The message without framing.
pub fn run(data: &[u8]) {
    match read_client_hello(data, &Bounds::default()) {
        Ok(_) => assert!(std::str::from_utf8(data).is_ok(), "only UTF-8 is understood"),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}
