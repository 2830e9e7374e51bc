//! Jobs: work that goes on after its request was answered, and how everybody learns how far it has come.
//!
//! The work is simulated: it is time, in steps. So nothing here runs. A schedule knows what has happened up to any
//! moment, each call tells it the time, and whoever waits for a job waits for a moment that is known. Only what nobody
//! can foresee, that a job is cancelled, reaches the others by their wakers.

mod job;
mod row;
mod schedule;
mod status;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::time::Instant;

use slab::Slab;

use super::journal::{Ack, Change, Failure, Journal, Receipt, Row, Table};
use super::numbering::Numbering;
use super::settings::JobSettings;
pub use job::{Job, LONGEST_WORK, Order};
pub use schedule::{Absent, Counts, Full};
use schedule::{Happening, Limits, Schedule};
pub use status::{Known, Outcome, Status};

/// Every job of a server.
pub struct Jobs {
    journal: Arc<dyn Journal>,
    desk: Mutex<Desk>,
}

struct Desk {
    schedule: Schedule,
    numbering: Numbering,
    /// Whom to wake, by the number of the job.
    watchers: BTreeMap<u64, Slab<Waker>>,
}

/// Why a job was not submitted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotSubmitted {
    Full(Full),
    /// The key belongs to another order, that of the job with this number.
    KeyTaken(u64),
    NotKept(Failure),
}

/// Why a job was not cancelled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotCancelled {
    Absent(Absent),
    /// It had ended before.
    Ended(Outcome),
    NotKept(Failure),
}

impl Jobs {
    /// No jobs yet.
    pub fn new(settings: &JobSettings, journal: Arc<dyn Journal>, now: Instant) -> Jobs {
        let limits = Limits { workers: settings.workers, waiting: settings.most_waiting, kept: MOST_KEPT };
        let numbering = Numbering::new(Table::Jobs, Arc::clone(&journal));
        let desk = Desk { schedule: Schedule::new(limits, now), numbering, watchers: BTreeMap::new() };
        Jobs { journal, desk: Mutex::new(desk) }
    }

    /// The jobs of the time before, from their rows in the order of their numbers. Those that had ended are as they
    /// were. The others begin again, as nobody has seen them end: what is done at least once may be done twice.
    ///
    /// # Errors
    /// A row that is none of a job; one line about it.
    pub fn restore(
        settings: &JobSettings,
        journal: Arc<dyn Journal>,
        rows: impl IntoIterator<Item = Row>,
        after_crash: bool,
        now: Instant,
    ) -> Result<Jobs, String> {
        let jobs = Jobs::new(settings, journal, now);
        let mut desk = jobs.desk(now);
        for row in rows {
            if Numbering::is_row(&row) {
                desk.numbering.read(&row).ok_or("how far the numbers of jobs have come cannot be read")?;
                continue;
            }
            let happened = desk.schedule.restore(row::decode(&row, now)?);
            jobs.note(&desk, &happened);
        }
        let Desk { schedule, numbering, .. } = &mut *desk;
        numbering.begin(schedule.last(), after_crash);
        schedule.skip_to(numbering.floor());
        drop(desk);
        Ok(jobs)
    }

    /// Takes an order, or finds the job of the request that this one repeats. Either is in the journal as surely as
    /// the receipt says.
    pub fn submit(
        &self,
        order: Order,
        key: Option<Arc<str>>,
        ack: Ack,
        now: Instant,
    ) -> Result<(Job, Receipt), NotSubmitted> {
        let mut desk = self.desk(now);
        if let Some(job) = key.as_deref().and_then(|key| desk.schedule.job_with_key(key)) {
            if job.order != order {
                return Err(NotSubmitted::KeyTaken(job.number));
            }
            // It may have been submitted less surely than is asked for now, so it is written down again.
            let receipt = self.write(ack, || vec![put(job)]).map_err(NotSubmitted::NotKept)?;
            return Ok((job.clone(), receipt));
        }
        let job = desk.schedule.draft(order, key).map_err(NotSubmitted::Full)?;
        desk.numbering.admit(job.number).map_err(NotSubmitted::NotKept)?;
        let receipt = self.write(ack, || vec![put(&job)]).map_err(NotSubmitted::NotKept)?;
        let happened = desk.schedule.accept(job.clone());
        self.note(&desk, &happened);
        let job = desk.schedule.job(job.number).cloned().unwrap_or(job);
        Ok((job, receipt))
    }

    pub fn job(&self, number: u64, now: Instant) -> Result<Job, Absent> {
        self.desk(now).schedule.job(number).cloned()
    }

    /// All that are remembered, in the order of their numbers, and how many they are.
    pub fn list(&self, now: Instant) -> (Vec<Job>, Counts) {
        let desk = self.desk(now);
        (desk.schedule.jobs().cloned().collect(), desk.schedule.counts())
    }

    pub fn counts(&self, now: Instant) -> Counts {
        self.desk(now).schedule.counts()
    }

    /// Cancels a job, and wakes everybody for whom that is news: those who wait for it, and for the jobs behind it.
    /// To cancel it once more changes nothing.
    pub fn cancel(&self, number: u64, ack: Ack, now: Instant) -> Result<Receipt, NotCancelled> {
        let mut desk = self.desk(now);
        let job = desk.schedule.job(number).map_err(NotCancelled::Absent)?;
        let cancelled = match job.status(now) {
            Status::Queued | Status::Running(_) => job.cancelled(now),
            Status::Ended(Outcome::Cancelled) => {
                return self.write(ack, || vec![put(job)]).map_err(NotCancelled::NotKept);
            }
            Status::Ended(outcome) => return Err(NotCancelled::Ended(outcome)),
        };
        let receipt = self.write(ack, || vec![put(&cancelled)]).map_err(NotCancelled::NotKept)?;
        let (moved, happened) = desk.schedule.cancel(cancelled);
        self.note(&desk, &happened);
        let concerned = moved.into_iter().chain([number]);
        let wakers: Vec<Waker> = concerned.flat_map(|number| desk.watchers_of(number)).collect();
        drop(desk);
        wakers.into_iter().for_each(Waker::wake);
        Ok(receipt)
    }

    /// Watches a job from now on.
    pub fn watch(self: &Arc<Jobs>, number: u64) -> Watch {
        Watch { jobs: Arc::clone(self), number, place: None }
    }

    /// The desk, with everything noted that has happened up to now.
    fn desk(&self, now: Instant) -> MutexGuard<'_, Desk> {
        let mut desk = self.open();
        let happened = desk.schedule.advance(now);
        self.note(&desk, &happened);
        desk
    }

    fn open(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes down what has happened by itself, for which nobody waits. If there is no room for it, a job that has
    /// ended will be found as one that has not, and is done once more.
    fn note(&self, desk: &Desk, happened: &[Happening]) {
        if !happened.is_empty() {
            let change = |happening: &Happening| match *happening {
                Happening::Ended(number) => desk.schedule.job(number).ok().map(put),
                Happening::Forgotten(number) => Some(remove(number)),
            };
            let _ = self.write(Ack::Memory, || happened.iter().filter_map(change).collect());
        }
    }

    fn write(&self, ack: Ack, changes: impl FnOnce() -> Vec<Change>) -> Result<Receipt, Failure> {
        if self.journal.keeps() { self.journal.append(changes(), ack) } else { Ok(Receipt::done()) }
    }
}

impl Desk {
    fn watchers_of(&self, number: u64) -> impl Iterator<Item = Waker> {
        let wakers = self.watchers.get(&number).into_iter().flatten();
        wakers.map(|(_, waker)| waker.clone())
    }
}

/// One who wants to know about a job, until this is dropped.
pub struct Watch {
    jobs: Arc<Jobs>,
    number: u64,
    /// Its own among the watchers of the job, once it listens; small, as thousands may watch.
    place: Option<u32>,
}

impl Watch {
    /// Says whom to wake, the first time that it is called.
    pub fn listen(&mut self, waker: impl FnOnce() -> Waker) {
        if self.place.is_none() {
            let mut desk = self.jobs.open();
            let place = desk.watchers.entry(self.number).or_default().insert(waker());
            self.place = Some(place as u32);
        }
    }

    /// The number of the job.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// The job as it is now.
    pub fn job(&self, now: Instant) -> Result<Job, Absent> {
        self.jobs.job(self.number, now)
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let Some(place) = self.place else { return };
        let mut desk = self.jobs.open();
        if let Some(wakers) = desk.watchers.get_mut(&self.number) {
            wakers.remove(place as usize);
            if wakers.is_empty() {
                desk.watchers.remove(&self.number);
            }
        }
    }
}

fn put(job: &Job) -> Change {
    Change::Put(row::encode(job))
}

fn remove(number: u64) -> Change {
    Change::Remove { table: Table::Jobs, name: "".into(), number }
}

/// Jobs that have ended and can still be asked for.
const MOST_KEPT: usize = 1000;
