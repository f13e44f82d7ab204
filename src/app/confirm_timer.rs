//! Wakes the front desk when a confirmed commit runs out (RFC 6241 section 8.4).

use std::sync::{Arc, Weak};
use std::time::Instant;

use tokio::sync::watch;

use crate::app::clock::Clock;
use crate::management::front_desk::{DeadlineListener, Desk};

/// The two ends of what the desk tells of its deadline.
pub struct ConfirmTimer {
    told: watch::Receiver<Option<Instant>>,
}

impl ConfirmTimer {
    /// A timer, and the listener that the desk is made with.
    pub fn new() -> (ConfirmTimer, DeadlineListener) {
        let (tell, told) = watch::channel(None);
        let listener = Box::new(move |deadline| {
            tell.send_replace(deadline);
        });
        (ConfirmTimer { told }, listener)
    }

    /// Runs until the desk is gone.
    pub fn start(self, desk: &Arc<Desk>, clock: Arc<dyn Clock>) {
        tokio::spawn(self.run(Arc::downgrade(desk), clock));
    }

    async fn run(mut self, desk: Weak<Desk>, clock: Arc<dyn Clock>) {
        loop {
            let deadline = *self.told.borrow_and_update();
            let due = async {
                match deadline {
                    Some(moment) => clock.wait_until(moment).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                changed = self.told.changed() => {
                    if changed.is_err() {
                        return;
                    }
                }
                () = due => {
                    let Some(desk) = desk.upgrade() else { return };
                    // It waits for the disk. A panic in there is in the log already; the deadline that it left is tried
                    // again with the next change.
                    let woken = tokio::task::spawn_blocking(move || desk.expire()).await;
                    if woken.is_err() && self.told.changed().await.is_err() {
                        return;
                    }
                }
            }
        }
    }
}
