//! Forwarding: one sender for every configured remote host, following the configuration.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustls::ClientConfig;
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task::AbortHandle;

use crate::app::ca_file::{CaFileError, client_trusting};
use crate::app::clock::Clock;
use crate::app::name_resolution::{NameSettings, Names};
use crate::app::settings::SyslogSettings;
use crate::app::syslog::configuration::{RemoteHost, SyslogConfiguration};
use crate::app::syslog::connection::{Destination, Transport};
use crate::app::syslog::logbook::Logbook;
use crate::app::syslog::sender::{Counters, Sender, Terms};

/// Every sender; clones share them. The senders end when the last clone is dropped.
#[derive(Clone)]
pub struct Forwarding(Arc<Shared>);

struct Shared {
    clock: Arc<dyn Clock>,
    logbook: Logbook,
    transport: Transport,
    transports: BTreeMap<String, Transport>,
    tls: Option<Arc<ClientConfig>>,
    runtime: Handle,
    state: Mutex<State>,
}

struct State {
    configuration: Arc<SyslogConfiguration>,
    senders: BTreeMap<Destination, Running>,
}

struct Running {
    names: Names,
    terms: watch::Sender<Terms>,
    counters: Arc<Counters>,
    task: AbortHandle,
}

/// What one remote host has been sent.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HostStatistics {
    /// Its address or name.
    pub name: String,
    /// It is reached over TLS.
    pub over_tls: bool,
    /// Messages sent.
    pub sent: u64,
    /// Messages sent while nobody listened.
    pub dropped: u64,
    /// Messages overwritten before they could be sent.
    pub overrun: u64,
}

impl Forwarding {
    /// Sends what the logbook holds from now on to whoever is configured. Call it on the runtime that is to serve the
    /// senders.
    ///
    /// # Errors
    /// When the CA file of the settings cannot be used.
    pub fn start(
        clock: Arc<dyn Clock>,
        logbook: Logbook,
        settings: &SyslogSettings,
        configuration: SyslogConfiguration,
    ) -> Result<Forwarding, CaFileError> {
        let tls = settings
            .ca_file
            .as_deref()
            .map(|path| client_trusting(path, "of the log's remote hosts"))
            .transpose()?;
        let forwarding = Forwarding(Arc::new(Shared {
            clock,
            logbook,
            transport: settings.transport,
            transports: settings.transports.clone(),
            tls: tls.map(Arc::new),
            runtime: Handle::current(),
            state: Mutex::new(State {
                configuration: Arc::new(configuration.clone()),
                senders: BTreeMap::new(),
            }),
        }));
        forwarding.configured(configuration);
        Ok(forwarding)
    }

    /// Something about the log was configured. A host that stays keeps its connection; a new one is sent what is logged
    /// from now on.
    pub fn configured(&self, configuration: SyslogConfiguration) {
        let mut state = self.state();
        let mut wanted: BTreeMap<Destination, (Terms, NameSettings)> = BTreeMap::new();
        for host in &configuration.hosts {
            let terms = Terms {
                wanted: host.wanted,
                trap: configuration.trap,
                host_name: configuration.host_name.clone(),
            };
            wanted.insert(self.0.destination(host), (terms, host.names.clone()));
        }
        state.senders.retain(|destination, running| {
            let stays = wanted.contains_key(destination);
            if !stays {
                running.task.abort();
            }
            stays
        });
        for (destination, (terms, names)) in wanted {
            match state.senders.get(&destination) {
                Some(running) => {
                    running.names.configured(names);
                    running.terms.send_replace(terms);
                }
                None => {
                    let running = self.0.sender(destination.clone(), terms, names);
                    state.senders.insert(destination, running);
                }
            }
        }
        state.configuration = Arc::new(configuration);
    }

    /// What is configured.
    pub fn configuration(&self) -> Arc<SyslogConfiguration> {
        Arc::clone(&self.state().configuration)
    }

    /// What every host has been sent.
    pub fn statistics(&self) -> Vec<HostStatistics> {
        let state = self.state();
        let senders = state.senders.iter();
        senders
            .map(|(destination, running)| HostStatistics {
                name: destination.host.clone(),
                over_tls: destination.transport == Transport::Tls,
                sent: running.counters.sent.load(Ordering::Relaxed),
                dropped: running.counters.dropped.load(Ordering::Relaxed),
                overrun: running.counters.overrun.load(Ordering::Relaxed),
            })
            .collect()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shared {
    fn destination(&self, host: &RemoteHost) -> Destination {
        let transport = self.transports.get(&host.name).copied();
        let transport = transport.unwrap_or(self.transport);
        Destination {
            host: host.name.clone(),
            port: host.port.unwrap_or_else(|| transport.default_port()),
            transport,
        }
    }

    fn sender(&self, destination: Destination, terms: Terms, settings: NameSettings) -> Running {
        let (terms, followed) = watch::channel(terms);
        let counters = Arc::new(Counters::default());
        let names = Names::default();
        names.configured(settings);
        let sender = Sender {
            clock: Arc::clone(&self.clock),
            logbook: self.logbook.clone(),
            destination,
            names: names.clone(),
            tls: self.tls.clone(),
            terms: followed,
            counters: Arc::clone(&counters),
        };
        let place = self.logbook.messages().last();
        let task = self.runtime.spawn(sender.run(place)).abort_handle();
        Running {
            names,
            terms,
            counters,
            task,
        }
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        let state = self.state.get_mut().unwrap_or_else(PoisonError::into_inner);
        for running in state.senders.values() {
            running.task.abort();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;
    use std::time::Duration;

    use rustls::ServerConfig;
    use rustls::crypto::aws_lc_rs;
    use rustls::pki_types::PrivateKeyDer;
    use tokio::io::{AsyncRead, AsyncReadExt};
    use tokio::net::{TcpListener, UdpSocket};
    use tokio_rustls::TlsAcceptor;

    use super::*;
    use crate::app::clock::ManualClock;
    use crate::app::syslog::configuration::Wanted;
    use crate::app::syslog::message::{Draft, Severity, example};

    const HOST: &str = "127.0.0.1";

    struct Lab {
        clock: ManualClock,
        logbook: Logbook,
        forwarding: Forwarding,
    }

    impl Lab {
        fn new(settings: SyslogSettings) -> Lab {
            let clock = ManualClock::starting_at("2021-05-27T09:54:57.783Z".parse().unwrap());
            let logbook = Logbook::in_memory(Arc::new(clock.clone()), &settings).unwrap();
            let forwarding = Forwarding::start(
                Arc::new(clock.clone()),
                logbook.clone(),
                &settings,
                configuration(&[]),
            );
            Lab {
                clock,
                logbook,
                forwarding: forwarding.unwrap(),
            }
        }

        fn over(transport: Transport) -> Lab {
            Lab::new(SyslogSettings {
                transport,
                ..SyslogSettings::default()
            })
        }

        fn say(&self, text: &str) {
            self.say_with(Severity::Informational, text);
        }

        fn say_with(&self, severity: Severity, text: &str) {
            self.logbook.log(Draft {
                severity,
                text: text.to_owned(),
                ..example::draft()
            });
        }

        /// Waits until the log holds a message of this name, and gives its text.
        async fn told(&self, name: &str) -> String {
            let mut news = self.logbook.messages().follow();
            loop {
                let messages = self.logbook.messages().entries();
                if let Some(found) = messages.iter().find(|message| message.name == name) {
                    return found.text.clone();
                }
                news.changed().await.unwrap();
            }
        }

        async fn until(&self, wanted: impl Fn(&HostStatistics) -> bool) {
            while !self.forwarding.statistics().iter().any(&wanted) {
                tokio::task::yield_now().await;
            }
        }
    }

    fn configuration(hosts: &[(u16, Wanted)]) -> SyslogConfiguration {
        SyslogConfiguration {
            host_name: "SIT-5".to_owned(),
            trap: Wanted::From(Severity::Informational),
            buffered: Wanted::All,
            buffer_size: 2_097_152,
            hosts: hosts
                .iter()
                .map(|(port, wanted)| RemoteHost {
                    name: HOST.to_owned(),
                    port: Some(*port),
                    wanted: *wanted,
                    names: NameSettings::default(),
                })
                .collect(),
        }
    }

    /// The words of one datagram: what comes after the code.
    fn words(datagram: &[u8]) -> String {
        let text = std::str::from_utf8(datagram).unwrap();
        text.split_once(" : ").unwrap().1.to_owned()
    }

    async fn datagram(socket: &UdpSocket) -> Vec<u8> {
        let mut buffer = vec![0; 4_096];
        let length = socket.recv(&mut buffer).await.unwrap();
        buffer.truncate(length);
        buffer
    }

    /// One message of a stream, framed by its length.
    async fn frame(stream: &mut (impl AsyncRead + Unpin)) -> String {
        let mut length = 0;
        loop {
            match stream.read_u8().await.unwrap() {
                b' ' => break,
                digit => length = length * 10 + usize::from(digit - b'0'),
            }
        }
        let mut message = vec![0; length];
        stream.read_exact(&mut message).await.unwrap();
        words(&message)
    }

    async fn listener() -> (TcpListener, u16) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        (listener, port)
    }

    #[tokio::test]
    async fn a_host_gets_what_it_wants_and_what_any_host_may_have_as_datagrams() {
        let lab = Lab::over(Transport::Udp);
        let host = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let port = host.local_addr().unwrap().port();
        lab.say("before it was configured");
        lab.forwarding.configured(configuration(&[(port, Wanted::All)]));
        lab.say_with(Severity::Debug, "not for any host");
        lab.say("for all");
        assert_eq!(
            String::from_utf8(datagram(&host).await).unwrap(),
            "<190>1 2021-05-27T09:54:57.783Z SIT-5 smartlicserver 311 AUTH_RENEW_FAILED [meta sequenceId=\"4\"] \
             %LICENSE-SMART_LIC-6-AUTH_RENEW_FAILED : for all"
        );
        lab.forwarding
            .configured(configuration(&[(port, Wanted::Exactly(Severity::Warning))]));
        lab.say("not a warning");
        lab.say_with(Severity::Warning, "a warning");
        assert_eq!(words(&datagram(&host).await), "a warning");
        lab.until(|host| host.sent == 2).await;
        let statistics = lab.forwarding.statistics();
        assert_eq!(
            statistics,
            [HostStatistics {
                name: HOST.to_owned(),
                over_tls: false,
                sent: 2,
                dropped: 0,
                overrun: 0
            }]
        );
    }

    #[tokio::test]
    async fn datagrams_that_nobody_took_are_counted() {
        let lab = Lab::over(Transport::Udp);
        let host = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let port = host.local_addr().unwrap().port();
        drop(host);
        lab.forwarding.configured(configuration(&[(port, Wanted::All)]));
        lab.say("one");
        lab.until(|host| host.sent == 1).await;
        lab.say("two");
        lab.until(|host| host.sent == 2).await;
        assert_eq!(lab.forwarding.statistics()[0].dropped, 1);
    }

    #[tokio::test]
    async fn a_stream_stays_while_its_terms_change_and_ends_with_its_configuration() {
        let lab = Lab::over(Transport::Tcp);
        let (listener, port) = listener().await;
        lab.forwarding.configured(configuration(&[(port, Wanted::All)]));
        lab.say("one");
        let (mut stream, _) = listener.accept().await.unwrap();
        assert_eq!(frame(&mut stream).await, "one");
        lab.forwarding
            .configured(configuration(&[(port, Wanted::From(Severity::Error))]));
        lab.say("two");
        lab.say_with(Severity::Error, "three");
        assert_eq!(frame(&mut stream).await, "three");
        lab.forwarding.configured(configuration(&[]));
        assert_eq!(stream.read(&mut [0; 9]).await.unwrap(), 0);
        assert_eq!(lab.forwarding.statistics(), []);
    }

    #[tokio::test]
    async fn a_name_is_resolved_as_running_says() {
        let lab = Lab::over(Transport::Tcp);
        let (listener, port) = listener().await;
        let mut configured = configuration(&[(port, Wanted::All)]);
        let host = &mut configured.hosts[0];
        host.name = "log.example.net".to_owned();
        host.names.lookup_disabled = true;
        lab.forwarding.configured(configured.clone());
        lab.say("one");
        let told = lab.told("REMOTE_UNREACHABLE").await;
        assert!(
            told.contains("Unable to resolve server hostname/domain name log.example.net"),
            "{told}"
        );
        let hosts = [("log.example.net".to_owned(), vec![Ipv4Addr::LOCALHOST.into()])];
        configured.hosts[0].names.hosts = hosts.into();
        lab.forwarding.configured(configured);
        lab.clock.advance(Duration::from_secs(1));
        let (mut stream, _) = listener.accept().await.unwrap();
        assert_eq!(frame(&mut stream).await, "one");
    }

    #[tokio::test]
    async fn a_host_that_went_away_is_reached_again_for_the_next_message() {
        let lab = Lab::over(Transport::Tcp);
        let (listener, port) = listener().await;
        lab.forwarding.configured(configuration(&[(port, Wanted::All)]));
        lab.say("one");
        let (mut stream, _) = listener.accept().await.unwrap();
        assert_eq!(frame(&mut stream).await, "one");
        drop(stream);
        // The sender learns of it while it waits.
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        lab.say("two");
        let (mut stream, _) = listener.accept().await.unwrap();
        assert_eq!(frame(&mut stream).await, "two");
    }

    #[tokio::test]
    async fn a_host_that_is_away_is_tried_with_longer_waits_and_gets_what_the_ring_still_holds() {
        let lab = Lab::new(SyslogSettings {
            messages: 5,
            transport: Transport::Tcp,
            ..SyslogSettings::default()
        });
        let (gone, port) = listener().await;
        drop(gone);
        lab.forwarding.configured(configuration(&[(port, Wanted::All)]));
        lab.say("first");
        let told = lab.told("REMOTE_UNREACHABLE").await;
        assert!(
            told.starts_with(&format!(
                "Remote host 127.0.0.1 (tcp port {port}) cannot be sent messages: Connection refused"
            )),
            "{told}"
        );
        // One second, then two, and nothing is told a second time.
        lab.clock.advance(Duration::from_secs(1));
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        assert_eq!(lab.logbook.messages().last(), 2);
        for number in 3..=9 {
            lab.say(&format!("message {number}"));
        }
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.unwrap();
        lab.clock.advance(Duration::from_millis(1_999));
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        assert_eq!(lab.forwarding.statistics()[0].sent, 0);
        lab.clock.advance(Duration::from_millis(1));
        let (mut stream, _) = listener.accept().await.unwrap();
        for number in 5..=9 {
            assert_eq!(frame(&mut stream).await, format!("message {number}"));
        }
        assert_eq!(
            frame(&mut stream).await,
            format!("Remote host 127.0.0.1 (tcp port {port}) is sent messages again")
        );
        assert_eq!(
            frame(&mut stream).await,
            format!(
                "4 messages were overwritten before remote host 127.0.0.1 (tcp port {port}) could be sent them"
            )
        );
        assert_eq!(lab.forwarding.statistics()[0].overrun, 4);
    }

    #[tokio::test]
    async fn a_host_that_takes_nothing_is_given_up_and_blocks_nobody() {
        let lab = Lab::over(Transport::Tcp);
        let (listener, port) = listener().await;
        lab.forwarding.configured(configuration(&[(port, Wanted::All)]));
        let text = "x".repeat(1_000);
        lab.say(&text);
        let (stream, _) = listener.accept().await.unwrap();
        for _ in 0..1_999 {
            lab.say(&text);
        }
        // Two thousand messages are more than the buffers of a socket here; whoever logs has not noticed.
        let mut before = 0;
        loop {
            for _ in 0..100 {
                tokio::task::yield_now().await;
            }
            let sent = lab.forwarding.statistics()[0].sent;
            if sent == before {
                break;
            }
            before = sent;
        }
        if before < 2_000 {
            lab.clock.advance(Duration::from_secs(10));
            let told = lab.told("REMOTE_UNREACHABLE").await;
            assert!(told.ends_with("nothing within 10 seconds"), "{told}");
        }
        drop(stream);
    }

    fn authority() -> (String, ServerConfig) {
        let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap();
        let mut params = rcgen::CertificateParams::default();
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let root = params.self_signed(&key).unwrap().pem();
        let issuer = rcgen::Issuer::new(params, key);
        let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap();
        let params = rcgen::CertificateParams::new(vec![HOST.to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &issuer).unwrap();
        let provider = Arc::new(aws_lc_rs::default_provider());
        let server = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(
                vec![certificate.der().clone()],
                PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
            );
        (root, server.unwrap())
    }

    #[tokio::test]
    async fn a_host_with_the_right_certificate_is_reached_over_tls() {
        let folder = tempfile::tempdir().unwrap();
        let ca_file = folder.path().join("ca.pem");
        let (root, server) = authority();
        std::fs::write(&ca_file, root).unwrap();
        let lab = Lab::new(SyslogSettings {
            transports: [(HOST.to_owned(), Transport::Tls)].into(),
            ca_file: Some(ca_file),
            ..SyslogSettings::default()
        });
        let (listener, port) = listener().await;
        lab.forwarding.configured(configuration(&[(port, Wanted::All)]));
        lab.say("secret");
        let (stream, _) = listener.accept().await.unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(server));
        let mut stream = acceptor.accept(stream).await.unwrap();
        assert_eq!(frame(&mut stream).await, "secret");
        lab.until(|host| host.over_tls && host.sent == 1).await;
    }

    #[tokio::test]
    async fn a_host_with_another_certificate_is_told_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let ca_file = folder.path().join("ca.pem");
        std::fs::write(&ca_file, authority().0).unwrap();
        let lab = Lab::new(SyslogSettings {
            transport: Transport::Tls,
            ca_file: Some(ca_file),
            ..SyslogSettings::default()
        });
        let (listener, port) = listener().await;
        lab.forwarding.configured(configuration(&[(port, Wanted::All)]));
        lab.say("secret");
        let (stream, _) = listener.accept().await.unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(authority().1));
        let accepting = tokio::spawn(acceptor.accept(stream));
        let told = lab.told("REMOTE_UNREACHABLE").await;
        assert!(
            told.contains("tls port") && told.contains("certificate"),
            "{told}"
        );
        assert!(accepting.await.unwrap().is_err());
        assert_eq!(lab.forwarding.statistics()[0].sent, 0);
    }

    #[tokio::test]
    async fn tls_without_a_ca_file_is_refused_in_clear_words() {
        let lab = Lab::over(Transport::Tls);
        let (_listener, port) = listener().await;
        lab.forwarding.configured(configuration(&[(port, Wanted::All)]));
        lab.say("secret");
        let told = lab.told("REMOTE_UNREACHABLE").await;
        assert!(told.ends_with("(ca-file of [syslog] in the settings)"), "{told}");
    }

    #[test]
    fn ports_are_those_of_the_model_and_of_the_rfc() {
        assert_eq!(Transport::Udp.default_port(), 514);
        assert_eq!(Transport::Tls.default_port(), 6_514);
    }
}
