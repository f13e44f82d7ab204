//! Reservations by code, from the request to the return.

use crate::licensing::agent::{Command, ReservationCommand};
use crate::licensing::catalogue::Entitlement;
use crate::licensing::configuration::{Configuration, TransportProblem};
use crate::licensing::message::reservation::{Authorization, COMMITMENT, Coverage, Link, ReservedLicence};
use crate::licensing::return_code::ReturnCode;
use crate::licensing::simulation::lab::{Lab, days, hours, seconds};
use crate::licensing::state::{
    AuthorizationState, Enforcement, LicenceStatus, RegistrationState, ReservationStanding,
};

fn licence(entitlement: Entitlement, count: u32) -> ReservedLicence {
    ReservedLicence {
        entitlement,
        count,
        start: None,
        end: None,
    }
}

fn reserving(mut lab: Lab) -> Lab {
    let configuration = Configuration {
        reservation: true,
        ..lab.configuration.clone()
    };
    lab.configure(configuration);
    lab
}

fn request(lab: &mut Lab, coverage: Coverage) -> String {
    let answer = lab.reservation(ReservationCommand::Request(coverage));
    assert_eq!(answer.code, ReturnCode::Success);
    answer.request_code.unwrap()
}

fn install(lab: &mut Lab, authorization: &Authorization) -> (ReturnCode, String, Option<String>) {
    let code = lab.server.sign(authorization);
    let answer = lab.reservation(ReservationCommand::Install { code });
    (answer.code, answer.display, answer.confirmation_code)
}

/// Long haul and subsea, and what is installed of them.
fn installed(licences: Vec<ReservedLicence>) -> (Lab, Authorization) {
    let mut lab = reserving(Lab::new());
    let code = request(&mut lab, Coverage::Specific);
    let authorization = lab.server.authorization(&code, licences);
    assert_eq!(install(&mut lab, &authorization).0, ReturnCode::Success);
    (lab, authorization)
}

fn enforcement(lab: &Lab) -> Vec<Enforcement> {
    lab.agent
        .state()
        .usage
        .iter()
        .map(|usage| usage.enforcement)
        .collect()
}

#[test]
fn what_is_reserved_is_authorized_what_is_not_is_told_by_its_tag_and_nothing_is_sent() {
    let (mut lab, _) = installed(vec![licence(Entitlement::LongHaul, 2)]);
    for mnemonic in [
        "EXPORT_CONTROLLED",
        "AGENT_REG_SUCCESS",
        "AUTH_RENEW_SUCCESS",
        "RESERVED_INSTALLED",
    ] {
        assert!(!lab.logged(mnemonic).is_empty(), "{mnemonic}");
    }
    assert_eq!(
        lab.last_text("RESERVED_INSTALLED"),
        "Specific License Reservation Authorization code installed for udi PID:NCS1004,SN:CAT2249B009"
    );
    lab.use_licences(&[(Entitlement::LongHaul, 2)]);
    let state = lab.agent.state();
    assert!(matches!(state.registration, RegistrationState::Reserved { .. }));
    assert!(matches!(
        state.authorization,
        AuthorizationState::Reserved { covered: true, .. }
    ));
    assert!(state.export_control_allowed);
    assert_eq!(lab.status(), LicenceStatus::Authorized);
    assert_eq!(enforcement(&lab), [Enforcement::ReservationInCompliance]);

    lab.use_licences(&[(Entitlement::LongHaul, 3), (Entitlement::Subsea, 1)]);
    let state = lab.agent.state();
    assert!(matches!(
        state.authorization,
        AuthorizationState::Reserved { covered: false, .. }
    ));
    assert_eq!(lab.status(), LicenceStatus::OutOfCompliance);
    assert_eq!(enforcement(&lab), [Enforcement::NotAuthorized; 2]);
    assert_eq!(lab.logged("NOT_AUTHORIZED").len(), 2);
    lab.use_licences(&[(Entitlement::LongHaul, 1)]);
    assert_eq!(lab.logged("IN_COMPLIANCE").len(), 1);
    lab.run(days(400));
    lab.restart();
    assert_eq!(lab.status(), LicenceStatus::Authorized);
    assert!(lab.server.heard.is_empty());
    assert_eq!(
        lab.agent.state().evaluation.left(lab.now),
        days(90),
        "evaluation is not needed"
    );
    assert_eq!(lab.agent.next_deadline(), Some(lab.agent.state().collection.next));
}

#[test]
fn a_universal_reservation_covers_everything_and_needs_no_way_to_a_server() {
    let mut lab = reserving(Lab::new());
    let code = request(&mut lab, Coverage::Universal);
    assert!(code.starts_with("CE-ZNCS1004:CAT2249B009-"), "{code}");
    let authorization = lab.server.authorization(&code, Vec::new());
    assert_eq!(install(&mut lab, &authorization).0, ReturnCode::Success);
    lab.use_licences(&[(Entitlement::Subsea, 1_000)]);
    assert_eq!(lab.status(), LicenceStatus::Authorized);
    let configuration = Configuration {
        destination: Err(TransportProblem::ServiceOff),
        ..lab.configuration.clone()
    };
    lab.configure(configuration);
    assert_eq!(lab.status(), LicenceStatus::Authorized);
}

#[test]
fn the_way_from_request_to_return_survives_restarts_and_its_codes_prove_what_they_say() {
    let mut lab = reserving(Lab::new());
    let code = request(&mut lab, Coverage::Specific);
    lab.restart();
    assert_eq!(
        request(&mut lab, Coverage::Specific),
        code,
        "the same question has the same answer"
    );
    let ReservationStanding::InProgress { request_code, .. } = lab.agent.state().reservation.standing else {
        panic!()
    };
    assert_eq!(request_code, code);
    let authorization = lab
        .server
        .authorization(&code, vec![licence(Entitlement::LongHaul, 2)]);
    let (_, _, confirmation) = install(&mut lab, &authorization);
    let commitment = Link::from_text(&authorization.request).unwrap();
    let confirmation = Link::from_confirmation_code(&confirmation.unwrap()).unwrap();
    assert_eq!(confirmation.after(1), commitment);
    lab.restart();
    let answer = lab.reservation(ReservationCommand::Return);
    assert_eq!(answer.code, ReturnCode::Success);
    let back = Link::from_return_code(answer.return_code.as_ref().unwrap()).unwrap();
    assert_eq!(back.after(COMMITMENT), commitment);
    lab.restart();
    let reservation = lab.agent.state().reservation;
    assert_eq!(reservation.standing, ReservationStanding::NotInstalled);
    assert_eq!(reservation.return_code, answer.return_code);
    assert!(!lab.agent.state().export_control_allowed);
    assert_eq!(lab.status(), LicenceStatus::Unidentified);
    assert_ne!(
        request(&mut lab, Coverage::Specific),
        code,
        "a new reservation begins anew"
    );
    assert_eq!(
        install(&mut lab, &authorization).0,
        ReturnCode::PreviouslyInstalled
    );
}

#[test]
fn a_later_revision_takes_the_place_of_the_one_before_and_an_earlier_one_does_not() {
    let (mut lab, first) = installed(vec![licence(Entitlement::LongHaul, 2)]);
    let third = Authorization {
        id: "third".to_owned(),
        revision: 3,
        licences: vec![licence(Entitlement::LongHaul, 5)],
        ..first.clone()
    };
    let (code, _, confirmation) = install(&mut lab, &third);
    assert_eq!(code, ReturnCode::Success);
    let confirmation = Link::from_confirmation_code(&confirmation.unwrap()).unwrap();
    assert_eq!(confirmation.after(3), Link::from_text(&first.request).unwrap());
    let second = Authorization {
        id: "second".to_owned(),
        revision: 2,
        ..first.clone()
    };
    assert_eq!(
        install(&mut lab, &second).0,
        ReturnCode::ReservationAlreadyInstalled
    );
    assert_eq!(install(&mut lab, &first).0, ReturnCode::PreviouslyInstalled);
    assert_eq!(
        install(&mut lab, &third).0,
        ReturnCode::ReservationAlreadyInstalled
    );
    lab.use_licences(&[(Entitlement::LongHaul, 5)]);
    assert_eq!(lab.status(), LicenceStatus::Authorized);
}

#[test]
fn a_term_begins_and_ends_at_its_second() {
    let now = Lab::new().now;
    let (mut lab, _) = installed(vec![ReservedLicence {
        start: Some(now + hours(1)),
        end: Some(now + days(30)),
        ..licence(Entitlement::LongHaul, 2)
    }]);
    lab.use_licences(&[(Entitlement::LongHaul, 2)]);
    assert_eq!(lab.status(), LicenceStatus::OutOfCompliance);
    lab.run(hours(1) - seconds(1));
    assert_eq!(lab.status(), LicenceStatus::OutOfCompliance);
    lab.run(seconds(1));
    assert_eq!(lab.status(), LicenceStatus::Authorized);
    lab.run(days(30) - hours(1) - seconds(1));
    assert_eq!(lab.status(), LicenceStatus::Authorized);
    lab.run(seconds(1));
    assert_eq!(lab.status(), LicenceStatus::OutOfCompliance);
    assert_eq!(lab.logged("RESERVATION_TERM_OVER").len(), 1);
    assert_eq!(lab.logged("NOT_AUTHORIZED").len(), 2);
}

#[test]
fn no_code_is_taken_that_is_damaged_foreign_or_for_another_device_or_request() {
    let mut lab = reserving(Lab::new());
    let nothing = lab.reservation(ReservationCommand::Install { code: " ".to_owned() });
    assert_eq!(nothing.code, ReturnCode::NullPointer);
    let code = request(&mut lab, Coverage::Specific);
    let good = lab
        .server
        .authorization(&code, vec![licence(Entitlement::LongHaul, 2)]);
    let signed = lab.server.sign(&good);
    let foreign = good
        .sign(
            &lab.server.authority.foreign_key,
            &lab.server.authority.answering_chain,
        )
        .unwrap();
    for (code, words) in [
        ("AC2-x".to_owned(), "it does not begin with AC1-"),
        ("AC1-%".to_owned(), "base 64"),
        (signed[..signed.len() / 2].to_owned(), "malformed"),
        (foreign, "data and signature do not match"),
        ("x".repeat(100_000), "bytes"),
    ] {
        let answer = lab.reservation(ReservationCommand::Install { code });
        assert_eq!(answer.code, ReturnCode::ReservationInstallParseFail);
        assert!(answer.display.contains(words), "{words}: {}", answer.display);
    }
    let elsewhere = Authorization {
        serial_number: "CAT0".to_owned(),
        ..good.clone()
    };
    let (code, display, _) = install(&mut lab, &elsewhere);
    assert_eq!(code, ReturnCode::ReservationMismatch);
    assert!(
        display.ends_with("for PID:NCS1004,SN:CAT0 and this is PID:NCS1004,SN:CAT2249B009"),
        "{display}"
    );
    let other = Authorization {
        request: Link::from_text(&good.request).unwrap().after(1).to_text(),
        ..good.clone()
    };
    assert_eq!(install(&mut lab, &other).0, ReturnCode::ReservationMismatch);
    let everything = Authorization {
        coverage: Coverage::Universal,
        licences: Vec::new(),
        ..good.clone()
    };
    assert_eq!(
        install(&mut lab, &everything).0,
        ReturnCode::ReservationMismatch,
        "more than was asked for"
    );
    assert_eq!(lab.logged("RESERVATION_INSTALL_FAILED").len(), 9);
    assert!(lab.agent.state().reservation.last_error.is_some());
    // Broken into lines by whoever carried it.
    let lines = signed
        .as_bytes()
        .chunks(64)
        .map(|line| String::from_utf8_lossy(line).into_owned());
    let code = lines.collect::<Vec<_>>().join("\r\n");
    let answer = lab.reservation(ReservationCommand::Install { code });
    assert_eq!(answer.code, ReturnCode::Success);
    assert_eq!(lab.agent.state().reservation.last_error, None);
}

#[test]
fn a_code_that_was_never_installed_can_be_given_back_also_after_its_request_was_cancelled() {
    let mut lab = reserving(Lab::new());
    let first = request(&mut lab, Coverage::Specific);
    let issued = lab
        .server
        .authorization(&first, vec![licence(Entitlement::LongHaul, 2)]);
    assert_eq!(
        lab.reservation(ReservationCommand::Cancel).code,
        ReturnCode::Success
    );
    request(&mut lab, Coverage::Specific);
    lab.restart();
    let code = lab.server.sign(&issued);
    let answer = lab.reservation(ReservationCommand::ReturnAuthorization { code: code.clone() });
    assert_eq!(answer.code, ReturnCode::Success, "{}", answer.display);
    let back = Link::from_return_code(&answer.return_code.unwrap()).unwrap();
    assert_eq!(back.after(COMMITMENT), Link::from_text(&issued.request).unwrap());
    let again = lab.reservation(ReservationCommand::ReturnAuthorization { code });
    assert_eq!(again.code, ReturnCode::PreviouslyInstalled);
    assert_eq!(install(&mut lab, &issued).0, ReturnCode::PreviouslyInstalled);
    assert!(matches!(
        lab.agent.state().reservation.standing,
        ReservationStanding::InProgress { .. }
    ));
}

#[test]
fn commands_are_answered_with_the_codes_of_the_model() {
    let mut lab = Lab::new();
    let every = |lab: &mut Lab| {
        [
            ReservationCommand::Request(Coverage::Specific),
            ReservationCommand::Install { code: "x".to_owned() },
            ReservationCommand::Return,
            ReservationCommand::Cancel,
            ReservationCommand::ReturnAuthorization { code: "x".to_owned() },
        ]
        .map(|command| lab.reservation(command).code)
    };
    assert_eq!(every(&mut lab), [ReturnCode::NotReservationMode; 5]);
    lab.register();
    lab.run(seconds(5));
    let mut lab = reserving(lab);
    assert_eq!(
        lab.reservation(ReservationCommand::Request(Coverage::Specific))
            .code,
        ReturnCode::AlreadyRegistered
    );
    for command in [
        Command::RenewAuthorization,
        Command::RenewIdentity,
        Command::Deregister,
    ] {
        assert_eq!(lab.command(command), ReturnCode::Reserved);
    }
    assert_eq!(lab.register(), ReturnCode::Reserved);

    let mut lab = reserving(Lab::new());
    assert_eq!(
        lab.reservation(ReservationCommand::Return).code,
        ReturnCode::NoAuthorizationInstalled
    );
    assert_eq!(
        lab.reservation(ReservationCommand::Cancel).code,
        ReturnCode::NoReservationInProgress
    );
    let off = Configuration {
        enabled: false,
        ..lab.configuration.clone()
    };
    lab.configure(off);
    assert_eq!(every(&mut lab), [ReturnCode::NotEnabled; 5]);

    // An installed reservation holds whatever is configured, and can be given back.
    let (mut lab, _) = installed(vec![licence(Entitlement::LongHaul, 2)]);
    let without = Configuration {
        reservation: false,
        ..lab.configuration.clone()
    };
    lab.configure(without);
    assert_eq!(lab.command(Command::RenewAuthorization), ReturnCode::Reserved);
    assert_eq!(lab.status(), LicenceStatus::Authorized);
    assert_eq!(
        lab.reservation(ReservationCommand::Return).code,
        ReturnCode::Success
    );
    assert_eq!(lab.register(), ReturnCode::Success);
}
