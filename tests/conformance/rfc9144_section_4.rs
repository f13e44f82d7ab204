//! RFC 9144: compare.

use expect_test::expect;
use ponder::datastore::memory_storage::MemoryStorage;
use ponder::management::operational::OperationalState;
use ponder::management::yang_library::YangLibrary;
use ponder::yang::modules::ModuleSet;
use ponder::yang::schema::Schema;

use crate::office::{COMMIT, Office};

const CASES: &str = "urn:ponder:test:edit-cases";

fn office() -> (Office, u32) {
    let text = include_str!("../data/yang/edit-cases.yang");
    let schema = Schema::load(ModuleSet::embedded().with_module("edit-cases", text)).unwrap();
    let library = YangLibrary::new(&schema, vec!["running", "candidate"]);
    let mut office = Office::of(schema, MemoryStorage::new(), |parts| {
        parts.state = OperationalState::new(vec![Box::new(library)]);
    });
    let session = office.enter("anna");
    office.accept(session, &edit("<plain>a</plain><number>1</number><entry><k>x/y</k></entry><ranked><name>one</name></ranked><ranked><name>two</name></ranked>"));
    office.accept(session, COMMIT);
    (office, session)
}

fn edit(inside: &str) -> String {
    format!(
        "<edit-config><target><candidate/></target><config><c xmlns=\"{CASES}\" xmlns:nc=\"urn:ietf:params:xml:ns:netconf:base:1.0\" \
         xmlns:yang=\"urn:ietf:params:xml:ns:yang:1\">{inside}</c></config></edit-config>"
    )
}

fn compare(office: &mut Office, session: u32, source: &str, target: &str, more: &str) -> String {
    let operation = format!(
        "<compare xmlns=\"urn:ietf:params:xml:ns:yang:ietf-nmda-compare\" xmlns:ds=\"urn:ietf:params:xml:ns:yang:ietf-datastores\" \
         xmlns:ec=\"{CASES}\"><source>ds:{source}</source><target>ds:{target}</target>{more}</compare>"
    );
    office
        .ask(session, &operation)
        .replace(&format!(" xmlns=\"{CASES}\""), "")
}

#[test]
fn the_edits_lead_from_the_source_to_the_target() {
    let (mut office, session) = office();
    office.accept(
        session,
        &edit("<plain>b</plain><number nc:operation=\"delete\"/><entry><k>x/y</k><v>new</v></entry><ranked yang:insert=\"first\"><name>two</name></ranked>"),
    );
    expect![[r#"
        <differences xmlns="urn:ietf:params:xml:ns:yang:ietf-nmda-compare">
        <yang-patch>
        <patch-id>running-candidate</patch-id>
        <comment>from running to candidate</comment>
        <edit>
        <edit-id>1</edit-id>
        <operation>delete</operation>
        <target>/edit-cases:c/number</target>
        <source-value>
        <number>1</number>
        </source-value>
        </edit>
        <edit>
        <edit-id>2</edit-id>
        <operation>replace</operation>
        <target>/edit-cases:c/plain</target>
        <value>
        <plain>b</plain>
        </value>
        <source-value>
        <plain>a</plain>
        </source-value>
        </edit>
        <edit>
        <edit-id>3</edit-id>
        <operation>create</operation>
        <target>/edit-cases:c/entry=x%2Fy/v</target>
        <value>
        <v>new</v>
        </value>
        </edit>
        <edit>
        <edit-id>4</edit-id>
        <operation>move</operation>
        <target>/edit-cases:c/ranked=two</target>
        <where>first</where>
        </edit>
        </yang-patch>
        </differences>"#]]
    .assert_eq(&compare(&mut office, session, "running", "candidate", ""));
}

#[test]
fn what_is_the_same_differs_in_nothing_and_what_is_nothing_matches_nothing() {
    let (mut office, session) = office();
    let same = compare(&mut office, session, "running", "candidate", "");
    assert_eq!(
        same,
        "<differences xmlns=\"urn:ietf:params:xml:ns:yang:ietf-nmda-compare\">\n</differences>"
    );
    let filter = format!("<subtree-filter><c xmlns=\"{CASES}\"><mark/></c></subtree-filter>");
    let nothing = compare(&mut office, session, "running", "candidate", &filter);
    assert_eq!(
        nothing,
        "<no-matches xmlns=\"urn:ietf:params:xml:ns:yang:ietf-nmda-compare\"/>"
    );
}

#[test]
fn both_filters_narrow_the_comparison() {
    let (mut office, session) = office();
    office.accept(session, &edit("<plain>b</plain><number>2</number>"));
    for filter in [
        format!("<subtree-filter><c xmlns=\"{CASES}\"><number/></c></subtree-filter>"),
        "<xpath-filter>/ec:c/ec:number</xpath-filter>".to_owned(),
    ] {
        let reply = compare(&mut office, session, "running", "candidate", &filter);
        assert_eq!(reply.matches("<edit>").count(), 1, "{reply}");
        assert!(reply.contains("<target>/edit-cases:c/number</target>"), "{reply}");
    }
}

#[test]
fn state_is_compared_only_when_all_is_asked_for() {
    let (mut office, session) = office();
    let reply = compare(&mut office, session, "operational", "running", "");
    assert!(!reply.contains("<edit>"), "{reply}");
    let filter = "<subtree-filter><yang-library xmlns=\"urn:ietf:params:xml:ns:yang:ietf-yang-library\"><content-id/></yang-library></subtree-filter>";
    let reply = compare(
        &mut office,
        session,
        "operational",
        "running",
        &format!("<all/>{filter}"),
    );
    assert!(
        reply.contains("<operation>delete</operation>") && reply.contains("yang-library"),
        "{reply}"
    );
}

#[test]
fn an_operational_source_tells_its_origins() {
    let (mut office, session) = office();
    office.accept(session, &edit("<plain>b</plain>"));
    let reply = compare(
        &mut office,
        session,
        "operational",
        "candidate",
        "<report-origin/>",
    );
    assert!(reply.contains("or:origin=\"or:intended\">a</plain>"), "{reply}");
    let reply = compare(&mut office, session, "operational", "startup", "");
    assert!(reply.contains("invalid-value"), "{reply}");
}
