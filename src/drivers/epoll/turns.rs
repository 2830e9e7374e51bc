//! Turns: what happens to a peer when something has happened, and who gets one.

use std::mem;
use std::sync::Arc;
use std::time::Instant;

use super::Loop;
use super::peer::{Peer, Progress};
use super::round::Round;
use crate::drivers::disk::Disk;
use crate::drivers::pool::Finished;
use crate::drivers::timers::TICK;
use crate::drivers::{Ending, guarded};
use crate::session::{Done, Errand, Service, Session, Way};

impl<V: Service> Loop<'_, V> {
    /// Gives a peer its turn, after something has happened to it.
    pub(super) fn turn<F>(&mut self, key: usize, happened: F)
    where
        F: FnOnce(&mut Peer<V::Session>, Instant) -> Result<(), Ending>,
    {
        let Some(peer) = self.peers.get_mut(key) else {
            return;
        };
        let (bell, work) = (self.bells.of(key), &mut self.work);
        let (errands, pool) = (&mut self.errands, &mut self.pool);
        let turn = || {
            happened(peer, work.now)?;
            let mut progress = peer.turn(&bell, work)?;
            if progress == Progress::HasErrand {
                progress = Progress::Waits;
                if let Some(errand) = peer.take_errand() {
                    match see_to_at_once(&work.settings.disk, errand) {
                        Ok(done) => peer.finish_errand_at_once(done, work),
                        Err(errand) => errands.submit(key, errand, pool),
                    }
                    // At once, so that what goes on meanwhile is said before the result is there.
                    progress = peer.turn(&bell, work)?;
                }
            }
            Ok((progress, peer.deadline()))
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
            self.turn(key, Peer::expire);
        }
    }

    /// Asks those who were woken so far. Who wakes somebody meanwhile, or itself, has to wait for the next turn of the
    /// loop, as sockets may have something to say as well.
    pub(super) fn answer_bells(&mut self) {
        let mut rung = self.bells.take_rung().into_iter();
        while rung.len() > 0 {
            let mut round = mem::take(&mut self.round);
            self.collect(&mut rung, &mut round);
            self.deliver(&round);
            for key in round.keys() {
                self.turn(key, |_, _| Ok(()));
            }
            self.round = round.emptied();
        }
    }

    /// Asks those who were woken, as many as a round takes.
    fn collect(&mut self, rung: &mut impl Iterator<Item = usize>, round: &mut Round) {
        while !round.is_full()
            && let Some(key) = rung.next()
        {
            if !self.bells.answer(key) {
                continue;
            }
            self.work.counts.woken += 1;
            let (peer, bell, work) = (&mut self.peers[key], self.bells.of(key), &mut self.work);
            peer.ask();
            let collected = guarded(|| peer.collect(&bell, work));
            work.lag.turn_is_over(|| peer.session.label());
            match collected {
                Ok(()) => round.add(key, &work.out),
                Err(ending) => self.end(key, ending),
            }
            self.work.clear_out();
        }
    }

    fn deliver(&mut self, round: &Round) {
        for (key, bytes) in round.parts() {
            let (peer, work) = (&mut self.peers[key], &mut self.work);
            if let Err(ending) = guarded(|| peer.deliver(bytes, work)) {
                self.end(key, ending);
            }
        }
    }

    /// Brings back what became of errands; those of nobody close and remove what they hold.
    pub(super) fn finish_errands(&mut self) {
        if !self.errands.are_none() {
            let finished = self.pool.take_finished();
            self.bring_back(finished);
        }
    }

    pub(super) fn bring_back(&mut self, finished: Vec<Finished>) {
        for finished in finished {
            self.work.counts.errands_done += 1;
            if self.errands.answer(finished.ticket) {
                self.turn(finished.ticket.key, |peer, now| {
                    peer.finish_errand(now, finished.done);
                    Ok(())
                });
            } else {
                self.errands.finish_departed(self.work.now, finished, &mut self.pool);
            }
        }
    }
}

/// Sees to an errand in this thread, if the session wants that or nobody has to wait for it.
///
/// # Errors
/// The errand, if it is for others.
fn see_to_at_once(disk: &Arc<Disk>, errand: Errand) -> Result<Done, Errand> {
    match errand.way() {
        Way::InPlace => Ok(disk.run(errand)),
        Way::Usual => disk.read_at_hand(errand),
        Way::Aside | Way::Thread => Err(errand),
    }
}
