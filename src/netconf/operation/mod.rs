//! The operations: each file reads one element below `<rpc>` into a request.

pub mod cancel_commit;
pub mod close_session;
pub mod commit;
pub mod compare;
pub mod copy_config;
pub mod create_subscription;
pub mod delete_config;
pub mod discard_changes;
pub mod edit_config;
pub mod edit_data;
pub mod get;
pub mod get_config;
pub mod get_data;
pub mod get_schema;
pub mod kill_session;
pub mod lock;
pub mod other;
pub mod parameters;
pub mod partial_lock;
pub mod subscription;
pub mod unlock;
pub mod validate;

use crate::management::error::{ErrorTag, ManagementError};
use crate::management::request::Request;
use crate::netconf::document::Element;
use crate::netconf::namespace;

/// Reads the element below `<rpc>`.
pub fn read(operation: Element<'_>) -> Result<Request, ManagementError> {
    let name = operation.name();
    match (operation.namespace(), name) {
        (namespace::BASE | namespace::BASE_OF_NAPALM, "get") => get::read(operation),
        (namespace::BASE | namespace::BASE_OF_NAPALM, "get-config") => get_config::read(operation),
        (namespace::BASE | namespace::BASE_OF_NAPALM, "edit-config") => edit_config::read(operation),
        (namespace::BASE | namespace::BASE_OF_NAPALM, "lock") => lock::read(operation),
        (namespace::BASE | namespace::BASE_OF_NAPALM, "unlock") => unlock::read(operation),
        (namespace::BASE | namespace::BASE_OF_NAPALM, "validate") => validate::read(operation),
        (namespace::BASE | namespace::BASE_OF_NAPALM, "commit") => commit::read(operation),
        (namespace::BASE | namespace::BASE_OF_NAPALM, "cancel-commit") => cancel_commit::read(operation),
        (namespace::BASE | namespace::BASE_OF_NAPALM, "copy-config") => copy_config::read(operation),
        (namespace::BASE | namespace::BASE_OF_NAPALM, "delete-config") => delete_config::read(operation),
        (namespace::BASE | namespace::BASE_OF_NAPALM, "discard-changes") => discard_changes::read(operation),
        (namespace::BASE | namespace::BASE_OF_NAPALM, "close-session") => close_session::read(operation),
        (namespace::BASE | namespace::BASE_OF_NAPALM, "kill-session") => kill_session::read(operation),
        (namespace::NMDA, "get-data") => get_data::read(operation),
        (namespace::NMDA, "edit-data") => edit_data::read(operation),
        (namespace::COMPARE, "compare") => compare::read(operation),
        (namespace::PARTIAL_LOCK, "partial-lock") => partial_lock::read(operation),
        (namespace::PARTIAL_LOCK, "partial-unlock") => partial_lock::read_unlock(operation),
        (namespace::NOTIFICATION, "create-subscription") => create_subscription::read(operation),
        (namespace::SUBSCRIBED_NOTIFICATIONS, "establish-subscription") => subscription::establish(operation),
        (namespace::SUBSCRIBED_NOTIFICATIONS, "modify-subscription") => subscription::modify(operation),
        (namespace::SUBSCRIBED_NOTIFICATIONS, "delete-subscription") => subscription::delete(operation),
        (namespace::SUBSCRIBED_NOTIFICATIONS, "kill-subscription") => subscription::kill(operation),
        (namespace::YANG_PUSH, "resync-subscription") => subscription::resync(operation),
        (namespace::MONITORING, "get-schema") => get_schema::read(operation),
        (namespace::BASE | namespace::BASE_OF_NAPALM, _) => Err(not_ours(name)),
        ("", _) => {
            let message = format!("<{name}> is in no namespace: an operation needs one");
            Err(ManagementError::protocol(ErrorTag::UnknownNamespace, message)
                .with_info("bad-element", name)
                .with_info("bad-namespace", ""))
        }
        _ => Ok(other::read(operation)),
    }
}

fn not_ours(name: &str) -> ManagementError {
    let message = format!("RFC 6241 has no operation {name}");
    ManagementError::protocol(ErrorTag::UnknownElement, message).with_info("bad-element", name)
}
