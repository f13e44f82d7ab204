//! The key by which clients recognise this server.

use russh::keys::ssh_key::LineEnding;
use russh::keys::{Algorithm, EcdsaCurve, HashAlg, PrivateKey};
use zeroize::Zeroizing;

use crate::transport::error::TransportError;

/// The kinds of host key that can be made.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum HostKeyKind {
    /// What every client of today prefers.
    Ed25519,
    /// For clients that know nothing newer: NIST P-256.
    EcdsaP256,
}

/// A private host key. `Debug` shows the fingerprint alone.
#[derive(Clone)]
pub struct HostKey {
    key: PrivateKey,
}

impl HostKey {
    /// Makes a new key.
    pub fn generate(kind: HostKeyKind) -> Result<HostKey, TransportError> {
        let algorithm = match kind {
            HostKeyKind::Ed25519 => Algorithm::Ed25519,
            HostKeyKind::EcdsaP256 => Algorithm::Ecdsa {
                curve: EcdsaCurve::NistP256,
            },
        };
        let key = PrivateKey::random(&mut rand::rng(), algorithm).map_err(host_key_error)?;
        Ok(HostKey { key })
    }

    /// Reads a key that [`HostKey::to_openssh`] or `ssh-keygen` wrote, without passphrase.
    pub fn from_openssh(text: &str) -> Result<HostKey, TransportError> {
        let key = PrivateKey::from_openssh(text).map_err(host_key_error)?;
        if key.algorithm().is_rsa() {
            let reason = "RSA is not used for host keys: make one with ssh-keygen -t ed25519";
            return Err(TransportError::HostKey(reason.to_owned()));
        }
        if key.is_encrypted() {
            return Err(TransportError::HostKey(
                "it has a passphrase, which nobody could type".to_owned(),
            ));
        }
        Ok(HostKey { key })
    }

    /// The private key as text for a file that only its owner may read.
    pub fn to_openssh(&self) -> Result<Zeroizing<String>, TransportError> {
        self.key.to_openssh(LineEnding::LF).map_err(host_key_error)
    }

    /// The public key as it stands in a known_hosts file, without the host.
    pub fn public_openssh(&self) -> Result<String, TransportError> {
        self.key.public_key().to_openssh().map_err(host_key_error)
    }

    /// `SHA256:…`, what OpenSSH asks a user to compare.
    pub fn fingerprint(&self) -> String {
        self.key.fingerprint(HashAlg::Sha256).to_string()
    }

    pub(crate) fn into_key(self) -> PrivateKey {
        self.key
    }
}

impl std::fmt::Debug for HostKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "HostKey({})", self.fingerprint())
    }
}

fn host_key_error(error: russh::keys::ssh_key::Error) -> TransportError {
    TransportError::HostKey(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::{HostKey, HostKeyKind};

    #[test]
    fn a_key_survives_being_written_and_read() {
        for kind in [HostKeyKind::Ed25519, HostKeyKind::EcdsaP256] {
            let key = HostKey::generate(kind).unwrap();
            let text = key.to_openssh().unwrap();
            assert!(text.starts_with("-----BEGIN OPENSSH PRIVATE KEY-----\n"));
            let again = HostKey::from_openssh(&text).unwrap();
            assert_eq!(again.fingerprint(), key.fingerprint());
        }
    }

    #[test]
    fn nothing_secret_is_shown_in_debug_output() {
        let key = HostKey::generate(HostKeyKind::Ed25519).unwrap();
        assert_eq!(format!("{key:?}"), format!("HostKey({})", key.fingerprint()));
    }

    #[test]
    fn text_that_is_no_key_is_refused() {
        let error = HostKey::from_openssh("hello").unwrap_err().to_string();
        assert!(error.starts_with("host key: "), "{error}");
    }
}
