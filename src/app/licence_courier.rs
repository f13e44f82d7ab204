//! Carries licence requests over HTTP: trusts only the configured CA file, follows no redirect, waits and reads within limits.

use std::error::Error;
use std::future::Future;
use std::io;
use std::path::Path;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use reqwest::header::CONTENT_TYPE;
use reqwest::{Client, ClientBuilder, Proxy, Response, Url, redirect};
use rustls::crypto::aws_lc_rs;
use rustls::{ClientConfig, RootCertStore};

use crate::app::ca_file::{CaFileError, client, roots};
use crate::app::clock::{AgentTime, Clock};
use crate::app::licence_configuration::is_within;
use crate::app::name_resolution::{Asking, Names, NotResolved};
use crate::app::reach::Reach;
use crate::app::revocation::{CrlCheck, CrlStore, RevocationProblem, RevocationVerifier, problem_of};
use crate::licensing::agent::Request;
use crate::licensing::configuration::Proxy as ConfiguredProxy;
use crate::licensing::fault::{DeliveryFailure, Fault};
use crate::licensing::message::MAX_MESSAGE_BYTES;

/// What a delivery comes to: the body of the answer, or why there is none.
pub type Delivery = Pin<Box<dyn Future<Output = Result<Vec<u8>, DeliveryFailure>> + Send>>;

/// Brings a request to a licence server and its answer back.
pub trait Courier: Send + Sync {
    /// Delivers one request.
    fn deliver(&self, request: Request) -> Delivery;
}

/// The courier for real servers; clones share what is configured and fetched.
#[derive(Clone)]
pub struct HttpCourier {
    roots: Option<Arc<RootCertStore>>,
    timeout: Duration,
    clock: Arc<dyn Clock>,
    names: Names,
    reach: Arc<Mutex<Arc<Reach>>>,
    crls: CrlStore,
}

/// One attempt at one address.
struct Attempt<'r> {
    url: &'r str,
    proxy: Option<&'r ConfiguredProxy>,
    body: &'r [u8],
    timeout: Duration,
}

/// Why an exchange came to nothing: for good, or because a CRL has to be fetched first.
enum Stopped {
    Failed(DeliveryFailure),
    NeedsCrl(Vec<String>),
}

impl From<DeliveryFailure> for Stopped {
    fn from(failure: DeliveryFailure) -> Stopped {
        Stopped::Failed(failure)
    }
}

impl HttpCourier {
    /// A courier that trusts the certificates of a CA file, or no https server at all. An exchange takes `timeout` at
    /// the most.
    pub fn new(
        ca_file: Option<&Path>,
        timeout: Duration,
        clock: Arc<dyn Clock>,
    ) -> Result<HttpCourier, CaFileError> {
        let roots = ca_file.map(|path| roots(path, "of the licence server"));
        Ok(HttpCourier {
            roots: roots.transpose()?.map(Arc::new),
            timeout,
            clock,
            names: Names::default(),
            reach: Arc::default(),
            crls: CrlStore::default(),
        })
    }

    /// The same courier, which asks name servers in this way.
    pub fn asking(self, asking: Asking) -> HttpCourier {
        HttpCourier {
            names: Names::asking(asking),
            ..self
        }
    }

    /// Takes what is configured now, for every exchange from now on; says whether it is something else than before.
    pub fn configured(&self, reach: Reach) -> bool {
        let mut present = self.reach.lock().unwrap_or_else(PoisonError::into_inner);
        if **present == reach {
            return false;
        }
        self.names.configured(reach.names.clone());
        *present = Arc::new(reach);
        true
    }

    fn reach(&self) -> Arc<Reach> {
        Arc::clone(&self.reach.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Tries the addresses in their order, each with its share of the time. The next one is tried only where the one
    /// before has certainly not taken the request: a request that is taken twice looks like a copied device.
    async fn post(self, request: Request) -> Result<Vec<u8>, DeliveryFailure> {
        let destination = &request.destination;
        let urls = std::iter::once(&destination.url).chain(&destination.alternatives);
        let shares = u32::try_from(1 + destination.alternatives.len()).unwrap_or(u32::MAX);
        let mut failures: Vec<DeliveryFailure> = Vec::new();
        for url in urls {
            let attempt = Attempt {
                url,
                proxy: destination.proxy.as_ref(),
                body: &request.body,
                timeout: self.timeout / shares,
            };
            match self.attempt(&attempt).await {
                Ok(answer) => return Ok(answer),
                Err(failure) => {
                    let taken = may_have_been_taken(failure.fault);
                    failures.push(failure);
                    if taken {
                        break;
                    }
                }
            }
        }
        let reasons: Vec<&str> = failures.iter().map(|failure| failure.reason.as_str()).collect();
        Err(DeliveryFailure {
            fault: failures
                .last()
                .map_or(Fault::NoConnection, |failure| failure.fault),
            reason: reasons.join("; "),
        })
    }

    /// One address; a handshake that lacks a CRL is repeated when the CRL is there. No request has left until then.
    async fn attempt(&self, attempt: &Attempt<'_>) -> Result<Vec<u8>, DeliveryFailure> {
        let reach = self.reach();
        let places = match self.exchange(attempt, &reach, false).await {
            Ok(answer) => return Ok(answer),
            Err(Stopped::Failed(failure)) => return Err(failure),
            Err(Stopped::NeedsCrl(places)) => places,
        };
        let unavailable = |reason: String| DeliveryFailure {
            fault: Fault::CrlUnavailable,
            reason,
        };
        let fetched = self.fetch_crl(&places, attempt.timeout, &reach).await;
        let given_up = match (fetched, reach.crl) {
            (Ok(()), _) => false,
            (Err(reason), CrlCheck::Optional) => {
                tracing::warn!(
                    reason,
                    "the CRL of the licence server is not available, and optional"
                );
                true
            }
            (Err(reason), CrlCheck::Required) => {
                return Err(unavailable(format!("{reason} ({CRL_OPTIONAL})")));
            }
        };
        match self.exchange(attempt, &reach, given_up).await {
            Ok(answer) => Ok(answer),
            Err(Stopped::Failed(failure)) => Err(failure),
            Err(Stopped::NeedsCrl(places)) => Err(unavailable(format!(
                "the CRL at {} does not stay ({CRL_OPTIONAL})",
                places.join(", ")
            ))),
        }
    }

    async fn exchange(
        &self,
        attempt: &Attempt<'_>,
        reach: &Reach,
        given_up: bool,
    ) -> Result<Vec<u8>, Stopped> {
        let client = self.client(attempt, reach, given_up)?;
        let sent = client
            .post(attempt.url)
            .header(CONTENT_TYPE, "application/json")
            .body(attempt.body.to_vec())
            .send();
        let failed = |error: reqwest::Error| stopped(&error, attempt);
        let response = sent.await.map_err(failed)?;
        let status = response.status();
        let body = match read(response, MAX_MESSAGE_BYTES).await.map_err(failed)? {
            Some(body) => body,
            None => {
                let longer = format!("the answer is longer than {MAX_MESSAGE_BYTES} bytes");
                return Err(bad_answer(longer).into());
            }
        };
        match () {
            () if !status.is_success() => {
                Err(bad_answer(format!("the server answered with HTTP status {status}")).into())
            }
            () if body.is_empty() => Err(bad_answer("Received empty response from server".to_owned()).into()),
            () => Ok(body),
        }
    }

    fn client(
        &self,
        attempt: &Attempt<'_>,
        reach: &Reach,
        given_up: bool,
    ) -> Result<Client, DeliveryFailure> {
        let builder = self.plain_client(attempt.timeout, attempt.proxy)?;
        let tls = match &self.roots {
            Some(roots) => self.tls(roots, reach, given_up),
            None if attempt.url.starts_with("https:") => {
                return Err(DeliveryFailure {
                    fault: Fault::CertificateRefused,
                    reason: "an https destination needs the CA file of the licence server (ca-file in the settings)"
                        .to_owned(),
                });
            }
            // For http alone, where the library wants a configuration all the same.
            None => client(RootCertStore::empty()),
        };
        let builder = builder.tls_backend_preconfigured(tls.map_err(unsendable)?);
        builder.build().map_err(|error| unsendable(innermost(&error)))
    }

    fn plain_client(
        &self,
        timeout: Duration,
        proxy: Option<&ConfiguredProxy>,
    ) -> Result<ClientBuilder, DeliveryFailure> {
        let builder = Client::builder()
            .timeout(timeout)
            .redirect(redirect::Policy::none())
            .dns_resolver(Arc::new(self.names.clone()))
            // The environment has no say in where licence messages go.
            .no_proxy();
        let Some(proxy) = proxy else {
            return Ok(builder);
        };
        let proxy = Proxy::all(format!("http://{}:{}", bracketed(&proxy.host), proxy.port));
        Ok(builder.proxy(proxy.map_err(|error| unsendable(innermost(&error)))?))
    }

    fn tls(&self, roots: &Arc<RootCertStore>, reach: &Reach, given_up: bool) -> Result<ClientConfig, String> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let verifier = RevocationVerifier::new(
            Arc::clone(roots),
            Arc::clone(&provider),
            reach.crl,
            self.crls.clone(),
            given_up,
        )?;
        let time = Arc::new(AgentTime(Arc::clone(&self.clock)));
        Ok(ClientConfig::builder_with_details(provider, time)
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier))
            .with_no_client_auth())
    }

    /// Fetches a CRL from the first of these places that has one, and keeps it.
    async fn fetch_crl(&self, places: &[String], timeout: Duration, reach: &Reach) -> Result<(), String> {
        let mut reasons = Vec::new();
        for place in places {
            match self.fetch_one_crl(place, timeout, reach).await {
                Ok(()) => return Ok(()),
                Err(reason) => reasons.push(reason),
            }
        }
        Err(reasons.join("; "))
    }

    async fn fetch_one_crl(&self, place: &str, timeout: Duration, reach: &Reach) -> Result<(), String> {
        let host = Url::parse(place)
            .ok()
            .and_then(|url| url.host_str().map(str::to_owned));
        let host = host.ok_or_else(|| format!("the CRL distribution point {place:?} is no URL"))?;
        if reach.never_contact.iter().any(|domain| is_within(&host, domain)) {
            return Err(format!(
                "the CRL at {place} is in a domain that is never contacted"
            ));
        }
        let unfetched = |reason: String| format!("the CRL at {place} cannot be fetched: {reason}");
        let builder = self
            .plain_client(timeout, reach.crl_proxy.as_ref())
            .map_err(|failure| unfetched(failure.reason))?;
        let tls = client(RootCertStore::empty()).map_err(unfetched)?;
        let client = builder.tls_backend_preconfigured(tls).build();
        let client = client.map_err(|error| unfetched(innermost(&error)))?;
        let response = client.get(place).send().await;
        let response = response.map_err(|error| unfetched(innermost(&error)))?;
        if !response.status().is_success() {
            return Err(unfetched(format!("HTTP status {}", response.status())));
        }
        let fetched = read(response, MAX_CRL_BYTES).await;
        let fetched = fetched.map_err(|error| unfetched(innermost(&error)))?;
        let fetched = fetched.ok_or_else(|| unfetched(format!("it is longer than {MAX_CRL_BYTES} bytes")))?;
        self.crls.keep(place, &fetched, self.clock.now())
    }
}

/// No CRL of a licence server is anywhere near that long.
const MAX_CRL_BYTES: usize = 4 << 20;

/// What an operator can do about it (L-052).
const CRL_OPTIONAL: &str =
    "'crl optional' on trustpoint Trustpool would let the certificate pass without a CRL";

/// The whole body, or `None` when it is longer than that.
async fn read(mut response: Response, limit: usize) -> Result<Option<Vec<u8>>, reqwest::Error> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        if body.len() + chunk.len() > limit {
            return Ok(None);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Some(body))
}

impl Courier for HttpCourier {
    fn deliver(&self, request: Request) -> Delivery {
        Box::pin(self.clone().post(request))
    }
}

/// Whether a server may have acted on a request that failed with this fault.
fn may_have_been_taken(fault: Fault) -> bool {
    !matches!(
        fault,
        Fault::NameNotResolved
            | Fault::NoConnection
            | Fault::CertificateRefused
            | Fault::CertificateRevoked
            | Fault::CrlMissing
            | Fault::CrlUnavailable
            | Fault::Unspeakable
    )
}

fn bad_answer(reason: String) -> DeliveryFailure {
    let fault = Fault::BadAnswer;
    DeliveryFailure { fault, reason }
}

fn unsendable(reason: String) -> DeliveryFailure {
    let fault = Fault::Unspeakable;
    DeliveryFailure { fault, reason }
}

/// What stopped an exchange, in one line and without the URL's user information.
fn stopped(error: &reqwest::Error, attempt: &Attempt<'_>) -> Stopped {
    let place = Url::parse(attempt.url).ok().and_then(|url| {
        let host = url.host_str()?.to_owned();
        Some(format!("{host}:{}", url.port_or_known_default()?))
    });
    let place = place.unwrap_or_default();
    let (fault, reason) = match (cause::<NotResolved>(error), cause::<rustls::Error>(error)) {
        (Some(unresolved), _) => (Fault::NameNotResolved, unresolved.to_string()),
        (None, Some(tls)) => match problem_of(tls) {
            Some(RevocationProblem::Needed(places)) => return Stopped::NeedsCrl(places.clone()),
            Some(problem) => {
                let fault = match problem {
                    RevocationProblem::NoDistributionPoint => Fault::CrlMissing,
                    RevocationProblem::Revoked => Fault::CertificateRevoked,
                    RevocationProblem::Needed(_) | RevocationProblem::Unusable(_) => Fault::CrlUnavailable,
                };
                let way_out = match problem {
                    RevocationProblem::Revoked => String::new(),
                    _ => format!(" ({CRL_OPTIONAL})"),
                };
                (
                    fault,
                    format!("the certificate of {place} is refused: {problem}{way_out}"),
                )
            }
            None => {
                let fault = match tls {
                    rustls::Error::InvalidCertificate(_) => Fault::CertificateRefused,
                    _ => Fault::NoConnection,
                };
                (fault, format!("cannot exchange messages with {place}: {tls}"))
            }
        },
        (None, None) if error.is_timeout() => {
            let fault = match error.is_connect() {
                true => Fault::NoConnection,
                false => Fault::NoAnswer,
            };
            let seconds = attempt.timeout.as_secs();
            (fault, format!("{place} did not answer within {seconds} seconds"))
        }
        (None, None) => {
            let fault = match error.is_connect() {
                true => Fault::NoConnection,
                // The connection broke before an answer had come.
                false => Fault::NoAnswer,
            };
            let innermost = innermost(error);
            (
                fault,
                format!("cannot exchange messages with {place}: {innermost}"),
            )
        }
    };
    DeliveryFailure { fault, reason }.into()
}

/// An error of this kind somewhere below another; an I/O error carries its cause aside from its source.
fn cause<'e, E: Error + 'static>(error: &'e (dyn Error + 'static)) -> Option<&'e E> {
    if let Some(found) = error.downcast_ref::<E>() {
        return Some(found);
    }
    let carried = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
    let carried = carried.and_then(|carried| cause(carried));
    carried.or_else(|| cause(error.source()?))
}

fn bracketed(host: &str) -> String {
    match host.contains(':') && !host.starts_with('[') {
        true => format!("[{host}]"),
        false => host.to_owned(),
    }
}

/// The cause of the causes: what the system or the TLS library says.
fn innermost(error: &dyn Error) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string().replace('\n', " ")
}

#[cfg(test)]
mod tests {
    use std::fs;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;
    use crate::app::clock::SystemClock;
    use crate::app::name_resolution::name_server::NameServer;
    use crate::licensing::configuration::Destination;
    use crate::licensing::state::ExchangeKind;

    fn courier() -> HttpCourier {
        HttpCourier::new(None, Duration::from_secs(5), Arc::new(SystemClock)).unwrap()
    }

    fn request(url: String) -> Request {
        Request {
            id: 1,
            kind: ExchangeKind::Authorization,
            destination: Destination::of(url),
            body: b"{\"question\":1}".to_vec(),
        }
    }

    fn refusal_of(ca_file: &Path) -> CaFileError {
        let made = HttpCourier::new(Some(ca_file), Duration::from_secs(1), Arc::new(SystemClock));
        made.err().unwrap()
    }

    /// A server that hears one request and answers it with these bytes; gives its address and what it heard.
    async fn serve(answer: String) -> (String, tokio::task::JoinHandle<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let heard = tokio::spawn(async move {
            let (mut socket, _) = listener.accept().await.unwrap();
            let mut heard = Vec::new();
            while !heard.ends_with(b"{\"question\":1}") {
                let mut buffer = [0; 4096];
                let read = socket.read(&mut buffer).await.unwrap();
                heard.extend_from_slice(&buffer[..read]);
            }
            socket.write_all(answer.as_bytes()).await.unwrap();
            String::from_utf8(heard).unwrap()
        });
        (address, heard)
    }

    fn http(status: &str, body: &str) -> String {
        format!(
            "HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
            body.len()
        )
    }

    #[tokio::test]
    async fn it_posts_json_and_brings_the_answer_back() {
        let (address, heard) = serve(http("200 OK", "{\"answer\":2}")).await;
        let url = format!("http://{address}/its/service/oddce/services/DDCEService");
        assert_eq!(courier().deliver(request(url)).await.unwrap(), b"{\"answer\":2}");
        let heard = heard.await.unwrap().to_lowercase();
        assert!(
            heard.starts_with("post /its/service/oddce/services/ddceservice http/1.1\r\n"),
            "{heard}"
        );
        assert!(heard.contains("content-type: application/json"), "{heard}");
    }

    #[tokio::test]
    async fn a_proxy_gets_the_request_in_the_servers_place() {
        let (address, heard) = serve(http("200 OK", "{}")).await;
        let (host, port) = address.split_once(':').unwrap();
        let mut request = request("http://licences.example.net/licservice/license".to_owned());
        request.destination.proxy = Some(ConfiguredProxy {
            host: host.to_owned(),
            port: port.parse().unwrap(),
        });
        courier().deliver(request).await.unwrap();
        let heard = heard.await.unwrap();
        assert!(
            heard.starts_with("POST http://licences.example.net/licservice/license HTTP/1.1"),
            "{heard}"
        );
    }

    #[tokio::test]
    async fn what_goes_wrong_is_said_in_one_line() {
        for (status, body, words) in [
            (
                "502 Bad Gateway",
                "oops",
                "the server answered with HTTP status 502 Bad Gateway",
            ),
            ("200 OK", "", "Received empty response from server"),
            (
                "302 Found\r\nlocation: http://192.0.2.1/",
                "",
                "the server answered with HTTP status 302 Found",
            ),
        ] {
            let (address, _heard) = serve(http(status, body)).await;
            let failure = courier()
                .deliver(request(format!("http://{address}/")))
                .await
                .unwrap_err();
            assert_eq!(
                (failure.fault, failure.reason.as_str()),
                (Fault::BadAnswer, words)
            );
        }
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        drop(listener);
        let url = format!("http://user:hidden@{address}/");
        let failure = courier().deliver(request(url)).await.unwrap_err();
        assert_eq!(failure.fault, Fault::NoConnection);
        assert!(
            failure.reason.starts_with(&format!(
                "cannot exchange messages with {address}: Connection refused"
            )),
            "{failure}"
        );
        let failure = courier()
            .deliver(request("https://127.0.0.1:1/".to_owned()))
            .await
            .unwrap_err();
        assert!(failure.reason.contains("needs the CA file"), "{failure}");
    }

    #[tokio::test]
    async fn an_answer_without_end_is_cut_off_and_a_silent_server_is_given_up() {
        let endless = "x".repeat(MAX_MESSAGE_BYTES + 1);
        let (address, _heard) = serve(http("200 OK", &endless)).await;
        let failure = courier()
            .deliver(request(format!("http://{address}/")))
            .await
            .unwrap_err();
        assert!(
            failure
                .reason
                .starts_with("the answer is longer than 3145728 bytes"),
            "{failure}"
        );

        let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = silent.local_addr().unwrap();
        let courier = HttpCourier::new(None, Duration::from_millis(50), Arc::new(SystemClock)).unwrap();
        let failure = courier
            .deliver(request(format!("http://{address}/")))
            .await
            .unwrap_err();
        assert_eq!(failure.fault, Fault::NoAnswer);
        assert!(failure.reason.contains("did not answer within"), "{failure}");
    }

    #[tokio::test]
    async fn names_are_resolved_by_the_configured_server_and_a_name_that_nobody_knows_is_said_so() {
        let dns = NameServer::start(&[("licences.example.net.", [127, 0, 0, 1].into())]).await;
        let courier = courier().asking(dns.asking());
        courier.configured(Reach {
            names: NameServer::settings(),
            ..Reach::default()
        });
        let (address, heard) = serve(http("200 OK", "{}")).await;
        let port = address.rsplit(':').next().unwrap();
        let url = |host: &str| format!("http://{host}:{port}/x");
        courier
            .deliver(request(url("licences.example.net")))
            .await
            .unwrap();
        assert!(
            heard
                .await
                .unwrap()
                .to_lowercase()
                .contains(&format!("host: licences.example.net:{port}"))
        );
        let failure = courier
            .deliver(request(url("nobody.example.net")))
            .await
            .unwrap_err();
        assert_eq!(failure.fault, Fault::NameNotResolved);
        assert_eq!(
            failure.reason,
            "Unable to resolve server hostname/domain name nobody.example.net: name server 127.0.0.1 knows no address"
        );
        let asked = dns.asked().len();
        let (address, _heard) = serve(http("200 OK", "{}")).await;
        courier
            .deliver(request(format!("http://{address}/")))
            .await
            .unwrap();
        assert_eq!(dns.asked().len(), asked, "addresses are nobody's business");
    }

    #[tokio::test]
    async fn addresses_are_tried_in_order_until_one_may_have_taken_the_request() {
        let closed = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let nobody = format!("http://{}/", closed.local_addr().unwrap());
        drop(closed);
        let (address, heard) = serve(http("200 OK", "{\"answer\":2}")).await;
        let mut to_second = request(nobody.clone());
        to_second.destination.alternatives = vec![format!("http://{address}/")];
        assert_eq!(
            courier().deliver(to_second.clone()).await.unwrap(),
            b"{\"answer\":2}"
        );
        heard.await.unwrap();

        let failure = courier().deliver(to_second).await.unwrap_err();
        assert_eq!(failure.fault, Fault::NoConnection);
        assert_eq!(
            failure.reason.matches("Connection refused").count(),
            2,
            "{failure}"
        );

        let (first, _heard) = serve(http("502 Bad Gateway", "")).await;
        let mut only_first = request(format!("http://{first}/"));
        only_first.destination.alternatives = vec![nobody];
        let failure = courier().deliver(only_first).await.unwrap_err();
        assert_eq!(
            failure.reason,
            "the server answered with HTTP status 502 Bad Gateway"
        );
    }

    #[test]
    fn a_ca_file_that_is_missing_or_empty_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ca.pem");
        let refused = refusal_of(&path);
        assert!(refused.to_string().contains("No such file"), "{refused}");
        fs::write(&path, "no certificate").unwrap();
        let refused = refusal_of(&path);
        assert!(
            refused.to_string().ends_with("it holds no certificate in PEM"),
            "{refused}"
        );
    }
}
