//! Whole configurations and edits of them: edit-config, copy-config, delete-config, validate, wherever they stand.

use std::sync::Arc;

use tracing::info;

use crate::datastore::change_set::Change;
use crate::datastore::difference::difference;
use crate::datastore::edit::{OnError, parse_config};
use crate::datastore::edit_attributes::EditOperation;
use crate::datastore::lock::Lockable;
use crate::datastore::running::kept_form;
use crate::management::access::judge::Judge;
use crate::management::config_stores::{StartupStore, UrlStore};
use crate::management::error::{ErrorTag, ManagementError};
use crate::management::front_desk::{Answer, Desk, all, held, not_supported, one};
use crate::management::request::{
    ConfigSource, ConfigTarget, ConfigText, DatastoreName, DefaultOperation, ErrorOption, Reply, TestOption,
};
use crate::yang::path::InstancePath;
use crate::yang::print::{Readable, WithDefaults, print_to};
use crate::yang::select::Selection;
use crate::yang::tree::Tree;

/// How an edit is to be done.
#[derive(Clone, Copy, Debug)]
pub(in crate::management) struct EditManner {
    pub(in crate::management) default_operation: DefaultOperation,
    pub(in crate::management) test_option: TestOption,
    pub(in crate::management) error_option: ErrorOption,
}

/// A whole configuration takes the place of another.
const REPLACEMENT: EditManner = EditManner {
    default_operation: DefaultOperation::Replace,
    test_option: TestOption::Unstated,
    error_option: ErrorOption::RollbackOnError,
};

impl Desk {
    /// A datastore's content as it is. Defaults of a candidate that was edited are not filled in.
    pub(in crate::management) fn content(
        &self,
        datastore: DatastoreName,
    ) -> Result<Arc<Tree>, Vec<ManagementError>> {
        Ok(match datastore {
            DatastoreName::Running => Arc::clone(&self.parts.datastores.running().tree),
            DatastoreName::Candidate => self.parts.datastores.candidate(),
            DatastoreName::Startup => {
                let kept = self.startup()?.read().map_err(one)?;
                Arc::new(parse_config(self.schema(), &kept).map_err(all)?)
            }
        })
    }

    /// The same for a reply that shows defaults.
    pub(in crate::management) fn content_to_show(
        &self,
        datastore: DatastoreName,
        with_defaults: WithDefaults,
    ) -> Result<Arc<Tree>, Vec<ManagementError>> {
        let content = self.content(datastore)?;
        let shows_defaults = matches!(
            with_defaults,
            WithDefaults::ReportAll | WithDefaults::ReportAllTagged
        );
        // Running has its defaults; elsewhere validation, which fills them in, is still to come.
        if !shows_defaults || datastore == DatastoreName::Running {
            return Ok(content);
        }
        let mut filled = content.duplicate();
        filled.fill_in_defaults();
        Ok(Arc::new(filled))
    }

    pub(in crate::management) fn edit_config(
        &self,
        session_id: u32,
        target: DatastoreName,
        manner: EditManner,
        config: ConfigSource,
    ) -> Answer {
        let config = match config {
            ConfigSource::Inline(config) => config,
            ConfigSource::Url(url) => self.urls()?.read(&url).map_err(one)?,
            ConfigSource::Datastore(name) => {
                return Err(one(not_supported(&format!(
                    "edit-config with {name} as its edit"
                ))));
            }
        };
        match target {
            DatastoreName::Candidate => self.edit_candidate(session_id, manner, &config),
            DatastoreName::Running if self.parts.writable_running => {
                self.edit_running(session_id, manner, &config)
            }
            DatastoreName::Running => Err(one(not_supported(
                "running cannot be edited directly (no :writable-running): edit candidate and commit",
            ))),
            // RFC 6241 section 8.7: startup is written by copy-config.
            DatastoreName::Startup => Err(one(not_supported(
                "startup cannot be edited: copy a configuration to it with copy-config",
            ))),
        }
    }

    fn guarded(&self, config: &str) -> Result<(), Vec<ManagementError>> {
        let refusals = self.parts.edit_guards.iter().filter_map(|guard| guard(config));
        let refusals: Vec<ManagementError> = refusals.collect();
        if refusals.is_empty() {
            Ok(())
        } else {
            Err(refusals)
        }
    }

    fn edit_candidate(&self, session_id: u32, manner: EditManner, config: &str) -> Answer {
        let (operation, on_error) = (operation(manner), on_error(manner));
        self.guarded(config)?;
        let _editing = held(&self.editing);
        self.may_change(session_id, Lockable::Candidate)?;
        let datastores = &self.parts.datastores;
        let gate = |changes: &[Change]| self.may_write(session_id, changes);
        if matches!(manner.test_option, TestOption::TestOnly | TestOption::TestThenSet) {
            datastores
                .test_edit(config, operation, on_error, &self.parts.participants, &gate)
                .map_err(all)?;
        }
        if manner.test_option == TestOption::TestOnly {
            return Ok(Reply::Ok);
        }
        let edited = datastores.edit_candidate_through(config, operation, on_error, &gate);
        if edited.errors.is_empty() {
            Ok(Reply::Ok)
        } else {
            Err(all(edited.errors))
        }
    }

    /// Running is valid at any time, so whatever the test option says, what would not be is refused.
    fn edit_running(&self, session_id: u32, manner: EditManner, config: &str) -> Answer {
        let (operation, on_error) = (operation(manner), on_error(manner));
        self.guarded(config)?;
        let _committing = held(&self.committing);
        self.may_change(session_id, Lockable::Running)?;
        let datastores = &self.parts.datastores;
        let participants = &self.parts.participants;
        let gate = |changes: &[Change]| {
            self.may_write(session_id, changes)?;
            self.not_partially_locked(session_id, changes)
        };
        if manner.test_option == TestOption::TestOnly {
            datastores
                .test_running_edit(config, operation, on_error, participants, &gate)
                .map_err(all)?;
            return Ok(Reply::Ok);
        }
        let author = self.author(session_id);
        let (made, errors) = datastores
            .edit_running(config, operation, on_error, author, participants, &gate)
            .map_err(|refused| all(refused.into_errors()))?;
        if let Some(made) = made {
            self.tell(Ok(made))?;
        }
        if errors.is_empty() {
            Ok(Reply::Ok)
        } else {
            Err(all(errors))
        }
    }

    pub(in crate::management) fn copy_config(
        &self,
        session_id: u32,
        source: ConfigSource,
        target: ConfigTarget,
        with_defaults: WithDefaults,
    ) -> Answer {
        let is_same = match (&source, &target) {
            (ConfigSource::Datastore(from), ConfigTarget::Datastore(to)) => from == to,
            (ConfigSource::Url(from), ConfigTarget::Url(to)) => from == to,
            _ => false,
        };
        if is_same {
            let message = "copy-config: source and target are the same";
            let error = ManagementError::protocol(ErrorTag::InvalidValue, message);
            return Err(one(error.with_info("bad-element", "target")));
        }
        match target {
            ConfigTarget::Datastore(DatastoreName::Running) if !self.parts.writable_running => {
                Err(one(not_supported(
                    "running cannot be the target of copy-config (no :writable-running): copy to candidate and commit",
                )))
            }
            ConfigTarget::Datastore(DatastoreName::Running) => {
                let config = self.whole(session_id, source, WithDefaults::Explicit)?;
                self.edit_running(session_id, REPLACEMENT, &config)
            }
            ConfigTarget::Datastore(DatastoreName::Candidate)
                if source == ConfigSource::Datastore(DatastoreName::Running) =>
            {
                let _editing = held(&self.editing);
                self.may_change(session_id, Lockable::Candidate)?;
                self.parts.datastores.discard();
                Ok(Reply::Ok)
            }
            ConfigTarget::Datastore(DatastoreName::Candidate) => {
                let config = self.whole(session_id, source, WithDefaults::Explicit)?;
                self.edit_candidate(session_id, REPLACEMENT, &config)
            }
            ConfigTarget::Datastore(DatastoreName::Startup) => {
                let startup = self.startup()?;
                let config = if source == ConfigSource::Datastore(DatastoreName::Running) {
                    // RFC 8341 section 3.2.6: the right to run copy-config is enough.
                    self.whole_of(DatastoreName::Running, WithDefaults::Explicit, None)?
                } else {
                    let config = self.whole(session_id, source, WithDefaults::Explicit)?;
                    let new = parse_config(self.schema(), &config).map_err(all)?;
                    let old = self.content(DatastoreName::Startup)?;
                    let changes = difference(&old, &new, &[InstancePath::root()]);
                    self.may_write(session_id, &changes).map_err(all)?;
                    config
                };
                // The next start takes it as it is, so it must be valid now.
                self.parts
                    .datastores
                    .validate_config(&config, &self.parts.participants)
                    .map_err(all)?;
                let _committing = held(&self.committing);
                self.may_change(session_id, Lockable::Startup)?;
                startup.write(&config).map_err(one)?;
                info!(session = session_id, "the startup configuration was written");
                Ok(Reply::Ok)
            }
            ConfigTarget::Url(url) => {
                let urls = self.urls()?;
                urls.write(&url, &self.whole(session_id, source, with_defaults)?)
                    .map_err(one)?;
                Ok(Reply::Ok)
            }
        }
    }

    pub(in crate::management) fn delete_config(&self, session_id: u32, target: ConfigTarget) -> Answer {
        match target {
            // RFC 6241 section 7.4; the candidate is not among the targets in ietf-netconf either.
            ConfigTarget::Datastore(DatastoreName::Running) => Err(one(not_supported(
                "running cannot be the target of delete-config (RFC 6241 section 7.4)",
            ))),
            ConfigTarget::Datastore(DatastoreName::Candidate) => Err(one(not_supported(
                "candidate cannot be the target of delete-config: discard-changes makes it a copy of running",
            ))),
            ConfigTarget::Datastore(DatastoreName::Startup) => {
                let startup = self.startup()?;
                let _committing = held(&self.committing);
                self.may_change(session_id, Lockable::Startup)?;
                startup.write("").map_err(one)?;
                info!(session = session_id, "the startup configuration was deleted");
                Ok(Reply::Ok)
            }
            ConfigTarget::Url(url) => {
                self.urls()?.delete(&url).map_err(one)?;
                Ok(Reply::Ok)
            }
        }
    }

    pub(in crate::management) fn validate(&self, session_id: u32, source: ConfigSource) -> Answer {
        let datastores = &self.parts.datastores;
        let participants = &self.parts.participants;
        match source {
            ConfigSource::Datastore(DatastoreName::Running) => {
                let running = &datastores.running().tree;
                running.duplicate().validate().map(|_| ())
            }
            ConfigSource::Datastore(DatastoreName::Candidate) => datastores.validate_candidate(participants),
            other => {
                let config = self.whole(session_id, other, WithDefaults::Explicit)?;
                datastores.validate_config(&config, participants)
            }
        }
        .map_err(all)?;
        Ok(Reply::Ok)
    }

    /// The text of a whole configuration, as far as the session may read it (RFC 8341 section 3.2.6).
    fn whole(
        &self,
        session_id: u32,
        source: ConfigSource,
        with_defaults: WithDefaults,
    ) -> Result<ConfigText, Vec<ManagementError>> {
        match source {
            ConfigSource::Inline(config) => Ok(config),
            ConfigSource::Url(url) => self.urls()?.read(&url).map_err(one),
            ConfigSource::Datastore(name) => {
                let permit = self.permit(session_id);
                let Some(judge) = Judge::of(&permit) else {
                    return self.whole_of(name, with_defaults, None);
                };
                self.whole_of(name, with_defaults, Some(&judge))
            }
        }
    }

    fn whole_of(
        &self,
        name: DatastoreName,
        with_defaults: WithDefaults,
        readable: Option<&dyn Readable>,
    ) -> Result<ConfigText, Vec<ManagementError>> {
        if with_defaults == WithDefaults::Explicit && readable.is_none() {
            return Ok(kept_form(&*self.content(name)?));
        }
        let tree = self.content_to_show(name, with_defaults)?;
        let everything = Selection::everything(self.schema());
        let mut text = String::new();
        // A string takes everything.
        let _ = print_to(&mut text, &tree, &everything, with_defaults, readable);
        Ok(text)
    }

    /// Where the startup configuration is, when there is one.
    pub(in crate::management) fn startup(&self) -> Result<&dyn StartupStore, Vec<ManagementError>> {
        self.parts.startup.as_deref().ok_or_else(|| {
            one(not_supported(
                "startup is not supported, :startup is not advertised",
            ))
        })
    }

    fn urls(&self) -> Result<&dyn UrlStore, Vec<ManagementError>> {
        self.parts
            .urls
            .as_deref()
            .ok_or_else(|| one(not_supported("url is not supported, :url is not advertised")))
    }
}

fn operation(manner: EditManner) -> EditOperation {
    match manner.default_operation {
        DefaultOperation::Merge => EditOperation::Merge,
        DefaultOperation::Replace => EditOperation::Replace,
        DefaultOperation::None => EditOperation::None,
    }
}

fn on_error(manner: EditManner) -> OnError {
    match manner.error_option {
        ErrorOption::StopOnError => OnError::Stop,
        ErrorOption::ContinueOnError => OnError::Continue,
        ErrorOption::RollbackOnError => OnError::Rollback,
    }
}
