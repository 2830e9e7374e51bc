//! What outlives the process: rows that the lab writes down as things happen, and finds again when it starts.
//!
//! The lab lives in memory and never reads a row while it serves. Whatever changes something that is to survive hands
//! a [`Journal`] the changes, says how sure it wants to be, and gets a [`Receipt`]; who keeps the rows, and how, is
//! not known here. Without a journal everything is as sure as it gets, and gone with the process.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use bytes::Bytes;

/// Where rows are kept.
pub trait Journal: Send + Sync {
    /// Whether it keeps anything; if not, nobody needs to make a row.
    fn keeps(&self) -> bool {
        true
    }

    /// Takes changes, which happen in the order of the calls; those of one call happen all or none. Never blocks.
    ///
    /// # Errors
    /// [`Failure::Busy`] when [`MOST_WAITING`] changes or [`MOST_WAITING_BYTES`] would wait; nothing was taken.
    fn append(&self, changes: Vec<Change>, ack: Ack) -> Result<Receipt, Failure>;

    /// What it has done so far.
    fn tally(&self) -> Tally {
        Tally::default()
    }
}

/// The journal of a lab whose server keeps everything in memory.
#[derive(Clone, Copy, Debug)]
pub struct NoJournal;

impl Journal for NoJournal {
    fn keeps(&self) -> bool {
        false
    }

    fn append(&self, _changes: Vec<Change>, _ack: Ack) -> Result<Receipt, Failure> {
        Ok(Receipt::done())
    }
}

/// The most changes that a journal holds back: what a crash of the process can lose of what others may have seen.
pub const MOST_WAITING: usize = 10_000;

/// The most bytes of names and values that a journal holds back.
pub const MOST_WAITING_BYTES: usize = 64 * 1024 * 1024;

/// What a journal has done so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Groups of changes that were written.
    pub commits: u64,
    /// How often the disk was asked to have what was written.
    pub syncs: u64,
    /// Changes that are not written yet.
    pub waiting: u64,
}

/// When a change counts as done, which is when its author is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Ack {
    /// At once. A crash of the process may lose it: PostgreSQL's asynchronous commit.
    Memory,
    /// When the operating system has it: a crash of the process does not lose it, one of the machine may.
    Write,
    /// When the disk says that it has it.
    Fsync,
}

/// A kind of rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Table {
    /// The events of topics.
    Events,
    /// The messages of queues.
    Messages,
    Jobs,
    /// How far the numbers of uploads have come. The uploads themselves are files, and their names tell of them.
    Uploads,
}

/// A row: a value under a name, such as that of a topic, and a number, such as that of an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    pub table: Table,
    pub name: Arc<str>,
    /// Up to `i64::MAX`, as a database has no larger integers.
    pub number: u64,
    pub value: Bytes,
}

/// What happens to rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// The row is there, in place of one of the same name and number.
    Put(Row),
    /// The row is gone.
    Remove { table: Table, name: Arc<str>, number: u64 },
    /// The rows of a name are gone, up to a number and with it.
    RemoveThrough { table: Table, name: Arc<str>, number: u64 },
}

/// Everything that a journal found when it was opened.
#[derive(Debug, Default)]
pub struct Found {
    /// By table, name and number.
    pub rows: Vec<Row>,
    /// Whether the last process could not say goodbye. Then changes that others have seen may be missing: up to
    /// [`MOST_WAITING`], more if it was the machine that ended (all since the last sync), and any number if the disk
    /// refused them. Whoever counts must not give the same number twice: see [`numbering`](super::numbering).
    pub after_crash: bool,
}

impl Found {
    /// Takes the rows of a table out.
    pub fn take(&mut self, table: Table) -> Vec<Row> {
        self.rows.extract_if(.., |row| row.table == table).collect()
    }
}

/// Why a change was not written down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// Too much waits for a slow disk.
    Busy,
    /// The disk refused it: it is full, or broken.
    Refused(Arc<str>),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Busy => f.write_str("too much waits for the disk already"),
            Failure::Refused(why) => f.write_str(why),
        }
    }
}

/// By which the author of a change learns that it is done.
#[derive(Clone, Debug, Default)]
pub struct Receipt {
    /// Nothing, when it was done at once.
    shared: Option<Arc<Mutex<Progress>>>,
}

#[derive(Debug, Default)]
struct Progress {
    outcome: Option<Result<(), Failure>>,
    waker: Option<Waker>,
}

/// The other end of a [`Receipt`]. If it is dropped, the change was not written down.
#[derive(Debug)]
pub struct Promise {
    shared: Arc<Mutex<Progress>>,
}

impl Receipt {
    /// A receipt for what is done already.
    pub fn done() -> Receipt {
        Receipt::default()
    }

    /// A receipt, and by what it is settled.
    pub fn pending() -> (Receipt, Promise) {
        let shared = Arc::default();
        (Receipt { shared: Some(Arc::clone(&shared)) }, Promise { shared })
    }

    /// How it has ended, if it has; else the waker is woken when it does.
    pub fn poll(&self, waker: impl FnOnce() -> Waker) -> Option<Result<(), Failure>> {
        let Some(shared) = &self.shared else { return Some(Ok(())) };
        let mut progress = open(shared);
        if progress.outcome.is_none() {
            progress.waker = Some(waker());
        }
        progress.outcome.clone()
    }
}

impl Promise {
    /// Tells whoever waits.
    pub fn settle(self, outcome: Result<(), Failure>) {
        let mut progress = open(&self.shared);
        progress.outcome = Some(outcome);
        let waker = progress.waker.take();
        drop(progress);
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

impl Drop for Promise {
    fn drop(&mut self) {
        let mut progress = open(&self.shared);
        progress.outcome.get_or_insert_with(|| Err(Failure::Refused("the journal was closed".into())));
        if let Some(waker) = progress.waker.take() {
            waker.wake();
        }
    }
}

fn open(shared: &Mutex<Progress>) -> MutexGuard<'_, Progress> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noop() -> Waker {
        Waker::noop().clone()
    }

    #[test]
    fn a_receipt_tells_how_it_has_ended() {
        assert_eq!(Receipt::done().poll(noop), Some(Ok(())));
        let (receipt, promise) = Receipt::pending();
        assert_eq!(receipt.poll(noop), None);
        promise.settle(Err(Failure::Busy));
        assert_eq!(receipt.poll(noop), Some(Err(Failure::Busy)));
    }

    #[test]
    fn what_was_found_is_taken_by_tables() {
        let row =
            |table, number| Row { table, name: "news".into(), number, value: Bytes::from_static(b"value") };
        let rows = vec![row(Table::Events, 1), row(Table::Events, 2), row(Table::Jobs, 1)];
        let mut found = Found { rows, after_crash: false };
        assert_eq!(found.take(Table::Jobs), [row(Table::Jobs, 1)]);
        assert_eq!(found.take(Table::Events), [row(Table::Events, 1), row(Table::Events, 2)]);
        assert!(found.rows.is_empty());
    }

    #[test]
    fn a_promise_that_is_forgotten_was_not_kept() {
        let (receipt, promise) = Receipt::pending();
        drop(promise);
        assert!(matches!(receipt.poll(noop), Some(Err(Failure::Refused(_)))));
    }
}
