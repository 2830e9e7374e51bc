//! The consumers that wait at one queue, and who of them is called.
//!
//! A message wakes one of them, the one that has waited longest. Who was called may come too late, because somebody
//! passing by took the message, and goes back to its place; or it may have left, and then the next one is called. So
//! of those who were called and have not come there are always as many as there are messages to be had, if so many
//! wait: no wake is lost, and no crowd is woken for one message.
//!
//! That a lease has ended nobody tells. One of those who wait keeps the time for all of them.

use std::collections::{BTreeMap, BTreeSet};
use std::task::Waker;
use std::time::Instant;

/// Everybody has a ticket; tickets count upward in the order of coming.
#[derive(Debug, Default)]
pub(super) struct Line {
    waiting: BTreeMap<u64, Waker>,
    /// Those that were called and have not come yet.
    called: BTreeSet<u64>,
    /// Who looks again when the next lease ends, and when it takes that to be.
    watch: Option<(u64, Instant)>,
}

impl Line {
    /// Takes a place, the same one as before; if nobody keeps the time, this one does.
    pub fn wait(&mut self, ticket: u64, waker: Waker, next_end: Option<Instant>) {
        self.called.remove(&ticket);
        self.waiting.insert(ticket, waker);
        if self.watch.is_none_or(|(watcher, _)| watcher == ticket) {
            self.watch = next_end.map(|end| (ticket, end));
        }
    }

    /// Somebody looks for itself, called or not.
    pub fn come(&mut self, ticket: u64) {
        self.called.remove(&ticket);
    }

    /// Somebody has what it waited for, or has given up.
    pub fn leave(&mut self, ticket: u64) {
        self.called.remove(&ticket);
        self.waiting.remove(&ticket);
        self.watch.take_if(|(watcher, _)| *watcher == ticket);
    }

    /// Calls as many as there are messages.
    pub fn call(&mut self, messages: usize, calls: &mut Vec<Waker>) {
        while self.called.len() < messages
            && let Some((ticket, waker)) = self.waiting.pop_first()
        {
            self.called.insert(ticket);
            calls.push(waker);
        }
    }

    /// Sees to it that somebody looks when the next lease ends. Looking too early costs a look, so whoever is to look
    /// before that is left alone.
    pub fn watch(&mut self, next_end: Option<Instant>, calls: &mut Vec<Waker>) {
        let Some(end) = next_end else { return };
        if self.watch.is_some_and(|(_, at)| at <= end) {
            return;
        }
        // Who came last stays longest, as a rule.
        let watcher = self.watch.and_then(|(watcher, _)| self.waiting.get_key_value(&watcher));
        if let Some((ticket, waker)) = watcher.or_else(|| self.waiting.last_key_value()) {
            calls.push(waker.clone());
            self.watch = Some((*ticket, end));
        }
    }

    /// When somebody has to look again for the sake of all, if it is the one.
    pub fn look_again(&self, ticket: u64) -> Option<Instant> {
        self.watch.filter(|(watcher, _)| *watcher == ticket).map(|(_, at)| at)
    }
}
