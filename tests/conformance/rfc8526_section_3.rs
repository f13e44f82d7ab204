//! RFC 8526: get-data, edit-data, and datastores by identity in the operations of RFC 6241.

use expect_test::expect;
use ponder::datastore::memory_storage::MemoryStorage;
use ponder::management::operational::OperationalState;
use ponder::management::yang_library::YangLibrary;
use ponder::yang::modules::ModuleSet;
use ponder::yang::schema::Schema;

use crate::office::{COMMIT, Office};

const CASES: &str = "urn:ponder:test:edit-cases";
const NMDA: &str = "urn:ietf:params:xml:ns:yang:ietf-netconf-nmda";
const LIBRARY: &str = "urn:ietf:params:xml:ns:yang:ietf-yang-library";

fn office() -> (Office, u32) {
    let text = include_str!("../data/yang/edit-cases.yang");
    let schema = Schema::load(ModuleSet::embedded().with_module("edit-cases", text)).unwrap();
    let library = YangLibrary::new(&schema, vec!["running", "candidate"]);
    let mut office = Office::of(schema, MemoryStorage::new(), |parts| {
        parts.state = OperationalState::new(vec![Box::new(library)]);
    });
    let session = office.enter("anna");
    office.accept(
        session,
        &edit_data("ds:candidate", "<plain>x</plain><entry><k>1</k><v>y</v></entry>"),
    );
    office.accept(session, COMMIT);
    (office, session)
}

fn edit_data(datastore: &str, inside: &str) -> String {
    format!(
        "<edit-data xmlns=\"{NMDA}\" xmlns:ds=\"urn:ietf:params:xml:ns:yang:ietf-datastores\"><datastore>{datastore}</datastore>\
         <config><c xmlns=\"{CASES}\">{inside}</c></config></edit-data>"
    )
}

fn get_data(datastore: &str, more: &str) -> String {
    format!(
        "<get-data xmlns=\"{NMDA}\" xmlns:ds=\"urn:ietf:params:xml:ns:yang:ietf-datastores\" \
         xmlns:or=\"urn:ietf:params:xml:ns:yang:ietf-origin\" xmlns:ec=\"{CASES}\" xmlns:yl=\"{LIBRARY}\">\
         <datastore>{datastore}</datastore>{more}</get-data>"
    )
}

fn subtree(inside: &str) -> String {
    format!("<subtree-filter><c xmlns=\"{CASES}\">{inside}</c></subtree-filter>")
}

fn shown(reply: &str) -> String {
    reply
        .replace('\n', "")
        .replace(&format!(" xmlns=\"{CASES}\""), "")
        .replace(&format!(" xmlns=\"{NMDA}\""), "")
}

fn tag_of(reply: &str) -> &str {
    let (_, rest) = reply
        .split_once("<error-tag>")
        .unwrap_or_else(|| panic!("{reply}"));
    rest.split_once('<').unwrap().0
}

#[test]
fn conventional_datastores_give_what_was_configured() {
    let (mut office, session) = office();
    let filter = subtree("<plain/><with-default/>");
    for datastore in ["ds:running", "ds:candidate", "running"] {
        let reply = office.ask(session, &get_data(datastore, &filter));
        assert!(reply.starts_with(&format!("<data xmlns=\"{NMDA}\">")), "{reply}");
        assert_eq!(
            shown(&reply),
            "<data><c><plain>x</plain></c></data>",
            "{datastore}"
        );
    }
}

#[test]
fn operational_gives_defaults_in_use_and_state() {
    let (mut office, session) = office();
    let reply = office.ask(
        session,
        &get_data("ds:operational", &subtree("<plain/><with-default/>")),
    );
    assert_eq!(
        shown(&reply),
        "<data><c><plain>x</plain><with-default>7</with-default></c></data>"
    );
    let explicit = format!(
        "{}<with-defaults>explicit</with-defaults>",
        subtree("<plain/><with-default/>")
    );
    let reply = office.ask(session, &get_data("ds:operational", &explicit));
    assert_eq!(shown(&reply), "<data><c><plain>x</plain></c></data>");
    let xpath = "<xpath-filter>/yl:yang-library/yl:datastore/yl:name | /ec:c/ec:plain</xpath-filter>";
    let reply = shown(&office.ask(session, &get_data("ds:operational", xpath)));
    for part in [
        "<plain>x</plain>",
        "operational</name>",
        "candidate</name>",
        "running</name>",
    ] {
        assert!(reply.contains(part), "{part}: {reply}");
    }
}

#[test]
fn origins_are_told_and_filtered() {
    let (mut office, session) = office();
    let filter = subtree("<plain/><with-default/>");
    let reply = office.ask(
        session,
        &get_data("ds:operational", &format!("{filter}<with-origin/>")),
    );
    expect![[r#"<data><c xmlns:or="urn:ietf:params:xml:ns:yang:ietf-origin" or:origin="or:intended"><plain>x</plain><with-default xmlns:or="urn:ietf:params:xml:ns:yang:ietf-origin" or:origin="or:default">7</with-default></c></data>"#]]
        .assert_eq(&shown(&reply));
    let mut only =
        |more: &str| shown(&office.ask(session, &get_data("ds:operational", &format!("{filter}{more}"))));
    let default = "<data><c><with-default>7</with-default></c></data>";
    let intended = "<data><c><plain>x</plain></c></data>";
    assert_eq!(only("<origin-filter>or:default</origin-filter>"), default);
    assert_eq!(only("<origin-filter>or:intended</origin-filter>"), intended);
    assert_eq!(
        only("<negated-origin-filter>or:intended</negated-origin-filter>"),
        default
    );
    assert_eq!(
        only("<origin-filter>or:intended</origin-filter><origin-filter>or:default</origin-filter>"),
        "<data><c><plain>x</plain><with-default>7</with-default></c></data>"
    );
    assert_eq!(only("<origin-filter>or:learned</origin-filter>"), "<data></data>");
}

#[test]
fn config_filter_tells_configuration_and_state_apart() {
    let (mut office, session) = office();
    let both = "<xpath-filter>/ec:c/ec:entry | /yl:yang-library/yl:content-id</xpath-filter>";
    let mut ask =
        |more: &str| shown(&office.ask(session, &get_data("ds:operational", &format!("{both}{more}"))));
    let configuration = ask("<config-filter>true</config-filter>");
    assert!(
        configuration.contains("<v>y</v>") && !configuration.contains("content-id"),
        "{configuration}"
    );
    let state = ask("<config-filter>false</config-filter>");
    assert!(
        !state.contains("<entry>") && state.contains("content-id"),
        "{state}"
    );
}

#[test]
fn max_depth_counts_from_the_selected_node() {
    let (mut office, session) = office();
    let mut ask = |filter: &str, depth: &str| {
        let more = format!("{filter}<max-depth>{depth}</max-depth>");
        shown(&office.ask(session, &get_data("ds:running", &more)))
    };
    let filter = subtree("");
    assert_eq!(ask(&filter, "1"), "<data><c/></data>");
    assert_eq!(
        ask(&filter, "2"),
        "<data><c><plain>x</plain><entry><k>1</k></entry></c></data>"
    );
    let all = "<data><c><plain>x</plain><entry><k>1</k><v>y</v></entry></c></data>";
    assert_eq!(ask(&filter, "3"), all);
    assert_eq!(ask(&filter, "unbounded"), all);
    let entry = "<xpath-filter>/ec:c/ec:entry</xpath-filter>";
    assert_eq!(ask(entry, "1"), "<data><c><entry><k>1</k></entry></c></data>");
    assert!(ask(&filter, "0").contains("invalid-value"));
}

#[test]
fn what_is_wrong_is_said() {
    let (mut office, session) = office();
    for (operation, tag) in [
        (get_data("ds:factory-default", ""), "invalid-value"),
        (get_data("ds:startup", ""), "invalid-value"),
        (get_data("x:running", ""), "invalid-value"),
        (get_data("or:running", ""), "invalid-value"),
        (get_data("ds:running", "<with-origin/>"), "invalid-value"),
        (
            get_data("ds:running", "<origin-filter>or:default</origin-filter>"),
            "invalid-value",
        ),
        (
            get_data("ds:operational", "<origin-filter>or:elsewhere</origin-filter>"),
            "invalid-value",
        ),
        (
            get_data("ds:running", "<config-filter>maybe</config-filter>"),
            "invalid-value",
        ),
        (
            get_data("ds:running", "<xpath-filter>count(//*)</xpath-filter>"),
            "invalid-value",
        ),
        (
            get_data(
                "ds:running",
                &format!("{}<xpath-filter>/</xpath-filter>", subtree("")),
            ),
            "bad-element",
        ),
        (format!("<get-data xmlns=\"{NMDA}\"/>"), "missing-element"),
        (edit_data("ds:operational", "<plain>x</plain>"), "invalid-value"),
        (edit_data("ds:running", "<plain>x</plain>"), "invalid-value"),
    ] {
        assert_eq!(tag_of(&office.ask(session, &operation)), tag, "{operation}");
    }
}

#[test]
fn edit_data_is_all_or_nothing() {
    let (mut office, session) = office();
    let reply = office.ask(session, &edit_data("ds:candidate", "<plain>new</plain><nobody/>"));
    assert_eq!(tag_of(&reply), "unknown-element");
    let candidate = office.ask(session, &get_data("ds:candidate", &subtree("<plain/>")));
    assert!(candidate.contains("<plain>x</plain>"), "{candidate}");
}

#[test]
fn operations_of_rfc_6241_take_datastores_by_identity() {
    let (mut office, session) = office();
    let datastore = |name: &str| {
        format!(
            "<datastore xmlns=\"{NMDA}\" xmlns:ds=\"urn:ietf:params:xml:ns:yang:ietf-datastores\">ds:{name}</datastore>"
        )
    };
    office.accept(
        session,
        &format!("<lock><target>{}</target></lock>", datastore("candidate")),
    );
    office.accept(
        session,
        &format!("<unlock><target>{}</target></unlock>", datastore("candidate")),
    );
    office.accept(
        session,
        &format!("<validate><source>{}</source></validate>", datastore("candidate")),
    );
    let reply = office.ask(
        session,
        &format!("<lock><target>{}</target></lock>", datastore("operational")),
    );
    assert_eq!(tag_of(&reply), "invalid-value");
}
