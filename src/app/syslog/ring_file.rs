//! A ring on disk: records are appended, the file is rewritten when it has grown to twice the ring, damage costs only itself.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::app::syslog::ring::Numbered;
use crate::state_dir::{StateDir, StateDirError};

/// First line of the file: what it is, and the version of its format.
const HEADER: &str = "ponder-ring 1";

/// Hexadecimal digits of a record's checksum.
const CHECKSUM: usize = 16;

/// The file, private (0600). Line 1 is the header; every other line is a record: a checksum of what follows (the
/// beginning of its SHA-256), the number, and the entry as JSON.
#[derive(Debug)]
pub struct RingFile {
    state_dir: Arc<StateDir>,
    name: &'static str,
    capacity: usize,
    /// Where records are appended; `None` when the file has to be written whole first.
    open: Option<File>,
    /// Records in the file.
    records: usize,
}

/// What a file held.
#[derive(Debug)]
pub struct Opened<T> {
    /// The file.
    pub file: RingFile,
    /// Its entries, oldest first.
    pub entries: Vec<(u64, T)>,
    /// What was lost, in words.
    pub loss: Option<String>,
}

impl RingFile {
    /// Opens a file of the state folder for a ring of `capacity` entries. It never fails: a log that cannot be read is
    /// told of and begun anew.
    pub fn open<T: DeserializeOwned>(
        state_dir: &Arc<StateDir>,
        name: &'static str,
        capacity: usize,
    ) -> Opened<T> {
        let mut file = RingFile {
            state_dir: Arc::clone(state_dir),
            name,
            capacity: capacity.max(1),
            open: None,
            records: 0,
        };
        let path = state_dir.file(name);
        let (entries, loss) = match fs::read(&path) {
            Ok(content) => read(&content).unwrap_or_else(|reason| {
                let aside = state_dir.file(&format!("{name}.set-aside"));
                let moved = match fs::rename(&path, &aside) {
                    Ok(()) => format!("it is kept as {}", aside.display()),
                    Err(error) => format!("it cannot be moved to {}: {error}", aside.display()),
                };
                (Vec::new(), Some(format!("{reason}; {moved}")))
            }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => (Vec::new(), None),
            Err(error) => (Vec::new(), Some(format!("it cannot be read: {error}"))),
        };
        let loss = loss.map(|loss| format!("{}: {loss}", path.display()));
        if loss.is_none() && !entries.is_empty() {
            file.records = entries.len();
            file.open = append_to(&path).ok();
        }
        Opened { file, entries, loss }
    }

    /// Writes new entries down; they are on disk when this returns. `all` is the whole ring, the new ones included, for
    /// when the file is to be rewritten.
    pub fn write<T: Serialize>(
        &mut self,
        new: &[Numbered<T>],
        all: impl FnOnce() -> Vec<Numbered<T>>,
    ) -> Result<(), StateDirError> {
        let full = self.records + new.len() > self.capacity.saturating_mul(2);
        // After a failure the file may end in half a record: it is written whole.
        if let Some(mut file) = self.open.take_if(|_| !full) {
            let unusable = |cause| StateDirError::Unusable {
                path: self.state_dir.file(self.name),
                cause,
            };
            let text = text(new.iter()).map_err(unusable)?;
            file.write_all(&text)
                .and_then(|()| file.sync_data())
                .map_err(unusable)?;
            self.records += new.len();
            self.open = Some(file);
            return Ok(());
        }
        self.open = None;
        let all = all();
        let mut content = format!("{HEADER}\n").into_bytes();
        let unusable = |cause| StateDirError::Unusable {
            path: self.state_dir.file(self.name),
            cause,
        };
        content.extend(text(all.iter()).map_err(unusable)?);
        self.state_dir.write(self.name, &content)?;
        self.records = all.len();
        self.open = Some(append_to(&self.state_dir.file(self.name)).map_err(unusable)?);
        Ok(())
    }
}

fn append_to(path: &std::path::Path) -> io::Result<File> {
    OpenOptions::new().append(true).mode(0o600).open(path)
}

fn text<'e, T: Serialize + 'e>(entries: impl Iterator<Item = &'e Numbered<T>>) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    for (number, entry) in entries {
        let record = format!("{number} {}", serde_json::to_string(entry.as_ref())?);
        writeln!(text, "{} {record}", checksum(record.as_bytes()))?;
    }
    Ok(text)
}

fn checksum(record: &[u8]) -> String {
    let digest = digest(&SHA256, record);
    digest
        .as_ref()
        .iter()
        .take(CHECKSUM / 2)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

type Found<T> = (Vec<(u64, T)>, Option<String>);

/// The entries and what is lost of them; an error when it is no file of ours.
fn read<T: DeserializeOwned>(content: &[u8]) -> Result<Found<T>, String> {
    let mut lines = content.split(|byte| *byte == b'\n');
    let header = lines.next().unwrap_or_default();
    if header != HEADER.as_bytes() {
        let found = String::from_utf8_lossy(header);
        return Err(match found.strip_prefix("ponder-ring ") {
            Some(version) => {
                format!("it has format {version:.20?}, and this version reads {HEADER:?}")
            }
            None => format!("it does not begin with {HEADER:?}"),
        });
    }
    let mut entries: Vec<(u64, T)> = Vec::new();
    let (mut damaged, mut torn) = (0_usize, false);
    let mut lines = lines.peekable();
    while let Some(line) = lines.next() {
        let is_tail = lines.peek().is_none();
        if is_tail && line.is_empty() {
            break;
        }
        match record(line) {
            // A whole record without its line end was cut off behind its last byte.
            Some((number, entry)) if entries.last().is_none_or(|(last, _)| *last < number) => {
                torn |= is_tail;
                entries.push((number, entry));
            }
            _ if is_tail => torn = true,
            _ => damaged += 1,
        }
    }
    let loss = match (damaged, torn) {
        (0, false) => None,
        (0, true) => Some("the last record was cut off".to_owned()),
        (1, false) => Some("one damaged record was dropped".to_owned()),
        (damaged, false) => Some(format!("{damaged} damaged records were dropped")),
        (damaged, true) => Some(format!(
            "the last record was cut off, and of the others {damaged} were damaged and dropped"
        )),
    };
    Ok((entries, loss))
}

fn record<T: DeserializeOwned>(line: &[u8]) -> Option<(u64, T)> {
    let (sum, record) = line.split_at_checked(CHECKSUM)?;
    let record = record.strip_prefix(b" ")?;
    if checksum(record).as_bytes() != sum {
        return None;
    }
    let (number, json) = std::str::from_utf8(record).ok()?.split_once(' ')?;
    Some((number.parse().ok()?, serde_json::from_str(json).ok()?))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::app::syslog::ring::Ring;

    const NAME: &str = "test.ring";

    struct Lab {
        _folder: tempfile::TempDir,
        state_dir: Arc<StateDir>,
    }

    impl Lab {
        fn new() -> Lab {
            let folder = tempfile::tempdir().unwrap();
            let state_dir = Arc::new(StateDir::open(folder.path()).unwrap());
            Lab {
                _folder: folder,
                state_dir,
            }
        }

        fn open(&self) -> Opened<String> {
            RingFile::open(&self.state_dir, NAME, 4)
        }

        /// Opens, adds so many entries one by one.
        fn add(&self, count: u64) {
            let mut opened = self.open();
            let mut ring = Ring::with(4, opened.entries);
            for _ in 0..count {
                let new = ring.push(|number| format!("entry {number}"));
                opened.file.write(&[new], || ring.entries()).unwrap();
            }
        }

        fn numbers(&self) -> Vec<u64> {
            self.open().entries.iter().map(|(number, _)| *number).collect()
        }

        fn content(&self) -> Vec<u8> {
            fs::read(self.state_dir.file(NAME)).unwrap()
        }

        fn replace(&self, content: &[u8]) {
            fs::write(self.state_dir.file(NAME), content).unwrap();
        }
    }

    #[test]
    fn entries_are_private_and_there_again_after_a_restart() {
        let lab = Lab::new();
        assert!(lab.open().entries.is_empty());
        lab.add(2);
        lab.add(1);
        let opened = lab.open();
        assert_eq!(opened.loss, None);
        assert_eq!(lab.numbers(), [1, 2, 3]);
        assert_eq!(opened.entries[2].1, "entry 3");
        let mode = fs::metadata(lab.state_dir.file(NAME))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn the_file_never_holds_more_than_twice_the_ring() {
        let lab = Lab::new();
        lab.add(100);
        let lines = lab.content().iter().filter(|byte| **byte == b'\n').count();
        assert!(lines <= 9, "{lines} lines");
        assert_eq!(lab.numbers().last(), Some(&100));
        let mut ring = Ring::with(4, lab.open().entries);
        assert_eq!(ring.entries().len(), 4);
        assert_eq!(ring.push(|_| String::new()).0, 101);
    }

    #[test]
    fn a_torn_tail_is_dropped_and_told_wherever_it_was_cut() {
        let lab = Lab::new();
        lab.add(3);
        let whole = lab.content();
        let last = whole[..whole.len() - 1]
            .iter()
            .rposition(|byte| *byte == b'\n')
            .unwrap()
            + 1;
        for cut in last + 1..whole.len() {
            lab.replace(&whole[..cut]);
            let opened = lab.open();
            let loss = opened.loss.unwrap();
            assert!(loss.ends_with("test.ring: the last record was cut off"), "{loss}");
            assert!(opened.entries.len() >= 2);
        }
        lab.replace(&whole[..last + 5]);
        lab.add(1);
        assert_eq!(lab.numbers(), [1, 2, 3]);
        assert_eq!(lab.open().loss, None);
    }

    #[test]
    fn damage_in_the_middle_costs_one_record() {
        let lab = Lab::new();
        lab.add(3);
        let text = String::from_utf8(lab.content()).unwrap();
        lab.replace(text.replace("entry 2", "entry X").as_bytes());
        let opened = lab.open();
        assert!(opened.loss.unwrap().ends_with("one damaged record was dropped"));
        assert_eq!(lab.numbers(), [1, 3]);
    }

    #[test]
    fn a_file_of_another_format_is_set_aside_and_told() {
        let lab = Lab::new();
        for (content, told) in [
            ("ponder-ring 2\nwhatever\n", "it has format \"2\""),
            ("something else", "does not begin with"),
            ("", "does not begin with"),
        ] {
            lab.replace(content.as_bytes());
            let opened = lab.open();
            let loss = opened.loss.unwrap();
            assert!(
                loss.contains(told) && loss.contains("test.ring.set-aside"),
                "{loss}"
            );
            assert!(opened.entries.is_empty());
            let aside = lab.state_dir.file("test.ring.set-aside");
            assert_eq!(fs::read_to_string(aside).unwrap(), content);
        }
        lab.add(1);
        assert_eq!(lab.numbers(), [1]);
    }

    #[test]
    fn after_a_failure_the_file_is_written_whole() {
        let lab = Lab::new();
        let mut opened = lab.open();
        let mut ring = Ring::with(4, opened.entries);
        let path = lab.state_dir.path().to_owned();
        let aside = path.with_extension("aside");
        let first = ring.push(|number| format!("entry {number}"));
        opened.file.write(&[first], || ring.entries()).unwrap();
        opened.file.open = None;
        fs::rename(&path, &aside).unwrap();
        let second = ring.push(|number| format!("entry {number}"));
        let refused = opened.file.write(&[second], || ring.entries()).unwrap_err();
        assert!(refused.to_string().contains("test.ring"), "{refused}");
        fs::rename(&aside, &path).unwrap();
        let third = ring.push(|number| format!("entry {number}"));
        opened.file.write(&[third], || ring.entries()).unwrap();
        assert_eq!(lab.numbers(), [1, 2, 3]);
    }
}
