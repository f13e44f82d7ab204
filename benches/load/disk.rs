//! What it costs to bring a small record to the disk; no durable commit is faster.

use std::fs::File;
use std::io::Write;
use std::path::Path;

use crate::clock::now;
use crate::figure::{Measured, Unit};

/// Median and 99th percentile, as text.
pub fn shown(folder: &Path) -> String {
    measured(folder).map_or_else(|error| error.to_string(), |measured| measured.shown(Unit::Time))
}

fn measured(folder: &Path) -> anyhow::Result<Measured> {
    let mut file = File::create(folder.join("records"))?;
    let record = [b'x'; 300];
    let mut times = Vec::new();
    for _ in 0..300 {
        let began = now();
        file.write_all(&record)?;
        file.sync_data()?;
        times.push(began.elapsed());
    }
    Measured::of(times).ok_or_else(|| anyhow::anyhow!("nothing was measured"))
}
