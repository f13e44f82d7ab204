//! What a client's certificate says about its owner, as far as a user name can be made of it.

use std::net::Ipv4Addr;

use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::FromDer;

/// One subjectAltName of the kinds that name somebody (RFC 7407, identity `san-any`).
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum AlternativeName {
    /// rfc822Name, as written.
    Rfc822(String),
    /// dNSName, as written.
    Dns(String),
    /// iPAddress: 4 or 16 bytes.
    IpAddress(Vec<u8>),
}

impl AlternativeName {
    /// The user name that RFC 7407 makes of it; none of an address that is neither of version 4 nor of version 6.
    pub fn user_name(&self) -> Option<String> {
        match self {
            AlternativeName::Rfc822(mailbox) => Some(match mailbox.rsplit_once('@') {
                Some((local, host)) => format!("{local}@{}", host.to_lowercase()),
                None => mailbox.clone(),
            }),
            AlternativeName::Dns(name) => Some(name.to_lowercase()),
            AlternativeName::IpAddress(bytes) => match <[u8; 4]>::try_from(bytes.as_slice()) {
                Ok(four) => Some(Ipv4Addr::from(four).to_string()),
                Err(_) if bytes.len() == 16 => Some(bytes.iter().map(|byte| format!("{byte:02x}")).collect()),
                Err(_) => None,
            },
        }
    }
}

/// A certificate that was read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ClientCertificate {
    /// Its subject, for the log.
    pub subject: String,
    /// Who issued it, for the log.
    pub issuer: String,
    /// The most specific CommonName of the subject.
    pub common_name: Option<String>,
    /// In the order of the certificate.
    pub alternative_names: Vec<AlternativeName>,
}

impl ClientCertificate {
    /// Reads a certificate in DER; the error says what is wrong with it.
    pub fn read(der: &[u8]) -> Result<ClientCertificate, String> {
        let (_, certificate) =
            X509Certificate::from_der(der).map_err(|error| format!("not a certificate: {error}"))?;
        let alternative = certificate
            .subject_alternative_name()
            .map_err(|error| format!("its subjectAltName cannot be read: {error}"))?;
        let alternative_names = alternative
            .map(|extension| extension.value.general_names.as_slice())
            .unwrap_or_default()
            .iter()
            .filter_map(|name| match name {
                GeneralName::RFC822Name(mailbox) => Some(AlternativeName::Rfc822((*mailbox).to_owned())),
                GeneralName::DNSName(name) => Some(AlternativeName::Dns((*name).to_owned())),
                GeneralName::IPAddress(bytes) => Some(AlternativeName::IpAddress(bytes.to_vec())),
                _ => None,
            })
            .collect();
        let subject = certificate.subject();
        let common_name = subject
            .iter_common_name()
            .last()
            .and_then(|name| name.as_str().ok())
            .map(str::to_owned);
        Ok(ClientCertificate {
            subject: subject.to_string(),
            issuer: certificate.issuer().to_string(),
            common_name,
            alternative_names,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{AlternativeName, ClientCertificate};

    #[test]
    fn alternative_names_become_user_names_as_rfc_7407_says() {
        for (name, user) in [
            (
                AlternativeName::Rfc822("FooBar@Example.COM".to_owned()),
                Some("FooBar@example.com"),
            ),
            (
                AlternativeName::Dns("NMS.Example.com".to_owned()),
                Some("nms.example.com"),
            ),
            (AlternativeName::IpAddress(vec![192, 0, 2, 1]), Some("192.0.2.1")),
            (
                AlternativeName::IpAddress(vec![
                    0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xAB,
                ]),
                Some("20010db80000000000000000000000ab"),
            ),
            (AlternativeName::IpAddress(vec![192, 0, 2]), None),
        ] {
            assert_eq!(name.user_name().as_deref(), user, "{name:?}");
        }
    }

    #[test]
    fn what_is_no_certificate_is_told() {
        let told = ClientCertificate::read(b"hello").unwrap_err();
        assert!(told.starts_with("not a certificate"), "{told}");
    }
}
