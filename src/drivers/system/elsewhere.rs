//! What only Linux tells, where there is no Linux.

use std::fs::File;
use std::io;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

/// A number of our own: threads are numbered as they ask.
pub(super) fn thread_number() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    thread_local!(static NUMBER: u64 = NEXT.fetch_add(1, Relaxed));
    NUMBER.with(|number| *number)
}

/// Time that passes, since it was first asked for.
pub(super) fn coarse_time() -> Duration {
    static START: OnceLock<Instant> = OnceLock::new();
    START.get_or_init(Instant::now).elapsed()
}

/// # Errors
/// Always: nobody tells what lies in memory.
pub(super) fn read_at_hand(_: &File, _: &mut [u8], _: u64) -> io::Result<usize> {
    Err(io::ErrorKind::WouldBlock.into())
}

/// # Errors
/// Always: this system has no epoll.
pub(super) fn watch_file(_: &File) -> io::Result<()> {
    Err(io::Error::new(io::ErrorKind::Unsupported, "only Linux has epoll"))
}
