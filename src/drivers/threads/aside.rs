//! Errands that another thread sees to, because the session has asked for it: its own goes on meanwhile.

use std::mem;
use std::thread;
use std::time::Instant;

use super::conversation::Conversation;
use super::peer::{Peer, Seat};
use super::{House, STACK_BYTES};
use crate::drivers::{guarded, system};
use crate::session::{Errand, Failure, Session, Tally};

/// What another thread does for a connection.
pub(super) enum Aside {
    None,
    /// Waits to be taken by the thread that is just beginning.
    Given(Box<Errand>),
    UnderWay,
}

impl<S> Seat<S> {
    pub(super) fn is_aside(&self) -> bool {
        !matches!(self.aside, Aside::None)
    }
}

impl<S: Session> Conversation<'_, '_, S> {
    /// Gives the errand to a thread of its own.
    pub(super) fn send_aside(&self, seat: &mut Seat<S>, errand: Errand) {
        let (peer, house, asked_by) = (self.peer, self.house, system::thread_number());
        seat.aside = Aside::Given(Box::new(errand));
        let builder = thread::Builder::new().name("errand".into()).stack_size(STACK_BYTES);
        let hired = builder.spawn_scoped(self.scope, move || peer.run_aside(asked_by, house));
        if let Err(error) = hired
            && let Aside::Given(errand) = mem::replace(&mut seat.aside, Aside::None)
        {
            let failure = Failure::Other(format!("no thread for it: {error}").into());
            seat.session.handle_errand(Instant::now(), errand.refused(failure));
        }
    }
}

impl<S: Session> Peer<S> {
    /// What that thread does.
    fn run_aside(&self, asked_by: u64, house: House<'_>) {
        let _thread = Tally::present(&house.tally.threads);
        let Aside::Given(errand) = mem::replace(&mut self.seat().aside, Aside::UnderWay) else { return };
        let done = house.run_for(asked_by, *errand);
        let mut seat = self.seat();
        seat.aside = Aside::None;
        let heard = guarded(|| {
            seat.session.handle_errand(Instant::now(), done);
            Ok(())
        });
        drop(seat);
        self.told.notify_all();
        match heard {
            // Its own thread may wait in `read`, and look at nothing.
            Ok(()) => drop(self.push(house, |bytes| self.write(bytes, house.tally))),
            Err(ending) => self.fail(ending),
        }
    }
}
