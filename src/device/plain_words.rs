//! Errors of the TOML reader in words of the file, not of the program that reads it.

/// Puts what serde says about a value into words for whoever wrote the file.
///
/// ```
/// use ponder::device::plain_words::plain_words;
///
/// assert_eq!(
///     plain_words("invalid type: string \"x\", expected u32"),
///     "text \"x\" stands where a whole number of 0 or more is due"
/// );
/// ```
pub fn plain_words(message: &str) -> String {
    let message = message.replace("unknown variant", "unknown word");
    let message = message.replace("unknown field", "unknown key");
    let message = message.replace("missing field", "missing key");
    let kind = ["invalid type: ", "invalid value: "];
    let Some(rest) = kind.iter().find_map(|kind| message.strip_prefix(kind)) else {
        return message;
    };
    let Some((found, due)) = rest.rsplit_once(", expected ") else {
        return message;
    };
    format!(
        "{} stands where {} is due",
        found_in_words(found),
        due_in_words(due)
    )
}

fn found_in_words(found: &str) -> String {
    let (kind, value) = found.split_once(' ').unwrap_or((found, ""));
    let value = value.trim_matches('`');
    match kind {
        "string" => format!("text {value}"),
        "integer" => format!("the number {value}"),
        "floating" => format!(
            "the number {}",
            value.trim_start_matches("point ").trim_matches('`')
        ),
        "boolean" => value.to_owned(),
        "map" => "a table".to_owned(),
        "sequence" => "a list".to_owned(),
        _ => found.to_owned(),
    }
}

fn due_in_words(due: &str) -> String {
    match due {
        "u8" | "u16" | "u32" | "u64" | "usize" => "a whole number of 0 or more".to_owned(),
        "i8" | "i16" | "i32" | "i64" | "isize" => "a whole number".to_owned(),
        "f32" | "f64" => "a number".to_owned(),
        "a boolean" | "bool" => "true or false".to_owned(),
        "a string" | "path string" => "text in quotation marks".to_owned(),
        "a sequence" => "a list".to_owned(),
        "a map" => "a table".to_owned(),
        due if due.starts_with("struct ") => "a table".to_owned(),
        due if due.starts_with("string or") || due.starts_with("enum ") => {
            "one of the words for it".to_owned()
        }
        due => due.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_word_of_the_program_is_left() {
        for (message, words) in [
            (
                "invalid type: integer `5`, expected a string",
                "the number 5 stands where text in quotation marks is due",
            ),
            (
                "invalid type: boolean `true`, expected struct NetconfSettings",
                "true stands where a table is due",
            ),
            (
                "invalid type: map, expected a sequence",
                "a table stands where a list is due",
            ),
            (
                "invalid value: integer `-1`, expected usize",
                "the number -1 stands where a whole number of 0 or more is due",
            ),
            (
                "invalid type: floating point `1.5`, expected i32",
                "the number 1.5 stands where a whole number is due",
            ),
            (
                "unknown variant `x`, expected `a` or `b`",
                "unknown word `x`, expected `a` or `b`",
            ),
            ("invalid socket address syntax", "invalid socket address syntax"),
        ] {
            assert_eq!(plain_words(message), words);
        }
    }
}
