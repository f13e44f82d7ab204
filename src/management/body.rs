//! The rendered text of a reply: in memory while it is short, laid aside as soon as it is long.
//!
//! It is rendered at full speed and then sent at the client's pace. What waits for a slow client is neither a tree nor,
//! beyond a limit, memory.

use std::fmt;
use std::io;
use std::sync::Arc;

use crate::management::error::{ErrorTag, ManagementError};

/// A rendered text.
#[derive(Clone)]
pub enum Body {
    /// In memory.
    Short(String),
    /// Laid aside, to be read piece by piece.
    Long(Arc<dyn LaidAside>),
}

/// A long text that somebody keeps outside of memory until the last of its holders lets go of it.
pub trait LaidAside: Send + Sync {
    /// In bytes.
    fn length(&self) -> u64;

    /// Reads from a place on; 0 bytes at the end. May wait for a disk.
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize>;
}

/// A long text that is being laid aside.
pub trait LayingAside: Send {
    /// Adds to it.
    fn add(&mut self, text: &str) -> io::Result<()>;

    /// All of it.
    fn finish(self: Box<Self>) -> io::Result<Arc<dyn LaidAside>>;
}

/// Where long texts are laid aside.
pub trait Overflow: Send + Sync {
    /// Begins a text.
    fn begin(&self) -> io::Result<Box<dyn LayingAside>>;

    /// How many bytes of a reply may stay in memory.
    fn limit(&self) -> usize;
}

/// Leaves everything in memory.
pub struct InMemory;

impl Overflow for InMemory {
    fn begin(&self) -> io::Result<Box<dyn LayingAside>> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn limit(&self) -> usize {
        usize::MAX
    }
}

impl Body {
    /// All of it, read back where it was laid aside.
    pub fn to_text(&self) -> io::Result<String> {
        match self {
            Body::Short(text) => Ok(text.clone()),
            Body::Long(text) => {
                let bytes = read_back(text.as_ref(), 0, text.length())?;
                String::from_utf8(bytes).map_err(io::Error::other)
            }
        }
    }
}

/// A part of a text that was laid aside, all at once.
pub fn read_back(text: &dyn LaidAside, from: u64, to: u64) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; usize::try_from(to - from).map_err(io::Error::other)?];
    let mut filled = 0;
    while let Some(rest) = bytes.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match text.read_at(from + filled as u64, rest)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            read => filled += read,
        }
    }
    Ok(bytes)
}

impl Default for Body {
    fn default() -> Body {
        Body::Short(String::new())
    }
}

impl From<String> for Body {
    fn from(text: String) -> Body {
        Body::Short(text)
    }
}

impl From<&str> for Body {
    fn from(text: &str) -> Body {
        Body::Short(text.to_owned())
    }
}

/// Texts that are laid aside are equal to themselves only.
impl PartialEq for Body {
    fn eq(&self, other: &Body) -> bool {
        match (self, other) {
            (Body::Short(a), Body::Short(b)) => a == b,
            (Body::Long(a), Body::Long(b)) => Arc::ptr_eq(a, b),
            _ => false,
        }
    }
}

impl Eq for Body {}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Body::Short(text) => write!(f, "{text:?}"),
            Body::Long(text) => write!(f, "{} bytes laid aside", text.length()),
        }
    }
}

/// Writes a body: what is written stays in memory up to the limit.
pub struct BodyWriter<'o> {
    overflow: &'o dyn Overflow,
    text: String,
    aside: Option<Box<dyn LayingAside>>,
    failed: Option<io::Error>,
}

impl<'o> BodyWriter<'o> {
    /// Begins a body.
    pub fn new(overflow: &'o dyn Overflow) -> BodyWriter<'o> {
        BodyWriter {
            overflow,
            text: String::new(),
            aside: None,
            failed: None,
        }
    }

    /// All that was written, or why it could not be kept: `resource-denied`, or `too-big` for the file system.
    pub fn finish(mut self) -> Result<Body, ManagementError> {
        if self.failed.is_none() && self.aside.is_some() {
            self.lay_aside();
        }
        if let Some(cause) = self.failed {
            return Err(refusal(&cause));
        }
        match self.aside {
            None => Ok(Body::Short(self.text)),
            Some(aside) => aside.finish().map(Body::Long).map_err(|cause| refusal(&cause)),
        }
    }

    fn lay_aside(&mut self) {
        let begun = match self.aside.take() {
            Some(aside) => Ok(aside),
            None => self.overflow.begin(),
        };
        match begun.and_then(|mut aside| aside.add(&self.text).map(|()| aside)) {
            Ok(aside) => self.aside = Some(aside),
            Err(cause) => self.failed = Some(cause),
        }
        self.text.clear();
    }
}

fn refusal(cause: &io::Error) -> ManagementError {
    let tag = match cause.kind() {
        io::ErrorKind::FileTooLarge => ErrorTag::TooBig,
        _ => ErrorTag::ResourceDenied,
    };
    let message = format!(
        "the reply is too long to be kept in memory and cannot be written to a file: {cause}; ask for less with a filter"
    );
    ManagementError::application(tag, message)
}

impl fmt::Write for BodyWriter<'_> {
    /// Fails once the text cannot be kept; [`BodyWriter::finish`] tells why.
    fn write_str(&mut self, text: &str) -> fmt::Result {
        if self.failed.is_some() {
            return Err(fmt::Error);
        }
        self.text.push_str(text);
        let limit = match self.aside {
            None => self.overflow.limit(),
            Some(_) => BUFFER,
        };
        if self.text.len() > limit {
            self.lay_aside();
            if self.failed.is_some() {
                return Err(fmt::Error);
            }
            self.text.shrink_to(2 * BUFFER);
        }
        Ok(())
    }
}

/// How much of a long text is written at a time, in bytes.
const BUFFER: usize = 64 * 1024;

#[cfg(test)]
mod tests {
    use std::fmt::Write;
    use std::sync::Mutex;

    use super::*;

    /// Keeps long texts, and is full after some bytes.
    struct Shelf {
        room: usize,
        limit: usize,
    }

    struct Text(Mutex<Vec<u8>>, usize);

    impl Overflow for Shelf {
        fn begin(&self) -> io::Result<Box<dyn LayingAside>> {
            Ok(Box::new(Text(Mutex::default(), self.room)))
        }

        fn limit(&self) -> usize {
            self.limit
        }
    }

    impl LayingAside for Text {
        fn add(&mut self, text: &str) -> io::Result<()> {
            let bytes = self.0.get_mut().unwrap();
            if bytes.len() + text.len() > self.1 {
                return Err(io::ErrorKind::StorageFull.into());
            }
            bytes.extend_from_slice(text.as_bytes());
            Ok(())
        }

        fn finish(self: Box<Self>) -> io::Result<Arc<dyn LaidAside>> {
            Ok(Arc::new(*self))
        }
    }

    impl LaidAside for Text {
        fn length(&self) -> u64 {
            self.0.lock().unwrap().len() as u64
        }

        fn read_at(&self, offset: u64, mut buffer: &mut [u8]) -> io::Result<usize> {
            io::Write::write(&mut buffer, &self.0.lock().unwrap()[offset as usize..])
        }
    }

    fn write(shelf: &Shelf, pieces: usize) -> Result<Body, ManagementError> {
        let mut body = BodyWriter::new(shelf);
        for piece in 0..pieces {
            if write!(body, "<piece>{piece}</piece>").is_err() {
                break;
            }
        }
        body.finish()
    }

    #[test]
    fn a_text_over_the_limit_is_laid_aside_whole() {
        let whole: String = (0..20_000)
            .map(|piece| format!("<piece>{piece}</piece>"))
            .collect();
        let (room, limit) = (usize::MAX, 100_000);
        let Ok(Body::Long(text)) = write(&Shelf { room, limit }, 20_000) else {
            panic!("it is long");
        };
        let mut read = vec![0; text.length() as usize];
        assert_eq!(text.read_at(0, &mut read).unwrap(), whole.len());
        assert_eq!(String::from_utf8(read).unwrap(), whole);
        let limit = whole.len();
        assert_eq!(write(&Shelf { room, limit }, 20_000), Ok(Body::Short(whole)));
    }

    #[test]
    fn a_full_disk_refuses_the_reply_and_says_so() {
        let error = write(
            &Shelf {
                room: 200_000,
                limit: 1_000,
            },
            20_000,
        )
        .unwrap_err();
        assert_eq!(error.tag, ErrorTag::ResourceDenied);
        assert!(
            error.message.contains("cannot be written to a file"),
            "{}",
            error.message
        );
    }
}
