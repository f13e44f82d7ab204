//! XML fragments as a small tree of elements with their namespaces resolved; for edits, filters and operations.

use std::borrow::Cow;
use std::sync::Arc;

use quick_xml::XmlVersion;
use quick_xml::events::{BytesStart, Event};
use quick_xml::name::{PrefixDeclaration, ResolveResult};
use quick_xml::reader::NsReader;

use crate::yang::error::{DataError, DataErrorTag};

/// Deeper nesting is refused: no model needs it, and recursion stays bounded.
const MAX_DEPTH: usize = 128;

/// The namespace of the NETCONF base protocol.
pub const NETCONF_BASE: &str = "urn:ietf:params:xml:ns:netconf:base:1.0";

/// One XML element.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Element {
    /// Namespace, when it has one.
    pub namespace: Option<Arc<str>>,
    /// Local name.
    pub name: String,
    /// Attributes, without namespace declarations.
    pub attributes: Vec<Attribute>,
    /// All character data directly inside, entities resolved.
    pub text: String,
    /// Child elements.
    pub children: Vec<Element>,
    /// Prefixes in scope, the empty one for the default namespace; shared between siblings that declare nothing.
    pub scope: Arc<Scope>,
}

/// One attribute.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Attribute {
    /// Namespace; none for a name without prefix.
    pub namespace: Option<Arc<str>>,
    /// Local name.
    pub name: String,
    /// Value, entities resolved.
    pub value: String,
}

/// What prefixes mean at a place.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Scope {
    bindings: Vec<(String, Arc<str>)>,
}

impl Scope {
    /// The namespace of a prefix; the default namespace for the empty one.
    pub fn namespace(&self, prefix: &str) -> Option<&str> {
        self.bindings
            .iter()
            .rev()
            .find(|(bound, _)| bound == prefix)
            .map(|(_, namespace)| namespace.as_ref())
            .filter(|namespace| !namespace.is_empty())
    }
}

impl Element {
    /// Reads the content of an element: any number of elements side by side.
    pub fn parse_content(text: &str) -> Result<Vec<Element>, DataError> {
        Reader::new(text).content()
    }

    /// Reads a document of one element.
    pub fn parse_document(text: &str) -> Result<Element, DataError> {
        let mut elements = Element::parse_content(text)?;
        match (elements.pop(), elements.is_empty()) {
            (Some(element), true) => Ok(element),
            _ => Err(malformed("one element is expected")),
        }
    }

    /// The text without blanks around it.
    pub fn trimmed(&self) -> &str {
        self.text.trim_matches([' ', '\t', '\r', '\n'])
    }

    /// The value of an attribute; `namespace` is `None` for a plain one.
    pub fn attribute(&self, namespace: Option<&str>, name: &str) -> Option<&str> {
        self.attributes
            .iter()
            .find(|attribute| attribute.name == name && attribute.namespace.as_deref() == namespace)
            .map(|attribute| attribute.value.as_str())
    }
}

fn malformed(reason: impl std::fmt::Display) -> DataError {
    DataError::new(
        DataErrorTag::MalformedMessage,
        format!("the XML is not well-formed: {reason}"),
    )
}

struct Reader<'i> {
    xml: NsReader<&'i [u8]>,
    /// Elements that are open, outermost first.
    open: Vec<Element>,
    done: Vec<Element>,
    scope: Arc<Scope>,
    namespaces: Vec<Arc<str>>,
}

impl<'i> Reader<'i> {
    fn new(text: &'i str) -> Reader<'i> {
        Reader {
            xml: NsReader::from_str(text),
            open: Vec::new(),
            done: Vec::new(),
            scope: Arc::default(),
            namespaces: Vec::new(),
        }
    }

    fn content(mut self) -> Result<Vec<Element>, DataError> {
        loop {
            let event = self.xml.read_event().map_err(malformed)?;
            match event {
                Event::Start(start) => {
                    let element = self.element(&start)?;
                    if self.open.len() >= MAX_DEPTH {
                        return Err(malformed(format_args!(
                            "more than {MAX_DEPTH} elements inside each other"
                        )));
                    }
                    self.open.push(element);
                }
                Event::Empty(start) => {
                    let element = self.element(&start)?;
                    self.close(element);
                }
                Event::End(_) => {
                    if let Some(element) = self.open.pop() {
                        self.close(element);
                    }
                }
                Event::Text(text) => self.text(&text.xml10_content())?,
                Event::CData(text) => self.text(&text.xml10_content())?,
                Event::GeneralRef(reference) => {
                    let resolved = match reference.resolve_char_ref().map_err(malformed)? {
                        Some(letter) => Cow::Owned(letter.to_string()),
                        None => Cow::Borrowed(match &*reference {
                            "lt" => "<",
                            "gt" => ">",
                            "amp" => "&",
                            "apos" => "'",
                            "quot" => "\"",
                            other => return Err(malformed(format_args!("unknown entity &{other};"))),
                        }),
                    };
                    self.text(&resolved)?;
                }
                Event::DocType(_) => return Err(malformed("a document type is not allowed")),
                Event::Comment(_) | Event::Decl(_) | Event::PI(_) => {}
                Event::Eof if self.open.is_empty() => return Ok(self.done),
                Event::Eof => return Err(malformed("an element is not closed")),
            }
        }
    }

    fn text(&mut self, text: &str) -> Result<(), DataError> {
        match self.open.last_mut() {
            Some(element) => element.text.push_str(text),
            None if text.trim().is_empty() => {}
            None => return Err(malformed("text outside of elements")),
        }
        Ok(())
    }

    fn close(&mut self, element: Element) {
        match self.open.last_mut() {
            Some(parent) => parent.children.push(element),
            None => self.done.push(element),
        }
        if let Some(parent) = self.open.last() {
            self.scope = Arc::clone(&parent.scope);
        } else {
            self.scope = Arc::default();
        }
    }

    fn element(&mut self, start: &BytesStart<'_>) -> Result<Element, DataError> {
        let mut declared = Vec::new();
        let mut attributes = Vec::new();
        for attribute in start.attributes() {
            let attribute = attribute.map_err(malformed)?;
            let value = attribute
                .normalized_value(XmlVersion::Implicit1_0)
                .map_err(malformed)?;
            match attribute.key.as_namespace_binding() {
                Some(PrefixDeclaration::Default) => declared.push((String::new(), self.shared(&value))),
                Some(PrefixDeclaration::Named(prefix)) => {
                    declared.push((prefix.to_owned(), self.shared(&value)))
                }
                None => {
                    let (resolved, name) = self.xml.resolver().resolve_attribute(attribute.key);
                    let namespace = namespace_of(&resolved)?.map(str::to_owned);
                    attributes.push(Attribute {
                        namespace: namespace.map(|namespace| self.shared(&namespace)),
                        name: AsRef::<str>::as_ref(&name).to_owned(),
                        value: value.into_owned(),
                    });
                }
            }
        }
        if !declared.is_empty() {
            let mut bindings = self.scope.bindings.clone();
            bindings.extend(declared);
            self.scope = Arc::new(Scope { bindings });
        }
        let name = start.name();
        let (resolved, local) = self.xml.resolver().resolve_element(name);
        let namespace = namespace_of(&resolved)?.map(str::to_owned);
        Ok(Element {
            namespace: namespace.map(|namespace| self.shared(&namespace)),
            name: AsRef::<str>::as_ref(&local).to_owned(),
            attributes,
            text: String::new(),
            children: Vec::new(),
            scope: Arc::clone(&self.scope),
        })
    }

    /// One copy of each namespace, however many elements are in it.
    fn shared(&mut self, namespace: &str) -> Arc<str> {
        if let Some(known) = self.namespaces.iter().find(|known| known.as_ref() == namespace) {
            return Arc::clone(known);
        }
        let fresh: Arc<str> = Arc::from(namespace);
        self.namespaces.push(Arc::clone(&fresh));
        fresh
    }
}

fn namespace_of<'n>(resolved: &'n ResolveResult<'_>) -> Result<Option<&'n str>, DataError> {
    match resolved {
        ResolveResult::Bound(namespace) => {
            Ok(Some(AsRef::<str>::as_ref(namespace)).filter(|text| !text.is_empty()))
        }
        ResolveResult::Unbound => Ok(None),
        ResolveResult::Unknown(prefix) => Err(malformed(format_args!("prefix {prefix:?} is not declared"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn namespaces_attributes_and_entities_are_resolved() {
        let elements = Element::parse_content(
            r#"<a xmlns="urn:a" xmlns:b="urn:b" b:x="1&amp;2"><b:c> x&lt;&#65;<![CDATA[<&>]]> </b:c><d xmlns=""/></a><e/>"#,
        )
        .unwrap();
        let a = &elements[0];
        assert_eq!(a.namespace.as_deref(), Some("urn:a"));
        assert_eq!(a.attribute(Some("urn:b"), "x"), Some("1&2"));
        assert_eq!(a.children[0].namespace.as_deref(), Some("urn:b"));
        assert_eq!(a.children[0].trimmed(), "x<A<&>");
        assert_eq!(a.children[0].scope.namespace("b"), Some("urn:b"));
        assert_eq!(a.children[1].namespace, None);
        assert_eq!(a.children[1].scope.namespace(""), None);
        assert_eq!(elements[1].namespace, None);
    }

    #[test]
    fn broken_xml_is_refused() {
        for text in [
            "<a>",
            "<a></b>",
            "x",
            "<!DOCTYPE a><a/>",
            "<a>&nobody;</a>",
            "<p:a/>",
            r#"<a x="1" x="2"/>"#,
        ] {
            let error = Element::parse_content(text).unwrap_err();
            assert_eq!(error.tag, DataErrorTag::MalformedMessage, "{text}");
        }
        assert!(Element::parse_content(&"<a>".repeat(200)).is_err());
    }
}
