//! What only Linux tells, in a way that needs no `unsafe`: the number of a thread, a time that costs next to nothing,
//! what of a file need not be waited for, and whether files can be waited for as sockets are.

use std::fs::File;
use std::io::{self, IoSliceMut};
use std::time::Duration;

use rustix::event::epoll;
use rustix::io::{Errno, ReadWriteFlags, preadv2};
use rustix::thread::gettid;
use rustix::time::{ClockId, clock_gettime};

/// The number of this thread, as `/proc/self/task`, `ps -L` and `strace -f` have it.
pub(super) fn thread_number() -> u64 {
    thread_local!(static NUMBER: u64 = gettid().as_raw_pid().unsigned_abs().into());
    NUMBER.with(|number| *number)
}

/// Time that passes, as exact as the kernel's tick, which is up to 10 ms. Nothing is computed for it, so it can be read
/// for every connection that has its turn.
pub(super) fn coarse_time() -> Duration {
    let time = clock_gettime(ClockId::MonotonicCoarse);
    Duration::new(time.tv_sec.unsigned_abs(), time.tv_nsec as u32)
}

/// Reads as much of the file, from `offset` on, as lies in memory.
///
/// # Errors
/// `WouldBlock` when the disk would have to be waited for.
pub(super) fn read_at_hand(file: &File, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
    Ok(preadv2(file, &mut [IoSliceMut::new(bytes)], offset, ReadWriteFlags::NOWAIT)?)
}

/// Adds the file to the interest list of an epoll instance, which is closed again.
///
/// # Errors
/// What `epoll_ctl` says.
pub(super) fn watch_file(file: &File) -> io::Result<()> {
    let instance = epoll::create(epoll::CreateFlags::CLOEXEC)?;
    epoll::add(&instance, file, epoll::EventData::new_u64(0), epoll::EventFlags::IN).map_err(|errno| {
        let name = if errno == Errno::PERM { "EPERM" } else { "an error" };
        let error = io::Error::from(errno);
        io::Error::new(error.kind(), format!("epoll_ctl says {name}: {error}"))
    })
}
