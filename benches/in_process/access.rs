//! Access rules at the front desk: a thousand of them, in several groups and rule lists, over up to 100 000 entries.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::sync::Arc;

use criterion::{BenchmarkId, Criterion};
use ponder::datastore::datastores::Datastores;
use ponder::datastore::memory_storage::MemoryStorage;
use ponder::management::access::control::{AccessControl, Privileges};
use ponder::management::desk::{FrontDesk, Visitor};
use ponder::management::front_desk::{Desk, DeskParts};
use ponder::management::request::{
    ConfigSource, DatastoreName, DefaultOperation, ErrorOption, Filter, Reply, Request, TestOption,
};
use ponder::yang::print::WithDefaults;
use ponder::yang::schema::Schema;

use crate::entries;

/// A desk over so many entries, with a session of a user that every rule is about.
struct Counter {
    desk: Desk,
    session_id: u32,
}

/// Ten rule lists of a hundred rules for ten groups: entries by their key, leaves of all entries, modules, operations.
/// What they leave is permitted.
fn rules() -> String {
    let mut xml = String::from("<nacm xmlns=\"urn:ietf:params:xml:ns:yang:ietf-netconf-acm\"><groups>");
    for group in 0..10 {
        // Writing to a String cannot fail.
        let _ = write!(
            xml,
            "<group><name>g{group}</name><user-name>anna</user-name></group>"
        );
    }
    xml.push_str("</groups>");
    for list in 0..10 {
        let _ = write!(xml, "<rule-list><name>l{list}</name><group>g{list}</group>");
        for number in 0..99 {
            let path = "/b:ports/b:port";
            let about = match number % 4 {
                0 | 1 => format!(
                    "<path xmlns:b=\"urn:ponder:bench\">{path}[b:id='{}']</path>",
                    list * 99 + number
                ),
                2 => format!(
                    "<path xmlns:b=\"urn:ponder:bench\">{path}[b:id='{}']/b:gain</path>",
                    list * 99 + number
                ),
                _ if number % 8 == 3 => "<module-name>Cisco-IOS-XR-ifmgr-cfg</module-name>".to_owned(),
                _ => "<rpc-name>kill-session</rpc-name>".to_owned(),
            };
            let action = if number % 2 == 0 { "deny" } else { "permit" };
            let operations = if number % 3 == 0 { "*" } else { "read" };
            let _ = write!(
                xml,
                "<rule><name>r{number}</name>{about}<access-operations>{operations}</access-operations>\
                 <action>{action}</action></rule>"
            );
        }
        if list == 9 {
            xml.push_str("<rule><name>rest</name><module-name>ponder-bench</module-name><action>permit</action></rule>");
        } else {
            xml.push_str(
                "<rule><name>rest</name><rpc-name>delete-config</rpc-name><action>deny</action></rule>",
            );
        }
        xml.push_str("</rule-list>");
    }
    xml.push_str("</nacm>");
    xml
}

impl Counter {
    fn new(schema: &Arc<Schema>, size: u32, with_rules: bool) -> Counter {
        let datastores = Datastores::open(Arc::clone(schema), Box::new(MemoryStorage::new())).unwrap();
        #[allow(clippy::disallowed_methods)]
        // an Instant can only be had from the machine; it never advances here
        let clock = std::time::Instant::now();
        let running = Arc::clone(&datastores.running().tree);
        let privileges = Privileges {
            recovery: BTreeSet::from(["root".to_owned()]),
            groups: BTreeMap::new(),
            from_the_start: false,
        };
        let desk = Desk::new(DeskParts {
            access: Arc::new(AccessControl::new(schema, privileges, &running)),
            ..DeskParts::plain(
                Arc::new(datastores),
                Box::new(|| jiff::Timestamp::UNIX_EPOCH),
                Box::new(move || clock),
            )
        });
        let enter = |user: &str| {
            let visitor = Visitor {
                user: user.to_owned(),
                from: "127.0.0.1:4711".to_owned(),
                transport: "netconf-ssh",
            };
            desk.open(visitor, Box::new(|| ()))
        };
        let (root, anna) = (enter("root"), enter("anna"));
        let mut counter = Counter {
            desk,
            session_id: root,
        };
        counter.edit_and_commit(entries::entries(size));
        if with_rules {
            counter.edit_and_commit(rules());
        }
        counter.session_id = anna;
        counter
    }

    fn ask(&self, request: Request) -> Reply {
        self.desk.answer(self.session_id, request).unwrap()
    }

    fn edit_and_commit(&self, config: String) {
        self.ask(Request::EditConfig {
            target: DatastoreName::Candidate,
            default_operation: DefaultOperation::Merge,
            test_option: TestOption::Unstated,
            error_option: ErrorOption::RollbackOnError,
            config: ConfigSource::Inline(config),
        });
        self.ask(Request::COMMIT);
    }

    fn get(&self, filter: Filter) -> Reply {
        self.ask(Request::GetConfig {
            source: DatastoreName::Running,
            filter,
            with_defaults: WithDefaults::Explicit,
        })
    }
}

/// The same three requests with and without the rules.
pub fn access_rules(criterion: &mut Criterion) {
    let schema = crate::schema();
    for (title, with_rules) in [("no rules", false), ("1000 rules", true)] {
        for size in [100, 10_000, 100_000] {
            let counter = Counter::new(&schema, size, with_rules);
            // Entries that no rule is about, and some that are denied.
            let mut keys = entries::jumping(size);
            let mut group = crate::flat(criterion, &format!("{title}: get-config of all"), size);
            group.bench_function(BenchmarkId::from_parameter(size), |bencher| {
                bencher.iter(|| counter.get(Filter::Everything));
            });
            group.finish();
            let mut group = criterion.benchmark_group(format!("{title}: get-config by key"));
            group.bench_function(BenchmarkId::from_parameter(size), |bencher| {
                bencher.iter(|| counter.get(Filter::Subtree(entries::by_key(keys.next().unwrap_or(1)))));
            });
            group.finish();
            let mut high = 0;
            let mut group = crate::flat(criterion, &format!("{title}: one-leaf edit and commit"), size);
            group.bench_function(BenchmarkId::from_parameter(size), |bencher| {
                bencher.iter(|| {
                    high = high % 1000 + 1;
                    // Key 3: permitted by a rule of its own.
                    counter.edit_and_commit(entries::one_leaf(3, 20 + high));
                });
            });
            group.finish();
        }
    }
}
