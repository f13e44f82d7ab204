//! Seals what is private in the state folder, so that a copied file does not open without the key of this device.
//!
//! The key is behind [`SealKey`]: a file of its own by default, which keeps a record from being copied by mistake or from
//! a backup; a provider that asks a TPM keeps it from whoever can read the disk.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::state_dir::{replace, warn_if_open};

/// Name of the key's file in the state folder, unless the settings name another place.
pub const KEY_FILE: &str = "seal.key";

/// Length of a key.
pub const KEY_LENGTH: usize = 32;

/// Where the key comes from. It is asked for with every use, so that a provider need not leave it in memory.
pub trait SealKey: Send + Sync {
    /// Which provider; written beside what is sealed, so that another one says so instead of failing to open it.
    fn provider(&self) -> &'static str;

    /// The key.
    fn key(&self) -> Result<Zeroizing<[u8; KEY_LENGTH]>, SealError>;
}

/// Why something cannot be sealed or opened, in one line that tells no secret.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// The key's file cannot be read or written.
    #[error("seal key {path}: {cause}")]
    Unusable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        cause: io::Error,
    },
    /// The key's file holds no key.
    #[error(
        "{path} is no seal key: {} bytes in base64 are due; restore it from where it was copied",
        KEY_LENGTH
    )]
    NoKey {
        /// The file.
        path: PathBuf,
    },
    /// A provider cannot give the key.
    #[error("the {provider} key cannot be had: {reason}")]
    Provider {
        /// Which one.
        provider: &'static str,
        /// Why.
        reason: String,
    },
    /// A later version sealed it.
    #[error(
        "it is sealed in version {found}; this program opens version {}",
        Sealed::VERSION
    )]
    Version {
        /// Its version.
        found: u32,
    },
    /// Another provider sealed it.
    #[error("it is sealed with a key of provider {found:?}, and this device has one of {ours:?}")]
    OtherProvider {
        /// Whose key sealed it.
        found: String,
        /// Whose key is here.
        ours: &'static str,
    },
    /// It does not open: another key, or a changed byte.
    #[error("it does not open with this device's key: it was sealed on another device, or changed")]
    DoesNotOpen,
    /// The library refuses, which is a defect of ours.
    #[error("the crypto library refuses to {0}")]
    Library(&'static str),
}

/// A key in a file of the state folder, private to its owner.
pub struct FileSealKey {
    key: Zeroizing<[u8; KEY_LENGTH]>,
}

impl FileSealKey {
    /// Reads the key; `None` when there is no such file.
    pub fn read(file: &Path) -> Result<Option<FileSealKey>, SealError> {
        warn_if_open(file);
        let text = match fs::read_to_string(file) {
            Ok(text) => Zeroizing::new(text),
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(cause) => return Err(unusable(file)(cause)),
        };
        let no_key = || SealError::NoKey {
            path: file.to_owned(),
        };
        let bytes = Zeroizing::new(STANDARD.decode(text.trim()).map_err(|_| no_key())?);
        let key = bytes.as_slice().try_into().map_err(|_| no_key())?;
        Ok(Some(FileSealKey {
            key: Zeroizing::new(key),
        }))
    }

    /// Draws a key and writes it, private to its owner; it is on disk when this returns.
    pub fn make(file: &Path) -> Result<FileSealKey, SealError> {
        let mut key = Zeroizing::new([0; KEY_LENGTH]);
        aws_lc_rs::rand::fill(key.as_mut_slice()).map_err(|_| SealError::Library("draw a key"))?;
        let mut text = Zeroizing::new(STANDARD.encode(key.as_slice()));
        text.push('\n');
        replace(file, text.as_bytes()).map_err(unusable(file))?;
        Ok(FileSealKey { key })
    }
}

fn unusable(file: &Path) -> impl Fn(io::Error) -> SealError {
    let path = file.to_owned();
    move |cause| SealError::Unusable {
        path: path.clone(),
        cause,
    }
}

impl SealKey for FileSealKey {
    fn provider(&self) -> &'static str {
        "file"
    }

    fn key(&self) -> Result<Zeroizing<[u8; KEY_LENGTH]>, SealError> {
        Ok(self.key.clone())
    }
}

/// Something sealed, as it is written down.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Sealed {
    /// Version of this layout; [`Sealed::VERSION`].
    pub sealed: u32,
    /// Whose key sealed it.
    pub provider: String,
    /// AES-256-GCM with a nonce drawn for this one.
    nonce: String,
    /// In base64, the tag at its end.
    content: String,
}

impl Sealed {
    /// Version of the layout that this program writes and opens.
    pub const VERSION: u32 = 1;

    /// Seals something. `purpose` is not secret and has to be the same when it is opened: what was sealed for one file
    /// does not open as another.
    pub fn seal(plain: &[u8], purpose: &str, key: &dyn SealKey) -> Result<Sealed, SealError> {
        let mut nonce = [0; NONCE_LEN];
        aws_lc_rs::rand::fill(&mut nonce).map_err(|_| SealError::Library("draw a nonce"))?;
        let mut content = Vec::with_capacity(plain.len() + AES_256_GCM.tag_len());
        content.extend_from_slice(plain);
        let provider = key.provider();
        aead(key)?
            .seal_in_place_append_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(bound_to(purpose, provider)),
                &mut content,
            )
            .map_err(|_| SealError::Library("seal"))?;
        Ok(Sealed {
            sealed: Sealed::VERSION,
            provider: provider.to_owned(),
            nonce: STANDARD.encode(nonce),
            content: STANDARD.encode(content),
        })
    }

    /// Opens it again.
    pub fn open(&self, purpose: &str, key: &dyn SealKey) -> Result<Zeroizing<Vec<u8>>, SealError> {
        if self.sealed != Sealed::VERSION {
            return Err(SealError::Version { found: self.sealed });
        }
        if self.provider != key.provider() {
            return Err(SealError::OtherProvider {
                found: self.provider.clone(),
                ours: key.provider(),
            });
        }
        let decoded = |text: &str| STANDARD.decode(text).map_err(|_| SealError::DoesNotOpen);
        let nonce: [u8; NONCE_LEN] = decoded(&self.nonce)?
            .try_into()
            .map_err(|_| SealError::DoesNotOpen)?;
        let mut content = Zeroizing::new(decoded(&self.content)?);
        let opened = aead(key)?
            .open_in_place(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(bound_to(purpose, key.provider())),
                &mut content,
            )
            .map_err(|_| SealError::DoesNotOpen)?
            .len();
        content.truncate(opened);
        Ok(content)
    }
}

fn aead(key: &dyn SealKey) -> Result<LessSafeKey, SealError> {
    let key = key.key()?;
    let key =
        UnboundKey::new(&AES_256_GCM, key.as_slice()).map_err(|_| SealError::Library("take the key"))?;
    Ok(LessSafeKey::new(key))
}

fn bound_to(purpose: &str, provider: &str) -> Vec<u8> {
    format!("ponder sealed {} {provider} {purpose}", Sealed::VERSION).into_bytes()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    struct Tpm([u8; KEY_LENGTH]);

    impl SealKey for Tpm {
        fn provider(&self) -> &'static str {
            "tpm"
        }

        fn key(&self) -> Result<Zeroizing<[u8; KEY_LENGTH]>, SealError> {
            Ok(Zeroizing::new(self.0))
        }
    }

    #[test]
    fn what_is_sealed_opens_with_its_key_purpose_and_provider_alone() {
        let key = Tpm([7; KEY_LENGTH]);
        let sealed = Sealed::seal(b"a private key", "record", &key).unwrap();
        assert_eq!(sealed.open("record", &key).unwrap().as_slice(), b"a private key");
        let text = serde_json::to_string(&sealed).unwrap();
        assert!(!text.contains("private"), "{text}");
        let again = Sealed::seal(b"a private key", "record", &key).unwrap();
        assert_ne!(sealed, again, "two seals of the same tell nothing of it");

        let refused = |sealed: &Sealed, purpose: &str, key: &dyn SealKey| {
            sealed.open(purpose, key).unwrap_err().to_string()
        };
        assert!(refused(&sealed, "record", &Tpm([8; KEY_LENGTH])).contains("another device"));
        assert!(refused(&sealed, "other", &key).contains("does not open"));
        let folder = tempfile::tempdir().unwrap();
        let file = FileSealKey::make(&folder.path().join(KEY_FILE)).unwrap();
        assert_eq!(
            refused(&sealed, "record", &file),
            "it is sealed with a key of provider \"tpm\", and this device has one of \"file\""
        );
        let later = Sealed {
            sealed: 2,
            ..sealed.clone()
        };
        assert_eq!(
            refused(&later, "record", &key),
            "it is sealed in version 2; this program opens version 1"
        );
    }

    #[test]
    fn a_changed_byte_anywhere_is_noticed() {
        let key = Tpm([7; KEY_LENGTH]);
        let sealed = Sealed::seal(b"a private key", "record", &key).unwrap();
        let mut content = STANDARD.decode(&sealed.content).unwrap();
        for at in 0..content.len() {
            content[at] ^= 1;
            let changed = Sealed {
                content: STANDARD.encode(&content),
                ..sealed.clone()
            };
            assert!(changed.open("record", &key).is_err(), "byte {at}");
            content[at] ^= 1;
        }
        for wrong in ["", "AAAA", "not base64"] {
            let changed = Sealed {
                nonce: wrong.to_owned(),
                ..sealed.clone()
            };
            assert!(changed.open("record", &key).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn the_key_is_made_once_private_and_kept() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(KEY_FILE);
        assert!(FileSealKey::read(&file).unwrap().is_none());
        let first = FileSealKey::make(&file).unwrap().key().unwrap();
        let read = || FileSealKey::read(&file).map(Option::unwrap);
        assert_eq!(*read().unwrap().key().unwrap(), *first);
        let mode = fs::metadata(&file).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        for wrong in ["", "AAAA\n", "not base64\n"] {
            fs::write(&file, wrong).unwrap();
            let refused = read().err().unwrap().to_string();
            assert!(refused.contains("seal.key is no seal key"), "{refused}");
        }
        let nowhere = folder.path().join("nowhere").join(KEY_FILE);
        let refused = FileSealKey::make(&nowhere).err().unwrap().to_string();
        assert!(refused.contains("nowhere/seal.key: No such file"), "{refused}");
    }
}
