//! What differs between two datastores, as the edits that lead from one to the other (RFC 9144).

use std::fmt::Write;

use crate::datastore::change_set::Change;
use crate::datastore::difference::difference;
use crate::management::access::judge::Judge;
use crate::management::front_desk::{Answer, Desk, one};
use crate::management::request::{Comparison, NmdaDatastore, Reply};
use crate::management::yang_patch::write_operation;
use crate::yang::evaluate::selected;
use crate::yang::path::InstancePath;
use crate::yang::print::{Readable, Rendering, WithDefaults, escape_text, print_node};
use crate::yang::tree::Tree;

const NAMESPACE: &str = "urn:ietf:params:xml:ns:yang:ietf-nmda-compare";

impl Desk {
    /// `<compare>`.
    pub(in crate::management) fn compare(&self, session_id: u32, comparison: Comparison) -> Answer {
        let wanted = self.wanted(comparison.filter)?;
        let is_mixed = (comparison.source == NmdaDatastore::Operational)
            != (comparison.target == NmdaDatastore::Operational);
        // RFC 9144 section 4: what only one of the two can hold is left out unless all is asked for.
        let without_state = is_mixed && !comparison.all;
        let permit = self.permit(session_id);
        let judge = Judge::of(&permit);
        let readable = judge.as_ref().map(|judge| judge as &dyn Readable);
        let content = |datastore| {
            let tree = self.nmda_content(datastore, &wanted, WithDefaults::Explicit)?;
            selected(&tree, wanted.selector(), without_state, readable).map_err(|error| one(error.into()))
        };
        let (source, target) = (content(comparison.source)?, content(comparison.target)?);
        self.note_hidden(session_id, judge.as_ref());
        let is_nothing = |tree: &Tree| !tree.roots().any(|root| root.is_explicit());
        if is_nothing(&source) && is_nothing(&target) {
            let output = format!("<no-matches xmlns=\"{NAMESPACE}\"/>");
            return Ok(Reply::Output(output));
        }
        let mut output = format!("<differences xmlns=\"{NAMESPACE}\">");
        let changes = difference(&source, &target, &[InstancePath::root()]);
        if !changes.is_empty() {
            let _ = write!(
                output,
                "<yang-patch><patch-id>{}</patch-id><comment>from {} to {}</comment>",
                escape_text(&format!("{}-{}", comparison.source, comparison.target)),
                comparison.source,
                comparison.target
            );
            let of_source = Rendering {
                with_origin: comparison.report_origin && comparison.source == NmdaDatastore::Operational,
                ..Rendering::default()
            };
            for (index, change) in changes.iter().enumerate() {
                let _ = write!(output, "<edit><edit-id>{}</edit-id>", index + 1);
                edit(&mut output, change, (&source, &of_source), &target);
                output.push_str("</edit>");
            }
            output.push_str("</yang-patch>");
        }
        output.push_str("</differences>");
        Ok(Reply::Output(output))
    }
}

/// One edit of the patch (RFC 8072 section 2.5, RFC 9144 section 5).
fn edit(output: &mut String, change: &Change, (source, of_source): (&Tree, &Rendering), target: &Tree) {
    let path = change.path();
    let (operation, order) = match change {
        Change::Insert { order: None, .. } => ("create", None),
        Change::Insert { order, .. } => ("insert", order.as_ref()),
        Change::Remove { .. } => ("delete", None),
        Change::Set { .. } => ("replace", None),
        Change::Move { to, .. } => ("move", Some(to)),
    };
    write_operation(output, operation, path, order);
    let shown =
        |tree: &Tree, rendering: &Rendering| tree.locate(path).map(|node| print_node(node, rendering));
    if !matches!(change, Change::Remove { .. } | Change::Move { .. })
        && let Some(value) = shown(target, &Rendering::default())
    {
        let _ = write!(output, "<value>{value}</value>");
    }
    if matches!(change, Change::Remove { .. } | Change::Set { .. })
        && let Some(value) = shown(source, of_source)
    {
        let _ = write!(output, "<source-value>{value}</source-value>");
    }
}
