//! Which nodes are closed unless a rule opens them: `default-deny-write` and `default-deny-all` in the schema.

use std::collections::HashMap;

use crate::yang::schema::Schema;
use crate::yang::schema_node::{DefaultDeny, SchemaId, SchemaNode};

/// The closed nodes of a schema, those below them included. Worked out once.
#[derive(Debug, Default)]
pub struct Protection {
    closed: HashMap<SchemaId, DefaultDeny>,
}

impl Protection {
    /// Goes through the schema.
    pub fn of(schema: &Schema) -> Protection {
        let mut protection = Protection::default();
        for top in schema.top_nodes() {
            protection.visit(top, None);
        }
        protection
    }

    fn visit(&mut self, node: SchemaNode<'_>, above: Option<DefaultDeny>) {
        let here = match (above, node.default_deny()) {
            (Some(DefaultDeny::All), _) => above,
            (_, Some(own)) => Some(own),
            (above, None) => above,
        };
        if let Some(deny) = here {
            self.closed.insert(node.id(), deny);
        }
        for child in node.children() {
            self.visit(child, here);
        }
    }

    /// What is closed at a node unless a rule opens it.
    pub fn at(&self, node: SchemaId) -> Option<DefaultDeny> {
        self.closed.get(&node).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yang::modules::ModuleSet;

    #[test]
    fn what_a_module_marks_is_closed_with_all_below_it() {
        let schema = Schema::load(ModuleSet::embedded()).unwrap();
        let protection = Protection::of(&schema);
        let at = |path: &str| protection.at(schema.find(path).unwrap().id());
        assert_eq!(at("/ietf-netconf-acm:nacm"), Some(DefaultDeny::All));
        assert_eq!(
            at("/ietf-netconf-acm:nacm/rule-list/rule/path"),
            Some(DefaultDeny::All)
        );
        assert_eq!(at("/ietf-netconf-monitoring:netconf-state"), None);
    }
}
