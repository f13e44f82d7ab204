//! Who holds which datastore for themselves (RFC 6241 section 7.5).

use jiff::Timestamp;

use crate::datastore::partial_lock::PartialLocks;

/// A datastore that can be locked.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Lockable {
    /// Running.
    Running,
    /// The candidate.
    Candidate,
    /// What is loaded at the next start.
    Startup,
}

impl Lockable {
    /// All of them.
    pub const ALL: [Lockable; 3] = [Lockable::Running, Lockable::Candidate, Lockable::Startup];
}

/// A lock that is held.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Lock {
    /// The session that holds it.
    pub session_id: u32,
    /// Since when.
    pub since: Timestamp,
}

/// Why a lock was not given or taken back.
#[derive(thiserror::Error, Clone, Copy, PartialEq, Eq, Debug)]
pub enum LockError {
    /// Another session, or this one already, holds it.
    #[error("session {0} holds the lock")]
    Held(u32),
    /// The candidate has changes that are neither committed nor discarded.
    #[error("the candidate has changes that are neither committed nor discarded")]
    CandidateModified,
    /// This session does not hold it.
    #[error("this session does not hold the lock")]
    NotHeld,
}

/// All locks.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct LockTable {
    running: Option<Lock>,
    candidate: Option<Lock>,
    startup: Option<Lock>,
    /// Locks on parts of running.
    pub partial: PartialLocks,
}

impl LockTable {
    fn slot(&mut self, datastore: Lockable) -> &mut Option<Lock> {
        match datastore {
            Lockable::Running => &mut self.running,
            Lockable::Candidate => &mut self.candidate,
            Lockable::Startup => &mut self.startup,
        }
    }

    /// The lock on a datastore.
    pub fn holder(&self, datastore: Lockable) -> Option<Lock> {
        match datastore {
            Lockable::Running => self.running,
            Lockable::Candidate => self.candidate,
            Lockable::Startup => self.startup,
        }
    }

    /// Gives a lock to a session. `candidate_is_modified` counts for the candidate alone.
    pub fn lock(
        &mut self,
        datastore: Lockable,
        session_id: u32,
        candidate_is_modified: bool,
        now: Timestamp,
    ) -> Result<(), LockError> {
        if let Some(held) = self.holder(datastore) {
            return Err(LockError::Held(held.session_id));
        }
        // RFC 5717 section 2.1: the whole of running is not to be had while somebody holds a part of it.
        if datastore == Lockable::Running
            && let Some(holder) = self.partial.any_holder()
        {
            return Err(LockError::Held(holder));
        }
        if datastore == Lockable::Candidate && candidate_is_modified {
            return Err(LockError::CandidateModified);
        }
        *self.slot(datastore) = Some(Lock {
            session_id,
            since: now,
        });
        Ok(())
    }

    /// Takes a lock back from its holder.
    pub fn unlock(&mut self, datastore: Lockable, session_id: u32) -> Result<(), LockError> {
        match self.holder(datastore) {
            Some(held) if held.session_id == session_id => {
                *self.slot(datastore) = None;
                Ok(())
            }
            Some(held) => Err(LockError::Held(held.session_id)),
            None => Err(LockError::NotHeld),
        }
    }

    /// Whether a session may change a datastore: nobody else holds it.
    pub fn may_change(&self, datastore: Lockable, session_id: u32) -> Result<(), LockError> {
        match self.holder(datastore) {
            Some(held) if held.session_id != session_id => Err(LockError::Held(held.session_id)),
            _ => Ok(()),
        }
    }

    /// A session is gone: gives up its locks and tells which.
    pub fn release_all(&mut self, session_id: u32) -> Vec<Lockable> {
        self.partial.release_all(session_id);
        Lockable::ALL
            .into_iter()
            .filter(|datastore| self.unlock(*datastore, session_id).is_ok())
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    #[test]
    fn a_lock_keeps_others_out_until_it_is_given_up() {
        let mut locks = LockTable::default();
        locks.lock(Lockable::Running, 1, false, NOW).unwrap();
        assert_eq!(
            locks.lock(Lockable::Running, 2, false, NOW),
            Err(LockError::Held(1))
        );
        assert_eq!(
            locks.lock(Lockable::Running, 1, false, NOW),
            Err(LockError::Held(1))
        );
        assert_eq!(locks.unlock(Lockable::Running, 2), Err(LockError::Held(1)));
        assert_eq!(locks.may_change(Lockable::Running, 2), Err(LockError::Held(1)));
        assert_eq!(locks.may_change(Lockable::Running, 1), Ok(()));
        assert_eq!(locks.may_change(Lockable::Candidate, 2), Ok(()));
        locks.unlock(Lockable::Running, 1).unwrap();
        assert_eq!(locks.unlock(Lockable::Running, 1), Err(LockError::NotHeld));
    }

    #[test]
    fn a_modified_candidate_cannot_be_locked() {
        let mut locks = LockTable::default();
        assert_eq!(
            locks.lock(Lockable::Candidate, 1, true, NOW),
            Err(LockError::CandidateModified)
        );
        locks.lock(Lockable::Running, 1, true, NOW).unwrap();
    }

    #[test]
    fn a_lost_session_gives_up_its_locks() {
        let mut locks = LockTable::default();
        locks.lock(Lockable::Running, 1, false, NOW).unwrap();
        locks.lock(Lockable::Candidate, 2, false, NOW).unwrap();
        assert_eq!(locks.release_all(1), [Lockable::Running]);
        assert_eq!(
            locks.holder(Lockable::Candidate).map(|lock| lock.session_id),
            Some(2)
        );
    }
}
