//! Where changes come in: in order, bounded, and never in the way of who brings them.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::lab::journal::{
    Ack, Change, Failure, Journal, MOST_WAITING, MOST_WAITING_BYTES, Promise, Receipt, Tally,
};

/// The journal as the lab sees it.
pub(super) struct Intake {
    /// To the writer, until the store is closed.
    entries: Mutex<Option<Sender<Entry>>>,
    counts: Arc<Counts>,
}

/// The changes of one call.
pub(super) struct Entry {
    pub(super) changes: Vec<Change>,
    pub(super) bytes: usize,
    pub(super) author: Author,
}

/// Who waits for them.
pub(super) enum Author {
    /// Nobody any more.
    Answered,
    AwaitsWrite(Promise),
    AwaitsSync(Promise),
}

/// What waits, what was done, and whether it counts.
#[derive(Default)]
pub(super) struct Counts {
    /// Not yet written: those under way count as well, for a crash can lose them.
    pub(super) changes: AtomicUsize,
    pub(super) bytes: AtomicUsize,
    pub(super) commits: AtomicU64,
    pub(super) syncs: AtomicU64,
    /// Nobody has served anything from it, so it is left as it was found.
    pub(super) is_abandoned: AtomicBool,
}

impl Intake {
    /// An intake, and where its entries come out; that ends when it is closed and all are taken.
    pub(super) fn open() -> (Arc<Intake>, Receiver<Entry>) {
        let (sender, receiver) = mpsc::channel();
        let intake = Intake { entries: Mutex::new(Some(sender)), counts: Arc::default() };
        (Arc::new(intake), receiver)
    }

    pub(super) fn close(&self) {
        *self.entries() = None;
    }

    pub(super) fn counts(&self) -> Arc<Counts> {
        Arc::clone(&self.counts)
    }

    fn entries(&self) -> MutexGuard<'_, Option<Sender<Entry>>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Journal for Intake {
    fn append(&self, changes: Vec<Change>, ack: Ack) -> Result<Receipt, Failure> {
        let bytes = changes.iter().map(bytes_of).sum();
        // Held until the entry is sent: it lies in the order of the calls, and two calls cannot take the same room.
        let entries = self.entries();
        let Some(sender) = &*entries else { return Err(closed()) };
        self.counts.admit(changes.len(), bytes)?;
        let (receipt, author) = match ack {
            Ack::Memory => (Receipt::done(), Author::Answered),
            Ack::Write => with_promise(Author::AwaitsWrite),
            Ack::Fsync => with_promise(Author::AwaitsSync),
        };
        sender.send(Entry { changes, bytes, author }).map_err(|_| closed())?;
        Ok(receipt)
    }

    fn tally(&self) -> Tally {
        let Counts { changes, commits, syncs, .. } = &*self.counts;
        let waiting = changes.load(Relaxed) as u64;
        Tally { commits: commits.load(Relaxed), syncs: syncs.load(Relaxed), waiting }
    }
}

impl Counts {
    /// Makes room, if there is any. What comes while nothing waits is taken whatever its size: it would never be less.
    fn admit(&self, changes: usize, bytes: usize) -> Result<(), Failure> {
        let (waiting, held) = (self.changes.load(Relaxed), self.bytes.load(Relaxed));
        if waiting > 0 && (waiting + changes > MOST_WAITING || held + bytes > MOST_WAITING_BYTES) {
            return Err(Failure::Busy);
        }
        self.changes.fetch_add(changes, Relaxed);
        self.bytes.fetch_add(bytes, Relaxed);
        Ok(())
    }

    /// Gives the room of a group back.
    pub(super) fn release(&self, group: &[Entry]) {
        self.changes.fetch_sub(group.iter().map(|entry| entry.changes.len()).sum(), Relaxed);
        self.bytes.fetch_sub(group.iter().map(|entry| entry.bytes).sum(), Relaxed);
    }
}

fn with_promise(author: fn(Promise) -> Author) -> (Receipt, Author) {
    let (receipt, promise) = Receipt::pending();
    (receipt, author(promise))
}

fn bytes_of(change: &Change) -> usize {
    match change {
        Change::Put(row) => row.name.len() + row.value.len(),
        Change::Remove { name, .. } | Change::RemoveThrough { name, .. } => name.len(),
    }
}

fn closed() -> Failure {
    Failure::Refused("the journal was closed".into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::journal::{Row, Table};

    fn changes(count: usize, bytes: usize) -> Vec<Change> {
        let row = Row { table: Table::Events, name: "".into(), number: 1, value: vec![b'v'; bytes].into() };
        vec![Change::Put(row); count]
    }

    #[test]
    fn no_more_changes_wait_than_may() {
        let (intake, entries) = Intake::open();
        intake.append(changes(MOST_WAITING - 1, 0), Ack::Write).unwrap();
        assert_eq!(intake.append(changes(2, 0), Ack::Memory).unwrap_err(), Failure::Busy);
        intake.append(changes(1, 0), Ack::Memory).unwrap();
        assert_eq!(intake.append(changes(1, 0), Ack::Fsync).unwrap_err(), Failure::Busy);
        assert_eq!(intake.tally().waiting, MOST_WAITING as u64);
        let taken: Vec<Entry> = entries.try_iter().collect();
        assert_eq!(taken.iter().map(|entry| entry.changes.len()).collect::<Vec<_>>(), [MOST_WAITING - 1, 1]);
        assert_eq!(intake.append(changes(1, 0), Ack::Fsync).unwrap_err(), Failure::Busy, "not written yet");
        intake.counts().release(&taken);
        intake.append(changes(1, 0), Ack::Fsync).unwrap();
    }

    #[test]
    fn no_more_bytes_wait_than_may() {
        let (intake, entries) = Intake::open();
        intake.append(changes(1, MOST_WAITING_BYTES), Ack::Memory).unwrap();
        assert_eq!(intake.append(changes(1, 1), Ack::Memory).unwrap_err(), Failure::Busy);
        intake.counts().release(&[entries.recv().unwrap()]);
        intake.append(changes(1, MOST_WAITING_BYTES + 1), Ack::Memory).expect("what comes alone is taken");
    }

    #[test]
    fn only_memory_is_acknowledged_at_once() {
        let (intake, entries) = Intake::open();
        let settled = |ack| {
            let receipt = intake.append(changes(1, 0), ack).unwrap();
            receipt.poll(|| std::task::Waker::noop().clone())
        };
        assert_eq!(settled(Ack::Memory), Some(Ok(())));
        assert_eq!(settled(Ack::Write), None);
        assert_eq!(settled(Ack::Fsync), None);
        drop(entries);
    }

    #[test]
    fn a_closed_intake_refuses() {
        let (intake, entries) = Intake::open();
        intake.close();
        assert!(matches!(intake.append(Vec::new(), Ack::Memory), Err(Failure::Refused(_))));
        assert!(entries.recv().is_err());
        let (intake, entries) = Intake::open();
        drop(entries);
        assert!(matches!(intake.append(Vec::new(), Ack::Memory), Err(Failure::Refused(_))));
    }
}
