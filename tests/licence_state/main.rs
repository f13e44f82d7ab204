//! Licensing as a client sees it: the whole agent in process on a clock that a test moves, a licence server beside it.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod certificates;
mod chassis;
mod document;
mod fields;
mod lab;
mod stub;
mod table;
mod ways;
