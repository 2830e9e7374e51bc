//! One connection of the threaded driver, as its thread lives it: send, wait, feed, and again.

use std::convert::Infallible;
use std::io::{self, BufRead, BufReader, ErrorKind, Write};
use std::net::TcpStream;
use std::sync::MutexGuard;
use std::time::{Duration, Instant};

use log::trace;
use socket2::SockRef;

use super::peer::{Peer, Seat, Thread};
use crate::drivers::{Ending, READ_BYTES, listen};
use crate::session::{Flow, Session, Tally};

/// What only the connection's thread knows.
pub(super) struct Conversation<'a, S> {
    peer: &'a Peer<S>,
    tally: &'a Tally,
    /// Chosen for its memory, which nobody touches before bytes arrive: an idle connection pays for none of it.
    reader: BufReader<&'a TcpStream>,
    out: Vec<u8>,
    alarm: Alarm,
    /// The end of the stream was read.
    ended: bool,
}

impl<'a, S: Session> Conversation<'a, S> {
    pub(super) fn new(peer: &'a Peer<S>, tally: &'a Tally) -> Self {
        Conversation {
            peer,
            tally,
            reader: BufReader::with_capacity(READ_BYTES, &peer.stream),
            out: Vec::new(),
            alarm: Alarm::default(),
            ended: false,
        }
    }

    /// Serves the connection to its end, and tells how it ended.
    pub(super) fn run(&mut self) -> Result<Infallible, Ending> {
        loop {
            let seat = self.transmit()?;
            self.obey(seat)?;
        }
    }

    /// Sends until the session has nothing left, and returns before anything can change that.
    fn transmit(&mut self) -> Result<MutexGuard<'a, Seat<S>>, Ending> {
        loop {
            let now = Instant::now();
            let mut seat = self.peer.seat();
            seat.expire(now);
            seat.poll_transmit(now, &mut self.out);
            if self.out.is_empty() {
                return Ok(seat);
            }
            drop(seat);
            self.write()?;
        }
    }

    /// Everything has left: what next is the session's decision.
    fn obey(&mut self, mut seat: MutexGuard<'a, Seat<S>>) -> Result<(), Ending> {
        if seat.thread == Thread::IsCut {
            return Err(Ending::Stopped);
        }
        match seat.session.flow() {
            Flow::Open if self.ended => self.sleep(seat),
            Flow::Open => self.read(seat),
            Flow::Paused => self.sleep(seat),
            Flow::HalfClosed => {
                seat.shut_write(&self.peer.stream)?;
                if self.ended {
                    return Err(Ending::Flow);
                }
                self.read(seat)
            }
            Flow::Closed => Err(Ending::Flow),
            Flow::Reset => {
                listen::reset_on_drop(SockRef::from(&self.peer.stream))?;
                Err(Ending::Flow)
            }
        }
    }

    /// Waits for time to pass, or for the server to stop: nothing is to be read.
    fn sleep(&mut self, seat: MutexGuard<'a, Seat<S>>) -> Result<(), Ending> {
        let left =
            seat.session.poll_timeout().map(|at| at.saturating_duration_since(Instant::now()).max(TICK));
        drop(self.peer.told.wait_timeout(seat, left.map_or(LOOK, |left| left.min(LOOK))));
        // No call tells a sleeper that its peer has gone.
        match self.peer.stream.take_error()? {
            Some(error) => Err(Ending::Failed(error)),
            None => Ok(()),
        }
    }

    fn read(&mut self, mut seat: MutexGuard<'a, Seat<S>>) -> Result<(), Ending> {
        let deadline = seat.session.poll_timeout();
        // From here until the thread is back, who changes the session also sends for it.
        seat.thread = Thread::Reads;
        drop(seat);
        if self.out.capacity() > IDLE_BYTES {
            self.out = Vec::new();
        }
        self.alarm.set(&self.peer.stream, deadline)?;
        let arrived = self.reader.fill_buf();
        let now = Instant::now();
        Tally::count(&self.tally.wakes);
        let mut seat = self.peer.seat();
        if seat.thread == Thread::Reads {
            seat.thread = Thread::Acts;
        }
        match arrived {
            // Changed while we waited: what arrived stays in the reader.
            Ok(_) if !matches!(seat.session.flow(), Flow::Open | Flow::HalfClosed) => Ok(()),
            Ok([]) => {
                Tally::count(&self.tally.reads);
                trace!("{}: read the end of the stream", self.peer.address);
                self.ended = true;
                seat.session.receive_eof(now);
                Ok(())
            }
            Ok(bytes) => {
                Tally::count(&self.tally.reads);
                let count = bytes.len();
                trace!("{}: read {count} bytes", self.peer.address);
                seat.receive(now, bytes, &mut self.out);
                drop(seat);
                self.reader.consume(count);
                self.write()
            }
            Err(error) if is_timeout(&error) => {
                self.alarm.has_rung = true;
                Ok(())
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => Ok(()),
            Err(error) => Err(Ending::Failed(error)),
        }
    }

    /// Writes all of `out`, and waits for the peer to take it.
    fn write(&mut self) -> Result<(), Ending> {
        let mut rest = &self.out[..];
        while !rest.is_empty() {
            match (&self.peer.stream).write(rest) {
                Ok(0) => return Err(Ending::Failed(ErrorKind::WriteZero.into())),
                Ok(count) => {
                    Tally::count(&self.tally.writes);
                    trace!("{}: wrote {count} of {} bytes", self.peer.address, rest.len());
                    rest = &rest[count..];
                }
                // Not one byte was taken in all that time. A write that waited as long and sent some comes back short.
                Err(error) if is_timeout(&error) => return Err(Ending::Stalled),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(Ending::Failed(error)),
            }
            if !rest.is_empty() {
                self.peer.seat().expire(Instant::now());
            }
        }
        self.out.clear();
        Ok(())
    }
}

/// When the kernel ends a blocking read: SO_RCVTIMEO, which is a system call to change and so is changed rarely.
///
/// Waking early is harmless. So it is set somewhat short, and then left while deadlines move later.
#[derive(Default)]
struct Alarm {
    after: Option<Duration>,
    has_rung: bool,
}

impl Alarm {
    /// Sees to it that a read that begins now ends by `deadline`, or earlier.
    fn set(&mut self, stream: &TcpStream, deadline: Option<Instant>) -> io::Result<()> {
        let left = deadline.map(|at| at.saturating_duration_since(Instant::now()).max(TICK));
        let after = match left {
            // It rang too early, so nothing is hurried here: sleep exactly as long as is left.
            _ if self.has_rung => left,
            // After each request the same kind of deadline is as far away as before, less some microseconds.
            Some(left) if self.after.is_none_or(|after| after > left) => Some(left * 7 / 8),
            _ => return Ok(()),
        };
        self.has_rung = false;
        self.after = after;
        stream.set_read_timeout(after.map(|after| after.max(TICK)))
    }
}

/// A blocking call that reached its SO_RCVTIMEO or SO_SNDTIMEO; systems differ in how they say so.
pub(super) fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
}

/// How often a thread that does not read looks whether its peer was lost.
const LOOK: Duration = Duration::from_secs(1);

/// The shortest wait.
const TICK: Duration = Duration::from_millis(1);

/// The most that a waiting connection keeps of its transmit buffer.
const IDLE_BYTES: usize = 8 * 1024;
