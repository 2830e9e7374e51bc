//! A queue with its dead letters, and a book of what has become of every message.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use proptest::prelude::*;
use wirelab::lab::journal::Ack;
use wirelab::lab::queues::{Consumer, Delivery, Hold, Lapse, Lease, Parcel, Queues, Tag, Unsettled};
use wirelab::lab::settings::QueueSettings;

use super::pages::{Pages, of_text};

/// Something that somebody does.
#[derive(Clone, Debug)]
pub enum Act {
    Post {
        ack: Ack,
    },
    /// Leases the next message, or the next dead letter.
    Take {
        lease: u64,
    },
    TakeDead,
    /// Somebody is connected, and pushed to.
    Connect {
        window: usize,
    },
    Push {
        which: usize,
    },
    Break {
        which: usize,
    },
    /// Of all deliveries so far, whatever has become of them.
    Ack {
        which: usize,
    },
    Nack {
        which: usize,
    },
    Advance {
        millis: u64,
    },
    Delete,
    /// The server stops, and another one starts.
    Restart,
    /// The server is killed; of what was not said to be kept, so much is lost.
    Crash {
        most: usize,
    },
}

pub fn acts() -> impl Strategy<Value = Vec<Act>> {
    let ack = prop_oneof![Just(Ack::Memory), Just(Ack::Write)];
    let which = 0..1000usize;
    let act = prop_oneof![
        6 => ack.prop_map(|ack| Act::Post { ack }),
        6 => (0..50u64).prop_map(|lease| Act::Take { lease }),
        2 => Just(Act::TakeDead),
        1 => (1..4usize).prop_map(|window| Act::Connect { window }),
        4 => which.clone().prop_map(|which| Act::Push { which }),
        1 => which.clone().prop_map(|which| Act::Break { which }),
        4 => which.clone().prop_map(|which| Act::Ack { which }),
        3 => which.prop_map(|which| Act::Nack { which }),
        4 => (0..40u64).prop_map(|millis| Act::Advance { millis }),
        1 => Just(Act::Restart),
        1 => (0..20usize).prop_map(|most| Act::Crash { most }),
        1 => Just(Act::Delete),
    ];
    prop::collection::vec(act, 0..80)
}

pub struct World {
    queues: Arc<Queues>,
    pages: Arc<Pages>,
    now: Instant,
    began: Instant,
    connections: Vec<(Consumer, usize, u64)>,
    connected: u64,
    posted: u64,
    /// Messages that have to be somewhere, each with the page that says so.
    promised: BTreeMap<u64, usize>,
    /// Messages that must not come again, each with the page that says so.
    acked: BTreeMap<u64, usize>,
    deliveries: Vec<Delivered>,
    /// What each tag has meant.
    meanings: BTreeMap<(&'static str, Tag), u64>,
    /// The latest message that was delivered for the first time, by its id.
    latest_first: Option<u64>,
}

/// A delivery, as its consumer remembers it.
#[derive(Clone, Debug)]
struct Delivered {
    queue: &'static str,
    tag: Tag,
    message: u64,
    page: usize,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Leased(Instant),
    Pushed(u64),
    Acked,
    Over,
    /// Nobody can say since the crash.
    Unsure,
}

impl World {
    pub fn new() -> World {
        let (pages, now) = (Arc::new(Pages::default()), Instant::now());
        World {
            queues: Arc::new(Queues::new(QueueSettings::default(), pages.clone())),
            pages,
            now,
            began: now,
            connections: Vec::new(),
            connected: 0,
            posted: 0,
            promised: BTreeMap::new(),
            acked: BTreeMap::new(),
            deliveries: Vec::new(),
            meanings: BTreeMap::new(),
            latest_first: None,
        }
    }

    pub fn acked(&self) -> usize {
        self.acked.len()
    }

    pub fn act(&mut self, act: &Act) {
        match *act {
            Act::Post { ack } => self.post(ack),
            Act::Take { lease } => self.take(QUEUE, lease),
            Act::TakeDead => self.take(DEAD, 20),
            Act::Connect { window } => {
                self.connected += 1;
                let consumer = self.queues.consumer(&QUEUE.into(), None).unwrap();
                self.connections.push((consumer, window, self.connected));
            }
            Act::Push { which } => self.push(which),
            Act::Break { which } => self.break_connection(which),
            Act::Ack { which } => self.settle(which, true),
            Act::Nack { which } => self.settle(which, false),
            Act::Advance { millis } => self.now += Duration::from_millis(millis),
            Act::Delete => self.delete(),
            Act::Restart => self.restart(self.pages.len(), false),
            Act::Crash { most } => {
                let kept = self.pages.tear(most);
                self.restart(kept, true);
            }
        }
        self.check_counts();
    }

    fn post(&mut self, ack: Ack) {
        self.posted += 1;
        let content = self.posted.to_string().into();
        let parcel = Parcel {
            content,
            content_type: Some("text/plain".into()),
            max_deliveries: Some(MOST_DELIVERIES),
        };
        self.queues.post(self.now, QUEUE, parcel, ack).unwrap();
        self.promised.insert(self.posted, self.pages.len());
    }

    fn take(&mut self, queue: &'static str, millis: u64) {
        let lease = Duration::from_millis(millis);
        let hold = Hold::Lease(Lease::of(lease, self.now, self.unix_millis()));
        let taken = self.queues.consumer(&queue.into(), None).unwrap().take(self.now, hold);
        if let Some(delivery) = taken {
            self.note(queue, &delivery, State::Leased(self.now + lease));
        }
    }

    fn push(&mut self, which: usize) {
        if self.connections.is_empty() {
            return;
        }
        let which = which % self.connections.len();
        let (consumer, window, number) = &mut self.connections[which];
        let (window, number) = (*window, *number);
        let taken = consumer.take(self.now, Hold::Window(window));
        let held =
            self.deliveries.iter().filter(|delivered| delivered.state == State::Pushed(number)).count();
        if let Some(delivery) = taken {
            assert!(held < window, "{held} were pushed through a window of {window}");
            self.note(QUEUE, &delivery, State::Pushed(number));
        }
    }

    /// A delivery has come: nobody else may have the message, and it must not have been done with.
    fn note(&mut self, queue: &'static str, delivery: &Delivery, state: State) {
        self.expire();
        let message = of_text(&delivery.content).parse().unwrap();
        let tag = delivery.tag;
        let is_held = |state| matches!(state, State::Leased(_) | State::Pushed(_));
        let holder = self.deliveries.iter().find(|other| other.message == message && is_held(other.state));
        assert!(holder.is_none(), "{message} comes as {tag}, and is with {holder:?}");
        assert!(!self.acked.contains_key(&message), "{message} comes as {tag}, and was acked");
        assert_eq!(delivery.content_type.as_deref(), Some("text/plain"));
        assert_eq!(delivery.died_in.is_some(), queue == DEAD);
        assert!(queue == DEAD || tag.delivery <= MOST_DELIVERIES, "{message} comes as {tag}");
        let meaning = *self.meanings.entry((queue, tag)).or_insert(message);
        assert_eq!(meaning, message, "{tag} has meant something else");
        if queue == QUEUE && !tag.is_redelivered() {
            assert!(self.latest_first < Some(tag.id), "{tag} comes behind {:?}", self.latest_first);
            self.latest_first = Some(tag.id);
        }
        self.deliveries.push(Delivered { queue, tag, message, page: self.pages.len(), state });
    }

    fn break_connection(&mut self, which: usize) {
        if self.connections.is_empty() {
            return;
        }
        let (consumer, _, number) = self.connections.swap_remove(which % self.connections.len());
        drop(consumer);
        for delivered in &mut self.deliveries {
            if delivered.state == State::Pushed(number) {
                delivered.state = State::Over;
            }
        }
    }

    fn settle(&mut self, which: usize, is_ack: bool) {
        self.expire();
        if self.deliveries.is_empty() {
            return;
        }
        let which = which % self.deliveries.len();
        let Delivered { queue, tag, message, state, .. } = self.deliveries[which].clone();
        let result = match is_ack {
            true => self.queues.ack(self.now, queue, tag, Ack::Memory).map(drop),
            false => self.queues.nack(self.now, queue, tag),
        };
        match state {
            State::Leased(_) | State::Pushed(_) => assert_eq!(result, Ok(()), "{tag} of {queue}"),
            State::Acked => assert_eq!(result, Err(Unsettled::Lapsed(Lapse::Acked)), "{tag} of {queue}"),
            State::Over => assert!(
                matches!(result, Err(Unsettled::Lapsed(Lapse::Over) | Unsettled::NoQueue)),
                "{tag} of {queue}: {result:?}"
            ),
            State::Unsure => {}
        }
        if result.is_err() {
            return;
        }
        // A crash may forget a delivery, and then its tag is given to the next one.
        let same = |other: &&mut Delivered| (other.queue, other.tag) == (queue, tag);
        for delivered in self.deliveries.iter_mut().filter(same) {
            delivered.state = if is_ack { State::Acked } else { State::Over };
        }
        if is_ack {
            self.acked.insert(message, self.pages.len());
        }
    }

    fn delete(&mut self) {
        if self.queues.delete(QUEUE, Ack::Memory).is_none() {
            return;
        }
        let page = self.pages.len();
        for delivered in self.deliveries.iter_mut().filter(|delivered| delivered.queue == QUEUE) {
            delivered.state = State::Unsure;
        }
        self.promised.retain(|_, promised| *promised > page);
    }

    /// The pages up to `kept` are what the next server knows.
    fn restart(&mut self, kept: usize, after_crash: bool) {
        self.expire();
        let connections = std::mem::take(&mut self.connections);
        self.queues = Arc::new(Queues::new(QueueSettings::default(), self.pages.clone()));
        let unix_millis = self.unix_millis();
        self.queues.restore(self.pages.rows(), after_crash, self.now, unix_millis).unwrap();
        // The old server is gone, and its connections with it: what it does now, it does to itself.
        std::mem::forget(connections);
        if after_crash {
            self.latest_first = None;
        }
        self.promised.retain(|_, page| *page <= kept);
        self.acked.retain(|_, page| *page <= kept);
        for delivered in &mut self.deliveries {
            delivered.state = match delivered.state {
                State::Leased(until) if delivered.page <= kept => State::Leased(until),
                State::Pushed(_) if !after_crash => State::Over,
                State::Over if !after_crash => State::Over,
                _ => State::Unsure,
            };
        }
    }

    fn expire(&mut self) {
        for delivered in &mut self.deliveries {
            if matches!(delivered.state, State::Leased(until) if until <= self.now) {
                delivered.state = State::Over;
            }
        }
    }

    /// Every message is in one state.
    fn check_counts(&self) {
        for queue in [QUEUE, DEAD] {
            let Some(account) = self.queues.account(self.now, queue) else { continue };
            let counts = account.counts;
            let states = (account.ready + account.leased) as u64 + counts.acked + counts.dead;
            assert_eq!(states, counts.posted, "{account:?}");
        }
    }

    /// Takes everything that is there, once all leases have ended and all connections are broken.
    pub fn drain(&mut self) {
        while !self.connections.is_empty() {
            self.break_connection(0);
        }
        self.now += Duration::from_secs(24 * 60 * 60);
        let mut there = BTreeSet::new();
        for queue in [QUEUE, DEAD] {
            loop {
                let before = self.deliveries.len();
                self.take(queue, 1000);
                let Some(delivered) = self.deliveries.get(before).cloned() else { break };
                assert!(there.insert(delivered.message), "{} is there twice", delivered.message);
                self.queues.ack(self.now, queue, delivered.tag, Ack::Memory).unwrap();
                self.deliveries[before].state = State::Acked;
            }
        }
        let done: BTreeSet<u64> = there.iter().chain(self.acked.keys()).copied().collect();
        let lost: Vec<_> = self.promised.keys().filter(|message| !done.contains(message)).collect();
        assert!(lost.is_empty(), "{lost:?} are lost");
    }

    fn unix_millis(&self) -> u64 {
        (self.now - self.began).as_millis() as u64
    }
}

const QUEUE: &str = "q";
const DEAD: &str = "q.dead";
const MOST_DELIVERIES: u32 = 3;
