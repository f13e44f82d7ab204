//! What waits for one subscription until its session takes it: bounded, and never in the way of whoever makes it.
//!
//! A subscription of RFC 5277 that is full ends with its session. One of RFC 8639 is suspended: what comes then is held
//! back and counted, until all that waited has been taken.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tracing::error;

use crate::management::event::Event;
use crate::management::event_stream::{EventFilter, Stream, Wanted};
use crate::yang::notification::Notification;
use crate::yang::schema::Schema;
use crate::yang::state::StateBuilder;

/// Whose mailbox.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Follower {
    /// The session.
    pub session_id: u32,
    /// The number of its subscription; none for the one of RFC 5277.
    pub subscription: Option<u32>,
}

impl Follower {
    /// The subscription of RFC 5277 that a session may have.
    pub fn first_of(session_id: u32) -> Follower {
        Follower {
            session_id,
            subscription: None,
        }
    }

    pub(in crate::management) fn last_of(session_id: u32) -> Follower {
        Follower {
            session_id,
            subscription: Some(u32::MAX),
        }
    }
}

/// One notification on its way to a session.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Outgoing {
    /// `eventTime`.
    pub time: Timestamp,
    /// The notification's element.
    pub content: Arc<str>,
}

/// What became of the records of a subscription.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Counts {
    /// Sent.
    pub sent: u64,
    /// Held back: by the filter, by access control, or while the subscription was suspended.
    pub excluded: u64,
}

/// How long a wall clock that was set may go unnoticed.
pub(in crate::management) const NOTICE: Duration = Duration::from_secs(60);

/// What waits for one subscription.
pub(in crate::management) struct Mailbox {
    follower: Follower,
    stream: Option<Stream>,
    filter: Option<EventFilter>,
    stop: Option<Timestamp>,
    waiting: VecDeque<Waiting>,
    /// How many of them were not in the log when it began.
    live: usize,
    /// Of what was made for this subscription.
    bytes: usize,
    fell_behind: bool,
    suspended: Option<Suspension>,
    /// It is gone once all has been taken.
    is_ending: bool,
    counts: Counts,
}

#[derive(Clone, Copy)]
struct Suspension {
    since: Timestamp,
    /// Until it is said, not only until all has been taken.
    until_resumed: bool,
}

enum Waiting {
    Event {
        event: Arc<Event>,
        /// It was not in the log when the subscription began.
        is_live: bool,
        /// The filter of its time has let it through.
        is_chosen: bool,
    },
    ReplayComplete,
    /// About the subscription itself.
    Word(Outgoing),
    Update(Outgoing),
}

impl Waiting {
    fn weight(&self) -> usize {
        match self {
            Waiting::Event { event, .. } => event.content.len(),
            Waiting::Word(outgoing) | Waiting::Update(outgoing) => outgoing.content.len(),
            Waiting::ReplayComplete => 0,
        }
    }
}

impl Mailbox {
    /// With the events of a replay, if there is one.
    pub(in crate::management) fn new(
        follower: Follower,
        wanted: Wanted,
        replayed: Option<Vec<Arc<Event>>>,
    ) -> Mailbox {
        let mut waiting = VecDeque::new();
        if let Some(events) = replayed {
            waiting.extend(events.into_iter().map(|event| Waiting::Event {
                event,
                is_live: false,
                is_chosen: false,
            }));
            waiting.push_back(Waiting::ReplayComplete);
        }
        Mailbox {
            follower,
            stream: wanted.stream,
            filter: wanted.filter,
            stop: wanted.stop,
            waiting,
            live: 0,
            bytes: 0,
            fell_behind: false,
            suspended: None,
            is_ending: false,
            counts: Counts::default(),
        }
    }

    pub(in crate::management) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    pub(in crate::management) fn has_fallen_behind(&self) -> bool {
        self.fell_behind
    }

    pub(in crate::management) fn suspended_since(&self) -> Option<Timestamp> {
        self.suspended.map(|suspension| suspension.since)
    }

    pub(in crate::management) fn counts(&self) -> Counts {
        self.counts
    }

    pub(in crate::management) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(in crate::management) fn stop_at(&mut self, stop: Option<Timestamp>) {
        self.stop = stop;
    }

    /// Puts an event into the mailbox; whether its session should look.
    pub(in crate::management) fn add(
        &mut self,
        schema: &Arc<Schema>,
        event: &Arc<Event>,
        room: usize,
        now: Timestamp,
    ) -> bool {
        let is_wanted = self.stream.is_some_and(|stream| stream.has(event))
            && !self.is_ending
            && !self.fell_behind
            && self.stop.is_none_or(|stop| event.time <= stop);
        if !is_wanted {
            return false;
        }
        if self.suspended.is_some() {
            self.counts.excluded += 1;
            return false;
        }
        if self.live < room {
            self.live += 1;
            self.waiting.push_back(Waiting::Event {
                event: Arc::clone(event),
                is_live: true,
                is_chosen: false,
            });
        } else if self.follower.subscription.is_some() {
            self.counts.excluded += 1;
            let reason = "ietf-subscribed-notifications:unsupportable-volume";
            self.suspend(schema, now, reason, false);
        } else {
            self.fell_behind = true;
            self.waiting.clear();
        }
        true
    }

    /// Something that was made for this subscription.
    pub(in crate::management) fn put(&mut self, update: Outgoing) {
        if !self.is_ending {
            self.bytes += update.content.len();
            self.waiting.push_back(Waiting::Update(update));
        }
    }

    /// Says that nothing follows until all has been taken, or until more than that has happened.
    pub(in crate::management) fn suspend(
        &mut self,
        schema: &Arc<Schema>,
        now: Timestamp,
        reason: &str,
        until_resumed: bool,
    ) {
        if self.suspended.is_some() || self.is_ending {
            return;
        }
        self.suspended = Some(Suspension {
            since: now,
            until_resumed,
        });
        let word = self.word(schema, "subscription-suspended", now, Some(reason));
        self.waiting.extend(word.map(Waiting::Word));
    }

    /// Something about the subscription itself.
    pub(in crate::management) fn say(&mut self, word: Outgoing) {
        if !self.is_ending {
            self.waiting.push_back(Waiting::Word(word));
        }
    }

    /// Goes on, and says so.
    pub(in crate::management) fn resume(&mut self, schema: &Arc<Schema>, now: Timestamp) {
        if self.suspended.take().is_some() {
            let word = self.word(schema, "subscription-resumed", now, None);
            self.waiting.extend(word.map(Waiting::Word));
        }
    }

    /// What waits was wanted under the filter of before.
    pub(in crate::management) fn refilter(
        &mut self,
        schema: &Arc<Schema>,
        filter: Option<EventFilter>,
        last: Option<Outgoing>,
    ) {
        for next in std::mem::take(&mut self.waiting) {
            match next {
                Waiting::Event {
                    event,
                    is_live,
                    is_chosen,
                } => {
                    if is_chosen || self.is_let_through(schema, &event) {
                        self.waiting.push_back(Waiting::Event {
                            event,
                            is_live,
                            is_chosen: true,
                        });
                    } else {
                        self.live -= usize::from(is_live);
                        self.counts.excluded += 1;
                    }
                }
                other => self.waiting.push_back(other),
            }
        }
        self.waiting.extend(last.map(Waiting::Word));
        self.filter = filter;
    }

    /// Nothing more comes but a last word.
    pub(in crate::management) fn end(&mut self, with_what_waits: bool, last: Outgoing) {
        if !with_what_waits {
            self.waiting.clear();
            (self.live, self.bytes) = (0, 0);
        }
        self.is_ending = true;
        self.suspended = None;
        self.waiting.push_back(Waiting::Word(last));
    }

    /// Takes what is wanted of it while there is room; whether the subscription is over.
    pub(in crate::management) fn take(
        &mut self,
        schema: &Arc<Schema>,
        ready: &mut Vec<Outgoing>,
        bytes: &mut usize,
        room: usize,
        now: Timestamp,
        may_receive: &impl Fn(&str, &str) -> bool,
    ) -> bool {
        while *bytes < room {
            let Some(next) = self.waiting.pop_front() else {
                break;
            };
            // Looking at what is then filtered out is work too.
            *bytes += next.weight();
            match next {
                Waiting::ReplayComplete => ready.extend(match self.follower.subscription {
                    None => own(schema, "nc-notifications:replayComplete", now, |_| {}),
                    Some(_) => self.word(schema, "replay-completed", now, None),
                }),
                Waiting::Word(outgoing) => ready.push(outgoing),
                Waiting::Update(outgoing) => {
                    self.bytes -= outgoing.content.len();
                    self.counts.sent += 1;
                    ready.push(outgoing);
                }
                Waiting::Event {
                    event,
                    is_live,
                    is_chosen,
                } => {
                    self.live -= usize::from(is_live);
                    ready.extend(self.outgoing(schema, &event, is_chosen, may_receive));
                }
            }
        }
        if !self.waiting.is_empty() || room == 0 {
            return false;
        }
        if self
            .suspended
            .take_if(|suspension| !suspension.until_resumed)
            .is_some()
        {
            ready.extend(self.word(schema, "subscription-resumed", now, None));
        }
        if self.follower.subscription.is_none() && self.stop.is_some_and(|stop| stop <= now) {
            ready.extend(own(schema, "nc-notifications:notificationComplete", now, |_| {}));
            return true;
        }
        self.is_ending
    }

    /// The event, if it is one that is wanted.
    fn outgoing(
        &mut self,
        schema: &Arc<Schema>,
        event: &Event,
        is_chosen: bool,
        may_receive: &impl Fn(&str, &str) -> bool,
    ) -> Option<Outgoing> {
        let is_meant = self.stream.is_some_and(|stream| stream.has(event))
            && self.stop.is_none_or(|stop| event.time <= stop);
        if !is_meant {
            return None;
        }
        // Access last, because what is held back is counted.
        if !(is_chosen || self.is_let_through(schema, event)) || !may_receive(&event.module, &event.name) {
            self.counts.excluded += 1;
            return None;
        }
        self.counts.sent += 1;
        Some(Outgoing {
            time: event.time,
            content: event.content.as_str().into(),
        })
    }

    fn is_let_through(&self, schema: &Arc<Schema>, event: &Event) -> bool {
        match &self.filter {
            None => true,
            // What an earlier version logged may not fit the modules of this one.
            Some(filter) => Notification::parse(schema, &event.content)
                .is_ok_and(|notification| filter.lets_through(&notification)),
        }
    }

    /// When its stop time comes; sooner than that where the wall clock might be set meanwhile. Of RFC 5277 alone: others
    /// are ended by whoever keeps them.
    pub(in crate::management) fn again_in(&self, now: Timestamp) -> Option<Duration> {
        if self.follower.subscription.is_some() {
            return None;
        }
        let left = self.stop?.duration_since(now);
        Some(Duration::try_from(left).unwrap_or(Duration::ZERO).min(NOTICE))
    }

    fn word(
        &self,
        schema: &Arc<Schema>,
        name: &str,
        now: Timestamp,
        reason: Option<&str>,
    ) -> Option<Outgoing> {
        subscription_word(schema, name, self.follower.subscription?, now, reason)
    }
}

/// A notification about the state of a subscription (RFC 8639 section 2.7).
pub(in crate::management) fn subscription_word(
    schema: &Arc<Schema>,
    name: &str,
    id: u32,
    now: Timestamp,
    reason: Option<&str>,
) -> Option<Outgoing> {
    own(
        schema,
        &format!("ietf-subscribed-notifications:{name}"),
        now,
        |out| {
            out.leaf("id", id);
            out.leaf_option("reason", reason);
        },
    )
}

/// One of the notifications of the protocol itself (RFC 5277 section 3.3.1, RFC 8639 section 2.7), which are in no log;
/// none where the schema lacks its module.
pub(in crate::management) fn own(
    schema: &Arc<Schema>,
    name: &str,
    now: Timestamp,
    fill: impl FnOnce(&mut StateBuilder<'_>),
) -> Option<Outgoing> {
    let notification = Notification::build(schema, name, fill)
        .inspect_err(|fault| error!(name, %fault, "a notification of the protocol cannot be made"))
        .ok()?;
    Some(Outgoing {
        time: to_millisecond(now),
        content: notification.to_xml().into(),
    })
}

/// Nobody's clock is better, and many parsers of dates take no more digits.
pub(in crate::management) fn to_millisecond(time: Timestamp) -> Timestamp {
    Timestamp::from_millisecond(time.as_millisecond()).unwrap_or(time)
}
