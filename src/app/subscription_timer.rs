//! Has the front desk look at its subscriptions: when their time comes, and when something happened to them.

use std::sync::{Arc, Weak};

use tokio::sync::Notify;

use crate::app::clock::Clock;
use crate::management::event_stream::Watcher;
use crate::management::front_desk::Desk;

/// One task for all subscriptions; what is made for them is made here, in nobody's way.
pub struct SubscriptionTimer {
    bell: Arc<Notify>,
}

impl SubscriptionTimer {
    /// A timer, and the bell that the desk is made with.
    pub fn new() -> (SubscriptionTimer, Watcher) {
        let bell = Arc::new(Notify::new());
        let rings = Arc::clone(&bell);
        (SubscriptionTimer { bell }, Arc::new(move || rings.notify_one()))
    }

    /// Runs until the desk is gone.
    pub fn start(self, desk: &Arc<Desk>, clock: Arc<dyn Clock>) {
        tokio::spawn(self.run(Arc::downgrade(desk), clock));
    }

    async fn run(self, desk: Weak<Desk>, clock: Arc<dyn Clock>) {
        loop {
            let Some(present) = desk.upgrade() else { return };
            // A panic in there is in the log already; the next bell tries again.
            let next = tokio::task::spawn_blocking(move || present.attend()).await;
            let due = async {
                match next.ok().flatten() {
                    Some(moment) => clock.wait_until(moment).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = self.bell.notified() => {}
                () = due => {}
            }
        }
    }
}
