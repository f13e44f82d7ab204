//! What must hold for any bytes that a peer may send; each target is a function that panics when it does not.
//!
//! `tests/replay.rs` runs them over the committed corpora and over mutations of these, on stable Rust. For an open-ended
//! search, call them from a `libfuzzer_sys::fuzz_target!`.

pub mod desk;
pub mod framing;
pub mod hello;
pub mod rpc;
pub mod session;

/// A target.
pub type Target = fn(&[u8]);

/// Every target and the name of its corpus.
pub const TARGETS: &[(&str, Target)] = &[
    ("framing", framing::run),
    ("hello", hello::run),
    ("rpc", rpc::run),
    ("session", session::run),
    ("filters", desk::filters),
    ("edits", desk::edits),
];
