//! The journal: one checked record a commit, brought to disk before it is acknowledged, and running whole from time to time.
//!
//! `snapshot-N.ponder` is running at some generation, `journal-N.ponder` the commits since. A later pair makes earlier
//! ones a reserve: the last two snapshots stay, and as many journals as the history needs.
//!
//! A snapshot that is due is written beside the commits: its journal is begun first, which takes the records from then on.
//! Until the snapshot is there, and where it never comes to be, a start goes from the one before it through both journals.
//!
//! Invariant: a record follows the last acknowledged one directly. Where a write failed, its beginning is cut off; where
//! bringing it to disk failed, nobody can know what the disk holds, and a new pair is begun before anything else.
//! Invariant: no journal goes that the older of the two snapshots needs.

use std::io;

use tracing::{info, warn};

use crate::datastore::history::REMEMBERED;
use crate::datastore::journal_format::{EncodeError, encode_journal_head, encode_record, encode_snapshot};
use crate::datastore::journal_load::{Found, JOURNAL, OLD_FORM, SNAPSHOT, file_name, look_through};
use crate::datastore::journal_record::{Record, Snapshot};
use crate::datastore::snapshot_writer::SnapshotWriter;
use crate::datastore::storage::{Files, Kept, SnapshotNeed, Storage, StorageError};

/// Keeps commits in a folder.
pub struct Journal {
    files: Box<dyn Files>,
    /// A snapshot is due when the records take more bytes than this, and more than the last snapshot.
    least_bytes: u64,
    /// Number of the pair that is written to; 0 when there is none.
    number: u64,
    /// Number of the newest pair that was begun, well or badly: a number is never used twice.
    last_number: u64,
    /// Length of its journal up to the last acknowledged record.
    length: u64,
    /// Length from which the next snapshot is due.
    due_at: u64,
    /// A new pair must be begun before anything is recorded.
    uncertain: bool,
    /// The snapshot that is being written beside the commits: its number, and the generation.
    beside: Option<(u64, u64)>,
    /// The journals that are kept, oldest first: number, and generation before the first record.
    kept: Vec<(u64, u64)>,
    /// Numbers of the snapshots that are kept, oldest first.
    snapshots: Vec<u64>,
    /// What the last record says of its confirmation: history must reach back to it.
    rollback_to: Option<u64>,
}

/// Unless told otherwise, a snapshot is due when records take this many bytes: replaying them takes a few tens of
/// milliseconds.
pub const LEAST_BYTES: u64 = 1 << 20;

impl Journal {
    /// In this folder.
    pub fn new(files: Box<dyn Files>) -> Journal {
        Journal::with_snapshot_every(files, LEAST_BYTES)
    }

    /// With a snapshot whenever records take more than so many bytes, and more than the last snapshot.
    pub fn with_snapshot_every(files: Box<dyn Files>, least_bytes: u64) -> Journal {
        Journal {
            files,
            least_bytes,
            number: 0,
            last_number: 0,
            length: 0,
            due_at: least_bytes,
            uncertain: true,
            beside: None,
            kept: Vec::new(),
            snapshots: Vec::new(),
            rollback_to: None,
        }
    }

    fn failed(&self, name: &str, what: &'static str, cause: io::Error) -> StorageError {
        StorageError::of(self.files.as_ref(), name, what, cause)
    }

    /// Makes a file with this content and brings it to disk.
    fn write_whole(&mut self, name: &str, content: &[u8]) -> Result<(), StorageError> {
        let written = self
            .files
            .create(name)
            .and_then(|()| self.files.append(name, content));
        written.map_err(|cause| self.failed(name, "written", cause))?;
        self.files
            .sync(name)
            .map_err(|cause| self.failed(name, "brought to disk", cause))
    }

    fn sync_folder(&mut self) -> Result<(), StorageError> {
        self.files
            .sync_folder()
            .map_err(|cause| self.failed("", "brought to disk", cause))
    }

    fn begin_pair(&mut self, snapshot: &Snapshot) -> Result<(), StorageError> {
        self.last_number += 1;
        let number = self.last_number;
        let (journal_name, snapshot_name) = (file_name(JOURNAL, number), file_name(SNAPSHOT, number));
        let content = encode_snapshot(snapshot)
            .map_err(|error| self.failed(&snapshot_name, "written", io::Error::other(error)))?;
        let head = encode_journal_head(snapshot.generation);
        // The journal first: a snapshot without one would be taken for the loss of acknowledged commits.
        let prepared = self
            .write_whole(&journal_name, &head)
            .and_then(|()| self.write_whole(FRESH, &content))
            .and_then(|()| self.sync_folder())
            .and_then(|()| {
                let renamed = self.files.rename(FRESH, &snapshot_name);
                renamed.map_err(|cause| self.failed(&snapshot_name, "written", cause))
            });
        if let Err(error) = prepared {
            // Best effort: what stays is no harm.
            let _ = self.files.remove(FRESH);
            let _ = self.files.remove(&journal_name);
            self.due_at = self.length + self.least_bytes;
            return Err(error);
        }
        // From here on the next start may find the new pair or the old one; nothing is recorded in the old one.
        self.uncertain = true;
        self.sync_folder()?;
        self.number = number;
        self.length = head.len() as u64;
        self.due_at = self.least_bytes.max(content.len() as u64);
        self.uncertain = false;
        self.kept.push((number, snapshot.generation));
        self.snapshots.push(number);
        self.forget_old(snapshot.generation);
        Ok(())
    }

    /// From here on records go to a journal of their own, after this generation. Its number.
    fn begin_journal(&mut self, generation: u64) -> Result<u64, StorageError> {
        self.last_number += 1;
        let number = self.last_number;
        let name = file_name(JOURNAL, number);
        let head = encode_journal_head(generation);
        if let Err(error) = self.write_whole(&name, &head).and_then(|()| self.sync_folder()) {
            // Best effort: one without records is no harm.
            let _ = self.files.remove(&name);
            self.due_at = self.length + self.least_bytes;
            return Err(error);
        }
        self.number = number;
        self.length = head.len() as u64;
        self.kept.push((number, generation));
        Ok(number)
    }

    /// Removes what neither the history nor a damaged snapshot needs. A file that stays is no harm.
    fn forget_old(&mut self, generation: u64) {
        let oldest = generation
            .saturating_sub(REMEMBERED as u64)
            .min(self.rollback_to.unwrap_or(u64::MAX));
        let old = self.snapshots.len().saturating_sub(2);
        let snapshots = self.snapshots.drain(..old);
        let mut names: Vec<String> = snapshots.map(|number| file_name(SNAPSHOT, number)).collect();
        // A journal is needed while the one after it begins too late for the history, and by the snapshots.
        let newer = self.kept.iter().skip(1).map(|(_, base)| *base);
        let unneeded = newer.take_while(|base| *base <= oldest).count();
        let first = self.snapshots.first().copied().unwrap_or(0);
        let unreserved = self.kept.iter().take_while(|(number, _)| *number < first);
        let drop = unneeded.min(unreserved.count());
        let journals = self
            .kept
            .drain(..drop)
            .map(|(number, _)| file_name(JOURNAL, number));
        names.extend(journals);
        names.push(OLD_FORM.to_owned());
        for name in names {
            match self.files.remove(&name) {
                Err(cause) if cause.kind() != io::ErrorKind::NotFound => {
                    warn!(file = name, %cause, "an old file of the journal cannot be removed");
                }
                _ => {}
            }
        }
    }

    fn append(&mut self, bytes: &[u8]) -> Result<(), StorageError> {
        let name = file_name(JOURNAL, self.number);
        if let Err(cause) = self.files.append(&name, bytes) {
            if let Err(second) = self.files.truncate(&name, self.length) {
                warn!(file = name, cause = %second, "what was written of a refused commit cannot be cut off");
                self.uncertain = true;
            }
            return Err(self.failed(&name, "written", cause));
        }
        if let Err(cause) = self.files.sync(&name) {
            self.uncertain = true;
            // Best effort, for a crash before the new pair: the commit was refused, it should not come back.
            let _ = self.files.truncate(&name, self.length);
            return Err(self.failed(&name, "brought to disk", cause));
        }
        self.length += bytes.len() as u64;
        Ok(())
    }
}

/// A snapshot that is being written.
const FRESH: &str = "snapshot.fresh";

impl Storage for Journal {
    fn load(&mut self) -> Result<Kept, StorageError> {
        let Found {
            kept,
            number,
            torn,
            length,
            replayed,
            snapshot_length,
            journals,
            snapshots,
            migrate,
            last_number,
        } = look_through(self.files.as_mut())?;
        self.number = number;
        self.length = length as u64;
        self.last_number = last_number;
        let earlier = replayed.saturating_sub(length) as u64;
        self.due_at = self
            .least_bytes
            .max(snapshot_length as u64)
            .saturating_sub(earlier);
        self.kept = journals;
        self.snapshots = snapshots;
        self.rollback_to = kept
            .after
            .last()
            .map_or(kept.snapshot.awaiting.as_ref(), |record| record.awaiting.as_ref())
            .map(|awaiting| awaiting.rollback_to);
        self.uncertain = self.kept.is_empty();
        if torn > 0 {
            let name = file_name(JOURNAL, number);
            warn!(
                file = name,
                bytes = torn,
                offset = length,
                "the journal ends in the middle of a record that nobody was told is kept: it is cut off"
            );
            self.files
                .truncate(&name, self.length)
                .and_then(|()| self.files.sync(&name))
                .map_err(|cause| self.failed(&name, "written", cause))?;
        }
        if migrate {
            self.begin_pair(&kept.snapshot)?;
            info!(
                file = OLD_FORM,
                generation = kept.snapshot.generation,
                "running was moved from the file of an earlier version into a journal"
            );
        }
        Ok(kept)
    }

    fn record(&mut self, records: &[&Record]) -> Result<(), StorageError> {
        let name = file_name(JOURNAL, self.number);
        if self.uncertain {
            let cause = io::Error::other("running must be written whole first");
            return Err(self.failed(&name, "written", cause));
        }
        let mut bytes = Vec::new();
        for record in records {
            let record = encode_record(record).map_err(|error| match error {
                EncodeError::TooLong(_) => self.failed(&name, "written", io::Error::other(error)),
                EncodeError::Json(error) => self.failed(&name, "written", error.into()),
            })?;
            if bytes.is_empty() {
                bytes = record;
            } else {
                bytes.extend_from_slice(&record);
            }
        }
        self.append(&bytes)?;
        if let Some(record) = records.last() {
            self.rollback_to = record.awaiting.as_ref().map(|awaiting| awaiting.rollback_to);
        }
        Ok(())
    }

    fn snapshot_need(&self) -> SnapshotNeed {
        if self.uncertain {
            SnapshotNeed::First
        } else if self.beside.is_none() && self.length > self.due_at {
            SnapshotNeed::Due
        } else {
            SnapshotNeed::None
        }
    }

    fn snapshot(&mut self, snapshot: &Snapshot) -> Result<(), StorageError> {
        self.begin_pair(snapshot)
    }

    fn begin_snapshot(&mut self, generation: u64) -> Result<Option<SnapshotWriter>, StorageError> {
        let number = self.begin_journal(generation)?;
        self.beside = Some((number, generation));
        Ok(Some(SnapshotWriter::new(self.files.another(), number)))
    }

    fn end_snapshot(&mut self, written: Result<usize, &StorageError>) {
        let Some((number, generation)) = self.beside.take() else {
            return;
        };
        match written {
            Ok(length) => {
                self.due_at = self.least_bytes.max(length as u64);
                self.snapshots.push(number);
                // A pair may have been begun meanwhile, after a failed sync.
                self.snapshots.sort_unstable();
                self.forget_old(generation);
            }
            Err(_) => self.due_at = self.length + self.least_bytes,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;
    use std::path::Path;
    use std::sync::Arc;

    use super::*;
    use crate::datastore::change_set::{Change, ChangeSet};
    use crate::datastore::history::Author;
    use crate::datastore::simulated_disk::{Fault, Left, SimulatedDisk};
    use crate::datastore::storage::FolderFiles;
    use crate::yang::path::InstancePath;

    fn author() -> Author {
        Author {
            user: "anna".to_owned(),
            session_id: 4,
            timestamp: "2026-11-24T10:00:00Z".parse().unwrap(),
            label: Some("evening".to_owned()),
            comment: Some("two\nlines".to_owned()),
        }
    }

    fn record(base: u64) -> Record {
        Record {
            author: author(),
            change_set: Arc::new(ChangeSet {
                base,
                result: Some(base + 1),
                changes: vec![Change::Set {
                    path: InstancePath::parse("/m:a").unwrap(),
                    old: "é".repeat(20),
                    new: base.to_string(),
                }],
            }),
            awaiting: None,
        }
    }

    fn snapshot(generation: u64) -> Snapshot {
        Snapshot {
            generation,
            author: Some(author()),
            awaiting: None,
            configuration: format!("<a xmlns=\"urn:a\">{generation}</a>\n<b/>"),
        }
    }

    /// Loads, then commits from the generation that is reached up to another one.
    fn commit_up_to(journal: &mut Journal, last: u64) {
        let kept = journal.load().unwrap();
        let reached = kept
            .after
            .last()
            .map_or(kept.snapshot.generation, Record::generation);
        for base in reached..last {
            if journal.snapshot_need() != SnapshotNeed::None {
                journal.snapshot(&snapshot(base)).unwrap();
            }
            journal.record(&[&record(base)]).unwrap();
        }
    }

    fn generations(kept: &Kept) -> (Option<u64>, u64, u64) {
        let first = kept.before.first().map(|record| record.change_set.base);
        let last = kept
            .after
            .last()
            .map_or(kept.snapshot.generation, Record::generation);
        (first, kept.snapshot.generation, last)
    }

    fn in_folder(folder: &Path) -> Journal {
        Journal::new(Box::new(FolderFiles::new(folder)))
    }

    fn on(disk: &SimulatedDisk) -> Journal {
        Journal::new(Box::new(disk.clone()))
    }

    /// A file with this content.
    fn put(disk: &SimulatedDisk, name: &str, bytes: &[u8]) {
        let mut files = disk.clone();
        files.create(name).unwrap();
        files.append(name, bytes).unwrap();
    }

    #[test]
    fn what_was_recorded_is_read_back_and_private() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(in_folder(folder.path()).load().unwrap(), Kept::default());
        assert_eq!(
            fs::read_dir(folder.path()).unwrap().count(),
            0,
            "nothing is kept before the first commit"
        );
        commit_up_to(&mut in_folder(folder.path()), 2);
        commit_up_to(&mut in_folder(folder.path()), 3);
        let kept = in_folder(folder.path()).load().unwrap();
        assert_eq!(kept.after, [record(0), record(1), record(2)]);
        for file in fs::read_dir(folder.path()).unwrap() {
            let rights = file.unwrap().metadata().unwrap().permissions();
            assert_eq!(rights.mode() & 0o777, 0o600);
        }
    }

    #[test]
    fn history_of_a_hundred_commits_survives_snapshots_and_no_file_stays_for_ever() {
        let disk = SimulatedDisk::new();
        let mut journal = Journal::with_snapshot_every(Box::new(disk.clone()), 2000);
        commit_up_to(&mut journal, 1000);
        let kept = journal.load().unwrap();
        let (first, at, last) = generations(&kept);
        assert_eq!(last, 1000);
        assert!(
            first.unwrap() <= 900 && first.unwrap() > 880 && at > 990,
            "{first:?} {at}"
        );
        let names = disk.clone().list().unwrap();
        assert!(names.len() < 30, "{names:?}");
        let snapshots = names.iter().filter(|name| name.starts_with(SNAPSHOT));
        assert_eq!(snapshots.count(), 2);
    }

    /// What was acknowledged after a journal was begun and before its snapshot is there is damaged: nothing is lost silently.
    #[test]
    fn damage_to_a_journal_that_has_no_snapshot_yet_is_told() {
        let disk = SimulatedDisk::new();
        let mut journal = on(&disk);
        commit_up_to(&mut journal, 3);
        let writer = journal.begin_snapshot(3).unwrap().unwrap();
        let name = file_name(JOURNAL, 2);
        let head = disk.clone().read(&name).unwrap();
        let mut after = on(&disk.restart(Left::Nothing));
        assert_eq!(
            generations(&after.load().unwrap()),
            (None, 0, 3),
            "nothing is in it"
        );
        journal.record(&[&record(3)]).unwrap();
        journal.record(&[&record(4)]).unwrap();
        let whole = disk.clone().read(&name).unwrap();
        for at in [0, head.len() - 2, head.len() + 50] {
            let mut bytes = whole.clone();
            bytes[at] ^= 0x20;
            put(&disk, &name, &bytes);
            assert!(
                matches!(on(&disk).load(), Err(StorageError::Damaged { path, .. }) if path.ends_with(&name)),
                "{at}"
            );
        }
        put(&disk, &name, &whole);
        assert_eq!(generations(&on(&disk).load().unwrap()), (None, 0, 5));
        let written = writer.write(&snapshot(3));
        journal.end_snapshot(written.as_ref().copied());
        assert_eq!(generations(&on(&disk).load().unwrap()), (Some(0), 3, 5));
    }

    #[test]
    fn snapshots_beside_commits_that_never_come_to_be_cost_no_commit_and_no_file() {
        let disk = SimulatedDisk::new();
        let mut journal = Journal::with_snapshot_every(Box::new(disk.clone()), 2000);
        commit_up_to(&mut journal, 1);
        let (mut begun, mut failed) = (0, 0);
        for base in 1..400 {
            if journal.snapshot_need() == SnapshotNeed::Due {
                let writer = journal.begin_snapshot(base).unwrap().unwrap();
                begun += 1;
                // Three out of four fail.
                if begun % 4 != 0 {
                    disk.fail(disk.operations() + begun % 4, 1, Fault::NoRoom);
                    failed += 1;
                }
                let written = writer.write(&snapshot(base));
                journal.end_snapshot(written.as_ref().copied());
                disk.heal();
            }
            journal.record(&[&record(base)]).unwrap();
            let mut after = Journal::new(Box::new(disk.restart(Left::Nothing)));
            let kept = after.load().unwrap();
            let (first, _, last) = generations(&kept);
            assert_eq!(last, base + 1);
            let history = kept.before.len() + kept.after.len();
            assert!(history as u64 >= last.min(100), "{first:?} {history}");
        }
        assert!(failed > 10, "{failed}");
        let names = disk.clone().list().unwrap();
        assert!(names.len() < 50, "{names:?}");
        let snapshots = names.iter().filter(|name| name.starts_with(SNAPSHOT));
        assert!(snapshots.count() <= 3, "{names:?}");
    }

    #[test]
    fn a_damaged_snapshot_is_made_up_for_by_the_one_before_it() {
        let disk = SimulatedDisk::new();
        let mut journal = Journal::with_snapshot_every(Box::new(disk.clone()), 2000);
        commit_up_to(&mut journal, 50);
        let mut files = disk.clone();
        let newest = files
            .list()
            .unwrap()
            .into_iter()
            .rfind(|name| name.starts_with(SNAPSHOT));
        let newest = newest.unwrap();
        files.truncate(&newest, 60).unwrap();
        let kept = journal.load().unwrap();
        assert_eq!(generations(&kept).2, 50);
        commit_up_to(&mut journal, 60);
        assert_eq!(generations(&journal.load().unwrap()).2, 60);
    }

    #[test]
    fn the_file_of_an_earlier_version_becomes_a_journal() {
        let folder = tempfile::tempdir().unwrap();
        let old = String::from_utf8(encode_snapshot(&snapshot(7)).unwrap())
            .unwrap()
            .replacen("ponder-snapshot", "ponder-running", 1);
        fs::write(folder.path().join(OLD_FORM), old).unwrap();
        let kept = in_folder(folder.path()).load().unwrap();
        assert_eq!(kept.snapshot, snapshot(7));
        assert!(!folder.path().join(OLD_FORM).exists());
        commit_up_to(&mut in_folder(folder.path()), 9);
        assert_eq!(
            generations(&in_folder(folder.path()).load().unwrap()),
            (None, 7, 9)
        );
    }

    #[test]
    fn a_newer_version_is_refused_by_its_number() {
        for (kind, other) in [(JOURNAL, "ponder-journal 2"), (SNAPSHOT, "ponder-snapshot 2")] {
            let folder = tempfile::tempdir().unwrap();
            commit_up_to(&mut in_folder(folder.path()), 1);
            let path = folder.path().join(file_name(kind, 1));
            let mut bytes = fs::read(&path).unwrap();
            bytes.splice(..other.len(), other.bytes());
            fs::write(&path, bytes).unwrap();
            let error = in_folder(folder.path()).load().unwrap_err().to_string();
            assert!(
                error.ends_with("has format version 2, this version of ponder reads 1"),
                "{error}"
            );
        }
    }

    #[test]
    fn a_journal_cut_anywhere_gives_the_commits_before_the_cut() {
        let disk = SimulatedDisk::new();
        let name = file_name(JOURNAL, 1);
        commit_up_to(&mut on(&disk), 3);
        let whole = disk.clone().read(&name).unwrap();
        let head = encode_journal_head(0).len();
        let mut seen = Vec::new();
        for cut in (head..=whole.len()).rev() {
            put(&disk, &name, &whole[..cut]);
            let last = generations(&on(&disk).load().unwrap()).2;
            // What was torn is gone: the next commit follows the last good one.
            commit_up_to(&mut on(&disk), last + 1);
            assert_eq!(generations(&on(&disk).load().unwrap()).2, last + 1);
            seen.push(last);
        }
        seen.dedup();
        assert_eq!(seen, [3, 2, 1, 0]);
        for cut in 0..head {
            put(&disk, &name, &whole[..cut]);
            assert!(matches!(
                on(&disk).load(),
                Err(StorageError::Damaged { offset: 0, .. })
            ));
        }
    }

    #[test]
    fn a_changed_byte_anywhere_is_told_with_its_place_and_the_way_out() {
        let disk = SimulatedDisk::new();
        let name = file_name(JOURNAL, 1);
        commit_up_to(&mut on(&disk), 3);
        let whole = disk.clone().read(&name).unwrap();
        let (mut refused, mut torn) = (0, 0);
        for at in 0..whole.len() {
            let mut bytes = whole.clone();
            bytes[at] ^= 0x20;
            put(&disk, &name, &bytes);
            match on(&disk).load() {
                Err(StorageError::Damaged { .. }) => refused += 1,
                Err(StorageError::Version { .. }) => {}
                Err(error) => panic!("{at}: {error}"),
                // In the length of the last record it cannot be told from a torn one.
                Ok(kept) => {
                    assert_eq!(generations(&kept).2, 2, "{at}");
                    torn += 1;
                }
            }
        }
        assert!(refused > whole.len() - 10 && torn <= 4, "{refused} {torn}");
        let mut bytes = whole.clone();
        bytes[whole.len() / 2] ^= 1;
        put(&disk, &name, &bytes);
        let error = on(&disk).load().unwrap_err().to_string();
        assert!(
            error.starts_with("simulated/journal-00000001.ponder is damaged at byte "),
            "{error}"
        );
        assert!(
            error.contains("`ponder journal repair --state-dir simulated`"),
            "{error}"
        );
    }

    #[test]
    fn after_a_failed_sync_running_is_written_whole_before_anything_is_recorded() {
        let disk = SimulatedDisk::new();
        let mut journal = Journal::new(Box::new(disk.clone()));
        commit_up_to(&mut journal, 2);
        disk.fail(disk.operations() + 1, 1, Fault::Broken);
        let error = journal.record(&[&record(2)]).unwrap_err().to_string();
        assert!(error.contains("cannot be brought to disk"), "{error}");
        assert_eq!(journal.snapshot_need(), SnapshotNeed::First);
        assert!(journal.record(&[&record(2)]).is_err());
        journal.snapshot(&snapshot(2)).unwrap();
        journal.record(&[&record(2)]).unwrap();
        let mut after = Journal::new(Box::new(disk.restart(Left::Nothing)));
        let kept = after.load().unwrap();
        assert_eq!(generations(&kept), (Some(0), 2, 3));
        assert_eq!(disk.clone().list().unwrap().len(), 4);
    }
}
