//! The schema: which modules are loaded, their texts, and where a name leads. Built once, shared by everybody.

use std::collections::{HashMap, HashSet};
use std::ffi::{CStr, CString, c_char, c_void};
use std::fmt;
use std::ptr;
use std::sync::{Arc, OnceLock};

use libyang5_sys as ffi;
use yang5::context::{Context, ContextFlags};
use yang5::schema::{SchemaOutputFormat, SchemaPrinterFlags};

use crate::yang::compiled_type::{is_expression, keep_as_expression};
use crate::yang::error::SchemaError;
use crate::yang::escapes;
use crate::yang::modules::ModuleSet;
use crate::yang::rules::Rules;
use crate::yang::schema_node::{SchemaId, SchemaNode, array};
use crate::yang::withheld::Withheld;

/// All loaded modules, compiled. Never changes after [`Schema::load`], so any thread may read it.
pub struct Schema {
    context: Context,
    raw: *mut ffi::ly_ctx,
    modules: Vec<Module>,
    by_name: HashMap<String, usize>,
    by_namespace: HashMap<String, usize>,
    texts: ModuleSet,
    /// All data nodes, so that an id can be trusted.
    nodes: HashSet<SchemaId>,
    /// What libyang must not see.
    withheld: Withheld,
    /// libyang's numbers of the types in use whose values are expressions.
    expression_types: Vec<usize>,
    /// Worked out when the first change is validated.
    rules: OnceLock<Rules>,
}

// SAFETY: the context is complete before the schema is shared, and libyang allows any number of threads to use a
// complete context: its dictionary has its own lock and its error records are kept by thread.
unsafe impl Send for Schema {}
// SAFETY: as above.
unsafe impl Sync for Schema {}

/// What a module is to this server (RFC 8525).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Conformance {
    /// Its data nodes and RPCs are served.
    Implement,
    /// Only its types and groupings are used.
    Import,
}

/// One loaded module.
#[derive(Clone, Debug)]
pub struct Module {
    /// Name.
    pub name: String,
    /// Newest revision, when it has one.
    pub revision: Option<String>,
    /// XML namespace.
    pub namespace: String,
    /// Its own prefix.
    pub prefix: String,
    /// Features that are on.
    pub features: Vec<String>,
    /// Implemented or only imported from.
    pub conformance: Conformance,
    /// Name and revision of each submodule.
    pub submodules: Vec<(String, Option<String>)>,
    /// Names of the modules that deviate it.
    pub deviations: Vec<String>,
    /// Whether libyang brought it.
    pub is_internal: bool,
    raw: ModulePointer,
}

#[derive(Clone, Copy, Debug)]
struct ModulePointer(*const ffi::lys_module);

// SAFETY: points into the context of the schema that owns the `Module`, read only.
unsafe impl Send for ModulePointer {}
// SAFETY: as above.
unsafe impl Sync for ModulePointer {}

impl Module {
    pub(in crate::yang) fn raw(&self) -> *const ffi::lys_module {
        self.raw.0
    }
}

/// The answer to a question for a module's text (RFC 6022 section 3.1).
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Source {
    /// Its text.
    Text(String),
    /// No such module, submodule or revision.
    NotFound,
    /// Several revisions, and the question named none: `data-not-unique`.
    SeveralRevisions,
}

impl Schema {
    /// Loads and compiles a set of modules.
    pub fn load(set: ModuleSet) -> Result<Arc<Schema>, SchemaError> {
        let flags = ContextFlags::DISABLE_SEARCHDIRS | ContextFlags::DISABLE_SEARCHDIR_CWD;
        let mut context = Context::new(flags).map_err(|e| SchemaError::Library(e.to_string()))?;
        // SAFETY: sets a process-wide option of libyang: keep every error, print none.
        unsafe { ffi::ly_log_options(ffi::LY_LOSTORE) };
        let internal = context.internal_module_count() as usize;

        let offered = Offered::new(&set);
        // SAFETY: `offered` outlives the loading, and the callback is taken away again before it goes.
        unsafe {
            let data = ptr::from_ref(&offered).cast_mut().cast::<c_void>();
            context.set_module_import_callback(offer_module, data);
        }
        let wanted = wanted_modules(&set);
        let wanted: Vec<(&str, Option<&str>, &[&str])> = wanted
            .iter()
            .map(|(name, features)| (*name, None, features.as_slice()))
            .collect();
        let loaded = context.load_modules(&wanted);
        context.unset_embedded_modules();

        let Some(raw) = context
            .modules(false)
            .next()
            // SAFETY: a module in a context points back to that context.
            .map(|module| unsafe { (*module.as_raw()).ctx })
        else {
            return Err(SchemaError::Library("the context is empty".to_owned()));
        };
        if let Err(error) = loaded {
            let errors = take_errors(raw);
            // The first one names the cause, those behind it what was being done.
            let first = errors.first();
            let reasons: Vec<&str> = errors.iter().map(|e| e.message.as_str()).collect();
            return Err(SchemaError::Module {
                module: offered.last_asked(),
                line: first.and_then(|e| e.line),
                schema_path: first.and_then(|e| e.schema_path.clone()),
                reason: if reasons.is_empty() {
                    error.to_string()
                } else {
                    reasons.join("; ")
                },
            });
        }

        let modules = list_modules(&context, &set, internal);
        let mut by_name = HashMap::new();
        let mut by_namespace = HashMap::new();
        for (index, module) in modules.iter().enumerate() {
            let implemented = module.conformance == Conformance::Implement;
            if implemented || !by_name.contains_key(&module.name) {
                by_name.insert(module.name.clone(), index);
            }
            if implemented {
                by_namespace.insert(module.namespace.clone(), index);
            }
        }
        let mut schema = Schema {
            context,
            raw,
            modules,
            by_name,
            by_namespace,
            texts: set,
            nodes: HashSet::new(),
            withheld: Withheld::default(),
            expression_types: Vec::new(),
            rules: OnceLock::new(),
        };
        let mut nodes = HashSet::new();
        let mut types = HashSet::new();
        for top in schema.top_nodes() {
            collect(top, &mut nodes, &mut types);
        }
        if let Some(path) = schema.find(RULE_PATH) {
            // SAFETY: a leaf is in full a `lysc_node_leaf`; nobody else has the schema yet, and no data was made with it.
            unsafe {
                let leaf = path.raw().cast::<ffi::lysc_node_leaf>();
                keep_as_expression((*leaf).type_, types.iter().copied());
            }
        }
        schema.nodes = nodes;
        schema.withheld = Withheld::from(&schema, schema.nodes.iter().copied());
        schema.expression_types = types
            .into_iter()
            .filter(|plugin| is_expression(*plugin))
            .collect();
        Ok(Arc::new(schema))
    }

    /// Whether values of this type of libyang's are expressions.
    pub(in crate::yang) fn is_expression_type(&self, plugin: usize) -> bool {
        self.expression_types.contains(&plugin)
    }

    /// All loaded modules: libyang's own first, then ours by name.
    pub fn modules(&self) -> &[Module] {
        &self.modules
    }

    /// A module by name; the implemented revision where there are several.
    pub fn module(&self, name: &str) -> Option<&Module> {
        self.by_name.get(name).and_then(|index| self.modules.get(*index))
    }

    /// The implemented module of a namespace.
    pub fn module_of_namespace(&self, namespace: &str) -> Option<&Module> {
        self.by_namespace
            .get(namespace)
            .and_then(|index| self.modules.get(*index))
    }

    /// Where a module stands in [`Schema::modules`]; the order in which top-level nodes are printed.
    pub fn module_rank(&self, name: &str) -> usize {
        self.by_name.get(name).copied().unwrap_or(usize::MAX)
    }

    /// The text of a module or submodule.
    pub fn source(&self, name: &str, revision: Option<&str>) -> Source {
        let wanted = revision.filter(|revision| !revision.is_empty());
        let submodules = self.texts.texts().iter().filter(|text| text.belongs_to.is_some());
        let mut found: Vec<(Option<&str>, Option<&str>)> = self
            .modules
            .iter()
            .filter(|module| module.name == name)
            .map(|module| (module.revision.as_deref(), None))
            .chain(
                submodules
                    .filter(|text| text.name == name)
                    .map(|text| (text.revision.as_deref(), Some(text.text.as_str()))),
            )
            .collect();
        if let Some(wanted) = wanted {
            found.retain(|(revision, _)| *revision == Some(wanted));
        }
        let (revision, text) = match found.as_slice() {
            [] => return Source::NotFound,
            [one] => *one,
            _ => return Source::SeveralRevisions,
        };
        let embedded = self.texts.texts().iter().find(|text| {
            text.name == name && (text.revision.is_none() || text.revision.as_deref() == revision)
        });
        if let Some(text) = text.or(embedded.map(|embedded| embedded.text.as_str())) {
            return Source::Text(text.to_owned());
        }
        let printed = self.context.get_module(name, revision).and_then(|module| {
            module
                .print_string(SchemaOutputFormat::YANG, SchemaPrinterFlags::empty())
                .ok()
        });
        match printed {
            Some(text) => Source::Text(text),
            None => Source::NotFound,
        }
    }

    /// A module as YIN, its XML form; submodules have none of their own.
    pub fn source_in_yin(&self, name: &str, revision: Option<&str>) -> Source {
        let wanted = revision.filter(|revision| !revision.is_empty());
        let mut found = self.modules.iter().filter(|module| {
            module.name == name && wanted.is_none_or(|wanted| module.revision.as_deref() == Some(wanted))
        });
        let Some(module) = found.next() else {
            return Source::NotFound;
        };
        if found.next().is_some() {
            return Source::SeveralRevisions;
        }
        let printed = self
            .context
            .get_module(name, module.revision.as_deref())
            .and_then(|module| {
                module
                    .print_string(SchemaOutputFormat::YIN, SchemaPrinterFlags::empty())
                    .ok()
            });
        printed.map_or(Source::NotFound, Source::Text)
    }

    /// A top-level data node, RPC or notification of an implemented module.
    pub fn top(&self, module: &str, name: &str) -> Option<SchemaNode<'_>> {
        let module = self.module(module)?;
        SchemaNode::find_top(self, module, name)
    }

    /// A node by its path, `/module:container/list/other-module:leaf`; choices and cases are not steps.
    pub fn find(&self, path: &str) -> Option<SchemaNode<'_>> {
        let mut here: Option<SchemaNode<'_>> = None;
        for step in path.strip_prefix('/')?.split('/') {
            here = Some(match (here, step.split_once(':')) {
                (None, Some((module, name))) => self.top(module, name)?,
                (None, None) => return None,
                (Some(parent), Some((module, name))) => parent.child(module, name)?,
                (Some(parent), None) => parent.child(parent.module(), step)?,
            });
        }
        here
    }

    /// All top-level nodes of the implemented modules.
    pub fn top_nodes(&self) -> impl Iterator<Item = SchemaNode<'_>> {
        self.modules
            .iter()
            .filter(|module| module.conformance == Conformance::Implement)
            .flat_map(|module| SchemaNode::tops_of(self, module))
    }

    /// The node with an id of this schema.
    pub fn node(&self, id: SchemaId) -> Option<SchemaNode<'_>> {
        // SAFETY: an id among the schema's own is the address of one of its nodes.
        unsafe {
            SchemaNode::from_raw(
                self,
                if self.nodes.contains(&id) {
                    id.address()
                } else {
                    ptr::null()
                },
            )
        }
    }

    /// What its rules depend on.
    pub(in crate::yang) fn rules(&self) -> &Rules {
        self.rules.get_or_init(|| Rules::of(self))
    }

    /// What libyang does not see of it.
    pub(in crate::yang) fn withheld(&self) -> &Withheld {
        &self.withheld
    }

    pub(in crate::yang) fn raw(&self) -> *mut ffi::ly_ctx {
        self.raw
    }

    /// Takes what libyang has recorded on this thread since the last call.
    pub(in crate::yang) fn take_errors(&self) -> Vec<LibraryError> {
        take_errors(self.raw)
    }
}

impl Drop for Schema {
    fn drop(&mut self) {
        self.withheld.give_back();
    }
}

impl fmt::Debug for Schema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Schema of {} modules", self.modules.len())
    }
}

/// One error as libyang recorded it.
#[derive(Clone, Debug)]
pub(in crate::yang) struct LibraryError {
    pub(in crate::yang) message: String,
    pub(in crate::yang) data_path: Option<String>,
    pub(in crate::yang) app_tag: Option<String>,
    pub(in crate::yang) schema_path: Option<String>,
    pub(in crate::yang) line: Option<u64>,
}

impl LibraryError {
    /// An error of our own in the same form.
    pub(in crate::yang) fn new(message: impl Into<String>) -> LibraryError {
        LibraryError {
            message: message.into(),
            data_path: None,
            app_tag: None,
            schema_path: None,
            line: None,
        }
    }
}

fn take_errors(context: *const ffi::ly_ctx) -> Vec<LibraryError> {
    let mut taken = Vec::new();
    // SAFETY: the list belongs to this thread; it is read to its end and only then freed.
    unsafe {
        let mut item = ffi::ly_err_first(context);
        while !item.is_null() {
            if (*item).level == ffi::LY_LOG_LEVEL::LY_LLERR {
                taken.push(LibraryError {
                    message: text((*item).msg).unwrap_or_default(),
                    data_path: text((*item).data_path),
                    app_tag: text((*item).apptag),
                    schema_path: text((*item).schema_path),
                    line: Some((*item).line).filter(|line| *line > 0),
                });
            }
            item = (*item).next;
        }
        ffi::ly_err_clean(context, ptr::null_mut());
    }
    taken
}

/// Copies a C string.
///
/// # Safety
/// `pointer` is null or points to a terminated string.
unsafe fn text(pointer: *const c_char) -> Option<String> {
    if pointer.is_null() {
        return None;
    }
    // SAFETY: the caller's promise.
    Some(unsafe { CStr::from_ptr(pointer) }.to_string_lossy().into_owned())
}

fn collect(node: SchemaNode<'_>, ids: &mut HashSet<SchemaId>, types: &mut HashSet<usize>) {
    ids.insert(node.id());
    types.extend(node.type_plugins());
    for child in node.children().chain(node.output_children()) {
        // An action or a list may be reached twice: as a child and, for operations, in both directions.
        if !ids.contains(&child.id()) {
            collect(child, ids, types);
        }
    }
}

/// The path of an access rule.
const RULE_PATH: &str = "/ietf-netconf-acm:nacm/rule-list/rule/path";

/// Name and features of each module to implement.
fn wanted_modules(set: &ModuleSet) -> Vec<(&str, Vec<&str>)> {
    set.implemented()
        .map(|(name, features)| (name, features.iter().map(String::as_str).collect()))
        .collect()
}

fn list_modules(context: &Context, set: &ModuleSet, internal: usize) -> Vec<Module> {
    let mut modules: Vec<Module> = context
        .modules(false)
        .enumerate()
        .map(|(index, module)| {
            let name = module.name().to_owned();
            let features = set
                .implemented()
                .find(|(implemented, _)| *implemented == name)
                .map(|(_, features)| features.to_vec())
                .unwrap_or_default();
            let submodules = set
                .texts()
                .iter()
                .filter(|text| text.belongs_to.as_deref() == Some(name.as_str()))
                .map(|text| (text.name.clone(), text.revision.clone()))
                .collect();
            Module {
                revision: module.revision().map(str::to_owned),
                namespace: module.namespace().to_owned(),
                prefix: module.prefix().to_owned(),
                features,
                conformance: if module.is_implemented() {
                    Conformance::Implement
                } else {
                    Conformance::Import
                },
                submodules,
                deviations: deviations(module.as_raw()),
                is_internal: index < internal,
                raw: ModulePointer(module.as_raw()),
                name,
            }
        })
        .collect();
    // libyang brings modules for its own use. Those that nothing served imports are no part of this server.
    let mut used: HashSet<*const ffi::lys_module> = HashSet::new();
    for module in &modules {
        if !module.is_internal || module.name == "ietf-yang-library" {
            mark_imports(module.raw(), &mut used);
        }
    }
    modules.retain(|module| used.contains(&module.raw()));
    modules.sort_by(|a, b| (!a.is_internal, &a.name).cmp(&(!b.is_internal, &b.name)));
    modules
}

/// The modules that deviate one, by name.
fn deviations(module: *const ffi::lys_module) -> Vec<String> {
    // SAFETY: modules of a context point to modules of the same context, whose names are terminated strings.
    let mut names: Vec<String> = unsafe {
        array((*module).deviated_by)
            .iter()
            .filter_map(|by| text((**by).name))
            .collect()
    };
    names.sort();
    names
}

/// Marks a module and what it imports, directly or not.
fn mark_imports(module: *const ffi::lys_module, used: &mut HashSet<*const ffi::lys_module>) {
    if module.is_null() || !used.insert(module) {
        return;
    }
    // SAFETY: modules of a context keep what they were parsed from, whose imports point to modules of the same context.
    unsafe {
        let parsed = (*module).parsed;
        if parsed.is_null() {
            return;
        }
        for import in array((*parsed).imports) {
            mark_imports(import.module, used);
        }
        for include in array((*parsed).includes) {
            if !include.submodule.is_null() {
                for import in array((*include.submodule).imports) {
                    mark_imports(import.module, used);
                }
            }
        }
    }
}

/// The texts that libyang may ask for while it loads.
struct Offered {
    texts: Vec<(String, Option<String>, Option<String>, CString)>,
    asked: std::cell::RefCell<String>,
}

impl Offered {
    fn new(set: &ModuleSet) -> Offered {
        Offered {
            texts: set
                .texts()
                .iter()
                .filter_map(|text| {
                    let yang = CString::new(escapes::readable(&text.text).as_ref()).ok()?;
                    Some((
                        text.name.clone(),
                        text.revision.clone(),
                        text.belongs_to.clone(),
                        yang,
                    ))
                })
                .collect(),
            asked: std::cell::RefCell::default(),
        }
    }

    fn find(&self, name: &str, revision: Option<&str>) -> Option<&CStr> {
        *self.asked.borrow_mut() = name.to_owned();
        self.texts
            .iter()
            .find(|(has, has_revision, _, _)| {
                has == name
                    && (revision.is_none() || has_revision.is_none() || has_revision.as_deref() == revision)
            })
            .map(|(_, _, _, yang)| yang.as_c_str())
    }

    fn last_asked(&self) -> String {
        self.asked.borrow().clone()
    }
}

/// Called by libyang for an import, an include or a module to load.
unsafe extern "C" fn offer_module(
    module: *const c_char,
    revision: *const c_char,
    submodule: *const c_char,
    submodule_revision: *const c_char,
    offered: *mut c_void,
    format: *mut ffi::LYS_INFORMAT::Type,
    data: *mut *const c_char,
    free: *mut ffi::ly_module_imp_data_free_clb,
) -> ffi::LY_ERR::Type {
    // SAFETY: libyang passes terminated strings or null, places to write to, and the pointer that
    // `Schema::load` gave it, which lives until loading ends; the text it gets lives as long.
    unsafe {
        let offered = &*offered.cast_const().cast::<Offered>();
        let (name, revision) = if submodule.is_null() {
            (text(module), text(revision))
        } else {
            (text(submodule), text(submodule_revision))
        };
        match name.and_then(|name| offered.find(&name, revision.as_deref())) {
            Some(yang) => {
                *format = ffi::LYS_INFORMAT::LYS_IN_YANG;
                *data = yang.as_ptr();
                *free = None;
                ffi::LY_ERR::LY_SUCCESS
            }
            None => ffi::LY_ERR::LY_ENOTFOUND,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yang::schema_node::NodeKind;

    #[test]
    fn every_embedded_module_loads_and_is_listed() {
        let schema = Schema::load(ModuleSet::embedded()).unwrap();
        let netconf = schema.module("ietf-netconf").unwrap();
        assert_eq!(netconf.revision.as_deref(), Some("2011-06-01"));
        assert_eq!(
            netconf.features,
            [
                "candidate",
                "confirmed-commit",
                "rollback-on-error",
                "validate",
                "xpath"
            ]
        );
        assert_eq!(netconf.conformance, Conformance::Implement);
        let licence = schema.module("Cisco-IOS-XR-smart-license-act").unwrap();
        assert_eq!(
            licence.submodules.first().map(|(name, _)| name.as_str()),
            Some("Cisco-IOS-XR-smart-license-errors")
        );
        assert!(schema.module_of_namespace("urn:nobody").is_none());
        assert_eq!(
            schema
                .modules()
                .iter()
                .filter(|m| m.name == "ietf-inet-types")
                .count(),
            1
        );
    }

    #[test]
    fn module_texts_are_found_by_name_and_revision() {
        let schema = Schema::load(ModuleSet::embedded()).unwrap();
        let Source::Text(text) = schema.source("Cisco-IOS-XR-osa-cfg", None) else {
            panic!("no text");
        };
        assert!(text.starts_with("module Cisco-IOS-XR-osa-cfg"));
        assert!(matches!(
            schema.source("Cisco-IOS-XR-smart-license-errors", None),
            Source::Text(_)
        ));
        let Source::Text(text) = schema.source("ietf-yang-types", None) else {
            panic!("no text of an internal module");
        };
        assert!(text.contains("module ietf-yang-types"));
        assert_eq!(
            schema.source("ietf-netconf", Some("1999-01-01")),
            Source::NotFound
        );
        assert_eq!(schema.source("nobody", None), Source::NotFound);
    }

    #[test]
    fn nodes_are_found_through_augments() {
        let schema = Schema::load(ModuleSet::embedded()).unwrap();
        let slice = schema
            .find("/Cisco-IOS-XR-config-mda-cfg:active-nodes/active-node/Cisco-IOS-XR-osa-cfg:mxponder-slices/mxponder-slice")
            .unwrap();
        assert_eq!(slice.kind(), NodeKind::List);
        assert_eq!(slice.keys().map(|k| k.name()).collect::<Vec<_>>(), ["slice-id"]);
        assert!(slice.is_config());
        assert!(
            schema
                .find("/Cisco-IOS-XR-config-mda-cfg:active-nodes/nothing")
                .is_none()
        );
    }

    #[test]
    fn a_module_of_version_1_may_have_any_letter_behind_a_backslash() {
        let text = r#"module old { namespace urn:o; prefix o; leaf x { type string { pattern "\d+"; } } }"#;
        let schema = Schema::load(ModuleSet::new().with_module("old", text)).unwrap();
        assert_eq!(schema.source("old", None), Source::Text(text.to_owned()));
        let newer = text.replace("prefix o;", "prefix o; yang-version 1.1;");
        let error = Schema::load(ModuleSet::new().with_module("old", &newer)).unwrap_err();
        assert!(error.to_string().contains("\\d"), "{error}");
    }

    #[test]
    fn a_module_knows_who_deviates_it() {
        let set = ModuleSet::new()
            .with_module(
                "shelf",
                "module shelf { namespace urn:s; prefix s; leaf owner { type string; } }",
            )
            .with_module(
                "shop",
                "module shop { namespace urn:shop; prefix p; import shelf { prefix s; } \
                 deviation /s:owner { deviate add { default nobody; } } }",
            );
        let schema = Schema::load(set).unwrap();
        assert_eq!(schema.module("shelf").unwrap().deviations, ["shop"]);
        assert_eq!(schema.module("shop").unwrap().deviations, [""; 0]);
    }

    #[test]
    fn a_broken_module_is_named() {
        let set =
            ModuleSet::new().with_module("broken", "module broken { namespace urn:b; prefix b; leaf x; }");
        let error = Schema::load(set).unwrap_err().to_string();
        assert!(error.contains("broken"), "{error}");
    }
}
