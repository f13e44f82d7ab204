//! NETCONF over real SSH on a loopback port, with a front desk that is told what to answer.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod client;
mod fake_desk;
mod flow;
mod login;
#[path = "../support/scenario.rs"]
mod scenario;
mod sessions;
mod slow_reader;

use std::net::SocketAddr;
use std::sync::Arc;

use fake_desk::FakeDesk;
use jiff::Timestamp;
use ponder::app::clock::{ManualClock, Steady};
use ponder::management::desk::FrontDesk;
use ponder::transport::host_key::{HostKey, HostKeyKind};
use ponder::transport::login::{Users, hash_password, parse_authorized_keys};
use ponder::transport::server::{CallHome, Limits, Server, Settings};

pub use scenario::scenario;

/// A server with one user, alice, who has a key and the password `open sesame`.
pub struct Door {
    pub clock: ManualClock,
    pub address: SocketAddr,
    pub key: String,
    pub server: Server,
}

impl Door {
    pub async fn open(desk: Arc<dyn FrontDesk>, limits: Limits) -> Door {
        let clock = ManualClock::starting_at(Timestamp::UNIX_EPOCH);
        let user_key = HostKey::generate(HostKeyKind::Ed25519).unwrap();
        let mut users = Users::new();
        let listed = parse_authorized_keys(&user_key.public_openssh().unwrap()).unwrap();
        users.add_keys("alice", listed);
        users
            .set_password_hash("alice", &hash_password("open sesame").unwrap())
            .unwrap();
        let server = Server::start(Settings {
            listen: "127.0.0.1:0".parse().unwrap(),
            host_keys: vec![HostKey::generate(HostKeyKind::Ed25519).unwrap()],
            login: Arc::new(users),
            tls: None,
            desk,
            clock: Arc::new(Steady(Arc::new(clock.clone()))),
            limits,
            call_home: CallHome::default(),
        })
        .await
        .unwrap();
        Door {
            clock,
            address: server.bound(),
            key: user_key.to_openssh().unwrap().to_string(),
            server,
        }
    }
}

/// The same with a desk that answers as told.
pub struct Lab {
    pub desk: Arc<FakeDesk>,
    pub clock: ManualClock,
    pub address: SocketAddr,
    pub key: String,
    pub server: Server,
}

impl Lab {
    pub async fn start() -> Lab {
        Lab::with(Limits::default()).await
    }

    pub async fn with(limits: Limits) -> Lab {
        let desk = Arc::new(FakeDesk::new());
        let Door {
            clock,
            address,
            key,
            server,
        } = Door::open(Arc::clone(&desk) as _, limits).await;
        Lab {
            desk,
            clock,
            address,
            key,
            server,
        }
    }

    pub async fn log_in(&self) -> russh::client::Handle<client::AnyServer> {
        client::log_in(self.address, "alice", &self.key).await
    }
}
