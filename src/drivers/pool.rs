//! A few threads that may wait for the disk, or compute for long, so that the loop need not.
//!
//! They are hired when there is work and nobody is free for it, so a server without errands has none. Work waits in one
//! line; there is never more of it than connections, because each has one errand at a time.

use std::collections::VecDeque;
use std::io;
use std::mem;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

use super::alarm::Alarm;
use super::disk::{Closer, Disk, Left};
use super::errands::Hands;
use super::system;
use crate::session::{Done, Errand, Failure};

/// The threads, and the line of work. Dropping it waits until all work is done.
pub(super) struct Pool {
    disk: Arc<Disk>,
    desk: Arc<Desk>,
    workers: Vec<JoinHandle<()>>,
}

/// Whose errand it is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ticket {
    pub(super) key: usize,
    pub(super) number: u64,
}

/// How much work there is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Load {
    pub(super) running: u64,
    pub(super) waiting: u64,
}

/// An errand that is done.
#[derive(Debug)]
pub(super) struct Finished {
    pub(super) ticket: Ticket,
    pub(super) done: Done,
}

/// What the loop shares with its workers.
#[derive(Debug)]
struct Desk {
    /// The number of the thread that hands out work.
    asked_by: u64,
    work: Mutex<Work>,
    changed: Condvar,
    finished: Mutex<Vec<Finished>>,
    /// Something is finished; for a loop that waits for nothing else.
    told: Condvar,
    alarm: Arc<dyn Alarm>,
}

#[derive(Debug, Default)]
struct Work {
    line: VecDeque<Job>,
    /// Workers that wait for work.
    free: usize,
    /// Errands that workers see to.
    running: u64,
    is_over: bool,
}

#[derive(Debug)]
enum Job {
    Errand(Ticket, Errand),
    /// A file that the loop has dropped.
    Close(Left),
}

impl Pool {
    /// To be made by the thread that hands out the work.
    pub(super) fn new(disk: &Arc<Disk>, alarm: Arc<dyn Alarm>) -> Pool {
        let desk = Arc::new(Desk {
            asked_by: system::thread_number(),
            work: Mutex::default(),
            changed: Condvar::new(),
            finished: Mutex::default(),
            told: Condvar::new(),
            alarm,
        });
        disk.close_by(Some(Arc::clone(&desk) as Arc<dyn Closer>));
        Pool { disk: Arc::clone(disk), desk, workers: Vec::new() }
    }

    pub(super) fn load(&self) -> Load {
        let work = lock(&self.desk.work);
        let waiting = work.line.iter().filter(|job| matches!(job, Job::Errand(..))).count();
        Load { running: work.running, waiting: waiting as u64 }
    }

    pub(super) fn take_finished(&self) -> Vec<Finished> {
        mem::take(&mut *lock(&self.desk.finished))
    }

    /// The same, as soon as there is something.
    pub(super) fn wait_for_finished(&self) -> Vec<Finished> {
        let waited = self.desk.told.wait_while(lock(&self.desk.finished), |finished| finished.is_empty());
        mem::take(&mut *waited.unwrap_or_else(PoisonError::into_inner))
    }

    /// One more worker; those that are there will do if this fails.
    fn hire(&mut self) -> io::Result<()> {
        let (disk, desk) = (Arc::clone(&self.disk), Arc::clone(&self.desk));
        let hired = thread::Builder::new().name("disk".into()).stack_size(STACK_BYTES);
        match hired.spawn(move || desk.serve(&disk)) {
            Ok(worker) => self.workers.push(worker),
            Err(error) if self.workers.is_empty() => return Err(error),
            Err(_) => {}
        }
        Ok(())
    }
}

impl Hands for Pool {
    /// Puts an errand into the line.
    fn take(&mut self, ticket: Ticket, errand: Errand) {
        let needs_worker = self.desk.push(Job::Errand(ticket, errand)) && self.workers.len() < MOST_WORKERS;
        if needs_worker && let Err(error) = self.hire() {
            log::error!("nobody waits for the disk: {error}");
            self.desk.refuse_all(&error);
        }
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.disk.close_by(None);
        lock(&self.desk.work).is_over = true;
        self.desk.changed.notify_all();
        for worker in self.workers.drain(..) {
            let _ = worker.join();
        }
    }
}

impl Desk {
    /// Answers whether there is more work than free workers.
    fn push(&self, job: Job) -> bool {
        let mut work = lock(&self.work);
        work.line.push_back(job);
        let is_short = work.line.len() > work.free;
        drop(work);
        self.changed.notify_one();
        is_short
    }

    /// What a worker does until all is done.
    fn serve(&self, disk: &Arc<Disk>) {
        while let Some(job) = self.next() {
            match job {
                Job::Errand(ticket, errand) => {
                    let done = disk.run_for(self.asked_by, errand);
                    lock(&self.work).running -= 1;
                    self.finish(Finished { ticket, done });
                }
                Job::Close(left) => drop(left),
            }
        }
    }

    fn next(&self) -> Option<Job> {
        let mut work = lock(&self.work);
        loop {
            if let Some(job) = work.line.pop_front() {
                work.running += u64::from(matches!(job, Job::Errand(..)));
                return Some(job);
            }
            if work.is_over {
                return None;
            }
            work.free += 1;
            work = self.changed.wait(work).unwrap_or_else(PoisonError::into_inner);
            work.free -= 1;
        }
    }

    /// Puts a result where the loop finds it, and wakes the loop if it may not have been told yet.
    fn finish(&self, finished: Finished) {
        let mut all = lock(&self.finished);
        all.push(finished);
        let is_first = all.len() == 1;
        drop(all);
        self.told.notify_one();
        if is_first && let Err(error) = self.alarm.ring() {
            log::error!("a result waits for the next event: {error}");
        }
    }

    fn refuse_all(&self, error: &io::Error) {
        let jobs = mem::take(&mut lock(&self.work).line);
        for job in jobs {
            if let Job::Errand(ticket, errand) = job {
                let failure = Failure::Other(format!("no thread for it: {error}").into());
                self.finish(Finished { ticket, done: errand.refused(failure) });
            }
        }
    }
}

impl Closer for Desk {
    /// Without a worker nothing has been opened yet, so there is always one to do this.
    fn close(&self, left: Left) {
        if lock(&self.work).is_over {
            drop(left);
        } else {
            self.push(Job::Close(left));
        }
    }
}

fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// libuv has 4 threads for files as well.
const MOST_WORKERS: usize = 4;

/// A worker calls the operating system and little else.
const STACK_BYTES: usize = 256 * 1024;
