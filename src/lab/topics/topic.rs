//! One topic: its events, those who listen, and how each of them hears of the next event.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use bytes::Bytes;
use serde_json::{Value, json};
use slab::Slab;

use super::Shared;
use super::event::Event;
use super::log::{Log, Place, WINDOW_BYTES};
use super::start::{Gap, Start};
use crate::lab::inbox::Space;
use crate::lab::journal::{Ack, Change, Failure, Receipt, Row, Table};

/// A topic, found by its name.
pub struct Topic {
    pub name: Arc<str>,
    pub(super) shared: Arc<Shared>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) log: Log,
    pub(super) subscribers: Slab<Subscriber>,
    /// Those of the subscribers who have said who they are.
    names: BTreeMap<usize, Box<str>>,
    /// Up to which event the journal has been told to forget.
    forgotten: u64,
    /// It stands for one that somebody has deleted, and nobody has published since.
    pub(super) is_deleted: bool,
    /// Nobody finds it any more, and whoever still listens hears it out.
    pub(super) is_over: bool,
}

/// Somebody who listens.
#[derive(Debug)]
pub(super) struct Subscriber {
    pub(super) place: Place,
    pub(super) waker: Waker,
    connection: u64,
}

/// What came of publishing an event.
#[derive(Debug)]
pub struct Published {
    pub id: u64,
    pub subscribers: usize,
    /// How many events history has with it.
    pub queued: usize,
    /// How much space the slowest of those who have lost nothing has left.
    pub space: Space,
    pub receipt: Receipt,
}

/// A topic in three numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Summary {
    /// Of the latest event.
    pub last_id: u64,
    /// How many events history has.
    pub queued: usize,
    pub subscribers: usize,
}

impl Topic {
    /// A topic whose ids begin behind `floor`.
    pub(super) fn new(name: Arc<str>, shared: Arc<Shared>, floor: u64) -> Topic {
        let mut state = State::default();
        state.log.skip_to(floor);
        Topic { name, shared, state: Mutex::new(state) }
    }

    /// What is left of a topic that was deleted: how far it has come, so that one who begins it anew goes on counting.
    pub(super) fn deleted(name: Arc<str>, shared: Arc<Shared>, last_id: u64) -> Topic {
        let state = State { log: Log::after(last_id), is_deleted: true, ..State::default() };
        Topic { name, shared, state: Mutex::new(state) }
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds an event and wakes everybody who listens.
    pub(super) fn publish(
        &self,
        state: &mut State,
        kind: Option<&str>,
        data: &str,
        ack: Ack,
    ) -> Result<Published, Failure> {
        let Shared { history, journal, clock, .. } = &*self.shared;
        let id = state.log.last_id() + 1;
        self.shared.numbering().admit(id)?;
        let event = Event::new(id, kind, data, clock.unix_millis());
        let receipt = match journal.keeps() {
            true => journal.append(self.changes(state, &event), ack)?,
            false => Receipt::done(),
        };
        state.log.push(event, history);
        state.is_deleted = false;
        let offered = state.log.start_of(history, clock.unix_millis());
        Ok(Published {
            id,
            subscribers: state.subscribers.len(),
            queued: state.log.from(offered).len(),
            space: state.wake_all(),
            receipt,
        })
    }

    /// Publishes that somebody comes or goes, which does not hang on a disk.
    pub(super) fn announce(&self, state: &mut State, kind: &str, name: &str) {
        if let Err(failure) = self.publish(state, Some(kind), name, Ack::Memory) {
            log::error!("{kind} of {name} on topic {} is left out: {failure}", self.name);
        }
    }

    /// What the journal is to do with an event: keep it, and from time to time forget those that history has lost. The
    /// latest one always stays, as it tells where to go on counting.
    fn changes(&self, state: &mut State, event: &Event) -> Vec<Change> {
        let mut changes = vec![Change::Put(self.row(event.id, &event.kind, &event.data, event.at))];
        let offered = state.log.id_before(state.log.start_of(&self.shared.history, event.at));
        if offered >= state.forgotten + FORGOTTEN_TOGETHER {
            state.forgotten = offered;
            changes.push(Change::RemoveThrough {
                table: Table::Events,
                name: Arc::clone(&self.name),
                number: offered,
            });
        }
        changes
    }

    fn row(&self, number: u64, kind: &Option<Box<str>>, data: &str, at: u64) -> Row {
        let mut value = json!({ "at": at, "kind": kind }).to_string().into_bytes();
        value.push(b'\n');
        value.extend_from_slice(data.as_bytes());
        Row { table: Table::Events, name: Arc::clone(&self.name), number, value: value.into() }
    }

    /// Takes up again what a journal has kept of it. Rows come in the order of their numbers.
    pub(super) fn restore(&self, number: u64, value: &Bytes) {
        let mut state = self.state();
        let Some((meta, data)) = split_row(value) else {
            return log::error!("event {number} of topic {} cannot be read, and is left out", self.name);
        };
        if state.log.is_new() {
            let before = number.saturating_sub(1);
            (state.log, state.forgotten) = (Log::after(before), before);
        }
        if meta["deleted"] == true {
            (state.log, state.is_deleted) = (Log::after(number), true);
        } else {
            state.is_deleted = false;
            let at = meta["at"].as_u64().unwrap_or_default();
            state.log.push(Event::new(number, meta["kind"].as_str(), data, at), &self.shared.history);
        }
    }

    /// Ends it: whoever listens hears what has been published, and that it is over. Answers how far it has come.
    ///
    /// # Errors
    /// The journal refuses; then it goes on.
    pub(super) fn end(&self, state: &mut State, ack: Ack) -> Result<(u64, Receipt), Failure> {
        let number = state.log.last_id();
        let receipt = match self.shared.journal.keeps() {
            true => {
                let (table, name) = (Table::Events, Arc::clone(&self.name));
                let value = Bytes::from_static(b"{\"deleted\":true}\n");
                let gone = Change::RemoveThrough { table, name: Arc::clone(&name), number };
                let tombstone = Change::Put(Row { table, name, number, value });
                self.shared.journal.append(vec![gone, tombstone], ack)?
            }
            false => Receipt::done(),
        };
        state.is_over = true;
        state.wake_all();
        Ok((number, receipt))
    }

    /// Lets go of what is left of a topic that was deleted. Whoever begins another counts on from its last id at least,
    /// as it may be this one.
    ///
    /// # Errors
    /// The journal refuses; then it stays.
    pub(super) fn forget(&self, state: &mut State) -> Result<(), Failure> {
        let (number, mut numbering) = (state.log.last_id(), self.shared.numbering());
        if self.shared.journal.keeps() {
            let (table, name) = (Table::Events, Arc::clone(&self.name));
            let gone = Change::RemoveThrough { table, name, number };
            let changes = [gone].into_iter().chain(numbering.change(number)).collect();
            self.shared.journal.append(changes, Ack::Memory)?;
        }
        numbering.raise(number);
        state.is_over = true;
        Ok(())
    }

    /// What it has come to.
    pub fn summary(&self) -> Summary {
        let state = self.state();
        let offered = state.log.start_of(&self.shared.history, self.shared.clock.unix_millis());
        Summary {
            last_id: state.log.newest_id(),
            queued: state.log.from(offered).len(),
            subscribers: state.subscribers.len(),
        }
    }

    /// The names of those who listen and have said who they are, and how many have not.
    pub fn presence(&self) -> (Vec<String>, usize) {
        let state = self.state();
        let names: Vec<String> = state.names.values().map(|name| name.to_string()).collect();
        let others = state.subscribers.len() - names.len();
        (names, others)
    }

    /// What waits for each connection that listens.
    pub(super) fn backlogs(&self, mut tell: impl FnMut(u64, u64)) {
        let state = self.state();
        for (_, subscriber) in &state.subscribers {
            tell(subscriber.connection, state.log.behind(subscriber.place));
        }
    }
}

impl State {
    /// Takes a place for somebody who listens.
    pub(super) fn subscribe(&mut self, place: Place, connection: u64, name: Option<&str>) -> usize {
        let slot = self.subscribers.insert(Subscriber { place, waker: Waker::noop().clone(), connection });
        if let Some(name) = name {
            self.names.insert(slot, name.into());
        }
        slot
    }

    /// Gives the place up; the name of who had it, if it was said.
    pub(super) fn unsubscribe(&mut self, slot: usize) -> Option<Box<str>> {
        self.subscribers.remove(slot);
        self.names.remove(&slot)
    }

    /// Whether nobody would miss it. That it was deleted has to be known when its listeners come again.
    pub(super) fn is_unused(&self) -> bool {
        self.subscribers.is_empty() && self.log.is_new() && !self.is_deleted && !self.is_over
    }

    /// Where to begin, and what is missing there.
    pub(super) fn find(&self, start: Start, shared: &Shared) -> (Place, Option<Gap>) {
        let offered = self.log.start_of(&shared.history, shared.clock.unix_millis());
        match start {
            Start::Live => (self.log.end(), None),
            Start::Earliest => (offered, None),
            Start::Latest => {
                let before = self.log.newest_id().saturating_sub(1);
                (self.log.place_after(before).max(offered), None)
            }
            Start::After(id) if id > self.log.last_id() => (offered, Some(Gap::Reset { after: id })),
            Start::After(id) => {
                let before = self.log.id_before(offered);
                let gap = (id < before).then_some(Gap::Missing { from: id + 1, to: before });
                (self.log.place_after(id).max(offered), gap)
            }
        }
    }

    /// Wakes everybody; tells how much space those have who have lost nothing yet. For the others it is too late.
    fn wake_all(&self) -> Space {
        let mut space = Space::Ample;
        for (_, subscriber) in &self.subscribers {
            subscriber.waker.wake_by_ref();
            if subscriber.place >= self.log.start() && self.log.behind(subscriber.place) > WINDOW_BYTES / 2 {
                space = Space::Scarce;
            }
        }
        space
    }
}

/// The line of JSON of a row, and what stands behind it.
fn split_row(value: &Bytes) -> Option<(Value, &str)> {
    let (meta, data) = str::from_utf8(value).ok()?.split_once('\n')?;
    Some((serde_json::from_str(meta).ok()?, data))
}

/// So many rows are removed at a time, as each removal costs about as much as a row.
const FORGOTTEN_TOGETHER: u64 = 64;
