//! Event streams and who follows them (RFC 5277): whoever publishes waits for nobody, whoever is too slow loses its own stream.
//!
//! A subscription has a [mailbox](crate::management::mailbox) of its own. Publishing puts the event into every mailbox and
//! rings the bell of its session; filters are looked at when the session takes what waits for it.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tracing::{error, info, warn};

use crate::management::event::{Event, EventLog, MemoryLog};
use crate::management::mailbox::{Counts, Follower, Mailbox, Outgoing, to_millisecond};
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

    pub(in crate::management) fn has(self, event: &Event) -> bool {
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
    /// Those for which an XPath expression is true (RFC 8639, stream-xpath-filter).
    Truth(XPathFilter),
}

impl EventFilter {
    pub(in crate::management) fn lets_through(&self, notification: &Notification) -> bool {
        match self {
            EventFilter::Subtree(selection) => notification.is_selected(selection),
            EventFilter::XPath(filter) => notification.is_found(filter).unwrap_or(false),
            EventFilter::Truth(filter) => notification.satisfies(filter).unwrap_or(false),
        }
    }
}

/// What a session wants to hear.
pub struct Wanted {
    /// Of which stream; of none where all that comes is made for the subscription.
    pub stream: Option<Stream>,
    /// Which events; all of them without.
    pub filter: Option<EventFilter>,
    /// Replay from here on; events of now alone without.
    pub start: Option<Timestamp>,
    /// Until when; for as long as the session lives without.
    pub stop: Option<Timestamp>,
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

/// How many events may wait for one session, unless a setting says otherwise.
pub const QUEUE_EVENTS: usize = 1_000;

/// Called when somebody has taken all that waited, or cannot be told any more. Must not block.
pub type Watcher = Arc<dyn Fn() + Send + Sync>;

/// The streams, their log and their subscriptions.
pub struct EventStreams {
    schema: Arc<Schema>,
    log: Box<dyn EventLog>,
    /// Events that may wait for one subscription.
    queue: usize,
    followers: Mutex<Followers>,
    watcher: OnceLock<Watcher>,
}

#[derive(Default)]
struct Followers {
    bells: BTreeMap<u32, Bell>,
    /// The last one of a session that something was taken of.
    served: BTreeMap<u32, Follower>,
    mailboxes: BTreeMap<Follower, Mailbox>,
}

impl Followers {
    fn ring(&self, session_id: u32) {
        if let Some(bell) = self.bells.get(&session_id) {
            bell();
        }
    }

    /// The mailboxes of a session, the one whose turn it is first.
    fn of(&self, session_id: u32) -> Vec<Follower> {
        let all = Follower::first_of(session_id)..=Follower::last_of(session_id);
        let mut all: Vec<Follower> = self.mailboxes.range(all).map(|(follower, _)| *follower).collect();
        // Each has its turn, so that one that is never empty holds up no other.
        if let Some(served) = self.served.get(&session_id) {
            let next = all.partition_point(|follower| follower <= served);
            all.rotate_left(next);
        }
        all
    }
}

impl EventStreams {
    /// Streams over a log; so many events may wait for one subscription.
    pub fn new(schema: &Arc<Schema>, log: Box<dyn EventLog>, queue: usize) -> EventStreams {
        EventStreams {
            schema: Arc::clone(schema),
            log,
            queue: queue.max(1),
            followers: Mutex::default(),
            watcher: OnceLock::new(),
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

    /// Who is told when a mailbox is empty again, or full; the first one only.
    pub fn watched_by(&self, watcher: Watcher) {
        let _ = self.watcher.set(watcher);
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
        let Followers { bells, mailboxes, .. } = &mut *followers;
        let mut is_full = false;
        for (follower, mailbox) in mailboxes {
            if mailbox.add(&self.schema, &event, self.queue, now)
                && let Some(bell) = bells.get(&follower.session_id)
            {
                is_full |= mailbox.suspended_since().is_some();
                bell();
            }
        }
        drop(followers);
        if is_full {
            self.look();
        }
    }

    /// Where the notifications of a session can be announced.
    pub fn listen(&self, session_id: u32, bell: Bell) {
        self.followers().bells.insert(session_id, bell);
    }

    /// Begins a subscription. False when there is such a one already.
    pub fn subscribe(&self, follower: Follower, wanted: Wanted) -> bool {
        let mut followers = self.followers();
        if followers.mailboxes.contains_key(&follower) {
            return false;
        }
        let replayed = wanted.start.map(|start| {
            let mut events = self.log.events();
            events.retain(|event| event.time >= start);
            events
        });
        info!(
            session = follower.session_id,
            subscription = follower.subscription,
            stream = wanted.stream.map(Stream::name),
            replayed = replayed.as_ref().map_or(0, Vec::len),
            "subscribed"
        );
        let mailbox = Mailbox::new(follower, wanted, replayed);
        followers.mailboxes.insert(follower, mailbox);
        followers.ring(follower.session_id);
        true
    }

    /// Whether a session has any subscription.
    pub fn is_followed_by(&self, session_id: u32) -> bool {
        let followers = self.followers();
        followers
            .mailboxes
            .keys()
            .any(|follower| follower.session_id == session_id)
    }

    /// Whether there is such a subscription.
    pub fn has(&self, follower: Follower) -> bool {
        self.followers().mailboxes.contains_key(&follower)
    }

    /// Other events are wanted from now on.
    pub fn refilter(&self, follower: Follower, filter: Option<EventFilter>, last: Option<Outgoing>) {
        let mut followers = self.followers();
        if let Some(mailbox) = followers.mailboxes.get_mut(&follower) {
            mailbox.refilter(&self.schema, filter, last);
        }
        followers.ring(follower.session_id);
    }

    /// Events after this time are not wanted.
    pub fn stop_at(&self, follower: Follower, stop: Option<Timestamp>) {
        if let Some(mailbox) = self.followers().mailboxes.get_mut(&follower) {
            mailbox.stop_at(stop);
        }
    }

    /// Sends something that was made for one subscription.
    pub fn deliver(&self, follower: Follower, outgoing: Outgoing) {
        let mut followers = self.followers();
        if let Some(mailbox) = followers.mailboxes.get_mut(&follower) {
            mailbox.put(outgoing);
        }
        followers.ring(follower.session_id);
    }

    /// How many bytes made for a subscription its session has not taken yet.
    pub fn waiting_bytes(&self, follower: Follower) -> usize {
        let followers = self.followers();
        followers.mailboxes.get(&follower).map_or(0, Mailbox::bytes)
    }

    /// The same of all subscriptions.
    pub fn waiting_bytes_of_all(&self) -> usize {
        let followers = self.followers();
        followers.mailboxes.values().map(Mailbox::bytes).sum()
    }

    /// Sends nothing more before all that waits has been taken, and says so.
    pub fn suspend(&self, follower: Follower, now: Timestamp, reason: &str, until_resumed: bool) {
        let mut followers = self.followers();
        if let Some(mailbox) = followers.mailboxes.get_mut(&follower) {
            mailbox.suspend(&self.schema, now, reason, until_resumed);
        }
        followers.ring(follower.session_id);
    }

    /// Goes on with a subscription that was suspended.
    pub fn resume(&self, follower: Follower, now: Timestamp) {
        let mut followers = self.followers();
        if let Some(mailbox) = followers.mailboxes.get_mut(&follower) {
            mailbox.resume(&self.schema, now);
        }
        followers.ring(follower.session_id);
    }

    /// Says something about a subscription.
    pub fn say(&self, follower: Follower, word: Outgoing) {
        let mut followers = self.followers();
        if let Some(mailbox) = followers.mailboxes.get_mut(&follower) {
            mailbox.say(word);
        }
        followers.ring(follower.session_id);
    }

    /// Since when a subscription has been suspended.
    pub fn suspended_since(&self, follower: Follower) -> Option<Timestamp> {
        let followers = self.followers();
        followers.mailboxes.get(&follower)?.suspended_since()
    }

    /// What was sent, and what was held back.
    pub fn counts(&self, follower: Follower) -> Counts {
        let followers = self.followers();
        followers
            .mailboxes
            .get(&follower)
            .map(Mailbox::counts)
            .unwrap_or_default()
    }

    /// Ends a subscription: with what waits for it, where its time has come, or at once; then with a last word, if any.
    pub fn end(&self, follower: Follower, with_what_waits: bool, last: Option<Outgoing>) {
        let mut followers = self.followers();
        let Some(last) = last else {
            followers.mailboxes.remove(&follower);
            return;
        };
        if let Some(mailbox) = followers.mailboxes.get_mut(&follower) {
            mailbox.end(with_what_waits, last);
        }
        followers.ring(follower.session_id);
    }

    /// The session is gone.
    pub fn close(&self, session_id: u32) {
        let mut followers = self.followers();
        followers.bells.remove(&session_id);
        followers.served.remove(&session_id);
        for follower in followers.of(session_id) {
            followers.mailboxes.remove(&follower);
        }
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
        let (mut ready, mut bytes, mut more, mut emptied) = (Vec::new(), 0, false, false);
        let mut again_in: Option<Duration> = None;
        let mut followers = self.followers();
        for follower in followers.of(session_id) {
            let Some(mailbox) = followers.mailboxes.get_mut(&follower) else {
                continue;
            };
            if mailbox.has_fallen_behind() {
                followers.mailboxes.remove(&follower);
                let reason = format!("more than {} notifications were waiting for it", self.queue);
                warn!(session = session_id, reason, "the subscription ends");
                return Delivery::FellBehind { reason };
            }
            let (was_empty, before) = (mailbox.is_empty(), bytes);
            let is_over = mailbox.take(&self.schema, &mut ready, &mut bytes, room, now, &may_receive);
            more |= !mailbox.is_empty();
            emptied |= !was_empty && mailbox.is_empty();
            let has_taken = bytes > before;
            if is_over {
                followers.mailboxes.remove(&follower);
                info!(
                    session = session_id,
                    subscription = follower.subscription,
                    "the subscription has ended"
                );
            } else if let Some(wait) = mailbox.again_in(now) {
                again_in = Some(again_in.map_or(wait, |sooner| sooner.min(wait)));
            }
            if has_taken {
                followers.served.insert(session_id, follower);
            }
        }
        drop(followers);
        if emptied {
            self.look();
        }
        Delivery::Notifications {
            ready,
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

    /// Events before this time are in the log no more; none when all of them still are.
    pub fn log_aged(&self) -> Option<Timestamp> {
        self.log.aged().map(to_millisecond)
    }

    fn look(&self) {
        if let Some(watcher) = self.watcher.get() {
            watcher();
        }
    }

    fn followers(&self) -> MutexGuard<'_, Followers> {
        self.followers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for EventStreams {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventStreams").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yang::modules::ModuleSet;

    #[test]
    fn subscriptions_of_one_session_take_turns() {
        let schema = Schema::load(ModuleSet::embedded()).unwrap();
        let streams = EventStreams::in_memory(&schema, Timestamp::UNIX_EPOCH);
        let follower = |id| Follower {
            session_id: 1,
            subscription: Some(id),
        };
        for id in [7, 8, 9] {
            let wanted = Wanted {
                stream: None,
                filter: None,
                start: None,
                stop: None,
            };
            assert!(streams.subscribe(follower(id), wanted));
            for round in 0..3 {
                let outgoing = Outgoing {
                    time: Timestamp::UNIX_EPOCH,
                    content: format!("{id}.{round}").into(),
                };
                streams.deliver(follower(id), outgoing);
            }
        }
        let mut taken = Vec::new();
        while let Delivery::Notifications { ready, .. } =
            streams.take(1, 1, Timestamp::UNIX_EPOCH, |_, _| true)
            && let [one] = ready.as_slice()
        {
            taken.push(one.content.to_string());
        }
        let expected = ["7.0", "8.0", "9.0", "7.1", "8.1", "9.1", "7.2", "8.2", "9.2"];
        assert_eq!(taken, expected);
        assert_eq!(streams.waiting_bytes_of_all(), 0);
    }
}
