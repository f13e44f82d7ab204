//! The smart account as data: virtual accounts, registration tokens, pools and product instances, without any I/O.
//!
//! Nothing changes an [`Account`] but [`Account::apply`]. Whoever wants a change works out [`Change`]s from the account
//! as it is, has them stored, and then applies them; so what is stored and what is in memory never differ.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use crate::licensing::catalogue::Entitlement;
use crate::licensing::message::Udi;
use crate::licensing::secret::Secret;
use crate::ssm::reservation::Reservation;

/// Validity of a registration token in days, ends included (L-010).
pub const TOKEN_DAYS: std::ops::RangeInclusive<u32> = 1..=365;

/// Number of a virtual account.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize)]
pub struct VirtualAccountId(pub u32);

/// A part of the smart account with licences and devices of its own (L-008).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct VirtualAccount {
    /// Its number.
    pub id: VirtualAccountId,
    /// Its name, unique whatever the case of its letters.
    pub name: String,
    /// New licences and devices land here unless told otherwise (L-009); exactly one is.
    pub is_default: bool,
}

/// A registration token: any number of devices may use it while it is valid (L-011).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Token {
    /// By what it is named in commands and logs.
    pub id: u32,
    /// What a device presents.
    pub secret: Secret<String>,
    /// Where its devices land.
    pub virtual_account: VirtualAccountId,
    /// What it is for.
    pub description: String,
    /// When it was made.
    pub created: Timestamp,
    /// From then on it is refused.
    pub expires: Timestamp,
    /// Its devices may use export-controlled functionality.
    pub export_control_allowed: bool,
    /// It was withdrawn.
    pub revoked: bool,
    /// How many registrations it was good for.
    pub uses: u32,
}

/// Licences that came into a pool, or were taken out of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Purchase {
    /// Whose pool.
    pub virtual_account: VirtualAccountId,
    /// Of what.
    pub entitlement: Entitlement,
    /// How many; negative when they were taken out.
    pub quantity: i64,
    /// When.
    pub at: Timestamp,
}

/// A key that a product instance signs with.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Identity {
    /// Uncompressed P-256 point.
    pub public_key: Vec<u8>,
    /// End of the latest certificate for it.
    pub expires: Timestamp,
}

/// A registered device (L-013).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ProductInstance {
    /// Its name at this server.
    pub id: String,
    /// Which device; unique in the account.
    pub udi: Udi,
    /// Where all its licences are.
    pub virtual_account: VirtualAccountId,
    /// Unless the device keeps it private.
    pub hostname: Option<String>,
    /// Software that it runs.
    pub software_tag: String,
    /// Unless the device keeps it private.
    pub agent_version: Option<String>,
    /// First registration.
    pub registered: Timestamp,
    /// Last message that was accepted.
    pub last_contact: Timestamp,
    /// Sequence number of that message.
    pub last_sequence: u64,
    /// Its token allowed export-controlled functionality.
    pub export_control_allowed: bool,
    /// The key in use.
    pub identity: Identity,
    /// A key that a renewal certified and that the device has not used yet: it may not have received the answer.
    pub next_identity: Option<Identity>,
    /// When two devices with this identity were last suspected: a sequence number came twice.
    pub clone_suspected: Option<Timestamp>,
    /// What it uses; counts of at least 1.
    pub usage: BTreeMap<Entitlement, u32>,
}

impl ProductInstance {
    /// End of the registration.
    pub fn expires(&self) -> Timestamp {
        let next = self.next_identity.as_ref().map(|identity| identity.expires);
        next.map_or(self.identity.expires, |next| next.max(self.identity.expires))
    }
}

/// One pool: an entitlement of a virtual account.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Pool {
    /// Licences that are there.
    pub purchased: u64,
    /// Licences that product instances use; may be more.
    pub in_use: u64,
    /// Licences that are set aside for devices without exchanges.
    pub reserved: u64,
}

impl Pool {
    /// More in use and reserved than there are.
    pub fn is_short(&self) -> bool {
        self.in_use.saturating_add(self.reserved) > self.purchased
    }

    /// Licences that nobody uses or has reserved.
    pub fn available(&self) -> u64 {
        let taken = self.in_use.saturating_add(self.reserved);
        self.purchased.saturating_sub(taken)
    }
}

/// One change of an account, to be stored and applied.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Change {
    /// A virtual account, new or in a new form.
    VirtualAccount(VirtualAccount),
    /// A token, new or in a new form.
    Token(Token),
    /// Licences that came or went.
    Purchase(Purchase),
    /// A product instance, new or in a new form.
    Instance(Box<ProductInstance>),
    /// A product instance is gone, and its licences are free (L-014).
    InstanceRemoved(String),
    /// A reservation, new or in a new form.
    Reservation(Box<Reservation>),
    /// A reservation is gone, and its licences are free.
    ReservationRemoved(String),
    /// A nonce that is refused until then.
    Nonce {
        /// The nonce.
        nonce: String,
        /// A message that old is refused for its age.
        until: Timestamp,
    },
    /// Nonces that need not be kept any more.
    NoncesForgotten {
        /// Those whose time ended before this.
        before: Timestamp,
    },
}

/// Everything that the server knows of its customers.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Account {
    name: String,
    virtual_accounts: BTreeMap<VirtualAccountId, VirtualAccount>,
    tokens: BTreeMap<u32, Token>,
    pools: BTreeMap<(VirtualAccountId, Entitlement), Pool>,
    instances: BTreeMap<String, ProductInstance>,
    by_udi: BTreeMap<Udi, String>,
    by_expiry: BTreeSet<(Timestamp, String)>,
    reservations: BTreeMap<String, Reservation>,
    reservation_by_device: BTreeMap<(String, String), String>,
    reservation_by_end: BTreeSet<(Timestamp, String)>,
    nonces: BTreeSet<String>,
    nonces_by_time: BTreeSet<(Timestamp, String)>,
}

impl Account {
    /// An account of this name without content.
    pub fn named(name: &str) -> Account {
        Account {
            name: name.to_owned(),
            ..Account::default()
        }
    }

    /// Name of the smart account.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Carries out a change that was stored.
    pub fn apply(&mut self, change: Change) {
        match change {
            Change::VirtualAccount(account) => {
                if account.is_default {
                    for other in self.virtual_accounts.values_mut() {
                        other.is_default = false;
                    }
                }
                self.virtual_accounts.insert(account.id, account);
            }
            Change::Token(token) => {
                self.tokens.insert(token.id, token);
            }
            Change::Purchase(purchase) => {
                let pool = self.pool_mut(purchase.virtual_account, purchase.entitlement);
                pool.purchased = pool.purchased.saturating_add_signed(purchase.quantity);
            }
            Change::Instance(instance) => {
                self.remove(&instance.id);
                for (entitlement, count) in &instance.usage {
                    self.pool_mut(instance.virtual_account, *entitlement).in_use += u64::from(*count);
                }
                self.by_udi.insert(instance.udi.clone(), instance.id.clone());
                self.by_expiry.insert((instance.expires(), instance.id.clone()));
                self.instances.insert(instance.id.clone(), *instance);
            }
            Change::InstanceRemoved(id) => self.remove(&id),
            Change::Reservation(reservation) => {
                self.remove_reservation(&reservation.request);
                for (entitlement, count) in &reservation.held {
                    self.pool_mut(reservation.virtual_account, *entitlement).reserved += count;
                }
                let device = (reservation.pid.clone(), reservation.serial_number.clone());
                let request = reservation.request.clone();
                self.reservation_by_device.insert(device, request.clone());
                if let Some(end) = reservation.held_until {
                    self.reservation_by_end.insert((end, request.clone()));
                }
                self.reservations.insert(request, *reservation);
            }
            Change::ReservationRemoved(request) => self.remove_reservation(&request),
            Change::Nonce { nonce, until } => {
                self.nonces.insert(nonce.clone());
                self.nonces_by_time.insert((until, nonce));
            }
            Change::NoncesForgotten { before } => {
                let kept = self.nonces_by_time.split_off(&(before, String::new()));
                for (_, nonce) in std::mem::replace(&mut self.nonces_by_time, kept) {
                    self.nonces.remove(&nonce);
                }
            }
        }
    }

    fn remove(&mut self, id: &str) {
        let Some(gone) = self.instances.remove(id) else {
            return;
        };
        for (entitlement, count) in &gone.usage {
            let pool = self.pool_mut(gone.virtual_account, *entitlement);
            pool.in_use = pool.in_use.saturating_sub(u64::from(*count));
        }
        self.by_udi.remove(&gone.udi);
        self.by_expiry.remove(&(gone.expires(), gone.id));
    }

    fn remove_reservation(&mut self, request: &str) {
        let Some(gone) = self.reservations.remove(request) else {
            return;
        };
        for (entitlement, count) in &gone.held {
            let pool = self.pool_mut(gone.virtual_account, *entitlement);
            pool.reserved = pool.reserved.saturating_sub(*count);
        }
        self.reservation_by_device.remove(&(gone.pid, gone.serial_number));
        if let Some(end) = gone.held_until {
            self.reservation_by_end.remove(&(end, gone.request));
        }
    }

    fn pool_mut(&mut self, account: VirtualAccountId, entitlement: Entitlement) -> &mut Pool {
        self.pools.entry((account, entitlement)).or_default()
    }

    /// All virtual accounts, by number.
    pub fn virtual_accounts(&self) -> impl Iterator<Item = &VirtualAccount> {
        self.virtual_accounts.values()
    }

    /// The virtual account with this name, whatever the case of its letters; the default one for no name.
    pub fn virtual_account(&self, name: Option<&str>) -> Option<&VirtualAccount> {
        self.virtual_accounts().find(|account| match name {
            Some(name) => same_name(&account.name, name),
            None => account.is_default,
        })
    }

    /// Name of a virtual account; empty for one that does not exist.
    pub fn virtual_account_name(&self, id: VirtualAccountId) -> &str {
        self.virtual_accounts.get(&id).map_or("", |account| &account.name)
    }

    /// A number for the next virtual account.
    pub fn next_virtual_account_id(&self) -> VirtualAccountId {
        let last = self.virtual_accounts.last_key_value();
        VirtualAccountId(last.map_or(1, |(id, _)| id.0 + 1))
    }

    /// All tokens, by number.
    pub fn tokens(&self) -> impl Iterator<Item = &Token> {
        self.tokens.values()
    }

    /// The token with this number.
    pub fn token(&self, id: u32) -> Option<&Token> {
        self.tokens.get(&id)
    }

    /// A number for the next token.
    pub fn next_token_id(&self) -> u32 {
        self.tokens.last_key_value().map_or(1, |(id, _)| id + 1)
    }

    /// The token that a device presents; a revoked one counts as unknown.
    pub fn presented_token(&self, secret: &Secret<String>) -> Option<&Token> {
        self.tokens()
            .find(|token| !token.revoked && token.secret == *secret)
    }

    /// All pools that ever had a licence or a use, by virtual account.
    pub fn pools(&self) -> impl Iterator<Item = (VirtualAccountId, Entitlement, Pool)> {
        self.pools
            .iter()
            .map(|((account, entitlement), pool)| (*account, *entitlement, *pool))
    }

    /// One pool; empty where nothing was ever purchased or used.
    pub fn pool(&self, account: VirtualAccountId, entitlement: Entitlement) -> Pool {
        self.pools
            .get(&(account, entitlement))
            .copied()
            .unwrap_or_default()
    }

    /// All product instances, by name.
    pub fn instances(&self) -> impl Iterator<Item = &ProductInstance> {
        self.instances.values()
    }

    /// The product instance of this name.
    pub fn instance(&self, id: &str) -> Option<&ProductInstance> {
        self.instances.get(id)
    }

    /// The product instance of a device.
    pub fn instance_of(&self, udi: &Udi) -> Option<&ProductInstance> {
        self.by_udi.get(udi).and_then(|id| self.instances.get(id))
    }

    /// Product instances whose registration has ended.
    pub fn expired(&self, now: Timestamp) -> impl Iterator<Item = &str> {
        self.by_expiry
            .iter()
            .take_while(move |(expires, _)| *expires < now)
            .map(|(_, id)| id.as_str())
    }

    /// All reservations.
    pub fn reservations(&self) -> impl Iterator<Item = &Reservation> {
        self.reservations.values()
    }

    /// The reservation of a device.
    pub fn reservation_of(&self, pid: &str, serial_number: &str) -> Option<&Reservation> {
        let device = (pid.to_owned(), serial_number.to_owned());
        let request = self.reservation_by_device.get(&device)?;
        self.reservations.get(request)
    }

    /// Reservations of which a term has ended.
    pub fn reservations_ended(&self, now: Timestamp) -> impl Iterator<Item = &Reservation> {
        self.reservation_by_end
            .iter()
            .take_while(move |(end, _)| *end <= now)
            .filter_map(|(_, request)| self.reservations.get(request))
    }

    /// A nonce that is still remembered.
    pub fn nonce_seen(&self, nonce: &str) -> bool {
        self.nonces.contains(nonce)
    }

    /// At least one nonce need not be kept any more.
    pub fn has_old_nonces(&self, now: Timestamp) -> bool {
        self.nonces_by_time.first().is_some_and(|(until, _)| *until < now)
    }
}

/// When a token that is made now expires.
pub fn token_expiry(now: Timestamp, days: u32) -> Timestamp {
    let life = SignedDuration::from_hours(24 * i64::from(days));
    now.saturating_add(life).unwrap_or(Timestamp::MAX)
}

/// Names of virtual accounts are the same whatever the case of their letters.
pub fn same_name(left: &str, right: &str) -> bool {
    left.to_lowercase() == right.to_lowercase()
}
