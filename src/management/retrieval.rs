//! Reading: get, get-config and get-data, by subtree or XPath filters, of configuration, state or both.

use std::sync::Arc;

use crate::management::access::judge::Judge;
use crate::management::body::{Body, BodyWriter};
use crate::management::configurations::EditManner;
use crate::management::error::{ErrorTag, ErrorType, ManagementError};
use crate::management::front_desk::{Answer, Desk, one};
use crate::management::request::{
    ConfigSource, DataQuery, DatastoreName, DefaultOperation, ErrorOption, Filter, NmdaDatastore, Reply,
    TestOption,
};
use crate::yang::evaluate::{Selector, united};
use crate::yang::print::{Readable, Rendering, WithDefaults, print_to, render_to};
use crate::yang::schema_node::SchemaId;
use crate::yang::select::Selection;
use crate::yang::tree::{NodeRef, Tree};
use crate::yang::xpath_filter::XPathFilter;

/// A filter that is bound to the schema.
pub(in crate::management) enum Wanted {
    Selection(Selection),
    XPath(XPathFilter),
}

impl Wanted {
    /// What can be needed of configuration and state.
    pub(in crate::management) fn reach(&self) -> &Selection {
        match self {
            Wanted::Selection(selection) => selection,
            Wanted::XPath(filter) => filter.reach(),
        }
    }
}

impl Wanted {
    /// The filter itself, to take a part of a tree with.
    pub(in crate::management) fn selector(&self) -> Selector<'_> {
        match self {
            Wanted::Selection(selection) => Selector::Selection(selection),
            Wanted::XPath(filter) => Selector::XPath(filter),
        }
    }
}

impl Desk {
    /// Binds a filter.
    pub(in crate::management) fn wanted(&self, filter: Filter) -> Result<Wanted, Vec<ManagementError>> {
        let schema = self.schema();
        match filter {
            Filter::Everything => Ok(Wanted::Selection(Selection::everything(schema))),
            Filter::Subtree(content) => Selection::subtree(schema, &content)
                .map(Wanted::Selection)
                .map_err(|error| one(error.into())),
            Filter::XPath { select, namespaces } => XPathFilter::bind(schema, &select, &namespaces)
                .map(Wanted::XPath)
                .map_err(|error| one(of_filter(error.into()))),
        }
    }

    /// `<get>` (RFC 6241 section 7.7).
    pub(in crate::management) fn get(
        &self,
        session_id: u32,
        filter: Filter,
        with_defaults: WithDefaults,
    ) -> Answer {
        let wanted = self.wanted(filter)?;
        let mut state = self.state(&wanted, with_defaults)?;
        let running = Arc::clone(&self.parts.datastores.running().tree);
        self.shown_to(session_id, |readable| {
            if let Wanted::Selection(selection) = &wanted {
                let mixed = state
                    .take_in_configuration(&running)
                    .map_err(|error| one(error.into()))?;
                let apart = Without {
                    tops: mixed,
                    of: readable,
                };
                let mut body = BodyWriter::new(self.parts.overflow.as_ref());
                for (tree, readable) in [(&*running, Some(&apart as &dyn Readable)), (&state, readable)] {
                    if print_to(&mut body, tree, selection, with_defaults, readable).is_err() {
                        break;
                    }
                }
                return body.finish().map(Reply::Data).map_err(one);
            }
            let rendering = Rendering::with(with_defaults);
            if state.is_empty() {
                return self.rendered(&running, &wanted, &rendering, readable, Reply::Data);
            }
            let both = united(&running, wanted.reach(), state).map_err(|error| one(error.into()))?;
            drop(running);
            self.rendered(&both, &wanted, &rendering, readable, Reply::Data)
        })
    }

    /// `<get-config>` (RFC 6241 section 7.1).
    pub(in crate::management) fn get_config(
        &self,
        session_id: u32,
        source: DatastoreName,
        filter: Filter,
        with_defaults: WithDefaults,
    ) -> Answer {
        let wanted = self.wanted(filter)?;
        let tree = self.content_to_show(source, with_defaults)?;
        let rendering = Rendering::with(with_defaults);
        self.shown_to(session_id, |readable| {
            self.rendered(&tree, &wanted, &rendering, readable, Reply::Data)
        })
    }

    /// `<get-data>` (RFC 8526 section 3.1.1).
    pub(in crate::management) fn get_data(&self, session_id: u32, query: DataQuery) -> Answer {
        let wanted = self.wanted(query.filter)?;
        // What is in use of operational are its defaults too (RFC 8526 section 3.1.1.2).
        let by_default = match query.datastore {
            NmdaDatastore::Operational => WithDefaults::ReportAll,
            NmdaDatastore::Conventional(_) => WithDefaults::Explicit,
        };
        let rendering = Rendering {
            defaults: query.with_defaults.unwrap_or(by_default),
            max_depth: query.max_depth,
            config: query.config,
            origins: query.origins,
            with_origin: query.with_origin,
        };
        let tree = self.nmda_content(query.datastore, &wanted, rendering.defaults)?;
        self.shown_to(session_id, |readable| {
            self.rendered(&tree, &wanted, &rendering, readable, Reply::NmdaData)
        })
    }

    /// What a datastore holds, as far as a filter needs it.
    pub(in crate::management) fn nmda_content(
        &self,
        datastore: NmdaDatastore,
        wanted: &Wanted,
        with_defaults: WithDefaults,
    ) -> Result<Arc<Tree>, Vec<ManagementError>> {
        match datastore {
            NmdaDatastore::Conventional(DatastoreName::Startup) if self.parts.startup.is_none() => Err(one(
                no_such_datastore("startup is not a datastore of this server"),
            )),
            NmdaDatastore::Conventional(name) => self.content_to_show(name, with_defaults),
            NmdaDatastore::Operational => {
                let state = self.state(wanted, with_defaults)?;
                let running = &self.parts.datastores.running().tree;
                if state.is_empty() {
                    return Ok(Arc::clone(running));
                }
                united(running, wanted.reach(), state)
                    .map(Arc::new)
                    .map_err(|error| one(error.into()))
            }
        }
    }

    /// `<edit-data>` (RFC 8526 section 3.1.2).
    pub(in crate::management) fn edit_data(
        &self,
        session_id: u32,
        datastore: NmdaDatastore,
        default_operation: DefaultOperation,
        config: ConfigSource,
    ) -> Answer {
        let manner = EditManner {
            default_operation,
            test_option: TestOption::Unstated,
            error_option: ErrorOption::RollbackOnError,
        };
        match datastore {
            NmdaDatastore::Conventional(DatastoreName::Candidate) => {
                self.edit_config(session_id, DatastoreName::Candidate, manner, config)
            }
            NmdaDatastore::Conventional(DatastoreName::Running) if self.parts.writable_running => {
                self.edit_config(session_id, DatastoreName::Running, manner, config)
            }
            other => {
                let message = format!("edit-data: {other} cannot be edited, edit candidate and commit");
                Err(one(no_such_datastore(&message)))
            }
        }
    }

    fn state(&self, wanted: &Wanted, with_defaults: WithDefaults) -> Result<Tree, Vec<ManagementError>> {
        let state = &self.parts.state;
        let mut state = state.collect(self.schema(), wanted.reach()).map_err(one)?;
        match with_defaults {
            WithDefaults::ReportAll | WithDefaults::ReportAllTagged => state.fill_in_defaults_of_state(),
            WithDefaults::Explicit | WithDefaults::Trim => {}
        }
        Ok(state)
    }

    /// Makes something of data for the user of a session, given what that user may read; what is left out is noted.
    pub(in crate::management) fn shown_to<T>(
        &self,
        session_id: u32,
        make: impl FnOnce(Option<&dyn Readable>) -> T,
    ) -> T {
        let permit = self.permit(session_id);
        let judge = Judge::of(&permit);
        let made = make(judge.as_ref().map(|judge| judge as &dyn Readable));
        self.note_hidden(session_id, judge.as_ref());
        made
    }

    /// Renders what is wanted of a tree; it is let go of before anything is sent.
    fn rendered(
        &self,
        tree: &Tree,
        wanted: &Wanted,
        rendering: &Rendering,
        readable: Option<&dyn Readable>,
        reply: fn(Body) -> Reply,
    ) -> Answer {
        let mut body = BodyWriter::new(self.parts.overflow.as_ref());
        match wanted {
            Wanted::Selection(selection) => {
                // What is not taken is told by `finish`.
                let _ = render_to(&mut body, tree, selection, rendering, readable);
            }
            Wanted::XPath(filter) => filter
                .render_to(&mut body, tree, rendering, readable)
                .map_err(|error| one(of_filter(error.into())))?,
        }
        body.finish().map(reply).map_err(one)
    }
}

/// A fault in the request, not in data.
fn of_filter(error: ManagementError) -> ManagementError {
    ManagementError {
        error_type: ErrorType::Protocol,
        ..error
    }
}

fn no_such_datastore(message: &str) -> ManagementError {
    ManagementError::protocol(ErrorTag::InvalidValue, message).with_info("bad-element", "datastore")
}

/// What may be read, without some top-level nodes that are shown elsewhere.
struct Without<'r> {
    tops: Vec<SchemaId>,
    of: Option<&'r dyn Readable>,
}

impl Readable for Without<'_> {
    fn may_read(&self, node: NodeRef<'_>) -> bool {
        !self.tops.contains(&node.schema_id()) && self.of.is_none_or(|readable| readable.may_read(node))
    }
}
