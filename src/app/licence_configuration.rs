//! From the running configuration to the way to the licence server: call home, smart transport, privacy.

use reqwest::Url;

use crate::app::state::system_time::DEFAULT_HOST_NAME;
use crate::licensing::configuration::{Configuration, Destination, Proxy, Transport, TransportProblem};
use crate::yang::tree::{NodeRef, Tree};

/// The top-level nodes that licensing is configured by; a commit that touches none of them changes nothing here.
pub const ROOTS: [&str; 4] = [
    CALL_HOME,
    "Cisco-IOS-XR-smart-license-cfg:licensing",
    FLEX_CONSUMPTION,
    "Cisco-IOS-XR-shellutil-cfg:host-names",
];

const CALL_HOME: &str = "Cisco-IOS-XR-call-home-cfg:call-home";
const FLEX_CONSUMPTION: &str = "Cisco-IOS-XR-smart-license-cfg:flex-consumption";

/// The profile that every device has.
pub const DEFAULT_PROFILE: &str = "CiscoTAC-1";

/// Reads everything that is configured about licensing. Destinations in the domains of `never_contact` are kept from
/// being used (reading Q31).
pub fn licence_configuration(running: &Tree, never_contact: &[String]) -> Configuration {
    let call_home = running.root(CALL_HOME);
    let licensing = running.root("Cisco-IOS-XR-smart-license-cfg:licensing");
    let transport = licensing.and_then(|licensing| licensing.child("transport"));
    let smart =
        transport.and_then(|transport| transport.leaf("transport-type")) == Some("transport-type-smart");
    let host_name = running.root("Cisco-IOS-XR-shellutil-cfg:host-names");
    let host_name = host_name
        .and_then(|node| node.leaf("host-name"))
        .unwrap_or(DEFAULT_HOST_NAME);
    let (transport, destination) = match smart {
        true => (Transport::Smart, smart_destination(transport)),
        false => (Transport::CallHome, call_home_destination(call_home)),
    };
    Configuration {
        enabled: true,
        transport,
        destination: destination.and_then(|destination| permitted(destination, never_contact)),
        reservation: running
            .root(FLEX_CONSUMPTION)
            .is_some_and(|flex| flex.leaf("reservation") == Some("true")),
        host_name_withheld: call_home.is_some_and(withholds_host_name),
        version_withheld: false,
        host_name: Some(host_name.to_owned()),
    }
}

fn smart_destination(transport: Option<NodeRef<'_>>) -> Result<Destination, TransportProblem> {
    let smart = transport.and_then(|transport| transport.child("transport-smart"));
    let url = smart.and_then(|smart| smart.descendant("urls/url-registration")?.value());
    let proxy = smart.and_then(|smart| {
        let proxy = smart.child("proxy")?;
        proxy_of(proxy.leaf("host-name")?, proxy.leaf("port"))
    });
    let url = url.ok_or(TransportProblem::NoDestination {
        transport: Transport::Smart,
    })?;
    Ok(Destination {
        url: url.to_owned(),
        alternatives: Vec::new(),
        proxy,
    })
}

/// Reading Q29: while `CiscoTAC-1` is not in running its built-in values hold, which have no destination; once it is,
/// the entry alone speaks. Another profile serves as well when it is told to report licensing data.
fn call_home_destination(call_home: Option<NodeRef<'_>>) -> Result<Destination, TransportProblem> {
    let profiles = call_home.and_then(|call_home| call_home.child("profiles"));
    let profiles: Vec<Profile<'_>> = profiles
        .iter()
        .flat_map(|profiles| profiles.children_named("profile"))
        .map(Profile)
        .collect();
    let default = profiles.iter().find(|profile| profile.name() == DEFAULT_PROFILE);
    let mut others = profiles
        .iter()
        .filter(|profile| profile.name() != DEFAULT_PROFILE && profile.reports_licensing() == Some(true));
    let found = match default.map(Profile::destination) {
        Some(Ok(url)) => Ok(url),
        Some(Err(problem)) => others
            .find_map(|profile| profile.destination().ok())
            .ok_or(problem),
        None => {
            others
                .find_map(|profile| profile.destination().ok())
                .ok_or(TransportProblem::NoDestination {
                    transport: Transport::CallHome,
                })
        }
    };
    let proxy = call_home.and_then(|call_home| {
        let proxy = call_home.child("http-proxy")?;
        proxy_of(proxy.leaf("server-address")?, proxy.leaf("port"))
    });
    found.map(|url| Destination {
        url: url.to_owned(),
        alternatives: Vec::new(),
        proxy,
    })
}

/// One profile of call home.
struct Profile<'t>(NodeRef<'t>);

impl<'t> Profile<'t> {
    fn name(&self) -> &'t str {
        self.0.leaf("profile-name").unwrap_or_default()
    }

    /// `None` when the configuration is silent.
    fn reports_licensing(&self) -> Option<bool> {
        let enable = self.0.descendant("report-type/reporting-licensing-data/enable")?;
        Some(enable.value() == Some("true"))
    }

    fn destination(&self) -> Result<&'t str, TransportProblem> {
        let lacks = |what: &str| TransportProblem::NoActiveProfile {
            reason: format!("call-home profile {} {what}", self.name()),
        };
        if self.0.child("active").is_none() {
            return Err(lacks("is not active"));
        }
        let profile = || self.name().to_owned();
        if self.reports_licensing() == Some(false) {
            return Err(TransportProblem::ReportingOff { profile: profile() });
        }
        let over_http = |list: &'static str, entry: &'static str| {
            let list = self.0.child(list);
            let entries: Vec<NodeRef<'t>> = list.iter().flat_map(|list| list.children_named(entry)).collect();
            entries
                .into_iter()
                .find(|entry| entry.leaf("method") == Some("http") && entry.leaf("enable") == Some("true"))
        };
        if over_http("methods", "method").is_none() {
            return Err(TransportProblem::NoTransportMethod { profile: profile() });
        }
        over_http("addresses", "address")
            .and_then(|address| address.leaf("destination-addr"))
            .ok_or(TransportProblem::NoDestination {
                transport: Transport::CallHome,
            })
    }
}

fn proxy_of(host: &str, port: Option<&str>) -> Option<Proxy> {
    Some(Proxy {
        host: host.to_owned(),
        port: port?.parse().ok()?,
    })
}

fn withholds_host_name(call_home: NodeRef<'_>) -> bool {
    let privacies = call_home.child("data-privacies");
    privacies
        .iter()
        .flat_map(|privacies| privacies.children_named("data-privacy"))
        .any(|privacy| privacy.leaf("level") == Some("host-name"))
}

fn permitted(destination: Destination, never_contact: &[String]) -> Result<Destination, TransportProblem> {
    let bad = |reason: &str| TransportProblem::BadUrl {
        url: destination.url.clone(),
        reason: reason.to_owned(),
    };
    let url = Url::parse(&destination.url).map_err(|error| bad(&error.to_string()))?;
    if !["http", "https"].contains(&url.scheme()) {
        return Err(bad("it begins with another scheme"));
    }
    let host = url.host_str().ok_or_else(|| bad("it names no host"))?;
    let hosts = [
        Some(host),
        destination.proxy.as_ref().map(|proxy| proxy.host.as_str()),
    ];
    for host in hosts.into_iter().flatten() {
        if let Some(domain) = never_contact.iter().find(|domain| is_within(host, domain)) {
            return Err(TransportProblem::NeverContacted {
                url: destination.url.clone(),
                domain: domain.clone(),
            });
        }
    }
    Ok(destination)
}

/// The host is the domain or below it; letter case and a final dot mean nothing.
fn is_within(host: &str, domain: &str) -> bool {
    let plain = |name: &str| name.trim_matches('.').to_ascii_lowercase();
    let (host, domain) = (plain(host), plain(domain));
    !domain.is_empty() && (host == domain || host.ends_with(&format!(".{domain}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::desired_state::payload;

    fn read(xml: &str) -> Configuration {
        licence_configuration(&payload::tree(xml), &["cisco.com".to_owned()])
    }

    fn call_home(content: &str) -> Configuration {
        read(&format!(
            "<call-home xmlns=\"http://cisco.com/ns/yang/Cisco-IOS-XR-call-home-cfg\">{content}</call-home>"
        ))
    }

    fn profile(name: &str, url: &str, rest: &str) -> String {
        format!(
            "<profile><profile-name>{name}</profile-name>
               <methods><method><method>http</method><enable>true</enable></method></methods>
               <addresses><address><method>http</method><destination-addr>{url}</destination-addr><enable>true</enable>
               </address></addresses>{rest}</profile>"
        )
    }

    fn of_profiles(profiles: &str) -> Configuration {
        call_home(&format!("<profiles>{profiles}</profiles>"))
    }

    fn url(configuration: Configuration) -> String {
        configuration.destination.unwrap().url
    }

    fn problem(configuration: Configuration) -> String {
        configuration.destination.unwrap_err().to_string()
    }

    #[test]
    fn at_first_start_call_home_is_active_and_has_no_destination() {
        let configuration = read("");
        assert_eq!(
            configuration,
            Configuration {
                host_name: Some("ios".to_owned()),
                ..Configuration::default()
            }
        );
    }

    #[test]
    fn the_chapters_profile_leads_to_a_server_that_is_never_contacted() {
        let configuration = read(include_str!(
            "../../tests/data/payloads/valid/v09-call-home-ciscotac1.xml"
        ));
        assert_eq!(configuration.transport, Transport::CallHome);
        assert_eq!(
            configuration.destination.unwrap_err(),
            TransportProblem::NeverContacted {
                url: "https://tools.cisco.com/its/service/oddce/services/DDCEService".to_owned(),
                domain: "cisco.com".to_owned(),
            }
        );
    }

    #[test]
    fn only_the_vendors_own_domain_is_refused() {
        for (host, free) in [
            ("Tools.CISCO.com", false),
            ("cisco.com.", false),
            ("cisco.com.example.net", true),
            ("notcisco.com", true),
            ("192.0.2.1:8443", true),
            ("[2001:db8::1]", true),
        ] {
            let configuration = of_profiles(&profile(
                DEFAULT_PROFILE,
                &format!("https://{host}/x"),
                "<active/>",
            ));
            assert_eq!(configuration.destination.is_ok(), free, "{host}");
        }
    }

    #[test]
    fn smart_transport_has_its_own_url_and_proxy() {
        let configuration = read(include_str!(
            "../../tests/data/payloads/valid/v10-smart-transport.xml"
        ));
        assert_eq!(configuration.transport, Transport::Smart);
        let destination = configuration.destination.unwrap();
        assert_eq!(
            destination.url,
            "https://cssm.example.net/Transportgateway/services/DeviceRequestHandler"
        );
        let proxy = destination.proxy.unwrap();
        assert_eq!((proxy.host.as_str(), proxy.port), ("proxy.example.net", 3128));
        let without = read(
            "<licensing xmlns=\"http://cisco.com/ns/yang/Cisco-IOS-XR-smart-license-cfg\"><transport>
               <transport-type>transport-type-smart</transport-type></transport></licensing>",
        );
        assert_eq!(problem(without), "the smart transport has no url-registration");
    }

    #[test]
    fn once_the_default_profile_is_configured_its_entry_alone_speaks() {
        let lab = "http://127.0.0.1:8080/its/service/oddce/services/DDCEService";
        assert_eq!(url(of_profiles(&profile(DEFAULT_PROFILE, lab, "<active/>"))), lab);
        assert_eq!(
            problem(of_profiles(&profile(DEFAULT_PROFILE, lab, ""))),
            "call-home profile CiscoTAC-1 is not active"
        );
        let silent =
            "<report-type><reporting-licensing-data><enable>false</enable></reporting-licensing-data>
                      </report-type><active/>";
        let silent = problem(of_profiles(&profile(DEFAULT_PROFILE, lab, silent)));
        assert!(
            silent.contains("command \"reporting smart-licensing-data\" under the profile"),
            "{silent}"
        );
        let bare = "<profile><profile-name>CiscoTAC-1</profile-name><active/></profile>";
        assert_eq!(
            problem(of_profiles(bare)),
            "call-home profile CiscoTAC-1 has no transport method http"
        );
    }

    #[test]
    fn another_profile_serves_when_it_reports_licensing_data() {
        let lab = "http://127.0.0.1:8080/x";
        let reporting =
            "<report-type><reporting-licensing-data><enable>true</enable></reporting-licensing-data>
                         </report-type><active/>";
        assert_eq!(url(of_profiles(&profile("Lab", lab, reporting))), lab);
        assert!(
            of_profiles(&profile("Lab", lab, "<active/>"))
                .destination
                .is_err()
        );
    }

    #[test]
    fn what_is_no_url_is_kept_and_not_used() {
        for wrong in ["ftp://example.net/", "tools", "http://"] {
            let configuration = of_profiles(&profile(DEFAULT_PROFILE, wrong, "<active/>"));
            let problem = configuration.destination.unwrap_err();
            assert!(
                matches!(problem, TransportProblem::BadUrl { .. }),
                "{wrong}: {problem}"
            );
        }
    }

    #[test]
    fn reservation_is_off_until_it_is_configured() {
        let flex = |value: &str| {
            format!(
                "<flex-consumption xmlns=\"http://cisco.com/ns/yang/Cisco-IOS-XR-smart-license-cfg\">
                   <reservation>{value}</reservation></flex-consumption>"
            )
        };
        assert!(!read("").reservation);
        assert!(!read(&flex("false")).reservation);
        assert!(read(&flex("true")).reservation);
    }

    #[test]
    fn proxy_and_privacy_of_call_home_are_heeded() {
        let content = format!(
            "<http-proxy><server-address>proxy.example.net</server-address><port>8080</port></http-proxy>
             <profiles>{}</profiles>
             <data-privacies><data-privacy><host-name>x</host-name><level>host-name</level></data-privacy></data-privacies>",
            profile(DEFAULT_PROFILE, "http://127.0.0.1:1/x", "<active/>")
        );
        let configuration = call_home(&content);
        assert!(configuration.host_name_withheld);
        assert_eq!(configuration.destination.unwrap().proxy.unwrap().port, 8080);
    }
}
