//! What a connection's thread shares with those who act while it waits in `read`.

use std::io::{self, ErrorKind, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use log::trace;
use socket2::SockRef;

use super::House;
use super::aside::Aside;
use super::bell::Bell;
use crate::drivers::{Ending, guarded};
use crate::session::{Flow, Session, Tally};

/// One connection: its socket, and its session under a lock that is never held while a call waits for the peer.
pub(super) struct Peer<S> {
    pub(super) stream: TcpStream,
    pub(super) address: SocketAddr,
    /// Told to a thread that sleeps without reading, or waits until a push is over.
    pub(super) told: Condvar,
    seat: Mutex<Seat<S>>,
}

/// The session, and who may act for it.
pub(super) struct Seat<S> {
    pub(super) session: S,
    pub(super) thread: Thread,
    pub(super) bell: Bell,
    /// Somebody writes for a thread that was waiting in `read`.
    pub(super) is_pushed: bool,
    /// An errand that another thread sees to.
    pub(super) aside: Aside,
    /// What went wrong for somebody who acted for the thread.
    pub(super) failure: Option<Ending>,
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
    /// Whether its thread waits in `read`, and nobody acts for it or has failed to.
    pub(super) fn wants_push(&self) -> bool {
        self.thread == Thread::Reads && !self.is_pushed && self.failure.is_none()
    }

    /// Tells the session if its time has come.
    pub(super) fn expire(&mut self, now: Instant) {
        if self.session.poll_timeout().is_some_and(|at| at <= now) {
            self.session.handle_timeout(now);
        }
    }

    pub(super) fn receive(&mut self, now: Instant, bytes: &mut [u8], out: &mut Vec<u8>) {
        self.session.receive(now, bytes, out);
        if self.is_write_shut {
            out.clear();
        }
    }

    pub(super) fn poll_transmit(
        &mut self,
        now: Instant,
        stream: &TcpStream,
        out: &mut Vec<u8>,
    ) -> io::Result<()> {
        if self.is_write_shut {
            return Ok(());
        }
        self.session.poll_transmit(now, &self.bell, out);
        if !out.is_empty()
            && let Some(bytes) = self.session.poll_send_buffer()
        {
            SockRef::from(stream).set_send_buffer_size(bytes)?;
        }
        Ok(())
    }

    /// Obeys the session's flow, as far as that can be done for a thread that waits in `read`.
    pub(super) fn obey(&mut self, stream: &TcpStream) -> io::Result<()> {
        match self.session.flow() {
            Flow::Open | Flow::Paused | Flow::Errand => Ok(()),
            Flow::HalfClosed => self.shut_write(stream),
            // The end of the stream brings the thread back, and the session's flow says what it means.
            Flow::Closed | Flow::Reset => stream.shutdown(Shutdown::Read),
        }
    }

    /// Runs the errands that the session will not leave undone.
    fn keep_promises(&mut self, house: House<'_>) {
        while let Some(errand) = self.session.poll_errand() {
            let done = house.run(errand);
            self.session.handle_errand(Instant::now(), done);
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
        let seat = Seat {
            session,
            thread: Thread::Acts,
            bell: Bell::default(),
            is_pushed: false,
            aside: Aside::None,
            failure: None,
            is_write_shut: false,
        };
        Peer { stream, address, told: Condvar::new(), seat: Mutex::new(seat) }
    }

    pub(super) fn seat(&self) -> MutexGuard<'_, Seat<S>> {
        // A session that panicked has left the lock poisoned; its own thread is the one that ends.
        self.seat.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The connection's thread is back, and acts for itself as soon as nobody writes for it any more.
    pub(super) fn take_seat(&self) -> Result<MutexGuard<'_, Seat<S>>, Ending> {
        let mut seat = self.seat();
        if seat.thread == Thread::Reads {
            seat.thread = Thread::Acts;
        }
        while seat.is_pushed {
            seat = self.told.wait(seat).unwrap_or_else(PoisonError::into_inner);
        }
        match seat.failure.take() {
            Some(ending) => Err(ending),
            None => Ok(seat),
        }
    }

    /// Writes all of `bytes`, and waits for the peer to take them.
    pub(super) fn write(&self, bytes: &[u8], tally: &Tally) -> Result<(), Ending> {
        let mut rest = bytes;
        while !rest.is_empty() {
            Tally::count(&tally.calls.write);
            match (&self.stream).write(rest) {
                Ok(0) => return Err(Ending::Failed(ErrorKind::WriteZero.into())),
                Ok(count) => {
                    Tally::count(&tally.writes);
                    trace!("{}: wrote {count} of {} bytes", self.address, rest.len());
                    rest = &rest[count..];
                }
                // Not one byte was taken in all that time. A write that waited as long and sent some comes back short.
                Err(error) if is_timeout(&error) => return Err(Ending::Stalled),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(Ending::Failed(error)),
            }
            if !rest.is_empty() {
                self.seat().expire(Instant::now());
            }
        }
        Ok(())
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

    /// Says goodbye to the session, runs the errands that it will not leave undone, and ends the second thread.
    pub(super) fn end(&self, ending: &Ending, house: House<'_>) {
        let mut seat = self.seat();
        let cause = match seat.thread {
            // What failed then, failed because of that.
            Thread::IsCut => Ending::Stopped.cause(),
            _ => ending.cause(),
        };
        let heard = guarded(|| {
            seat.session.handle_close(Instant::now(), cause);
            Ok(())
        });
        while seat.is_aside() {
            seat = self.told.wait(seat).unwrap_or_else(PoisonError::into_inner);
        }
        let _ = heard.and_then(|()| {
            guarded(|| {
                seat.keep_promises(house);
                Ok(())
            })
        });
        seat.thread = Thread::HasEnded;
        if let Some(pull) = seat.bell.heard() {
            pull.end();
        }
    }
}

/// A blocking call that reached its SO_RCVTIMEO or SO_SNDTIMEO; systems differ in how they say so.
pub(super) fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
}
