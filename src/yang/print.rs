//! Data trees as XML text, through a selection.

use std::borrow::Cow;
use std::cell::RefCell;
use std::fmt;

use crate::yang::path::InstancePath;
use crate::yang::prefixes::with_other_prefixes;
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
    /// The same, each with an attribute that says so.
    ReportAllTagged,
    /// What has its default value is not reported, even where a client set it.
    Trim,
}

/// On each default of a report with tags (RFC 6243 section 6).
const DEFAULT_TAG: &str = " xmlns:wd=\"urn:ietf:params:xml:ns:netconf:default:1.0\" wd:default=\"true\"";

/// Who knows which nodes the asker may read (RFC 8341 section 3.2.5). What may not be read is left out with all below
/// it, and is no match for a filter. The keys of an entry that is shown are shown.
pub trait Readable {
    /// Whether a node may be read. Asked from the top: what is above it may.
    fn may_read(&self, node: NodeRef<'_>) -> bool;
}

/// The selected part of a tree: elements side by side, compact, in the order of modules and schema.
pub fn print(tree: &Tree, selection: &Selection, defaults: WithDefaults) -> String {
    let mut text = String::new();
    // A string takes everything.
    let _ = print_to(&mut text, tree, selection, defaults, None);
    text
}

/// The same as far as it may be read, piece by piece as it is printed. Ends early when it is not taken any more.
pub fn print_to(
    out: &mut dyn fmt::Write,
    tree: &Tree,
    selection: &Selection,
    defaults: WithDefaults,
    readable: Option<&dyn Readable>,
) -> fmt::Result {
    let mut printer = Printer {
        schema: tree.schema(),
        defaults,
        readable,
        pending: String::new(),
        gone: 0,
        out,
        result: Ok(()),
    };
    let view = selection.view();
    let among = |id| tree.roots().find(|node| node.schema_id() == id);
    if view.holds_at_root(among, |node| printer.may_read(node)) {
        let mut roots: Vec<NodeRef<'_>> = tree.roots().collect();
        roots.sort_by_key(|node| tree.schema().module_rank(node.module()));
        for node in roots {
            printer.selected(node, &view, None);
        }
    }
    printer.pass_on();
    printer.result
}

/// The children of a node, all of them: what an operation answers, or a whole subtree for a log.
pub fn print_children(node: NodeRef<'_>, defaults: WithDefaults) -> String {
    let mut text = String::new();
    let mut printer = Printer {
        schema: node.schema().schema(),
        defaults,
        readable: None,
        pending: String::new(),
        gone: 0,
        out: &mut text,
        result: Ok(()),
    };
    for child in node.children() {
        printer.whole(child, None);
    }
    printer.pass_on();
    text
}

/// How much is printed before it is passed on, in bytes.
const PIECE: usize = 32 * 1024;

struct Printer<'s> {
    schema: &'s Schema,
    defaults: WithDefaults,
    readable: Option<&'s dyn Readable>,
    /// What was printed and may still be taken back.
    pending: String,
    /// How many bytes were passed on before.
    gone: usize,
    out: &'s mut dyn fmt::Write,
    result: fmt::Result,
}

impl Printer<'_> {
    /// How many bytes were printed.
    fn length(&self) -> usize {
        self.gone + self.pending.len()
    }

    /// Takes back what was printed after so many bytes. Nothing of it is passed on yet: that is only done where all
    /// open elements have something inside.
    fn take_back(&mut self, length: usize) {
        self.pending.truncate(length.saturating_sub(self.gone));
    }

    /// Only to be called where everything printed so far stays.
    fn pass_on(&mut self) {
        if self.result.is_ok() {
            self.result = self.out.write_str(&self.pending);
        }
        self.gone += self.pending.len();
        self.pending.clear();
    }

    fn hides(&self, node: NodeRef<'_>) -> bool {
        let left_out = match self.defaults {
            WithDefaults::Explicit => node.is_default(),
            WithDefaults::ReportAll | WithDefaults::ReportAllTagged => false,
            WithDefaults::Trim => node.is_default() || node.has_default_value(),
        };
        left_out || !self.may_read(node)
    }

    fn may_read(&self, node: NodeRef<'_>) -> bool {
        self.readable
            .is_none_or(|readable| node.schema().is_key() || readable.may_read(node))
    }

    /// A node as far as it is selected. `module` is the parent's.
    fn selected(&mut self, node: NodeRef<'_>, view: &View<'_>, module: Option<ModuleId>) {
        if self.hides(node) || self.result.is_err() {
            return;
        }
        if node.schema().is_term() {
            if view.has_leaf(node) {
                self.leaf(node, module);
            }
            return;
        }
        let Some(inside) = view.inside(node, |leaf| self.may_read(leaf)) else {
            return;
        };
        if matches!(inside, View::All) {
            return self.whole(node, module);
        }
        let start = self.length();
        let here = Some(node.schema().module_id());
        self.open(node, module);
        let empty = self.length();
        let keys: Vec<NodeRef<'_>> = node
            .children()
            .take_while(|child| child.schema().is_key())
            .collect();
        let mut asked_keys = false;
        for key in &keys {
            asked_keys |= inside.has_leaf(*key);
            self.leaf(*key, here);
        }
        let after_keys = self.length();
        for child in inside.children(node) {
            if !child.schema().is_key() {
                self.selected(child, &inside, here);
            }
        }
        // RFC 6241 6.2.5: a containment node shows when something inside it does. Keys that nobody asked for
        // identify what was found; they are no find themselves.
        if self.length() == after_keys && !asked_keys {
            self.take_back(start);
            return;
        }
        self.close(node, start, empty);
        if self.pending.len() > PIECE {
            self.pass_on();
        }
    }

    /// A node with all below it.
    fn whole(&mut self, node: NodeRef<'_>, module: Option<ModuleId>) {
        if self.hides(node) || self.result.is_err() {
            return;
        }
        if node.schema().is_term() {
            self.leaf(node, module);
            if self.pending.len() > PIECE {
                self.pass_on();
            }
            return;
        }
        let start = self.length();
        let here = Some(node.schema().module_id());
        self.open(node, module);
        let empty = self.length();
        for child in node.children() {
            self.whole(child, here);
        }
        self.close(node, start, empty);
    }

    fn start_tag(&mut self, node: NodeRef<'_>, module: Option<ModuleId>) {
        self.pending.push('<');
        self.pending.push_str(node.name());
        if Some(node.schema().module_id()) != module {
            self.pending.push_str(" xmlns=\"");
            self.pending.push_str(&escape_attribute(node.namespace()));
            self.pending.push('"');
        }
    }

    fn open(&mut self, node: NodeRef<'_>, module: Option<ModuleId>) {
        self.start_tag(node, module);
        self.pending.push('>');
    }

    fn close(&mut self, node: NodeRef<'_>, start: usize, empty: usize) {
        if self.length() > empty {
            self.pending.push_str("</");
            self.pending.push_str(node.name());
            self.pending.push('>');
        } else if node.schema().kind() == (NodeKind::Container { presence: false }) {
            self.take_back(start);
        } else {
            self.take_back(empty - 1);
            self.pending.push_str("/>");
        }
    }

    fn leaf(&mut self, node: NodeRef<'_>, module: Option<ModuleId>) {
        let value = node.value().unwrap_or_default();
        self.start_tag(node, module);
        if self.defaults == WithDefaults::ReportAllTagged && node.is_default() {
            self.pending.push_str(DEFAULT_TAG);
        }
        let text = if node.value_names_modules() {
            let (text, namespaces) = with_prefixes(self.schema, value);
            for (prefix, namespace) in namespaces {
                self.pending.push_str(" xmlns:");
                self.pending.push_str(&prefix);
                self.pending.push_str("=\"");
                self.pending.push_str(&escape_attribute(&namespace));
                self.pending.push('"');
            }
            Cow::Owned(text)
        } else {
            Cow::Borrowed(value)
        };
        if text.is_empty() {
            self.pending.push_str("/>");
            return;
        }
        self.pending.push('>');
        self.pending.push_str(&escape_text(&text));
        self.pending.push_str("</");
        self.pending.push_str(node.name());
        self.pending.push('>');
    }
}

/// An identity, path or expression with prefixes instead of module names, and what the prefixes mean.
fn with_prefixes(schema: &Schema, value: &str) -> (String, Vec<(String, String)>) {
    if value.starts_with('/')
        && let Ok(path) = InstancePath::parse(value)
    {
        return path.to_identifier(schema);
    }
    let used: RefCell<Vec<(String, String)>> = RefCell::default();
    let text = with_other_prefixes(value, |name| {
        let module = schema.module(name)?;
        let mut used = used.borrow_mut();
        // Two modules may choose the same prefix; the module's name is then as good a prefix and unique.
        let taken = used
            .iter()
            .any(|(prefix, namespace)| *prefix == module.prefix && *namespace != module.namespace);
        let prefix = if taken { name } else { &module.prefix };
        let entry = (prefix.to_owned(), module.namespace.clone());
        if !used.contains(&entry) {
            used.push(entry);
        }
        Some(prefix.to_owned())
    });
    (text, used.into_inner())
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
