//! How much time, length and structure a client may take for its messages.

use std::time::Duration;

use crate::netconf::framing::MAX_MESSAGE_BYTES;

/// Bounds of a session.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Bounds {
    /// From the start of the session to the client's hello.
    pub hello_timeout: Duration,
    /// From the first byte of a message to its last.
    pub message_timeout: Duration,
    /// How long a session may ask nothing; for ever without it. One that follows notifications may in any case.
    pub idle_timeout: Option<Duration>,
    /// Longer messages are refused. A hello may be no longer than [`MAX_HELLO_BYTES`] either.
    pub max_message_bytes: usize,
    /// Elements inside each other.
    pub max_depth: usize,
    /// Attributes of one element, namespace declarations included.
    pub max_attributes: usize,
}

/// Clients list their capabilities in it, some of them every module they know.
pub const MAX_HELLO_BYTES: usize = 1024 * 1024;

/// What holds unless it is set otherwise.
pub const DEFAULT_BOUNDS: Bounds = Bounds {
    hello_timeout: Duration::from_secs(60),
    message_timeout: Duration::from_secs(600),
    idle_timeout: None,
    max_message_bytes: MAX_MESSAGE_BYTES,
    max_depth: 256,
    max_attributes: 1000,
};

impl Default for Bounds {
    fn default() -> Bounds {
        DEFAULT_BOUNDS
    }
}
