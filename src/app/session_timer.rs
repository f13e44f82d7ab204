//! Has the front desk end sessions whose time is up, and answers for the limits that are configured.

use std::sync::{Arc, Weak};
use std::time::Duration;

use crate::app::clock::Clock;
use crate::datastore::participant::Participant;
use crate::management::front_desk::Desk;

/// How often it looks; time-outs are minutes.
const PERIOD: Duration = Duration::from_secs(5);

/// Runs until the desk is gone.
pub fn start(desk: &Arc<Desk>, clock: Arc<dyn Clock>) {
    tokio::spawn(run(Arc::downgrade(desk), clock));
}

async fn run(desk: Weak<Desk>, clock: Arc<dyn Clock>) {
    loop {
        clock.wait_until(clock.instant() + PERIOD).await;
        let Some(desk) = desk.upgrade() else { return };
        // It may wait for the disk. A panic in there is in the log already.
        let _ = tokio::task::spawn_blocking(move || desk.end_overdue()).await;
    }
}

/// The limits of sessions: the front desk reads them where it needs them.
pub struct SessionParticipant;

impl Participant for SessionParticipant {
    fn name(&self) -> &'static str {
        "sessions"
    }

    fn claims(&self) -> &[&'static str] {
        &[
            "/Cisco-IOS-XR-man-netconf-cfg:netconf-yang/agent/session/limit",
            "/Cisco-IOS-XR-man-netconf-cfg:netconf-yang/agent/session/absolute-timeout",
            "/Cisco-IOS-XR-man-netconf-cfg:netconf-yang/agent/session/idle-timeout",
        ]
    }
}
