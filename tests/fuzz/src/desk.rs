//! Filters and edits at a real front desk over the embedded modules: answered or refused with a reason, never anything else.

use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::Instant;

use ponder::datastore::commit::ValidationWay;
use ponder::datastore::datastores::Datastores;
use ponder::datastore::memory_storage::MemoryStorage;
use ponder::management::desk::{FrontDesk, Visitor};
use ponder::management::error::ManagementError;
use ponder::management::front_desk::{Desk, DeskParts};
use ponder::management::request::{Reply, Request};
use ponder::netconf::bounds::Bounds;
use ponder::netconf::document::Document;
use ponder::netconf::envelope;
use ponder::netconf::rpc_error::reply;
use ponder::yang::modules::ModuleSet;
use ponder::yang::schema::Schema;

/// One session at a desk that validates each commit both ways.
struct Counter {
    desk: Desk,
    session: u32,
}

static COUNTER: LazyLock<Mutex<Counter>> = LazyLock::new(|| {
    let schema = Schema::load(ModuleSet::embedded()).expect("the embedded modules load");
    let datastores = Datastores::open(schema, Box::new(MemoryStorage::new())).expect("an empty storage opens");
    datastores.validate_by(ValidationWay::Both);
    let began = Instant::now();
    let desk = Desk::new(DeskParts::plain(
        Arc::new(datastores),
        Box::new(Default::default),
        Box::new(move || began),
    ));
    let visitor = Visitor {
        user: "fuzz".to_owned(),
        from: "127.0.0.1:1".to_owned(),
        transport: "netconf-ssh",
    };
    let session = desk.open(visitor, Box::new(|| ()));
    let counter = Counter { desk, session };
    // Something for filters to find and for edits to meet.
    for made in [include_bytes!("../corpus/edits/slices").as_slice(), include_bytes!("../corpus/edits/optics")] {
        counter.ask(made);
    }
    counter.desk.answer(session, Request::COMMIT).expect("the first commit is made");
    Mutex::new(counter)
});

/// A get, get-config or get-data with a filter; the message without framing.
pub fn filters(message: &[u8]) {
    let is_meant = |request: &Request| {
        matches!(
            request,
            Request::Get { .. } | Request::GetConfig { .. } | Request::GetData { .. }
        )
    };
    with_request(message, is_meant, |counter| {
        counter.ask(message);
    });
}

/// An edit of the candidate; where it is taken it is committed, and what it did is taken back.
pub fn edits(message: &[u8]) {
    with_request(message, |request| matches!(request, Request::EditConfig { .. }), |counter| {
        counter.ask(message);
        let committed = counter.desk.answer(counter.session, Request::COMMIT);
        for error in committed.as_ref().err().into_iter().flatten() {
            assert!(!error.message.contains("two ways of validating"), "{error}");
        }
        if committed.is_err() {
            let discarded = counter.desk.answer(counter.session, Request::DiscardChanges);
            assert_eq!(discarded, Ok(Reply::Ok));
        }
    });
}

fn with_request(message: &[u8], is_meant: impl Fn(&Request) -> bool, then: impl FnOnce(&Counter)) {
    let bounds = Bounds::default();
    let Ok(envelope) = envelope::read(message, &bounds) else {
        return;
    };
    if envelope.request.as_ref().is_ok_and(is_meant) {
        then(&COUNTER.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

impl Counter {
    /// Asks, and checks that what would be sent is one well-formed reply.
    fn ask(&self, message: &[u8]) {
        let bounds = Bounds::default();
        let Ok(envelope) = envelope::read(message, &bounds) else {
            return;
        };
        let answer: Result<Reply, Vec<ManagementError>> = match envelope.request {
            Ok(request) => self.desk.answer(self.session, request),
            Err(refusal) => Err(vec![refusal]),
        };
        if let Err(errors) = &answer {
            assert!(!errors.is_empty());
            assert!(errors.iter().all(|error| !error.message.is_empty()), "{errors:?}");
        }
        let text: String = reply(&envelope.returned, answer)
            .iter()
            .map(|piece| piece.to_text().expect("nothing is laid aside here"))
            .collect();
        if let Err(fault) = Document::read(text.as_bytes()) {
            assert!(fault.is_too_big, "{fault} in reply {text}");
        }
    }
}
