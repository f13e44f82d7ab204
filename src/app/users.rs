//! Who may log in: the users of the settings and of the command line.

use std::fs;
use std::io::{self, Read};
use std::path::Path;

use zeroize::Zeroizing;

use crate::app::settings::UserSettings;
use crate::app::start_error::StartError;
use crate::transport::login::{UserKey, Users, hash_password, parse_authorized_keys};

/// Reads keys and hashes of all users; the first thing that is wrong ends the start.
pub fn users(settings: &[UserSettings]) -> Result<Users, StartError> {
    let mut users = Users::new();
    for user in settings {
        let wrong = |cause| StartError::User {
            user: user.name.clone(),
            cause,
        };
        if let Some(path) = &user.authorized_keys_file {
            users.add_keys(&user.name, keys_of_file(path)?);
        }
        let listed = parse_authorized_keys(&user.authorized_keys.join("\n")).map_err(wrong)?;
        users.add_keys(&user.name, listed);
        if let Some(hash) = &user.password_hash {
            users.set_password_hash(&user.name, hash).map_err(wrong)?;
        }
    }
    Ok(users)
}

fn keys_of_file(path: &Path) -> Result<Vec<UserKey>, StartError> {
    let text = fs::read_to_string(path).map_err(|cause| StartError::Unreadable {
        what: "authorized keys file",
        path: path.to_owned(),
        cause,
    })?;
    if text.trim_start().starts_with("-----BEGIN") {
        return Err(StartError::PrivateKey {
            path: path.to_owned(),
        });
    }
    let keys = parse_authorized_keys(&text).map_err(|cause| StartError::AuthorizedKeysFile {
        path: path.to_owned(),
        cause,
    })?;
    if keys.is_empty() {
        return Err(StartError::NoKeys {
            path: path.to_owned(),
        });
    }
    Ok(keys)
}

/// Reads a password from standard input, a line end at its end left out, and gives its hash.
pub fn hash_of_standard_input() -> anyhow::Result<String> {
    let mut password = Zeroizing::new(String::new());
    io::stdin().read_to_string(&mut password)?;
    let password = password.strip_suffix('\n').unwrap_or(&password);
    anyhow::ensure!(!password.is_empty(), "no password on standard input");
    Ok(hash_password(password)?)
}
