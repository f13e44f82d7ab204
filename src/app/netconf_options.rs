//! What the NETCONF server has beside what it always has: by setting, told in hello, features and monitoring alike.

use crate::netconf::capability;
use crate::yang::schema::Schema;

/// What is on.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct NetconfOptions {
    /// `:writable-running`
    pub writable_running: bool,
    /// `:startup`
    pub startup: bool,
    /// `:url`, unless there is none.
    pub url_schemes: Vec<&'static str>,
}

impl NetconfOptions {
    /// Features of ietf-netconf beside those that are always on.
    pub fn features(&self) -> Vec<&'static str> {
        let all = [
            (self.writable_running, "writable-running"),
            (self.startup, "startup"),
            (!self.url_schemes.is_empty(), "url"),
        ];
        all.into_iter()
            .filter(|(on, _)| *on)
            .map(|(_, name)| name)
            .collect()
    }

    /// The configuration datastores.
    pub fn datastores(&self) -> Vec<&'static str> {
        let mut datastores = vec!["running", "candidate"];
        datastores.extend(self.startup.then_some("startup"));
        datastores
    }

    /// What the hello says beside the base versions.
    pub fn capabilities(&self, schema: &Schema, content_id: &str) -> Vec<String> {
        let mut capabilities: Vec<String> = [
            capability::CANDIDATE,
            capability::CONFIRMED_COMMIT_1_1,
            capability::ROLLBACK_ON_ERROR,
            capability::VALIDATE_1_1,
            capability::VALIDATE_1_0,
            capability::XPATH,
            capability::PARTIAL_LOCK,
            capability::WITH_DEFAULTS,
            capability::WITH_OPERATIONAL_DEFAULTS,
            capability::NOTIFICATION,
            capability::INTERLEAVE,
        ]
        .map(str::to_owned)
        .into();
        if self.writable_running {
            capabilities.push(capability::WRITABLE_RUNNING.to_owned());
        }
        if self.startup {
            capabilities.push(capability::STARTUP.to_owned());
        }
        if !self.url_schemes.is_empty() {
            capabilities.push(capability::url(&self.url_schemes));
        }
        // RFC 8526 section 2; version 1.0 (RFC 7895 section 2.1) for clients from before NMDA.
        let library = schema
            .module("ietf-yang-library")
            .and_then(|module| module.revision.as_deref())
            .unwrap_or("");
        capabilities.push(format!(
            "urn:ietf:params:netconf:capability:yang-library:1.0?revision={library}&module-set-id={content_id}"
        ));
        capabilities.push(capability::yang_library_1_1(library, content_id));
        for module in schema.modules() {
            let features: Vec<&str> = module.features.iter().map(String::as_str).collect();
            let deviations: Vec<&str> = module.deviations.iter().map(String::as_str).collect();
            capabilities.push(
                capability::Module {
                    namespace: &module.namespace,
                    name: &module.name,
                    revision: module.revision.as_deref(),
                    features: &features,
                    deviations: &deviations,
                }
                .uri(),
            );
        }
        capabilities
    }
}
