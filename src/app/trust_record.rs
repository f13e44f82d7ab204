//! The trust record on disk: sealed, private, replaced whole, refused when it is not ours.

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde_json::Value;
use zeroize::Zeroizing;

use crate::app::seal::{FileSealKey, SealError, SealKey, Sealed};
use crate::licensing::event::Event;
use crate::licensing::message::Udi;
use crate::licensing::trust::{Doubt, Planned, Reservation, TrustRecord};
use crate::state_dir::{StateDir, StateDirError};

/// Name of the file in the state folder.
const FILE: &str = "trust-record.json";

/// Why the trust record cannot be used, in one line. It is never replaced by an empty one: that would give a
/// registration away because of a wrong flag or a damaged disk.
#[derive(Debug, thiserror::Error)]
pub enum TrustRecordError {
    /// It cannot be read or written.
    #[error(transparent)]
    StateDir(#[from] StateDirError),
    /// There is no key to seal it with.
    #[error(transparent)]
    SealKey(#[from] SealError),
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
    /// It is sealed, and the seal does not open.
    #[error("{path}: {cause}; restore it together with its key, or remove it to start unregistered")]
    Sealed {
        /// The file.
        path: PathBuf,
        /// Why it stays closed.
        cause: SealError,
    },
    /// It is sealed, and the key's file is not there.
    #[error(
        "{path} is sealed, and its key {key} is missing: restore the key, or remove {path} to start unregistered"
    )]
    KeyMissing {
        /// The file.
        path: PathBuf,
        /// Where the key should be.
        key: PathBuf,
    },
    /// A later version wrote it.
    #[error(
        "{path} has version {found}; this program reads up to version {}: start the version that wrote it, or remove the \
         file to start unregistered",
        TrustRecord::VERSION
    )]
    Version {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: u64,
    },
    /// It cannot be put into text, which is a defect of ours.
    #[error("the trust record cannot be written: {0}")]
    Unwritable(String),
}

/// Reads the key that seals the record, or makes it where nothing is sealed yet: a record whose key was lost is not
/// given up by a new one.
pub fn seal_key(state_dir: &StateDir, file: &Path) -> Result<FileSealKey, TrustRecordError> {
    if let Some(key) = FileSealKey::read(file)? {
        return Ok(key);
    }
    let written = state_dir.read(FILE)?.map(Zeroizing::new);
    if written.is_some_and(|text| matches!(sealed(&text), Ok(true))) {
        return Err(TrustRecordError::KeyMissing {
            path: state_dir.file(FILE),
            key: file.to_owned(),
        });
    }
    Ok(FileSealKey::make(file)?)
}

fn sealed(text: &str) -> Result<bool, serde_json::Error> {
    #[derive(serde::Deserialize)]
    struct Kind {
        sealed: Option<u32>,
    }
    Ok(serde_json::from_str::<Kind>(text)?.sealed.is_some())
}

/// A record that was read, and what the log should know about it.
#[derive(Debug)]
pub struct Loaded {
    /// The record of this chassis.
    pub record: TrustRecord,
    /// What was seen.
    pub found: Vec<Event>,
}

/// Reads the record of this chassis; a new one when there is none. One that lies there unsealed or in an older layout,
/// as earlier versions wrote it, is read all the same: the agent writes its record, sealed and in the layout of now,
/// before it does anything else.
///
/// The record of another chassis is put aside in a file with that chassis's name, from which it is taken again when the
/// folder comes back to it: an identity is for one chassis, and must not get lost because a disk was moved.
pub fn load(
    state_dir: &StateDir,
    seal: &dyn SealKey,
    ours: &Udi,
    now: Timestamp,
) -> Result<Loaded, TrustRecordError> {
    let Some(record) = read_file(state_dir, seal, FILE)? else {
        return Ok(Loaded {
            record: TrustRecord::new(ours.clone()),
            found: Vec::new(),
        });
    };
    if record.udi == *ours {
        return Ok(Loaded {
            record,
            found: Vec::new(),
        });
    }
    write_file(state_dir, seal, &aside(&record.udi), &record)?;
    let known = read_file(state_dir, seal, &aside(ours))?.filter(|known| known.udi == *ours);
    let moved = Event::ChassisChanged {
        from: record.udi.to_string(),
        to: ours.to_string(),
        known: known.is_some(),
    };
    let new = || TrustRecord {
        doubt: Some(Doubt::ChassisChanged {
            from: record.udi.clone(),
            since: now,
        }),
        ..TrustRecord::new(ours.clone())
    };
    Ok(Loaded {
        record: known.unwrap_or_else(new),
        found: vec![moved],
    })
}

/// Where the record of a chassis waits for its return.
fn aside(udi: &Udi) -> String {
    let plain = |text: &str| text.replace(|letter: char| !letter.is_ascii_alphanumeric(), "_");
    format!(
        "trust-record-{}-{}.json",
        plain(&udi.pid),
        plain(&udi.serial_number)
    )
}

fn read_file(
    state_dir: &StateDir,
    seal: &dyn SealKey,
    name: &str,
) -> Result<Option<TrustRecord>, TrustRecordError> {
    let text = state_dir.read(name)?.map(Zeroizing::new);
    text.map(|text| read(&text, seal, &state_dir.file(name)))
        .transpose()
}

fn read(text: &str, seal: &dyn SealKey, path: &Path) -> Result<TrustRecord, TrustRecordError> {
    let damaged = |error: serde_json::Error| TrustRecordError::Damaged {
        path: path.to_owned(),
        line: error.line(),
        column: error.column(),
    };
    if !sealed(text).map_err(damaged)? {
        tracing::info!(path = %path.display(), "the trust record is not sealed yet; it will be at once");
        return layout(text, path);
    }
    let sealed: Sealed = serde_json::from_str(text).map_err(damaged)?;
    let closed = |cause| TrustRecordError::Sealed {
        path: path.to_owned(),
        cause,
    };
    let plain = sealed.open(FILE, seal).map_err(closed)?;
    let text = str::from_utf8(&plain).map_err(|_| closed(SealError::DoesNotOpen))?;
    layout(text, path)
}

/// The record in its layout of now.
fn layout(text: &str, path: &Path) -> Result<TrustRecord, TrustRecordError> {
    let damaged = |error: serde_json::Error| TrustRecordError::Damaged {
        path: path.to_owned(),
        line: error.line(),
        column: error.column(),
    };
    #[derive(serde::Deserialize)]
    struct Versioned {
        version: u64,
    }
    let Versioned { version } = serde_json::from_str(text).map_err(damaged)?;
    match version {
        1 | 2 => {
            tracing::info!(path = %path.display(), version, "the trust record has an older layout; it gets the present one");
            let older = serde_json::from_str(text).map_err(damaged)?;
            let record = match version {
                1 => from_version_2(from_version_1(older)),
                _ => from_version_2(older),
            };
            serde_json::from_value(record).map_err(|_| TrustRecordError::Damaged {
                path: path.to_owned(),
                line: 1,
                column: 1,
            })
        }
        _ if version == u64::from(TrustRecord::VERSION) => serde_json::from_str(text).map_err(damaged),
        found => Err(TrustRecordError::Version {
            path: path.to_owned(),
            found,
        }),
    }
}

/// Version 1 had no reservation, planned without spreading and did not know when a certificate begins.
fn from_version_1(mut record: Value) -> Value {
    let Some(fields) = record.as_object_mut() else {
        return record;
    };
    fields.insert("version".to_owned(), 2.into());
    fields.insert("noted-at".to_owned(), Value::Null);
    let reservation = serde_json::to_value(Reservation::default()).unwrap_or_default();
    fields.insert("reservation".to_owned(), reservation);
    if let Some(registration) = fields.get_mut("registration") {
        plan(registration.get_mut("retry_at"));
        registered_of_version_1(registration);
        if let Some(previous) = registration.get_mut("previous") {
            registered_of_version_1(previous);
        }
    }
    record
}

/// Version 2 doubted nothing.
fn from_version_2(mut record: Value) -> Value {
    if let Some(fields) = record.as_object_mut() {
        fields.insert("version".to_owned(), 3.into());
        fields.insert("doubt".to_owned(), Value::Null);
    }
    record
}

fn registered_of_version_1(registered: &mut Value) {
    let Some(fields) = registered.as_object_mut() else {
        return;
    };
    if let Some(completed_at) = fields.get("completed-at").cloned() {
        fields.insert("valid-from".to_owned(), completed_at);
        fields.insert("grace-until".to_owned(), Value::Null);
    }
    plan(fields.get_mut("renew-at"));
    plan(
        fields
            .get_mut("authorization")
            .and_then(|authorization| authorization.get_mut("next-exchange")),
    );
}

fn plan(moment: Option<&mut Value>) {
    let Some(moment) = moment else { return };
    if let Some(Ok(at)) = moment.as_str().map(str::parse) {
        *moment = serde_json::to_value(Planned::at_once(at)).unwrap_or_default();
    }
}

/// Seals and writes the record; it is on disk when this returns.
pub fn store(state_dir: &StateDir, seal: &dyn SealKey, record: &TrustRecord) -> Result<(), TrustRecordError> {
    write_file(state_dir, seal, FILE, record)
}

fn write_file(
    state_dir: &StateDir,
    seal: &dyn SealKey,
    name: &str,
    record: &TrustRecord,
) -> Result<(), TrustRecordError> {
    let unwritable = |reason: String| TrustRecordError::Unwritable(reason);
    let plain = serde_json::to_vec(record)
        .map(Zeroizing::new)
        .map_err(|error| unwritable(error.to_string()))?;
    let sealed = Sealed::seal(&plain, FILE, seal).map_err(|error| unwritable(error.to_string()))?;
    let text = serde_json::to_vec_pretty(&sealed).map_err(|error| unwritable(error.to_string()))?;
    Ok(state_dir.write(name, &text)?)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::app::seal::KEY_FILE;
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

    fn folder() -> (tempfile::TempDir, StateDir, FileSealKey) {
        let folder = tempfile::tempdir().unwrap();
        let state_dir = StateDir::open(folder.path()).unwrap();
        let seal = seal_key(&state_dir, &folder.path().join(KEY_FILE)).unwrap();
        (folder, state_dir, seal)
    }

    fn loaded(
        state_dir: &StateDir,
        seal: &FileSealKey,
        serial_number: &str,
    ) -> Result<Loaded, TrustRecordError> {
        let now = "2021-06-21T12:40:52Z".parse().unwrap();
        load(state_dir, seal, &udi(serial_number), now)
    }

    fn unsealed(state_dir: &StateDir, record: &TrustRecord) -> String {
        let text = serde_json::to_string_pretty(record).unwrap();
        state_dir.write(FILE, text.as_bytes()).unwrap();
        text
    }

    #[test]
    fn what_is_stored_is_loaded_and_tells_nothing_to_others() {
        let (_folder, state_dir, seal) = folder();
        assert_eq!(
            loaded(&state_dir, &seal, "CAT1").unwrap().record,
            TrustRecord::new(udi("CAT1"))
        );
        store(&state_dir, &seal, &registering()).unwrap();
        assert_eq!(loaded(&state_dir, &seal, "CAT1").unwrap().record, registering());
        let mode = std::fs::metadata(state_dir.file(FILE))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
        let text = state_dir.read(FILE).unwrap().unwrap();
        for secret in ["a-token", "a-key", "in-progress", "CAT1"] {
            assert!(!text.contains(secret), "{secret} in {text}");
        }
    }

    #[test]
    fn a_record_without_its_key_does_not_open_and_says_what_to_do() {
        let (_folder, state_dir, seal) = folder();
        store(&state_dir, &seal, &registering()).unwrap();
        let (_other, _, other_key) = self::folder();
        let refused = loaded(&state_dir, &other_key, "CAT1").unwrap_err().to_string();
        assert!(
            refused.contains("sealed on another device, or changed; restore it together with its key"),
            "{refused}"
        );
        let key = state_dir.file(KEY_FILE);
        std::fs::remove_file(&key).unwrap();
        let refused = seal_key(&state_dir, &key).err().unwrap().to_string();
        let (record, key) = (state_dir.file(FILE), key.display().to_string());
        assert_eq!(
            refused,
            format!(
                "{0} is sealed, and its key {key} is missing: restore the key, or remove {0} to start unregistered",
                record.display()
            )
        );
        assert!(
            !std::fs::exists(key).unwrap(),
            "no new key takes the lost one's place"
        );
    }

    #[test]
    fn a_record_of_before_the_seal_is_read_and_the_next_one_is_sealed() {
        let (_folder, state_dir, seal) = folder();
        unsealed(&state_dir, &registering());
        let record = loaded(&state_dir, &seal, "CAT1").unwrap().record;
        assert_eq!(record, registering());
        store(&state_dir, &seal, &record).unwrap();
        assert!(state_dir.read(FILE).unwrap().unwrap().contains("\"sealed\": 1"));
    }

    #[test]
    fn a_record_of_the_first_layout_is_brought_to_the_present_one() {
        let (_folder, state_dir, seal) = folder();
        state_dir.write(FILE, VERSION_1.as_bytes()).unwrap();
        let record = loaded(&state_dir, &seal, "CAT1").unwrap().record;
        assert_eq!((record.version, record.sequence), (TrustRecord::VERSION, 7));
        let registered = record.registration.registered().unwrap();
        assert_eq!(registered.virtual_account, "Optical");
        let at = |text: &str| Planned::at_once(text.parse().unwrap());
        assert_eq!(registered.renew_at, at("2021-12-18T12:40:51Z"));
        assert_eq!(registered.authorization.next_exchange, at("2021-07-21T12:40:51Z"));
        assert_eq!(registered.valid_from, registered.completed_at);
        assert_eq!(record.reservation, Reservation::default());
    }

    const VERSION_1: &str = r#"{
        "version": 1,
        "udi": {"pid": "NCS1004", "sn": "CAT1", "uuid": "default-sdr"},
        "sequence": 7,
        "registration": {
            "state": "complete",
            "product-instance-id": "an-id",
            "certificates": ["a-certificate"],
            "key": "a-key",
            "smart-account": "Lab",
            "virtual-account": "Optical",
            "export-control-allowed": true,
            "completed-at": "2021-06-21T12:40:52Z",
            "last-renewal": null,
            "renew-at": "2021-12-18T12:40:51Z",
            "expires-at": "2022-06-21T12:35:49Z",
            "authorization": {
                "standing": {"state": "authorized"},
                "acknowledged": {},
                "last-exchange": {"at": "2021-06-21T12:40:53Z", "failure": null},
                "next-exchange": "2021-07-21T12:40:51Z",
                "deadline": "2021-09-19T12:35:50Z"
            }
        },
        "evaluation": {"state": "stopped", "left": "PT2160H"},
        "status": "authorized",
        "status-since": "2021-06-21T12:40:53Z",
        "first-used": []
    }"#;

    #[test]
    fn a_damaged_record_is_refused_in_one_line_that_tells_no_secret() {
        let (_folder, state_dir, seal) = folder();
        let whole = unsealed(&state_dir, &registering());
        store(&state_dir, &seal, &registering()).unwrap();
        let sealed = state_dir.read(FILE).unwrap().unwrap();
        for damaged in [
            whole[..whole.len() / 2].to_owned(),
            whole.replace("\"in-progress\"", "\"a-token\""),
            whole.replace("\"key\"", "\"a-token\""),
            String::new(),
            "{}".to_owned(),
            sealed[..sealed.len() / 2].to_owned(),
            sealed.replace("\"nonce\"", "\"a-token\""),
        ] {
            state_dir.write(FILE, damaged.as_bytes()).unwrap();
            let refused = loaded(&state_dir, &seal, "CAT1").unwrap_err().to_string();
            assert!(refused.contains("is no trust record (line "), "{refused}");
            assert!(
                !refused.contains("a-token") && !refused.contains('\n'),
                "{refused}"
            );
        }
    }

    #[test]
    fn a_record_of_another_chassis_is_put_aside_and_comes_back_with_it() {
        let (_folder, state_dir, seal) = folder();
        store(&state_dir, &seal, &registering()).unwrap();
        let moved = |from: &str, to: &str, known| Event::ChassisChanged {
            from: udi(from).to_string(),
            to: udi(to).to_string(),
            known,
        };
        for _ in 0..2 {
            // Killed before its record is written, it finds the same again.
            let second = loaded(&state_dir, &seal, "CAT2").unwrap();
            assert_eq!(second.found, [moved("CAT1", "CAT2", false)]);
            assert_eq!(second.record.registration, Registration::NotRegistered);
            assert_eq!(second.record.udi, udi("CAT2"));
            assert!(
                matches!(&second.record.doubt, Some(Doubt::ChassisChanged { from, .. }) if *from == udi("CAT1"))
            );
        }
        let second = loaded(&state_dir, &seal, "CAT2").unwrap().record;
        store(&state_dir, &seal, &second).unwrap();
        let first = loaded(&state_dir, &seal, "CAT1").unwrap();
        assert_eq!(first.found, [moved("CAT2", "CAT1", true)]);
        assert_eq!(first.record, registering());
        let put_aside = state_dir.read("trust-record-NCS1004-CAT1.json").unwrap().unwrap();
        assert!(!put_aside.contains("a-key"), "sealed there too");
    }

    #[test]
    fn a_record_of_a_later_version_is_refused() {
        let (_folder, state_dir, seal) = folder();
        let later = TrustRecord {
            version: TrustRecord::VERSION + 1,
            ..registering()
        };
        store(&state_dir, &seal, &later).unwrap();
        let refused = loaded(&state_dir, &seal, "CAT1").unwrap_err().to_string();
        let (found, known) = (TrustRecord::VERSION + 1, TrustRecord::VERSION);
        assert!(
            refused.contains(&format!(
                "has version {found}; this program reads up to version {known}: start the version that wrote it"
            )),
            "{refused}"
        );
    }
}
