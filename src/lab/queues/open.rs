//! All queues behind their lock: what happens between them, and what of it is written down.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::task::Waker;
use std::time::Instant;

use super::delivery::{Delivery, Hold, Tag};
use super::ledger::{Gone, Ledger};
use super::message::{Message, Parcel};
use super::queue::Queue;
use super::{Account, Full, NotPosted, Unsettled};
use crate::lab::journal::{Ack, Failure, Journal, Receipt};
use crate::lab::settings::QueueSettings;

pub(super) struct Open {
    pub queues: BTreeMap<Arc<str>, Queue>,
    settings: QueueSettings,
    pub ledger: Ledger,
    /// What the messages of all queues cost.
    bytes: usize,
    /// No new queue gives an id up to this one. Queues that are gone have given them, and somebody may still come with
    /// a tag of theirs.
    pub floor: u64,
    tickets: u64,
    /// Whom to wake when the lock is given back.
    pub calls: Vec<Waker>,
}

impl Open {
    pub fn new(settings: QueueSettings, journal: Arc<dyn Journal>) -> Open {
        Open {
            queues: BTreeMap::new(),
            settings,
            ledger: Ledger::new(journal),
            bytes: 0,
            floor: 0,
            tickets: 0,
            calls: Vec::new(),
        }
    }

    /// A consumer comes; answers its ticket.
    pub fn enter(&mut self, name: &Arc<str>, consumer: Option<Arc<str>>) -> Result<u64, Full> {
        if !self.queues.contains_key(name) {
            self.check_place()?;
        }
        self.tickets += 1;
        let ticket = self.tickets;
        self.queue(name).enter(ticket, consumer);
        Ok(ticket)
    }

    /// A consumer goes, and gives back what it has not acked.
    pub fn leave(&mut self, name: &str, ticket: u64) {
        let Some(queue) = self.queues.get_mut(name) else { return };
        let ids = queue.leave(ticket);
        ids.into_iter().for_each(|id| self.give_back(name, id));
        self.attend(name);
    }

    pub fn post(
        &mut self,
        now: Instant,
        name: &str,
        parcel: Parcel,
        ack: Ack,
    ) -> Result<(u64, Receipt), NotPosted> {
        self.advance(now, name);
        let message = Message::new(parcel, self.settings.max_deliveries);
        self.check_room(name, message.cost())?;
        let id = self.queues.get(name).map_or(self.floor, |queue| queue.last_id) + 1;
        let receipt = self.ledger.post(name, id, &message, ack).map_err(NotPosted::NotKept)?;
        self.put(&name.into(), id, message);
        self.attend(name);
        Ok((id, receipt))
    }

    /// Whether there is room for a message of this cost. A dead letter is not asked: it has been in memory before.
    fn check_room(&self, name: &str, cost: usize) -> Result<(), NotPosted> {
        let settings = &self.settings;
        if self.bytes + cost > settings.max_bytes {
            return Err(NotPosted::Full(Full::Memory));
        }
        match self.queues.get(name) {
            None => Ok(self.check_place()?),
            Some(queue) if queue.len() >= settings.max_messages => Err(NotPosted::Full(Full::Messages)),
            Some(queue) if queue.bytes + cost > settings.max_queue_bytes => Err(NotPosted::Full(Full::Bytes)),
            Some(_) => Ok(()),
        }
    }

    fn check_place(&self) -> Result<(), Full> {
        if self.queues.len() < self.settings.max_queues { Ok(()) } else { Err(Full::Queues) }
    }

    pub fn put(&mut self, name: &Arc<str>, id: u64, message: Message) {
        self.bytes += message.cost();
        self.queue(name).put(id, message);
    }

    /// The queue of this name, which is there from now on.
    fn queue(&mut self, name: &Arc<str>) -> &mut Queue {
        let floor = self.floor;
        self.queues.entry(Arc::clone(name)).or_insert_with(|| Queue::new(dead_letters_of(name), floor))
    }

    pub fn take(&mut self, now: Instant, name: &str, ticket: u64, hold: Hold) -> Option<Delivery> {
        self.advance(now, name);
        let queue = self.queues.get_mut(name)?;
        queue.line.come(ticket);
        let delivery = queue.take(ticket, hold);
        if let Some(delivery) = &delivery {
            queue.line.leave(ticket);
            self.note(name, delivery.tag.id);
        }
        self.attend(name);
        delivery
    }

    pub fn wait(&mut self, name: &str, ticket: u64, hold: Hold, waker: Waker) {
        let next_end = self.next_end(name);
        if let Some(queue) = self.queues.get_mut(name) {
            queue.wait(ticket, waker, hold, next_end);
        }
        self.attend(name);
    }

    pub fn ack(&mut self, now: Instant, name: &str, tag: Tag, ack: Ack) -> Result<Receipt, Unsettled> {
        let last_id = self.check(now, name, tag)?.last_id;
        let gone = Gone { queue: name, id: tag.id, last_id };
        let receipt = self.ledger.remove(gone, ack).map_err(Unsettled::NotKept)?;
        let queue = self.queues.get_mut(name).expect("it was checked");
        self.bytes -= queue.ack(tag);
        self.attend(name);
        Ok(receipt)
    }

    pub fn nack(&mut self, now: Instant, name: &str, tag: Tag) -> Result<(), Unsettled> {
        self.check(now, name, tag)?;
        self.give_back(name, tag.id);
        self.note(name, tag.id);
        self.attend(name);
        Ok(())
    }

    fn check(&mut self, now: Instant, name: &str, tag: Tag) -> Result<&Queue, Unsettled> {
        self.advance(now, name);
        let queue = self.queues.get(name).ok_or(Unsettled::NoQueue)?;
        queue.check(tag).map_err(Unsettled::Lapsed)?;
        Ok(queue)
    }

    /// Throws the messages of a queue away; tells when that is done, or that there is no such queue.
    pub fn delete(&mut self, name: &str, ack: Ack) -> Option<Result<Receipt, Failure>> {
        let last_id = self.queues.get(name)?.last_id;
        let receipt = match self.ledger.clear(name, last_id, ack) {
            Ok(receipt) => receipt,
            Err(failure) => return Some(Err(failure)),
        };
        self.bytes -= self.queues.get_mut(name).map_or(0, Queue::clear);
        self.attend(name);
        Some(Ok(receipt))
    }

    /// Sees which leases have ended by now: those of a queue, and those whose messages may die into it.
    pub fn advance(&mut self, now: Instant, name: &str) {
        if let Some(source) = source_of(name) {
            self.expire(now, source);
        }
        self.expire(now, name);
    }

    /// The same for all queues; answers their names.
    pub fn advance_all(&mut self, now: Instant) -> Vec<Arc<str>> {
        let names: Vec<Arc<str>> = self.queues.keys().cloned().collect();
        names.iter().for_each(|name| self.expire(now, name));
        self.queues.keys().cloned().collect()
    }

    fn expire(&mut self, now: Instant, name: &str) {
        let expired = |open: &Open| open.queues.get(name)?.expired(now);
        if expired(self).is_none() {
            return;
        }
        while let Some(id) = expired(self) {
            self.give_back(name, id);
        }
        self.attend(name);
    }

    /// Writes down how a message stands now, if it is there.
    fn note(&self, name: &str, id: u64) {
        if let Some(message) = self.queues.get(name).and_then(|queue| queue.message(id)) {
            self.ledger.note(name, id, message);
        }
    }

    fn give_back(&mut self, name: &str, id: u64) {
        let grave = self.grave_of(name, id);
        let Some(queue) = self.queues.get_mut(name) else { return };
        match grave {
            None => queue.give_back(id),
            Some((dead_letters, letter_id)) => {
                let message = queue.die(id);
                let gone = Gone { queue: name, id, last_id: queue.last_id };
                self.bury(gone, &dead_letters, letter_id, message);
            }
        }
    }

    /// Where a message goes that has been delivered too often, and its id there. While the disk lets no id be had, it
    /// is delivered more often than it should be.
    fn grave_of(&mut self, name: &str, id: u64) -> Option<(Arc<str>, u64)> {
        let queue = self.queues.get(name).filter(|queue| queue.is_worn_out(id))?;
        let dead_letters = queue.dead_letters.clone()?;
        let letter_id = self.queues.get(&dead_letters).map_or(self.floor, |queue| queue.last_id) + 1;
        match self.ledger.numbering.admit(letter_id) {
            Ok(()) => Some((dead_letters, letter_id)),
            Err(failure) => {
                log::warn!("message {id} of {name} has nowhere to go: {failure}");
                None
            }
        }
    }

    /// Moves a message to the dead-letter queue, where its deliveries count from the beginning.
    fn bury(&mut self, gone: Gone<'_>, dead_letters: &Arc<str>, letter_id: u64, message: Message) {
        self.bytes -= message.cost();
        let died_in = Some(format!("{}/{}", gone.queue, gone.id).into());
        let letter = Message { died_in, deliveries: 0, holder: None, ..message };
        self.ledger.bury(gone, dead_letters, letter_id, &letter);
        self.put(dead_letters, letter_id, letter);
    }

    /// Calls those who wait for what has become ready, and forgets a queue that is nothing any more.
    pub fn attend(&mut self, name: &str) {
        let Some(queue) = self.queues.get(name) else { return };
        let dead_letters = queue.dead_letters.clone();
        let is_unused = queue.is_unused();
        for name in [Some(name), dead_letters.as_deref()].into_iter().flatten() {
            let next_end = self.next_end(name);
            if let Some(queue) = self.queues.get_mut(name) {
                queue.line.call(queue.ready(), &mut self.calls);
                queue.line.watch(next_end, &mut self.calls);
            }
        }
        if is_unused && let Some(queue) = self.queues.remove(name) {
            self.floor = self.floor.max(queue.last_id);
        }
    }

    pub fn account(&self, name: &str) -> Option<Account> {
        let (name, queue) = self.queues.get_key_value(name)?;
        Some(Account {
            queue: Arc::clone(name),
            ready: queue.ready(),
            leased: queue.leased(),
            consumers: queue.consumers,
            counts: queue.counts,
            held: queue.held().take(SHOWN_DELIVERIES).map(|(tag, name)| (tag, name.cloned())).collect(),
        })
    }

    /// When something may come into a queue by itself.
    fn next_end(&self, name: &str) -> Option<Instant> {
        let of = |name: &str| self.queues.get(name)?.next_end();
        [of(name), source_of(name).and_then(of)].into_iter().flatten().min()
    }
}

/// The queue to which the messages of this one go that nobody can be done with.
fn dead_letters_of(name: &str) -> Option<Arc<str>> {
    (!name.ends_with(DEAD_LETTERS)).then(|| format!("{name}{DEAD_LETTERS}").into())
}

/// The queue whose dead letters are in this one.
fn source_of(name: &str) -> Option<&str> {
    name.strip_suffix(DEAD_LETTERS)
}

/// The most deliveries that an account lists.
const SHOWN_DELIVERIES: usize = 100;

/// What the name of a dead-letter queue ends with.
pub const DEAD_LETTERS: &str = ".dead";
