//! Where the figures were made: machine, system, versions.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::clock::today;

/// One line of Markdown a fact.
pub fn description(storage: &Path) -> String {
    let commit = said("git", &["rev-parse", "--short", "HEAD"]);
    let changed = !said("git", &["status", "--porcelain", "--", "src", "Cargo.lock"]).is_empty();
    let facts = [
        ("date", today()),
        (
            "commit",
            format!("{commit}{}", if changed { " with changes" } else { "" }),
        ),
        ("processor", format!("{}, {} cores", processor(), cores())),
        ("memory", memory()),
        (
            "system",
            format!("Linux {}, load average at the start {}", kernel(), load()),
        ),
        (
            "storage",
            format!(
                "{}, fdatasync of a record {}",
                filesystem(storage),
                crate::disk::shown(storage)
            ),
        ),
        (
            "rustc",
            said("rustc", &["--version"])
                .trim_start_matches("rustc ")
                .to_owned(),
        ),
        ("crates", crates()),
    ];
    facts
        .iter()
        .map(|(name, fact)| format!("- {name}: {fact}\n"))
        .collect()
}

fn said(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program)
        .args(arguments)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output();
    output.map_or(String::new(), |output| {
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    })
}

fn line_of(file: &str, key: &str) -> String {
    let text = fs::read_to_string(file).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix(key));
    line.and_then(|line| line.split_once(':'))
        .map_or("unknown".to_owned(), |(_, value)| value.trim().to_owned())
}

fn processor() -> String {
    line_of("/proc/cpuinfo", "model name")
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(0, usize::from)
}

fn memory() -> String {
    let kilobytes = line_of("/proc/meminfo", "MemTotal")
        .trim_end_matches(" kB")
        .parse::<u64>();
    kilobytes.map_or("unknown".to_owned(), |kilobytes| {
        format!("{} GB", kilobytes.div_ceil(1_000_000))
    })
}

fn kernel() -> String {
    fs::read_to_string("/proc/sys/kernel/osrelease")
        .unwrap_or_default()
        .trim()
        .to_owned()
}

fn load() -> String {
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    load.split_whitespace().next().unwrap_or("unknown").to_owned()
}

/// The kind of file system that a folder is on.
fn filesystem(folder: &Path) -> String {
    let mounts = fs::read_to_string("/proc/self/mounts").unwrap_or_default();
    let mut best = ("", "unknown");
    for mount in mounts.lines() {
        let mut words = mount.split_whitespace().skip(1);
        if let (Some(place), Some(kind)) = (words.next(), words.next())
            && folder.starts_with(place)
            && place.len() >= best.0.len()
        {
            best = (place, kind);
        }
    }
    best.1.to_owned()
}

fn crates() -> String {
    let lock = include_str!("../../Cargo.lock");
    let version = |name: &str| {
        let at = lock
            .split("\n[[package]]\n")
            .find(|package| package.starts_with(&format!("name = \"{name}\"\n")));
        let line = at.and_then(|package| package.lines().nth(1)).unwrap_or("");
        format!(
            "{name} {}",
            line.trim_start_matches("version = ").trim_matches('"')
        )
    };
    ["ponder", "yang5", "libyang5-sys", "russh", "tokio", "quick-xml"]
        .map(version)
        .join(", ")
}
