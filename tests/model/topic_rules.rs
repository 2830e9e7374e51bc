//! The rules, and whether all that was said and heard on topics keeps them.
//!
//! An event is *sure* if its publisher was told that it was written, or if no server was killed that may have had it in
//! memory only.
//!
//! 1. An id is given once, to one event, and an event has one id.
//! 2. An event has a greater id than all that anybody knew when it was sent: also than those that a crash has lost.
//! 3. What one publisher has published one behind the other has increasing ids.
//! 4. Nobody hears what nobody has published.
//! 5. Whoever goes on by ids hears increasing ids, through all its connections, and every sure event up to the
//!    last.
//! 6. Whoever hears no ids hears every event once and in order within a connection, and no sure one is left out between.

use std::collections::{BTreeMap, BTreeSet};

use wirelab::lab::journal::Ack;

use crate::complaints::{Complaints, start_of};
use crate::publisher::Published;
use crate::subscriber::{Heard, Subscriber};
use crate::topics::TOPICS;
use crate::world::{End, Moment};

/// All that was done.
pub struct Acts<'w> {
    /// By publisher.
    pub published: Vec<Vec<Published>>,
    pub subscribers: Vec<Subscriber<'w>>,
    /// Of each life of the server.
    pub ends: Vec<End>,
}

/// What is known of one topic.
#[derive(Default)]
struct Known<'a> {
    ids: BTreeMap<&'a str, u64>,
    events: BTreeMap<u64, &'a str>,
    /// The highest id that anybody knew, by the moment from which on.
    highest: BTreeMap<Moment, u64>,
    sure: BTreeSet<u64>,
}

impl Acts<'_> {
    /// # Panics
    /// When a rule is broken, with the first few places.
    pub fn judge(&self) {
        let mut complaints = Complaints::default();
        let known: BTreeMap<&str, Known<'_>> =
            TOPICS.iter().map(|topic| (*topic, self.learn(topic, &mut complaints))).collect();
        self.judge_publishers(&known, &mut complaints);
        for subscriber in &self.subscribers {
            for topic in &subscriber.topics {
                match subscriber.way.has_ids() {
                    true => judge_by_ids(subscriber, topic, &known[topic], &mut complaints),
                    false => judge_by_data(subscriber, topic, &known[topic], &mut complaints),
                }
            }
        }
        self.print_summary();
        complaints.hear();
    }

    /// What publishers were told of a topic, and what subscribers have heard of it: rules 1 and 4.
    fn learn<'a>(&'a self, topic: &str, complaints: &mut Complaints) -> Known<'a> {
        let mut known = Known::default();
        let of_topic = |event: &&Published| event.topic == topic;
        let published = || self.published.iter().flatten().filter(of_topic);
        for event in published() {
            let Some(answered) = event.answered else { continue };
            known.note(&event.data, answered.id, answered.at, complaints);
            if answered.ack > Ack::Memory || self.ends[answered.life] == End::Stopped {
                known.sure.insert(answered.id);
            }
        }
        let sent: BTreeMap<&str, Moment> = published().map(|event| (&*event.data, event.sent)).collect();
        for heard in self.heard().filter(|heard| heard.data.starts_with(topic)) {
            if sent.get(&*heard.data).is_none_or(|sent| *sent > heard.at) {
                complaints.add(&heard.data, "was not published before it was heard");
            }
            if let Some(id) = heard.id {
                known.note(&heard.data, id, heard.at, complaints);
            }
        }
        known.accumulate();
        known
    }

    /// Rules 2 and 3.
    fn judge_publishers(&self, known: &BTreeMap<&str, Known<'_>>, complaints: &mut Complaints) {
        for publisher in &self.published {
            let mut last_ids = BTreeMap::new();
            for event in publisher {
                let Some(id) = known[event.topic].ids.get(&*event.data) else { continue };
                let last_id = last_ids.insert(event.topic, *id).unwrap_or(0);
                let highest = known[event.topic].highest_before(event.sent);
                if *id <= last_id {
                    complaints.add(&event.data, format!("has id {id}, and the one before has {last_id}"));
                }
                if *id <= highest {
                    complaints
                        .add(&event.data, format!("has id {id}, and {highest} was known when it was sent"));
                }
            }
        }
    }

    fn heard(&self) -> impl Iterator<Item = &Heard> {
        self.subscribers.iter().flat_map(|subscriber| subscriber.sittings.iter().flatten())
    }

    fn print_summary(&self) {
        let events = self.published.iter().map(Vec::len).sum::<usize>();
        let sittings = self.subscribers.iter().map(|subscriber| subscriber.sittings.len()).sum::<usize>();
        let (heard, lives) = (self.heard().count(), self.ends.len());
        println!("{events} events, {heard} times heard on {sittings} connections, in {lives} lives");
    }
}

/// Rule 5.
fn judge_by_ids(subscriber: &Subscriber<'_>, topic: &str, known: &Known<'_>, complaints: &mut Complaints) {
    let who = format!("{:?} of {topic}", subscriber.way);
    let heard = subscriber.sittings.iter().flatten().filter(|heard| heard.data.starts_with(topic));
    let ids: Vec<u64> = heard.filter_map(|heard| heard.id).collect();
    for pair in ids.windows(2).filter(|pair| pair[0] >= pair[1]) {
        complaints.add(&who, format!("hears {} behind {}", pair[1], pair[0]));
    }
    let (last, ids) = (ids.last().copied().unwrap_or(0), BTreeSet::from_iter(ids));
    for missing in known.sure.range(..=last).filter(|id| !ids.contains(id)) {
        complaints.add(&who, format!("does not hear {missing}, {:?}", start_of(known.events[missing])));
    }
}

/// Rule 6. Of an event whose publisher was cut off, and that nobody heard with an id, nobody can say where it belongs.
fn judge_by_data(subscriber: &Subscriber<'_>, topic: &str, known: &Known<'_>, complaints: &mut Complaints) {
    let who = format!("{:?} of {topic}", subscriber.way);
    for sitting in &subscriber.sittings {
        let heard: Vec<&str> =
            sitting.iter().map(|heard| &*heard.data).filter(|data| data.starts_with(topic)).collect();
        if BTreeSet::from_iter(&heard).len() < heard.len() {
            complaints.add(&who, "hears an event twice on one connection");
        }
        let ids: Vec<u64> = heard.iter().filter_map(|data| known.ids.get(data).copied()).collect();
        for pair in ids.windows(2).filter(|pair| pair[0] >= pair[1]) {
            complaints.add(&who, format!("hears {} behind {}", pair[1], pair[0]));
        }
        let (Some(first), Some(last)) = (ids.iter().min(), ids.iter().max()) else { continue };
        for missing in known.sure.range(first..=last).filter(|id| !ids.contains(id)) {
            complaints.add(&who, format!("does not hear {missing} between {first} and {last}"));
        }
    }
}

impl<'a> Known<'a> {
    /// Somebody has learned the id of an event.
    fn note(&mut self, data: &'a str, id: u64, at: Moment, complaints: &mut Complaints) {
        let (other_id, other_data) =
            (*self.ids.entry(data).or_insert(id), *self.events.entry(id).or_insert(data));
        if other_id != id {
            complaints.add(data, format!("has id {id}, and {other_id} as well"));
        }
        if other_data != data {
            complaints.add(data, format!("has id {id}, which {:?} has as well", start_of(other_data)));
        }
        self.highest.insert(at, id);
    }

    /// Once all is noted: whoever knows more later still knows what was known before.
    fn accumulate(&mut self) {
        let mut highest = 0;
        for id in self.highest.values_mut() {
            highest = highest.max(*id);
            *id = highest;
        }
    }

    fn highest_before(&self, moment: Moment) -> u64 {
        self.highest.range(..moment).next_back().map_or(0, |(_, id)| *id)
    }
}
