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
use crate::app::licence_events::LicenceEvents;
use crate::app::licence_witness::LicenceWitness;
use crate::app::settings::SyslogSettings;
use crate::app::state::alarms::AlarmsState;
use crate::app::state::syslog::SyslogState;
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
use crate::management::subscribing::StreamsState;
use crate::state_dir::StateDir;
use crate::yang::tree::Tree;

/// The log, its remote hosts and the alarms; clones share them.
#[derive(Clone)]
pub struct Reporting {
    logbook: Logbook,
    forwarding: Forwarding,
    events: Option<LicenceEvents>,
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
        Ok(Reporting {
            logbook,
            forwarding,
            events: None,
        })
    }

    /// The same, with notifications of all of it.
    pub fn telling(self, events: LicenceEvents) -> Reporting {
        let events = Some(events);
        Reporting { events, ..self }
    }

    /// The log, the traces and the alarms.
    pub fn logbook(&self) -> &Logbook {
        &self.logbook
    }

    /// Sees what licensing does.
    pub fn licence_witness(&self) -> Arc<dyn LicenceWitness> {
        let watch: Arc<dyn LicenceWitness> = Arc::new(LicenceWatch::new(self.logbook.clone()));
        match &self.events {
            None => watch,
            Some(events) => Arc::new(vec![watch, Arc::new(events.clone())]),
        }
    }

    /// Watches hardware and licensing from now on, until licensing ends. Whoever is told that they changed finds their
    /// alarms up to date.
    pub fn watch(&self, device: &Device, licensing: &Licensing, told: impl Fn() + Send + 'static) {
        let logbook = self.logbook.clone();
        let events = self.events.clone();
        let device = device.clone();
        let mut states = licensing.subscribe();
        // Before the task gets its first turn: what happens until then is a change too.
        let mut snapshots = device.subscribe();
        let mut seen = Arc::clone(&snapshots.borrow_and_update());
        tokio::spawn(async move {
            loop {
                let mut conditions = of_licensing(&states.borrow_and_update());
                let snapshot = Arc::clone(&snapshots.borrow_and_update());
                for draft in of_change(&seen, &snapshot) {
                    logbook.log(draft);
                }
                conditions.extend(of_hardware(&snapshot, &device.desired()));
                let changes = logbook.conditions(conditions);
                if let Some(events) = &events {
                    events.hardware(&seen, &snapshot);
                    events.alarms(&changes);
                }
                seen = snapshot;
                told();
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
        let mut providers: Vec<Box<dyn StateProvider>> = vec![
            Box::new(SyslogState {
                logbook: self.logbook.clone(),
                forwarding: self.forwarding.clone(),
            }),
            Box::new(AlarmsState {
                board: self.logbook.alarms().clone(),
            }),
        ];
        if let Some(events) = &self.events {
            providers.push(Box::new(StreamsState(Arc::clone(events.streams()))));
        }
        providers
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
        let (logbook, events) = (self.logbook.clone(), self.events.clone());
        // An error means that the runtime ends and takes no more work.
        spawn_blocking(move || {
            logbook.flush(PATIENCE_WITH_THE_DISK);
            if let Some(events) = events {
                events.streams().flush(PATIENCE_WITH_THE_DISK);
            }
        })
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use jiff::Timestamp;

    use super::*;
    use crate::app::clock::ManualClock;
    use crate::app::desired_state::desired_state;
    use crate::app::desired_state::payload::tree;
    use crate::app::device_driver::SimulatorCommand;
    use crate::app::licence_courier::HttpCourier;
    use crate::app::licence_driver::{LicensingParts, agent_settings};
    use crate::app::settings::LicensingSettings;
    use crate::app::trace_ring::Trace;
    use crate::datastore::change_set::{Change, ChangeSet};
    use crate::datastore::history::Author;
    use crate::datastore::running::Running;
    use crate::device::chassis::ChassisDescription;
    use crate::device::simulator::Simulator;
    use crate::licensing::configuration::Configuration;
    use crate::licensing::policy::Policy;
    use crate::yang::path::InstancePath;

    struct Lab {
        _folder: tempfile::TempDir,
        device: Device,
        licensing: Licensing,
        reporting: Reporting,
    }

    impl Lab {
        fn new() -> Lab {
            let folder = tempfile::tempdir().unwrap();
            let clock: Arc<dyn Clock> = Arc::new(ManualClock::starting_at(
                "2021-05-27T09:54:57.783Z".parse().unwrap(),
            ));
            // The clock stands still, so the hardware must not take its time.
            let chassis = ChassisDescription {
                response_delay_ms: 0,
                ..ChassisDescription::default()
            };
            let device = Device::start(Box::new(Simulator::new(chassis)), Arc::clone(&clock)).unwrap();
            let reporting = Reporting::in_memory(&clock, &tree("")).unwrap();
            let licensing = Licensing::start(LicensingParts {
                clock: Arc::clone(&clock),
                state_dir: Arc::new(StateDir::open(folder.path()).unwrap()),
                seal_key_file: None,
                device: device.clone(),
                policy: Policy::default(),
                configuration: Configuration::default(),
                settings: agent_settings(&LicensingSettings::default()),
                root: None,
                courier: Arc::new(HttpCourier::new(None, Duration::ZERO, Arc::clone(&clock)).unwrap()),
                witness: reporting.licence_witness(),
            })
            .unwrap();
            reporting.watch(&device, &licensing, || {});
            Lab {
                _folder: folder,
                device,
                licensing,
                reporting,
            }
        }

        /// Waits until the log holds such a line, and gives it.
        async fn told(&self, wanted: &str) -> String {
            let logbook = self.reporting.logbook();
            let mut news = logbook.messages().follow();
            loop {
                let messages = logbook.messages().entries();
                let mut lines = messages.iter().map(ToString::to_string);
                if let Some(line) = lines.find(|line| line.contains(wanted)) {
                    return line;
                }
                news.changed().await.unwrap();
            }
        }

        async fn simulate(&self, command: SimulatorCommand) {
            let device = self.device.clone();
            spawn_blocking(move || device.simulate(command))
                .await
                .unwrap()
                .unwrap();
        }
    }

    #[tokio::test]
    async fn cards_that_come_and_go_are_logged_and_alarmed_with_what_is_configured() {
        let lab = Lab::new();
        let slot = "0/1".parse().unwrap();
        let slice = include_str!("../../tests/data/payloads/valid/v01-otnxp-mixed-slice.xml");
        lab.device.apply(Arc::new(desired_state(&tree(slice))));
        lab.licensing.recount();
        lab.told("%L1-OSA-6-SLICE_PROVISIONED : mxponder-slice 0 of 0/1 is provisioned")
            .await;
        lab.simulate(SimulatorCommand::LineCardDown(slot)).await;
        lab.told("%PLATFORM-INV-3-NODE_STATE_CHANGE : Node: 0/1, state: DOWN")
            .await;
        lab.told(":LINE-CARD-DOWN :DECLARE :0/1:").await;
        lab.simulate(SimulatorCommand::PullLineCard(slot)).await;
        lab.told(":LINE-CARD-DOWN :CLEAR :0/1:").await;
        lab.told(":LINE-CARD-ABSENT :DECLARE :0/1:").await;
        // Only the configuration changes now, which the hardware does not show.
        lab.device.apply(Arc::new(desired_state(&tree(""))));
        lab.licensing.recount();
        lab.told(":LINE-CARD-ABSENT :CLEAR :0/1:").await;
        let alarms = lab.reporting.logbook().alarms();
        assert_eq!(alarms.raised(), []);
        assert_eq!(alarms.cleared().len(), 2);
    }

    #[tokio::test]
    async fn hardware_that_is_faster_than_its_watcher_is_told_of_all_the_same() {
        let lab = Lab::new();
        let slice = include_str!("../../tests/data/payloads/valid/v01-otnxp-mixed-slice.xml");
        let mut snapshots = lab.device.subscribe();
        lab.device.apply(Arc::new(desired_state(&tree(slice))));
        // No await before the hardware is done: the watcher's task has had no turn yet.
        while !snapshots.has_changed().unwrap() {
            std::thread::yield_now();
        }
        snapshots.borrow_and_update();
        let told = lab.told("SLICE_PROVISIONED : mxponder-slice 0 of 0/1 is provisioned");
        tokio::time::timeout(Duration::from_secs(20), told).await.unwrap();
    }

    #[tokio::test]
    async fn licensing_speaks_through_the_log_in_the_products_order_and_through_its_trace() {
        let lab = Lab::new();
        lab.told("STATE_CHANGE").await;
        let messages = lab.reporting.logbook().messages().entries();
        let names: Vec<&str> = messages.iter().map(|message| message.name.as_str()).collect();
        assert_eq!(
            names,
            [
                "EXPORT_CONTROLLED",
                "AGENT_READY",
                "AGENT_ENABLED",
                "EXPORT_CONTROLLED",
                "STATE_CHANGE"
            ]
        );
        let line = lab.told("AGENT_ENABLED").await;
        assert!(
            line.ends_with(
                "smartlicserver[311]: %LICENSE-SMART_LIC-6-AGENT_ENABLED : Smart Agent for Licensing is enabled"
            ),
            "{line}"
        );
        let traced = lab.reporting.logbook().traces().entries(Trace::Licence);
        assert!(traced.iter().any(|entry| entry.event == "AGENT_ENABLED"));
    }

    #[tokio::test]
    async fn a_commit_is_logged_and_configures_the_log() {
        let lab = Lab::new();
        let configuration = "<syslog xmlns=\"http://cisco.com/ns/yang/Cisco-IOS-XR-infra-syslog-cfg\">
                               <host-name-prefix>ncs-1</host-name-prefix></syslog>";
        let path = InstancePath::parse("/Cisco-IOS-XR-infra-syslog-cfg:syslog/host-name-prefix").unwrap();
        let commit = |changes| Committed {
            generation: 1,
            change_set: Arc::new(ChangeSet {
                changes,
                ..ChangeSet::since(0)
            }),
            running: Arc::new(Running {
                generation: 1,
                tree: Arc::new(tree(configuration)),
            }),
            author: Author {
                user: "anna".to_owned(),
                session_id: 1,
                timestamp: Timestamp::UNIX_EPOCH,
                label: None,
                comment: None,
            },
        };
        let host_name = || lab.reporting.forwarding.configuration().host_name.clone();
        lab.reporting.committed(&commit(Vec::new()));
        assert_eq!(host_name(), "ios", "nothing of the log was touched");
        lab.reporting.committed(&commit(vec![Change::Set {
            path,
            old: "ncs-0".to_owned(),
            new: "ncs-1".to_owned(),
        }]));
        assert_eq!(host_name(), "ncs-1");
        let line = lab.told("DB_COMMIT").await;
        assert!(line.contains("committed by user 'anna'"), "{line}");
    }
}
