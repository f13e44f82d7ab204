//! XPath filters (RFC 6241 section 8.9): bound to the schema, pushed down, and evaluated within a limit.
//!
//! A name without a prefix means a node of any module at the top, of its parent's module below: clients leave prefixes
//! out. A prefix of a namespace that no module has selects nothing.

use std::fmt;
use std::sync::Arc;

use crate::yang::error::{DataError, DataErrorTag};
use crate::yang::evaluable::Evaluable;
use crate::yang::evaluate;
use crate::yang::path::InstancePath;
use crate::yang::place::canonical_value;
use crate::yang::print::{Marks, Readable, Rendering, render_nodes_to};
use crate::yang::schema::Schema;
use crate::yang::schema_node::{NodeKind, SchemaNode};
use crate::yang::select::{ContentMatch, Pick, Selection, Sieve};
use crate::yang::tree::{NodeRef, Tree};
use crate::yang::xpath::{Axis, Expr, Operator, Path, Step, Test, cost, parse};

/// An evaluation that may visit more nodes is refused: it would take tens of seconds, and cannot be interrupted.
pub const MAX_COST: u64 = 50_000_000;

/// A filter that is ready to be evaluated.
#[derive(Debug)]
pub struct XPathFilter {
    expr: Expr,
    /// As the client wrote it.
    select: String,
    /// With module names as prefixes.
    bound: String,
    /// What its location paths can lead to.
    reach: Selection,
    /// Whether that is all that it selects, and nothing else.
    is_exact: bool,
}

impl XPathFilter {
    /// Reads the expression of a `select` attribute; `namespaces` are the prefixes in scope there.
    pub fn bind(
        schema: &Arc<Schema>,
        select: &str,
        namespaces: &[(String, String)],
    ) -> Result<XPathFilter, DataError> {
        let expr = parse(select).map_err(|error| invalid(select, &error.to_string()))?;
        let mut binding = Binding {
            schema,
            namespaces,
            names: Vec::new(),
        };
        binding.expr(&expr).map_err(|problem| invalid(select, &problem))?;
        let mut reach = Reach {
            binding: &mut binding,
            sieve: Sieve::default(),
            everything: false,
            is_exact: is_location(&expr),
        };
        reach.expr(&expr, true);
        let (sieve, everything, is_exact) = (reach.sieve, reach.everything, reach.is_exact);
        let bound = binding.rewritten(select);
        Ok(XPathFilter {
            expr,
            select: select.to_owned(),
            bound,
            is_exact: is_exact && !everything,
            reach: if everything {
                Selection::everything(schema)
            } else {
                Selection::of(schema, sieve)
            },
        })
    }

    /// What can be needed to evaluate it: for state providers, and for taking a part of running.
    pub fn reach(&self) -> &Selection {
        &self.reach
    }

    /// The same when it selects exactly that: its location paths consist of names and keys.
    pub fn places(&self) -> Option<&Selection> {
        Some(&self.reach).filter(|_| self.is_exact || self.is_everything())
    }

    /// Evaluates it on a tree and writes the selected nodes with all below them, their ancestors and the keys of those.
    ///
    /// What may not be read is not there for it: no predicate tells anything of it.
    pub fn render_to(
        &self,
        out: &mut dyn fmt::Write,
        tree: &Tree,
        rendering: &Rendering,
        readable: Option<&dyn Readable>,
    ) -> Result<(), DataError> {
        if self.is_everything() {
            let everything = Selection::everything(tree.schema());
            // What is not taken is told by whoever does not take it.
            let _ = crate::yang::print::render_to(out, tree, &everything, rendering, readable);
            return Ok(());
        }
        let tree = self.evaluable(tree, readable)?;
        let marks = Marks::of(&self.nodes(&tree)?);
        let _ = render_nodes_to(out, &tree, &marks, rendering);
        Ok(())
    }

    /// What it is to be evaluated on: of a tree, what may be read.
    pub(in crate::yang) fn evaluable<'t>(
        &self,
        tree: &'t Tree,
        readable: Option<&dyn Readable>,
    ) -> Result<Evaluable<'t>, DataError> {
        match Evaluable::as_it_is(tree).filter(|_| readable.is_none()) {
            Some(tree) => Ok(tree),
            None => Evaluable::copied(evaluate::taken(tree, &self.reach, readable)),
        }
    }

    /// Whether it is the root itself.
    pub(in crate::yang) fn is_everything(&self) -> bool {
        matches!(&self.expr, Expr::Path(Path { steps, .. })
            if steps.iter().all(|step| step.axis == Axis::Itself && step.predicates.is_empty()))
    }

    /// The paths of the nodes that it selects, as far as they may be read.
    pub fn paths(
        &self,
        tree: &Tree,
        readable: Option<&dyn Readable>,
    ) -> Result<Vec<InstancePath>, DataError> {
        let tree = self.evaluable(tree, readable)?;
        let nodes = if self.is_everything() {
            tree.roots().collect()
        } else {
            self.nodes(&tree)?
        };
        let mut paths: Vec<InstancePath> = nodes
            .iter()
            .filter(|node| node.is_explicit())
            .map(|node| node.instance_path())
            .collect();
        paths.sort();
        paths.dedup();
        Ok(paths)
    }

    /// The nodes that it selects.
    pub(in crate::yang) fn nodes<'t>(&self, tree: &'t Evaluable<'_>) -> Result<Vec<NodeRef<'t>>, DataError> {
        if !gives_nodes(&self.expr) {
            return Err(invalid(&self.select, evaluate::NO_NODE_SET).with_app_tag("not-a-node-set"));
        }
        if tree.is_empty() {
            return Ok(Vec::new());
        }
        self.affordable(tree)?;
        evaluate::nodes(tree, &self.bound).map_err(|problem| {
            let error = invalid(&self.select, &problem);
            match problem.as_str() {
                evaluate::NO_NODE_SET => error.with_app_tag("not-a-node-set"),
                _ => error,
            }
        })
    }

    /// Whether it is true, by the rules of XPath for whatever it gives.
    pub(in crate::yang) fn is_true(&self, tree: &Evaluable<'_>) -> Result<bool, DataError> {
        self.affordable(tree)?;
        evaluate::truth(tree, &self.bound).map_err(|problem| invalid(&self.select, &problem))
    }

    fn affordable(&self, tree: &Tree) -> Result<(), DataError> {
        let nodes = evaluate::size(tree);
        let cost = cost(&self.expr, nodes);
        if cost > MAX_COST {
            let message = format!(
                "filter {:?} may visit {cost} nodes of a tree of {nodes}, the limit is {MAX_COST}: \
                 name keys, take child steps in the place of //, and leave // out of predicates",
                self.select
            );
            return Err(DataError::new(DataErrorTag::ResourceDenied, message));
        }
        Ok(())
    }
}

/// Whether an expression is location paths, united.
fn is_location(expr: &Expr) -> bool {
    match expr {
        Expr::Path(_) => true,
        Expr::Both(Operator::Union, left, right) => is_location(left) && is_location(right),
        _ => false,
    }
}

fn invalid(select: &str, problem: &str) -> DataError {
    DataError::new(
        DataErrorTag::InvalidValue,
        format!("filter {select:?}: {problem}"),
    )
    .with_attribute("select")
    .with_element("filter")
}

/// A name that no module has.
const NO_NODE: &str = "ietf-yang-library:_";

/// The functions of XPath 1.0 section 4 and RFC 7950 section 10 that libyang has.
const FUNCTIONS: &[&str] = &[
    "bit-is-set",
    "boolean",
    "ceiling",
    "concat",
    "contains",
    "count",
    "current",
    "deref",
    "derived-from",
    "derived-from-or-self",
    "enum-value",
    "false",
    "floor",
    "lang",
    "last",
    "local-name",
    "name",
    "namespace-uri",
    "normalize-space",
    "not",
    "number",
    "position",
    "re-match",
    "round",
    "starts-with",
    "string",
    "string-length",
    "substring",
    "substring-after",
    "substring-before",
    "sum",
    "translate",
    "true",
];

/// Whether an expression selects nodes, rather than giving a number, a text or a truth.
fn gives_nodes(expr: &Expr) -> bool {
    match expr {
        Expr::Path(_) | Expr::Filtered { .. } => true,
        Expr::Both(Operator::Union, left, right) => gives_nodes(left) && gives_nodes(right),
        Expr::Call { name, .. } => ["current", "deref"].contains(&name.as_str()),
        Expr::Number | Expr::Literal(_) | Expr::Negative(_) | Expr::Both(..) => false,
    }
}

/// What names mean.
struct Binding<'b> {
    schema: &'b Arc<Schema>,
    namespaces: &'b [(String, String)],
    /// Where a name stands, how long it is, and what it is written as.
    names: Vec<(usize, usize, String)>,
}

/// The name of a module, or that there is none.
enum Module<'s> {
    Any,
    Named(&'s str),
    Unknown,
}

impl<'b> Binding<'b> {
    fn module(&self, prefix: Option<&str>) -> Result<Module<'b>, String> {
        let Some(prefix) = prefix else {
            return Ok(Module::Any);
        };
        let namespace = self
            .namespaces
            .iter()
            .find(|(bound, _)| bound == prefix)
            .map(|(_, namespace)| namespace.as_str())
            .ok_or_else(|| format!("the prefix {prefix} is not declared"))?;
        Ok(match self.schema.module_of_namespace(namespace) {
            Some(module) => Module::Named(&module.name),
            None => Module::Unknown,
        })
    }

    fn expr(&mut self, expr: &Expr) -> Result<(), String> {
        match expr {
            Expr::Number | Expr::Literal(_) => Ok(()),
            Expr::Call { name, .. } if !FUNCTIONS.contains(&name.as_str()) => {
                Err(format!("there is no function {name}"))
            }
            Expr::Call { arguments, .. } => arguments.iter().try_for_each(|inner| self.expr(inner)),
            Expr::Negative(inner) => self.expr(inner),
            Expr::Both(_, left, right) => {
                self.expr(left)?;
                self.expr(right)
            }
            Expr::Path(path) => self.steps(&path.steps),
            Expr::Filtered {
                inner,
                predicates,
                steps,
            } => {
                self.expr(inner)?;
                predicates.iter().try_for_each(|inner| self.expr(inner))?;
                self.steps(steps)
            }
        }
    }

    fn steps(&mut self, steps: &[Step]) -> Result<(), String> {
        for step in steps {
            match &step.test {
                Test::Name { prefix, name, at } => {
                    let length = prefix.as_ref().map_or(0, |prefix| prefix.len() + 1) + name.len();
                    let written = match self.module(prefix.as_deref())? {
                        Module::Any => name.clone(),
                        Module::Named(module) => format!("{module}:{name}"),
                        Module::Unknown => NO_NODE.to_owned(),
                    };
                    self.names.push((*at, length, written));
                }
                Test::AnyOf { prefix, at } => {
                    let written = match self.module(Some(prefix))? {
                        Module::Any => "*".to_owned(),
                        Module::Named(module) => self.any_of(module),
                        Module::Unknown => NO_NODE.to_owned(),
                    };
                    self.names.push((*at, prefix.len() + 2, written));
                }
                Test::Any | Test::NoElement => {}
            }
            step.predicates.iter().try_for_each(|inner| self.expr(inner))?;
        }
        Ok(())
    }

    /// libyang has no test for all nodes of a namespace, but it has the function.
    fn any_of(&self, module: &str) -> String {
        let namespace = self.schema.module(module).map(|module| module.namespace.as_str());
        let namespace = namespace.unwrap_or_default();
        let quote = if namespace.contains('"') { '\'' } else { '"' };
        format!("*[namespace-uri()={quote}{namespace}{quote}]")
    }

    /// The same expression with its names as they were found to be meant.
    fn rewritten(&mut self, select: &str) -> String {
        self.names.sort_by_key(|(at, _, _)| *at);
        let mut bound = String::with_capacity(select.len() + 64);
        let mut done = 0;
        for (at, length, written) in &self.names {
            bound.push_str(select.get(done..*at).unwrap_or_default());
            bound.push_str(written);
            done = at + length;
        }
        bound.push_str(select.get(done..).unwrap_or_default());
        bound
    }

    /// The children that a name test may mean; no parent is the root.
    fn children(&self, parent: Option<SchemaNode<'b>>, test: &Test) -> Vec<SchemaNode<'b>> {
        let data =
            |node: &SchemaNode<'b>| !matches!(node.kind(), NodeKind::Operation | NodeKind::Notification);
        let schema: &'b Schema = self.schema;
        let all = || -> Vec<SchemaNode<'b>> {
            match parent {
                None => schema.top_nodes().filter(data).collect(),
                Some(parent) => parent.children().filter(data).collect(),
            }
        };
        let (prefix, name) = match test {
            Test::Name { prefix, name, .. } => (prefix, name),
            Test::AnyOf { prefix, .. } => {
                let Ok(Module::Named(module)) = self.module(Some(prefix)) else {
                    return Vec::new();
                };
                let mut of_module = all();
                of_module.retain(|node| node.module() == module);
                return of_module;
            }
            Test::Any | Test::NoElement => return all(),
        };
        let module = match self.module(prefix.as_deref()) {
            Ok(Module::Named(module)) => Some(module),
            Ok(Module::Any) => parent.map(|parent| parent.module()),
            Ok(Module::Unknown) | Err(_) => return Vec::new(),
        };
        let named: Vec<SchemaNode<'b>> = all().into_iter().filter(|node| node.name() == name).collect();
        let of_module: Vec<SchemaNode<'b>> = named
            .iter()
            .copied()
            .filter(|node| module.is_none_or(|module| node.module() == module))
            .collect();
        // Without a prefix, an augmenting module's node is meant where the parent's module has none.
        if of_module.is_empty() && prefix.is_none() {
            named
        } else {
            of_module
        }
    }
}

/// Collects what the location paths of an expression can lead to.
struct Reach<'r, 'b> {
    binding: &'r mut Binding<'b>,
    sieve: Sieve,
    everything: bool,
    is_exact: bool,
}

/// What is needed at a place.
enum Needed {
    All,
    Part(Sieve),
}

impl<'b> Reach<'_, 'b> {
    /// `is_outside`: relative paths begin at the root; elsewhere they begin where all below is taken already.
    fn expr(&mut self, expr: &Expr, is_outside: bool) {
        match expr {
            Expr::Number | Expr::Literal(_) => {}
            Expr::Call { name, arguments } => {
                self.everything |= ["current", "deref"].contains(&name.as_str());
                for inner in arguments {
                    self.expr(inner, is_outside);
                }
            }
            Expr::Negative(inner) => self.expr(inner, is_outside),
            Expr::Both(_, left, right) => {
                self.expr(left, is_outside);
                self.expr(right, is_outside);
            }
            Expr::Path(path) => {
                self.predicates(&path.steps);
                if !self.stays_below(&path.steps) {
                    self.everything = true;
                } else if path.is_absolute || is_outside {
                    match self.below(None, &path.steps) {
                        Needed::All => self.everything = true,
                        Needed::Part(sieve) => self.sieve.add(sieve),
                    }
                }
            }
            Expr::Filtered {
                inner,
                predicates,
                steps,
            } => {
                self.everything |= !self.stays_below(steps);
                self.expr(inner, is_outside);
                for test in predicates {
                    self.expr(test, false);
                }
                self.predicates(steps);
            }
        }
    }

    fn predicates(&mut self, steps: &[Step]) {
        for test in steps.iter().flat_map(|step| &step.predicates) {
            self.expr(test, false);
        }
    }

    fn stays_below(&self, steps: &[Step]) -> bool {
        !steps
            .iter()
            .any(|step| matches!(step.axis, Axis::Up | Axis::Aside))
    }

    /// What steps need below a node.
    fn below(&mut self, parent: Option<SchemaNode<'b>>, steps: &[Step]) -> Needed {
        let Some((step, rest)) = steps.split_first() else {
            return Needed::All;
        };
        match step.axis {
            Axis::Itself if step.predicates.is_empty() => return self.below(parent, rest),
            Axis::Child => {}
            _ => {
                self.is_exact = false;
                return Needed::All;
            }
        }
        self.is_exact &= !matches!(step.test, Test::NoElement);
        let mut sieve = Sieve::selecting();
        let found = self.binding.children(parent, &step.test);
        if let (
            Test::Name {
                prefix: None,
                name,
                at,
            },
            Some(parent),
        ) = (&step.test, parent)
            && let [only] = found.as_slice()
            && only.module() != parent.module()
        {
            // libyang would look in the parent's module alone.
            let written = format!("{}:{name}", only.module());
            if let Some(entry) = self.binding.names.iter_mut().find(|(place, _, _)| place == at) {
                entry.2 = written;
            }
        }
        for node in found {
            let (matches, has_other_tests) = key_matches(self.binding, node, &step.predicates);
            let inside = if has_other_tests {
                self.is_exact = false;
                Needed::All
            } else {
                self.below(Some(node), rest)
            };
            let inside = match (inside, matches.is_empty()) {
                (Needed::All, true) => None,
                (Needed::All, false) => Some(Sieve::matching(matches)),
                (Needed::Part(part), _) => Some(part.with_matches(matches)),
            };
            sieve.pick(Pick::new(node.id(), inside));
        }
        Needed::Part(sieve)
    }
}

/// The leading predicates that only ask for a key's value, and whether there are others.
fn key_matches(
    binding: &Binding<'_>,
    list: SchemaNode<'_>,
    predicates: &[Expr],
) -> (Vec<ContentMatch>, bool) {
    let mut matches = Vec::new();
    for predicate in predicates {
        if list.kind() != NodeKind::List || !keys_of(binding, list, predicate, &mut matches) {
            return (matches, true);
        }
    }
    (matches, false)
}

fn keys_of(
    binding: &Binding<'_>,
    list: SchemaNode<'_>,
    predicate: &Expr,
    matches: &mut Vec<ContentMatch>,
) -> bool {
    let Expr::Both(operator, left, right) = predicate else {
        return false;
    };
    if *operator == Operator::And {
        return keys_of(binding, list, left, matches) && keys_of(binding, list, right, matches);
    }
    let (
        Operator::Equal,
        (Expr::Path(path), Expr::Literal(value)) | (Expr::Literal(value), Expr::Path(path)),
    ) = (*operator, (&**left, &**right))
    else {
        return false;
    };
    let [step] = path.steps.as_slice() else {
        return false;
    };
    let Test::Name { prefix, name, .. } = &step.test else {
        return false;
    };
    if path.is_absolute || step.axis != Axis::Child || !step.predicates.is_empty() {
        return false;
    }
    let module = match binding.module(prefix.as_deref()) {
        Ok(Module::Any) => list.module(),
        Ok(Module::Named(module)) => module,
        Ok(Module::Unknown) | Err(_) => return false,
    };
    let key = list
        .keys()
        .find(|key| key.name() == name && key.module() == module);
    // A text that is no canonical value is compared as it stands, and finds nothing; that is left to the evaluation.
    let Some(key) = key.filter(|key| canonical_value(*key, value).is_ok_and(|canonical| canonical == *value))
    else {
        return false;
    };
    matches.push(ContentMatch::of(key.id(), value.clone()));
    true
}
