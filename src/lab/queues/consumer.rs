//! Somebody who takes messages out of a queue.

use std::sync::Arc;
use std::task::Waker;
use std::time::Instant;

use super::Queues;
use super::queue::{Delivery, Hold};

/// A consumer of one queue. When it is dropped, what was pushed to its connection and not acked is given back; what it
/// has leased stays leased, as the connection may have ended because it has what it wanted.
#[derive(Debug)]
pub struct Consumer {
    queues: Arc<Queues>,
    queue: Arc<str>,
    name: Option<Arc<str>>,
    /// Its place among those who wait.
    ticket: u64,
}

impl Consumer {
    pub(super) fn new(queues: Arc<Queues>, queue: Arc<str>, name: Option<Arc<str>>, ticket: u64) -> Consumer {
        Consumer { queues, queue, name, ticket }
    }

    /// Takes the oldest message that is ready, if there is one and its window is not full.
    pub fn take(&mut self, now: Instant, hold: Hold) -> Option<Delivery> {
        self.queues.open().take(now, &self.queue, self.ticket, self.name.as_ref(), hold)
    }

    /// Waits for a message that it can take; it is woken at once if there is one meanwhile. It may be woken in vain.
    ///
    /// Only somebody who can come when it is called should wait. A session with bytes that have not left cannot.
    pub fn wait(&mut self, hold: Hold, waker: Waker) {
        self.queues.open().wait(&self.queue, self.ticket, hold, waker);
    }

    /// When it has to look again without being woken: a lease ends then, and nobody else watches the time.
    pub fn look_again(&self) -> Option<Instant> {
        self.queues.open().queues.get(&self.queue)?.line.look_again(self.ticket)
    }
}

impl Drop for Consumer {
    fn drop(&mut self) {
        self.queues.open().leave(&self.queue, self.ticket);
    }
}
