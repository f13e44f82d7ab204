//! HTTP and HTTPS for devices: licensing messages by POST on the four paths that the products use.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum_server::Handle;
use axum_server::tls_rustls::RustlsConfig;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::licensing::message::{MAX_MESSAGE_BYTES, MessageError};
use crate::ssm::SsmError;
use crate::ssm::ca::TlsIdentity;
use crate::ssm::crl::{self, Published};
use crate::ssm::service::Counter;

/// The paths that devices are configured with (`licensing.md` C): CSSM by Call Home, satellite by Call Home, On-Prem and
/// CSSM by smart transport.
pub const PATHS: [&str; 4] = [
    "/its/service/oddce/services/DDCEService",
    "/Transportgateway/services/DeviceRequestHandler",
    "/SmartTransport",
    "/licservice/license",
];

/// How long a client may take to send one request, or be silent between two.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long requests in progress may take when the server ends.
const GRACE: Duration = Duration::from_secs(3);

/// A port that is open and not yet served.
pub struct Port {
    listener: TcpListener,
    address: SocketAddr,
    tls: Option<Arc<ServerConfig>>,
    published: Option<Published>,
}

impl Port {
    /// Opens a port; port 0 takes a free one.
    pub fn open(address: SocketAddr, tls: Option<Arc<ServerConfig>>) -> Result<Port, SsmError> {
        let opened = TcpListener::bind(address).and_then(|listener| {
            listener.set_nonblocking(true)?;
            let address = listener.local_addr()?;
            Ok((listener, address))
        });
        let (listener, address) = opened.map_err(|cause| SsmError::Listen { address, cause })?;
        Ok(Port {
            listener,
            address,
            tls,
            published: None,
        })
    }

    /// The same port with the revocation list on it.
    pub fn publishing(self, published: Published) -> Port {
        Port {
            published: Some(published),
            ..self
        }
    }

    /// Where it is.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until [`Closing::close`] is called.
    pub async fn serve(self, counter: Counter, closing: Closing) -> Result<(), SsmError> {
        let address = self.address;
        let failed = |cause| SsmError::Listen { address, cause };
        let lists = self.published.map(crl::router).unwrap_or_default();
        let service = router(counter).merge(lists).into_make_service();
        let plain = axum_server::from_tcp(self.listener).map_err(failed)?;
        let mut plain = plain
            .handle(closing.0)
            .http1_only()
            .first_request_timeout(PATIENCE);
        plain.http_builder().http1().header_read_timeout(PATIENCE);
        let served = match self.tls {
            None => plain.serve(service).await,
            Some(config) => {
                let acceptor =
                    axum_server::tls_rustls::RustlsAcceptor::new(RustlsConfig::from_config(config));
                plain.acceptor(acceptor).serve(service).await
            }
        };
        served.map_err(failed)
    }
}

/// Ends the ports that are served with it.
#[derive(Clone, Debug, Default)]
pub struct Closing(Handle<SocketAddr>);

impl Closing {
    /// No new connections, and a moment for what is in progress.
    pub fn close(&self) {
        self.0.graceful_shutdown(Some(GRACE));
    }
}

/// The TLS side of the HTTPS port.
pub fn tls_config(identity: &TlsIdentity) -> Result<Arc<ServerConfig>, SsmError> {
    let wrong = |error: &dyn std::error::Error| SsmError::Tls(error.to_string());
    let certificates = CertificateDer::pem_slice_iter(identity.certificates.as_bytes())
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| wrong(&error))?;
    let key = identity.private_key.reveal().as_bytes();
    let key = PrivateKeyDer::from_pem_slice(key).map_err(|error| wrong(&error))?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| wrong(&error))?
        .with_no_client_auth()
        .with_single_cert(certificates, key)
        .map_err(|error| wrong(&error))?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

fn router(counter: Counter) -> Router {
    let router = PATHS
        .into_iter()
        .fold(Router::new(), |router, path| router.route(path, post(exchange)));
    router.with_state(counter)
}

async fn exchange(State(counter): State<Counter>, request: Request) -> Response {
    let body = match tokio::time::timeout(PATIENCE, to_bytes(request.into_body(), MAX_MESSAGE_BYTES)).await {
        Ok(Ok(body)) => body,
        Ok(Err(error)) => return unread(&error),
        Err(_) => return text(StatusCode::REQUEST_TIMEOUT, "the request took too long to arrive"),
    };
    match counter.message(Bytes::into(body)).await {
        Ok(answer) => ([(header::CONTENT_TYPE, "application/json")], Body::from(answer)).into_response(),
        Err(SsmError::Message(error @ MessageError::TooLarge { .. })) => {
            text(StatusCode::PAYLOAD_TOO_LARGE, &error.to_string())
        }
        Err(SsmError::Message(error)) => text(StatusCode::BAD_REQUEST, &error.to_string()),
        Err(error) => text(StatusCode::SERVICE_UNAVAILABLE, &error.to_string()),
    }
}

fn unread(error: &axum::Error) -> Response {
    let mut cause: Option<&dyn std::error::Error> = Some(error);
    while let Some(error) = cause {
        if error.to_string().contains("length limit exceeded") {
            let rule = format!("a message may have at most {MAX_MESSAGE_BYTES} bytes");
            return text(StatusCode::PAYLOAD_TOO_LARGE, &rule);
        }
        cause = error.source();
    }
    text(StatusCode::BAD_REQUEST, "the request body did not arrive whole")
}

fn text(status: StatusCode, line: &str) -> Response {
    (status, format!("{line}\n")).into_response()
}
