//! Instance paths: where a node stands, free of any tree.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::yang::schema::Schema;

/// The way from the root to one node. Its text form is that of RFC 7951: a module name where the module changes,
/// `/m:list[key='value']/leaf`.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Default)]
pub struct InstancePath {
    steps: Vec<Step>,
}

/// One node on the way.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Step {
    /// Module of the node.
    pub module: String,
    /// Its name.
    pub name: String,
    /// Which instance.
    pub instance: Instance,
}

/// Tells instances of one schema node under one parent apart.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Instance {
    /// There is at most one: container, leaf.
    Single,
    /// A list entry: key names and canonical values, in schema order.
    Keys(Vec<(String, String)>),
    /// A leaf-list entry by canonical value.
    Value(String),
    /// The n-th entry of a list without keys, from 1.
    Position(usize),
}

impl InstancePath {
    /// The root itself.
    pub fn root() -> InstancePath {
        InstancePath::default()
    }

    /// Whether this is the root.
    pub fn is_root(&self) -> bool {
        self.steps.is_empty()
    }

    /// The nodes on the way, root first.
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// Goes one node deeper.
    pub fn push(&mut self, step: Step) {
        self.steps.push(step);
    }

    /// Comes back up.
    pub fn pop(&mut self) -> Option<Step> {
        self.steps.pop()
    }

    /// The path of a child.
    pub fn child(&self, step: Step) -> InstancePath {
        let mut steps = Vec::with_capacity(self.steps.len() + 1);
        steps.extend_from_slice(&self.steps);
        steps.push(step);
        InstancePath { steps }
    }

    /// The parent's path and the last step; `None` at the root.
    pub fn split_last(&self) -> Option<(&[Step], &Step)> {
        self.steps.split_last().map(|(last, parents)| (parents, last))
    }

    /// Whether `self` is `other` or lies below it.
    pub fn is_within(&self, other: &InstancePath) -> bool {
        self.steps.starts_with(&other.steps)
    }

    /// The path of the parent; the root's is the root.
    pub fn parent(&self) -> InstancePath {
        let mut parent = self.clone();
        parent.steps.pop();
        parent
    }

    /// Its first steps, so many.
    pub fn up_to(&self, depth: usize) -> InstancePath {
        InstancePath {
            steps: self.steps.iter().take(depth).cloned().collect(),
        }
    }

    /// The path without instances, `/m:a/b/n:c`, as [`crate::yang::schema_node::SchemaNode::path`] gives it.
    pub fn schema_path(&self) -> String {
        let mut path = String::new();
        let mut module = "";
        for step in &self.steps {
            path.push('/');
            if step.module != module {
                module = &step.module;
                path.push_str(module);
                path.push(':');
            }
            path.push_str(&step.name);
        }
        path
    }

    /// Reads the text form.
    pub fn parse(text: &str) -> Result<InstancePath, PathError> {
        let wrong = |reason| PathError {
            path: text.to_owned(),
            reason,
        };
        let mut steps: Vec<Step> = Vec::new();
        let mut rest = text;
        if rest == "/" {
            return Ok(InstancePath::root());
        }
        while !rest.is_empty() {
            rest = rest
                .strip_prefix('/')
                .ok_or_else(|| wrong("a step must begin with '/'"))?;
            let end = rest.find(['/', '[']).unwrap_or(rest.len());
            let (qualified, after) = rest.split_at(end);
            let (module, name) = match qualified.split_once(':') {
                Some((module, name)) => (module.to_owned(), name),
                None => match steps.last() {
                    Some(parent) => (parent.module.clone(), qualified),
                    None => return Err(wrong("the first step needs its module's name")),
                },
            };
            if name.is_empty() || module.is_empty() {
                return Err(wrong("a step has no name"));
            }
            let (instance, after) = parse_predicates(after).ok_or_else(|| wrong("a predicate is broken"))?;
            steps.push(Step {
                module,
                name: name.to_owned(),
                instance,
            });
            rest = after;
        }
        Ok(InstancePath { steps })
    }

    /// The instance identifier of RFC 7950 section 9.13 with a prefix on every name, and what the prefixes mean.
    pub fn to_identifier(&self, schema: &Schema) -> (String, Vec<(String, String)>) {
        let mut text = String::new();
        let mut used: Vec<(String, String)> = Vec::new();
        for step in &self.steps {
            let (prefix, namespace) = match schema.module(&step.module) {
                Some(module) => (module.prefix.as_str(), module.namespace.as_str()),
                None => (step.module.as_str(), ""),
            };
            // Two modules may choose the same prefix; the module's name is then as good a prefix and unique.
            let taken = used.iter().any(|(p, n)| p == prefix && n != namespace);
            let prefix = if taken { step.module.as_str() } else { prefix };
            if !used.iter().any(|(p, _)| p == prefix) {
                used.push((prefix.to_owned(), namespace.to_owned()));
            }
            text.push('/');
            text.push_str(prefix);
            text.push(':');
            text.push_str(&step.name);
            write_instance(&mut text, &step.instance, Some(prefix));
        }
        (text, used)
    }
}

/// Writes `[key='value']` and its kin.
fn write_instance(text: &mut String, instance: &Instance, prefix: Option<&str>) {
    match instance {
        Instance::Single => {}
        Instance::Keys(keys) => {
            for (name, value) in keys {
                text.push('[');
                if let Some(prefix) = prefix {
                    text.push_str(prefix);
                    text.push(':');
                }
                text.push_str(name);
                text.push('=');
                quote(text, value);
                text.push(']');
            }
        }
        Instance::Value(value) => {
            text.push_str("[.=");
            quote(text, value);
            text.push(']');
        }
        Instance::Position(position) => {
            text.push('[');
            text.push_str(&position.to_string());
            text.push(']');
        }
    }
}

/// XPath has no escapes: a value with one kind of quote takes the other. One with both cannot be written
/// in an instance identifier; it is shown with its single quotes doubled, which [`InstancePath::parse`] reads back.
fn quote(text: &mut String, value: &str) {
    if !value.contains('\'') {
        text.push('\'');
        text.push_str(value);
        text.push('\'');
    } else if !value.contains('"') {
        text.push('"');
        text.push_str(value);
        text.push('"');
    } else {
        text.push('\'');
        text.push_str(&value.replace('\'', "''"));
        text.push('\'');
    }
}

/// Reads all predicates of a step; gives the instance and the rest of the text.
fn parse_predicates(mut rest: &str) -> Option<(Instance, &str)> {
    let mut keys = Vec::new();
    while let Some(inside) = rest.strip_prefix('[') {
        let inside = inside.trim_start();
        if let Some(value) = inside.strip_prefix('.') {
            let (value, after) = parse_value(value)?;
            return Some((Instance::Value(value), after));
        }
        if inside.starts_with(|c: char| c.is_ascii_digit()) {
            let (number, after) = inside.split_once(']')?;
            return Some((Instance::Position(number.trim().parse().ok()?), after));
        }
        let equals = inside.find('=')?;
        let (name, value) = inside.split_at(equals);
        let name = name.trim();
        let (prefix, name) = name.split_once(':').unwrap_or(("", name));
        // A path or an expression there is no key.
        let is_name = |text: &str| text.chars().all(|c| c.is_alphanumeric() || "_-.".contains(c));
        if name.is_empty() || !is_name(prefix) || !is_name(name) {
            return None;
        }
        let (value, after) = parse_value(value)?;
        keys.push((name.to_owned(), value));
        rest = after;
    }
    Some(if keys.is_empty() {
        (Instance::Single, rest)
    } else {
        (Instance::Keys(keys), rest)
    })
}

/// Reads `='value']`.
fn parse_value(text: &str) -> Option<(String, &str)> {
    let text = text.trim_start().strip_prefix('=')?.trim_start();
    let quote = text.chars().next().filter(|c| matches!(c, '\'' | '"'))?;
    let mut rest = text.get(1..)?;
    let mut value = String::new();
    loop {
        let end = rest.find(quote)?;
        value.push_str(rest.get(..end)?);
        rest = rest.get(end + 1..)?;
        match rest.strip_prefix(quote) {
            Some(after) => {
                value.push(quote);
                rest = after;
            }
            None => break,
        }
    }
    Some((value, rest.trim_start().strip_prefix(']')?))
}

impl fmt::Display for InstancePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_root() {
            return f.write_str("/");
        }
        let mut module = "";
        for step in &self.steps {
            f.write_str("/")?;
            if step.module != module {
                write!(f, "{}:", step.module)?;
                module = &step.module;
            }
            f.write_str(&step.name)?;
            let mut predicates = String::new();
            write_instance(&mut predicates, &step.instance, None);
            f.write_str(&predicates)?;
        }
        Ok(())
    }
}

impl Serialize for InstancePath {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for InstancePath {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<InstancePath, D::Error> {
        let text = String::deserialize(deserializer)?;
        InstancePath::parse(&text).map_err(serde::de::Error::custom)
    }
}

/// A text that is no instance path.
#[derive(thiserror::Error, Clone, PartialEq, Eq, Debug)]
#[error("{path:?} is not an instance path: {reason}")]
pub struct PathError {
    /// The text.
    pub path: String,
    /// What is wrong with it.
    pub reason: &'static str,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_reads_back_as_it_was_written() {
        for text in [
            "/",
            "/m:a",
            "/m:a/b[k='1'][l=\"it's\"]/n:c",
            "/m:a/b[.='x/y[z]']",
            "/m:a/b[3]/c",
            "/m:a/b[k='both '' and \"']",
        ] {
            assert_eq!(InstancePath::parse(text).unwrap().to_string(), text);
        }
    }

    #[test]
    fn a_broken_path_says_what_is_wrong() {
        for text in [
            "a",
            "/a",
            "/m:",
            "/m:a[k=1]",
            "/m:a[k='1'",
            "/m:a//b",
            "/m:a[m:b/m:c='1']",
            "/m:a[not(k)='1']",
            "/m:a[='1']",
        ] {
            assert!(InstancePath::parse(text).is_err(), "{text}");
        }
    }
}
