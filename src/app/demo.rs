//! `ponder demo`: starts licence server and agent as two processes and plays the main job through a NETCONF client.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use tokio::process::Child;

use crate::app::clock::Clock;
use crate::app::command_line::DemoArguments;
use crate::app::output::say;
use crate::app::shutdown;
use crate::transport::host_key::{HostKey, HostKeyKind};
use crate::transport::netconf_client::NetconfClient;

mod narrator;
mod processes;

use narrator::Narrator;
use processes::Programs;

const CALL_HOME: &str = include_str!("../../examples/call-home.xml");
const TWO_SLICES: &str = include_str!("../../examples/two-slices-100ge.xml");
const OTN_SLICE: &str = include_str!("../../examples/otn-xp-mixed-slice.xml");
const VENDOR_DESTINATION: &str = "https://tools.cisco.com/its/service/oddce/services/DDCEService";
const CLIENT_LICENCE: &str = "S-NCS1K4-LIC-100G=";
const BANDWIDTH_LICENCE: &str = "S-NCS1K4-100G-CL=";
/// How long a step may take; on a busy machine with a debug build an exchange is far below that.
const PATIENCE: Duration = Duration::from_secs(60);

/// Plays the demo. With `once` it ends after the last step, else it stays up until Ctrl-C.
/// An error names the step that did not hold.
pub async fn run(arguments: DemoArguments, clock: Arc<dyn Clock>) -> anyhow::Result<()> {
    let folder = tempfile::Builder::new()
        .prefix("ponder-demo-")
        .tempdir()
        .context("a temporary folder")?;
    let ended = shutdown::requested()?;
    tokio::pin!(ended);
    let played = async {
        let mut stage = Stage::set(&arguments, folder.path(), clock).await?;
        stage.play().await?;
        anyhow::Ok(stage)
    };
    // The processes of an unfinished stage end with it.
    let stage = tokio::select! {
        stage = played => stage?,
        () = &mut ended => anyhow::bail!("ended before the last step"),
    };
    if arguments.once {
        stage.end().await?;
        return Ok(say("\nEvery step held.")?);
    }
    stage.tell_how_to_connect()?;
    ended.await;
    stage.end().await
}

struct Stage {
    narrator: Narrator,
    programs: Programs,
    folder: PathBuf,
    clock: Arc<dyn Clock>,
    server: Child,
    agent: Child,
    server_http: String,
    netconf: std::net::SocketAddr,
    client: NetconfClient,
}

impl Stage {
    async fn set(arguments: &DemoArguments, folder: &Path, clock: Arc<dyn Clock>) -> anyhow::Result<Stage> {
        let mut narrator = Narrator::new();
        let programs = Programs::new(folder)?;
        narrator.title("Ponder: an orchestrator, an NCS 1004 and its licence server, all on this machine");

        narrator.step("The licence server starts");
        let ssm_dir = folder.join("ssm");
        let line = ["ssm", "--state-dir", path(&ssm_dir)?, "--listen", "127.0.0.1:0"];
        narrator.command(&line);
        let (server, ready) = programs.start(&line, "ssm.log").await?;
        narrator.answer(&ready);
        let server_http = processes::address(&ready, "http")?.to_owned();

        narrator.step("The agent starts with a simulated chassis: 1.2T-L, OTN-XPL, QXP-L, 1.2T-L");
        let key = HostKey::generate(HostKeyKind::Ed25519).context("a key for the client")?;
        let private_key = key.to_openssh()?;
        processes::write_private(&folder.join("client-key"), private_key.as_bytes())?;
        std::fs::write(folder.join("authorized_keys"), key.public_openssh()?)?;
        std::fs::write(
            folder.join("settings.toml"),
            "[licensing]\nhold-down-seconds = 1\n",
        )?;
        let listen = format!("127.0.0.1:{}", arguments.netconf_port);
        let (agent_dir, keys, settings, root) = (
            folder.join("agent"),
            folder.join("authorized_keys"),
            folder.join("settings.toml"),
            ssm_dir.join("licensing-root.pem"),
        );
        let line = [
            "agent",
            "--state-dir",
            path(&agent_dir)?,
            "--listen",
            &listen,
            "--user",
            "admin",
            "--authorized-keys",
            path(&keys)?,
            "--settings",
            path(&settings)?,
            "--licensing-root",
            path(&root)?,
        ];
        narrator.command(&line);
        let (agent, ready) = programs.start(&line, "agent.log").await?;
        narrator.answer(&ready);
        let netconf = processes::address(&ready, "netconf")?
            .parse()
            .context("the agent's ready line")?;

        narrator.step("An orchestrator connects with NETCONF over SSH");
        let client = NetconfClient::connect(netconf, "admin", &private_key).await?;
        narrator.answer(&format!(
            "<hello>: {} capabilities, {} of them YANG modules",
            client.hello().matches("<capability>").count(),
            client.hello().matches("module=").count()
        ));
        Ok(Stage {
            narrator,
            programs,
            folder: folder.to_owned(),
            clock,
            server,
            agent,
            server_http,
            netconf,
            client,
        })
    }

    async fn play(&mut self) -> anyhow::Result<()> {
        self.expect_status("unidentified").await?;

        self.narrator
            .step("At the licence server: a registration token, and seven 100G client licences");
        let token = self
            .server_command(&["token", "create", "--description", "demo"])
            .await?;
        let token = token
            .split_whitespace()
            .last()
            .context("a token from the licence server")?
            .to_owned();
        self.server_command(&["licence", "add", CLIENT_LICENCE, "7"])
            .await?;
        self.server_command(&["licence", "add", BANDWIDTH_LICENCE, "1"])
            .await?;

        self.narrator
            .step("The orchestrator configures call-home with this licence server as its destination");
        let destination = format!(
            "http://{}/its/service/oddce/services/DDCEService",
            self.server_http
        );
        self.configure(&CALL_HOME.replace(VENDOR_DESTINATION, &destination))
            .await?;

        self.narrator.step("It registers the device with the token");
        let register = format!(
            "<register-id-token xmlns=\"http://cisco.com/ns/yang/Cisco-IOS-XR-smart-license-act\">\
             <id-token>{token}</id-token></register-id-token>"
        );
        let reply = self.call(&register).await?;
        ensure!(
            reply.contains(">success<"),
            "register-id-token was refused: {reply}"
        );
        self.expect_status("registered").await?;

        self.narrator
            .step("It configures two slices of 100GE clients on the card in 0/0: 11 clients, 4 of them free");
        self.configure(TWO_SLICES).await?;
        self.expect_status("authorized").await?;
        self.expect_usage(CLIENT_LICENCE, 7, "in-compliance").await?;

        self.narrator
            .step("And the mixed 10G slice of the chapter on the OTN-XP card in 0/1");
        self.configure(OTN_SLICE).await?;
        self.expect_usage(BANDWIDTH_LICENCE, 1, "in-compliance").await?;

        self.narrator
            .step("The same two slices on the card in 0/3: now 14 are in use, 7 are in the pool");
        self.configure(&TWO_SLICES.replace("<node-name>0/0<", "<node-name>0/3<"))
            .await?;
        self.expect_status("out-of-compliance").await?;
        self.expect_usage(CLIENT_LICENCE, 14, "out-of-compliance").await?;

        self.narrator
            .step("Seven more are bought and the authorization is renewed");
        self.server_command(&["licence", "add", CLIENT_LICENCE, "7"])
            .await?;
        let reply = self
            .call(r#"<renew-auth xmlns="http://cisco.com/ns/yang/Cisco-IOS-XR-smart-license-act"/>"#)
            .await?;
        ensure!(reply.contains(">success<"), "renew-auth was refused: {reply}");
        self.expect_status("authorized").await?;
        self.server_command(&["licence", "list"]).await?;
        Ok(())
    }

    async fn call(&mut self, operation: &str) -> anyhow::Result<String> {
        self.narrator.sent(operation);
        let reply = self.client.call(operation).await?;
        self.narrator.received(&reply);
        Ok(reply)
    }

    /// edit-config on the candidate, then commit.
    async fn configure(&mut self, config: &str) -> anyhow::Result<()> {
        let edit = format!(
            "<edit-config><target><candidate/></target><config>{}</config></edit-config>",
            config.trim()
        );
        for operation in [edit.as_str(), "<commit/>"] {
            let reply = self.call(operation).await?;
            ensure!(reply.contains("<ok/>"), "not accepted: {reply}");
        }
        Ok(())
    }

    /// Polls the state of the chapter's Table 2 until it is the expected one.
    async fn expect_status(&mut self, wanted: &str) -> anyhow::Result<()> {
        let filter = r#"<get><filter><licence-state xmlns="urn:ponder:yang:ponder-licence-state"><status/></licence-state></filter></get>"#;
        let reply = self
            .poll(filter, &format!("licence state {wanted}"), |reply| {
                text_of(reply, "status") == Some(wanted)
            })
            .await?;
        self.narrator
            .state("licence state", text_of(&reply, "status").unwrap_or("none"));
        Ok(())
    }

    /// Polls the usage of one entitlement until it has the expected count and status.
    async fn expect_usage(&mut self, tag: &str, count: u32, mode: &str) -> anyhow::Result<()> {
        let filter = r#"<get><filter><smart-agent xmlns="http://cisco.com/ns/yang/Cisco-IOS-XR-infra-smartlicense-oper"><licensing><state><state-info><usage/></state-info></state></licensing></smart-agent></filter></get>"#;
        let holds = |reply: &str| {
            reply.split("<usage>").any(|usage| {
                text_of(usage, "short-name") == Some(tag)
                    && text_of(usage, "count") == Some(count.to_string().as_str())
                    && text_of(usage, "enforce-mode") == Some(mode)
            })
        };
        self.poll(filter, &format!("{tag} count {count} {mode}"), holds)
            .await?;
        self.narrator.state(tag, &format!("{count} in use, {mode}"));
        Ok(())
    }

    async fn poll(&mut self, get: &str, what: &str, holds: impl Fn(&str) -> bool) -> anyhow::Result<String> {
        let deadline = self.clock.instant() + PATIENCE;
        loop {
            let reply = self.client.call(get).await?;
            if holds(&reply) {
                return Ok(reply);
            }
            if self.clock.instant() >= deadline {
                bail!(
                    "waited {} s for {what}, the agent says: {reply}",
                    PATIENCE.as_secs()
                );
            }
            self.clock
                .wait_until(self.clock.instant() + Duration::from_millis(100))
                .await;
        }
    }

    async fn server_command(&mut self, words: &[&str]) -> anyhow::Result<String> {
        let folder = self.folder.join("ssm");
        let line: Vec<&str> = ["ssm", "--state-dir", path(&folder)?]
            .into_iter()
            .chain(words.iter().copied())
            .collect();
        self.narrator.command(&line);
        let output = self.programs.run(&line).await?;
        self.narrator.answer(&output);
        Ok(output)
    }

    fn tell_how_to_connect(&self) -> std::io::Result<()> {
        let (port, key) = (self.netconf.port(), self.folder.join("client-key"));
        let key = key.display();
        say(format_args!(
            "\nThe agent and the licence server stay up until Ctrl-C. Connect:\n\n\
             \x20 ssh -p {port} -i {key} -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -s admin@127.0.0.1 netconf\n\n\
             \x20 from ncclient import manager\n\
             \x20 with manager.connect(host=\"127.0.0.1\", port={port}, username=\"admin\", key_filename=\"{key}\",\n\
             \x20                      hostkey_verify=False, look_for_keys=False, allow_agent=False) as m:\n\
             \x20     print(m.get_config(\"running\"))\n\n\
             Logs: {folder}/agent.log and {folder}/ssm.log",
            folder = self.folder.display()
        ))
    }

    async fn end(self) -> anyhow::Result<()> {
        drop(self.client);
        processes::stop(self.agent, "agent").await?;
        processes::stop(self.server, "ssm").await
    }
}

fn path(path: &Path) -> anyhow::Result<&str> {
    path.to_str()
        .with_context(|| format!("{} is not UTF-8", path.display()))
}

/// The text of the first element with this name.
fn text_of<'x>(xml: &'x str, name: &str) -> Option<&'x str> {
    let (_, rest) = xml.split_once(&format!("<{name}>"))?;
    Some(rest.split_once('<')?.0)
}
