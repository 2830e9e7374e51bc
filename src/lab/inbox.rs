//! What others have for one connection: events that wait until its reader has taken those before.
//!
//! A queue for a reader that may not read has to end somewhere. Here it ends by count and by bytes, and who lets it
//! come so far has lost it whole: the session finds out when it looks, and says goodbye, or what it has missed.

use std::collections::VecDeque;
use std::mem;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::time::Instant;

use bytes::Bytes;

use super::registry::Backlog;

/// A bounded queue of encoded events, shared between those who publish and one session.
#[derive(Debug, Default)]
pub struct Inbox {
    queue: Mutex<Queue>,
}

#[derive(Debug, Default)]
struct Queue {
    events: VecDeque<Bytes>,
    bytes: usize,
    /// Events that are gone, once there was no room for one.
    lost: u64,
    waker: Option<Waker>,
}

/// How much room there is behind an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Space {
    /// Less than half of it: whoever can wait before the next event should.
    Scarce,
    Ample,
}

/// More came than the reader took, and there was no more room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Overrun;

impl Inbox {
    /// Puts an event in, and wakes the session if it was waiting for one.
    ///
    /// # Errors
    /// When there is no room, now or since the session has [gone on](Inbox::go_on). Everything that waited is gone.
    pub fn push(&self, event: &Bytes) -> Result<Space, Overrun> {
        let mut queue = self.queue();
        let was_empty = queue.events.is_empty() && queue.lost == 0;
        let result = queue.push(event);
        // Whoever has been woken takes all that it finds, so the events behind the first need no call of their own.
        let waker = if was_empty { queue.waker.clone() } else { None };
        drop(queue);
        if let Some(waker) = waker {
            waker.wake();
        }
        result
    }

    /// Says whom to wake from now on.
    pub fn listen(&self, waker: Waker) {
        self.queue().waker = Some(waker);
    }

    /// The next event.
    ///
    /// # Errors
    /// When events were lost.
    pub fn take(&self) -> Result<Option<Bytes>, Overrun> {
        let mut queue = self.queue();
        if queue.lost > 0 {
            return Err(Overrun);
        }
        let event = queue.events.pop_front();
        match &event {
            Some(event) => queue.bytes -= event.len(),
            None => queue.events.shrink_to(KEPT_PLACES),
        }
        Ok(event)
    }

    /// Has room again for what comes next; tells how many events were lost.
    pub fn go_on(&self) -> u64 {
        mem::take(&mut self.queue().lost)
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Backlog for Inbox {
    fn bytes(&self, _now: Instant) -> u64 {
        self.queue().bytes as u64
    }
}

impl Queue {
    fn push(&mut self, event: &Bytes) -> Result<Space, Overrun> {
        let is_full = self.events.len() == MAX_EVENTS || self.bytes + event.len() > MAX_BYTES;
        if is_full || self.lost > 0 {
            let lost = self.lost + self.events.len() as u64 + 1;
            *self = Queue { lost, waker: self.waker.take(), ..Queue::default() };
            return Err(Overrun);
        }
        self.bytes += event.len();
        self.events.push_back(event.clone());
        let is_half_full = self.events.len() > MAX_EVENTS / 2 || self.bytes > MAX_BYTES / 2;
        Ok(if is_half_full { Space::Scarce } else { Space::Ample })
    }
}

/// The most events that wait.
pub const MAX_EVENTS: usize = 1000;

/// The most bytes that wait; they are shared with the other queues that they wait in.
pub const MAX_BYTES: usize = 1024 * 1024;

/// Places that an empty queue keeps.
const KEPT_PLACES: usize = 4;

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
    use std::task::Wake;

    use super::*;

    #[test]
    fn events_come_in_order_up_to_the_limit() {
        let inbox = Inbox::default();
        let events: Vec<_> = (0..MAX_EVENTS).map(|number| Bytes::from(number.to_string())).collect();
        assert!(events.iter().all(|event| inbox.push(event).is_ok()));
        for event in &events {
            assert_eq!(inbox.take(), Ok(Some(event.clone())));
        }
        assert_eq!(inbox.take(), Ok(None));
    }

    #[test]
    fn one_event_too_many_loses_them_all() {
        let (inbox, event) = (Inbox::default(), Bytes::from_static(b"event"));
        assert!((0..MAX_EVENTS).all(|_| inbox.push(&event).is_ok()));
        assert_eq!(inbox.push(&event), Err(Overrun));
        assert_eq!(inbox.take(), Err(Overrun));
        assert_eq!(inbox.push(&event), Err(Overrun));
    }

    #[test]
    fn who_goes_on_is_told_how_many_were_lost() {
        let (inbox, event) = (Inbox::default(), Bytes::from_static(b"event"));
        assert!((0..MAX_EVENTS).all(|_| inbox.push(&event).is_ok()));
        assert!((0..5).all(|_| inbox.push(&event).is_err()));
        assert_eq!(inbox.go_on(), MAX_EVENTS as u64 + 5);
        assert_eq!(inbox.go_on(), 0);
        assert_eq!(inbox.push(&event), Ok(Space::Ample));
        assert_eq!((inbox.take(), inbox.take()), (Ok(Some(event)), Ok(None)));
    }

    /// However many come, and whatever becomes of them, until it has taken the last.
    #[test]
    fn a_session_is_woken_once_for_what_it_has_not_taken() {
        let (inbox, wakes) = (Inbox::default(), Arc::new(Wakes::default()));
        inbox.listen(Arc::clone(&wakes).into());
        let half = Bytes::from(vec![0; MAX_BYTES / 2]);
        for round in 1..=3 {
            for _ in 0..10 {
                let _ = inbox.push(&half);
            }
            assert_eq!(wakes.0.load(Relaxed), round);
            inbox.go_on();
        }
        assert_eq!(inbox.push(&Bytes::from(vec![0; MAX_BYTES + 1])), Err(Overrun), "too large for any");
        assert_eq!(wakes.0.load(Relaxed), 4);
    }

    #[derive(Default)]
    struct Wakes(AtomicUsize);

    impl Wake for Wakes {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Relaxed);
        }
    }

    #[test]
    fn bytes_are_limited_as_well() {
        let (inbox, half) = (Inbox::default(), Bytes::from(vec![0; MAX_BYTES / 2]));
        assert_eq!(inbox.push(&half), Ok(Space::Ample));
        assert_eq!(inbox.push(&half), Ok(Space::Scarce));
        assert_eq!(inbox.push(&Bytes::from_static(b"!")), Err(Overrun));
    }
}
