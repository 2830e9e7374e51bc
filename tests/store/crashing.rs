//! The end of the process without a word: whatever was answered is there, and the next one knows of it.

use std::collections::VecDeque;
use std::io::Read;
use std::path::Path;

use wirelab::lab::journal::{Ack, Receipt};

use crate::harness::{Other, folder_of_the_part, numbers, open, outcome, put, say};

#[test]
fn what_was_written_survives_a_kill() {
    let folder = tempfile::tempdir().unwrap();
    for round in 1..=3 {
        let mut other = Other::start("crashing::part_of_an_author", folder.path());
        let mut told = 0;
        while told < 700 * round {
            told = other.says().expect("it goes on").trim_end_matches('.').parse().expect("a number");
        }
        other.kill();
        // What it had said before, and nobody had heard.
        while let Some(said) = other.says() {
            told = said.strip_suffix('.').and_then(|number| number.parse().ok()).unwrap_or(told);
        }
        let (_, found) = open(folder.path());
        assert!(found.after_crash);
        let left = numbers(&found, "left");
        assert!(left.len() >= told, "{told} were kept, {} are found", left.len());
        assert_eq!(left, Vec::from_iter(1..=left.len() as u64), "in order, without a gap");
        assert_eq!(left, numbers(&found, "right"), "both of a call or none");
        let (_, found) = open(folder.path());
        assert!(!found.after_crash, "the second one has said goodbye");
    }
}

/// Appends pairs for ever, goes on from what it finds, and says which are kept.
#[test]
fn part_of_an_author() {
    let Some(folder) = folder_of_the_part() else { return };
    let (store, found) = open(Path::new(&folder));
    let journal = store.journal();
    let mut pending: VecDeque<(u64, Receipt)> = VecDeque::new();
    let acks = [Ack::Write, Ack::Write, Ack::Fsync, Ack::Write];
    for (number, ack) in (found.rows.len() as u64 / 2 + 1..).zip(acks.into_iter().cycle()) {
        let receipt = journal.append(vec![put("left", number), put("right", number)], ack).unwrap();
        pending.push_back((number, receipt));
        if pending.len() > 50
            && let Some((number, receipt)) = pending.pop_front()
        {
            outcome(&receipt).unwrap();
            say(number);
        }
    }
}

#[test]
fn a_folder_is_for_one_process() {
    let folder = tempfile::tempdir().unwrap();
    let mut other = Other::start("crashing::part_of_an_owner", folder.path());
    assert_eq!(other.says().as_deref(), Some("open."));
    let refusal =
        wirelab::store::Store::open(folder.path(), &Default::default()).err().expect("it is in use");
    assert!(refusal.to_string().contains("another server keeps its rows there"), "{refusal}");
    drop(other.stdin.take());
    other.finish();
    let (_, found) = open(folder.path());
    assert_eq!((numbers(&found, "mine"), found.after_crash), (vec![1], false));
}

/// Has the store until nobody talks to it any more.
#[test]
fn part_of_an_owner() {
    let Some(folder) = folder_of_the_part() else { return };
    let (store, _) = open(Path::new(&folder));
    say("open");
    let _ = std::io::stdin().read_to_end(&mut Vec::new());
    store.journal().append(vec![put("mine", 1)], Ack::Memory).unwrap();
}
