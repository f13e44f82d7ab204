//! edit-config on a tree (RFC 6241 section 7.2, RFC 7950 sections 7.5.8 to 7.8.6).

use std::sync::Arc;

use crate::datastore::apply;
use crate::datastore::change_set::{Change, taking_back};
use crate::datastore::edit_attributes::{EditOperation, operation};
use crate::yang::document::Element;
use crate::yang::error::{DataError, DataErrorTag};
use crate::yang::path::{Instance, InstancePath, Step};
use crate::yang::place::Place;
use crate::yang::rejection;
use crate::yang::resolve;
use crate::yang::schema::Schema;
use crate::yang::schema_node::{NodeKind, SchemaId, SchemaNode};
use crate::yang::tree::Tree;

/// What to do when something is wrong.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum OnError {
    /// Stop; what was done before stays.
    #[default]
    Stop,
    /// Go on with the rest and report every error.
    Continue,
    /// Leave the tree as it was.
    Rollback,
}

/// What an edit did.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Edited {
    /// The changes made, in order.
    pub changes: Vec<Change>,
    /// What was wrong; empty when all was done.
    pub errors: Vec<DataError>,
    /// Changes that were made and taken back, in the order of their making. The defaults that they met are not back.
    pub undone: Vec<Change>,
}

/// Carries an edit out: the content of `<config>` as XML text.
pub fn edit(tree: &mut Tree, config: &str, default_operation: EditOperation, on_error: OnError) -> Edited {
    let elements = match Element::parse_content(config) {
        Ok(elements) => elements,
        Err(error) => {
            return Edited {
                errors: vec![error],
                ..Edited::default()
            };
        }
    };
    let schema = Arc::clone(tree.schema());
    let mut editor = Editor {
        schema: &schema,
        at: InstancePath::root(),
        building: 0,
        on_error,
        done: Edited::default(),
    };
    // Stopping is no fault of its own: the error is in the list.
    let _ = editor.children(&mut tree.place(), None, &elements, default_operation);
    let mut done = editor.done;
    if on_error == OnError::Rollback && !done.errors.is_empty() {
        done.undone = std::mem::take(&mut done.changes);
        if let Err(error) = apply::apply(tree, &taking_back(&done.undone)) {
            done.errors.push(DataError::new(
                DataErrorTag::OperationFailed,
                format!("the edit could not be undone: {error}"),
            ));
        }
    }
    done
}

/// A configuration of its own: the content of `<config>` merged into nothing. Not validated yet.
pub fn parse_config(schema: &Arc<Schema>, config: &str) -> Result<Tree, Vec<DataError>> {
    let mut tree = Tree::empty(schema);
    let edited = edit(&mut tree, config, EditOperation::Merge, OnError::Continue);
    if edited.errors.is_empty() {
        Ok(tree)
    } else {
        Err(edited.errors)
    }
}

/// An error stopped the edit; it is in the list.
pub(super) struct Stopped;

pub(super) struct Editor<'s> {
    pub(super) schema: &'s Arc<Schema>,
    /// Path of the place whose children are being edited.
    pub(super) at: InstancePath,
    /// How many nodes around the place are being made: their making is one change.
    pub(super) building: usize,
    on_error: OnError,
    pub(super) done: Edited,
}

impl<'s> Editor<'s> {
    pub(super) fn fail(&mut self, error: DataError) -> Result<(), Stopped> {
        self.done.errors.push(error);
        if self.on_error == OnError::Continue {
            Ok(())
        } else {
            Err(Stopped)
        }
    }

    pub(super) fn log(&mut self, change: Change) {
        if self.building == 0 {
            self.done.changes.push(change);
        }
    }

    pub(super) fn children(
        &mut self,
        place: &mut Place<'_>,
        parent: Option<SchemaNode<'s>>,
        elements: &[Element],
        inherited: EditOperation,
    ) -> Result<(), Stopped> {
        if inherited == EditOperation::Replace {
            self.remove_unmentioned(place, parent, elements);
        }
        let mut met: Vec<SchemaNode<'s>> = Vec::new();
        let mut ordered: Vec<(SchemaId, Instance)> = Vec::new();
        for element in elements {
            let result = self.child(place, parent, element, inherited, &mut met, &mut ordered)?;
            if let Err(error) = result {
                self.fail(error)?;
            }
        }
        Ok(())
    }

    /// One element. `Err(Stopped)` comes from below, where the error is already noted; an error of the element itself
    /// comes back inside.
    fn child(
        &mut self,
        place: &mut Place<'_>,
        parent: Option<SchemaNode<'s>>,
        element: &Element,
        inherited: EditOperation,
        met: &mut Vec<SchemaNode<'s>>,
        ordered: &mut Vec<(SchemaId, Instance)>,
    ) -> Result<Result<(), DataError>, Stopped> {
        let prepared = self.prepare(parent, element, inherited, met);
        let (node, op) = match prepared {
            Ok(prepared) => prepared,
            Err(error) => return Ok(Err(error)),
        };
        if node.is_key() {
            return Ok(self.key(node, element, op, inherited));
        }
        match node.kind() {
            NodeKind::Leaf => Ok(self.leaf(place, node, element, op)),
            NodeKind::LeafList => Ok(self.leaf_list(place, node, element, op, ordered)),
            NodeKind::Container { .. } => self.container(place, node, element, op),
            NodeKind::List => self.entry(place, node, element, op, ordered),
            NodeKind::AnyData | NodeKind::Operation | NodeKind::Notification => {
                Ok(Err(resolve::no_anydata(node, &self.at)))
            }
        }
    }

    /// Finds the node and its operation, and refuses what may not be configured or contradicts itself.
    fn prepare(
        &self,
        parent: Option<SchemaNode<'s>>,
        element: &Element,
        inherited: EditOperation,
        met: &mut Vec<SchemaNode<'s>>,
    ) -> Result<(SchemaNode<'s>, EditOperation), DataError> {
        let node = resolve::child(self.schema, parent, element, &self.at)?;
        if matches!(node.kind(), NodeKind::Operation | NodeKind::Notification) {
            let message = format!("{} is no data node and cannot be configured", node.name());
            return Err(DataError::new(DataErrorTag::UnknownElement, message).with_element(node.name()));
        }
        if !node.is_config() {
            let message = format!(
                "{} is state and cannot be configured",
                rejection::short_name(node)
            );
            return Err(DataError::new(DataErrorTag::InvalidValue, message)
                .with_element(node.name())
                .at(self.schema, &resolve::below(node, &self.at)));
        }
        let op = operation(node, element, inherited, &self.at)?;
        if op.writes() {
            if node.kind() == NodeKind::Leaf && met.contains(&node) {
                let message = format!("{} is given twice", rejection::short_name(node));
                return Err(self.error(DataErrorTag::BadElement, node, message));
            }
            let in_a_case = !node.cases().is_empty();
            if in_a_case && let Some(other) = met.iter().find(|other| node.excludes(other)) {
                let message = format!("{} and {} exclude each other", node.name(), other.name());
                return Err(self.error(DataErrorTag::BadElement, node, message));
            }
            if (in_a_case || node.kind() == NodeKind::Leaf) && !met.contains(&node) {
                met.push(node);
            }
        }
        Ok((node, op))
    }

    pub(super) fn error(&self, tag: DataErrorTag, node: SchemaNode<'_>, message: String) -> DataError {
        DataError::new(tag, message)
            .with_element(node.name())
            .at(self.schema, &resolve::below(node, &self.at))
    }

    pub(super) fn error_at(
        &self,
        tag: DataErrorTag,
        node: SchemaNode<'_>,
        instance: &Instance,
        problem: &str,
    ) -> DataError {
        let path = self.at.child(step(node, instance));
        let what = match instance {
            Instance::Keys(_) | Instance::Value(_) => path
                .split_last()
                .map(|(_, last)| InstancePath::root().child(last.clone()).to_string())
                .and_then(|text| text.split_once(':').map(|(_, name)| name.to_owned()))
                .unwrap_or_default(),
            _ => rejection::short_name(node),
        };
        DataError::new(tag, format!("{what} {problem}"))
            .with_element(node.name())
            .at(self.schema, &path)
    }

    /// Keys were read with their entry; here they can only be wrong.
    fn key(
        &self,
        node: SchemaNode<'_>,
        element: &Element,
        op: EditOperation,
        inherited: EditOperation,
    ) -> Result<(), DataError> {
        if op == inherited || op == EditOperation::Merge || element.attributes.is_empty() {
            return Ok(());
        }
        let message = format!(
            "{}: a key takes no operation of its own",
            rejection::short_name(node)
        );
        Err(self
            .error(DataErrorTag::BadAttribute, node, message)
            .with_attribute("operation"))
    }
}

/// The step of a path that leads to an instance.
pub(super) fn step(node: SchemaNode<'_>, instance: &Instance) -> Step {
    Step {
        module: node.module().to_owned(),
        name: node.name().to_owned(),
        instance: instance.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yang::modules::ModuleSet;
    use crate::yang::print::{WithDefaults, print};
    use crate::yang::select::Selection;

    const HEAD: &str = "<c xmlns=\"urn:ponder:test:edit-cases\" xmlns:nc=\"urn:ietf:params:xml:ns:netconf:base:1.0\" \
                        xmlns:yang=\"urn:ietf:params:xml:ns:yang:1\" xmlns:p=\"urn:ponder:test:edit-cases\"";

    fn schema() -> Arc<Schema> {
        let text = include_str!("../../tests/data/yang/edit-cases.yang");
        Schema::load(ModuleSet::new().with_module("edit-cases", text)).unwrap()
    }

    fn text(tree: &Tree) -> String {
        print(
            tree,
            &Selection::everything(tree.schema()),
            WithDefaults::Explicit,
        )
        .replace(" xmlns=\"urn:ponder:test:edit-cases\"", "")
    }

    /// A tree with what is inside `<c>`, defaults filled in as in a running configuration.
    fn start(inside: &str) -> Tree {
        let mut tree = parse_config(&schema(), &format!("{HEAD}>{inside}</c>")).unwrap();
        tree.validate().unwrap();
        tree
    }

    /// Edits inside `<c>` and checks that the changes lead there and back again.
    fn edited(before: &str, inside: &str, op: EditOperation, on_error: OnError) -> (String, Vec<DataError>) {
        edited_all(before, &format!("{HEAD}>{inside}</c>"), op, on_error)
    }

    fn edited_all(
        before: &str,
        config: &str,
        op: EditOperation,
        on_error: OnError,
    ) -> (String, Vec<DataError>) {
        let start = start(before);
        let mut tree = start.duplicate();
        let done = edit(&mut tree, config, op, on_error);
        let mut replayed = start.duplicate();
        apply::apply(&mut replayed, &done.changes).unwrap();
        assert_eq!(text(&replayed), text(&tree), "replayed: {:?}", done.changes);
        apply::apply(&mut replayed, &taking_back(&done.changes)).unwrap();
        assert_eq!(text(&replayed), text(&start), "undone: {:?}", done.changes);
        (text(&tree), done.errors)
    }

    fn merged(before: &str, inside: &str) -> String {
        let (after, errors) = edited(before, inside, EditOperation::Merge, OnError::Stop);
        assert_eq!(errors, []);
        after.replace("<c>", "").replace("</c>", "")
    }

    fn refused(before: &str, inside: &str) -> DataError {
        let (_, mut errors) = edited(before, inside, EditOperation::Merge, OnError::Rollback);
        assert_eq!(errors.len(), 1, "{errors:?}");
        errors.remove(0)
    }

    #[test]
    fn merge_adds_and_changes_and_leaves_the_rest() {
        assert_eq!(
            merged(
                "<plain>a</plain><entry><k>1</k><v>x</v></entry>",
                "<plain>b</plain><number> 5 </number><mark/><entry><k>1</k><sub><a>1</a><b>z</b></sub></entry>"
            ),
            "<plain>b</plain><number>5</number><mark/><entry><k>1</k><v>x</v><sub><a>1</a><b>z</b></sub></entry>"
        );
    }

    #[test]
    fn replace_takes_away_what_the_edit_does_not_mention() {
        assert_eq!(
            merged(
                "<plain>a</plain><entry><k>1</k><v>x</v><sub><a>1</a><b>z</b></sub><sub><a>2</a><b>z</b></sub></entry>",
                "<entry nc:operation=\"replace\"><k>1</k><sub><a>2</a><b>z</b></sub></entry>"
            ),
            "<plain>a</plain><entry><k>1</k><sub><a>2</a><b>z</b></sub></entry>"
        );
        assert_eq!(
            merged(
                "<np><x>1</x><deep><y>2</y></deep></np>",
                "<np nc:operation=\"replace\"/>"
            ),
            ""
        );
    }

    #[test]
    fn replace_as_default_operation_replaces_the_whole_configuration() {
        let (after, errors) = edited(
            "<plain>a</plain><mark/>",
            "<mark/>",
            EditOperation::Replace,
            OnError::Stop,
        );
        assert_eq!((after.as_str(), errors.len()), ("<c><mark/></c>", 0));
        let other = "<top-leaf xmlns=\"urn:ponder:test:edit-cases\">x</top-leaf>";
        let (after, _) = edited_all("<plain>a</plain>", other, EditOperation::Replace, OnError::Stop);
        assert_eq!(after, "<top-leaf>x</top-leaf>");
    }

    #[test]
    fn create_refuses_what_is_there_and_delete_what_is_not() {
        let error = refused(
            "<entry><k>1</k></entry>",
            "<entry nc:operation=\"create\"><k>1</k></entry>",
        );
        assert_eq!(error.tag, DataErrorTag::DataExists);
        assert_eq!(
            &*error.message,
            "entry[k='1'] is there already and cannot be created"
        );
        assert_eq!(error.path.as_deref(), Some("/ec:c/ec:entry[ec:k='1']"));

        let error = refused("", "<entry nc:operation=\"delete\"><k>1</k></entry>");
        assert_eq!(error.tag, DataErrorTag::DataMissing);
        assert_eq!(
            refused("", "<plain nc:operation=\"delete\"/>").tag,
            DataErrorTag::DataMissing
        );
        assert_eq!(
            refused("", "<np nc:operation=\"delete\"/>").tag,
            DataErrorTag::DataMissing
        );
        assert_eq!(
            merged(
                "<plain>a</plain><number>1</number><np><x>1</x></np>",
                "<plain nc:operation=\"delete\"/><number nc:operation=\"remove\"/><mark nc:operation=\"remove\"/>\
                 <np nc:operation=\"delete\"/>"
            ),
            ""
        );
    }

    #[test]
    fn a_default_counts_as_absent_and_comes_back() {
        assert_eq!(
            merged("", "<with-default nc:operation=\"create\">7</with-default>"),
            "<with-default>7</with-default>"
        );
        assert_eq!(
            refused("", "<with-default nc:operation=\"delete\"/>").tag,
            DataErrorTag::DataMissing
        );
        let mut tree = start("<with-default>9</with-default>");
        let config = format!("{HEAD}><with-default nc:operation=\"delete\"/></c>");
        assert_eq!(
            edit(&mut tree, &config, EditOperation::Merge, OnError::Stop).errors,
            []
        );
        tree.validate().unwrap();
        let leaf = tree.find("/edit-cases:c/with-default").unwrap();
        assert_eq!((leaf.value(), leaf.is_default()), (Some("7"), true));
        assert_eq!(
            merged("", "<default-tag>three</default-tag>"),
            "<default-tag>three</default-tag>"
        );
    }

    #[test]
    fn the_default_operation_none_only_goes_where_something_is() {
        let (after, errors) = edited(
            "<entry><k>1</k><v>x</v></entry>",
            "<np><x nc:operation=\"merge\">1</x></np><entry><k>1</k><v nc:operation=\"delete\"/></entry>",
            EditOperation::None,
            OnError::Stop,
        );
        assert_eq!(
            (after.as_str(), errors.len()),
            ("<c><np><x>1</x></np><entry><k>1</k></entry></c>", 0)
        );
        let (after, errors) = edited(
            "",
            "<entry><k>1</k><sub nc:operation=\"create\"><a>1</a><b>z</b></sub></entry>",
            EditOperation::None,
            OnError::Stop,
        );
        assert_eq!(errors, [], "what is asked for further down brings the way to it");
        assert_eq!(after, "<c><entry><k>1</k><sub><a>1</a><b>z</b></sub></entry></c>");
        for inside in [
            "<entry><k>1</k><sub nc:operation=\"delete\"><a>1</a><b>z</b></sub></entry>",
            "<entry><k>1</k></entry>",
            "<plain>a</plain>",
            "<pres/>",
            "<tag>x</tag>",
        ] {
            let (_, errors) = edited("", inside, EditOperation::None, OnError::Stop);
            assert_eq!(
                errors.first().map(|e| e.tag),
                Some(DataErrorTag::DataMissing),
                "{inside}"
            );
        }
    }

    #[test]
    fn a_case_takes_the_other_cases_away() {
        assert_eq!(merged("<a1>x</a1><a2>y</a2>", "<e>z</e>"), "<e>z</e>");
        assert_eq!(merged("<a1>x</a1>", "<b><b1>z</b1></b>"), "<b><b1>z</b1></b>");
        assert_eq!(merged("<b><b1>z</b1></b>", "<d><k>1</k></d>"), "<d><k>1</k></d>");
        assert_eq!(
            merged("<d><k>1</k></d><d><k>2</k></d>", "<a1>x</a1>"),
            "<a1>x</a1>"
        );
        assert_eq!(merged("<a1>x</a1>", "<b/>"), "<a1>x</a1>");
        let error = refused("", "<e>z</e><a1>x</a1>");
        assert_eq!(error.tag, DataErrorTag::BadElement);
        assert_eq!(&*error.message, "a1 and e exclude each other");
    }

    #[test]
    fn user_ordered_entries_go_where_insert_says() {
        let three =
            "<ranked><name>a</name></ranked><ranked><name>b</name></ranked><ranked><name>c</name></ranked>";
        let names = |text: String| -> String {
            text.split("<name>")
                .skip(1)
                .filter_map(|part| part.chars().next())
                .collect()
        };
        for (attributes, name, expected) in [
            ("", "x", "abcx"),
            ("yang:insert=\"first\"", "x", "xabc"),
            ("yang:insert=\"last\"", "a", "bca"),
            ("yang:insert=\"before\" yang:key=\"[p:name='b']\"", "x", "axbc"),
            ("yang:insert=\"after\" yang:key=\"[p:name='a']\"", "c", "acb"),
            ("yang:insert=\"first\"", "a", "abc"),
        ] {
            let edit = format!("<ranked {attributes}><name>{name}</name></ranked>");
            assert_eq!(names(merged(three, &edit)), expected, "{edit}");
        }
        let replaced = format!(
            "{HEAD}><ranked><name>c</name></ranked><ranked><name>x</name></ranked>\
                                <ranked><name>a</name><v>1</v></ranked></c>"
        );
        let (after, errors) = edited_all(three, &replaced, EditOperation::Replace, OnError::Stop);
        assert_eq!((names(after).as_str(), errors.len()), ("cxa", 0));

        let tags = "<ranked-tag>a</ranked-tag><ranked-tag>b</ranked-tag>";
        assert_eq!(
            merged(
                tags,
                "<ranked-tag yang:insert=\"before\" yang:value=\"b\">x</ranked-tag>"
            ),
            "<ranked-tag>a</ranked-tag><ranked-tag>x</ranked-tag><ranked-tag>b</ranked-tag>"
        );
    }

    #[test]
    fn wrong_insert_attributes_are_named() {
        let error = refused(
            "",
            "<ranked yang:insert=\"before\" yang:key=\"[p:name='b']\"><name>x</name></ranked>",
        );
        assert_eq!(
            (error.tag, error.app_tag.as_deref()),
            (DataErrorTag::BadAttribute, Some("missing-instance"))
        );
        let error = refused("", "<ranked yang:insert=\"after\"><name>x</name></ranked>");
        assert_eq!(
            (error.tag, error.bad_attribute.as_deref()),
            (DataErrorTag::MissingAttribute, Some("key"))
        );
        let error = refused("", "<entry yang:insert=\"first\"><k>x</k></entry>");
        assert_eq!(
            (error.tag, error.bad_attribute.as_deref()),
            (DataErrorTag::BadAttribute, Some("insert"))
        );
        let error = refused("", "<ranked yang:insert=\"middle\"><name>x</name></ranked>");
        assert_eq!(error.tag, DataErrorTag::BadAttribute);
    }

    #[test]
    fn values_with_prefixes_find_their_modules() {
        let after = merged(
            "",
            "<colour>p:red</colour><pointer>/p:c/p:entry[p:k='1']/p:v</pointer>",
        );
        assert_eq!(
            after,
            "<colour xmlns:ec=\"urn:ponder:test:edit-cases\">ec:red</colour>\
             <pointer xmlns:ec=\"urn:ponder:test:edit-cases\">/ec:c/ec:entry[ec:k='1']/ec:v</pointer>"
        );
        assert_eq!(
            merged("", "<colour>green</colour>").matches("ec:green").count(),
            1
        );
        assert_eq!(
            refused("", "<colour>p:blue</colour>").tag,
            DataErrorTag::InvalidValue
        );
    }

    #[test]
    fn faults_are_named_with_tag_place_and_rule() {
        for (inside, tag, element, path) in [
            (
                "<number>31</number>",
                DataErrorTag::InvalidValue,
                "number",
                "/ec:c/ec:number",
            ),
            ("<nothing/>", DataErrorTag::UnknownElement, "nothing", "/ec:c"),
            (
                "<x xmlns=\"urn:nobody\"/>",
                DataErrorTag::UnknownNamespace,
                "x",
                "/ec:c",
            ),
            (
                "<state>x</state>",
                DataErrorTag::InvalidValue,
                "state",
                "/ec:c/ec:state",
            ),
            (
                "<entry><v>x</v></entry>",
                DataErrorTag::MissingElement,
                "k",
                "/ec:c/ec:entry",
            ),
            (
                "<plain><x/></plain>",
                DataErrorTag::BadElement,
                "x",
                "/ec:c/ec:plain",
            ),
            ("<np>text</np>", DataErrorTag::BadElement, "np", "/ec:c"),
            (
                "<plain>a</plain><plain>b</plain>",
                DataErrorTag::BadElement,
                "plain",
                "/ec:c/ec:plain",
            ),
            (
                "<plain nc:operation=\"destroy\">a</plain>",
                DataErrorTag::BadAttribute,
                "plain",
                "/ec:c/ec:plain",
            ),
            (
                "<plain operation=\"delete\"/>",
                DataErrorTag::UnknownAttribute,
                "plain",
                "/ec:c",
            ),
            (
                "<plain nc:colour=\"red\"/>",
                DataErrorTag::UnknownAttribute,
                "plain",
                "/ec:c",
            ),
        ] {
            let error = refused("", inside);
            assert_eq!(error.tag, tag, "{inside}: {error}");
            assert_eq!(error.bad_element.as_deref(), Some(element), "{inside}: {error}");
            assert_eq!(error.path.as_deref(), Some(path), "{inside}: {error}");
        }
        let error = refused("", "<number>31</number>");
        assert_eq!(&*error.message, "c/number: \"31\" is outside -190..30 (0.1 dBm)");
        let error = refused("", "<plain nc:operation=\"destroy\">a</plain>");
        assert_eq!(error.bad_attribute.as_deref(), Some("operation"));
        let error = refused("", "<x xmlns=\"urn:nobody\"/>");
        assert_eq!(error.bad_namespace.as_deref(), Some("urn:nobody"));
    }

    #[test]
    fn the_three_error_options_are_three_behaviours() {
        let inside = "<plain>a</plain><number>99</number><mark/><even>x</even><tag>t</tag>";
        let (after, errors) = edited("", inside, EditOperation::Merge, OnError::Stop);
        assert_eq!((after.as_str(), errors.len()), ("<c><plain>a</plain></c>", 1));
        let (after, errors) = edited("", inside, EditOperation::Merge, OnError::Continue);
        assert_eq!(
            (after.as_str(), errors.len()),
            ("<c><plain>a</plain><mark/><tag>t</tag></c>", 2)
        );
        let (after, errors) = edited("", inside, EditOperation::Merge, OnError::Rollback);
        assert_eq!((after.as_str(), errors.len()), ("", 1));
    }

    #[test]
    fn an_entry_that_cannot_be_made_whole_is_not_made_at_all() {
        let inside = "<entry><k>1</k><v>x</v><sub><a>300</a><b>z</b></sub></entry>";
        let (after, errors) = edited("<plain>a</plain>", inside, EditOperation::Merge, OnError::Stop);
        assert_eq!((after.as_str(), errors.len()), ("<c><plain>a</plain></c>", 1));
        let path = errors.first().and_then(|error| error.path.clone());
        assert_eq!(path.as_deref(), Some("/ec:c/ec:entry[ec:k='1']/ec:sub/ec:a"));
    }

    #[test]
    fn leaf_lists_are_edited_by_value() {
        let before = "<tag>a</tag><tag>b</tag>";
        assert_eq!(
            merged(before, "<tag nc:operation=\"delete\">a</tag><tag>c</tag>"),
            "<tag>b</tag><tag>c</tag>"
        );
        assert_eq!(
            refused(before, "<tag nc:operation=\"create\">a</tag>").tag,
            DataErrorTag::DataExists
        );
        assert_eq!(
            refused(before, "<tag nc:operation=\"delete\">x</tag>").tag,
            DataErrorTag::DataMissing
        );
    }

    #[test]
    fn presence_is_content_and_structure_is_not() {
        assert_eq!(merged("", "<pres/><np/>"), "<pres/>");
        assert_eq!(
            merged("<pres><p>x</p></pres>", "<pres nc:operation=\"delete\"/>"),
            ""
        );
        assert_eq!(
            refused("<pres/>", "<pres nc:operation=\"create\"/>").tag,
            DataErrorTag::DataExists
        );
    }

    #[test]
    fn validation_uses_the_tags_of_rfc7950_section_15() {
        let validated = |inside: &str| -> Vec<DataError> {
            let mut tree = parse_config(&schema(), &format!("{HEAD}>{inside}</c>")).unwrap();
            tree.validate().unwrap_err()
        };
        let whole = "<needed>x</needed><this>y</this>";
        for (inside, tag, app_tag) in [
            (
                "<even>3</even>".to_owned(),
                DataErrorTag::OperationFailed,
                Some("odd-number"),
            ),
            (
                "<small>30</small>".to_owned(),
                DataErrorTag::OperationFailed,
                Some("must-violation"),
            ),
            (
                "<reference>x</reference>".to_owned(),
                DataErrorTag::DataMissing,
                Some("instance-required"),
            ),
            ("<gated>x</gated>".to_owned(), DataErrorTag::UnknownElement, None),
            (
                "<limits><this>x</this><few><n>1</n></few></limits>".to_owned(),
                DataErrorTag::DataMissing,
                None,
            ),
            (
                "<limits><needed>x</needed><few><n>1</n></few></limits>".to_owned(),
                DataErrorTag::DataMissing,
                Some("missing-choice"),
            ),
            (
                format!("<limits>{whole}</limits>"),
                DataErrorTag::OperationFailed,
                Some("too-few-elements"),
            ),
            (
                format!("<limits>{whole}<few><n>1</n></few><few><n>2</n></few><few><n>3</n></few></limits>"),
                DataErrorTag::OperationFailed,
                Some("too-many-elements"),
            ),
            (
                format!("<limits>{whole}<few><n>1</n><u>a</u></few><few><n>2</n><u>a</u></few></limits>"),
                DataErrorTag::OperationFailed,
                Some("data-not-unique"),
            ),
        ] {
            let errors = validated(&inside);
            assert_eq!(errors.len(), 1, "{inside}: {errors:?}");
            assert_eq!(errors[0].tag, tag, "{inside}: {errors:?}");
            assert_eq!(errors[0].app_tag.as_deref(), app_tag, "{inside}: {errors:?}");
            assert!(
                errors[0]
                    .path
                    .as_deref()
                    .is_some_and(|path| path.starts_with("/ec:c/ec:")),
                "{errors:?}"
            );
        }
        assert_eq!(
            validated("<even>3</even><small>30</small>").len(),
            2,
            "all that is wrong is told at once"
        );
        let error = validated("<even>3</even>").remove(0);
        assert_eq!(&*error.message, "c/even: the number must be even");
        let error = validated("<limits><this>x</this><few><n>1</n></few></limits>").remove(0);
        assert_eq!(error.path.as_deref(), Some("/ec:c/ec:limits/ec:needed"));
        assert_eq!(&*error.message, "c/limits: needed is mandatory and missing");
    }

    #[test]
    fn what_when_takes_away_is_told() {
        let mut tree = start("<plain>on</plain><gated>x</gated>");
        let config = format!("{HEAD}><plain>off</plain></c>");
        assert_eq!(
            edit(&mut tree, &config, EditOperation::Merge, OnError::Stop).errors,
            []
        );
        let removed: Vec<String> = tree.validate().unwrap().iter().map(ToString::to_string).collect();
        assert_eq!(removed, ["/edit-cases:c/gated"]);
        assert_eq!(text(&tree), "<c><plain>off</plain></c>");
    }
}
