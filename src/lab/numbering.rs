//! Numbers that are given once: the ids of events and messages, the numbers of jobs.
//!
//! Whoever was told a number may come with it again behind any crash: `Last-Event-ID: 7` must not skip an event that
//! nobody has heard, `POST /queues/q/ack/7.1` must not settle another message. But a crash may lose the row that had
//! the number, and after a full disk nobody knows how many rows. So no number is given that the disk has not been told
//! of before: a mark goes ahead of them, in long steps, and after a crash all go on behind the mark. That leaves a gap,
//! and gives no number twice, however often it crashes. PostgreSQL's sequences log 32 values ahead in the same way.
//!
//! ```text
//!   given before      to be given            the next server, after a crash
//!  ────────────────┼─────────────────────┼──────────────────────────────▶
//!                  7                     mark
//! ```
//!
//! The other end is the floor, from which on what is new may count: what had a higher number before, and is gone
//! without a trace, may have had the same name.

use std::sync::Arc;
use std::task::Waker;

use serde_json::{Value, json};

use super::journal::{Ack, Change, Failure, Journal, Receipt, Row, Table};

/// What is known of the numbers of a table.
pub struct Numbering {
    journal: Arc<dyn Journal>,
    table: Table,
    floor: u64,
    /// Numbers up to this one may be given: the disk has it.
    mark: u64,
    /// A higher mark that the disk is to have.
    asked: Option<(u64, Receipt)>,
    /// Why the disk has refused the last one.
    refused: Option<Failure>,
}

impl Numbering {
    pub fn new(table: Table, journal: Arc<dyn Journal>) -> Numbering {
        Numbering { journal, table, floor: 0, mark: 0, asked: None, refused: None }
    }

    /// Whether a row is about numbers. Nothing has no name and no number, so its place is free in every table.
    pub fn is_row(row: &Row) -> bool {
        row.name.is_empty() && row.number == 0
    }

    /// Takes up what its row tells; nothing if that cannot be read.
    pub fn read(&mut self, row: &Row) -> Option<()> {
        let value: Value = serde_json::from_slice(&row.value).ok()?;
        (self.floor, self.mark) = (value["floor"].as_u64()?, value["mark"].as_u64()?);
        Some(())
    }

    /// Begins, once all rows are read, of which `highest` is the highest number. That the disk has the first mark is to
    /// be waited for before anybody is served.
    pub fn begin(&mut self, highest: u64, after_crash: bool) {
        if after_crash {
            self.floor = self.floor.max(self.mark).max(highest);
        }
        if let Err(failure) = self.reserve(self.floor.max(highest)) {
            log::error!("no numbers can be had for {:?}: {failure}", self.table);
        }
    }

    /// What is new counts on from here.
    pub fn floor(&self) -> u64 {
        self.floor
    }

    /// Whether a number may be given.
    ///
    /// # Errors
    /// The disk has not got the mark yet, or refuses it: then nothing may happen that needs the number.
    pub fn admit(&mut self, number: u64) -> Result<(), Failure> {
        if self.mark >= number + STEP / 2 {
            return Ok(());
        }
        let reserved = self.reserve(number);
        if number <= self.mark {
            return Ok(());
        }
        reserved?;
        Err(self.refused.clone().unwrap_or(Failure::Busy))
    }

    /// The change by which the floor rises, if it does, to go with whatever makes it rise. It has risen when that was
    /// [taken](Numbering::raise).
    pub fn change(&self, floor: u64) -> Option<Change> {
        (self.journal.keeps() && floor > self.floor).then(|| self.put(floor, self.highest_mark()))
    }

    /// What is new counts on from here, if not from further on already.
    pub fn raise(&mut self, floor: u64) {
        self.floor = self.floor.max(floor);
    }

    /// Sees to it that the mark goes ahead of a number.
    fn reserve(&mut self, number: u64) -> Result<(), Failure> {
        if !self.journal.keeps() {
            self.mark = u64::MAX;
            return Ok(());
        }
        self.hear();
        if self.asked.is_none() && self.mark < number + STEP / 2 {
            let mark = number + STEP;
            let receipt = self.journal.append(vec![self.put(self.floor, mark)], Ack::Fsync)?;
            self.asked = Some((mark, receipt));
            self.hear();
        }
        Ok(())
    }

    /// Takes up what the disk has said, if it has.
    fn hear(&mut self) {
        let Some((mark, receipt)) = self.asked.take() else { return };
        match receipt.poll(|| Waker::noop().clone()) {
            Some(Ok(())) => (self.mark, self.refused) = (mark, None),
            Some(Err(failure)) => self.refused = Some(failure),
            None => self.asked = Some((mark, receipt)),
        }
    }

    /// A row behind one that is under way must not take its mark back.
    fn highest_mark(&self) -> u64 {
        self.asked.as_ref().map_or(self.mark, |(mark, _)| *mark)
    }

    fn put(&self, floor: u64, mark: u64) -> Change {
        let value = format!("{}\n", json!({ "floor": floor, "mark": mark })).into();
        Change::Put(Row { table: self.table, name: "".into(), number: 0, value })
    }
}

/// How far the mark goes ahead; a new one is asked for when half of it is used up. So whoever publishes waits for it
/// only where 50,000 numbers are given while the disk syncs once.
pub const STEP: u64 = 100_000;

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::lab::journal::Promise;

    /// A disk that takes what it is given when the test says so.
    #[derive(Default)]
    struct Disk {
        given: Mutex<Vec<(Row, Promise)>>,
        has: Mutex<Option<Row>>,
    }

    impl Journal for Disk {
        fn append(&self, changes: Vec<Change>, ack: Ack) -> Result<Receipt, Failure> {
            assert_eq!(ack, Ack::Fsync);
            let [Change::Put(row)] = &changes[..] else { panic!("{changes:?}") };
            let (receipt, promise) = Receipt::pending();
            self.given.lock().unwrap().push((row.clone(), promise));
            Ok(receipt)
        }
    }

    impl Disk {
        /// Answers all that it was given; tells how much that was.
        fn answer(&self, outcome: Result<(), Failure>) -> usize {
            let given = std::mem::take(&mut *self.given.lock().unwrap());
            let count = given.len();
            for (row, promise) in given {
                if outcome.is_ok() {
                    *self.has.lock().unwrap() = Some(row);
                }
                promise.settle(outcome.clone());
            }
            count
        }

        fn has(&self) -> String {
            let has = self.has.lock().unwrap();
            has.as_ref().map(|row| String::from_utf8_lossy(&row.value).into_owned()).unwrap_or_default()
        }

        /// A process that begins with what the disk has.
        fn restart(self: &Arc<Disk>, highest: u64, after_crash: bool) -> Numbering {
            let mut numbering = Numbering::new(Table::Jobs, Arc::clone(self) as Arc<dyn Journal>);
            if let Some(row) = &*self.has.lock().unwrap() {
                assert!(Numbering::is_row(row));
                numbering.read(row).expect("it was written by one");
            }
            numbering.begin(highest, after_crash);
            numbering
        }
    }

    #[test]
    fn no_number_is_given_that_the_disk_has_not_been_told_of() {
        let disk = Arc::new(Disk::default());
        let mut numbering = disk.restart(0, false);
        assert_eq!(numbering.admit(1), Err(Failure::Busy));
        assert_eq!(disk.answer(Ok(())), 1, "one step at a time");
        assert_eq!(disk.has(), "{\"floor\":0,\"mark\":100000}\n");
        assert!((1..=STEP / 2).all(|number| numbering.admit(number) == Ok(())));
        assert_eq!(disk.answer(Ok(())), 0);
        assert!((STEP / 2 + 1..=STEP).all(|number| numbering.admit(number) == Ok(())));
        assert_eq!(numbering.admit(STEP + 1), Err(Failure::Busy), "the disk is slower than that");
        assert_eq!(disk.answer(Ok(())), 1);
        assert_eq!(disk.has(), "{\"floor\":0,\"mark\":150001}\n");
        assert_eq!(numbering.admit(STEP + 1), Ok(()));
    }

    #[test]
    fn after_a_crash_all_go_on_behind_the_mark_and_after_another_as_well() {
        let disk = Arc::new(Disk::default());
        drop(disk.restart(0, false));
        // The first one has died before the disk had its mark, and has given nothing.
        assert_eq!(disk.restart(0, true).floor(), 0);
        disk.answer(Ok(()));
        assert_eq!(disk.restart(7, true).floor(), STEP);
        assert_eq!(disk.restart(7, true).floor(), STEP, "the disk has no higher mark yet");
        disk.answer(Ok(()));
        assert_eq!(disk.restart(7, true).floor(), 2 * STEP);
        disk.answer(Ok(()));
        assert_eq!(disk.restart(7, false).floor(), 2 * STEP, "what was left out stays so");
        assert_eq!(disk.restart(9 * STEP, true).floor(), 9 * STEP, "no row has a number above the mark");
    }

    #[test]
    fn a_disk_that_refuses_the_mark_refuses_the_numbers_behind_it() {
        let disk = Arc::new(Disk::default());
        let mut numbering = disk.restart(0, false);
        disk.answer(Ok(()));
        let full = Failure::Refused("full".into());
        assert_eq!(numbering.admit(STEP), Ok(()));
        assert_eq!(disk.answer(Err(full.clone())), 1);
        assert_eq!(numbering.admit(STEP), Ok(()), "the disk knows of it");
        for _ in 0..3 {
            assert_eq!(numbering.admit(STEP + 1), Err(full.clone()));
        }
        assert_eq!(disk.answer(Ok(())), 1, "it is asked again");
        assert_eq!(numbering.admit(STEP + 1), Ok(()));
    }

    #[test]
    fn a_floor_that_rises_takes_no_mark_back() {
        let disk = Arc::new(Disk::default());
        let mut numbering = disk.restart(0, false);
        disk.answer(Ok(()));
        numbering.admit(STEP).expect("it stands below the mark");
        let Some(Change::Put(row)) = numbering.change(7) else { panic!("it rises") };
        assert_eq!(row.value, "{\"floor\":7,\"mark\":200000}\n", "the higher one is under way");
        numbering.raise(7);
        assert_eq!((numbering.floor(), numbering.change(7), numbering.change(6)), (7, None, None));
    }

    #[test]
    fn a_row_about_numbers_is_told_from_others() {
        let disk = Arc::new(Disk::default());
        let numbering = disk.restart(0, false);
        let Some(Change::Put(row)) = numbering.change(7) else { panic!("it rises") };
        for other in [Row { number: 1, ..row.clone() }, Row { name: "a".into(), ..row.clone() }] {
            assert!(!Numbering::is_row(&other), "{other:?}");
        }
        for value in ["", "{}", "7", "{\"floor\":7}", "{\"mark\":7}"] {
            let damaged = Row { value: value.into(), ..row.clone() };
            assert_eq!(disk.restart(0, false).read(&damaged), None, "{value}");
        }
    }
}
