//! Who is at the desk: the sessions, their numbers, and how to end them from outside.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::management::desk::{Ending, KillSwitch, Visitor};

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
    /// Errors sent.
    pub out_rpc_errors: u32,
    kill: Option<KillSwitch>,
}

/// Totals since the start (RFC 6022 section 2.1.5).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Totals {
    /// Sessions opened.
    pub in_sessions: u32,
    /// Sessions that ended other than by close-session or kill-session.
    pub dropped_sessions: u32,
    /// Requests answered with something other than an error.
    pub in_rpcs: u32,
    /// Requests that were refused.
    pub in_bad_rpcs: u32,
    /// Errors sent.
    pub out_rpc_errors: u32,
}

/// The open sessions. Numbers count up and are never used twice in one run (RFC 6241 section 8.1: unique for the server).
#[derive(Default)]
pub struct SessionList {
    last: u32,
    open: BTreeMap<u32, Session>,
    totals: Totals,
}

impl SessionList {
    /// Admits a session and gives it its number.
    pub fn open(&mut self, visitor: Visitor, kill: KillSwitch, now: Timestamp) -> u32 {
        self.last += 1;
        self.totals.in_sessions += 1;
        let session = Session {
            visitor,
            login_time: now,
            in_rpcs: 0,
            in_bad_rpcs: 0,
            out_rpc_errors: 0,
            kill: Some(kill),
        };
        self.open.insert(self.last, session);
        self.last
    }

    /// Forgets a session; what is left of it comes back.
    pub fn close(&mut self, session_id: u32, ending: Ending) -> Option<Session> {
        let session = self.open.remove(&session_id)?;
        match ending {
            Ending::Closed | Ending::Killed => {}
            Ending::Dropped
            | Ending::BadHello
            | Ending::BadMessage
            | Ending::TimedOut
            | Ending::FellBehind => self.totals.dropped_sessions += 1,
        }
        Some(session)
    }

    /// Takes out the switch that ends a session's connection; the caller uses it outside any lock.
    pub fn take_kill_switch(&mut self, session_id: u32) -> Option<KillSwitch> {
        self.open.get_mut(&session_id)?.kill.take()
    }

    /// Counts a request that was answered with this many errors.
    pub fn count(&mut self, session_id: u32, errors: usize) {
        let Some(session) = self.open.get_mut(&session_id) else {
            return;
        };
        if errors == 0 {
            session.in_rpcs += 1;
            self.totals.in_rpcs += 1;
        } else {
            let errors = u32::try_from(errors).unwrap_or(u32::MAX);
            session.in_bad_rpcs += 1;
            session.out_rpc_errors += errors;
            self.totals.in_bad_rpcs += 1;
            self.totals.out_rpc_errors += errors;
        }
    }

    /// Totals since the start.
    pub fn totals(&self) -> Totals {
        self.totals
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
