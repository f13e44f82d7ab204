//! Sends the messages of the ring to one remote host: the ring is the queue, its place in it all that a sender keeps.

use std::future::Future;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rustls::ClientConfig;
use tokio::sync::watch;

use crate::app::clock::Clock;
use crate::app::name_resolution::Names;
use crate::app::syslog::configuration::Wanted;
use crate::app::syslog::connection::{Connection, Destination};
use crate::app::syslog::logbook::{Logbook, SYSLOG_PROCESS};
use crate::app::syslog::message::{Draft, Message, Severity};
use crate::app::syslog::rfc5424::datagram;

/// What a host is sent, and as whom; may change while its connection stays.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Terms {
    /// What the host wants.
    pub wanted: Wanted,
    /// What any host may have.
    pub trap: Wanted,
    /// Name of this device.
    pub host_name: String,
}

impl Terms {
    fn take(&self, message: &Message) -> bool {
        self.wanted.takes(message.severity) && self.trap.takes(message.severity)
    }
}

/// What became of the messages for a host.
#[derive(Debug, Default)]
pub struct Counters {
    /// Sent.
    pub sent: AtomicU64,
    /// Sent to a host where nobody listened.
    pub dropped: AtomicU64,
    /// Overwritten in the ring before they could be sent.
    pub overrun: AtomicU64,
}

/// Sends to one host for as long as it runs.
pub struct Sender {
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// What is sent, and where the sender itself tells what it suffers.
    pub logbook: Logbook,
    /// The host.
    pub destination: Destination,
    /// Resolves its name.
    pub names: Names,
    /// Trust for TLS.
    pub tls: Option<Arc<ClientConfig>>,
    /// What it is sent.
    pub terms: watch::Receiver<Terms>,
    /// What becomes of it.
    pub counters: Arc<Counters>,
}

/// How long a connection or one message may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// The first wait after a failure; each further one is twice as long.
const SHORTEST_WAIT: Duration = Duration::from_secs(1);

/// The longest wait.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

impl Sender {
    /// Sends everything after message `place`.
    pub async fn run(self, mut place: u64) {
        let mut news = self.logbook.messages().follow();
        let mut connection: Option<Connection> = None;
        let mut troubles = Troubles::default();
        loop {
            news.borrow_and_update();
            let Some((missed, (number, message))) = self.logbook.messages().next_after(place) else {
                // Not earlier: what is told takes the room of what is still to be sent.
                if connection.is_some() && self.recovered(&mut troubles) {
                    continue;
                }
                tokio::select! {
                    changed = news.changed() => if changed.is_err() { return },
                    () = ended(&mut connection) => connection = None,
                }
                continue;
            };
            if missed > 0 {
                self.counters.overrun.fetch_add(missed, Ordering::Relaxed);
                troubles.overrun += missed;
                place += missed;
            }
            if !self.terms.borrow().take(&message) {
                place = number;
                continue;
            }
            let sent = match self.connected(&mut connection, &mut troubles).await {
                Ok(open) => {
                    let datagram = datagram(&message, &self.terms.borrow().host_name);
                    self.within(open.send(&datagram)).await
                }
                Err(reason) => Err(reason),
            };
            match sent {
                Ok(dropped) => {
                    place = number;
                    self.counters.sent.fetch_add(1, Ordering::Relaxed);
                    self.counters.dropped.fetch_add(dropped, Ordering::Relaxed);
                }
                Err(reason) => {
                    connection = None;
                    self.failed(&mut troubles, &reason).await;
                }
            }
        }
    }

    async fn connected<'c>(
        &self,
        connection: &'c mut Option<Connection>,
        troubles: &mut Troubles,
    ) -> Result<&'c mut Connection, String> {
        match connection {
            Some(open) => Ok(open),
            None => {
                let opened = Connection::open(&self.destination, &self.names, self.tls.as_ref());
                let opened = self.within(opened).await?;
                troubles.opened = Some(self.clock.instant());
                Ok(connection.insert(opened))
            }
        }
    }

    async fn within<T>(&self, work: impl Future<Output = io::Result<T>>) -> Result<T, String> {
        let end = self.clock.wait_until(self.clock.instant() + PATIENCE);
        tokio::select! {
            done = work => done.map_err(|error| error.to_string()),
            () = end => Err(format!("nothing within {} seconds", PATIENCE.as_secs())),
        }
    }

    /// Tells the first failure of a row, and waits: longer and longer, until a connection has lasted.
    async fn failed(&self, troubles: &mut Troubles, reason: &str) {
        if !std::mem::replace(&mut troubles.told, true) {
            let text = format!("Remote host {} cannot be sent messages: {reason}", self.shown());
            self.tell(Severity::Error, "REMOTE_UNREACHABLE", text);
        }
        let now = self.clock.instant();
        let lasted = troubles
            .opened
            .take()
            .is_some_and(|opened| now.saturating_duration_since(opened) > LONGEST_WAIT);
        let before = if lasted { Duration::ZERO } else { troubles.wait };
        troubles.wait = (before * 2).clamp(SHORTEST_WAIT, LONGEST_WAIT);
        self.clock.wait_until(now + troubles.wait).await;
    }

    /// Tells that all is well again, and what was lost meanwhile; true when there was something to tell.
    fn recovered(&self, troubles: &mut Troubles) -> bool {
        let recovered = std::mem::take(&mut troubles.told);
        if recovered {
            let text = format!("Remote host {} is sent messages again", self.shown());
            self.tell(Severity::Notice, "REMOTE_REACHABLE", text);
        }
        let overrun = std::mem::take(&mut troubles.overrun);
        if overrun > 0 {
            let text = format!(
                "{overrun} messages were overwritten before remote host {} could be sent them",
                self.shown()
            );
            self.tell(Severity::Warning, "LOG_OVERRUN", text);
        }
        recovered || overrun > 0
    }

    fn tell(&self, severity: Severity, name: &'static str, text: String) {
        self.logbook.log(Draft {
            process: SYSLOG_PROCESS,
            category: "OS",
            group: "SYSLOG",
            severity,
            name,
            text,
        });
    }

    fn shown(&self) -> String {
        let Destination {
            host,
            port,
            transport,
        } = &self.destination;
        format!("{host} ({} port {port})", transport.name())
    }
}

/// What a sender suffers.
#[derive(Debug, Default)]
struct Troubles {
    /// The last wait.
    wait: Duration,
    /// The log was told that the host cannot be reached.
    told: bool,
    /// Messages that were overwritten, still to be told.
    overrun: u64,
    /// When the connection was opened.
    opened: Option<Instant>,
}

async fn ended(connection: &mut Option<Connection>) {
    match connection {
        Some(connection) => {
            connection.ended().await;
        }
        None => std::future::pending().await,
    }
}
