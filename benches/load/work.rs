//! What is asked of a server, and how long it takes.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use ponder::transport::netconf_client::NetconfClient;

use crate::clock::{now, pause};
use crate::entries::{by_key, entries, jumping, one_leaf};
use crate::figure::Measured;
use crate::target::{Server, Stage};

/// How long and how often to measure.
#[derive(Clone, Copy, Debug)]
pub struct Effort {
    /// For one figure.
    pub time: Duration,
    /// Requests or commits for one figure, at most.
    pub samples: usize,
    /// Starts of a server for one figure.
    pub starts: usize,
}

/// Asks for something that must succeed.
pub async fn ask(client: &mut NetconfClient, operation: &str) -> anyhow::Result<String> {
    let reply = client.call(operation).await?;
    if reply.contains("<rpc-error") {
        bail!("refused: {}", reply.chars().take(1_000).collect::<String>());
    }
    Ok(reply)
}

fn get(filter: &str) -> String {
    format!("<get-config><source><running/></source><filter type=\"subtree\">{filter}</filter></get-config>")
}

fn edit(config: &str) -> String {
    format!("<edit-config><target><candidate/></target><config>{config}</config></edit-config>")
}

async fn edit_and_commit(client: &mut NetconfClient, config: &str) -> anyhow::Result<()> {
    ask(client, &edit(config)).await?;
    ask(client, "<commit/>").await?;
    Ok(())
}

/// Stores entries in one edit and one commit; the time of both.
pub async fn create(client: &mut NetconfClient, count: u32) -> anyhow::Result<Measured> {
    let config = entries(count);
    let began = now();
    edit_and_commit(client, &config).await?;
    Ok(began.elapsed().as_secs_f64().into())
}

/// One entry after the other by its key.
pub async fn get_by_key(client: &mut NetconfClient, count: u32, effort: Effort) -> anyhow::Result<Measured> {
    let mut times = Vec::new();
    let until = now() + effort.time;
    for id in jumping(count).take(effort.samples) {
        let operation = get(&by_key(id));
        let began = now();
        let reply = client.call(&operation).await?;
        times.push(began.elapsed());
        if !reply.contains(&format!("<id>{id}</id>")) || reply.contains("<rpc-error") {
            bail!("entry {id} of {count} is not there: {reply}");
        }
        if now() > until {
            break;
        }
    }
    Measured::of(times).context("nothing was measured")
}

/// The same by several sessions at once, each waiting for its reply; replies a second.
pub async fn gets_per_second(
    server: &Server,
    sessions: usize,
    count: u32,
    effort: Effort,
) -> anyhow::Result<Measured> {
    let mut clients = Vec::new();
    for _ in 0..sessions {
        clients.push(server.connect().await?);
    }
    let began = now();
    let until = began + effort.time;
    let tasks: Vec<_> = clients
        .into_iter()
        .map(|mut client| {
            tokio::spawn(async move {
                let mut replies = 0_u32;
                for id in jumping(count) {
                    ask(&mut client, &get(&by_key(id))).await?;
                    replies += 1;
                    if now() > until {
                        break;
                    }
                }
                anyhow::Ok(replies)
            })
        })
        .collect();
    let mut replies = 0.0;
    for task in tasks {
        replies += f64::from(task.await??);
    }
    Ok((replies / began.elapsed().as_secs_f64()).into())
}

/// One leaf after the other, each in an edit and a commit of its own.
pub async fn change_one_leaf(
    client: &mut NetconfClient,
    count: u32,
    effort: Effort,
) -> anyhow::Result<Measured> {
    let mut times = Vec::new();
    let until = now() + effort.time;
    for (id, high) in jumping(count).zip((21..1_000).cycle()).take(effort.samples) {
        let config = one_leaf(id, high);
        let began = now();
        edit_and_commit(client, &config).await?;
        times.push(began.elapsed());
        if now() > until && times.len() >= 3 {
            break;
        }
    }
    Measured::of(times).context("nothing was measured")
}

/// Several sessions at once, each changing a leaf of its own entry and committing; commits a second. They share the
/// candidate, so one may commit the other's leaf.
pub async fn commits_per_second(server: &Server, sessions: u32, effort: Effort) -> anyhow::Result<Measured> {
    let mut clients = Vec::new();
    for _ in 0..sessions {
        clients.push(server.connect().await?);
    }
    let began = now();
    let until = began + effort.time;
    let tasks: Vec<_> = clients
        .into_iter()
        .zip(1..)
        .map(|(mut client, id)| {
            tokio::spawn(async move {
                let mut commits = 0_u32;
                for high in (21..1_000).cycle() {
                    edit_and_commit(&mut client, &one_leaf(id, high)).await?;
                    commits += 1;
                    if now() > until {
                        break;
                    }
                }
                anyhow::Ok(commits)
            })
        })
        .collect();
    let mut commits = 0.0;
    for task in tasks {
        commits += f64::from(task.await??);
    }
    Ok((commits / began.elapsed().as_secs_f64()).into())
}

/// Everything that is stored, time and after it the length of the reply.
pub async fn get_everything(client: &mut NetconfClient, effort: Effort) -> anyhow::Result<(Measured, usize)> {
    let mut times = Vec::new();
    let mut length = 0;
    let until = now() + effort.time;
    while now() < until && times.len() < effort.samples {
        let began = now();
        length = client
            .call("<get-config><source><running/></source></get-config>")
            .await?
            .len();
        times.push(began.elapsed());
    }
    Ok((Measured::of(times).context("nothing was measured")?, length))
}

/// Whole sessions: connection, login, hellos, close-session; sessions a second.
pub async fn sessions_per_second(
    server: &Arc<Server>,
    at_a_time: usize,
    effort: Effort,
) -> anyhow::Result<Measured> {
    let began = now();
    let until = began + effort.time;
    let tasks: Vec<_> = (0..at_a_time)
        .map(|_| {
            let server = Arc::clone(server);
            tokio::spawn(async move {
                let mut sessions = 0_u32;
                while now() < until {
                    let mut client = server.connect().await?;
                    ask(&mut client, "<close-session/>").await?;
                    sessions += 1;
                }
                anyhow::Ok(sessions)
            })
        })
        .collect();
    let mut sessions = 0.0;
    for task in tasks {
        sessions += f64::from(task.await??);
    }
    Ok((sessions / began.elapsed().as_secs_f64()).into())
}

/// What the server's memory grows by for each session that does nothing after its hello.
pub async fn memory_of_idle_session(server: &Server, sessions: usize) -> anyhow::Result<Measured> {
    // What the first sessions allocate once and for all is not theirs.
    for _ in 0..2 {
        let mut first = Vec::new();
        for _ in 0..sessions / 4 {
            first.push(server.connect().await?);
        }
        drop(first);
        pause(SETTLING).await;
    }
    let before = server.memory()?;
    let mut idle = Vec::new();
    for _ in 0..sessions {
        idle.push(server.connect().await?);
    }
    pause(SETTLING).await;
    let grown = server.memory()? - before;
    Ok((grown / f64::from(u32::try_from(sessions)?)).into())
}

/// From the start of the process to the first hello, with what was stored before.
pub async fn start_to_hello(stage: &mut Stage, effort: Effort) -> anyhow::Result<Measured> {
    let mut times = Vec::new();
    for _ in 0..effort.starts {
        let began = now();
        let server = stage.start_again()?;
        let client = server.connect().await?;
        times.push(began.elapsed());
        drop(client);
    }
    Measured::of(times).context("nothing was measured")
}

/// For the last sessions to be gone, and memory to be given back.
const SETTLING: Duration = Duration::from_millis(500);
