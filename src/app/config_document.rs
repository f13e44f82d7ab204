//! A configuration as a document of its own: `<config>` around what stands in a datastore.

use crate::management::error::{ErrorTag, ManagementError};
use crate::netconf::document::Document;
use crate::netconf::framing::MAX_MESSAGE_BYTES;
use crate::netconf::namespace;

/// The longest document that is read.
pub const MAX_DOCUMENT_BYTES: usize = MAX_MESSAGE_BYTES;

/// The document.
pub fn wrapped(config: &str) -> String {
    format!("<config xmlns=\"{}\">{config}</config>\n", namespace::BASE)
}

/// What stands in the `<config>` of a document; `place` names the document in errors.
pub fn unwrapped(document: &[u8], place: &str) -> Result<String, ManagementError> {
    let wrong = |reason: String| {
        let message = format!("{place}: {reason}");
        ManagementError::application(ErrorTag::OperationFailed, message)
    };
    if document.len() > MAX_DOCUMENT_BYTES {
        return Err(wrong(format!("it is longer than {MAX_DOCUMENT_BYTES} bytes")));
    }
    let read = Document::read(document).map_err(|fault| wrong(fault.to_string()))?;
    let root = read.root().ok_or_else(|| wrong("it is empty".to_owned()))?;
    if root.name() != "config" || ![namespace::BASE, ""].contains(&root.namespace()) {
        return Err(wrong(format!(
            "it holds <{}> in `{}` and not <config> in {}",
            root.name(),
            root.namespace(),
            namespace::BASE
        )));
    }
    root.content(2 * MAX_DOCUMENT_BYTES).ok_or_else(|| {
        wrong("it is too long once its namespaces are declared where they are used".to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrapped_comes_out_again_with_its_namespaces() {
        let config = "<a xmlns=\"urn:a\"/><b xmlns=\"urn:b\">x</b>";
        assert_eq!(unwrapped(wrapped(config).as_bytes(), "file").unwrap(), config);
        let declared = "<config xmlns:p=\"urn:a\"><p:a/></config>";
        assert_eq!(
            unwrapped(declared.as_bytes(), "file").unwrap(),
            "<p:a xmlns:p=\"urn:a\"/>"
        );
    }

    #[test]
    fn another_document_is_refused_with_its_place() {
        for (document, words) in [
            ("<data/>", "<data>"),
            ("<config>", "ends inside"),
            ("<config xmlns=\"urn:x\"/>", "`urn:x`"),
        ] {
            let refused = unwrapped(document.as_bytes(), "file:///a").unwrap_err().message;
            assert!(
                refused.starts_with("file:///a: ") && refused.contains(words),
                "{refused}"
            );
        }
    }
}
