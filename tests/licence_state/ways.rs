//! The ways to a licence server, and what each thing that can be wrong with them looks like to a client.

use ponder::app::settings::Privacy;
use ponder::licensing::message::EntitlementStatus;

use crate::lab::{Lab, closed_port, hosts, profile};
use crate::stub::{Mood, Stub};
use crate::table::{beside, beside_with};

const COMPLIANT: Mood = Mood::Grants(EntitlementStatus::InCompliance);

const REPORTING: &str = "<active/><report-type><reporting-licensing-data><enable>true</enable>
                         </reporting-licensing-data></report-type>";
const SILENT: &str = "<active/><report-type><reporting-licensing-data><enable>false</enable>
                      </reporting-licensing-data></report-type>";

fn smart_transport(url: &str, proxy: &str) -> String {
    format!(
        "<licensing xmlns=\"http://cisco.com/ns/yang/Cisco-IOS-XR-smart-license-cfg\"><transport>
           <transport-type>transport-type-smart</transport-type>
           <transport-smart>{proxy}<urls><url-registration>{url}</url-registration></urls></transport-smart>
         </transport></licensing>"
    )
}

async fn registration(lab: &mut Lab) -> [String; 2] {
    lab.act("register-id-token", "<id-token>x</id-token>").await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_leads_nowhere_is_refused_at_once_each_with_its_code_and_state() {
    let url = "http://127.0.0.1:1/x";
    let no_method = profile("CiscoTAC-1", &[url], "<active/>").replace(
        "<method><method>http</method><enable>true</enable></method>",
        "<method><method>http</method><enable>false</enable></method>",
    );
    for (config, code, status) in [
        (String::new(), "NoURL", "unidentified"),
        (profile("CiscoTAC-1", &[url], ""), "commdisabled", "unconfigured"),
        (
            profile("CiscoTAC-1", &[url], SILENT),
            "transportnotavailable",
            "unconfigured",
        ),
        (no_method, "transporttype", "unconfigured"),
        (profile("CiscoTAC-1", &[], "<active/>"), "NoURL", "unidentified"),
        (
            smart_transport(url, "").replace(&format!("<url-registration>{url}</url-registration>"), ""),
            "NoURL",
            "unidentified",
        ),
    ] {
        let mut lab = Lab::start(|_| {}).await;
        if !config.is_empty() {
            lab.commit(&config).await;
        }
        assert_eq!(registration(&mut lab).await, ["failed", code], "{config}");
        assert_eq!(lab.row().await[0], "not-registered", "{config}");
        let own = lab.own_state().await;
        assert_eq!(own.text("status"), status, "{config}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn call_home_without_service_active_is_refused_where_the_reading_wants_it() {
    let mut lab = Lab::start(|settings| {
        let text = "[licensing.policy]\ncall-home-service = \"as-configured\"\n";
        settings.licensing.policy = ponder::app::settings::Settings::parse(text)
            .unwrap()
            .licensing
            .policy;
    })
    .await;
    lab.destination("http://127.0.0.1:1/x").await;
    assert_eq!(registration(&mut lab).await, ["failed", "callhomeserviceoff"]);
    lab.commit(
        "<call-home xmlns=\"http://cisco.com/ns/yang/Cisco-IOS-XR-call-home-cfg\"><active/></call-home>",
    )
    .await;
    assert_eq!(registration(&mut lab).await, ["success", "success"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_destination_that_is_not_used_fails_with_its_reason() {
    for (url, fault, words) in [
        (
            "ftp://example.net/x",
            "bad-destination",
            "is not an http or https URL",
        ),
        (
            "https://tools.cisco.com/its/service/oddce/services/DDCEService",
            "never-contacted",
            "is in cisco.com, which is never contacted",
        ),
    ] {
        let mut lab = Lab::start(|_| {}).await;
        lab.destination(url).await;
        assert_eq!(registration(&mut lab).await, ["failed", "transportconfig"]);
        let state = lab.wait_for("failed", "none").await;
        let message = state.text("registration/registration-failed/fail-message");
        assert!(message.contains(words), "{message}");
        assert_eq!(lab.wait_for_fault().await, [fault, "transportconfig"]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_goes_wrong_on_the_way_has_its_own_state_message_and_code() {
    for (mood, registration, message, fault) in [
        (
            Mood::Breaks,
            "retry",
            "the server answered with HTTP status 502 Bad Gateway",
            ["bad-answer", "invalidresponse"],
        ),
        (
            Mood::Empty,
            "retry",
            "Received empty response from server",
            ["bad-answer", "invalidresponse"],
        ),
        (
            Mood::Busy,
            "retry",
            "the server asks to try again later: come back later",
            ["try-again", "ErrorOkTryAgain"],
        ),
        (
            Mood::Babbles,
            "failed",
            "the answer was not accepted: ",
            ["answer-untrusted", "verifysignaturefailed"],
        ),
        (
            Mood::Replays,
            "failed",
            "the answer was not accepted: ",
            ["answer-untrusted", "verifysignaturefailed"],
        ),
        (
            Mood::Refuses,
            "failed",
            "The token is not valid",
            ["refused", "responsefailed"],
        ),
    ] {
        let (mut lab, _stub) = beside(mood).await;
        lab.register("x").await;
        let state = lab.wait_for(registration, "none").await;
        let place = match registration {
            "retry" => "registration/registration-retry/registration-info/fail-message",
            _ => "registration/registration-failed/fail-message",
        };
        let shown = state.text(place);
        assert!(shown.starts_with(message), "{mood:?}: {shown}");
        assert_eq!(lab.wait_for_fault().await, fault, "{mood:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_stays_silent_is_given_up_and_a_missing_licensing_root_is_said() {
    let (mut lab, _stub) = beside_with(Mood::Silent, |settings| {
        settings.licensing.exchange_timeout_seconds = 1;
    })
    .await;
    lab.register("x").await;
    let state = lab.wait_for("retry", "none").await;
    let message = state.text("registration/registration-retry/registration-info/fail-message");
    assert!(message.ends_with("did not answer within 1 seconds"), "{message}");
    assert_eq!(lab.wait_for_fault().await, ["no-answer", "commresponse"]);

    let mut lab = Lab::start(|_| {}).await;
    lab.destination("http://127.0.0.1:1/x").await;
    lab.register("x").await;
    lab.wait_for("failed", "none").await;
    assert_eq!(
        lab.wait_for_fault().await,
        ["no-licensing-root", "cryptorootcaimportfailed"]
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_name_that_nobody_knows_waits_for_its_retry_with_the_products_words() {
    let (mut lab, stub) = beside(COMPLIANT).await;
    lab.commit(&hosts(&["licences.example.net"])).await;
    // Hosts of our own alone are asked, so that the test depends on nobody's name server.
    lab.commit(
        "<ip-domain xmlns=\"http://cisco.com/ns/yang/Cisco-IOS-XR-ip-domain-cfg\"><vrfs><vrf>
           <vrf-name>default</vrf-name><lookup/></vrf></vrfs></ip-domain>",
    )
    .await;
    let url = |host: &str| format!("http://{host}:{}/x", stub.address.port());
    lab.destination_only(&url("nobody.example.net")).await;
    lab.register("x").await;
    let state = lab.wait_for("retry", "none").await;
    let message = state.text("registration/registration-retry/registration-info/fail-message");
    assert_eq!(
        message,
        "Unable to resolve server hostname/domain name nobody.example.net: domain lookup is switched off"
    );
    assert_eq!(lab.wait_for_fault().await, ["name-not-resolved", "fqdn"]);
    lab.destination_only(&url("licences.example.net")).await;
    lab.pass_hold_down().await;
    lab.wait_for("complete", "none").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_retry_does_not_wait_for_its_day_when_the_name_can_be_resolved_from_now_on() {
    let (mut lab, stub) = beside(COMPLIANT).await;
    lab.commit(
        "<ip-domain xmlns=\"http://cisco.com/ns/yang/Cisco-IOS-XR-ip-domain-cfg\"><vrfs><vrf>
           <vrf-name>default</vrf-name><lookup/></vrf></vrfs></ip-domain>",
    )
    .await;
    lab.destination_only(&format!("http://licences.example.net:{}/x", stub.address.port()))
        .await;
    lab.register("x").await;
    let waiting = lab.wait_for("retry", "none").await;
    let retry = "registration/registration-retry/retry-next-time";
    assert_eq!(waiting.text(retry), "Jun 22 2021 12:40:52 UTC");
    // A commit that mends nothing changes nothing.
    lab.commit("<host-names xmlns=\"http://cisco.com/ns/yang/Cisco-IOS-XR-shellutil-cfg\"><host-name>x</host-name></host-names>")
        .await;
    assert_eq!(lab.state().await.text(retry), "Jun 22 2021 12:40:52 UTC");
    lab.commit(&hosts(&["licences.example.net"])).await;
    lab.pass_hold_down().await;
    lab.wait_for("complete", "none").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn addresses_and_profiles_are_tried_in_order() {
    let (mut lab, first) = beside(COMPLIANT).await;
    let second = Stub::start(&lab.clock, COMPLIANT).await;
    let closed = format!("http://127.0.0.1:{}/x", closed_port());
    lab.replace_profiles(&profile("CiscoTAC-1", &[&closed, &first.url()], "<active/>"))
        .await;
    lab.register("x").await;
    lab.wait_for("complete", "none").await;

    // The second profile serves when the first is off, and only if it is told to report.
    lab.act("de-register", "").await;
    lab.wait_for("not-registered", "none").await;
    let heard = first.heard().len();
    lab.replace_profiles(&profile("CiscoTAC-1", &[&second.url()], ""))
        .await;
    lab.commit(&profile("Lab", &[&first.url()], "<active/>")).await;
    assert_eq!(registration(&mut lab).await, ["failed", "commdisabled"]);
    lab.commit(&profile("Lab", &[&first.url()], REPORTING)).await;
    lab.register("x").await;
    lab.wait_for("complete", "none").await;
    assert!(first.heard().len() > heard && second.heard().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_proxy_of_call_home_gets_the_requests() {
    let (mut lab, proxy) = beside(COMPLIANT).await;
    lab.destination_only("http://licences.example.net/its/service/oddce/services/DDCEService")
        .await;
    lab.commit(&format!(
        "<call-home xmlns=\"http://cisco.com/ns/yang/Cisco-IOS-XR-call-home-cfg\"><http-proxy>
           <server-address>127.0.0.1</server-address><port>{}</port></http-proxy></call-home>",
        proxy.address.port()
    ))
    .await;
    lab.register("x").await;
    let state = lab.wait_for("complete", "none").await;
    let heard = proxy.heard();
    assert!(
        heard[0]
            .starts_with("POST http://licences.example.net/its/service/oddce/services/DDCEService HTTP/1.1"),
        "{}",
        heard[0]
    );
    state.assert(&[
        ("transport/proxy-info/address", "127.0.0.1"),
        ("transport/transport-type", "callhome"),
    ]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn smart_transport_uses_its_url_and_proxy() {
    let (mut lab, proxy) = beside(COMPLIANT).await;
    let proxy_xml = format!(
        "<proxy><host-name>127.0.0.1</host-name><port>{}</port></proxy>",
        proxy.address.port()
    );
    let url = "http://cssm.example.net/licservice/license";
    lab.commit(&smart_transport(url, &proxy_xml)).await;
    lab.register("x").await;
    let state = lab.wait_for("complete", "none").await;
    assert!(proxy.heard()[0].starts_with(&format!("POST {url} HTTP/1.1")));
    state.assert(&[
        ("transport/transport-type", "smart"),
        ("transport/url-settings/url-registration", url),
        ("transport/proxy-info/address", "127.0.0.1"),
        ("transport/proxy-info/port", &proxy.address.port().to_string()),
    ]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_private_is_not_told_to_the_server() {
    const NAMED: &str = "<host-names xmlns=\"http://cisco.com/ns/yang/Cisco-IOS-XR-shellutil-cfg\"><host-name>sesame</host-name></host-names>";
    let withheld = "<call-home xmlns=\"http://cisco.com/ns/yang/Cisco-IOS-XR-call-home-cfg\"><data-privacies>
          <data-privacy><host-name>x</host-name><level>host-name</level></data-privacy></data-privacies></call-home>";
    for (privacy, config, host_name, version) in [
        (Privacy::None, "", "no", "no"),
        (Privacy::None, withheld, "yes", "no"),
        (Privacy::HostName, "", "yes", "no"),
        (Privacy::Version, "", "no", "yes"),
        (Privacy::All, "", "yes", "yes"),
    ] {
        let (mut lab, stub) = beside_with(COMPLIANT, |settings| settings.licensing.privacy = privacy).await;
        lab.commit(NAMED).await;
        if !config.is_empty() {
            lab.commit(config).await;
        }
        lab.register("x").await;
        let state = lab.wait_for("complete", "none").await;
        state.assert(&[("privacy/host-name", host_name), ("privacy/version", version)]);
        let told: Vec<String> = stub
            .heard()
            .iter()
            .map(|heard| crate::stub::said(heard))
            .collect();
        for heard in told {
            assert_eq!(heard.contains("sesame"), host_name == "no", "{heard}");
            assert_eq!(heard.contains("4.13.32_rel"), version == "no", "{heard}");
        }
    }
}
