//! `ponder journal`: what a stopped agent's folder holds, commit by commit; verified, exported, repaired.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context, bail, ensure};

use crate::app::clock::Clock;
use crate::app::command_line::{JournalArguments, JournalCommand};
use crate::app::output;
use crate::app::yang_dir;
use crate::datastore::change_set::{Change, ChangeSet};
use crate::datastore::content::Content;
use crate::datastore::journal_inspection::{Inspection, inspect, repair, verify};
use crate::datastore::journal_record::Record;
use crate::datastore::journal_replay::configuration_at;
use crate::datastore::running::kept_form;
use crate::datastore::storage::FolderFiles;
use crate::state_dir::StateDir;
use crate::yang::path::InstancePath;
use crate::yang::place::Placement;

/// Runs one of the commands; its words go to standard output. The folder must be there and no agent may hold it.
pub fn run(arguments: &JournalArguments, clock: &dyn Clock) -> anyhow::Result<()> {
    let folder = arguments
        .state_dir
        .as_deref()
        .context("no state folder: give --state-dir DIR")?;
    ensure!(folder.is_dir(), "state folder {} is not there", folder.display());
    let _held = StateDir::open(folder)?;
    let modules = arguments.yang_dir.as_deref();
    output::say(carry_out(&arguments.command, folder, modules, clock)?.trim_end())?;
    Ok(())
}

fn carry_out(
    command: &JournalCommand,
    folder: &Path,
    modules: Option<&Path>,
    clock: &dyn Clock,
) -> anyhow::Result<String> {
    let mut files = FolderFiles::new(folder);
    match command {
        JournalCommand::List => Ok(list(&inspect(&mut files)?)),
        JournalCommand::Show { generation } => {
            let inspection = inspect(&mut files)?;
            let found = inspection
                .records
                .iter()
                .find(|record| record.generation() == *generation && !record.change_set.is_empty());
            match found {
                Some(record) => Ok(show(record)),
                None => bail!(
                    "generation {generation} is not in the journal: {}",
                    reach(&inspection)
                ),
            }
        }
        JournalCommand::Verify => {
            let verdicts = verify(&mut files)?;
            let mut text = String::new();
            for verdict in &verdicts {
                writeln!(text, "{}: {}", verdict.file, verdict.text)?;
            }
            match inspect(&mut files) {
                Ok(inspection) => {
                    configuration_at(&yang_dir::schema(modules)?, &inspection, inspection.generation)?;
                    writeln!(
                        text,
                        "running is of generation {}; {}",
                        inspection.generation,
                        reach(&inspection)
                    )?;
                    Ok(text)
                }
                Err(fault) => {
                    output::say(text.trim_end())?;
                    Err(fault.into())
                }
            }
        }
        JournalCommand::Export { generation } => {
            let inspection = inspect(&mut files)?;
            let generation = generation.unwrap_or(inspection.generation);
            let tree = configuration_at(&yang_dir::schema(modules)?, &inspection, generation)
                .with_context(|| format!("generation {generation} cannot be had: {}", reach(&inspection)))?;
            Ok(format!(
                "<config xmlns=\"urn:ietf:params:xml:ns:netconf:base:1.0\">{}</config>\n",
                kept_form(&tree)
            ))
        }
        JournalCommand::Repair => {
            let tag = clock.now().strftime("%Y%m%dT%H%M%S").to_string();
            let repairs = repair(&mut files, &tag)?;
            let mut text = String::new();
            for done in &repairs {
                let copy = done.copy.as_deref().unwrap_or("none, it was missing");
                writeln!(text, "{}: {} (copy: {copy})", done.file, done.done)?;
            }
            let inspection = inspect(&mut files)?;
            let word = if repairs.is_empty() {
                "nothing to repair"
            } else {
                "repaired"
            };
            writeln!(text, "{word}: running is of generation {}", inspection.generation)?;
            Ok(text)
        }
    }
}

/// How far back the commits go.
fn reach(inspection: &Inspection) -> String {
    let first = inspection.records.first().map(|record| record.change_set.base);
    format!(
        "it has {} commits, from generation {} to {}",
        inspection.records.len(),
        first.unwrap_or(inspection.generation),
        inspection.generation
    )
}

fn list(inspection: &Inspection) -> String {
    let mut text = String::new();
    for record in &inspection.records {
        text.push_str(&line(record));
        text.push('\n');
    }
    if inspection.torn > 0 {
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "then {} bytes of a commit that a crash tore and nobody was told is kept",
            inspection.torn
        );
    }
    text
}

/// One commit in one line: generation, time, user, session, number of changes, label, comment.
fn line(record: &Record) -> String {
    let author = &record.author;
    let user = if author.user.is_empty() {
        "(the agent)"
    } else {
        &author.user
    };
    let mut text = format!(
        "{:>8}  {}  {user}  session {}  {}",
        record.generation(),
        author.timestamp,
        author.session_id,
        match record.change_set.changes.len() {
            1 => "1 change".to_owned(),
            count => format!("{count} changes"),
        }
    );
    if record.awaiting.is_some() {
        text.push_str("  awaits confirmation");
    }
    for (name, words) in [("label", &author.label), ("comment", &author.comment)] {
        if let Some(words) = words {
            let _ = write!(text, "  {name} {words:?}");
        }
    }
    text
}

fn show(record: &Record) -> String {
    format!("{}\n{}", line(record), readable(&record.change_set))
}

/// A change set in lines: `+` came, `-` went, `~` changed, `>` moved.
fn readable(set: &ChangeSet) -> String {
    let mut text = String::new();
    for change in &set.changes {
        let _ = match change {
            Change::Insert { path, content, order } => {
                content_lines(&mut text, '+', path, content);
                match order {
                    Some(order) => writeln!(text, "    {}", place(order)),
                    None => Ok(()),
                }
            }
            Change::Remove { path, content, .. } => {
                content_lines(&mut text, '-', path, content);
                Ok(())
            }
            Change::Set { path, old, new } => writeln!(text, "~ {path}: {old} -> {new}"),
            Change::Move { path, from, to } => {
                writeln!(text, "> {path}: from {} to {}", place(from), place(to))
            }
        };
    }
    text
}

fn place(placement: &Placement) -> String {
    match placement {
        Placement::First => "the first place".to_owned(),
        Placement::Last => "the last place".to_owned(),
        other => format!("{other:?}"),
    }
}

fn content_lines(text: &mut String, sign: char, path: &InstancePath, content: &Content) {
    match content {
        Content::Value(value) => {
            let _ = writeln!(text, "{sign} {path}: {value}");
        }
        Content::Children(children) => {
            let _ = writeln!(text, "{sign} {path}");
            for (step, content) in children {
                content_lines(text, sign, &path.child(step.clone()), content);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::app::clock::ManualClock;
    use crate::datastore::datastores::Datastores;
    use crate::datastore::edit::OnError;
    use crate::datastore::edit_attributes::EditOperation;
    use crate::datastore::history::Author;
    use crate::datastore::journal::Journal;

    fn host_name(name: &str) -> String {
        let namespace = "http://cisco.com/ns/yang/Cisco-IOS-XR-shellutil-cfg";
        format!("<host-names xmlns=\"{namespace}\"><host-name>{name}</host-name></host-names>")
    }

    /// A folder after three commits.
    fn folder() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let journal = Journal::new(Box::new(FolderFiles::new(folder.path())));
        let datastores = Datastores::open(yang_dir::schema(None).unwrap(), Box::new(journal)).unwrap();
        for name in ["one", "two", "three"] {
            let edited = datastores.edit_candidate(&host_name(name), EditOperation::Merge, OnError::Rollback);
            assert_eq!(edited.errors, []);
            let author = Author {
                user: "anna".to_owned(),
                session_id: 7,
                timestamp: "2026-11-24T10:00:00Z".parse().unwrap(),
                label: None,
                comment: Some(format!("makes it {name}")),
            };
            datastores.commit(author, &[]).unwrap();
        }
        folder
    }

    fn told(folder: &Path, command: JournalCommand) -> anyhow::Result<String> {
        let clock = ManualClock::starting_at("2026-11-24T12:00:00Z".parse().unwrap());
        carry_out(&command, folder, None, &clock)
    }

    #[test]
    fn commits_are_listed_shown_and_exported() {
        let folder = folder();
        let list = told(folder.path(), JournalCommand::List).unwrap();
        assert_eq!(
            list.lines().nth(1),
            Some("       2  2026-11-24T10:00:00Z  anna  session 7  1 change  comment \"makes it two\"")
        );
        assert_eq!(list.lines().count(), 3);
        let shown = told(folder.path(), JournalCommand::Show { generation: 2 }).unwrap();
        assert_eq!(
            shown.lines().nth(1),
            Some("~ /Cisco-IOS-XR-shellutil-cfg:host-names/host-name: one -> two")
        );
        for (generation, name) in [(None, "three"), (Some(2), "two"), (Some(1), "one")] {
            let exported = told(folder.path(), JournalCommand::Export { generation }).unwrap();
            assert!(exported.contains(&host_name(name)), "{exported}");
        }
        let generation = Some(9);
        let refused = told(folder.path(), JournalCommand::Export { generation }).unwrap_err();
        assert!(
            format!("{refused:#}").contains("it has 3 commits, from generation 0 to 3"),
            "{refused:#}"
        );
        let verdict = told(folder.path(), JournalCommand::Verify).unwrap();
        assert!(
            verdict.ends_with("it has 3 commits, from generation 0 to 3\n"),
            "{verdict}"
        );
    }

    #[test]
    fn a_damaged_journal_is_told_and_repaired_with_a_copy_of_it() {
        let folder = folder();
        let path = folder.path().join("journal-00000001.ponder");
        let mut bytes = fs::read(&path).unwrap();
        let at = bytes.windows(3).position(|word| word == b"two").unwrap();
        bytes[at] = b'x';
        fs::write(&path, &bytes).unwrap();
        let fault = told(folder.path(), JournalCommand::Verify)
            .unwrap_err()
            .to_string();
        assert!(fault.contains("is damaged at byte"), "{fault}");
        let repaired = told(folder.path(), JournalCommand::Repair).unwrap();
        assert!(
            repaired.ends_with("repaired: running is of generation 1\n"),
            "{repaired}"
        );
        let copy = folder
            .path()
            .join("journal-00000001.ponder.damaged-20261124T120000");
        assert_eq!(fs::read(copy).unwrap(), bytes);
        let exported = told(folder.path(), JournalCommand::Export { generation: None }).unwrap();
        assert!(exported.contains(&host_name("one")), "{exported}");
        assert_eq!(
            told(folder.path(), JournalCommand::Repair).unwrap(),
            "nothing to repair: running is of generation 1\n"
        );
    }

    #[test]
    fn a_folder_that_an_agent_holds_is_refused() {
        let folder = folder();
        let _agent = StateDir::open(folder.path()).unwrap();
        let clock = ManualClock::starting_at(jiff::Timestamp::UNIX_EPOCH);
        let arguments = |state_dir: &Path| JournalArguments {
            state_dir: Some(state_dir.to_owned()),
            yang_dir: None,
            command: JournalCommand::List,
        };
        let refused = run(&arguments(folder.path()), &clock).unwrap_err().to_string();
        assert!(refused.contains("in use"), "{refused}");
        let missing = folder.path().join("nowhere");
        assert!(
            run(&arguments(&missing), &clock)
                .unwrap_err()
                .to_string()
                .contains("is not there")
        );
        assert!(!missing.exists());
    }
}
