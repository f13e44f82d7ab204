//! The latest commits: who, when, and what changed.

use std::collections::VecDeque;
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::datastore::change_set::ChangeSet;

/// How many commits are remembered.
const REMEMBERED: usize = 100;

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
    /// Remembers a commit and forgets the oldest when there are too many.
    pub fn remember(&mut self, author: Author, change_set: Arc<ChangeSet>) {
        if self.entries.len() == REMEMBERED {
            self.entries.pop_front();
        }
        self.entries.push_back(Entry { author, change_set });
    }

    /// The commits, oldest first.
    pub fn entries(&self) -> impl DoubleEndedIterator<Item = &Entry> {
        self.entries.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_hundred_are_remembered() {
        let mut history = History::default();
        for generation in 0..150 {
            let author = Author {
                user: "anna".to_owned(),
                session_id: 1,
                timestamp: Timestamp::UNIX_EPOCH,
                label: None,
                comment: None,
            };
            history.remember(author, Arc::new(ChangeSet::since(generation)));
        }
        assert_eq!(history.entries().count(), 100);
        assert_eq!(
            history.entries().next().map(|entry| entry.change_set.base),
            Some(50)
        );
    }
}
