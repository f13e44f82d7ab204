//! Commits against a disk that fails at every operation, against SIGKILL at any moment, and in a crowd.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)] // a test may stop at what it did not expect

mod crowd;
mod disk;
mod kill;
mod row;
