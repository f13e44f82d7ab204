//! When running is written whole, and by whom: beside the commits where somebody listens, else by whoever commits.

use std::sync::Arc;

use crate::datastore::datastores::Datastores;
use crate::datastore::held::held;
use crate::datastore::recorder::Recorder;
use crate::datastore::running::Running;

/// Told that [`Datastores::write_snapshot`] is to be called, by another thread. Must not block.
pub type SnapshotBell = Box<dyn Fn() + Send + Sync>;

impl Datastores {
    /// From now on this is told when running should be written whole. Without it, whoever commits writes it, and waits.
    pub fn on_snapshot_due(&self, bell: SnapshotBell) {
        *held(&self.snapshot_bell) = Some(bell);
    }

    /// Writes running whole if that is due. Commits go on meanwhile: they wait while their records are given a new file,
    /// but not for the snapshot. A failure is logged and counted, and it is tried again when more was committed.
    pub fn write_snapshot(&self) {
        let begun = {
            let mut recorder = held(&self.recorder);
            // Of whoever records: what was recorded last is running.
            let running = self.running();
            recorder.begin_snapshot(&running)
        };
        if let Some(begun) = begun {
            let written = begun.write();
            held(&self.recorder).end_snapshot(written);
        }
    }

    /// After a commit: has running written whole when that is due.
    pub(super) fn tidy(&self, recorder: &mut Recorder, running: &Arc<Running>) {
        if !recorder.is_snapshot_due() {
            return;
        }
        if let Some(bell) = held(&self.snapshot_bell).as_ref() {
            return bell();
        }
        if let Some(begun) = recorder.begin_snapshot(running) {
            let written = begun.write();
            recorder.end_snapshot(written);
        }
    }
}
