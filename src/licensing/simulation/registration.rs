//! Registering, renewing the identity, deregistering, and the commands that order them.

use crate::licensing::agent::Command;
use crate::licensing::catalogue::Entitlement;
use crate::licensing::configuration::{Configuration, Destination, Transport, TransportProblem};
use crate::licensing::diagram::Stage;
use crate::licensing::fault::Fault;
use crate::licensing::message::Udi;
use crate::licensing::return_code::ReturnCode;
use crate::licensing::simulation::lab::{Lab, days, hours, registration, seconds, udi, vendor};
use crate::licensing::simulation::server::{Mood, TOKEN};
use crate::licensing::state::{Enforcement, ExchangeKind, LicenceStatus, RegistrationState};
use crate::licensing::trust::{Doubt, Registration};

#[test]
fn a_registration_that_waits_for_its_retry_is_tried_at_once_when_the_destination_changes() {
    let mut lab = Lab::new();
    lab.server.mood = Mood::Unreachable;
    lab.register();
    lab.run(seconds(1));
    lab.server.mood = Mood::Helpful;
    let same = lab.configuration.clone();
    lab.configure(same);
    lab.run(seconds(20));
    assert_eq!(
        lab.heard(ExchangeKind::Registration),
        1,
        "the same again changes nothing"
    );
    lab.configure(Configuration {
        destination: Ok(Destination::of(
            "http://127.0.0.1:2/its/service/oddce/services/DDCEService",
        )),
        ..Configuration::default()
    });
    lab.run(seconds(20));
    assert_eq!(lab.stage(), Stage::Complete);
}

#[test]
fn a_registration_that_cannot_reach_the_server_is_tried_after_a_day_or_by_force() {
    let mut lab = Lab::new();
    lab.server.mood = Mood::Unreachable;
    lab.register();
    lab.run(seconds(1));
    let RegistrationState::Retry { retry_at, reason, .. } = lab.agent.state().registration else {
        panic!()
    };
    assert_eq!(retry_at, lab.now + seconds(86_400));
    assert_eq!(reason, "connection refused");
    assert_eq!(lab.register(), ReturnCode::RegistrationInProgress);
    assert_eq!(lab.command(Command::Deregister), ReturnCode::NotRegistered);
    lab.run(hours(23));
    lab.restart();
    assert_eq!(lab.heard(ExchangeKind::Registration), 1);
    lab.run(hours(1));
    assert_eq!(
        lab.heard(ExchangeKind::Registration),
        2,
        "a restart forgets no retry"
    );
    assert_eq!(lab.stage(), Stage::InProgress);
    lab.run(seconds(1));
    lab.server.mood = Mood::Helpful;
    assert_eq!(lab.command(registration(TOKEN, true)), ReturnCode::Success);
    lab.run(seconds(5));
    assert_eq!(lab.stage(), Stage::Complete);
}

#[test]
fn a_refused_registration_fails_with_the_servers_words_and_is_not_tried_again() {
    let mut lab = Lab::new();
    assert_eq!(lab.command(registration("another", false)), ReturnCode::Success);
    lab.run(days(3));
    let RegistrationState::Failed { reason, .. } = lab.agent.state().registration else {
        panic!()
    };
    assert_eq!(reason, "The token is not valid");
    assert_eq!(lab.heard(ExchangeKind::Registration), 1);
    assert_eq!(
        lab.last_text("AGENT_REG_FAILED"),
        "Smart Agent for Licensing Registration with the Cisco Smart Software Manager (CSSM) failed: The token is \
         not valid"
    );
    assert_eq!(lab.register(), ReturnCode::Success);
    lab.run(seconds(5));
    assert_eq!(lab.stage(), Stage::Complete);
}

#[test]
fn a_server_that_is_busy_is_asked_again() {
    let mut lab = Lab::new();
    lab.server.mood = Mood::Busy;
    lab.register();
    lab.run(seconds(2));
    assert_eq!(lab.stage(), Stage::Retry);
}

#[test]
fn deregistration_erases_everything_whatever_the_server_does() {
    for (mood, removed, event) in [
        (Mood::Helpful, false, "AGENT_DEREG_SUCCESS"),
        (Mood::Helpful, true, "AGENT_DEREG_FAILED"),
        (Mood::Unreachable, false, "AGENT_DEREG_FAILED"),
        (Mood::Forging, false, "AGENT_DEREG_FAILED"),
    ] {
        let mut lab = Lab::registered(&[(Entitlement::Client100G, 1)]);
        lab.server.mood = mood;
        if removed {
            lab.server.instances.clear();
        }
        assert_eq!(lab.command(Command::Deregister), ReturnCode::Success);
        assert_eq!(lab.register(), ReturnCode::MessageInProgress);
        lab.run(seconds(2));
        assert_eq!(
            lab.disk.as_ref().unwrap().registration,
            Registration::NotRegistered
        );
        assert_eq!(lab.logged(event).len(), 1, "{mood:?} {removed}");
        assert_eq!(lab.status(), LicenceStatus::Unidentified);
        assert_eq!(lab.command(Command::Deregister), ReturnCode::NotRegistered);
        lab.server.mood = Mood::Helpful;
        assert_eq!(lab.register(), ReturnCode::Success);
        lab.run(seconds(5));
        assert_eq!(lab.status(), LicenceStatus::Authorized);
    }
}

#[test]
fn without_a_way_to_the_server_deregistration_still_erases() {
    let mut lab = Lab::registered(&[]);
    lab.configure(Configuration::default());
    assert_eq!(lab.command(Command::Deregister), ReturnCode::Success);
    assert_eq!(lab.stage(), Stage::NotRegistered);
    assert!(
        lab.last_text("AGENT_DEREG_FAILED")
            .ends_with("has no http destination address")
    );
}

#[test]
fn an_instance_removed_at_the_server_is_told_as_the_chapter_shows() {
    let mut lab = Lab::registered(&[(Entitlement::Client100G, 1)]);
    lab.server.instances.clear();
    lab.command(Command::RenewAuthorization);
    lab.run(seconds(2));
    assert_eq!(
        lab.last_text("AUTH_RENEW_FAILED"),
        "Authorization renewal with the Cisco Smart Software Manager (CSSM) : Error received from Smart Software \
         Manager: Data and signature do not match for udi PID:NCS1004,SN:CAT2249B009"
    );
    assert_eq!(lab.stage(), Stage::Complete);
    lab.command(Command::Deregister);
    lab.run(seconds(2));
    assert!(
        lab.last_text("AGENT_DEREG_FAILED")
            .contains("Agent received a failure status in a response message.")
    );
}

#[test]
fn an_identity_that_cannot_be_renewed_ends_after_a_year() {
    let mut lab = Lab::unhurried();
    lab.use_licences(&[(Entitlement::Client100G, 1)]);
    lab.register();
    lab.run(seconds(10));
    lab.server.instances.clear();
    lab.run(days(181));
    assert!(!lab.logged("ID_CERT_RENEW_FAILED").is_empty());
    assert_eq!(lab.stage(), Stage::Complete);
    let daily = lab.logged("ID_CERT_RENEW_FAILED").len();
    lab.run(days(183) - hours(1));
    let RegistrationState::Complete { expires_at, .. } = lab.agent.state().registration else {
        panic!()
    };
    lab.run(expires_at.duration_since(lab.now) - seconds(1));
    assert_eq!(lab.stage(), Stage::Complete);
    assert!(
        lab.logged("ID_CERT_RENEW_FAILED").len() > daily + 170 + 150,
        "hourly in the last week"
    );
    lab.run(seconds(1));
    assert_eq!(lab.stage(), Stage::NotRegistered);
    assert_eq!(lab.logged("ID_CERT_EXPIRED").len(), 1);
    assert_eq!(lab.agent.state().usage[0].enforcement, Enforcement::Evaluation);
}

#[test]
fn renew_id_renews_at_once() {
    let mut lab = Lab::registered(&[]);
    lab.run(days(10));
    assert_eq!(lab.command(Command::RenewIdentity), ReturnCode::Success);
    assert_eq!(
        lab.command(Command::RenewIdentity),
        ReturnCode::IdCertRenewInProgress
    );
    lab.run(seconds(1));
    let RegistrationState::Complete {
        last_renewal,
        renew_at,
        ..
    } = lab.agent.state().registration
    else {
        panic!()
    };
    assert_eq!(last_renewal.unwrap().failure, None);
    assert_eq!(renew_at, lab.now - seconds(1) + days(180));
}

#[test]
fn commands_are_answered_with_the_codes_of_the_model() {
    let mut lab = Lab::new();
    assert_eq!(
        lab.command(Command::RenewAuthorization),
        ReturnCode::NotRegistered
    );
    assert_eq!(lab.command(Command::RenewIdentity), ReturnCode::NotRegistered);
    assert_eq!(lab.command(Command::Deregister), ReturnCode::NotRegistered);
    lab.configure(Configuration::default());
    assert_eq!(lab.register(), ReturnCode::NoUrl);
    lab.configure(Configuration {
        destination: Err(TransportProblem::NoActiveProfile {
            reason: "call-home profile CiscoTAC-1 is not active".to_owned(),
        }),
        ..Configuration::default()
    });
    assert_eq!(lab.register(), ReturnCode::CommDisabled);
    lab.configure(Configuration {
        enabled: false,
        ..Configuration::default()
    });
    assert_eq!(lab.register(), ReturnCode::NotEnabled);
    assert_eq!(lab.stage(), Stage::NotRegistered);
    assert!(lab.server.heard.is_empty());

    let mut lab = Lab::registered(&[]);
    assert_eq!(lab.register(), ReturnCode::AlreadyRegistered);
    assert_eq!(lab.command(registration(TOKEN, true)), ReturnCode::Success);
    assert_eq!(lab.register(), ReturnCode::RegistrationInProgress);
    assert_eq!(
        lab.command(Command::RenewAuthorization),
        ReturnCode::RegistrationInProgress
    );
}

#[test]
fn a_vendors_server_is_never_contacted_and_the_operator_reads_why() {
    let mut lab = Lab::new();
    lab.configure(vendor());
    assert_eq!(lab.status(), LicenceStatus::Unidentified);
    assert_eq!(lab.register(), ReturnCode::TransportConfig);
    let RegistrationState::Failed { reason, .. } = lab.agent.state().registration else {
        panic!()
    };
    assert!(
        reason.contains("tools.cisco.com") && reason.contains("Ponder's own licensing protocol"),
        "{reason}"
    );
    lab.run(days(3));
    assert!(lab.server.heard.is_empty());
}

#[test]
fn a_forced_registration_that_fails_keeps_the_one_before() {
    let mut lab = Lab::registered(&[(Entitlement::Client100G, 1)]);
    assert_eq!(lab.command(registration("another", true)), ReturnCode::Success);
    assert_eq!(lab.status(), LicenceStatus::Authorized);
    lab.run(seconds(2));
    assert_eq!(lab.stage(), Stage::Complete);
    assert_eq!(
        lab.agent.state().exchange.last_error.as_deref(),
        Some("The token is not valid")
    );
    lab.use_licences(&[(Entitlement::Client100G, 2)]);
    lab.run(seconds(10));
    assert_eq!(lab.agent.state().reports[0].last, 2);
}

#[test]
fn a_restart_in_the_middle_of_a_registration_goes_on_with_it() {
    let mut lab = Lab::new();
    lab.register();
    lab.restart();
    lab.run(seconds(5));
    assert_eq!(lab.stage(), Stage::Complete);
    let since = lab.agent.state().status_since;
    lab.run(days(2));
    lab.restart();
    assert_eq!(
        lab.agent.state().status_since,
        since,
        "a restart does not change it"
    );
    lab.run(days(1));
    assert_eq!(lab.heard(ExchangeKind::Registration), 2);
    assert_eq!(
        lab.heard(ExchangeKind::Authorization),
        1,
        "nothing changed, nothing is told"
    );
}

#[test]
fn a_restart_in_the_middle_of_a_deregistration_ends_it() {
    let mut lab = Lab::registered(&[]);
    lab.command(Command::Deregister);
    lab.restart();
    lab.run(seconds(5));
    assert_eq!(lab.stage(), Stage::NotRegistered);
}

#[test]
fn an_answer_that_never_comes_is_given_up() {
    let mut lab = Lab::new();
    lab.register();
    lab.on_the_way = None;
    lab.run(seconds(61));
    let RegistrationState::Retry { reason, .. } = lab.agent.state().registration else {
        panic!()
    };
    assert_eq!(reason, "no answer within 60 seconds");
}

#[test]
fn without_an_active_profile_licensing_is_unconfigured_and_without_a_destination_unidentified() {
    let mut lab = Lab::new();
    let through = |problem| Configuration {
        destination: Err(problem),
        ..Configuration::default()
    };
    lab.configure(through(TransportProblem::NoActiveProfile {
        reason: "no call-home profile is active".to_owned(),
    }));
    assert_eq!(lab.status(), LicenceStatus::Unconfigured);
    lab.configure(through(TransportProblem::NoDestination {
        transport: Transport::CallHome,
    }));
    assert_eq!(lab.status(), LicenceStatus::Unidentified);
}

#[test]
fn the_token_is_in_the_record_alone() {
    let mut lab = Lab::new();
    lab.server.mood = Mood::Unreachable;
    lab.register();
    lab.run(seconds(2));
    assert!(!format!("{:?}", lab.agent).contains(TOKEN));
    assert!(!format!("{:?}", lab.agent.state()).contains(TOKEN));
    assert!(!format!("{:?}", lab.log).contains(TOKEN));
    assert!(serde_json::to_string(&lab.disk).unwrap().contains(TOKEN));
}

#[test]
fn a_restored_backup_is_told_by_the_agent_until_the_server_takes_its_requests_again() {
    let mut lab = Lab::registered(&[(Entitlement::Client100G, 1)]);
    let backup = lab.disk.clone();
    for _ in 0..3 {
        lab.command(Command::RenewAuthorization);
        lab.run(seconds(2));
    }
    lab.disk = backup;
    lab.restart();
    assert_eq!(lab.agent.state().doubt, None, "nobody knows yet");
    for _ in 0..2 {
        lab.command(Command::RenewAuthorization);
        lab.run(seconds(2));
    }
    let doubt = lab.agent.state().doubt.unwrap();
    assert_eq!(doubt.to_string(), "sequence number is not above the last one");
    assert_eq!(
        lab.logged("TRUST_RECORD_OLDER").len(),
        1,
        "said once, not with every attempt"
    );
    assert_eq!(lab.agent.state().exchange.last_fault, Some(Fault::RecordOlder));
    lab.restart();
    assert_eq!(
        lab.agent.state().doubt,
        Some(doubt),
        "a restart does not settle it"
    );
    assert_eq!(lab.command(registration(TOKEN, true)), ReturnCode::Success);
    lab.run(seconds(5));
    assert_eq!(lab.agent.state().doubt, None);
    assert_eq!(lab.status(), LicenceStatus::Authorized);
}

#[test]
fn a_backup_that_is_few_requests_behind_catches_up_by_itself() {
    let mut lab = Lab::registered(&[]);
    let backup = lab.disk.clone();
    lab.command(Command::RenewAuthorization);
    lab.run(seconds(2));
    lab.disk = backup;
    lab.restart();
    lab.command(Command::RenewAuthorization);
    lab.run(seconds(2));
    assert!(lab.agent.state().doubt.is_some());
    lab.run(days(1));
    assert_eq!(lab.agent.state().doubt, None);
}

#[test]
fn another_chassis_is_doubted_until_it_is_registered_itself() {
    let mut lab = Lab::new();
    let from = Udi {
        serial_number: "CAT1".to_owned(),
        ..udi()
    };
    let since = lab.now;
    let doubt = Doubt::ChassisChanged { from, since };
    lab.disk.as_mut().unwrap().doubt = Some(doubt.clone());
    lab.restart();
    assert_eq!(lab.agent.state().doubt, Some(doubt));
    lab.register();
    lab.run(seconds(5));
    assert_eq!(lab.agent.state().doubt, None);
}

#[test]
fn what_failed_on_its_way_is_tried_again_when_names_or_certificates_are_configured() {
    let mut lab = Lab::registered(&[]);
    lab.server.mood = Mood::Unreachable;
    lab.command(Command::RenewIdentity);
    lab.run(seconds(2));
    lab.command(Command::RenewAuthorization);
    lab.run(seconds(2));
    lab.server.mood = Mood::Helpful;
    let heard = lab.server.heard.len();
    lab.run(seconds(60));
    assert_eq!(lab.server.heard.len(), heard);
    lab.way_changed();
    lab.run(seconds(20));
    assert_eq!(lab.heard(ExchangeKind::IdentityRenewal), 2);
    assert_eq!(lab.agent.state().exchange.last_error, None);
    let heard = lab.server.heard.len();
    lab.way_changed();
    lab.run(seconds(20));
    assert_eq!(lab.server.heard.len(), heard, "nothing was wrong any more");
}
