//! Names of elements and attributes (Namespaces in XML 1.0 section 4).

/// Prefix and local name of a qualified name.
pub(in crate::netconf) fn split(name: &str) -> Result<(Option<&str>, &str), String> {
    let (prefix, local) = match name.split_once(':') {
        Some((prefix, local)) => (Some(prefix), local),
        None => (None, name),
    };
    let legal = is_name(local) && prefix.is_none_or(is_name);
    if legal {
        Ok((prefix, local))
    } else {
        Err(format!("`{name}` is not an XML name"))
    }
}

fn is_name(name: &str) -> bool {
    let begins = |first: char| first.is_ascii_alphabetic() || first == '_' || !first.is_ascii();
    let continues = |next: char| begins(next) || next.is_ascii_digit() || next == '-' || next == '.';
    name.starts_with(begins) && name.chars().all(continues)
}
