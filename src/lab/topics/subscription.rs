//! A place among those who listen to a topic.

use std::fmt;
use std::sync::Arc;
use std::task::Waker;

use super::event::Event;
use super::start::Gap;
use super::topic::Topic;

/// A place among those who listen, given up when this is dropped.
pub struct Subscription {
    topic: Arc<Topic>,
    /// Many connections carry one, so it is no larger than the number of connections asks for.
    slot: u32,
}

/// What a subscriber hears.
#[derive(Clone, Copy, Debug)]
pub enum News<'n> {
    Event(&'n Event),
    /// It has lagged so far that these are gone.
    Gap(Gap),
    /// The topic was deleted, and all that was published before was heard.
    End,
}

/// Whether a subscriber wants to hear more at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Appetite {
    More,
    Enough,
}

/// What waits for a subscriber.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Waiting {
    pub events: usize,
    /// Of their data.
    pub data_bytes: usize,
    pub has_ended: bool,
}

impl Subscription {
    pub(super) fn new(topic: Arc<Topic>, slot: usize) -> Subscription {
        let slot = u32::try_from(slot).expect("fewer listeners than a system has descriptors");
        Subscription { topic, slot }
    }

    pub fn topic(&self) -> &str {
        &self.topic.name
    }

    /// Says whom to wake from now on.
    pub fn listen(&self, waker: Waker) {
        self.topic.state().subscribers[self.slot as usize].waker = waker;
    }

    /// Hands out what has happened since the last time, for as long as there is an appetite.
    pub fn read(&self, mut take: impl FnMut(News<'_>) -> Appetite) {
        let mut state = self.topic.state();
        let state = &mut *state;
        let place = &mut state.subscribers[self.slot as usize].place;
        if *place < state.log.start() {
            let from = state.log.id_before(*place) + 1;
            let to = state.log.id_before(state.log.start());
            *place = state.log.start();
            if take(News::Gap(Gap::Missing { from, to })) == Appetite::Enough {
                return;
            }
        }
        while let Some(event) = state.log.at(*place) {
            *place = place.next();
            if take(News::Event(event)) == Appetite::Enough {
                return;
            }
        }
        if state.is_over {
            take(News::End);
        }
    }

    /// What waits, up to `data_bytes` of data: more is not counted.
    pub fn waiting(&self, data_bytes: usize) -> Waiting {
        let state = self.topic.state();
        let place = state.subscribers[self.slot as usize].place;
        let mut waiting = Waiting { events: 0, data_bytes: 0, has_ended: state.is_over };
        for event in state.log.from(place) {
            if waiting.data_bytes >= data_bytes && waiting.events > 0 {
                break;
            }
            waiting.events += 1;
            waiting.data_bytes += event.data.len();
        }
        waiting
    }

    /// The id of the latest event of the topic.
    pub fn newest_id(&self) -> u64 {
        self.topic.state().log.newest_id()
    }

    /// The id of the event before the next.
    pub fn last_id(&self) -> u64 {
        let state = self.topic.state();
        state.log.id_before(state.subscribers[self.slot as usize].place)
    }
}

impl Drop for Subscription {
    /// Whoever has said its name when it came is missed.
    fn drop(&mut self) {
        let mut state = self.topic.state();
        if let Some(name) = state.unsubscribe(self.slot as usize)
            && !state.is_over
        {
            self.topic.announce(&mut state, "leave", &name);
        }
        let is_unused = state.is_unused();
        drop(state);
        if is_unused {
            self.topic.shared.remove_unused(&self.topic);
        }
    }
}

impl fmt::Debug for Subscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscription").field("topic", &self.topic.name).field("slot", &self.slot).finish()
    }
}
