//! RFC 6241 sections 7 and 8.3 to 8.6: the operations and their parameters.

use expect_test::{Expect, expect};
use ponder::management::desk::Ending;
use ponder::management::request::Reply;

use crate::{Peer, outcome, rpc};

fn check(operation: &str, expected: &Expect) {
    expected.assert_eq(&outcome(&rpc(operation)));
}

/// Tag, message and information of the refusal, in one line.
fn refusal(operation: &str) -> String {
    let reply = outcome(&rpc(operation));
    let part = |name: &str| {
        let (_, rest) = reply.split_once(&format!("<{name}>"))?;
        rest.split_once(&format!("</{name}>"))
            .map(|(part, _)| part.replace('\n', ""))
    };
    let message = reply
        .split_once("xml:lang=\"en\">")
        .unwrap()
        .1
        .split_once('<')
        .unwrap()
        .0;
    format!(
        "{} {}: {message} {}",
        part("error-type").unwrap(),
        part("error-tag").unwrap(),
        part("error-info").unwrap_or_default()
    )
}

fn check_refusal(operation: &str, expected: &Expect) {
    expected.assert_eq(&refusal(operation));
}

#[test]
fn get_takes_no_filter_a_subtree_filter_or_an_xpath_filter() {
    check(
        "<get/>",
        &expect![[r#"
            Get {
                filter: Everything,
                with_defaults: Explicit,
            }"#]],
    );
    check(
        "<get><filter/></get>",
        &expect![[r#"
            Get {
                filter: Subtree(
                    "",
                ),
                with_defaults: Explicit,
            }"#]],
    );
    check(
        "<get><filter type=\"subtree\"><top xmlns=\"urn:example:a\"><x/></top></filter></get>",
        &expect![[r#"
            Get {
                filter: Subtree(
                    "<top xmlns=\"urn:example:a\"><x/></top>",
                ),
                with_defaults: Explicit,
            }"#]],
    );
    check(
        "<get><filter type=\"xpath\" select=\"/a:top/a:x\"/></get>",
        &expect![[r#"
            Get {
                filter: XPath {
                    select: "/a:top/a:x",
                    namespaces: [],
                },
                with_defaults: Explicit,
            }"#]],
    );
}

#[test]
fn a_filter_without_namespace_and_with_a_prefixed_type_is_tolerated() {
    check(
        "<get xmlns:nc=\"urn:ietf:params:xml:ns:netconf:base:1.0\"><filter xmlns=\"\" nc:type=\"subtree\"><top xmlns=\"urn:example:a\"/></filter></get>",
        &expect![[r#"
            Get {
                filter: Subtree(
                    "<top xmlns=\"urn:example:a\"/>",
                ),
                with_defaults: Explicit,
            }"#]],
    );
}

#[test]
fn namespaces_in_scope_come_with_the_content() {
    let message = "<nc:rpc xmlns:nc=\"urn:ietf:params:xml:ns:netconf:base:1.0\" xmlns:a=\"urn:example:a\" xmlns=\"urn:example:b\" message-id=\"1\">\
        <nc:edit-config><nc:target><nc:candidate/></nc:target><nc:config><a:top nc:operation=\"delete\"/><other/></nc:config></nc:edit-config></nc:rpc>";
    expect![[r#"
        EditConfig {
            target: Candidate,
            default_operation: Merge,
            test_option: Unstated,
            error_option: StopOnError,
            config: Inline(
                "<a:top xmlns:nc=\"urn:ietf:params:xml:ns:netconf:base:1.0\" xmlns:a=\"urn:example:a\" xmlns=\"urn:example:b\" nc:operation=\"delete\"/><other xmlns=\"urn:example:b\"/>",
            ),
        }"#]].assert_eq(&outcome(message));
}

#[test]
fn what_is_wrong_with_a_filter_is_said() {
    check_refusal(
        "<get><filter type=\"regex\"/></get>",
        &expect![
            "protocol bad-attribute: type of filter: `regex` is not one of subtree, xpath <bad-attribute>type</bad-attribute><bad-element>filter</bad-element>"
        ],
    );
    check_refusal(
        "<get><filter type=\"xpath\"/></get>",
        &expect![
            "protocol missing-attribute: filter of get has type xpath but no select attribute <bad-attribute>select</bad-attribute><bad-element>filter</bad-element>"
        ],
    );
    check_refusal(
        "<get><filter>all</filter></get>",
        &expect![
            "protocol bad-element: filter of get holds text beside its elements <bad-element>filter</bad-element>"
        ],
    );
    check_refusal(
        "<get><filter/><filter/></get>",
        &expect![
            "protocol bad-element: &lt;filter&gt; of get is given twice <bad-element>filter</bad-element>"
        ],
    );
}

#[test]
fn the_operations_of_napalm_are_understood() {
    check(
        "<get xmlns=\"urn:ietf:params:xml:ns:netconf:base:1.1\"><filter><top xmlns=\"urn:example:a\"/></filter></get>",
        &expect![[r#"
            Get {
                filter: Subtree(
                    "<top xmlns=\"urn:example:a\"/>",
                ),
                with_defaults: Explicit,
            }"#]],
    );
    check(
        "<edit-config><error-option>rollback-on-error</error-option><target><candidate/></target><config xmlns=\"\"><cli xmlns=\"urn:example:cli\">hostname x</cli></config></edit-config>",
        &expect![[r#"
            EditConfig {
                target: Candidate,
                default_operation: Merge,
                test_option: Unstated,
                error_option: RollbackOnError,
                config: Inline(
                    "<cli xmlns=\"urn:example:cli\">hostname x</cli>",
                ),
            }"#]],
    );
}

#[test]
fn get_config_names_a_datastore() {
    check(
        "<get-config><source><running/></source></get-config>",
        &expect![[r#"
            GetConfig {
                source: Running,
                filter: Everything,
                with_defaults: Explicit,
            }"#]],
    );
    check_refusal(
        "<get-config/>",
        &expect![
            "protocol missing-element: get-config needs &lt;source&gt; <bad-element>source</bad-element>"
        ],
    );
    check_refusal(
        "<get-config><source/></get-config>",
        &expect![
            "protocol missing-element: &lt;source&gt; of get-config is empty: it names candidate or running <bad-element>source</bad-element>"
        ],
    );
    check_refusal(
        "<get-config><source><running/><candidate/></source></get-config>",
        &expect![
            "protocol bad-element: &lt;source&gt; of get-config names one datastore: &lt;candidate&gt; is a second one <bad-element>candidate</bad-element>"
        ],
    );
    check_refusal(
        "<get-config><source><operational/></source></get-config>",
        &expect![
            "protocol unknown-element: source of get-config: `operational` is not a datastore, expected candidate or running <bad-element>operational</bad-element>"
        ],
    );
    check_refusal(
        "<get-config><source><running xmlns=\"urn:example:a\"/></source></get-config>",
        &expect![
            "protocol unknown-namespace: source of get-config: &lt;running&gt; is in `urn:example:a` <bad-element>running</bad-element><bad-namespace>urn:example:a</bad-namespace>"
        ],
    );
}

#[test]
fn edit_config_has_the_defaults_of_the_rfc_and_takes_its_parameters_in_any_order() {
    check(
        "<edit-config><target><candidate/></target><config/></edit-config>",
        &expect![[r#"
            EditConfig {
                target: Candidate,
                default_operation: Merge,
                test_option: Unstated,
                error_option: StopOnError,
                config: Inline(
                    "",
                ),
            }"#]],
    );
    check(
        "<edit-config><config/><error-option>continue-on-error</error-option><test-option>test-only</test-option>\
         <default-operation> none </default-operation><target><running/></target></edit-config>",
        &expect![[r#"
            EditConfig {
                target: Running,
                default_operation: None,
                test_option: TestOnly,
                error_option: ContinueOnError,
                config: Inline(
                    "",
                ),
            }"#]],
    );
}

#[test]
fn what_is_wrong_with_an_edit_is_said() {
    check_refusal(
        "<edit-config><config/></edit-config>",
        &expect![
            "protocol missing-element: edit-config needs &lt;target&gt; <bad-element>target</bad-element>"
        ],
    );
    check_refusal(
        "<edit-config><target><candidate/></target></edit-config>",
        &expect![
            "protocol missing-element: edit-config needs &lt;config&gt; <bad-element>config</bad-element>"
        ],
    );
    check_refusal(
        "<edit-config><target><candidate/></target><default-operation>delete</default-operation><config/></edit-config>",
        &expect![
            "protocol invalid-value: default-operation of edit-config: `delete` is not one of merge, replace, none <bad-element>default-operation</bad-element>"
        ],
    );
    check_refusal(
        "<edit-config><target><candidate/></target><test-option/><config/></edit-config>",
        &expect![
            "protocol invalid-value: test-option of edit-config: `` is not one of test-then-set, set, test-only <bad-element>test-option</bad-element>"
        ],
    );
    check_refusal(
        "<edit-config><target><candidate/></target><error-option>ignore</error-option><config/></edit-config>",
        &expect![
            "protocol invalid-value: error-option of edit-config: `ignore` is not one of stop-on-error, continue-on-error, rollback-on-error <bad-element>error-option</bad-element>"
        ],
    );
    check_refusal(
        "<edit-config><target><candidate/></target><config>x</config></edit-config>",
        &expect![
            "protocol bad-element: config of edit-config holds text beside its elements <bad-element>config</bad-element>"
        ],
    );
    check_refusal(
        "<edit-config><target><candidate/></target><options/><config/></edit-config>",
        &expect![
            "protocol unknown-element: edit-config does not take &lt;options&gt;: it takes target, default-operation, test-option, error-option, config, url <bad-element>options</bad-element>"
        ],
    );
    check_refusal(
        "<edit-config><target><candidate/></target><config xmlns=\"urn:example:a\"/></edit-config>",
        &expect![
            "protocol unknown-namespace: &lt;config&gt; of edit-config is in `urn:example:a`: expected urn:ietf:params:xml:ns:netconf:base:1.0 <bad-element>config</bad-element><bad-namespace>urn:example:a</bad-namespace>"
        ],
    );
}

#[test]
fn lock_and_unlock_name_a_datastore() {
    check(
        "<lock><target><candidate/></target></lock>",
        &expect![[r#"
        Lock {
            target: Candidate,
        }"#]],
    );
    check(
        "<unlock><target><running/></target></unlock>",
        &expect![[r#"
        Unlock {
            target: Running,
        }"#]],
    );
    check_refusal(
        "<lock/>",
        &expect!["protocol missing-element: lock needs &lt;target&gt; <bad-element>target</bad-element>"],
    );
    check_refusal(
        "<unlock><source><running/></source></unlock>",
        &expect![
            "protocol unknown-element: unlock does not take &lt;source&gt;: it takes target <bad-element>source</bad-element>"
        ],
    );
}

#[test]
fn validate_takes_a_datastore_or_a_configuration() {
    check(
        "<validate><source><candidate/></source></validate>",
        &expect![[r#"
        Validate {
            source: Datastore(
                Candidate,
            ),
        }"#]],
    );
    check(
        "<validate><source><config><top xmlns=\"urn:example:a\"><x>1</x></top></config></source></validate>",
        &expect![[r#"
            Validate {
                source: Inline(
                    "<top xmlns=\"urn:example:a\"><x>1</x></top>",
                ),
            }"#]],
    );
    check_refusal(
        "<validate/>",
        &expect!["protocol missing-element: validate needs &lt;source&gt; <bad-element>source</bad-element>"],
    );
}

#[test]
fn commit_and_discard_changes_take_no_others() {
    check(
        "<commit/>",
        &expect![[r#"
        Commit {
            confirmed: None,
            persist_id: None,
        }"#]],
    );
    check("<discard-changes/>", &expect!["DiscardChanges"]);
    check_refusal(
        "<commit><now/></commit>",
        &expect![
            "protocol unknown-element: commit does not take &lt;now&gt;: it takes confirmed, confirm-timeout, persist, persist-id <bad-element>now</bad-element>"
        ],
    );
    check_refusal(
        "<discard-changes><all/></discard-changes>",
        &expect![
            "protocol unknown-element: discard-changes does not take &lt;all&gt;: it takes no elements <bad-element>all</bad-element>"
        ],
    );
}

#[test]
fn kill_session_names_a_session() {
    check(
        "<kill-session><session-id> 7 </session-id></kill-session>",
        &expect![[r#"
        KillSession {
            session_id: 7,
        }"#]],
    );
    check_refusal(
        "<kill-session/>",
        &expect![
            "protocol missing-element: kill-session needs &lt;session-id&gt; <bad-element>session-id</bad-element>"
        ],
    );
    check_refusal(
        "<kill-session><session-id>0</session-id></kill-session>",
        &expect![
            "protocol invalid-value: session-id of kill-session: `0` is not a number from 1 to 4294967295 <bad-element>session-id</bad-element>"
        ],
    );
    check_refusal(
        "<kill-session><session-id>4294967296</session-id></kill-session>",
        &expect![
            "protocol invalid-value: session-id of kill-session: `4294967296` is not a number from 1 to 4294967295 <bad-element>session-id</bad-element>"
        ],
    );
}

#[test]
fn close_session_is_answered_before_the_end_and_nothing_after_it() {
    let mut peer = Peer::open();
    peer.send(&rpc("<close-session/>"));
    peer.send(&rpc("<get/>"));
    peer.answer(Ok(Reply::Ok));
    assert!(peer.message().contains("<ok/>"));
    assert!(peer.messages.is_empty());
    assert_eq!(peer.closed, Some((Ending::Closed, None)));
}

#[test]
fn operations_that_are_not_there_are_named() {
    check_refusal(
        "<frobnicate/>",
        &expect![
            "protocol unknown-element: RFC 6241 has no operation frobnicate <bad-element>frobnicate</bad-element>"
        ],
    );
    check_refusal(
        "<get xmlns=\"\"/>",
        &expect![
            "protocol unknown-namespace: &lt;get&gt; is in no namespace: an operation needs one <bad-element>get</bad-element><bad-namespace></bad-namespace>"
        ],
    );
}

#[test]
fn rpcs_of_modules_are_handed_on_whole() {
    check(
        "<act:register xmlns:act=\"urn:example:act\"><act:id-token>a&amp;b</act:id-token></act:register>",
        &expect![[r#"
            Rpc {
                name: "register",
                namespace: "urn:example:act",
                document: "<act:register xmlns=\"urn:ietf:params:xml:ns:netconf:base:1.0\" xmlns:act=\"urn:example:act\"><act:id-token>a&amp;b</act:id-token></act:register>",
            }"#]],
    );
}
