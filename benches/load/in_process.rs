//! The medians that the criterion suite has left behind, as a table.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::figure::{Measured, Unit, amount};

/// Title in the suite, and budget in seconds.
const ROWS: &[(&str, Option<f64>)] = &[
    ("one-leaf edit and commit, memory/100", None),
    ("one-leaf edit and commit, memory/10000", None),
    ("one-leaf edit and commit, memory/100000", None),
    ("one-leaf edit and commit, journal/100", None),
    ("one-leaf edit and commit, journal/10000", None),
    ("one-leaf edit and commit, journal/100000", None),
    ("get by key/100", None),
    ("get by key/10000", None),
    ("get by key/100000", None),
    ("print everything/100", None),
    ("print everything/10000", None),
    ("print everything/100000", None),
    ("full chassis/one-leaf edit and commit", None),
    ("full chassis/get of one slice", None),
    ("full chassis/running to desired state", None),
    ("full chassis/licence recomputation", Some(50e-6)),
    ("decode 1 MB/chunked", None),
    ("decode 1 MB/end of message", None),
];

/// The table as Markdown; `None` when the suite has not run.
pub fn markdown() -> Option<String> {
    let mut medians = BTreeMap::new();
    collect(&criterion_folder(), &mut medians);
    if medians.is_empty() {
        return None;
    }
    let mut table = String::from("| work | budget | median | kept |\n|---|---:|---:|---|\n");
    for (title, budget) in ROWS {
        let measured = medians.get(*title).map(|seconds| Measured::from(*seconds));
        let kept = match (budget, measured) {
            (Some(budget), Some(measured)) if measured.keeps(*budget, Unit::Time) => "yes",
            (Some(_), Some(_)) => "**no**",
            _ => "–",
        };
        let shown = measured.map_or("–".to_owned(), |measured| measured.shown(Unit::Time));
        let budget = budget.map_or("–".to_owned(), |budget| amount(budget, Unit::Time));
        table.push_str(&format!(
            "| {} | {budget} | {shown} | {kept} |\n",
            title.replace('/', ": ")
        ));
    }
    Some(table)
}

fn criterion_folder() -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
    let target = target.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("target"));
    target.join("criterion")
}

/// Medians in seconds by title, of every benchmark below a folder.
fn collect(folder: &Path, medians: &mut BTreeMap<String, f64>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for path in entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.is_dir())
    {
        if path.ends_with("new") {
            let read =
                |name: &str| serde_json::from_str::<Value>(&fs::read_to_string(path.join(name)).ok()?).ok();
            let (Some(benchmark), Some(estimates)) = (read("benchmark.json"), read("estimates.json")) else {
                continue;
            };
            let title = benchmark.pointer("/full_id").and_then(Value::as_str);
            let median = estimates
                .pointer("/median/point_estimate")
                .and_then(Value::as_f64);
            if let (Some(title), Some(nanoseconds)) = (title, median) {
                medians.insert(title.to_owned(), nanoseconds * 1e-9);
            }
        } else {
            collect(&path, medians);
        }
    }
}
