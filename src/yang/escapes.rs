//! Backslashes in YANG version 1, where one before any other letter than n, t, quote and backslash means itself.

use std::borrow::Cow;

/// The text with each backslash doubled that version 1.1 does not allow and version 1 keeps as it is (RFC 7950 section
/// 1.1): libyang reads both versions by the rules of 1.1. A module of version 1.1 stays as it is, and lines stay lines.
pub(in crate::yang) fn readable(text: &str) -> Cow<'_, str> {
    let places = places(text);
    if places.is_empty() {
        return Cow::Borrowed(text);
    }
    let mut readable = String::with_capacity(text.len() + places.len());
    let mut from = 0;
    for place in places {
        readable.push_str(text.get(from..place).unwrap_or_default());
        readable.push('\\');
        from = place;
    }
    readable.push_str(text.get(from..).unwrap_or_default());
    Cow::Owned(readable)
}

/// Where the backslashes stand that have to be doubled.
fn places(text: &str) -> Vec<usize> {
    let mut places = Vec::new();
    let mut words: [&str; 2] = ["", ""];
    let mut at = 0;
    while let Some(letter) = text.get(at..).and_then(|rest| rest.chars().next()) {
        let rest = text.get(at..).unwrap_or_default();
        let end = match letter {
            _ if rest.starts_with("//") => at + rest.find('\n').unwrap_or(rest.len()),
            _ if rest.starts_with("/*") => {
                at + rest
                    .get(2..)
                    .and_then(|inside| inside.find("*/"))
                    .map_or(rest.len(), |end| end + 4)
            }
            '"' => double_quoted(text, at, &mut places),
            '\'' => {
                at + rest
                    .get(1..)
                    .and_then(|inside| inside.find('\''))
                    .map_or(rest.len(), |end| end + 2)
            }
            _ if is_mark(letter) => at + letter.len_utf8(),
            _ => at + rest.find(is_mark).unwrap_or(rest.len()),
        };
        if !is_mark(letter) || matches!(letter, '"' | '\'') {
            let word = text.get(at..end).unwrap_or_default().trim_matches(['"', '\'']);
            words = [words[1], word];
            if words == ["yang-version", "1.1"] {
                return Vec::new();
            }
        }
        at = end;
    }
    places
}

/// Reads a string from its opening quote at `start` to the place behind its closing one.
fn double_quoted(text: &str, start: usize, places: &mut Vec<usize>) -> usize {
    let mut letters = text.get(start..).unwrap_or_default().char_indices().skip(1);
    while let Some((at, letter)) = letters.next() {
        match letter {
            '"' => return start + at + 1,
            '\\' => match letters.next() {
                Some((_, 'n' | 't' | '"' | '\\')) => {}
                _ => places.push(start + at),
            },
            _ => {}
        }
    }
    text.len()
}

/// Ends an unquoted word.
fn is_mark(letter: char) -> bool {
    letter.is_whitespace() || matches!(letter, '{' | '}' | ';' | '"' | '\'')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_backslash_that_means_itself_is_doubled_in_double_quotes_alone() {
        let module = r#"module m { // don't "\d"
            /* "\s" ' */ namespace urn:m; prefix m;
            leaf a { type string { pattern "\d+\.\"\\\n" + '\w"\w' + "\S"; } description a\b; }
        }"#;
        let wanted = r#"module m { // don't "\d"
            /* "\s" ' */ namespace urn:m; prefix m;
            leaf a { type string { pattern "\\d+\\.\"\\\n" + '\w"\w' + "\\S"; } description a\b; }
        }"#;
        assert_eq!(readable(module), wanted);
    }

    #[test]
    fn a_module_of_version_1_1_stays_as_it_is() {
        for version in ["1.1", "\"1.1\"", "'1.1'"] {
            let module = format!(r#"module m {{ yang-version {version}; description "\d"; }}"#);
            assert_eq!(readable(&module), module);
        }
        let first = r#"module m { yang-version "1"; description "\d"; }"#;
        assert_ne!(readable(first), first);
    }

    #[test]
    fn a_text_that_ends_anywhere_is_read_to_its_end() {
        let module = "module m { description \"ä\\ö\" + '\u{1F600}'; /* */ // x\n}";
        for end in (0..=module.len()).filter(|end| module.is_char_boundary(*end)) {
            let cut = &module[..end];
            assert!(readable(cut).len() >= cut.len());
        }
    }
}
