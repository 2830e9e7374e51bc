//! One connection of the io_uring driver: its session, its socket, and which operations are under way for it.

mod completions;
mod held;

use std::net::{Shutdown, TcpStream};
use std::os::fd::AsFd;
use std::time::Instant;

use socket2::SockRef;

use self::held::Held;
use super::leaving::Leaving;
use super::ring::Unsent;
use super::token::Whose;
use super::workspace::Workspace;
use crate::drivers::Ending;
use crate::drivers::listen;
use crate::session::{Bell, Done, Errand, Flow, Session};

/// A session and its socket. Kept small: most of them wait most of the time.
pub(super) struct Peer<S> {
    pub(super) session: S,
    /// Whether it stands in the list of those whose turn goes on.
    pub(super) queued: bool,
    pub(super) whose: Whose,
    incoming: Incoming,
    outgoing: Outgoing,
    /// What has arrived before the session wanted it. The receive goes on by itself, until it is cancelled. Boxed,
    /// because hardly anybody has any.
    held: Option<Box<Held>>,
    /// Whether the ring watches the socket, for who waits for room or receives nothing.
    is_watched: bool,
    socket: TcpStream,
}

/// What becomes of bytes that arrive.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Incoming {
    /// They stay in the system.
    Left,
    /// They are received.
    Received,
    /// They are received until the cancellation has come through.
    Cancelled,
    /// No more will come: the peer has finished, and the session has not been told.
    Ending,
    /// The session was told.
    Ended,
}

/// What becomes of the session's bytes.
enum Outgoing {
    /// The session may have bytes: ask it.
    Asking,
    /// The session has none until something happens to it.
    Quiet,
    /// Some are under way, in the ring's keeping.
    Unsent { place: u32 },
    /// The socket has no room for any of them.
    Full(Box<Unsent>),
    /// The write side is shut.
    Shut,
}

/// What a step came to.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Progress {
    /// There may be more to do without waiting.
    GoesOn,
    /// Nothing to do before a completion or a deadline.
    Waits,
    /// The session has an errand; there may be more to do meanwhile.
    HasErrand,
}

impl<S: Session> Peer<S> {
    pub(super) fn new(session: S, whose: Whose, socket: TcpStream) -> Peer<S> {
        Peer {
            session,
            queued: false,
            whose,
            incoming: Incoming::Left,
            outgoing: Outgoing::Asking,
            held: None,
            is_watched: false,
            socket,
        }
    }

    /// Feeds and asks the session until there is nothing to do, or enough was done for one turn.
    pub(super) fn turn(&mut self, bell: &dyn Bell, work: &mut Workspace) -> Result<Progress, Ending> {
        let mut progress = Progress::GoesOn;
        for _ in 0..STEPS_PER_TURN {
            progress = self.step(bell, work)?;
            if progress != Progress::GoesOn {
                break;
            }
        }
        self.hold(work);
        if progress != Progress::GoesOn {
            self.watch(work);
        }
        Ok(progress)
    }

    /// Takes the errand that a turn has come to.
    pub(super) fn take_errand(&mut self) -> Option<Errand> {
        self.ask();
        self.session.poll_errand()
    }

    /// When to call [`expire`](Peer::expire).
    pub(super) fn deadline(&self, work: &Workspace) -> Option<Instant> {
        [self.session.poll_timeout(), self.stalls_at(work)].into_iter().flatten().min()
    }

    /// Looks whether a deadline has passed.
    pub(super) fn expire(&mut self, work: &Workspace) -> Result<(), Ending> {
        if self.stalls_at(work).is_some_and(|at| at <= work.now) {
            return Err(Ending::Stalled);
        }
        if self.session.poll_timeout().is_some_and(|at| at <= work.now) {
            self.session.handle_timeout(work.now);
            self.ask();
        }
        Ok(())
    }

    /// Brings the session what became of its errand.
    pub(super) fn finish_errand(&mut self, now: Instant, done: Done) {
        self.session.handle_errand(now, done);
        self.ask();
    }

    /// Runs its errand, as the session has asked: everybody else waits.
    pub(super) fn finish_errand_in_place(&mut self, errand: Errand, work: &mut Workspace) {
        let done = work.settings.disk.run(errand);
        work.now = Instant::now();
        work.counts.errands_done += 1;
        self.finish_errand(work.now, done);
    }

    /// Tells the session that the server stops.
    pub(super) fn shut_down(&mut self, now: Instant) {
        self.session.handle_shutdown(now);
        self.ask();
    }

    /// Something happened to the session, or beside it: it may have bytes again.
    pub(super) fn ask(&mut self) {
        if let Outgoing::Quiet = self.outgoing {
            self.outgoing = Outgoing::Asking;
        }
    }

    /// What is left when the connection is over: the session, and a socket that is not closed before the operations on
    /// it have ended.
    pub(super) fn leave(self, work: &mut Workspace) -> (S, Leaving) {
        if let Incoming::Received = self.incoming {
            work.ring.cancel_receive(self.whose);
        }
        if let Outgoing::Unsent { place } = self.outgoing {
            work.ring.cancel_send(place);
        }
        if self.is_watched {
            work.ring.cancel_watch(self.whose);
        }
        let leaving = Leaving {
            whose: self.whose,
            receives: matches!(self.incoming, Incoming::Received | Incoming::Cancelled),
            sends: matches!(self.outgoing, Outgoing::Unsent { .. }),
            watches: self.is_watched,
            socket: self.socket,
        };
        (self.session, leaving)
    }

    fn step(&mut self, bell: &dyn Bell, work: &mut Workspace) -> Result<Progress, Ending> {
        match self.outgoing {
            Outgoing::Unsent { .. } | Outgoing::Full(_) => Ok(Progress::Waits),
            Outgoing::Asking => self.collect(bell, work),
            Outgoing::Quiet | Outgoing::Shut => self.obey(work),
        }
    }

    fn collect(&mut self, bell: &dyn Bell, work: &mut Workspace) -> Result<Progress, Ending> {
        self.session.poll_transmit(work.now, bell, &mut work.out);
        if work.out.is_empty() {
            self.outgoing = Outgoing::Quiet;
            return Ok(Progress::GoesOn);
        }
        if let Some(bytes) = self.session.poll_send_buffer() {
            SockRef::from(&self.socket).set_send_buffer_size(bytes)?;
        }
        Ok(self.send(work))
    }

    /// Everything has left: what next is the session's decision.
    fn obey(&mut self, work: &mut Workspace) -> Result<Progress, Ending> {
        match self.session.flow() {
            Flow::Open => Ok(self.read(work)),
            Flow::Paused => Ok(Progress::Waits),
            Flow::Errand => Ok(Progress::HasErrand),
            Flow::HalfClosed => {
                if !matches!(self.outgoing, Outgoing::Shut) {
                    // It waits for nothing, and the ring would hand it to a thread of the kernel all the same.
                    self.socket.shutdown(Shutdown::Write)?;
                    self.outgoing = Outgoing::Shut;
                }
                match self.incoming {
                    Incoming::Ended => Err(Ending::Flow),
                    _ => Ok(self.read(work)),
                }
            }
            Flow::Closed => Err(Ending::Flow),
            Flow::Reset => {
                listen::reset_on_drop(SockRef::from(&self.socket))?;
                Err(Ending::Flow)
            }
        }
    }

    /// Feeds what has arrived, in its order; if there is nothing, sees to it that something may.
    fn read(&mut self, work: &mut Workspace) -> Progress {
        if let Some(mut piece) = self.take_held() {
            self.session.receive(work.now, &mut piece, &mut work.out);
            return self.send(work);
        }
        if let Some(mut bytes) = work.arrived.take() {
            self.session.receive(work.now, &mut bytes, &mut work.out);
            return self.send(work);
        }
        match self.incoming {
            Incoming::Received | Incoming::Cancelled | Incoming::Ended => Progress::Waits,
            Incoming::Left => {
                work.ring.receive(self.whose, self.socket.as_fd());
                self.incoming = Incoming::Received;
                Progress::Waits
            }
            Incoming::Ending => {
                self.incoming = Incoming::Ended;
                self.session.receive_eof(work.now);
                self.ask();
                Progress::GoesOn
            }
        }
    }

    /// Sends what the session has appended.
    fn send(&mut self, work: &mut Workspace) -> Progress {
        if let Outgoing::Shut = self.outgoing {
            work.out.clear();
            return Progress::GoesOn;
        }
        if work.out.is_empty() {
            self.outgoing = Outgoing::Asking;
            return Progress::GoesOn;
        }
        let stalls_at = work.now + work.settings.send_timeout;
        let unsent = Unsent { bytes: work.take_out(), sent: 0, stalls_at };
        self.submit(unsent, work);
        Progress::Waits
    }

    fn submit(&mut self, unsent: Unsent, work: &mut Workspace) {
        let place = work.ring.send(self.whose, self.socket.as_fd(), unsent);
        self.outgoing = Outgoing::Unsent { place };
    }

    /// Who waits for room has to be told of it, and who waits for nothing that would fail, when the connection is lost.
    fn watch(&mut self, work: &mut Workspace) {
        let would_hear = match self.outgoing {
            Outgoing::Full(_) => false,
            Outgoing::Unsent { .. } => true,
            _ => self.incoming == Incoming::Received,
        };
        if !would_hear && !self.is_watched {
            work.ring.watch_socket(self.whose, self.socket.as_fd());
            self.is_watched = true;
        }
    }

    fn stalls_at(&self, work: &Workspace) -> Option<Instant> {
        match self.outgoing {
            Outgoing::Unsent { place } => Some(work.ring.stalls_at(place)),
            Outgoing::Full(ref unsent) => Some(unsent.stalls_at),
            _ => None,
        }
    }

    /// The next piece of what was kept for the session.
    fn take_held(&mut self) -> Option<Vec<u8>> {
        let piece = self.held.as_mut()?.pop();
        self.held.take_if(|held| held.is_empty());
        piece
    }

    /// Keeps what the session did not want now, so that nobody lacks the buffer; and before it is too much, lets the
    /// rest stay in the system.
    fn hold(&mut self, work: &mut Workspace) {
        let Some(bytes) = work.arrived.take() else { return };
        let held = self.held.get_or_insert_default();
        held.push(&bytes);
        if held.is_full() && self.incoming == Incoming::Received {
            work.ring.cancel_receive(self.whose);
            self.incoming = Incoming::Cancelled;
        }
    }
}

/// Feeds and questions to the session before the next peer has its turn.
const STEPS_PER_TURN: usize = 16;
