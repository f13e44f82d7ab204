//! Long replies in files without a name: written while they are rendered, read while their clients take them.
//!
//! The file has no name from the start, so nothing stays behind, whatever happens to the agent.

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::Arc;

use crate::management::body::{LaidAside, LayingAside, Overflow};

/// Lays long replies aside in a folder.
pub struct Spill {
    /// Where; it needs room for one long reply a session.
    pub folder: PathBuf,
    /// How many bytes of a reply stay in memory.
    pub limit: usize,
}

impl Overflow for Spill {
    fn begin(&self) -> io::Result<Box<dyn LayingAside>> {
        let file = tempfile::tempfile_in(&self.folder)?;
        Ok(Box::new(Text { file, length: 0 }))
    }

    fn limit(&self) -> usize {
        self.limit
    }
}

/// A text in a file.
struct Text {
    file: File,
    length: u64,
}

impl LayingAside for Text {
    fn add(&mut self, text: &str) -> io::Result<()> {
        self.file.write_all(text.as_bytes())?;
        self.length += text.len() as u64;
        Ok(())
    }

    fn finish(self: Box<Self>) -> io::Result<Arc<dyn LaidAside>> {
        Ok(Arc::new(*self))
    }
}

impl LaidAside for Text {
    fn length(&self) -> u64 {
        self.length
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        self.file.read_at(buffer, offset)
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;
    use std::fs;

    use super::*;
    use crate::management::body::{Body, BodyWriter};

    #[test]
    fn a_long_reply_is_in_a_file_that_nobody_sees() {
        let folder = tempfile::tempdir().unwrap();
        let spill = Spill {
            folder: folder.path().to_owned(),
            limit: 1_000,
        };
        let mut body = BodyWriter::new(&spill);
        body.write_str(&"<a/>".repeat(300)).unwrap();
        body.write_str("<end/>").unwrap();
        let Ok(Body::Long(text)) = body.finish() else {
            panic!("it is long");
        };
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
        let mut read = [0; 10];
        assert_eq!(text.read_at(1_200, &mut read).unwrap(), 6);
        assert_eq!(&read[..6], b"<end/>");
    }

    #[test]
    fn a_folder_that_is_gone_refuses_the_reply_in_clear_words() {
        let spill = Spill {
            folder: PathBuf::from("/nowhere/at/all"),
            limit: 10,
        };
        let mut body = BodyWriter::new(&spill);
        assert!(body.write_str("<longer-than-ten/>").is_err());
        let error = body.finish().unwrap_err();
        assert!(
            error.message.starts_with("the reply is too long"),
            "{}",
            error.message
        );
    }
}
