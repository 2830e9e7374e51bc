//! Topics: one feed each, which everybody may publish to and read in several ways, now or later.
//!
//! Read on: [`event`] (what is published, in all its forms), [`log`] (what is kept, and for whom), [`topic`] (those who
//! listen), [`subscription`] (a place among them), [`start`] (where in the past to begin).

pub mod event;
pub mod log;
pub mod start;
pub mod subscription;
pub mod topic;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::clock::Clock;
use super::journal::{Ack, Journal, Receipt, Row, Table};
use super::numbering::Numbering;
use super::receipt::not_kept;
use super::refusal::Refusal;
use super::settings::TopicSettings;
use log::History;
use start::{Gap, Start};
use subscription::Subscription;
use topic::{Published, State, Topic};

/// All topics of a server.
#[derive(Clone)]
pub struct Topics {
    shared: Arc<Shared>,
}

/// What all topics know.
pub struct Shared {
    history: History,
    most: usize,
    journal: Arc<dyn Journal>,
    clock: Arc<Clock>,
    topics: Mutex<Directory>,
    /// The last lock to be taken.
    numbering: Mutex<Numbering>,
}

/// The topics that there are.
type Directory = BTreeMap<Arc<str>, Arc<Topic>>;

/// What somebody who begins to listen gets.
pub struct Subscribed {
    pub subscription: Subscription,
    pub gap: Option<Gap>,
}

impl Topics {
    pub fn new(settings: &TopicSettings, journal: Arc<dyn Journal>, clock: Arc<Clock>) -> Topics {
        let TopicSettings { history, most } = *settings;
        let numbering = Mutex::new(Numbering::new(Table::Events, Arc::clone(&journal)));
        let topics = Mutex::default();
        Topics { shared: Arc::new(Shared { history, most, journal, clock, topics, numbering }) }
    }

    /// Takes up what a journal has kept. After a crash all topics go on behind the ids that may have been given: an
    /// event that others have seen may be missing from the journal, and nobody may be told the same id of another.
    ///
    /// # Errors
    /// How far ids have come cannot be read; one line about it.
    pub fn restore(&self, rows: &[Row], after_crash: bool) -> Result<(), String> {
        let mut directory = self.shared.directory();
        for row in rows {
            if Numbering::is_row(row) {
                let read = self.shared.numbering().read(row);
                read.ok_or("how far the ids of events have come cannot be read")?;
            } else {
                self.shared.make(&mut directory, &row.name).restore(row.number, &row.value);
            }
        }
        self.shared.numbering().begin(rows.iter().map(|row| row.number).max().unwrap_or(0), after_crash);
        let floor = self.shared.numbering().floor();
        directory.values().for_each(|topic| topic.state().log.skip_to(floor));
        Ok(())
    }

    /// Publishes an event, on a topic that is there from then on.
    ///
    /// # Errors
    /// There are as many topics as there may be, or the journal refuses.
    pub fn publish(
        &self,
        name: &str,
        kind: Option<&str>,
        data: &str,
        ack: Ack,
    ) -> Result<Published, Refusal> {
        let published = self.shared.open(name, |topic, state| topic.publish(state, kind, data, ack))?;
        published.map_err(|failure| not_kept(&failure))
    }

    /// Begins to listen; who says how it is `called` is announced, and shown by presence. Nothing for a topic that was
    /// deleted.
    ///
    /// # Errors
    /// There are as many topics as there may be.
    pub fn subscribe(
        &self,
        name: &str,
        start: Start,
        connection: u64,
        called: Option<&str>,
    ) -> Result<Option<Subscribed>, Refusal> {
        self.shared.open(name, |topic, state| {
            if state.is_deleted {
                return None;
            }
            if let Some(called) = called {
                topic.announce(state, "join", called);
            }
            let (place, gap) = state.find(start, &self.shared);
            let slot = state.subscribe(place, connection, called);
            Some(Subscribed { subscription: Subscription::new(Arc::clone(topic), slot), gap })
        })
    }

    /// Ends a topic, and leaves in its place how far it has come; nothing if there is none.
    ///
    /// # Errors
    /// The journal refuses.
    pub fn delete(&self, name: &str, ack: Ack) -> Result<Option<Receipt>, Refusal> {
        let mut directory = self.shared.directory();
        let Some(topic) = directory.get(name).cloned() else { return Ok(None) };
        let mut state = topic.state();
        if state.is_deleted {
            return Ok(None);
        }
        let (last_id, receipt) = topic.end(&mut state, ack).map_err(|failure| not_kept(&failure))?;
        let name = Arc::clone(&topic.name);
        let deleted = Topic::deleted(Arc::clone(&name), Arc::clone(&self.shared), last_id);
        directory.insert(name, Arc::new(deleted));
        Ok(Some(receipt))
    }

    /// A topic that somebody has published to, or listens to.
    pub fn find(&self, name: &str) -> Option<Arc<Topic>> {
        let topic = self.shared.directory().get(name).cloned()?;
        let is_there = !topic.state().is_deleted;
        is_there.then_some(topic)
    }

    /// The names of all topics.
    pub fn names(&self) -> Vec<Arc<str>> {
        let directory = self.shared.directory();
        let there = directory.values().filter(|topic| !topic.state().is_deleted);
        there.map(|topic| Arc::clone(&topic.name)).collect()
    }

    /// What waits for each connection that listens to something: tells its number, and bytes.
    pub fn backlogs(&self, mut tell: impl FnMut(u64, u64)) {
        let topics: Vec<_> = self.shared.directory().values().cloned().collect();
        topics.iter().for_each(|topic| topic.backlogs(&mut tell));
    }
}

impl Shared {
    fn directory(&self) -> MutexGuard<'_, Directory> {
        self.topics.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn numbering(&self) -> MutexGuard<'_, Numbering> {
        self.numbering.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does something with a topic, which is there if it was not.
    fn open<T>(
        self: &Arc<Shared>,
        name: &str,
        act: impl FnOnce(&Arc<Topic>, &mut State) -> T,
    ) -> Result<T, Refusal> {
        loop {
            let topic = self.find_or_make(name)?;
            let mut state = topic.state();
            if state.is_over {
                continue; // it has just ended: find another
            }
            let result = act(&topic, &mut state);
            let is_unused = state.is_unused();
            drop(state);
            if is_unused {
                self.remove_unused(&topic);
            }
            return Ok(result);
        }
    }

    fn find_or_make(self: &Arc<Shared>, name: &str) -> Result<Arc<Topic>, Refusal> {
        let mut directory = self.directory();
        while directory.len() >= self.most && !directory.contains_key(name) {
            self.make_room(&mut directory)?;
        }
        Ok(self.make(&mut directory, name))
    }

    fn make(self: &Arc<Shared>, directory: &mut Directory, name: &str) -> Arc<Topic> {
        if let Some(topic) = directory.get(name) {
            return Arc::clone(topic);
        }
        let topic = Arc::new(Topic::new(name.into(), Arc::clone(self), self.numbering().floor()));
        directory.insert(Arc::clone(&topic.name), Arc::clone(&topic));
        topic
    }

    /// Forgets one that was deleted.
    fn make_room(&self, directory: &mut Directory) -> Result<(), Refusal> {
        let deleted = directory.values().find(|topic| topic.state().is_deleted).cloned();
        let deleted = deleted.ok_or_else(|| too_many(self.most))?;
        let mut state = deleted.state();
        if state.is_deleted {
            deleted.forget(&mut state).map_err(|failure| not_kept(&failure))?;
            directory.remove(&deleted.name);
        } // else somebody has just begun it anew
        Ok(())
    }

    fn remove_unused(&self, topic: &Topic) {
        let mut directory = self.directory();
        let mut state = topic.state();
        if state.is_unused() {
            state.is_over = true;
            directory.remove(&topic.name);
        }
    }
}

fn too_many(most: usize) -> Refusal {
    Refusal::new(
        507,
        format!("there are {most} topics, as many as may be"),
        "DELETE one that nobody needs; the server's option --max-topics sets the limit",
    )
}
