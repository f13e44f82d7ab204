//! A front desk that remembers what it was asked and answers as told.

use std::collections::HashMap;
use std::sync::{Condvar, Mutex};

use ponder::management::desk::{Ending, FrontDesk, KillSwitch, Visitor};
use ponder::management::error::{ErrorTag, ManagementError};
use ponder::management::request::{Reply, Request};
use tokio::sync::watch;

#[derive(Default)]
struct Book {
    last: u32,
    visitors: HashMap<u32, Visitor>,
    switches: HashMap<u32, KillSwitch>,
}

/// Answers by the name of the RPC: `slow` waits for [`FakeDesk::let_go`], `panic` panics, a number gives that many
/// bytes of data; everything else is `<ok/>`.
pub struct FakeDesk {
    book: Mutex<Book>,
    endings: watch::Sender<Vec<(u32, Ending)>>,
    asked: watch::Sender<usize>,
    free: (Mutex<bool>, Condvar),
}

impl FakeDesk {
    pub fn new() -> FakeDesk {
        FakeDesk {
            book: Mutex::default(),
            endings: watch::channel(Vec::new()).0,
            asked: watch::channel(0).0,
            free: (Mutex::new(false), Condvar::new()),
        }
    }

    /// How a session ended, once it has.
    pub async fn ending(&self, session_id: u32) -> Ending {
        let mut endings = self.endings.subscribe();
        let found = endings
            .wait_for(|endings| endings.iter().any(|(id, _)| *id == session_id))
            .await
            .unwrap();
        found.iter().find(|(id, _)| *id == session_id).unwrap().1
    }

    pub fn endings(&self) -> Vec<(u32, Ending)> {
        self.endings.borrow().clone()
    }

    /// Until this many questions have been asked.
    pub async fn asked(&self, questions: usize) {
        self.asked
            .subscribe()
            .wait_for(|asked| *asked >= questions)
            .await
            .unwrap();
    }

    pub fn questions(&self) -> usize {
        *self.asked.borrow()
    }

    /// Lets every `slow` RPC be answered.
    pub fn let_go(&self) {
        *self.free.0.lock().unwrap() = true;
        self.free.1.notify_all();
    }

    pub fn kill(&self, session_id: u32) {
        let switch = self.book.lock().unwrap().switches.remove(&session_id);
        switch.expect("the session is open")();
    }

    pub fn visitor(&self, session_id: u32) -> Visitor {
        self.book.lock().unwrap().visitors[&session_id].clone()
    }
}

impl FrontDesk for FakeDesk {
    fn open(&self, visitor: Visitor, kill: KillSwitch) -> u32 {
        let mut book = self.book.lock().unwrap();
        book.last += 1;
        let id = book.last;
        book.visitors.insert(id, visitor);
        book.switches.insert(id, kill);
        id
    }

    fn close(&self, session_id: u32, ending: Ending) {
        self.book.lock().unwrap().switches.remove(&session_id);
        self.endings
            .send_modify(|endings| endings.push((session_id, ending)));
    }

    fn answer(&self, _session_id: u32, request: Request) -> Result<Reply, Vec<ManagementError>> {
        self.asked.send_modify(|asked| *asked += 1);
        match request {
            Request::Rpc { name, .. } if name == "slow" => {
                let mut free = self.free.0.lock().unwrap();
                while !*free {
                    free = self.free.1.wait(free).unwrap();
                }
                Ok(Reply::Ok)
            }
            Request::Rpc { name, .. } if name == "panic" => panic!("as asked"),
            Request::Rpc { name, .. } if name.starts_with("bytes-") => {
                let length = name["bytes-".len()..].parse().unwrap();
                Ok(Reply::Data("x".repeat(length).into()))
            }
            Request::Lock { .. } => Err(vec![
                ManagementError::protocol(ErrorTag::LockDenied, "session 9 holds it")
                    .with_info("session-id", "9"),
            ]),
            _ => Ok(Reply::Ok),
        }
    }

    fn capabilities(&self) -> Vec<String> {
        vec!["urn:example:a?module=a&revision=2024-01-01".to_owned()]
    }
}
