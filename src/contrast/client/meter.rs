//! What a crowd has seen: latencies, answers, errors.

use std::fmt;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;

use crate::contrast::figures::{Errors, Latency};

/// Counts everything from when it is started.
#[derive(Debug)]
pub struct Meter {
    /// Nanoseconds.
    latency: Histogram<u64>,
    /// Answers, as long as throughput is counted.
    answers: u64,
    counting: bool,
    errors: Errors,
    reconnects: u64,
    first_error: Option<String>,
}

/// What a meter has counted, once.
#[derive(Clone, Debug, Default)]
pub struct Reading {
    /// Answers that came while throughput was counted.
    pub answers: u64,
    /// All of them.
    pub all_answers: u64,
    pub latency: Latency,
    pub errors: Errors,
    pub reconnects: u64,
    /// What the first error was about.
    pub first_error: Option<String>,
}

impl Default for Meter {
    fn default() -> Meter {
        let latency = Histogram::new_with_bounds(1, LONGEST.as_nanos() as u64, SIGNIFICANT_DIGITS);
        Meter {
            latency: latency.expect("the bounds are fine"),
            answers: 0,
            counting: false,
            errors: Errors::default(),
            reconnects: 0,
            first_error: None,
        }
    }
}

impl Meter {
    /// Forgets answers and latencies, and counts from now on; errors are not forgotten.
    pub fn start(&mut self) {
        self.latency.reset();
        self.answers = 0;
        self.counting = true;
    }

    /// Answers no longer count for throughput. Their latency does: those that come last are the slowest.
    pub fn stop(&mut self) {
        self.counting = false;
    }

    /// An answer is whole; its request was sent, or due, at `asked`.
    pub fn answer(&mut self, asked: Instant, now: Instant) {
        self.answers += u64::from(self.counting);
        self.latency.saturating_record(now.saturating_duration_since(asked).as_nanos() as u64);
    }

    /// A connection was ended by the server, as it may, and is opened again.
    pub fn reconnect(&mut self) {
        self.reconnects += 1;
    }

    /// Counts errors of one kind.
    pub fn errors(&mut self, kind: fn(&mut Errors) -> &mut u64, count: u64, why: impl fmt::Display) {
        if count > 0 {
            *kind(&mut self.errors) += count;
            self.first_error.get_or_insert_with(|| why.to_string());
        }
    }

    /// Answers that counted for throughput so far.
    pub fn answers(&self) -> u64 {
        self.answers
    }

    /// What was counted since the last time.
    pub fn take(&mut self) -> Reading {
        let reading = self.read();
        *self = Meter::default();
        reading
    }

    fn read(&self) -> Reading {
        let quantile = |quantile| microseconds(self.latency.value_at_quantile(quantile));
        Reading {
            answers: self.answers,
            all_answers: self.latency.len(),
            latency: Latency {
                p50_us: quantile(0.5),
                p99_us: quantile(0.99),
                p999_us: quantile(0.999),
                max_us: microseconds(self.latency.max()),
            },
            errors: self.errors,
            reconnects: self.reconnects,
            first_error: self.first_error.clone(),
        }
    }
}

fn microseconds(nanoseconds: u64) -> f64 {
    nanoseconds as f64 / 1e3
}

/// What takes longer counts as this long.
const LONGEST: Duration = Duration::from_secs(100);

/// Latencies are right to a thousandth.
const SIGNIFICANT_DIGITS: u8 = 3;
