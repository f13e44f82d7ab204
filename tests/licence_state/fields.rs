//! Every line of the licence commands that has a leaf: the leaf, its value, and its layout of dates.

use ponder::licensing::message::EntitlementStatus;
use ponder::ssm::admin::Command as ServerCommand;
use ponder::ssm::crl::DistributionPoint;

use crate::lab::{Lab, Server};
use crate::stub::Mood;
use crate::table::beside;

const PLATFORM: &str =
    "<plat-smart-license xmlns=\"http://cisco.com/ns/yang/Cisco-IOS-XR-smart-license-platform-oper\"/>";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_registered_device_shows_every_line_of_the_licence_commands() {
    let (mut lab, _stub) = beside(Mood::Grants(EntitlementStatus::InCompliance)).await;
    lab.use_two_licences().await;
    lab.register("any").await;
    let state = lab.wait_for("complete", "authorized").await;
    state.assert(&[
        // Registration
        ("registration/registration-state", "complete"),
        (
            "registration/registration-complete/smart-account",
            "BU Production Test",
        ),
        ("registration/registration-complete/virtual-account", "NCS1000"),
        (
            "registration/registration-complete/complete-time",
            "Jun 21 2021 12:40:52 UTC",
        ),
        // Last Renewal Attempt: None
        ("registration/registration-complete/last-renew-time", ""),
        ("registration/registration-complete/last-renew-success", "no"),
        ("registration/registration-complete/fail-message", ""),
        (
            "registration/registration-complete/next-renew-time",
            "Dec 18 2021 12:40:52 UTC",
        ),
        (
            "registration/registration-complete/expire-time",
            "Jun 21 2022 12:40:52 UTC",
        ),
        ("registration/export-control-allowed", "yes"),
        ("registration/export-control-status", "allowed"),
        // License Authorization
        ("authorization/authorization-state", "authorized"),
        (
            "authorization/authorization-authorized/authorization-info/last-comm-status-success",
            "yes",
        ),
        (
            "authorization/authorization-authorized/authorization-info/last-comm-time",
            "Jun 21 2021 12:40:52 UTC",
        ),
        (
            "authorization/authorization-authorized/authorization-info/next-comm-time",
            "Jul 21 2021 12:40:52 UTC",
        ),
        (
            "authorization/authorization-authorized/authorization-info/comm-deadline-time",
            "Sep 19 2021 12:40:52 UTC",
        ),
        // Export Authorization Key: <none>
        (
            "export-authorization-keys/export-features-authorized/num-elements",
            "0",
        ),
        // Utility, Data Privacy, Transport, Conversion
        ("utility/utility-enable", "no"),
        ("utility/reporting", "none"),
        ("privacy/host-name", "no"),
        ("privacy/version", "no"),
        ("transport/transport-type", "callhome"),
        ("conversion-enabled", "no"),
        // Evaluation
        ("evaluation/eval-in-use", "no"),
        ("evaluation/eval-expired", "no"),
        // License Usage
        ("usage/license-name", "NCS1K4 smart license - one QSFP28 client"),
        ("usage/short-name", "S-NCS1K4-LIC-100G="),
        ("usage/description", "NCS1K4 smart license - one QSFP28 client"),
        ("usage/count", "2"),
        ("usage/enforce-mode", "in-compliance"),
        ("usage/export-entitlement-status", "not-restricted"),
        ("usage/post-paid", "no"),
        (
            "usage/entitlement-tag",
            "regid.2018-05.com.cisco.S-NCS1K4-LIC-100G=,1.0_03df009f-5ac5-48da-af50-4279ddea5e24",
        ),
        // Product Information
        ("udi/pid", "NCS1004"),
        ("udi/uuid", "default-sdr"),
    ]);
    assert!(!state.text("udi/sn").is_empty());
    let whole = lab
        .get("<smart-agent xmlns=\"http://cisco.com/ns/yang/Cisco-IOS-XR-infra-smartlicense-oper\"/>")
        .await
        .below("smart-agent/licensing/state");
    whole.assert(&[
        ("smart-enabled", "yes"),
        ("always-enabled", "yes"),
        ("version", "4.13.32_rel/85"),
    ]);
    lab.own_state().await.assert(&[
        ("status", "authorized"),
        ("since", "2021-06-21T12:40:52Z"),
        ("exchange/next-attempt", "2021-07-21T12:40:52Z"),
        ("exchange/last-fault", ""),
    ]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_renewal_shows_when_it_was_and_whether_it_succeeded() {
    let (mut lab, stub) = beside(Mood::Grants(EntitlementStatus::InCompliance)).await;
    lab.register("any").await;
    lab.wait_for("complete", "none").await;
    lab.clock.advance(std::time::Duration::from_secs(3600));
    assert_eq!(lab.act("renew-id", "").await, ["success", "success"]);
    let renewed = "registration/registration-complete/last-renew-time";
    let state = lab.wait(|state| !state.text(renewed).is_empty()).await;
    state.assert(&[
        (renewed, "Jun 21 2021 13:40:52 UTC"),
        ("registration/registration-complete/last-renew-success", "yes"),
        (
            "registration/registration-complete/next-renew-time",
            "Dec 18 2021 13:40:52 UTC",
        ),
        (
            "registration/registration-complete/expire-time",
            "Jun 21 2022 13:40:52 UTC",
        ),
    ]);
    stub.be(Mood::Breaks);
    lab.clock.advance(std::time::Duration::from_secs(3600));
    lab.act("renew-id", "").await;
    let state = lab
        .wait(|state| state.text("registration/registration-complete/last-renew-success") == "no")
        .await;
    state.assert(&[
        (renewed, "Jun 21 2021 14:40:52 UTC"),
        (
            "registration/registration-complete/fail-message",
            "the server answered with HTTP status 502 Bad Gateway",
        ),
    ]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_platform_shows_its_rounds_parameters_and_counts() {
    let (mut lab, _stub) = beside(Mood::Grants(EntitlementStatus::InCompliance)).await;
    lab.use_two_licences().await;
    lab.register("any").await;
    lab.wait_for("complete", "authorized").await;
    let shown = lab.get(PLATFORM).await.below("plat-smart-license");
    for part in ["detail", "summary"] {
        shown.below(part).assert(&[
            ("collection/last", "Mon Jun 21 2021 12:40:52 UTC"),
            ("collection/next", "Mon Jun 21 2021 13:40:52 UTC"),
            ("reporting/last", "Mon Jun 21 2021 12:40:52 UTC"),
            ("reporting/next", "Tue Jun 22 2021 12:40:52 UTC"),
        ]);
    }
    shown.assert(&[
        ("detail/parameters/collection-interval", "60"),
        ("detail/parameters/reporting-interval", "1440"),
        ("detail/parameters/throughput-guage", "1000000"),
        ("detail/feature-details/name", "system"),
        ("detail/feature-details/status", "active"),
        ("detail/feature-details/flags/need-running-config", "yes"),
        (
            "detail/feature-details/entitlement/name",
            "NCS1K4 smart license - one QSFP28 client",
        ),
        ("detail/feature-details/entitlement/count/last", "2"),
        ("detail/feature-details/entitlement/count/next", "2"),
        ("summary/license/feature-area", "system"),
        (
            "summary/license/entitlement",
            "NCS1K4 smart license - one QSFP28 client",
        ),
        ("summary/license/count/last", "2"),
        ("summary/license/count/next", "2"),
    ]);
    assert!(!shown.has("detail/sia-status") && !shown.has("summary/sia-status"));
    // Reading Q19: what was acknowledged stays, what is now is the next report.
    lab.commit(
        r#"<active-nodes xmlns="http://cisco.com/ns/yang/Cisco-IOS-XR-config-mda-cfg"
             xmlns:nc="urn:ietf:params:xml:ns:netconf:base:1.0" nc:operation="delete"/>"#,
    )
    .await;
    lab.wait(|state| state.text("usage/count").is_empty()).await;
    let shown = lab.get(PLATFORM).await.below("plat-smart-license");
    shown.assert(&[
        ("detail/feature-details/entitlement/count/last", "2"),
        ("detail/feature-details/entitlement/count/next", "0"),
    ]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_real_licence_server_gives_the_same_dates_and_accounts() {
    let mut lab = Lab::start(|_| {}).await;
    let folder = lab.folder.path().join("ssm");
    let server = Server::start(&folder, &lab.clock, &[], DistributionPoint::Own).await;
    lab.trust(&server).await;
    lab.destination(&server.http()).await;
    lab.use_two_licences().await;
    lab.register(&server.token().await).await;
    lab.wait_for("complete", "out-of-compliance").await;
    server
        .order(ServerCommand::LicenceAdd {
            virtual_account: None,
            entitlement: "S-NCS1K4-LIC-100G=".to_owned(),
            quantity: 2,
        })
        .await;
    lab.act("renew-auth", "").await;
    let state = lab.wait_for("complete", "authorized").await;
    state.assert(&[
        ("registration/registration-complete/smart-account", "Ponder Lab"),
        ("registration/registration-complete/virtual-account", "Default"),
        (
            "registration/registration-complete/next-renew-time",
            "Dec 18 2021 12:40:52 UTC",
        ),
        (
            "registration/registration-complete/expire-time",
            "Jun 21 2022 12:40:52 UTC",
        ),
        (
            "authorization/authorization-authorized/authorization-info/comm-deadline-time",
            "Sep 19 2021 12:40:52 UTC",
        ),
    ]);
    assert_eq!(lab.act("de-register", "").await, ["success", "success"]);
    let state = lab.wait_for("not-registered", "eval").await;
    state.assert(&[
        ("registration/export-control-status", "not-allowed"),
        ("registration/registration-complete/smart-account", ""),
        ("usage/enforce-mode", "evaluation"),
    ]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commands_out_of_place_are_answered_with_their_codes() {
    let mut lab = Lab::start(|_| {}).await;
    for name in ["renew-auth", "renew-id", "de-register"] {
        assert_eq!(lab.act(name, "").await, ["failed", "notregistered"], "{name}");
    }
    let (mut lab, stub) = beside(Mood::Grants(EntitlementStatus::InCompliance)).await;
    lab.register("any").await;
    lab.wait_for("complete", "none").await;
    let again = lab.act("register-id-token", "<id-token>x</id-token>").await;
    assert_eq!(again, ["failed", "alreadyregistered"]);
    stub.be(Mood::Silent);
    assert_eq!(lab.act("renew-auth", "").await, ["success", "success"]);
    assert_eq!(lab.act("renew-auth", "").await, ["failed", "authrenewinprogress"]);
    assert_eq!(lab.act("renew-id", "").await, ["success", "success"]);
    assert_eq!(lab.act("renew-id", "").await, ["failed", "idcertrenewinprogress"]);

    let mut off = Lab::start(|settings| {
        settings.licensing.policy = ponder::app::settings::Settings::parse(
            "[licensing.policy]\nsmart-licensing = \"off\"\nregister-answer = \"in-progress\"\n",
        )
        .unwrap()
        .licensing
        .policy;
    })
    .await;
    let refused = off.act("register-id-token", "<id-token>x</id-token>").await;
    assert_eq!(refused, ["failed", "notenabled"]);
    assert_eq!(off.own_state().await.text("status"), "unconfigured");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_accepted_registration_is_answered_as_the_reading_says() {
    let mut lab = Lab::start(|settings| {
        settings.licensing.policy =
            ponder::app::settings::Settings::parse("[licensing.policy]\nregister-answer = \"in-progress\"\n")
                .unwrap()
                .licensing
                .policy;
    })
    .await;
    lab.destination("http://127.0.0.1:1/x").await;
    let answer = lab.act("register-id-token", "<id-token>x</id-token>").await;
    assert_eq!(answer, ["success", "registrationinprogress"]);
}
