//! Further YANG modules from a folder: served and stored like ours, with nobody acting on them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::yang::error::SchemaError;
use crate::yang::modules::{ModuleSet, ModuleText};
use crate::yang::schema::Schema;

mod statements;

use statements::{Statement, inside, statements};

/// Why a folder of modules cannot be served, in one line.
#[derive(Debug, thiserror::Error)]
pub enum YangDirError {
    /// The folder or a file in it cannot be read.
    #[error("{path}: {cause}")]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// What the system says.
        cause: io::Error,
    },
    /// There is nothing to serve.
    #[error("{path} holds no .yang file")]
    Empty {
        /// The folder.
        path: PathBuf,
    },
    /// A module is not right.
    #[error("{file}, line {line}: {problem}")]
    Wrong {
        /// The file.
        file: PathBuf,
        /// Where in it, counted from 1.
        line: usize,
        /// What is wrong there.
        problem: String,
    },
    /// Features are chosen of a module that the folder does not add.
    #[error("the features of module {module} cannot be chosen: {place} adds no module of this name")]
    NoModule {
        /// The module.
        module: String,
        /// The folder, in words.
        place: String,
    },
    /// A feature is chosen that its module does not have.
    #[error("module {module} of {path} has no feature {feature}: it has {has}")]
    NoFeature {
        /// The folder.
        path: PathBuf,
        /// The module.
        module: String,
        /// What was chosen.
        feature: String,
        /// What could have been chosen.
        has: String,
    },
    /// Without any folder.
    #[error(transparent)]
    Own(SchemaError),
    /// The fault shows in one of our own modules, or cannot be pinned to a file.
    #[error("the YANG modules of {path} cannot be served beside Ponder's own: {cause}")]
    Together {
        /// The folder.
        path: PathBuf,
        /// What is wrong.
        cause: SchemaError,
    },
}

/// Loads everything that Ponder serves and, with a folder, every further module of it. A module that Ponder has itself
/// is left out of the folder's, and the log says so.
pub fn schema(folder: Option<&Path>) -> Result<Arc<Schema>, YangDirError> {
    schema_with(folder, &Features::new(), &[])
}

/// Which features of a module are on; a module without an entry has all of them.
pub type Features = BTreeMap<String, Vec<String>>;

/// The same with these features of the folder's modules, and of ietf-netconf beside those that are always on.
pub fn schema_with(
    folder: Option<&Path>,
    features: &Features,
    netconf_features: &[&str],
) -> Result<Arc<Schema>, YangDirError> {
    let embedded = ModuleSet::embedded().with_further_features("ietf-netconf", netconf_features);
    let no_module = |module: &str, place: String| YangDirError::NoModule {
        module: module.to_owned(),
        place,
    };
    let Some(path) = folder else {
        return match features.keys().next() {
            Some(module) => Err(no_module(module, "no yang-dir is set, which".to_owned())),
            None => Schema::load(embedded).map_err(YangDirError::Own),
        };
    };
    let folder = Folder::read(path, &embedded)?;
    for (module, chosen) in features {
        if !folder.served().any(|file| file.text.name == *module) {
            return Err(no_module(module, path.display().to_string()));
        }
        let has = folder.features(module);
        if let Some(feature) = chosen.iter().find(|feature| !has.contains(feature)) {
            return Err(YangDirError::NoFeature {
                path: path.to_owned(),
                module: module.clone(),
                feature: feature.clone(),
                has: if has.is_empty() {
                    "none".to_owned()
                } else {
                    has.join(", ")
                },
            });
        }
    }
    let set = folder.files.iter().fold(embedded, |set, file| {
        let name = &file.text.name;
        match features.get(name) {
            Some(chosen) => set.with_text(file.text.clone(), chosen),
            None => set.with_text(file.text.clone(), &folder.features(name)),
        }
    });
    let schema = Schema::load(set).map_err(|cause| folder.blame(path, cause))?;
    tracing::info!(folder = %path.display(), modules = folder.served().count(), "further YANG modules are served, stored only");
    Ok(schema)
}

/// The top-level configuration of the modules that a folder added, `/module:node`.
pub fn stored_only(schema: &Schema) -> Vec<String> {
    let own: BTreeSet<String> = ModuleSet::embedded()
        .texts()
        .iter()
        .map(|text| text.name.clone())
        .collect();
    let further = |name: &str| {
        schema
            .module(name)
            .is_some_and(|module| !module.is_internal && !own.contains(name))
    };
    schema
        .top_nodes()
        .filter(|node| node.is_config() && further(node.module()))
        .map(|node| node.path())
        .collect()
}

/// One module or submodule of the folder.
struct File {
    path: PathBuf,
    text: ModuleText,
    statements: Vec<Statement>,
}

impl File {
    fn read(path: PathBuf) -> Result<File, YangDirError> {
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(cause) => return Err(YangDirError::Unreadable { path, cause }),
        };
        let statements = statements(&text);
        let file = File {
            text: ModuleText {
                name: String::new(),
                revision: None,
                belongs_to: None,
                text,
            },
            path,
            statements,
        };
        let Some(top) = file
            .statements
            .first()
            .filter(|top| matches!(top.keyword.as_str(), "module" | "submodule") && !top.argument.is_empty())
        else {
            return Err(file.wrong(1, "this is neither a module nor a submodule"));
        };
        let belongs_to = match top.keyword.as_str() {
            "submodule" => match file.top("belongs-to").next() {
                Some((_, belongs_to)) => Some(belongs_to.argument.clone()),
                None => {
                    let problem = format!(
                        "submodule {} does not say which module it belongs to",
                        top.argument
                    );
                    return Err(file.wrong(top.line, problem));
                }
            },
            _ => None,
        };
        let revision = file
            .top("revision")
            .map(|(_, revision)| revision.argument.clone())
            .max();
        let name = top.argument.clone();
        Ok(File {
            text: ModuleText {
                name,
                revision,
                belongs_to,
                ..file.text
            },
            ..file
        })
    }

    /// The statements of one keyword directly in the module, with their places.
    fn top<'f>(&'f self, keyword: &'f str) -> impl Iterator<Item = (usize, &'f Statement)> {
        self.statements
            .iter()
            .enumerate()
            .filter(move |(_, statement)| statement.depth == 1 && statement.keyword == keyword)
    }

    fn wrong(&self, line: usize, problem: impl Into<String>) -> YangDirError {
        YangDirError::Wrong {
            file: self.path.clone(),
            line,
            problem: problem.into(),
        }
    }

    /// The line of a schema node, as far as its path leads through this file.
    fn line_of(&self, schema_path: &str) -> usize {
        let mut here = self.statements.as_slice();
        let mut line = self.statements.first().map_or(1, |top| top.line);
        for step in steps(schema_path) {
            // A plain step is `module:name`, others are `{keyword='argument'}`.
            let special = step.trim_matches(['{', '}']).split_once('=');
            let found = here.iter().position(|statement| match special {
                Some((keyword, argument)) => {
                    statement.keyword == keyword && statement.argument == argument.trim_matches('\'')
                }
                None => {
                    let name = step.rsplit(':').next().unwrap_or(step);
                    statement.argument == name && NODES.contains(&statement.keyword.as_str())
                }
            });
            let Some(at) = found else { continue };
            line = here.get(at).map_or(line, |found| found.line);
            here = inside(here, at);
        }
        line
    }

    /// The first statement that deviates a module of Ponder's.
    fn deviation_of_ours(&self, inside_ponder: &BTreeMap<String, Option<String>>) -> Option<&Statement> {
        let ours: BTreeSet<&str> = self
            .top("import")
            .filter(|(_, import)| inside_ponder.contains_key(&import.argument))
            .filter_map(|(at, _)| {
                let within = inside(&self.statements, at);
                Some(
                    within
                        .iter()
                        .find(|inner| inner.keyword == "prefix")?
                        .argument
                        .as_str(),
                )
            })
            .collect();
        let mut deviations = self.top("deviation").map(|(_, deviation)| deviation);
        deviations.find(|deviation| {
            let target = deviation.argument.trim_start_matches('/').split_once(':');
            target.is_some_and(|(prefix, _)| ours.contains(prefix))
        })
    }
}

/// The steps of a schema path; slashes between quotes are none.
fn steps(schema_path: &str) -> Vec<&str> {
    let mut quoted = false;
    schema_path
        .split(move |letter| {
            quoted ^= letter == '\'';
            letter == '/' && !quoted
        })
        .filter(|step| !step.is_empty())
        .map(|step| step.split_once(":{").map_or(step, |(_, special)| special))
        .collect()
}

/// Statements that make a step of a schema path.
const NODES: [&str; 11] = [
    "container",
    "list",
    "leaf",
    "leaf-list",
    "choice",
    "case",
    "anydata",
    "anyxml",
    "rpc",
    "action",
    "notification",
];

/// What the folder adds to Ponder's own modules; the newest revision of each module first.
struct Folder {
    files: Vec<File>,
}

impl Folder {
    fn read(path: &Path, embedded: &ModuleSet) -> Result<Folder, YangDirError> {
        let unreadable = |cause| YangDirError::Unreadable {
            path: path.to_owned(),
            cause,
        };
        let mut paths = Vec::new();
        for entry in fs::read_dir(path).map_err(unreadable)? {
            let path = entry.map_err(unreadable)?.path();
            if path.extension().is_some_and(|extension| extension == "yang") {
                paths.push(path);
            }
        }
        if paths.is_empty() {
            return Err(YangDirError::Empty {
                path: path.to_owned(),
            });
        }
        paths.sort();
        let mut files = paths.into_iter().map(File::read).collect::<Result<Vec<_>, _>>()?;
        // A stable sort: of two files with the same revision the first by name stays in front.
        files.sort_by(|a, b| (&a.text.name, &b.text.revision).cmp(&(&b.text.name, &a.text.revision)));
        files.dedup_by(|again, kept| {
            let same = (&again.text.name, &again.text.revision) == (&kept.text.name, &kept.text.revision);
            if same {
                tracing::warn!(file = %again.path.display(), kept = %kept.path.display(),
                    "this revision of the YANG module is there twice: the first file is served");
            }
            same
        });
        let inside = inside_ponder(embedded);
        files.retain(|file| {
            let ours = inside.get(&file.text.name);
            let (path, embedded) = (file.path.display(), ours.and_then(Option::as_deref).unwrap_or("none"));
            match ours {
                None => {}
                Some(revision) if *revision == file.text.revision => {
                    tracing::info!(file = %path, revision = embedded, "Ponder has this YANG module itself");
                }
                Some(_) => {
                    tracing::warn!(file = %path, embedded,
                        "Ponder has another revision of this YANG module, which is served; the file is only there for \
                         imports that name its revision");
                }
            }
            ours != Some(&file.text.revision)
        });
        files.retain(|file| match file.deviation_of_ours(&inside) {
            Some(deviation) => {
                tracing::warn!(file = %file.path.display(), line = deviation.line, deviation = deviation.argument,
                    "Ponder acts on this YANG module as it is: the file that deviates it is left out");
                false
            }
            None => true,
        });
        let folder = Folder { files };
        folder.look_for_imports(&inside)?;
        folder.look_for_namespaces(embedded, &inside)?;
        Ok(folder)
    }

    /// Refuses a module in the namespace of another: nobody could tell their nodes apart (RFC 7950 section 5.3).
    fn look_for_namespaces(
        &self,
        embedded: &ModuleSet,
        inside: &BTreeMap<String, Option<String>>,
    ) -> Result<(), YangDirError> {
        let mut taken: BTreeMap<String, String> = BTreeMap::new();
        for text in embedded.texts().iter().filter(|text| text.belongs_to.is_none()) {
            let all = statements(&text.text);
            let namespace = all
                .iter()
                .find(|statement| statement.depth == 1 && statement.keyword == "namespace");
            if let Some(namespace) = namespace {
                taken.insert(
                    namespace.argument.clone(),
                    format!("{}, which Ponder has itself", text.name),
                );
            }
        }
        let is_served =
            |file: &&File| file.text.belongs_to.is_none() && !inside.contains_key(&file.text.name);
        for file in self.files.iter().filter(is_served) {
            let Some((_, namespace)) = file.top("namespace").next() else {
                continue;
            };
            let name = &file.text.name;
            let owner = taken
                .entry(namespace.argument.clone())
                .or_insert_with(|| name.clone());
            if owner.split(',').next() != Some(name) {
                let problem = format!(
                    "module {name} has the namespace {} of module {owner}",
                    namespace.argument
                );
                return Err(file.wrong(namespace.line, problem));
            }
        }
        Ok(())
    }

    /// The modules that are served, each in its newest revision.
    fn served(&self) -> impl Iterator<Item = &File> {
        let mut seen = BTreeSet::new();
        self.files
            .iter()
            .filter(move |file| file.text.belongs_to.is_none() && seen.insert(file.text.name.as_str()))
    }

    fn look_for_imports(&self, inside_ponder: &BTreeMap<String, Option<String>>) -> Result<(), YangDirError> {
        let mut seen = BTreeSet::new();
        let newest = self.files.iter().filter(|file| seen.insert(&file.text.name));
        for file in newest.filter(|file| !inside_ponder.contains_key(&file.text.name)) {
            let wanted = file.top("import").chain(file.top("include"));
            for (at, statement) in wanted {
                let name = &statement.argument;
                let revision = inside(&file.statements, at)
                    .iter()
                    .find(|inner| inner.keyword == "revision-date")
                    .map(|inner| &inner.argument);
                let fits = |has: &Option<String>| revision.is_none() || has.as_ref() == revision;
                let found = self.files.iter().any(|other| {
                    other.text.name == *name
                        && other.text.belongs_to.is_some() == (statement.keyword == "include")
                        && fits(&other.text.revision)
                }) || inside_ponder.get(name).is_some_and(fits);
                if !found {
                    let revision =
                        revision.map_or(String::new(), |revision| format!(" of revision {revision}"));
                    let problem = format!(
                        "{} {} {}s {name}{revision}, which is neither in the folder nor part of Ponder",
                        if file.text.belongs_to.is_some() {
                            "submodule"
                        } else {
                            "module"
                        },
                        file.text.name,
                        statement.keyword,
                    );
                    return Err(file.wrong(statement.line, problem));
                }
            }
        }
        Ok(())
    }

    /// All features of a module, its submodules' included: whoever only stores can store everything.
    fn features(&self, module: &str) -> Vec<String> {
        let of_module =
            |file: &&File| file.text.name == module || file.text.belongs_to.as_deref() == Some(module);
        let names: BTreeSet<String> = self
            .files
            .iter()
            .filter(of_module)
            .flat_map(|file| file.top("feature").map(|(_, feature)| feature.argument.clone()))
            .collect();
        names.into_iter().collect()
    }

    /// Finds file and line of what libyang did not like.
    fn blame(&self, folder: &Path, cause: SchemaError) -> YangDirError {
        if let SchemaError::Module {
            module,
            line,
            schema_path,
            reason,
        } = &cause
        {
            let of_path = schema_path
                .as_deref()
                .and_then(|path| path.strip_prefix('/')?.split_once(':'))
                .map(|(module, _)| module);
            let named = of_path.unwrap_or(module);
            if let Some(file) = self.files.iter().find(|file| file.text.name == *named) {
                let line = match (line, schema_path) {
                    (Some(line), _) => usize::try_from(*line).unwrap_or(1),
                    (None, Some(path)) => file.line_of(path),
                    (None, None) => file.line_of(""),
                };
                let place = schema_path
                    .as_ref()
                    .map_or(String::new(), |path| format!(" (at {path})"));
                return file.wrong(line, format!("{}{place}", reason.replace('\n', " ")));
            }
        }
        YangDirError::Together {
            path: folder.to_owned(),
            cause,
        }
    }
}

/// Name and newest revision of every module and submodule that Ponder or its YANG library brings.
fn inside_ponder(embedded: &ModuleSet) -> BTreeMap<String, Option<String>> {
    let mut inside: BTreeMap<String, Option<String>> = embedded
        .texts()
        .iter()
        .map(|text| (text.name.clone(), text.revision.clone()))
        .collect();
    if let Ok(bare) = Schema::load(ModuleSet::new()) {
        inside.extend(
            bare.modules()
                .iter()
                .map(|module| (module.name.clone(), module.revision.clone())),
        );
    }
    inside
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            fs::write(folder.path().join(name), text).unwrap();
        }
        folder
    }

    fn fault(files: &[(&str, &str)]) -> String {
        let folder = folder(files);
        let fault = schema(Some(folder.path())).unwrap_err().to_string();
        assert!(!fault.contains('\n'), "{fault}");
        fault.replace(&folder.path().display().to_string(), "DIR")
    }

    const TYPES: &str =
        "module types { namespace urn:types; prefix t; typedef name { type string; } feature fast; }";
    const SHELF: &str = "module shelf {\n  yang-version 1.1;\n  namespace urn:shelf;\n  prefix s;\n  import types {\n    prefix t;\n  }\n  \
                         include shelf-books;\n  container shelf {\n    leaf owner { type t:name; }\n    uses books;\n  }\n}";
    const BOOKS: &str = "submodule shelf-books {\n  yang-version 1.1;\n  belongs-to shelf { prefix s; }\n  feature lending;\n  \
                         grouping books {\n    list book { key title; leaf title { type string; } leaf lent { if-feature lending; type boolean; } }\n  }\n}";

    #[test]
    fn modules_of_a_folder_are_served_with_their_submodules_and_features() {
        let folder = folder(&[
            ("types.yang", TYPES),
            ("shelf@2024-01-01.yang", SHELF),
            ("shelf-books.yang", BOOKS),
            ("README", "no module"),
        ]);
        let schema = schema(Some(folder.path())).unwrap();
        assert!(schema.find("/shelf:shelf/book/lent").is_some());
        assert_eq!(schema.module("shelf").unwrap().features, ["lending"]);
        assert_eq!(schema.module("types").unwrap().features, ["fast"]);
        assert!(schema.module("Cisco-IOS-XR-osa-cfg").is_some());
        assert_eq!(stored_only(&schema), ["/shelf:shelf"]);
    }

    #[test]
    fn of_a_module_whose_features_are_chosen_no_others_are_on() {
        let folder = folder(&[
            ("types.yang", TYPES),
            ("shelf.yang", SHELF),
            ("shelf-books.yang", BOOKS),
        ]);
        let with = |module: &str, features: &[&str]| {
            let chosen = features.iter().map(|&feature| feature.to_owned()).collect();
            let features = Features::from([(module.to_owned(), chosen)]);
            schema_with(Some(folder.path()), &features, &[])
        };
        let schema = with("shelf", &[]).unwrap();
        assert_eq!(schema.module("shelf").unwrap().features, [""; 0]);
        assert!(schema.find("/shelf:shelf/book/lent").is_none());
        assert_eq!(schema.module("types").unwrap().features, ["fast"]);
        let schema = with("shelf", &["lending"]).unwrap();
        assert!(schema.find("/shelf:shelf/book/lent").is_some());
        let wrong = with("shelf", &["reading"]).unwrap_err().to_string();
        assert!(
            wrong.ends_with("has no feature reading: it has lending"),
            "{wrong}"
        );
        let wrong = with("desk", &[]).unwrap_err().to_string();
        assert!(wrong.contains("module desk cannot be chosen"), "{wrong}");
    }

    #[test]
    fn a_module_that_ponder_has_itself_stays_ponders() {
        let folder = folder(&[
            ("types.yang", TYPES),
            (
                "Cisco-IOS-XR-osa-cfg.yang",
                "module Cisco-IOS-XR-osa-cfg { namespace urn:other; prefix o; revision 1999-01-01; container other; }",
            ),
            (
                "ietf-yang-types.yang",
                "module ietf-yang-types { namespace urn:other; prefix y; revision 1999-01-01; }",
            ),
        ]);
        let schema = schema(Some(folder.path())).unwrap();
        assert!(schema.find("/Cisco-IOS-XR-osa-cfg:other").is_none());
        assert_ne!(schema.module("ietf-yang-types").unwrap().namespace, "urn:other");
        assert!(schema.module("types").is_some());
    }

    #[test]
    fn a_module_in_the_namespace_of_another_is_refused_by_name() {
        let twice = [
            (
                "a.yang",
                "module a { namespace urn:same; prefix a; container a; }",
            ),
            (
                "b.yang",
                "module b {\n namespace urn:same; prefix b; container b; }",
            ),
        ];
        assert_eq!(
            fault(&twice),
            "DIR/b.yang, line 2: module b has the namespace urn:same of module a"
        );
        let ours =
            "module c { namespace urn:ietf:params:xml:ns:yang:ietf-netconf-acm; prefix c; container c; }";
        assert_eq!(
            fault(&[("c.yang", ours)]),
            "DIR/c.yang, line 1: module c has the namespace urn:ietf:params:xml:ns:yang:ietf-netconf-acm of module \
             ietf-netconf-acm, which Ponder has itself"
        );
    }

    #[test]
    fn what_deviates_a_module_of_ponder_is_left_out() {
        let deviating = "module a { namespace urn:a; prefix a;\n import Cisco-IOS-XR-config-mda-cfg { prefix mda; }\n \
                         deviation /mda:active-nodes { deviate not-supported; } container a; }";
        let folder = folder(&[("types.yang", TYPES), ("a.yang", deviating)]);
        let schema = schema(Some(folder.path())).unwrap();
        assert!(schema.find("/Cisco-IOS-XR-config-mda-cfg:active-nodes").is_some());
        assert!(schema.module("a").is_none() && schema.module("types").is_some());
    }

    #[test]
    fn the_newest_revision_of_a_module_is_served() {
        let revision = |date: &str| {
            format!("module shelf {{ namespace urn:shelf; prefix s; revision {date}; container in-{date}; }}")
        };
        let (old, new) = (revision("2019-05-05"), revision("2024-01-01"));
        let folder = folder(&[("shelf@2019-05-05.yang", &old), ("shelf@2024-01-01.yang", &new)]);
        let schema = schema(Some(folder.path())).unwrap();
        assert_eq!(
            schema.module("shelf").unwrap().revision.as_deref(),
            Some("2024-01-01")
        );
    }

    #[test]
    fn a_missing_import_is_named_with_file_and_line() {
        assert_eq!(
            fault(&[("shelf.yang", SHELF), ("shelf-books.yang", BOOKS)]),
            "DIR/shelf.yang, line 5: module shelf imports types, which is neither in the folder nor part of Ponder"
        );
        assert_eq!(
            fault(&[("shelf.yang", SHELF), ("types.yang", TYPES)]),
            "DIR/shelf.yang, line 8: module shelf includes shelf-books, which is neither in the folder nor part of Ponder"
        );
        let dated = "module a { namespace urn:a; prefix a;\n import ietf-inet-types { prefix i; revision-date 1999-01-01; } }";
        assert_eq!(
            fault(&[("a.yang", dated)]),
            "DIR/a.yang, line 2: module a imports ietf-inet-types of revision 1999-01-01, which is neither in the folder \
             nor part of Ponder"
        );
    }

    #[test]
    fn a_broken_module_is_named_with_file_and_line() {
        for (text, wanted) in [
            (
                "no yang at all",
                "DIR/a.yang, line 1: this is neither a module nor a submodule",
            ),
            (
                "module a {\n namespace urn:a;\n prefix a;\n leaf x\n}",
                "DIR/a.yang, line 5: ",
            ),
            (
                "module a {\n namespace urn:a;\n prefix a;\n container c {\n  leaf x { type nothing; }\n }\n}",
                "DIR/a.yang, line 5: ",
            ),
            (
                "module a {\n namespace urn:a;\n prefix a;\n list l {\n  key k;\n }\n}",
                "DIR/a.yang, line 4: ",
            ),
            (
                "module a {\n namespace urn:a;\n prefix a;\n container c { must \"((\"; }\n}",
                "DIR/a.yang, line 4: ",
            ),
            (
                "module a {\n namespace urn:a;\n prefix a;\n leaf r { type leafref { path /a:none; } }\n}",
                "DIR/a.yang, line 4: ",
            ),
            (
                "module a {\n namespace urn:a;\n prefix a;\n augment /a:none { leaf x { type string; } }\n}",
                "DIR/a.yang, line ",
            ),
            (
                "module a {\n namespace urn:a;\n prefix a;\n uses none;\n}",
                "DIR/a.yang, line ",
            ),
            (
                "module a {\n namespace urn:a;\n prefix a;\n leaf x { type b:y; }\n}",
                "DIR/a.yang, line 4: ",
            ),
            (
                "submodule a {\n}",
                "DIR/a.yang, line 1: submodule a does not say which module it belongs to",
            ),
        ] {
            let fault = fault(&[("a.yang", text), ("types.yang", TYPES)]);
            assert!(fault.starts_with(wanted), "{fault}");
        }
    }

    #[test]
    fn a_folder_without_modules_is_refused() {
        assert_eq!(fault(&[("README", "")]), "DIR holds no .yang file");
        let error = schema(Some(Path::new("/nowhere/at/all")))
            .unwrap_err()
            .to_string();
        assert!(error.starts_with("/nowhere/at/all: No such file"), "{error}");
    }
}
