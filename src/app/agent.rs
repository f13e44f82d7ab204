//! The agent put together: state folder, schema, device, datastores, licensing, front desk, server.

use std::fs;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::app::access::{AccessParticipant, privileges};
use crate::app::audit_trail::{AuditLog, DeskAudit};
use crate::app::call_home::{LicensingParticipant, refusal_of_deleting_default_profile};
use crate::app::capability_watch;
use crate::app::clock::{Clock, Steady};
use crate::app::config_urls::ConfigUrls;
use crate::app::confirm_timer::ConfirmTimer;
use crate::app::desired_state::participant::HardwareParticipant;
use crate::app::desired_state::{ROOTS as HARDWARE_ROOTS, desired_state};
use crate::app::device_driver::Device;
use crate::app::event_log::DurableEventLog;
use crate::app::host_keys::host_keys;
use crate::app::licence_courier::HttpCourier;
use crate::app::licence_driver::{Licensing, LicensingParts, agent_settings, licensing_root};
use crate::app::licence_events::LicenceEvents;
use crate::app::licence_explanation::ExplanationRpcs;
use crate::app::licence_listener::LicenceListener;
use crate::app::licence_rpcs::LicenceRpcs;
use crate::app::name_resolution::Asking;
use crate::app::netconf_options::NetconfOptions;
use crate::app::reporting::{Reporting, SyslogParticipant};
use crate::app::session_timer::{self, SessionParticipant};
use crate::app::settings::{NotificationSettings, Settings};
use crate::app::snapshot_thread;
use crate::app::spill::Spill;
use crate::app::start_error::StartError;
use crate::app::startup_file::StartupFile;
use crate::app::state::commits::CommitsState;
use crate::app::state::datastore::DatastoreState;
use crate::app::state::interfaces::InterfacesState;
use crate::app::state::inventory::InventoryState;
use crate::app::state::licence::LicenceState;
use crate::app::state::licence_platform::{LicencePlatformState, PonderLicenceState};
use crate::app::state::netconf_sessions::NetconfSessionsState;
use crate::app::state::optics::OpticsState;
use crate::app::state::platform::PlatformState;
use crate::app::state::simulator::{SimulatorRpcs, SimulatorState};
use crate::app::state::slices::SlicesState;
use crate::app::state::system_time::SystemTimeState;
use crate::app::subscription_timer::SubscriptionTimer;
use crate::app::tls_files;
use crate::app::users::users;
use crate::app::yang_dir;
use crate::datastore::commit::Committed;
use crate::datastore::datastores::{CommitListener, Datastores};
use crate::datastore::journal::{self, Journal};
use crate::datastore::lock::LockTable;
use crate::datastore::participant::Participant;
use crate::datastore::storage::FolderFiles;
use crate::device::chassis::ChassisDescription;
use crate::device::simulator::Simulator;
use crate::management::access::control::{AccessControl, AccessState};
use crate::management::base_events::{ConfirmEvent, Party};
use crate::management::config_stores::UrlStore;
use crate::management::desk::FrontDesk;
use crate::management::event_stream::EventStreams;
use crate::management::front_desk::{Desk, DeskParts, shown_locks};
use crate::management::monitoring::NetconfMonitoring;
use crate::management::operational::{OperationalState, StateProvider};
use crate::management::rpc_table::RpcTable;
use crate::management::session_list::SessionList;
use crate::management::session_pulse::SessionPulses;
use crate::management::subscription::agreements::{Limits as SubscriptionLimits, Subscriptions};
use crate::management::subscription::participant::SubscriptionParticipant;
use crate::management::subscription::state::SubscriptionState;
use crate::management::yang_library::YangLibrary;
use crate::state_dir::StateDir;
use crate::transport::server::{self, CallHome, Server};
use crate::yang::schema::Schema;

/// A running agent.
pub struct Agent {
    server: Server,
    reporting: Reporting,
    audit: Option<AuditLog>,
    _state_dir: Arc<StateDir>,
}

impl Agent {
    /// Starts with these settings. When this returns, sessions are served.
    pub async fn start(settings: Settings, clock: Arc<dyn Clock>) -> Result<Agent, StartError> {
        let users = users(&settings.users)?;
        let tls = tls_files::tls(&settings.netconf.tls, &clock)?;
        if settings.users.is_empty() && tls.is_none() {
            return Err(StartError::NoUsers);
        }
        let chassis = chassis(&settings)?;
        let root = settings
            .licensing
            .root
            .as_deref()
            .map(licensing_root)
            .transpose()?;
        let timeout = Duration::from_secs(settings.licensing.exchange_timeout_seconds.into());
        let courier = HttpCourier::new(settings.licensing.ca_file.as_deref(), timeout, Arc::clone(&clock))?
            .asking(Asking {
                port: settings.licensing.name_server_port,
                ..Asking::default()
            });
        let courier = Arc::new(courier);
        let state_dir = settings.state_dir.as_deref().ok_or(StartError::NoStateDir)?;
        let urls = ConfigUrls::new(
            settings.netconf.url_root.as_deref(),
            settings.netconf.url_ca_file.as_deref(),
        )?;
        let options = NetconfOptions {
            writable_running: settings.netconf.writable_running,
            startup: settings.netconf.startup,
            url_schemes: urls.as_ref().map(|urls| urls.schemes()).unwrap_or_default(),
        };
        let schema = yang_dir::schema_with(
            settings.yang_dir.as_deref(),
            &settings.yang_features,
            &options.features(),
        )?;
        let state_dir = Arc::new(StateDir::open(state_dir)?);
        // There from the first start on, as on the device: codes of reservations are copied into it.
        state_dir.folder(DISK0)?;
        let host_keys = host_keys(&state_dir)?;

        let files = Box::new(FolderFiles::new(state_dir.path()));
        let storage =
            Journal::with_snapshot_every(files, settings.snapshot_bytes.unwrap_or(journal::LEAST_BYTES));
        let datastores = Arc::new(Datastores::open(schema, Box::new(storage))?);
        datastores.validate_by(settings.validation.into());
        snapshot_thread::start(&datastores).map_err(StartError::SnapshotThread)?;
        let log = DurableEventLog::open(&state_dir, settings.notifications.replay_events, clock.now())?;
        let waiting = settings.notifications.waiting_events;
        let events = Arc::new(EventStreams::new(datastores.schema(), Box::new(log), waiting));
        let mut unconfirmed = None;
        if let Some(undone) = datastores.roll_back_unconfirmed(clock.now())? {
            events.confirmed_commit(clock.now(), &Party::Server, ConfirmEvent::Timeout);
            events.configuration_changed(clock.now(), &Party::Server, &undone.change_set);
            unconfirmed = Some(Arc::clone(&undone.change_set));
            tracing::warn!(
                generation = undone.generation,
                changes = undone.change_set.changes.len(),
                "a commit that nobody had confirmed was rolled back"
            );
        }
        let startup = settings
            .netconf
            .startup
            .then(|| StartupFile::load(&state_dir, &datastores, clock.now()))
            .transpose()?;
        let running = datastores.running();
        let reporting = Reporting::start(&clock, &state_dir, &settings.syslog, &running.tree)?
            .telling(LicenceEvents::new(Arc::clone(&events), Arc::clone(&clock)));
        let audit = AuditLog::start(&settings.audit, &reporting, &clock)?;
        if let (Some(audit), Some(undone)) = (&audit, unconfirmed) {
            audit.rolled_back_at_start(&undone, clock.now());
        }
        let device = Device::start(Box::new(Simulator::new(chassis)), Arc::clone(&clock))
            .map_err(StartError::Thread)?;
        device.apply(Arc::new(desired_state(&running.tree)));
        let listener = LicenceListener::start(&settings.licensing, Arc::clone(&courier), &running.tree);
        let licensing = Licensing::start(LicensingParts {
            clock: Arc::clone(&clock),
            state_dir: Arc::clone(&state_dir),
            seal_key_file: settings.licensing.seal_key_file.clone(),
            device: device.clone(),
            policy: settings.licensing.policy.counting(),
            configuration: listener.configuration(&running.tree),
            settings: agent_settings(&settings.licensing),
            root,
            courier,
            witness: reporting.licence_witness(),
        })?;
        let (confirm_timer, deadline) = ConfirmTimer::new();
        let (subscription_timer, look) = SubscriptionTimer::new();
        let subscriptions = Arc::new(Subscriptions::new(subscription_limits(&settings.notifications)));
        reporting.watch(&device, &licensing, {
            let (subscriptions, look) = (Arc::clone(&subscriptions), Arc::clone(&look));
            move || {
                if subscriptions.state_changed() {
                    look();
                }
            }
        });
        let desk = Arc::new(Desk::new(DeskParts {
            deadline,
            audit: audit.clone().map(|log| {
                Box::new(DeskAudit {
                    log,
                    reads: settings.audit.reads,
                }) as _
            }),
            look,
            writable_running: options.writable_running,
            startup: startup.map(|startup| Box::new(startup) as _),
            urls: urls.map(|urls| Box::new(urls) as _),
            ..desk(
                &settings,
                &options,
                datastores,
                device,
                licensing,
                listener,
                &reporting,
                &events,
                subscriptions,
                &clock,
            )
        }));
        capability_watch::tell(&state_dir, &events, &desk.capabilities(), clock.now())?;
        confirm_timer.start(&desk, Arc::clone(&clock));
        session_timer::start(&desk, Arc::clone(&clock));
        subscription_timer.start(&desk, Arc::clone(&clock));
        tracing::info!(generation = running.generation, state_dir = %state_dir.path().display(), "running is loaded");

        let server = Server::start(server::Settings {
            listen: settings.netconf.listen,
            host_keys,
            login: Arc::new(users),
            tls,
            desk,
            clock: Arc::new(Steady(clock)),
            limits: settings.netconf.limits(),
            call_home: CallHome {
                // The settings were checked when they were read.
                clients: settings.netconf.clients_to_call().unwrap_or_default(),
                longest_wait: Duration::from_secs(settings.netconf.call_home_longest_wait_seconds.into()),
            },
        })
        .await?;
        Ok(Agent {
            server,
            reporting,
            audit,
            _state_dir: state_dir,
        })
    }

    /// Where NETCONF over SSH is served.
    pub fn netconf_address(&self) -> SocketAddr {
        self.server.bound()
    }

    /// Where NETCONF over TLS is served, if it is.
    pub fn tls_address(&self) -> Option<SocketAddr> {
        self.server.tls_bound()
    }

    /// Ends every session and stops.
    pub async fn stop(self) {
        self.server.shutdown().await;
        if let Some(audit) = self.audit {
            audit.finish().await;
        }
        self.reporting.flush().await;
    }
}

/// The folder of the state folder that `disk0:` names.
const DISK0: &str = "disk0";

/// The chassis of the settings, or the default one.
fn chassis(settings: &Settings) -> Result<ChassisDescription, StartError> {
    let Some(path) = &settings.chassis else {
        return Ok(ChassisDescription::default());
    };
    let text = fs::read_to_string(path).map_err(|cause| StartError::Unreadable {
        what: "chassis file",
        path: path.clone(),
        cause,
    })?;
    ChassisDescription::from_toml(&text).map_err(|cause| StartError::Chassis {
        path: path.clone(),
        cause,
    })
}

#[allow(clippy::too_many_arguments)] // everybody who has something to say at the desk
fn desk(
    settings: &Settings,
    options: &NetconfOptions,
    datastores: Arc<Datastores>,
    device: Device,
    licensing: Licensing,
    listener: LicenceListener,
    reporting: &Reporting,
    events: &Arc<EventStreams>,
    subscriptions: Arc<Subscriptions>,
    clock: &Arc<dyn Clock>,
) -> DeskParts {
    let own = management_providers(datastores.schema(), options, clock);
    let access = Arc::new(AccessControl::new(
        datastores.schema(),
        privileges(settings),
        &datastores.running().tree,
    ));
    let mut providers = state_providers(&device, &licensing, clock);
    providers.push(Box::new(AccessState {
        control: Arc::clone(&access),
    }));
    providers.push(Box::new(CommitsState {
        datastores: Arc::clone(&datastores),
    }));
    let pulses = Arc::new(SessionPulses::default());
    providers.push(Box::new(NetconfSessionsState {
        schema: Arc::clone(datastores.schema()),
        pulses: Arc::clone(&pulses),
        locks: Arc::clone(&own.locks),
        clock: Arc::clone(clock),
    }));
    providers.push(Box::new(DatastoreState {
        datastores: Arc::clone(&datastores),
    }));
    providers.push(Box::new(SubscriptionState {
        events: Arc::clone(events),
        subscriptions: Arc::clone(&subscriptions),
    }));
    providers.extend(own.providers);
    providers.extend(reporting.providers());
    let (wall, steady) = (Arc::clone(clock), Arc::clone(clock));
    DeskParts {
        events: Arc::clone(events),
        subscriptions,
        access,
        sessions: own.sessions,
        pulses,
        locks: own.locks,
        state: OperationalState::new(providers),
        rpcs: RpcTable::new(vec![
            Box::new(LicenceRpcs {
                licensing: licensing.clone(),
                disk0: settings.state_dir.clone().unwrap_or_default().join(DISK0),
            }),
            Box::new(ExplanationRpcs {
                licensing: licensing.clone(),
                device: device.clone(),
            }),
            Box::new(SimulatorRpcs {
                device: device.clone(),
            }),
            reporting.rpcs(),
        ]),
        participants: participants(),
        edit_guards: vec![Box::new(refusal_of_deleting_default_profile)],
        committed: committed(listener, device, licensing, reporting.clone()),
        overflow: Box::new(Spill {
            folder: settings
                .netconf
                .reply_dir
                .clone()
                .or_else(|| settings.state_dir.clone())
                .unwrap_or_default(),
            limit: settings.netconf.reply_memory_bytes,
        }),
        capabilities: own.capabilities,
        ..DeskParts::plain(
            datastores,
            Box::new(move || wall.now()),
            Box::new(move || steady.instant()),
        )
    }
}

/// How much subscribers may ask for.
fn subscription_limits(settings: &NotificationSettings) -> SubscriptionLimits {
    SubscriptionLimits {
        per_session: settings.subscriptions_per_session,
        in_all: settings.subscriptions,
        suspension: Duration::from_secs(settings.suspension_seconds.into()),
        shortest_period: Duration::from_millis(u64::from(settings.shortest_period_centiseconds) * 10),
        update_kilobytes: settings.update_kilobytes,
        waiting_kilobytes: settings.waiting_kilobytes,
        ..SubscriptionLimits::default()
    }
}

/// What the desk tells about itself, and what it shares for that.
pub(super) struct ManagementState {
    pub(super) providers: Vec<Box<dyn StateProvider>>,
    pub(super) sessions: Arc<Mutex<SessionList>>,
    pub(super) locks: Arc<Mutex<LockTable>>,
    pub(super) capabilities: Vec<String>,
}

/// The YANG library and the NETCONF monitoring state.
pub(super) fn management_providers(
    schema: &Arc<Schema>,
    options: &NetconfOptions,
    clock: &Arc<dyn Clock>,
) -> ManagementState {
    let library = YangLibrary::new(schema, options.datastores());
    let capabilities = options.capabilities(schema, library.content_id());
    let sessions = Arc::new(Mutex::new(SessionList::default()));
    let locks = Arc::new(Mutex::new(LockTable::default()));
    let monitoring = NetconfMonitoring {
        schema: Arc::clone(schema),
        capabilities: capabilities.clone(),
        datastores: options.datastores(),
        sessions: Arc::clone(&sessions),
        locks: Box::new({
            let locks = Arc::clone(&locks);
            move || shown_locks(&locks)
        }),
        started: clock.now(),
    };
    ManagementState {
        providers: vec![Box::new(library), Box::new(monitoring)],
        sessions,
        locks,
        capabilities,
    }
}

/// Who may refuse a commit.
pub(super) fn participants() -> Vec<Box<dyn Participant>> {
    vec![
        Box::new(HardwareParticipant),
        Box::new(LicensingParticipant),
        Box::new(SyslogParticipant),
        Box::new(AccessParticipant),
        Box::new(SessionParticipant),
        Box::new(SubscriptionParticipant),
    ]
}

/// Everything that the device and licensing tell.
pub(super) fn state_providers(
    device: &Device,
    licensing: &Licensing,
    clock: &Arc<dyn Clock>,
) -> Vec<Box<dyn StateProvider>> {
    vec![
        Box::new(InventoryState {
            snapshots: device.subscribe(),
        }),
        Box::new(PlatformState {
            snapshots: device.subscribe(),
        }),
        Box::new(InterfacesState {
            snapshots: device.subscribe(),
        }),
        Box::new(OpticsState {
            snapshots: device.subscribe(),
        }),
        Box::new(SlicesState {
            snapshots: device.subscribe(),
        }),
        Box::new(SimulatorState {
            snapshots: device.subscribe(),
        }),
        Box::new(SystemTimeState {
            clock: Arc::clone(clock),
            started: clock.instant(),
            device: device.clone(),
        }),
        Box::new(LicenceState {
            licensing: licensing.clone(),
            clock: Arc::clone(clock),
        }),
        Box::new(LicencePlatformState {
            licensing: licensing.clone(),
        }),
        Box::new(PonderLicenceState {
            licensing: licensing.clone(),
            device: device.clone(),
        }),
    ]
}

/// What follows a commit: the log, the wish for the hardware, and what licensing makes of both.
fn committed(
    listener: LicenceListener,
    device: Device,
    licensing: Licensing,
    reporting: Reporting,
) -> CommitListener {
    Box::new(move |commit: &Committed| {
        reporting.committed(commit);
        let running = &commit.running.tree;
        let touched = |root: &&str| commit.change_set.touches(&format!("/{root}"));
        if HARDWARE_ROOTS.iter().any(touched) {
            device.apply(Arc::new(desired_state(running)));
        }
        listener.committed(commit, &licensing);
    })
}
