//! A thread that writes running whole when that is due, so that no commit waits for it.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::thread;

use crate::datastore::datastores::Datastores;

/// Starts it; it ends when the datastores are gone. One that is cut off by the end of the process loses nothing.
pub fn start(datastores: &Arc<Datastores>) -> io::Result<()> {
    // One is enough: whoever is told looks at how things stand then.
    let (ring, rung) = sync_channel(1);
    let known = Arc::downgrade(datastores);
    thread::Builder::new()
        .name("snapshots".to_owned())
        .spawn(move || {
            while rung.recv().is_ok() {
                let Some(datastores) = known.upgrade() else { return };
                datastores.write_snapshot();
            }
        })?;
    datastores.on_snapshot_due(Box::new(move || {
        // Full: it is told already.
        let _ = ring.try_send(());
    }));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::datastore::edit::OnError;
    use crate::datastore::edit_attributes::EditOperation;
    use crate::datastore::history::Author;
    use crate::datastore::journal::Journal;
    use crate::datastore::simulated_disk::{Left, SimulatedDisk};
    use crate::datastore::storage::Files;
    use crate::yang::modules::ModuleSet;
    use crate::yang::schema::Schema;

    #[test]
    fn running_is_written_whole_by_the_thread_and_commits_go_on() {
        let text = include_str!("../../tests/data/yang/edit-cases.yang");
        let schema = Schema::load(ModuleSet::new().with_module("edit-cases", text)).unwrap();
        let disk = SimulatedDisk::new();
        let journal = Journal::with_snapshot_every(Box::new(disk.clone()), 1000);
        let datastores = Arc::new(Datastores::open(Arc::clone(&schema), Box::new(journal)).unwrap());
        start(&datastores).unwrap();
        let mut commits = 0;
        // Two snapshots: the first is the one before the first commit.
        while disk
            .clone()
            .list()
            .unwrap()
            .iter()
            .filter(|name| name.starts_with("snapshot-"))
            .count()
            < 2
        {
            commits += 1;
            assert!(commits < 100_000, "no snapshot comes");
            let config = format!("<c xmlns=\"urn:ponder:test:edit-cases\"><plain>{commits}</plain></c>");
            let edited = datastores.edit_candidate(&config, EditOperation::Merge, OnError::Rollback);
            assert_eq!(edited.errors, []);
            let author = Author {
                user: "anna".to_owned(),
                session_id: 7,
                timestamp: jiff::Timestamp::UNIX_EPOCH,
                label: None,
                comment: None,
            };
            datastores.commit(author, &[]).unwrap();
        }
        let again = Journal::new(Box::new(disk.restart(Left::Nothing)));
        let again = Datastores::open(schema, Box::new(again)).unwrap();
        assert_eq!(again.running().generation, commits);
    }
}
