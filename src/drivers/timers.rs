//! The deadlines of many connections, in one place.
//!
//! A deadline moves later with nearly every read, and almost none is ever reached. So the queue holds an early entry
//! for each connection and is not told when the deadline moves later: when the entry comes up, the driver looks at
//! the connection, and if its deadline is still ahead queues it again. On the way of every read stands one comparison.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Instant;

/// Deadlines by key, where a key is a small number that may be used again.
///
/// A connection that is gone leaves its entry behind; the next one of the same key takes it over. So the queue does
/// not grow with the number of connections that came and went.
#[derive(Debug, Default)]
pub(super) struct Timers {
    heap: BinaryHeap<Reverse<(Instant, usize)>>,
    /// The earliest entry in the heap, by key. Other entries of the key are left to come up and be passed over.
    earliest: Vec<Option<Instant>>,
}

impl Timers {
    /// Sees to it that `key` comes up at `at`, or earlier.
    pub(super) fn arm(&mut self, key: usize, at: Instant) {
        if key >= self.earliest.len() {
            self.earliest.resize(key + 1, None);
        }
        if self.earliest[key].is_none_or(|queued| at < queued) {
            self.earliest[key] = Some(at);
            self.heap.push(Reverse((at, key)));
        }
    }

    /// When the next entry comes up.
    pub(super) fn next(&self) -> Option<Instant> {
        self.heap.peek().map(|Reverse((at, _))| *at)
    }

    /// Takes a key that has come up by `now`. Its deadline may have moved later: look, and arm it again.
    pub(super) fn pop(&mut self, now: Instant) -> Option<usize> {
        while self.next().is_some_and(|at| at <= now) {
            let Reverse((at, key)) = self.heap.pop()?;
            if self.earliest[key] == Some(at) {
                self.earliest[key] = None;
                return Some(key);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_deadline_that_moves_later_costs_no_entry() {
        let (mut timers, start) = (Timers::default(), Instant::now());
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
        let (mut timers, start) = (Timers::default(), Instant::now());
        for connection in 0..1000 {
            timers.arm(3, start + Duration::from_millis(60_000 + connection));
        }
        assert_eq!(timers.heap.len(), 1);
    }

    proptest! {
        /// Whatever moves where: looking at each key that comes up, nobody is late and nobody is forgotten.
        #[test]
        fn nobody_comes_up_late(steps in prop::collection::vec((0..8usize, 1..50u64), 1..200)) {
            let start = Instant::now();
            let at = |tick: u64| start + Duration::from_millis(tick);
            let (mut timers, mut deadlines) = (Timers::default(), [None; 8]);
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
