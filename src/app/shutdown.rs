//! How the programs end: SIGTERM, or Ctrl-C at a terminal.

use std::future::Future;
use std::io;

use tokio::signal::unix::{SignalKind, signal};

/// Ends when the process is asked to end. The signals are caught from this call on.
pub fn requested() -> io::Result<impl Future<Output = ()> + Send + 'static> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!("asked to end");
    })
}
