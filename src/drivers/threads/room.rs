//! Who is here: the connections of the threaded driver, and how they are asked to leave.

use std::sync::atomic::{AtomicU8, Ordering::SeqCst};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use slab::Slab;

use super::House;
use super::peer::Peer;
use crate::drivers::stop::Urgency;
use crate::drivers::tell_what_is_left;
use crate::session::Session;

/// All connections that have a thread, or are about to get one.
pub(super) struct Room<S> {
    peers: Mutex<Slab<Arc<Peer<S>>>>,
    /// Somebody has left, or the server stops.
    changed: Condvar,
    phase: AtomicU8,
}

/// What the room is in; only ever moves on.
const SERVING: u8 = 0;
const STOPPING: u8 = 1;
const HURRYING: u8 = 2;

impl<S> Default for Room<S> {
    fn default() -> Self {
        Room { peers: Mutex::default(), changed: Condvar::new(), phase: AtomicU8::new(SERVING) }
    }
}

impl<S: Session> Room<S> {
    /// Takes a place; the key is for [`leave`](Room::leave).
    pub(super) fn enter(&self, peer: Arc<Peer<S>>) -> usize {
        self.peers().insert(peer)
    }

    /// Gives the place back, as the last to hold the connection.
    pub(super) fn leave(&self, key: usize) {
        // So the socket closes before anybody hears that there is room.
        drop(self.peers().try_remove(key));
        self.changed.notify_all();
    }

    /// Waits until somebody leaves or the server stops, for at most as long.
    pub(super) fn wait_for_room(&self, at_most: Duration) {
        let peers = self.peers();
        if !self.is_stopping() {
            drop(self.changed.wait_timeout(peers, at_most));
        }
    }

    /// The server was asked to stop.
    pub(super) fn stop(&self, urgency: Urgency) {
        let phase = match urgency {
            Urgency::NotAsked => SERVING,
            Urgency::Graceful => STOPPING,
            Urgency::AtOnce => HURRYING,
        };
        let peers = self.peers();
        self.phase.fetch_max(phase, SeqCst);
        self.changed.notify_all();
        drop(peers);
    }

    pub(super) fn is_stopping(&self) -> bool {
        self.phase.load(SeqCst) >= STOPPING
    }

    /// Tells everybody that the server stops, waits for them, and cuts off those that are left when the grace is over.
    pub(super) fn close(&self, grace: Duration, house: House<'_>) {
        let now = Instant::now();
        let ends_at = now + grace;
        self.everybody().for_each(|peer| peer.shut_down(now, house));
        let mut is_told = false;
        loop {
            let now = Instant::now();
            let deadlines = self.everybody().filter_map(|peer| peer.attend(now, house));
            let next = deadlines.min().map_or(ends_at, |at| at.min(ends_at));
            let patience = if is_told { grace } else { SILENCE };
            let at_most = next.saturating_duration_since(now).min(patience).max(TICK);
            let waits = |peers: &mut Slab<_>| !peers.is_empty() && !self.is_hurrying();
            let waited = self.changed.wait_timeout_while(self.peers(), at_most, waits);
            let (peers, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
            if !timeout.timed_out() || ends_at <= Instant::now() {
                return peers.iter().for_each(|(_, peer)| peer.cut());
            }
            if !is_told {
                tell_what_is_left(peers.len(), grace);
                is_told = true;
            }
        }
    }

    fn is_hurrying(&self) -> bool {
        self.phase.load(SeqCst) >= HURRYING
    }

    fn everybody(&self) -> impl Iterator<Item = Arc<Peer<S>>> + use<S> {
        let peers: Vec<_> = self.peers().iter().map(|(_, peer)| Arc::clone(peer)).collect();
        peers.into_iter()
    }

    fn peers(&self) -> MutexGuard<'_, Slab<Arc<Peer<S>>>> {
        self.peers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The finest step in which deadlines are looked at.
const TICK: Duration = Duration::from_millis(1);

/// How long threads have to end before anybody is told about those that are left.
const SILENCE: Duration = Duration::from_millis(200);
