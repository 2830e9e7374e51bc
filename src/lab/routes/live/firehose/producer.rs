//! A producer that does not ask how fast its reader is, and the four things to do about it.
//!
//! It makes events by the clock. While the reader waits, they are sent as they are made. While the reader is busy with
//! those before, they wait in a queue, and when that is full a [`Policy`] decides. An event can be written down from
//! its number, so all that is kept of a queue is where it begins and ends; and what is made while nobody looks is
//! reckoned when somebody does.

use std::fmt;
use std::time::{Duration, Instant};

/// What becomes of an event that finds the queue full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    /// It waits, and the producer with it.
    Block,
    /// The oldest one makes room for it.
    DropOldest,
    /// It replaces all that wait, and so does every other: only the latest is worth reading.
    Coalesce,
    /// The reader is given up.
    Close,
}

/// What a producer is to do.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    pub policy: Policy,
    /// Events a second.
    pub rate: u64,
    /// The number of the last event, if there is one.
    pub count: Option<u64>,
    /// How many events may wait.
    pub queue: u64,
    /// How many events are sent in one step to a reader that waits for them.
    pub burst: u64,
}

/// A producer at work.
#[derive(Clone, Debug)]
pub struct Producer {
    plan: Plan,
    /// When the event `since_number` was made. The others follow by the rate.
    since: Instant,
    since_number: u64,
    /// The number of the latest event.
    produced: u64,
    /// Those that wait are the latest ones.
    waiting: u64,
    sent: u64,
    /// The number of the event that was sent last.
    last_id: u64,
    dropped: u64,
    coalesced: u64,
    /// Whether the reader has taken everything and there was nothing more for it.
    reader_waits: bool,
    is_overrun: bool,
}

/// How far a producer has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Figures {
    pub produced: u64,
    pub sent: u64,
    pub dropped: u64,
    pub coalesced: u64,
    pub waiting: u64,
    /// The number of the event that was sent last.
    pub last_id: u64,
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Figures { produced, sent, dropped, coalesced, waiting, .. } = self;
        write!(
            f,
            "produced {produced}, sent {sent}, dropped {dropped}, coalesced {coalesced}, waiting {waiting}"
        )
    }
}

impl Producer {
    /// A producer whose first event is made at `now`.
    pub fn new(plan: Plan, now: Instant) -> Producer {
        Producer {
            plan,
            since: now,
            since_number: 1,
            produced: 0,
            waiting: 0,
            sent: 0,
            last_id: 0,
            dropped: 0,
            coalesced: 0,
            reader_waits: true,
            is_overrun: false,
        }
    }

    /// Everything sent before has left: sends what has been made for a reader that waited for it, else the next event
    /// of the queue. So what waits, waits here, where the policy sees it, and not on its way.
    pub fn step(&mut self, now: Instant, mut send: impl FnMut(&Figures)) {
        self.produce(now);
        if self.is_overrun {
            self.dropped += self.keep(0);
        }
        let due = if self.reader_waits { self.waiting } else { self.waiting.min(1) };
        for _ in 0..due {
            self.last_id = self.produced - self.waiting + 1;
            self.waiting -= 1;
            self.sent += 1;
            send(&self.figures());
        }
        self.reader_waits = due == 0;
    }

    /// How many events wait at `now` for a reader that is still busy.
    pub fn waiting(&self, now: Instant) -> u64 {
        if self.reader_waits {
            return 0;
        }
        let mut later = self.clone();
        later.produce(now);
        later.waiting
    }

    /// When the next event is made, if one is.
    pub fn next_due(&self) -> Option<Instant> {
        if self.plan.count == Some(self.produced) {
            return None;
        }
        let behind = u128::from(self.produced + 1 - self.since_number);
        let nanos = (behind * NANOS_PER_SECOND).div_ceil(u128::from(self.plan.rate));
        Some(self.since + Duration::from_nanos(nanos as u64))
    }

    /// Whether the queue was full when an event came, and the reader is to be given up.
    pub fn is_overrun(&self) -> bool {
        self.is_overrun
    }

    /// Whether the last event was made, and none waits.
    pub fn is_done(&self) -> bool {
        self.plan.count == Some(self.produced) && self.waiting == 0
    }

    pub fn figures(&self) -> Figures {
        let &Producer { produced, sent, dropped, coalesced, waiting, last_id, .. } = self;
        Figures { produced, sent, dropped, coalesced, waiting, last_id }
    }

    fn produce(&mut self, now: Instant) {
        // Who asks how many wait may have looked at the clock before the latest step.
        let new = self.due_by(now).saturating_sub(self.produced);
        let room = self.plan.queue - self.waiting.min(self.plan.queue);
        match self.plan.policy {
            // Whoever waits loses nothing. If it is our own turn that comes late, the producer was late as well.
            _ if self.reader_waits => self.make_up_to(self.plan.burst, new, now),
            Policy::Block => self.make_up_to(room, new, now),
            Policy::DropOldest => {
                self.make(new);
                self.dropped += self.keep(self.plan.queue);
            }
            Policy::Coalesce => {
                self.make(new);
                self.coalesced += self.keep(1);
            }
            Policy::Close if new > room => {
                self.make(room + 1);
                self.is_overrun = true;
            }
            Policy::Close => self.make(new),
        }
    }

    /// The number of the last event that was made by `now`, if nothing has kept the producer from it.
    fn due_by(&self, now: Instant) -> u64 {
        let elapsed = now.saturating_duration_since(self.since).as_nanos();
        let behind = elapsed * u128::from(self.plan.rate) / NANOS_PER_SECOND;
        (self.since_number + behind as u64).min(self.plan.count.unwrap_or(u64::MAX))
    }

    fn make(&mut self, events: u64) {
        self.produced += events;
        self.waiting += events;
    }

    /// Makes `most` of the events that are due. A producer that had to wait with the others does not make up for it:
    /// its clock begins again.
    fn make_up_to(&mut self, most: u64, due: u64, now: Instant) {
        self.make(due.min(most));
        if due > most {
            (self.since, self.since_number) = (now, self.produced);
        }
    }

    /// Keeps the latest of those that wait; tells how many were given up.
    fn keep(&mut self, most: u64) -> u64 {
        let excess = self.waiting.saturating_sub(most);
        self.waiting -= excess;
        excess
    }
}

const NANOS_PER_SECOND: u128 = 1_000_000_000;

#[cfg(test)]
mod tests;
