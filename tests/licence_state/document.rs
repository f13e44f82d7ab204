//! The tables of the licensing document (docs/licensing.md names them F2 to F4), row by row, by the document's own words.

use std::collections::BTreeMap;
use std::time::Duration;

use ponder::licensing::message::EntitlementStatus;
use ponder::ssm::admin::Command as ServerCommand;
use ponder::ssm::admin::listing::Output;
use ponder::ssm::crl::DistributionPoint;

use crate::lab::{Lab, Node, Server, closed_port};
use crate::stub::{Mood, Stub};
use crate::table::beside;

const COMPLIANT: Mood = Mood::Grants(EntitlementStatus::InCompliance);
const CLIENT: &str = "S-NCS1K4-LIC-100G=";

/// F4: the situation, and what registration-state, authorization-state and enforce-mode say in it.
const F4: [(&str, [&str; 3]); 15] = [
    ("fresh, nothing used", ["not-registered", "none", ""]),
    ("fresh, using", ["not-registered", "eval", "evaluation"]),
    (
        "eval used up",
        ["not-registered", "eval-expired", "evaluation-expired"],
    ),
    ("registering", ["in-progress", "eval", "evaluation"]),
    ("comm failure", ["retry", "eval", "evaluation"]),
    ("rejected", ["failed", "eval", "evaluation"]),
    (
        "registered, first auth outstanding",
        ["complete", "none", "waiting"],
    ),
    ("in compliance", ["complete", "authorized", "in-compliance"]),
    ("nothing used", ["complete", "none", ""]),
    (
        "pool short",
        ["complete", "out-of-compliance", "out-of-compliance"],
    ),
    ("overage allowed", ["complete", "authorized", "overage"]),
    ("unknown tag", ["complete", "out-of-compliance", "invalid-tag"]),
    (
        "90 d silent",
        ["complete", "authorization-expired", "authorization-expired"],
    ),
    (
        "SLR ok",
        ["complete", "authorized-reservation", "reservation-in-compliance"],
    ),
    (
        "SLR short",
        ["complete", "authorization-not-authorized", "not-authorized"],
    ),
];

/// F3: the line of the licence commands, the leaf below state-info, a situation of F4 in which it shows, and its value;
/// `*` stands for any.
const F3: [(&str, &str, &str, &str); 66] = [
    (
        "Registration Status",
        "registration/registration-state",
        "in compliance",
        "complete",
    ),
    (
        "in progress since",
        "registration/registration-in-progress/start-time",
        "registering",
        "Jun 21 2021 12:40:52 UTC",
    ),
    (
        "failed at",
        "registration/registration-failed/fail-time",
        "rejected",
        "Jun 21 2021 12:40:52 UTC",
    ),
    (
        "failed for the reason",
        "registration/registration-failed/fail-message",
        "rejected",
        "The token is not valid",
    ),
    (
        "retry, failed at",
        "registration/registration-retry/registration-info/fail-time",
        "comm failure",
        "Jun 21 2021 12:40:52 UTC",
    ),
    (
        "retry, failed for the reason",
        "registration/registration-retry/registration-info/fail-message",
        "comm failure",
        "*",
    ),
    (
        "retry, next",
        "registration/registration-retry/retry-next-time",
        "comm failure",
        "Jun 22 2021 12:40:52 UTC",
    ),
    (
        "Smart Account",
        "registration/registration-complete/smart-account",
        "in compliance",
        "BU Production Test",
    ),
    (
        "Virtual Account",
        "registration/registration-complete/virtual-account",
        "in compliance",
        "NCS1000",
    ),
    (
        "Initial Registration SUCCEEDED on",
        "registration/registration-complete/complete-time",
        "in compliance",
        "Jun 21 2021 12:40:52 UTC",
    ),
    (
        "Last Renewal Attempt: None",
        "registration/registration-complete/last-renew-time",
        "in compliance",
        "",
    ),
    (
        "Last Renewal Attempt, outcome",
        "registration/registration-complete/last-renew-success",
        "in compliance",
        "no",
    ),
    (
        "Last Renewal Attempt, reason",
        "registration/registration-complete/fail-message",
        "in compliance",
        "",
    ),
    (
        "Next Renewal Attempt",
        "registration/registration-complete/next-renew-time",
        "in compliance",
        "Dec 18 2021 12:40:52 UTC",
    ),
    (
        "Registration Expires",
        "registration/registration-complete/expire-time",
        "in compliance",
        "Jun 21 2022 12:40:52 UTC",
    ),
    (
        "Export-Controlled Functionality: NOT ALLOWED",
        "registration/export-control-allowed",
        "fresh, nothing used",
        "no",
    ),
    (
        "Export-Controlled Functionality, status before",
        "registration/export-control-status",
        "fresh, nothing used",
        "not-allowed",
    ),
    (
        "Export-Controlled Functionality: ALLOWED",
        "registration/export-control-allowed",
        "in compliance",
        "yes",
    ),
    (
        "Export-Controlled Functionality, status",
        "registration/export-control-status",
        "in compliance",
        "allowed",
    ),
    (
        "Authorization Status",
        "authorization/authorization-state",
        "in compliance",
        "authorized",
    ),
    (
        "OUT OF COMPLIANCE on",
        "authorization/authorization-out-of-compliance/ooc-time",
        "pool short",
        "Jun 21 2021 12:40:52 UTC",
    ),
    (
        "AUTHORIZED - RESERVED on",
        "authorization/authorization-authorized-reservation/reservation-time",
        "SLR ok",
        "Jun 21 2021 12:40:52 UTC",
    ),
    (
        "EVAL EXPIRED on",
        "authorization/authorization-eval-expired/expire-time",
        "eval used up",
        "Sep 19 2021 12:40:52 UTC",
    ),
    (
        "Last Communication Attempt: SUCCEEDED",
        "authorization/authorization-authorized/authorization-info/last-comm-status-success",
        "in compliance",
        "yes",
    ),
    (
        "Last Communication Attempt, on",
        "authorization/authorization-authorized/authorization-info/last-comm-time",
        "in compliance",
        "Jun 21 2021 12:40:52 UTC",
    ),
    (
        "Last Communication Attempt: FAILED",
        "authorization/authorization-authorization-expired/authorization-info/last-comm-status-success",
        "90 d silent",
        "no",
    ),
    (
        "Last Communication Attempt, reason",
        "authorization/authorization-authorization-expired/authorization-info/fail-message",
        "90 d silent",
        "the server answered with HTTP status 502 Bad Gateway",
    ),
    (
        "Next Communication Attempt",
        "authorization/authorization-authorized/authorization-info/next-comm-time",
        "in compliance",
        "Jul 21 2021 12:40:52 UTC",
    ),
    (
        "Communication Deadline",
        "authorization/authorization-authorized/authorization-info/comm-deadline-time",
        "in compliance",
        "Sep 19 2021 12:40:52 UTC",
    ),
    (
        "Evaluation Period Remaining",
        "authorization/authorization-eval/evaluation-time-left/seconds-left",
        "fresh, using",
        "7776000",
    ),
    (
        "Evaluation in use",
        "evaluation/eval-in-use",
        "fresh, using",
        "yes",
    ),
    (
        "Evaluation not in use",
        "evaluation/eval-in-use",
        "fresh, nothing used",
        "no",
    ),
    (
        "Evaluation expired",
        "evaluation/eval-expired",
        "eval used up",
        "yes",
    ),
    (
        "Evaluation left",
        "evaluation/eval-period-left/time-left",
        "fresh, using",
        "7776000",
    ),
    (
        "Evaluation ends",
        "evaluation/eval-expire-time/expire-time",
        "fresh, using",
        "Sep 19 2021 12:40:52 UTC",
    ),
    (
        "Export Authorization Key: <none>",
        "export-authorization-keys/export-features-authorized/num-elements",
        "in compliance",
        "0",
    ),
    (
        "Utility Status: DISABLED",
        "utility/utility-enable",
        "in compliance",
        "no",
    ),
    ("Utility, reporting", "utility/reporting", "in compliance", "none"),
    (
        "Sending Hostname: yes",
        "privacy/host-name",
        "in compliance",
        "no",
    ),
    (
        "Version privacy: DISABLED",
        "privacy/version",
        "in compliance",
        "no",
    ),
    (
        "Transport Type: Callhome",
        "transport/transport-type",
        "in compliance",
        "callhome",
    ),
    ("Custom Id: <empty>", "custom-id", "in compliance", ""),
    (
        "usage block NAME",
        "usage/license-name",
        "in compliance",
        "NCS1K4 smart license - one QSFP28 client",
    ),
    ("usage block (TAG)", "usage/short-name", "in compliance", CLIENT),
    (
        "usage, Description",
        "usage/description",
        "in compliance",
        "NCS1K4 smart license - one QSFP28 client",
    ),
    ("usage, Count", "usage/count", "in compliance", "2"),
    (
        "usage, Status",
        "usage/enforce-mode",
        "in compliance",
        "in-compliance",
    ),
    (
        "usage, Export status",
        "usage/export-entitlement-status",
        "in compliance",
        "not-restricted",
    ),
    (
        "usage, full tag and version",
        "usage/entitlement-tag",
        "in compliance",
        "regid.2018-05.com.cisco.S-NCS1K4-LIC-100G=,1.0_03df009f-5ac5-48da-af50-4279ddea5e24",
    ),
    ("usage, post-paid", "usage/post-paid", "in compliance", "no"),
    (
        "usage, Reservation status: none",
        "usage/reservation-usage/reservation-usage-status",
        "in compliance",
        "not-installed",
    ),
    (
        "usage, Reservation status: SPECIFIC INSTALLED",
        "usage/reservation-usage/reservation-usage-status",
        "SLR ok",
        "slr-installed",
    ),
    (
        "usage, Total reserved count",
        "usage/reservation-usage/total-reserved-count",
        "SLR ok",
        "2",
    ),
    ("UDI, PID", "udi/pid", "in compliance", "NCS1004"),
    ("UDI, SN", "udi/sn", "in compliance", "*"),
    ("UDI, VID", "udi/vid", "in compliance", "V01"),
    ("UDI, UUID", "udi/uuid", "in compliance", "default-sdr"),
    (
        "Reservation, whose",
        "reservation/overall-status/udi/pid",
        "SLR ok",
        "NCS1004",
    ),
    (
        "Reservation status: SPECIFIC INSTALLED",
        "reservation/overall-status/install-status",
        "SLR ok",
        "type-specific",
    ),
    (
        "Reservation status, on",
        "reservation/overall-status/status-time",
        "SLR ok",
        "Jun 21 2021 12:40:52 UTC",
    ),
    (
        "Last Confirmation code",
        "reservation/overall-status/confirmation-code",
        "SLR ok",
        "*",
    ),
    (
        "Reservation, authorization code",
        "reservation/overall-status/authorization-code",
        "SLR ok",
        "*",
    ),
    (
        "Specified license reservations",
        "reservation/authorization/short-name",
        "SLR ok",
        CLIENT,
    ),
    (
        "Specified license reservations, count",
        "reservation/authorization/total-count",
        "SLR short",
        "1",
    ),
    (
        "Term information, License type",
        "reservation/authorization/term-info/term-count/type",
        "SLR ok",
        "perpetual",
    ),
    ("conversion", "conversion-enabled", "in compliance", "no"),
];

/// F2: the return code, and what it is the answer to.
const F2: [(&str, &str); 20] = [
    ("success", "register-id-token, renew-auth, renew-id, de-register"),
    (
        "registrationinprogress",
        "register-id-token while one is under way",
    ),
    (
        "alreadyregistered",
        "register-id-token without force while registered",
    ),
    ("notregistered", "renew-auth, renew-id, de-register before"),
    ("notenabled", "any, where Smart Licensing is off"),
    ("commdisabled", "register-id-token without an active profile"),
    ("NoURL", "register-id-token without a destination"),
    ("authrenewinprogress", "renew-auth while one is under way"),
    ("idcertrenewinprogress", "renew-id while one is under way"),
    ("msgexecinprogress", "register-id-token while deregistering"),
    ("notreservationmode", "reservation RPCs without the configuration"),
    (
        "noreservationinprogress",
        "reservation-install and -cancel without a request",
    ),
    (
        "noauthorizationinstalled",
        "reservation-return before a code is installed",
    ),
    ("nullpointer", "reservation-install of a file that is not there"),
    (
        "reservationinstallparsefail",
        "reservation-install of no code at all",
    ),
    (
        "reservationmismatch",
        "reservation-install of a code for another request",
    ),
    (
        "PreviouslyInstalled",
        "reservation-install of a code that was given back",
    ),
    (
        "reservationalreadyinstalled",
        "reservation-request with one installed",
    ),
    ("reserved", "register-id-token, renew-auth, renew-id, de-register"),
    (
        "rpc-error",
        "register-id-token with a token of no or of 256 characters",
    ),
];

/// The state in each situation of F4.
async fn situations() -> BTreeMap<&'static str, Node> {
    let mut found = BTreeMap::new();
    let mut lab = Lab::start(|_| {}).await;
    found.insert("fresh, nothing used", lab.state().await);
    lab.use_two_licences().await;
    found.insert("fresh, using", lab.state().await);
    lab.pass_days(91).await;
    let used_up = lab.wait_for("not-registered", "eval-expired").await;
    found.insert("eval used up", used_up);

    let (mut lab, stub) = beside(Mood::Silent).await;
    lab.use_two_licences().await;
    lab.register("any").await;
    found.insert("registering", lab.state().await);
    drop((lab, stub));

    let (mut lab, stub) = beside(Mood::Refuses).await;
    lab.use_two_licences().await;
    lab.register("wrong").await;
    found.insert("rejected", lab.wait_for("failed", "eval").await);
    lab.destination_only(&format!("http://127.0.0.1:{}/x", closed_port()))
        .await;
    lab.register("any").await;
    found.insert("comm failure", lab.wait_for("retry", "eval").await);
    drop((lab, stub));

    let (mut lab, stub) = beside(Mood::SilentAfterwards).await;
    lab.use_two_licences().await;
    lab.register("any").await;
    let waiting = lab
        .wait(|state| state.text("registration/registration-state") == "complete")
        .await;
    found.insert("registered, first auth outstanding", waiting);
    drop((lab, stub));

    let (mut lab, _stub) = beside(COMPLIANT).await;
    lab.register("any").await;
    found.insert("nothing used", lab.wait_for("complete", "none").await);
    for (situation, mood, authorization) in [
        ("in compliance", COMPLIANT, "authorized"),
        (
            "pool short",
            Mood::Grants(EntitlementStatus::OutOfCompliance),
            "out-of-compliance",
        ),
        (
            "overage allowed",
            Mood::Grants(EntitlementStatus::Overage),
            "authorized",
        ),
        (
            "unknown tag",
            Mood::Grants(EntitlementStatus::InvalidTag),
            "out-of-compliance",
        ),
    ] {
        let (mut lab, _stub) = beside(mood).await;
        lab.use_two_licences().await;
        lab.register("any").await;
        found.insert(situation, lab.wait_for("complete", authorization).await);
    }

    let (mut lab, stub) = beside(COMPLIANT).await;
    lab.use_two_licences().await;
    lab.register("any").await;
    lab.wait_for("complete", "authorized").await;
    stub.be(Mood::Breaks);
    lab.pass_days(90).await;
    let silent = lab.wait_for("complete", "authorization-expired").await;
    found.insert("90 d silent", silent);

    let (mut lab, server) = reserving().await;
    lab.use_two_licences().await;
    let request = lab.order("reservation-request", "").await.1.text("request-code");
    let code = authorization_code(&server, &request, 1).await;
    assert_eq!(lab.install(&code).await, "success");
    found.insert("SLR short", lab.state().await);
    let code = match server
        .order(ServerCommand::ReservationUpdate {
            device: lab.state().await.text("udi/sn"),
            licences: vec![(CLIENT.to_owned(), 2)],
            days: None,
        })
        .await
    {
        Output::AuthorizationCode(code) => code,
        _ => panic!("no code"),
    };
    assert_eq!(lab.install(&code).await, "success");
    found.insert("SLR ok", lab.state().await);
    found
}

/// A device with reservation configured, and a licence server that has licences to set aside.
async fn reserving() -> (Lab, Server) {
    let mut lab = Lab::start(|_| {}).await;
    let folder = lab.folder.path().join("ssm");
    let server = Server::start(&folder, &lab.clock, &[], DistributionPoint::Own).await;
    lab.trust(&server).await;
    lab.commit(RESERVATION).await;
    server
        .order(ServerCommand::LicenceAdd {
            virtual_account: None,
            entitlement: CLIENT.to_owned(),
            quantity: 10,
        })
        .await;
    (lab, server)
}

const RESERVATION: &str =
    "<flex-consumption xmlns=\"http://cisco.com/ns/yang/Cisco-IOS-XR-smart-license-cfg\">
    <reservation>true</reservation></flex-consumption>";

async fn authorization_code(server: &Server, request: &str, count: u32) -> String {
    let reserve = ServerCommand::ReservationReserve {
        request_code: request.to_owned(),
        licences: vec![(CLIENT.to_owned(), count)],
        days: None,
        virtual_account: None,
        export_control_allowed: true,
    };
    match server.order(reserve).await {
        Output::AuthorizationCode(code) => code,
        _ => panic!("no code"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_situation_of_f4_and_every_line_of_f3_shows_as_the_document_says() {
    let situations = situations().await;
    assert_eq!(situations.len(), F4.len());
    let mut wrong = Vec::new();
    for (situation, cells) in F4 {
        let state = &situations[situation];
        let shown = [
            "registration/registration-state",
            "authorization/authorization-state",
            "usage/enforce-mode",
        ]
        .map(|path| state.text(path));
        if shown != cells {
            wrong.push(format!("F4 {situation}: {shown:?} instead of {cells:?}"));
        }
    }
    for (line, leaf, situation, value) in F3 {
        let shown = situations[situation].text(leaf);
        let right = match value {
            "*" => !shown.is_empty(),
            value => shown == value,
        };
        if !right {
            wrong.push(format!(
                "F3 {line}: {leaf} is {shown:?} instead of {value:?} ({situation})"
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The codes of F2 that were seen.
#[derive(Default)]
struct Seen(Vec<String>);

impl Seen {
    fn code(&mut self, expected: &str, answer: &[String; 2]) {
        let status = if expected == "success" {
            "success"
        } else {
            "failed"
        };
        assert_eq!(answer, &[status, expected], "{expected}");
        self.0.push(expected.to_owned());
    }

    fn reservation(&mut self, expected: &str, code: &str) {
        assert_eq!(code, expected);
        self.0.push(expected.to_owned());
    }
}

const TOKEN: &str = "<id-token>any</id-token>";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_return_code_of_f2_is_given_where_the_document_says() {
    let mut seen = Seen::default();
    online_codes(&mut seen).await;
    reservation_codes(&mut seen).await;
    for (code, given) in F2 {
        assert!(
            seen.0.iter().any(|one| one == code),
            "{code} ({given}) was never given"
        );
    }
}

async fn online_codes(seen: &mut Seen) {
    let mut off = Lab::start(|settings| {
        settings.licensing.policy.smart_licensing = ponder::app::settings::policy::SmartLicensing::Off;
    })
    .await;
    for (rpc, content) in [
        ("register-id-token", TOKEN),
        ("renew-auth", ""),
        ("renew-id", ""),
        ("de-register", ""),
    ] {
        seen.code("notenabled", &off.act(rpc, content).await);
    }
    drop(off);

    let mut lab = Lab::start(|_| {}).await;
    for rpc in ["renew-auth", "renew-id", "de-register"] {
        seen.code("notregistered", &lab.act(rpc, "").await);
    }
    seen.code("NoURL", &lab.act("register-id-token", TOKEN).await);
    let inactive = crate::lab::profile("CiscoTAC-1", &["http://127.0.0.1:1/x"], "");
    lab.replace_profiles(&inactive).await;
    seen.code("commdisabled", &lab.act("register-id-token", TOKEN).await);
    for token in [String::new(), "x".repeat(256)] {
        let act = "http://cisco.com/ns/yang/Cisco-IOS-XR-smart-license-act";
        let reply = lab
            .call(&format!(
                "<register-id-token xmlns=\"{act}\"><id-token>{token}</id-token></register-id-token>"
            ))
            .await;
        assert!(reply.contains("<rpc-error"), "{reply}");
        seen.0.push("rpc-error".to_owned());
    }

    let (mut lab, stub): (Lab, Stub) = beside(Mood::Silent).await;
    seen.code("success", &lab.act("register-id-token", TOKEN).await);
    seen.code(
        "registrationinprogress",
        &lab.act("register-id-token", TOKEN).await,
    );
    // Given up by the device's clock, tried again by force.
    stub.be(COMPLIANT);
    lab.clock.advance(Duration::from_secs(300));
    lab.wait_for("retry", "none").await;
    seen.code(
        "registrationinprogress",
        &lab.act("register-id-token", TOKEN).await,
    );
    let forced = format!("{TOKEN}<force>true</force>");
    seen.code("success", &lab.act("register-id-token", &forced).await);
    lab.wait_for("complete", "none").await;
    seen.code("alreadyregistered", &lab.act("register-id-token", TOKEN).await);
    stub.be(Mood::Silent);
    seen.code("success", &lab.act("renew-auth", "").await);
    seen.code("authrenewinprogress", &lab.act("renew-auth", "").await);
    seen.code("success", &lab.act("renew-id", "").await);
    seen.code("idcertrenewinprogress", &lab.act("renew-id", "").await);
    seen.code("success", &lab.act("de-register", "").await);
    seen.code("msgexecinprogress", &lab.act("register-id-token", TOKEN).await);
}

async fn reservation_codes(seen: &mut Seen) {
    let mut unconfigured = Lab::start(|_| {}).await;
    for rpc in ["reservation-request", "reservation-return"] {
        let (code, _) = unconfigured.order(rpc, "").await;
        seen.reservation("notreservationmode", &code);
    }
    seen.code(
        "notreservationmode",
        &unconfigured.act("reservation-cancel", "").await,
    );
    drop(unconfigured);

    let (mut lab, server) = reserving().await;
    seen.reservation(
        "noauthorizationinstalled",
        &lab.order("reservation-return", "").await.0,
    );
    seen.code(
        "noreservationinprogress",
        &lab.act("reservation-cancel", "").await,
    );
    let missing = "<file><file-path>disk0:nothing.txt</file-path></file>";
    seen.reservation("nullpointer", &lab.order("reservation-install", missing).await.0);
    seen.reservation("reservationinstallparsefail", &lab.install("nonsense").await);

    let request = lab.order("reservation-request", "").await.1.text("request-code");
    assert!(request.starts_with("CB-ZNCS1004:"), "{request}");
    let first = authorization_code(&server, &request, 2).await;
    seen.code("success", &lab.act("reservation-cancel", "").await);
    seen.reservation("noreservationinprogress", &lab.install(&first).await);
    lab.order("reservation-request", "").await;
    seen.reservation("reservationmismatch", &lab.install(&first).await);
    let returned = format!("<auth-code>{first}</auth-code>");
    let (code, codes) = lab.order("reservation-return-authorization", &returned).await;
    seen.reservation("success", &code);
    seen.reservation("PreviouslyInstalled", &lab.install(&first).await);
    server
        .order(ServerCommand::ReservationReturn {
            code: codes.text("reservation-return-code"),
        })
        .await;

    let request = lab.order("reservation-request", "").await.1.text("request-code");
    let second = authorization_code(&server, &request, 2).await;
    // As a person copies it to the device.
    let disk0 = lab.state_dir().join("disk0");
    std::fs::create_dir_all(&disk0).unwrap();
    std::fs::write(disk0.join("code.txt"), &second).unwrap();
    let file = "<file><file-path>/disk0:/code.txt</file-path></file>";
    let (code, codes) = lab.order("reservation-install", file).await;
    seen.reservation("success", &code);
    server
        .order(ServerCommand::ReservationConfirm {
            code: codes.text("confirmation-code"),
        })
        .await;
    let (code, _) = lab.order("reservation-request", "").await;
    seen.reservation("reservationalreadyinstalled", &code);
    seen.code(
        "reservationalreadyinstalled",
        &lab.act("reservation-cancel", "").await,
    );
    for (rpc, content) in [
        ("register-id-token", TOKEN),
        ("renew-auth", ""),
        ("renew-id", ""),
        ("de-register", ""),
    ] {
        seen.code("reserved", &lab.act(rpc, content).await);
    }
    let (code, codes) = lab.order("reservation-return", "").await;
    seen.reservation("success", &code);
    server
        .order(ServerCommand::ReservationReturn {
            code: codes.text("reservation-return-code"),
        })
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_product_has_and_this_chassis_does_not_is_absent_and_not_made_up() {
    let (mut lab, _stub) = beside(COMPLIANT).await;
    lab.use_two_licences().await;
    lab.register("any").await;
    let state = lab.wait_for("complete", "authorized").await;
    for leaf in [
        "utility/customer-info",
        "usage/subscription-id",
        "udi/suvi",
        "udi/host-identifier",
        "udi/mac-address",
        "transport/proxy-info",
        "export-authorization-keys/export-features-authorized/features",
    ] {
        assert!(!state.has(leaf), "{leaf}");
    }
}
