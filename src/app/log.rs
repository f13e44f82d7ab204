//! The log: one line an event on standard error, spans naming the session and the commit.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::ParseError;

/// Starts logging with a filter such as `info` or `info,ponder::licensing=debug`; the error says what is wrong with it.
/// A second start in one process changes nothing, so that tests may call it.
pub fn start(filter: &str) -> Result<(), ParseError> {
    // russh tells every broken connection as an error of its own; the session's own line says it better.
    let filter = EnvFilter::builder().parse(format!("russh=warn,{filter}"))?;
    let colours = std::io::stderr().is_terminal();
    let _already_started = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_target(false)
        .with_ansi(colours)
        .try_init();
    Ok(())
}
