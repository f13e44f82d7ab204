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
use std::time::{Duration, Instant};

use crate::management::desk::{Ending, Refused};
use crate::management::error::{ErrorTag, ManagementError};
use crate::management::mailbox::Outgoing;
use crate::management::request::{Reply, Request};
use crate::netconf::envelope::{self, Returned};
use crate::netconf::framing::{self, Decoder, Framing, Incoming, Piece};
use crate::netconf::hello;
use crate::netconf::notification;
use crate::netconf::rpc_error;

/// What a session is born with.
#[derive(Clone, Debug)]
pub struct Birth {
    /// From the front desk.
    pub session_id: u32,
    /// Capability URIs without the base versions, not escaped.
    pub capabilities: Vec<String>,
    /// The client's hello must come within this time.
    pub hello_timeout: Duration,
    /// Longer messages are refused.
    pub max_message_bytes: usize,
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
}

/// What the driver has to do.
#[derive(Debug)]
pub enum Output {
    /// Send these bytes, which come in pieces.
    Send(Vec<Piece>),
    /// Ask the front desk; there is never more than one question open.
    Ask(Ticket, Request),
    /// Tell the front desk of a message that was refused; the refusal is sent by itself.
    Refused(Refused),
    /// Send what is left, end the session at the front desk, close the channel. Nothing follows.
    Close(Ending, Option<String>),
}

/// The machine.
#[derive(Debug)]
pub struct Session {
    decoder: Decoder,
    max_message_bytes: usize,
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
}

/// The request that is at the front desk.
#[derive(Debug)]
struct Asked {
    ticket: Ticket,
    returned: Returned,
    closes: bool,
}

impl Session {
    /// A new session; its first output is our hello (RFC 6241 section 8.1: both send at once).
    pub fn new(birth: &Birth, now: Instant) -> Session {
        let hello = hello::server_hello(birth.session_id, &birth.capabilities).into();
        Session {
            decoder: Decoder::new(birth.max_message_bytes),
            max_message_bytes: birth.max_message_bytes,
            tickets: 0,
            outputs: VecDeque::from([Output::Send(framing::encode_pieces(
                Framing::EndOfMessage,
                vec![hello],
            ))]),
            state: State::Hello {
                until: now + birth.hello_timeout,
            },
        }
    }

    /// Moves the machine; then poll its outputs.
    pub fn handle(&mut self, input: Input<'_>, now: Instant) {
        match input {
            Input::Received(bytes) => self.received(bytes),
            Input::EndOfInput => self.end_of_input(),
            Input::Answered(ticket, answer) => self.answered(ticket, answer),
            Input::Notify(notifications) => self.notify(notifications),
            Input::End(ending) => self.close(ending, None),
            Input::DeadlineReached => {
                if let State::Hello { until } = self.state
                    && until <= now
                {
                    self.close(Ending::TimedOut, Some("no hello in time".to_owned()));
                }
            }
        }
        self.ask_next();
    }

    /// What to do next, in order; `None` until another input.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When to come back with [`Input::DeadlineReached`].
    pub fn next_deadline(&self) -> Option<Instant> {
        match self.state {
            State::Hello { until } => Some(until),
            State::Open(_) | State::Closing => None,
        }
    }

    /// Bytes of whole requests that wait for their turn: a measure of how far a pipelining client is ahead.
    pub fn waiting_bytes(&self) -> usize {
        match &self.state {
            State::Open(open) => open.waiting_bytes,
            State::Hello { .. } | State::Closing => 0,
        }
    }

    fn received(&mut self, mut bytes: &[u8]) {
        while !matches!(self.state, State::Closing) {
            match self.decoder.decode(&mut bytes) {
                Ok(Some(incoming)) => self.incoming(incoming),
                Ok(None) => break,
                Err(error) => self.close(Ending::BadMessage, Some(error.to_string())),
            }
        }
    }

    fn incoming(&mut self, incoming: Incoming) {
        match (&mut self.state, incoming) {
            (State::Hello { .. }, Incoming::Message(message)) => match hello::read_client_hello(&message) {
                Ok(framing) => {
                    self.decoder.switch_to(framing);
                    self.state = State::Open(Open {
                        framing,
                        waiting: VecDeque::new(),
                        waiting_bytes: 0,
                        asked: None,
                        input_ended: false,
                    });
                }
                Err(error) => self.close(Ending::BadHello, Some(error.to_string())),
            },
            (State::Hello { .. }, Incoming::TooBig) => {
                let reason = format!("hello is longer than {} bytes", self.max_message_bytes);
                self.close(Ending::BadHello, Some(reason));
            }
            (State::Open(open), incoming) => {
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
                    let refusal = rpc_error::too_big(self.max_message_bytes);
                    self.refuse(Refused::Message, &Returned::default(), refusal);
                }
            }
        }
    }

    fn request(&mut self, message: &[u8]) {
        let State::Open(open) = &mut self.state else {
            return;
        };
        match envelope::read(message) {
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
                Framing::Chunked => {
                    let refusal = rpc_error::malformed_message(&fault);
                    self.refuse(Refused::Message, &Returned::default(), refusal);
                }
                // RFC 6241 appendix A keeps malformed-message from old clients, and section 3 then ends the session.
                Framing::EndOfMessage => {
                    self.outputs.push_back(Output::Refused(Refused::Message));
                    self.close(Ending::BadMessage, Some(format!("malformed message: {fault}")));
                }
            },
        }
    }

    fn refuse(&mut self, refused: Refused, returned: &Returned, refusal: ManagementError) {
        self.outputs.push_back(Output::Refused(refused));
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
        Incoming::TooBig => 0,
    }
}
