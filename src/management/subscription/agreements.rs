//! The subscriptions that were agreed on: whose they are, on which terms, and how many there may be.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;

use crate::datastore::change_set::ChangeSet;
use crate::management::mailbox::Follower;
use crate::management::subscription::refusal::{Reason, Refusal};
use crate::management::subscription::terms::Terms;

/// How much subscribers may ask for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// Subscriptions of one session.
    pub per_session: usize,
    /// Subscriptions of all sessions.
    pub in_all: usize,
    /// How long a subscription may be suspended before it is ended.
    pub suspension: Duration,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            per_session: 16,
            in_all: 256,
            suspension: Duration::from_secs(600),
        }
    }
}

/// RFC 8639 section 6: the lower half of the numbers is left to configured subscriptions.
const FIRST: u32 = 0x8000_0000;

/// All of them.
pub struct Subscriptions {
    limits: Limits,
    table: Mutex<Table>,
    /// Configured filters are others than when it was last looked.
    other_filters: AtomicBool,
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
    pub(in crate::management) fn committed(&self, changes: &ChangeSet) -> bool {
        let of_filters = changes.touches("/ietf-subscribed-notifications:filters");
        if of_filters {
            self.other_filters.store(true, Ordering::SeqCst);
        }
        of_filters
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
        self.table().agreed.remove(&id)
    }

    /// Forgets those of a session.
    pub(in crate::management) fn forget_session(&self, session_id: u32) {
        self.table()
            .agreed
            .retain(|_, agreed| agreed.follower.session_id != session_id);
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
