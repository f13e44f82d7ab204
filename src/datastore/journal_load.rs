//! What a folder of snapshots and journals holds: the newest good snapshot, the commits since, the history before.

use std::collections::VecDeque;
use std::io;

use tracing::warn;

use crate::datastore::journal_format::{self as format, End, Fault, decode_journal, decode_snapshot};
use crate::datastore::journal_record::{Record, Snapshot};
use crate::datastore::storage::{Files, Kept, StorageError};

/// First part of a snapshot's name.
pub(crate) const SNAPSHOT: &str = "snapshot";
/// First part of a journal's name.
pub(crate) const JOURNAL: &str = "journal";
/// The one file that earlier versions kept.
pub(crate) const OLD_FORM: &str = "running.ponder";

/// The name of a snapshot or journal.
pub(crate) fn file_name(kind: &str, number: u64) -> String {
    format!("{kind}-{number:08}.ponder")
}

/// The number in the name of a snapshot or journal.
pub(crate) fn number_of(kind: &str, name: &str) -> Option<u64> {
    let digits = name
        .strip_prefix(kind)?
        .strip_prefix('-')?
        .strip_suffix(".ponder")?;
    digits.parse().ok().filter(|number| *number > 0)
}

/// What was found.
#[derive(Debug, Default)]
pub(crate) struct Found {
    pub(crate) kept: Kept,
    /// Number of the newest pair; 0 when there is none.
    pub(crate) number: u64,
    /// Bytes at the end of its journal that a crash left.
    pub(crate) torn: usize,
    /// Length of its journal without them.
    pub(crate) length: usize,
    /// Length of all journals since the snapshot.
    pub(crate) replayed: usize,
    pub(crate) snapshot_length: usize,
    /// Number of each journal, and generation before its first record.
    pub(crate) journals: Vec<(u64, u64)>,
    /// Numbers of the snapshots.
    pub(crate) snapshots: Vec<u64>,
    /// Highest number of any file.
    pub(crate) last_number: u64,
    /// The snapshot is that of an earlier version.
    pub(crate) migrate: bool,
}

/// Numbers of the snapshots and journals in a folder, in order.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Names {
    pub(crate) snapshots: Vec<u64>,
    pub(crate) journals: Vec<u64>,
    pub(crate) old_form: bool,
}

impl Names {
    fn last_number(&self) -> u64 {
        let last = self.snapshots.last().max(self.journals.last());
        last.copied().unwrap_or(0)
    }

    pub(crate) fn of(files: &mut dyn Files) -> Result<Names, StorageError> {
        let mut names = Names::default();
        let listed = files.list().map_err(|cause| unreadable(files, "", cause))?;
        for name in listed {
            names.snapshots.extend(number_of(SNAPSHOT, &name));
            names.journals.extend(number_of(JOURNAL, &name));
            names.old_form |= name == OLD_FORM;
        }
        names.snapshots.sort_unstable();
        names.journals.sort_unstable();
        Ok(names)
    }
}

fn unreadable(files: &dyn Files, name: &str, cause: io::Error) -> StorageError {
    StorageError::System {
        path: format!("{}/{name}", files.folder()),
        what: "read",
        cause,
    }
}

fn at_fault(files: &dyn Files, name: &str, fault: Fault) -> StorageError {
    let folder = files.folder();
    let path = format!("{folder}/{name}");
    match fault {
        Fault::Version(found) => StorageError::Version {
            path,
            found,
            known: format::VERSION,
        },
        Fault::Damaged { offset, reason } => StorageError::Damaged {
            path,
            offset,
            reason,
            folder,
        },
    }
}

fn read(files: &mut dyn Files, name: &str) -> Result<Vec<u8>, StorageError> {
    files.read(name).map_err(|cause| unreadable(files, name, cause))
}

/// Reads one snapshot; its length too.
pub(crate) fn read_snapshot(files: &mut dyn Files, name: &str) -> Result<(Snapshot, usize), StorageError> {
    let bytes = read(files, name)?;
    let snapshot = decode_snapshot(&bytes).map_err(|fault| at_fault(files, name, fault))?;
    Ok((snapshot, bytes.len()))
}

/// Reads one journal.
pub(crate) fn read_journal(files: &mut dyn Files, number: u64) -> Result<format::Journal, StorageError> {
    let name = file_name(JOURNAL, number);
    let bytes = read(files, &name)?;
    decode_journal(&bytes).map_err(|fault| at_fault(files, &name, fault))
}

/// Whether nothing was ever recorded in a journal that has no snapshot: a pair was begun that never came to be, or a crash
/// tore its first record. One that is damaged is not that: it held more than a first line.
fn is_unbegun(files: &mut dyn Files, number: u64) -> Result<bool, StorageError> {
    match read_journal(files, number) {
        Ok(journal) => Ok(journal.records.is_empty() && !matches!(journal.end, End::Damaged { .. })),
        Err(StorageError::Damaged { .. }) => {
            let length = read(files, &file_name(JOURNAL, number))?.len();
            Ok(length <= format::encode_journal_head(u64::MAX).len())
        }
        Err(other) => Err(other),
    }
}

/// Looks through a folder. Changes nothing in it.
pub(crate) fn look_through(files: &mut dyn Files) -> Result<Found, StorageError> {
    let names = Names::of(files)?;
    let Some((base, snapshot, snapshot_length)) = newest_good_snapshot(files, &names)? else {
        return without_snapshot(files, &names);
    };
    let last_snapshot = names.snapshots.last().copied().unwrap_or(base);
    let mut newest = last_snapshot;
    for number in names
        .journals
        .iter()
        .copied()
        .filter(|number| *number > last_snapshot)
    {
        // Its snapshot is not written yet, or never came to be; without records it is nothing at all.
        if !is_unbegun(files, number)? {
            newest = number;
        }
    }
    let mut found = Found {
        number: newest,
        snapshot_length,
        last_number: names.last_number(),
        snapshots: names.snapshots.clone(),
        ..Found::default()
    };
    let mut at = snapshot.generation;
    let mut after: Vec<Record> = Vec::new();
    // Where the last journal ends without being known to be whole.
    let mut doubt: Option<(u64, usize, String)> = None;
    let in_use = names
        .journals
        .iter()
        .copied()
        .filter(|number| *number >= base && *number <= found.number);
    let mut last = 0;
    for number in in_use {
        last = number;
        if !names.snapshots.contains(&number) && is_unbegun(files, number)? {
            found.journals.push((number, at));
            continue;
        }
        let journal = read_journal(files, number)?;
        // Commits that were refused because they could not be brought to disk may stand at the end of the journal before.
        while at > journal.base
            && after
                .last()
                .is_some_and(|record| record.generation() > journal.base)
        {
            if let Some(record) = after.pop() {
                at = record.change_set.base;
            }
        }
        if at != journal.base {
            let (number, offset, reason) = doubt.unwrap_or((
                number,
                0,
                format!(
                    "it begins after generation {}, but running is at {at}",
                    journal.base
                ),
            ));
            let name = file_name(JOURNAL, number);
            return Err(at_fault(files, &name, Fault::Damaged { offset, reason }));
        }
        found.journals.push((number, journal.base));
        found.length = journal.good_length;
        found.replayed += journal.good_length;
        found.torn = 0;
        doubt = match journal.end {
            End::Clean => None,
            End::Torn { bytes } => {
                found.torn = bytes;
                Some((number, journal.good_length, "its end is missing".to_owned()))
            }
            End::Damaged { reason } => Some((number, journal.good_length, reason)),
        };
        for (offset, record) in journal.records {
            if record.change_set.base != at {
                let reason = format!(
                    "the record changes generation {}, but running is at {at}",
                    record.change_set.base
                );
                let name = file_name(JOURNAL, number);
                return Err(at_fault(files, &name, Fault::Damaged { offset, reason }));
            }
            at = record.generation();
            after.push(record);
        }
    }
    if last != found.number {
        let name = file_name(JOURNAL, found.number);
        let reason = "it is missing".to_owned();
        return Err(at_fault(files, &name, Fault::Damaged { offset: 0, reason }));
    }
    if let Some((number, offset, reason)) = doubt.filter(|_| found.torn == 0) {
        let name = file_name(JOURNAL, number);
        return Err(at_fault(files, &name, Fault::Damaged { offset, reason }));
    }
    found.kept = Kept {
        before: history_before(files, &names, base, snapshot.generation, &mut found.journals),
        snapshot,
        after,
    };
    Ok(found)
}

fn newest_good_snapshot(
    files: &mut dyn Files,
    names: &Names,
) -> Result<Option<(u64, Snapshot, usize)>, StorageError> {
    let mut first_fault = None;
    for number in names.snapshots.iter().rev().copied() {
        let name = file_name(SNAPSHOT, number);
        match read_snapshot(files, &name) {
            Ok((snapshot, length)) => {
                if let Some(fault) = first_fault {
                    warn!(%fault, "running is read from the snapshot before it");
                }
                return Ok(Some((number, snapshot, length)));
            }
            Err(fault @ StorageError::Damaged { .. }) => {
                first_fault.get_or_insert(fault);
            }
            Err(other) => return Err(other),
        }
    }
    first_fault.map_or(Ok(None), Err)
}

/// Nothing was ever kept, or only by an earlier version.
fn without_snapshot(files: &mut dyn Files, names: &Names) -> Result<Found, StorageError> {
    for number in names.journals.iter().copied() {
        // One whose snapshot never came is the beginning of a first commit that was never acknowledged.
        if read_journal(files, number).is_ok_and(|journal| !journal.records.is_empty()) {
            let reason = format!("{} is missing", file_name(SNAPSHOT, number));
            let fault = Fault::Damaged { offset: 0, reason };
            return Err(at_fault(files, &file_name(JOURNAL, number), fault));
        }
    }
    if !names.old_form {
        return Ok(Found {
            last_number: names.last_number(),
            ..Found::default()
        });
    }
    let (snapshot, snapshot_length) = read_snapshot(files, OLD_FORM)?;
    Ok(Found {
        kept: Kept {
            snapshot,
            ..Kept::default()
        },
        snapshot_length,
        migrate: true,
        last_number: names.last_number(),
        ..Found::default()
    })
}

/// Commits before the snapshot, oldest first, as far back as they are whole and follow each other. They are history:
/// damage there stops nobody.
fn history_before(
    files: &mut dyn Files,
    names: &Names,
    base: u64,
    generation: u64,
    journals: &mut Vec<(u64, u64)>,
) -> Vec<Record> {
    let mut records: VecDeque<Record> = VecDeque::new();
    let mut at = generation;
    for number in names
        .journals
        .iter()
        .rev()
        .copied()
        .filter(|number| *number < base)
    {
        let journal = match read_journal(files, number) {
            Ok(journal) => journal,
            Err(_) if !names.snapshots.contains(&number) => {
                // Perhaps the beginning of a pair that never came to be; if it was more, the one before it tells.
                journals.insert(0, (number, at));
                continue;
            }
            Err(fault) => {
                warn!(%fault, "the history before it is lost");
                break;
            }
        };
        if journal.records.is_empty() && !names.snapshots.contains(&number) {
            // The same with a whole first line: commits may have gone on in the journal before it.
            journals.insert(0, (number, at));
            continue;
        }
        journals.insert(0, (number, journal.base));
        // What is beyond was refused because it could not be brought to disk.
        let from = at;
        let wanted = journal.records.into_iter().map(|(_, record)| record).rev();
        for record in wanted.skip_while(|record| record.generation() > from) {
            if record.generation() != at {
                break;
            }
            at = record.change_set.base;
            records.push_front(record);
        }
        if at != journal.base {
            warn!(
                file = file_name(JOURNAL, number),
                generation = at,
                "the history before this generation is lost"
            );
            break;
        }
    }
    records.into()
}
