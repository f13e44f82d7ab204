//! Moved chassis, restored backups, copied state folders, and a device that the server has removed.

use std::path::Path;

use ponder::licensing::message::EntitlementStatus;
use ponder::ssm::admin::Command as ServerCommand;
use ponder::ssm::admin::listing::Output;
use ponder::ssm::crl::DistributionPoint;

use crate::lab::{Lab, Server};
use crate::stub::Mood;
use crate::table::beside;

const RECORD: &str = "trust-record.json";

/// A registered device beside a real licence server.
async fn registered() -> (Lab, Server) {
    let mut lab = Lab::start(|_| {}).await;
    let folder = lab.folder.path().join("ssm");
    let server = Server::start(&folder, &lab.clock, &[], DistributionPoint::Own).await;
    lab.trust(&server).await;
    lab.destination(&server.http()).await;
    lab.register(&server.token().await).await;
    lab.wait_for("complete", "none").await;
    (lab, server)
}

async fn renew(lab: &mut Lab) {
    assert_eq!(lab.act("renew-auth", "").await, ["success", "success"]);
    lab.wait(|_| true).await;
    while lab.own_state().await.has("exchange/in-flight") {
        tokio::task::yield_now().await;
    }
}

async fn clone_suspected(server: &Server) -> bool {
    match server.order(ServerCommand::InstanceList).await {
        Output::Instances(rows) => rows.iter().any(|row| row.clone_suspected.is_some()),
        _ => panic!("no list"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_state_folder_in_another_chassis_starts_unregistered_says_so_and_comes_back_with_its_own() {
    let (mut lab, _stub) = beside(Mood::Grants(EntitlementStatus::InCompliance)).await;
    lab.register("any").await;
    let first = lab.wait_for("complete", "none").await.text("udi/sn");

    lab.move_to_chassis("MOVED1").await;
    assert_eq!(lab.row().await, ["not-registered", "none", ""]);
    assert_eq!(lab.state().await.text("udi/sn"), "MOVED1");
    lab.own_state().await.assert(&[
        ("status", "unidentified"),
        ("trust-record/doubt", "chassis-changed"),
        ("trust-record/since", "2021-06-21T12:40:52Z"),
    ]);
    let detail = lab.own_state().await.text("trust-record/detail");
    assert!(detail.contains(&format!("PID:NCS1004,SN:{first}")), "{detail}");
    let (names, alarms) = lab.told().await;
    assert!(names.iter().any(|name| name == "CHASSIS_CHANGED"), "{names:?}");
    assert!(alarms.iter().any(|alarm| alarm.contains(&first)), "{alarms:?}");

    lab.register("any").await;
    lab.wait_for("complete", "none").await;
    assert!(!lab.own_state().await.has("trust-record/doubt"));
    // Alarms follow the state a moment later.
    while !lab.told().await.1.is_empty() {
        tokio::task::yield_now().await;
    }

    lab.move_to_chassis(&first).await;
    assert_eq!(lab.row().await, ["complete", "none", ""]);
    assert_eq!(lab.state().await.text("udi/sn"), first);
    assert!(!lab.own_state().await.has("trust-record/doubt"));
    renew(&mut lab).await;
    assert!(!lab.own_state().await.has("exchange/last-error"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restored_backup_is_said_by_the_agent_and_settled_by_registering_with_force() {
    let (mut lab, server) = registered().await;
    let backup = std::fs::read(lab.state_dir().join(RECORD)).unwrap();
    for _ in 0..3 {
        renew(&mut lab).await;
    }
    lab.stop().await;
    std::fs::write(lab.state_dir().join(RECORD), backup).unwrap();
    lab.start_again().await;
    assert_eq!(lab.row().await, ["complete", "none", ""]);
    renew(&mut lab).await;
    lab.own_state().await.assert(&[
        ("trust-record/doubt", "record-older"),
        ("exchange/last-fault", "record-older"),
    ]);
    let (names, alarms) = lab.told().await;
    assert!(names.iter().any(|name| name == "TRUST_RECORD_OLDER"), "{names:?}");
    assert_eq!(
        alarms,
        ["Licensing trust record is an older copy than the licence server knows"]
    );
    assert!(clone_suspected(&server).await);
    let token = server.token().await;
    let forced = format!("<id-token>{token}</id-token><force>true</force>");
    assert_eq!(
        lab.act("register-id-token", &forced).await,
        ["success", "success"]
    );
    lab.wait(|_| true).await;
    lab.wait_for("complete", "none").await;
    assert!(!lab.own_state().await.has("trust-record/doubt"));
    assert!(!clone_suspected(&server).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copied_state_folder_is_found_out_by_the_server() {
    let (mut lab, server) = registered().await;
    let copied = tempfile::tempdir().unwrap();
    copy(&lab.state_dir(), copied.path());
    let root = server.running.licensing_root.clone();
    let mut twin = Lab::start_with(lab.clock.clone(), |settings| {
        copy(copied.path(), settings.state_dir.as_deref().unwrap());
        settings.licensing.root = Some(root);
    })
    .await;
    assert_eq!(twin.row().await, ["complete", "none", ""]);
    renew(&mut lab).await;
    assert!(!clone_suspected(&server).await);
    renew(&mut twin).await;
    assert!(clone_suspected(&server).await);
    twin.own_state()
        .await
        .assert(&[("trust-record/doubt", "record-older")]);
    let error = twin.own_state().await.text("exchange/last-error");
    assert!(error.contains("two devices share one identity"), "{error}");
    renew(&mut lab).await;
    assert!(!lab.own_state().await.has("exchange/last-error"));
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_file() {
            std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_folder_copied_without_its_key_does_not_start_and_names_both_files() {
    let (mut lab, _server) = registered().await;
    lab.stop().await;
    let key = lab.state_dir().join("seal.key");
    let content = std::fs::read(&key).unwrap();
    std::fs::remove_file(&key).unwrap();
    let refused = lab.start_fails().await;
    assert!(
        refused.contains("trust-record.json is sealed, and its key")
            && refused.contains("seal.key is missing"),
        "{refused}"
    );
    std::fs::write(&key, content).unwrap();
    lab.start_again().await;
    assert_eq!(lab.row().await, ["complete", "none", ""]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_device_removed_at_the_server_hears_the_chapters_words_and_registers_again() {
    let (mut lab, server) = registered().await;
    let serial = lab.state().await.text("udi/sn");
    server
        .order(ServerCommand::InstanceRemove { name: serial.clone() })
        .await;
    renew(&mut lab).await;
    lab.own_state().await.assert(&[
        ("exchange/last-error", "Data and signature do not match"),
        ("exchange/last-fault", "refused"),
    ]);
    assert_eq!(
        lab.row().await,
        ["complete", "none", ""],
        "until somebody deregisters"
    );
    assert_eq!(lab.act("de-register", "").await, ["success", "success"]);
    let state = lab.wait_for("not-registered", "none").await;
    assert_eq!(state.text("registration/registration-complete/smart-account"), "");
    let (names, _) = lab.told().await;
    for name in ["AUTH_RENEW_FAILED", "AGENT_DEREG_FAILED"] {
        assert!(names.iter().any(|told| told == name), "{name} in {names:?}");
    }
    lab.register(&server.token().await).await;
    lab.wait_for("complete", "none").await;
}
