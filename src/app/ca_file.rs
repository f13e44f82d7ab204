//! The trust of a TLS client: nobody but the certificates of a file.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::crypto::aws_lc_rs;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

/// Why a CA file cannot be used, in one line.
#[derive(Debug, thiserror::Error)]
#[error("CA file {path} {of}: {reason}")]
pub struct CaFileError {
    /// The file.
    pub path: PathBuf,
    /// Whose certificates they are to be: `of the licence server`.
    pub of: &'static str,
    /// What is wrong with it.
    pub reason: String,
}

/// A client that trusts the certificates of a file, PEM.
pub fn client_trusting(path: &Path, of: &'static str) -> Result<ClientConfig, CaFileError> {
    client(roots(path, of)?).map_err(|reason| CaFileError {
        path: path.to_owned(),
        of,
        reason,
    })
}

/// The certificates of a file, PEM; at least one.
pub fn roots(path: &Path, of: &'static str) -> Result<RootCertStore, CaFileError> {
    let wrong = |reason: String| CaFileError {
        path: path.to_owned(),
        of,
        reason,
    };
    let pem = fs::read(path).map_err(|error| wrong(error.to_string()))?;
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(&pem) {
        let certificate = certificate.map_err(|error| wrong(error.to_string()))?;
        roots.add(certificate).map_err(|error| wrong(error.to_string()))?;
    }
    if roots.is_empty() {
        return Err(wrong("it holds no certificate in PEM".to_owned()));
    }
    Ok(roots)
}

/// A client that trusts these certificates.
pub fn client(roots: RootCertStore) -> Result<ClientConfig, String> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    Ok(ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_root_certificates(roots)
        .with_no_client_auth())
}
