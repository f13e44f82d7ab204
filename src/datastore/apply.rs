//! Carrying changes out on a tree.

use std::sync::Arc;

use crate::datastore::change_set::Change;
use crate::datastore::content::Content;
use crate::yang::error::DataError;
use crate::yang::path::{Instance, InstancePath, Step};
use crate::yang::place::{Place, Placement};
use crate::yang::schema::Schema;
use crate::yang::schema_node::{NodeKind, SchemaNode};
use crate::yang::tree::Tree;

/// A change that does not fit the tree: it was made for another one.
#[derive(thiserror::Error, Clone, PartialEq, Eq, Debug)]
pub enum ApplyError {
    /// The schema has no such node.
    #[error("{0}: no such node in the schema")]
    Unknown(InstancePath),
    /// It should be there and is not.
    #[error("{0} is not there")]
    Missing(InstancePath),
    /// It should not be there and is.
    #[error("{0} is there already")]
    Exists(InstancePath),
    /// A value does not fit its type.
    #[error(transparent)]
    Value(#[from] DataError),
}

/// Carries changes out in order. Stops at the first that does not fit; those before it are done.
pub fn apply<'c>(tree: &mut Tree, changes: impl IntoIterator<Item = &'c Change>) -> Result<(), ApplyError> {
    let schema = Arc::clone(tree.schema());
    for change in changes {
        apply_one(&schema, tree, change)?;
    }
    Ok(())
}

fn apply_one(schema: &Arc<Schema>, tree: &mut Tree, change: &Change) -> Result<(), ApplyError> {
    let path = change.path();
    let Some((parents, step)) = path.split_last() else {
        return Err(ApplyError::Unknown(path.clone()));
    };
    let mut place = tree.place();
    descend(&mut place, schema, None, parents, &mut |place, parent| {
        let node = node_of(schema, parent, step).ok_or_else(|| ApplyError::Unknown(path.clone()))?;
        match change {
            Change::Insert { content, order, .. } => {
                if place
                    .find(node, &step.instance)
                    .is_some_and(|found| found.is_explicit())
                {
                    return Err(ApplyError::Exists(path.clone()));
                }
                make_room(place, node);
                insert(schema, place, node, step, content, order.as_ref(), path)
            }
            Change::Remove { .. } => {
                if place
                    .find(node, &step.instance)
                    .is_none_or(|found| !found.is_explicit())
                {
                    return Err(ApplyError::Missing(path.clone()));
                }
                place.remove(node, &step.instance);
                drop_empty_cases(place, node);
                Ok(())
            }
            Change::Set { new, .. } => {
                if place
                    .find(node, &step.instance)
                    .is_none_or(|found| found.is_default())
                {
                    return Err(ApplyError::Missing(path.clone()));
                }
                place.set(node, new)?;
                Ok(())
            }
            Change::Move { to, .. } => {
                if place.shift(node, &step.instance, to) {
                    Ok(())
                } else {
                    Err(ApplyError::Missing(path.clone()))
                }
            }
        }
    })
}

/// What is done at the parent of a change.
type AtParent<'a, 's> = dyn FnMut(&mut Place<'_>, Option<SchemaNode<'s>>) -> Result<(), ApplyError> + 'a;

/// Goes down the parents, making structure that is missing, and drops what it made in vain on the way back.
fn descend<'s>(
    place: &mut Place<'_>,
    schema: &'s Schema,
    parent: Option<SchemaNode<'s>>,
    steps: &[Step],
    then: &mut AtParent<'_, 's>,
) -> Result<(), ApplyError> {
    let Some((step, rest)) = steps.split_first() else {
        return then(place, parent);
    };
    let unknown = || ApplyError::Unknown(InstancePath::root().child(step.clone()));
    let node = node_of(schema, parent, step).ok_or_else(unknown)?;
    if !node.is_structure_only() {
        let missing = place.path().child(step.clone());
        let mut inside = place
            .enter(node, &step.instance)
            .ok_or(ApplyError::Missing(missing))?;
        return descend(&mut inside, schema, Some(node), rest, then);
    }
    make_room(place, node);
    let was_missing = place.first_of(node).is_none();
    let mut inside = place.enter_container(node)?;
    let result = descend(&mut inside, schema, Some(node), rest, then);
    if was_missing {
        place.prune(node);
    }
    drop_empty_cases(place, node);
    result
}

/// The schema node of a step.
pub fn node_of<'s>(
    schema: &'s Schema,
    parent: Option<SchemaNode<'s>>,
    step: &Step,
) -> Option<SchemaNode<'s>> {
    match parent {
        None => schema.top(&step.module, &step.name),
        Some(parent) => parent.child(&step.module, &step.name),
    }
}

/// Defaults of other cases give way to a node of this case (RFC 7950 section 7.9.3).
pub fn make_room(place: &mut Place<'_>, node: SchemaNode<'_>) {
    if node.cases().is_empty() {
        return;
    }
    let schema = Arc::clone(place.schema());
    let others: Vec<_> = place
        .children()
        .filter(|child| !child.is_explicit() && node.excludes(&child.schema()))
        .map(|child| (child.schema_id(), child.instance()))
        .collect();
    for (id, instance) in others {
        if let Some(other) = schema.node(id) {
            place.remove(other, &instance);
        }
    }
}

/// A case in which nothing is configured any more takes its defaults with it, those of choices inside too. Where it
/// is the default case, they come back with the other defaults.
pub fn drop_empty_cases(place: &mut Place<'_>, node: SchemaNode<'_>) {
    let schema = Arc::clone(place.schema());
    for case in node.cases() {
        let inside: Vec<_> = place
            .children()
            .filter(|child| child.schema().cases().contains(&case))
            .collect();
        if inside.iter().any(|child| child.is_explicit()) {
            return;
        }
        let leftovers: Vec<_> = inside
            .iter()
            .map(|child| (child.schema_id(), child.instance()))
            .collect();
        for (id, instance) in leftovers {
            if let Some(leftover) = schema.node(id) {
                place.remove(leftover, &instance);
            }
        }
    }
}

fn insert(
    schema: &Arc<Schema>,
    place: &mut Place<'_>,
    node: SchemaNode<'_>,
    step: &Step,
    content: &Content,
    order: Option<&Placement>,
    path: &InstancePath,
) -> Result<(), ApplyError> {
    let placement = order.unwrap_or(&Placement::Last);
    match (node.kind(), content) {
        (NodeKind::Leaf, Content::Value(value)) => {
            place.set(node, value)?;
        }
        (NodeKind::LeafList, Content::Value(value)) => {
            place.add_value(node, value, placement)?;
        }
        (NodeKind::Container { .. }, Content::Children(children)) => {
            let mut inside = place.enter_container(node)?;
            insert_children(schema, &mut inside, node, children, path)?;
        }
        (NodeKind::List, Content::Children(children)) => {
            let Instance::Keys(keys) = &step.instance else {
                return Err(ApplyError::Unknown(path.clone()));
            };
            let values: Vec<&str> = node
                .keys()
                .filter_map(|key| keys.iter().find(|(name, _)| name == key.name()))
                .map(|(_, value)| value.as_str())
                .collect();
            let mut inside = place.add_entry(node, &values, placement)?;
            insert_children(schema, &mut inside, node, children, path)?;
        }
        _ => return Err(ApplyError::Unknown(path.clone())),
    }
    Ok(())
}

fn insert_children(
    schema: &Arc<Schema>,
    place: &mut Place<'_>,
    parent: SchemaNode<'_>,
    children: &[(Step, Content)],
    path: &InstancePath,
) -> Result<(), ApplyError> {
    for (step, content) in children {
        let here = path.child(step.clone());
        let node = parent
            .child(&step.module, &step.name)
            .ok_or_else(|| ApplyError::Unknown(here.clone()))?;
        make_room(place, node);
        insert(schema, place, node, step, content, None, &here)?;
    }
    Ok(())
}
