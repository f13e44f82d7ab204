//! What one user may do: the rules that apply to the user, indexed for many questions.

use std::collections::HashMap;
use std::sync::Arc;

use crate::management::access::judge::Verdict;
use crate::management::access::policy::{AccessOperation, Action, DataPath, Defaults, Policy, Rule, Subject};
use crate::management::access::protection::Protection;
use crate::yang::schema_node::SchemaId;

/// What one user may do under one policy.
#[derive(Debug)]
pub enum Permit {
    /// Everything: a recovery session, or access control is off.
    Everything,
    /// What the rules say.
    Rules(Rules),
}

/// The rules of one user.
#[derive(Debug)]
pub struct Rules {
    pub(super) rules: Vec<Arc<Rule>>,
    pub(super) defaults: Defaults,
    pub(super) protection: Arc<Protection>,
    /// For each list, the rules whose innermost predicate names one whole key of it, by that key: so that a thousand
    /// rules about a thousand entries cost one look each.
    pub(super) by_key: HashMap<SchemaId, HashMap<Vec<String>, Vec<usize>>>,
}

impl Permit {
    /// What follows from a policy for a user; `external` are the groups that the login brings.
    pub fn of(policy: &Policy, protection: &Arc<Protection>, user: &str, external: &[String]) -> Permit {
        if !policy.is_enabled {
            return Permit::Everything;
        }
        let rules = policy.rules_for(user, external);
        let mut by_key: HashMap<SchemaId, HashMap<Vec<String>, Vec<usize>>> = HashMap::new();
        for (index, rule) in rules.iter().enumerate() {
            if let Some((list, key)) = index_key(rule) {
                by_key
                    .entry(list)
                    .or_default()
                    .entry(key)
                    .or_default()
                    .push(index);
            }
        }
        Permit::Rules(Rules {
            rules,
            defaults: policy.defaults,
            protection: Arc::clone(protection),
            by_key,
        })
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

/// Where a rule stands in the index: the list of its innermost predicate, when that names a whole key.
pub(super) fn index_key(rule: &Rule) -> Option<(SchemaId, Vec<String>)> {
    let Subject::Data(DataPath { predicates, .. }) = &rule.subject else {
        return None;
    };
    let innermost = predicates.last()?;
    Some((innermost.list, innermost.whole_key()?))
}
