//! Rows on a disk: the lab's journal when a server is started with `--data DIR`, in one SQLite file, `DIR/lab.db`.
//!
//! Why SQLite: with a write-ahead log a commit is an append to a file. With `synchronous=NORMAL` that append survives
//! the end of the process, be it by `kill -9`, and a power cut tears nothing; one sync of the log more, and it survives
//! the power cut as well. That is memory, write and fsync, chosen change by change. With redb, the other candidate,
//! there is no step between: a commit is synced, or gone with the process. And when the server has stopped, anybody can
//! open the file with `sqlite3` and look.
//!
//! ```text
//!   append ──▶ intake ──▶ writer: one transaction ──▶ who waits for the write
//!                              │
//!                              └──▶ syncer: one sync ──▶ who waits for the sync
//! ```
//!
//! `intake` is bounded and never blocks. `writer` takes all that waits as one transaction, which is a group commit.
//! `syncer` is another thread, so a slow disk delays only those who want to hear from it; whoever asks while a sync is
//! under way shares the next. `database` knows SQL, and `head` whether a file is ours at all.
//!
//! Only once in 16 MiB of log everybody waits for the disk: the log is taken over into the database then, so that it
//! stays bounded.

pub mod error;

mod database;
mod head;
mod intake;
mod syncer;
#[cfg(test)]
mod tests;
mod writer;

use std::convert::Infallible;
use std::io;
use std::path::Path;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, atomic::Ordering::Relaxed};
use std::task::{Wake, Waker};
use std::thread::{self, Thread};
use std::time::Duration;

use self::database::Database;
use self::error::OpenError;
use self::intake::Intake;
use self::syncer::{LogSync, Syncer};
use self::writer::Writer;
use crate::lab::journal::{Ack, Failure, Found, Journal, Receipt};

/// An open store. When it is dropped, what waits is written and synced, and the file is closed.
pub struct Store {
    intake: Arc<Intake>,
    /// Nothing is ever sent: it is disconnected when the writer has ended, be it by a panic.
    ended: mpsc::Receiver<Infallible>,
    close_within: Duration,
}

/// How a store behaves.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// The most bytes of the file; above it changes are refused as by a full disk.
    pub max_bytes: u64,
    /// So much longer every sync takes: a slow disk, on purpose.
    pub sync_delay: Duration,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings { max_bytes: 1024 * 1024 * 1024, sync_delay: Duration::ZERO }
    }
}

impl Store {
    /// Opens the store in a folder, which is made if it is not there, and reads all that it keeps.
    ///
    /// # Errors
    /// Why it cannot be had; then nothing in the folder was changed.
    pub fn open(folder: &Path, settings: &Settings) -> Result<(Store, Found), OpenError> {
        let (database, found) = Database::open(folder, settings.max_bytes)?;
        let mut sync = syncer::sync_of(database.log(), settings.sync_delay)
            .map_err(|error| OpenError::System("open the log of lab.db", error))?;
        // That we are here has to be known after a power cut, before anybody sees what it may cost.
        sync().map_err(|error| OpenError::System("sync lab.db", error))?;
        let store = Store::start(database, sync, settings.sync_delay)
            .map_err(|error| OpenError::System("start a thread", error))?;
        Ok((store, found))
    }

    /// Where changes are handed in.
    pub fn journal(&self) -> Arc<dyn Journal> {
        Arc::clone(&self.intake) as Arc<dyn Journal>
    }

    /// Closes it for a server that does not start after all. If the one before has crashed, it still has: the next to
    /// start has to know of it.
    pub fn abandon(self) {
        self.intake.counts().is_abandoned.store(true, Relaxed);
    }

    /// Waits until the disk has all that was handed in so far.
    ///
    /// # Errors
    /// It will not have it.
    pub fn settle(&self) -> Result<(), Failure> {
        outcome(&self.intake.append(Vec::new(), Ack::Fsync)?)
    }

    fn start(database: Database, sync: LogSync, sync_delay: Duration) -> io::Result<Store> {
        let (intake, entries) = Intake::open();
        let counts = intake.counts();
        let (asks, asked) = mpsc::channel();
        let (alive, ended) = mpsc::channel();
        let syncer = Syncer::new(sync, Arc::clone(&counts));
        let syncer = thread::Builder::new().name("syncer".into()).spawn(move || syncer.run(&asked))?;
        let writer = Writer::new(database, counts, asks, sync_delay);
        thread::Builder::new().name("writer".into()).spawn(move || {
            writer.run(&entries, syncer);
            drop(alive);
        })?;
        Ok(Store { intake, ended, close_within: CLOSE_WITHIN })
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        self.intake.close();
        if self.ended.recv_timeout(self.close_within) == Err(RecvTimeoutError::Timeout) {
            let (seconds, changes) =
                (self.close_within.as_secs(), self.intake.counts().changes.load(Relaxed));
            log::error!(
                "the disk was waited for {seconds} s in vain; {changes} changes may not be written down"
            );
        }
    }
}

/// Waits until a receipt is settled.
fn outcome(receipt: &Receipt) -> Result<(), Failure> {
    struct Unpark(Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    loop {
        match receipt.poll(|| waker.clone()) {
            Some(outcome) => return outcome,
            None => thread::park(),
        }
    }
}

/// What a stopping server waits for its disk.
const CLOSE_WITHIN: Duration = Duration::from_secs(10);
