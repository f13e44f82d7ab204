//! The latest commits: who, when, and what changed.

use std::collections::VecDeque;
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::datastore::change_set::{Change, ChangeSet};

/// How many commits are remembered.
pub const REMEMBERED: usize = 100;

/// Who committed, when and why.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Author {
    /// The user.
    pub user: String,
    /// Their session; 0 for the agent itself.
    pub session_id: u32,
    /// When.
    pub timestamp: Timestamp,
    /// A name for the commit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// Words about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
}

/// One remembered commit.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Entry {
    /// Who.
    pub author: Author,
    /// What; its result is the generation that the commit made.
    pub change_set: Arc<ChangeSet>,
}

/// The latest commits, oldest first.
#[derive(Clone, Debug, Default)]
pub struct History {
    entries: VecDeque<Entry>,
}

impl History {
    /// Remembers a commit that changed something and forgets the oldest when there are too many, but none since the
    /// generation to which running may have to go back.
    pub fn remember(&mut self, author: Author, change_set: Arc<ChangeSet>, rollback_to: Option<u64>) {
        if change_set.is_empty() {
            return;
        }
        self.entries.push_back(Entry { author, change_set });
        let needed =
            |entry: &Entry| rollback_to.is_some_and(|generation| entry.change_set.base >= generation);
        while self.entries.len() > REMEMBERED && !self.entries.front().is_some_and(needed) {
            self.entries.pop_front();
        }
    }

    /// What leads from the latest generation back to this one; `None` when it is no longer remembered.
    pub fn back_to(&self, generation: u64) -> Option<Vec<Change>> {
        let undone = self
            .entries
            .iter()
            .rev()
            .take_while(|entry| entry.change_set.base >= generation);
        let mut reached = None;
        let mut changes = Vec::new();
        for entry in undone {
            reached = Some(entry.change_set.base);
            changes.extend(entry.change_set.reverse().changes);
        }
        (reached == Some(generation)).then_some(changes)
    }

    /// The commits, oldest first.
    pub fn entries(&self) -> impl DoubleEndedIterator<Item = &Entry> {
        self.entries.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yang::path::InstancePath;

    fn author() -> Author {
        Author {
            user: "anna".to_owned(),
            session_id: 1,
            timestamp: Timestamp::UNIX_EPOCH,
            label: None,
            comment: None,
        }
    }

    fn step(generation: u64) -> Arc<ChangeSet> {
        Arc::new(ChangeSet {
            base: generation,
            result: Some(generation + 1),
            changes: vec![Change::Set {
                path: InstancePath::parse("/m:a").unwrap(),
                old: generation.to_string(),
                new: (generation + 1).to_string(),
            }],
        })
    }

    #[test]
    fn the_latest_hundred_are_remembered() {
        let mut history = History::default();
        for generation in 0..150 {
            history.remember(author(), step(generation), None);
        }
        let first = history.entries().next().map(|entry| entry.change_set.base);
        assert_eq!((history.entries().count(), first), (100, Some(50)));
    }

    #[test]
    fn what_may_have_to_be_rolled_back_is_not_forgotten() {
        let mut history = History::default();
        for generation in 0..150 {
            history.remember(author(), step(generation), Some(20));
        }
        let first = history.entries().next().map(|entry| entry.change_set.base);
        assert_eq!(first, Some(20));
        history.remember(author(), step(150), None);
        assert_eq!(history.entries().count(), 100);
    }

    #[test]
    fn the_way_back_is_every_change_reversed_latest_first() {
        let mut history = History::default();
        for generation in 3..6 {
            history.remember(author(), step(generation), None);
        }
        let back = history.back_to(4).unwrap();
        let values: Vec<&str> = back
            .iter()
            .filter_map(|change| match change {
                Change::Set { new, .. } => Some(new.as_str()),
                _ => None,
            })
            .collect();
        assert_eq!(values, ["5", "4"]);
        assert_eq!(history.back_to(2), None);
        assert_eq!(history.back_to(6), None);
    }
}
