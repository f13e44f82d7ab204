//! Operational state: who fills which subtree, asked only for what a filter can show.

use std::sync::Arc;

use crate::management::error::ManagementError;
use crate::yang::schema::Schema;
use crate::yang::select::Selection;
use crate::yang::state::StateBuilder;
use crate::yang::tree::Tree;

/// Fills some top-level state nodes.
pub trait StateProvider: Send + Sync {
    /// The top-level nodes that it fills, `module:name`; nobody else fills them.
    fn roots(&self) -> Vec<&'static str>;

    /// Fills them. The builder skips what the request cannot show, so a provider writes all it knows, costly parts
    /// inside closures.
    fn fill(&self, out: &mut StateBuilder<'_>);

    /// Schema paths of the leaves that it can fill, `/module:container/list/leaf`, for the coverage report.
    fn provided(&self) -> &'static [&'static str];
}

/// All providers.
#[derive(Default)]
pub struct OperationalState {
    providers: Vec<Box<dyn StateProvider>>,
}

impl OperationalState {
    /// With these providers.
    pub fn new(providers: Vec<Box<dyn StateProvider>>) -> OperationalState {
        OperationalState { providers }
    }

    /// The state that a selection can show. Fails only when a provider broke its schema, which is a defect of ours.
    pub fn collect(&self, schema: &Arc<Schema>, selection: &Selection) -> Result<Tree, ManagementError> {
        let mut out = StateBuilder::new(schema, selection);
        for provider in &self.providers {
            if provider.roots().iter().any(|root| out.wants(root)) {
                provider.fill(&mut out);
            }
        }
        Ok(out.finish()?)
    }

    /// State leaves of the schema that no provider fills, in schema order.
    pub fn unprovided(&self, schema: &Schema) -> Vec<String> {
        let provided: Vec<&str> = self
            .providers
            .iter()
            .flat_map(|provider| provider.provided().iter().copied())
            .collect();
        let mut missing = Vec::new();
        let mut ahead: Vec<_> = schema.top_nodes().collect();
        ahead.reverse();
        while let Some(node) = ahead.pop() {
            if node.is_term() && !node.is_config() && !node.is_key() {
                let path = node.path();
                if !provided.contains(&path.as_str()) {
                    missing.push(path);
                }
            }
            let mut children: Vec<_> = node.children().collect();
            children.reverse();
            ahead.extend(children);
        }
        missing
    }
}
