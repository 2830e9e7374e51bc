//! Who watches all other connections, and how it is shown to them.
//!
//! What passes is encoded once, as an event that all of them share. Nobody who watches is watched: two who do would
//! show each other what they are shown.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use bytes::Bytes;

use super::inbox::Inbox;
use super::moment::Epoch;
use super::registry::Registry;
use crate::sse;
use crate::trace::{Audience, heading};

/// Those who watch, each on a connection of its own.
#[derive(Debug)]
pub struct Watchers {
    registry: Arc<Registry>,
    epoch: Epoch,
    /// By the numbers of their connections.
    seats: Mutex<BTreeMap<u64, Arc<Inbox>>>,
    /// How many seats are taken: all that others look at while there are none.
    count: AtomicUsize,
}

/// A seat among those who watch, given back when this is dropped.
#[derive(Debug)]
pub struct Watch {
    watchers: Arc<Watchers>,
    number: u64,
    inbox: Arc<Inbox>,
}

/// As many watch as may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full;

impl Watchers {
    pub fn new(registry: Arc<Registry>, epoch: Epoch) -> Watchers {
        Watchers { registry, epoch, seats: Mutex::default(), count: AtomicUsize::new(0) }
    }

    /// Takes a seat for a connection.
    pub fn watch(self: &Arc<Watchers>, number: u64) -> Result<Watch, Full> {
        let mut seats = self.seats();
        if seats.len() >= MAX_WATCHERS {
            return Err(Full);
        }
        let inbox = Arc::<Inbox>::default();
        seats.insert(number, Arc::clone(&inbox));
        self.count.store(seats.len(), Relaxed);
        drop(seats);
        self.registry.count_backlog(number, &inbox);
        Ok(Watch { watchers: Arc::clone(self), number, inbox })
    }

    fn leave(&self, number: u64) {
        let mut seats = self.seats();
        seats.remove(&number);
        self.count.store(seats.len(), Relaxed);
    }

    fn seats(&self) -> MutexGuard<'_, BTreeMap<u64, Arc<Inbox>>> {
        self.seats.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Audience for Watchers {
    /// Who comes is seen a moment later, and misses a moment: nothing depends on it.
    fn watches(&self, number: u64) -> bool {
        self.count.load(Relaxed) > 0 && !self.seats().contains_key(&number)
    }

    fn show(&self, number: u64, now: Instant, lines: &str) {
        let Some(card) = self.registry.card(number) else { return };
        let elapsed = self.epoch.moment(now).since(card.opened);
        let peer = self.registry.shown_peer(&card, false);
        let event = event(&(heading(number, peer, elapsed) + lines));
        for inbox in self.seats().values() {
            let _ = inbox.push(&event); // whoever has lost some finds out when it looks
        }
    }
}

/// The last line break is the event's own.
fn event(lines: &str) -> Bytes {
    let mut event = Vec::new();
    let data = lines.strip_suffix('\n').unwrap_or(lines);
    sse::Event { data, ..sse::Event::default() }.encode(&mut event);
    event.into()
}

impl Watch {
    /// What has passed.
    pub fn inbox(&self) -> &Inbox {
        &self.inbox
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.watchers.leave(self.number);
    }
}

/// Each is one more for whom everything that passes is put into a queue.
pub const MAX_WATCHERS: usize = 64;

#[cfg(test)]
mod tests {
    use core::net::{Ipv4Addr, SocketAddr};
    use std::time::Duration;

    use super::*;

    /// Watchers, and so many connections.
    fn watchers(connections: u64) -> (Arc<Watchers>, Instant) {
        let (registry, now) = (Arc::<Registry>::default(), Instant::now());
        let epoch = Epoch::new(now);
        (0..connections).for_each(|_| {
            drop(registry.enter(epoch.moment(now), SocketAddr::from((Ipv4Addr::LOCALHOST, 50_000))))
        });
        (Arc::new(Watchers::new(registry, epoch)), now)
    }

    #[test]
    fn all_who_watch_share_an_event() {
        let (watchers, now) = watchers(3);
        let watches = [1, 2].map(|number| watchers.watch(number).expect("a seat"));
        watchers.show(3, now + Duration::from_millis(1500), "C: a\\n\nC <eof>\n");
        let events =
            watches.each_ref().map(|watch| watch.inbox().take().expect("none is lost").expect("one"));
        assert_eq!(
            str::from_utf8(&events[0]).expect("text"),
            "data: # connection 3, 127.0.0.1:50000, +1.500 s\ndata: C: a\\n\ndata: C <eof>\n\n"
        );
        assert!(std::ptr::eq(&*events[0], &*events[1]), "encoded twice");
    }

    #[test]
    fn nobody_who_watches_is_watched() {
        let (watchers, _) = watchers(2);
        assert!(!watchers.watches(2), "there is nobody");
        let watch = watchers.watch(1).expect("a seat");
        assert_eq!([1, 2].map(|number| watchers.watches(number)), [false, true]);
        drop(watch);
        assert!(!watchers.watches(1) && !watchers.watches(2));
    }

    #[test]
    fn seats_are_limited_and_given_back() {
        let (watchers, _) = watchers(0);
        let mut seats: Vec<_> = (0..MAX_WATCHERS as u64).map(|number| watchers.watch(number)).collect();
        assert!(seats.iter().all(Result::is_ok));
        assert_eq!(watchers.watch(1000).err(), Some(Full));
        seats.pop();
        assert!(watchers.watch(1000).is_ok());
    }
}
