//! Access control's place in the agent: what the settings say about users, and who answers for its configuration.

use crate::app::settings::Settings;
use crate::datastore::participant::Participant;
use crate::management::access::control::Privileges;

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
}
