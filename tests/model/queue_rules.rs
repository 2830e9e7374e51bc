//! The rules, and whether all that was said and done about messages keeps them.
//!
//! A message is *sure* if its producer was told that it was written, or if no server was killed that may have had it in
//! memory only; and so is an ack.
//!
//! 1. Every sure message is acked by somebody whom it was handed to.
//! 2. Nobody is handed what nobody has posted, or only a part of it.
//! 3. An id of a queue is given once, to one message.
//! 4. A message has a greater id than all that anybody knew when it was posted: also than those that a crash has lost.
//! 5. In one life of the server, a delivery tag is handed out once, and a message is acked once. What was pushed stays
//!    with whoever it was pushed to, until the server stops in order and gives everything back.
//! 6. Nobody who asks after a sure ack is handed the message again.

use std::collections::{BTreeMap, BTreeSet};

use wirelab::lab::journal::Ack;

use crate::complaints::{Complaints, start_of};
use crate::producer::Posted;
use crate::queues::QUEUE;
use crate::worker::{Delivery, Verdict};
use crate::world::{End, Moment};

/// All that was done.
pub struct Acts {
    pub posted: Vec<Posted>,
    pub deliveries: Vec<Delivery>,
    /// Of each life of the server.
    pub ends: Vec<End>,
}

impl Acts {
    /// # Panics
    /// When a rule is broken, with the first few places.
    pub fn judge(&self) {
        let mut complaints = Complaints::default();
        self.judge_messages(&mut complaints);
        self.judge_ids(&mut complaints);
        self.judge_lives(&mut complaints);
        self.judge_acks(&mut complaints);
        let acked = self.deliveries.iter().filter(|delivery| delivery.is_acked()).count();
        let (messages, times, lives) = (self.posted.len(), self.deliveries.len(), self.ends.len());
        println!("{messages} messages, {times} times delivered, {acked} times acked, in {lives} lives");
        complaints.hear();
    }

    /// Rules 1 and 2.
    fn judge_messages(&self, complaints: &mut Complaints) {
        let acked = self.deliveries.iter().filter(|delivery| delivery.is_acked());
        let acked: BTreeSet<&str> = acked.map(|delivery| &*delivery.content).collect();
        for message in &self.posted {
            let is_sure = message.answered.is_some_and(|answered| self.is_sure(answered.ack, answered.life));
            if is_sure && !acked.contains(&*message.content) {
                complaints.add(&message.content, "is lost");
            }
        }
        let sent: BTreeMap<&str, Moment> =
            self.posted.iter().map(|message| (&*message.content, message.sent)).collect();
        for delivery in &self.deliveries {
            if sent.get(&*delivery.content).is_none_or(|sent| *sent > delivery.handed) {
                complaints.add(&delivery.content, "was not posted before it was handed out");
            }
        }
    }

    /// Rules 3 and 4.
    fn judge_ids(&self, complaints: &mut Complaints) {
        let answered = || self.posted.iter().filter_map(|message| Some((message, message.answered?)));
        let told = answered().map(|(message, told)| (told.at, QUEUE, told.id, &*message.content));
        let handed = self.deliveries.iter().map(|handed| {
            let Delivery { handed, queue, tag, content, .. } = handed;
            (*handed, *queue, tag.id, &**content)
        });
        let (mut contents, mut known) = (BTreeMap::new(), BTreeMap::new());
        for (at, queue, id, content) in told.chain(handed) {
            let first = *contents.entry((queue, id)).or_insert(content);
            if first != content {
                let other = start_of(first);
                complaints.add(content, format!("has id {id} of {queue}, which {other:?} has as well"));
            }
            if queue == QUEUE {
                known.insert(at, id);
            }
        }
        // Whoever knows more later still knows what was known before.
        let mut highest = 0;
        for id in known.values_mut() {
            highest = highest.max(*id);
            *id = highest;
        }
        for (message, answered) in answered() {
            let before = known.range(..message.sent).next_back().map_or(0, |(_, id)| *id);
            if answered.id <= before {
                complaints.add(&message.content, format!("has id {}, and {before} was known", answered.id));
            }
        }
    }

    /// Rule 5.
    fn judge_lives(&self, complaints: &mut Complaints) {
        let (mut tags, mut acked) = (BTreeSet::new(), BTreeSet::new());
        for delivery in &self.deliveries {
            let Delivery { queue, tag, content, life, .. } = delivery;
            if !tags.insert((life, queue, tag)) {
                complaints.add(content, format!("was handed out twice as {tag} of {queue}"));
            }
            for ack in &delivery.acks {
                if matches!(ack.verdict, Verdict::Done(_)) && !acked.insert((ack.life, queue, tag.id)) {
                    complaints.add(content, format!("was acked twice as {} of {queue}", tag.id));
                }
                let is_taken_away = delivery.is_pushed && ack.verdict == Verdict::TooLate;
                if is_taken_away && ack.life == *life && self.ends[*life] == End::Killed {
                    complaints.add(content, format!("was pushed as {tag} of {queue}, and taken away"));
                }
            }
        }
    }

    /// Rule 6.
    fn judge_acks(&self, complaints: &mut Complaints) {
        let mut done: BTreeMap<&str, Moment> = BTreeMap::new();
        for delivery in &self.deliveries {
            for ack in delivery.acks.iter().filter(|ack| self.is_sure(ack.ack, ack.life)) {
                if let Verdict::Done(at) = ack.verdict {
                    done.entry(&delivery.content).and_modify(|first| *first = at.min(*first)).or_insert(at);
                }
            }
        }
        for delivery in &self.deliveries {
            if done.get(&*delivery.content).is_some_and(|done| *done < delivery.asked) {
                let Delivery { queue, tag, content, .. } = delivery;
                complaints.add(content, format!("was done with, and comes again as {tag} of {queue}"));
            }
        }
    }

    fn is_sure(&self, ack: Ack, life: usize) -> bool {
        ack > Ack::Memory || self.ends[life] == End::Stopped
    }
}
