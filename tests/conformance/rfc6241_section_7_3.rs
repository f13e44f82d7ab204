//! RFC 6241 sections 7.2 to 7.4 at the desk: edit-config with its options, copy-config, delete-config; and the
//! capabilities of sections 8.2, 8.6, 8.7 and 8.8 that they stand on.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use ponder::datastore::memory_storage::MemoryStorage;
use ponder::management::config_stores::{StartupStore, UrlStore};
use ponder::management::error::{ErrorTag, ManagementError};

use crate::office::{COMMIT, GET_CANDIDATE, GET_RUNNING, Office, edit, host_name, optics};

/// Startup and URLs in memory.
#[derive(Clone, Default)]
struct Shelf(Arc<Mutex<BTreeMap<String, String>>>);

impl StartupStore for Shelf {
    fn read(&self) -> Result<String, ManagementError> {
        Ok(self.0.lock().unwrap().get("startup").cloned().unwrap_or_default())
    }

    fn write(&self, config: &str) -> Result<(), ManagementError> {
        self.0
            .lock()
            .unwrap()
            .insert("startup".to_owned(), config.to_owned());
        Ok(())
    }
}

impl UrlStore for Shelf {
    fn schemes(&self) -> Vec<&'static str> {
        vec!["file"]
    }

    fn read(&self, url: &str) -> Result<String, ManagementError> {
        let missing =
            || ManagementError::application(ErrorTag::OperationFailed, format!("url {url}: not there"));
        self.0.lock().unwrap().get(url).cloned().ok_or_else(missing)
    }

    fn write(&self, url: &str, config: &str) -> Result<(), ManagementError> {
        self.0.lock().unwrap().insert(url.to_owned(), config.to_owned());
        Ok(())
    }

    fn delete(&self, url: &str) -> Result<(), ManagementError> {
        let missing =
            || ManagementError::application(ErrorTag::OperationFailed, format!("url {url}: not there"));
        self.0.lock().unwrap().remove(url).map(|_| ()).ok_or_else(missing)
    }
}

/// A desk with everything on, and its shelf.
fn everything() -> (Office, Shelf) {
    let shelf = Shelf::default();
    let (startup, urls) = (shelf.clone(), shelf.clone());
    let office = Office::with(MemoryStorage::new(), |parts| {
        parts.writable_running = true;
        parts.startup = Some(Box::new(startup));
        parts.urls = Some(Box::new(urls));
    });
    (office, shelf)
}

fn tag_of(reply: &str) -> &str {
    let (_, rest) = reply
        .split_once("<error-tag>")
        .unwrap_or_else(|| panic!("{reply}"));
    rest.split_once('<').unwrap().0
}

fn copy(source: &str, target: &str) -> String {
    format!("<copy-config><target>{target}</target><source>{source}</source></copy-config>")
}

fn delete(target: &str) -> String {
    format!("<delete-config><target>{target}</target></delete-config>")
}

fn inline(config: &str) -> String {
    format!("<config>{config}</config>")
}

const RUNNING: &str = "<running/>";
const CANDIDATE: &str = "<candidate/>";
const STARTUP: &str = "<startup/>";
const URL: &str = "<url>file:///a</url>";

/// An edit of running.
fn edit_running(parameters: &str, config: &str) -> String {
    edit(parameters, config).replace(CANDIDATE, RUNNING)
}

/// Wrong in itself: below the range.
fn bad_optics() -> String {
    optics("Optics0/1/0/9", "<no-such-thing/>")
}

#[test]
fn an_inline_configuration_takes_the_place_of_the_candidate() {
    let mut office = Office::opened();
    let session = office.enter("anna");
    office.accept(session, &edit("", &optics("Optics0/1/0/0", "")));
    office.accept(session, COMMIT);
    office.accept(session, &copy(&inline(&host_name("whole")), CANDIDATE));
    let candidate = office.ask(session, GET_CANDIDATE);
    assert!(
        candidate.contains("whole") && !candidate.contains("Optics0/1/0/0"),
        "{candidate}"
    );
    office.accept(session, COMMIT);
    let running = office.ask(session, GET_RUNNING);
    assert!(
        running.contains("whole") && !running.contains("Optics0/1/0/0"),
        "{running}"
    );
}

#[test]
fn a_copy_that_is_wrong_leaves_the_candidate_as_it_was() {
    let mut office = Office::opened();
    let session = office.enter("anna");
    office.accept(session, &edit("", &host_name("before")));
    let wrong = format!("{}{}", host_name("after"), bad_optics());
    let reply = office.ask(session, &copy(&inline(&wrong), CANDIDATE));
    assert_eq!(tag_of(&reply), "unknown-element");
    assert!(office.ask(session, GET_CANDIDATE).contains("before"));
}

#[test]
fn running_copied_to_candidate_discards_what_was_edited() {
    let mut office = Office::opened();
    let session = office.enter("anna");
    office.accept(session, &edit("", &host_name("edited")));
    office.accept(session, &copy(RUNNING, CANDIDATE));
    assert!(!office.ask(session, GET_CANDIDATE).contains("edited"));
    office.accept(session, "<lock><target><candidate/></target></lock>");
}

#[test]
fn source_and_target_that_are_the_same_are_refused() {
    let (mut office, _) = everything();
    let session = office.enter("anna");
    for place in [RUNNING, CANDIDATE, STARTUP, URL] {
        assert_eq!(
            tag_of(&office.ask(session, &copy(place, place))),
            "invalid-value",
            "{place}"
        );
    }
}

#[test]
fn what_is_off_is_refused_by_name() {
    let mut office = Office::opened();
    let session = office.enter("anna");
    for (operation, words) in [
        (copy(CANDIDATE, RUNNING), "no :writable-running"),
        (copy(&inline(&host_name("x")), RUNNING), "no :writable-running"),
        (edit_running("", &host_name("x")), "no :writable-running"),
        (copy(RUNNING, STARTUP), ":startup is not advertised"),
        (copy(STARTUP, CANDIDATE), ":startup is not advertised"),
        (delete(STARTUP), ":startup is not advertised"),
        (
            "<get-config><source><startup/></source></get-config>".to_owned(),
            ":startup is not advertised",
        ),
        (
            "<lock><target><startup/></target></lock>".to_owned(),
            ":startup is not advertised",
        ),
        (
            "<unlock><target><startup/></target></unlock>".to_owned(),
            ":startup is not advertised",
        ),
        (
            "<validate><source><startup/></source></validate>".to_owned(),
            ":startup is not advertised",
        ),
        (copy(RUNNING, URL), ":url is not advertised"),
        (copy(URL, CANDIDATE), ":url is not advertised"),
        (delete(URL), ":url is not advertised"),
        (
            format!("<validate><source>{URL}</source></validate>"),
            ":url is not advertised",
        ),
        (
            format!("<edit-config><target><candidate/></target>{URL}</edit-config>"),
            ":url is not advertised",
        ),
        (delete(RUNNING), "cannot be the target"),
        (delete(CANDIDATE), "discard-changes"),
    ] {
        let reply = office.ask(session, &operation);
        assert_eq!(tag_of(&reply), "operation-not-supported", "{operation}");
        assert!(reply.contains(words), "{operation}: {reply}");
    }
}

#[test]
fn a_lock_of_somebody_else_stops_a_copy() {
    let (mut office, _) = everything();
    let (first, second) = (office.enter("first"), office.enter("second"));
    for place in [RUNNING, CANDIDATE, STARTUP] {
        office.accept(first, &format!("<lock><target>{place}</target></lock>"));
        let source = inline(&host_name("x"));
        assert_eq!(
            tag_of(&office.ask(second, &copy(&source, place))),
            "in-use",
            "{place}"
        );
        office.accept(first, &copy(&source, place));
        if place == CANDIDATE {
            office.accept(first, "<discard-changes/>");
        }
        office.accept(first, &format!("<unlock><target>{place}</target></unlock>"));
    }
}

#[test]
fn startup_is_copied_to_and_from_shown_validated_and_deleted() {
    let (mut office, shelf) = everything();
    let session = office.enter("anna");
    office.accept(session, &edit_running("", &host_name("kept")));
    office.accept(session, &copy(RUNNING, STARTUP));
    office.accept(session, &edit_running("", &host_name("other")));
    let shown = office.ask(session, "<get-config><source><startup/></source></get-config>");
    assert!(shown.contains("kept"), "{shown}");
    office.accept(session, "<validate><source><startup/></source></validate>");
    office.accept(session, &copy(STARTUP, CANDIDATE));
    office.accept(session, COMMIT);
    assert!(office.ask(session, GET_RUNNING).contains("kept"));
    office.accept(session, &delete(STARTUP));
    assert_eq!(StartupStore::read(&shelf).unwrap(), "");
    let reply = office.ask(session, &edit("", "").replace(CANDIDATE, STARTUP));
    assert_eq!(tag_of(&reply), "operation-not-supported");
}

#[test]
fn what_is_not_valid_does_not_become_startup() {
    let (mut office, shelf) = everything();
    let session = office.enter("anna");
    let reply = office.ask(session, &copy(&inline(&bad_optics()), STARTUP));
    assert_eq!(tag_of(&reply), "unknown-element");
    assert_eq!(StartupStore::read(&shelf).unwrap(), "");
}

#[test]
fn a_url_is_written_read_edited_from_validated_and_deleted() {
    let (mut office, shelf) = everything();
    let session = office.enter("anna");
    office.accept(session, &edit_running("", &host_name("there")));
    office.accept(session, &copy(RUNNING, URL));
    assert!(UrlStore::read(&shelf, "file:///a").unwrap().contains("there"));
    office.accept(session, &format!("<validate><source>{URL}</source></validate>"));
    office.accept(session, &copy(URL, "<url>file:///b</url>"));
    office.accept(session, &edit_running("", &host_name("other")));
    office.accept(
        session,
        "<edit-config><target><candidate/></target><url>file:///b</url></edit-config>",
    );
    office.accept(session, COMMIT);
    assert!(office.ask(session, GET_RUNNING).contains("there"));
    office.accept(session, &delete(URL));
    assert_eq!(tag_of(&office.ask(session, &delete(URL))), "operation-failed");
    let both = "<edit-config><target><candidate/></target><url>file:///b</url><config/></edit-config>";
    assert_eq!(tag_of(&office.ask(session, both)), "bad-element");
}

#[test]
fn running_is_edited_at_once_where_it_is_writable() {
    let (mut office, _) = everything();
    let session = office.enter("anna");
    office.accept(session, &edit_running("", &host_name("a")));
    assert!(office.ask(session, GET_RUNNING).contains("<host-name>a<"));
    assert_eq!(*office.committed.lock().unwrap(), [1]);
    // The candidate follows where nobody edited it.
    assert!(office.ask(session, GET_CANDIDATE).contains("<host-name>a<"));
    let only_tested = "<test-option>test-only</test-option>";
    office.accept(session, &edit_running(only_tested, &host_name("b")));
    assert!(office.ask(session, GET_RUNNING).contains("<host-name>a<"));
    office.accept(session, &copy(&inline(""), RUNNING));
    assert!(!office.ask(session, GET_RUNNING).contains("host-name"));
}

#[test]
fn an_edit_of_running_while_it_awaits_a_confirmation_goes_back_with_it() {
    let (mut office, _) = everything();
    let session = office.enter("anna");
    office.accept(session, &edit_running("", &host_name("before")));
    office.accept(session, &edit("", &host_name("new")));
    office.accept(session, "<commit><confirmed/></commit>");
    office.accept(session, &edit_running("", &host_name("newer")));
    let mut office = office.restart();
    let session = office.enter("anna");
    assert!(office.ask(session, GET_RUNNING).contains("before"));
}

/// Three edits, the second one wrong; tells which of the other two were done, and the number of errors.
fn three_edits(error_option: &str, target: &str) -> (bool, bool, usize) {
    let (mut office, _) = everything();
    let session = office.enter("anna");
    let config = format!(
        "{}{}{}",
        optics("Optics0/1/0/0", ""),
        bad_optics(),
        host_name("last")
    );
    let option = format!("<error-option>{error_option}</error-option>");
    let reply = office.ask(session, &edit(&option, &config).replace(CANDIDATE, target));
    let left = office.ask(session, &GET_RUNNING.replace(RUNNING, target));
    (
        left.contains("Optics0/1/0/0"),
        left.contains("last"),
        reply.matches("<rpc-error>").count(),
    )
}

#[test]
fn the_three_error_options_behave_in_three_ways() {
    for target in [CANDIDATE, RUNNING] {
        assert_eq!(three_edits("stop-on-error", target), (true, false, 1), "{target}");
        assert_eq!(
            three_edits("continue-on-error", target),
            (true, true, 1),
            "{target}"
        );
        assert_eq!(
            three_edits("rollback-on-error", target),
            (false, false, 1),
            "{target}"
        );
    }
}

/// An edit that is right in itself and that no commit would accept: a must of the module does not hold.
fn not_committable() -> String {
    let ns = "http://cisco.com/ns/yang/Cisco-IOS-XR-ifmgr-cfg";
    format!(
        "<interface-configurations xmlns=\"{ns}\"><interface-configuration><active>act</active>\
         <interface-name>Optics0/1/0/0</interface-name><optics xmlns=\"http://cisco.com/ns/yang/Cisco-IOS-XR-controller-optics-cfg\">\
         <optics-dwdm-carrier><grid-type>50g-hz-grid</grid-type></optics-dwdm-carrier></optics>\
         </interface-configuration></interface-configurations>"
    )
}

#[test]
fn the_three_test_options_behave_in_three_ways() {
    let mut office = Office::opened();
    let session = office.enter("anna");
    let option = |word: &str| format!("<test-option>{word}</test-option>");
    let is_edited = |office: &mut Office| office.ask(session, GET_CANDIDATE).contains("grid-type");

    office.accept(session, &edit(&option("test-only"), &host_name("x")));
    assert!(!office.ask(session, GET_CANDIDATE).contains("host-name"));
    for word in ["test-only", "test-then-set"] {
        let reply = office.ask(session, &edit(&option(word), &not_committable()));
        assert!(reply.contains("<rpc-error>"), "{word}: {reply}");
        assert!(!is_edited(&mut office), "{word}");
    }
    // A candidate may be incomplete until it is committed; nothing said is the same.
    for parameters in [option("set"), String::new()] {
        office.accept(session, &edit(&parameters, &not_committable()));
        assert!(is_edited(&mut office));
        assert!(
            office
                .ask(session, "<validate><source><candidate/></source></validate>")
                .contains("<rpc-error>")
        );
        assert!(office.ask(session, COMMIT).contains("<rpc-error>"));
        office.accept(session, "<discard-changes/>");
    }
    let reply = office.ask(
        session,
        &format!(
            "<validate><source><config>{}</config></source></validate>",
            not_committable()
        ),
    );
    assert!(reply.contains("<rpc-error>"), "{reply}");
}
