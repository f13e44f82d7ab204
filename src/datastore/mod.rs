//! Datastores: edits, change sets, candidate and running, commits, locks, history and what is kept on disk.
//!
//! Invariant: a [`change_set::ChangeSet`] speaks of what clients configured; defaults and empty structure follow from
//! that and are never in it.

pub mod apply;
pub mod best_effort;
pub mod candidate;
pub mod change_set;
pub mod commit;
pub mod commit_line;
pub mod confirmed_commit;
pub mod content;
mod copies;
pub mod datastores;
pub mod difference;
pub mod edit;
pub mod edit_attributes;
mod edit_node;
mod edit_removal;
mod held;
pub mod history;
pub mod journal;
mod journal_format;
pub mod journal_inspection;
mod journal_load;
pub mod journal_record;
pub mod journal_replay;
pub mod lock;
pub mod memory_storage;
pub mod partial_lock;
pub mod participant;
mod recorder;
pub mod rollback;
pub mod running;
pub mod simulated_disk;
pub mod snapshot_writer;
pub mod snapshots;
pub mod storage;
