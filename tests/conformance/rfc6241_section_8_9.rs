//! RFC 6241 section 8.9: XPath filters, over configuration and state.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};

use expect_test::expect;
use ponder::datastore::memory_storage::MemoryStorage;
use ponder::management::operational::{OperationalState, StateProvider};
use ponder::yang::modules::ModuleSet;
use ponder::yang::schema::Schema;
use ponder::yang::state::StateBuilder;

use crate::office::{COMMIT, Office};

const NS: &str = "http://example.com/schema/1.2/config";

pub static USERS: LazyLock<Arc<Schema>> = LazyLock::new(|| {
    let text = include_str!("../data/yang/filter-examples.yang");
    Schema::load(ModuleSet::embedded().with_module("filter-examples", text)).unwrap()
});

/// State of many ports, which counts the ports that it was made to look at.
struct Ports(Arc<AtomicUsize>);

impl StateProvider for Ports {
    fn roots(&self) -> Vec<&'static str> {
        vec!["Cisco-IOS-XR-controller-optics-oper:optics-oper"]
    }

    fn fill(&self, out: &mut StateBuilder<'_>) {
        out.container("Cisco-IOS-XR-controller-optics-oper:optics-oper", |out| {
            out.container("optics-ports", |out| {
                for port in 0..100 {
                    out.list(
                        "optics-port",
                        &[("name", &format!("Optics0/1/0/{port}"))],
                        |out| {
                            self.0.fetch_add(1, Ordering::Relaxed);
                            out.container("optics-info", |out| {
                                out.leaf("laser-state", if port % 2 == 0 { "on" } else { "off" })
                            });
                        },
                    );
                }
            });
        });
    }

    fn provided(&self) -> &'static [&'static str] {
        &[]
    }
}

fn office() -> (Office, u32, Arc<AtomicUsize>) {
    let looked_at = Arc::new(AtomicUsize::new(0));
    let ports = Ports(Arc::clone(&looked_at));
    let mut office = Office::of(Arc::clone(&USERS), MemoryStorage::new(), |parts| {
        parts.state = OperationalState::new(vec![Box::new(ports)]);
    });
    let session = office.enter("anna");
    let users: String = [("root", "superuser"), ("fred", "admin"), ("barney", "admin")]
        .iter()
        .map(|(name, kind)| {
            format!("<user><name>{name}</name><type>{kind}</type><full-name>The {name}</full-name></user>")
        })
        .collect();
    office.accept(
        session,
        &format!(
            "<edit-config><target><candidate/></target><config><top xmlns=\"{NS}\"><users>{users}</users></top>\
             <host-names xmlns=\"http://cisco.com/ns/yang/Cisco-IOS-XR-shellutil-cfg\"><host-name>lab</host-name></host-names>\
             </config></edit-config>"
        ),
    );
    office.accept(session, COMMIT);
    (office, session, looked_at)
}

fn filter(select: &str) -> String {
    let select = select
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('"', "&quot;");
    format!(
        "<filter type=\"xpath\" xmlns:t=\"{NS}\" xmlns:oo=\"http://cisco.com/ns/yang/Cisco-IOS-XR-controller-optics-oper\" \
         xmlns:no=\"urn:nobody\" select=\"{select}\"/>"
    )
}

fn configured(select: &str) -> String {
    let (mut office, session, _) = office();
    let get = format!(
        "<get-config><source><running/></source>{}</get-config>",
        filter(select)
    );
    office
        .ask(session, &get)
        .replace('\n', "")
        .replace(&format!(" xmlns=\"{NS}\""), "")
}

#[test]
fn the_selected_nodes_come_with_their_ancestors_and_keys() {
    expect!["<data><top><users><user><name>fred</name><type>admin</type></user></users></top></data>"]
        .assert_eq(&configured("/t:top/t:users/t:user[t:name='fred']/t:type"));
    expect!["<data><top><users><user><name>root</name><type>superuser</type><full-name>The root</full-name></user></users></top></data>"]
        .assert_eq(&configured("/t:top/t:users/t:user[3]"));
    expect!["<data></data>"].assert_eq(&configured("/t:top/t:users/t:user[t:name='nobody']"));
}

#[test]
fn the_whole_of_xpath_is_understood() {
    let names = |select: &str| {
        let reply = configured(select);
        let found: Vec<&str> = reply
            .split("<name>")
            .skip(1)
            .map(|rest| rest.split('<').next().unwrap())
            .collect();
        found.join(",")
    };
    for (select, expected) in [
        ("//t:user[t:type='admin']", "barney,fred"),
        ("//t:user[t:type != 'admin']/t:full-name", "root"),
        ("/t:top//t:user[contains(t:full-name, 'bar')]", "barney"),
        ("//t:user[position() = last()]", "root"),
        ("//t:user[2]", "fred"),
        ("//t:name[. = 'fred' or . = 'root']", "fred,root"),
        (
            "/t:top/t:users/t:user[t:name='fred'] | //t:user[t:name=\"root\"]/t:type",
            "fred,root",
        ),
        ("//t:user[t:name='fred']/preceding-sibling::t:user", "barney"),
        ("//t:user[t:name='fred']/following-sibling::*", "root"),
        ("//t:name[.='fred']/../t:type", "fred"),
        ("//t:name[.='fred']/ancestor::t:user", "fred"),
        ("//t:user[not(t:type='admin')]", "root"),
        (
            "//t:user[string-length(t:name) > 4 and starts-with(t:name, 'b')]",
            "barney",
        ),
        ("//*[local-name() = 'user'][count(t:type) = 1][1]", "barney"),
        ("(//t:user)[2]/t:name", "fred"),
        ("/t:top/*/*[t:name = /t:top/t:users/t:user[1]/t:name]", "barney"),
        ("t:top/t:users/t:user[t:name='fred']", "fred"),
        ("child::t:top/descendant::t:user[t:name='fred']", "fred"),
        ("/top/users/user[name='fred']/type", "fred"),
        ("//no:user", ""),
        ("/t:top/no:users", ""),
        ("/t:*/t:users/t:*[2]/t:name", "fred"),
        ("/t:top/t:users/t:user[t:name='fred']/t:*[1]", "fred"),
        ("//t:user[t:*='fred']", "fred"),
        (
            "//t:user[t:name = 'fred'] [ count ( t:* ) = count(*) and count(t:*) > 2 ]",
            "fred",
        ),
        ("/no:*//t:user", ""),
        ("/oo:*//t:user", ""),
    ] {
        assert_eq!(names(select), expected, "{select}");
    }
    assert_eq!(names("/"), names("//t:user"));
    assert!(configured("/").contains("host-names"));
    assert_eq!(configured("/"), configured("/*"));
    assert_eq!(configured("/t:*"), configured("/t:top"));
}

#[test]
fn state_is_selected_like_configuration_and_together_with_it() {
    let (mut office, session, _) = office();
    let get = |select: &str| format!("<get>{}</get>", filter(select));
    let reply = office.ask(session, &get("/oo:optics-oper/oo:optics-ports/oo:optics-port[oo:name='Optics0/1/0/7']/oo:optics-info/oo:laser-state"));
    assert!(
        reply.contains("<name>Optics0/1/0/7</name>") && reply.contains("<laser-state>off</laser-state>"),
        "{reply}"
    );
    assert_eq!(reply.matches("<optics-port>").count(), 1, "{reply}");
    let reply = office.ask(
        session,
        &get("//oo:laser-state[.='on'] | //t:user[t:name='fred']"),
    );
    assert_eq!(reply.matches("<laser-state>").count(), 50, "{reply}");
    assert!(reply.contains("<name>fred</name>"), "{reply}");
}

#[test]
fn location_paths_and_keys_reach_the_state_provider() {
    let (mut office, session, looked_at) = office();
    let mut looked = |select: &str| {
        looked_at.store(0, Ordering::Relaxed);
        let reply = office.ask(session, &format!("<get>{}</get>", filter(select)));
        assert!(!reply.contains("rpc-error"), "{select}: {reply}");
        looked_at.load(Ordering::Relaxed)
    };
    for (select, ports) in [
        (
            "/oo:optics-oper/oo:optics-ports/oo:optics-port[oo:name='Optics0/1/0/7']",
            1,
        ),
        (
            "/optics-oper/optics-ports/optics-port[name='Optics0/1/0/7']/optics-info",
            1,
        ),
        (
            "/oo:optics-oper/oo:optics-ports/oo:optics-port['Optics0/1/0/7' = oo:name][oo:optics-info]",
            1,
        ),
        ("/t:top/t:users", 0),
        ("/t:*", 0),
        ("/oo:*/oo:optics-ports/oo:optics-port[oo:name='Optics0/1/0/7']", 1),
        ("//t:user", 100),
        (
            "/oo:optics-oper/oo:optics-ports/oo:optics-port[1][oo:name='Optics0/1/0/0']",
            100,
        ),
        (
            "/t:top[/oo:optics-oper/oo:optics-ports/oo:optics-port[oo:name='Optics0/1/0/7']]",
            1,
        ),
    ] {
        assert_eq!(looked(select), ports, "{select}");
    }
}

#[test]
fn what_is_no_expression_or_selects_no_nodes_is_refused_with_the_reason() {
    let (mut office, session, _) = office();
    for (select, words) in [
        ("/t:top[", "at character 8: the expression ends too early"),
        ("/x:top", "the prefix x is not declared"),
        ("count(//t:user)", "selects no nodes"),
        ("'text'", "selects no nodes"),
        ("$variable", "no variables"),
        ("no-function(1)", "no-function"),
        ("/x:*", "the prefix x is not declared"),
        ("", "ends too early"),
    ] {
        let get = format!("<get>{}</get>", filter(select));
        let reply = office.ask(session, &get);
        assert!(
            reply.contains("<error-tag>invalid-value</error-tag>"),
            "{select}: {reply}"
        );
        assert!(
            reply.contains("<error-type>protocol</error-type>"),
            "{select}: {reply}"
        );
        assert!(reply.contains(words), "{select}: {reply}");
    }
}

#[test]
fn a_filter_that_could_cost_too_much_is_refused_and_says_what_would_be_cheaper() {
    let (mut office, session, _) = office();
    for select in ["//*[//*[//*[//*]]]", "//*[count(//*[count(//*) > 1]) > 1]"] {
        let reply = office.ask(session, &format!("<get>{}</get>", filter(select)));
        assert!(
            reply.contains("<error-tag>resource-denied</error-tag>"),
            "{select}: {reply}"
        );
        assert!(reply.contains("name keys"), "{select}: {reply}");
    }
}

#[test]
fn an_attribute_match_expression_matches_nothing_and_the_rest_is_given() {
    let (mut office, session, _) = office();
    let filter = format!(
        "<filter><top xmlns=\"{NS}\" x=\"1\"/><host-names xmlns=\"http://cisco.com/ns/yang/Cisco-IOS-XR-shellutil-cfg\"/></filter>"
    );
    let reply = office.ask(
        session,
        &format!("<get-config><source><running/></source>{filter}</get-config>"),
    );
    assert!(
        reply.contains("<host-name>lab</host-name>") && !reply.contains("<top"),
        "{reply}"
    );
}

#[test]
fn axes_against_the_order_of_the_document_are_evaluated_whatever_stands_last() {
    const MODULE: &str = r#"module last { namespace "urn:last"; prefix l;
        container a { list b { key k; leaf k { type string; } container c { leaf d { type string; } } } }
        leaf z { type string; } container y { } }"#;
    let schema = Schema::load(ModuleSet::new().with_module("last", MODULE)).unwrap();
    for last in ["", "<z xmlns=\"urn:last\">end</z>"] {
        let mut office = Office::of(Arc::clone(&schema), MemoryStorage::new(), |_| ());
        let session = office.enter("anna");
        let config = "<a xmlns=\"urn:last\"><b><k>1</k><c><d>x</d></c></b><b><k>2</k><c><d>y</d></c></b></a>";
        office.accept(
            session,
            &format!(
                "<edit-config><target><candidate/></target><config>{config}{last}</config></edit-config>"
            ),
        );
        office.accept(session, COMMIT);
        for (select, found) in [
            ("//l:d/ancestor::l:b", 2),
            ("//l:d/ancestor::*[l:k='2']", 1),
            ("//l:d/ancestor-or-self::*", 2),
            ("//*/preceding::l:b", 2),
            ("//*/following-sibling::l:b", 1),
            ("//l:b[ancestor::l:a]", 2),
            ("//l:b/../l:b[2]/preceding-sibling::*", 1),
            ("//*/../*/..//l:b", 2),
            ("/l:z | //l:d/../..", 2),
            ("/*[last()]/preceding::l:b", 2),
        ] {
            let get = format!(
                "<get-config><source><running/></source><filter type=\"xpath\" xmlns:l=\"urn:last\" select=\"{select}\"/></get-config>"
            );
            let reply = office.ask(session, &get);
            assert_eq!(
                reply.matches("<b>").count(),
                found,
                "{select} before {last:?}: {reply}"
            );
        }
    }
}
