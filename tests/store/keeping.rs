//! What was appended is found again, in its last state, in order.

use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{self, Sender};
use std::task::{Wake, Waker};
use std::thread;
use std::time::{Duration, Instant};

use wirelab::lab::journal::{Ack, Change, Failure, Found, MOST_WAITING, Row, Table};
use wirelab::store::{Settings, Store};

use crate::harness::{keep, numbers, open, outcome, put, row};

#[test]
fn rows_are_found_by_table_name_and_number() {
    let folder = tempfile::tempdir().unwrap();
    let rows = [
        row(Table::Events, "a", 7, "\0\u{1}\n"),
        row(Table::Events, "a", 10, ""),
        row(Table::Events, "b", 1, "{}\nraw"),
        row(Table::Events, "ä 'quoted\"", i64::MAX as u64, "last"),
        row(Table::Messages, "a", 7, "of another table"),
        row(Table::Jobs, "", 0, "no name"),
    ];
    let (store, found) = open(folder.path());
    assert!(found.rows.is_empty() && !found.after_crash);
    let backwards: Vec<Change> = rows.iter().rev().cloned().map(Change::Put).collect();
    keep(&*store.journal(), backwards, Ack::Write).unwrap();
    drop(store);
    assert_eq!(found_in(folder.path()).rows, rows);
}

#[test]
fn the_last_change_of_a_place_stands() {
    let folder = tempfile::tempdir().unwrap();
    let (store, _) = open(folder.path());
    let journal = store.journal();
    let place = |number| (Table::Events, Arc::<str>::from("news"), number);
    for number in 1..=9 {
        journal.append(vec![put("news", number)], Ack::Memory).unwrap();
    }
    let (table, name, number) = place(3);
    journal.append(vec![Change::RemoveThrough { table, name, number }], Ack::Memory).unwrap();
    let (table, name, number) = place(5);
    journal.append(vec![Change::Remove { table, name, number }, put("news", 2)], Ack::Memory).unwrap();
    let replaced = row(Table::Events, "news", 8, "corrected");
    journal.append(vec![Change::Put(replaced.clone()), put("other", 1)], Ack::Memory).unwrap();
    let (table, name) = (Table::Events, "other".into());
    keep(&*journal, vec![Change::RemoveThrough { table, name, number: u64::MAX }], Ack::Fsync).unwrap();
    drop((journal, store));
    let found = found_in(folder.path());
    assert_eq!(numbers(&found, "news"), [2, 4, 6, 7, 8, 9]);
    assert!(found.rows.contains(&replaced));
    assert_eq!(numbers(&found, "other"), [0; 0]);
}

#[test]
fn changes_happen_in_the_order_of_the_calls() {
    let folder = tempfile::tempdir().unwrap();
    let (store, _) = open(folder.path());
    thread::scope(|scope| {
        for author in 0..8 {
            let journal = store.journal();
            scope.spawn(move || {
                let name: Arc<str> = format!("author {author}").into();
                let acks = [Ack::Memory, Ack::Write, Ack::Fsync];
                for (number, ack) in (1..=300).zip(acks.into_iter().cycle()) {
                    let before = Change::RemoveThrough {
                        table: Table::Events,
                        name: Arc::clone(&name),
                        number: number - 1,
                    };
                    keep(&*journal, vec![put(&name, number), before], ack).unwrap();
                }
            });
        }
    });
    let tally = store.journal().tally();
    assert!(tally.commits <= 8 * 300 && tally.syncs <= 8 * 100 + 1, "{tally:?}");
    assert_eq!(tally.waiting, 0);
    drop(store);
    let found = found_in(folder.path());
    assert_eq!(found.rows.len(), 8);
    assert!(found.rows.iter().all(|row| row.number == 300));
}

#[test]
fn everything_that_waits_is_written_when_the_store_is_closed() {
    let folder = tempfile::tempdir().unwrap();
    let (store, _) = open(folder.path());
    let journal = store.journal();
    for number in 1..=5000 {
        journal.append(vec![put("news", number)], Ack::Memory).unwrap();
    }
    drop(store);
    assert!(matches!(journal.append(vec![put("news", 5001)], Ack::Memory), Err(Failure::Refused(_))));
    let found = found_in(folder.path());
    assert!(!found.after_crash);
    assert_eq!(numbers(&found, "news"), Vec::from_iter(1..=5000));
    assert!(!folder.path().join("lab.db-wal").exists(), "one file is left");
}

#[test]
fn who_brings_more_than_the_disk_takes_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let (store, _) = open(folder.path());
    let journal = store.journal();
    let many: Vec<Change> = (0..MOST_WAITING as u64 / 2).map(|number| put("news", number)).collect();
    let mut receipts = Vec::new();
    let refusal = loop {
        match journal.append(many.clone(), Ack::Write) {
            Ok(receipt) => receipts.push(receipt),
            Err(failure) => break failure,
        }
    };
    assert_eq!(refusal, Failure::Busy);
    assert!(receipts.iter().all(|receipt| outcome(receipt) == Ok(())));
    keep(&*journal, many, Ack::Write).unwrap();
}

#[test]
fn a_slow_disk_delays_only_those_who_want_to_hear_from_it() {
    let folder = tempfile::tempdir().unwrap();
    let settings = Settings { sync_delay: Duration::from_secs(1), ..Settings::default() };
    let (store, _) = Store::open(folder.path(), &settings).unwrap();
    let (note, settled) = mpsc::channel();
    let asked = Instant::now();
    let _receipts = [(Ack::Fsync, "fsync"), (Ack::Write, "write")].map(|(ack, name)| {
        let receipt = store.journal().append(vec![put(name, 1)], ack).unwrap();
        if receipt.poll(|| Waker::from(Arc::new(Note { name, note: note.clone() }))).is_some() {
            note.send(name).unwrap();
        }
        receipt
    });
    assert_eq!([(); 2].map(|()| settled.recv().unwrap()), ["write", "fsync"]);
    assert!(asked.elapsed() >= settings.sync_delay);
}

/// Notes whose receipt was settled.
struct Note {
    name: &'static str,
    note: Sender<&'static str>,
}

impl Wake for Note {
    fn wake(self: Arc<Self>) {
        let _ = self.note.send(self.name);
    }
}

#[test]
fn a_log_of_many_changes_stays_bounded() {
    let folder = tempfile::tempdir().unwrap();
    let (store, _) = open(folder.path());
    let journal = store.journal();
    let large =
        |number| Row { value: vec![b'v'; 1024 * 1024].into(), ..row(Table::Messages, "large", number, "") };
    for number in 1..=60 {
        let before = Change::Remove { table: Table::Messages, name: "large".into(), number: number - 1 };
        keep(&*journal, vec![Change::Put(large(number)), before], Ack::Write).unwrap();
    }
    let log = folder.path().join("lab.db-wal").metadata().unwrap().len();
    assert!(log < 24 * 1024 * 1024, "{log} bytes of log");
    drop((journal, store));
    assert_eq!(found_in(folder.path()).rows, [large(60)]);
}

fn found_in(folder: &Path) -> Found {
    open(folder).1
}
