//! From the running configuration to how a licence server is reached and trusted: names, revocation, the proxy for CRLs.

use crate::app::licence_configuration::{CALL_HOME, proxy_of};
use crate::app::name_resolution::{self, NameSettings};
use crate::app::revocation::CrlCheck;
use crate::app::settings::LicensingSettings;
use crate::app::settings::policy::CrlOptionalOn;
use crate::licensing::configuration::Proxy;
use crate::yang::tree::{NodeRef, Tree};

/// The top-level nodes that this is configured by.
pub const ROOTS: [&str; 3] = [name_resolution::ROOT, CRYPTO_CA, CALL_HOME];

const CRYPTO_CA: &str = "Cisco-IOS-XR-crypto-cepki-cfg:crypto-ca";

/// The trustpoint that the chapter's `crl optional` stands on.
const TRUSTPOINT: &str = "Trustpool";

/// How this is read, where it can be read in more than one way.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ReachReadings {
    /// Q32
    pub crl_optional_on: CrlOptionalOn,
    /// Domains that are never contacted, not for a CRL either (Q31).
    pub never_contact: Vec<String>,
}

impl From<&LicensingSettings> for ReachReadings {
    fn from(settings: &LicensingSettings) -> ReachReadings {
        ReachReadings {
            crl_optional_on: settings.policy.crl_optional_on,
            never_contact: settings.never_contact.clone(),
        }
    }
}

/// How a licence server is reached and trusted.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Reach {
    /// How names are resolved.
    pub names: NameSettings,
    /// Whether a certificate without a usable CRL is believed.
    pub crl: CrlCheck,
    /// The proxy through which CRLs are fetched.
    pub crl_proxy: Option<Proxy>,
    /// Domains that are never contacted.
    pub never_contact: Vec<String>,
}

impl Reach {
    /// Reads it from running.
    pub fn of(running: &Tree, readings: &ReachReadings) -> Reach {
        let call_home = running.root(CALL_HOME);
        let vrf = call_home.and_then(|call_home| call_home.leaf("vrf"));
        let crypto = running.root(CRYPTO_CA);
        let optional = crypto.is_some_and(|crypto| crl_is_optional(crypto, readings.crl_optional_on));
        Reach {
            names: NameSettings::of(running, vrf.unwrap_or("default")),
            crl: match optional {
                true => CrlCheck::Optional,
                false => CrlCheck::Required,
            },
            crl_proxy: crypto.and_then(|crypto| {
                let proxy = crypto.child("http-proxy")?;
                proxy_of(proxy.leaf("server")?, proxy.leaf("port"))
            }),
            never_contact: readings.never_contact.clone(),
        }
    }
}

fn crl_is_optional(crypto: NodeRef<'_>, on: CrlOptionalOn) -> bool {
    let optional = |node: NodeRef<'_>| node.descendant("crl/optional").is_some();
    let authority = crypto.child("certificate-authority");
    let pool = authority.and_then(|authority| authority.child("trustpool"));
    let points = authority.and_then(|authority| authority.child("trustpoints"));
    let mut points = points
        .iter()
        .flat_map(|points| points.children_named("trustpoint"));
    let pool = pool.is_some_and(optional);
    let point = points.any(|point| point.leaf("name") == Some(TRUSTPOINT) && optional(point));
    match on {
        CrlOptionalOn::Either => pool || point,
        CrlOptionalOn::Trustpoint => point,
        CrlOptionalOn::Trustpool => pool,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::desired_state::payload;

    fn reach(xml: &str, crl_optional_on: CrlOptionalOn) -> Reach {
        let never_contact = Vec::new();
        let readings = ReachReadings {
            crl_optional_on,
            never_contact,
        };
        Reach::of(&payload::tree(xml), &readings)
    }

    #[test]
    fn crl_optional_holds_on_the_trustpoint_or_the_pool_as_it_is_read() {
        let trustpoint = include_str!("../../tests/data/payloads/valid/v12-trustpoint-crl-optional.xml");
        let trustpool = trustpoint
            .replace("<trustpoints>", "")
            .replace("</trustpoints>", "")
            .replace("trustpoint>", "trustpool>")
            .replace("<name>Trustpool</name>", "");
        let other = trustpoint.replace("Trustpool", "Elsewhere");
        use CrlCheck::{Optional, Required};
        use CrlOptionalOn::{Either, Trustpoint, Trustpool};
        for (xml, on, expected) in [
            (trustpoint, Either, Optional),
            (trustpoint, Trustpoint, Optional),
            (trustpoint, Trustpool, Required),
            (trustpool.as_str(), Either, Optional),
            (trustpool.as_str(), Trustpoint, Required),
            (trustpool.as_str(), Trustpool, Optional),
            (other.as_str(), Either, Required),
            ("", Either, Required),
        ] {
            assert_eq!(reach(xml, on).crl, expected, "{on:?} {xml}");
        }
    }

    #[test]
    fn call_homes_vrf_chooses_the_name_servers_and_the_ca_has_a_proxy_of_its_own() {
        let servers = |vrf: &str, address: &str| {
            format!(
                "<vrf><vrf-name>{vrf}</vrf-name><servers><server><order>1</order>
                   <server-address>{address}</server-address></server></servers></vrf>"
            )
        };
        let domain = format!(
            "<ip-domain xmlns=\"http://cisco.com/ns/yang/Cisco-IOS-XR-ip-domain-cfg\"><vrfs>{}{}</vrfs></ip-domain>",
            servers("default", "192.0.2.1"),
            servers("mgmt", "192.0.2.2")
        );
        let rest = "<call-home xmlns=\"http://cisco.com/ns/yang/Cisco-IOS-XR-call-home-cfg\"><vrf>mgmt</vrf></call-home>
             <crypto-ca xmlns=\"http://cisco.com/ns/yang/Cisco-IOS-XR-crypto-cepki-cfg\"><http-proxy>
               <server>192.0.2.3</server><port>3128</port></http-proxy></crypto-ca>";
        let first = reach(&domain, CrlOptionalOn::Either);
        assert_eq!(first.names.servers[0].to_string(), "192.0.2.1");
        let second = reach(&format!("{domain}{rest}"), CrlOptionalOn::Either);
        assert_eq!(second.names.servers[0].to_string(), "192.0.2.2");
        assert_eq!(second.crl_proxy.unwrap().port, 3128);
    }
}
