//! Who is at the desk: the sessions, their numbers, and how to end them from outside.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::management::desk::{Ending, KillSwitch, Refused, Visitor};

/// One open session.
pub struct Session {
    /// Who came, from where, by which transport.
    pub visitor: Visitor,
    /// When it was opened.
    pub login_time: Timestamp,
    /// What went to and fro.
    pub messages: Messages,
    kill: Option<KillSwitch>,
}

/// Counters of messages, of a session or of all of them (RFC 6022 section 2.1.5, `common-counters`). They wrap.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Messages {
    /// Requests that were correct `<rpc>` messages, whatever was answered.
    pub in_rpcs: u32,
    /// Messages that were none: no XML, or wrong at the rpc layer.
    pub in_bad_rpcs: u32,
    /// Replies with `<rpc-error>`.
    pub out_rpc_errors: u32,
    /// Notifications.
    pub out_notifications: u32,
}

/// How a message fared.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Counted {
    /// It got what it asked for.
    Answered,
    /// It got `<rpc-error>`.
    Refused(Refused),
}

impl Messages {
    fn count(&mut self, message: Counted) {
        let (incoming, is_refused) = match message {
            Counted::Answered => (&mut self.in_rpcs, false),
            Counted::Refused(Refused::Operation) => (&mut self.in_rpcs, true),
            Counted::Refused(Refused::Message) => (&mut self.in_bad_rpcs, true),
        };
        *incoming = incoming.wrapping_add(1);
        self.out_rpc_errors = self.out_rpc_errors.wrapping_add(u32::from(is_refused));
    }

    fn count_notifications(&mut self, sent: u32) {
        self.out_notifications = self.out_notifications.wrapping_add(sent);
    }
}

/// Totals since the start (RFC 6022 section 2.1.5).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Totals {
    /// Sessions opened.
    pub in_sessions: u32,
    /// Connections that ended because their `<hello>` was none.
    pub in_bad_hellos: u32,
    /// Sessions that ended other than by close-session or kill-session, those with a bad hello apart.
    pub dropped_sessions: u32,
    /// What went to and fro in all of them.
    pub messages: Messages,
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
            messages: Messages::default(),
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
            Ending::BadHello => self.totals.in_bad_hellos += 1,
            Ending::Dropped | Ending::BadMessage | Ending::TimedOut | Ending::FellBehind => {
                self.totals.dropped_sessions += 1
            }
        }
        Some(session)
    }

    /// Takes out the switch that ends a session's connection; the caller uses it outside any lock.
    pub fn take_kill_switch(&mut self, session_id: u32) -> Option<KillSwitch> {
        self.open.get_mut(&session_id)?.kill.take()
    }

    /// Counts a message of a session.
    pub fn count(&mut self, session_id: u32, message: Counted) {
        if let Some(session) = self.open.get_mut(&session_id) {
            session.messages.count(message);
            self.totals.messages.count(message);
        }
    }

    /// Counts notifications that go to a session.
    pub fn count_notifications(&mut self, session_id: u32, sent: usize) {
        if let Some(session) = self.open.get_mut(&session_id) {
            let sent = u32::try_from(sent).unwrap_or(u32::MAX);
            session.messages.count_notifications(sent);
            self.totals.messages.count_notifications(sent);
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
