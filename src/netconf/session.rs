//! One NETCONF session as a machine: hello, then requests answered in their order, then the end.
//!
//! ```text
//!              client's hello          <close-session/> answered, or anything that ends it
//!  new ─▶ Hello ─────────────▶ Open ─────────────────────────────────────────────────────▶ Closing
//!           │                                                                                ▲
//!           └─────────── bad hello, silence, end of input, end from outside ─────────────────┘
//! ```
//!
//! Requests may come faster than answers (pipelining). They wait here and are asked one after the other, so replies
//! have the order of the requests (RFC 6241 section 4.5).

use std::collections::VecDeque;
use std::mem;
use std::time::Instant;

use crate::management::desk::{Ending, Refused};
use crate::management::error::{ErrorTag, ManagementError};
use crate::management::mailbox::Outgoing;
use crate::management::request::{Reply, Request};
use crate::netconf::bounds::{Bounds, MAX_HELLO_BYTES};
use crate::netconf::envelope::{self, Returned};
use crate::netconf::framing::{self, Decoder, Framing, Incoming, Piece};
use crate::netconf::hello;
use crate::netconf::notification;
use crate::netconf::rpc_error;

/// Messages up to this length are taken although memory is short, so that one client cannot keep out the others.
pub const SHORT_MESSAGE_BYTES: usize = 1024 * 1024;

/// What a session is born with.
#[derive(Clone, Debug)]
pub struct Birth {
    /// From the front desk.
    pub session_id: u32,
    /// Capability URIs without the base versions, not escaped.
    pub capabilities: Vec<String>,
    /// What the client may take.
    pub bounds: Bounds,
}

/// Tells which request an answer belongs to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Ticket(u64);

/// What moves a session.
#[derive(Debug)]
pub enum Input<'a> {
    /// Bytes of the client, cut anywhere.
    Received(&'a [u8]),
    /// The client will send no more. What it asked before is still answered.
    EndOfInput,
    /// The front desk's answer to an [`Output::Ask`].
    Answered(Ticket, Result<Reply, Vec<ManagementError>>),
    /// Notifications for the client, in their order; not between a request and its answer where the answer begins them.
    Notify(&'a [Outgoing]),
    /// Ended from outside: killed, connection lost, shutdown.
    End(Ending),
    /// [`Session::next_deadline`] has come.
    DeadlineReached,
    /// The session follows notifications, so it is not idle.
    Following,
    /// There is no room for what the client has sent: its long messages that wait are refused.
    NoRoom,
}

/// What the driver has to do.
#[derive(Debug)]
pub enum Output {
    /// Send these bytes, which come in pieces.
    Send(Vec<Piece>),
    /// Ask the front desk; there is never more than one question open.
    Ask(Ticket, Request),
    /// Tell the front desk of a message that was refused, and the log why; the refusal is sent by itself.
    Refused(Refused, String),
    /// Send what is left, end the session at the front desk, close the channel. Nothing follows.
    Close(Ending, Option<String>),
}

/// The machine.
#[derive(Debug)]
pub struct Session {
    decoder: Decoder,
    bounds: Bounds,
    tickets: u64,
    outputs: VecDeque<Output>,
    state: State,
}

#[derive(Debug)]
enum State {
    Hello { until: Instant },
    Open(Open),
    Closing,
}

#[derive(Debug)]
struct Open {
    framing: Framing,
    waiting: VecDeque<Incoming>,
    waiting_bytes: usize,
    asked: Option<Asked>,
    input_ended: bool,
    /// When the last message came or was answered.
    quiet_since: Instant,
    /// When the message began that is not whole yet.
    message_began: Option<Instant>,
}

/// The request that is at the front desk.
#[derive(Debug)]
struct Asked {
    ticket: Ticket,
    returned: Returned,
    closes: bool,
}

impl Open {
    /// When the message that has begun must be whole.
    fn message_due(&self, bounds: &Bounds) -> Option<Instant> {
        Some(self.message_began? + bounds.message_timeout)
    }

    /// When the session has asked nothing for too long; never while it waits for an answer or is sending a message.
    fn idle_until(&self, bounds: &Bounds) -> Option<Instant> {
        let busy = self.asked.is_some() || !self.waiting.is_empty() || self.message_began.is_some();
        let patience = bounds.idle_timeout.filter(|_| !busy)?;
        Some(self.quiet_since + patience)
    }
}

impl Session {
    /// A new session; its first output is our hello (RFC 6241 section 8.1: both send at once).
    pub fn new(birth: &Birth, now: Instant) -> Session {
        let hello = hello::server_hello(birth.session_id, &birth.capabilities).into();
        Session {
            decoder: Decoder::new(birth.bounds.max_message_bytes.min(MAX_HELLO_BYTES)),
            bounds: birth.bounds,
            tickets: 0,
            outputs: VecDeque::from([Output::Send(framing::encode_pieces(
                Framing::EndOfMessage,
                vec![hello],
            ))]),
            state: State::Hello {
                until: now + birth.bounds.hello_timeout,
            },
        }
    }

    /// Moves the machine; then poll its outputs.
    pub fn handle(&mut self, input: Input<'_>, now: Instant) {
        match input {
            Input::Received(bytes) => self.received(bytes, now),
            Input::EndOfInput => self.end_of_input(),
            Input::Answered(ticket, answer) => {
                self.not_idle(now);
                self.answered(ticket, answer);
            }
            Input::Notify(notifications) => self.notify(notifications),
            Input::End(ending) => self.close(ending, None),
            Input::DeadlineReached => self.deadline_reached(now),
            Input::Following => self.not_idle(now),
            Input::NoRoom => self.make_room(),
        }
        self.ask_next();
    }

    /// What to do next, in order; `None` until another input.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When to come back with [`Input::DeadlineReached`].
    pub fn next_deadline(&self) -> Option<Instant> {
        match &self.state {
            State::Hello { until } => Some(*until),
            State::Open(open) => {
                let deadlines = [open.message_due(&self.bounds), open.idle_until(&self.bounds)];
                deadlines.into_iter().flatten().min()
            }
            State::Closing => None,
        }
    }

    /// Bytes that the session keeps of what the client has sent.
    pub fn held_bytes(&self) -> usize {
        self.waiting_bytes() + self.decoder.held_bytes()
    }

    /// Bytes of whole requests that wait for their turn: a measure of how far a pipelining client is ahead.
    pub fn waiting_bytes(&self) -> usize {
        match &self.state {
            State::Open(open) => open.waiting_bytes,
            State::Hello { .. } | State::Closing => 0,
        }
    }

    fn received(&mut self, mut bytes: &[u8], now: Instant) {
        while !matches!(self.state, State::Closing) {
            match self.decoder.decode(&mut bytes) {
                Ok(Some(incoming)) => self.incoming(incoming, now),
                Ok(None) => break,
                Err(error) => self.close(Ending::BadMessage, Some(error.to_string())),
            }
        }
        match &mut self.state {
            // No need to wait for the end of such a hello.
            State::Hello { .. } if self.decoder.is_over_limit() => self.hello_too_long(),
            State::Open(open) if !self.decoder.is_inside_message() => open.message_began = None,
            State::Open(open) => {
                open.message_began.get_or_insert(now);
            }
            State::Hello { .. } | State::Closing => {}
        }
    }

    fn hello_too_long(&mut self) {
        let limit = self.bounds.max_message_bytes.min(MAX_HELLO_BYTES);
        self.close(
            Ending::BadHello,
            Some(format!("hello is longer than {limit} bytes")),
        );
    }

    fn deadline_reached(&mut self, now: Instant) {
        let reason = match &self.state {
            State::Hello { until } if *until <= now => {
                let seconds = self.bounds.hello_timeout.as_secs();
                format!("no hello within {seconds} seconds (hello-timeout-seconds)")
            }
            State::Open(open) if open.message_due(&self.bounds).is_some_and(|due| due <= now) => {
                let seconds = self.bounds.message_timeout.as_secs();
                format!("a message was not whole after {seconds} seconds (message-timeout-seconds)")
            }
            State::Open(open) if open.idle_until(&self.bounds).is_some_and(|until| until <= now) => {
                let seconds = self.bounds.idle_timeout.unwrap_or_default().as_secs();
                format!("nothing was asked for {seconds} seconds (idle-timeout-seconds)")
            }
            State::Hello { .. } | State::Open(_) | State::Closing => return,
        };
        self.close(Ending::TimedOut, Some(reason));
    }

    fn not_idle(&mut self, now: Instant) {
        if let State::Open(open) = &mut self.state {
            open.quiet_since = now;
        }
    }

    /// Refuses what is long of what waits, each message at its turn.
    fn make_room(&mut self) {
        self.decoder.give_up();
        let State::Open(open) = &mut self.state else {
            return;
        };
        for incoming in &mut open.waiting {
            if weight(incoming) > SHORT_MESSAGE_BYTES {
                open.waiting_bytes -= weight(incoming);
                *incoming = Incoming::NoRoom;
            }
        }
    }

    fn incoming(&mut self, incoming: Incoming, now: Instant) {
        match (&mut self.state, incoming) {
            (State::Hello { .. }, Incoming::Message(message)) => {
                match hello::read_client_hello(&message, &self.bounds) {
                    Ok(framing) => {
                        self.decoder.switch_to(framing);
                        self.decoder.set_limit(self.bounds.max_message_bytes);
                        self.state = State::Open(Open {
                            framing,
                            waiting: VecDeque::new(),
                            waiting_bytes: 0,
                            asked: None,
                            input_ended: false,
                            quiet_since: now,
                            message_began: None,
                        });
                    }
                    Err(error) => self.close(Ending::BadHello, Some(error.to_string())),
                }
            }
            (State::Hello { .. }, Incoming::TooBig | Incoming::NoRoom) => self.hello_too_long(),
            (State::Open(open), incoming) => {
                open.quiet_since = now;
                open.message_began = None;
                open.waiting_bytes += weight(&incoming);
                open.waiting.push_back(incoming);
            }
            (State::Closing, _) => {}
        }
    }

    fn end_of_input(&mut self) {
        match &mut self.state {
            State::Hello { .. } => self.close(
                Ending::Dropped,
                Some("the client left before its hello".to_owned()),
            ),
            State::Open(open) => open.input_ended = true,
            State::Closing => {}
        }
    }

    fn answered(&mut self, ticket: Ticket, answer: Result<Reply, Vec<ManagementError>>) {
        let State::Open(open) = &mut self.state else {
            return;
        };
        let Some(asked) = open.asked.take_if(|asked| asked.ticket == ticket) else {
            return;
        };
        let closes = asked.closes && answer.is_ok();
        self.reply(&asked.returned, answer);
        if closes {
            self.close(Ending::Closed, None);
        }
    }

    /// Takes waiting messages until one of them is a question for the front desk.
    fn ask_next(&mut self) {
        loop {
            let State::Open(open) = &mut self.state else {
                return;
            };
            if open.asked.is_some() {
                return;
            }
            let Some(incoming) = open.waiting.pop_front() else {
                if open.input_ended {
                    self.close(Ending::Dropped, None);
                }
                return;
            };
            open.waiting_bytes -= weight(&incoming);
            match incoming {
                Incoming::Message(message) => self.request(&message),
                Incoming::TooBig => {
                    let refusal = rpc_error::too_big(self.bounds.max_message_bytes);
                    self.refuse(Refused::Message, &Returned::default(), refusal);
                }
                Incoming::NoRoom => self.refuse(Refused::Message, &Returned::default(), rpc_error::no_room()),
            }
        }
    }

    fn request(&mut self, message: &[u8]) {
        let State::Open(open) = &mut self.state else {
            return;
        };
        match envelope::read(message, &self.bounds) {
            Ok(envelope) => match envelope.request {
                Ok(request) => {
                    self.tickets += 1;
                    let ticket = Ticket(self.tickets);
                    open.asked = Some(Asked {
                        ticket,
                        returned: envelope.returned,
                        closes: request == Request::CloseSession,
                    });
                    self.outputs.push_back(Output::Ask(ticket, request));
                }
                Err(refusal) => {
                    let refused = match envelope.is_rpc {
                        true => Refused::Operation,
                        false => Refused::Message,
                    };
                    self.refuse(refused, &envelope.returned, refusal);
                }
            },
            Err(fault) => match open.framing {
                framing if framing == Framing::Chunked || fault.is_too_big => {
                    let refusal = rpc_error::malformed_message(&fault);
                    self.refuse(Refused::Message, &Returned::default(), refusal);
                }
                // RFC 6241 appendix A keeps malformed-message from old clients, and section 3 then ends the session.
                _ => {
                    let reason = format!("malformed message: {fault}");
                    self.outputs
                        .push_back(Output::Refused(Refused::Message, reason.clone()));
                    self.close(Ending::BadMessage, Some(reason));
                }
            },
        }
    }

    fn refuse(&mut self, refused: Refused, returned: &Returned, refusal: ManagementError) {
        self.outputs
            .push_back(Output::Refused(refused, refusal.message.clone()));
        self.reply(returned, Err(vec![refusal]));
    }

    fn reply(&mut self, returned: &Returned, answer: Result<Reply, Vec<ManagementError>>) {
        let State::Open(open) = &self.state else { return };
        let answer = answer.map_err(at_least_one);
        let framed = framing::encode_pieces(open.framing, rpc_error::reply(returned, answer));
        self.outputs.push_back(Output::Send(framed));
    }

    fn notify(&mut self, notifications: &[Outgoing]) {
        let State::Open(open) = &self.state else { return };
        for outgoing in notifications {
            let message = notification::notification(outgoing).into();
            let framed = framing::encode_pieces(open.framing, vec![message]);
            self.outputs.push_back(Output::Send(framed));
        }
    }

    fn close(&mut self, ending: Ending, reason: Option<String>) {
        if matches!(mem::replace(&mut self.state, State::Closing), State::Closing) {
            return;
        }
        self.outputs.push_back(Output::Close(ending, reason));
    }
}

/// A refusal without any error would be a reply without any content.
fn at_least_one(errors: Vec<ManagementError>) -> Vec<ManagementError> {
    if errors.is_empty() {
        let message = "the request was refused without a reason";
        return vec![ManagementError::application(ErrorTag::OperationFailed, message)];
    }
    errors
}

fn weight(incoming: &Incoming) -> usize {
    match incoming {
        Incoming::Message(message) => message.len(),
        Incoming::TooBig | Incoming::NoRoom => 0,
    }
}
