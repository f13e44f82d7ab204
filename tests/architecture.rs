//! Keeps the walls of `src/ARCHITECTURE.md`: who may know whom, which crate lives where, what a file looks like.

#![allow(clippy::unwrap_used)] // a test may stop at what it did not expect

use std::fs;
use std::path::{Path, PathBuf};

/// Room, and the rooms (or files of rooms) that it may name. `app`, `main` and `lib` may know everybody.
const MAY_KNOW: &[(&str, &[&str])] = &[
    ("transport", &["netconf", "management"]),
    ("netconf", &["management", "yang"]),
    ("management", &["datastore", "yang"]),
    ("datastore", &["yang"]),
    ("yang", &[]),
    ("device", &[]),
    ("licensing", &["device::inventory", "device::optics"]),
    (
        "ssm",
        &[
            "licensing::message",
            "licensing::signature",
            "licensing::secret",
            "licensing::catalogue",
            "state_dir",
        ],
    ),
    ("state_dir", &[]),
];

/// Rooms without runtime, sockets, files and clocks, and the files in them that are let off.
const PURE: &[(&str, &[&str])] = &[
    ("yang", &[]),
    ("netconf", &[]),
    ("management", &[]),
    ("datastore", &["datastore/storage.rs"]),
    ("device", &[]),
    ("licensing", &[]),
];

const IMPURE: &[&str] = &[
    "tokio::",
    "std::net",
    "std::fs",
    "std::thread",
    "SystemTime",
    "Instant::now",
    "Timestamp::now",
    "Zoned::now",
];

/// A crate, and where it may be named.
const WALLED: &[(&str, &[&str])] = &[
    ("libyang5_sys", &["yang/"]),
    ("yang5::", &["yang/"]),
    ("russh::", &["transport/"]),
    ("sqlx::", &["ssm/store"]),
    ("axum::", &["ssm/http", "ssm/crl"]),
    ("axum_server::", &["ssm/http"]),
    ("reqwest::", &["app/"]),
    ("rustls::", &["app/", "ssm/http", "ssm/run", "transport/tls_"]),
    ("tokio_rustls::", &["app/syslog", "transport/tls_"]),
    ("rcgen::", &["licensing/signature", "ssm/ca"]),
    (
        "x509_parser::",
        &[
            "licensing/signature",
            "ssm/ca",
            "app/revocation",
            "transport/client_certificate",
        ],
    ),
    ("quick_xml::", &["netconf/", "yang/"]),
    ("toml::", &["app/", "device/chassis"]),
    ("clap::", &["main.rs", "app/"]),
    ("unsafe ", &["yang/"]),
];

struct Source {
    name: String,
    code: String,
}

/// Every Rust file below `src`: name below it, text before the tests, comment lines left out.
fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    walk(&root, &mut found);
    found
        .into_iter()
        .map(|path| {
            let text = fs::read_to_string(&path).unwrap();
            let code = text
                .split("#[cfg(test)]\nmod ")
                .next()
                .unwrap_or_default()
                .to_owned();
            Source {
                name: path.strip_prefix(&root).unwrap().to_string_lossy().into_owned(),
                code,
            }
        })
        .collect()
}

fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            walk(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

fn statements(source: &Source) -> impl Iterator<Item = &str> {
    source
        .code
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
}

/// A folder of `src`, or a file beside them.
fn room(source: &Source) -> &str {
    source.name.split(['/', '.']).next().unwrap_or_default()
}

fn report(problems: Vec<String>) {
    assert!(problems.is_empty(), "\n{}", problems.join("\n"));
}

#[test]
fn a_room_knows_only_the_rooms_it_may() {
    let mut problems = Vec::new();
    for source in sources() {
        let Some((_, allowed)) = MAY_KNOW.iter().find(|(name, _)| *name == room(&source)) else {
            continue;
        };
        for line in statements(&source) {
            for named in line.split("crate::").skip(1) {
                let own = named.starts_with(room(&source));
                if !own && !allowed.iter().any(|allowed| named.starts_with(allowed)) {
                    problems.push(format!("src/{}: {}", source.name, line.trim()));
                }
            }
        }
    }
    report(problems);
}

#[test]
fn every_room_is_in_the_table() {
    let mut problems = Vec::new();
    for source in sources() {
        let known = MAY_KNOW.iter().any(|(name, _)| *name == room(&source));
        if !known && !["app", "lib", "main"].contains(&room(&source)) {
            problems.push(format!("src/{} is in no room of MAY_KNOW", source.name));
        }
    }
    report(problems);
}

#[test]
fn pure_rooms_have_no_runtime_no_sockets_no_files_and_no_clocks() {
    let mut problems = Vec::new();
    for source in sources() {
        let Some((_, let_off)) = PURE.iter().find(|(name, _)| *name == room(&source)) else {
            continue;
        };
        if let_off.contains(&source.name.as_str()) {
            continue;
        }
        for line in statements(&source) {
            if IMPURE.iter().any(|word| line.contains(word)) {
                problems.push(format!("src/{}: {}", source.name, line.trim()));
            }
        }
    }
    report(problems);
}

#[test]
fn a_walled_crate_stays_behind_its_wall() {
    let mut problems = Vec::new();
    for source in sources() {
        for (name, homes) in WALLED {
            if homes.iter().any(|home| source.name.starts_with(home)) {
                continue;
            }
            for line in statements(&source) {
                let mut at = 0;
                while let Some(found) = line[at..].find(name) {
                    let before = line[..at + found].chars().next_back();
                    if !before.is_some_and(|letter| letter.is_alphanumeric() || letter == '_') {
                        problems.push(format!("src/{}: {}", source.name, line.trim()));
                    }
                    at += found + name.len();
                }
            }
        }
    }
    report(problems);
}

#[test]
fn a_file_begins_with_one_sentence_about_itself() {
    let mut problems = Vec::new();
    for source in sources() {
        let first = source.code.lines().next().unwrap_or_default();
        if !first.starts_with("//! ")
            || !(first.ends_with('.') || first.ends_with(':') || first.ends_with(','))
        {
            problems.push(format!("src/{}: {first:?}", source.name));
        }
    }
    report(problems);
}

#[test]
fn a_file_has_at_most_600_lines_before_its_tests() {
    let long = sources()
        .into_iter()
        .filter(|source| source.code.lines().count() > 600)
        .map(|source| format!("src/{}: {} lines", source.name, source.code.lines().count()));
    report(long.collect());
}
