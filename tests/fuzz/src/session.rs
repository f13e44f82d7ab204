//! A whole session: whatever comes in, questions are asked one at a time and nothing follows the end.

use std::time::{Duration, Instant};

use ponder::management::request::Reply;
use ponder::netconf::bounds::Bounds;
use ponder::netconf::session::{Birth, Input, Output, Session};

/// The stream of a client; the first byte chooses the size of the slices and when answers come.
pub fn run(data: &[u8]) {
    let Some((&choice, stream)) = data.split_first() else {
        return;
    };
    let birth = Birth {
        session_id: 1,
        capabilities: Vec::new(),
        bounds: Bounds {
            hello_timeout: Duration::from_secs(1),
            max_message_bytes: 2000,
            ..Bounds::default()
        },
    };
    let now = Instant::now();
    let mut session = Session::new(&birth, now);
    let mut asked = None;
    let mut closed = false;
    for slice in stream.chunks(usize::from(choice % 64) + 1) {
        session.handle(Input::Received(slice), now);
        poll(&mut session, &mut asked, &mut closed);
        if choice >= 128
            && let Some(ticket) = asked.take()
        {
            session.handle(Input::Answered(ticket, Ok(Reply::Ok)), now);
            poll(&mut session, &mut asked, &mut closed);
        }
    }
    session.handle(Input::EndOfInput, now);
    poll(&mut session, &mut asked, &mut closed);
    while let Some(ticket) = asked.take() {
        session.handle(Input::Answered(ticket, Ok(Reply::Ok)), now);
        poll(&mut session, &mut asked, &mut closed);
    }
    assert!(closed, "the end of input ends the session once all is answered");
    assert_eq!(session.waiting_bytes(), 0);
}

fn poll(session: &mut Session, asked: &mut Option<ponder::netconf::session::Ticket>, closed: &mut bool) {
    while let Some(output) = session.poll_output() {
        assert!(!*closed, "{output:?} after the end");
        match output {
            Output::Send(pieces) => assert!(pieces.iter().any(|piece| piece.length() > 0)),
            Output::Ask(ticket, _) => assert!(asked.replace(ticket).is_none(), "two questions at a time"),
            Output::Refused(..) => {}
            Output::Close(..) => {
                *closed = true;
                *asked = None;
            }
        }
    }
}
