//! A disk that takes no more, as an operator's limit makes it.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use rlimit::Resource;
use signal_hook::consts::SIGXFSZ;
use wirelab::lab::journal::{Ack, Change, Failure, Found, Row, Table};
use wirelab::store::{Settings, Store};

use crate::harness::{Other, folder_of_the_part, keep, numbers, put, row, say};

#[test]
fn a_full_disk_refuses_a_group_and_takes_a_later_one() {
    let folder = tempfile::tempdir().unwrap();
    let (store, _) = open(folder.path());
    let journal = store.journal();
    let full = Err(Failure::Refused("database or disk is full".into()));
    keep(&*journal, vec![put("small", 1), large(1)], Ack::Write).unwrap();
    keep(&*journal, vec![put("small", 2), large(2)], Ack::Write).unwrap();
    for ack in [Ack::Write, Ack::Fsync] {
        assert_eq!(keep(&*journal, vec![put("small", 3), large(3)], ack), full);
    }
    keep(&*journal, vec![put("small", 4)], Ack::Fsync).unwrap();
    let first = Change::Remove { table: Table::Messages, name: "large".into(), number: 1 };
    keep(&*journal, vec![first], Ack::Write).unwrap();
    keep(&*journal, vec![put("small", 5), large(5)], Ack::Fsync).unwrap();
    drop((journal, store));

    let (_, found) = open(folder.path());
    assert_eq!(numbers(&found, "small"), [1, 2, 4, 5]);
    assert_eq!(numbers(&found, "large"), [2, 5]);
    assert!(found.after_crash, "somebody may have seen what was refused");
}

#[test]
fn a_limit_below_what_is_kept_lets_it_shrink() {
    let folder = tempfile::tempdir().unwrap();
    let (store, _) = open(folder.path());
    keep(&*store.journal(), vec![large(1), large(2)], Ack::Write).unwrap();
    drop(store);
    let (store, found) =
        Store::open(folder.path(), &Settings { max_bytes: 0, ..Settings::default() }).unwrap();
    assert_eq!(found.rows.len(), 2);
    assert!(keep(&*store.journal(), vec![large(3)], Ack::Write).is_err());
    let all = Change::RemoveThrough { table: Table::Messages, name: "large".into(), number: 2 };
    keep(&*store.journal(), vec![all, large(3)], Ack::Write).unwrap();
}

/// The log fills up ten times, and the database has room for what is in it.
#[test]
fn a_log_that_cannot_grow_is_taken_over() {
    let folder = tempfile::tempdir().unwrap();
    let mut other = Other::start("full::part_of_an_author_with_short_files", folder.path());
    let said: Vec<String> = std::iter::from_fn(|| other.says()).collect();
    other.finish();
    assert_eq!(said, ["kept."; 100]);
}

/// Puts 100,000 new bytes in the same place again and again, where no file may have more than a million.
#[test]
fn part_of_an_author_with_short_files() {
    let Some(folder) = folder_of_the_part() else { return };
    // Whoever hears this signal is told by `write`, and is not ended.
    signal_hook::flag::register(SIGXFSZ, Arc::new(AtomicBool::default())).unwrap();
    rlimit::setrlimit(Resource::FSIZE, 1_000_000, 1_000_000).unwrap();
    let (store, _) = Store::open(Path::new(&folder), &Settings::default()).unwrap();
    for content in 0..100 {
        let row = Row { value: vec![content; 100_000].into(), ..row(Table::Messages, "large", 1, "") };
        match keep(&*store.journal(), vec![Change::Put(row)], Ack::Write) {
            Ok(()) => say("kept"),
            Err(failure) => say(format_args!("refused: {failure}")),
        }
    }
}

fn open(folder: &Path) -> (Store, Found) {
    Store::open(folder, &Settings { max_bytes: 256 * 1024, ..Settings::default() }).unwrap()
}

/// Two have room, three have not.
fn large(number: u64) -> Change {
    Change::Put(Row { value: vec![b'v'; 100_000].into(), ..row(Table::Messages, "large", number, "") })
}
