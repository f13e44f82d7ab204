//! XML namespaces of the protocol itself.

/// `<hello>`, `<rpc>`, `<rpc-reply>` and the operations of RFC 6241, whatever the base version.
pub const BASE: &str = "urn:ietf:params:xml:ns:netconf:base:1.0";

/// No RFC defines it, but napalm's IOS XR driver writes `<get>` in it; operations are accepted in it like in [`BASE`].
pub const BASE_OF_NAPALM: &str = "urn:ietf:params:xml:ns:netconf:base:1.1";

/// `<get-schema>` (RFC 6022).
pub const MONITORING: &str = "urn:ietf:params:xml:ns:yang:ietf-netconf-monitoring";

/// `<create-subscription>` and `<notification>` (RFC 5277).
pub const NOTIFICATION: &str = "urn:ietf:params:xml:ns:netconf:notification:1.0";

/// `<with-defaults>` (RFC 6243).
pub const WITH_DEFAULTS: &str = "urn:ietf:params:xml:ns:yang:ietf-netconf-with-defaults";

/// `<get-data>`, `<edit-data>` (RFC 8526).
pub const NMDA: &str = "urn:ietf:params:xml:ns:yang:ietf-netconf-nmda";

/// The identities of datastores (RFC 8342).
pub const DATASTORES: &str = "urn:ietf:params:xml:ns:yang:ietf-datastores";

/// The identities of origins (RFC 8342).
pub const ORIGIN: &str = "urn:ietf:params:xml:ns:yang:ietf-origin";

/// `<compare>` (RFC 9144).
pub const COMPARE: &str = "urn:ietf:params:xml:ns:yang:ietf-nmda-compare";

/// `<partial-lock>` and `<partial-unlock>` (RFC 5717).
pub const PARTIAL_LOCK: &str = "urn:ietf:params:xml:ns:netconf:partial-lock:1.0";

/// The operations on subscriptions (RFC 8639).
pub const SUBSCRIBED_NOTIFICATIONS: &str = "urn:ietf:params:xml:ns:yang:ietf-subscribed-notifications";

/// Subscriptions to datastores (RFC 8641).
pub const YANG_PUSH: &str = "urn:ietf:params:xml:ns:yang:ietf-yang-push";

/// Children of `<error-info>` that RFC 7950 section 15 defines.
pub const YANG: &str = "urn:ietf:params:xml:ns:yang:1";

/// What the prefix `xml` is always bound to.
pub const XML: &str = "http://www.w3.org/XML/1998/namespace";
