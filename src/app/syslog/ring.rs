//! A ring of numbered entries: bounded, the oldest goes when there is no room.

use std::collections::VecDeque;
use std::sync::Arc;

/// An entry with its number.
pub type Numbered<T> = (u64, Arc<T>);

/// The ring. Numbers grow by one with every entry; after a loss on disk there may be gaps.
#[derive(Debug)]
pub struct Ring<T> {
    capacity: usize,
    entries: VecDeque<Numbered<T>>,
    last: u64,
}

/// What came after a place in a ring.
#[derive(Debug)]
pub struct After<T> {
    /// Entries that came and went before somebody looked.
    pub missed: u64,
    /// The others, oldest first.
    pub entries: Vec<Numbered<T>>,
}

impl<T> Ring<T> {
    /// With room for so many entries, at least one, and those of before, oldest first; too many leave the oldest out.
    pub fn with(capacity: usize, before: Vec<(u64, T)>) -> Ring<T> {
        let capacity = capacity.max(1);
        let last = before.last().map_or(0, |(number, _)| *number);
        let surplus = before.len().saturating_sub(capacity);
        let entries = before
            .into_iter()
            .skip(surplus)
            .map(|(number, entry)| (number, Arc::new(entry)))
            .collect();
        Ring {
            capacity,
            entries,
            last,
        }
    }

    /// Adds an entry, which may want to know its number.
    pub fn push(&mut self, make: impl FnOnce(u64) -> T) -> Numbered<T> {
        self.last += 1;
        let entry = (self.last, Arc::new(make(self.last)));
        if self.entries.len() == self.capacity {
            self.entries.pop_front();
        }
        self.entries.push_back(entry.clone());
        entry
    }

    /// Number of the newest entry that there ever was, 0 without any.
    pub fn last(&self) -> u64 {
        self.last
    }

    /// How many there is room for.
    pub fn capacity(&self) -> usize {
        self.capacity
    }

    /// Everything, oldest first.
    pub fn entries(&self) -> Vec<Numbered<T>> {
        self.entries.iter().cloned().collect()
    }

    /// What came after entry `number`.
    pub fn after(&self, number: u64) -> After<T> {
        let known = self.entries.partition_point(|(entry, _)| *entry <= number);
        let entries: Vec<Numbered<T>> = self.entries.iter().skip(known).cloned().collect();
        let next = entries.first().map_or(self.last + 1, |(first, _)| *first);
        After {
            missed: next.saturating_sub(number.saturating_add(1)),
            entries,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(entries: &[Numbered<u64>]) -> Vec<u64> {
        entries.iter().map(|(number, _)| *number).collect()
    }

    #[test]
    fn the_oldest_goes_when_there_is_no_room_and_numbers_go_on() {
        let mut ring = Ring::with(3, Vec::new());
        for _ in 0..5 {
            ring.push(|number| number * 10);
        }
        assert_eq!(numbers(&ring.entries()), [3, 4, 5]);
        assert_eq!(*ring.entries()[0].1, 30);
        assert_eq!(ring.last(), 5);
    }

    #[test]
    fn whoever_looks_late_is_told_what_was_missed() {
        let mut ring = Ring::with(3, Vec::new());
        assert_eq!(ring.after(0).missed, 0);
        for _ in 0..5 {
            ring.push(|number| number);
        }
        let after = ring.after(0);
        assert_eq!((after.missed, numbers(&after.entries)), (2, vec![3, 4, 5]));
        let after = ring.after(4);
        assert_eq!((after.missed, numbers(&after.entries)), (0, vec![5]));
        let after = ring.after(5);
        assert_eq!((after.missed, numbers(&after.entries)), (0, vec![]));
    }

    #[test]
    fn a_smaller_ring_keeps_the_newest_of_before() {
        let mut ring = Ring::with(2, vec![(7, 'a'), (8, 'b'), (9, 'c')]);
        ring.push(|number| if number == 10 { 'd' } else { '?' });
        let kept: Vec<char> = ring.entries().iter().map(|(_, entry)| **entry).collect();
        assert_eq!(kept, ['c', 'd']);
    }
}
