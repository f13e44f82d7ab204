//! The subscriptions that were agreed on: whose they are, on which terms, and how many there may be.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;

use crate::datastore::change_set::ChangeSet;
use crate::management::mailbox::Follower;
use crate::management::subscription::push::Push;
use crate::management::subscription::refusal::{Reason, Refusal};
use crate::management::subscription::terms::Terms;
use crate::management::subscription::updates::News;

/// How much subscribers may ask for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// Subscriptions of one session.
    pub per_session: usize,
    /// Subscriptions of all sessions.
    pub in_all: usize,
    /// How long a subscription may be suspended before it is ended.
    pub suspension: Duration,
    /// Between two updates of a datastore.
    pub shortest_period: Duration,
    /// The size of one update.
    pub update_kilobytes: u32,
    /// The size of all updates that wait for all sessions.
    pub waiting_kilobytes: u32,
    /// Changed nodes that are kept for one subscription until they are told; of more, everything is sent instead.
    pub kept_changes: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            per_session: 16,
            in_all: 256,
            suspension: Duration::from_secs(600),
            shortest_period: Duration::from_secs(1),
            update_kilobytes: 16 * 1024,
            waiting_kilobytes: 64 * 1024,
            kept_changes: 10_000,
        }
    }
}

/// RFC 8639 section 6: the lower half of the numbers is left to configured subscriptions.
const FIRST: u32 = 0x8000_0000;

/// More commits than this are not kept for those who follow changes.
const MAX_COMMITS: usize = 1_000;

/// All of them.
pub struct Subscriptions {
    limits: Limits,
    table: Mutex<Table>,
    /// Configured filters are others than when it was last looked.
    other_filters: AtomicBool,
    /// What is pushed, by the number of the subscription.
    pushes: Mutex<BTreeMap<u32, Pushed>>,
    /// How many of them follow changes.
    following: AtomicUsize,
    news: Mutex<News>,
    /// Held by whoever does what is due.
    pub(in crate::management) attending: Mutex<()>,
}

struct Pushed {
    follows_changes: bool,
    push: Arc<Mutex<Push>>,
}

struct Table {
    next: u32,
    agreed: BTreeMap<u32, Agreed>,
}

/// One subscription.
#[derive(Clone, Debug)]
pub(in crate::management) struct Agreed {
    /// Its session and its mailbox.
    pub(in crate::management) follower: Follower,
    /// The user of the session.
    pub(in crate::management) user: String,
    /// As they are in force.
    pub(in crate::management) terms: Terms,
    /// When it ends.
    pub(in crate::management) stop: Option<Timestamp>,
}

impl Subscriptions {
    /// None yet.
    pub fn new(limits: Limits) -> Subscriptions {
        let table = Table {
            next: FIRST,
            agreed: BTreeMap::new(),
        };
        Subscriptions {
            limits,
            table: Mutex::new(table),
            other_filters: AtomicBool::new(false),
            pushes: Mutex::default(),
            following: AtomicUsize::new(0),
            news: Mutex::default(),
            attending: Mutex::default(),
        }
    }

    /// How much subscribers may ask for.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// How many a session has.
    pub fn count_of(&self, session_id: u32) -> usize {
        self.table().of(session_id)
    }

    /// Keeps a subscription under a new number.
    pub(in crate::management) fn agree(
        &self,
        session_id: u32,
        make: impl FnOnce(Follower) -> Agreed,
    ) -> Result<Follower, Refusal> {
        let mut table = self.table();
        let limits = [
            (
                table.of(session_id),
                self.limits.per_session,
                "this session",
                "subscriptions-per-session",
            ),
            (
                table.agreed.len(),
                self.limits.in_all,
                "the agent",
                "subscriptions",
            ),
        ];
        for (count, limit, whose, setting) in limits {
            if count >= limit {
                let message = format!(
                    "establish-subscription: {whose} has {count} subscriptions, {setting} of [notifications] is {limit}"
                );
                return Err(Refusal::because(Reason::InsufficientResources, message));
            }
        }
        while table.agreed.contains_key(&table.next) {
            table.next = table.next.wrapping_add(1).max(FIRST);
        }
        let follower = Follower {
            session_id,
            subscription: Some(table.next),
        };
        let number = table.next;
        table.agreed.insert(number, make(follower));
        table.next = number.wrapping_add(1).max(FIRST);
        Ok(follower)
    }

    /// A commit is running; whether anybody should look at what follows from it.
    pub(in crate::management) fn committed(&self, changes: &Arc<ChangeSet>) -> bool {
        let of_filters = changes.touches("/ietf-subscribed-notifications:filters");
        if of_filters {
            self.other_filters.store(true, Ordering::SeqCst);
        }
        let is_followed = self.following.load(Ordering::SeqCst) > 0;
        if is_followed {
            let mut news = self.news.lock().unwrap_or_else(PoisonError::into_inner);
            if news.changes.len() < MAX_COMMITS {
                news.changes.push(Arc::clone(changes));
            } else {
                news.changes.clear();
                news.are_lost = true;
            }
        }
        of_filters || is_followed
    }

    /// State that somebody fills who tells changes is another one; whether anybody should look. Does not wait.
    pub fn state_changed(&self) -> bool {
        let is_followed = self.following.load(Ordering::SeqCst) > 0;
        if is_followed {
            let mut news = self.news.lock().unwrap_or_else(PoisonError::into_inner);
            news.of_state = true;
        }
        is_followed
    }

    /// What happened since it was last asked.
    pub(in crate::management) fn take_news(&self) -> News {
        let mut news = self.news.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *news)
    }

    /// Begins to push, or pushes something else.
    pub(in crate::management) fn push(&self, id: u32, push: Push) {
        let mut pushes = self.pushes();
        let pushed = Pushed {
            follows_changes: push.is_on_change(),
            push: Arc::new(Mutex::new(push)),
        };
        pushes.insert(id, pushed);
        self.count_following(&pushes);
    }

    /// What is pushed for a subscription.
    pub(in crate::management) fn pushed(&self, id: u32) -> Option<Arc<Mutex<Push>>> {
        self.pushes().get(&id).map(|pushed| Arc::clone(&pushed.push))
    }

    fn stop_pushing(&self, which: impl Fn(u32) -> bool) {
        let mut pushes = self.pushes();
        pushes.retain(|id, _| !which(*id));
        self.count_following(&pushes);
    }

    fn count_following(&self, pushes: &BTreeMap<u32, Pushed>) {
        let following = pushes.values().filter(|pushed| pushed.follows_changes).count();
        self.following.store(following, Ordering::SeqCst);
    }

    fn pushes(&self) -> MutexGuard<'_, BTreeMap<u32, Pushed>> {
        self.pushes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether configured filters have changed since the last time.
    pub(in crate::management) fn take_news_of_filters(&self) -> bool {
        self.other_filters.swap(false, Ordering::SeqCst)
    }

    /// A subscription by its number.
    pub(in crate::management) fn find(&self, id: u32) -> Option<Agreed> {
        self.table().agreed.get(&id).cloned()
    }

    /// Changes a subscription, if it is still there.
    pub(in crate::management) fn change(&self, id: u32, change: impl FnOnce(&mut Agreed)) {
        if let Some(agreed) = self.table().agreed.get_mut(&id) {
            change(agreed);
        }
    }

    /// Forgets one.
    pub(in crate::management) fn forget(&self, id: u32) -> Option<Agreed> {
        self.stop_pushing(|pushed| pushed == id);
        self.table().agreed.remove(&id)
    }

    /// Forgets those of a session.
    pub(in crate::management) fn forget_session(&self, session_id: u32) {
        let gone: Vec<u32> = {
            let mut table = self.table();
            let is_its = |agreed: &Agreed| agreed.follower.session_id == session_id;
            let gone = table.agreed.iter().filter(|(_, agreed)| is_its(agreed));
            let gone = gone.map(|(id, _)| *id).collect();
            table.agreed.retain(|_, agreed| !is_its(agreed));
            gone
        };
        if !gone.is_empty() {
            self.stop_pushing(|pushed| gone.contains(&pushed));
        }
    }

    /// All of them, by number.
    pub(in crate::management) fn all(&self) -> Vec<(u32, Agreed)> {
        let table = self.table();
        table
            .agreed
            .iter()
            .map(|(id, agreed)| (*id, agreed.clone()))
            .collect()
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    fn of(&self, session_id: u32) -> usize {
        let is_its = |agreed: &&Agreed| agreed.follower.session_id == session_id;
        self.agreed.values().filter(is_its).count()
    }
}

impl fmt::Debug for Subscriptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscriptions").finish_non_exhaustive()
    }
}
