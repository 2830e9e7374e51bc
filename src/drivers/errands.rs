//! The errands of a driver with one thread: who waits for one, and what is brought back.
//!
//! A result finds its session by the connection's key and a number, because the key is given to others again, and the
//! number is not. When a connection has gone, the result is nobody's, unless the session [goes on](Errands::depart) to
//! do what it has promised.

use std::collections::HashMap;
use std::time::Instant;

use super::guarded;
use super::pool::{Finished, Ticket};
use crate::session::{Errand, Session};

/// All errands under way; while there are none, this costs nothing.
pub(super) struct Errands<S> {
    /// By the key of the connection.
    under_way: HashMap<usize, u64>,
    /// Sessions whose connections are over and that are not done, by the number of their errand.
    departed: HashMap<u64, S>,
    next: u64,
}

/// Who sees to errands for a loop.
pub(super) trait Hands {
    /// Takes an errand, which is finished some time, with the same ticket.
    fn take(&mut self, ticket: Ticket, errand: Errand);
}

impl<S: Session> Errands<S> {
    pub(super) fn new() -> Errands<S> {
        Errands { under_way: HashMap::new(), departed: HashMap::new(), next: 0 }
    }

    /// Hands on the errand of the connection with a key.
    pub(super) fn submit(&mut self, key: usize, errand: Errand, hands: &mut impl Hands) {
        let number = self.begin(key, errand, hands);
        self.under_way.insert(key, number);
    }

    /// Whether nobody waits for anything.
    pub(super) fn are_none(&self) -> bool {
        self.under_way.is_empty() && self.departed.is_empty()
    }

    /// Whether the connection is still there whose errand it was; from here on it can have another.
    pub(super) fn answer(&mut self, ticket: Ticket) -> bool {
        let is_there = self.under_way.get(&ticket.key) == Some(&ticket.number);
        is_there && self.under_way.remove(&ticket.key).is_some()
    }

    /// The connection with the key is over, and its session was told so. What it will not leave undone goes on.
    pub(super) fn depart(&mut self, key: usize, session: S, hands: &mut impl Hands) {
        match self.under_way.remove(&key) {
            Some(number) => drop(self.departed.insert(number, session)),
            None => self.go_on(key, session, hands),
        }
    }

    /// Brings a result to a session whose connection is over, if it goes on.
    pub(super) fn finish_departed(&mut self, now: Instant, finished: Finished, hands: &mut impl Hands) {
        let Ticket { key, number } = finished.ticket;
        let Some(mut session) = self.departed.remove(&number) else { return };
        let heard = guarded(|| {
            session.handle_errand(now, finished.done);
            Ok(())
        });
        if heard.is_ok() {
            self.go_on(key, session, hands);
        }
    }

    /// Whether sessions go on whose connections are over.
    pub(super) fn has_departed(&self) -> bool {
        !self.departed.is_empty()
    }

    fn go_on(&mut self, key: usize, mut session: S, hands: &mut impl Hands) {
        if let Ok(Some(errand)) = guarded(|| Ok(session.poll_errand())) {
            let number = self.begin(key, errand, hands);
            self.departed.insert(number, session);
        }
    }

    fn begin(&mut self, key: usize, errand: Errand, hands: &mut impl Hands) -> u64 {
        self.next += 1;
        hands.take(Ticket { key, number: self.next }, errand);
        self.next
    }
}
