//! One queue: its messages, who has which of them, and the state that each is in.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::mem;
use std::sync::Arc;
use std::task::Waker;
use std::time::Instant;

use super::delivery::{Delivery, Hold, Lapse, Tag};
use super::line::Line;
use super::message::{Holder, Message, Term};

/// The state of one queue.
///
/// A message that is given back takes its old place, which its id is: as in RabbitMQ, it comes before all that are
/// younger, and who works alone keeps the order.
#[derive(Debug, Default)]
pub(super) struct Queue {
    /// Where its messages go that nobody can be done with; a dead-letter queue has no other behind it.
    pub dead_letters: Option<Arc<str>>,
    /// The highest id that was given.
    pub last_id: u64,
    messages: BTreeMap<u64, Message>,
    ready: BTreeSet<u64>,
    /// The messages that are leased for a time, by its end.
    leases: BTreeSet<(Instant, u64)>,
    /// What was pushed to each connection and not acked.
    windows: BTreeMap<u64, Window>,
    /// The latest acks, so that a second one can be told from one that came too late.
    acked: VecDeque<Tag>,
    pub line: Line,
    /// How many are there, whether they wait or not.
    pub consumers: usize,
    /// What those of them call themselves who have said so: most that wait are to cost little.
    names: BTreeMap<u64, Arc<str>>,
    /// What the messages cost.
    pub bytes: usize,
    pub counts: Counts,
}

#[derive(Debug, Default)]
struct Window {
    ids: BTreeSet<u64>,
    /// Whom an ack wakes, when the window was full.
    paused: Option<Waker>,
}

/// What has happened in a queue since the server started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub posted: u64,
    pub delivered: u64,
    /// Deliveries of messages that had been delivered before.
    pub redelivered: u64,
    pub acked: u64,
    /// Messages that went to the dead-letter queue.
    pub dead: u64,
}

impl Queue {
    /// A queue whose ids count on from `last_id`.
    pub fn new(dead_letters: Option<Arc<str>>, last_id: u64) -> Queue {
        Queue { dead_letters, last_id, ..Queue::default() }
    }

    pub fn ready(&self) -> usize {
        self.ready.len()
    }

    pub fn leased(&self) -> usize {
        self.messages.len() - self.ready.len()
    }

    pub fn len(&self) -> usize {
        self.messages.len()
    }

    /// Whether nothing would be lost with it but the highest id.
    pub fn is_unused(&self) -> bool {
        self.messages.is_empty() && self.consumers == 0 && self.counts.posted == 0
    }

    /// The message with this id.
    pub fn message(&self, id: u64) -> Option<&Message> {
        self.messages.get(&id)
    }

    /// The first deliveries that wait for an ack, and the consumers that have them.
    pub fn held(&self) -> impl Iterator<Item = (Tag, Option<&Arc<str>>)> {
        self.messages.iter().filter_map(|(id, message)| {
            let holder = message.holder.as_ref()?;
            Some((Tag { id: *id, delivery: message.deliveries }, holder.name.as_ref()))
        })
    }

    /// Puts a message in; one that somebody holds stays with them.
    pub fn put(&mut self, id: u64, message: Message) {
        self.last_id = self.last_id.max(id);
        self.bytes += message.cost();
        self.counts.posted += 1;
        self.messages.insert(id, message);
        self.enlist(id);
    }

    /// A consumer comes.
    pub fn enter(&mut self, ticket: u64, name: Option<Arc<str>>) {
        self.consumers += 1;
        if let Some(name) = name {
            self.names.insert(ticket, name);
        }
    }

    /// A consumer goes; answers what it has not acked.
    pub fn leave(&mut self, ticket: u64) -> BTreeSet<u64> {
        self.consumers -= 1;
        self.names.remove(&ticket);
        self.line.leave(ticket);
        let Some(window) = self.windows.get_mut(&ticket) else { return BTreeSet::new() };
        window.paused = None;
        mem::take(&mut window.ids)
    }

    /// Hands out the oldest message that is ready.
    pub fn take(&mut self, ticket: u64, hold: Hold) -> Option<Delivery> {
        if let Hold::Window(size) = hold
            && self.windows.get(&ticket).is_some_and(|window| window.ids.len() >= size)
        {
            return None;
        }
        let id = self.ready.pop_first()?;
        let message = self.messages.get_mut(&id).expect("what is ready is there");
        message.deliveries = message.deliveries.saturating_add(1);
        let term = match hold {
            Hold::Lease(lease) => Term::Lease(lease),
            Hold::Window(_) => Term::Connection { ticket },
        };
        message.holder = Some(Holder { name: self.names.get(&ticket).cloned(), term });
        let tag = Tag { id, delivery: message.deliveries };
        let delivery = Delivery {
            tag,
            content: message.content.clone(),
            content_type: message.content_type.clone(),
            died_in: message.died_in.clone(),
        };
        self.counts.delivered += 1;
        self.counts.redelivered += u64::from(tag.is_redelivered());
        self.enlist(id);
        Some(delivery)
    }

    /// Waits for a message, or with a full window for an ack.
    pub fn wait(&mut self, ticket: u64, waker: Waker, hold: Hold, next_end: Option<Instant>) {
        match (hold, self.windows.get_mut(&ticket)) {
            (Hold::Window(size), Some(window)) if window.ids.len() >= size => {
                window.paused = Some(waker);
                self.line.leave(ticket);
            }
            _ => self.line.wait(ticket, waker, next_end),
        }
    }

    /// Whether this delivery waits for its ack.
    pub fn check(&self, tag: Tag) -> Result<(), Lapse> {
        let Some(message) = self.messages.get(&tag.id) else { return Err(self.lapse(tag)) };
        match tag.delivery {
            0 => Err(Lapse::Unknown),
            delivery if delivery > message.deliveries => Err(Lapse::Unknown),
            delivery if delivery < message.deliveries || message.holder.is_none() => Err(Lapse::Over),
            _ => Ok(()),
        }
    }

    /// What has become of a delivery whose message is not here.
    fn lapse(&self, tag: Tag) -> Lapse {
        match self.acked.iter().rev().find(|acked| acked.id == tag.id) {
            Some(acked) if *acked == tag => Lapse::Acked,
            Some(acked) if (1..acked.delivery).contains(&tag.delivery) => Lapse::Over,
            Some(_) => Lapse::Unknown,
            // Acked long ago, or dead: nobody remembers how often it was delivered.
            None if (1..=self.last_id).contains(&tag.id) && tag.delivery > 0 => Lapse::Over,
            None => Lapse::Unknown,
        }
    }

    /// A delivery is done with, for which [`check`](Queue::check) has spoken; answers what the message has cost.
    pub fn ack(&mut self, tag: Tag) -> usize {
        let message = self.remove(tag.id);
        self.counts.acked += 1;
        if self.acked.len() == REMEMBERED_ACKS {
            self.acked.pop_front();
        }
        self.acked.push_back(tag);
        message.cost()
    }

    /// Whether a message was delivered as often as it may be.
    pub fn is_worn_out(&self, id: u64) -> bool {
        self.messages.get(&id).is_some_and(|message| message.deliveries >= message.max_deliveries)
    }

    /// Takes a message back from whoever has it; it is ready again.
    pub fn give_back(&mut self, id: u64) {
        self.release(id);
        self.enlist(id);
    }

    /// Takes a message back for good, which is for the dead letters now.
    pub fn die(&mut self, id: u64) -> Message {
        self.counts.dead += 1;
        self.remove(id)
    }

    /// A message whose lease has ended.
    pub fn expired(&self, now: Instant) -> Option<u64> {
        self.leases.first().filter(|(until, _)| *until <= now).map(|(_, id)| *id)
    }

    /// When the next lease ends.
    pub fn next_end(&self) -> Option<Instant> {
        self.leases.first().map(|(until, _)| *until)
    }

    /// Throws all messages away, and what is known of those before; answers what they have cost. Who waits waits on.
    pub fn clear(&mut self) -> usize {
        let bytes = self.bytes;
        let held: Vec<u64> = self.held().map(|(tag, _)| tag.id).collect();
        held.into_iter().for_each(|id| self.release(id));
        let (line, names) = (mem::take(&mut self.line), mem::take(&mut self.names));
        let empty = Queue::new(self.dead_letters.take(), self.last_id);
        *self = Queue { line, consumers: self.consumers, names, ..empty };
        bytes
    }

    fn remove(&mut self, id: u64) -> Message {
        self.release(id);
        let message = self.messages.remove(&id).expect("what is held is there");
        self.bytes -= message.cost();
        message
    }

    /// Enters a message where those are that stand as it does.
    fn enlist(&mut self, id: u64) {
        match self.messages[&id].holder.as_ref().map(|holder| holder.term) {
            None => drop(self.ready.insert(id)),
            Some(Term::Lease(lease)) => drop(self.leases.insert((lease.until, id))),
            Some(Term::Connection { ticket }) => {
                self.windows.entry(ticket).or_default().ids.insert(id);
            }
        }
    }

    /// Nobody has this message any more. Where it was in a window there is room for another.
    fn release(&mut self, id: u64) {
        let holder = self.messages.get_mut(&id).and_then(|message| message.holder.take());
        match holder.map(|holder| holder.term) {
            Some(Term::Lease(lease)) => drop(self.leases.remove(&(lease.until, id))),
            Some(Term::Connection { ticket }) => self.make_room(ticket, id),
            None => {}
        }
    }

    fn make_room(&mut self, ticket: u64, id: u64) {
        let Some(window) = self.windows.get_mut(&ticket) else { return };
        window.ids.remove(&id);
        if let Some(waker) = window.paused.take() {
            self.line.wait(ticket, waker, None);
        }
        if window.ids.is_empty() {
            self.windows.remove(&ticket);
        }
    }
}

/// Acks that a queue remembers. A program that says a thing twice does so within seconds.
const REMEMBERED_ACKS: usize = 256;
