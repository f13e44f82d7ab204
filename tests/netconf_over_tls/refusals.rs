//! Who is not let in over TLS, while others are.

use std::io;

use jiff::SignedDuration;
use ponder::transport::cert_to_name::MapType;
use ponder::transport::server::Limits;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

use crate::certificates::{Authority, Pair};
use crate::client::{Talk, rpc};
use crate::{Lab, any, of, scenario};

/// How a client with this certificate is refused.
async fn refusal(lab: &Lab, pair: Option<&Pair>) -> io::Error {
    let tcp = TcpStream::connect(lab.address).await.unwrap();
    let talk = Talk::over(tcp, pair, rustls::ALL_VERSIONS).await;
    talk.err().expect("the client should be refused")
}

#[test]
fn a_client_without_certificate_is_refused() {
    scenario(async {
        let lab = Lab::start().await;
        let told = refusal(&lab, None).await.to_string();
        assert!(told.contains("CertificateRequired"), "{told}");
        Talk::open(lab.address, &lab.client("ann")).await;
    });
}

#[test]
fn a_certificate_of_another_ca_is_refused() {
    scenario(async {
        let lab = Lab::start().await;
        let stranger = Authority::new("clients' CA").client("ann", 1, &[]);
        let told = refusal(&lab, Some(&stranger)).await.to_string();
        assert!(told.contains("alert"), "{told}");
    });
}

#[test]
fn a_certificate_that_has_ended_is_refused() {
    scenario(async {
        let lab = Lab::start().await;
        let ann = lab.client("ann");
        Talk::open(lab.address, &ann).await;
        lab.clock.set_wall(SignedDuration::from_hours(365 * 24));
        let told = refusal(&lab, Some(&ann)).await.to_string();
        assert!(told.contains("CertificateExpired"), "{told}");
    });
}

#[test]
fn a_revoked_certificate_is_refused_and_so_is_every_one_when_the_list_is_old() {
    scenario(async {
        let lab = Lab::with(|plan, authority| plan.revocations = Some(authority.revocations(&[7]))).await;
        let (good, bad) = (lab.client("ann"), lab.authority.client("eve", 7, &[]));
        Talk::open(lab.address, &good).await;
        let told = refusal(&lab, Some(&bad)).await.to_string();
        assert!(told.contains("CertificateRevoked"), "{told}");
        lab.clock.set_wall(SignedDuration::from_hours(60 * 24));
        let told = refusal(&lab, Some(&good)).await.to_string();
        assert!(told.contains("alert"), "{told}");
    });
}

#[test]
fn a_certificate_that_stands_for_nobody_is_refused() {
    scenario(async {
        let lab = Lab::with(|plan, _| {
            plan.cert_to_name = vec![
                of(b"another", MapType::Specified("admin".to_owned())),
                any(MapType::SanAny),
            ];
        })
        .await;
        let told = refusal(&lab, Some(&lab.client("ann"))).await.to_string();
        assert_eq!(told, "closed without a word");
        assert!(lab.desk.endings().is_empty());
    });
}

#[test]
fn connections_without_handshake_are_few_and_short() {
    scenario(async {
        let lab = Lab::with(|plan, _| {
            plan.limits = Limits {
                max_unauthenticated: 2,
                ..Limits::default()
            };
        })
        .await;
        let mut talk = Talk::open(lab.address, &lab.client("ann")).await;
        let mut lazy = Vec::new();
        for _ in 0..100 {
            lazy.push(TcpStream::connect(lab.address).await.unwrap());
        }
        // Two wait for their handshake, the others were closed at once.
        for refused in &mut lazy[2..] {
            let end = refused.read(&mut [0; 1]).await;
            assert!(matches!(end, Ok(0) | Err(_)), "{end:?}");
        }
        assert!(talk.ask(&rpc(1, "<get/>")).await.contains("<ok/>"));
        lab.clock.advance(Limits::default().login_grace);
        for late in &mut lazy[..2] {
            let end = late.read(&mut [0; 1]).await;
            assert!(matches!(end, Ok(0) | Err(_)), "{end:?}");
        }
        Talk::open(lab.address, &lab.client("bob")).await;
    });
}

#[test]
fn what_is_no_tls_is_refused() {
    scenario(async {
        use tokio::io::AsyncWriteExt;
        let lab = Lab::start().await;
        let mut plain = TcpStream::connect(lab.address).await.unwrap();
        plain.write_all(b"SSH-2.0-lost\r\n").await.unwrap();
        let mut end = Vec::new();
        let _ = plain.read_to_end(&mut end).await;
        assert!(end.len() < 10, "no more than an alert: {end:?}");
    });
}
