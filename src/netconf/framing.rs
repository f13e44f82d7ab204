//! The two message framings of RFC 6242: end-of-message marks and chunks, read incrementally.
//!
//! ```text
//! chunked, section 4.2:   LF # size LF data … LF # # LF       size: 1 to 4294967295, no leading zero
//! end-of-message, 4.3:    data ]]>]]>
//! ```

use std::fmt;
use std::io;
use std::sync::Arc;

use thiserror::Error;

use crate::management::body::{Body, LaidAside, read_back};

/// How messages are told apart in the byte stream.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Framing {
    /// `]]>]]>` after each message: both hellos, and everything with a peer that only knows base 1.0.
    EndOfMessage,
    /// Chunks with their size in front: everything after the hellos with base 1.1.
    Chunked,
}

/// The largest message by default, in bytes.
pub const MAX_MESSAGE_BYTES: usize = 64 * 1024 * 1024;

const END_OF_MESSAGE: &[u8; 6] = b"]]>]]>";
/// More than that before a message is a message.
const WHITE_SPACE_BYTES: usize = 64;
/// Pieces below this are sent as one, so that a short reply is one packet.
const GATHER_BELOW: usize = 64 * 1024;

/// Something that the decoder found in the stream.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Incoming {
    /// A whole message without its framing.
    Message(Vec<u8>),
    /// A message over the limit; its bytes were thrown away and the stream is in step again.
    TooBig,
    /// A message that [`Decoder::give_up`] threw away.
    NoRoom,
}

/// The stream cannot be told apart any more; RFC 6242 section 4.2 ends the session.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum FramingError {
    /// Not what the grammar wants at this place.
    #[error("chunked framing: expected {expected}, got {} (RFC 6242 section 4.2)", printable(*.got))]
    Unexpected {
        /// What the grammar allows here.
        expected: &'static str,
        /// The byte that came.
        got: u8,
    },
    /// A chunk size over 4294967295.
    #[error("chunked framing: a chunk size over 4294967295 (RFC 6242 section 4.2)")]
    ChunkTooLong,
}

fn printable(byte: u8) -> String {
    if byte.is_ascii_graphic() {
        format!("`{}`", char::from(byte))
    } else {
        format!("byte 0x{byte:02x}")
    }
}

/// Where the decoder stands inside a chunked message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Place {
    /// Before a chunk or the end of the message.
    LineFeed,
    /// After that line feed.
    Hash,
    /// After the hash.
    FirstDigit,
    /// Inside the size.
    Size(u64),
    /// Inside the data, with this many bytes to come.
    Data(u64),
    /// After the two hashes.
    LastLineFeed,
}

/// Cuts a byte stream into messages. Feed it slices of any size; it copies each byte once.
#[derive(Debug)]
pub struct Decoder {
    framing: Framing,
    limit: usize,
    message: Vec<u8>,
    overflown: bool,
    given_up: bool,
    /// How many bytes of the end-of-message mark were seen last.
    matched: usize,
    place: Place,
    chunks: u64,
}

impl Decoder {
    /// A decoder at the start of a stream, which begins with end-of-message framing (RFC 6242 section 4.1).
    pub fn new(limit: usize) -> Decoder {
        Decoder {
            framing: Framing::EndOfMessage,
            limit,
            message: Vec::new(),
            overflown: false,
            given_up: false,
            matched: 0,
            place: Place::LineFeed,
            chunks: 0,
        }
    }

    /// Goes on in another framing; only between two messages.
    pub fn switch_to(&mut self, framing: Framing) {
        self.framing = framing;
    }

    /// Takes messages of another length from now on.
    pub fn set_limit(&mut self, limit: usize) {
        self.limit = limit;
    }

    /// Bytes that are kept of the message that has begun.
    pub fn held_bytes(&self) -> usize {
        self.message.capacity()
    }

    /// Whether the message that has begun is over the limit already.
    pub fn is_over_limit(&self) -> bool {
        self.overflown
    }

    /// Whether a message has begun: white space between messages is none.
    pub fn is_inside_message(&self) -> bool {
        match self.framing {
            Framing::Chunked => self.chunks > 0 || !matches!(self.place, Place::LineFeed | Place::Hash),
            Framing::EndOfMessage => {
                self.overflown
                    || self.given_up
                    || self.message.len() > WHITE_SPACE_BYTES
                    || self.message.iter().any(|byte| !byte.is_ascii_whitespace())
            }
        }
    }

    /// Throws the message away that has begun, as if it were too long, because there is no room for it.
    pub fn give_up(&mut self) {
        if self.is_inside_message() {
            self.message = Vec::new();
            self.given_up = true;
        }
    }

    /// Takes bytes off the front of `input` until a message is whole. `None` means that `input` is used up.
    pub fn decode(&mut self, input: &mut &[u8]) -> Result<Option<Incoming>, FramingError> {
        match self.framing {
            Framing::EndOfMessage => Ok(self.decode_marked(input)),
            Framing::Chunked => self.decode_chunked(input),
        }
    }

    fn decode_marked(&mut self, input: &mut &[u8]) -> Option<Incoming> {
        let mut scanned = 0;
        while let Some(unseen) = input.get(scanned..).filter(|unseen| !unseen.is_empty()) {
            if self.matched == 0 {
                match unseen.iter().position(|&byte| byte == b']') {
                    Some(at) => scanned += at,
                    None => break,
                }
            }
            let Some(&byte) = input.get(scanned) else { break };
            scanned += 1;
            self.matched = mark_after(self.matched, byte);
            if self.matched == END_OF_MESSAGE.len() {
                let (taken, rest) = input.split_at(scanned);
                self.keep(taken);
                *input = rest;
                self.matched = 0;
                // The mark went into the message with the bytes before it.
                self.message
                    .truncate(self.message.len().saturating_sub(END_OF_MESSAGE.len()));
                return Some(self.finish());
            }
        }
        self.keep(input);
        *input = &[];
        None
    }

    fn decode_chunked(&mut self, input: &mut &[u8]) -> Result<Option<Incoming>, FramingError> {
        while let Some((&byte, rest)) = input.split_first() {
            if let Place::Data(left) = self.place {
                let length = usize::try_from(left).unwrap_or(usize::MAX).min(input.len());
                let (data, rest) = input.split_at(length);
                self.keep(data);
                *input = rest;
                let left = left - length as u64;
                self.place = if left == 0 {
                    Place::LineFeed
                } else {
                    Place::Data(left)
                };
                continue;
            }
            *input = rest;
            self.place = match (self.place, byte) {
                (Place::LineFeed, b'\n') => Place::Hash,
                // Before a message further line feeds do no harm: people who type end their hello with one.
                (Place::Hash, b'\n') if self.chunks == 0 => Place::Hash,
                (Place::Hash, b'#') => Place::FirstDigit,
                (Place::FirstDigit, b'1'..=b'9') => Place::Size(u64::from(byte - b'0')),
                (Place::FirstDigit, b'#') if self.chunks > 0 => Place::LastLineFeed,
                (Place::Size(size), b'0'..=b'9') => {
                    let size = size * 10 + u64::from(byte - b'0');
                    if size > u64::from(u32::MAX) {
                        return Err(FramingError::ChunkTooLong);
                    }
                    Place::Size(size)
                }
                (Place::Size(size), b'\n') => {
                    self.chunks += 1;
                    Place::Data(size)
                }
                (Place::LastLineFeed, b'\n') => {
                    self.place = Place::LineFeed;
                    self.chunks = 0;
                    return Ok(Some(self.finish()));
                }
                (place, got) => {
                    return Err(FramingError::Unexpected {
                        expected: place.expectation(self.chunks),
                        got,
                    });
                }
            };
        }
        Ok(None)
    }

    fn keep(&mut self, bytes: &[u8]) {
        if self.overflown || self.given_up {
            return;
        }
        // The end-of-message mark may be in `bytes`; it does not count.
        if self.message.len() + bytes.len() > self.limit + END_OF_MESSAGE.len() {
            self.overflown = true;
            self.message = Vec::new();
            return;
        }
        self.message.extend_from_slice(bytes);
    }

    fn finish(&mut self) -> Incoming {
        let message = std::mem::take(&mut self.message);
        if std::mem::take(&mut self.given_up) {
            self.overflown = false;
            return Incoming::NoRoom;
        }
        if std::mem::take(&mut self.overflown) || message.len() > self.limit {
            return Incoming::TooBig;
        }
        Incoming::Message(message)
    }
}

impl Place {
    fn expectation(self, chunks: u64) -> &'static str {
        match self {
            Place::LineFeed => "a line feed before `#`",
            Place::Hash => "`#`",
            Place::FirstDigit if chunks == 0 => "a chunk size without leading zero",
            Place::FirstDigit => "a chunk size without leading zero, or `#`",
            Place::Size(_) => "a digit or a line feed",
            Place::Data(_) => "data",
            Place::LastLineFeed => "a line feed after `##`",
        }
    }
}

/// How many bytes of the mark are matched once `byte` follows `matched` of them.
fn mark_after(matched: usize, byte: u8) -> usize {
    match (matched, byte) {
        (0 | 1 | 3 | 4, b']') | (2 | 5, b'>') => matched + 1,
        // `]]]` still ends with `]]`.
        (_, b']') => 2,
        _ => 0,
    }
}

/// A piece of what is to be sent.
#[derive(Clone)]
pub enum Piece {
    /// These bytes.
    Bytes(Vec<u8>),
    /// A part of a text that was laid aside, to be read as it is sent.
    LaidAside {
        /// The text.
        text: Arc<dyn LaidAside>,
        /// First byte.
        from: u64,
        /// Behind the last byte.
        to: u64,
    },
}

impl Piece {
    /// How many bytes it is.
    pub fn length(&self) -> u64 {
        match self {
            Piece::Bytes(bytes) => bytes.len() as u64,
            Piece::LaidAside { from, to, .. } => to - from,
        }
    }
}

impl Piece {
    /// All of it, read back where it was laid aside. May wait for a disk.
    pub fn to_bytes(&self) -> io::Result<Vec<u8>> {
        match self {
            Piece::Bytes(bytes) => Ok(bytes.clone()),
            Piece::LaidAside { text, from, to } => read_back(text.as_ref(), *from, *to),
        }
    }
}

impl fmt::Debug for Piece {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Piece::Bytes(bytes) => write!(f, "{:?}", String::from_utf8_lossy(bytes)),
            Piece::LaidAside { from, to, .. } => write!(f, "bytes {from} to {to} of what was laid aside"),
        }
    }
}

/// Frames one message of which pieces may be laid aside.
pub fn encode_pieces(framing: Framing, pieces: Vec<Body>) -> Vec<Piece> {
    let mut texts = Vec::new();
    let mut all_short = true;
    let mut length = 0;
    for piece in &pieces {
        match piece {
            Body::Short(text) => length += text.len() as u64,
            Body::Long(text) => {
                length += text.length();
                all_short = false;
            }
        }
    }
    if all_short {
        for piece in pieces {
            if let Body::Short(text) = piece {
                texts.push(text);
            }
        }
        return encode(framing, texts).into_iter().map(Piece::Bytes).collect();
    }
    let one_chunk = length <= u64::from(u32::MAX);
    let mut framed = Vec::new();
    let mut bytes = |bytes: Vec<u8>| Piece::Bytes(bytes);
    if framing == Framing::Chunked && one_chunk {
        framed.push(bytes(format!("\n#{length}\n").into_bytes()));
    }
    for piece in pieces {
        let own_chunks = framing == Framing::Chunked && !one_chunk;
        match piece {
            Body::Short(text) if text.is_empty() => {}
            Body::Short(text) if own_chunks => {
                framed.extend(encode_chunks(&text).into_iter().map(&mut bytes))
            }
            Body::Short(text) => framed.push(bytes(text.into_bytes())),
            Body::Long(text) => {
                let most = if own_chunks { u64::from(u32::MAX) } else { u64::MAX };
                let mut from = 0;
                while from < text.length() {
                    let to = text.length().min(from.saturating_add(most));
                    if own_chunks {
                        framed.push(bytes(format!("\n#{}\n", to - from).into_bytes()));
                    }
                    let text = Arc::clone(&text);
                    framed.push(Piece::LaidAside { text, from, to });
                    from = to;
                }
            }
        }
    }
    framed.push(bytes(match framing {
        Framing::Chunked => b"\n##\n".to_vec(),
        Framing::EndOfMessage => END_OF_MESSAGE.to_vec(),
    }));
    framed
}

/// Chunks of a message that is longer than one may be.
fn encode_chunks(text: &str) -> Vec<Vec<u8>> {
    let chunks = text.as_bytes().chunks(u32::MAX as usize);
    chunks
        .flat_map(|chunk| [format!("\n#{}\n", chunk.len()).into_bytes(), chunk.to_vec()])
        .collect()
}

/// Frames one message, given in pieces so that a large reply is not copied. The message must not be empty.
pub fn encode(framing: Framing, pieces: Vec<String>) -> Vec<Vec<u8>> {
    let length: usize = pieces.iter().map(String::len).sum();
    match framing {
        Framing::EndOfMessage => {
            let mut framed: Vec<Vec<u8>> = pieces.into_iter().map(String::into_bytes).collect();
            framed.push(END_OF_MESSAGE.to_vec());
            gather(framed)
        }
        Framing::Chunked if u32::try_from(length).is_ok() => {
            let mut framed = vec![format!("\n#{length}\n").into_bytes()];
            framed.extend(pieces.into_iter().map(String::into_bytes));
            framed.push(b"\n##\n".to_vec());
            gather(framed)
        }
        Framing::Chunked => {
            let mut framed: Vec<Vec<u8>> = pieces.iter().flat_map(|piece| encode_chunks(piece)).collect();
            framed.push(b"\n##\n".to_vec());
            framed
        }
    }
}

fn gather(pieces: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
    if pieces.iter().map(Vec::len).sum::<usize>() < GATHER_BELOW {
        return vec![pieces.concat()];
    }
    pieces
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{Strategy, any, prop, prop_assert_eq, proptest};

    use super::{Decoder, Framing, FramingError, Incoming, encode};

    fn decode(framing: Framing, limit: usize, slices: &[&[u8]]) -> Result<Vec<Incoming>, FramingError> {
        let mut decoder = Decoder::new(limit);
        decoder.switch_to(framing);
        let mut found = Vec::new();
        for slice in slices {
            let mut rest = *slice;
            while let Some(incoming) = decoder.decode(&mut rest)? {
                found.push(incoming);
            }
        }
        Ok(found)
    }

    fn message(text: &str) -> Incoming {
        Incoming::Message(text.as_bytes().to_vec())
    }

    fn chunked_error(stream: &str) -> String {
        decode(Framing::Chunked, 1000, &[stream.as_bytes()])
            .expect_err("the stream is broken")
            .to_string()
    }

    #[test]
    fn chunks_of_one_message_are_joined() {
        let stream = b"\n#4\n<rpc\n#2\n/>\n##\n\n#1\nx\n##\n";
        assert_eq!(
            decode(Framing::Chunked, 100, &[stream]),
            Ok(vec![message("<rpc/>"), message("x")])
        );
    }

    #[test]
    fn a_chunk_may_hold_what_looks_like_framing() {
        assert_eq!(
            decode(Framing::Chunked, 100, &[b"\n#10\n\n##\n]]>]]>\n##\n"]),
            Ok(vec![message("\n##\n]]>]]>")])
        );
    }

    #[test]
    fn brackets_before_the_mark_belong_to_the_message() {
        for text in ["", "a", "]", "]]", "]]>]", "]]>]]", "a]]]]>b"] {
            let stream = format!("{text}]]>]]>rest");
            assert_eq!(
                decode(Framing::EndOfMessage, 100, &[stream.as_bytes()]),
                Ok(vec![message(text)]),
                "{text}"
            );
        }
    }

    #[test]
    fn a_leading_zero_and_a_zero_chunk_are_refused() {
        for stream in ["\n#0\n", "\n#01\nx"] {
            assert_eq!(
                chunked_error(stream),
                "chunked framing: expected a chunk size without leading zero, got `0` (RFC 6242 section 4.2)"
            );
        }
    }

    #[test]
    fn the_largest_chunk_size_is_4294967295() {
        assert_eq!(decode(Framing::Chunked, 10, &[b"\n#4294967295\nab"]), Ok(vec![]));
        assert_eq!(
            chunked_error("\n#4294967296\nab"),
            "chunked framing: a chunk size over 4294967295 (RFC 6242 section 4.2)"
        );
    }

    #[test]
    fn a_message_without_chunks_is_refused() {
        assert!(chunked_error("\n##\n").contains("expected a chunk size"));
    }

    #[test]
    fn junk_between_chunks_names_the_byte() {
        assert_eq!(
            chunked_error("\n#1\nax"),
            "chunked framing: expected a line feed before `#`, got `x` (RFC 6242 section 4.2)"
        );
        assert!(chunked_error("\n#1\na\n\r").contains("got byte 0x0d"));
    }

    #[test]
    fn an_end_of_message_mark_in_chunked_mode_is_an_error() {
        assert!(chunked_error("<rpc/>]]>]]>").contains("got `<`"));
    }

    #[test]
    fn line_feeds_typed_after_the_hello_are_forgiven() {
        assert_eq!(
            decode(Framing::Chunked, 10, &[b"\n\n\n#1\nx\n##\n"]),
            Ok(vec![message("x")])
        );
    }

    #[test]
    fn a_message_over_the_limit_is_reported_and_the_next_one_is_read() {
        let stream = b"\n#3\nabc\n#3\ndef\n##\n\n#1\nx\n##\n";
        assert_eq!(
            decode(Framing::Chunked, 5, &[stream]),
            Ok(vec![Incoming::TooBig, message("x")])
        );
        assert_eq!(
            decode(
                Framing::EndOfMessage,
                5,
                &[b"abcdef]]>]]>", b"x]]>]]>abcde]]>]]>"]
            ),
            Ok(vec![Incoming::TooBig, message("x"), message("abcde")])
        );
    }

    #[test]
    fn a_large_reply_keeps_its_body_uncopied() {
        let body = "x".repeat(100_000);
        let address = body.as_ptr();
        let framed = encode(Framing::Chunked, vec!["<a>".into(), body, "</a>".into()]);
        assert!(framed.iter().any(|piece| piece.as_ptr() == address));
    }

    fn cut(stream: &[u8], cuts: &[usize]) -> Vec<Vec<u8>> {
        let mut places: Vec<usize> = cuts.iter().map(|cut| cut % (stream.len() + 1)).collect();
        places.extend([0, stream.len()]);
        places.sort_unstable();
        places
            .windows(2)
            .map(|pair| stream[pair[0]..pair[1]].to_vec())
            .collect()
    }

    proptest! {
        #[test]
        fn any_split_of_a_stream_gives_the_same_messages(
            messages in prop::collection::vec("[\\]>#\n0-9a]{1,40}", 1..6),
            cuts in prop::collection::vec(any::<usize>(), 0..40),
            chunked in any::<bool>(),
        ) {
            let framing = if chunked { Framing::Chunked } else { Framing::EndOfMessage };
            let clean: Vec<String> = messages
                .iter()
                .map(|text| if chunked { text.clone() } else { text.replace("]]>", "]]&gt;") })
                .collect();
            let stream: Vec<u8> = clean
                .iter()
                .flat_map(|text| encode(framing, vec![text.clone()]).concat())
                .collect();
            let slices = cut(&stream, &cuts);
            let slices: Vec<&[u8]> = slices.iter().map(Vec::as_slice).collect();
            let expected: Vec<Incoming> = clean.iter().map(|text| message(text)).collect();
            prop_assert_eq!(decode(framing, 100, &slices), Ok(expected));
        }

        #[test]
        fn garbage_never_panics_and_splits_alike(
            stream in prop::collection::vec(any::<u8>().prop_map(|byte| b"\n#1234567890]>x\xff\0"[usize::from(byte) % 17]), 0..300),
            cuts in prop::collection::vec(any::<usize>(), 0..20),
            chunked in any::<bool>(),
        ) {
            let framing = if chunked { Framing::Chunked } else { Framing::EndOfMessage };
            let slices = cut(&stream, &cuts);
            let slices: Vec<&[u8]> = slices.iter().map(Vec::as_slice).collect();
            prop_assert_eq!(decode(framing, 20, &slices), decode(framing, 20, &[&stream]));
        }
    }
}
