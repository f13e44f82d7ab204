//! Who is at the desk: the sessions, their numbers, and how to end them from outside.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::management::desk::{KillSwitch, Visitor};

/// One open session.
pub struct Session {
    /// Who came, from where, by which transport.
    pub visitor: Visitor,
    /// When it was opened.
    pub login_time: Timestamp,
    /// Requests answered with something other than an error.
    pub in_rpcs: u32,
    /// Requests that were refused.
    pub in_bad_rpcs: u32,
    kill: Option<KillSwitch>,
}

/// The open sessions. Numbers count up and are never used twice in one run (RFC 6241 section 8.1: unique for the server).
#[derive(Default)]
pub struct SessionList {
    last: u32,
    open: BTreeMap<u32, Session>,
}

impl SessionList {
    /// Admits a session and gives it its number.
    pub fn open(&mut self, visitor: Visitor, kill: KillSwitch, now: Timestamp) -> u32 {
        self.last += 1;
        let session = Session {
            visitor,
            login_time: now,
            in_rpcs: 0,
            in_bad_rpcs: 0,
            kill: Some(kill),
        };
        self.open.insert(self.last, session);
        self.last
    }

    /// Forgets a session; what is left of it comes back.
    pub fn close(&mut self, session_id: u32) -> Option<Session> {
        self.open.remove(&session_id)
    }

    /// Forgets a session and takes out the switch that ends its connection; the caller uses it outside any lock.
    pub fn take_kill_switch(&mut self, session_id: u32) -> Option<KillSwitch> {
        self.open.get_mut(&session_id)?.kill.take()
    }

    /// Counts a request.
    pub fn count(&mut self, session_id: u32, refused: bool) {
        if let Some(session) = self.open.get_mut(&session_id) {
            match refused {
                true => session.in_bad_rpcs += 1,
                false => session.in_rpcs += 1,
            }
        }
    }

    /// An open session.
    pub fn session(&self, session_id: u32) -> Option<&Session> {
        self.open.get(&session_id)
    }

    /// All of them, in the order of their numbers.
    pub fn iter(&self) -> impl Iterator<Item = (u32, &Session)> {
        self.open.iter().map(|(id, session)| (*id, session))
    }
}
