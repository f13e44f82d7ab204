//! The host keys: made at the first start, kept in the state folder ever after.

use crate::app::start_error::StartError;
use crate::state_dir::StateDir;
use crate::transport::host_key::{HostKey, HostKeyKind};

const FILES: [(&str, HostKeyKind); 2] = [
    ("host_key_ed25519", HostKeyKind::Ed25519),
    ("host_key_ecdsa", HostKeyKind::EcdsaP256),
];

/// Reads the host keys, making those that are missing.
pub fn host_keys(state: &StateDir) -> Result<Vec<HostKey>, StartError> {
    FILES
        .iter()
        .map(|(file, kind)| host_key(state, file, *kind))
        .collect()
}

fn host_key(state: &StateDir, file: &str, kind: HostKeyKind) -> Result<HostKey, StartError> {
    let wrong = |cause| StartError::HostKey {
        path: state.file(file),
        cause,
    };
    if let Some(text) = state.read(file)? {
        return HostKey::from_openssh(&text).map_err(wrong);
    }
    let key = HostKey::generate(kind).map_err(wrong)?;
    state.write(file, key.to_openssh().map_err(wrong)?.as_bytes())?;
    tracing::info!(fingerprint = key.fingerprint(), "made a host key");
    Ok(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn host_keys_are_made_once_and_kept() {
        let folder = tempfile::tempdir().unwrap();
        let state = StateDir::open(folder.path()).unwrap();
        let fingerprints = |state: &StateDir| -> Vec<String> {
            host_keys(state)
                .unwrap()
                .iter()
                .map(HostKey::fingerprint)
                .collect()
        };
        assert_eq!(fingerprints(&state), fingerprints(&state));
    }

    #[test]
    fn a_broken_host_key_is_named_and_not_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let state = StateDir::open(folder.path()).unwrap();
        state.write("host_key_ed25519", b"nonsense").unwrap();
        let refused = host_keys(&state).unwrap_err().to_string();
        assert!(refused.contains("host_key_ed25519"), "{refused}");
        assert_eq!(
            state.read("host_key_ed25519").unwrap().as_deref(),
            Some("nonsense")
        );
    }
}
