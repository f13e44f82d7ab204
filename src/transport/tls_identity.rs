//! Who the server is over TLS, whom it trusts, and which users its clients' certificates stand for (RFC 7589).

use std::fmt;
use std::sync::Arc;

use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, PrivateKeyDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::time_provider::TimeProvider;
use rustls::{DigitallySignedStruct, DistinguishedName, RootCertStore, ServerConfig, SignatureScheme};
use tracing::info;

use crate::transport::cert_to_name::{CertToName, Fingerprint};
use crate::transport::client_certificate::ClientCertificate;
use crate::transport::error::TransportError;

/// The identity at this moment.
pub type CurrentIdentity = Arc<dyn Fn() -> Arc<TlsIdentity> + Send + Sync>;

/// What an identity is made of, each text in PEM.
#[derive(Clone, Copy)]
pub struct TlsMaterial<'a> {
    /// The server's certificate, then those that lead to a CA which its clients know.
    pub certificates: &'a [u8],
    /// The private key of the first one.
    pub key: &'a [u8],
    /// The CAs of clients.
    pub client_cas: &'a [u8],
    /// What those CAs have revoked. With it, a certificate whose issuer has no list here, or an old one, is refused.
    pub revocations: Option<&'a [u8]>,
}

/// See the head of this file.
pub struct TlsIdentity {
    config: Arc<ServerConfig>,
    time: Arc<dyn TimeProvider>,
    rules: Vec<Rule>,
    /// Certificates of the CA file, which clients need not send.
    client_cas: Vec<CertificateDer<'static>>,
}

/// An entry of the list, and the CAs held here that have its fingerprint.
struct Rule {
    entry: CertToName,
    /// Says whether one of them is in a client's chain.
    authority: Option<Arc<dyn ClientCertVerifier>>,
}

/// The user that a certificate stands for, and why.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Recognised {
    /// The user name.
    pub user: String,
    /// Which entry of the list said so, counted from 1.
    pub entry: usize,
}

impl TlsIdentity {
    /// Reads the material; the error names the part that is wrong, and never shows a key.
    pub fn new(
        material: &TlsMaterial<'_>,
        cert_to_name: Vec<CertToName>,
        time: Arc<dyn TimeProvider>,
    ) -> Result<TlsIdentity, TransportError> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let certificates = certificates("certificate", material.certificates)?;
        let key = PrivateKeyDer::from_pem_slice(material.key)
            .map_err(|_| wrong("key", "it holds no private key in PEM without a passphrase"))?;
        let client_cas = self::certificates("client CA", material.client_cas)?;
        let roots = roots(&client_cas)?;
        let mut verifier =
            WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider));
        if let Some(lists) = material.revocations {
            verifier = verifier
                .with_crls(revocations(lists)?)
                .only_check_end_entity_revocation()
                .enforce_revocation_expiration();
        }
        let verifier = verifier.build().map_err(|error| wrong("CRL", error))?;
        let mut config = ServerConfig::builder_with_details(Arc::clone(&provider), Arc::clone(&time))
            .with_safe_default_protocol_versions()
            .map_err(|error| wrong("certificate", error))?
            .with_client_cert_verifier(Arc::new(Told(verifier)))
            .with_single_cert(certificates, key)
            .map_err(|error| match error {
                rustls::Error::InconsistentKeys(_) => wrong("key", "it is not the key of the certificate"),
                error => wrong("certificate", error),
            })?;
        // A resumed session would skip the client's certificate, which may have been revoked meanwhile.
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        let rules = cert_to_name
            .into_iter()
            .map(|entry| Rule::new(entry, &client_cas, &provider))
            .collect::<Result<_, _>>()?;
        Ok(TlsIdentity {
            config: Arc::new(config),
            time,
            rules,
            client_cas,
        })
    }

    pub(crate) fn config(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.config)
    }

    /// The user of a chain that was verified: the first entry that matches and makes a name (RFC 7407). The error says for
    /// each entry why it does not.
    pub fn recognise(&self, chain: &[CertificateDer<'_>]) -> Result<Recognised, String> {
        let (own, others) = chain.split_first().ok_or("no certificate")?;
        let certificate = ClientCertificate::read(own)?;
        let mut reasons = Vec::new();
        for (index, rule) in self.rules.iter().enumerate() {
            let entry = index + 1;
            let name = match self.matches(rule, own, others) {
                true => rule.entry.map_type.name_of(&certificate),
                false => Err("another fingerprint".to_owned()),
            };
            match name {
                Ok(user) => return Ok(Recognised { user, entry }),
                Err(reason) => reasons.push(format!("entry {entry}: {reason}")),
            }
        }
        match reasons.is_empty() {
            true => Err("the list cert-to-name is empty".to_owned()),
            false => Err(reasons.join("; ")),
        }
    }

    fn matches(&self, rule: &Rule, own: &CertificateDer<'_>, others: &[CertificateDer<'_>]) -> bool {
        let Some(fingerprint) = &rule.entry.fingerprint else {
            return true;
        };
        if fingerprint.is_of(own) {
            return true;
        }
        let (Some(authority), Some(now)) = (&rule.authority, self.time.current_time()) else {
            return false;
        };
        let held = self.client_cas.iter().cloned();
        let between: Vec<CertificateDer<'_>> = others.iter().cloned().chain(held).collect();
        authority.verify_client_cert(own, &between, now).is_ok()
    }
}

impl fmt::Debug for TlsIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TlsIdentity({} entries)", self.rules.len())
    }
}

impl Rule {
    fn new(
        entry: CertToName,
        client_cas: &[CertificateDer<'static>],
        provider: &Arc<CryptoProvider>,
    ) -> Result<Rule, TransportError> {
        let with_it: Vec<CertificateDer<'static>> = client_cas
            .iter()
            .filter(|ca| {
                let fingerprint = entry.fingerprint.as_ref();
                fingerprint.is_some_and(|fingerprint| fingerprint.is_of(ca))
            })
            .cloned()
            .collect();
        if with_it.is_empty() {
            return Ok(Rule {
                entry,
                authority: None,
            });
        }
        let authority =
            WebPkiClientVerifier::builder_with_provider(Arc::new(roots(&with_it)?), Arc::clone(provider))
                .build()
                .map_err(|error| wrong("client CA", error))?;
        Ok(Rule {
            entry,
            authority: Some(authority),
        })
    }
}

fn wrong(what: &'static str, reason: impl fmt::Display) -> TransportError {
    TransportError::Tls {
        what,
        reason: reason.to_string(),
    }
}

fn certificates(what: &'static str, pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, TransportError> {
    let certificates: Vec<_> = CertificateDer::pem_slice_iter(pem)
        .collect::<Result<_, _>>()
        .map_err(|error| wrong(what, error))?;
    match certificates.is_empty() {
        true => Err(wrong(what, "it holds no certificate in PEM")),
        false => Ok(certificates),
    }
}

fn revocations(pem: &[u8]) -> Result<Vec<CertificateRevocationListDer<'static>>, TransportError> {
    let lists: Vec<_> = CertificateRevocationListDer::pem_slice_iter(pem)
        .collect::<Result<_, _>>()
        .map_err(|error| wrong("CRL", error))?;
    match lists.is_empty() {
        true => Err(wrong("CRL", "it holds no revocation list in PEM")),
        false => Ok(lists),
    }
}

fn roots(certificates: &[CertificateDer<'static>]) -> Result<RootCertStore, TransportError> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates {
        roots
            .add(certificate.clone())
            .map_err(|error| wrong("client CA", error))?;
    }
    Ok(roots)
}

/// A verifier that tells the log whom it refuses: rustls itself gives the reason without the certificate.
#[derive(Debug)]
struct Told(Arc<dyn ClientCertVerifier>);

impl ClientCertVerifier for Told {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.0.root_hint_subjects()
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        let verified = self.0.verify_client_cert(end_entity, intermediates, now);
        if let Err(error) = &verified {
            let fingerprint = Fingerprint::sha256(end_entity);
            match ClientCertificate::read(end_entity) {
                Ok(ClientCertificate { subject, issuer, .. }) => {
                    info!(%error, subject, issuer, %fingerprint, "client certificate refused");
                }
                Err(problem) => info!(%error, problem, %fingerprint, "client certificate refused"),
            }
        }
        verified
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.0.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.0.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_verify_schemes()
    }
}
