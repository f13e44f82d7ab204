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

    /// The first entry after entry `number`, and how many before it came and went unseen.
    pub fn next_after(&self, number: u64) -> Option<(u64, Numbered<T>)> {
        let known = self.entries.partition_point(|(entry, _)| *entry <= number);
        let next = self.entries.get(known)?.clone();
        Some((next.0 - number - 1, next))
    }

    /// What came after entry `number`, oldest first.
    pub fn after(&self, number: u64) -> Vec<Numbered<T>> {
        let known = self.entries.partition_point(|(entry, _)| *entry <= number);
        self.entries.iter().skip(known).cloned().collect()
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
        assert_eq!(ring.next_after(0), None);
        for _ in 0..5 {
            ring.push(|number| number);
        }
        assert_eq!(numbers(&ring.after(0)), [3, 4, 5]);
        assert_eq!(numbers(&ring.after(4)), [5]);
        assert_eq!(ring.next_after(0), Some((2, (3, Arc::new(3)))));
        assert_eq!(ring.next_after(3), Some((0, (4, Arc::new(4)))));
        assert_eq!(ring.next_after(5), None);
        assert_eq!(numbers(&ring.after(5)), [0; 0]);
    }

    #[test]
    fn a_smaller_ring_keeps_the_newest_of_before() {
        let mut ring = Ring::with(2, vec![(7, 'a'), (8, 'b'), (9, 'c')]);
        ring.push(|number| if number == 10 { 'd' } else { '?' });
        let kept: Vec<char> = ring.entries().iter().map(|(_, entry)| **entry).collect();
        assert_eq!(kept, ['c', 'd']);
    }
}
