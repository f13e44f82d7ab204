//! Standard output that a reader may leave early (`ponder settings | head -1`) without an end in panic.

use std::fmt;
use std::io::{self, ErrorKind, Write};

/// Prints a text and a line end. A reader who has left is no error; a full disk is.
pub fn say(text: impl fmt::Display) -> io::Result<()> {
    let mut output = io::stdout().lock();
    match writeln!(output, "{text}").and_then(|()| output.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        outcome => outcome,
    }
}
