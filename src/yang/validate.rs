//! What YANG says about a whole configuration, in our own words and with the error tags of RFC 7950 section 15.

use crate::yang::error::{DataError, DataErrorTag};
use crate::yang::path::{Instance, InstancePath, Step};
use crate::yang::rejection::short_name;
use crate::yang::schema::{LibraryError, Schema};
use crate::yang::schema_node::SchemaNode;
use crate::yang::tree::Tree;

impl Tree {
    /// Checks everything: mandatory, must, when, unique, min- and max-elements, references. Defaults are filled in.
    /// Gives the paths of configured nodes that went because their `when` no longer holds, or all that is wrong.
    pub fn validate(&mut self) -> Result<Vec<InstancePath>, Vec<DataError>> {
        let (errors, removed) = self.run_validation();
        if errors.is_empty() {
            return Ok(removed);
        }
        let schema = self.schema();
        Err(errors.into_iter().map(|error| explain(schema, error)).collect())
    }

    /// The same for a notification. What it refers to may be gone by now, or not yet there.
    pub(in crate::yang) fn validate_notification(&mut self) -> Result<(), Vec<DataError>> {
        let errors = self.run_notification_validation();
        let schema = self.schema();
        let mut explained: Vec<DataError> = errors.into_iter().map(|error| explain(schema, error)).collect();
        explained.retain(|error| error.app_tag.as_deref() != Some("instance-required"));
        match explained.is_empty() {
            true => Ok(()),
            false => Err(explained),
        }
    }

    /// The same for the input of an operation.
    pub(in crate::yang) fn validate_operation(&mut self) -> Result<(), Vec<DataError>> {
        let errors = self.run_operation_validation();
        if errors.is_empty() {
            return Ok(());
        }
        let schema = self.schema();
        Err(errors.into_iter().map(|error| explain(schema, error)).collect())
    }
}

/// What kind of rule libyang found broken, told from its words and tags.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Broken {
    Mandatory,
    MandatoryChoice,
    TooFew,
    TooMany,
    Unique,
    Must,
    Reference,
    When,
    Duplicate,
    TwoCases,
    State,
    Other,
}

fn broken_rule(error: &LibraryError) -> Broken {
    let starts = |text: &str| error.message.starts_with(text);
    match error.app_tag.as_deref() {
        Some("missing-choice") => return Broken::MandatoryChoice,
        Some("too-few-elements") => return Broken::TooFew,
        Some("too-many-elements") => return Broken::TooMany,
        Some("data-not-unique") => return Broken::Unique,
        Some("instance-required") => return Broken::Reference,
        Some(_) => return Broken::Must,
        None => {}
    }
    if starts("Mandatory node") {
        Broken::Mandatory
    } else if starts("When condition") {
        Broken::When
    } else if starts("Duplicate instance") {
        Broken::Duplicate
    } else if starts("Data for both cases") {
        Broken::TwoCases
    } else if starts("Unexpected data state node") {
        Broken::State
    } else {
        Broken::Other
    }
}

fn explain(schema: &Schema, error: LibraryError) -> DataError {
    let mut path = error
        .data_path
        .as_deref()
        .and_then(|path| InstancePath::parse(path).ok())
        .unwrap_or_default();
    let node = schema_node_at(schema, &path);
    let name = node.map_or_else(|| "the configuration".to_owned(), short_name);
    let quoted = error.message.split('"').nth(1).unwrap_or_default().to_owned();
    let rule = broken_rule(&error);
    if rule == Broken::Mandatory {
        let child = match node {
            Some(parent) => parent.children().find(|child| child.name() == quoted),
            None => schema.top_nodes().find(|top| top.name() == quoted),
        };
        if let Some(child) = child {
            path.push(Step {
                module: child.module().to_owned(),
                name: child.name().to_owned(),
                instance: Instance::Single,
            });
        }
    }
    let (tag, app_tag, message) = match rule {
        Broken::Mandatory => (
            DataErrorTag::DataMissing,
            None,
            format!("{name}: {quoted} is mandatory and missing"),
        ),
        Broken::MandatoryChoice => (
            DataErrorTag::DataMissing,
            Some("missing-choice"),
            format!("{name}: one of the choice {quoted} is mandatory and none is there"),
        ),
        Broken::TooFew => (
            DataErrorTag::OperationFailed,
            Some("too-few-elements"),
            format!("{quoted} has too few entries{}", limits(schema, &path, &quoted)),
        ),
        Broken::TooMany => (
            DataErrorTag::OperationFailed,
            Some("too-many-elements"),
            format!("{quoted} has too many entries{}", limits(schema, &path, &quoted)),
        ),
        Broken::Unique => (
            DataErrorTag::OperationFailed,
            Some("data-not-unique"),
            format!("{name}: {}", error.message),
        ),
        Broken::Must => (
            DataErrorTag::OperationFailed,
            None,
            match error.message.strip_prefix("Must condition ") {
                Some(rest) => format!("{name}: the condition {rest}"),
                None => format!("{name}: {}", error.message),
            },
        ),
        Broken::Reference => (
            DataErrorTag::DataMissing,
            Some("instance-required"),
            format!("{name}: {quoted:?} refers to something that is not there"),
        ),
        Broken::When => (
            DataErrorTag::UnknownElement,
            None,
            format!("{name} is only allowed when {quoted:?} holds"),
        ),
        Broken::Duplicate => (DataErrorTag::BadElement, None, format!("{quoted} is there twice")),
        Broken::TwoCases => (DataErrorTag::BadElement, None, error.message.clone()),
        Broken::State => (
            DataErrorTag::InvalidValue,
            None,
            format!("{quoted} is state and cannot be configured"),
        ),
        Broken::Other => (
            DataErrorTag::OperationFailed,
            None,
            format!("{name}: {}", error.message),
        ),
    };
    let mut found = DataError::new(tag, message).at(schema, &path);
    if let Some(app_tag) = app_tag.map(str::to_owned).or(error.app_tag) {
        found = found.with_app_tag(app_tag);
    }
    if let Some((_, last)) = path.split_last() {
        found = found.with_element(last.name.as_str());
    }
    found
}

fn schema_node_at<'s>(schema: &'s Schema, path: &InstancePath) -> Option<SchemaNode<'s>> {
    path.steps()
        .iter()
        .try_fold(None, |parent: Option<SchemaNode<'s>>, step| {
            match parent {
                None => schema.top(&step.module, &step.name),
                Some(parent) => parent.child(&step.module, &step.name),
            }
            .map(Some)
        })?
}

/// `: at least 1, at most 4 are allowed` for the list named, found at the path or below it.
fn limits(schema: &Schema, path: &InstancePath, list: &str) -> String {
    let node = schema_node_at(schema, path);
    let node = match node {
        Some(node) if node.name() == list => Some(node),
        Some(parent) => parent.children().find(|child| child.name() == list),
        None => None,
    };
    match node.and_then(|node| node.element_limits()) {
        Some((least, Some(most))) => format!(": at least {least} and at most {most} are allowed"),
        Some((least, None)) => format!(": at least {least} are needed"),
        None => String::new(),
    }
}
