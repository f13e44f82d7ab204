//! One pass over a message: refuses what is not well-formed and remembers the elements near the root.

use std::collections::HashSet;
use std::ops::Range;
use std::rc::Rc;

use quick_xml::events::attributes::Attributes;
use quick_xml::events::{BytesRef, Event};
use quick_xml::name::PrefixDeclaration;
use quick_xml::{Reader, XmlVersion};
use thiserror::Error;

use crate::netconf::bounds::{Bounds, DEFAULT_BOUNDS};
use crate::netconf::escape;
use crate::netconf::namespace;
use crate::netconf::prefixes::{declared_prefix, prefixes_in};
use crate::netconf::qualified_name::split;

/// Namespace bindings in scope at any place; more are refused.
pub const MAX_BINDINGS: usize = 256;
/// Elements below this depth are checked but not remembered: `rpc`, operation, parameter, content or choice …
const REMEMBERED_DEPTH: usize = 4;
/// … and content again below a `config` that is a choice, as in `<validate><source><config>`.
const CONTENT_OF_CHOICE_DEPTH: usize = 5;
/// Elements near the root that a message may have; more are refused, for each costs memory.
pub const MAX_REMEMBERED: usize = 100_000;

/// Why a message is not one XML document in UTF-8.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[error("line {line}, column {column}: {reason}")]
pub struct NotWellFormed {
    /// Counted from 1.
    pub line: usize,
    /// In characters, counted from 1.
    pub column: usize,
    /// What is wrong there.
    pub reason: String,
    /// It may well be well-formed, but goes over a bound.
    pub is_too_big: bool,
}

/// An attribute of a remembered element.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Attribute<'t> {
    /// As written, with its prefix; namespace declarations are attributes too.
    pub name: &'t str,
    /// References resolved, white space normalised.
    pub value: String,
}

/// Everything of an element that was remembered.
#[derive(Debug)]
struct Node<'t> {
    parent: Option<usize>,
    children: Vec<usize>,
    name: &'t str,
    namespace: Rc<str>,
    attributes: Vec<Attribute<'t>>,
    /// From `<` to the last `>`.
    span: Range<usize>,
    text: String,
}

/// A well-formed message.
#[derive(Debug)]
pub struct Document<'t> {
    text: &'t str,
    nodes: Vec<Node<'t>>,
}

/// An element of a [`Document`], near its root.
#[derive(Clone, Copy, Debug)]
pub struct Element<'d> {
    document: &'d Document<'d>,
    index: usize,
}

struct Binding<'t> {
    prefix: &'t str,
    namespace: Rc<str>,
    depth: usize,
}

struct Pass<'t> {
    text: &'t str,
    nodes: Vec<Node<'t>>,
    /// Remembered elements that are open: index and depth.
    open: Vec<(usize, usize)>,
    depth: usize,
    bindings: Vec<Binding<'t>>,
    root_seen: bool,
    bounds: &'t Bounds,
    over_bound: bool,
}

impl<'t> Document<'t> {
    /// Reads a message within the bounds that hold by default.
    pub fn read(message: &'t [u8]) -> Result<Document<'t>, NotWellFormed> {
        Document::read_within(message, &DEFAULT_BOUNDS)
    }

    /// Reads a message, which must be one element in UTF-8 without a document type.
    pub fn read_within(message: &'t [u8], bounds: &'t Bounds) -> Result<Document<'t>, NotWellFormed> {
        let text = match std::str::from_utf8(message) {
            Ok(text) => text,
            Err(error) => {
                let valid = message.get(..error.valid_up_to()).unwrap_or_default();
                let valid = std::str::from_utf8(valid).unwrap_or_default();
                return Err(not_well_formed(valid, valid.len(), "not UTF-8".to_owned()));
            }
        };
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        if let Some(at) = text.find(|character| !escape::is_allowed(character)) {
            let reason = "a character that XML 1.0 does not allow".to_owned();
            return Err(not_well_formed(text, at, reason));
        }
        let mut pass = Pass {
            text,
            nodes: Vec::new(),
            open: Vec::new(),
            depth: 0,
            bindings: vec![Binding {
                prefix: "xml",
                namespace: Rc::from(namespace::XML),
                depth: 0,
            }],
            root_seen: false,
            bounds,
            over_bound: false,
        };
        let mut reader = Reader::from_str(text);
        reader.config_mut().check_comments = true;
        if let Err((at, reason)) = pass.run(&mut reader) {
            return Err(NotWellFormed {
                is_too_big: pass.over_bound,
                ..not_well_formed(text, at, reason)
            });
        }
        Ok(Document {
            text,
            nodes: pass.nodes,
        })
    }

    /// The root element.
    pub fn root(&'t self) -> Option<Element<'t>> {
        self.nodes.first().map(|_| Element {
            document: self,
            index: 0,
        })
    }
}

fn not_well_formed(text: &str, at: usize, reason: String) -> NotWellFormed {
    let before = text.get(..at).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |at| at + 1);
    NotWellFormed {
        line: before.matches('\n').count() + 1,
        column: before.get(line_start..).unwrap_or_default().chars().count() + 1,
        reason,
        is_too_big: false,
    }
}

/// Byte offset and reason.
type Fault = (usize, String);

impl<'t> Pass<'t> {
    fn run(&mut self, reader: &mut Reader<&'t [u8]>) -> Result<(), Fault> {
        loop {
            let from = position(reader);
            let event = match reader.read_event() {
                Ok(event) => event,
                Err(error) => {
                    let at = usize::try_from(reader.error_position()).unwrap_or(from);
                    return Err((at, error.to_string()));
                }
            };
            let to = position(reader);
            match event {
                Event::Start(start) => self.start(start.name().into_inner().len(), from..to, false)?,
                Event::Empty(start) => self.start(start.name().into_inner().len(), from..to, true)?,
                Event::End(_) => self.end(to),
                Event::Text(content) => {
                    let content = content.xml10_content();
                    if content.contains("]]>") {
                        return Err((from, "`]]>` in text; write `]]&gt;`".to_owned()));
                    }
                    self.characters(from, &content)?;
                }
                Event::CData(content) => self.characters(from, &content.xml10_content())?,
                Event::GeneralRef(reference) => {
                    let resolved = resolve(&reference).map_err(|reason| (from, reason))?;
                    self.characters(from, resolved.encode_utf8(&mut [0; 4]))?;
                }
                Event::Decl(declaration) => {
                    if let Some(Ok(encoding)) = declaration.encoding()
                        && !encoding.eq_ignore_ascii_case("utf-8")
                    {
                        return Err((
                            from,
                            format!("encoding {encoding}; NETCONF is UTF-8 (RFC 6241 section 3)"),
                        ));
                    }
                }
                Event::DocType(_) => {
                    return Err((
                        from,
                        "a document type is not allowed (RFC 6241 section 3)".to_owned(),
                    ));
                }
                Event::Comment(_) | Event::PI(_) => {}
                Event::Eof => break,
            }
        }
        if self.depth > 0 {
            return Err((self.text.len(), "the message ends inside an element".to_owned()));
        }
        if !self.root_seen {
            return Err((self.text.len(), "no element".to_owned()));
        }
        Ok(())
    }

    fn start(&mut self, name_length: usize, span: Range<usize>, empty: bool) -> Result<(), Fault> {
        let at = span.start;
        let end = span.end;
        let tag = end.saturating_sub(if empty { 2 } else { 1 });
        let tag = self.text.get(at + 1..tag).unwrap_or_default();
        let name = tag.get(..name_length).unwrap_or_default();
        if self.depth == 0 && self.root_seen {
            return Err((at, format!("a second root element, {name}")));
        }
        let most = self.bounds.max_depth;
        if self.depth == most {
            return Err((
                at,
                self.over(format!("elements nested more than {most} deep (max-depth)")),
            ));
        }
        self.root_seen = true;
        self.depth += 1;
        let remember = self.remembers_next();
        let attributes = self
            .attributes(Attributes::new(tag, name_length), remember)
            .map_err(|reason| (at, reason))?;
        let namespace = self.resolve_element(name).map_err(|reason| (at, reason))?;
        if remember {
            let index = self.nodes.len();
            if index == MAX_REMEMBERED {
                return Err((
                    at,
                    self.over(format!("more than {MAX_REMEMBERED} elements near the root")),
                ));
            }
            let parent = self.open.last().map(|(index, _)| *index);
            if let Some(parent) = parent.and_then(|parent| self.nodes.get_mut(parent)) {
                parent.children.push(index);
            }
            self.nodes.push(Node {
                parent,
                children: Vec::new(),
                name,
                namespace,
                attributes,
                span,
                text: String::new(),
            });
            self.open.push((index, self.depth));
        }
        if empty {
            self.end(end);
        }
        Ok(())
    }

    fn end(&mut self, to: usize) {
        if let Some(index) = self.remembered_here() {
            self.open.pop();
            if let Some(node) = self.nodes.get_mut(index) {
                node.span.end = to;
            }
        }
        let depth = self.depth;
        while self.bindings.last().is_some_and(|binding| binding.depth == depth) {
            self.bindings.pop();
        }
        self.depth = depth.saturating_sub(1);
    }

    /// Whether the element that was just opened is one to remember.
    fn remembers_next(&self) -> bool {
        let Some(&(parent, depth)) = self.open.last() else {
            return self.depth == 1;
        };
        let in_choice = || {
            let name = self.nodes.get(parent).map_or("", |node| node.name);
            name.rsplit(':').next() == Some("config")
        };
        match self.depth {
            ..=REMEMBERED_DEPTH => true,
            CONTENT_OF_CHOICE_DEPTH => depth == REMEMBERED_DEPTH && in_choice(),
            _ => false,
        }
    }

    /// The innermost open element, if it is remembered.
    fn remembered_here(&self) -> Option<usize> {
        let &(index, depth) = self.open.last()?;
        (depth == self.depth).then_some(index)
    }

    fn characters(&mut self, at: usize, content: &str) -> Result<(), Fault> {
        if self.depth == 0 {
            if !content.trim_matches(is_white_space).is_empty() {
                return Err((at, "text outside the root element".to_owned()));
            }
        } else if let Some(index) = self.remembered_here()
            && let Some(node) = self.nodes.get_mut(index)
        {
            node.text.push_str(content);
        }
        Ok(())
    }

    /// Checks them all, binds namespaces, and gives back what has to be remembered.
    fn attributes(
        &mut self,
        attributes: Attributes<'t>,
        remember: bool,
    ) -> Result<Vec<Attribute<'t>>, String> {
        let mut remembered = Vec::new();
        let mut prefixed = Vec::new();
        let most = self.bounds.max_attributes;
        for (index, attribute) in attributes.enumerate() {
            if index == most {
                return Err(self.over(format!(
                    "more than {most} attributes on one element (max-attributes)"
                )));
            }
            let attribute = attribute.map_err(|error| error.to_string())?;
            let name = attribute.key.into_inner();
            if attribute.value.contains('<') {
                return Err(format!("`<` in the value of attribute {name}"));
            }
            let value = attribute
                .normalized_value(XmlVersion::Implicit1_0)
                .map_err(|error| error.to_string())?
                .into_owned();
            if !value.chars().all(escape::is_allowed) {
                return Err(format!(
                    "a character in attribute {name} that XML 1.0 does not allow"
                ));
            }
            match attribute.key.as_namespace_binding() {
                Some(PrefixDeclaration::Default) => self.bind("", &value)?,
                Some(PrefixDeclaration::Named(prefix)) => {
                    // The slice of `attribute` does not live long enough; the one of the text does.
                    let prefix = name.get(name.len() - prefix.len()..).unwrap_or_default();
                    self.bind(prefix, &value)?;
                }
                None => {
                    let (prefix, local) = split(name)?;
                    if let Some(prefix) = prefix {
                        prefixed.push((prefix, local));
                    }
                }
            }
            if remember {
                remembered.push(Attribute { name, value });
            }
        }
        let mut expanded = HashSet::new();
        for (prefix, local) in prefixed {
            let namespace = self
                .bound(prefix)
                .ok_or_else(|| format!("prefix {prefix} of attribute {prefix}:{local} is not declared"))?;
            if !expanded.insert((namespace, local)) {
                return Err(format!(
                    "attribute {local} of namespace {namespace} is given twice"
                ));
            }
        }
        Ok(remembered)
    }

    fn over(&mut self, reason: String) -> String {
        self.over_bound = true;
        reason
    }

    fn bind(&mut self, prefix: &'t str, namespace: &str) -> Result<(), String> {
        if self.bindings.len() > MAX_BINDINGS {
            return Err(self.over(format!(
                "more than {MAX_BINDINGS} namespace declarations in scope"
            )));
        }
        let legal = match prefix {
            "xml" => namespace == namespace::XML,
            "xmlns" => false,
            "" => namespace != namespace::XML,
            // Namespaces in XML 1.0 section 2.2: only the default namespace can be undeclared.
            named => split(named)?.0.is_none() && !namespace.is_empty() && namespace != namespace::XML,
        };
        if !legal {
            return Err(format!("prefix `{prefix}` cannot be bound to `{namespace}`"));
        }
        self.bindings.push(Binding {
            prefix,
            namespace: Rc::from(namespace),
            depth: self.depth,
        });
        Ok(())
    }

    fn bound(&self, prefix: &str) -> Option<&str> {
        let mut inner_first = self.bindings.iter().rev();
        let binding = inner_first.find(|binding| binding.prefix == prefix)?;
        Some(&binding.namespace)
    }

    fn resolve_element(&self, name: &str) -> Result<Rc<str>, String> {
        let prefix = split(name)?.0.unwrap_or_default();
        let mut inner_first = self.bindings.iter().rev();
        match inner_first.find(|binding| binding.prefix == prefix) {
            Some(binding) => Ok(Rc::clone(&binding.namespace)),
            None if prefix.is_empty() => Ok(Rc::from("")),
            None => Err(format!("prefix {prefix} of element {name} is not declared")),
        }
    }
}

fn position(reader: &Reader<&[u8]>) -> usize {
    usize::try_from(reader.buffer_position()).unwrap_or(usize::MAX)
}

/// Only character references and the five entities that every XML parser knows.
fn resolve(reference: &BytesRef<'_>) -> Result<char, String> {
    if let Some(character) = reference.resolve_char_ref().map_err(|error| error.to_string())? {
        if !escape::is_allowed(character) {
            return Err(format!(
                "reference to U+{:04X}, which XML 1.0 does not allow",
                u32::from(character)
            ));
        }
        return Ok(character);
    }
    let name = reference.xml10_content();
    match &*name {
        "amp" => Ok('&'),
        "lt" => Ok('<'),
        "gt" => Ok('>'),
        "apos" => Ok('\''),
        "quot" => Ok('"'),
        other => Err(format!("unknown entity &{other};")),
    }
}

/// White space of XML (section 2.3), which is less than that of Unicode.
pub fn is_white_space(character: char) -> bool {
    matches!(character, ' ' | '\t' | '\r' | '\n')
}

impl<'d> Element<'d> {
    fn node(self) -> Option<&'d Node<'d>> {
        self.document.nodes.get(self.index)
    }

    /// The name without prefix.
    pub fn name(self) -> &'d str {
        let qualified = self.node().map_or("", |node| node.name);
        qualified.rsplit(':').next().unwrap_or(qualified)
    }

    /// The prefix as written, empty for none.
    pub fn prefix(self) -> &'d str {
        let qualified = self.node().map_or("", |node| node.name);
        qualified.split_once(':').map_or("", |(prefix, _)| prefix)
    }

    /// The namespace, empty for none.
    pub fn namespace(self) -> &'d str {
        self.node().map_or("", |node| &node.namespace)
    }

    /// All attributes in the order of the message, namespace declarations among them.
    pub fn attributes(self) -> &'d [Attribute<'d>] {
        self.node().map_or(&[], |node| &node.attributes)
    }

    /// The value of an attribute, named as written.
    pub fn attribute(self, name: &str) -> Option<&'d str> {
        let mut all = self.attributes().iter();
        all.find(|attribute| attribute.name == name)
            .map(|attribute| attribute.value.as_str())
    }

    /// The elements inside it; none below the remembered depth.
    pub fn children(self) -> impl Iterator<Item = Element<'d>> {
        let indices: &[usize] = self.node().map_or(&[], |node| &node.children);
        indices.iter().map(move |&index| Element { index, ..self })
    }

    /// Its own text, without that of elements inside it, trimmed.
    pub fn text(self) -> &'d str {
        self.node()
            .map_or("", |node| node.text.trim_matches(is_white_space))
    }

    /// The element as a document of its own: with the namespaces that it inherits declared on it.
    pub fn to_document(self) -> String {
        let mut document = String::new();
        self.write(&mut document);
        document
    }

    /// The elements inside it one after the other, each like [`Element::to_document`]; `None` once they are longer
    /// together than `limit`.
    pub fn content(self, limit: usize) -> Option<String> {
        let mut content = String::new();
        for child in self.children() {
            child.write(&mut content);
            if content.len() > limit {
                return None;
            }
        }
        Some(content)
    }

    fn write(self, document: &mut String) {
        let Some(node) = self.node() else { return };
        let whole = self.document.text.get(node.span.clone()).unwrap_or_default();
        let (head, rest) = whole.split_at_checked(1 + node.name.len()).unwrap_or((whole, ""));
        document.push_str(head);
        for (prefix, namespace) in self.inherited(whole) {
            document.push_str(" xmlns");
            if !prefix.is_empty() {
                document.push(':');
                document.push_str(prefix);
            }
            document.push_str("=\"");
            document.push_str(&escape::attribute(namespace));
            document.push('"');
        }
        document.push_str(rest);
    }

    /// Prefixes and namespaces in scope, without the default one.
    pub fn scope(self) -> Vec<(String, String)> {
        let mut scope: Vec<(String, String)> = Vec::new();
        let mut place = Some(self);
        while let Some(element) = place {
            for attribute in element.attributes() {
                let Some(prefix) = declared_prefix(attribute.name).filter(|prefix| !prefix.is_empty()) else {
                    continue;
                };
                if !scope.iter().any(|(bound, _)| bound == prefix) {
                    scope.push((prefix.to_owned(), attribute.value.clone()));
                }
            }
            place = element
                .node()
                .and_then(|node| node.parent)
                .map(|index| Element { index, ..self });
        }
        scope
    }

    /// Bindings from around the element that it does not make itself: the default one, and the prefixes that appear.
    fn inherited(self, whole: &str) -> Vec<(&'d str, &'d str)> {
        let mut seen: Vec<&str> = vec!["xml"];
        let mut inherited = Vec::new();
        let mut used = None;
        let mut place = Some(self);
        while let Some(element) = place {
            for attribute in element.attributes() {
                let Some(prefix) = declared_prefix(attribute.name) else {
                    continue;
                };
                if seen.contains(&prefix) {
                    continue;
                }
                seen.push(prefix);
                let own = element.index == self.index;
                if own || (prefix.is_empty() && attribute.value.is_empty()) {
                    continue;
                }
                if prefix.is_empty() || used.get_or_insert_with(|| prefixes_in(whole)).contains(prefix) {
                    inherited.push((prefix, attribute.value.as_str()));
                }
            }
            place = element
                .node()
                .and_then(|node| node.parent)
                .map(|index| Element { index, ..self });
        }
        inherited
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::{Bounds, Document, MAX_BINDINGS, MAX_REMEMBERED};

    fn refusal(message: impl AsRef<[u8]>) -> String {
        Document::read(message.as_ref())
            .expect_err("should be refused")
            .to_string()
    }

    fn check_refused(message: &str, expected: &Expect) {
        expected.assert_eq(&refusal(message));
    }

    #[test]
    fn what_is_not_one_well_formed_document_is_refused_with_place_and_reason() {
        let cases: [(&str, Expect); 14] = [
            ("", expect!["line 1, column 1: no element"]),
            (
                "<rpc>\n  <get>",
                expect!["line 2, column 8: the message ends inside an element"],
            ),
            (
                "<rpc>\n  <get></rpc>",
                expect!["line 2, column 8: ill-formed document: expected `</get>`, but `</rpc>` was found"],
            ),
            ("<a/><b/>", expect!["line 1, column 5: a second root element, b"]),
            (
                "<a/>text",
                expect!["line 1, column 5: text outside the root element"],
            ),
            (
                "<a b='1' b='2'/>",
                expect![
                    "line 1, column 1: position 8: duplicated attribute, previous declaration at position 2"
                ],
            ),
            (
                "<a xmlns:p='u' xmlns:q='u' p:b='1' q:b='2'/>",
                expect!["line 1, column 1: attribute b of namespace u is given twice"],
            ),
            (
                "<a b='<'/>",
                expect!["line 1, column 1: `<` in the value of attribute b"],
            ),
            (
                "<a><p:b/></a>",
                expect!["line 1, column 4: prefix p of element p:b is not declared"],
            ),
            (
                "<a p:b='1'/>",
                expect!["line 1, column 1: prefix p of attribute p:b is not declared"],
            ),
            ("<1a/>", expect!["line 1, column 1: `1a` is not an XML name"]),
            (
                "<a>\u{1}</a>",
                expect!["line 1, column 4: a character that XML 1.0 does not allow"],
            ),
            (
                "<a>&#1;</a>",
                expect!["line 1, column 4: reference to U+0001, which XML 1.0 does not allow"],
            ),
            (
                "<a>]]></a>",
                expect!["line 1, column 4: `]]>` in text; write `]]&gt;`"],
            ),
        ];
        for (message, expected) in &cases {
            check_refused(message, expected);
        }
    }

    #[test]
    fn entities_and_document_types_are_refused() {
        check_refused(
            "<!DOCTYPE a [<!ENTITY x 'y'>]><a>&x;</a>",
            &expect!["line 1, column 1: a document type is not allowed (RFC 6241 section 3)"],
        );
        check_refused(
            "<a>&nbsp;</a>",
            &expect!["line 1, column 4: unknown entity &nbsp;"],
        );
        check_refused(
            "<a b='&nbsp;'/>",
            &expect!["line 1, column 1: at 1..5: unrecognized entity `nbsp`"],
        );
    }

    #[test]
    fn other_encodings_are_refused() {
        check_refused(
            "<?xml version='1.0' encoding='ISO-8859-1'?><a/>",
            &expect!["line 1, column 1: encoding ISO-8859-1; NETCONF is UTF-8 (RFC 6241 section 3)"],
        );
        expect!["line 1, column 4: not UTF-8"].assert_eq(&refusal(b"<a>\xe9</a>"));
        assert!(Document::read("\u{feff}<?xml version='1.0' encoding='utf-8'?><a/>".as_bytes()).is_ok());
    }

    #[test]
    fn depth_and_declarations_are_limited() {
        let nest = |depth: usize| format!("{}{}", "<a>".repeat(depth), "</a>".repeat(depth));
        assert!(Document::read(nest(256).as_bytes()).is_ok());
        assert!(refusal(nest(257)).contains("nested more than 256 deep (max-depth)"));
        let bounds = Bounds {
            max_depth: 2,
            max_attributes: 1,
            ..Bounds::default()
        };
        let fault = Document::read_within(b"<a><b><c/></b></a>", &bounds).unwrap_err();
        assert!(
            fault.is_too_big && fault.reason.contains("more than 2 deep"),
            "{fault}"
        );
        let fault = Document::read_within(b"<a b='' c=''/>", &bounds).unwrap_err();
        assert!(
            fault.is_too_big && fault.reason.contains("more than 1 attributes"),
            "{fault}"
        );
        assert!(!Document::read(b"<a>").unwrap_err().is_too_big);
        let declarations: String = (0..=MAX_BINDINGS).map(|n| format!(" xmlns:p{n}='u'")).collect();
        assert!(refusal(format!("<a{declarations}/>")).contains("more than 256 namespace declarations"));
        let crowd = format!("<a>{}</a>", "<b/>".repeat(MAX_REMEMBERED));
        assert!(refusal(crowd).contains("more than 100000 elements near the root"));
        let siblings = format!("<a>{}</a>", "<b xmlns='u'/>".repeat(1000));
        assert!(Document::read(siblings.as_bytes()).is_ok());
    }

    fn content_of_root(message: &str) -> String {
        let document = Document::read(message.as_bytes()).unwrap();
        document.root().unwrap().content(1000).unwrap()
    }

    #[test]
    fn content_carries_the_namespaces_that_it_needs() {
        let message = r#"<r xmlns="u:r" xmlns:nc="u:nc" xmlns:idle="u:i" xmlns:v="u:v"><!-- c -->
            <a xmlns="u:a" nc:operation="delete"><type>v:x</type></a><b/><nc:c xmlns:nc="u:other"/></r>"#;
        expect![[r#"<a xmlns:nc="u:nc" xmlns:v="u:v" xmlns="u:a" nc:operation="delete"><type>v:x</type></a><b xmlns="u:r"/><nc:c xmlns="u:r" xmlns:nc="u:other"/>"#]].assert_eq(&content_of_root(message));
    }

    #[test]
    fn a_default_namespace_that_was_undeclared_stays_so() {
        expect![[r#"<b/>"#]].assert_eq(&content_of_root(r#"<r><b/></r>"#));
        expect!["<b/>"].assert_eq(&content_of_root(r#"<n:r xmlns:n="u" xmlns=""><b/></n:r>"#));
    }

    #[test]
    fn content_that_swells_beyond_the_limit_is_not_built() {
        let message = format!("<r xmlns='{}'>{}</r>", "u".repeat(100), "<a/>".repeat(100));
        let document = Document::read(message.as_bytes()).unwrap();
        assert_eq!(document.root().unwrap().content(1000), None);
    }

    #[test]
    fn text_joins_character_data_references_and_cdata() {
        let document = Document::read(b"<a> x &lt;<![CDATA[&y]]>&#65;<!-- no --> </a>").unwrap();
        assert_eq!(document.root().unwrap().text(), "x <&yA");
    }
}
