//! Who is connected: one card a connection, which its session keeps up to date and the pages read.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicU8, AtomicU32, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, Weak};
use std::time::Instant;

use super::moment::Moment;

/// What is known of one connection. Only its session writes, so a plain load and store is enough to count.
#[derive(Debug)]
pub struct Card {
    /// Counted from 1 in the order of accepting: the number in `X-Conn`.
    pub number: u64,
    peer: Address,
    pub opened: Moment,
    pub bytes_in: AtomicU64,
    pub bytes_out: AtomicU64,
    pub requests: AtomicU64,
    activity: AtomicU8,
    /// Four bytes are free where the activity stands, and nobody holds more than they count.
    unsent: AtomicU32,
}

/// A [`SocketAddr`], which has room for the longer kind, in a quarter of the space for the usual one.
#[derive(Clone, Copy, Debug)]
enum Address {
    V4(SocketAddrV4),
    /// Where the registry keeps those.
    V6,
}

/// What waits for one connection until its session sends it.
pub trait Backlog: Send + Sync {
    /// How many bytes that are at `now`.
    fn bytes(&self, now: Instant) -> u64;
}

/// What a connection is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Activity {
    Idle,
    Receiving,
    Answering,
    Draining,
    WebSocket,
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
    pub fn farewell(&self, now: Moment) -> String {
        let requests = self.requests.load(Relaxed);
        format!(
            "conn {} closed after {:.3} s, {requests} request{}, {} bytes in, {} bytes out",
            self.number,
            now.since(self.opened).as_secs_f64(),
            if requests == 1 { "" } else { "s" },
            self.bytes_in.load(Relaxed),
            self.bytes_out.load(Relaxed),
        )
    }

    /// So many bytes were handed to the driver since it has had none: they leave as fast as the peer takes them.
    pub fn hand_out(&self, bytes: usize) {
        self.unsent.store(u32::try_from(bytes).unwrap_or(u32::MAX), Relaxed);
    }

    /// How many bytes those are.
    pub fn unsent(&self) -> u32 {
        self.unsent.load(Relaxed)
    }

    pub fn activity(&self) -> Activity {
        const ALL: [Activity; 5] = [
            Activity::Idle,
            Activity::Receiving,
            Activity::Answering,
            Activity::Draining,
            Activity::WebSocket,
        ];
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

#[derive(Default)]
struct Cards {
    /// In the order of their numbers, which only grow: a list is a quarter of the size of a map, and what a removal
    /// moves is little beside what closing a connection costs.
    open: Vec<Arc<Card>>,
    /// Of those connections that have one; the others cost nothing here.
    backlogs: BTreeMap<u64, Weak<dyn Backlog>>,
    /// The same for the addresses of version 6.
    long_addresses: BTreeMap<u64, SocketAddrV6>,
    accepted: u64,
    most_open: usize,
    /// Requests on the connections that are closed.
    past_requests: u64,
}

impl Cards {
    fn place_of(&self, number: u64) -> Option<usize> {
        self.open.binary_search_by_key(&number, |card| card.number).ok()
    }
}

impl fmt::Debug for Cards {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cards").field("open", &self.open).finish_non_exhaustive()
    }
}

/// What all connections since the start add up to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    pub open: usize,
    /// The most connections that were open at a time.
    pub most_open: usize,
    pub accepted: u64,
    pub requests: u64,
}

impl Registry {
    /// Writes the card of a new connection; answers how many are open with it.
    pub fn enter(&self, now: Moment, peer: SocketAddr) -> (Arc<Card>, usize) {
        let mut cards = self.cards();
        cards.accepted += 1;
        let number = cards.accepted;
        let card = Arc::new(Card {
            number,
            peer: match peer {
                SocketAddr::V4(address) => Address::V4(address),
                SocketAddr::V6(address) => {
                    cards.long_addresses.insert(number, address);
                    Address::V6
                }
            },
            opened: now,
            bytes_in: AtomicU64::new(0),
            bytes_out: AtomicU64::new(0),
            requests: AtomicU64::new(0),
            activity: AtomicU8::new(Activity::Idle as u8),
            unsent: AtomicU32::new(0),
        });
        cards.open.push(Arc::clone(&card));
        let open = cards.open.len();
        cards.most_open = cards.most_open.max(open);
        (card, open)
    }

    pub fn leave(&self, number: u64) {
        let mut cards = self.cards();
        if let Some(at) = cards.place_of(number) {
            let card = cards.open.remove(at);
            cards.past_requests += card.requests.load(Relaxed);
        }
        cards.backlogs.remove(&number);
        cards.long_addresses.remove(&number);
    }

    /// The card of a connection that is open.
    pub fn card(&self, number: u64) -> Option<Arc<Card>> {
        let cards = self.cards();
        cards.place_of(number).map(|at| Arc::clone(&cards.open[at]))
    }

    /// The address of the peer of a connection that is open, as answers show it.
    pub fn shown_peer(&self, card: &Card, golden: bool) -> SocketAddr {
        match card.peer {
            _ if golden => GOLDEN_PEER,
            Address::V4(address) => SocketAddr::V4(address),
            Address::V6 => {
                let address = self.cards().long_addresses.get(&card.number).copied();
                address.map_or(UNKNOWN_PEER, SocketAddr::V6)
            }
        }
    }

    /// Counts with a connection, from now on, what waits for it there.
    pub fn count_backlog<B: Backlog + 'static>(&self, number: u64, backlog: &Arc<B>) {
        let backlog = Arc::downgrade(backlog);
        self.cards().backlogs.insert(number, backlog);
    }

    /// How many bytes the server holds for a connection because its reader has not taken them: what waits for its
    /// session, and what the driver has of it, of which some may have left. It is right while the session is asked
    /// nothing, as that of a reader that has stopped is.
    pub fn queued(&self, card: &Card, now: Instant) -> u64 {
        let backlog = self.cards().backlogs.get(&card.number).and_then(Weak::upgrade);
        u64::from(card.unsent()) + backlog.map_or(0, |backlog| backlog.bytes(now))
    }

    /// The cards of the connections that are open now.
    pub fn open(&self) -> Vec<Arc<Card>> {
        self.cards().open.clone()
    }

    pub fn totals(&self) -> Totals {
        let cards = self.cards();
        let requests: u64 = cards.open.iter().map(|card| card.requests.load(Relaxed)).sum();
        Totals {
            open: cards.open.len(),
            most_open: cards.most_open,
            accepted: cards.accepted,
            requests: cards.past_requests + requests,
        }
    }

    fn cards(&self) -> MutexGuard<'_, Cards> {
        self.cards.lock().expect("no one panics while holding the cards")
    }
}

/// That of a connection that has closed meanwhile.
const UNKNOWN_PEER: SocketAddr = SocketAddr::new(IpAddr::V6(Ipv6Addr::UNSPECIFIED), 0);

/// The peer of every connection under `--golden`.
const GOLDEN_PEER: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 50_000);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::moment::Epoch;

    #[test]
    fn a_card_is_small() {
        assert!(size_of::<Card>() <= 56, "{} bytes", size_of::<Card>());
    }

    #[test]
    fn an_address_of_either_version_is_shown_while_its_connection_is_open() {
        let (registry, now) = (Registry::default(), Instant::now());
        for peer in ["192.0.2.1:1", "[2001:db8::1%2]:65535"].map(|peer| peer.parse().expect("an address")) {
            let (card, _) = registry.enter(Epoch::new(now).moment(now), peer);
            assert_eq!(registry.shown_peer(&card, false), peer);
            registry.leave(card.number);
        }
        assert!(registry.cards().long_addresses.is_empty());
    }
}
