//! The log: one line an event on standard error, spans naming the session and the commit.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::ParseError;

/// Why a log filter cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FilterError {
    /// A word that is no level would name a target that does not exist, and mute everything else.
    #[error("{0:?} is none of off, error, warn, info, debug, trace, nor TARGET=LEVEL")]
    Word(String),
    /// Not a filter.
    #[error(transparent)]
    Grammar(#[from] ParseError),
}

const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];

/// Starts logging with a filter such as `info` or `info,ponder::licensing=debug`; the error says what is wrong with it.
/// A second start in one process changes nothing, so that tests may call it.
pub fn start(filter: &str) -> Result<(), FilterError> {
    let words = filter.split(',').map(str::trim);
    let odd =
        |word: &&str| !word.contains(['=', '[', ':']) && !LEVELS.contains(&word.to_lowercase().as_str());
    if let Some(word) = words.into_iter().find(odd) {
        return Err(FilterError::Word(word.to_owned()));
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_that_is_no_level_is_refused_by_name() {
        let refused = start("info,verbose").unwrap_err().to_string();
        assert!(
            refused.starts_with("\"verbose\" is none of off, error"),
            "{refused}"
        );
        assert!(start("info,ponder::licensing=debug").is_ok());
    }
}
