//! Every payload document, without a wire: edits on a fresh datastore, filters, RPCs and state documents.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)] // a test may stop at what it did not expect

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, LazyLock};

use ponder::datastore::datastores::Datastores;
use ponder::datastore::edit::OnError;
use ponder::datastore::edit_attributes::EditOperation;
use ponder::datastore::history::Author;
use ponder::datastore::memory_storage::MemoryStorage;
use ponder::yang::error::DataError;
use ponder::yang::modules::ModuleSet;
use ponder::yang::operation::Operation;
use ponder::yang::schema::Schema;
use ponder::yang::select::Selection;

static SCHEMA: LazyLock<Arc<Schema>> = LazyLock::new(|| Schema::load(ModuleSet::embedded()).unwrap());

struct Payload {
    file: String,
    mode: String,
    expected: String,
    tag: String,
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data/payloads")
}

fn manifest() -> Vec<Payload> {
    let text = fs::read_to_string(folder().join("MANIFEST.tsv")).unwrap();
    text.lines()
        .filter(|line| !line.starts_with('#') && !line.starts_with("file\t") && !line.is_empty())
        .map(|line| {
            let columns: Vec<&str> = line.split('\t').collect();
            Payload {
                file: columns[0].to_owned(),
                mode: columns[1].to_owned(),
                expected: columns[2].to_owned(),
                tag: columns[3].to_owned(),
            }
        })
        // The unified models are for later.
        .filter(|payload| !payload.file.contains("-um-"))
        .collect()
}

/// What stands between the first `<name …>` and the last `</name>`.
fn inside<'t>(text: &'t str, name: &str) -> &'t str {
    let start = text
        .find(&format!("<{name}"))
        .unwrap_or_else(|| panic!("no <{name}>"));
    let start = start + text[start..].find('>').unwrap() + 1;
    let end = text.rfind(&format!("</{name}>")).unwrap();
    &text[start..end]
}

fn commit(datastores: &Datastores, document: &str) -> Result<(), Vec<DataError>> {
    let default = if document.contains("<default-operation>none<") {
        EditOperation::None
    } else {
        EditOperation::Merge
    };
    let edited = datastores.edit_candidate(inside(document, "config"), default, OnError::Stop);
    if !edited.errors.is_empty() {
        return Err(edited.errors);
    }
    let author = Author {
        user: "anna".to_owned(),
        session_id: 1,
        timestamp: jiff::Timestamp::UNIX_EPOCH,
        label: None,
        comment: None,
    };
    datastores
        .commit(author, &[])
        .map(|_| ())
        .map_err(|error| error.into_errors())
}

fn fresh() -> Datastores {
    Datastores::open(Arc::clone(&SCHEMA), Box::new(MemoryStorage::new())).unwrap()
}

#[test]
fn every_payload_gets_the_verdict_of_the_manifest() {
    let mut wrong = Vec::new();
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    for payload in manifest() {
        *seen.entry(payload.mode.clone()).or_default() += 1;
        let document = fs::read_to_string(folder().join(&payload.file)).unwrap();
        let result = match payload.mode.as_str() {
            "edit" => commit(&fresh(), &document),
            "rpc" => {
                let rpc = inside(&document, "rpc");
                Operation::parse(&SCHEMA, rpc).map(|_| ())
            }
            "filter" if document.contains("type=\"xpath\"") => continue,
            "filter" => Selection::subtree(&SCHEMA, inside(&document, "filter"))
                .map(|_| ())
                .map_err(|error| vec![error]),
            // State documents and replies are compared with what the agent shows, over the wire.
            _ => continue,
        };
        let runtime = payload.file.starts_with("runtime/");
        let verdict = match (&result, payload.expected.as_str()) {
            (Err(errors), "INVALID") => errors[0].tag.as_str() == payload.tag,
            (Err(errors), _) if runtime => errors[0].tag.as_str() == payload.tag,
            (Ok(()), "VALID" | "EITHER") => true,
            _ => false,
        };
        if !verdict {
            wrong.push(format!(
                "{}: wanted {} {}, got {result:?}",
                payload.file, payload.expected, payload.tag
            ));
        }
        for error in result.err().into_iter().flatten() {
            println!("{}: {error}", payload.file);
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
    assert!(seen["edit"] > 25 && seen["rpc"] >= 7, "{seen:?}");
}

#[test]
fn runtime_payloads_depend_on_what_is_there() {
    let read = |name: &str| fs::read_to_string(folder().join(name)).unwrap();
    let datastores = fresh();
    let create = read("runtime/x01-create-existing-slice.xml");
    let delete = read("runtime/x02-delete-slice.xml");
    commit(&datastores, &create).unwrap();
    let errors = commit(&datastores, &create).unwrap_err();
    assert_eq!(errors[0].tag.as_str(), "data-exists");
    datastores.discard();
    commit(&datastores, &delete).unwrap();
    let errors = commit(&datastores, &delete).unwrap_err();
    assert_eq!(errors[0].tag.as_str(), "data-missing");
    datastores.discard();
    let remove = read("runtime/x03-remove-subsea-knob.xml");
    commit(&datastores, &remove).unwrap();
    commit(&datastores, &read("valid/v06-subsea-all-knobs.xml")).unwrap();
    commit(&datastores, &remove).unwrap();
    let optics = "/Cisco-IOS-XR-ifmgr-cfg:interface-configurations/\
                  interface-configuration[active='act'][interface-name='Optics0/1/0/0']/\
                  Cisco-IOS-XR-controller-optics-cfg:optics";
    let running = datastores.running();
    let optics = running.tree.find(optics).unwrap();
    assert!(optics.child("nleq-comp-mode").is_none());
    assert_eq!(optics.leaf("cpr-win-mode"), Some("4"));
}
