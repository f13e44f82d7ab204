//! From a snapshot and records to the configuration of a generation, forwards and backwards.

use std::sync::Arc;

use crate::datastore::apply::apply;
use crate::datastore::datastores::OpenError;
use crate::datastore::edit::parse_config;
use crate::datastore::journal_inspection::Inspection;
use crate::datastore::journal_record::{Record, Snapshot};
use crate::yang::error::DataError;
use crate::yang::schema::Schema;
use crate::yang::tree::Tree;

/// Running after a snapshot and the commits since it, validated, defaults filled in.
pub fn replay(schema: &Arc<Schema>, snapshot: &Snapshot, after: &[Record]) -> Result<Tree, OpenError> {
    let mut tree = read(schema, snapshot)?;
    let mut generation = snapshot.generation;
    for record in after {
        generation = record.generation();
        apply(&mut tree, &record.change_set.changes)
            .map_err(|error| misfit(generation, error.to_string()))?;
    }
    tree.validate().map_err(|errors| faults(generation, &errors))?;
    Ok(tree)
}

/// The configuration of any generation that a journal reaches, as clients configured it.
pub fn configuration_at(
    schema: &Arc<Schema>,
    inspection: &Inspection,
    generation: u64,
) -> Result<Tree, OpenError> {
    let snapshot = &inspection.snapshot;
    let split = inspection.records.len().saturating_sub(inspection.since_snapshot);
    let (before, after) = inspection.records.split_at(split);
    if generation >= snapshot.generation {
        let wanted = after
            .iter()
            .take_while(|record| record.generation() <= generation);
        let wanted: Vec<Record> = wanted.cloned().collect();
        let reached = wanted.last().map_or(snapshot.generation, Record::generation);
        if reached != generation {
            return Err(misfit(generation, "the journal does not reach it".to_owned()));
        }
        return replay(schema, snapshot, &wanted);
    }
    let mut tree = read(schema, snapshot)?;
    let mut reached = snapshot.generation;
    for record in before.iter().rev() {
        if reached == generation {
            break;
        }
        apply(&mut tree, &record.change_set.reverse().changes)
            .map_err(|error| misfit(record.generation(), error.to_string()))?;
        reached = record.change_set.base;
    }
    if reached != generation {
        return Err(misfit(
            generation,
            "the journal does not reach back to it".to_owned(),
        ));
    }
    Ok(tree)
}

fn read(schema: &Arc<Schema>, snapshot: &Snapshot) -> Result<Tree, OpenError> {
    parse_config(schema, &snapshot.configuration).map_err(|errors| faults(snapshot.generation, &errors))
}

fn faults(generation: u64, errors: &[DataError]) -> OpenError {
    let texts: Vec<String> = errors.iter().map(ToString::to_string).collect();
    misfit(generation, texts.join("; "))
}

fn misfit(generation: u64, reason: String) -> OpenError {
    OpenError::Content { generation, reason }
}
