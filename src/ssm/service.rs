//! The one task that decides, stores and applies; everybody else sends it messages and commands.
//!
//! A decision is made from the account in memory, stored, applied, and only then answered. The task is never cut short
//! by a client that goes away, so what is stored and what is in memory stay the same.

use std::sync::Arc;

use jiff::Timestamp;
use tokio::sync::{mpsc, oneshot};

use crate::ssm::SsmError;
use crate::ssm::account::{Account, Change, VirtualAccount, VirtualAccountId};
use crate::ssm::admin::listing::Output;
use crate::ssm::admin::{self, Command};
use crate::ssm::ca::Authority;
use crate::ssm::policy::Policy;
use crate::ssm::server::{Server, unavailable};
use crate::ssm::store::{Store, Stored};

/// Wall time, as the caller has it.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// Names that a server takes at its first start.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Names {
    /// Of the smart account.
    pub smart_account: String,
    /// Of its default virtual account.
    pub virtual_account: String,
}

impl Default for Names {
    fn default() -> Names {
        Names {
            smart_account: "Ponder Lab".to_owned(),
            virtual_account: "Default".to_owned(),
        }
    }
}

/// How to reach the task.
#[derive(Clone, Debug)]
pub struct Counter {
    jobs: mpsc::Sender<Job>,
}

#[derive(Debug)]
enum Job {
    Message {
        bytes: Vec<u8>,
        answer: oneshot::Sender<Result<Vec<u8>, SsmError>>,
    },
    Command {
        command: Command,
        answer: oneshot::Sender<Result<Output, SsmError>>,
    },
}

/// Jobs that may wait; more are held back at their connections.
const QUEUE: usize = 256;

impl Counter {
    /// Has a device's message answered; the answer is signed.
    pub async fn message(&self, bytes: Vec<u8>) -> Result<Vec<u8>, SsmError> {
        let (answer, answered) = oneshot::channel();
        let job = Job::Message { bytes, answer };
        self.jobs.send(job).await.map_err(|_| SsmError::ShuttingDown)?;
        answered.await.map_err(|_| SsmError::ShuttingDown)?
    }

    /// Has a command carried out.
    pub async fn command(&self, command: Command) -> Result<Output, SsmError> {
        let (answer, answered) = oneshot::channel();
        let job = Job::Command { command, answer };
        self.jobs.send(job).await.map_err(|_| SsmError::ShuttingDown)?;
        answered.await.map_err(|_| SsmError::ShuttingDown)?
    }
}

/// The server with its database.
pub struct Service {
    server: Server,
    store: Store,
    clock: Clock,
    /// A write failed, so the database may hold more or less than the memory: read it again before anything else.
    stale: bool,
}

impl Service {
    /// Takes up what is stored, or founds a new server of these names.
    pub async fn open(
        mut store: Store,
        names: &Names,
        policy: Policy,
        clock: Clock,
    ) -> Result<Service, SsmError> {
        let stored = match store.load().await? {
            Some(stored) => stored,
            None => found(&mut store, names, clock()).await?,
        };
        Service::with(store, stored, policy, clock)
    }

    /// Takes up what is stored; `None` where no server was founded.
    pub async fn reopen(mut store: Store, policy: Policy, clock: Clock) -> Result<Option<Service>, SsmError> {
        match store.load().await? {
            Some(stored) => Service::with(store, stored, policy, clock).map(Some),
            None => Ok(None),
        }
    }

    fn with(store: Store, stored: Stored, policy: Policy, clock: Clock) -> Result<Service, SsmError> {
        let now = clock();
        let server = Server {
            authority: Authority::open(stored.account.name(), &stored.authority, now)?,
            account: stored.account,
            policy,
        };
        Ok(Service {
            server,
            store,
            clock,
            stale: false,
        })
    }

    /// Who the server is.
    pub fn authority(&self) -> &Authority {
        &self.server.authority
    }

    /// What it knows.
    pub fn account(&self) -> &Account {
        &self.server.account
    }

    /// A way in, and the task to be run; it ends in order when every way in is gone.
    pub fn start(
        self,
    ) -> (
        Counter,
        impl Future<Output = Result<(), SsmError>> + Send + 'static,
    ) {
        let (jobs, queue) = mpsc::channel(QUEUE);
        (Counter { jobs }, self.work(queue))
    }

    async fn work(mut self, mut queue: mpsc::Receiver<Job>) -> Result<(), SsmError> {
        while let Some(job) = queue.recv().await {
            // Whoever asked may be gone; what was decided holds all the same.
            match job {
                Job::Message { bytes, answer } => drop(answer.send(self.message(&bytes).await)),
                Job::Command { command, answer } => drop(answer.send(self.command(&command).await)),
            }
        }
        self.close().await
    }

    /// Answers a device's message.
    pub async fn message(&mut self, bytes: &[u8]) -> Result<Vec<u8>, SsmError> {
        let now = (self.clock)();
        let ready = self.catch_up(now).await;
        let decision = self.server.decide(bytes, now).inspect_err(|error| {
            tracing::info!("refused a message that is none: {error}");
        })?;
        let stored = match ready {
            Ok(()) => self.carry_out(decision.changes).await,
            Err(error) => Err(error),
        };
        let answer = match stored {
            Ok(()) => {
                tracing::info!("{}", decision.story);
                decision.answer
            }
            Err(error) => {
                tracing::error!("could not record: {error}");
                unavailable(&decision.answer)
            }
        };
        Ok(self.server.authority.sign(&answer)?)
    }

    /// Carries out a command.
    pub async fn command(&mut self, command: &Command) -> Result<Output, SsmError> {
        let now = (self.clock)();
        self.catch_up(now).await?;
        let (changes, output) = admin::decide(&self.server, command, now)?;
        let changed = !changes.is_empty();
        self.carry_out(changes).await?;
        if changed {
            match &output {
                Output::Token(row) => {
                    let until = row.expires;
                    tracing::info!("made token {} for {} until {until}", row.id, row.virtual_account);
                }
                Output::Done(done) => tracing::info!("{done}"),
                Output::AuthorizationCode(_) => {
                    tracing::info!("made an authorization code for a reservation")
                }
                _ => {}
            }
        }
        Ok(output)
    }

    /// Closes the database.
    pub async fn close(self) -> Result<(), SsmError> {
        Ok(self.store.close().await?)
    }

    /// Brings the account up to now: what is on disk after a failure, and what time alone has changed.
    async fn catch_up(&mut self, now: Timestamp) -> Result<(), SsmError> {
        if self.stale
            && let Some(stored) = self.store.load().await?
        {
            self.server.account = stored.account;
            self.stale = false;
            tracing::info!("read the account again after a failed write");
        }
        let elapsed = self.server.elapsed(now);
        for change in &elapsed {
            if let Change::InstanceRemoved(id) = change {
                tracing::info!("the registration of {id} has ended; its licences are free");
            }
        }
        self.carry_out(elapsed).await
    }

    async fn carry_out(&mut self, changes: Vec<Change>) -> Result<(), SsmError> {
        if changes.is_empty() {
            return Ok(());
        }
        if let Err(error) = self.store.record(&changes).await {
            self.stale = true;
            return Err(error.into());
        }
        self.server.apply(changes);
        Ok(())
    }
}

async fn found(store: &mut Store, names: &Names, now: Timestamp) -> Result<Stored, SsmError> {
    let authority = Authority::found(&names.smart_account, now)?;
    let default = Change::VirtualAccount(VirtualAccount {
        id: VirtualAccountId(1),
        name: names.virtual_account.clone(),
        is_default: true,
    });
    let first = [default];
    store.found(&names.smart_account, &authority, &first).await?;
    let mut account = Account::named(&names.smart_account);
    for change in first {
        account.apply(change);
    }
    tracing::info!(
        "founded smart account {} with virtual account {}",
        names.smart_account,
        names.virtual_account
    );
    Ok(Stored { authority, account })
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::Mutex;

    use proptest::prelude::*;

    use super::*;
    use crate::licensing::catalogue::Entitlement;
    use crate::licensing::message::{AnswerBody, EntitlementStatus, RefusalCode, RequestBody};
    use crate::ssm::test_device::{DAY, Device, add, create_token, now};

    /// A clock that a test moves.
    #[derive(Clone)]
    struct Hand(Arc<Mutex<Timestamp>>);

    impl Hand {
        fn new() -> Hand {
            Hand(Arc::new(Mutex::new(now())))
        }

        fn now(&self) -> Timestamp {
            *self.0.lock().unwrap()
        }

        fn advance(&self, days: i64) {
            *self.0.lock().unwrap() += DAY * i32::try_from(days).unwrap();
        }

        fn clock(&self) -> Clock {
            let hand = self.clone();
            Arc::new(move || hand.now())
        }
    }

    async fn service(folder: &Path, hand: &Hand) -> Service {
        let store = Store::open(&folder.join("ssm.sqlite")).await.unwrap();
        Service::open(store, &Names::default(), Policy::default(), hand.clock())
            .await
            .unwrap()
    }

    async fn token(service: &mut Service) -> String {
        match service.command(&create_token(365)).await.unwrap() {
            Output::Token(row) => row.token,
            other => panic!("{other:?}"),
        }
    }

    async fn ask(
        service: &mut Service,
        device: &mut Device,
        body: RequestBody,
        now: Timestamp,
    ) -> Result<AnswerBody, RefusalCode> {
        let request = device.request(body, now);
        let answer = service.message(&device.sign(&request)).await.unwrap();
        let body = device
            .open(&answer, &request.expected(), now)
            .map_err(|refusal| refusal.code)?;
        device.keep(&body, now);
        Ok(body)
    }

    async fn by_hand(database: &Path) -> sqlx::SqliteConnection {
        let url = format!("sqlite://{}", database.display());
        <sqlx::SqliteConnection as sqlx::Connection>::connect(&url)
            .await
            .unwrap()
    }

    /// What a killed server leaves behind: the files as they are at this moment.
    fn killed(folder: &Path) -> tempfile::TempDir {
        let copy = tempfile::tempdir().unwrap();
        for file in std::fs::read_dir(folder).unwrap() {
            let file = file.unwrap();
            std::fs::copy(file.path(), copy.path().join(file.file_name())).unwrap();
        }
        copy
    }

    #[tokio::test]
    async fn a_killed_server_has_lost_nothing_that_it_answered() {
        let (folder, hand) = (tempfile::tempdir().unwrap(), Hand::new());
        let mut first = service(folder.path(), &hand).await;
        let token = token(&mut first).await;
        first.command(&add(Entitlement::LongHaul, 2)).await.unwrap();
        let mut device = Device::new("CAT1", first.authority().licensing_root());
        let body = device.registration(&token, false);
        ask(&mut first, &mut device, body, now()).await.unwrap();
        let usage = Device::usage(&[(Entitlement::LongHaul, 3)]);
        ask(&mut first, &mut device, usage, now()).await.unwrap();

        let copy = killed(folder.path());
        let mut second = service(copy.path(), &hand).await;
        assert_eq!(second.account(), first.account());
        let usage = Device::usage(&[(Entitlement::LongHaul, 2)]);
        let Ok(AnswerBody::Authorize(grant)) = ask(&mut second, &mut device, usage, now()).await else {
            panic!()
        };
        assert_eq!(grant.overall, EntitlementStatus::InCompliance);
        assert_eq!(
            first.authority().licensing_root(),
            second.authority().licensing_root()
        );
    }

    #[tokio::test]
    async fn what_cannot_be_recorded_is_not_done_and_the_device_is_told_to_try_again() {
        let (folder, hand) = (tempfile::tempdir().unwrap(), Hand::new());
        let mut service = service(folder.path(), &hand).await;
        let token = token(&mut service).await;
        let mut device = Device::new("CAT1", service.authority().licensing_root());
        let mut other = by_hand(&folder.path().join("ssm.sqlite")).await;
        let breaking =
            "CREATE TRIGGER full BEFORE INSERT ON usage BEGIN SELECT RAISE(FAIL, 'disk full'); END";
        sqlx::raw_sql(breaking).execute(&mut other).await.unwrap();
        let body = device.registration(&token, false);
        ask(&mut service, &mut device, body, now()).await.unwrap();
        let usage = || Device::usage(&[(Entitlement::LongHaul, 3)]);
        assert_eq!(
            ask(&mut service, &mut device, usage(), now()).await,
            Err(RefusalCode::Unavailable)
        );
        assert_eq!(service.account().pools().count(), 0);
        sqlx::raw_sql("DROP TRIGGER full")
            .execute(&mut other)
            .await
            .unwrap();
        ask(&mut service, &mut device, usage(), now()).await.unwrap();
        assert_eq!(service.account().pools().count(), 1);
    }

    #[tokio::test]
    async fn a_database_of_a_later_version_or_that_is_none_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ssm.sqlite");
        std::fs::write(&path, "this is not a database, however long one looks at it").unwrap();
        let refused = Store::open(&path).await.unwrap_err().to_string();
        assert!(refused.contains("file is not a database"), "{refused}");
        std::fs::remove_file(&path).unwrap();
        let store = Store::open(&path).await.unwrap();
        store.close().await.unwrap();
        let mut other = by_hand(&path).await;
        sqlx::raw_sql("PRAGMA user_version = 3")
            .execute(&mut other)
            .await
            .unwrap();
        let refused = Store::open(&path).await.unwrap_err().to_string();
        assert!(refused.ends_with("was written by a later ponder"), "{refused}");
    }

    #[derive(Clone, Debug)]
    enum Step {
        Register { device: usize, force: bool },
        Authorize { device: usize, counts: [u32; 6] },
        Deregister { device: usize },
        Remove { device: usize },
        Add { entitlement: usize, quantity: i64 },
        Wait { days: i64 },
        Restart,
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            3 => (0..3_usize, any::<bool>()).prop_map(|(device, force)| Step::Register { device, force }),
            6 => (0..3_usize, prop::array::uniform6(0..4_u32))
                .prop_map(|(device, counts)| Step::Authorize { device, counts }),
            1 => (0..3_usize).prop_map(|device| Step::Deregister { device }),
            1 => (0..3_usize).prop_map(|device| Step::Remove { device }),
            3 => (0..6_usize, -4..8_i64).prop_map(|(entitlement, quantity)| Step::Add { entitlement, quantity }),
            1 => (1..200_i64).prop_map(|days| Step::Wait { days }),
            1 => Just(Step::Restart),
        ]
    }

    async fn play(steps: Vec<Step>) {
        let (folder, hand) = (tempfile::tempdir().unwrap(), Hand::new());
        let mut service = service(folder.path(), &hand).await;
        let token = token(&mut service).await;
        let root = service.authority().licensing_root().to_owned();
        let mut devices: Vec<Device> = ["A", "B", "C"].map(|name| Device::new(name, &root)).into();
        let mut purchased = [0_i64; 6];
        for step in steps {
            let now = hand.now();
            match step {
                Step::Register { device, force } => {
                    let device = &mut devices[device];
                    let body = device.registration(&token, force);
                    drop(ask(&mut service, device, body, now).await);
                }
                Step::Authorize { device, counts } => {
                    let device = &mut devices[device];
                    let used: Vec<_> = Entitlement::ALL.into_iter().zip(counts).collect();
                    let answer = ask(&mut service, device, Device::usage(&used), now).await;
                    if let Ok(AnswerBody::Authorize(grant)) = answer {
                        for (entry, entitlement) in grant.entitlements.iter().zip(Entitlement::ALL) {
                            let owner = service.account().virtual_account(None).unwrap().id;
                            let short = service.account().pool(owner, entitlement).is_short();
                            assert_eq!(entry.status == EntitlementStatus::OutOfCompliance, short);
                        }
                    }
                }
                Step::Deregister { device } => {
                    drop(ask(&mut service, &mut devices[device], RequestBody::Deregister, now).await);
                }
                Step::Remove { device } => {
                    let name = devices[device].udi.serial_number.clone();
                    drop(service.command(&Command::InstanceRemove { name }).await);
                }
                Step::Add {
                    entitlement,
                    quantity,
                } => {
                    let command = add(Entitlement::ALL[entitlement], quantity);
                    if service.command(&command).await.is_ok() {
                        purchased[entitlement] += quantity;
                    }
                }
                Step::Wait { days } => hand.advance(days),
                Step::Restart => {
                    let before = service.account().clone();
                    service.close().await.unwrap();
                    service = self::service(folder.path(), &hand).await;
                    let pools = |account: &Account| {
                        account
                            .pools()
                            .filter(|(.., pool)| *pool != Default::default())
                            .collect::<Vec<_>>()
                    };
                    assert_eq!(pools(&before), pools(service.account()));
                    assert!(before.instances().eq(service.account().instances()));
                }
            }
            let account = service.account();
            let owner = account.virtual_account(None).unwrap().id;
            for (entitlement, purchased) in Entitlement::ALL.into_iter().zip(purchased) {
                let pool = account.pool(owner, entitlement);
                assert_eq!(i64::try_from(pool.purchased), Ok(purchased));
                let used = account
                    .instances()
                    .filter_map(|instance| instance.usage.get(&entitlement));
                assert_eq!(pool.in_use, used.map(|count| u64::from(*count)).sum::<u64>());
            }
            assert!(account.instances().count() <= devices.len());
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn pools_are_conserved_whatever_happens(steps in prop::collection::vec(step(), 1..30)) {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(play(steps));
        }
    }
}
