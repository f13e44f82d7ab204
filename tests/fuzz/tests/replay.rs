//! Runs every target over its corpus and over mutations of it, the same ones each time.

use std::fs;
use std::path::Path;

use ponder_fuzz::TARGETS;

/// Mutations of each file, unless the environment variable MUTATIONS asks for more.
const MUTATIONS: u64 = 300;

#[test]
fn every_corpus_and_its_mutations_pass() {
    let asked = std::env::var("MUTATIONS").ok();
    let mutations = asked.and_then(|asked| asked.parse().ok()).unwrap_or(MUTATIONS);
    for (name, target) in TARGETS {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(name);
        let mut files: Vec<_> = fs::read_dir(&folder)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect();
        files.sort();
        assert!(!files.is_empty(), "{name} has no corpus");
        let seeds: Vec<Vec<u8>> = files.iter().map(|file| fs::read(file).unwrap()).collect();
        for (number, seed) in seeds.iter().enumerate() {
            target(seed);
            for round in 0..mutations {
                let mut dice = Dice(1 + round + (number as u64) * 1_000_000_007);
                let mutated = mutate(seed, &seeds, &mut dice);
                // For what is no panic but a crash: the last input is in the file that KEEP_LAST names.
                if let Some(file) = std::env::var_os("KEEP_LAST") {
                    fs::write(file, &mutated).unwrap();
                }
                let outcome = std::panic::catch_unwind(|| target(&mutated));
                if outcome.is_err() {
                    panic!(
                        "{name} fails on {:?}: {:?}",
                        files[number],
                        String::from_utf8_lossy(&mutated)
                    );
                }
            }
        }
    }
}

/// One to four changes: a byte, a cut, a doubling, a piece of another seed, a token of the protocol.
fn mutate(seed: &[u8], seeds: &[Vec<u8>], dice: &mut Dice) -> Vec<u8> {
    const TOKENS: &[&[u8]] = &[
        b"]]>]]>",
        b"\n##\n",
        b"\n#1\n",
        b"<",
        b"/>",
        b"&",
        b"&#0;",
        b"&lt;",
        b" xmlns=\"\"",
        b" xmlns:nc=\"u\"",
        b"<![CDATA[",
        b"<!--",
        b"<?x",
        b"\xff",
        b"\0",
        b"\"",
        b"nc:",
        b"<x/>",
    ];
    let mut bytes = seed.to_vec();
    for _ in 0..=dice.below(3) {
        let at = dice.below(bytes.len() + 1);
        let to = at + dice.below(bytes.len() - at + 1).min(40);
        match dice.below(6) {
            0 if at < bytes.len() => bytes[at] = dice.below(256) as u8,
            1 => drop(bytes.drain(at..to)),
            2 => {
                let piece = bytes[at..to].to_vec();
                bytes.splice(at..at, piece);
            }
            3 => {
                let other = &seeds[dice.below(seeds.len())];
                let from = dice.below(other.len() + 1);
                let piece = &other[from..(from + 60).min(other.len())];
                bytes.splice(at..at, piece.iter().copied());
            }
            4 => bytes.truncate(at),
            _ => {
                let token = TOKENS[dice.below(TOKENS.len())];
                bytes.splice(at..at, token.iter().copied());
            }
        }
    }
    bytes
}

/// A small generator, so that a failure comes back on the next run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6364136223846793005)
            .wrapping_add(1442695040888963407);
        ((self.0 >> 33) as usize) % bound.max(1)
    }
}
