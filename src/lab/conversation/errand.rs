//! The errands of an exchange, as its conversation passes them on.

use std::mem;
use std::time::Instant;

use super::Conversation;
use crate::lab::exchange::Demand;
use crate::session::{Done, Errand, Flow};

/// The errand that the driver sees to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum UnderWay {
    Nothing,
    /// That of the exchange.
    Own,
    /// That of an exchange which is over: its result is for nobody, and the next exchange waits with its own.
    Orphan,
}

impl Conversation {
    pub(super) fn flow_of_exchange(&self) -> Flow {
        match self.demand() {
            Demand::Errand if self.errand == UnderWay::Nothing => Flow::Errand,
            Demand::Errand | Demand::Pause => Flow::Paused,
            Demand::Content => Flow::Open,
        }
    }

    pub(super) fn take_errand(&mut self) -> Option<Errand> {
        if self.errand != UnderWay::Nothing || self.demand() != Demand::Errand {
            return None;
        }
        let errand = self.exchange.as_mut()?.poll_errand()?;
        self.errand = UnderWay::Own;
        self.deadline = self.next_deadline(self.missing());
        Some(errand)
    }

    pub(super) fn finish_errand(&mut self, now: Instant, done: Done) {
        if let UnderWay::Own = mem::replace(&mut self.errand, UnderWay::Nothing)
            && let Some(exchange) = &mut self.exchange
        {
            exchange.handle_errand(done);
        }
        self.arrival.latest = self.lab.epoch.moment(now); // the peer may have been kept waiting
        self.deadline = self.next_deadline(self.missing());
    }

    /// Forgets the exchange under way.
    pub(super) fn drop_exchange(&mut self) {
        self.exchange = None;
        if self.errand == UnderWay::Own {
            self.errand = UnderWay::Orphan;
        }
    }

    /// No content comes any more, though it is not complete.
    pub(super) fn cut_exchange(&mut self) {
        if let Some(exchange) = &mut self.exchange {
            exchange.handle_cut();
        }
        self.leave_only_promises();
    }

    /// Nobody hears the exchange any more: only an exchange that has promised something goes on.
    pub(super) fn leave_only_promises(&mut self) {
        if self.exchange.as_ref().is_some_and(|exchange| !exchange.outlives_connection()) {
            self.drop_exchange();
        }
    }

    fn demand(&self) -> Demand {
        self.exchange.as_ref().map_or(Demand::Content, |exchange| exchange.demand())
    }
}

#[cfg(test)]
mod tests;
