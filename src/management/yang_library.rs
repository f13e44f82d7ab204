//! The YANG library (RFC 8525): the 2019 tree, and `modules-state` for clients from before it.

use std::sync::Arc;

use uuid::Uuid;

use crate::management::operational::StateProvider;
use crate::yang::schema::{Conformance, Module, Schema};
use crate::yang::state::StateBuilder;

/// Tells which modules there are. Clients written for IOS XR look for a module set of this name.
const MODULE_SET: &str = "XR-only";
const SCHEMA: &str = "complete";
/// Names the space of our content ids, so that they never meet anybody else's.
const CONTENT_ID_SPACE: Uuid = Uuid::from_u128(0x9a1c_44f2_7be4_4d5a_8e0e_51c7_a2f0_63d8);

/// Fills `yang-library` and `modules-state`.
pub struct YangLibrary {
    schema: Arc<Schema>,
    datastores: Vec<&'static str>,
    content_id: String,
}

impl YangLibrary {
    /// Of a schema that these configuration datastores, and operational, have.
    pub fn new(schema: &Arc<Schema>, datastores: Vec<&'static str>) -> YangLibrary {
        YangLibrary {
            schema: Arc::clone(schema),
            datastores,
            content_id: content_id(schema),
        }
    }

    /// Changes when the schema does, and only then; the hello tells it.
    pub fn content_id(&self) -> &str {
        &self.content_id
    }

    fn modules(&self, conformance: Conformance) -> impl Iterator<Item = &Module> {
        self.schema
            .modules()
            .iter()
            .filter(move |module| module.conformance == conformance)
    }
}

/// A digest of names, revisions, features, deviations and conformance.
fn content_id(schema: &Schema) -> String {
    let mut listing = String::new();
    for module in schema.modules() {
        listing.push_str(&format!(
            "{}@{} {:?} {} {}\n",
            module.name,
            module.revision.as_deref().unwrap_or(""),
            module.conformance,
            module.features.join(","),
            module.deviations.join(",")
        ));
    }
    Uuid::new_v5(&CONTENT_ID_SPACE, listing.as_bytes()).to_string()
}

impl StateProvider for YangLibrary {
    fn roots(&self) -> Vec<&'static str> {
        vec![
            "ietf-yang-library:yang-library",
            "ietf-yang-library:modules-state",
        ]
    }

    fn fill(&self, out: &mut StateBuilder<'_>) {
        out.container("ietf-yang-library:yang-library", |out| {
            out.list("module-set", &[("name", &MODULE_SET)], |out| {
                for module in self.modules(Conformance::Implement) {
                    out.list("module", &[("name", &module.name)], |out| {
                        out.leaf_option("revision", module.revision.as_ref());
                        out.leaf("namespace", &module.namespace);
                        for (name, revision) in &module.submodules {
                            out.list("submodule", &[("name", name)], |out| {
                                out.leaf_option("revision", revision.as_ref());
                            });
                        }
                        out.leaf_list("feature", &module.features);
                        out.leaf_list("deviation", &module.deviations);
                    });
                }
                for module in self.modules(Conformance::Import) {
                    let revision = module.revision.as_deref().unwrap_or("");
                    out.list(
                        "import-only-module",
                        &[("name", &module.name), ("revision", &revision)],
                        |out| {
                            out.leaf("namespace", &module.namespace);
                        },
                    );
                }
            });
            out.list("schema", &[("name", &SCHEMA)], |out| {
                out.leaf("module-set", MODULE_SET)
            });
            for datastore in self.datastores.iter().chain(&["operational"]) {
                let name = format!("ietf-datastores:{datastore}");
                out.list("datastore", &[("name", &name)], |out| out.leaf("schema", SCHEMA));
            }
            out.leaf("content-id", &self.content_id);
        });
        out.container("ietf-yang-library:modules-state", |out| {
            out.leaf("module-set-id", &self.content_id);
            for module in self.schema.modules() {
                let revision = module.revision.as_deref().unwrap_or("");
                out.list(
                    "module",
                    &[("name", &module.name), ("revision", &revision)],
                    |out| {
                        out.leaf("namespace", &module.namespace);
                        out.leaf_list("feature", &module.features);
                        for name in &module.deviations {
                            let deviating = self.schema.module(name);
                            let revision = deviating.and_then(|module| module.revision.as_deref());
                            let revision = revision.unwrap_or("");
                            out.list("deviation", &[("name", name), ("revision", &revision)], |_| {});
                        }
                        out.leaf(
                            "conformance-type",
                            match module.conformance {
                                Conformance::Implement => "implement",
                                Conformance::Import => "import",
                            },
                        );
                        for (name, revision) in &module.submodules {
                            let revision = revision.as_deref().unwrap_or("");
                            out.list("submodule", &[("name", name), ("revision", &revision)], |_| {});
                        }
                    },
                );
            }
        });
    }

    fn provided(&self) -> &'static [&'static str] {
        &[
            "/ietf-yang-library:yang-library/module-set/module/revision",
            "/ietf-yang-library:yang-library/module-set/module/namespace",
            "/ietf-yang-library:yang-library/module-set/module/submodule/revision",
            "/ietf-yang-library:yang-library/module-set/module/feature",
            "/ietf-yang-library:yang-library/module-set/module/deviation",
            "/ietf-yang-library:yang-library/module-set/import-only-module/namespace",
            "/ietf-yang-library:yang-library/schema/module-set",
            "/ietf-yang-library:yang-library/datastore/schema",
            "/ietf-yang-library:yang-library/content-id",
            "/ietf-yang-library:modules-state/module-set-id",
            "/ietf-yang-library:modules-state/module/namespace",
            "/ietf-yang-library:modules-state/module/feature",
            "/ietf-yang-library:modules-state/module/conformance-type",
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::management::operational::OperationalState;
    use crate::yang::modules::ModuleSet;
    use crate::yang::print::{WithDefaults, print};
    use crate::yang::select::Selection;

    #[test]
    fn every_module_is_told_with_revision_and_namespace_and_one_leaf_can_be_asked_alone() {
        let schema = Schema::load(ModuleSet::embedded()).unwrap();
        let library = YangLibrary::new(&schema, vec!["running", "candidate"]);
        let content_id = library.content_id().to_owned();
        let state = OperationalState::new(vec![Box::new(library)]);
        let told = |content: &str| {
            let selection = Selection::subtree(&schema, content).unwrap();
            print(
                &state.collect(&schema, &selection).unwrap(),
                &selection,
                WithDefaults::Explicit,
            )
        };
        assert_eq!(
            told(
                r#"<yang-library xmlns="urn:ietf:params:xml:ns:yang:ietf-yang-library"><content-id/></yang-library>"#
            ),
            format!(
                r#"<yang-library xmlns="urn:ietf:params:xml:ns:yang:ietf-yang-library"><content-id>{content_id}</content-id></yang-library>"#
            )
        );
        let all = told(r#"<modules-state xmlns="urn:ietf:params:xml:ns:yang:ietf-yang-library"/>"#);
        assert!(
            all.contains(
                "<module><name>Cisco-IOS-XR-smart-license-act</name><revision>2020-07-09</revision>\
             <namespace>http://cisco.com/ns/yang/Cisco-IOS-XR-smart-license-act</namespace>"
            ),
            "{all}"
        );
    }
}
