//! Clients that are faster or slower than the server.

use std::time::Duration;

use ponder::management::desk::Ending;
use russh::ChannelMsg;

use crate::client::{BASE_1_1, Talk, chunked, rpc, test_rpc};
use crate::{Lab, scenario};

#[test]
fn pipelined_requests_are_answered_in_their_order() {
    scenario(async {
        let lab = Lab::start().await;
        let connection = lab.log_in().await;
        let mut talk = Talk::open(&connection, BASE_1_1).await;
        let requests: Vec<u8> = (1..=300).flat_map(|id| chunked(&rpc(id, "<get/>"))).collect();
        talk.send(requests).await;
        for id in 1..=300 {
            let reply = talk.message().await.unwrap();
            assert!(reply.contains(&format!("message-id=\"{id}\"")), "{reply}");
        }
    });
}

#[test]
fn a_reply_of_many_megabytes_arrives_whole() {
    scenario(async {
        let lab = Lab::start().await;
        let connection = lab.log_in().await;
        let mut talk = Talk::open(&connection, BASE_1_1).await;
        let reply = talk.ask(&test_rpc(1, "bytes-20000000")).await;
        assert!(reply.len() > 20_000_000);
        assert!(reply.ends_with("x</data></rpc-reply>"));
    });
}

#[test]
fn a_client_that_stops_reading_delays_nobody_and_can_be_killed() {
    scenario(async {
        let lab = Lab::start().await;
        let stuck_connection = lab.log_in().await;
        let stuck = Talk::open(&stuck_connection, BASE_1_1).await;
        for id in 1..=3 {
            stuck.send(chunked(&test_rpc(id, "bytes-20000000"))).await;
        }
        lab.desk.asked(1).await;
        let connection = lab.log_in().await;
        let mut other = Talk::open(&connection, BASE_1_1).await;
        assert!(other.ask(&rpc(1, "<get/>")).await.contains("<ok/>"));
        // Its second request is not even asked while the first reply is stuck.
        assert_eq!(lab.desk.questions(), 2);
        lab.desk.kill(stuck.session_id);
        assert_eq!(lab.desk.ending(stuck.session_id).await, Ending::Killed);
        // Once it reads again it finds the channel closed in the middle of a reply.
        let mut channel = stuck.channel;
        let mut received = 0;
        while let Some(message) = channel.wait().await {
            if let ChannelMsg::Data { data } = message {
                received += data.len();
            }
        }
        assert!(received < 20_000_000, "{received}");
    });
}

async fn pause(duration: Duration) {
    let _ = tokio::time::timeout(duration, std::future::pending::<()>()).await;
}

#[test]
fn a_client_that_pipelines_much_more_than_fits_gets_everything() {
    scenario(async {
        let lab = Lab::start().await;
        let connection = lab.log_in().await;
        let mut talk = Talk::open(&connection, BASE_1_1).await;
        talk.ask(&rpc(0, "<get/>")).await;
        // 8 MB of requests, 40 MB of replies, both under way at the same time.
        let padding = "p".repeat(20_000);
        let (mut reader, writer) = talk.channel.split();
        let sending = tokio::spawn(async move {
            for id in 1..=400 {
                let request = rpc(
                    id,
                    &format!("<bytes-100000 xmlns=\"urn:example:test\">{padding}</bytes-100000>"),
                );
                writer.data_bytes(chunked(&request)).await.unwrap();
            }
            writer
        });
        let mut received = 0;
        while received < 40_000_000 {
            match reader.wait().await {
                Some(ChannelMsg::Data { data }) => received += data.len(),
                Some(_) => {}
                None => panic!("closed after {received} bytes"),
            }
        }
        sending.await.unwrap();
        lab.desk.asked(401).await;
    });
}

#[test]
fn a_client_that_pipelines_to_a_slow_desk_is_held_back_and_then_served() {
    scenario(async {
        let lab = Lab::start().await;
        let connection = lab.log_in().await;
        let talk = Talk::open(&connection, BASE_1_1).await;
        talk.send(chunked(&test_rpc(1, "slow"))).await;
        lab.desk.asked(1).await;
        let (mut reader, writer) = talk.channel.split();
        let sent = std::sync::Arc::new(std::sync::atomic::AtomicU32::new(0));
        let counter = std::sync::Arc::clone(&sent);
        let sending = tokio::spawn(async move {
            let padding = "p".repeat(20_000);
            for id in 2..=500 {
                let request = rpc(
                    id,
                    &format!("<other xmlns=\"urn:example:test\">{padding}</other>"),
                );
                writer.data_bytes(chunked(&request)).await.unwrap();
                counter.store(id, std::sync::atomic::Ordering::SeqCst);
            }
            writer
        });
        pause(Duration::from_secs(1)).await;
        let held_at = sent.load(std::sync::atomic::Ordering::SeqCst);
        assert!(
            held_at < 400,
            "{held_at} of 500 requests went out to a desk that does not answer"
        );
        // Another session of the same connection is still served, if slowly.
        let mut other = Talk::open(&connection, BASE_1_1).await;
        assert!(other.ask(&rpc(1, "<get/>")).await.contains("<ok/>"));
        lab.desk.let_go();
        let mut text = String::new();
        while !text.contains("message-id=\"500\"") {
            match reader.wait().await {
                Some(ChannelMsg::Data { data }) => text.push_str(&String::from_utf8_lossy(&data)),
                Some(_) => {}
                None => panic!("closed after {text}"),
            }
        }
        sending.await.unwrap();
    });
}
