//! What the device runs: one generation, whole, that anybody may read for as long as they like.

use std::sync::Arc;

use crate::yang::print::{WithDefaults, print};
use crate::yang::select::Selection;
use crate::yang::tree::Tree;

/// One generation of running. It never changes; a commit makes another.
#[derive(Debug)]
pub struct Running {
    /// Counts commits.
    pub generation: u64,
    /// The configuration, valid, defaults filled in.
    pub tree: Arc<Tree>,
}

/// A configuration as it is kept on disk: what clients configured, as XML.
pub fn kept_form(tree: &Tree) -> String {
    print(
        tree,
        &Selection::everything(tree.schema()),
        WithDefaults::Explicit,
    )
}
