//! What is written down of the queues: a row a message, and how far the ids have come.

use std::sync::Arc;

use super::message::Message;
use crate::lab::journal::{Ack, Change, Failure, Journal, Receipt, Row, Table};
use crate::lab::numbering::Numbering;

/// The journal, and what it has been told of ids.
///
/// Ids count on behind the highest row. When that one goes, the floor has to tell how far they have come: somebody may
/// still ack what had the id, and must not mean another message by it.
pub(super) struct Ledger {
    journal: Arc<dyn Journal>,
    pub numbering: Numbering,
}

/// A message that its queue has no more.
#[derive(Clone, Copy)]
pub(super) struct Gone<'g> {
    pub queue: &'g str,
    pub id: u64,
    /// The highest id of the queue.
    pub last_id: u64,
}

impl Ledger {
    pub fn new(journal: Arc<dyn Journal>) -> Ledger {
        Ledger { numbering: Numbering::new(Table::Messages, Arc::clone(&journal)), journal }
    }

    /// A message is in a queue.
    pub fn post(&mut self, name: &str, id: u64, message: &Message, ack: Ack) -> Result<Receipt, Failure> {
        self.numbering.admit(id)?;
        self.journal.append(self.put(name, id, message), ack)
    }

    /// A message stands as it does. Nobody waits for that. If it is not written down, a restart gives back what was
    /// leased, or leases what was given back for the rest of the time.
    pub fn note(&self, name: &str, id: u64, message: &Message) {
        if let Err(failure) = self.journal.append(self.put(name, id, message), Ack::Memory) {
            log::warn!("how message {id} of {name} stands was not written down: {failure}");
        }
    }

    /// A message is gone.
    pub fn remove(&mut self, gone: Gone<'_>, ack: Ack) -> Result<Receipt, Failure> {
        self.append(self.without(gone), gone.floor(), ack)
    }

    /// A message is in another queue. If that is not written down, it is found in its old one and dies again.
    pub fn bury(&mut self, gone: Gone<'_>, grave: &str, letter_id: u64, letter: &Message) {
        let mut changes = self.without(gone);
        changes.extend(self.put(grave, letter_id, letter));
        if let Err(failure) = self.append(changes, gone.floor(), Ack::Memory) {
            log::warn!("the death of message {} of {} was not written down: {failure}", gone.id, gone.queue);
        }
    }

    /// The messages of a queue are gone.
    pub fn clear(&mut self, name: &str, last_id: u64, ack: Ack) -> Result<Receipt, Failure> {
        let mut changes = Vec::new();
        if self.journal.keeps() {
            let (table, name) = (Table::Messages, name.into());
            changes.push(Change::RemoveThrough { table, name, number: last_id });
        }
        self.append(changes, last_id, ack)
    }

    /// Appends changes after which no row tells any more that ids have come as far as `floor`.
    fn append(&mut self, mut changes: Vec<Change>, floor: u64, ack: Ack) -> Result<Receipt, Failure> {
        changes.extend(self.numbering.change(floor));
        let receipt = self.journal.append(changes, ack)?;
        self.numbering.raise(floor);
        Ok(receipt)
    }

    fn put(&self, name: &str, id: u64, message: &Message) -> Vec<Change> {
        if !self.journal.keeps() {
            return Vec::new();
        }
        let (table, name) = (Table::Messages, name.into());
        vec![Change::Put(Row { table, name, number: id, value: message.encode() })]
    }

    fn without(&self, gone: Gone<'_>) -> Vec<Change> {
        if !self.journal.keeps() {
            return Vec::new();
        }
        vec![Change::Remove { table: Table::Messages, name: gone.queue.into(), number: gone.id }]
    }
}

impl Gone<'_> {
    /// How far ids have come, if no row is to tell it any more.
    fn floor(self) -> u64 {
        if self.id == self.last_id { self.id } else { 0 }
    }
}
