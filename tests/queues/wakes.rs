//! A crowd that waits at a queue, and comes when it is called or when it is time.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::task::{Wake, Waker};
use std::time::{Duration, Instant};

use proptest::prelude::*;
use wirelab::lab::journal::{Ack, NoJournal};
use wirelab::lab::queues::{Consumer, Hold, Lease, Parcel, Queues, Tag};
use wirelab::lab::settings::QueueSettings;

#[derive(Clone, Debug)]
pub enum Act {
    Post,
    /// Somebody comes who waits for one message, or who is pushed to through a window.
    Come {
        window: Option<usize>,
    },
    Leave {
        which: usize,
    },
    /// Somebody passes by, who does not wait.
    Pass {
        lease: u64,
    },
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
    /// One of those who were called comes.
    Answer {
        which: usize,
    },
}

pub fn acts() -> impl Strategy<Value = Vec<Act>> {
    let which = 0..1000usize;
    let act = prop_oneof![
        5 => Just(Act::Post),
        4 => prop::option::of(1..4usize).prop_map(|window| Act::Come { window }),
        2 => which.clone().prop_map(|which| Act::Leave { which }),
        2 => (1..50u64).prop_map(|lease| Act::Pass { lease }),
        3 => which.clone().prop_map(|which| Act::Ack { which }),
        3 => which.clone().prop_map(|which| Act::Nack { which }),
        3 => (0..40u64).prop_map(|millis| Act::Advance { millis }),
        1 => Just(Act::Delete),
        8 => which.prop_map(|which| Act::Answer { which }),
    ];
    prop::collection::vec(act, 0..100)
}

/// How often somebody was called.
#[derive(Default)]
struct Pull(AtomicUsize);

impl Wake for Pull {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Relaxed);
    }
}

struct Waiting {
    number: usize,
    consumer: Consumer,
    window: Option<usize>,
    pull: Arc<Pull>,
}

impl Waiting {
    fn is_called(&self, now: Instant) -> bool {
        self.pull.0.load(Relaxed) > 0 || self.consumer.look_again().is_some_and(|due| due <= now)
    }
}

pub struct Crowd {
    queues: Arc<Queues>,
    now: Instant,
    waiting: Vec<Waiting>,
    come: usize,
    tags: Vec<Tag>,
    /// What was pushed and not settled, and to whom.
    pushed: BTreeMap<Tag, usize>,
    /// What was leased and not settled, and until when.
    leased: BTreeMap<Tag, Instant>,
}

impl Crowd {
    pub fn new() -> Crowd {
        let settings = QueueSettings { max_deliveries: 1000, ..QueueSettings::default() };
        let queues = Arc::new(Queues::new(settings, Arc::new(NoJournal)));
        Crowd {
            queues,
            now: Instant::now(),
            waiting: Vec::new(),
            come: 0,
            tags: Vec::new(),
            pushed: BTreeMap::new(),
            leased: BTreeMap::new(),
        }
    }

    /// Acts, and in the end lets everybody come who is called: then nobody waits for what is there.
    pub fn play(&mut self, acts: &[Act]) {
        for act in acts {
            self.act(act);
            self.check();
        }
        self.answer_all();
        let account = self.queues.account(self.now, QUEUE);
        let ready = account.map_or(0, |account| account.ready);
        let idle = self.waiting.iter().filter(|waiting| !self.is_full(waiting)).count();
        assert!(ready == 0 || idle == 0, "{ready} messages are ready, and {idle} wait");
    }

    fn act(&mut self, act: &Act) {
        match *act {
            Act::Post => drop(self.post()),
            Act::Come { window } => self.come(window),
            Act::Leave { which } if !self.waiting.is_empty() => {
                let which = which % self.waiting.len();
                let gone = self.waiting.swap_remove(which);
                self.pushed.retain(|_, number| *number != gone.number);
            }
            Act::Pass { lease } => {
                let hold = self.lease(lease);
                let taken = self.queues.consumer(&QUEUE.into(), None).unwrap().take(self.now, hold);
                if let Some(delivery) = taken {
                    self.tags.push(delivery.tag);
                    self.leased.insert(delivery.tag, self.now + Duration::from_millis(lease));
                }
            }
            Act::Ack { which } if !self.tags.is_empty() => {
                let tag = self.tags[which % self.tags.len()];
                if self.queues.ack(self.now, QUEUE, tag, Ack::Memory).is_ok() {
                    self.forget(tag);
                }
            }
            Act::Nack { which } if !self.tags.is_empty() => {
                let tag = self.tags[which % self.tags.len()];
                if self.queues.nack(self.now, QUEUE, tag).is_ok() {
                    self.forget(tag);
                }
            }
            Act::Advance { millis } => self.now += Duration::from_millis(millis),
            Act::Delete => {
                drop(self.queues.delete(QUEUE, Ack::Memory));
                self.pushed.clear();
                self.leased.clear();
            }
            Act::Answer { which } => {
                let called = self.called();
                if !called.is_empty() {
                    self.answer(called[which % called.len()]);
                }
            }
            Act::Leave { .. } | Act::Ack { .. } | Act::Nack { .. } => {}
        }
    }

    fn forget(&mut self, tag: Tag) {
        self.pushed.remove(&tag);
        self.leased.remove(&tag);
    }

    fn post(&mut self) -> u64 {
        let parcel = Parcel { content: "x".into(), content_type: None, max_deliveries: None };
        self.queues.post(self.now, QUEUE, parcel, Ack::Memory).unwrap().0
    }

    fn come(&mut self, window: Option<usize>) {
        let consumer = self.queues.consumer(&QUEUE.into(), None).unwrap();
        self.come += 1;
        self.waiting.push(Waiting { number: self.come, consumer, window, pull: Arc::default() });
        self.answer(self.waiting.len() - 1);
    }

    fn called(&self) -> Vec<usize> {
        (0..self.waiting.len()).filter(|which| self.waiting[*which].is_called(self.now)).collect()
    }

    fn answer_all(&mut self) {
        let mut answers = 0;
        while let Some(which) = self.called().first() {
            self.answer(*which);
            answers += 1;
            assert!(answers < 10_000, "somebody is called again and again");
        }
    }

    /// Somebody looks. Who waits for one message has it and leaves, who is pushed to waits on.
    fn answer(&mut self, which: usize) {
        let (now, lease) = (self.now, self.lease(20));
        let Waiting { number, consumer, window, pull } = &mut self.waiting[which];
        pull.0.store(0, Relaxed);
        let hold = window.map_or(lease, Hold::Window);
        match (consumer.take(now, hold), *window) {
            (Some(delivery), None) => {
                self.tags.push(delivery.tag);
                self.leased.insert(delivery.tag, now + Duration::from_millis(20));
                self.waiting.swap_remove(which);
            }
            (Some(delivery), Some(_)) => {
                self.tags.push(delivery.tag);
                self.pushed.insert(delivery.tag, *number);
                pull.0.store(1, Relaxed); // it looks again when what it was sent has left
            }
            (None, _) => consumer.wait(hold, Waker::from(Arc::clone(pull))),
        }
    }

    fn lease(&self, millis: u64) -> Hold {
        Hold::Lease(Lease::of(Duration::from_millis(millis), self.now, 0))
    }

    /// Whether somebody has as many messages as it may have.
    fn is_full(&self, waiting: &Waiting) -> bool {
        let has = self.pushed.values().filter(|number| **number == waiting.number).count();
        waiting.window.is_some_and(|window| has >= window)
    }

    /// Of those who wait as many are called as there are messages, or all; and somebody keeps the time.
    fn check(&self) {
        let Some(account) = self.queues.account(self.now, QUEUE) else { return };
        let called = self.called().len();
        let idle = self.waiting.iter().filter(|waiting| !self.is_full(waiting)).count();
        assert!(called >= account.ready.min(idle), "{called} are called: {account:?}");
        let end = self.leased.values().filter(|end| **end > self.now).min();
        if let Some(end) = end.filter(|_| called == 0 && idle > 0) {
            let looks = self.waiting.iter().filter_map(|waiting| waiting.consumer.look_again()).min();
            assert!(looks.is_some_and(|look| look <= *end), "nobody looks when a lease ends");
        }
    }
}

/// The next of them is woken to keep the time, as the lease of the first may end.
pub fn one_message_wakes_one_of_a_crowd() {
    let mut crowd = Crowd::new();
    (0..100).for_each(|_| crowd.come(None));
    crowd.post();
    assert_eq!(crowd.called(), [0], "who came first is called first");
    crowd.answer_all();
    assert_eq!((crowd.waiting.len(), crowd.tags.len()), (99, 1));
    let pulls: usize = crowd.waiting.iter().map(|waiting| waiting.pull.0.load(Relaxed)).sum();
    assert_eq!(pulls, 0);
    // Nobody has to be told when the lease ends.
    crowd.now += Duration::from_millis(20);
    assert_eq!(crowd.called().len(), 1);
    crowd.answer_all();
    assert_eq!((crowd.waiting.len(), crowd.tags.len()), (98, 2));
    // Who is called and leaves, passes it on.
    crowd.post();
    let called = crowd.called();
    assert_eq!(called.len(), 1);
    drop(crowd.waiting.swap_remove(called[0]));
    assert_eq!(crowd.called().len(), 1);
}

const QUEUE: &str = "q";
