//! Whether a server's certificate was revoked: chain and name first, then the CRL of its distribution point.
//!
//! A handshake cannot wait for a CRL to be fetched. So one that needs a CRL that is not at hand fails and says so, the
//! courier fetches the CRL, and the next handshake finds it.

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, ServerName, UnixTime};
use rustls::{CertificateError, DigitallySignedStruct, OtherError, RootCertStore, SignatureScheme};
use x509_parser::extensions::{DistributionPointName, GeneralName, ParsedExtension};
use x509_parser::pem::parse_x509_pem;
use x509_parser::prelude::{CertificateRevocationList, FromDer, X509Certificate};

/// Whether a certificate without a usable CRL is believed (L-052).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum CrlCheck {
    /// It is not.
    #[default]
    Required,
    /// It is, as long as no CRL says that it was revoked.
    Optional,
}

/// What a certificate is refused for, beyond its chain, name and time.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum RevocationProblem {
    /// Nothing says where its CRL is.
    #[error("it names no CRL distribution point that can be asked over http")]
    NoDistributionPoint,
    /// Its CRL is at one of these and has to be fetched first.
    #[error("its CRL at {0:?} is not here yet")]
    Needed(Vec<String>),
    /// Its CRL does not hold.
    #[error("its CRL is not usable: {0}")]
    Unusable(String),
    /// It was revoked.
    #[error("it was revoked")]
    Revoked,
}

/// CRLs by the place that they came from; clones share them.
#[derive(Clone, Debug, Default)]
pub struct CrlStore {
    fetched: Arc<Mutex<BTreeMap<String, Crl>>>,
}

#[derive(Clone, Debug)]
struct Crl {
    der: CertificateRevocationListDer<'static>,
    next_update: Timestamp,
}

impl CrlStore {
    /// Keeps what was fetched, in DER or PEM. Says in words why it is no CRL, or too old a one.
    pub fn keep(&self, place: &str, fetched: &[u8], now: Timestamp) -> Result<(), String> {
        let pem = parse_x509_pem(fetched).ok().map(|(_, pem)| pem.contents);
        let der = pem.unwrap_or_else(|| fetched.to_vec());
        let (_, list) =
            CertificateRevocationList::from_der(&der).map_err(|_| format!("what is at {place} is no CRL"))?;
        let next_update = list
            .next_update()
            .and_then(|time| Timestamp::from_second(time.timestamp()).ok());
        let next_update =
            next_update.ok_or_else(|| format!("the CRL at {place} does not say how long it holds"))?;
        if next_update <= now {
            return Err(format!("the CRL at {place} held until {next_update}"));
        }
        let mut kept = self.fetched.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|_, crl| crl.next_update > now);
        let der = CertificateRevocationListDer::from(der);
        kept.insert(place.to_owned(), Crl { der, next_update });
        Ok(())
    }

    fn current(&self, places: &[String], now: UnixTime) -> Option<CertificateRevocationListDer<'static>> {
        let now = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
        let kept = self.fetched.lock().unwrap_or_else(PoisonError::into_inner);
        let holding = |place: &String| kept.get(place).filter(|crl| crl.next_update.as_second() > now);
        places.iter().find_map(holding).map(|crl| crl.der.clone())
    }
}

/// Verifies a server's certificate: chain to the roots, name and time, then revocation.
pub struct RevocationVerifier {
    roots: Arc<RootCertStore>,
    provider: Arc<CryptoProvider>,
    chain: Arc<WebPkiServerVerifier>,
    check: CrlCheck,
    crls: CrlStore,
    /// The CRL was asked for in vain, and may be missing.
    given_up: bool,
}

impl RevocationVerifier {
    /// A verifier that trusts these roots. `given_up` lets a certificate pass whose CRL is not in the store, where it
    /// is optional.
    pub fn new(
        roots: Arc<RootCertStore>,
        provider: Arc<CryptoProvider>,
        check: CrlCheck,
        crls: CrlStore,
        given_up: bool,
    ) -> Result<RevocationVerifier, String> {
        let chain = WebPkiServerVerifier::builder_with_provider(Arc::clone(&roots), Arc::clone(&provider));
        Ok(RevocationVerifier {
            chain: chain.build().map_err(|error| error.to_string())?,
            roots,
            provider,
            check,
            crls,
            given_up,
        })
    }

    fn revocation(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        now: UnixTime,
    ) -> Result<(), RevocationProblem> {
        let places = distribution_points(certificate);
        if places.is_empty() {
            return Err(RevocationProblem::NoDistributionPoint);
        }
        let Some(crl) = self.crls.current(&places, now) else {
            return Err(RevocationProblem::Needed(places));
        };
        let unusable = |error: &dyn Error| RevocationProblem::Unusable(error.to_string());
        let verifier =
            WebPkiServerVerifier::builder_with_provider(Arc::clone(&self.roots), Arc::clone(&self.provider));
        let verifier = verifier
            .with_crls([crl])
            .only_check_end_entity_revocation()
            .enforce_revocation_expiration()
            .build()
            .map_err(|error| unusable(&error))?;
        match verifier.verify_server_cert(certificate, intermediates, name, &[], now) {
            Ok(_) => Ok(()),
            Err(rustls::Error::InvalidCertificate(CertificateError::Revoked)) => {
                Err(RevocationProblem::Revoked)
            }
            Err(error) => Err(unusable(&error)),
        }
    }
}

/// The http places that a certificate names for its CRL.
fn distribution_points(certificate: &CertificateDer<'_>) -> Vec<String> {
    let Ok((_, certificate)) = X509Certificate::from_der(certificate) else {
        return Vec::new();
    };
    let mut places = Vec::new();
    for extension in certificate.extensions() {
        let ParsedExtension::CRLDistributionPoints(points) = extension.parsed_extension() else {
            continue;
        };
        for point in points.iter() {
            let Some(DistributionPointName::FullName(names)) = &point.distribution_point else {
                continue;
            };
            for name in names {
                if let GeneralName::URI(uri) = name
                    && uri.starts_with("http://")
                {
                    places.push((*uri).to_owned());
                }
            }
        }
    }
    places
}

impl ServerCertVerifier for RevocationVerifier {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let verified = self
            .chain
            .verify_server_cert(certificate, intermediates, name, ocsp, now)?;
        let problem = match self.revocation(certificate, intermediates, name, now) {
            Ok(()) => return Ok(verified),
            Err(problem) => problem,
        };
        let passes = match problem {
            RevocationProblem::Revoked => false,
            RevocationProblem::Needed(_) => self.given_up,
            RevocationProblem::NoDistributionPoint | RevocationProblem::Unusable(_) => true,
        };
        match passes && self.check == CrlCheck::Optional {
            true => Ok(verified),
            false => Err(CertificateError::Other(OtherError(Arc::new(problem))).into()),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.chain.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.chain.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.chain.supported_verify_schemes()
    }
}

impl fmt::Debug for RevocationVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RevocationVerifier")
            .field("check", &self.check)
            .field("given_up", &self.given_up)
            .finish_non_exhaustive()
    }
}

/// What the revocation check said, when a TLS error is about that.
pub fn problem_of(error: &rustls::Error) -> Option<&RevocationProblem> {
    let rustls::Error::InvalidCertificate(CertificateError::Other(OtherError(other))) = error else {
        return None;
    };
    other.downcast_ref()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use rcgen::{
        BasicConstraints, CertificateParams, CertificateRevocationListParams, CrlDistributionPoint, IsCa,
        Issuer, KeyIdMethod, KeyPair, KeyUsagePurpose, RevokedCertParams, SerialNumber,
    };
    use rustls::crypto::aws_lc_rs;

    use super::*;

    const PLACE: &str = "http://crl.example.net/list.crl";
    const NAME: &str = "licences.example.net";

    struct Ca {
        params: CertificateParams,
        key: KeyPair,
    }

    fn now() -> Timestamp {
        "2026-06-21T12:00:00Z".parse().unwrap()
    }

    fn unix(at: Timestamp) -> UnixTime {
        UnixTime::since_unix_epoch(Duration::from_secs(at.as_second().unsigned_abs()))
    }

    impl Ca {
        fn new(name: &str) -> Ca {
            let mut params = CertificateParams::default();
            params.distinguished_name.push(rcgen::DnType::CommonName, name);
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
            params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
            let key = KeyPair::generate().unwrap();
            Ca { params, key }
        }

        fn roots(&self) -> Arc<RootCertStore> {
            let mut roots = RootCertStore::empty();
            roots
                .add(self.params.self_signed(&self.key).unwrap().der().clone())
                .unwrap();
            Arc::new(roots)
        }

        fn server(&self, serial: u64, places: &[&str]) -> CertificateDer<'static> {
            let mut params = CertificateParams::new(vec![NAME.to_owned()]).unwrap();
            params.serial_number = Some(SerialNumber::from(serial));
            params.crl_distribution_points = places
                .iter()
                .map(|place| CrlDistributionPoint {
                    uris: vec![(*place).to_owned()],
                })
                .collect();
            let key = KeyPair::generate().unwrap();
            let issuer = Issuer::from_params(&self.params, &self.key);
            params.signed_by(&key, &issuer).unwrap().der().clone()
        }

        fn list(&self, revoked: &[u64], next_update: Timestamp) -> Vec<u8> {
            let epoch = rcgen::date_time_ymd(1970, 1, 1);
            let at = |time: Timestamp| epoch + Duration::from_secs(time.as_second().unsigned_abs());
            let revoked = revoked.iter().map(|serial| RevokedCertParams {
                serial_number: SerialNumber::from(*serial),
                revocation_time: at(now() - jiff::SignedDuration::from_hours(1)),
                reason_code: None,
                invalidity_date: None,
            });
            let params = CertificateRevocationListParams {
                this_update: at(now() - jiff::SignedDuration::from_hours(48)),
                next_update: at(next_update),
                crl_number: SerialNumber::from(1),
                issuing_distribution_point: None,
                revoked_certs: revoked.collect(),
                key_identifier_method: KeyIdMethod::Sha256,
            };
            let issuer = Issuer::from_params(&self.params, &self.key);
            params.signed_by(&issuer).unwrap().der().to_vec()
        }
    }

    fn tomorrow() -> Timestamp {
        now() + jiff::SignedDuration::from_hours(24)
    }

    fn verify(
        ca: &Ca,
        certificate: &CertificateDer<'_>,
        crls: &CrlStore,
        check: CrlCheck,
        given_up: bool,
    ) -> Result<(), RevocationProblem> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let verifier = RevocationVerifier::new(ca.roots(), provider, check, crls.clone(), given_up).unwrap();
        let name = ServerName::try_from(NAME).unwrap();
        match verifier.verify_server_cert(certificate, &[], &name, &[], unix(now())) {
            Ok(_) => Ok(()),
            Err(error) => Err(problem_of(&error).unwrap_or_else(|| panic!("{error}")).clone()),
        }
    }

    fn store(list: &[u8]) -> CrlStore {
        let crls = CrlStore::default();
        crls.keep(PLACE, list, now()).unwrap();
        crls
    }

    #[test]
    fn a_crl_is_asked_for_and_then_decides() {
        let ca = Ca::new("root");
        let (good, bad) = (ca.server(1, &[PLACE]), ca.server(2, &[PLACE]));
        let none = CrlStore::default();
        let needed = RevocationProblem::Needed(vec![PLACE.to_owned()]);
        for check in [CrlCheck::Required, CrlCheck::Optional] {
            assert_eq!(verify(&ca, &good, &none, check, false), Err(needed.clone()));
            let crls = store(&ca.list(&[2], tomorrow()));
            assert_eq!(verify(&ca, &good, &crls, check, false), Ok(()));
            assert_eq!(
                verify(&ca, &bad, &crls, check, true),
                Err(RevocationProblem::Revoked),
                "optional is about missing lists, not about revoked certificates"
            );
        }
        assert_eq!(verify(&ca, &good, &none, CrlCheck::Optional, true), Ok(()));
        assert_eq!(verify(&ca, &good, &none, CrlCheck::Required, true), Err(needed));
    }

    #[test]
    fn a_certificate_without_a_place_for_its_crl_needs_crl_optional() {
        let ca = Ca::new("root");
        let silent = ca.server(1, &[]);
        let over_ldap = ca.server(1, &["ldap://crl.example.net/cn=x"]);
        let none = CrlStore::default();
        for certificate in [silent, over_ldap] {
            assert_eq!(
                verify(&ca, &certificate, &none, CrlCheck::Required, false),
                Err(RevocationProblem::NoDistributionPoint)
            );
            assert_eq!(
                verify(&ca, &certificate, &none, CrlCheck::Optional, false),
                Ok(())
            );
        }
    }

    #[test]
    fn a_list_that_somebody_else_signed_does_not_count() {
        let ca = Ca::new("root");
        let certificate = ca.server(1, &[PLACE]);
        for impostor in ["root", "other"] {
            let crls = store(&Ca::new(impostor).list(&[], tomorrow()));
            let refused = verify(&ca, &certificate, &crls, CrlCheck::Required, false).unwrap_err();
            assert!(matches!(refused, RevocationProblem::Unusable(_)), "{refused}");
            assert_eq!(
                verify(&ca, &certificate, &crls, CrlCheck::Optional, false),
                Ok(())
            );
        }
    }

    #[test]
    fn what_is_no_list_or_an_old_one_is_not_kept() {
        let ca = Ca::new("root");
        let crls = CrlStore::default();
        let refused = crls.keep(PLACE, b"<html/>", now()).unwrap_err();
        assert_eq!(refused, format!("what is at {PLACE} is no CRL"));
        let old = ca.list(&[], now() - jiff::SignedDuration::from_secs(1));
        let refused = crls.keep(PLACE, &old, now()).unwrap_err();
        assert!(refused.ends_with("held until 2026-06-21T11:59:59Z"), "{refused}");
        assert_eq!(
            verify(&ca, &ca.server(1, &[PLACE]), &crls, CrlCheck::Required, false),
            Err(RevocationProblem::Needed(vec![PLACE.to_owned()]))
        );
    }

    #[test]
    fn a_wrong_name_or_root_stays_what_the_tls_library_says_of_it() {
        let ca = Ca::new("root");
        let certificate = ca.server(1, &[PLACE]);
        let provider = Arc::new(aws_lc_rs::default_provider());
        let crls = CrlStore::default();
        let verifier = RevocationVerifier::new(ca.roots(), provider, CrlCheck::Optional, crls, true).unwrap();
        let name = ServerName::try_from("other.example.net").unwrap();
        let refused = verifier
            .verify_server_cert(&certificate, &[], &name, &[], unix(now()))
            .unwrap_err();
        assert_eq!(problem_of(&refused), None);
        assert!(refused.to_string().contains("not valid for name"), "{refused}");
    }
}
