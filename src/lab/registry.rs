//! Who is connected: one card a connection, which its session keeps up to date and the pages read.

use core::net::SocketAddr;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Instant;

/// What is known of one connection. Only its session writes, so a plain load and store is enough to count.
#[derive(Debug)]
pub struct Card {
    /// Counted from 1 in the order of accepting: the number in `X-Conn`.
    pub number: u64,
    pub peer: SocketAddr,
    pub opened: Instant,
    pub bytes_in: AtomicU64,
    pub bytes_out: AtomicU64,
    pub requests: AtomicU64,
    activity: AtomicU8,
}

/// What a connection is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Activity {
    Idle,
    Receiving,
    Answering,
    Draining,
}

impl Card {
    /// Adds to one of the card's counters.
    pub fn add(counter: &AtomicU64, amount: u64) {
        counter.store(counter.load(Relaxed) + amount, Relaxed);
    }

    /// The numbers of this connection and of its latest request, as answers carry them.
    pub fn signature(&self, golden: bool) -> (u64, u64) {
        (if golden { 1 } else { self.number }, self.requests.load(Relaxed))
    }

    /// What the log says when the connection is over, before the reason.
    pub fn farewell(&self, now: Instant) -> String {
        format!(
            "conn {} closed after {:.3} s, {} requests, {} bytes in, {} bytes out",
            self.number,
            now.saturating_duration_since(self.opened).as_secs_f64(),
            self.requests.load(Relaxed),
            self.bytes_in.load(Relaxed),
            self.bytes_out.load(Relaxed),
        )
    }

    pub fn activity(&self) -> Activity {
        const ALL: [Activity; 4] =
            [Activity::Idle, Activity::Receiving, Activity::Answering, Activity::Draining];
        ALL[usize::from(self.activity.load(Relaxed))]
    }

    pub fn show(&self, activity: Activity) {
        self.activity.store(activity as u8, Relaxed);
    }
}

/// The cards of all open connections, in order of accepting.
#[derive(Debug, Default)]
pub struct Registry {
    cards: Mutex<Cards>,
}

#[derive(Debug, Default)]
struct Cards {
    open: BTreeMap<u64, Arc<Card>>,
    accepted: u64,
    most_open: usize,
}

impl Registry {
    /// Writes the card of a new connection; answers how many are open with it.
    pub fn enter(&self, now: Instant, peer: SocketAddr) -> (Arc<Card>, usize) {
        let mut cards = self.cards();
        cards.accepted += 1;
        let card = Arc::new(Card {
            number: cards.accepted,
            peer,
            opened: now,
            bytes_in: AtomicU64::new(0),
            bytes_out: AtomicU64::new(0),
            requests: AtomicU64::new(0),
            activity: AtomicU8::new(Activity::Idle as u8),
        });
        cards.open.insert(card.number, Arc::clone(&card));
        let open = cards.open.len();
        cards.most_open = cards.most_open.max(open);
        (card, open)
    }

    pub fn leave(&self, number: u64) {
        self.cards().open.remove(&number);
    }

    /// The cards of the connections that are open now.
    pub fn open(&self) -> Vec<Arc<Card>> {
        self.cards().open.values().cloned().collect()
    }

    /// Connections accepted since the start, and the most that were open at a time.
    pub fn totals(&self) -> (u64, usize) {
        let cards = self.cards();
        (cards.accepted, cards.most_open)
    }

    fn cards(&self) -> MutexGuard<'_, Cards> {
        self.cards.lock().expect("no one panics while holding the cards")
    }
}
