//! Messages as RFC 5424 writes them, and how a stream tells them apart.

use crate::app::syslog::message::Message;

/// The facility that routers send with unless told otherwise: local7 (RFC 5424 table 1).
const FACILITY: u32 = 23;
/// The facility of the audit log: log audit.
const AUDIT_FACILITY: u32 = 13;

/// One message for a remote host that knows this device as `host_name`.
pub fn datagram(message: &Message, host_name: &str) -> Vec<u8> {
    let facility = match message.is_audit() {
        true => AUDIT_FACILITY,
        false => FACILITY,
    };
    let priority = facility * 8 + u32::from(message.severity.number());
    let time = message.at.strftime("%Y-%m-%dT%H:%M:%S.%3fZ");
    let host_name = field(host_name, 255);
    let process = field(&message.process, 48);
    let name = field(&message.name, 32);
    // Section 7.3.1: a sequence number never needs more than 31 bits, and 0 is none.
    let sequence = message.id % 0x7fff_ffff + 1;
    // Section 6.4: what is not ASCII is announced by a byte order mark.
    let mark = if message.text.is_ascii() { "" } else { "\u{feff}" };
    format!(
        "<{priority}>1 {time} {host_name} {process} {} {name} [meta sequenceId=\"{sequence}\"] {mark}%{} : {}",
        message.process_id,
        message.code(),
        message.text
    )
    .into_bytes()
}

/// The same for a stream: RFC 6587 section 3.4.1 and RFC 5425 section 4.3 put the length in front.
pub fn framed(datagram: &[u8]) -> Vec<u8> {
    let mut frame = format!("{} ", datagram.len()).into_bytes();
    frame.extend_from_slice(datagram);
    frame
}

/// A field of the header: printable ASCII without blanks, of bounded length, `-` when nothing is left.
fn field(text: &str, longest: usize) -> String {
    let field: String = text
        .chars()
        .map(|letter| if letter.is_ascii_graphic() { letter } else { '-' })
        .take(longest)
        .collect();
    if field.is_empty() { "-".to_owned() } else { field }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::syslog::message::{Severity, example};

    fn text(message: &Message, host_name: &str) -> String {
        String::from_utf8(datagram(message, host_name)).unwrap()
    }

    #[test]
    fn a_message_has_every_field_of_the_header() {
        assert_eq!(
            text(&example::message(40), "SIT-5"),
            "<187>1 2021-05-27T09:54:57.783Z SIT-5 smartlicserver 311 AUTH_RENEW_FAILED [meta sequenceId=\"41\"] \
             %LICENSE-SMART_LIC-3-AUTH_RENEW_FAILED : Authorization renewal with the Cisco Smart Software Manager (CSSM) \
             : Error received from Smart Software Manager: Data and signature do not match for udi \
             PID:8812,SN:FOX2202WIVM"
        );
    }

    #[test]
    fn events_of_the_audit_log_have_their_own_facility() {
        let message = Message {
            category: "SECURITY".to_owned(),
            group: "AUDIT".to_owned(),
            severity: Severity::Informational,
            ..example::message(1)
        };
        assert!(text(&message, "h").starts_with("<110>1 "));
    }

    #[test]
    fn names_that_would_break_the_header_are_made_harmless() {
        assert!(text(&example::message(1), "a b\nc").contains("Z a-b-c smartlicserver"));
        assert!(text(&example::message(1), "").contains("Z - smartlicserver"));
        let long = text(&example::message(1), &"x".repeat(300));
        assert!(long.contains(&format!("Z {} smart", "x".repeat(255))));
    }

    #[test]
    fn what_is_not_ascii_is_announced_and_counted_in_bytes() {
        let message = Message {
            text: "Größe".to_owned(),
            ..example::message(1)
        };
        let datagram = datagram(&message, "h");
        let text = String::from_utf8(datagram.clone()).unwrap();
        assert!(text.contains("] \u{feff}%LICENSE"), "{text}");
        let framed = String::from_utf8(framed(&datagram)).unwrap();
        let (length, rest) = framed.split_once(' ').unwrap();
        assert_eq!(length.parse::<usize>().unwrap(), rest.len());
    }
}
