//! The certificate authority of the licence server: licensing root, issuer of identities, answer signing, HTTPS.
//!
//! ```text
//! licensing root ─┬─ identity issuer ── identity of a product instance (365 days)
//!                 └─ answer signing (made at every start)
//! TLS root ───────── HTTPS server    (made at every start)
//! ```
//!
//! The two roots and the identity issuer are kept with the state of the server; the other keys live in memory alone.

pub mod revocation_list;

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use rcgen::{
    BasicConstraints, CertificateParams, CrlDistributionPoint, DistinguishedName, DnType,
    ExtendedKeyUsagePurpose, IsCa, Issuer, KeyUsagePurpose, SerialNumber, SubjectPublicKeyInfo,
};

use crate::licensing::message::reservation::Authorization;
use crate::licensing::message::{Answer, MessageError, Udi};
use crate::licensing::secret::Secret;
use crate::licensing::signature::chain::{self, DOCUMENT_SIGNING, Purpose, TrustRoot, Verified};
use crate::licensing::signature::{RequestedKey, SignatureError, SigningKey};

/// Life of an identity certificate, and with it of a registration (`licensing.md` A9).
pub const IDENTITY_LIFE: SignedDuration = SignedDuration::from_hours(365 * 24);

/// How far before the moment of issue a certificate begins, so that a device whose clock is behind can use it.
const BACKDATING: SignedDuration = SignedDuration::from_hours(24);
const ROOT_LIFE: SignedDuration = SignedDuration::from_hours(30 * 365 * 24);
const ISSUER_LIFE: SignedDuration = SignedDuration::from_hours(25 * 365 * 24);
const SERVER_LIFE: SignedDuration = SignedDuration::from_hours(10 * 365 * 24);

/// A certificate could not be made or read.
#[derive(Debug, thiserror::Error)]
pub enum AuthorityError {
    /// A key or chain is wrong.
    #[error(transparent)]
    Signature(#[from] SignatureError),
    /// The certificate library refused.
    #[error("making the certificate of {subject}: {reason}")]
    Issue {
        /// Whose.
        subject: String,
        /// Why.
        reason: String,
    },
    /// A part of the stored authority is missing.
    #[error("the stored certificate authority lacks its {0}")]
    Incomplete(&'static str),
}

/// A certificate with its key, as it is stored.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Material {
    /// Which one: `licensing-root`, `identity-issuer`, `tls-root`.
    pub name: String,
    /// In PEM.
    pub certificate: String,
    /// PKCS #8 in PEM.
    pub private_key: Secret<String>,
}

#[derive(Debug)]
struct Holder {
    certificate: String,
    key: SigningKey,
}

/// The authority, ready to sign.
#[derive(Debug)]
pub struct Authority {
    licensing_root: Holder,
    identity_issuer: Holder,
    tls_root: Holder,
    answer_signing: Holder,
    trust: TrustRoot,
}

/// An identity certificate that was issued.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct IssuedIdentity {
    /// In PEM.
    pub certificate: String,
    /// End of its validity.
    pub expires: Timestamp,
}

/// Certificate chain and key of the HTTPS server, in PEM.
#[derive(Clone, Debug)]
pub struct TlsIdentity {
    /// The server's certificate and the TLS root.
    pub certificates: String,
    /// PKCS #8.
    pub private_key: Secret<String>,
}

impl Authority {
    /// Makes the roots and the identity issuer, at the first start of a server.
    pub fn found(name: &str, now: Timestamp) -> Result<Vec<Material>, AuthorityError> {
        let root = root(&format!("{name} licensing root"), now)?;
        let mut issuer = authority_params(&format!("{name} identity issuer"), 0, now, ISSUER_LIFE)?;
        issuer.use_authority_key_identifier_extension = true;
        let identity_issuer = issue(issuer, &root)?;
        let tls_root = self::root(&format!("{name} TLS root"), now)?;
        Ok(vec![
            root.stored(LICENSING_ROOT),
            identity_issuer.stored(IDENTITY_ISSUER),
            tls_root.stored(TLS_ROOT),
        ])
    }

    /// Takes up a stored authority and makes the keys that live in memory.
    pub fn open(name: &str, stored: &[Material], now: Timestamp) -> Result<Authority, AuthorityError> {
        let licensing_root = holder(stored, LICENSING_ROOT)?;
        let identity_issuer = holder(stored, IDENTITY_ISSUER)?;
        let tls_root = holder(stored, TLS_ROOT)?;
        let mut params = end_params(&format!("{name} licence server"), now, SERVER_LIFE)?;
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::Other(DOCUMENT_SIGNING.to_vec())];
        let answer_signing = issue(params, &licensing_root)?;
        Ok(Authority {
            trust: TrustRoot::from_pem(&licensing_root.certificate)?,
            licensing_root,
            identity_issuer,
            tls_root,
            answer_signing,
        })
    }

    /// The licensing root in PEM: what a device is given to trust this server.
    pub fn licensing_root(&self) -> &str {
        &self.licensing_root.certificate
    }

    /// Whether this is the fingerprint of the licensing root.
    pub fn is_licensing_root(&self, fingerprint: &str) -> bool {
        self.trust.fingerprint() == fingerprint
    }

    /// The TLS root in PEM: what a device is given to trust the HTTPS port.
    pub fn tls_root(&self) -> &str {
        &self.tls_root.certificate
    }

    /// An identity certificate for a product instance. It ends 365 days after `now`.
    pub fn issue_identity(
        &self,
        requested: &RequestedKey,
        product_instance_id: &str,
        udi: &Udi,
        now: Timestamp,
    ) -> Result<IssuedIdentity, AuthorityError> {
        let mut params = end_params(product_instance_id, now, IDENTITY_LIFE)?;
        params.distinguished_name.push(
            DnType::CustomDnType(SERIAL_NUMBER.to_vec()),
            udi.certificate_name(),
        );
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        let failed = |error: rcgen::Error| failure(product_instance_id, &error);
        let public_key = SubjectPublicKeyInfo::from_der(&requested.public_key_info).map_err(failed)?;
        let issuer = Issuer::from_ca_cert_pem(&self.identity_issuer.certificate, &self.identity_issuer.key);
        let certificate = params
            .signed_by(&public_key, &issuer.map_err(failed)?)
            .map_err(failed)?;
        Ok(IssuedIdentity {
            certificate: certificate.pem(),
            expires: truncated(now.saturating_add(IDENTITY_LIFE).unwrap_or(Timestamp::MAX)),
        })
    }

    /// The certificates between an identity and the licensing root.
    pub fn identity_chain(&self) -> Vec<String> {
        vec![self.identity_issuer.certificate.clone()]
    }

    /// Verifies the chain of a request.
    pub fn verify_identity(
        &self,
        certificates: &[String],
        now: Timestamp,
    ) -> Result<Verified, SignatureError> {
        chain::verify_chain(certificates, &self.trust, Purpose::Identity, now)
    }

    /// Signs an answer.
    pub fn sign(&self, answer: &Answer) -> Result<Vec<u8>, MessageError> {
        let certificates = [self.answer_signing.certificate.clone()];
        answer.sign(&self.answer_signing.key, &certificates)
    }

    /// Signs an authorization code.
    pub fn sign_authorization(&self, authorization: &Authorization) -> Result<String, MessageError> {
        let certificates = [self.answer_signing.certificate.clone()];
        authorization.sign(&self.answer_signing.key, &certificates)
    }

    /// A fresh certificate and key for the HTTPS port, for these host names and addresses, with the place of the
    /// revocation list if there is one.
    pub fn tls_identity(
        &self,
        names: &[String],
        revocation_list: Option<String>,
        now: Timestamp,
    ) -> Result<TlsIdentity, AuthorityError> {
        let common_name = names.first().map_or("localhost", String::as_str);
        let mut params = end_params(common_name, now, SERVER_LIFE)?;
        let named = CertificateParams::new(names).map_err(|error| failure(common_name, &error))?;
        params.subject_alt_names = named.subject_alt_names;
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let points = revocation_list.map(|url| CrlDistributionPoint { uris: vec![url] });
        params.crl_distribution_points = points.into_iter().collect();
        let server = issue(params, &self.tls_root)?;
        Ok(TlsIdentity {
            certificates: format!("{}{}", server.certificate, self.tls_root.certificate),
            private_key: server.key.to_pem(),
        })
    }
}

const LICENSING_ROOT: &str = "licensing-root";
const IDENTITY_ISSUER: &str = "identity-issuer";
const TLS_ROOT: &str = "tls-root";

/// The serial-number attribute of a subject (X.520): 2.5.4.5.
const SERIAL_NUMBER: [u64; 4] = [2, 5, 4, 5];

impl Holder {
    fn stored(&self, name: &str) -> Material {
        Material {
            name: name.to_owned(),
            certificate: self.certificate.clone(),
            private_key: self.key.to_pem(),
        }
    }
}

fn holder(stored: &[Material], name: &'static str) -> Result<Holder, AuthorityError> {
    let material = stored.iter().find(|material| material.name == name);
    let material = material.ok_or(AuthorityError::Incomplete(name))?;
    Ok(Holder {
        certificate: material.certificate.clone(),
        key: SigningKey::from_pem(&material.private_key)?,
    })
}

fn root(name: &str, now: Timestamp) -> Result<Holder, AuthorityError> {
    let key = SigningKey::generate()?;
    let certificate = authority_params(name, 1, now, ROOT_LIFE)?.self_signed(&key);
    Ok(Holder {
        certificate: certificate.map_err(|error| failure(name, &error))?.pem(),
        key,
    })
}

fn issue(params: CertificateParams, issuer: &Holder) -> Result<Holder, AuthorityError> {
    let subject = format!("{:?}", params.distinguished_name.get(&DnType::CommonName));
    let failed = |error: rcgen::Error| failure(&subject, &error);
    let key = SigningKey::generate()?;
    let issuer = Issuer::from_ca_cert_pem(&issuer.certificate, &issuer.key).map_err(failed)?;
    Ok(Holder {
        certificate: params.signed_by(&key, &issuer).map_err(failed)?.pem(),
        key,
    })
}

fn authority_params(
    name: &str,
    authorities_below: u8,
    now: Timestamp,
    life: SignedDuration,
) -> Result<CertificateParams, AuthorityError> {
    let mut params = params(name, now, life)?;
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(authorities_below));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    Ok(params)
}

fn end_params(name: &str, now: Timestamp, life: SignedDuration) -> Result<CertificateParams, AuthorityError> {
    let mut params = params(name, now, life)?;
    params.is_ca = IsCa::ExplicitNoCa;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.use_authority_key_identifier_extension = true;
    Ok(params)
}

fn params(name: &str, now: Timestamp, life: SignedDuration) -> Result<CertificateParams, AuthorityError> {
    let mut serial = [0; 16];
    aws_lc_rs::rand::fill(&mut serial).map_err(|_| SignatureError::Library("drawing random bytes"))?;
    // RFC 5280 4.1.2.2: a positive number of at most 20 octets.
    let [first, ..] = &mut serial;
    *first = (*first & 0x7f) | 0x40;
    let mut params = CertificateParams::default();
    params.serial_number = Some(SerialNumber::from_slice(&serial));
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    let begin = since_1970(now.saturating_sub(BACKDATING).unwrap_or(now));
    let end = since_1970(now.saturating_add(life).unwrap_or(Timestamp::MAX));
    let epoch = rcgen::date_time_ymd(1970, 1, 1);
    params.not_before = epoch + begin;
    params.not_after = epoch + end;
    Ok(params)
}

/// Certificates count whole seconds, from 1970 on here.
fn since_1970(time: Timestamp) -> Duration {
    Duration::from_secs(u64::try_from(time.as_second()).unwrap_or(0))
}

fn truncated(time: Timestamp) -> Timestamp {
    Timestamp::from_second(time.as_second()).unwrap_or(time)
}

fn failure(subject: &str, error: &rcgen::Error) -> AuthorityError {
    AuthorityError::Issue {
        subject: subject.to_owned(),
        reason: error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::licensing::message::IdentityGrant;
    use crate::licensing::signature::read_certificate_request;

    const DAY: SignedDuration = SignedDuration::from_hours(24);

    fn now() -> Timestamp {
        "2021-06-21T12:40:52.5Z".parse().unwrap()
    }

    fn authority() -> Authority {
        let stored = Authority::found("Lab", now()).unwrap();
        Authority::open("Lab", &stored, now()).unwrap()
    }

    fn udi() -> Udi {
        Udi {
            pid: "NCS1004".to_owned(),
            serial_number: "CAT2231B000".to_owned(),
            uuid: "default-sdr".to_owned(),
        }
    }

    fn grant(authority: &Authority, key: &SigningKey) -> IdentityGrant {
        let requested = read_certificate_request(&key.certificate_request("x").unwrap()).unwrap();
        let issued = authority
            .issue_identity(&requested, "pi-1", &udi(), now())
            .unwrap();
        IdentityGrant {
            product_instance_id: "pi-1".to_owned(),
            udi: udi(),
            identity_certificate: issued.certificate,
            chain: authority.identity_chain(),
            smart_account: "Lab".to_owned(),
            virtual_account: "Default".to_owned(),
            export_control_allowed: true,
            renew_interval: DAY * 180,
            expires: issued.expires,
        }
    }

    #[test]
    fn an_identity_is_accepted_for_365_days_and_not_a_second_longer() {
        let (authority, key) = (authority(), SigningKey::generate().unwrap());
        let grant = grant(&authority, &key);
        let verified = grant.verify(&key, &udi(), &authority.trust, now()).unwrap();
        assert_eq!(grant.expires.to_string(), "2022-06-21T12:40:52Z");
        assert_eq!(verified.not_after, grant.expires);
        assert_eq!(verified.common_name, "pi-1");
        assert_eq!(
            verified.subject_serial_number,
            "PID:NCS1004,SN:CAT2231B000,UUID:default-sdr"
        );
        grant
            .verify(&key, &udi(), &authority.trust, grant.expires)
            .unwrap();
        let late = grant.expires + SignedDuration::from_secs(1);
        let refused = grant.verify(&key, &udi(), &authority.trust, late).unwrap_err();
        assert_eq!(
            refused.to_string(),
            "certificate \"pi-1\" expired at 2022-06-21T12:40:52Z; it is 2022-06-21T12:40:53Z"
        );
        let early = grant
            .verify(&key, &udi(), &authority.trust, now() - DAY * 2)
            .unwrap_err();
        assert!(early.to_string().contains("is not valid before"), "{early}");
    }

    #[test]
    fn an_identity_for_another_key_device_or_name_is_refused_with_the_reason() {
        let (authority, key) = (authority(), SigningKey::generate().unwrap());
        let good = grant(&authority, &key);
        let refusal = |grant: &IdentityGrant, key: &SigningKey, udi: &Udi| {
            let refused = grant.verify(key, udi, &authority.trust, now());
            refused.unwrap_err().to_string()
        };
        let other_key = SigningKey::generate().unwrap();
        assert!(refusal(&good, &other_key, &udi()).contains("public key"));
        let mut other = udi();
        other.serial_number = "CAT2231B001".to_owned();
        assert!(refusal(&good, &key, &other).contains("UDI is \"PID:NCS1004,SN:CAT2231B000"));
        let mut renamed = good.clone();
        renamed.product_instance_id = "pi-2".to_owned();
        assert!(refusal(&renamed, &key, &udi()).contains("product instance is \"pi-1\", not \"pi-2\""));
    }

    #[test]
    fn a_chain_to_another_root_or_with_a_certificate_missing_or_doubled_is_refused() {
        let (ours, theirs, key) = (authority(), authority(), SigningKey::generate().unwrap());
        let good = grant(&ours, &key);
        let refused = good.verify(&key, &udi(), &theirs.trust, now()).unwrap_err();
        assert!(
            refused.to_string().contains("is not signed by the key of"),
            "{refused}"
        );
        for (chain, reason) in [
            (vec![], "was issued by"),
            (vec![ours.identity_chain().remove(0); 2], "was issued by"),
            (vec![ours.identity_chain().remove(0); 4], "5 certificates"),
            (
                vec!["no PEM".to_owned()],
                "certificate 1 of the chain is malformed: it is not PEM",
            ),
        ] {
            let mut grant = good.clone();
            grant.chain = chain;
            let refused = grant.verify(&key, &udi(), &ours.trust, now()).unwrap_err();
            assert!(refused.to_string().contains(reason), "{refused}");
        }
    }

    #[test]
    fn a_device_can_neither_pass_for_the_server_nor_issue_identities() {
        let (authority, key) = (authority(), SigningKey::generate().unwrap());
        let identity = grant(&authority, &key);
        let refused = chain::verify_chain(
            &identity.certificates(),
            &authority.trust,
            Purpose::AnswerSigning,
            now(),
        );
        assert!(
            matches!(refused, Err(SignatureError::WrongPurpose { .. })),
            "{refused:?}"
        );
        let answer = vec![authority.answer_signing.certificate.clone()];
        let refused = authority.verify_identity(&answer, now());
        assert!(
            matches!(refused, Err(SignatureError::WrongPurpose { .. })),
            "{refused:?}"
        );

        let device = Holder {
            certificate: identity.identity_certificate.clone(),
            key,
        };
        let forged = issue(end_params("pi-1", now(), IDENTITY_LIFE).unwrap(), &device);
        let mut chain = vec![forged.unwrap().certificate];
        chain.extend(identity.certificates());
        let refused = authority.verify_identity(&chain, now());
        assert!(
            matches!(refused, Err(SignatureError::NotAnAuthority { .. })),
            "{refused:?}"
        );
    }

    #[test]
    fn a_stored_authority_goes_on_after_a_restart() {
        let stored = Authority::found("Lab", now()).unwrap();
        let key = SigningKey::generate().unwrap();
        let grant = grant(&Authority::open("Lab", &stored, now()).unwrap(), &key);
        let later = Authority::open("Lab", &stored, now() + DAY * 100).unwrap();
        later
            .verify_identity(&grant.certificates(), now() + DAY * 100)
            .unwrap();
        assert!(matches!(
            Authority::open("Lab", &stored[..1], now()),
            Err(AuthorityError::Incomplete("identity-issuer"))
        ));
        assert!(!format!("{stored:?}").contains("PRIVATE"));
    }
}
