//! A place among those who listen to a topic.

use std::fmt;
use std::sync::Arc;
use std::task::Waker;

use super::event::Event;
use super::log::Place;
use super::start::Gap;
use super::topic::Topic;
use crate::lab::journal::Ack;

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
    /// The topic was deleted, and nothing follows.
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
        if *place == Place::NOWHERE {
            take(News::End);
            return;
        }
        if *place < state.log.start() {
            let from = state.log.id_before(*place) + 1;
            let to = state.log.id_before(state.log.start());
            *place = state.log.start();
            if take(News::Gap(Gap::Missing { from, to })) == Appetite::Enough {
                return;
            }
        }
        for event in state.log.from(*place) {
            *place = place.next();
            if take(News::Event(event)) == Appetite::Enough {
                return;
            }
        }
    }

    /// What waits, up to `data_bytes` of data: more is not counted.
    pub fn waiting(&self, data_bytes: usize) -> Waiting {
        let state = self.topic.state();
        let place = state.subscribers[self.slot as usize].place;
        let mut waiting = Waiting { events: 0, data_bytes: 0, has_ended: place == Place::NOWHERE };
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
    pub fn newest(&self) -> u64 {
        let state = self.topic.state();
        state.log.id_before(state.log.end())
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
        let name = state.unsubscribe(self.slot as usize);
        let is_missed = name.filter(|_| !state.is_deleted);
        if let Some(name) = is_missed
            && let Err(failure) = self.topic.publish(&mut state, Some("leave"), &name, Ack::Memory)
        {
            log::error!("that {name} has left {} was not written down: {failure}", self.topic.name);
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
