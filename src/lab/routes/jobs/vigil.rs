//! A client that has its answer held back until there is news of a job.

use std::time::Instant;

use crate::lab::exchange::Reply;
use crate::lab::jobs::{Absent, Job, Known, Watch};
use crate::lab::wait::Waiting;

/// What a client waits for, and for how long. Thousands may wait, so it is small, and nobody looks in vain: the moment
/// of the news is known.
pub struct Vigil {
    watch: Watch,
    known: Known,
    /// When there will be news, or the client's patience ends; nothing when the server stops, which is now.
    due: Option<Instant>,
    _waiting: Waiting,
}

impl Vigil {
    /// Waits until the job has a status that is not known, or until a time.
    pub fn new(watch: Watch, known: Known, until: Instant, waiting: Waiting) -> Vigil {
        Vigil { watch, known, due: Some(until), _waiting: waiting }
    }

    /// The job, when it is time to answer: there is news, or there will never be any, or nobody waits any more. Only
    /// within a poll.
    pub fn poll(&mut self, reply: &Reply<'_>) -> Option<Result<Job, Absent>> {
        self.watch.listen(|| reply.waker());
        let job = match self.watch.job(reply.now) {
            Ok(job) => job,
            Err(absent) => return Some(Err(absent)),
        };
        let due = self.due.filter(|due| *due > reply.now && !reply.peer_has_ended);
        match (due, job.next_news(self.known, reply.now)) {
            (Some(due), Some(news)) if self.knows(&job, reply.now) => {
                // News can only come earlier than it was foreseen, so the earliest of all times is enough.
                self.due = Some(due.min(news));
                None
            }
            _ => Some(Ok(job)),
        }
    }

    /// Whether the status of the job is no news.
    pub fn knows(&self, job: &Job, now: Instant) -> bool {
        self.known.has(job.status(now))
    }

    pub fn number(&self) -> u64 {
        self.watch.number()
    }

    pub fn due(&self) -> Option<Instant> {
        self.due
    }

    pub fn handle_shutdown(&mut self) {
        self.due = None;
    }
}
