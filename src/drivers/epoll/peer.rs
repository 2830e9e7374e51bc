//! One connection of the epoll driver: its session, its socket, and what is known of both.

use std::io::{self, ErrorKind, Read, Write};
use std::mem;
use std::net::Shutdown;
use std::time::Instant;

use log::trace;
use mio::event::Event;
use mio::net::TcpStream;
use socket2::SockRef;

use super::workspace::Workspace;
use crate::drivers::Ending;
use crate::drivers::counts::Counts;
use crate::drivers::listen::{self, Name};
use crate::session::{Bell, Done, Errand, Flow, Session};

/// A session and its socket. Kept small: most of them wait most of the time.
pub(super) struct Peer<S> {
    pub(super) session: S,
    /// Whether it stands in the list of those whose turn goes on.
    pub(super) queued: bool,
    incoming: Incoming,
    outgoing: Outgoing,
    stream: TcpStream,
}

/// What is known of the socket's read side.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Incoming {
    /// A read would block; an event will tell when not.
    Drained,
    /// A read may bring bytes.
    Ready,
    /// As `Ready`, and the peer has finished: no further event will tell, so read to the end of the stream.
    Closing,
    /// The end of the stream was read.
    Ended,
}

/// What is known of the session's bytes and the socket's write side.
enum Outgoing {
    /// The session may have bytes: ask it.
    Asking,
    /// The session has none until something happens to it.
    Quiet,
    /// The socket took less than all; the rest waits.
    Unsent(Box<Unsent>),
    /// The write side is shut.
    Shut,
}

struct Unsent {
    bytes: Vec<u8>,
    sent: usize,
    writable: bool,
    stalls_at: Instant,
}

/// What a step came to.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Progress {
    /// There may be more to do without waiting.
    GoesOn,
    /// Nothing to do before an event or a deadline.
    Waits,
    /// The session has an errand; there may be more to do meanwhile.
    HasErrand,
}

impl<S: Session> Peer<S> {
    pub(super) fn new(session: S, stream: TcpStream) -> Peer<S> {
        Peer { session, queued: false, incoming: Incoming::Drained, outgoing: Outgoing::Asking, stream }
    }

    /// Remembers what an event says.
    pub(super) fn note(&mut self, event: &Event) -> Result<(), Ending> {
        if event.is_error()
            && let Some(error) = self.stream.take_error()?
        {
            return Err(Ending::Failed(error));
        }
        if self.incoming != Incoming::Ended {
            if event.is_read_closed() {
                self.incoming = Incoming::Closing;
            } else if event.is_readable() {
                self.incoming = Incoming::Ready;
            }
        }
        if let Outgoing::Unsent(unsent) = &mut self.outgoing {
            unsent.writable |= event.is_writable();
        }
        Ok(())
    }

    /// Writes and reads until there is nothing to do, or enough was done for one turn.
    pub(super) fn turn(&mut self, bell: &dyn Bell, work: &mut Workspace) -> Result<Progress, Ending> {
        for _ in 0..STEPS_PER_TURN {
            let progress = self.step(bell, work)?;
            if progress != Progress::GoesOn {
                return Ok(progress);
            }
        }
        Ok(Progress::GoesOn)
    }

    /// Takes the errand that a turn has come to.
    pub(super) fn take_errand(&mut self) -> Option<Errand> {
        self.ask();
        self.session.poll_errand()
    }

    /// When to call [`expire`](Peer::expire).
    pub(super) fn deadline(&self) -> Option<Instant> {
        let session = self.session.poll_timeout();
        match &self.outgoing {
            Outgoing::Unsent(unsent) => Some(session.map_or(unsent.stalls_at, |at| at.min(unsent.stalls_at))),
            _ => session,
        }
    }

    /// Looks whether a deadline has passed.
    pub(super) fn expire(&mut self, now: Instant) -> Result<(), Ending> {
        if let Outgoing::Unsent(unsent) = &self.outgoing
            && unsent.stalls_at <= now
        {
            return Err(Ending::Stalled);
        }
        if self.session.poll_timeout().is_some_and(|at| at <= now) {
            self.session.handle_timeout(now);
            self.ask();
        }
        Ok(())
    }

    /// Brings the session what became of its errand.
    pub(super) fn finish_errand(&mut self, now: Instant, done: Done) {
        self.session.handle_errand(now, done);
        self.ask();
    }

    /// Brings it what became of an errand that this thread has seen to.
    pub(super) fn finish_errand_at_once(&mut self, done: Done, work: &mut Workspace) {
        work.now = Instant::now();
        work.counts.errands_done += 1;
        self.finish_errand(work.now, done);
    }

    /// Tells the session that the server stops.
    pub(super) fn shut_down(&mut self, now: Instant) -> Result<(), Ending> {
        self.session.handle_shutdown(now);
        self.ask();
        Ok(())
    }

    /// Something happened to the session, or beside it: it may have bytes again.
    pub(super) fn ask(&mut self) {
        if let Outgoing::Quiet = self.outgoing {
            self.outgoing = Outgoing::Asking;
        }
    }

    /// Appends what the session has to say, if it is to be asked. What it appends is to be delivered.
    pub(super) fn collect(&mut self, bell: &dyn Bell, work: &mut Workspace) -> Result<(), Ending> {
        if let Outgoing::Asking = self.outgoing {
            self.session.poll_transmit(work.now, bell, &mut work.out);
            if work.out.is_empty() {
                self.outgoing = Outgoing::Quiet;
            } else if let Some(bytes) = self.session.poll_send_buffer() {
                SockRef::from(&self.stream).set_send_buffer_size(bytes)?;
            }
        }
        Ok(())
    }

    /// Writes what the session has said; what the socket does not take becomes the peer's own.
    pub(super) fn deliver(&mut self, bytes: &[u8], work: &mut Workspace) -> Result<(), Ending> {
        let sent = write(&mut self.stream, bytes, &mut work.counts)?;
        match sent == bytes.len() {
            true => self.note_sent(work.now),
            false => self.keep(bytes[sent..].to_vec(), 0, work),
        }
        Ok(())
    }

    /// What is left when the connection is over.
    pub(super) fn into_session(self) -> S {
        self.session
    }

    fn step(&mut self, bell: &dyn Bell, work: &mut Workspace) -> Result<Progress, Ending> {
        match &mut self.outgoing {
            Outgoing::Unsent(unsent) if unsent.writable => self.flush(work),
            Outgoing::Unsent(_) => Ok(Progress::Waits),
            Outgoing::Asking => {
                self.collect(bell, work)?;
                if work.out.is_empty() { Ok(Progress::GoesOn) } else { self.send(work) }
            }
            Outgoing::Quiet | Outgoing::Shut => self.obey(work),
        }
    }

    /// Everything has left: what next is the session's decision.
    fn obey(&mut self, work: &mut Workspace) -> Result<Progress, Ending> {
        match self.session.flow() {
            Flow::Open => self.read(work),
            Flow::Paused => Ok(Progress::Waits),
            Flow::Errand => Ok(Progress::HasErrand),
            Flow::HalfClosed => {
                if !matches!(self.outgoing, Outgoing::Shut) {
                    self.stream.shutdown(Shutdown::Write)?;
                    self.outgoing = Outgoing::Shut;
                }
                match self.incoming {
                    Incoming::Ended => Err(Ending::Flow),
                    _ => self.read(work),
                }
            }
            Flow::Closed => Err(Ending::Flow),
            Flow::Reset => {
                listen::reset_on_drop(SockRef::from(&self.stream))?;
                Err(Ending::Flow)
            }
        }
    }

    fn read(&mut self, work: &mut Workspace) -> Result<Progress, Ending> {
        if matches!(self.incoming, Incoming::Drained | Incoming::Ended) {
            return Ok(Progress::Waits);
        }
        work.counts.calls.read += 1;
        match self.stream.read(&mut work.scratch) {
            Ok(0) => {
                work.counts.reads += 1;
                trace!("{}: read the end of the stream", Name(&self.stream));
                self.incoming = Incoming::Ended;
                self.session.receive_eof(work.now);
                self.ask();
                Ok(Progress::GoesOn)
            }
            Ok(count) => {
                work.counts.reads += 1;
                trace!("{}: read {count} bytes", Name(&self.stream));
                // A short read emptied the socket: what arrives from here on is a new edge. So the usual request
                // needs no second read that would only hear that it blocks (epoll(7), question 9).
                if count < work.scratch.len() && self.incoming == Incoming::Ready {
                    self.incoming = Incoming::Drained;
                }
                // The mistake of `Settings::read_once`: more is in the socket, and no edge will come to say so.
                if work.settings.read_once {
                    self.incoming = Incoming::Drained;
                }
                self.session.receive(work.now, &mut work.scratch[..count], &mut work.out);
                self.send(work)
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                work.counts.would_block += 1;
                self.incoming = Incoming::Drained;
                Ok(Progress::Waits)
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => Ok(Progress::GoesOn),
            Err(error) => Err(Ending::Failed(error)),
        }
    }

    /// Delivers what the session has appended to the common buffer.
    fn send(&mut self, work: &mut Workspace) -> Result<Progress, Ending> {
        if !matches!(self.outgoing, Outgoing::Shut) {
            let sent = write(&mut self.stream, &work.out, &mut work.counts)?;
            let rest = work.out.len() - sent;
            // A large rest takes the buffer with it: to copy it would cost as much as to write it.
            match rest > work.out.capacity() / 2 {
                true => {
                    let bytes = mem::take(&mut work.out);
                    self.keep(bytes, sent, work);
                }
                false if rest > 0 => self.keep(work.out[sent..].to_vec(), 0, work),
                false => self.note_sent(work.now),
            }
        }
        work.clear_out();
        Ok(Progress::GoesOn)
    }

    /// All that the session has appended has left at once.
    fn note_sent(&mut self, now: Instant) {
        self.outgoing = match self.session.handle_sent(now) {
            true => Outgoing::Asking,
            false => Outgoing::Quiet,
        };
    }

    /// Owns the bytes behind so many that have left, until they can leave as well.
    fn keep(&mut self, bytes: Vec<u8>, sent: usize, work: &Workspace) {
        let stalls_at = work.now + work.settings.send_timeout;
        self.outgoing = Outgoing::Unsent(Box::new(Unsent { bytes, sent, writable: false, stalls_at }));
    }

    fn flush(&mut self, work: &mut Workspace) -> Result<Progress, Ending> {
        let Outgoing::Unsent(unsent) = &mut self.outgoing else {
            return Ok(Progress::GoesOn);
        };
        let rest = &unsent.bytes[unsent.sent..];
        let sent = write(&mut self.stream, rest, &mut work.counts)?;
        if sent == rest.len() {
            work.take_back(mem::take(&mut unsent.bytes));
            self.outgoing = Outgoing::Asking;
            return Ok(Progress::GoesOn);
        }
        unsent.writable = false;
        unsent.sent += sent;
        if sent > 0 {
            unsent.stalls_at = work.now + work.settings.send_timeout;
        }
        Ok(Progress::Waits)
    }
}

/// Writes until everything has left or the socket is full; returns how much has left.
fn write(stream: &mut TcpStream, bytes: &[u8], counts: &mut Counts) -> io::Result<usize> {
    let mut sent = 0;
    while sent < bytes.len() {
        counts.calls.write += 1;
        match stream.write(&bytes[sent..]) {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(count) => {
                counts.writes += 1;
                trace!("{}: wrote {count} of {} bytes", Name(stream), bytes.len() - sent);
                sent += count;
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                counts.would_block += 1;
                break;
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(sent)
}

/// Reads, writes and questions to the session before the next peer has its turn: about half a megabyte.
const STEPS_PER_TURN: usize = 16;
