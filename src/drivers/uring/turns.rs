//! Turns: what happens to a peer when something has happened, and who gets one.

use std::io;

use super::files::{RingOrPool, Step};
use super::peer::{Peer, Progress};
use super::ring::Transfer;
use super::token::Whose;
use super::workspace::Workspace;
use super::{Connection, Loop};
use crate::drivers::pool::Finished;
use crate::drivers::timers::TICK;
use crate::drivers::{Ending, guarded};
use crate::session::{Service, Session, Way};

impl<V: Service> Loop<'_, V> {
    /// Gives a peer its turn, if it is the one that is meant and not a later one with its key.
    pub(super) fn turn_of<F>(&mut self, whose: Whose, happened: F)
    where
        F: FnOnce(&mut Peer<V::Session>, &mut Workspace) -> Result<(), Ending>,
    {
        if let Some(Connection::Open(peer)) = self.connections.get(whose.key())
            && peer.whose == whose
        {
            self.turn(whose.key(), happened);
        }
    }

    /// Gives a peer its turn, after something has happened to it.
    pub(super) fn turn<F>(&mut self, key: usize, happened: F)
    where
        F: FnOnce(&mut Peer<V::Session>, &mut Workspace) -> Result<(), Ending>,
    {
        let Some(Connection::Open(peer)) = self.connections.get_mut(key) else {
            return;
        };
        let (bell, work) = (self.bells.of(key), &mut self.work);
        let (errands, pool) = (&mut self.errands, &mut self.pool);
        let turn = || {
            happened(peer, work)?;
            let mut progress = peer.turn(&bell, work)?;
            if progress == Progress::HasErrand {
                progress = Progress::Waits;
                if let Some(errand) = peer.take_errand() {
                    match errand.way() {
                        Way::InPlace => peer.finish_errand_in_place(errand, work),
                        Way::Thread => errands.submit(key, errand, pool),
                        Way::Usual | Way::Aside => {
                            let disk = &work.settings.disk;
                            errands.submit(key, errand, &mut RingOrPool { ring: &mut work.ring, pool, disk });
                        }
                    }
                    // At once, so that what goes on meanwhile is said before the result is there.
                    progress = peer.turn(&bell, work)?;
                }
            }
            Ok((progress, peer.deadline(work)))
        };
        let turned = guarded(turn);
        self.work.lag.turn_is_over(|| peer.session.label());
        match turned {
            Ok((progress, deadline)) => {
                if progress != Progress::Waits && !peer.queued {
                    peer.queued = true;
                    self.again.push(key);
                }
                if let Some(at) = deadline {
                    // A deadline that stays in the past, a session's mistake, must not spin the loop.
                    self.timers.arm(key, at.max(self.work.now + TICK));
                }
            }
            Err(ending) => self.end(key, ending),
        }
    }

    pub(super) fn expire(&mut self) {
        while let Some(key) = self.timers.pop(self.work.now) {
            self.turn(key, |peer, work| peer.expire(work));
        }
    }

    /// Asks those who were woken so far. Who wakes somebody meanwhile, or itself, has to wait for the next turn of the
    /// loop, as the kernel may have something to report as well.
    pub(super) fn answer_bells(&mut self) {
        for key in self.bells.take_rung() {
            if self.bells.answer(key) {
                self.work.counts.woken += 1;
                self.turn(key, |peer, _| {
                    peer.ask();
                    Ok(())
                });
            }
        }
    }

    /// Brings back what became of errands; those of nobody close and remove what they hold.
    pub(super) fn finish_errands(&mut self) {
        if !self.errands.are_none() {
            for finished in self.pool.take_finished() {
                self.bring_back(finished);
            }
        }
    }

    pub(super) fn bring_back(&mut self, finished: Finished) {
        self.work.counts.errands_done += 1;
        if self.errands.answer(finished.ticket) {
            self.turn(finished.ticket.key, |peer, work| {
                peer.finish_errand(work.now, finished.done);
                Ok(())
            });
        } else {
            let (work, pool) = (&mut self.work, &mut self.pool);
            let mut hands = RingOrPool { ring: &mut work.ring, pool, disk: &work.settings.disk };
            self.errands.finish_departed(work.now, finished, &mut hands);
        }
    }

    /// An operation on a file has ended; there may be more to do of what it is a part of.
    pub(super) fn transferred(&mut self, transfer: Box<Transfer>, result: io::Result<usize>) {
        match transfer.go_on(result) {
            Step::Again(transfer) => self.work.ring.transfer(transfer),
            Step::Finished(finished) => self.bring_back(finished),
        }
    }
}
