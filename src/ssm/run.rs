//! Starting and ending a licence server: state folder, ports, control socket.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use tokio::task::{JoinHandle, JoinSet};

use crate::ssm::SsmError;
use crate::ssm::control::Socket;
use crate::ssm::crl::{self, DistributionPoint, Published};
use crate::ssm::http::{self, Closing, Port};
use crate::ssm::policy::Policy;
use crate::ssm::service::{Clock, Names, Service};
use crate::ssm::store::Store;
use crate::ssm::store::folder::Folder;

/// How a licence server is to run.
#[derive(Clone, Debug)]
pub struct SsmOptions {
    /// Where it keeps everything; made when missing.
    pub state_dir: PathBuf,
    /// HTTP; port 0 takes a free one.
    pub listen: SocketAddr,
    /// HTTPS, if it is wanted; port 0 takes a free one.
    pub https_listen: Option<SocketAddr>,
    /// Names that are taken at the first start.
    pub names: Names,
    /// Host names for the HTTPS certificate, beside localhost, the machine's name and the address of the port.
    pub host_names: Vec<String>,
    /// Times that the server decides on.
    pub policy: Policy,
    /// Where the HTTPS certificate says that the revocation list is.
    pub distribution_point: DistributionPoint,
}

/// A server that accepts connections.
#[derive(Debug)]
pub struct Running {
    /// Where HTTP is served.
    pub http: SocketAddr,
    /// Where HTTPS is served.
    pub https: Option<SocketAddr>,
    /// Certificate of the licensing root, for devices.
    pub licensing_root: PathBuf,
    /// Certificate that HTTPS clients need.
    pub tls_root: PathBuf,
    finished: JoinHandle<Result<(), SsmError>>,
}

impl Running {
    /// Waits until the server has ended, after its `shutdown` or by a failure.
    pub async fn finished(self) -> Result<(), SsmError> {
        // Only a panic or an abort gets here, and both are the end of it.
        self.finished.await.unwrap_or(Err(SsmError::ShuttingDown))
    }
}

/// Starts a server. It ends when `shutdown` does: no new connections, a moment for what is in progress, the database
/// closed in order.
pub async fn run(
    options: SsmOptions,
    clock: Clock,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> Result<Running, SsmError> {
    options.policy.check()?;
    let folder = Folder::hold(&options.state_dir)?;
    let store = Store::open(&folder.database()?).await?;
    let service = Service::open(store, &options.names, options.policy.clone(), clock.clone()).await?;
    folder.publish(LICENSING_ROOT, service.authority().licensing_root())?;
    folder.publish(TLS_ROOT, service.authority().tls_root())?;
    let socket = Socket::open(&folder)?;

    let lists = Arc::new(service.authority().revocation_lists()?);
    let clock_of_lists = clock.clone();
    let http = Port::open(options.listen, None)?.publishing(Published {
        lists,
        clock: clock_of_lists,
    });
    let revocation_list = revocation_list(&options, http.address());
    let mut ports = vec![http];
    if let Some(address) = options.https_listen {
        let names = tls_names(&options, address);
        let identity = service
            .authority()
            .tls_identity(&names, revocation_list, clock())?;
        ports.push(Port::open(address, Some(http::tls_config(&identity)?))?);
    }
    let addresses: Vec<SocketAddr> = ports.iter().map(Port::address).collect();
    tracing::info!(
        "licence server of smart account {} listens at {addresses:?}; product instances: {}",
        service.account().name(),
        service.account().instances().count()
    );

    let (counter, work) = service.start();
    let work = tokio::spawn(work);
    let closing = Closing::default();
    let mut served = JoinSet::new();
    for port in ports {
        served.spawn(port.serve(counter.clone(), closing.clone()));
    }
    let licensing_root = folder.path().join(LICENSING_ROOT);
    let tls_root = folder.path().join(TLS_ROOT);
    let finished = tokio::spawn(async move {
        let ended = tokio::select! {
            () = shutdown => Ok(()),
            () = socket.serve(counter.clone()) => Ok(()),
            Some(Ok(served)) = served.join_next() => served,
        };
        closing.close();
        while served.join_next().await.is_some() {}
        drop((socket, counter));
        let closed = work.await.unwrap_or(Err(SsmError::ShuttingDown));
        tracing::info!("licence server ended");
        drop(folder);
        ended.and(closed)
    });
    Ok(Running {
        http: *addresses.first().unwrap_or(&options.listen),
        https: addresses.get(1).copied(),
        licensing_root,
        tls_root,
        finished,
    })
}

const LICENSING_ROOT: &str = "licensing-root.pem";
const TLS_ROOT: &str = "tls-ca.pem";

/// The URL of the revocation list, under a name by which devices reach this server.
fn revocation_list(options: &SsmOptions, http: SocketAddr) -> Option<String> {
    let host = match (options.host_names.first(), http) {
        (Some(name), _) => name.clone(),
        (None, address) if address.ip().is_unspecified() => "localhost".to_owned(),
        (None, SocketAddr::V4(address)) => address.ip().to_string(),
        (None, SocketAddr::V6(address)) => format!("[{}]", address.ip()),
    };
    match &options.distribution_point {
        DistributionPoint::Own => Some(format!("http://{host}:{}{}", http.port(), crl::PATH)),
        DistributionPoint::Absent => None,
        DistributionPoint::At(url) => Some(url.clone()),
    }
}

fn tls_names(options: &SsmOptions, address: SocketAddr) -> Vec<String> {
    let mut names = options.host_names.clone();
    names.extend(["localhost", "127.0.0.1", "::1"].map(str::to_owned));
    if !address.ip().is_unspecified() {
        names.push(address.ip().to_string());
    }
    // A machine that does not tell its name is reached by the others.
    let machine = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    names.push(machine.trim().to_lowercase());
    let mut seen = std::collections::BTreeSet::new();
    names.retain(|name| !name.is_empty() && name.is_ascii() && seen.insert(name.clone()));
    names
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::time::Duration;

    use tokio::sync::oneshot;

    use super::*;
    use crate::licensing::catalogue::Entitlement;
    use crate::licensing::message::{AnswerBody, EntitlementStatus, MAX_MESSAGE_BYTES};
    use crate::ssm::admin::Command;
    use crate::ssm::admin::listing::Output;
    use crate::ssm::control::execute;
    use crate::ssm::test_device::{Device, add, create_token, now};

    fn clock() -> Clock {
        Arc::new(now)
    }

    fn loopback() -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], 0))
    }

    async fn start(folder: &Path) -> (Running, oneshot::Sender<()>) {
        let (stop, stopped) = oneshot::channel::<()>();
        let options = SsmOptions {
            state_dir: folder.to_owned(),
            listen: loopback(),
            https_listen: Some(loopback()),
            names: Names::default(),
            host_names: Vec::new(),
            policy: Policy::default(),
            distribution_point: DistributionPoint::default(),
        };
        let running = run(options, clock(), async move { drop(stopped.await) }).await;
        (running.unwrap(), stop)
    }

    fn client(running: &Running) -> reqwest::Client {
        // Another test may have installed it already.
        drop(rustls::crypto::aws_lc_rs::default_provider().install_default());
        let ca = std::fs::read(&running.tls_root).unwrap();
        reqwest::Client::builder()
            .tls_certs_only([reqwest::Certificate::from_pem(&ca).unwrap()])
            .no_proxy()
            .timeout(Duration::from_secs(10))
            .build()
            .unwrap()
    }

    async fn command(folder: &Path, command: Command) -> Output {
        execute(folder, &command, clock()).await.unwrap()
    }

    #[tokio::test]
    async fn a_device_registers_and_authorizes_over_http_and_https_on_every_path() {
        let folder = tempfile::tempdir().unwrap();
        let (running, stop) = start(folder.path()).await;
        let client = client(&running);
        let root = std::fs::read_to_string(&running.licensing_root).unwrap();
        let mut device = Device::new("CAT1", &root);
        let Output::Token(row) = command(folder.path(), create_token(30)).await else {
            panic!()
        };
        command(folder.path(), add(Entitlement::LongHaul, 1)).await;

        let https = format!("https://localhost:{}", running.https.unwrap().port());
        let http = format!("http://{}", running.http);
        let mut bodies = vec![device.registration(&row.token, false)];
        bodies.resize_with(8, || Device::usage(&[(Entitlement::LongHaul, 1)]));
        let mut bodies = bodies.into_iter();
        for base in [https, http.clone()] {
            for path in http::PATHS {
                let request = device.request(bodies.next().unwrap(), now());
                let sent = client.post(format!("{base}{path}")).body(device.sign(&request));
                let answer = sent.send().await.unwrap().error_for_status().unwrap();
                let answer = answer.bytes().await.unwrap();
                let body = device.open(&answer, &request.expected(), now()).unwrap();
                device.keep(&body, now());
                if let AnswerBody::Authorize(grant) = body {
                    assert_eq!(grant.overall, EntitlementStatus::InCompliance);
                }
            }
        }

        let url = format!("{http}/SmartTransport");
        let answer = client.post(&url).body("<soap/>").send().await.unwrap();
        assert_eq!(answer.status(), 400);
        assert!(
            answer
                .text()
                .await
                .unwrap()
                .starts_with("the message is malformed: ")
        );
        let large = "x".repeat(MAX_MESSAGE_BYTES + 1);
        let answer = client.post(&url).body(large).send().await.unwrap();
        assert_eq!(answer.status(), 413);
        assert_eq!(client.get(&url).send().await.unwrap().status(), 405);
        assert_eq!(
            client.post(format!("{http}/")).send().await.unwrap().status(),
            404
        );

        drop(stop);
        running.finished().await.unwrap();
        assert!(!folder.path().join("control.sock").exists());
    }

    #[tokio::test]
    async fn commands_work_with_and_without_a_running_server_and_not_without_any() {
        // Longer than the path of a socket may be.
        let parent = tempfile::tempdir().unwrap();
        let folder = parent.path().join("a".repeat(60)).join("b".repeat(60));
        let refused = execute(&folder, &Command::LicenceList, clock())
            .await
            .unwrap_err();
        assert!(
            refused.to_string().starts_with("there is no licence server in "),
            "{refused}"
        );

        // As a server leaves it that is killed before it could found anything.
        drop(Folder::hold(&folder).unwrap().database().unwrap());
        let refused = execute(&folder, &Command::LicenceList, clock())
            .await
            .unwrap_err();
        assert!(
            refused.to_string().starts_with("there is no licence server in "),
            "{refused}"
        );

        let (running, stop) = start(&folder).await;
        command(&folder, add(Entitlement::Subsea, 2)).await;
        let refused = execute(&folder, &create_token(366), clock()).await.unwrap_err();
        assert_eq!(
            refused.to_string(),
            "a token cannot be valid for 366 days: 1 to 365 are allowed"
        );
        let options = SsmOptions {
            state_dir: folder.clone(),
            listen: loopback(),
            https_listen: None,
            names: Names::default(),
            host_names: Vec::new(),
            policy: Policy::default(),
            distribution_point: DistributionPoint::default(),
        };
        let second = run(options, clock(), std::future::pending()).await.unwrap_err();
        assert!(
            second
                .to_string()
                .ends_with("is in use by another ponder process"),
            "{second}"
        );
        drop(stop);
        running.finished().await.unwrap();

        command(&folder, add(Entitlement::Subsea, 1)).await;
        let (running, stop) = start(&folder).await;
        let Output::Pools(rows) = command(&folder, Command::LicenceList).await else {
            panic!()
        };
        assert_eq!(rows.first().map(|row| row.purchased), Some(3));
        drop(stop);
        running.finished().await.unwrap();
    }

    #[tokio::test]
    async fn a_port_in_use_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let taken = std::net::TcpListener::bind(loopback()).unwrap();
        let options = SsmOptions {
            state_dir: folder.path().to_owned(),
            listen: taken.local_addr().unwrap(),
            https_listen: None,
            names: Names::default(),
            host_names: Vec::new(),
            policy: Policy::default(),
            distribution_point: DistributionPoint::default(),
        };
        let refused = run(options, clock(), std::future::pending()).await.unwrap_err();
        let address = taken.local_addr().unwrap();
        assert_eq!(
            refused.to_string(),
            format!("listening at {address}: Address already in use (os error 98)")
        );
    }
}
