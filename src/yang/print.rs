//! Data trees as XML text, through a selection.

use std::borrow::Cow;

use crate::yang::path::InstancePath;
use crate::yang::schema::Schema;
use crate::yang::schema_node::{ModuleId, NodeKind};
use crate::yang::select::{Selection, View};
use crate::yang::tree::{NodeRef, Tree};

/// What a reply does with default values (RFC 6243).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum WithDefaults {
    /// Only what a client set is reported: our basic mode.
    #[default]
    Explicit,
    /// Defaults in use are reported as if they were set.
    ReportAll,
}

/// The selected part of a tree: elements side by side, compact, in the order of modules and schema.
pub fn print(tree: &Tree, selection: &Selection, defaults: WithDefaults) -> String {
    let mut printer = Printer {
        schema: tree.schema(),
        defaults,
        out: String::new(),
    };
    let view = selection.view();
    let among = |id| tree.roots().find(|node| node.schema_id() == id);
    if view.holds_at_root(among) {
        let mut roots: Vec<NodeRef<'_>> = tree.roots().collect();
        roots.sort_by_key(|node| tree.schema().module_rank(node.module()));
        for node in roots {
            printer.selected(node, &view, None);
        }
    }
    printer.out
}

/// The children of a node, all of them: what an operation answers, or a whole subtree for a log.
pub fn print_children(node: NodeRef<'_>, defaults: WithDefaults) -> String {
    let mut printer = Printer {
        schema: node.schema().schema(),
        defaults,
        out: String::new(),
    };
    for child in node.children() {
        printer.whole(child, None);
    }
    printer.out
}

struct Printer<'s> {
    schema: &'s Schema,
    defaults: WithDefaults,
    out: String,
}

impl Printer<'_> {
    fn hides(&self, node: NodeRef<'_>) -> bool {
        self.defaults == WithDefaults::Explicit && node.is_default()
    }

    /// A node as far as it is selected. `module` is the parent's.
    fn selected(&mut self, node: NodeRef<'_>, view: &View<'_>, module: Option<ModuleId>) {
        if self.hides(node) {
            return;
        }
        if node.schema().is_term() {
            if view.has_leaf(node) {
                self.leaf(node, module);
            }
            return;
        }
        let Some(inside) = view.inside(node) else { return };
        if matches!(inside, View::All) {
            return self.whole(node, module);
        }
        let start = self.out.len();
        let here = Some(node.schema().module_id());
        self.open(node, module);
        let empty = self.out.len();
        let keys: Vec<NodeRef<'_>> = node
            .children()
            .take_while(|child| child.schema().is_key())
            .collect();
        let mut asked_keys = false;
        for key in &keys {
            asked_keys |= inside.has_leaf(*key);
            self.leaf(*key, here);
        }
        let after_keys = self.out.len();
        for child in inside.children(node) {
            if !child.schema().is_key() {
                self.selected(child, &inside, here);
            }
        }
        // RFC 6241 6.2.5: a containment node shows when something inside it does. Keys that nobody asked for
        // identify what was found; they are no find themselves.
        if self.out.len() == after_keys && !asked_keys {
            self.out.truncate(start);
            return;
        }
        self.close(node, start, empty);
    }

    /// A node with all below it.
    fn whole(&mut self, node: NodeRef<'_>, module: Option<ModuleId>) {
        if self.hides(node) {
            return;
        }
        if node.schema().is_term() {
            return self.leaf(node, module);
        }
        let start = self.out.len();
        let here = Some(node.schema().module_id());
        self.open(node, module);
        let empty = self.out.len();
        for child in node.children() {
            self.whole(child, here);
        }
        self.close(node, start, empty);
    }

    fn start_tag(&mut self, node: NodeRef<'_>, module: Option<ModuleId>) {
        self.out.push('<');
        self.out.push_str(node.name());
        if Some(node.schema().module_id()) != module {
            self.out.push_str(" xmlns=\"");
            self.out.push_str(&escape_attribute(node.namespace()));
            self.out.push('"');
        }
    }

    fn open(&mut self, node: NodeRef<'_>, module: Option<ModuleId>) {
        self.start_tag(node, module);
        self.out.push('>');
    }

    fn close(&mut self, node: NodeRef<'_>, start: usize, empty: usize) {
        if self.out.len() > empty {
            self.out.push_str("</");
            self.out.push_str(node.name());
            self.out.push('>');
        } else if node.schema().kind() == (NodeKind::Container { presence: false }) {
            self.out.truncate(start);
        } else {
            self.out.truncate(empty - 1);
            self.out.push_str("/>");
        }
    }

    fn leaf(&mut self, node: NodeRef<'_>, module: Option<ModuleId>) {
        let value = node.value().unwrap_or_default();
        self.start_tag(node, module);
        let text = if node.value_names_modules() {
            let (text, namespaces) = with_prefixes(self.schema, value);
            for (prefix, namespace) in namespaces {
                self.out.push_str(" xmlns:");
                self.out.push_str(&prefix);
                self.out.push_str("=\"");
                self.out.push_str(&escape_attribute(&namespace));
                self.out.push('"');
            }
            Cow::Owned(text)
        } else {
            Cow::Borrowed(value)
        };
        if text.is_empty() {
            self.out.push_str("/>");
            return;
        }
        self.out.push('>');
        self.out.push_str(&escape_text(&text));
        self.out.push_str("</");
        self.out.push_str(node.name());
        self.out.push('>');
    }
}

/// An identity or instance identifier with prefixes instead of module names, and what the prefixes mean.
fn with_prefixes(schema: &Schema, value: &str) -> (String, Vec<(String, String)>) {
    if value.starts_with('/') {
        return match InstancePath::parse(value) {
            Ok(path) => path.to_identifier(schema),
            Err(_) => (value.to_owned(), Vec::new()),
        };
    }
    let module = value
        .split_once(':')
        .and_then(|(module, name)| Some((schema.module(module)?, name)));
    match module {
        Some((module, name)) => (
            format!("{}:{name}", module.prefix),
            vec![(module.prefix.clone(), module.namespace.clone())],
        ),
        None => (value.to_owned(), Vec::new()),
    }
}

/// Character data with its markup escaped.
pub fn escape_text(text: &str) -> Cow<'_, str> {
    escape(text, |byte| match byte {
        b'<' => Some("&lt;"),
        b'>' => Some("&gt;"),
        b'&' => Some("&amp;"),
        // A reader would turn a bare carriage return into a line feed.
        b'\r' => Some("&#13;"),
        _ => None,
    })
}

/// An attribute value for double quotes.
pub fn escape_attribute(text: &str) -> Cow<'_, str> {
    escape(text, |byte| match byte {
        b'<' => Some("&lt;"),
        b'&' => Some("&amp;"),
        b'"' => Some("&quot;"),
        b'\t' => Some("&#9;"),
        b'\n' => Some("&#10;"),
        b'\r' => Some("&#13;"),
        _ => None,
    })
}

fn escape(text: &str, reference: impl Fn(u8) -> Option<&'static str>) -> Cow<'_, str> {
    // All that is escaped is ASCII, so a position of such a byte is one of a letter.
    let Some(first) = text.bytes().position(|byte| reference(byte).is_some()) else {
        return Cow::Borrowed(text);
    };
    let (clean, rest) = text.split_at(first);
    let mut escaped = String::with_capacity(text.len() + 8);
    escaped.push_str(clean);
    for letter in rest.chars() {
        match u8::try_from(letter)
            .ok()
            .filter(u8::is_ascii)
            .and_then(&reference)
        {
            Some(reference) => escaped.push_str(reference),
            None => escaped.push(letter),
        }
    }
    Cow::Owned(escaped)
}
