//! The thread that waits for the disk, so that the writer does not.
//!
//! It syncs the write-ahead log through a descriptor of its own. Why a change is safe after that:
//!
//! - Before somebody is handed to this thread, the commit has returned, and SQLite writes a transaction to the log with
//!   the commit. A sync is of the file, whoever wrote to it, so it takes the frames of the transaction to the disk, and
//!   all before them, which is all that recovery needs (<https://sqlite.org/fileformat2.html> §4).
//! - If a checkpoint has come between, the log may have been begun anew. But SQLite syncs the log before a checkpoint,
//!   and the database behind it, before the first frame is overwritten: then the change is in the synced database.
//! - The log stays the same file as long as the database is open, and no lock hangs on it, so a second descriptor is
//!   harmless. (On `lab.db` it would not be: closing any descriptor of a file gives up all POSIX locks on it.)

use std::fs::OpenOptions;
use std::io;
use std::iter;
use std::path::Path;
use std::sync::mpsc::Receiver;
use std::sync::{Arc, atomic::Ordering::Relaxed};
use std::thread;
use std::time::Duration;

use super::intake::Counts;
use crate::lab::journal::{Failure, Promise};

/// Takes what was written to the disk, and returns when it is there.
pub(super) type LogSync = Box<dyn FnMut() -> io::Result<()> + Send>;

/// The sync of a log, which takes so much longer than it needs.
pub(super) fn sync_of(log: &Path, delay: Duration) -> io::Result<LogSync> {
    let log = OpenOptions::new().write(true).open(log)?;
    Ok(Box::new(move || {
        thread::sleep(delay);
        log.sync_data()
    }))
}

pub(super) struct Syncer {
    sync: LogSync,
    counts: Arc<Counts>,
    /// Why a sync has failed. The kernel may have dropped what it could not write, so from then on a sync that
    /// succeeds proves nothing.
    failed: Option<Failure>,
}

impl Syncer {
    pub(super) fn new(sync: LogSync, counts: Arc<Counts>) -> Syncer {
        Syncer { sync, counts, failed: None }
    }

    /// Settles promises until nobody is left to send one.
    pub(super) fn run(mut self, asked: &Receiver<Promise>) -> Syncer {
        while let Ok(first) = asked.recv() {
            // All who have asked by now share this sync; who asks during it needs the next one.
            let group: Vec<Promise> = iter::once(first).chain(asked.try_iter()).collect();
            let outcome = self.sync();
            group.into_iter().for_each(|promise| promise.settle(outcome.clone()));
        }
        self
    }

    /// # Errors
    /// The first failure, for good.
    pub(super) fn sync(&mut self) -> Result<(), Failure> {
        if let Some(failure) = &self.failed {
            return Err(failure.clone());
        }
        self.counts.syncs.fetch_add(1, Relaxed);
        (self.sync)().map_err(|error| {
            log::error!(
                "the disk cannot be synced, and is not asked again until the server is restarted: {error}"
            );
            self.failed.insert(Failure::Refused(error.to_string().into())).clone()
        })
    }
}
