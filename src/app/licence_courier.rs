//! Carries licence requests over HTTP: trusts only the configured CA file, follows no redirect, waits and reads within limits.

use std::error::Error;
use std::future::Future;
use std::io;
use std::path::Path;
use std::pin::Pin;
use std::time::Duration;

use reqwest::header::CONTENT_TYPE;
use reqwest::{Client, Proxy, Url, redirect};
use rustls::{ClientConfig, RootCertStore};

use crate::app::ca_file::{CaFileError, client, client_trusting};
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

/// The courier for real servers.
#[derive(Clone, Debug)]
pub struct HttpCourier {
    tls: Option<ClientConfig>,
    timeout: Duration,
}

/// One attempt at one address.
struct Attempt<'r> {
    url: &'r str,
    proxy: Option<&'r ConfiguredProxy>,
    body: &'r [u8],
    timeout: Duration,
}

impl HttpCourier {
    /// A courier that trusts the certificates of a CA file, or no https server at all.
    pub fn new(ca_file: Option<&Path>, timeout: Duration) -> Result<HttpCourier, CaFileError> {
        Ok(HttpCourier {
            tls: ca_file
                .map(|path| client_trusting(path, "of the licence server"))
                .transpose()?,
            timeout,
        })
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

    async fn attempt(&self, attempt: &Attempt<'_>) -> Result<Vec<u8>, DeliveryFailure> {
        let client = self.client(attempt)?;
        let sent = client
            .post(attempt.url)
            .header(CONTENT_TYPE, "application/json")
            .body(attempt.body.to_vec())
            .send();
        let failed = |error: reqwest::Error| failure(&error, attempt);
        let mut response = sent.await.map_err(failed)?;
        let status = response.status();
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(failed)? {
            if body.len() + chunk.len() > MAX_MESSAGE_BYTES {
                return Err(bad_answer(format!(
                    "the answer is longer than {MAX_MESSAGE_BYTES} bytes"
                )));
            }
            body.extend_from_slice(&chunk);
        }
        match () {
            () if !status.is_success() => Err(bad_answer(format!(
                "the server answered with HTTP status {status}"
            ))),
            () if body.is_empty() => Err(bad_answer("Received empty response from server".to_owned())),
            () => Ok(body),
        }
    }

    fn client(&self, attempt: &Attempt<'_>) -> Result<Client, DeliveryFailure> {
        let mut builder = Client::builder()
            .timeout(attempt.timeout)
            .redirect(redirect::Policy::none())
            // The environment has no say in where licence messages go.
            .no_proxy();
        if let Some(proxy) = attempt.proxy {
            let proxy = Proxy::all(format!("http://{}:{}", bracketed(&proxy.host), proxy.port));
            builder = builder.proxy(proxy.map_err(|error| unsendable(innermost(&error)))?);
        }
        match &self.tls {
            Some(tls) => builder = builder.tls_backend_preconfigured(tls.clone()),
            None if attempt.url.starts_with("https:") => {
                return Err(DeliveryFailure {
                    fault: Fault::CertificateRefused,
                    reason: "an https destination needs the CA file of the licence server (ca-file in the settings)"
                        .to_owned(),
                });
            }
            None => {
                let tls = client(RootCertStore::empty()).map_err(unsendable)?;
                builder = builder.tls_backend_preconfigured(tls);
            }
        }
        builder.build().map_err(|error| unsendable(innermost(&error)))
    }
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

/// What went wrong, in one line and without the URL's user information.
fn failure(error: &reqwest::Error, attempt: &Attempt<'_>) -> DeliveryFailure {
    let place = Url::parse(attempt.url).ok().and_then(|url| {
        let host = url.host_str()?.to_owned();
        Some(format!("{host}:{}", url.port_or_known_default()?))
    });
    let place = place.unwrap_or_default();
    if error.is_timeout() {
        return DeliveryFailure {
            fault: match error.is_connect() {
                true => Fault::NoConnection,
                false => Fault::NoAnswer,
            },
            reason: format!(
                "{place} did not answer within {} seconds",
                attempt.timeout.as_secs()
            ),
        };
    }
    let fault = match tls_error(error) {
        Some(rustls::Error::InvalidCertificate(_)) => Fault::CertificateRefused,
        _ if error.is_connect() => Fault::NoConnection,
        // The connection broke before an answer had come.
        _ => Fault::NoAnswer,
    };
    DeliveryFailure {
        fault,
        reason: format!("cannot exchange messages with {place}: {}", innermost(error)),
    }
}

/// What the TLS library says, somewhere below an error; an I/O error carries its cause aside from its source.
fn tls_error<'e>(error: &'e (dyn Error + 'static)) -> Option<&'e rustls::Error> {
    if let Some(found) = error.downcast_ref::<rustls::Error>() {
        return Some(found);
    }
    let carried = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
    let carried = carried.and_then(|carried| tls_error(carried));
    carried.or_else(|| tls_error(error.source()?))
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
    use crate::licensing::configuration::Destination;
    use crate::licensing::state::ExchangeKind;

    fn courier() -> HttpCourier {
        HttpCourier::new(None, Duration::from_secs(5)).unwrap()
    }

    fn request(url: String) -> Request {
        Request {
            id: 1,
            kind: ExchangeKind::Authorization,
            destination: Destination::of(url),
            body: b"{\"question\":1}".to_vec(),
        }
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
        let courier = HttpCourier::new(None, Duration::from_millis(50)).unwrap();
        let failure = courier
            .deliver(request(format!("http://{address}/")))
            .await
            .unwrap_err();
        assert_eq!(failure.fault, Fault::NoAnswer);
        assert!(failure.reason.contains("did not answer within"), "{failure}");
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
        let refused = HttpCourier::new(Some(&path), Duration::from_secs(1)).unwrap_err();
        assert!(refused.to_string().contains("No such file"), "{refused}");
        fs::write(&path, "no certificate").unwrap();
        let refused = HttpCourier::new(Some(&path), Duration::from_secs(1)).unwrap_err();
        assert!(
            refused.to_string().ends_with("it holds no certificate in PEM"),
            "{refused}"
        );
    }
}
