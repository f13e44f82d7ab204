//! From the running configuration to the way to the licence server: call home, smart transport, privacy.

use std::net::IpAddr;

use reqwest::Url;

use crate::app::settings::policy::{CallHomeAtFirstStart, CallHomeService, DestinationHost, SmartLicensing};
use crate::app::settings::{LicensingSettings, Privacy};
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

/// The top-level node of call home.
pub(super) const CALL_HOME: &str = "Cisco-IOS-XR-call-home-cfg:call-home";
const FLEX_CONSUMPTION: &str = "Cisco-IOS-XR-smart-license-cfg:flex-consumption";

/// The profile that every device has.
pub const DEFAULT_PROFILE: &str = "CiscoTAC-1";

/// How the configuration is read, where it can be read in more than one way.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ConfigurationReadings {
    /// Domains that are stored as a destination and never contacted (Q31).
    pub never_contact: Vec<String>,
    /// Q14
    pub smart_licensing: SmartLicensing,
    /// Q29
    pub call_home_at_first_start: CallHomeAtFirstStart,
    /// Q29
    pub call_home_service: CallHomeService,
    /// Q31
    pub destination_host: DestinationHost,
    /// What is withheld from the server whatever call home says.
    pub privacy: Privacy,
}

impl From<&LicensingSettings> for ConfigurationReadings {
    fn from(settings: &LicensingSettings) -> ConfigurationReadings {
        ConfigurationReadings {
            never_contact: settings.never_contact.clone(),
            smart_licensing: settings.policy.smart_licensing,
            call_home_at_first_start: settings.policy.call_home_at_first_start,
            call_home_service: settings.policy.call_home_service,
            destination_host: settings.policy.destination_host,
            privacy: settings.privacy,
        }
    }
}

/// Reads everything that is configured about licensing.
pub fn licence_configuration(running: &Tree, readings: &ConfigurationReadings) -> Configuration {
    let call_home = running.root(CALL_HOME);
    let licensing = running.root("Cisco-IOS-XR-smart-license-cfg:licensing");
    let transport = licensing.and_then(|licensing| licensing.child("transport"));
    let smart =
        transport.and_then(|transport| transport.leaf("transport-type")) == Some("transport-type-smart");
    let host_name = running.root("Cisco-IOS-XR-shellutil-cfg:host-names");
    let host_name = host_name
        .and_then(|node| node.leaf("host-name"))
        .unwrap_or(DEFAULT_HOST_NAME);
    let (transport, ways) = match smart {
        true => (Transport::Smart, smart_ways(transport)),
        false => (Transport::CallHome, call_home_ways(call_home, readings)),
    };
    let privacy = readings.privacy;
    Configuration {
        enabled: readings.smart_licensing == SmartLicensing::On,
        transport,
        destination: ways.and_then(|ways| ways.permitted(readings)),
        reservation: running
            .root(FLEX_CONSUMPTION)
            .is_some_and(|flex| flex.leaf("reservation") == Some("true")),
        host_name_withheld: privacy.host_name() || call_home.is_some_and(withholds_host_name),
        version_withheld: privacy.version(),
        host_name: Some(host_name.to_owned()),
    }
}

/// What is configured as a way to the server, before it is known whether it may be used.
struct Ways {
    urls: Vec<String>,
    proxy: Option<Proxy>,
}

fn smart_ways(transport: Option<NodeRef<'_>>) -> Result<Ways, TransportProblem> {
    let smart = transport.and_then(|transport| transport.child("transport-smart"));
    let url = smart.and_then(|smart| smart.descendant("urls/url-registration")?.value());
    let proxy = smart.and_then(|smart| {
        let proxy = smart.child("proxy")?;
        proxy_of(proxy.leaf("host-name")?, proxy.leaf("port"))
    });
    let url = url.ok_or(TransportProblem::NoDestination {
        transport: Transport::Smart,
    })?;
    let urls = vec![url.to_owned()];
    Ok(Ways { urls, proxy })
}

/// Reading Q29: while `CiscoTAC-1` is not in running its built-in values hold, which have no destination; once it is,
/// the entry alone speaks. Another profile serves as well when it is told to report licensing data; all addresses of
/// all profiles that serve are tried in order, those of `CiscoTAC-1` first.
fn call_home_ways(
    call_home: Option<NodeRef<'_>>,
    readings: &ConfigurationReadings,
) -> Result<Ways, TransportProblem> {
    let in_service = call_home.is_none_or(|call_home| call_home.child("active").is_some());
    if readings.call_home_service == CallHomeService::AsConfigured && !in_service {
        return Err(TransportProblem::ServiceOff);
    }
    let profiles = call_home.and_then(|call_home| call_home.child("profiles"));
    let profiles: Vec<Profile<'_>> = profiles
        .iter()
        .flat_map(|profiles| profiles.children_named("profile"))
        .map(Profile)
        .collect();
    let is_default = |profile: &&Profile<'_>| profile.name() == DEFAULT_PROFILE;
    let others = profiles
        .iter()
        .filter(|profile| !is_default(profile) && profile.reports_licensing() == Some(true));
    let default = match (
        profiles.iter().find(is_default),
        readings.call_home_at_first_start,
    ) {
        (Some(configured), _) => configured.destinations(),
        (None, CallHomeAtFirstStart::BuiltIn) => Err(TransportProblem::NoDestination {
            transport: Transport::CallHome,
        }),
        (None, CallHomeAtFirstStart::Absent) => Err(TransportProblem::NoActiveProfile {
            reason: "no call-home profile is active".to_owned(),
        }),
    };
    let found = others.map(Profile::destinations);
    let (served, problems): (Vec<_>, Vec<_>) = std::iter::once(default).chain(found).partition(Result::is_ok);
    let urls: Vec<String> = served
        .into_iter()
        .flatten()
        .flatten()
        .map(str::to_owned)
        .collect();
    if urls.is_empty() {
        let first = problems.into_iter().find_map(Result::err);
        return Err(first.unwrap_or(TransportProblem::NoDestination {
            transport: Transport::CallHome,
        }));
    }
    let proxy = call_home.and_then(|call_home| {
        let proxy = call_home.child("http-proxy")?;
        proxy_of(proxy.leaf("server-address")?, proxy.leaf("port"))
    });
    Ok(Ways { urls, proxy })
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

    /// Its addresses that may be used, at least one.
    fn destinations(&self) -> Result<Vec<&'t str>, TransportProblem> {
        let profile = || self.name().to_owned();
        if self.0.child("active").is_none() {
            return Err(TransportProblem::NoActiveProfile {
                reason: format!("call-home profile {} is not active", self.name()),
            });
        }
        if self.reports_licensing() == Some(false) {
            return Err(TransportProblem::ReportingOff { profile: profile() });
        }
        if self.over_http("methods", "method").is_empty() {
            return Err(TransportProblem::NoTransportMethod { profile: profile() });
        }
        let addresses = self.over_http("addresses", "address");
        let urls: Vec<&str> = addresses
            .iter()
            .filter_map(|address| address.leaf("destination-addr"))
            .collect();
        match urls.is_empty() {
            true => Err(TransportProblem::NoDestination {
                transport: Transport::CallHome,
            }),
            false => Ok(urls),
        }
    }

    /// The enabled entries of a list that are about http.
    fn over_http(&self, list: &str, entry: &'static str) -> Vec<NodeRef<'t>> {
        let list = self.0.child(list);
        let entries: Vec<NodeRef<'t>> = list.iter().flat_map(|list| list.children_named(entry)).collect();
        let usable = |entry: &NodeRef<'t>| {
            entry.leaf("method") == Some("http") && entry.leaf("enable") == Some("true")
        };
        entries.into_iter().filter(usable).collect()
    }
}

pub(super) fn proxy_of(host: &str, port: Option<&str>) -> Option<Proxy> {
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

impl Ways {
    /// The ways that may be used, or why the first one may not when none may.
    fn permitted(self, readings: &ConfigurationReadings) -> Result<Destination, TransportProblem> {
        let check = |url: &String| permitted(url, self.proxy.as_ref(), readings);
        let refused = self.urls.iter().find_map(|url| check(url).err());
        let mut usable = self.urls.iter().filter(|url| check(url).is_ok()).cloned();
        match (usable.next(), refused) {
            (Some(url), _) => Ok(Destination {
                url,
                alternatives: usable.collect(),
                proxy: self.proxy.clone(),
            }),
            (None, Some(problem)) => Err(problem),
            (None, None) => Err(TransportProblem::NoDestination {
                transport: Transport::CallHome,
            }),
        }
    }
}

fn permitted(
    url: &str,
    proxy: Option<&Proxy>,
    readings: &ConfigurationReadings,
) -> Result<(), TransportProblem> {
    let bad = |reason: &str| TransportProblem::BadUrl {
        url: url.to_owned(),
        reason: reason.to_owned(),
    };
    let parsed = Url::parse(url).map_err(|error| bad(&error.to_string()))?;
    if !["http", "https"].contains(&parsed.scheme()) {
        return Err(bad("it begins with another scheme"));
    }
    let host = parsed.host_str().ok_or_else(|| bad("it names no host"))?;
    let is_address = host.starts_with('[') || host.parse::<IpAddr>().is_ok();
    if readings.destination_host == DestinationHost::NameAlone
        && (is_address || !host.trim_end_matches('.').contains('.'))
    {
        return Err(bad("its host is no fully qualified domain name"));
    }
    let hosts = [Some(host), proxy.map(|proxy| proxy.host.as_str())];
    for host in hosts.into_iter().flatten() {
        let mut domains = readings.never_contact.iter();
        if let Some(domain) = domains.find(|domain| is_within(host, domain)) {
            return Err(TransportProblem::NeverContacted {
                url: url.to_owned(),
                domain: domain.clone(),
            });
        }
    }
    Ok(())
}

/// The host is the domain or below it; letter case and a final dot mean nothing.
pub(super) fn is_within(host: &str, domain: &str) -> bool {
    let plain = |name: &str| name.trim_matches('.').to_ascii_lowercase();
    let (host, domain) = (plain(host), plain(domain));
    !domain.is_empty() && (host == domain || host.ends_with(&format!(".{domain}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::desired_state::payload;

    fn readings() -> ConfigurationReadings {
        ConfigurationReadings::from(&LicensingSettings::default())
    }

    fn read(xml: &str) -> Configuration {
        licence_configuration(&payload::tree(xml), &readings())
    }

    fn in_call_home(content: &str) -> String {
        format!(
            "<call-home xmlns=\"http://cisco.com/ns/yang/Cisco-IOS-XR-call-home-cfg\">{content}</call-home>"
        )
    }

    fn call_home(content: &str) -> Configuration {
        read(&in_call_home(content))
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
    fn all_addresses_of_all_serving_profiles_are_tried_in_order_and_the_first_problem_speaks() {
        let reporting =
            "<report-type><reporting-licensing-data><enable>true</enable></reporting-licensing-data>
                         </report-type><active/>";
        let address = |url: &str, enable| {
            format!(
                "<address><method>http</method><destination-addr>{url}</destination-addr><enable>{enable}</enable></address>"
            )
        };
        let default = format!(
            "<profile><profile-name>CiscoTAC-1</profile-name><active/>
               <methods><method><method>http</method><enable>true</enable></method></methods>
               <addresses>{}{}{}{}<address><method>email</method><destination-addr>a@example.net</destination-addr>
               <enable>true</enable></address></addresses></profile>",
            address("https://tools.cisco.com/x", true),
            address("https://one.example.net/x", true),
            address("https://off.example.net/x", false),
            address("https://two.example.net/x", true),
        );
        let lab = profile("Lab", "https://three.example.net/x", reporting);
        let silent = profile("Silent", "https://four.example.net/x", "<active/>");
        let destination = of_profiles(&format!("{silent}{lab}{default}"))
            .destination
            .unwrap();
        assert_eq!(destination.url, "https://one.example.net/x");
        assert_eq!(
            destination.alternatives,
            ["https://two.example.net/x", "https://three.example.net/x"]
        );
        let inactive = profile(DEFAULT_PROFILE, "https://one.example.net/x", "");
        let lab_inactive = lab.replace("<active/>", "");
        assert_eq!(
            problem(of_profiles(&format!("{inactive}{lab_inactive}"))),
            "call-home profile CiscoTAC-1 is not active"
        );
        assert_eq!(
            url(of_profiles(&format!("{inactive}{lab}"))),
            "https://three.example.net/x"
        );
    }

    #[test]
    fn the_other_readings_of_call_home_are_a_switch_away() {
        let absent = ConfigurationReadings {
            call_home_at_first_start: CallHomeAtFirstStart::Absent,
            ..readings()
        };
        let fresh = licence_configuration(&payload::tree(""), &absent);
        assert_eq!(problem(fresh), "no call-home profile is active");

        let lab = profile(DEFAULT_PROFILE, "http://127.0.0.1:1/x", "<active/>");
        let profiles = format!("<profiles>{lab}</profiles>");
        let as_configured = ConfigurationReadings {
            call_home_service: CallHomeService::AsConfigured,
            ..readings()
        };
        let read = |xml: &str| licence_configuration(&payload::tree(xml), &as_configured);
        assert_eq!(
            read(&in_call_home(&profiles)).destination.unwrap_err(),
            TransportProblem::ServiceOff
        );
        assert!(
            read(&in_call_home(&format!("{profiles}<active/>")))
                .destination
                .is_ok()
        );
        assert!(matches!(
            read("").destination,
            Err(TransportProblem::NoDestination { .. })
        ));
    }

    #[test]
    fn only_names_are_destinations_when_the_reading_says_so() {
        let name_alone = ConfigurationReadings {
            destination_host: DestinationHost::NameAlone,
            ..readings()
        };
        for (host, fine) in [
            ("licences.example.net", true),
            ("licences.example.net:8443", true),
            ("192.0.2.1", false),
            ("[2001:db8::1]", false),
            ("localhost", false),
        ] {
            let profiles = profile(DEFAULT_PROFILE, &format!("https://{host}/x"), "<active/>");
            let xml = in_call_home(&format!("<profiles>{profiles}</profiles>"));
            let configuration = licence_configuration(&payload::tree(&xml), &name_alone);
            assert_eq!(configuration.destination.is_ok(), fine, "{host}");
        }
    }

    #[test]
    fn smart_licensing_and_privacy_follow_the_settings() {
        let off = ConfigurationReadings {
            smart_licensing: SmartLicensing::Off,
            privacy: Privacy::All,
            ..readings()
        };
        let configuration = licence_configuration(&payload::tree(""), &off);
        assert!(!configuration.enabled);
        assert!(configuration.host_name_withheld && configuration.version_withheld);
        let on = read("");
        assert!(on.enabled && !on.host_name_withheld && !on.version_withheld);
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
