//! Those who hear: each in one way, coming and going as it likes, and going on where it was if its way has ids.

use std::collections::BTreeMap;
use std::io;

use fastrand::Rng;

use crate::publisher::LAST_WORD;
use crate::world::{Moment, World};
use crate::{poll, socket, stream};

/// A way out of a topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    ShortPoll,
    LongPoll,
    Events,
    Json,
    JsonSocket,
    Lines,
    TextSocket,
}

impl Way {
    pub const ALL: [Way; 7] =
        [Way::ShortPoll, Way::LongPoll, Way::Events, Way::Json, Way::JsonSocket, Way::Lines, Way::TextSocket];

    /// Whether what is heard has an id, by which one can go on where one was.
    pub fn has_ids(self) -> bool {
        !matches!(self, Way::Lines | Way::TextSocket)
    }

    /// Whether one may hear several topics at a time.
    pub fn takes_several(self) -> bool {
        matches!(self, Way::Events | Way::Json | Way::Lines)
    }
}

/// An event as it was heard.
#[derive(Debug)]
pub struct Heard {
    pub id: Option<u64>,
    pub data: String,
    pub at: Moment,
}

/// Somebody who hears, for as long as there is something to hear.
pub struct Subscriber<'w> {
    pub way: Way,
    pub topics: Vec<&'static str>,
    /// What it has heard, connection by connection.
    pub sittings: Vec<Vec<Heard>>,
    pub world: &'w World,
    pub chance: Rng,
    /// Where it goes on, as a client names it; at first nowhere.
    pub last_event_id: Option<String>,
    last_ids: BTreeMap<&'static str, u64>,
    has_ended: BTreeMap<&'static str, bool>,
    /// How much it still wants to hear before it goes.
    appetite: usize,
}

impl<'w> Subscriber<'w> {
    pub fn new(world: &'w World, way: Way, topics: Vec<&'static str>, chance: Rng) -> Subscriber<'w> {
        let last_ids = topics.iter().map(|topic| (*topic, 0)).collect();
        let has_ended = topics.iter().map(|topic| (*topic, false)).collect();
        let (sittings, last_event_id) = (Vec::new(), None);
        Subscriber { way, topics, sittings, world, chance, last_event_id, last_ids, has_ended, appetite: 0 }
    }

    /// Hears until a last word of each topic.
    pub fn listen(mut self) -> Subscriber<'w> {
        while self.has_ended.values().any(|has_ended| !has_ended) {
            self.sittings.push(Vec::new());
            self.appetite = self.chance.usize(1..=300);
            if let Err(error) = self.sit() {
                self.world.expect_broken(&error, &format!("{:?} of {:?}", self.way, self.topics));
            }
        }
        self
    }

    /// One connection, for as long as it lasts or is wanted.
    fn sit(&mut self) -> io::Result<()> {
        let (client, _) = self.world.connect();
        match self.way {
            Way::ShortPoll | Way::LongPoll => poll::sit(self, client),
            Way::Events | Way::Json | Way::Lines => stream::sit(self, client),
            Way::JsonSocket | Way::TextSocket => socket::sit(self, client),
        }
    }

    /// Takes an event; tells whether it wants to hear more.
    pub fn hear(&mut self, id: Option<u64>, data: String) -> bool {
        let topic = self.topics.iter().find(|topic| data.starts_with(**topic));
        let topic = topic.unwrap_or_else(|| panic!("{:?} is not of {:?}", data, self.topics));
        if let Some(id) = id {
            self.last_ids.insert(topic, id);
        }
        if data.contains(LAST_WORD) {
            self.has_ended.insert(topic, true);
        }
        let heard = Heard { id, data, at: self.world.now() };
        self.sittings.last_mut().expect("it sits").push(heard);
        self.appetite = self.appetite.saturating_sub(1);
        self.appetite > 0 && self.has_ended.values().any(|has_ended| !has_ended)
    }

    /// Where it wants to begin, as a client says it who keeps the ids by itself. Without ids it is anywhere.
    pub fn start(&mut self) -> String {
        if !self.way.has_ids() {
            return self.chance.choice(["none", "all", "latest"]).expect("one of them").to_owned();
        }
        let ids: Vec<_> = self.last_ids.iter().map(|(topic, id)| format!("{topic}:{id}")).collect();
        match self.topics.len() {
            _ if self.last_ids.values().all(|id| *id == 0) => "all".to_owned(),
            1 => self.last_ids.values().next().expect("one").to_string(),
            _ => ids.join(","),
        }
    }
}
