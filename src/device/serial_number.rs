//! Serial numbers that look like serial numbers and are the same for the same seed.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use crate::device::inventory::SlotLocation;

/// What a serial number is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SerialFor {
    /// The chassis itself.
    Chassis,
    /// Its route processor.
    RouteProcessor,
    /// The n-th card that a slot has seen, counted from 0.
    Card(SlotLocation, u32),
}

/// Makes a serial number of eleven characters: a maker's code, year and week, and four characters from the seed.
pub fn serial_number(seed: u64, of: SerialFor) -> String {
    let (salt, slot, nth) = match of {
        SerialFor::Chassis => (1, 0, 0),
        SerialFor::RouteProcessor => (2, 0, 0),
        SerialFor::Card(location, nth) => (3, u32::from(location.rack) << 8 | u32::from(location.slot), nth),
    };
    let mut random = seeded(seed, [salt, slot, nth]);
    let year = 20 + random.next_u32() % 6;
    let week = 1 + random.next_u32() % 52;
    let tail: String = (0..4)
        .filter_map(|_| TAIL.get(random.next_u32() as usize % TAIL.len()))
        .map(|letter| char::from(*letter))
        .collect();
    format!("PND{year:02}{week:02}{tail}")
}

/// A generator that depends on the chassis seed and on what it is for, and on nothing else.
pub(in crate::device) fn seeded(seed: u64, purpose: [u32; 3]) -> ChaCha8Rng {
    let mut bytes = [0; 32];
    let words = seed
        .to_le_bytes()
        .into_iter()
        .chain(purpose.into_iter().flat_map(u32::to_le_bytes));
    for (place, byte) in bytes.iter_mut().zip(words) {
        *place = byte;
    }
    ChaCha8Rng::from_seed(bytes)
}

/// Digits and letters that nobody mistakes for one another.
const TAIL: &[u8; 32] = b"0123456789ABCDEFGHJKLMNPQRSTVWXY";

#[cfg(test)]
mod tests {
    use super::{SerialFor, serial_number};
    use crate::device::inventory::SlotLocation;

    #[test]
    fn the_same_seed_gives_the_same_serial_numbers_for_ever() {
        let card = SerialFor::Card(SlotLocation { rack: 0, slot: 1 }, 0);
        assert_eq!(
            serial_number(1004, SerialFor::Chassis),
            serial_number(1004, SerialFor::Chassis)
        );
        assert_ne!(
            serial_number(1004, SerialFor::Chassis),
            serial_number(1005, SerialFor::Chassis)
        );
        assert_ne!(serial_number(1004, SerialFor::Chassis), serial_number(1004, card));
        assert_eq!(serial_number(1004, card).len(), 11);
    }
}
