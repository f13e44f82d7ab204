//! What stands at and below a node, as plain data: for change sets, which outlive trees.

use std::sync::Arc;

use serde::de::{Error as _, MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::datastore::apply::node_of;
use crate::yang::path::{Instance, InstancePath, Step};
use crate::yang::schema::Schema;
use crate::yang::schema_node::SchemaNode;
use crate::yang::tree::{NodeRef, Tree};
use crate::yang::writer::TreeWriter;

/// A leaf's value, or the children of anything else. Keys are in the path of an entry, not here; defaults and empty
/// structure are left out. In records it is a text or an object whose names are steps of a path.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Content {
    /// Canonical value of a leaf or leaf-list entry.
    Value(String),
    /// Children in order.
    Children(Vec<(Step, Content)>),
}

impl Content {
    /// What a client configured at and below a node.
    pub fn of(node: NodeRef<'_>) -> Content {
        if let Some(value) = node.value() {
            return Content::Value(value.to_owned());
        }
        Content::Children(
            node.children()
                .filter(|child| !child.schema().is_key() && child.is_explicit())
                .map(|child| (step_of(child), Content::of(child)))
                .collect(),
        )
    }

    /// A tree that holds this at a path and nothing beside it; none where the schema has no such place.
    pub fn alone_at(&self, schema: &Arc<Schema>, path: &InstancePath) -> Option<Tree> {
        let mut writer = TreeWriter::new(schema);
        let (above, last) = path.split_last()?;
        let mut node = None;
        for step in above {
            let next = node_of(schema, node, step)?;
            open(&mut writer, next, step)?;
            node = Some(next);
        }
        self.write(&mut writer, node_of(schema, node, last)?, last)?;
        Some(writer.finish())
    }

    fn write(&self, writer: &mut TreeWriter, node: SchemaNode<'_>, step: &Step) -> Option<()> {
        match self {
            Content::Value(value) => writer.term(node, value).ok(),
            Content::Children(children) => {
                open(writer, node, step)?;
                for (step, content) in children {
                    content.write(writer, node.child(&step.module, &step.name)?, step)?;
                }
                writer.close();
                Some(())
            }
        }
    }

    /// Whether a node at these modules and names below is inside.
    pub(crate) fn holds(&self, names: &[(&str, &str)]) -> bool {
        let Some(((module, name), below)) = names.split_first() else {
            return true;
        };
        match self {
            Content::Value(_) => false,
            Content::Children(children) => children
                .iter()
                .any(|(step, content)| step.name == *name && step.module == *module && content.holds(below)),
        }
    }
}

/// Goes to a container or an entry, made when it is missing.
fn open(writer: &mut TreeWriter, node: SchemaNode<'_>, step: &Step) -> Option<()> {
    match &step.instance {
        Instance::Keys(keys) => {
            let values: Vec<&str> = keys.iter().map(|(_, value)| value.as_str()).collect();
            writer.open_entry(node, &values).ok()
        }
        Instance::Position(_) => writer.open_entry(node, &[]).ok(),
        Instance::Single | Instance::Value(_) => writer.open_container(node).ok(),
    }
}

/// The last step of a node's path.
pub fn step_of(node: NodeRef<'_>) -> Step {
    Step {
        module: node.module().to_owned(),
        name: node.name().to_owned(),
        instance: node.instance(),
    }
}

impl Serialize for Content {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Content::Value(value) => serializer.serialize_str(value),
            Content::Children(children) => {
                let mut map = serializer.serialize_map(Some(children.len()))?;
                for (step, content) in children {
                    let path = InstancePath::root().child(step.clone()).to_string();
                    map.serialize_entry(path.trim_start_matches('/'), content)?;
                }
                map.end()
            }
        }
    }
}

impl<'de> Deserialize<'de> for Content {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Content, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Content;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a value or an object of children")
            }

            fn visit_str<E: serde::de::Error>(self, value: &str) -> Result<Content, E> {
                Ok(Content::Value(value.to_owned()))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Content, A::Error> {
                let mut children = Vec::new();
                while let Some((text, content)) = map.next_entry::<String, Content>()? {
                    let mut path = InstancePath::parse(&format!("/{text}")).map_err(A::Error::custom)?;
                    let step = path
                        .pop()
                        .ok_or_else(|| A::Error::custom("a child without name"))?;
                    children.push((step, content));
                }
                Ok(Content::Children(children))
            }
        }
        deserializer.deserialize_any(Reader)
    }
}
