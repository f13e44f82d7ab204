//! Words for what is wrong with data: the thing, the value, the rule.

use std::fmt::Write as _;

use crate::yang::error::{DataError, DataErrorTag};
use crate::yang::path::{Instance, InstancePath, Step};
use crate::yang::schema::Schema;
use crate::yang::schema_node::{NodeKind, SchemaNode};
use crate::yang::value_rule::ValueRule;

/// How many names of an enumeration a message lists.
const NAMES_SHOWN: usize = 12;
/// How much of a value a message shows, in characters.
const VALUE_SHOWN: usize = 60;

impl DataError {
    /// The same error, whose path so far counts from `parent`.
    pub(in crate::yang) fn below(self, schema: &Schema, parent: &InstancePath) -> DataError {
        if self.path.is_some() {
            self
        } else {
            self.at(schema, parent)
        }
    }
}

/// A value that its type does not take. `reason` is libyang's; it names the pattern that did not match.
pub fn invalid_value(
    node: SchemaNode<'_>,
    value: &str,
    reason: Option<&str>,
    parent: &InstancePath,
) -> DataError {
    let mut message = String::new();
    message.push_str(&short_name(node));
    message.push_str(": ");
    if let Some(rule) = node.value_rule() {
        // libyang's words repeat the value, so they go where it goes.
        let (shown, reason) = if is_secret(node) {
            ("the value".to_owned(), None)
        } else {
            (quoted(value), reason)
        };
        explain(&mut message, &rule, &shown, value, reason, node.units());
    }
    let path = parent.child(Step {
        module: node.module().to_owned(),
        name: node.name().to_owned(),
        instance: Instance::Single,
    });
    DataError::new(DataErrorTag::InvalidValue, message)
        .with_element(node.name())
        .at(node.schema(), &path)
}

/// A list entry without one of its keys.
pub fn missing_key(list: SchemaNode<'_>, key: &str) -> DataError {
    let keys: Vec<&str> = list.keys().map(|key| key.name()).collect();
    let message = format!(
        "{}: key {key} is missing; an entry needs {}",
        list.name(),
        keys.join(" and ")
    );
    DataError::new(DataErrorTag::MissingElement, message).with_element(key)
}

/// Name with the parent's before it, as short as tells leaves of a model apart.
pub fn short_name(node: SchemaNode<'_>) -> String {
    // The input of an operation is no element of its own.
    let is_parameters = |parent: &SchemaNode<'_>| {
        parent
            .parent()
            .is_some_and(|operation| operation.kind() == NodeKind::Operation)
    };
    match node.parent().filter(|parent| !is_parameters(parent)) {
        Some(parent) => format!("{}/{}", parent.name(), node.name()),
        None => node.name().to_owned(),
    }
}

/// Whether a value must not be shown.
fn is_secret(node: SchemaNode<'_>) -> bool {
    let name = node.name();
    [
        "token",
        "password",
        "passphrase",
        "secret",
        "private-key",
        "pre-shared",
    ]
    .iter()
    .any(|word| name.contains(word))
}

fn quoted(value: &str) -> String {
    if value.chars().count() > VALUE_SHOWN {
        let start: String = value.chars().take(VALUE_SHOWN).collect();
        format!("{:?} (and more)", start)
    } else {
        format!("{value:?}")
    }
}

fn explain(
    message: &mut String,
    rule: &ValueRule,
    shown: &str,
    value: &str,
    reason: Option<&str>,
    units: Option<&str>,
) {
    // Writing to a String cannot fail.
    let _ = match rule {
        ValueRule::Integer(ranges) => {
            let problem = if value.trim().parse::<i128>().is_ok() {
                "is outside"
            } else {
                "is not a whole number in"
            };
            write!(
                message,
                "{shown} {problem} {}{}",
                spans(ranges, 0),
                in_units(units)
            )
        }
        ValueRule::Decimal { digits, ranges } => {
            let problem = if value.trim().parse::<f64>().is_ok() {
                "is not one of"
            } else {
                "is not a number of"
            };
            let span = if ranges.is_empty() {
                String::new()
            } else {
                format!(" in {}", spans(ranges, *digits))
            };
            write!(
                message,
                "{shown} {problem} at most {digits} digits after the point{span}{}",
                in_units(units)
            )
        }
        ValueRule::Text { lengths, patterns } => {
            explain_text(message, lengths, patterns, shown, value, reason)
        }
        ValueRule::Enumeration(names) => write!(message, "{shown} is not one of {}", listed(names)),
        ValueRule::Bits(names) => write!(message, "{shown} is not made of {}", listed(names)),
        ValueRule::Boolean => write!(message, "{shown} is neither true nor false"),
        ValueRule::Empty => write!(message, "{shown} was given, but it takes no value"),
        ValueRule::Identity(bases) => write!(
            message,
            "{shown} is not an identity derived from {}",
            bases.join(" and ")
        ),
        ValueRule::Reference(target) => {
            explain(message, target, shown, value, reason, units);
            Ok(())
        }
        ValueRule::Union(members) => {
            let _ = write!(message, "{shown} fits none of {} forms: ", members.len());
            for (index, member) in members.iter().enumerate() {
                if index > 0 {
                    message.push_str("; ");
                }
                explain(message, member, "it", value, reason, units);
            }
            Ok(())
        }
        ValueRule::Binary => write!(message, "{shown} is not base64 of an allowed length"),
        ValueRule::InstanceIdentifier => write!(message, "{shown} is not the path of a node"),
        ValueRule::Expression => write!(
            message,
            "{shown} is not an XPath expression, or not a path of the schema"
        ),
    };
}

fn explain_text(
    message: &mut String,
    lengths: &[(i128, i128)],
    patterns: &[(String, bool)],
    shown: &str,
    value: &str,
    reason: Option<&str>,
) -> std::fmt::Result {
    let length = value.chars().count();
    let fits = i128::try_from(length)
        .is_ok_and(|l| lengths.iter().any(|(least, most)| (*least..=*most).contains(&l)));
    if !lengths.is_empty() && !fits {
        return write!(
            message,
            "{shown} has {length} characters, allowed are {}",
            spans(lengths, 0)
        );
    }
    // Without a regular expression engine of our own, libyang's words tell which pattern it was.
    let failed = patterns.iter().find(|(pattern, _)| {
        patterns.len() == 1 || reason.is_some_and(|reason| reason.contains(pattern.as_str()))
    });
    match failed {
        Some((pattern, false)) => write!(message, "{shown} does not match the pattern {pattern}"),
        Some((pattern, true)) => write!(message, "{shown} matches the forbidden pattern {pattern}"),
        None => write!(
            message,
            "{shown} is not allowed: {}",
            reason.unwrap_or("not a text of this type")
        ),
    }
}

fn listed(names: &[String]) -> String {
    let mut text = names
        .iter()
        .take(NAMES_SHOWN)
        .cloned()
        .collect::<Vec<_>>()
        .join(", ");
    if names.len() > NAMES_SHOWN {
        let _ = write!(text, " and {} more", names.len() - NAMES_SHOWN);
    }
    text
}

fn in_units(units: Option<&str>) -> String {
    units.map(|units| format!(" ({units})")).unwrap_or_default()
}

/// `-190..30`, `1..4 or 8`; numbers scaled by ten to the power of `digits`.
fn spans(ranges: &[(i128, i128)], digits: u8) -> String {
    let number = |value: i128| -> String {
        if digits == 0 {
            return value.to_string();
        }
        let scale = 10_i128.pow(u32::from(digits));
        let sign = if value < 0 { "-" } else { "" };
        let text = format!(
            "{sign}{}.{:0width$}",
            (value / scale).abs(),
            (value % scale).abs(),
            width = usize::from(digits)
        );
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    };
    ranges
        .iter()
        .map(|(least, most)| {
            if least == most {
                number(*least)
            } else if *most == i128::from(u64::MAX) {
                format!("{} or more", number(*least))
            } else {
                format!("{}..{}", number(*least), number(*most))
            }
        })
        .collect::<Vec<_>>()
        .join(" or ")
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::yang::modules::ModuleSet;
    use crate::yang::place::canonical_value;

    fn schema() -> Arc<Schema> {
        let text = r#"module t { yang-version 1.1; namespace "urn:t"; prefix t;
          container c {
            leaf power { type int32 { range "-190..30"; } units "0.1 dBm"; }
            leaf rate { type enumeration { enum slow; enum fast; } }
            leaf name { type string { length "1..4"; pattern '[a-z]+'; } }
            leaf id-token { type string { length "1..4"; } }
            leaf password { type string { pattern '[a-z]+'; pattern '.{4}'; } }
            leaf share { type decimal64 { fraction-digits 2; range "0..1.5"; } }
            leaf on { type boolean; }
            leaf mark { type empty; }
            leaf any { type union { type int8 { range "1..2"; } type enumeration { enum all; } } }
          } }"#;
        Schema::load(ModuleSet::new().with_module("t", text)).unwrap()
    }

    fn message(schema: &Arc<Schema>, leaf: &str, value: &str) -> String {
        let node = schema.find(&format!("/t:c/{leaf}")).unwrap();
        let reason = canonical_value(node, value).unwrap_err();
        let path = InstancePath::parse("/t:c").unwrap();
        let error = invalid_value(node, value, reason.as_deref(), &path);
        assert_eq!(error.path.as_deref(), Some(format!("/t:c/t:{leaf}").as_str()));
        assert_eq!(*error.namespaces, [("t".to_owned(), "urn:t".to_owned())]);
        error.message.into()
    }

    #[test]
    fn a_message_names_thing_value_and_rule() {
        let schema = schema();
        for (leaf, value, expected) in [
            ("power", "31", r#"c/power: "31" is outside -190..30 (0.1 dBm)"#),
            (
                "power",
                "much",
                r#"c/power: "much" is not a whole number in -190..30 (0.1 dBm)"#,
            ),
            ("rate", "medium", r#"c/rate: "medium" is not one of slow, fast"#),
            (
                "name",
                "abcde",
                r#"c/name: "abcde" has 5 characters, allowed are 1..4"#,
            ),
            ("name", "A", r#"c/name: "A" does not match the pattern [a-z]+"#),
            (
                "id-token",
                "abcde",
                "c/id-token: the value has 5 characters, allowed are 1..4",
            ),
            (
                "password",
                "HUSH",
                "c/password: the value is not allowed: not a text of this type",
            ),
            (
                "share",
                "2",
                r#"c/share: "2" is not one of at most 2 digits after the point in 0..1.5"#,
            ),
            ("on", "1", r#"c/on: "1" is neither true nor false"#),
            ("mark", "x", r#"c/mark: "x" was given, but it takes no value"#),
            (
                "any",
                "3",
                r#"c/any: "3" fits none of 2 forms: it is outside 1..2; it is not one of all"#,
            ),
        ] {
            assert_eq!(message(&schema, leaf, value), expected);
        }
    }
}
