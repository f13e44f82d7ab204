//! The filters of subscriptions: their own, and configured ones by name.

use crate::management::access::judge::Judge;
use crate::management::error::{ErrorTag, ManagementError};
use crate::management::event_stream::EventFilter;
use crate::management::front_desk::Desk;
use crate::management::request::Filter;
use crate::management::subscription::refusal::{Reason, Refusal};
use crate::management::subscription::terms::{FilterChoice, Terms};
use crate::yang::error::DataError;
use crate::yang::notification::Notification;
use crate::yang::path::{Instance, InstancePath, Step};
use crate::yang::prefixes::with_other_prefixes;
use crate::yang::print::Readable;
use crate::yang::select::Selection;
use crate::yang::xpath_filter::XPathFilter;

/// The module of configured filters.
const MODULE: &str = "ietf-subscribed-notifications";

/// A list of configured filters.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::management) struct FilterList {
    module: &'static str,
    list: &'static str,
    key: &'static str,
    pub(in crate::management) expression: &'static str,
    /// The parameter that names an entry.
    pub(in crate::management) reference: &'static str,
}

/// Those of events.
pub(in crate::management) const STREAM_FILTERS: FilterList = FilterList {
    module: MODULE,
    list: "stream-filter",
    key: "name",
    expression: "stream-xpath-filter",
    reference: "stream-filter-name",
};

/// Those of data.
pub(in crate::management) const SELECTION_FILTERS: FilterList = FilterList {
    module: "ietf-yang-push",
    list: "selection-filter",
    key: "filter-id",
    expression: "datastore-xpath-filter",
    reference: "selection-filter-ref",
};

impl Desk {
    /// The filter itself. A configured one that is not there, or may not be read, is refused.
    pub(in crate::management) fn chosen_filter(
        &self,
        session_id: u32,
        choice: &FilterChoice,
        list: FilterList,
    ) -> Result<Filter, Refusal> {
        match choice {
            FilterChoice::Unstated => Ok(Filter::Everything),
            FilterChoice::Own(filter) => Ok(self.with_module_names(filter.clone())),
            FilterChoice::Named(name) => self.configured_filter(session_id, name, list).ok_or_else(|| {
                let message = format!(
                    "{}: there is no {} {name:?} in the running configuration",
                    list.reference, list.list
                );
                // RFC 7950 section 15.5.
                Refusal::Plain(ManagementError {
                    app_tag: Some("instance-required".to_owned()),
                    ..ManagementError::application(ErrorTag::DataMissing, message)
                })
            }),
        }
    }

    /// The configured filter of this name, as far as its user may read it.
    pub(in crate::management) fn configured_filter(
        &self,
        session_id: u32,
        name: &str,
        list: FilterList,
    ) -> Option<Filter> {
        let running = &self.parts.datastores.running().tree;
        let step = |module: &str, name: &str, instance| Step {
            module: module.to_owned(),
            name: name.to_owned(),
            instance,
        };
        let mut path = InstancePath::root();
        path.push(step(MODULE, "filters", Instance::Single));
        let key = vec![(list.key.to_owned(), name.to_owned())];
        path.push(step(list.module, list.list, Instance::Keys(key)));
        let entry = running.locate(&path)?;
        let permit = self.permit(session_id);
        let judge = Judge::of(&permit);
        if judge.as_ref().is_some_and(|judge| !judge.may_read(entry)) {
            return None;
        }
        Some(match entry.leaf(list.expression) {
            None => Filter::Everything,
            // Kept with the names of modules as prefixes.
            Some(expression) => self.with_module_names(Filter::XPath {
                select: expression.to_owned(),
                namespaces: Vec::new(),
            }),
        })
    }

    /// Terms as they are shown: an expression has the names of modules as prefixes.
    pub(in crate::management) fn shown(&self, terms: Terms) -> Terms {
        let FilterChoice::Own(Filter::XPath { select, namespaces }) = &terms.filter else {
            return terms;
        };
        let module_of = |prefix: &str| {
            let (_, namespace) = namespaces.iter().find(|(bound, _)| bound == prefix)?;
            Some(self.schema().module_of_namespace(namespace)?.name.clone())
        };
        let filter = Filter::XPath {
            select: with_other_prefixes(select, module_of),
            namespaces: Vec::new(),
        };
        Terms {
            filter: FilterChoice::Own(filter),
            ..terms
        }
    }

    /// An expression in which the name of every implemented module is a prefix too (RFC 8639, stream-xpath-filter).
    fn with_module_names(&self, filter: Filter) -> Filter {
        let Filter::XPath {
            select,
            mut namespaces,
        } = filter
        else {
            return filter;
        };
        for module in self.schema().modules() {
            if !namespaces.iter().any(|(prefix, _)| *prefix == module.name) {
                namespaces.push((module.name.clone(), module.namespace.clone()));
            }
        }
        Filter::XPath { select, namespaces }
    }

    /// Binds a filter of events.
    pub(in crate::management) fn event_filter(&self, filter: Filter) -> Result<Option<EventFilter>, Refusal> {
        let unsupported =
            |error: DataError| Refusal::of_filter(Reason::FilterUnsupported, error.message.to_string());
        match filter {
            Filter::Everything => Ok(None),
            Filter::Subtree(content) => {
                let selection = Selection::of_notifications(self.schema(), &content).map_err(unsupported)?;
                Ok(Some(EventFilter::Subtree(selection)))
            }
            Filter::XPath { select, namespaces } => {
                let filter = XPathFilter::bind(self.schema(), &select, &namespaces).map_err(unsupported)?;
                // An expression that cannot be evaluated is found out now, not at the first event.
                Notification::build(self.schema(), "nc-notifications:replayComplete", |_| {})
                    .and_then(|notification| notification.satisfies(&filter))
                    .map_err(unsupported)?;
                Ok(Some(EventFilter::Truth(filter)))
            }
        }
    }
}
