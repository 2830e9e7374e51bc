//! The schedule, told the time now and then, against workers that are looked at every millisecond.

use std::collections::VecDeque;

use proptest::prelude::*;

use super::*;

const LIMITS: Limits = Limits { workers: 2, waiting: 3, kept: 4 };

#[derive(Clone, Copy, Debug)]
enum Step {
    Submit { work: u64, steps: u8, fails: bool },
    Cancel { number: u64 },
    Pass { millis: u64 },
}

/// Workers that take a job from a queue, looked at once a millisecond.
#[derive(Default)]
struct Workers {
    millis: u64,
    queue: VecDeque<u64>,
    /// With the time at which each was taken.
    busy: Vec<(u64, u64)>,
    jobs: Vec<Seen>,
    happened: Vec<Happening>,
    kept: VecDeque<u64>,
}

struct Seen {
    order: Order,
    outcome: Option<Outcome>,
}

impl Workers {
    fn order(&self, number: u64) -> Order {
        self.jobs[number as usize - 1].order
    }

    fn work(&mut self) {
        loop {
            let done = |(number, since): &&(u64, u64)| {
                since + self.order(*number).work.as_millis() as u64 <= self.millis
            };
            if let Some((number, _)) = self.busy.iter().filter(done).min().copied() {
                self.busy.retain(|(other, _)| *other != number);
                let outcome = if self.order(number).fails { Outcome::Failed } else { Outcome::Done };
                self.happened.push(Happening::Ended(number));
                self.end(number, outcome);
            } else if self.busy.len() < LIMITS.workers && !self.queue.is_empty() {
                self.busy.extend(self.queue.pop_front().map(|number| (number, self.millis)));
            } else {
                return;
            }
        }
    }

    fn end(&mut self, number: u64, outcome: Outcome) {
        self.jobs[number as usize - 1].outcome = Some(outcome);
        self.kept.push_back(number);
        if self.kept.len() > LIMITS.kept {
            let highest =
                self.kept.iter().chain(&self.queue).chain(self.busy.iter().map(|(number, _)| number));
            let highest = highest.max().copied();
            let oldest = self.kept.iter().position(|number| Some(*number) != highest).unwrap();
            self.happened.extend(self.kept.remove(oldest).map(Happening::Forgotten));
        }
    }

    fn is_full(&self) -> bool {
        self.busy.len() == LIMITS.workers && self.queue.len() == LIMITS.waiting
    }

    fn cancel(&mut self, number: u64) {
        self.queue.retain(|other| *other != number);
        self.busy.retain(|(other, _)| *other != number);
        self.end(number, Outcome::Cancelled);
        self.work();
    }

    fn status(&self, number: u64) -> Status {
        let order = self.order(number);
        match self.busy.iter().find(|(other, _)| *other == number) {
            Some((_, since)) => {
                let passed = (self.millis - since) * u64::from(order.steps);
                let step = passed / order.work.as_millis() as u64;
                Status::Running((step * 100 / u64::from(order.steps)) as u8)
            }
            None => self.jobs[number as usize - 1].outcome.map_or(Status::Queued, Status::Ended),
        }
    }
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (0u64..40, 1u8..=7, any::<bool>())
            .prop_map(|(work, steps, fails)| Step::Submit { work, steps, fails }),
        1 => (1u64..20).prop_map(|number| Step::Cancel { number }),
        2 => (0u64..60).prop_map(|millis| Step::Pass { millis }),
    ]
}

proptest! {
    /// The schedule is told the time now and then, the workers at every millisecond.
    #[test]
    fn nothing_is_done_earlier_or_later_or_by_more_workers(steps in prop::collection::vec(step(), 1..40)) {
        let start = Instant::now();
        let (mut schedule, mut workers) = (Schedule::new(LIMITS, start), Workers::default());
        let mut happened = Vec::new();
        for step in steps {
            match step {
                Step::Submit { work, steps, fails } => {
                    let order = Order { fails, ..order(work, steps) };
                    let drafted = schedule.draft(order, None);
                    prop_assert_eq!(drafted.is_err(), workers.is_full());
                    if let Ok(job) = drafted {
                        workers.jobs.push(Seen { order, outcome: None });
                        prop_assert_eq!(job.number, workers.jobs.len() as u64);
                        workers.queue.push_back(job.number);
                        workers.work();
                        happened.extend(schedule.accept(job));
                    }
                }
                Step::Cancel { number } => {
                    let now = start + ms(workers.millis);
                    if let Some(job) = schedule.job(number).ok().filter(|job| !job.status(now).has_ended()) {
                        let (_, more) = schedule.cancel(job.cancelled(now));
                        happened.extend(more);
                        workers.cancel(number);
                    }
                }
                Step::Pass { millis } => {
                    for _ in 0..millis {
                        workers.millis += 1;
                        workers.work();
                    }
                    happened.extend(schedule.advance(start + ms(workers.millis)));
                }
            }
            let now = start + ms(workers.millis);
            prop_assert_eq!(&happened, &workers.happened);
            for number in 1..=workers.jobs.len() as u64 {
                match schedule.job(number) {
                    Ok(job) => prop_assert_eq!(job.status(now), workers.status(number), "job {}", number),
                    Err(absent) => {
                        prop_assert_eq!(absent, Absent::Forgotten);
                        prop_assert!(happened.contains(&Happening::Forgotten(number)));
                    }
                }
            }
            prop_assert!(schedule.counts().running <= LIMITS.workers);
        }
    }
}

#[test]
fn a_full_queue_says_truly_when_there_is_a_place() {
    for (waiting, works, until) in [(0, &[30, 20][..], 20), (1, &[30, 20, 100], 20), (2, &[30, 20, 1, 1], 20)]
    {
        let start = Instant::now();
        let mut schedule = Schedule::new(Limits { waiting, ..LIMITS }, start);
        for work in works {
            let job = schedule.draft(order(*work, 1), None).expect("there is a place");
            schedule.accept(job);
        }
        assert_eq!(schedule.draft(order(1, 1), None).unwrap_err(), Full(ms(until)));
        schedule.advance(start + ms(until) - Duration::from_nanos(1));
        assert!(schedule.draft(order(1, 1), None).is_err());
        schedule.advance(start + ms(until));
        assert!(schedule.draft(order(1, 1), None).is_ok());
    }
}

/// Or it would be given again, once only what is remembered is found.
#[test]
fn the_highest_number_is_not_forgotten() {
    let start = Instant::now();
    let mut schedule = Schedule::new(Limits { workers: 1, waiting: 2, kept: 1 }, start);
    for _ in 0..3 {
        let job = schedule.draft(order(10, 1), None).expect("there is a place");
        schedule.accept(job);
    }
    let cancelled = schedule.job(3).expect("it waits").cancelled(start);
    schedule.cancel(cancelled);
    schedule.advance(start + ms(20));
    assert_eq!(schedule.jobs().map(|job| job.number).collect::<Vec<_>>(), [3]);
}
