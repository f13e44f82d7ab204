//! Validating a whole tree with libyang, which sees nothing that it would fail at.

use std::ffi::CStr;
use std::ptr;
use std::sync::Arc;

use libyang5_sys as ffi;

use crate::yang::path::InstancePath;
use crate::yang::schema::LibraryError;
use crate::yang::tree::{self, NodeRef, Siblings, Tree};

/// How often a tree may change under validation before it counts as one that never comes to rest.
const ROUNDS: usize = 16;

impl Tree {
    /// Checks everything that YANG says about configuration, and fills in defaults. Gives what is wrong, and the paths
    /// of nodes that went because their `when` no longer holds (RFC 7950 section 8.3.2). What comes out is at rest:
    /// validating it again changes nothing.
    pub(in crate::yang) fn run_validation(&mut self) -> (Vec<LibraryError>, Vec<InstancePath>) {
        const ALL: u32 = ffi::LYD_VALIDATE_NO_STATE | ffi::LYD_VALIDATE_MULTI_ERROR;
        /// Without the rules that judge a finished tree, and stopping at the first error.
        const NOT_FINAL: u32 = ffi::LYD_VALIDATE_NO_STATE | ffi::LYD_VALIDATE_NOT_FINAL;
        let schema = Arc::clone(self.schema());
        if schema.rules().whens.is_empty() {
            let checked = self.run_library(ALL);
            return (checked.errors, checked.removed);
        }
        let mut removed = Vec::new();
        let mut is_final = false;
        for _ in 0..ROUNDS {
            let resolved = self.resolve_whens();
            removed.extend(resolved.removed);
            if !resolved.errors.is_empty() {
                return (resolved.errors, removed);
            }
            if resolved.is_changed {
                // What came or went may decide on more.
                is_final = false;
                continue;
            }
            if is_final {
                return (Vec::new(), removed);
            }
            // An expression that cannot be evaluated must end the run before what is around it goes.
            let steps: &[u32] = if resolved.is_nested {
                &[NOT_FINAL, ALL]
            } else {
                &[ALL]
            };
            for options in steps {
                let checked = self.run_library(*options);
                removed.extend(checked.removed);
                if !checked.errors.is_empty() {
                    return (checked.errors, removed);
                }
                is_final = *options == ALL;
                if checked.is_changed {
                    break;
                }
                if is_final {
                    return (Vec::new(), removed);
                }
            }
        }
        let message =
            "the when conditions decide on each other in a circle, so that no configuration satisfies them";
        (vec![LibraryError::new(message)], removed)
    }

    fn run_library(&mut self, options: u32) -> Checked {
        let schema = Arc::clone(self.schema());
        let mut difference = ptr::null_mut();
        // SAFETY: the tree is ours alone and belongs to this context; the difference is a new tree of our own.
        unsafe {
            let result = ffi::lyd_validate_all(&mut self.root, schema.raw(), options, &mut difference);
            tree::fill_canonical_texts(self.root);
            tree::fill_canonical_texts(difference);
            let mut removed = Vec::new();
            for node in Siblings::new(&schema, difference) {
                collect_removed(node, &mut removed);
            }
            let is_changed = !difference.is_null();
            ffi::lyd_free_all(difference);
            let mut errors = reasons(result, schema.take_errors());
            if options & ffi::LYD_VALIDATE_NOT_FINAL == 0 {
                errors.extend(schema.withheld().broken_uniques(&schema, self.root));
            }
            Checked {
                errors,
                removed,
                is_changed,
            }
        }
    }

    /// Checks the input of an operation, whose node is the root, and fills in defaults.
    pub(in crate::yang) fn run_operation_validation(&mut self) -> Vec<LibraryError> {
        self.run_validation_of(ffi::lyd_type::LYD_TYPE_RPC_YANG)
    }

    /// The same for a notification.
    pub(in crate::yang) fn run_notification_validation(&mut self) -> Vec<LibraryError> {
        self.run_validation_of(ffi::lyd_type::LYD_TYPE_NOTIF_YANG)
    }

    fn run_validation_of(&mut self, kind: ffi::lyd_type::Type) -> Vec<LibraryError> {
        let schema = Arc::clone(self.schema());
        if self.root.is_null() {
            return Vec::new();
        }
        // SAFETY: the tree is ours alone; its root is an operation or a notification, as `kind` says.
        unsafe {
            let result = ffi::lyd_validate_op(self.root, ptr::null(), kind, ptr::null_mut());
            tree::fill_canonical_texts(self.root);
            let mut errors = reasons(result, schema.take_errors());
            errors.extend(schema.withheld().broken_uniques(&schema, self.root));
            errors
        }
    }
}

/// What libyang's validation came to.
struct Checked {
    errors: Vec<LibraryError>,
    removed: Vec<InstancePath>,
    /// Whether anything came or went.
    is_changed: bool,
}

/// Finds explicit nodes that a validation difference marks as deleted.
fn collect_removed(node: NodeRef<'_>, removed: &mut Vec<InstancePath>) {
    // SAFETY: the node is alive; metadata found has a canonical value, filled on demand in a tree of our own.
    let is_deleted = unsafe {
        let meta = ffi::lyd_find_meta((*node.raw()).meta, ptr::null(), c"yang:operation".as_ptr());
        !meta.is_null() && {
            let value = ffi::lyd_value_get_canonical(node.schema().schema().raw(), &(*meta).value);
            !value.is_null() && CStr::from_ptr(value) == c"delete"
        }
    };
    if !is_deleted {
        for child in node.children() {
            collect_removed(child, removed);
        }
    } else if node.is_explicit() {
        removed.push(node.instance_path());
    }
}

/// What was recorded, when the result is no success.
fn reasons(result: ffi::LY_ERR::Type, mut errors: Vec<LibraryError>) -> Vec<LibraryError> {
    if result == ffi::LY_ERR::LY_SUCCESS {
        errors.clear();
    } else if errors.is_empty() {
        errors.push(LibraryError::new(
            "validation failed and libyang does not say why",
        ));
    }
    errors
}
