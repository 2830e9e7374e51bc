//! What a connection's thread shares with the one that stops the server.

use std::io::{self, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::drivers::{Ending, guarded};
use crate::session::{Flow, Session};

/// One connection: its socket, and its session under a lock that is never held while a call waits for the peer.
pub(super) struct Peer<S> {
    pub(super) stream: TcpStream,
    pub(super) address: SocketAddr,
    /// Told to a thread that sleeps without reading.
    pub(super) told: Condvar,
    seat: Mutex<Seat<S>>,
}

/// The session, and who may act for it.
pub(super) struct Seat<S> {
    pub(super) session: S,
    pub(super) thread: Thread,
    is_write_shut: bool,
}

/// What the connection's thread is doing, as far as others must know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Thread {
    /// It looks at the session again before it waits.
    Acts,
    /// It waits in `read`, has sent everything, and looks at nothing before it is back.
    Reads,
    /// It was told to end: the server waits no longer.
    IsCut,
    /// It is done, and the session was told so.
    HasEnded,
}

impl<S: Session> Seat<S> {
    /// Tells the session if its time has come.
    pub(super) fn expire(&mut self, now: Instant) {
        if self.session.poll_timeout().is_some_and(|at| at <= now) {
            self.session.handle_timeout(now);
        }
    }

    pub(super) fn receive(&mut self, now: Instant, bytes: &[u8], out: &mut Vec<u8>) {
        self.session.receive(now, bytes, out);
        if self.is_write_shut {
            out.clear();
        }
    }

    pub(super) fn poll_transmit(&mut self, now: Instant, out: &mut Vec<u8>) {
        if !self.is_write_shut {
            self.session.poll_transmit(now, out);
        }
    }

    pub(super) fn shut_write(&mut self, stream: &TcpStream) -> io::Result<()> {
        if !self.is_write_shut {
            stream.shutdown(Shutdown::Write)?;
            self.is_write_shut = true;
        }
        Ok(())
    }
}

impl<S: Session> Peer<S> {
    pub(super) fn new(session: S, stream: TcpStream, address: SocketAddr) -> Peer<S> {
        Peer {
            stream,
            address,
            told: Condvar::new(),
            seat: Mutex::new(Seat { session, thread: Thread::Acts, is_write_shut: false }),
        }
    }

    pub(super) fn seat(&self) -> MutexGuard<'_, Seat<S>> {
        // A session that panicked has left the lock poisoned; its own thread is the one that ends.
        self.seat.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells the session that the server stops.
    pub(super) fn shut_down(&self, now: Instant) {
        let mut seat = self.seat();
        if seat.thread != Thread::HasEnded {
            self.change(&mut seat, now, |session| session.handle_shutdown(now));
        }
    }

    /// Keeps the time for a thread that waits in `read`, with an alarm that was set before the server stopped.
    pub(super) fn expire(&self, now: Instant) -> Option<Instant> {
        let mut seat = self.seat();
        if seat.thread != Thread::Reads {
            return None;
        }
        if seat.session.poll_timeout().is_some_and(|at| at <= now) {
            self.change(&mut seat, now, |session| session.handle_timeout(now));
        }
        seat.session.poll_timeout()
    }

    /// Ends whatever its thread waits for.
    pub(super) fn cut(&self) {
        let mut seat = self.seat();
        if seat.thread != Thread::HasEnded {
            seat.thread = Thread::IsCut;
            let _ = self.stream.shutdown(Shutdown::Both);
            self.told.notify_all();
        }
    }

    /// Says goodbye to the session.
    pub(super) fn end(&self, ending: &Ending) {
        let mut seat = self.seat();
        let cause = match seat.thread {
            // What failed then, failed because of that.
            Thread::IsCut => Ending::Stopped.cause(),
            _ => ending.cause(),
        };
        let _ = guarded(|| {
            seat.session.handle_close(Instant::now(), cause);
            Ok(())
        });
        seat.thread = Thread::HasEnded;
    }

    /// Changes the session from outside. Its thread sees to the rest, or we do if it waits in `read`.
    fn change(&self, seat: &mut Seat<S>, now: Instant, change: impl FnOnce(&mut S)) {
        self.told.notify_all();
        let changed = guarded(|| {
            change(&mut seat.session);
            match seat.thread {
                Thread::Reads => Ok(self.act_for_reader(seat, now)?),
                Thread::Acts | Thread::IsCut | Thread::HasEnded => Ok(()),
            }
        });
        if changed.is_err() {
            let _ = self.stream.shutdown(Shutdown::Both);
        }
    }

    fn act_for_reader(&self, seat: &mut Seat<S>, now: Instant) -> io::Result<()> {
        self.send_for_reader(seat, now)?;
        match seat.session.flow() {
            Flow::Open | Flow::Paused => Ok(()),
            Flow::HalfClosed => seat.shut_write(&self.stream),
            // The end of the stream brings the thread back, and the session's flow says what it means.
            Flow::Closed | Flow::Reset => self.stream.shutdown(Shutdown::Read),
        }
    }

    /// Sends with the lock held, which only a short wait allows. It will do: a thread that waits in `read` has sent
    /// all it had, so there is room for a goodbye, unless the peer has stopped reading.
    fn send_for_reader(&self, seat: &mut Seat<S>, now: Instant) -> io::Result<()> {
        let mut out = Vec::new();
        seat.poll_transmit(now, &mut out);
        if out.is_empty() {
            return Ok(());
        }
        let timeout = self.stream.write_timeout()?;
        self.stream.set_write_timeout(Some(GOODBYE_TIMEOUT))?;
        while !out.is_empty() {
            (&self.stream).write_all(&out)?;
            out.clear();
            seat.poll_transmit(now, &mut out);
        }
        self.stream.set_write_timeout(timeout)
    }
}

/// How long a thread that stops the server waits for one peer to take a goodbye.
const GOODBYE_TIMEOUT: Duration = Duration::from_millis(10);
