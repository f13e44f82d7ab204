//! A day of rustnetconf with an agent: locks, edits, validates, commits, reads, is told, rolls back; fails at the first surprise.

use std::time::Duration;

use rustnetconf::rpc::filter::XPathFilter;
use rustnetconf::transport::ssh::HostKeyVerification;
use rustnetconf::{Client, Datastore, DefaultOperation, ErrorOption, NetconfError, TestOption, WithDefaults};

const HOST_NAMES: &str = "http://cisco.com/ns/yang/Cisco-IOS-XR-shellutil-cfg";
const ROLLBACK: &str = "http://cisco.com/ns/yang/Cisco-IOS-XR-cfgmgr-rollback-act";

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [address, user, key] = words.as_slice() else {
        return Err("usage: rustnetconf-day ADDRESS USER KEY-FILE".into());
    };
    let connect = || {
        Client::connect(address)
            .username(user)
            .key_file(key)
            .host_key_verification(HostKeyVerification::AcceptAll)
            .rpc_timeout(Duration::from_secs(20))
            .gather_facts(false)
            .connect()
    };
    let mut client = connect().await?;
    hold("base 1.1", client.supports("urn:ietf:params:netconf:base:1.1"));
    hold(
        "modules in the hello",
        client.supports("http://cisco.com/ns/yang/Cisco-IOS-XR-osa-cfg?module="),
    );

    client.lock(Datastore::Candidate).await?;
    edit(&mut client, &named("by-rustnetconf")).await?;
    client.validate(Datastore::Candidate).await?;
    client.commit().await?;
    client.unlock(Datastore::Candidate).await?;
    hold(
        "what was committed",
        host_name(&mut client).await?.contains("by-rustnetconf"),
    );

    let filter = XPathFilter::new("/h:host-names/h:host-name").namespace("h", HOST_NAMES);
    let found = client.get_config_xpath(Datastore::Running, &filter).await?;
    hold("an XPath filter", found.contains("by-rustnetconf"));
    let everything = client.get(None).await?;
    hold(
        "everything",
        everything.len() > 100_000 && everything.contains("NCS1K4"),
    );
    let tagged = client
        .get_config_with_defaults(Datastore::Running, None, WithDefaults::ReportAllTagged)
        .await?;
    hold("tagged defaults", tagged.contains("by-rustnetconf"));
    let selected = ["/h:host-names".to_owned()];
    let lock = client
        .partial_lock(&selected, &[("h".to_owned(), HOST_NAMES.to_owned())])
        .await?;
    client.partial_unlock(lock.lock_id).await?;

    let mut follower = connect().await?;
    follower.create_subscription(None, None, None, None).await?;
    edit(&mut client, &named("to-be-confirmed")).await?;
    client.confirmed_commit(60).await?;
    client.confirming_commit().await?;
    let told = loop {
        let told = follower.recv_notification().await?.ok_or("the stream ended")?;
        if told.event_xml.contains("netconf-config-change") {
            break told;
        }
    };
    hold("a notification", told.event_xml.contains("host-name"));
    follower.close_session().await?;

    client
        .rpc(&format!("<roll-back-configuration-last xmlns=\"{ROLLBACK}\"><count>1</count></roll-back-configuration-last>"))
        .await?;
    hold(
        "the rollback",
        host_name(&mut client).await?.contains("by-rustnetconf"),
    );

    edit(&mut client, &named("discarded")).await?;
    client.discard_changes().await?;
    let refusal = edit(&mut client, &named("x").replace("host-name>", "ghost-name>")).await;
    let refusal = refusal.err().ok_or("an unknown element was taken")?.to_string();
    hold(
        &refusal,
        refusal.contains("ghost-name") && refusal.contains("Cisco-IOS-XR-shellutil-cfg"),
    );
    hold(
        "what is left",
        host_name(&mut client).await?.contains("by-rustnetconf"),
    );
    client.close_session().await?;
    Ok(())
}

fn named(name: &str) -> String {
    format!("<host-names xmlns=\"{HOST_NAMES}\"><host-name>{name}</host-name></host-names>")
}

async fn edit(client: &mut Client, config: &str) -> Result<(), NetconfError> {
    client
        .edit_config(Datastore::Candidate)
        .config(config)
        .default_operation(DefaultOperation::Merge)
        .test_option(TestOption::TestThenSet)
        .error_option(ErrorOption::RollbackOnError)
        .send()
        .await
}

async fn host_name(client: &mut Client) -> Result<String, NetconfError> {
    let filter = format!("<host-names xmlns=\"{HOST_NAMES}\"/>");
    client.get_config_filtered(Datastore::Running, &filter).await
}

fn hold(what: &str, holds: bool) {
    assert!(holds, "{what}");
    println!("{what}");
}
