//! Whether one user may read or write one node (RFC 8341 section 3.4.5), remembered for the nodes of one request.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;

use crate::management::access::permit::{Permit, Rules, index_key};
use crate::management::access::policy::{AccessOperation, Action, Rule, Subject};
use crate::yang::print::Readable;
use crate::yang::schema_node::{DefaultDeny, SchemaId, SchemaNode};
use crate::yang::tree::NodeRef;

/// Judges the nodes of one request.
pub struct Judge<'p> {
    rules: &'p Rules,
    /// What is the same for all instances of a schema node.
    known: RefCell<HashMap<(SchemaId, AccessOperation), Rc<Known>>>,
    /// How many nodes were not shown.
    hidden: Cell<usize>,
    /// What denied the first of them.
    hidden_by: RefCell<Option<String>>,
}

/// What the schema alone tells about a node.
struct Known {
    /// The first rule that is about every instance.
    first: Option<usize>,
    /// Rules before it that are about some instances and are not in the index.
    conditional: Vec<usize>,
    /// Lists at or above the node for which the index has rules.
    indexed: Vec<SchemaId>,
    /// The node and what is above it.
    chain: Vec<SchemaId>,
    /// What decides where no rule does.
    otherwise: Verdict<'static>,
}

/// What was decided about a node, and by what.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Verdict<'r> {
    /// What.
    pub action: Action,
    /// The rule, `rule-list/rule`, or the default that decides where no rule does.
    pub by: &'r str,
}

/// The key values of the entry of a list that a node stands in, or of the node itself; the value of a leaf-list entry.
pub trait Keys {
    /// In the order of the schema.
    fn of(&self, list: SchemaId) -> Option<Vec<String>>;
}

impl<'p> Judge<'p> {
    /// `None` when everything is permitted.
    pub fn of(permit: &'p Permit) -> Option<Judge<'p>> {
        match permit {
            Permit::Everything => None,
            Permit::Rules(rules) => Some(Judge {
                rules,
                known: RefCell::default(),
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
    pub fn decides(&self, operation: AccessOperation, node: SchemaNode<'_>, keys: &impl Keys) -> Verdict<'_> {
        let known = self.known(operation, node);
        let mut best = known.first.unwrap_or(usize::MAX);
        for list in &known.indexed {
            let candidates = keys
                .of(*list)
                .and_then(|key| self.rules.by_key.get(list)?.get(&key));
            for index in candidates.into_iter().flatten() {
                best = self.better(*index, best, operation, node, &known, keys);
            }
        }
        for index in &known.conditional {
            best = self.better(*index, best, operation, node, &known, keys);
        }
        match self.rules.rules.get(best) {
            Some(rule) => Verdict {
                action: rule.action,
                by: &rule.name,
            },
            None => known.otherwise,
        }
    }

    /// The index when its rule comes before the best so far and is about this instance.
    fn better(
        &self,
        index: usize,
        best: usize,
        operation: AccessOperation,
        node: SchemaNode<'_>,
        known: &Known,
        keys: &impl Keys,
    ) -> usize {
        let fits = |rule: &Rule| {
            rule.covers(operation)
                && rule.module.matches(node.module())
                && match &rule.subject {
                    Subject::Data(path) => {
                        known.chain.contains(&path.end)
                            && path.predicates.iter().all(|predicate| {
                                keys.of(predicate.list).is_some_and(|key| predicate.holds(&key))
                            })
                    }
                    _ => false,
                }
        };
        if index < best && self.rules.rules.get(index).is_some_and(|rule| fits(rule)) {
            index
        } else {
            best
        }
    }

    fn known(&self, operation: AccessOperation, node: SchemaNode<'_>) -> Rc<Known> {
        let place = (node.id(), operation);
        if let Some(known) = self.known.borrow().get(&place) {
            return Rc::clone(known);
        }
        let known = Rc::new(self.look_up(operation, node));
        self.known.borrow_mut().insert(place, Rc::clone(&known));
        known
    }

    fn look_up(&self, operation: AccessOperation, node: SchemaNode<'_>) -> Known {
        let chain: Vec<SchemaId> = std::iter::successors(Some(node), SchemaNode::parent)
            .map(|node| node.id())
            .collect();
        let mut conditional = Vec::new();
        let mut first = None;
        for (index, rule) in self.rules.rules.iter().enumerate() {
            if !rule.covers(operation) || !rule.module.matches(node.module()) {
                continue;
            }
            match &rule.subject {
                Subject::Everything => first = Some(index),
                Subject::Data(path) if !chain.contains(&path.end) => {}
                Subject::Data(path) if path.predicates.is_empty() => first = Some(index),
                Subject::Data(_) if index_key(rule).is_some() => {}
                Subject::Data(_) => conditional.push(index),
                Subject::Rpc(_) | Subject::Notification(_) | Subject::Nothing => {}
            }
            if first.is_some() {
                break;
            }
        }
        let defaults = self.rules.defaults;
        let closed = self.rules.protection.at(node.id());
        let (action, by) = match (operation, closed) {
            (_, Some(DefaultDeny::All)) => (Action::Deny, "default-deny-all"),
            (AccessOperation::Read, _) => (defaults.read, "read-default"),
            (_, Some(DefaultDeny::Write)) => (Action::Deny, "default-deny-write"),
            (AccessOperation::Exec, None) => (defaults.exec, "exec-default"),
            (_, None) => (defaults.write, "write-default"),
        };
        let otherwise = Verdict { action, by };
        Known {
            first,
            conditional,
            indexed: chain
                .iter()
                .copied()
                .filter(|list| self.rules.by_key.contains_key(list))
                .collect(),
            chain,
            otherwise,
        }
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
    fn of(&self, list: SchemaId) -> Option<Vec<String>> {
        let entry =
            std::iter::successors(Some(*self), NodeRef::parent).find(|node| node.schema_id() == list)?;
        Some(match entry.value() {
            Some(value) => vec![value.to_owned()],
            None => entry.keys().map(|(_, value)| value.to_owned()).collect(),
        })
    }
}
