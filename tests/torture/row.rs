//! A long row of one-entry commits through a real agent: as fast at the end as at the beginning, memory flat, restart quick.

use std::time::{Duration, Instant};

use crate::kill::Lab;

/// How many entries are there at a time: each commit makes one and takes the oldest away.
fn entries() -> u64 {
    std::env::var("ENTRIES").map_or(100, |text| text.parse().expect("ENTRIES is a number"))
}

fn commits() -> u64 {
    std::env::var("COMMITS").map_or(50_000, |text| text.parse().expect("COMMITS is a number"))
}

/// Resident memory of a process, in megabytes.
fn memory(process: u32) -> f64 {
    let text = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = text.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    let kilobytes: f64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
    kilobytes / 1024.0
}

fn median(times: &[Duration]) -> Duration {
    let mut sorted = times.to_vec();
    sorted.sort();
    sorted[sorted.len() / 2]
}

async fn row() {
    let folder = tempfile::tempdir().unwrap();
    let mut lab = Lab::new(folder.path());
    let mut client = lab.start().await;
    let (commits, entries) = (commits(), entries());
    let thousand = usize::try_from(commits / 50).unwrap();
    let mut times = Vec::new();
    let mut memory_after_first = 0.0;
    for number in 0..commits {
        let old = match number.checked_sub(entries) {
            Some(old) => {
                format!("<ipv4-host nc:operation=\"delete\"><host-name>h{old}</host-name></ipv4-host>")
            }
            None => String::new(),
        };
        let edit = format!(
            "<edit-config><target><candidate/></target>\
             <config xmlns:nc=\"urn:ietf:params:xml:ns:netconf:base:1.0\">\
             <ip-domain xmlns=\"http://cisco.com/ns/yang/Cisco-IOS-XR-ip-domain-cfg\"><vrfs><vrf>\
             <vrf-name>default</vrf-name><ipv4-hosts>{old}<ipv4-host><host-name>h{number}</host-name>\
             <address>192.0.2.1</address></ipv4-host></ipv4-hosts></vrf></vrfs></ip-domain></config></edit-config>"
        );
        let began = now();
        assert!(client.call(&edit).await.unwrap().contains("<ok"));
        assert!(client.call("<commit/>").await.unwrap().contains("<ok"));
        times.push(began.elapsed());
        if times.len() == 2 * thousand {
            memory_after_first = memory(lab.process());
        }
    }
    let memory_at_end = memory(lab.process());
    let (first, last) = (
        median(&times[..thousand]),
        median(&times[times.len() - thousand..]),
    );
    lab.kill().await;
    let began = now();
    let mut client = lab.start().await;
    let restart = began.elapsed();
    let reply = client
        .call("<get-config><source><running/></source></get-config>")
        .await
        .unwrap();
    assert!(reply.contains(&format!("<host-name>h{}</host-name>", commits - 1)));
    lab.kill().await;
    println!(
        "{commits} commits, {entries} entries at a time: edit and commit {first:?} (median of the first {thousand}), \
         {last:?} (of the last); memory {memory_after_first:.1} MB early, {memory_at_end:.1} MB at the end; restart to \
         the first hello {restart:?}"
    );
    assert!(last < first * 2, "{first:?} {last:?}");
    assert!(
        memory_at_end < memory_after_first + 20.0,
        "{memory_after_first} {memory_at_end}"
    );
    assert!(
        restart < Duration::from_secs(2) || cfg!(debug_assertions),
        "{restart:?}"
    );
}

#[allow(clippy::disallowed_methods)] // it measures
fn now() -> Instant {
    Instant::now()
}

#[test]
#[ignore = "takes minutes: make torture"]
fn a_long_row_of_commits_stays_fast_and_small() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(row());
}
