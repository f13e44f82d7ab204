//! Whether one user may read or write one node (RFC 8341 section 3.4.5), as it is asked during one request.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::sync::Arc;

use crate::management::access::index::Keys;
use crate::management::access::permit::{Known, Permit, Rules, Verdict};
use crate::management::access::policy::{AccessOperation, Action};
use crate::yang::print::Readable;
use crate::yang::schema_node::{SchemaId, SchemaNode};
use crate::yang::tree::NodeRef;

/// Judges the nodes of one request.
pub struct Judge<'p> {
    rules: &'p Rules,
    /// What is the same for all instances of a schema node, as far as this request asked.
    known: RefCell<HashMap<(SchemaId, AccessOperation), Arc<Known>>>,
    /// Room for key values.
    text: RefCell<String>,
    /// How many nodes were not shown.
    hidden: Cell<usize>,
    /// What denied the first of them.
    hidden_by: RefCell<Option<String>>,
}

impl<'p> Judge<'p> {
    /// `None` when everything is permitted.
    pub fn of(permit: &'p Permit) -> Option<Judge<'p>> {
        match permit {
            Permit::Everything => None,
            Permit::Rules(rules) => Some(Judge {
                rules,
                known: RefCell::default(),
                text: RefCell::default(),
                hidden: Cell::default(),
                hidden_by: RefCell::default(),
            }),
        }
    }

    /// How many nodes were not shown, and what denied the first of them.
    pub fn hidden(&self) -> Option<(usize, String)> {
        let by = self.hidden_by.borrow().clone()?;
        Some((self.hidden.get(), by))
    }

    /// Whether something may be done with an instance of a node.
    pub fn decides(&self, operation: AccessOperation, node: SchemaNode<'_>, keys: &impl Keys) -> Verdict<'p> {
        let mut known = self.known.borrow_mut();
        let known = known
            .entry((node.id(), operation))
            .or_insert_with(|| self.rules.known(operation, node));
        self.rules
            .decide(known, operation, node, keys, &mut self.text.borrow_mut())
    }
}

impl Readable for Judge<'_> {
    fn may_read(&self, node: NodeRef<'_>) -> bool {
        let verdict = self.decides(AccessOperation::Read, node.schema(), &node);
        if verdict.action == Action::Permit {
            return true;
        }
        if self.hidden.replace(self.hidden.get() + 1) == 0 {
            *self.hidden_by.borrow_mut() = Some(verdict.by.to_owned());
        }
        false
    }
}

impl Keys for NodeRef<'_> {
    fn each(&self, list: SchemaId, value: &mut dyn FnMut(usize, &str)) -> bool {
        let Some(entry) =
            std::iter::successors(Some(*self), NodeRef::parent).find(|node| node.schema_id() == list)
        else {
            return false;
        };
        match entry.value() {
            Some(only) => value(0, only),
            None => {
                for (place, (_, key)) in entry.keys().enumerate() {
                    value(place, key);
                }
            }
        }
        true
    }
}
