//! The outer object of a licensing message: the payload as text, and the signature over it.

use std::fmt;

use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::licensing::message::{MAX_MESSAGE_BYTES, MessageError, Request, VERSION};
use crate::licensing::signature::chain::{self, Purpose, TrustRoot};
use crate::licensing::signature::{self, SigningKey};

/// Who speaks; part of what is signed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Direction {
    /// Product instance to server.
    Request,
    /// Server to product instance.
    Answer,
    /// Server to product instance, carried by hand: an authorization code.
    Reservation,
}

impl Direction {
    /// The label in front of the payload text when it is signed: `ponder-licensing/1 request` and a newline.
    pub fn label(self) -> &'static [u8] {
        match self {
            Direction::Request => b"ponder-licensing/1 request\n",
            Direction::Answer => b"ponder-licensing/1 answer\n",
            Direction::Reservation => b"ponder-licensing/1 reservation\n",
        }
    }

    fn signed_bytes(self, payload: &str) -> Vec<u8> {
        [self.label(), payload.as_bytes()].concat()
    }
}

/// The outer object, not yet verified.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Envelope {
    version: u32,
    payload: String,
    signature: EnvelopeSignature,
}

/// The signature of an [`Envelope`].
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct EnvelopeSignature {
    algorithm: SignatureAlgorithm,
    value: String,
    certificates: Vec<String>,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
enum SignatureAlgorithm {
    #[serde(rename = "ecdsa-p256-sha256")]
    EcdsaP256Sha256,
}

// The payload may hold a registration token.
impl fmt::Debug for Envelope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Envelope")
            .field("version", &self.version)
            .field("payload", &"<secret>")
            .finish_non_exhaustive()
    }
}

impl Envelope {
    /// Reads the outer object. The version is looked at before anything else, so that a later version is told so.
    pub fn parse(bytes: &[u8]) -> Result<Envelope, MessageError> {
        if bytes.len() > MAX_MESSAGE_BYTES {
            return Err(MessageError::TooLarge { size: bytes.len() });
        }
        #[derive(Deserialize)]
        struct Versioned {
            version: u64,
        }
        let versioned: Versioned = parse_part("message", bytes)?;
        if versioned.version != u64::from(VERSION) {
            return Err(MessageError::Version {
                found: versioned.version,
            });
        }
        parse_part("message", bytes)
    }

    /// Signs a payload.
    pub(super) fn seal(
        direction: Direction,
        payload: String,
        key: &SigningKey,
        certificates: &[String],
    ) -> Result<Envelope, MessageError> {
        let value = key.sign(&direction.signed_bytes(&payload))?;
        Ok(Envelope {
            version: VERSION,
            payload,
            signature: EnvelopeSignature {
                algorithm: SignatureAlgorithm::EcdsaP256Sha256,
                value,
                certificates: certificates.to_vec(),
            },
        })
    }

    pub(super) fn to_bytes(&self) -> Result<Vec<u8>, MessageError> {
        let bytes = serde_json::to_vec(self).map_err(|error| malformed("message", &error))?;
        if bytes.len() > MAX_MESSAGE_BYTES {
            return Err(MessageError::TooLarge { size: bytes.len() });
        }
        Ok(bytes)
    }

    /// The request inside, before its signature is verified: the server needs its kind and product instance to know
    /// with what to verify it, and its nonce to refuse it.
    pub fn unverified_request(&self) -> Result<Request, MessageError> {
        Request::from_payload(&self.payload)
    }

    /// Verifies a request against a public key (an uncompressed P-256 point), as a `register` request carries it in
    /// its certificate request.
    pub fn verify_request_with_key(&self, public_key: &[u8]) -> Result<(), MessageError> {
        let signed = Direction::Request.signed_bytes(&self.payload);
        Ok(signature::verify(public_key, &signed, &self.signature.value)?)
    }

    /// The payload of what a server says, verified up to the licensing root.
    pub(super) fn verified(
        &self,
        direction: Direction,
        root: &TrustRoot,
        now: Timestamp,
    ) -> Result<&str, MessageError> {
        let signer = chain::verify_chain(&self.signature.certificates, root, Purpose::AnswerSigning, now)?;
        let signed = direction.signed_bytes(&self.payload);
        signature::verify(&signer.public_key, &signed, &self.signature.value)?;
        Ok(&self.payload)
    }

    /// The certificates of the signer, its own first.
    pub fn certificates(&self) -> &[String] {
        &self.signature.certificates
    }
}

pub(super) fn parse_part<T: DeserializeOwned>(part: &'static str, bytes: &[u8]) -> Result<T, MessageError> {
    serde_json::from_slice(bytes).map_err(|error| malformed(part, &error))
}

pub(super) fn malformed(part: &'static str, error: &serde_json::Error) -> MessageError {
    MessageError::Malformed {
        part,
        reason: error.to_string(),
    }
}
