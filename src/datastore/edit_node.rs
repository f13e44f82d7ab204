//! What an edit does with one element: set a leaf, make or go into a container or an entry, put it in its place.

use crate::datastore::apply::drop_empty_cases;
use crate::datastore::change_set::Change;
use crate::datastore::content::Content;
use crate::datastore::difference::order_of;
use crate::datastore::edit::{Editor, Stopped, step};
use crate::datastore::edit_attributes::{EditOperation, is_tagged_default, placement, writes_below};
use crate::yang::document::Element;
use crate::yang::error::{DataError, DataErrorTag};
use crate::yang::path::Instance;
use crate::yang::place::{Place, Placement, canonical_value};
use crate::yang::rejection;
use crate::yang::resolve;
use crate::yang::schema_node::{SchemaId, SchemaNode};

impl<'s> Editor<'s> {
    pub(super) fn leaf(
        &mut self,
        place: &mut Place<'_>,
        node: SchemaNode<'_>,
        element: &Element,
        op: EditOperation,
    ) -> Result<(), DataError> {
        let value = resolve::value(node, element, &self.at)?;
        // RFC 6241 7.2: a delete names the leaf; most clients send it without a value.
        if !op.writes() && !value.trim().is_empty() {
            canonical_value(node, &value)
                .map_err(|reason| rejection::invalid_value(node, &value, reason.as_deref(), &self.at))?;
        }
        let is_there = place.first_of(node).is_some_and(|leaf| !leaf.is_default());
        if !self.goes_on(node, &Instance::Single, element, op, is_there)? {
            return Ok(());
        }
        let is_default = op.writes() && is_tagged_default(element);
        let default = || canonical_value(node, node.default_value()?).ok();
        if is_default && (canonical_value(node, &value).ok() != default() || default().is_none()) {
            let message = format!(
                "{}: {value:?} is tagged as the default value, which is {}",
                rejection::short_name(node),
                node.default_value().unwrap_or("none")
            );
            return Err(self.error(DataErrorTag::InvalidValue, node, message));
        }
        if op.takes_away() || is_default {
            if is_there {
                self.remove(place, node, &Instance::Single);
            }
            return Ok(());
        }
        if !is_there && !node.cases().is_empty() {
            // The value is looked at before anything gives way to it.
            canonical_value(node, &value)
                .map_err(|reason| rejection::invalid_value(node, &value, reason.as_deref(), &self.at))?;
            self.clear_other_cases(place, node);
        }
        let written = place.set(node, &value)?;
        if self.building > 0 {
            return Ok(());
        }
        let path = self.at.child(step(node, &Instance::Single));
        match written.old {
            None => self.log(Change::Insert {
                path,
                content: Content::Value(written.new),
                order: None,
            }),
            Some(old) if old != written.new => self.log(Change::Set {
                path,
                old,
                new: written.new,
            }),
            Some(_) => {}
        }
        Ok(())
    }

    pub(super) fn leaf_list(
        &mut self,
        place: &mut Place<'_>,
        node: SchemaNode<'_>,
        element: &Element,
        op: EditOperation,
        ordered: &mut Vec<(SchemaId, Instance)>,
    ) -> Result<(), DataError> {
        let value = resolve::value(node, element, &self.at)?;
        let value = canonical_value(node, &value)
            .map_err(|reason| rejection::invalid_value(node, &value, reason.as_deref(), &self.at))?;
        let instance = Instance::Value(value);
        let is_there = place
            .find(node, &instance)
            .is_some_and(|found| !found.is_default());
        if !self.goes_on(node, &instance, element, op, is_there)? {
            return Ok(());
        }
        if op.takes_away() {
            self.remove(place, node, &instance);
            return Ok(());
        }
        let wanted = self.placement(place, node, element, &instance, op, ordered)?;
        if is_there {
            self.shift(place, node, &instance, wanted);
        } else if let Instance::Value(value) = &instance {
            self.clear_other_cases(place, node);
            place.add_value(node, value, &wanted.unwrap_or_default())?;
            self.log_insert(place, node, &instance);
        }
        Ok(())
    }

    pub(super) fn container(
        &mut self,
        place: &mut Place<'_>,
        node: SchemaNode<'s>,
        element: &Element,
        op: EditOperation,
    ) -> Result<Result<(), DataError>, Stopped> {
        let is_structure = node.is_structure_only();
        let is_there = place.first_of(node).is_some_and(|found| found.is_explicit());
        if let Err(error) = resolve::no_text(node, element, &self.at) {
            return Ok(Err(error));
        }
        if !(is_structure && op == EditOperation::None) {
            match self.goes_on(node, &Instance::Single, element, op, is_there) {
                Ok(true) => {}
                Ok(false) => return Ok(Ok(())),
                Err(error) => return Ok(Err(error)),
            }
        }
        if op.takes_away() {
            self.remove(place, node, &Instance::Single);
            return Ok(Ok(()));
        }
        let is_new = !is_there && !is_structure;
        if is_new {
            self.clear_other_cases(place, node);
        }
        let changes_before = self.done.changes.len();
        let was_missing = place.first_of(node).is_none();
        let result = match place.enter_container(node) {
            Err(error) => return Ok(Err(error)),
            Ok(mut inside) => self.inside(&mut inside, node, &Instance::Single, element, op, is_new),
        };
        if is_structure {
            if was_missing {
                place.prune(node);
            }
            if self.done.changes.len() != changes_before {
                drop_empty_cases(place, node);
            }
            // Structure stands in a case as soon as something is in it. What gives way goes before what came.
            if !is_there && place.first_of(node).is_some_and(|found| found.is_explicit()) {
                let came = self.done.changes.split_off(changes_before);
                self.clear_other_cases(place, node);
                self.done.changes.extend(came);
            }
        }
        self.made(place, node, &Instance::Single, is_new, result).map(Ok)
    }

    pub(super) fn entry(
        &mut self,
        place: &mut Place<'_>,
        node: SchemaNode<'s>,
        element: &Element,
        op: EditOperation,
        ordered: &mut Vec<(SchemaId, Instance)>,
    ) -> Result<Result<(), DataError>, Stopped> {
        let prepared = resolve::no_text(node, element, &self.at)
            .and_then(|()| resolve::keys(node, element, &self.at))
            .and_then(|keys| {
                let instance = resolve::named_keys(node, &keys);
                let is_there = place.find(node, &instance).is_some();
                let goes_on = self.goes_on(node, &instance, element, op, is_there)?;
                Ok((keys, instance, is_there, goes_on))
            });
        let (keys, instance, is_there) = match prepared {
            Ok((keys, instance, is_there, true)) => (keys, instance, is_there),
            Ok(_) => return Ok(Ok(())),
            Err(error) => return Ok(Err(error)),
        };
        if op.takes_away() {
            self.remove(place, node, &instance);
            return Ok(Ok(()));
        }
        let wanted = match self.placement(place, node, element, &instance, op, ordered) {
            Ok(wanted) => wanted,
            Err(error) => return Ok(Err(error)),
        };
        if is_there {
            self.shift(place, node, &instance, wanted);
            let Some(mut inside) = place.enter(node, &instance) else {
                return Ok(Ok(()));
            };
            return self
                .inside(&mut inside, node, &instance, element, op, false)
                .map(Ok);
        }
        self.clear_other_cases(place, node);
        let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
        let result = match place.add_entry(node, &keys, &wanted.unwrap_or_default()) {
            Err(error) => return Ok(Err(error)),
            Ok(mut inside) => self.inside(&mut inside, node, &instance, element, op, true),
        };
        self.made(place, node, &instance, true, result).map(Ok)
    }

    pub(super) fn inside(
        &mut self,
        inside: &mut Place<'_>,
        node: SchemaNode<'s>,
        instance: &Instance,
        element: &Element,
        op: EditOperation,
        is_new: bool,
    ) -> Result<(), Stopped> {
        self.building += usize::from(is_new);
        self.at.push(step(node, instance));
        let result = self.children(inside, Some(node), &element.children, op);
        self.at.pop();
        self.building -= usize::from(is_new);
        result
    }

    /// Notes that something was made, or takes it back when it could not be finished.
    pub(super) fn made(
        &mut self,
        place: &mut Place<'_>,
        node: SchemaNode<'_>,
        instance: &Instance,
        is_new: bool,
        result: Result<(), Stopped>,
    ) -> Result<(), Stopped> {
        if is_new {
            match result {
                Ok(()) => self.log_insert(place, node, instance),
                Err(_) => {
                    place.remove(node, instance);
                }
            }
        }
        result
    }

    /// Whether there is something to do; an error where the operation does not fit what is there.
    pub(super) fn goes_on(
        &self,
        node: SchemaNode<'_>,
        instance: &Instance,
        element: &Element,
        op: EditOperation,
        is_there: bool,
    ) -> Result<bool, DataError> {
        match (op, is_there) {
            (EditOperation::Create, true) => Err(self.error_at(
                DataErrorTag::DataExists,
                node,
                instance,
                "is there already and cannot be created",
            )),
            (EditOperation::Delete, false) => Err(self.error_at(
                DataErrorTag::DataMissing,
                node,
                instance,
                "is not there and cannot be deleted",
            )),
            // RFC 6241 7.2 has `none` spare a delete from making its parents. A client that asks for something to be
            // made further down wants the way to it, and device and orchestrators take it so.
            (EditOperation::None, false) if writes_below(element) => Ok(true),
            (EditOperation::None, false) => Err(self.error_at(
                DataErrorTag::DataMissing,
                node,
                instance,
                "is not there, and the default operation none does not make it",
            )),
            (EditOperation::Remove, false) => Ok(false),
            (EditOperation::None, true) => Ok(!node.is_term()),
            _ => Ok(true),
        }
    }

    /// Where a user-ordered entry goes; `None` leaves it where it is, or puts a new one last.
    pub(super) fn placement(
        &self,
        place: &Place<'_>,
        node: SchemaNode<'_>,
        element: &Element,
        instance: &Instance,
        op: EditOperation,
        ordered: &mut Vec<(SchemaId, Instance)>,
    ) -> Result<Option<Placement>, DataError> {
        if !node.is_user_ordered() {
            return Ok(None);
        }
        let mut wanted = placement(node, element, &self.at)?;
        if let Some(Placement::Before(anchor) | Placement::After(anchor)) = &wanted
            && (place.find(node, anchor).is_none() || anchor == instance)
        {
            // RFC 7950 15.7: the entry that insert refers to is not there.
            let problem = "cannot be put there: the entry that it should stand beside is not there";
            return Err(self
                .error_at(DataErrorTag::BadAttribute, node, instance, problem)
                .with_app_tag("missing-instance")
                .with_attribute("insert"));
        }
        // A replaced list has the order of the edit.
        if wanted.is_none() && op == EditOperation::Replace {
            let previous = ordered.iter().rev().find(|(id, _)| *id == node.id());
            wanted = Some(previous.map_or(Placement::First, |(_, previous)| {
                Placement::After(previous.clone())
            }));
        }
        ordered.push((node.id(), instance.clone()));
        Ok(wanted)
    }

    pub(super) fn shift(
        &mut self,
        place: &mut Place<'_>,
        node: SchemaNode<'_>,
        instance: &Instance,
        wanted: Option<Placement>,
    ) {
        let Some(wanted) = wanted else { return };
        let from = place.find(node, instance).and_then(order_of);
        place.shift(node, instance, &wanted);
        let to = place.find(node, instance).and_then(order_of);
        if let (Some(from), Some(to)) = (from, to)
            && from != to
        {
            self.log(Change::Move {
                path: self.at.child(step(node, instance)),
                from,
                to,
            });
        }
    }

    pub(super) fn log_insert(&mut self, place: &Place<'_>, node: SchemaNode<'_>, instance: &Instance) {
        if self.building > 0 {
            return;
        }
        if let Some(made) = place.find(node, instance) {
            let (content, order) = (Content::of(made), order_of(made));
            let path = self.at.child(step(node, instance));
            self.log(Change::Insert { path, content, order });
        }
    }
}
