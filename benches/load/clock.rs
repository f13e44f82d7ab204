//! The time that a benchmark takes.

use std::time::{Duration, Instant};

/// Now.
#[allow(clippy::disallowed_methods)] // measuring is what a benchmark does
pub fn now() -> Instant {
    Instant::now()
}

/// Waits.
#[allow(clippy::disallowed_methods)] // an idle session is one that nobody uses for a while
pub async fn pause(time: Duration) {
    tokio::time::sleep(time).await;
}

/// Today in UTC, `2026-05-04`.
#[allow(clippy::disallowed_methods)] // a table of figures says when it was made
pub fn today() -> String {
    jiff::Timestamp::now().to_string().chars().take(10).collect()
}
