//! The front desk itself: every request of every session is answered here, whichever door it came in by.

use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Instant;

use jiff::Timestamp;
use tracing::{Level, debug, enabled, info};

use crate::datastore::change_set::Change;
use crate::datastore::confirmed_commit::ConfirmedCommit;
use crate::datastore::datastores::{CommitListener, Datastores};
use crate::datastore::lock::{Lock, LockError, LockTable, Lockable};
use crate::datastore::participant::Participant;
use crate::management::access::control::{AccessControl, Privileges};
use crate::management::access::permit::Permit;
use crate::management::access::policy::ROOT as ACCESS_ROOT;
use crate::management::audit::{AuditTrail, LoginAttempt};
use crate::management::auditing::Notebook;
use crate::management::base_events::Party;
use crate::management::body::{InMemory, Overflow};
use crate::management::config_stores::{StartupStore, UrlStore};
use crate::management::configurations::EditManner;
use crate::management::desk::{Ending, FrontDesk, KillSwitch, Refused, Visitor};
use crate::management::error::{ErrorTag, ManagementError};
use crate::management::event_stream::{Bell, Delivery, EventStreams, Watcher};
use crate::management::monitoring::{ShownLock, ShownPart};
use crate::management::operational::OperationalState;
use crate::management::request::{DatastoreName, OperationHome, Reply, Request};
use crate::management::rollback;
use crate::management::rpc_table::{Caller, RpcTable};
use crate::management::session_list::{Counted, SessionList};
use crate::management::session_pulse::SessionPulses;
use crate::management::subscription::agreements::{Limits, Subscriptions};
use crate::yang::error::DataError;
use crate::yang::schema::Schema;

/// Looks at the text of an edit (the content of `<config>`) before it is done, and may refuse it: for rules that a
/// change set cannot show, such as "this entry must not be deleted, but may be replaced". Must not block.
pub type EditGuard = Box<dyn Fn(&str) -> Option<ManagementError> + Send + Sync>;

/// Wall time, asked for.
pub type WallClock = Box<dyn Fn() -> Timestamp + Send + Sync>;

/// Steady time, asked for; a stepped wall clock does not move it.
pub type SteadyTime = Box<dyn Fn() -> Instant + Send + Sync>;

/// Told when [`Desk::expire`] next has something to do, whenever that changes. Must not block.
pub type DeadlineListener = Box<dyn Fn(Option<Instant>) + Send + Sync>;

/// What a desk is made of.
pub struct DeskParts {
    /// Running and candidate, and the schema that everything speaks.
    pub datastores: Arc<Datastores>,
    /// Who is here; shared with the monitoring state.
    pub sessions: Arc<Mutex<SessionList>>,
    /// When they came and what they asked for; shared with the state.
    pub pulses: Arc<SessionPulses>,
    /// Who holds what; shared with the monitoring state.
    pub locks: Arc<Mutex<LockTable>>,
    /// Who may do what.
    pub access: Arc<AccessControl>,
    /// Who fills operational state.
    pub state: OperationalState,
    /// Who carries out RPCs.
    pub rpcs: RpcTable,
    /// Who may refuse a commit.
    pub participants: Vec<Box<dyn Participant>>,
    /// Who may refuse an edit.
    pub edit_guards: Vec<EditGuard>,
    /// Told of every commit.
    pub committed: CommitListener,
    /// Where long replies are laid aside until their clients have taken them.
    pub overflow: Box<dyn Overflow>,
    /// Where who did what is recorded, when that is wanted.
    pub audit: Option<Box<dyn AuditTrail>>,
    /// Who follows what happens.
    pub events: Arc<EventStreams>,
    /// On which terms, by establish-subscription; shared with the state.
    pub subscriptions: Arc<Subscriptions>,
    /// Told when [`Desk::attend`] may have something to do sooner than it said. Must not block.
    pub look: Watcher,
    /// Wall time.
    pub now: WallClock,
    /// Steady time.
    pub steady: SteadyTime,
    /// Told when the desk wants to be woken.
    pub deadline: DeadlineListener,
    /// What the hello says beside the base versions.
    pub capabilities: Vec<String>,
    /// Whether running can be edited without a candidate (RFC 6241 section 8.2).
    pub writable_running: bool,
    /// Keeps the startup configuration, where there is one of its own.
    pub startup: Option<Box<dyn StartupStore>>,
    /// Reaches configurations behind URLs, where that is wanted.
    pub urls: Option<Box<dyn UrlStore>>,
}

impl DeskParts {
    /// A desk that nobody watches: no state, no RPCs, nobody who may refuse.
    pub fn plain(datastores: Arc<Datastores>, now: WallClock, steady: SteadyTime) -> DeskParts {
        let running = Arc::clone(&datastores.running().tree);
        let events = EventStreams::in_memory(datastores.schema(), now());
        DeskParts {
            events: Arc::new(events),
            subscriptions: Arc::new(Subscriptions::new(Limits::default())),
            look: Arc::new(|| {}),
            access: Arc::new(AccessControl::new(
                datastores.schema(),
                Privileges::default(),
                &running,
            )),
            datastores,
            sessions: Arc::default(),
            pulses: Arc::default(),
            locks: Arc::default(),
            state: OperationalState::default(),
            rpcs: RpcTable::default(),
            participants: Vec::new(),
            edit_guards: Vec::new(),
            committed: Box::new(|_| {}),
            overflow: Box::new(InMemory),
            audit: None,
            now,
            steady,
            deadline: Box::new(|_| {}),
            capabilities: Vec::new(),
            writable_running: false,
            startup: None,
            urls: None,
        }
    }
}

/// The front desk.
///
/// Reads take one generation of running and never wait. Whoever changes something holds `committing` or `editing`, and a
/// lock is given only while nobody does, so that a lock means what it says: nobody else's change is under way.
pub struct Desk {
    pub(in crate::management) parts: DeskParts,
    /// Shared by commits on their way to disk, taken before all others; whoever gives a lock wants it alone.
    pub(in crate::management) in_flight: RwLock<()>,
    /// Held by whoever changes running; guards the confirmed commit that running may be waiting for.
    pub(in crate::management) committing: Mutex<ConfirmedCommit>,
    /// Taken after `committing` where both are needed.
    pub(in crate::management) editing: Mutex<()>,
    pub(in crate::management) notebook: Notebook,
}

pub(in crate::management) type Answer = Result<Reply, Vec<ManagementError>>;

impl Desk {
    /// Opens the desk.
    pub fn new(mut parts: DeskParts) -> Desk {
        parts.events.watched_by(Arc::clone(&parts.look));
        let listener = mem::replace(&mut parts.committed, Box::new(|_| {}));
        let access = Arc::clone(&parts.access);
        let (sessions, events) = (Arc::clone(&parts.sessions), Arc::clone(&parts.events));
        let (subscriptions, look) = (Arc::clone(&parts.subscriptions), Arc::clone(&parts.look));
        // Another running: what follows for access control, and for whoever listens.
        parts.datastores.listen(Box::new(move |committed| {
            if committed.change_set.touches(&format!("/{ACCESS_ROOT}")) {
                access.configured(&committed.running.tree);
            }
            listener(committed);
            let by = party(&sessions, committed.author.session_id);
            events.configuration_changed(committed.author.timestamp, &by, &committed.change_set);
            if subscriptions.committed(&committed.change_set) {
                look();
            }
        }));
        Desk {
            parts,
            in_flight: RwLock::new(()),
            committing: Mutex::default(),
            editing: Mutex::new(()),
            notebook: Notebook::default(),
        }
    }

    pub(in crate::management) fn schema(&self) -> &Arc<Schema> {
        self.parts.datastores.schema()
    }

    pub(in crate::management) fn caller(&self, session_id: u32) -> Caller {
        let sessions = held(&self.parts.sessions);
        let user = sessions
            .session(session_id)
            .map(|session| session.visitor.user.clone())
            .unwrap_or_default();
        Caller { user, session_id }
    }

    fn carry_out(&self, session_id: u32, request: Request) -> Answer {
        match request {
            Request::Get {
                filter,
                with_defaults,
            } => self.get(session_id, filter, with_defaults),
            Request::GetConfig {
                source,
                filter,
                with_defaults,
            } => self.get_config(session_id, source, filter, with_defaults),
            Request::GetData(query) => self.get_data(session_id, query),
            Request::EditData {
                datastore,
                default_operation,
                config,
            } => self.edit_data(session_id, datastore, default_operation, config),
            Request::Compare(comparison) => self.compare(session_id, comparison),
            Request::EditConfig {
                target,
                default_operation,
                test_option,
                error_option,
                config,
            } => {
                let manner = EditManner {
                    default_operation,
                    test_option,
                    error_option,
                };
                self.edit_config(session_id, target, manner, config)
            }
            Request::CopyConfig {
                source,
                target,
                with_defaults,
            } => self.copy_config(session_id, source, target, with_defaults),
            Request::DeleteConfig { target } => self.delete_config(session_id, target),
            Request::Lock { target } => self.lock(session_id, target),
            Request::Unlock { target } => {
                if target == DatastoreName::Startup {
                    self.startup()?;
                }
                held(&self.parts.locks)
                    .unlock(lockable(target), session_id)
                    .map_err(|refused| {
                        let message = format!("unlock {target}: {refused}");
                        one(ManagementError::protocol(ErrorTag::OperationFailed, message))
                    })?;
                Ok(Reply::Ok)
            }
            Request::Validate { source } => self.validate(session_id, source),
            Request::Commit {
                confirmed,
                persist_id,
            } => self.commit(session_id, confirmed, persist_id),
            Request::CancelCommit { persist_id } => self.cancel_commit(session_id, persist_id.as_deref()),
            Request::DiscardChanges => {
                let _editing = held(&self.editing);
                self.may_change(session_id, Lockable::Candidate)?;
                self.parts.datastores.discard();
                Ok(Reply::Ok)
            }
            Request::CloseSession => Ok(Reply::Ok),
            Request::KillSession { session_id: victim } => self.kill(session_id, victim),
            Request::GetSchema {
                identifier,
                version,
                format,
            } => self
                .module_text(&identifier, version.as_deref(), format.as_deref())
                .map_err(one),
            Request::PartialLock { select } => self.partial_lock(session_id, select),
            Request::PartialUnlock { lock_id } => self.partial_unlock(session_id, lock_id),
            Request::Rpc {
                namespace, document, ..
            } if namespace == rollback::NAMESPACE => self.roll_back_configuration(session_id, &document),
            Request::Subscription(operation) => self.subscription(session_id, operation),
            Request::CreateSubscription(request) => self.create_subscription(session_id, request),
            Request::Rpc { document, .. } => {
                self.parts
                    .rpcs
                    .call(self.schema(), &self.caller(session_id), &document)
            }
        }
    }

    /// What the user of a session may do now.
    pub(in crate::management) fn permit(&self, session_id: u32) -> Arc<Permit> {
        self.asker(session_id).1
    }

    fn asker(&self, session_id: u32) -> (String, Arc<Permit>) {
        let user = self.caller(session_id).user;
        let permit = self.parts.access.permit(&user);
        (user, permit)
    }

    /// Refuses changes that the user of a session may not make.
    pub(in crate::management) fn may_write(
        &self,
        session_id: u32,
        changes: &[Change],
    ) -> Result<(), Vec<DataError>> {
        self.note_changes(session_id, changes);
        let (user, permit) = self.asker(session_id);
        let checked = self.parts.access.check_changes(&permit, &user, changes);
        checked.map_err(|denied| {
            self.note_denied(session_id, denied.by);
            vec![denied.error]
        })
    }

    fn may_execute(&self, session_id: u32, request: &Request) -> Result<(), ManagementError> {
        let (user, permit) = self.asker(session_id);
        let (home, name) = request.operation();
        let module = match home {
            OperationHome::Module(module) => module,
            // What no module defines is refused as unknown, not as denied.
            OperationHome::Namespace(namespace) => match self.schema().module_of_namespace(namespace) {
                Some(module) => &module.name,
                None => return Ok(()),
            },
        };
        let checked = self.parts.access.check_execution(&permit, &user, module, name);
        checked.map_err(|denied| {
            self.note_denied(session_id, denied.by);
            denied.error
        })
    }

    /// Forgets a session, whoever ended it.
    pub(in crate::management) fn close_session(&self, session_id: u32, ending: Ending, killer: Option<u32>) {
        let party = self.party(session_id);
        let Some(session) = held(&self.parts.sessions).close(session_id, ending) else {
            // Killed while it was subscribing.
            self.parts.subscriptions.forget_session(session_id);
            return self.parts.events.close(session_id);
        };
        self.undo_commit_of_lost(session_id, &party);
        // Waits for an edit of this very session that is still under way.
        let editing = held(&self.editing);
        let released = held(&self.parts.locks).release_all(session_id);
        if released.contains(&Lockable::Candidate) {
            // RFC 6241 section 8.3.5.2: what the holder of the candidate's lock left uncommitted is discarded.
            self.parts.datastores.discard();
        }
        drop(editing);
        info!(
            session = session_id,
            user = session.visitor.user,
            ?ending,
            "session closed"
        );
        self.record_end(session_id, &session, ending, killer);
        self.parts.pulses.closed(session_id);
        self.parts.subscriptions.forget_session(session_id);
        self.parts.events.close(session_id);
        self.parts
            .events
            .session_ended((self.parts.now)(), &party, ending, killer);
    }

    /// Who a session is, for those who hear of it.
    pub(in crate::management) fn party(&self, session_id: u32) -> Party {
        party(&self.parts.sessions, session_id)
    }

    fn lock(&self, session_id: u32, target: DatastoreName) -> Answer {
        if target == DatastoreName::Startup {
            self.startup()?;
        }
        // Waits until no change is under way, so that the holder finds the datastore at rest.
        let _in_flight = self.in_flight.write().unwrap_or_else(PoisonError::into_inner);
        let committing = held(&self.committing);
        let _editing = held(&self.editing);
        if target == DatastoreName::Running
            && let Some(owner) = committing.owner()
            && owner != session_id
        {
            // RFC 6241 section 7.5: no lock on running while another session has an ongoing confirmed commit.
            let is_here = held(&self.parts.sessions).session(owner).is_some();
            let message =
                format!("lock running: a confirmed commit of session {owner} awaits its confirmation");
            let error = ManagementError::protocol(ErrorTag::LockDenied, message);
            return Err(one(
                error.with_info("session-id", if is_here { owner } else { 0 }.to_string())
            ));
        }
        let modified = self.parts.datastores.candidate_is_modified();
        let granted =
            held(&self.parts.locks).lock(lockable(target), session_id, modified, (self.parts.now)());
        granted.map_err(|refused| {
            let holder = match refused {
                LockError::Held(holder) => holder,
                // RFC 6241 section 7.5: session 0 where no NETCONF session holds it.
                LockError::CandidateModified | LockError::NotHeld => 0,
            };
            let message = format!("lock {target}: {refused}");
            let error = ManagementError::protocol(ErrorTag::LockDenied, message);
            one(error.with_info("session-id", holder.to_string()))
        })?;
        Ok(Reply::Ok)
    }

    pub(in crate::management) fn may_change(
        &self,
        session_id: u32,
        datastore: Lockable,
    ) -> Result<(), Vec<ManagementError>> {
        held(&self.parts.locks)
            .may_change(datastore, session_id)
            .map_err(|refused| {
                let name = name_of(datastore);
                one(ManagementError::protocol(
                    ErrorTag::InUse,
                    format!("{name} is locked: {refused}"),
                ))
            })
    }
}

impl FrontDesk for Desk {
    fn open(&self, visitor: Visitor, kill: KillSwitch) -> u32 {
        let (user, from) = (visitor.user.clone(), visitor.from.clone());
        let session_id = held(&self.parts.sessions).open(visitor, kill, (self.parts.now)());
        info!(session = session_id, user, from, "session opened");
        self.record_start(session_id);
        self.parts.pulses.opened(session_id, (self.parts.steady)());
        self.parts
            .events
            .session_started((self.parts.now)(), &self.party(session_id));
        session_id
    }

    fn refuses_sessions(&self) -> Option<String> {
        Desk::refuses_sessions(self)
    }

    fn login(&self, attempt: LoginAttempt) {
        self.record_login(attempt);
    }

    fn close(&self, session_id: u32, ending: Ending) {
        self.close_session(session_id, ending, None);
    }

    fn listen(&self, session_id: u32, bell: Bell) {
        self.parts.events.listen(session_id, bell);
    }

    fn notifications(&self, session_id: u32, room: usize) -> Delivery {
        let permit = self.permit(session_id);
        let may_receive =
            |module: &str, name: &str| match self.parts.access.may_receive(&permit, module, name) {
                Ok(()) => true,
                Err(by) => {
                    self.record_held_back(session_id, module, name, by);
                    false
                }
            };
        let delivery = self
            .parts
            .events
            .take(session_id, room, (self.parts.now)(), may_receive);
        if let Delivery::Notifications { ready, .. } = &delivery
            && !ready.is_empty()
        {
            held(&self.parts.sessions).count_notifications(session_id, ready.len());
        }
        delivery
    }

    fn refused(&self, session_id: u32, what: Refused) {
        held(&self.parts.sessions).count(session_id, Counted::Refused(what));
    }

    fn answer(&self, session_id: u32, request: Request) -> Answer {
        let operation = enabled!(Level::DEBUG).then(|| request.operation().1.to_owned());
        let audited = self.audited(session_id, &request);
        let begun = self
            .parts
            .pulses
            .begin(session_id, &request, (self.parts.steady)());
        let answer = match self.may_execute(session_id, &request) {
            Ok(()) => self.carry_out(session_id, request),
            Err(denied) => Err(one(denied)),
        };
        self.parts.pulses.end(session_id, &begun, (self.parts.steady)());
        if let Some(audited) = audited {
            self.record(audited, answer.as_ref().err().map(Vec::as_slice));
        }
        let errors = answer.as_ref().err().map_or(0, Vec::len);
        if let Some(operation) = operation {
            let user = self.caller(session_id).user;
            match answer.as_ref().err().and_then(|errors| errors.first()) {
                None => debug!(session = session_id, user, operation, "answered"),
                Some(error) => {
                    debug!(
                        session = session_id,
                        user,
                        operation,
                        tag = error.tag.as_str(),
                        errors,
                        "refused"
                    );
                }
            }
        }
        let counted = match answer {
            Ok(_) => Counted::Answered,
            Err(_) => Counted::Refused(Refused::Operation),
        };
        held(&self.parts.sessions).count(session_id, counted);
        answer
    }

    fn is_followed_by(&self, session_id: u32) -> bool {
        self.parts.events.is_followed_by(session_id)
    }

    fn capabilities(&self) -> Vec<String> {
        self.parts.capabilities.clone()
    }
}

/// Who a session is, for those who hear of it.
fn party(sessions: &Mutex<SessionList>, session_id: u32) -> Party {
    match held(sessions).session(session_id) {
        Some(session) => Party::of(session_id, &session.visitor),
        None => Party::Server,
    }
}

/// The locks as the monitoring state shows them.
pub fn shown_locks(locks: &Mutex<LockTable>) -> Vec<ShownLock> {
    let locks = held(locks);
    let shown = |datastore, lock: Lock| ShownLock {
        datastore,
        session_id: lock.session_id,
        since: lock.since,
        part: None,
    };
    let parts = locks.partial.iter().map(|(lock_id, lock)| ShownLock {
        datastore: "running",
        session_id: lock.session_id,
        since: lock.since,
        part: Some(ShownPart {
            lock_id,
            select: lock.select.clone(),
            nodes: lock.nodes.iter().map(ToString::to_string).collect(),
        }),
    });
    let all = [
        ("running", Lockable::Running),
        ("candidate", Lockable::Candidate),
        ("startup", Lockable::Startup),
    ];
    all.into_iter()
        .filter_map(|(name, datastore)| Some(shown(name, locks.holder(datastore)?)))
        .chain(parts)
        .collect()
}

fn name_of(datastore: Lockable) -> DatastoreName {
    match datastore {
        Lockable::Running => DatastoreName::Running,
        Lockable::Candidate => DatastoreName::Candidate,
        Lockable::Startup => DatastoreName::Startup,
    }
}

fn lockable(name: DatastoreName) -> Lockable {
    match name {
        DatastoreName::Running => Lockable::Running,
        DatastoreName::Candidate => Lockable::Candidate,
        DatastoreName::Startup => Lockable::Startup,
    }
}

pub(in crate::management) fn not_supported(message: &str) -> ManagementError {
    ManagementError::protocol(ErrorTag::OperationNotSupported, message)
}

pub(in crate::management) fn one(error: ManagementError) -> Vec<ManagementError> {
    vec![error]
}

pub(in crate::management) fn all(errors: Vec<DataError>) -> Vec<ManagementError> {
    errors.into_iter().map(ManagementError::from).collect()
}

/// What the mutexes guard is swapped or counted whole, so a panic elsewhere leaves nothing half done in it.
pub(in crate::management) fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
