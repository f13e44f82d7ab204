//! How sessions over TLS begin, talk and end.

use ponder::management::desk::Ending;
use ponder::transport::cert_to_name::MapType;
use ponder::transport::server::Limits;
use rcgen::SanType;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::certificates::Authority;
use crate::client::{Talk, chunked, rpc};
use crate::{Lab, any, of, scenario};

#[test]
fn a_client_comes_in_as_the_user_of_its_certificate() {
    scenario(async {
        let lab = Lab::start().await;
        let mut talk = Talk::open(lab.address, &lab.client("ann")).await;
        let reply = talk.ask(&rpc(1, "<get/>")).await;
        assert!(reply.contains("message-id=\"1\"><ok/>"), "{reply}");
        let visitor = lab.desk.visitor(talk.session_id);
        assert_eq!((visitor.user.as_str(), visitor.transport), ("ann", "netconf-tls"));
        let mail = [SanType::Rfc822Name("Bob@Example.COM".try_into().unwrap())];
        let talk = Talk::open(lab.address, &lab.authority.client("bob", 2, &mail)).await;
        assert_eq!(lab.desk.visitor(talk.session_id).user, "Bob@example.com");
    });
}

#[test]
fn both_versions_of_tls_work() {
    scenario(async {
        let lab = Lab::start().await;
        for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
            let tcp = TcpStream::connect(lab.address).await.unwrap();
            let mut talk = Talk::over(tcp, Some(&lab.client("ann")), &[version])
                .await
                .unwrap();
            assert!(talk.ask(&rpc(1, "<get/>")).await.contains("<ok/>"));
        }
    });
}

#[test]
fn the_first_entry_that_matches_and_gives_a_name_holds() {
    scenario(async {
        let root = Authority::new("root");
        let east = root.below("east");
        let west = root.below("west");
        let (ann, ann_copy) = {
            let ann = east.client("ann", 1, &[]);
            (ann.der.clone(), ann.with(&east))
        };
        let lab = Lab::with(|plan, _| {
            // The intermediate of the west is held here; clients of the east send theirs.
            plan.client_cas = root.certificate.pem() + &west.certificate.pem();
            plan.cert_to_name = vec![
                of(b"nobody's", MapType::Specified("nobody".to_owned())),
                any(MapType::SanDnsName),
                of(&ann, MapType::Specified("operator".to_owned())),
                of(
                    west.certificate.der(),
                    MapType::Specified("west-operator".to_owned()),
                ),
                of(root.certificate.der(), MapType::CommonName),
            ];
        })
        .await;
        let dns = [SanType::DnsName("NMS.example".try_into().unwrap())];
        for (pair, user) in [
            (ann_copy, "operator"),
            (east.client("bob", 2, &[]).with(&east), "bob"),
            (east.client("eve", 3, &dns).with(&east), "nms.example"),
            (west.client("carl", 4, &[]), "west-operator"),
            (west.client("carl", 4, &[]).with(&west), "west-operator"),
        ] {
            let talk = Talk::open(lab.address, &pair).await;
            assert_eq!(lab.desk.visitor(talk.session_id).user, user);
        }
    });
}

#[test]
fn close_session_is_answered_and_then_tls_and_tcp_are_closed() {
    scenario(async {
        let lab = Lab::start().await;
        let mut talk = Talk::open(lab.address, &lab.client("ann")).await;
        assert!(talk.ask(&rpc(1, "<close-session/>")).await.contains("<ok/>"));
        // close_notify, not an end in the middle: that would be an error here.
        assert_eq!(talk.message().await, None);
        assert_eq!(lab.desk.ending(talk.session_id).await, Ending::Closed);
    });
}

#[test]
fn a_client_that_closes_its_side_gets_its_replies() {
    scenario(async {
        let lab = Lab::start().await;
        let mut talk = Talk::open(lab.address, &lab.client("ann")).await;
        talk.send([chunked(&rpc(1, "<get/>")), chunked(&rpc(2, "<get/>"))].concat())
            .await;
        talk.stream.shutdown().await.unwrap();
        assert!(talk.message().await.unwrap().contains("message-id=\"1\""));
        assert!(talk.message().await.unwrap().contains("message-id=\"2\""));
        assert_eq!(talk.message().await, None);
        assert_eq!(lab.desk.ending(talk.session_id).await, Ending::Dropped);
    });
}

#[test]
fn a_connection_that_vanishes_ends_its_session_at_once() {
    scenario(async {
        let lab = Lab::start().await;
        let talk = Talk::open(lab.address, &lab.client("ann")).await;
        let id = talk.session_id;
        let (tcp, _) = talk.stream.into_inner();
        tcp.set_zero_linger().unwrap();
        drop(tcp);
        assert_eq!(lab.desk.ending(id).await, Ending::Dropped);
    });
}

#[test]
fn a_killed_session_loses_its_connection_and_another_keeps_its_own() {
    scenario(async {
        let lab = Lab::start().await;
        let victim = Talk::open(lab.address, &lab.client("ann")).await;
        let mut other = Talk::open(lab.address, &lab.client("bob")).await;
        lab.desk.kill(victim.session_id);
        assert_eq!(lab.desk.ending(victim.session_id).await, Ending::Killed);
        assert!(other.ask(&rpc(1, "<get/>")).await.contains("<ok/>"));
    });
}

#[test]
fn a_bad_chunk_ends_its_own_session_only() {
    scenario(async {
        let lab = Lab::start().await;
        let mut bad = Talk::open(lab.address, &lab.client("ann")).await;
        let mut good = Talk::open(lab.address, &lab.client("bob")).await;
        bad.send("\n#00\n").await;
        assert_eq!(bad.message().await, None);
        assert_eq!(lab.desk.ending(bad.session_id).await, Ending::BadMessage);
        assert!(good.ask(&rpc(1, "<get/>")).await.contains("<ok/>"));
    });
}

#[test]
fn a_client_that_asks_much_before_it_reads_gets_all_its_replies() {
    scenario(async {
        let lab = Lab::start().await;
        let mut talk = Talk::open(lab.address, &lab.client("ann")).await;
        let padding = format!("<!--{}-->", "x".repeat(20_000));
        for id in 1..=100 {
            talk.send(chunked(&rpc(id, &format!("{padding}<get/>")))).await;
        }
        for id in 1..=100 {
            let reply = talk.message().await.unwrap();
            assert!(reply.contains(&format!("message-id=\"{id}\"")), "{reply}");
        }
    });
}

#[test]
fn long_replies_come_whole() {
    scenario(async {
        let lab = Lab::start().await;
        let mut talk = Talk::open(lab.address, &lab.client("ann")).await;
        let reply = talk
            .ask(&rpc(1, "<bytes-5000000 xmlns=\"urn:example:test\"/>"))
            .await;
        assert!(reply.len() > 5_000_000);
    });
}

#[test]
fn sessions_of_both_transports_share_one_limit() {
    scenario(async {
        let lab = Lab::with(|plan, _| {
            plan.limits = Limits {
                max_sessions: 1,
                ..Limits::default()
            };
        })
        .await;
        let first = Talk::open(lab.address, &lab.client("ann")).await;
        let tcp = TcpStream::connect(lab.address).await.unwrap();
        let refused = Talk::over(tcp, Some(&lab.client("bob")), rustls::ALL_VERSIONS).await;
        assert_eq!(refused.err().unwrap().to_string(), "closed without a word");
        drop(first);
    });
}

#[test]
fn a_shutdown_ends_every_session_and_stops_listening() {
    scenario(async {
        let lab = Lab::start().await;
        let talk = Talk::open(lab.address, &lab.client("ann")).await;
        lab.server.shutdown().await;
        assert_eq!(lab.desk.endings(), [(talk.session_id, Ending::Dropped)]);
        assert!(TcpStream::connect(lab.address).await.is_err());
    });
}
