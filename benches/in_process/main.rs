//! What the parts of a request cost in process: edit, commit, get, translate, count, decode, and access rules.
//!
//! `cargo bench --bench in_process`; `-- --quick` for a first look. `make bench` puts the figures into docs/benchmarks.md.

#![allow(clippy::unwrap_used)] // a benchmark may stop at what it did not expect
#![allow(missing_docs)] // criterion's macros make public items

mod access;
mod chassis;
#[path = "../shared/entries.rs"]
mod entries;

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use criterion::{
    BatchSize, BenchmarkId, Criterion, SamplingMode, Throughput, criterion_group, criterion_main,
};
use ponder::app::desired_state::desired_state;
use ponder::app::licence_facts::licence_facts;
use ponder::datastore::datastores::Datastores;
use ponder::datastore::edit::OnError;
use ponder::datastore::edit_attributes::EditOperation;
use ponder::datastore::history::Author;
use ponder::datastore::journal::Journal;
use ponder::datastore::memory_storage::MemoryStorage;
use ponder::datastore::storage::{FolderFiles, Storage};
use ponder::device::chassis::ChassisDescription;
use ponder::device::hardware::{Hardware, Snapshot};
use ponder::device::simulator::Simulator;
use ponder::licensing::consumption::consumption;
use ponder::licensing::policy::Policy;
use ponder::netconf::framing::{Decoder, Framing, encode};
use ponder::yang::modules::ModuleSet;
use ponder::yang::print::{WithDefaults, print};
use ponder::yang::schema::Schema;
use ponder::yang::select::Selection;
use ponder::yang::tree::Tree;

/// As in the program.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const SIZES: [u32; 3] = [100, 10_000, 100_000];

fn schema() -> Arc<Schema> {
    let text = include_str!("../yang/ponder-bench.yang");
    Schema::load(ModuleSet::embedded().with_module("ponder-bench", text)).unwrap()
}

fn open(schema: &Arc<Schema>, storage: Box<dyn Storage>, configuration: &str) -> Datastores {
    let datastores = Datastores::open(Arc::clone(schema), storage).unwrap();
    edit_and_commit(&datastores, configuration);
    datastores
}

fn edit_and_commit(datastores: &Datastores, configuration: &str) {
    let edited = datastores.edit_candidate(configuration, EditOperation::Merge, OnError::Rollback);
    assert!(edited.errors.is_empty(), "{:?}", edited.errors);
    let author = Author {
        user: "bench".to_owned(),
        session_id: 1,
        timestamp: jiff::Timestamp::UNIX_EPOCH,
        label: None,
        comment: None,
    };
    datastores.commit(author, &[]).unwrap();
}

fn shown(tree: &Tree, schema: &Arc<Schema>, filter: &str) -> String {
    let selection = Selection::subtree(schema, filter).unwrap();
    print(tree, &selection, WithDefaults::Explicit)
}

/// Samples of equal size, few where one costs seconds.
fn flat<'c>(
    criterion: &'c mut Criterion,
    name: &str,
    size: u32,
) -> criterion::BenchmarkGroup<'c, criterion::measurement::WallTime> {
    let mut group = criterion.benchmark_group(name);
    if size > 1_000 {
        group.sample_size(10).sampling_mode(SamplingMode::Flat);
        group.warm_up_time(Duration::from_millis(500));
        group.measurement_time(Duration::from_secs(2));
    }
    group
}

fn one_leaf_commit(criterion: &mut Criterion) {
    let schema = schema();
    for size in SIZES {
        // Where the build is: a disk, where the temporary folder may be memory.
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let storages: [(&str, Box<dyn Storage>); 2] = [
            ("memory", Box::new(MemoryStorage::new())),
            (
                "journal",
                Box::new(Journal::new(Box::new(FolderFiles::new(folder.path())))),
            ),
        ];
        for (name, storage) in storages {
            let datastores = open(&schema, storage, &entries::entries(size));
            let mut keys = entries::jumping(size);
            let mut high = 0;
            let mut group = flat(criterion, &format!("one-leaf edit and commit, {name}"), size);
            group.bench_function(BenchmarkId::from_parameter(size), |bencher| {
                bencher.iter(|| {
                    high = high % 1000 + 1;
                    edit_and_commit(
                        &datastores,
                        &entries::one_leaf(keys.next().unwrap_or(1), 20 + high),
                    );
                });
            });
            group.finish();
        }
    }
}

/// One edit and one commit that make every entry.
fn creation(criterion: &mut Criterion) {
    let schema = schema();
    for size in SIZES {
        let configuration = entries::entries(size);
        let mut group = flat(criterion, "create in one edit and commit, journal", size);
        group.bench_function(BenchmarkId::from_parameter(size), |bencher| {
            bencher.iter_batched(
                || {
                    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
                    let journal = Journal::new(Box::new(FolderFiles::new(folder.path())));
                    let datastores = Datastores::open(Arc::clone(&schema), Box::new(journal)).unwrap();
                    (folder, datastores)
                },
                |(folder, datastores)| {
                    edit_and_commit(&datastores, &configuration);
                    (folder, datastores)
                },
                BatchSize::PerIteration,
            );
        });
        group.finish();
    }
}

fn reads(criterion: &mut Criterion) {
    let schema = schema();
    for size in SIZES {
        let datastores = open(&schema, Box::new(MemoryStorage::new()), &entries::entries(size));
        let running = datastores.running();
        let mut keys = entries::jumping(size);
        let mut group = criterion.benchmark_group("get by key");
        group.bench_function(BenchmarkId::from_parameter(size), |bencher| {
            bencher.iter(|| shown(&running.tree, &schema, &entries::by_key(keys.next().unwrap_or(1))));
        });
        group.finish();
        let everything = Selection::everything(&schema);
        let length = print(&running.tree, &everything, WithDefaults::Explicit).len();
        let mut group = flat(criterion, "print everything", size);
        group.throughput(Throughput::Bytes(length.try_into().unwrap_or(u64::MAX)));
        group.bench_function(BenchmarkId::from_parameter(size), |bencher| {
            bencher.iter(|| print(&running.tree, &everything, WithDefaults::Explicit));
        });
        group.finish();
    }
}

fn full_chassis(criterion: &mut Criterion) {
    let schema = schema();
    let datastores = open(&schema, Box::new(MemoryStorage::new()), &chassis::configuration());
    let running = datastores.running();
    let snapshot = settled(&running.tree);
    let desired = desired_state(&running.tree);
    let counted = consumption(&licence_facts(&desired, &snapshot), &Policy::default());
    assert!(!counted.counts().is_empty(), "a full chassis needs licences");

    let mut group = criterion.benchmark_group("full chassis");
    group.bench_function("get of one slice", |bencher| {
        bencher.iter(|| shown(&running.tree, &schema, chassis::ONE_SLICE));
    });
    group.bench_function("running to desired state", |bencher| {
        bencher.iter(|| desired_state(black_box(&running.tree)));
    });
    group.bench_function("licence recomputation", |bencher| {
        bencher.iter(|| consumption(&licence_facts(black_box(&desired), &snapshot), &Policy::default()));
    });
    group.bench_function("one-leaf edit and commit", |bencher| {
        let mut power = 0;
        bencher.iter(|| {
            power = (power + 1) % 100;
            edit_and_commit(&datastores, &transmit_power(-150 + power));
        });
    });
    group.finish();
}

/// What the simulated hardware shows once it does what running says.
fn settled(running: &Tree) -> Arc<Snapshot> {
    let mut hardware = Simulator::new(ChassisDescription::from_toml(chassis::CHASSIS).unwrap());
    #[allow(clippy::disallowed_methods)] // the simulator without a delay asks for any moment
    hardware.apply(Arc::new(desired_state(running)), std::time::Instant::now());
    let snapshot = hardware.snapshot();
    let failed = snapshot.slots.values().filter_map(|slot| slot.card.as_ref());
    for slice in failed.flat_map(|card| &card.slices) {
        assert_eq!(slice.status, ponder::device::hardware::SliceStatus::Provisioned);
    }
    snapshot
}

fn transmit_power(tenth_dbm: i32) -> String {
    format!(
        "<interface-configurations xmlns=\"http://cisco.com/ns/yang/Cisco-IOS-XR-ifmgr-cfg\"><interface-configuration>\
         <active>act</active><interface-name>Optics0/0/0/1</interface-name>\
         <optics xmlns=\"http://cisco.com/ns/yang/Cisco-IOS-XR-controller-optics-cfg\">\
         <optics-transmit-power>{tenth_dbm}</optics-transmit-power></optics></interface-configuration>\
         </interface-configurations>"
    )
}

fn framing(criterion: &mut Criterion) {
    let message = entries::entries(10_000);
    let mut group = criterion.benchmark_group("decode 1 MB");
    group.throughput(Throughput::Bytes(message.len().try_into().unwrap_or(u64::MAX)));
    for (name, framing) in [
        ("chunked", Framing::Chunked),
        ("end of message", Framing::EndOfMessage),
    ] {
        let stream = encode(framing, vec![message.clone()]).concat();
        group.bench_function(name, |bencher| {
            bencher.iter_batched(
                || {
                    let mut decoder = Decoder::new(64 * 1024 * 1024);
                    decoder.switch_to(framing);
                    decoder
                },
                |mut decoder| {
                    // As SSH brings it.
                    for packet in stream.chunks(32 * 1024) {
                        let mut input = packet;
                        while let Some(found) = decoder.decode(&mut input).unwrap() {
                            black_box(found);
                        }
                    }
                    decoder
                },
                BatchSize::SmallInput,
            );
        });
    }
    group.finish();
}

criterion_group!(
    benches,
    one_leaf_commit,
    creation,
    reads,
    full_chassis,
    framing,
    access::access_rules
);
criterion_main!(benches);
