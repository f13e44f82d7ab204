//! RFC 8341 section 3: access control over operations, configuration and state, with rules that are configured themselves.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use expect_test::expect;
use ponder::app::access::AccessParticipant;
use ponder::datastore::memory_storage::MemoryStorage;
use ponder::management::access::control::{AccessControl, AccessState, Privileges};
use ponder::management::operational::OperationalState;

use crate::office::{Office, SCHEMA, edit};
use crate::rfc5277_section_2::{names, subscribe};

const NACM: &str = "urn:ietf:params:xml:ns:yang:ietf-netconf-acm";
const IFMGR: &str = "http://cisco.com/ns/yang/Cisco-IOS-XR-ifmgr-cfg";
const SHELLUTIL: &str = "http://cisco.com/ns/yang/Cisco-IOS-XR-shellutil-cfg";

fn office(from_the_start: bool) -> Office {
    Office::with(MemoryStorage::new(), |parts| {
        let privileges = Privileges {
            recovery: BTreeSet::from(["root".to_owned()]),
            groups: BTreeMap::from([("otto".to_owned(), vec!["guests".to_owned()])]),
            from_the_start,
        };
        let running = Arc::clone(&parts.datastores.running().tree);
        parts.access = Arc::new(AccessControl::new(&SCHEMA, privileges, &running));
        parts.state = OperationalState::new(vec![Box::new(AccessState {
            control: Arc::clone(&parts.access),
        })]);
    })
}

/// An office whose root configured some rules for the group of anna; `rest` stands beside them.
fn ruled(rules: &str, rest: &str) -> (Office, u32, u32) {
    let mut office = office(false);
    let root = office.enter("root");
    let nacm = format!(
        "<nacm xmlns=\"{NACM}\" xmlns:if=\"{IFMGR}\" xmlns:sh=\"{SHELLUTIL}\">\
         <groups><group><name>ops</name><user-name>anna</user-name></group></groups>\
         <rule-list><name>all</name><group>ops</group>{rules}</rule-list></nacm>"
    );
    office.accept(root, &edit("", &format!("{nacm}{rest}")));
    office.accept(root, "<commit/>");
    let anna = office.enter("anna");
    (office, root, anna)
}

fn rule(name: &str, inside: &str) -> String {
    format!("<rule><name>{name}</name>{inside}</rule>")
}

fn host(name: &str) -> String {
    format!("<host-names xmlns=\"{SHELLUTIL}\"><host-name>{name}</host-name></host-names>")
}

fn interface(name: &str, description: &str) -> String {
    format!(
        "<interface-configurations xmlns=\"{IFMGR}\"><interface-configuration><active>act</active>\
         <interface-name>{name}</interface-name><description>{description}</description>\
         </interface-configuration></interface-configurations>"
    )
}

const PERMIT: &str = "<action>permit</action>";
const DENY: &str = "<action>deny</action>";
const GET_RUNNING: &str = "<get-config><source><running/></source></get-config>";

fn get_filtered(filter: &str) -> String {
    format!("<get-config><source><running/></source><filter>{filter}</filter></get-config>")
}

#[test]
fn until_something_is_configured_nobody_is_held_back_unless_a_setting_says_so() {
    let mut office = office(false);
    let anna = office.enter("anna");
    office.accept(anna, &edit("", &host("one")));
    office.accept(anna, "<commit/>");

    let mut strict = self::office(true);
    let anna = strict.enter("anna");
    let refused = strict.ask(anna, &edit("", &host("one")));
    assert!(
        refused.contains("<error-tag>access-denied</error-tag>"),
        "{refused}"
    );
    let root = strict.enter("root");
    strict.accept(root, &edit("", &host("one")));
    strict.accept(root, "<commit/>");
    assert!(
        strict.ask(anna, GET_RUNNING).contains("one"),
        "read-default is permit"
    );
}

#[test]
fn a_denied_write_names_the_node_and_nothing_of_the_edit_stays() {
    let may_name = rule(
        "names",
        &format!("<module-name>Cisco-IOS-XR-shellutil-cfg</module-name>{PERMIT}"),
    );
    let (mut office, root, anna) = ruled(&may_name, "");
    let both = format!("{}{}", host("two"), interface("Optics0/0/0/0", "x"));
    office.check(
        anna,
        &edit("", &both),
        expect![[r#"
            <rpc-error>
            <error-type>application</error-type>
            <error-tag>access-denied</error-tag>
            <error-severity>error</error-severity>
            <error-path xmlns:ifmgr-cfg="http://cisco.com/ns/yang/Cisco-IOS-XR-ifmgr-cfg">/ifmgr-cfg:interface-configurations/ifmgr-cfg:interface-configuration[ifmgr-cfg:active='act'][ifmgr-cfg:interface-name='Optics0/0/0/0']</error-path>
            <error-message xml:lang="en">user anna may not create /Cisco-IOS-XR-ifmgr-cfg:interface-configurations/interface-configuration[active='act'][interface-name='Optics0/0/0/0']: access control does not permit it</error-message>
            </rpc-error>"#]],
    );
    let candidate = "<get-config><source><candidate/></source></get-config>";
    assert!(!office.ask(anna, candidate).contains("two"));
    office.accept(anna, &edit("", &host("two")));
    office.accept(anna, "<commit/>");
    assert!(office.ask(root, GET_RUNNING).contains("two"));
}

#[test]
fn a_commit_needs_the_right_to_all_that_it_changes_whoever_edited_it() {
    let may_name = rule(
        "names",
        &format!("<module-name>Cisco-IOS-XR-shellutil-cfg</module-name>{PERMIT}"),
    );
    let (mut office, root, anna) = ruled(&may_name, "");
    office.accept(root, &edit("", &interface("Optics0/0/0/0", "x")));
    office.accept(anna, &edit("", &host("three")));
    let refused = office.ask(anna, "<commit/>");
    assert!(
        refused.contains("access-denied") && refused.contains("may not create"),
        "{refused}"
    );
    assert!(!office.ask(anna, GET_RUNNING).contains("three"));
    office.accept(root, "<commit/>");
    assert!(office.ask(anna, GET_RUNNING).contains("three"));
}

#[test]
fn create_update_and_delete_are_rights_of_their_own() {
    let path = "<path>/sh:host-names</path>";
    let rules = [
        rule(
            "u",
            &format!("{path}<access-operations>update</access-operations>{PERMIT}"),
        ),
        rule(
            "r",
            &format!("{path}<access-operations>create delete</access-operations>{DENY}"),
        ),
        rule("rest", PERMIT),
    ]
    .concat();
    let (mut office, _, anna) = ruled(&rules, &host("one"));
    office.accept(anna, &edit("", &host("two")));
    office.accept(anna, "<commit/>");
    let delete = host("two").replace(
        "<host-name>two</host-name>",
        "<host-name nc:operation=\"delete\"/>",
    );
    let delete = delete.replace(
        "<host-names",
        "<host-names xmlns:nc=\"urn:ietf:params:xml:ns:netconf:base:1.0\"",
    );
    let refused = office.ask(anna, &edit("", &delete));
    assert!(
        refused.contains("may not delete /Cisco-IOS-XR-shellutil-cfg:host-names/host-name"),
        "{refused}"
    );
}

#[test]
fn what_may_not_be_read_is_a_silent_hole_and_no_filter_betrays_it() {
    let list = "/if:interface-configurations/if:interface-configuration";
    let one = format!("{list}[if:active='act'][if:interface-name='Optics0/0/0/1']");
    let rules = [
        rule("one", &format!("<path>{one}</path>{DENY}")),
        rule("words", &format!("<path>{list}/if:description</path>{DENY}")),
    ]
    .concat();
    let rest = format!(
        "{}{}{}",
        host("h"),
        interface("Optics0/0/0/0", "open"),
        interface("Optics0/0/0/1", "hidden")
    );
    let (mut office, root, anna) = ruled(&rules, &rest);
    office.check(
        anna,
        &get_filtered(&format!("<interface-configurations xmlns=\"{IFMGR}\"/>")),
        expect![[r#"
            <data>
            <interface-configurations xmlns="http://cisco.com/ns/yang/Cisco-IOS-XR-ifmgr-cfg">
            <interface-configuration>
            <active>act</active>
            <interface-name>Optics0/0/0/0</interface-name>
            </interface-configuration>
            </interface-configurations>
            </data>"#]],
    );
    let by_word = get_filtered(&format!(
        "<interface-configurations xmlns=\"{IFMGR}\"><interface-configuration><description>open</description>\
         <interface-name/></interface-configuration></interface-configurations>"
    ));
    office.check(anna, &by_word, expect!["<data>\n</data>"]);
    assert!(office.ask(root, &by_word).contains("Optics0/0/0/0"));
    let whole = office.ask(anna, "<get/>");
    assert!(whole.contains("<host-name>h</host-name>"), "{whole}");
    assert!(
        !whole.contains("nacm"),
        "the rules themselves are closed: {whole}"
    );
}

#[test]
fn operations_are_denied_by_rule_by_default_and_never_the_last_one() {
    let rules = rule(
        "no-lock",
        &format!(
            "<module-name>ietf-netconf</module-name><rpc-name>lock</rpc-name>\
             <access-operations>exec</access-operations>{DENY}"
        ),
    );
    let (mut office, root, anna) = ruled(&rules, "");
    office.check(
        anna,
        "<lock><target><candidate/></target></lock>",
        expect![[r#"
            <rpc-error>
            <error-type>protocol</error-type>
            <error-tag>access-denied</error-tag>
            <error-severity>error</error-severity>
            <error-message xml:lang="en">user anna may not run lock of ietf-netconf: access control does not permit it</error-message>
            </rpc-error>"#]],
    );
    let kill = format!("<kill-session><session-id>{root}</session-id></kill-session>");
    assert!(
        office.ask(anna, &kill).contains("access-denied"),
        "closed without a rule"
    );
    office.accept(root, "<lock><target><candidate/></target></lock>");
    office.accept(anna, "<close-session/>");
    let otto = office.enter("otto");
    let nothing = format!("<nacm xmlns=\"{NACM}\"><exec-default>deny</exec-default></nacm>");
    office.accept(root, &edit("", &nothing));
    office.accept(root, "<commit/>");
    assert!(
        office.ask(otto, GET_RUNNING).contains("access-denied"),
        "holds from the next request on"
    );
    office.accept(otto, "<close-session/>");
}

#[test]
fn groups_may_come_with_the_login_and_can_be_shut_out() {
    let guests = format!(
        "<nacm xmlns=\"{NACM}\"><rule-list><name>g</name><group>guests</group>\
         <rule><name>all</name><action>permit</action></rule></rule-list></nacm>"
    );
    let (mut office, root, _) = ruled("", &guests);
    let otto = office.enter("otto");
    office.accept(otto, &edit("", &host("of-otto")));
    let shut =
        format!("<nacm xmlns=\"{NACM}\"><enable-external-groups>false</enable-external-groups></nacm>");
    office.accept(root, &edit("", &shut));
    office.accept(root, "<commit/>");
    let refused = office.ask(otto, &edit("", &host("again")));
    assert!(refused.contains("access-denied"), "{refused}");
}

#[test]
fn denials_are_counted_beside_the_rules_in_one_container() {
    let (mut office, root, anna) = ruled(&rule("none", &format!("<rpc-name>lock</rpc-name>{DENY}")), "");
    office.ask(anna, "<lock><target><running/></target></lock>");
    office.ask(anna, &edit("", &host("x")));
    office.ask(anna, &edit("", &host("x")));
    let shown = office.ask(
        root,
        &format!("<get><filter><nacm xmlns=\"{NACM}\"/></filter></get>"),
    );
    assert_eq!(shown.matches("<nacm").count(), 1, "{shown}");
    for line in [
        "<denied-operations>1</denied-operations>",
        "<denied-data-writes>2</denied-data-writes>",
        "<denied-notifications>0</denied-notifications>",
        "<user-name>anna</user-name>",
        "<rpc-name>lock</rpc-name>",
    ] {
        assert!(shown.contains(line), "{line}: {shown}");
    }
}

#[test]
fn a_path_that_leads_nowhere_is_refused_by_the_commit() {
    for path in [
        "/sh:hostnames",
        "/sh:host-names[sh:x='1']",
        "/if:interface-configurations/if:interface-configuration[if:mtu='1']",
    ] {
        let mut office = Office::with(MemoryStorage::new(), |parts| {
            parts.participants.push(Box::new(AccessParticipant));
        });
        let root = office.enter("root");
        let rules = format!(
            "<nacm xmlns=\"{NACM}\" xmlns:sh=\"{SHELLUTIL}\" xmlns:if=\"{IFMGR}\"><rule-list><name>l</name>\
             <group>*</group><rule><name>r</name><path>{path}</path>{DENY}</rule></rule-list></nacm>"
        );
        office.accept(root, &edit("", &rules));
        let refused = office.ask(root, "<commit/>");
        assert!(
            refused.contains("<error-tag>invalid-value</error-tag>")
                && refused.contains("/nacm:path</error-path>")
                && refused.contains("is not the path of a node"),
            "{refused}"
        );
    }
    let mut office = office(false);
    let root = office.enter("root");
    let syntax = format!(
        "<nacm xmlns=\"{NACM}\"><rule-list><name>l</name><group>*</group><rule><name>r</name>\
         <path>/[</path>{DENY}</rule></rule-list></nacm>"
    );
    let refused = office.ask(root, &edit("", &syntax));
    assert!(
        refused.contains("<error-tag>invalid-value</error-tag>"),
        "{refused}"
    );
}

#[test]
fn what_may_not_be_read_is_not_there_for_an_xpath_filter_either() {
    let hidden = rule(
        "names",
        &format!("<path>/sh:host-names/sh:host-name</path><access-operations>read</access-operations>{DENY}"),
    );
    let (mut office, _, anna) = ruled(&hidden, &host("secret"));
    for select in [
        "//x:host-name",
        "/x:host-names",
        "/*[x:host-name='secret']",
        "//*[starts-with(., 'se')]",
    ] {
        let filter = format!("<filter type=\"xpath\" xmlns:x=\"{SHELLUTIL}\" select=\"{select}\"/>");
        for operation in [
            format!("<get-config><source><running/></source>{filter}</get-config>"),
            format!("<get>{filter}</get>"),
        ] {
            let reply = office.ask(anna, &operation);
            assert!(
                !reply.contains("host-name") && !reply.contains("rpc-error"),
                "{select}: {reply}"
            );
        }
    }
    let compare = "<compare xmlns=\"urn:ietf:params:xml:ns:yang:ietf-nmda-compare\"><source>running</source><target>candidate</target></compare>";
    assert!(!office.ask(anna, compare).contains("secret"));
    let data = "<get-data xmlns=\"urn:ietf:params:xml:ns:yang:ietf-netconf-nmda\"><datastore>operational</datastore></get-data>";
    assert!(!office.ask(anna, data).contains("secret"));
}

#[test]
fn a_notification_that_may_not_be_received_is_held_back_and_counted() {
    let rules = [
        rule(
            "no-changes",
            &format!("<notification-name>netconf-config-change</notification-name>{DENY}"),
        ),
        rule("rest", PERMIT),
    ]
    .concat();
    let (mut office, root, anna) = ruled(&rules, "");
    for session in [anna, root] {
        office.accept(session, &subscribe(""));
    }
    office.accept(root, &edit("", &host("told")));
    office.accept(root, "<commit/>");
    assert_eq!(office.hear(anna).unwrap(), Vec::<String>::new());
    assert_eq!(names(&office.hear(root).unwrap()), ["netconf-config-change"]);
    let shown = office.ask(
        root,
        &format!("<get><filter><nacm xmlns=\"{NACM}\"/></filter></get>"),
    );
    assert!(
        shown.contains("<denied-notifications>1</denied-notifications>"),
        "{shown}"
    );
    office.enter("bert");
    assert_eq!(names(&office.hear(anna).unwrap()), ["netconf-session-start"]);
}

/// Section 3.5, node-instance-identifier: "missing predicates" mean every instance, some keys' as well as all keys'.
#[test]
fn a_path_with_some_keys_of_a_list_is_about_every_entry_that_has_them() {
    let list = "/if:interface-configurations/if:interface-configuration";
    let rules = [
        rule(
            "one",
            &format!("<path>{list}[if:interface-name='Optics0/0/0/1']</path>{DENY}"),
        ),
        rule(
            "words",
            &format!("<path>{list}[if:active='pre']/if:description</path>{DENY}"),
        ),
        rule("rest", PERMIT),
    ]
    .concat();
    let pre = |xml: String| xml.replace("<active>act<", "<active>pre<");
    let rest = [
        interface("Optics0/0/0/0", "zero"),
        interface("Optics0/0/0/1", "one"),
        pre(interface("Optics0/0/0/1", "also one")),
        pre(interface("Optics0/0/0/2", "two")),
    ]
    .concat();
    let (mut office, _, anna) = ruled(&rules, &rest);
    office.check(
        anna,
        &get_filtered(&format!("<interface-configurations xmlns=\"{IFMGR}\"/>")),
        expect![[r#"
            <data>
            <interface-configurations xmlns="http://cisco.com/ns/yang/Cisco-IOS-XR-ifmgr-cfg">
            <interface-configuration>
            <active>act</active>
            <interface-name>Optics0/0/0/0</interface-name>
            <description>zero</description>
            </interface-configuration>
            <interface-configuration>
            <active>pre</active>
            <interface-name>Optics0/0/0/2</interface-name>
            </interface-configuration>
            </interface-configurations>
            </data>"#]],
    );
    let refused = office.ask(anna, &edit("", &pre(interface("Optics0/0/0/1", "other"))));
    assert!(refused.contains("access-denied"), "{refused}");
    office.accept(anna, &edit("", &interface("Optics0/0/0/2", "other")));
    let refused = office.ask(anna, &edit("", &pre(interface("Optics0/0/0/2", "other"))));
    assert!(
        refused.contains("access-denied") && refused.contains("/description"),
        "{refused}"
    );
}
