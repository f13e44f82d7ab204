//! Notifications that YANG modules define: made, read back, printed, and held against a filter.

use std::sync::Arc;

use crate::yang::document::Element;
use crate::yang::error::{DataError, DataErrorTag};
use crate::yang::evaluable::Evaluable;
use crate::yang::operation;
use crate::yang::path::InstancePath;
use crate::yang::print::{WithDefaults, print};
use crate::yang::schema::Schema;
use crate::yang::schema_node::{NodeKind, SchemaNode};
use crate::yang::select::Selection;
use crate::yang::state::StateBuilder;
use crate::yang::tree::Tree;
use crate::yang::writer::TreeWriter;
use crate::yang::xpath_filter::XPathFilter;

/// One notification, checked against the schema.
#[derive(Debug)]
pub struct Notification {
    tree: Tree,
}

impl Notification {
    /// Makes the notification `module:name`. Fails where a name, a value or what the module demands is broken.
    pub fn build(
        schema: &Arc<Schema>,
        name: &str,
        fill: impl FnOnce(&mut StateBuilder<'_>),
    ) -> Result<Notification, DataError> {
        let node = name
            .split_once(':')
            .and_then(|(module, name)| schema.top(module, name));
        let node = node
            .filter(|node| node.kind() == NodeKind::Notification)
            .ok_or_else(|| {
                let message = format!("there is no notification {name}");
                DataError::new(DataErrorTag::UnknownElement, message).with_element(name)
            })?;
        let everything = Selection::everything(schema);
        let mut out = StateBuilder::new(schema, &everything);
        out.operation(node, fill);
        Notification::of(out.finish()?)
    }

    /// Reads the element of a notification.
    pub fn parse(schema: &Arc<Schema>, document: &str) -> Result<Notification, DataError> {
        let element = Element::parse_document(document)?;
        let node = find_notification(schema, &element)?;
        let mut writer = TreeWriter::new(schema);
        writer.open_container(node)?;
        operation::fill(&mut writer, node, &element, &InstancePath::root())?;
        Notification::of(writer.finish())
    }

    fn of(mut tree: Tree) -> Result<Notification, DataError> {
        let first = tree
            .validate_notification()
            .err()
            .and_then(|errors| errors.into_iter().next());
        match first {
            Some(error) => Err(error),
            None => Ok(Notification { tree }),
        }
    }

    /// Module that defines it.
    pub fn module(&self) -> &str {
        self.tree.roots().next().map_or("", |node| node.module())
    }

    /// Its name in that module.
    pub fn name(&self) -> &str {
        self.tree.roots().next().map_or("", |node| node.name())
    }

    /// Its element.
    pub fn to_xml(&self) -> String {
        print(
            &self.tree,
            &Selection::everything(self.tree.schema()),
            WithDefaults::Explicit,
        )
    }

    /// Whether an XPath filter finds any node of it. Fails where the expression gives no nodes, or costs too much.
    pub fn is_found(&self, filter: &XPathFilter) -> Result<bool, DataError> {
        let tree = Evaluable::whole(&self.tree)?;
        filter.nodes(&tree).map(|nodes| !nodes.is_empty())
    }

    /// Whether an XPath expression is true of it, whatever kind of value it gives (RFC 8639, stream-xpath-filter). Fails
    /// where it costs too much.
    pub fn satisfies(&self, filter: &XPathFilter) -> Result<bool, DataError> {
        filter.is_true(&Evaluable::whole(&self.tree)?)
    }

    /// Whether a subtree filter selects anything of it.
    pub fn is_selected(&self, selection: &Selection) -> bool {
        !print(&self.tree, selection, WithDefaults::ReportAll).is_empty()
    }
}

fn find_notification<'s>(schema: &'s Schema, element: &Element) -> Result<SchemaNode<'s>, DataError> {
    let namespace = element.namespace.as_deref().unwrap_or_default();
    let module = schema.module_of_namespace(namespace);
    let node = module.and_then(|module| schema.top(&module.name, &element.name));
    node.filter(|node| node.kind() == NodeKind::Notification)
        .ok_or_else(|| {
            let message = format!(
                "there is no notification {} in the namespace {namespace:?}",
                element.name
            );
            DataError::new(DataErrorTag::UnknownElement, message).with_element(element.name.as_str())
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yang::modules::ModuleSet;

    fn schema() -> Arc<Schema> {
        Schema::load(ModuleSet::embedded()).unwrap()
    }

    fn session_end(schema: &Arc<Schema>, user: &str) -> Notification {
        Notification::build(schema, "ietf-netconf-notifications:netconf-session-end", |out| {
            out.leaf("username", user);
            out.leaf("session-id", 4);
            out.leaf("source-host", "192.0.2.7");
            out.leaf("termination-reason", "dropped");
        })
        .unwrap()
    }

    #[test]
    fn a_notification_is_printed_with_its_namespace_and_read_back() {
        let schema = schema();
        let text = session_end(&schema, "anna").to_xml();
        assert_eq!(
            text,
            "<netconf-session-end xmlns=\"urn:ietf:params:xml:ns:yang:ietf-netconf-notifications\">\
             <username>anna</username><session-id>4</session-id><source-host>192.0.2.7</source-host>\
             <termination-reason>dropped</termination-reason></netconf-session-end>"
        );
        let again = Notification::parse(&schema, &text).unwrap();
        assert_eq!(
            (again.module(), again.to_xml()),
            ("ietf-netconf-notifications", text)
        );
    }

    #[test]
    fn what_the_module_demands_is_checked() {
        let schema = schema();
        let build = |fill: fn(&mut StateBuilder<'_>)| {
            Notification::build(&schema, "ietf-netconf-notifications:netconf-session-end", fill)
        };
        let missing = build(|out| out.leaf("username", "anna")).unwrap_err();
        assert_eq!(missing.tag, DataErrorTag::DataMissing, "{missing}");
        let wrong = build(|out| out.leaf("termination-reason", "bored")).unwrap_err();
        assert_eq!(wrong.tag, DataErrorTag::InvalidValue);
        let unknown = Notification::build(&schema, "ietf-netconf:close-session", |_| {}).unwrap_err();
        assert_eq!(unknown.tag, DataErrorTag::UnknownElement);
        assert!(Notification::build(&schema, "nc-notifications:replayComplete", |_| {}).is_ok());
    }

    #[test]
    fn a_node_that_is_gone_is_named_all_the_same() {
        let schema = schema();
        let changed = Notification::build(
            &schema,
            "ietf-netconf-notifications:netconf-config-change",
            |out| {
                out.container("changed-by", |out| out.leaf("server", ""));
                out.list("edit", &[], |out| {
                    out.leaf(
                        "target",
                        "/Cisco-IOS-XR-config-mda-cfg:active-nodes/active-node[node-name='0/1']\
                     /Cisco-IOS-XR-osa-cfg:mxponder-slices/mxponder-slice[slice-id='0']",
                    );
                    out.leaf("operation", "delete");
                });
            },
        );
        let text = changed.unwrap().to_xml();
        assert!(text.contains("<operation>delete</operation>"), "{text}");
        assert!(text.contains("active-node["), "{text}");
        assert!(Notification::parse(&schema, &text).is_ok());
    }

    #[test]
    fn an_xpath_filter_finds_notifications_by_name_and_content() {
        let schema = schema();
        let event = session_end(&schema, "anna");
        let namespaces = [(
            "n".to_owned(),
            "urn:ietf:params:xml:ns:yang:ietf-netconf-notifications".to_owned(),
        )];
        let found = |select: &str| event.is_found(&XPathFilter::bind(&schema, select, &namespaces).unwrap());
        for select in [
            "/n:netconf-session-end",
            "/n:netconf-session-end[n:username='anna']",
            "//n:termination-reason[. = 'dropped']",
            "/n:netconf-session-start | /n:netconf-session-end",
        ] {
            assert_eq!(found(select), Ok(true), "{select}");
        }
        for select in [
            "/n:netconf-session-start",
            "/n:netconf-session-end[n:username='bert']",
        ] {
            assert_eq!(found(select), Ok(false), "{select}");
        }
        assert!(found("1 = 1").is_err(), "no nodes");
    }

    #[test]
    fn a_filter_selects_notifications_by_name_and_content() {
        let schema = schema();
        let event = session_end(&schema, "anna");
        let selected =
            |content: &str| event.is_selected(&Selection::of_notifications(&schema, content).unwrap());
        let ns = "xmlns=\"urn:ietf:params:xml:ns:yang:ietf-netconf-notifications\"";
        assert!(selected(&format!("<netconf-session-end {ns}/>")));
        assert!(selected(&format!(
            "<netconf-session-end {ns}><username>anna</username></netconf-session-end>"
        )));
        assert!(selected(
            "<netconf-session-end><session-id/></netconf-session-end>"
        ));
        for other in [
            String::new(),
            format!("<netconf-session-start {ns}/>"),
            format!("<netconf-session-end {ns}><username>bert</username></netconf-session-end>"),
            format!("<netconf-session-end {ns}><killed-by/></netconf-session-end>"),
            "<netconf-session-end xmlns=\"urn:nobody\"/>".to_owned(),
        ] {
            assert!(!selected(&other), "{other}");
        }
    }
}
