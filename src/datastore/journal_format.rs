//! The bytes of snapshots and journals: written, checked, and told apart where they are torn or damaged.
//!
//! A snapshot is one line of text (`ponder-snapshot`, format version, length and SHA-256 of all that follows), one line
//! of JSON (generation, author, confirmation awaited) and the configuration as XML. A journal is one line of text
//! (`ponder-journal`, format version, generation before its first record, SHA-256 of these words) and then records:
//! four bytes of mark, four of length (least first), 32 of SHA-256 over length and payload, the payload as JSON.

use std::cmp::Ordering;
use std::fmt::Write as _;

use aws_lc_rs::digest::{Context, SHA256, digest};
use serde::{Deserialize, Serialize};

use crate::datastore::history::Author;
use crate::datastore::journal_record::{Awaiting, Record, Snapshot};

/// The version of both formats that is written and read here.
pub const VERSION: u32 = 1;

/// First word of a snapshot.
const SNAPSHOT: &str = "ponder-snapshot";
/// First word of the one file that earlier versions kept; otherwise it is a snapshot.
const RUNNING: &str = "ponder-running";
/// First word of a journal.
const JOURNAL: &str = "ponder-journal";

const MARK: &[u8; 4] = b"\nPR\x01";
const FRAME: usize = 40;

/// Why a file cannot be read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Fault {
    /// Written by another version, which is named.
    Version(String),
    /// Not what was written.
    Damaged {
        /// Where that begins.
        offset: usize,
        /// What is wrong.
        reason: String,
    },
}

fn damaged(offset: usize, reason: impl Into<String>) -> Fault {
    Fault::Damaged {
        offset,
        reason: reason.into(),
    }
}

/// Line 2 of a snapshot.
#[derive(Serialize, Deserialize)]
struct Header {
    generation: u64,
    author: Option<Author>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    awaiting: Option<Awaiting>,
}

/// The bytes of a snapshot.
pub fn encode_snapshot(snapshot: &Snapshot) -> Result<Vec<u8>, serde_json::Error> {
    let header = serde_json::to_string(&Header {
        generation: snapshot.generation,
        author: snapshot.author.clone(),
        awaiting: snapshot.awaiting.clone(),
    })?;
    let body = format!("{header}\n{}", snapshot.configuration);
    let first = format!("{SNAPSHOT} {VERSION} {} {}\n", body.len(), hex(body.as_bytes()));
    Ok((first + &body).into_bytes())
}

/// Reads a snapshot, also one by the name of earlier versions.
pub fn decode_snapshot(bytes: &[u8]) -> Result<Snapshot, Fault> {
    let text = std::str::from_utf8(bytes).map_err(|error| damaged(error.valid_up_to(), "it is not UTF-8"))?;
    let (first, body) = text
        .split_once('\n')
        .ok_or_else(|| damaged(0, "it has no first line"))?;
    let words: Vec<&str> = first.split(' ').collect();
    if let [SNAPSHOT | RUNNING, version, ..] = words.as_slice()
        && version.parse() != Ok(VERSION)
    {
        return Err(Fault::Version((*version).to_owned()));
    }
    let [SNAPSHOT | RUNNING, _, length, checksum] = words.as_slice() else {
        return Err(damaged(
            0,
            format!("its first line is not that of a {SNAPSHOT} file"),
        ));
    };
    let start = first.len() + 1;
    if length.parse() != Ok(body.len()) {
        return Err(damaged(
            bytes.len(),
            format!("it holds {} bytes instead of {length}", body.len()),
        ));
    }
    if *checksum != hex(body.as_bytes()) {
        return Err(damaged(start, "its checksum does not match"));
    }
    let (header, configuration) = body
        .split_once('\n')
        .ok_or_else(|| damaged(start, "it has no second line"))?;
    let header: Header = serde_json::from_str(header)
        .map_err(|error| damaged(start, format!("its second line is broken: {error}")))?;
    Ok(Snapshot {
        generation: header.generation,
        author: header.author,
        awaiting: header.awaiting,
        configuration: configuration.to_owned(),
    })
}

/// The first line of a journal whose first record starts from this generation.
pub fn encode_journal_head(generation: u64) -> Vec<u8> {
    let words = format!("{JOURNAL} {VERSION} {generation}");
    format!("{words} {}\n", hex(words.as_bytes())).into_bytes()
}

/// The bytes of one record.
pub fn encode_record(record: &Record) -> Result<Vec<u8>, EncodeError> {
    let mut bytes = vec![0; FRAME];
    serde_json::to_writer(&mut bytes, record)?;
    let payload = bytes.get(FRAME..).unwrap_or_default();
    let length = u32::try_from(payload.len()).map_err(|_| EncodeError::TooLong(payload.len()))?;
    let sum = checksum(length, payload);
    let frame = [MARK.as_slice(), &length.to_le_bytes(), &sum].concat();
    for (place, byte) in bytes.iter_mut().zip(frame) {
        *place = byte;
    }
    Ok(bytes)
}

/// A commit that cannot be put into a record.
#[derive(thiserror::Error, Debug)]
pub enum EncodeError {
    /// It is beyond what the length can say.
    #[error("the record of the commit has {0} bytes, at most 4294967295 fit")]
    TooLong(usize),
    /// JSON.
    #[error(transparent)]
    Json(#[from] serde_json::Error),
}

/// What a journal holds.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Journal {
    /// Generation before its first record.
    pub base: u64,
    /// Its records, each with the offset at which it begins.
    pub records: Vec<(usize, Record)>,
    /// Where the last good record ends.
    pub good_length: usize,
    /// How it goes on from there.
    pub end: End,
}

/// What follows the last good record.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum End {
    /// Nothing.
    Clean,
    /// The beginning of a record, which a crash left: nobody was told that it is kept.
    Torn {
        /// Bytes of it.
        bytes: usize,
    },
    /// Something that no crash leaves: acknowledged commits may be lost.
    Damaged {
        /// What is wrong.
        reason: String,
    },
}

/// Reads a journal as far as it is good.
pub fn decode_journal(bytes: &[u8]) -> Result<Journal, Fault> {
    let (base, head_length) = decode_journal_head(bytes)?;
    let mut journal = Journal {
        base,
        records: Vec::new(),
        good_length: head_length,
        end: End::Clean,
    };
    loop {
        let rest = bytes.get(journal.good_length..).unwrap_or_default();
        if rest.is_empty() {
            return Ok(journal);
        }
        let Some(payload) = frame(rest) else {
            journal.end = what_follows(rest);
            return Ok(journal);
        };
        match serde_json::from_slice::<Record>(payload) {
            Ok(record) => journal.records.push((journal.good_length, record)),
            Err(error) => {
                journal.end = End::Damaged {
                    reason: format!("the record is not one that this version knows: {error}"),
                };
                return Ok(journal);
            }
        }
        journal.good_length += FRAME + payload.len();
    }
}

fn decode_journal_head(bytes: &[u8]) -> Result<(u64, usize), Fault> {
    let line = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let length = line.len() + 1;
    let line = std::str::from_utf8(line).unwrap_or_default();
    let words: Vec<&str> = line.split(' ').collect();
    if let [JOURNAL, version, ..] = words.as_slice()
        && version.parse() != Ok(VERSION)
        && version.chars().all(|letter| letter.is_ascii_digit())
        && !version.is_empty()
    {
        return Err(Fault::Version((*version).to_owned()));
    }
    let broken = || damaged(0, format!("its first line is not that of a {JOURNAL} file"));
    let [JOURNAL, _, generation, sum] = words.as_slice() else {
        return Err(broken());
    };
    let signed = line
        .get(..line.len().saturating_sub(sum.len() + 1))
        .unwrap_or_default();
    if bytes.len() < length || *sum != hex(signed.as_bytes()) {
        return Err(broken());
    }
    Ok((generation.parse().map_err(|_| broken())?, length))
}

/// The payload of the whole and good record at the beginning of these bytes.
fn frame(bytes: &[u8]) -> Option<&[u8]> {
    let (mark, rest) = bytes.split_first_chunk::<4>()?;
    let (length, rest) = rest.split_first_chunk::<4>()?;
    let (sum, rest) = rest.split_first_chunk::<32>()?;
    let length = u32::from_le_bytes(*length);
    let payload = rest.get(..usize::try_from(length).ok()?)?;
    (mark == MARK && checksum(length, payload) == *sum).then_some(payload)
}

/// Tells the rest of a record that a crash tore from damage. At most one record is ever on its way to disk, so a tail
/// that holds a good record further on was whole once; and JSON has no zero byte, so a record that is there in full
/// length and has none was whole once too.
fn what_follows(rest: &[u8]) -> End {
    let torn = End::Torn { bytes: rest.len() };
    let damaged = |reason: &str| End::Damaged {
        reason: reason.to_owned(),
    };
    let later = (1..rest.len()).filter(|at| rest.get(*at..*at + 4) == Some(MARK.as_slice()));
    if later
        .filter_map(|at| rest.get(at..))
        .any(|bytes| frame(bytes).is_some())
    {
        return damaged("a record is damaged, and good ones follow it");
    }
    // Sectors reach the disk in any order, and one that did not reads as zeros.
    let (Some(head), Some(payload)) = (rest.first_chunk::<FRAME>(), rest.get(FRAME..)) else {
        return torn;
    };
    if payload.contains(&0) {
        return torn;
    }
    let [m0, m1, m2, m3, l0, l1, l2, l3, ..] = *head;
    if [m0, m1, m2, m3] != *MARK {
        return damaged("a record does not begin as it should");
    }
    let length = u32::from_le_bytes([l0, l1, l2, l3]) as usize;
    match payload.len().cmp(&length) {
        Ordering::Less => torn,
        Ordering::Equal => damaged("the checksum of the last record does not match"),
        Ordering::Greater => damaged("a record is damaged, and something follows it"),
    }
}

fn checksum(length: u32, payload: &[u8]) -> [u8; 32] {
    let mut context = Context::new(&SHA256);
    context.update(&length.to_le_bytes());
    context.update(payload);
    let mut sum = [0; 32];
    for (place, byte) in sum.iter_mut().zip(context.finish().as_ref()) {
        *place = *byte;
    }
    sum
}

/// SHA-256 as text.
fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(64);
    for byte in digest(&SHA256, bytes).as_ref() {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}
