//! RFC 6022 section 3.1: `<get-schema>`.

use expect_test::expect;

use crate::{outcome, rpc};

#[test]
fn get_schema_takes_identifier_version_and_format() {
    let operation = "<get-schema xmlns=\"urn:ietf:params:xml:ns:yang:ietf-netconf-monitoring\" xmlns:m=\"urn:ietf:params:xml:ns:yang:ietf-netconf-monitoring\">\
        <identifier>ietf-interfaces</identifier><version>2018-02-20</version><format>m:yin</format></get-schema>";
    expect![[r#"
        GetSchema {
            identifier: "ietf-interfaces",
            version: Some(
                "2018-02-20",
            ),
            format: Some(
                "yin",
            ),
        }"#]]
    .assert_eq(&outcome(&rpc(operation)));
}

#[test]
fn an_empty_version_means_any() {
    let operation = "<get-schema xmlns=\"urn:ietf:params:xml:ns:yang:ietf-netconf-monitoring\"><identifier>a</identifier><version/></get-schema>";
    expect![[r#"
        GetSchema {
            identifier: "a",
            version: None,
            format: None,
        }"#]]
    .assert_eq(&outcome(&rpc(operation)));
}

#[test]
fn the_identifier_must_be_there() {
    let operation = "<get-schema xmlns=\"urn:ietf:params:xml:ns:yang:ietf-netconf-monitoring\"/>";
    expect![[r#"
        <rpc-reply xmlns="urn:ietf:params:xml:ns:netconf:base:1.0" message-id="1">
        <rpc-error>
        <error-type>protocol</error-type>
        <error-tag>missing-element</error-tag>
        <error-severity>error</error-severity>
        <error-message xml:lang="en">get-schema needs &lt;identifier&gt;</error-message>
        <error-info>
        <bad-element>identifier</bad-element>
        </error-info>
        </rpc-error>
        </rpc-reply>"#]]
    .assert_eq(&outcome(&rpc(operation)));
    let operation = "<get-schema xmlns=\"urn:ietf:params:xml:ns:yang:ietf-netconf-monitoring\"><identifier/></get-schema>";
    assert!(outcome(&rpc(operation)).contains("<error-tag>invalid-value</error-tag>"));
}
