//! Two trees in one: state and configuration of the same container.

use libyang5_sys as ffi;

use crate::yang::error::{DataError, DataErrorTag};
use crate::yang::schema_node::SchemaId;
use crate::yang::tree::{NodeRef, Tree, fill_canonical_texts};

impl Tree {
    /// Puts in the defaults of configuration that nobody set, as in running. A `when` is not asked.
    pub fn fill_in_defaults(&mut self) {
        // SAFETY: the tree is ours alone while it is changed, and stands in the context of its schema.
        unsafe {
            let options = ffi::LYD_IMPLICIT_NO_STATE;
            ffi::lyd_new_implicit_all(&mut self.root, self.schema().raw(), options, std::ptr::null_mut());
            fill_canonical_texts(self.root);
        }
        self.schema().take_errors();
    }

    /// Puts in the defaults of state below the top-level nodes that are there: what nobody fills has no defaults in use.
    pub fn fill_in_defaults_of_state(&mut self) {
        let mut top = self.root;
        while !top.is_null() {
            // SAFETY: the tree is ours alone while it is changed; nothing is added beside a top-level node.
            unsafe {
                ffi::lyd_new_implicit_tree(top, ffi::LYD_IMPLICIT_NO_CONFIG, std::ptr::null_mut());
                top = (*top).next;
            }
        }
        // SAFETY: as above.
        unsafe { fill_canonical_texts(self.root) };
        self.schema().take_errors();
    }

    /// Takes the configuration of containers in which this tree holds state, so that each is shown once. Gives the
    /// top-level nodes concerned.
    pub fn take_in_configuration(&mut self, configuration: &Tree) -> Result<Vec<SchemaId>, DataError> {
        let mixed: Vec<SchemaId> = self
            .roots()
            .filter(|top| top.schema().is_config())
            .map(|top| top.schema_id())
            .collect();
        for top in configuration
            .roots()
            .filter(|top| mixed.contains(&top.schema_id()))
        {
            self.take_in(top)?;
        }
        Ok(mixed)
    }

    fn take_in(&mut self, top: NodeRef<'_>) -> Result<(), DataError> {
        debug_assert!(std::ptr::eq(top.schema().schema(), self.schema().as_ref()));
        let options = u16::try_from(ffi::LYD_MERGE_WITH_FLAGS).unwrap_or_default();
        // SAFETY: both trees are well-formed and of one context, and a top-level node is merged without its siblings;
        // afterwards every leaf has its canonical text again.
        let result = unsafe {
            let result = ffi::lyd_merge_tree(&mut self.root, top.raw(), options);
            fill_canonical_texts(self.root);
            result
        };
        if result == ffi::LY_ERR::LY_SUCCESS {
            return Ok(());
        }
        let reason = self.schema().take_errors().pop().map(|error| error.message);
        Err(DataError::new(
            DataErrorTag::OperationFailed,
            format!(
                "{} cannot be shown with its state: {}",
                top.name(),
                reason.unwrap_or_default()
            ),
        ))
    }
}
