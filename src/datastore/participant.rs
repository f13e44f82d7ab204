//! Who answers for which part of the configuration, and may refuse a commit.

use crate::datastore::change_set::{Change, ChangeSet};
use crate::yang::error::DataError;
use crate::yang::schema::Schema;
use crate::yang::schema_node::SchemaNode;
use crate::yang::tree::Tree;

/// A part of the house that acts on configuration.
pub trait Participant: Send + Sync {
    /// Its name, for logs and the coverage report.
    fn name(&self) -> &'static str;

    /// Schema paths whose subtrees it answers for, `/module:container/list`.
    fn claims(&self) -> &[&'static str];

    /// Looks at a commit before it is recorded. Only asked when the change set touches a claim. Must not have effects:
    /// the commit may still fail.
    fn check(&self, change_set: &ChangeSet, candidate: &Tree) -> Result<(), Vec<DataError>> {
        let _ = (change_set, candidate);
        Ok(())
    }
}

/// Looks at changes before they count, and may refuse them: what the asker may write. Must not have effects.
pub type WriteGate<'g> = &'g dyn Fn(&[Change]) -> Result<(), Vec<DataError>>;

/// The gate that lets everything through.
pub fn open_gate(_changes: &[Change]) -> Result<(), Vec<DataError>> {
    Ok(())
}

/// For each configuration leaf and presence container of the schema: who answers for it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Coverage {
    /// Path and participant.
    pub claimed: Vec<(String, &'static str)>,
    /// Kept and shown, without effect.
    pub stored_only: Vec<String>,
    /// Nobody said anything about it.
    pub unclaimed: Vec<String>,
}

impl Coverage {
    /// Goes through the schema. `stored_only` names subtrees that are kept without effect.
    pub fn of(schema: &Schema, participants: &[&dyn Participant], stored_only: &[&str]) -> Coverage {
        let mut coverage = Coverage::default();
        for top in schema.top_nodes().filter(SchemaNode::is_config) {
            coverage.visit(top, participants, stored_only);
        }
        coverage
    }

    fn visit(&mut self, node: SchemaNode<'_>, participants: &[&dyn Participant], stored_only: &[&str]) {
        let path = node.path();
        let owner = participants
            .iter()
            .find(|participant| participant.claims().iter().any(|claim| is_within(&path, claim)));
        let is_content = node.is_term() || (!node.is_structure_only() && node.children().next().is_none());
        if is_content {
            match owner {
                Some(owner) => self.claimed.push((path, owner.name())),
                None if stored_only.iter().any(|subtree| is_within(&path, subtree)) => {
                    self.stored_only.push(path)
                }
                None => self.unclaimed.push(path),
            }
            return;
        }
        for child in node
            .children()
            .filter(|child| child.is_config() && !child.is_key())
        {
            self.visit(child, participants, stored_only);
        }
    }
}

fn is_within(path: &str, subtree: &str) -> bool {
    path.strip_prefix(subtree)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yang::modules::ModuleSet;

    struct Slices;

    impl Participant for Slices {
        fn name(&self) -> &'static str {
            "slices"
        }

        fn claims(&self) -> &[&'static str] {
            &["/Cisco-IOS-XR-config-mda-cfg:active-nodes/active-node/Cisco-IOS-XR-osa-cfg:mxponder-slices"]
        }
    }

    #[test]
    fn coverage_tells_claimed_stored_only_and_unclaimed_apart() {
        let schema = Schema::load(ModuleSet::embedded()).unwrap();
        let coverage = Coverage::of(&schema, &[&Slices], &["/Cisco-IOS-XR-shellutil-cfg:host-names"]);
        let slices =
            "/Cisco-IOS-XR-config-mda-cfg:active-nodes/active-node/Cisco-IOS-XR-osa-cfg:mxponder-slices";
        let trunk = format!("{slices}/mxponder-slice/trunk-rates");
        assert!(coverage.claimed.contains(&(trunk, "slices")));
        assert_eq!(
            coverage.stored_only,
            ["/Cisco-IOS-XR-shellutil-cfg:host-names/host-name"]
        );
        assert!(coverage.unclaimed.iter().all(|path| !path.starts_with(slices)));
        assert!(
            coverage
                .unclaimed
                .iter()
                .any(|path| path.contains("Cisco-IOS-XR-ifmgr-cfg"))
        );
        assert!(coverage.unclaimed.iter().all(|path| !path.contains("-oper:")));
    }
}
