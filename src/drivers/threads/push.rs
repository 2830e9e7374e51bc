//! Acting for a connection's thread while it waits in `read`: as its second thread, or because the server stops.
//!
//! A blocked thread can be told nothing. So when something happens to its session, somebody else does what it would
//! do: asks the session, writes, obeys. Bytes that arrive meanwhile wait until what was asked for has left. Whoever
//! is not needed, because the thread is back or another acts already, leaves it at that: who acts looks at the session
//! again before it waits.

use std::net::Shutdown;
use std::time::{Duration, Instant};

use super::House;
use super::bell::{Call, Pull};
use super::peer::{Peer, Thread};
use crate::drivers::{Ending, guarded};
use crate::session::{Flow, Session, Tally, Way};

/// What a connection's second thread does: waits for wakes, and for the deadlines that they have led to, which the
/// thread in `read` knows nothing of.
pub(super) fn wait_and_push<S: Session>(peer: &Peer<S>, pull: &Pull, house: House<'_>) {
    let tally = house.tally;
    let _thread = [&tally.threads, &tally.second_threads].map(Tally::present);
    let mut deadline = None;
    loop {
        match pull.wait(deadline) {
            Call::Wake => Tally::count(&tally.woken),
            Call::Deadline => {}
            Call::End => return,
        }
        deadline = peer.push(house, |bytes| peer.write(bytes, tally));
    }
}

impl<S: Session> Peer<S> {
    /// Tells the session that the server stops, and sees to the rest if its thread waits in `read`.
    pub(super) fn shut_down(&self, now: Instant, house: House<'_>) {
        let told = guarded(|| {
            let mut seat = self.seat();
            if seat.thread != Thread::HasEnded && seat.failure.is_none() {
                seat.session.handle_shutdown(now);
            }
            Ok(seat.bell.heard().cloned())
        });
        match told {
            Ok(Some(pull)) => pull.ring(),
            Ok(None) => drop(self.push(house, |bytes| self.write_goodbye(bytes, house.tally))),
            Err(ending) => self.fail(ending),
        }
    }

    /// Keeps the time for a thread that waits in `read`, with an alarm that was set before the server stopped, and has
    /// no second one; tells when to look again.
    ///
    /// If the session asked for its first waker only when the server stopped, there is nobody to hear it, and this
    /// looks from time to time.
    pub(super) fn attend(&self, now: Instant, house: House<'_>) -> Option<Instant> {
        let seat = self.seat();
        if !seat.wants_push() || seat.bell.heard().is_some() {
            return None;
        }
        let deadline = seat.session.poll_timeout();
        let is_unheard = seat.bell.unheard().is_some();
        drop(seat);
        let deadline = match is_unheard || deadline.is_some_and(|at| at <= now) {
            true => self.push(house, |bytes| self.write_goodbye(bytes, house.tally)),
            false => deadline,
        };
        deadline.into_iter().chain(is_unheard.then_some(now + LOOK)).min()
    }

    /// Does what is to do for a thread that waits in `read`; tells when its session's time has come.
    pub(super) fn push(
        &self,
        house: House<'_>,
        write: impl Fn(&[u8]) -> Result<(), Ending>,
    ) -> Option<Instant> {
        guarded(|| self.try_push(house, write)).unwrap_or_else(|ending| {
            self.fail(ending);
            None
        })
    }

    fn try_push(
        &self,
        house: House<'_>,
        write: impl Fn(&[u8]) -> Result<(), Ending>,
    ) -> Result<Option<Instant>, Ending> {
        let mut out = Vec::new();
        let mut seat = self.seat();
        while seat.wants_push() {
            let now = Instant::now();
            seat.expire(now);
            seat.poll_transmit(now, &self.stream, &mut out)?;
            let errand = match seat.session.flow() {
                Flow::Errand if out.is_empty() => seat.session.poll_errand(),
                _ => None,
            };
            if errand.as_ref().is_some_and(|errand| matches!(errand.way(), Way::Aside | Way::Thread)) {
                // What goes on meanwhile is said before this thread sees to it, which is not the connection's own.
                seat.poll_transmit(now, &self.stream, &mut out)?;
            }
            if out.is_empty() && errand.is_none() {
                seat.obey(&self.stream)?;
                return Ok(seat.session.poll_timeout());
            }
            seat.is_pushed = true;
            drop(seat);
            let written = guarded(|| write(&out));
            out.clear();
            let done = errand.map(|errand| house.run(errand));
            seat = self.seat();
            seat.is_pushed = false;
            written?;
            if let Some(done) = done {
                seat.session.handle_errand(Instant::now(), done);
            }
        }
        // The thread may wait for us, or sleep until it is told something.
        self.told.notify_all();
        Ok(None)
    }

    /// Ends the connection, whatever its thread waits for.
    pub(super) fn fail(&self, ending: Ending) {
        self.seat().failure.get_or_insert(ending);
        let _ = self.stream.shutdown(Shutdown::Read);
        self.told.notify_all();
    }

    /// Waits only a short time, as others are waiting too. It will do: a thread that waits in `read` has sent all it
    /// had, so there is room for a goodbye, unless the peer has stopped reading.
    fn write_goodbye(&self, bytes: &[u8], tally: &Tally) -> Result<(), Ending> {
        let timeout = self.stream.write_timeout()?;
        self.stream.set_write_timeout(Some(GOODBYE_TIMEOUT))?;
        self.write(bytes, tally)?;
        Ok(self.stream.set_write_timeout(timeout)?)
    }
}

/// How long a thread that stops the server waits for one peer to take a goodbye.
const GOODBYE_TIMEOUT: Duration = Duration::from_millis(10);

/// How often it looks after sessions that nobody hears.
const LOOK: Duration = Duration::from_millis(50);
