//! `ponder agent`: settings and flags become one, the agent runs until it is told to end.

use std::sync::Arc;

use crate::app::agent::Agent;
use crate::app::clock::Clock;
use crate::app::command_line::AgentArguments;
use crate::app::coverage;
use crate::app::output::say;
use crate::app::settings::{Settings, UserSettings, ValidationSetting};
use crate::app::shutdown;

/// Runs the agent, its ready line on standard output; or prints the coverage report.
pub fn run(arguments: AgentArguments, clock: Arc<dyn Clock>) -> anyhow::Result<()> {
    let show_coverage = arguments.coverage;
    let settings = settings(arguments)?;
    if show_coverage {
        // What would drive the parts is spawned on a runtime that nobody runs: they are only asked what they provide.
        let idle = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let _entered = idle.enter();
        say(coverage::report(settings.yang_dir.as_deref(), clock)?.trim_end())?;
        return Ok(());
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let agent = Agent::start(settings, clock).await?;
        // Until here a signal ends the process at once, as every process: nothing has been promised yet.
        let shutdown = shutdown::requested()?;
        say(ready(&agent))?;
        shutdown.await;
        agent.stop().await;
        Ok(())
    })
}

/// Where it is served, for whoever started it.
fn ready(agent: &Agent) -> String {
    let tls = agent.tls_address().map(|address| format!(" tls={address}"));
    format!(
        "ready netconf={}{}",
        agent.netconf_address(),
        tls.unwrap_or_default()
    )
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
            groups: Vec::new(),
            recovery: true,
        });
    }
    if arguments.paranoid {
        settings.validation = ValidationSetting::Both;
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
