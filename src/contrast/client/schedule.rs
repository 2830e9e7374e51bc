//! When requests are due, if they come as those of strangers come: by the clock, and not when the server is ready.
//!
//! A client that waits for an answer before it sends the next request is slowed down together with a slow server, and
//! asks least when answers are worst: its latencies leave out what others would have met ("coordinated omission", Gil
//! Tene). Counted from when a request was due, each answer tells what its sender has waited.

use std::time::{Duration, Instant};

/// Requests at even distances, from a start to an end.
#[derive(Clone, Debug)]
pub struct Schedule {
    start: Instant,
    per_second: f64,
    taken: u64,
    end: Option<Instant>,
}

impl Schedule {
    /// The first request is due at the start.
    pub fn new(start: Instant, per_second: f64) -> Schedule {
        Schedule { start, per_second, taken: 0, end: None }
    }

    /// No request is due from then on.
    pub fn end(&mut self, end: Instant) {
        self.end = Some(end);
    }

    /// When the next request is due; `None` if there is none.
    pub fn next(&self) -> Option<Instant> {
        let nanoseconds = self.taken as f64 * 1e9 / self.per_second;
        let due = self.start + Duration::from_nanos(nanoseconds as u64);
        (self.end.is_none_or(|end| due < end)).then_some(due)
    }

    /// Takes the next request if it is due by now; answers when it was.
    pub fn take(&mut self, now: Instant) -> Option<Instant> {
        let due = self.next().filter(|due| *due <= now)?;
        self.taken += 1;
        Some(due)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn requests_are_due_at_even_distances_however_late_they_are_taken() {
        let start = Instant::now();
        let mut schedule = Schedule::new(start, 1000.0);
        assert_eq!(schedule.take(start), Some(start));
        assert_eq!(schedule.take(start), None);
        let late = start + Duration::from_secs(1);
        let due: Vec<_> = std::iter::from_fn(|| schedule.take(late)).collect();
        let expected: Vec<_> = (1..=1000).map(|number| start + Duration::from_millis(number)).collect();
        assert_eq!(due, expected);
        assert_eq!(schedule.next(), Some(late + Duration::from_millis(1)));
    }

    #[test]
    fn nothing_is_due_from_the_end_on() {
        let start = Instant::now();
        let mut schedule = Schedule::new(start, 10.0);
        schedule.end(start + Duration::from_millis(200));
        let later = start + Duration::from_secs(9);
        assert_eq!(std::iter::from_fn(|| schedule.take(later)).count(), 2);
        assert_eq!(schedule.next(), None);
    }

    proptest! {
        #[test]
        fn as_many_are_due_as_the_rate_says(per_second in 1u32..1_000_000, millis in 1u64..500) {
            let start = Instant::now();
            let mut schedule = Schedule::new(start, f64::from(per_second));
            let span = Duration::from_millis(millis);
            schedule.end(start + span);
            let due: Vec<_> = std::iter::from_fn(|| schedule.take(start + span)).collect();
            prop_assert!(due.is_sorted());
            let expected = f64::from(per_second) * span.as_secs_f64();
            prop_assert!((due.len() as f64 - expected).abs() <= 1.0, "{} of {expected}", due.len());
        }
    }
}
