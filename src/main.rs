//! The `ponder` command.

use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser;
use ponder::app;
use ponder::app::clock::SystemClock;
use ponder::app::command_line::{Command, CommandLine};
use ponder::app::output::say;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let line = CommandLine::parse();
    // The coverage report looks at an agent that never comes to work: its log would tell of nothing real.
    let filter = match &line.command {
        Command::Agent(arguments) if arguments.coverage => "off",
        _ => &line.log,
    };
    if let Err(error) = app::log::start(filter) {
        return refuse(&format!("--log {filter:?}: {error}"));
    }
    match run(line.command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => refuse(&format!("{error:#}")),
    }
}

/// One line on standard error, and a status that says so.
fn refuse(message: &str) -> ExitCode {
    eprintln!("ponder: {message}");
    ExitCode::FAILURE
}

fn run(command: Command) -> anyhow::Result<()> {
    let clock = Arc::new(SystemClock);
    match command {
        Command::Settings => say(app::settings::default_file().trim_end())?,
        Command::Chassis => say(include_str!("../examples/chassis.toml").trim_end())?,
        Command::HashPassword => say(app::users::hash_of_standard_input()?)?,
        Command::Agent(arguments) => app::agent_command::run(arguments, clock)?,
        Command::Ssm(arguments) => {
            runtime()?.block_on(app::licence_server::run_or_command(arguments, clock))?
        }
        Command::Journal(arguments) => app::journal_command::run(&arguments, clock.as_ref())?,
        Command::Explain(arguments) => runtime()?.block_on(app::explain::run(arguments, clock))?,
        Command::Demo(arguments) => runtime()?.block_on(app::demo::run(arguments, clock))?,
    }
    Ok(())
}

fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()
}
