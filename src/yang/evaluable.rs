//! A tree on which libyang evaluates any XPath expression without coming to grief.
//!
//! libyang 5.4 puts what axes such as `ancestor` and `preceding` select in document order by walking the tree. Where it has
//! to begin again at the root, and the last node at the top has no children, it follows a null pointer (`get_node_pos`). So
//! behind such a node there must be one more with a child: an opaque one, which no test of XPath matches.

use std::ops::Deref;
use std::ptr;

use libyang5_sys as ffi;

use crate::yang::error::{DataError, DataErrorTag};
use crate::yang::tree::Tree;

/// The tree itself, or a copy made for the evaluation.
pub(in crate::yang) enum Evaluable<'t> {
    Itself(&'t Tree),
    Copy(Tree),
}

impl Deref for Evaluable<'_> {
    type Target = Tree;

    fn deref(&self) -> &Tree {
        match self {
            Evaluable::Itself(tree) => tree,
            Evaluable::Copy(tree) => tree,
        }
    }
}

impl<'t> Evaluable<'t> {
    /// The tree, if it can be evaluated on as it is.
    pub(in crate::yang) fn as_it_is(tree: &'t Tree) -> Option<Evaluable<'t>> {
        ends_in_children(tree).then_some(Evaluable::Itself(tree))
    }

    /// All of a small tree.
    pub(in crate::yang) fn whole(tree: &'t Tree) -> Result<Evaluable<'t>, DataError> {
        match Evaluable::as_it_is(tree) {
            Some(tree) => Ok(tree),
            None => Evaluable::copied(tree.duplicate()),
        }
    }

    /// A copy, with what it takes behind its last node. Nothing but evaluation may be done with it, and reading.
    pub(in crate::yang) fn copied(mut copy: Tree) -> Result<Evaluable<'t>, DataError> {
        if !ends_in_children(&copy) {
            close(&mut copy)?;
        }
        Ok(Evaluable::Copy(copy))
    }
}

fn ends_in_children(tree: &Tree) -> bool {
    tree.roots()
        .last()
        .is_none_or(|last| last.children().next().is_some())
}

fn close(copy: &mut Tree) -> Result<(), DataError> {
    let mut end: *mut ffi::lyd_node = ptr::null_mut();
    // SAFETY: the copy is ours alone and not empty; what is made belongs to it from the insertion on. Names are terminated.
    let result = unsafe {
        let context = (*(*(*copy.root).schema).module).ctx;
        let (name, module) = (c"end".as_ptr(), c"ponder:nowhere".as_ptr());
        let mut result = ffi::lyd_new_opaq(
            ptr::null_mut(),
            context,
            name,
            ptr::null(),
            ptr::null(),
            module,
            &mut end,
        );
        if result == ffi::LY_ERR::LY_SUCCESS {
            result = ffi::lyd_new_opaq(
                end,
                context,
                name,
                ptr::null(),
                ptr::null(),
                module,
                ptr::null_mut(),
            );
        }
        if result == ffi::LY_ERR::LY_SUCCESS {
            result = ffi::lyd_insert_sibling(copy.root, end, &mut copy.root);
        }
        if result != ffi::LY_ERR::LY_SUCCESS {
            ffi::lyd_free_tree(end);
        }
        result
    };
    if result == ffi::LY_ERR::LY_SUCCESS {
        return Ok(());
    }
    let reasons: Vec<String> = copy
        .schema()
        .take_errors()
        .into_iter()
        .map(|error| error.message)
        .collect();
    Err(DataError::new(
        DataErrorTag::OperationFailed,
        format!("the data cannot be made ready for XPath: {}", reasons.join("; ")),
    ))
}
