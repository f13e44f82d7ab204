//! Licensing as a participant of commits, and the profile of call home that must not be deleted.

use crate::app::licence_configuration::DEFAULT_PROFILE;
use crate::datastore::participant::Participant;
use crate::management::error::{ErrorTag, ManagementError};
use crate::yang::document::Element;

const NETCONF: &str = "urn:ietf:params:xml:ns:netconf:base:1.0";
const CALL_HOME: &str = "http://cisco.com/ns/yang/Cisco-IOS-XR-call-home-cfg";

/// What licensing acts on; it never refuses a commit.
pub struct LicensingParticipant;

impl Participant for LicensingParticipant {
    fn name(&self) -> &'static str {
        "licensing"
    }

    fn claims(&self) -> &[&'static str] {
        &[
            "/Cisco-IOS-XR-call-home-cfg:call-home/profiles/profile/active",
            "/Cisco-IOS-XR-call-home-cfg:call-home/profiles/profile/methods",
            "/Cisco-IOS-XR-call-home-cfg:call-home/profiles/profile/addresses",
            "/Cisco-IOS-XR-call-home-cfg:call-home/profiles/profile/report-type/reporting-licensing-data",
            "/Cisco-IOS-XR-call-home-cfg:call-home/http-proxy",
            "/Cisco-IOS-XR-call-home-cfg:call-home/data-privacies",
            "/Cisco-IOS-XR-call-home-cfg:call-home/active",
            "/Cisco-IOS-XR-call-home-cfg:call-home/vrf",
            "/Cisco-IOS-XR-crypto-cepki-cfg:crypto-ca/certificate-authority/trustpool/crl",
            "/Cisco-IOS-XR-crypto-cepki-cfg:crypto-ca/certificate-authority/trustpoints/trustpoint/crl",
            "/Cisco-IOS-XR-crypto-cepki-cfg:crypto-ca/http-proxy",
            "/Cisco-IOS-XR-ip-domain-cfg:ip-domain/vrfs/vrf/servers",
            "/Cisco-IOS-XR-ip-domain-cfg:ip-domain/vrfs/vrf/name",
            "/Cisco-IOS-XR-ip-domain-cfg:ip-domain/vrfs/vrf/lists",
            "/Cisco-IOS-XR-ip-domain-cfg:ip-domain/vrfs/vrf/lookup",
            "/Cisco-IOS-XR-ip-domain-cfg:ip-domain/vrfs/vrf/ipv4-hosts",
            "/Cisco-IOS-XR-ip-domain-cfg:ip-domain/vrfs/vrf/ipv6-hosts",
            "/Cisco-IOS-XR-smart-license-cfg:licensing",
        ]
    }
}

/// The refusal of an edit that deletes or removes the entry of the default profile itself: "the CiscoTAC-1 profile is
/// the default for smart licensing and must not be deleted". An edit that replaces or removes something around it is
/// let through and leaves the profile with its built-in values (reading Q29); a change set cannot tell the two apart,
/// so the edit is looked at. `config` is the content of `<config>`; what is no well-formed edit is left to the edit
/// engine to refuse.
pub fn refusal_of_deleting_default_profile(config: &str) -> Option<ManagementError> {
    // Most edits are about something else and need not be parsed twice.
    if !config.contains(DEFAULT_PROFILE) {
        return None;
    }
    let elements = Element::parse_content(config).ok()?;
    let deletes = |entry: &&Element| {
        let operation = entry.attribute(Some(NETCONF), "operation");
        let mut names = entry.children.iter().filter(|child| child.name == "profile-name");
        matches!(operation, Some("delete" | "remove")) && names.any(|name| name.trimmed() == DEFAULT_PROFILE)
    };
    let call_homes = elements.iter().filter(|element| is(element, "call-home"));
    let profiles = call_homes
        .flat_map(|element| &element.children)
        .filter(|element| is(element, "profiles"));
    let mut entries = profiles
        .flat_map(|element| &element.children)
        .filter(|element| is(element, "profile"));
    entries.find(deletes)?;
    let message = format!(
        "call-home profile {DEFAULT_PROFILE} is the default for smart licensing and must not be deleted; remove its \
         active leaf to switch it off"
    );
    let path =
        "/call-home:call-home/call-home:profiles/call-home:profile[call-home:profile-name='CiscoTAC-1']";
    Some(ManagementError {
        path: Some(path.to_owned()),
        namespaces: vec![("call-home".to_owned(), CALL_HOME.to_owned())],
        ..ManagementError::application(ErrorTag::OperationFailed, message)
    })
}

fn is(element: &Element, name: &str) -> bool {
    element.name == name && element.namespace.as_deref() == Some(CALL_HOME)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::app::clock::{Clock, SystemClock};
    use crate::app::desired_state::payload::SCHEMA;
    use crate::datastore::datastores::Datastores;
    use crate::datastore::memory_storage::MemoryStorage;
    use crate::management::body::Body;
    use crate::management::desk::{FrontDesk, Visitor};
    use crate::management::front_desk::{Desk, DeskParts};
    use crate::management::request::{
        ConfigSource, DatastoreName, DefaultOperation, ErrorOption, Filter, Reply, Request, TestOption,
    };
    use crate::yang::print::WithDefaults;

    fn config(profiles_attributes: &str, profile: &str, operation: &str) -> String {
        format!(
            "<call-home xmlns=\"{CALL_HOME}\" xmlns:nc=\"{NETCONF}\"><profiles{profiles_attributes}>
               <profile{operation}><profile-name> {profile} </profile-name></profile></profiles></call-home>"
        )
    }

    fn edit(profiles_attributes: &str, profile: &str, operation: &str) -> Option<ManagementError> {
        refusal_of_deleting_default_profile(&config(profiles_attributes, profile, operation))
    }

    fn desk() -> Desk {
        let storage = Box::new(MemoryStorage::new());
        let datastores = Datastores::open(Arc::clone(&SCHEMA), storage).unwrap();
        let began = SystemClock.instant();
        Desk::new(DeskParts {
            edit_guards: vec![Box::new(refusal_of_deleting_default_profile)],
            ..DeskParts::plain(
                Arc::new(datastores),
                Box::new(|| jiff::Timestamp::UNIX_EPOCH),
                Box::new(move || began),
            )
        })
    }

    #[test]
    fn at_the_desk_the_default_profile_may_be_written_and_replaced_and_not_deleted() {
        let desk = desk();
        let visitor = Visitor {
            user: "admin".to_owned(),
            from: "127.0.0.1:1".to_owned(),
            transport: "netconf-ssh",
        };
        let session = desk.open(visitor, Box::new(|| {}));
        let edit = |operation: &str, test_option| {
            let config = config("", DEFAULT_PROFILE, operation);
            desk.answer(
                session,
                Request::EditConfig {
                    target: DatastoreName::Candidate,
                    default_operation: DefaultOperation::Merge,
                    test_option,
                    error_option: ErrorOption::StopOnError,
                    config: ConfigSource::Inline(
                        config.replace(&format!(" {DEFAULT_PROFILE} "), DEFAULT_PROFILE),
                    ),
                },
            )
        };
        let candidate = || {
            let request = Request::GetConfig {
                source: DatastoreName::Candidate,
                filter: Filter::Everything,
                with_defaults: WithDefaults::Explicit,
            };
            desk.answer(session, request).unwrap()
        };
        assert_eq!(edit("", TestOption::TestThenSet), Ok(Reply::Ok));
        let before = candidate();
        for test_option in [TestOption::TestThenSet, TestOption::Set, TestOption::TestOnly] {
            let refused = edit(" nc:operation=\"delete\"", test_option).unwrap_err();
            assert!(refused[0].message.contains("must not be deleted"), "{refused:?}");
            assert_eq!(candidate(), before);
        }
        let replaced = edit(" nc:operation=\"replace\"", TestOption::TestThenSet);
        assert_eq!(replaced, Ok(Reply::Ok));
        assert!(matches!(candidate(), Reply::Data(Body::Short(data)) if data.contains(DEFAULT_PROFILE)));
    }

    #[test]
    fn deleting_or_removing_the_default_profile_is_refused_with_its_path_and_the_way_out() {
        for operation in ["delete", "remove"] {
            let refused = edit("", DEFAULT_PROFILE, &format!(" nc:operation=\"{operation}\"")).unwrap();
            assert_eq!(refused.tag, ErrorTag::OperationFailed);
            assert!(
                refused
                    .message
                    .contains("must not be deleted; remove its active leaf"),
                "{refused}"
            );
            assert!(refused.path.unwrap().contains("CiscoTAC-1"));
        }
    }

    #[test]
    fn other_edits_and_other_profiles_are_let_through() {
        assert_eq!(edit("", DEFAULT_PROFILE, ""), None);
        assert_eq!(edit("", DEFAULT_PROFILE, " nc:operation=\"replace\""), None);
        assert_eq!(edit(" nc:operation=\"replace\"", DEFAULT_PROFILE, ""), None);
        assert_eq!(edit("", "Lab CiscoTAC-1", " nc:operation=\"delete\""), None);
        // Without the namespace the attribute means nothing here; the edit engine refuses it.
        assert_eq!(edit("", DEFAULT_PROFILE, " operation=\"delete\""), None);
        assert_eq!(refusal_of_deleting_default_profile("<broken CiscoTAC-1"), None);
    }

    #[test]
    fn every_claim_is_a_node_of_the_schema() {
        for claim in LicensingParticipant.claims() {
            assert!(SCHEMA.find(claim).is_some(), "{claim}");
        }
    }
}
