//! How operational state gets into a tree for one request, no more of it than the request can show.

use std::fmt::Display;
use std::sync::Arc;

use crate::yang::error::{DataError, DataErrorTag};
use crate::yang::schema::Schema;
use crate::yang::schema_node::{NodeKind, SchemaId, SchemaNode};
use crate::yang::select::{Selection, View};
use crate::yang::tree::Tree;
use crate::yang::writer::TreeWriter;

/// Builds a state tree. Names at the top are `module:name`; below that a plain name means the parent's module and
/// `module:name` changes it. What the selection cannot show is skipped, its closure not called. The first wrong name
/// or value is kept and comes out of [`StateBuilder::finish`].
///
/// ```
/// # use std::sync::Arc;
/// # use ponder::yang::{modules::ModuleSet, print, schema::Schema, select::Selection, state::StateBuilder};
/// let schema = Schema::load(ModuleSet::embedded()).unwrap();
/// let everything = Selection::everything(&schema);
/// let mut out = StateBuilder::new(&schema, &everything);
/// out.container("Cisco-IOS-XR-osa-oper:osa", |out| {
///     out.container("node-ids", |out| {
///         out.list("node-id", &[("node-name", &"0/1")], |_| {});
///     });
/// });
/// let tree = out.finish().unwrap();
/// assert!(tree.find("/Cisco-IOS-XR-osa-oper:osa/node-ids/node-id[node-name='0/1']").is_some());
/// ```
pub struct StateBuilder<'f> {
    writer: TreeWriter,
    /// What is selected below the node that is open, and below each of its ancestors.
    views: Vec<View<'f>>,
    error: Option<DataError>,
}

impl<'f> StateBuilder<'f> {
    /// Starts at the root.
    pub fn new(schema: &Arc<Schema>, selection: &'f Selection) -> StateBuilder<'f> {
        StateBuilder {
            writer: TreeWriter::new(schema),
            views: vec![selection.view()],
            error: None,
        }
    }

    /// The output of an operation.
    pub(in crate::yang) fn operation(&mut self, node: SchemaNode<'_>, fill: impl FnOnce(&mut Self)) {
        match self.writer.open_container(node) {
            Ok(()) => self.fill(View::All, fill),
            Err(error) => self.keep(error),
        }
    }

    /// A container.
    pub fn container(&mut self, name: &str, fill: impl FnOnce(&mut Self)) {
        let schema = Arc::clone(self.writer.schema());
        let Some(node) = self.resolve(&schema, name) else {
            return;
        };
        if !matches!(node.kind(), NodeKind::Container { .. }) {
            return self.fail(node, "is no container");
        }
        let Some(inside) = self.inside(node, &[]) else {
            return;
        };
        match self.writer.open_container(node) {
            Ok(()) => self.fill(inside, fill),
            Err(error) => self.keep(error),
        }
    }

    /// An entry of a list: names and values of its keys, none for a list without keys.
    pub fn list(&mut self, name: &str, keys: &[(&str, &dyn Display)], fill: impl FnOnce(&mut Self)) {
        let schema = Arc::clone(self.writer.schema());
        let Some(node) = self.resolve(&schema, name) else {
            return;
        };
        if node.kind() != NodeKind::List {
            return self.fail(node, "is no list");
        }
        let mut named: Vec<(SchemaId, String)> = Vec::with_capacity(keys.len());
        for key in node.keys() {
            match keys.iter().find(|(name, _)| *name == key.name()) {
                Some((_, value)) => named.push((key.id(), value.to_string())),
                None => return self.fail(node, &format!("lacks its key {}", key.name())),
            }
        }
        if named.len() != keys.len() {
            return self.fail(node, "was given a key that it does not have");
        }
        let known: Vec<(SchemaId, &str)> = named.iter().map(|(id, value)| (*id, value.as_str())).collect();
        let Some(inside) = self.inside(node, &known) else {
            return;
        };
        let values: Vec<&str> = known.iter().map(|(_, value)| *value).collect();
        match self.writer.open_entry(node, &values) {
            Ok(()) => self.fill(inside, fill),
            Err(error) => self.keep(error),
        }
    }

    /// A leaf; the empty text for type empty, `module:name` for an identity of another module.
    pub fn leaf(&mut self, name: &str, value: impl Display) {
        let schema = Arc::clone(self.writer.schema());
        let Some(node) = self.resolve(&schema, name) else {
            return;
        };
        if !node.is_term() {
            return self.fail(node, "is no leaf");
        }
        if node.is_key() || !self.view_wants(node) {
            return;
        }
        if let Err(error) = self.writer.term(node, &value.to_string()) {
            self.keep(error);
        }
    }

    /// A leaf that may have nothing to say.
    pub fn leaf_option(&mut self, name: &str, value: Option<impl Display>) {
        if let Some(value) = value {
            self.leaf(name, value);
        }
    }

    /// The entries of a leaf-list.
    pub fn leaf_list(&mut self, name: &str, values: impl IntoIterator<Item = impl Display>) {
        for value in values {
            self.leaf(name, value);
        }
    }

    /// Whether a child of this name can show or is needed to decide; ask before costly work.
    pub fn wants(&self, name: &str) -> bool {
        let schema = Arc::clone(self.writer.schema());
        self.find(&schema, name).is_some_and(|node| self.view_wants(node))
    }

    /// The tree, or the first wrong name or value.
    pub fn finish(self) -> Result<Tree, DataError> {
        match self.error {
            Some(error) => Err(error),
            None => Ok(self.writer.finish()),
        }
    }

    fn fill(&mut self, inside: View<'f>, fill: impl FnOnce(&mut Self)) {
        self.views.push(inside);
        fill(self);
        self.views.pop();
        self.writer.close();
    }

    fn inside(&self, node: SchemaNode<'_>, keys: &[(SchemaId, &str)]) -> Option<View<'f>> {
        self.views.last().and_then(|view| view.inside_of(node, keys))
    }

    fn view_wants(&self, node: SchemaNode<'_>) -> bool {
        self.views.last().is_some_and(|view| view.wants(node))
    }

    fn find<'s>(&self, schema: &'s Arc<Schema>, name: &str) -> Option<SchemaNode<'s>> {
        let here = self.writer.here().and_then(|node| schema.node(node.schema_id()));
        match (here, name.split_once(':')) {
            (None, Some((module, name))) => schema.top(module, name),
            (None, None) => None,
            (Some(parent), qualified) => {
                let (module, name) = qualified.unwrap_or((parent.module(), name));
                if parent.kind() == NodeKind::Operation {
                    parent.output_child(module, name)
                } else {
                    parent.child(module, name)
                }
            }
        }
    }

    fn resolve<'s>(&mut self, schema: &'s Arc<Schema>, name: &str) -> Option<SchemaNode<'s>> {
        let found = self.find(schema, name);
        if found.is_none() {
            let path = self.writer.path();
            self.keep(
                DataError::new(
                    DataErrorTag::UnknownElement,
                    format!("{path} has no child {name}"),
                )
                .with_element(name)
                .at(schema, &path),
            );
        }
        found
    }

    fn fail(&mut self, node: SchemaNode<'_>, problem: &str) {
        let message = format!("{} {problem}", node.path());
        self.keep(DataError::new(DataErrorTag::BadElement, message).with_element(node.name()));
    }

    fn keep(&mut self, error: DataError) {
        self.error.get_or_insert(error);
    }
}
