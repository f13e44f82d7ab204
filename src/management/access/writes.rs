//! Whether one user may make some changes: every node that appears, changes, moves or goes (RFC 8341 section 3.2.8).

use std::cell::RefCell;

use crate::datastore::change_set::Change;
use crate::datastore::content::Content;
use crate::management::access::control::Denial;
use crate::management::access::index::Keys;
use crate::management::access::judge::Judge;
use crate::management::access::policy::{AccessOperation, Action};
use crate::yang::error::{DataError, DataErrorTag};
use crate::yang::path::{Instance, InstancePath, Step};
use crate::yang::schema::Schema;
use crate::yang::schema_node::{SchemaId, SchemaNode};

/// Refuses the first node of the changes that the user may not write, by its path.
pub fn check(
    judge: &Judge<'_>,
    user: &str,
    schema: &Schema,
    changes: &[Change],
) -> Result<(), Denial<DataError>> {
    let writer = Writer {
        judge,
        user,
        schema,
        keys: PathKeys::default(),
    };
    changes.iter().try_for_each(|change| writer.change(change))
}

struct Writer<'c> {
    judge: &'c Judge<'c>,
    user: &'c str,
    schema: &'c Schema,
    keys: PathKeys,
}

/// The entries on the way from the root to the node that is looked at.
#[derive(Default)]
struct PathKeys(RefCell<Vec<(SchemaId, Vec<String>)>>);

impl Keys for PathKeys {
    fn each(&self, list: SchemaId, value: &mut dyn FnMut(usize, &str)) -> bool {
        let entries = self.0.borrow();
        let Some((_, keys)) = entries.iter().rev().find(|(id, _)| *id == list) else {
            return false;
        };
        for (place, key) in keys.iter().enumerate() {
            value(place, key);
        }
        true
    }
}

impl Writer<'_> {
    fn change(&self, change: &Change) -> Result<(), Denial<DataError>> {
        let mut node: Option<SchemaNode<'_>> = None;
        self.keys.0.borrow_mut().clear();
        for step in change.path().steps() {
            node = match node {
                None => self.schema.top(&step.module, &step.name),
                Some(parent) => parent.child(&step.module, &step.name),
            };
            let Some(node) = node else { return Ok(()) };
            self.enter(node, step);
        }
        let Some(node) = node else { return Ok(()) };
        let (operation, content) = match change {
            Change::Insert { content, .. } => (AccessOperation::Create, Some(content)),
            Change::Remove { content, .. } => (AccessOperation::Delete, Some(content)),
            Change::Set { .. } | Change::Move { .. } => (AccessOperation::Update, None),
        };
        self.node(operation, node, change.path(), content)
    }

    fn node(
        &self,
        operation: AccessOperation,
        node: SchemaNode<'_>,
        path: &InstancePath,
        content: Option<&Content>,
    ) -> Result<(), Denial<DataError>> {
        // A container without meaning of its own comes and goes with what is inside.
        if !node.is_structure_only() {
            let verdict = self.judge.decides(operation, node, &self.keys);
            if verdict.action == Action::Deny {
                return Err(Denial {
                    error: self.denied(operation, path),
                    by: verdict.by.to_owned(),
                });
            }
        }
        let Some(Content::Children(children)) = content else {
            return Ok(());
        };
        for (step, inside) in children {
            let Some(child) = node.child(&step.module, &step.name) else {
                continue;
            };
            let depth = self.keys.0.borrow().len();
            self.enter(child, step);
            self.node(operation, child, &path.child(step.clone()), Some(inside))?;
            self.keys.0.borrow_mut().truncate(depth);
        }
        Ok(())
    }

    fn enter(&self, node: SchemaNode<'_>, step: &Step) {
        let keys = match &step.instance {
            Instance::Keys(given) => node
                .keys()
                .filter_map(|key| given.iter().find(|(name, _)| name == key.name()))
                .map(|(_, value)| value.clone())
                .collect(),
            Instance::Value(value) => vec![value.clone()],
            Instance::Single | Instance::Position(_) => return,
        };
        self.keys.0.borrow_mut().push((node.id(), keys));
    }

    fn denied(&self, operation: AccessOperation, path: &InstancePath) -> DataError {
        let message = format!(
            "user {} may not {} {path}: access control does not permit it",
            self.user,
            operation.as_str()
        );
        DataError::new(DataErrorTag::AccessDenied, message).at(self.schema, path)
    }
}
