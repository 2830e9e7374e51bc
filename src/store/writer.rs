//! The thread that writes: all that waits, in order, as one transaction.
//!
//! A group that is refused, by a full disk for example, is rolled back as a whole, and the next one is tried again. So
//! the file is as if the refused calls had never been made, and those behind them may be there: no change needs an
//! earlier one, for each says what is in a place, or that the place is empty. Who was refused and has not said so to
//! others can try again.

use std::iter;
use std::sync::mpsc::{Receiver, Sender};
use std::sync::{Arc, atomic::Ordering::Relaxed};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::database::Database;
use super::intake::{Author, Counts, Entry};
use super::syncer::Syncer;
use crate::lab::journal::{Failure, Promise};

pub(super) struct Writer {
    database: Database,
    counts: Arc<Counts>,
    /// Whoever awaits a sync.
    asks: Sender<Promise>,
    sync_delay: Duration,
    trouble: Trouble,
}

/// Whether the disk takes what it is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trouble {
    Never,
    Over,
    Lasts,
}

impl Writer {
    pub(super) fn new(
        database: Database,
        counts: Arc<Counts>,
        asks: Sender<Promise>,
        sync_delay: Duration,
    ) -> Writer {
        Writer { database, counts, asks, sync_delay, trouble: Trouble::Never }
    }

    /// Writes until the intake is closed and empty, then says goodbye, unless that would hide a crash.
    pub(super) fn run(mut self, entries: &Receiver<Entry>, syncer: JoinHandle<Syncer>) {
        while let Ok(first) = entries.recv() {
            self.write(iter::once(first).chain(entries.try_iter()).collect());
            // Here, behind a group that was answered, and not within a commit as SQLite does it by itself.
            if self.database.is_checkpoint_due() {
                self.checkpoint();
            }
        }
        // Whoever has seen a change that was then refused has seen what the next process will not know of.
        let may_say_goodbye = self.trouble == Trouble::Never && !self.leaves_a_crash_behind();
        drop(self.asks);
        if let Ok(syncer) = syncer.join()
            && may_say_goodbye
        {
            say_goodbye(self.database, syncer);
        }
    }

    /// Whether a crash was found here which nobody has made good.
    fn leaves_a_crash_behind(&self) -> bool {
        self.counts.is_abandoned.load(Relaxed) && !self.database.was_in_order()
    }

    fn write(&mut self, group: Vec<Entry>) {
        let outcome = self.commit(&group).map_err(|error| error.to_string());
        self.counts.release(&group);
        self.counts.commits.fetch_add(u64::from(outcome.is_ok()), Relaxed);
        self.trouble = self.trouble.after(&outcome);
        let outcome = outcome.map_err(|why| Failure::Refused(why.into()));
        for entry in group {
            match entry.author {
                Author::Answered => {}
                Author::AwaitsSync(promise) if outcome.is_ok() => {
                    // A syncer that has gone drops the promise, and with it refuses.
                    let _ = self.asks.send(promise);
                }
                Author::AwaitsWrite(promise) | Author::AwaitsSync(promise) => promise.settle(outcome.clone()),
            }
        }
    }

    fn commit(&mut self, group: &[Entry]) -> rusqlite::Result<()> {
        let changes = || group.iter().flat_map(|entry| &entry.changes);
        let outcome = self.database.commit(changes());
        if outcome.is_ok() || self.trouble == Trouble::Lasts {
            return outcome;
        }
        // It may be the log that cannot grow, and the database still has room: then the log begins anew.
        self.checkpoint();
        self.database.commit(changes())
    }

    fn checkpoint(&mut self) {
        // It syncs the log, then the database, and the next commit the new head of the log.
        thread::sleep(self.sync_delay * 3);
        if let Err(error) = self.database.checkpoint() {
            log::error!("the log of lab.db cannot be taken over: {error}");
        }
    }
}

impl Trouble {
    /// What it is after a group; tells the log of a change, and not of each group.
    fn after<T>(self, outcome: &Result<T, String>) -> Trouble {
        match (outcome, self) {
            (Ok(_), Trouble::Lasts) => {
                log::warn!("changes are written down again; those in between are lost");
                Trouble::Over
            }
            (Ok(_), Trouble::Never | Trouble::Over) => self,
            (Err(_), Trouble::Lasts) => Trouble::Lasts,
            (Err(why), Trouble::Never | Trouble::Over) => {
                log::error!("changes cannot be written down: {why}");
                Trouble::Lasts
            }
        }
    }
}

/// Leaves the mark by which the next process knows that nothing is missing. It stands behind everything else in the
/// log, so where it is found all the rest is; syncing it is only a courtesy.
fn say_goodbye(database: Database, mut syncer: Syncer) {
    match database.say_goodbye() {
        Ok(()) => drop(syncer.sync()),
        Err(error) => log::error!("this looks like a crash to the next server: {error}"),
    }
}
