//! Forwarding: one sender for every configured remote host, following the configuration.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustls::ClientConfig;
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task::AbortHandle;

use crate::app::ca_file::{CaFileError, client_trusting};
use crate::app::clock::Clock;
use crate::app::settings::SyslogSettings;
use crate::app::syslog::configuration::{RemoteHost, SyslogConfiguration};
use crate::app::syslog::connection::{Destination, Transport};
use crate::app::syslog::logbook::Logbook;
use crate::app::syslog::sender::{Counters, Sender, Terms};

/// Every sender; clones share them. The senders end when the last clone is dropped.
#[derive(Clone)]
pub struct Forwarding(Arc<Shared>);

struct Shared {
    clock: Arc<dyn Clock>,
    logbook: Logbook,
    transport: Transport,
    transports: BTreeMap<String, Transport>,
    tls: Option<Arc<ClientConfig>>,
    runtime: Handle,
    state: Mutex<State>,
}

struct State {
    configuration: Arc<SyslogConfiguration>,
    senders: BTreeMap<Destination, Running>,
}

struct Running {
    terms: watch::Sender<Terms>,
    counters: Arc<Counters>,
    task: AbortHandle,
}

/// What one remote host has been sent.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HostStatistics {
    /// Its address or name.
    pub name: String,
    /// It is reached over TLS.
    pub over_tls: bool,
    /// Messages sent.
    pub sent: u64,
    /// Messages sent while nobody listened.
    pub dropped: u64,
    /// Messages overwritten before they could be sent.
    pub overrun: u64,
}

impl Forwarding {
    /// Sends what the logbook holds from now on to whoever is configured. Call it on the runtime that is to serve the
    /// senders.
    ///
    /// # Errors
    /// When the CA file of the settings cannot be used.
    pub fn start(
        clock: Arc<dyn Clock>,
        logbook: Logbook,
        settings: &SyslogSettings,
        configuration: SyslogConfiguration,
    ) -> Result<Forwarding, CaFileError> {
        let tls = settings
            .ca_file
            .as_deref()
            .map(|path| client_trusting(path, "of the log's remote hosts"))
            .transpose()?;
        let forwarding = Forwarding(Arc::new(Shared {
            clock,
            logbook,
            transport: settings.transport,
            transports: settings.transports.clone(),
            tls: tls.map(Arc::new),
            runtime: Handle::current(),
            state: Mutex::new(State {
                configuration: Arc::new(configuration.clone()),
                senders: BTreeMap::new(),
            }),
        }));
        forwarding.configured(configuration);
        Ok(forwarding)
    }

    /// Something about the log was configured. A host that stays keeps its connection; a new one is sent what is logged
    /// from now on.
    pub fn configured(&self, configuration: SyslogConfiguration) {
        let mut state = self.state();
        let mut wanted: BTreeMap<Destination, Terms> = BTreeMap::new();
        for host in &configuration.hosts {
            let terms = Terms {
                wanted: host.wanted,
                trap: configuration.trap,
                host_name: configuration.host_name.clone(),
            };
            wanted.insert(self.0.destination(host), terms);
        }
        state.senders.retain(|destination, running| {
            let stays = wanted.contains_key(destination);
            if !stays {
                running.task.abort();
            }
            stays
        });
        for (destination, terms) in wanted {
            match state.senders.get(&destination) {
                Some(running) => {
                    running.terms.send_replace(terms);
                }
                None => {
                    let running = self.0.sender(destination.clone(), terms);
                    state.senders.insert(destination, running);
                }
            }
        }
        state.configuration = Arc::new(configuration);
    }

    /// What is configured.
    pub fn configuration(&self) -> Arc<SyslogConfiguration> {
        Arc::clone(&self.state().configuration)
    }

    /// What every host has been sent.
    pub fn statistics(&self) -> Vec<HostStatistics> {
        let state = self.state();
        let senders = state.senders.iter();
        senders
            .map(|(destination, running)| HostStatistics {
                name: destination.host.clone(),
                over_tls: destination.transport == Transport::Tls,
                sent: running.counters.sent.load(Ordering::Relaxed),
                dropped: running.counters.dropped.load(Ordering::Relaxed),
                overrun: running.counters.overrun.load(Ordering::Relaxed),
            })
            .collect()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shared {
    fn destination(&self, host: &RemoteHost) -> Destination {
        let transport = self.transports.get(&host.name).copied();
        let transport = transport.unwrap_or(self.transport);
        Destination {
            host: host.name.clone(),
            port: host.port.unwrap_or_else(|| transport.default_port()),
            transport,
        }
    }

    fn sender(&self, destination: Destination, terms: Terms) -> Running {
        let (terms, followed) = watch::channel(terms);
        let counters = Arc::new(Counters::default());
        let sender = Sender {
            clock: Arc::clone(&self.clock),
            logbook: self.logbook.clone(),
            destination,
            tls: self.tls.clone(),
            terms: followed,
            counters: Arc::clone(&counters),
        };
        let place = self.logbook.messages().last();
        let task = self.runtime.spawn(sender.run(place)).abort_handle();
        Running {
            terms,
            counters,
            task,
        }
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        let state = self.state.get_mut().unwrap_or_else(PoisonError::into_inner);
        for running in state.senders.values() {
            running.task.abort();
        }
    }
}
