//! How sessions begin, talk and end.

use std::time::Duration;

use ponder::management::desk::Ending;
use ponder::transport::server::Limits;
use russh::ChannelMsg;

use crate::client::{BASE_1_0, BASE_1_1, Talk, chunked, hello, rpc, test_rpc};
use crate::{Lab, scenario};

#[test]
fn both_framings_work() {
    scenario(async {
        let lab = Lab::start().await;
        let connection = lab.log_in().await;
        let mut new = Talk::open(&connection, BASE_1_1).await;
        assert!(
            new.ask(&rpc(1, "<get/>"))
                .await
                .contains("message-id=\"1\"><ok/>")
        );
        let mut old = Talk::open(&connection, BASE_1_0).await;
        old.send(format!(
            "{}]]>]]>\n{}]]>]]>",
            rpc(1, "<get/>"),
            rpc(2, "<commit/>")
        ))
        .await;
        assert!(old.message().await.unwrap().contains("message-id=\"1\"><ok/>"));
        assert!(old.message().await.unwrap().contains("message-id=\"2\"><ok/>"));
    });
}

#[test]
fn a_refusal_reaches_the_client_as_rpc_error() {
    scenario(async {
        let lab = Lab::start().await;
        let connection = lab.log_in().await;
        let mut talk = Talk::open(&connection, BASE_1_1).await;
        let reply = talk
            .ask(&rpc(1, "<lock><target><candidate/></target></lock>"))
            .await;
        assert!(reply.contains("<error-tag>lock-denied</error-tag>"), "{reply}");
        assert!(
            reply.contains("<error-info><session-id>9</session-id></error-info>"),
            "{reply}"
        );
    });
}

#[test]
fn close_session_is_answered_and_then_the_channel_closes_with_status_zero() {
    scenario(async {
        let lab = Lab::start().await;
        let connection = lab.log_in().await;
        let mut talk = Talk::open(&connection, BASE_1_1).await;
        assert!(talk.ask(&rpc(1, "<close-session/>")).await.contains("<ok/>"));
        assert_eq!(talk.message().await, None);
        assert_eq!(talk.exit_status, Some(0));
        assert_eq!(lab.desk.ending(talk.session_id).await, Ending::Closed);
        // The connection is still good for another session.
        Talk::open(&connection, BASE_1_1).await;
    });
}

#[test]
fn a_client_that_only_pipes_requests_in_gets_its_replies() {
    scenario(async {
        let lab = Lab::start().await;
        let connection = lab.log_in().await;
        let mut talk = Talk::open(&connection, BASE_1_1).await;
        talk.send([chunked(&rpc(1, "<get/>")), chunked(&rpc(2, "<get/>"))].concat())
            .await;
        talk.channel.eof().await.unwrap();
        assert!(talk.message().await.unwrap().contains("message-id=\"1\""));
        assert!(talk.message().await.unwrap().contains("message-id=\"2\""));
        assert_eq!(talk.message().await, None);
        assert_eq!(lab.desk.ending(talk.session_id).await, Ending::Dropped);
    });
}

#[test]
fn a_connection_that_vanishes_ends_its_sessions_at_once() {
    scenario(async {
        let lab = Lab::start().await;
        let wire = Wire::between_client_and(lab.address).await;
        let connection = crate::client::log_in(wire.address, "alice", &lab.key).await;
        let one = Talk::open(&connection, BASE_1_1).await;
        let two = Talk::open(&connection, BASE_1_1).await;
        wire.cut();
        assert_eq!(lab.desk.ending(one.session_id).await, Ending::Dropped);
        assert_eq!(lab.desk.ending(two.session_id).await, Ending::Dropped);
    });
}

#[test]
fn what_a_vanished_client_asked_is_finished_before_its_session_is_forgotten() {
    scenario(async {
        let lab = Lab::start().await;
        let wire = Wire::between_client_and(lab.address).await;
        let connection = crate::client::log_in(wire.address, "alice", &lab.key).await;
        let talk = Talk::open(&connection, BASE_1_1).await;
        talk.send(chunked(&test_rpc(1, "slow"))).await;
        lab.desk.asked(1).await;
        wire.cut();
        assert_eq!(lab.desk.endings(), []);
        lab.desk.let_go();
        assert_eq!(lab.desk.ending(talk.session_id).await, Ending::Dropped);
    });
}

/// A wire that can be cut without a word of farewell.
struct Wire {
    address: std::net::SocketAddr,
    carrying: tokio::task::JoinHandle<()>,
}

impl Wire {
    async fn between_client_and(server: std::net::SocketAddr) -> Wire {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let carrying = tokio::spawn(async move {
            let (mut client, _) = listener.accept().await.unwrap();
            let mut server = tokio::net::TcpStream::connect(server).await.unwrap();
            let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
        });
        Wire { address, carrying }
    }

    fn cut(self) {
        self.carrying.abort();
    }
}

#[test]
fn a_killed_session_loses_its_channel_and_its_connection_keeps_the_others() {
    scenario(async {
        let lab = Lab::start().await;
        let connection = lab.log_in().await;
        let mut victim = Talk::open(&connection, BASE_1_1).await;
        let mut other = Talk::open(&connection, BASE_1_1).await;
        lab.desk.kill(victim.session_id);
        assert_eq!(victim.message().await, None);
        assert_eq!(victim.exit_status, Some(1));
        assert_eq!(lab.desk.ending(victim.session_id).await, Ending::Killed);
        assert!(other.ask(&rpc(1, "<get/>")).await.contains("<ok/>"));
    });
}

#[test]
fn a_bad_chunk_ends_its_own_session_only() {
    scenario(async {
        let lab = Lab::start().await;
        let connection = lab.log_in().await;
        let mut bad = Talk::open(&connection, BASE_1_1).await;
        let mut good = Talk::open(&connection, BASE_1_1).await;
        bad.send("\n#00\n").await;
        assert_eq!(bad.message().await, None);
        assert_eq!(lab.desk.ending(bad.session_id).await, Ending::BadMessage);
        assert!(good.ask(&rpc(1, "<get/>")).await.contains("<ok/>"));
    });
}

#[test]
fn silence_in_place_of_a_hello_ends_the_session() {
    scenario(async {
        let lab = Lab::start().await;
        let connection = lab.log_in().await;
        let mut silent = Talk::begin(&connection).await;
        let mut polite = Talk::open(&connection, BASE_1_1).await;
        polite.ask(&rpc(1, "<get/>")).await;
        lab.clock.advance(Limits::default().session.hello_timeout);
        assert_eq!(silent.message().await, None);
        assert_eq!(lab.desk.ending(silent.session_id).await, Ending::TimedOut);
        assert!(polite.ask(&rpc(2, "<get/>")).await.contains("<ok/>"));
    });
}

#[test]
fn a_hello_of_the_wrong_kind_ends_the_session() {
    scenario(async {
        let lab = Lab::start().await;
        let connection = lab.log_in().await;
        let mut talk = Talk::begin(&connection).await;
        talk.send(hello("urn:ietf:params:netconf:base:9.9")).await;
        assert_eq!(talk.message().await, None);
        assert_eq!(lab.desk.ending(talk.session_id).await, Ending::BadHello);
    });
}

#[test]
fn a_front_desk_that_breaks_down_costs_one_reply_and_not_the_session() {
    scenario(async {
        let lab = Lab::start().await;
        let connection = lab.log_in().await;
        let mut talk = Talk::open(&connection, BASE_1_1).await;
        let reply = talk.ask(&test_rpc(1, "panic")).await;
        assert!(
            reply.contains("<error-tag>operation-failed</error-tag>"),
            "{reply}"
        );
        assert!(talk.ask(&rpc(2, "<get/>")).await.contains("<ok/>"));
    });
}

#[test]
fn a_slow_answer_delays_no_other_session() {
    scenario(async {
        let lab = Lab::start().await;
        let connection = lab.log_in().await;
        let mut slow = Talk::open(&connection, BASE_1_1).await;
        let mut quick = Talk::open(&connection, BASE_1_1).await;
        slow.send(chunked(&test_rpc(1, "slow"))).await;
        lab.desk.asked(1).await;
        assert!(quick.ask(&rpc(1, "<get/>")).await.contains("<ok/>"));
        lab.desk.let_go();
        assert!(slow.message().await.unwrap().contains("<ok/>"));
    });
}

#[test]
fn more_sessions_than_allowed_are_refused_and_room_is_made_again() {
    scenario(async {
        let lab = Lab::with(Limits {
            max_sessions: 1,
            ..Limits::default()
        })
        .await;
        let connection = lab.log_in().await;
        let mut first = Talk::open(&connection, BASE_1_1).await;
        let mut channel = connection.channel_open_session().await.unwrap();
        channel.request_subsystem(true, "netconf").await.unwrap();
        let Some(ChannelMsg::ExtendedData { data, ext: 1 }) = channel.wait().await else {
            panic!("the refusal says nothing");
        };
        let words = String::from_utf8_lossy(&data).into_owned();
        assert!(words.contains("1 sessions are open, and max-sessions"), "{words}");
        assert!(matches!(channel.wait().await, Some(ChannelMsg::Failure)));
        first.ask(&rpc(1, "<close-session/>")).await;
        assert_eq!(first.message().await, None);
        loop {
            // The channel closes a moment before its place is free.
            let mut channel = connection.channel_open_session().await.unwrap();
            channel.request_subsystem(true, "netconf").await.unwrap();
            let answer = loop {
                match channel.wait().await {
                    Some(ChannelMsg::ExtendedData { .. }) => {}
                    answer => break answer,
                }
            };
            if matches!(answer, Some(ChannelMsg::Success)) {
                break;
            }
        }
    });
}

#[test]
fn a_shutdown_ends_every_session_and_stops_listening() {
    scenario(async {
        let lab = Lab::start().await;
        let connection = lab.log_in().await;
        let mut talk = Talk::open(&connection, BASE_1_1).await;
        lab.server.shutdown().await;
        assert_eq!(lab.desk.endings(), [(talk.session_id, Ending::Dropped)]);
        assert_eq!(talk.message().await, None);
        assert!(tokio::net::TcpStream::connect(lab.address).await.is_err());
    });
}

#[test]
fn a_shutdown_does_not_wait_for_newcomers() {
    scenario(async {
        let lab = Lab::start().await;
        let _lazy = tokio::net::TcpStream::connect(lab.address).await.unwrap();
        let _connection = crate::client::connect(lab.address).await;
        let shutdown = tokio::spawn(lab.server.shutdown());
        while !shutdown.is_finished() {
            lab.clock.advance(Duration::from_secs(1));
            tokio::task::yield_now().await;
        }
    });
}
