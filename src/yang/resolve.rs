//! From XML elements to schema nodes and values, with every fault named.

use std::borrow::Cow;

use crate::yang::document::{Element, Scope};
use crate::yang::error::{DataError, DataErrorTag};
use crate::yang::path::{Instance, InstancePath, Step};
use crate::yang::place::canonical_value;
use crate::yang::prefixes::with_other_prefixes;
use crate::yang::rejection;
use crate::yang::schema::Schema;
use crate::yang::schema_node::{NodeKind, SchemaNode};
use crate::yang::value_rule::ValueRule;

/// The node that an element names below `parent`, or at the top without one. `at` is the parent's path.
pub fn child<'s>(
    schema: &'s Schema,
    parent: Option<SchemaNode<'s>>,
    element: &Element,
    at: &InstancePath,
) -> Result<SchemaNode<'s>, DataError> {
    let whose = parent.map_or("the configuration", |parent| parent.name());
    let namespace = element.namespace.as_deref().unwrap_or_default();
    let Some(module) = schema.module_of_namespace(namespace) else {
        let message = if namespace.is_empty() {
            format!(
                "{} has no namespace{}",
                element.name,
                hint(schema, parent, element)
            )
        } else {
            format!(
                "{} in {whose}: no module has the namespace {namespace}{}",
                element.name,
                hint(schema, parent, element)
            )
        };
        return Err(DataError::new(DataErrorTag::UnknownNamespace, message)
            .with_element(element.name.as_str())
            .with_namespace(namespace)
            .at(schema, at));
    };
    let found = match parent {
        None => schema.top(&module.name, &element.name),
        Some(parent) => parent.child(&module.name, &element.name),
    };
    found.ok_or_else(|| {
        let message = format!(
            "{} is not known in {whose}: module {} has no such node there{}",
            element.name,
            module.name,
            hint(schema, parent, element)
        );
        DataError::new(DataErrorTag::UnknownElement, message)
            .with_element(element.name.as_str())
            .at(schema, at)
    })
}

/// Where a node of that name is, when only the namespace is wrong.
fn hint(schema: &Schema, parent: Option<SchemaNode<'_>>, element: &Element) -> String {
    let other = match parent {
        None => schema.top_nodes().find(|node| node.name() == element.name),
        Some(parent) => parent.children().find(|node| node.name() == element.name),
    };
    other.map_or(String::new(), |node| {
        format!("; a node of this name is in namespace {}", node.namespace())
    })
}

/// Refuses text where only elements belong.
pub fn no_text(node: SchemaNode<'_>, element: &Element, at: &InstancePath) -> Result<(), DataError> {
    if element.trimmed().is_empty() {
        return Ok(());
    }
    let message = format!(
        "{} takes elements, not the text {:?}",
        node.name(),
        shortened(element.trimmed())
    );
    Err(DataError::new(DataErrorTag::BadElement, message)
        .with_element(node.name())
        .at(node.schema(), at))
}

fn shortened(text: &str) -> String {
    text.chars().take(40).collect()
}

/// The value of a leaf or leaf-list element in the form of RFC 7951: prefixes turned into module names. The type is
/// not checked. `at` is the parent's path.
pub fn value<'e>(
    node: SchemaNode<'_>,
    element: &'e Element,
    at: &InstancePath,
) -> Result<Cow<'e, str>, DataError> {
    if let Some(child) = element.children.first() {
        let message = format!(
            "{} is a leaf and cannot hold the element {}",
            node.name(),
            child.name
        );
        return Err(DataError::new(DataErrorTag::BadElement, message)
            .with_element(child.name.as_str())
            .at(node.schema(), &below(node, at)));
    }
    let Some(traits) = node.value_traits() else {
        return Ok(Cow::Borrowed(""));
    };
    let text = if traits.keeps_blanks {
        element.text.as_str()
    } else {
        element.trimmed()
    };
    // A deletion may leave the value out.
    if !traits.names_modules || text.is_empty() {
        return Ok(Cow::Borrowed(text));
    }
    let Some(rule) = node.value_rule() else {
        return Ok(Cow::Borrowed(text));
    };
    let mut forms = prefixed_forms(node.schema(), &rule, text, &element.scope);
    if forms.is_empty() {
        return Ok(Cow::Borrowed(text));
    }
    // A union may mean the text as it stands.
    if matches!(rule, ValueRule::Union(_)) {
        forms.push(text.to_owned());
    }
    let fitting = forms.iter().position(|form| canonical_value(node, form).is_ok());
    Ok(Cow::Owned(forms.swap_remove(fitting.unwrap_or(0))))
}

/// What a value may mean where prefixes count: as an identity, as an instance identifier.
fn prefixed_forms(schema: &Schema, rule: &ValueRule, text: &str, scope: &Scope) -> Vec<String> {
    match rule {
        ValueRule::Identity(_) => {
            let (prefix, name) = text.split_once(':').unwrap_or(("", text));
            let module = scope
                .namespace(prefix)
                .and_then(|namespace| schema.module_of_namespace(namespace));
            module
                .map(|module| format!("{}:{name}", module.name))
                .into_iter()
                .collect()
        }
        ValueRule::InstanceIdentifier => identifier_form(schema, text, scope).into_iter().collect(),
        ValueRule::Expression => {
            let module_of = |prefix: &str| {
                let module = schema.module_of_namespace(scope.namespace(prefix)?)?;
                Some(module.name.clone())
            };
            // A node-instance-identifier takes the name of a module only where it changes.
            let path = identifier_form(schema, text, scope);
            path.into_iter()
                .chain([with_other_prefixes(text, module_of)])
                .collect()
        }
        ValueRule::Reference(target) => prefixed_forms(schema, target, text, scope),
        ValueRule::Union(members) => members
            .iter()
            .flat_map(|member| prefixed_forms(schema, member, text, scope))
            .collect(),
        _ => Vec::new(),
    }
}

fn identifier_form(schema: &Schema, text: &str, scope: &Scope) -> Option<String> {
    let mut path = InstancePath::root();
    for step in InstancePath::parse(text).ok()?.steps() {
        let module = schema.module_of_namespace(scope.namespace(&step.module)?)?;
        path.push(Step {
            module: module.name.clone(),
            ..step.clone()
        });
    }
    Some(path.to_string())
}

/// The canonical key values that a list element holds, in schema order. `at` is the parent's path.
pub fn keys(list: SchemaNode<'_>, element: &Element, at: &InstancePath) -> Result<Vec<String>, DataError> {
    let here = || below(list, at);
    let mut values = Vec::new();
    for key in list.keys() {
        let mut given = element
            .children
            .iter()
            .filter(|child| child.name == key.name() && child.namespace.as_deref() == Some(key.namespace()));
        let Some(child) = given.next() else {
            return Err(rejection::missing_key(list, key.name()).at(list.schema(), &here()));
        };
        if given.next().is_some() {
            let message = format!("{}: key {} is given twice", list.name(), key.name());
            return Err(DataError::new(DataErrorTag::BadElement, message)
                .with_element(key.name())
                .at(list.schema(), &here()));
        }
        // The path matters where something is wrong; it is worked out then.
        let text = match value(key, child, at) {
            Ok(text) => text,
            Err(_) => value(key, child, &here())?,
        };
        let canonical = canonical_value(key, &text)
            .map_err(|reason| rejection::invalid_value(key, &text, reason.as_deref(), &here()))?;
        values.push(canonical);
    }
    Ok(values)
}

/// Key names with their values.
pub fn named_keys(list: SchemaNode<'_>, values: &[String]) -> Instance {
    Instance::Keys(
        list.keys()
            .map(|key| key.name().to_owned())
            .zip(values.iter().cloned())
            .collect(),
    )
}

/// The path of a child, no matter which instance.
pub fn below(node: SchemaNode<'_>, at: &InstancePath) -> InstancePath {
    at.child(Step {
        module: node.module().to_owned(),
        name: node.name().to_owned(),
        instance: Instance::Single,
    })
}

/// The error for what this server does not carry in data.
pub fn no_anydata(node: SchemaNode<'_>, at: &InstancePath) -> DataError {
    debug_assert!(node.kind() == NodeKind::AnyData);
    let message = format!("{}: anydata and anyxml are not supported", node.name());
    DataError::new(DataErrorTag::OperationNotSupported, message)
        .with_element(node.name())
        .at(node.schema(), at)
}

/// An attribute that means nothing on an element.
pub fn unknown_attribute(
    schema: &Schema,
    element: &Element,
    attribute: &str,
    at: &InstancePath,
) -> DataError {
    let message = format!("{}: attribute {attribute} is not known", element.name);
    DataError::new(DataErrorTag::UnknownAttribute, message)
        .with_attribute(attribute)
        .with_element(element.name.as_str())
        .at(schema, at)
}
