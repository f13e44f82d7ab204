//! Operational state: who fills which subtree, asked only for what a filter can show.

use std::collections::HashSet;
use std::sync::Arc;

use crate::management::error::ManagementError;
use crate::yang::schema::Schema;
use crate::yang::schema_node::SchemaId;
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

    /// Whether [`crate::management::subscription::agreements::Subscriptions::state_changed`] is called when it would fill
    /// them otherwise, so that subscribers can follow them.
    fn tells_changes(&self) -> bool {
        false
    }

    /// Schema paths of leaves that move by themselves, so that nobody is told of their changes.
    fn moving(&self) -> &'static [&'static str] {
        &[]
    }

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
        self.collect_of(schema, selection, |_| true)
    }

    /// The same of those who tell changes.
    pub fn collect_changing(
        &self,
        schema: &Arc<Schema>,
        selection: &Selection,
    ) -> Result<Tree, ManagementError> {
        self.collect_of(schema, selection, |provider| provider.tells_changes())
    }

    /// The top-level nodes with state that a selection reaches, and whether changes of it are told.
    pub fn reached(&self, selection: &Selection) -> Vec<(&'static str, bool)> {
        let tops: Vec<String> = selection
            .tops()
            .map(|top| format!("{}:{}", top.module(), top.name()))
            .collect();
        self.roots(|root| tops.iter().any(|top| top == root))
    }

    /// The leaves that nobody is told of although changes beside them are.
    pub fn moving(&self, schema: &Schema) -> HashSet<SchemaId> {
        let moving = self.providers.iter().flat_map(|provider| provider.moving());
        moving
            .filter_map(|path| schema.find(path).map(|node| node.id()))
            .collect()
    }

    /// The top-level nodes whose state tells changes.
    pub fn changing(&self) -> Vec<&'static str> {
        let told = self.roots(|_| true).into_iter();
        told.filter(|(_, tells_changes)| *tells_changes)
            .map(|(root, _)| root)
            .collect()
    }

    fn roots(&self, which: impl Fn(&str) -> bool) -> Vec<(&'static str, bool)> {
        self.providers
            .iter()
            .flat_map(|provider| {
                let tells_changes = provider.tells_changes();
                provider
                    .roots()
                    .into_iter()
                    .map(move |root| (root, tells_changes))
            })
            .filter(|(root, _)| which(root))
            .collect()
    }

    fn collect_of(
        &self,
        schema: &Arc<Schema>,
        selection: &Selection,
        which: impl Fn(&dyn StateProvider) -> bool,
    ) -> Result<Tree, ManagementError> {
        let mut out = StateBuilder::new(schema, selection);
        for provider in self.providers.iter().filter(|provider| which(provider.as_ref())) {
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
