//! The seam: one end of one TCP connection, with no socket in it.
//!
//! Below it stand the drivers, which know how to wait and nothing of protocols; above it stands what the bytes
//! mean, which knows no system call. A driver feeds a [`Session`] what it read and the time, writes what the session
//! appends, and obeys its [`Flow`]. [`Echo`] is the smallest session that there is.
//!
//! ```
//! use std::time::Instant;
//! use wirelab::session::{Echo, Flow, Session};
//!
//! let (mut echo, now, mut out) = (Echo::default(), Instant::now(), Vec::new());
//! echo.receive(now, &mut b"hello".to_owned(), &mut out);
//! assert_eq!(out, b"hello");
//! echo.receive_eof(now);
//! assert_eq!(echo.flow(), Flow::Closed);
//! ```

mod digests;
mod errand;

use core::net::SocketAddr;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::task::Waker;
use std::time::Instant;

pub use self::digests::Digests;
pub use self::errand::{
    Assignment, Doer, Done, Entry, Errand, Failure, File, Name, Opened, Report, Status, Stay, Way, Work,
};

/// One end of one TCP connection.
///
/// No call fails: a peer's fault becomes bytes for the peer and a [`Flow`]. No call blocks or asks the time.
/// Bytes for the peer are appended to the caller's `out`, never kept back by the session once they are ready.
pub trait Session: Send {
    /// Bytes arrived. Answers that are ready at once are appended to `out`, so that they can be made from the
    /// arrived bytes in place; `bytes` are the driver's scratch, and may be changed as well. Called only while
    /// [`flow`](Session::flow) is [`Flow::Open`] or [`Flow::HalfClosed`], and only when everything that was appended
    /// before has left.
    fn receive(&mut self, now: Instant, bytes: &mut [u8], out: &mut Vec<u8>);

    /// The peer has finished sending; it may still be reading.
    fn receive_eof(&mut self, now: Instant);

    /// The deadline of [`poll_timeout`](Session::poll_timeout) has passed. An early call changes nothing.
    fn handle_timeout(&mut self, now: Instant);

    /// The server is stopping: finish the answer that is under way, begin no other.
    fn handle_shutdown(&mut self, now: Instant);

    /// The connection is over; no other call follows, but those for [errands](Session::poll_errand) that the session
    /// will not leave undone.
    fn handle_close(&mut self, now: Instant, cause: Cause<'_>);

    /// Appends the next bytes that are ready for the peer, a bounded piece a call; nothing when there are none.
    /// Called only when everything that was appended before has left: so a session paces itself by its reader.
    ///
    /// Who waits for something outside of this connection leaves a waker of `bell` there, and then looks whether it
    /// has happened already: in this order nothing falls between.
    fn poll_transmit(&mut self, now: Instant, bell: &dyn Bell, out: &mut Vec<u8>);

    /// What was appended has left at once, at `now`. Answers whether there may be more; otherwise
    /// [`poll_transmit`](Session::poll_transmit) need not be asked before something has happened to the session, or it
    /// was woken. A driver that does not know when bytes have left asks without this.
    fn handle_sent(&mut self, _now: Instant) -> bool {
        true
    }

    /// How many bytes the system may hold on their way to the peer, if the session wants another number than the
    /// usual one: said once, and asked for before anything leaves that
    /// [`poll_transmit`](Session::poll_transmit) has appended. A system rounds it, and has limits of its own.
    fn poll_send_buffer(&mut self) -> Option<usize> {
        None
    }

    /// The next errand, when [`flow`](Session::flow) is [`Flow::Errand`]; there is none before the one under way is
    /// done. Asked once more when the connection is over: then an errand is what the session has promised to somebody.
    fn poll_errand(&mut self) -> Option<Errand> {
        None
    }

    /// The errand under way is done. Whatever it has led to, [`poll_transmit`](Session::poll_transmit) sends.
    fn handle_errand(&mut self, _now: Instant, _done: Done) {}

    /// When to call [`handle_timeout`](Session::handle_timeout), if nothing else happens before.
    fn poll_timeout(&self) -> Option<Instant>;

    /// What the log calls it, when a driver has something to tell of it: which connection it is, and what was asked of
    /// it last.
    fn label(&self) -> String {
        "a session without a name".to_owned()
    }

    /// What the driver may do next with this connection.
    fn flow(&self) -> Flow;
}

/// What a driver may do with a connection once the bytes it was given have left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// Read on.
    Open,
    /// Do not read: the session has as much as it wants to hold.
    Paused,
    /// Take the errand of [`poll_errand`](Session::poll_errand) and see to it; then ask
    /// [`poll_transmit`](Session::poll_transmit) and this again, for what may go on meanwhile.
    Errand,
    /// Shut the write side, and read on: what the peer has sent meanwhile must not turn into a reset that
    /// destroys our last bytes on their way (RFC 9112 §9.6).
    HalfClosed,
    /// Drop the connection.
    Closed,
    /// Drop the connection with a TCP reset.
    Reset,
}

/// The bell of one connection, by which others reach its session: a chat, a topic, a finished job.
///
/// It is to a [`Session`] what a [`Context`](std::task::Context) is to a future. Waking says no more than "ask
/// [`poll_transmit`](Session::poll_transmit) again, soon"; what there is to say lies where the session looks for it.
/// So no call of the trait is about wakes, one that nobody needed changes nothing, and many before the session is
/// asked are one. Anybody may wake, in any thread, within any call of any session, and long after the connection has
/// gone.
///
/// A bell is not a waker, because most connections never ask for one, and it is made only for those that do.
pub trait Bell {
    /// What wakes this connection's session; one and the same, however often it is asked for.
    fn waker(&self) -> Waker;
}

/// For a session without a driver; [`Waker::noop`] is a bell that nobody hears.
impl Bell for Waker {
    fn waker(&self) -> Waker {
        self.clone()
    }
}

/// Why a connection ended, told to the session so that it can be told to people.
#[derive(Clone, Copy)]
pub enum Cause<'a> {
    /// The session itself asked for it, by [`Flow::Closed`] or [`Flow::Reset`].
    Flow,
    /// Reading or writing failed.
    Failed(&'a dyn fmt::Display),
    /// The peer took none of the bytes that wait for it, for longer than a driver holds them.
    Stalled,
    /// The server stopped before the connection was done.
    Stopped,
}

impl fmt::Display for Cause<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Cause::Flow => f.write_str("finished"),
            Cause::Failed(error) => error.fmt(f),
            Cause::Stalled => f.write_str("the peer does not read"),
            Cause::Stopped => f.write_str("the server stopped"),
        }
    }
}

/// Opens a [`Session`] for each accepted connection.
pub trait Service: Send + Sync {
    type Session: Session;

    /// The session for a connection that was just accepted from `peer`.
    fn open(&self, now: Instant, peer: SocketAddr) -> Self::Session;

    /// Where the driver counts what it does.
    fn tally(&self) -> &Tally;
}

/// What a driver counts, for the pages that show it.
#[derive(Debug, Default)]
pub struct Tally {
    /// Returns from the system call that waits: `epoll_wait`, a blocking `read`, or `io_uring_enter`.
    pub wakes: AtomicU64,
    /// Sockets that these returns have told of.
    pub sockets: AtomicU64,
    /// Calls of `read` that brought bytes or the end of the stream, or completions that did.
    pub reads: AtomicU64,
    /// Calls of `write` that took bytes, or completions of those that did.
    pub writes: AtomicU64,
    /// Calls of `read` or `write` that would have blocked; of completions, those that came to nothing.
    pub would_block: AtomicU64,
    /// Times that accepting paused because the file table was full.
    pub accept_pauses: AtomicU64,
    /// Calls of a [`Bell`] that were answered; those that came before the answer are one.
    pub woken: AtomicU64,
    /// Returns from that wait for the sake of a [`Bell`]; each has cost its caller a `write`.
    pub rings: AtomicU64,
    /// Threads that serve connections now.
    pub threads: AtomicU64,
    /// Those of them that are the second one of their connection, there to be woken.
    pub second_threads: AtomicU64,
    /// Errands that somebody sees to now.
    pub errands_running: AtomicU64,
    /// Errands that wait until somebody is free for them.
    pub errands_waiting: AtomicU64,
    /// Errands that were seen to.
    pub errands_done: AtomicU64,
    /// The longest time that a loop was away from its wait, in milliseconds.
    pub longest_lag_ms: AtomicU64,
    pub calls: Calls,
}

/// System calls for sockets by their kind, as far as a driver makes them itself: also those that came to nothing.
#[derive(Debug, Default)]
pub struct Calls {
    pub epoll_wait: AtomicU64,
    pub accept: AtomicU64,
    pub read: AtomicU64,
    pub write: AtomicU64,
    pub io_uring_enter: AtomicU64,
    /// Operations that were submitted by `io_uring_enter`.
    pub submissions: AtomicU64,
    /// What the kernel has reported of them.
    pub completions: AtomicU64,
}

impl Tally {
    /// Adds one to a counter.
    pub fn count(counter: &AtomicU64) {
        counter.fetch_add(1, Relaxed);
    }

    /// Adds one to a gauge, until it is dropped.
    pub fn present(gauge: &AtomicU64) -> Present<'_> {
        gauge.fetch_add(1, Relaxed);
        Present(gauge)
    }
}

/// One of those that a gauge of the [`Tally`] shows.
#[must_use = "it is gone as soon as this is dropped"]
#[derive(Debug)]
pub struct Present<'t>(&'t AtomicU64);

impl Drop for Present<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}

/// Sends back what it receives: the smallest session, and the first one that a new driver should carry.
#[derive(Debug, Default)]
pub struct Echo {
    finished: bool,
}

impl Session for Echo {
    fn receive(&mut self, _now: Instant, bytes: &mut [u8], out: &mut Vec<u8>) {
        out.extend_from_slice(bytes);
    }

    fn receive_eof(&mut self, _now: Instant) {
        self.finished = true;
    }

    fn handle_timeout(&mut self, _now: Instant) {}

    fn handle_shutdown(&mut self, _now: Instant) {
        self.finished = true;
    }

    fn handle_close(&mut self, _now: Instant, _cause: Cause<'_>) {}

    fn poll_transmit(&mut self, _now: Instant, _bell: &dyn Bell, _out: &mut Vec<u8>) {}

    fn poll_timeout(&self) -> Option<Instant> {
        None
    }

    fn flow(&self) -> Flow {
        if self.finished { Flow::Closed } else { Flow::Open }
    }
}
