//! Compiled XPath expressions of a schema: what they read, and whether they hold at a node.

use std::collections::HashSet;
use std::ffi::{CStr, CString};
use std::ptr;

use libyang5_sys as ffi;

use crate::yang::schema::Schema;
use crate::yang::schema_node::{SchemaId, SchemaNode};

/// A compiled XPath expression.
pub(in crate::yang) struct Expression {
    pub(in crate::yang) text: CString,
    pub(in crate::yang) prefixes: *mut ffi::lysc_prefix,
    pub(in crate::yang) module: *const ffi::lys_module,
}

impl Expression {
    /// Whether it is true at a node, null for the root; `None` when it cannot be evaluated.
    ///
    /// # Safety
    /// `root` is the first top-level node of a tree of the schema, which nothing changes meanwhile, `at` null or one
    /// of its nodes.
    pub(in crate::yang) unsafe fn holds(
        &self,
        root: *mut ffi::lyd_node,
        at: *mut ffi::lyd_node,
    ) -> Option<bool> {
        let mut truth = 0;
        // SAFETY: the caller's promise; expression and prefixes belong to the schema.
        let result = unsafe {
            ffi::lyd_eval_xpath4(
                at,
                root,
                self.module,
                self.text.as_ptr(),
                ffi::LY_VALUE_FORMAT::LY_VALUE_SCHEMA_RESOLVED,
                self.prefixes.cast(),
                ptr::null(),
                ptr::null_mut(),
                ptr::null_mut(),
                ptr::null_mut(),
                ptr::null_mut(),
                &mut truth,
            )
        };
        (result == ffi::LY_ERR::LY_SUCCESS).then_some(truth != 0)
    }
}

// SAFETY: points into the context of the schema that owns the rules, read only.
unsafe impl Send for Expression {}
// SAFETY: as above.
unsafe impl Sync for Expression {}

/// # Safety
/// All belong to one schema.
pub(in crate::yang) unsafe fn expression(
    compiled: *const ffi::lyxp_expr,
    prefixes: *mut ffi::lysc_prefix,
    module: *const ffi::lys_module,
) -> Expression {
    Expression {
        // SAFETY: a compiled expression has its text.
        text: unsafe { CStr::from_ptr(ffi::lyxp_get_expr(compiled)) }.to_owned(),
        prefixes,
        module,
    }
}

/// The configuration nodes that an expression reads; `None` when it may read more than libyang can tell.
///
/// # Safety
/// All belong to `schema`; `context` may be null for the root.
pub(in crate::yang) unsafe fn atoms<'s>(
    schema: &'s Schema,
    context: *const ffi::lysc_node,
    module: *const ffi::lys_module,
    compiled: *const ffi::lyxp_expr,
    prefixes: *const ffi::lysc_prefix,
) -> Option<Vec<SchemaNode<'s>>> {
    // SAFETY: the caller's promise; the set is ours and freed here.
    unsafe {
        let text = CStr::from_ptr(ffi::lyxp_get_expr(compiled)).to_bytes();
        // What deref() passes on its way is not among the atoms.
        let may_read_more = text.windows(5).any(|word| word == b"deref");
        let mut set = ptr::null_mut();
        let result = ffi::lys_find_expr_atoms(context, module, compiled, prefixes, 0, &mut set);
        if result != ffi::LY_ERR::LY_SUCCESS || set.is_null() {
            schema.take_errors();
            return None;
        }
        let found: HashSet<SchemaId> = (0..(*set).count as usize)
            .filter_map(|index| {
                let node = (*(*set).__bindgen_anon_1.snodes.add(index)).cast_const();
                SchemaNode::from_raw(schema, node).map(|node| node.id())
            })
            .collect();
        ffi::ly_set_free(set, None);
        let found = found.into_iter().filter_map(|id| schema.node(id)).collect();
        if may_read_more { None } else { Some(found) }
    }
}
