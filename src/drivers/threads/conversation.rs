//! One connection of the threaded driver, as its thread lives it: send, wait, feed, and again.

use std::convert::Infallible;
use std::io::{self, ErrorKind};
use std::sync::MutexGuard;
use std::thread::{self, Scope};
use std::time::{Duration, Instant};

use log::trace;
use socket2::SockRef;

use super::alarm::Alarm;
use super::arrivals::Arrivals;
use super::peer::{Peer, Seat, Thread, is_timeout};
use super::push::wait_and_push;
use super::{House, STACK_BYTES};
use crate::drivers::{Ending, guarded, listen};
use crate::session::{Flow, Session, Tally, Way};

/// Serves a connection to its end, with one thread or two, and says goodbye to its session.
pub(super) fn converse<S: Session>(peer: &Peer<S>, house: House<'_>) {
    let _thread = Tally::present(&house.tally.threads);
    thread::scope(|scope| {
        let mut conversation = Conversation::new(peer, house, scope);
        let Err(ending) = guarded(|| conversation.run());
        peer.end(&ending, house);
    });
}

/// What only the connection's thread knows.
pub(super) struct Conversation<'scope, 'env, S> {
    pub(super) peer: &'env Peer<S>,
    pub(super) house: House<'env>,
    /// Where other threads begin that act for the connection, and end when this one does.
    pub(super) scope: &'scope Scope<'scope, 'env>,
    arrivals: Arrivals,
    out: Vec<u8>,
    alarm: Alarm,
    /// The end of the stream was read.
    ended: bool,
}

/// The session, to whoever has taken the seat, and when that was.
struct Turn<'a, S> {
    seat: MutexGuard<'a, Seat<S>>,
    now: Instant,
}

impl<'scope, 'env, S: Session> Conversation<'scope, 'env, S> {
    fn new(peer: &'env Peer<S>, house: House<'env>, scope: &'scope Scope<'scope, 'env>) -> Self {
        Conversation {
            peer,
            house,
            scope,
            arrivals: Arrivals::default(),
            out: Vec::new(),
            alarm: Alarm::default(),
            ended: false,
        }
    }

    /// Serves the connection to its end, and tells how it ended.
    fn run(&mut self) -> Result<Infallible, Ending> {
        let mut turn = self.take_turn()?;
        loop {
            turn = self.transmit(turn)?;
            turn = self.obey(turn)?;
        }
    }

    fn take_turn(&self) -> Result<Turn<'env, S>, Ending> {
        let seat = self.peer.take_seat()?;
        Ok(Turn { seat, now: Instant::now() })
    }

    /// Sends until the session has nothing left, and returns before anything can change that.
    fn transmit(&mut self, mut turn: Turn<'env, S>) -> Result<Turn<'env, S>, Ending> {
        loop {
            turn.seat.expire(turn.now);
            turn.seat.poll_transmit(turn.now, &self.peer.stream, &mut self.out)?;
            if self.out.is_empty() {
                return Ok(turn);
            }
            turn = self.write(turn)?;
        }
    }

    /// Everything has left: what next is the session's decision.
    fn obey(&mut self, mut turn: Turn<'env, S>) -> Result<Turn<'env, S>, Ending> {
        if turn.seat.thread == Thread::IsCut {
            return Err(Ending::Stopped);
        }
        match turn.seat.session.flow() {
            Flow::Open if self.ended => self.sleep(turn),
            Flow::Open => self.read(turn),
            Flow::Paused => self.sleep(turn),
            Flow::Errand => self.run_errand(turn),
            Flow::HalfClosed => {
                turn.seat.shut_write(&self.peer.stream)?;
                if self.ended {
                    return Err(Ending::Flow);
                }
                self.read(turn)
            }
            Flow::Closed => Err(Ending::Flow),
            Flow::Reset => {
                listen::reset_on_drop(SockRef::from(&self.peer.stream))?;
                Err(Ending::Flow)
            }
        }
    }

    /// Waits for the disk, unless somebody else is to; the seat is free meanwhile.
    fn run_errand(&mut self, mut turn: Turn<'env, S>) -> Result<Turn<'env, S>, Ending> {
        let Some(errand) = turn.seat.session.poll_errand() else {
            return self.sleep(turn); // the session's mistake, which must not spin
        };
        match errand.way() {
            Way::Usual | Way::InPlace => {
                drop(turn);
                let done = self.house.run(errand);
                turn = self.take_turn()?;
                turn.seat.session.handle_errand(turn.now, done);
            }
            Way::Aside | Way::Thread => self.send_aside(&mut turn.seat, errand),
        }
        Ok(turn)
    }

    /// Waits for time to pass, for a wake, or for the server to stop: nothing is to be read.
    fn sleep(&mut self, mut turn: Turn<'env, S>) -> Result<Turn<'env, S>, Ending> {
        self.hire(&mut turn.seat)?;
        let deadline = turn.seat.session.poll_timeout();
        let left = deadline.map_or(LOOK, |at| at.saturating_duration_since(turn.now).clamp(TICK, LOOK));
        drop(self.peer.told.wait_timeout(turn.seat, left));
        // No call tells a sleeper that its peer has gone.
        match self.peer.stream.take_error()? {
            Some(error) => Err(Ending::Failed(error)),
            None => self.take_turn(),
        }
    }

    fn read(&mut self, mut turn: Turn<'env, S>) -> Result<Turn<'env, S>, Ending> {
        if self.arrivals.wait() {
            return self.feed(turn);
        }
        self.hire(&mut turn.seat)?;
        self.alarm.set(&self.peer.stream, turn.now, turn.seat.session.poll_timeout())?;
        if self.out.capacity() > IDLE_BYTES {
            self.out = Vec::new();
        }
        // From here until the thread is back, who changes the session also sends for it.
        turn.seat.thread = Thread::Reads;
        drop(turn);
        Tally::count(&self.house.tally.calls.read);
        let arrived = self.arrivals.read(&self.peer.stream);
        Tally::count(&self.house.tally.wakes);
        Tally::count(&self.house.tally.sockets);
        let mut turn = self.take_turn()?;
        match arrived {
            // Changed while we waited: what has arrived waits now.
            Ok(_) if !matches!(turn.seat.session.flow(), Flow::Open | Flow::HalfClosed) => Ok(turn),
            Ok(0) => {
                Tally::count(&self.house.tally.reads);
                trace!("{}: read the end of the stream", self.peer.address);
                self.ended = true;
                turn.seat.session.receive_eof(turn.now);
                Ok(turn)
            }
            Ok(count) => {
                Tally::count(&self.house.tally.reads);
                trace!("{}: read {count} bytes", self.peer.address);
                self.feed(turn)
            }
            Err(error) if is_timeout(&error) => {
                self.alarm.has_rung = true;
                Ok(turn)
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => Ok(turn),
            Err(error) => Err(Ending::Failed(error)),
        }
    }

    fn feed(&mut self, mut turn: Turn<'env, S>) -> Result<Turn<'env, S>, Ending> {
        turn.seat.receive(turn.now, self.arrivals.take(), &mut self.out);
        self.write(turn)
    }

    /// Writes what the session appended, and waits for the peer to take it. Where it appended nothing, the turn goes on.
    fn write(&mut self, turn: Turn<'env, S>) -> Result<Turn<'env, S>, Ending> {
        if self.out.is_empty() {
            return Ok(turn);
        }
        drop(turn);
        self.peer.write(&self.out, self.house.tally)?;
        self.out.clear();
        self.take_turn()
    }

    /// Gets the connection its second thread, as soon as its session has asked for a waker.
    fn hire(&self, seat: &mut Seat<S>) -> Result<(), Ending> {
        let Some(pull) = seat.bell.unheard().cloned() else {
            return Ok(());
        };
        let (peer, house) = (self.peer, self.house);
        let builder = thread::Builder::new().stack_size(STACK_BYTES);
        let hired = builder.spawn_scoped(self.scope, move || wait_and_push(peer, &pull, house));
        seat.bell.is_heard = hired.is_ok();
        match hired {
            Ok(_) => Ok(()),
            // A connection that nobody could wake would be silent for ever: better it ends, and tells why.
            Err(error) => Err(io::Error::new(error.kind(), format!("no second thread: {error}")).into()),
        }
    }
}

/// How often a thread that does not read looks whether its peer was lost.
const LOOK: Duration = Duration::from_secs(1);

/// The shortest wait.
const TICK: Duration = Duration::from_millis(1);

/// The most that a waiting connection keeps of its transmit buffer.
const IDLE_BYTES: usize = 8 * 1024;
