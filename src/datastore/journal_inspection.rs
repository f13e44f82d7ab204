//! Looking at a folder of snapshots and journals from outside, and saving what can be saved of a damaged one.

use std::io;

use crate::datastore::journal_format::{
    End, decode_journal, decode_snapshot, encode_journal_head, encode_snapshot,
};
use crate::datastore::journal_load::{
    JOURNAL, Names, OLD_FORM, SNAPSHOT, file_name, look_through, number_of, read_journal, read_snapshot,
};
use crate::datastore::journal_record::{Record, Snapshot};
use crate::datastore::storage::{Files, StorageError};

/// What a folder holds.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Inspection {
    /// Generation of running.
    pub generation: u64,
    /// The newest good snapshot.
    pub snapshot: Snapshot,
    /// Commits, oldest first, before the snapshot and since.
    pub records: Vec<Record>,
    /// How many of them are since the snapshot.
    pub since_snapshot: usize,
    /// Bytes of a record that a crash tore; the next start cuts them off.
    pub torn: usize,
}

/// Reads a folder as a start would. Changes nothing.
pub fn inspect(files: &mut dyn Files) -> Result<Inspection, StorageError> {
    let found = look_through(files)?;
    let kept = found.kept;
    let generation = kept
        .after
        .last()
        .map_or(kept.snapshot.generation, Record::generation);
    let since_snapshot = kept.after.len();
    let mut records = kept.before;
    records.extend(kept.after);
    Ok(Inspection {
        generation,
        snapshot: kept.snapshot,
        records,
        since_snapshot,
        torn: found.torn,
    })
}

/// One file and what is said of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Verdict {
    /// Its name.
    pub file: String,
    /// In words.
    pub text: String,
    /// Whether it is whole, or only torn as a crash tears.
    pub good: bool,
}

/// Reads every file by itself.
pub fn verify(files: &mut dyn Files) -> Result<Vec<Verdict>, StorageError> {
    let names = Names::of(files)?;
    let mut verdicts = Vec::new();
    let snapshots = names.snapshots.iter().map(|number| file_name(SNAPSHOT, *number));
    for file in snapshots.chain(names.old_form.then(|| OLD_FORM.to_owned())) {
        verdicts.push(match read_snapshot(files, &file) {
            Ok((snapshot, length)) => Verdict {
                text: format!(
                    "good: running of generation {}, {length} bytes",
                    snapshot.generation
                ),
                good: true,
                file,
            },
            Err(fault) => bad(file, &fault),
        });
    }
    for number in names.journals {
        let file = file_name(JOURNAL, number);
        verdicts.push(match read_journal(files, number) {
            Ok(journal) => {
                let last = journal.records.last();
                let last = last.map_or(journal.base, |(_, record)| record.generation());
                let told = format!(
                    "{} commits, generation {} to {last}, {} bytes",
                    journal.records.len(),
                    journal.base,
                    journal.good_length
                );
                match journal.end {
                    End::Clean => Verdict {
                        text: format!("good: {told}"),
                        good: true,
                        file,
                    },
                    End::Torn { bytes } => Verdict {
                        text: format!(
                            "good: {told}; then {bytes} bytes of a record that a crash tore, which a start cuts off"
                        ),
                        good: true,
                        file,
                    },
                    End::Damaged { reason } => Verdict {
                        text: format!("damaged at byte {}: {reason}; before it {told}", journal.good_length),
                        good: false,
                        file,
                    },
                }
            }
            Err(fault) => bad(file, &fault),
        });
    }
    Ok(verdicts)
}

fn bad(file: String, fault: &StorageError) -> Verdict {
    let text = match fault {
        StorageError::Damaged { offset, reason, .. } => format!("damaged at byte {offset}: {reason}"),
        other => other.to_string(),
    };
    Verdict {
        file,
        text,
        good: false,
    }
}

/// What was done to one file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Repair {
    /// Its name.
    pub file: String,
    /// The copy of it as it was; none if it was missing.
    pub copy: Option<String>,
    /// In words.
    pub done: String,
}

/// Makes a folder readable again: a journal is cut where its damage begins and later ones are set aside, a damaged
/// snapshot is set aside if there is one before it. Every file that is changed is copied first; `tag` tells the copies
/// of one repair from those of another.
pub fn repair(files: &mut dyn Files, tag: &str) -> Result<Vec<Repair>, StorageError> {
    let mut repairs = Vec::new();
    // Each round removes one fault; there are not more faults than files.
    for _ in 0..1000 {
        let (name, offset) = match look_through(files) {
            Ok(_) => return Ok(repairs),
            Err(StorageError::Damaged { path, offset, .. }) => {
                let name = path.rsplit('/').next().unwrap_or_default().to_owned();
                (name, offset)
            }
            Err(other) => return Err(other),
        };
        let repaired = repair_one(files, &name, offset, tag).map_err(|cause| StorageError::System {
            path: format!("{}/{name}", files.folder()),
            what: "repaired",
            cause,
        })?;
        repairs.extend(repaired);
    }
    Ok(repairs)
}

fn repair_one(files: &mut dyn Files, name: &str, offset: usize, tag: &str) -> io::Result<Vec<Repair>> {
    let hopeless = || {
        io::Error::other(
            "no snapshot is good: restore a backup, or move the files away to start with an empty configuration",
        )
    };
    let number = number_of(JOURNAL, name).ok_or_else(hopeless)?;
    let names = Names::of(files).map_err(io::Error::other)?;
    let mut repairs = Vec::new();
    let bytes = match files.read(name) {
        Ok(bytes) => Some(bytes),
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => None,
        Err(cause) => return Err(cause),
    };
    let copy = bytes.as_ref().map(|_| format!("{name}.damaged-{tag}"));
    if let (Some(bytes), Some(copy)) = (&bytes, &copy) {
        files.create(copy)?;
        files.append(copy, bytes)?;
        files.sync(copy)?;
        files.sync_folder()?;
    }
    let mut note = |done: String| {
        repairs.push(Repair {
            file: name.to_owned(),
            copy: copy.clone(),
            done,
        });
    };
    let base = bytes
        .as_ref()
        .and_then(|bytes| decode_journal(bytes).ok())
        .map(|journal| journal.base);
    let snapshot_name = file_name(SNAPSHOT, number);
    let snapshot = files
        .read(&snapshot_name)
        .ok()
        .and_then(|bytes| decode_snapshot(&bytes).ok());
    let cut = offset > 0 && base.is_some();
    match (snapshot, base) {
        _ if cut => {
            files.truncate(name, offset as u64)?;
            files.sync(name)?;
            note(format!("cut at byte {offset}"));
        }
        (Some(snapshot), _) => {
            files.create(name)?;
            files.append(name, &encode_journal_head(snapshot.generation))?;
            files.sync(name)?;
            note(format!("begun anew after generation {}", snapshot.generation));
        }
        (None, Some(0)) if names.snapshots.is_empty() => {
            let content = encode_snapshot(&Snapshot::default()).map_err(io::Error::other)?;
            files.create(&snapshot_name)?;
            files.append(&snapshot_name, &content)?;
            files.sync(&snapshot_name)?;
            note(format!(
                "{snapshot_name}, which was missing, was made again: it is the empty configuration"
            ));
        }
        _ if names.snapshots.iter().any(|other| *other < number) => {
            files.remove(name).or_else(unless_missing)?;
            note("taken away".to_owned());
        }
        _ => return Err(hopeless()),
    }
    // Whatever was built on what is now gone goes aside with it.
    let aside = |other: &&u64| **other > number || (!cut && **other == number);
    let bad_snapshots = names
        .snapshots
        .iter()
        .filter(aside)
        .map(|other| file_name(SNAPSHOT, *other));
    let later_journals = names
        .journals
        .iter()
        .filter(|other| **other > number)
        .map(|other| file_name(JOURNAL, *other));
    for other in bad_snapshots.chain(later_journals) {
        if files
            .read(&other)
            .is_ok_and(|bytes| other.starts_with(SNAPSHOT) && decode_snapshot(&bytes).is_ok())
        {
            continue;
        }
        let copy = format!("{other}.damaged-{tag}");
        files.rename(&other, &copy)?;
        repairs.push(Repair {
            file: other,
            copy: Some(copy),
            done: "set aside".to_owned(),
        });
    }
    files.sync_folder()?;
    Ok(repairs)
}

fn unless_missing(cause: io::Error) -> io::Result<()> {
    if cause.kind() == io::ErrorKind::NotFound {
        Ok(())
    } else {
        Err(cause)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::datastore::change_set::{Change, ChangeSet};
    use crate::datastore::history::Author;
    use crate::datastore::journal::Journal;
    use crate::datastore::simulated_disk::{Left, SimulatedDisk};
    use crate::datastore::storage::{SnapshotNeed, Storage};
    use crate::yang::path::InstancePath;

    fn author() -> Author {
        Author {
            user: "anna".to_owned(),
            session_id: 4,
            timestamp: jiff::Timestamp::UNIX_EPOCH,
            label: None,
            comment: None,
        }
    }

    /// Commits up to this generation, with a snapshot now and then.
    fn commit(disk: &SimulatedDisk, count: u64) {
        let mut journal = Journal::with_snapshot_every(Box::new(disk.clone()), 1000);
        let kept = journal.load().unwrap();
        let reached = kept
            .after
            .last()
            .map_or(kept.snapshot.generation, Record::generation);
        for base in reached..reached + count {
            if journal.snapshot_need() != SnapshotNeed::None {
                journal
                    .snapshot(&Snapshot {
                        generation: base,
                        ..Snapshot::default()
                    })
                    .unwrap();
            }
            journal
                .record(&[&Record {
                    author: author(),
                    change_set: Arc::new(ChangeSet {
                        base,
                        result: Some(base + 1),
                        changes: vec![Change::Set {
                            path: InstancePath::parse("/m:a").unwrap(),
                            old: "x".repeat(40),
                            new: base.to_string(),
                        }],
                    }),
                    awaiting: None,
                }])
                .unwrap();
        }
    }

    fn put(disk: &SimulatedDisk, name: &str, bytes: &[u8]) {
        let mut files = disk.clone();
        files.create(name).unwrap();
        files.append(name, bytes).unwrap();
    }

    #[test]
    fn whatever_happens_to_one_file_is_repaired_keeps_a_copy_and_can_be_committed_to() {
        let disk = SimulatedDisk::new();
        commit(&disk, 20);
        let names = disk.clone().list().unwrap();
        assert!(names.len() >= 4, "{names:?}");
        let (mut refused, mut repaired) = (0, 0);
        for name in &names {
            let whole = disk.clone().read(name).unwrap();
            let mut flipped = whole.clone();
            flipped[whole.len() * 2 / 3] ^= 1;
            for damaged in [
                Some(Vec::new()),
                Some(vec![0; whole.len()]),
                Some(whole[..whole.len() / 2].to_vec()),
                Some(flipped),
                None,
            ] {
                let mut hurt = disk.restart(Left::Everything);
                match &damaged {
                    Some(bytes) => put(&hurt, name, bytes),
                    None => hurt.remove(name).unwrap(),
                }
                let what = format!("{name} with {:?} bytes", damaged.as_ref().map(Vec::len));
                let good = inspect(&mut hurt).is_ok();
                refused += u64::from(!good);
                let before = hurt.list().unwrap();
                let repairs = repair(&mut hurt, "tag").unwrap_or_else(|error| panic!("{what}: {error}"));
                assert_eq!(good, repairs.is_empty(), "{what}: {repairs:?}");
                repaired += repairs.len();
                for done in &repairs {
                    assert_eq!(
                        done.copy.is_some(),
                        before.contains(&done.file),
                        "{what}: {done:?}"
                    );
                    if let Some(copy) = &done.copy {
                        assert!(hurt.list().unwrap().contains(copy), "{what}: {done:?}");
                    }
                }
                let reached = inspect(&mut hurt).unwrap().generation;
                // A snapshot is made up for by the one before it and the commits since.
                assert!(!name.starts_with(SNAPSHOT) || reached == 20, "{what}: {reached}");
                commit(&hurt, 30);
                assert_eq!(inspect(&mut hurt).unwrap().generation, reached + 30, "{what}");
            }
        }
        assert!(refused >= 4 && repaired >= 4, "{refused} {repaired}");
    }

    #[test]
    fn verify_has_a_word_for_every_file() {
        let mut disk = SimulatedDisk::new();
        commit(&disk, 20);
        let verdicts = verify(&mut disk).unwrap();
        assert_eq!(verdicts.len(), disk.list().unwrap().len());
        assert!(verdicts.iter().all(|verdict| verdict.good), "{verdicts:?}");
        let journal = verdicts.last().unwrap().file.clone();
        let mut bytes = disk.read(&journal).unwrap();
        bytes.pop();
        put(&disk, &journal, &bytes);
        let torn = verify(&mut disk).unwrap().pop().unwrap();
        assert!(torn.good && torn.text.contains("a crash tore"), "{torn:?}");
        bytes.truncate(5);
        put(&disk, &journal, &bytes);
        let damaged = verify(&mut disk).unwrap().pop().unwrap();
        assert!(
            !damaged.good && damaged.text.starts_with("damaged at byte 0"),
            "{damaged:?}"
        );
    }

    #[test]
    fn a_folder_without_a_good_snapshot_is_beyond_repair_and_left_alone() {
        let mut disk = SimulatedDisk::new();
        put(&disk, OLD_FORM, b"ponder-running 1 5 00\nhello");
        let refused = repair(&mut disk, "tag").unwrap_err().to_string();
        assert!(refused.contains("no snapshot is good"), "{refused}");
        assert_eq!(disk.list().unwrap(), [OLD_FORM]);
    }
}
