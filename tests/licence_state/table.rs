//! Every row of the table of states: what registration, authorization and enforcement say in each situation.

use ponder::app::clock::ManualClock;
use ponder::app::settings::Settings;
use ponder::licensing::message::EntitlementStatus;

use crate::lab::{BEGINNING, Lab, closed_port};
use crate::stub::{Mood, Stub};

/// An agent that trusts the stub and is told the way to it.
pub async fn beside(mood: Mood) -> (Lab, Stub) {
    beside_with(mood, |_| {}).await
}

/// The same with settings of its own.
pub async fn beside_with(mood: Mood, adjust: impl FnOnce(&mut Settings)) -> (Lab, Stub) {
    let clock = ManualClock::starting_at(BEGINNING.parse().unwrap());
    let stub = Stub::start(&clock, mood).await;
    let root = stub.root.clone();
    let mut lab = Lab::start_with(clock, |settings| {
        settings.licensing.root = Some(root);
        adjust(settings);
    })
    .await;
    lab.destination(&stub.url()).await;
    (lab, stub)
}

fn row(cells: [&str; 3]) -> [String; 3] {
    cells.map(str::to_owned)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fresh_with_nothing_used_and_then_using() {
    let mut lab = Lab::start(|_| {}).await;
    assert_eq!(lab.row().await, row(["not-registered", "none", ""]));
    lab.use_two_licences().await;
    assert_eq!(lab.row().await, row(["not-registered", "eval", "evaluation"]));
    let state = lab.state().await;
    state.assert(&[
        (
            "authorization/authorization-eval/evaluation-time-left/seconds-left",
            "7776000",
        ),
        ("evaluation/eval-in-use", "yes"),
        ("evaluation/eval-period-left/time-left", "7776000"),
        (
            "evaluation/eval-expire-time/expire-time",
            "Sep 19 2021 12:40:52 UTC",
        ),
        ("evaluation/eval-expired", "no"),
    ]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_evaluation_used_up() {
    let mut lab = Lab::start(|_| {}).await;
    lab.use_two_licences().await;
    lab.pass_days(91).await;
    let state = lab
        .wait(|state| state.text("authorization/authorization-state") == "eval-expired")
        .await;
    assert_eq!(
        lab.row().await,
        row(["not-registered", "eval-expired", "evaluation-expired"])
    );
    state.assert(&[
        (
            "authorization/authorization-eval-expired/expire-time",
            "Sep 19 2021 12:40:52 UTC",
        ),
        ("evaluation/eval-expired", "yes"),
        ("evaluation/eval-period-left/time-left", "0"),
    ]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn registering() {
    let (mut lab, _stub) = beside(Mood::Silent).await;
    lab.use_two_licences().await;
    lab.register("any").await;
    assert_eq!(lab.row().await, row(["in-progress", "eval", "evaluation"]));
    lab.state().await.assert(&[(
        "registration/registration-in-progress/start-time",
        "Jun 21 2021 12:40:52 UTC",
    )]);
    let again = lab.act("register-id-token", "<id-token>x</id-token>").await;
    assert_eq!(again, ["failed", "registrationinprogress"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failure_of_communication() {
    let (mut lab, _stub) = beside(Mood::Silent).await;
    lab.destination_only(&format!("http://127.0.0.1:{}/x", closed_port()))
        .await;
    lab.use_two_licences().await;
    lab.register("any").await;
    let state = lab.wait_for("retry", "eval").await;
    assert_eq!(lab.row().await, row(["retry", "eval", "evaluation"]));
    state.assert(&[
        (
            "registration/registration-retry/registration-info/fail-time",
            "Jun 21 2021 12:40:52 UTC",
        ),
        (
            "registration/registration-retry/retry-next-time",
            "Jun 22 2021 12:40:52 UTC",
        ),
    ]);
    let message = state.text("registration/registration-retry/registration-info/fail-message");
    assert!(message.contains("Connection refused"), "{message}");
    assert_eq!(lab.wait_for_fault().await, ["no-connection", "commsend"]);
    let waiting = lab.act("register-id-token", "<id-token>x</id-token>").await;
    assert_eq!(waiting, ["failed", "registrationinprogress"]);
    let forced = lab
        .act("register-id-token", "<id-token>x</id-token><force>true</force>")
        .await;
    assert_eq!(forced, ["success", "success"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rejected() {
    let (mut lab, _stub) = beside(Mood::Refuses).await;
    lab.use_two_licences().await;
    lab.register("wrong").await;
    let state = lab.wait_for("failed", "eval").await;
    assert_eq!(lab.row().await, row(["failed", "eval", "evaluation"]));
    state.assert(&[
        (
            "registration/registration-failed/fail-message",
            "The token is not valid",
        ),
        (
            "registration/registration-failed/fail-time",
            "Jun 21 2021 12:40:52 UTC",
        ),
    ]);
    assert_eq!(lab.wait_for_fault().await, ["refused", "responsefailed"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_holds_without_registration_also_holds_while_it_is_tried() {
    let (mut lab, _stub) = beside(Mood::Refuses).await;
    lab.register("wrong").await;
    lab.wait_for("failed", "none").await;
    assert_eq!(lab.row().await, row(["failed", "none", ""]));
    lab.use_two_licences().await;
    lab.pass_days(91).await;
    lab.register("wrong").await;
    lab.wait_for("failed", "eval-expired").await;
    assert_eq!(
        lab.row().await,
        row(["failed", "eval-expired", "evaluation-expired"])
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn registered_with_the_first_authorization_outstanding() {
    let (mut lab, _stub) = beside(Mood::SilentAfterwards).await;
    lab.use_two_licences().await;
    lab.register("any").await;
    lab.wait(|state| state.text("registration/registration-state") == "complete")
        .await;
    assert_eq!(lab.row().await, row(["complete", "none", "waiting"]));
    assert_eq!(lab.own_state().await.text("status"), "registered");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_used_by_a_registered_device() {
    let (mut lab, _stub) = beside(Mood::Grants(EntitlementStatus::InCompliance)).await;
    lab.register("any").await;
    lab.wait_for("complete", "none").await;
    assert_eq!(lab.row().await, row(["complete", "none", ""]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_compliance_short_overage_and_unknown() {
    let (mut lab, stub) = beside(Mood::Grants(EntitlementStatus::InCompliance)).await;
    lab.use_two_licences().await;
    lab.register("any").await;
    lab.wait_for("complete", "authorized").await;
    assert_eq!(lab.row().await, row(["complete", "authorized", "in-compliance"]));
    for (status, cells) in [
        (
            EntitlementStatus::OutOfCompliance,
            ["complete", "out-of-compliance", "out-of-compliance"],
        ),
        (EntitlementStatus::Overage, ["complete", "authorized", "overage"]),
        (
            EntitlementStatus::InvalidTag,
            ["complete", "out-of-compliance", "invalid-tag"],
        ),
        (
            EntitlementStatus::InCompliance,
            ["complete", "authorized", "in-compliance"],
        ),
    ] {
        stub.be(Mood::Grants(status));
        lab.clock.advance(std::time::Duration::from_secs(60));
        assert_eq!(lab.act("renew-auth", "").await, ["success", "success"]);
        lab.wait(|state| state.text("usage/enforce-mode") == cells[2])
            .await;
        assert_eq!(lab.row().await, row(cells));
        if status == EntitlementStatus::OutOfCompliance {
            let since = "authorization/authorization-out-of-compliance/ooc-time";
            assert_eq!(lab.state().await.text(since), "Jun 21 2021 12:41:52 UTC");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ninety_silent_days_and_then_an_answer() {
    let (mut lab, stub) = beside(Mood::Grants(EntitlementStatus::InCompliance)).await;
    lab.use_two_licences().await;
    lab.register("any").await;
    lab.wait_for("complete", "authorized").await;
    stub.be(Mood::Breaks);
    lab.pass_days(89).await;
    assert_eq!(lab.row().await, row(["complete", "authorized", "in-compliance"]));
    lab.pass_days(1).await;
    lab.wait_for("complete", "authorization-expired").await;
    assert_eq!(
        lab.row().await,
        row(["complete", "authorization-expired", "authorization-expired"])
    );
    let info = "authorization/authorization-authorization-expired/authorization-info";
    let state = lab.state().await;
    assert_eq!(state.text(&format!("{info}/last-comm-status-success")), "no");
    assert_eq!(
        state.text(&format!("{info}/fail-message")),
        "the server answered with HTTP status 502 Bad Gateway"
    );
    assert_eq!(lab.own_state().await.text("status"), "authorization-expired");
    stub.be(Mood::Grants(EntitlementStatus::InCompliance));
    lab.act("renew-auth", "").await;
    lab.wait_for("complete", "authorized").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_changes_no_row() {
    let (mut lab, _stub) = beside(Mood::Grants(EntitlementStatus::OutOfCompliance)).await;
    lab.use_two_licences().await;
    lab.register("any").await;
    lab.wait_for("complete", "out-of-compliance").await;
    let before = lab.row().await;
    lab.restart().await;
    lab.wait(|state| state.text("usage/count") == "2").await;
    assert_eq!(lab.row().await, before);
}
