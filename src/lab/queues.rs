//! Queues: a message waits until somebody takes it, and is kept until somebody has said that it is done with.
//!
//! ```text
//!       post           take               ack
//! ────────▶ ready ────────────▶ leased ────────▶ gone
//!             ▲                   │ nack, the lease ends, the connection breaks
//!             └───────────────────┤
//!                                 └─ for the last time ──▶ ready in the dead-letter queue
//! ```
//!
//! So a message is worked on at least once, and more than once if a consumer is lost before it has said so.
//!
//! Nothing runs here by itself: time is an argument, and a lease that has ended is seen by the next who looks. Read on:
//! `queue` (one of them), `line` (who waits, and who is called), `open` (what happens between queues), `ledger` (what is
//! written down of it), `consumer`.

mod consumer;
mod ledger;
mod line;
mod message;
mod open;
mod queue;
mod restore;
mod tag;

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use super::journal::{Ack, Failure, Journal, Receipt, Row};
use super::settings::QueueSettings;
use open::Open;

pub use consumer::Consumer;
pub use message::{LONGEST_LEASE, Lease, Parcel};
pub use open::DEAD_LETTERS;
pub use queue::{Counts, Delivery, Hold, Lapse};
pub use tag::{NoTag, Tag};

/// All queues of one server.
pub struct Queues {
    open: Mutex<Open>,
}

/// Why there is no room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Full {
    /// There are as many queues as there may be.
    Queues,
    /// The queue has as many messages as it may have.
    Messages,
    /// They are as many bytes as they may be.
    Bytes,
    /// All queues together are.
    Memory,
}

/// Why a message was not posted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotPosted {
    Full(Full),
    NotKept(Failure),
}

impl From<Full> for NotPosted {
    fn from(full: Full) -> NotPosted {
        NotPosted::Full(full)
    }
}

/// Why what was said about a delivery changes nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unsettled {
    NoQueue,
    Lapsed(Lapse),
    NotKept(Failure),
}

/// A queue as it is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    pub queue: Arc<str>,
    pub ready: usize,
    pub leased: usize,
    pub consumers: usize,
    pub counts: Counts,
    /// The oldest deliveries that were not acked, and who has them.
    pub held: Vec<(Tag, Option<Arc<str>>)>,
}

/// What all queues add up to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    pub queues: usize,
    pub ready: usize,
    pub leased: usize,
    pub consumers: usize,
}

impl Queues {
    /// No queue; what happens to messages is written into the journal.
    pub fn new(settings: QueueSettings, journal: Arc<dyn Journal>) -> Queues {
        Queues { open: Mutex::new(Open::new(settings, journal)) }
    }

    /// Takes up what the journal has kept, before anything else is done; rows come by name and number. `unix_millis` is
    /// `now` by the wall clock.
    ///
    /// # Errors
    /// A row that cannot be read; one line about it. Nothing was written then.
    pub fn restore(
        &self,
        rows: Vec<Row>,
        after_crash: bool,
        now: Instant,
        unix_millis: u64,
    ) -> Result<(), String> {
        self.open().restore(rows, after_crash, now, unix_millis)
    }

    /// Puts a message behind the others; answers its id, and when it is as sure as it was asked to be. It can be taken
    /// at once: whoever is told later that it was not written down, and posts it again, has posted it twice.
    pub fn post(
        &self,
        now: Instant,
        queue: &str,
        parcel: Parcel,
        ack: Ack,
    ) -> Result<(u64, Receipt), NotPosted> {
        self.open().post(now, queue, parcel, ack)
    }

    /// Somebody who is going to take messages, by the name that it gives itself. It may come before the first message.
    ///
    /// # Errors
    /// When the queue is new and there are as many as there may be.
    pub fn consumer(self: &Arc<Queues>, queue: &Arc<str>, name: Option<Arc<str>>) -> Result<Consumer, Full> {
        let ticket = self.open().enter(queue)?;
        Ok(Consumer::new(Arc::clone(self), Arc::clone(queue), name, ticket))
    }

    /// A message is done with.
    pub fn ack(&self, now: Instant, queue: &str, tag: Tag, ack: Ack) -> Result<Receipt, Unsettled> {
        self.open().ack(now, queue, tag, ack)
    }

    /// A message is not done with, and goes back to its place before all that are younger.
    pub fn nack(&self, now: Instant, queue: &str, tag: Tag) -> Result<(), Unsettled> {
        self.open().nack(now, queue, tag)
    }

    /// Throws away what is in a queue; nothing if there is no such queue. Whoever waits there waits on.
    pub fn delete(&self, queue: &str, ack: Ack) -> Option<Result<Receipt, Failure>> {
        self.open().delete(queue, ack)
    }

    /// How a queue stands, if there is one.
    pub fn account(&self, now: Instant, queue: &str) -> Option<Account> {
        let mut open = self.open();
        open.advance(now, queue);
        open.account(queue)
    }

    /// How all queues stand, by name.
    pub fn accounts(&self, now: Instant) -> Vec<Account> {
        let mut open = self.open();
        let names = open.advance_all(now);
        names.iter().filter_map(|name| open.account(name)).collect()
    }

    pub fn totals(&self, now: Instant) -> Totals {
        let mut open = self.open();
        open.advance_all(now);
        open.queues.values().fold(Totals::default(), |totals, queue| Totals {
            queues: totals.queues + 1,
            ready: totals.ready + queue.ready(),
            leased: totals.leased + queue.leased(),
            consumers: totals.consumers + queue.consumers,
        })
    }

    fn open(&self) -> Opened<'_> {
        Opened(Some(self.open.lock().unwrap_or_else(PoisonError::into_inner)))
    }
}

impl fmt::Debug for Queues {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Queues").finish_non_exhaustive()
    }
}

/// The queues within one call. Those it calls are woken behind it, when they find the lock free.
struct Opened<'q>(Option<MutexGuard<'q, Open>>);

impl Deref for Opened<'_> {
    type Target = Open;

    fn deref(&self) -> &Open {
        self.0.as_ref().expect("open until it is dropped")
    }
}

impl DerefMut for Opened<'_> {
    fn deref_mut(&mut self) -> &mut Open {
        self.0.as_mut().expect("open until it is dropped")
    }
}

impl Drop for Opened<'_> {
    fn drop(&mut self) {
        let calls = std::mem::take(&mut self.calls);
        self.0 = None;
        calls.into_iter().for_each(|waker| waker.wake());
    }
}
