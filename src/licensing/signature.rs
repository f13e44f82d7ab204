//! Keys and signatures of licensing messages: ECDSA on P-256 with SHA-256, certificate requests, PEM.

pub mod chain;
#[cfg(test)]
pub(in crate::licensing) mod test_authority;

use std::fmt;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair, UnparsedPublicKey,
};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jiff::Timestamp;
use x509_parser::certification_request::X509CertificationRequest;
use x509_parser::prelude::FromDer;

use crate::licensing::secret::Secret;

/// What is wrong with a key, a signature, a certificate or a certificate request; says which check failed.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum SignatureError {
    /// The cryptographic library refused; there is no more to say about it.
    #[error("{0} failed in the cryptographic library")]
    Library(&'static str),
    /// The text is no private key of the kind used here.
    #[error("the private key is not an ECDSA P-256 key in PKCS #8 PEM")]
    PrivateKey,
    /// The signature does not belong to the data and the key.
    #[error("data and signature do not match")]
    Mismatch,
    /// The text is no certificate.
    #[error("certificate {position} of the chain is malformed: {reason}")]
    Malformed {
        /// From 0, the signer's own; the root comes last.
        position: usize,
        /// Why.
        reason: String,
    },
    /// No certificate at all.
    #[error("the certificate chain is empty")]
    EmptyChain,
    /// More certificates than a chain here can have.
    #[error("the certificate chain has {length} certificates; at most {limit} are allowed")]
    LongChain {
        /// How many.
        length: usize,
        /// How many are allowed.
        limit: usize,
    },
    /// A certificate names another issuer than the next one in the chain, or the licensing root.
    #[error("certificate \"{subject}\" was issued by \"{issuer}\", not by \"{expected}\"")]
    Issuer {
        /// Whose certificate.
        subject: String,
        /// Who it says issued it.
        issuer: String,
        /// Who should have.
        expected: String,
    },
    /// The issuer's key did not sign it.
    #[error("certificate \"{subject}\" is not signed by the key of \"{issuer}\"")]
    CertificateSignature {
        /// Whose certificate.
        subject: String,
        /// Whose key.
        issuer: String,
    },
    /// Before its time.
    #[error("certificate \"{subject}\" is not valid before {not_before}; it is {now}")]
    NotYetValid {
        /// Whose certificate.
        subject: String,
        /// Begin of its validity.
        not_before: Timestamp,
        /// When it was checked.
        now: Timestamp,
    },
    /// After its time.
    #[error("certificate \"{subject}\" expired at {not_after}; it is {now}")]
    Expired {
        /// Whose certificate.
        subject: String,
        /// End of its validity.
        not_after: Timestamp,
        /// When it was checked.
        now: Timestamp,
    },
    /// It issued a certificate and may not.
    #[error("certificate \"{subject}\" may not issue certificates at this place of the chain")]
    NotAnAuthority {
        /// Whose certificate.
        subject: String,
    },
    /// Made for something else.
    #[error("certificate \"{subject}\" is not meant for {purpose}")]
    WrongPurpose {
        /// Whose certificate.
        subject: String,
        /// What it was used for.
        purpose: &'static str,
    },
    /// It has a critical extension that is not understood here.
    #[error("certificate \"{subject}\" has the unknown critical extension {oid}")]
    CriticalExtension {
        /// Whose certificate.
        subject: String,
        /// Which extension.
        oid: String,
    },
    /// The certificate request is malformed, for another kind of key, or not signed with its key.
    #[error("the certificate request is not acceptable: {0}")]
    CertificateRequest(&'static str),
}

/// A private key with its public half.
pub struct SigningKey {
    pair: EcdsaKeyPair,
    pkcs8: Secret<Vec<u8>>,
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningKey(<secret>)")
    }
}

impl SigningKey {
    /// Makes a new key.
    pub fn generate() -> Result<SigningKey, SignatureError> {
        let failed = |_| SignatureError::Library("making a key");
        let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &SystemRandom::new())
            .map_err(failed)?;
        SigningKey::from_pkcs8(document.as_ref())
    }

    /// Reads a key that [`SigningKey::to_pem`] wrote.
    pub fn from_pem(pem: &Secret<String>) -> Result<SigningKey, SignatureError> {
        let pkcs8 = Secret::new(pem_contents(pem.reveal(), "PRIVATE KEY").ok_or(SignatureError::PrivateKey)?);
        SigningKey::from_pkcs8(pkcs8.reveal())
    }

    fn from_pkcs8(pkcs8: &[u8]) -> Result<SigningKey, SignatureError> {
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, pkcs8)
            .map_err(|_| SignatureError::PrivateKey)?;
        Ok(SigningKey {
            pair,
            pkcs8: Secret::new(pkcs8.to_vec()),
        })
    }

    /// The key as PKCS #8 in PEM, to be stored where nobody else reads.
    pub fn to_pem(&self) -> Secret<String> {
        Secret::new(pem_text("PRIVATE KEY", self.pkcs8.reveal()))
    }

    /// The public key, an uncompressed point of 65 bytes.
    pub fn public_key(&self) -> &[u8] {
        self.pair.public_key().as_ref()
    }

    /// Signs; the signature is ASN.1 DER in base64.
    pub fn sign(&self, data: &[u8]) -> Result<String, SignatureError> {
        Ok(STANDARD.encode(self.sign_der(data)?))
    }

    fn sign_der(&self, data: &[u8]) -> Result<Vec<u8>, SignatureError> {
        let signed = self.pair.sign(&SystemRandom::new(), data);
        let signed = signed.map_err(|_| SignatureError::Library("signing"))?;
        Ok(signed.as_ref().to_vec())
    }

    /// A PKCS #10 certificate request for this key, in PEM. The issuer sets the subject of the certificate itself; the
    /// common name here only helps people who look at the request.
    pub fn certificate_request(&self, common_name: &str) -> Result<String, SignatureError> {
        let failed = |_| SignatureError::Library("making a certificate request");
        let mut params = rcgen::CertificateParams::default();
        params.distinguished_name = rcgen::DistinguishedName::new();
        params
            .distinguished_name
            .push(rcgen::DnType::CommonName, common_name);
        let request = params.serialize_request(self).map_err(failed)?;
        request.pem().map_err(failed)
    }
}

impl rcgen::PublicKeyData for SigningKey {
    fn der_bytes(&self) -> &[u8] {
        self.public_key()
    }

    fn algorithm(&self) -> &'static rcgen::SignatureAlgorithm {
        &rcgen::PKCS_ECDSA_P256_SHA256
    }
}

impl rcgen::SigningKey for SigningKey {
    fn sign(&self, data: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
        self.sign_der(data).map_err(|_| rcgen::Error::RemoteKeyError)
    }
}

/// Verifies a signature in base64 with a public key (an uncompressed P-256 point).
pub fn verify(public_key: &[u8], data: &[u8], signature: &str) -> Result<(), SignatureError> {
    let signature = STANDARD.decode(signature).map_err(|_| SignatureError::Mismatch)?;
    UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, public_key)
        .verify(data, &signature)
        .map_err(|_| SignatureError::Mismatch)
}

/// A public key for which somebody asks a certificate, proven to be his.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RequestedKey {
    /// The public key, an uncompressed point of 65 bytes.
    pub public_key: Vec<u8>,
    /// The same as a DER SubjectPublicKeyInfo.
    pub public_key_info: Vec<u8>,
}

/// Reads a PKCS #10 request in PEM and verifies that it is signed with the P-256 key that it carries. Subject and
/// extensions that it asks for are ignored.
pub fn read_certificate_request(pem: &str) -> Result<RequestedKey, SignatureError> {
    let refuse = SignatureError::CertificateRequest;
    let der = pem_contents(pem, "CERTIFICATE REQUEST").ok_or(refuse("it is not PEM"))?;
    let (rest, request) =
        X509CertificationRequest::from_der(&der).map_err(|_| refuse("it is not a PKCS #10 request"))?;
    if !rest.is_empty() {
        return Err(refuse("something follows the PKCS #10 request"));
    }
    let info = &request.certification_request_info.subject_pki;
    let public_key = info.subject_public_key.data.to_vec();
    if public_key.len() != P256_POINT_BYTES {
        return Err(refuse("its key is not an uncompressed P-256 point"));
    }
    request
        .verify_signature()
        .map_err(|_| refuse("it is not signed with its own key"))?;
    Ok(RequestedKey {
        public_key,
        public_key_info: info.raw.to_vec(),
    })
}

/// 127 random bits as 22 characters that are safe in URLs and, as the first is a letter, on command lines: nonces,
/// registration tokens.
pub fn random_text() -> Result<String, SignatureError> {
    let mut bytes = random_bytes::<16>()?;
    let [first, ..] = &mut bytes;
    *first &= 0x7f;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

/// Random bytes that nobody could foresee.
pub fn random_bytes<const LENGTH: usize>() -> Result<[u8; LENGTH], SignatureError> {
    let mut bytes = [0; LENGTH];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| SignatureError::Library("drawing random bytes"))?;
    Ok(bytes)
}

/// SHA-256 over some parts, one after the other.
pub fn digest(parts: &[&[u8]]) -> [u8; 32] {
    let mut context = aws_lc_rs::digest::Context::new(&aws_lc_rs::digest::SHA256);
    for part in parts {
        context.update(part);
    }
    let mut sum = [0; 32];
    sum.copy_from_slice(context.finish().as_ref());
    sum
}

const P256_POINT_BYTES: usize = 65;

/// The bytes of the one PEM block with this label; nothing but white space may stand around it.
fn pem_contents(text: &str, label: &str) -> Option<Vec<u8>> {
    let body = text.trim().strip_prefix(&format!("-----BEGIN {label}-----"))?;
    let body = body.strip_suffix(&format!("-----END {label}-----"))?;
    let mut packed = body.to_owned();
    packed.retain(|character| !character.is_ascii_whitespace());
    let packed = Secret::new(packed);
    STANDARD.decode(packed.reveal()).ok()
}

fn pem_text(label: &str, der: &[u8]) -> String {
    let encoded = Secret::new(STANDARD.encode(der));
    let mut text = format!("-----BEGIN {label}-----\n");
    for (index, character) in encoded.reveal().char_indices() {
        if index > 0 && index % 64 == 0 {
            text.push('\n');
        }
        text.push(character);
    }
    text.push_str(&format!("\n-----END {label}-----\n"));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_accepted_for_its_data_and_key_alone() {
        let (ours, other) = (SigningKey::generate().unwrap(), SigningKey::generate().unwrap());
        let signature = ours.sign(b"four trunks").unwrap();
        assert_eq!(verify(ours.public_key(), b"four trunks", &signature), Ok(()));
        for (key, data, signature) in [
            (ours.public_key(), b"five trunks", signature.as_str()),
            (other.public_key(), b"four trunks", signature.as_str()),
            (ours.public_key(), b"four trunks", "%%%"),
            (&[], b"four trunks", signature.as_str()),
        ] {
            assert_eq!(verify(key, data, signature), Err(SignatureError::Mismatch));
        }
    }

    #[test]
    fn a_key_survives_being_stored_and_does_not_print() {
        let key = SigningKey::generate().unwrap();
        let read = SigningKey::from_pem(&key.to_pem()).unwrap();
        assert_eq!(read.public_key(), key.public_key());
        assert_eq!(format!("{key:?}"), "SigningKey(<secret>)");
        let broken = Secret::new("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n".to_owned());
        assert_eq!(
            SigningKey::from_pem(&broken).unwrap_err(),
            SignatureError::PrivateKey
        );
    }

    #[test]
    fn random_text_is_new_every_time_and_never_looks_like_a_flag() {
        let texts: std::collections::BTreeSet<String> = (0..200).map(|_| random_text().unwrap()).collect();
        assert_eq!(texts.len(), 200);
        for text in texts {
            assert!(
                text.starts_with(|first: char| first.is_ascii_alphabetic()),
                "{text}"
            );
            assert_eq!(text.len(), 22);
        }
    }

    #[test]
    fn a_certificate_request_proves_its_key() {
        let key = SigningKey::generate().unwrap();
        let request = key.certificate_request("PID:NCS1004,SN:CAT2231B000").unwrap();
        let requested = read_certificate_request(&request).unwrap();
        assert_eq!(requested.public_key, key.public_key());
        assert!(requested.public_key_info.ends_with(key.public_key()));

        let mut der = pem_contents(&request, "CERTIFICATE REQUEST").unwrap();
        let last = der.len() - 1;
        der[last] ^= 1;
        let forged = pem_text("CERTIFICATE REQUEST", &der);
        assert_eq!(
            read_certificate_request(&forged).unwrap_err().to_string(),
            "the certificate request is not acceptable: it is not signed with its own key"
        );
        assert!(read_certificate_request("").is_err());
        assert!(read_certificate_request(&pem_text("CERTIFICATE REQUEST", b"no DER")).is_err());
    }
}
