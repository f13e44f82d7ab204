//! XPath expressions as text: other prefixes for the same nodes.

/// The expression with each prefix replaced by what the map gives for it; a prefix that it does not know stays.
/// Literals, axes and functions stay as they are.
pub fn with_other_prefixes(expression: &str, other: impl Fn(&str) -> Option<String>) -> String {
    let mut out = String::with_capacity(expression.len());
    let mut rest = expression;
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '\'' | '"' => literal(rest, first),
            first if begins_name(first) => {
                let name = name(rest);
                let (word, after) = rest.split_at(name);
                if is_prefix(after) {
                    out.push_str(other(word).as_deref().unwrap_or(word));
                } else {
                    out.push_str(word);
                }
                rest = after;
                continue;
            }
            // A digit begins a number, which holds no name.
            first if first.is_ascii_digit() => name(rest),
            first => first.len_utf8(),
        };
        let (piece, after) = rest.split_at(length);
        out.push_str(piece);
        rest = after;
    }
    out
}

/// Length of the literal at the start, its quotes included; all of it when it does not end.
fn literal(text: &str, quote: char) -> usize {
    text.char_indices()
        .skip(1)
        .find(|(_, letter)| *letter == quote)
        .map_or(text.len(), |(at, letter)| at + letter.len_utf8())
}

/// Length of the name at the start.
fn name(text: &str) -> usize {
    text.find(|letter: char| !(begins_name(letter) || letter.is_ascii_digit() || matches!(letter, '-' | '.')))
        .unwrap_or(text.len())
}

fn begins_name(letter: char) -> bool {
    letter == '_' || letter.is_alphabetic()
}

/// Whether what follows a word makes it a prefix: one colon, and a name or `*` behind it.
fn is_prefix(after: &str) -> bool {
    after
        .strip_prefix(':')
        .and_then(|rest| rest.chars().next())
        .is_some_and(|next| next == '*' || begins_name(next))
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
