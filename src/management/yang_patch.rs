//! Edits in the form of a YANG patch (RFC 8072 section 2.5).

use std::fmt::Write;

use crate::yang::path::{Instance, InstancePath};
use crate::yang::place::Placement;
use crate::yang::print::escape_text;

/// What is done to which node, and where it goes among entries that clients order.
pub fn write_operation(output: &mut String, operation: &str, path: &InstancePath, order: Option<&Placement>) {
    let _ = write!(
        output,
        "<operation>{operation}</operation><target>{}</target>",
        escape_text(&target(path))
    );
    if let Some(order) = order {
        let (place, anchor) = match order {
            Placement::First => ("first", None),
            Placement::Last => ("last", None),
            Placement::Before(anchor) => ("before", Some(anchor)),
            Placement::After(anchor) => ("after", Some(anchor)),
        };
        if let Some((parents, last)) = path.split_last()
            && let Some(anchor) = anchor
        {
            let mut beside = InstancePath::root();
            for step in parents {
                beside.push(step.clone());
            }
            let mut step = last.clone();
            step.instance = anchor.clone();
            beside.push(step);
            let _ = write!(output, "<point>{}</point>", escape_text(&target(&beside)));
        }
        let _ = write!(output, "<where>{place}</where>");
    }
}

/// The path in the form of RFC 8040 section 3.5.3: key values behind `=`, escaped.
pub fn target(path: &InstancePath) -> String {
    let mut text = String::new();
    let mut module = "";
    for step in path.steps() {
        text.push('/');
        if step.module != module {
            text.push_str(&step.module);
            text.push(':');
        }
        module = &step.module;
        text.push_str(&step.name);
        match &step.instance {
            Instance::Single => {}
            Instance::Keys(keys) => {
                let values: Vec<String> = keys.iter().map(|(_, value)| escaped(value)).collect();
                let _ = write!(text, "={}", values.join(","));
            }
            Instance::Value(value) => {
                let _ = write!(text, "={}", escaped(value));
            }
            // Lists without keys cannot be addressed in RFC 8040; the place is still told.
            Instance::Position(position) => {
                let _ = write!(text, "={position}");
            }
        }
    }
    if text.is_empty() { "/".to_owned() } else { text }
}

fn escaped(value: &str) -> String {
    let mut text = String::with_capacity(value.len());
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            text.push(char::from(byte));
        } else {
            let _ = write!(text, "%{byte:02X}");
        }
    }
    text
}
