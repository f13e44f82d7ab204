//! Answers as XML: the one place where a [`ManagementError`] becomes `<rpc-error>` (RFC 6241 section 4.3).

use crate::management::body::Body;
use crate::management::error::{ErrorTag, ErrorType, ManagementError};
use crate::management::request::Reply;
use crate::netconf::document::NotWellFormed;
use crate::netconf::envelope::Returned;
use crate::netconf::escape;
use crate::netconf::namespace;

/// `<rpc-reply>` in pieces, of which a large body is one, so that it is not copied.
pub fn reply(returned: &Returned, answer: Result<Reply, Vec<ManagementError>>) -> Vec<Body> {
    let xml = Names {
        prefix: &returned.prefix,
    };
    let mut head = xml.start("rpc-reply", &opening_attributes(returned));
    let mut body = Body::default();
    let mut tail = String::new();
    match answer {
        Ok(Reply::Ok) => head.push_str(&xml.empty("ok")),
        Ok(Reply::Data(data)) => {
            head.push_str(&xml.start("data", ""));
            body = data;
            tail.push_str(&xml.end("data"));
        }
        Ok(Reply::NmdaData(data)) => {
            head.push_str(&format!("<data xmlns=\"{}\">", namespace::NMDA));
            body = data;
            tail.push_str("</data>");
        }
        Ok(Reply::Output(output)) => body = output.into(),
        Ok(Reply::SchemaText(text)) => {
            head.push_str(&format!("<data xmlns=\"{}\">", namespace::MONITORING));
            body = escape::text(&text).into_owned().into();
            tail.push_str("</data>");
        }
        Err(errors) => {
            for error in &errors {
                rpc_error(xml, error, &mut head);
            }
        }
    }
    tail.push_str(&xml.end("rpc-reply"));
    vec![head.into(), body, tail.into()]
}

/// The refusal of a message that could not be parsed. Only peers with base 1.1 know it (RFC 6241 appendix A).
pub fn malformed_message(fault: &NotWellFormed) -> ManagementError {
    let tag = match fault.is_too_big {
        true => ErrorTag::TooBig,
        false => ErrorTag::MalformedMessage,
    };
    ManagementError {
        error_type: ErrorType::Rpc,
        ..ManagementError::protocol(tag, fault.to_string())
    }
}

/// The refusal of a message over the limit.
pub fn too_big(limit: usize) -> ManagementError {
    refused_for_length(format!(
        "the message is longer than {limit} bytes (max-message-bytes)"
    ))
}

/// The refusal of a message for which the server has no room now.
pub fn no_room() -> ManagementError {
    refused_for_length(
        "the requests of all sessions together take too much memory (max-input-bytes)".to_owned(),
    )
}

fn refused_for_length(message: String) -> ManagementError {
    ManagementError {
        error_type: ErrorType::Rpc,
        ..ManagementError::protocol(ErrorTag::TooBig, message)
    }
}

fn opening_attributes(returned: &Returned) -> String {
    let mut attributes = String::new();
    if returned.prefix.is_empty() {
        attributes.push_str(&format!(" xmlns=\"{}\"", namespace::BASE));
    }
    for (name, value) in &returned.attributes {
        attributes.push_str(&format!(" {name}=\"{}\"", escape::attribute(value)));
    }
    attributes
}

fn rpc_error(xml: Names<'_>, error: &ManagementError, written: &mut String) {
    let error_type = match error.error_type {
        ErrorType::Transport => "transport",
        ErrorType::Rpc => "rpc",
        ErrorType::Protocol => "protocol",
        ErrorType::Application => "application",
    };
    written.push_str(&xml.start("rpc-error", ""));
    written.push_str(&xml.leaf("error-type", "", error_type));
    written.push_str(&xml.leaf("error-tag", "", error.tag.as_str()));
    written.push_str(&xml.leaf("error-severity", "", "error"));
    if let Some(app_tag) = &error.app_tag {
        written.push_str(&xml.leaf("error-app-tag", "", app_tag));
    }
    if let Some(path) = &error.path {
        let mut declarations = String::new();
        for (prefix, namespace) in &error.namespaces {
            declarations.push_str(&format!(" xmlns:{prefix}=\"{}\"", escape::attribute(namespace)));
        }
        written.push_str(&xml.leaf("error-path", &declarations, path));
    }
    written.push_str(&xml.leaf("error-message", " xml:lang=\"en\"", &error.message));
    if !error.info.is_empty() {
        written.push_str(&xml.start("error-info", ""));
        for (name, value) in &error.info {
            match namespace_of_info(name) {
                namespace::BASE => written.push_str(&xml.leaf(name, "", value)),
                // Structures, whose value is their content already.
                other @ (namespace::SUBSCRIBED_NOTIFICATIONS | namespace::YANG_PUSH) => {
                    written.push_str(&format!("<{name} xmlns=\"{other}\">{value}</{name}>"));
                }
                other => written.push_str(&format!(
                    "<{name} xmlns=\"{other}\">{}</{name}>",
                    escape::text(value)
                )),
            }
        }
        written.push_str(&xml.end("error-info"));
    }
    written.push_str(&xml.end("rpc-error"));
}

/// RFC 6241 defines its own children of `<error-info>`; RFC 7950 section 15 those of a validation, RFC 8639 and RFC 8641
/// those of subscriptions.
fn namespace_of_info(name: &str) -> &'static str {
    match name {
        "non-unique" | "missing-choice" => namespace::YANG,
        "establish-subscription-stream-error-info" | "modify-subscription-stream-error-info" => {
            namespace::SUBSCRIBED_NOTIFICATIONS
        }
        "establish-subscription-datastore-error-info" | "modify-subscription-datastore-error-info" => {
            namespace::YANG_PUSH
        }
        _ => namespace::BASE,
    }
}

/// Writes elements of the base namespace with the prefix that the reply uses for it.
#[derive(Clone, Copy)]
struct Names<'a> {
    prefix: &'a str,
}

impl Names<'_> {
    fn qualified(self, name: &str) -> String {
        match self.prefix {
            "" => name.to_owned(),
            prefix => format!("{prefix}:{name}"),
        }
    }

    fn start(self, name: &str, attributes: &str) -> String {
        format!("<{}{attributes}>", self.qualified(name))
    }

    fn end(self, name: &str) -> String {
        format!("</{}>", self.qualified(name))
    }

    fn empty(self, name: &str) -> String {
        format!("<{}/>", self.qualified(name))
    }

    fn leaf(self, name: &str, attributes: &str, value: &str) -> String {
        let name = self.qualified(name);
        format!("<{name}{attributes}>{}</{name}>", escape::text(value))
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::{ErrorTag, ManagementError, Reply, Returned, reply};

    fn returned(attributes: &[(&str, &str)], prefix: &str) -> Returned {
        let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        Returned {
            attributes: attributes.iter().map(own).collect(),
            prefix: prefix.to_owned(),
        }
    }

    fn check(returned: &Returned, answer: Result<Reply, Vec<ManagementError>>, expected: &Expect) {
        let pieces = reply(returned, answer);
        expected.assert_eq(
            &pieces
                .iter()
                .map(|piece| piece.to_text().unwrap())
                .collect::<String>(),
        );
    }

    #[test]
    fn ok_data_output_and_schema_text_have_their_places() {
        let one = returned(&[("message-id", "1")], "");
        check(
            &one,
            Ok(Reply::Ok),
            &expect![[
                r#"<rpc-reply xmlns="urn:ietf:params:xml:ns:netconf:base:1.0" message-id="1"><ok/></rpc-reply>"#
            ]],
        );
        check(
            &one,
            Ok(Reply::Data("<a xmlns=\"u\"/>".into())),
            &expect![[
                r#"<rpc-reply xmlns="urn:ietf:params:xml:ns:netconf:base:1.0" message-id="1"><data><a xmlns="u"/></data></rpc-reply>"#
            ]],
        );
        check(
            &one,
            Ok(Reply::Output("<b xmlns=\"u\">1</b>".into())),
            &expect![[
                r#"<rpc-reply xmlns="urn:ietf:params:xml:ns:netconf:base:1.0" message-id="1"><b xmlns="u">1</b></rpc-reply>"#
            ]],
        );
        check(
            &one,
            Ok(Reply::SchemaText("module a { // <&>\n}".into())),
            &expect![[r#"
            <rpc-reply xmlns="urn:ietf:params:xml:ns:netconf:base:1.0" message-id="1"><data xmlns="urn:ietf:params:xml:ns:yang:ietf-netconf-monitoring">module a { // &lt;&amp;&gt;
            }</data></rpc-reply>"#]],
        );
    }

    #[test]
    fn attributes_return_unmodified() {
        let many = returned(
            &[("xmlns:e", "u:e"), ("message-id", "a\"&\n"), ("e:trace", "7")],
            "",
        );
        check(
            &many,
            Ok(Reply::Ok),
            &expect![[
                r#"<rpc-reply xmlns="urn:ietf:params:xml:ns:netconf:base:1.0" xmlns:e="u:e" message-id="a&quot;&amp;&#10;" e:trace="7"><ok/></rpc-reply>"#
            ]],
        );
    }

    #[test]
    fn a_request_that_uses_the_default_namespace_otherwise_gets_prefixed_elements() {
        let prefixed = returned(
            &[
                ("xmlns", "u:other"),
                ("xmlns:nc", "urn:ietf:params:xml:ns:netconf:base:1.0"),
                ("message-id", "1"),
            ],
            "nc",
        );
        let error = ManagementError::protocol(ErrorTag::MissingElement, "lock needs <target>")
            .with_info("bad-element", "target");
        check(
            &prefixed,
            Err(vec![error]),
            &expect![[
                r#"<nc:rpc-reply xmlns="u:other" xmlns:nc="urn:ietf:params:xml:ns:netconf:base:1.0" message-id="1"><nc:rpc-error><nc:error-type>protocol</nc:error-type><nc:error-tag>missing-element</nc:error-tag><nc:error-severity>error</nc:error-severity><nc:error-message xml:lang="en">lock needs &lt;target&gt;</nc:error-message><nc:error-info><nc:bad-element>target</nc:bad-element></nc:error-info></nc:rpc-error></nc:rpc-reply>"#
            ]],
        );
    }

    #[test]
    fn an_error_carries_path_app_tag_and_information_in_their_namespaces() {
        let mut error = ManagementError::application(ErrorTag::InvalidValue, "31 is outside -190..30 & more")
            .with_info("bad-element", "target-power")
            .with_info("missing-choice", "kind");
        error.app_tag = Some("out-of-range".into());
        error.path = Some("/o:optics[o:name='a<b']".into());
        error.namespaces = vec![("o".into(), "http://example.com/o?a&b".into())];
        check(
            &returned(&[("message-id", "1")], ""),
            Err(vec![error]),
            &expect![[
                r#"<rpc-reply xmlns="urn:ietf:params:xml:ns:netconf:base:1.0" message-id="1"><rpc-error><error-type>application</error-type><error-tag>invalid-value</error-tag><error-severity>error</error-severity><error-app-tag>out-of-range</error-app-tag><error-path xmlns:o="http://example.com/o?a&amp;b">/o:optics[o:name='a&lt;b']</error-path><error-message xml:lang="en">31 is outside -190..30 &amp; more</error-message><error-info><bad-element>target-power</bad-element><missing-choice xmlns="urn:ietf:params:xml:ns:yang:1">kind</missing-choice></error-info></rpc-error></rpc-reply>"#
            ]],
        );
    }
}
