//! The confirmed commit (RFC 6241 section 8.4): who may confirm it, when it is undone, and how far.
//!
//! ```text
//!           prepare, commit, arm                confirm, commit, confirmed
//! idle ─────────────────────────────▶ awaiting ─────────────────────────────▶ idle
//!                                     │  ▲  │
//!          follow-up: prepare, commit, arm  │ cancel, session_lost, expire, restart
//!                                     └──┘  ▼
//!                                     undoing ──── rolled_back ──────────────▶ idle
//!                                       ▲ │ not_rolled_back: again a second later
//!                                       └─┘
//! ```
//!
//! Nothing here commits: `prepare` and `confirm` only say whether a commit is allowed and what to record with it, so that
//! one that fails arms nothing and confirms nothing.

use std::time::{Duration, Instant};

use crate::datastore::journal_record::Awaiting;

/// What `<commit>` says with `<confirmed/>`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ConfirmedRequest {
    /// The session that asks.
    pub session_id: u32,
    /// `<persist>`: the token with which any session may confirm.
    pub persist: Option<String>,
    /// `<persist-id>`: the token of the commit that this one follows up.
    pub persist_id: Option<String>,
}

/// Why running has to go back.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Cause {
    /// `<cancel-commit>`.
    Cancelled,
    /// The session that had to confirm it is gone.
    SessionLost,
    /// Nobody confirmed it in time.
    TimedOut,
    /// The agent was started anew.
    Restarted,
}

/// Running has to go back, now.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rollback {
    /// To this generation.
    pub to: u64,
    /// Because of this.
    pub cause: Cause,
}

/// Why a commit or its cancellation is not allowed.
#[derive(thiserror::Error, Clone, PartialEq, Eq, Debug)]
pub enum Refusal {
    /// A token was given and no commit awaits its confirmation.
    #[error("no confirmed commit awaits a confirmation")]
    NothingAwaits,
    /// The token is another one.
    #[error("this is not the token of the confirmed commit of session {session_id}")]
    WrongToken {
        /// The session that made it.
        session_id: u32,
    },
    /// The token is missing.
    #[error(
        "the confirmed commit of session {session_id} was made with <persist>: its token is needed as <persist-id>"
    )]
    NoToken {
        /// The session that made it.
        session_id: u32,
    },
    /// It was made without a token by another session.
    #[error(
        "session {session_id} made a confirmed commit without <persist>: only that session may go on with it"
    )]
    OtherSession {
        /// The session that made it.
        session_id: u32,
    },
    /// It is being rolled back.
    #[error("the confirmed commit of session {session_id} is being rolled back")]
    BeingUndone {
        /// The session that made it.
        session_id: u32,
    },
}

/// The machine.
#[derive(Debug, Default)]
pub struct ConfirmedCommit {
    state: State,
}

#[derive(Debug, Default)]
enum State {
    #[default]
    Idle,
    Awaiting {
        awaiting: Awaiting,
        deadline: Instant,
    },
    Undoing {
        awaiting: Awaiting,
        cause: Cause,
        /// None while it is being tried.
        again_at: Option<Instant>,
    },
}

/// How long until a rollback that could not be recorded is tried again.
const PAUSE: Duration = Duration::from_secs(1);

impl ConfirmedCommit {
    /// Whether this confirmed commit is allowed, and what is to be recorded with it. `running` is the generation that it
    /// is made on; a follow-up keeps the one of the first.
    pub fn prepare(&self, request: &ConfirmedRequest, running: u64) -> Result<Awaiting, Refusal> {
        let persist_id = request.persist_id.as_deref();
        let follows = self.confirm(request.session_id, persist_id)?;
        Ok(match (follows, &self.state) {
            (true, State::Awaiting { awaiting, .. }) => Awaiting {
                rollback_to: awaiting.rollback_to,
                session_id: request.session_id,
                persist: request.persist.clone().or_else(|| awaiting.persist.clone()),
            },
            _ => Awaiting {
                rollback_to: running,
                session_id: request.session_id,
                persist: request.persist.clone(),
            },
        })
    }

    /// The commit that was prepared is made: it awaits its confirmation for so long from now on.
    pub fn arm(&mut self, awaiting: Awaiting, timeout: Duration, now: Instant) {
        let deadline = now + timeout;
        self.state = State::Awaiting { awaiting, deadline };
    }

    /// Whether a commit without `<confirmed/>` is allowed; true when it confirms.
    pub fn confirm(&self, session_id: u32, persist_id: Option<&str>) -> Result<bool, Refusal> {
        match &self.state {
            State::Idle if persist_id.is_some() => Err(Refusal::NothingAwaits),
            State::Idle => Ok(false),
            State::Undoing { awaiting, .. } => Err(Refusal::BeingUndone {
                session_id: awaiting.session_id,
            }),
            State::Awaiting { awaiting, .. } => may_go_on(awaiting, session_id, persist_id).map(|()| true),
        }
    }

    /// The commit that confirms is made.
    pub fn confirmed(&mut self) {
        self.state = State::Idle;
    }

    /// `<cancel-commit>`.
    pub fn cancel(&mut self, session_id: u32, persist_id: Option<&str>) -> Result<Rollback, Refusal> {
        if !self.confirm(session_id, persist_id)? {
            return Err(Refusal::NothingAwaits);
        }
        self.undo(Cause::Cancelled).ok_or(Refusal::NothingAwaits)
    }

    /// A session is gone.
    pub fn session_lost(&mut self, session_id: u32) -> Option<Rollback> {
        match &self.state {
            State::Awaiting { awaiting, .. }
                if awaiting.persist.is_none() && awaiting.session_id == session_id =>
            {
                self.undo(Cause::SessionLost)
            }
            _ => None,
        }
    }

    /// Time has come to `now`.
    pub fn expire(&mut self, now: Instant) -> Option<Rollback> {
        if self.next_deadline().is_none_or(|deadline| now < deadline) {
            return None;
        }
        match &self.state {
            State::Idle => None,
            State::Awaiting { .. } => self.undo(Cause::TimedOut),
            State::Undoing { cause, .. } => self.undo(*cause),
        }
    }

    /// The session whose confirmed commit is not confirmed yet.
    pub fn owner(&self) -> Option<u32> {
        match &self.state {
            State::Idle => None,
            State::Awaiting { awaiting, .. } | State::Undoing { awaiting, .. } => Some(awaiting.session_id),
        }
    }

    /// When [`ConfirmedCommit::expire`] has something to do.
    pub fn next_deadline(&self) -> Option<Instant> {
        match &self.state {
            State::Idle => None,
            State::Awaiting { deadline, .. } => Some(*deadline),
            State::Undoing { again_at, .. } => *again_at,
        }
    }

    /// The agent starts, and the journal says that this awaits its confirmation: it is rolled back whatever time is left
    /// and whether or not it has a token (section 8.4.1).
    pub fn restart(&mut self, awaiting: Awaiting) -> Rollback {
        let to = awaiting.rollback_to;
        let cause = Cause::Restarted;
        self.state = State::Undoing {
            awaiting,
            cause,
            again_at: None,
        };
        Rollback { to, cause }
    }

    /// Running is back where it was.
    pub fn rolled_back(&mut self) {
        self.state = State::Idle;
    }

    /// It could not be recorded: it is due again a second later, and nobody may commit before it is done.
    pub fn not_rolled_back(&mut self, now: Instant) {
        if let State::Undoing { again_at, .. } = &mut self.state {
            *again_at = Some(now + PAUSE);
        }
    }

    fn undo(&mut self, cause: Cause) -> Option<Rollback> {
        match std::mem::take(&mut self.state) {
            State::Idle => None,
            State::Awaiting { awaiting, .. } | State::Undoing { awaiting, .. } => {
                let to = awaiting.rollback_to;
                self.state = State::Undoing {
                    awaiting,
                    cause,
                    again_at: None,
                };
                Some(Rollback { to, cause })
            }
        }
    }
}

/// RFC 6241 section 8.4.1: with `<persist>` any session that has the token, without it the same session alone.
fn may_go_on(awaiting: &Awaiting, session_id: u32, persist_id: Option<&str>) -> Result<(), Refusal> {
    let made_by = awaiting.session_id;
    match (&awaiting.persist, persist_id) {
        (Some(token), Some(given)) if token == given => Ok(()),
        (Some(_), Some(_)) | (None, Some(_)) => Err(Refusal::WrongToken { session_id: made_by }),
        (Some(_), None) => Err(Refusal::NoToken { session_id: made_by }),
        (None, None) if made_by == session_id => Ok(()),
        (None, None) => Err(Refusal::OtherSession { session_id: made_by }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIMEOUT: Duration = Duration::from_secs(600);

    #[allow(clippy::disallowed_methods)] // an Instant can only be had from the machine
    fn start() -> Instant {
        Instant::now()
    }

    fn request(session_id: u32, persist: Option<&str>, persist_id: Option<&str>) -> ConfirmedRequest {
        ConfirmedRequest {
            session_id,
            persist: persist.map(str::to_owned),
            persist_id: persist_id.map(str::to_owned),
        }
    }

    /// A commit by session 4 on generation 10 that awaits its confirmation.
    fn armed(persist: Option<&str>) -> (ConfirmedCommit, Instant) {
        let now = start();
        let mut machine = ConfirmedCommit::default();
        let awaiting = machine.prepare(&request(4, persist, None), 10).unwrap();
        machine.arm(awaiting, TIMEOUT, now);
        (machine, now)
    }

    fn back_to_10(cause: Cause) -> Rollback {
        Rollback { to: 10, cause }
    }

    #[test]
    fn a_commit_that_is_prepared_and_fails_arms_nothing() {
        let machine = ConfirmedCommit::default();
        machine.prepare(&request(4, None, None), 10).unwrap();
        assert_eq!(machine.next_deadline(), None);
        assert_eq!(machine.confirm(5, None), Ok(false));
    }

    #[test]
    fn nobody_confirms_and_running_goes_back_when_time_is_up() {
        let (mut machine, now) = armed(None);
        assert_eq!(machine.next_deadline(), Some(now + TIMEOUT));
        assert_eq!(machine.expire(now + TIMEOUT - PAUSE), None);
        assert_eq!(machine.expire(now + TIMEOUT), Some(back_to_10(Cause::TimedOut)));
        assert!(matches!(
            machine.confirm(4, None),
            Err(Refusal::BeingUndone { session_id: 4 })
        ));
        machine.rolled_back();
        assert_eq!(machine.confirm(4, None), Ok(false));
    }

    #[test]
    fn the_same_session_confirms_and_another_may_not() {
        let (mut machine, now) = armed(None);
        assert_eq!(
            machine.confirm(5, None),
            Err(Refusal::OtherSession { session_id: 4 })
        );
        assert_eq!(
            machine.confirm(5, Some("x")),
            Err(Refusal::WrongToken { session_id: 4 })
        );
        assert_eq!(machine.confirm(4, None), Ok(true));
        assert!(machine.next_deadline().is_some(), "allowed is not done");
        machine.confirmed();
        assert_eq!(machine.expire(now + TIMEOUT), None);
        assert_eq!(machine.session_lost(4), None);
    }

    #[test]
    fn a_lost_session_cancels_its_confirmed_commit() {
        let (mut machine, _) = armed(None);
        assert_eq!(machine.session_lost(5), None);
        assert_eq!(machine.session_lost(4), Some(back_to_10(Cause::SessionLost)));
    }

    #[test]
    fn with_a_token_it_outlives_its_session_and_any_session_confirms() {
        let (mut machine, _) = armed(Some("token"));
        assert_eq!(machine.session_lost(4), None);
        assert_eq!(machine.confirm(4, None), Err(Refusal::NoToken { session_id: 4 }));
        let refused = Err(Refusal::WrongToken { session_id: 4 });
        assert_eq!(machine.confirm(4, Some("other")), refused);
        assert_eq!(machine.confirm(9, Some("token")), Ok(true));
        assert_eq!(machine.cancel(9, Some("token")), Ok(back_to_10(Cause::Cancelled)));
    }

    #[test]
    fn a_follow_up_keeps_the_first_rollback_point_and_begins_the_time_anew() {
        let (mut machine, now) = armed(None);
        let later = now + TIMEOUT / 2;
        let awaiting = machine.prepare(&request(4, Some("token"), None), 11).unwrap();
        assert_eq!(awaiting.rollback_to, 10);
        machine.arm(awaiting, TIMEOUT, later);
        assert_eq!(machine.expire(now + TIMEOUT), None);
        let again = machine.prepare(&request(6, None, Some("token")), 12).unwrap();
        assert_eq!((again.rollback_to, again.persist.as_deref()), (10, Some("token")));
        assert_eq!(machine.expire(later + TIMEOUT), Some(back_to_10(Cause::TimedOut)));
    }

    #[test]
    fn a_token_without_a_commit_and_a_cancellation_of_nothing_are_refused() {
        let mut machine = ConfirmedCommit::default();
        assert_eq!(machine.confirm(4, Some("x")), Err(Refusal::NothingAwaits));
        assert!(machine.prepare(&request(4, None, Some("x")), 1).is_err());
        assert_eq!(machine.cancel(4, None), Err(Refusal::NothingAwaits));
    }

    #[test]
    fn a_restart_undoes_it_whether_or_not_it_has_a_token() {
        for persist in [None, Some("token".to_owned())] {
            let mut machine = ConfirmedCommit::default();
            let awaiting = Awaiting {
                rollback_to: 10,
                session_id: 4,
                persist,
            };
            assert_eq!(machine.restart(awaiting), back_to_10(Cause::Restarted));
        }
    }

    #[test]
    fn a_rollback_that_cannot_be_recorded_is_tried_again_and_keeps_others_out() {
        let (mut machine, now) = armed(None);
        let late = now + TIMEOUT;
        machine.expire(late).unwrap();
        assert_eq!(machine.expire(late + PAUSE), None, "it is being tried");
        machine.not_rolled_back(late);
        assert_eq!(machine.next_deadline(), Some(late + PAUSE));
        assert!(machine.prepare(&request(4, None, None), 11).is_err());
        assert_eq!(machine.expire(late + PAUSE), Some(back_to_10(Cause::TimedOut)));
    }
}
