//! What one user may do: the rules that apply to the user, and what follows from them for each schema node.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use crate::management::access::index::{Keys, RuleIndex};
use crate::management::access::policy::{AccessOperation, Action, Defaults, Policy, Rule, Subject};
use crate::management::access::protection::Protection;
use crate::yang::schema_node::{DefaultDeny, SchemaId, SchemaNode};

/// What one user may do under one policy.
#[derive(Debug)]
pub enum Permit {
    /// Everything: a recovery session, or access control is off.
    Everything,
    /// What the rules say.
    Rules(Box<Rules>),
}

/// The rules of one user.
#[derive(Debug)]
pub struct Rules {
    rules: Vec<Arc<Rule>>,
    defaults: Defaults,
    protection: Arc<Protection>,
    index: RuleIndex,
    /// What was found out about schema nodes, by whichever request asked first.
    known: RwLock<HashMap<(SchemaId, AccessOperation), Arc<Known>>>,
}

/// What is the same for all instances of a schema node.
#[derive(Debug)]
pub struct Known {
    /// The first rule that is about every instance.
    first: Option<usize>,
    /// Where rules before it stand that are about some instances.
    shapes: Vec<usize>,
    /// What decides where no rule does.
    otherwise: Verdict<'static>,
}

/// What was decided, and by what.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Verdict<'r> {
    /// What.
    pub action: Action,
    /// The rule, `rule-list/rule`, or the default that decides where no rule does.
    pub by: &'r str,
}

impl Permit {
    /// What follows from a policy for a user; `external` are the groups that the login brings.
    pub fn of(policy: &Policy, protection: &Arc<Protection>, user: &str, external: &[String]) -> Permit {
        if !policy.is_enabled {
            return Permit::Everything;
        }
        let rules = policy.rules_for(user, external);
        Permit::Rules(Box::new(Rules {
            index: RuleIndex::of(&rules),
            rules,
            defaults: policy.defaults,
            protection: Arc::clone(protection),
            known: RwLock::default(),
        }))
    }

    /// Whether an operation may be run: RFC 8341 section 3.4.4. `is_closed` where only a rule can open it.
    /// What denies it is the error.
    pub fn may_execute(&self, module: &str, name: &str, is_closed: bool) -> Result<(), &str> {
        match self {
            Permit::Everything => Ok(()),
            Permit::Rules(rules) => permitted(rules.execution(module, name, is_closed)),
        }
    }

    /// Whether a notification may be received: section 3.4.6, without what is inside it.
    pub fn may_receive(&self, module: &str, name: &str) -> Result<(), &str> {
        match self {
            Permit::Everything => Ok(()),
            Permit::Rules(rules) => permitted(rules.reception(module, name)),
        }
    }
}

fn permitted(verdict: Verdict<'_>) -> Result<(), &str> {
    match verdict.action {
        Action::Permit => Ok(()),
        Action::Deny => Err(verdict.by),
    }
}

impl Rules {
    /// What is the same for all instances of a schema node; worked out once.
    pub(super) fn known(&self, operation: AccessOperation, node: SchemaNode<'_>) -> Arc<Known> {
        let place = (node.id(), operation);
        // What is in it is added whole, so a panic elsewhere leaves nothing half done in it.
        let found = self
            .known
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&place)
            .cloned();
        found.unwrap_or_else(|| {
            let known = Arc::new(self.look_up(operation, node));
            let mut all = self.known.write().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(all.entry(place).or_insert(known))
        })
    }

    fn look_up(&self, operation: AccessOperation, node: SchemaNode<'_>) -> Known {
        let chain: Vec<SchemaId> = std::iter::successors(Some(node), SchemaNode::parent)
            .map(|node| node.id())
            .collect();
        let first = self.index.first_for_all(&self.rules, operation, node, &chain);
        let closed = self.protection.at(node.id());
        let (action, by) = match (operation, closed) {
            (_, Some(DefaultDeny::All)) => (Action::Deny, "default-deny-all"),
            (AccessOperation::Read, _) => (self.defaults.read, "read-default"),
            (_, Some(DefaultDeny::Write)) => (Action::Deny, "default-deny-write"),
            (AccessOperation::Exec, None) => (self.defaults.exec, "exec-default"),
            (_, None) => (self.defaults.write, "write-default"),
        };
        Known {
            first,
            shapes: self.index.shapes_for(&chain, first),
            otherwise: Verdict { action, by },
        }
    }

    /// What the first rule about an instance says, or the default; `text` is room to work in.
    pub(super) fn decide(
        &self,
        known: &Known,
        operation: AccessOperation,
        node: SchemaNode<'_>,
        keys: &impl Keys,
        text: &mut String,
    ) -> Verdict<'_> {
        let mut first = known.first;
        for shape in known.shapes.iter().filter_map(|number| self.index.shape(*number)) {
            if !shape.may_precede(first) {
                continue;
            }
            let found = shape.first_for(&self.rules, operation, node, keys, text);
            first = match (first, found) {
                (Some(first), Some(found)) => Some(first.min(found)),
                (first, found) => first.or(found),
            };
        }
        match first.and_then(|place| self.rules.get(place)) {
            Some(rule) => Verdict {
                action: rule.action,
                by: &rule.name,
            },
            None => known.otherwise,
        }
    }

    fn execution(&self, module: &str, name: &str, is_closed: bool) -> Verdict<'_> {
        let decided = self.first(AccessOperation::Exec, module, |subject| match subject {
            Subject::Everything => true,
            Subject::Rpc(wanted) => wanted.matches(name),
            Subject::Notification(_) | Subject::Data(_) | Subject::Nothing => false,
        });
        decided.unwrap_or(match is_closed {
            true => Verdict {
                action: Action::Deny,
                by: "default-deny",
            },
            false => Verdict {
                action: self.defaults.exec,
                by: "exec-default",
            },
        })
    }

    fn reception(&self, module: &str, name: &str) -> Verdict<'_> {
        // Section 3.4.6, step 3: the two that frame a replay are never held back.
        if ["replayComplete", "notificationComplete"].contains(&name) {
            return Verdict {
                action: Action::Permit,
                by: "replay",
            };
        }
        let decided = self.first(AccessOperation::Read, module, |subject| match subject {
            Subject::Everything => true,
            Subject::Notification(wanted) => wanted.matches(name),
            Subject::Rpc(_) | Subject::Data(_) | Subject::Nothing => false,
        });
        decided.unwrap_or(Verdict {
            action: self.defaults.read,
            by: "read-default",
        })
    }

    /// What the first rule says that is about the operation, the module and the subject.
    fn first(
        &self,
        operation: AccessOperation,
        module: &str,
        is_about: impl Fn(&Subject) -> bool,
    ) -> Option<Verdict<'_>> {
        let mut rules = self.rules.iter();
        rules
            .find(|rule| is_about(&rule.subject) && rule.module.matches(module) && rule.covers(operation))
            .map(|rule| Verdict {
                action: rule.action,
                by: &rule.name,
            })
    }
}
