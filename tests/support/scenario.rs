//! A test with sockets, to its end or to its time.

use std::future::Future;
use std::time::Duration;

/// Runs a scenario on two threads; one that hangs fails after a minute.
pub fn scenario(steps: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        tokio::time::timeout(Duration::from_secs(60), steps)
            .await
            .expect("the scenario hangs");
    });
    runtime.shutdown_background();
}
