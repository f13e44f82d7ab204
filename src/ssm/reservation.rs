//! Licences that are set aside for a device, known to it by codes that people carry.
//!
//! A reservation begins with a request code and holds its licences from the moment of the first authorization code. An
//! update makes a further revision; until the device has confirmed one, the most that any of the outstanding revisions
//! grants is held, since nobody knows which of them is installed. A return code ends it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::licensing::catalogue::Entitlement;
use crate::licensing::message::VERSION;
use crate::licensing::message::reservation::{Authorization, COMMITMENT, Coverage, Link, ReservedLicence};
use crate::ssm::account::VirtualAccountId;

/// The reservation of one device.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Reservation {
    /// The request, as its commitment in base 58.
    pub request: String,
    /// Product identifier of the device.
    pub pid: String,
    /// Its serial number; with the product identifier unique in the account.
    pub serial_number: String,
    /// What it covers.
    pub coverage: Coverage,
    /// Whose licences.
    pub virtual_account: VirtualAccountId,
    /// Export-controlled functionality is allowed.
    pub export_control_allowed: bool,
    /// When the first authorization code was made.
    pub created: Timestamp,
    /// The link that was last revealed, in base 58; the commitment at first.
    pub link: String,
    /// The revision that the device has confirmed; 0 for none.
    pub confirmed: u32,
    /// The confirmed revision and those after it, by number.
    pub revisions: Vec<Revision>,
    /// What it takes from the pools now.
    pub held: BTreeMap<Entitlement, u64>,
    /// When a term ends, and less is held from then on.
    pub held_until: Option<Timestamp>,
}

/// What one authorization code grants.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Revision {
    /// Its number, from 1.
    pub number: u32,
    /// Name of the authorization code.
    pub id: String,
    /// When it was made.
    pub issued: Timestamp,
    /// What is reserved.
    pub licences: Vec<ReservedLicence>,
}

impl Reservation {
    /// The latest revision.
    pub fn latest(&self) -> Option<&Revision> {
        self.revisions.last()
    }

    /// The same with what it holds as of `now`.
    pub fn as_of(mut self, now: Timestamp) -> Reservation {
        self.held = self.needed(now);
        self.held_until = self.next_end(now);
        self
    }

    /// What the outstanding revisions take from the pools at a time.
    fn needed(&self, now: Timestamp) -> BTreeMap<Entitlement, u64> {
        let mut needed = BTreeMap::new();
        for revision in &self.revisions {
            let mut sums: BTreeMap<Entitlement, u64> = BTreeMap::new();
            let running = revision
                .licences
                .iter()
                .filter(|licence| licence.end.is_none_or(|end| now < end));
            for licence in running {
                *sums.entry(licence.entitlement).or_default() += u64::from(licence.count);
            }
            for (entitlement, sum) in sums {
                let most: &mut u64 = needed.entry(entitlement).or_default();
                *most = sum.max(*most);
            }
        }
        needed
    }

    /// When a term ends next, of those that still take something.
    fn next_end(&self, now: Timestamp) -> Option<Timestamp> {
        let licences = self.revisions.iter().flat_map(|revision| &revision.licences);
        licences
            .filter_map(|licence| licence.end)
            .filter(|end| *end > now)
            .min()
    }

    /// The reservation after the device has confirmed what this code says; `None` for a code that is not its.
    pub fn confirmed_by(&self, code: &str) -> Option<Reservation> {
        let (link, known) = (Link::from_confirmation_code(code)?, Link::from_text(&self.link)?);
        let newer = self
            .revisions
            .iter()
            .filter(|revision| revision.number > self.confirmed);
        let number = newer
            .map(|revision| revision.number)
            .find(|number| link.after(number - self.confirmed) == known)?;
        let mut confirmed = self.clone();
        confirmed.link = link.to_text();
        confirmed.confirmed = number;
        confirmed.revisions.retain(|revision| revision.number >= number);
        Some(confirmed)
    }

    /// The code shows that the device has let go of it.
    pub fn is_returned_by(&self, code: &str) -> bool {
        let link = Link::from_return_code(code);
        let known = Link::from_text(&self.link);
        match (link, known) {
            (Some(link), Some(known)) => link.after(COMMITMENT.saturating_sub(self.confirmed)) == known,
            _ => false,
        }
    }

    /// What the authorization code of a revision says.
    pub fn authorization(
        &self,
        revision: &Revision,
        smart_account: &str,
        virtual_account: &str,
    ) -> Authorization {
        Authorization {
            version: VERSION,
            id: revision.id.clone(),
            revision: revision.number,
            request: self.request.clone(),
            pid: self.pid.clone(),
            serial_number: self.serial_number.clone(),
            coverage: self.coverage,
            issued: revision.issued,
            smart_account: smart_account.to_owned(),
            virtual_account: virtual_account.to_owned(),
            export_control_allowed: self.export_control_allowed,
            licences: revision.licences.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;
    use crate::licensing::message::reservation::LinkSecret;

    fn now() -> Timestamp {
        "2021-06-21T12:40:52Z".parse().unwrap()
    }

    fn revision(number: u32, long_haul: u32, end: Option<Timestamp>) -> Revision {
        Revision {
            number,
            id: format!("code-{number}"),
            issued: now(),
            licences: vec![ReservedLicence {
                entitlement: Entitlement::LongHaul,
                count: long_haul,
                start: None,
                end,
            }],
        }
    }

    fn reservation(secret: &LinkSecret, revisions: Vec<Revision>) -> Reservation {
        let commitment = secret.link(COMMITMENT).to_text();
        Reservation {
            request: commitment.clone(),
            pid: "NCS1004".to_owned(),
            serial_number: "CAT1".to_owned(),
            coverage: Coverage::Specific,
            virtual_account: VirtualAccountId(1),
            export_control_allowed: false,
            created: now(),
            link: commitment,
            confirmed: 0,
            revisions,
            held: BTreeMap::new(),
            held_until: None,
        }
    }

    fn long_haul(reservation: &Reservation, now: Timestamp) -> u64 {
        reservation
            .needed(now)
            .get(&Entitlement::LongHaul)
            .copied()
            .unwrap_or(0)
    }

    #[test]
    fn until_a_revision_is_confirmed_the_most_of_them_is_held() {
        let secret = LinkSecret::draw().unwrap();
        let three = vec![revision(1, 5, None), revision(2, 9, None), revision(3, 2, None)];
        let unconfirmed = reservation(&secret, three);
        assert_eq!(long_haul(&unconfirmed, now()), 9);
        let first = unconfirmed.confirmed_by(&secret.confirmation_code(1)).unwrap();
        assert_eq!(long_haul(&first, now()), 9, "the second may be installed by now");
        let third = first.confirmed_by(&secret.confirmation_code(3)).unwrap();
        assert_eq!(long_haul(&third, now()), 2);
        assert_eq!(
            third.confirmed_by(&secret.confirmation_code(3)),
            None,
            "a code confirms once"
        );
        assert_eq!(third.confirmed_by(&secret.confirmation_code(2)), None);
        assert_eq!(
            first.confirmed_by(&LinkSecret::draw().unwrap().confirmation_code(2)),
            None
        );
    }

    #[test]
    fn only_the_return_code_returns_whatever_was_confirmed() {
        let secret = LinkSecret::draw().unwrap();
        let new = reservation(&secret, vec![revision(1, 5, None), revision(2, 9, None)]);
        let confirmed = new.confirmed_by(&secret.confirmation_code(2)).unwrap();
        for reservation in [&new, &confirmed] {
            assert!(reservation.is_returned_by(&secret.return_code()));
            assert!(!reservation.is_returned_by(&secret.confirmation_code(2)));
            assert!(!reservation.is_returned_by(&LinkSecret::draw().unwrap().return_code()));
        }
    }

    #[test]
    fn a_term_that_is_over_holds_nothing() {
        let secret = LinkSecret::draw().unwrap();
        let end = now() + SignedDuration::from_hours(24);
        let reservation = reservation(&secret, vec![revision(1, 5, Some(end))]);
        assert_eq!(reservation.next_end(now()), Some(end));
        assert_eq!(long_haul(&reservation, now()), 5);
        assert_eq!(long_haul(&reservation, end), 0);
        assert_eq!(reservation.next_end(end), None);
    }
}
