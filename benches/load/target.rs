//! A server under load: Ponder as it is shipped, or netconfd behind sshd.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, bail};
use ponder::transport::host_key::{HostKey, HostKeyKind};
use ponder::transport::netconf_client::{ClientError, NetconfClient};

/// Which server.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// `ponder agent`, release build.
    Ponder,
    /// Debian's netconfd, each session through sshd and netconf-subsystem.
    Netconfd,
}

impl Kind {
    /// For headings and messages.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Ponder => "ponder",
            Kind::Netconfd => "netconfd",
        }
    }
}

/// A folder with keys where servers are started, one after the other.
pub struct Stage {
    kind: Kind,
    folder: tempfile::TempDir,
    key: String,
    modules: PathBuf,
    runs: u32,
}

/// A server that runs; it ends with this value.
pub struct Server {
    address: SocketAddr,
    user: &'static str,
    key: String,
    processes: Vec<Child>,
}

impl Stage {
    /// On a folder below `target/`, which is on a disk where the rest of the build is.
    pub fn set(kind: Kind, modules: &Path) -> anyhow::Result<Stage> {
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
        let key = HostKey::generate(HostKeyKind::Ed25519)?;
        fs::write(folder.path().join("authorized_keys"), key.public_openssh()?)?;
        private(
            &folder.path().join("host_key"),
            &HostKey::generate(HostKeyKind::Ed25519)?.to_openssh()?,
        )?;
        Ok(Stage {
            kind,
            key: key.to_openssh()?.to_string(),
            folder,
            modules: modules.to_owned(),
            runs: 0,
        })
    }

    /// Where it keeps what is durable.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Starts a server with nothing stored.
    pub fn start_empty(&mut self) -> anyhow::Result<Server> {
        self.runs += 1;
        self.start_again()
    }

    /// Starts a server with what the one before has stored.
    pub fn start_again(&mut self) -> anyhow::Result<Server> {
        let state = self.folder.path().join(format!("state-{}", self.runs));
        match self.kind {
            Kind::Ponder => self.start_ponder(&state),
            Kind::Netconfd => self.start_netconfd(&state),
        }
    }

    fn start_ponder(&self, state: &Path) -> anyhow::Result<Server> {
        let log = File::options()
            .append(true)
            .create(true)
            .open(self.folder.path().join("log"))?;
        let mut child = Command::new(env!("CARGO_BIN_EXE_ponder"))
            .args([
                "agent",
                "--listen",
                "127.0.0.1:0",
                "--user",
                "bench",
                "--state-dir",
            ])
            .arg(state)
            .arg("--authorized-keys")
            .arg(self.folder.path().join("authorized_keys"))
            .arg("--yang-dir")
            .arg(&self.modules)
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .context("ponder agent")?;
        let stdout = child.stdout.take().context("no standard output")?;
        let mut server = Server {
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
            user: "bench",
            key: self.key.clone(),
            processes: vec![child],
        };
        let mut ready = String::new();
        BufReader::new(stdout).read_line(&mut ready)?;
        let Some(address) = ready.trim().strip_prefix("ready netconf=") else {
            bail!(
                "the agent did not start: {}",
                last_words(&self.folder.path().join("log"))?
            );
        };
        server.address = address.parse()?;
        Ok(server)
    }

    fn start_netconfd(&self, state: &Path) -> anyhow::Result<Server> {
        fs::create_dir_all(state)?;
        let (folder, port) = (self.folder.path(), free_port()?);
        let (socket, startup) = (state.join("socket"), state.join("startup.xml"));
        if !startup.exists() {
            fs::write(
                &startup,
                "<config xmlns=\"urn:ietf:params:xml:ns:netconf:base:1.0\"/>\n",
            )?;
        }
        let log = |name: &str| File::options().append(true).create(true).open(folder.join(name));
        let daemon = Command::new("netconfd")
            .arg(format!("--ncxserver-sockname={}", socket.display()))
            .arg(format!("--port={port}"))
            .arg(format!("--startup={}", startup.display()))
            .arg(format!(
                "--modpath={}:/usr/share/yuma/modules",
                self.modules.display()
            ))
            .args([
                "--module=ponder-bench",
                "--target=candidate",
                "--access-control=off",
                "--superuser=root",
            ])
            .arg("--log-level=error")
            .env("HOME", folder)
            .stdin(Stdio::null())
            .stdout(log("netconfd.log")?)
            .stderr(log("netconfd.log")?)
            .spawn()
            .context("netconfd (apt-get install netconfd)")?;
        let mut server = Server {
            address: SocketAddr::from(([127, 0, 0, 1], port)),
            user: "root",
            key: self.key.clone(),
            processes: vec![daemon],
        };
        let configuration = format!(
            "Port {port}\nListenAddress 127.0.0.1\nHostKey {0}/host_key\nAuthorizedKeysFile {0}/authorized_keys\n\
             StrictModes no\nUsePAM no\nPermitRootLogin prohibit-password\nMaxStartups 1000\nUseDNS no\nPidFile none\n\
             Subsystem netconf \"/usr/sbin/netconf-subsystem --ncxserver-sockname={port}@{1}\"\n",
            folder.display(),
            socket.display()
        );
        fs::write(folder.join("sshd_config"), configuration)?;
        fs::create_dir_all("/run/sshd").context("sshd needs /run/sshd, which root can make")?;
        // Debian's sshd wants its full path, for it starts itself again.
        let sshd = Command::new("/usr/sbin/sshd")
            .args(["-D", "-e", "-f"])
            .arg(folder.join("sshd_config"))
            .stdin(Stdio::null())
            .stderr(log("sshd.log")?)
            .spawn()
            .context("sshd (apt-get install openssh-server)")?;
        server.processes.push(sshd);
        for _ in 0..500 {
            if socket.exists() && TcpStream::connect(server.address).is_ok() {
                return Ok(server);
            }
            pause(Duration::from_millis(10));
        }
        bail!(
            "netconfd did not start: {}",
            fs::read_to_string(folder.join("netconfd.log"))?
        )
    }
}

impl Server {
    /// A session, its hello read.
    pub async fn connect(&self) -> Result<NetconfClient, ClientError> {
        NetconfClient::connect(self.address, self.user, &self.key).await
    }

    /// Memory of the server and everything that it started, bytes: what is its own, and its share of what several
    /// processes have in common (PSS).
    pub fn memory(&self) -> anyhow::Result<f64> {
        let mut family: Vec<u32> = self.processes.iter().map(Child::id).collect();
        let parents = parents()?;
        let mut known = 0;
        while known < family.len() {
            known = family.len();
            let children = parents
                .iter()
                .filter(|(child, parent)| family.contains(parent) && !family.contains(child));
            let children: Vec<u32> = children.map(|(child, _)| *child).collect();
            family.extend(children);
        }
        let mut bytes = 0.0;
        for process in family {
            // A process that has ended meanwhile has none.
            let rollup = fs::read_to_string(format!("/proc/{process}/smaps_rollup")).unwrap_or_default();
            let line = rollup.lines().find_map(|line| line.strip_prefix("Pss:"));
            let kilobytes = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<f64>().ok());
            bytes += kilobytes.unwrap_or(0.0) * 1024.0;
        }
        Ok(bytes)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        for process in &mut self.processes {
            // Whatever fails here has ended already.
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

/// Child and parent of every process.
fn parents() -> anyhow::Result<Vec<(u32, u32)>> {
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc")? {
        let Some(process) = entry?.file_name().to_str().and_then(|name| name.parse().ok()) else {
            continue;
        };
        let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
        let behind_name = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
        if let Some(parent) = behind_name
            .split_whitespace()
            .nth(1)
            .and_then(|parent| parent.parse().ok())
        {
            found.push((process, parent));
        }
    }
    Ok(found)
}

/// The end of a log.
fn last_words(log: &Path) -> anyhow::Result<String> {
    let text = fs::read_to_string(log)?;
    let lines: Vec<&str> = text.lines().filter(|line| !line.is_empty()).collect();
    Ok(lines.split_at(lines.len().saturating_sub(5)).1.join("; "))
}

fn free_port() -> anyhow::Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

fn private(path: &Path, content: &str) -> anyhow::Result<()> {
    fs::write(path, content)?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o600))?;
    Ok(())
}

#[allow(clippy::disallowed_methods)] // another program gives no sign when it is ready
fn pause(time: Duration) {
    std::thread::sleep(time);
}
