//! Text made fit for XML.

use std::borrow::Cow;

/// Character data: `&`, `<` and `>` become references (`>` too, so that `]]>` never appears), and characters that
/// XML 1.0 forbids become U+FFFD.
pub fn text(raw: &str) -> Cow<'_, str> {
    replaced(raw, |character| match character {
        '&' => Some("&amp;"),
        '<' => Some("&lt;"),
        '>' => Some("&gt;"),
        // A bare carriage return would come back as a line feed (XML 1.0 section 2.11).
        '\r' => Some("&#13;"),
        other => forbidden(other),
    })
}

/// The value of an attribute between double quotes; white space survives normalisation (XML 1.0 section 3.3.3).
pub fn attribute(raw: &str) -> Cow<'_, str> {
    replaced(raw, |character| match character {
        '&' => Some("&amp;"),
        '<' => Some("&lt;"),
        '>' => Some("&gt;"),
        '"' => Some("&quot;"),
        '\t' => Some("&#9;"),
        '\n' => Some("&#10;"),
        '\r' => Some("&#13;"),
        other => forbidden(other),
    })
}

/// Whether XML 1.0 allows a character at all (section 2.2).
pub fn is_allowed(character: char) -> bool {
    forbidden(character).is_none()
}

fn forbidden(character: char) -> Option<&'static str> {
    match character {
        '\t' | '\n' | '\r' => None,
        '\0'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => Some("\u{fffd}"),
        _ => None,
    }
}

fn replaced(raw: &str, replacement: impl Fn(char) -> Option<&'static str>) -> Cow<'_, str> {
    let Some(first) = raw.find(|character| replacement(character).is_some()) else {
        return Cow::Borrowed(raw);
    };
    let (clean, rest) = raw.split_at(first);
    let mut escaped = String::with_capacity(raw.len() + raw.len() / 8 + 8);
    escaped.push_str(clean);
    for character in rest.chars() {
        match replacement(character) {
            Some(reference) => escaped.push_str(reference),
            None => escaped.push(character),
        }
    }
    Cow::Owned(escaped)
}

#[cfg(test)]
mod tests {
    use super::{attribute, text};

    #[test]
    fn clean_text_is_not_copied() {
        assert!(matches!(text("Optics0/0/0/1"), std::borrow::Cow::Borrowed(_)));
    }

    #[test]
    fn the_end_of_message_mark_cannot_appear_in_escaped_text() {
        assert_eq!(text("a]]>]]>b"), "a]]&gt;]]&gt;b");
        assert_eq!(attribute("]]>]]>"), "]]&gt;]]&gt;");
    }

    #[test]
    fn control_characters_become_replacement_characters() {
        assert_eq!(text("a\u{1}b"), "a\u{fffd}b");
    }

    #[test]
    fn white_space_in_an_attribute_survives_a_round_trip() {
        assert_eq!(attribute("a\n\t\"b\""), "a&#10;&#9;&quot;b&quot;");
    }
}
