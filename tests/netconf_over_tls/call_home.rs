//! Call home over TLS (RFC 8071): the server dials, the client speaks TLS first.

use std::time::Duration;

use ponder::transport::call_home::CallHomeClient;
use ponder::transport::server::{CallHome, Security};
use tokio::net::TcpListener;

use crate::client::{Talk, rpc};
use crate::{Lab, scenario};

#[test]
fn a_client_that_waits_is_called_and_called_again() {
    scenario(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let waiting = listener.local_addr().unwrap().to_string();
        let lab = Lab::with(|plan, _| {
            plan.call_home = CallHome {
                clients: vec![CallHomeClient::parse(Security::Tls, &waiting).unwrap()],
                longest_wait: Duration::from_secs(60),
            };
        })
        .await;
        let ann = lab.client("ann");
        for _ in 0..2 {
            let (tcp, _) = listener.accept().await.unwrap();
            let mut talk = Talk::over(tcp, Some(&ann), rustls::ALL_VERSIONS).await.unwrap();
            assert!(talk.ask(&rpc(1, "<get/>")).await.contains("<ok/>"));
            drop(talk);
            // After a session the wait is a second at most; the clock only moves here.
            let mut calls = std::pin::pin!(listener.accept());
            let called = loop {
                lab.clock.advance(Duration::from_secs(1));
                tokio::select! {
                    biased;
                    called = &mut calls => break called,
                    () = tokio::task::yield_now() => {}
                }
            };
            // A call over which nobody shows a certificate is no reason to give up.
            drop(called);
            lab.clock.advance(Duration::from_secs(4));
        }
    });
}
