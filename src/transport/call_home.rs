//! NETCONF call home (RFC 8071) over SSH and TLS: the server dials its clients, keeps the connections, and dials again.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use rand::RngExt;
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tracing::{info, warn};

use crate::transport::server::{Security, Served, Shared, raised, serve};

impl Security {
    /// The port that clients listen on for calls (RFC 8071 section 6).
    fn call_home_port(self) -> u16 {
        match self {
            Security::Ssh => 4334,
            Security::Tls => 4335,
        }
    }
}

/// A client that waits for calls.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CallHomeClient {
    security: Security,
    host: String,
    port: u16,
}

impl fmt::Display for CallHomeClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

impl CallHomeClient {
    /// `HOST`, `HOST:PORT`, `ADDRESS`, `[ADDRESS]:PORT`; the port without one is that of the RFC.
    pub fn parse(security: Security, text: &str) -> Result<CallHomeClient, String> {
        let wrong =
            || format!("call-home client {text:?}: write a host or address, with a port after a colon");
        let (host, port) = match text.strip_prefix('[') {
            Some(rest) => {
                let (host, after) = rest.split_once(']').ok_or_else(wrong)?;
                (host, after.strip_prefix(':'))
            }
            // More than one colon is an address of version 6 without a port.
            None if text.matches(':').count() > 1 => (text, None),
            None => match text.split_once(':') {
                Some((host, port)) => (host, Some(port)),
                None => (text, None),
            },
        };
        let port = match port {
            Some(port) => port.parse().ok().filter(|port| *port != 0).ok_or_else(wrong)?,
            None => security.call_home_port(),
        };
        if host.is_empty() || host.contains(char::is_whitespace) {
            return Err(wrong());
        }
        Ok(CallHomeClient {
            security,
            host: host.to_owned(),
            port,
        })
    }
}

/// How long to wait before the next call: it doubles with each call that led to no session, up to a limit, and is spread
/// so that a fleet whose client comes back does not call in the same second.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct BackOff {
    in_vain: u32,
    longest: Duration,
}

impl BackOff {
    fn new(longest: Duration) -> BackOff {
        BackOff { in_vain: 0, longest }
    }

    /// `spread` is from 0 to 1: half of the wait is certain, the other half is drawn.
    fn wait_after(&mut self, served: Served, spread: f64) -> Duration {
        match served {
            Served::LoggedIn => self.in_vain = 0,
            Served::InVain => self.in_vain = self.in_vain.saturating_add(1),
        }
        let doubled = Duration::from_secs(1).saturating_mul(2_u32.saturating_pow(self.in_vain.min(30)));
        doubled
            .min(self.longest)
            .mul_f64(0.5 + spread.clamp(0.0, 1.0) / 2.0)
    }
}

/// Calls one client until the server stops.
pub(crate) async fn call(
    client: CallHomeClient,
    longest: Duration,
    shared: Arc<Shared>,
    alive: mpsc::Sender<()>,
) {
    let mut stop = shared.stop.clone();
    let mut back_off = BackOff::new(longest);
    while !*stop.borrow() {
        // Ends by itself when the server stops, once its sessions have said goodbye.
        let served = call_once(&client, &shared).await;
        let wait = back_off.wait_after(served, rand::rng().random());
        let again = shared.clock.instant() + wait;
        tokio::select! {
            () = raised(&mut stop) => break,
            () = shared.clock.wait_until(again) => {}
        }
    }
    drop(alive);
}

async fn call_once(client: &CallHomeClient, shared: &Arc<Shared>) -> Served {
    let until = shared.clock.instant() + shared.limits.login_grace;
    let mut stop = shared.stop.clone();
    let connected = tokio::select! {
        () = raised(&mut stop) => return Served::InVain,
        connected = TcpStream::connect((client.host.as_str(), client.port)) => connected,
        () = shared.clock.wait_until(until) => Err(std::io::ErrorKind::TimedOut.into()),
    };
    let reached = connected.and_then(|tcp| Ok((tcp.peer_addr()?, tcp)));
    match reached {
        Ok((peer, tcp)) => {
            info!(%client, over = ?client.security, "called home");
            let served = serve(Arc::clone(shared), client.security, tcp, peer, None).await;
            info!(%client, logged_in = served == Served::LoggedIn, "the call home is over");
            served
        }
        Err(cause) => {
            warn!(%client, %cause, "call home: the client cannot be reached, it is tried again");
            Served::InVain
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_their_limit_and_start_anew_after_a_session() {
        let mut back_off = BackOff::new(Duration::from_secs(60));
        let waits: Vec<u64> = (0..8)
            .map(|_| back_off.wait_after(Served::InVain, 1.0).as_secs())
            .collect();
        assert_eq!(waits, [2, 4, 8, 16, 32, 60, 60, 60]);
        assert_eq!(back_off.wait_after(Served::LoggedIn, 1.0), Duration::from_secs(1));
        assert_eq!(back_off.wait_after(Served::InVain, 0.0), Duration::from_secs(1));
    }

    #[test]
    fn a_client_is_a_host_with_or_without_a_port() {
        for (text, shown) in [
            ("nms.example", "nms.example:4334"),
            ("nms.example:22", "nms.example:22"),
            ("192.0.2.7", "192.0.2.7:4334"),
            ("2001:db8::1", "[2001:db8::1]:4334"),
            ("[2001:db8::1]:99", "[2001:db8::1]:99"),
        ] {
            let client = CallHomeClient::parse(Security::Ssh, text).unwrap();
            assert_eq!(client.to_string(), shown);
        }
        let client = CallHomeClient::parse(Security::Tls, "nms.example").unwrap();
        assert_eq!(client.to_string(), "nms.example:4335");
        for text in ["", ":4334", "nms:0", "nms:x", "[::1", "a b"] {
            assert!(CallHomeClient::parse(Security::Ssh, text).is_err(), "{text}");
        }
    }
}
