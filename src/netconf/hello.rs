//! The exchange of capabilities (RFC 6241 section 8.1).

use thiserror::Error;

use crate::netconf::bounds::Bounds;
use crate::netconf::capability;
use crate::netconf::document::{Document, NotWellFormed};
use crate::netconf::escape;
use crate::netconf::framing::Framing;
use crate::netconf::namespace;

/// Why a client's `<hello>` ends the session.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum HelloError {
    /// Not XML.
    #[error("hello is not well-formed: {0}")]
    NotWellFormed(NotWellFormed),
    /// Something else came first.
    #[error("expected <hello> in {}, got <{name}> in `{namespace}`", namespace::BASE)]
    NotHello {
        /// Local name of what came.
        name: String,
        /// Its namespace.
        namespace: String,
    },
    /// RFC 6241 section 8.1: only the server sends a session-id.
    #[error("hello of a client with <session-id> (RFC 6241 section 8.1)")]
    SessionId,
    /// An element that has no place in a hello.
    #[error("hello with <{name}> in `{namespace}`")]
    UnknownElement {
        /// Local name.
        name: String,
        /// Its namespace.
        namespace: String,
    },
    /// No `<capabilities>`.
    #[error("hello without <capabilities>")]
    NoCapabilities,
    /// Neither base version.
    #[error("hello with neither {} nor {}", capability::BASE_1_1, capability::BASE_1_0)]
    NoCommonBase,
}

/// Our `<hello>`; both base versions stand in front of `capabilities`, which are not yet escaped.
pub fn server_hello(session_id: u32, capabilities: &[String]) -> String {
    let mut hello = format!("<hello xmlns=\"{}\">\n  <capabilities>\n", namespace::BASE);
    let bases = [capability::BASE_1_0, capability::BASE_1_1];
    for uri in bases.into_iter().chain(capabilities.iter().map(String::as_str)) {
        hello.push_str("    <capability>");
        hello.push_str(&escape::text(uri));
        hello.push_str("</capability>\n");
    }
    hello.push_str(&format!(
        "  </capabilities>\n  <session-id>{session_id}</session-id>\n</hello>\n"
    ));
    hello
}

/// Reads a client's `<hello>`; gives the framing for everything after it (RFC 6242 section 4.1).
pub fn read_client_hello(message: &[u8], bounds: &Bounds) -> Result<Framing, HelloError> {
    let document = Document::read_within(message, bounds).map_err(HelloError::NotWellFormed)?;
    let Some(root) = document.root() else {
        return Err(HelloError::NoCapabilities);
    };
    if root.name() != "hello" || root.namespace() != namespace::BASE {
        return Err(HelloError::NotHello {
            name: root.name().to_owned(),
            namespace: root.namespace().to_owned(),
        });
    }
    let mut capabilities = None;
    for child in root.children() {
        match (child.namespace(), child.name()) {
            (namespace::BASE, "capabilities") => capabilities = Some(child),
            (namespace::BASE, "session-id") => return Err(HelloError::SessionId),
            (namespace, name) => {
                return Err(HelloError::UnknownElement {
                    name: name.to_owned(),
                    namespace: namespace.to_owned(),
                });
            }
        }
    }
    let offered: Vec<&str> = capabilities
        .ok_or(HelloError::NoCapabilities)?
        .children()
        .filter(|child| child.namespace() == namespace::BASE && child.name() == "capability")
        .filter(|capability| capability.children().next().is_none())
        .map(|child| child.text())
        .collect();
    // RFC 6241 section 8.1: the highest version that both peers have.
    if offered.contains(&capability::BASE_1_1) {
        Ok(Framing::Chunked)
    } else if offered.contains(&capability::BASE_1_0) {
        Ok(Framing::EndOfMessage)
    } else {
        Err(HelloError::NoCommonBase)
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::{Bounds, Framing, HelloError, server_hello};

    fn read_client_hello(message: &[u8]) -> Result<Framing, HelloError> {
        super::read_client_hello(message, &Bounds::default())
    }

    fn hello(capabilities: &[&str], more: &str) -> String {
        let capabilities: String = capabilities
            .iter()
            .map(|uri| format!("<capability>\n {uri} </capability>"))
            .collect();
        format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?><nc:hello xmlns:nc=\"urn:ietf:params:xml:ns:netconf:base:1.0\">\
             <nc:capabilities>{}</nc:capabilities>{more}</nc:hello>",
            capabilities.replace("capability>", "nc:capability>")
        )
    }

    fn refusal(message: &str) -> String {
        read_client_hello(message.as_bytes())
            .expect_err("should be refused")
            .to_string()
    }

    #[test]
    fn ours_escapes_capabilities_and_has_the_session_id() {
        let capabilities = ["urn:example:a?module=a&revision=2024-01-01".to_owned()];
        expect![[r#"
            <hello xmlns="urn:ietf:params:xml:ns:netconf:base:1.0">
              <capabilities>
                <capability>urn:ietf:params:netconf:base:1.0</capability>
                <capability>urn:ietf:params:netconf:base:1.1</capability>
                <capability>urn:example:a?module=a&amp;revision=2024-01-01</capability>
              </capabilities>
              <session-id>4</session-id>
            </hello>
        "#]]
        .assert_eq(&server_hello(4, &capabilities));
    }

    #[test]
    fn the_highest_common_base_version_chooses_the_framing() {
        let both = hello(
            &[
                "urn:ietf:params:netconf:base:1.0",
                "urn:ietf:params:netconf:base:1.1",
            ],
            "",
        );
        assert_eq!(read_client_hello(both.as_bytes()), Ok(Framing::Chunked));
        let old = hello(&["urn:ietf:params:netconf:base:1.0"], "");
        assert_eq!(read_client_hello(old.as_bytes()), Ok(Framing::EndOfMessage));
    }

    #[test]
    fn only_the_exact_urn_is_a_base_version() {
        for near in [
            "urn:ietf:params:netconf:base:1.2",
            "urn:ietf:params:netconf:base:1.1?x=y",
            "urn:ietf:params:xml:ns:netconf:base:1.0",
        ] {
            assert!(
                refusal(&hello(&[near], "")).starts_with("hello with neither"),
                "{near}"
            );
        }
    }

    #[test]
    fn a_client_that_sends_a_session_id_is_refused() {
        let message = hello(
            &["urn:ietf:params:netconf:base:1.1"],
            "<nc:session-id>4</nc:session-id>",
        );
        expect!["hello of a client with <session-id> (RFC 6241 section 8.1)"].assert_eq(&refusal(&message));
    }

    #[test]
    fn a_hello_without_its_namespace_is_refused() {
        expect!["expected <hello> in urn:ietf:params:xml:ns:netconf:base:1.0, got <hello> in ``"]
            .assert_eq(&refusal("<hello><capabilities/></hello>"));
        let message = hello(
            &["urn:ietf:params:netconf:base:1.1"],
            "<x xmlns='urn:example:x'/>",
        );
        expect!["hello with <x> in `urn:example:x`"].assert_eq(&refusal(&message));
    }

    #[test]
    fn a_request_in_place_of_the_hello_is_refused() {
        let message = r#"<rpc xmlns="urn:ietf:params:xml:ns:netconf:base:1.0" message-id="1"><get/></rpc>"#;
        assert!(refusal(message).contains("got <rpc>"));
        assert!(refusal("<hello").starts_with("hello is not well-formed: line 1"));
    }
}
