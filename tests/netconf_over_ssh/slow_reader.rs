//! Long replies of the real front desk to clients that take their time.

use std::fmt::Write as _;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use jiff::Timestamp;
use ponder::app::clock::{Clock, SystemClock};
use ponder::app::spill::Spill;
use ponder::datastore::datastores::Datastores;
use ponder::datastore::memory_storage::MemoryStorage;
use ponder::management::body::{LayingAside, Overflow};
use ponder::management::front_desk::{Desk, DeskParts};
use ponder::transport::server::Limits;
use ponder::yang::modules::ModuleSet;
use ponder::yang::schema::Schema;

use crate::client::{BASE_1_1, Talk, chunked, log_in, rpc};
use crate::{Door, scenario};

const MODULE: &str = "module slow { yang-version 1.1; namespace \"urn:slow\"; prefix s; container top { \
    leaf first { type uint32; } list row { key name; leaf name { type uint32; } leaf text { type string; } } \
    leaf last { type uint32; } } }";
/// Over 12 MB of XML, where a window of SSH is 2 MB.
const ROWS: u32 = 6_000;
const TEXT_BYTES: usize = 2_000;

/// Counts what is laid aside.
struct Counting(Spill, Arc<AtomicUsize>);

impl Overflow for Counting {
    fn begin(&self) -> io::Result<Box<dyn LayingAside>> {
        self.1.fetch_add(1, Ordering::SeqCst);
        self.0.begin()
    }

    fn limit(&self) -> usize {
        self.0.limit()
    }
}

struct Office {
    datastores: Arc<Datastores>,
    laid_aside: Arc<AtomicUsize>,
    door: Door,
}

impl Office {
    async fn open(folder: &Path) -> Office {
        let schema = Schema::load(ModuleSet::new().with_module("slow", MODULE)).unwrap();
        let datastores = Arc::new(Datastores::open(schema, Box::new(MemoryStorage::new())).unwrap());
        let laid_aside = Arc::new(AtomicUsize::new(0));
        let spill = Spill {
            folder: folder.to_owned(),
            limit: 100_000,
        };
        let began = SystemClock.instant();
        let desk = Desk::new(DeskParts {
            overflow: Box::new(Counting(spill, Arc::clone(&laid_aside))),
            ..DeskParts::plain(
                Arc::clone(&datastores),
                Box::new(|| Timestamp::UNIX_EPOCH),
                Box::new(move || began),
            )
        });
        Office {
            datastores,
            laid_aside,
            door: Door::open(Arc::new(desk), Limits::default()).await,
        }
    }

    async fn talk(&self) -> Talk {
        Talk::open(
            &log_in(self.door.address, "alice", &self.door.key).await,
            BASE_1_1,
        )
        .await
    }
}

async fn commit(talk: &mut Talk, number: u32, rows: &str) {
    let edit = format!(
        "<edit-config><target><candidate/></target><config><top xmlns=\"urn:slow\"><first>{number}</first>{rows}\
         <last>{number}</last></top></config></edit-config>"
    );
    for operation in [edit.as_str(), "<commit/>"] {
        let reply = talk.ask(&rpc(number, operation)).await;
        assert!(reply.contains("<ok/>"), "{reply}");
    }
}

fn rows() -> String {
    let text = "t".repeat(TEXT_BYTES);
    let mut rows = String::new();
    for name in 1..=ROWS {
        write!(rows, "<row><name>{name}</name><text>{text}</text></row>").unwrap();
    }
    rows
}

fn value<'r>(reply: &'r str, name: &str) -> &'r str {
    let (_, rest) = reply.split_once(&format!("<{name}>")).unwrap();
    rest.split('<').next().unwrap()
}

const GET_CONFIG: &str = "<get-config><source><running/></source></get-config>";

#[test]
fn a_client_that_stops_in_the_middle_of_a_long_reply_holds_no_commit_up_and_gets_one_generation_whole() {
    scenario(async {
        let folder = tempfile::tempdir().unwrap();
        let office = Office::open(folder.path()).await;
        let mut writer = office.talk().await;
        commit(&mut writer, 1, &rows()).await;
        let mut reader = office.talk().await;
        reader.send(chunked(&rpc(7, GET_CONFIG))).await;
        // The first bytes are there, and from here on the reader takes nothing.
        let first = reader.channel.wait().await;
        assert!(
            matches!(&first, Some(russh::ChannelMsg::Data { data }) if !data.is_empty()),
            "{first:?}"
        );
        for number in 2..=101 {
            let row = format!("<row><name>{number}</name><text>changed by {number}</text></row>");
            commit(&mut writer, number, &row).await;
        }
        assert_eq!(office.datastores.running().generation, 101);
        // One copy for the first edit of what was running; none because of the reader.
        let counts = office.datastores.counts();
        assert!(counts.duplicated <= 2, "{counts:?}");
        let Some(russh::ChannelMsg::Data { data }) = first else {
            return;
        };
        reader.give_back(&data);
        let reply = reader.message().await.unwrap();
        assert_eq!((value(&reply, "first"), value(&reply, "last")), ("1", "1"));
        assert!(!reply.contains("changed by") && reply.ends_with("</data></rpc-reply>"));
        assert_eq!(reply.matches("<row>").count(), ROWS as usize);
        assert!(reply.len() > 12_000_000);
        assert_eq!(office.laid_aside.load(Ordering::SeqCst), 1);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
        let again = reader.ask(&rpc(8, GET_CONFIG)).await;
        assert_eq!(again.matches("changed by").count(), 100);
    });
}

#[test]
fn a_long_reply_that_can_be_kept_nowhere_is_refused_and_the_session_goes_on() {
    scenario(async {
        let office = Office::open(Path::new("/nowhere/at/all")).await;
        let mut talk = office.talk().await;
        commit(&mut talk, 1, &rows()).await;
        let reply = talk.ask(&rpc(2, GET_CONFIG)).await;
        assert!(
            reply.contains("<error-tag>resource-denied</error-tag>"),
            "{reply}"
        );
        assert!(
            reply.contains("the reply is too long to be kept in memory"),
            "{reply}"
        );
        let filter = "<filter><top xmlns=\"urn:slow\"><row><name>5</name></row></top></filter>";
        let one = rpc(
            3,
            &format!("<get-config><source><running/></source>{filter}</get-config>"),
        );
        assert!(talk.ask(&one).await.contains("<name>5</name>"));
    });
}
