//! Access control's place in the agent: what the settings say about users, and who answers for its configuration.

use crate::app::settings::Settings;
use crate::datastore::change_set::ChangeSet;
use crate::datastore::participant::Participant;
use crate::management::access::control::Privileges;
use crate::management::access::policy::paths_that_lead_nowhere;
use crate::yang::error::{DataError, DataErrorTag};
use crate::yang::tree::Tree;

/// Who is let off, and who is in which group.
pub fn privileges(settings: &Settings) -> Privileges {
    let users = &settings.users;
    Privileges {
        recovery: users
            .iter()
            .filter(|user| user.recovery)
            .map(|user| user.name.clone())
            .collect(),
        groups: users
            .iter()
            .map(|user| (user.name.clone(), user.groups.clone()))
            .collect(),
        from_the_start: settings.access_control.from_the_start,
    }
}

/// Answers for the access rules: the front desk reads them after each commit that touches them.
pub struct AccessParticipant;

impl Participant for AccessParticipant {
    fn name(&self) -> &'static str {
        "access control"
    }

    fn claims(&self) -> &[&'static str] {
        &["/ietf-netconf-acm:nacm"]
    }

    fn check(&self, _: &ChangeSet, candidate: &Tree) -> Result<(), Vec<DataError>> {
        let refusals = paths_that_lead_nowhere(candidate).into_iter().map(|path| {
            let message = format!(
                "rule/path: {:?} is not the path of a node of the schema, with keys that its lists have",
                path.value().unwrap_or_default()
            );
            DataError::new(DataErrorTag::InvalidValue, message).at(candidate.schema(), &path.instance_path())
        });
        let refusals: Vec<DataError> = refusals.collect();
        if refusals.is_empty() {
            Ok(())
        } else {
            Err(refusals)
        }
    }
}
