//! XPath expressions as text: other prefixes for the same nodes.

use crate::yang::xpath::tokens::{Kind, Tokens};

/// The expression with each prefix replaced by what the map gives for it; a prefix that it does not know stays.
/// Literals, axes and functions stay as they are, and so does all from the first word on that makes no sense.
pub fn with_other_prefixes(expression: &str, other: impl Fn(&str) -> Option<String>) -> String {
    let mut out = String::with_capacity(expression.len());
    let mut copied = 0;
    for token in Tokens::of(expression).map_while(Result::ok) {
        let (Kind::AnyOf(prefix)
        | Kind::Name {
            prefix: Some(prefix), ..
        }) = token.kind
        else {
            continue;
        };
        if let Some(other) = other(prefix) {
            out.push_str(expression.get(copied..token.at).unwrap_or_default());
            out.push_str(&other);
            copied = token.at + prefix.len();
        }
    }
    out.push_str(expression.get(copied..).unwrap_or_default());
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_change_and_nothing_else() {
        let other = |prefix: &str| (prefix == "a").then(|| "long-name".to_owned());
        for (before, after) in [
            (
                "/a:b/c[a:k='a:v']/a:*",
                "/long-name:b/c[long-name:k='a:v']/long-name:*",
            ),
            ("child::a:b | b:a", "child::long-name:b | b:a"),
            ("a::b", "a::b"),
            ("count(//a:b) > 1.5", "count(//long-name:b) > 1.5"),
            ("a - a:b-a:c", "a - long-name:b-a:c"),
            ("\"a:b", "\"a:b"),
            ("", ""),
        ] {
            assert_eq!(with_other_prefixes(before, other), after);
        }
    }
}
