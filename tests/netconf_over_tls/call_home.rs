//! Call home over TLS (RFC 8071): the server dials, the client speaks TLS first.

use std::time::Duration;

use ponder::transport::call_home::CallHomeClient;
use ponder::transport::server::{CallHome, Security};
use tokio::net::{TcpListener, TcpStream};

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
            let mut talk = Talk::over(called(&lab, &listener).await, Some(&ann), rustls::ALL_VERSIONS)
                .await
                .unwrap();
            assert!(talk.ask(&rpc(1, "<get/>")).await.contains("<ok/>"));
            drop(talk);
            // A call over which nobody shows a certificate is no reason to give up.
            drop(called(&lab, &listener).await);
        }
    });
}

/// The next call. The clock moves here alone, and goes on until it comes: the server begins to wait when it likes.
async fn called(lab: &Lab, listener: &TcpListener) -> TcpStream {
    let mut calls = std::pin::pin!(listener.accept());
    loop {
        tokio::select! {
            biased;
            called = &mut calls => return called.unwrap().0,
            () = tokio::task::yield_now() => lab.clock.advance(Duration::from_millis(50)),
        }
    }
}
