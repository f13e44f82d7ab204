//! A request: what is handed to the front desk is well-formed by itself, and so is every reply.

use ponder::management::body::Body;
use ponder::management::request::{ConfigSource, Filter, Reply, Request};
use ponder::netconf::bounds::Bounds;
use ponder::netconf::document::Document;
use ponder::netconf::envelope;
use ponder::netconf::rpc_error::{malformed_message, reply};

/// The message without framing.
pub fn run(data: &[u8]) {
    let (returned, answer) = match envelope::read(data, &Bounds::default()) {
        Ok(envelope) => match envelope.request {
            Ok(request) => {
                check(&request);
                (envelope.returned, Ok(Reply::Data(Body::default())))
            }
            Err(refusal) => (envelope.returned, Err(vec![refusal])),
        },
        Err(fault) => (
            envelope::Returned::default(),
            Err(vec![malformed_message(&fault)]),
        ),
    };
    let text: String = reply(&returned, answer)
        .iter()
        .map(|piece| piece.to_text().expect("nothing is laid aside here"))
        .collect();
    let document = Document::read(text.as_bytes()).unwrap_or_else(|fault| panic!("{fault} in reply {text}"));
    let root = document.root().expect("a reply has a root");
    assert_eq!(root.name(), "rpc-reply");
    assert_eq!(root.namespace(), "urn:ietf:params:xml:ns:netconf:base:1.0");
    assert!(root.children().next().is_some(), "{text}");
}

fn check(request: &Request) {
    let content = match request {
        Request::Get { filter, .. } | Request::GetConfig { filter, .. } => match filter {
            Filter::Subtree(content) => content,
            Filter::Everything | Filter::XPath { .. } => return,
        },
        Request::EditConfig {
            config: ConfigSource::Inline(config),
            ..
        } => config,
        Request::Validate {
            source: ConfigSource::Inline(config),
        }
        | Request::CopyConfig {
            source: ConfigSource::Inline(config),
            ..
        } => config,
        Request::Rpc { document, .. } => document,
        _ => return,
    };
    let wrapped = format!("<fuzz>{content}</fuzz>");
    // One level more than the message had is allowed to be one too many.
    if let Err(fault) = Document::read(wrapped.as_bytes()) {
        assert!(fault.reason.contains("nested more than"), "{fault} in {wrapped}");
    }
}
