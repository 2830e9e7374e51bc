//! What a loop has counted, until it tells.

use std::sync::atomic::Ordering::Relaxed;

use super::pool::Load;
use crate::session::Tally;

/// Counts of a loop since it began: plain numbers, and copied once a turn to where everybody sees them. Nobody else
/// counts there, so a store is enough.
#[derive(Default)]
pub(super) struct Counts {
    pub(super) wakes: u64,
    pub(super) sockets: u64,
    pub(super) reads: u64,
    pub(super) writes: u64,
    pub(super) would_block: u64,
    pub(super) woken: u64,
    pub(super) rings: u64,
    pub(super) calls: Calls,
    pub(super) errands_done: u64,
    /// Errands that somebody sees to, and those that wait for somebody.
    pub(super) load: Load,
    pub(super) longest_lag_ms: u64,
}

/// System calls by kind, those that came to nothing included.
#[derive(Clone, Copy, Default)]
pub(super) struct Calls {
    pub(super) epoll_wait: u64,
    pub(super) accept: u64,
    pub(super) read: u64,
    pub(super) write: u64,
    pub(super) io_uring_enter: u64,
    /// What was submitted by them, and what was reported.
    pub(super) submissions: u64,
    pub(super) completions: u64,
}

impl Counts {
    /// Shows the counts to everybody.
    pub(super) fn publish(&self, tally: &Tally) {
        let (calls, shared) = (&self.calls, &tally.calls);
        for (shared, count) in [
            (&tally.wakes, self.wakes),
            (&tally.sockets, self.sockets),
            (&tally.reads, self.reads),
            (&tally.writes, self.writes),
            (&tally.would_block, self.would_block),
            (&tally.woken, self.woken),
            (&tally.rings, self.rings),
            (&tally.errands_done, self.errands_done),
            (&tally.errands_running, self.load.running),
            (&tally.errands_waiting, self.load.waiting),
            (&tally.longest_lag_ms, self.longest_lag_ms),
            (&shared.epoll_wait, calls.epoll_wait),
            (&shared.accept, calls.accept),
            (&shared.read, calls.read),
            (&shared.write, calls.write),
            (&shared.io_uring_enter, calls.io_uring_enter),
            (&shared.submissions, calls.submissions),
            (&shared.completions, calls.completions),
        ] {
            shared.store(count, Relaxed);
        }
    }
}
