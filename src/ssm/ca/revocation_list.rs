//! The list of revoked HTTPS certificates: empty, and signed anew whenever somebody asks, so that it is never too old.

use jiff::{SignedDuration, Timestamp};
use rcgen::{CertificateRevocationListParams, Issuer, KeyIdMethod, SerialNumber};

use crate::licensing::signature::SigningKey;
use crate::ssm::ca::{Authority, AuthorityError, BACKDATING, failure, since_1970};

/// For how long a device may keep a list.
const LIFE: SignedDuration = SignedDuration::from_hours(24);

/// Signs lists for the TLS root.
#[derive(Debug)]
pub struct RevocationLists {
    certificate: String,
    key: SigningKey,
}

impl Authority {
    /// What signs the lists, apart from the rest of the authority.
    pub fn revocation_lists(&self) -> Result<RevocationLists, AuthorityError> {
        Ok(RevocationLists {
            certificate: self.tls_root.certificate.clone(),
            key: SigningKey::from_pem(&self.tls_root.key.to_pem())?,
        })
    }
}

impl RevocationLists {
    /// The list as of `now`, in DER.
    pub fn current(&self, now: Timestamp) -> Result<Vec<u8>, AuthorityError> {
        let failed = |error: rcgen::Error| failure("the revocation list", &error);
        let epoch = rcgen::date_time_ymd(1970, 1, 1);
        let begin = now.saturating_sub(BACKDATING).unwrap_or(now);
        let end = now.saturating_add(LIFE).unwrap_or(Timestamp::MAX);
        let list = CertificateRevocationListParams {
            this_update: epoch + since_1970(begin),
            next_update: epoch + since_1970(end),
            // RFC 5280 section 5.2.3: it only has to grow.
            crl_number: SerialNumber::from(since_1970(now).as_secs()),
            issuing_distribution_point: None,
            revoked_certs: Vec::new(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        let issuer = Issuer::from_ca_cert_pem(&self.certificate, &self.key).map_err(failed)?;
        let signed = list.signed_by(&issuer).map_err(failed)?;
        Ok(signed.der().to_vec())
    }
}

#[cfg(test)]
mod tests {
    use x509_parser::pem::parse_x509_pem;
    use x509_parser::prelude::{CertificateRevocationList, FromDer};

    use super::*;

    #[test]
    fn a_list_is_signed_by_the_tls_root_and_holds_for_a_day() {
        let now: Timestamp = "2021-06-21T12:40:52Z".parse().unwrap();
        let stored = Authority::found("Lab", now).unwrap();
        let authority = Authority::open("Lab", &stored, now).unwrap();
        let list = authority.revocation_lists().unwrap().current(now).unwrap();
        let (_, list) = CertificateRevocationList::from_der(&list).unwrap();
        assert_eq!(list.iter_revoked_certificates().count(), 0);
        assert_eq!(list.next_update().unwrap().timestamp(), now.as_second() + 86_400);
        let (_, pem) = parse_x509_pem(authority.tls_root().as_bytes()).unwrap();
        let root = pem.parse_x509().unwrap();
        assert_eq!(list.issuer(), root.subject());
        list.verify_signature(root.public_key()).unwrap();
    }
}
