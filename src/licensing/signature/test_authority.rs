//! For tests alone: a licensing root with what it signs, made once a process.

use std::sync::OnceLock;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::licensing::message::Udi;
use crate::licensing::signature::chain::DOCUMENT_SIGNING;
use crate::licensing::signature::{RequestedKey, SigningKey};

pub struct TestAuthority {
    /// The root certificate, PEM.
    pub root: String,
    root_key: SigningKey,
    /// What answers and authorization codes are signed with.
    pub answering_key: SigningKey,
    /// Its certificate.
    pub answering_chain: Vec<String>,
    /// A key that the root never saw.
    pub foreign_key: SigningKey,
}

/// From 1990 to 2090.
fn long() -> (Timestamp, Timestamp) {
    (
        "1990-01-01T00:00:00Z".parse().unwrap(),
        "2090-01-01T00:00:00Z".parse().unwrap(),
    )
}

impl TestAuthority {
    pub fn shared() -> &'static TestAuthority {
        static SHARED: OnceLock<TestAuthority> = OnceLock::new();
        SHARED.get_or_init(TestAuthority::new)
    }

    fn new() -> TestAuthority {
        let root_key = SigningKey::generate().unwrap();
        let answering_key = SigningKey::generate().unwrap();
        let root = authority().self_signed(&root_key).unwrap().pem();
        let purpose = rcgen::ExtendedKeyUsagePurpose::Other(DOCUMENT_SIGNING.to_vec());
        let issuer_params = authority();
        let issuer = rcgen::Issuer::from_params(&issuer_params, &root_key);
        let answering = certificate("test server", "", purpose, long());
        let answering_chain = vec![answering.signed_by(&answering_key, &issuer).unwrap().pem()];
        TestAuthority {
            root,
            answering_key,
            answering_chain,
            foreign_key: SigningKey::generate().unwrap(),
            root_key,
        }
    }

    /// An identity certificate that begins a day before `issued`, as those of `ponder ssm` do, and ends at `expires`.
    pub fn identity(
        &self,
        key: &RequestedKey,
        id: &str,
        udi: &Udi,
        (issued, expires): (Timestamp, Timestamp),
    ) -> String {
        let issuer_params = authority();
        let issuer = rcgen::Issuer::from_params(&issuer_params, &self.root_key);
        let purpose = rcgen::ExtendedKeyUsagePurpose::ClientAuth;
        let validity = (issued - SignedDuration::from_hours(24), expires);
        let params = certificate(id, &udi.certificate_name(), purpose, validity);
        let public = rcgen::SubjectPublicKeyInfo::from_der(&key.public_key_info).unwrap();
        params.signed_by(&public, &issuer).unwrap().pem()
    }
}

fn certificate(
    common_name: &str,
    serial_number: &str,
    purpose: rcgen::ExtendedKeyUsagePurpose,
    (begin, end): (Timestamp, Timestamp),
) -> rcgen::CertificateParams {
    let mut params = rcgen::CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params
        .distinguished_name
        .push(rcgen::DnType::CommonName, common_name);
    if !serial_number.is_empty() {
        let serial = rcgen::DnType::CustomDnType(vec![2, 5, 4, 5]);
        params.distinguished_name.push(serial, serial_number);
    }
    params.key_usages = vec![rcgen::KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![purpose];
    let since_1970 = |moment: Timestamp| Duration::from_secs(moment.as_second().unsigned_abs());
    let epoch = rcgen::date_time_ymd(1970, 1, 1);
    params.not_before = epoch + since_1970(begin);
    params.not_after = epoch + since_1970(end);
    params
}

fn authority() -> rcgen::CertificateParams {
    let purpose = rcgen::ExtendedKeyUsagePurpose::Any;
    let mut params = certificate("test root", "", purpose, long());
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    params.key_usages = vec![rcgen::KeyUsagePurpose::KeyCertSign];
    params.extended_key_usages = Vec::new();
    params
}
