//! Commits against a disk that fails at every operation, against SIGKILL at any moment, and in a crowd.
//!
//! Two ways lead to a kill. A real agent gets SIGKILL at random moments, half of them within the milliseconds of a commit,
//! while one session commits (`kill`) or several do at once (`kill_in_a_crowd`), with every second seed while running is
//! written whole over and over. And each operation of the commit path on
//! the disk is the last one, once, by a file layer that is put under the journal (`disk`, and for commits that share a sync
//! `tests/commits_share_the_disk.rs`); that layer also loses and tears what was not synced, which SIGKILL alone never does.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)] // a test may stop at what it did not expect

mod crowd;
mod disk;
mod disk_beside;
mod kill;
mod kill_in_a_crowd;
mod row;
