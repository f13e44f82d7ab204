//! The revocation list over plain HTTP, where the certificate of the HTTPS port says that it is.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use crate::ssm::ca::revocation_list::RevocationLists;
use crate::ssm::service::Clock;

/// Where the list is.
pub const PATH: &str = "/crl/tls-root.crl";

/// What the certificate of the HTTPS port says about revocation.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum DistributionPoint {
    /// The list is at this server's own HTTP port.
    #[default]
    Own,
    /// Nothing: devices need `crl optional`.
    Absent,
    /// The list is somewhere else, or nowhere.
    At(String),
}

/// A list and the time for which it is signed.
#[derive(Clone)]
pub struct Published {
    /// Signs it.
    pub lists: Arc<RevocationLists>,
    /// The server's time.
    pub clock: Clock,
}

/// Serves the list.
pub fn router(published: Published) -> Router {
    Router::new().route(PATH, get(list)).with_state(published)
}

async fn list(State(published): State<Published>) -> Response {
    match published.lists.current((published.clock)()) {
        Ok(list) => ([(header::CONTENT_TYPE, "application/pkix-crl")], list).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")).into_response(),
    }
}
