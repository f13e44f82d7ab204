//! The trust record on disk: `trust-record.json` in the state folder, private, replaced whole, refused when it is not ours.

use std::path::PathBuf;

use zeroize::Zeroizing;

use crate::app::state_dir::{StateDir, StateDirError};
use crate::licensing::message::Udi;
use crate::licensing::trust::TrustRecord;

/// Name of the file in the state folder.
const FILE: &str = "trust-record.json";

/// Why the trust record cannot be used, in one line. It is never replaced by an empty one: that would give a
/// registration away because of a wrong flag or a damaged disk.
#[derive(Debug, thiserror::Error)]
pub enum TrustRecordError {
    /// It cannot be read or written.
    #[error(transparent)]
    StateDir(#[from] StateDirError),
    /// It is not what this program wrote. Says where, never what: the file holds a private key.
    #[error(
        "{path} is no trust record (line {line}, column {column}); restore it, or remove it to start unregistered"
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Where reading ended.
        line: usize,
        /// See above.
        column: usize,
    },
    /// A later version wrote it.
    #[error(
        "{path} has version {found}; this program reads version {}",
        TrustRecord::VERSION
    )]
    Version {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: u64,
    },
    /// Another chassis wrote it.
    #[error(
        "{path} belongs to the chassis {found}, and this is {ours}; start with that chassis, or remove the file to start \
         unregistered"
    )]
    Foreign {
        /// The file.
        path: PathBuf,
        /// Whose it is.
        found: String,
        /// Who reads it.
        ours: String,
    },
    /// It cannot be put into text, which is a defect of ours.
    #[error("the trust record cannot be written: {0}")]
    Unwritable(String),
}

/// Reads the record of this chassis; a new one when there is none.
pub fn load(state_dir: &StateDir, ours: &Udi) -> Result<TrustRecord, TrustRecordError> {
    let Some(text) = state_dir.read(FILE)?.map(Zeroizing::new) else {
        return Ok(TrustRecord::new(ours.clone()));
    };
    let path = state_dir.file(FILE);
    let damaged = |error: serde_json::Error| TrustRecordError::Damaged {
        path: path.clone(),
        line: error.line(),
        column: error.column(),
    };
    #[derive(serde::Deserialize)]
    struct Versioned {
        version: u64,
    }
    let Versioned { version } = serde_json::from_str(&text).map_err(damaged)?;
    if version != u64::from(TrustRecord::VERSION) {
        return Err(TrustRecordError::Version { path, found: version });
    }
    let record: TrustRecord = serde_json::from_str(&text).map_err(damaged)?;
    if record.udi != *ours {
        return Err(TrustRecordError::Foreign {
            path,
            found: record.udi.to_string(),
            ours: ours.to_string(),
        });
    }
    Ok(record)
}

/// Writes the record; it is on disk when this returns.
pub fn store(state_dir: &StateDir, record: &TrustRecord) -> Result<(), TrustRecordError> {
    let text = serde_json::to_vec_pretty(record)
        .map(Zeroizing::new)
        .map_err(|error| TrustRecordError::Unwritable(error.to_string()))?;
    Ok(state_dir.write(FILE, &text)?)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::licensing::secret::Secret;
    use crate::licensing::trust::{Attempt, Registration};

    fn udi(serial_number: &str) -> Udi {
        Udi {
            pid: "NCS1004".to_owned(),
            serial_number: serial_number.to_owned(),
            uuid: "default-sdr".to_owned(),
        }
    }

    fn registering() -> TrustRecord {
        let attempt = Attempt {
            token: Secret::new("a-token".to_owned()),
            force: false,
            key: Secret::new("a-key".to_owned()),
            started_at: "2021-06-21T12:40:52Z".parse().unwrap(),
        };
        TrustRecord {
            sequence: 7,
            registration: Registration::InProgress {
                attempt,
                previous: None,
            },
            ..TrustRecord::new(udi("CAT1"))
        }
    }

    #[test]
    fn what_is_stored_is_loaded_and_nobody_else_can_read_it() {
        let folder = tempfile::tempdir().unwrap();
        let state_dir = StateDir::open(folder.path()).unwrap();
        assert_eq!(
            load(&state_dir, &udi("CAT1")).unwrap(),
            TrustRecord::new(udi("CAT1"))
        );
        store(&state_dir, &registering()).unwrap();
        assert_eq!(load(&state_dir, &udi("CAT1")).unwrap(), registering());
        let mode = std::fs::metadata(state_dir.file(FILE))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_damaged_record_is_refused_in_one_line_that_tells_no_secret() {
        let folder = tempfile::tempdir().unwrap();
        let state_dir = StateDir::open(folder.path()).unwrap();
        store(&state_dir, &registering()).unwrap();
        let whole = state_dir.read(FILE).unwrap().unwrap();
        for damaged in [
            whole[..whole.len() / 2].to_owned(),
            whole.replace("\"in-progress\"", "\"a-token\""),
            whole.replace("\"key\"", "\"a-token\""),
            String::new(),
            "{}".to_owned(),
        ] {
            state_dir.write(FILE, damaged.as_bytes()).unwrap();
            let refused = load(&state_dir, &udi("CAT1")).unwrap_err().to_string();
            assert!(refused.contains("is no trust record (line "), "{refused}");
            assert!(
                !refused.contains("a-token") && !refused.contains('\n'),
                "{refused}"
            );
        }
    }

    #[test]
    fn a_record_of_another_version_or_chassis_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let state_dir = StateDir::open(folder.path()).unwrap();
        store(&state_dir, &registering()).unwrap();
        let refused = load(&state_dir, &udi("CAT2")).unwrap_err().to_string();
        assert!(
            refused.contains("belongs to the chassis PID:NCS1004,SN:CAT1, and this is PID:NCS1004,SN:CAT2"),
            "{refused}"
        );
        let later = state_dir
            .read(FILE)
            .unwrap()
            .unwrap()
            .replace("\"version\": 2", "\"version\": 3");
        state_dir.write(FILE, later.as_bytes()).unwrap();
        let refused = load(&state_dir, &udi("CAT1")).unwrap_err().to_string();
        assert!(
            refused.ends_with("has version 3; this program reads version 2"),
            "{refused}"
        );
    }
}
