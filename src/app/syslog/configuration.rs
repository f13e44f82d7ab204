//! From the running configuration to what the log does: what the buffer shows, which hosts are sent which messages.

use crate::app::name_resolution::{self, NameSettings};
use crate::app::state::system_time::DEFAULT_HOST_NAME;
use crate::app::syslog::message::Severity;
use crate::yang::tree::{NodeRef, Tree};

/// The top-level nodes that the log is configured by; a commit that touches none of them changes nothing here.
pub const ROOTS: [&str; 3] = [
    SYSLOG,
    "Cisco-IOS-XR-shellutil-cfg:host-names",
    name_resolution::ROOT,
];

const SYSLOG: &str = "Cisco-IOS-XR-infra-syslog-cfg:syslog";

/// Everything that is configured about the log.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SyslogConfiguration {
    /// What remote hosts are told as host name: `host-name-prefix`, or the name of the chassis.
    pub host_name: String,
    /// What any remote host may be sent.
    pub trap: Wanted,
    /// What the buffer shows.
    pub buffered: Wanted,
    /// Configured size of the buffer, bytes.
    pub buffer_size: u32,
    /// Remote hosts, in the order of the model.
    pub hosts: Vec<RemoteHost>,
}

/// A remote host.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RemoteHost {
    /// Its address or name.
    pub name: String,
    /// Its port; `None` where the configuration is silent.
    pub port: Option<u16>,
    /// What it is sent.
    pub wanted: Wanted,
    /// How its name is resolved.
    pub names: NameSettings,
}

/// Which messages are taken.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Wanted {
    /// Every one.
    All,
    /// None.
    None,
    /// Those of this severity and graver ones.
    From(Severity),
    /// Those of this severity.
    Exactly(Severity),
    /// Those of any other.
    AllBut(Severity),
}

impl Wanted {
    /// Whether a message of this severity is taken.
    pub fn takes(self, severity: Severity) -> bool {
        match self {
            Wanted::All => true,
            Wanted::None => false,
            Wanted::From(least) => severity <= least,
            Wanted::Exactly(only) => severity == only,
            Wanted::AllBut(other) => severity != other,
        }
    }

    /// The least grave severity that is taken; `None` when nothing is.
    pub fn least(self) -> Option<Severity> {
        Severity::ALL
            .into_iter()
            .rev()
            .find(|severity| self.takes(*severity))
    }
}

/// Reads everything that is configured about the log.
pub fn syslog_configuration(running: &Tree) -> SyslogConfiguration {
    let syslog = running.root(SYSLOG);
    let leaf = |path: &str| syslog.and_then(|syslog| syslog.descendant(path)?.value());
    let level = |path: &str, default| leaf(path).map_or(default, wanted_by_level);
    let chassis = running
        .root("Cisco-IOS-XR-shellutil-cfg:host-names")
        .and_then(|node| node.leaf("host-name"));
    let vrfs = syslog.and_then(|syslog| syslog.descendant("host-server/vrfs"));
    SyslogConfiguration {
        host_name: leaf("host-name-prefix")
            .or(chassis)
            .unwrap_or(DEFAULT_HOST_NAME)
            .to_owned(),
        trap: level(
            "trap-logging/logging-level",
            Wanted::From(Severity::Informational),
        ),
        buffered: level("buffered-logging/logging-level", Wanted::From(Severity::Debug)),
        buffer_size: leaf("buffered-logging/buffer-size")
            .and_then(|size| size.parse().ok())
            .unwrap_or(2_097_152),
        hosts: vrfs
            .iter()
            .flat_map(|vrfs| vrfs.children_named("vrf"))
            .flat_map(|vrf| hosts_of(vrf, running))
            .collect(),
    }
}

/// Lists, entries, keys and settings of remote hosts, as the model names them.
const KINDS: [(&str, &str, &str, &str); 3] = [
    ("ipv4s", "ipv4", "address", "ipv4-severity-port"),
    ("ipv6s", "ipv6", "address", "ipv6-severity-port"),
    ("hosts", "host", "host-name", "host-severity-port"),
];

fn hosts_of(vrf: NodeRef<'_>, running: &Tree) -> Vec<RemoteHost> {
    let mut hosts = Vec::new();
    let names = NameSettings::of(running, vrf.leaf("vrf-name").unwrap_or_default());
    for (list, entry, key, settings) in KINDS {
        let Some(list) = vrf.child(list) else { continue };
        for host in list.children_named(entry) {
            let settings = host.child(settings);
            let leaf = |name: &str| settings.and_then(|settings| settings.child(name));
            let port = leaf("port").filter(NodeRef::is_explicit);
            hosts.push(RemoteHost {
                name: host.leaf(key).unwrap_or_default().to_owned(),
                port: port.and_then(|port| port.value()?.parse().ok()),
                wanted: wanted(
                    leaf("severity").and_then(|leaf| leaf.value()),
                    leaf("operator").and_then(|leaf| leaf.value()),
                ),
                names: names.clone(),
            });
        }
    }
    hosts
}

/// `Logging-levels`.
fn wanted_by_level(level: &str) -> Wanted {
    match level {
        "disable" => Wanted::None,
        "info" => Wanted::From(Severity::Informational),
        other => severity(other).map_or(Wanted::All, Wanted::From),
    }
}

/// `Log-severity` with `Log-opertor`, and their defaults.
fn wanted(severity_name: Option<&str>, operator: Option<&str>) -> Wanted {
    let severity = match severity_name {
        Some("all") => return Wanted::All,
        Some("none") => return Wanted::None,
        Some(name) => severity(name).unwrap_or(Severity::Informational),
        None => Severity::Informational,
    };
    match operator {
        Some("equals") => Wanted::Exactly(severity),
        Some("not-equals") => Wanted::AllBut(severity),
        _ => Wanted::From(severity),
    }
}

fn severity(name: &str) -> Option<Severity> {
    Some(match name {
        "emergency" => Severity::Emergency,
        "alert" => Severity::Alert,
        "critical" => Severity::Critical,
        "error" => Severity::Error,
        "warning" => Severity::Warning,
        "notice" => Severity::Notice,
        "informational" => Severity::Informational,
        "debug" => Severity::Debug,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::desired_state::payload::tree;

    fn read(content: &str) -> SyslogConfiguration {
        syslog_configuration(&tree(&format!(
            "<syslog xmlns=\"http://cisco.com/ns/yang/Cisco-IOS-XR-infra-syslog-cfg\">{content}</syslog>"
        )))
    }

    #[test]
    fn without_configuration_nothing_is_sent_and_everything_is_shown() {
        let configuration = syslog_configuration(&tree(""));
        assert_eq!(configuration.host_name, "ios");
        assert_eq!(configuration.hosts, []);
        assert_eq!(configuration.trap, Wanted::From(Severity::Informational));
        assert_eq!(configuration.buffered.least(), Some(Severity::Debug));
        assert_eq!(configuration.buffer_size, 2_097_152);
    }

    #[test]
    fn hosts_of_every_kind_are_read_with_their_defaults() {
        let configuration = read(
            "<host-server><vrfs><vrf><vrf-name>default</vrf-name>
               <ipv6s><ipv6><address>2001:db8::5</address><ipv6-severity-port><severity>all</severity>
                 <port>1514</port></ipv6-severity-port></ipv6></ipv6s>
               <hosts><host><host-name>log.example.net</host-name><host-severity-port><severity>error</severity>
                 <operator>not-equals</operator></host-severity-port></host></hosts>
               <ipv4s><ipv4><address>192.0.2.5</address></ipv4>
                 <ipv4><address>192.0.2.6</address><ipv4-severity-port><severity>warning</severity>
                   <operator>equals</operator></ipv4-severity-port></ipv4></ipv4s>
             </vrf></vrfs></host-server><host-name-prefix>ncs-1</host-name-prefix>
             <trap-logging><logging-level>debug</logging-level></trap-logging>",
        );
        let host = |name: &str, port, wanted| RemoteHost {
            name: name.to_owned(),
            port,
            wanted,
            names: NameSettings::default(),
        };
        assert_eq!(
            configuration.hosts,
            [
                host("192.0.2.5", None, Wanted::From(Severity::Informational)),
                host("192.0.2.6", None, Wanted::Exactly(Severity::Warning)),
                host("2001:db8::5", Some(1_514), Wanted::All),
                host("log.example.net", None, Wanted::AllBut(Severity::Error)),
            ]
        );
        assert_eq!(configuration.host_name, "ncs-1");
        assert_eq!(configuration.trap, Wanted::From(Severity::Debug));
    }

    #[test]
    fn a_name_is_resolved_as_its_routing_instance_says() {
        let configuration = syslog_configuration(&tree(
            "<syslog xmlns=\"http://cisco.com/ns/yang/Cisco-IOS-XR-infra-syslog-cfg\"><host-server><vrfs><vrf>
               <vrf-name>management</vrf-name><hosts><host><host-name>log</host-name></host></hosts>
             </vrf></vrfs></host-server></syslog>
             <ip-domain xmlns=\"http://cisco.com/ns/yang/Cisco-IOS-XR-ip-domain-cfg\"><vrfs><vrf>
               <vrf-name>management</vrf-name><ipv4-hosts><ipv4-host><host-name>log</host-name>
               <address>192.0.2.7</address></ipv4-host></ipv4-hosts>
             </vrf></vrfs></ip-domain>",
        ));
        assert_eq!(configuration.hosts[0].names.hosts.len(), 1);
    }

    #[test]
    fn severities_are_compared_as_configured() {
        let taken = |wanted: Wanted| -> String {
            let taken = Severity::ALL.into_iter().filter(|one| wanted.takes(*one));
            taken.map(|one| one.number().to_string()).collect()
        };
        assert_eq!(taken(wanted(None, None)), "0123456");
        assert_eq!(taken(wanted(Some("error"), None)), "0123");
        assert_eq!(taken(wanted(Some("error"), Some("equals"))), "3");
        assert_eq!(taken(wanted(Some("error"), Some("not-equals"))), "0124567");
        assert_eq!(taken(wanted(Some("all"), Some("equals"))), "01234567");
        assert_eq!(taken(wanted(Some("none"), None)), "");
        assert_eq!(taken(wanted_by_level("disable")), "");
        assert_eq!(taken(wanted_by_level("critical")), "012");
        assert_eq!(
            Wanted::AllBut(Severity::Debug).least(),
            Some(Severity::Informational)
        );
        assert_eq!(Wanted::None.least(), None);
    }
}
