//! Capability URIs as they stand in `<hello>` (RFC 6241 section 8, RFC 6020 section 5.6.4, RFC 8525).

/// Base protocol of RFC 4741.
pub const BASE_1_0: &str = "urn:ietf:params:netconf:base:1.0";
/// Base protocol of RFC 6241.
pub const BASE_1_1: &str = "urn:ietf:params:netconf:base:1.1";
/// Section 8.2.
pub const WRITABLE_RUNNING: &str = "urn:ietf:params:netconf:capability:writable-running:1.0";
/// Section 8.7.
pub const STARTUP: &str = "urn:ietf:params:netconf:capability:startup:1.0";
/// RFC 6243 section 4: what nobody set is not reported unless it is asked for.
pub const WITH_DEFAULTS: &str = "urn:ietf:params:netconf:capability:with-defaults:1.0\
    ?basic-mode=explicit&also-supported=report-all,report-all-tagged,trim";
/// RFC 5717.
pub const PARTIAL_LOCK: &str = "urn:ietf:params:netconf:capability:partial-lock:1.0";
/// RFC 6241 section 8.9.
pub const XPATH: &str = "urn:ietf:params:netconf:capability:xpath:1.0";
/// RFC 8526 section 2: with-defaults on operational, whose defaults in use are reported.
pub const WITH_OPERATIONAL_DEFAULTS: &str = "urn:ietf:params:netconf:capability:with-operational-defaults:1.0\
    ?basic-mode=report-all&also-supported=explicit,report-all-tagged,trim";
/// Section 8.3.
pub const CANDIDATE: &str = "urn:ietf:params:netconf:capability:candidate:1.0";
/// Section 8.4.
pub const CONFIRMED_COMMIT_1_1: &str = "urn:ietf:params:netconf:capability:confirmed-commit:1.1";
/// RFC 5277 section 3.1.1.
pub const NOTIFICATION: &str = "urn:ietf:params:netconf:capability:notification:1.0";
/// RFC 5277 section 6.
pub const INTERLEAVE: &str = "urn:ietf:params:netconf:capability:interleave:1.0";
/// Section 8.5.
pub const ROLLBACK_ON_ERROR: &str = "urn:ietf:params:netconf:capability:rollback-on-error:1.0";
/// Section 8.6.
pub const VALIDATE_1_1: &str = "urn:ietf:params:netconf:capability:validate:1.1";
/// RFC 4741 section 8.6: the same without `test-only`; for clients that know nothing newer.
pub const VALIDATE_1_0: &str = "urn:ietf:params:netconf:capability:validate:1.0";

/// A module in `<hello>`, as RFC 6020 section 5.6.4 wants it. YANG 1.1 modules are listed too (against RFC 7950
/// section 5.6.4), because clients still look for them there.
#[derive(Clone, Copy, Debug)]
pub struct Module<'a> {
    /// Its namespace, as written in the module.
    pub namespace: &'a str,
    /// Its name.
    pub name: &'a str,
    /// The latest revision, where it has one.
    pub revision: Option<&'a str>,
    /// Enabled features.
    pub features: &'a [&'a str],
    /// Names of the modules that deviate from it.
    pub deviations: &'a [&'a str],
}

impl Module<'_> {
    /// `namespace?module=NAME&revision=DATE&features=A,B&deviations=C`, not yet escaped for XML.
    pub fn uri(&self) -> String {
        let mut uri = format!("{}?module={}", self.namespace, self.name);
        if let Some(revision) = self.revision {
            uri.push_str("&revision=");
            uri.push_str(revision);
        }
        for (parameter, names) in [("features", self.features), ("deviations", self.deviations)] {
            if !names.is_empty() {
                uri.push_str(&format!("&{parameter}={}", names.join(",")));
            }
        }
        uri
    }
}

/// The capability of RFC 6241 section 8.8.
pub fn url(schemes: &[&str]) -> String {
    format!(
        "urn:ietf:params:netconf:capability:url:1.0?scheme={}",
        schemes.join(",")
    )
}

/// The capability of RFC 8526 section 2: the library's revision and its content identifier.
pub fn yang_library_1_1(revision: &str, content_id: &str) -> String {
    format!("urn:ietf:params:netconf:capability:yang-library:1.1?revision={revision}&content-id={content_id}")
}

#[cfg(test)]
mod tests {
    use super::{Module, yang_library_1_1};

    #[test]
    fn a_module_names_revision_features_and_deviations() {
        let module = Module {
            namespace: "urn:example:a",
            name: "a",
            revision: Some("2024-01-01"),
            features: &["x", "y"],
            deviations: &["a-dev"],
        };
        assert_eq!(
            module.uri(),
            "urn:example:a?module=a&revision=2024-01-01&features=x,y&deviations=a-dev"
        );
    }

    #[test]
    fn what_a_module_does_not_have_is_left_out() {
        let module = Module {
            namespace: "urn:example:b",
            name: "b",
            revision: None,
            features: &[],
            deviations: &[],
        };
        assert_eq!(module.uri(), "urn:example:b?module=b");
    }

    #[test]
    fn the_yang_library_capability_has_the_form_of_rfc_8526() {
        assert_eq!(
            yang_library_1_1("2019-01-04", "c0ffee"),
            "urn:ietf:params:netconf:capability:yang-library:1.1?revision=2019-01-04&content-id=c0ffee"
        );
    }
}
