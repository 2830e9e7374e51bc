//! When there is news of a job, and what it is for those who have missed some.

use super::*;

fn running(percents: impl IntoIterator<Item = u8>) -> Vec<Status> {
    percents.into_iter().map(Status::Running).collect()
}

/// A job that starts after 10 ms, as another one runs before it.
fn queued(order: Order, start: Instant) -> (Schedule, u64) {
    let mut schedule = Schedule::new(Limits { workers: 1, waiting: 1, kept: 9 }, start);
    for order in [super::order(10, 1), order] {
        let job = schedule.draft(order, None).expect("there is a place");
        schedule.accept(job);
    }
    (schedule, 2)
}

#[test]
fn news_comes_at_the_moment_that_was_foreseen() {
    let start = Instant::now();
    // A third of it is no whole number of nanoseconds.
    let (mut schedule, number) = queued(order(10, 3), start);
    let mut now = start;
    let mut seen = vec![];
    loop {
        schedule.advance(now);
        let job = schedule.job(number).expect("it is remembered");
        let status = job.status(now);
        seen.push(status);
        let Some(next) = job.next_news(Known::only(status), now) else { break };
        schedule.advance(next - Duration::from_nanos(1));
        let job = schedule.job(number).expect("it is remembered");
        assert_eq!(job.status(next - Duration::from_nanos(1)), status);
        now = next;
    }
    let expected = [vec![Status::Queued], running([0, 33, 66]), vec![Status::Ended(Outcome::Done)]];
    assert_eq!(seen, expected.concat());
    assert_eq!(now, start + ms(20));
}

#[test]
fn statuses_that_are_known_are_no_news() {
    let start = Instant::now();
    let (schedule, number) = queued(order(100, 4), start);
    let job = schedule.job(number).expect("it is remembered");
    let next = |known| job.next_news(known, start).map(|at| at - start);
    assert_eq!(next(Known::those(|status| status.percent() == Some(0))), Some(ms(35)));
    assert_eq!(next(Known::those(|status| !status.has_ended())), Some(ms(110)));
    assert_eq!(next(Known::those(|_| true)), None);
}

/// What follows on each status, from the one seen last.
fn all_following(job: &Job, mut seen: Option<Status>, now: Instant) -> Vec<Status> {
    std::iter::from_fn(|| {
        seen = Some(job.following(seen, now)?);
        seen
    })
    .collect()
}

#[test]
fn whoever_was_away_misses_no_step() {
    let start = Instant::now();
    let (mut schedule, number) = queued(Order { fails: true, ..order(50, 5) }, start);
    let mut at = |after: u64, seen| {
        schedule.advance(start + ms(after));
        all_following(schedule.job(number).expect("it is remembered"), seen, start + ms(after))
    };
    assert_eq!(at(5, None), [Status::Queued]);
    assert_eq!(at(45, None), running([60]));
    assert_eq!(at(45, Some(Status::Queued)), running([0, 20, 40, 60]));
    assert_eq!(at(45, Some(Status::Running(60))), []);
    // It has begun again, or was never so far.
    assert_eq!(at(45, Some(Status::Running(80))), running([60]));
    let failed = Status::Ended(Outcome::Failed);
    assert_eq!(at(60, Some(Status::Running(60))), [running([80]), vec![failed]].concat());
    assert_eq!(at(60, Some(failed)), []);
}

#[test]
fn a_job_that_was_cancelled_in_the_queue_was_never_at_work() {
    let start = Instant::now();
    let (mut schedule, number) = queued(order(50, 5), start);
    let cancelled = schedule.job(number).expect("it is remembered").cancelled(start);
    schedule.cancel(cancelled);
    let job = schedule.job(number).expect("it is remembered");
    let end = vec![Status::Ended(Outcome::Cancelled)];
    assert_eq!(all_following(job, Some(Status::Queued), start), end);
}
