//! Configuration that is kept and shown without effect, beside what the hardware's participant lists itself.

/// Subtrees that nobody acts on. A participant's claim inside one of them wins over it.
pub const STORED_ONLY: &[&str] = &[
    // Call Home beyond licensing: inventory, alert groups, mail, contact data.
    "/Cisco-IOS-XR-call-home-cfg:call-home",
    // Certificates beyond `crl optional` and the proxy for CRLs: the licence agent trusts the files of its settings.
    "/Cisco-IOS-XR-crypto-cepki-cfg:crypto-ca",
    // What the NETCONF agent's limits do not need.
    "/Cisco-IOS-XR-man-netconf-cfg:netconf-yang",
    // The log beyond remote servers: consoles, terminals, buffers.
    "/Cisco-IOS-XR-infra-syslog-cfg:syslog",
    // Names beyond what the licence agent resolves with: multicast, source interface, flows.
    "/Cisco-IOS-XR-ip-domain-cfg:ip-domain",
    // ietf-subscribed-notifications brings them along for configured subscriptions, which are off; modules of `--yang-dir`
    // may need them.
    "/ietf-interfaces:interfaces",
    "/ietf-network-instance:network-instances",
    // Flexible consumption belongs to other platforms.
    "/Cisco-IOS-XR-smart-license-cfg:flex-consumption",
];
