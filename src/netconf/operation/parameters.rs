//! What an operation is called with: its children, each known, each at most once, with exact refusals.

use crate::management::error::{ErrorTag, ManagementError};
use crate::management::request::{
    ConfigSource, ConfigTarget, ConfigText, DatastoreName, Filter, NmdaDatastore,
};
use crate::netconf::document::Element;
use crate::netconf::framing::MAX_MESSAGE_BYTES;
use crate::netconf::namespace;
use crate::yang::print::WithDefaults;

/// Content with its namespaces declared may be this much longer than the longest message.
const MAX_CONTENT_BYTES: usize = 2 * MAX_MESSAGE_BYTES;

/// Leaf-lists among the parameters.
const REPEATED: [&str; 4] = [
    "origin-filter",
    "negated-origin-filter",
    "select",
    "excluded-change",
];

const WITH_DEFAULTS: &[(&str, WithDefaults)] = &[
    ("explicit", WithDefaults::Explicit),
    ("trim", WithDefaults::Trim),
    ("report-all", WithDefaults::ReportAll),
    ("report-all-tagged", WithDefaults::ReportAllTagged),
];

/// The children of an operation element, in whatever order they came.
#[derive(Debug)]
pub struct Parameters<'d> {
    operation: &'d str,
    given: Vec<Element<'d>>,
}

impl<'d> Parameters<'d> {
    /// Takes the children; refuses those not in `allowed`, doubles, and text beside them.
    ///
    /// A child may be in the namespace of the operation, in that of RFC 6241, or in none: ansible sends `<filter>` and
    /// `<config>` that way.
    pub fn of(operation: Element<'d>, allowed: &[&str]) -> Result<Parameters<'d>, ManagementError> {
        let name = operation.name();
        let mut given: Vec<Element<'d>> = Vec::new();
        for child in operation.children() {
            let known_namespace = [operation.namespace(), namespace::BASE, ""].contains(&child.namespace());
            // An augment of its module (RFC 6243 section 5); get-data has the parameter itself (RFC 8526).
            let is_with_defaults = child.name() == "with-defaults"
                && match operation.namespace() {
                    namespace::NMDA => child.namespace() == namespace::NMDA,
                    _ => child.namespace() == namespace::WITH_DEFAULTS,
                };
            if child.name() == "with-defaults" && !is_with_defaults {
                let message = format!(
                    "with-defaults of {name} is in `{}`: expected {}",
                    child.namespace(),
                    namespace::WITH_DEFAULTS
                );
                return Err(ManagementError::protocol(ErrorTag::UnknownNamespace, message)
                    .with_info("bad-element", child.name())
                    .with_info("bad-namespace", child.namespace()));
            }
            if !known_namespace && !is_with_defaults {
                let message = format!(
                    "<{}> of {name} is in `{}`: expected {}",
                    child.name(),
                    child.namespace(),
                    operation.namespace()
                );
                return Err(ManagementError::protocol(ErrorTag::UnknownNamespace, message)
                    .with_info("bad-element", child.name())
                    .with_info("bad-namespace", child.namespace()));
            }
            if !allowed.contains(&child.name()) {
                return Err(unknown_element(name, child.name(), allowed));
            }
            let may_repeat = REPEATED.contains(&child.name());
            if !may_repeat && given.iter().any(|earlier| earlier.name() == child.name()) {
                let message = format!("<{}> of {name} is given twice", child.name());
                return Err(bad_element(child.name(), message));
            }
            given.push(child);
        }
        if !operation.text().is_empty() {
            return Err(bad_element(
                name,
                format!("{name} holds text beside its parameters"),
            ));
        }
        Ok(Parameters {
            operation: name,
            given,
        })
    }

    /// A parameter that may be left out.
    pub fn optional(&self, name: &str) -> Option<Element<'d>> {
        self.given.iter().copied().find(|given| given.name() == name)
    }

    /// The entries of a leaf-list.
    pub fn all<'p>(&'p self, name: &'p str) -> impl Iterator<Item = Element<'d>> + use<'p, 'd> {
        self.given
            .iter()
            .copied()
            .filter(move |given| given.name() == name)
    }

    /// A parameter that must be there.
    pub fn required(&self, name: &str) -> Result<Element<'d>, ManagementError> {
        self.optional(name).ok_or_else(|| {
            let message = format!("{} needs <{name}>", self.operation);
            missing_element(name, message)
        })
    }

    /// The text of a parameter, `None` where it is left out.
    pub fn text(&self, name: &str) -> Result<Option<&'d str>, ManagementError> {
        self.optional(name).map(leaf).transpose()
    }

    /// One of a few words, the default where the parameter is left out.
    pub fn word<T: Copy + Default>(&self, name: &str, words: &[(&str, T)]) -> Result<T, ManagementError> {
        let Some(given) = self.text(name)? else {
            return Ok(T::default());
        };
        match words.iter().find(|(word, _)| *word == given) {
            Some((_, value)) => Ok(*value),
            None => {
                let allowed: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
                let message = format!(
                    "{name} of {}: `{given}` is not one of {}",
                    self.operation,
                    allowed.join(", ")
                );
                Err(ManagementError::protocol(ErrorTag::InvalidValue, message).with_info("bad-element", name))
            }
        }
    }

    /// `<with-defaults>` (RFC 6243 section 4.5.1), which may be left out.
    pub fn with_defaults(&self) -> Result<WithDefaults, ManagementError> {
        self.word("with-defaults", WITH_DEFAULTS)
    }

    /// The configuration that `<source>` names or holds, in an operation that takes one from anywhere.
    pub fn source(&self) -> Result<ConfigSource, ManagementError> {
        let holder = self.required("source")?;
        let choice = only_child(self.operation, holder)?;
        match in_protocol(choice) {
            Some("config") => Ok(ConfigSource::Inline(config(self.operation, choice)?)),
            Some("url") => Ok(ConfigSource::Url(url(self.operation, choice)?)),
            _ => Ok(ConfigSource::Datastore(datastore(
                self.operation,
                holder,
                choice,
            )?)),
        }
    }

    /// The place that `<target>` names, in an operation that may write anywhere.
    pub fn target(&self) -> Result<ConfigTarget, ManagementError> {
        let holder = self.required("target")?;
        let choice = only_child(self.operation, holder)?;
        match in_protocol(choice) {
            Some("url") => Ok(ConfigTarget::Url(url(self.operation, choice)?)),
            _ => Ok(ConfigTarget::Datastore(datastore(
                self.operation,
                holder,
                choice,
            )?)),
        }
    }

    /// `<subtree-filter>` or `<xpath-filter>` of get-data and its kin, which may be left out.
    pub fn filter_spec(&self) -> Result<Filter, ManagementError> {
        match (self.optional("subtree-filter"), self.optional("xpath-filter")) {
            (None, None) => Ok(Filter::Everything),
            (Some(_), Some(_)) => Err(bad_element(
                "xpath-filter",
                format!("{} takes one filter, not two", self.operation),
            )),
            (Some(subtree), None) => Ok(Filter::Subtree(content(subtree)?)),
            (None, Some(xpath)) => Ok(Filter::XPath {
                select: leaf(xpath)?.to_owned(),
                namespaces: xpath.scope(),
            }),
        }
    }

    /// The datastore that a leaf names by its identity (RFC 8342 appendix A).
    pub fn nmda_datastore(&self, name: &str) -> Result<NmdaDatastore, ManagementError> {
        nmda_datastore(self.operation, self.required(name)?)
    }

    /// Whether a leaf without value is there.
    pub fn flag(&self, name: &str) -> Result<bool, ManagementError> {
        match self.text(name)? {
            None => Ok(false),
            Some("") => Ok(true),
            Some(_) => Err(invalid_value(
                name,
                format!("{name} of {} holds text: it is empty", self.operation),
            )),
        }
    }

    /// The datastore that `<source>` or `<target>` names.
    pub fn datastore(&self, name: &str) -> Result<DatastoreName, ManagementError> {
        let holder = self.required(name)?;
        let choice = only_child(self.operation, holder)?;
        datastore(self.operation, holder, choice)
    }

    /// `<filter>`, which may be left out.
    pub fn filter(&self) -> Result<Filter, ManagementError> {
        let Some(filter) = self.optional("filter") else {
            return Ok(Filter::Everything);
        };
        let attribute = |wanted: &str| {
            let mut all = filter.attributes().iter();
            // `nc:type` is as common in the wild as the `type` of RFC 6241 section 7.7.
            all.find(|attribute| {
                attribute.name.rsplit(':').next() == Some(wanted) && !attribute.name.starts_with("xmlns")
            })
            .map(|attribute| attribute.value.as_str())
        };
        match attribute("type") {
            None | Some("subtree") => {
                if !filter.text().is_empty() {
                    let message = format!("filter of {} holds text beside its elements", self.operation);
                    return Err(bad_element("filter", message));
                }
                Ok(Filter::Subtree(content(filter)?))
            }
            Some("xpath") => match attribute("select") {
                Some(select) => Ok(Filter::XPath {
                    select: select.to_owned(),
                    namespaces: filter.scope(),
                }),
                None => {
                    let message = format!(
                        "filter of {} has type xpath but no select attribute",
                        self.operation
                    );
                    Err(ManagementError::protocol(ErrorTag::MissingAttribute, message)
                        .with_info("bad-attribute", "select")
                        .with_info("bad-element", "filter"))
                }
            },
            Some(other) => {
                let message = format!("type of filter: `{other}` is not one of subtree, xpath");
                Err(ManagementError::protocol(ErrorTag::BadAttribute, message)
                    .with_info("bad-attribute", "type")
                    .with_info("bad-element", "filter"))
            }
        }
    }
}

/// The one element inside `<source>` or `<target>`.
pub fn only_child<'d>(operation: &str, holder: Element<'d>) -> Result<Element<'d>, ManagementError> {
    let mut children = holder.children();
    let Some(first) = children.next() else {
        let message = format!(
            "<{}> of {operation} is empty: it names candidate or running",
            holder.name()
        );
        return Err(missing_element(holder.name(), message));
    };
    if let Some(second) = children.next() {
        let message = format!(
            "<{}> of {operation} names one datastore: <{}> is a second one",
            holder.name(),
            second.name()
        );
        return Err(bad_element(second.name(), message));
    }
    Ok(first)
}

/// The datastore that an element stands for.
pub fn datastore(
    operation: &str,
    holder: Element<'_>,
    choice: Element<'_>,
) -> Result<DatastoreName, ManagementError> {
    match (choice.namespace(), choice.name()) {
        // An augment of RFC 8526 section 3.2.
        (namespace::NMDA, "datastore") => match nmda_datastore(operation, choice)? {
            NmdaDatastore::Conventional(name) => Ok(name),
            NmdaDatastore::Operational => Err(invalid_value(
                "datastore",
                format!(
                    "{} of {operation}: operational is no configuration",
                    holder.name()
                ),
            )),
        },
        (namespace::BASE | namespace::BASE_OF_NAPALM | "", name) => match name {
            "running" => Ok(DatastoreName::Running),
            "candidate" => Ok(DatastoreName::Candidate),
            "startup" => Ok(DatastoreName::Startup),
            other => {
                let message = format!(
                    "{} of {operation}: `{other}` is not a datastore, expected candidate or running",
                    holder.name()
                );
                Err(ManagementError::protocol(ErrorTag::UnknownElement, message)
                    .with_info("bad-element", other))
            }
        },
        (other, name) => {
            let message = format!("{} of {operation}: <{name}> is in `{other}`", holder.name());
            Err(ManagementError::protocol(ErrorTag::UnknownNamespace, message)
                .with_info("bad-element", name)
                .with_info("bad-namespace", other))
        }
    }
}

/// The name of an element of the protocol.
pub fn in_protocol(element: Element<'_>) -> Option<&str> {
    [namespace::BASE, namespace::BASE_OF_NAPALM, ""]
        .contains(&element.namespace())
        .then(|| element.name())
}

/// The text of `<url>`.
pub fn url(operation: &str, element: Element<'_>) -> Result<String, ManagementError> {
    match leaf(element)? {
        "" => {
            let message = format!("url of {operation} is empty");
            Err(ManagementError::protocol(ErrorTag::InvalidValue, message).with_info("bad-element", "url"))
        }
        url => Ok(url.to_owned()),
    }
}

/// The elements inside `<filter>` or `<config>`, with the namespaces that they inherit declared on them.
pub fn content(holder: Element<'_>) -> Result<ConfigText, ManagementError> {
    holder.content(MAX_CONTENT_BYTES).ok_or_else(|| {
        let message = format!(
            "{} is longer than {MAX_CONTENT_BYTES} bytes once its namespaces are declared where they are used",
            holder.name()
        );
        ManagementError::protocol(ErrorTag::TooBig, message)
    })
}

/// The content of `<config>`.
pub fn config(operation: &str, holder: Element<'_>) -> Result<ConfigText, ManagementError> {
    if !holder.text().is_empty() {
        return Err(bad_element(
            "config",
            format!("config of {operation} holds text beside its elements"),
        ));
    }
    content(holder)
}

/// The text of an element that may hold nothing else.
pub fn leaf(element: Element<'_>) -> Result<&str, ManagementError> {
    match element.children().next() {
        None => Ok(element.text()),
        Some(child) => Err(unknown_element(element.name(), child.name(), &[])),
    }
}

/// A refusal that says which child may stand where.
pub fn unknown_element(parent: &str, child: &str, allowed: &[&str]) -> ManagementError {
    let message = match allowed {
        [] => format!("{parent} does not take <{child}>: it takes no elements"),
        allowed => format!(
            "{parent} does not take <{child}>: it takes {}",
            allowed.join(", ")
        ),
    };
    ManagementError::protocol(ErrorTag::UnknownElement, message).with_info("bad-element", child)
}

/// The datastore that the text of an element names.
pub fn nmda_datastore(operation: &str, element: Element<'_>) -> Result<NmdaDatastore, ManagementError> {
    let given = leaf(element)?;
    let name = given.split_once(':').map_or(given, |(_, name)| name);
    let namespace = match given.split_once(':') {
        Some((prefix, _)) => element
            .scope()
            .into_iter()
            .find(|(bound, _)| bound == prefix)
            .map(|(_, namespace)| namespace),
        // Without a prefix it can only mean one of these.
        None => Some(namespace::DATASTORES.to_owned()),
    };
    let is_ours = namespace.as_deref() == Some(namespace::DATASTORES);
    match name {
        "running" if is_ours => Ok(NmdaDatastore::Conventional(DatastoreName::Running)),
        "candidate" if is_ours => Ok(NmdaDatastore::Conventional(DatastoreName::Candidate)),
        "startup" if is_ours => Ok(NmdaDatastore::Conventional(DatastoreName::Startup)),
        "operational" if is_ours => Ok(NmdaDatastore::Operational),
        _ => Err(invalid_value(
            element.name(),
            format!(
                "{} of {operation}: `{given}` is not a datastore of this server",
                element.name()
            ),
        )),
    }
}

/// A refusal of a value.
pub fn invalid_value(name: &str, message: String) -> ManagementError {
    ManagementError::protocol(ErrorTag::InvalidValue, message).with_info("bad-element", name)
}

/// A refusal for want of a parameter.
pub fn missing_element(name: &str, message: String) -> ManagementError {
    ManagementError::protocol(ErrorTag::MissingElement, message).with_info("bad-element", name)
}

fn bad_element(name: &str, message: String) -> ManagementError {
    ManagementError::protocol(ErrorTag::BadElement, message).with_info("bad-element", name)
}
