//! Load on the real binary over real SSH, as one table with its budgets; `make bench` writes it to docs/benchmarks.md.
//!
//! `cargo bench --bench load -- [--write FILE] [--peer netconfd] [--modules DIR] [--only WORD] [--quick]`

mod clock;
mod disk;
#[path = "../shared/entries.rs"]
mod entries;
mod figure;
mod in_process;
mod machine;
mod table;
mod target;
mod work;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};

use figure::{Measured, Unit};
use table::Figures;
use target::{Kind, Stage};
use work::Effort;

/// What the command line says.
#[derive(Default)]
struct Arguments {
    write: Option<PathBuf>,
    peer: Option<Kind>,
    modules: Option<PathBuf>,
    only: Option<String>,
    quick: bool,
}

fn main() -> ExitCode {
    match arguments().and_then(|arguments| {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        runtime.block_on(run(&arguments))
    }) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("load: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn arguments() -> anyhow::Result<Arguments> {
    let mut arguments = Arguments::default();
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let mut value = || words.next().with_context(|| format!("{word} needs a value"));
        match word.as_str() {
            // Cargo says so to every benchmark.
            "--bench" => {}
            "--quick" => arguments.quick = true,
            "--write" => arguments.write = Some(value()?.into()),
            "--modules" => arguments.modules = Some(value()?.into()),
            "--only" => arguments.only = Some(value()?),
            "--peer" => match value()?.as_str() {
                "netconfd" => arguments.peer = Some(Kind::Netconfd),
                other => bail!("--peer {other}: the only peer is netconfd"),
            },
            other => bail!("{other}: no such flag"),
        }
    }
    Ok(arguments)
}

async fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let effort = match arguments.quick {
        true => Effort {
            time: Duration::from_secs(2),
            samples: 500,
            starts: 3,
        },
        false => Effort {
            time: Duration::from_secs(10),
            samples: 10_000,
            starts: 20,
        },
    };
    let yang = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/yang");
    let mut stage = Stage::set(Kind::Ponder, &yang)?;
    let machine = machine::description(stage.folder());
    let mut run = Run {
        figures: Figures::new(),
        only: arguments.only.clone(),
        effort,
        kind: Kind::Ponder,
        bytes_of_all: 0,
        notes: Vec::new(),
    };
    run.everything(&mut stage).await?;
    if let Some(modules) = &arguments.modules {
        run.many_modules(modules, &yang).await?;
    }
    let mut notes = vec![format!(
        "All 10 000 entries are {:.2} MB of XML.",
        megabytes(run.bytes_of_all)
    )];
    notes.append(&mut run.notes);
    let mut peer = None;
    if let Some(kind) = arguments.peer {
        let mut theirs = Run {
            figures: Figures::new(),
            only: arguments.only.clone(),
            effort,
            kind,
            bytes_of_all: 0,
            notes: Vec::new(),
        };
        if let Err(error) = theirs.everything(&mut Stage::set(kind, &yang)?).await {
            println!("{}: {error:#}", kind.name());
        }
        notes.append(&mut theirs.notes);
        peer = Some((kind.name(), theirs.figures));
    }
    let table = table::markdown(
        &run.figures,
        peer.as_ref().map(|(name, figures)| (*name, figures)),
    );
    let notes: String = notes.iter().map(|note| format!("- {note}\n")).collect();
    println!("\n{machine}\n{table}\n{notes}");
    if let Some(path) = &arguments.write {
        let text = fs::read_to_string(path).with_context(|| path.display().to_string())?;
        let text = replaced(&text, "machine", &machine)?;
        let text = replaced(&text, "load", &format!("{table}\n{notes}"))?;
        let text = match in_process::markdown() {
            Some(table) => replaced(&text, "in process", &table)?,
            None => text,
        };
        fs::write(path, text)?;
        println!("written to {}", path.display());
    }
    Ok(())
}

fn megabytes(bytes: usize) -> f64 {
    u32::try_from(bytes).map_or(f64::NAN, |bytes| f64::from(bytes) / 1e6)
}

/// The text with another content between `<!-- name -->` and `<!-- end of name -->`.
fn replaced(text: &str, name: &str, content: &str) -> anyhow::Result<String> {
    let (begin, end) = (format!("<!-- {name} -->\n"), format!("<!-- end of {name} -->"));
    let (before, rest) = text
        .split_once(&begin)
        .with_context(|| format!("no line {begin}"))?;
    let (_, after) = rest.split_once(&end).with_context(|| format!("no line {end}"))?;
    Ok(format!("{before}{begin}\n{content}\n{end}{after}"))
}

/// Copies the modules of a folder and of the folders in it.
fn copy_modules(from: &Path, to: &Path) -> anyhow::Result<()> {
    for entry in fs::read_dir(from).with_context(|| from.display().to_string())? {
        let path = entry?.path();
        if path.is_dir() {
            copy_modules(&path, to)?;
        } else if let Some(name) = path
            .file_name()
            .filter(|_| path.extension().is_some_and(|e| e == "yang"))
        {
            fs::copy(&path, to.join(name))?;
        }
    }
    Ok(())
}

/// How long the creation of entries may take.
const CREATION: Duration = Duration::from_secs(120);

/// The measuring of one server.
struct Run {
    figures: Figures,
    only: Option<String>,
    effort: Effort,
    kind: Kind,
    bytes_of_all: usize,
    /// What the table cannot say.
    notes: Vec<String>,
}

impl Run {
    fn wants(&self, id: &str) -> bool {
        self.only.as_ref().is_none_or(|only| id.contains(only.as_str()))
    }

    /// Keeps a figure and says it; one that could not be had is no end of the others.
    fn keep(&mut self, id: &'static str, unit: Unit, measured: anyhow::Result<Measured>) {
        let name = self.kind.name();
        match measured {
            Ok(measured) => {
                println!("{name}: {id}: {}", measured.shown(unit));
                self.figures.insert(id, measured);
            }
            Err(error) => self.note(format!("{name}: {id}: not measured: {error:#}")),
        }
    }

    fn note(&mut self, note: String) {
        println!("{note}");
        self.notes.push(note.replace('\n', " "));
    }

    async fn everything(&mut self, stage: &mut Stage) -> anyhow::Result<()> {
        if [
            "rate-8",
            "writers-1",
            "writers-8",
            "sessions-1",
            "sessions-4",
            "idle",
            "start",
        ]
        .iter()
        .any(|id| self.wants(id))
        {
            self.sessions(stage).await?;
        }
        for (count, key, commit, create) in [
            (100, "key-100", "commit-100", ""),
            (10_000, "key-10000", "commit-10000", "create-10000"),
            (100_000, "key-100000", "commit-100000", "create-100000"),
        ] {
            let asked = [
                key,
                commit,
                create,
                if count == 10_000 { "all-10000" } else { "" },
            ];
            if !asked.iter().any(|id| !id.is_empty() && self.wants(id)) {
                continue;
            }
            if let Err(error) = self.stored(stage, count, key, commit, create).await {
                self.note(format!(
                    "{}: {count} entries: not measured, nor more of them: {error:#}",
                    self.kind.name()
                ));
                break;
            }
        }
        Ok(())
    }

    async fn sessions(&mut self, stage: &mut Stage) -> anyhow::Result<()> {
        let server = Arc::new(stage.start_empty()?);
        let mut client = server.connect().await?;
        work::create(&mut client, 100).await?;
        if self.wants("rate-8") {
            let measured = work::gets_per_second(&server, 8, 100, self.effort).await;
            self.keep("rate-8", Unit::Rate, measured);
        }
        for (id, writers) in [("writers-1", 1), ("writers-8", 8)] {
            if self.wants(id) {
                let measured = work::commits_per_second(&server, writers, self.effort).await;
                self.keep(id, Unit::Rate, measured);
            }
        }
        for (id, at_a_time) in [("sessions-1", 1), ("sessions-4", 4)] {
            if self.wants(id) {
                let measured = work::sessions_per_second(&server, at_a_time, self.effort).await;
                self.keep(id, Unit::Rate, measured);
            }
        }
        if self.wants("idle") {
            let measured = work::memory_of_idle_session(&server, 100).await;
            self.keep("idle", Unit::Memory, measured);
        }
        drop((client, server));
        if self.wants("start") {
            let measured = work::start_to_hello(stage, self.effort).await;
            self.keep("start", Unit::Time, measured);
        }
        Ok(())
    }

    async fn stored(
        &mut self,
        stage: &mut Stage,
        count: u32,
        key: &'static str,
        commit: &'static str,
        create: &'static str,
    ) -> anyhow::Result<()> {
        let server = stage.start_empty()?;
        let mut client = server.connect().await?;
        let created = tokio::time::timeout(CREATION, work::create(&mut client, count)).await;
        let created = created.with_context(|| format!("not created in {} s", CREATION.as_secs()))??;
        if !create.is_empty() {
            self.keep(create, Unit::Time, Ok(created));
        }
        if self.wants(key) {
            let measured = work::get_by_key(&mut client, count, self.effort).await;
            self.keep(key, Unit::Time, measured);
        }
        if count == 10_000 && self.wants("all-10000") {
            match work::get_everything(&mut client, self.effort).await {
                Ok((measured, bytes)) => {
                    self.bytes_of_all = bytes;
                    self.keep("all-10000", Unit::Time, Ok(measured));
                }
                Err(error) => self.keep("all-10000", Unit::Time, Err(error)),
            }
        }
        if self.wants(commit) {
            let measured = work::change_one_leaf(&mut client, count, self.effort).await;
            self.keep(commit, Unit::Time, measured);
        }
        Ok(())
    }

    /// The same agent with a folder full of modules beside ours.
    async fn many_modules(&mut self, modules: &Path, yang: &Path) -> anyhow::Result<()> {
        let folder = tempfile::tempdir()?;
        copy_modules(modules, folder.path())?;
        copy_modules(yang, folder.path())?;
        let mut stage = Stage::set(Kind::Ponder, folder.path())?;
        drop(stage.start_empty()?);
        let measured = work::start_to_hello(&mut stage, self.effort).await;
        self.keep("many-start", Unit::Time, measured);
        let server = stage.start_empty()?;
        let mut client = server.connect().await?;
        println!(
            "ponder: {} modules in the hello",
            client.hello().matches("module=").count()
        );
        self.keep("many-memory", Unit::Memory, server.memory().map(Into::into));
        work::create(&mut client, 100).await?;
        let measured = work::change_one_leaf(&mut client, 100, self.effort).await;
        self.keep("many-commit", Unit::Time, measured);
        work::create(&mut client, 10_000).await?;
        let (measured, _) = work::get_everything(&mut client, self.effort).await?;
        self.keep("many-all", Unit::Time, Ok(measured));
        Ok(())
    }
}
