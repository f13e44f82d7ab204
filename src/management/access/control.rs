//! Access control as the front desk uses it: the policy of running, who is let off, what was denied.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tracing::warn;

use crate::datastore::change_set::Change;
use crate::management::access::judge::Judge;
use crate::management::access::permit::Permit;
use crate::management::access::policy::{Policy, ROOT};
use crate::management::access::protection::Protection;
use crate::management::access::writes;
use crate::management::error::{ErrorTag, ManagementError};
use crate::management::operational::StateProvider;
use crate::yang::error::DataError;
use crate::yang::schema::Schema;
use crate::yang::state::StateBuilder;
use crate::yang::tree::Tree;

/// What the settings say about users.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Privileges {
    /// Users whose sessions are recovery sessions (RFC 8341 section 3.2.1): no rule holds for them.
    pub recovery: BTreeSet<String>,
    /// The groups that a user's login brings (`enable-external-groups`).
    pub groups: BTreeMap<String, Vec<String>>,
    /// Whether the rules hold although nothing is configured below `/nacm`: then nobody but a recovery session can
    /// write. Otherwise access control begins with the first thing that is configured there.
    pub from_the_start: bool,
}

/// Access control of one agent.
pub struct AccessControl {
    schema: Arc<Schema>,
    protection: Arc<Protection>,
    privileges: Privileges,
    in_force: Mutex<InForce>,
    denied: Denied,
}

struct InForce {
    policy: Policy,
    /// Made when a user first asks under this policy.
    permits: HashMap<String, Arc<Permit>>,
}

/// What was denied, and by which rule or default.
#[derive(Debug)]
pub struct Denial<E> {
    /// What the user is told.
    pub error: E,
    /// The rule, `rule-list/rule`, or the default: for the log, not for the user.
    pub by: String,
}

/// How often something was denied since the start.
#[derive(Default)]
struct Denied {
    operations: AtomicU32,
    data_writes: AtomicU32,
    notifications: AtomicU32,
}

impl AccessControl {
    /// With the policy of a configuration.
    pub fn new(schema: &Arc<Schema>, privileges: Privileges, running: &Tree) -> AccessControl {
        AccessControl {
            schema: Arc::clone(schema),
            protection: Arc::new(Protection::of(schema)),
            privileges,
            in_force: Mutex::new(InForce {
                policy: Policy::read(running),
                permits: HashMap::new(),
            }),
            denied: Denied::default(),
        }
    }

    /// Another configuration is running: its policy holds for every request from now on.
    pub fn configured(&self, running: &Tree) {
        let policy = Policy::read(running);
        *self.in_force() = InForce {
            policy,
            permits: HashMap::new(),
        };
    }

    /// What a user may do now. A request keeps the permit that it began with.
    pub fn permit(&self, user: &str) -> Arc<Permit> {
        let mut in_force = self.in_force();
        if let Some(permit) = in_force.permits.get(user) {
            return Arc::clone(permit);
        }
        let policy = &in_force.policy;
        let idle = !policy.is_configured && !self.privileges.from_the_start;
        let permit = Arc::new(if idle || self.privileges.recovery.contains(user) {
            Permit::Everything
        } else {
            let groups = self.privileges.groups.get(user).map_or(&[][..], Vec::as_slice);
            Permit::of(policy, &self.protection, user, groups)
        });
        in_force.permits.insert(user.to_owned(), Arc::clone(&permit));
        permit
    }

    /// Refuses an operation that the user may not run (section 3.4.4), and counts it.
    pub fn check_execution(
        &self,
        permit: &Permit,
        user: &str,
        module: &str,
        name: &str,
    ) -> Result<(), Denial<ManagementError>> {
        // Sections 3.2.9 and 3.2.11: one is always allowed, two only where a rule says so.
        let is_closed = match (module, name) {
            ("ietf-netconf", "close-session") => return Ok(()),
            ("ietf-netconf", "kill-session" | "delete-config") => true,
            _ => self
                .schema
                .top(module, name)
                .is_some_and(|operation| operation.default_deny().is_some()),
        };
        let Err(by) = permit.may_execute(module, name, is_closed) else {
            return Ok(());
        };
        self.denied.operations.fetch_add(1, Ordering::Relaxed);
        warn!(
            user,
            operation = name,
            module,
            by,
            "operation denied by access control"
        );
        let message =
            format!("user {user} may not run {name} of {module}: access control does not permit it");
        Err(Denial {
            error: ManagementError::protocol(ErrorTag::AccessDenied, message),
            by: by.to_owned(),
        })
    }

    /// Refuses changes that the user may not make (section 3.4.5), and counts the request.
    pub fn check_changes(
        &self,
        permit: &Permit,
        user: &str,
        changes: &[Change],
    ) -> Result<(), Denial<DataError>> {
        let Some(judge) = Judge::of(permit) else {
            return Ok(());
        };
        writes::check(&judge, user, &self.schema, changes).inspect_err(|denied| {
            self.denied.data_writes.fetch_add(1, Ordering::Relaxed);
            warn!(
                user,
                path = denied.error.path.as_deref(),
                by = denied.by,
                "write denied by access control"
            );
        })
    }

    /// Whether a user gets a notification (section 3.4.6); one that is held back is counted, and the error is what denies it.
    pub fn may_receive(&self, permit: &Permit, module: &str, name: &str) -> Result<(), String> {
        permit.may_receive(module, name).map_err(|by| {
            self.denied.notifications.fetch_add(1, Ordering::Relaxed);
            by.to_owned()
        })
    }

    fn in_force(&self) -> MutexGuard<'_, InForce> {
        // Swapped whole, so a panic elsewhere leaves nothing half done in it.
        self.in_force.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The counters of `/nacm`.
pub struct AccessState {
    /// Whose.
    pub control: Arc<AccessControl>,
}

impl StateProvider for AccessState {
    fn roots(&self) -> Vec<&'static str> {
        vec![ROOT]
    }

    fn fill(&self, out: &mut StateBuilder<'_>) {
        let denied = &self.control.denied;
        out.container(ROOT, |out| {
            out.leaf("denied-operations", denied.operations.load(Ordering::Relaxed));
            out.leaf("denied-data-writes", denied.data_writes.load(Ordering::Relaxed));
            out.leaf(
                "denied-notifications",
                denied.notifications.load(Ordering::Relaxed),
            );
        });
    }

    fn provided(&self) -> &'static [&'static str] {
        &[
            "/ietf-netconf-acm:nacm/denied-operations",
            "/ietf-netconf-acm:nacm/denied-data-writes",
            "/ietf-netconf-acm:nacm/denied-notifications",
        ]
    }
}
