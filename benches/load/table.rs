//! The rows of the table: every figure with its budget and, where one was measured, the peer's.

use std::collections::BTreeMap;

use crate::figure::{Measured, Unit, amount};

/// One row.
pub struct Row {
    /// What names it in the code.
    pub id: &'static str,
    /// What was done.
    pub work: &'static str,
    /// What is counted.
    pub unit: Unit,
    /// What the project wants.
    pub budget: Option<f64>,
}

/// The figures of one server by the row's id.
pub type Figures = BTreeMap<&'static str, Measured>;

const fn row(id: &'static str, work: &'static str, unit: Unit, budget: Option<f64>) -> Row {
    Row {
        id,
        work,
        unit,
        budget,
    }
}

/// All rows in their order.
pub const ROWS: &[Row] = &[
    row(
        "start",
        "start of process to first hello, all modules",
        Unit::Time,
        Some(0.3),
    ),
    row(
        "key-100",
        "get-config of one entry by key, 100 stored, p50 / p99",
        Unit::Time,
        Some(0.13e-3),
    ),
    row("key-10000", "the same, 10 000 stored", Unit::Time, Some(0.13e-3)),
    row(
        "key-100000",
        "the same, 100 000 stored",
        Unit::Time,
        Some(0.13e-3),
    ),
    row(
        "rate-8",
        "get-config of one entry by key, 100 stored, 8 sessions",
        Unit::Rate,
        Some(15_000.0),
    ),
    row(
        "commit-100",
        "edit-config + commit of one leaf, 100 stored, p50 / p99",
        Unit::Time,
        Some(0.6e-3),
    ),
    row(
        "commit-10000",
        "the same, 10 000 stored",
        Unit::Time,
        Some(0.6e-3),
    ),
    row(
        "commit-100000",
        "the same, 100 000 stored",
        Unit::Time,
        Some(0.7e-3),
    ),
    row(
        "writers-1",
        "edit-config + commit of one leaf, 100 stored, 1 session",
        Unit::Rate,
        None,
    ),
    row(
        "writers-8",
        "the same, 8 sessions at once, on one candidate",
        Unit::Rate,
        None,
    ),
    row(
        "create-10000",
        "create 10 000 entries in one edit + commit",
        Unit::Time,
        Some(0.25),
    ),
    row(
        "create-100000",
        "create 100 000 entries in one edit + commit",
        Unit::Time,
        Some(3.0),
    ),
    row(
        "all-10000",
        "get-config of all 10 000 entries, p50 / p99",
        Unit::Time,
        Some(15e-3),
    ),
    row(
        "sessions-1",
        "full sessions (SSH, hello, close), one at a time",
        Unit::Rate,
        None,
    ),
    row(
        "sessions-4",
        "full sessions, 4 at a time",
        Unit::Rate,
        Some(800.0),
    ),
    row(
        "idle",
        "memory of an idle session, mean of 100",
        Unit::Memory,
        Some(100e3),
    ),
    row(
        "many-start",
        "start to first hello with further modules",
        Unit::Time,
        Some(1.0),
    ),
    row(
        "many-memory",
        "memory after the first hello, the same",
        Unit::Memory,
        None,
    ),
    row(
        "many-commit",
        "edit-config + commit of one leaf, the same, 100 stored",
        Unit::Time,
        Some(0.6e-3),
    ),
    row(
        "many-all",
        "get of everything, the same, 10 000 stored",
        Unit::Time,
        Some(50e-3),
    ),
];

/// The table as Markdown.
pub fn markdown(ours: &Figures, peer: Option<(&str, &Figures)>) -> String {
    let peer_name = peer.map_or(String::new(), |(name, _)| format!(" {name} |"));
    let peer_rule = if peer.is_some() { "---:|" } else { "" };
    let mut table = format!("| work | budget | ponder | kept |{peer_name}\n|---|---:|---:|---|{peer_rule}\n");
    for row in ROWS {
        let measured = ours.get(row.id);
        let theirs = peer.and_then(|(_, figures)| figures.get(row.id));
        if measured.is_none() && theirs.is_none() {
            continue;
        }
        let shown =
            |figure: Option<&Measured>| figure.map_or("–".to_owned(), |figure| figure.shown(row.unit));
        let budget = row
            .budget
            .map_or("–".to_owned(), |budget| amount(budget, row.unit));
        let kept = match (row.budget, measured) {
            (Some(budget), Some(measured)) if measured.keeps(budget, row.unit) => "yes",
            (Some(_), Some(_)) => "**no**",
            _ => "–",
        };
        let theirs = if peer.is_some() {
            format!(" {} |", shown(theirs))
        } else {
            String::new()
        };
        table.push_str(&format!(
            "| {} | {budget} | {} | {kept} |{theirs}\n",
            row.work,
            shown(measured)
        ));
    }
    table
}
