//! Evaluating XPath on data, and one tree out of two for it.

use std::ffi::CString;
use std::ptr;

use libyang5_sys as ffi;

use crate::yang::error::{DataError, DataErrorTag};
use crate::yang::print::{Marks, Readable, Rendering, WithDefaults};
use crate::yang::schema::Schema;
use crate::yang::select::{Selection, View};
use crate::yang::tree::{NodeRef, Tree, fill_canonical_texts};
use crate::yang::xpath_filter::XPathFilter;

/// What is wrong with an expression that is no location of nodes.
pub(in crate::yang) const NO_NODE_SET: &str = "it selects no nodes, but gives a number, a text or a truth";

/// How many nodes a tree has.
pub(in crate::yang) fn size(tree: &Tree) -> u64 {
    fn count(node: NodeRef<'_>) -> u64 {
        1 + node.children().map(count).sum::<u64>()
    }
    tree.roots().map(count).sum()
}

/// The nodes that an expression selects, in whatever order; its prefixes are names of modules.
pub(in crate::yang) fn nodes<'t>(tree: &'t Tree, expression: &str) -> Result<Vec<NodeRef<'t>>, String> {
    let schema: &'t Schema = tree.schema();
    let mut set: *mut ffi::ly_set = ptr::null_mut();
    let evaluated = evaluated(tree, expression, &mut set, ptr::null_mut());
    // SAFETY: the set is null or holds as many nodes of the tree as it says, and is ours to free.
    unsafe {
        let count = set.as_ref().map_or(0, |set| set.count as usize);
        let found = (0..count)
            .filter_map(|index| {
                let node = *(*set).__bindgen_anon_1.dnodes.add(index);
                NodeRef::from_raw(schema, node)
            })
            .collect();
        ffi::ly_set_free(set, None);
        evaluated.map(|()| found)
    }
}

/// Whether an expression is true, whatever kind of value it gives; its prefixes are names of modules.
pub(in crate::yang) fn truth(tree: &Tree, expression: &str) -> Result<bool, String> {
    let mut truth: ffi::ly_bool = 0;
    evaluated(tree, expression, ptr::null_mut(), &mut truth)?;
    Ok(truth != 0)
}

/// Evaluates an expression into one of the two, the other one being null.
fn evaluated(
    tree: &Tree,
    expression: &str,
    set: *mut *mut ffi::ly_set,
    truth: *mut ffi::ly_bool,
) -> Result<(), String> {
    let expression = CString::new(expression).map_err(|_| "it holds a null character".to_owned())?;
    // SAFETY: the tree is only read: canonical texts are there (see `Tree`), and no `when` is evaluated. The expression is
    // terminated; libyang makes the set, or writes the truth.
    let result = unsafe {
        ffi::lyd_eval_xpath4(
            ptr::null(),
            tree.root,
            ptr::null(),
            expression.as_ptr(),
            ffi::LY_VALUE_FORMAT::LY_VALUE_JSON,
            ptr::null_mut(),
            ptr::null(),
            ptr::null_mut(),
            set,
            ptr::null_mut(),
            ptr::null_mut(),
            truth,
        )
    };
    let errors = tree.schema().take_errors();
    match result {
        ffi::LY_ERR::LY_SUCCESS => Ok(()),
        ffi::LY_ERR::LY_EINVAL if !set.is_null() => Err(NO_NODE_SET.to_owned()),
        _ => {
            let reasons: Vec<String> = errors.into_iter().map(|error| error.message).collect();
            Err(reasons.join("; "))
        }
    }
}

/// One tree of what a selection takes of `first` and all of `second`. Where both have a node, it is one.
pub fn united(first: &Tree, selection: &Selection, second: Tree) -> Result<Tree, DataError> {
    let mut tree = taken(first, selection, None);
    let mut second = second;
    if second.is_empty() {
        return Ok(tree);
    }
    // SAFETY: both trees are ours alone and of one schema; libyang takes the second apart.
    let result = unsafe {
        let result = ffi::lyd_merge_siblings(
            &mut tree.root,
            second.root,
            u16::try_from(ffi::LYD_MERGE_DESTRUCT | ffi::LYD_MERGE_WITH_FLAGS).unwrap_or_default(),
        );
        if result == ffi::LY_ERR::LY_SUCCESS {
            second.root = ptr::null_mut();
            fill_canonical_texts(tree.root);
        }
        result
    };
    let errors = tree.schema().take_errors();
    if result == ffi::LY_ERR::LY_SUCCESS {
        return Ok(tree);
    }
    // Whoever took it apart half way has freed part of it: what is left is not touched any more.
    second.root = ptr::null_mut();
    let reasons: Vec<String> = errors.into_iter().map(|error| error.message).collect();
    Err(DataError::new(
        DataErrorTag::OperationFailed,
        format!(
            "configuration and state could not be put together: {}",
            reasons.join("; ")
        ),
    ))
}

/// A filter, to take a part of a tree with.
#[derive(Clone, Copy, Debug)]
pub enum Selector<'f> {
    /// A subtree filter, or none.
    Selection(&'f Selection),
    /// An XPath filter.
    XPath(&'f XPathFilter),
}

/// A copy of what a filter selects, with or without state.
pub fn selected(
    tree: &Tree,
    selector: Selector<'_>,
    without_state: bool,
    readable: Option<&dyn Readable>,
) -> Result<Tree, DataError> {
    let rendering = Rendering {
        config: without_state.then_some(true),
        defaults: WithDefaults::Explicit,
        ..Rendering::default()
    };
    let sieve = Sieve {
        rendering: &rendering,
        readable,
    };
    let mut copy = Tree::empty(tree.schema());
    match selector {
        Selector::Selection(selection) => {
            let view = selection.view();
            for root in tree.roots() {
                take(&mut copy, root, &view, ptr::null_mut(), &sieve);
            }
        }
        Selector::XPath(filter) if filter.is_everything() => {
            for root in tree.roots() {
                take(&mut copy, root, &View::All, ptr::null_mut(), &sieve);
            }
        }
        Selector::XPath(filter) => {
            let tree = filter.evaluable(tree, readable)?;
            let marks = Marks::of(&filter.nodes(&tree)?);
            for root in tree.roots() {
                take_marked(&mut copy, root, &marks, ptr::null_mut(), &sieve);
            }
        }
    }
    // SAFETY: the copy is ours alone.
    unsafe { fill_canonical_texts(copy.root) };
    Ok(copy)
}

fn take_marked(
    copy: &mut Tree,
    node: NodeRef<'_>,
    marks: &Marks,
    parent: *mut ffi::lyd_node,
    sieve: &Sieve<'_>,
) {
    if marks.is_selected(node) {
        return take(copy, node, &View::All, parent, sieve);
    }
    if !marks.leads_on(node) || !sieve.shows(node) {
        return;
    }
    let Some(made) = duplicate(copy, node, parent, false) else {
        return;
    };
    for child in node.children().filter(|child| !child.schema().is_key()) {
        take_marked(copy, child, marks, made, sieve);
    }
}

/// What is left out whatever a filter selects.
struct Sieve<'s> {
    rendering: &'s Rendering,
    readable: Option<&'s dyn Readable>,
}

impl Sieve<'_> {
    fn shows(&self, node: NodeRef<'_>) -> bool {
        self.rendering.shows(node) && self.may_read(node)
    }

    fn may_read(&self, node: NodeRef<'_>) -> bool {
        self.readable
            .is_none_or(|readable| node.schema().is_key() || readable.may_read(node))
    }

    /// Whether what is below a node is taken as it is.
    fn takes_all(&self) -> bool {
        self.readable.is_none() && !self.rendering.sieves()
    }
}

/// A copy of what a selection takes, as far as it may be read.
pub fn taken(tree: &Tree, selection: &Selection, readable: Option<&dyn Readable>) -> Tree {
    let rendering = Rendering::default();
    let sieve = Sieve {
        rendering: &rendering,
        readable,
    };
    let mut copy = Tree::empty(tree.schema());
    let view = selection.view();
    for root in tree.roots() {
        take(&mut copy, root, &view, ptr::null_mut(), &sieve);
    }
    // SAFETY: the copy is ours alone.
    unsafe { fill_canonical_texts(copy.root) };
    copy
}

fn take(copy: &mut Tree, node: NodeRef<'_>, view: &View<'_>, parent: *mut ffi::lyd_node, sieve: &Sieve<'_>) {
    if !view.wants(node.schema()) || !sieve.shows(node) {
        return;
    }
    if node.schema().is_term() {
        if view.has_leaf(node) || !sieve.rendering.sieves() {
            duplicate(copy, node, parent, false);
        }
        return;
    }
    let Some(inside) = view.inside(node, |leaf| sieve.may_read(leaf)) else {
        return;
    };
    if matches!(inside, View::All) && sieve.takes_all() {
        duplicate(copy, node, parent, true);
        return;
    }
    let Some(made) = duplicate(copy, node, parent, false) else {
        return;
    };
    for child in inside.children(node) {
        if !child.schema().is_key() {
            take(copy, child, &inside, made, sieve);
        }
    }
}

/// Copies a node, a list entry with its keys, and hangs it in.
fn duplicate(
    copy: &mut Tree,
    node: NodeRef<'_>,
    parent: *mut ffi::lyd_node,
    with_all_below: bool,
) -> Option<*mut ffi::lyd_node> {
    let mut options = ffi::LYD_DUP_WITH_FLAGS | ffi::LYD_DUP_NO_META;
    if with_all_below {
        options |= ffi::LYD_DUP_RECURSIVE;
    }
    let mut made = ptr::null_mut();
    // SAFETY: the node is only read; the parent is null or of the copy, which is ours alone.
    unsafe {
        let result = ffi::lyd_dup_single(node.raw(), parent.cast(), options, &mut made);
        if result != ffi::LY_ERR::LY_SUCCESS || made.is_null() {
            return None;
        }
        if parent.is_null() {
            let mut first = ptr::null_mut();
            ffi::lyd_insert_sibling(copy.root, made, &mut first);
            copy.root = first;
        }
    }
    Some(made)
}
