//! Subtree filters (RFC 6241 section 6), bound to the schema.
//!
//! An element without a namespace, or in the NETCONF base namespace, matches a node of any module: some clients leave
//! the namespace out (RFC 6241 6.2.1 would let it match nothing). An element that no module has selects nothing.
//! Attribute match expressions (6.2.2) match nothing: no YANG data has attributes. What else the filter selects is given.

use std::sync::Arc;

use crate::yang::document::{Element, NETCONF_BASE};
use crate::yang::error::DataError;
use crate::yang::path::{Instance, InstancePath};
use crate::yang::place::canonical_value;
use crate::yang::schema::Schema;
use crate::yang::schema_node::{NodeKind, SchemaId, SchemaNode};
use crate::yang::tree::NodeRef;

/// What a request wants to see.
#[derive(Clone, Debug)]
pub struct Selection {
    schema: Arc<Schema>,
    /// `None` selects everything.
    filter: Option<Sieve>,
}

/// What the top elements of a filter name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::yang) enum Among {
    Data,
    Notifications,
}

/// The elements inside one filter element.
#[derive(Clone, Debug, Default)]
pub(in crate::yang) struct Sieve {
    /// Content match nodes: all must hold.
    matches: Vec<ContentMatch>,
    /// Selection and containment nodes that the schema knows.
    picks: Vec<Pick>,
    /// Whether there was any selection or containment node, known or not. Without one, all is selected.
    selects: bool,
}

/// A content match node: holds when a leaf of one of these schema nodes has one of the values.
#[derive(Clone, Debug)]
pub(in crate::yang) struct ContentMatch {
    leaves: Vec<(SchemaId, String)>,
}

/// A selection node, or a containment node with what is inside.
#[derive(Clone, Debug)]
pub(in crate::yang) struct Pick {
    node: SchemaId,
    inside: Option<Sieve>,
}

/// What is selected below one node.
#[derive(Clone, Debug)]
pub(in crate::yang) enum View<'f> {
    /// Everything.
    All,
    /// What the sieves let through, united.
    Part(Vec<&'f Sieve>),
}

impl Selection {
    /// No filter.
    pub fn everything(schema: &Arc<Schema>) -> Selection {
        Selection {
            schema: Arc::clone(schema),
            filter: None,
        }
    }

    /// Reads the content of a subtree filter. Empty content selects nothing (RFC 6241 section 6.4.2).
    pub fn subtree(schema: &Arc<Schema>, content: &str) -> Result<Selection, DataError> {
        let elements = Element::parse_content(content)?;
        let mut sieve = Sieve::bind(schema, Among::Data, &[], &elements)?;
        sieve.selects = true;
        Ok(Selection {
            schema: Arc::clone(schema),
            filter: Some(sieve),
        })
    }

    /// The same for notifications (RFC 5277 section 3.6): the top elements name notifications, not data.
    pub fn of_notifications(schema: &Arc<Schema>, content: &str) -> Result<Selection, DataError> {
        let elements = Element::parse_content(content)?;
        let mut sieve = Sieve::bind(schema, Among::Notifications, &[], &elements)?;
        sieve.selects = true;
        Ok(Selection {
            schema: Arc::clone(schema),
            filter: Some(sieve),
        })
    }

    /// What location paths lead to.
    pub(in crate::yang) fn of(schema: &Arc<Schema>, mut sieve: Sieve) -> Selection {
        sieve.selects = true;
        Selection {
            schema: Arc::clone(schema),
            filter: Some(sieve),
        }
    }

    /// Whether there is no filter.
    pub fn is_everything(&self) -> bool {
        self.filter.is_none()
    }

    /// Whether anything of a module's top-level nodes can be selected; a cheap question before work is done.
    pub fn touches_module(&self, module: &str) -> bool {
        let Some(sieve) = &self.filter else { return true };
        sieve
            .nodes()
            .any(|id| self.schema.node(id).is_some_and(|node| node.module() == module))
    }

    /// Whether what is selected follows from names and keys alone, whatever values other nodes have.
    pub fn is_by_place(&self) -> bool {
        let Some(sieve) = &self.filter else { return true };
        sieve.is_by_place(&self.schema)
    }

    /// Whether a place is selected, or something above or below it may be.
    pub fn may_reach(&self, path: &InstancePath) -> bool {
        let mut view = self.view();
        let mut parent: Option<SchemaNode<'_>> = None;
        for step in path.steps() {
            let node = match parent {
                None => self.schema.top(&step.module, &step.name),
                Some(parent) => parent.child(&step.module, &step.name),
            };
            let Some(node) = node.filter(|node| view.wants(*node)) else {
                return false;
            };
            if node.is_term() {
                return true;
            }
            let values: &[(String, String)] = match &step.instance {
                Instance::Keys(values) => values,
                _ => &[],
            };
            let keys: Vec<(SchemaId, &str)> = node
                .keys()
                .zip(values)
                .map(|(key, (_, value))| (key.id(), value.as_str()))
                .collect();
            let Some(inside) = view.inside_of(node, &keys) else {
                return false;
            };
            (view, parent) = (inside, Some(node));
        }
        true
    }

    /// The top-level nodes of which anything can be selected.
    pub fn tops(&self) -> impl Iterator<Item = SchemaNode<'_>> {
        let data =
            |node: &SchemaNode<'_>| !matches!(node.kind(), NodeKind::Operation | NodeKind::Notification);
        let view = self.view();
        self.schema
            .top_nodes()
            .filter(move |node| data(node) && view.wants(*node))
    }

    pub(in crate::yang) fn view(&self) -> View<'_> {
        match &self.filter {
            None => View::All,
            Some(sieve) => View::Part(vec![sieve]),
        }
    }
}

impl Sieve {
    /// Selects nothing yet.
    pub(in crate::yang) fn selecting() -> Sieve {
        Sieve {
            selects: true,
            ..Sieve::default()
        }
    }

    /// Selects all where these hold.
    pub(in crate::yang) fn matching(matches: Vec<ContentMatch>) -> Sieve {
        Sieve {
            matches,
            ..Sieve::default()
        }
    }

    /// The same where these hold too.
    pub(in crate::yang) fn with_matches(mut self, matches: Vec<ContentMatch>) -> Sieve {
        self.matches.extend(matches);
        self
    }

    pub(in crate::yang) fn pick(&mut self, pick: Pick) {
        self.picks.push(pick);
    }

    /// Selects what another one selects, too.
    pub(in crate::yang) fn add(&mut self, other: Sieve) {
        self.picks.extend(other.picks);
    }

    /// Binds filter elements to the children of some schema nodes; no parents means the root.
    fn bind(
        schema: &Schema,
        among: Among,
        parents: &[SchemaNode<'_>],
        elements: &[Element],
    ) -> Result<Sieve, DataError> {
        let mut sieve = Sieve::default();
        for element in elements {
            // RFC 6241 6.2.2: what has no such attribute with such a value is not selected.
            if !element.attributes.is_empty() {
                sieve.selects = true;
                if element.children.is_empty() && !element.trimmed().is_empty() {
                    sieve.matches.push(ContentMatch { leaves: Vec::new() });
                }
                continue;
            }
            let nodes = candidates(schema, among, parents, element);
            if element.children.is_empty() && !element.trimmed().is_empty() {
                sieve.matches.push(ContentMatch::bind(schema, &nodes, element));
                continue;
            }
            sieve.selects = true;
            for node in nodes {
                let inside = if element.children.is_empty() {
                    None
                } else {
                    Some(Sieve::bind(schema, among, &[node], &element.children)?)
                };
                sieve.picks.push(Pick {
                    node: node.id(),
                    inside,
                });
            }
        }
        Ok(sieve)
    }

    fn is_by_place(&self, schema: &Schema) -> bool {
        let of_keys = self
            .matches
            .iter()
            .flat_map(|content| &content.leaves)
            .all(|(leaf, _)| schema.node(*leaf).is_some_and(|node| node.is_key()));
        of_keys
            && self
                .picks
                .iter()
                .filter_map(|pick| pick.inside.as_ref())
                .all(|inside| inside.is_by_place(schema))
    }

    /// All schema nodes that it names.
    fn nodes(&self) -> impl Iterator<Item = SchemaId> {
        let matched = self
            .matches
            .iter()
            .flat_map(|m| m.leaves.iter().map(|(id, _)| *id));
        self.picks.iter().map(|pick| pick.node).chain(matched)
    }

    /// Whether all content matches hold among these nodes, as far as they may be read (RFC 8341 section 3.2.5).
    fn holds<'t>(
        &self,
        among: impl Fn(SchemaId) -> Option<NodeRef<'t>>,
        may_read: impl Fn(NodeRef<'t>) -> bool,
    ) -> bool {
        self.matches.iter().all(|content| {
            content.leaves.iter().any(|(leaf, value)| {
                instances(among(*leaf)).any(|node| node.value() == Some(value.as_str()) && may_read(node))
            })
        })
    }

    /// The values that the matches ask for each key of a list, in order; `None` unless there is one for each.
    fn key_values(&self, list: SchemaNode<'_>) -> Option<Vec<&str>> {
        list.keys()
            .map(|key| {
                self.matches
                    .iter()
                    .filter_map(|content| match content.leaves.as_slice() {
                        [(leaf, value)] if *leaf == key.id() => Some(value.as_str()),
                        _ => None,
                    })
                    .next()
            })
            .collect()
    }
}

impl Pick {
    pub(in crate::yang) fn new(node: SchemaId, inside: Option<Sieve>) -> Pick {
        Pick { node, inside }
    }
}

impl ContentMatch {
    /// A leaf has a value, which is canonical.
    pub(in crate::yang) fn of(leaf: SchemaId, value: String) -> ContentMatch {
        ContentMatch {
            leaves: vec![(leaf, value)],
        }
    }

    fn bind(schema: &Schema, nodes: &[SchemaNode<'_>], element: &Element) -> ContentMatch {
        let mut leaves = Vec::new();
        for node in nodes.iter().filter(|node| node.is_term()) {
            let text = element.trimmed();
            let mut forms = vec![text.to_owned()];
            // An identity is written with a prefix of the filter; data has it with its module's name.
            let (prefix, name) = text.split_once(':').unwrap_or(("", text));
            let module = element
                .scope
                .namespace(prefix)
                .and_then(|namespace| schema.module_of_namespace(namespace))
                .filter(|_| node.value_rule().is_some_and(|rule| rule.may_be_identity()));
            if let Some(module) = module {
                forms.push(format!("{}:{name}", module.name));
            }
            for form in forms {
                if let Ok(canonical) = canonical_value(*node, &form) {
                    leaves.push((node.id(), canonical));
                }
            }
            leaves.dedup();
        }
        ContentMatch { leaves }
    }
}

/// The schema nodes that a filter element may mean.
fn candidates<'s>(
    schema: &'s Schema,
    among: Among,
    parents: &[SchemaNode<'s>],
    element: &Element,
) -> Vec<SchemaNode<'s>> {
    let namespace = element
        .namespace
        .as_deref()
        .filter(|namespace| *namespace != NETCONF_BASE);
    let is_data = |node: &SchemaNode<'_>| match node.kind() {
        NodeKind::Notification => among == Among::Notifications && parents.is_empty(),
        NodeKind::Operation => false,
        _ => among == Among::Data || !parents.is_empty(),
    };
    match namespace {
        Some(namespace) => {
            let Some(module) = schema.module_of_namespace(namespace) else {
                return Vec::new();
            };
            let found: Vec<SchemaNode<'s>> = if parents.is_empty() {
                schema.top(&module.name, &element.name).into_iter().collect()
            } else {
                parents
                    .iter()
                    .filter_map(|parent| parent.child(&module.name, &element.name))
                    .collect()
            };
            found.into_iter().filter(is_data).collect()
        }
        None if parents.is_empty() => schema
            .top_nodes()
            .filter(|node| node.name() == element.name && is_data(node))
            .collect(),
        None => parents
            .iter()
            .flat_map(SchemaNode::children)
            .filter(|node| node.name() == element.name && is_data(node))
            .collect(),
    }
}

/// A node and its following siblings of the same schema node.
fn instances<'t>(first: Option<NodeRef<'t>>) -> impl Iterator<Item = NodeRef<'t>> {
    let id = first.map(|node| node.schema_id());
    std::iter::successors(first, move |node| {
        node.next_sibling().filter(|next| Some(next.schema_id()) == id)
    })
}

impl<'f> View<'f> {
    /// Whether a child of this schema node can be selected or is needed to decide.
    pub(in crate::yang) fn wants(&self, child: SchemaNode<'_>) -> bool {
        match self {
            View::All => true,
            View::Part(sieves) => sieves
                .iter()
                .any(|sieve| sieve.nodes().any(|id| id == child.id())),
        }
    }

    /// What to produce inside a child, whose keys are known but nothing else; `None` when nothing can be selected.
    pub(in crate::yang) fn inside_of(
        &self,
        child: SchemaNode<'_>,
        keys: &[(SchemaId, &str)],
    ) -> Option<View<'f>> {
        self.enter(child.id(), |sieve| {
            sieve.matches.iter().all(|content| {
                let mut about_keys = content.leaves.iter().filter_map(|(leaf, value)| {
                    Some((keys.iter().find(|(key, _)| key == leaf)?.1, value.as_str()))
                });
                match about_keys.next() {
                    None => true,
                    Some((has, wanted)) => has == wanted || about_keys.any(|(has, wanted)| has == wanted),
                }
            })
        })
    }

    /// What is selected inside a data node; `None` when nothing is.
    pub(in crate::yang) fn inside<'t>(
        &self,
        node: NodeRef<'t>,
        may_read: impl Fn(NodeRef<'t>) -> bool,
    ) -> Option<View<'f>> {
        let schema = node.schema().schema();
        self.enter(node.schema_id(), |sieve| {
            sieve.holds(|leaf| node.instance_of(schema.node(leaf)?), &may_read)
        })
    }

    fn enter(&self, id: SchemaId, holds: impl Fn(&Sieve) -> bool) -> Option<View<'f>> {
        let View::Part(sieves) = self else {
            return Some(View::All);
        };
        let mut open = Vec::new();
        for pick in sieves
            .iter()
            .flat_map(|sieve| &sieve.picks)
            .filter(|pick| pick.node == id)
        {
            match &pick.inside {
                None => return Some(View::All),
                Some(sieve) if holds(sieve) => {
                    if !sieve.selects {
                        return Some(View::All);
                    }
                    open.push(sieve);
                }
                Some(_) => {}
            }
        }
        if open.is_empty() {
            None
        } else {
            Some(View::Part(open))
        }
    }

    /// The children of `node` that may be selected: in schema order, found by hash where the filter names all keys.
    /// Content match leaves are among them; their sieves hold already.
    pub(in crate::yang) fn children<'t>(&self, node: NodeRef<'t>) -> Vec<NodeRef<'t>> {
        let View::Part(sieves) = self else {
            return node.children().collect();
        };
        node.schema()
            .children()
            .filter(|child| self.wants(*child))
            .flat_map(|child| {
                let keyed: Option<Vec<Vec<&str>>> = match child.kind() {
                    NodeKind::List if !child.is_keyless() => sieves
                        .iter()
                        .flat_map(|sieve| &sieve.picks)
                        .filter(|pick| pick.node == child.id())
                        .map(|pick| pick.inside.as_ref()?.key_values(child))
                        .collect(),
                    _ => None,
                };
                match keyed.as_deref() {
                    // Several keyed entries could come out of order or twice: walk the list instead.
                    Some([keys]) => node.entry(child, keys).into_iter().collect::<Vec<_>>(),
                    _ => instances(node.instance_of(child)).collect(),
                }
            })
            .collect()
    }

    /// Whether a leaf among the children is selected: as a selection node, or by the value a content match asks for.
    pub(in crate::yang) fn has_leaf(&self, leaf: NodeRef<'_>) -> bool {
        let View::Part(sieves) = self else { return true };
        let id = leaf.schema_id();
        sieves.iter().any(|sieve| {
            sieve
                .picks
                .iter()
                .any(|pick| pick.node == id && pick.inside.is_none())
                || sieve
                    .matches
                    .iter()
                    .flat_map(|content| &content.leaves)
                    .any(|(matched, value)| *matched == id && leaf.value() == Some(value.as_str()))
        })
    }

    /// Whether the content matches at the root hold.
    pub(in crate::yang) fn holds_at_root<'t>(
        &self,
        among: impl Fn(SchemaId) -> Option<NodeRef<'t>>,
        may_read: impl Fn(NodeRef<'t>) -> bool,
    ) -> bool {
        match self {
            View::All => true,
            View::Part(sieves) => sieves.iter().all(|sieve| sieve.holds(&among, &may_read)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yang::modules::ModuleSet;
    use crate::yang::print::{WithDefaults, print};
    use crate::yang::state::StateBuilder;
    use crate::yang::tree::Tree;

    const NS: &str = "http://example.com/schema/1.2/config";

    fn schema() -> Arc<Schema> {
        let text = include_str!("../../tests/data/yang/filter-examples.yang");
        Schema::load(ModuleSet::new().with_module("filter-examples", text)).unwrap()
    }

    /// Root, fred and barney of RFC 6241 section 6.4, built through a selection.
    fn users(schema: &Arc<Schema>, selection: &Selection) -> Tree {
        let mut out = StateBuilder::new(schema, selection);
        out.container("filter-examples:top", |out| {
            out.container("users", |out| {
                for (name, kind, full_name, dept, id) in [
                    ("root", "superuser", "Charlie Root", 1, 1),
                    ("fred", "admin", "Fred Flintstone", 2, 2),
                    ("barney", "admin", "Barney Rubble", 2, 3),
                ] {
                    out.list("user", &[("name", &name)], |out| {
                        out.leaf("type", kind);
                        out.leaf("full-name", full_name);
                        out.container("company-info", |out| {
                            out.leaf("dept", dept);
                            out.leaf("id", id);
                        });
                    });
                }
            });
        });
        out.finish().unwrap()
    }

    /// What a filter gives: from a whole tree, and from one that was only built as far as the filter asks.
    fn filtered(filter: &str) -> String {
        let schema = schema();
        let filter = filter.replace("<top", &format!("<top xmlns=\"{NS}\""));
        let selection = Selection::subtree(&schema, &filter).unwrap();
        let whole = users(&schema, &Selection::everything(&schema));
        let text = print(&whole, &selection, WithDefaults::Explicit);
        let pruned = users(&schema, &selection);
        assert_eq!(
            print(&pruned, &selection, WithDefaults::Explicit),
            text,
            "pruned while building"
        );
        text.replace(&format!(" xmlns=\"{NS}\""), "")
    }

    #[test]
    fn rfc6241_6_4_1_no_filter_gives_everything() {
        let schema = schema();
        let selection = Selection::everything(&schema);
        let text = print(&users(&schema, &selection), &selection, WithDefaults::Explicit);
        assert!(
            text.starts_with(&format!("<top xmlns=\"{NS}\"><users><user><name>barney</name>")),
            "{text}"
        );
        assert_eq!(text.matches("<user>").count(), 3);
    }

    #[test]
    fn rfc6241_6_4_2_an_empty_filter_gives_nothing() {
        assert_eq!(filtered(""), "");
    }

    #[test]
    fn rfc6241_6_4_3_a_whole_subtree() {
        assert_eq!(
            filtered("<top><users/></top>").matches("<company-info>").count(),
            3
        );
        assert_eq!(filtered("<top/>"), filtered("<top><users/></top>"));
    }

    #[test]
    fn rfc6241_6_4_4_one_element_of_every_entry() {
        assert_eq!(
            filtered("<top><users><user><name/></user></users></top>"),
            "<top><users><user><name>barney</name></user><user><name>fred</name></user>\
             <user><name>root</name></user></users></top>"
        );
    }

    #[test]
    fn rfc6241_6_4_5_one_entry_by_its_name() {
        assert_eq!(
            filtered("<top><users><user><name> fred </name></user></users></top>"),
            "<top><users><user><name>fred</name><type>admin</type><full-name>Fred Flintstone</full-name>\
             <company-info><dept>2</dept><id>2</id></company-info></user></users></top>"
        );
    }

    #[test]
    fn rfc6241_6_4_6_some_elements_of_one_entry() {
        assert_eq!(
            filtered("<top><users><user><name>fred</name><type/><full-name/></user></users></top>"),
            "<top><users><user><name>fred</name><type>admin</type><full-name>Fred Flintstone</full-name>\
             </user></users></top>"
        );
    }

    #[test]
    fn rfc6241_6_4_7_several_filters_are_united() {
        assert_eq!(
            filtered(
                "<top><users><user><name>root</name><company-info/></user><user><name>fred</name><company-info>\
                 <id/></company-info></user><user><name>barney</name><type>superuser</type><company-info><dept/>\
                 </company-info></user></users></top>"
            ),
            "<top><users><user><name>fred</name><company-info><id>2</id></company-info></user>\
             <user><name>root</name><company-info><dept>1</dept><id>1</id></company-info></user></users></top>"
        );
    }

    #[test]
    fn keys_come_with_what_was_selected_but_are_no_find_themselves() {
        assert_eq!(
            filtered("<top><users><user><type>superuser</type><full-name/></user></users></top>"),
            "<top><users><user><name>root</name><type>superuser</type><full-name>Charlie Root</full-name>\
             </user></users></top>"
        );
        assert_eq!(filtered("<top><users><user><alias/></user></users></top>"), "");
    }

    #[test]
    fn unknown_names_and_namespaces_select_nothing() {
        assert_eq!(filtered("<top><users><nobody/></users></top>"), "");
        assert_eq!(
            filtered("<top><users><user><nobody>x</nobody></user></users></top>"),
            ""
        );
        assert_eq!(filtered("<top><users xmlns=\"urn:nobody\"/></top>"), "");
    }

    #[test]
    fn an_element_without_a_namespace_or_in_netconfs_matches_any_module() {
        for namespace in ["", NETCONF_BASE] {
            let schema = schema();
            let filter = format!(
                "<top xmlns=\"{namespace}\"><users><user><name>fred</name><type/></user></users></top>"
            );
            let selection = Selection::subtree(&schema, &filter).unwrap();
            let tree = users(&schema, &Selection::everything(&schema));
            let text = print(&tree, &selection, WithDefaults::Explicit);
            assert!(
                text.contains("<type>admin</type>"),
                "{namespace:?} gives {text:?} by {selection:?}"
            );
        }
    }

    #[test]
    fn an_attribute_in_a_filter_matches_nothing_and_leaves_the_rest_as_it_is() {
        assert_eq!(filtered("<top><users><user z=\"1\"/></users></top>"), "");
        assert_eq!(filtered("<top z=\"1\"/>"), "");
        assert_eq!(
            filtered("<top><users><user><name z=\"1\">fred</name><type/></user></users></top>"),
            ""
        );
        assert_eq!(
            filtered("<top><users><user><name>fred</name><type/><full-name z=\"1\"/></user></users></top>"),
            "<top><users><user><name>fred</name><type>admin</type></user></users></top>"
        );
    }

    #[test]
    fn values_are_compared_in_canonical_form() {
        assert_eq!(
            filtered(
                "<top><users><user><name/><company-info><id>+03</id><dept/></company-info></user></users></top>"
            ),
            "<top><users><user><name>barney</name><company-info><dept>2</dept><id>3</id></company-info></user>\
             <user><name>fred</name></user><user><name>root</name></user></users></top>"
        );
    }

    #[test]
    fn closures_of_what_is_not_selected_are_not_called() {
        let schema = schema();
        let filter =
            format!("<top xmlns=\"{NS}\"><users><user><name>fred</name><type/></user></users></top>");
        let selection = Selection::subtree(&schema, &filter).unwrap();
        let mut out = StateBuilder::new(&schema, &selection);
        let mut visited = Vec::new();
        out.container("filter-examples:top", |out| {
            out.container("hosts", |_| visited.push("hosts"));
            out.container("users", |out| {
                assert!(out.wants("user"));
                for name in ["root", "fred"] {
                    out.list("user", &[("name", &name)], |out| {
                        visited.push(name);
                        assert!(out.wants("type") && !out.wants("full-name") && !out.wants("nonsense"));
                    });
                }
            });
        });
        assert!(out.finish().is_ok());
        assert_eq!(visited, ["fred"]);
    }

    #[test]
    fn entries_without_keys_are_matched_by_content() {
        let schema = schema();
        let filter = format!("<top xmlns=\"{NS}\"><hosts><event><level>3</level></event></hosts></top>");
        let selection = Selection::subtree(&schema, &filter).unwrap();
        let mut out = StateBuilder::new(&schema, &selection);
        out.container("filter-examples:top", |out| {
            out.container("hosts", |out| {
                for level in 1..=4 {
                    out.list("event", &[], |out| {
                        out.leaf("text", format_args!("<{level}>"));
                        out.leaf("level", level);
                    });
                }
            });
        });
        let text = print(&out.finish().unwrap(), &selection, WithDefaults::Explicit);
        assert!(
            text.ends_with("<hosts><event><text>&lt;3&gt;</text><level>3</level></event></hosts></top>"),
            "{text}"
        );
        assert_eq!(text.matches("<event>").count(), 1);
    }

    #[test]
    fn a_wrong_name_or_value_comes_out_at_the_end() {
        let schema = schema();
        let everything = Selection::everything(&schema);
        let mut out = StateBuilder::new(&schema, &everything);
        out.container("filter-examples:top", |out| {
            out.container("users", |out| {
                out.list("user", &[("name", &"x")], |out| {
                    out.container("company-info", |out| out.leaf("dept", 300));
                    out.leaf("nonsense", 1);
                });
            });
        });
        let error = out.finish().unwrap_err();
        assert_eq!(&*error.message, "company-info/dept: \"300\" is outside 0..255");
        assert_eq!(
            error.path.as_deref(),
            Some("/ex:top/ex:users/ex:user[ex:name='x']/ex:company-info/ex:dept")
        );

        let mut out = StateBuilder::new(&schema, &everything);
        out.container("filter-examples:topp", |_| {});
        assert!(out.finish().unwrap_err().message.contains("filter-examples:topp"));
    }

    #[test]
    fn identities_are_matched_and_printed_with_prefixes() {
        let schema = schema();
        let filter = format!(
            "<top xmlns=\"{NS}\" xmlns:c=\"{NS}\"><users><user><favourite>c:red</favourite></user></users></top>"
        );
        let selection = Selection::subtree(&schema, &filter).unwrap();
        let mut out = StateBuilder::new(&schema, &selection);
        out.container("filter-examples:top", |out| {
            out.container("users", |out| {
                out.list("user", &[("name", &"x")], |out| {
                    out.leaf("favourite", "filter-examples:red")
                });
                out.list("user", &[("name", &"y")], |_| {});
            });
        });
        let text = print(&out.finish().unwrap(), &selection, WithDefaults::Explicit);
        assert_eq!(
            text,
            format!(
                "<top xmlns=\"{NS}\"><users><user><name>x</name><favourite xmlns:ex=\"{NS}\">ex:red</favourite>\
                 </user></users></top>"
            )
        );
    }
}
