//! RPCs that YANG modules define: reading the input, making the output.

use std::sync::Arc;

use crate::yang::document::Element;
use crate::yang::error::{DataError, DataErrorTag};
use crate::yang::path::InstancePath;
use crate::yang::print::{WithDefaults, print_children};
use crate::yang::resolve;
use crate::yang::rooted::Rooted;
use crate::yang::schema::Schema;
use crate::yang::schema_node::{NodeKind, SchemaNode};
use crate::yang::select::Selection;
use crate::yang::state::StateBuilder;
use crate::yang::tree::NodeRef;
use crate::yang::writer::TreeWriter;

/// An RPC with its input, checked against the schema, defaults filled in.
#[derive(Debug)]
pub struct Operation {
    input: Rooted,
}

impl Operation {
    /// Reads the RPC element.
    pub fn parse(schema: &Arc<Schema>, document: &str) -> Result<Operation, Vec<DataError>> {
        let element = Element::parse_document(document).map_err(|error| vec![error])?;
        let mut writer = TreeWriter::new(schema);
        let node = find_operation(schema, &element).map_err(|error| vec![error])?;
        writer.open_container(node).map_err(|error| vec![error])?;
        fill(&mut writer, node, &element, &InstancePath::root()).map_err(|error| vec![error])?;
        let mut input = writer.finish();
        input.validate_operation().map_err(|errors| {
            // What is mandatory for data is a required parameter here (RFC 6241 appendix A).
            let required = |mut error: DataError| {
                if error.tag == DataErrorTag::DataMissing && error.app_tag.is_none() {
                    error.tag = DataErrorTag::MissingElement;
                }
                error
            };
            errors.into_iter().map(required).collect::<Vec<_>>()
        })?;
        let input = Rooted::new(input).ok_or_else(|| {
            let message = format!("RPC {} could not be read", element.name);
            vec![DataError::new(DataErrorTag::OperationFailed, message)]
        })?;
        Ok(Operation { input })
    }

    /// The input: the RPC's own node, its children the parameters.
    pub fn input(&self) -> NodeRef<'_> {
        self.input.root()
    }

    /// Name of the RPC.
    pub fn name(&self) -> &str {
        self.input().name()
    }

    /// Module that defines it.
    pub fn module(&self) -> &str {
        self.input().module()
    }

    /// The children of `<rpc-reply>` for an output, with their namespaces declared.
    pub fn reply(&self, fill: impl FnOnce(&mut StateBuilder<'_>)) -> Result<String, DataError> {
        let schema = self.input.tree().schema();
        let everything = Selection::everything(schema);
        let mut out = StateBuilder::new(schema, &everything);
        out.operation(self.input().schema(), fill);
        let tree = out.finish()?;
        Ok(tree
            .roots()
            .next()
            .map(|node| print_children(node, WithDefaults::Explicit))
            .unwrap_or_default())
    }
}

fn find_operation<'s>(schema: &'s Schema, element: &Element) -> Result<SchemaNode<'s>, DataError> {
    let namespace = element.namespace.as_deref().unwrap_or_default();
    if (namespace, element.name.as_str()) == (YANG_1, "action") {
        return Err(refused_action(schema, element));
    }
    let Some(module) = schema.module_of_namespace(namespace) else {
        return Err(DataError::new(
            DataErrorTag::UnknownNamespace,
            format!("RPC {}: no module has the namespace {namespace:?}", element.name),
        )
        .with_element(element.name.as_str())
        .with_namespace(namespace));
    };
    schema
        .top(&module.name, &element.name)
        .filter(|node| node.kind() == NodeKind::Operation)
        .ok_or_else(|| {
            let message = format!("module {} has no RPC {}", module.name, element.name);
            DataError::new(DataErrorTag::OperationNotSupported, message).with_element(element.name.as_str())
        })
}

/// Where `<action>` is (RFC 7950 section 7.15.2).
const YANG_1: &str = "urn:ietf:params:xml:ns:yang:1";

/// Why an action is not carried out: none is, as only modules that are stored and not acted on have any. Says which one
/// it is, or which element on the way to it is unknown.
fn refused_action(schema: &Schema, action: &Element) -> DataError {
    let mut outer = action;
    let mut node: Option<SchemaNode<'_>> = None;
    loop {
        let mut nested = outer.children.iter().filter_map(|element| {
            let module = schema.module_of_namespace(element.namespace.as_deref()?)?;
            let found = match node {
                None => schema.top(&module.name, &element.name),
                Some(node) => node.child(&module.name, &element.name),
            };
            found
                .filter(|node| !matches!(node.kind(), NodeKind::Leaf | NodeKind::LeafList))
                .map(|node| (element, node))
        });
        match nested.next() {
            Some((element, found)) if found.kind() == NodeKind::Operation && node.is_some() => {
                let message = format!(
                    "action {} of module {}: this agent only stores the module and does not act on it",
                    element.name,
                    found.module()
                );
                return DataError::new(DataErrorTag::OperationNotSupported, message)
                    .with_element(element.name.as_str());
            }
            Some((element, found)) => (outer, node) = (element, Some(found)),
            None => {
                let named = outer.children.last().unwrap_or(outer);
                let message = format!(
                    "{} in an action: there is no action of this name or below it",
                    named.name
                );
                return DataError::new(DataErrorTag::UnknownElement, message)
                    .with_element(named.name.as_str());
            }
        }
    }
}

/// Adds the children of an element below the open node; `at` is the parent's path.
pub(in crate::yang) fn fill(
    writer: &mut TreeWriter,
    node: SchemaNode<'_>,
    element: &Element,
    at: &InstancePath,
) -> Result<(), DataError> {
    let schema = node.schema();
    let here = resolve::below(node, at);
    resolve::no_text(node, element, at)?;
    if let Some(attribute) = element.attributes.first() {
        return Err(resolve::unknown_attribute(
            schema,
            element,
            &attribute.name,
            &here,
        ));
    }
    for child in &element.children {
        let found = resolve::child(schema, Some(node), child, &here)?;
        match found.kind() {
            _ if found.is_key() => {}
            NodeKind::Leaf | NodeKind::LeafList => {
                if let Some(attribute) = child.attributes.first() {
                    return Err(resolve::unknown_attribute(schema, child, &attribute.name, &here));
                }
                writer.term(found, &resolve::value(found, child, &here)?)?;
            }
            NodeKind::List => {
                let keys = if found.is_keyless() {
                    Vec::new()
                } else {
                    resolve::keys(found, child, &here)?
                };
                let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
                writer.open_entry(found, &keys)?;
                fill(writer, found, child, &here)?;
                writer.close();
            }
            NodeKind::Container { .. } => {
                writer.open_container(found)?;
                fill(writer, found, child, &here)?;
                writer.close();
            }
            NodeKind::AnyData | NodeKind::Operation | NodeKind::Notification => {
                return Err(resolve::no_anydata(found, &here));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yang::modules::ModuleSet;

    const ACT: &str = "http://cisco.com/ns/yang/Cisco-IOS-XR-smart-license-act";

    fn schema() -> Arc<Schema> {
        Schema::load(ModuleSet::embedded()).unwrap()
    }

    fn refusal(document: &str) -> DataError {
        Operation::parse(&schema(), document).unwrap_err().remove(0)
    }

    #[test]
    fn input_is_read_with_defaults() {
        let schema = schema();
        let document =
            format!("<register-id-token xmlns=\"{ACT}\"><id-token>abc</id-token></register-id-token>");
        let operation = Operation::parse(&schema, &document).unwrap();
        assert_eq!(operation.name(), "register-id-token");
        assert_eq!(operation.module(), "Cisco-IOS-XR-smart-license-act");
        assert_eq!(operation.input().leaf("id-token"), Some("abc"));
        assert_eq!(operation.input().leaf("force"), Some("false"));
    }

    #[test]
    fn output_is_printed_with_its_namespace() {
        let schema = schema();
        let operation = Operation::parse(&schema, &format!("<renew-auth xmlns=\"{ACT}\"/>")).unwrap();
        let reply = operation
            .reply(|out| {
                out.container("response", |out| {
                    out.leaf("operation-status", "success");
                    out.leaf("return-code", "success");
                });
            })
            .unwrap();
        assert_eq!(
            reply,
            format!(
                "<response xmlns=\"{ACT}\"><operation-status>success</operation-status>\
                 <return-code>success</return-code></response>"
            )
        );
    }

    #[test]
    fn wrong_input_is_named() {
        let long = "A".repeat(256);
        let error = refusal(&format!(
            "<register-id-token xmlns=\"{ACT}\"><id-token>{long}</id-token></register-id-token>"
        ));
        assert_eq!(error.tag, DataErrorTag::InvalidValue);
        assert!(!error.message.contains("AAA"), "{}", error.message);
        assert!(error.message.contains("256 characters"), "{}", error.message);

        let error = refusal(&format!(
            "<renew-auth xmlns=\"{ACT}\"><force>true</force></renew-auth>"
        ));
        assert_eq!(
            (error.tag, error.bad_element.as_deref()),
            (DataErrorTag::UnknownElement, Some("force"))
        );

        let error = refusal("<pull-line-card xmlns=\"urn:ponder:yang:ponder-simulator\"/>");
        assert_eq!(error.tag, DataErrorTag::MissingElement);
        assert_eq!(error.bad_element.as_deref(), Some("location"), "{error}");

        let error = refusal(
            "<action xmlns=\"urn:ietf:params:xml:ns:yang:1\"><simulator xmlns=\"urn:ponder:yang:ponder-simulator\">\
             <slot><location>0/0</location><shake/></slot></simulator></action>",
        );
        assert_eq!(
            (error.tag, error.bad_element.as_deref()),
            (DataErrorTag::UnknownElement, Some("shake"))
        );
        let error = refusal("<x xmlns=\"urn:nobody\"/>");
        assert_eq!(error.tag, DataErrorTag::UnknownNamespace);
        let error = refusal(&format!("<x xmlns=\"{ACT}\"/>"));
        assert_eq!(error.tag, DataErrorTag::OperationNotSupported);
        let error = refusal(&format!("<renew-auth xmlns=\"{ACT}\" a=\"b\"/>"));
        assert_eq!(error.tag, DataErrorTag::UnknownAttribute);
    }
}
