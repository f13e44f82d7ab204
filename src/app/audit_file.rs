//! The file of the audit log: appended, private, set aside by size, and still there after a full disk.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// A file that lines are appended to. When it would grow beyond its bound it becomes `FILE.1`, that one `FILE.2` and so
/// on, and the oldest goes. When somebody else moved or removed it, it is made anew.
#[derive(Debug)]
pub struct AuditFile {
    path: PathBuf,
    max_bytes: u64,
    old_files: u32,
    open: Option<Open>,
}

#[derive(Debug)]
struct Open {
    file: File,
    /// Device and inode, to see whether the file is still the one of that name.
    identity: (u64, u64),
    length: u64,
}

impl AuditFile {
    /// Opens it, or makes it.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn open(path: &Path, max_bytes: u64, old_files: u32) -> io::Result<AuditFile> {
        Ok(AuditFile {
            path: path.to_owned(),
            max_bytes,
            old_files,
            open: Some(Open::at(path)?),
        })
    }

    /// Appends whole lines, each with its line end; after an error none of them is in the file, as far as the disk lets
    /// itself be told.
    ///
    /// # Errors
    /// When they cannot be written; the next call tries again.
    pub fn append(&mut self, lines: &str) -> io::Result<()> {
        let added = lines.len() as u64;
        let mut open = match self.open.take().filter(|open| open.is_at(&self.path)) {
            Some(open) => open,
            None => Open::at(&self.path)?,
        };
        if open.length > 0 && open.length + added > self.max_bytes {
            open.file.sync_data()?;
            drop(open);
            self.set_aside()?;
            open = Open::at(&self.path)?;
        }
        if let Err(error) = open.file.write_all(lines.as_bytes()) {
            // Half a line would spoil the one behind it.
            let _ = open.file.set_len(open.length);
            return Err(error);
        }
        open.length += added;
        self.open = Some(open);
        Ok(())
    }

    /// Waits until all of it is on disk.
    ///
    /// # Errors
    /// What the disk says.
    pub fn sync(&self) -> io::Result<()> {
        match &self.open {
            Some(open) => open.file.sync_data(),
            None => Ok(()),
        }
    }

    fn set_aside(&self) -> io::Result<()> {
        if self.old_files == 0 {
            return fs::remove_file(&self.path);
        }
        for number in (1..self.old_files).rev() {
            match fs::rename(self.old(number), self.old(number + 1)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        fs::rename(&self.path, self.old(1))
    }

    fn old(&self, number: u32) -> PathBuf {
        let mut name = self.path.clone().into_os_string();
        name.push(format!(".{number}"));
        name.into()
    }
}

impl Open {
    fn at(path: &Path) -> io::Result<Open> {
        let file = OpenOptions::new()
            .append(true)
            .create(true)
            .mode(0o600)
            .open(path)?;
        let found = file.metadata()?;
        if found.is_file() && found.permissions().mode() & 0o077 != 0 {
            file.set_permissions(Permissions::from_mode(0o600))?;
        }
        Ok(Open {
            identity: (found.dev(), found.ino()),
            length: found.len(),
            file,
        })
    }

    fn is_at(&self, path: &Path) -> bool {
        fs::metadata(path).is_ok_and(|found| (found.dev(), found.ino()) == self.identity)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(path: &Path) -> String {
        fs::read_to_string(path).unwrap()
    }

    #[test]
    fn it_is_private_and_appended_over_restarts() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("audit.log");
        fs::write(&path, "old\n").unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
        for line in ["one\n", "two\n"] {
            AuditFile::open(&path, 1_000, 1).unwrap().append(line).unwrap();
        }
        assert_eq!(text(&path), "old\none\ntwo\n");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn files_that_are_set_aside_are_bounded_in_size_and_number() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("audit.log");
        let mut file = AuditFile::open(&path, 10, 2).unwrap();
        for number in 0..8 {
            file.append(&format!("line{number}\n")).unwrap();
        }
        let mut names: Vec<String> = fs::read_dir(folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        assert_eq!(names, ["audit.log", "audit.log.1", "audit.log.2"]);
        assert_eq!(text(&path), "line7\n");
        assert_eq!(text(&folder.path().join("audit.log.2")), "line5\n");
        let mut alone = AuditFile::open(&path, 10, 0).unwrap();
        alone.append("line8\n").unwrap();
        assert_eq!(text(&path), "line8\n");
    }

    #[test]
    fn a_file_that_was_moved_away_is_made_anew() {
        let folder = tempfile::tempdir().unwrap();
        let (path, moved) = (folder.path().join("audit.log"), folder.path().join("moved"));
        let mut file = AuditFile::open(&path, 1_000, 1).unwrap();
        file.append("one\n").unwrap();
        fs::rename(&path, &moved).unwrap();
        file.append("two\n").unwrap();
        assert_eq!((text(&moved).as_str(), text(&path).as_str()), ("one\n", "two\n"));
    }

    #[test]
    fn after_a_full_disk_it_goes_on() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("audit.log");
        std::os::unix::fs::symlink("/dev/full", &path).unwrap();
        let mut file = AuditFile::open(&path, 1_000, 1).unwrap();
        let error = file.append("one\n").unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
        fs::remove_file(&path).unwrap();
        file.append("two\n").unwrap();
        assert_eq!(text(&path), "two\n");
    }
}
