//! How many sessions there may be and for how long, as Cisco-IOS-XR-man-netconf-cfg configures it, and who ends them.

use std::time::Duration;

use tracing::info;

use crate::management::desk::Ending;
use crate::management::error::{ErrorTag, ManagementError};
use crate::management::front_desk::{Answer, Desk, held, one};
use crate::management::request::Reply;
use crate::yang::tree::Tree;

/// Where the limits are configured.
pub const AGENT: &str = "/Cisco-IOS-XR-man-netconf-cfg:netconf-yang/agent";

/// What is configured; nothing without the agent's container.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct SessionLimits {
    /// Sessions at a time.
    pub sessions: Option<usize>,
    /// A session that asks for nothing for so long is ended.
    pub idle: Option<Duration>,
    /// A session is ended after so long.
    pub absolute: Option<Duration>,
}

impl SessionLimits {
    /// Of a configuration.
    pub fn of(running: &Tree) -> SessionLimits {
        let Some(agent) = running.find(AGENT).filter(|agent| agent.is_explicit()) else {
            return SessionLimits::default();
        };
        let session = agent.child("session");
        let number = |name: &str| session.and_then(|session| session.leaf(name)?.parse::<u32>().ok());
        let minutes = |name: &str| number(name).map(|minutes| Duration::from_secs(u64::from(minutes) * 60));
        SessionLimits {
            sessions: number("limit").and_then(|limit| usize::try_from(limit).ok()),
            idle: minutes("idle-timeout"),
            absolute: minutes("absolute-timeout"),
        }
    }
}

impl Desk {
    fn session_limits(&self) -> SessionLimits {
        SessionLimits::of(&self.parts.datastores.running().tree)
    }

    /// Why no further session is admitted, in words for the client.
    pub(in crate::management) fn refuses_sessions(&self) -> Option<String> {
        let limit = self.session_limits().sessions?;
        let open = self.parts.pulses.count();
        (open >= limit).then(|| {
            format!("no session: {open} sessions are open, and netconf-yang/agent/session/limit is {limit}")
        })
    }

    /// Ends the sessions whose time is up. To be called every few seconds; may wait for the disk.
    pub fn end_overdue(&self) {
        let limits = self.session_limits();
        if limits.idle.is_none() && limits.absolute.is_none() {
            return;
        }
        let follows = |session_id| self.parts.events.is_followed_by(session_id);
        let now = (self.parts.steady)();
        for (session_id, limit) in self
            .parts
            .pulses
            .overdue(limits.idle, limits.absolute, follows, now)
        {
            let switch = held(&self.parts.sessions).take_kill_switch(session_id);
            info!(session = session_id, limit, "the time of a session is up");
            self.close_session(session_id, Ending::TimedOut, None);
            if let Some(switch) = switch {
                switch();
            }
        }
    }

    /// RFC 6241 section 7.9: another session ends at once, its locks are free.
    pub(in crate::management) fn kill(&self, session_id: u32, victim: u32) -> Answer {
        if victim == session_id {
            let message = format!("kill-session {victim}: a session ends itself with close-session");
            return Err(one(ManagementError::protocol(ErrorTag::InvalidValue, message)));
        }
        let Some(switch) = held(&self.parts.sessions).take_kill_switch(victim) else {
            let message = format!("kill-session {victim}: there is no session with this number");
            return Err(one(ManagementError::protocol(ErrorTag::InvalidValue, message)));
        };
        info!(session = session_id, victim, "session killed");
        self.close_session(victim, Ending::Killed, Some(session_id));
        switch();
        Ok(Reply::Ok)
    }
}
