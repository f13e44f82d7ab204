//! The access rules of a configuration, read from `/nacm` (RFC 8341 section 3.5).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use tracing::warn;

use crate::yang::path::{Instance, InstancePath};
use crate::yang::place::canonical_value;
use crate::yang::schema::Schema;
use crate::yang::schema_node::{SchemaId, SchemaNode};
use crate::yang::tree::{NodeRef, Tree};

/// Where the configuration of access control stands.
pub const ROOT: &str = "ietf-netconf-acm:nacm";

/// Permit or deny.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Action {
    /// It may be done.
    Permit,
    /// It may not.
    Deny,
}

/// What is to be done with a node (section 3.4.1).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum AccessOperation {
    /// Make a node.
    Create,
    /// See a node, or get a notification.
    Read,
    /// Change a value, or the order of entries.
    Update,
    /// Take a node away.
    Delete,
    /// Run an operation.
    Exec,
}

impl AccessOperation {
    /// The bit's name in `access-operations`.
    pub fn as_str(self) -> &'static str {
        match self {
            AccessOperation::Create => "create",
            AccessOperation::Read => "read",
            AccessOperation::Update => "update",
            AccessOperation::Delete => "delete",
            AccessOperation::Exec => "exec",
        }
    }

    fn of(bit: &str) -> Option<AccessOperation> {
        use AccessOperation::{Create, Delete, Exec, Read, Update};
        [Create, Read, Update, Delete, Exec]
            .into_iter()
            .find(|operation| operation.as_str() == bit)
    }
}

/// A name, or any name.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Wanted {
    /// `*`
    Any,
    /// This one.
    Name(String),
}

impl Wanted {
    fn of(text: &str) -> Wanted {
        match text {
            "*" => Wanted::Any,
            name => Wanted::Name(name.to_owned()),
        }
    }

    /// Whether a name is wanted.
    pub fn matches(&self, name: &str) -> bool {
        match self {
            Wanted::Any => true,
            Wanted::Name(wanted) => wanted == name,
        }
    }
}

/// What kind of thing a rule is about.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Subject {
    /// All of the module.
    Everything,
    /// An operation.
    Rpc(Wanted),
    /// A notification.
    Notification(Wanted),
    /// A data node and all below it.
    Data(DataPath),
    /// A path that leads nowhere in the schema: matches nothing.
    Nothing,
}

/// A path of a rule.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DataPath {
    /// The node that it ends at.
    pub end: SchemaId,
    /// The list or leaf-list of each step with predicates, and what it asks for.
    pub predicates: Vec<Predicate>,
}

/// The instances of one step of a path.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Predicate {
    /// The list or leaf-list.
    pub list: SchemaId,
    /// The value of each key in the order of the schema, or of the leaf-list entry; `None` for any.
    pub values: Vec<Option<String>>,
}

/// One rule.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Rule {
    /// Its rule list and its name, for the log.
    pub name: String,
    /// Which modules.
    pub module: Wanted,
    /// About what.
    pub subject: Subject,
    /// Which operations; `None` for all.
    pub operations: Option<Vec<AccessOperation>>,
    /// What it decides.
    pub action: Action,
}

impl Rule {
    /// Whether it is about an operation.
    pub fn covers(&self, operation: AccessOperation) -> bool {
        self.operations
            .as_ref()
            .is_none_or(|operations| operations.contains(&operation))
    }
}

#[derive(Clone, PartialEq, Eq, Debug)]
struct RuleList {
    groups: Vec<Wanted>,
    rules: Vec<Arc<Rule>>,
}

/// What decides where no rule does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Defaults {
    /// For reading.
    pub read: Action,
    /// For create, update and delete.
    pub write: Action,
    /// For operations.
    pub exec: Action,
}

/// The access rules of one configuration.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Policy {
    /// `enable-nacm`.
    pub is_enabled: bool,
    /// Whether anything is configured below `/nacm`.
    pub is_configured: bool,
    /// `read-default`, `write-default` and `exec-default`.
    pub defaults: Defaults,
    /// `enable-external-groups`.
    pub external_groups: bool,
    groups_of: BTreeMap<String, BTreeSet<String>>,
    rule_lists: Vec<RuleList>,
}

impl Policy {
    /// Reads a configuration.
    pub fn read(tree: &Tree) -> Policy {
        let nacm = tree.root(ROOT);
        let leaf = |name: &str| nacm.and_then(|nacm| nacm.leaf(name));
        let action = |name: &str, otherwise| leaf(name).map_or(otherwise, action_of);
        let mut policy = Policy {
            is_enabled: leaf("enable-nacm") != Some("false"),
            is_configured: nacm.is_some_and(|nacm| nacm.is_explicit()),
            defaults: Defaults {
                read: action("read-default", Action::Permit),
                write: action("write-default", Action::Deny),
                exec: action("exec-default", Action::Permit),
            },
            external_groups: leaf("enable-external-groups") != Some("false"),
            groups_of: BTreeMap::new(),
            rule_lists: Vec::new(),
        };
        let Some(nacm) = nacm else { return policy };
        let groups = nacm.child("groups");
        for group in groups.iter().flat_map(|groups| groups.children_named("group")) {
            let name = group.leaf("name").unwrap_or_default();
            for user in group.children_named("user-name").filter_map(|user| user.value()) {
                let groups = policy.groups_of.entry(user.to_owned()).or_default();
                groups.insert(name.to_owned());
            }
        }
        let schema = tree.schema();
        policy.rule_lists = nacm
            .children_named("rule-list")
            .map(|list| RuleList {
                groups: list
                    .children_named("group")
                    .filter_map(|group| group.value())
                    .map(Wanted::of)
                    .collect(),
                rules: list
                    .children_named("rule")
                    .map(|rule| Arc::new(rule_of(schema, list, rule)))
                    .collect(),
            })
            .collect();
        policy
    }

    /// The rules that apply to a user, in order. `external` are the groups that the user's login brings.
    pub fn rules_for(&self, user: &str, external: &[String]) -> Vec<Arc<Rule>> {
        let mut groups: BTreeSet<&str> = self
            .groups_of
            .get(user)
            .into_iter()
            .flatten()
            .map(String::as_str)
            .collect();
        if self.external_groups {
            groups.extend(external.iter().map(String::as_str));
        }
        // Section 3.4.4, step 3: a user without any group has no rules, not even those for "*".
        if groups.is_empty() {
            return Vec::new();
        }
        self.rule_lists
            .iter()
            .filter(|list| {
                list.groups
                    .iter()
                    .any(|wanted| groups.iter().any(|group| wanted.matches(group)))
            })
            .flat_map(|list| list.rules.iter().cloned())
            .collect()
    }
}

/// The paths of rules that lead nowhere in the schema, each with the leaf that holds it.
pub fn paths_that_lead_nowhere(tree: &Tree) -> Vec<NodeRef<'_>> {
    let lists = tree
        .root(ROOT)
        .into_iter()
        .flat_map(|nacm| nacm.children_named("rule-list"));
    lists
        .flat_map(|list| list.children_named("rule"))
        .filter_map(|rule| rule.child("path"))
        .filter(|path| subject_of_path(tree.schema(), path.value().unwrap_or_default()).is_none())
        .collect()
}

fn action_of(text: &str) -> Action {
    match text {
        "permit" => Action::Permit,
        _ => Action::Deny,
    }
}

fn rule_of(schema: &Schema, list: NodeRef<'_>, rule: NodeRef<'_>) -> Rule {
    let name = format!(
        "{}/{}",
        list.leaf("name").unwrap_or_default(),
        rule.leaf("name").unwrap_or_default()
    );
    let subject = if let Some(rpc) = rule.leaf("rpc-name") {
        Subject::Rpc(Wanted::of(rpc))
    } else if let Some(notification) = rule.leaf("notification-name") {
        Subject::Notification(Wanted::of(notification))
    } else if let Some(path) = rule.leaf("path") {
        subject_of_path(schema, path).unwrap_or_else(|| {
            warn!(
                rule = name,
                path, "this access rule's path leads nowhere: it matches nothing"
            );
            Subject::Nothing
        })
    } else {
        Subject::Everything
    };
    Rule {
        name,
        module: Wanted::of(rule.leaf("module-name").unwrap_or("*")),
        subject,
        operations: match rule.leaf("access-operations") {
            None | Some("*") => None,
            Some(bits) => Some(bits.split_whitespace().filter_map(AccessOperation::of).collect()),
        },
        action: rule.leaf("action").map_or(Action::Deny, action_of),
    }
}

/// Section 3.5: a node-instance-identifier, whose missing predicates mean every instance. `/` means everything.
fn subject_of_path(schema: &Schema, text: &str) -> Option<Subject> {
    let path = InstancePath::parse(text).ok()?;
    let mut at: Option<SchemaNode<'_>> = None;
    let mut predicates = Vec::new();
    for step in path.steps() {
        let node = match at {
            None => schema.top(&step.module, &step.name)?,
            Some(parent) => parent.child(&step.module, &step.name)?,
        };
        at = Some(node);
        let values: Vec<Option<String>> = match &step.instance {
            Instance::Single => continue,
            Instance::Keys(given)
                if given
                    .iter()
                    .any(|(name, _)| !node.keys().any(|key| key.name() == name)) =>
            {
                return None;
            }
            Instance::Keys(given) => node
                .keys()
                .map(|key| {
                    let (_, value) = given.iter().find(|(name, _)| name == key.name())?;
                    canonical_value(key, value).ok().or_else(|| Some(value.clone()))
                })
                .collect(),
            Instance::Value(value) => vec![canonical_value(node, value).ok().or_else(|| Some(value.clone()))],
            // Nothing that has a position can be configured, and state has no lasting one.
            Instance::Position(_) => return None,
        };
        predicates.push(Predicate {
            list: node.id(),
            values,
        });
    }
    Some(match at {
        None => Subject::Everything,
        Some(end) => Subject::Data(DataPath {
            end: end.id(),
            predicates,
        }),
    })
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use super::*;
    use crate::datastore::edit::parse_config;
    use crate::yang::modules::ModuleSet;
    use crate::yang::print::{WithDefaults, print};
    use crate::yang::select::Selection;

    static SCHEMA: LazyLock<Arc<Schema>> = LazyLock::new(|| Schema::load(ModuleSet::embedded()).unwrap());

    fn running(inside: &str) -> Tree {
        let config = format!(
            "<nacm xmlns=\"urn:ietf:params:xml:ns:yang:ietf-netconf-acm\" \
             xmlns:x=\"http://cisco.com/ns/yang/Cisco-IOS-XR-ifmgr-cfg\">{inside}</nacm>"
        );
        parse_config(&SCHEMA, &config).unwrap()
    }

    fn rule(inside: &str) -> String {
        format!("<rule-list><name>l</name><group>*</group><rule><name>r</name>{inside}</rule></rule-list>")
    }

    const OF_ANNA: &str = "<groups><group><name>ops</name><user-name>anna</user-name></group></groups>";

    #[test]
    fn a_path_keeps_its_meaning_whatever_prefix_it_came_with() {
        let path = "/x:interface-configurations/x:interface-configuration\
                    [x:interface-name='Optics0/0/0/0'][x:active='act']";
        let inside = rule(&format!("<path>{path}</path><action>deny</action>"));
        let tree = running(&format!("{OF_ANNA}{inside}"));
        let rules = Policy::read(&tree).rules_for("anna", &[]);
        let Some(Subject::Data(data)) = rules.first().map(|rule| rule.subject.clone()) else {
            panic!("{rules:?}");
        };
        let list = "/Cisco-IOS-XR-ifmgr-cfg:interface-configurations/interface-configuration";
        assert_eq!(data.end, SCHEMA.find(list).unwrap().id());
        let asked: Vec<_> = data
            .predicates
            .iter()
            .flat_map(|predicate| predicate.values.clone())
            .collect();
        assert_eq!(asked, [Some("act".to_owned()), Some("Optics0/0/0/0".to_owned())]);
        let shown = print(&tree, &Selection::everything(&SCHEMA), WithDefaults::Explicit);
        assert!(
            shown.contains(
                "<path xmlns:ifmgr-cfg=\"http://cisco.com/ns/yang/Cisco-IOS-XR-ifmgr-cfg\">/ifmgr-cfg:"
            ),
            "{shown}"
        );
    }

    #[test]
    fn rules_are_for_the_groups_of_a_user_and_nobody_else() {
        let tree = running(&format!("{OF_ANNA}{}", rule("<action>deny</action>")));
        let policy = Policy::read(&tree);
        assert_eq!(policy.rules_for("anna", &[]).len(), 1);
        assert_eq!(
            policy.rules_for("bert", &[]).len(),
            0,
            "a user without groups has no rules"
        );
        assert_eq!(policy.rules_for("bert", &["any".to_owned()]).len(), 1);
        let tree = running(&format!(
            "<enable-external-groups>false</enable-external-groups>{}",
            rule("<action>deny</action>")
        ));
        assert_eq!(
            Policy::read(&tree).rules_for("bert", &["any".to_owned()]).len(),
            0
        );
    }

    #[test]
    fn an_empty_configuration_has_the_defaults_of_the_module() {
        let policy = Policy::read(&Tree::empty(&SCHEMA));
        assert!(policy.is_enabled && !policy.is_configured && policy.external_groups);
        let defaults = Defaults {
            read: Action::Permit,
            write: Action::Deny,
            exec: Action::Permit,
        };
        assert_eq!(policy.defaults, defaults);
    }
}
