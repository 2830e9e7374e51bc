//! Errands that are run in a certain way, or need no disk at all.

use std::panic::{self, AssertUnwindSafe};
use std::sync::Arc;
use std::thread;
use std::time::Instant;

use super::Disk;
use crate::drivers::system;
use crate::session::{Assignment, Doer, Done, Errand, Failure, Report, Work};

impl Disk {
    /// Runs the errand for another thread, which has this number.
    pub fn run_for(self: &Arc<Disk>, asked_by: u64, errand: Errand) -> Done {
        match errand {
            Errand::Assigned(assignment) => self.run_assigned(*assignment, Some(asked_by)),
            errand => self.run(errand),
        }
    }

    /// This thread has asked by itself, if nobody else has.
    pub(super) fn run_assigned(self: &Arc<Disk>, assignment: Assignment, asked_by: Option<u64>) -> Done {
        let (thread, began) = (system::thread_number(), Instant::now());
        thread::sleep(assignment.delay);
        let done = self.run(assignment.errand);
        let report = Report {
            asked_by: asked_by.unwrap_or(thread),
            done_by: Doer::Thread(thread),
            began,
            ended: Instant::now(),
        };
        Done::Reported(Box::new(done), report)
    }
}

/// A panic is the work's own mistake, and ends no thread that others need.
pub(super) fn compute(work: Work) -> Done {
    let computed = panic::catch_unwind(AssertUnwindSafe(|| work.compute()));
    Done::Computed(computed.map_err(|_| Failure::Other("the work panicked".into())))
}
