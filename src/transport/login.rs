//! Who may come in: public keys as OpenSSH writes them, passwords as argon2 hashes.

use std::collections::BTreeMap;
use std::fmt;

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use russh::keys::{Algorithm, HashAlg, PublicKey};

use crate::transport::error::TransportError;

/// Decides about logins. Calls come from threads that may compute for a while.
pub trait Login: Send + Sync {
    /// Whether this user may log in with this key. Asked before the client has shown that it owns the key, and again
    /// after.
    fn publickey(&self, user: &str, key: &UserKey) -> bool;

    /// Whether this is the user's password. Should take as long for an unknown user as for a wrong password.
    fn password(&self, user: &str, password: &str) -> bool;

    /// Whether anybody has a password, so that clients are not asked for one in vain.
    fn takes_passwords(&self) -> bool;
}

/// A user's public key; two are equal when their key material is, whatever their comments say.
#[derive(Clone)]
pub struct UserKey {
    key: PublicKey,
}

impl UserKey {
    /// `SHA256:…`, for logs.
    pub fn fingerprint(&self) -> String {
        self.key.fingerprint(HashAlg::Sha256).to_string()
    }

    pub(crate) fn new(key: PublicKey) -> UserKey {
        UserKey { key }
    }
}

impl PartialEq for UserKey {
    fn eq(&self, other: &UserKey) -> bool {
        self.key.key_data() == other.key.key_data()
    }
}

impl Eq for UserKey {}

impl fmt::Debug for UserKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "UserKey({})", self.fingerprint())
    }
}

/// Options of an authorized_keys line that take nothing away that this server would give.
const HARMLESS_OPTIONS: &[&str] = &[
    "restrict",
    "no-agent-forwarding",
    "no-port-forwarding",
    "no-pty",
    "no-user-rc",
    "no-x11-forwarding",
];

/// Reads the text of an authorized_keys file. A line with an option that would have to be enforced (`from=`,
/// `expiry-time=`, `command=` …) is refused, for ignoring it would let in more than its author meant to.
pub fn parse_authorized_keys(text: &str) -> Result<Vec<UserKey>, TransportError> {
    let mut keys = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let refused = |reason: String| TransportError::AuthorizedKeys {
            line: index + 1,
            reason,
        };
        let (options, key) = split_options(line);
        if let Some(option) = options.iter().find(|option| !is_harmless(option)) {
            let name = option.split('=').next().unwrap_or(option);
            return Err(refused(format!("option {name} is not supported")));
        }
        let key = PublicKey::from_openssh(key)
            .map_err(|error| refused(format!("not a public key as ssh-keygen writes it: {error}")))?;
        keys.push(UserKey::new(key));
    }
    Ok(keys)
}

/// Options, if any, and the rest of the line. Options end at the first space outside quotes.
fn split_options(line: &str) -> (Vec<&str>, &str) {
    let first_word = line.split(char::is_whitespace).next().unwrap_or_default();
    if first_word.parse::<Algorithm>().is_ok() {
        return (Vec::new(), line);
    }
    let mut options = Vec::new();
    let mut from = 0;
    let mut quoted = false;
    for (at, letter) in line.char_indices() {
        match letter {
            '"' => quoted = !quoted,
            ',' if !quoted => {
                options.push(line.get(from..at).unwrap_or_default());
                from = at + 1;
            }
            ' ' | '\t' if !quoted => {
                options.push(line.get(from..at).unwrap_or_default());
                return (options, line.get(at..).unwrap_or_default().trim_start());
            }
            _ => {}
        }
    }
    (Vec::new(), line)
}

fn is_harmless(option: &str) -> bool {
    HARMLESS_OPTIONS.contains(&option.to_ascii_lowercase().as_str())
}

/// The hash of a password for the settings file, with a fresh salt.
pub fn hash_password(password: &str) -> Result<String, TransportError> {
    Argon2::default()
        .hash_password(password.as_bytes())
        .map(|hash| hash.to_string())
        .map_err(|error| TransportError::PasswordHash {
            reason: error.to_string(),
        })
}

#[derive(Default)]
struct User {
    keys: Vec<UserKey>,
    password: Option<PasswordHash>,
}

/// The users of the settings.
#[derive(Default)]
pub struct Users {
    users: BTreeMap<String, User>,
    /// Checked in vain for users without a password, so that their absence does not show in the time it takes.
    decoy: Option<PasswordHash>,
}

impl Users {
    /// Nobody.
    pub fn new() -> Users {
        Users::default()
    }

    /// Lets a user in with these keys too.
    pub fn add_keys(&mut self, user: &str, keys: impl IntoIterator<Item = UserKey>) {
        self.users.entry(user.to_owned()).or_default().keys.extend(keys);
    }

    /// Lets a user in with the password of this argon2 hash, `$argon2id$…`.
    pub fn set_password_hash(&mut self, user: &str, hash: &str) -> Result<(), TransportError> {
        let refused = |reason: String| TransportError::PasswordHash { reason };
        let hash = PasswordHash::new(hash.trim())
            .map_err(|error| refused(format!("not a hash as `ponder hash-password` prints it: {error}")))?;
        if !hash.algorithm.as_str().starts_with("argon2") {
            return Err(refused(format!("{} is not argon2", hash.algorithm)));
        }
        if hash.salt.is_none() || hash.hash.is_none() {
            return Err(refused("salt or hash is missing".to_owned()));
        }
        self.decoy.get_or_insert_with(|| hash.clone());
        self.users.entry(user.to_owned()).or_default().password = Some(hash);
        Ok(())
    }
}

impl Login for Users {
    fn publickey(&self, user: &str, key: &UserKey) -> bool {
        self.users.get(user).is_some_and(|user| user.keys.contains(key))
    }

    fn password(&self, user: &str, password: &str) -> bool {
        let own = self.users.get(user).and_then(|user| user.password.as_ref());
        let Some(hash) = own.or(self.decoy.as_ref()) else {
            return false;
        };
        let fits = Argon2::default()
            .verify_password(password.as_bytes(), hash)
            .is_ok();
        fits && own.is_some()
    }

    fn takes_passwords(&self) -> bool {
        self.decoy.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::{Login, Users, hash_password, parse_authorized_keys};
    use crate::transport::host_key::{HostKey, HostKeyKind};

    fn public_line(kind: HostKeyKind) -> String {
        HostKey::generate(kind).unwrap().public_openssh().unwrap()
    }

    #[test]
    fn keys_are_read_whatever_stands_around_them() {
        let ed25519 = public_line(HostKeyKind::Ed25519);
        let ecdsa = public_line(HostKeyKind::EcdsaP256);
        let text = format!("# admins\n\n{ed25519} alice@desk # 1\r\nrestrict,no-pty {ecdsa}\n");
        let keys = parse_authorized_keys(&text).unwrap();
        assert_eq!(keys.len(), 2);
        assert_eq!(keys[0], parse_authorized_keys(&ed25519).unwrap()[0]);
    }

    #[test]
    fn an_option_that_would_have_to_be_enforced_is_refused() {
        let text = format!("\nfrom=\"10.0.0.1\" {}", public_line(HostKeyKind::Ed25519));
        assert_eq!(
            parse_authorized_keys(&text).unwrap_err().to_string(),
            "authorized keys, line 2: option from is not supported"
        );
    }

    #[test]
    fn a_line_that_is_no_key_is_refused_with_its_number() {
        let error = parse_authorized_keys("# ok\nssh-ed25519 AAAA")
            .unwrap_err()
            .to_string();
        assert!(error.starts_with("authorized keys, line 2: "), "{error}");
    }

    #[test]
    fn a_key_lets_in_its_user_alone() {
        let text = public_line(HostKeyKind::Ed25519);
        let key = parse_authorized_keys(&text).unwrap().remove(0);
        let mut users = Users::new();
        users.add_keys("alice", [key.clone()]);
        assert!(users.publickey("alice", &key));
        assert!(!users.publickey("bob", &key));
        let other = parse_authorized_keys(&public_line(HostKeyKind::Ed25519))
            .unwrap()
            .remove(0);
        assert!(!users.publickey("alice", &other));
        assert!(!users.takes_passwords());
    }

    #[test]
    fn a_password_lets_in_its_user_alone() {
        let mut users = Users::new();
        users
            .set_password_hash("alice", &hash_password("secret").unwrap())
            .unwrap();
        users.add_keys("bob", []);
        assert!(users.password("alice", "secret"));
        assert!(!users.password("alice", "Secret"));
        assert!(!users.password("bob", "secret"));
        assert!(!users.password("nobody", "secret"));
    }

    #[test]
    fn a_hash_of_another_kind_is_refused_without_being_shown() {
        let mut users = Users::new();
        let error = users
            .set_password_hash("alice", "$6$salt$hunter2")
            .unwrap_err()
            .to_string();
        assert!(error.starts_with("password-hash: "), "{error}");
        assert!(!error.contains("hunter2"));
    }
}
