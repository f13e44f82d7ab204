//! Steady time as the doors need it; the composition root brings the real one.

use std::future::Future;
use std::pin::Pin;
use std::time::Instant;

/// A wait for a moment.
pub type Waiting = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Where the doors get their time from.
pub trait SteadyClock: Send + Sync {
    /// Now.
    fn instant(&self) -> Instant;
    /// Ends when [`SteadyClock::instant`] has reached `moment`.
    fn wait_until(&self, moment: Instant) -> Waiting;
}
