//! The deadlines of many connections, in one place.
//!
//! A deadline moves later with nearly every read, and almost none is ever reached. So the queue holds an early entry
//! for each connection and is not told when the deadline moves later: when the entry comes up, the driver looks at
//! the connection, and if its deadline is still ahead queues it again. On the way of every read stands one comparison.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::{Duration, Instant};

/// Deadlines by key, where a key is a small number that may be used again.
///
/// A connection that is gone leaves its entry behind; the next one of the same key takes it over. So the queue does
/// not grow with the number of connections that came and went.
#[derive(Debug)]
pub(super) struct Timers {
    start: Instant,
    heap: BinaryHeap<Reverse<Entry>>,
    /// The tick of the earliest entry in the heap, by key. Other entries of the key are left to come up and be passed
    /// over.
    earliest: Vec<u64>,
}

/// A tick and a key in one number, the tick in front: half of what a connection's deadline takes otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Entry(u64);

impl Entry {
    fn new(tick: u64, key: usize) -> Entry {
        assert!(key < 1 << KEY_BITS, "more connections than a system has descriptors");
        Entry(tick << KEY_BITS | key as u64)
    }

    fn tick(self) -> u64 {
        self.0 >> KEY_BITS
    }

    fn key(self) -> usize {
        (self.0 & ((1 << KEY_BITS) - 1)) as usize
    }
}

impl Timers {
    pub(super) fn new(start: Instant) -> Timers {
        Timers { start, heap: BinaryHeap::new(), earliest: Vec::new() }
    }

    /// Sees to it that `key` comes up at `at` or earlier, to the [`TICK`].
    pub(super) fn arm(&mut self, key: usize, at: Instant) {
        if key >= self.earliest.len() {
            self.earliest.resize(key + 1, NEVER);
        }
        let tick = self.tick_at_or_after(at);
        if tick < self.earliest[key] {
            self.earliest[key] = tick;
            self.heap.push(Reverse(Entry::new(tick, key)));
        }
    }

    /// When the next entry comes up.
    pub(super) fn next(&self) -> Option<Instant> {
        self.heap.peek().map(|Reverse(entry)| self.start + Duration::from_millis(entry.tick()))
    }

    /// Takes a key that has come up by `now`. Its deadline may have moved later: look, and arm it again.
    pub(super) fn pop(&mut self, now: Instant) -> Option<usize> {
        while self.next().is_some_and(|at| at <= now) {
            let Reverse(entry) = self.heap.pop()?;
            let earliest = &mut self.earliest[entry.key()];
            if *earliest == entry.tick() {
                *earliest = NEVER;
                return Some(entry.key());
            }
        }
        None
    }

    /// Milliseconds since the start, up: nothing comes up before its time.
    fn tick_at_or_after(&self, at: Instant) -> u64 {
        let since = at.saturating_duration_since(self.start);
        since.as_secs() * 1000 + u64::from(since.subsec_nanos().div_ceil(1_000_000))
    }
}

/// The finest time that a poll can wait.
pub(super) const TICK: Duration = Duration::from_millis(1);

/// Enough for every descriptor that a process can usually get (`fs.nr_open` is a million). What is left of a word are
/// the milliseconds of 34 years.
const KEY_BITS: u32 = 24;

const NEVER: u64 = u64::MAX >> KEY_BITS;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_deadline_that_moves_later_costs_no_entry() {
        let start = Instant::now();
        let mut timers = Timers::new(start);
        for second in 10..1000 {
            timers.arm(0, start + Duration::from_secs(second));
        }
        assert_eq!(timers.heap.len(), 1);
        assert_eq!(timers.pop(start + Duration::from_secs(9)), None);
        assert_eq!(timers.pop(start + Duration::from_secs(10)), Some(0));
        assert_eq!(timers.next(), None);
    }

    #[test]
    fn a_key_in_use_again_takes_over_the_entry() {
        let start = Instant::now();
        let mut timers = Timers::new(start);
        for connection in 0..1000 {
            timers.arm(3, start + Duration::from_millis(60_000 + connection));
        }
        assert_eq!(timers.heap.len(), 1);
    }

    #[test]
    fn nothing_comes_up_before_its_time() {
        let start = Instant::now();
        let mut timers = Timers::new(start);
        timers.arm(1, start + Duration::from_micros(1_500));
        assert_eq!(timers.pop(start + Duration::from_micros(1_499)), None);
        assert_eq!(timers.pop(start + Duration::from_millis(2)), Some(1));
    }

    proptest! {
        /// Whatever moves where: looking at each key that comes up, nobody is late and nobody is forgotten.
        #[test]
        fn nobody_comes_up_late(steps in prop::collection::vec((0..8usize, 1..50u64), 1..200)) {
            let start = Instant::now();
            let at = |tick: u64| start + Duration::from_millis(tick);
            let (mut timers, mut deadlines) = (Timers::new(start), [None; 8]);
            for (tick, (key, after)) in steps.into_iter().enumerate() {
                let now = tick as u64;
                deadlines[key] = Some(now + after);
                timers.arm(key, at(now + after));
                while let Some(key) = timers.pop(at(now)) {
                    match deadlines[key] {
                        Some(deadline) if deadline > now => timers.arm(key, at(deadline)),
                        _ => deadlines[key] = None,
                    }
                }
                prop_assert!(deadlines.iter().flatten().all(|deadline| *deadline > now));
            }
        }
    }
}
