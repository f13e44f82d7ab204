//! Data trees as XML text, through a selection.

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::HashSet;
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

/// Where a configuration node of the operational datastore comes from (RFC 8342 section 5.3.4).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Origin {
    /// Somebody configured it.
    Intended,
    /// Nobody did: the schema says so.
    Default,
}

impl Origin {
    fn of(node: NodeRef<'_>) -> Origin {
        if node.is_default() {
            Origin::Default
        } else {
            Origin::Intended
        }
    }

    /// Its name in ietf-origin.
    pub fn name(self) -> &'static str {
        match self {
            Origin::Intended => "intended",
            Origin::Default => "default",
        }
    }
}

/// What a reply shows of what is selected, and how.
#[derive(Clone, Debug, Default)]
pub struct Rendering {
    /// What becomes of default values.
    pub defaults: WithDefaults,
    /// How many levels are shown from each selected node on, that one counted.
    pub max_depth: Option<u16>,
    /// Only configuration, or only state.
    pub config: Option<bool>,
    /// Only configuration of these origins; none is none.
    pub origins: Option<Vec<Origin>>,
    /// Whether configuration tells where it comes from.
    pub with_origin: bool,
}

impl Rendering {
    /// Everything that is selected.
    pub fn with(defaults: WithDefaults) -> Rendering {
        Rendering {
            defaults,
            ..Rendering::default()
        }
    }

    /// Whether something below a selected node may be left out.
    pub(in crate::yang) fn sieves(&self) -> bool {
        self.config.is_some() || self.origins.is_some()
    }

    /// Whether a node, or something below it, may be shown.
    pub(in crate::yang) fn shows(&self, node: NodeRef<'_>) -> bool {
        if !self.sieves() || node.schema().is_key() {
            return true;
        }
        let is_config = node.schema().is_config();
        match self.config {
            Some(true) if !is_config => return false,
            Some(false) if is_config && node.schema().is_term() => return false,
            _ => {}
        }
        !node.schema().is_term() || self.shows_origin(node)
    }

    fn shows_origin(&self, node: NodeRef<'_>) -> bool {
        match &self.origins {
            Some(origins) if node.schema().is_config() => origins.contains(&Origin::of(node)),
            _ => true,
        }
    }

    /// Whether a node that holds nothing but keys is shown.
    fn stands_alone(&self, node: NodeRef<'_>) -> bool {
        !self.sieves()
            || ((self.config != Some(false) || !node.schema().is_config()) && self.shows_origin(node))
    }
}

/// Nodes that were found, and the way to them.
#[derive(Debug, Default)]
pub(in crate::yang) struct Marks {
    selected: HashSet<*const ()>,
    above: HashSet<*const ()>,
}

impl Marks {
    pub(in crate::yang) fn of(nodes: &[NodeRef<'_>]) -> Marks {
        let mut marks = Marks::default();
        for node in nodes {
            marks.selected.insert(node.address());
            let mut above = node.parent();
            while let Some(parent) = above {
                if !marks.above.insert(parent.address()) {
                    break;
                }
                above = parent.parent();
            }
        }
        marks
    }

    pub(in crate::yang) fn is_selected(&self, node: NodeRef<'_>) -> bool {
        self.selected.contains(&node.address())
    }

    pub(in crate::yang) fn leads_on(&self, node: NodeRef<'_>) -> bool {
        self.above.contains(&node.address())
    }
}

/// In front of the name of an origin.
const ORIGIN: &str = " xmlns:or=\"urn:ietf:params:xml:ns:yang:ietf-origin\" or:origin=\"or:";
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
    render_to(out, tree, selection, &Rendering::with(defaults), readable)
}

/// The same, as a reply of RFC 8526 wants it.
pub fn render_to(
    out: &mut dyn fmt::Write,
    tree: &Tree,
    selection: &Selection,
    rendering: &Rendering,
    readable: Option<&dyn Readable>,
) -> fmt::Result {
    let mut printer = Printer::new(out, tree.schema(), rendering, readable);
    let view = selection.view();
    let among = |id| tree.roots().find(|node| node.schema_id() == id);
    if view.holds_at_root(among, |node| printer.may_read(node)) {
        for node in in_order(tree) {
            printer.selected(node, &view, None);
        }
    }
    printer.pass_on();
    printer.result
}

/// The marked nodes with all below them, their ancestors and the keys of those.
pub(in crate::yang) fn render_nodes_to(
    out: &mut dyn fmt::Write,
    tree: &Tree,
    marks: &Marks,
    rendering: &Rendering,
) -> fmt::Result {
    let mut printer = Printer::new(out, tree.schema(), rendering, None);
    for node in in_order(tree) {
        printer.marked(node, marks, None);
    }
    printer.pass_on();
    printer.result
}

/// The top-level nodes in the order of their modules.
fn in_order(tree: &Tree) -> Vec<NodeRef<'_>> {
    let mut roots: Vec<NodeRef<'_>> = tree.roots().collect();
    roots.sort_by_key(|node| tree.schema().module_rank(node.module()));
    roots
}

/// One node with all below it, for a reply that shows it somewhere else.
pub fn print_node(node: NodeRef<'_>, rendering: &Rendering) -> String {
    let mut text = String::new();
    let mut printer = Printer::new(&mut text, node.schema().schema(), rendering, None);
    printer.whole(node, None, 1);
    printer.pass_on();
    text
}

/// The same as far as it is selected and may be read; empty when nothing of it is.
pub fn print_selected_node(
    node: NodeRef<'_>,
    selection: &Selection,
    rendering: &Rendering,
    readable: Option<&dyn Readable>,
) -> String {
    let mut text = String::new();
    let mut printer = Printer::new(&mut text, node.schema().schema(), rendering, readable);
    let mut above: Vec<NodeRef<'_>> = std::iter::successors(node.parent(), NodeRef::parent).collect();
    above.reverse();
    let mut view = Some(selection.view());
    for parent in above {
        view = view
            .filter(|_| !printer.hides(parent))
            .and_then(|view| view.inside(parent, |leaf| printer.may_read(leaf)));
    }
    if let Some(view) = view {
        printer.selected(node, &view, None);
    }
    printer.pass_on();
    text
}

/// The children of a node, all of them: what an operation answers, or a whole subtree for a log.
pub fn print_children(node: NodeRef<'_>, defaults: WithDefaults) -> String {
    let mut text = String::new();
    let rendering = Rendering::with(defaults);
    let mut printer = Printer::new(&mut text, node.schema().schema(), &rendering, None);
    for child in node.children() {
        printer.whole(child, None, 1);
    }
    printer.pass_on();
    text
}

/// How much is printed before it is passed on, in bytes.
const PIECE: usize = 32 * 1024;

struct Printer<'s> {
    schema: &'s Schema,
    rendering: &'s Rendering,
    readable: Option<&'s dyn Readable>,
    /// What was printed and may still be taken back.
    pending: String,
    /// How many bytes were passed on before.
    gone: usize,
    out: &'s mut dyn fmt::Write,
    result: fmt::Result,
}

impl<'s> Printer<'s> {
    fn new(
        out: &'s mut dyn fmt::Write,
        schema: &'s Schema,
        rendering: &'s Rendering,
        readable: Option<&'s dyn Readable>,
    ) -> Printer<'s> {
        Printer {
            schema,
            rendering,
            readable,
            pending: String::new(),
            gone: 0,
            out,
            result: Ok(()),
        }
    }

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
        let by_default = match self.rendering.defaults {
            WithDefaults::Explicit => node.is_default(),
            WithDefaults::ReportAll | WithDefaults::ReportAllTagged => false,
            WithDefaults::Trim => node.is_default() || node.has_default_value(),
        };
        by_default || !self.rendering.shows(node) || !self.may_read(node)
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
            return self.whole(node, module, 1);
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

    /// A node with all below it, as deep as is wanted; `depth` counts from 1.
    fn whole(&mut self, node: NodeRef<'_>, module: Option<ModuleId>, depth: u16) {
        if self.hides(node) || self.result.is_err() {
            return;
        }
        if node.schema().is_term() {
            self.leaf(node, module);
            let may_be_taken_back = node.schema().is_key() && self.rendering.sieves();
            if self.pending.len() > PIECE && !may_be_taken_back {
                self.pass_on();
            }
            return;
        }
        let start = self.length();
        let here = Some(node.schema().module_id());
        self.open(node, module);
        let empty = self.length();
        let is_deepest = self.rendering.max_depth == Some(depth);
        let mut after_keys = empty;
        for child in node.children() {
            if child.schema().is_key() {
                self.leaf(child, here);
                after_keys = self.length();
            } else if is_deepest {
                break;
            } else {
                self.whole(child, here, depth.saturating_add(1));
            }
        }
        if self.length() == after_keys && !self.rendering.stands_alone(node) {
            return self.take_back(start);
        }
        if is_deepest && self.length() == empty {
            self.take_back(empty - 1);
            return self.pending.push_str("/>");
        }
        self.close(node, start, empty);
    }

    /// A node as far as it, or something below it, is marked.
    fn marked(&mut self, node: NodeRef<'_>, marks: &Marks, module: Option<ModuleId>) {
        if marks.is_selected(node) {
            return self.whole(node, module, 1);
        }
        if !marks.leads_on(node) || self.hides(node) || self.result.is_err() {
            return;
        }
        let start = self.length();
        let here = Some(node.schema().module_id());
        self.open(node, module);
        let empty = self.length();
        let mut after_keys = empty;
        for child in node.children() {
            if child.schema().is_key() {
                self.leaf(child, here);
                after_keys = self.length();
            } else {
                self.marked(child, marks, here);
            }
        }
        let key_is_selected = || {
            node.children()
                .any(|child| child.schema().is_key() && marks.is_selected(child))
        };
        if self.length() == after_keys && !key_is_selected() {
            return self.take_back(start);
        }
        self.close(node, start, empty);
        if self.pending.len() > PIECE {
            self.pass_on();
        }
    }

    fn start_tag(&mut self, node: NodeRef<'_>, module: Option<ModuleId>) {
        self.pending.push('<');
        self.pending.push_str(node.name());
        if Some(node.schema().module_id()) != module {
            self.pending.push_str(" xmlns=\"");
            self.pending.push_str(&escape_attribute(node.namespace()));
            self.pending.push('"');
        }
        if self.rendering.with_origin
            && node.schema().is_config()
            && !node.schema().is_key()
            && (module.is_none() || (node.is_default() && node.schema().is_term()))
        {
            self.pending.push_str(ORIGIN);
            self.pending.push_str(Origin::of(node).name());
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
        if self.rendering.defaults == WithDefaults::ReportAllTagged && node.is_default() {
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
