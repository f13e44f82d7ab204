//! The startup configuration (RFC 6241 section 8.7): a file of the state folder that the next start loads.

use std::sync::Arc;

use jiff::Timestamp;

use crate::app::config_document::{unwrapped, wrapped};
use crate::app::start_error::StartError;
use crate::datastore::datastores::Datastores;
use crate::datastore::edit::OnError;
use crate::datastore::edit_attributes::EditOperation;
use crate::datastore::history::Author;
use crate::datastore::participant::open_gate;
use crate::datastore::running::kept_form;
use crate::management::config_stores::StartupStore;
use crate::management::error::{ErrorTag, ManagementError};
use crate::management::request::ConfigText;
use crate::state_dir::StateDir;

const FILE: &str = "startup.xml";

/// The file.
pub struct StartupFile {
    state_dir: Arc<StateDir>,
}

impl StartupFile {
    /// Makes running what the file says; the first time the file becomes what running is.
    pub fn load(
        state_dir: &Arc<StateDir>,
        datastores: &Datastores,
        now: Timestamp,
    ) -> Result<StartupFile, StartError> {
        let file = StartupFile {
            state_dir: Arc::clone(state_dir),
        };
        if state_dir.read(FILE)?.is_none() {
            let running = kept_form(&datastores.running().tree);
            state_dir.write(FILE, wrapped(&running).as_bytes())?;
            return Ok(file);
        }
        let wrong = |reason: String| StartError::Startup {
            path: state_dir.file(FILE),
            reason,
        };
        let config = file.read().map_err(|error| wrong(error.message))?;
        let author = Author {
            user: String::new(),
            session_id: 0,
            timestamp: now,
            label: None,
            comment: Some("the startup configuration was loaded".to_owned()),
        };
        // Participants are not asked, as for running itself at a start.
        let (made, errors) = datastores
            .edit_running(
                &config,
                EditOperation::Replace,
                OnError::Rollback,
                author,
                &[],
                &open_gate,
            )
            .map_err(|error| wrong(error.to_string()))?;
        if let Some(error) = errors.first() {
            return Err(wrong(error.to_string()));
        }
        if let Some(made) = made.filter(|made| !made.change_set.is_empty()) {
            tracing::info!(
                generation = made.generation,
                changes = made.change_set.changes.len(),
                "the startup configuration was loaded"
            );
        }
        Ok(file)
    }
}

impl StartupStore for StartupFile {
    fn read(&self) -> Result<ConfigText, ManagementError> {
        let kept = self.state_dir.read(FILE).map_err(failed)?.unwrap_or_default();
        if kept.is_empty() {
            return Ok(String::new());
        }
        unwrapped(kept.as_bytes(), FILE)
    }

    fn write(&self, config: &str) -> Result<(), ManagementError> {
        self.state_dir
            .write(FILE, wrapped(config).as_bytes())
            .map_err(failed)
    }
}

fn failed(error: impl ToString) -> ManagementError {
    ManagementError::application(ErrorTag::OperationFailed, error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::desired_state::payload::SCHEMA;
    use crate::datastore::memory_storage::MemoryStorage;

    const NAME: &str = "<host-names xmlns=\"http://cisco.com/ns/yang/Cisco-IOS-XR-shellutil-cfg\"><host-name>x</host-name></host-names>";

    fn open(storage: &MemoryStorage) -> Datastores {
        Datastores::open(Arc::clone(&SCHEMA), Box::new(storage.clone())).unwrap()
    }

    fn author() -> Author {
        Author {
            user: "anna".to_owned(),
            session_id: 1,
            timestamp: Timestamp::UNIX_EPOCH,
            label: None,
            comment: None,
        }
    }

    #[test]
    fn a_start_makes_running_what_the_file_says() {
        let folder = tempfile::tempdir().unwrap();
        let state_dir = Arc::new(StateDir::open(folder.path()).unwrap());
        let storage = MemoryStorage::new();
        let datastores = open(&storage);
        let file = StartupFile::load(&state_dir, &datastores, Timestamp::UNIX_EPOCH).unwrap();
        assert_eq!(file.read().unwrap(), "");
        let (made, _) = datastores
            .edit_running(
                NAME,
                EditOperation::Merge,
                OnError::Rollback,
                author(),
                &[],
                &open_gate,
            )
            .unwrap();
        assert!(made.is_some());

        // What was not copied to startup is lost with the next start; what was is there.
        let again = open(&storage);
        let file = StartupFile::load(&state_dir, &again, Timestamp::UNIX_EPOCH).unwrap();
        assert_eq!(kept_form(&again.running().tree), "");
        file.write(NAME).unwrap();
        let once_more = open(&storage);
        StartupFile::load(&state_dir, &once_more, Timestamp::UNIX_EPOCH).unwrap();
        assert_eq!(kept_form(&once_more.running().tree), NAME);
    }

    #[test]
    fn a_file_that_does_not_fit_the_modules_stops_the_start_and_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let state_dir = Arc::new(StateDir::open(folder.path()).unwrap());
        state_dir
            .write(FILE, wrapped("<x xmlns=\"urn:nobody\"/>").as_bytes())
            .unwrap();
        let refused = StartupFile::load(&state_dir, &open(&MemoryStorage::new()), Timestamp::UNIX_EPOCH);
        let refused = refused.err().map(|error| error.to_string()).unwrap_or_default();
        assert!(
            refused.contains("startup.xml") && refused.contains("urn:nobody"),
            "{refused}"
        );
    }
}
