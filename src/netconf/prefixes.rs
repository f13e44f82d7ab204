//! Prefixes in the text of a message: which are declared, which are used.

use std::collections::HashSet;

/// The prefix that an attribute declares, empty for the default namespace.
pub fn declared_prefix(attribute: &str) -> Option<&str> {
    match attribute.strip_prefix("xmlns")? {
        "" => Some(""),
        prefixed => prefixed.strip_prefix(':'),
    }
}

/// Whatever stands before a colon anywhere: every prefix in names, and also those in values and paths.
pub fn prefixes_in(text: &str) -> HashSet<&str> {
    let mut found = HashSet::new();
    for (colon, _) in text.match_indices(':') {
        let before = text.get(..colon).unwrap_or_default();
        let in_name = |letter: char| {
            letter.is_alphanumeric() || matches!(letter, '_' | '-' | '.') || !letter.is_ascii()
        };
        let start = before.trim_end_matches(in_name).len();
        found.insert(before.get(start..).unwrap_or_default());
    }
    found
}
