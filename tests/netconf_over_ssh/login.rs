//! Who comes in and who does not.

use russh::MethodKind;
use russh::client::AuthResult;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

use crate::client::{BASE_1_1, Talk, connect, rpc, try_key};
use crate::{Lab, scenario};
use ponder::transport::host_key::{HostKey, HostKeyKind};
use ponder::transport::server::Limits;

#[test]
fn a_listed_key_opens_a_session_for_its_user() {
    scenario(async {
        let lab = Lab::start().await;
        let connection = lab.log_in().await;
        let talk = Talk::open(&connection, BASE_1_1).await;
        let visitor = lab.desk.visitor(talk.session_id);
        assert_eq!(visitor.user, "alice");
        assert!(visitor.from.starts_with("127.0.0.1:"));
        assert_eq!(visitor.transport, "netconf-ssh");
    });
}

#[test]
fn an_unlisted_key_and_an_unknown_user_are_refused_without_delay() {
    scenario(async {
        let lab = Lab::start().await;
        let mut connection = connect(lab.address).await;
        let stranger = HostKey::generate(HostKeyKind::Ed25519)
            .unwrap()
            .to_openssh()
            .unwrap();
        for (user, key) in [("alice", stranger.as_str()), ("bob", lab.key.as_str())] {
            let result = try_key(&mut connection, user, key).await;
            let AuthResult::Failure {
                remaining_methods, ..
            } = result
            else {
                panic!("{user} was let in");
            };
            assert_eq!(&*remaining_methods, [MethodKind::PublicKey, MethodKind::Password]);
        }
        // The same connection may still get it right.
        let result = try_key(&mut connection, "alice", &lab.key).await;
        assert!(matches!(result, AuthResult::Success));
    });
}

#[test]
fn a_wrong_password_and_an_unknown_user_are_refused_and_the_right_password_opens() {
    scenario(async {
        let lab = Lab::start().await;
        let mut connection = connect(lab.address).await;
        for (user, password) in [("alice", "wrong"), ("bob", "open sesame")] {
            let result = connection.authenticate_password(user, password).await.unwrap();
            assert!(matches!(result, AuthResult::Failure { .. }), "{user} was let in");
        }
        let result = connection
            .authenticate_password("alice", "open sesame")
            .await
            .unwrap();
        assert!(matches!(result, AuthResult::Success));
        let mut talk = Talk::open(&connection, BASE_1_1).await;
        assert!(talk.ask(&rpc(1, "<get/>")).await.contains("<ok/>"));
    });
}

#[test]
fn who_does_not_log_in_in_time_is_sent_away() {
    scenario(async {
        let lab = Lab::start().await;
        let connection = connect(lab.address).await;
        let mut lazy = TcpStream::connect(lab.address).await.unwrap();
        let mut greeting = [0; 8];
        lazy.read_exact(&mut greeting).await.unwrap();
        assert_eq!(&greeting, b"SSH-2.0-");
        lab.clock.advance(Limits::default().login_grace);
        let _ = lazy.read_to_end(&mut Vec::new()).await;
        while !connection.is_closed() {
            tokio::task::yield_now().await;
        }
    });
}

#[test]
fn more_newcomers_than_allowed_are_turned_away_until_one_has_logged_in() {
    scenario(async {
        let lab = Lab::with(Limits {
            max_unauthenticated: 1,
            ..Limits::default()
        })
        .await;
        let mut first = connect(lab.address).await;
        let mut second = TcpStream::connect(lab.address).await.unwrap();
        let mut bytes = Vec::new();
        let _ = second.read_to_end(&mut bytes).await;
        let words = String::from_utf8_lossy(&bytes);
        assert_eq!(
            words,
            "too many connections: 1 have not logged in (max-unauthenticated)\r\n"
        );
        assert!(matches!(
            try_key(&mut first, "alice", &lab.key).await,
            AuthResult::Success
        ));
        // Its place is free a moment later; a greeting shows it.
        let mut greeting = [0; 8];
        loop {
            let mut third = TcpStream::connect(lab.address).await.unwrap();
            if third.read_exact(&mut greeting).await.is_ok() && greeting.starts_with(b"SSH-2.0") {
                break;
            }
        }
    });
}

#[test]
fn a_shell_is_refused_politely_and_an_unknown_subsystem_plainly() {
    scenario(async {
        let lab = Lab::start().await;
        let connection = lab.log_in().await;
        for command in [None, Some("show version")] {
            let mut channel = connection.channel_open_session().await.unwrap();
            match command {
                None => channel.request_shell(true).await.unwrap(),
                Some(command) => channel.exec(true, command).await.unwrap(),
            }
            let mut excuse = String::new();
            let mut status = None;
            while let Some(message) = channel.wait().await {
                match message {
                    russh::ChannelMsg::ExtendedData { data, ext: 1 } => {
                        excuse.push_str(&String::from_utf8_lossy(&data));
                    }
                    russh::ChannelMsg::ExitStatus { exit_status } => status = Some(exit_status),
                    _ => {}
                }
            }
            assert!(
                excuse.starts_with("There is no command line here yet"),
                "{excuse}"
            );
            assert_eq!(status, Some(1));
        }
        let mut channel = connection.channel_open_session().await.unwrap();
        channel.request_subsystem(true, "sftp").await.unwrap();
        assert!(matches!(channel.wait().await, Some(russh::ChannelMsg::Failure)));
    });
}

#[test]
fn a_terminal_may_be_asked_for_before_the_subsystem() {
    scenario(async {
        let lab = Lab::start().await;
        let connection = lab.log_in().await;
        let mut channel = connection.channel_open_session().await.unwrap();
        channel
            .request_pty(true, "xterm", 80, 24, 0, 0, &[])
            .await
            .unwrap();
        assert!(matches!(channel.wait().await, Some(russh::ChannelMsg::Success)));
        channel.request_subsystem(true, "netconf").await.unwrap();
        assert!(matches!(channel.wait().await, Some(russh::ChannelMsg::Success)));
        assert!(matches!(
            channel.wait().await,
            Some(russh::ChannelMsg::Data { .. })
        ));
    });
}
