//! NETCONF over TLS (RFC 7589) on a loopback port, with a front desk that is told what to answer.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod call_home;
mod certificates;
mod client;
#[path = "../netconf_over_ssh/fake_desk.rs"]
mod fake_desk;
mod refusals;
#[path = "../support/scenario.rs"]
mod scenario;
mod sessions;

use std::net::SocketAddr;
use std::sync::Arc;

use certificates::{Authority, Pair};
use fake_desk::FakeDesk;
use ponder::app::clock::{AgentTime, ManualClock, Steady};
use ponder::transport::cert_to_name::{CertToName, Fingerprint, MapType};
use ponder::transport::host_key::{HostKey, HostKeyKind};
use ponder::transport::login::Users;
use ponder::transport::server::{CallHome, Limits, Server, Settings, Tls};
use ponder::transport::tls_identity::{TlsIdentity, TlsMaterial};

pub use scenario::scenario;

/// What a lab may have otherwise.
pub struct Plan {
    pub limits: Limits,
    pub client_cas: String,
    pub revocations: Option<String>,
    pub cert_to_name: Vec<CertToName>,
    pub call_home: CallHome,
}

/// A server that trusts one CA; its clients are called as their certificates say: any subjectAltName, else the CommonName.
pub struct Lab {
    pub desk: Arc<FakeDesk>,
    pub clock: ManualClock,
    pub address: SocketAddr,
    pub authority: Authority,
    pub server: Server,
}

impl Lab {
    pub async fn start() -> Lab {
        Lab::with(|_, _| ()).await
    }

    pub async fn with(change: impl FnOnce(&mut Plan, &Authority)) -> Lab {
        let authority = Authority::new("clients' CA");
        let mut plan = Plan {
            limits: Limits::default(),
            client_cas: authority.certificate.pem(),
            revocations: None,
            cert_to_name: vec![any(MapType::SanAny), any(MapType::CommonName)],
            call_home: CallHome::default(),
        };
        change(&mut plan, &authority);
        let clock = ManualClock::starting_at("2024-06-15T00:00:00Z".parse().unwrap());
        let desk = Arc::new(FakeDesk::new());
        let Pair {
            certificates, key, ..
        } = authority.server();
        let material = TlsMaterial {
            certificates: certificates.as_bytes(),
            key: key.as_bytes(),
            client_cas: plan.client_cas.as_bytes(),
            revocations: plan.revocations.as_deref().map(str::as_bytes),
        };
        let time = Arc::new(AgentTime(Arc::new(clock.clone())));
        let identity = Arc::new(TlsIdentity::new(&material, plan.cert_to_name, time).unwrap());
        let server = Server::start(Settings {
            listen: "127.0.0.1:0".parse().unwrap(),
            host_keys: vec![HostKey::generate(HostKeyKind::Ed25519).unwrap()],
            login: Arc::new(Users::new()),
            tls: Some(Tls {
                listen: Some("127.0.0.1:0".parse().unwrap()),
                identity: Arc::new(move || Arc::clone(&identity)),
            }),
            desk: Arc::clone(&desk) as _,
            clock: Arc::new(Steady(Arc::new(clock.clone()))),
            limits: plan.limits,
            call_home: plan.call_home,
        })
        .await
        .unwrap();
        Lab {
            desk,
            clock,
            address: server.tls_bound().unwrap(),
            authority,
            server,
        }
    }

    pub fn client(&self, name: &str) -> Pair {
        self.authority.client(name, 1, &[])
    }
}

/// An entry for every certificate.
pub fn any(map_type: MapType) -> CertToName {
    CertToName {
        fingerprint: None,
        map_type,
    }
}

/// An entry for the certificate with this DER, or for what it issued.
pub fn of(der: &[u8], map_type: MapType) -> CertToName {
    CertToName {
        fingerprint: Some(Fingerprint::sha256(der)),
        map_type,
    }
}
