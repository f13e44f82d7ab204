//! Names of servers as running has them resolved: configured hosts first, then the configured name servers, else the host's resolver.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hickory_resolver::TokioResolver;
use hickory_resolver::config::{
    ConnectionConfig, LookupIpStrategy, NameServerConfig, ResolveHosts, ResolverConfig,
};
use hickory_resolver::net::NetError;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::proto::rr::Name;
use reqwest::dns;

use crate::yang::tree::{NodeRef, Tree};

/// The top-level node that names are configured by.
pub const ROOT: &str = "Cisco-IOS-XR-ip-domain-cfg:ip-domain";

/// The port that name servers listen at.
pub const DNS_PORT: u16 = 53;

/// What is configured about names, of one VRF.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct NameSettings {
    /// Name servers in the order in which they are asked; when there is one, the host's resolver has no say.
    pub servers: Vec<IpAddr>,
    /// Domains that complete a name without a dot, in order.
    pub domains: Vec<String>,
    /// Hosts with addresses of their own; in lower case.
    pub hosts: BTreeMap<String, Vec<IpAddr>>,
    /// Nobody is asked: hosts alone are known.
    pub lookup_disabled: bool,
}

impl NameSettings {
    /// Reads them from running.
    pub fn of(running: &Tree, vrf_name: &str) -> NameSettings {
        let vrfs = running.root(ROOT).and_then(|domain| domain.child("vrfs"));
        let found = vrfs.iter().flat_map(|vrfs| vrfs.children_named("vrf"));
        let mut found = found.filter(|vrf| vrf.leaf("vrf-name") == Some(vrf_name));
        found.next().map(NameSettings::of_vrf).unwrap_or_default()
    }

    fn of_vrf(vrf: NodeRef<'_>) -> NameSettings {
        let servers = in_order(vrf, "servers", "server", "server-address");
        let listed: Vec<String> = in_order(vrf, "lists", "list", "list-name");
        // A list of domains takes the place of the one domain name.
        let domains = match (listed.is_empty(), vrf.leaf("name")) {
            (true, Some(name)) => vec![name.to_owned()],
            _ => listed,
        };
        let mut hosts: BTreeMap<String, Vec<IpAddr>> = BTreeMap::new();
        for (list, entry) in [("ipv4-hosts", "ipv4-host"), ("ipv6-hosts", "ipv6-host")] {
            let list = vrf.child(list);
            for host in list.iter().flat_map(|list| list.children_named(entry)) {
                let addresses = host.children_named("address");
                let addresses = addresses.filter_map(|address| address.value()?.parse::<IpAddr>().ok());
                let name = host.leaf("host-name").unwrap_or_default();
                hosts.entry(plain(name)).or_default().extend(addresses);
            }
        }
        NameSettings {
            servers: servers
                .iter()
                .filter_map(|address| address.parse().ok())
                .collect(),
            domains,
            hosts,
            lookup_disabled: vrf.child("lookup").is_some(),
        }
    }

    /// The addresses of a configured host.
    fn host(&self, name: &str) -> Option<&Vec<IpAddr>> {
        let completed = self.domains.iter().filter(|_| !name.contains('.'));
        let completed = completed.map(|domain| plain(&format!("{name}.{domain}")));
        let mut names = std::iter::once(plain(name)).chain(completed);
        names.find_map(|name| self.hosts.get(&name))
    }

    /// A resolver that asks one name server; the library would give all of them the time of one.
    fn resolver(&self, server: IpAddr, asking: Asking) -> Result<TokioResolver, NetError> {
        let at_port = |mut connection: ConnectionConfig| {
            connection.port = asking.port;
            connection
        };
        let connections = vec![at_port(ConnectionConfig::udp()), at_port(ConnectionConfig::tcp())];
        let server = NameServerConfig::new(server, true, connections);
        let domains = self.domains.iter();
        let search: Vec<Name> = domains
            .filter_map(|domain| Name::from_utf8(domain).ok())
            .collect();
        let config = ResolverConfig::from_parts(None, search, vec![server]);
        let mut builder = TokioResolver::builder_with_config(config, TokioRuntimeProvider::default());
        let options = builder.options_mut();
        options.timeout = asking.patience;
        options.attempts = 1;
        // Exchanges are rare: each asks anew, so that what was mended holds at once.
        options.cache_size = 0;
        options.use_hosts_file = ResolveHosts::Never;
        options.ip_strategy = LookupIpStrategy::Ipv4AndIpv6;
        builder.build()
    }
}

/// A leaf of the entries of a list, by their `order`.
fn in_order(vrf: NodeRef<'_>, list: &str, entry: &'static str, leaf: &str) -> Vec<String> {
    let list = vrf.child(list);
    let entries = list.iter().flat_map(|list| list.children_named(entry));
    let mut entries: Vec<(u32, String)> = entries
        .filter_map(|entry| Some((entry.leaf("order")?.parse().ok()?, entry.leaf(leaf)?.to_owned())))
        .collect();
    entries.sort();
    entries.into_iter().map(|(_, value)| value).collect()
}

fn plain(name: &str) -> String {
    name.trim_end_matches('.').to_ascii_lowercase()
}

/// Nobody who was asked knows the name. The first words are the product's, which scripts look for.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("Unable to resolve server hostname/domain name {name}: {reason}")]
pub struct NotResolved {
    /// The name.
    pub name: String,
    /// Who was asked, and what came of it.
    pub reason: String,
}

/// How a name server is asked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Asking {
    /// Its port; [`DNS_PORT`] outside of laboratories.
    pub port: u16,
    /// How long each of two attempts waits for its answer.
    pub patience: Duration,
}

impl Default for Asking {
    fn default() -> Asking {
        Asking {
            port: DNS_PORT,
            patience: Duration::from_secs(2),
        }
    }
}

/// Resolves names by the present settings; clones share them.
#[derive(Clone, Debug, Default)]
pub struct Names {
    settings: Arc<Mutex<Arc<NameSettings>>>,
    asking: Asking,
}

impl Names {
    /// Nothing configured yet; name servers are asked in this way.
    pub fn asking(asking: Asking) -> Names {
        Names {
            settings: Arc::default(),
            asking,
        }
    }

    /// Takes new settings, for every name from now on.
    pub fn configured(&self, settings: NameSettings) {
        *self.settings.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(settings);
    }

    /// The addresses of a name, at least one.
    pub async fn addresses(&self, name: &str) -> Result<Vec<IpAddr>, NotResolved> {
        let settings = Arc::clone(&self.settings.lock().unwrap_or_else(PoisonError::into_inner));
        if let Some(addresses) = settings.host(name) {
            return Ok(addresses.clone());
        }
        let unknown = |reason: String| NotResolved {
            name: name.to_owned(),
            reason,
        };
        if settings.lookup_disabled {
            return Err(unknown("domain lookup is switched off".to_owned()));
        }
        if settings.servers.is_empty() {
            let found = tokio::net::lookup_host((name, 0)).await;
            let found: Vec<IpAddr> = found
                .map_err(|error| {
                    unknown(format!(
                        "no name server is configured, and the host says: {error}"
                    ))
                })?
                .map(|address| address.ip())
                .collect();
            return match found.is_empty() {
                true => Err(unknown("it has no address".to_owned())),
                false => Ok(found),
            };
        }
        let mut reasons = Vec::new();
        for server in &settings.servers {
            let found = match settings.resolver(*server, self.asking) {
                Ok(resolver) => resolver.lookup_ip(name).await,
                Err(error) => Err(error),
            };
            match found {
                Ok(found) => return Ok(found.iter().collect()),
                Err(error) if error.is_no_records_found() || error.is_nx_domain() => {
                    reasons.push(format!("name server {server} knows no address"));
                    break;
                }
                Err(error) => reasons.push(format!("name server {server} does not answer: {error}")),
            }
        }
        Err(unknown(reasons.join("; ")))
    }
}

impl dns::Resolve for Names {
    fn resolve(&self, name: dns::Name) -> dns::Resolving {
        let names = self.clone();
        Box::pin(async move {
            let addresses = names.addresses(name.as_str()).await?;
            // Port 0 stands for the one of the URL.
            let addresses = addresses.into_iter().map(|address| SocketAddr::new(address, 0));
            Ok(Box::new(addresses) as dns::Addrs)
        })
    }
}

#[cfg(test)]
pub mod name_server {
    //! A name server on loopback that knows what a test tells it.

    use std::collections::BTreeMap;
    use std::net::{IpAddr, Ipv4Addr};
    use std::sync::{Arc, Mutex};

    use hickory_resolver::proto::op::{Message, ResponseCode};
    use hickory_resolver::proto::rr::rdata::A;
    use hickory_resolver::proto::rr::{RData, Record, RecordType};
    use tokio::net::UdpSocket;

    /// Answers until it is dropped.
    pub struct NameServer {
        /// Where it listens, on 127.0.0.1.
        pub port: u16,
        /// Names that it was asked for, lower case with a final dot.
        pub asked: Arc<Mutex<Vec<String>>>,
        task: tokio::task::JoinHandle<()>,
    }

    impl NameServer {
        /// Knows these names (with a final dot) and says of all others that they do not exist.
        pub async fn start(known: &[(&str, Ipv4Addr)]) -> NameServer {
            let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
            let port = socket.local_addr().unwrap().port();
            let known: BTreeMap<String, Ipv4Addr> = known
                .iter()
                .map(|(name, address)| ((*name).to_owned(), *address))
                .collect();
            let asked = Arc::new(Mutex::new(Vec::new()));
            let noted = Arc::clone(&asked);
            let task = tokio::spawn(async move {
                let mut buffer = [0; 4096];
                while let Ok((length, peer)) = socket.recv_from(&mut buffer).await {
                    let request = Message::from_vec(&buffer[..length]).unwrap();
                    let answer = answer(&request, &known, &noted);
                    socket.send_to(&answer.to_vec().unwrap(), peer).await.unwrap();
                }
            });
            NameServer { port, asked, task }
        }

        /// The names that it was asked for, each once.
        pub fn asked(&self) -> Vec<String> {
            let mut asked = self.asked.lock().unwrap().clone();
            asked.dedup();
            asked
        }

        /// How it is asked.
        pub fn asking(&self) -> super::Asking {
            super::Asking {
                port: self.port,
                patience: std::time::Duration::from_secs(2),
            }
        }

        /// Settings that name it alone.
        pub fn settings() -> super::NameSettings {
            super::NameSettings {
                servers: vec![IpAddr::from([127, 0, 0, 1])],
                ..super::NameSettings::default()
            }
        }
    }

    impl Drop for NameServer {
        fn drop(&mut self) {
            self.task.abort();
        }
    }

    fn answer(request: &Message, known: &BTreeMap<String, Ipv4Addr>, asked: &Mutex<Vec<String>>) -> Message {
        let query = request.queries.first().unwrap().clone();
        let name = query.name().to_string().to_lowercase();
        let mut answer = Message::response(request.metadata.id, request.metadata.op_code);
        match known.get(&name) {
            Some(address) if query.query_type() == RecordType::A => {
                let record = Record::from_rdata(query.name().clone(), 60, RData::A(A(*address)));
                answer.add_answer(record);
            }
            Some(_) => {}
            None => answer.metadata.response_code = ResponseCode::NXDomain,
        }
        asked.lock().unwrap().push(name);
        answer.add_query(query);
        answer
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::name_server::NameServer;
    use super::*;
    use crate::app::desired_state::payload;

    fn vrf(name: &str, content: &str) -> Tree {
        payload::tree(&format!(
            "<ip-domain xmlns=\"http://cisco.com/ns/yang/Cisco-IOS-XR-ip-domain-cfg\"><vrfs><vrf>
               <vrf-name>{name}</vrf-name>{content}</vrf></vrfs></ip-domain>"
        ))
    }

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn the_chapters_name_server_is_read() {
        let running = payload::tree(include_str!(
            "../../tests/data/payloads/valid/v11-domain-name-server.xml"
        ));
        let settings = NameSettings::of(&running, "default");
        assert_eq!(settings.servers, [address("198.51.100.247")]);
        assert_eq!(NameSettings::of(&running, "other"), NameSettings::default());
    }

    #[test]
    fn servers_and_domains_come_in_their_order_and_hosts_with_all_addresses() {
        let running = vrf(
            "default",
            "<servers><server><order>20</order><server-address>192.0.2.2</server-address></server>
               <server><order>3</order><server-address>2001:db8::53</server-address></server></servers>
             <lists><list><order>2</order><list-name>b.example</list-name></list>
               <list><order>1</order><list-name>a.example</list-name></list></lists>
             <name>c.example</name><lookup/>
             <ipv4-hosts><ipv4-host><host-name>Licences</host-name><address>192.0.2.9</address>
               <address>192.0.2.10</address></ipv4-host></ipv4-hosts>
             <ipv6-hosts><ipv6-host><host-name>licences</host-name><address>2001:db8::9</address></ipv6-host></ipv6-hosts>",
        );
        let settings = NameSettings::of(&running, "default");
        assert_eq!(settings.servers, [address("2001:db8::53"), address("192.0.2.2")]);
        assert_eq!(settings.domains, ["a.example", "b.example"]);
        assert_eq!(settings.hosts["licences"].len(), 3);
        assert!(settings.lookup_disabled);
        let single = NameSettings::of(&vrf("default", "<name>c.example</name>"), "default");
        assert_eq!(single.domains, ["c.example"]);
    }

    #[tokio::test]
    async fn the_configured_name_server_is_asked_and_not_the_host() {
        let server = NameServer::start(&[
            ("licences.example.net.", Ipv4Addr::new(192, 0, 2, 7)),
            ("short.example.org.", Ipv4Addr::new(192, 0, 2, 8)),
        ])
        .await;
        let names = Names::asking(server.asking());
        names.configured(NameSettings {
            domains: vec!["example.com".to_owned(), "example.org".to_owned()],
            ..NameServer::settings()
        });
        assert_eq!(
            names.addresses("licences.example.net").await.unwrap(),
            [address("192.0.2.7")]
        );
        assert_eq!(names.addresses("short").await.unwrap(), [address("192.0.2.8")]);
        let refused = names
            .addresses("nobody.example.net")
            .await
            .unwrap_err()
            .to_string();
        assert_eq!(
            refused,
            "Unable to resolve server hostname/domain name nobody.example.net: name server 127.0.0.1 knows no address"
        );
        assert!(server.asked().contains(&"nobody.example.net.".to_owned()));
    }

    #[tokio::test]
    async fn a_name_server_that_is_silent_is_given_up_and_the_next_one_asked() {
        let server = NameServer::start(&[("licences.example.net.", Ipv4Addr::new(192, 0, 2, 7))]).await;
        let names = Names::asking(Asking {
            patience: Duration::from_millis(200),
            ..server.asking()
        });
        // Nobody listens at that port of 127.0.0.2.
        let dead = address("127.0.0.2");
        names.configured(NameSettings {
            servers: vec![dead, address("127.0.0.1")],
            ..NameSettings::default()
        });
        assert_eq!(
            names.addresses("licences.example.net").await.unwrap(),
            [address("192.0.2.7")]
        );
        names.configured(NameSettings {
            servers: vec![dead],
            ..NameSettings::default()
        });
        let refused = names.addresses("licences.example.net").await.unwrap_err();
        assert!(
            refused
                .reason
                .starts_with("name server 127.0.0.2 does not answer: "),
            "{refused}"
        );
    }

    #[tokio::test]
    async fn configured_hosts_come_first_and_nothing_is_asked_when_lookup_is_off() {
        let names = Names::default();
        names.configured(NameSettings {
            domains: vec!["example.net".to_owned()],
            hosts: [("licences.example.net".to_owned(), vec![address("192.0.2.9")])].into(),
            lookup_disabled: true,
            ..NameServer::settings()
        });
        for name in ["licences.example.net", "Licences.Example.NET.", "licences"] {
            assert_eq!(
                names.addresses(name).await.unwrap(),
                [address("192.0.2.9")],
                "{name}"
            );
        }
        let refused = names.addresses("others.example.net").await.unwrap_err();
        assert_eq!(refused.reason, "domain lookup is switched off");
    }

    #[tokio::test]
    async fn without_a_configured_name_server_the_host_resolves() {
        let names = Names::default();
        assert!(names.addresses("localhost").await.unwrap()[0].is_loopback());
        let refused = names.addresses("no-such-name.invalid").await.unwrap_err();
        assert!(
            refused.reason.starts_with("no name server is configured"),
            "{refused}"
        );
    }
}
