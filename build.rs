//! Embeds the YANG modules: ours from `yang/`, the IETF ones from the pinned pyang in the venv, by digest.

use std::env;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

fn main() {
    if let Err(message) = embed() {
        println!("cargo::error={message}");
        std::process::exit(1);
    }
}

fn embed() -> Result<(), String> {
    let root = PathBuf::from(env::var("CARGO_MANIFEST_DIR").map_err(|e| e.to_string())?);
    let out = PathBuf::from(env::var("OUT_DIR").map_err(|e| e.to_string())?);
    let ours = root.join("yang");
    let manifest = ours.join("ietf.sha256");
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=yang");
    println!("cargo::rerun-if-env-changed=PONDER_VENV");

    let mut modules = Vec::new();
    let mut names: Vec<PathBuf> = fs::read_dir(&ours)
        .map_err(|e| format!("{}: {e}", ours.display()))?
        .filter_map(|entry| entry.ok().map(|e| e.path()))
        .filter(|path| path.extension().is_some_and(|e| e == "yang"))
        .collect();
    names.sort();
    for path in names {
        println!("cargo::rerun-if-changed={}", path.display());
        let text = fs::read_to_string(&path).map_err(|e| format!("{}: {e}", path.display()))?;
        modules.push((describe(&text, &path)?, path));
    }
    modules.extend(ietf_modules(&root, &manifest)?);

    let mut code =
        String::from("/// Every embedded module and submodule.\nstatic EMBEDDED: &[Embedded] = &[\n");
    for (header, path) in &modules {
        writeln!(
            code,
            "    Embedded {{ name: {:?}, revision: {:?}, belongs_to: {:?}, text: include_str!({:?}) }},",
            header.name,
            header.revision,
            header.belongs_to,
            path.display().to_string(),
        )
        .map_err(|e| e.to_string())?;
    }
    code.push_str("];\n");
    fs::write(out.join("embedded_modules.rs"), code).map_err(|e| e.to_string())
}

/// The IETF modules that the manifest lists, from the venv, each checked against its digest.
fn ietf_modules(root: &Path, manifest: &Path) -> Result<Vec<(Header, PathBuf)>, String> {
    let venv = match env::var_os("PONDER_VENV") {
        Some(folder) => root.join(folder),
        None => root.join(".venv"),
    };
    let folder = venv.join("share/yang/modules/ietf");
    if !folder.is_dir() {
        return Err(format!(
            "the IETF YANG modules are not in {}: run `make venv` first (PONDER_VENV names another folder)",
            folder.display()
        ));
    }
    let listed = fs::read_to_string(manifest).map_err(|e| format!("{}: {e}", manifest.display()))?;
    let mut modules = Vec::new();
    for line in listed.lines() {
        let mut columns = line.split_whitespace();
        let (Some(digest), Some(file)) = (columns.next(), columns.next()) else {
            continue;
        };
        let path = folder.join(file);
        println!("cargo::rerun-if-changed={}", path.display());
        let bytes = fs::read(&path).map_err(|e| {
            format!(
                "{}: {e}: run `make venv` to install the pinned modules",
                path.display()
            )
        })?;
        let found = Sha256::digest(&bytes)
            .iter()
            .fold(String::new(), |mut text, byte| {
                let _ = write!(text, "{byte:02x}");
                text
            });
        if found != digest {
            return Err(format!(
                "{} has SHA-256 {found}, yang/ietf.sha256 wants {digest}: run `make venv` to install the pinned modules",
                path.display()
            ));
        }
        let text = String::from_utf8(bytes).map_err(|e| format!("{}: {e}", path.display()))?;
        modules.push((describe(&text, &path)?, path));
    }
    Ok(modules)
}

/// What the first lines of a module say.
struct Header {
    name: String,
    revision: Option<String>,
    belongs_to: Option<String>,
}

/// Reads the name, the newest revision and, of a submodule, its module.
fn describe(text: &str, path: &Path) -> Result<Header, String> {
    let mut header = Header {
        name: String::new(),
        revision: None,
        belongs_to: None,
    };
    for line in text.lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        let (Some(keyword), Some(argument)) = (words.first(), words.get(1)) else {
            continue;
        };
        let argument = argument.trim_matches(['"', '\'', ';', '{']);
        match *keyword {
            "module" | "submodule" if header.name.is_empty() => header.name = argument.to_owned(),
            "belongs-to" if header.belongs_to.is_none() => header.belongs_to = Some(argument.to_owned()),
            "revision" if is_date(argument) && header.revision.as_deref() < Some(argument) => {
                header.revision = Some(argument.to_owned());
            }
            _ => {}
        }
    }
    // The word also begins lines of prose in descriptions.
    if !text.trim_start().starts_with("submodule") {
        header.belongs_to = None;
    }
    if path.file_stem().and_then(|s| s.to_str()) != Some(header.name.as_str()) {
        return Err(format!(
            "{}: the file is not named after its module {:?}",
            path.display(),
            header.name
        ));
    }
    Ok(header)
}

fn is_date(text: &str) -> bool {
    text.len() == 10 && text.bytes().all(|b| b.is_ascii_digit() || b == b'-')
}
