//! The certificate of a licence server that is reached over https: its CA, its name, its CRL.

use ponder::app::settings::Settings;
use ponder::ssm::crl::DistributionPoint;

use crate::lab::{Lab, Server, closed_port, hosts, name_server};

const CRL_OPTIONAL: &str = "<crypto-ca xmlns=\"http://cisco.com/ns/yang/Cisco-IOS-XR-crypto-cepki-cfg\">
  <certificate-authority><trustpoints><trustpoint><name>Trustpool</name><crl><optional/></crl></trustpoint>
  </trustpoints></certificate-authority></crypto-ca>";

/// A lab whose agent trusts the server of `distribution_point`, and the way to it by name.
async fn over_https(distribution_point: DistributionPoint, host: &str) -> (Lab, Server) {
    let mut lab = Lab::start(|_| {}).await;
    let folder = lab.folder.path().join("ssm");
    let server = Server::start(&folder, &lab.clock, &["licences.example.net"], distribution_point).await;
    lab.trust(&server).await;
    lab.commit(&hosts(&["licences.example.net", "other.example.net"]))
        .await;
    lab.destination(&server.https(host)).await;
    let token = server.token().await;
    lab.register(&token).await;
    (lab, server)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_with_a_reachable_crl_is_believed() {
    let (mut lab, _server) = over_https(DistributionPoint::Own, "licences.example.net").await;
    lab.wait_for("complete", "none").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_name_in_the_certificate_must_be_the_one_of_the_url() {
    let (mut lab, _server) = over_https(DistributionPoint::Own, "other.example.net").await;
    let state = lab.wait_for("failed", "none").await;
    let message = state.text("registration/registration-failed/fail-message");
    assert!(message.contains("not valid for name"), "{message}");
    assert_eq!(
        lab.wait_for_fault().await,
        ["certificate-refused", "certificatemismatch"]
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_of_another_ca_is_refused() {
    let mut lab = Lab::start(|_| {}).await;
    let folder = lab.folder.path().to_owned();
    let server = Server::start(&folder.join("ssm"), &lab.clock, &[], DistributionPoint::Own).await;
    let stranger = Server::start(&folder.join("stranger"), &lab.clock, &[], DistributionPoint::Own).await;
    lab.trust(&stranger).await;
    lab.destination(&server.https("127.0.0.1")).await;
    lab.register("x").await;
    lab.wait_for("failed", "none").await;
    assert_eq!(
        lab.wait_for_fault().await,
        ["certificate-refused", "certificatemismatch"]
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_distribution_point_crl_optional_is_needed() {
    let (mut lab, server) = over_https(DistributionPoint::Absent, "licences.example.net").await;
    let state = lab.wait_for("failed", "none").await;
    let message = state.text("registration/registration-failed/fail-message");
    assert!(
        message.contains("names no CRL distribution point")
            && message.contains("'crl optional' on trustpoint Trustpool"),
        "{message}"
    );
    assert_eq!(
        lab.wait_for_fault().await,
        ["crl-missing", "couldnotvalidatetrustchain"]
    );
    lab.commit(CRL_OPTIONAL).await;
    lab.register(&server.token().await).await;
    lab.wait_for("complete", "none").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_distribution_point_that_cannot_be_reached_waits_for_its_retry_or_crl_optional() {
    let place = format!("http://127.0.0.1:{}/list.crl", closed_port());
    let (mut lab, _server) = over_https(DistributionPoint::At(place.clone()), "licences.example.net").await;
    let state = lab.wait_for("retry", "none").await;
    let message = state.text("registration/registration-retry/registration-info/fail-message");
    assert!(
        message.starts_with(&format!(
            "the CRL at {place} cannot be fetched: Connection refused"
        )),
        "{message}"
    );
    assert_eq!(
        lab.wait_for_fault().await,
        ["crl-unavailable", "couldnotvalidatetrustchain"]
    );
    lab.commit(CRL_OPTIONAL).await;
    lab.pass_hold_down().await;
    lab.wait_for("complete", "none").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_host_of_the_distribution_point_is_resolved_as_every_name_and_a_vendors_is_not_contacted() {
    let nobody = "http://nobody.example.net/list.crl".to_owned();
    for (place, words) in [
        (
            nobody,
            "Unable to resolve server hostname/domain name nobody.example.net: ",
        ),
        (
            "http://crl.cisco.com/list.crl".to_owned(),
            "is in a domain that is never contacted",
        ),
    ] {
        let mut lab = Lab::start(|settings: &mut Settings| {
            // Nobody listens there, so that no name is known but the configured hosts.
            settings.licensing.name_server_port = closed_port();
            settings.licensing.exchange_timeout_seconds = 60;
        })
        .await;
        let folder = lab.folder.path().join("ssm");
        let point = DistributionPoint::At(place);
        let server = Server::start(&folder, &lab.clock, &[], point).await;
        lab.trust(&server).await;
        lab.commit(&name_server()).await;
        lab.destination(&server.https("127.0.0.1")).await;
        lab.register("x").await;
        let state = lab.wait_for("retry", "none").await;
        let message = state.text("registration/registration-retry/registration-info/fail-message");
        assert!(message.contains(words), "{message}");
        assert_eq!(
            lab.wait_for_fault().await,
            ["crl-unavailable", "couldnotvalidatetrustchain"]
        );
    }
}
