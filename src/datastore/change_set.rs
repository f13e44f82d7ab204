//! Change sets: what an edit or a commit changed, forwards and backwards, free of any tree.

use serde::{Deserialize, Serialize};

use crate::datastore::content::Content;
use crate::yang::path::InstancePath;
use crate::yang::place::Placement;

/// One change of what clients configured.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "change", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Change {
    /// Something appeared, with all below it.
    Insert {
        /// Where.
        path: InstancePath,
        /// What.
        content: Content,
        /// Its place among user-ordered entries: first, or after another.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        order: Option<Placement>,
    },
    /// Something went away, with all below it.
    Remove {
        /// Where.
        path: InstancePath,
        /// What was there.
        content: Content,
        /// Where it stood among user-ordered entries.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        order: Option<Placement>,
    },
    /// A leaf got another value.
    Set {
        /// Which leaf.
        path: InstancePath,
        /// Canonical value before.
        old: String,
        /// Canonical value after.
        new: String,
    },
    /// A user-ordered entry moved.
    Move {
        /// Which entry.
        path: InstancePath,
        /// Where it stood.
        from: Placement,
        /// Where it stands.
        to: Placement,
    },
}

impl Change {
    /// The node that it is about.
    pub fn path(&self) -> &InstancePath {
        match self {
            Change::Insert { path, .. }
            | Change::Remove { path, .. }
            | Change::Set { path, .. }
            | Change::Move { path, .. } => path,
        }
    }

    /// The change that undoes this one.
    pub fn reverse(self) -> Change {
        match self {
            Change::Insert { path, content, order } => Change::Remove { path, content, order },
            Change::Remove { path, content, order } => Change::Insert { path, content, order },
            Change::Set { path, old, new } => Change::Set {
                path,
                old: new,
                new: old,
            },
            Change::Move { path, from, to } => Change::Move {
                path,
                from: to,
                to: from,
            },
        }
    }
}

/// Changes in the order in which they were made, between two generations of running.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChangeSet {
    /// Generation of running that it starts from.
    pub base: u64,
    /// Generation that it led to; none before it is committed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<u64>,
    /// The changes.
    pub changes: Vec<Change>,
}

impl ChangeSet {
    /// Nothing changed yet since a generation.
    pub fn since(base: u64) -> ChangeSet {
        ChangeSet {
            base,
            ..ChangeSet::default()
        }
    }

    /// Whether it changes nothing.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// What undoes it; base and result change places.
    pub fn reverse(&self) -> ChangeSet {
        ChangeSet {
            base: self.result.unwrap_or(self.base),
            result: self.result.map(|_| self.base),
            changes: taking_back(&self.changes),
        }
    }

    /// Whether it changes something at or below a schema path, or takes away or brings something above it that has
    /// such a node inside. `/Cisco-IOS-XR-ifmgr-cfg:interface-configurations/interface-configuration`
    pub fn touches(&self, schema_path: &str) -> bool {
        let wanted: Vec<(&str, &str)> = Names::of(schema_path).collect();
        self.changes.iter().any(|change| {
            let mut rest = wanted.as_slice();
            for step in change.path().steps() {
                match rest.split_first() {
                    // The claim ends above the change.
                    None => return true,
                    Some(((module, name), below)) if step.name == *name && step.module == *module => {
                        rest = below;
                    }
                    Some(_) => return false,
                }
            }
            match change {
                Change::Insert { content, .. } | Change::Remove { content, .. } => content.holds(rest),
                Change::Set { .. } | Change::Move { .. } => rest.is_empty(),
            }
        })
    }

    /// The record of it, one line of JSON.
    pub fn to_record(&self) -> Result<String, RecordError> {
        serde_json::to_string(self).map_err(RecordError)
    }

    /// Reads a record.
    pub fn from_record(text: &str) -> Result<ChangeSet, RecordError> {
        serde_json::from_str(text).map_err(RecordError)
    }
}

/// A record that cannot be written or read.
#[derive(thiserror::Error, Debug)]
#[error("the record of a change set is broken: {0}")]
pub struct RecordError(serde_json::Error);

/// Module and name of each step of a schema path, without copying them.
struct Names<'p> {
    rest: &'p str,
    module: &'p str,
}

impl<'p> Names<'p> {
    fn of(schema_path: &'p str) -> Names<'p> {
        Names {
            rest: schema_path,
            module: "",
        }
    }
}

impl<'p> Iterator for Names<'p> {
    type Item = (&'p str, &'p str);

    fn next(&mut self) -> Option<(&'p str, &'p str)> {
        let path = self.rest.trim_start_matches('/');
        let (step, rest) = path.split_once('/').unwrap_or((path, ""));
        self.rest = rest;
        if step.is_empty() {
            return None;
        }
        let name = match step.split_once(':') {
            Some((module, name)) => {
                self.module = module;
                name
            }
            None => step,
        };
        Some((self.module, name))
    }
}

/// The changes that take these back, when they are made behind them.
pub(crate) fn taking_back<'c>(
    changes: impl IntoIterator<Item = &'c Change, IntoIter: DoubleEndedIterator>,
) -> Vec<Change> {
    let back = changes.into_iter().rev();
    back.cloned().map(Change::reverse).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set() -> ChangeSet {
        ChangeSet {
            base: 3,
            result: Some(4),
            changes: vec![
                Change::Insert {
                    path: InstancePath::parse("/m:a/b[k='1']").unwrap(),
                    content: serde_json::from_str(
                        r#"{"m:c":"5","n:d":{},"m:e[k='x'][l='y']":{"m:f[.='z']":"z"}}"#,
                    )
                    .unwrap(),
                    order: Some(Placement::First),
                },
                Change::Set {
                    path: InstancePath::parse("/m:g").unwrap(),
                    old: "1".to_owned(),
                    new: "2".to_owned(),
                },
            ],
        }
    }

    #[test]
    fn a_record_reads_back_as_it_was() {
        let record = set().to_record().unwrap();
        assert!(
            record.contains(r#""path":"/m:a/b[k='1']","content":{"m:c":"5","n:d":{}"#),
            "{record}"
        );
        assert_eq!(ChangeSet::from_record(&record).unwrap(), set());
        assert!(ChangeSet::from_record("{}").is_err());
    }

    #[test]
    fn the_reverse_of_the_reverse_is_the_same() {
        let reverse = set().reverse();
        assert_eq!((reverse.base, reverse.result), (4, Some(3)));
        assert!(matches!(reverse.changes.last(), Some(Change::Remove { .. })));
        assert_eq!(reverse.reverse(), set());
    }

    #[test]
    fn touching_looks_above_below_and_into_content() {
        let set = set();
        for path in ["/m:a", "/m:a/b", "/m:a/b/c", "/m:a/b/n:d", "/m:a/b/e/f", "/m:g"] {
            assert!(set.touches(path), "{path}");
        }
        for path in ["/m:a/b/d", "/m:a/x", "/m:gg", "/n:a", "/m:g/h"] {
            assert!(!set.touches(path), "{path}");
        }
    }
}
