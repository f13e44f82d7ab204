//! get-schema and RPCs of YANG modules (RFC 6022 section 3.1).

use crate::{Office, SCHEMA};

fn get_schema(inside: &str) -> String {
    format!("<get-schema xmlns=\"urn:ietf:params:xml:ns:yang:ietf-netconf-monitoring\">{inside}</get-schema>")
}

#[test]
fn every_module_and_submodule_can_be_fetched_by_name_and_revision() {
    let mut office = Office::opened();
    let admin = office.enter("admin");
    let submodules = SCHEMA.modules().iter().flat_map(|module| &module.submodules);
    let modules = SCHEMA
        .modules()
        .iter()
        .map(|module| (&module.name, &module.revision));
    let all: Vec<_> = modules
        .chain(submodules.map(|(name, revision)| (name, revision)))
        .collect();
    assert!(all.len() > 30);
    for (name, revision) in all {
        let version = revision
            .as_ref()
            .map(|revision| format!("<version>{revision}</version>"))
            .unwrap_or_default();
        let reply = office.ask(
            admin,
            &get_schema(&format!("<identifier>{name}</identifier>{version}")),
        );
        assert!(
            reply.contains(&format!("module {name} {{")),
            "{name}: {}",
            &reply[..reply.len().min(300)]
        );
    }
}

#[test]
fn a_module_is_given_as_yin_too() {
    let mut office = Office::opened();
    let session = office.enter("admin");
    for name in ["ietf-netconf", "Cisco-IOS-XR-osa-cfg", "ietf-yang-types"] {
        let inside = format!("<identifier>{name}</identifier><format>yin</format>");
        let reply = office.ask(session, &get_schema(&inside));
        assert!(reply.contains(&format!("&lt;module name=\"{name}\"")), "{reply}");
        assert!(reply.contains("urn:ietf:params:xml:ns:yang:yin:1"), "{reply}");
    }
}

#[test]
fn an_unknown_module_revision_or_format_is_named() {
    let mut office = Office::opened();
    let admin = office.enter("admin");
    for (asked, named) in [
        (
            "<identifier>no-such-module</identifier>",
            "module \"no-such-module\" is not served",
        ),
        (
            "<identifier>ietf-netconf</identifier><version>1999-01-01</version>",
            "module \"ietf-netconf\" of revision \"1999-01-01\" is not served",
        ),
        (
            "<identifier>ietf-netconf</identifier><format>rng</format>",
            "format \"rng\" of module ietf-netconf",
        ),
    ] {
        let reply = office.ask(admin, &get_schema(asked));
        assert!(
            reply.contains("<error-tag>invalid-value</error-tag>") && reply.contains(named),
            "{reply}"
        );
    }
}

#[test]
fn an_rpc_that_nobody_carries_out_is_refused_by_name() {
    let mut office = Office::opened();
    let admin = office.enter("admin");
    let reply = office.ask(
        admin,
        "<renew-auth xmlns=\"http://cisco.com/ns/yang/Cisco-IOS-XR-smart-license-act\"/>",
    );
    assert!(
        reply.contains("<error-tag>operation-not-supported</error-tag>"),
        "{reply}"
    );
    assert!(
        reply.contains("does not carry out Cisco-IOS-XR-smart-license-act:renew-auth"),
        "{reply}"
    );
}
