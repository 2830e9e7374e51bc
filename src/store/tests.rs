//! The two threads and their order, with a disk that syncs when the test says so.

use std::io;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::task::Waker;

use super::*;
use crate::lab::journal::{Change, Row, Table};

#[test]
fn a_sync_delays_only_those_who_asked_for_one() {
    let folder = tempfile::tempdir().unwrap();
    let (store, disk) = open(&folder);
    let journal = store.journal();
    let durable = journal.append(vec![put(1)], Ack::Fsync).unwrap();
    disk.begins_to_sync();
    for number in 2..10 {
        let written = journal.append(vec![put(number)], Ack::Write).unwrap();
        assert_eq!(outcome(&written), Ok(()));
    }
    assert_eq!(durable.poll(noop), None);
    disk.ends_the_sync(Ok(()));
    assert_eq!(outcome(&durable), Ok(()));
}

#[test]
fn all_who_ask_while_a_sync_is_under_way_share_the_next() {
    let folder = tempfile::tempdir().unwrap();
    let (store, disk) = open(&folder);
    let journal = store.journal();
    let first = journal.append(vec![put(1)], Ack::Fsync).unwrap();
    disk.begins_to_sync();
    let others = (2..=65).map(|number| journal.append(vec![put(number)], Ack::Fsync).unwrap());
    let others: Vec<Receipt> = others.collect();
    // Behind them all: once it is written, so are they.
    let last = journal.append(vec![put(66)], Ack::Write).unwrap();
    assert_eq!(outcome(&last), Ok(()));
    disk.ends_the_sync(Ok(()));
    assert_eq!(outcome(&first), Ok(()));
    disk.begins_to_sync();
    assert!(others.iter().all(|receipt| receipt.poll(noop).is_none()), "that sync began before they asked");
    disk.ends_the_sync(Ok(()));
    assert!(others.iter().all(|receipt| outcome(receipt) == Ok(())));
    assert_eq!(journal.tally().syncs, 2);
    assert!(journal.tally().commits <= 66 && journal.tally().waiting == 0);
}

/// What the kernel could not write it may have forgotten, so no later sync can be trusted.
#[test]
fn after_a_sync_has_failed_nothing_is_promised_any_more() {
    let folder = tempfile::tempdir().unwrap();
    let (store, disk) = open(&folder);
    let journal = store.journal();
    let broken = Err(Failure::Refused("the platter is scratched".into()));
    let first = journal.append(vec![put(1)], Ack::Fsync).unwrap();
    disk.begins_to_sync();
    disk.ends_the_sync(Err(io::Error::other("the platter is scratched")));
    assert_eq!(outcome(&first), broken);
    assert_eq!(outcome(&journal.append(vec![put(2)], Ack::Fsync).unwrap()), broken);
    assert_eq!(journal.tally().syncs, 1);
    assert_eq!(outcome(&journal.append(vec![put(3)], Ack::Write).unwrap()), Ok(()));
}

#[test]
fn who_settles_waits_for_the_disk() {
    let folder = tempfile::tempdir().unwrap();
    let (store, disk) = open(&folder);
    let durable = store.journal().append(vec![put(1)], Ack::Fsync).unwrap();
    for result in [Ok(()), Err(io::Error::other("the platter is scratched"))] {
        disk.ends_the_sync(result);
    }
    assert_eq!(outcome(&durable), Ok(()));
    assert_eq!(store.settle(), Err(Failure::Refused("the platter is scratched".into())));
}

#[test]
fn closing_waits_for_the_disk_but_not_for_ever() {
    let folder = tempfile::tempdir().unwrap();
    let (mut store, disk) = open(&folder);
    store.close_within = Duration::from_millis(20);
    let durable = store.journal().append(vec![put(1)], Ack::Fsync).unwrap();
    disk.begins_to_sync();
    drop(store);
    assert_eq!(durable.poll(noop), None);
    disk.ends_the_sync(Ok(()));
    assert_eq!(outcome(&durable), Ok(()));
}

#[test]
fn a_log_that_was_taken_over_is_begun_anew() {
    let folder = tempfile::tempdir().unwrap();
    let (mut database, _) = Database::open(folder.path(), u64::MAX).unwrap();
    let mut most = 0;
    for number in 0..10 {
        let value = vec![b'v'; 4 * 1024 * 1024].into();
        let row = Row { table: Table::Events, name: "large".into(), number, value };
        database.commit([Change::Put(row)].iter()).unwrap();
        most = most.max(std::fs::metadata(database.log()).unwrap().len());
        if database.is_checkpoint_due() {
            database.checkpoint().unwrap();
            assert!(std::fs::metadata(folder.path().join("lab.db")).unwrap().len() > 16 * 1024 * 1024);
        }
    }
    assert!((16..24).contains(&(most / 1024 / 1024)), "{most} bytes");
}

/// What the disk does, as told by a test.
struct Disk {
    begun: Receiver<()>,
    ends: Sender<io::Result<()>>,
}

impl Disk {
    fn begins_to_sync(&self) {
        self.begun.recv().expect("the syncer lives");
    }

    fn ends_the_sync(&self, result: io::Result<()>) {
        self.ends.send(result).expect("the syncer lives");
    }
}

/// A store on a disk whose syncs a test begins and ends; when the test is over, they all succeed.
fn open(folder: &tempfile::TempDir) -> (Store, Disk) {
    let (database, _) = Database::open(folder.path(), u64::MAX).unwrap();
    let (begin, begun) = channel();
    let (ends, end) = channel();
    let sync = move || match begin.send(()) {
        Ok(()) => end.recv().unwrap_or(Ok(())),
        Err(_) => Ok(()),
    };
    let store = Store::start(database, Box::new(sync), Duration::ZERO).unwrap();
    (store, Disk { begun, ends })
}

fn put(number: u64) -> Change {
    Change::Put(Row { table: Table::Events, name: "news".into(), number, value: b"value".to_vec().into() })
}

fn noop() -> Waker {
    Waker::noop().clone()
}
