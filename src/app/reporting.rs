//! What the agent tells of itself: log, forwarding and alarms put together, and what they hear of.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::spawn_blocking;

use crate::app::alarms::{of_hardware, of_licensing};
use crate::app::ca_file::CaFileError;
use crate::app::clock::Clock;
use crate::app::device_driver::Device;
use crate::app::licence_driver::Licensing;
use crate::app::licence_witness::LicenceWitness;
use crate::app::settings::SyslogSettings;
use crate::app::state::alarms::AlarmsState;
use crate::app::state::syslog::SyslogState;
use crate::app::state_dir::StateDir;
use crate::app::syslog::commit_messages::of_commit;
use crate::app::syslog::configuration::{ROOTS, syslog_configuration};
use crate::app::syslog::device_messages::of_change;
use crate::app::syslog::forwarding::Forwarding;
use crate::app::syslog::get_syslog::SyslogRpcs;
use crate::app::syslog::licence_watch::LicenceWatch;
use crate::app::syslog::logbook::Logbook;
use crate::datastore::commit::Committed;
use crate::datastore::participant::Participant;
use crate::management::operational::StateProvider;
use crate::management::rpc_table::RpcProvider;
use crate::yang::tree::Tree;

/// The log, its remote hosts and the alarms; clones share them.
#[derive(Clone)]
pub struct Reporting {
    logbook: Logbook,
    forwarding: Forwarding,
}

/// Why it cannot start.
#[derive(Debug, thiserror::Error)]
pub enum ReportingError {
    /// No thread to write with.
    #[error("the log's thread: {0}")]
    Thread(io::Error),
    /// The CA file of remote hosts.
    #[error(transparent)]
    CaFile(#[from] CaFileError),
}

impl Reporting {
    /// Opens the log of the state folder and begins to send it to whoever is configured.
    pub fn start(
        clock: &Arc<dyn Clock>,
        state_dir: &Arc<StateDir>,
        settings: &SyslogSettings,
        running: &Tree,
    ) -> Result<Reporting, ReportingError> {
        let logbook =
            Logbook::open(Arc::clone(clock), state_dir, settings).map_err(ReportingError::Thread)?;
        Reporting::of(logbook, clock, settings, running)
    }

    /// One that is gone with the process: for reports and tests.
    pub fn in_memory(clock: &Arc<dyn Clock>, running: &Tree) -> Result<Reporting, ReportingError> {
        let settings = SyslogSettings::default();
        let logbook = Logbook::in_memory(Arc::clone(clock), &settings).map_err(ReportingError::Thread)?;
        Reporting::of(logbook, clock, &settings, running)
    }

    fn of(
        logbook: Logbook,
        clock: &Arc<dyn Clock>,
        settings: &SyslogSettings,
        running: &Tree,
    ) -> Result<Reporting, ReportingError> {
        let configuration = syslog_configuration(running);
        let forwarding = Forwarding::start(Arc::clone(clock), logbook.clone(), settings, configuration)?;
        Ok(Reporting { logbook, forwarding })
    }

    /// The log, the traces and the alarms.
    pub fn logbook(&self) -> &Logbook {
        &self.logbook
    }

    /// Sees what licensing does.
    pub fn licence_witness(&self) -> Arc<dyn LicenceWitness> {
        Arc::new(LicenceWatch::new(self.logbook.clone()))
    }

    /// Watches hardware and licensing from now on, until licensing ends.
    pub fn watch(&self, device: &Device, licensing: &Licensing) {
        let logbook = self.logbook.clone();
        let device = device.clone();
        let mut states = licensing.subscribe();
        tokio::spawn(async move {
            let mut snapshots = device.subscribe();
            let mut seen = Arc::clone(&snapshots.borrow_and_update());
            loop {
                let mut conditions = of_licensing(&states.borrow_and_update());
                let snapshot = Arc::clone(&snapshots.borrow_and_update());
                for draft in of_change(&seen, &snapshot) {
                    logbook.log(draft);
                }
                conditions.extend(of_hardware(&snapshot, &device.desired()));
                seen = snapshot;
                logbook.conditions(conditions);
                // Licensing publishes a state after every commit too, so that new wishes are seen as well.
                let changed = tokio::select! {
                    changed = states.changed() => changed,
                    changed = snapshots.changed() => changed,
                };
                if changed.is_err() {
                    return;
                }
            }
        });
    }

    /// Told of every commit.
    pub fn committed(&self, commit: &Committed) {
        if ROOTS
            .iter()
            .any(|root| commit.change_set.touches(&format!("/{root}")))
        {
            self.forwarding
                .configured(syslog_configuration(&commit.running.tree));
        }
        self.logbook.log(of_commit(commit));
    }

    /// Who shows it all.
    pub fn providers(&self) -> Vec<Box<dyn StateProvider>> {
        vec![
            Box::new(SyslogState {
                logbook: self.logbook.clone(),
                forwarding: self.forwarding.clone(),
            }),
            Box::new(AlarmsState {
                board: self.logbook.alarms().clone(),
            }),
        ]
    }

    /// Who answers `get-syslog`.
    pub fn rpcs(&self) -> Box<dyn RpcProvider> {
        Box::new(SyslogRpcs {
            logbook: self.logbook.clone(),
            forwarding: self.forwarding.clone(),
        })
    }

    /// Waits until what was logged is written down, within reason.
    pub async fn flush(&self) {
        let logbook = self.logbook.clone();
        // An error means that the runtime ends and takes no more work.
        spawn_blocking(move || logbook.flush(PATIENCE_WITH_THE_DISK))
            .await
            .ok();
    }
}

/// How long the end of the agent waits for the log to be written down.
const PATIENCE_WITH_THE_DISK: Duration = Duration::from_secs(2);

/// What the log acts on; it never refuses a commit.
pub struct SyslogParticipant;

impl Participant for SyslogParticipant {
    fn name(&self) -> &'static str {
        "log"
    }

    fn claims(&self) -> &[&'static str] {
        &[
            "/Cisco-IOS-XR-infra-syslog-cfg:syslog/trap-logging/logging-level",
            "/Cisco-IOS-XR-infra-syslog-cfg:syslog/buffered-logging/logging-level",
            "/Cisco-IOS-XR-infra-syslog-cfg:syslog/host-name-prefix",
            "/Cisco-IOS-XR-infra-syslog-cfg:syslog/host-server/vrfs/vrf/ipv4s/ipv4/ipv4-severity-port",
            "/Cisco-IOS-XR-infra-syslog-cfg:syslog/host-server/vrfs/vrf/ipv6s/ipv6/ipv6-severity-port",
            "/Cisco-IOS-XR-infra-syslog-cfg:syslog/host-server/vrfs/vrf/hosts/host/host-severity-port",
        ]
    }
}
