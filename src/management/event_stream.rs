//! Event streams and who follows them (RFC 5277): whoever publishes waits for nobody, whoever is too slow loses its own stream.
//!
//! A subscription has a queue of its own. Publishing puts the event into every queue and rings the bell of its session;
//! filters are looked at when the session takes what waits for it. A queue that is full ends its subscription.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tracing::{error, info, warn};

use crate::management::event::{Event, EventLog, MemoryLog};
use crate::yang::notification::Notification;
use crate::yang::schema::Schema;
use crate::yang::select::Selection;
use crate::yang::state::StateBuilder;
use crate::yang::xpath_filter::XPathFilter;

/// A stream of events.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub enum Stream {
    /// Everything: the stream that every server has (RFC 5277 section 3.2.3).
    #[default]
    Netconf,
    /// What our own modules tell of licences, alarms and cards.
    Licensing,
}

impl Stream {
    /// All of them.
    pub const ALL: [Stream; 2] = [Stream::Netconf, Stream::Licensing];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Stream::Netconf => "NETCONF",
            Stream::Licensing => "licensing",
        }
    }

    /// What events it has.
    pub fn description(self) -> &'static str {
        match self {
            Stream::Netconf => "Every event of this agent",
            Stream::Licensing => "Licence states and counts, alarms and line cards",
        }
    }

    /// The stream of this name.
    pub fn named(name: &str) -> Option<Stream> {
        Stream::ALL.into_iter().find(|stream| stream.name() == name)
    }

    fn has(self, event: &Event) -> bool {
        match self {
            Stream::Netconf => true,
            Stream::Licensing => event.module == LICENSING_MODULE,
        }
    }
}

/// The module of stream `licensing`.
const LICENSING_MODULE: &str = "ponder-licence-notifications";

/// Tells a session's door that something may be waiting; called from any thread, must not block.
pub type Bell = Box<dyn Fn() + Send + Sync>;

/// Which events are sent, each of them whole (RFC 5277 section 3.6).
pub enum EventFilter {
    /// Those of which a subtree filter selects something.
    Subtree(Selection),
    /// Those of which an XPath expression finds a node.
    XPath(XPathFilter),
}

impl EventFilter {
    fn lets_through(&self, notification: &Notification) -> bool {
        match self {
            EventFilter::Subtree(selection) => notification.is_selected(selection),
            EventFilter::XPath(filter) => notification.is_found(filter).unwrap_or(false),
        }
    }
}

/// What a session wants to hear.
pub struct Wanted {
    /// Of which stream.
    pub stream: Stream,
    /// Which events; all of them without.
    pub filter: Option<EventFilter>,
    /// Replay from here on; events of now alone without.
    pub start: Option<Timestamp>,
    /// Until when; for as long as the session lives without.
    pub stop: Option<Timestamp>,
}

/// One notification on its way to a session.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Outgoing {
    /// `eventTime`.
    pub time: Timestamp,
    /// The notification's element.
    pub content: Arc<str>,
}

/// What there is for a session.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Delivery {
    /// Some of what waited.
    Notifications {
        /// These, oldest first.
        ready: Vec<Outgoing>,
        /// More is waiting.
        more: bool,
        /// The session should look again after this time, whether or not its bell rings.
        again_in: Option<Duration>,
    },
    /// More than its queue holds was waiting: the subscription is over, and so is the session.
    FellBehind {
        /// Why, in words.
        reason: String,
    },
}

/// How long a wall clock that was set may go unnoticed.
const NOTICE: Duration = Duration::from_secs(60);

/// How many events may wait for one session, unless a setting says otherwise.
pub const QUEUE_EVENTS: usize = 1_000;

/// The streams, their log and their subscriptions.
pub struct EventStreams {
    schema: Arc<Schema>,
    log: Box<dyn EventLog>,
    /// Events that may wait for one session.
    queue: usize,
    followers: Mutex<Followers>,
}

#[derive(Default)]
struct Followers {
    bells: BTreeMap<u32, Bell>,
    subscriptions: BTreeMap<u32, Subscription>,
}

struct Subscription {
    stream: Stream,
    filter: Option<EventFilter>,
    stop: Option<Timestamp>,
    waiting: VecDeque<Waiting>,
    /// How many of them were not in the log when it began.
    live: usize,
    fell_behind: bool,
}

enum Waiting {
    Replayed(Arc<Event>),
    ReplayComplete,
    Live(Arc<Event>),
}

impl Waiting {
    fn weight(&self) -> usize {
        match self {
            Waiting::Replayed(event) | Waiting::Live(event) => event.content.len(),
            Waiting::ReplayComplete => 0,
        }
    }
}

impl EventStreams {
    /// Streams over a log; so many events may wait for one session.
    pub fn new(schema: &Arc<Schema>, log: Box<dyn EventLog>, queue: usize) -> EventStreams {
        EventStreams {
            schema: Arc::clone(schema),
            log,
            queue: queue.max(1),
            followers: Mutex::default(),
        }
    }

    /// Streams that are gone with the process: for reports and tests.
    pub fn in_memory(schema: &Arc<Schema>, began: Timestamp) -> EventStreams {
        EventStreams::new(
            schema,
            Box::new(MemoryLog::new(QUEUE_EVENTS, began)),
            QUEUE_EVENTS,
        )
    }

    /// Publishes notification `module:name`. What does not fit its module is a defect of ours: it is logged, not sent.
    pub fn publish(&self, now: Timestamp, name: &str, fill: impl FnOnce(&mut StateBuilder<'_>)) {
        match Notification::build(&self.schema, name, fill) {
            Ok(notification) => self.tell(now, &notification),
            Err(fault) => error!(notification = name, %fault, "an event cannot be told"),
        }
    }

    fn tell(&self, now: Timestamp, notification: &Notification) {
        let event = Event {
            time: to_millisecond(now),
            module: notification.module().to_owned(),
            name: notification.name().to_owned(),
            content: notification.to_xml(),
        };
        let mut followers = self.followers();
        // Inside the lock, so that a replay and what follows it have every event exactly once.
        let event = self.log.append(event);
        let Followers { bells, subscriptions } = &mut *followers;
        for (session_id, subscription) in subscriptions {
            if subscription.add(&event, self.queue)
                && let Some(bell) = bells.get(session_id)
            {
                bell();
            }
        }
    }

    /// Where the notifications of a session can be announced.
    pub fn listen(&self, session_id: u32, bell: Bell) {
        self.followers().bells.insert(session_id, bell);
    }

    /// Begins a subscription. False when the session has one already.
    pub fn subscribe(&self, session_id: u32, wanted: Wanted) -> bool {
        let mut followers = self.followers();
        if followers.subscriptions.contains_key(&session_id) {
            return false;
        }
        let mut waiting = VecDeque::new();
        if let Some(start) = wanted.start {
            let events = self.log.events().into_iter();
            waiting.extend(events.filter(|event| event.time >= start).map(Waiting::Replayed));
            waiting.push_back(Waiting::ReplayComplete);
        }
        info!(
            session = session_id,
            stream = wanted.stream.name(),
            replayed = waiting.len().saturating_sub(1),
            "subscribed"
        );
        let subscription = Subscription {
            stream: wanted.stream,
            filter: wanted.filter,
            stop: wanted.stop,
            waiting,
            live: 0,
            fell_behind: false,
        };
        followers.subscriptions.insert(session_id, subscription);
        if let Some(bell) = followers.bells.get(&session_id) {
            bell();
        }
        true
    }

    /// The session is gone.
    pub fn close(&self, session_id: u32) {
        let mut followers = self.followers();
        followers.bells.remove(&session_id);
        followers.subscriptions.remove(&session_id);
    }

    /// Takes what waits for a session, about so many bytes at most and only what its user may receive, by module and
    /// name. A session that takes nothing for want of room is told too when it has fallen behind.
    pub fn take(
        &self,
        session_id: u32,
        room: usize,
        now: Timestamp,
        may_receive: impl Fn(&str, &str) -> bool,
    ) -> Delivery {
        let mut taken = Vec::new();
        let mut bytes = 0;
        let mut followers = self.followers();
        let Some(subscription) = followers.subscriptions.get_mut(&session_id) else {
            return Delivery::Notifications {
                ready: taken,
                more: false,
                again_in: None,
            };
        };
        if subscription.fell_behind {
            followers.subscriptions.remove(&session_id);
            let reason = format!("more than {} notifications were waiting for it", self.queue);
            warn!(session = session_id, reason, "the subscription ends");
            return Delivery::FellBehind { reason };
        }
        while bytes < room {
            let Some(next) = subscription.waiting.pop_front() else {
                break;
            };
            // Looking at what is then filtered out is work too.
            bytes += next.weight();
            let outgoing = match next {
                Waiting::ReplayComplete => own(&self.schema, "nc-notifications:replayComplete", now),
                Waiting::Replayed(event) => subscription.outgoing(&self.schema, &event, &may_receive),
                Waiting::Live(event) => {
                    subscription.live = subscription.live.saturating_sub(1);
                    subscription.outgoing(&self.schema, &event, &may_receive)
                }
            };
            taken.extend(outgoing);
        }
        let more = !subscription.waiting.is_empty();
        let mut again_in = subscription.again_in(now);
        if !more && room > 0 && subscription.is_over(now) {
            taken.extend(own(&self.schema, "nc-notifications:notificationComplete", now));
            followers.subscriptions.remove(&session_id);
            again_in = None;
            info!(session = session_id, "the subscription has come to its stop time");
        }
        Delivery::Notifications {
            ready: taken,
            more,
            again_in,
        }
    }

    /// Everything that the log has, oldest first.
    pub fn logged(&self) -> Vec<Arc<Event>> {
        self.log.events()
    }

    /// Waits until what was published before is kept for good, within reason.
    pub fn flush(&self, patience: Duration) {
        self.log.flush(patience);
    }

    /// When the replay log was begun.
    pub fn log_began(&self) -> Timestamp {
        to_millisecond(self.log.began())
    }

    fn followers(&self) -> MutexGuard<'_, Followers> {
        self.followers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Subscription {
    /// Puts an event into the queue; whether its session should look.
    fn add(&mut self, event: &Arc<Event>, room: usize) -> bool {
        if self.fell_behind || !self.stream.has(event) || self.stop.is_some_and(|stop| event.time > stop) {
            return false;
        }
        if self.live >= room {
            self.fell_behind = true;
            self.waiting.clear();
        } else {
            self.live += 1;
            self.waiting.push_back(Waiting::Live(Arc::clone(event)));
        }
        true
    }

    /// The event, if it is one that is wanted.
    fn outgoing(
        &self,
        schema: &Arc<Schema>,
        event: &Event,
        may_receive: &impl Fn(&str, &str) -> bool,
    ) -> Option<Outgoing> {
        let wanted = self.stream.has(event)
            && self.stop.is_none_or(|stop| event.time <= stop)
            && match &self.filter {
                None => true,
                // What an earlier version logged may not fit the modules of this one.
                Some(filter) => Notification::parse(schema, &event.content)
                    .is_ok_and(|notification| filter.lets_through(&notification)),
            }
            // Last, because what is held back is counted.
            && may_receive(&event.module, &event.name);
        wanted.then(|| Outgoing {
            time: event.time,
            content: event.content.as_str().into(),
        })
    }

    /// When its stop time comes; sooner than that where the wall clock might be set meanwhile.
    fn again_in(&self, now: Timestamp) -> Option<Duration> {
        let left = self.stop?.duration_since(now);
        Some(Duration::try_from(left).unwrap_or(Duration::ZERO).min(NOTICE))
    }

    fn is_over(&self, now: Timestamp) -> bool {
        self.stop.is_some_and(|stop| stop <= now)
    }
}

/// One of the notifications of the protocol itself (RFC 5277 section 3.3.1), which are in no log; none where the schema
/// lacks its module.
fn own(schema: &Arc<Schema>, name: &str, now: Timestamp) -> Option<Outgoing> {
    let notification = Notification::build(schema, name, |_| {})
        .inspect_err(|fault| error!(name, %fault, "a notification of the protocol cannot be made"))
        .ok()?;
    Some(Outgoing {
        time: to_millisecond(now),
        content: notification.to_xml().into(),
    })
}

/// Nobody's clock is better, and many parsers of dates take no more digits.
fn to_millisecond(time: Timestamp) -> Timestamp {
    Timestamp::from_millisecond(time.as_millisecond()).unwrap_or(time)
}

impl fmt::Debug for EventStreams {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventStreams").finish_non_exhaustive()
    }
}
