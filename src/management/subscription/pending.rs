//! Changes of the configuration that a subscriber has not been told of yet: one for each node, whatever happened to it.
//!
//! Values are not kept: what is told of a node is what it is when it is told (RFC 8641 section 3.1, dampening).

use std::collections::BTreeMap;

use crate::datastore::change_set::Change;
use crate::management::subscription::terms::ChangeType;
use crate::yang::path::InstancePath;
use crate::yang::place::Placement;

/// Changes by the node that they are about.
#[derive(Debug, Default)]
pub(in crate::management) struct Pending {
    noted: BTreeMap<InstancePath, Noted>,
    turn: u64,
}

/// What happened to one node.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(in crate::management) struct Noted {
    turn: u64,
    /// In the end.
    pub(in crate::management) change: ChangeType,
    /// Where it then stands among entries that clients order.
    pub(in crate::management) order: Option<Placement>,
}

impl Pending {
    /// Notes a change; those below it are part of it.
    pub(in crate::management) fn note(&mut self, change: &Change) {
        let path = change.path();
        let is_inside_a_new_one = (1..path.steps().len()).any(|depth| {
            let above = path.up_to(depth);
            self.noted
                .get(&above)
                .is_some_and(|noted| matches!(noted.change, ChangeType::Create | ChangeType::Insert))
        });
        if is_inside_a_new_one {
            return;
        }
        let (kind, order) = match change {
            Change::Insert { order: None, .. } => (ChangeType::Create, None),
            Change::Insert { order, .. } => (ChangeType::Insert, order.clone()),
            Change::Remove { .. } => (ChangeType::Delete, None),
            Change::Set { .. } => (ChangeType::Replace, None),
            Change::Move { to, .. } => (ChangeType::Move, Some(to.clone())),
        };
        let below: Vec<InstancePath> = self
            .noted
            .range(path.clone()..)
            .map(|(noted, _)| noted)
            .take_while(|noted| noted.is_within(path))
            .filter(|noted| *noted != path)
            .cloned()
            .collect();
        if matches!(change, Change::Insert { .. } | Change::Remove { .. }) {
            for path in below {
                self.noted.remove(&path);
            }
        }
        self.turn += 1;
        let turn = self.turn;
        match self.noted.get_mut(path) {
            // Whoever has not heard of it yet hears that it is new.
            Some(noted)
                if matches!(noted.change, ChangeType::Create | ChangeType::Insert)
                    && matches!(kind, ChangeType::Replace | ChangeType::Move) =>
            {
                noted.order = order.or(noted.order.take());
            }
            _ => {
                self.noted.insert(
                    path.clone(),
                    Noted {
                        turn,
                        change: kind,
                        order,
                    },
                );
            }
        }
    }

    pub(in crate::management) fn is_empty(&self) -> bool {
        self.noted.is_empty()
    }

    pub(in crate::management) fn len(&self) -> usize {
        self.noted.len()
    }

    pub(in crate::management) fn clear(&mut self) {
        self.noted.clear();
    }

    /// All of them, in the order in which they came about.
    pub(in crate::management) fn take(&mut self) -> Vec<(InstancePath, Noted)> {
        let mut taken: Vec<(InstancePath, Noted)> = std::mem::take(&mut self.noted).into_iter().collect();
        taken.sort_by_key(|(_, noted)| noted.turn);
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::datastore::content::Content;

    fn path(text: &str) -> InstancePath {
        InstancePath::parse(text).unwrap()
    }

    fn insert(text: &str) -> Change {
        Change::Insert {
            path: path(text),
            content: Content::Children(Vec::new()),
            order: None,
        }
    }

    fn set(text: &str) -> Change {
        Change::Set {
            path: path(text),
            old: "1".to_owned(),
            new: "2".to_owned(),
        }
    }

    fn told(changes: &[Change]) -> Vec<(String, ChangeType)> {
        let mut pending = Pending::default();
        changes.iter().for_each(|change| pending.note(change));
        pending
            .take()
            .into_iter()
            .map(|(path, noted)| (path.to_string(), noted.change))
            .collect()
    }

    #[test]
    fn a_node_is_told_once_with_what_happened_to_it_last() {
        let one = |text: &str, change| vec![(text.to_owned(), change)];
        let (new, gone) = (insert("/m:a/b[k='1']"), insert("/m:a/b[k='1']").reverse());
        assert_eq!(
            told(&[set("/m:a/c"), set("/m:a/c")]),
            one("/m:a/c", ChangeType::Replace)
        );
        assert_eq!(
            told(&[new.clone(), gone.clone()]),
            one("/m:a/b[k='1']", ChangeType::Delete)
        );
        assert_eq!(
            told(&[gone.clone(), new.clone()]),
            one("/m:a/b[k='1']", ChangeType::Create)
        );
        assert_eq!(
            told(&[new.clone(), set("/m:a/b[k='1']/c")]),
            one("/m:a/b[k='1']", ChangeType::Create),
            "what is inside a new node comes with it"
        );
        assert_eq!(
            told(&[set("/m:a/b[k='1']/c"), set("/m:a/b[k='1']/d"), gone]),
            one("/m:a/b[k='1']", ChangeType::Delete)
        );
    }

    #[test]
    fn the_order_is_that_in_which_they_came_about() {
        let told = told(&[set("/m:z"), set("/m:a"), set("/m:z")]);
        let paths: Vec<&str> = told.iter().map(|(path, _)| path.as_str()).collect();
        assert_eq!(paths, ["/m:a", "/m:z"]);
    }
}
