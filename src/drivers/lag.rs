//! How long a loop was away from the place where it waits, and who has kept it.
//!
//! Whoever has its turn keeps everybody else waiting. Usually that is microseconds; a call that blocks, or a computation
//! that takes long, is a mistake that nobody sees but those who wait. So it is measured, and told.

use std::time::Duration;

use log::warn;

use super::system::coarse_time;

/// The time of a loop, as exact as the kernel's tick.
pub(super) struct Lag {
    /// When it was back from its wait.
    awake: Duration,
    /// When the latest turn was over.
    latest: Duration,
    pub(super) longest: Duration,
}

impl Lag {
    pub(super) fn new() -> Lag {
        let now = coarse_time();
        Lag { awake: now, latest: now, longest: Duration::ZERO }
    }

    /// The loop is back from its wait.
    pub(super) fn begin(&mut self) {
        self.awake = coarse_time();
        self.latest = self.awake;
    }

    /// The turn of a connection is over; if it took too long, the log is told whose it was.
    pub(super) fn turn_is_over(&mut self, whose: impl FnOnce() -> String) {
        if let Some(took) = self.long_turn() {
            // A machine that is too busy may have interrupted it, which is not told apart.
            warn!("the loop was blocked for {} ms, in the turn of {}", took.as_millis(), whose());
        }
    }

    /// How long the turn has taken that is over, if it was too long.
    fn long_turn(&mut self) -> Option<Duration> {
        let now = coarse_time();
        let took = now.saturating_sub(self.latest);
        self.latest = now;
        (took >= TOO_LONG).then_some(took)
    }

    /// The loop waits again.
    pub(super) fn end(&mut self) {
        self.longest = self.longest.max(self.latest.saturating_sub(self.awake));
    }
}

/// A pause that people begin to notice, and a dozen ticks of the kernel.
const TOO_LONG: Duration = Duration::from_millis(50);

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    #[test]
    fn only_a_long_turn_is_told_and_the_wait_is_no_turn() {
        let mut lag = Lag::new();
        thread::sleep(2 * TOO_LONG);
        lag.begin();
        assert_eq!(lag.long_turn(), None);
        thread::sleep(2 * TOO_LONG);
        assert!(lag.long_turn().is_some_and(|took| took >= TOO_LONG));
        assert_eq!(lag.long_turn(), None);
        lag.end();
        assert!(lag.longest >= TOO_LONG);
    }
}
