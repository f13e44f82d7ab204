//! `ponder agent --coverage`: which configuration nobody acts on, which state nobody fills.

use std::fmt::Write;
use std::path::Path;
use std::sync::Arc;

use anyhow::Context;

use crate::app::agent::{management_providers, participants, state_providers};
use crate::app::clock::Clock;
use crate::app::desired_state::participant::STORED_ONLY as HARDWARE_STORED_ONLY;
use crate::app::device_driver::Device;
use crate::app::licence_courier::HttpCourier;
use crate::app::licence_driver::{Licensing, LicensingParts, agent_settings};
use crate::app::licence_events::LicenceEvents;
use crate::app::netconf_options::NetconfOptions;
use crate::app::reporting::Reporting;
use crate::app::settings::LicensingSettings;
use crate::app::state::commits::CommitsState;
use crate::app::state::datastore::DatastoreState;
use crate::app::state::netconf_sessions::NetconfSessionsState;
use crate::app::stored_only::STORED_ONLY;
use crate::app::yang_dir;
use crate::datastore::datastores::Datastores;
use crate::datastore::memory_storage::MemoryStorage;
use crate::datastore::participant::{Coverage, Participant};
use crate::device::chassis::ChassisDescription;
use crate::device::simulator::Simulator;
use crate::licensing::configuration::Configuration;
use crate::licensing::policy::Policy;
use crate::management::event_stream::EventStreams;
use crate::management::operational::OperationalState;
use crate::management::subscription::agreements::{Limits, Subscriptions};
use crate::management::subscription::state::SubscriptionState;
use crate::state_dir::StateDir;
use crate::yang::schema::Schema;
use crate::yang::tree::Tree;

/// The report: three lists, each with its heading. What the modules of `yang_dir` configure is kept without effect.
pub fn report(yang_dir: Option<&Path>, clock: Arc<dyn Clock>) -> anyhow::Result<String> {
    let schema = yang_dir::schema(yang_dir)?;
    let coverage = configuration(&schema);
    let mut report = String::new();
    list(
        &mut report,
        "Configuration that is kept without effect",
        &coverage.stored_only,
    )?;
    list(
        &mut report,
        "Configuration that nobody answers for",
        &coverage.unclaimed,
    )?;
    list(
        &mut report,
        "State leaves without a provider",
        &unprovided(&schema, clock)?,
    )?;
    Ok(report)
}

/// Who answers for which configuration.
fn configuration(schema: &Schema) -> Coverage {
    let further = yang_dir::stored_only(schema);
    let stored_only: Vec<&str> = [HARDWARE_STORED_ONLY, STORED_ONLY]
        .concat()
        .into_iter()
        .chain(further.iter().map(String::as_str))
        .collect();
    let participants = participants();
    let participants: Vec<&dyn Participant> = participants.iter().map(|participant| &**participant).collect();
    Coverage::of(schema, &participants, &stored_only)
}

fn list(report: &mut String, heading: &str, paths: &[String]) -> std::fmt::Result {
    writeln!(report, "# {heading}: {}", paths.len())?;
    for path in paths {
        writeln!(report, "{path}")?;
    }
    writeln!(report)
}

/// State leaves that no provider of an agent on the default chassis fills. The agent's own state lives in a folder that
/// goes away again.
fn unprovided(schema: &Arc<Schema>, clock: Arc<dyn Clock>) -> anyhow::Result<Vec<String>> {
    let folder = tempfile::tempdir().context("a temporary folder")?;
    let settings = LicensingSettings::default();
    let device = Device::start(
        Box::new(Simulator::new(ChassisDescription::default())),
        Arc::clone(&clock),
    )?;
    let licensing = Licensing::start(LicensingParts {
        clock: Arc::clone(&clock),
        state_dir: Arc::new(StateDir::open(folder.path())?),
        seal_key_file: None,
        device: device.clone(),
        policy: Policy::default(),
        configuration: Configuration::default(),
        settings: agent_settings(&settings),
        root: None,
        courier: Arc::new(HttpCourier::new(
            None,
            std::time::Duration::ZERO,
            Arc::clone(&clock),
        )?),
        witness: Arc::new(()),
    })?;
    let mut providers = state_providers(&device, &licensing, &clock);
    let datastores = Arc::new(Datastores::open(
        Arc::clone(schema),
        Box::new(MemoryStorage::new()),
    )?);
    providers.push(Box::new(CommitsState {
        datastores: Arc::clone(&datastores),
    }));
    providers.push(Box::new(NetconfSessionsState {
        schema: Arc::clone(schema),
        pulses: Arc::default(),
        locks: Arc::default(),
        clock: Arc::clone(&clock),
    }));
    providers.push(Box::new(DatastoreState { datastores }));
    providers.extend(management_providers(schema, &NetconfOptions::default(), &clock).providers);
    let events = Arc::new(EventStreams::in_memory(schema, clock.now()));
    providers.push(Box::new(SubscriptionState {
        events: Arc::clone(&events),
        subscriptions: Arc::new(Subscriptions::new(Limits::default())),
    }));
    let reporting = Reporting::in_memory(&clock, &Tree::empty(schema))?
        .telling(LicenceEvents::new(events, Arc::clone(&clock)));
    providers.extend(reporting.providers());
    Ok(OperationalState::new(providers).unprovided(schema))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yang::modules::ModuleSet;

    #[test]
    fn every_configuration_node_has_a_participant_or_is_listed_as_stored_only() {
        let schema = Schema::load(ModuleSet::embedded()).unwrap();
        assert_eq!(configuration(&schema).unclaimed, Vec::<String>::new());
    }
}
