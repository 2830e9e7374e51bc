//! Jobs that outlive their process.

use super::*;
use crate::lab::numbering::STEP;

/// A journal in memory.
#[derive(Default)]
struct Rows(Mutex<BTreeMap<u64, Row>>);

impl Journal for Rows {
    fn append(&self, changes: Vec<Change>, _ack: Ack) -> Result<Receipt, Failure> {
        let mut rows = self.0.lock().unwrap();
        for change in changes {
            match change {
                Change::Put(row) => drop(rows.insert(row.number, row)),
                Change::Remove { number, .. } => drop(rows.remove(&number)),
                Change::RemoveThrough { .. } => unreachable!("jobs are forgotten one by one"),
            }
        }
        Ok(Receipt::done())
    }
}

fn lines(journal: &Rows) -> Vec<String> {
    let line = |row: &Row| str::from_utf8(&row.value).unwrap().strip_suffix('\n').unwrap().to_owned();
    let rows = journal.0.lock().unwrap();
    rows.values().filter(|row| !Numbering::is_row(row)).map(line).collect()
}

fn restart(settings: &JobSettings, journal: &Arc<Rows>, after_crash: bool, now: Instant) -> Jobs {
    let rows: Vec<Row> = journal.0.lock().unwrap().values().cloned().collect();
    let journal = Arc::clone(journal);
    Jobs::restore(settings, journal, rows, after_crash, now).expect("they were written by jobs")
}

#[test]
fn what_has_ended_stays_so_and_the_rest_begins_again_in_order() {
    let (start, settings) = (Instant::now(), JobSettings { workers: 2, most_waiting: 9 });
    let journal = Arc::new(Rows::default());
    let jobs = restart(&settings, &journal, false, start);
    let failing = Order { fails: true, ..order(10, 2) };
    for order in [order(30, 3), failing, order(20, 2), order(50, 5), order(50, 5)] {
        let key = (order == failing).then(|| "a \"key\"".into());
        jobs.submit(order, key, Ack::Memory, start).expect("there is a place");
    }
    jobs.cancel(4, Ack::Memory, start + ms(5)).expect("it waits");
    jobs.counts(start + ms(15));
    assert_eq!(
        lines(&journal),
        [
            r#"{"work_ms":30,"steps":3,"fail":false}"#,
            r#"{"work_ms":10,"steps":2,"fail":true,"key":"a \"key\"","status":"failed","waited_ms":0,"reached":1}"#,
            r#"{"work_ms":20,"steps":2,"fail":false}"#,
            r#"{"work_ms":50,"steps":5,"fail":false,"status":"cancelled","waited_ms":5,"reached":null}"#,
            r#"{"work_ms":50,"steps":5,"fail":false}"#,
        ]
    );

    let later = start + ms(1000);
    let jobs = restart(&settings, &journal, false, later);
    let statuses = |after| {
        let now = later + ms(after);
        jobs.list(now).0.iter().map(|job| job.status(now).to_string()).collect::<Vec<_>>()
    };
    assert_eq!(statuses(0), ["0%", "failed", "0%", "cancelled", "queued"]);
    assert_eq!(statuses(20), ["66%", "failed", "100%", "cancelled", "0%"]);
    let (repeated, _) = jobs.submit(failing, Some("a \"key\"".into()), Ack::Memory, later).unwrap();
    assert_eq!(repeated.number, 2);
    let (next, _) = jobs.submit(order(1, 1), None, Ack::Memory, later).unwrap();
    assert_eq!(next.number, 6);
}

#[test]
fn after_a_crash_no_number_is_given_that_may_have_been_given_before() {
    let (start, settings) = (Instant::now(), JobSettings::default());
    let journal = Arc::new(Rows::default());
    let jobs = restart(&settings, &journal, false, start);
    jobs.submit(order(1, 1), None, Ack::Memory, start).unwrap();
    let jobs = restart(&settings, &journal, true, start);
    let (next, _) = jobs.submit(order(1, 1), None, Ack::Memory, start).unwrap();
    assert_eq!(next.number, STEP + 1);
    assert_eq!(jobs.job(2, start).unwrap_err(), Absent::Forgotten);
}

#[test]
fn numbers_that_were_left_out_stay_so_when_no_job_tells_of_them() {
    let (start, settings) = (Instant::now(), JobSettings::default());
    let journal = Arc::new(Rows::default());
    restart(&settings, &journal, false, start);
    for crashes in 1..=3 {
        // Each of these may have given all numbers up to its mark, and no row tells of it.
        restart(&settings, &journal, true, start);
        let jobs = restart(&settings, &journal, false, start);
        let (job, _) = jobs.submit(order(1, 1), None, Ack::Memory, start).unwrap();
        assert_eq!(job.number, crashes * STEP + 1);
        journal.0.lock().unwrap().remove(&job.number).expect("the row that a crash loses");
    }
}

#[test]
fn what_is_forgotten_has_no_row_and_no_key() {
    let (start, settings) = (Instant::now(), JobSettings::default());
    let journal = Arc::new(Rows::default());
    let jobs = restart(&settings, &journal, false, start);
    let submit = |key: &str| jobs.submit(order(0, 1), Some(key.into()), Ack::Memory, start).unwrap().0.number;
    let first = submit("first");
    for number in 0..MOST_KEPT {
        submit(&number.to_string());
    }
    assert_eq!(jobs.job(first, start).unwrap_err(), Absent::Forgotten);
    assert_eq!(lines(&journal).len(), MOST_KEPT);
    assert_eq!(submit("first"), MOST_KEPT as u64 + 2);
}

#[test]
fn a_row_that_is_none_of_a_job_is_refused_in_one_line() {
    let (now, settings) = (Instant::now(), JobSettings::default());
    for value in [
        "",
        "{",
        "[]",
        "{}",
        r#"{"work_ms":1,"steps":0}"#,
        r#"{"work_ms":3600001,"steps":1}"#,
        r#"{"work_ms":1,"steps":1,"status":"over"}"#,
        r#"{"work_ms":1,"steps":1,"status":"done","waited_ms":0,"reached":1}"#,
    ] {
        let row = Row { table: Table::Jobs, name: "".into(), number: 7, value: value.into() };
        let restored = Jobs::restore(&settings, Arc::new(NoJournal), [row], false, now);
        let why = restored.err().unwrap_or_else(|| panic!("{value} is taken for a job"));
        assert!(why.contains("job 7") && why.lines().count() == 1, "{why}");
    }
}

/// A journal that has no room.
struct Busy;

impl Journal for Busy {
    fn append(&self, _changes: Vec<Change>, _ack: Ack) -> Result<Receipt, Failure> {
        Err(Failure::Busy)
    }
}

#[test]
fn what_cannot_be_written_down_is_not_done() {
    let (now, settings) = (Instant::now(), JobSettings::default());
    let row =
        Row { table: Table::Jobs, name: "".into(), number: 1, value: r#"{"work_ms":9,"steps":1}"#.into() };
    let jobs = Jobs::restore(&settings, Arc::new(Busy), [row], false, now).expect("it is one");
    assert!(matches!(jobs.submit(order(1, 1), None, Ack::Write, now), Err(NotSubmitted::NotKept(_))));
    assert_eq!(jobs.cancel(1, Ack::Write, now).unwrap_err(), NotCancelled::NotKept(Failure::Busy));
    let left: Vec<_> = jobs.list(now).0.iter().map(|job| (job.number, job.status(now))).collect();
    assert_eq!(left, [(1, Status::Running(0))]);
}
