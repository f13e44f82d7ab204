//! One NETCONF session of a client: carries bytes and questions between the client, the session and the desk.
//!
//! ```text
//!   client ══▶ FromClient ───────▶ ┌─────────┐ ── Ask ──▶ FrontDesk::answer, on a thread that may block
//!                                  │ Session │ ◀─ Answered ──┘
//!   client ◀══ writer task ◀─ mpsc ┴─────────┘   kill switch, shutdown, deadline ──▶ End
//! ```
//!
//! A long reply is laid aside by the desk and read back here as the client takes it.
//!
//! The session's task never waits for the client: what it reads it takes at once, what it sends it queues for the
//! writer task. Two brakes keep this bounded. A question is only asked while less than [`MAX_UNSENT_BYTES`] wait for
//! the client, so a client that does not read is not answered either. And while requests pile up,
//! [`crate::transport::connection`] and [`crate::transport::tls_server`] take them slowly.

use std::future::Future;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::FutureExt;
use futures::future::Fuse;
use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::sync::{Notify, mpsc, oneshot, watch};
use tokio::task::{JoinError, JoinHandle};
use tracing::{Span, error, info, warn};

use crate::management::body::{LaidAside, read_back};
use crate::management::desk::{Ending, FrontDesk, Refused, Visitor};
use crate::management::error::{ErrorTag, ManagementError};
use crate::management::event_stream::Delivery;
use crate::management::request::{Reply, Request};
use crate::netconf::framing::Piece;
use crate::netconf::session::{Birth, Input, Output, SHORT_MESSAGE_BYTES, Session, Ticket};
use crate::transport::clock::SteadyClock;
use crate::transport::flow::{Gauge, Share};
use crate::transport::server::{Shared, raised};

/// While more bytes than this wait for the client, no further question is asked.
const MAX_UNSENT_BYTES: usize = 1024 * 1024;
/// How many bytes of notifications are taken at a time.
const NOTIFICATION_BYTES: usize = 64 * 1024;
/// How much of a text that was laid aside is read at a time.
const READ_BYTES: u64 = 256 * 1024;
/// How long a client may take for what is left when its session is over.
const FAREWELL: Duration = Duration::from_secs(30);

/// What came from the client.
pub(crate) enum Arrival {
    /// These bytes.
    Bytes(Vec<u8>),
    /// Nothing for the session.
    Nothing,
    /// It sends no more, but may still read.
    EndOfInput,
    /// It is gone.
    Gone,
}

/// The client's bytes.
pub(crate) trait FromClient: Send {
    /// The next of them. Nothing is lost when the wait is given up.
    fn next(&mut self) -> impl Future<Output = Arrival> + Send;
}

/// Where bytes for the client go.
pub(crate) trait ToClient: Send + Sized + 'static {
    /// Sends them, at the client's pace.
    fn write(&mut self, bytes: Vec<u8>) -> impl Future<Output = Result<(), ClientGone>> + Send;
}

/// The client takes nothing any more.
#[derive(Debug)]
pub(crate) struct ClientGone;

/// What a session needs from its connection.
pub(crate) struct Surroundings {
    pub(crate) shared: Arc<Shared>,
    pub(crate) visitor: Visitor,
    /// Bytes of requests that wait, over all sessions of the connection.
    pub(crate) waiting: Arc<Gauge>,
}

/// How it ended, once nothing is left to send.
pub(crate) struct Parted<W> {
    pub(crate) ending: Ending,
    /// What the log was told of it, where that is more than the ending.
    pub(crate) reason: Option<String>,
    /// For a word of farewell, unless the client did not take everything.
    pub(crate) writer: Option<W>,
}

/// Serves one session from hello to close.
pub(crate) async fn serve<R: FromClient, W: ToClient>(
    reader: R,
    writer: W,
    around: Surroundings,
) -> Parted<W> {
    let shared = &around.shared;
    let (kill, killed) = oneshot::channel();
    let desk = Arc::clone(&shared.desk);
    let session_id = desk.open(
        around.visitor.clone(),
        Box::new(move || {
            // A session that is gone already cannot be killed any more.
            let _ = kill.send(());
        }),
    );
    Span::current().record("session", session_id);
    let bell = Arc::new(Notify::new());
    let rings = Arc::clone(&bell);
    desk.listen(session_id, Box::new(move || rings.notify_one()));
    let unsent = Arc::new(Gauge::default());
    let (sender, receiver) = mpsc::unbounded_channel();
    let (unreadable, lost) = oneshot::channel();
    let writing = tokio::spawn(write(writer, receiver, Arc::clone(&unsent), unreadable));
    let mut conversation = Conversation {
        session: Session::new(
            &Birth {
                session_id,
                capabilities: desk.capabilities(),
                bounds: shared.limits.session,
            },
            shared.clock.instant(),
        ),
        reader,
        sender,
        unsent,
        killed: killed.fuse(),
        lost: lost.fuse(),
        stop: shared.stop.clone(),
        held: None,
        asking: None,
        bell,
        mail: false,
        look_again: None,
    };
    let (ending, reason) = conversation.hold(session_id, &around).await;
    // An answer in progress is waited for, so that whatever it took (a lock, say) is there to be given back.
    if let Some((_, asking)) = conversation.asking.take() {
        let _ = asking.await;
    }
    let closing = Arc::clone(&desk);
    let _ = tokio::task::spawn_blocking(move || closing.close(session_id, ending)).await;
    if let Some(reason) = &reason {
        info!(?ending, reason, "why the session ended");
    }
    let writer = conversation.part(ending, writing, shared).await;
    Parted {
        ending,
        reason,
        writer,
    }
}

type Answer = Result<Reply, Vec<ManagementError>>;

struct Conversation<R> {
    session: Session,
    reader: R,
    sender: mpsc::UnboundedSender<Piece>,
    unsent: Arc<Gauge>,
    /// Fused, for the desk may throw the switch away unused.
    killed: Fuse<oneshot::Receiver<()>>,
    /// A reply that was laid aside cannot be read back: what was sent of it cannot be finished.
    lost: Fuse<oneshot::Receiver<io::Error>>,
    stop: watch::Receiver<bool>,
    /// A question that waits until the client has read more.
    held: Option<(Ticket, Request)>,
    asking: Option<(Ticket, JoinHandle<Answer>)>,
    /// Rung by the desk when notifications may be waiting.
    bell: Arc<Notify>,
    /// It was, and they have not all been taken.
    mail: bool,
    /// When to look for notifications although the bell does not ring: a stop time comes by itself.
    look_again: Option<Instant>,
}

enum Event {
    Client(Arrival),
    Answer(Ticket, Result<Answer, JoinError>),
    Unsent,
    Mail,
    Killed,
    Lost(io::Error),
    Stopped,
    Deadline,
}

impl<R: FromClient> Conversation<R> {
    /// Until the session says that it is over.
    async fn hold(&mut self, session_id: u32, around: &Surroundings) -> (Ending, Option<String>) {
        let Shared {
            desk, clock, limits, ..
        } = &*around.shared;
        let shared = &around.shared;
        let mut waiting = Share::of(&around.waiting);
        let mut held = Share::of(&shared.input);
        loop {
            while let Some(output) = self.session.poll_output() {
                match output {
                    Output::Send(pieces) => self.send(pieces),
                    Output::Ask(ticket, request) => self.held = Some((ticket, request)),
                    Output::Refused(what, reason) => {
                        if what == Refused::Message {
                            info!(reason, "message refused");
                        }
                        desk.refused(session_id, what);
                    }
                    Output::Close(ending, reason) => return (ending, reason),
                }
            }
            waiting.set(self.session.waiting_bytes());
            held.set(self.session.held_bytes());
            if shared.input.bytes() > limits.max_input_bytes
                && self.session.held_bytes() > SHORT_MESSAGE_BYTES
            {
                let (own, all) = (self.session.held_bytes(), shared.input.bytes());
                warn!(
                    own,
                    all, "requests take too much memory: long ones are refused (max-input-bytes)"
                );
                self.session.handle(Input::NoRoom, clock.instant());
                continue;
            }
            // Never between a request and its answer: what a subscription brings comes after its <ok/>.
            if self.mail && self.asking.is_none() {
                let room = MAX_UNSENT_BYTES
                    .saturating_sub(self.unsent.bytes())
                    .min(NOTIFICATION_BYTES);
                match desk.notifications(session_id, room) {
                    Delivery::FellBehind { reason } => return (Ending::FellBehind, Some(reason)),
                    Delivery::Notifications {
                        ready,
                        more,
                        again_in,
                    } => {
                        self.mail = more;
                        let now = clock.instant();
                        self.look_again = again_in.map(|wait| now + wait);
                        if !ready.is_empty() || (more && room > 0) {
                            self.session.handle(Input::Notify(&ready), now);
                            continue;
                        }
                    }
                }
            }
            if self.unsent.bytes() < MAX_UNSENT_BYTES
                && let Some((ticket, request)) = self.held.take()
            {
                self.asking = Some((ticket, ask(desk, session_id, request)));
            }
            let event = self.next(clock.as_ref()).await;
            let now = clock.instant();
            match event {
                Event::Client(Arrival::Bytes(bytes)) => {
                    self.handle(Input::Received(&bytes), now);
                    if self.session.waiting_bytes() > 2 * limits.session.max_message_bytes {
                        let reason = "the client sends requests without reading their replies";
                        return (Ending::BadMessage, Some(reason.to_owned()));
                    }
                }
                Event::Client(Arrival::EndOfInput) => self.session.handle(Input::EndOfInput, now),
                Event::Client(Arrival::Gone) => {
                    self.session.handle(Input::End(Ending::Dropped), now);
                }
                Event::Client(Arrival::Nothing) | Event::Unsent => {}
                Event::Mail => self.mail = true,
                Event::Answer(ticket, answer) => {
                    self.asking = None;
                    let answer = answer.unwrap_or_else(|fault| {
                        error!(%fault, "the front desk broke down while answering");
                        let message = "internal error: the request broke the agent's front desk, see its log";
                        Err(vec![ManagementError::application(
                            ErrorTag::OperationFailed,
                            message,
                        )])
                    });
                    self.handle(Input::Answered(ticket, answer), now);
                }
                Event::Killed => self.session.handle(Input::End(Ending::Killed), now),
                Event::Lost(cause) => {
                    let reason = format!("a reply that was laid aside cannot be read back: {cause}");
                    return (Ending::Dropped, Some(reason));
                }
                Event::Stopped => self.session.handle(Input::End(Ending::Dropped), now),
                Event::Deadline => {
                    if desk.is_followed_by(session_id) {
                        self.session.handle(Input::Following, now);
                    }
                    self.mail |= self.look_again.take_if(|moment| *moment <= now).is_some();
                    self.session.handle(Input::DeadlineReached, now);
                }
            }
        }
    }

    /// Moves the session; where it may have a long message to read, this thread lets others do its other work.
    fn handle(&mut self, input: Input<'_>, now: Instant) {
        let is_long = self.session.held_bytes() > SHORT_MESSAGE_BYTES;
        if is_long && Handle::current().runtime_flavor() == RuntimeFlavor::MultiThread {
            tokio::task::block_in_place(|| self.session.handle(input, now));
        } else {
            self.session.handle(input, now);
        }
    }

    async fn next(&mut self, clock: &dyn SteadyClock) -> Event {
        let deadlines = [self.session.next_deadline(), self.look_again];
        let deadline = deadlines.into_iter().flatten().min();
        let asking = async {
            match &mut self.asking {
                Some((ticket, asking)) => (*ticket, asking.await),
                None => std::future::pending().await,
            }
        };
        let deadline = async {
            match deadline {
                Some(moment) => clock.wait_until(moment).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            Ok(()) = &mut self.killed => Event::Killed,
            Ok(cause) = &mut self.lost => Event::Lost(cause),
            () = raised(&mut self.stop) => Event::Stopped,
            (ticket, answer) = asking => Event::Answer(ticket, answer),
            arrival = self.reader.next() => Event::Client(arrival),
            () = self.unsent.wait_for_less(), if self.held.is_some() || self.mail => Event::Unsent,
            () = self.bell.notified() => Event::Mail,
            () = deadline => Event::Deadline,
        }
    }

    fn send(&self, pieces: Vec<Piece>) {
        for piece in pieces.into_iter().filter(|piece| piece.length() > 0) {
            self.unsent
                .raise(usize::try_from(piece.length()).unwrap_or(usize::MAX));
            // The writer only goes away with the connection, and then the reader says so.
            let _ = self.sender.send(piece);
        }
    }

    /// Sends what is left; gives the writer back when the client has taken it all.
    async fn part<W>(self, ending: Ending, mut writing: JoinHandle<Option<W>>, shared: &Shared) -> Option<W> {
        let Conversation {
            mut reader,
            sender,
            mut stop,
            ..
        } = self;
        drop(sender);
        let mut writer = None;
        if !matches!(ending, Ending::Killed | Ending::FellBehind) {
            let until = shared.clock.instant() + FAREWELL;
            tokio::select! {
                written = &mut writing => writer = written.ok().flatten(),
                () = gone(&mut reader) => {}
                () = raised(&mut stop) => {}
                () = shared.clock.wait_until(until) => {}
            }
        }
        // What still comes in goes nowhere, instead of into a buffer that nobody empties.
        drop(reader);
        writing.abort();
        writer
    }
}

/// Ends when the client has gone.
async fn gone(reader: &mut impl FromClient) {
    while !matches!(reader.next().await, Arrival::Gone) {}
}

fn ask(desk: &Arc<dyn FrontDesk>, session_id: u32, request: Request) -> JoinHandle<Answer> {
    let desk = Arc::clone(desk);
    let span = Span::current();
    tokio::task::spawn_blocking(move || span.in_scope(|| desk.answer(session_id, request)))
}

/// Sends pieces until there are no more; gives the writer back unless the client is gone.
async fn write<W: ToClient>(
    mut writer: W,
    mut pieces: mpsc::UnboundedReceiver<Piece>,
    unsent: Arc<Gauge>,
    unreadable: oneshot::Sender<io::Error>,
) -> Option<W> {
    while let Some(piece) = pieces.recv().await {
        match piece {
            Piece::Bytes(bytes) => {
                let length = bytes.len();
                writer.write(bytes).await.ok()?;
                unsent.lower(length);
            }
            Piece::LaidAside { text, mut from, to } => {
                while from < to {
                    let bytes = match read(&text, from, to).await {
                        Ok(bytes) => bytes,
                        Err(error) => {
                            // Nobody waits for it any more when the session is over.
                            let _ = unreadable.send(error);
                            return None;
                        }
                    };
                    let length = bytes.len();
                    writer.write(bytes).await.ok()?;
                    from += length as u64;
                    unsent.lower(length);
                }
            }
        }
    }
    Some(writer)
}

/// Some bytes of a text, where waiting for a disk holds nobody up.
async fn read(text: &Arc<dyn LaidAside>, from: u64, to: u64) -> io::Result<Vec<u8>> {
    let text = Arc::clone(text);
    let to = to.min(from + READ_BYTES);
    let reading = tokio::task::spawn_blocking(move || read_back(text.as_ref(), from, to));
    reading.await.map_err(io::Error::other)?
}
