//! The attributes of an edit: what to do with an element, and where to put it.

use crate::yang::document::{Attribute, Element, NETCONF_BASE};
use crate::yang::error::{DataError, DataErrorTag};
use crate::yang::path::{Instance, InstancePath};
use crate::yang::place::{Placement, canonical_value};
use crate::yang::rejection;
use crate::yang::resolve;
use crate::yang::schema_node::{NodeKind, SchemaNode};

/// The namespace of `insert`, `value` and `key` (RFC 7950 section 7.8.6).
const YANG: &str = "urn:ietf:params:xml:ns:yang:1";

/// The namespace of `default` (RFC 6243 section 6).
const DEFAULT: &str = "urn:ietf:params:xml:ns:netconf:default:1.0";

/// What to do with an element of an edit (RFC 6241 section 7.2).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum EditOperation {
    /// Merge with what is there.
    Merge,
    /// Replace what is there.
    Replace,
    /// Make it; it must not be there.
    Create,
    /// Take it away; it must be there.
    Delete,
    /// Take it away, if it is there.
    Remove,
    /// Nothing, but it must be there. Only as default operation.
    None,
}

impl EditOperation {
    fn parse(text: &str) -> Option<EditOperation> {
        Some(match text {
            "merge" => EditOperation::Merge,
            "replace" => EditOperation::Replace,
            "create" => EditOperation::Create,
            "delete" => EditOperation::Delete,
            "remove" => EditOperation::Remove,
            _ => return None,
        })
    }

    /// Whether it makes what is missing.
    pub fn writes(self) -> bool {
        matches!(
            self,
            EditOperation::Merge | EditOperation::Replace | EditOperation::Create
        )
    }

    /// Whether it takes away.
    pub fn takes_away(self) -> bool {
        matches!(self, EditOperation::Delete | EditOperation::Remove)
    }
}

/// The operation of an element: its own or the one in force around it. Also refuses attributes that mean nothing.
/// `at` is the parent's path.
pub fn operation(
    node: SchemaNode<'_>,
    element: &Element,
    inherited: EditOperation,
    at: &InstancePath,
) -> Result<EditOperation, DataError> {
    let mut found = inherited;
    for attribute in &element.attributes {
        match (attribute.namespace.as_deref(), attribute.name.as_str()) {
            (Some(NETCONF_BASE), "operation") => {
                found = EditOperation::parse(attribute.value.trim()).ok_or_else(|| {
                    let message = format!(
                        "{}: operation {:?} is not one of merge, replace, create, delete, remove",
                        element.name, attribute.value
                    );
                    bad_attribute(node, attribute, message, at)
                })?;
            }
            (Some(YANG), "insert" | "value" | "key") if node.is_user_ordered() => {}
            (Some(YANG), "insert" | "value" | "key") => {
                let message = format!(
                    "{}: {} is only for lists that clients order",
                    node.name(),
                    attribute.name
                );
                return Err(bad_attribute(node, attribute, message, at));
            }
            (Some(DEFAULT), "default") if node.kind() == NodeKind::Leaf => {
                if !matches!(attribute.value.trim(), "true" | "1" | "false" | "0") {
                    let message = format!(
                        "{}: default {:?} is not true or false",
                        element.name, attribute.value
                    );
                    return Err(bad_attribute(node, attribute, message, at));
                }
            }
            (None, "operation") => {
                let mut error = resolve::unknown_attribute(node.schema(), element, "operation", at);
                error.message = format!(
                    "{}: the attribute operation needs a prefix bound to {NETCONF_BASE}",
                    element.name
                )
                .into();
                return Err(error);
            }
            _ => {
                return Err(resolve::unknown_attribute(
                    node.schema(),
                    element,
                    &attribute.name,
                    at,
                ));
            }
        }
    }
    Ok(found)
}

/// Whether a client says of a leaf that it has its default value: it is then as if nobody had set it (RFC 6243 section 4.5.2).
pub fn is_tagged_default(element: &Element) -> bool {
    element
        .attribute(Some(DEFAULT), "default")
        .is_some_and(|value| matches!(value.trim(), "true" | "1"))
}

/// Whether an element further down asks for something to be made.
pub fn writes_below(element: &Element) -> bool {
    element.children.iter().any(|child| {
        let own = child.attribute(Some(NETCONF_BASE), "operation");
        own.and_then(EditOperation::parse)
            .is_some_and(EditOperation::writes)
            || writes_below(child)
    })
}

/// Where `insert`, `value` and `key` want an entry; `None` without `insert`.
pub fn placement(
    node: SchemaNode<'_>,
    element: &Element,
    at: &InstancePath,
) -> Result<Option<Placement>, DataError> {
    let find = |name: &str| {
        element
            .attributes
            .iter()
            .find(|attribute| attribute.name == name && attribute.namespace.as_deref() == Some(YANG))
    };
    let Some(insert) = find("insert") else {
        return match find("value").or(find("key")) {
            Some(stray) => {
                let message = format!("{}: {} means nothing without insert", node.name(), stray.name);
                Err(bad_attribute(node, stray, message, at))
            }
            None => Ok(None),
        };
    };
    Ok(Some(match insert.value.trim() {
        "first" => Placement::First,
        "last" => Placement::Last,
        "before" => Placement::Before(anchor(node, &find, at)?),
        "after" => Placement::After(anchor(node, &find, at)?),
        other => {
            let message = format!(
                "{}: insert {other:?} is not one of first, last, before, after",
                node.name()
            );
            return Err(bad_attribute(node, insert, message, at));
        }
    }))
}

/// The entry that `before` or `after` is about.
fn anchor<'e>(
    node: SchemaNode<'_>,
    find: &dyn Fn(&str) -> Option<&'e Attribute>,
    at: &InstancePath,
) -> Result<Instance, DataError> {
    let name = if node.kind() == NodeKind::LeafList {
        "value"
    } else {
        "key"
    };
    let Some(attribute) = find(name) else {
        let message = format!(
            "{}: insert before and after need the attribute {name}",
            node.name()
        );
        return Err(DataError::new(DataErrorTag::MissingAttribute, message)
            .with_attribute(name)
            .with_element(node.name())
            .at(node.schema(), at));
    };
    if node.kind() == NodeKind::LeafList {
        return canonical_value(node, attribute.value.trim())
            .map(Instance::Value)
            .map_err(|reason| rejection::invalid_value(node, &attribute.value, reason.as_deref(), at));
    }
    // RFC 7950 7.8.6: the value is the key predicates of an instance identifier, names with prefixes.
    let broken = || {
        let message = format!(
            "{}: key {:?} is not of the form [prefix:name='value'] for each key",
            node.name(),
            attribute.value
        );
        bad_attribute(node, attribute, message, at)
    };
    let path = InstancePath::parse(&format!("/m:x{}", attribute.value.trim())).map_err(|_| broken())?;
    let Some(Instance::Keys(given)) = path.split_last().map(|(_, step)| step.instance.clone()) else {
        return Err(broken());
    };
    let mut keys = Vec::new();
    for key in node.keys() {
        let (_, value) = given
            .iter()
            .find(|(name, _)| name == key.name())
            .ok_or_else(broken)?;
        let value = canonical_value(key, value).map_err(|_| broken())?;
        keys.push((key.name().to_owned(), value));
    }
    Ok(Instance::Keys(keys))
}

fn bad_attribute(
    node: SchemaNode<'_>,
    attribute: &Attribute,
    message: String,
    at: &InstancePath,
) -> DataError {
    DataError::new(DataErrorTag::BadAttribute, message)
        .with_attribute(attribute.name.as_str())
        .with_element(node.name())
        .at(node.schema(), &resolve::below(node, at))
}
