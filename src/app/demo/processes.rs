//! Starts `ponder` itself as other processes, reads their ready line and ends them.

use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context, bail, ensure};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

/// How the demo starts other processes.
pub(super) struct Programs {
    executable: PathBuf,
    folder: PathBuf,
}

impl Programs {
    pub(super) fn new(folder: &Path) -> anyhow::Result<Programs> {
        let executable = std::env::current_exe().context("finding this program")?;
        Ok(Programs {
            executable,
            folder: folder.to_owned(),
        })
    }

    /// Starts a subcommand that stays, its log in a file of the demo's folder, and waits for its ready line.
    pub(super) async fn start(&self, line: &[&str], log: &str) -> anyhow::Result<(Child, String)> {
        let log_path = self.folder.join(log);
        let log_file = std::fs::File::create(&log_path)?;
        let mut child = Command::new(&self.executable)
            .args(line)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log_file)
            .process_group(0)
            .kill_on_drop(true)
            .spawn()?;
        let output = child
            .stdout
            .take()
            .context("the output of a process just started")?;
        let mut lines = BufReader::new(output).lines();
        match lines.next_line().await? {
            Some(ready) if ready.starts_with("ready ") => Ok((child, ready)),
            _ => {
                let told = std::fs::read_to_string(&log_path).unwrap_or_default();
                bail!("`ponder {}` did not start:\n{told}", line.first().unwrap_or(&""));
            }
        }
    }

    /// Runs a subcommand that ends; its output.
    pub(super) async fn run(&self, line: &[&str]) -> anyhow::Result<String> {
        let output = Command::new(&self.executable)
            .args(line)
            .stdin(Stdio::null())
            .output()
            .await?;
        ensure!(
            output.status.success(),
            "`ponder {}` failed: {}",
            line.join(" "),
            String::from_utf8_lossy(&output.stderr)
        );
        Ok(String::from_utf8_lossy(&output.stdout).trim_end().to_owned())
    }
}

/// The address behind `name=` in a ready line.
pub(super) fn address<'l>(ready: &'l str, name: &str) -> anyhow::Result<&'l str> {
    ready
        .split_whitespace()
        .find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))
        .with_context(|| format!("no {name}= in {ready:?}"))
}

/// Ends a process with SIGTERM and holds it to a clean end.
pub(super) async fn stop(mut child: Child, name: &str) -> anyhow::Result<()> {
    let id = child
        .id()
        .and_then(|id| rustix::process::Pid::from_raw(id.cast_signed()));
    if let Some(id) = id {
        rustix::process::kill_process(id, rustix::process::Signal::TERM)?;
    }
    let status = child.wait().await?;
    ensure!(status.success(), "{name} ended with {status}");
    Ok(())
}

/// Writes a file that only this user may read.
pub(super) fn write_private(path: &Path, content: &[u8]) -> std::io::Result<()> {
    std::fs::OpenOptions::new()
        .create_new(true)
        .write(true)
        .mode(0o600)
        .open(path)?
        .write_all(content)
}
