//! Errands that the ring sees to: files are read, written and synced by the kernel, which reports back.
//!
//! The rest is left to threads: opening and naming are several calls with paths, which would have to be kept for the
//! kernel, and they are rare; and the kernel does not compute for us.

use std::io::{self, ErrorKind};
use std::sync::Arc;
use std::time::Instant;

use super::ring::{Action, Pause, Ring, Transfer};
use crate::drivers::disk::{self, Disk};
use crate::drivers::errands::Hands;
use crate::drivers::pool::{Finished, Pool, Ticket};
use crate::drivers::system;
use crate::session::{Doer, Done, Errand, Report};

/// Gives the ring what it can do, and the rest to threads.
pub(super) struct RingOrPool<'a> {
    pub(super) ring: &'a mut Ring,
    pub(super) pool: &'a mut Pool,
    pub(super) disk: &'a Arc<Disk>,
}

/// What is to be done when an operation has ended.
pub(super) enum Step {
    Again(Box<Transfer>),
    Finished(Finished),
}

impl Hands for RingOrPool<'_> {
    fn take(&mut self, ticket: Ticket, errand: Errand) {
        match Transfer::of(ticket, errand, self.disk) {
            Ok(transfer) => self.ring.transfer(transfer),
            Err(errand) => self.pool.take(ticket, errand),
        }
    }
}

impl Transfer {
    /// # Errors
    /// The errand, if it is none for the ring.
    pub(super) fn of(ticket: Ticket, errand: Errand, disk: &Disk) -> Result<Box<Transfer>, Errand> {
        let (errand, delay, reports_to) = match errand {
            Errand::Assigned(assignment) if is_transfer(&assignment.errand) => {
                (assignment.errand, assignment.delay, Some(system::thread_number()))
            }
            errand => (errand, Default::default(), None),
        };
        let (action, file, offset, bytes) = match errand {
            Errand::Read { file, offset, bytes, digests: None } => (Action::Read, file, offset, bytes),
            Errand::Write { file, offset, bytes, digests: None } => (Action::Write, file, offset, bytes),
            Errand::Sync { mut file } => {
                // The name has to last as well, and that is the folder's.
                if reports_to.is_none() && disk::is_there_to_stay(&mut file) {
                    return Err(Errand::Sync { file });
                }
                (Action::Sync, file, 0, Vec::new())
            }
            // The kernel computes no digests.
            other => return Err(other),
        };
        let pause = Pause::new(disk.delay() + delay);
        let began = Instant::now();
        Ok(Box::new(Transfer { ticket, action, file, offset, bytes, moved: 0, pause, began, reports_to }))
    }

    /// Takes what an operation came to.
    pub(super) fn go_on(mut self: Box<Transfer>, result: io::Result<usize>) -> Step {
        if self.pause.take().is_some() {
            return Step::Again(self); // its time is over, which is told as an error
        }
        match result {
            Ok(0) => self.finish(Ok(())),
            Ok(count) => {
                self.moved += count;
                if self.moved < self.bytes.len() { Step::Again(self) } else { self.finish(Ok(())) }
            }
            Err(error) if is_to_be_begun_again(&error) => Step::Again(self),
            Err(error) => self.finish(Err(error)),
        }
    }

    fn finish(self, result: io::Result<()>) -> Step {
        let Transfer { ticket, action, file, mut bytes, moved, began, reports_to, .. } = self;
        let is_short = action == Action::Write && moved < bytes.len();
        let result = match result {
            Ok(()) if is_short => Err(ErrorKind::WriteZero.into()),
            result => result,
        };
        let result = result.map_err(disk::failure);
        let done = match action {
            Action::Read => {
                bytes.truncate(if result.is_ok() { moved } else { 0 });
                Done::Read { file, bytes, digests: None, result }
            }
            Action::Write => Done::Wrote { file, bytes, digests: None, result },
            Action::Sync => Done::Synced { file, result },
        };
        let done = match reports_to {
            Some(asked_by) => {
                let report = Report { asked_by, done_by: Doer::Kernel, began, ended: Instant::now() };
                Done::Reported(Box::new(done), report)
            }
            None => done,
        };
        Step::Finished(Finished { ticket, done })
    }
}

fn is_transfer(errand: &Errand) -> bool {
    matches!(
        errand,
        Errand::Read { digests: None, .. } | Errand::Write { digests: None, .. } | Errand::Sync { .. }
    )
}

/// The kernel was interrupted, or had no memory for it just now.
fn is_to_be_begun_again(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EINTR | libc::EAGAIN))
}
