//! Who has heard of what, and how late: the account of one feed and its watchers.
//!
//! Everything is numbered from 1 on. A watcher that hears of a number twice has heard it doubled; one that hears of the
//! number behind the next has lost what is between. Either is an error of whoever measures, or of who is measured.

use std::time::{Duration, Instant};

use hdrhistogram::Histogram;

use crate::contrast::figures::Lateness;

/// The account of one feed.
pub struct Ledger {
    events: u64,
    watchers: Vec<Seen>,
    /// How many watchers have yet to hear of each event, the first one first.
    waited_for: Vec<usize>,
    /// How many events everybody has heard of, from the first one on.
    complete: u64,
    pub counts: Counts,
    lateness: Histogram<u64>,
    lateness_of_last: Histogram<u64>,
    pub last_heard: Option<Instant>,
}

/// What was heard, all watchers together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Times that somebody was told of something new.
    pub told: u64,
    pub lost: u64,
    pub doubled: u64,
}

#[derive(Clone, Copy, Default)]
struct Seen {
    /// The greatest number that it has heard of.
    heard: u64,
    /// Since when it could have heard.
    since: Option<Instant>,
}

impl Ledger {
    /// Nobody has heard of anything yet.
    pub fn new(watchers: usize, events: u64) -> Ledger {
        let histogram =
            || Histogram::new_with_bounds(1, LONGEST.as_nanos() as u64, 3).expect("bounds that are apart");
        Ledger {
            events,
            watchers: vec![Seen::default(); watchers],
            waited_for: vec![watchers; events as usize],
            complete: 0,
            counts: Counts::default(),
            lateness: histogram(),
            lateness_of_last: histogram(),
            last_heard: None,
        }
    }

    /// A watcher will hear of what happens from now on; said again, it changes nothing.
    pub fn listen(&mut self, watcher: usize, now: Instant) {
        self.watchers[watcher].since.get_or_insert(now);
    }

    /// A watcher hears of one event, each of which is told by itself.
    pub fn hear_event(&mut self, watcher: usize, number: u64, published: Instant, now: Instant) {
        let heard = self.watchers[watcher].heard;
        if number <= heard || number > self.events {
            self.counts.doubled += 1;
            return;
        }
        self.counts.lost += number - heard - 1;
        self.counts.told += 1;
        self.note(number, published, now);
        self.advance(watcher, number, now);
    }

    /// A watcher hears how far it has come: it knows of all before, the time of which is told by `when`. What happened
    /// before it could have heard is not late.
    pub fn hear_state(&mut self, watcher: usize, number: u64, when: impl Fn(u64) -> Instant, now: Instant) {
        let Seen { heard, since } = self.watchers[watcher];
        let reached = number.min(self.events);
        if reached <= heard {
            return;
        }
        self.counts.told += 1;
        for number in heard + 1..=reached {
            if since.is_some_and(|since| since <= when(number)) {
                self.note(number, when(number), now);
            }
        }
        self.advance(watcher, reached, now);
    }

    fn note(&mut self, number: u64, published: Instant, now: Instant) {
        let late = now.saturating_duration_since(published).as_nanos().max(1) as u64;
        self.lateness.saturating_record(late);
        if self.waited_for[number as usize - 1] == 1 {
            self.lateness_of_last.saturating_record(late);
        }
    }

    fn advance(&mut self, watcher: usize, number: u64, now: Instant) {
        let heard = &mut self.watchers[watcher].heard;
        for left in &mut self.waited_for[*heard as usize..number as usize] {
            *left -= 1;
        }
        *heard = number;
        while self.waited_for.get(self.complete as usize) == Some(&0) {
            self.complete += 1;
        }
        self.last_heard = Some(now);
    }

    /// Whether a watcher has nothing more to hear.
    pub fn has_all(&self, watcher: usize) -> bool {
        self.watchers[watcher].heard == self.events
    }

    /// How many events everybody has heard of.
    pub fn complete(&self) -> u64 {
        self.complete
    }

    pub fn is_complete(&self) -> bool {
        self.complete == self.events
    }

    /// Gives up what has not been heard by now.
    pub fn close(&mut self) {
        for watcher in &mut self.watchers {
            self.counts.lost += self.events - watcher.heard;
            watcher.heard = self.events;
        }
    }

    /// Of all that was heard by everybody.
    pub fn lateness(&self) -> Lateness {
        summary(&self.lateness)
    }

    /// Of each event, as it was for the one who heard of it last.
    pub fn lateness_of_last(&self) -> Lateness {
        summary(&self.lateness_of_last)
    }
}

fn summary(histogram: &Histogram<u64>) -> Lateness {
    let millis = |nanos: f64| nanos / 1e6;
    let at = |quantile: f64| millis(histogram.value_at_quantile(quantile) as f64);
    Lateness {
        mean_ms: millis(histogram.mean()),
        p50_ms: at(0.5),
        p99_ms: at(0.99),
        max_ms: millis(histogram.max() as f64),
    }
}

/// What is later counts as so late.
const LONGEST: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use super::*;

    fn millis(start: Instant, millis: u64) -> Instant {
        start + Duration::from_millis(millis)
    }

    fn near(given: f64, expected: f64) -> bool {
        (given - expected).abs() <= expected * 0.01
    }

    #[test]
    fn lateness_is_from_publishing_to_hearing() {
        let (mut ledger, start) = (Ledger::new(2, 2), Instant::now());
        for (watcher, number, published, heard) in
            [(0, 1, 0, 10), (1, 1, 0, 30), (0, 2, 50, 60), (1, 2, 50, 100)]
        {
            assert!(!ledger.is_complete());
            ledger.hear_event(watcher, number, millis(start, published), millis(start, heard));
        }
        assert!(ledger.is_complete() && ledger.has_all(0) && ledger.has_all(1));
        assert_eq!(ledger.counts, Counts { told: 4, lost: 0, doubled: 0 });
        let (all, last) = (ledger.lateness(), ledger.lateness_of_last());
        assert!(near(all.mean_ms, 25.0) && near(all.max_ms, 50.0), "{all:?}");
        assert!(near(last.mean_ms, 40.0), "{last:?}");
    }

    #[test]
    fn what_is_lost_or_doubled_is_counted() {
        let (mut ledger, start) = (Ledger::new(2, 5), Instant::now());
        for number in [1, 3, 3, 2, 4] {
            ledger.hear_event(0, number, start, start);
        }
        assert_eq!(ledger.counts, Counts { told: 3, lost: 1, doubled: 2 });
        ledger.close();
        assert_eq!(ledger.counts.lost, 1 + 1 + 5);
    }

    #[test]
    fn who_asks_for_a_state_learns_of_all_that_led_to_it() {
        let (mut ledger, start) = (Ledger::new(1, 10), Instant::now());
        let when = |step| millis(start, step * 100);
        ledger.listen(0, millis(start, 150));
        ledger.hear_state(0, 3, when, millis(start, 310));
        ledger.hear_state(0, 3, when, millis(start, 350));
        ledger.hear_state(0, 10, when, millis(start, 1000));
        assert!(ledger.is_complete());
        assert_eq!(ledger.counts, Counts { told: 2, lost: 0, doubled: 0 });
        let late = ledger.lateness();
        // Steps 2 and 3 at 310, steps 4 to 10 at 1000; step 1 was before.
        let mean = (110 + 10 + (0..=600).step_by(100).sum::<u64>()) as f64 / 9.0;
        assert!(near(late.mean_ms, mean), "{late:?} {mean}");
    }
}
