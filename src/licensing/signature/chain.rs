//! Certificate chains up to the licensing root: who issued whom, validity at a given time, purpose.

use jiff::Timestamp;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::ParsedExtension;
use x509_parser::oid_registry::{
    OID_KEY_TYPE_EC_PUBLIC_KEY, OID_SIG_ECDSA_WITH_SHA256, OID_X509_COMMON_NAME, OID_X509_SERIALNUMBER, Oid,
};
use x509_parser::prelude::FromDer;
use x509_parser::x509::X509Name;

use crate::licensing::signature::{SignatureError, digest, pem_contents};

/// More certificates than this, the root not counted, make no sense here and are refused unread.
pub const MAX_CHAIN_LENGTH: usize = 4;

/// What a certificate at the end of a chain may be used for. The two never mix: a device's identity must not pass for
/// the server.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Purpose {
    /// Identity of a product instance: extended key usage clientAuth (RFC 5280 4.2.1.12).
    Identity,
    /// Signing answers of the licence server: extended key usage documentSigning (RFC 9336).
    AnswerSigning,
}

/// documentSigning, RFC 9336: 1.3.6.1.5.5.7.3.36.
pub const DOCUMENT_SIGNING: [u64; 9] = [1, 3, 6, 1, 5, 5, 7, 3, 36];

impl Purpose {
    fn name(self) -> &'static str {
        match self {
            Purpose::Identity => "the identity of a product instance",
            Purpose::AnswerSigning => "signing answers of a licence server",
        }
    }
}

/// The licensing root that a device is given.
#[derive(Clone, PartialEq, Eq)]
pub struct TrustRoot {
    der: Vec<u8>,
}

impl std::fmt::Debug for TrustRoot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let subject = parse(&self.der, 0).map(|certificate| name(certificate.subject()));
        f.debug_tuple("TrustRoot")
            .field(&subject.unwrap_or_default())
            .finish()
    }
}

impl TrustRoot {
    /// Takes the root certificate in PEM; it has to be an authority and signed by itself.
    pub fn from_pem(pem: &str) -> Result<TrustRoot, SignatureError> {
        let der = pem_contents(pem, "CERTIFICATE").ok_or_else(|| malformed(0, "it is not PEM"))?;
        let root = parse(&der, 0)?;
        check_issuer(&root, &root, 0)?;
        Ok(TrustRoot { der })
    }

    /// SHA-256 of the certificate in hexadecimal: by it a server sees whether a device trusts it at all.
    pub fn fingerprint(&self) -> String {
        let sum = digest(&[&self.der]);
        sum.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Common name of the certificate.
    pub fn common_name(&self) -> String {
        let root = parse(&self.der, 0);
        root.map(|root| attribute(root.subject(), &OID_X509_COMMON_NAME))
            .unwrap_or_default()
    }
}

/// What is known of the holder of a verified certificate.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Verified {
    /// Common name: a product instance's identifier, or the server's name.
    pub common_name: String,
    /// Serial-number attribute of the subject: a product instance's UDI; empty for a server.
    pub subject_serial_number: String,
    /// The public key, an uncompressed P-256 point.
    pub public_key: Vec<u8>,
    /// Serial number of the certificate, in hexadecimal.
    pub certificate_serial: String,
    /// Begin of validity.
    pub not_before: Timestamp,
    /// End of validity.
    pub not_after: Timestamp,
}

/// Verifies a chain of PEM certificates, the signer's own first and the root left out, for a purpose at a time.
pub fn verify_chain(
    chain: &[String],
    root: &TrustRoot,
    purpose: Purpose,
    now: Timestamp,
) -> Result<Verified, SignatureError> {
    if chain.is_empty() {
        return Err(SignatureError::EmptyChain);
    }
    if chain.len() > MAX_CHAIN_LENGTH {
        return Err(SignatureError::LongChain {
            length: chain.len(),
            limit: MAX_CHAIN_LENGTH,
        });
    }
    let mut ders = Vec::with_capacity(chain.len() + 1);
    for (position, pem) in chain.iter().enumerate() {
        ders.push(pem_contents(pem, "CERTIFICATE").ok_or_else(|| malformed(position, "it is not PEM"))?);
    }
    ders.push(root.der.clone());
    let certificates = ders.iter().enumerate();
    let certificates = certificates
        .map(|(position, der)| parse(der, position))
        .collect::<Result<Vec<_>, _>>()?;
    for certificate in &certificates {
        check_alone(certificate, now)?;
    }
    for (position, (certificate, issuer)) in certificates.iter().zip(certificates.iter().skip(1)).enumerate()
    {
        check_issuer(certificate, issuer, position)?;
    }
    let signer = certificates.first().ok_or(SignatureError::EmptyChain)?;
    check_purpose(signer, purpose)?;
    Ok(Verified {
        common_name: attribute(signer.subject(), &OID_X509_COMMON_NAME),
        subject_serial_number: attribute(signer.subject(), &OID_X509_SERIALNUMBER),
        public_key: signer.public_key().subject_public_key.data.to_vec(),
        certificate_serial: signer.raw_serial_as_string(),
        not_before: timestamp(signer.validity().not_before.timestamp()),
        not_after: timestamp(signer.validity().not_after.timestamp()),
    })
}

fn parse(der: &[u8], position: usize) -> Result<X509Certificate<'_>, SignatureError> {
    let (rest, certificate) =
        X509Certificate::from_der(der).map_err(|_| malformed(position, "it is not an X.509 certificate"))?;
    if !rest.is_empty() {
        return Err(malformed(position, "something follows the certificate"));
    }
    let curve_key = &certificate.public_key().algorithm.algorithm;
    if *curve_key != OID_KEY_TYPE_EC_PUBLIC_KEY
        || certificate.signature_algorithm.algorithm != OID_SIG_ECDSA_WITH_SHA256
    {
        return Err(malformed(
            position,
            "its key or signature is not ECDSA with SHA-256",
        ));
    }
    Ok(certificate)
}

/// Validity and extensions, for every certificate of the chain.
fn check_alone(certificate: &X509Certificate<'_>, now: Timestamp) -> Result<(), SignatureError> {
    let subject = || name(certificate.subject());
    let not_before = timestamp(certificate.validity().not_before.timestamp());
    let not_after = timestamp(certificate.validity().not_after.timestamp());
    if now < not_before {
        return Err(SignatureError::NotYetValid {
            subject: subject(),
            not_before,
            now,
        });
    }
    if now > not_after {
        return Err(SignatureError::Expired {
            subject: subject(),
            not_after,
            now,
        });
    }
    let unknown = certificate.extensions().iter().find(|extension| {
        let understood = matches!(
            extension.parsed_extension(),
            ParsedExtension::BasicConstraints(_)
                | ParsedExtension::KeyUsage(_)
                | ParsedExtension::ExtendedKeyUsage(_)
                | ParsedExtension::SubjectKeyIdentifier(_)
                | ParsedExtension::AuthorityKeyIdentifier(_)
                | ParsedExtension::SubjectAlternativeName(_)
        );
        extension.critical && !understood
    });
    match unknown {
        Some(extension) => Err(SignatureError::CriticalExtension {
            subject: subject(),
            oid: extension.oid.to_id_string(),
        }),
        None => Ok(()),
    }
}

/// That `issuer` may issue with `below` authorities under it (RFC 5280 4.2.1.9), and issued `certificate`.
fn check_issuer(
    certificate: &X509Certificate<'_>,
    issuer: &X509Certificate<'_>,
    below: usize,
) -> Result<(), SignatureError> {
    if certificate.issuer().as_raw() != issuer.subject().as_raw() {
        return Err(SignatureError::Issuer {
            subject: name(certificate.subject()),
            issuer: name(certificate.issuer()),
            expected: name(issuer.subject()),
        });
    }
    let constraints = issuer.basic_constraints().ok().flatten();
    let may_issue = constraints.is_some_and(|constraints| {
        let limit = constraints.value.path_len_constraint;
        constraints.value.ca
            && limit.is_none_or(|limit| below <= usize::try_from(limit).unwrap_or(usize::MAX))
    });
    let may_sign = issuer.key_usage().ok().flatten();
    let may_sign = may_sign.is_some_and(|usage| usage.value.key_cert_sign());
    if !may_issue || !may_sign {
        return Err(SignatureError::NotAnAuthority {
            subject: name(issuer.subject()),
        });
    }
    certificate
        .verify_signature(Some(issuer.public_key()))
        .map_err(|_| SignatureError::CertificateSignature {
            subject: name(certificate.subject()),
            issuer: name(issuer.subject()),
        })
}

fn check_purpose(certificate: &X509Certificate<'_>, purpose: Purpose) -> Result<(), SignatureError> {
    let usage = certificate.key_usage().ok().flatten();
    let signs = usage.is_some_and(|usage| usage.value.digital_signature());
    let extended = certificate.extended_key_usage().ok().flatten();
    let meant = extended.is_some_and(|extended| match purpose {
        Purpose::Identity => extended.value.client_auth,
        Purpose::AnswerSigning => {
            let wanted = Oid::from(&DOCUMENT_SIGNING);
            wanted.is_ok_and(|wanted| extended.value.other.contains(&wanted))
        }
    });
    if signs && meant && !certificate.is_ca() {
        return Ok(());
    }
    Err(SignatureError::WrongPurpose {
        subject: name(certificate.subject()),
        purpose: purpose.name(),
    })
}

fn attribute(subject: &X509Name<'_>, oid: &Oid<'_>) -> String {
    let value = subject.iter_by_oid(oid).next();
    let text = value.and_then(|value| value.as_str().ok());
    text.unwrap_or_default().to_owned()
}

fn name(subject: &X509Name<'_>) -> String {
    let common_name = attribute(subject, &OID_X509_COMMON_NAME);
    if common_name.is_empty() {
        subject.to_string()
    } else {
        common_name
    }
}

fn timestamp(seconds: i64) -> Timestamp {
    let limit = if seconds < 0 {
        Timestamp::MIN
    } else {
        Timestamp::MAX
    };
    Timestamp::from_second(seconds).unwrap_or(limit)
}

fn malformed(position: usize, reason: &str) -> SignatureError {
    SignatureError::Malformed {
        position,
        reason: reason.to_owned(),
    }
}
