//! What the connections of the epoll driver share, because one thread serves them in turn.

use std::mem;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Instant;

use crate::drivers::{BEGINNER_BYTES, KEEP_BYTES, READ_BYTES, Settings};
use crate::session::Tally;

/// What all peers of the thread share: the time, the buffers, the counts.
pub(super) struct Workspace<'a> {
    pub(super) now: Instant,
    pub(super) counts: Counts,
    pub(super) settings: &'a Settings,
    pub(super) scratch: Box<[u8]>,
    pub(super) out: Vec<u8>,
}

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

impl<'a> Workspace<'a> {
    pub(super) fn new(settings: &'a Settings) -> Workspace<'a> {
        let read_bytes = match settings.read_once {
            true => BEGINNER_BYTES,
            false => READ_BYTES,
        };
        Workspace {
            now: Instant::now(),
            counts: Counts::default(),
            settings,
            scratch: vec![0; read_bytes].into(),
            out: Vec::new(),
        }
    }

    /// Adds the counts to those that everybody sees.
    pub(super) fn publish(&mut self, tally: &Tally) {
        let counts = mem::take(&mut self.counts);
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

    /// Whatever became of the bytes: the next peer must find none of them.
    pub(super) fn clear_out(&mut self) {
        self.out.clear();
        if self.out.capacity() > KEEP_BYTES {
            self.out = Vec::new();
        }
    }
}
