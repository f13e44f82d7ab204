//! Commands about reservations: licences set aside for devices that are reached by codes alone.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use crate::licensing::catalogue::Entitlement;
use crate::licensing::message::reservation::{
    Coverage, LAST_REVISION, MAX_COUNT, RequestCode, ReservedLicence,
};
use crate::ssm::account::{Account, Change, VirtualAccount};
use crate::ssm::admin::listing::{Output, reservation_row};
use crate::ssm::admin::{Refused, find_account, find_entitlement};
use crate::ssm::reservation::{Reservation, Revision};
use crate::ssm::server::Server;

/// What is to be reserved, as short or full tag and count.
pub type Wanted = [(String, u32)];

/// Sets licences aside for the device of a request code, and makes its authorization code.
pub(super) fn reserve(
    server: &Server,
    request_code: &str,
    wanted: &Wanted,
    days: Option<u32>,
    owner: (Option<&str>, bool),
    now: Timestamp,
) -> Result<(Vec<Change>, Output), Refused> {
    let account = &server.account;
    let request: RequestCode = request_code
        .parse()
        .map_err(|error| Refused::RequestCode(format!("{error}")))?;
    let device = format!("PID:{},SN:{}", request.pid, request.serial_number);
    if account
        .reservation_of(&request.pid, &request.serial_number)
        .is_some()
    {
        return Err(Refused::Reserved(device));
    }
    let registered = account.instances().any(|instance| {
        instance.udi.pid == request.pid && instance.udi.serial_number == request.serial_number
    });
    if registered {
        return Err(Refused::Registered(device));
    }
    let (virtual_account, export_control_allowed) = owner;
    let owner = find_account(account, virtual_account)?;
    let revision = Revision {
        number: 1,
        id: Uuid::new_v4().to_string(),
        issued: now,
        licences: licences(request.coverage, wanted, days, now)?,
    };
    let commitment = request.commitment.to_text();
    let reservation = Reservation {
        request: commitment.clone(),
        pid: request.pid,
        serial_number: request.serial_number,
        coverage: request.coverage,
        virtual_account: owner.id,
        export_control_allowed,
        created: now,
        link: commitment,
        confirmed: 0,
        revisions: vec![revision],
        held: BTreeMap::new(),
        held_until: None,
    }
    .as_of(now);
    check_available(account, owner, &BTreeMap::new(), &reservation)?;
    authorize(server, reservation)
}

/// Makes a further revision of a device's reservation.
pub(super) fn update(
    server: &Server,
    device: &str,
    wanted: &Wanted,
    days: Option<u32>,
    now: Timestamp,
) -> Result<(Vec<Change>, Output), Refused> {
    let account = &server.account;
    let before = find(account, device)?;
    let number = before.latest().map_or(1, |latest| latest.number + 1);
    if number > LAST_REVISION {
        return Err(Refused::Revisions(device.to_owned()));
    }
    let mut reservation = before.clone();
    reservation.revisions.push(Revision {
        number,
        id: Uuid::new_v4().to_string(),
        issued: now,
        licences: licences(before.coverage, wanted, days, now)?,
    });
    let reservation = reservation.as_of(now);
    let owner = account
        .virtual_accounts()
        .find(|owner| owner.id == before.virtual_account);
    let owner = owner.map_or_else(|| find_account(account, None), Ok)?;
    check_available(account, owner, &before.held, &reservation)?;
    authorize(server, reservation)
}

/// The latest authorization code of a device once more.
pub(super) fn code(server: &Server, device: &str) -> Result<(Vec<Change>, Output), Refused> {
    let code = authorization_code(server, find(&server.account, device)?)?;
    Ok((Vec::new(), Output::AuthorizationCode(code)))
}

/// Takes a confirmation code: what the device has not installed any more is free.
pub(super) fn confirm(
    account: &Account,
    code: &str,
    now: Timestamp,
) -> Result<(Vec<Change>, Output), Refused> {
    let confirmed = account
        .reservations()
        .find_map(|reservation| reservation.confirmed_by(code));
    let confirmed = confirmed.ok_or(Refused::Code("confirmation"))?.as_of(now);
    let done = format!(
        "revision {} is installed on PID:{},SN:{}",
        confirmed.confirmed, confirmed.pid, confirmed.serial_number
    );
    Ok((vec![Change::Reservation(Box::new(confirmed))], Output::Done(done)))
}

/// Takes a return code: the device has let go of its licences.
pub(super) fn give_back(account: &Account, code: &str) -> Result<(Vec<Change>, Output), Refused> {
    let returned = account
        .reservations()
        .find(|reservation| reservation.is_returned_by(code));
    let returned = returned.ok_or(Refused::Code("return"))?;
    Ok(freed(returned, "returned"))
}

/// Ends a reservation without the device: it may go on using what it has.
pub(super) fn remove(account: &Account, device: &str) -> Result<(Vec<Change>, Output), Refused> {
    Ok(freed(find(account, device)?, "removed"))
}

/// Lists the reservations.
pub(super) fn list(account: &Account) -> (Vec<Change>, Output) {
    let rows = account
        .reservations()
        .map(|reservation| reservation_row(account, reservation));
    (Vec::new(), Output::Reservations(rows.collect()))
}

fn freed(reservation: &Reservation, how: &str) -> (Vec<Change>, Output) {
    let done = format!(
        "{how} the reservation of PID:{},SN:{}; its licences are free",
        reservation.pid, reservation.serial_number
    );
    let change = Change::ReservationRemoved(reservation.request.clone());
    (vec![change], Output::Done(done))
}

fn find<'a>(account: &'a Account, device: &str) -> Result<&'a Reservation, Refused> {
    account
        .reservations()
        .find(|reservation| reservation.serial_number == device || reservation.request == device)
        .ok_or_else(|| Refused::NoReservation(device.to_owned()))
}

fn authorize(server: &Server, reservation: Reservation) -> Result<(Vec<Change>, Output), Refused> {
    let code = authorization_code(server, &reservation)?;
    Ok((
        vec![Change::Reservation(Box::new(reservation))],
        Output::AuthorizationCode(code),
    ))
}

fn authorization_code(server: &Server, reservation: &Reservation) -> Result<String, Refused> {
    let latest = reservation
        .latest()
        .ok_or_else(|| Refused::NoReservation(reservation.serial_number.clone()))?;
    let virtual_account = server.account.virtual_account_name(reservation.virtual_account);
    let authorization = reservation.authorization(latest, server.account.name(), virtual_account);
    let signed = server.authority.sign_authorization(&authorization);
    signed.map_err(|error| Refused::Authorization(error.to_string()))
}

fn licences(
    coverage: Coverage,
    wanted: &Wanted,
    days: Option<u32>,
    now: Timestamp,
) -> Result<Vec<ReservedLicence>, Refused> {
    if (coverage == Coverage::Specific) == wanted.is_empty() {
        return Err(Refused::Wanted(match coverage {
            Coverage::Specific => "a specific reservation names its licences with --licence TAG COUNT",
            Coverage::Universal => "a universal reservation covers everything and names no licences",
        }));
    }
    let term = match days {
        None => None,
        Some(days) if (1..=MAX_DAYS).contains(&days) => Some(term(days, now)),
        Some(days) => return Err(Refused::Term(days)),
    };
    let mut licences: Vec<ReservedLicence> = Vec::new();
    for (tag, count) in wanted {
        let entitlement = find_entitlement(tag)?;
        if !(1..=MAX_COUNT).contains(count) {
            return Err(Refused::ReservedCount {
                entitlement: entitlement.short_tag(),
                count: *count,
            });
        }
        if licences.iter().any(|licence| licence.entitlement == entitlement) {
            return Err(Refused::Twice(entitlement.short_tag()));
        }
        licences.push(ReservedLicence {
            entitlement,
            count: *count,
            start: term.map(|(start, _)| start),
            end: term.map(|(_, end)| end),
        });
    }
    Ok(licences)
}

const MAX_DAYS: u32 = 36_600;

/// From the beginning of the day, so that a device whose clock is behind does not have to wait.
fn term(days: u32, now: Timestamp) -> (Timestamp, Timestamp) {
    let second = now.as_second();
    let start = Timestamp::from_second(second - second.rem_euclid(86_400)).unwrap_or(now);
    let length = SignedDuration::from_hours(24 * i64::from(days));
    (start, start.saturating_add(length).unwrap_or(Timestamp::MAX))
}

/// That nothing is reserved that is not there: a reservation cannot be short.
fn check_available(
    account: &Account,
    owner: &VirtualAccount,
    before: &BTreeMap<Entitlement, u64>,
    reservation: &Reservation,
) -> Result<(), Refused> {
    for (entitlement, count) in &reservation.held {
        let had = before.get(entitlement).copied().unwrap_or(0);
        let available = account.pool(owner.id, *entitlement).available();
        if count.saturating_sub(had) > available {
            return Err(Refused::NotAvailable {
                entitlement: entitlement.short_tag(),
                wanted: *count,
                available: available.saturating_add(had),
                virtual_account: owner.name.clone(),
            });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::licensing::message::Udi;
    use crate::licensing::message::reservation::{Authorization, COMMITMENT, LinkSecret};
    use crate::licensing::signature::chain::TrustRoot;
    use crate::ssm::admin::{Command, decide};
    use crate::ssm::test_device::{DAY, Device, add, command, now, server, token};

    struct Reserving {
        server: Server,
        secret: LinkSecret,
    }

    fn request(secret: &LinkSecret, coverage: Coverage) -> String {
        RequestCode {
            coverage,
            pid: "NCS1004".to_owned(),
            serial_number: "CAT1".to_owned(),
            commitment: secret.link(COMMITMENT),
        }
        .to_string()
    }

    fn reserve_command(request_code: String, wanted: &[(Entitlement, u32)], days: Option<u32>) -> Command {
        Command::ReservationReserve {
            request_code,
            licences: wanted
                .iter()
                .map(|(entitlement, count)| (entitlement.short_tag().to_owned(), *count))
                .collect(),
            days,
            virtual_account: None,
            export_control_allowed: true,
        }
    }

    impl Reserving {
        fn new() -> Reserving {
            let mut server = server();
            command(&mut server, &add(Entitlement::LongHaul, 10), now());
            Reserving {
                server,
                secret: LinkSecret::draw().unwrap(),
            }
        }

        fn reserve(&mut self, count: u32, days: Option<u32>) -> Authorization {
            let request = request(&self.secret, Coverage::Specific);
            let wanted = reserve_command(request, &[(Entitlement::LongHaul, count)], days);
            self.authorization(&wanted, now())
        }

        fn update(&mut self, count: u32) -> Authorization {
            let wanted = Command::ReservationUpdate {
                device: "CAT1".to_owned(),
                licences: vec![(Entitlement::LongHaul.short_tag().to_owned(), count)],
                days: None,
            };
            self.authorization(&wanted, now())
        }

        fn authorization(&mut self, wanted: &Command, now: Timestamp) -> Authorization {
            let code = match command(&mut self.server, wanted, now) {
                Output::AuthorizationCode(code) => code,
                other => panic!("{other:?}"),
            };
            let root = TrustRoot::from_pem(self.server.authority.licensing_root()).unwrap();
            Authorization::open(&code, &root, now).unwrap()
        }

        fn refusal(&self, command: &Command) -> String {
            decide(&self.server, command, now()).unwrap_err().to_string()
        }

        fn reserved(&self) -> u64 {
            let account = &self.server.account;
            let owner = account.virtual_account(None).unwrap();
            account.pool(owner.id, Entitlement::LongHaul).reserved
        }
    }

    #[test]
    fn an_authorization_code_says_what_was_reserved_for_whom_and_comes_again() {
        let mut lab = Reserving::new();
        let authorization = lab.reserve(4, None);
        let udi = |serial_number: &str| Udi {
            pid: "NCS1004".to_owned(),
            serial_number: serial_number.to_owned(),
            uuid: "default-sdr".to_owned(),
        };
        assert!(authorization.is_for(&udi("CAT1")) && !authorization.is_for(&udi("CAT2")));
        assert_eq!(authorization.request, lab.secret.link(COMMITMENT).to_text());
        assert_eq!(authorization.virtual_account, "Default");
        assert!(authorization.export_control_allowed);
        assert_eq!(
            (authorization.licences[0].count, authorization.licences[0].end),
            (4, None)
        );
        assert_eq!(lab.reserved(), 4);
        let device = "CAT1".to_owned();
        let again = lab.authorization(&Command::ReservationCode { device }, now());
        assert_eq!(again, authorization);
        let listed = command(&mut lab.server, &Command::LicenceList, now()).to_string();
        assert!(listed.contains("RESERVED"), "{listed}");
        let listed = command(&mut lab.server, &Command::ReservationList, now()).to_string();
        assert!(listed.contains("S_NCS1K4_LONGHAUL 4"), "{listed}");
    }

    #[test]
    fn more_is_held_until_the_device_confirms_less() {
        let mut lab = Reserving::new();
        lab.reserve(4, None);
        lab.update(7);
        assert_eq!(lab.reserved(), 7);
        lab.update(2);
        assert_eq!(lab.reserved(), 7, "the seven may be installed");
        let code = lab.secret.confirmation_code(3);
        let done = command(&mut lab.server, &Command::ReservationConfirm { code }, now());
        assert_eq!(done.to_string(), "revision 3 is installed on PID:NCS1004,SN:CAT1");
        assert_eq!(lab.reserved(), 2);
        let code = lab.secret.confirmation_code(2);
        assert_eq!(
            lab.refusal(&Command::ReservationConfirm { code }),
            "the confirmation code belongs to no reservation: it was mistyped, or taken before"
        );
        let code = lab.secret.return_code();
        let done = command(
            &mut lab.server,
            &Command::ReservationReturn { code: code.clone() },
            now(),
        );
        assert!(done.to_string().ends_with("its licences are free"), "{done}");
        assert_eq!(lab.reserved(), 0);
        assert!(
            lab.refusal(&Command::ReservationReturn { code })
                .contains("belongs to no reservation")
        );
    }

    #[test]
    fn a_term_ends_by_itself_and_frees_its_licences() {
        let mut lab = Reserving::new();
        let authorization = lab.reserve(4, Some(30));
        assert_eq!(
            authorization.licences[0].start.unwrap().to_string(),
            "2021-06-21T00:00:00Z"
        );
        let end = authorization.licences[0].end.unwrap();
        assert_eq!(end.to_string(), "2021-07-21T00:00:00Z");
        for (later, reserved) in [(end - SignedDuration::from_secs(1), 4), (end, 0), (end + DAY, 0)] {
            let elapsed = lab.server.elapsed(later);
            lab.server.apply(elapsed);
            assert_eq!(lab.reserved(), reserved);
        }
    }

    #[test]
    fn what_makes_no_sense_is_refused_with_the_rule() {
        let mut lab = Reserving::new();
        let specific = request(&lab.secret, Coverage::Specific);
        let universal = request(&lab.secret, Coverage::Universal);
        let long_haul = [(Entitlement::LongHaul, 4)];
        for (command, words) in [
            (
                reserve_command("x".to_owned(), &long_haul, None),
                "the request code must look like CB-Z",
            ),
            (
                reserve_command(specific.clone(), &[], None),
                "names its licences with --licence",
            ),
            (reserve_command(universal, &long_haul, None), "covers everything"),
            (
                reserve_command(specific.clone(), &[(Entitlement::LongHaul, 0)], None),
                "1 to 1000000",
            ),
            (
                reserve_command(specific.clone(), &[long_haul[0], long_haul[0]], None),
                "named twice",
            ),
            (
                reserve_command(specific.clone(), &long_haul, Some(0)),
                "1 to 36600",
            ),
            (
                reserve_command(specific.clone(), &[(Entitlement::LongHaul, 11)], None),
                "11 of S_NCS1K4_LONGHAUL cannot be reserved: Default has 10 that nobody uses or has reserved",
            ),
            (
                Command::ReservationRemove {
                    device: "CAT1".to_owned(),
                },
                "there is no reservation of \"CAT1\"",
            ),
        ] {
            let refused = lab.refusal(&command);
            assert!(refused.contains(words), "{words}: {refused}");
        }
        lab.reserve(4, None);
        let refused = lab.refusal(&reserve_command(specific, &long_haul, None));
        assert!(refused.contains("has a reservation already"), "{refused}");
    }

    #[test]
    fn a_device_is_registered_or_reserved_and_never_both() {
        let mut lab = Reserving::new();
        let good = token(&mut lab.server, now());
        let mut device = Device::new("CAT1", lab.server.authority.licensing_root());
        device.register(&mut lab.server, &good, now()).unwrap();
        let request = request(&lab.secret, Coverage::Specific);
        let refused = lab.refusal(&reserve_command(request, &[(Entitlement::LongHaul, 1)], None));
        assert!(refused.contains("is registered"), "{refused}");
        let name = "CAT1".to_owned();
        command(&mut lab.server, &Command::InstanceRemove { name }, now());
        lab.reserve(1, None);
        let refused = device.register(&mut lab.server, &good, now());
        assert_eq!(refused, Err(crate::licensing::message::RefusalCode::Reserved));
    }

    #[test]
    fn reserved_licences_are_missing_in_the_pool_of_the_others() {
        let mut lab = Reserving::new();
        lab.reserve(8, None);
        let good = token(&mut lab.server, now());
        let mut device = Device::new("CAT2", lab.server.authority.licensing_root());
        device.register(&mut lab.server, &good, now()).unwrap();
        use crate::licensing::message::EntitlementStatus::{InCompliance, OutOfCompliance};
        let two = [(Entitlement::LongHaul, 2)];
        assert_eq!(device.status(&mut lab.server, &two, now()), Ok(InCompliance));
        let three = [(Entitlement::LongHaul, 3)];
        assert_eq!(device.status(&mut lab.server, &three, now()), Ok(OutOfCompliance));
    }
}
