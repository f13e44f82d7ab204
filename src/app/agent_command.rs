//! `ponder agent`: settings and flags become one, the agent runs until it is told to end.

use std::sync::Arc;

use crate::app::agent::Agent;
use crate::app::clock::Clock;
use crate::app::command_line::AgentArguments;
use crate::app::coverage;
use crate::app::settings::{Settings, UserSettings};
use crate::app::shutdown;

/// Runs the agent, its ready line on standard output; or prints the coverage report.
pub fn run(arguments: AgentArguments, clock: Arc<dyn Clock>) -> anyhow::Result<()> {
    let show_coverage = arguments.coverage;
    let settings = settings(arguments)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        if show_coverage {
            print!("{}", coverage::report(settings.yang_dir.as_deref(), clock)?);
            return Ok(());
        }
        let shutdown = shutdown::requested()?;
        let agent = Agent::start(settings, clock).await?;
        println!("ready netconf={}", agent.netconf_address());
        shutdown.await;
        agent.stop().await;
        Ok(())
    })
}

/// The settings file with the flags over it.
fn settings(arguments: AgentArguments) -> anyhow::Result<Settings> {
    let mut settings = match &arguments.settings {
        Some(path) => Settings::read(path)?,
        None => Settings::default(),
    };
    if let Some(listen) = arguments.listen {
        settings.netconf.listen = listen;
    }
    if let Some(name) = arguments.user {
        settings.users.retain(|user| user.name != name);
        settings.users.push(UserSettings {
            name,
            password_hash: None,
            authorized_keys_file: arguments.authorized_keys,
            authorized_keys: Vec::new(),
        });
    }
    let overridden = [
        (&mut settings.state_dir, arguments.state_dir),
        (&mut settings.chassis, arguments.chassis),
        (&mut settings.yang_dir, arguments.yang_dir),
        (&mut settings.licensing.root, arguments.licensing_root),
        (&mut settings.licensing.ca_file, arguments.licensing_ca),
    ];
    for (setting, flag) in overridden {
        if flag.is_some() {
            *setting = flag;
        }
    }
    Ok(settings)
}
