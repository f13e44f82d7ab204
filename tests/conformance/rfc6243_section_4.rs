//! RFC 6243: with-defaults, its four modes, and the tag in an edit.

use expect_test::expect;
use ponder::datastore::memory_storage::MemoryStorage;
use ponder::management::operational::{OperationalState, StateProvider};
use ponder::yang::modules::ModuleSet;
use ponder::yang::schema::Schema;
use ponder::yang::state::StateBuilder;

use crate::office::{COMMIT, Office};

const NS: &str = "urn:ponder:test:edit-cases";

fn office() -> (Office, u32) {
    let text = include_str!("../data/yang/edit-cases.yang");
    let schema = Schema::load(ModuleSet::new().with_module("edit-cases", text)).unwrap();
    let mut office = Office::of(schema, MemoryStorage::new(), |parts| {
        parts.writable_running = true
    });
    let session = office.enter("anna");
    (office, session)
}

fn edit(inside: &str) -> String {
    format!(
        "<edit-config><target><candidate/></target><config><c xmlns=\"{NS}\" xmlns:nc=\"urn:ietf:params:xml:ns:netconf:base:1.0\" \
         xmlns:wd=\"urn:ietf:params:xml:ns:netconf:default:1.0\">{inside}</c></config></edit-config>"
    )
}

fn shown(office: &mut Office, session: u32, datastore: &str, mode: &str) -> String {
    let with = match mode {
        "" => String::new(),
        mode => format!(
            "<with-defaults xmlns=\"urn:ietf:params:xml:ns:yang:ietf-netconf-with-defaults\">{mode}</with-defaults>"
        ),
    };
    let filter = format!("<filter><c xmlns=\"{NS}\"><with-default/><plain/></c></filter>");
    office
        .ask(
            session,
            &format!("<get-config><source><{datastore}/></source>{filter}{with}</get-config>"),
        )
        .replace(&format!(" xmlns=\"{NS}\""), "")
        .replace('\n', "")
}

#[test]
fn the_four_modes_show_defaults_in_their_ways() {
    let (mut office, session) = office();
    office.accept(session, &edit("<plain>x</plain>"));
    office.accept(session, COMMIT);
    let all: Vec<String> = ["", "explicit", "trim", "report-all", "report-all-tagged"]
        .iter()
        .map(|mode| format!("{mode}: {}", shown(&mut office, session, "running", mode)))
        .collect();
    expect![[r#"
        : <data><c><plain>x</plain></c></data>
        explicit: <data><c><plain>x</plain></c></data>
        trim: <data><c><plain>x</plain></c></data>
        report-all: <data><c><plain>x</plain><with-default>7</with-default></c></data>
        report-all-tagged: <data><c><plain>x</plain><with-default xmlns:wd="urn:ietf:params:xml:ns:netconf:default:1.0" wd:default="true">7</with-default></c></data>"#]]
    .assert_eq(&all.join("\n"));

    // The default value, set by a client: explicit shows it, trim does not, and it is no default for the tag.
    office.accept(session, &edit("<with-default>7</with-default>"));
    office.accept(session, COMMIT);
    let all: Vec<String> = ["", "trim", "report-all-tagged"]
        .iter()
        .map(|mode| format!("{mode}: {}", shown(&mut office, session, "running", mode)))
        .collect();
    expect![[r#"
        : <data><c><plain>x</plain><with-default>7</with-default></c></data>
        trim: <data><c><plain>x</plain></c></data>
        report-all-tagged: <data><c><plain>x</plain><with-default>7</with-default></c></data>"#]]
    .assert_eq(&all.join("\n"));
}

#[test]
fn an_edited_candidate_shows_its_defaults_too() {
    let (mut office, session) = office();
    office.accept(session, &edit("<plain>x</plain>"));
    let candidate = shown(&mut office, session, "candidate", "report-all");
    assert!(
        candidate.contains("<with-default>7</with-default>"),
        "{candidate}"
    );
    assert!(!shown(&mut office, session, "candidate", "").contains("with-default"));
}

#[test]
fn a_mode_that_is_none_is_refused() {
    let (mut office, session) = office();
    let reply = shown(&mut office, session, "running", "some");
    assert!(
        reply.contains("invalid-value") && reply.contains("report-all-tagged"),
        "{reply}"
    );
    let wrong = "<get><with-defaults>trim</with-defaults></get>";
    assert!(office.ask(session, wrong).contains("unknown-namespace"));
}

#[test]
fn a_leaf_that_is_tagged_as_default_is_as_if_nobody_had_set_it() {
    let (mut office, session) = office();
    office.accept(session, &edit("<with-default>9</with-default>"));
    office.accept(
        session,
        &edit("<with-default wd:default=\"true\">7</with-default>"),
    );
    assert!(!shown(&mut office, session, "candidate", "").contains("with-default"));
    let wrong = office.ask(
        session,
        &edit("<with-default wd:default=\"true\">8</with-default>"),
    );
    assert!(wrong.contains("invalid-value"), "{wrong}");
    let wrong = office.ask(session, &edit("<plain wd:default=\"true\">8</plain>"));
    assert!(wrong.contains("invalid-value"), "{wrong}");
    let wrong = office.ask(
        session,
        &edit("<with-default wd:default=\"perhaps\">7</with-default>"),
    );
    assert!(wrong.contains("bad-attribute"), "{wrong}");
    office.accept(
        session,
        &edit("<with-default wd:default=\"false\">7</with-default>"),
    );
    assert!(shown(&mut office, session, "candidate", "").contains("<with-default>7"));
    let there = "<with-default nc:operation=\"create\" wd:default=\"true\">7</with-default>";
    assert!(office.ask(session, &edit(there)).contains("data-exists"));
}

#[test]
fn what_a_report_with_tags_said_can_be_sent_back() {
    let (mut office, session) = office();
    office.accept(session, &edit("<plain>x</plain>"));
    office.accept(session, COMMIT);
    let report = shown(&mut office, session, "running", "report-all-tagged");
    let config = report
        .replace("<data>", "")
        .replace("</data>", "")
        .replace("<c>", &format!("<c xmlns=\"{NS}\">"));
    office.accept(
        session,
        &format!("<copy-config><target><candidate/></target><source><config>{config}</config></source></copy-config>"),
    );
    office.accept(session, COMMIT);
    assert!(!shown(&mut office, session, "running", "").contains("with-default"));
}

const STATE: &str = "module state-cases { namespace 'urn:ponder:test:state-cases'; prefix s;
    container s { config false;
      leaf set { type string; default one; }
      leaf unset { type int8; default 5; }
      leaf none { type string; }
      container inside { leaf deep { type boolean; default true; } }
      list entry { key name; leaf name { type string; } leaf kind { type string; default plain; } }
    }
    container nobody { config false; leaf fills { type string; default it; } } }";

struct StateOfCases;

impl StateProvider for StateOfCases {
    fn roots(&self) -> Vec<&'static str> {
        vec!["state-cases:s"]
    }

    fn fill(&self, out: &mut StateBuilder<'_>) {
        out.container("state-cases:s", |out| {
            out.leaf("set", "one");
            out.list("entry", &[("name", &"a")], |_| {});
        });
    }

    fn provided(&self) -> &'static [&'static str] {
        &[]
    }
}

/// Section 3.1: report-all gives all of state's values, too; what nobody fills has none.
#[test]
fn defaults_of_state_are_reported_where_somebody_fills_it() {
    let schema = Schema::load(ModuleSet::new().with_module("state-cases", STATE)).unwrap();
    let mut office = Office::of(schema, MemoryStorage::new(), |parts| {
        parts.state = OperationalState::new(vec![Box::new(StateOfCases)]);
    });
    let session = office.enter("anna");
    let mut shown = |mode: &str| {
        let with = format!(
            "<with-defaults xmlns=\"urn:ietf:params:xml:ns:yang:ietf-netconf-with-defaults\">{mode}</with-defaults>"
        );
        let filter = "<filter><s xmlns=\"urn:ponder:test:state-cases\"/><nobody xmlns=\"urn:ponder:test:state-cases\"/></filter>";
        let reply = office.ask(session, &format!("<get>{filter}{with}</get>"));
        reply.replace('\n', "")
    };
    let all: Vec<String> = ["explicit", "trim", "report-all", "report-all-tagged"]
        .iter()
        .map(|mode| format!("{mode}: {}", shown(mode)))
        .collect();
    expect![[r#"
        explicit: <data><s xmlns="urn:ponder:test:state-cases"><set>one</set><entry><name>a</name></entry></s></data>
        trim: <data><s xmlns="urn:ponder:test:state-cases"><entry><name>a</name></entry></s></data>
        report-all: <data><s xmlns="urn:ponder:test:state-cases"><set>one</set><unset>5</unset><inside><deep>true</deep></inside><entry><name>a</name><kind>plain</kind></entry></s></data>
        report-all-tagged: <data><s xmlns="urn:ponder:test:state-cases"><set>one</set><unset xmlns:wd="urn:ietf:params:xml:ns:netconf:default:1.0" wd:default="true">5</unset><inside><deep xmlns:wd="urn:ietf:params:xml:ns:netconf:default:1.0" wd:default="true">true</deep></inside><entry><name>a</name><kind xmlns:wd="urn:ietf:params:xml:ns:netconf:default:1.0" wd:default="true">plain</kind></entry></s></data>"#]].assert_eq(&all.join("\n"));
}
