//! `ponder agent --coverage`: which configuration nobody acts on, which state nobody fills.

use std::fmt::Write;
use std::path::Path;
use std::sync::Arc;

use anyhow::Context;

use crate::app::agent::{management_providers, participants, state_providers};
use crate::app::clock::Clock;
use crate::app::desired_state::participant::STORED_ONLY;
use crate::app::device_driver::Device;
use crate::app::licence_courier::HttpCourier;
use crate::app::licence_driver::{Licensing, LicensingParts, agent_settings};
use crate::app::settings::LicensingSettings;
use crate::app::state_dir::StateDir;
use crate::app::yang_dir;
use crate::datastore::participant::Coverage;
use crate::device::chassis::ChassisDescription;
use crate::device::simulator::Simulator;
use crate::licensing::configuration::Configuration;
use crate::licensing::policy::Policy;
use crate::management::operational::OperationalState;
use crate::yang::schema::Schema;

/// The report: three lists, each with its heading. What the modules of `yang_dir` configure is kept without effect.
pub fn report(yang_dir: Option<&Path>, clock: Arc<dyn Clock>) -> anyhow::Result<String> {
    let schema = yang_dir::schema(yang_dir)?;
    let further = yang_dir::stored_only(&schema);
    let stored_only: Vec<&str> = STORED_ONLY
        .iter()
        .copied()
        .chain(further.iter().map(String::as_str))
        .collect();
    let participants = participants();
    let coverage = Coverage::of(
        &schema,
        &participants
            .iter()
            .map(|participant| &**participant)
            .collect::<Vec<_>>(),
        &stored_only,
    );
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
        &state(&schema, clock)?.unprovided(&schema),
    )?;
    Ok(report)
}

fn list(report: &mut String, heading: &str, paths: &[String]) -> std::fmt::Result {
    writeln!(report, "# {heading}: {}", paths.len())?;
    for path in paths {
        writeln!(report, "{path}")?;
    }
    writeln!(report)
}

/// The providers of an agent on the default chassis, its state in a folder that goes away again.
fn state(schema: &Arc<Schema>, clock: Arc<dyn Clock>) -> anyhow::Result<OperationalState> {
    let folder = tempfile::tempdir().context("a temporary folder")?;
    let settings = LicensingSettings::default();
    let device = Device::start(
        Box::new(Simulator::new(ChassisDescription::default())),
        Arc::clone(&clock),
    )?;
    let licensing = Licensing::start(LicensingParts {
        clock: Arc::clone(&clock),
        state_dir: Arc::new(StateDir::open(folder.path())?),
        device: device.clone(),
        policy: Policy::default(),
        configuration: Configuration::default(),
        settings: agent_settings(&settings),
        root: None,
        courier: Arc::new(HttpCourier::new(None, std::time::Duration::ZERO)?),
        witness: Arc::new(()),
    })?;
    let mut providers = state_providers(&device, &licensing, &clock);
    providers.extend(management_providers(schema, &clock).providers);
    Ok(OperationalState::new(providers))
}
