//! Locks on parts of running (RFC 5717).

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::yang::path::InstancePath;

/// A lock on some nodes and all below them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PartialLock {
    /// The session that holds it.
    pub session_id: u32,
    /// Since when.
    pub since: Timestamp,
    /// The expressions that it was asked for with.
    pub select: Vec<String>,
    /// What they selected then; what appears later is not locked.
    pub nodes: Vec<InstancePath>,
}

/// All of them, by their numbers.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct PartialLocks {
    last: u32,
    held: BTreeMap<u32, PartialLock>,
}

impl PartialLocks {
    /// Gives a lock its number, unless another session holds one that touches it: then that session's number.
    pub fn lock(&mut self, lock: PartialLock) -> Result<u32, u32> {
        for path in &lock.nodes {
            if let Some(holder) = self.holder(path, lock.session_id) {
                return Err(holder);
            }
        }
        self.last += 1;
        self.held.insert(self.last, lock);
        Ok(self.last)
    }

    /// Takes a lock back from its holder; whether that was one.
    pub fn unlock(&mut self, lock_id: u32, session_id: u32) -> bool {
        let is_held = self
            .held
            .get(&lock_id)
            .is_some_and(|lock| lock.session_id == session_id);
        if is_held {
            self.held.remove(&lock_id);
        }
        is_held
    }

    /// A session is gone.
    pub fn release_all(&mut self, session_id: u32) {
        self.held.retain(|_, lock| lock.session_id != session_id);
    }

    /// The other session whose lock is on a node, above it or below it.
    pub fn holder(&self, path: &InstancePath, session_id: u32) -> Option<u32> {
        self.held
            .values()
            .filter(|lock| lock.session_id != session_id)
            .find(|lock| {
                lock.nodes
                    .iter()
                    .any(|node| path.is_within(node) || node.is_within(path))
            })
            .map(|lock| lock.session_id)
    }

    /// Some session that holds one.
    pub fn any_holder(&self) -> Option<u32> {
        self.held.values().next().map(|lock| lock.session_id)
    }

    /// All of them, in the order of their numbers.
    pub fn iter(&self) -> impl Iterator<Item = (u32, &PartialLock)> {
        self.held.iter().map(|(id, lock)| (*id, lock))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lock(session_id: u32, path: &str) -> PartialLock {
        PartialLock {
            session_id,
            since: Timestamp::UNIX_EPOCH,
            select: vec![path.to_owned()],
            nodes: vec![InstancePath::parse(path).unwrap()],
        }
    }

    #[test]
    fn what_touches_a_lock_of_another_session_is_held() {
        let mut locks = PartialLocks::default();
        assert_eq!(locks.lock(lock(1, "/m:a/b")), Ok(1));
        assert_eq!(locks.lock(lock(2, "/m:a/b/c")), Err(1));
        assert_eq!(locks.lock(lock(2, "/m:a")), Err(1));
        assert_eq!(locks.lock(lock(2, "/m:a/d")), Ok(2));
        assert_eq!(locks.lock(lock(1, "/m:a/b/c")), Ok(3));
        assert!(!locks.unlock(1, 2) && locks.unlock(1, 1) && !locks.unlock(1, 1));
        locks.release_all(1);
        assert_eq!(locks.any_holder(), Some(2));
        assert_eq!(locks.lock(lock(2, "/m:a/b/c")), Ok(4));
    }
}
