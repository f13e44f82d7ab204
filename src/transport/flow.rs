//! How much is under way between a client and its sessions, and who has to wait because of it.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::Notify;

/// From this many bytes of waiting requests on, a connection is slowed down.
const PILED_UP_BYTES: usize = 1024 * 1024;
/// How long one step of a connection that is slowed down is held up at most. Not for ever: replies and the client's
/// permission to send more of them go the same way, and a client may write all its requests before it reads.
const PAUSE: Duration = Duration::from_millis(10);

/// Bytes that wait somewhere, and a way to learn that some are gone.
#[derive(Debug, Default)]
pub(crate) struct Gauge {
    bytes: AtomicUsize,
    lowered: Notify,
}

impl Gauge {
    pub(crate) fn raise(&self, bytes: usize) {
        self.bytes.fetch_add(bytes, Ordering::SeqCst);
    }

    pub(crate) fn lower(&self, bytes: usize) {
        self.bytes.fetch_sub(bytes, Ordering::SeqCst);
        self.lowered.notify_one();
    }

    pub(crate) fn bytes(&self) -> usize {
        self.bytes.load(Ordering::SeqCst)
    }

    /// Ends after the next [`Gauge::lower`], or at once if there was one since the last wait.
    pub(crate) async fn wait_for_less(&self) {
        self.lowered.notified().await;
    }

    /// Whether so much waits that the connection is to be slowed down.
    pub(crate) fn is_piled_up(&self) -> bool {
        self.bytes() > PILED_UP_BYTES
    }

    /// Holds up one step: [`Gauge::wait_for_less`], but for a moment at most.
    pub(crate) async fn pause(&self) {
        let _ = tokio::time::timeout(PAUSE, self.wait_for_less()).await;
    }
}

/// One part of a gauge's bytes, set rather than added; given back when dropped.
#[derive(Debug)]
pub(crate) struct Share<'a> {
    gauge: &'a Gauge,
    bytes: usize,
}

impl<'a> Share<'a> {
    pub(crate) fn of(gauge: &'a Gauge) -> Share<'a> {
        Share { gauge, bytes: 0 }
    }

    pub(crate) fn set(&mut self, bytes: usize) {
        match bytes.checked_sub(self.bytes) {
            Some(0) => {}
            Some(more) => self.gauge.raise(more),
            None => self.gauge.lower(self.bytes - bytes),
        }
        self.bytes = bytes;
    }
}

impl Drop for Share<'_> {
    fn drop(&mut self) {
        self.set(0);
    }
}

#[cfg(test)]
mod tests {
    use super::{Gauge, Share};

    #[test]
    fn a_share_is_given_back_when_its_session_ends() {
        let gauge = Gauge::default();
        let mut one = Share::of(&gauge);
        let mut two = Share::of(&gauge);
        one.set(10);
        two.set(5);
        one.set(3);
        assert_eq!(gauge.bytes(), 8);
        drop(one);
        assert_eq!(gauge.bytes(), 5);
        drop(two);
        assert_eq!(gauge.bytes(), 0);
    }
}
