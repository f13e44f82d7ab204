//! Which YANG modules there are: texts built into the program, and which of them a schema implements.

use std::collections::BTreeMap;

/// One module or submodule inside the program.
struct Embedded {
    name: &'static str,
    revision: Option<&'static str>,
    belongs_to: Option<&'static str>,
    text: &'static str,
}

include!(concat!(env!("OUT_DIR"), "/embedded_modules.rs"));

/// Features of ietf-netconf that this server has.
const NETCONF_FEATURES: [&str; 5] = [
    "candidate",
    "confirmed-commit",
    "rollback-on-error",
    "validate",
    "xpath",
];

/// Modules of which only types and groupings are used.
const IMPORTED: [&str; 5] = [
    "ietf-restconf",
    "ietf-yang-patch",
    "ietf-interfaces",
    "ietf-ip",
    "ietf-network-instance",
];

/// Features of ietf-netconf-nmda.
const NMDA_FEATURES: [&str; 2] = ["origin", "with-defaults"];

/// Features of ietf-subscribed-notifications: subscriptions are made by RPC, told as XML, and not configured.
const SUBSCRIPTION_FEATURES: [&str; 4] = ["encode-xml", "replay", "subtree", "xpath"];

/// Features of ietf-yang-push.
const PUSH_FEATURES: [&str; 1] = ["on-change"];

/// The text of one module or submodule.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ModuleText {
    /// Name of the module or submodule.
    pub name: String,
    /// Newest revision.
    pub revision: Option<String>,
    /// Module of a submodule.
    pub belongs_to: Option<String>,
    /// The YANG text.
    pub text: String,
}

/// The modules a schema is made of: texts to find imports in, and what to implement with which features.
#[derive(Clone, Debug, Default)]
pub struct ModuleSet {
    texts: Vec<ModuleText>,
    implemented: BTreeMap<String, Vec<String>>,
}

impl ModuleSet {
    /// Nothing but what libyang brings itself.
    pub fn new() -> ModuleSet {
        ModuleSet::default()
    }

    /// Everything that Ponder serves.
    pub fn embedded() -> ModuleSet {
        let mut set = ModuleSet::new();
        for module in EMBEDDED {
            set.texts.push(ModuleText {
                name: module.name.to_owned(),
                revision: module.revision.map(str::to_owned),
                belongs_to: module.belongs_to.map(str::to_owned),
                text: module.text.to_owned(),
            });
            if module.belongs_to.is_none() && !IMPORTED.contains(&module.name) {
                set.implemented.insert(module.name.to_owned(), Vec::new());
            }
        }
        set.with_features("ietf-netconf", &NETCONF_FEATURES)
            .with_features("ietf-netconf-nmda", &NMDA_FEATURES)
            .with_features("ietf-subscribed-notifications", &SUBSCRIPTION_FEATURES)
            .with_features("ietf-yang-push", &PUSH_FEATURES)
    }

    /// The same set with one more module, implemented.
    pub fn with_module(mut self, name: &str, text: &str) -> ModuleSet {
        self.texts.push(ModuleText {
            name: name.to_owned(),
            revision: None,
            belongs_to: None,
            text: text.to_owned(),
        });
        self.implemented.insert(name.to_owned(), Vec::new());
        self
    }

    /// The same set with one more text. A module of that name is implemented, with these features on, unless one
    /// already is; a submodule is there to be included, another revision of a module to be imported.
    pub fn with_text(mut self, text: ModuleText, features: &[String]) -> ModuleSet {
        if text.belongs_to.is_none() {
            self.implemented
                .entry(text.name.clone())
                .or_insert_with(|| features.to_vec());
        }
        self.texts.push(text);
        self
    }

    /// The same set with a module's features switched on, and no others of it.
    pub fn with_features(mut self, module: &str, features: &[&str]) -> ModuleSet {
        if let Some(enabled) = self.implemented.get_mut(module) {
            *enabled = features.iter().map(|f| (*f).to_owned()).collect();
        }
        self
    }

    /// The same set with more features of a module switched on.
    pub fn with_further_features(mut self, module: &str, features: &[&str]) -> ModuleSet {
        if let Some(enabled) = self.implemented.get_mut(module) {
            enabled.extend(features.iter().map(|feature| (*feature).to_owned()));
            enabled.sort();
            enabled.dedup();
        }
        self
    }

    /// The same set without one module, such as `ponder-simulator` on real hardware.
    pub fn without(mut self, module: &str) -> ModuleSet {
        self.implemented.remove(module);
        self.texts.retain(|text| text.name != module);
        self
    }

    /// All texts.
    pub fn texts(&self) -> &[ModuleText] {
        &self.texts
    }

    /// Names of the modules to implement, with their features.
    pub fn implemented(&self) -> impl Iterator<Item = (&str, &[String])> {
        self.implemented
            .iter()
            .map(|(name, features)| (name.as_str(), features.as_slice()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ietf_modules_and_ours_are_inside_with_their_revisions() {
        let set = ModuleSet::embedded();
        let netconf = set.texts().iter().find(|t| t.name == "ietf-netconf").unwrap();
        assert_eq!(netconf.revision.as_deref(), Some("2011-06-01"));
        let errors = set
            .texts()
            .iter()
            .find(|t| t.name == "Cisco-IOS-XR-smart-license-errors")
            .unwrap();
        assert_eq!(
            errors.belongs_to.as_deref(),
            Some("Cisco-IOS-XR-smart-license-act")
        );
        assert!(
            set.implemented()
                .all(|(name, _)| name != "Cisco-IOS-XR-smart-license-errors")
        );
    }
}
