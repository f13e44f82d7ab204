//! edit-config: operations, options and refusals (RFC 6241 section 7.2).

use expect_test::expect;

use crate::office::{GET_CANDIDATE, Office, edit, host_name, optics};

const NC: &str = r#"xmlns:nc="urn:ietf:params:xml:ns:netconf:base:1.0""#;

#[test]
fn create_meets_what_is_there_and_delete_what_is_not() {
    let mut office = Office::opened();
    let admin = office.enter("admin");
    let with = |operation: &str| {
        format!(
            r#"<host-names xmlns="http://cisco.com/ns/yang/Cisco-IOS-XR-shellutil-cfg" {NC}><host-name nc:operation="{operation}">lab</host-name></host-names>"#
        )
    };
    office.accept(admin, &edit("", &with("create")));
    office.check(admin, &edit("", &with("create")), expect![[r#"
        <rpc-error>
        <error-type>application</error-type>
        <error-tag>data-exists</error-tag>
        <error-severity>error</error-severity>
        <error-path xmlns:shellutil-cfg="http://cisco.com/ns/yang/Cisco-IOS-XR-shellutil-cfg">/shellutil-cfg:host-names/shellutil-cfg:host-name</error-path>
        <error-message xml:lang="en">host-names/host-name is there already and cannot be created</error-message>
        <error-info>
        <bad-element>host-name</bad-element>
        </error-info>
        </rpc-error>"#]]);
    office.accept(admin, &edit("", &with("delete")));
    office.check(admin, &edit("", &with("delete")), expect![[r#"
        <rpc-error>
        <error-type>application</error-type>
        <error-tag>data-missing</error-tag>
        <error-severity>error</error-severity>
        <error-path xmlns:shellutil-cfg="http://cisco.com/ns/yang/Cisco-IOS-XR-shellutil-cfg">/shellutil-cfg:host-names/shellutil-cfg:host-name</error-path>
        <error-message xml:lang="en">host-names/host-name is not there and cannot be deleted</error-message>
        <error-info>
        <bad-element>host-name</bad-element>
        </error-info>
        </rpc-error>"#]]);
    office.accept(admin, &edit("", &with("remove")));
}

#[test]
fn replace_takes_away_what_is_not_in_it() {
    let mut office = Office::opened();
    let admin = office.enter("admin");
    office.accept(
        admin,
        &edit(
            "",
            &optics(
                "Optics0/0/0/0",
                "<nleq-comp-mode>1</nleq-comp-mode><enh-colorless-mode>2</enh-colorless-mode>",
            ),
        ),
    );
    office.accept(
        admin,
        &edit(
            "",
            &optics("Optics0/0/0/0", "<nleq-comp-mode>3</nleq-comp-mode>")
                .replace("<optics ", &format!("<optics {NC} nc:operation=\"replace\" ")),
        ),
    );
    let candidate = office.ask(admin, GET_CANDIDATE);
    assert!(
        candidate.contains("<nleq-comp-mode>3</nleq-comp-mode>"),
        "{candidate}"
    );
    assert!(!candidate.contains("enh-colorless-mode"), "{candidate}");
}

#[test]
fn the_three_error_options_differ() {
    let wrong = format!(
        "{}{}{}",
        host_name("lab"),
        optics(
            "Optics0/0/0/0",
            "<rx-voa><target-power>31</target-power></rx-voa>"
        ),
        optics("Optics0/0/0/1", "<nleq-comp-mode>1</nleq-comp-mode>")
    );
    let left_by = |option: &str| {
        let mut office = Office::opened();
        let admin = office.enter("admin");
        let reply = office.edit(admin, &format!("<error-option>{option}</error-option>"), &wrong);
        assert!(reply.contains("\"31\" is outside -190..30"), "{reply}");
        let left = office.ask(admin, GET_CANDIDATE);
        (left.contains("lab"), left.contains("nleq-comp-mode"))
    };
    assert_eq!(left_by("stop-on-error"), (true, false));
    assert_eq!(left_by("continue-on-error"), (true, true));
    assert_eq!(left_by("rollback-on-error"), (false, false));
}

#[test]
fn test_only_checks_and_changes_nothing() {
    let mut office = Office::opened();
    let admin = office.enter("admin");
    let test_only = "<test-option>test-only</test-option>";
    office.accept(admin, &edit(test_only, &host_name("lab")));
    assert!(!office.ask(admin, GET_CANDIDATE).contains("lab"));
    let refused = office.edit(
        admin,
        test_only,
        &optics("Optics0/0/0/0", "<enh-sop-tol-mode>4</enh-sop-tol-mode>"),
    );
    assert!(
        refused.contains("enh-sop-tol-mode: \"4\" is outside 1..3"),
        "{refused}"
    );
}

#[test]
fn running_is_not_edited_directly() {
    let mut office = Office::opened();
    let admin = office.enter("admin");
    office.check(
        admin,
        &format!("<edit-config><target><running/></target><config>{}</config></edit-config>", host_name("lab")),
        expect![[r#"
            <rpc-error>
            <error-type>protocol</error-type>
            <error-tag>operation-not-supported</error-tag>
            <error-severity>error</error-severity>
            <error-message xml:lang="en">running cannot be edited directly (no :writable-running): edit candidate and commit</error-message>
            </rpc-error>"#]],
    );
}

#[test]
fn state_cannot_be_configured() {
    let mut office = Office::opened();
    let admin = office.enter("admin");
    let refused = office.edit(
        admin,
        "",
        r#"<licence-state xmlns="urn:ponder:yang:ponder-licence-state"><status>authorized</status></licence-state>"#,
    );
    assert!(refused.contains("licence-state"), "{refused}");
    assert!(
        refused.contains("<error-tag>invalid-value</error-tag>"),
        "{refused}"
    );
}

#[test]
fn what_only_the_protocol_uses_is_no_configuration() {
    let mut office = Office::opened();
    let admin = office.enter("admin");
    let refused = office.edit(
        admin,
        "",
        r#"<rpc-error xmlns="urn:ietf:params:xml:ns:netconf:base:1.0"><error-type>rpc</error-type></rpc-error>"#,
    );
    assert!(
        refused.contains("<error-tag>unknown-element</error-tag>"),
        "{refused}"
    );
}
