//! Which user a client certificate stands for: the ordered list of RFC 7407, its fingerprints and map types.

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::digest;

use crate::transport::client_certificate::{AlternativeName, ClientCertificate};

/// One entry of the list.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CertToName {
    /// Of the client's certificate, or of a CA in its chain that is held here; without it every certificate matches, as
    /// in ietf-netconf-server.
    pub fingerprint: Option<Fingerprint>,
    /// How the name is made.
    pub map_type: MapType,
}

/// How a name is made of a certificate (RFC 7407, the identities below `cert-to-name`).
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum MapType {
    /// This name.
    Specified(String),
    /// The first rfc822Name, its host part in lower case.
    SanRfc822Name,
    /// The first dNSName in lower case.
    SanDnsName,
    /// The first iPAddress: dotted, or 32 hexadecimal digits.
    SanIpAddress,
    /// The first subjectAltName of these three kinds.
    SanAny,
    /// The CommonName of the subject.
    CommonName,
}

impl MapType {
    /// By the name of the identity; `specified` needs the name and nothing else has one.
    pub fn of(identity: &str, name: Option<&str>) -> Result<MapType, String> {
        let map_type = match (identity, name) {
            ("specified", Some(name)) => {
                check_user_name(name)?;
                return Ok(MapType::Specified(name.to_owned()));
            }
            ("specified", None) => return Err("map-type \"specified\" needs a name".to_owned()),
            ("san-rfc822-name", _) => MapType::SanRfc822Name,
            ("san-dns-name", _) => MapType::SanDnsName,
            ("san-ip-address", _) => MapType::SanIpAddress,
            ("san-any", _) => MapType::SanAny,
            ("common-name", _) => MapType::CommonName,
            _ => {
                return Err(format!(
                    "map-type {identity:?} is none of specified, san-rfc822-name, san-dns-name, san-ip-address, san-any, \
                     common-name (RFC 7407)"
                ));
            }
        };
        match name {
            None => Ok(map_type),
            Some(_) => Err(format!(
                "map-type {identity:?} has a name: only \"specified\" takes one"
            )),
        }
    }

    /// The name that this makes of a certificate; the error says what the certificate lacks.
    pub fn name_of(&self, certificate: &ClientCertificate) -> Result<String, String> {
        let first = |wanted: fn(&AlternativeName) -> bool| {
            let mut names = certificate.alternative_names.iter();
            names
                .find(|name| wanted(name))
                .and_then(AlternativeName::user_name)
        };
        let found = match self {
            MapType::Specified(name) => Some(name.clone()),
            MapType::SanRfc822Name => first(|name| matches!(name, AlternativeName::Rfc822(_))),
            MapType::SanDnsName => first(|name| matches!(name, AlternativeName::Dns(_))),
            MapType::SanIpAddress => first(|name| matches!(name, AlternativeName::IpAddress(_))),
            MapType::SanAny => first(|_| true),
            MapType::CommonName => certificate.common_name.clone(),
        };
        let name = found.ok_or_else(|| {
            let lacking = match self {
                MapType::SanRfc822Name => "rfc822Name in its subjectAltName",
                MapType::SanDnsName => "dNSName in its subjectAltName",
                MapType::SanIpAddress => "iPAddress in its subjectAltName",
                MapType::SanAny => "rfc822Name, dNSName or iPAddress in its subjectAltName",
                MapType::CommonName | MapType::Specified(_) => "CommonName",
            };
            format!("{self}: the certificate has no {lacking}")
        })?;
        check_user_name(&name).map_err(|problem| format!("{self}: {problem}"))?;
        Ok(name)
    }
}

impl fmt::Display for MapType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            MapType::Specified(_) => "specified",
            MapType::SanRfc822Name => "san-rfc822-name",
            MapType::SanDnsName => "san-dns-name",
            MapType::SanIpAddress => "san-ip-address",
            MapType::SanAny => "san-any",
            MapType::CommonName => "common-name",
        })
    }
}

/// A name that logs and access rules can hold.
fn check_user_name(name: &str) -> Result<(), String> {
    if name.is_empty() {
        return Err("the user name is empty".to_owned());
    }
    match name.chars().all(|letter| !letter.is_control()) {
        true => Ok(()),
        false => Err(format!("the user name {name:?} holds a control character")),
    }
}

/// x509c2n:tls-fingerprint: one octet that names the hash algorithm (the registry of RFC 5246), then the hash.
#[derive(Clone, PartialEq, Eq)]
pub struct Fingerprint {
    octets: Vec<u8>,
}

impl Fingerprint {
    /// The fingerprint with SHA-256, as it stands in settings.
    pub fn sha256(der: &[u8]) -> Fingerprint {
        let mut octets = vec![SHA256];
        octets.extend_from_slice(digest::digest(&digest::SHA256, der).as_ref());
        Fingerprint { octets }
    }

    /// Whether it is this certificate's, given in DER.
    pub fn is_of(&self, der: &[u8]) -> bool {
        let Some((&octet, expected)) = self.octets.split_first() else {
            return false;
        };
        algorithm(octet).is_some_and(|algorithm| digest::digest(algorithm, der).as_ref() == expected)
    }
}

const SHA256: u8 = 4;

/// The hash algorithms of RFC 5246 section 7.4.1.4.1, but MD5.
fn algorithm(octet: u8) -> Option<&'static digest::Algorithm> {
    match octet {
        2 => Some(&digest::SHA1_FOR_LEGACY_USE_ONLY),
        3 => Some(&digest::SHA224),
        SHA256 => Some(&digest::SHA256),
        5 => Some(&digest::SHA384),
        6 => Some(&digest::SHA512),
        _ => None,
    }
}

impl FromStr for Fingerprint {
    type Err = String;

    fn from_str(text: &str) -> Result<Fingerprint, String> {
        let wrong =
            |reason: &str| format!("fingerprint {text:?} {reason} (x509c2n:tls-fingerprint of RFC 7407)");
        let octets: Option<Vec<u8>> = text
            .split(':')
            .map(
                |pair| match pair.len() == 2 && pair.bytes().all(|digit| digit.is_ascii_hexdigit()) {
                    true => u8::from_str_radix(pair, 16).ok(),
                    false => None,
                },
            )
            .collect();
        let octets =
            octets.ok_or_else(|| wrong("is not pairs of hexadecimal digits with colons between them"))?;
        let (&octet, hash) = octets.split_first().ok_or_else(|| wrong("is empty"))?;
        let algorithm = algorithm(octet).ok_or_else(|| {
            wrong("begins with no octet of a hash algorithm: 02 SHA-1, 03 SHA-224, 04 SHA-256, 05 SHA-384, 06 SHA-512")
        })?;
        if hash.len() != algorithm.output_len() {
            let due = algorithm.output_len();
            return Err(wrong(&format!(
                "has {} octets behind its first one, where octet {octet:02} wants {due}",
                hash.len()
            )));
        }
        Ok(Fingerprint { octets })
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pairs: Vec<String> = self.octets.iter().map(|octet| format!("{octet:02X}")).collect();
        f.write_str(&pairs.join(":"))
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn certificate(alternative_names: Vec<AlternativeName>) -> ClientCertificate {
        ClientCertificate {
            subject: "CN=Ann".to_owned(),
            issuer: "CN=CA".to_owned(),
            common_name: Some("Ann".to_owned()),
            alternative_names,
        }
    }

    #[test]
    fn each_map_type_takes_its_own_field() {
        let certificate = certificate(vec![
            AlternativeName::Dns("Ann.Example".to_owned()),
            AlternativeName::Rfc822("Ann@Example.COM".to_owned()),
            AlternativeName::Dns("other.example".to_owned()),
            AlternativeName::IpAddress(vec![192, 0, 2, 1]),
        ]);
        for (identity, name, user) in [
            ("specified", Some("operator"), "operator"),
            ("san-rfc822-name", None, "Ann@example.com"),
            ("san-dns-name", None, "ann.example"),
            ("san-ip-address", None, "192.0.2.1"),
            ("san-any", None, "ann.example"),
            ("common-name", None, "Ann"),
        ] {
            let map_type = MapType::of(identity, name).unwrap();
            assert_eq!(map_type.name_of(&certificate).as_deref(), Ok(user), "{identity}");
            assert_eq!(map_type.to_string(), identity);
        }
    }

    #[test]
    fn what_a_certificate_lacks_is_told() {
        let told = MapType::SanDnsName.name_of(&certificate(Vec::new())).unwrap_err();
        assert_eq!(
            told,
            "san-dns-name: the certificate has no dNSName in its subjectAltName"
        );
        let told = MapType::CommonName
            .name_of(&ClientCertificate {
                common_name: Some("an\nn".to_owned()),
                ..certificate(Vec::new())
            })
            .unwrap_err();
        assert!(told.contains("control character"), "{told}");
    }

    #[test]
    fn a_map_type_that_cannot_be_is_refused() {
        assert!(
            MapType::of("specified", None)
                .unwrap_err()
                .contains("needs a name")
        );
        assert!(
            MapType::of("san-any", Some("x"))
                .unwrap_err()
                .contains("only \"specified\"")
        );
        assert!(MapType::of("san", None).unwrap_err().contains("san-rfc822-name"));
        assert!(MapType::of("specified", Some("")).unwrap_err().contains("empty"));
    }

    #[test]
    fn a_fingerprint_begins_with_its_hash_algorithm() {
        let text = Fingerprint::sha256(b"abc").to_string();
        assert!(text.starts_with("04:BA:78:16:BF"), "{text}");
        let read: Fingerprint = text.to_lowercase().parse().unwrap();
        assert!(read.is_of(b"abc") && !read.is_of(b"abd"));
        let sha1: Fingerprint = "02:A9:99:3E:36:47:06:81:6A:BA:3E:25:71:78:50:C2:6C:9C:D0:D8:9D"
            .parse()
            .unwrap();
        assert!(sha1.is_of(b"abc"));
    }

    #[test]
    fn a_fingerprint_of_another_form_is_refused() {
        for (text, told) in [
            ("", "pairs of hexadecimal"),
            ("4", "pairs of hexadecimal"),
            ("04:+1", "pairs of hexadecimal"),
            ("04AB", "pairs of hexadecimal"),
            ("01:00", "begins with no octet"),
            ("BA:78", "begins with no octet"),
            (
                "04:BA:78",
                "has 2 octets behind its first one, where octet 04 wants 32",
            ),
        ] {
            let problem = text.parse::<Fingerprint>().unwrap_err();
            assert!(problem.contains(told), "{text}: {problem}");
        }
    }
}
