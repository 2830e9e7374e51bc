//! A service at the events in its queue: it takes one after another, and is at each for as long as its work takes.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{Fate, Service, Terms};
use crate::lab::journal::Ack;
use crate::lab::queues::{Consumer, Full, Hold, Queues, Tag};

/// A service at work. If it is dropped, the event that it is at goes back into the queue.
pub struct Worker {
    queues: Arc<Queues>,
    queue: Arc<str>,
    consumer: Consumer,
    work: Duration,
    fails: bool,
    began: Instant,
    /// The event that it is to come to; without one it goes on until the queue is empty.
    goal: Option<u64>,
    /// What it is at, and until when.
    at: Option<(Tag, Instant)>,
    worked: u64,
    /// What has become of its goal.
    fate: Fate,
}

impl Worker {
    /// Begins with the oldest event of the queue.
    ///
    /// # Errors
    /// There is no such queue, and there are as many as there may be.
    pub fn begin(
        queues: &Arc<Queues>,
        service: Service,
        terms: &Terms,
        goal: Option<u64>,
        now: Instant,
    ) -> Result<Worker, Full> {
        let queue = service.queue();
        let mut worker = Worker {
            queues: Arc::clone(queues),
            consumer: queues.consumer(&queue, Some(service.name().into()))?,
            queue,
            work: terms.work(service),
            fails: terms.fails == Some(service),
            began: now,
            goal,
            at: None,
            worked: 0,
            fate: Fate::Elsewhere,
        };
        worker.take_next(now, now);
        Ok(worker)
    }

    /// Is done with what it is time for.
    pub fn poll(&mut self, now: Instant) {
        while let Some((tag, due)) = self.at.take_if(|(_, due)| *due <= now) {
            let (got, end) = (due - self.work - self.began, due - self.began);
            // Whatever the queue says: if somebody has thrown the event away, it is gone as well.
            if self.fails {
                let _ = self.queues.nack(now, &self.queue, tag);
                self.fate = Fate::Failed { got, failed: end };
                return;
            }
            let _ = self.queues.ack(now, &self.queue, tag, Ack::Memory);
            self.worked += 1;
            if self.goal == Some(tag.id) {
                self.fate = Fate::Done { got, done: end };
            }
            if self.goal.is_none_or(|goal| tag.id < goal) {
                self.take_next(now, due);
            }
        }
    }

    /// When it is done with what it is at; nothing if it is at nothing any more.
    pub fn due(&self) -> Option<Instant> {
        self.at.map(|(_, due)| due)
    }

    /// What has become of the event that it was to come to, so far.
    pub fn fate(&self) -> Fate {
        if self.at.is_some() { Fate::Behind } else { self.fate }
    }

    /// How many events it is done with.
    pub fn worked(&self) -> u64 {
        self.worked
    }

    /// Takes the next event, which it begins with at `at`: its work takes the time that it takes, however late it is asked.
    fn take_next(&mut self, now: Instant, at: Instant) {
        let delivery = self.consumer.take(now, Hold::Window(1));
        self.at = delivery.map(|delivery| (delivery.tag, at + self.work));
    }
}
