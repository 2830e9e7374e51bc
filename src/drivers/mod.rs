//! Drivers carry bytes between sockets and sessions.
//!
//! There is one contract and there are several drivers, because there are several ways to wait: [`epoll`] waits in
//! one place for many connections, [`threads`] lets each connection wait for itself, [`uring`] has the kernel do the
//! work and waits for its reports. They differ in nothing else.
//! A driver knows system calls and no protocol; what the bytes mean is the business of the
//! [`Session`](crate::session::Session), which knows no system call.
//!
//! # The duties of a driver
//!
//! 1. **Feed, then send.** What was read goes to `receive`, and what `receive` appended is written at once, before
//!    anything else is awaited. A batch that arrived in one read leaves in one write.
//! 2. **Ask only when everything has left.** `poll_transmit` is called when no byte is unsent, and again until it
//!    appends nothing, or `handle_sent` says that there is no more. So the reader's pace reaches the session, and nobody
//!    holds more than one piece for a peer that does not read.
//! 3. **Do not read while bytes are unsent.** A peer that sends and never reads fills its own socket, not our memory.
//!    Where the kernel reads by itself, it is stopped when [`uring`] holds as much as one read takes.
//!    A session gets no more than that in one call, and is asked for its flow in between.
//! 4. **Obey [`Flow`](crate::session::Flow)** once everything has left: read on, do not read, shut the write side and
//!    read on, drop, drop with a reset. A half-closed connection is over when the peer has finished as well. What a
//!    session appends after its write side was shut goes nowhere.
//! 5. **Report the end of the stream once**, and read no more. A session that stays open after it should have a
//!    deadline, or a waker with others: nothing else may ever happen to it.
//! 6. **Keep time.** Wait no longer than `poll_timeout`, then call `handle_timeout`. Calling early is harmless, so a
//!    deadline that moves later need not be told to the kernel.
//! 7. **Answer the bell.** Who is woken is asked soon: `poll_transmit`, as in 2. Anybody may wake, at any time, in any
//!    thread and within the call of any session, so a wake takes no lock that is held while a session is called, and
//!    waits for no peer. Many before the session is asked are one. One for a connection that has gone is none, and a
//!    session whose write side is shut is not asked. Whoever never takes a waker from its
//!    [`Bell`](crate::session::Bell) pays for none of this.
//! 8. **Do not wait for ever for a reader.** A peer that takes none of its unsent bytes for
//!    [`Settings::send_timeout`] is dropped. Every byte taken starts the time again.
//! 9. **Let nobody wait for another.** One connection's turn is bounded, however much it has to say. An error ends
//!    the connection it happened on, and no other; so does a panic in its session.
//! 10. **A full file table ends nothing.** Accepting pauses until a connection closes or a second has passed; who has
//!     connected meanwhile waits in the listener's queue.
//! 11. **Stop in order.** Stop accepting, tell every session, serve on until they are done or
//!     [`Settings::grace`] has passed. A second request to stop ends the wait.
//! 12. **Say goodbye exactly once.** Each session that was opened gets one `handle_close`, with the cause, and no
//!     call after it.
//! 13. **Own bytes only while you must.** A thread reads into one buffer and transmits from another; a connection owns
//!     bytes while a write fell short, and gives them back.
//! 14. **Let the system hold less, if you are asked to.** When `poll_transmit` has appended something, ask
//!     `poll_send_buffer` before it is written, and set the socket's send buffer (SO_SNDBUF) to what it says.
//! 15. **Run errands.** When the flow says so, take the errand, see to it, and bring back what became of it by
//!     `handle_errand`; one at a time for each connection. A disk makes nobody wait but the connection whose errand it
//!     is: [`threads`] runs the errand in place, for its thread has nothing else to do. [`epoll`] reads at once what lies
//!     in memory (`preadv2` with RWF_NOWAIT tells) and hands everything else to one of a few threads that may wait, for
//!     there is no readiness of files (`epoll_ctl` refuses them with EPERM), and asks the session meanwhile for its bytes
//!     and its flow; [`uring`] has the kernel read, write and sync, and leaves the rest to such threads. An errand may say
//!     itself who is to see to it ([`Way`](crate::session::Way)): a thread that runs one in place lets all wait whom it
//!     serves, on purpose. Only [`disk`] and the ring have system calls for files. Whoever has no errand pays for none of
//!     this.
//! 16. **Lose no errand.** A connection may go away while its errand runs, and another may have its place when it is
//!     done: the result is brought to its own session or to none. When a connection is over, its session is asked for
//!     errands once more behind its goodbye, and those are run to their end. A file that nobody takes back is closed,
//!     and one that was only to stay while it is open is removed. A driver returns when no errand is under way.
//! 17. **Tell who keeps the others.** A loop measures each turn, as exactly as costs nothing, and warns of one that has
//!     kept everybody else waiting for more than 50 ms, with the session's [label](crate::session::Session::label).

mod alarm;
mod bells;
mod counts;
pub mod disk;
pub mod epoll;
mod errands;
mod lag;
pub mod listen;
mod pool;
pub mod stop;
#[cfg(target_os = "linux")]
mod system;
#[cfg(not(target_os = "linux"))]
#[path = "system/elsewhere.rs"]
mod system;
pub mod threads;
mod timers;
#[cfg(target_os = "linux")]
pub mod uring;
#[cfg(not(target_os = "linux"))]
#[path = "uring/elsewhere.rs"]
pub mod uring;

use std::io;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Arc;
use std::time::Duration;

use self::disk::Disk;
use crate::session::Cause;

/// What a driver can be told.
#[derive(Clone, Debug)]
pub struct Settings {
    /// How long a peer may take none of the bytes that wait for it.
    pub send_timeout: Duration,
    /// How long connections may take to finish once the server stops.
    pub grace: Duration,
    /// Where errands lead.
    pub disk: Arc<Disk>,
    /// Reads once a readiness event, into a small buffer, and never looks again: a beginner's mistake with
    /// edge-triggered epoll, kept to be watched failing. Only [`epoll`] can make it.
    pub read_once: bool,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            send_timeout: Duration::from_secs(60),
            grace: Duration::from_secs(10),
            disk: Disk::fresh(Duration::ZERO),
            read_once: false,
        }
    }
}

/// How a connection ended; owns what [`Cause`] borrows.
enum Ending {
    Flow,
    Failed(io::Error),
    Stalled,
    Stopped,
}

impl Ending {
    fn cause(&self) -> Cause<'_> {
        match self {
            Ending::Flow => Cause::Flow,
            Ending::Failed(error) => Cause::Failed(error),
            Ending::Stalled => Cause::Stalled,
            Ending::Stopped => Cause::Stopped,
        }
    }
}

impl From<io::Error> for Ending {
    fn from(error: io::Error) -> Ending {
        Ending::Failed(error)
    }
}

/// Calls a session. If it panics, which is its own mistake, that ends its connection and not the server.
///
/// What a panic leaves half done is only the session's own: it gets its goodbye, and is dropped.
fn guarded<T>(call: impl FnOnce() -> Result<T, Ending>) -> Result<T, Ending> {
    panic::catch_unwind(AssertUnwindSafe(call))
        .unwrap_or_else(|_| Err(Ending::Failed(io::Error::other("the session panicked"))))
}

/// Tells the person who has stopped the server why it has not ended yet.
fn tell_what_is_left(connections: usize, grace: Duration) {
    if connections > 0 {
        let (what, grace) =
            (if connections == 1 { "connection is" } else { "connections are" }, grace.as_secs_f64());
        log::warn!(
            "stopping: {connections} {what} not done and may take {grace} s; ask again to end at once"
        );
    }
}

/// The most that one read takes.
const READ_BYTES: usize = 64 * 1024;

/// The same, for who makes the mistake of [`Settings::read_once`]: little enough to type more than fits.
const BEGINNER_BYTES: usize = 4 * 1024;

/// A transmit buffer that grew beyond this is given back when its bytes have left.
const KEEP_BYTES: usize = 256 * 1024;
