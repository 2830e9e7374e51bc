//! What a loop has counted, until it tells.

use std::mem;
use std::sync::atomic::Ordering::Relaxed;

use crate::session::Tally;

/// Counts of this turn of the loop: plain numbers, added to the shared ones once a turn.
#[derive(Default)]
pub(super) struct Counts {
    pub(super) wakes: u64,
    pub(super) reads: u64,
    pub(super) writes: u64,
    pub(super) would_block: u64,
    pub(super) woken: u64,
    pub(super) rings: u64,
}

impl Counts {
    /// Adds the counts to those that everybody sees.
    pub(super) fn publish(&mut self, tally: &Tally) {
        let counts = mem::take(self);
        for (shared, count) in [
            (&tally.wakes, counts.wakes),
            (&tally.reads, counts.reads),
            (&tally.writes, counts.writes),
            (&tally.would_block, counts.would_block),
            (&tally.woken, counts.woken),
            (&tally.rings, counts.rings),
        ] {
            if count > 0 {
                shared.fetch_add(count, Relaxed);
            }
        }
    }
}
