//! `<notification>`: an event as a message (RFC 5277 section 2.2.1).

use crate::management::mailbox::Outgoing;
use crate::netconf::namespace;

/// The message, unframed. The content brings its namespaces along.
pub fn notification(outgoing: &Outgoing) -> String {
    format!(
        "<notification xmlns=\"{}\"><eventTime>{}</eventTime>{}</notification>",
        namespace::NOTIFICATION,
        outgoing.time,
        outgoing.content
    )
}
