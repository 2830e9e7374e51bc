//! Which worker does which job when. As work is nothing but time, a job gets its exact start as soon as it is
//! submitted: nothing has to happen for it to begin and to end, and whoever asks finds out what has happened since.
//!
//! Only a cancelled job changes the plan. It brings forward those behind it, in the order of their numbers.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap, VecDeque};
use std::iter;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::job::{Job, Order, Stage};

/// How much there may be of everything.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Jobs that run at a time, 1 or more.
    pub workers: usize,
    /// Jobs that wait for a worker.
    pub waiting: usize,
    /// Jobs that are remembered when they have ended, 1 or more.
    pub kept: usize,
}

/// Every job that is remembered.
#[derive(Debug)]
pub struct Schedule {
    limits: Limits,
    /// Up to when it is known what has happened.
    now: Instant,
    jobs: BTreeMap<u64, Job>,
    by_key: HashMap<Arc<str>, u64>,
    /// Those that no worker has taken yet, in the order of their starts, which is that of their numbers.
    waiting: VecDeque<u64>,
    /// By their ends.
    running: BTreeSet<(Instant, u64)>,
    /// In the order of their ends.
    ended: VecDeque<u64>,
    /// For each worker, when it has done all that is planned.
    free: BinaryHeap<Reverse<Instant>>,
    /// The highest number so far.
    last: u64,
}

/// What has happened to a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Happening {
    Ended(u64),
    /// It ended so long ago that it is remembered no more.
    Forgotten(u64),
}

/// All workers are busy, and as many jobs wait as may; the first place is free after this time, if nobody cancels one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full(pub Duration);

/// There is no such job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Absent {
    /// The number was never given to one: `last` is the highest so far.
    Unknown {
        last: u64,
    },
    Forgotten,
}

/// How many jobs there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub queued: usize,
    pub running: usize,
    pub ended: usize,
}

impl Schedule {
    pub fn new(limits: Limits, now: Instant) -> Schedule {
        Schedule {
            limits,
            now,
            jobs: BTreeMap::new(),
            by_key: HashMap::new(),
            waiting: VecDeque::new(),
            running: BTreeSet::new(),
            ended: VecDeque::new(),
            free: vec![Reverse(now); limits.workers].into(),
            last: 0,
        }
    }

    /// Takes a job of a former time back, in the order of their numbers. One that has not ended begins again behind
    /// those before it.
    pub fn restore(&mut self, job: Job) -> Vec<Happening> {
        match job.stage {
            Stage::Planned { .. } => self.accept(self.planned(job.number, job.order, job.key)),
            Stage::Ended { .. } => {
                let number = job.number;
                self.insert(job);
                self.retire(number).into_iter().collect()
            }
        }
    }

    /// Gives no number up to this one to a job any more.
    pub fn skip_to(&mut self, number: u64) {
        self.last = self.last.max(number);
    }

    /// The highest number that was given to a job, or to none.
    pub fn last(&self) -> u64 {
        self.last
    }

    /// Finds out what has happened up to `now`; a time before that of an earlier call changes nothing.
    pub fn advance(&mut self, now: Instant) -> Vec<Happening> {
        self.now = self.now.max(now);
        while let Some(number) = self.waiting.front().copied()
            && let Some((start, end)) = self.span(number)
            && start <= self.now
        {
            self.waiting.pop_front();
            self.running.insert((end, number));
        }
        let mut happened = Vec::new();
        while let Some((end, number)) = self.running.first().copied()
            && end <= self.now
        {
            self.running.pop_first();
            if let Some(job) = self.jobs.get_mut(&number) {
                job.end(end);
            }
            happened.push(Happening::Ended(number));
            happened.extend(self.retire(number));
        }
        happened
    }

    /// The next job with its place in the plan, which it gets if it is accepted before anything else changes.
    pub fn draft(&self, order: Order, key: Option<Arc<str>>) -> Result<Job, Full> {
        if self.running.len() == self.limits.workers && self.waiting.len() >= self.limits.waiting {
            return Err(Full(self.next_place() - self.now));
        }
        Ok(self.planned(self.last + 1, order, key))
    }

    pub fn accept(&mut self, job: Job) -> Vec<Happening> {
        if let Some((_, end)) = job.span() {
            self.free.pop();
            self.free.push(Reverse(end));
            self.waiting.push_back(job.number);
            self.insert(job);
        }
        self.advance(self.now)
    }

    /// Puts a cancelled job in the place of what it was. Answers which others start earlier now, and what has happened.
    pub fn cancel(&mut self, job: Job) -> (Vec<u64>, Vec<Happening>) {
        let number = job.number;
        if let Some((_, end)) = self.span(number) {
            self.running.remove(&(end, number));
            self.waiting.retain(|waiting| *waiting != number);
        }
        self.insert(job);
        let forgotten = self.retire(number);
        let moved = self.plan_again();
        (moved, forgotten.into_iter().chain(self.advance(self.now)).collect())
    }

    pub fn job(&self, number: u64) -> Result<&Job, Absent> {
        match self.jobs.get(&number) {
            Some(job) => Ok(job),
            None if number > self.last => Err(Absent::Unknown { last: self.last }),
            None => Err(Absent::Forgotten),
        }
    }

    pub fn job_with_key(&self, key: &str) -> Option<&Job> {
        self.by_key.get(key).and_then(|number| self.jobs.get(number))
    }

    /// All that are remembered, in the order of their numbers.
    pub fn jobs(&self) -> impl Iterator<Item = &Job> {
        self.jobs.values()
    }

    pub fn counts(&self) -> Counts {
        Counts { queued: self.waiting.len(), running: self.running.len(), ended: self.ended.len() }
    }

    /// A job that the first free worker takes.
    fn planned(&self, number: u64, order: Order, key: Option<Arc<str>>) -> Job {
        let stage = Stage::Planned { submitted: self.now, start: self.first_free().max(self.now) };
        Job { number, order, key, stage }
    }

    /// When a worker has done all that is planned.
    fn first_free(&self) -> Instant {
        self.free.peek().map_or(self.now, |Reverse(at)| *at)
    }

    /// When fewer jobs wait than may; when none may, a worker has to be free.
    fn next_place(&self) -> Instant {
        let last_before = self.waiting.get(self.waiting.len() - self.limits.waiting);
        last_before.and_then(|number| self.span(*number)).map_or(self.first_free(), |(start, _)| start)
    }

    /// From the start to the end of a job that has not ended.
    fn span(&self, number: u64) -> Option<(Instant, Instant)> {
        self.jobs.get(&number)?.span()
    }

    fn insert(&mut self, job: Job) {
        self.last = self.last.max(job.number);
        if let Some(key) = &job.key {
            self.by_key.insert(Arc::clone(key), job.number);
        }
        self.jobs.insert(job.number, job);
    }

    /// Plans those that wait anew, in their order; answers which of them start at another time than before.
    fn plan_again(&mut self) -> Vec<u64> {
        let busy = self.running.iter().map(|(end, _)| *end);
        self.free = busy.chain(iter::repeat(self.now)).take(self.limits.workers).map(Reverse).collect();
        let mut moved = Vec::new();
        for number in &self.waiting {
            let Some(job) = self.jobs.get_mut(number) else { continue };
            let free = self.free.pop().map_or(self.now, |Reverse(at)| at);
            if job.start_at(free) {
                moved.push(*number);
            }
            self.free.push(Reverse(free + job.order.work));
        }
        moved
    }

    /// Remembers a job as one that has ended, and forgets the one that ended first if there are too many.
    fn retire(&mut self, number: u64) -> Option<Happening> {
        self.ended.push_back(number);
        if self.ended.len() <= self.limits.kept {
            return None;
        }
        // Not the highest number: whoever finds these jobs again goes on counting behind it.
        let highest = self.jobs.keys().next_back().copied();
        let oldest = self.ended.iter().position(|number| Some(*number) != highest)?;
        let forgotten = self.ended.remove(oldest)?;
        if let Some(key) = self.jobs.remove(&forgotten).and_then(|job| job.key) {
            self.by_key.remove(&key);
        }
        Some(Happening::Forgotten(forgotten))
    }
}
