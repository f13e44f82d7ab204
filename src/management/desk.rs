//! The front desk as the doors see it: open a session, ask, close.

use crate::management::audit::LoginAttempt;
use crate::management::error::ManagementError;
use crate::management::event_stream::{Bell, Delivery};
use crate::management::request::{Reply, Request};

/// How a session came in.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Visitor {
    /// The user who logged in.
    pub user: String,
    /// Address of the other end, `127.0.0.1:41233`.
    pub from: String,
    /// `netconf-ssh`, as ietf-netconf-monitoring names it.
    pub transport: &'static str,
}

/// Why a session ended; for the log and for ietf-netconf-notifications.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ending {
    /// `<close-session/>` was answered.
    Closed,
    /// The connection went away without it.
    Dropped,
    /// Another session killed it.
    Killed,
    /// It broke the protocol: bad framing, bad hello.
    BadMessage,
    /// Its hello was none.
    BadHello,
    /// It was silent for too long.
    TimedOut,
    /// It did not take its notifications.
    FellBehind,
}

/// What was refused without a question to the front desk.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Refused {
    /// A message that is no correct `<rpc>`.
    Message,
    /// The operation in a correct one.
    Operation,
}

/// Ends a session from outside; called at most once, from any thread, must not block.
pub type KillSwitch = Box<dyn FnOnce() + Send + Sync>;

/// The front desk. All calls are safe from any thread; [`FrontDesk::answer`] may block on the disk for a commit,
/// so the doors call it where blocking is allowed.
pub trait FrontDesk: Send + Sync {
    /// Admits a session and gives it its number (1 and up, never used twice in one run).
    fn open(&self, visitor: Visitor, kill: KillSwitch) -> u32;

    /// Why no further session is admitted, in words for the client; `None` when one is.
    fn refuses_sessions(&self) -> Option<String> {
        None
    }

    /// Hears of a login, or of one that was refused.
    fn login(&self, attempt: LoginAttempt) {
        let _ = attempt;
    }

    /// Forgets a session: its locks are free at once, what it left in the candidate goes with its lock.
    fn close(&self, session_id: u32, ending: Ending);

    /// Answers one request of a session.
    fn answer(&self, session_id: u32, request: Request) -> Result<Reply, Vec<ManagementError>>;

    /// Hears of a message of a session that was refused before it came here.
    fn refused(&self, session_id: u32, what: Refused) {
        let _ = (session_id, what);
    }

    /// Where a session hears that notifications may be waiting for it. To be called before its first request.
    fn listen(&self, session_id: u32, bell: Bell) {
        let _ = (session_id, bell);
    }

    /// Takes the notifications that wait for a session, about so many bytes at most.
    fn notifications(&self, session_id: u32, room: usize) -> Delivery {
        let _ = (session_id, room);
        Delivery::Notifications {
            ready: Vec::new(),
            more: false,
            again_in: None,
        }
    }

    /// Whether a session follows notifications, so that it need not ask anything to be of use.
    fn is_followed_by(&self, session_id: u32) -> bool {
        let _ = session_id;
        false
    }

    /// Capability URIs for `<hello>`, without the base versions, which the session machine knows.
    fn capabilities(&self) -> Vec<String>;
}
